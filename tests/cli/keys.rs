//! `strongroom key`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::home::Home;

#[test]
fn the_key_is_all_that_stands_on_standard_output() {
    let home = Home::with_project();
    let raw = home.run("key show acme --format raw").succeeds().changed_nothing().bytes().to_vec();
    assert_eq!(raw.len(), 32);
    home.run("key show acme").shows(&format!("{}\n", STANDARD.encode(&raw)));
    home.run("key show acme --format base64").shows(&format!("{}\n", STANDARD.encode(&raw)));
    home.run("key show acme --format hex").shows(&format!("{}\n", hex::encode(&raw)));
    home.run("key show acme --version 1 --no-input --format hex").shows(&format!("{}\n", hex::encode(&raw)));
    let json = home.run("key show acme --json --format hex").succeeds().json();
    assert_eq!(json, serde_json::json!({"project": "acme", "version": 1, "key": hex::encode(&raw)}));
    home.run("key show acme --json --format raw").fails(
        2,
        "{\"code\":2,\"hint\":\"leave out --json, or use --format base64\",\"kind\":\"usage\",\"message\":\"raw bytes \
         cannot be written in JSON\"}\n",
    );
}

#[test]
fn every_project_and_version_has_a_key_of_its_own() {
    let home = Home::with_project();
    home.run("project add beta").succeeds();
    let first = home.run("key show acme").succeeds().text();
    assert_ne!(home.run("key show beta").succeeds().text(), first);
    home.run("key rotate acme")
        .does("version 2 of acme's key is current; files under earlier versions still open with theirs\n");
    let second = home.run("key show acme").succeeds().text();
    assert_ne!(first, second);
    home.run("key show acme --version 1").shows(&first);
    home.run("key show acme --version 2").shows(&second);
    for version in ["0", "3", "4294967295"] {
        home.run(&format!("key show acme --version {version}")).fails(
            4,
            &format!(
                "\
error: cannot show the key of \"acme\"
cause: project \"acme\" has no key version {version}
hint: see the versions with `strongroom key list acme`
"
            ),
        );
    }
    home.run("key show acme --version 3 --json").fails_in_json(4, "key-not-found");
    home.run("key show acme --version 4294967296 --json").fails_in_json(2, "usage");
}

#[test]
fn after_a_rotation_old_files_open_and_new_ones_use_the_new_key() {
    let home = Home::with_project();
    home.write("old.txt", "old");
    home.write("new.txt", "new");
    home.run("encrypt -p acme old.txt").succeeds();
    let json = home.run("key rotate acme --json").succeeds().json();
    assert_eq!(json, serde_json::json!({"project": "acme", "version": 2}));
    home.run("encrypt -p acme new.txt").does("new.txt -> new.txt.sealed (project acme, key version 2)\n");
    std::fs::create_dir(home.path("out")).unwrap();
    home.run("decrypt old.txt.sealed new.txt.sealed -o out").does(
        "\
old.txt.sealed -> out/old.txt (project acme, key version 1)
  encrypted as old.txt, last modified [..]Z
new.txt.sealed -> out/new.txt (project acme, key version 2)
  encrypted as new.txt, last modified [..]Z
",
    );
    assert_eq!((home.read("out/old.txt"), home.read("out/new.txt")), (b"old".to_vec(), b"new".to_vec()));
    home.run("key list acme").shows(
        "\
VERSION  STATE    MADE
1        earlier  [..]Z
2        current  [..]Z
",
    );
    let json = home.run("key list acme --json").succeeds().changed_nothing().json();
    assert_eq!(json["project"], "acme");
    let states: Vec<_> = json["keys"].as_array().unwrap().iter().map(|key| (&key["version"], &key["state"])).collect();
    assert_eq!(states, [(&1.into(), &"earlier".into()), (&2.into(), &"current".into())]);
    assert!(json["keys"][0]["created"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn imported_keys_are_given_back_as_they_came() {
    let home = Home::with_project();
    let key = |seed: u8| -> Vec<u8> { (0..32).map(|index| index * 5 + seed).collect() };
    for (version, (format, bytes)) in [
        ("raw", key(1)),
        ("hex", hex::encode(key(2)).into_bytes()),
        ("hex", format!("{}\n", hex::encode_upper(key(3))).into_bytes()),
        ("base64", STANDARD.encode(key(4)).into_bytes()),
        ("base64", format!("{}\r\n", STANDARD.encode(key(5))).into_bytes()),
    ]
    .into_iter()
    .enumerate()
    {
        let (version, seed) = (version + 2, version as u8 + 1);
        home.write("key", bytes);
        home.run(&format!("key import acme --from key --format {format}"))
            .does(&format!("imported as version {version} of acme's key, now current\n"));
        assert_eq!(home.run("key show acme --format raw").succeeds().bytes(), key(seed), "{format}");
    }
    home.write("key", key(9));
    let json = home.run("key import acme --from key --json").succeeds().json();
    assert_eq!(json, serde_json::json!({"project": "acme", "version": 7, "shared": []}));
}

#[test]
fn what_is_not_exactly_one_key_is_not_imported() {
    let home = Home::with_project();
    for (format, bytes) in [
        ("raw", vec![7; 31]),
        ("raw", vec![7; 33]),
        ("raw", vec![]),
        ("raw", vec![7; 1 << 20]),
        ("hex", vec![b'a'; 63]),
        ("hex", vec![b'a'; 65]),
        ("hex", vec![b'g'; 64]),
        ("hex", vec![b'+'; 64]),
        ("base64", b"AAAA".to_vec()),
        ("base64", STANDARD.encode([7; 31]).into_bytes()),
        ("base64", STANDARD.encode([7; 33]).into_bytes()),
        ("base64", STANDARD.encode([7; 32]).trim_end_matches('=').into()),
        ("base64", format!(" {}", STANDARD.encode([7; 32])).into_bytes()),
    ] {
        home.write("key", bytes);
        // Seen before a password is asked for.
        home.run_alone(&format!("key import acme --from key --format {format}")).fails(
            2,
            "\
error: cannot import key
cause: it does not hold exactly one key of 32 bytes in this format
hint: name a file with one key, as `strongroom key show` prints it
",
        );
    }
    home.run("key import acme --from key --json").fails_in_json(2, "bad-key");
    home.run("key import acme --from none").fails(
        4,
        "\
error: cannot read the key file none
cause: no such file or directory
",
    );
    home.write("key", [7; 32]);
    home.run("key import beta --from key --json").fails_in_json(4, "project-not-found");
}

#[test]
fn the_same_key_is_imported_once() {
    let home = Home::with_project();
    home.write("key", [7; 32]);
    home.run("key import acme --from key").succeeds();
    home.run("key import acme --from key").fails(
        1,
        "\
error: cannot import a key into \"acme\"
cause: project \"acme\" holds this key already, as version 2
hint: nothing needs to be done: the project already has this key
",
    );
    home.run("key rotate acme").succeeds();
    home.run("key import acme --from key --json").fails_in_json(1, "key-exists");
}

#[test]
fn an_imported_key_opens_what_another_vault_sealed_with_it() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt").succeeds();
    let key = home.run("key show acme --format raw").succeeds().bytes().to_vec();
    let other = Home::with_project();
    other.write("a.txt.sealed", home.read("a.txt.sealed"));
    other.write("key", key);
    other.run("decrypt a.txt.sealed --json").fails_in_json(4, "wrong-key");
    other.run("key import acme --from key").succeeds();
    other.run("decrypt a.txt.sealed --quiet").does("");
    assert_eq!(other.read("a.txt"), b"data");
}

#[test]
fn a_key_that_another_project_holds_is_imported_only_where_that_is_meant() {
    let home = Home::with_project();
    home.run("project add beta -q").does("");
    home.write("key", home.run("key show acme --format raw").succeeds().bytes());
    home.run("key rotate acme -q").does("");
    home.run("key import beta --from key").fails(
        1,
        "\
error: cannot import a key into \"beta\"
cause: project \"acme\" (key version 1) of this vault holds the same key
hint: files of one project then open through the other, even after it was destroyed: if that is meant, add --shared
",
    );
    home.run("key import beta --from key --json").fails_in_json(1, "key-shared");
    home.run("key import beta --from key --shared").does(
        "\
imported as version 2 of beta's key, now current
project \"acme\" (key version 1) holds the same key: files of one project open through the other
",
    );
    home.write("key", [7; 32]);
    let json = home.run("key import beta --from key --shared --json").succeeds().json();
    assert_eq!(json, serde_json::json!({"project": "beta", "version": 3, "shared": []}));
}
