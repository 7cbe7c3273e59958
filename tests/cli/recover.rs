//! `recover`: back to work with a recovery kit.

use std::fs;

use super::kits::home_with_kit;
use crate::support::home::{Home, with_altered_payload};

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
    assert_eq!((json["generation"].as_u64(), json["projects"].as_array().unwrap().len()), (Some(4), 1));
    assert!(json["warning"].as_str().unwrap().contains("does not open"));
    let (message, remedy) = vault_finding(&home);
    assert!(message.contains("the previous one (generation 4) can"), "{message}");
    assert!(remedy.contains("vault restore BACKUP") && remedy.contains("recover --from BACKUP"), "{remedy}");
    let found = home.run("doctor --json").json();
    assert!(found.as_array().unwrap().iter().all(|finding| finding["check"] != "anchor"), "{found}");
    // Kit 2 does not open the file that can be used.
    let kits = found.as_array().unwrap().iter().find(|finding| finding["check"] == "recovery kits").unwrap();
    assert_eq!(kits["message"], format!("kit {} opens the vault without keychain and password", home.kit(1)));
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
