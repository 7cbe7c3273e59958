//! `strongroom secret otp`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use zeroize::Zeroizing;

use crate::cli::access::Doing;
use crate::cli::clip::{ClipFlag, copy};
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::output::{print, print_whole, stdout_is_terminal, to_json, to_secret_json};
use crate::cli::unlocking::open;
use crate::cli::views::{CopiedField, OneTimeCode};
use crate::crypto::secret::SecretText;
use crate::failure::{Exit, Failure};
use crate::format::log::{Action, Destination};
use crate::secrets::otp::Otp;
use crate::words::{command, counted, words};

/// Print the one-time code of now (TOTP), as an authenticator app shows it.
///
/// What codes are made of is stored with `strongroom secret set NAME --field totp`: the seed or the otpauth URI that the
/// other system shows as a QR code.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret otp portal\n\
                         To the clipboard: strongroom secret otp portal --clip")]
pub struct OneTime {
    /// The secret's name
    name: String,
    #[command(flatten)]
    clip: ClipFlag,
}

impl OneTime {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, clip: ClipFlag { clip } } = self;
        if let Some(clip) = clip {
            clip.check()?;
        }
        let doing = format!("make a one-time code of secret {name:?}");
        let doing_so = Doing::to_vault(Action::SecretShow).subject(&name);
        let doing_so = if clip.is_some() { doing_so.to(Destination::Clipboard) } else { doing_so.printed() };
        let mut vault = open(context, Uses::Secret { name: &name, project: None }, &doing_so)?;
        let value = vault.secret_value(&name, None).map_err(|error| Failure::of(&doing, error))?;
        if value.totp.is_empty() {
            return Err(Failure::new(Exit::NotFound, "field-not-found", format!("cannot {doing}"))
                .cause("it has nothing that codes are made of")
                .hint(words!["store it with ", command("secret set").arg(&name).then("--field totp")]));
        }
        let otp = Otp::parse(value.totp.expose()).map_err(|error| {
            Failure::new(Exit::Failed, "bad-otp", format!("cannot {doing}"))
                .cause(error.to_string())
                .hint(words!["store it anew with ", command("secret set").arg(&name).then("--field totp")])
        })?;
        vault.done();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (code, seconds_left) = otp.code_at(now);
        if let Some(clip) = clip {
            copy(context, &SecretText::new(code.as_str().to_owned()), clip)?;
            if context.output.json {
                let copied = CopiedField { secret: &name, field: "code", seconds: clip.seconds() };
                print(format!("{}\n", to_json(&copied)).as_bytes())?;
            }
            return Ok(());
        }
        if context.output.json {
            let shown = OneTimeCode { secret: &name, code: &code, seconds_left };
            return print_whole(&to_secret_json(&shown, shown.room()));
        }
        print_whole(&Zeroizing::new([code.as_bytes(), b"\n"].concat()))?;
        if stdout_is_terminal() {
            context.output.remark(format!("valid for another {}", counted(seconds_left, "second")));
        }
        Ok(())
    }
}
