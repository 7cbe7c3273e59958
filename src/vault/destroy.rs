//! Destroying a project when its engagement ends, and the hold that keeps it from being destroyed.

use super::Unlocked;
use super::contents::Effect;
use super::contents::change::Change;
use super::contents::destroy::check;
use super::contents::keys::SharedKeys;
use super::contents::project::checked_text;
use super::contents::secret_edits::SecretsOfProject;
use super::protocol::rotation::{NextKit, Rotation};
use crate::crypto::secret::Password;
use crate::error::Error;

impl Unlocked {
    /// Destroys a project's keys and its secrets, and begins the rotation of the data key that shuts older copies of the vault out.
    /// The project is refused from this write on; its name and the time stay on record.
    ///
    /// # Errors
    /// [`Refused::Held`](crate::error::Refused), [`NotFound::Project`](crate::error::NotFound),
    /// [`NotFound::Destroyed`](crate::error::NotFound); [`Exists::KeyElsewhere`](crate::error::Exists) if another
    /// project of the vault holds one of its keys and that is not allowed; those of [`Unlocked::rotate_data_key`].
    /// Where the error is the keychain's, the project is destroyed and the rotation goes on at a later unlock, or is
    /// given up there, which every unlock tells from then on.
    pub fn destroy_project(
        &mut self,
        name: &str,
        password: &Password,
        kit: NextKit<'_>,
        shared: SharedKeys,
        secrets: SecretsOfProject,
    ) -> Result<Rotation, Error> {
        self.check_destroyable(name, shared)?;
        self.begin(password, kit, Some(&Change::ProjectDestroyed { project: name, shared, secrets }))
    }

    /// Tells whether a project could be destroyed.
    ///
    /// # Errors
    /// As [`Unlocked::destroy_project`], but for those of the rotation.
    pub fn check_destroyable(&self, name: &str, shared: SharedKeys) -> Result<(), Error> {
        self.check_writable()?;
        self.check_rotatable()?;
        check(&self.payload, (self.id(), &self.data_key), name, shared)
    }

    /// Keeps a project from being destroyed, until it is released. A second hold replaces the first one's reason,
    /// unless it gives none.
    ///
    /// # Errors
    /// [`NotFound::Project`](crate::error::NotFound), [`NotFound::Destroyed`](crate::error::NotFound),
    /// [`Refused::ProjectName`](crate::error::Refused), those of a vault write.
    pub fn hold_project(&mut self, name: &str, reason: &str) -> Result<Effect, Error> {
        let reason = &checked_text("the reason", reason)?;
        self.change(&Change::ProjectHeld { project: name, reason })
    }

    /// Takes a hold off, if there is one.
    ///
    /// # Errors
    /// [`NotFound::Project`](crate::error::NotFound), [`NotFound::Destroyed`](crate::error::NotFound), those of a vault
    /// write.
    pub fn release_project(&mut self, name: &str) -> Result<Effect, Error> {
        self.change(&Change::ProjectReleased { project: name })
    }
}
