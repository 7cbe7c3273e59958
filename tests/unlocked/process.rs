//! The agent's process: what it keeps of the process that started it.

use std::path::Path;

use super::*;
use crate::support::home::PASSWORD;
use crate::support::run::Typed;

#[test]
fn it_keeps_nothing_of_the_shell_that_it_was_started_from() {
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    // A shell's lock, which the agent would hold for hours.
    let line = "exec 9> lock; flock 9; strongroom unlock --quiet --password-fd 5 5< pw";
    Typed::new(home, "sh").args(["-c", line]).run().does("");
    Typed::new(home, "flock").args(["--nonblock", "lock", "true"]).run().does("");
    let process = format!("/proc/{}", unlocked.pid());
    let link = |name: &str| fs::read_link(Path::new(&process).join(name)).unwrap();
    assert_eq!(link("cwd"), Path::new("/"));
    for descriptor in fs::read_dir(Path::new(&process).join("fd")).unwrap() {
        let descriptor = descriptor.unwrap();
        let target = fs::read_link(descriptor.path()).unwrap().display().to_string();
        let number: u32 = descriptor.file_name().into_string().unwrap().parse().unwrap();
        match number {
            0..=2 => assert_eq!(target, "/dev/null"),
            _ => assert!(
                !target.starts_with(&home.folder().display().to_string()) || target.ends_with(".lock"),
                "{number}: {target}"
            ),
        }
    }
    let read = |name: &str| fs::read(Path::new(&process).join(name)).unwrap();
    for name in ["cmdline", "environ"] {
        assert!(!String::from_utf8_lossy(&read(name)).contains(PASSWORD), "{name}");
    }
    let words = String::from_utf8(read("cmdline")).unwrap();
    assert_eq!(words.split('\0').skip(1).collect::<Vec<_>>(), ["agent-process", ""]);
    let stat = String::from_utf8(read("stat")).unwrap();
    // After the name in brackets: state, parent, process group, session, terminal.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let pid = unlocked.pid().to_string();
    assert_eq!((fields[2], fields[3], fields[4]), (pid.as_str(), pid.as_str(), "0"));
}

#[test]
fn it_works_without_locked_memory() {
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    let line = "ulimit -l 0; strongroom unlock --password-file pw --quiet";
    Typed::new(home, "sh").args(["-c", line]).run().does("");
    home.run_alone("project list").succeeds();
    home.run_alone("key show acme").succeeds();
    home.run_alone("lock").does("the vault is locked\n");
}

#[test]
fn in_the_foreground_it_is_the_process_that_was_started() {
    let home = Home::with_project();
    let typed = home.typed("unlock --foreground --password-file pw").env("DBUS_SYSTEM_BUS_ADDRESS", super::NO_BUS);
    let child =
        typed.command().stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let agent = || home.run_alone("status --json").succeeds().json()["agent"].clone();
    wait_until(|| agent()["pid"] == child.id(), "it answers");
    home.run_alone("project list").succeeds();
    home.run_alone("lock").does("the vault is locked\n");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.starts_with("unlocked: locks when it is not used for 15 min"), "{out}");
    assert_eq!(err, "the agent has locked: it was asked to\n");
}
