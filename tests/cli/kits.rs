//! Recovery kits, and getting back in with one.

use std::fs;

use crate::support::home::{FLOOR, Home, with_altered_payload};

const NO_KIT: &str = "warning: this vault has no recovery kit: if the keychain or the password is lost, so is \
                      everything in it. Make one with `strongroom kit new`\n";

/// A home with a project, a sealed file and the kit 1 in the file `kit`.
fn home_with_kit() -> Home {
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
warning: the vault file cannot be used ([..]); reading the previous one, generation 3
error: kit 1-[..] does not open the vault file itself
cause: [..]
hint: put a backup in its place, or continue from the previous one (generation 3): `strongroom status --unlock --accept-rollback`, or without keychain and password `strongroom recover --accept-rollback`
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
fn whoever_has_the_vault_file_and_the_kit_is_back_at_work_in_one_command() {
    let old = home_with_kit();
    old.run("vault backup copy.json -q").does("");
    let new = Home::empty();
    for name in ["copy.json", "kit", "new", "a.txt.sealed"] {
        new.write(name, old.read(name));
    }
    new.write("pw", "seven-wet-owls-argue-about-tea\n");
    new.run_alone("recover --from copy.json --kit-file kit --new-password-file new --keychain file --no-input").does(
        "\
kit 1-[..] opened the vault, and this computer has a key of its own

vault     {home}/.local/share/strongroom/vault.json
keychain  file:{home}/.local/state/strongroom/keychain/[..]
projects  1

next: strongroom status --unlock
If somebody else may have the old computer or its password, rotate the data key: `strongroom vault rotate`
",
    );
    new.run("decrypt a.txt.sealed -q").does("");
    assert_eq!(new.read("a.txt"), b"data");
    new.run("project add beta -q").does("");
}

#[test]
fn a_lost_keychain_item_and_a_forgotten_password_are_made_good_where_the_vault_stands() {
    let home = home_with_kit();
    fs::remove_file(home.keychain()).unwrap();
    home.run("project list --json").fails_in_json(6, "key-missing");
    home.run_alone("recover --kit-file kit --new-password-file new --no-input -q").does("");
    home.run("project list --json").fails_in_json(3, "wrong-password");
    home.write("pw", "seven-wet-owls-argue-about-tea\n");
    home.run("decrypt a.txt.sealed -o b.txt -q").does("");
    let json = home.run_alone("recover --kit-file kit --generate-password --json --no-input").succeeds().json();
    assert_eq!((&json["kit"], json["path"].as_str()), (&home.kit(1).into(), home.vault().to_str()));
    home.write("pw", json["generated_password"].as_str().unwrap());
    home.run("decrypt a.txt.sealed -o c.txt -q").does("");
}

#[test]
fn what_recover_cannot_use_is_refused_and_changes_nothing() {
    let home = home_with_kit();
    home.write("wrong", "0000-".repeat(14));
    home.write("short", "0000-0000\n");
    home.write("precious", "not a key");
    home.write("weak", "short\n");
    let stranger = home_with_kit();
    home.write("other", stranger.read("kit"));
    home.run("vault backup copy.json -q").does("");
    for (words, code, kind) in [
        ("--kit-file wrong --new-password-file new", 3, "bad-code"),
        ("--kit-file short --new-password-file new", 3, "bad-code"),
        ("--kit-file other --new-password-file new", 3, "wrong-kit"),
        ("--kit-file none --new-password-file new", 4, "input-not-found"),
        ("--kit-file kit --new-password-file weak", 2, "weak-password"),
        ("--kit-file kit", 2, "usage"),
        ("--new-password-file new", 2, "usage"),
        ("--kit-file kit --new-password-file new --keychain file:precious", 6, "key-not-ours"),
        ("--kit-file kit --new-password-file new --keychain file:.local/share/strongroom/key", 2, "usage"),
        ("--kit-file kit --new-password-file new --from kit", 5, "damaged"),
        ("--kit-file kit --new-password-file new --from copy.json", 1, "vault-exists"),
    ] {
        let outcome = home.run_alone(&format!("recover --no-input --json {words}"));
        outcome.fails_in_json(code, kind);
        home.run("project list").succeeds().changed_nothing();
    }
    home.run("recover --no-input --json --kit-file kit --new-password-file new").fails_in_json(2, "usage");
}

#[test]
fn a_kit_is_no_way_around_the_alarm_of_an_older_vault() {
    let home = home_with_kit();
    let older = home.read(home.vault());
    home.run("project add beta -q").does("");
    home.write(home.vault(), older);
    let words = "recover --kit-file kit --new-password-file new --no-input -q";
    home.run_alone(&format!("{words} --json")).fails_in_json(8, "rolled-back");
    let accepted = home.run_alone(&format!("{words} --accept-rollback"));
    assert!(accepted.code() == 0 && accepted.stderr().starts_with("warning: accepted; "), "{}", accepted.stderr());
    home.write("pw", "seven-wet-owls-argue-about-tea\n");
    home.run("project list").succeeds();
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
fn recovering_never_takes_the_keychain_file_of_another_vault() {
    let home = home_with_kit();
    let item = home.keychain();
    let mine = home.read(&item);
    home.run_alone("init --vault other --keychain file:other-key --no-recovery --kdf-memory 64 --password-file pw")
        .succeeds();
    let others = home.read("other-key");
    home.write(&item, &others);
    home.run_alone("recover --kit-file kit --new-password-file new --no-input --json").fails_in_json(6, "key-not-ours");
    assert_eq!(home.read(&item), others);
    // One that is damaged is this vault's all the same, since it is remembered to lie there.
    home.write(&item, &mine[..mine.len() / 2]);
    home.run_alone("recover --kit-file kit --new-password-file new --no-input -q").does("");
}

const RECOVER: &str = "recover --kit-file kit --new-password-file new --no-input";

#[test]
fn a_backup_takes_the_place_of_a_damaged_vault_file_in_one_command() {
    let altered = |whole: &[u8]| with_altered_payload(whole);
    for damaged in [altered, |_: &[u8]| b"garbage".to_vec()] {
        let home = home_with_kit();
        home.run("vault backup copy.json -q").does("");
        let bytes = damaged(&home.read(home.vault()));
        home.write(home.vault(), &bytes);
        fs::remove_file(home.vault().with_extension("json.prev")).unwrap();
        fs::remove_file(home.keychain()).unwrap();
        // What the hint says is what does it.
        let (_, hint) = home.run_alone(&format!("{RECOVER} --json")).fails_in_json(5, "damaged");
        assert_eq!(hint, "put a backup in its place: `strongroom recover --from BACKUP`");
        let told = home.run_alone(&format!("{RECOVER} --from copy.json")).succeeds().text();
        let aside = told.lines().find_map(|line| line.strip_prefix("the replaced file is kept as ")).unwrap();
        assert_eq!(home.read(aside), bytes);
        home.write("pw", "seven-wet-owls-argue-about-tea\n");
        home.run("decrypt a.txt.sealed -o b.txt -q").does("");
    }
}

#[test]
fn an_older_backup_is_refused_before_it_stands_in_the_vaults_place() {
    let home = home_with_kit();
    home.run("vault backup older.json -q").does("");
    home.run("project add beta -q").does("");
    home.run("vault backup newer.json -q").does("");
    for name in [home.vault(), home.vault().with_extension("json.prev")] {
        fs::remove_file(name).unwrap();
    }
    home.run_alone(&format!("{RECOVER} --json --from older.json")).fails_in_json(8, "rolled-back");
    assert!(!home.vault().exists());
    home.run_alone(&format!("{RECOVER} -q --from newer.json")).does("");
}

#[test]
fn another_keychain_is_no_way_around_the_alarm_of_an_older_vault() {
    let home = home_with_kit();
    let older = home.read(home.vault());
    home.run("project add beta -q").does("");
    home.write(home.vault(), older);
    let words = format!("{RECOVER} --keychain file:elsewhere");
    home.run_alone(&format!("{words} --json")).fails_in_json(8, "rolled-back");
    assert!(!home.path("elsewhere").exists());
    // Where that memory cannot be read, it is said.
    fs::remove_file(home.anchor()).unwrap();
    fs::create_dir(home.anchor()).unwrap();
    let told = home.run_alone(&format!("{words} -q"));
    assert_eq!(told.code(), 0);
    assert!(
        told.stderr().starts_with("warning: this computer's record of the vault cannot be read"),
        "{}",
        told.stderr()
    );
}

#[test]
fn a_vault_file_that_another_machine_rotated_is_not_called_damaged() {
    let home = home_with_kit();
    home.run("project add beta -q").does("");
    let (item, anchor) = (home.read(home.keychain()), home.read(home.anchor()));
    let previous = home.read(home.vault());
    home.run("vault rotate --keep-kit --kit-file kit -q").succeeds();
    // The other computer's file comes here, where the keychain and the previous file are from before.
    home.write(home.keychain(), item);
    home.write(home.anchor(), anchor);
    home.write(home.vault().with_extension("json.prev"), previous);
    let rotated = home.read(home.vault());
    let refused = home.run("project add gamma");
    let told = refused.stderr().lines().collect::<Vec<_>>();
    assert_eq!((refused.code(), told.len()), (6, 4), "{told:?}");
    assert!(told[0].contains("it is under a data key that this computer does not hold"), "{told:?}");
    assert!(told[2].ends_with("the vault file is under another data key"), "{told:?}");
    assert!(
        told[3].starts_with("hint: if another computer rotated the data key, get the new key with a recovery kit"),
        "{told:?}"
    );
    assert_eq!(home.read(home.vault()), rotated);
    let (_, remedy) = vault_finding(&home);
    assert!(remedy.starts_with("if another computer rotated the data key: `strongroom recover`;"), "{remedy}");
    home.run_alone(&format!("{RECOVER} -q")).does("");
    home.write("pw", "seven-wet-owls-argue-about-tea\n");
    home.run("project add gamma -q").does("");
}

/// Returns what doctor, which may unlock, says of the vault file.
fn vault_finding(home: &Home) -> (String, String) {
    let found = home.run("doctor --json").json();
    let finding = found.as_array().unwrap().iter().find(|finding| finding["check"] == "vault").unwrap().clone();
    let text = |member: &str| finding[member].as_str().unwrap_or_default().to_owned();
    (text("message"), text("remedy"))
}

#[test]
fn a_damaged_body_is_what_status_and_doctor_tell_of_once_they_unlock() {
    let home = home_with_kit();
    let before = home.read(home.vault());
    home.run("kit new --recovery-file two -q").does("");
    home.write(home.vault(), with_altered_payload(&home.read(home.vault())));
    home.write(home.vault().with_extension("json.prev"), before);
    let json = home.run("status --unlock --json").json();
    assert_eq!(json["recovery_kits"], serde_json::json!([home.kit(1)]));
    assert_eq!((json["generation"].as_u64(), json["projects"].as_array().unwrap().len()), (Some(3), 1));
    assert!(json["warning"].as_str().unwrap().contains("does not open"));
    let (message, remedy) = vault_finding(&home);
    assert!(message.contains("the previous one (generation 3) can"), "{message}");
    assert!(remedy.contains("vault restore BACKUP") && remedy.contains("recover --from BACKUP"), "{remedy}");
    let found = home.run("doctor --json").json();
    assert!(found.as_array().unwrap().iter().all(|finding| finding["check"] != "anchor"), "{found}");
    // Kit 2 does not open the file that can be used.
    let kits = found.as_array().unwrap().iter().find(|finding| finding["check"] == "recovery kits").unwrap();
    assert_eq!(kits["message"], format!("kit {} opens the vault without keychain and password", home.kit(1)));
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
fn a_copy_stays_where_it_is_where_the_new_password_could_be_shown_to_nobody() {
    let home = home_with_kit();
    home.run("vault backup copy.json -q").does("");
    fs::remove_file(home.vault()).unwrap();
    fs::remove_file(home.vault().with_extension("json.prev")).unwrap();
    let words = "recover --from copy.json --kit-file kit --generate-password --no-input";
    for to in ["/dev/null", "/dev/full", "&-"] {
        let refused = home.shell(&format!("strongroom {words} >{to}"));
        assert_eq!(refused.code(), 1);
        assert!(refused.stderr().contains("nothing was changed"), "{}", refused.stderr());
        refused.changed_nothing();
    }
}

#[test]
fn recovering_says_what_is_left_of_the_old_password() {
    let home = home_with_kit();
    let (item, anchor) = (home.read(home.keychain()), home.read(home.anchor()));
    let told = |keychain: &str| {
        let text = home.run_alone(&format!("{RECOVER}{keychain}")).succeeds().text();
        text.split_once("projects  1\n\n").unwrap().1.split_once("next: ").unwrap().0.to_owned()
    };
    let gone = "the old password is no longer valid on this computer\n";
    assert_eq!(told(""), gone);
    // The wrap of the data key before a rotation is not this file's: it goes only where the anchor names that data key.
    home.write(home.keychain(), &item);
    home.run("vault rotate --keep-kit --kit-file kit -q").succeeds();
    home.write(home.keychain(), &item);
    home.write(home.anchor(), anchor);
    assert_eq!(told(""), gone);
    home.write(home.keychain(), &item);
    fs::remove_file(home.anchor()).unwrap();
    assert_eq!(
        told(""),
        "the old password no longer opens this vault file; it still opens vault files under another data key, whose \
         keys stay in the keychain\n"
    );
    let place = format!("file:{}", home.keychain().display());
    let other = told(" --keychain file:elsewhere");
    assert_eq!(
        other,
        format!("the key in {place} still opens the vault with the old password, and other files of it too\n")
    );
    let other = told(" --keychain file:third");
    let elsewhere = format!("file:{}", home.path("elsewhere").display());
    assert_eq!(
        other,
        format!(
            "the key in {elsewhere} still opens the vault with the old password; this deletes it: `strongroom \
             doctor --remove-left-behind`\n"
        )
    );
    home.write("elsewhere", item);
    home.run_alone(&format!("{RECOVER} --keychain file:elsewhere -q")).does("");
    home.write("elsewhere", "");
    fs::remove_file(home.path("elsewhere")).unwrap();
    assert_eq!(told(""), "");
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
