//! The story of a vault: made, opened, unlocked, changed, its password changed. Takes the store, the keychain and
//! the computer as they are handed in; nothing here prompts, prints or reads the environment.
//!
//! [`Vault`] knows what stands in clear, [`FoundKey`] has the wrapped data key beside it, and only
//! [`Unlocked`] has operations on keys.

mod contents;
mod destroy;
mod destruction;
mod keys;
mod kits;
mod log;
mod open_vault;
mod project;
mod protocol;
mod secrets;
mod signing;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::crypto::cobblestone;
use crate::crypto::hmac::{sha256, sha512};
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::DataKey;
use crate::error::{Error, RolledBack, Subject};
use crate::format::item::LogTip;
use crate::format::vault::{Document, Header, Payload};
use crate::format::{FormatError, Timestamp, VaultId, label};
use crate::host::Host;
use crate::keychain::{ItemLock, Keychain};
use crate::store::Store;

pub use crate::format::vault::{Declared, DestructionRecord, Engagement, Revision, Setting, Stage, Terms};
pub use contents::Effect;
pub use contents::destruction::DestructionOrder;
pub use contents::engagement::{Destruction, EngagementFacts, EngagementState, Term, TermChange};
pub use contents::join::Joined;
pub use contents::keys::{SharedKey, SharedKeys};
pub use contents::kits::{KitInfo, NewKit};
pub use contents::logs::{LogPolicy, Logging, ReasonPolicy};
pub use contents::project::{HoldInfo, KeyInfo, NewProject, ProjectInfo};
pub use contents::secret_edits::{Before, NewSecret, SecretEdit, SecretsOfProject, check_new_secret};
pub use contents::secrets::{SecretInfo, SecretVersion};
pub use contents::times::KeyAge;
pub use destruction::CopyOpens;
pub use keys::Among;
pub use log::{DisclosedRecord, Forgotten, Gap, LogState, ReadLog, ReadRecord, open_disclosed};
pub use open_vault::{OpenVault, current_version};
pub use protocol::copies::{Restored, check_install, install};
pub use protocol::create::create;
pub use protocol::enrolment::OpenedByKit;
pub use protocol::follow::Recorded;
pub use protocol::merge::Merged;
pub use protocol::password::PasswordChanged;
pub use protocol::rotation::{NextKit, Rotation, SETTLING_SECONDS, Settle};
pub use protocol::unlock::FoundKey;
pub use protocol::write::Accepted;
pub use signing::SigningInfo;

/// How long a write waits for another process's.
pub const LOCK_WAIT: Duration = Duration::from_secs(60);

/// How long a reading command waits for a write under way, to learn whether that explains a difference.
const READ_WAIT: Duration = Duration::from_secs(2);

/// The three edges a vault is used through. Clones are cheap and lead to the same places.
#[derive(Clone)]
pub struct Edges {
    /// Where the vault file lies.
    pub store: Arc<dyn Store>,
    /// Where this computer's items lie.
    pub keychain: Arc<dyn Keychain>,
    /// The computer.
    pub host: Arc<dyn Host>,
}

impl Edges {
    /// Takes this computer's lock of the vault's items. Whoever needs the vault file's lock too takes that one first,
    /// and never while holding this one. Writing an anchor takes it by itself.
    fn lock_items(&self, vault: VaultId) -> Result<ItemLock, Error> {
        Ok(self.keychain.lock(&vault.to_string(), LOCK_WAIT)?)
    }

    /// Sees to it that what the keychain has just taken survives a power cut, as far as this program can: an OS
    /// keychain's own program may write it out later than it says.
    fn sync_keychain(&self) {
        if !self.keychain.settles_at_once() {
            self.host.sync_disks();
        }
    }
}

/// Which of the two vault files was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The vault file itself.
    Current,
    /// The one before it, since the vault file cannot be used.
    Previous {
        /// Why not.
        reason: String,
        /// It is under a data key that this computer does not hold: another computer rotated it, or it is damaged.
        other_key: bool,
    },
    /// Neither: a copy from elsewhere, which is to take the vault file's place or to be merged into it.
    Copy,
}

/// Something the user should know though the operation went on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// This computer had no (valid) memory of the vault; it has one now.
    AnchorMissing {
        /// The generation of the vault that was taken as it is.
        generation: u64,
    },
    /// The memory of the last write could not be renewed.
    AnchorNotWritten {
        /// Why.
        reason: String,
    },
    /// The vault file was written, and a second copy of it beside it was not.
    NoSecondCopy {
        /// Why.
        reason: String,
    },
    /// The vault is not the one this computer last recorded.
    RolledBack(RolledBack),
    /// The previous vault file was read instead.
    ReadPrevious {
        /// Why.
        reason: String,
        /// Its generation.
        generation: u64,
        /// The vault file is under a data key that this computer does not hold.
        other_key: bool,
    },
    /// More than one keychain item matches; one of them opened.
    SeveralItems {
        /// How many.
        count: usize,
    },
    /// The item holds two passwords' wraps: a password change was cut short.
    TwoPasswords,
    /// A rotation of the data key that was under way is over.
    RotationFinished,
    /// An older, diverged or previous vault file was taken as the vault from now on.
    Accepted {
        /// The generation it goes on with.
        generation: u64,
        /// The name of what stood there, if anything did.
        aside: Option<String>,
    },
    /// The keychain holds a data key that this vault does not use: a rotation was given up on another computer, or this
    /// is a vault from before one that was taken as it is.
    OtherDataKey,
    /// The keychain lost the next data key, so the rotation was restarted.
    RotationRestarted,
    /// A rotation that was ordered was cancelled.
    RotationCancelled(CancelReason),
    /// Another computer rotates the data key; when it is done, this one needs a kit.
    RotationElsewhere,
    /// The vault has no key for an access log yet, and could not be given one.
    NoLogKey {
        /// Why.
        reason: String,
    },
    /// A rotation could not go on.
    RotationStuck {
        /// Why.
        reason: String,
    },
}

/// Why a rotation of the data key was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The keychain lost the next data key, and another rotation would end recovery kits.
    KeyLost,
    /// The kit that opened the vault does not open the next data key.
    OtherKit,
    /// It was cancelled earlier, and none has been started since.
    Earlier {
        /// When it was.
        since: Timestamp,
    },
}

/// A vault of which only what stands in clear is known.
pub struct Vault {
    store: Arc<dyn Store>,
    /// What stands in the vault file's place, read or damaged: what a write must still find there.
    standing: Option<Vec<u8>>,
    document: Document,
    source: Source,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("id", &self.id()).field("source", &self.source).finish_non_exhaustive()
    }
}

impl Vault {
    /// Returns the vault's id. It is not authenticated until the vault is unlocked.
    #[must_use]
    pub fn id(&self) -> VaultId {
        self.document.header.vault
    }

    /// Returns what stands in clear. It is not authenticated until the vault is unlocked.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.document.header
    }

    /// Returns the digest that anchors know this vault write by.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest(&self.document)
    }

    /// Tells which of the two vault files was read.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }
}

/// A vault whose data key is in memory. Dropping it wipes the key. It is opened without a write; [`Unlocked::tend`]
/// finishes what an unlock has to finish.
pub struct Unlocked {
    edges: Edges,
    standing: Option<Vec<u8>>,
    document: Document,
    source: Source,
    /// Shared with the duplicates of this vault, so that it is in memory once.
    data_key: Arc<DataKey>,
    payload: Payload,
    memory: protocol::anchor::Memory,
    /// How far this computer's access log was when the anchor was last read under the lock.
    logged: Option<LogTip>,
    /// How many entries of the log could not be written since the last one that could, where that refuses nothing.
    lost: Arc<AtomicU64>,
    wraps: protocol::wraps::Wraps,
    opened_wrap: usize,
    /// No other item of this vault is beside it.
    alone: bool,
    /// [`Unlocked::tend`] finished a rotation.
    finished_rotation: bool,
    /// It takes only vault files that descend from the one it has.
    follows: Option<protocol::follow::Follows>,
    notices: Vec<Notice>,
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unlocked").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Unlocked {
    /// Returns the vault's id.
    #[must_use]
    pub fn id(&self) -> VaultId {
        self.document.header.vault
    }

    /// Returns what stands in clear in the vault file.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.document.header
    }

    #[cfg(test)]
    fn data_key(&self) -> &DataKey {
        &self.data_key
    }

    /// Takes what the user should be told, leaving nothing.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Returns when the password that opened the vault was set.
    #[must_use]
    pub fn password_set_at(&self) -> Timestamp {
        self.wrap().header.at
    }

    /// Returns what Argon2id cost for the password that opened the vault.
    #[must_use]
    pub fn kdf_cost(&self) -> KdfCost {
        self.wrap().header.kdf.cost
    }

    /// Returns the cost chosen for this vault: what the next password change uses.
    ///
    /// # Errors
    /// [`Error::Kdf`]; the payload was checked when it was opened.
    pub fn policy(&self) -> Result<KdfCost, Error> {
        self.payload
            .policy
            .cost()
            .map_err(|error| Error::from_format(Subject::Content("the vault's KDF policy"), error))
    }

    /// Returns the generation this computer saw last, where it is not the one that stands.
    #[must_use]
    pub fn rolled_back(&self) -> Option<&RolledBack> {
        match &self.memory {
            protocol::anchor::Memory::RolledBack(rolled_back) => Some(rolled_back),
            _ => None,
        }
    }

    /// Returns what the earlier writes are known by that are all in this one: the first half of each one's digest.
    #[must_use]
    pub fn ancestors(&self) -> Vec<[u8; 16]> {
        self.payload.ancestors.iter().map(|ancestor| ancestor.0).collect()
    }

    /// Tells which of the two vault files was opened.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Tells whether the previous vault file was read, since the vault file itself cannot be used.
    #[must_use]
    pub fn reads_previous(&self) -> bool {
        matches!(self.source, Source::Previous { .. })
    }

    fn wrap(&self) -> &crate::format::item::Wrap {
        self.wraps.at(self.opened_wrap)
    }
}

/// Opens a document's payload.
fn open_payload(document: &Document, data_key: &DataKey) -> Result<Payload, FormatError> {
    let plaintext = open_payload_bytes(document, data_key)?;
    Payload::parse(&plaintext)
}

fn open_payload_bytes(document: &Document, data_key: &DataKey) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    let context: [&[u8]; 2] = [label::VAULT, &sha512(&document.protected)];
    cobblestone::open(data_key.expose(), &context, &document.payload)
        .map_err(|error| FormatError::Malformed(format!("the payload does not open: {error}")))
}

/// Returns what anchors and ancestors know a vault write by.
fn digest(document: &Document) -> [u8; 32] {
    sha256(&document.payload)
}

#[cfg(test)]
mod tests;
