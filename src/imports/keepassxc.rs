//! CSV of KeePassXC: entries with their group, a TOTP key as URI, and references that KeePassXC does not resolve.

use super::browsers::open;
use super::gathering::{Draft, reason};
use super::naming::folder;
use super::table::{Columns, Next};
use super::{Format, ImportError, Imported};

/// What it exports.
pub(super) const COLUMNS: Columns = Columns {
    needed: &["group", "title", "username", "password", "url", "notes"],
    others: &["totp", "icon", "last modified", "created"],
};

/// The group in which KeePassXC keeps what was deleted.
const TRASH: &str = "Recycle Bin";

pub(super) fn read(bytes: &[u8]) -> Result<Imported, ImportError> {
    let (mut table, mut gathering) = open(bytes, &COLUMNS, Format::KeePassXc)?;
    let at = |name: &str| table.column(name);
    let (group, title, user, password) = (at("group"), at("title"), at("username"), at("password"));
    let (url, notes, totp) = (at("url"), at("notes"), at("totp"));
    loop {
        let row = match table.next()? {
            Next::Row(row) => row,
            Next::Uneven(row) => {
                gathering.skip(&row, "", reason::WRONG_ROW)?;
                continue;
            }
            Next::End => return Ok(gathering.finish()),
        };
        // The first group is the database itself.
        let mut groups = row.at(group).split('/').skip(1).peekable();
        if groups.peek() == Some(&TRASH) {
            gathering.skip(row.at(title), row.at(url), reason::TRASH)?;
            continue;
        }
        let mut draft = Draft::new("login", row.at(title));
        draft.folder(folder(groups).as_deref());
        let mut own = |what: &str, text| {
            if is_reference(text) {
                draft.leave_out(what, reason::REFERENCE);
                return "";
            }
            text
        };
        let (user, password) = (own("user", row.at(user)), own("password", row.at(password)));
        let (url, notes) = (own("address", row.at(url)), own("note", row.at(notes)));
        let totp = own("one-time password", row.at(totp));
        draft.user(user);
        draft.password(password);
        draft.url(url);
        draft.note(notes);
        draft.totp("one-time password", totp);
        if user.is_empty() && password.is_empty() && url.is_empty() && totp.is_empty() && !notes.is_empty() {
            draft.kind("note");
        }
        gathering.take(draft)?;
    }
}

/// Tells whether a value is a reference to another entry's: `{REF:P@I:...}`.
fn is_reference(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("{REF:"))
}
