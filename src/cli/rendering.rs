//! Prints failures and ends the program by their exit codes. The only place that renders them.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::json;

use super::output::Output;
use crate::failure::{Exit, Failure};
use crate::format::name::{printable, printable_json, shortened};

impl Failure {
    /// Makes a failure out of clap's.
    pub fn usage_of(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        // The message goes on to the usage line; what stands in lines is one sentence in JSON.
        let lines = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        let line = lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        Self::usage(line.strip_prefix("error: ").unwrap_or(&line)).hint("run it with --help")
    }

    /// Prints the failure and returns its exit code.
    pub fn report(&self, output: &Output) -> ExitCode {
        if self.exit != Exit::Done {
            self.print(output);
        }
        ExitCode::from(self.exit as u8)
    }

    /// Prints the failure.
    pub fn print(&self, output: &Output) {
        let mut stderr = io::stderr().lock();
        let hint = self.hint.as_deref().map(|hint| output.at_vault(hint));
        // What failed may be what somebody else wrote, of any length.
        let (failed, cause) = (shortened(&self.message), self.cause.as_deref().map(shortened));
        let text = if output.json {
            let message = match cause {
                Some(cause) => format!("{failed}: {cause}"),
                None => failed.into_owned(),
            };
            let line = json!({"code": self.exit as u8, "kind": self.kind, "message": message, "hint": hint});
            format!("{}\n", printable_json(&line.to_string()))
        } else {
            let mut text = format!("{} {}\n", label("error:", "31"), printable(&failed));
            if let Some(cause) = cause {
                text += &format!("{} {}\n", label("cause:", "33"), printable(&cause));
            }
            if let Some(hint) = hint {
                text += &format!("{} {}\n", label("hint:", "36"), printable(&hint));
            }
            text
        };
        // Where standard error is closed there is nobody to tell.
        let _ = stderr.write_all(text.as_bytes());
    }
}

/// Colours a label where standard error is a terminal and NO_COLOR is not set (<https://no-color.org>).
pub(super) fn label(text: &str, colour: &str) -> String {
    let wanted = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { format!("\u{1b}[1;{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}
