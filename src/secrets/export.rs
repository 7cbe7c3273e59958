//! Secrets as a file that other password managers read: the JSON that Bitwarden exports.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use zeroize::Zeroizing;

use crate::format::SecretId;
use crate::format::secret::SecretValue;

/// A login in the JSON of Bitwarden.
const LOGIN: u8 = 1;
/// A note there.
const NOTE: u8 = 2;
/// A field there that is shown.
const SHOWN: u8 = 0;
/// A field there that is hidden.
const HIDDEN: u8 = 1;

/// A secret that is exported.
pub struct Exported<'a> {
    /// Its id.
    pub id: SecretId,
    /// Its name.
    pub name: &'a str,
    /// The project that it belongs to; there, a folder.
    pub project: Option<&'a str>,
    /// What kind of secret it is.
    pub kind: &'a str,
    /// The account.
    pub user: &'a str,
    /// Where it is used.
    pub urls: &'a [String],
    /// What it holds.
    pub value: &'a SecretValue,
}

/// Writes secrets as one object, into memory that never grows.
#[must_use]
pub fn bitwarden_json(secrets: &[Exported<'_>]) -> Zeroizing<Vec<u8>> {
    let mut folders: Vec<&str> = secrets.iter().filter_map(|secret| secret.project).collect();
    folders.sort_unstable();
    folders.dedup();
    let file = File { encrypted: false, folders: Folders(&folders), items: Items(secrets, &folders) };
    let mut length = Counted(0);
    // Text and numbers, written to memory: nothing in it can fail.
    let _ = serde_json::to_writer_pretty(&mut length, &file);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0 + 1));
    let _ = serde_json::to_writer_pretty(&mut *bytes, &file);
    bytes.push(b'\n');
    bytes
}

struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Serialize)]
struct File<'a> {
    encrypted: bool,
    folders: Folders<'a>,
    items: Items<'a>,
}

struct Folders<'a>(&'a [&'a str]);
struct Items<'a>(&'a [Exported<'a>], &'a [&'a str]);

#[derive(Serialize)]
struct Folder<'a> {
    id: String,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    id: SecretId,
    folder_id: Option<String>,
    r#type: u8,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<&'a str>,
    favorite: bool,
    fields: Vec<Field<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<Login<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_note: Option<SecureNote>,
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    value: &'a str,
    r#type: u8,
}

#[derive(Serialize)]
struct Login<'a> {
    uris: Vec<Uri<'a>>,
    username: Option<&'a str>,
    password: Option<&'a str>,
    totp: Option<&'a str>,
}

#[derive(Serialize)]
struct Uri<'a> {
    uri: &'a str,
}

#[derive(Serialize)]
struct SecureNote {
    r#type: u8,
}

fn folder_id(place: usize) -> String {
    format!("folder-{}", place + 1)
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl Serialize for Folders<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().enumerate().map(|(place, name)| Folder { id: folder_id(place), name }))
    }
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(Some(self.0.len()))?;
        for secret in self.0 {
            items.serialize_element(&item(secret, self.1))?;
        }
        items.end()
    }
}

fn item<'a>(secret: &Exported<'a>, folders: &[&str]) -> Item<'a> {
    let SecretValue { password, totp, note, fields, .. } = secret.value;
    let is_note = secret.kind == "note" && password.is_empty() && totp.is_empty() && secret.user.is_empty();
    let fields = fields.iter().map(|field| Field {
        name: &field.name,
        value: field.value.expose(),
        r#type: if field.hidden { HIDDEN } else { SHOWN },
    });
    let login = Login {
        uris: secret.urls.iter().map(|uri| Uri { uri }).collect(),
        username: some(secret.user),
        password: some(password.expose()),
        totp: some(totp.expose()),
    };
    let place = secret.project.and_then(|project| folders.binary_search(&project).ok());
    Item {
        id: secret.id,
        folder_id: place.map(folder_id),
        r#type: if is_note { NOTE } else { LOGIN },
        name: secret.name,
        notes: some(note.expose()),
        favorite: false,
        fields: fields.collect(),
        login: (!is_note).then_some(login),
        secure_note: is_note.then_some(SecureNote { r#type: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_is_as_bitwarden_exports_it() {
        let login = SecretValue::parse(
            br#"{"password":"p\"1","totp":"JBSWY3DPEHPK3PXP","note":"n","fields":[{"name":"PIN","value":"1","hidden":true},{"name":"Port","value":"22"}]}"#,
        );
        let (login, note) = (login.unwrap(), SecretValue::parse(br#"{"note":"only"}"#).unwrap());
        let urls = ["https://a.example".to_owned()];
        let exported = |name, project, kind, user, urls, value| Exported {
            id: SecretId::from_bytes([7; 16]),
            name,
            project,
            kind,
            user,
            urls,
            value,
        };
        let bytes = bitwarden_json(&[
            exported("portal", Some("acme"), "", "jo", &urls[..], &login),
            exported("safe", None, "note", "", &[], &note),
        ]);
        assert_eq!(bytes.len(), bytes.capacity());
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let id = "07070707-0707-0707-0707-070707070707";
        let expected = serde_json::json!({
            "encrypted": false,
            "folders": [{"id": "folder-1", "name": "acme"}],
            "items": [
                {"id": id, "folderId": "folder-1", "type": 1, "name": "portal", "notes": "n", "favorite": false,
                 "fields": [{"name": "PIN", "value": "1", "type": 1}, {"name": "Port", "value": "22", "type": 0}],
                 "login": {"uris": [{"uri": "https://a.example"}], "username": "jo", "password": "p\"1",
                           "totp": "JBSWY3DPEHPK3PXP"}},
                {"id": id, "folderId": null, "type": 2, "name": "safe", "notes": "only", "favorite": false, "fields": [],
                 "secureNote": {"type": 0}},
            ],
        });
        assert_eq!(json, expected);
    }
}
