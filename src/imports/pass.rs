//! Entries of a `pass` store, once they are decrypted: the first line is the password, and the rest is whatever its user
//! made of it. <https://www.passwordstore.org/#organization> has the habits that are followed here.

use super::gathering::{Draft, Gathering, Shown};
use super::members::is_sensitive;
use super::naming::folder;
use super::{ImportError, Imported};
use crate::crypto::secret::SecretText;

/// The longest name of a field, in bytes. What is longer before a colon is a sentence.
const KEY_LEN: usize = 64;

/// What one-time passwords' keys begin with.
const OTP: &str = "otpauth://";

/// The entries of a store so far, each taken when it is decrypted.
#[derive(Default)]
pub struct PassStore(Gathering);

impl PassStore {
    /// Takes the text of an entry. Its path in the store, with `/`, tells it from all others.
    ///
    /// # Errors
    /// If there is too much of them.
    pub fn take(&mut self, path: &str, text: &SecretText) -> Result<(), ImportError> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut draft = Draft::new("login", name);
        draft.source_id(path);
        draft.folder(folder(folders.split('/')).as_deref());
        read_text(&mut draft, text.expose());
        self.0.take(draft)
    }

    /// Leaves an entry or a file out.
    ///
    /// # Errors
    /// If there is too much of them.
    pub fn skip(&mut self, path: &str, reason: &'static str) -> Result<(), ImportError> {
        self.0.skip(path, "", reason)
    }

    /// Returns all that was taken, and all that was left out.
    #[must_use]
    pub fn finish(self) -> Imported {
        self.0.finish()
    }
}

fn read_text(draft: &mut Draft, text: &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.strip_suffix('\r').unwrap_or(first);
    // An entry of `pass otp` may have nothing but the key.
    if first.starts_with(OTP) {
        draft.totp("one-time password", first);
    } else {
        draft.password(first);
    }
    let mut note: Vec<&str> = Vec::new();
    for line in rest.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        if line.trim_start().starts_with(OTP) {
            draft.totp("one-time password", line);
            continue;
        }
        let Some((key, value)) = field(line) else {
            note.push(line);
            continue;
        };
        match &*key.to_lowercase() {
            _ if value.starts_with(OTP) => draft.totp(key, value),
            "user" | "username" | "login" if !draft.has_user() => draft.user(value),
            "url" | "website" => draft.url(value),
            _ => draft.field(key, value, if is_sensitive(key) { Shown::Hidden } else { Shown::Plainly }),
        }
    }
    let is_blank = |line: &&str| line.trim().is_empty();
    let start = note.iter().take_while(|line| is_blank(line)).count();
    let end = note.len() - note.iter().rev().take_while(|line| is_blank(line)).count();
    draft.note(&note.get(start..end).unwrap_or_default().join("\n"));
    if draft.is_only_note() {
        draft.kind("note");
    }
}

/// Returns the two sides of a line `key: value`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(": ").or_else(|| line.split_once(":\t"))?;
    let (key, value) = (key.trim(), value.trim());
    (!key.is_empty() && key.len() <= KEY_LEN && !value.is_empty()).then_some((key, value))
}
