//! Destroying a project when its engagement ends, and the hold that keeps it from being destroyed.

use super::Unlocked;
use super::project::{checked_text, find_mut};
use super::rotate::{NextKit, Rotation};
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::format::Timestamp;
use crate::format::vault::{Hold, KeyState, Project};

impl Unlocked<'_> {
    /// Destroys a project's keys, and begins the rotation of the data key that shuts older copies of the vault out.
    /// The project is refused from this write on; its name and the time stay on record.
    ///
    /// # Errors
    /// [`Error::ProjectHeld`], [`Error::ProjectNotFound`], [`Error::ProjectDestroyed`]; those of
    /// [`Unlocked::rotate_data_key`]. Where the error is the keychain's, the project is destroyed and the rotation
    /// goes on at a later unlock, or is given up there, which every unlock tells from then on.
    pub fn destroy_project(&mut self, name: &str, password: &Password, kit: NextKit<'_>) -> Result<Rotation, Error> {
        self.check_destroyable(name)?;
        self.begin(password, kit, |draft, editing| {
            let project = find_mut(&mut draft.payload, name)?;
            check(project)?;
            destroy(project, editing.now);
            Ok(())
        })
    }

    /// Tells whether a project could be destroyed.
    ///
    /// # Errors
    /// [`Error::ProjectHeld`], [`Error::ProjectNotFound`], [`Error::ProjectDestroyed`], those of
    /// [`Unlocked::check_writable`].
    pub fn check_destroyable(&self, name: &str) -> Result<(), Error> {
        self.check_writable()?;
        check(super::project::find(&self.payload, name)?)
    }

    /// Keeps a project from being destroyed, until it is released. A second hold replaces the first one's reason,
    /// unless it gives none.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::ProjectDestroyed`], [`Error::BadName`], those of a vault write.
    pub fn hold_project(&mut self, name: &str, reason: &str) -> Result<(), Error> {
        let reason = checked_text("the reason", reason)?;
        self.change(|payload, editing| {
            let project = find_mut(payload, name)?;
            super::project::usable(project)?;
            let (since, former) = match project.hold.take() {
                Some(hold) => (hold.since, hold.reason),
                None => (editing.now, String::new()),
            };
            let reason = if reason.is_empty() { former } else { reason.clone() };
            project.hold = Some(Hold { since, reason, others: Default::default() });
            Ok(())
        })
    }

    /// Takes a hold off. Returns whether there was one.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], those of a vault write.
    pub fn release_project(&mut self, name: &str) -> Result<bool, Error> {
        self.change(|payload, _| Ok(find_mut(payload, name)?.hold.take().is_some()))
    }
}

/// Leaves nothing of a project's keys, and notes when they went.
pub(super) fn destroy(project: &mut Project, at: Timestamp) {
    project.destroyed = Some(at);
    for key in &mut project.keys {
        key.state = KeyState::Destroyed;
        key.wrapped.0.clear();
    }
}

fn check(project: &Project) -> Result<(), Error> {
    super::project::usable(project)?;
    match &project.hold {
        Some(hold) => {
            Err(Error::ProjectHeld { name: project.name.clone(), since: hold.since, reason: hold.reason.clone() })
        }
        None => Ok(()),
    }
}
