//! Standard input and output as streams of data: whether they can be used, and what is refused.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::flags::Global;
use super::output::{Output, STDOUT};
use crate::failure::Failure;
use crate::files::find::{Named, STREAM};
use crate::files::pipes::{self, STDIN, TextOnly, duplicate, is_same};
use crate::files::place::Destination;

/// Refuses to use one stream for two things, and a terminal as a file: nobody types one.
///
/// # Errors
/// A usage failure.
pub fn check_free(output: &Output, named: &[Named], destination: &Destination) -> Result<(), Failure> {
    if *destination == Destination::Stream && output.json {
        return Err(Failure::usage("--json prints on standard output, where the data goes")
            .hint("leave out --json, or name a file with -o"));
    }
    if named.contains(&Named::Stream) && io::stdin().is_terminal() {
        return Err(Failure::usage("standard input is a terminal")
            .cause("data is read from a pipe or a file")
            .hint("pipe the data in, or name a file"));
    }
    Ok(())
}

/// Refuses to take the password's source for data or for a list of files too, before any of it is read. `data` says
/// whether standard input is data.
///
/// # Errors
/// A usage failure.
pub fn check_apart_from_password(global: &Global, data: bool, list: Option<&Path>) -> Result<(), Failure> {
    let stdin = || duplicate(&io::stdin()).and_then(|stdin| stdin.metadata());
    let password = match (&global.password_file, &global.password_fd) {
        (Some(path), _) => std::fs::metadata(path),
        (_, Some(descriptor)) => descriptor.file().and_then(|file| file.metadata()),
        _ => return Ok(()),
    };
    // Where it cannot be looked at, it cannot be read either, and that is said where it is read.
    let Ok(password) = password else { return Ok(()) };
    let is_password = |other: io::Result<Metadata>| other.is_ok_and(|other| is_same(&password, &other));
    let hint = "use another descriptor, as in --password-fd 3 3< FILE";
    if data && is_password(stdin()) {
        return Err(
            Failure::usage("the password cannot come through standard input, where the data comes from").hint(hint)
        );
    }
    let list = list.map(|list| if list == Path::new(STREAM) { stdin() } else { std::fs::metadata(list) });
    if list.is_some_and(is_password) {
        return Err(Failure::usage("the password cannot come from where the list of files comes from").hint(hint));
    }
    Ok(())
}

/// Opens standard input for data.
///
/// # Errors
/// Where it is closed.
pub fn stdin() -> Result<File, Failure> {
    pipes::stdin().map_err(|error| Failure::io(format!("read {STDIN}"), &error))
}

/// Opens standard output for data.
///
/// # Errors
/// Where it is closed.
pub fn stdout() -> Result<File, Failure> {
    pipes::stdout().map_err(|error| Failure::io(format!("write {STDOUT}"), &error))
}

/// Opens standard output for a plaintext: a terminal gets text alone.
///
/// # Errors
/// Where it is closed.
pub fn plaintext_out() -> Result<Box<dyn Write + Send>, Failure> {
    let stdout = stdout()?;
    Ok(if io::stdout().is_terminal() { Box::new(TextOnly::new(stdout)) } else { Box::new(stdout) })
}

/// Refuses to send sealed bytes to a terminal.
///
/// # Errors
/// A usage failure.
pub fn refuse_terminal() -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        return Err(Failure::usage("sealed bytes are not for a terminal").hint("name a file with -o, or pipe it on"));
    }
    Ok(())
}
