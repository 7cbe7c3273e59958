//! What the user has chosen for this computer, in a TOML file that people may write themselves. What the program
//! remembers by itself is in the settings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::error::{HomeError, Wanted};
use super::toml::{TomlFileError, nearest, read_text};
use crate::disk::{self, folder_of, with_suffix};
use crate::error::IoAction;

const LOCK_WAIT: Duration = Duration::from_secs(10);

/// A key that can be set.
#[derive(Debug)]
pub struct Known {
    /// Its name; a dot leads into a table.
    pub key: &'static str,
    /// What its value can be.
    pub takes: Takes,
    /// What is so if it is not set.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

impl Known {
    /// Refuses a value that this key cannot have.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn check(&self, text: &str) -> Result<(), ConfigError> {
        self.parse(text).map(drop)
    }

    fn parse(&self, text: &str) -> Result<Value, ConfigError> {
        let why = || ConfigError::Value { key: self.key, expected: self.takes.expected() };
        self.takes.parse(text).ok_or_else(why)
    }
}

/// What a value can be.
#[derive(Debug)]
pub enum Takes {
    /// A whole number.
    Number {
        /// The least.
        from: u64,
        /// The greatest.
        to: u64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
}

impl Takes {
    /// Makes a value of what was typed; `None` if it cannot be one.
    fn parse(&self, text: &str) -> Option<Value> {
        match self {
            Self::Number { from, to } => {
                let number = text.parse().ok().filter(|number| (from..=to).contains(&number))?;
                Some(Value::from(i64::try_from(number).ok()?))
            }
            Self::Word(words) => words.contains(&text).then(|| Value::from(text)),
        }
    }

    /// Returns a value as it is typed; `None` if it cannot be one.
    fn text(&self, item: &Item) -> Option<String> {
        let text = match self {
            Self::Number { .. } => item.as_integer()?.to_string(),
            Self::Word(_) => item.as_str()?.to_owned(),
        };
        self.parse(&text).map(|_| text)
    }

    /// Says what it can be.
    fn expected(&self) -> String {
        match self {
            Self::Number { from, to } => format!("a whole number from {from} to {to}"),
            Self::Word(words) => format!("one of {}", words.join(", ")),
        }
    }
}

/// Why what the user has chosen cannot be used or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read as TOML.
    #[error(transparent)]
    File(#[from] TomlFileError),
    /// There is no such key.
    #[error("there is no key {key:?}")]
    UnknownKey {
        /// What was named.
        key: String,
        /// What may have been meant.
        similar: Option<&'static str>,
    },
    /// The value is none for this key.
    #[error("{key} takes {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What its value can be.
        expected: String,
    },
}

/// The file of what the user has chosen.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: Option<PathBuf>,
    known: &'static [Known],
}

impl ConfigFile {
    /// Names the file, if there is a place for it, and the keys that can be set. Nothing is read yet.
    pub fn new(path: Option<PathBuf>, known: &'static [Known]) -> Self {
        Self { path, known }
    }

    /// Returns the file's path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the keys that can be set.
    pub fn known(&self) -> &'static [Known] {
        self.known
    }

    /// Finds a key by its name.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`].
    pub fn find(&self, key: &str) -> Result<&'static Known, ConfigError> {
        let found = self.known.iter().find(|known| known.key == key);
        let unknown = || ConfigError::UnknownKey {
            key: key.into(),
            similar: nearest(key, self.known.iter().map(|known| known.key)),
        };
        found.ok_or_else(unknown)
    }

    /// Returns every key that is set, with its value as it is typed. A file that does not exist sets nothing.
    ///
    /// # Errors
    /// [`HomeError::Config`] if the file sets something else; [`HomeError::Io`] if it cannot be read.
    pub fn values(&self) -> Result<Vec<(&'static Known, String)>, HomeError> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        let refused = |why| HomeError::Config { path: path.clone(), why };
        let Some(document) = read(path)? else { return Ok(Vec::new()) };
        let mut items = Vec::new();
        flatten(document.as_table(), "", &mut items);
        let value = |(key, item): (String, &Item)| {
            let known = self.find(&key)?;
            let value = || ConfigError::Value { key: known.key, expected: known.takes.expected() };
            Ok((known, known.takes.text(item).ok_or_else(value)?))
        };
        items.into_iter().map(value).collect::<Result<_, _>>().map_err(refused)
    }

    /// Returns what a key is set to, whatever else the file says.
    ///
    /// # Errors
    /// As [`ConfigFile::values`].
    pub fn value(&self, known: &'static Known) -> Result<Option<String>, HomeError> {
        let Some(path) = &self.path else { return Ok(None) };
        let Some(document) = read(path)? else { return Ok(None) };
        let Some(item) = lookup(document.as_table(), known.key) else { return Ok(None) };
        let why = || ConfigError::Value { key: known.key, expected: known.takes.expected() };
        known.takes.text(item).map(Some).ok_or_else(|| HomeError::Config { path: path.clone(), why: why() })
    }

    /// Sets a key, and keeps everything else as it is, comments included.
    ///
    /// # Errors
    /// [`HomeError::Config`] if the value is none for this key, or the file is not TOML; [`HomeError::Io`] and
    /// [`HomeError::Busy`] if the file cannot be written.
    pub fn set(&self, known: &'static Known, text: &str) -> Result<(), HomeError> {
        let path = self.place()?;
        let value = known.parse(text).map_err(|why| HomeError::Config { path: path.into(), why })?;
        self.change(path, |document| {
            // Comments in a file without a key are its end: they stay before the first one.
            let comments = document.trailing().as_str().filter(|_| document.is_empty()).unwrap_or_default().to_owned();
            put(document.as_table_mut(), known.key, value);
            if let Some(mut key) = document.key_mut(known.key).filter(|_| !comments.is_empty()) {
                key.leaf_decor_mut().set_prefix(comments);
                document.set_trailing("");
            }
        })
    }

    /// Removes a key.
    ///
    /// # Errors
    /// As [`ConfigFile::set`].
    pub fn unset(&self, known: &'static Known) -> Result<(), HomeError> {
        let path = self.place()?;
        self.change(path, |document| take(document.as_table_mut(), known.key))
    }

    fn place(&self) -> Result<&Path, HomeError> {
        self.path.as_deref().ok_or(HomeError::NoHome { wanted: Wanted::Settings })
    }

    /// Changes what is in the file by now.
    fn change(&self, path: &Path, edit: impl FnOnce(&mut DocumentMut)) -> Result<(), HomeError> {
        let unwritten = |source| HomeError::Io { action: IoAction::Write, path: path.into(), source };
        // Some people keep such files elsewhere, and a link here.
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        disk::create_own_folder(folder_of(&file)).map_err(unwritten)?;
        let lock = disk::lock(&with_suffix(path, ".lock"), LOCK_WAIT).map_err(unwritten)?;
        let Some(_lock) = lock else { return Err(HomeError::Busy { path: path.into(), waited: LOCK_WAIT }) };
        let mut document = read(path)?.unwrap_or_default();
        edit(&mut document);
        disk::replace(&file, document.to_string().as_bytes(), &mut |_| Ok(()), &mut || Ok(())).map_err(unwritten)
    }
}

fn read(path: &Path) -> Result<Option<DocumentMut>, HomeError> {
    let failed = |source| HomeError::Io { action: IoAction::Read, path: path.into(), source };
    let refused = |why| HomeError::Config { path: path.into(), why };
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(refused(TomlFileError::NotAFile.into())),
        Ok(_) => {}
        // A home of /dev/null is what some services are given.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    }
    let text = fs::File::open(path).and_then(read_text).map_err(failed)?.map_err(|why| refused(why.into()))?;
    let parsed = text.parse::<DocumentMut>();
    parsed.map(Some).map_err(|error| refused(TomlFileError::syntax(&text, &error).into()))
}

/// Collects everything that is set below a table, each under its whole name.
fn flatten<'t>(table: &'t dyn TableLike, above: &str, items: &mut Vec<(String, &'t Item)>) {
    for (key, item) in table.iter() {
        let key = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
        match item.as_table_like() {
            Some(table) => flatten(table, &key, items),
            None => items.push((key, item)),
        }
    }
}

fn lookup<'t>(table: &'t dyn TableLike, key: &str) -> Option<&'t Item> {
    match key.split_once('.') {
        None => table.get(key),
        Some((table_name, key)) => lookup(table.get(table_name)?.as_table_like()?, key),
    }
}

/// Sets a key, with the comment beside it if it was set before.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match key.split_once('.') {
        None => {
            if let Some(former) = table.get(key).and_then(Item::as_value) {
                *value.decor_mut() = former.decor().clone();
            }
            if let Some(item) = table.get_mut(key) {
                *item = Item::Value(value);
            } else {
                table.insert(key, Item::Value(value));
            }
        }
        Some((table_name, key)) => {
            let below = table.entry(table_name).or_insert_with(|| Item::Table(Table::new()));
            if !below.is_table_like() {
                *below = Item::Table(Table::new());
            }
            if let Some(below) = below.as_table_like_mut() {
                put(below, key, value);
            }
        }
    }
}

fn take(table: &mut dyn TableLike, key: &str) {
    match key.split_once('.') {
        None => drop(table.remove(key)),
        Some((table_name, key)) => {
            if let Some(below) = table.get_mut(table_name).and_then(Item::as_table_like_mut) {
                take(below, key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Known] = &[
        Known { key: "threads", takes: Takes::Number { from: 1, to: 16 }, default: "", about: "" },
        Known { key: "progress", takes: Takes::Word(&["auto", "none"]), default: "", about: "" },
        Known { key: "unlock.idle", takes: Takes::Number { from: 1, to: 60 }, default: "", about: "" },
    ];

    fn config(folder: &tempfile::TempDir) -> ConfigFile {
        ConfigFile::new(Some(folder.path().join("deep/config.toml")), KNOWN)
    }

    fn values(config: &ConfigFile) -> Vec<(&'static str, String)> {
        config.values().unwrap().into_iter().map(|(known, value)| (known.key, value)).collect()
    }

    #[test]
    fn what_is_set_is_found_and_the_rest_of_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        assert!(values(&config).is_empty());
        config.set(&KNOWN[0], "4").unwrap();
        config.set(&KNOWN[2], "15").unwrap();
        assert_eq!(values(&config), [("threads", "4".into()), ("unlock.idle", "15".into())]);
        let text = "# Mine.\nthreads = 4 # cores\n\n[unlock]\n# Short.\nidle = 15\n";
        fs::write(config.path().unwrap(), text).unwrap();
        config.set(&KNOWN[0], "2").unwrap();
        config.set(&KNOWN[1], "none").unwrap();
        config.set(&KNOWN[2], "30").unwrap();
        let expected = "# Mine.\nthreads = 2 # cores\nprogress = \"none\"\n\n[unlock]\n# Short.\nidle = 30\n";
        assert_eq!(fs::read_to_string(config.path().unwrap()).unwrap(), expected);
        for known in KNOWN {
            config.unset(known).unwrap();
            config.unset(known).unwrap();
            assert_eq!(config.value(known).unwrap(), None);
        }
        assert!(values(&config).is_empty());
    }

    #[test]
    fn what_is_no_value_or_no_key_is_refused_and_can_be_mended() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        let why = |error| match error {
            HomeError::Config { why, .. } => why,
            other => panic!("{other}"),
        };
        for (known, text) in [(&KNOWN[0], "0"), (&KNOWN[0], "17"), (&KNOWN[0], "many"), (&KNOWN[1], "loud")] {
            assert!(matches!(why(config.set(known, text).unwrap_err()), ConfigError::Value { .. }), "{text}");
        }
        assert!(!config.path().unwrap().exists());
        let write = |text: &str| fs::write(config.path().unwrap(), text).unwrap();
        config.set(&KNOWN[0], "4").unwrap();
        write("threads = \"4\"\nprogress = \"none\"\n");
        assert_eq!(why(config.values().unwrap_err()).to_string(), "threads takes a whole number from 1 to 16");
        assert_eq!(config.value(&KNOWN[1]).unwrap().as_deref(), Some("none"));
        config.set(&KNOWN[0], "4").unwrap();
        assert_eq!(values(&config).len(), 2);
        write("[unlock]\nidel = 1\n");
        let error = why(config.values().unwrap_err());
        assert!(matches!(error, ConfigError::UnknownKey { similar: Some("unlock.idle"), .. }), "{error}");
        write("threads = 4\nthreads = 5\n");
        assert!(matches!(why(config.values().unwrap_err()), ConfigError::File(TomlFileError::Syntax(_))));
        assert!(config.set(&KNOWN[0], "4").is_err() && config.unset(&KNOWN[0]).is_err());
        assert_eq!(fs::read_to_string(config.path().unwrap()).unwrap(), "threads = 4\nthreads = 5\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("dotfile"), folder.path().join("config.toml"));
        fs::write(&file, "# Kept elsewhere.\n").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let config = ConfigFile::new(Some(link.clone()), KNOWN);
        config.set(&KNOWN[0], "4").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "# Kept elsewhere.\nthreads = 4\n");
    }
}
