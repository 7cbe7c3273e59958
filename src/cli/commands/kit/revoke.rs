//! `strongroom kit revoke`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::kit::KitFlags;
use crate::cli::rotation::{self, RotationFlags};
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::{Kit, RevokedKit, Rotation, destroy_paper, papers, valid_left};
use crate::crypto::secret::Password;
use crate::error::{Begun, Error};
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::{Effect, KitInfo, Unlocked};
use crate::words::{Words, command, words};

/// End a kit.
///
/// The kit no longer opens the vault file. Whoever has its code and an older vault file can still open today's vault
/// until the data key is rotated; --rotate does that at once.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom kit revoke 1 --rotate")]
pub struct Revoke {
    /// The kit as it is called on its paper, such as 3-KT, or its number
    kit: String,
    /// Record that its paper was destroyed
    #[arg(long)]
    paper_destroyed: bool,
    /// Rotate the data key as well; the other flags are those of `vault rotate`
    #[arg(long)]
    rotate: bool,
    #[command(flatten)]
    rotation: RotationFlags,
}

impl Revoke {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let RotationFlags { settle_now, keep_kit, kit: KitFlags { recovery_file, no_recovery, allow_synced }, .. } =
            &self.rotation;
        let is_given = *settle_now || *keep_kit || recovery_file.is_some() || *no_recovery || *allow_synced;
        if is_given && !self.rotate {
            return Err(
                Failure::usage("these flags say how the data key is rotated, and it is not").hint("add --rotate")
            );
        }
        let (mut vault, password) = unlock_with_password(
            context,
            &Doing::to_vault(Action::KitRevoke).subject(format!("recovery kit {}", self.kit)),
        )?;
        let doing = format!("revoke kit {}", self.kit);
        let kit = vault.find_kit(&self.kit).map_err(|error| Failure::of(&doing, error))?;
        let name = kit.name;
        let failed = |error| {
            let is_begun = matches!(error, Error::Unfinished { begun: Begun::Rotation, .. });
            let mut failure = Failure::of(&doing, error);
            if is_begun {
                failure.message = format!("kit {name} is revoked, but the data key is not rotated yet");
            }
            failure
        };
        if self.rotate {
            return self.with_rotation(context, &mut vault, &password, &kit, failed);
        }
        let effect = vault.revoke_kit(name.id, self.paper_destroyed).map_err(failed)?;
        let kits = vault.kits();
        let revoked = kits.iter().find(|kit| kit.name == name);
        let is_paper_destroyed = revoked.is_some_and(|kit| kit.destroyed.is_some());
        let mut text = Words::from(match (effect, kit.ended) {
            (Effect::AlreadySo, Some(at)) if is_paper_destroyed => {
                format!("kit {name} ended on {at}; its paper is noted as destroyed; nothing was changed")
            }
            (Effect::AlreadySo, Some(at)) => format!("kit {name} ended on {at}; nothing was changed"),
            (Effect::Changed, Some(_)) => format!("noted: the paper of kit {name} is destroyed"),
            (_, None) => format!("kit {name} is revoked"),
        });
        // A rotation that is under way may have been begun with the kit, and what it wrote then is an older file.
        let rotate = if vault.rotation().is_some() { "vault rotate --anew" } else { "vault rotate" };
        let shown = Kit::from(revoked.unwrap_or(&kit));
        let offers = kit.valid && !self.paper_destroyed && !context.output.json && context.terminal().is_some();
        if offers {
            // What is said below is not true any more after a rotation.
            context.output.done(std::mem::take(&mut text), &shown)?;
            let _words = interrupt::say(
                format!("kit {name} is revoked"),
                words![format!("{}: ", still_opens(&kit)), command(rotate)],
            );
            if offer_rotation(context, &mut vault, &password)? {
                return Ok(());
            }
        }
        if !is_paper_destroyed {
            text += words![if offers { "" } else { "\n" }, format!("{}: ", still_opens(&kit)), command(rotate)];
            text += destroy_paper(name);
        }
        text += valid_left(&vault);
        vault.done();
        context.output.done(text, &shown)
    }

    fn with_rotation(
        &self,
        context: &Context,
        vault: &mut Unlocked,
        password: &Password,
        kit: &KitInfo,
        failed: impl Fn(Error) -> Failure,
    ) -> Result<(), Failure> {
        let name = kit.name;
        let so = if kit.valid { format!("kit {name} is not revoked; ") } else { String::new() };
        let said = interrupt::say(so + rotation::NOT_BEGUN, "");
        let (rotation, making) =
            self.rotation.carry_out(context, vault, password, Some(name), failed, |vault, kit| {
                let so = format!("kit {name} may be revoked or not; {}", rotation::MAY_BE_BEGUN);
                said.replace(so, rotation::see_state());
                vault.revoke_kit_and_rotate(name.id, self.paper_destroyed, password, kit)
            })?;
        drop(said);
        let rotation = Rotation::from(rotation);
        let mut text = Words::from(format!("kit {name} is revoked\n")) + rotation.text();
        if let Some(making) = &making {
            text += rotation.new_kit(making.kit.name());
        }
        text += rotation.old_backups();
        text += papers(vault);
        text += valid_left(vault);
        let kits = vault.kits();
        let revoked = kits.iter().find(|kit| kit.name == name).unwrap_or(kit);
        let new_kit = making.map(|making| making.kit.name().to_string());
        context.output.done(text, &RevokedKit { kit: revoked.into(), rotation, new_kit })
    }
}

/// Says what a kit that was revoked is still good for.
fn still_opens(kit: &KitInfo) -> String {
    let unless = if kit.valid { "until the data key is rotated" } else { "unless the data key was rotated since" };
    format!(
        "whoever has its code and an older vault file (a backup, a synced copy, vault.json.prev) can still open today's \
         vault {unless}"
    )
}

/// Offers to rotate the data key after a kit was revoked. Returns whether that was done.
fn offer_rotation(context: &Context, vault: &mut Unlocked, password: &Password) -> Result<bool, Failure> {
    let Some(mut terminal) = context.terminal() else { return Ok(false) };
    terminal.say(
        "\nA rotation shuts out whoever has the kit's code and an older vault file. After it, all other recovery kits \
         open only older vault files: you get a new kit. Other computers that use this vault need that kit then.",
    )?;
    if !terminal.ask("Rotate the data key now? [y/N]")?.to_lowercase().starts_with('y') {
        return Ok(false);
    }
    drop(terminal);
    rotation::rotate(context, vault, password, &RotationFlags::default()).map(|()| true)
}
