//! What a payload says of an engagement: revisions, which are only ever added.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::format::json::open_object;
use crate::format::{Date, RevisionId, Timestamp};

open_object! {
    /// What was agreed about a project, with every change of it.
    #[derive(Default, Eq)]
    pub struct Engagement {
        /// The changes. None is ever changed or taken away.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub revisions: Vec<Revision> = default,
    }
}

open_object! {
    /// One change of what was agreed.
    #[derive(Eq)]
    pub struct Revision {
        /// Its id.
        pub id: RevisionId,
        /// When it was made.
        pub at: Timestamp,
        /// Who made it, in the user's words; may be empty.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub by: String = default,
        /// What it sets.
        pub set: Terms,
    }
}

open_object! {
    /// What a revision sets. What it does not name stays as it is.
    #[derive(Default, Eq)]
    pub struct Terms {
        /// The client.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub client: Setting<String> = default,
        /// What the data are processed for.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub purpose: Setting<String> = default,
        /// In which role: `processor`, `controller`, `joint`, `business-associate` or `other`.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub role: Setting<String> = default,
        /// On what basis, such as a contract.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub basis: Setting<String> = default,
        /// The SHA-256 of the document that the basis is stated in.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub basis_sha256: Setting<String> = default,
        /// Who holds the data.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub custodian: Setting<String> = default,
        /// Whom to ask.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub contact: Setting<String> = default,
        /// The last day of the engagement.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub ends: Setting<Date> = default,
        /// The last day on which the data may be there.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub destroy_by: Setting<Date> = default,
        /// What is done at the end: `destroy`, `return` or `return-then-destroy`.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub at_end: Setting<String> = default,
        /// Whether each access has to be logged: `required` or `best-effort`.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub log: Setting<String> = default,
        /// Whether each access needs a reason: `required` or `optional`.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub reason: Setting<String> = default,
        /// What was declared, by what it is about. Nothing checks it.
        #[serde(skip_serializing_if = "Declared::is_empty")]
        pub declared: Declared = default,
        /// The project was put on hold, and why; may be empty. That it is on hold is another member of the project.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub hold: Setting<String> = default,
        /// A hold was released, and why.
        #[serde(skip_serializing_if = "Setting::is_kept")]
        pub released: Setting<String> = default,
    }
}

/// What a revision does with one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Setting<T> {
    /// It does not name it.
    #[default]
    Kept,
    /// It takes it back: there is none from then on. `null` in JSON.
    Withdrawn,
    /// It sets it.
    Given(T),
}

impl<T> Setting<T> {
    /// Tells whether the value stays as it is.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Kept)
    }

    /// Returns the value that is set.
    #[must_use]
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            _ => None,
        }
    }
}

impl<T: Serialize> Serialize for Setting<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.given().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Setting<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Withdrawn, Self::Given))
    }
}

/// What was declared: a text for each thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared(pub BTreeMap<String, Setting<String>>);

impl Declared {
    /// Tells whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Declared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<'de> Deserialize<'de> for Declared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Declared;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Declared, A::Error> {
                let mut declared = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if declared.insert(name.clone(), map.next_value()?).is_some() {
                        return Err(A::Error::custom(format!("the name {name:?} stands twice")));
                    }
                }
                Ok(Declared(declared))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Engagement {
    /// Returns the members that this version does not know, of the engagement and of each revision.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &crate::format::json::Others> {
        let revisions = self.revisions.iter().flat_map(|revision| [&revision.others, &revision.set.others]);
        std::iter::once(&self.others).chain(revisions)
    }
}
