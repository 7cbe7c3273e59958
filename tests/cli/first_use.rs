//! The README's first command: vault, project and sealed file in one.

use std::fs;

use crate::support::home::{FLOOR, Home};

#[test]
fn the_first_command_makes_everything_and_shows_how_to_open_it_again() {
    let home = Home::empty();
    home.write("examples/clients.csv", "name\nAda\n");
    let first =
        format!("encrypt --init --generate-password --keychain file --project acme examples/clients.csv {FLOOR}");
    let made = home.run_alone(&first).warns(
        "\
master password, shown this once:

    [..]-[..]-[..]-[..]-[..]-[..]

Keep it in your password manager or on paper. Nobody can reset it. Without it,
only a recovery kit opens the vault.

examples/clients.csv -> examples/clients.csv.sealed (project acme, key version 1)

vault     {home}/.local/share/strongroom/vault.json
keychain  file:{home}/.local/state/strongroom/keychain/[..]
password  Argon2id, 64 MiB, 3 passes, 4 lanes

open it again:
  strongroom decrypt examples/clients.csv.sealed -o examples/clients-opened.csv
",
        "warning: this vault has no recovery kit: if the keychain or the password is lost, so is everything in it. \
         Make one with `strongroom kit new`\nmade project \"acme\"\n",
    );
    // As it is told to be done, with the password from where the user put it.
    let text = made.text();
    home.write("pw", text.lines().find_map(|line| line.strip_prefix("    ")).unwrap());
    let again = text.lines().last().unwrap().trim();
    home.shell(&format!("{again} --password-file pw")).succeeds();
    assert_eq!(home.read("examples/clients-opened.csv"), b"name\nAda\n");

    // A second time there is something in the way, and a way out.
    home.run_alone(&first).fails(
        1,
        "\
error: cannot write examples/clients.csv.sealed
cause: a file is there already, and was left as it is
hint: choose another name with -o, or replace it with --force
",
    );
    home.run_alone(&format!("{first} --force")).fails(
        2,
        "\
the vault exists already, so these flags have no effect: --generate-password, --kdf-memory, --kdf-passes, --kdf-lanes
error: the master password is needed, and there is no terminal to ask for it
hint: give --password-file, --password-fd or --password-command
",
    );
}

#[test]
fn a_flag_for_a_new_vault_is_refused_where_none_is_to_be_made() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    for flag in ["--kdf-memory 512", "--kdf-passes 4", "--no-recovery", "--recovery-file kit", "--generate-password"] {
        let name = flag.split(' ').next().unwrap();
        home.run(&format!("encrypt -p acme a.txt {flag}"))
            .fails(2, &format!("error: {name} is for a new vault\nhint: add --init, or leave the flag out\n"));
    }
}

#[test]
fn a_kit_that_the_first_run_did_not_make_is_written_by_the_next_that_names_a_file_for_it() {
    let home = Home::with_vault();
    home.write("a.txt", "data");
    let outcome = home.run("encrypt --init -p acme a.txt --recovery-file kit");
    assert_eq!((outcome.code(), outcome.stderr()), (0, "made project \"acme\"\n"));
    home.run_alone("kit test --kit-file kit")
        .shows("kit 1-[..] opens {home}/.local/share/strongroom/vault.json: 1 project\n");
    home.run("encrypt --init -p acme a.txt --force --recovery-file other").warns(
        "a.txt -> a.txt.sealed (project acme, key version 1)\n",
        "warning: the vault already has, or had, a recovery kit, so --recovery-file has no effect; make another kit \
         with `strongroom kit new`\n",
    );
    assert!(!home.path("other").exists());
}

#[test]
fn in_json_the_password_stands_in_the_one_object() {
    let home = Home::empty();
    home.write("a.txt", "data");
    let json = home
        .run_alone(&format!(
            "encrypt --init --no-recovery --generate-password --keychain file -p acme a.txt --json {FLOOR}"
        ))
        .succeeds()
        .json();
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["files", "generated_password", "vault"]);
    assert_eq!((&json["files"][0]["project"], &json["files"][0]["key_version"]), (&"acme".into(), &1.into()));
    assert_eq!(json["vault"]["path"], home.vault().display().to_string());
    home.write("pw", json["generated_password"].as_str().unwrap());
    home.run("decrypt a.txt.sealed -o b.txt -q").does("");
}

#[test]
fn the_password_may_be_the_users_own_and_the_vault_elsewhere() {
    let home = Home::empty();
    home.write("two words.txt", "data");
    let words = format!(
        "encrypt --init --no-recovery --keychain file:keys/one --vault my-vault -p acme --password-file pw {FLOOR}"
    );
    let text = home.typed(&words).arg("two words.txt").run().text();
    assert!(!text.contains("shown this once"), "{text}");
    let again = text.lines().last().unwrap().trim();
    assert_eq!(again, "strongroom --vault my-vault decrypt 'two words.txt.sealed' -o 'two words-opened.txt'");
    home.shell(&format!("{again} --password-file pw")).succeeds();
    assert_eq!(home.read("two words-opened.txt"), b"data");
}

#[test]
fn a_folder_is_opened_again_as_a_folder() {
    let home = Home::empty();
    home.write("exports/2026/a.csv", "a");
    home.write("exports/b.csv", "b");
    let words = format!("encrypt --init --no-recovery --keychain file -p acme exports {FLOOR}");
    let text = home.run(&words).text();
    let again = text.lines().last().unwrap().trim();
    assert_eq!(again, "strongroom decrypt exports.sealed -o exports-opened");
    home.shell(&format!("{again} --password-file pw")).succeeds();
    assert_eq!((home.read("exports-opened/2026/a.csv"), home.read("exports-opened/b.csv")), (b"a".into(), b"b".into()));
}

#[test]
fn without_a_vault_encrypt_says_so_and_names_init() {
    let home = Home::empty();
    home.write("a.txt", "data");
    home.run_alone("encrypt -p acme a.txt").fails(
        4,
        "\
error: cannot encrypt
cause: there is no vault at {home}/.local/share/strongroom/vault.json
hint: if you have a vault elsewhere, name its folder with --vault; to make a new vault and the project now, add --init
",
    );
    home.run("encrypt -p acme a.txt --json").fails_in_json(4, "vault-not-found");
}

#[test]
fn what_is_missing_for_a_first_use_is_named_and_nothing_is_made() {
    let home = Home::empty();
    home.write("a.txt", "data");
    home.run_alone("encrypt --init --no-recovery --keychain file -p acme a.txt").fails(
        2,
        "\
error: the master password is needed, and there is no terminal to ask for it
hint: give --generate-password, or a password by --password-file, --password-fd or --password-command
",
    );
    home.run("encrypt --init --no-recovery -p acme a.txt --json").fails_in_json(6, "no-bus");
    home.run("encrypt --init --no-recovery --keychain file -p acme none --json").fails_in_json(4, "input-not-found");
    let words = "encrypt --init --no-recovery --keychain file a.txt --json -p";
    let (_, hint) = home.typed(words).arg("").args(["--password-file", "pw"]).run().fails_in_json(2, "bad-name");
    assert!(hint.contains("visible characters"), "{hint}");
    home.write("pw", "short");
    home.run("encrypt --init --no-recovery --keychain file -p acme a.txt --json").fails_in_json(2, "weak-password");
}

#[test]
fn when_the_file_cannot_be_sealed_the_password_of_the_new_vault_was_shown_all_the_same() {
    let home = Home::empty();
    home.write("a.txt", "data");
    home.write("b.txt", "data");
    // It goes after the command looked: the vault is being made then.
    let line = format!(
        "strongroom encrypt --init --no-recovery --keychain file -p acme --password-command 'rm a.txt; cat pw' a.txt {FLOOR}"
    );
    let outcome = home.shell(&line);
    let stderr = outcome.stderr().to_owned();
    assert!(stderr.starts_with("made project \"acme\"\nerror: cannot read a.txt\n"), "{stderr}");
    outcome.ends(4, "", &stderr);
    // The vault stands, with its project, and the next try needs no --init.
    home.run("encrypt -p acme b.txt").does("b.txt -> b.txt.sealed (project acme, key version 1)\n");
    assert!(fs::exists(home.vault()).unwrap());
}

#[test]
fn every_command_that_is_told_of_is_for_the_vault_at_hand() {
    let home = Home::empty();
    let told = |words: &str| {
        let outcome = home.run(&format!("--vault v {words}"));
        assert_eq!(outcome.code(), 0, "{words}: {}", outcome.stderr());
        format!("{}{}", outcome.text(), outcome.stderr())
    };
    let made = told(&format!("init --keychain file:k/key {FLOOR}"));
    assert!(made.contains("next: strongroom --vault v project add NAME\n"), "{made}");
    assert!(made.contains("Make one with `strongroom --vault v kit new`\n"), "{made}");
    assert!(told("project add acme").ends_with("next: strongroom --vault v encrypt --project acme FILE\n"));
    told("kit new --recovery-file kit");
    let revoked = told("kit revoke 1");
    assert!(revoked.contains("Then: `strongroom --vault v kit revoke 1-"), "{revoked}");
    assert!(revoked.ends_with("make one with `strongroom --vault v kit new`\n"), "{revoked}");
    let found = home.run_alone("--vault v doctor --json").json();
    let remedy = found.as_array().unwrap().iter().find_map(|finding| finding["remedy"].as_str()).unwrap();
    assert!(remedy.starts_with("strongroom --vault v passwd --kdf-memory "), "{remedy}");
}

#[test]
fn no_second_vault_is_made_by_the_way_where_one_is_missing() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    fs::rename(home.vault().parent().unwrap(), home.path("away")).unwrap();
    let words = format!("--keychain file {FLOOR}");
    let (_, hint) =
        home.run(&format!("encrypt --init -p acme a.txt --json {words}")).fails_in_json(4, "vault-not-found");
    assert!(hint.starts_with("this computer remembers a vault there: put the vault file back"), "{hint}");
    // Where it is meant, it is said what it means.
    let made = home.run(&format!("init --json {words}"));
    assert!(made.code() == 0 && made.stderr().contains("\"warning\":\"vault-lost\""), "{}", made.stderr());
    let found = home.run("doctor --json").json();
    let told = found.as_array().unwrap().iter().find(|finding| finding["check"] == "other vaults").unwrap();
    assert!(told["message"].as_str().unwrap().contains(", where another vault is; its key is stored in "), "{told}");
}
