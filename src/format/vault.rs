//! The vault file: a small part in clear, and the payload that only the data key opens.

mod destruction;
mod engagement;
mod logs;
mod rotation;
mod slot;

use serde::{Deserialize, Serialize};

use super::json::{StrictValue, closed_object, open_object, parse, to_padded};
use super::kit::KitName;
use super::scalar::{Base64, FixedBase64};
use super::signing::{ReportRecord, SigningKey};
use super::{DataKeyId, FormatError, KitId, ProjectId, SecretId, Timestamp, VaultId};
use crate::crypto::kdf::{KdfCost, PEPPER_LEN};
use zeroize::Zeroizing;

pub use destruction::{DestructionRecord, DestructionStep, KeyCheck, Stage};
pub use engagement::{Declared, Engagement, Revision, Setting, Terms};
pub use logs::{LogKeyVersion, LogWitness, LoggingRevision};
pub use rotation::{Cancelled, Moment, Part, Rotation, UnderWay};
pub use slot::{KitSlot, Slot};

/// The largest vault file that is read, in bytes; about 100,000 keys are a quarter of it.
pub const SIZE_LIMIT: u64 = 256 << 20;
/// The payload is padded to a multiple of this many bytes.
pub const PAYLOAD_BLOCK: usize = 4096;
/// How many earlier writes a vault remembers.
pub const ANCESTOR_LIMIT: usize = 256;
/// Features a payload may need that this program has.
pub const FEATURES: [&str; 0] = [];
/// What begins an entry of `needs` that asks less of a program: it may change the vault, but not give it another data
/// key, unless it can wrap what the named member holds.
pub const RENEW: &str = "renew:";
/// The members besides `projects` and `secrets` that hold what is wrapped under the data key and that this program
/// wraps anew.
pub const RENEWED: [&str; 2] = ["log_keys", "signing"];

const FORMAT: &str = "strongroom-vault";
const VERSION: u64 = 1;

closed_object! {
    struct Outer {
        format: String,
        version: u64,
        protected: Base64,
        payload: Base64,
    }
}

/// What can be read before anything is trusted: the format's name and version.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u64,
}

closed_object! {
    /// The part of the vault file that stands in clear and is bound into the payload.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Header {
        /// The vault's id.
        pub vault: VaultId,
        /// Counts the vault's writes, from 1.
        pub generation: u64,
        /// Which data key seals the payload.
        pub data_key: DataKeyId,
        /// Argon2id's secret input: without it the keychain item alone lets no guess be tested.
        pub pepper: FixedBase64<PEPPER_LEN>,
        /// When the vault was made.
        pub created: Timestamp,
        /// The ways to the data key that need no keychain.
        pub slots: Vec<Slot>,
    }
}

/// A vault file, parsed but not opened.
#[derive(Debug, Clone)]
pub struct Document {
    /// What stands in clear. Not authenticated until the payload has opened.
    pub header: Header,
    /// The header's bytes as they stand in the file: what the payload is bound to.
    pub protected: Vec<u8>,
    /// The sealed payload.
    pub payload: Vec<u8>,
}

impl Document {
    /// Reads a vault file.
    ///
    /// # Errors
    /// [`FormatError::Version`] for a newer vault, [`FormatError::Malformed`] for everything else that is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let outer: Outer = match parse("the vault file", bytes) {
            Ok(outer) => outer,
            Err(error) => {
                // A newer version may have other members: then its number is the better answer.
                let version: Version = serde_json::from_slice(bytes).map_err(|_| error.clone())?;
                check_version(&version.format, version.version)?;
                return Err(error);
            }
        };
        check_version(&outer.format, outer.version)?;
        let header: Header = parse("the vault's protected part", &outer.protected.0)
            .map_err(|error| if is_from_before(&outer.protected.0) { FormatError::BeforeRelease } else { error })?;
        if header.generation == 0 {
            return Err(FormatError::malformed("the vault's generation is 0"));
        }
        Ok(Self { header, protected: outer.protected.0, payload: outer.payload.0 })
    }

    /// Writes the vault file.
    ///
    /// # Errors
    /// None in practice: the members are plain text.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FormatError> {
        let outer = Outer {
            format: FORMAT.into(),
            version: VERSION,
            protected: Base64(self.protected.clone()),
            payload: Base64(self.payload.clone()),
        };
        let mut bytes = serde_json::to_vec(&outer).map_err(|error| FormatError::malformed(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Header {
    /// Returns the recovery kits that open the vault.
    pub fn kits(&self) -> impl Iterator<Item = &KitSlot> {
        self.slots.iter().filter_map(Slot::as_kit)
    }

    /// Writes the header as it is bound into the payload.
    ///
    /// # Errors
    /// None in practice: the members are plain text.
    pub fn to_protected(&self) -> Result<Vec<u8>, FormatError> {
        serde_json::to_vec(self).map_err(|error| FormatError::malformed(error.to_string()))
    }
}

/// Tells whether a protected part is as programs wrote it before the formats were frozen.
fn is_from_before(protected: &[u8]) -> bool {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(protected).ok();
    parsed.is_some_and(|members| members.get("recovery").is_some() && members.get("slots").is_none())
}

fn check_version(format: &str, version: u64) -> Result<(), FormatError> {
    if format != FORMAT {
        return Err(FormatError::malformed("the file is not a Strongroom vault"));
    }
    if version > VERSION {
        return Err(FormatError::Version { found: version, known: VERSION });
    }
    if version == 0 { Err(FormatError::malformed("the vault's format version is 0")) } else { Ok(()) }
}

open_object! {
    /// What only the data key opens.
    pub struct Payload {
        /// Features a program must have to change this vault, or, after [`RENEW`], to rotate its data key.
        pub needs: Vec<String> = default,
        /// What Argon2id costs at the next password change.
        pub policy: Policy,
        /// The wrapped key that authenticates anchors.
        pub anchor_key: Base64,
        /// The first 16 bytes of the digest of each earlier write, oldest first.
        pub ancestors: Vec<FixedBase64<16>> = default,
        /// The rotation of the data key that is under way, or was cancelled and is still owed.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub rotation: Option<Rotation> = default,
        /// The projects.
        pub projects: Vec<Project> = default,
        /// Every version of every secret.
        pub secrets: Vec<Secret> = default,
        /// Every recovery kit there ever was.
        pub kits: Vec<KitRecord> = default,
        /// Every key that ever signed reports.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub signing: Vec<SigningKey> = default,
        /// Every report that was made.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub reports: Vec<ReportRecord> = default,
        /// Every version of the key of the access log. Computers that make one apart may give a version twice.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub log_keys: Vec<LogKeyVersion> = default,
        /// How far the access logs were when this computer, or another one, wrote the vault.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub logs: Vec<LogWitness> = default,
        /// What was decided about what has to be logged.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub logging: Vec<LoggingRevision> = default,
    }
}

open_object! {
    /// Argon2id's cost as the payload states it.
    pub struct Policy {
        /// `argon2id`.
        pub algorithm: String,
        /// Argon2's own version: 19.
        pub version: u32,
        /// Memory in KiB.
        pub m: u32,
        /// Passes.
        pub t: u32,
        /// Lanes.
        pub p: u32,
    }
}

open_object! {
    /// What is remembered of a recovery kit. Its secret is stored nowhere.
    pub struct KitRecord {
        /// Its id.
        pub id: KitId,
        /// Its number, from 1. Computers that make kits apart may give one number twice.
        pub number: u32,
        /// When it was made.
        pub created: Timestamp,
        /// When it was revoked, or a rotation of the data key ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ended: Option<Timestamp> = default,
        /// When the user said that its paper is destroyed.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub destroyed: Option<Timestamp> = default,
    }
}

open_object! {
    /// One project.
    pub struct Project {
        /// Its id, which never changes.
        pub id: ProjectId,
        /// Its name, unique in the vault.
        pub name: String,
        /// The client, in the user's words; may be empty.
        pub client: String = default,
        /// When it was added.
        pub created: Timestamp,
        /// A note, in the user's words; may be empty.
        pub note: String = default,
        /// Its file keys.
        pub keys: Vec<ProjectKey>,
        /// What keeps it from being destroyed.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub hold: Option<Hold> = default,
        /// When its keys were destroyed.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub destroyed: Option<Timestamp> = default,
        /// What was agreed about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub engagement: Option<Engagement> = default,
        /// Its destruction, if that was ordered.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub destruction: Option<DestructionRecord> = default,
    }
}

open_object! {
    /// A hold on a project, such as for a law suit.
    pub struct Hold {
        /// Since when.
        pub since: Timestamp,
        /// Why, in the user's words; may be empty.
        pub reason: String = default,
    }
}

open_object! {
    /// One version of a project's file key.
    pub struct ProjectKey {
        /// Counts from 1.
        pub version: u32,
        /// What it is used for.
        pub state: KeyState,
        /// When it was made.
        pub created: Timestamp,
        /// The wrapped file key; empty once it is destroyed.
        pub wrapped: Base64,
        /// What the last scan found under this version.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub seen: Option<Seen> = default,
        /// It came from elsewhere.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub imported: bool = default,
        /// When a file was first sealed under it, as far as anybody noted it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub sealed: Option<Timestamp> = default,
    }
}

open_object! {
    /// How many files a scan found under a key.
    pub struct Seen {
        /// How many.
        pub files: u64,
        /// When.
        pub at: Timestamp,
    }
}

open_object! {
    /// One version of a secret. A version never changes: an edit adds one.
    pub struct Secret {
        /// The version's id.
        pub id: SecretId,
        /// The wrapped value.
        pub wrapped: Base64,
        /// The secret that it is a version of.
        pub of: SecretId,
        /// The versions that it replaces.
        pub after: Vec<SecretId> = default,
        /// The secret's name.
        pub name: String,
        /// The project that it belongs to, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub project: Option<ProjectId> = default,
        /// What kind of secret it is.
        pub kind: String = default,
        /// The account.
        pub user: String = default,
        /// Where it is used.
        pub urls: Vec<String> = default,
        /// Words to find it by.
        pub tags: Vec<String> = default,
        /// When this version was made.
        pub made: Timestamp,
        /// The secret was removed.
        pub removed: bool = default,
        /// What it was imported from.
        pub from: String = default,
    }
}

/// What a file key's version is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Opens files; the highest active version also encrypts.
    Active,
    /// Opens files, but none should be under it any more.
    Retired,
    /// Gone.
    Destroyed,
}

impl Policy {
    /// States a cost.
    #[must_use]
    pub fn new(cost: KdfCost) -> Self {
        Self {
            algorithm: super::item::ARGON2ID.into(),
            version: super::item::ARGON2_VERSION,
            m: cost.memory_kib,
            t: cost.passes,
            p: cost.lanes,
            others: Default::default(),
        }
    }

    /// Returns the cost, checked against floor and ceiling.
    ///
    /// # Errors
    /// [`FormatError`] for another algorithm or numbers out of range.
    pub fn cost(&self) -> Result<KdfCost, FormatError> {
        super::item::check_algorithm(&self.algorithm, self.version)?;
        let cost = KdfCost { memory_kib: self.m, passes: self.t, lanes: self.p };
        cost.check()?;
        Ok(cost)
    }
}

impl KitRecord {
    /// Returns what the kit is called.
    #[must_use]
    pub fn name(&self) -> KitName {
        KitName { number: self.number, id: self.id }
    }
}

impl Project {
    /// Returns the key that encrypts: the highest active version.
    #[must_use]
    pub fn current(&self) -> Option<&ProjectKey> {
        self.keys.iter().filter(|key| key.state == KeyState::Active).max_by_key(|key| key.version)
    }
}

impl Payload {
    /// Reads an opened payload and checks what the format promises: names, ids and versions are unique.
    ///
    /// # Errors
    /// [`FormatError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let payload: Self = parse("the vault's payload", bytes)?;
        payload.policy.cost()?;
        let mut names = std::collections::HashSet::new();
        let mut ids = std::collections::HashSet::new();
        for project in &payload.projects {
            if !names.insert(project.name.as_str()) {
                return Err(FormatError::malformed("two projects have the same name"));
            }
            if !ids.insert(project.id) {
                return Err(FormatError::malformed("two projects have the same id"));
            }
            let mut versions: Vec<u32> = project.keys.iter().map(|key| key.version).collect();
            versions.sort_unstable();
            if versions.first() == Some(&0) || versions.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(FormatError::malformed("a project's key versions are not distinct numbers from 1"));
            }
            let mut revisions = std::collections::HashSet::new();
            let all = project.engagement.iter().flat_map(|engagement| &engagement.revisions);
            if !all.into_iter().all(|revision| revisions.insert(revision.id)) {
                return Err(FormatError::malformed("two revisions of an engagement have the same id"));
            }
        }
        let mut kits = std::collections::HashSet::new();
        if payload.kits.iter().any(|kit| kit.number == 0 || !kits.insert(kit.id)) {
            return Err(FormatError::malformed("two recovery kits have the same id, or one the number 0"));
        }
        let parts = payload.under_way().map(|rotation| &rotation.enrolments[..]).unwrap_or_default();
        let mut machines = std::collections::HashSet::new();
        if !parts.iter().all(|part| machines.insert(part.id)) {
            return Err(FormatError::malformed("a rotation names a computer twice"));
        }
        let mut secrets = std::collections::HashSet::new();
        if !payload.secrets.iter().all(|secret| secrets.insert(secret.id)) {
            return Err(FormatError::malformed("two versions of secrets have the same id"));
        }
        let mut signing = std::collections::HashSet::new();
        if !payload.signing.iter().all(|key| signing.insert(key.id)) {
            return Err(FormatError::malformed("two signing keys have the same id"));
        }
        Ok(payload)
    }

    /// Returns the rotation of the data key that is under way.
    #[must_use]
    pub fn under_way(&self) -> Option<&UnderWay> {
        match &self.rotation {
            Some(Rotation::UnderWay(rotation)) => Some(rotation),
            _ => None,
        }
    }

    /// Returns the rotation of the data key that is under way, to be changed.
    pub fn under_way_mut(&mut self) -> Option<&mut UnderWay> {
        match &mut self.rotation {
            Some(Rotation::UnderWay(rotation)) => Some(rotation),
            _ => None,
        }
    }

    /// Returns which data key a rotation under way moves to.
    #[must_use]
    pub fn next_data_key(&self) -> Option<DataKeyId> {
        self.under_way().map(|rotation| rotation.data_key)
    }

    /// Cancels a rotation that is under way. It is still owed: whoever ordered it, or destroyed a project with it, was
    /// told that older vault files would be shut out.
    pub fn cancel_rotation(&mut self, since: Timestamp) {
        if self.under_way().is_some() {
            self.rotation = Some(Rotation::Cancelled(Cancelled { since, others: Default::default() }));
        }
    }

    /// Writes the payload as it is sealed.
    ///
    /// # Errors
    /// None in practice: the members are plain data.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        to_padded(self, PAYLOAD_BLOCK)
    }

    /// Tells which features this vault needs that the program lacks: such a vault is read-only.
    #[must_use]
    pub fn lacking(&self) -> Vec<&str> {
        let needs = self.needs.iter().map(String::as_str);
        needs.filter(|need| !need.starts_with(RENEW) && !FEATURES.contains(need)).collect()
    }

    /// Tells which members hold what is wrapped under the data key and this program cannot wrap anew, each as `needs`
    /// names it: such a vault keeps its data key.
    #[must_use]
    pub fn unrenewable(&self) -> Vec<String> {
        let is_renewed = |need: &str| need.strip_prefix(RENEW).is_some_and(|member| RENEWED.contains(&member));
        let named = self.needs.iter().filter(|need| need.starts_with(RENEW) && !is_renewed(need)).cloned();
        let unread = std::iter::once(&self.others).chain(self.projects.iter().map(|project| &project.others));
        // Whoever forgot to name it would lose it otherwise.
        let found = unread.flatten().filter(|(_, value)| value.has_member("wrapped"));
        let engagements = self.projects.iter().filter_map(|project| project.engagement.as_ref());
        let holds_wrapped = |(name, value): (&String, &StrictValue)| name == "wrapped" || value.has_member("wrapped");
        let is_within = |engagement: &Engagement| engagement.unknown().flatten().any(holds_wrapped);
        let within = engagements.into_iter().any(is_within).then(|| format!("{RENEW}engagement"));
        let destructions = self.projects.iter().filter_map(|project| project.destruction.as_ref());
        let ended = destructions.flat_map(DestructionRecord::unknown).flatten().any(holds_wrapped);
        let ended = ended.then(|| format!("{RENEW}destruction"));
        let found = found.map(|(name, _)| format!("{RENEW}{name}"));
        let mut all: Vec<String> = named.chain(found).chain(within).chain(ended).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests;
