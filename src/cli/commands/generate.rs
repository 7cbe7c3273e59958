//! `strongroom generate`.

use clap::Args;
use zeroize::Zeroizing;

use crate::cli::clip::{Clip, ClipFlag, copy};
use crate::cli::context::Context;
use crate::cli::generating::GeneratorFlags;
use crate::cli::output::{print, print_whole, stdout_is_terminal, to_json, to_secret_json};
use crate::cli::views::ShownPassword;
use crate::crypto::secret::SecretText;
use crate::failure::Failure;
use crate::secrets::generator::{Generated, Policy};

/// Generate a password for another system, and print it.
///
/// It is chosen by the system's random generator. Without flags, it has 20 characters: letters, digits and symbols.
/// Nothing is stored, and the vault is not opened.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom generate --length 24\n\
                         Of words: strongroom generate --words 7\n\
                         To the clipboard: strongroom generate --clip")]
pub struct Generate {
    #[command(flatten)]
    generator: GeneratorFlags,
    /// Print this many, each on a line; with --json, an array [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000),
          conflicts_with = "clip")]
    count: Option<u16>,
    #[command(flatten)]
    clip: ClipFlag,
}

impl Generate {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let policy = self.generator.policy()?;
        if let Some(clip) = self.clip.clip {
            return generate_to(context, &policy, clip);
        }
        let generate = |_| policy.generate().map_err(|error| Failure::of("generate a password", error));
        let all = (0..self.count.unwrap_or(1)).map(generate).collect::<Result<Vec<Generated>, _>>()?;
        let length: usize = all.iter().map(|generated| generated.expose().len()).sum();
        if context.output.json {
            let shown: Vec<ShownPassword<'_>> = all.iter().map(ShownPassword::from).collect();
            // None of their characters is escaped.
            let room = length + 64 * shown.len() + 8;
            return print_whole(&match (self.count, &shown[..]) {
                (None, [single]) => to_secret_json(single, room),
                _ => to_secret_json(&shown, room),
            });
        }
        let mut lines = Zeroizing::new(Vec::with_capacity(length + all.len()));
        for generated in &all {
            lines.extend_from_slice(generated.expose().as_bytes());
            lines.push(b'\n');
        }
        print_whole(&lines)?;
        if stdout_is_terminal() {
            let each = if all.len() > 1 { "each about" } else { "about" };
            context.output.remark(format!("{each} {} bits: {policy}", policy.bits().floor()));
        }
        Ok(())
    }
}

/// Generates a password that is copied.
fn generate_to(context: &Context, policy: &Policy, clip: Clip) -> Result<(), Failure> {
    clip.check()?;
    let generated = policy.generate().map_err(|error| Failure::of("generate a password", error))?;
    copy(context, &SecretText::new(generated.expose().to_owned()), clip)?;
    if context.output.json {
        return print(format!("{}\n", to_json(&ShownPassword::from(&generated).copied(clip.seconds()))).as_bytes());
    }
    if stdout_is_terminal() {
        context.output.remark(format!("about {} bits: {policy}", policy.bits().floor()));
    }
    Ok(())
}
