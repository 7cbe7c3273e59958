//! What every command stands on: the flags, the output, the terminal, and this computer.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::flags::Global;
use super::output::Output;
use super::terminal::Terminal;
use crate::failure::Failure;
use crate::format::VaultId;
use crate::home::{Asking, ConfigFile, Home, Kept, Kind, Named};
use crate::host::ThisHost;
use crate::keychain::Keychain;
use crate::store::FolderStore;
use crate::vault::Notice;
use crate::words::shell_word;

/// What every command stands on.
pub struct Context {
    /// What describes the whole program: its manual page and its completions are made from it.
    pub program: fn() -> clap::Command,
    /// The global flags.
    pub global: Global,
    /// Where results and remarks go.
    pub output: Output,
    /// What the user has chosen for this computer. Where it is a flag's default, the flag has it.
    pub config: ConfigFile,
    /// This computer: its folders, its settings, its keychains.
    pub home: Home,
    /// The computer.
    pub host: ThisHost,
    /// Why it is done, as the user has answered when a reason was required and none was given.
    answered: OnceLock<String>,
}

impl Context {
    /// Learns the folders. Reads no vault yet.
    ///
    /// # Errors
    /// Those of [`Home::find`].
    pub fn new(
        program: fn() -> clap::Command,
        global: Global,
        config: ConfigFile,
        output: Output,
    ) -> Result<Self, Failure> {
        let home = Home::find(Named { vault: global.vault.clone(), keychain: global.keychain.clone() })?;
        Ok(Self { program, global, output, config, home, host: ThisHost, answered: OnceLock::new() })
    }

    /// Returns what a command stands on that is done to another vault, whose key is in a keychain of this kind.
    pub fn at(&self, folder: &Path, kind: &Kind) -> Self {
        let global = Global { vault: Some(folder.into()), keychain: Some(kind.clone()), ..self.global.clone() };
        let output = Output::of(&global, self.home.folders.settings.is_some());
        let config = self.config.clone();
        Self {
            program: self.program,
            global,
            output,
            config,
            home: self.home.at(folder),
            host: ThisHost,
            answered: OnceLock::new(),
        }
    }

    /// Returns why it is done, as far as that was said.
    pub fn reason(&self) -> String {
        self.global.reason.as_ref().or_else(|| self.answered.get()).cloned().unwrap_or_default()
    }

    /// Remembers the user's answer why it is done.
    pub fn answer_reason(&self, reason: &str) {
        // It is asked once.
        let _ = self.answered.set(reason.into());
    }

    /// Opens the terminal, unless questions are forbidden or there is none.
    pub fn terminal(&self) -> Option<Terminal> {
        if self.global.no_input { None } else { Terminal::open() }
    }

    /// Returns the place of the vault.
    ///
    /// # Errors
    /// Those of [`Home::store`].
    pub fn store(&self) -> Result<FolderStore, Failure> {
        Ok(self.home.store()?)
    }

    /// Makes the keychain of a kind.
    pub fn keychain(&self, kind: &Kind, vault: VaultId) -> Arc<dyn Keychain> {
        self.home.keychain(kind, vault, || self.asking())
    }

    /// Makes the operating system's keychain.
    pub fn os_keychain(&self) -> Arc<dyn Keychain> {
        self.home.os_keychain(self.asking())
    }

    /// Says how a keychain may be asked: with its dialogs only if there is a terminal, and so a person.
    pub fn asking(&self) -> Asking {
        let asking = if self.terminal().is_some() {
            let output = self.output.clone();
            Asking::attended(move |text| output.remark(text.to_owned()))
        } else {
            Asking::silent()
        };
        asking.within(self.global.keychain_timeout.map(Duration::from_secs))
    }

    /// Makes the keychain of a kind so that it asks nothing, for what can be done without it.
    pub fn silent_keychain(&self, kind: &Kind, vault: VaultId) -> Arc<dyn Keychain> {
        self.home.keychain(kind, vault, Asking::silent)
    }

    /// Remembers where a vault's key is stored, or warns of what it costs that it cannot be remembered.
    ///
    /// # Errors
    /// Those of [`Home::remember`].
    pub fn remember(&self, vault: VaultId, kind: &Kind, file: &Path) -> Result<(), Failure> {
        let kept = self.home.remember(vault, kind, file)?;
        let keychain = self.home.whole_kind(kind, vault);
        if let Kept::No(why) = kept
            && keychain != Kind::Os
        {
            let keychain = shell_word(&keychain.to_string());
            self.output.warn(
                "settings-not-written",
                format!(
                    "this computer cannot remember where the key of the vault is stored ({why}): name it in every \
                     command, with --keychain {keychain}"
                ),
            );
        }
        Ok(())
    }

    /// Says that keys were in memory that could be swapped out, if they were.
    pub fn remark_on_memory(&self) {
        if crate::memory::was_refused() {
            self.output.remark(
                "keys were in memory that could be swapped out, since the limit of locked memory is too low (ulimit -l)",
            );
        }
    }

    /// Warns of these.
    pub fn show(&self, notices: &[Notice]) {
        super::notices::show(&self.output, notices);
    }
}
