//! A KeePass file, opened by this program in a process of its own: a hostile file can make the crate that reads it abort,
//! or use all the memory and time there is. The process gets the file and its key over a pipe, has limits, and answers
//! over another pipe. Whatever becomes of it, this process goes on.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zeroize::Zeroizing;

use crate::crypto::secret::SecretText;
use crate::host::own_program;
use crate::imports::keepass::{Key, check, open, read_answer};
use crate::imports::{ImportError, Imported, limits};

/// What the program is started with to open a file: no command that anybody types.
pub const PROCESS: &str = "keepass-process";

/// The memory that it may have beyond that of its key, in bytes. A file is decrypted, unpacked, parsed and written again.
const MEMORY: u64 = 1 << 30;
/// How long it may work, in seconds of all its threads. The most costly key takes a third of that.
const SECONDS: u64 = 300;
/// What a length says if there is nothing.
const NONE: u32 = u32::MAX;
/// The longest key file, in bytes.
const KEY_FILE: usize = 16 << 20;

/// Reads a KeePass file. `available` is the memory the computer has free, in bytes, where that is known.
///
/// # Errors
/// [`ImportError`], before anything is spent if its header asks for too much.
pub fn read(bytes: &[u8], key: &Key, available: Option<u64>) -> Result<Imported, ImportError> {
    let header = check(bytes)?;
    // As for a vault's own key.
    if available.is_some_and(|available| header.memory > available / 10 * 7) {
        return Err(ImportError::NotEnoughMemory { needed_mib: header.memory >> 20 });
    }
    let answer = ask(bytes, key, header.memory).map_err(|_| ImportError::KeePassEnded)?;
    read_answer(&answer)
}

/// Starts the process, and returns its answer.
fn ask(bytes: &[u8], key: &Key, memory: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let ended = || io::Error::other("it has ended");
    close_fds::set_fds_cloexec(3, &[]);
    let mut child = Command::new(own_program()?)
        .arg(PROCESS)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take().ok_or_else(ended)?, child.stdout.take().ok_or_else(ended)?);
    // It answers only after it has read all of it. If it has ended, its exit code tells that.
    let _ = tell(File::from(OwnedFd::from(stdin)), bytes, key, memory);
    let mut answer = Zeroizing::new(Vec::with_capacity(bytes.len() + 4096));
    let read = stdout.take(limits::ANSWER as u64 + 1).read_to_end(&mut answer);
    if answer.len() > limits::ANSWER {
        let _ = child.kill();
    }
    let status = child.wait()?;
    read?;
    if status.success() && answer.len() <= limits::ANSWER { Ok(answer) } else { Err(ended()) }
}

/// Writes what it needs: how much memory it may have, and three things with their lengths in front.
fn tell(mut pipe: File, bytes: &[u8], key: &Key, memory: u64) -> io::Result<()> {
    let password = key.password.as_ref().map(|password| password.expose().as_bytes());
    pipe.write_all(&(memory + MEMORY).to_le_bytes())?;
    for part in [password, key.file.as_ref().map(|file| &***file), Some(bytes)] {
        let length = part.map_or(Ok(NONE), |part| u32::try_from(part.len())).map_err(io::Error::other)?;
        pipe.write_all(&length.to_le_bytes())?;
        pipe.write_all(part.unwrap_or_default())?;
    }
    Ok(())
}

/// Is that process: reads a file and its key from standard input, and writes the answer to standard output.
///
/// # Errors
/// Those of the pipes and of the limits.
pub fn run() -> io::Result<()> {
    limit(Resource::Core, 0)?;
    limit(Resource::Cpu, SECONDS)?;
    // Past every buffer that is not wiped.
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut memory = [0; 8];
    stdin.read_exact(&mut memory)?;
    limit(Resource::As, u64::from_le_bytes(memory))?;
    let mut part = |most: usize| -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut length = [0; 4];
        stdin.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length);
        if length == NONE {
            return Ok(None);
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= most);
        let mut bytes = Zeroizing::new(vec![0; length.ok_or(io::ErrorKind::InvalidData)?]);
        stdin.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    };
    let password = part(limits::FIELD)?.map(|bytes| SecretText::from_bytes(bytes).ok_or(io::ErrorKind::InvalidData));
    let key = Key { password: password.transpose()?, file: part(KEY_FILE)? };
    let bytes = part(limits::FILE)?.ok_or(io::ErrorKind::InvalidData)?;
    let answer = open(&bytes, &key);
    File::from(io::stdout().as_fd().try_clone_to_owned()?).write_all(&answer)
}

/// Lowers a limit, for good.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let least = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    let Rlimit { current, maximum } = getrlimit(resource);
    Ok(setrlimit(resource, Rlimit { current: least(current), maximum: least(maximum) })?)
}
