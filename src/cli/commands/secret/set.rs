//! `strongroom secret set`.

use clap::Args;

use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::secret_value::{Field, ValueFlags};
use crate::cli::unlocking::open;
use crate::cli::views::Secret;
use crate::error::{Error, NotFound};
use crate::failure::Failure;
use crate::format::secret::SecretField;
use crate::vault::{Before, Effect, SecretEdit};

/// Store a secret, or change it.
///
/// Asks for the secret, unless it comes from elsewhere. What you do not name stays as it is: to change only the user, for
/// example, give only --user. Each change is kept as a version, the last ten of them: see `strongroom secret history`.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret set portal --project acme --user jo\n\
                         Change only the address: strongroom secret set portal --url https://portal.example")]
pub struct Set {
    /// The secret's name
    name: String,
    /// The project that it belongs to: `strongroom project destroy` deletes it with the project
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
    /// The account
    #[arg(long, value_name = "TEXT")]
    user: Option<String>,
    /// Where it is used (may be given several times; replaces the earlier addresses)
    #[arg(long = "url", value_name = "URL")]
    urls: Vec<String>,
    /// A word to find it by (may be given several times; replaces the earlier tags)
    #[arg(long = "tag", value_name = "TEXT")]
    tags: Vec<String>,
    /// What is stored: password, totp (what one-time codes are made of), note, or a name of your own
    #[arg(long, value_name = "FIELD", default_value = "password")]
    field: Field,
    /// Show this field without being asked for it by name; only for a field with a name of your own
    #[arg(long)]
    open: bool,
    /// Delete the field instead of storing something in it
    #[arg(long, conflicts_with_all = ["from_file", "from_fd", "open"])]
    clear: bool,
    #[command(flatten)]
    value: ValueFlags,
    /// Refuse to change a secret that exists
    #[arg(long)]
    new: bool,
}

impl Set {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, project, user, urls, tags, field, open: is_open, clear, value, new } = self;
        if is_open && !matches!(field, Field::Own(_)) {
            return Err(Failure::usage(format!("a {field} is always hidden")).hint("leave out --open"));
        }
        if !field.is_in_value() {
            return Err(Failure::usage(format!("{field} is not a hidden field")).hint("give --user TEXT or --url URL"));
        }
        value.check_apart_from_password(context)?;
        let mut edit = SecretEdit {
            user,
            urls: (!urls.is_empty()).then_some(urls),
            tags: (!tags.is_empty()).then_some(tags),
            project: project.map(Some),
            ..SecretEdit::default()
        };
        let is_told = edit.user.is_some() || edit.urls.is_some() || edit.tags.is_some() || edit.project.is_some();
        let doing = format!("store secret {name:?}");
        let failed = |error| Failure::of(&doing, error);
        let given = value.read()?;
        let mut vault =
            open(context, Uses::Secret { name: &name, project: edit.project.as_ref().and_then(Option::as_deref) })?;
        let is_there = match vault.secret(&name) {
            Ok(_) => true,
            Err(Error::NotFound(NotFound::Secret { .. })) => false,
            Err(error) => return Err(failed(error)),
        };
        let text = match given {
            Some(text) => Some(text),
            None if clear => Some(Default::default()),
            None if is_there && is_told => None,
            None => Some(value.ask(context, &field)?),
        };
        match (field, text) {
            (_, None) | (Field::User | Field::Urls, _) => {}
            (Field::Password, text) => edit.password = text,
            (Field::Totp, text) => edit.totp = text,
            (Field::Note, text) => edit.note = text,
            (Field::Own(name), Some(value)) => edit.fields = vec![SecretField { name, value, hidden: !is_open }],
        }
        let before = if new { Before::None } else { Before::Any };
        let effect = vault.edit_secret(&name, edit, before).map_err(failed)?;
        let secret = vault.secret(&name).map_err(failed)?;
        let text = match (effect, is_there) {
            (Effect::AlreadySo, _) => "was so already; nothing was changed",
            (_, true) => "is changed",
            (_, false) => "is stored",
        };
        context.output.done(format!("secret {} {text}", secret.name), &Secret::from(&secret))
    }
}
