//! Which files of a folder are left out, by patterns in the syntax of gitignore(5).

use std::fs;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the pattern {pattern:?} cannot be used: {why}")]
pub struct BadPattern {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

/// Patterns for what folders hold. A file or folder that is named itself is never left out.
#[derive(Debug, Default)]
pub struct Excludes {
    /// For paths within each folder that is named.
    within: Option<Gitignore>,
    /// For whole paths below a folder.
    below: Option<Gitignore>,
}

impl Excludes {
    /// Adds patterns that count from each folder that is named.
    ///
    /// # Errors
    /// [`BadPattern`].
    pub fn within_named(mut self, patterns: &[String]) -> Result<Self, BadPattern> {
        self.within = matcher(Path::new(""), patterns)?;
        Ok(self)
    }

    /// Adds patterns that count from one folder, whose path is whole, and concern only what is below it.
    ///
    /// # Errors
    /// [`BadPattern`].
    pub fn below(mut self, folder: &Path, patterns: &[String]) -> Result<Self, BadPattern> {
        self.below = matcher(folder, patterns)?;
        Ok(self)
    }

    /// Returns what is left out of one folder that is named.
    pub fn of(&self, folder: &Path) -> FolderExcludes<'_> {
        let folder = self.below.as_ref().and_then(|below| {
            let whole = fs::canonicalize(folder).ok()?;
            whole.starts_with(below.path()).then_some(whole)
        });
        FolderExcludes { within: self.within.as_ref(), below: self.below.as_ref().zip(folder) }
    }
}

/// What is left out of one folder.
pub struct FolderExcludes<'e> {
    within: Option<&'e Gitignore>,
    below: Option<(&'e Gitignore, PathBuf)>,
}

impl FolderExcludes<'_> {
    /// Tells whether something in the folder is left out; if it is a folder, then all of it.
    pub fn takes(&self, relative: &Path, is_folder: bool) -> bool {
        self.within.is_some_and(|patterns| patterns.matched(relative, is_folder).is_ignore())
            || self
                .below
                .as_ref()
                .is_some_and(|(patterns, folder)| patterns.matched(folder.join(relative), is_folder).is_ignore())
    }
}

/// Returns what matches any of the patterns; `None` if there are none.
fn matcher(root: &Path, patterns: &[String]) -> Result<Option<Gitignore>, BadPattern> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let bad = |pattern: &str, why: ignore::Error| BadPattern { pattern: pattern.into(), why: why.to_string() };
    let mut builder = GitignoreBuilder::new(root);
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| bad(pattern, error))?;
    }
    builder.build().map(Some).map_err(|error| bad(&patterns.join(", "), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&pattern| pattern.to_owned()).collect()
    }

    #[test]
    fn patterns_count_from_the_folder_that_is_named_or_from_theirs() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("exports/deep")).unwrap();
        let within = Excludes::default().within_named(&patterns(&["*.tmp", "/top", "cache/", "!keep.tmp"])).unwrap();
        let below = Excludes::default().below(&root, &patterns(&["*.tmp", "/exports/top", "cache/", "!keep.tmp"]));
        for excludes in [within, below.unwrap()] {
            let excludes = excludes.of(&root.join("exports"));
            for (path, is_folder, is_taken) in [
                ("a.tmp", false, true),
                ("deep/a.tmp", false, true),
                ("keep.tmp", false, false),
                ("a.txt", false, false),
                ("top", false, true),
                ("deep/top", false, false),
                ("deep/cache", true, true),
                ("cache", false, false),
            ] {
                assert_eq!(excludes.takes(Path::new(path), is_folder), is_taken, "{path}");
            }
        }
        // What is elsewhere is no business of theirs.
        let below = Excludes::default().below(&root.join("exports"), &patterns(&["*"])).unwrap();
        assert!(!below.of(&root).takes(Path::new("a"), false));
        assert!(below.of(&root.join("exports")).takes(Path::new("a"), false));
    }

    #[test]
    fn a_pattern_that_cannot_be_used_is_named() {
        let error = Excludes::default().within_named(&patterns(&["fine", "{a"])).unwrap_err();
        assert_eq!(error.pattern, "{a");
    }
}
