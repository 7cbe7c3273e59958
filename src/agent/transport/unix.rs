//! A socket of Unix in the file system: whoever is at its other end, the kernel says.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use interprocess::ConnectWaitMode;
use interprocess::local_socket::traits::{Listener as _, StreamCommon as _};
use interprocess::local_socket::{ConnectOptions, GenericFilePath, ListenerOptions, ToFsName};
use interprocess::os::unix::local_socket::ListenerOptionsExt;
use rustix::event::{PollFd, PollFlags, poll};

use super::{Came, Connection, is_timeout};

/// The longest path of a socket, in bytes: what the system has room for (104 bytes on macOS and the BSDs, 108 on
/// Linux), less the byte that ends it.
pub const PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

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

    /// Waits for a connection, until it is woken.
    ///
    /// # Errors
    /// The system's error.
    pub fn accept(&self, woken: &Woken) -> io::Result<Came> {
        let interprocess::local_socket::Listener::UdSocket(listener) = &self.0;
        loop {
            let mut ready =
                [PollFd::new(listener, PollFlags::IN), PollFd::from_borrowed_fd(woken.0.as_fd(), PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if !ready[1].revents().is_empty() {
                return Ok(Came::End);
            }
            if !ready[0].revents().is_empty() {
                let stream = self.0.accept()?;
                if is_own(&stream)? {
                    return Ok(Came::Connection(Stream::connection(stream)));
                }
            }
        }
    }
}

/// Wakes who waits for a connection, when it is dropped.
pub struct Wake(#[expect(dead_code, reason = "its end is what is seen")] UnixStream);

/// What wakes who waits for a connection.
pub struct Woken(UnixStream);

/// Makes what wakes, and what is woken by it.
///
/// # Errors
/// The system's error.
pub fn waker() -> io::Result<(Wake, Woken)> {
    let (wake, woken) = UnixStream::pair()?;
    Ok((Wake(wake), Woken(woken)))
}

/// Tells whether the program at the other end runs as this user. Not root either, which has other ways.
fn is_own(stream: &interprocess::local_socket::Stream) -> io::Result<bool> {
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
    if is_own(&stream)? { Ok(Stream::connection(stream)) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// What a connection reads from and writes to.
pub struct Stream {
    stream: UnixStream,
    /// The timeout of a read that is in force.
    timeout: Option<Duration>,
}

impl Stream {
    fn connection(stream: interprocess::local_socket::Stream) -> Connection {
        let interprocess::local_socket::Stream::UdSocket(stream) = stream;
        Connection::new(Self { stream: UnixStream::from(OwnedFd::from(stream)), timeout: None })
    }

    /// Returns what closes it from another thread.
    pub fn closer(&self) -> io::Result<Closer> {
        self.stream.try_clone().map(Closer)
    }

    /// Returns the process at the other end.
    #[cfg(target_os = "linux")]
    pub fn process(&self) -> io::Result<u32> {
        let process = rustix::net::sockopt::socket_peercred(&self.stream)?.pid;
        u32::try_from(process.as_raw_nonzero().get()).map_err(|_| io::ErrorKind::Unsupported.into())
    }

    /// Returns the process at the other end.
    #[cfg(not(target_os = "linux"))]
    pub fn process(&self) -> io::Result<u32> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads what is there, once there is anything.
    pub fn read(&mut self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        if wait != self.timeout {
            self.stream.set_read_timeout(wait)?;
            self.timeout = wait;
        }
        self.stream.read(buffer)
    }

    /// Writes all of it within this time.
    pub fn write_all(&mut self, mut bytes: &[u8], time: Duration) -> io::Result<()> {
        let deadline = Instant::now() + time;
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
