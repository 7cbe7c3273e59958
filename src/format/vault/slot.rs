//! The ways to a vault's data key that need no keychain, as they stand in clear.

use serde::{Deserialize, Serialize};

use crate::format::json::{StrictValue, closed_object};
use crate::format::kit::KitName;
use crate::format::scalar::Base64;
use crate::format::{KitId, Timestamp};

/// A way to the data key that needs no keychain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// Through a recovery kit.
    Kit(KitSlot),
    /// Of a kind that this version does not know, kept as it is.
    Other(StrictValue),
}

closed_object! {
    /// The data key wrapped under one recovery kit's secret.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KitSlot {
        /// The kit.
        pub id: KitId,
        /// The kit's number.
        pub number: u32,
        /// When the kit was made.
        pub created: Timestamp,
        /// The wrapped data key.
        pub wrapped: Base64,
    }
}

impl Slot {
    const KIT: &str = "kit";

    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Kit(_) => Self::KIT,
            Self::Other(value) => value.as_value()["kind"].as_str().unwrap_or_default(),
        }
    }

    /// Returns it as a kit's, if it is one.
    #[must_use]
    pub fn as_kit(&self) -> Option<&KitSlot> {
        match self {
            Self::Kit(kit) => Some(kit),
            Self::Other(_) => None,
        }
    }
}

impl KitSlot {
    /// Returns what the kit is called.
    #[must_use]
    pub fn name(&self) -> KitName {
        KitName { number: self.number, id: self.id }
    }
}

impl Serialize for Slot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tagged<'s> {
            kind: &'static str,
            #[serde(flatten)]
            slot: &'s KitSlot,
        }
        match self {
            Self::Kit(slot) => Tagged { kind: Self::KIT, slot }.serialize(serializer),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = StrictValue::deserialize(deserializer)?;
        let members = value.as_value().as_object().ok_or_else(|| D::Error::custom("a slot is no object"))?;
        let kind = members.get("kind").and_then(serde_json::Value::as_str);
        if kind.ok_or_else(|| D::Error::custom("a slot has no kind"))? != Self::KIT {
            return Ok(Self::Other(value));
        }
        let mut members = members.clone();
        members.remove("kind");
        serde_json::from_value(members.into()).map(Self::Kit).map_err(D::Error::custom)
    }
}
