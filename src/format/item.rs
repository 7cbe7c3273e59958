//! The two keychain items of a vault: the wrapped data key, and the anchor that remembers the last write.

use serde::Deserialize;

use super::json::{closed_object, parse};
use super::scalar::{Base64, FixedBase64};
use super::{DataKeyId, EnrolmentId, FormatError, Timestamp, VaultId};
use crate::crypto::kdf::{KdfCost, KdfParams};

/// The name of the one password hash there is.
pub const ARGON2ID: &str = "argon2id";
/// Argon2's version 1.3 (RFC 9106 section 3.1).
pub const ARGON2_VERSION: u32 = 19;
/// The most wraps an item holds.
pub const WRAP_LIMIT: usize = 4;

const WRAP_FORMAT: &str = "strongroom-data-key";
const ANCHOR_FORMAT: &str = "strongroom-anchor";
const VERSION: u64 = 1;

/// The data-key item.
#[derive(Debug, Clone)]
pub struct DataKeyItem {
    /// One to four wraps, the newest last.
    pub wraps: Vec<Wrap>,
}

/// The data key under one password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrap {
    /// What stands in clear beside it. Not authenticated until the wrap has opened.
    pub header: WrapHeader,
    /// The header's bytes as they stand in the item: what the wrap is bound to.
    pub protected: Vec<u8>,
    /// The wrapped data key.
    pub wrapped: Vec<u8>,
}

/// What a wrap says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrapHeader {
    /// The vault.
    pub vault: VaultId,
    /// Which data key is wrapped.
    pub data_key: DataKeyId,
    /// What gave this computer its item. A password change and a rotation of the data key keep it.
    pub enrolment: EnrolmentId,
    /// When it was wrapped: when this password was set.
    pub at: Timestamp,
    /// How the password becomes the KEK; within floor and ceiling.
    pub kdf: KdfParams,
}

closed_object! {
    struct ItemJson {
        wraps: Vec<WrapJson>,
    }
}

closed_object! {
    struct WrapJson {
        protected: Base64,
        wrapped: Base64,
    }
}

closed_object! {
    struct WrapHeaderJson {
        format: String,
        version: u64,
        vault: VaultId,
        data_key: DataKeyId,
        enrolment: EnrolmentId,
        at: Timestamp,
        kdf: KdfJson,
    }
}

closed_object! {
    struct KdfJson {
        algorithm: String,
        version: u32,
        m: u32,
        t: u32,
        p: u32,
        salt: Base64,
    }
}

pub(super) fn check_algorithm(algorithm: &str, version: u32) -> Result<(), FormatError> {
    if algorithm == ARGON2ID && version == ARGON2_VERSION {
        Ok(())
    } else {
        Err(FormatError::malformed("the password hash is not argon2id version 19"))
    }
}

/// What can be read of a protected part of any version.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u64,
}

/// Reads a protected part; where it does not parse, its version may be the better answer.
fn parse_protected<T: for<'a> Deserialize<'a>>(what: &str, format: &str, bytes: &[u8]) -> Result<T, FormatError> {
    parse(&format!("the {what}'s protected part"), bytes).map_err(|error| match serde_json::from_slice(bytes) {
        Ok(Version { format: found, version }) => check_version(what, &found, format, version).err().unwrap_or(error),
        Err(_) => error,
    })
}

/// Tells whether a wrap's protected part is as programs wrote it before the formats were frozen.
fn is_from_before(protected: &[u8]) -> bool {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(protected).ok();
    parsed.is_some_and(|members| {
        members["format"] == WRAP_FORMAT && members["version"] == VERSION && members.get("enrolment").is_none()
    })
}

fn check_version(what: &str, format: &str, expected: &str, version: u64) -> Result<(), FormatError> {
    if format != expected || version == 0 {
        return Err(FormatError::malformed(format!("the {what} is not one of Strongroom's")));
    }
    if version > VERSION { Err(FormatError::Version { found: version, known: VERSION }) } else { Ok(()) }
}

impl DataKeyItem {
    /// Reads an item. KDF parameters out of range are refused here, before any memory is spent on them.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let item: ItemJson = parse("the data-key item", bytes)?;
        if item.wraps.is_empty() || item.wraps.len() > WRAP_LIMIT {
            return Err(FormatError::malformed("the data-key item does not hold one to four wraps"));
        }
        let wraps = item.wraps.into_iter().map(Wrap::read).collect::<Result<_, _>>()?;
        Ok(Self { wraps })
    }

    /// Writes the item: ASCII text.
    ///
    /// # Errors
    /// None in practice: the members are plain text.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FormatError> {
        let wraps = self
            .wraps
            .iter()
            .map(|wrap| WrapJson { protected: Base64(wrap.protected.clone()), wrapped: Base64(wrap.wrapped.clone()) })
            .collect();
        serde_json::to_vec(&ItemJson { wraps }).map_err(|error| FormatError::malformed(error.to_string()))
    }
}

impl Wrap {
    fn read(json: WrapJson) -> Result<Self, FormatError> {
        let header: WrapHeaderJson = parse_protected("data-key item", WRAP_FORMAT, &json.protected.0)
            .map_err(|error| if is_from_before(&json.protected.0) { FormatError::BeforeRelease } else { error })?;
        check_version("data-key item", &header.format, WRAP_FORMAT, header.version)?;
        check_algorithm(&header.kdf.algorithm, header.kdf.version)?;
        let kdf = KdfParams {
            cost: KdfCost { memory_kib: header.kdf.m, passes: header.kdf.t, lanes: header.kdf.p },
            salt: header.kdf.salt.0,
        };
        kdf.check()?;
        Ok(Self {
            header: WrapHeader {
                vault: header.vault,
                data_key: header.data_key,
                enrolment: header.enrolment,
                at: header.at,
                kdf,
            },
            protected: json.protected.0,
            wrapped: json.wrapped.0,
        })
    }
}

impl WrapHeader {
    /// Writes the header as it is bound into the wrap.
    ///
    /// # Errors
    /// None in practice: the members are plain text.
    pub fn to_protected(&self) -> Result<Vec<u8>, FormatError> {
        let json = WrapHeaderJson {
            format: WRAP_FORMAT.into(),
            version: VERSION,
            vault: self.vault,
            data_key: self.data_key,
            enrolment: self.enrolment,
            at: self.at,
            kdf: KdfJson {
                algorithm: ARGON2ID.into(),
                version: ARGON2_VERSION,
                m: self.kdf.cost.memory_kib,
                t: self.kdf.cost.passes,
                p: self.kdf.cost.lanes,
                salt: Base64(self.kdf.salt.clone()),
            },
        };
        serde_json::to_vec(&json).map_err(|error| FormatError::malformed(error.to_string()))
    }
}

/// The last vault write that this computer has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The vault.
    pub vault: VaultId,
    /// The data key that sealed it.
    pub data_key: DataKeyId,
    /// Its generation.
    pub generation: u64,
    /// SHA-256 of its sealed payload.
    pub digest: [u8; 32],
    /// When it was seen.
    pub at: Timestamp,
    /// The end of this computer's access log, if it has one. Whoever knows of no log keeps what is there.
    pub log: Option<LogTip>,
}

closed_object! {
    /// The end of a computer's access log.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LogTip {
        /// Whose log.
        pub enrolment: EnrolmentId,
        /// How many records it has.
        pub count: u64,
        /// SHA-256 of the last one.
        pub tip: FixedBase64<32>,
        /// How many gaps in it somebody has accepted.
        pub gaps: u64,
    }
}

closed_object! {
    struct AnchorItemJson {
        protected: Base64,
        mac: FixedBase64<32>,
    }
}

closed_object! {
    struct AnchorJson {
        format: String,
        version: u64,
        vault: VaultId,
        data_key: DataKeyId,
        generation: u64,
        digest: FixedBase64<32>,
        at: Timestamp,
        #[serde(skip_serializing_if = "Option::is_none")]
        log: Option<LogTip> = default,
    }
}

/// An anchor item as it was read: what it claims, and what its MAC is over.
#[derive(Debug, Clone)]
pub struct AnchorItem {
    /// What it claims. Worth nothing until the MAC holds.
    pub anchor: Anchor,
    /// The bytes the MAC is over.
    pub protected: Vec<u8>,
    /// The MAC.
    pub mac: [u8; 32],
}

impl AnchorItem {
    /// Reads an item.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let item: AnchorItemJson = parse("the anchor item", bytes)?;
        let json: AnchorJson = parse_protected("anchor item", ANCHOR_FORMAT, &item.protected.0)?;
        check_version("anchor item", &json.format, ANCHOR_FORMAT, json.version)?;
        let anchor = Anchor {
            vault: json.vault,
            data_key: json.data_key,
            generation: json.generation,
            digest: json.digest.0,
            at: json.at,
            log: json.log,
        };
        Ok(Self { anchor, protected: item.protected.0, mac: item.mac.0 })
    }

    /// Writes the item of an anchor; `mac` gives the MAC of the bytes it is handed.
    ///
    /// # Errors
    /// None in practice: the members are plain text.
    pub fn write(anchor: &Anchor, mac: impl FnOnce(&[u8]) -> [u8; 32]) -> Result<Vec<u8>, FormatError> {
        let json = AnchorJson {
            format: ANCHOR_FORMAT.into(),
            version: VERSION,
            vault: anchor.vault,
            data_key: anchor.data_key,
            generation: anchor.generation,
            digest: FixedBase64(anchor.digest),
            at: anchor.at,
            log: anchor.log.clone(),
        };
        let failed = |error: serde_json::Error| FormatError::malformed(error.to_string());
        let protected = serde_json::to_vec(&json).map_err(failed)?;
        let mac = FixedBase64(mac(&protected));
        serde_json::to_vec(&AnchorItemJson { protected: Base64(protected), mac }).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keychain::ITEM_LIMIT;

    fn wrap(m: u32, t: u32) -> Wrap {
        let header = WrapHeader {
            vault: VaultId::from_bytes([1; 16]),
            data_key: DataKeyId::from_bytes([2; 16]),
            enrolment: EnrolmentId::from_bytes([5; 16]),
            at: Timestamp::from_unix(1_795_249_800),
            kdf: KdfParams { cost: KdfCost { memory_kib: m, passes: t, lanes: 4 }, salt: vec![3; 32] },
        };
        Wrap { protected: header.to_protected().unwrap(), header, wrapped: vec![4; 104] }
    }

    #[test]
    fn an_item_of_as_many_wraps_as_there_may_be_fits_every_keychain() {
        let mut longest = wrap(4 << 20, 8);
        longest.header.kdf.cost.lanes = 16;
        longest.header.kdf.cost.passes = 10;
        longest.protected = longest.header.to_protected().unwrap();
        let bytes = DataKeyItem { wraps: vec![longest; WRAP_LIMIT] }.to_bytes().unwrap();
        assert!(bytes.len() <= ITEM_LIMIT, "{} bytes", bytes.len());
    }

    #[test]
    fn an_item_of_two_wraps_reads_back_and_is_ascii() {
        let bytes = DataKeyItem { wraps: vec![wrap(65536, 3), wrap(262_144, 3)] }.to_bytes().unwrap();
        assert!(bytes.is_ascii());
        let read = DataKeyItem::parse(&bytes).unwrap();
        assert_eq!(read.wraps[1].header, wrap(262_144, 3).header);
        assert_eq!(read.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn hostile_parameters_are_refused_when_the_item_is_read() {
        for (m, t) in [(1024, 3), (u32::MAX, 3), (65536, 1), (65536, 65), (4 << 20, 9)] {
            let bytes = DataKeyItem { wraps: vec![wrap(m, t)] }.to_bytes().unwrap();
            assert!(matches!(DataKeyItem::parse(&bytes), Err(FormatError::Kdf(_))), "m {m} t {t}");
        }
    }

    #[test]
    fn a_newer_item_is_called_that_even_when_its_members_are_new() {
        let protected = br#"{"format":"strongroom-data-key","version":2,"new":true}"#.to_vec();
        let bytes = DataKeyItem { wraps: vec![Wrap { protected, ..wrap(65536, 3) }] }.to_bytes().unwrap();
        assert!(matches!(DataKeyItem::parse(&bytes), Err(FormatError::Version { found: 2, known: 1 })));
    }

    #[test]
    fn an_item_from_before_the_formats_were_frozen_is_called_that() {
        let mut wrap = wrap(65536, 3);
        let mut protected: serde_json::Value = serde_json::from_slice(&wrap.protected).unwrap();
        protected.as_object_mut().unwrap().remove("enrolment");
        protected["boot"] = "".into();
        wrap.protected = serde_json::to_vec(&protected).unwrap();
        let bytes = DataKeyItem { wraps: vec![wrap] }.to_bytes().unwrap();
        assert_eq!(DataKeyItem::parse(&bytes).unwrap_err(), FormatError::BeforeRelease);
    }

    #[test]
    fn a_list_is_no_object() {
        let bytes = DataKeyItem { wraps: vec![wrap(65536, 3)] }.to_bytes().unwrap();
        let text = String::from_utf8(bytes).unwrap().replace("{\"wraps\":", "[").replace("]}", "]]");
        assert!(text.starts_with("[[") && DataKeyItem::parse(text.as_bytes()).is_err());
    }

    #[test]
    fn no_wraps_and_five_wraps_are_refused() {
        for (count, good) in [(0, false), (1, true), (WRAP_LIMIT, true), (5, false)] {
            let bytes = DataKeyItem { wraps: vec![wrap(65536, 3); count] }.to_bytes().unwrap();
            assert_eq!(DataKeyItem::parse(&bytes).is_ok(), good, "{count}");
        }
    }

    #[test]
    fn an_anchor_reads_back() {
        let tip = FixedBase64([6; 32]);
        let log = LogTip { enrolment: EnrolmentId::from_bytes([3; 16]), count: u64::MAX, tip, gaps: 1 };
        for log in [None, Some(log)] {
            let anchor = Anchor {
                vault: VaultId::from_bytes([1; 16]),
                data_key: DataKeyId::from_bytes([2; 16]),
                generation: u64::MAX,
                digest: [5; 32],
                at: Timestamp::from_unix(0),
                log,
            };
            let bytes = AnchorItem::write(&anchor, crate::crypto::hmac::sha256).unwrap();
            let read = AnchorItem::parse(&bytes).unwrap();
            assert_eq!(read.anchor, anchor);
            assert_eq!(read.mac, crate::crypto::hmac::sha256(&read.protected));
            assert!(bytes.is_ascii() && bytes.len() <= ITEM_LIMIT);
        }
    }

    #[test]
    fn format_version_and_algorithm_must_each_be_right() {
        let parse = |from: &str, to: &str| {
            let mut wrap = wrap(65536, 3);
            let text = String::from_utf8(wrap.protected).unwrap();
            assert!(text.contains(from), "{text}");
            wrap.protected = text.replacen(from, to, 1).into_bytes();
            DataKeyItem::parse(&DataKeyItem { wraps: vec![wrap] }.to_bytes().unwrap())
        };
        parse("argon2id", "argon2id").unwrap();
        for (from, to) in [
            ("strongroom-data-key", "strongroom-anchor"),
            ("\"version\":1,", "\"version\":0,"),
            ("argon2id", "argon2i"),
            ("\"version\":19", "\"version\":16"),
        ] {
            assert!(matches!(parse(from, to), Err(FormatError::Malformed(_))), "{from} {to}");
        }
        assert!(matches!(parse("\"version\":1,", "\"version\":2,"), Err(FormatError::Version { .. })));
    }
}
