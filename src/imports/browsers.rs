//! CSV of the browsers, and of the password program of Apple's systems: one login in each row.

use super::gathering::{Draft, Gathering, Shown, reason};
use super::table::{Columns, Next, Table};
use super::{Format, ImportError, Imported};

/// What Chrome exports, and the browsers made from it.
pub(super) const CHROME: Columns = Columns { needed: &["name", "url", "username", "password"], others: &["note"] };
/// What Firefox exports.
pub(super) const FIREFOX: Columns = Columns {
    needed: &["url", "username", "password", "httprealm", "formactionorigin", "guid"],
    others: &["timecreated", "timelastused", "timepasswordchanged"],
};
/// What Safari and Apple's Passwords export.
pub(super) const APPLE: Columns =
    Columns { needed: &["title", "url", "username", "password"], others: &["notes", "otpauth"] };

/// Opens a table that must have certain columns. Those that are not known are reported.
pub(super) fn open<'a>(
    bytes: &'a [u8],
    columns: &Columns,
    format: Format,
) -> Result<(Table<'a>, Gathering), ImportError> {
    let table = Table::open(bytes, b',')?;
    if !columns.are_in(table.columns()) {
        return Err(ImportError::NotThisFormat(format));
    }
    let mut gathering = Gathering::default();
    for column in table.columns().iter().filter(|column| !columns.have(column)) {
        gathering.leave_out_column(column, reason::UNKNOWN_COLUMN)?;
    }
    Ok((table, gathering))
}

/// Reads what Chrome exports. Addresses of apps (`android://...`) stay as they are.
pub(super) fn read_chrome(bytes: &[u8]) -> Result<Imported, ImportError> {
    read(open(bytes, &CHROME, Format::Chrome)?, |table, login| {
        login.name = table.column("name");
        login.note = table.column("note");
    })
}

/// Reads what Safari and Passwords export.
pub(super) fn read_apple(bytes: &[u8]) -> Result<Imported, ImportError> {
    read(open(bytes, &APPLE, Format::Apple)?, |table, login| {
        login.name = table.column("title");
        login.note = table.column("notes");
        login.totp = table.column("otpauth");
    })
}

/// Reads what Firefox exports. It has no names; the `guid` stays the same from one export to the next.
pub(super) fn read_firefox(bytes: &[u8]) -> Result<Imported, ImportError> {
    read(open(bytes, &FIREFOX, Format::Firefox)?, |table, login| {
        login.id = table.column("guid");
        login.realm = table.column("httprealm");
    })
}

/// Where the parts of a login are.
#[derive(Default)]
struct Login {
    name: Option<usize>,
    url: Option<usize>,
    user: Option<usize>,
    password: Option<usize>,
    note: Option<usize>,
    totp: Option<usize>,
    id: Option<usize>,
    realm: Option<usize>,
}

fn read(
    (mut table, mut gathering): (Table<'_>, Gathering),
    others: impl FnOnce(&Table<'_>, &mut Login),
) -> Result<Imported, ImportError> {
    let mut columns = Login {
        url: table.column("url"),
        user: table.column("username"),
        password: table.column("password"),
        ..Login::default()
    };
    others(&table, &mut columns);
    loop {
        let row = match table.next()? {
            Next::Row(row) => row,
            Next::Uneven(row) => {
                gathering.skip(&row, "", reason::WRONG_ROW)?;
                continue;
            }
            Next::End => return Ok(gathering.finish()),
        };
        let (name, url) = (row.at(columns.name), row.at(columns.url));
        // Where Firefox keeps the keys of its own synchronization.
        if url.starts_with("chrome://FirefoxAccounts") {
            gathering.skip("Firefox account", url, reason::BROWSER_ACCOUNT)?;
            continue;
        }
        let mut draft = Draft::new("login", name);
        draft.url(url);
        draft.user(row.at(columns.user));
        draft.password(row.at(columns.password));
        draft.note(row.at(columns.note));
        draft.totp("one-time password", row.at(columns.totp));
        draft.source_id(row.at(columns.id));
        draft.field("realm", row.at(columns.realm), Shown::Plainly);
        gathering.take(draft)?;
    }
}
