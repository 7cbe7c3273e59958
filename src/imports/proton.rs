//! JSON of Proton Pass, by itself or in a zip file. Its other form is encrypted with PGP and left to gpg.

use super::archive::{Archive, is_zip};
use super::gathering::{Draft, Gathering, Shown, reason};
use super::json::{self, Json};
use super::members::take_members;
use super::naming::{folder, settled};
use super::{Format, ImportError, Imported};

/// The entries of a zip file that have the items.
pub(super) const ENTRIES: [&str; 2] = ["Proton Pass/data.json", ENTRY_ALONE];
const ENTRY_ALONE: &str = "data.json";

const ACTIVE: i64 = 1;
const TRASHED: i64 = 2;

/// Tells whether these are the bytes of a message of PGP in text form.
pub(super) fn is_pgp_text(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-----BEGIN PGP MESSAGE-----")
}

/// Tells whether a message of PGP in binary form may begin so: with a session key under a password (RFC 9580 section
/// 5.3). A text may begin with the second of these bytes.
pub(super) fn may_be_pgp(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x8c | 0xc3))
}

/// Tells whether a zip file has the items in the form that only gpg opens.
pub(super) fn has_pgp(archive: &Archive<'_>) -> bool {
    archive.names().any(|name| name.ends_with(b"data.pgp"))
}

pub(super) fn read(bytes: &[u8]) -> Result<Imported, ImportError> {
    if is_pgp_text(bytes) || may_be_pgp(bytes) {
        return Err(ImportError::PgpEncrypted);
    }
    if is_zip(bytes) {
        let mut archive = Archive::open(bytes)?;
        let entry = ENTRIES.into_iter().find(|entry| archive.has(entry));
        if entry.is_none() && has_pgp(&archive) {
            return Err(ImportError::PgpEncrypted);
        }
        return read_json(&archive.read(entry.unwrap_or(ENTRIES[0]))?);
    }
    read_json(bytes)
}

fn read_json(bytes: &[u8]) -> Result<Imported, ImportError> {
    let root = json::parse(bytes)?;
    if root.get("encrypted").is_true() {
        return Err(ImportError::PgpEncrypted);
    }
    let Json::Object(vaults) = root.get("vaults") else {
        return Err(ImportError::NotThisFormat(Format::ProtonPass));
    };
    let mut gathering = Gathering::default();
    for (_, vault) in vaults {
        let folder = folder([vault.get("name").text()]);
        for item in vault.get("items").list() {
            let data = item.get("data");
            let name = data.get("metadata").get("name").text();
            match item.get("state").whole() {
                Some(TRASHED) => {
                    let url = data.get("content").get("urls").list().first().map_or("", Json::text);
                    gathering.skip(name, url, reason::TRASH)?;
                }
                Some(ACTIVE) | None => gathering.take(read_item(item, data, name, folder.as_deref()))?,
                Some(_) => gathering.skip(name, "", reason::UNKNOWN_FORM)?,
            }
        }
    }
    Ok(gathering.finish())
}

fn read_item(item: &Json<'_>, data: &Json<'_>, name: &str, vault: Option<&str>) -> Draft {
    let content = data.get("content");
    let kind = data.get("type").text();
    let mut draft = Draft::new(kind_of(kind), name);
    draft.source_id(item.get("itemId").text());
    draft.folder(vault);
    let note = draft.said("note", data.get("metadata").get("note"));
    draft.note(&note);
    match kind {
        "login" => read_login(&mut draft, content),
        "alias" => draft.user(item.get("aliasEmail").text()),
        _ => {
            // Lists of further fields are read below.
            let lists: Vec<&str> = content
                .members()
                .iter()
                .filter(|(_, value)| !value.list().is_empty())
                .map(|(name, _)| &**name)
                .collect();
            take_members(&mut draft, content, &lists);
        }
    }
    for (_, list) in content.members() {
        for entry in list.list() {
            read_field(&mut draft, entry);
            entry.get("sectionFields").list().iter().for_each(|field| read_field(&mut draft, field));
        }
    }
    data.get("extraFields").list().iter().for_each(|field| read_field(&mut draft, field));
    let passkeys = content.get("passkeys").list().len();
    draft.leave_out_all(passkeys, "passkey", "passkeys", reason::PASSKEY);
    let files = item.get("files").list().len();
    draft.leave_out_all(files, "attachment", "attachments", reason::ATTACHMENT);
    draft
}

fn kind_of(kind: &str) -> &'static str {
    match kind {
        "login" => "login",
        "note" => "note",
        "creditCard" => "card",
        "identity" => "identity",
        "alias" => "alias",
        "sshKey" => "ssh-key",
        "wifi" => "wifi",
        _ => "other",
    }
}

fn read_login(draft: &mut Draft, content: &Json<'_>) {
    let email = draft.said("email", content.get("itemEmail"));
    // Before there were two fields, the user's name was in one of this name.
    let user = ["itemUsername", "username"].into_iter().find(|name| !content.get(name).text().is_empty());
    match user {
        Some(user) => {
            let user = draft.said("user", content.get(user));
            draft.user(&user);
            draft.field("email", &email, Shown::Plainly);
        }
        None => draft.user(&email),
    }
    let password = draft.said("password", content.get("password"));
    draft.password(&password);
    // Often a bare key instead of a URI.
    let totp = draft.said("one-time password", content.get("totpUri"));
    draft.totp("one-time password", &totp);
    for url in content.get("urls").list() {
        let url = draft.said("address", url);
        draft.url(&url);
    }
}

/// Takes a field that the user has added. Others in a list are none of these, and have no `fieldName`.
fn read_field(draft: &mut Draft, field: &Json<'_>) {
    let (name, data) = (field.get("fieldName").text(), field.get("data"));
    let what = settled(name).unwrap_or_else(|| "field".to_owned());
    match field.get("type").text() {
        "totp" => {
            let totp = draft.said(&what, data.get("totpUri"));
            draft.totp(name, &totp);
        }
        "text" => {
            let text = draft.said(&what, data.get("content"));
            draft.field(name, &text, Shown::Plainly);
        }
        "timestamp" => {
            let text = draft.said(&what, data.get("timestamp"));
            draft.field(name, &text, Shown::Plainly);
        }
        _ => {
            let text = draft.said(&what, data.get("content"));
            draft.field(name, &text, Shown::Hidden);
        }
    }
}
