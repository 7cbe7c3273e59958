//! What the files that people write in TOML have in common: how they are read, where one is wrong, and what may have been
//! meant.

use std::fs::File;
use std::io::{self, Read};

use toml_edit::TomlError;

const SIZE_LIMIT: u64 = 64 << 10;
/// How alike two words are at least if one may have been typed for the other.
const ALIKE: f64 = 0.8;

/// Why such a file cannot be used, whatever it is for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TomlFileError {
    /// It is a link, a folder or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It is longer than any such file.
    #[error("it is longer than {} KiB", SIZE_LIMIT >> 10)]
    TooLong,
    /// It is not TOML.
    #[error("it is not valid TOML: {0}")]
    Syntax(String),
}

impl TomlFileError {
    /// Says in which line a text is no TOML, and why.
    pub fn syntax(text: &str, error: &TomlError) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Self::Syntax(format!("line {line}: {}", error.message().replace('\n', " ")))
    }
}

/// Reads a file to its end, up to the limit. What is wrong with its text is the inner error.
///
/// # Errors
/// The system's error.
pub fn read_text(file: File) -> io::Result<Result<String, TomlFileError>> {
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Ok(Err(TomlFileError::TooLong));
    }
    Ok(String::from_utf8(bytes).map_err(|_| TomlFileError::Syntax("it is not UTF-8".into())))
}

/// Returns the word that may have been meant.
pub fn nearest(typed: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let likeness = known.into_iter().map(|word| (strsim::jaro_winkler(typed, word), word));
    likeness.filter(|(alike, _)| *alike >= ALIKE).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, word)| word)
}
