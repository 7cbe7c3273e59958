//! Why a question to the agent came to nothing.

use std::io;

use crate::agent::place::{Place, PlaceError};
use crate::agent::protocol::Refusal;
use crate::error::Error;

/// Why there is no answer from an agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// No agent is running for this vault.
    #[error("no agent is running for this vault")]
    NotRunning,
    /// The place of the socket cannot be trusted.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Another user listens there.
    #[error("another user listens at the agent's socket")]
    OtherUser,
    /// The agent speaks another protocol.
    #[error("the agent is of another version of Strongroom")]
    OtherProtocol,
    /// The agent says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It did not answer in time.
    #[error("the agent did not answer in time")]
    TooSlow,
    /// It went away, or another program answers there.
    #[error("the agent went away")]
    Gone,
    /// The answer is to another question.
    #[error("the agent gave an answer that does not fit the question")]
    Nonsense,
    /// The system refused.
    #[error("the agent cannot be asked: {}", crate::disk::plain(.0))]
    Io(io::Error),
}

impl Unanswered {
    /// Tells whether somebody who unlocked the vault would expect an answer: something is in one of the places.
    #[must_use]
    pub fn is_surprising(&self, places: &[Place]) -> bool {
        match self {
            Self::NotRunning => false,
            Self::Place(PlaceError::NotPrivate { .. } | PlaceError::Io { .. }) => {
                places.iter().any(|place| place.socket().symlink_metadata().is_ok())
            }
            _ => true,
        }
    }
}

/// Why a question to the agent came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The vault said no: without an agent it would have said the same.
    #[error(transparent)]
    Vault(Error),
    /// There is no answer. If it was a change, it may have been made.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}
