//! What the process that opens a KeePass file has answered. It read a hostile file, perhaps, and so may the answer be.

use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use crate::imports::gathering::{Draft, Gathering, Shown, reason};
use crate::imports::json::{self, Json};
use crate::imports::members::is_sensitive;
use crate::imports::naming::{folder, settled};
use crate::imports::{ImportError, Imported};

/// Reads an answer.
///
/// # Errors
/// [`ImportError::KeePassKey`] if the key does not open the file; others if nothing of it can be taken.
pub fn read_answer(answer: &[u8]) -> Result<Imported, ImportError> {
    let root = json::parse(answer).map_err(|_| ImportError::KeePassEnded)?;
    match root.get("refused").text() {
        "" => {}
        "key" => return Err(ImportError::KeePassKey),
        "memory" => return Err(ImportError::KeePassEnded),
        "damaged" => return Err(ImportError::Damaged),
        _ => return Err(ImportError::KeePassForm),
    }
    let opened = root.get("opened");
    let groups = groups(opened.get("groups").list())?;
    if groups.is_empty() {
        return Err(ImportError::KeePassEnded);
    }
    let mut gathering = Gathering::default();
    for entry in opened.get("entries").list() {
        let number = entry.get("group").whole().and_then(|number| usize::try_from(number).ok());
        let group = number.and_then(|number| groups.get(number)).ok_or(ImportError::KeePassEnded)?;
        let strings = Strings::read(entry)?;
        if group.is_in_bin {
            gathering.skip(strings.get("Title"), strings.get("URL"), reason::TRASH)?;
            continue;
        }
        gathering.take(read_entry(entry, &strings, group))?;
    }
    Ok(gathering.finish())
}

struct Group {
    path: Option<String>,
    is_in_bin: bool,
}

/// Returns the groups, each with the names of those that it is in. The first is the whole, whose name is the file's.
fn groups(list: &[Json<'_>]) -> Result<Vec<Group>, ImportError> {
    let mut groups: Vec<Group> = Vec::with_capacity(list.len());
    for group in list {
        let parent = match group.get("parent") {
            Json::Null if groups.is_empty() => None,
            Json::Whole(number) => {
                let number = usize::try_from(*number).ok();
                Some(number.and_then(|number| groups.get(number)).ok_or(ImportError::KeePassEnded)?)
            }
            _ => return Err(ImportError::KeePassEnded),
        };
        let is_in_bin = group.get("bin").is_true() || parent.is_some_and(|parent| parent.is_in_bin);
        let path = match parent {
            None => Some(String::new()),
            Some(parent) => {
                parent.path.as_deref().and_then(|path| folder(path.split('/').chain([group.get("name").text()])))
            }
        };
        groups.push(Group { path, is_in_bin });
    }
    Ok(groups)
}

/// The fields of an entry: name, value, and whether it is protected.
struct Strings<'j, 'a>(Vec<(&'j str, &'j Json<'a>, bool)>);

impl<'j, 'a> Strings<'j, 'a> {
    fn read(entry: &'j Json<'a>) -> Result<Self, ImportError> {
        let one = |string: &'j Json<'a>| match string.list() {
            [Json::Text(name), value @ (Json::Text(_) | Json::TooLong), Json::Flag(is_protected)] => {
                Ok((&**name, value, *is_protected))
            }
            _ => Err(ImportError::KeePassEnded),
        };
        entry.get("strings").list().iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn get(&self, name: &str) -> &'j str {
        self.0.iter().find(|(known, ..)| *known == name).map_or("", |(_, value, _)| value.text())
    }
}

fn read_entry(entry: &Json<'_>, strings: &Strings<'_, '_>, group: &Group) -> Draft {
    let mut draft = Draft::new("login", strings.get("Title"));
    draft.source_id(entry.get("id").text());
    draft.folder(group.path.as_deref());
    let tags = entry.get("tags").text().split([';', ',']).map(str::trim);
    tags.filter(|tag| !tag.is_empty()).for_each(|tag| draft.tag(tag));
    draft.url(strings.get("URL"));
    let own_key = one_time_key(strings);
    if let Some(key) = &own_key {
        draft.totp("one-time password", key);
    }
    for (name, value, is_protected) in &strings.0 {
        let what = match *name {
            "Title" => "name",
            "UserName" => "user",
            "Password" => "password",
            "URL" => "address",
            "Notes" => "note",
            name => name,
        };
        let text = draft.said(what, value);
        if refers(&text) {
            draft.leave_out(what, reason::REFERENCE_KEPT);
        }
        match *name {
            "Title" | "URL" => {}
            "UserName" => draft.user(&text),
            "Password" => draft.password(&text),
            "Notes" => draft.note(&text),
            name if own_key.is_some() && is_one_time(name) => {}
            name if name == "KP2A_URL" || name.starts_with("KP2A_URL_") => draft.url(&text),
            name => {
                let is_hidden = *is_protected || is_one_time(name) || is_sensitive(name);
                draft.field(name, &text, if is_hidden { Shown::Hidden } else { Shown::Plainly });
            }
        }
    }
    if draft.is_only_note() {
        draft.kind("note");
    }
    for file in entry.get("files").list() {
        let name = settled(file.text()).map_or_else(|| "attachment".to_owned(), |name| format!("attachment {name}"));
        draft.leave_out(name, reason::ATTACHMENT);
    }
    if entry.get("expires").is_true() {
        draft.leave_out("expiry date", reason::EXPIRY);
    }
    let history = entry.get("history").whole().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    draft.leave_out_all(history, "earlier version", "earlier versions", reason::EARLIER_VERSION);
    draft
}

/// Tells whether a value refers to another entry's: `{REF:P@I:...}`, which may be a part of it.
fn refers(text: &str) -> bool {
    text.as_bytes().windows(5).any(|part| part.eq_ignore_ascii_case(b"{REF:"))
}

fn is_one_time(name: &str) -> bool {
    name == "otp" || name.starts_with("TimeOtp-") || matches!(name, "TOTP Seed" | "TOTP Settings")
}

/// Returns the key of one-time passwords: a URI, or in base32. KeePassXC writes `otp`, and wrote `TOTP Seed` and
/// `TOTP Settings`; KeePass writes `TimeOtp-` and what it is. `None` for what is of no such form: then its fields are
/// fields as others are.
fn one_time_key(strings: &Strings<'_, '_>) -> Option<Zeroizing<String>> {
    let otp = strings.get("otp").trim();
    if otp.starts_with("otpauth://") {
        return Some(Zeroizing::new(otp.to_owned()));
    }
    // Of KeeOtp, for KeePass.
    if !otp.is_empty() {
        let part = |name: &str| otp.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let [period, digits] = [part("step"), part("size")].map(|part| part.unwrap_or_default());
        return part("type").is_none_or(|kind| kind == "Totp").then(|| uri(part("key")?, period, digits, ""))?;
    }
    let seed = strings.get("TOTP Seed");
    if !seed.is_empty() {
        let (period, digits) = strings.get("TOTP Settings").split_once(';').unwrap_or_default();
        return uri(seed, period, digits, "");
    }
    let time = |what: &str| strings.get(&format!("TimeOtp-{what}")).trim();
    let decoded = || {
        let bytes = match [time("Secret"), time("Secret-Hex"), time("Secret-Base64")] {
            [text, "", ""] if !text.is_empty() => text.as_bytes().to_vec(),
            ["", hex, ""] if !hex.is_empty() => HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?,
            ["", "", text] if !text.is_empty() => BASE64.decode(text.as_bytes()).ok()?,
            _ => return None,
        };
        Some(Zeroizing::new(BASE32_NOPAD.encode(&Zeroizing::new(bytes))))
    };
    let secret = match time("Secret-Base32") {
        "" => decoded()?,
        secret => Zeroizing::new(secret.to_owned()),
    };
    let algorithm = match time("Algorithm") {
        "" | "HMAC-SHA-1" => "",
        "HMAC-SHA-256" => "SHA256",
        "HMAC-SHA-512" => "SHA512",
        _ => return None,
    };
    uri(&secret, time("Period"), time("Length"), algorithm)
}

/// Makes a URI of a key in base32, or leaves the key as it is if it has no settings of its own.
fn uri(secret: &str, period: &str, digits: &str, algorithm: &str) -> Option<Zeroizing<String>> {
    let secret: Zeroizing<String> =
        Zeroizing::new(secret.chars().filter(|c| !matches!(c, ' ' | '-' | '=')).collect::<String>());
    let is_base32 = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_number = |text: &str| text.is_empty() || (text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_base32 || !is_number(period) || !is_number(digits) {
        return None;
    }
    if matches!((period, digits, algorithm), ("" | "30", "" | "6", "")) {
        return Some(secret);
    }
    let mut uri = Zeroizing::new(format!("otpauth://totp/KeePass?secret={}", *secret));
    for (name, value) in [("period", period), ("digits", digits), ("algorithm", algorithm)] {
        if !value.is_empty() {
            *uri += &format!("&{name}={value}");
        }
    }
    Some(uri)
}
