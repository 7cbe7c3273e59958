//! `strongroom key show`.

use clap::Args;

use super::format::{Format, encode};
use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::output::{print_whole, stdout_is_terminal, to_secret_json};
use crate::cli::unlocking::open;
use crate::cli::views::ShownKey;
use crate::failure::Failure;
use crate::format::log::Action;

/// Print a project's file key, so that another program can decrypt its files
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key show acme")]
pub struct Show {
    /// The project
    project: String,
    /// Which version [default: the current one]
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// The format of the printed key
    #[arg(long, value_enum, default_value_t = Format::Base64)]
    format: Format,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if self.format == Format::Raw && context.output.json {
            return Err(
                Failure::usage("raw bytes cannot be written in JSON").hint("leave out --json, or use --format base64")
            );
        }
        if self.format == Format::Raw && stdout_is_terminal() {
            return Err(Failure::usage("raw bytes are not for a terminal")
                .hint("send them to a file or a pipe, or use --format base64"));
        }
        let doing = Doing::to_project(Action::KeyShow, Some(&self.project)).printed();
        let mut vault = open(context, Uses::Project(&self.project), &doing)?;
        let found = vault
            .file_key(&self.project, self.version)
            .map_err(|error| Failure::of(format!("show the key of {:?}", self.project), error))?;
        vault.done();
        let encoded = encode(&found.key, self.format);
        if context.output.json {
            let text = std::str::from_utf8(&encoded).unwrap_or_default().trim_end();
            let shown = ShownKey { project: &found.project, version: found.version, key: text };
            // As much as the name takes where each of its bytes is escaped.
            return print_whole(&to_secret_json(&shown, 6 * shown.project.len() + text.len() + 64));
        }
        print_whole(&encoded)
    }
}
