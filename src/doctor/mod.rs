//! What `doctor` looks at: this computer's files and keychains, for one vault. Each check says what it found and the one
//! thing to do about it; none changes anything but its own test item in the keychain. Nothing here prints.

mod computer;
mod copies;
mod files;
mod finding;
mod items;
mod known;
pub mod left_behind;
pub mod projects;
pub mod secrets;
mod vault;

pub use computer::Computer;
pub use finding::{Finding, Level};
pub use known::Opened;

use crate::home::{HomeError, copies_of};

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
pub fn run(computer: &Computer<'_>, opened: Option<&Opened>) -> Result<Checked, HomeError> {
    let store = computer.home.store()?;
    let mut findings = Vec::new();
    let known = vault::check(computer, &store, opened, &mut findings);
    let own = match &known {
        Some(known) => {
            let copies = copies_of(&store, known.id);
            let own = items::check_own(computer, known, opened, &copies, &mut findings)?;
            left_behind::check(computer, known, store.file(), &mut findings)?;
            copies::check(&copies, known, opened, &mut findings);
            own
        }
        None => items::Own::default(),
    };
    items::check_stray(computer, known.as_ref(), &mut findings)?;
    items::note_missing(computer, known.as_ref(), store.file(), &mut findings)?;
    files::check(computer, &store, own.file.as_deref(), &mut findings);
    Ok(Checked { findings, is_blocked: !own.has_key })
}
