//! An unlocked vault in the hands of a command.

use std::ops::{Deref, DerefMut};

use super::notices;
use super::output::Output;
use crate::vault::{self, Unlocked};

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
/// whether or not the command failed.
pub struct WithNotices<V: vault::OpenVault> {
    vault: V,
    output: Output,
}

impl<V: vault::OpenVault> WithNotices<V> {
    /// Takes a vault that a command is to work with.
    pub fn new(vault: V, output: &Output) -> Self {
        Self { vault, output: output.clone() }
    }

    /// Shows what the vault has to say by now.
    pub fn show_notices(&mut self) {
        notices::show(&self.output, &self.vault.take_notices());
    }
}

impl<V: vault::OpenVault> Drop for WithNotices<V> {
    fn drop(&mut self) {
        self.show_notices();
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
