//! Where the master password comes from, and what comes of a wrong one.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::home::{FLOOR, Home, PASSWORD};

const NO_PROJECTS: &str = "no projects yet: add one with `strongroom project add NAME`\n";

#[test]
fn every_source_opens_the_vault() {
    let home = Home::with_vault();
    home.run_alone("project list --password-file pw").shows(NO_PROJECTS);
    home.shell("strongroom project list --password-fd 3 3< pw").shows(NO_PROJECTS);
    home.shell("cat pw | strongroom project list --password-fd 0").shows(NO_PROJECTS);
    home.shell("strongroom project list --password-fd 0 < pw").shows(NO_PROJECTS);
    home.typed("project list --password-command").arg("cat pw").run().shows(NO_PROJECTS);
    // A pipe may deliver a password in pieces.
    let pieces = "(head -c 5 pw; sleep 0.1; tail -c +6 pw) | strongroom project list --password-fd 0";
    home.shell(pieces).shows(NO_PROJECTS);
}

#[test]
fn the_password_command_cannot_take_the_standard_input() {
    let home = Home::with_vault();
    let command = home.typed("project list --password-command").arg("cat; cat pw").input(b"not the password\n");
    command.run().shows(NO_PROJECTS);
}

#[test]
fn without_a_source_and_without_a_terminal_it_says_what_to_give() {
    let home = Home::with_vault();
    let or_unlock = ", or unlock the vault first: `strongroom unlock`";
    for (words, more) in [("project list", or_unlock), ("project list --no-input", or_unlock), ("status --unlock", "")]
    {
        home.run_alone(words).fails(
            2,
            &format!(
                "error: the master password is needed, and there is no terminal to ask for it\n\
                 hint: give --password-file, --password-fd or --password-command{more}\n"
            ),
        );
    }
    home.run_alone("project list --json").fails_in_json(2, "password-needed");
}

#[test]
fn two_sources_exclude_each_other() {
    let home = Home::with_vault();
    for (one, other) in [("file pw", "fd 3"), ("file pw", "command true"), ("fd 3", "command true")] {
        let words = format!("project list --password-{one} --password-{other} --json");
        let (message, _) = home.run_alone(&words).fails_in_json(2, "usage");
        assert!(message.contains("cannot be used with"), "{message}");
    }
}

#[test]
fn one_line_ending_is_not_of_the_password() {
    let home = Home::with_vault();
    for ending in ["", "\n", "\r\n"] {
        home.write("pw", format!("{PASSWORD}{ending}"));
        home.run("project list").shows(NO_PROJECTS);
    }
    // One that is its own opens without a word, whatever an editor would make of it.
    let home = Home::empty();
    home.write("pw", format!("\u{feff}{PASSWORD}\n"));
    home.run(&format!("init --no-recovery --keychain file {FLOOR}")).fails(
        2,
        "\
error: cannot use this as a new password
cause: its character 1 is a byte-order mark (U+FEFF), which nobody sees when the password is typed
hint: remove that character; put the password alone on one line
",
    );
}

/// What is around a password in its source, and how that is said.
const UNUSUAL: [(&str, &str, &str); 5] = [
    ("\u{feff}", "\r\n", "begins with a byte-order mark"),
    ("", "  \n", "ends in spaces"),
    ("", "\t", "ends in white space"),
    ("", "\n\n", "ends with more than one line end"),
    ("\u{feff}", " ", "begins with a byte-order mark and ends in spaces"),
];

#[test]
fn a_password_opens_though_an_editor_put_something_around_it_and_that_is_said() {
    let home = Home::with_vault();
    for (before, after, said) in UNUSUAL {
        home.write("pw", format!("{before}{PASSWORD}{after}"));
        let warning = |source: &str| format!("warning: {source} {said}; the password without that opened the vault\n");
        home.run("project list").warns(NO_PROJECTS, &warning("the password file pw"));
        home.shell("strongroom project list --password-fd 3 3< pw")
            .warns(NO_PROJECTS, &warning("what came through file descriptor 3"));
        let command = home.typed("project list --password-command").arg("cat pw").run();
        command.warns(NO_PROJECTS, &warning("what the password command printed"));
    }
    let json = home.run("project list --json").stderr().to_owned();
    assert!(json.contains("\"warning\":\"password-trimmed\""), "{json}");
}

#[test]
fn of_a_wrong_password_from_a_source_it_is_said_what_is_unusual_about_it() {
    let home = Home::with_vault();
    for (text, said) in [
        (format!("{PASSWORD}\nuser: anna\n"), "has 2 lines"),
        (format!(" {PASSWORD} \n"), "ends in spaces"),
        ("tundra\u{200b}-velvet".to_owned(), "has an invisible character: character 7 is a zero-width space (U+200B)"),
        ("\u{feff}tundra-velvet".to_owned(), "begins with a byte-order mark"),
    ] {
        home.write("pw", text);
        home.run("project list").fails(
            3,
            &format!(
                "\
error: cannot unlock the vault
cause: wrong password; the password file pw {said}
hint: give the password alone, on one line; or, with a recovery kit: `strongroom recover`
"
            ),
        );
    }
}

#[test]
fn a_new_password_that_cannot_be_typed_as_it_is_seen_is_refused() {
    let home = Home::with_vault();
    home.write("start", format!("{PASSWORD}\n"));
    let words = "passwd --password-file start --new-password-file pw";
    for (place, c, name) in [
        (1, '\u{feff}', "a byte-order mark (U+FEFF)"),
        (7, '\u{200b}', "a zero-width space (U+200B)"),
        (2, '\u{200d}', "a zero-width joiner (U+200D)"),
        (3, '\u{ad}', "a soft hyphen (U+00AD)"),
        (4, '\u{202e}', "a mark of the writing direction (U+202E)"),
        (5, '\u{2067}', "a mark of the writing direction (U+2067)"),
        (39, '\n', "a line break (U+000A)"),
    ] {
        let mut text: Vec<char> = "gravel-tunic-ember-canyon-plaza-hinges".chars().collect();
        text.insert(place - 1, c);
        home.write("pw", text.iter().collect::<String>() + "\n");
        home.run_alone(words).fails(
            2,
            &format!(
                "\
error: cannot use this as a new password
cause: its character {place} is {name}, which nobody sees when the password is typed
hint: remove that character; put the password alone on one line
"
            ),
        );
    }
    home.write("pw", "gravel-tunic-ember-canyon-plaza-hinges \n");
    let (message, _) = home.run_alone(&format!("{words} --json")).fails_in_json(2, "bad-password");
    assert!(message.ends_with(": it begins or ends with white space, which nobody sees"), "{message}");
}

#[test]
fn a_descriptor_is_read_from_where_it_is_and_may_be_a_socket() {
    let home = Home::with_vault();
    home.write("two", format!("not this\n{PASSWORD}\n"));
    home.shell("{ read line; strongroom project list --password-fd 3 3<&0; } < two").shows(NO_PROJECTS);
    // What is behind it is not read twice.
    home.shell("exec 3< pw; strongroom project list --password-fd 3; cat <&3").shows(NO_PROJECTS);
    let script = "\
import os, socket
ours, theirs = socket.socketpair()
ours.sendall(open('pw', 'rb').read())
ours.close()
os.dup2(theirs.fileno(), 9)
os.execvp('strongroom', ['strongroom', 'project', 'list', '--password-fd', '9'])
";
    home.write("give.py", script);
    home.shell("python3 -B give.py").shows(NO_PROJECTS);
}

const WRONG: &str = "\
error: cannot unlock the vault
cause: wrong password
hint: the password in pw does not open this vault: check it; or, with a recovery kit: `strongroom recover`
";

#[test]
fn a_wrong_password_opens_nothing_and_changes_nothing() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt").succeeds();
    home.write("pw", "not the password\n");
    for words in [
        "project list",
        "project add beta",
        "project show acme",
        "project rename acme beta",
        "key show acme",
        "key list acme",
        "key rotate acme",
        "encrypt -p acme a.txt -o b.sealed",
        "decrypt a.txt.sealed -o b.txt",
        "status",
    ] {
        home.run(words).fails(3, WRONG);
    }
    let (message, _) = home.run("project list --json").fails_in_json(3, "wrong-password");
    assert_eq!(message, "cannot unlock the vault: wrong password");
}

#[test]
fn the_same_password_in_another_unicode_form_opens() {
    let home = Home::empty();
    // Composed where it was made, decomposed where it is typed next: macOS does that.
    home.write("pw", "caf\u{e9} tundra velvet onion cobalt\n");
    home.run(&format!("init --no-recovery --keychain file {FLOOR}")).succeeds();
    home.write("pw", "cafe\u{301} tundra velvet onion cobalt\n");
    home.run("project list").shows(NO_PROJECTS);
}

#[test]
fn what_cannot_be_a_password_is_refused_as_that() {
    let home = Home::with_vault();
    for (bytes, why) in [
        (&b""[..], "the password is empty"),
        (b"\n", "the password is empty"),
        (b"\xff\xfe\xfd of some length\n", "the password is not valid UTF-8"),
        (&[b'a'; 1025], "the password is longer than 1024 bytes"),
        (&[b'a'; 1 << 20], "the password is longer than 1024 bytes"),
    ] {
        home.write("pw", bytes);
        home.run("project list").fails(
            2,
            &format!(
                "\
error: cannot use the password
cause: {why}
hint: give the password on one line of UTF-8 text
"
            ),
        );
        home.run("project list --json").fails_in_json(2, "bad-password");
    }
}

#[test]
fn a_password_of_two_lines_never_becomes_a_vaults() {
    // Nobody could type it at a terminal.
    let home = Home::empty();
    home.write("pw", format!("{PASSWORD}\nanother line\n"));
    home.run(&format!("init --no-recovery --keychain file --json {FLOOR}")).fails_in_json(2, "bad-password");
}

#[test]
fn a_source_that_cannot_be_read_is_named() {
    let home = Home::with_vault();
    home.run_alone("project list --password-file none").fails(
        4,
        "\
error: cannot read the password file none
cause: no such file or directory
",
    );
    home.run_alone("project list --password-file .").fails(
        1,
        "\
error: cannot read the password file .
cause: is a directory
",
    );
    // 3 is the first that the program itself opens.
    for number in [3, 33] {
        home.run_alone(&format!("project list --password-fd {number}")).fails(
            4,
            &format!(
                "\
error: cannot read the password from file descriptor {number}
cause: it is not open
hint: open it for reading, as in: strongroom ... --password-fd 3 3< FILE
",
            ),
        );
    }
    home.typed("project list --password-command").arg("cat pw; exit 3").run().fails(
        1,
        "\
error: cannot get the password
cause: the password command failed: exit status: 3
hint: run the command by itself to see why
",
    );
    // The command's own complaint is the user's best hint.
    home.typed("project list --password-command").arg("echo no luck >&2; false").run().fails(
        1,
        "\
no luck
error: cannot get the password
cause: the password command failed: exit status: 1
hint: run the command by itself to see why
",
    );
}

#[test]
fn a_password_file_that_others_can_read_is_a_warning_and_no_more() {
    let home = Home::with_vault();
    fs::set_permissions(home.path("pw"), fs::Permissions::from_mode(0o644)).unwrap();
    let warning = "warning: others can read the password file pw; make it yours alone: chmod 600 pw\n";
    home.run("project list").warns(NO_PROJECTS, warning).changed_nothing();
    // --quiet is for remarks; a warning is none.
    home.run("project list --quiet").warns(NO_PROJECTS, warning);
    home.run("project list --json").warns(
        "[]\n",
        "{\"message\":\"others can read the password file pw; make it yours alone: chmod 600 pw\",\
         \"warning\":\"password-file-permissions\"}\n",
    );
}

#[test]
fn the_vault_is_looked_for_before_the_password() {
    // Nobody should type a password for a vault that is not there.
    let home = Home::empty();
    let command = home.typed("project list --password-command").arg("touch asked; cat pw");
    command.run().fails(
        4,
        "\
error: cannot open the vault
cause: there is no vault at {home}/.local/share/strongroom/vault.json
hint: if the vault is elsewhere, name its folder with --vault; make a new vault with `strongroom init`; for a vault from another computer, with a recovery kit: `strongroom recover --from BACKUP`
",
    );
}
