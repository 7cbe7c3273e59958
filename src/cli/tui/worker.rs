//! What takes time, in a thread of its own: the vault file, the agent, the check of the password. Answers go back as
//! events.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use super::clipboard::Clipboard;
use super::events::{Answer, By, Event, Facts, Unlocked};
use super::lists::{Contents, Kit, Warning};
use crate::agent::client::{AgentVault, Client};
use crate::cli::access::{self, Doing};
use crate::cli::agent;
use crate::cli::context::Context;
use crate::cli::notices;
use crate::cli::unlocking::unlock_typed;
use crate::cli::views;
use crate::crypto::secret::Password;
use crate::doctor::{self, Computer, Level};
use crate::error::Error;
use crate::failure::Failure;
use crate::format::log::{Action, Destination};
use crate::format::secret::SecretValue;
use crate::home::Asking;
use crate::vault::{self, Effect, Notice, OpenVault, Source, Vault};

/// How long the end of the screen waits for the thread: it wipes its keys, if it is not at work.
const PARTING: Duration = Duration::from_millis(500);

/// Something to be done.
pub enum Job {
    /// Look whether the vault is unlocked, and still the same.
    Check(u64),
    /// Unlock it here.
    Unlock(u64, Password),
    /// Forget the vault that was unlocked here.
    Forget,
    /// Fetch what a secret holds.
    Reveal(u64, String),
    /// Copy its password.
    Copy(u64, String),
}

/// Where events go.
#[derive(Clone)]
pub struct Events {
    events: Sender<Event>,
    wake: Arc<UnixStream>,
}

impl Events {
    /// Returns one end and the other. Whoever waits at the other is woken through a socket.
    pub fn new(wake: UnixStream) -> (Self, Receiver<Event>) {
        let (events, arriving) = channel();
        (Self { events, wake: Arc::new(wake) }, arriving)
    }

    fn send(&self, event: Event) {
        // Where the screen is gone, so is whoever would have looked. A socket that is full wakes as well.
        let _ = self.events.send(event);
        let _ = (&*self.wake).write(b".");
    }

    fn answer(&self, epoch: u64, answer: Answer) {
        self.send(Event::Answer(epoch, answer));
    }
}

/// The thread.
pub struct Worker {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    context: Arc<Context>,
    events: Events,
}

impl Worker {
    /// Starts it.
    ///
    /// # Errors
    /// Where the system has no thread.
    pub fn start(context: Arc<Context>, events: Events, clipboard: Box<dyn Clipboard>) -> std::io::Result<Self> {
        let (jobs, arriving) = channel();
        let mut work = Work { context: context.clone(), events: events.clone(), clipboard, held: None, seen: None };
        let run = move || arriving.into_iter().for_each(|job| work.run(job));
        let thread = thread::Builder::new().name("vault".into()).spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), context, events })
    }

    /// Has it do something after what it does already.
    ///
    /// # Errors
    /// Where the thread has ended by a panic.
    pub fn give(&self, job: Job) -> Result<(), Failure> {
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        sent.then_some(()).ok_or_else(|| {
            Failure::new(crate::failure::Exit::Failed, "io", "cannot go on: the thread that keeps the vault has ended")
        })
    }

    /// Reads the vault file and looks at this computer as `doctor` does without a password, in another thread.
    pub fn look_around(&self) {
        let (context, events) = (self.context.clone(), self.events.clone());
        let look = move || {
            events.send(match read(&context) {
                Ok(facts) => Event::Facts(facts),
                Err(failure) => Event::NoVault(lines(&context, &failure)),
            });
            events.send(Event::Warnings(warnings(&context)));
        };
        // Where the system has no thread, the agent still answers.
        let _ = thread::Builder::new().name("doctor".into()).spawn(look);
    }

    /// Ends the agent, in another thread: this one may wait for its answer.
    pub fn lock_agent(&self, epoch: u64) {
        let (context, events) = (self.context.clone(), self.events.clone());
        let lock = move || {
            events.answer(
                epoch,
                match agent::lock(&context) {
                    Ok(_) => Answer::Locked,
                    Err(failure) => Answer::Failed(one_line(&context, &failure)),
                },
            );
        };
        let _ = thread::Builder::new().name("lock".into()).spawn(lock);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        let start = Instant::now();
        let Some(thread) = self.thread.take() else { return };
        while !thread.is_finished() && start.elapsed() < PARTING {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A vault that is unlocked.
enum Held {
    Here(Box<vault::Unlocked>),
    Agent { vault: Box<AgentVault>, client: Box<Client> },
}

impl Held {
    fn vault(&self) -> &dyn OpenVault {
        match self {
            Self::Here(vault) => &**vault,
            Self::Agent { vault, .. } => &**vault,
        }
    }
}

/// By what a vault file that was replaced is recognized, without reading it.
type Seen = (u64, Option<SystemTime>);

struct Work {
    context: Arc<Context>,
    events: Events,
    clipboard: Box<dyn Clipboard>,
    held: Option<Held>,
    /// The vault file as it was when its contents were listed.
    seen: Option<Seen>,
}

impl Work {
    fn run(&mut self, job: Job) {
        match job {
            Job::Check(epoch) => {
                let answer = self.check();
                self.events.answer(epoch, answer);
            }
            Job::Unlock(epoch, password) => {
                let answer = self.unlock(password);
                self.events.answer(epoch, answer);
            }
            Job::Forget => self.held = None,
            Job::Reveal(epoch, name) => {
                let answer = match self.value(&name, Destination::Terminal) {
                    Ok(value) => Answer::Value(name, value),
                    Err(failure) => Answer::Failed(one_line(&self.context, &failure)),
                };
                self.events.answer(epoch, answer);
            }
            Job::Copy(epoch, name) => {
                let answer = match self.value(&name, Destination::Clipboard) {
                    Ok(value) if value.password.is_empty() => Answer::Failed("it has no password".into()),
                    Ok(value) => self.clipboard.copy(&value.password).map_or_else(Answer::Failed, Answer::Copied),
                    Err(failure) => Answer::Failed(one_line(&self.context, &failure)),
                };
                self.events.answer(epoch, answer);
            }
        }
    }

    fn value(&self, name: &str, to: Destination) -> Result<SecretValue, Failure> {
        let failed = |error| Failure::of(format!("show secret {name:?}"), error);
        let Some(held) = &self.held else { return Err(failed(Error::Agent { reason: "the vault is locked".into() })) };
        let doing = Doing::to_vault(Action::SecretShow).subject(name).to(to);
        let begun = access::begin_quietly(&self.context, held.vault(), &doing)?;
        let value = held.vault().secret_value(name, None).map_err(failed);
        if let Some(mut begun) = begun {
            if value.is_ok() {
                begun.done();
            }
            access::end_quietly(held.vault(), &begun);
        }
        value
    }

    fn check(&mut self) -> Answer {
        let now = self.look();
        let is_same = now == self.seen;
        match &mut self.held {
            Some(Held::Here(_)) if is_same => Answer::Unchanged(None),
            Some(Held::Here(vault)) => match vault.catch_up() {
                Ok(Effect::Changed) => self.list(now, Vec::new()),
                Ok(Effect::AlreadySo) => {
                    self.seen = now;
                    Answer::Unchanged(None)
                }
                // The vault file does not descend from what was unlocked.
                Err(_) => self.forget(),
            },
            Some(Held::Agent { client, .. }) => match client.status() {
                Ok(status) if is_same => {
                    Answer::Unchanged(Some(status.idle_seconds_left.min(status.life_seconds_left)))
                }
                Ok(_) => self.list(now, Vec::new()),
                Err(_) => self.forget(),
            },
            None => match [agent::quietly(&self.context), agent::quietly(&self.context)] {
                [Some(first), Some(client)] => {
                    self.held = Some(Held::Agent { vault: Box::new(AgentVault::new(first)), client: Box::new(client) });
                    self.list(now, Vec::new())
                }
                _ => Answer::Locked,
            },
        }
    }

    fn forget(&mut self) -> Answer {
        self.held = None;
        Answer::Locked
    }

    /// Returns by what a change of the vault file is seen.
    fn look(&self) -> Option<Seen> {
        let file = std::fs::metadata(self.context.store().ok()?.file()).ok()?;
        Some((file.len(), file.modified().ok()))
    }

    fn unlock(&mut self, password: Password) -> Answer {
        let now = self.look();
        let events = self.events.clone();
        let timeout = self.context.global.keychain_timeout.map(Duration::from_secs);
        let asking = || Asking::attended(move |text| events.send(Event::Remark(text.to_owned()))).within(timeout);
        match unlock_typed(&self.context, password, asking) {
            Ok((vault, notices)) => {
                self.held = Some(Held::Here(Box::new(vault)));
                self.list(now, notices)
            }
            Err(failure) => Answer::Failed(one_line(&self.context, &failure)),
        }
    }

    /// Lists what the unlocked vault has, whose file was seen like this before.
    fn list(&mut self, seen: Option<Seen>, notices: Vec<Notice>) -> Answer {
        let Some(held) = &self.held else { return Answer::Locked };
        let vault = held.vault();
        let (projects, secrets) = match (vault.projects(), vault.secrets()) {
            (Ok(projects), Ok(secrets)) => (projects, secrets),
            (Err(error), _) | (_, Err(error)) => {
                self.held = None;
                return Answer::Failed(one_line(&self.context, &Failure::of("list what is in the vault", error)));
            }
        };
        let (by, kits) = match held {
            Held::Here(vault) => {
                let kit = |kit: &views::Kit| Kit { name: kit.kit.clone(), made: kit.created, state: kit.state() };
                let kits = vault.kits().iter().map(|info| kit(&info.into())).collect();
                (By::Screen, Some(kits))
            }
            Held::Agent { client, .. } => {
                let status = client.status();
                let seconds = status.map_or(0, |status| status.idle_seconds_left.min(status.life_seconds_left));
                (By::Agent { seconds, some: client.projects_answered_for().is_some() }, None)
            }
        };
        self.seen = seen;
        let flags = &self.context.output.flags;
        let notices = notices::texts(&notices).map(|(_, text)| text.with(flags)).collect();
        Answer::Unlocked(Box::new(Unlocked { by, contents: Contents::new(projects, secrets), kits, notices }))
    }
}

/// Reads what the vault file shows without a key.
fn read(context: &Context) -> Result<Facts, Failure> {
    let store = context.store()?;
    let found = Vault::open(Arc::new(store)).map_err(|error| Failure::of("open the vault", error));
    let vault = found.map_err(|failure| {
        if failure.kind != "vault-not-found" {
            return failure;
        }
        let is_remembered = context.store().is_ok_and(|store| context.home.remembered_at(store.file()).is_some());
        failure.vault_sought(is_remembered, context.home.named_keychain())
    })?;
    let kit = |kit: &crate::format::vault::KitSlot| Kit {
        name: kit.name().to_string(),
        made: kit.created,
        state: "valid".into(),
    };
    let warning = match vault.source() {
        Source::Previous { reason, .. } => {
            Some(format!("the vault file cannot be used: {}; this is the previous one", reason.as_str()))
        }
        _ => None,
    };
    Ok(Facts { kits: vault.header().kits().map(kit).collect(), warning })
}

/// Returns what the checks have found that is not as it should be. Nobody is asked anything.
fn warnings(context: &Context) -> Vec<Warning> {
    let timeout = context.global.keychain_timeout.map(Duration::from_secs);
    let asking = || Asking::silent().within(timeout);
    let computer = Computer { home: &context.home, asking: &asking };
    let flags = &context.output.flags;
    match doctor::run(&computer, None) {
        Ok(checked) => {
            let found = checked.findings.into_iter().filter(|finding| finding.level != Level::Good);
            let mut found: Vec<Warning> = found
                .map(|finding| Warning {
                    check: finding.check,
                    level: finding.level,
                    text: finding.text.with(flags),
                    remedy: finding.remedy.map(|remedy| remedy.with(flags)),
                })
                .collect();
            found.sort_by_key(|warning| warning.level != Level::Problem);
            found
        }
        Err(error) => {
            let failure = Failure::from(error);
            let remedy = failure.hint.as_ref().map(|hint| hint.with(flags));
            let text = one_line(context, &Failure { hint: None, ..failure });
            vec![Warning { check: "settings", level: Level::Problem, text, remedy }]
        }
    }
}

/// Says in one line what failed.
fn one_line(context: &Context, failure: &Failure) -> String {
    lines(context, failure).replace('\n', "; ")
}

/// Says what failed, why, and what to do, a line each.
fn lines(context: &Context, failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| hint.with(&context.output.flags));
    let said = [Some(failure.message.clone()), failure.cause.clone(), hint];
    said.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
