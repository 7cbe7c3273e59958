//! What is in a vault: projects, file keys, secrets, kits, and what other programs put there. Pure: nothing here knows a store,
//! a keychain or a clock. Whoever writes the vault hands it what is there now.

pub mod change;
pub mod destroy;
pub mod destruction;
pub mod engagement;
pub mod join;
pub mod keys;
pub mod kits;
pub mod logs;
pub mod project;
pub mod secret_edits;
pub mod secrets;
pub mod signing;
pub mod times;
pub mod unread;

use crate::crypto::secret::DataKey;
use crate::format::vault::{Payload, Slot};
use crate::format::{DataKeyId, Timestamp, VaultId};

/// Whether a call had anything to change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effect {
    /// The vault was changed.
    #[default]
    Changed,
    /// Everything was so already, and nothing was written.
    AlreadySo,
}

/// What an edit of the payload may use besides the payload.
pub struct Editing<'a> {
    pub vault: VaultId,
    pub data_key: &'a DataKey,
    pub data_key_id: DataKeyId,
    pub now: Timestamp,
}

/// What a change may change: the payload, and the slots that stand in clear.
#[derive(Clone)]
pub struct Contents {
    pub payload: Payload,
    pub slots: Vec<Slot>,
}
