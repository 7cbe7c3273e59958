//! `strongroom vault rotate`, and what other commands that rotate the data key share with it.

use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::kit::{self, KitFlags, Making};
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::{self, RotatedDataKey, papers, valid_left};
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::failure::Failure;
use crate::format::kit::KitName;
use crate::vault::{NextKit, Rotation, Settle, Unlocked};
use clap::{Args, ValueHint};

const DOING: &str = "rotate the data key";
/// What is so before a rotation is begun.
pub const NOT_BEGUN: &str = "no rotation of the data key was started";
/// What is so while one is begun, and what tells more.
pub const MAY_BE_BEGUN: [&str; 2] =
    ["a rotation of the data key may or may not have been started", "see with `strongroom status --unlock`"];

/// Rotate the data key, so that older copies of the vault file no longer open.
///
/// Encrypted files stay as they are. The keychain is given time to keep the new key before the vault moves to it: until
/// the computer starts again, or for 20 minutes; a later command finishes the rotation by itself. A keychain file needs
/// no waiting. Every recovery kit ends: a new one is made, unless told otherwise. Other computers that use this vault
/// file need a kit afterwards.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom vault rotate")]
pub struct Rotate {
    /// Start another rotation even if one is under way here or on another computer, or has just finished
    #[arg(long)]
    anew: bool,
    #[command(flatten)]
    flags: RotationFlags,
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
            "recovery {kits} {} would stop working with this rotation, and there is no terminal to make another at",
            numbers.join(" and ")
        ))
        .hint(
            "add --keep-kit --kit-file FILE to keep the kit whose code is in FILE, --recovery-file FILE to make another, \
             or --no-recovery to have none",
        ))
    }
}

impl Rotate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let (mut vault, password) = unlock_with_password(context)?;
        vault.check_writable().map_err(|error| Failure::of(DOING, error))?;
        let failed = |error| Failure::of(DOING, error);
        match vault.rotation() {
            _ if self.anew => {}
            None if vault.finished_rotation() => {
                self.tell_of_flags(context);
                return report(context, &vault, Rotation::Settled, None);
            }
            None => {}
            Some(Rotation::Elsewhere) => {
                return Err(failed(Error::RotationUnderWay)
                    .hint("finish it on the computer that started it, or start another here with --anew"));
            }
            Some(waits) => {
                self.tell_of_flags(context);
                let rotation = match self.flags.settle_now {
                    true => vault.settle_rotation(&password, Settle::Now).map_err(failed)?,
                    false => waits,
                };
                return report(context, &vault, rotation, None);
            }
        }
        rotate(context, &mut vault, &password, &self.flags)
    }

    /// Says of flags about kits that they came too late.
    fn tell_of_flags(&self, context: &Context) {
        if self.flags.keep_kit || self.flags.kit.recovery_file.is_some() {
            context.output.warn(
                "kit-not-made",
                "a rotation was already under way and continues with the kits it was started with: this command made \
                 or kept no kit",
            );
        }
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
    let words = interrupt::say(NOT_BEGUN, "");
    let (rotation, making) = flags.carry_out(context, vault, password, None, failed, |vault, kit| {
        let [so, hint] = MAY_BE_BEGUN;
        words.replace(so, hint);
        vault.rotate_data_key(password, kit)
    })?;
    drop(words);
    report(context, vault, rotation, making.as_ref())
}

/// Finishes a rotation at once if that was asked for.
fn settle(vault: &mut Unlocked, password: &Password, begun: Rotation, settle_now: bool) -> Result<Rotation, Error> {
    match begun {
        Rotation::Waits { .. } if settle_now => {
            let settled = vault.settle_rotation(password, Settle::Now);
            settled.map_err(|cause| Error::RotationBegun { cause: Box::new(cause) })
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
    let making = kit::choose(context, vault, &store, flags, false)?;
    let rotated = rotate(vault, making.as_ref().map_or(NextKit::None, |making| NextKit::New(&making.kit)));
    let rotation = match (rotated, &making) {
        (Ok(rotation), _) => rotation,
        (Err(error @ Error::RotationBegun { .. }), _) | (Err(error), None) => return Err(failed(error)),
        // A write that was reported as failed may have been done: then the kit is as good as any.
        (Err(error), Some(making)) if making.prove(&store).is_ok() => return Err(failed(error)),
        (Err(error), Some(_)) => {
            kit::withdraw(flags.recovery_file.as_deref());
            return Err(
                failed(error).hint("the kit that was made opens nothing: throw its code away, and run it again")
            );
        }
    };
    if let Some(making) = &making {
        making.prove(&store)?;
    }
    Ok((rotation, making))
}

fn report(context: &Context, vault: &Unlocked, rotation: Rotation, making: Option<&Making>) -> Result<(), Failure> {
    let shown = views::Rotation::from(rotation);
    let mut text = shown.text();
    if let Some(making) = making {
        text += &format!("\nrecovery kit {} opens the vault, now and afterwards", making.kit.name());
    }
    let kits = vault.kits();
    if rotation == Rotation::Settled {
        text += &shown.old_backups();
        text += &papers(vault);
        text += &valid_left(vault);
    } else if kits.iter().any(|kit| kit.valid) {
        text +=
            "\nkeep every kit until the rotation is finished; only one that is made or kept with it is good afterwards";
    }
    let kit = making.map(|making| making.kit.name().to_string());
    let kits = kits.iter().map(views::Kit::from).collect();
    context.output.done(&text, &RotatedDataKey { rotation: shown, kit, kits })
}
