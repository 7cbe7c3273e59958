//! The socket: who may connect to it, and lines over it. What kind of socket it is, the file of each system knows alone:
//! a Unix socket, or a named pipe on Windows.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::time::{Duration, Instant};

use zeroize::{Zeroize, Zeroizing};

use super::protocol::Line;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

#[cfg(windows)]
pub use system::own_user;
pub use system::{Closer, Listener, PATH_LIMIT, Woken, connect, waker};

/// How much is read at once, in bytes.
const CHUNK: usize = 8 << 10;

/// What came to a listener.
pub enum Came {
    /// A connection of its own user. Those of others are closed.
    Connection(Connection),
    /// The end of the wait.
    End,
}

/// Why no line came.
#[derive(Debug)]
pub enum NoLine {
    /// The other end has closed the connection.
    Closed,
    /// It is longer than it may be.
    TooLong,
    /// It took longer than it may.
    TooSlow,
    /// The system's error.
    Failed(io::Error),
}

/// One connection.
pub struct Connection {
    stream: system::Stream,
    /// What was read beyond the last line.
    pending: Line,
    chunk: Zeroizing<Box<[u8]>>,
}

impl Connection {
    fn new(stream: system::Stream) -> Self {
        Self { stream, pending: Line::new(), chunk: Zeroizing::new(vec![0; CHUNK].into()) }
    }

    /// Returns what closes the connection from another thread.
    ///
    /// # Errors
    /// The system's error.
    pub fn closer(&self) -> io::Result<Closer> {
        self.stream.closer()
    }

    /// Returns the process at the other end.
    ///
    /// # Errors
    /// The system's error; `Unsupported` if it does not say.
    pub fn process(&self) -> io::Result<u32> {
        self.stream.process()
    }

    /// Reads one line, without its end. It may begin within `wait`, at any time if there is none, and has to be there
    /// as a whole `line_time` after it has begun.
    ///
    /// # Errors
    /// [`NoLine`].
    pub fn read_line(&mut self, limit: usize, wait: Option<Duration>, line_time: Duration) -> Result<Line, NoLine> {
        let mut searched = 0;
        let started = Instant::now();
        let mut deadline = if self.pending.as_bytes().is_empty() { None } else { Some(started + line_time) };
        loop {
            if let Some(line) = self.pending.take_line(searched) {
                return if line.as_bytes().len() < limit { Ok(line) } else { Err(NoLine::TooLong) };
            }
            searched = self.pending.as_bytes().len();
            if searched >= limit {
                return Err(NoLine::TooLong);
            }
            let until = deadline.or_else(|| wait.map(|wait| started + wait));
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(NoLine::TooSlow);
            }
            match self.stream.read(&mut self.chunk, left) {
                Ok(0) => return Err(NoLine::Closed),
                Ok(length) => {
                    self.pending.extend(&self.chunk[..length]);
                    self.chunk[..length].zeroize();
                    deadline.get_or_insert_with(|| Instant::now() + line_time);
                }
                Err(error) if is_timeout(&error) => return Err(NoLine::TooSlow),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_closed(&error) => return Err(NoLine::Closed),
                Err(error) => return Err(NoLine::Failed(error)),
            }
        }
    }

    /// Writes a line that has its end.
    ///
    /// # Errors
    /// The system's error; `TimedOut` if the other end does not take it in time.
    pub fn write_line(&mut self, line: &Line, time: Duration) -> io::Result<()> {
        self.stream.write_all(line.as_bytes(), time)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Tells whether the other end has gone.
pub fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
