//! Encrypted files as anybody sees them, and what is sealed in them.

use serde::Serialize;

use crate::body::{Header, Inspection};
use crate::crypto::cobblestone::CHUNK_LEN;
use crate::format::sealed::stanza;
use crate::format::{FileId, Timestamp};
use crate::words::counted;

/// What anybody can see of an encrypted file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InspectedFile {
    /// The file.
    pub file: String,
    /// Version of the format.
    pub version: u32,
    /// The ciphers: `cobblestone-256`.
    pub suite: &'static str,
    /// Whether it was sealed for recipients and not for a project.
    pub delivery: bool,
    /// The file's id.
    pub id: FileId,
    /// Length of the file, in bytes.
    pub size: u64,
    /// Length of the plaintext, in bytes; `null` if no sealed file has this size.
    pub plaintext_len: Option<u64>,
    /// In how many chunks; `null` if no sealed file has this size.
    pub chunks: Option<u64>,
    /// Length of a header block, in bytes.
    pub block_len: usize,
    /// Whether both header blocks are whole and the same.
    pub blocks_agree: bool,
    /// How often it was rewrapped.
    pub sequence: u32,
    /// The parts of the header that keys open.
    pub stanzas: Vec<Stanza>,
    /// What is sealed in it, if the vault was unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed_in: Option<SealedIn>,
}

/// A part of the header that a key opens.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stanza {
    /// Its type as it is in the file.
    pub r#type: u8,
    /// Its type in words: `project`, `metadata`, `recipient`, or `type N`.
    pub name: String,
    /// Its length in bytes.
    pub length: usize,
}

/// What is sealed in an encrypted file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SealedIn {
    /// The project's name.
    pub project: String,
    /// The version of the project's key that opens it.
    pub key_version: u32,
    /// The original's name.
    pub name: Option<String>,
    /// Where the original was in what was encrypted.
    pub path: Option<String>,
    /// When the original was last modified.
    pub modified: Option<Timestamp>,
    /// The original's permission bits on Unix.
    pub mode: Option<u32>,
    /// The original's media type.
    pub media: Option<String>,
    /// When it was encrypted.
    pub sealed: Option<Timestamp>,
    /// `true` if it was imported from a file that did not prove that nobody had altered it; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unauthenticated_source: bool,
    /// The original's path or name, as it is shown in a table.
    #[serde(skip)]
    place: String,
}

fn stanza_name(kind: u8) -> String {
    match kind {
        stanza::PROJECT => "project".into(),
        stanza::METADATA => "metadata".into(),
        stanza::RECIPIENT => "recipient".into(),
        other => format!("type {other}"),
    }
}

fn row(name: &str, text: impl ToString) -> Vec<String> {
    vec![name.into(), text.to_string()]
}

impl InspectedFile {
    /// Returns what an inspection found of a file.
    pub fn of(file: String, inspection: &Inspection) -> Self {
        let stanza = |&(kind, length): &(u8, usize)| Stanza { r#type: kind, name: stanza_name(kind), length };
        Self {
            file,
            version: 1,
            suite: "cobblestone-256",
            delivery: inspection.is_delivery(),
            id: inspection.file,
            size: inspection.size,
            plaintext_len: inspection.plaintext_len,
            chunks: inspection.plaintext_len.map(|length| length / CHUNK_LEN as u64 + 1),
            block_len: inspection.block_len,
            blocks_agree: inspection.blocks_agree,
            sequence: inspection.sequence,
            stanzas: inspection.stanzas.iter().map(stanza).collect(),
            sealed_in: None,
        }
    }

    /// Returns its line in the list of a folder.
    pub fn listed(&self) -> Vec<String> {
        let length = self.plaintext_len.map_or_else(|| "?".into(), |length| length.to_string());
        let mut cells = vec![self.file.clone(), length];
        if self.delivery {
            cells.push("delivery".into());
        }
        if let Some(SealedIn { project, key_version, place, .. }) = &self.sealed_in {
            cells.extend([project.clone(), key_version.to_string(), place.clone()]);
        }
        cells
    }

    /// Returns all of it, in lines.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let stanzas: Vec<String> =
            self.stanzas.iter().map(|Stanza { name, length, .. }| format!("{name} ({length} bytes)")).collect();
        let plain = match (self.plaintext_len, self.chunks) {
            (Some(length), Some(count)) => {
                let chunks = if count == 1 { "1 chunk".to_owned() } else { format!("{count} chunks") };
                format!("{length} bytes, {chunks} of 16 KiB at most")
            }
            _ => "no sealed file has this size: it is cut short or extended".into(),
        };
        let blocks = if self.blocks_agree { "agree" } else { "differ: one is damaged or older" };
        let mut rows = vec![row("file", &self.file), row("format", "version 1, Cobblestone-256 (AES-256-GCM)")];
        if self.delivery {
            let recipients = self.stanzas.iter().filter(|part| part.r#type == stanza::RECIPIENT).count();
            let recipients = counted(recipients, "recipient");
            rows.push(row("delivery", format!("sealed for {recipients}: no project's key opens it")));
        }
        rows.extend([
            row("id", self.id),
            row("size", format!("{} bytes", self.size)),
            row("plaintext", plain),
            row("header", format!("two blocks of {} bytes, which {blocks}", self.block_len)),
            row("rewrapped", format!("{} times", self.sequence)),
            row("stanzas", stanzas.join(", ")),
        ]);
        rows.extend(self.sealed_in.iter().flat_map(SealedIn::rows));
        rows
    }
}

impl From<&Header> for SealedIn {
    fn from(header: &Header) -> Self {
        let metadata = &header.metadata;
        let bytes = metadata.path_bytes.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
        let place = metadata.path.clone().or(bytes).or_else(|| metadata.name.clone());
        Self {
            project: header.opened_by.project.clone(),
            key_version: header.opened_by.version,
            name: metadata.name.clone(),
            path: metadata.path.clone(),
            modified: metadata.modified,
            mode: metadata.mode,
            media: metadata.media.clone(),
            sealed: metadata.sealed,
            unauthenticated_source: metadata.unauthenticated_source == Some(true),
            place: place.unwrap_or_default(),
        }
    }
}

impl SealedIn {
    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![row("project", &self.project), row("key version", self.key_version)];
        let texts = [
            ("name", self.name.clone()),
            ("path", self.path.clone()),
            ("modified", self.modified.map(|time| time.to_string())),
            ("permissions", self.mode.map(|mode| format!("{mode:04o}"))),
            ("media type", self.media.clone()),
            ("sealed", self.sealed.map(|time| time.to_string())),
            ("source", self.unauthenticated_source.then(|| "unauthenticated: imported without a tag".into())),
        ];
        rows.extend(texts.into_iter().filter_map(|(name, text)| text.map(|text| row(name, text))));
        rows
    }
}
