//! Secrets as a client asks for them.

use super::{AskError, Client, Unanswered};
use crate::agent::protocol::{Answer, Question, SecretEditAsked};
use crate::format::secret::SecretValue;
#[cfg(doc)]
use crate::vault::Unlocked;
use crate::vault::{Before, Effect, Notice, SecretEdit, SecretInfo};

impl Client {
    /// Returns every secret that the agent answers for without its value, by name.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn secrets(&self) -> Result<Vec<SecretInfo>, AskError> {
        match self.ask(&Question::Secrets)? {
            Answer::Secrets(secrets) => Ok(secrets.into_iter().map(SecretInfo::from).collect()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Returns one secret without its value.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::secret`].
    pub fn secret(&self, name: &str) -> Result<SecretInfo, AskError> {
        match self.ask(&Question::Secret { name: name.into() })? {
            Answer::Secret(secret) => Ok((*secret).into()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Returns the value of a secret, or of one of its versions. The agent counts it.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::secret_value`].
    pub fn secret_value(&self, name: &str, version: Option<usize>) -> Result<SecretValue, AskError> {
        match self.ask(&Question::SecretValue { name: name.into(), version, under: self.under() })? {
            Answer::SecretValue(value) => Ok(value),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Edits a secret, or makes it. If there is no answer, it may have been changed: it is not asked again.
    ///
    /// # Errors
    /// [`AskError`]; of the vault as [`Unlocked::edit_secret`].
    pub fn edit_secret(&self, name: &str, edit: SecretEdit, before: Before) -> Result<(Effect, Vec<Notice>), AskError> {
        let edit = Box::new(SecretEditAsked::new(edit, before));
        match self.ask(&Question::EditSecret { secret: name.into(), edit })? {
            Answer::SecretChanged { effect, notices } => {
                Ok((effect.into(), notices.into_iter().map(Notice::from).collect()))
            }
            _ => Err(Unanswered::Nonsense.into()),
        }
    }
}
