//! What the checks go by: what stands in clear in the vault file, and what unlocking it has told.

use crate::crypto::kdf::KdfCost;
use crate::error::RolledBack;
use crate::format::vault::Header;
use crate::format::{DataKeyId, VaultId};
use crate::vault::{Source, Unlocked};

/// What the other checks need to know of the vault.
pub struct Known {
    pub id: VaultId,
    pub generation: u64,
    pub digest: [u8; 32],
    pub data_key: DataKeyId,
    /// The file itself parses.
    pub is_current: bool,
    /// The recovery kits that open it.
    pub kits: Vec<String>,
}

/// What unlocking has told, where there was a password: more than stands in clear.
pub struct Opened {
    pub(super) source: Source,
    pub(super) header: Header,
    /// What a new password is to cost.
    pub(super) policy: Option<KdfCost>,
    pub(super) rolled_back: Option<RolledBack>,
    pub(super) ancestors: Vec<[u8; 16]>,
}

impl Opened {
    /// Takes down what the checks need of an unlocked vault.
    pub fn of(vault: &Unlocked) -> Self {
        let rolled_back = vault.rolled_back().cloned();
        let ancestors = vault.ancestors();
        let policy = vault.policy().ok();
        Self { source: vault.source().clone(), header: vault.header().clone(), policy, rolled_back, ancestors }
    }
}
