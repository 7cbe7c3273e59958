//! CSV of the browsers, and of the password program of Apple's systems: one login in each row.

use super::gathering::{Draft, Gathering, Shown, reason};
use super::table::{Next, Table};
use super::{Format, ImportError, Imported};

/// What every export of Chrome has, and of the browsers made from it.
pub(super) const CHROME: &[&str] = &["name", "url", "username", "password"];
/// What every export of Firefox has.
pub(super) const FIREFOX: &[&str] = &["url", "username", "password", "httprealm", "formactionorigin", "guid"];
/// What every export of Safari and of Apple's Passwords has.
pub(super) const APPLE: &[&str] = &["title", "url", "username", "password"];

/// Opens a table that must have certain columns.
pub(super) fn open<'a>(bytes: &'a [u8], needed: &[&str], format: Format) -> Result<Table<'a>, ImportError> {
    let table = Table::open(bytes, b',')?;
    let has_all = needed.iter().all(|name| table.column(name).is_some());
    if has_all { Ok(table) } else { Err(ImportError::NotThisFormat(format)) }
}

/// Reads what Chrome exports. Addresses of apps (`android://...`) stay as they are.
pub(super) fn read_chrome(bytes: &[u8]) -> Result<Imported, ImportError> {
    let table = open(bytes, CHROME, Format::Chrome)?;
    read(table, |table, login| {
        login.name = table.column("name");
        login.note = table.column("note");
    })
}

/// Reads what Safari and Passwords export.
pub(super) fn read_apple(bytes: &[u8]) -> Result<Imported, ImportError> {
    let table = open(bytes, APPLE, Format::Apple)?;
    read(table, |table, login| {
        login.name = table.column("title");
        login.note = table.column("notes");
        login.totp = table.column("otpauth");
    })
}

/// Reads what Firefox exports. It has no names; the `guid` stays the same from one export to the next.
pub(super) fn read_firefox(bytes: &[u8]) -> Result<Imported, ImportError> {
    let table = open(bytes, FIREFOX, Format::Firefox)?;
    read(table, |table, login| {
        login.id = table.column("guid");
        login.realm = table.column("httprealm");
    })
}

/// Where the parts of a login are.
#[derive(Default)]
struct Columns {
    name: Option<usize>,
    url: Option<usize>,
    user: Option<usize>,
    password: Option<usize>,
    note: Option<usize>,
    totp: Option<usize>,
    id: Option<usize>,
    realm: Option<usize>,
}

fn read(mut table: Table<'_>, others: impl FnOnce(&Table<'_>, &mut Columns)) -> Result<Imported, ImportError> {
    let mut columns = Columns {
        url: table.column("url"),
        user: table.column("username"),
        password: table.column("password"),
        ..Columns::default()
    };
    others(&table, &mut columns);
    let mut gathering = Gathering::default();
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
