//! Projects: what they tell of themselves, and how they are found by name.

use super::engagement::{self, Destruction, EngagementFacts, TermChange};
use super::times::KeyAge;
use crate::error::{Error, NotFound, Refused};
use crate::format::name::{self, TEXT_LIMIT};
use crate::format::vault::{DestructionRecord, Engagement, KeyState, Payload, Project, Terms};
use crate::format::{Date, ProjectId, Timestamp};

/// What a new project is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewProject {
    /// Its name.
    pub name: String,
    /// The client; may be empty.
    pub client: String,
    /// A note; may be empty.
    pub note: String,
    /// What is agreed about it already.
    pub terms: Terms,
    /// Who says so, in the user's words; may be empty.
    pub by: String,
}

impl NewProject {
    /// Checks the texts as adding the project would.
    ///
    /// # Errors
    /// [`Refused::ProjectName`].
    pub fn check(&self) -> Result<(), Error> {
        checked_name(&self.name)?;
        checked_text("the client's name", &self.client)?;
        checked_text("the note", &self.note)?;
        engagement::checked(&self.terms)?;
        Ok(())
    }
}

/// What a project tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectInfo {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The client as it is now; may be empty.
    pub client: String,
    /// The client that it was added with; may be empty.
    pub first_client: String,
    /// A note; may be empty.
    pub note: String,
    /// When it was added.
    pub created: Timestamp,
    /// Its keys, by version.
    pub keys: Vec<KeyInfo>,
    /// What keeps it from being destroyed.
    pub hold: Option<HoldInfo>,
    /// When it was destroyed.
    pub destroyed: Option<Timestamp>,
    /// What was agreed about it, with every change.
    pub engagement: Engagement,
    /// Its destruction, if that was ordered.
    pub destruction: Option<DestructionRecord>,
}

impl ProjectInfo {
    /// Returns what is agreed about it now.
    #[must_use]
    pub fn terms(&self) -> Terms {
        engagement::terms_now(&self.engagement, &self.first_client)
    }

    /// Returns every change of what was agreed, oldest first.
    #[must_use]
    pub fn term_changes(&self) -> Vec<TermChange> {
        engagement::term_changes(&self.engagement, &self.first_client)
    }

    /// Returns the date that counts: by which it is to be destroyed, else on which it ends.
    #[must_use]
    pub fn due(&self) -> Option<Date> {
        let terms = self.terms();
        terms.destroy_by.given().or(terms.ends.given()).copied()
    }

    /// Returns the key that encrypts, and how old it is on a day; `None` if there is none, as in a destroyed project.
    #[must_use]
    pub fn current_key_age(&self, today: Date) -> Option<(&KeyInfo, KeyAge)> {
        let current = self.keys.iter().find(|key| key.current);
        current.map(|key| (key, KeyAge::of(key.created, today)))
    }

    /// Tells whether a key of it has sealed a file or came from elsewhere, as far as the vault file knows: by what was
    /// noted or counted, and by what was imported.
    #[must_use]
    pub fn has_sealed(&self) -> bool {
        self.keys.iter().any(|key| key.imported || key.sealed.is_some() || key.seen.is_some_and(|(files, _)| files > 0))
    }

    /// Returns what the state of the engagement follows from. Whoever knows more of whether a key has sealed a file
    /// than [`ProjectInfo::has_sealed`] says so.
    #[must_use]
    pub fn facts(&self, has_sealed: bool) -> EngagementFacts {
        let destruction = match &self.destruction {
            Some(record) if record.is_closed().is_some() => Destruction::Done,
            Some(_) => Destruction::UnderWay,
            // Keys that went before there were records of it.
            None if self.destroyed.is_some() => Destruction::Done,
            None => Destruction::None,
        };
        EngagementFacts { is_held: self.hold.is_some(), destruction, has_sealed, due: self.due() }
    }
}

/// A hold on a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldInfo {
    /// Since when.
    pub since: Timestamp,
    /// Why; may be empty.
    pub reason: String,
}

/// What one version of a file key tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    /// Counts from 1.
    pub version: u32,
    /// What it is used for.
    pub state: KeyState,
    /// Whether it is the one that encrypts.
    pub current: bool,
    /// When it was made.
    pub created: Timestamp,
    /// How many files the last scan found under it, and when.
    pub seen: Option<(u64, Timestamp)>,
    /// It came from elsewhere.
    pub imported: bool,
    /// When a file was first sealed under it, as far as anybody noted it.
    pub sealed: Option<Timestamp>,
}

impl From<&Project> for ProjectInfo {
    fn from(project: &Project) -> Self {
        let current = project.current().map(|key| key.version);
        let mut keys: Vec<KeyInfo> = project
            .keys
            .iter()
            .map(|key| KeyInfo {
                version: key.version,
                state: key.state,
                current: current == Some(key.version),
                created: key.created,
                seen: key.seen.as_ref().map(|seen| (seen.files, seen.at)),
                imported: key.imported,
                sealed: key.sealed,
            })
            .collect();
        keys.sort_by_key(|key| key.version);
        let engagement = project.engagement.clone().unwrap_or_default();
        let client = engagement::terms_now(&engagement, &project.client).client;
        Self {
            id: project.id,
            name: project.name.clone(),
            client: client.given().cloned().unwrap_or_default(),
            first_client: project.client.clone(),
            note: project.note.clone(),
            created: project.created,
            keys,
            hold: project.hold.as_ref().map(|hold| HoldInfo { since: hold.since, reason: hold.reason.clone() }),
            destroyed: project.destroyed,
            engagement,
            destruction: project.destruction.clone().filter(DestructionRecord::is_begun),
        }
    }
}

pub fn checked_name(text: &str) -> Result<String, Error> {
    name::project_name(text).map_err(|reason| Refused::ProjectName(reason).into())
}

pub fn checked_text(what: &'static str, text: &str) -> Result<String, Error> {
    name::free_text(text, TEXT_LIMIT).map_err(|reason| Refused::Text { what, reason }.into())
}

/// Returns a name of something other than a project.
pub fn checked_name_of(what: &'static str, text: &str) -> Result<String, Error> {
    name::project_name(text).map_err(|reason| Refused::Text { what, reason }.into())
}

/// Returns the form in which a name would be stored, so that a lookup finds it however it was typed.
pub fn normal(text: &str) -> String {
    name::project_name(text).unwrap_or_else(|_| text.to_owned())
}

pub fn find<'a>(payload: &'a Payload, name: &str) -> Result<&'a Project, Error> {
    let index = index_of(payload, name)?;
    Ok(&payload.projects[index])
}

pub fn find_mut<'a>(payload: &'a mut Payload, name: &str) -> Result<&'a mut Project, Error> {
    let index = index_of(payload, name)?;
    Ok(&mut payload.projects[index])
}

fn index_of(payload: &Payload, name: &str) -> Result<usize, Error> {
    let name = normal(name);
    payload.projects.iter().position(|project| project.name == name).ok_or_else(|| {
        let usable = payload.projects.iter().filter(|project| project.destroyed.is_none());
        let similar = usable.map(|project| (name::difference(&project.name, &name), project));
        let nearest = similar.filter_map(|(difference, project)| Some((difference?, project))).min_by_key(|(d, _)| *d);
        Error::NotFound(NotFound::Project { name, similar: nearest.map(|(_, project)| project.name.clone()) })
    })
}

pub fn usable(project: &Project) -> Result<&Project, Error> {
    match project.destroyed {
        Some(at) => Err(Error::NotFound(NotFound::Destroyed { name: project.name.clone(), at })),
        None => Ok(project),
    }
}

pub fn find_usable<'a>(payload: &'a mut Payload, name: &str) -> Result<&'a mut Project, Error> {
    let project = find_mut(payload, name)?;
    usable(project)?;
    Ok(project)
}
