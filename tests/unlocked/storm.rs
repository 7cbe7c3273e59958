//! Two hundred commands at once: three times as many as the agent takes connections.

use super::*;

const COMMANDS: usize = 200;

/// Starts as many commands at once, and returns how many were answered by the agent. The others asked for the password.
fn storm(home: &Home, key: &str) -> usize {
    let started: Vec<_> = (0..COMMANDS).map(|_| home.typed("key show acme --no-input").start()).collect();
    let is_answered = |child: std::process::Child| {
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        if output.status.success() {
            assert_eq!((out.as_str(), err.as_str()), (key, ""));
            return true;
        }
        assert_eq!((output.status.code(), out.as_str()), (Some(2), ""), "{err}");
        assert!(err.starts_with("the vault is not unlocked for this command: "), "{err}");
        false
    };
    started.into_iter().map(is_answered).filter(|is_answered| *is_answered).count()
}

/// Returns the resident memory of a process in KiB, and the number of its threads.
fn size(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (number("VmRSS"), number("Threads"))
}

#[test]
fn two_hundred_commands_at_once_are_answered_or_refused_and_leave_nothing_behind() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    let key = home.run_alone("key show acme").succeeds().text();
    let pid = unlocked.pid();
    let threads = size(pid).1;
    // Its threads have an arena each by then, which the system's allocator keeps for the next ones.
    let answered = storm(home, &key);
    assert!(answered > COMMANDS / 2, "{answered} were answered");
    let before = size(pid).0;
    let answered = answered + storm(home, &key);
    wait_until(|| size(pid).1 <= threads, "the threads of the connections end");
    let grown = size(pid).0.saturating_sub(before);
    assert!(grown < 4 << 10, "{grown} KiB");
    assert_eq!(unlocked.pid(), pid);
    home.run_alone("key show acme").shows(&key);
    // A question that is asked once more, since its connection was closed for another one, is recorded once.
    home.run("log export log.jsonl -q").succeeds();
    let log = fs::read_to_string(home.path("log.jsonl")).unwrap();
    let shown = log.lines().filter(|line| line.contains(r#""action":"key.show""#)).count();
    assert!((answered + 2..=2 * COMMANDS + 2).contains(&shown), "{shown} entries of {answered} answers");
}
