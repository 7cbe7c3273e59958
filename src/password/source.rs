//! Passwords that are not typed: from a file, a descriptor or a command.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::{Descriptor, SourceError};
use crate::crypto::secret::{PASSWORD_LIMIT, Password, PasswordError};
use crate::files::pipes;
use crate::secrets::unseen::first_unseen;

/// A password's first line may be this long, with room for what normalization takes away.
const READ_LIMIT: usize = PASSWORD_LIMIT * 4 + 2;
/// What some editors and shells begin a text with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a source gave.
pub struct Given {
    raw: Zeroizing<Vec<u8>>,
    /// The source as the subject of a sentence.
    source: String,
    /// The password as the subject of a sentence.
    password: String,
    /// It is a file that others can read.
    is_open: bool,
}

/// A password of a source, to be tried on a vault.
pub struct Existing {
    /// All that the source gave, without one line end.
    pub whole: Password,
    /// The same without a byte-order mark at its start and white space at its end, where it has them.
    pub bare: Option<Password>,
    /// The source as the subject of a sentence.
    pub source: String,
    /// The password as the subject of a sentence.
    pub password: String,
    /// What is unusual about what it gave, as the rest of that sentence.
    pub unusual: Option<String>,
}

/// Where a password is read from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The first line of a file.
    File(&'a Path),
    /// What comes through a descriptor.
    Descriptor(&'a Descriptor),
    /// What a shell command prints.
    Command(&'a str),
}

impl Source<'_> {
    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(self) -> Result<Given, SourceError> {
        match self {
            Self::File(path) => {
                let (raw, is_open) = from_file(path)?;
                let path = path.display();
                let (source, password) = (format!("the password file {path}"), format!("the password in {path}"));
                Ok(Given { raw, source, password, is_open })
            }
            Self::Descriptor(descriptor) => {
                let source = format!("what came through file descriptor {}", descriptor.number());
                Ok(Given { raw: from_descriptor(descriptor)?, password: source.clone(), source, is_open: false })
            }
            Self::Command(command) => {
                let source = "what the password command printed".to_owned();
                Ok(Given { raw: from_command(command)?, password: source.clone(), source, is_open: false })
            }
        }
    }
}

impl Given {
    /// Tells whether it is a file that others can read.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns all of it.
    pub fn whole(&self) -> &[u8] {
        &self.raw
    }

    /// Returns it without one line end.
    pub fn line(&self) -> &[u8] {
        strip_line_end(&self.raw)
    }

    /// Makes of it what can be tried on a vault. The bytes are wiped: what is left of them is in locked memory.
    ///
    /// # Errors
    /// Where it cannot be a password.
    pub fn existing(self) -> Result<Existing, PasswordError> {
        let whole = Password::new(self.line())?;
        let text = std::str::from_utf8(self.line()).unwrap_or_default();
        let bare = bare(text);
        let bare = (bare.len() < text.len() && !bare.is_empty()).then(|| Password::new(bare.as_bytes())).transpose()?;
        let unusual = unusual(text);
        Ok(Existing { whole, bare, source: self.source, password: self.password, unusual })
    }
}

/// Removes what editors and shells put around a password: a byte-order mark, and white space at the end.
fn bare(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_end()
}

/// Says what about a password is likely not meant; nothing of the password itself is in it.
fn unusual(text: &str) -> Option<String> {
    let bare = bare(text);
    let lines = bare.lines().count();
    let mut found = Vec::new();
    if text.starts_with(BYTE_ORDER_MARK) {
        found.push("begins with a byte-order mark".to_owned());
    }
    if lines > 1 {
        found.push(format!("has {lines} lines"));
    } else if let Some(unseen) = first_unseen(bare) {
        found.push(format!("has an invisible character: {unseen}"));
    }
    let end = &text[text.trim_end().len()..];
    if end.contains('\n') {
        found.push("ends with more than one line end".into());
    } else if !end.is_empty() {
        found.push(if end.bytes().all(|byte| byte == b' ') { "ends in spaces" } else { "ends in white space" }.into());
    }
    (!found.is_empty()).then(|| found.join(" and "))
}

/// Removes exactly one line ending: one LF or one CR LF.
pub fn strip_line_end(raw: &[u8]) -> &[u8] {
    let line = raw.strip_suffix(b"\n").unwrap_or(raw);
    if line.len() < raw.len() { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
}

/// Reads a password file, and tells whether others can read it too.
fn from_file(path: &Path) -> Result<(Zeroizing<Vec<u8>>, bool), SourceError> {
    let failed = |source: io::Error| SourceError::File { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    #[cfg(unix)]
    let is_open = {
        use std::os::unix::fs::PermissionsExt;
        let metadata = file.metadata().map_err(failed)?;
        metadata.is_file() && metadata.permissions().mode() & 0o077 != 0
    };
    #[cfg(not(unix))]
    let is_open = false;
    Ok((read(file).map_err(failed)?, is_open))
}

fn from_descriptor(descriptor: &Descriptor) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let number = descriptor.number();
    descriptor.file().and_then(read).map_err(|source| SourceError::Descriptor { number, source })
}

fn from_command(command: &str) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let mut child = pipes::shell(command).spawn().map_err(SourceError::Command)?;
    let raw = match child.stdout.take() {
        Some(stdout) => read(stdout).map_err(SourceError::Command)?,
        None => Zeroizing::new(Vec::new()),
    };
    let status = child.wait().map_err(SourceError::Command)?;
    if status.success() { Ok(raw) } else { Err(SourceError::CommandFailed(status)) }
}

/// Reads a password's source to its end or the limit.
///
/// # Errors
/// The system's error.
pub fn read(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    read_up_to(READ_LIMIT + 1, source)
}

/// Reads to the end, or so many bytes, into a buffer that never grows.
///
/// # Errors
/// The system's error.
pub fn read_up_to(limit: usize, mut source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut raw = Zeroizing::new(vec![0; limit]);
    let mut filled = 0;
    while filled < raw.len() {
        match source.read(&mut raw[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    raw.truncate(filled);
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unusual_about_a_password_is_said_and_nothing_of_it() {
        for (text, bared, said) in [
            ("secret word", "secret word", None),
            (" secret", " secret", None),
            ("\u{feff}secret", "secret", Some("begins with a byte-order mark")),
            ("secret  ", "secret", Some("ends in spaces")),
            ("secret\t ", "secret", Some("ends in white space")),
            ("secret\r", "secret", Some("ends in white space")),
            ("secret\r\n", "secret", Some("ends with more than one line end")),
            ("secret\nuser: anna", "secret\nuser: anna", Some("has 2 lines")),
            ("\u{feff}a\nb\nc ", "a\nb\nc", Some("begins with a byte-order mark and has 3 lines and ends in spaces")),
            ("se\u{ad}cret", "se\u{ad}cret", Some("has an invisible character: character 3 is a soft hyphen (U+00AD)")),
        ] {
            assert_eq!((bare(text), unusual(text).as_deref()), (bared, said), "{text:?}");
        }
    }

    #[test]
    fn exactly_one_line_ending_is_removed() {
        for (raw, line) in [
            (&b"pass"[..], &b"pass"[..]),
            (b"pass\n", b"pass"),
            (b"pass\r\n", b"pass"),
            (b"pass\r", b"pass\r"),
            (b"pass\n\n", b"pass\n"),
            (b"pass \n", b"pass "),
            (b"\n", b""),
        ] {
            assert_eq!(strip_line_end(raw), line);
        }
    }
}
