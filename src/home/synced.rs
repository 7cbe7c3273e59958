//! Folders that a service copies to other computers.

use std::path::Path;

use super::paths::absolute;

/// Names of folders that services copy to other people's computers.
const SYNCED: [&str; 12] = [
    "dropbox",
    "onedrive",
    "google drive",
    "googledrive",
    "my drive",
    "icloud",
    "icloud drive",
    "mobile documents",
    "nextcloud",
    "owncloud",
    "syncthing",
    "box sync",
];

/// Names the service that a path's folder belongs to, where one is known.
pub fn synced_by(path: &Path) -> Option<String> {
    let path = absolute(path);
    let folder = path.parent()?;
    // The folder that a link leads to is the one that is copied.
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.into());
    folder.iter().filter_map(|part| part.to_str()).find_map(|part| {
        let lower = part.to_lowercase();
        let known = SYNCED.iter().any(|name| {
            lower == *name || lower.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '-', '~', '_']))
        });
        known.then(|| part.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_known_services_are_recognized() {
        for path in ["/home/x/Dropbox/kit", "/home/x/OneDrive - Example Ltd/a/kit", "/x/Nextcloud/kit"] {
            assert!(synced_by(Path::new(path)).is_some(), "{path}");
        }
        for path in ["/home/x/kit", "/home/x/dropboxes/kit", "/x/Dropbox"] {
            assert!(synced_by(Path::new(path)).is_none(), "{path}");
        }
    }
}
