//! What an interruption says: what is so by then, and what to do.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::process::Command;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use super::kits::{CODE, asked_for, groups};
use super::terminal::*;
use crate::support::home::without_log;

/// A question at which the user interrupts.
enum At {
    /// For the name of the project that is to be destroyed.
    Name,
    /// For a group of a new kit's code.
    Group,
    /// For one of two kinds of a new password.
    Choice,
    /// For a kit's code.
    Code,
}

/// Returns what is on a screen with the first kit called by its number alone: its letters are random.
fn without_letters(screen: &str) -> String {
    let mut parts = screen.split("kit 1-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "kit 1" + part.get(2..).unwrap_or_default())
}

#[test]
fn an_interruption_at_a_question_says_what_is_so() {
    let home = Home::with_vault();
    assert_eq!(home.run("kit new --recovery-file kit", OLD), 0);
    // But for the access log, and how far it is.
    let files = || {
        let vault = fs::read(home.path(".local/share/strongroom/vault.json")).unwrap();
        let keychain = fs::read_dir(home.path(".local/state/strongroom/keychain")).unwrap();
        let items = keychain.map(|item| item.unwrap().path()).map(|path| {
            let item = fs::read(&path).unwrap();
            let said = match path.extension() {
                Some(ending) if ending == "anchor" => without_log(&item).to_string().into_bytes(),
                _ => item,
            };
            (path, said)
        });
        (vault, items.collect::<BTreeMap<_, _>>())
    };
    // A first unlock may have something to remember.
    assert_eq!(home.run("project list", OLD), 0);
    let before = files();
    let code = "the code above opens nothing\r\nhint: throw away what you wrote down or printed";
    for (line, at, said) in [
        ("project destroy acme", At::Name, "project acme is not destroyed".to_owned()),
        ("project destroy acme --yes acme", At::Group, format!("project acme is not destroyed; {code}")),
        ("project destroy acme --yes acme --keep-kit", At::Code, "project acme is not destroyed".into()),
        ("vault rotate", At::Group, format!("no rotation of the data key was started; {code}")),
        (
            "kit revoke 1 --rotate",
            At::Group,
            format!("kit 1 is not revoked; no rotation of the data key was started; {code}"),
        ),
        ("kit new", At::Group, format!("no recovery kit was made; {code}")),
        ("passwd", At::Choice, "the password is as it was".into()),
        ("recover", At::Code, "nothing was changed".into()),
        ("recover --kit-file kit", At::Choice, "nothing was changed".into()),
    ] {
        for key in ["\x03", "\x04"] {
            let mut terminal = home.terminal(&format!("strongroom {line}"));
            if !line.starts_with("recover ") && line != "recover" {
                terminal.answer_hidden(PASSWORD, OLD);
            }
            match at {
                At::Name => terminal.see("type the project's name to destroy it: "),
                At::Group => {
                    groups(&mut terminal);
                    asked_for(&mut terminal);
                    assert!(terminal.screen.contains("Until that is done, this code opens nothing."), "{line}");
                }
                At::Choice => terminal.see(CHOICE),
                At::Code => terminal.see_hidden(CODE),
            }
            terminal.press(key);
            let screen = terminal.leaves_with(130);
            let screen = without_letters(&screen);
            assert!(screen.contains(&format!("\r\nerror: interrupted: {said}\r\n")), "{line}: {said}\n{screen}");
            assert!(files() == before, "{line} changed something");
        }
    }
}

#[test]
fn an_interruption_after_a_kit_was_revoked_says_that_it_is() {
    let home = Home::with_vault();
    assert_eq!(home.run("kit new --recovery-file kit", OLD), 0);
    let mut terminal = home.terminal("strongroom kit revoke 1");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.see("Rotate the data key now? [y/N] ");
    terminal.press("\x03");
    let screen = terminal.leaves_with(130);
    assert!(without_letters(&screen).contains("error: interrupted: kit 1 is revoked\r\n"), "{screen}");
    assert_eq!(home.run("kit test --kit-file kit", OLD), 4);
}

#[test]
fn an_interruption_of_a_stream_says_that_no_half_file_has_a_name() {
    let home = Home::with_vault();
    let data = vec![7; 400_000];
    fs::write(home.work("data"), &data).unwrap();
    assert_eq!(home.run("encrypt -p acme data -o sealed", OLD), 0);
    let sealed = fs::read(home.work("sealed")).unwrap();
    assert!(Command::new("mkfifo").arg(home.work("pipe")).status().unwrap().success());
    for (line, input) in [("encrypt -p acme - -o out", &data), ("decrypt - -o out", &sealed)] {
        let mut terminal = home.terminal(&format!("strongroom {line} <pipe"));
        let mut pipe = fs::OpenOptions::new().write(true).open(home.work("pipe")).unwrap();
        terminal.answer_hidden(PASSWORD, OLD);
        // More than a pipe holds: when all of it is written, the program is at work.
        pipe.write_all(&input[..300_000]).unwrap();
        terminal.press("\x03");
        let screen = terminal.leaves_with(130);
        let said = "\r\nerror: interrupted: every output that has its name is whole\r\n";
        assert!(screen.contains(said), "{line}: {screen}");
        assert!(!home.work("out").exists(), "{line}");
    }
}

/// Waits until strace holds a process up.
#[cfg(target_os = "linux")]
fn wait_until_held_up(trace: &Path) {
    let start = Instant::now();
    // The call is noted when it begins, the signal's thread is not held up.
    while !fs::read_to_string(trace).is_ok_and(|trace| trace.contains("pread64(")) {
        assert!(start.elapsed() < Duration::from_secs(60), "the file is never read");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "needs strace: run ./test"]
fn an_interruption_of_long_work_says_what_is_so_and_how_to_go_on() {
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can slow the program down with strace");
        return;
    }
    let home = Home::with_vault();
    home.data();
    assert_eq!(home.run("encrypt -p acme clients.csv -o sealed", OLD), 0);
    assert_eq!(home.run("key rotate acme", OLD), 0);
    let sealed = fs::read(home.work("sealed")).unwrap();
    let again = "hint: run it again with --update to do the rest";
    for (line, input, said, hint) in [
        ("encrypt -p acme clients.csv", "clients.csv", "every output that has its name is whole", again),
        ("decrypt sealed -o opened", "sealed", "every output that has its name is whole", again),
        (
            "reencrypt -p acme sealed",
            "sealed",
            "every file is either as it was or encrypted again",
            "hint: run it again to do the rest",
        ),
        (
            "rewrap -p acme sealed",
            "sealed",
            "every file is as it was or under the current key",
            "hint: run it again to do the rest",
        ),
        ("verify sealed", "sealed", "nothing was changed, and the check was not finished", ""),
        ("decrypt sealed -o - | cat", "sealed", "what was written to standard output may be cut short", ""),
    ] {
        let (trace, path) = (home.work("../trace"), home.work(input));
        let _ = fs::remove_file(&trace);
        let slowly = format!(
            "strace -f -qq -o {} -P {} -e trace=pread64 -e inject=pread64:delay_exit=2000000",
            trace.display(),
            path.display()
        );
        let mut terminal = home.terminal(&format!("set -o pipefail; {slowly} strongroom {line}"));
        terminal.answer_hidden(PASSWORD, OLD);
        wait_until_held_up(&trace);
        terminal.press("\x03");
        let screen = terminal.leaves_with(130);
        assert!(screen.contains(&format!("\r\nerror: interrupted: {said}\r\n{hint}")), "{line}: {said}\n{screen}");
        let left: Vec<_> = fs::read_dir(home.work("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{line} left {left:?}");
        assert!(fs::read(home.work("sealed")).unwrap() == sealed, "{line}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_interruption_ends_the_program_though_nobody_reads_what_it_says() {
    use std::os::unix::process::ExitStatusExt;
    let home = Home::with_vault();
    fs::write(home.work("password"), OLD).unwrap();
    let line = "chmod 600 password; exec env --default-signal=INT strongroom encrypt -p acme - -o out --password-file password";
    let (_unread, mut full) = std::io::pipe().unwrap();
    // As much as a pipe holds (pipe(7)).
    full.write_all(&[0; 65_536]).unwrap();
    let mut command = home.shell(line);
    let mut child = command.stdin(std::process::Stdio::piped()).stderr(full).spawn().unwrap();
    // More than a pipe holds: when all of it is written, the program is at work.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&vec![7; 300_000]).unwrap();
    let start = Instant::now();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(!home.work("out").exists());
}
