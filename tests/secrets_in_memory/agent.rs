//! The memory of an agent and of the commands that it answers: the data key is in the agent's alone.

use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use super::*;

const AGENT: (&str, &str) = ("memory-agent", "the data key outside the agent, and any secret in it once it has locked");

/// What a secret holds: found in memory if it is there, since nothing else looks like it.
const VALUE: &str = "quartz-Vexing-8731-jumpy-dwarf";

/// An agent that is held at its end. No child of the test, which waits for whichever child of its own has done something.
struct Agent(u32);

impl Agent {
    /// Has `unlock --foreground` be the agent, and waits until it answers.
    fn of(home: &Home) -> Self {
        let line =
            format!("{} > /dev/null 2>&1 < /dev/null & echo $!", delayed("unlock --foreground --password-file old"));
        let started = command(home, "bash", "-c").arg(line).output().expect("a shell");
        let agent = Self(String::from_utf8(started.stdout).unwrap().trim().parse().expect("its process"));
        let since = Instant::now();
        while !command_of(home, "project list --no-input").status.success() {
            assert!(since.elapsed() < Duration::from_secs(60), "it never answers");
            std::thread::sleep(Duration::from_millis(50));
        }
        agent
    }

    fn memory(&self) -> Memory {
        Memory::of(self.0)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        release(self.0);
        let pid = rustix::process::Pid::from_raw(self.0.cast_signed()).expect("a process");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

fn command_of(home: &Home, words: &str) -> Output {
    command(home, PROGRAM, words).stdin(Stdio::null()).output().unwrap()
}

#[test]
#[ignore = "needs root and strace: run ./test"]
fn the_agent_alone_has_the_data_key_and_nothing_is_left_once_it_has_locked() {
    if !is_root(AGENT.0, AGENT.1) {
        return;
    }
    let (home, sealed) = home();
    let all = Secrets::of(&home, OLD, &sealed);
    let agent = Agent::of(&home);
    holds(&agent.memory(), &all, &["data key"], "the agent, after a question");

    // Commands at work, which have what they work with.
    let mut held = started(&home, "decrypt large.sealed -o -", b"", false);
    held.wait_for_output();
    holds(&held.memory(), &all, &["content key", "body's cipher (unlocked)"], "decrypting");
    holds(&agent.memory(), &all, &["data key"], "the agent of what decrypts");
    drop(held);

    let mut held = started(&home, "encrypt --project acme - -o -", &[7; 300_000], false);
    let header = home.work("header");
    fs::write(&header, held.output(2 * 4096 + 56)).unwrap();
    wait_for_reading(held.pid());
    let with_new = Secrets::of(&home, OLD, &[header]);
    holds(&held.memory(), &with_new, &["body's cipher (unlocked)"], "encrypting");
    holds(&agent.memory(), &with_new, &["data key"], "the agent of what encrypts");
    drop(held);

    let held = started(&home, "key show acme", b"", true);
    held.wait_for_writing();
    holds(&held.memory(), &all, &["file key 1 (unlocked)"], "showing a key");
    holds(&agent.memory(), &all, &["data key"], "the agent of what shows a key");
    drop(held);

    // And at their end. A value that is stored and shown is in no memory then, and never in the agent's.
    fs::write(home.work("value"), VALUE).unwrap();
    let all = all.and("", Secrets::password("a secret's value", VALUE));
    let commands = [
        "project add beta",
        "project list",
        "key show acme",
        "key rotate acme",
        "encrypt --project acme large -o again.sealed",
        "decrypt large.sealed -o opened",
        "rewrap --project acme large.sealed",
        "secret set portal --from-file value",
        "secret show portal --field password",
        "secret show portal --reveal",
        "run --secret-fd 9=portal -- true",
    ];
    for arguments in commands {
        let swept = Swept::to_its_end(Path::new(PROGRAM), &home, arguments, 0, 0);
        let now = all.clone().and("now ", Secrets::of(&home, OLD, &sealed));
        holds(&swept.memory(), &now, &[], arguments);
        let mut seen = swept.seen.search(&now.keys());
        seen.retain(|name, _| name.ends_with("data key") || name.ends_with("payload's cipher"));
        assert!(seen.is_empty(), "{arguments}, at a call: {seen:#?}");
        holds(&agent.memory(), &now, &["data key"], &format!("the agent, after {arguments}"));
    }

    run(&home, "lock");
    assert_eq!(wait_for_exit(agent.0), 0);
    let now = all.and("now ", Secrets::of(&home, OLD, &sealed));
    holds(&agent.memory(), &now, &[], "the agent, at its end");
    proof::record(AGENT.0, AGENT.1, &format!("{} commands: 0 hits", commands.len() + 3));
}
