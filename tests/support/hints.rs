//! Whether what a message tells its reader to type is something that the program takes.

use std::collections::HashSet;
use std::ffi::OsString;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

/// Returns the commands of the program that a text names: at the start of a line, after a colon or within backticks.
pub fn commands_in(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for line in text.lines() {
        for (at, _) in line.match_indices("strongroom ") {
            let (before, command) = line.split_at(at);
            let end = if before.ends_with('`') {
                command.find('`')
            } else if before.trim_start().is_empty() || before.ends_with(": ") {
                [";", ", ", " (", " | ", " || "].iter().filter_map(|end| command.find(end)).min()
            } else {
                continue;
            };
            commands.push(command[..end.unwrap_or(command.len())].trim_end_matches('.').to_owned());
        }
    }
    commands
}

/// Fails unless the program has the command that is named, and every flag in it.
#[track_caller]
pub fn assert_known(program: &str, command: &str, from: &str) {
    static KNOWN: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    if KNOWN.lock().unwrap().get_or_insert_default().contains(command) {
        return;
    }
    let mut words = words_of(command).skip(1).peekable();
    // Of a command in short, and of the program by itself, nothing is named that could be wrong.
    if words.peek().is_none_or(|word| word == "..." || word == "COMMAND") {
        return;
    }
    let answer = help(program, words.map(OsString::from));
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "`{command}` cannot be typed: {said}\nit is named by {from}");
    KNOWN.lock().unwrap().get_or_insert_default().insert(command.to_owned());
}

/// Fails unless the command that failed has each flag that its hint names by itself.
#[track_caller]
pub fn assert_flags_known(program: &str, typed: &[OsString], hint: &str) {
    let mut prose = hint.to_owned();
    for command in commands_in(hint) {
        prose = prose.replace(&command, "");
    }
    let flags: Vec<&str> = prose
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| word.len() > 2 && word.starts_with("--"))
        .collect();
    if flags.is_empty() {
        return;
    }
    let answer = help(program, typed.iter().cloned());
    if !answer.status.success() {
        return;
    }
    let help = String::from_utf8_lossy(&answer.stdout);
    for flag in flags {
        let has = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == flag);
        assert!(has, "{typed:?} has no {flag}, which its hint names: {hint}");
    }
}

/// Runs a command with --help after all of it, which checks what is before it and does nothing.
fn help(program: &str, words: impl Iterator<Item = OsString>) -> Output {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    Command::new(program).args(words).arg("--help").env_clear().stdin(Stdio::null()).output().unwrap()
}

/// Splits a command as a shell does, without what it would redirect, and with a number for a placeholder of one.
fn words_of(command: &str) -> impl Iterator<Item = String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    let is_redirection =
        |word: &String| word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>']) || word == "&&";
    let end = words.iter().position(is_redirection).unwrap_or(words.len());
    words.truncate(end);
    words.into_iter().map(|word| if word == "N" || word == "KIT" { "1".into() } else { word })
}
