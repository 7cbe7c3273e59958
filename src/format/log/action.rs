//! The words for what an entry records.

/// Declares the actions, each with its word.
macro_rules! actions {
    ($( $(#[$doc:meta])* $name:ident = $word:literal ),* $(,)?) => {
        /// What an entry of the access log records. A later program may have others, so an entry holds the word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Action {
            $( $(#[$doc])* $name, )*
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// Returns the word that an entry holds.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $( Self::$name => $word, )*
                }
            }
        }
    };
}

actions! {
    /// Files were sealed.
    FileSeal = "file.seal",
    /// Files were opened.
    FileOpen = "file.open",
    /// Parts of files were read.
    FileRange = "file.range",
    /// Files were read to prove that they are whole.
    FileVerify = "file.verify",
    /// Files were moved to another file key.
    FileRewrap = "file.rewrap",
    /// Files were sealed again.
    FileReencrypt = "file.reencrypt",
    /// Files that another program had encrypted were sealed.
    FileImport = "file.import",
    /// A file key was shown.
    KeyShow = "key.show",
    /// A file key came from elsewhere.
    KeyImport = "key.import",
    /// A project got a new file key.
    KeyRotate = "key.rotate",
    /// A file key was marked, or the mark was taken off.
    KeyRetire = "key.retire",
    /// A secret was shown.
    SecretShow = "secret.show",
    /// A secret was made or edited.
    SecretSet = "secret.set",
    /// A secret was removed.
    SecretRemove = "secret.remove",
    /// Secrets were imported.
    SecretImport = "secret.import",
    /// Secrets were exported.
    SecretExport = "secret.export",
    /// A project was added.
    ProjectAdd = "project.add",
    /// What is recorded of a project was changed.
    ProjectSet = "project.set",
    /// A project got another name.
    ProjectRename = "project.rename",
    /// A project's keys were deleted.
    ProjectDestroy = "project.destroy",
    /// A project was put on hold.
    HoldSet = "hold.set",
    /// A hold was ended.
    HoldRelease = "hold.release",
    /// A recovery kit was made.
    KitNew = "kit.new",
    /// A recovery kit was tried.
    KitTest = "kit.test",
    /// A recovery kit was revoked.
    KitRevoke = "kit.revoke",
    /// A recovery kit gave a computer its own key.
    KitRecover = "kit.recover",
    /// The master password was changed.
    PasswordChange = "password.change",
    /// The data key was rotated.
    VaultRotate = "vault.rotate",
    /// Another file of the vault was merged.
    VaultMerge = "vault.merge",
    /// A copy of the vault was put back.
    VaultRestore = "vault.restore",
    /// A vault was made of this one.
    VaultFork = "vault.fork",
    /// The vault was backed up.
    VaultBackup = "vault.backup",
    /// The agent was started.
    AgentUnlock = "agent.unlock",
    /// The agent ended.
    AgentLock = "agent.lock",
    /// A program was run with secrets.
    Run = "run",
    /// A report was made.
    ReportMade = "report.made",
    /// Readable copies were looked for.
    SweepDone = "sweep.done",
    /// Readable copies were removed.
    SweepRemoved = "sweep.removed",
    /// The destruction of a project began.
    DestructionOpened = "destruction.opened",
    /// A step of a destruction was taken.
    DestructionStep = "destruction.step",
    /// A destruction is over.
    DestructionClosed = "destruction.closed",
    /// What has to be logged was changed.
    PolicyChange = "policy.change",
    /// A log began, or nothing vouches for the entries before this one.
    LogBegan = "log.began",
    /// Entries are missing, altered or not to be read, and somebody accepted that.
    LogGap = "log.gap",
    /// Something of a log was accepted.
    LogAccepted = "log.accepted",
    /// Old entries were deleted on request.
    LogForgotten = "log.forgotten",
}

impl Action {
    /// Returns the action of a word; `None` for a later program's.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_of_one_action() {
        for action in Action::ALL {
            assert_eq!(Action::of(action.word()), Some(*action));
        }
        assert_eq!(Action::of("file.later"), None);
    }
}
