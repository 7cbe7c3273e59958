//! The process is killed or interrupted before each of its calls, or one of them fails: under an output's name there is
//! the whole of it or nothing.

use std::fs;

use nix::errno::Errno;

use super::drive::on_each_drive;
use crate::faults::home::{Home, Struck as _, program};
use crate::faults::tracer::{self, Fault};
use crate::support::proof;

/// What is typed, and the output's name.
const COMMANDS: [(&str, &str); 2] = [
    ("encrypt -p acme --threads 1 plans.bin -o stick/new --password-file old", "stick/new"),
    ("decrypt --threads 1 plans.bin.sealed -o stick/new --password-file old", "stick/new"),
];

/// Tells whether the output is there, and fails if it is not whole.
fn is_there(home: &Home, output: &str, is_sealed: bool, what: &str) -> bool {
    let Some(found) = home.found(output) else { return false };
    let opened = if is_sealed {
        home.shell("rm -f check").succeeds();
        home.succeeds(&format!("decrypt {output} -o check --password-file old"));
        home.found("check").unwrap()
    } else {
        found
    };
    assert!(Some(opened) == home.found("plans.bin"), "not whole after {what}");
    true
}

const FAULTS: [Fault; 3] = [Fault::Kill, Fault::Error(Errno::EIO), Fault::Interrupt];

#[test]
#[ignore = "needs to mount, and ptrace: run ./test"]
fn an_output_is_whole_or_not_there() {
    whole_or_not_there("one of them by turns", |at| &FAULTS[at % 3..=at % 3]);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_an_output_is_whole_or_not_there() {
    whole_or_not_there("each of them", |_| &FAULTS);
}

/// Lets the faults that are chosen by the number of a call befall it.
fn whole_or_not_there(which: &str, faults: impl Fn(usize) -> &'static [Fault]) {
    on_each_drive("faults on drives", |home, drive, name| {
        let mut plans: Vec<u8> = (0..20_000_u32).map(|at| (at / 251 + at * 5) as u8).collect();
        // It ends with a hole, where a drive has holes.
        plans.resize(150_000, 0);
        home.write("plans.bin", plans);
        home.succeeds("encrypt -p acme plans.bin --password-file old");
        let (mut runs, mut claims) = (0, 0);
        for (words, output) in COMMANDS {
            let is_sealed = words.starts_with("encrypt");
            let run = |fault| {
                drive.clear();
                tracer::run(&program(words), &home.path(""), fault)
            };
            let whole = run(None);
            assert_eq!(whole.status.code(), Some(0), "`{words}` on {name}: {}", whole.stderr);
            let calls = whole.calls;
            for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.on.contains("stick")) {
                for fault in faults(at).iter().copied() {
                    let done = run(Some((at, fault)));
                    let what = format!("{fault:?} at call {at} of `{words}` on {name}: {call:?}: {}", done.stderr);
                    println!("{what}");
                    assert!(done.struck, "{what}");
                    runs += 1;
                    let is_empty = fs::metadata(home.path(output)).is_ok_and(|file| file.len() == 0);
                    // Without hard links and without a call that renames and replaces nothing, a name can only be claimed
                    // by an empty file, and a process that is killed removes nothing. Where a rename never replaces
                    // a file, the claim is removed before the rename.
                    if is_empty && fault == Fault::Kill && ["rename", "unlink"].contains(&call.name) {
                        claims += 1;
                        home.succeeds(&format!("{words} --force"));
                        assert!(is_there(home, output, is_sealed, &what));
                        continue;
                    }
                    let there = is_there(home, output, is_sealed, &what);
                    assert!(there || done.status.code() != Some(0), "{what}");
                    let left = home.leftovers();
                    let may_stay = fault == Fault::Kill || call.name.starts_with("unlink");
                    assert!(may_stay || left.is_empty(), "{left:?} left by {what}");
                }
            }
            // All of these runs are in one access log.
            home.log_goes_on();
        }
        let id = name.replace(' ', "-");
        proof::record(
            &format!("drives-whole-{id}"),
            &format!("outputs to {name}, killed, interrupted or refused ({which}) at each of their calls"),
            &format!("{runs} runs: 0 half outputs, {claims} empty names, each after a kill in the claim of a name"),
        );
    });
}
