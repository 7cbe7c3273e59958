//! 1Password's `.1pux`: a zip file whose entry `export.data` is JSON of all accounts, their vaults and items.

use time::OffsetDateTime;

use super::archive::{Archive, is_zip};
use super::gathering::{Draft, Gathering, Shown, reason};
use super::json::{self, Json};
use super::members::{is_sensitive, words};
use super::naming::{begun, folder, settled};
use super::{Format, ImportError, Imported};

/// The entry that has the items.
pub(super) const ENTRY: &str = "export.data";

pub(super) fn read(bytes: &[u8]) -> Result<Imported, ImportError> {
    if is_zip(bytes) {
        return read_json(&Archive::open(bytes)?.read(ENTRY)?);
    }
    read_json(bytes)
}

fn read_json(bytes: &[u8]) -> Result<Imported, ImportError> {
    let root = json::parse(bytes)?;
    let Json::List(accounts) = root.get("accounts") else {
        return Err(ImportError::NotThisFormat(Format::OnePassword));
    };
    let mut gathering = Gathering::default();
    for account in accounts {
        // With one account its name would say nothing.
        let account_name = if accounts.len() > 1 { account.get("attrs").get("accountName").text() } else { "" };
        for vault in account.get("vaults").list() {
            let folder = folder([account_name, vault.get("attrs").get("name").text()]);
            for item in vault.get("items").list() {
                // In earlier files the item is in an object of its own.
                let item = if item.get("item").is_object() { item.get("item") } else { item };
                let overview = item.get("overview");
                match item.get("state").text() {
                    "archived" => {
                        gathering.skip(overview.get("title").text(), overview.get("url").text(), reason::ARCHIVED)?
                    }
                    "trashed" | "deleted" => {
                        gathering.skip(overview.get("title").text(), overview.get("url").text(), reason::TRASH)?;
                    }
                    _ => gathering.take(read_item(item, folder.as_deref()))?,
                }
            }
        }
    }
    Ok(gathering.finish())
}

fn kind_of(category: &str) -> &'static str {
    match category {
        "001" => "login",
        "002" => "card",
        "003" => "note",
        "004" => "identity",
        "005" => "password",
        "006" => "document",
        "100" => "software-license",
        "101" => "bank-account",
        "102" => "database",
        "103" => "driver-license",
        "104" => "outdoor-license",
        "105" => "membership",
        "106" => "passport",
        "107" => "reward-program",
        "108" => "social-security-number",
        "109" => "wifi",
        "110" => "server",
        "111" => "email-account",
        "112" => "api-credential",
        "113" => "medical-record",
        "114" => "ssh-key",
        _ => "other",
    }
}

fn read_item(item: &Json<'_>, folder: Option<&str>) -> Draft {
    let (overview, details) = (item.get("overview"), item.get("details"));
    let mut draft = Draft::new(kind_of(item.get("categoryUuid").text()), overview.get("title").text());
    draft.source_id(item.get("uuid").text());
    draft.folder(folder);
    let more = overview.get("urls").list().iter().map(|url| url.get("url"));
    for url in std::iter::once(overview.get("url")).chain(more) {
        let url = draft.said("address", url);
        draft.url(&url);
    }
    for tag in overview.get("tags").list() {
        let tag = draft.said("tag", tag);
        draft.tag(&tag);
    }
    let note = draft.said("note", details.get("notesPlain"));
    draft.note(&note);
    let password = draft.said("password", details.get("password"));
    draft.password(&password);
    details.get("loginFields").list().iter().for_each(|field| read_login_field(&mut draft, field));
    for section in details.get("sections").list() {
        // Settled once, since it becomes a part of each field's name.
        let title = settled(section.get("title").text()).unwrap_or_default();
        section.get("fields").list().iter().for_each(|field| read_field(&mut draft, &title, field));
    }
    if !details.get("documentAttributes").is_null() {
        draft.leave_out("attachment", reason::ATTACHMENT);
    }
    if !details.get("passkey").is_null() {
        draft.leave_out("passkey", reason::PASSKEY);
    }
    let history = details.get("passwordHistory").list().len();
    draft.leave_out_all(history, "earlier password", "earlier passwords", reason::HISTORY);
    draft
}

/// A field of a web page's form. The value may be an object: of an address that another service made.
fn read_login_field(draft: &mut Draft, field: &Json<'_>) {
    let value = field.get("value");
    let value = if value.is_object() { first_text(value) } else { value };
    let designation = field.get("designation").text();
    match designation {
        "username" => {
            let user = draft.said("user", value);
            draft.user(&user);
        }
        "password" => {
            let password = draft.said("password", value);
            draft.password(&password);
        }
        _ => {
            let name = [field.get("name").text(), field.get("id").text()].into_iter().find(|name| !name.is_empty());
            let name = name.unwrap_or("field");
            let text = draft.said(&settled(name).unwrap_or_else(|| "field".to_owned()), value);
            let is_password = field.get("fieldType").text() == "P";
            draft.field(name, &text, if is_password { Shown::Hidden } else { Shown::Plainly });
        }
    }
}

fn first_text<'j, 'a>(object: &'j Json<'a>) -> &'j Json<'a> {
    let known = ["email_address", "string"].map(|name| object.get(name)).into_iter().find(|value| !value.is_null());
    known.unwrap_or(object)
}

/// A field of a section: its value is an object with one member, which says of what kind it is.
fn read_field(draft: &mut Draft, section: &str, field: &Json<'_>) {
    let title = [field.get("title").text(), field.get("id").text()].into_iter().find(|title| !title.is_empty());
    let title = title.unwrap_or("field");
    let title = begun(title);
    let name = if section.is_empty() { title.to_owned() } else { format!("{section}: {title}") };
    let what = settled(&name).unwrap_or_else(|| "field".to_owned());
    let Some((kind, value)) = field.get("value").members().first() else { return };
    if value.is_null() {
        return;
    }
    let by_name = if is_sensitive(title) { Shown::Hidden } else { Shown::Plainly };
    match &**kind {
        "totp" => {
            let totp = draft.said(&what, value);
            draft.totp(&name, &totp);
        }
        "concealed" | "creditCardNumber" => {
            let text = draft.said(&what, value);
            draft.field(&name, &text, Shown::Hidden);
        }
        "email" => {
            let value = if value.is_object() { value.get("email_address") } else { value };
            let text = draft.said(&what, value);
            draft.field(&name, &text, by_name);
        }
        "address" if value.is_object() => {
            let parts = ["street", "zip", "city", "state", "country"].map(|part| value.get(part).text().trim());
            let lines: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            draft.field(&name, &lines.join("\n"), by_name);
        }
        "date" => {
            let text = value.whole().and_then(date).unwrap_or_else(|| draft.said(&what, value).to_owned());
            draft.field(&name, &text, by_name);
        }
        "monthYear" => {
            let text = draft.said(&what, value);
            // Written 203004.
            let dashed = text.split_at_checked(4).filter(|(_, month)| month.len() == 2);
            let dashed = dashed.map(|(year, month)| format!("{year}-{month}"));
            draft.field(&name, dashed.as_deref().unwrap_or(&text), by_name);
        }
        "sshKey" => read_key(draft, &name, value),
        "file" => draft.leave_out("attachment", reason::ATTACHMENT),
        "reference" => draft.leave_out(what, reason::REFERENCE),
        _ => {
            let text = draft.said(&what, value);
            draft.field(&name, &text, by_name);
        }
    }
}

fn read_key(draft: &mut Draft, name: &str, key: &Json<'_>) {
    let private = draft.said("private key", key.get("privateKey"));
    draft.field(name, &private, Shown::Hidden);
    for (member, value) in key.get("metadata").members().iter().filter(|(member, _)| member != "privateKey") {
        let member = settled(&words(member)).unwrap_or_else(|| "field".to_owned());
        let text = draft.said(&member, value);
        draft.field(&member, &text, Shown::Plainly);
    }
}

/// Returns a day as RFC 3339 writes it, of seconds since 1970.
fn date(seconds: i64) -> Option<String> {
    let day = OffsetDateTime::from_unix_timestamp(seconds).ok()?.date();
    Some(format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day()))
}
