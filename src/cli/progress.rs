//! Progress of long work: shown on a terminal, and only once it takes a moment.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::format::name::printable;

/// A bar over the bytes of one file.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Begins a bar where somebody sees it.
    pub fn new(output: Output, name: &str, total: u64) -> Self {
        // Below this nobody has time to read it.
        const WORTH_SHOWING: u64 = 64 << 20;
        if output.quiet || output.json || total < WORTH_SHOWING || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(style);
        bar.set_message(printable(name));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    /// Tells how many more bytes are done.
    pub fn add(&self, more: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(more);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
