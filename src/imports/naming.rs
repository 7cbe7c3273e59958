//! Names that may come from anyone: one line, short, seen, and no two alike.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use super::limits;
use crate::format::name::{PROJECT_NAME_LIMIT, free_text, is_unseen, project_name};

/// Room for the number of a name that is there twice: a space, the parentheses, and nine digits.
const NUMBER_LEN: usize = 12;

/// How much of a text is looked at, in bytes: enough for the longest line of any script.
const LOOKED_AT: usize = 8 * limits::LINE;

/// Returns as much of a text as a name or a line can be made of. What is longer may be megabytes long, and be there for
/// each item again.
pub(super) fn begun(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOOKED_AT)]
}

/// Returns `text` as a name that [`project_name`] takes: unchanged if it is one, else without what keeps it from being
/// one. `None` if nothing is left.
pub(super) fn settled(text: &str) -> Option<String> {
    let text = begun(text);
    if let Ok(name) = project_name(text) {
        return Some(name);
    }
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_unseen(*c));
    // A prefix of NFC is NFC.
    let begun = shown.skip_while(|c| matches!(c, ' ' | '-')).take(4 * PROJECT_NAME_LIMIT);
    let name: String = begun.nfc().take(PROJECT_NAME_LIMIT).collect();
    project_name(name.trim_end()).ok()
}

/// Returns the host of an address: what is between `//` and the path, without user and port.
pub(super) fn host_of(url: &str) -> &str {
    let url = begun(url).trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((before, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) && !before.ends_with(':') => before,
        _ => host,
    }
}

/// A text made fit for one line of a list.
pub(super) enum Line<'a> {
    /// As it was, but for white space at its ends.
    Same(&'a str),
    /// Without the characters that are not shown.
    Cleaned(String),
    /// Longer than [`limits::LINE`].
    TooLong,
}

/// Makes `text` fit for one line of a list.
pub(super) fn line(text: &str) -> Line<'_> {
    if text.len() > LOOKED_AT {
        return Line::TooLong;
    }
    let text = text.trim();
    if free_text(text, limits::LINE).is_ok() {
        return Line::Same(text);
    }
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_unseen(*c));
    let cleaned: String = shown.take(limits::LINE + 1).collect();
    if cleaned.chars().count() > limits::LINE { Line::TooLong } else { Line::Cleaned(cleaned.trim().to_owned()) }
}

/// Returns the folders of a path, each without what is not shown, joined by `/`.
pub(super) fn folder<'a>(parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut path = String::new();
    for part in parts {
        let part = match line(part) {
            Line::Same(part) => Cow::Borrowed(part),
            Line::Cleaned(part) => Cow::Owned(part),
            Line::TooLong => return None,
        };
        if !part.is_empty() {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&part);
            if path.len() > LOOKED_AT {
                return None;
            }
        }
    }
    (path.chars().count() <= limits::FOLDER).then_some(path)
}

/// Names that are given already.
#[derive(Default)]
pub(super) struct Names {
    given: HashSet<String>,
    // By what the name begins with, so that many names that differ only after it cost no more than one.
    next: HashMap<String, usize>,
}

impl Names {
    /// Returns the name, or if it is given already the name with the first free number: "mail (2)".
    pub fn unique(&mut self, name: String) -> String {
        if self.given.insert(name.clone()) {
            return name;
        }
        let stem: String = name.chars().take(PROJECT_NAME_LIMIT - NUMBER_LEN).collect();
        let stem = stem.trim_end();
        let next = self.next.entry(stem.to_owned()).or_insert(2);
        loop {
            let numbered = format!("{stem} ({next})");
            *next += 1;
            if self.given.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}
