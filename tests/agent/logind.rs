//! What logind tells makes an agent lock: each test on a system bus of its own, with a logind that does as it is told.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom::agent::client::Client;
use strongroom::agent::watch::{Bus, Ending, Sessions, Watcher, bell};
use zbus::blocking::connection::Builder;
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedObjectPath, Value};

use super::home::{Agent, Home};
use crate::support::run_again;

/// Set in the process that runs on the private bus.
const INSIDE: &str = "STRONGROOM_TEST_LOGIND";

macro_rules! bus_tests {
    ($($(#[doc = $doc:literal])* $name:ident $body:block)*) => {$(
        $(#[doc = $doc])*
        #[test]
        #[ignore = "needs dbus and python3-dbusmock: run ./test"]
        fn $name() {
            if std::env::var_os(INSIDE).is_some() {
                return $body;
            }
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agent/with-fake-logind.sh");
            run_again(Command::new(script).env(INSIDE, "yes"), concat!(module_path!(), "::", stringify!($name)));
        }
    )*};
}

const NAME: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const MOCK: &str = "org.freedesktop.DBus.Mock";

fn address() -> String {
    std::env::var("DBUS_SYSTEM_BUS_ADDRESS").expect("the script sets it")
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The logind of the test.
struct Logind(Connection);

impl Logind {
    fn new() -> Self {
        Self(Builder::address(address().as_str()).expect("an address").build().expect("a bus"))
    }

    fn object(&self, path: &str, interface: &'static str) -> Proxy<'static> {
        Proxy::new(&self.0, NAME, path.to_owned(), interface).expect("a proxy")
    }

    fn add_session(&self, id: &str, user: u32) -> OwnedObjectPath {
        let manager = self.object(MANAGER_PATH, MOCK);
        let path: String =
            manager.call("AddSession", &(id, "seat0", user, format!("user{user}"), true)).expect("a session");
        OwnedObjectPath::try_from(path).expect("a path")
    }

    fn set(&self, session: &OwnedObjectPath, property: &str, value: Value<'_>) {
        let properties = std::collections::HashMap::from([(property, value)]);
        self.object(session, MOCK).call::<_, _, ()>("UpdateProperties", &(SESSION, properties)).expect("set");
    }

    fn remove_session(&self, id: &str, session: &OwnedObjectPath) {
        self.object(MANAGER_PATH, MOCK).call::<_, _, ()>("RemoveObject", &(session.as_str(),)).expect("removed");
        self.signal("SessionRemoved", "so", vec![Value::from(id), Value::from(session.as_ref())]);
    }

    fn signal(&self, name: &str, signature: &str, arguments: Vec<Value<'_>>) {
        let manager = self.object(MANAGER_PATH, MOCK);
        manager.call::<_, _, ()>("EmitSignal", &(MANAGER, name, signature, arguments)).expect("told");
    }

    fn lock(&self, session: &OwnedObjectPath) {
        self.object(session, SESSION).call::<_, _, ()>("Lock", &()).expect("locked");
    }

    fn inhibitors(&self) -> Vec<(String, String, String, String, u32, u32)> {
        self.object(MANAGER_PATH, MANAGER).call("ListInhibitors", &()).expect("a list")
    }
}

/// An agent that listens to the logind of the test.
fn agent(home: &Home) -> Agent {
    home.agent_watching(|bell| {
        let sessions = Sessions::listen(&Bus::At(address()), bell).expect("it listens");
        Some(Arc::new(sessions) as Arc<dyn Watcher>)
    })
}

/// Sees to it that an agent has not locked some time after something has happened.
fn stays(agent: &Agent) {
    std::thread::sleep(Duration::from_millis(300));
    assert!(agent.is_running());
    agent.client().names().expect("an answer");
}

/// Returns why an agent has locked, which must be soon.
fn why(agent: Agent) -> Ending {
    let started = Instant::now();
    let place = agent.place.clone();
    let ended = agent.ended();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(ended.wiped);
    assert!(Client::at(&place).is_err());
    ended.why
}

bus_tests! {
    before_the_computer_sleeps_the_keys_are_wiped {
        let (home, logind) = (Home::new(), Logind::new());
        logind.add_session("c1", own_user());
        let agent = agent(&home);
        let status = agent.client().status().expect("a status").watching;
        assert!(status.sessions && status.delays_sleep && status.lacking.is_none(), "{status:?}");
        let held = logind.inhibitors();
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].0.as_str(), held[0].1.as_str(), held[0].3.as_str()), ("sleep", "strongroom", "delay"));
        logind.signal("PrepareForSleep", "b", vec![Value::from(true)]);
        assert_eq!(why(agent), Ending::Sleep);
        // Let go after the wipe: the system need not wait for its own limit.
        let started = Instant::now();
        while !logind.inhibitors().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(3));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    a_locked_screen_of_any_session_of_the_user_locks {
        let (home, logind) = (Home::new(), Logind::new());
        let (first, second) = (logind.add_session("c1", own_user()), logind.add_session("c2", own_user()));
        let stranger = logind.add_session("c3", own_user() + 1);
        for (number, session) in [&first, &second].into_iter().enumerate() {
            let agent = agent(&home);
            logind.lock(&stranger);
            logind.set(&stranger, "LockedHint", Value::from(true));
            logind.set(session, "IdleHint", Value::from(true));
            logind.set(session, "LockedHint", Value::from(false));
            stays(&agent);
            let heard = agent.client().status().expect("a status").watching.heard_seconds_ago;
            assert!(heard.is_some_and(|seconds| seconds < 10), "{heard:?}");
            if number == 0 { logind.lock(session) } else { logind.set(session, "LockedHint", Value::from(true)) }
            assert_eq!(why(agent), Ending::ScreenLocked);
            logind.set(session, "LockedHint", Value::from(false));
            logind.set(&stranger, "LockedHint", Value::from(false));
        }
    }

    the_end_of_the_last_session_of_the_user_locks {
        let (home, logind) = (Home::new(), Logind::new());
        let (first, second) = (logind.add_session("c1", own_user()), logind.add_session("c2", own_user()));
        let stranger = logind.add_session("c3", own_user() + 1);
        let agent = agent(&home);
        logind.remove_session("c3", &stranger);
        logind.remove_session("c1", &first);
        stays(&agent);
        logind.remove_session("c2", &second);
        assert_eq!(why(agent), Ending::SessionsEnded);
    }

    a_session_that_is_closing_has_ended {
        let logind = Logind::new();
        let session = logind.add_session("c1", own_user());
        let (bell, ear) = bell();
        let sessions = Sessions::listen(&Bus::At(address()), bell).expect("it listens");
        assert_eq!(sessions.look(), None);
        logind.set(&session, "State", Value::from("closing"));
        assert_eq!(sessions.look(), Some(Ending::SessionsEnded));
        assert_eq!(ear.listen(Duration::from_millis(100)), None);
    }

    without_a_session_at_the_start_none_is_missed {
        let (home, logind) = (Home::new(), Logind::new());
        let agent = agent(&home);
        let session = logind.add_session("c1", own_user() + 1);
        logind.remove_session("c1", &session);
        stays(&agent);
        logind.signal("PrepareForSleep", "b", vec![Value::from(false)]);
        assert_eq!(why(agent), Ending::Slept);
    }

    a_signal_that_does_not_come_from_logind_is_nothing {
        let (home, logind) = (Home::new(), Logind::new());
        let session = logind.add_session("c1", own_user());
        let agent = agent(&home);
        // To everybody, and to each connection there is.
        let names: Vec<String> = zbus::blocking::fdo::DBusProxy::new(&logind.0)
            .and_then(|bus| Ok(bus.list_names()?))
            .expect("names")
            .into_iter()
            .map(|name| name.to_string())
            .filter(|name| name.starts_with(':'))
            .collect();
        for to in std::iter::once(None).chain(names.iter().map(|name| Some(name.as_str()))) {
            logind.0.emit_signal(to, MANAGER_PATH, MANAGER, "PrepareForSleep", &(true,)).expect("sent");
            logind.0.emit_signal(to, session.as_str(), SESSION, "Lock", &()).expect("sent");
        }
        stays(&agent);
        assert_eq!(agent.end().why, Ending::Told);
    }

    if_logind_is_lost_the_agent_locks {
        let home = Home::new();
        let agent = agent(&home);
        kill("LOGIND_PROCESS");
        assert_eq!(why(agent), Ending::BusLost);
        let listening = Sessions::listen(&Bus::At(address()), bell().0);
        assert!(listening.is_err_and(|text| text.contains("logind does not answer")));
    }

    if_the_bus_is_lost_the_agent_locks {
        let home = Home::new();
        let agent = agent(&home);
        kill("BUS_PROCESS");
        assert_eq!(why(agent), Ending::BusLost);
        let listening = Sessions::listen(&Bus::At(address()), bell().0);
        assert!(listening.is_err_and(|text| text.contains("no system bus answers")));
    }

    who_stops_to_listen_leaves_nothing_behind {
        let (logind, threads) = (Logind::new(), || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count));
        drop(Sessions::listen(&Bus::At(address()), bell().0).expect("it listens"));
        std::thread::sleep(Duration::from_millis(300));
        let before = threads();
        for _ in 0..10 {
            drop(Sessions::listen(&Bus::At(address()), bell().0).expect("it listens"));
        }
        let started = Instant::now();
        while threads() > before + 2 || !logind.inhibitors().is_empty() {
            let left = (threads(), logind.inhibitors().len());
            assert!(started.elapsed() < Duration::from_secs(5), "{left:?} threads and inhibitors, {before} threads before");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn kill(process: &str) {
    let number = std::env::var(process).expect("the script sets it");
    assert!(Command::new("kill").args(["-9", &number]).status().expect("kill").success());
}
