//! Sentences for the user in which a command is a value, so that whoever prints one adds the flags that the user gave.
//! Nothing here prints.

use std::borrow::Cow;
use std::fmt::{Display, Write};
use std::ops::{Add, AddAssign};

/// A text for the user, and the commands that it names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(Vec<Part>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Words as they are.
    Text(Cow<'static, str>),
    /// A command within a sentence: shown between backticks.
    Command(Command),
    /// A command on a line of its own: shown bare.
    Line(Command),
}

/// The flags that every command needs which a text names: those that say which vault and which keychain is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flags(Vec<(&'static str, String)>);

impl Flags {
    /// Adds a flag.
    #[must_use]
    pub fn and(mut self, name: &'static str, value: String) -> Self {
        self.0.push((name, value));
        self
    }
}

/// A command of this program that the user can type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What follows the program's name, as a shell takes it.
    words: String,
    /// The flags among these words. An argument may read like a flag.
    flags: Vec<&'static str>,
}

/// Names a command by words that a shell takes as they are.
pub fn command(words: &'static str) -> Command {
    Command { words: words.into(), flags: flags_in(words) }
}

impl Command {
    /// Adds one argument, quoted where a shell asks for that.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<str>) -> Self {
        self.words.push(' ');
        self.words += &shell_word(argument.as_ref());
        self
    }

    /// Adds words that a shell takes as they are.
    #[must_use]
    pub fn then(mut self, words: &'static str) -> Self {
        self.words.push(' ');
        self.words += words;
        self.flags.extend(flags_in(words));
        self
    }

    /// Adds a flag and its value.
    #[must_use]
    pub fn flag(self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.then(name).arg(value)
    }

    /// Puts it on a line of its own.
    #[must_use]
    pub fn line(self) -> Part {
        Part::Line(self)
    }

    /// Adds flags in front, those that it has left out: a command for another vault than the one that is in use.
    #[must_use]
    pub fn under(mut self, flags: &Flags) -> Self {
        let mut words = String::new();
        for (name, value) in &flags.0 {
            if !self.flags.contains(name) {
                words.extend([name, " ", &shell_word(value), " "]);
                self.flags.push(name);
            }
        }
        Self { words: words + &self.words, ..self }
    }

    /// Returns what the user types.
    pub fn with(&self, flags: &Flags) -> String {
        format!("strongroom {}", self.clone().under(flags).words)
    }
}

fn flags_in(words: &'static str) -> Vec<&'static str> {
    words.split(' ').filter(|word| word.starts_with("--")).collect()
}

impl Words {
    /// Puts pieces together; [`words!`](crate::words::words) does this for pieces of different kinds.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// Puts texts on lines of their own.
    pub fn lines(lines: impl IntoIterator<Item = Self>) -> Self {
        lines.into_iter().reduce(|text, line| text + "\n" + line).unwrap_or_default()
    }

    /// Gives each command that it names these flags, as [`Command::under`] does.
    #[must_use]
    pub fn under(self, flags: &Flags) -> Self {
        Self::new(self.0.into_iter().map(|part| match part {
            Part::Command(command) => Part::Command(command.under(flags)),
            Part::Line(command) => Part::Line(command.under(flags)),
            text @ Part::Text(_) => text,
        }))
    }

    /// Tells whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(words) if words.trim().is_empty()))
    }

    /// Returns the text. Each command that it names gets the flags that it does not have.
    pub fn with(&self, flags: &Flags) -> String {
        let mut text = String::new();
        for part in &self.0 {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Text(words) => write!(text, "{words}"),
                Part::Command(command) => write!(text, "`{}`", command.with(flags)),
                Part::Line(command) => write!(text, "{}", command.with(flags)),
            };
        }
        text
    }
}

impl<W: Into<Words>> AddAssign<W> for Words {
    fn add_assign(&mut self, other: W) {
        self.0.extend(other.into().0);
    }
}

impl<W: Into<Words>> Add<W> for Words {
    type Output = Self;

    fn add(mut self, other: W) -> Self {
        self += other;
        self
    }
}

impl From<&'static str> for Part {
    fn from(words: &'static str) -> Self {
        Self::Text(words.into())
    }
}

impl From<String> for Part {
    fn from(words: String) -> Self {
        Self::Text(words.into())
    }
}

impl From<Command> for Part {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl<P: Into<Part>> From<P> for Words {
    fn from(part: P) -> Self {
        Self::new([part.into()])
    }
}

/// Makes a text of pieces: words, and commands.
macro_rules! words {
    ($($part:expr),+ $(,)?) => { $crate::words::Words::new([$($crate::words::Part::from($part)),+]) };
}
pub(crate) use words;

/// Returns a word as a shell takes it whole.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Counts things in words, such as "1 project", "2 projects" and "3 entries".
pub fn counted<N: Display + From<u8> + PartialEq>(number: N, what: &str) -> String {
    if number == N::from(1) {
        return format!("{number} {what}");
    }
    match what.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {what}s"),
    }
}

/// Returns the verb for a number of things.
pub fn were(number: usize) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

/// Returns kits as a sentence names them.
pub fn kit_names(kits: &[String]) -> String {
    match kits.split_last() {
        Some((last, [])) => format!("kit {last}"),
        Some((last, others)) => format!("kit {} or {last}", others.join(", ")),
        None => "kit".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_as_in_english() {
        let words = [(0, "file"), (1, "entry"), (2, "entry"), (3, "copy"), (2, "key"), (2, "day")];
        let said = words.map(|(number, what)| counted(number, what));
        assert_eq!(said, ["0 files", "1 entry", "2 entries", "3 copies", "2 keys", "2 days"]);
    }

    #[test]
    fn every_command_gets_the_flags_and_nothing_else_does() {
        let text = words![
            "put my strongroom back: ",
            command("vault restore").arg("my copy"),
            "; or\n  ",
            command("recover --from BACKUP").line()
        ];
        assert_eq!(
            text.with(&Flags::default().and("--vault", "my v".into())),
            "put my strongroom back: `strongroom --vault 'my v' vault restore 'my copy'`; or\n  strongroom --vault \
             'my v' recover --from BACKUP"
        );
        assert_eq!(
            text.with(&Flags::default()),
            "put my strongroom back: `strongroom vault restore 'my copy'`; or\n  strongroom recover --from BACKUP"
        );
    }

    #[test]
    fn a_flag_that_a_command_has_is_not_added() {
        let flags = Flags::default().and("--vault", "v".into()).and("--keychain", "file:k".into());
        assert_eq!(command("status").with(&flags), "strongroom --vault v --keychain file:k status");
        let other = command("kit new").under(&Flags::default().and("--vault", "other".into()));
        assert_eq!(other.with(&flags), "strongroom --keychain file:k --vault other kit new");
        let init = command("init").flag("--keychain", "os");
        assert_eq!(init.with(&flags), "strongroom --vault v init --keychain os");
        let named = command("project show").arg("a--vault b").with(&flags);
        assert_eq!(named, "strongroom --vault v --keychain file:k project show 'a--vault b'");
    }

    #[test]
    fn an_argument_is_one_word_for_a_shell() {
        assert_eq!(command("key list").arg("it's").with(&Flags::default()), r"strongroom key list 'it'\''s'");
        assert_eq!(command("key list").arg("").with(&Flags::default()), "strongroom key list ''");
    }
}
