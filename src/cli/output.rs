//! Results on standard output, remarks on standard error.

#[cfg(unix)]
use std::fs::File;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use zeroize::Zeroizing;

use super::flags::Global;
use super::views::{Warning, WithPassword};
use super::wrapping::{stderr_width, stdout_width, wrapped};
use crate::disk::plain;
use crate::failure::{Exit, Failure};
use crate::format::name::{printable, printable_json, shortened};
use crate::words::{Flags, Words};

/// What a stream is called in messages.
pub const STDOUT: &str = "standard output";

/// How results and remarks are shown.
#[derive(Debug, Clone)]
pub struct Output {
    /// Results are JSON.
    pub json: bool,
    /// Remarks are left out.
    pub quiet: bool,
    /// What the commands need that a text names.
    pub flags: Flags,
}

impl Output {
    /// Returns how the flags want it. `has_settings` is whether this computer can remember where a vault's key is: if
    /// not, every command needs to be told.
    pub fn of(global: &Global, has_settings: bool) -> Self {
        let mut flags = Flags::default();
        if let Some(folder) = &global.vault {
            flags = flags.and("--vault", folder.display().to_string());
        }
        if let Some(kind) = global.keychain.as_ref().filter(|_| !has_settings) {
            flags = flags.and("--keychain", kind.to_string());
        }
        Self { json: global.json, quiet: global.quiet, flags }
    }

    /// Returns what there is where the flags could not be read.
    pub fn plain(json: bool) -> Self {
        Self { json, quiet: false, flags: Flags::default() }
    }

    /// Prints a result: text for people, or its JSON.
    ///
    /// # Errors
    /// Where standard output cannot be written; a closed pipe ends the program quietly.
    pub fn result(&self, text: impl Into<Words>, view: &impl Serialize) -> Result<(), Failure> {
        let text = if self.json {
            to_json(view)
        } else {
            // Names are escaped where lines are made of them; this is for what is not.
            let text = text.into().with(&self.flags).split('\n').map(printable).collect::<Vec<_>>().join("\n");
            wrapped(&text, stdout_width()).into_owned()
        };
        print(format!("{text}\n").as_bytes())
    }

    /// Prints a result that people see only without --quiet.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn done(&self, text: impl Into<Words>, view: &impl Serialize) -> Result<(), Failure> {
        if self.quiet && !self.json { Ok(()) } else { self.result(text, view) }
    }

    /// Shows a generated password, where there is one, before it is put to use, and returns what will print the rest
    /// of the result.
    ///
    /// # Errors
    /// Where nobody can have seen it, a closed pipe included: then it must not be used.
    pub fn announce(&self, words: Option<&str>) -> Result<Announced, Failure> {
        let Some(words) = words else { return Ok(Announced { output: self.clone(), unfinished: false }) };
        let text = if self.json {
            // The rest of the object follows once the work is done. The words need no escaping.
            Zeroizing::new(format!("{{\"generated_password\":\"{words}\""))
        } else {
            Zeroizing::new(format!(
                "master password, shown this once:\n\n    {words}\n\n\
                 Keep it in your password manager or on paper. Nobody can reset it. Without it,\n\
                 only a recovery kit opens the vault.\n\n"
            ))
        };
        check_seen("the generated password")?;
        write_unbuffered(text.as_bytes()).map_err(|error| unseen("the generated password", &plain(&error)))?;
        Ok(Announced { output: self.clone(), unfinished: self.json })
    }

    /// Says something on standard error that --quiet and --json leave out.
    pub fn remark(&self, text: impl Into<Words>) {
        if !self.quiet && !self.json {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(io::stderr(), "{}", wrapped(&printable(&text.into().with(&self.flags)), stderr_width()));
        }
    }

    /// Warns on standard error, always.
    pub fn warn(&self, kind: &str, text: impl Into<Words>) {
        let text = text.into().with(&self.flags);
        let text = shortened(&text);
        let line = if self.json {
            to_json(&Warning { warning: kind, message: &text })
        } else {
            labelled("warning:", "33", &printable(&text))
        };
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// A generated password that was shown, and the result that is still to come.
pub struct Announced {
    output: Output,
    /// A JSON object is open.
    unfinished: bool,
}

impl Announced {
    /// Prints the rest of the result: text, or the members of the JSON object.
    ///
    /// # Errors
    /// As [`Output::result`].
    pub fn finish(mut self, text: impl Into<Words>, view: &impl Serialize) -> Result<(), Failure> {
        if !self.unfinished {
            return self.output.done(text, &WithPassword { generated_password: None, result: view });
        }
        self.unfinished = false;
        let members = to_json(view);
        print(format!(",{}\n", members.strip_prefix('{').unwrap_or(&members)).as_bytes())
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        if self.unfinished {
            // The work failed: what was shown stays a whole object.
            let _ = print(b"}\n");
        }
    }
}

/// Returns what is shown as a line of JSON, without its end.
pub fn to_json(view: &impl Serialize) -> String {
    // No view has a map whose keys are not text, which is all that could fail.
    printable_json(&serde_json::to_string(view).unwrap_or_default())
}

/// Returns what is shown as a line of JSON, in memory that is wiped: it may hold a key. `room` is how long it may get.
pub fn to_secret_json(view: &impl Serialize, room: usize) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(room));
    // No view has a map whose keys are not text, and a vector takes whatever is written to it.
    let _ = serde_json::to_writer(&mut *line, view);
    line.push(b'\n');
    line
}

/// Writes bytes to standard output.
///
/// # Errors
/// Where it cannot be written; a closed pipe ends the program quietly.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    write_unbuffered(bytes).map_err(|error| Failure::io("write to standard output", &error))
}

/// Writes to standard output what is worth nothing in part: a key, a recovery code.
///
/// # Errors
/// If it cannot be written, also because the reader of the pipe has gone.
pub fn print_whole(bytes: &[u8]) -> Result<(), Failure> {
    print(bytes).map_err(whole_or_failed)
}

/// Makes an error of a reader that left early, which is a quiet end for text: a part of this is worth nothing, and
/// whoever waits for the program has to know.
pub fn whole_or_failed(failure: Failure) -> Failure {
    if failure.exit != Exit::Done {
        return failure;
    }
    Failure::new(Exit::Failed, "broken-pipe", format!("cannot write {STDOUT}"))
        .cause("the program that reads it ended before all of it was written")
        .hint("it has read only a part: run both again")
}

/// Refuses to go on where what is shown once would be shown to nobody.
///
/// # Errors
/// Where standard output is closed, or is the device that throws everything away.
pub fn check_seen(what: &str) -> Result<(), Failure> {
    if is_discarded() { Err(unseen(what, "standard output is closed or discarded")) } else { Ok(()) }
}

fn unseen(what: &str, cause: &str) -> Failure {
    Failure::new(Exit::Failed, "output", format!("cannot show {what}"))
        .cause(cause)
        .hint("nothing was changed; run it where its output can be read")
}

/// Tells whether standard output goes nowhere. A closed one does, too: std opens the null device in its place.
#[cfg(unix)]
fn is_discarded() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let stdout = io::stdout().as_fd().try_clone_to_owned().and_then(|stdout| File::from(stdout).metadata());
    let null = std::fs::metadata("/dev/null");
    matches!((stdout, null), (Ok(stdout), Ok(null)) if stdout.file_type().is_char_device() && stdout.rdev() == null.rdev())
}

#[cfg(not(unix))]
fn is_discarded() -> bool {
    false
}

/// Writes past std's buffer, which is never wiped: what is printed may be a key.
#[cfg(unix)]
fn write_unbuffered(bytes: &[u8]) -> io::Result<()> {
    use std::os::fd::AsFd;
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    stdout.write_all(bytes)
}

#[cfg(not(unix))]
fn write_unbuffered(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Tells whether standard output is a terminal.
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Puts a label before a text, in lines that fit the terminal.
pub fn labelled(name: &str, colour: &str, text: &str) -> String {
    let text = format!("{name} {text}");
    let text = wrapped(&text, stderr_width());
    // Its colour takes no room.
    label(name, colour) + text.strip_prefix(name).unwrap_or(&text)
}

/// Colours a label where standard error is a terminal and NO_COLOR is not set (<https://no-color.org>).
fn label(text: &str, colour: &str) -> String {
    let wanted = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { format!("\u{1b}[1;{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}
