//! Ids, times and byte strings as they stand in JSON, each in exactly one spelling.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::FormatError;
use crate::crypto::RandomUnavailable;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Generates a random id.
            ///
            /// # Errors
            /// [`RandomUnavailable`] where the system has no random bytes.
            pub fn generate() -> Result<Self, RandomUnavailable> {
                let mut bytes = [0; 16];
                crate::crypto::random(&mut bytes)?;
                // A version 4 uuid (RFC 9562 section 5.4), so that any tool reads the text form.
                Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes()))
            }

            /// Takes the id from its 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Returns the 16 bytes, as they enter contexts.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", uuid::Uuid::from_bytes(self.0).hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = FormatError;

            fn from_str(text: &str) -> Result<Self, FormatError> {
                let id = uuid::Uuid::try_parse(text).map_err(|_| FormatError::malformed("an id is not a uuid"))?;
                let id = Self(id.into_bytes());
                // One spelling only: lower case with hyphens.
                if id.to_string() == text { Ok(id) } else { Err(FormatError::malformed("an id is not a plain uuid")) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

id! {
    /// Names a vault.
    VaultId
}
id! {
    /// Names a data key of a vault.
    DataKeyId
}
id! {
    /// Names what gave a computer its own way into a vault.
    EnrolmentId
}
id! {
    /// Names a recovery kit.
    KitId
}
id! {
    /// Names a project of a vault.
    ProjectId
}
id! {
    /// Names one version of a secret, or a secret with all its versions.
    SecretId
}
id! {
    /// Names one change of something of which each change is kept.
    RevisionId
}
id! {
    /// Names a sealed file.
    FileId
}
id! {
    /// Names a key that signs a vault's reports.
    SigningKeyId
}

/// A moment in whole seconds, written as RFC 3339 in UTC: `2026-11-21T08:30:00Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Returns the day as text, such as `2026-11-21`.
    #[must_use]
    pub fn date(self) -> String {
        let mut text = self.to_string();
        text.truncate(text.find('T').unwrap_or(text.len()));
        text
    }

    /// The first moment of the year 1: earlier ones are no dates for many programs.
    const FIRST: i64 = -62_135_596_800;
    /// The last moment that has four digits for its year.
    const LAST: i64 = 253_402_300_799;

    /// Takes a moment from seconds since 1970 in UTC, negative before; what is outside the years 1 to 9999 is held at
    /// the nearer end.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(Self::FIRST, Self::LAST))
    }

    /// Returns the seconds since 1970 in UTC.
    #[must_use]
    pub fn as_unix(self) -> i64 {
        self.0
    }

    /// Splits a moment into its whole seconds, rounded down, and the nanoseconds that these leave out.
    #[must_use]
    pub fn split(time: SystemTime) -> (Self, u32) {
        let (seconds, nanoseconds) = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => (whole_seconds(since), since.subsec_nanos()),
            Err(error) => {
                let until = error.duration();
                match until.subsec_nanos() {
                    0 => (-whole_seconds(until), 0),
                    nanoseconds => (-1 - whole_seconds(until), 1_000_000_000 - nanoseconds),
                }
            }
        };
        (Self::from_unix(seconds), nanoseconds)
    }
}

/// Whole seconds, far fewer than would overflow if they are negated or one more.
fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).min(i64::MAX / 2)
}

impl From<SystemTime> for Timestamp {
    /// Rounds down to whole seconds.
    fn from(time: SystemTime) -> Self {
        Self::split(time).0
    }
}

impl From<Timestamp> for SystemTime {
    /// A moment that the system's clock cannot hold becomes 1970.
    fn from(time: Timestamp) -> Self {
        let distance = Duration::from_secs(time.0.unsigned_abs());
        let moment = if time.0 < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
        moment.unwrap_or(UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = OffsetDateTime::from_unix_timestamp(self.0).map_err(|_| fmt::Error)?;
        f.write_str(&moment.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let time = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| FormatError::malformed("a time is not RFC 3339 in UTC"))?;
        let time = Self::from_unix(time.unix_timestamp());
        if time.to_string() == text { Ok(time) } else { Err(FormatError::malformed("a time is not in whole seconds")) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Bytes that stand in JSON as standard base64 with padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode(deserializer).map(Self)
    }
}

/// Exactly `N` bytes that stand in JSON as standard base64 with padding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FixedBase64<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Debug for FixedBase64<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FixedBase64({N} bytes)")
    }
}

impl<const N: usize> Serialize for FixedBase64<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for FixedBase64<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = decode(deserializer)?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|bytes: Vec<u8>| D::Error::custom(format!("{} bytes where {N} belong", bytes.len())))
    }
}

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Text;
    impl serde::de::Visitor<'_> for Text {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("base64 text")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
            // The engine refuses missing padding, stray bits and white space: one spelling for each byte string.
            STANDARD.decode(text).map_err(|_| E::custom("not standard base64 with padding"))
        }
    }
    deserializer.deserialize_str(Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = VaultId::generate().unwrap();
        assert_eq!(id.to_string().parse::<VaultId>().unwrap(), id);
        let text = id.to_string();
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("{text} ")] {
            assert!(other.parse::<VaultId>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_time_has_one_spelling() {
        let time = Timestamp::from_unix(1_795_249_800);
        assert_eq!(time.to_string(), "2026-11-21T08:30:00Z");
        assert_eq!("2026-11-21T08:30:00Z".parse::<Timestamp>().unwrap(), time);
        for other in [
            "2026-11-21T08:30:00.5Z",
            "2026-11-21 08:30:00Z",
            "2026-11-21t08:30:00z",
            "2026-11-21T08:30:00+00:00",
            "2026-11-21T08:30:00-00:00",
            "2026-11-21T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "2026-02-29T08:30:00Z",
            "0000-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "1795249800",
            "",
        ] {
            assert!(other.parse::<Timestamp>().is_err(), "{other}");
        }
        for (seconds, text) in [
            (i64::MAX, "9999-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (-2_147_483_648, "1901-12-13T20:45:52Z"),
            (i64::MIN, "0001-01-01T00:00:00Z"),
        ] {
            let time = Timestamp::from_unix(seconds);
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), time);
        }
    }

    #[test]
    fn base64_is_strict() {
        assert_eq!(serde_json::from_str::<Base64>("\"AAE=\"").unwrap().0, [0, 1]);
        for bad in ["\"AAE\"", "\"AAF=\"", "\"AAE =\"", "\"AA_=\"", "\"AAE=\\n\"", "[0,1]"] {
            assert!(serde_json::from_str::<Base64>(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<FixedBase64<2>>("\"AAE=\"").is_ok());
        assert!(serde_json::from_str::<FixedBase64<3>>("\"AAE=\"").is_err());
    }

    #[test]
    fn a_time_is_that_of_the_system_in_whole_seconds() {
        let system = UNIX_EPOCH + Duration::new(1_795_249_800, 999_999_999);
        let time = Timestamp::from(system);
        assert_eq!(time.as_unix(), 1_795_249_800);
        assert_eq!(SystemTime::from(time), UNIX_EPOCH + Duration::from_secs(1_795_249_800));
    }

    #[test]
    fn a_time_before_1970_is_rounded_down_too() {
        for (before, seconds, nanoseconds) in [
            (Duration::new(1, 0), -1, 0),
            (Duration::new(0, 1), -1, 999_999_999),
            (Duration::new(1, 250_000_000), -2, 750_000_000),
        ] {
            let time = UNIX_EPOCH - before;
            let (whole, rest) = Timestamp::split(time);
            assert_eq!((whole.as_unix(), rest), (seconds, nanoseconds));
            assert_eq!(SystemTime::from(whole) + Duration::from_nanos(rest.into()), time);
        }
    }
}
