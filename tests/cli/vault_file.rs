//! A vault file that is missing, damaged or something else.

use std::fs::{self, File};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::home::{FLOOR, Home};

const DAMAGED: &str = "\
error: cannot open the vault
cause: the vault {home}/.local/share/strongroom/vault.json is damaged: [..]
hint: restore the vault file from a backup; `strongroom doctor` shows what else is there
";

/// A home with a project and a vault file without a previous one beside it.
fn home_without_previous() -> Home {
    let home = Home::with_project();
    fs::remove_file(home.path(".local/share/strongroom/vault.json.prev")).unwrap();
    home
}

/// Whichever of these bytes of the vault file is another one, password and kit open the vault. A version is taken for a
/// damaged one only if a second copy says so.
fn assert_damage_shuts_nobody_out(home: &Home) {
    let is_doubled = home.read(home.vault()) == home.read(home.vault().with_extension("json.prev"));
    let whole = home.read(home.vault());
    let text = String::from_utf8(whole.clone()).unwrap();
    let header = text.find("\"protected\":\"").unwrap() + 13;
    // The version, the beginning of what stands in clear (with the vault's id in it), and the sealed payload.
    let version = text.find("\"version\":").unwrap() + 10;
    for at in [0, version, header + 20, header + 60, header + 300, whole.len() - 100] {
        if at == version && !is_doubled {
            continue;
        }
        let mut damaged = whole.clone();
        damaged[at] ^= 2;
        home.write(home.vault(), damaged);
        let listed = home.run("project list");
        assert!(
            listed.code() == 0 && listed.stderr().contains("reading the previous one"),
            "{at}: {}",
            listed.stderr()
        );
        let tested = home.run_alone("kit test --kit-file kit");
        let opened = format!(" opens {}", home.vault().with_extension("json.prev").display());
        let text = tested.text();
        assert!(text.starts_with("kit 1-") && text.contains(&opened), "{at}: {}", tested.stderr());
    }
    home.write(home.vault(), whole);
}

#[test]
fn a_damaged_byte_shuts_nobody_out_of_a_vault_that_was_just_made_or_rotated() {
    let home = Home::empty();
    home.run(&format!("init --keychain file {FLOOR} --recovery-file kit -q")).succeeds();
    let is_doubled = || home.read(home.vault()) == home.read(home.vault().with_extension("json.prev"));
    assert!(is_doubled());
    assert_damage_shuts_nobody_out(&home);
    home.run("project add acme -q").does("");
    home.run("vault rotate --keep-kit --kit-file kit -q").does("");
    assert!(is_doubled());
    assert_damage_shuts_nobody_out(&home);
    // The record of a destruction goes on after the rotation.
    home.run("project destroy acme --yes acme --keep-kit --kit-file kit -q").does("");
    assert_damage_shuts_nobody_out(&home);
}

#[test]
fn a_damaged_id_of_a_vault_is_told_to_whoever_recovers_it() {
    let home = Home::empty();
    home.run(&format!("init --keychain file {FLOOR} --recovery-file kit -q")).succeeds();
    let mut vault: serde_json::Value = serde_json::from_slice(&home.read(home.vault())).unwrap();
    let protected = STANDARD.decode(vault["protected"].as_str().unwrap()).unwrap();
    let mut header: serde_json::Value = serde_json::from_slice(&protected).unwrap();
    let id = header["vault"].as_str().unwrap().to_owned();
    header["vault"] = id.replacen(&id[..1], if id.starts_with('0') { "1" } else { "0" }, 1).into();
    vault["protected"] = STANDARD.encode(header.to_string()).into();
    home.write(home.vault(), vault.to_string());
    // This computer knows the vault by the previous file, and so does the password.
    let listed = home.run("project list");
    assert!(listed.code() == 0 && listed.stderr().contains("reading the previous one"), "{}", listed.stderr());
    home.write("new", "seven-wet-owls-argue-about-tea\n");
    let recover = "recover --kit-file kit --new-password-file new --keychain file --no-input --json";
    let (_, hint) = home.run_alone(recover).fails_in_json(5, "damaged");
    let moved = hint.strip_prefix("move the vault file away, ").and_then(|hint| hint.split_once(", and then: "));
    let (moved, next) = moved.unwrap_or_else(|| panic!("{hint}"));
    assert_eq!(home.shell(moved).code(), 0);
    assert_eq!(next, "`strongroom recover --accept-rollback`");
    assert_eq!(home.run_alone(&format!("{recover} --accept-rollback")).code(), 0);
    home.run_alone("project list --password-file new").succeeds();
}

#[test]
fn without_a_vault_every_command_says_where_it_looked() {
    let home = Home::empty();
    home.write("a.sealed", "x");
    for words in [
        "project list",
        "project add acme",
        "key show acme",
        "decrypt a.sealed",
        "status",
        "passwd --new-password-file pw",
    ] {
        home.run(words).fails(
            4,
            "\
error: cannot open the vault
cause: there is no vault at {home}/.local/share/strongroom/vault.json
hint: if the vault is elsewhere, name its folder with --vault; make a new vault with `strongroom init`; for a vault from another computer, with a recovery kit: `strongroom recover --from BACKUP`
",
        );
    }
    home.run("project list --json").fails_in_json(4, "vault-not-found");
}

#[test]
fn where_a_vault_stood_doctor_has_it_put_back_and_not_made_anew() {
    let home = Home::with_project();
    home.run("vault backup copy.json -q").does("");
    for name in [home.vault(), home.vault().with_extension("json.prev")] {
        fs::remove_file(name).unwrap();
    }
    let found = home.run_alone("doctor --json").json();
    let vault = found.as_array().unwrap().iter().find(|finding| finding["check"] == "vault").unwrap();
    let said = vault["message"].as_str().unwrap();
    assert!(said.contains("where this computer remembers vault "), "{said}");
    let remedy = vault["remedy"].as_str().unwrap();
    assert!(!remedy.contains("init") && remedy.ends_with("`strongroom recover --from BACKUP`"), "{remedy}");
    let (_, hint) = home.run("project list --json").fails_in_json(4, "vault-not-found");
    assert!(hint.starts_with("this computer remembers a vault there: put the vault file back"), "{hint}");
    home.run("vault restore copy.json -q").does("");
    home.run("project list").succeeds();
}

#[test]
fn a_restored_copy_lifts_no_hold() {
    let home = Home::with_project();
    home.run("vault backup copy.json -q").does("");
    home.run("project hold acme --reason suit -q").does("");
    let json = home.run("vault restore copy.json --json").succeeds().json();
    assert_eq!((&json["held"][0], &json["unread"]), (&"acme".into(), &false.into()));
    home.run("project destroy acme --yes acme --json").fails_in_json(1, "project-held");
}

#[test]
fn a_damaged_vault_file_is_called_that_and_left_as_it_is() {
    let home = home_without_previous();
    let good = String::from_utf8(home.read(home.vault())).unwrap();
    let twice = |member: &str| good.replacen(member, &format!("{member},{member}"), 1);
    for bad in [
        "",
        "garbage",
        "{}",
        "[]",
        "null",
        &good[..1],
        &good[..good.len() / 2],
        good.trim_end().strip_suffix('}').unwrap(),
        &format!("{good}{good}"),
        &format!("\u{feff}{good}"),
        &twice("\"version\":1"),
        &twice("\"format\":\"strongroom-vault\""),
        &good.replacen("strongroom-vault", "another-vault", 1),
        &good.replacen("\"version\":1", "\"version\":\"1\"", 1),
        &good.replacen("\"version\":1", "\"version\":-1", 1),
        &good.replacen("\"protected\":\"", "\"protected\":\"!", 1),
        &good.replacen("\"payload\"", "\"pay\"", 1),
        &"[".repeat(100_000),
    ] {
        home.write(home.vault(), bad);
        for words in ["project list", "project add beta", "status"] {
            home.run(words).fails(5, DAMAGED);
        }
        home.run("key show acme --json").fails_in_json(5, "damaged");
        // And a new one is not made in its place.
        home.run("init --no-recovery --keychain file --json").fails_in_json(1, "vault-exists");
    }
    home.write(home.vault(), good);
    assert!(home.run("project list").succeeds().text().contains("acme"));
}

#[test]
fn a_vault_cut_short_anywhere_is_damaged() {
    let home = home_without_previous();
    let good = home.read(home.vault());
    let text = good.trim_ascii_end().len();
    for length in (0..text).step_by(text / 40).chain([text - 1]) {
        home.write(home.vault(), &good[..length]);
        home.run_alone("status").fails(5, DAMAGED);
    }
}

#[test]
fn an_altered_vault_that_still_parses_is_never_believed() {
    let home = home_without_previous();
    let good = String::from_utf8(home.read(home.vault())).unwrap();
    // One letter of the base64 in the middle of the payload, and at its end.
    let payload = good.find("\"payload\":\"").unwrap() + 11;
    for at in [payload, payload + 100, payload + 3000] {
        let mut bad = good.clone().into_bytes();
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        home.write(home.vault(), bad);
        home.run("project list").fails(
            5,
            "\
error: cannot unlock the vault
cause: the vault {home}/.local/share/strongroom/vault.json is damaged: [..]
hint: restore the vault file from a backup; `strongroom doctor` shows what else is there
",
        );
    }
}

#[test]
fn a_newer_vault_asks_for_a_newer_program() {
    let home = Home::with_project();
    let newer = String::from_utf8(home.read(home.vault())).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    home.write(home.vault(), newer);
    for words in ["project list", "project add beta", "status"] {
        // The previous file is no way out: it is older.
        home.run(words).fails(
            1,
            "\
error: cannot open the vault
cause: the vault {home}/.local/share/strongroom/vault.json has format version 2; this program reads version 1
hint: install a newer strongroom
",
        );
    }
    home.run("project list --json").fails_in_json(1, "unsupported-version");
}

#[test]
fn a_gibibyte_of_zeros_costs_neither_time_nor_memory() {
    let home = home_without_previous();
    File::create(home.vault()).unwrap().set_len(1 << 30).unwrap();
    // 100 MiB of address space: the program itself, and nothing of the file.
    let limited = ["sh", "-c", "ulimit -v 102400; exec \"$@\"", "sh"];
    let start = std::time::Instant::now();
    home.typed("project list --password-file pw").through(&limited).run().fails(
        5,
        "\
error: cannot open the vault
cause: the vault {home}/.local/share/strongroom/vault.json is damaged: [..] has 1073741824 bytes, more than the 268435456 a vault may have
hint: restore the vault file from a backup; `strongroom doctor` shows what else is there
",
    );
    assert!(start.elapsed().as_secs() < 5);
    // As many zeros as a vault may have bytes.
    File::create(home.vault()).unwrap().set_len(256 << 20).unwrap();
    home.run("project list").fails(5, DAMAGED);
}

#[test]
fn a_folder_or_a_pipe_in_its_place_is_not_waited_for() {
    let home = home_without_previous();
    fs::remove_file(home.vault()).unwrap();
    home.fifo(home.vault());
    home.run("project list").fails(5, DAMAGED);
    home.run("project add beta").fails(5, DAMAGED);
    fs::remove_file(home.vault()).unwrap();
    fs::create_dir(home.vault()).unwrap();
    home.run("project list").fails(5, DAMAGED);
    home.run("status").fails(5, DAMAGED);
}

#[test]
fn a_link_to_the_vault_file_is_followed_and_stays_a_link() {
    let home = home_without_previous();
    let target = home.path("elsewhere/the-vault.json");
    fs::create_dir(home.path("elsewhere")).unwrap();
    fs::rename(home.vault(), &target).unwrap();
    // The access log is beside the vault file.
    fs::rename(home.vault().with_file_name("log"), target.with_file_name("log")).unwrap();
    std::os::unix::fs::symlink(&target, home.vault()).unwrap();
    home.run("project add beta").succeeds();
    assert!(fs::symlink_metadata(home.vault()).unwrap().is_symlink());
    assert!(home.run("project list").succeeds().text().contains("beta"));
    // One that leads nowhere is an error of its own, and nothing is made at its end.
    fs::remove_file(&target).unwrap();
    let outcome = home.run("project list");
    let (code, stderr) = (outcome.code(), outcome.stderr().to_owned());
    outcome.fails(code, &stderr);
    assert!([1, 4].contains(&code) && stderr.contains("vault.json"), "{code} {stderr}");
    assert!(!stderr.contains("(os error") && stderr.contains("\nhint: "), "{stderr}");
}

#[test]
fn with_a_good_previous_file_reading_goes_on_and_changing_does_not() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt").succeeds();
    home.run("project add beta").succeeds();
    home.write(home.vault(), "garbage");
    let damage = "the vault file does not parse: expected value at line 1 column 1";
    let warnings = format!(
        "\
warning: the vault file cannot be used ({damage}); reading the previous one, generation 3
warning: the vault file is older (generation 3) than the one this computer last recorded (generation 4, [..]Z); nothing is encrypted or changed until you put the newer file back, or, if two computers changed the vault separately, merge the two files (`strongroom vault merge`), or give --accept-rollback
"
    );
    let listed = "PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED\nacme             active        1     [..]Z\n";
    home.run("project list").warns(listed, &warnings).changed_nothing();
    assert_eq!(home.run("key show acme").bytes().len(), 45);
    home.run("decrypt a.txt.sealed -o b.txt -q").warns("", &warnings);
    for (words, doing) in [
        ("project add gamma", "add project \"gamma\""),
        ("key rotate acme", "rotate the key of \"acme\""),
        ("encrypt -p acme a.txt -o c", "encrypt for project \"acme\""),
    ] {
        home.run(words).fails(
            5,
            &format!(
                "\
{warnings}error: cannot {doing}
cause: the vault {{home}}/.local/share/strongroom/vault.json is damaged: {damage}
hint: restore the vault file from a backup, or continue from the previous vault file (generation 3) with --accept-rollback; the damaged file is kept under another name
"
            ),
        );
    }
    // What stands in clear is told too, with the warning.
    let clear = home.run_alone("status").succeeds().changed_nothing().text();
    assert!(clear.contains(&format!("the vault file cannot be used: {damage}; this is the previous one")), "{clear}");

    let accepted = home.run("project add gamma --accept-rollback");
    assert!(accepted.ends_well(), "{}", accepted.stderr());
    home.run("project list")
        .shows("PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED\nacme             active        1     [..]Z\ngamma            intake        1     [..]Z\n");
    assert_eq!(home.run("status --json").succeeds().json()["generation"], 6);
    // What was damaged is kept.
    assert_eq!(aside(&home, "damaged"), b"garbage");
}

#[test]
fn a_missing_vault_file_with_a_previous_one_is_no_first_use() {
    let home = Home::with_project();
    home.run("project add beta").succeeds();
    home.write("a.txt", "data");
    fs::remove_file(home.vault()).unwrap();
    let outcome = home.run("project list");
    assert!(
        outcome
            .stderr()
            .starts_with("warning: the vault file cannot be used (it is missing); reading the previous one")
    );
    assert!(outcome.text().contains("acme") && !outcome.text().contains("beta"));
    home.run("init --no-recovery --keychain file --json").fails_in_json(1, "vault-exists");
    let outcome = home.run("encrypt --init --no-recovery -p acme a.txt");
    let stderr = outcome.stderr().to_owned();
    outcome.fails(5, &stderr);
    assert!(home.run("project list --accept-rollback").ends_well());
    home.run("encrypt -p acme a.txt -q").does("");
}

/// Returns what was set aside for a reason.
fn aside(home: &Home, reason: &str) -> Vec<u8> {
    let files = fs::read_dir(home.vault().parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let start = format!("vault.json.{reason}-");
    let mut found = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&start));
    let path = found.next().expect("nothing was set aside");
    assert_eq!(found.next(), None);
    fs::read(path).unwrap()
}
