//! JSON of Bitwarden: of one account or of an organization, plain or under a password, by itself or in a zip file.

mod protected;

use std::collections::HashMap;

use super::archive::{Archive, is_zip};
use super::gathering::{Draft, Gathering, Shown, reason};
use super::json::{self, Json};
use super::members::take_members;
use super::naming::{folder, settled};
use super::{Format, ImportError, Imported, Options};

/// The entry of a zip file that has the items.
pub(super) const ENTRY: &str = "data.json";

/// Objects in an item that have no fields, or are read by name.
const WITHOUT_FIELDS: [&str; 3] = ["login", "secureNote", "permissions"];

pub(super) fn read(bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    if !is_zip(bytes) {
        return read_json(bytes, options, &HashMap::new());
    }
    let mut archive = Archive::open(bytes)?;
    let attachments = count_attachments(&archive);
    let unpacked = archive.read(ENTRY)?;
    read_json(&unpacked, options, &attachments)
}

/// How many attachments of each item a zip file has, by the item's id: `attachments/ID/NAME`.
type Attachments = HashMap<String, usize>;

/// The path of each folder by its id; none if it is too long.
type Folders<'j> = HashMap<&'j str, Option<String>>;

fn count_attachments(archive: &Archive<'_>) -> Attachments {
    let mut attachments = Attachments::new();
    for name in archive.names() {
        let path = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix("attachments/"));
        if let Some((id, _)) = path.and_then(|path| path.split_once('/')).filter(|(_, file)| !file.is_empty()) {
            *attachments.entry(id.to_owned()).or_default() += 1;
        }
    }
    attachments
}

fn read_json(bytes: &[u8], options: &Options, attachments: &Attachments) -> Result<Imported, ImportError> {
    let root = json::parse(bytes)?;
    if !root.get("encrypted").is_true() {
        return read_items(&root, attachments);
    }
    if !root.get("passwordProtected").is_true() {
        return Err(ImportError::AccountRestricted);
    }
    let opened = protected::open(&root, options.password.as_ref())?;
    drop(root);
    let root = json::parse(&opened)?;
    if root.get("encrypted").is_true() {
        return Err(ImportError::NotThisFormat(Format::Bitwarden));
    }
    read_items(&root, attachments)
}

fn read_items(root: &Json<'_>, attachments: &Attachments) -> Result<Imported, ImportError> {
    let Json::List(items) = root.get("items") else { return Err(ImportError::NotThisFormat(Format::Bitwarden)) };
    let lists = [root.get("folders"), root.get("collections")];
    let named = lists.into_iter().flat_map(Json::list);
    // Settled once, since many items may be in one folder.
    let folders: Folders<'_> =
        named.map(|place| (place.get("id").text(), folder(place.get("name").text().split('/')))).collect();
    let mut gathering = Gathering::default();
    for item in items {
        let name = item.get("name").text();
        if !item.get("deletedDate").is_null() {
            gathering.skip(name, first_uri(item), reason::TRASH)?;
        } else if !item.get("archivedDate").is_null() {
            gathering.skip(name, first_uri(item), reason::ARCHIVED)?;
        } else {
            let mut draft = read_item(item, &folders);
            let attached = attachments.get(item.get("id").text()).copied();
            let attached = attached.unwrap_or_else(|| item.get("attachments").list().len());
            draft.leave_out_all(attached, "attachment", "attachments", reason::ATTACHMENT);
            gathering.take(draft)?;
        }
    }
    Ok(gathering.finish())
}

fn first_uri<'j>(item: &'j Json<'_>) -> &'j str {
    item.get("login").get("uris").list().first().map_or("", |uri| uri.get("uri").text())
}

fn read_item(item: &Json<'_>, folders: &Folders<'_>) -> Draft {
    let kind = match item.get("type").whole() {
        Some(1) => "login",
        Some(2) => "note",
        Some(3) => "card",
        Some(4) => "identity",
        Some(5) => "ssh-key",
        _ => "other",
    };
    let mut draft = Draft::new(kind, item.get("name").text());
    draft.source_id(item.get("id").text());
    // An item of an organization may be in several collections: the first is its folder, the others are tags.
    let collections = item.get("collectionIds").list().iter().map(Json::text);
    let mut places = std::iter::once(item.get("folderId").text()).chain(collections).filter_map(|id| folders.get(id));
    if let Some(folder) = places.next() {
        draft.folder(folder.as_deref());
    }
    places.flatten().for_each(|place| draft.tag(place));
    let note = draft.said("note", item.get("notes"));
    draft.note(&note);
    read_login(&mut draft, item.get("login"));
    // Cards, identities, keys and kinds that come later: each has an object with nothing but its fields.
    for (_, object) in
        item.members().iter().filter(|(name, value)| value.is_object() && !WITHOUT_FIELDS.contains(&&**name))
    {
        take_members(&mut draft, object, &[]);
    }
    for field in item.get("fields").list() {
        let name = field.get("name").text();
        let shown = match field.get("type").whole() {
            Some(0 | 2) => Shown::Plainly,
            Some(3) => {
                draft.leave_out(named(name), reason::LINKED);
                continue;
            }
            _ => Shown::Hidden,
        };
        let value = draft.said(&named(name), field.get("value"));
        draft.field(name, &value, shown);
    }
    let history = item.get("passwordHistory").list().len();
    draft.leave_out_all(history, "earlier password", "earlier passwords", reason::HISTORY);
    draft
}

fn read_login(draft: &mut Draft, login: &Json<'_>) {
    let user = draft.said("user", login.get("username"));
    draft.user(&user);
    let password = draft.said("password", login.get("password"));
    draft.password(&password);
    // A key in base32, or a URI: otpauth or Steam's.
    let totp = draft.said("one-time password", login.get("totp"));
    draft.totp("one-time password", &totp);
    for uri in login.get("uris").list() {
        let uri = draft.said("address", uri.get("uri"));
        draft.url(&uri);
    }
    let passkeys = login.get("fido2Credentials").list().len();
    draft.leave_out_all(passkeys, "passkey", "passkeys", reason::PASSKEY);
}

/// Returns how a field is called in the report.
fn named(name: &str) -> String {
    settled(name).unwrap_or_else(|| "field".to_owned())
}
