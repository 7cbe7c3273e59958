//! `strongroom status`.

use std::fs;

use crate::support::home::Home;

const CLEAR: &str = "\
path           {home}/.local/share/strongroom/vault.json
vault          [..]-[..]-[..]-[..]-[..]
created        [..]Z
generation     2
recovery kits  none
keychain       file:{home}/.local/state/strongroom/keychain/[..]
key stored     [..]Z
kdf            Argon2id, 64 MiB, 3 passes, 4 lanes (below the default of 256 MiB, 3 passes)
";

#[test]
fn locked_it_tells_what_stands_in_clear() {
    let home = Home::with_project();
    home.run_alone("status")
        .shows(&format!("{CLEAR}projects       locked; see them with `strongroom status --unlock`\n"));
    let json = home.run_alone("status --json").succeeds().changed_nothing().json();
    let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "created",
        "generation",
        "kdf",
        "kdf_below_default",
        "keychain",
        "password_set",
        "path",
        "recovery_kits",
        "unlocked",
        "vault",
    ];
    assert_eq!(members, expected);
    assert_eq!(
        (&json["unlocked"], &json["kdf_below_default"], &json["generation"]),
        (&false.into(), &true.into(), &2.into())
    );
}

#[test]
fn unlocked_it_tells_projects_and_key_versions() {
    let home = Home::with_project();
    home.run("status").shows(&format!(
        "\
{CLEAR}kdf policy     Argon2id, 64 MiB, 3 passes, 4 lanes (below the default of 256 MiB, 3 passes)
projects       1

PROJECT  CLIENT  KEY VERSIONS
acme             1 current
"
    ));
    home.run("key rotate acme").succeeds();
    let json = home.run("status --unlock --json").succeeds().changed_nothing().json();
    assert_eq!((&json["unlocked"], &json["projects"][0]["project"]), (&true.into(), &"acme".into()));
    assert_eq!(
        (&json["projects"][0]["keys"][0]["state"], &json["projects"][0]["keys"][1]["state"]),
        (&"earlier".into(), &"current".into())
    );
    assert_eq!(json["kdf_policy"], json["kdf"]);
}

#[test]
fn recovery_kits_are_told_by_their_names() {
    let home = Home::with_project();
    home.run("kit new --recovery-file one").succeeds();
    home.run("kit new --recovery-file two").succeeds();
    let text = home.run_alone("status").succeeds().text();
    let kits = [1, 2].map(|number| home.kit(number));
    assert!(text.contains(&format!("recovery kits  kit {} or {}\n", kits[0], kits[1])), "{text}");
    assert_eq!(home.run_alone("status --json").succeeds().json()["recovery_kits"], serde_json::json!(kits));
}

#[test]
fn a_missing_key_is_told_and_no_failure() {
    let home = Home::with_project();
    fs::remove_file(home.keychain()).unwrap();
    let text = home.run_alone("status").succeeds().changed_nothing().text();
    assert!(text.contains("where this computer keeps the vault's key, is gone"), "{text}");
    assert_eq!(home.run_alone("status --json").succeeds().json()["key"], "missing");
}

#[test]
fn a_key_that_cannot_be_used_is_not_called_missing() {
    let home = Home::with_project();
    home.write(home.keychain(), "garbage");
    let text = home.run_alone("status").succeeds().changed_nothing().text();
    assert!(text.contains("is not a key for this vault"), "{text}");
    assert_ne!(home.run_alone("status --json").succeeds().json()["key"], "missing");
}

#[test]
fn an_unreachable_keychain_is_told_and_no_failure() {
    let home = Home::with_project();
    fs::remove_file(home.path(".config/strongroom/settings.json")).unwrap();
    let text = home.run_alone("status").succeeds().changed_nothing().text();
    assert!(text.contains("no session bus answers here"), "{text}");
    assert_eq!(home.run_alone("status --json").succeeds().json()["key"], "no-bus");
}
