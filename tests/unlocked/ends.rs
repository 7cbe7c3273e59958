//! What ends an agent, and what a command does that finds none or one that is of no use.

use rustix::process::Signal;

use super::*;

#[test]
fn a_killed_agent_is_missed_by_nobody_and_replaced() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    let killed = unlocked.pid();
    signal(killed, Signal::KILL);
    wait_for_end(killed);
    // Its socket is there, and nobody behind it.
    assert!(unlocked.socket().exists());
    home.run_alone("project list").fails(2, NEEDS_PASSWORD);
    home.run("project list").succeeds();
    home.run_alone("lock").shows("the vault was not unlocked; nothing was changed\n");
    let pid = pid_in(&unlocked.unlock(""));
    assert_ne!(pid, killed);
    home.run_alone("project list").succeeds();
    assert_eq!(unlocked.pid(), pid);
}

#[test]
fn signals_end_it_and_leave_nothing() {
    let unlocked = Unlocked::new();
    for end in [Signal::TERM, Signal::INT, Signal::HUP] {
        unlocked.unlock("");
        let (pid, socket) = (unlocked.pid(), unlocked.socket());
        signal(pid, end);
        wait_for_end(pid);
        assert!(!socket.exists());
        unlocked.0.run_alone("project list").fails(2, NEEDS_PASSWORD);
    }
}

#[test]
fn a_stopped_agent_holds_nobody_up_for_long() {
    let unlocked = Unlocked::new();
    let pid = unlocked.pid();
    signal(pid, Signal::STOP);
    let started = Instant::now();
    unlocked.0.run_alone("project list").fails(
        2,
        &format!("the vault is not unlocked for this command: the agent did not answer in time\n{NEEDS_PASSWORD}"),
    );
    assert!(started.elapsed() < Duration::from_secs(20));
    signal(pid, Signal::CONT);
    unlocked.0.run_alone("project list").succeeds();
}

#[test]
fn the_last_of_many_unlocks_counts_and_one_agent_is_left() {
    let unlocked = Unlocked(Home::with_project());
    let pids: Vec<u32> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| pid_in(&output_of(&unlocked.0)))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let left = unlocked.pid();
    assert!(pids.contains(&left), "{pids:?}, {left}");
    for pid in pids.into_iter().filter(|pid| *pid != left) {
        wait_for_end(pid);
    }
    unlocked.0.run_alone("project list").succeeds();
}

/// Runs `unlock` beside others.
fn output_of(home: &Home) -> Value {
    let words = "unlock --json --password-file pw";
    let output = home.typed(words).env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus").output();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn it_locks_when_it_is_not_used_and_at_the_latest_when_its_time_is_over() {
    for flags in ["--idle 1s", "--for 1s --idle 1h"] {
        let unlocked = Unlocked(Home::with_project());
        let pid = pid_in(&unlocked.unlock(flags));
        wait_for_end(pid);
        unlocked.0.run_alone("project list").fails(2, NEEDS_PASSWORD);
    }
}

#[test]
fn what_changes_the_password_or_the_data_key_locks_it() {
    let locks = [
        ("passwd --generate-password --quiet", true),
        ("vault rotate --no-recovery --quiet", true),
        ("project destroy acme --yes acme --no-recovery --quiet", true),
        ("vault backup copy --quiet", false),
        ("project hold acme --quiet", false),
        ("key rotate acme --quiet", false),
    ];
    for (words, is_end) in locks {
        let unlocked = Unlocked::new();
        let pid = unlocked.pid();
        let run = unlocked.0.run(words);
        assert_eq!(run.code(), 0, "{words}: {}", run.stderr());
        if is_end {
            wait_for_end(pid);
        } else {
            assert_eq!(unlocked.pid(), pid, "{words}");
        }
    }
}

#[test]
fn a_vault_that_is_put_back_or_gone_locks_it() {
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    let older = fs::read(home.vault()).unwrap();
    home.run("project add bistro").succeeds();
    let changes: [&dyn Fn(); 2] = [&|| fs::write(home.vault(), &older).unwrap(), &|| {
        fs::rename(home.vault(), home.path("away")).unwrap();
    }];
    let newer = fs::read(home.vault()).unwrap();
    for change in changes {
        unlocked.unlock("");
        let pid = unlocked.pid();
        change();
        let run = home.run_alone("project list");
        assert_ne!(run.code(), 0);
        assert!(run.stderr().contains("the vault file was replaced or cannot be read"), "{}", run.stderr());
        wait_for_end(pid);
        fs::write(home.vault(), &newer).unwrap();
    }
}

#[test]
fn nothing_is_sealed_under_a_vault_that_was_put_back_before_the_agent_looked() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    let older = fs::read(home.vault()).unwrap();
    home.run("key rotate acme").succeeds();
    fs::write(home.vault(), older).unwrap();
    home.write("a", "data");
    let pid = unlocked.pid();
    let run = home.run_alone("encrypt -p acme a");
    assert_eq!(run.code(), 1, "{}", run.stderr());
    assert!(
        run.stderr().contains("the vault file was replaced or cannot be read (the vault file is older"),
        "{}",
        run.stderr()
    );
    assert!(!home.path("a.sealed").exists());
    wait_for_end(pid);
}

#[test]
fn what_others_change_is_seen_at_once() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    home.run("project add bistro").succeeds();
    assert_eq!(home.run_alone("project list --json").succeeds().json().as_array().unwrap().len(), 2);
    home.run_alone("key rotate bistro").succeeds();
    let keys = home.run("key list bistro --json").succeeds().json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(unlocked.pid() > 0);
}

#[test]
fn a_client_that_is_killed_leaves_the_agent_to_others() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    home.fifo("endless");
    for _ in 0..3 {
        let mut child =
            home.typed("encrypt -p acme - -o out").command().stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        child.kill().unwrap();
        child.wait().unwrap();
        home.run_alone("project list").succeeds();
    }
    assert!(unlocked.pid() > 0);
}
