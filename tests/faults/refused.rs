//! A call fails once, with the errors that a full, broken, rationed or interrupted disk gives; or from one call on the
//! disk stays full.

use nix::errno::Errno;

use super::home::{NEW, OLD};
use super::stories::{self, State, Story};
use super::tracer::{Fault, Traced};
use super::trial::{Struck, Trial};
use crate::support::proof;

/// The exit codes of docs/cli.md that a disk can lead to.
const CODES: [i32; 5] = [0, 1, 4, 6, 7];

fn refused_anywhere(story: Story, faults: &[Fault], struck: Struck) {
    let trial = Trial::of(story);
    let (numbers, which) = trial.numbers(struck);
    for fault in faults {
        let stays_full = *fault == Fault::Full;
        let (mut runs, mut done, mut old, mut written) = (0, 0, 0, 0);
        for (turn, at) in numbers.iter().copied().enumerate() {
            let call = &trial.calls[at];
            // What becomes of a result that cannot be printed is another suite's.
            // And sync(2) is always successful.
            if call.on == "stdout" || call.on == "stderr" || call.name == "sync" || stays_full && !call.takes_room() {
                continue;
            }
            let json = turn % 2 == 0;
            let run = trial.strike(at, *fault, if json { "--json" } else { "" });
            let state = trial.judge();
            let code = run.status.code();
            println!(
                "{:3} {:9} {:60} {fault:?} {code:?} {state:?} {}",
                at,
                call.name,
                call.on,
                run.stderr.replace('\n', "|")
            );
            let what = format!("`{}`, {fault:?} at call {at}: {} {}\n{}", trial.name(), call.name, call.on, run.stderr);
            assert!(CODES.contains(&code.expect("no signal")), "{what}");
            is_clean(&run, json, &what);
            // Only what a failed removal could not remove may stay.
            let may_stay = matches!(call.name, "unlink" | "unlinkat" | "rmdir");
            for (path, remedy) in trial.leftovers() {
                assert!(may_stay && remedy.is_some(), "{} is left by {what}", path.display());
                trial.home().shell(&remedy.unwrap()).succeeds();
            }
            runs += 1;
            match (code, state) {
                (Some(0), State::New) => done += 1,
                (Some(0), other) => panic!("{other:?} though it said done: {what}"),
                (_, State::Old) => old += 1,
                (_, _) => {
                    assert!(trial.says_part_done(&run.stderr), "{state:?}, and it does not say so: {what}");
                    written += 1;
                }
            }
            // After a clean refusal all is as it was, as has been seen; so a few of them are enough. Nor does the state
            // that is left depend on how long the disk stays full.
            if state != State::Old && !stays_full || turn % 4 == 0 {
                trial.again();
            }
        }
        let name = trial.name().replace(' ', "-");
        let (of, what) = match fault {
            Fault::Error(error) => {
                (format!("{error:?}"), format!("{error:?} at {which} of its calls that write, {runs} runs"))
            }
            _ => (
                "stays-full".into(),
                format!("a disk that is full from {which} of its calls that write on, {runs} runs"),
            ),
        };
        proof::record(
            &format!("faults-{of}-{name}"),
            &format!("`{}` with {what}", trial.name()),
            &format!("{old} left the old state, {done} did it all the same, {written} said that they were part done"),
        );
    }
}

/// It says what is wrong in the form of docs/cli.md, and no secret.
fn is_clean(run: &Traced, json: bool, what: &str) {
    for text in [&run.stdout, &run.stderr] {
        for secret in [OLD, NEW, "panicked", "RUST_BACKTRACE", "src/"] {
            assert!(!text.contains(secret), "{secret:?} in what it says: {what}");
        }
    }
    let mut lines = run.stderr.lines();
    if json {
        assert!(
            lines.all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line.is_object())),
            "{what}"
        );
    } else {
        assert!(
            lines.all(|line| ["error: ", "cause: ", "hint: ", "warning: "].iter().any(|label| line.starts_with(label))),
            "{what}"
        );
    }
    let failed = run.status.code() != Some(0);
    let errors = run.stderr.matches(if json { "\"code\":" } else { "error: " }).count();
    assert!(!failed || errors > 0, "no error is named: {what}");
}

macro_rules! refused {
    ($($test:ident, $long:ident: $story:ident),+ $(,)?) => {$(
        #[test]
        #[ignore = "takes a while and needs ptrace: run ./test"]
        fn $test() {
            refused_anywhere(stories::$story, &[Fault::Error(Errno::ENOSPC)], Struck::Some);
            // What follows a full disk is much the same from one call to the next.
            refused_anywhere(stories::$story, &[Fault::Full], Struck::Few);
        }

        #[test]
        #[ignore = "long: run ./test --long"]
        fn $long() {
            let errors = [Errno::ENOSPC, Errno::EIO, Errno::EDQUOT, Errno::EINTR].map(Fault::Error);
            refused_anywhere(stories::$story, &errors, Struck::Each);
            refused_anywhere(stories::$story, &[Fault::Full], Struck::Each);
        }
    )+};
}

refused! {
    init_takes_a_full_disk_anywhere, long_mode_init_takes_any_error_anywhere: INIT,
    project_add_takes_a_full_disk_anywhere, long_mode_project_add_takes_any_error_anywhere: PROJECT_ADD,
    key_rotate_takes_a_full_disk_anywhere, long_mode_key_rotate_takes_any_error_anywhere: KEY_ROTATE,
    secret_set_takes_a_full_disk_anywhere, long_mode_secret_set_takes_any_error_anywhere: SECRET_SET,
    passwd_takes_a_full_disk_anywhere, long_mode_passwd_takes_any_error_anywhere: PASSWD,
    encrypt_takes_a_full_disk_anywhere, long_mode_encrypt_takes_any_error_anywhere: ENCRYPT,
    encrypt_over_an_older_copy_takes_a_full_disk_anywhere,
    long_mode_encrypt_over_an_older_copy_takes_any_error_anywhere: ENCRYPT_FORCE,
    decrypt_takes_a_full_disk_anywhere, long_mode_decrypt_takes_any_error_anywhere: DECRYPT,
    extract_takes_a_full_disk_anywhere, long_mode_extract_takes_any_error_anywhere: EXTRACT,
    vault_rotate_takes_a_full_disk_anywhere, long_mode_vault_rotate_takes_any_error_anywhere: VAULT_ROTATE,
    recover_takes_a_full_disk_anywhere, long_mode_recover_takes_any_error_anywhere: RECOVER,
    recover_on_another_machine_takes_a_full_disk_anywhere,
    long_mode_recover_on_another_machine_takes_any_error_anywhere: RECOVER_ELSEWHERE,
}
