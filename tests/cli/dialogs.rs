//! The password from a dialog, if there is no terminal: a pinentry, or ssh's askpass.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::home::{Home, PASSWORD};
use crate::support::run::Typed;

/// Answers as a pinentry does: with the lines of `answers`, one at each question. It keeps what it is told in `told`.
const PINENTRY: &str = r#"#!/bin/sh
echo OK
while read -r line; do
    echo "$line" >>"$HOME/told"
    case $line in
    GETPIN)
        answer=$(head -n 1 "$HOME/answers")
        sed -i 1d "$HOME/answers"
        case $answer in
        CANCEL) echo ERR 83886179 cancelled ;;
        GARBAGE) printf 'X secret\n' ;;
        *) printf 'D %s\nOK\n' "$answer" ;;
        esac ;;
    BYE) echo OK; exit ;;
    *) echo OK ;;
    esac
done
"#;

const ASKPASS: &str = r#"#!/bin/sh
echo "$# $1" >>"$HOME/told"
answer=$(head -n 1 "$HOME/answers")
sed -i 1d "$HOME/answers"
[ "$answer" != CANCEL ] && echo "$answer"
"#;

/// Returns a home with both programs in it.
fn with_dialogs() -> Home {
    let home = Home::with_project();
    for (name, text) in [("pin", PINENTRY), ("ask", ASKPASS)] {
        let path = home.write(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    home
}

impl<'h> Asked<'h> {
    fn command(&self, words: &str) -> Typed<'h> {
        fs::write(self.home.path("answers"), self.answers.join("\n") + "\n").unwrap();
        let _ = fs::remove_file(self.home.path("told"));
        self.variables.iter().fold(self.home.typed(words), |typed, (name, value)| typed.env(name, value))
    }

    fn told(&self) -> String {
        fs::read_to_string(self.home.path("told")).unwrap_or_default()
    }
}

/// A home in which a dialog gives these answers.
struct Asked<'h> {
    home: &'h Home,
    variables: Vec<(&'static str, String)>,
    answers: Vec<&'static str>,
}

fn pinentry<'h>(home: &'h Home, answers: &[&'static str]) -> Asked<'h> {
    let variables = vec![("PINENTRY_PROGRAM", home.path("pin").display().to_string())];
    Asked { home, variables, answers: answers.to_vec() }
}

fn askpass<'h>(home: &'h Home, answers: &[&'static str]) -> Asked<'h> {
    let variables = vec![("SSH_ASKPASS", home.path("ask").display().to_string()), ("DISPLAY", ":0".into())];
    Asked { home, variables, answers: answers.to_vec() }
}

#[test]
fn a_dialog_asks_and_asks_again_after_a_wrong_password() {
    let home = with_dialogs();
    let asked = pinentry(&home, &["wrong-velvet-onion", PASSWORD]);
    let outcome = asked.command("project list").run();
    assert!(outcome.code() == 0 && outcome.text().contains("acme"), "{}", outcome.stderr());
    let told = asked.told();
    assert_eq!(told.matches("GETPIN").count(), 2);
    let folder = home.vault().parent().unwrap().display().to_string();
    assert!(told.contains(&format!("SETDESC The master password of the vault in {folder}")), "{told}");
    assert!(told.contains("SETERROR ") && told.contains("try again"), "{told}");
    let asked = askpass(&home, &["wrong-velvet-onion", "wrong-too", PASSWORD]);
    asked.command("project list -q").run().succeeds();
    let told = asked.told();
    assert!(told.starts_with(&format!("1 Strongroom: master password of the vault in {folder}:\n")), "{told}");
    assert_eq!((told.lines().count(), told.matches("try again").count()), (3, 2));
    // Not for ever.
    let wrong = ["wrong-velvet-onion"; 4];
    assert_eq!(pinentry(&home, &wrong).command("project list").run().code(), 3);
    assert_eq!(fs::read_to_string(home.path("answers")).unwrap().lines().count(), 1);
}

#[test]
fn a_dialog_that_is_closed_is_an_interruption() {
    let home = with_dialogs();
    for asked in [pinentry(&home, &["CANCEL"]), askpass(&home, &["CANCEL"])] {
        asked.command("project list").run().ends(130, "", "error: interrupted\n");
    }
}

#[test]
fn without_input_or_with_a_source_no_dialog_is_shown() {
    let home = with_dialogs();
    for asked in [pinentry(&home, &[PASSWORD]), askpass(&home, &[PASSWORD])] {
        assert_eq!(asked.command("project list --no-input").run().code(), 2);
        asked.command("project list --password-file pw").run().succeeds();
        assert_eq!(asked.told(), "");
    }
    let mut asked = askpass(&home, &[PASSWORD]);
    asked.variables.push(("SSH_ASKPASS_REQUIRE", "never".into()));
    assert_eq!(asked.command("project list").run().code(), 2);
    asked.variables.truncate(1);
    assert_eq!(asked.command("project list").run().code(), 2, "without a display");
    asked.variables.push(("SSH_ASKPASS_REQUIRE", "force".into()));
    asked.command("project list").run().succeeds();
}

#[test]
fn a_program_that_cannot_ask_is_named_and_what_it_said_is_not_shown() {
    let home = with_dialogs();
    let mut asked = pinentry(&home, &[PASSWORD]);
    asked.variables[0].1 = "/nowhere/pin".into();
    asked.command("project list").run().fails(
        1,
        "error: cannot ask for the password with /nowhere/pin\ncause: there is no such program that can be run\n\
         hint: correct PINENTRY_PROGRAM, or give --password-file, --password-fd or --password-command\n",
    );
    let outcome = pinentry(&home, &["GARBAGE"]).command("project list").run();
    assert!(outcome.code() == 1 && !outcome.stderr().contains("secret"), "{}", outcome.stderr());
    let mut asked = askpass(&home, &[PASSWORD]);
    asked.variables[0].1 = "/nowhere/ask".into();
    asked.command("project list --json").run().fails_in_json(1, "password-dialog");
}
