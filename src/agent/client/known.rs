//! Questions for what the vault knows besides projects and secrets.

use super::{AskError, Client, Unanswered};
use crate::agent::protocol::{Answer, Question};
use crate::format::Timestamp;
use crate::vault::KitInfo;

impl Client {
    /// Returns every recovery kit there ever was.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn kits(&self) -> Result<Vec<KitInfo>, AskError> {
        match self.ask(&Question::Kits)? {
            Answer::Kits(kits) => Ok(kits.into_iter().map(KitInfo::from).collect()),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }

    /// Returns the newest time in the vault.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn newest_time(&self) -> Result<Timestamp, AskError> {
        match self.ask(&Question::NewestTime)? {
            Answer::NewestTime(newest) => Ok(newest),
            _ => Err(Unanswered::Nonsense.into()),
        }
    }
}
