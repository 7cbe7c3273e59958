//! Where secrets lie in the memory of the running program, looked for in a copy of all of it: while a command uses
//! them, when it has done so, and at its end. And who else gets to see that memory.
//!
//! Only root may look into a process that refuses dumps, so what searches needs root.
#![cfg(all(target_os = "linux", target_env = "gnu", feature = "cli"))]

mod agent;
mod memory;
mod others;
mod program;
#[cfg(feature = "tui")]
mod screen;
mod secrets;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::prompts::terminal::*;
use crate::support::proof;
use memory::{Hit, Memory};
use program::*;
use secrets::Secrets;
use sweep::Swept;

/// Tells whether root runs this, and leaves out what `name` would have counted if not: nobody else may look into a
/// process that refuses dumps, or become another user.
fn is_root(name: &str, what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        proof::leave_out(name, what, "only root can do this");
    }
    is_root
}

const AT_WORK: (&str, &str) = ("memory-at-work", "keys and passwords outside locked memory while a command works");
const AT_THE_END: (&str, &str) = (
    "memory-at-the-end",
    "secrets in a command's memory at its end (raw, halves, hex, base64, HMAC pads, UTF-16 and -32)",
);
const AT_CALLS: (&str, &str) =
    ("memory-at-calls", "keys in its unlocked memory at any of its system calls, in the same forms");
const ALIGNED: (&str, &str) = ("memory-aligned", "the same with environments of 9 lengths");
const TYPED: (&str, &str) =
    ("memory-typed", "a typed password in unlocked memory once it is whole, and anywhere at the end");

const GENERATED: (&str, &str) = ("memory-generated", "generated passwords in a command's memory at its end");

const WRONG: &str = "flannel-cobalt-wicker-tundra-pulley-mango";

/// A home with a vault under [`OLD`], files with the passwords, and a sealed file larger than any pipe.
fn home() -> (Home, Vec<PathBuf>) {
    let home = Home::with_vault();
    password_files(&home);
    fs::write(home.work("large"), vec![0x42; 8 << 20]).unwrap();
    run(&home, "encrypt --project acme large --password-file old");
    let sealed = vec![home.work("large.sealed")];
    (home, sealed)
}

fn password_files(home: &Home) {
    for (name, password) in [("old", OLD), ("new", NEW), ("wrong", WRONG)] {
        fs::write(home.work(name), password).unwrap();
        fs::set_permissions(home.work(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Asserts that of these secrets those that `allowed` names lie in memory, and in locked memory alone unless their name
/// there says otherwise, and that the rest are nowhere.
#[track_caller]
fn holds(memory: &Memory, secrets: &Secrets, allowed: &[&str], when: &str) {
    assert!(memory.len() > 1 << 20, "there was something to look at");
    let hits = memory.search(secrets);
    let lines: String = hits.iter().map(|(name, hits)| format!("{name}: {hits:?}\n")).collect();
    let found: BTreeSet<&str> = hits.keys().map(String::as_str).collect();
    let allowed: BTreeMap<&str, bool> = allowed
        .iter()
        .map(|name| name.strip_suffix(" (unlocked)").map_or((*name, true), |name| (name, false)))
        .collect();
    assert_eq!(found, allowed.keys().copied().collect(), "{when}:\n{lines}");
    let misplaced = |(name, hits): (&String, &Vec<Hit>)| allowed[name.as_str()] && hits.iter().any(|hit| !hit.locked);
    assert!(!hits.iter().any(misplaced), "{when}:\n{lines}");
}

#[test]
#[ignore = "needs root: run ./test"]
fn a_working_command_holds_what_it_works_with_in_locked_memory_and_nothing_else() {
    if !is_root(AT_WORK.0, AT_WORK.1) {
        return;
    }
    let (home, sealed) = home();
    let all = Secrets::of(&home, OLD, &sealed);
    assert_eq!(all.len(), 14);

    let mut held = started(&home, "decrypt large.sealed -o - --password-file old", b"", false);
    held.wait_for_output();
    // The expanded key of the cipher at work is AWS-LC's, in memory of its own.
    let of_decrypt = ["content key", "data key", "body's cipher (unlocked)"];
    holds(&held.memory(), &all, &of_decrypt, "decrypting");
    drop(held);

    let mut held = started(&home, "cat large.sealed --password-file old", b"", false);
    held.wait_for_output();
    holds(&held.memory(), &all, &of_decrypt, "cat");
    drop(held);

    // Less than a batch, so that the header is all that comes out.
    let mut held = started(&home, "encrypt --project acme - -o - --password-file old", &[7; 300_000], false);
    let header = home.work("header");
    fs::write(&header, held.output(2 * 4096 + 56)).unwrap();
    wait_for_reading(held.pid());
    let with_new = Secrets::of(&home, OLD, &[header]);
    assert_eq!(with_new.len(), 14);
    let of_encrypt = ["data key", "file key 1", "body's cipher (unlocked)"];
    holds(&held.memory(), &with_new, &of_encrypt, "encrypting");
    drop(held);

    let new = Home::new();
    password_files(&new);
    let init = format!(
        "encrypt --init --no-recovery --keychain file {CHEAP} --project acme - -o new.sealed --password-file old"
    );
    // More than pipe and batch hold, so that the first of it is sealed when the last is handed over.
    let held = started(&new, &init, &[7; 4 << 20], false);
    wait_for_reading(held.pid());
    holds(&held.memory(), &Secrets::of(&new, OLD, &[]), &["data key", "file key 1"], "encrypting with a new vault");
    drop(held);

    let held = started(&home, "key show acme --password-file old", b"", true);
    held.wait_for_writing();
    // On its way out, encoded as it was asked for.
    holds(&held.memory(), &all, &["data key", "file key 1 (unlocked)"], "showing a key");
    proof::record(AT_WORK.0, AT_WORK.1, "0 in 5 commands, but for the cipher's expanded key and the key that is shown");
}

/// The program that the tests build or, in `./test --long`, the one that is installed.
fn searched() -> PathBuf {
    std::env::var_os("STRONGROOM_INSTALLED").map_or_else(|| PROGRAM.into(), PathBuf::from)
}

/// What the runs of one program have come to.
#[derive(Default)]
struct Tally {
    commands: usize,
    stops: usize,
    secrets: usize,
}

impl Tally {
    /// Counts a command that was followed to its end: nothing is left of any secret, and no key lay in unlocked memory
    /// at any call, but for AWS-LC's expanded one and what `key show` is about to print, or `run` to hand over.
    #[track_caller]
    fn count(&mut self, swept: &Swept, secrets: &Secrets, arguments: &str) {
        holds(&swept.memory(), secrets, &[], arguments);
        let mut seen = swept.seen.search(&secrets.keys());
        seen.retain(|name, hits| {
            let shows = arguments.starts_with("key show") || arguments.starts_with("run ");
            hits.retain(|hit| !(shows && hit.form == "base64"));
            !hits.is_empty() && !name.ends_with("body's cipher")
        });
        assert!(seen.is_empty(), "{arguments}, at a call: {seen:#?}");
        assert!(swept.stops > 20, "{arguments}: looked at {} times", swept.stops);
        self.commands += 1;
        self.stops += swept.stops;
        self.secrets = self.secrets.max(secrets.len());
    }

    /// Counts what another one has counted.
    fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.stops += other.stops;
        self.secrets = self.secrets.max(other.secrets);
    }
}

#[test]
#[ignore = "needs root: run ./test"]
fn no_command_has_a_key_in_unlocked_memory_at_any_call_or_a_secret_at_its_end() {
    // Both are left out, and both are said to be.
    if !is_root(AT_CALLS.0, AT_CALLS.1) | !is_root(AT_THE_END.0, AT_THE_END.1) {
        return;
    }
    let passwd = format!("passwd {CHEAP} --password-file old --new-password-file new");
    let recover = format!("recover {CHEAP} --kit-file kit-2 --new-password-file old");
    let daily = [
        ("project add beta --password-file old", 0),
        ("project list --password-file old", 0),
        ("project list --password-file wrong", 3),
        ("key show acme --password-file old", 0),
        // Up to the end of the program that takes its place.
        ("run --project acme --key-fd 3 --password-file old -- /bin/true", 0),
        ("key rotate acme --password-file old", 0),
        ("encrypt --project acme large -o again.sealed --password-file old", 0),
        ("decrypt large.sealed -o opened --password-file old", 0),
        ("verify large.sealed --password-file old", 0),
        ("rewrap --project acme large.sealed --password-file old", 0),
        ("reencrypt --project acme large.sealed --password-file old", 0),
        ("project destroy beta --yes beta --no-recovery --password-file old", 0),
    ];
    let rare = [
        ("kit new --recovery-file kit --password-file old", 0),
        ("kit test --kit-file kit", 0),
        (&passwd, 0),
        ("vault rotate --no-recovery --password-file new", 0),
        ("kit new --recovery-file kit-2 --password-file new", 0),
        (&recover, 0),
        ("status --password-file old", 0),
    ];
    let mut tally = Tally::default();
    let program = searched();
    // Each in a home of its own, at the same time: this is what takes longest.
    std::thread::scope(|scope| {
        let stories = [&daily[..], &rare].map(|story| scope.spawn(|| followed(&program, story)));
        stories.into_iter().for_each(|story| tally.add(&story.join().unwrap()));
    });
    let home = Home::new();
    password_files(&home);
    let arguments = format!("init --recovery-file kit --keychain file {CHEAP} --password-file old");
    let swept = Swept::to_its_end(&program, &home, &arguments, 0, 0);
    let all = Secrets::of(&home, OLD, &[]).and("recovery ", Secrets::kit(&home.work("kit")));
    tally.count(&swept, &all, &arguments);
    let Tally { commands, stops, secrets } = tally;
    assert_eq!(commands, daily.len() + rare.len() + 1);
    proof::record(AT_THE_END.0, AT_THE_END.1, &format!("{commands} commands, {secrets} secrets: 0 hits"));
    proof::record(AT_CALLS.0, AT_CALLS.1, &format!("{stops} stops: 0 hits"));
}

#[test]
#[ignore = "needs root: run ./test"]
fn nothing_is_left_of_a_generated_password_once_it_is_printed() {
    if !is_root(GENERATED.0, GENERATED.1) {
        return;
    }
    let home = Home::new();
    let printed = home.work("printed");
    let mut number = 0;
    for arguments in ["generate", "generate --json", "generate --words 6", "generate --length 99 --count 3"] {
        let output = fs::File::create(&printed).unwrap();
        let swept = Swept::printing_to(output.into(), &searched(), &home, arguments, number * 1237, 0);
        let text = fs::read_to_string(&printed).unwrap();
        let passwords = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(result) => result["password"].as_str().unwrap().to_owned(),
            Err(_) => text,
        };
        let secrets = passwords.lines().fold(Secrets::default(), |secrets, line| {
            number += 1;
            secrets.and(&format!("{number}: "), Secrets::password("password", line))
        });
        assert!(secrets.len() > 0, "{arguments} printed nothing");
        holds(&swept.memory(), &secrets, &[], arguments);
    }
    proof::record(GENERATED.0, GENERATED.1, &format!("{number} passwords: 0 hits"));
}

/// Follows commands to their ends, one after another in one home.
fn followed(program: &Path, commands: &[(&str, u64)]) -> Tally {
    let mut tally = Tally::default();
    let (home, sealed) = home();
    let old = Secrets::of(&home, OLD, &sealed).and("wrong ", Secrets::password("password", WRONG));
    for (number, (arguments, code)) in commands.iter().copied().enumerate() {
        // An environment of another length each time moves the stack, by an odd number of bytes.
        let swept = Swept::to_its_end(program, &home, arguments, number * 1237, code);
        // What the command has changed, too: keys, the payload, the password, kits.
        let password = if arguments.ends_with("file new") { NEW } else { OLD };
        let made = home.work("again.sealed");
        let files = sealed.iter().cloned().chain(made.exists().then_some(made)).collect::<Vec<_>>();
        let mut all = old.clone().and("now ", Secrets::of(&home, password, &files));
        for kit in ["kit", "kit-2"].map(|name| home.work(name)).iter().filter(|kit| kit.exists()) {
            all = all.and("recovery ", Secrets::kit(kit));
        }
        assert!(all.len() >= 15, "{arguments}: {}", all.len());
        tally.count(&swept, &all, arguments);
    }
    tally
}

#[test]
#[ignore = "needs root: run ./test"]
fn wherever_the_stack_begins_no_key_is_left_on_it() {
    if !is_root(ALIGNED.0, ALIGNED.1) {
        return;
    }
    let (home, _) = home();
    let all = Secrets::of(&home, OLD, &[]);
    let mut tally = Tally::default();
    // From one alignment to the next, and across pages.
    for padding in [1, 8, 16, 31, 64, 2000, 8191, 30_000, 100_000] {
        let swept = Swept::to_its_end(&searched(), &home, "key rotate acme --password-file old", padding, 0);
        tally.count(&swept, &all, "key rotate");
    }
    proof::record(ALIGNED.0, ALIGNED.1, &format!("{} stops: 0 hits", tally.stops));
}

#[test]
#[ignore = "needs root and strace: run ./test"]
fn what_is_typed_lies_in_locked_memory_once_it_is_whole_and_is_gone_at_the_end() {
    if !is_root(TYPED.0, TYPED.1) {
        return;
    }
    let (home, sealed) = home();
    let all = Secrets::of(&home, OLD, &sealed).and("new ", Secrets::password("password", NEW));

    // The shell becomes the program, and its pid the program's.
    let line = format!("bash -c 'echo pid $$; exec {}'", delayed(&format!("passwd {CHEAP}")));
    let mut terminal = home.terminal(&line);
    terminal.see("pid ");
    let pid: u32 = terminal.session.read_line().unwrap().trim().parse().unwrap();
    terminal.see_hidden(PASSWORD);
    holds(&Memory::of(pid), &all, &[], "at the prompt");
    // Halfway, what was typed is in the prompt's own buffers.
    terminal.press(&OLD[..OLD.len() / 2]);
    wait_for_reading(pid);
    assert!(Memory::of(pid).search(&all).contains_key("password"), "the search does not find what was typed");
    terminal.session.send_line(&OLD[OLD.len() / 2..]).unwrap();
    terminal.answer(CHOICE, "2");
    terminal.see_hidden(NEW_PASSWORD);
    wait_for_reading(pid);
    // It has to open whatever a rotation has left behind under it.
    holds(&Memory::of(pid), &all, &["data key", "password"], "after the unlock, at the second prompt");
    terminal.session.send_line(NEW).unwrap();
    terminal.see_hidden(AGAIN);
    wait_for_reading(pid);
    // The one that was judged and is to be set, where it belongs.
    holds(&Memory::of(pid), &all, &["data key", "password", "new password"], "at the third prompt");
    terminal.session.send_line(NEW).unwrap();
    assert_eq!(wait_for_exit(pid), 0);
    let all = all.and("now ", Secrets::of(&home, NEW, &sealed));
    holds(&Memory::of(pid), &all, &[], "at the end");
    release(pid);
    terminal.leaves_with(0);
    proof::record(TYPED.0, TYPED.1, "0 hits");
}

#[test]
#[ignore = "needs root: run ./test"]
fn the_search_finds_what_a_process_holds_in_whatever_form() {
    // A shell that has a password among its variables and a key in its text.
    let secrets = Secrets::password("password", OLD).and("wrong ", Secrets::password("password", WRONG));
    for (text, expected) in [
        (OLD.to_owned(), "text, whole or half or turned"),
        (OLD[OLD.len() / 2..].to_owned(), "text, whole or half or turned"),
        (OLD.chars().rev().collect(), "text, whole or half or turned"),
        (hex::encode(OLD), "hexadecimal"),
        (hex::encode_upper(OLD), "hexadecimal"),
    ] {
        let script = format!("x={text}; read line");
        let held = sleeping("bash", &["-c", &script]);
        wait_for_reading(held.pid());
        let hits = held.memory().search(&secrets);
        assert_eq!(hits.keys().collect::<Vec<_>>(), ["password"], "{text}");
        assert!(hits["password"].iter().any(|hit| hit.form == expected && !hit.locked), "{text}");
    }
}
