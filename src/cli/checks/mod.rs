//! What `doctor` looks at. Each check says what it found and the one thing to do about it; none changes anything but
//! its own test item in the keychain.

mod copies;
mod files;
mod items;
mod known;
pub mod left_behind;
mod vault;

pub use known::Opened;
pub use vault::{hint_at_remembered_vault, put_back};

use super::context::Context;
use super::views::Finding;
use crate::failure::Failure;
use crate::home::copies_of;

/// What all checks have found.
pub struct Checked {
    /// What they found.
    pub findings: Vec<Finding>,
    /// One of the problems among them keeps the vault from being unlocked.
    pub is_blocked: bool,
}

/// Runs every check that needs no password, of the vault file that was `opened` where there was one, else of what
/// stands in clear.
///
/// # Errors
/// Where not even the settings can be read.
pub fn run(context: &Context, opened: Option<&Opened>) -> Result<Checked, Failure> {
    let store = context.store()?;
    let mut findings = Vec::new();
    let known = vault::check(context, &store, opened, &mut findings);
    let own = match &known {
        Some(known) => {
            let copies = copies_of(&store, known.id);
            let own = items::check_own(context, known, opened, &copies, &mut findings)?;
            left_behind::check(context, known, store.file(), &mut findings)?;
            copies::check(&copies, known, opened, &mut findings);
            own
        }
        None => items::Own::default(),
    };
    items::check_stray(context, known.as_ref(), &mut findings)?;
    items::note_missing(context, known.as_ref(), store.file(), &mut findings)?;
    files::check(context, &store, own.file.as_deref(), &mut findings);
    Ok(Checked { findings, is_blocked: !own.has_key })
}
