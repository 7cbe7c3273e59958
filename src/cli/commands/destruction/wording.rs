//! A destruction in words.

use super::steps;
use crate::cli::views::DestructionOf;
use crate::error::Error;
use crate::vault::Unlocked;
use crate::words::Words;

/// Returns a destruction in words, with what it waits for.
///
/// # Errors
/// If there is no record of one.
pub fn text(shown: &DestructionOf, vault: &Unlocked, name: &str) -> Result<Words, Error> {
    let mut text = Words::from(shown.text());
    if let Some(record) = steps::record(vault, name)?.filter(|record| record.is_closed().is_none()) {
        text += "\n";
        text += steps::waits_for(&record, vault.rotation(), name);
    }
    Ok(text)
}
