//! `strongroom secret show`.

use clap::Args;
use zeroize::Zeroizing;

use crate::cli::access::Doing;
use crate::cli::clip::{Clip, ClipFlag, copy};
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::output::{print, print_whole, to_json, to_secret_json};
use crate::cli::secret_value::Field;
use crate::cli::unlocking::open;
use crate::cli::views::{ShownField, ShownSecret};
use crate::crypto::secret::SecretText;
use crate::failure::{Exit, Failure};
use crate::format::log::{Action, Destination};
use crate::words::{command, words};

/// Show a secret.
///
/// Without --field and --reveal, hidden fields are named and not shown. With --field, the field alone is printed, and one
/// newline: this is what scripts use. With --clip, nothing is printed: the password, or what --field names, is copied.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret show portal --field password\n\
                         To the clipboard: strongroom secret show portal --clip")]
pub struct Show {
    /// The secret's name
    name: String,
    /// Print this field alone: password, user, totp, note, urls, or a name of your own
    #[arg(long, value_name = "FIELD")]
    field: Option<Field>,
    /// Show the hidden fields, too
    #[arg(long, conflicts_with_all = ["field", "clip"])]
    reveal: bool,
    /// Show an earlier version, by its number in `strongroom secret history`
    #[arg(long, value_name = "N")]
    version: Option<usize>,
    #[command(flatten)]
    clip: ClipFlag,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, field, reveal, version, clip: ClipFlag { clip } } = self;
        let doing = format!("show secret {name:?}");
        let failed = |error| Failure::of(&doing, error);
        if let Some(clip) = clip {
            clip.check()?;
        }
        let field = field.or(clip.map(|_| Field::Password));
        let doing_so = Doing::to_vault(Action::SecretShow).subject(&name);
        let doing_so = if clip.is_some() { doing_so.to(Destination::Clipboard) } else { doing_so.printed() };
        let mut vault = open(context, Uses::Secret { name: &name, project: None }, &doing_so)?;
        // What a script asks for takes one question.
        if let Some(field) = field.as_ref().filter(|field| field.is_in_value()) {
            let value = vault.secret_value(&name, version).map_err(failed)?;
            let text = field.text_in(&value).ok_or_else(|| no_field(&doing, &name, field))?;
            vault.done();
            return give_out(context, &ShownField { secret: &name, field: field.as_str(), value: text }, clip);
        }
        let secret = vault.secret(&name).map_err(failed)?;
        vault.done();
        if let Some(field) = field {
            let text = field
                .text_of(&secret)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| no_field(&doing, &name, &field))?;
            return give_out(context, &ShownField { secret: &secret.name, field: field.as_str(), value: &text }, clip);
        }
        let value = vault.secret_value(&name, version).map_err(failed)?;
        let shown = ShownSecret::new(&secret, &value, version, reveal);
        if context.output.json {
            return print_whole(&to_secret_json(&shown, shown.room()));
        }
        print_whole(shown.text().as_bytes())
    }
}

/// Prints a field, or copies it.
fn give_out(context: &Context, field: &ShownField<'_>, clip: Option<Clip>) -> Result<(), Failure> {
    if let Some(clip) = clip {
        copy(context, &SecretText::new(field.value.to_owned()), clip)?;
        if context.output.json {
            print(format!("{}\n", to_json(&field.copied(clip.seconds()))).as_bytes())?;
        }
        return Ok(());
    }
    if context.output.json {
        return print_whole(&to_secret_json(field, field.room()));
    }
    print_whole(&Zeroizing::new([field.value.as_bytes(), b"\n"].concat()))
}

fn no_field(doing: &str, name: &str, field: &Field) -> Failure {
    Failure::new(Exit::NotFound, "field-not-found", format!("cannot {doing}"))
        .cause(format!("it has no {field}"))
        .hint(words!["see what it has with ", command("secret show").arg(name)])
}
