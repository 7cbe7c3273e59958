//! `strongroom secret set`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::generating::GeneratorFlags;
use crate::cli::open_vault::Uses;
use crate::cli::secret_value::{Field, ValueFlags};
use crate::cli::unlocking::open;
use crate::cli::views::Secret;
use crate::crypto::secret::SecretText;
use crate::error::{Error, NotFound};
use crate::failure::{Exit, Failure};
use crate::format::log::Action;
use crate::format::secret::SecretField;
use crate::secrets::generator::Policy;
use crate::secrets::otp::Otp;
use crate::vault::{Before, Effect, OpenVault, SecretEdit};

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
    /// Generate a password; the next flags say what it is like
    #[arg(long, conflicts_with_all = ["from_file", "from_fd", "clear"])]
    generate: bool,
    #[command(flatten)]
    generator: Option<GeneratorFlags>,
    /// Refuse to change a secret that exists
    #[arg(long)]
    new: bool,
}

impl Set {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { name, project, user, urls, tags, field, open: is_open, clear, value, generate, generator, new } =
            self;
        if generator.is_some() && !generate {
            return Err(Failure::usage("these flags say what is generated, and nothing is").hint("add --generate"));
        }
        if generate && field == Field::Totp {
            return Err(Failure::usage("what one-time codes are made of comes from the other system")
                .hint("leave out --generate, and paste what it shows"));
        }
        let policy = generate.then(|| generator.unwrap_or_default().policy()).transpose()?;
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
        let mut vault = open(
            context,
            Uses::Secret { name: &name, project: edit.project.as_ref().and_then(Option::as_deref) },
            &Doing::to_vault(Action::SecretSet).subject(&name),
        )?;
        let is_there = match vault.secret(&name) {
            Ok(_) => true,
            Err(Error::NotFound(NotFound::Secret { .. })) => false,
            Err(error) => return Err(failed(error)),
        };
        let text = match (given, policy) {
            (Some(text), _) => Some(text),
            (None, Some(policy)) => Some(new_password(&policy, &*vault, &name, &field, is_there).map_err(failed)?),
            (None, None) if clear => Some(Default::default()),
            (None, None) if is_there && is_told => None,
            (None, None) => Some(value.ask(context, &field)?),
        };
        if let (Field::Totp, Some(text)) = (&field, text.as_ref().filter(|text| !text.is_empty())) {
            Otp::parse(text.expose()).map_err(|error| {
                Failure::new(Exit::Usage, "bad-otp", format!("cannot {doing}"))
                    .cause(error.to_string())
                    .hint("give the seed or the otpauth URI that the other system shows for an authenticator app")
            })?;
        }
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
        vault.done();
        context.output.done(format!("secret {} {text}", secret.name), &Secret::from(&secret))
    }
}

/// What can be guessed with fewer bits than this may come twice by chance.
const FEW_BITS: f64 = 64.0;

/// Generates a password that no version of the secret has in this field.
fn new_password(
    policy: &Policy,
    vault: &dyn OpenVault,
    name: &str,
    field: &Field,
    is_there: bool,
) -> Result<SecretText, Error> {
    let versions = if is_there && policy.bits() < FEW_BITS { vault.secret(name)?.versions.len() } else { 0 };
    let earlier = (1..=versions).map(|version| vault.secret_value(name, Some(version)));
    let earlier = earlier.collect::<Result<Vec<_>, _>>()?;
    loop {
        let generated = policy.generate()?;
        let text = generated.expose();
        if earlier.iter().all(|value| field.text_in(value) != Some(text)) {
            return Ok(SecretText::new(text.to_owned()));
        }
    }
}
