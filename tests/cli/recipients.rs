//! Files that recipients can open: deliveries, which no project's key opens, and files of a project that has recipients.

use std::fs;

use serde_json::json;
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::MacKey;
use strongroom::format::label;
use strongroom::format::sealed::{Block, Stanza, stanza};

use crate::support::home::Home;

const BLOCK: usize = 4096;

fn recipient(byte: u8) -> Stanza {
    Stanza { kind: stanza::RECIPIENT, body: vec![byte; 232] }
}

/// Writes a sealed file of project `acme` again under another name, with other stanzas.
fn with_stanzas(home: &Home, from: &str, to: &str, change: impl FnOnce(&mut Vec<Stanza>)) {
    let key = home.run("key show acme --format hex").succeeds().text();
    let key: [u8; 32] = hex::decode(key.trim()).unwrap().try_into().unwrap();
    let bytes = home.read(from);
    let mut block = Block::parse(&bytes[..BLOCK]).unwrap();
    let context = [label::CONTENT_KEY, &block.prelude.to_bytes()];
    let content_key = cobblestone::open(&key, &context, block.project().unwrap()).unwrap();
    change(&mut block.stanzas);
    let mac_key = MacKey::derive(content_key[..].try_into().unwrap(), label::HEADER_MAC);
    let header = block.to_bytes(|message| mac_key.tag(message)).unwrap();
    home.write(to, [&header, &header, &bytes[2 * BLOCK..]].concat());
}

fn to_delivery(stanzas: &mut Vec<Stanza>) {
    stanzas[0] = recipient(1);
    stanzas.push(recipient(2));
}

/// A home with the folder `d`: a file, its sealed copy, and a delivery.
fn with_delivery() -> Home {
    let home = Home::with_project();
    home.write("d/a.csv", "id,name\n");
    home.run("encrypt -p acme d/a.csv").succeeds();
    with_stanzas(&home, "d/a.csv.sealed", "d/in.sealed", to_delivery);
    home
}

#[test]
fn every_command_says_that_no_key_opens_a_delivery_and_leaves_it_as_it_is() {
    let home = with_delivery();
    let before = home.read("d/in.sealed");
    let message = |doing: &str, whose: &str| {
        format!(
            "error: cannot {doing} d/in.sealed\ncause: no key of {whose} opens d/in.sealed: it was sealed for a \
             recipient's key, and not for a project\nhint: this version of strongroom opens no file without a project: \
             see if a newer one does, or ask the sender for it in another form\n"
        )
    };
    let this = "this vault";
    let acme = "project \"acme\"";
    home.run("decrypt d/in.sealed").fails(4, &message("decrypt", this));
    home.run("decrypt d/in.sealed -p acme").fails(4, &message("decrypt", acme));
    home.run("cat d/in.sealed").fails(4, &message("decrypt", this));
    home.run("inspect --unlock d/in.sealed").fails(4, &message("inspect", this));
    home.run("rewrap -p acme d/in.sealed").fails(4, &message("rewrap", acme));
    home.run("rewrap -p acme d/in.sealed --dry-run").fails(4, &message("rewrap", acme));
    home.run("reencrypt -p acme d/in.sealed").fails(4, &message("decrypt", acme));
    home.run("decrypt d/in.sealed --json").fails_in_json(4, "wrong-key");
    let streamed = home.typed("decrypt - --password-file pw").input(&before).run();
    let streamed = streamed.fails(4, &message("decrypt", this).replace("d/in.sealed", "standard input"));
    assert!(streamed.bytes().is_empty());
    let verified = home.run("verify d/in.sealed --json");
    assert_eq!((verified.code(), verified.json()), (4, json!([{"file": "d/in.sealed", "state": "wrong-key"}])));
    assert!(home.read("d/in.sealed") == before);
}

#[test]
fn a_delivery_in_a_folder_stops_nothing_else_there() {
    let home = with_delivery();
    home.run("key rotate acme").succeeds();
    let before = home.read("d/in.sealed");
    for (words, done) in [
        ("verify d", "WRONG-KEY"),
        ("rewrap -p acme d", "1 file rewrapped"),
        ("reencrypt -p acme d", "1 file encrypted anew"),
        ("decrypt d -o out", "1 file decrypted"),
    ] {
        let outcome = home.run(words);
        assert_eq!(outcome.code(), 4, "{words}: {}", outcome.stderr());
        let text = outcome.text();
        assert!(text.contains(done), "{words}: {text}{}", outcome.stderr());
        assert!(outcome.stderr().contains("sealed for a recipient's key"), "{words}: {}", outcome.stderr());
    }
    assert_eq!(home.read("out/a.csv"), b"id,name\n");
    assert!(home.read("d/in.sealed") == before && !home.path("out/in").exists());
}

#[test]
fn a_delivery_under_the_name_of_a_copy_is_not_replaced_by_an_update() {
    let home = with_delivery();
    fs::rename(home.path("d/in.sealed"), home.path("d/a.csv.sealed")).unwrap();
    home.run("encrypt -p acme d/a.csv --update").fails(
        1,
        "error: cannot write d/a.csv.sealed\ncause: the encrypted file that is there was sealed for a recipient's key, \
         and not for a project; it was left as it is\nhint: move it away, name another output with -o, or replace it \
         with --force\n",
    );
    // One among copies with hidden names is none of this project's.
    home.write("e/b.csv", "id,name\n");
    home.run("encrypt -p acme e --hide-names -o hidden").succeeds();
    let name = format!("{}.sealed", "5".repeat(32));
    fs::rename(home.path("d/a.csv.sealed"), home.path("hidden").join(name)).unwrap();
    home.run("encrypt -p acme e --hide-names -o hidden --update").succeeds();
}

#[test]
fn inspect_shows_a_delivery_as_one_without_a_key() {
    let home = with_delivery();
    let text = home.run_alone("inspect d/in.sealed").succeeds().changed_nothing().text();
    let row = text.lines().find(|line| line.starts_with("delivery")).unwrap();
    assert!(row.ends_with("sealed for 2 recipients: no project's key opens it"), "{row}");
    assert!(!home.run_alone("inspect d/a.csv.sealed").succeeds().text().contains("delivery"));
    let seen = home.run_alone("inspect d/in.sealed d/a.csv.sealed --json").succeeds().json();
    assert_eq!((&seen[0]["delivery"], &seen[1]["delivery"]), (&json!(true), &json!(false)));
    assert_eq!(seen[0]["stanzas"][0], json!({"type": 3, "name": "recipient", "length": 232}));
    let listed = home.run_alone("ls d").succeeds().text();
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["FILE", "LENGTH", "KIND"]);
    assert_eq!(lines[1..], [vec!["d/a.csv.sealed", "8"], vec!["d/in.sealed", "8", "delivery"]]);
}

#[test]
fn a_file_with_recipients_opens_for_its_project_and_rewrap_keeps_them() {
    let home = Home::with_project();
    home.write("a.csv", "id,name\n");
    home.run("encrypt -p acme a.csv").succeeds();
    with_stanzas(&home, "a.csv.sealed", "a.csv.sealed", |stanzas| stanzas.extend([recipient(1), recipient(2)]));
    home.run("key rotate acme").succeeds();
    let stanzas = || Block::parse(&home.read("a.csv.sealed")[..BLOCK]).unwrap().stanzas;
    let before = stanzas();
    home.run("rewrap -p acme a.csv.sealed").succeeds();
    assert!(stanzas()[1..] == before[1..] && stanzas()[0] != before[0]);
    home.run("decrypt a.csv.sealed -o b.csv").succeeds();
    assert_eq!(home.read("b.csv"), b"id,name\n");
    home.run("verify a.csv.sealed").succeeds();
}

#[test]
fn encrypting_a_file_again_says_how_many_recipients_lose_it() {
    let home = Home::with_project();
    for name in ["d/a", "d/b", "d/c"] {
        home.write(name, "data");
        home.run(&format!("encrypt -p acme {name}")).succeeds();
    }
    let share = |name: &str, count: u8| {
        with_stanzas(&home, name, name, |stanzas| stanzas.extend((0..count).map(recipient)));
    };
    share("d/a.sealed", 1);
    share("d/b.sealed", 2);
    home.run("key rotate acme").succeeds();
    home.run("reencrypt -p acme d").warns(
        "[..]\n",
        "warning: 2 files could also be opened with recipients' keys (3 recipients in all); now only the project's key \
         opens them, for example d/a.sealed\n",
    );
    // What is under the current key already is left alone, and its recipients with it.
    share("d/a.sealed", 1);
    home.run("reencrypt -p acme d").succeeds();
    let again = home.run("reencrypt -p acme d --before 2999-01-01 --json");
    let dropped: Vec<_> =
        again.json().as_array().unwrap().iter().map(|file| file["recipients_dropped"].clone()).collect();
    assert_eq!(dropped, [1, 0, 0]);
    let warning: serde_json::Value = serde_json::from_str(again.stderr()).unwrap();
    assert_eq!((&warning["warning"], again.code()), (&json!("recipients-dropped"), 0));

    share("d/c.sealed", 1);
    home.run("encrypt -p acme d/c --update").succeeds();
    home.write("d/c", "other data");
    home.run("encrypt -p acme d/c --update").warns(
        "d/c -> d/c.sealed (project acme, key version 2)\n",
        "warning: 1 file could also be opened with recipients' keys (1 recipient in all); now only the project's key \
         opens it, for example d/c.sealed\n",
    );
}
