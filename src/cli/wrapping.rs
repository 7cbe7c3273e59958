//! Lines that fit a terminal. They are wrapped between words, never within one and never within a command that is to be
//! typed: half of it would run.

use std::borrow::Cow;
use std::fs::File;
use std::io;

use terminal_size::terminal_size_of;
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, wrap};

/// A narrower terminal wraps by itself.
const NARROWEST: usize = 20;
/// What stands for a blank at which no line ends.
const JOINT: char = '\u{e000}';
/// What a line of a file of OpenSSH has, which is of no use in two.
const KEY: &str = " ssh-ed25519 ";
/// How commands begin that a text has its reader type.
const COMMANDS: [&str; 5] = ["strongroom ", "sudo ", "rm ", "mv ", "chmod "];

/// Returns how wide the terminal is that standard output is; `None` where it is none.
pub fn stdout_width() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(width, _)| width.0.into())
}

/// Returns how wide the terminal is that standard error is; `None` where it is none.
pub fn stderr_width() -> Option<usize> {
    terminal_size_of(io::stderr()).map(|(width, _)| width.0.into())
}

/// Returns how wide a terminal is.
pub fn width_of(terminal: &File) -> Option<usize> {
    terminal_size_of(terminal).map(|(width, _)| width.0.into())
}

/// Wraps the lines of a text that are wider than a terminal. Without a terminal, every line stays one.
pub fn wrapped(text: &str, width: Option<usize>) -> Cow<'_, str> {
    let Some(width) = width.filter(|width| *width >= NARROWEST) else { return text.into() };
    // What fits is not copied: it may hold a code or a password.
    if text.split('\n').all(|line| display_width(line) <= width) {
        return text.into();
    }
    text.split('\n').map(|line| wrapped_line(line, width)).collect::<Vec<_>>().join("\n").into()
}

fn wrapped_line(line: &str, width: usize) -> Cow<'_, str> {
    if display_width(line) <= width || line.contains(KEY) {
        return line.into();
    }
    let start = line.trim_start_matches(' ');
    let indent = line.len() - start.len() + if start.starts_with("- ") { 2 } else { 0 };
    let indent = " ".repeat(indent);
    let options = Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .subsequent_indent(&indent);
    wrap(&with_whole_commands(line), options).join("\n").replace(JOINT, " ").into()
}

/// Joins the words of each command in a line: within backticks, and from a colon or the line's start up to a semicolon.
fn with_whole_commands(line: &str) -> String {
    if line.contains(JOINT) {
        return line.to_owned();
    }
    let mut joined = String::with_capacity(line.len());
    let (mut in_backticks, mut in_command) = (false, false);
    for (at, c) in line.char_indices() {
        if !in_backticks && !in_command && COMMANDS.iter().any(|command| line[at..].starts_with(command)) {
            let before = &line[..at];
            in_command = before.trim().is_empty() || before.ends_with(": ");
        }
        match c {
            '`' => in_backticks = !in_backticks,
            ';' => in_command = false,
            _ => {}
        }
        joined.push(if c == ' ' && (in_backticks || in_command) { JOINT } else { c });
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_wrapped_between_words_and_what_fits_stays() {
        let text = "one two three four five six seven\n  - eight nine ten eleven twelve\nshort";
        let told = "one two three four\nfive six seven\n  - eight nine ten\n    eleven twelve\nshort";
        assert_eq!(wrapped(text, Some(20)), told);
        assert!(matches!(wrapped(text, None), Cow::Borrowed(_)));
        assert!(matches!(wrapped(text, Some(80)), Cow::Borrowed(_)));
        let word = "a".repeat(30);
        assert_eq!(wrapped(&format!("a {word} b"), Some(20)), format!("a\n{word}\nb"));
        // Of wide characters, half as many fit.
        assert_eq!(
            wrapped(
                "\u{6771}\u{4eac}\u{6771}\u{4eac} \u{6771}\u{4eac}\u{6771}\u{4eac} \u{6771}\u{4eac}\u{6771}\u{4eac}",
                Some(20)
            ),
            "\u{6771}\u{4eac}\u{6771}\u{4eac} \u{6771}\u{4eac}\u{6771}\u{4eac}\n\u{6771}\u{4eac}\u{6771}\u{4eac}"
        );
    }

    #[test]
    fn a_command_is_never_wrapped() {
        for (text, told) in [
            ("make one with `strongroom kit new`, soon", "make one with\n`strongroom kit new`,\nsoon"),
            ("then: strongroom project list; or not at all", "then:\nstrongroom project list;\nor not at all"),
            ("it is the strongroom of the world", "it is the strongroom\nof the world"),
            ("fix: rm 'a file of mine.json'", "fix:\nrm 'a file of mine.json'"),
        ] {
            assert_eq!(wrapped(text, Some(20)), told);
        }
    }
}
