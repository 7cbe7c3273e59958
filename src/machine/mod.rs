//! What of this computer bears on the safety of the data on it: whether its drives and its swap are encrypted, whether
//! its screen locks, whether data and keys are on different devices, whether a service copies the data elsewhere; and
//! where its drives are mounted.
//!
//! Everything is looked up in a [`Machine`], so that tests can make one up. What cannot be looked up, may not be, or
//! takes too long is not known, and never met. Nothing here runs a shell.

mod blocks;
mod drives;
mod mounts;
mod programs;
mod screen;
mod swap;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;

use self::blocks::Blocks;
pub use self::mounts::mount_points;
use self::programs::{Ran, run};
use crate::home::synced_by;

/// How long each look may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a condition is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is.
    Met,
    /// It is not.
    NotMet,
    /// Nothing here can say so.
    NotKnown,
}

/// How a state is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// This program looked.
    Probed,
    /// Somebody has said so.
    Declared,
}

/// A condition, and whether it is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check {
    /// Which condition: a stable word.
    pub id: &'static str,
    /// Whether it is met.
    pub state: State,
    /// What was found, in words.
    pub says: String,
    /// How that is known.
    pub how: How,
}

impl Check {
    /// Says what somebody has declared.
    pub fn declared(id: &'static str, state: State, says: impl Into<String>) -> Self {
        Self { id, state, says: says.into(), how: How::Declared }
    }

    fn probed(id: &'static str, (state, says): Found) -> Self {
        Self { id, state, says, how: How::Probed }
    }
}

/// What a look found.
type Found = (State, String);

fn not_known(why: impl Into<String>) -> Found {
    (State::NotKnown, why.into())
}

/// Which program to run with which arguments, and what came of it.
type Programs = Arc<dyn Fn(&str, &[&str]) -> Option<Ran> + Send + Sync>;
/// Tells whether the file system encrypts what is in a folder, if it can say so.
type EncryptsFolder = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// Where the facts of a computer are looked up.
#[derive(Clone)]
pub struct Machine {
    kind: Kind,
    /// The kernel's view of devices: `/sys`.
    sys: PathBuf,
    /// `/proc/self/mountinfo`.
    mounts: PathBuf,
    /// `/proc/swaps`.
    swaps: PathBuf,
    /// The name of the desktop, as its session says it.
    desktop: Option<String>,
    programs: Programs,
    encrypts_folder: EncryptsFolder,
    patience: Duration,
}

/// Which system it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linux,
    MacOs,
    Windows,
    Other,
}

impl Machine {
    /// Returns this computer. `desktop` is the name of the desktop, as its session says it.
    pub fn this(desktop: Option<String>) -> Self {
        Self {
            kind: match () {
                () if cfg!(target_os = "linux") => Kind::Linux,
                () if cfg!(target_os = "macos") => Kind::MacOs,
                () if cfg!(windows) => Kind::Windows,
                () => Kind::Other,
            },
            sys: "/sys".into(),
            mounts: "/proc/self/mountinfo".into(),
            swaps: "/proc/swaps".into(),
            desktop,
            programs: Arc::new(|program, args| run(program, args, PATIENCE)),
            encrypts_folder: Arc::new(encrypts_folder),
            patience: PATIENCE,
        }
    }

    /// Returns every check of it: of the drives that hold the data, and of where the keys are.
    pub fn checks(&self, data: &[PathBuf], keys: &[PathBuf]) -> Vec<Check> {
        let both: Vec<PathBuf> = [data, keys].concat();
        vec![
            self.disk_encrypted(&both),
            self.key_separate(data, keys),
            self.swap_encrypted(),
            self.screen_locks(),
            self.not_synced(data),
        ]
    }

    /// Says whether the drives are encrypted that hold these paths.
    pub fn disk_encrypted(&self, paths: &[PathBuf]) -> Check {
        let paths = paths.to_vec();
        Check::probed("disk-encrypted", self.in_time(move |machine| drives::encrypted(machine, &paths)))
    }

    /// Says whether the keys are on other physical devices than the data. Another folder, or another partition, does
    /// not count.
    pub fn key_separate(&self, data: &[PathBuf], keys: &[PathBuf]) -> Check {
        let (data, keys) = (data.to_vec(), keys.to_vec());
        Check::probed("key-separate", self.in_time(move |machine| drives::separate(machine, &data, &keys)))
    }

    /// Says whether what memory holds can reach a disk in clear.
    pub fn swap_encrypted(&self) -> Check {
        Check::probed("swap-encrypted", self.in_time(swap::encrypted))
    }

    /// Says whether the screen locks by itself.
    pub fn screen_locks(&self) -> Check {
        Check::probed("screen-locks", self.in_time(screen::locks))
    }

    /// Says whether a service copies the data to other computers, as far as the names of its folders show.
    pub fn not_synced(&self, data: &[PathBuf]) -> Check {
        let data = data.to_vec();
        let look = move |_: &Self| match data.iter().find_map(|path| Some((path, synced_by(&path.join("file"))?))) {
            Some((path, by)) => (State::NotMet, format!("{} is in the synchronised folder {by}", path.display())),
            None if data.is_empty() => not_known("no folder of data is known"),
            None => (State::Met, "no folder on the way is named like one of a known service".into()),
        };
        Check::probed("not-synced", self.in_time(look))
    }

    /// Looks for as long as that may take. A drive that does not answer holds up a thread, and not the program.
    fn in_time(&self, look: impl FnOnce(&Self) -> Found + Send + 'static) -> Found {
        let (sender, receiver) = mpsc::channel();
        let machine = self.clone();
        let started = std::thread::Builder::new().name("machine".into()).spawn(move || {
            // Nobody waits any more if it took too long.
            let _ = sender.send(look(&machine));
        });
        let slow = || not_known(format!("the system did not answer within {} s", self.patience.as_secs()));
        if started.is_err() {
            not_known("it could not be looked up")
        } else {
            receiver.recv_timeout(self.patience).unwrap_or_else(|_| slow())
        }
    }

    fn run(&self, program: &str, args: &[&str]) -> Option<Ran> {
        (self.programs)(program, args)
    }

    /// Returns what is known of drives and of what is mounted where.
    fn blocks(&self) -> Option<Blocks> {
        let mounts = fs::read_to_string(&self.mounts).ok()?;
        Some(Blocks::of(self.sys.clone(), &mounts))
    }
}

/// Tells whether the file system says that it encrypts a folder (fscrypt).
#[cfg(target_os = "linux")]
fn encrypts_folder(folder: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    statx(CWD, folder, AtFlags::empty(), StatxFlags::BASIC_STATS).is_ok_and(|found| {
        found.stx_attributes.contains(StatxAttributes::ENCRYPTED)
            && found.stx_attributes_mask.contains(StatxAttributes::ENCRYPTED)
    })
}

#[cfg(not(target_os = "linux"))]
fn encrypts_folder(_: &Path) -> bool {
    false
}
