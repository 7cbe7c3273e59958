//! What the screen shows, and what becomes of it when a key is pressed, time passes or an answer arrives. Pure: what is
//! to be done elsewhere is returned as effects.

mod keys;

use std::time::Duration;

use super::entry::Entry;
use super::events::{Answer, By, Effect, Event, Now, Unlocked};
use super::lists::{Contents, Kit, Lists, Tab};
use super::shown::{Access, Message, Revealed, View, Waiting};
use super::typed_password::TypedPassword;
use crate::agent::limits::{CLOCK_GAP, IDLE};
use crate::words::Flags;

/// How long what a secret holds is shown.
pub const SHOWN_FOR: Duration = Duration::from_secs(10);
/// How often is looked whether the vault is still unlocked, and still the same.
const CHECKED_EVERY: Duration = Duration::from_secs(2);
/// The lines that are no part of a list: the vault, the lists, the search and the headings above it, and below it the
/// message and the keys.
const FRAME: u16 = 6;
/// The smallest screen that is drawn on, in columns and lines.
pub const SMALLEST: (u16, u16) = (40, 10);

/// All that the screen shows.
pub struct State {
    /// The vault's file.
    pub place: String,
    /// What the commands need that a text names.
    pub flags: Flags,
    /// The moment, as it was told last.
    pub now: Now,
    /// How wide and high the screen is.
    pub size: (u16, u16),
    /// Whether the vault is unlocked.
    pub access: Access,
    /// What is listed.
    pub lists: Lists,
    /// What is seen of each list, in the order of [`Tab::ALL`].
    pub views: [View; Tab::ALL.len()],
    /// The list that is seen.
    pub tab: Tab,
    /// What is searched for.
    pub query: String,
    /// Whether keys go to the search.
    pub is_searching: bool,
    /// Whether the selected entry is shown instead of the list.
    pub is_open: bool,
    /// How many lines of the entry are above the screen.
    pub scroll: usize,
    /// What the open secret holds, if that is shown.
    pub revealed: Option<Revealed>,
    /// The password that is being typed.
    pub password: Option<TypedPassword>,
    /// Whether the keys are explained.
    pub is_help: bool,
    /// Whether the checks of this computer are done.
    pub has_looked_around: bool,
    /// What is waited for.
    pub waiting: Option<Waiting>,
    /// What is said below the list.
    pub message: Option<Message>,
    /// The kits that the vault file shows without a key.
    known_kits: Vec<Kit>,
    epoch: u64,
    has_chosen_tab: bool,
    pressed: Duration,
    checked: Duration,
    is_checking: bool,
}

impl State {
    /// Returns what is shown at first, before anything is known, and what is to be done.
    pub fn new(place: String, now: Now, size: (u16, u16)) -> (Self, Vec<Effect>) {
        let state = Self {
            place,
            flags: Flags::default(),
            now,
            size,
            access: Access::Unknown,
            lists: Lists::default(),
            views: Default::default(),
            tab: Tab::Secrets,
            query: String::new(),
            is_searching: false,
            is_open: false,
            scroll: 0,
            revealed: None,
            password: None,
            is_help: false,
            has_looked_around: false,
            waiting: None,
            message: None,
            known_kits: Vec::new(),
            epoch: 0,
            has_chosen_tab: false,
            pressed: now.clock,
            checked: now.clock,
            is_checking: true,
        };
        (state, vec![Effect::Check(0)])
    }

    /// Takes what happens, and returns what is to be done.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => {
                self.pressed = self.now.clock;
                return self.press(key);
            }
            Event::Tick(now) => return self.tick(now),
            Event::Resized(width, height) => {
                self.size = (width, height);
                self.keep_in_sight();
            }
            Event::Facts(facts) => {
                if let Some(warning) = facts.warning {
                    self.fail(warning);
                }
                self.known_kits = facts.kits.clone();
                self.set_kits(facts.kits);
            }
            Event::NoVault(why) => self.access = Access::NoVault(why),
            Event::Warnings(warnings) => {
                self.has_looked_around = true;
                self.lists.warnings = warnings;
                self.search(Tab::Warnings);
            }
            Event::Remark(text) => self.say(text),
            Event::Answer(epoch, answer) if epoch == self.epoch => self.take(answer),
            // What it holds is wiped.
            Event::Answer(..) => {}
        }
        Vec::new()
    }

    /// Returns when something is to be hidden or looked at, if no key is pressed before.
    pub fn next_tick(&self) -> Duration {
        let next = self.checked + CHECKED_EVERY;
        match &self.revealed {
            // Every second, for the seconds that are left.
            Some(revealed) => next.min(revealed.until).min(self.now.clock + Duration::from_secs(1)),
            None => next,
        }
    }

    /// Returns what is seen of the list.
    pub fn view(&self) -> &View {
        &self.views[self.tab as usize]
    }

    /// Returns the place in its list of the selected entry.
    pub fn selected(&self) -> Option<usize> {
        self.view().found.get(self.view().at).copied()
    }

    /// Returns the name of the selected secret, or says why a key does nothing.
    fn secret_for(&mut self, key: &str) -> Option<String> {
        let place = self.selected().filter(|_| self.tab == Tab::Secrets);
        let name = place.and_then(|place| self.lists.name(Tab::Secrets, place)).map(str::to_owned);
        match (&name, &self.access) {
            (Some(_), _) => {}
            (None, Access::Unlocked(_)) => self.say(format!("{key}: first select a secret in the list Secrets")),
            (None, _) => self.say(format!("{key}; the vault is locked, u unlocks it")),
        }
        name
    }

    /// Returns the entry that is open.
    pub fn entry(&self) -> Option<Entry> {
        let place = self.selected().filter(|_| self.is_open)?;
        let today = self.now.today;
        Some(match self.tab {
            Tab::Secrets => {
                let secret = &self.lists.contents.secrets.get(place)?.item;
                let client = secret.project.as_deref().and_then(|project| self.lists.contents.client_of(project));
                Entry::of_secret(secret, client, self.revealed.as_ref().map(|revealed| &revealed.value), today)
            }
            Tab::Projects => {
                let project = &self.lists.contents.projects.get(place)?.item;
                let belongs = |secret: &&str| *secret == project.name;
                let secrets = self.lists.contents.secrets.iter();
                let secrets = secrets.filter_map(|secret| secret.item.project.as_deref()).filter(belongs).count();
                Entry::of_project(project, secrets, today)
            }
            Tab::Kits => Entry::of_kit(self.lists.kits.get(place)?, today),
            Tab::Warnings => Entry::of_warning(self.lists.warnings.get(place)?, self.size.0.into()),
        })
    }

    /// Returns how many lines a list or an entry has room for.
    pub fn rows(&self) -> usize {
        usize::from(self.size.1.saturating_sub(FRAME)).max(1)
    }

    /// Hides what a secret holds, and the password that is being typed.
    pub fn hide(&mut self) {
        self.revealed = None;
        self.password = None;
        if matches!(self.waiting, Some(Waiting::Value(_))) {
            self.waiting = None;
        }
    }

    fn tick(&mut self, now: Now) -> Vec<Effect> {
        let has_slept = self.now.slept + CLOCK_GAP <= now.slept;
        self.now = now;
        if self.revealed.as_ref().is_some_and(|revealed| revealed.until <= now.clock) {
            self.hide();
        }
        if has_slept {
            self.hide();
        }
        let is_idle = self.pressed + IDLE <= now.clock;
        if self.access == Access::Unlocked(By::Screen) && (is_idle || has_slept) {
            self.forget();
            self.say(match has_slept {
                true => "locked, since the computer slept",
                false => "locked, since no key was pressed for 15 minutes",
            });
            return vec![Effect::Forget];
        }
        let is_due = self.checked + CHECKED_EVERY <= now.clock && !self.is_checking && self.waiting.is_none();
        if is_due && !matches!(self.access, Access::NoVault(_)) {
            self.checked = now.clock;
            self.is_checking = true;
            return vec![Effect::Check(self.epoch)];
        }
        if self.checked + CHECKED_EVERY <= now.clock {
            self.checked = now.clock;
        }
        Vec::new()
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Unlocked(unlocked) => {
                self.is_checking = false;
                if self.waiting == Some(Waiting::Unlocking) {
                    self.waiting = None;
                }
                self.show(*unlocked);
            }
            Answer::Unchanged(seconds) => {
                self.is_checking = false;
                if let (Access::Unlocked(By::Agent { seconds: left, .. }), Some(seconds)) = (&mut self.access, seconds)
                {
                    *left = seconds;
                }
            }
            Answer::Locked => {
                self.is_checking = false;
                let was_unlocked = matches!(self.access, Access::Unlocked(_));
                let asked = self.waiting == Some(Waiting::Locking);
                if was_unlocked || asked {
                    self.forget();
                    self.say(if asked { "the vault is locked" } else { "the agent has locked the vault" });
                }
                if !matches!(self.access, Access::NoVault(_)) {
                    self.access = Access::Locked;
                }
            }
            Answer::Value(name, value) => {
                if self.waiting != Some(Waiting::Value(name)) {
                    return;
                }
                self.waiting = None;
                self.scroll = 0;
                self.revealed = Some(Revealed { value, until: self.now.clock + SHOWN_FOR });
            }
            Answer::Copied(text) => {
                self.waiting = None;
                self.say(text);
            }
            Answer::Failed(why) => {
                self.waiting = None;
                self.is_checking = false;
                self.fail(why);
            }
        }
    }

    fn show(&mut self, unlocked: Unlocked) {
        let Unlocked { by, contents, kits, notices } = unlocked;
        let names = [Tab::Secrets, Tab::Projects].map(|tab| {
            let view = &self.views[tab as usize];
            let place = view.found.get(view.at).copied();
            (tab, place.and_then(|place| self.lists.name(tab, place)).map(str::to_owned))
        });
        self.access = Access::Unlocked(by);
        self.lists.contents = contents;
        if let Some(kits) = kits {
            self.set_kits(kits);
        }
        if !self.has_chosen_tab && self.lists.count(Tab::Secrets) == 0 {
            self.tab = Tab::Projects;
        }
        for (tab, name) in names {
            self.search(tab);
            let again = name.as_ref().and_then(|name| {
                self.views[tab as usize].found.iter().position(|place| self.lists.name(tab, *place) == Some(name))
            });
            match again {
                Some(at) => self.views[tab as usize].at = at,
                // What was open is not there any more.
                None if tab == self.tab && self.is_open => self.close(),
                None => {}
            }
        }
        self.keep_in_sight();
        if !notices.is_empty() {
            self.fail(notices.join("; "));
        }
    }

    /// Forgets all that only an unlocked vault shows. Answers that are on their way count for nothing.
    fn forget(&mut self) {
        self.hide();
        self.epoch += 1;
        self.is_checking = false;
        self.waiting = None;
        self.is_open = false;
        self.is_searching = false;
        self.query = String::new();
        self.lists.contents = Contents::default();
        self.lists.kits = self.known_kits.clone();
        if !matches!(self.access, Access::NoVault(_)) {
            self.access = Access::Locked;
        }
        self.search_all();
    }

    fn set_kits(&mut self, kits: Vec<Kit>) {
        self.lists.kits = kits;
        self.search(Tab::Kits);
    }

    fn search_all(&mut self) {
        Tab::ALL.into_iter().for_each(|tab| self.search(tab));
    }

    fn search(&mut self, tab: Tab) {
        let found = self.lists.found(tab, &self.query);
        self.views[tab as usize] = View { found, at: 0, top: 0 };
    }

    /// Has each list begin where the selected entry is seen.
    fn keep_in_sight(&mut self) {
        let rows = self.rows();
        for view in &mut self.views {
            view.at = view.at.min(view.found.len().saturating_sub(1));
            view.top = view.top.clamp((view.at + 1).saturating_sub(rows), view.at);
        }
    }

    fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), is_failure: false });
    }

    fn fail(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), is_failure: true });
    }
}

#[cfg(test)]
mod tests;
