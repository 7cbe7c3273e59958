//! The file `.strongroom.toml`, which says which project the files of a folder belong to, and which of them are not
//! encrypted. It is looked for in the working folder and upwards.
//!
//! It may have come with files that somebody else made. So it can name neither a program nor a vault, a keychain or a
//! password, and nothing in it makes a default weaker.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item};

use super::error::HomeError;
use super::toml::{TomlFileError, nearest, read_text};
use crate::disk::untrusted_owner;
use crate::error::IoAction;
use crate::format::name::{NameError, project_name};

/// The file's name.
pub const PROJECT_FILE: &str = ".strongroom.toml";
/// What such a file can say.
const KEYS: [&str; 2] = ["project", "exclude"];

/// What the file of a folder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where it is, as a whole path.
    pub path: PathBuf,
    /// The project.
    pub project: Option<String>,
    /// Patterns of what is not encrypted, in the syntax of gitignore(5); they count from the file's folder.
    pub exclude: Vec<String>,
}

/// Why a project file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectFileError {
    /// Another user owns it.
    #[error("it belongs to {owner}, who could change which project files are encrypted for")]
    Stranger {
        /// The owner.
        owner: String,
    },
    /// Other users may write to it.
    #[error("other users can change it")]
    Writable,
    /// It cannot be read as TOML.
    #[error(transparent)]
    File(#[from] TomlFileError),
    /// It says something that such a file cannot say.
    #[error("it sets {key:?}, and a project file can set only project and exclude")]
    UnknownKey {
        /// What it says.
        key: String,
        /// What may have been meant.
        similar: Option<&'static str>,
    },
    /// The project's name is none.
    #[error("the name of the project: {0}")]
    Name(NameError),
    /// A value is of another kind.
    #[error("{key} is not {expected}")]
    Value {
        /// What the value is for.
        key: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

/// Finds the file of the working folder: its own, else that of the nearest folder above it on the same file system.
///
/// # Errors
/// [`HomeError::ProjectFile`] if it is not to be used; [`HomeError::Io`] if it cannot be read.
pub fn find() -> Result<Option<ProjectFile>, HomeError> {
    // A working folder that is gone holds no file.
    let Ok(start) = std::env::current_dir() else { return Ok(None) };
    find_from(&start)
}

fn find_from(start: &Path) -> Result<Option<ProjectFile>, HomeError> {
    let Ok(here) = start.metadata() else { return Ok(None) };
    for folder in start.ancestors() {
        // Above a mounted drive there are other people's files, or none.
        if !folder.metadata().is_ok_and(|there| is_same_drive(&here, &there)) {
            break;
        }
        let path = folder.join(PROJECT_FILE);
        if path.symlink_metadata().is_ok() {
            return read(path).map(Some);
        }
    }
    Ok(None)
}

#[cfg(unix)]
fn is_same_drive(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.dev() == other.dev()
}

#[cfg(not(unix))]
fn is_same_drive(_: &Metadata, _: &Metadata) -> bool {
    true
}

fn read(path: PathBuf) -> Result<ProjectFile, HomeError> {
    let refused = |why| HomeError::ProjectFile { path: path.clone(), why };
    let failed = |source| HomeError::Io { action: IoAction::Read, path: path.clone(), source };
    let file = match open(&path) {
        Ok(file) => file,
        // A link, which is not followed: whoever made it would choose among this user's project files.
        Err(_) if path.symlink_metadata().is_ok_and(|there| !there.is_file()) => {
            return Err(refused(TomlFileError::NotAFile.into()));
        }
        Err(error) => return Err(failed(error)),
    };
    // Of the open file: its name may lead to another one by now.
    let metadata = file.metadata().map_err(failed)?;
    check(&metadata).map_err(refused)?;
    let text = read_text(file).map_err(failed)?.map_err(|why| refused(why.into()))?;
    let (project, exclude) = parse(&text).map_err(refused)?;
    Ok(ProjectFile { path, project, exclude })
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // It may be a pipe, which would be waited for.
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    options.open(path)
}

/// Refuses a file that another user could have written: it would decide under which project's key this user's files
/// are encrypted, and which are not encrypted at all.
fn check(metadata: &Metadata) -> Result<(), ProjectFileError> {
    if !metadata.is_file() {
        return Err(TomlFileError::NotAFile.into());
    }
    if let Some(owner) = untrusted_owner(metadata) {
        return Err(ProjectFileError::Stranger { owner });
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let mode = metadata.permissions().mode();
        // A group with the owner's number is the owner's alone: some systems let it write to every new file.
        if mode & 0o002 != 0 || (mode & 0o020 != 0 && metadata.gid() != metadata.uid()) {
            return Err(ProjectFileError::Writable);
        }
    }
    Ok(())
}

/// Reads what a file says.
fn parse(text: &str) -> Result<(Option<String>, Vec<String>), ProjectFileError> {
    let document = Document::parse(text).map_err(|error| TomlFileError::syntax(text, &error))?;
    let (mut project, mut exclude) = (None, Vec::new());
    for (key, item) in document.iter() {
        match key {
            "project" => {
                let name = item.as_str().ok_or(ProjectFileError::Value { key: "project", expected: "a text" })?;
                project = Some(project_name(name).map_err(ProjectFileError::Name)?);
            }
            "exclude" => {
                exclude = texts(item).ok_or(ProjectFileError::Value {
                    key: "exclude",
                    expected: "a list of texts, such as [\"*.tmp\", \"cache/\"]",
                })?
            }
            _ => {
                return Err(ProjectFileError::UnknownKey { key: key.into(), similar: nearest(key, KEYS) });
            }
        }
    }
    Ok((project, exclude))
}

fn texts(item: &Item) -> Option<Vec<String>> {
    item.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn why(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_a_file_says_is_read_and_everything_else_is_refused_by_name() {
        assert_eq!(parse("").unwrap(), (None, Vec::new()));
        let text = "# Acme\nproject = \"acme\" # 2026\nexclude = [\"*.tmp\", \"cache/\"]\n";
        assert_eq!(parse(text).unwrap(), (Some("acme".into()), vec!["*.tmp".into(), "cache/".into()]));
        for key in ["vault", "keychain", "password-command", "key-fd", "force", "kdf-memory", "accept-rollback"] {
            let error = parse(&format!("{key} = 1")).unwrap_err();
            let ProjectFileError::UnknownKey { key: named, similar: None } = error else { panic!("{key}: {error}") };
            assert_eq!(named, key);
        }
        let similar = |text| match parse(text) {
            Err(ProjectFileError::UnknownKey { similar, .. }) => similar,
            other => panic!("{other:?}"),
        };
        assert_eq!(similar("projekt = \"a\""), Some("project"));
        assert_eq!(similar("excludes = []"), Some("exclude"));
        assert_eq!(similar("[exclud]"), Some("exclude"));
        assert_eq!(why("[project.acme]"), "project is not a text");
        assert!(why("project = ").starts_with("it is not valid TOML: line 1"), "{}", why("project = "));
        assert_eq!(why("project = 1"), "project is not a text");
        assert!(why("exclude = \"*.tmp\"").starts_with("exclude is not a list of texts"));
        assert!(why("project = \"-a\"").starts_with("the name of the project: "));
        assert!(why("project = \"a\"\nproject = \"b\"").starts_with("it is not valid TOML: line 2"));
    }

    #[cfg(unix)]
    #[test]
    fn the_nearest_file_upwards_counts_unless_others_could_have_written_it() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let deep = root.join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(find_from(&deep).unwrap(), None);
        let (upper, lower) = (root.join(PROJECT_FILE), root.join("a/b").join(PROJECT_FILE));
        let write = |path: &Path, project: &str, mode: u32| {
            fs::write(path, format!("project = \"{project}\"\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        write(&upper, "upper", 0o644);
        assert_eq!(find_from(&deep).unwrap().unwrap().project.as_deref(), Some("upper"));
        write(&lower, "lower", 0o600);
        let found = find_from(&deep).unwrap().unwrap();
        assert_eq!((found.project.as_deref(), found.path.as_path()), (Some("lower"), lower.as_path()));
        assert_eq!(find_from(&root.join("a")).unwrap().unwrap().path, upper);
        let why = || match find_from(&deep) {
            Err(HomeError::ProjectFile { why, .. }) => why,
            other => panic!("{other:?}"),
        };
        write(&lower, "lower", 0o646);
        assert!(matches!(why(), ProjectFileError::Writable));
        fs::write(&lower, "x".repeat((64 << 10) + 1)).unwrap();
        fs::set_permissions(&lower, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(why(), ProjectFileError::File(TomlFileError::TooLong)));
        fs::remove_file(&lower).unwrap();
        symlink(&upper, &lower).unwrap();
        assert!(matches!(why(), ProjectFileError::File(TomlFileError::NotAFile)));
        fs::remove_file(&lower).unwrap();
        fs::create_dir(&lower).unwrap();
        assert!(matches!(why(), ProjectFileError::File(TomlFileError::NotAFile)));
    }
}
