//! Standard output that takes nothing, and interruptions: a generated password is shown or it is no password.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;

use crate::support::home::{FLOOR, Home};

/// Where the output goes: a full disk, and a reader that is gone.
const NOWHERE: [&str; 2] = ["> /dev/full", ">&9"];

/// Runs a line under a shell in which descriptor 9 is a pipe whose reader is gone for certain.
fn run(home: &Home, line: &str) -> i32 {
    home.shell(&format!("exec bash -c 'exec 9> >(:); wait $!; strongroom {line}'")).code()
}

#[test]
fn no_vault_is_made_whose_generated_password_nobody_saw() {
    for format in ["", "--json"] {
        for nowhere in NOWHERE {
            let home = Home::empty();
            let code = run(
                &home,
                &format!("init --no-recovery --generate-password --keychain file {FLOOR} {format} {nowhere}"),
            );
            assert!(!home.vault().exists(), "init --no-recovery {format} {nowhere}: {code}");
            assert_ne!(code, 0, "init --no-recovery {format} {nowhere} made no vault and called that success");
        }
    }
}

#[test]
fn nothing_is_sealed_under_a_generated_password_that_nobody_saw() {
    for format in ["", "--json"] {
        for nowhere in NOWHERE {
            let home = Home::empty();
            home.write("a.txt", "data");
            let line = "encrypt --init --no-recovery --generate-password --keychain file -p acme a.txt";
            let code = run(&home, &format!("{line} {FLOOR} {format} {nowhere}"));
            assert!(!home.vault().exists(), "encrypt {format} {nowhere}: {code}");
            assert_ne!(code, 0, "encrypt {format} {nowhere} sealed nothing and called that success");
        }
    }
}

#[test]
fn a_generated_password_that_nobody_saw_does_not_replace_the_old_one() {
    for format in ["", "--json"] {
        for nowhere in NOWHERE {
            let home = Home::with_vault();
            let code = run(&home, &format!("passwd --generate-password --password-file pw {format} {nowhere}"));
            let opens = home.run("project list").ends_well();
            assert!(opens, "after passwd {format} {nowhere} no known password opens the vault: {code}");
            assert_ne!(code, 0, "passwd {format} {nowhere} changed nothing and called that success");
        }
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let home = Home::with_project();
    for words in ["project list", "key show acme", "key show acme --format raw", "status", "man", "completions bash"] {
        home.shell(&format!("strongroom {words} --password-file pw > /dev/full")).fails(
            1,
            "\
error: cannot write to standard output
cause: no space left on device
hint: free some space and run it again
",
        );
    }
}

#[test]
fn an_interrupted_encryption_leaves_nothing() {
    let home = Home::with_project();
    fs::File::create(home.path("big")).unwrap().set_len(4 << 30).unwrap();
    let before = home.contents();
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let mut child = home.typed("encrypt -p acme big --password-file pw --progress json").start();
        // Once it tells of its progress it is writing, which takes it seconds more.
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        assert!(line.starts_with("{\"progress\""), "{line}");
        home.shell(&format!("kill -{signal} {}", child.id())).succeeds();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.signal(), output.stdout.len()), (Some(number), 0), "{signal}");
        assert!(home.contents() == before, "{signal} left something");
    }
}
