//! The agent's side of the socket: a thread for each connection, and one that waits for the end.

mod answering;
mod connections;
mod keeper;
mod log;
mod secrets;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::connections::Connections;
use self::keeper::Keeper;
use self::log::{Sessions, Visit};
use super::limits::{ANSWER_TIME, LINE_TIME, LOG_WAIT, QUESTION_LIMIT, SOCKET_CHECK, STACK};
use super::place::Taken;
use super::protocol::{Answer, PROTOCOL, Question, Refusal, Unread};
use super::transport::{Came, Connection, NoLine, Woken, waker};
use super::watch::{Bell, Clock, Ear, Ending, Limits, ThisClock, Timer, Watcher, bell};
use crate::error::Error;
use crate::format::Timestamp;
use crate::format::log::Who;
use crate::memory::on_wiped_stack;
use crate::vault::Unlocked;

/// What an agent was unlocked for.
#[derive(Default)]
pub struct Terms {
    /// How long it may live.
    pub limits: Limits,
    /// The projects that it answers for; all of them if there is no list.
    pub projects: Option<Vec<String>>,
    /// Asks the user whether a key may be shown. The agent asks by itself, since a client could leave it out.
    pub confirm: Option<Confirm>,
    /// Whose agent it is, for the access log.
    pub who: Who,
}

/// Asks the user whether what a sentence says may happen.
pub type Confirm = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// An agent that is ready to answer.
pub struct Server {
    shared: Arc<Shared>,
    taken: Taken,
    timer: Timer,
    ear: Ear,
    bell: Bell,
}

/// What all threads of an agent use.
struct Shared {
    keeper: Keeper,
    connections: Connections,
    limits: Limits,
    clock: Box<dyn Clock>,
    unlocked_at: Timestamp,
    /// When it was unlocked, on the boot-time clock.
    start: Duration,
    /// When it was last used, in milliseconds on the boot-time clock.
    used: AtomicU64,
    confirm: Option<Confirm>,
    watcher: Mutex<Option<Arc<dyn Watcher>>>,
    counters: Counters,
    who: Who,
    sessions: Mutex<Sessions>,
    /// Held while an entry is begun for a process that has declared none.
    beginning: Mutex<()>,
    bell: Bell,
    /// Why it ended, once it has.
    ended: Mutex<Option<Ending>>,
    closing: AtomicBool,
    /// The connections that asked to lock, and wait for the end of the process.
    parting: Mutex<Vec<Connection>>,
}

#[derive(Default)]
struct Counters {
    answered: AtomicU64,
    keys: AtomicU64,
    secrets: AtomicU64,
    unwrapped: AtomicU64,
    wrapped: AtomicU64,
}

impl Counters {
    fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// How an agent ended. Those who asked for it are answered, and see their connections close when this is dropped: the
/// last thing that the process does.
pub struct Ended {
    /// Why.
    pub why: Ending,
    /// All keys were wiped. If not, a write of the vault was still under way, and its key goes with the process.
    pub wiped: bool,
    _parting: Vec<Connection>,
    _taken: Taken,
}

impl Server {
    /// Makes an agent of an unlocked vault. Its keychain must neither prompt nor wait long: nobody can answer.
    ///
    /// # Errors
    /// Those of [`Unlocked::follow`], and of the projects named.
    pub fn new(unlocked: Unlocked, terms: Terms, taken: Taken) -> Result<Self, Error> {
        Self::with_clock(unlocked, terms, taken, Box::new(ThisClock))
    }

    /// As [`Server::new`], with another clock.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn with_clock(
        mut unlocked: Unlocked,
        terms: Terms,
        taken: Taken,
        clock: Box<dyn Clock>,
    ) -> Result<Self, Error> {
        unlocked.follow()?;
        let (bell, ear) = bell();
        let now = clock.now();
        // From here, and not from when it begins to answer: the computer may sleep in between.
        let timer = Timer::new(terms.limits, now);
        let shared = Shared {
            keeper: Keeper::new(unlocked, terms.projects.as_deref())?,
            connections: Connections::default(),
            limits: terms.limits,
            clock,
            unlocked_at: std::time::SystemTime::now().into(),
            start: now.boot,
            used: AtomicU64::new(millis(now.boot)),
            confirm: terms.confirm,
            watcher: Mutex::default(),
            counters: Counters::default(),
            who: terms.who,
            sessions: Mutex::default(),
            beginning: Mutex::default(),
            bell: bell.clone(),
            ended: Mutex::default(),
            closing: AtomicBool::new(false),
            parting: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), taken, timer, ear, bell })
    }

    /// Returns what ends the agent from elsewhere: a signal, a watcher.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Answers until there is a reason to lock, then wipes the keys and takes the socket away.
    ///
    /// # Errors
    /// The system's, if there can be no thread.
    pub fn run(self, watcher: Option<Arc<dyn Watcher>>) -> std::io::Result<Ended> {
        let Self { shared, taken, timer, ear, .. } = self;
        if let Ok(vault) = shared.keeper.vault() {
            shared.begin_life(&vault);
        }
        *lock(&shared.watcher) = watcher;
        let taken = Arc::new(taken);
        let (wake, woken) = waker()?;
        let acceptor = {
            let (shared, taken) = (Arc::clone(&shared), Arc::clone(&taken));
            thread::Builder::new().name("accept".into()).spawn(move || accept(&shared, &taken, &woken))?
        };
        let why = wait_for_end(&shared, &taken, timer, &ear);
        *lock(&shared.ended) = Some(why.clone());
        shared.closing.store(true, Ordering::Release);
        end_life(&shared);
        let wiped = shared.keeper.wipe();
        // Only now: the system goes to sleep as soon as it is let.
        drop(lock(&shared.watcher).take());
        taken.remove_socket();
        drop(wake);
        // It ends as soon as it sees that the other end is gone.
        let _ = acceptor.join();
        // Afterwards everybody who has asked to lock is known.
        shared.connections.end_all();
        let mut parting = std::mem::take(&mut *lock(&shared.parting));
        for connection in &mut parting {
            // Whoever does not listen has gone.
            let _ = connection.write_line(&Answer::Locked.to_line(), Duration::from_millis(100));
        }
        let Ok(taken) = Arc::try_unwrap(taken) else { return Err(std::io::ErrorKind::Other.into()) };
        Ok(Ended { why, wiped, _parting: parting, _taken: taken })
    }
}

/// Records that the agent ends, as far as that takes no time: a keychain that hangs must not keep the keys in memory.
fn end_life(shared: &Arc<Shared>) {
    let (done, waits) = std::sync::mpsc::channel::<()>();
    let ending = {
        let shared = Arc::clone(shared);
        move || {
            if let Ok(vault) = shared.keeper.vault() {
                shared.end_life(&vault);
            }
            drop(done);
        }
    };
    if thread::Builder::new().name("end".into()).spawn(ending).is_ok() {
        let _ = waits.recv_timeout(LOG_WAIT);
    }
}

/// Waits for the bell, and looks at the clocks and the socket.
fn wait_for_end(shared: &Shared, taken: &Taken, mut timer: Timer, ear: &Ear) -> Ending {
    let mut looked = Instant::now();
    loop {
        let used = Duration::from_millis(shared.used.load(Ordering::Relaxed));
        let now = shared.clock.now();
        if let Some(ending) = timer.check(now, used) {
            return ending;
        }
        if looked.elapsed() >= SOCKET_CHECK {
            looked = Instant::now();
            if !taken.is_there() {
                return Ending::SocketGone;
            }
            shared.end_of_the_gone();
            let watcher = lock(&shared.watcher).clone();
            if let Some(ending) = watcher.and_then(|watcher| watcher.look()) {
                return ending;
            }
        }
        // Not shorter: a clock that stands still must not make this spin.
        if let Some(ending) = ear.listen(timer.next_look(now, used).max(Duration::from_millis(10))) {
            return ending;
        }
    }
}

/// Takes connections until it is woken.
fn accept(shared: &Arc<Shared>, taken: &Taken, woken: &Woken) {
    loop {
        let came = taken.listener.accept(woken);
        if shared.closing.load(Ordering::Acquire) {
            return;
        }
        match came {
            Ok(Came::Connection(connection)) => take(shared, connection),
            Ok(Came::End) => return,
            // Such as no descriptor left: those that are open end by and by.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Gives a connection its thread.
fn take(shared: &Arc<Shared>, mut connection: Connection) {
    let Some(entry) = connection.closer().ok().and_then(|closer| shared.connections.admit(closer)) else {
        refuse(&mut connection, Refusal::Busy);
        return;
    };
    let entry = Admitted { shared: Arc::clone(shared), number: entry };
    let thread = thread::Builder::new().name("answer".into()).stack_size(STACK);
    // A connection without a thread is closed.
    let _ = thread.spawn(move || {
        let shared = &entry.shared;
        if let Some(connection) = converse(shared, connection, entry.number) {
            // Before the bell, so that whoever hears it finds it here.
            lock(&shared.parting).push(connection);
            shared.bell.ring(Ending::Asked);
        }
    });
}

/// A connection that counts, as long as this exists.
struct Admitted {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.shared.connections.remove(self.number);
    }
}

/// Answers on one connection until it ends. Returns it if it asked the agent to lock.
fn converse(shared: &Shared, mut connection: Connection, entry: u64) -> Option<Connection> {
    let visit = Visit::by(connection.process().ok());
    loop {
        let line = match connection.read_line(QUESTION_LIMIT, None, LINE_TIME) {
            Ok(line) => line,
            Err(NoLine::TooLong) => {
                refuse(&mut connection, Refusal::TooLong);
                return None;
            }
            Err(NoLine::TooSlow) => {
                refuse(&mut connection, Refusal::TooSlow);
                return None;
            }
            Err(NoLine::Closed | NoLine::Failed(_)) => return None,
        };
        if !shared.connections.works(entry) {
            return None;
        }
        let mut is_busy = None;
        // What the ciphers and the parser leave on the stack would stay there as long as the thread waits.
        let answer = on_wiped_stack(|| {
            let (answer, ending) = match Question::read(line.as_bytes()) {
                Ok(Question::Lock) => return None,
                Ok(question) => {
                    is_busy = match &question {
                        Question::LogBegin(_) => Some(true),
                        Question::LogEnd { .. } => Some(false),
                        _ => None,
                    };
                    shared.answer(question, &visit)
                }
                Err(Unread::OtherProtocol(_)) => (Answer::Refused(Refusal::OtherProtocol { speaks: PROTOCOL }), None),
                Err(Unread::Malformed) => (Answer::Refused(Refusal::Malformed), None),
            };
            Some((answer.to_line(), ending))
        });
        drop(line);
        let Some((answer, ending)) = answer else { return Some(connection) };
        if let Some(is_busy) = is_busy {
            shared.connections.is_busy(entry, is_busy);
        }
        // Before it is written: whoever does not take it shuts nobody out either.
        shared.connections.waits(entry);
        let written = connection.write_line(&answer, ANSWER_TIME);
        if let Some(ending) = ending {
            shared.bell.ring(ending);
        }
        written.ok()?;
    }
}

/// Says no, and has nothing more to say.
fn refuse(connection: &mut Connection, refusal: Refusal) {
    let _ = connection.write_line(&Answer::Refused(refusal).to_line(), Duration::from_millis(100));
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
