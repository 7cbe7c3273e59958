//! Rotating the data key, holding and destroying projects.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, symlink};

use crate::support::home::Home;

/// A home with a project, a sealed file and a copy of the vault file.
fn home_with_copy() -> Home {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt -q").succeeds();
    home.run("project add beta -q").does("");
    home.run("vault backup copy.json -q").does("");
    home
}

#[test]
fn after_a_rotation_no_copy_from_before_opens() {
    let home = home_with_copy();
    home.run("vault rotate --no-input --no-recovery").does(
        "\
the data key is rotated: vault files from before no longer open with this computer's keychain
old backups no longer open with this computer's keychain, but they still open with a kit from their time, also with a kit that was kept: destroy them, and make a new backup with `strongroom vault backup FILE`
no valid recovery kit is left: make one with `strongroom kit new`
",
    );
    let (vault, second) = (home.vault(), home.vault().with_extension("json.prev"));
    assert_eq!(home.read(&second), home.read(&vault), "an older vault file is left");
    assert_ne!(fs::metadata(second).unwrap().ino(), fs::metadata(vault).unwrap().ino(), "two names of one file");
    home.run("decrypt a.txt.sealed -o b.txt -q").does("");
    let now = home.read(home.vault());
    home.run("vault restore copy.json --json").fails_in_json(6, "key-not-ours");
    let (_, hint) = home.run("vault merge copy.json --json").fails_in_json(1, "other-vault");
    assert!(["key show", "key import", "vault fork"].iter().all(|command| hint.contains(command)), "{hint}");
    home.write(home.vault(), home.read("copy.json"));
    // The second copy opens, to be read; the copy from before does not.
    let listed = home.run("project list");
    assert!(listed.code() == 0 && listed.stderr().contains("reading the previous one"), "{}", listed.stderr());
    assert_eq!(home.run("project add gamma").code(), 6);
    fs::remove_file(home.vault().with_extension("json.prev")).unwrap();
    home.run("project list --json").fails_in_json(6, "key-not-ours");
    home.write(home.vault(), now);
    home.run("project list").succeeds();
}

#[test]
fn a_backup_beside_another_data_key_says_how_long_it_may_open() {
    let home = home_with_copy();
    let wraps = || serde_json::from_slice::<serde_json::Value>(&home.read(home.keychain())).unwrap();
    let old = wraps();
    home.run("vault rotate --no-recovery -q").does("");
    let mut item = wraps();
    item["wraps"].as_array_mut().unwrap().push(old["wraps"][0].clone());
    home.write(home.keychain(), item.to_string());
    let said = home.run_alone("vault backup second.json").succeeds().text();
    assert!(said.contains("it opens only with") && said.contains("may be under way"), "{said}");
    // Without a key of its own, nothing is promised.
    home.write(home.keychain(), old.to_string());
    assert_eq!(home.run_alone("vault backup third.json --json").succeeds().json()["checked"], false);
}

#[test]
fn a_rotation_ends_every_kit_but_the_one_that_is_made_or_kept() {
    let home = home_with_copy();
    home.run("kit new --recovery-file one -q").does("");
    home.run("vault rotate --no-recovery --no-input -q").does("");
    home.run_alone("kit test --kit-file one --json").fails_in_json(4, "kit-not-found");
    let json = home.run("vault rotate --recovery-file two --json").succeeds().json();
    assert_eq!(
        (&json["state"], &json["kit"], json["kits"].as_array().unwrap().len()),
        (&"settled".into(), &home.kit(2).into(), 2)
    );
    home.run("vault rotate --keep-kit --kit-file one --json").fails_in_json(3, "wrong-kit");
    home.run("vault rotate --keep-kit --kit-file two -q").does("");
    home.run_alone("kit test --kit-file two -q").succeeds();
    // A kit file that stands there is not replaced, and nothing rotates then.
    let before = home.read(home.vault());
    home.run("vault rotate --recovery-file one --json").fails_in_json(1, "output-exists");
    assert_eq!(home.read(home.vault()), before);
}

#[test]
fn a_destroyed_project_opens_nothing_and_what_could_undo_it_is_told() {
    let home = home_with_copy();
    home.run("kit new --recovery-file one -q").does("");
    let first = home.kit(1);
    let done = home.run("project destroy acme --yes acme --recovery-file two").succeeds().text();
    let second = home.kit(2);
    for line in [
        "project acme is destroyed: its keys are gone from the vault",
        &format!("recovery kit {second} opens the vault\n"),
        &format!("  - recovery kit {first}, with a vault file from before now"),
        "  - 5 decrypted files that stand or are not clear; `sweep` names them",
        &format!("destroy the paper of kit {first}"),
    ] {
        assert!(done.contains(line), "{line}: {done}");
    }
    assert!(!done.contains("  - recovery kit 2"), "{done}");
    // What was never made is not known to be there, and a backup's place is not known.
    let known = done.split("what it cannot know about:").next().unwrap();
    assert!(!known.contains("a backup of"), "{known}");
    assert!(
        done.contains("  - backups and other copies of the vault file, also those made by `vault backup`"),
        "{done}"
    );
    home.run("decrypt a.txt.sealed -o b.txt --json").fails_in_json(4, "wrong-key");
    home.run("decrypt -p acme a.txt.sealed -o b.txt --json").fails_in_json(4, "project-destroyed");
    home.run("encrypt -p acme a.txt -o c --json").fails_in_json(4, "project-destroyed");
    home.run("key show acme --json").fails_in_json(4, "project-destroyed");
    home.run("key rotate acme --json").fails_in_json(4, "project-destroyed");
    home.run("project destroy acme --yes acme --json").fails_in_json(4, "project-destroyed");
    // Its name stays on record: neither another one takes its place nor goes to another project.
    home.run("project rename acme else --json").fails_in_json(4, "project-destroyed");
    for words in ["project add acme --json", "project rename beta acme --json"] {
        let (message, _) = home.run(words).fails_in_json(1, "project-exists");
        assert!(message.contains("\"acme\" already; it was destroyed on 2"), "{message}");
    }
    let listed = home.run("project list").succeeds().text();
    assert!(listed.contains("destroying") && listed.contains("beta"), "{listed}");
    let shown = home.run("project show acme --json").succeeds().json();
    assert_eq!((&shown["keys"][0]["state"], shown["destroyed"].is_string()), (&"destroyed".into(), true));
    home.run_alone("kit test --kit-file two").succeeds();
    // The kit of the time before opens the copy of the time before, and that is why its paper is to go.
    fs::remove_dir_all(home.path(".local")).unwrap();
    home.write("new", "seven-wet-owls-argue-about-tea\n");
    home.write("pw", "seven-wet-owls-argue-about-tea\n");
    home.run_alone("recover --from copy.json --kit-file two --new-password-file new --json --keychain file --no-input")
        .fails_in_json(4, "kit-not-found");
}

#[test]
fn destroying_is_confirmed_by_name_and_refused_by_a_hold() {
    let home = home_with_copy();
    home.run("project destroy acme --json").fails_in_json(2, "usage");
    home.run("project destroy acme --yes beta --json").fails_in_json(2, "usage");
    home.run("project destroy none --yes none --json").fails_in_json(4, "project-not-found");
    home.run("project hold acme --reason trial")
        .does("project acme is on hold: it cannot be destroyed until it is released\n");
    // Once more without a reason: the first one stands.
    home.run("project hold acme").shows("project acme was on hold already; nothing was changed\n");
    home.run("project destroy acme --yes acme --no-recovery").fails(
        1,
        "\
error: cannot destroy project \"acme\"
cause: project \"acme\" is on hold since [..]Z: trial
hint: ask whoever ordered the hold; end it with `strongroom project release acme --reason TEXT`
",
    );
    let json = home.run("project show acme --json").succeeds().json();
    assert_eq!(json["hold"]["reason"], "trial");
    home.run("decrypt a.txt.sealed -o b.txt -q").does("");
    home.run("project release acme --reason settled").does("project acme is released\n");
    home.run("project release acme --reason settled").shows("project acme was not on hold; nothing was changed\n");
    let json = home.run("project destroy acme --yes acme --no-recovery --json").succeeds().json();
    assert_eq!((&json["project"], &json["rotation"]["state"]), (&"acme".into(), &"settled".into()));
    home.run("project release acme --reason settled --json").fails_in_json(4, "project-destroyed");
}

#[test]
fn where_the_keychain_fails_a_project_is_destroyed_all_the_same_and_that_is_said() {
    let home = home_with_copy();
    // The item cannot be written: something stands where it is staged.
    let staged = format!("{}.strongroom-tmp", home.keychain().display());
    fs::create_dir_all(format!("{staged}/in the way")).unwrap();
    home.run("project destroy acme --yes acme --no-recovery").ends(
        6,
        "",
        "\
error: project acme is destroyed, but the data key is not rotated yet
cause: the rotation has started and was interrupted: cannot write the keychain file [..]
hint: a later command continues it, or says that it was cancelled; `strongroom vault rotate` shows its state, or starts another
",
    );
    fs::remove_dir_all(staged).unwrap();
    let listed = home.run("project list");
    assert!(listed.code() == 0 && listed.stderr().contains("rotation"), "{}", listed.stderr());
    home.run("key show acme --json").fails_in_json(4, "project-destroyed");
}

#[test]
fn a_project_whose_key_another_one_holds_is_destroyed_only_where_that_is_meant_and_it_is_told() {
    let home = home_with_copy();
    home.write("key", home.run("key show acme --format raw").succeeds().bytes());
    home.run("key import beta --from key --shared -q").does("");
    home.run("project destroy acme --yes acme --no-recovery").fails(
        1,
        "\
error: cannot destroy project \"acme\"
cause: project \"beta\" (key version 2) of this vault holds the same key
hint: the files stay readable until every project that holds the key is destroyed; to destroy this project anyway, add --keep-shared
",
    );
    home.run("project destroy acme --yes acme --no-recovery --json").fails_in_json(1, "key-shared");
    let json = home.run("project destroy acme --yes acme --no-recovery --keep-shared --json").succeeds().json();
    let shared = serde_json::json!([{"version": 1, "project": "beta", "project_version": 2}]);
    assert_eq!(json["shared"], shared);
    let told = "project \"beta\" (key version 2): it holds key version 1 as well; destroy that project too";
    assert_eq!(json["could_undo"][0], told);
    // It is so: the file opens through the other project until that is destroyed as well, which needs no flag.
    home.run("decrypt a.txt.sealed -o b.txt -q").does("");
    let last = home.run("project destroy beta --yes beta --no-recovery").succeeds().text();
    assert!(
        last.contains("\nwhat this program knows of that could still open the files, or holds what is in them:\n"),
        "{last}"
    );
    assert!(!last.contains("(key version"), "{last}");
    home.run("decrypt a.txt.sealed -o c.txt --json").fails_in_json(4, "wrong-key");
}

#[test]
fn originals_stay_where_their_project_is_destroyed_before_they_are_removed() {
    let home = Home::with_project();
    home.write("in/a.csv", "data");
    // Each link is reported once the vault is open. Nobody reads the reports, so the run stops there until somebody
    // does.
    for number in 0..1500 {
        symlink("nowhere", home.path(format!("in/{}{number}", "link".repeat(20)))).unwrap();
    }
    let mut run = home.typed("encrypt -p acme --remove in --password-file pw").start();
    let mut reports = run.stderr.take().unwrap();
    reports.read_exact(&mut [0]).unwrap();
    home.run("project destroy acme --yes acme --no-recovery -q").does("");
    let mut said = String::new();
    reports.read_to_string(&mut said).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(1));
    let errors: Vec<_> = said.lines().skip_while(|line| !line.starts_with("error: ")).collect();
    let [error, cause, hint, ..] = errors[..] else { panic!("{said}") };
    assert_eq!(error, "error: cannot remove the originals");
    assert!(cause.starts_with("cause: the data key of ") && cause.contains(" was rotated"), "{cause}");
    assert_eq!(hint, "hint: all originals are still there: see `strongroom project list`, then run it again");
    assert_eq!(home.read("in/a.csv"), b"data");
}

#[test]
fn without_a_terminal_no_kit_ends_unless_that_is_said() {
    let home = home_with_copy();
    // There is none yet, so none ends; that none is made is said.
    let said = home.run("vault rotate --no-input -q").stderr().to_owned();
    assert!(said.starts_with("warning: no recovery kit opens the vault once this rotation is finished"), "{said}");
    home.run("kit new --recovery-file one -q").does("");
    for words in ["vault rotate", "vault rotate --settle-now --anew", "project destroy acme --yes acme"] {
        home.run(words).fails(
            2,
            "\
error: recovery kit 1-[..] would open only older vault files after this rotation, and a new kit can be shown only at a terminal
hint: add --keep-kit --kit-file FILE to keep the kit whose code is in FILE, --recovery-file FILE to make another, or --no-recovery to have none
",
        );
    }
    home.run("vault rotate --json").fails_in_json(2, "usage");
    home.run_alone("kit test --kit-file one -q").succeeds();
    for (words, good) in [
        ("vault rotate --keep-kit --kit-file one -q", Some("one")),
        ("vault rotate --recovery-file two -q", Some("two")),
        ("project destroy acme --yes acme --keep-kit --kit-file two -q", Some("two")),
        ("project destroy beta --yes beta --no-recovery -q", None),
    ] {
        home.run(words).does("");
        for kit in ["one", "two"].into_iter().filter(|kit| home.path(kit).exists()) {
            let opens = home.run_alone(&format!("kit test --kit-file {kit} -q")).code() == 0;
            assert_eq!(opens, good == Some(kit), "{words}: {kit}");
        }
    }
}
