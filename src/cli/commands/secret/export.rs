//! `strongroom secret export`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::own_files::refuse_own_output;
use crate::cli::project_flags::OfProject;
use crate::cli::unlocking::unlock_with_password;
use crate::cli::views::ExportedSecrets;
use crate::failure::Failure;
use crate::files::Silent;
use crate::files::publish::OutputFile;
use crate::files::streams::{self, Source};
use crate::format::log::{Action, Destination};
use crate::secrets::export::{Exported, bitwarden_json};

/// Write secrets to a file, encrypted unless you say otherwise.
///
/// The file has the form of Bitwarden's export, which other password managers read too. It is encrypted with the
/// project's key: `strongroom decrypt` opens it. Earlier versions, tags, and what secrets were imported from are left
/// out. Asks for the master password, even while the vault is unlocked.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom secret export acme.json.sealed --project acme")]
pub struct Export {
    /// The new file
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    of: OfProject,
    /// Write the secrets of all projects, and those that belong to none
    #[arg(long)]
    all: bool,
    /// Write the secrets unencrypted: whoever gets the file has them all
    #[arg(long)]
    unencrypted: bool,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

impl Export {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { file, of, all, unencrypted, force } = self;
        refuse_own_output(context, &file)?;
        let project = if all && unencrypted { None } else { Some(of.decide(context)?.project) };
        let doing = format!("export secrets to {}", file.display());
        let failed = |error| Failure::of(&doing, error);
        let (mut vault, _) = unlock_with_password(
            context,
            &Doing::to_vault(Action::SecretExport).subject("secrets").to(Destination::Disk).place(&file),
        )?;
        let project = project.map(|name| vault.usable_project(&name)).transpose().map_err(failed)?;
        let project = project.map(|project| project.name);
        let secrets = vault.secrets();
        let chosen: Vec<_> = secrets.iter().filter(|secret| all || secret.project == project).collect();
        let values = chosen.iter().map(|secret| vault.secret_value(&secret.name, None));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let exported: Vec<Exported<'_>> = chosen
            .iter()
            .zip(&values)
            .map(|(secret, value)| Exported {
                id: secret.id,
                name: &secret.name,
                project: secret.project.as_deref(),
                kind: &secret.kind,
                user: &secret.user,
                urls: &secret.urls,
                value,
            })
            .collect();
        let bytes = bitwarden_json(&exported);
        match &project {
            Some(project) if !unencrypted => {
                let key = vault.sealing_key(project).map_err(failed)?;
                let mut reader = &bytes[..];
                let source = Source { name: "the secrets", reader: &mut reader, producer: None };
                streams::seal_to_file(key.sealing(), source, &file, force, 1, &Silent)?;
            }
            _ => {
                let output = OutputFile::create(&file, force)?;
                output.file().write_all(&bytes).map_err(|error| Failure::io(&doing, &error))?;
                output.publish()?;
            }
        }
        vault.done();
        let exported = ExportedSecrets {
            file: file.display().to_string(),
            secrets: chosen.len(),
            encrypted: !unencrypted,
            project: project.filter(|_| !unencrypted),
        };
        context.output.done(exported.text(), &exported)
    }
}
