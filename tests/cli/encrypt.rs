//! `strongroom encrypt` in an existing vault.

use std::fs;

use crate::support::home::Home;

#[test]
fn the_sealed_file_stands_beside_the_original_and_is_private() {
    let home = Home::with_project();
    let plain = home.write("clients.csv", "name\nAda\n");
    fs::set_permissions(&plain, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    home.run("encrypt --project acme clients.csv")
        .does("clients.csv -> clients.csv.sealed (project acme, key version 1)\n");
    assert_eq!(home.mode("clients.csv.sealed"), 0o600);
    assert_eq!(home.read("clients.csv"), b"name\nAda\n");
    // Two blocks of 4096, salt and commitment, one chunk with its tag.
    assert_eq!(home.read("clients.csv.sealed").len(), 8192 + 56 + 16 + 9);
    let sealed = home.read("clients.csv.sealed");
    for clear in ["Ada", "clients", "acme"] {
        assert!(!sealed.windows(clear.len()).any(|part| part == clear.as_bytes()), "{clear} stands in clear");
    }
}

#[test]
fn in_json_each_file_is_an_object_of_one_array() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.write("b.txt", "");
    let json = home.run("encrypt -p acme a.txt b.txt --json").succeeds().json();
    let expected = |name: &str, bytes: u64| {
        let output = format!("{name}.sealed");
        serde_json::json!({"input": name, "output": output, "bytes": bytes, "project": "acme", "key_version": 1})
    };
    assert_eq!(json, serde_json::json!([expected("a.txt", 4), expected("b.txt", 0)]));
}

#[test]
fn output_goes_where_it_is_asked_to() {
    let home = Home::with_project();
    home.write("in/a.txt", "a");
    home.write("in/b.txt", "b");
    fs::create_dir(home.path("out")).unwrap();
    home.run("encrypt -p acme in/a.txt").does("in/a.txt -> in/a.txt.sealed (project acme, key version 1)\n");
    home.run("encrypt -p acme in/a.txt -o one").does("in/a.txt -> one (project acme, key version 1)\n");
    home
        .run("encrypt -p acme in/a.txt in/b.txt -o out")
        .does("in/a.txt -> out/a.txt.sealed (project acme, key version 1)\nin/b.txt -> out/b.txt.sealed (project acme, key version 1)\n");
    home.run("encrypt -p acme in/b.txt --output out/").fails(1, &exists("out/b.txt.sealed"));
    home.run("encrypt -p acme in/a.txt in/b.txt -o none").fails(
        2,
        "\
error: none is not a folder
hint: for several files, -o names a folder that exists
",
    );
    home.write("other/a.txt", "another a");
    home.run("encrypt -p acme in/a.txt other/a.txt -o out --force").fails(
        2,
        "\
error: two files would become out/a.txt.sealed
hint: name each file once, or run it for each separately
",
    );
}

fn exists(name: &str) -> String {
    format!(
        "\
error: cannot write {name}
cause: a file is there already, and was left as it is
hint: choose another name with -o, or replace it with --force
"
    )
}

#[test]
fn nothing_is_replaced_without_force() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.write("a.txt.sealed", "somebody's file");
    home.run("encrypt -p acme a.txt").fails(1, &exists("a.txt.sealed"));
    home.run("encrypt -p acme a.txt --json").fails_in_json(1, "output-exists");
    // Not even a link that leads nowhere.
    std::os::unix::fs::symlink("nowhere", home.path("link")).unwrap();
    home.run("encrypt -p acme a.txt -o link").fails(1, &exists("link"));
    assert_eq!(home.run("encrypt -p acme a.txt --force -o link").code(), 1);
    assert!(fs::symlink_metadata(home.path("link")).unwrap().is_symlink() && !home.path("nowhere").exists());
    home.run("encrypt -p acme a.txt --force").succeeds();
    assert_eq!(home.mode("a.txt.sealed"), 0o600);
    // A folder is never replaced.
    fs::create_dir(home.path("b.txt.sealed")).unwrap();
    home.write("b.txt", "data");
    home.run("encrypt -p acme b.txt --force").fails(
        1,
        "\
error: cannot write b.txt.sealed
cause: a folder is there
hint: choose another name with -o
",
    );
}

#[test]
fn a_file_that_comes_to_stand_there_meanwhile_is_left_alone() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    // Both names are free when the command looks; the password comes later.
    let command = home.typed("encrypt -p acme a.txt --password-command").arg("echo mine > a.txt.sealed; cat pw");
    command.run().ends(1, "", &exists("a.txt.sealed"));
    assert_eq!(home.read("a.txt.sealed"), b"mine\n");
}

#[test]
fn the_same_file_twice_is_refused_before_anything_is_written() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt a.txt --json").fails_in_json(2, "usage");
}

#[test]
fn every_file_gets_other_bytes_each_time() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.write("b.txt", "data");
    home.run("encrypt -p acme a.txt b.txt").succeeds();
    let (a, b) = (home.read("a.txt.sealed"), home.read("b.txt.sealed"));
    assert_ne!(a[16..32], b[16..32], "file ids");
    assert_ne!(a[8192..], b[8192..], "bodies");
    assert_eq!(a[..4096], a[4096..8192], "both header blocks are the same");
}

#[test]
fn an_unknown_project_is_not_made_unasked() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p beta a.txt").fails(
        4,
        "\
error: cannot encrypt for project \"beta\"
cause: there is no project \"beta\" in this vault
hint: add it with `strongroom project add beta`, or give --init
",
    );
    home.run("encrypt -p beta a.txt --init")
        .warns("a.txt -> a.txt.sealed (project beta, key version 1)\n", "made project \"beta\"\n");
}

#[test]
fn names_that_begin_with_a_hyphen_or_hold_blanks_are_names() {
    let home = Home::with_project();
    home.write("-a.txt", "data");
    home.write("two words.txt", "data");
    home.run_alone("encrypt -p acme --password-file pw -- -a.txt")
        .does("-a.txt -> -a.txt.sealed (project acme, key version 1)\n");
    home.typed("encrypt -p acme --password-file pw")
        .arg("two words.txt")
        .run()
        .does("two words.txt -> two words.txt.sealed (project acme, key version 1)\n");
}

#[test]
fn files_of_every_telling_size_come_back_as_they_were() {
    let home = Home::with_project();
    fs::create_dir(home.path("out")).unwrap();
    // Around the chunk of 16384 bytes, and around the 256 KiB that are read at once.
    let sizes = [0, 1, 16383, 16384, 16385, 32768, 262_143, 262_144, 262_145, 1_000_000, 50 << 20];
    let names: Vec<String> = sizes.iter().map(|size| format!("of-{size}")).collect();
    for (name, size) in names.iter().zip(sizes) {
        home.write(name, bytes(size));
    }
    home.run(&format!("encrypt -p acme {}", names.join(" "))).succeeds();
    home.run(&format!("decrypt {}.sealed -o out", names.join(".sealed "))).succeeds();
    for (name, size) in names.iter().zip(sizes) {
        assert!(home.read(format!("out/{name}")) == bytes(size), "{name}");
        assert_eq!(home.mode(format!("out/{name}")), 0o600);
        let chunks = size / 16384 + 1;
        assert_eq!(home.read(format!("{name}.sealed")).len(), 8192 + 56 + size + 16 * chunks, "{name}");
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}
