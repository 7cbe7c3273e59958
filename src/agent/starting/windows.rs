//! A named pipe of Windows that the new process connects to. Its standard streams are not used: with them it would
//! inherit every other stream that this process was given, and a program that waits for the end of one would wait for
//! the agent.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use winsafe::{CreateProcess, STARTUPINFO, co};

use super::PROCESS;
use crate::agent::limits::QUESTION_LIMIT;
use crate::agent::protocol::{Line, Start, Started};
use crate::agent::transport::{Came, Connection, Listener, NoLine, connect, waker};
use crate::crypto::random;
use crate::home::Named;
use crate::host::{detach, own_program};

/// How long the new process may take until it connects.
const BEGIN_WAIT: Duration = Duration::from_secs(30);
/// How long it may take to open the vault: another process may write it meanwhile.
const OPEN_WAIT: Duration = Duration::from_secs(150);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How many bytes of chance name the pipe.
const NAME_BYTES: usize = 16;
/// What the exit code of a process is until it ends (winbase.h).
const STILL_ACTIVE: u32 = 259;

fn ended() -> io::Error {
    io::Error::other("its process ended at once")
}

/// Starts the process, tells it what it is started with, and waits for what it says.
pub fn spawn(folder: &Path, start: &Start) -> io::Result<Started> {
    let mut chance = [0; NAME_BYTES];
    random(&mut chance).map_err(io::Error::other)?;
    let name: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    let pipe = format!(r"\\.\pipe\strongroom-start-{name}");
    let listener = Listener::bind(Path::new(&pipe))?;
    let program = own_program()?;
    let program = text(&program)?;
    let line = format!("{} {PROCESS} {pipe} {}", quoted(program), quoted(text(folder)?));
    let mut starting = STARTUPINFO::default();
    // No console: that of this process would end it when it is closed.
    let flags = co::CREATE::DETACHED_PROCESS;
    let started = CreateProcess(Some(program), Some(&line), None, None, false, flags, &[], None, &mut starting);
    let process = started.map_err(|error| io::Error::from_raw_os_error(error.raw().cast_signed()))?;
    let (wake, woken) = waker()?;
    let (came, connection) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("starting".into()).spawn(move || {
        while let Ok(Came::Connection(connection)) = listener.accept(&woken) {
            if came.send(connection).is_err() {
                return;
            }
        }
    })?;
    let deadline = Instant::now() + BEGIN_WAIT;
    let mut connection = loop {
        match connection.recv_timeout(LOOK) {
            // No other process is told the key.
            Ok(connection) if connection.process()? == process.dwProcessId => break connection,
            Ok(_) => {}
            Err(_) if Instant::now() < deadline && process.hProcess.GetExitCodeProcess() == Ok(STILL_ACTIVE) => {}
            Err(_) => return Err(ended()),
        }
    };
    drop(wake);
    connection.write_line(&start.to_line(), OPEN_WAIT)?;
    let said = connection.read_line(QUESTION_LIMIT, Some(OPEN_WAIT), OPEN_WAIT).map_err(|_| ended())?;
    Started::read(said.as_bytes()).map_err(|_| ended())
}

/// Returns a path as text. A process cannot be started by anything else here.
fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other(format!("the path {} is not Unicode", path.display())))
}

/// Returns a path as one word of a command line. It has no quotation marks; backslashes before the last one count double.
fn quoted(path: &str) -> String {
    let ends = path.len() - path.trim_end_matches('\\').len();
    format!("\"{path}{}\"", "\\".repeat(ends))
}

/// Who has started this process.
pub struct Starter {
    connection: Option<Connection>,
    folder: PathBuf,
}

impl Starter {
    /// Connects to it, by what this process was started with.
    pub fn find() -> io::Result<Self> {
        let mut words = std::env::args_os().skip(2);
        let (Some(pipe), Some(folder)) = (words.next(), words.next()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok(Self { connection: Some(connect(Path::new(&pipe))?), folder: folder.into() })
    }

    /// Returns what it has named: the vault's folder.
    pub fn named(&self) -> Named {
        Named { vault: Some(self.folder.clone()), ..Named::default() }
    }

    /// Reads the line that it says.
    pub fn read_line(&mut self) -> io::Result<Line> {
        let connection = self.connection.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        connection.read_line(QUESTION_LIMIT, Some(BEGIN_WAIT), BEGIN_WAIT).map_err(|why| match why {
            NoLine::Failed(error) => error,
            _ => io::ErrorKind::UnexpectedEof.into(),
        })
    }

    /// Says a line. An error means that nobody waits for it any more.
    pub fn say(&mut self, started: &Started) -> io::Result<()> {
        let connection = self.connection.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        connection.write_line(&started.to_line(), BEGIN_WAIT)
    }

    /// Lets go of it.
    pub fn let_go(&mut self) -> io::Result<()> {
        self.connection = None;
        detach()
    }
}
