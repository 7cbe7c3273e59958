//! Standard input and output as streams of data, past std's buffers, which are never wiped.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::flags::Global;
use super::output::{Output, STDOUT};
use crate::failure::Failure;
use crate::files::find::{Named, STREAM};
use crate::files::pipes::{STDIN, widen};
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

/// Tells whether two are one file, pipe or socket, by whatever names they were reached.
#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    // Standard input has no name there, and no descriptor.
    false
}

/// Opens standard input for data.
///
/// # Errors
/// Where it is closed.
pub fn stdin() -> Result<File, Failure> {
    let file = duplicate(&io::stdin()).map_err(|error| Failure::io(format!("read {STDIN}"), &error))?;
    widen(&file);
    Ok(file)
}

/// Opens standard output for data.
///
/// # Errors
/// Where it is closed.
pub fn stdout() -> Result<File, Failure> {
    let file = duplicate(&io::stdout()).map_err(|error| Failure::io(format!("write {STDOUT}"), &error))?;
    widen(&file);
    Ok(file)
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

#[cfg(unix)]
fn duplicate(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn duplicate(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    Ok(File::from(stream.as_handle().try_clone_to_owned()?))
}

/// Passes text on to a terminal, and refuses whatever would act on it.
struct TextOnly<W> {
    inner: W,
    /// The last byte that was passed on: a command of two bytes may lie over a border.
    last: u8,
}

impl<W> TextOnly<W> {
    /// Stands before a terminal.
    fn new(inner: W) -> Self {
        Self { inner, last: 0 }
    }
}

impl<W: Write> Write for TextOnly<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let acts = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t');
        // U+0080 to U+009F, which old terminals take for commands.
        let is_c1 = |pair: &[u8]| pair[0] == 0xc2 && (0x80..0xa0).contains(&pair[1]);
        let over_the_border = bytes.first().is_some_and(|first| is_c1(&[self.last, *first]));
        if over_the_border || bytes.iter().any(acts) || bytes.windows(2).any(is_c1) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "binary data is not for a terminal"));
        }
        self.inner.write_all(bytes)?;
        self.last = bytes.last().copied().unwrap_or(self.last);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_does_not_pass_in_any_pieces() {
        for text in ["a\u{1b}[2Jb", "a\u{9b}2Jb", "a\u{7f}", "a\0", "a\u{8}b", "\u{85}"] {
            for at in 0..text.len() {
                let mut screen = Vec::new();
                let mut terminal = TextOnly::new(&mut screen);
                let (one, other) = text.as_bytes().split_at(at);
                let ended = terminal.write_all(one).and_then(|()| terminal.write_all(other));
                assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::InvalidData, "{text:?} at {at}");
            }
        }
        let mut screen = Vec::new();
        TextOnly::new(&mut screen).write_all("Graz\t8010 \u{e9}\u{c2}\u{a0}\r\n".as_bytes()).unwrap();
        assert_eq!(screen, "Graz\t8010 \u{e9}\u{c2}\u{a0}\r\n".as_bytes());
    }
}
