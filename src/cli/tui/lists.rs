//! What the screen lists, and how it is searched. Pure.

use std::collections::BTreeMap;

use crate::doctor::Level;
use crate::format::Timestamp;
use crate::vault::{ProjectInfo, SecretInfo};

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Secrets without what they hold.
    Secrets,
    /// Projects and their keys.
    Projects,
    /// Recovery kits.
    Kits,
    /// What a look at this computer has found.
    Warnings,
}

impl Tab {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Secrets, Self::Projects, Self::Kits, Self::Warnings];

    /// Returns what it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Secrets => "Secrets",
            Self::Projects => "Projects",
            Self::Kits => "Kits",
            Self::Warnings => "Warnings",
        }
    }

    /// Returns the list so many places further, round the end.
    pub fn further(self, places: usize) -> Self {
        Self::ALL[(self as usize + places) % Self::ALL.len()]
    }
}

/// A recovery kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kit {
    /// What it is called on its paper.
    pub name: String,
    /// When it was made.
    pub made: Timestamp,
    /// What is so with it, in words.
    pub state: String,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Which check.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What it is.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// Something that is listed, and the text that it is found by.
#[derive(Debug)]
pub struct Listed<T> {
    /// What is listed.
    pub item: T,
    sought: String,
}

impl<T> Listed<T> {
    fn new<'a>(item: T, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sought = String::new();
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            sought.extend(text.chars().flat_map(char::to_lowercase));
            // No word of a query has one.
            sought.push('\n');
        }
        Self { item, sought }
    }
}

/// What an unlocked vault shows.
#[derive(Debug, Default)]
pub struct Contents {
    /// Its secrets, by name.
    pub secrets: Vec<Listed<SecretInfo>>,
    /// Its projects, by name.
    pub projects: Vec<Listed<ProjectInfo>>,
}

impl Contents {
    /// Takes what a vault has.
    pub fn new(projects: Vec<ProjectInfo>, secrets: Vec<SecretInfo>) -> Self {
        let clients: BTreeMap<String, String> =
            projects.iter().map(|project| (project.name.clone(), project.client.clone())).collect();
        let secret = |secret: SecretInfo| {
            let client = secret.project.as_ref().and_then(|project| clients.get(project)).cloned().unwrap_or_default();
            let own = [secret.name.clone(), secret.user.clone(), client, secret.project.clone().unwrap_or_default()];
            let texts: Vec<String> = own.into_iter().chain(secret.urls.clone()).chain(secret.tags.clone()).collect();
            Listed::new(secret, texts.iter().map(String::as_str))
        };
        let project = |project: ProjectInfo| {
            let [name, client] = [project.name.clone(), project.client.clone()];
            Listed::new(project, [&*name, &*client])
        };
        Self {
            secrets: secrets.into_iter().map(secret).collect(),
            projects: projects.into_iter().map(project).collect(),
        }
    }

    /// Returns the client of a project.
    pub fn client_of(&self, project: &str) -> Option<&str> {
        let place = self.projects.binary_search_by(|listed| listed.item.name.as_str().cmp(project)).ok()?;
        Some(&*self.projects[place].item.client).filter(|client| !client.is_empty())
    }
}

/// All lists.
#[derive(Debug, Default)]
pub struct Lists {
    /// What is seen while the vault is unlocked.
    pub contents: Contents,
    /// The recovery kits.
    pub kits: Vec<Kit>,
    /// What was found on this computer.
    pub warnings: Vec<Warning>,
}

impl Lists {
    /// Returns the places of what fits a query: each of its words is in one of the texts. A problem is seen whatever is
    /// searched for.
    pub fn found(&self, tab: Tab, query: &str) -> Vec<usize> {
        let query: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let fits = |sought: &str| query.iter().all(|word| sought.contains(word.as_str()));
        fn places<T>(listed: &[Listed<T>], fits: impl Fn(&str) -> bool) -> Vec<usize> {
            let listed = listed.iter().enumerate();
            listed.filter(|(_, listed)| fits(&listed.sought)).map(|(place, _)| place).collect()
        }
        match tab {
            Tab::Secrets => places(&self.contents.secrets, fits),
            Tab::Projects => places(&self.contents.projects, fits),
            Tab::Kits => (0..self.kits.len()).collect(),
            Tab::Warnings => (0..self.warnings.len()).collect(),
        }
    }

    /// Returns what the entry in a place is called.
    pub fn name(&self, tab: Tab, place: usize) -> Option<&str> {
        match tab {
            Tab::Secrets => self.contents.secrets.get(place).map(|listed| &*listed.item.name),
            Tab::Projects => self.contents.projects.get(place).map(|listed| &*listed.item.name),
            Tab::Kits => self.kits.get(place).map(|kit| &*kit.name),
            Tab::Warnings => self.warnings.get(place).map(|warning| &*warning.text),
        }
    }

    /// Returns how many entries a list has.
    pub fn count(&self, tab: Tab) -> usize {
        match tab {
            Tab::Secrets => self.contents.secrets.len(),
            Tab::Projects => self.contents.projects.len(),
            Tab::Kits => self.kits.len(),
            Tab::Warnings => self.warnings.len(),
        }
    }
}
