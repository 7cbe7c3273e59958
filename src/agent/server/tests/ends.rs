//! When an agent ends, and what is left of it.

use std::time::Instant;

use super::*;
use crate::agent::client::Unanswered;
use crate::agent::protocol::Watching;

/// Waits until something is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn short() -> Terms {
    let limits = Limits { idle: Duration::from_secs(60), life: Duration::from_secs(600) };
    Terms { limits, ..Terms::default() }
}

#[test]
fn a_client_that_locks_is_answered_when_nothing_is_left() {
    let home = Home::new();
    let agent = home.agent();
    let other = agent.client();
    let place = home.place();
    let client = std::thread::spawn(move || Client::lock(&place, Duration::from_secs(20)));
    let ended = agent.ended();
    assert_eq!(ended.why, Ending::Asked);
    assert!(ended.wiped);
    assert!(!home.place().has_socket().unwrap());
    // The client waits for the end of the process: so long the lock is held, too.
    std::thread::sleep(Duration::from_millis(50));
    assert!(!client.is_finished());
    assert!(home.place().take().is_err());
    let why = unanswered(other.names());
    assert!(matches!(why, Unanswered::NotRunning), "{why:?}");
    drop(ended);
    client.join().unwrap().unwrap();
    home.place().take().unwrap();
    assert!(matches!(Client::lock(&home.place(), Duration::ZERO), Err(Unanswered::NotRunning)));
}

#[test]
fn of_several_clients_that_lock_at_once_each_is_answered() {
    let home = Home::new();
    let agent = home.agent();
    let place = home.place();
    std::thread::scope(|scope| {
        let lockers: Vec<_> = (0..8).map(|_| scope.spawn(|| Client::lock(&place, Duration::from_secs(20)))).collect();
        drop(agent.ended());
        for locker in lockers {
            let locked = locker.join().unwrap();
            // Who comes last may find nobody any more.
            assert!(matches!(locked, Ok(()) | Err(Unanswered::NotRunning)), "{locked:?}");
        }
    });
}

#[test]
fn an_agent_ends_when_it_was_not_used() {
    let home = Home::new();
    let clock = TestClock::new();
    let agent = home.agent_with(short(), clock.clone(), None);
    let client = agent.client();
    clock.pass(50);
    client.names().unwrap();
    clock.pass(50);
    // To look at it is no use of it.
    let status = client.status().unwrap();
    assert_eq!((status.idle_seconds_left, status.life_seconds_left), (10, 500));
    assert!(!agent.thread.is_finished());
    clock.pass(10);
    // The clock stands still for the agent until it looks again.
    let ended = agent.ended();
    assert_eq!(ended.why, Ending::Idle);
    let why = unanswered(client.names());
    assert!(matches!(why, Unanswered::NotRunning), "{why:?}");
}

#[test]
fn an_agent_ends_when_its_life_is_over() {
    let home = Home::new();
    let clock = TestClock::new();
    let agent = home.agent_with(short(), clock.clone(), None);
    let client = agent.client();
    for _ in 0..12 {
        clock.pass(50);
        let _ = client.names();
    }
    assert_eq!(agent.ended().why, Ending::Life);
}

#[test]
fn an_agent_ends_when_the_computer_has_slept() {
    let home = Home::new();
    let clock = TestClock::new();
    let agent = home.agent_with(short(), clock.clone(), None);
    clock.sleep(30);
    assert_eq!(agent.ended().why, Ending::Slept);
}

/// A watcher that is asked, and says when it is let go.
struct TestWatcher(Arc<AtomicBool>);

impl Watcher for TestWatcher {
    fn watching(&self) -> Watching {
        Watching { sessions: true, delays_sleep: true, lacking: None, heard_seconds_ago: Some(7) }
    }

    fn look(&self) -> Option<Ending> {
        None
    }
}

impl Drop for TestWatcher {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_watcher_is_let_go_after_the_keys_are_wiped() {
    let home = Home::new();
    let is_gone = Arc::new(AtomicBool::new(false));
    let watcher: Arc<dyn Watcher> = Arc::new(TestWatcher(Arc::clone(&is_gone)));
    let agent = home.agent_with(Terms::default(), TestClock::new(), Some(watcher));
    let watching = agent.client().status().unwrap().watching;
    assert_eq!(watching.heard_seconds_ago, Some(7));
    assert!(!is_gone.load(Ordering::SeqCst));
    agent.bell.ring(Ending::Sleep);
    let ended = agent.ended();
    assert_eq!((ended.why, ended.wiped), (Ending::Sleep, true));
    assert!(is_gone.load(Ordering::SeqCst));
}

#[test]
fn the_first_reason_counts() {
    let home = Home::new();
    let agent = home.agent();
    agent.bell.ring(Ending::ScreenLocked);
    agent.bell.ring(Ending::Sleep);
    assert_eq!(agent.ended().why, Ending::ScreenLocked);
}

#[test]
fn a_key_that_is_in_use_when_the_agent_locks_is_wiped_too() {
    let home = Home::new();
    let agent = home.agent();
    let stop = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop) = (agent.client(), Arc::clone(&stop));
            std::thread::spawn(move || while !stop.load(Ordering::SeqCst) && client.file_key("acme", None).is_ok() {})
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    assert!(agent.end().wiped);
    stop.store(true, Ordering::SeqCst);
    asking.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn connections_that_wait_are_closed_at_the_end() {
    let home = Home::new();
    let agent = home.agent();
    let mut waiting: Vec<Connection> =
        (0..8).map(|_| crate::agent::transport::connect(agent.place.socket()).unwrap()).collect();
    let client = agent.client();
    wait_until("they are taken", || client.status().unwrap().connections == 9);
    drop(agent.end());
    for connection in &mut waiting {
        let end = connection.read_line(100, Some(Duration::from_secs(20)), LINE_TIME);
        assert!(matches!(end, Err(NoLine::Closed)), "{end:?}");
    }
}
