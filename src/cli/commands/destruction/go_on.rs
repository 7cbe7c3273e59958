//! `strongroom destruction continue`.

use clap::Args;

use super::steps::{self, StepFlags};
use super::wording;
use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::rotation::RotationFlags;
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::DestructionOf;
use crate::failure::{Exit, Failure};
use crate::format::log::Action;
use crate::vault::{Rotation, SecretsOfProject, Settle, SharedKeys};
use crate::words::{command, words};

/// Go on with a destruction, as far as that is possible now
///
/// It takes the steps that are not done yet: looks for decrypted files, removes the keys, finishes the rotation of the
/// data key, and tries each encrypted file below --roots with every key of the vault. When all is done, it closes the
/// record.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom destruction continue acme --roots /media/ada/PROJECTS/acme")]
pub struct GoOn {
    /// The project
    name: String,
    /// If its keys are to be removed yet: remove them even if another project of this vault holds one of them
    #[arg(long)]
    keep_shared: bool,
    /// If its keys are to be removed yet: keep its secrets, which belong to no project then
    #[arg(long)]
    keep_secrets: bool,
    #[command(flatten)]
    steps: StepFlags,
    #[command(flatten)]
    rotation: RotationFlags,
}

impl GoOn {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let name = &self.name;
        let doing = Doing::to_project(Action::DestructionStep, Some(name)).subject("the destruction goes on");
        let (mut vault, password) = unlock_with_password(context, &doing)?;
        let failed = |error| Failure::of(format!("go on with the destruction of project {name:?}"), error);
        let project = vault.project(name).map_err(failed)?;
        if project.destruction.is_none() {
            return Err(not_ordered(name, project.destroyed.is_some()));
        }
        let said = interrupt::say("the destruction is on record, and goes on later", "");
        if project.destroyed.is_none() {
            let allowed = if self.keep_shared { SharedKeys::Allowed } else { SharedKeys::Refused };
            let secrets = if self.keep_secrets { SecretsOfProject::Kept } else { SecretsOfProject::Deleted };
            vault.check_destroyable(name, allowed).map_err(failed)?;
            self.rotation.carry_out(context, &mut vault, &password, None, failed, |vault, kit| {
                steps::look_for_copies(context, vault, name, &self.steps)?;
                vault.destroy_project(name, &password, kit, allowed, secrets)
            })?;
        } else if self.rotation.settle_now && matches!(vault.rotation(), Some(Rotation::Waits { .. })) {
            vault.settle_rotation(&password, Settle::Now).map_err(failed)?;
        }
        steps::go_on(context, &mut vault, name, &self.steps)?;
        drop(said);
        let shown = DestructionOf::of(&vault.project(name).map_err(failed)?);
        let text = wording::text(&shown, &vault, name).map_err(failed)?;
        vault.done();
        context.output.done(text, &shown)
    }
}

/// Says that no destruction of a project is on record.
pub fn not_ordered(name: &str, is_destroyed: bool) -> Failure {
    let failure =
        Failure::new(Exit::NotFound, "no-destruction", format!("no destruction of project {name:?} is on record"));
    match is_destroyed {
        true => failure.cause("its keys were removed by a version of Strongroom that kept no record of it"),
        false => failure.hint(words!["order it with ", command("project destroy").arg(name)]),
    }
}
