//! `strongroom vault rotate`, and what other commands that rotate the data key share with it.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::recovery;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::kit::{self, KitFlags, Making};
use crate::crypto::secret::Password;
use crate::error::Error;
use crate::vault::{NextKit, Rotation, Settle, Unlocked};

/// Rotate the data key, so that older copies of the vault file no longer open.
///
/// Encrypted files stay as they are. The keychain is given time to keep the new key before the vault moves to it: until
/// the machine starts again, or for 20 minutes; a later command finishes the rotation by itself. A keychain file needs
/// no waiting. Every recovery kit ends: a new one is made, unless told otherwise. Other machines that use this vault
/// file need a kit afterwards.
#[derive(Debug, Args)]
pub struct Rotate {
    /// Finish at once; a power cut in the next minutes could then leave the vault to a recovery kit alone
    #[arg(long)]
    settle_now: bool,
    /// Keep the recovery kit whose code is typed, or stands in --kit-file
    #[arg(long, conflicts_with_all = ["recovery_file", "no_recovery"])]
    keep_kit: bool,
    /// Read the code of the kit to keep from a file that holds it alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "keep_kit")]
    kit_file: Option<PathBuf>,
    /// Begin a new rotation though one is under way here, or on another machine, or has just been finished
    #[arg(long)]
    anew: bool,
    #[command(flatten)]
    kit: KitFlags,
}

impl Rotate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let doing = "rotate the data key";
        context.with_unlocked_by(|vault, password| {
            vault.check_writable().map_err(|error| Failure::of(doing, error))?;
            let failed = |error| Failure::of(doing, error);
            match vault.rotation() {
                _ if self.anew => {}
                None if vault.finished_rotation() => {
                    self.tell_of_flags(context);
                    return report(context, vault, Rotation::Settled, None);
                }
                None => {}
                Some(Rotation::Elsewhere) => {
                    return Err(failed(Error::RotationUnderWay)
                        .hint("finish it on the machine that began it, or begin it anew here with --anew"));
                }
                Some(waits) => {
                    self.tell_of_flags(context);
                    let rotation = match self.settle_now {
                        true => vault.settle_rotation(&password, Settle::Now).map_err(failed)?,
                        false => waits,
                    };
                    return report(context, vault, rotation, None);
                }
            }
            if self.keep_kit {
                let secret = kit::read_secret(context, self.kit_file.as_deref())?;
                let begun = vault.rotate_data_key(&password, NextKit::Keep(&secret)).map_err(failed)?;
                let rotation = settle(vault, &password, begun, self.settle_now).map_err(failed)?;
                return report(context, vault, rotation, None);
            }
            let (rotation, making) =
                with_new_kit(context, vault, &self.kit, failed, |vault, kit| vault.rotate_data_key(&password, kit))?;
            let rotation = settle(vault, &password, rotation, self.settle_now).map_err(failed)?;
            report(context, vault, rotation, making.as_ref())
        })
    }

    /// Says of flags about kits that they came too late.
    fn tell_of_flags(&self, context: &Context) {
        if self.keep_kit || self.kit.recovery_file.is_some() {
            context.output.warn(
                "kit-not-made",
                "a rotation was under way already and goes on with the kits it was begun with: no kit was made or kept \
                 by this command",
            );
        }
    }
}

/// Finishes a rotation at once where that was asked for.
pub fn settle(
    vault: &mut Unlocked<'_>,
    password: &Password,
    begun: Rotation,
    settle_now: bool,
) -> Result<Rotation, Error> {
    match begun {
        Rotation::Waits { .. } if settle_now => {
            let settled = vault.settle_rotation(password, Settle::Now);
            settled.map_err(|cause| Error::RotationBegun { cause: Box::new(cause) })
        }
        other => Ok(other),
    }
}

/// Hands a new kit over as the flags have it, and then does what rotates the data key. The kit is proven afterwards.
pub fn with_new_kit(
    context: &Context,
    vault: &mut Unlocked<'_>,
    flags: &KitFlags,
    failed: impl Fn(Error) -> Failure,
    rotate: impl FnOnce(&mut Unlocked<'_>, NextKit<'_>) -> Result<Rotation, Error>,
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

/// Tells in a line or two how far a rotation is.
pub fn rotation_text(rotation: Rotation) -> String {
    match rotation {
        Rotation::Settled => {
            "the data key is rotated: vault files from before no longer open with this machine's keychain".into()
        }
        Rotation::Waits { left: Some(left) } => format!(
            "the rotation of the data key is under way: the keychain is given time to keep the new key. The first \
             command that unlocks the vault after {} min, or after the machine has started again, finishes it; until \
             then older vault files still open",
            left.div_ceil(60)
        ),
        Rotation::Waits { left: None } => {
            "the rotation of the data key is under way: finish it with `strongroom vault rotate --settle-now` once \
             the machine has started again; until then older vault files still open"
                .into()
        }
        Rotation::Elsewhere => "a rotation of the data key is under way on another machine".into(),
    }
}

/// Tells in JSON how far a rotation is.
pub fn rotation_json(rotation: Rotation) -> Value {
    match rotation {
        Rotation::Settled => json!({"state": "settled", "seconds_left": 0}),
        Rotation::Waits { left } => json!({"state": "waiting", "seconds_left": left}),
        Rotation::Elsewhere => json!({"state": "elsewhere", "seconds_left": null}),
    }
}

/// Says what a rotation means for backups.
pub fn old_backups(rotation: Rotation) -> String {
    let since = if rotation == Rotation::Settled { "" } else { "once it is finished, " };
    format!(
        "\n{since}old backups no longer open with this machine's keychain, but with a kit of their time, a kept one \
         too: destroy them, and make a new one with `strongroom vault backup FILE`"
    )
}

/// Says which papers are to be destroyed.
pub fn papers(vault: &Unlocked<'_>) -> String {
    let ended: Vec<String> = vault
        .kits()
        .iter()
        .filter(|kit| !kit.valid && kit.destroyed.is_none())
        .map(|kit| kit.number.to_string())
        .collect();
    if ended.is_empty() {
        String::new()
    } else {
        format!(
            "\ndestroy the paper of kit {}: vault files of {} time still open with it. Then: strongroom recovery \
             revoke NUMBER --paper-destroyed",
            ended.join(" and kit "),
            if ended.len() == 1 { "its" } else { "their" }
        )
    }
}

fn report(context: &Context, vault: &Unlocked<'_>, rotation: Rotation, making: Option<&Making>) -> Result<(), Failure> {
    let mut text = rotation_text(rotation);
    if let Some(making) = making {
        text += &format!("\nrecovery kit {} opens the vault, now and afterwards", making.kit.number());
    }
    let kits = vault.kits();
    if rotation == Rotation::Settled {
        text += &old_backups(rotation);
        text += &papers(vault);
        text += &recovery::valid_left(vault);
    } else if kits.iter().any(|kit| kit.valid) {
        text +=
            "\nkeep every kit until the rotation is finished; only one that is made or kept with it is good afterwards";
    }
    let mut json = rotation_json(rotation);
    json["kit"] = making.map(|making| making.kit.number()).into();
    json["kits"] = kits.iter().map(recovery::to_json).collect();
    context.output.done(&text, &json)
}
