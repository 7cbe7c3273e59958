//! The program's own files are never encrypted, deleted or replaced.

use std::fs;
use std::path::Path;

use super::trees::below;
use crate::support::home::{FLOOR, Home};

/// A home in which everything of the program's own is below `drive`, beside `drive/docs/a.txt`.
fn on_a_drive() -> Home {
    let home = Home::empty();
    home.write("drive/docs/a.txt", "hello");
    fs::rename(home.path("pw"), home.path("drive/pw")).unwrap();
    home.typed("--vault drive --keychain file:drive/key --password-file drive/pw init --beside-vault --no-recovery")
        .args(FLOOR.split(' '))
        .run()
        .succeeds();
    for project in ["acme", "second"] {
        at_drive(&home, &format!("project add {project}")).succeeds();
    }
    home
}

fn at_drive(home: &Home, words: &str) -> crate::support::run::Outcome {
    home.typed("--vault drive --password-file drive/pw").args(words.split(' ')).run()
}

const LEFT_OUT: &str = "warning: left out [..] files of Strongroom itself, such as [..]: they are never encrypted or \
                        deleted\n";

#[test]
fn the_vault_on_a_drive_outlives_the_removal_of_the_drive() {
    let home = on_a_drive();
    let own = [
        "drive/vault.json",
        "drive/vault.json.prev",
        "drive/vault.json.lock",
        "drive/key",
        "drive/key.anchor",
        "drive/pw",
    ];
    at_drive(&home, "encrypt -p acme --remove drive")
        .warns("1 file encrypted, 5 B (project acme, key version 1), 1 original deleted\n", LEFT_OUT);
    for file in own {
        assert!(home.path(file).exists(), "{file}");
    }
    assert!(!home.path("drive/docs/a.txt").exists());
    at_drive(&home, "decrypt drive.sealed -o out").succeeds();
    assert_eq!(home.read("out/docs/a.txt"), b"hello");
}

#[test]
fn a_home_folder_keeps_settings_and_keychain_files() {
    let home = Home::with_project();
    home.write("docs/a.txt", "hello");
    home.run("encrypt -p acme --remove . -o out")
        .warns("1 file encrypted, 5 B (project acme, key version 1), 1 original deleted\n", LEFT_OUT);
    let sealed: Vec<_> = below(&home, "out")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "sealed"))
        .collect();
    assert_eq!(sealed, [Path::new("docs/a.txt.sealed")]);
    home.run("decrypt out -o back").succeeds();
}

#[test]
fn an_own_file_that_is_named_is_refused_under_any_name() {
    let home = on_a_drive();
    fs::hard_link(home.path("drive/key"), home.path("twin")).unwrap();
    std::os::unix::fs::symlink("drive/vault.json", home.path("link")).unwrap();
    for (name, what) in [
        ("drive/vault.json", "one of the vault's files"),
        ("drive/vault.json.prev", "one of the vault's files"),
        ("link", "one of the vault's files"),
        ("twin", "a keychain file"),
        ("drive/key.anchor", "a keychain file"),
        ("drive/pw", "the password file"),
        (".config/strongroom/settings.json", "the settings file"),
    ] {
        at_drive(&home, &format!("encrypt -p acme --remove {name}")).fails(
            2,
            &format!(
                "error: {name} is {what}\ncause: Strongroom does not encrypt, replace or delete its own files\nhint: leave \
                 it out; to copy the vault, use `strongroom --vault drive vault backup FILE`\n"
            ),
        );
    }
}

#[test]
fn no_output_takes_the_place_of_an_own_file() {
    let home = on_a_drive();
    // A tree that would come back over the drive, vault and all.
    for name in ["vault.json", "vault.json.prev", "key", "key.anchor", "pw", "docs/a.txt"] {
        home.write(format!("tree/{name}"), "not a vault");
    }
    at_drive(&home, "encrypt -p acme tree").succeeds();
    at_drive(&home, "project add later").succeeds();
    let vault = home.read("drive/vault.json");
    let outcome = at_drive(&home, "decrypt tree.sealed -o drive --force");
    assert_eq!(
        (outcome.code(), outcome.text()),
        (1, "1 file decrypted, 11 B (project acme), 1 existing file replaced, 5 failed\n".into())
    );
    assert_eq!(outcome.stderr().matches(", and is never replaced\n").count(), 5, "{}", outcome.stderr());
    assert_eq!((home.read("drive/vault.json"), home.read("drive/docs/a.txt")), (vault, b"not a vault".to_vec()));
    let named = |output: &str, what: &str| {
        format!("error: {output} is {what}, and is never replaced\nhint: name another output with -o\n")
    };
    for (output, what) in [("drive/vault.json", "one of the vault's files"), ("drive/pw", "the password file")] {
        at_drive(&home, &format!("decrypt tree.sealed/key.sealed -o {output} --force")).fails(2, &named(output, what));
        at_drive(&home, &format!("encrypt -p acme tree/key -o {output} --force")).fails(2, &named(output, what));
        at_drive(&home, &format!("encrypt -p acme tree --archive -o {output} --force")).fails(2, &named(output, what));
    }
    // Of hidden names the outputs are known only when the files are open.
    at_drive(&home, "encrypt -p acme tree --hide-names -o hidden").succeeds();
    let outcome = at_drive(&home, "decrypt hidden -o drive --force");
    assert_eq!(outcome.code(), 1, "{}", outcome.stderr());
    assert_eq!(outcome.stderr().matches(", and is never replaced\n").count(), 5, "{}", outcome.stderr());
    at_drive(&home, "project list").succeeds();
}

#[test]
fn what_cannot_be_encrypted_because_of_an_own_file_is_an_error_and_the_list_is_an_own_file() {
    let home = Home::with_project();
    home.write("data/pw", "client data");
    home.write("data/b.csv", "client data");
    home.shell("mkdir data.sealed && cp pw data.sealed/pw.sealed").succeeds();
    home.typed("encrypt -p acme data --force --password-file data.sealed/pw.sealed").run().ends(
        1,
        "1 file encrypted, 11 B (project acme, key version 1), 1 failed\n",
        "\
error: cannot encrypt data/pw
cause: its output data.sealed/pw.sealed is the password file, and is never replaced
hint: name another output with -o
error: 1 of 2 files was not encrypted
hint: the others are done; the reasons are above
",
    );
    home.write("list", "data/b.csv\n");
    home.run("encrypt -p acme --files-from list -o list --force")
        .fails(2, "error: list is the list of files, and is never replaced\nhint: name another output with -o\n");
}

#[test]
fn a_copy_with_a_hidden_name_and_an_archive_never_replace_an_input() {
    let home = Home::with_project();
    home.write("in/a", "old");
    fs::create_dir(home.path("keep")).unwrap();
    home.run("encrypt --hide-names -p acme in/a -o keep").succeeds();
    home.write("in/a", "newer");
    let copy = fs::read_dir(home.path("keep")).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    for flag in ["--update", "--force"] {
        home.run(&format!("encrypt --hide-names {flag} -p acme in/a keep/{copy} -o keep")).fails(
            2,
            &format!(
                "error: keep/{copy} is an input, and would be replaced by an output\nhint: name another output with -o\n"
            ),
        );
    }
    home.run("encrypt --archive -p acme in -o in/a --force")
        .fails(2, "error: in/a is an input, and would be replaced by an output\nhint: name another output with -o\n");
    assert_eq!(home.read("in/a"), b"newer");
}

#[test]
fn a_recovery_kit_is_encrypted_and_never_deleted() {
    let home = Home::with_project();
    fs::create_dir(home.path("data")).unwrap();
    home.run("kit new --recovery-file data/kit.txt -q").does("");
    home.run("encrypt -p acme data --remove").ends(
        1,
        "1 file encrypted, [..] (project acme, key version 1), 1 failed\n",
        "\
error: cannot remove data/kit.txt
cause: it is a recovery kit: when you need the kit, you cannot open its encrypted copy
hint: print it and keep the paper apart from the vault, then delete both files yourself
error: 1 original was not removed
hint: it is still there: the error above says why and what to do
",
    );
    assert!(home.path("data/kit.txt").exists());
}

#[test]
fn a_copy_of_the_vault_is_encrypted_and_never_deleted_and_another_vault_is_data() {
    let home = Home::with_project();
    fs::create_dir(home.path("work")).unwrap();
    home.run("vault backup work/mine.json").succeeds();
    home.typed("--vault other --keychain file:other-key --password-file pw init --no-recovery")
        .args(FLOOR.split(' '))
        .run()
        .succeeds();
    fs::rename(home.path("other/vault.json"), home.path("work/theirs.json")).unwrap();
    home.run("encrypt -p acme --remove work").ends(
        1,
        "2 files encrypted, [..] (project acme, key version 1), 1 original deleted, 1 failed\n",
        "\
warning: work/theirs.json is a file of another vault: its encrypted copy opens only while this vault does
error: cannot remove work/mine.json
cause: it is a copy of the vault: its encrypted copy can be opened only with another copy of the vault
hint: keep it outside of what you encrypt; its encrypted copy can be deleted
error: 1 original was not removed
hint: it is still there: the error above says why and what to do
",
    );
    assert!(home.path("work/mine.json").exists() && !home.path("work/theirs.json").exists());
}
