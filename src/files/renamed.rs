//! Which sealed files do not have the name, or are not at the place, that is sealed in them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::find::{Item, Named};
use super::names::{has_hidden_name, is_hidden, path_in};
use super::place::without_suffix;
use crate::body::Metadata;

/// What a folder that was named is to the one that was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shift {
    /// It is that folder, or a part of it: this is the way down to it.
    Inside(Vec<String>),
    /// It holds that folder, and perhaps others.
    Around,
}

/// Returns for each file the path that is sealed in it, if the file was renamed, or another one was put in its place.
///
/// Of a file that was named by itself its name alone counts. The files of a folder are compared by their paths: the
/// folder may be the one that was sealed, a part of it, or one that holds it, as most of its files say.
pub fn renamed(named: &[Named], files: &[(&Item, &Metadata)]) -> Vec<Option<PathBuf>> {
    let paths: Vec<_> = files.iter().map(|(item, metadata)| paths_of(named, item, metadata)).collect();
    let mut counts: HashMap<(usize, Shift), usize> = HashMap::new();
    for ((item, _), paths) in files.iter().zip(&paths) {
        if let Some(shift) = paths.as_ref().filter(|paths| !paths.by_name).and_then(Paths::shift) {
            *counts.entry((item.named, shift)).or_default() += 1;
        }
    }
    // Of two that are as frequent, the one that asks for less.
    let rank = |shift: &Shift, count: usize| (count, *shift == Shift::Inside(Vec::new()), *shift == Shift::Around);
    let mut usual: HashMap<usize, (&Shift, usize)> = HashMap::new();
    for ((folder, shift), count) in &counts {
        let best = usual.entry(*folder).or_insert((shift, *count));
        if rank(shift, *count) > rank(best.0, best.1) {
            *best = (shift, *count);
        }
    }
    let is_right = |item: &Item, paths: &Paths| {
        if paths.by_name {
            return paths.there == paths.inside;
        }
        paths.shift().is_some_and(|shift| usual.get(&item.named).is_some_and(|(usual, _)| **usual == shift))
    };
    let wrong = |((item, _), paths): (&(&Item, &Metadata), Option<Paths>)| {
        paths.filter(|paths| !is_right(item, paths)).map(|paths| paths.sealed_in)
    };
    files.iter().zip(paths).map(wrong).collect()
}

/// A file's path in the folder it was found in, and the one that is sealed in it, as parts.
struct Paths {
    there: Vec<String>,
    inside: Vec<String>,
    /// The names alone are compared, since no more is known or was asked for.
    by_name: bool,
    sealed_in: PathBuf,
}

fn paths_of(named: &[Named], item: &Item, metadata: &Metadata) -> Option<Paths> {
    if is_hidden(metadata) && has_hidden_name(&item.path) {
        return None;
    }
    let path = path_in(metadata);
    let by_name = path.is_none() || !matches!(named.get(item.named), Some(Named::Folder(_)));
    let sealed_in = path.or_else(|| metadata.name.as_ref().map(PathBuf::from))?;
    // Drives and systems differ in how they compose letters.
    let parts = |path: &Path| path.iter().map(|part| part.to_string_lossy().nfc().collect()).collect();
    let (mut there, mut inside): (Vec<String>, Vec<String>) = (parts(&item.relative), parts(&sealed_in));
    if let Some(name) = there.last_mut()
        && let Some(stem) = without_suffix(name).map(str::to_owned)
    {
        *name = stem;
    }
    if by_name {
        for parts in [&mut there, &mut inside] {
            parts.drain(..parts.len().saturating_sub(1));
        }
    }
    Some(Paths { there, inside, by_name, sealed_in })
}

impl Paths {
    /// Returns what the folder is, if the file is where it was sealed.
    fn shift(&self) -> Option<Shift> {
        if let Some(way) = self.inside.strip_suffix(&self.there[..]) {
            return Some(Shift::Inside(way.to_vec()));
        }
        self.there.ends_with(&self.inside).then_some(Shift::Around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at files of one folder: where each is, and the path that is sealed in it.
    fn look(files: &[(&str, &str)]) -> Vec<bool> {
        let named = [Named::Folder("f".into())];
        let found: Vec<(Item, Metadata)> = files
            .iter()
            .map(|(there, inside)| {
                let relative = PathBuf::from(format!("{there}.sealed"));
                let item = Item { path: Path::new("f").join(&relative), named: 0, relative, len: 0, is_link: false };
                let metadata = Metadata { path: Some((*inside).into()), hidden: Some(false), ..Metadata::default() };
                (item, metadata)
            })
            .collect();
        let files: Vec<_> = found.iter().map(|(item, metadata)| (item, metadata)).collect();
        renamed(&named, &files).into_iter().map(|renamed| renamed.is_some()).collect()
    }

    #[test]
    fn a_swap_shows_wherever_the_two_were() {
        assert_eq!(look(&[("a", "a"), ("b", "b"), ("s/a", "s/a")]), [false, false, false]);
        assert_eq!(look(&[("a", "b"), ("b", "a"), ("s/a", "s/a")]), [true, true, false]);
        assert_eq!(look(&[("a", "s/a"), ("s/a", "a"), ("c", "c")]), [true, true, false]);
        assert_eq!(look(&[("s/a", "t/a"), ("t/a", "s/a"), ("c", "c")]), [true, true, false]);
    }

    #[test]
    fn a_part_of_the_folder_or_one_around_it_is_no_swap() {
        assert_eq!(look(&[("a", "s/a"), ("b", "s/b"), ("t/c", "s/t/c")]), [false; 3]);
        assert_eq!(look(&[("x/a", "a"), ("x/s/b", "s/b"), ("y/a", "a")]), [false; 3]);
        // Within a part, a file of another part.
        assert_eq!(look(&[("a", "s/a"), ("b", "t/b"), ("c", "s/c")]), [false, true, false]);
    }

    #[test]
    fn letters_may_be_composed_in_either_way() {
        assert_eq!(look(&[("caf\u{e9}", "cafe\u{301}")]), [false]);
    }
}
