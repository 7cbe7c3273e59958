//! A keychain file that is missing, damaged or not this vault's.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::home::{FLOOR, Home};

const NO_PROJECTS: &str = "no projects yet: add one with `strongroom project add NAME`\n";
const WRONG: &str = "\
error: cannot unlock the vault
cause: wrong password
hint: the password in pw does not open this vault: check it; or, with a recovery kit: `strongroom recover`
";

/// Changes the one wrap of the keychain file: its protected JSON, and its wrapped key.
fn edit(home: &Home, change: impl FnOnce(&mut Value, &mut Vec<u8>)) {
    let path = home.keychain();
    let mut item: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let wrap = &mut item["wraps"][0];
    let decode = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let mut protected: Value = serde_json::from_slice(&decode(&wrap["protected"])).unwrap();
    let mut wrapped = decode(&wrap["wrapped"]);
    change(&mut protected, &mut wrapped);
    wrap["protected"] = STANDARD.encode(protected.to_string()).into();
    wrap["wrapped"] = STANDARD.encode(wrapped).into();
    fs::write(&path, item.to_string()).unwrap();
}

#[test]
fn a_missing_key_is_told_before_a_password_is_asked_for() {
    let home = Home::with_project();
    fs::remove_file(home.keychain()).unwrap();
    for words in ["project list", "project add beta", "key show acme", "passwd --new-password-file pw"] {
        home.run_alone(words).fails(
            6,
            "\
error: cannot unlock the vault
cause: the keychain file {home}/.local/state/strongroom/keychain/[..], where this computer keeps the vault's key, is gone
hint: if it was moved, name its new place once, with --keychain file:PATH; or, with a recovery kit: `strongroom recover`
",
        );
    }
    home.run("project list --json").fails_in_json(6, "key-missing");
}

#[test]
fn a_keychain_file_that_was_moved_is_remembered_once_it_opened() {
    let home = Home::empty();
    home.run(&format!("init --no-recovery --keychain file:usb/item {FLOOR}")).succeeds();
    fs::rename(home.path("usb"), home.path("usb2")).unwrap();
    home.run("project list --keychain file:usb3/item").fails(
        6,
        "\
error: cannot unlock the vault
cause: there is no keychain file {home}/usb3/item
hint: if it was moved, name its new place once, with --keychain file:PATH; or, with a recovery kit: `strongroom recover`
",
    );
    let hint = home.run_alone("project list").stderr().to_owned();
    assert!(hint.contains("/usb/item, where this computer keeps the vault's key, is gone"), "{hint}");
    home.run("project list --keychain file:usb2/item")
        .warns(NO_PROJECTS, "this computer now remembers that the key is stored in {home}/usb2/item\n");
    home.run("project add acme").succeeds();
    // While the remembered one is there, another that opens too is for this once.
    fs::create_dir(home.path("copy")).unwrap();
    for name in ["item", "item.anchor"] {
        fs::copy(home.path("usb2").join(name), home.path("copy").join(name)).unwrap();
    }
    home.run("project list --keychain file:copy/item").succeeds().changed_nothing();
    home.run("project list").succeeds();
}

#[test]
fn garbage_is_not_a_key() {
    let home = Home::with_project();
    let good = home.read(home.keychain());
    let twice =
        String::from_utf8(good.clone()).unwrap().replacen("\"wraps\"", "\"wraps\":[],\"wraps\"", 1).into_bytes();
    for bad in [&b""[..], b"garbage", b"{}", b"{\"wraps\":[]}", &good[..good.len() / 2], &twice, &[0; 2560]] {
        home.write(home.keychain(), bad);
        home.run("project list").fails(
            6,
            "\
error: cannot unlock the vault
cause: the item in keychain file {home}/.local/state/strongroom/keychain/[..] is not a key for this vault: [..]
hint: name where this vault's key is with --keychain; see `strongroom doctor`; or, with a recovery kit: `strongroom recover`
",
        );
        home.run("project list --json").fails_in_json(6, "key-not-ours");
    }
    home.write(home.keychain(), vec![b' '; 1 << 20]);
    let (message, _) = home.run("project list --json").fails_in_json(6, "too-long");
    assert!(!message.contains("2561"), "it has 1048576 bytes, and nobody counted 2561: {message}");
}

#[test]
fn the_key_of_another_vault_is_not_tried() {
    let home = Home::with_project();
    let own = home.keychain();
    home.run(&format!("init --no-recovery --vault other --keychain file:keys/other {FLOOR}")).succeeds();
    fs::copy(home.path("keys/other"), &own).unwrap();
    let (message, _) = home.run("project list --json").fails_in_json(6, "key-not-ours");
    assert!(message.contains("belongs to another vault"), "{message}");
    // Nor by a flag; what this computer remembers stays.
    home.run("project list --vault other --keychain file --json").fails_in_json(6, "key-missing");
    home.run("project list --vault other").succeeds();
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let home = Home::with_project();
    let path = home.keychain();
    let anchor = home.anchor();
    let refusal = |path: &std::path::Path| {
        format!(
            "\
error: cannot unlock the vault
cause: cannot read the keychain file {}: not a regular file
hint: name the key's file with --keychain file:PATH, or move away what is in its place
",
            path.display()
        )
    };
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    home.fifo(&path);
    home.run("project list").fails(6, &refusal(&path));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    home.run("project list").fails(6, &refusal(&path));
    fs::remove_dir(&path).unwrap();
    home.write(&path, good);
    fs::remove_file(&anchor).unwrap();
    home.fifo(&anchor);
    home.run("project list").fails(6, &refusal(&anchor));
    home.run("project list --json").fails_in_json(6, "file");
}

#[test]
fn an_altered_wrap_looks_like_a_wrong_password() {
    let home = Home::with_project();
    let good = home.read(home.keychain());
    for place in [0, 24, 56, 103] {
        edit(&home, |_, wrapped| wrapped[place] ^= 1);
        home.run("project list").fails(3, WRONG);
        let (message, _) = home.run("project list --json").fails_in_json(3, "wrong-password");
        assert_eq!(message, "cannot unlock the vault: wrong password");
        home.write(home.keychain(), &good);
    }
    // What stands in clear beside it is bound into it: here the time it was made at.
    edit(&home, |protected, _| protected["at"] = "2020-01-01T00:00:00Z".into());
    home.run("project list").fails(3, WRONG);
    home.write(home.keychain(), &good);
    home.run("project list").succeeds();
}

#[test]
fn hostile_parameters_are_refused_before_anything_is_spent() {
    let home = Home::with_project();
    let good = home.read(home.keychain());
    let salt = |length: usize| Value::from(STANDARD.encode(vec![1; length]));
    for (name, value, cause) in [
        ("m", 4_294_967_295_u32.into(), "argon2 memory in KiB is 4294967295, outside 65536 to 4194304"),
        ("m", 65535.into(), "argon2 memory in KiB is 65535, outside 65536 to 4194304"),
        ("t", 65.into(), "argon2 passes is 65, outside 3 to 64"),
        ("t", 4_294_967_295_u32.into(), "argon2 passes is 4294967295, outside 3 to 64"),
        ("t", 1.into(), "argon2 passes is 1, outside 3 to 64"),
        ("p", 17.into(), "argon2 lanes is 17, outside 4 to 16"),
        ("p", 0.into(), "argon2 lanes is 0, outside 4 to 16"),
        ("salt", salt(15), "argon2 salt length is 15, outside 16 to 64"),
        ("salt", salt(65), "argon2 salt length is 65, outside 16 to 64"),
    ] {
        edit(&home, |protected, _| protected["kdf"][name] = value);
        let start = std::time::Instant::now();
        home.run("project list").fails(
            5,
            &format!(
                "\
error: cannot unlock the vault
cause: {cause}
hint: the keychain item was altered or is not Strongroom's: restore it from a backup
"
            ),
        );
        assert!(start.elapsed().as_secs() < 5, "{name}");
        home.run("project list --json").fails_in_json(5, "kdf-out-of-range");
        home.write(home.keychain(), &good);
    }
    for (name, value) in
        [("m", (-1).into()), ("m", 4_294_967_296_u64.into()), ("algorithm", "argon2i".into()), ("version", 16.into())]
    {
        edit(&home, |protected, _| protected["kdf"][name] = value);
        home.run("project list --json").fails_in_json(6, "key-not-ours");
        home.write(home.keychain(), &good);
    }
}

#[test]
fn the_key_of_a_vault_unknown_here_is_remembered_once_it_opened() {
    let home = Home::with_project();
    fs::rename(home.keychain(), home.path("moved")).unwrap();
    fs::remove_file(home.path(".config/strongroom/settings.json")).unwrap();
    home.run("project list --json").fails_in_json(6, "no-bus");
    assert!(home.run("project list --keychain file:moved").ends_well());
    home.run("project list")
        .shows("PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED\nacme             intake        1     [..]Z\n");
}

#[test]
fn without_settings_the_os_keychain_is_looked_in_and_nothing_falls_back() {
    let home = Home::with_project();
    fs::remove_file(home.path(".config/strongroom/settings.json")).unwrap();
    home.run_alone("project list").fails(
        6,
        "\
error: cannot unlock the vault
cause: no session bus answers here, so there is no OS keychain
hint: if this vault's key is in a file, name it with --keychain file:PATH; otherwise run the command in a desktop session
",
    );
    // The vault stands already, so the way is to name its key, not to make another vault.
    let (_, hint) = home.run("project list --keychain os --json").fails_in_json(6, "no-bus");
    assert!(hint.starts_with("run it in a desktop session; "), "{hint}");
}

#[test]
fn damaged_settings_are_named_and_left_alone() {
    let home = Home::with_project();
    let settings = home.path(".config/strongroom/settings.json");
    for bad in ["", "garbage", "{}", "{\"format\":\"strongroom-settings\",\"version\":2,\"vaults\":{}}"] {
        home.write(&settings, bad);
        let outcome = home.run("project list");
        let stderr = outcome.stderr().to_owned();
        assert!(stderr.contains("settings.json") && stderr.contains("hint: "), "{stderr}");
        let code = outcome.code();
        assert!([1, 5].contains(&code), "{code}");
        outcome.fails(code, &stderr);
    }
}
