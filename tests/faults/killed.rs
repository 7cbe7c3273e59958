//! The process is killed before its calls, one run for each.

use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::stories::{self, State, Story};
use super::tracer::Fault;
use super::trial::{Struck, Trial};
use crate::support::proof;

fn killed_anywhere(story: Story, struck: Struck) {
    let trial = Trial::of(story);
    let (numbers, which) = trial.numbers(struck);
    let (mut old, mut new, mut between, mut cleaned) = (0, 0, 0, 0);
    for at in numbers.iter().copied() {
        let call = &trial.calls[at];
        let looked = catch_unwind(AssertUnwindSafe(|| {
            let run = trial.strike(at, Fault::Kill, "");
            assert_eq!(run.status.signal(), Some(9), "killed");
            let state = trial.judge();
            // What was printed is what the user believes.
            assert!(run.stdout.is_empty() || state == State::New, "it said so: {}", run.stdout);
            let leftovers = trial.leftovers();
            // What doctor says is what the user does.
            for remedy in leftovers.iter().filter_map(|(_, remedy)| remedy.as_ref()) {
                trial.home().shell(remedy).succeeds();
            }
            trial.again();
            for (path, remedy) in &leftovers {
                // docs/cli.md tells of unfinished outputs; nobody else knows where they are.
                let is_output = path.file_name().unwrap().to_string_lossy().starts_with(".strongroom-");
                assert!(is_output || remedy.is_some() || !path.exists(), "nobody speaks of {}", path.display());
            }
            (state, leftovers.len())
        }));
        let Ok((state, leftovers)) = looked else {
            panic!("`{}` killed before call {at} of {}: {} {}", trial.name(), trial.calls.len(), call.name, call.on);
        };
        println!("{:3} {:9} {:70} {state:?}, {leftovers} left over", at, call.name, call.on);
        match state {
            State::Old => old += 1,
            State::New => new += 1,
            State::Between => between += 1,
        }
        cleaned += leftovers;
    }
    let name = trial.name().replace(' ', "-");
    proof::record(
        &format!("faults-killed-{name}"),
        &format!("`{}` killed before {which} of its {} write-side calls", trial.name(), trial.calls.len()),
        &format!(
            "{} opened and went on: {old} old, {new} new, {between} between; 0 acknowledged lost; {cleaned} leftovers, \
             all reported or removed",
            numbers.len()
        ),
    );
}

macro_rules! killed {
    ($($test:ident, $long:ident: $story:ident),+ $(,)?) => {$(
        #[test]
        #[ignore = "takes a while and needs ptrace: run ./test"]
        fn $test() {
            killed_anywhere(stories::$story, Struck::Some);
        }

        #[test]
        #[ignore = "long: run ./test --long"]
        fn $long() {
            killed_anywhere(stories::$story, Struck::Each);
        }
    )+};
}

killed! {
    init_may_be_killed, long_mode_init_may_be_killed_anywhere: INIT,
    project_add_may_be_killed, long_mode_project_add_may_be_killed_anywhere: PROJECT_ADD,
    key_rotate_may_be_killed, long_mode_key_rotate_may_be_killed_anywhere: KEY_ROTATE,
    secret_set_may_be_killed, long_mode_secret_set_may_be_killed_anywhere: SECRET_SET,
    passwd_may_be_killed, long_mode_passwd_may_be_killed_anywhere: PASSWD,
    encrypt_may_be_killed, long_mode_encrypt_may_be_killed_anywhere: ENCRYPT,
    encrypt_over_an_older_copy_may_be_killed, long_mode_encrypt_over_an_older_copy_may_be_killed_anywhere:
        ENCRYPT_FORCE,
    decrypt_may_be_killed, long_mode_decrypt_may_be_killed_anywhere: DECRYPT,
    extract_may_be_killed, long_mode_extract_may_be_killed_anywhere: EXTRACT,
    vault_rotate_may_be_killed, long_mode_vault_rotate_may_be_killed_anywhere: VAULT_ROTATE,
    recover_may_be_killed, long_mode_recover_may_be_killed_anywhere: RECOVER,
    recover_on_another_machine_may_be_killed, long_mode_recover_on_another_machine_may_be_killed_anywhere:
        RECOVER_ELSEWHERE,
}
