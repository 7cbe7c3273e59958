//! The socket: who may connect to it, and lines over it. The only file that knows what kind of socket it is.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use interprocess::ConnectWaitMode;
use interprocess::local_socket::traits::{Listener as _, StreamCommon as _};
use interprocess::local_socket::{ConnectOptions, GenericFilePath, ListenerOptions, Stream, ToFsName};
use interprocess::os::unix::local_socket::ListenerOptionsExt;
use zeroize::{Zeroize, Zeroizing};

use super::protocol::Line;

/// The longest path of a socket, in bytes: what the system has room for (104 bytes on macOS and the BSDs, 108 on
/// Linux), less the byte that ends it.
pub const PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How much is read at once, in bytes.
const CHUNK: usize = 8 << 10;

/// A socket that takes connections of its own user.
pub struct Listener(interprocess::local_socket::Listener);

impl Listener {
    /// Makes the socket, which nobody but its user can connect to. It stays when this is dropped.
    ///
    /// # Errors
    /// The system's error; `AddrInUse` if anything is there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let name = path.to_fs_name::<GenericFilePath>()?;
        ListenerOptions::new().name(name).mode(0o600).reclaim_name(false).create_sync().map(Self)
    }

    /// Waits for a connection. `None` if it is another user's, which is closed.
    ///
    /// # Errors
    /// The system's error.
    pub fn accept(&self) -> io::Result<Option<Connection>> {
        let stream = self.0.accept()?;
        Ok(if is_own(&stream)? { Some(Connection::new(stream)) } else { None })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let interprocess::local_socket::Listener::UdSocket(listener) = &self.0;
        listener.as_fd()
    }
}

/// Tells whether the program at the other end runs as this user. Not root either, which has other ways.
fn is_own(stream: &Stream) -> io::Result<bool> {
    Ok(stream.peer_creds()?.euid() == Some(rustix::process::geteuid().as_raw()))
}

/// Connects to a socket whose listener runs as this user.
///
/// # Errors
/// The system's error; `PermissionDenied` if another user listens.
pub fn connect(path: &Path) -> io::Result<Connection> {
    let name = path.to_fs_name::<GenericFilePath>()?;
    // A listener that is stopped must not stop who connects: a full queue is an error at once.
    let options = ConnectOptions::new().name(name).wait_mode(ConnectWaitMode::Timeout(Duration::from_secs(1)));
    let stream = options.connect_sync()?;
    if is_own(&stream)? { Ok(Connection::new(stream)) } else { Err(io::ErrorKind::PermissionDenied.into()) }
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
    stream: UnixStream,
    /// What was read beyond the last line.
    pending: Line,
    chunk: Zeroizing<Box<[u8]>>,
    /// The timeout of a read that is in force.
    timeout: Option<Duration>,
}

impl Connection {
    fn new(stream: Stream) -> Self {
        let Stream::UdSocket(stream) = stream;
        let stream = UnixStream::from(OwnedFd::from(stream));
        Self { stream, pending: Line::new(), chunk: Zeroizing::new(vec![0; CHUNK].into()), timeout: None }
    }

    /// Returns what closes the connection from another thread.
    ///
    /// # Errors
    /// The system's error.
    pub fn closer(&self) -> io::Result<Closer> {
        self.stream.try_clone().map(Closer)
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
            if left != self.timeout {
                self.stream.set_read_timeout(left).map_err(NoLine::Failed)?;
                self.timeout = left;
            }
            match self.stream.read(&mut self.chunk) {
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
        let deadline = Instant::now() + time;
        let mut bytes = line.as_bytes();
        let mut is_first = true;
        while !bytes.is_empty() {
            // Most lines fit into the socket's own buffer, and need no timeout.
            if !is_first {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                self.stream.set_write_timeout(Some(left))?;
            }
            let sent = send(&self.stream, bytes, is_first);
            is_first = false;
            match sent {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => bytes = &bytes[length..],
                Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Sends bytes, the first time only as many as go at once.
fn send(stream: &UnixStream, bytes: &[u8], at_once: bool) -> io::Result<usize> {
    use rustix::net::SendFlags;
    // A client that has gone must not end this process by a signal. Where there is no such flag, the signal is ignored:
    // the standard library sees to that before `main`.
    #[cfg(not(any(target_os = "macos", target_os = "ios")))]
    let quiet = SendFlags::NOSIGNAL;
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    let quiet = SendFlags::empty();
    let flags = if at_once { quiet | SendFlags::DONTWAIT } else { quiet };
    Ok(rustix::net::send(stream, bytes, flags)?)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Tells whether the other end has gone.
pub fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// Closes a connection that another thread waits on.
pub struct Closer(UnixStream);

impl Closer {
    /// Ends a read that waits, and lets what is written be read.
    pub fn stop_reading(&self) {
        let _ = self.0.shutdown(Shutdown::Read);
    }

    /// Closes it for both ends: a read that waits ends at once.
    pub fn close(&self) {
        // It is closed already, then.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
