//! An unlocked vault in the hands of a command.

use std::ops::{Deref, DerefMut};

use super::access::{self, Begun};
use super::copies::Copies;
use super::notices;
use super::output::Output;
use crate::failure::Failure;
use crate::vault::{self, ProjectInfo, Unlocked};

/// What a command asks of the vault.
#[derive(Debug, Clone, Copy)]
pub enum Uses<'a> {
    /// One project.
    Project(&'a str),
    /// One secret, by its name, and the project that it is to belong to, if it is to be put there.
    Secret {
        /// The secret.
        name: &'a str,
        /// The project.
        project: Option<&'a str>,
    },
    /// Whichever projects there are.
    AllProjects,
}

impl<'a> Uses<'a> {
    /// Returns the project that the flags name, or all of them.
    pub fn of(project: Option<&'a str>) -> Self {
        project.map_or(Self::AllProjects, Self::Project)
    }
}

/// A vault that was unlocked with the password.
pub type OpenVault = WithNotices<Unlocked>;

/// An unlocked vault that warns of what it has to say. What is left of that when the command is done is shown then,
/// whether or not the command failed. The end of what the access log has of the command is recorded then, too.
pub struct WithNotices<V: vault::OpenVault> {
    vault: V,
    output: Output,
    begun: Option<Begun>,
}

impl<V: vault::OpenVault> WithNotices<V> {
    /// Takes a vault that a command is to work with.
    pub fn new(vault: V, output: &Output) -> Self {
        Self { vault, output: output.clone(), begun: None }
    }

    /// Takes what the access log has of the command.
    pub fn logged_as(&mut self, begun: Option<Begun>) {
        self.begun = begun;
    }

    /// Shows what the vault has to say by now.
    pub fn show_notices(&mut self) {
        notices::show(&self.output, &self.vault.take_notices());
    }

    /// Says that the command has done all that it was to do.
    pub fn done(&mut self) {
        if let Some(begun) = &mut self.begun {
            begun.done();
        }
    }

    /// Says that the command has not done all that it was to do, and why.
    pub fn failed(&mut self, kind: &str) {
        if let Some(begun) = &mut self.begun {
            begun.failed(kind);
        }
    }

    /// Records what it has done that to, the readable copies that stand now, and whether all of it was done.
    pub fn finish(&mut self, copies: Copies, result: &Result<(), Failure>) {
        self.note_sealed(&copies);
        let Some(begun) = &mut self.begun else { return };
        let (files, bytes) = copies.counted();
        begun.count(files, bytes);
        let (copies, projects) = copies.logged(&self.vault);
        begun.of(projects);
        match result {
            Ok(()) => begun.done(),
            Err(failure) => begun.failed(failure.kind),
        }
        access::files(&self.output, &self.vault, begun, &copies);
    }

    /// Notes in the vault that a project has files now, at the first one. That it cannot be noted takes nothing from what
    /// was done.
    fn note_sealed(&mut self, copies: &Copies) {
        let Some(project) = copies.sealed_for() else { return };
        let is_noted = |project: &ProjectInfo| project.keys.iter().any(|key| key.current && key.sealed.is_some());
        if self.vault.project(project).is_ok_and(|project| !is_noted(&project)) {
            let _ = self.vault.note_sealed(project);
        }
    }

    /// Records the end now, since nothing comes after it.
    pub fn end(&mut self) {
        if let Some(begun) = self.begun.take() {
            access::end(&self.output, &self.vault, &begun);
        }
    }
}

impl<V: vault::OpenVault> Drop for WithNotices<V> {
    fn drop(&mut self) {
        self.show_notices();
        self.end();
    }
}

impl<V: vault::OpenVault> Deref for WithNotices<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.vault
    }
}

impl<V: vault::OpenVault> DerefMut for WithNotices<V> {
    fn deref_mut(&mut self) -> &mut V {
        &mut self.vault
    }
}

/// A vault that is unlocked in this process, or in the agent's.
pub enum AnyVault {
    /// In this one.
    Here(Box<OpenVault>),
    /// In the agent's.
    Agent(Box<WithNotices<crate::agent::client::AgentVault>>),
}

impl Deref for AnyVault {
    type Target = dyn vault::OpenVault;

    fn deref(&self) -> &(dyn vault::OpenVault + 'static) {
        match self {
            Self::Here(vault) => &***vault,
            Self::Agent(vault) => &***vault,
        }
    }
}

impl DerefMut for AnyVault {
    fn deref_mut(&mut self) -> &mut (dyn vault::OpenVault + 'static) {
        match self {
            Self::Here(vault) => &mut ***vault,
            Self::Agent(vault) => &mut ***vault,
        }
    }
}

impl AnyVault {
    /// As [`WithNotices::done`].
    pub fn done(&mut self) {
        match self {
            Self::Here(vault) => vault.done(),
            Self::Agent(vault) => vault.done(),
        }
    }

    /// As [`WithNotices::failed`].
    pub fn failed(&mut self, kind: &str) {
        match self {
            Self::Here(vault) => vault.failed(kind),
            Self::Agent(vault) => vault.failed(kind),
        }
    }

    /// As [`WithNotices::finish`].
    pub fn finish(&mut self, copies: Copies, result: &Result<(), Failure>) {
        match self {
            Self::Here(vault) => vault.finish(copies, result),
            Self::Agent(vault) => vault.finish(copies, result),
        }
    }
}
