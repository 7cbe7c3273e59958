//! The files that a command has worked on, for the access log: how many, of which projects, and which readable copies it
//! has left on a disk.

use std::collections::BTreeMap;
use std::path::Path;

use crate::files::archive::Extracted;
use crate::files::edges::Edges;
use crate::files::open::Opened;
use crate::format::log::LoggedFile;
use crate::format::scalar::FixedBase64;
use crate::format::{FileId, ProjectId};
use crate::home::absolute;
use crate::keys::OpenedBy;
use crate::vault::OpenVault;

/// Files that were worked on.
#[derive(Default)]
pub struct Copies {
    /// The projects by name, and their ids once they were looked up.
    projects: BTreeMap<String, Option<ProjectId>>,
    readable: Vec<(OpenedBy, LoggedFile)>,
    files: u64,
    bytes: u64,
    /// The project that files were sealed for.
    sealed_for: Option<String>,
}

impl Copies {
    /// Counts a file of a project by its length.
    pub fn count(&mut self, project: &str, bytes: u64) {
        if !self.projects.contains_key(project) {
            self.projects.insert(project.to_owned(), None);
        }
        self.files += 1;
        self.bytes += bytes;
    }

    /// Counts a file that was sealed for a project.
    pub fn sealed(&mut self, project: &str, bytes: u64) {
        self.count(project, bytes);
        if self.sealed_for.is_none() {
            self.sealed_for = Some(project.to_owned());
        }
    }

    /// Returns the project that files were sealed for, if there were any.
    pub fn sealed_for(&self) -> Option<&str> {
        self.sealed_for.as_deref()
    }

    /// Takes a file that was opened.
    pub fn opened(&mut self, opened: &Opened) {
        self.count(&opened.by.project, opened.bytes);
        if let Some(edges) = opened.edges {
            self.readable(opened.by.clone(), opened.file, &opened.output, opened.bytes, edges);
        }
    }

    /// Takes what came out of an archive.
    pub fn extracted(&mut self, by: &OpenedBy, file: FileId, extracted: &Extracted) {
        for (path, bytes, edges) in &extracted.copies {
            self.count(&by.project, *bytes);
            self.readable(by.clone(), file, path, *bytes, *edges);
        }
    }

    /// Takes a readable copy of a file that was counted.
    pub fn readable(&mut self, by: OpenedBy, file: FileId, path: &Path, size: u64, edges: Edges) {
        let file = LoggedFile {
            file,
            project: None,
            key_version: Some(by.version),
            size,
            path: absolute(path).display().to_string(),
            edges: Some(FixedBase64(*edges.as_bytes())),
            others: Default::default(),
        };
        self.readable.push((by, file));
    }

    /// Returns how many files there were, and how many bytes of plaintext.
    pub fn counted(&self) -> (u64, u64) {
        (self.files, self.bytes)
    }

    /// Looks up the projects, and returns the readable copies and the projects.
    pub fn logged(mut self, vault: &dyn OpenVault) -> (Vec<LoggedFile>, Vec<ProjectId>) {
        for (name, id) in &mut self.projects {
            *id = vault.project(name).ok().map(|project| project.id);
        }
        let of = |by: &OpenedBy| self.projects.get(&by.project).copied().flatten();
        let files = self.readable.into_iter().map(|(by, file)| LoggedFile { project: of(&by), ..file });
        (files.collect(), self.projects.values().copied().flatten().collect())
    }
}
