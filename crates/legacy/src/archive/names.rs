//! The names in an archive: which become paths, and which are refused. What is refused would lead out of the folder, or
//! would be another file's on some drive.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;

use unicode_normalization::UnicodeNormalization;

use super::ArchiveRefused;

/// The longest path, in bytes.
const PATH_LIMIT: usize = 4096;
/// The longest name of a file or folder, in bytes, so that an ending can be added to it.
const NAME_LIMIT: usize = 240;
/// How many folders deep a member may be.
const DEPTH_LIMIT: usize = 128;
/// How many characters of a name an error shows.
const SHOWN: usize = 100;

/// The names of an archive so far: what is below what, by a spelling in which names that some drives do not distinguish
/// are the same.
#[derive(Default)]
pub struct Names {
    nodes: HashMap<(usize, String), Node>,
}

struct Node {
    number: usize,
    name: String,
    is_folder: bool,
}

/// Shortens a name for an error.
pub fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

fn folded(part: &str) -> String {
    part.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Tells whether a part of a path is a name.
fn is_name(part: &str) -> bool {
    let is_unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    !part.is_empty() && part != "." && part != ".." && part.len() <= NAME_LIMIT && !part.chars().any(is_unseen)
}

impl Names {
    /// Makes a path of a name. Both kinds of slashes separate its parts.
    ///
    /// # Errors
    /// If it is no name here, or another member has it.
    pub fn add(&mut self, name: &str, is_folder: bool) -> Result<PathBuf, ArchiveRefused> {
        let unusable = || ArchiveRefused::Name(shown(name));
        let slashes = ['/', '\\'];
        let path = if is_folder { name.strip_suffix(slashes).unwrap_or(name) } else { name };
        let parts: Vec<&str> = path.split(slashes).collect();
        // The first part of a path on a drive of Windows.
        let is_drive = parts.first().is_some_and(|first| first.ends_with(':'));
        if path.len() > PATH_LIMIT || parts.len() > DEPTH_LIMIT || is_drive || !parts.iter().all(|part| is_name(part)) {
            return Err(unusable());
        }
        let mut above = 0;
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            let number = self.nodes.len() + 1;
            match self.nodes.entry((above, folded(part))) {
                Entry::Vacant(free) => {
                    free.insert(Node { number, name: (*part).to_owned(), is_folder: is_folder || !is_last });
                    above = number;
                }
                // A folder may be named again, by itself or before what is in it.
                Entry::Occupied(there) => {
                    let there = there.get();
                    let is_same_folder = there.name == *part && there.is_folder && (is_folder || !is_last);
                    if !is_same_folder {
                        return Err(ArchiveRefused::Clash(shown(&there.name), shown(part)));
                    }
                    above = there.number;
                }
            }
        }
        Ok(parts.iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        let long = "n".repeat(NAME_LIMIT + 1);
        let deep = vec!["d"; DEPTH_LIMIT + 1].join("/");
        for name in [
            "",
            ".",
            "..",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a/..",
            "a//b",
            "./a",
            "a/.",
            "\\a",
            "..\\a",
            "a\\..\\b",
            "C:\\a",
            "C:",
            "a/",
            "a\nb",
            "a\0b",
            "a\u{1b}[2J",
            "a\u{202e}fdp.exe",
            &long,
            &deep,
        ] {
            assert!(matches!(Names::default().add(name, false), Err(ArchiveRefused::Name(_))), "{name:?}");
        }
        for (name, path) in [("a", "a"), ("a b/ü.csv", "a b/ü.csv"), ("a\\b", "a/b"), (".hidden/..x", ".hidden/..x")]
        {
            assert_eq!(Names::default().add(name, false).unwrap(), PathBuf::from(path));
        }
        assert_eq!(Names::default().add("a/b/", true).unwrap(), PathBuf::from("a/b"));
    }

    #[test]
    fn names_that_meet_on_some_drive_are_refused() {
        for (first, second) in
            [("a", "a"), ("a", "A"), ("é", "e\u{301}"), ("x/a", "X/b"), ("a", "a/b"), ("a/b", "a"), ("ﬁ", "FI")]
        {
            let mut names = Names::default();
            names.add(first, false).unwrap();
            assert!(matches!(names.add(second, false), Err(ArchiveRefused::Clash(..))), "{first} {second}");
        }
        let mut names = Names::default();
        for (name, is_folder) in [("x/", true), ("x/a", false), ("x/b", false), ("y/x", false), ("x", true)] {
            names.add(name, is_folder).unwrap();
        }
    }
}
