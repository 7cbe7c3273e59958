//! Rotations of the data key, as several commands start them: the flags, the kit that is handed over, the report.

use std::path::PathBuf;

use super::agent;
use super::context::Context;
use super::interrupt;
use super::kit::{self, KitFlags, Making};
use super::views::{self, RotatedDataKey, papers, valid_left};
use crate::crypto::secret::Password;
use crate::error::{Begun, Error};
use crate::failure::Failure;
use crate::format::kit::KitName;
use crate::vault::{NextKit, Rotation, Settle, Unlocked};
use crate::words::{Words, command, words};
use clap::{Args, ValueHint};

/// What fails if a rotation does.
pub const DOING: &str = "rotate the data key";
/// What is so before a rotation is begun.
pub const NOT_BEGUN: &str = "no rotation of the data key was started";
/// What is so while one is begun.
pub const MAY_BE_BEGUN: &str = "a rotation of the data key may or may not have been started";

/// What tells whether it was begun.
pub fn see_state() -> Words {
    words!["see with ", command("status --unlock")]
}

/// How a command rotates the data key, and what becomes of the recovery kits.
#[derive(Debug, Default, Args)]
pub struct RotationFlags {
    /// Finish the rotation at once; after a power cut in the next minutes, perhaps only a recovery kit opens the vault
    #[arg(long)]
    pub settle_now: bool,
    /// Keep the recovery kit whose code is typed, or is in --kit-file
    #[arg(long, conflicts_with_all = ["recovery_file", "no_recovery"])]
    pub keep_kit: bool,
    /// Read the code of the kit to keep from a file that holds it alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "keep_kit")]
    pub kit_file: Option<PathBuf>,
    #[command(flatten)]
    pub kit: KitFlags,
}

impl RotationFlags {
    /// Does what begins a rotation of the data key, with the kit that these flags and the terminal name, and finishes
    /// it at once if that was asked for. `revoked` is a kit that is to end with it. Returns the new kit, if one was
    /// made.
    ///
    /// # Errors
    /// Where kits would end unasked; those of handing over a kit; those of `rotate`, as `failed` tells them.
    pub fn carry_out(
        &self,
        context: &Context,
        vault: &mut Unlocked,
        password: &Password,
        revoked: Option<KitName>,
        failed: impl Fn(Error) -> Failure,
        rotate: impl FnOnce(&mut Unlocked, NextKit<'_>) -> Result<Rotation, Error>,
    ) -> Result<(Rotation, Option<Making>), Failure> {
        let (begun, making) = if self.keep_kit {
            let secret = kit::read_secret(context, self.kit_file.as_deref())?;
            (rotate(vault, NextKit::Keep(&secret)).map_err(&failed)?, None)
        } else {
            self.refuse_to_end_kits(context, vault, revoked)?;
            with_new_kit(context, vault, &self.kit, &failed, rotate)?
        };
        agent::lock_after_change(context);
        Ok((settle(vault, password, begun, self.settle_now).map_err(failed)?, making))
    }

    /// Refuses to end a kit that opens the vault, unless somebody is there to be handed another one or has said so.
    fn refuse_to_end_kits(&self, context: &Context, vault: &Unlocked, revoked: Option<KitName>) -> Result<(), Failure> {
        let is_settled = self.kit.recovery_file.is_some() || self.kit.no_recovery || context.terminal().is_some();
        let valid = vault.kits().into_iter().filter(|kit| kit.valid && Some(kit.name) != revoked);
        let numbers: Vec<String> = valid.map(|kit| kit.name.to_string()).collect();
        if is_settled || numbers.is_empty() {
            return Ok(());
        }
        let kits = if numbers.len() == 1 { "kit" } else { "kits" };
        Err(Failure::usage(format!(
            "recovery {kits} {} would open only older vault files after this rotation, and a new kit can be shown only at a \
             terminal",
            numbers.join(" and ")
        ))
        .hint(
            "add --keep-kit --kit-file FILE to keep the kit whose code is in FILE, --recovery-file FILE to make another, \
             or --no-recovery to have none",
        ))
    }
}

/// Rotates the data key, and reports it.
///
/// # Errors
/// As [`RotationFlags::carry_out`].
pub fn rotate(
    context: &Context,
    vault: &mut Unlocked,
    password: &Password,
    flags: &RotationFlags,
) -> Result<(), Failure> {
    let failed = |error| Failure::of(DOING, error);
    let said = interrupt::say(NOT_BEGUN, "");
    let (rotation, making) = flags.carry_out(context, vault, password, None, failed, |vault, kit| {
        said.replace(MAY_BE_BEGUN, see_state());
        vault.rotate_data_key(password, kit)
    })?;
    drop(said);
    report(context, vault, rotation, making.as_ref())
}

/// Finishes a rotation at once if that was asked for.
fn settle(vault: &mut Unlocked, password: &Password, begun: Rotation, settle_now: bool) -> Result<Rotation, Error> {
    match begun {
        Rotation::Waits { .. } if settle_now => {
            let settled = vault.settle_rotation(password, Settle::Now);
            settled.map_err(|cause| cause.after(Begun::Rotation))
        }
        other => Ok(other),
    }
}

/// Hands a new kit over as the flags have it, and then does what rotates the data key. The kit is proven afterwards.
fn with_new_kit(
    context: &Context,
    vault: &mut Unlocked,
    flags: &KitFlags,
    failed: impl Fn(Error) -> Failure,
    rotate: impl FnOnce(&mut Unlocked, NextKit<'_>) -> Result<Rotation, Error>,
) -> Result<(Rotation, Option<Making>), Failure> {
    let store = context.store()?;
    let making = kit::choose(context, vault, &store, flags, None)?;
    let rotated = rotate(vault, making.as_ref().map_or(NextKit::None, |making| NextKit::New(&making.kit)));
    let rotation = match (rotated, &making) {
        (Ok(rotation), _) => rotation,
        (Err(error @ Error::Unfinished { begun: Begun::Rotation, .. }), _) | (Err(error), None) => {
            return Err(failed(error));
        }
        // A write that was reported as failed may have been done: then the kit is as good as any.
        (Err(error), Some(making)) if making.prove(&store).is_ok() => return Err(failed(error)),
        (Err(error), Some(_)) => {
            kit::withdraw(flags.recovery_file.as_deref());
            return Err(failed(error).hint("the new kit opens nothing: throw its code away, and run the command again"));
        }
    };
    if let Some(making) = &making {
        making.prove(&store)?;
    }
    Ok((rotation, making))
}

/// Reports how far a rotation is, and what it means for kits and backups.
pub fn report(context: &Context, vault: &Unlocked, rotation: Rotation, making: Option<&Making>) -> Result<(), Failure> {
    let shown = views::Rotation::from(rotation);
    let mut text = shown.text();
    if let Some(making) = making {
        text += shown.new_kit(making.kit.name());
    }
    let kits = vault.kits();
    if rotation == Rotation::Settled {
        text += shown.old_backups();
        text += papers(vault);
        text += valid_left(vault);
    } else if kits.iter().any(|kit| kit.valid) {
        text += "\nkeep every kit until the rotation is finished; afterwards, only kits that this rotation made or \
                 kept still work";
    }
    let kit = making.map(|making| making.kit.name().to_string());
    let kits = kits.iter().map(views::Kit::from).collect();
    context.output.done(text, &RotatedDataKey { rotation: shown, kit, kits })
}
