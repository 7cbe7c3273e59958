//! Homes that are made once and copied. Most of the time of a short story would go into making its vault.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::home::Home;

/// The one file that names the folder it is in, in its text.
const SETTINGS: &str = ".config/strongroom/settings.json";

/// A home as it was made.
struct Made {
    place: PathBuf,
    /// Each folder comes before what is in it; a folder has no bytes.
    entries: Vec<(PathBuf, u32, Option<Vec<u8>>)>,
}

/// By what kind of home it is, and how many of that kind the test had made before: two homes of one test have two
/// vaults.
static MADE: Mutex<BTreeMap<(&str, usize), Made>> = Mutex::new(BTreeMap::new());

thread_local! {
    /// How many homes of each kind this test has; the test harness gives each a thread.
    static COUNTS: RefCell<BTreeMap<&'static str, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// Makes a home of a kind out of an empty one, or copies what another test has made.
pub fn once(kind: &'static str, empty: fn() -> Home, make: impl FnOnce(&Home)) -> Home {
    let number = COUNTS.with_borrow_mut(|counts| {
        let count = counts.entry(kind).or_default();
        *count += 1;
        *count
    });
    // Held while it is made, so that nobody else makes the same.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let home = empty();
    match made.get(&(kind, number)) {
        Some(made) => made.copy_to(&home),
        None => {
            make(&home);
            made.insert((kind, number), Made::of(&home));
        }
    }
    home
}

impl Made {
    fn of(home: &Home) -> Self {
        let place = home.folder().to_owned();
        let mut made = Self { place: place.clone(), entries: Vec::new() };
        made.add(&place);
        made
    }

    fn add(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let bytes = metadata.is_file().then(|| fs::read(&path).unwrap());
            let name = path.strip_prefix(&self.place).unwrap().to_owned();
            self.entries.push((name, metadata.permissions().mode() & 0o7777, bytes));
            if metadata.is_dir() {
                self.add(&path);
            }
        }
    }

    fn copy_to(&self, home: &Home) {
        for (name, mode, bytes) in &self.entries {
            let path = home.path(name);
            match bytes {
                None => fs::create_dir(&path).unwrap(),
                Some(bytes) if name == Path::new(SETTINGS) => fs::write(&path, self.moved(bytes, home)).unwrap(),
                Some(bytes) => fs::write(&path, bytes).unwrap(),
            }
            fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
        }
    }

    /// Returns the settings with this home's paths.
    fn moved(&self, settings: &[u8], home: &Home) -> String {
        let [from, to] = [self.place.as_path(), home.folder()].map(|folder| folder.to_str().unwrap());
        String::from_utf8(settings.to_vec()).unwrap().replace(from, to)
    }
}
