//! CSV of any other program: its user says which column holds what.

use super::gathering::{Draft, Gathering, Shown, reason};
use super::naming::folder;
use super::table::{Next, Table};
use super::{ImportError, Imported};

/// What a column may hold, as it is written in a column map.
pub(super) const WHAT: [&str; 11] =
    ["name", "user", "password", "url", "totp", "note", "folder", "tags", "id", "field", "hidden"];

/// What separates values; the first under which all columns are found.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Which column holds what: `name=Title,user=Login,password=Password`. A column may be a `url`, `field` or `hidden`
/// (a field that is not shown) beside others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMap(Vec<(&'static str, String)>);

impl ColumnMap {
    /// Reads a column map as its user writes it.
    ///
    /// # Errors
    /// [`ImportError::ColumnMap`] with the part that names no column, or names one thing twice.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        let mut map: Vec<(&'static str, String)> = Vec::new();
        for part in text.split(',') {
            let wrong = || ImportError::ColumnMap { part: part.chars().take(100).collect() };
            let (what, column) = part.split_once('=').ok_or_else(wrong)?;
            let (what, column) = (what.trim(), column.trim());
            let what = WHAT.into_iter().find(|known| *known == what).ok_or_else(wrong)?;
            let may_repeat = matches!(what, "url" | "field" | "hidden");
            if column.is_empty() || (!may_repeat && map.iter().any(|(other, _)| *other == what)) {
                return Err(wrong());
            }
            map.push((what, column.to_owned()));
        }
        Ok(Self(map))
    }

    fn missing_in(&self, table: &Table<'_>) -> Option<&str> {
        self.0.iter().map(|(_, column)| &**column).find(|column| table.column(&column.to_lowercase()).is_none())
    }
}

pub(super) fn read(bytes: &[u8], map: Option<&ColumnMap>) -> Result<Imported, ImportError> {
    let map = map.ok_or(ImportError::NoColumns)?;
    let tables = DELIMITERS.map(|delimiter| Table::open(bytes, delimiter));
    let fitting = tables.iter().position(|table| table.as_ref().is_ok_and(|table| map.missing_in(table).is_none()));
    let mut tables = tables.into_iter();
    // If none fits, the error is that of a comma.
    let Some(table) = tables.nth(fitting.unwrap_or(0)) else { return Err(ImportError::NoColumns) };
    let mut table = table?;
    if let Some(column) = map.missing_in(&table) {
        return Err(ImportError::NoSuchColumn { column: column.to_owned() });
    }
    let mapped: Vec<(&str, &str, Option<usize>)> =
        map.0.iter().map(|(what, name)| (*what, &**name, table.column(&name.to_lowercase()))).collect();
    let mut gathering = Gathering::default();
    for (index, column) in table.columns().iter().enumerate() {
        if mapped.iter().all(|(.., at)| *at != Some(index)) {
            gathering.leave_out_column(column, reason::UNMAPPED)?;
        }
    }
    let column = |what: &str| mapped.iter().find(|(known, ..)| *known == what).and_then(|(.., at)| *at);
    loop {
        let row = match table.next()? {
            Next::Row(row) => row,
            Next::Uneven(row) => {
                gathering.skip(&row, "", reason::WRONG_ROW)?;
                continue;
            }
            Next::End => return Ok(gathering.finish()),
        };
        let mut draft = Draft::new("login", row.at(column("name")));
        draft.user(row.at(column("user")));
        draft.password(row.at(column("password")));
        draft.totp("one-time password", row.at(column("totp")));
        draft.note(row.at(column("note")));
        draft.folder(folder(row.at(column("folder")).split(['/', '\\'])).as_deref());
        draft.source_id(row.at(column("id")));
        row.at(column("tags")).split([',', ';']).for_each(|tag| draft.tag(tag));
        for (what, name, at) in &mapped {
            match *what {
                "url" => draft.url(row.at(*at)),
                "field" => draft.field(name, row.at(*at), Shown::Plainly),
                "hidden" => draft.field(name, row.at(*at), Shown::Hidden),
                _ => {}
            }
        }
        gathering.take(draft)?;
    }
}
