//! CSV of LastPass. A row whose address is `http://sn` is a note; a note whose text begins with `NoteType:` has fields.

use super::browsers::open;
use super::entities::{HtmlEntities, decode, has_entities};
use super::gathering::{Draft, Shown, reason};
use super::members::is_sensitive;
use super::naming::folder;
use super::table::{Columns, Next, Row};
use super::text::Text;
use super::{Format, ImportError, Imported};

/// What it exports.
pub(super) const COLUMNS: Columns =
    Columns { needed: &["url", "username", "password", "extra", "name", "grouping"], others: &["totp", "fav"] };

/// The address of notes.
const NOTE: &str = "http://sn";
/// The address of rows that are no items but folders.
const FOLDER: &str = "http://group";
/// The longest name of a field in a note with fields.
const LABEL: usize = 40;

pub(super) fn read(bytes: &[u8], entities: Option<HtmlEntities>) -> Result<Imported, ImportError> {
    if entities.is_none() {
        let items = count_with_entities(bytes)?;
        if items > 0 {
            return Err(ImportError::HtmlEntities { items });
        }
    }
    let (mut table, mut gathering) = open(bytes, &COLUMNS, Format::LastPass)?;
    let at = |name: &str| table.column(name);
    let columns = ["url", "username", "password", "totp", "extra", "name", "grouping"].map(at);
    loop {
        let row = match table.next()? {
            Next::Row(row) => row,
            Next::Uneven(row) => {
                gathering.skip(&row, "", reason::WRONG_ROW)?;
                continue;
            }
            Next::End => return Ok(gathering.finish()),
        };
        let [url, user, password, totp, extra, name, grouping] = columns.map(|column| {
            let text = row.at(column);
            if entities == Some(HtmlEntities::Decode) { decode(text) } else { Text::borrowed(text) }
        });
        if &*url == FOLDER {
            gathering.skip(if name.is_empty() { &grouping } else { &name }, "", reason::EMPTY_FOLDER)?;
            continue;
        }
        let mut draft = Draft::new(if &*url == NOTE { "note" } else { "login" }, &name);
        draft.folder(folder(grouping.split('\\')).as_deref());
        draft.user(&user);
        draft.password(&password);
        draft.totp("one-time password", &totp);
        if &*url == NOTE {
            read_note(&mut draft, &extra);
        } else {
            // What LastPass writes where there is no address.
            draft.url(if &*url == "http://" { "" } else { &url });
            draft.note(&extra);
        }
        gathering.take(draft)?;
    }
}

fn count_with_entities(bytes: &[u8]) -> Result<usize, ImportError> {
    let (mut table, _) = open(bytes, &COLUMNS, Format::LastPass)?;
    let columns: Vec<Option<usize>> = (0..table.columns().len()).map(Some).collect();
    let mut items = 0;
    loop {
        let has = |row: Row<'_>| columns.iter().any(|column| has_entities(row.at(*column)));
        match table.next()? {
            Next::Row(row) => items += usize::from(has(row)),
            Next::Uneven(_) => {}
            Next::End => return Ok(items),
        }
    }
}

/// Reads the text of a note. With `NoteType:` first it is lines of `Name:Value`; a value goes on until the next such
/// line, a key until its last line, and what follows `Notes:` is the note.
fn read_note(draft: &mut Draft, text: &str) {
    let Some(typed) = text.strip_prefix("NoteType:") else {
        draft.note(text);
        return;
    };
    let (kind, rest) = typed.split_once('\n').unwrap_or((typed, ""));
    let kind = kind.trim();
    draft.kind(match kind {
        "Credit Card" => "card",
        "Address" => "identity",
        "SSH Key" => "ssh-key",
        "Bank Account" => "bank-account",
        "Database" => "database",
        "Server" => "server",
        "Wi-Fi Password" => "wifi",
        "Software License" => "software-license",
        _ => "note",
    });
    let mut rest = rest;
    while !rest.is_empty() {
        let Some((label, after)) = label(rest) else {
            // Lines before the first field: kept, so that nothing is lost.
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            draft.field("text", line.trim_end_matches('\r'), Shown::Hidden);
            rest = after;
            continue;
        };
        if label == "Notes" {
            draft.note(after);
            return;
        }
        let end = value_len(after);
        let value = after[..end].trim_end_matches(['\n', '\r']);
        rest = &after[end..];
        match label {
            // In which language the labels are.
            "Language" => {}
            "Username" if !draft.has_user() => draft.user(value),
            "Password" if !draft.has_password() => draft.password(value),
            _ => {
                let shown = if is_sensitive(label) { Shown::Hidden } else { Shown::Plainly };
                draft.field(label, value, shown);
            }
        }
    }
}

/// Returns the name of the field that begins here, and what follows it.
fn label(text: &str) -> Option<(&str, &str)> {
    let colon = text.bytes().take(LABEL + 1).position(|byte| byte == b':')?;
    let (label, after) = (text.get(..colon)?, text.get(colon + 1..)?);
    let is_name = label.starts_with(char::is_alphabetic)
        && label.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '\'' | '/' | '.' | '(' | ')' | '#'))
        // An address in a value is no label.
        && !after.starts_with("//");
    is_name.then_some((label, after))
}

/// Returns how long the value is that begins here, its last line end included.
fn value_len(text: &str) -> usize {
    let mut is_within_key = false;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if end > 0 && !is_within_key && label(line).is_some() {
            break;
        }
        if line.contains("-----BEGIN ") {
            is_within_key = true;
        }
        if line.contains("-----END ") {
            is_within_key = false;
        }
        end += line.len();
    }
    end
}
