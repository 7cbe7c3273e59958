//! Names that people give: projects, clients, notes, and the file names sealed into metadata.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The longest project name, in characters.
pub const PROJECT_NAME_LIMIT: usize = 128;
/// The longest client name or note, in characters.
pub const TEXT_LIMIT: usize = 4096;

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or white space only.
    #[error("it is empty")]
    Empty,
    /// More characters than allowed.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
    /// A control character, a line break or a character that changes how text around it is shown.
    #[error("it holds a control character or one that is not shown")]
    Control,
    /// White space at an end, which nobody can see.
    #[error("it begins or ends with white space")]
    Space,
    /// A hyphen first: the command line would take it for a flag.
    #[error("it begins with a hyphen")]
    Hyphen,
}

/// Tells whether `c` would be shown as nothing or change how other characters are shown.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Tells whether a joiner may stand between two characters: as a letter or mark of a script in which it changes how
/// words are written, from Arabic to the scripts of India and South-East Asia (Unicode Standard Annex 31, section 2.3).
fn is_joined(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{1cff}' | '\u{a800}'..='\u{abff}') && (c.is_alphabetic() || is_combining_mark(c))
}

/// Returns every character with whether it is unseen. A joiner within a word of a script that needs it is not.
fn with_unseen(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    let mut characters = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = characters.next()?;
        let is_within = before.is_some_and(is_joined) && characters.peek().copied().is_some_and(is_joined);
        before = Some(c);
        Some((c, is_unseen(c) && !(matches!(c, '\u{200c}' | '\u{200d}') && is_within)))
    })
}

/// How two names differ that one may type for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// In case alone.
    Case,
    /// By one letter that is another, is missing, is too many or has changed places with the next.
    Letter,
    /// By more, and yet they are alike: one begins with the other, or nearly all letters are the same.
    Alike,
}

/// How alike two names are at least that do not differ by one letter alone.
const ALIKE: f64 = 0.93;
/// How long a name is at least that another one may begin with.
const BEGINNING: usize = 3;

/// Tells whether one name may have been typed for the other.
#[must_use]
pub fn difference(one: &str, other: &str) -> Option<Difference> {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    if one == other {
        return Some(Difference::Case);
    }
    if differ_by_a_letter(&one, &other) {
        return Some(Difference::Letter);
    }
    let (short, long) = if one.len() < other.len() { (&one, &other) } else { (&other, &one) };
    let begins = short.chars().count() >= BEGINNING && long.starts_with(&**short);
    (begins || strsim::jaro_winkler(&one, &other) >= ALIKE).then_some(Difference::Alike)
}

fn differ_by_a_letter(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let head = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[head..], &other[head..]);
    let is_swapped = one.len() > 1 && other.len() > 1 && one[..2] == [other[1], other[0]] && one[2..] == other[2..];
    let rest = |text: &[char]| text.get(1..).unwrap_or_default().to_vec();
    let is_one = rest(one) == rest(other) || rest(one) == other || one == rest(other);
    is_swapped || is_one
}

/// Returns a project name in normalization form NFC.
///
/// # Errors
/// [`NameError`] for what cannot be told apart, shown on one line or typed.
pub fn project_name(text: &str) -> Result<String, NameError> {
    if text.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if text.trim() != text {
        return Err(NameError::Space);
    }
    if text.starts_with('-') {
        return Err(NameError::Hyphen);
    }
    free_text(text, PROJECT_NAME_LIMIT)
}

/// Returns a client name or note in normalization form NFC; it may be empty.
///
/// # Errors
/// [`NameError::TooLong`] and [`NameError::Control`].
pub fn free_text(text: &str, limit: usize) -> Result<String, NameError> {
    // Counted before anything is allocated: the text may be huge.
    if text.chars().take(limit + 1).count() > limit {
        return Err(NameError::TooLong(limit));
    }
    if with_unseen(text).any(|(_, is_unseen)| is_unseen) {
        return Err(NameError::Control);
    }
    Ok(text.nfc().collect())
}

/// Returns `text` fit to be printed: what would not be seen, or would act on the terminal, is escaped.
#[must_use]
pub fn printable(text: &str) -> String {
    with_unseen(text).fold(String::with_capacity(text.len()), |mut out, (c, is_unseen)| {
        if is_unseen {
            out.extend(c.escape_unicode())
        } else {
            out.push(c)
        }
        out
    })
}

/// The most characters of a message that is printed: what somebody else wrote may be in it, of any length.
const SHORT: usize = 600;

/// Returns `text`, without its middle if it is long.
#[must_use]
pub fn shortened(text: &str) -> Cow<'_, str> {
    shortened_to(SHORT, text)
}

/// Returns `text`, without its middle if it has more than `limit` characters, at least 2.
#[must_use]
pub fn shortened_to(limit: usize, text: &str) -> Cow<'_, str> {
    let head_end = text.char_indices().nth(limit / 2).map(|(at, _)| at);
    let tail_start = text.char_indices().rev().nth(limit / 2 - 1).map(|(at, _)| at);
    match (head_end, tail_start) {
        (Some(head), Some(tail)) if head < tail => format!("{} [...] {}", &text[..head], &text[tail..]).into(),
        _ => text.into(),
    }
}

/// Returns JSON text in which every character that would not be seen is escaped. Outside its strings JSON has none.
#[must_use]
pub fn printable_json(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if is_unseen(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
        out
    })
}

/// Tells whether a sealed-in name may become a file's name: one path component, free of separators, unseen
/// characters and names that Windows reserves.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    const RESERVED: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered =
        |device: &str| stem.strip_prefix(device).is_some_and(|rest| rest.chars().count() == 1 && rest != "0");
    !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && !name.chars().any(is_unseen)
        && !name.contains(['/', '\\', ':', '<', '>', '"', '|', '?', '*'])
        && !name.ends_with([' ', '.'])
        && !RESERVED.contains(&stem.as_str())
        && !numbered("COM")
        && !numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_seen_or_typed_are_refused() {
        assert_eq!(project_name("").unwrap_err(), NameError::Empty);
        assert_eq!(project_name("  \t").unwrap_err(), NameError::Empty);
        assert_eq!(project_name(" a").unwrap_err(), NameError::Space);
        assert_eq!(project_name("-a").unwrap_err(), NameError::Hyphen);
        assert_eq!(project_name("a\u{1b}[31m").unwrap_err(), NameError::Control);
        assert_eq!(project_name("a\u{202e}b").unwrap_err(), NameError::Control);
        assert_eq!(project_name(&"x".repeat(129)).unwrap_err(), NameError::TooLong(128));
        assert_eq!(project_name(&"x".repeat(128)).unwrap().len(), 128);
        assert_eq!(project_name("Cafe\u{301} 2026/Q1").unwrap(), "Caf\u{e9} 2026/Q1");
    }

    #[test]
    fn a_file_name_is_one_harmless_component() {
        for good in ["clients.csv", "Kundenliste für März.xlsx", ".bashrc", "COM10", "a b", "null.txt"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "/etc/passwd",
            "..\\x",
            "C:evil",
            "a\0b",
            "a\nb",
            "nul",
            "NUL.txt",
            "com1",
            "LPT9.log",
            "trailing.",
            "trailing ",
            "a\u{202e}fdp.exe",
        ] {
            assert!(!is_file_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn what_would_act_on_a_terminal_is_escaped() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}é"), "a\\u{1b}]0;x\\u{7}é");
        assert_eq!(printable_json("{\"a\":\"\u{9b}\u{e0041}é\"}"), "{\"a\":\"\\u009b\\udb40\\udc41é\"}");
    }

    #[test]
    fn a_joiner_is_taken_within_words_that_need_it_alone() {
        // Persian, Hindi, Sinhala.
        for good in ["\u{645}\u{6cc}\u{200c}\u{62e}", "\u{915}\u{94d}\u{200d}\u{937}", "\u{dc1}\u{dca}\u{200d}\u{dbb}"]
        {
            assert_eq!(project_name(good).as_deref(), Ok(good));
            assert_eq!(printable(good), good);
        }
        for bad in [
            "a\u{200d}b",
            "\u{645}\u{200c}",
            "\u{200c}\u{645}",
            "\u{645}\u{200c}\u{200c}\u{62e}",
            "\u{645}\u{200b}\u{62e}",
        ] {
            assert_eq!(project_name(bad).unwrap_err(), NameError::Control, "{bad:?}");
            assert!(printable(bad).contains("\\u{200"), "{bad:?}");
        }
    }

    #[test]
    fn names_that_are_typed_for_each_other_are_known() {
        for (one, other) in [("acme", "AcMe"), ("Ö", "ö")] {
            assert_eq!(difference(one, other), Some(Difference::Case));
        }
        for other in ["acne", "acm", "cme", "acmee", "xacme", "ACEM", "acmes", "came"] {
            assert_eq!(difference("acme", other), Some(Difference::Letter), "{other}");
        }
        for (one, other) in [("acme", "Acme-2026"), ("acme-2026", "acm"), ("globex-2026", "globx-2025")] {
            assert_eq!(difference(one, other), Some(Difference::Alike), "{other}");
        }
        for (one, other) in [
            ("acme", "beta"),
            ("acme", "ac"),
            ("acme", "ceam"),
            ("acme", ""),
            ("acme-2026", "beta-2026"),
            ("client-one", "client-two"),
        ] {
            assert_eq!(difference(one, other), None, "{one} {other}");
        }
    }

    #[test]
    fn of_a_long_text_both_ends_are_shown() {
        for length in [0, 1, 599, 600] {
            assert_eq!(shortened(&"\u{e9}".repeat(length)), "\u{e9}".repeat(length));
        }
        let long = format!("begin{}end", "x".repeat(1 << 20));
        let short = shortened(&long);
        assert!(short.starts_with("beginx") && short.ends_with("xend") && short.len() < 620, "{short}");
    }

    #[test]
    fn names_at_the_border_of_what_is_refused_are_taken() {
        assert!(is_file_name(&"x".repeat(255)) && !is_file_name(&"x".repeat(256)));
        for good in ["COM0", "lpt0.txt", "COM", "CONSOLE", "prn2"] {
            assert!(is_file_name(good), "{good}");
        }
        assert_eq!(free_text("", 0).unwrap(), "");
        assert_eq!(free_text("x", 0).unwrap_err(), NameError::TooLong(0));
    }
}
