//! What becomes of the screen when a key is pressed.

use super::State;
use crate::cli::tui::events::{By, Effect};
use crate::cli::tui::input::Key;
use crate::cli::tui::lists::Tab;
use crate::cli::tui::shown::{Access, Waiting};
use crate::cli::tui::typed_password::TypedPassword;

impl State {
    pub(super) fn press(&mut self, key: Key) -> Vec<Effect> {
        self.message = None;
        match key {
            Key::Ctrl('c') => {
                self.forget();
                return vec![Effect::Quit];
            }
            Key::Ctrl('z') => return self.suspend(),
            Key::Ctrl('l') => return vec![Effect::Redraw],
            _ => {}
        }
        if self.password.is_some() {
            return self.type_password(key);
        }
        if self.is_help {
            self.is_help = false;
            return Vec::new();
        }
        if self.is_searching {
            self.type_query(key);
            return Vec::new();
        }
        self.command(key)
    }

    /// Nobody may be looking after what stays unlocked meanwhile.
    fn suspend(&mut self) -> Vec<Effect> {
        self.hide();
        let mut effects = Vec::new();
        if self.access == Access::Unlocked(By::Screen) || self.waiting == Some(Waiting::Unlocking) {
            self.forget();
            effects.push(Effect::Forget);
        }
        effects.push(Effect::Suspend);
        effects
    }

    fn type_password(&mut self, key: Key) -> Vec<Effect> {
        let Some(password) = &mut self.password else { return Vec::new() };
        match key {
            Key::Char(c) => password.push(c),
            Key::Backspace => password.pop(),
            Key::Ctrl('u') => self.password = Some(TypedPassword::new()),
            Key::Esc => self.password = None,
            Key::Enter => match self.password.take().unwrap_or_else(TypedPassword::new).finish() {
                Ok(password) => {
                    self.waiting = Some(Waiting::Unlocking);
                    return vec![Effect::Unlock(self.epoch, password)];
                }
                Err(error) => self.fail(error.to_string()),
            },
            _ => {}
        }
        Vec::new()
    }

    fn type_query(&mut self, key: Key) {
        match key {
            Key::Char(c) => self.query.push(c),
            Key::Backspace => drop(self.query.pop()),
            Key::Ctrl('u') => self.query.clear(),
            Key::Esc => {
                self.query.clear();
                self.is_searching = false;
            }
            Key::Enter => {
                self.is_searching = false;
                self.open();
                return;
            }
            _ => return self.walk(key),
        }
        self.search_all();
    }

    fn command(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Char('q') => {
                self.forget();
                return vec![Effect::Quit];
            }
            Key::Esc if self.is_open => self.close(),
            Key::Esc if !self.query.is_empty() => {
                self.query.clear();
                self.search_all();
            }
            Key::Esc => {
                self.forget();
                return vec![Effect::Quit];
            }
            Key::Enter if self.is_open => self.close(),
            Key::Enter => self.open(),
            Key::Char('/') => {
                let is_searched = matches!(self.tab, Tab::Secrets | Tab::Projects);
                self.choose(if is_searched { self.tab } else { Tab::Secrets });
                self.is_searching = true;
            }
            Key::Char('?') => {
                self.hide();
                self.is_help = true;
            }
            Key::Char('u') => self.ask_password(),
            Key::Char('l') => {
                self.forget();
                self.waiting = Some(Waiting::Locking);
                return vec![Effect::Lock(self.epoch)];
            }
            Key::Char('r') => return self.reveal(),
            Key::Char('c') => return self.copy(),
            Key::Char(number @ '1'..='4') => {
                let places = number as usize - '1' as usize;
                self.choose(Tab::Secrets.further(places));
            }
            _ => self.walk(key),
        }
        Vec::new()
    }

    /// Moves in what is seen, or to another list.
    fn walk(&mut self, key: Key) {
        let page = self.rows();
        match key {
            Key::Tab | Key::Right => return self.choose(self.tab.further(1)),
            Key::BackTab | Key::Left => return self.choose(self.tab.further(Tab::ALL.len() - 1)),
            _ => {}
        }
        let width = usize::from(self.size.0);
        let last = match self.entry() {
            Some(entry) => entry.lines(width).count().saturating_sub(page),
            None => self.view().found.len().saturating_sub(1),
        };
        let is_open = self.is_open;
        let at = if is_open { &mut self.scroll } else { &mut self.views[self.tab as usize].at };
        *at = match key {
            Key::Up | Key::Char('k') => at.saturating_sub(1),
            Key::Down | Key::Char('j') => *at + 1,
            Key::PageUp => at.saturating_sub(page),
            Key::PageDown => *at + page,
            Key::Home => 0,
            Key::End => last,
            _ => return,
        }
        .min(last);
        self.keep_in_sight();
    }

    fn choose(&mut self, tab: Tab) {
        self.close();
        self.has_chosen_tab = true;
        self.tab = tab;
    }

    fn open(&mut self) {
        self.scroll = 0;
        self.is_open = self.selected().is_some();
    }

    pub(super) fn close(&mut self) {
        self.hide();
        self.is_open = false;
    }

    fn ask_password(&mut self) {
        self.hide();
        match (&self.access, &self.waiting) {
            (_, Some(Waiting::Unlocking)) => {}
            (Access::NoVault(_), _) => self.say("there is no vault to unlock"),
            (Access::Unlocked(By::Screen | By::Agent { some: false, .. }), _) => {
                self.say("the vault is already unlocked; l locks it")
            }
            _ => self.password = Some(TypedPassword::new()),
        }
    }

    fn reveal(&mut self) -> Vec<Effect> {
        if self.revealed.is_some() {
            self.hide();
            return Vec::new();
        }
        let Some(name) = self.secret_for("r shows what a secret holds") else { return Vec::new() };
        if !self.is_open {
            self.open();
        }
        if self.waiting.is_some() {
            return Vec::new();
        }
        self.waiting = Some(Waiting::Value(name.clone()));
        vec![Effect::Reveal(self.epoch, name)]
    }

    fn copy(&mut self) -> Vec<Effect> {
        let Some(name) = self.secret_for("c copies the password of a secret") else { return Vec::new() };
        if self.waiting.is_some() {
            return Vec::new();
        }
        self.waiting = Some(Waiting::Copying(name.clone()));
        vec![Effect::Copy(self.epoch, name)]
    }
}
