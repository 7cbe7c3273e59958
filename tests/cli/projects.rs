//! `strongroom project`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::home::Home;

#[test]
fn projects_are_added_listed_and_shown() {
    let home = Home::with_vault();
    let _ =
        home.typed("project add acme-2026 --client").arg("ACME Ltd").args(["--note", "until May"]).args(PW).run().does(
            "\
added project acme-2026
next: strongroom encrypt --project acme-2026 FILE
",
        );
    home.typed("project add").arg("b & c's").args(PW).run().does(
        "\
added project b & c's
next: strongroom encrypt --project 'b & c'\\''s' FILE
",
    );
    home.run("project list").shows(
        "\
PROJECT    CLIENT    STATE   NEXT  KEYS  ADDED
acme-2026  ACME Ltd  intake        1     [..]Z
b & c's              intake        1     [..]Z
",
    );
    home.run("project show acme-2026").shows(
        "\
project  acme-2026
id       [..]-[..]-[..]-[..]-[..]
added    [..]Z
state    intake
client   ACME Ltd
note     until May
key      version 1, current, made [..]Z
",
    );
}

const PW: [&str; 2] = ["--password-file", "pw"];

#[test]
fn in_json_every_member_has_its_name() {
    let home = Home::with_vault();
    home.run("project list --json").shows("[]\n");
    let added = home.run("project add acme --client ACME --note soon --json").succeeds().json();
    let members: Vec<_> = added.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        ["client", "created", "destroyed", "engagement", "hold", "id", "keys", "next", "note", "project", "state"]
    );
    assert_eq!((&added["project"], &added["client"], &added["note"]), (&"acme".into(), &"ACME".into(), &"soon".into()));
    assert_eq!((&added["keys"][0]["version"], &added["keys"][0]["state"]), (&1.into(), &"current".into()));
    let shown = home.run("project show acme --json").succeeds().changed_nothing().json();
    assert_eq!(shown, added);
    let listed = home.run("project list --json").succeeds().changed_nothing().json();
    assert_eq!(listed, serde_json::json!([added]));
    let renamed = home.run("project rename acme beta --json").succeeds().json();
    assert_eq!((&renamed["project"], &renamed["id"]), (&"beta".into(), &added["id"]));
}

#[test]
fn a_name_is_taken_once() {
    let home = Home::with_project();
    home.run("project add acme").fails(
        1,
        "\
error: cannot add project \"acme\"
cause: there is a project \"acme\" already
hint: choose another name, or see what there is with `strongroom project list`
",
    );
    home.run("project add beta").succeeds();
    home.run("project rename beta acme").fails(
        1,
        "\
error: cannot rename project \"beta\"
cause: there is a project \"acme\" already
hint: choose another name, or see what there is with `strongroom project list`
",
    );
    // The same letters in another Unicode form look the same, so they are the same.
    home.run("project add caf\u{e9} -q").does("");
    home.run("project add cafe\u{301} --json").fails_in_json(1, "project-exists");
    assert!(home.run("project show cafe\u{301}").succeeds().text().contains("caf\u{e9}"));
}

#[test]
fn a_project_that_has_its_new_name_already_is_left_alone() {
    let home = Home::with_project();
    home.run("project rename acme acme").shows("project acme has this name already; nothing was changed\n");
}

#[test]
fn an_unknown_project_is_not_found() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    for (words, doing) in [
        ("project show beta", "show the project"),
        ("project rename beta gamma", "rename project \"beta\""),
        ("key show beta", "show the key of \"beta\""),
        ("key list beta", "list the keys"),
        ("key rotate beta", "rotate the key of \"beta\""),
    ] {
        home.run(words).fails(
            4,
            &format!(
                "\
error: cannot {doing}
cause: there is no project \"beta\" in this vault
hint: see the names with `strongroom project list`
"
            ),
        );
        home.run(&format!("{words} --json")).fails_in_json(4, "project-not-found");
    }
}

#[test]
fn names_that_cannot_be_seen_or_typed_are_refused_before_a_password_is_asked_for() {
    let home = Home::with_project();
    let huge = "x".repeat(100_000);
    for (name, why) in [
        ("", "it is empty"),
        ("   ", "it is empty"),
        (" acme", "it begins or ends with white space"),
        ("-acme", "it begins with a hyphen"),
        ("a\nb", "it holds a control character or one that is not shown"),
        ("a\u{1b}[31mb", "it holds a control character or one that is not shown"),
        ("a\u{202e}b", "it holds a control character or one that is not shown"),
        (&"x".repeat(129), "it is longer than 128 characters"),
        (&huge, "it is longer than 128 characters"),
    ] {
        // Without a password source, so that a question would show as another error.
        let refusal = |doing: &str| {
            format!(
                "\
error: cannot {doing}
cause: the project's name is refused: {why}
hint: use 1 to 128 visible characters, without white space at the ends or a hyphen first
"
            )
        };
        home.typed("project add --").arg(name).run().fails(2, &refusal("add the project"));
        home.typed("encrypt pw").arg(format!("--project={name}")).run().fails(2, &refusal("encrypt"));
    }
}

#[test]
fn a_bad_new_name_is_refused_before_a_password_is_asked_for_too() {
    let home = Home::with_project();
    for name in ["", " beta", "a\nb"] {
        let command = home.typed("project rename acme --json").arg(name).args(PW);
        command.run().fails_in_json(2, "bad-name");
        home.typed("project rename acme --json").arg(name).run().fails_in_json(2, "bad-name");
    }
}

#[test]
fn names_that_are_not_text_are_refused() {
    let home = Home::with_project();
    let name = OsStr::from_bytes(b"a\xffb");
    for words in ["project add", "project show", "key show", "encrypt pw -p"] {
        let outcome = home.typed(words).arg(name).run();
        let usage = outcome.stderr().to_owned();
        assert!(usage.starts_with("error: invalid UTF-8 was detected in one or more arguments\n"), "{usage}");
        outcome.fails(2, &usage);
    }
}

#[test]
fn clients_and_notes_have_a_limit_too() {
    let home = Home::with_vault();
    for flag in ["--client", "--note"] {
        for text in ["a\nb".to_owned(), "x".repeat(4097)] {
            let command = home.typed("project add acme --json").args([flag, &text]);
            let (message, _) = command.run().fails_in_json(2, "bad-name");
            assert!(message.contains(&flag[2..]), "{message}");
        }
    }
}

#[test]
fn a_renamed_projects_files_still_open() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt").succeeds();
    home.run("project rename acme beta").does("renamed acme to beta\n");
    home.run("project list").shows(
        "\
PROJECT  CLIENT  STATE   NEXT  KEYS  ADDED
beta             active        1     [..]Z
",
    );
    home.run("decrypt a.txt.sealed -o b.txt").does(
        "\
a.txt.sealed -> b.txt (project beta, key version 1)
  encrypted as a.txt, last modified [..]Z
",
    );
    assert_eq!(home.read("b.txt"), b"data");
    home.run("project show acme --json").fails_in_json(4, "project-not-found");
}

#[test]
fn a_list_may_be_of_some_names_or_clients() {
    let home = Home::with_project();
    for words in ["beta --client Globex", "gamma-2025 --client Acme", "gamma-2026"] {
        home.run(&format!("project add {words} -q")).does("");
    }
    let names = |pattern: &str| -> Vec<String> {
        let found = home.typed("project list --json --password-file pw").arg(pattern).run().succeeds().json();
        found.as_array().unwrap().iter().map(|found| found["project"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("ACME"), ["acme", "gamma-2025"]);
    assert_eq!(names("gamma-202?"), ["gamma-2025", "gamma-2026"]);
    assert_eq!(names("glob*"), ["beta"]);
    assert_eq!(names("delta"), [""; 0]);
    home.run("project list delta").shows("no project or client fits \"delta\"\n");
}
