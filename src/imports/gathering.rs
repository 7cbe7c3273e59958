//! Where the items of an export come together: each gets its name here, and here is written down what is left out.

use std::cmp::Ordering;

use super::json::Json;
use super::naming::{Line, Names, begun, host_of, line, settled};
use super::text::Text;
use super::{ImportError, Imported, Item, Skipped, limits};
use crate::crypto::secret::SecretText;

/// Why something is left out, in the words of the report.
pub(super) mod reason {
    pub const TRASH: &str = "it is in the trash";
    pub const ARCHIVED: &str = "it is archived";
    pub const ATTACHMENT: &str = "files are not kept with secrets; encrypt them as files";
    pub const PASSKEY: &str = "a passkey works only in the program that made it; set up another way to sign in";
    pub const HISTORY: &str = "only the current password is taken";
    pub const LINKED: &str = "it only points to another field of the same item";
    pub const REFERENCE: &str = "it refers to another entry and has no value of its own";
    pub const REFERENCE_KEPT: &str = "it refers to another entry; the reference is taken as text, and not resolved";
    pub const EXPIRY: &str = "secrets have no expiry date here";
    pub const EARLIER_VERSION: &str = "only the current one is taken";
    pub const FIELD_TOO_LONG: &str = "it is longer than 1 MiB";
    pub const LINE_TOO_LONG: &str = "it is longer than 4096 characters";
    pub const UNSEEN: &str = "characters that are not shown were taken out of it";
    pub const UNKNOWN_FORM: &str = "it has a form that is not known here";
    pub const FOLDER_TOO_LONG: &str = "it is longer than 512 characters";
    pub const TOO_MANY_TAGS: &str = "an item has at most 100";
    pub const WRONG_ROW: &str = "the row has more or fewer values than there are columns";
    pub const EMPTY_FOLDER: &str = "it is an empty folder";
    pub const UNMAPPED: &str = "the column was not named";
    pub const UNKNOWN_COLUMN: &str = "the column is not known here";
    pub const EMPTY: &str = "there is nothing in it";
    pub const BROWSER_ACCOUNT: &str = "it holds the keys of the browser's own account";
}

/// Whether a field is shown in a list or only if somebody asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Plainly,
    Hidden,
}

/// One item while it is read, and what of it is left out.
pub(super) struct Draft {
    name: String,
    item: Item,
    field_names: Names,
    has_too_many_tags: bool,
    left_out: Vec<(String, &'static str)>,
}

impl Draft {
    pub fn new(kind: &str, name: &str) -> Self {
        // A name that is no name is settled later; nothing that follows needs more of it than this.
        let name = begun(name).to_owned();
        let nothing = || SecretText::new(String::new());
        let item = Item {
            name: String::new(),
            folder: String::new(),
            user: String::new(),
            urls: Vec::new(),
            tags: Vec::new(),
            kind: kind.to_owned(),
            source_id: String::new(),
            password: nothing(),
            totp: nothing(),
            note: nothing(),
            fields: Vec::new(),
        };
        Self { name, item, field_names: Names::default(), has_too_many_tags: false, left_out: Vec::new() }
    }

    pub fn leave_out(&mut self, what: impl Into<String>, reason: &'static str) {
        // One line more than there may be, so that the whole is refused.
        if self.left_out.len() <= limits::REPORT {
            self.left_out.push((what.into(), reason));
        }
    }

    /// Leaves out a number of things of one kind.
    pub fn leave_out_all(&mut self, count: usize, one: &str, many: &str, reason: &'static str) {
        match count {
            0 => {}
            1 => self.leave_out(one, reason),
            count => self.leave_out(format!("{count} {many}"), reason),
        }
    }

    /// Returns what a value of JSON says; a list or an object says nothing, and is left out.
    pub fn said<'j>(&mut self, what: &str, value: &'j Json<'_>) -> Text<'j> {
        match value {
            Json::Null => Text::borrowed(""),
            Json::Text(text) => Text::borrowed(text),
            Json::Flag(flag) => Text::borrowed(if *flag { "true" } else { "false" }),
            Json::Whole(number) => Text::owned(number.to_string()),
            Json::TooLong => {
                self.leave_out(what, reason::FIELD_TOO_LONG);
                Text::borrowed("")
            }
            Json::List(list) if list.is_empty() => Text::borrowed(""),
            Json::Object(members) if members.is_empty() => Text::borrowed(""),
            // What has more digits than 64 bits would lose some of them.
            Json::Fraction | Json::List(_) | Json::Object(_) => {
                self.leave_out(what, reason::UNKNOWN_FORM);
                Text::borrowed("")
            }
        }
    }

    fn secret(&mut self, what: &str, text: &str) -> SecretText {
        if text.len() > limits::FIELD {
            self.leave_out(what, reason::FIELD_TOO_LONG);
            return SecretText::new(String::new());
        }
        SecretText::new(text.to_owned())
    }

    fn line(&mut self, what: &str, text: &str) -> String {
        match line(text) {
            Line::Same(text) => text.to_owned(),
            Line::Cleaned(text) => {
                self.leave_out(what, reason::UNSEEN);
                text
            }
            Line::TooLong => {
                self.leave_out(what, reason::LINE_TOO_LONG);
                String::new()
            }
        }
    }

    pub fn kind(&mut self, kind: &str) {
        kind.clone_into(&mut self.item.kind);
    }

    pub fn source_id(&mut self, id: &str) {
        self.item.source_id = self.line("the item's id", id);
    }

    /// Takes a path that [`folder`](super::naming::folder) has made, if it was not too long.
    pub fn folder(&mut self, path: Option<&str>) {
        match path {
            Some(path) => path.clone_into(&mut self.item.folder),
            None => self.leave_out("folder", reason::FOLDER_TOO_LONG),
        }
    }

    pub fn user(&mut self, text: &str) {
        self.item.user = self.line("user", text);
    }

    pub fn has_user(&self) -> bool {
        !self.item.user.is_empty()
    }

    pub fn url(&mut self, text: &str) {
        let url = self.line("address", text);
        // A look at the last one keeps a long list from being searched for each of its members.
        if !url.is_empty() && self.item.urls.first() != Some(&url) && self.item.urls.last() != Some(&url) {
            self.item.urls.push(url);
        }
    }

    pub fn tag(&mut self, text: &str) {
        match self.item.tags.len().cmp(&limits::TAGS) {
            Ordering::Less => {
                let tag = self.line("tag", text);
                if !tag.is_empty() {
                    self.item.tags.push(tag);
                }
            }
            Ordering::Equal if !self.has_too_many_tags => {
                self.has_too_many_tags = true;
                self.leave_out("tags", reason::TOO_MANY_TAGS);
            }
            _ => {}
        }
    }

    pub fn password(&mut self, text: &str) {
        self.item.password = self.secret("password", text);
    }

    pub fn has_password(&self) -> bool {
        !self.item.password.is_empty()
    }

    /// Tells whether there is a note, and nothing to sign in with.
    pub fn is_only_note(&self) -> bool {
        let Item { user, urls, password, totp, note, .. } = &self.item;
        !note.is_empty() && user.is_empty() && urls.is_empty() && password.is_empty() && totp.is_empty()
    }

    /// Takes a one-time password's key. The first is the item's; another one becomes a field.
    pub fn totp(&mut self, name: &str, text: &str) {
        if self.item.totp.is_empty() {
            self.item.totp = self.secret("one-time password", text.trim());
        } else {
            self.field(name, text.trim(), Shown::Hidden);
        }
    }

    pub fn note(&mut self, text: &str) {
        self.item.note = self.secret("note", text);
    }

    /// Takes a field. One without a value is no field.
    pub fn field(&mut self, name: &str, text: &str, shown: Shown) {
        if text.is_empty() {
            return;
        }
        let name = settled(name).unwrap_or_else(|| "field".to_owned());
        let value = self.secret(&name, text);
        if !value.is_empty() {
            let name = self.field_names.unique(name);
            self.item.fields.push((name, value, shown == Shown::Hidden));
        }
    }
}

/// The items of an export so far.
#[derive(Default)]
pub(super) struct Gathering {
    items: Vec<Item>,
    skipped: Vec<Skipped>,
    names: Names,
    seen: usize,
    taken: usize,
}

impl Gathering {
    fn count(&mut self) -> Result<(), ImportError> {
        self.seen += 1;
        if self.seen > limits::ITEMS { Err(ImportError::TooManyItems) } else { Ok(()) }
    }

    /// Names an item without a name after its first address's host, else by its number.
    fn name(&self, name: &str, url: &str) -> String {
        let from_host = || settled(host_of(url));
        settled(name).or_else(from_host).unwrap_or_else(|| format!("imported item {}", self.seen))
    }

    /// Takes an item.
    pub fn take(&mut self, draft: Draft) -> Result<(), ImportError> {
        self.count()?;
        let Draft { name, mut item, left_out, .. } = draft;
        if settled(&name).is_none() && is_empty(&item) && left_out.is_empty() {
            return self.report_item("", "", reason::EMPTY);
        }
        item.name = self.names.unique(self.name(&name, item.urls.first().map_or("", |url| url)));
        for (what, reason) in left_out {
            self.report(Skipped { item: item.name.clone(), what, reason })?;
        }
        self.taken += length(&item);
        self.items.push(item);
        if self.taken > limits::TAKEN { Err(ImportError::TooMuch) } else { Ok(()) }
    }

    /// Leaves an item out.
    pub fn skip(&mut self, name: &str, url: &str, reason: &'static str) -> Result<(), ImportError> {
        self.count()?;
        self.report_item(name, url, reason)
    }

    fn report_item(&mut self, name: &str, url: &str, reason: &'static str) -> Result<(), ImportError> {
        let item = self.name(name, url);
        self.report(Skipped { item, what: "the item".to_owned(), reason })
    }

    /// Leaves a column out, which is a part of every item.
    pub fn leave_out_column(&mut self, column: &str, reason: &'static str) -> Result<(), ImportError> {
        let what = settled(column).unwrap_or_else(|| "a column without a name".to_owned());
        self.report(Skipped { item: "every item".to_owned(), what, reason })
    }

    fn report(&mut self, skipped: Skipped) -> Result<(), ImportError> {
        self.skipped.push(skipped);
        if self.skipped.len() > limits::REPORT { Err(ImportError::TooMuchSkipped) } else { Ok(()) }
    }

    pub fn finish(self) -> Imported {
        Imported { items: self.items, skipped: self.skipped }
    }
}

/// Tells whether there is nothing in an item that anybody would look for.
fn is_empty(item: &Item) -> bool {
    let secrets = [&item.password, &item.totp, &item.note];
    item.user.is_empty() && item.urls.is_empty() && item.fields.is_empty() && secrets.iter().all(|text| text.is_empty())
}

/// Returns how many bytes of text an item has.
fn length(item: &Item) -> usize {
    let Item { name, folder, user, urls, tags, kind, source_id, password, totp, note, fields } = item;
    let texts = [name, folder, user, kind, source_id].into_iter().chain(urls).chain(tags).map(String::len);
    let secrets = [password, totp, note].map(|secret| secret.expose().len());
    let fields = fields.iter().map(|(name, value, _)| name.len() + value.expose().len());
    texts.chain(secrets).chain(fields).sum()
}
