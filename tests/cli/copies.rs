//! Backups, restoring them, forks, and two computers on one vault.

use std::fs;

use crate::support::home::{FLOOR, Home, with_altered_payload};

#[test]
fn a_backup_is_the_vault_file_of_a_moment_and_never_written_over_anything() {
    let home = Home::with_project();
    home.run("vault backup copy.json").does(
        "\
{home}/.local/share/strongroom/vault.json -> copy.json (generation 2)
it opens only with this computer's keychain and password: there is no recovery kit
",
    );
    assert_eq!((home.read("copy.json"), home.mode("copy.json")), (home.read(home.vault()), 0o600));
    let (_, hint) = home.run("vault backup copy.json --json").fails_in_json(1, "output-exists");
    assert_eq!(hint, "name another file");
    // It needs no password.
    let json = home.run_alone("vault backup second.json --json --no-input").succeeds().json();
    assert_eq!((&json["generation"], &json["kits"]), (&2.into(), &serde_json::json!([])));
    assert_eq!(json["checked"], true);
    home.write(home.vault(), "damaged");
    fs::remove_file(home.path(".local/share/strongroom/vault.json.prev")).unwrap();
    home.run_alone("vault backup third.json --json").fails_in_json(5, "damaged");
    assert!(!home.path("third.json").exists());
}

#[test]
fn of_a_vault_file_that_this_machine_did_not_see_a_backup_does_not_say_that_it_opens() {
    let home = Home::with_project();
    let unchecked = "\
{home}/.local/share/strongroom/vault.json -> [..] (generation 2)
it was copied unchanged, but not checked: run `strongroom status --unlock` to see whether the vault opens
";
    let good = home.read(home.vault());
    home.write(home.vault(), with_altered_payload(&good));
    home.run_alone("vault backup altered.json").does(unchecked);
    home.write(home.vault(), good);
    let anchor = home.read(home.anchor());
    fs::remove_file(home.anchor()).unwrap();
    home.run_alone("vault backup unknown.json").does(unchecked);
    home.write(home.anchor(), anchor);
    assert_eq!(home.run_alone("vault backup known.json --json").succeeds().json()["checked"], true);
}

#[test]
fn a_restored_backup_goes_on_without_an_alarm_and_what_stood_is_kept() {
    let home = Home::with_project();
    home.run("vault backup copy.json -q").does("");
    home.run("project add beta -q").does("");
    home.run("vault restore copy.json").does(
        "\
restored the vault of generation 2; it continues as generation 4
the replaced file is kept as {home}/.local/share/strongroom/vault.json.replaced-[..]Z
changes after generation 2 are not in it, such as new projects and keys that files may be under
",
    );
    let listed = home.run("project list --json").succeeds().json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    home.run("project add gamma -q").does("");
    // Where the vault file is gone altogether, or nothing that can be read as one.
    for (is_unread, damage) in [(false, None), (true, Some("damaged")), (true, Some("")), (true, Some("a gibibyte"))] {
        fs::remove_file(home.vault()).unwrap();
        fs::remove_file(home.vault().with_extension("json.prev")).unwrap_or_default();
        match damage {
            Some("a gibibyte") => fs::File::create(home.vault()).unwrap().set_len(1 << 30).unwrap(),
            Some(text) => drop(home.write(home.vault(), text)),
            None => {}
        }
        let json = home.run("vault restore copy.json --json").succeeds().json();
        assert_eq!((json["unread"].as_bool(), json["set_aside"].is_string()), (Some(is_unread), is_unread));
        home.run("project list").succeeds();
    }
    fs::remove_file(home.vault()).unwrap();
    fs::remove_file(home.vault().with_extension("json.prev")).unwrap();
    fs::create_dir(home.vault()).unwrap();
    let (_, hint) = home.run("vault restore copy.json --json").fails_in_json(1, "io");
    assert_eq!(hint, "move away the folder that is there");
    fs::remove_dir(home.vault()).unwrap();
    home.run("vault restore copy.json -q").does("");
    home.run("vault restore none --json").fails_in_json(4, "input-not-found");
    home.run("vault restore pw").fails(
        5,
        "\
error: cannot read pw
cause: it is no vault file
hint: name a vault file, such as `strongroom vault backup` writes
",
    );
    // What is wrong with a copy is not said of the vault that stands.
    let copy = home.read("copy.json");
    home.write("altered.json", with_altered_payload(&copy));
    home.write("half.json", &copy[..copy.len() / 2]);
    for (name, doing) in [("altered", "unlock the copy"), ("half", "restore half.json")] {
        home.run(&format!("vault restore {name}.json")).fails(
            5,
            &format!(
                "\
error: cannot {doing}
cause: the copy {name}.json is damaged: [..]
hint: try another copy; the existing vault was left as it is
"
            ),
        );
    }
    let (message, _) = home.run("vault merge half.json --json").fails_in_json(5, "damaged");
    assert!(message.contains("the copy half.json is damaged"), "{message}");
    let other = Home::with_project();
    home.write("other.json", other.read(other.vault()));
    home.run("vault restore other.json --json").fails_in_json(1, "other-vault");
}

#[test]
fn a_folder_goes_into_one_archive_and_comes_back_and_a_refused_archive_stops_no_other() {
    let home = Home::with_project();
    fs::create_dir_all(home.path("data/sub/empty")).unwrap();
    home.write("data/a.txt", "a");
    home.write("data/sub/b.txt", "b");
    home.run("encrypt -p acme --archive data -q").succeeds();
    home.write("garbage.tar", "no archive at all");
    home.run("encrypt -p acme garbage.tar -q").succeeds();
    fs::create_dir(home.path("out")).unwrap();
    let some = home.run("decrypt --extract --any-tar -o out garbage.tar.sealed data.tar.sealed");
    assert_eq!(some.code(), 5, "{}", some.stderr());
    assert_eq!((home.read("out/data/a.txt"), home.read("out/data/sub/b.txt")), (b"a".to_vec(), b"b".to_vec()));
    assert!(home.path("out/data/sub/empty").is_dir());
}

#[test]
fn a_fork_is_a_vault_of_its_own() {
    let home = Home::with_project();
    let own = format!("file:{}", home.keychain().display());
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt -q").succeeds();
    let json = home.run("vault fork forked --no-recovery --json").succeeds().json();
    assert_ne!(json["keychain"], own);
    home.run("vault fork forked --no-recovery --json").fails_in_json(1, "vault-exists");
    home.run("--vault forked project add beta -q").does("");
    home.run("--vault forked decrypt a.txt.sealed -o b.txt -q").does("");
    assert_eq!(home.run("project list --json").succeeds().json().as_array().unwrap().len(), 1);
    home.run("project add gamma -q").does("");
    home.run("--vault forked project list").succeeds();
    home.run("vault merge forked/vault.json --json").fails_in_json(1, "other-vault");
}

#[test]
fn two_machines_that_changed_one_vault_apart_are_united() {
    let here = Home::with_project();
    here.run("kit new --recovery-file kit -q").does("");
    let there = Home::empty();
    there.write("kit", here.read("kit"));
    there.write("copy.json", here.read(here.vault()));
    there
        .run_alone(&format!(
            "recover --from copy.json --kit-file kit --new-password-file pw --keychain file {FLOOR} --no-input -q"
        ))
        .does("");
    here.run("project add beta -q").does("");
    there.run("project add gamma -q").does("");
    there.run("key rotate acme -q").does("");
    here.run("key rotate acme -q").does("");
    here.run("key rotate acme -q").does("");
    // The shared folder brings the other's file.
    let seen = here.read(here.vault());
    there.write("mine.json", there.read(there.vault()));
    there.write(there.vault(), &seen);
    let refused = there.run("project add delta");
    assert!(refused.code() == 8 && refused.stderr().contains("strongroom vault merge OTHER"), "{}", refused.stderr());
    // No warning that it changes nothing before it does.
    let merged = there.run("vault merge mine.json --json").succeeds().json();
    assert_eq!((&merged["projects"], &merged["keys"][0]["project"]), (&serde_json::json!(["gamma"]), &"acme".into()));
    there.run("vault merge mine.json").shows("mine.json has nothing that is not in the vault; nothing was changed\n");
    let keys = there.run("key list acme --json").succeeds().json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 4);
    here.write(here.vault(), there.read(there.vault()));
    assert_eq!(here.run("project list --json").succeeds().json().as_array().unwrap().len(), 3);
    here.run("project add delta -q").does("");
}

#[test]
fn a_copy_does_not_take_the_place_of_a_newer_previous_file() {
    let home = Home::with_project();
    home.run("vault backup copy.json -q").does("");
    home.run("project add beta -q").does("");
    home.run("project add gamma -q").does("");
    home.write(home.vault(), "damaged");
    let (message, hint) = home.run("vault restore copy.json --json").fails_in_json(1, "previous-newer");
    assert!(message.ends_with("is newer (generation 3) than the copy (2)"), "{message}");
    assert!(hint.starts_with("continue from it: `strongroom status --unlock --accept-rollback`"), "{hint}");
    assert_eq!(home.run("status --unlock --accept-rollback -q").code(), 0);
    home.run("project show beta -q").succeeds();
    home.run("vault restore copy.json -q").does("");
}

#[test]
fn a_second_file_of_a_vault_does_not_take_the_first_ones_key() {
    let home = Home::with_project();
    home.run("kit new --recovery-file kit -q").does("");
    home.write("new", "seven-wet-owls-argue-about-tea\n");
    home.run("vault backup old.json -q").does("");
    home.run("vault rotate --no-recovery -q").succeeds();
    home.run("project add beta -q").does("");
    let words = "--vault look recover --from old.json --kit-file kit --new-password-file new --no-input";
    let (message, hint) = home.run_alone(&format!("{words} --json")).fails_in_json(1, "vault-known");
    assert!(message.contains(home.vault().to_str().unwrap()) && hint.contains("--keychain file:PATH"), "{message}");
    home.run("--vault look vault restore old.json --json").fails_in_json(1, "vault-known");
    assert!(!home.path("look").join("vault.json").exists());
    // With a key of its own it may stand beside, is not remembered, and says so.
    let (_, hint) = home.run_alone(&format!("{words} --keychain file:look.key --json")).fails_in_json(8, "rolled-back");
    assert!(hint.starts_with("name a newer copy;"), "{hint}");
    let remembered = || -> Vec<serde_json::Value> {
        let settings: serde_json::Value =
            serde_json::from_slice(&home.read(".config/strongroom/settings.json")).unwrap();
        let vaults = settings["vaults"].as_object().unwrap().values();
        vaults.flat_map(|vault| [vault["keychain"].clone(), vault["place"].clone()]).collect()
    };
    let settings = remembered();
    let told = home.run_alone(&format!("{words} --keychain file:look.key --accept-rollback")).succeeds().text();
    let keep = format!("\nthe key in file:{} is for another file of this vault: keep it\n", home.keychain().display());
    assert!(told.contains(&keep), "{told}");
    let key = home.path("look.key");
    let next = format!("\nnext: strongroom --vault look status --unlock --keychain file:{}\n", key.display());
    assert!(told.contains(&next), "{told}");
    let rotate = format!(": `strongroom --vault look vault rotate --keychain file:{}`\n", key.display());
    assert!(told.ends_with(&rotate), "{told}");
    assert_eq!(remembered(), settings);
    home.run_alone("--vault look project list --keychain file:look.key --password-file new").succeeds();
    home.run("project show beta").succeeds();
    home.run("project add gamma -q").does("");
    // Moved away, the first one is no longer in the way.
    fs::rename(home.vault(), home.path("moved.json")).unwrap();
    fs::remove_file(home.vault().with_extension("json.prev")).unwrap_or_default();
    let again = words.replace("--vault look", "--vault again");
    assert_eq!(home.run_alone(&format!("{again} --accept-rollback -q")).code(), 0);
}

#[test]
fn what_is_said_of_a_fork_is_for_the_fork() {
    let home = Home::with_project();
    let warned = home.run("vault fork forked");
    assert!(
        warned.stderr().contains(&format!("`strongroom --vault {} kit new`", home.path("forked").display())),
        "{}",
        warned.stderr()
    );
    let (_, hint) = home.run("vault fork forked --json").fails_in_json(1, "vault-exists");
    assert_eq!(hint, "name another folder for the new vault");
}
