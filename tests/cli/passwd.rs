//! `strongroom passwd`.

use std::fs;

use crate::support::home::{FLOOR, Home, PASSWORD};

const NEW: &str = "granite-lantern-pickle-summit-harbor-tulip";

const CHANGED: &str = "\
the master password is changed on this computer; the vault and every encrypted file stay as they are
note: an earlier backup of the keychain still opens the vault with the old password, until you run `strongroom vault rotate`
";

#[test]
fn the_new_password_opens_and_the_old_one_does_not() {
    let home = Home::with_project();
    fs::create_dir(home.path("out")).unwrap();
    for name in ["a", "b"] {
        home.write(name, name);
    }
    home.run("encrypt -p acme a").succeeds();
    home.run("key rotate acme").succeeds();
    home.run("encrypt -p acme b").succeeds();
    let key = home.run("key show acme").succeeds().text();
    let before = home.contents();

    home.write("new", format!("{NEW}\n"));
    home.run("passwd --new-password-file new").does(CHANGED);

    // Nothing but the one keychain file: not a byte of the vault, the anchor or a sealed file.
    let mut after = home.contents();
    after.remove(&home.path("new"));
    let changed: Vec<_> = after.iter().filter(|file| before.get(file.0) != Some(file.1)).map(|file| file.0).collect();
    assert_eq!(changed, [&home.keychain()], "but what the access log adds");
    assert_eq!(before.len(), after.len());

    home.run("project list").fails(
        3,
        "\
error: cannot unlock the vault
cause: wrong password
hint: the password in pw does not open this vault: check it; or, with a recovery kit: `strongroom recover`
",
    );
    home.write("pw", NEW);
    home.run("key show acme").shows(&key);
    home.run("decrypt a.sealed b.sealed -o out").succeeds();
    assert_eq!((home.read("out/a"), home.read("out/b")), (b"a".to_vec(), b"b".to_vec()));
    home.run("project add beta").succeeds();
}

#[test]
fn a_weak_new_password_changes_nothing() {
    let home = Home::with_project();
    for (weak, code) in [("fourteen chars", 2), ("passwordpassword1", 2), ("", 2), ("\n", 2)] {
        home.write("new", weak);
        let outcome = home.run("passwd --new-password-file new");
        assert!(weak.len() < 2 || !outcome.stderr().contains(weak));
        let stderr = outcome.stderr().to_owned();
        outcome.fails(code, &stderr);
    }
    home.write("new", "fourteen chars");
    let (message, _) = home.run("passwd --new-password-file new --json").fails_in_json(2, "weak-password");
    assert!(message.contains("14 characters"), "{message}");
    home.run("passwd --new-password-file none --json").fails_in_json(4, "input-not-found");
}

#[test]
fn a_wrong_old_password_changes_nothing() {
    let home = Home::with_project();
    home.write("new", NEW);
    home.write("pw", "not the password");
    home.run("passwd --new-password-file new --json").fails_in_json(3, "wrong-password");
    home.run("passwd --generate-password --json").fails_in_json(3, "wrong-password");
    home.write("pw", PASSWORD);
    home.run("project list").succeeds();
}

#[test]
fn without_a_terminal_the_new_password_needs_a_source() {
    let home = Home::with_project();
    home.run("passwd").fails(
        2,
        "\
error: the new password is needed, and there is no terminal to ask for it
hint: give --new-password-file or --generate-password
",
    );
    home.run("passwd --generate-password --new-password-file pw --json").fails_in_json(2, "usage");
    home.write("new", NEW);
    home.run_alone("passwd --new-password-file new --json").fails_in_json(2, "password-needed");
}

#[test]
fn a_generated_password_is_shown_and_opens() {
    let home = Home::with_project();
    let text = home.run("passwd --generate-password").succeeds().text();
    let words = text.lines().find_map(|line| line.strip_prefix("    ")).expect(&text);
    assert!(words.split('-').count() >= 6, "{words}");
    assert!(text.ends_with(CHANGED), "{text}");
    home.write("pw", words);
    let json = home.run(&format!("passwd --generate-password --json {FLOOR}")).succeeds().json();
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["changed", "generated_password", "kdf"]);
    home.write("pw", json["generated_password"].as_str().unwrap());
    // --quiet leaves out the remarks, and never the one sight of a password.
    let text = home.run("passwd --generate-password --quiet").succeeds().text();
    home.write("pw", text.lines().find_map(|line| line.strip_prefix("    ")).expect(&text));
    home.run("project list").succeeds();
}

#[test]
fn the_cost_is_that_of_the_vault_unless_named() {
    let home = Home::with_project();
    home.write("new", NEW);
    let kdf = |home: &Home| home.run_alone("status --json").succeeds().json()["kdf"].clone();
    let floor = serde_json::json!({"algorithm": "argon2id", "memory_mib": 64, "passes": 3, "lanes": 4});
    home.run("passwd --new-password-file new").succeeds();
    assert_eq!(kdf(&home), floor);
    home.write("pw", NEW);
    let json = home.run("passwd --new-password-file new --kdf-memory 80 --kdf-passes 4 --json").succeeds().json();
    let dearer = serde_json::json!({"algorithm": "argon2id", "memory_mib": 80, "passes": 4, "lanes": 4});
    assert_eq!((kdf(&home), &json["kdf"]), (dearer.clone(), &dearer));
    home.run("passwd --new-password-file new --kdf-memory 63 --json").fails_in_json(2, "usage");
}
