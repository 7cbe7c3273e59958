//! The whole program against a real gnome-keyring-daemon, each story on a session bus of its own: what a user sees in
//! each situation of the OS keychain, by exit code, by kind and in words.
#![cfg(all(unix, not(target_os = "macos"), feature = "cli"))]

pub mod home;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::desktop;
use home::*;

macro_rules! stories {
    ($($(#[doc = $doc:literal])* $name:ident in $mode:literal $body:block)*) => {$(
        $(#[doc = $doc])*
        #[test]
        #[ignore = "needs a real Secret Service: run ./test"]
        fn $name() {
            desktop::inside($mode, concat!(module_path!(), "::", stringify!($name)), || {
                let _log = DaemonLog;
                $body
            });
        }
    )*};
}

mod meanwhile;

stories! {
    the_whole_way_from_init_to_a_changed_password in "--unlocked" {
        let home = empty();
        let made = home.succeed(&[&["init", "--no-recovery", "--password-file", "old"], &CHEAP[..]].concat());
        assert!(made.contains("keychain  os"), "{made}");
        home.succeed(&["project", "add", "acme", "--password-file", "old"]);
        home.succeed(&["encrypt", "-p", "acme", "clients.csv", "--password-file", "old"]);
        home.succeed(&["passwd", "--password-file", "old", "--new-password-file", "new"]);
        home.succeed(&["decrypt", "clients.csv.sealed", "-o", "opened.csv", "--password-file", "new"]);
        assert_eq!(fs::read_to_string(home.path("opened.csv")).unwrap(), DATA);
        assert_eq!((home.opens("old"), home.opens("new")), (false, true));
        // Nothing but the keychain holds the key: no file of the other kind appeared, but for the lock of its items.
        let files = fs::read_dir(home.path(".local/state/strongroom/keychain")).unwrap().map(|file| file.unwrap().path());
        let files: Vec<_> = files.filter(|path| path.extension().is_none_or(|ending| ending != "lock")).collect();
        assert!(files.is_empty(), "{files:?}");
    }

    the_data_key_rotates_once_the_keychain_has_had_time in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        home.succeed(&["encrypt", "-p", "acme", "clients.csv", "--password-file", "old"]);
        let rotate = ["--json", "vault", "rotate", "--no-recovery", "--password-file", "old"];
        let state = |arguments: &[&str]| -> Value { serde_json::from_str(&home.succeed(arguments)).unwrap() };
        let begun = state(&rotate);
        let left = begun["seconds_left"].as_u64().unwrap();
        assert!(begun["state"] == "waiting" && (1100..=1200).contains(&left), "{begun}");
        // Until then all goes on, and an older copy opens, with an alarm.
        assert_eq!(state(&["--json", "status", "--password-file", "old"])["rotation"]["state"], "waiting");
        home.succeed(&["project", "add", "beta", "--password-file", "old"]);
        let now = fs::read(home.vault()).unwrap();
        fs::write(home.vault(), &before).unwrap();
        assert_eq!(home.warnings(&["project", "list", "--password-file", "old"]), ["rolled-back"]);
        fs::write(home.vault(), now).unwrap();
        assert_eq!(state(&rotate)["state"], "waiting");
        let late = ["vault", "rotate", "--recovery-file", "late", "--password-file", "old"];
        assert_eq!(home.warnings(&late), ["kit-not-made"]);
        assert!(!home.path("late").exists());
        let settled = state(&[&rotate[..], &["--settle-now"]].concat());
        assert_eq!(settled["state"], "settled");
        let second = std::fs::read(home.vault().with_extension("json.prev")).unwrap();
        assert_eq!(second, std::fs::read(home.vault()).unwrap(), "an older vault file is left");
        home.succeed(&["decrypt", "clients.csv.sealed", "-o", "opened.csv", "--password-file", "old"]);
        let after = fs::read(home.vault()).unwrap();
        fs::write(home.vault(), &before).unwrap();
        // It does not open; the second copy of the vault as it is does.
        assert_eq!(home.warnings(&["project", "list", "--password-file", "old"]), ["read-previous"]);
        fs::write(home.vault(), after).unwrap();
        assert_eq!(home.warnings(&["project", "list", "--password-file", "old"]), [""; 0]);
    }

    a_kit_ends_the_old_password_while_a_rotation_waits in "--unlocked" {
        let home = with_vault("os");
        home.succeed(&["kit", "new", "--recovery-file", "kit", "--password-file", "old"]);
        home.succeed(&["vault", "rotate", "--keep-kit", "--kit-file", "kit", "--password-file", "old"]);
        let told = home.succeed(&["recover", "--kit-file", "kit", "--new-password-file", "new"]);
        assert!(told.contains("\nthe old password is no longer valid on this computer\n"), "{told}");
        assert_eq!((home.opens("old"), home.opens("new")), (false, true));
        let settled = home.succeed(&["--json", "vault", "rotate", "--settle-now", "--password-file", "new"]);
        assert_eq!(serde_json::from_str::<Value>(&settled).unwrap()["state"], "settled");
        assert_eq!((home.opens("old"), home.opens("new")), (false, true));
    }

    an_unlocked_vault_says_that_a_rotation_waits in "--unlocked" {
        let home = with_vault("os");
        home.succeed(&["vault", "rotate", "--no-recovery", "--password-file", "old"]);
        assert!(!home.succeed(&["status"]).contains("\nrotation"));
        home.succeed(&["unlock", "--password-file", "old"]);
        let status = home.succeed(&["status"]);
        assert!(status.contains("\nrotation       under way: `strongroom status --unlock` says how far it is\n"), "{status}");
        let status = home.succeed(&["status", "--unlock", "--password-file", "old"]);
        assert!(status.contains("\nrotation       under way: the first command that asks for the password after "), "{status}");
        home.succeed(&["lock"]);
    }

    an_old_secret_that_a_script_keeps_in_the_keychain_is_found_and_named in "--unlocked" {
        let home = with_vault("file");
        let text = DATA.repeat(4);
        home.write("plain", &text);
        let key = "00112233445566778899aabbccddeeff".repeat(2);
        let iv = "0".repeat(32);
        let encrypted = |arguments: &[&str]| {
            let mut openssl = Command::new("openssl");
            openssl.args(["enc", "-aes-256-cbc", "-in"]).arg(home.path("plain")).args(arguments);
            openssl.output().expect("openssl").stdout
        };
        home.write("keyed.csv.enc", [&[0; 16][..], &encrypted(&["-K", &key, "-iv", &iv])].concat());
        home.write("typed.csv.enc", encrypted(&["-pbkdf2", "-pass", "pass:of old"]));
        // As Python's keyring writes them: in its own way, and in that of KeePassXC.
        let own = ["service", "https://my.example/app", "username", "jo", "application", "Python keyring library"];
        store_with(&own, key.as_bytes());
        store_with(&["Title", "exports", "UserName", "it's me"], b"of old");
        let import = ["--json", "import", "--project", "acme", "--password-file", "old"];
        let imported = |arguments: &[&str]| -> Value {
            serde_json::from_str(&home.succeed(&[&import[..], arguments].concat())).unwrap()
        };
        let item = ["--keychain-item", "https://my.example/app/jo"];
        let result = imported(&[&["--scheme", "raw-key", "keyed.csv.enc"], &item[..]].concat());
        let clean_up = &result["clean_up"][1];
        assert_eq!(clean_up["what"], "the old secret in the keychain", "{result}");
        let clear = "secret-tool clear service https://my.example/app username jo";
        assert_eq!((&clean_up["path"], &clean_up["command"]), (&"https://my.example/app/jo".into(), &clear.into()));
        let result = imported(&["typed.csv.enc", "--keychain-item", "exports/it's me"]);
        let command = result["clean_up"][1]["command"].as_str().unwrap().to_owned();
        for name in ["keyed.csv", "typed.csv"] {
            home.succeed(&["decrypt", &format!("{name}.sealed"), "-o", "opened", "--force", "--password-file", "old"]);
            assert_eq!(fs::read_to_string(home.path("opened")).unwrap(), text);
        }
        // The command removes that item, and nothing else: then there is none.
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success(), "{command}");
        let again = ["import", "--project", "acme", "typed.csv.enc", "-o", "again", "--keychain-item", "exports/it's me"];
        let output = home.output(&again);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains("cause: there is no such item\n") && !home.path("again").exists(), "{said}");
        imported(&[&["--scheme", "raw-key", "keyed.csv.enc", "--dry-run"], &item[..]].concat());
        // One that does not fit is a wrong secret like any other.
        let output = home.output(&[&["import", "--project", "acme", "typed.csv.enc", "-o", "again"], &item[..]].concat());
        assert_eq!(output.status.code(), Some(3));
    }

    another_program_sees_our_two_items_and_nothing_else_of_ours in "--unlocked" {
        let home = with_vault("os");
        let id = home.vault_id();
        let ours = BTreeSet::from([format!("{id}:data-key"), format!("{id}:anchor")]);
        let exactly_ours = || {
            assert_eq!(items_of_ours(), ours);
            // Nor is there anything of ours under another name: the keyring was new.
            assert_eq!((items_in("aliases/default"), items_in("collection/session")), (2, 0));
        };
        exactly_ours();
        home.succeed(&["project", "add", "beta", "--password-file", "old"]);
        home.succeed(&["passwd", "--password-file", "old", "--new-password-file", "new"]);
        home.succeed(&["key", "rotate", "acme", "--password-file", "new"]);
        exactly_ours();
        // Doctor has one item of its own to try the keychain with. The cheap password is this vault's policy.
        let output = home.output(&["doctor", "--password-file", "new"]);
        let findings = String::from_utf8_lossy(&output.stdout);
        let problems: Vec<&str> = findings.lines().filter(|line| line.starts_with("PROBLEM")).collect();
        assert!(problems.is_empty() && findings.contains("password cost"), "{findings}");
        let with_doctors = ours.iter().cloned().chain(["doctor:anchor".to_owned()]).collect();
        assert_eq!(items_of_ours(), with_doctors);
        clear("doctor:anchor");
        exactly_ours();
        // What lies there is no secret in the clear.
        let key = home.succeed(&["key", "show", "acme", "--password-file", "new"]);
        let seen = tool("secret-tool", &["search", "--all", "service", "strongroom"]);
        for secret in [OLD, NEW, key.trim(), "acme"] {
            assert!(!seen.contains(secret), "{seen}");
        }
    }

    two_vaults_share_a_keychain_and_not_their_items in "--unlocked" {
        let home = with_vault("os");
        home.succeed(&[&["init", "--no-recovery", "--vault", "second", "--password-file", "new"], &CHEAP[..]].concat());
        assert_eq!(items_of_ours().len(), 4);
        home.succeed(&["--vault", "second", "project", "add", "beta", "--password-file", "new"]);
        assert_eq!((home.opens("old"), home.opens("new")), (true, false));
        assert_eq!(home.output(&["--vault", "second", "project", "list", "--password-file", "old"]).status.code(), Some(3));
    }

    no_bus in "--nobus" {
        let hint = cannot_be_used("no-bus");
        assert!(hint.contains("desktop session") && hint.contains("--keychain file"), "{hint}");
    }

    no_service in "--nodaemon" {
        let hint = cannot_be_used("no-service");
        assert!(hint.contains("start gnome-keyring") && hint.contains("--keychain file"), "{hint}");
    }

    no_default_collection in "--empty" {
        let hint = cannot_be_used("no-collection");
        assert!(hint.contains("make a default keyring"), "{hint}");
    }

    a_locked_keychain_is_not_asked_to_open_where_questions_are_forbidden in "--locked" {
        let hint = cannot_be_used("locked");
        assert!(hint.contains("unlock it") && hint.contains("--keychain file"), "{hint}");
    }

    what_is_named_for_a_locked_keychain_without_a_desktop_unlocks_it in "--locked" {
        let home = empty();
        let init = [&["init", "--no-recovery", "--password-file", "old"], &CHEAP[..]].concat();
        let hint = home.fails(&init, "locked");
        let command = hint.split("password: ").nth(1).and_then(|rest| rest.split(". ").next()).unwrap();
        // As it is typed, with the keyring's password after it.
        let unlock = format!("echo desktop | bash -c '{}' >daemon-says 2>&1", command.replace('\'', r"'\''"));
        let mut shell = std::process::Command::new("sh");
        assert!(shell.args(["-c", &unlock]).current_dir(home.path("")).status().unwrap().success());
        wait_until(|| home.output(&init).status.success());
        assert!(home.opens("old"));
    }

    a_service_that_could_be_started_is_not_started_unasked in "--startable" {
        let hint = cannot_be_used("no-service");
        assert!(hint.contains("start gnome-keyring"), "{hint}");
        let home = with_vault("file");
        home.output(&["status"]);
        home.output(&["doctor"]);
        let started = Path::new(&std::env::var("DESKTOP").unwrap()).join("started");
        assert!(!started.exists(), "somebody started the service");
    }

    of_two_matching_items_the_one_that_opens_is_used_and_doctor_removes_the_other in "--unlocked" {
        let home = with_vault("os");
        let user = format!("{}:data-key", home.vault_id());
        let list = ["project", "list", "--password-file", "old"];
        assert!(home.warnings(&list).is_empty());
        store(&user, Some("one"), b"garbage");
        assert_eq!(home.warnings(&list), ["ambiguous"]);

        let passwd = ["passwd", "--password-file", "old", "--new-password-file", "new"];
        let words = home.output(&passwd);
        assert_eq!(words.status.code(), Some(6));
        let output = home.output(&[&["--json"], &passwd[..]].concat());
        // The warning stands before the error.
        let errors = String::from_utf8_lossy(&output.stderr);
        let error: Value = serde_json::from_str(errors.lines().last().unwrap()).unwrap();
        assert_eq!((output.status.code(), error["kind"].as_str()), (Some(6), Some("ambiguous")), "{errors}");
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("doctor --remove-duplicates")), "{errors}");
        assert_eq!((home.opens("old"), home.opens("new")), (true, false));

        // With the wrong password nobody knows which of them is ours, so none is removed.
        let wrong = home.output(&["doctor", "--remove-duplicates", "--password-file", "new"]);
        assert_eq!(wrong.status.code(), Some(3));
        assert_eq!(items_in("aliases/default"), 3);

        let removed = home.succeed(&["--json", "doctor", "--remove-duplicates", "--password-file", "old"]);
        assert_eq!(serde_json::from_str::<Value>(&removed).unwrap()["removed"], 1);
        assert_eq!(items_in("aliases/default"), 2);
        assert!(home.warnings(&list).is_empty());
        home.succeed(&passwd);
        assert_eq!((home.opens("old"), home.opens("new")), (false, true));
    }

    of_two_items_that_both_open_doctor_leaves_one in "--unlocked" {
        let home = with_vault("os");
        let user = format!("{}:data-key", home.vault_id());
        let item = look_up(&user);
        store(&user, Some("copy"), item.as_bytes());
        assert_eq!(home.warnings(&["project", "list", "--password-file", "old"]), ["ambiguous"]);
        home.succeed(&["doctor", "--remove-duplicates", "--password-file", "old"]);
        assert_eq!(items_in("aliases/default"), 2);
        home.succeed(&["passwd", "--password-file", "old", "--new-password-file", "new"]);
        assert_eq!((home.opens("old"), home.opens("new")), (false, true));
    }

    a_deleted_item_is_missed_and_no_new_key_is_made_in_its_place in "--unlocked" {
        let home = with_vault("os");
        let user = format!("{}:data-key", home.vault_id());
        let (item, before) = (look_up(&user), fs::read(home.vault()).unwrap());
        clear(&user);
        for arguments in [
            &["key", "show", "acme", "--password-file", "old"][..],
            &["project", "add", "beta", "--password-file", "old"],
            &["encrypt", "--init", "--no-recovery", "-p", "acme", "clients.csv", "--password-file", "old"],
            &["passwd", "--password-file", "old", "--new-password-file", "new"],
            &["doctor", "--remove-duplicates", "--password-file", "old"],
        ] {
            home.fails(arguments, "key-missing");
        }
        let init = home.output(&[&["init", "--no-recovery", "--password-file", "old"], &CHEAP[..]].concat());
        assert_eq!(init.status.code(), Some(1));
        assert_eq!(fs::read(home.vault()).unwrap(), before);
        assert!(!items_of_ours().contains(&user));
        // Put back from a backup, all is well.
        store(&user, None, item.as_bytes());
        assert!(home.opens("old"));
    }

    a_deleted_anchor_is_warned_of_once_and_made_again in "--unlocked" {
        let home = with_vault("os");
        let user = format!("{}:anchor", home.vault_id());
        clear(&user);
        let list = ["project", "list", "--password-file", "old"];
        assert_eq!(home.warnings(&list), ["anchor-missing"]);
        assert!(home.warnings(&list).is_empty());
        assert!(items_of_ours().contains(&user));
    }

    a_keychain_that_hangs_is_given_up_within_five_seconds in "--unlocked" {
        let home = with_vault("os");
        let id = home.vault_id();
        signal_daemon("-STOP");
        let show = ["--json", "key", "show", "acme", "--password-file", "old"];
        let gone = |home: &Home, arguments: &[&str], limit: Duration, advice: &str| {
            let start = Instant::now();
            let output = home.output(arguments);
            let took = start.elapsed();
            let hint = refused(&output, "unresponsive");
            assert!(hint.contains(advice), "{hint}");
            assert!(took < limit, "{arguments:?} took {took:?}");
        };
        gone(&home, &show, GONE_WITHIN, "--keychain-timeout");
        // Sooner where the user says so: before the 3 s of nobody's saying.
        let sooner = [&["--keychain-timeout", "1"], &show[..]].concat();
        gone(&home, &sooner, Duration::from_millis(2900), "--keychain-timeout");
        let fresh = empty();
        let init = [&["--json", "init", "--no-recovery", "--password-file", "old"], &CHEAP[..]].concat();
        gone(&fresh, &init, GONE_WITHIN, "--keychain-timeout");
        fresh.has_no_vault();
        // Nothing was broken by it.
        signal_daemon("-CONT");
        assert!(home.opens("old"));
        assert_eq!(items_of_ours(), BTreeSet::from([format!("{id}:data-key"), format!("{id}:anchor")]));
    }

    a_daemon_that_ended_is_missed_and_one_that_is_started_again_serves in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        kill_daemon();
        home.fails(&["key", "show", "acme", "--password-file", "old"], "no-service");
        home.fails(&["project", "add", "beta", "--password-file", "old"], "no-service");
        assert_eq!(fs::read(home.vault()).unwrap(), before);
        tool(&desktop::script(), &["--again"]);
        assert!(home.opens("old"));
        home.succeed(&["project", "add", "beta", "--password-file", "old"]);
    }

    an_item_that_is_garbage_or_anothers_is_not_taken_for_ours in "--unlocked" {
        let home = with_vault("os");
        home.succeed(&[&["init", "--no-recovery", "--vault", "second", "--password-file", "old"], &CHEAP[..]].concat());
        let second: Value =
            serde_json::from_str(&home.succeed(&["--json", "--vault", "second", "status"])).unwrap();
        let anothers = look_up(&format!("{}:data-key", second["vault"].as_str().unwrap()));
        let user = format!("{}:data-key", home.vault_id());
        let (item, before) = (look_up(&user), fs::read(home.vault()).unwrap());
        for foreign in ["garbage", "{}", anothers.as_str()] {
            clear(&user);
            store(&user, None, foreign.as_bytes());
            home.fails(&["key", "show", "acme", "--password-file", "old"], "key-not-ours");
            home.fails(&["passwd", "--password-file", "old", "--new-password-file", "new"], "key-not-ours");
            // What is not ours is never written over.
            assert_eq!(look_up(&user), foreign);
        }
        assert_eq!(fs::read(home.vault()).unwrap(), before);
        clear(&user);
        store(&user, None, item.as_bytes());
        assert!(home.opens("old"));
    }

    a_vault_of_the_os_keychain_never_falls_back_to_a_file in "--unlocked" {
        let home = with_vault("os");
        let before = fs::read(home.vault()).unwrap();
        // The file kind would serve here, as another vault shows.
        home.succeed(
            &[&["init", "--no-recovery", "--vault", "second", "--keychain", "file", "--password-file", "old"], &CHEAP[..]].concat(),
        );
        let files = || fs::read_dir(home.path(".local/state/strongroom/keychain")).unwrap().count();
        let kept = files();
        for arguments in [
            &["key", "show", "acme", "--password-file", "old"][..],
            &["project", "add", "beta", "--password-file", "old"],
            &["encrypt", "--init", "--no-recovery", "-p", "acme", "clients.csv", "--password-file", "old"],
            &["passwd", "--password-file", "old", "--new-password-file", "new"],
        ] {
            let nowhere = format!("unix:path={}", home.path("no-bus").display());
            let output =
                home.attended_by_nobody(arguments).arg("--json").env("DBUS_SESSION_BUS_ADDRESS", nowhere).output();
            refused(&output, "no-bus");
        }
        assert_eq!((fs::read(home.vault()).unwrap(), files()), (before, kept));
        assert!(!home.path("clients.csv.sealed").exists());
        assert!(home.opens("old"));
    }

    a_vault_whose_key_is_in_a_file_leaves_nothing_in_the_keychain in "--unlocked" {
        let home = with_vault("file");
        home.succeed(&["encrypt", "-p", "acme", "clients.csv", "--password-file", "old"]);
        home.succeed(&["passwd", "--password-file", "old", "--new-password-file", "new"]);
        assert_eq!((home.opens("old"), home.opens("new")), (false, true));
        home.output(&["doctor"]);
        assert_eq!((items_in("aliases/default"), items_in("collection/session")), (0, 0));
        // And it needs no daemon.
        kill_daemon();
        assert!(home.opens("new"));
    }
}
