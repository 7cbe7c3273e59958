//! What `sweep` found, and what `status` says of opened copies.

use serde::Serialize;

use crate::cli::layout::table;
use crate::files::sweep::{Change, Entry, Likeness, State, Swept};
use crate::format::name::printable;
use crate::format::{FileId, Timestamp};
use crate::words::counted;

/// What `sweep` searched, and what it found there.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sweep {
    /// The project, if only one project's copies were looked for.
    pub project: Option<String>,
    /// Every opened copy on record, and every other file that is one.
    pub files: Vec<SweptFile>,
    /// How many files were looked at.
    pub files_searched: u64,
    /// How many folders were looked into.
    pub folders_searched: u64,
    /// What was searched, with all that is below it.
    pub roots: Vec<String>,
    /// What is below the roots and was not searched: drives of other computers, what the kernel shows as files.
    pub left_out: Vec<String>,
    /// How many files and folders could not be read.
    pub unread: u64,
    /// Some of these, and why.
    pub unread_named: Vec<UnreadPath>,
    /// How many files of the right length belong to other people, and were not opened.
    pub other_owners: u64,
    /// Why more may have been opened than is on record.
    pub doubts: Vec<String>,
    #[serde(skip)]
    pub removed: usize,
}

/// A path that could not be read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnreadPath {
    /// The path.
    pub path: String,
    /// Why not.
    pub why: String,
}

/// A file that is, or was, an opened copy.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SweptFile {
    /// What is there.
    pub state: SweptState,
    /// Where.
    pub path: String,
    /// Of a copy elsewhere, where it was opened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
    /// The project, if it is on record.
    pub project: Option<String>,
    /// The encrypted file.
    pub file: FileId,
    /// The length on record, in bytes.
    pub bytes: u64,
    /// When it was opened, or its original encrypted.
    pub opened: Timestamp,
    /// How far a copy is known to be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likeness: Option<SweptLikeness>,
    /// What else is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it was deleted by this command.
    pub removed: bool,
}

/// What is at a path where a copy was put, or elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SweptState {
    /// The copy is where it was put.
    Stands,
    /// A file with the same content is elsewhere.
    StandsElsewhere,
    /// Another content is at the path. Nothing here can say whether it derives from the copy.
    Changed,
    /// Nothing is at the path, or a later copy of something else.
    Gone,
    /// The path could not be looked at.
    NotReachable,
}

/// How far a copy is known to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SweptLikeness {
    /// Every byte is the same.
    Identical,
    /// Its length and its first and last 16 KiB are the same. The encrypted file was not found, or does not open.
    SameLengthAndEnds,
    /// Its length is the same, and no more is known.
    SameLength,
}

impl From<Likeness> for SweptLikeness {
    fn from(likeness: Likeness) -> Self {
        match likeness {
            Likeness::Identical => Self::Identical,
            Likeness::Ends => Self::SameLengthAndEnds,
            Likeness::Length => Self::SameLength,
        }
    }
}

impl SweptLikeness {
    fn words(self) -> Option<&'static str> {
        match self {
            Self::Identical => None,
            Self::SameLengthAndEnds => Some("same length and ends; no encrypted file to compare the rest with"),
            Self::SameLength => Some("same length; nothing else to compare with"),
        }
    }
}

impl SweptState {
    fn word(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::StandsElsewhere => "stands elsewhere",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::NotReachable => "not reachable",
        }
    }
}

impl Sweep {
    /// Takes what a sweep found of a ledger. `named` gives a project's name by its entry.
    pub fn of(
        swept: &Swept,
        ledger: &[Entry],
        project: Option<String>,
        doubts: Vec<String>,
        named: impl Fn(&Entry) -> Option<String>,
    ) -> Self {
        let paths = |paths: &[std::path::PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
        let at_paths = ledger.iter().zip(&swept.states).map(|(entry, state)| at_path(entry, state, named(entry)));
        let elsewhere = swept.copies.iter().filter(|copy| !copy.is_at_path).map(|copy| {
            let entry = &ledger[copy.entry];
            SweptFile {
                state: SweptState::StandsElsewhere,
                path: copy.path.display().to_string(),
                copy_of: Some(entry.path.display().to_string()),
                likeness: Some(copy.likeness.into()),
                ..file_of(entry, named(entry))
            }
        });
        Self {
            project,
            files: at_paths.chain(elsewhere).collect(),
            files_searched: swept.files,
            folders_searched: swept.folders,
            roots: paths(&swept.roots),
            left_out: paths(&swept.left_out),
            unread: swept.unread.count,
            unread_named: swept
                .unread
                .named
                .iter()
                .map(|(path, why)| UnreadPath { path: path.display().to_string(), why: why.clone() })
                .collect(),
            other_owners: swept.others,
            doubts,
            removed: 0,
        }
    }

    /// Counts the files of a state that were not deleted.
    pub fn count(&self, state: SweptState) -> usize {
        self.files.iter().filter(|file| file.state == state && !file.removed).count()
    }

    /// Counts the files that hold what was opened and were not deleted.
    pub fn standing(&self) -> usize {
        self.count(SweptState::Stands) + self.count(SweptState::StandsElsewhere)
    }

    /// Notes that the file at a path was deleted.
    pub fn note_removed(&mut self, path: &str) {
        self.removed += 1;
        let holds_it = |file: &&mut SweptFile| {
            matches!(file.state, SweptState::Stands | SweptState::StandsElsewhere) && file.path == path
        };
        for file in self.files.iter_mut().filter(holds_it) {
            file.removed = true;
        }
    }

    /// Says what was searched and found.
    pub fn text(&self) -> String {
        /// Of very many files the JSON has all.
        const SHOWN: usize = 100;
        let mut lines = Vec::new();
        let shown: Vec<_> = self.files.iter().filter(|file| file.state != SweptState::Gone).collect();
        if !shown.is_empty() {
            let rows = shown.iter().take(SHOWN).map(|file| file.row()).collect();
            lines.push(table(&["STATE", "FILE", "PROJECT", "OPENED", "NOTE"], rows));
        }
        if shown.len() > SHOWN {
            lines.push(format!("and {} more; --json lists all of them", shown.len() - SHOWN));
        }
        lines.push(self.found());
        if !self.files.is_empty() {
            lines.push(self.searched());
        }
        if !self.left_out.is_empty() {
            lines.push(format!("not searched: {}", listed(&self.left_out)));
        }
        if self.unread > 0 {
            let name = |unread: &UnreadPath| format!("{} ({})", unread.path, unread.why);
            let some: Vec<String> = self.unread_named.iter().map(name).collect();
            let what = if self.unread == 1 { "file or folder" } else { "files or folders" };
            let all = listed_of(&some, usize::try_from(self.unread).unwrap_or(usize::MAX));
            lines.push(format!("not reachable: {} {what} that could not be read: {all}", self.unread));
        }
        if self.other_owners > 0 {
            lines.push(format!(
                "not opened: {} of the right length that {} to other people",
                counted(self.other_owners, "file"),
                if self.other_owners == 1 { "belongs" } else { "belong" }
            ));
        }
        lines.extend(self.doubts.iter().cloned());
        lines.push(
            "not found by this: copies that were edited, converted, packed or encrypted, copies elsewhere, and what was \
             decrypted before there was an access log".into(),
        );
        if self.removed > 0 {
            lines.push(format!(
                "deleted {}; deleting takes away a name: an SSD, a snapshot or a backup may still hold the content",
                counted(self.removed, "file")
            ));
        }
        lines.join("\n")
    }

    fn found(&self) -> String {
        let states = [
            SweptState::Stands,
            SweptState::StandsElsewhere,
            SweptState::Changed,
            SweptState::Gone,
            SweptState::NotReachable,
        ];
        let on_record = self.files.iter().filter(|file| file.state != SweptState::StandsElsewhere).count();
        let counts = states.map(|state| (self.count(state), state.word()));
        let mut counts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if self.removed > 0 {
            counts.push(format!("{} deleted now", self.removed));
        }
        match (on_record, counts.is_empty()) {
            (0, _) => "no opened copy is on record, so nothing was searched for".into(),
            (files, true) => format!("{} on record", copies(files)),
            (files, false) => {
                format!("{} on record: {}", copies(files), counts.join(", "))
            }
        }
    }

    fn searched(&self) -> String {
        let files = counted(self.files_searched, "file");
        let roots = listed(&self.roots);
        match self.standing() {
            0 => format!("no identical copy found in {files} under these roots: {roots}"),
            _ => format!("searched {files} under these roots: {roots}"),
        }
    }
}

impl SweptFile {
    fn row(&self) -> Vec<String> {
        let state = if self.removed { "deleted" } else { self.state.word() };
        let note = self.copy_of.as_ref().map(|path| format!("copy of {path}"));
        let note = [note, self.note.clone(), self.likeness.and_then(|likeness| likeness.words().map(str::to_owned))];
        let note: Vec<String> = note.into_iter().flatten().collect();
        let project = self.project.clone().unwrap_or_default();
        vec![state.into(), self.path.clone(), project, self.opened.date(), note.join("; ")]
    }
}

fn file_of(entry: &Entry, project: Option<String>) -> SweptFile {
    SweptFile {
        state: SweptState::Gone,
        path: entry.path.display().to_string(),
        copy_of: None,
        project,
        file: entry.file,
        bytes: entry.size,
        opened: entry.at,
        likeness: None,
        note: None,
        removed: false,
    }
}

fn at_path(entry: &Entry, state: &State, project: Option<String>) -> SweptFile {
    let file = file_of(entry, project);
    match state {
        State::Gone => file,
        State::Stands(likeness) => SweptFile { state: SweptState::Stands, likeness: Some((*likeness).into()), ..file },
        State::NotReachable(why) => SweptFile { state: SweptState::NotReachable, note: Some(why.clone()), ..file },
        State::Changed(change) => {
            let note = match change {
                Change::Content => "other content of the same length; it may derive from the copy".into(),
                Change::Length(len) => format!("now {}; it may derive from the copy", counted(*len, "byte")),
                Change::Link => "now a symbolic link".into(),
                Change::NotAFile => "no file any more".into(),
            };
            SweptFile { state: SweptState::Changed, note: Some(note), ..file }
        }
    }
}

fn copies(count: usize) -> String {
    if count == 1 { "1 opened copy".into() } else { format!("{count} opened copies") }
}

/// Lists some of these in a sentence.
fn listed(all: &[String]) -> String {
    listed_of(all, all.len())
}

/// Names some of so many things, of which not all are known by name.
fn listed_of(all: &[String], count: usize) -> String {
    const NAMED: usize = 8;
    let mut named: Vec<String> = all.iter().take(NAMED).map(|name| printable(name)).collect();
    if count > named.len() {
        named.push(format!("and {} more", count - named.len()));
    }
    if named.is_empty() { "none".into() } else { named.join(", ") }
}

/// Opened copies that are older than a month and still stand.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OldCopies {
    /// How many of those that were looked at.
    pub standing: usize,
    /// When the oldest of them was opened.
    pub oldest: Timestamp,
    /// Where it is.
    pub path: String,
    /// Whether all that were to be looked at answered in time: at most 2,000, the newest.
    pub is_complete: bool,
}

impl OldCopies {
    /// Says how many there are.
    pub fn text(&self) -> String {
        let at_least = if self.is_complete { "" } else { "at least " };
        format!(
            "{at_least}{} older than 30 days still {}, the oldest since {}: {}",
            copies(self.standing),
            if self.standing == 1 { "exists" } else { "exist" },
            self.oldest.date(),
            printable(&self.path)
        )
    }
}
