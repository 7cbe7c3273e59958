//! The OS keychain against a real gnome-keyring-daemon, each test on a session bus of its own: what a caller sees in
//! each situation, and how soon.

#![cfg(all(unix, not(target_os = "macos")))]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use strongroom::keychain::{ItemKind, Keychain, KeychainError, OsKeychain, Prompting, WithDeadline};

use crate::support::desktop;

const VAULT: &str = "0b7b4a54-6d7a-4c4e-9d27-7a1f1c1a2b3c";
const KIND: ItemKind = ItemKind::DataKey;
const USER: &str = "0b7b4a54-6d7a-4c4e-9d27-7a1f1c1a2b3c:data-key";

/// What is answered without waiting for anyone comes in a few milliseconds; a busy machine gets more.
const AT_ONCE: Duration = Duration::from_secs(1);

macro_rules! desktop_tests {
    ($($(#[doc = $doc:literal])* $name:ident in $mode:literal $body:block)*) => {$(
        $(#[doc = $doc])*
        #[test]
        #[ignore = "needs a real Secret Service: run ./test"]
        fn $name() {
            desktop::inside($mode, concat!(module_path!(), "::", stringify!($name)), || $body);
        }
    )*};
}

fn alone() -> OsKeychain {
    OsKeychain::new(Prompting::Forbidden)
}

fn values(keychain: &dyn Keychain) -> Vec<Vec<u8>> {
    let mut values: Vec<_> = keychain.get(VAULT, KIND).expect("get").into_iter().map(|item| item.bytes).collect();
    values.sort();
    values
}

/// Runs the call and asserts that it came back within `limit`.
fn within<T>(limit: Duration, call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    assert!(start.elapsed() < limit, "took {:?}", start.elapsed());
    result
}

/// Asserts that each call of the trait fails at once with the same situation.
#[track_caller]
fn every_call_fails(keychain: &dyn Keychain, is_expected: impl Fn(&KeychainError) -> bool) {
    let answers = [
        ("get", within(AT_ONCE, || keychain.get(VAULT, KIND).map(drop))),
        ("set", within(AT_ONCE, || keychain.set(VAULT, KIND, b"item"))),
        ("list", within(AT_ONCE, || keychain.list().map(drop))),
        ("delete", within(AT_ONCE, || keychain.delete("/org/freedesktop/secrets/collection/login/1"))),
    ];
    for (name, answer) in answers {
        match answer {
            Err(error) => assert!(is_expected(&error), "{name}: {error:?}"),
            Ok(()) => panic!("{name} succeeded"),
        }
    }
}

/// Runs a program that must succeed and returns what it says.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn signal_daemon(signal: &str) {
    let file = std::env::var("DESKTOP_DAEMON").expect("set by the desktop script");
    let daemon = fs::read_to_string(file).expect("the daemon's process id");
    run("kill", &[signal, daemon.trim()]);
    // A signal is delivered a moment after `kill` returns.
    let start = Instant::now();
    let state = |daemon: &str| fs::read_to_string(format!("/proc/{}/stat", daemon.trim())).unwrap_or_default();
    while !state(&daemon).rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['T', 'Z'])) {
        assert!(start.elapsed() < Duration::from_secs(5), "the daemon goes on after {signal}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn store_with_secret_tool(attributes: &[&str], secret: &str) {
    use std::io::Write;
    let mut tool = Command::new("secret-tool")
        .args(["store", "--label=foreign"])
        .args(attributes)
        .stdin(Stdio::piped())
        .spawn()
        .expect("secret-tool");
    tool.stdin.take().expect("piped").write_all(secret.as_bytes()).expect("write");
    assert!(tool.wait().expect("secret-tool").success());
}

desktop_tests! {
    round_trip_updates_in_place in "--unlocked" {
        let keychain = alone();
        assert_eq!(keychain.name(), "org.freedesktop.secrets", "not asked yet");
        let probe = within(AT_ONCE, || keychain.probe()).expect("probe");
        assert_eq!((probe.provider.as_str(), probe.locked), ("gnome-keyring", false));
        assert_eq!(keychain.name(), "gnome-keyring");

        keychain.set(VAULT, KIND, b"first").expect("set");
        let handle = keychain.get(VAULT, KIND).expect("get").remove(0).handle;
        for turn in 0..10 {
            let bytes = format!("turn {turn}").into_bytes();
            within(AT_ONCE, || keychain.set(VAULT, KIND, &bytes)).expect("set");
            let items = within(AT_ONCE, || keychain.get(VAULT, KIND)).expect("get");
            assert_eq!(items.len(), 1, "still one item");
            assert_eq!((&items[0].bytes, &items[0].handle), (&bytes, &handle), "the same item");
        }
        // Another process sees it.
        assert_eq!(values(&alone()), [b"turn 9"]);
    }

    writers_of_one_new_item_leave_one in "--unlocked" {
        std::thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || alone().set(VAULT, KIND, format!("writer {writer}").as_bytes()).expect("set"));
            }
        });
        assert_eq!(values(&alone()).len(), 1);
    }

    secret_tool_sees_exactly_our_items in "--unlocked" {
        let keychain = alone();
        keychain.set(VAULT, KIND, b"the data key").expect("set");
        keychain.set(VAULT, ItemKind::Anchor, b"the anchor").expect("set");
        let lookup = ["lookup", "service", "strongroom", "username", USER, "application", "strongroom"];
        assert_eq!(run("secret-tool", &lookup), "the data key");
        let found = run("secret-tool", &["search", "--all", "service", "strongroom"]);
        assert_eq!(found.matches("\nlabel = ").count(), 2, "{found}");
        assert!(found.contains("label = Strongroom data key (vault 0b7b4a54)"), "{found}");
        assert!(found.contains("label = Strongroom anchor (vault 0b7b4a54)"), "{found}");

        // Items of ours by their service, but not by their name, are not ours.
        store_with_secret_tool(&["service", "strongroom", "username", "someone"], "foreign");
        store_with_secret_tool(&["service", "else", "username", USER], "foreign");
        assert_eq!(keychain.list().expect("list").len(), 2);
        assert_eq!(values(&keychain), [b"the data key"]);
    }

    two_matching_items_are_both_returned_and_none_is_written in "--unlocked" {
        let keychain = alone();
        keychain.set(VAULT, KIND, b"ours").expect("set");
        store_with_secret_tool(&["service", "strongroom", "username", USER, "more", "of it"], "theirs");
        assert_eq!(values(&keychain), [b"ours".as_slice(), b"theirs"]);

        let error = keychain.set(VAULT, KIND, b"new").expect_err("a write to one of two");
        assert!(
            matches!(&error, KeychainError::Ambiguous { provider, count: 2, kind: KIND } if provider == "gnome-keyring"),
            "{error:?}"
        );
        assert_eq!(values(&keychain), [b"ours".as_slice(), b"theirs"], "nothing was written");

        let items = keychain.get(VAULT, KIND).expect("get");
        let theirs = items.iter().find(|item| item.bytes == b"theirs").expect("theirs");
        keychain.delete(&theirs.handle).expect("delete");
        keychain.set(VAULT, KIND, b"new").expect("set");
        assert_eq!(values(&keychain), [b"new"]);
    }

    an_item_of_another_program_is_not_deleted in "--unlocked" {
        store_with_secret_tool(&["service", "else"], "foreign");
        for number in 1..4 {
            let handle = format!("/org/freedesktop/secrets/collection/login/{number}");
            alone().delete(&handle).expect("a handle that is not ours names nothing");
        }
        assert_eq!(run("secret-tool", &["lookup", "service", "else"]), "foreign");
    }

    an_item_deleted_behind_us_is_not_found in "--unlocked" {
        let keychain = alone();
        keychain.set(VAULT, KIND, b"item").expect("set");
        let handle = keychain.get(VAULT, KIND).expect("get").remove(0).handle;
        run("secret-tool", &["clear", "service", "strongroom"]);
        assert_eq!(keychain.get(VAULT, KIND).expect("get"), []);
        keychain.delete(&handle).expect("what is gone is deleted");
        keychain.set(VAULT, KIND, b"anew").expect("set");
        assert_eq!(values(&keychain), [b"anew"]);
    }

    locked_and_nobody_to_ask in "--locked" {
        let keychain = alone();
        let probe = within(AT_ONCE, || keychain.probe()).expect("a probe tells without an error");
        assert_eq!((probe.provider.as_str(), probe.locked), ("gnome-keyring", true));
        every_call_fails(&keychain, |error| {
            matches!(error, KeychainError::Locked { provider } if provider == "gnome-keyring")
        });
    }

    /// Without a program to show it, the daemon calls the dialog dismissed.
    locked_and_the_dialog_dismissed in "--locked" {
        let said = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&said);
        let notice = move |line: &str| hear.lock().expect("no panic").push(line.to_owned());
        let keychain = OsKeychain::new(Prompting::Allowed(Arc::new(notice)));
        assert!(keychain.probe().expect("probe").locked);
        assert!(said.lock().expect("no panic").is_empty(), "a probe never prompts");
        let error = within(Duration::from_secs(10), || keychain.get(VAULT, KIND)).expect_err("locked");
        assert!(
            matches!(&error, KeychainError::PromptDismissed { provider } if provider == "gnome-keyring"),
            "{error:?}"
        );
        assert_eq!(*said.lock().expect("no panic"), ["waiting for you to unlock gnome-keyring"]);
    }

    no_bus in "--nobus" {
        let keychain = alone();
        assert!(matches!(within(AT_ONCE, || keychain.probe()), Err(KeychainError::NoBus)));
        every_call_fails(&keychain, |error| matches!(error, KeychainError::NoBus));
    }

    no_service in "--nodaemon" {
        for keychain in [alone(), OsKeychain::new(Prompting::Allowed(Arc::new(|_: &str| panic!("nothing to ask"))))] {
            assert!(matches!(within(AT_ONCE, || keychain.probe()), Err(KeychainError::NoService)));
            every_call_fails(&keychain, |error| matches!(error, KeychainError::NoService));
        }
    }

    /// A service that the bus could start is left alone where nobody can be asked, and by a probe.
    no_service_is_started_unasked in "--startable" {
        let started = Path::new(&std::env::var("DESKTOP").expect("set by the desktop script")).join("started");
        let notice = |_: &str| panic!("nothing to ask");
        let with_person = OsKeychain::new(Prompting::Allowed(Arc::new(notice)));
        assert!(matches!(within(AT_ONCE, || with_person.probe()), Err(KeychainError::NoService)));
        every_call_fails(&alone(), |error| matches!(error, KeychainError::NoService));
        assert!(!started.exists());
        every_call_fails(&with_person, |error| matches!(error, KeychainError::ActivationStalled));
        assert!(started.exists());
    }

    no_collection in "--empty" {
        let keychain = alone();
        let is_expected = |error: &KeychainError| {
            matches!(error, KeychainError::NoCollection { provider } if provider == "gnome-keyring")
        };
        let error = within(AT_ONCE, || keychain.probe()).expect_err("nowhere to write to");
        assert!(is_expected(&error), "{error:?}");
        every_call_fails(&keychain, is_expected);
    }

    a_stopped_daemon_does_not_stop_us in "--unlocked" {
        let deadline = Duration::from_millis(700);
        let keychain = WithDeadline::new(Arc::new(alone()), deadline);
        keychain.set(VAULT, KIND, b"item").expect("set");
        signal_daemon("-STOP");
        let error = within(deadline + AT_ONCE, || keychain.set(VAULT, KIND, b"more")).expect_err("stopped");
        assert!(
            matches!(&error, KeychainError::Unresponsive { provider, after, writing: true }
                if provider == "gnome-keyring" && *after == deadline),
            "{error:?}"
        );
        let error = within(AT_ONCE / 2, || keychain.get(VAULT, KIND)).expect_err("no second call");
        assert!(matches!(error, KeychainError::Unresponsive { .. }), "{error:?}");
    }

    /// The store has a bound of its own, for a caller who set none.
    a_daemon_stopped_from_the_start_is_named in "--unlocked" {
        signal_daemon("-STOP");
        let keychain = alone();
        let error = within(Duration::from_secs(5), || keychain.get(VAULT, KIND)).expect_err("stopped");
        assert!(
            matches!(&error, KeychainError::Unresponsive { provider, after, writing: false }
                if provider == "gnome-keyring" && *after == Duration::from_secs(3)),
            "{error:?}"
        );
    }

    a_daemon_that_came_back_is_found_again in "--unlocked" {
        let keychain = alone();
        keychain.set(VAULT, KIND, b"item").expect("set");
        for _ in 0..2 {
            signal_daemon("-KILL");
            run(&desktop::script(), &["--again"]);
            assert_eq!(within(AT_ONCE, || values(&keychain)), [b"item"]);
        }
        signal_daemon("-KILL");
        run(&desktop::script(), &["--again"]);
        within(AT_ONCE, || keychain.set(VAULT, KIND, b"after")).expect("set");
        assert_eq!(values(&keychain), [b"after"]);
    }

    a_daemon_that_is_gone_for_good_is_no_service in "--unlocked" {
        let keychain = alone();
        keychain.set(VAULT, KIND, b"item").expect("set");
        signal_daemon("-KILL");
        every_call_fails(&keychain, |error| matches!(error, KeychainError::NoService));
        assert!(matches!(keychain.probe(), Err(KeychainError::NoService)));
    }
}
