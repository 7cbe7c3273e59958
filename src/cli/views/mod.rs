//! What the program shows: one type for each thing. It serializes to the JSON that docs/cli.md lists, and its text is
//! made of the same fields. docs/schema has a JSON Schema for each; members are only ever added.

mod access;
mod agent;
mod copied;
mod destruction;
mod due;
mod engagement;
mod exit_code;
mod files;
mod finding;
mod generated;
mod imported;
mod inspected;
mod kit;
mod message;
mod project;
mod report;
mod rotation;
#[cfg(test)]
mod schemas;
mod secret;
mod setting;
mod status;
mod swept;
mod vault;

pub use access::{
    AcceptedLog, ExportedLog, ForgottenEntries, LogRules, LoggedAccess, VerifiedLog, accesses_text, is_elsewhere,
    logs_text,
};
#[cfg_attr(not(unix), allow(unused_imports, reason = "nothing is kept unlocked there yet"))]
pub use agent::{Agent, LockedVault, UnlockedVault};
pub use copied::CopiedField;
#[cfg(test)]
pub use copied::CopiedPassword;
pub use destruction::{CheckedCertificate, DestructionOf, MadeCertificate};
pub use due::{DueProject, OldKey, due_text};
pub use exit_code::{ExitCode, exit_codes_text};
pub use files::{
    Archived, DecryptedFile, EncryptedFile, EncryptedInNewVault, FilesOfVersion, ReencryptedFile, Rewrap, RewrapState,
    RewrappedFile, VerifiedFile,
};
pub use finding::{Finding, RemovedItems};
pub use generated::ShownPassword;
pub use imported::{CleanUp, DetectedFile, ImportedFile, ImportedFiles, ImportedFolder, ImportedMember};
pub use inspected::InspectedFile;
pub use kit::{Kit, NewKit, TestedKit, destroy_paper, kits_text, papers, valid_left};
pub use message::{Progress, ProgressLine, ReportedError, Warning, WithPassword};
pub use project::{ImportedKey, KeyList, KeyVersion, NewKey, Project, RetiredKey, ShownKey, projects_text};
pub use report::{FollowedReport, KeyKnown, MadeReport, Rendered, SigningKeys, VerifiedReport, identity};
pub use rotation::{DestroyedProject, RevokedKit, RotatedDataKey, Rotation, SharedKeyVersion};
pub use secret::{
    ExportedSecrets, ImportedSecrets, OneTimeCode, PrunedSecrets, Secret, SecretHistory, ShownField, ShownSecret,
    SkippedInImport, secrets_text,
};
pub use setting::{Setting, settings_text};
pub use status::{NoKey, ProjectFileSeen, Status};
pub use swept::{OldCopies, Sweep};
pub use vault::{Backup, ChangedPassword, MergedVault, NewVault, RecoveredVault, RestoredVault, VaultPlace};
