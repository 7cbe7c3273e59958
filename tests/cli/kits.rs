//! Recovery kits, and getting back in with one.

use std::fs;

use crate::support::home::{FLOOR, Home, with_altered_payload};

const NO_KIT: &str = "warning: this vault has no recovery kit: if the keychain or the password is lost, so is \
                      everything in it. Make one with `strongroom kit new`\n";

/// A home with a project, a sealed file and the kit 1 in the file `kit`.
pub fn home_with_kit() -> Home {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt -q").succeeds();
    home.run("kit new --recovery-file kit -q").does("");
    home.write("new", "seven-wet-owls-argue-about-tea\n");
    home
}

#[test]
fn without_a_terminal_a_new_vault_has_a_kit_where_a_file_is_named_for_it_and_says_so_where_not() {
    let home = Home::empty();
    let made = home.run(&format!("init --keychain file {FLOOR} -q"));
    made.warns("", NO_KIT);
    home.run("kit list").shows("no recovery kit: make one with `strongroom kit new`\n");
    let home = Home::empty();
    let json = home.run(&format!("init --keychain file {FLOOR} --json --recovery-file kit")).succeeds().json();
    assert_eq!(json["kit"], home.kit(1));
    assert_eq!((home.read("kit").len(), home.mode("kit")), (70, 0o600));
    home.run_alone("kit test --kit-file kit")
        .shows("kit 1-[..] opens {home}/.local/share/strongroom/vault.json: 0 projects\n");
    // A file that cannot be written refuses the vault before it is made.
    let home = Home::empty();
    home.write("kit", "precious");
    let words = format!("init --keychain file {FLOOR} --recovery-file kit --json");
    home.run(&words).fails_in_json(1, "output-exists");
    assert!(!home.vault().exists());
    assert_eq!(home.read("kit"), b"precious");
}

#[test]
fn in_json_a_new_kit_is_one_object_with_its_code() {
    let home = Home::with_vault();
    let json = home.run("kit new --json --no-input").succeeds().json();
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "created", "kit"]);
    assert_eq!((&json["kit"], json["code"].as_str().unwrap().len()), (&home.kit(1).into(), 69));
    home.write("kit", json["code"].as_str().unwrap().replace('-', " ").to_lowercase());
    let tested = home.run_alone("kit test --kit-file kit --json").succeeds().json();
    let kit = home.kit(1);
    assert_eq!(tested, serde_json::json!({"kit": kit, "projects": 0, "ends_with_rotation": false, "previous": false}));
    // Without JSON, and without a terminal, the page goes to standard output.
    let text = home.run("kit new --no-input").succeeds().text();
    assert!(text.contains("STRONGROOM RECOVERY KIT 2-") && text.contains("proven to open the vault"), "{text}");
    assert_eq!(home.run("kit list --json").json().as_array().unwrap().len(), 2);
    home.run("kit new --no-input -q").succeeds();
    let names = format!("kit {}, {} or {}\n", home.kit(1), home.kit(2), home.kit(3));
    assert!(home.run_alone("status").succeeds().text().contains(&names));
}

#[test]
fn a_kit_that_opens_the_previous_vault_file_alone_does_not_pass_its_test() {
    let home = home_with_kit();
    home.run("project add beta -q").does("");
    let altered = with_altered_payload(&home.read(home.vault()));
    for damaged in [altered, b"garbage".to_vec()] {
        home.write(home.vault(), damaged);
        home.run_alone("kit test --kit-file kit")
            .ends(
                5,
                "kit 1-[..] opens {home}/.local/share/strongroom/vault.json.prev: 1 project\n",
                "\
warning: the vault file cannot be used ([..]); reading the previous one, generation 4
error: kit 1-[..] does not open the vault file itself
cause: [..]
hint: put a backup in its place, or continue from the previous one (generation 4): `strongroom status --unlock --accept-rollback`, or without keychain and password `strongroom recover --accept-rollback`
",
            )
            .changed_nothing();
    }
    let json = home.run_alone("kit test --kit-file kit --json").json();
    assert_eq!((&json["projects"], &json["previous"]), (&1.into(), &true.into()));
}

#[test]
fn a_new_kit_says_that_earlier_backups_do_not_open_with_it() {
    let home = Home::with_vault();
    home.run("vault backup before.json -q").does("");
    home.run("kit new --recovery-file kit").does(
        "\
recovery kit 1-[..] is made and proven to open the vault; its code is in kit
print it, put the paper in a safe, and remove the file: rm kit
earlier backups of the vault do not open with this kit: make a new one with `strongroom vault backup FILE`
",
    );
    home.run("vault backup after.json -q").does("");
    let new = Home::empty();
    for name in ["before.json", "after.json", "kit"] {
        new.write(name, home.read(name));
    }
    let words = "--kit-file kit --new-password-file pw --keychain file --no-input";
    new.run_alone(&format!("recover --from before.json {words} --json")).fails_in_json(4, "kit-not-found");
    new.run_alone(&format!("recover --from after.json {words} -q")).does("");
}

#[test]
fn a_code_that_nobody_could_read_does_not_go_on_being_valid() {
    let home = Home::with_vault();
    for words in ["kit new --no-input", "kit new --json --no-input"] {
        let failed = home.shell(&format!("strongroom {words} --password-file pw > /dev/full"));
        assert_ne!(failed.code(), 0);
    }
    let kits = home.run("kit list --json").succeeds().json();
    assert!(kits.as_array().unwrap().iter().all(|kit| kit["valid"] == false), "{kits}");
}

#[test]
fn a_revoked_kit_opens_nothing_and_its_paper_is_remembered_until_it_is_destroyed() {
    let home = home_with_kit();
    home.run("kit revoke 2 --json").fails_in_json(4, "kit-not-found");
    home.run("kit revoke 1").does(
        "\
kit 1-[..] is revoked
whoever has its code and an older vault file (a backup, a synced copy, vault.json.prev) can still open today's vault until the data key is rotated: `strongroom vault rotate`
destroy the paper of kit 1-[..]: older vault files still open with it. Then: `strongroom kit revoke 1-[..] --paper-destroyed`
no valid recovery kit is left: make one with `strongroom kit new`
",
    );
    home.run_alone("kit test --kit-file kit --json").fails_in_json(4, "kit-not-found");
    home.run("kit list").shows("KIT   MADE                  STATE\n1-[..]  [..]Z  ended [..]Z; destroy its paper\n");
    let json = home.run("kit revoke 1 --paper-destroyed --json").succeeds().json();
    assert!(json["valid"] == false && json["paper_destroyed"].is_string());
    let shown = home.run("kit list").succeeds().text();
    assert!(shown.contains("paper destroyed"), "{shown}");
    for words in ["kit revoke 1", "kit revoke 1 --paper-destroyed"] {
        home.run(words).shows(
            "\
kit 1-[..] ended on [..]Z; its paper is noted as destroyed; nothing was changed
no valid recovery kit is left: make one with `strongroom kit new`
",
        );
    }
}

#[test]
fn a_kit_that_a_rotation_ended_is_not_revoked_once_more() {
    let home = home_with_kit();
    home.run("vault rotate --recovery-file two -q").does("");
    home.run("kit revoke 1").shows(
        "\
kit 1-[..] ended on [..]Z; nothing was changed
whoever has its code and an older vault file (a backup, a synced copy, vault.json.prev) can still open today's vault unless the data key was rotated since: `strongroom vault rotate`
destroy the paper of kit 1-[..]: older vault files still open with it. Then: `strongroom kit revoke 1-[..] --paper-destroyed`
",
    );
    home.run("kit revoke 1 --paper-destroyed").does("noted: the paper of kit 1-[..] is destroyed\n");
    home.run("kit revoke 1").shows("kit 1-[..] ended on [..]Z; its paper is noted as destroyed; nothing was changed\n");
}

#[test]
fn a_kit_is_not_saved_where_others_get_a_copy_of_it_nor_over_anything() {
    let home = Home::with_vault();
    fs::create_dir(home.path("Dropbox")).unwrap();
    home.write("there", "precious");
    home.run("kit new --save Dropbox/kit --json").fails_in_json(1, "synced-folder");
    for flag in ["--save", "--recovery-file"] {
        let (_, hint) = home.run(&format!("kit new {flag} there --json")).fails_in_json(1, "output-exists");
        assert_eq!(hint, "name another file");
    }
    assert_eq!(home.run("kit list --json").json(), serde_json::json!([]));
    home.run("kit new --save Dropbox/kit.txt --allow-synced -q").does("");
    assert_eq!(home.mode("Dropbox/kit.txt"), 0o600);
    let page = String::from_utf8(home.read("Dropbox/kit.txt")).unwrap();
    assert!(page.contains("strongroom recover"), "{page}");
    home.run("kit new --save page.html -q").does("");
    let page = String::from_utf8(home.read("page.html")).unwrap();
    assert!(page.to_lowercase().starts_with("<!doctype html>") && page.contains("<svg"), "{page}");
}

#[test]
fn what_is_shown_once_is_shown_to_somebody_or_not_made() {
    let home = Home::with_vault();
    let (item, file) = (home.read(home.keychain()), home.read(home.vault()));
    for to in ["/dev/null", "&-"] {
        for words in [
            "passwd --generate-password --password-file pw",
            "passwd --generate-password --password-file pw --json",
            "kit new --password-file pw",
            "kit new --json --password-file pw",
            "init --vault other --generate-password --keychain file --kdf-memory 64",
        ] {
            let refused = home.shell(&format!("strongroom {words} --no-input >{to}"));
            assert_eq!(refused.code(), 1, "{words} >{to}");
            assert!(refused.stderr().contains("standard output is closed or discarded"), "{}", refused.stderr());
        }
    }
    assert_eq!((home.read(home.keychain()), home.read(home.vault())), (item, file));
    assert!(!home.path("other").exists());
    // What is kept elsewhere may go on unseen.
    assert_eq!(home.shell("strongroom kit new --password-file pw --recovery-file kit >/dev/null").code(), 0);
}

#[test]
fn a_kit_file_that_is_no_text_is_no_code() {
    let home = home_with_kit();
    let code = String::from_utf8(home.read("kit")).unwrap();
    home.write("kit", code.encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect::<Vec<u8>>());
    let (message, _) = home.run_alone("kit test --kit-file kit --json").fails_in_json(3, "bad-code");
    assert!(message.ends_with("the kit file is not UTF-8 text"), "{message}");
}

/// What somebody opens who has the kit's code and an older vault file, and then gets at today's: the exit code of
/// listing today's projects on a computer of their own.
fn opens_with_kit_of_before(old: &[u8], kit: &[u8], today: &[u8]) -> i32 {
    let thief = Home::empty();
    thief.write("kit", kit);
    thief.write("old.json", old);
    let words = "recover --from old.json --kit-file kit --new-password-file pw --keychain file --no-input -q";
    thief.run_alone(words).does("");
    thief.write(thief.vault(), today);
    fs::remove_file(thief.vault().with_extension("json.prev")).unwrap();
    let listed = thief.run("project list");
    assert!(listed.code() != 0 || listed.text().contains("secret-later"), "{}", listed.text());
    listed.code()
}

#[test]
fn a_revoked_kit_opens_todays_vault_with_an_older_file_until_the_data_key_is_rotated() {
    let home = home_with_kit();
    let old = home.read(home.vault());
    assert!(home.run("kit revoke 1").succeeds().text().contains("can still open today's vault until"));
    home.run("project add secret-later -q").does("");
    assert_eq!(opens_with_kit_of_before(&old, &home.read("kit"), &home.read(home.vault())), 0);
    // Said again, now of a kit that has ended: it may have been rotated since, or not.
    let again = home.run("kit revoke 1").succeeds().text();
    assert!(again.contains("can still open today's vault unless the data key was rotated since"), "{again}");
    let json = home.run("kit revoke 1 --rotate --recovery-file two --json").succeeds().json();
    assert_eq!((&json["valid"], &json["new_kit"]), (&false.into(), &home.kit(2).into()));
    assert_eq!(json["rotation"]["state"], "settled");
    assert_eq!(opens_with_kit_of_before(&old, &home.read("kit"), &home.read(home.vault())), 6);
    home.run_alone("kit test --kit-file two -q").succeeds();
}

#[test]
fn a_kit_is_revoked_with_a_rotation_that_keeps_the_others_or_is_told_what_becomes_of_them() {
    let home = home_with_kit();
    home.run("kit new --recovery-file two -q").does("");
    home.run("kit revoke 1 --no-recovery").fails(
        2,
        "\
error: these flags say how the data key is rotated, and it is not
hint: add --rotate
",
    );
    home.run("kit revoke 1 --rotate --json").fails_in_json(2, "usage");
    home.run("kit revoke 1 --rotate --keep-kit --kit-file kit --json").fails_in_json(3, "wrong-kit");
    home.run("kit revoke 3 --rotate --no-recovery --json").fails_in_json(4, "kit-not-found");
    home.run("kit revoke 1 --rotate --keep-kit --kit-file two").does(
        "\
kit 1-[..] is revoked
the data key is rotated: vault files from before no longer open with this computer's keychain
old backups no longer open with this computer's keychain, but they still open with a kit from their time, also with a kit that was kept: destroy them, and make a new backup with `strongroom vault backup FILE`
destroy the paper of kit 1-[..]: older vault files still open with it. Then: `strongroom kit revoke 1-[..] --paper-destroyed`
",
    );
    home.run_alone("kit test --kit-file two -q").succeeds();
    // The last one: that none is left is meant.
    home.run("kit revoke 2 --rotate --paper-destroyed --no-recovery -q").does("");
    assert_eq!(home.run("kit list --json").json()[1]["valid"], false);
}
