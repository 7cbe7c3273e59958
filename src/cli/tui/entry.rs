//! One entry of a list with all that is known of it, in lines that fit the screen. Pure.

use std::borrow::Cow;

use ratatui::text::Span;
use zeroize::Zeroizing;

use super::lists::{Kit, Warning};
use crate::cli::views::KeyVersion;
use crate::cli::wrapping::wrapped;
use crate::crypto::secret::SecretText;
use crate::doctor::Level;
use crate::format::Timestamp;
use crate::format::name::printable;
use crate::format::secret::SecretValue;
use crate::format::vault::KeyState;
use crate::secrets::otp::Otp;
use crate::vault::{ProjectInfo, SecretInfo};
use crate::words::counted;

/// How wide the names of an entry's fields may get.
const LABEL: usize = 12;

/// An entry that is shown.
pub struct Entry {
    /// What it is called.
    pub title: String,
    rows: Vec<(Cow<'static, str>, Zeroizing<String>)>,
}

/// A line of an entry.
pub struct Line<'a> {
    /// The field that begins here.
    pub label: &'a str,
    /// A part of what it holds.
    pub text: &'a str,
}

impl Entry {
    fn new(title: &str) -> Self {
        Self { title: printable(title), rows: Vec::new() }
    }

    /// Adds a field, unless it is empty.
    fn add(&mut self, label: impl Into<Cow<'static, str>>, text: &str) {
        if !text.is_empty() {
            let lines = text.lines().count() + 1;
            // With room for all of it: a text that grows leaves its letters behind where it was.
            let mut shown = Zeroizing::new(String::with_capacity(text.len() + lines));
            for line in text.lines() {
                let escaped = Zeroizing::new(printable(line));
                if shown.len() + escaped.len() + 1 > shown.capacity() {
                    let mut larger = Zeroizing::new(String::with_capacity(2 * (shown.len() + escaped.len()) + lines));
                    larger.push_str(&shown);
                    shown = larger;
                }
                shown.push_str(&escaped);
                shown.push('\n');
            }
            self.rows.push((label.into(), shown));
        }
    }

    /// Describes a secret; what it holds, if that is revealed.
    pub fn of_secret(secret: &SecretInfo, client: Option<&str>, value: Option<&SecretValue>, today: Timestamp) -> Self {
        let mut entry = Self::new(&secret.name);
        entry.add("user", &secret.user);
        entry.add("address", &secret.urls.join("\n"));
        match value {
            None => entry.add("values", "hidden; press r to show them for 10 seconds"),
            Some(value) => entry.add_value(value, today),
        }
        entry.add("project", secret.project.as_deref().unwrap_or_default());
        entry.add("client", client.unwrap_or_default());
        entry.add("kind", &secret.kind);
        entry.add("tags", &secret.tags.join(", "));
        entry.add("changed", &format!("{}, {}", secret.changed, age(secret.changed, today)));
        let versions = counted(secret.versions.len(), "version");
        let apart = if secret.is_changed_apart() { ", changed separately on two computers" } else { "" };
        entry.add("history", &format!("{versions}{apart}"));
        entry.add("imported", &secret.from);
        entry
    }

    fn add_value(&mut self, value: &SecretValue, now: Timestamp) {
        let before = self.rows.len();
        self.add("password", value.password.expose());
        if !value.totp.is_empty() {
            self.add("code", &code(&value.totp, now));
        }
        self.add("note", value.note.expose());
        for field in &value.fields {
            self.add(printable(&field.name), field.value.expose());
        }
        if self.rows.len() == before {
            self.add("values", "none: this secret holds nothing");
        }
    }

    /// Describes a project.
    pub fn of_project(project: &ProjectInfo, secrets: usize, today: Timestamp) -> Self {
        let mut entry = Self::new(&project.name);
        entry.add("client", &project.client);
        if let Some(at) = project.destroyed {
            entry.add("destroyed", &format!("{at}: its files cannot be opened any more"));
        }
        if let Some(hold) = &project.hold {
            let reason = if hold.reason.is_empty() { String::new() } else { format!(": {}", hold.reason) };
            entry.add("on hold", &format!("since {}{reason}", hold.since));
        }
        entry.add("note", &project.note);
        entry.add("added", &format!("{}, {}", project.created, age(project.created, today)));
        for key in project.keys.iter().rev() {
            let KeyVersion { version, state, created, seen } = key.into();
            let made =
                if key.state == KeyState::Destroyed { String::new() } else { format!(", {}", age(created, today)) };
            let seen = seen.map(|seen| format!("; {} on {}", counted(seen.files, "file"), seen.at.date()));
            let text = format!("{state}, made {}{made}{}", created.date(), seen.unwrap_or_default());
            entry.add(format!("key {version}"), &text);
        }
        entry.add("secrets", &secrets.to_string());
        entry
    }

    /// Describes a recovery kit.
    pub fn of_kit(kit: &Kit, today: Timestamp) -> Self {
        let mut entry = Self::new(&format!("recovery kit {}", kit.name));
        entry.add("made", &format!("{}, {}", kit.made, age(kit.made, today)));
        entry.add("state", &kit.state);
        entry
    }

    /// Describes what a check has found, for a screen of this width: a command stays on one line if it fits.
    pub fn of_warning(warning: &Warning, width: usize) -> Self {
        let width = Some(width.saturating_sub("found  ".len()));
        let mut entry = Self::new(warning.check);
        entry.add("found", &wrapped(&format!("{}: {}", mark(warning.level), warning.text), width));
        entry.add("to do", &wrapped(warning.remedy.as_deref().unwrap_or_default(), width));
        entry
    }

    /// Returns how many columns the names of the fields take.
    pub fn label_width(&self) -> usize {
        let widths = self.rows.iter().map(|(label, _)| Span::raw(&**label).width());
        widths.max().unwrap_or(0).min(LABEL) + 2
    }

    /// Returns its lines for a screen of this width.
    pub fn lines(&self, width: usize) -> impl Iterator<Item = Line<'_>> {
        let room = width.saturating_sub(self.label_width()).max(1);
        self.rows.iter().flat_map(move |(label, text)| {
            let parts = text.lines().flat_map(move |line| parts(line, room));
            parts.enumerate().map(move |(number, text)| Line { label: if number == 0 { label } else { "" }, text })
        })
    }
}

/// Returns the one-time code of a moment, which is what people need of a seed.
fn code(seed: &SecretText, now: Timestamp) -> Zeroizing<String> {
    let (Ok(otp), Ok(now)) = (Otp::parse(seed.expose()), u64::try_from(now.as_unix())) else {
        return Zeroizing::new("none can be made of what is stored".to_owned());
    };
    let (code, seconds) = otp.code_at(now);
    Zeroizing::new(format!("{}, valid for another {}", *code, counted(seconds, "second")))
}

/// Returns the parts of a line that fit a number of columns: cut between words, if one ends early enough. Nothing is
/// copied.
pub fn parts(line: &str, room: usize) -> impl Iterator<Item = &str> {
    Parts { rest: Some(line), room }
}

struct Parts<'a> {
    rest: Option<&'a str>,
    room: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let (mut used, mut blank) = (0, None);
        for (at, c) in rest.char_indices() {
            let end = at + c.len_utf8();
            if c == ' ' && at > 0 {
                blank = Some(at);
            }
            used += Span::raw(&rest[at..end]).width();
            if used > self.room && at > 0 {
                let (part, next) = match blank {
                    Some(blank) => (&rest[..blank], &rest[blank + 1..]),
                    None => rest.split_at(at),
                };
                self.rest = Some(next);
                return Some(part);
            }
        }
        Some(rest)
    }
}

/// Returns a level as a word.
pub fn mark(level: Level) -> &'static str {
    match level {
        Level::Good => "ok",
        Level::Note => "note",
        Level::Problem => "PROBLEM",
    }
}

/// Says how long ago something was.
pub fn age(at: Timestamp, today: Timestamp) -> String {
    let days = (today.as_unix() - at.as_unix()) / (24 * 60 * 60);
    match days {
        ..=0 => "today".into(),
        1..=99 => counted_old(days, "day"),
        100..=729 => counted_old(days / 30, "month"),
        _ => counted_old(days / 365, "year"),
    }
}

fn counted_old(number: i64, what: &str) -> String {
    format!("{number} {what}{} old", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_unit_that_says_something() {
        let of = |days: i64| age(Timestamp::from_unix(0), Timestamp::from_unix(days * 86_400 + 3));
        let ages = [-5, 0, 1, 99, 100, 729, 730, 4000].map(of);
        let told = [
            "today",
            "today",
            "1 day old",
            "99 days old",
            "3 months old",
            "24 months old",
            "2 years old",
            "10 years old",
        ];
        assert_eq!(ages, told);
    }

    #[test]
    fn of_a_seed_the_code_of_now_is_shown_and_nothing_of_one_that_cannot_be_read() {
        // RFC 6238, appendix B, the first of its times with SHA-1; the last six digits.
        let rfc = SecretText::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
        assert_eq!(*code(&rfc, Timestamp::from_unix(59)), "287082, valid for another 1 second");
        assert_eq!(*code(&rfc, Timestamp::from_unix(60)).split_off(6), *", valid for another 30 seconds");
        let steam = SecretText::new("steam://GEZDGNBVGY3TQOJQ".to_owned());
        assert_eq!(*code(&steam, Timestamp::from_unix(59)), "none can be made of what is stored");
    }

    #[test]
    fn lines_are_cut_between_words_and_never_within_a_wide_character() {
        let parts = |line: &'static str, room| parts(line, room).collect::<Vec<_>>();
        assert_eq!(parts("one two three", 7), ["one two", "three"]);
        assert_eq!(parts("one two three", 8), ["one two", "three"]);
        assert_eq!(parts("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(parts("\u{6771}\u{4eac}\u{6771}", 5), ["\u{6771}\u{4eac}", "\u{6771}"]);
        // Not even one fits: it is cut all the same, so that there is an end.
        assert_eq!(parts("\u{6771}\u{4eac}", 1), ["\u{6771}", "\u{4eac}"]);
        assert_eq!(parts("", 5), [""]);
        assert_eq!(parts("  a", 5), ["  a"]);
    }
}
