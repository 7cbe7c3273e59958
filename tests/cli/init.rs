//! `strongroom init` where nobody can be asked.

use crate::support::home::{FLOOR, Home, PASSWORD};

#[test]
fn a_vault_is_made_private_with_its_key_apart_from_it() {
    let home = Home::empty();
    home.run(&format!("init --no-recovery --keychain file {FLOOR}")).does(
        "\
vault     {home}/.local/share/strongroom/vault.json
keychain  file:{home}/.local/state/strongroom/keychain/[..]
password  Argon2id, 64 MiB, 3 passes, 4 lanes

next: strongroom project add NAME
",
    );
    for file in [home.vault(), home.keychain(), home.anchor(), home.path(".config/strongroom/settings.json")] {
        assert_eq!(home.mode(&file), 0o600, "{}", file.display());
        assert_eq!(home.mode(file.parent().unwrap()), 0o700, "the folder of {}", file.display());
    }
    home.run("project list").shows("no projects yet: add one with `strongroom project add NAME`\n");
}

#[test]
fn in_json_it_tells_id_place_keychain_and_cost() {
    let home = Home::empty();
    let json = home.run(&format!("init --no-recovery --json --keychain file:keys/one {FLOOR}")).succeeds().json();
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["generated_password", "kdf", "keychain", "kit", "path", "vault"]);
    assert_eq!(json["path"], home.vault().display().to_string());
    assert_eq!(json["keychain"], format!("file:{}", home.path("keys/one").display()));
    let kdf = serde_json::json!({"algorithm": "argon2id", "memory_mib": 64, "passes": 3, "lanes": 4});
    assert_eq!(json["kdf"], kdf);
    assert_eq!(json["generated_password"], serde_json::Value::Null);
    assert_eq!(json["vault"].as_str().unwrap().len(), 36);
    home.run("project add acme -q").does("");
}

#[test]
fn where_a_vault_stands_no_other_is_made() {
    let home = Home::with_vault();
    home.run(&format!("init --no-recovery --keychain file {FLOOR}")).fails(
        1,
        "\
error: cannot make the vault
cause: a vault is there already: {home}/.local/share/strongroom/vault.json, {home}/.local/share/strongroom/vault.json.prev
hint: use it, or name another folder with --vault; `strongroom doctor` explains leftovers
",
    );
    // Nor where something else has its name, which may be a vault that was damaged.
    for name in ["folder", "garbage"] {
        let vault = format!("{name}/vault.json");
        if name == "folder" {
            std::fs::create_dir_all(home.path(&vault)).unwrap()
        } else {
            drop(home.write(&vault, "x"))
        };
        let (message, _) = home
            .run(&format!("init --no-recovery --vault {name} --keychain file {FLOOR} --json"))
            .fails_in_json(1, "vault-exists");
        assert!(message.contains(&vault), "{message}");
    }
}

#[test]
fn what_is_left_of_a_vault_is_not_built_over() {
    for left in ["vault.json.prev", "vault.json.strongroom-tmp"] {
        let home = Home::empty();
        home.write(format!("v/{left}"), "what is left");
        home.run(&format!("init --no-recovery --vault v --keychain file {FLOOR}")).fails(
            1,
            &format!(
                "\
error: cannot make the vault
cause: a vault is there already: {{home}}/v/{left}
hint: these are the remains of a vault: restore it, or move them away if they are not needed
"
            ),
        );
        assert!(!home.path("v/vault.json").exists());
    }
}

#[test]
fn a_weak_password_is_refused_with_the_reason() {
    let home = Home::empty();
    home.write("pw", "fourteen chars\n");
    home.run(&format!("init --no-recovery --keychain file {FLOOR}")).fails(
        2,
        "\
error: this password is too weak
cause: it has 14 characters, fewer than 15
hint: use six random words (--generate-password) or a longer password
",
    );
    for weak in ["passwordpassword1", "aaaaaaaaaaaaaaaaaaaaaaa", "qwertyuiopasdfghjkl", "strongroomstrongroom"] {
        home.write("pw", weak);
        let outcome = home.run(&format!("init --no-recovery --keychain file {FLOOR}"));
        assert!(!outcome.stderr().contains(weak), "the password is in the error");
        outcome.fails(
            2,
            "\
error: this password is too weak
cause: [..]
hint: use six random words (--generate-password) or a longer password
",
        );
    }
}

#[test]
fn without_a_terminal_a_password_source_is_needed() {
    let home = Home::empty();
    for words in ["init --no-recovery --keychain file", "init --no-recovery --keychain file --no-input"] {
        home.run_alone(words).fails(
            2,
            "\
error: the master password is needed, and there is no terminal to ask for it
hint: give --generate-password, or a password by --password-file, --password-fd or --password-command
",
        );
    }
}

#[test]
fn without_an_os_keychain_the_file_kind_is_named_and_never_chosen() {
    let home = Home::empty();
    for words in ["init --no-recovery", "init --no-input"] {
        home.run(&format!("{words} {FLOOR}")).fails(
            6,
            "\
error: cannot use the OS keychain
cause: no session bus answers here, so there is no OS keychain
hint: give --keychain file to keep the key in a file of this computer
",
        );
    }
    let (_, hint) = home.run(&format!("init --no-recovery --json {FLOOR}")).fails_in_json(6, "no-bus");
    assert!(hint.contains("--keychain file"), "{hint}");
    let (_, hint) = home.run(&format!("init --no-recovery --keychain os --json {FLOOR}")).fails_in_json(6, "no-bus");
    assert!(hint.contains("--keychain file"), "{hint}");
}

#[test]
fn an_existing_keychain_file_is_never_overwritten() {
    let home = Home::empty();
    home.write("key", "somebody's key");
    home.run(&format!("init --no-recovery --keychain file:key {FLOOR}")).fails(
        6,
        "\
error: cannot make the vault
cause: cannot make the keychain file {home}/key: [..]
hint: name another file with --keychain file:PATH
",
    );
    let said = home.run(&format!("init --no-recovery --keychain file:key {FLOOR}")).stderr().to_owned();
    assert!(!said.contains("entity"), "what is an entity? {said}");
    // An anchor of another vault, and a link that leads nowhere, are somebody's too.
    home.write("other.anchor", "somebody's anchor");
    let (message, _) =
        home.run(&format!("init --no-recovery --keychain file:other --json {FLOOR}")).fails_in_json(6, "file");
    assert!(message.contains("other"), "{message}");
    std::os::unix::fs::symlink("nowhere", home.path("link")).unwrap();
    home.run(&format!("init --no-recovery --keychain file:link --json {FLOOR}")).fails_in_json(6, "file");
}

#[test]
fn a_key_beside_its_vault_needs_the_users_word() {
    let home = Home::empty();
    let init = format!("init --no-recovery --vault v --keychain file:v/key {FLOOR}");
    let refusal = "\
error: cannot keep the key in the vault's own folder
cause: whoever copies that folder would have both halves of the key
hint: choose another place with --keychain file:PATH, or accept the risk with --beside-vault
";
    home.run(&init).fails(2, refusal);
    // Nor by another name of that folder.
    std::fs::create_dir(home.path("v")).unwrap();
    std::os::unix::fs::symlink("v", home.path("same")).unwrap();
    home.run(&format!("init --no-recovery --vault v --keychain file:same/key {FLOOR}")).fails(2, refusal);
    home.run(&format!("init --no-recovery --vault v --keychain file:v/../v/./key {FLOOR}")).fails(2, refusal);
    home.run(&format!("{init} --beside-vault")).succeeds();
    assert_eq!(home.mode("v/key"), 0o600);
    home.run("project add acme --vault v").succeeds();
}

#[test]
fn kdf_numbers_out_of_range_are_refused_before_anything_is_spent() {
    let home = Home::empty();
    for (flags, cause) in [
        ("--kdf-memory 63", "argon2 memory in KiB is 64512, outside 65536 to 4194304"),
        ("--kdf-memory 4097", "argon2 memory in KiB is 4195328, outside 65536 to 4194304"),
        ("--kdf-memory 4294967295", "argon2 memory in KiB is 4294967295, outside 65536 to 4194304"),
        ("--kdf-passes 2", "argon2 passes is 2, outside 3 to 64"),
        ("--kdf-passes 65", "argon2 passes is 65, outside 3 to 64"),
        ("--kdf-lanes 3", "argon2 lanes is 3, outside 4 to 16"),
        ("--kdf-lanes 17", "argon2 lanes is 17, outside 4 to 16"),
        ("--kdf-memory 4096 --kdf-passes 9", "argon2 memory times passes in KiB is 37748736, outside 0 to 33554432"),
    ] {
        home.run(&format!("init --no-recovery --keychain file {flags}")).fails(
            2,
            &format!(
                "\
error: cannot use these --kdf numbers
cause: {cause}
hint: memory is 64 to 4096 MiB, passes 3 to 64, lanes 4 to 16; leave them out to have them measured
"
            ),
        );
    }
    home.run("init --no-recovery --keychain file --kdf-memory lots --json").fails_in_json(2, "usage");
}

#[test]
fn a_generated_password_is_six_words_that_open_the_vault() {
    let home = Home::empty();
    let text =
        home.run_alone(&format!("init --no-recovery --keychain file --generate-password {FLOOR}")).succeeds().text();
    let words = text.lines().find_map(|line| line.strip_prefix("    ")).expect(&text).to_owned();
    // A word of the list may have a hyphen of its own, such as t-shirt.
    assert!(words.split('-').count() >= 6 && words.len() >= 23, "{words}");
    assert!(text.contains("master password, shown this once:"), "{text}");
    home.write("pw", &words);
    home.run("project add acme").succeeds();

    let json = home
        .run_alone(&format!("init --no-recovery --vault two --keychain file --generate-password --json {FLOOR}"))
        .succeeds()
        .json();
    home.write("pw", json["generated_password"].as_str().unwrap());
    home.run("project list --vault two").succeeds();
    assert_ne!(json["generated_password"], words);
}

#[test]
fn a_generated_password_and_a_given_one_exclude_each_other() {
    Home::empty().run(&format!("init --no-recovery --keychain file --generate-password {FLOOR}")).fails(
        2,
        "\
error: --generate-password and a password source exclude each other
hint: leave one of them out
",
    );
}

#[test]
fn without_kdf_flags_the_cost_is_measured() {
    let home = Home::empty();
    let outcome = home.run("init --no-recovery --keychain file --json");
    let json = outcome.succeeds().json();
    assert!(json["kdf"]["memory_mib"].as_u64().unwrap() >= 64, "{json}");
    assert!(!home.read(home.vault()).windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
}

#[test]
fn two_vaults_in_one_home_have_a_key_each() {
    let home = Home::with_project();
    home.run(&format!("init --no-recovery --vault second --keychain file {FLOOR}")).succeeds();
    let _ = home
        .run("project list --vault second")
        .shows("no projects yet: add one with `strongroom --vault second project add NAME`\n");
    assert!(home.run("project list").succeeds().text().contains("acme"));
}
