//! `strongroom key retire`.

use clap::Args;

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::unlocking::open;
use crate::cli::views::RetiredKey;
use crate::failure::Failure;
use crate::format::log::Action;
use crate::vault::Effect;
use crate::words::{Words, command, words};

/// Mark a key version as no longer used; it still opens files
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom key retire acme --version 1")]
pub struct Retire {
    /// The project
    project: String,
    /// Which version
    #[arg(long, value_name = "N")]
    version: u32,
    /// Undo the retirement
    #[arg(long)]
    undo: bool,
}

impl Retire {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let Self { project, version, undo } = self;
        let mut vault = open(context, Uses::Project(&project), &Doing::to_project(Action::KeyRetire, Some(&project)))?;
        let doing = format!("retire a key of {project:?}");
        let retired = vault.retire_file_key(&project, version, !undo);
        let text = match (retired.map_err(|error| Failure::of(doing, error))?, undo) {
            (Effect::Changed, true) => "is no longer retired".into(),
            (Effect::Changed, false) => {
                words!["is retired: it still opens files, and ", command("rewrap"), " moves them on"]
            }
            (Effect::AlreadySo, true) => "was not retired; nothing was changed".into(),
            (Effect::AlreadySo, false) => "was retired already; nothing was changed".into(),
        };
        let text = Words::from(format!("version {version} of {project}'s key ")) + text;
        vault.done();
        context.output.done(text, &RetiredKey { project, version, retired: !undo })
    }
}
