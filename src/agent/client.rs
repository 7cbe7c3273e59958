//! The agent as a client sees it: whoever has file keys, and changes a vault. A question that the agent does not answer
//! is for whoever has the password; why that is so is a value, so that it can be said once.

mod known;
mod log;
mod secrets;
mod stock;
mod unanswered;
mod vault;

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use self::stock::Stock;
pub use self::unanswered::{AskError, Unanswered};
pub use self::vault::AgentVault;
use super::limits::{
    ANSWER_LIMIT, CONFIRM_WAIT, END_WAIT, HELLO_TIME, KEYS_AT_ONCE, LINE_TIME, QUESTION_LIMIT, READ_WAIT, RETRY_TIME,
    RETRY_WAIT, WRITE_WAIT,
};
use super::place::Place;
use super::protocol::{
    Among, Answer, Change, KeyToUnwrap, KeyToWrap, Line, Question, Refusal, Status, Unread, UnwrappedKey,
};
use super::transport::{Connection, NoLine, connect, is_closed};
use crate::crypto::secret::{ContentKey, ProjectFileKey};
use crate::error::{Error, NotFound};
use crate::format::scalar::{Base64, FixedBase64};
use crate::format::sealed::{PRELUDE_LEN, Prelude};
use crate::format::{FileId, VaultId};
use crate::keys::{Drawn, FileKeys, OpenedBy, WrappedKey};
use crate::memory::on_wiped_stack;
#[cfg(doc)]
use crate::vault::Unlocked;
use crate::vault::{Among as AmongKeys, Effect, Notice, ProjectInfo};

/// A running agent of one vault. Many threads may use it at once.
pub struct Client {
    place: Place,
    vault: VaultId,
    projects: Option<Vec<String>>,
    confirms: bool,
    /// Open connections that nobody uses right now.
    idle: Mutex<Vec<Connection>>,
    stock: Stock,
    /// The entry of the access log that keys are asked for under; 0 if there is none.
    under: AtomicU64,
}

/// What a change of a vault came to.
#[derive(Debug)]
pub struct Changed {
    /// Whether anything had to be changed.
    pub effect: Effect,
    /// The project as it is now.
    pub project: ProjectInfo,
    /// What the user should be told.
    pub notices: Vec<Notice>,
}

/// Whether a question may be asked again if the connection turns out to be closed, and how long the answer may take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// It may.
    Again(Duration),
    /// It may not.
    Once(Duration),
}

impl Client {
    /// Finds the agent in one of these places.
    ///
    /// # Errors
    /// [`Unanswered`]; [`Unanswered::NotRunning`] is the usual one, which nobody needs to be told.
    pub fn find(places: &[Place]) -> Result<Self, Unanswered> {
        let mut why = Unanswered::NotRunning;
        for place in places {
            match Self::at(place) {
                Ok(client) => return Ok(client),
                Err(Unanswered::NotRunning) => {}
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Connects to the agent in a place. One that does not say which it is counts as none.
    ///
    /// # Errors
    /// As [`Client::find`].
    pub fn at(place: &Place) -> Result<Self, Unanswered> {
        let (answer, connection) = ask_anew(place, &Question::Hello.to_line(), READ_WAIT, HELLO_TIME)?;
        match answer {
            Answer::Hello { vault, projects, confirms, .. } => Ok(Self {
                place: place.clone(),
                vault,
                projects,
                confirms,
                idle: Mutex::new(vec![connection]),
                stock: Stock::default(),
                under: AtomicU64::new(0),
            }),
            Answer::Refused(refusal) => Err(refusal.into()),
            _ => Err(Unanswered::Nonsense),
        }
    }

    /// Returns the vault that the agent keeps.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.vault
    }

    /// Returns the projects that the agent answers for; all of them if there is no list.
    #[must_use]
    pub fn projects_answered_for(&self) -> Option<&[String]> {
        self.projects.as_deref()
    }

    /// Tells what the agent does.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn status(&self) -> Result<Status, AskError> {
        match self.ask(&Question::Status)? {
            Answer::Status(status) => Ok(*status),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Makes the agent forget everything. Returns when its keys are wiped, its socket is gone and, unless it takes
    /// longer than `wait`, its process has ended. Works with an agent of any version.
    ///
    /// # Errors
    /// [`Unanswered`]; [`Unanswered::NotRunning`] if there is nothing to lock.
    pub fn lock(place: &Place, wait: Duration) -> Result<(), Unanswered> {
        let mut connection = open(place)?;
        match exchange(&mut connection, &Question::Lock.to_line(), READ_WAIT) {
            Ok(Answer::Locked) => {}
            // It has locked for another reason meanwhile.
            Err(Unanswered::Gone) if socket_goes(place)? => return Ok(()),
            Ok(Answer::Refused(refusal)) => return Err(refusal.into()),
            Ok(_) => return Err(Unanswered::Nonsense),
            Err(error) => return Err(error),
        }
        // Nothing more is said; the end of the process closes the connection.
        let _ = connection.read_line(1, Some(wait), LINE_TIME);
        Ok(())
    }

    /// Makes the agents in these places forget everything, as [`Client::lock`] does. Tells whether there was one.
    ///
    /// # Errors
    /// [`Unanswered`] if one is there and does not end.
    pub fn lock_all(places: &[Place]) -> Result<bool, Unanswered> {
        let (mut locked, mut failed) = (false, None);
        for place in places {
            match Self::lock(place, END_WAIT) {
                Ok(()) => locked = true,
                Err(why) if !why.is_surprising(std::slice::from_ref(place)) => {}
                Err(why) => failed = Some(why),
            }
        }
        failed.map_or(Ok(locked), Err)
    }

    /// Returns every project that the agent answers for, by name.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn projects(&self) -> Result<Vec<ProjectInfo>, AskError> {
        match self.ask(&Question::Projects)? {
            Answer::Projects(projects) => Ok(projects.into_iter().map(ProjectInfo::from).collect()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Returns one project.
    ///
    /// # Errors
    /// [`AskError`]; of the vault [`Error::NotFound`].
    pub fn project(&self, name: &str) -> Result<ProjectInfo, AskError> {
        match self.ask(&Question::Project { name: name.into() })? {
            Answer::Project(project) => Ok((*project).into()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Returns one project that has not been destroyed.
    ///
    /// # Errors
    /// [`AskError`]; of the vault [`Error::NotFound`].
    pub fn usable_project(&self, name: &str) -> Result<ProjectInfo, AskError> {
        let project = self.project(name)?;
        match project.destroyed {
            Some(at) => Err(AskError::Vault(NotFound::Destroyed { name: project.name, at }.into())),
            None => Ok(project),
        }
    }

    /// Returns the names of the projects that can be used, in order.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn names(&self) -> Result<Vec<String>, AskError> {
        match self.ask(&Question::Names)? {
            Answer::Names(names) => Ok(names),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Tells whether the vault may be changed, and new files sealed under its keys.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::check_writable`].
    pub fn check_writable(&self) -> Result<(), AskError> {
        match self.ask(&Question::Writable)? {
            Answer::Writable => Ok(()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Returns a project's current file key, or one version of it. The agent counts it.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::file_key`].
    pub fn file_key(&self, project: &str, version: Option<u32>) -> Result<ProjectFileKey, AskError> {
        match self.ask(&Question::FileKey { project: project.into(), version, under: self.under() })? {
            Answer::FileKey { project, version, key } => Ok(ProjectFileKey { project, version, key }),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Unwraps content keys with these file keys, and says with which; `None` for one that none of them fits. Returns
    /// as many as one question brings, in their order: one at least.
    ///
    /// # Errors
    /// [`AskError`], of the first of them.
    pub fn unwrap_some(
        &self,
        wrapped: &[WrappedKey<'_>],
        among: AmongKeys<'_>,
    ) -> Result<Vec<Option<(ContentKey, OpenedBy)>>, AskError> {
        let keys: Vec<KeyToUnwrap> = wrapped
            .iter()
            .take(KEYS_AT_ONCE)
            .map(|key| KeyToUnwrap { prelude: FixedBase64(*key.prelude), stanza: Base64(key.stanza.to_vec()) })
            .collect();
        let count = keys.len();
        let among = match among {
            AmongKeys::Vault { first } => Among::Vault { first: first.map(str::to_owned) },
            AmongKeys::Project(project) => Among::Project(project.into()),
        };
        match self.ask(&Question::Unwrap { keys, among, under: self.under() })? {
            Answer::Unwrapped(unwrapped) if (count.min(1)..=count).contains(&unwrapped.len()) => {
                let opened =
                    |key: UnwrappedKey| (key.content_key, OpenedBy { project: key.project, version: key.version });
                Ok(unwrapped.into_iter().map(|key| key.map(opened)).collect())
            }
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Unwraps a content key with one of these file keys, and says with which; `None` if none of them fits.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn unwrap_among(
        &self,
        wrapped: WrappedKey<'_>,
        among: AmongKeys<'_>,
    ) -> Result<Option<(ContentKey, OpenedBy)>, AskError> {
        Ok(self.unwrap_some(&[wrapped], among)?.into_iter().next().flatten())
    }

    /// Wraps content keys under one version of a project's file key, [`KEYS_AT_ONCE`] with each question. Returns the
    /// bodies of the project stanzas in the order of the keys.
    ///
    /// # Errors
    /// [`AskError`]; of the vault [`Error::NotFound`].
    pub fn wrap_all(
        &self,
        project: &str,
        version: u32,
        keys: impl IntoIterator<Item = KeyToWrap>,
    ) -> Result<Vec<Vec<u8>>, AskError> {
        let mut wrapped = Vec::new();
        let mut keys = keys.into_iter().peekable();
        while keys.peek().is_some() {
            let batch: Vec<KeyToWrap> = keys.by_ref().take(KEYS_AT_ONCE).collect();
            let count = batch.len();
            match self.ask(&Question::Wrap { project: project.into(), version, keys: batch })? {
                Answer::Wrapped(stanzas) if stanzas.len() == count => {
                    wrapped.extend(stanzas.into_iter().map(|stanza| stanza.0));
                }
                _ => return Err(Unanswered::Nonsense.into()),
            }
        }
        Ok(wrapped)
    }

    /// Changes the vault. If there is no answer, it may have been changed: it is not asked again.
    ///
    /// # Errors
    /// [`AskError`]; of the vault those of the change.
    pub fn change(&self, change: Change) -> Result<Changed, AskError> {
        match self.ask(&Question::Change(change))? {
            Answer::Changed { effect, project, notices } => Ok(Changed {
                effect: effect.into(),
                project: (*project).into(),
                notices: notices.into_iter().map(Notice::from).collect(),
            }),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    fn ask(&self, question: &Question) -> Result<Answer, AskError> {
        // What the parser leaves of a key on the stack would stay there.
        let answer = on_wiped_stack(|| {
            let asking = match question {
                Question::Change(_) | Question::EditSecret { .. } => Asking::Once(WRITE_WAIT),
                // An entry that is written twice says too much, and never too little.
                Question::LogBegin(_) | Question::LogFiles { .. } | Question::LogEnd { .. } => {
                    Asking::Again(WRITE_WAIT)
                }
                // The user is asked once.
                Question::FileKey { .. } | Question::SecretValue { .. } if self.confirms => {
                    Asking::Once(CONFIRM_WAIT + READ_WAIT)
                }
                _ => Asking::Again(READ_WAIT),
            };
            self.send(&question.to_line(), asking)
        })?;
        match answer {
            Answer::Failed(failed) => Err(AskError::Vault(failed.into())),
            Answer::Refused(refusal) => Err(Unanswered::from(refusal).into()),
            answer => Ok(answer),
        }
    }

    fn send(&self, line: &Line, asking: Asking) -> Result<Answer, Unanswered> {
        if line.as_bytes().len() > QUESTION_LIMIT {
            return Err(Refusal::TooLong.into());
        }
        let wait = match asking {
            // On a connection of its own: one that was open may have been closed by the agent, and whether the change
            // was made would not be known.
            Asking::Once(wait) => return exchange(&mut open(&self.place)?, line, wait),
            Asking::Again(wait) => wait,
        };
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = kept {
            match exchange(&mut connection, line, wait) {
                // The agent closes connections that wait for long when others come.
                Err(Unanswered::Gone) => {}
                other => return other.inspect(|_| self.keep(connection)),
            }
        }
        let (answer, connection) = ask_anew(&self.place, line, wait, RETRY_TIME)?;
        self.keep(connection);
        Ok(answer)
    }

    fn keep(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Says in the library's one error that the agent did not answer, for callers that can have no other.
    fn as_error(&self, error: AskError) -> Error {
        match error {
            AskError::Vault(error) => error,
            AskError::Unanswered(why) => Error::Agent { reason: why.to_string() },
        }
    }
}

impl FileKeys for Client {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        let unwrapped = self.unwrap_among(wrapped, AmongKeys::Vault { first: None });
        unwrapped.map_err(|error| self.as_error(error))
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; PRELUDE_LEN],
        content_key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        let key = to_wrap(*prelude, content_key)?;
        let wrapped = self.wrap_all(project, version, [key]).map_err(|error| self.as_error(error))?;
        wrapped.into_iter().next().ok_or_else(|| self.as_error(Unanswered::Nonsense.into()))
    }

    /// Draws more and more at once: who seals one file seldom seals another, and who seals many waits for one answer
    /// for each 64 of them.
    fn draw_content_key(&self, project: &str, version: u32, block_len: usize) -> Result<Drawn, Error> {
        self.stock.take((project, version, block_len), |count| {
            let mut drawn = Vec::with_capacity(count);
            for _ in 0..count {
                drawn.push((Prelude { block_len, file: FileId::generate()? }, ContentKey::generate()?));
            }
            let keys: Result<Vec<KeyToWrap>, Error> =
                drawn.iter().map(|(prelude, key)| to_wrap(prelude.to_bytes(), key)).collect();
            let stanzas = self.wrap_all(project, version, keys?).map_err(|error| self.as_error(error))?;
            let drawn = drawn.into_iter().zip(stanzas);
            Ok(drawn.map(|((prelude, content_key), stanza)| Drawn { prelude, content_key, stanza }).collect())
        })
    }
}

/// Puts a content key into a question. The copy is wiped with the question.
fn to_wrap(prelude: [u8; PRELUDE_LEN], content_key: &ContentKey) -> Result<KeyToWrap, Error> {
    let content_key = ContentKey::fill_with(|key| {
        key.copy_from_slice(content_key.expose());
        Ok::<(), Error>(())
    })?;
    Ok(KeyToWrap { prelude: FixedBase64(prelude), content_key })
}

/// Tells whether an agent that closed a connection without an answer is one that ends: it takes its socket away, after
/// it has wiped its keys.
fn socket_goes(place: &Place) -> Result<bool, Unanswered> {
    let deadline = Instant::now() + END_WAIT;
    while place.has_socket()? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// Connects to the socket in a place.
fn open(place: &Place) -> Result<Connection, Unanswered> {
    // To look for a pipe of Windows is to connect to it.
    if cfg!(unix) && !place.has_socket()? {
        return Err(Unanswered::NotRunning);
    }
    connect(place.socket()).map_err(|error| match error.kind() {
        // A socket that its process has left behind.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Unanswered::NotRunning,
        io::ErrorKind::PermissionDenied => Unanswered::OtherUser,
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Unanswered::TooSlow,
        _ => Unanswered::Io(error),
    })
}

/// Asks on new connections, for some time, what may be asked more than once. Among many clients the agent may close a
/// connection before it has read the question.
fn ask_anew(
    place: &Place,
    line: &Line,
    wait: Duration,
    retry_for: Duration,
) -> Result<(Answer, Connection), Unanswered> {
    let deadline = Instant::now() + retry_for;
    let mut pause = RETRY_WAIT;
    loop {
        let mut connection = open(place)?;
        match exchange(&mut connection, line, wait) {
            Err(Unanswered::Gone) | Ok(Answer::Refused(Refusal::Busy)) if Instant::now() + pause < deadline => {
                std::thread::sleep(pause);
                pause = pause.saturating_mul(2).min(RETRY_WAIT * 10);
            }
            answer => return answer.map(|answer| (answer, connection)),
        }
    }
}

/// Sends a question and waits for its answer.
fn exchange(connection: &mut Connection, line: &Line, wait: Duration) -> Result<Answer, Unanswered> {
    let sent = connection.write_line(line, wait);
    // The agent may have said why it closes the connection before it did.
    if let Err(error) = &sent
        && !is_closed(error)
    {
        return Err(match error.kind() {
            io::ErrorKind::TimedOut => Unanswered::TooSlow,
            _ => Unanswered::Io(io::Error::from(error.kind())),
        });
    }
    let answer = match connection.read_line(ANSWER_LIMIT, Some(wait), wait) {
        Ok(answer) => answer,
        Err(NoLine::TooSlow) => return Err(Unanswered::TooSlow),
        Err(NoLine::TooLong) => return Err(Unanswered::Nonsense),
        Err(NoLine::Closed) => return Err(Unanswered::Gone),
        Err(NoLine::Failed(error)) => return Err(Unanswered::Io(error)),
    };
    match Answer::read(answer.as_bytes()) {
        // After an answer that nobody has asked for, the connection is of no use any more.
        Ok(answer) if sent.is_ok() || matches!(answer, Answer::Refused(_)) => Ok(answer),
        Ok(_) => Err(Unanswered::Gone),
        Err(Unread::OtherProtocol(_)) => Err(Unanswered::OtherProtocol),
        Err(Unread::Malformed) => Err(Unanswered::Nonsense),
    }
}
