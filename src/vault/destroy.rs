//! The end of a project: what is agreed about it, the hold that keeps it from being destroyed, its destruction.

use super::Unlocked;
use super::contents::Effect;
use super::contents::change::Change;
use super::contents::destroy::check;
use super::contents::engagement::{checked, checked_reason};
use super::contents::keys::SharedKeys;
use super::contents::project::checked_text;
use super::contents::secret_edits::SecretsOfProject;
use super::contents::times::newest;
use super::protocol::rotation::{NextKit, Rotation};
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::format::Timestamp;
use crate::format::vault::Terms;

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
    /// unless it gives none. The engagement keeps a trace of it, with who gave the order, which may be empty.
    ///
    /// # Errors
    /// [`NotFound::Project`](crate::error::NotFound), [`NotFound::Destroyed`](crate::error::NotFound),
    /// [`Refused::Text`](crate::error::Refused), those of a vault write.
    pub fn hold_project(&mut self, name: &str, reason: &str, by: &str) -> Result<Effect, Error> {
        let reason = &checked_text("the reason", reason)?;
        self.change(&Change::ProjectHeld { project: name, reason, by })
    }

    /// Takes a hold off for a reason, if there is a hold. The engagement keeps a trace of both.
    ///
    /// # Errors
    /// [`NotFound::Project`](crate::error::NotFound), [`NotFound::Destroyed`](crate::error::NotFound),
    /// [`Refused::Text`](crate::error::Refused), also if there is no reason; those of a vault write.
    pub fn release_project(&mut self, name: &str, reason: &str, by: &str) -> Result<Effect, Error> {
        let reason = &checked_reason(reason)?;
        self.change(&Change::ProjectReleased { project: name, reason, by })
    }

    /// Records what else is agreed about a project: a revision of its engagement, by whom, which may be empty. An empty
    /// text takes back what was there.
    ///
    /// # Errors
    /// As [`Unlocked::hold_project`].
    pub fn set_engagement(&mut self, name: &str, terms: &Terms, by: &str) -> Result<Effect, Error> {
        let terms = &checked(terms)?;
        self.change(&Change::EngagementSet { project: name, terms, by })
    }

    /// Returns the newest time in the vault. A clock that shows an earlier one is behind.
    #[must_use]
    pub fn newest_time(&self) -> Timestamp {
        newest(&self.payload, self.header().created)
    }
}
