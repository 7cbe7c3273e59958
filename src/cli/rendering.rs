//! Prints failures and ends the program by their exit codes. The only place that renders them.

use std::io::{self, Write};
use std::process::ExitCode;

use super::output::{Output, labelled, to_json};
use super::views::ReportedError;
use crate::failure::{Exit, Failure};
use crate::format::name::{printable, shortened};

/// Prints a failure and returns its exit code.
pub fn report(failure: &Failure, output: &Output) -> ExitCode {
    if failure.exit != Exit::Done {
        print(failure, output);
    }
    ExitCode::from(failure.exit as u8)
}

/// Prints a failure.
pub fn print(failure: &Failure, output: &Output) {
    let mut stderr = io::stderr().lock();
    let hint = failure.hint.as_ref().map(|hint| hint.with(&output.flags));
    // What failed may be what somebody else wrote, of any length.
    let (failed, cause) = (shortened(&failure.message), failure.cause.as_deref().map(shortened));
    let tried = failure.tried.as_deref().map(|tried| tried.0.as_slice()).unwrap_or_default();
    let text = if output.json {
        let message = match cause {
            Some(cause) => format!("{failed}: {cause}"),
            None => failed.into_owned(),
        };
        let line = ReportedError { code: failure.exit as u8, kind: failure.kind, message, hint, tried };
        to_json(&line) + "\n"
    } else {
        let mut text = labelled("error:", "31", &printable(&failed)) + "\n";
        if let Some(cause) = cause {
            text += &(labelled("cause:", "33", &printable(&cause)) + "\n");
        }
        if !tried.is_empty() {
            text += &(labelled("tried:", "36", &printable(&tried.join("; "))) + "\n");
        }
        if let Some(hint) = hint {
            text += &(labelled("hint:", "36", &printable(&hint)) + "\n");
        }
        text
    };
    // Where standard error is closed there is nobody to tell.
    let _ = stderr.write_all(text.as_bytes());
}
