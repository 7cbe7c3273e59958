//! Objects of JSON whose members are fields of an item: cards, identities, keys, and kinds that come later.

use super::gathering::{Draft, Shown};
use super::json::Json;
use super::naming::{begun, settled};

/// What is hidden if a part of its name is one of these words.
const SENSITIVE: [&str; 14] = [
    "password",
    "passphrase",
    "secret",
    "pin",
    "private",
    "code",
    "number",
    "ssn",
    "security",
    "iban",
    "license key",
    "passport",
    "cvv",
    "token",
];

/// Tells whether a field of that name is one to be hidden.
pub(super) fn is_sensitive(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_public = ["public", "phone", "postal", "zip", "routing", "order"].iter().any(|word| name.contains(word));
    let is_word = |word: &str| match word {
        // Part of many other words.
        "pin" | "code" => name.split(|c: char| !c.is_alphanumeric()).any(|part| part == word),
        word => name.contains(word),
    };
    !is_public && SENSITIVE.into_iter().any(is_word)
}

/// Writes `cardholderName` as "cardholder name".
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    let mut before = None;
    for c in begun(name).chars() {
        if c.is_uppercase() && before.is_some_and(char::is_lowercase) {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
        before = Some(c);
    }
    words
}

/// Takes every member of an object that is not among `others` as a field.
pub(super) fn take_members(draft: &mut Draft, object: &Json<'_>, others: &[&str]) {
    for (name, value) in object.members().iter().filter(|(name, _)| !others.contains(&&**name)) {
        let name = settled(&words(name)).unwrap_or_else(|| "field".to_owned());
        let shown = if is_sensitive(&name) { Shown::Hidden } else { Shown::Plainly };
        let value = draft.said(&name, value);
        draft.field(&name, &value, shown);
    }
}
