//! Opens a KeePass file with the crate `keepass`. To be called only in a process that has nothing to lose: a file can
//! make the crate abort, or use all the memory and time there is.

use std::collections::HashMap;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keepass::db::{EntryId, Value};
use keepass::error::{DatabaseKeyError, DatabaseOpenError};
use keepass::{Database, DatabaseKey};
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::document::{Document, Entry, Written};
use super::{Key, check};
use crate::crypto::hmac::sha256;

/// Why a file is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Refused {
    /// Not with this key, or its header was altered: the two cannot be told apart.
    Key,
    /// It was altered.
    Damaged,
    /// It takes more memory than there may be.
    Memory,
    /// Written in a way in which it cannot be said what its values are.
    Form,
}

/// What the process says.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Answer<'a> {
    Refused(Refused),
    Opened { groups: Vec<OpenedGroup<'a>>, entries: Vec<OpenedEntry<'a>> },
}

#[derive(Serialize)]
struct OpenedGroup<'a> {
    parent: Option<usize>,
    name: &'a str,
    bin: bool,
}

#[derive(Serialize)]
struct OpenedEntry<'a> {
    id: String,
    group: usize,
    /// Name, value, and whether it is protected.
    strings: Vec<(&'a str, &'a str, bool)>,
    tags: &'a str,
    files: &'a [String],
    expires: bool,
    history: usize,
}

/// Opens a file, and returns what it has, or why it has not been opened, in JSON.
#[must_use]
pub fn open(bytes: &[u8], key: &Key) -> Zeroizing<Vec<u8>> {
    let mut room = Zeroizing::new(Vec::with_capacity(bytes.len().saturating_mul(4)));
    let written = opened(bytes, key, &mut room);
    let written = written.or_else(|refused| {
        room.clear();
        serde_json::to_writer(&mut *room, &Answer::Refused(refused)).map_err(|_| Refused::Form)
    });
    if written.is_err() {
        // Which is no answer.
        room.clear();
    }
    room
}

fn opened(bytes: &[u8], key: &Key, room: &mut Vec<u8>) -> Result<(), Refused> {
    let header = check(bytes).map_err(|_| Refused::Form)?;
    // Once for the XML and once for the values: the crate hands out no key for one from the other.
    let xml = Zeroizing::new(
        Database::get_xml(&mut &*bytes, database_key(key)?).map_err(|error| refused(&error, header.version))?,
    );
    let document = Document::read(&xml)?;
    // In version 3 nothing else proves the header, which has the key of the protected values.
    let digest = STANDARD.encode(sha256(bytes.get(..header.length).unwrap_or_default()));
    if header.version == 3 && document.header_digest != digest {
        return Err(Refused::Damaged);
    }
    let database = Database::parse(bytes, database_key(key)?).map_err(|error| refused(&error, header.version))?;
    let found = document
        .entries
        .iter()
        .map(|entry| database.entry(EntryId::from_uuid(Uuid::from_bytes(entry.id))).ok_or(Refused::Form));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    let entries = document.entries.iter().zip(&found).map(|(entry, found)| joined(entry, &found.fields));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let groups = document.groups.iter();
    let groups = groups.map(|group| OpenedGroup { parent: group.parent, name: &group.name, bin: group.is_bin });
    let answer = Answer::Opened { groups: groups.collect(), entries };
    serde_json::to_writer(room, &answer).map_err(|_| Refused::Form)
}

fn database_key(key: &Key) -> Result<DatabaseKey, Refused> {
    let mut database_key = DatabaseKey::new();
    if let Some(password) = &key.password {
        database_key = database_key.with_password(password.expose());
    }
    if let Some(file) = &key.file {
        database_key = database_key.with_keyfile(&mut &***file).map_err(|_| Refused::Key)?;
    }
    Ok(database_key)
}

fn refused(error: &DatabaseOpenError, version: u16) -> Refused {
    use keepass::db::DatabaseFormatError;
    use keepass::error::Kdbx4OpenError;
    match error {
        DatabaseOpenError::Key(DatabaseKeyError::IncorrectKey) => Refused::Key,
        // Version 3 has nothing by which a wrong key is known before it has decrypted to nonsense.
        DatabaseOpenError::Cryptography(_) | DatabaseOpenError::UnexpectedEof if version == 3 => Refused::Key,
        DatabaseOpenError::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => Refused::Memory,
        DatabaseOpenError::UnexpectedEof
        | DatabaseOpenError::Cryptography(_)
        | DatabaseOpenError::Format(DatabaseFormatError::Kdbx4(
            Kdbx4OpenError::HeaderHashMismatch | Kdbx4OpenError::BlockStream(_),
        )) => Refused::Damaged,
        _ => Refused::Form,
    }
}

/// Joins what is written of an entry with what its protected values decrypt to.
fn joined<'a>(entry: &'a Entry, decrypted: &'a HashMap<String, Value<String>>) -> Result<OpenedEntry<'a>, Refused> {
    if decrypted.len() != entry.strings.len() {
        return Err(Refused::Form);
    }
    let mut strings = Vec::with_capacity(entry.strings.len());
    for (name, written) in &entry.strings {
        let field = match written {
            Written::Plain(text) => (&**name, &**text, false),
            Written::Protected => match decrypted.get(name) {
                // The crate puts that for bytes that are no text, which a value out of order is.
                Some(value @ Value::Protected(_)) if !value.get().contains('\u{fffd}') => {
                    (&**name, &**value.get(), true)
                }
                _ => return Err(Refused::Form),
            },
        };
        strings.push(field);
    }
    let id = entry.id.iter().map(|byte| format!("{byte:02x}")).collect();
    let Entry { group, tags, files, expires, history, .. } = entry;
    Ok(OpenedEntry { id, group: *group, strings, tags, files, expires: *expires, history: *history })
}
