//! `strongroom log export`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::shown::Wanted;
use crate::cli::context::Context;
use crate::cli::output::to_json;
use crate::cli::own_files::refuse_own_output;
use crate::cli::views::ExportedLog;
use crate::failure::Failure;
use crate::files::publish::OutputFile;

/// Write what the access log has to a file, readable: one JSON object on each line
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom log export acme-log.jsonl --project acme")]
pub struct Export {
    /// The new file
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    wanted: Wanted,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

impl Export {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        refuse_own_output(context, &self.file)?;
        let accesses = self.wanted.read(context)?;
        let output = OutputFile::create(&self.file, self.force)?;
        let mut lines = String::new();
        for access in &accesses {
            lines += &to_json(access);
            lines.push('\n');
        }
        {
            let mut to = output.file();
            to.write_all(lines.as_bytes())
        }
        .map_err(|error| Failure::io(format!("write {}", self.file.display()), &error))?;
        output.publish()?;
        let exported = ExportedLog { file: self.file.display().to_string(), accesses: accesses.len() };
        context.output.done(exported.text(), &exported)
    }
}
