//! Engagements: what was agreed about a project, by revisions that are only ever added, and the state that follows from
//! it. No state is stored, so none can contradict its facts.

use std::collections::BTreeMap;
use std::fmt;

use super::project::{checked_name_of, checked_text};
use crate::error::{Error, Refused};
use crate::format::name::NameError;
use crate::format::vault::{Declared, Engagement, Project, Revision, Setting, Terms};
use crate::format::{Date, RevisionId, Timestamp};

/// Calls a macro with the terms that have one value each.
macro_rules! single_terms {
    ($call:ident) => {
        $call! {
            client: Client, "client";
            purpose: Purpose, "purpose";
            role: Role, "role";
            basis: Basis, "basis";
            basis_sha256: BasisSha256, "basis_sha256";
            custodian: Custodian, "custodian";
            contact: Contact, "contact";
            ends: Ends, "ends";
            destroy_by: DestroyBy, "destroy_by";
            at_end: AtEnd, "at_end";
            log: Log, "log";
            reason: Reason, "reason";
        }
    };
}

/// One of the things that a revision can say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// The client.
    Client,
    /// What the data are processed for.
    Purpose,
    /// In which role.
    Role,
    /// On what basis.
    Basis,
    /// The SHA-256 of the document of the basis.
    BasisSha256,
    /// Who holds the data.
    Custodian,
    /// Whom to ask.
    Contact,
    /// The last day of the engagement.
    Ends,
    /// The last day on which the data may be there.
    DestroyBy,
    /// What is done at the end.
    AtEnd,
    /// Whether each access has to be logged.
    Log,
    /// Whether each access needs a reason.
    Reason,
    /// What was declared, by what it is about.
    Declared(String),
    /// The project was put on hold, and why.
    Hold,
    /// A hold was released, and why.
    Released,
}

impl fmt::Display for Term {
    /// Writes the name that it has in the vault file; of what was declared, after a full stop, what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        macro_rules! names {
            ($($_member:ident: $term:ident, $name:literal;)*) => {
                match self {
                    $(Self::$term => f.write_str($name),)*
                    Self::Declared(about) => write!(f, "declared.{about}"),
                    Self::Hold => f.write_str("hold"),
                    Self::Released => f.write_str("released"),
                }
            };
        }
        single_terms!(names)
    }
}

/// One change of one term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermChange {
    /// When it was made.
    pub at: Timestamp,
    /// Who made it, in the user's words; may be empty.
    pub by: String,
    /// The revision that made it.
    pub revision: RevisionId,
    /// What was changed.
    pub term: Term,
    /// What it was, if it had a value.
    pub was: Option<String>,
    /// What it has been since, if it has a value.
    pub now: Option<String>,
}

/// Where a project is between the first agreement and the end. Of two that apply, the later one here counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngagementState {
    /// Nothing is under its keys yet, as far as the vault knows.
    Intake,
    /// There are files under its keys.
    Active,
    /// Its date has passed.
    Due,
    /// Its destruction is under way.
    Destroying,
    /// It was destroyed.
    Destroyed,
    /// A hold keeps it.
    Held,
}

/// How far the destruction of a project is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destruction {
    /// It was not begun.
    None,
    /// It was begun, and is not over.
    UnderWay,
    /// It is over.
    Done,
}

/// What the state of an engagement follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngagementFacts {
    /// A hold keeps the project.
    pub is_held: bool,
    /// How far its destruction is.
    pub destruction: Destruction,
    /// A key of it has sealed a file, or came from elsewhere.
    pub has_sealed: bool,
    /// The date that counts.
    pub due: Option<Date>,
}

impl EngagementFacts {
    /// Returns the state on a day.
    #[must_use]
    pub fn state(&self, today: Date) -> EngagementState {
        match self {
            Self { is_held: true, .. } => EngagementState::Held,
            Self { destruction: Destruction::Done, .. } => EngagementState::Destroyed,
            Self { destruction: Destruction::UnderWay, .. } => EngagementState::Destroying,
            Self { due: Some(due), .. } if today > *due => EngagementState::Due,
            Self { has_sealed: true, .. } => EngagementState::Active,
            Self { .. } => EngagementState::Intake,
        }
    }
}

/// Returns the revisions in the order in which they count: by time, and by id where the time is the same.
pub fn in_order(engagement: &Engagement) -> Vec<&Revision> {
    let mut revisions: Vec<&Revision> = engagement.revisions.iter().collect();
    revisions.sort_by_key(|revision| (revision.at, revision.id));
    revisions
}

/// Returns the terms as they are now, of which none is taken back: what the newest revision says that names it.
/// `client` is the one that the project was added with.
#[must_use]
pub fn terms_now(engagement: &Engagement, client: &str) -> Terms {
    let mut now = Terms::default();
    if !client.is_empty() {
        now.client = Setting::Given(client.to_owned());
    }
    in_order(engagement).into_iter().for_each(|revision| overlay(&mut now, &revision.set));
    now
}

/// Lets a revision count over what was before it.
fn overlay(now: &mut Terms, set: &Terms) {
    macro_rules! take {
        ($($member:ident: $_term:ident, $_name:literal;)*) => {
            $(match &set.$member {
                Setting::Kept => {}
                Setting::Withdrawn => now.$member = Setting::Kept,
                given => now.$member = given.clone(),
            })*
        };
    }
    single_terms!(take);
    for (about, text) in &set.declared.0 {
        match text {
            Setting::Kept => {}
            Setting::Withdrawn => drop(now.declared.0.remove(about)),
            given => drop(now.declared.0.insert(about.clone(), given.clone())),
        }
    }
}

/// Returns what terms say, as texts; `None` for what they take back.
pub fn said(terms: &Terms) -> Vec<(Term, Option<String>)> {
    fn text<T: fmt::Display>(setting: &Setting<T>) -> Option<Option<String>> {
        (!setting.is_kept()).then(|| setting.given().map(T::to_string))
    }
    let mut said = Vec::new();
    macro_rules! push {
        ($($member:ident: $term:ident, $_name:literal;)*) => {
            $(said.extend(text(&terms.$member).map(|value| (Term::$term, value)));)*
        };
    }
    single_terms!(push);
    let declared = terms.declared.0.iter();
    said.extend(declared.filter_map(|(about, value)| Some((Term::Declared(about.clone()), text(value)?))));
    said.extend(text(&terms.hold).map(|why| (Term::Hold, why)));
    said.extend(text(&terms.released).map(|why| (Term::Released, why)));
    said
}

/// Returns every change of a term, oldest first. `client` is the one that the project was added with.
#[must_use]
pub fn term_changes(engagement: &Engagement, client: &str) -> Vec<TermChange> {
    let mut values: BTreeMap<Term, String> = BTreeMap::new();
    if !client.is_empty() {
        values.insert(Term::Client, client.to_owned());
    }
    let mut changes = Vec::new();
    for revision in in_order(engagement) {
        for (term, now) in said(&revision.set) {
            // An event is no value that a later one replaces.
            let is_event = matches!(term, Term::Hold | Term::Released);
            let was = match &now {
                _ if is_event => None,
                Some(value) => values.insert(term.clone(), value.clone()),
                None => values.remove(&term),
            };
            if is_event || was != now {
                let (at, by, revision) = (revision.at, revision.by.clone(), revision.id);
                changes.push(TermChange { at, by, revision, term, was, now });
            }
        }
    }
    changes
}

/// Returns terms as they would be written.
///
/// # Errors
/// [`Refused::Text`] for a text that cannot be seen or is too long.
pub fn checked(terms: &Terms) -> Result<Terms, Error> {
    let text = |what: &'static str, setting: &Setting<String>| match setting {
        Setting::Given(text) if text.trim().is_empty() => Ok(Setting::Withdrawn),
        Setting::Given(text) => checked_text(what, text).map(Setting::Given),
        other => Ok(other.clone()),
    };
    let mut declared = BTreeMap::new();
    for (about, value) in &terms.declared.0 {
        declared.insert(checked_name_of("what is declared", about)?, text("what is declared", value)?);
    }
    Ok(Terms {
        client: text("the client's name", &terms.client)?,
        purpose: text("the purpose", &terms.purpose)?,
        role: text("the role", &terms.role)?,
        basis: text("the basis", &terms.basis)?,
        basis_sha256: text("the basis", &terms.basis_sha256)?,
        custodian: text("the custodian", &terms.custodian)?,
        contact: text("the contact", &terms.contact)?,
        ends: terms.ends.clone(),
        destroy_by: terms.destroy_by.clone(),
        at_end: text("what is done at the end", &terms.at_end)?,
        log: text("the rule for the log", &terms.log)?,
        reason: text("the rule for reasons", &terms.reason)?,
        declared: Declared(declared),
        ..Terms::default()
    })
}

/// Sets terms of a project. What is so already is left out; if nothing is left, there is no revision.
///
/// # Errors
/// As [`checked`].
pub fn set(project: &mut Project, terms: &Terms, by: &str, now: Timestamp) -> Result<(), Error> {
    let mut terms = checked(terms)?;
    let present = terms_now(project.engagement.as_ref().unwrap_or(&Engagement::default()), &project.client);
    macro_rules! leave_out {
        ($($member:ident: $_term:ident, $_name:literal;)*) => {
            $(if terms.$member.given() == present.$member.given() {
                terms.$member = Setting::Kept;
            })*
        };
    }
    single_terms!(leave_out);
    let declared = |about: &String| present.declared.0.get(about).and_then(Setting::given);
    terms.declared.0.retain(|about, value| value.given() != declared(about));
    if terms == Terms::default() { Ok(()) } else { revise(project, terms, by, now) }
}

/// Leaves a trace of a hold.
///
/// # Errors
/// [`Refused::Text`].
pub fn note_hold(project: &mut Project, reason: &str, by: &str, now: Timestamp) -> Result<(), Error> {
    let hold = Setting::Given(checked_text("the reason", reason)?);
    revise(project, Terms { hold, ..Terms::default() }, by, now)
}

/// Leaves a trace of the release of a hold, which needs a reason.
///
/// # Errors
/// [`Refused::Text`].
pub fn note_release(project: &mut Project, reason: &str, by: &str, now: Timestamp) -> Result<(), Error> {
    let released = Setting::Given(checked_reason(reason)?);
    revise(project, Terms { released, ..Terms::default() }, by, now)
}

/// Returns a reason that has to be there.
///
/// # Errors
/// [`Refused::Text`].
pub fn checked_reason(reason: &str) -> Result<String, Error> {
    if reason.trim().is_empty() {
        return Err(Refused::Text { what: "the reason", reason: NameError::Empty }.into());
    }
    checked_text("the reason", reason)
}

fn revise(project: &mut Project, set: Terms, by: &str, now: Timestamp) -> Result<(), Error> {
    let by = checked_text("who makes the change", by)?;
    let engagement = project.engagement.get_or_insert_default();
    // A clock that was set back, or two changes within a second: the later change counts all the same.
    let newest = engagement.revisions.iter().map(|revision| revision.at).max();
    let after = newest.map(|newest| Timestamp::from_unix(newest.as_unix().saturating_add(1)));
    let at = after.map_or(now, |after| after.max(now));
    let id = RevisionId::generate()?;
    engagement.revisions.push(Revision { id, at, by, set, others: Default::default() });
    Ok(())
}

/// Takes over the revisions that another file has more; returns how many. A revision that both have and that is not the
/// same is named in `differing`; the own one stays.
pub fn unite(own: &mut Project, other: &Project, differing: &mut Vec<String>) -> usize {
    let Some(theirs) = &other.engagement else { return 0 };
    let name = format!("the engagement of project {:?}", own.name);
    let engagement = own.engagement.get_or_insert_default();
    super::unread::unite_members(&mut engagement.others, &theirs.others, &name, differing);
    let mut came = 0;
    for revision in &theirs.revisions {
        match engagement.revisions.iter().find(|held| held.id == revision.id) {
            None => {
                engagement.revisions.push(revision.clone());
                came += 1;
            }
            Some(held) if held == revision => {}
            Some(_) => differing.push(format!("revision {} of {name}", revision.id)),
        }
    }
    if came > 0 {
        engagement.revisions.sort_by_key(|revision| (revision.at, revision.id));
    }
    came
}

#[cfg(test)]
mod tests;
