//! The steps of a destruction, as `project destroy` and `destruction continue` take them: each is noted in the vault
//! when it is done, so that whoever comes next goes on there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::proof::{Proof, prove};
use crate::cli::access::{self, Doing};
use crate::cli::commands::report::surroundings::copies;
use crate::cli::context::Context;
use crate::cli::progress::Effort;
use crate::cli::rendering;
use crate::error::Error;
use crate::evidence::facts::Known;
use crate::failure::Failure;
use crate::files::find::open_found;
use crate::files::sweep::sealed_id;
use crate::format::log::Action;
use crate::format::name::printable;
use crate::vault::{DestructionRecord, Rotation, Stage, Unlocked};
use crate::words::{Words, command, counted, words};

/// The longest result of a step, in characters.
const RESULT: usize = 600;

/// How the steps of a destruction are taken.
#[derive(Debug, Args)]
pub struct StepFlags {
    /// The folders and files with the project's encrypted files: the record is closed when none of them opens any more
    #[arg(long, value_name = "PATH", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub roots: Vec<PathBuf>,
    /// Do not look for decrypted files; the record and the certificate say so
    #[arg(long)]
    pub no_sweep: bool,
    /// Delete the project's encrypted files below --roots after none of them opened
    #[arg(long, requires = "roots")]
    pub delete_files: bool,
    #[command(flatten)]
    pub effort: Effort,
}

/// Returns the record of a project's destruction.
pub fn record(vault: &Unlocked, name: &str) -> Result<Option<DestructionRecord>, Error> {
    Ok(vault.project(name)?.destruction)
}

/// Records in the access log what was done.
pub fn log(context: &Context, vault: &Unlocked, action: Action, name: &str, subject: String) {
    let doing = Doing::to_project(action, Some(name)).subject(subject);
    if let Ok(Some(mut begun)) = access::begin(context, vault, &doing) {
        begun.done();
        access::end(&context.output, vault, &begun);
    }
}

/// Notes a step in the vault, then in the access log.
fn note(context: &Context, vault: &mut Unlocked, name: &str, stage: Stage, result: &str) -> Result<(), Error> {
    let result: String = printable(result).chars().take(RESULT).collect();
    vault.note_destruction(name, stage, &result)?;
    log(context, vault, Action::DestructionStep, name, format!("{}: {result}", stage.word()));
    Ok(())
}

/// Looks for readable copies while the keys are there to compare them, and notes what was found. Returns how many stand
/// or are not clear.
///
/// # Errors
/// Those of a vault write.
pub fn look_for_copies(context: &Context, vault: &mut Unlocked, name: &str, flags: &StepFlags) -> Result<usize, Error> {
    let project = vault.project(name)?;
    if record(vault, name)?.is_some_and(|record| record.done(Stage::Copies).is_some()) {
        return Ok(0);
    }
    let mut left = 0;
    let result = match flags.no_sweep {
        true => "left out: decrypted files were not looked for".to_owned(),
        false => match copies(context, vault, &project, &flags.effort) {
            Ok(Known::Is(found)) => {
                let stand = found.files.iter().filter(|file| file.state.starts_with("stands")).count();
                let open =
                    found.files.iter().filter(|file| ["changed", "not-reachable"].contains(&&*file.state)).count();
                left = stand + open;
                format!(
                    "{} looked at: {stand} still on a disk, {open} not clear; {} searched",
                    counted(found.files.len(), "decrypted file"),
                    counted(found.searched, "file")
                )
            }
            Ok(Known::Not(why)) => format!("not known: {why}"),
            Err(failure) => format!("not known: {}", failure.cause.unwrap_or(failure.message)),
        },
    };
    note(context, vault, name, Stage::Copies, &result)?;
    Ok(left)
}

/// Takes each step that can be taken once the keys are gone.
///
/// # Errors
/// If encrypted files still open, or cannot be tried; those of a vault write.
pub fn go_on(context: &Context, vault: &mut Unlocked, name: &str, flags: &StepFlags) -> Result<(), Failure> {
    let doing = format!("go on with the destruction of project {name:?}");
    let failed = |error| Failure::of(&doing, error);
    let waits = |vault: &Unlocked| record(vault, name).map(|record| record.and_then(|record| record.waits_for()));
    if waits(vault).map_err(failed)? == Some(Stage::Settled) && vault.has_left_data_key(name) {
        let result = "the vault has another data key, and the wraps and the vault file of before are replaced on this \
                      computer";
        note(context, vault, name, Stage::Settled, result).map_err(failed)?;
    }
    let is_settled = record(vault, name).map_err(failed)?.is_some_and(|record| record.done(Stage::Settled).is_some());
    if is_settled && !flags.roots.is_empty() {
        let proof = prove(context, vault, name, &flags.roots)?;
        if waits(vault).map_err(failed)? == Some(Stage::Proved) {
            note(context, vault, name, Stage::Proved, &proof.says()).map_err(failed)?;
        }
        if flags.delete_files {
            delete(context, vault, name, &proof)?;
        }
    }
    if waits(vault).map_err(failed)?.is_none() && vault.project(name).map_err(failed)?.destruction.is_some() {
        let effect = vault.close_destruction(name).map_err(failed)?;
        if effect == crate::vault::Effect::Changed {
            log(context, vault, Action::DestructionClosed, name, "each step is done".into());
        }
    }
    Ok(())
}

/// Deletes the files that are on record as the project's and that did not open, one by one.
fn delete(context: &Context, vault: &mut Unlocked, name: &str, proof: &Proof) -> Result<(), Failure> {
    let (mut deleted, mut first) = (0, None);
    for (path, id) in &proof.own {
        let is_it = open_found(path, false).is_ok() && sealed_id(path) == Some(*id);
        let removed = match is_it {
            true => {
                std::fs::remove_file(path).map_err(|error| Failure::io(format!("delete {}", path.display()), &error))
            }
            false => Err(Failure::new(
                crate::failure::Exit::Failed,
                "changed",
                format!("{} is not deleted: another file is there by now", path.display()),
            )),
        };
        match removed {
            Ok(()) => deleted += 1,
            Err(failure) => {
                rendering::print(&failure, &context.output);
                first.get_or_insert(failure);
            }
        }
    }
    let folders: BTreeSet<&Path> = proof.own.iter().filter_map(|(path, _)| path.parent()).collect();
    let result = format!(
        "{deleted} of {} of the project deleted, in {}; {} left",
        counted(proof.own.len(), "encrypted file"),
        counted(folders.len(), "folder"),
        proof.own.len() - deleted + proof.strange
    );
    let failed = |error| Failure::of("note that files were deleted", error);
    note(context, vault, name, Stage::FilesDeleted, &result).map_err(failed)?;
    match first {
        None => Ok(()),
        Some(failure) => Err(Failure::new(failure.exit, failure.kind, "some encrypted files were not deleted")
            .hint("the errors above say why")),
    }
}

/// Says what an open destruction waits for, and what goes on with it.
pub fn waits_for(record: &DestructionRecord, rotation: Option<Rotation>, name: &str) -> Words {
    let go_on = || command("destruction continue").arg(name);
    match record.waits_for() {
        None => words!["it is not closed yet: ", go_on()],
        Some(Stage::Settled) => match rotation {
            Some(Rotation::Waits { left: Some(left) }) if left > 0 => words![
                format!(
                    "it waits for the keychain, which gets time to store the new data key: restart the computer or wait \
                     {} min, then ",
                    left.div_ceil(60)
                ),
                go_on()
            ],
            Some(Rotation::Waits { left: Some(_) }) => words!["the keychain has had its time: ", go_on()],
            Some(Rotation::Waits { left: None }) => {
                words!["it waits for the keychain: restart the computer, then ", go_on()]
            }
            Some(Rotation::Elsewhere) => {
                words!["it waits for the rotation of the data key on another computer; then ", go_on()]
            }
            _ => words!["it waits for a rotation of the data key: ", command("vault rotate"), ", then ", go_on()],
        },
        Some(Stage::Proved) => words![
            "it waits for the proof that no encrypted file opens: ",
            command("destruction continue").arg(name).then("--roots FOLDER")
        ],
        Some(_) => words!["it waits for the keys to be removed: ", go_on()],
    }
}
