//! Several processes at the same vault.

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use super::kits::home_with_kit;
use crate::support::home::Home;
use crate::support::run::{Outcome, PROGRAM};

#[test]
fn eight_processes_change_the_vault_at_once_and_none_is_lost() {
    let home = Home::with_vault();
    thread::scope(|scope| {
        for process in 0..8 {
            let home = &home;
            scope.spawn(move || {
                for round in 0..2 {
                    let words = format!("project add p-{process}-{round} --quiet --password-file pw");
                    let output = home.typed(&words).start().wait_with_output().unwrap();
                    let stderr = String::from_utf8(output.stderr).unwrap();
                    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{words}");
                }
            });
        }
    });
    let listed = home.run("project list --json").succeeds().changed_nothing().json();
    let mut names: Vec<_> =
        listed.as_array().unwrap().iter().map(|project| project["project"].as_str().unwrap()).collect();
    names.sort_unstable();
    let expected: Vec<_> = (0..8).flat_map(|process| (0..2).map(move |round| format!("p-{process}-{round}"))).collect();
    assert_eq!(names, expected);
    // One generation for each change, after the first.
    assert_eq!(home.run_alone("status --json").succeeds().json()["generation"], 17);
}

#[test]
fn eight_processes_rotate_one_key_to_eight_versions() {
    let home = Home::with_project();
    let mut versions: Vec<u64> = thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| {
                let home = &home;
                scope.spawn(move || {
                    let output =
                        home.typed("key rotate acme --json --password-file pw").start().wait_with_output().unwrap();
                    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                    json["version"].as_u64().unwrap()
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6, 7, 8, 9]);
    let listed = home.run("key list acme --json").succeeds().json();
    let current: Vec<_> = listed["keys"].as_array().unwrap().iter().filter(|key| key["state"] == "current").collect();
    assert_eq!((current.len(), &current[0]["version"]), (1, &9.into()));
}

#[test]
fn of_eight_processes_that_make_the_same_vault_one_succeeds() {
    let home = Home::empty();
    let codes: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| {
                let words =
                    format!("init --no-recovery --keychain file --password-file pw {}", crate::support::home::FLOOR);
                let home = &home;
                scope.spawn(move || home.typed(&words).start().wait_with_output().unwrap().status.code().unwrap())
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| [0, 1].contains(code)), "{codes:?}");
    home.run("project list").shows("no projects yet: add one with `strongroom project add NAME`\n");
    // The others' keychain files went with them.
    home.keychain();
}

#[test]
fn two_processes_that_write_one_file_leave_one_whole_file() {
    let home = Home::with_project();
    home.write("a", vec![7; 1 << 20]);
    let codes: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| {
                let home = &home;
                let run =
                    move || home.typed("encrypt -p acme a --password-file pw").start().wait_with_output().unwrap();
                scope.spawn(move || run().status.code().unwrap())
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    home.run("decrypt a.sealed -o b -q").does("");
}

#[test]
fn a_change_waits_for_the_lock_and_reading_does_not() {
    let home = Home::with_project();
    let lock = File::options().write(true).open(home.path(".local/share/strongroom/vault.json.lock")).unwrap();
    lock.lock().unwrap();
    assert!(home.run("project list").succeeds().text().contains("acme"));
    let start = Instant::now();
    let added: Outcome = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(2));
            lock.unlock().unwrap();
        });
        home.run("project add beta")
    });
    added.succeeds();
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_lock_file_that_was_left_behind_locks_nobody_out() {
    let home = Home::with_project();
    home.write(".local/share/strongroom/vault.json.lock", "left by a crash");
    home.write(".local/share/strongroom/vault.json.strongroom-tmp", "left by a crash");
    home.run("project add beta").succeeds();
    assert!(!home.path(".local/share/strongroom/vault.json.strongroom-tmp").exists());
}

#[test]
fn what_another_run_records_while_a_password_is_awaited_is_not_acted_against() {
    let home = home_with_kit();
    let recover = "recover --kit-file kit --new-password-file new --no-input -q --keychain";
    home.run_alone(&format!("{recover} file:two")).does("");
    // Now the first keychain is a former one. While the password is awaited, another run goes back to it.
    let default = home.keychain().display().to_string();
    let meanwhile = format!("{PROGRAM} {recover} file:{default} >&2; cat new");
    let removing = home.typed("doctor --remove-left-behind --no-input --password-command").arg(&meanwhile).run();
    removing.does("removed 2 keychain items\n");
    assert!(home.keychain().exists() && !home.path("two").exists(), "the key in use was deleted");
    home.run_alone("project list --password-file new").succeeds();
}
