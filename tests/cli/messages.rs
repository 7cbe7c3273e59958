//! What is said when something is not as it should be: that it is true, and that its hint leads on.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::hints::{assert_known, commands_in};
use crate::support::home::Home;

const NEVER_SEALED: &str = "hint: name a file that strongroom encrypted; if this was such a file, its beginning was \
                            overwritten: restore it from a backup\n";

#[test]
fn a_file_that_never_was_sealed_is_called_that() {
    let home = Home::with_project();
    home.write("plain.csv", "id,amount\n1,100\n");
    for (words, doing) in [
        ("verify plain.csv -q", "verify"),
        ("decrypt plain.csv -o out", "decrypt"),
        ("cat plain.csv", "decrypt"),
        ("inspect plain.csv", "inspect"),
    ] {
        let outcome = home.run(words);
        let text = format!("error: cannot {doing} plain.csv\ncause: plain.csv is not a sealed file\n{NEVER_SEALED}");
        outcome.fails(4, &text);
    }
    home.run("verify plain.csv --json").ends(4, "[..]\"state\":\"not-sealed\"[..]\n", "[..]\n");
    // What was sealed once and lost its beginning may be whole otherwise.
    home.run("encrypt -p acme plain.csv -q").does("");
    let mut sealed = home.read("plain.csv.sealed");
    sealed[..8].fill(0);
    sealed[4096 + 40] ^= 1;
    home.write("plain.csv.sealed", sealed);
    assert_eq!(home.run("cat plain.csv.sealed").code(), 5);
}

#[test]
fn a_folder_that_cannot_be_read_is_no_file_that_was_not_encrypted() {
    let home = Home::with_project();
    home.write("p/a", "a");
    home.write("p/b", "b");
    fs::create_dir(home.path("p/closed")).unwrap();
    for closed in ["p/b", "p/closed"] {
        fs::set_permissions(home.path(closed), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let run = || home.typed("encrypt -p acme p --password-file pw").by_stranger().run();
    let last = "error: 1 of 2 files was not encrypted, and 1 folder could not be read: how many files it holds is \
                unknown\nhint: the others are done; the reasons are above\n";
    let outcome = run();
    assert!(outcome.code() == 1 && outcome.stderr().ends_with(last), "{}", outcome.stderr());
    fs::set_permissions(home.path("p/b"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_dir_all(home.path("p.sealed")).unwrap();
    let last = "error: 1 folder could not be read: how many files it holds is unknown\nhint: the others are done; the \
                reasons are above\n";
    let outcome = run();
    assert!(outcome.code() == 1 && outcome.stderr().ends_with(last), "{}", outcome.stderr());
}

#[test]
fn what_does_not_fit_is_answered_with_what_would() {
    let home = Home::with_project();
    home.run("project add beta -q").does("");
    home.write("folder/a", "a");
    home.write("file", "not a key");
    home.run("encrypt -p acme folder/a -q").does("");
    for (code, words, hint) in [
        (
            4,
            "reencrypt -p beta folder/a.sealed",
            "see which project it belongs to: `strongroom inspect --unlock folder/a.sealed`",
        ),
        (2, "vault fork .local/state", "name another place with --fork-keychain file:PATH"),
        (1, "cat folder", "name a file in it"),
        (1, "vault merge folder", "name a file in it"),
        (2, "encrypt -p acme folder -o file", "for a folder, -o names a folder, which is made if it does not exist"),
        (
            2,
            "encrypt -p acme folder file -o file",
            "for several paths, -o names a folder, which is made if it does not exist",
        ),
        (2, "key import acme --from file --format hex", "name a file with one key, as `strongroom key show` prints it"),
        (4, "encrypt -p acmee file", "did you mean \"acme\"? see the names with `strongroom project list`"),
        (4, "key list acme-2026", "did you mean \"acme\"? see the names with `strongroom project list`"),
        (4, "key list Acme", "did you mean \"acme\"? see the names with `strongroom project list`"),
        (
            1,
            "encrypt --init -p AcMe file",
            "name that project with -p; or, if you want both: `strongroom project add AcMe`",
        ),
    ] {
        let outcome = home.run(words);
        let hints: Vec<&str> = outcome.stderr().lines().filter_map(|line| line.strip_prefix("hint: ")).collect();
        assert_eq!((outcome.code(), &hints[..]), (code, &[hint][..]), "{words}: {}", outcome.stderr());
        outcome.changed_nothing();
    }
    home.shell("strongroom key show acme --format hex --password-file pw > key").succeeds();
    let outcome = home.run("key import beta --from key --format base64");
    assert!(outcome.stderr().ends_with("hint: it can be read with --format hex\n"), "{}", outcome.stderr());
    let outcome = home.run_alone("reencrypt -p acme folder/a.sealed --before yesterday");
    assert!(outcome.stderr().contains("as 2026-11-21T08:30:00Z, or a date, as 2026-11-21"), "{}", outcome.stderr());
    assert_eq!(outcome.code(), 2);
    home.run("reencrypt -p acme folder/a.sealed --before 2026-01-01 -q").does("");
}

#[test]
fn clients_and_notes_have_a_rule_of_their_own() {
    let home = Home::with_vault();
    let persian = "\u{634}\u{631}\u{6a9}\u{62a}\u{200c}\u{647}\u{627}";
    home.typed("project add p -q --password-file pw --client").arg(persian).run().does("");
    assert_eq!(home.run("project show p --json").json()["client"], persian);
    assert!(home.run("project show p").text().contains(persian));
    let long = "x".repeat(4097);
    for (flag, text, cause) in [
        ("--client", long.as_str(), "the client's name is refused: it is longer than 4096 characters"),
        ("--note", "two\nlines", "the note is refused: it holds a control character or one that is not shown"),
    ] {
        home.typed("project add q --password-file pw").arg(flag).arg(text).run().fails(
            2,
            &format!(
                "error: cannot add the project \"q\"\ncause: {cause}\nhint: use one line of at most 4096 characters, \
                 without characters that are not shown\n"
            )
            .replace("the project \"q\"", "[..]"),
        );
    }
}

#[test]
fn a_project_that_is_made_on_the_way_is_named() {
    let home = Home::with_project();
    home.write("a", "a");
    home.run("encrypt --init -p beta a").ends(
        0,
        "a -> a.sealed (project beta, key version 1)[..]\n",
        "made project \"beta\"\n",
    );
}

#[test]
fn a_name_that_is_too_long_once_it_is_sealed_has_three_ways_out() {
    let home = Home::with_project();
    let name = "b".repeat(249);
    home.write(format!("in/{name}"), "long");
    let outcome = home.run("encrypt -p acme in");
    let hint = "hint: encrypt its folder with --hide-names or with --archive\n";
    assert!(outcome.code() == 1 && outcome.stderr().contains(hint), "{}", outcome.stderr());
    let outcome = home.run(&format!("encrypt -p acme in/{name}"));
    assert!(outcome.stderr().ends_with("hint: give a shorter name with -o\n"), "{}", outcome.stderr());
    home.run("encrypt -p acme in --hide-names -o hidden -q").does("");
    home.run("encrypt -p acme in --archive -q").does("");
    home.run(&format!("encrypt -p acme in/{name} -o short -q")).does("");
}

#[test]
fn what_gets_lost_or_doubled_is_counted_once() {
    let home = Home::with_project();
    home.write("f/a", "a");
    home.write("f/b", "b");
    home.run("encrypt -p acme f/a f/b -q").does("");
    home.run("encrypt -p acme f -q")
        .warns("", "warning: 2 of the files were encrypted already, and are now encrypted twice\n");
    fs::create_dir_all(home.path("g/empty/deeper")).unwrap();
    home.write("g/full/a", "a");
    home.run("encrypt -p acme g --hide-names -q")
        .warns("", "warning: 2 empty folders are not kept with --hide-names; --archive keeps folders\n");
    // Many outputs that exist are one error.
    for number in 0..30 {
        home.write(format!("many/{number:02}"), "x");
    }
    home.run("encrypt -p acme many -q").does("");
    home.run("decrypt many.sealed").fails(
        1,
        "\
error: 30 outputs exist already, and were left as they are
cause: many/00, many/01, many/02, many/03, many/04 and 25 more
hint: choose another place with -o, skip those that are up to date with --update, or replace them with --force
error: 30 of 30 files were not decrypted
",
    );
}

/// Returns the texts of a source file: what is between quotes, with the line breaks that a backslash hides taken out and
/// a word in place of what is put in at run time.
fn texts_of(source: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut characters = source.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\'' if characters.peek() == Some(&'"') => drop(characters.next()),
            '"' => {
                let mut text = String::new();
                while let Some(c) = characters.next().filter(|c| *c != '"') {
                    match (c, characters.peek()) {
                        ('\\', Some('\n')) => while characters.next_if(|c| c.is_whitespace()).is_some() {},
                        ('\\', _) => match characters.next() {
                            Some('n') => text.push('\n'),
                            other => text.extend(other),
                        },
                        ('{', Some('{')) => text.extend(characters.next()),
                        ('{', _) => {
                            while characters.next().is_some_and(|c| c != '}') {}
                            // What is put to the end of a word may be nothing.
                            if !text.ends_with(|c: char| c.is_alphanumeric()) {
                                text.push('1');
                            }
                        }
                        _ => text.push(c),
                    }
                }
                texts.push(text);
            }
            _ => {}
        }
    }
    texts
}

#[test]
fn every_command_that_the_program_names_can_be_typed() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut count = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let source = fs::read_to_string(file).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        let place = file.display().to_string();
        for command in commands_made_in(source) {
            assert_known(env!("CARGO_BIN_EXE_strongroom"), &command, &place);
            count += 1;
        }
        // What is not made as a command gets no flags. The examples in helps are for everybody.
        let in_helps = |text: &String| text.starts_with("Example: ") || text.contains("Examples:");
        let written = texts_of(source).into_iter().filter(|text| !in_helps(text));
        let written = written.flat_map(|text| commands_in(&text)).filter(|command| names_a_command(command));
        let written: Vec<String> = written.collect();
        // The last is what a test item in a keychain contains.
        let may = ["/schemas.rs", "/args.rs", "/home/trial.rs"].iter().any(|file| place.ends_with(file));
        assert!(written.is_empty() || may, "{place} writes commands into a text: {written:?}");
    }
    assert!(count > 50, "{count} commands are named");
}

fn names_a_command(text: &str) -> bool {
    text.split(' ').nth(1).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Returns the commands that a source makes, with a word for each argument.
fn commands_made_in(source: &str) -> Vec<String> {
    const MADE: &str = "command(\"";
    const METHODS: [&str; 3] = [".arg(", ".flag(\"", ".then(\""];
    let mut commands = Vec::new();
    for (at, _) in source.match_indices(MADE) {
        let mut rest = &source[at + MADE.len()..];
        let mut command = "strongroom ".to_owned();
        let (words, after) = rest.split_once("\")").unwrap();
        command += words;
        rest = after.trim_start();
        let next = |rest: &'_ str| METHODS.into_iter().find(|method| rest.starts_with(method));
        while let Some(method) = next(rest) {
            let value = &rest[method.len()..];
            command.push(' ');
            match method {
                ".arg(" => command += "1",
                _ => command += value.split('"').next().unwrap(),
            }
            if method == ".flag(\"" {
                command += if command.ends_with("--keychain") { " file" } else { " 1" };
            }
            let mut depth = 1;
            let end = value.find(|c: char| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            rest = value[end.unwrap() + 1..].trim_start();
        }
        commands.push(command);
    }
    commands
}

#[test]
fn a_hint_leads_on_and_not_in_a_circle() {
    for (prepare, typed) in [
        ("rm -r .local", "project list"),
        ("true", "key list nobody"),
        ("true", "key list acme --version 9"),
        ("strongroom key rotate acme --password-file pw -q", "key retire acme --version 2"),
        ("true", "project add acme"),
        ("strongroom project hold acme --password-file pw -q", "project destroy acme --yes acme"),
        ("true", "kit revoke 7"),
        ("true", "decrypt - --extract -o out"),
        ("echo text > plain", "decrypt plain -o out"),
        (
            "echo a > a; strongroom encrypt -p acme a --password-file pw -q; strongroom project add beta --password-file pw -q",
            "reencrypt -p beta a.sealed",
        ),
        ("true", "encrypt -p nobody pw -o out"),
        ("rm -r .local/state", "status --unlock"),
        (
            "cp .local/share/strongroom/vault.json old; strongroom project add beta --password-file pw -q; cp old .local/share/strongroom/vault.json",
            "project add gamma",
        ),
    ] {
        let home = Home::with_project();
        assert!(home.shell(prepare).ends_well(), "{prepare}");
        let outcome = home.run(typed);
        assert_ne!(outcome.code(), 0, "{typed}");
        for command in commands_in(&hints_of(outcome.stderr())) {
            // What a reader would put in for what is in capitals.
            let filled = [
                ("NAME", "acme"),
                ("BACKUP", "vault.json"),
                ("FILE", "pw"),
                ("OTHER", "old"),
                ("PROJECT", "acme"),
                ("N", "1"),
            ]
            .iter()
            .fold(command.clone(), |text, (name, value)| {
                text.split(' ').map(|word| if word == *name { value } else { word }).collect::<Vec<_>>().join(" ")
            });
            let followed = home.shell(&format!("{filled} --password-file pw --no-input < /dev/null"));
            let said = followed.stderr();
            assert!(!said.contains("Usage:") && !said.contains("unexpected argument"), "{typed} -> {filled}: {said}");
            let again = commands_in(&hints_of(said));
            assert!(again.is_empty() || again.iter().any(|other| *other != command), "{typed} -> {filled}: {said}");
        }
    }
}

fn hints_of(stderr: &str) -> String {
    stderr.lines().filter_map(|line| line.strip_prefix("hint: ")).collect::<Vec<_>>().join("\n")
}
