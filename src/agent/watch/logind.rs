//! What logind tells on the system bus: that the computer goes to sleep, that a session of this user was locked, that
//! the last one has ended. One connection, and one thread that listens.
//!
//! It does not look for the session of this process, since a process of the user's service manager belongs to none: it
//! takes the signals of all sessions, and asks whose each is.

use std::io;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use zbus::blocking::connection::Builder;
use zbus::blocking::{Connection, MessageIterator, Proxy};
use zbus::message::Type;
use zbus::names::UniqueName;
use zbus::zvariant::{ObjectPath, OwnedFd, OwnedObjectPath, OwnedValue};
use zbus::{MatchRule, Message};

use super::{Bell, Clock, Ending, ThisClock, Watcher};
use crate::agent::limits::BUS_WAIT;
use crate::agent::protocol::Watching;

/// What logind is called on the bus.
const NAME: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const SESSIONS_PATH: &str = "/org/freedesktop/login1/session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.freedesktop.DBus";

/// Which bus is asked.
#[derive(Debug, Clone, Default)]
pub enum Bus {
    /// The system's.
    #[default]
    System,
    /// The one at an address.
    At(String),
}

/// Listens to logind for as long as it exists.
pub struct Sessions {
    logind: Logind,
    /// The system waits with suspend as long as this is open, for 5 s at most unless it is told otherwise.
    inhibitor: Option<OwnedFd>,
    lacking: Option<String>,
    heard: Arc<Heard>,
}

/// When logind was last heard, on the boot-time clock.
#[derive(Default)]
struct Heard(Mutex<Option<Duration>>);

impl Heard {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ThisClock.now().boot);
    }

    fn seconds_ago(&self) -> Option<u64> {
        let heard = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| ThisClock.now().boot.saturating_sub(heard).as_secs())
    }
}

impl Sessions {
    /// Listens for a reason to lock. What is lost afterwards is one: the bus, and logind itself.
    ///
    /// # Errors
    /// In words, if there is no bus or no logind there: then only the clock tells.
    pub fn listen(bus: &Bus, bell: Bell) -> Result<Self, String> {
        let connection = connect(bus).map_err(|_| "no system bus answers here".to_owned())?;
        let no_logind = |error: zbus::Error| format!("logind does not answer: {}", words(&error));
        // The rules first: what happens between two calls is not missed.
        let signals = MessageIterator::from(&connection);
        for rule in rules().map_err(no_logind)? {
            let rule = rule.to_string();
            let proxy = Proxy::new(&connection, BUS, "/org/freedesktop/DBus", BUS).map_err(no_logind)?;
            proxy.call::<_, _, ()>("AddMatch", &(rule.as_str(),)).map_err(no_logind)?;
        }
        let mut logind =
            Logind { owner: owner_of_logind(&connection).map_err(no_logind)?, bus: connection, had_sessions: false };
        logind.had_sessions = logind.has_open_session().map_err(no_logind)?;
        let (inhibitor, lacking) = match logind.inhibit() {
            Ok(inhibitor) => (Some(inhibitor), None),
            // Polkit may refuse it, such as to who is logged in from elsewhere. The signal comes all the same.
            Err(error) => (None, Some(format!("the system does not wait before it sleeps: {}", words(&error)))),
        };
        let heard = Arc::new(Heard::default());
        let (listener, told) = (logind.clone(), Arc::clone(&heard));
        let thread = thread::Builder::new().name("logind".into());
        let thread = thread.spawn(move || bell.ring(listener.first_reason(signals, &told)));
        thread.map_err(|error| format!("no thread to listen on: {}", error.kind()))?;
        Ok(Self { logind, inhibitor, lacking, heard })
    }
}

impl Watcher for Sessions {
    fn watching(&self) -> Watching {
        Watching {
            sessions: true,
            delays_sleep: self.inhibitor.is_some(),
            lacking: self.lacking.clone(),
            heard_seconds_ago: self.heard.seconds_ago(),
        }
    }

    /// Looks whether this user has a session yet. One that has ended is not removed as long as a process of it is left,
    /// and that may be the agent.
    fn look(&self) -> Option<Ending> {
        match self.logind.has_open_session() {
            Ok(false) if self.logind.had_sessions => Some(Ending::SessionsEnded),
            Ok(_) => None,
            Err(_) => Some(Ending::BusLost),
        }
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        // The thread sees the end of the connection, and ends.
        let _ = self.logind.bus.clone().close();
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("watching", &self.watching()).finish()
    }
}

fn connect(bus: &Bus) -> zbus::Result<Connection> {
    let builder = match bus {
        Bus::System => Builder::system()?,
        Bus::At(address) => Builder::address(address.as_str())?,
    };
    let builder = builder.method_timeout(BUS_WAIT);
    // That limit is for calls. A bus that takes a connection and says nothing would be waited for without end.
    let (connected, connection) = channel();
    thread::Builder::new().name("bus".into()).spawn(move || connected.send(builder.build()))?;
    connection.recv_timeout(BUS_WAIT).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn owner_of_logind(bus: &Connection) -> zbus::Result<UniqueName<'static>> {
    let bus = Proxy::new(bus, BUS, "/org/freedesktop/DBus", BUS)?;
    let owner: String = bus.call("GetNameOwner", &(NAME,))?;
    Ok(UniqueName::try_from(owner)?)
}

fn rules() -> zbus::Result<Vec<MatchRule<'static>>> {
    let of_logind = || MatchRule::builder().msg_type(Type::Signal).sender(NAME);
    let name_of_logind = MatchRule::builder().msg_type(Type::Signal).sender(BUS)?.member("NameOwnerChanged")?;
    Ok(vec![
        of_logind()?.interface(MANAGER)?.build(),
        of_logind()?.interface(SESSION)?.member("Lock")?.build(),
        of_logind()?.interface(PROPERTIES)?.path_namespace(SESSIONS_PATH)?.build(),
        name_of_logind.arg(0, NAME)?.build(),
    ])
}

/// Returns an error's name or kind: a bus may put anything into its text.
fn words(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, _, _) => name.to_string(),
        zbus::Error::InputOutput(error) => io::Error::from(error.kind()).to_string(),
        _ => "it refused".into(),
    }
}

/// Logind, and what was there at the start.
#[derive(Clone)]
struct Logind {
    bus: Connection,
    /// The connection that logind has. Only what comes from there counts: anybody may send a signal to one connection.
    owner: UniqueName<'static>,
    had_sessions: bool,
}

/// A session as logind lists it: its id, its user's number and name, its seat, its object.
type Listed = (String, u32, String, String, OwnedObjectPath);

impl Logind {
    fn first_reason(&self, signals: MessageIterator, heard: &Heard) -> Ending {
        for message in signals {
            let Ok(message) = message else { break };
            if let Some(ending) = self.reason_in(&message, heard) {
                return ending;
            }
        }
        Ending::BusLost
    }

    /// Looks at one message.
    fn reason_in(&self, message: &Message, heard: &Heard) -> Option<Ending> {
        let header = message.header();
        if message.message_type() != Type::Signal {
            return None;
        }
        let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
        let sender = header.sender()?;
        if sender.as_str() == BUS && member == "NameOwnerChanged" {
            let (name, _, _): (String, String, String) = message.body().deserialize().ok()?;
            // Whoever follows it knows nothing of the inhibitor.
            return (name == NAME).then_some(Ending::BusLost);
        }
        if *sender != self.owner {
            return None;
        }
        heard.now();
        match (interface, member) {
            (MANAGER, "PrepareForSleep") => {
                // False says that it has slept.
                let begins = message.body().deserialize().unwrap_or(true);
                Some(if begins { Ending::Sleep } else { Ending::Slept })
            }
            (MANAGER, "SessionRemoved") => {
                let is_left = self.has_open_session().unwrap_or(false);
                (self.had_sessions && !is_left).then_some(Ending::SessionsEnded)
            }
            (SESSION, "Lock") => self.is_own(header.path()?).then_some(Ending::ScreenLocked),
            (PROPERTIES, "PropertiesChanged") => {
                (self.says_locked(message) && self.is_own(header.path()?)).then_some(Ending::ScreenLocked)
            }
            _ => None,
        }
    }

    /// Tells whether the properties of a session say now that its screen is locked.
    fn says_locked(&self, message: &Message) -> bool {
        type Changed = (String, std::collections::HashMap<String, OwnedValue>, Vec<String>);
        let Ok((interface, changed, dropped)) = message.body().deserialize::<Changed>() else { return false };
        if interface != SESSION {
            return false;
        }
        match changed.get("LockedHint") {
            Some(hint) => bool::try_from(hint).unwrap_or(true),
            // It has changed, and does not say to what.
            None => dropped.iter().any(|name| name == "LockedHint"),
        }
    }

    /// Tells whether a session is this user's. One that logind does not know any more may have been.
    fn is_own(&self, session: &ObjectPath<'_>) -> bool {
        let own = rustix::process::geteuid().as_raw();
        let user = self.listed().map(|all| all.into_iter().find(|listed| *listed.4 == *session).map(|listed| listed.1));
        user.ok().flatten().is_none_or(|user| user == own)
    }

    /// Tells whether this user has a session that has not ended.
    fn has_open_session(&self) -> zbus::Result<bool> {
        let own = rustix::process::geteuid().as_raw();
        for (_, user, _, _, path) in self.listed()? {
            // It may be gone since it was listed.
            if user == own && self.state_of(&path).is_ok_and(|state| state != "closing") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn state_of(&self, session: &OwnedObjectPath) -> zbus::Result<String> {
        let properties = Proxy::new(&self.bus, NAME, session, PROPERTIES)?;
        let state: OwnedValue = properties.call("Get", &(SESSION, "State"))?;
        Ok(String::try_from(state)?)
    }

    fn listed(&self) -> zbus::Result<Vec<Listed>> {
        self.manager()?.call("ListSessions", &())
    }

    fn inhibit(&self) -> zbus::Result<OwnedFd> {
        self.manager()?.call("Inhibit", &("sleep", "strongroom", "wipes its keys from memory", "delay"))
    }

    fn manager(&self) -> zbus::Result<Proxy<'static>> {
        Proxy::new(&self.bus, NAME, MANAGER_PATH, MANAGER)
    }
}
