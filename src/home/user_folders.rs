//! The folders of a person on this computer where files end up: not the program's own.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the folders where a person's files end up: the home folder, the desktop and the downloads, the folder of
/// temporary files, and the trash. Each need not be there.
pub fn user_folders() -> Vec<PathBuf> {
    let mut folders = vec![std::env::temp_dir()];
    if cfg!(unix) {
        // Programs that are not told another place use these.
        folders.extend(["/tmp", "/var/tmp"].map(PathBuf::from));
    }
    let Ok(home) = etcetera::home_dir() else { return folders };
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let config = named("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    let chosen = fs::read_to_string(config.join("user-dirs.dirs")).unwrap_or_default();
    folders.extend(chosen_in(&chosen, &home));
    folders.extend(["Desktop", "Downloads"].map(|name| home.join(name)));
    let data = named("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
    folders.extend([data.join("Trash"), home.join(".Trash"), home]);
    folders
}

/// Returns the trash of this user on a drive that is mounted there.
pub fn trash_on(drive: &Path) -> Vec<PathBuf> {
    #[cfg(unix)]
    {
        let user = rustix::process::getuid().as_raw();
        vec![drive.join(format!(".Trash-{user}")), drive.join(format!(".Trash/{user}"))]
    }
    #[cfg(not(unix))]
    {
        let _ = drive;
        Vec::new()
    }
}

/// Returns the name of the desktop that this session runs, as the session says it.
pub fn session_desktop() -> Option<String> {
    std::env::var("XDG_CURRENT_DESKTOP").ok().filter(|name| !name.is_empty())
}

/// Reads the lines `XDG_DESKTOP_DIR="$HOME/Desktop"` of the file that freedesktop.org's user-dirs write.
fn chosen_in(text: &str, home: &Path) -> Vec<PathBuf> {
    let value = |line: &str| {
        let (name, value) = line.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        let is_wanted = matches!(name, "XDG_DESKTOP_DIR" | "XDG_DOWNLOAD_DIR" | "XDG_DOCUMENTS_DIR");
        let below = value.strip_prefix("$HOME/").map(|below| home.join(below));
        is_wanted.then(|| below.unwrap_or_else(|| value.into())).filter(|folder| folder.is_absolute())
    };
    text.lines().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn folders_that_were_moved_are_known() {
        let text = "# a comment\nXDG_DESKTOP_DIR=\"$HOME/Schreibtisch\"\nXDG_DOWNLOAD_DIR=\"/data/in\"\nXDG_MUSIC_DIR=\"/m\"\n\
                    XDG_DOCUMENTS_DIR=\"$HOME\"\n";
        let expected = ["/home/ada/Schreibtisch", "/data/in"].map(PathBuf::from);
        assert_eq!(chosen_in(text, Path::new("/home/ada")), expected);
        assert!(!user_folders().is_empty());
    }
}
