//! Types to bytes and back: the vault file, the keychain items, the sealed file's header. The normative text is
//! docs/format.md. Nothing here reads a file, knows a key's use or trusts a number it has not checked.

mod date;

// For tests, and for other programs that read the bytes: not shown, and not promised to stay.
#[doc(hidden)]
pub mod item;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod kit;
pub mod log;
#[doc(hidden)]
pub mod name;
#[doc(hidden)]
pub mod scalar;
#[doc(hidden)]
pub mod sealed;
#[doc(hidden)]
pub mod secret;
#[doc(hidden)]
pub mod signing;
#[doc(hidden)]
pub mod vault;

pub use date::Date;
pub use kit::{KitCodeError, KitName};
pub use name::NameError;
pub use scalar::{
    DataKeyId, EnrolmentId, FileId, KitId, ProjectId, RevisionId, SecretId, SigningKeyId, Timestamp, VaultId,
};
pub use vault::{Document, Header, KeyState};

/// The contexts bound into sealed messages and derived keys; one row each in docs/format.md.
#[doc(hidden)]
pub mod label {
    /// The data key under the KEK, followed by SHA-512 of the wrap's protected bytes.
    pub const DATA_KEY: &[u8] = b"strongroom/v1/data-key";
    /// The vault's payload under the data key, followed by SHA-512 of the vault's protected bytes.
    pub const VAULT: &[u8] = b"strongroom/v1/vault";
    /// A file key under the data key, followed by vault id, project id and version (u32).
    pub const FILE_KEY: &[u8] = b"strongroom/v1/file-key";
    /// A version of a secret under the data key, followed by vault id and the version's id.
    pub const SECRET: &[u8] = b"strongroom/v1/secret";
    /// The data key under a recovery kit's secret, followed by vault id, data key id and kit id.
    pub const RECOVERY: &[u8] = b"strongroom/v1/recovery";
    /// The checksum in a recovery kit's code, followed by the kit's secret.
    pub const KIT_CODE: &[u8] = b"strongroom/v1/kit-code";
    /// A content key under a file key, followed by the sealed file's prelude.
    pub const CONTENT_KEY: &[u8] = b"strongroom/v1/content-key";
    /// A sealed file's metadata under its content key, followed by the prelude.
    pub const METADATA: &[u8] = b"strongroom/v1/metadata";
    /// Derives the key of a header block's MAC from the content key.
    pub const HEADER_MAC: &[u8] = b"strongroom/v1/header-mac";
    /// The anchor key under the data key, followed by vault id.
    pub const ANCHOR_KEY: &[u8] = b"strongroom/v1/anchor-key";
    /// Derives the key of the anchor's MAC from the anchor key.
    pub const ANCHOR: &[u8] = b"strongroom/v1/anchor";
    /// A key of the access log under the data key, followed by vault id and version (u32).
    pub const LOG_KEY: &[u8] = b"strongroom/v1/log-key";
    /// A record of the access log under a log key, followed by vault id, enrolment id, number (u64) and the digest of the
    /// record before.
    pub const LOG: &[u8] = b"strongroom/v1/log";
    /// A signing key under the data key, followed by vault id and the key's id.
    pub const SIGNING_KEY: &[u8] = b"strongroom/v1/signing-key";
    /// Reserved: an identity that others encrypt for, under the data key, followed by vault id and the identity's id.
    pub const IDENTITY: &[u8] = b"strongroom/v1/identity";
    /// Derives what a report shows of a file key.
    pub const KEY_CHECK: &[u8] = b"strongroom/v1/key-check";
}

/// Why some bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes are not in the format at all, or break one of its rules.
    #[error("{0}")]
    Malformed(String),
    /// The format is ours but newer than this program.
    #[error("format version {found} is newer than this program, which reads version {known}")]
    Version {
        /// The version found.
        found: u64,
        /// The newest version this program reads.
        known: u64,
    },
    /// The format is ours but needs something this program does not have.
    #[error("it uses {0}, which this program does not have")]
    Feature(&'static str),
    /// What programs wrote before the formats were frozen.
    #[error("it was made before the first release")]
    BeforeRelease,
    /// Argon2 parameters outside what is accepted.
    #[error(transparent)]
    Kdf(#[from] crate::crypto::kdf::KdfError),
}

impl FormatError {
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

#[cfg(test)]
mod tests {
    /// Returns the labels of a text, each after `before` and up to `after`.
    fn labels<'t>(text: &'t str, before: &str, after: char) -> Vec<&'t str> {
        let mut labels: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim_start().split_once(before)?.1.split_once(after))
            .map(|(label, _)| label)
            .filter(|label| label.starts_with("strongroom/v1/"))
            .collect();
        labels.sort_unstable();
        labels
    }

    #[test]
    fn every_label_is_in_the_one_table_of_them() {
        let own = labels(include_str!("mod.rs"), ": &[u8] = b\"", '"');
        let table = include_str!("../../docs/format.md").split("\n## ").find(|part| part.starts_with("3. All labels"));
        assert!(own.len() > 10 && own.windows(2).all(|pair| pair[0] != pair[1]), "{own:?}");
        assert_eq!(own, labels(table.unwrap(), "| `", '`'));
    }
}
