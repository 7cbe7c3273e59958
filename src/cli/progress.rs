//! How much work is done at once and how its progress is shown: a bar on a terminal, lines of JSON where they are
//! asked for, else nothing.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{Output, to_json};
use super::views::{self, ProgressLine};
use super::{interrupt, rendering};
use crate::body::{THREADS_LIMIT, default_threads};
use crate::failure::Failure;
use crate::files::sweep::Watcher;
use crate::files::{FilesError, Observer};

/// The flags of long work.
#[derive(Debug, Args)]
pub struct Effort {
    /// How many threads work [default: one for each core, at most 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_LIMIT as i64))]
    threads: Option<u16>,
    /// How to show progress
    #[arg(long, value_enum, default_value_t = Shown::Auto, value_name = "HOW")]
    progress: Shown,
}

/// The words for [`Shown`].
pub const SHOWN: &[&str] = &["auto", "json", "none"];

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// A bar, if messages go to a terminal and the work takes more than a moment
    Auto,
    /// One JSON object per line, twice a second and at the end
    Json,
    /// No progress
    None,
}

impl Effort {
    /// Returns how many threads work.
    pub fn threads(&self) -> usize {
        self.threads.map_or_else(default_threads, usize::from)
    }

    /// Returns how many threads work on a stream: whoever is at its other end needs a core too.
    pub fn stream_threads(&self) -> usize {
        self.threads.map_or_else(|| (default_threads() - 1).max(1), usize::from)
    }

    /// Begins to show the progress over some files of so many bytes together; `None` where nobody knows how many.
    pub fn progress(&self, output: &Output, files: usize, bytes: Option<u64>) -> Progress {
        /// Below this nobody has time to read it.
        const WORTH_SHOWING: u64 = 256 << 20;
        const MANY: usize = 2000;
        let is_short = bytes.is_some_and(|bytes| bytes < WORTH_SHOWING) && files < MANY;
        let is_seen = || !output.quiet && !output.json && std::io::stderr().is_terminal();
        let has_bar = self.progress == Shown::Auto && !is_short && is_seen();
        Progress {
            output: output.clone(),
            bar: has_bar.then(|| bar(files, bytes)),
            lines: (self.progress == Shown::Json).then(|| Mutex::new(Instant::now())),
            files,
            bytes,
            files_done: 0.into(),
            bytes_done: 0.into(),
            existing: Mutex::default(),
        }
    }
}

impl Effort {
    /// Begins to show the progress of a search through nobody knows how many files.
    pub fn search(&self, output: &Output) -> Search {
        let is_seen = !output.quiet && !output.json && std::io::stderr().is_terminal();
        let bar = (self.progress == Shown::Auto && is_seen).then(|| {
            let style = ProgressStyle::with_template("{spinner} {human_pos} files searched {elapsed}");
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            interrupt::clears(&bar);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let lines = (self.progress == Shown::Json).then(|| Mutex::new(Instant::now()));
        Search { bar, lines, files: 0.into(), bytes: 0.into() }
    }
}

/// The progress of a search, which any thread may tell of.
pub struct Search {
    bar: Option<ProgressBar>,
    /// When the last line was printed.
    lines: Option<Mutex<Instant>>,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Search {
    fn tick(&self) {
        if let Some(lines) = &self.lines
            && let Ok(mut last) = lines.try_lock()
            && last.elapsed() >= Duration::from_millis(500)
        {
            *last = Instant::now();
            self.print_line();
        }
    }

    fn print_line(&self) {
        let files_done = self.files.load(Ordering::Relaxed);
        let bytes_done = self.bytes.load(Ordering::Relaxed);
        let progress = views::Progress { files_done, files: 0, bytes_done, bytes: None };
        // Where standard error is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{}", to_json(&ProgressLine { progress }));
    }
}

impl Watcher for Search {
    fn searched(&self, files: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(files);
        }
        self.tick();
    }

    fn compared(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tick();
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.lines.is_some() {
            self.print_line();
        }
    }
}

fn bar(files: usize, bytes: Option<u64>) -> ProgressBar {
    let template = match bytes {
        Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
        None => "{msg} {spinner} {bytes} {bytes_per_sec} {elapsed}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr_with_hz(10));
    bar.set_style(style);
    if files > 1 {
        bar.set_message(format!("0/{files} files"));
    }
    interrupt::clears(&bar);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The progress of one command, which any thread may tell of.
pub struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    /// When the last line was printed.
    lines: Option<Mutex<Instant>>,
    files: usize,
    bytes: Option<u64>,
    files_done: AtomicU64,
    bytes_done: AtomicU64,
    /// Of the outputs that existed already: the first failure, some paths, how many there are.
    existing: Mutex<Existing>,
}

#[derive(Default)]
struct Existing {
    first: Option<Failure>,
    /// The first by name, whichever thread came first.
    shown: BTreeSet<String>,
    count: usize,
}

impl Existing {
    const SHOWN: usize = 5;

    fn add(&mut self, failure: &Failure, path: &Path) {
        self.count += 1;
        self.shown.insert(path.display().to_string());
        if self.shown.len() > Self::SHOWN {
            self.shown.pop_last();
        }
        self.first.get_or_insert_with(|| failure.clone());
    }

    /// Says it once, however many there are.
    fn failure(&mut self) -> Option<Failure> {
        let first = self.first.take()?;
        if self.count == 1 {
            return Some(first);
        }
        let more = match self.count - self.shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!("{} outputs exist already, and were left as they are", self.count);
        Some(
            Failure::new(first.exit, first.kind, text)
                .cause(format!("{}{more}", Vec::from_iter(self.shown.iter().map(String::as_str)).join(", ")))
                .hint("choose another place with -o, skip those that are up to date with --update, or replace them with --force"),
        )
    }
}

impl Observer for Progress {
    fn advanced(&self, more: u64) {
        self.bytes_done.fetch_add(more, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(more);
        }
        if let Some(lines) = &self.lines
            && let Ok(mut last) = lines.try_lock()
            && last.elapsed() >= Duration::from_millis(500)
        {
            *last = Instant::now();
            self.print_line();
        }
    }

    fn file_done(&self) {
        let done = self.files_done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = self.bar.as_ref().filter(|_| self.files > 1) {
            bar.set_message(format!("{done}/{} files", self.files));
        }
    }

    fn failed(&self, error: &FilesError) {
        let failure = &Failure::from(error);
        if let Some(path) = &failure.existing {
            self.existing.lock().unwrap_or_else(PoisonError::into_inner).add(failure, path);
            return;
        }
        // What is printed must not break the bar.
        match &self.bar {
            Some(bar) => bar.suspend(|| rendering::print(failure, &self.output)),
            None => rendering::print(failure, &self.output),
        }
    }
}

impl Progress {
    fn print_line(&self) {
        let progress = views::Progress {
            files_done: self.files_done.load(Ordering::Relaxed),
            files: self.files,
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes: self.bytes,
        };
        let line = to_json(&ProgressLine { progress });
        // Where standard error is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let existing = self.existing.get_mut().unwrap_or_else(PoisonError::into_inner).failure();
        if let Some(failure) = existing {
            rendering::print(&failure, &self.output);
        }
        if self.lines.is_some() {
            self.print_line();
        }
    }
}

/// How many of many things are done, on a terminal alone. It draws only when it is told of one, so that whoever asks the
/// user on that terminal meanwhile is not drawn over.
pub struct Counter(Option<ProgressBar>);

impl Counter {
    /// Begins to count, if somebody sees it.
    pub fn new(output: &Output) -> Self {
        let is_seen = !output.quiet && !output.json && std::io::stderr().is_terminal();
        Self(is_seen.then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} files");
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10))
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            interrupt::clears(&bar);
            bar
        }))
    }

    /// Shows how many are done.
    pub fn show(&mut self, done: usize, all: usize) {
        if let Some(bar) = &self.0 {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
