//! An agent that is killed, and one that is stopped: whoever asks learns it, and the next one takes its place.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use strongroom::agent::client::{AskError, Client, Unanswered};
use strongroom::agent::protocol::Change;

use super::home::Home;

/// Set in the process that is the agent: the folder of the vault.
const FOLDER: &str = "STRONGROOM_TEST_AGENT";
/// What it says when it answers.
const READY: &str = "the agent is ready";

/// Is the agent, if another test has started it as one.
#[test]
#[ignore = "started by other tests"]
fn serves() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let server = Home::at(Path::new(&folder)).server();
    println!("{READY}");
    let ended = server.run(None).expect("it runs");
    assert!(ended.wiped);
}

/// An agent in a process of its own. Its output stays open: the test harness writes to it at the end.
struct Process(Child, #[allow(dead_code, reason = "kept open")] BufReader<ChildStdout>);

impl Process {
    fn start(home: &Home) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "agent::killed::serves", "--include-ignored", "--nocapture"])
            .env(FOLDER, home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        while !line.contains(READY) {
            line.clear();
            assert_ne!(output.read_line(&mut line).expect("a line"), 0, "the agent starts");
        }
        Self(child, output)
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.0.id().to_string()]).status().expect("kill");
        assert!(done.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_not_running(result: Result<Client, Unanswered>) {
    assert!(matches!(result.as_ref().err(), Some(Unanswered::NotRunning)), "{:?}", result.err());
}

#[test]
fn a_killed_agent_leaves_a_socket_that_the_next_one_replaces() {
    let home = Home::new();
    is_not_running(Client::at(&home.place()));
    let mut agent = Process::start(&home);
    let client = Client::at(&home.place()).expect("it answers");
    client.file_key("acme", None).expect("a key");
    agent.0.kill().expect("killed");
    agent.0.wait().expect("ended");
    assert!(home.place().has_socket().expect("a socket"));
    match client.names() {
        Err(AskError::Unanswered(Unanswered::NotRunning)) => {}
        other => panic!("{other:?}"),
    }
    is_not_running(Client::at(&home.place()));
    let started = Instant::now();
    is_not_running(Client::find(&[home.place()]));
    assert!(started.elapsed() < Duration::from_secs(1), "at once");
    let _second = Process::start(&home);
    // A client of the first goes on with the second.
    client.file_key("acme", None).expect("a key");
}

#[test]
fn an_agent_that_is_locked_has_ended_when_its_client_returns() {
    let home = Home::new();
    let mut agent = Process::start(&home);
    Client::lock(&home.place(), Duration::from_secs(20)).expect("locked");
    let started = Instant::now();
    let status = agent.0.wait().expect("ended");
    assert!(status.success());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!home.place().has_socket().expect("no socket"));
    home.place().take().expect("the place is free");
}

#[test]
fn an_agent_that_is_stopped_is_given_up_in_time() {
    let home = Home::new();
    let agent = Process::start(&home);
    let client = Client::at(&home.place()).expect("it answers");
    agent.signal("-STOP");
    let started = Instant::now();
    let why = Client::at(&home.place()).err();
    assert!(matches!(why, Some(Unanswered::TooSlow)), "{why:?}");
    match client.names() {
        Err(AskError::Unanswered(Unanswered::TooSlow)) => {}
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    agent.signal("-CONT");
    client.names().expect("names");
}

#[test]
fn an_agent_that_is_killed_in_a_write_loses_no_vault() {
    for delay in [0, 3, 6, 10, 20] {
        let home = Home::new();
        let mut agent = Process::start(&home);
        let client = Client::at(&home.place()).expect("it answers");
        let written = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut versions = 1;
                while let Ok(changed) = client.change(Change::RotateKey { project: "acme".into() }) {
                    versions = changed.project.keys.len();
                }
                versions
            });
            std::thread::sleep(Duration::from_millis(30 + delay));
            agent.0.kill().expect("killed");
            agent.0.wait().expect("ended");
            writer.join().expect("no panic")
        });
        let versions = home.unlocked().project("acme").expect("the project").keys.len();
        // The last one may have been written without an answer.
        assert!(versions == written || versions == written + 1, "{versions} after {written}");
    }
}
