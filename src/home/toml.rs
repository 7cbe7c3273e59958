//! What the files that people write in TOML have in common: where one is wrong, and what may have been meant.

use toml_edit::TomlError;

/// How alike two words are at least if one may have been typed for the other.
const ALIKE: f64 = 0.8;

/// Returns the word that may have been meant.
pub fn nearest(typed: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let likeness = known.into_iter().map(|word| (strsim::jaro_winkler(typed, word), word));
    likeness.filter(|(alike, _)| *alike >= ALIKE).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, word)| word)
}

/// Says in which line a text is no TOML, and why.
pub fn where_and_what(text: &str, error: &TomlError) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message().replace('\n', " "))
}
