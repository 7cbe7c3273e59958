//! Passwords that are not typed: from a file, a descriptor or a command.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::checked;
use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};
use crate::crypto::secret::{PASSWORD_LIMIT, Password};

/// A password's first line may be this long, with room for what normalization takes away.
const READ_LIMIT: usize = PASSWORD_LIMIT * 4 + 2;

/// Returns the password from the source the flags name; `None` where they name none.
///
/// # Errors
/// Where the source cannot be read or holds no password.
pub fn from_source(context: &Context) -> Result<Option<Password>, Failure> {
    let global = &context.global;
    let raw = if let Some(path) = &global.password_file {
        from_file(context, path)?
    } else if let Some(number) = global.password_fd {
        from_descriptor(number)?
    } else if let Some(command) = &global.password_command {
        from_command(command)?
    } else {
        return Ok(None);
    };
    checked(strip_line_end(&raw)).map(Some)
}

/// Reads a password from a file.
///
/// # Errors
/// Where it cannot be read or holds no password.
pub fn read_file(context: &Context, path: &Path) -> Result<Password, Failure> {
    checked(strip_line_end(&from_file(context, path)?))
}

/// Removes exactly one line ending: one LF or one CR LF.
fn strip_line_end(raw: &[u8]) -> &[u8] {
    let line = raw.strip_suffix(b"\n").unwrap_or(raw);
    if line.len() < raw.len() { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
}

fn from_file(context: &Context, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::io(format!("read the password file {}", path.display()), &error);
    let file = File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
            let text =
                format!("others can read the password file {0}; make it yours alone: chmod 600 {0}", path.display());
            context.output.warn("password-file-permissions", &text);
        }
    }
    #[cfg(not(unix))]
    let _ = context;
    read(file).map_err(failed)
}

fn from_descriptor(number: u32) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| {
        Failure::io(format!("read the password from file descriptor {number}"), &error)
            .hint("open it for reading, as in: strongroom ... --password-fd 3 3< FILE")
    };
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        // A copy of the descriptor, and not std's stdin: that buffers, and its buffer is never wiped.
        let file = if number == 0 {
            File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?)
        } else {
            File::open(format!("/dev/fd/{number}")).map_err(failed)?
        };
        read(file).map_err(failed)
    }
    #[cfg(not(unix))]
    Err(failed(io::Error::from(io::ErrorKind::Unsupported)))
}

fn from_command(command: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::io("run the password command", &error);
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell)
        .args([flag, command])
        // Standard input may be the data.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let raw = match child.stdout.take() {
        Some(stdout) => read(stdout).map_err(failed)?,
        None => Zeroizing::new(Vec::new()),
    };
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(Failure::new(Exit::Failed, "password-command", "cannot get the password")
            .cause(format!("the password command failed: {status}"))
            .hint("run the command by itself to see why"));
    }
    Ok(raw)
}

/// Reads to the end or the limit, into a buffer that never grows.
fn read(mut source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut raw = Zeroizing::new(vec![0; READ_LIMIT + 1]);
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
