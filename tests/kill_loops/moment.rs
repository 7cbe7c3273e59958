//! When a process is killed: after a time, or when something has been written.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// Short beside what a command does between two steps, long beside the cost of looking.
const LOOK: Duration = Duration::from_micros(150);

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Nobody,
    Command,
    /// The daemon alone: the command finds out for itself.
    Daemon,
    /// The daemon, and the command a moment later.
    DaemonThenCommand,
    CommandThenDaemon,
}

impl Victim {
    pub fn has_daemon(self) -> bool {
        matches!(self, Self::Daemon | Self::DaemonThenCommand | Self::CommandThenDaemon)
    }
}

/// A moment in the run of a command.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// So long after its start.
    After(Duration),
    /// So long after the folders of vault and keyring were seen to change for the so many-th time. Most of a command's
    /// time is the password's derivation; this hits the rest, however busy the computer is.
    Written(usize, Duration),
    /// When it has ended by itself.
    End,
}

/// Looks at the files of vault and keyring while a command runs.
pub struct Onlooker {
    folders: [PathBuf; 2],
    last: Vec<(PathBuf, u64, i64, u64)>,
    changes: usize,
}

impl Onlooker {
    pub fn new(folders: [PathBuf; 2]) -> Self {
        let mut onlooker = Self { folders, last: Vec::new(), changes: 0 };
        onlooker.last = onlooker.look();
        onlooker
    }

    fn look(&self) -> Vec<(PathBuf, u64, i64, u64)> {
        let entries = self.folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        // A file that goes away while it is looked at counts as gone.
        let files = entries.filter_map(|entry| {
            let seen = entry.metadata().ok()?;
            Some((entry.path(), seen.ino(), seen.mtime_nsec(), seen.len()))
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        files
    }

    /// Waits for the moment, or for the command's end. Returns how many changes were seen until then.
    pub fn wait_for(mut self, moment: Moment, child: &mut Child) -> usize {
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() {
            let seen = self.look();
            if seen != self.last {
                self.last = seen;
                self.changes += 1;
            }
            match moment {
                Moment::After(delay) if start.elapsed() >= delay => break,
                Moment::Written(changes, rest) if self.changes >= changes => {
                    thread::sleep(rest);
                    break;
                }
                _ => thread::sleep(LOOK),
            }
        }
        self.changes
    }
}
