//! A named pipe of Windows. Its descriptor admits its own user alone, so that the system refuses everybody else; who
//! connects looks whose process has made it. Windows has no other deadline for a pipe, and no other way to close one
//! that a thread waits on, than to wait for it by its completion port: that is what the runtime is for.

use std::fs::OpenOptions;
use std::future::{Future, poll_fn};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::OwnedHandle;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use interprocess::os::windows::ToWtf16;
use interprocess::os::windows::named_pipe::PipeListenerOptions;
use interprocess::os::windows::named_pipe::pipe_mode::Bytes;
use interprocess::os::windows::named_pipe::tokio::{DuplexPipeStream, PipeListener};
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use winsafe::{ConvertSidToStringSid, HPROCESS, SysResult, TokenInfo, co};

use super::{Came, Connection};

/// The longest name of a pipe, in characters.
pub const PATH_LIMIT: usize = 256;

/// How long a client waits until it is accepted, and how often it looks.
const CONNECT_WAIT: Duration = Duration::from_secs(1);
const CONNECT_LOOK: Duration = Duration::from_millis(5);
/// How many bytes the system takes before anybody reads them, and how many are written at once.
const BUFFER: u32 = 64 << 10;
const PIECE: usize = BUFFER as usize;

// Names of the system's that winsafe and std have no constant for (winbase.h, winerror.h).
const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
const SECURITY_IDENTIFICATION: u32 = 0x0001_0000;
const ERROR_PIPE_BUSY: i32 = 231;
const ERROR_PIPE_NOT_CONNECTED: i32 = 233;

/// Waits for pipes, on whichever threads wait: it has none of its own.
static RUNTIME: LazyLock<io::Result<Runtime>> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build());

fn runtime() -> io::Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| error.kind().into())
}

/// Returns the result of some work, unless something else comes first.
async fn unless<T>(other: impl Future, work: impl Future<Output = T>) -> Option<T> {
    let (mut other, mut work) = (pin!(other), pin!(work));
    poll_fn(|context| match other.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => work.as_mut().poll(context).map(Some),
    })
    .await
}

/// Returns the user of this process, in the form `S-1-5-...`.
///
/// # Errors
/// The system's error.
pub fn own_user() -> io::Result<String> {
    user_of(&HPROCESS::GetCurrentProcess()).map_err(system_error)
}

fn user_of(process: &HPROCESS) -> SysResult<String> {
    let token = process.OpenProcessToken(co::TOKEN::QUERY)?;
    match token.GetTokenInformation(co::TOKEN_INFORMATION_CLASS::User)? {
        TokenInfo::User(user) => ConvertSidToStringSid(user.User.Sid().ok_or(co::ERROR::INVALID_SID)?),
        _ => Err(co::ERROR::INVALID_DATA),
    }
}

fn system_error(error: co::ERROR) -> io::Error {
    io::Error::from_raw_os_error(error.raw().cast_signed())
}

/// Tells whether a process runs as this user. One that does not let itself be looked at does not.
fn is_own(process: u32) -> io::Result<bool> {
    let user = HPROCESS::OpenProcess(co::PROCESS::QUERY_LIMITED_INFORMATION, false, process);
    let user = user.and_then(|process| user_of(&process));
    Ok(user.is_ok_and(|user| own_user().is_ok_and(|own| own == user)))
}

/// A pipe that takes connections of its own user, on this computer.
pub struct Listener(Mutex<Option<Arc<PipeListener<Bytes, Bytes>>>>);

impl Listener {
    /// Makes the pipe. The system lets only its user connect to it.
    ///
    /// # Errors
    /// The system's error; `PermissionDenied` if a pipe of that name is there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let _here = runtime()?.enter();
        let descriptor = descriptor(&own_user()?);
        let descriptor = SecurityDescriptor::deserialize(&descriptor.as_str().to_wtf_16().map_err(io::Error::other)?)?;
        // The options themselves refuse other computers, and a name that is in use.
        let options = PipeListenerOptions::new()
            .path(path)
            .accept_remote(false)
            .input_buffer_size_hint(BUFFER)
            .output_buffer_size_hint(BUFFER)
            .security_descriptor(Some(descriptor));
        Ok(Self(Mutex::new(Some(Arc::new(options.create_tokio_duplex()?)))))
    }

    /// Waits for a connection, until it is woken.
    ///
    /// # Errors
    /// The system's error.
    pub fn accept(&self, woken: &Woken) -> io::Result<Came> {
        let Some(listener) = self.pipe().clone() else { return Ok(Came::End) };
        let mut woken = woken.0.clone();
        let accepted = runtime()?.block_on(unless(woken.changed(), listener.accept()));
        Ok(match accepted {
            Some(pipe) => Came::Connection(Stream::connection(pipe?)),
            None => Came::End,
        })
    }

    /// Takes the pipe away, once nobody waits for a connection any more. Those that are open stay.
    pub fn close(&self) {
        self.pipe().take();
    }

    fn pipe(&self) -> std::sync::MutexGuard<'_, Option<Arc<PipeListener<Bytes, Bytes>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says who may use a pipe (Security Descriptor String Format): its user owns it and may do anything, and no rule is
/// taken over from elsewhere.
fn descriptor(user: &str) -> String {
    format!("O:{user}D:P(A;;GA;;;{user})")
}

/// Wakes who waits for a connection, when it is dropped.
pub struct Wake(#[expect(dead_code, reason = "its end is what is seen")] watch::Sender<()>);

/// What wakes who waits for a connection.
pub struct Woken(watch::Receiver<()>);

/// Makes what wakes, and what is woken by it.
///
/// # Errors
/// None on this system.
pub fn waker() -> io::Result<(Wake, Woken)> {
    let (wake, woken) = watch::channel(());
    Ok((Wake(wake), Woken(woken)))
}

/// Connects to a pipe that a process of this user has made.
///
/// # Errors
/// The system's error; `NotFound` if there is none, `PermissionDenied` if another user has made it.
pub fn connect(path: &Path) -> io::Result<Connection> {
    let mut options = OpenOptions::new();
    // Whoever has made the pipe learns who connects, and cannot act in that name: it may be another user.
    options.read(true).write(true).custom_flags(FILE_FLAG_OVERLAPPED).security_qos_flags(SECURITY_IDENTIFICATION);
    let deadline = Instant::now() + CONNECT_WAIT;
    let pipe = loop {
        match options.open(path) {
            // Somebody else was faster, and the next one is not accepted yet.
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY) => {
                if Instant::now() >= deadline {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                std::thread::sleep(CONNECT_LOOK);
            }
            opened => break OwnedHandle::from(opened?),
        }
    };
    let _here = runtime()?.enter();
    let pipe = DuplexPipeStream::<Bytes>::try_from(pipe).map_err(|error| io::Error::other(error.to_string()))?;
    if is_own(pipe.server_process_id()?)? {
        Ok(Stream::connection(pipe))
    } else {
        pipe.assume_flushed();
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// How far a connection is closed from this end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closing {
    Not,
    ForReading,
    Whole,
}

/// What a connection reads from and writes to. What the system has not taken or given yet passes through memory of the
/// runtime, which the program's allocator wipes when it is freed.
pub struct Stream {
    pipe: DuplexPipeStream<Bytes>,
    closer: Arc<watch::Sender<Closing>>,
    closing: watch::Receiver<Closing>,
}

impl Stream {
    fn connection(pipe: DuplexPipeStream<Bytes>) -> Connection {
        let (closer, closing) = watch::channel(Closing::Not);
        Connection::new(Self { pipe, closer: Arc::new(closer), closing })
    }

    /// Returns what closes it from another thread.
    pub fn closer(&self) -> io::Result<Closer> {
        Ok(Closer(Arc::clone(&self.closer)))
    }

    /// Returns the process at the other end.
    pub fn process(&self) -> io::Result<u32> {
        self.pipe.peer_process_id()
    }

    /// Reads what is there, once there is anything.
    pub fn read(&mut self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        let closed = self.closing.wait_for(|closing| *closing >= Closing::ForReading);
        let read = unless(closed, self.pipe.read(buffer));
        // Closed from this end is as if it were from the other.
        within(wait, async { read.await.unwrap_or(Ok(0)) })
    }

    /// Writes all of it within this time.
    pub fn write_all(&mut self, bytes: &[u8], time: Duration) -> io::Result<()> {
        let closed = self.closing.wait_for(|closing| *closing >= Closing::Whole);
        let pipe = &mut self.pipe;
        let write = async {
            // The runtime takes a piece of any length, and waits before the next one.
            for piece in bytes.chunks(PIECE) {
                pipe.write_all(piece).await?;
            }
            Ok(())
        };
        let write = unless(closed, write);
        let written = within(Some(time), async { write.await.unwrap_or(Err(io::ErrorKind::BrokenPipe.into())) });
        written.map_err(|error| match error.raw_os_error() {
            Some(ERROR_PIPE_NOT_CONNECTED) => io::ErrorKind::BrokenPipe.into(),
            _ => error,
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // Otherwise a thread would wait until the other end has read everything. What the system has, it can read all
        // the same, unless it has gone.
        if self.pipe.is_client() || *self.closing.borrow() == Closing::Whole {
            self.pipe.assume_flushed();
        }
    }
}

/// Waits for this, for no longer than that.
fn within<T>(time: Option<Duration>, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    runtime()?.block_on(async {
        match time {
            Some(time) => {
                tokio::time::timeout(time, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            }
            None => work.await,
        }
    })
}

/// Closes a connection that another thread waits on.
pub struct Closer(Arc<watch::Sender<Closing>>);

impl Closer {
    /// Ends a read that waits, and lets what is written be read.
    pub fn stop_reading(&self) {
        self.at_least(Closing::ForReading);
    }

    /// Closes it for both ends: a read that waits ends at once.
    pub fn close(&self) {
        self.at_least(Closing::Whole);
    }

    fn at_least(&self, wanted: Closing) {
        self.0.send_modify(|closing| *closing = wanted.max(*closing));
    }
}
