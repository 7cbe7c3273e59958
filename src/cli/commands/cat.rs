//! `strongroom cat`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::copies::Copies;
use crate::cli::open_vault::Uses;
use crate::cli::pipes;
use crate::cli::progress::Effort;
use crate::cli::project_flags::OnlyProject;
use crate::cli::streams::warn_of_one_block;
use crate::cli::unlocking::open;
use crate::failure::Failure;
use crate::files::find::{STREAM, open_input};
use crate::files::keys::Keys;
use crate::files::streams::open_range_to_stream;
use crate::format::log::Action;
use crate::words::{command, words};

/// Print a part of an encrypted file, or all of it.
///
/// Only what is asked for is read and decrypted, wherever it is in the file: the first bytes of a terabyte are printed
/// as fast as those of a letter. The end of the file is proven first, so that what is printed is where it claims to be.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom cat survey.bin.sealed --length 100")]
pub struct Cat {
    /// The encrypted file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Begin with this byte of the original, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    /// Print this many bytes [default: up to the end]
    #[arg(long, value_name = "N")]
    length: Option<u64>,
    #[command(flatten)]
    project: OnlyProject,
    #[command(flatten)]
    effort: Effort,
}

impl Cat {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if context.output.json {
            return Err(Failure::usage("cat prints data, not JSON").hint("leave out --json"));
        }
        if self.file == Path::new(STREAM) {
            return Err(Failure::usage("a part can be taken from a file only").hint(words![
                "use ",
                command("decrypt -"),
                " for standard input"
            ]));
        }
        open_input(&self.file)?;
        let doing = Doing::to_project(Action::FileRange, self.project.name()).files(1).printed().place(&self.file);
        let mut vault = open(context, Uses::of(self.project.name()), &doing)?;
        let keys = Keys::of(&*vault, self.project.name()).map_err(|error| Failure::of("decrypt", error))?;
        let (file, _) = open_input(&self.file)?;
        let opener = keys.open(&self.file, file)?;
        warn_of_one_block(context, &self.file, opener.header().one_block_only);
        let length = self.length.unwrap_or(u64::MAX).min(opener.plaintext_len().saturating_sub(self.offset));
        let progress = self.effort.progress(&context.output, 1, Some(length));
        let mut sink = pipes::plaintext_out()?;
        let threads = self.effort.stream_threads();
        let part = (self.offset, length);
        open_range_to_stream(&opener, &self.file, part, &mut *sink, threads, &progress)?;
        let mut copies = Copies::default();
        copies.count(&opener.header().opened_by.project, length);
        vault.finish(copies, &Ok(()));
        Ok(())
    }
}
