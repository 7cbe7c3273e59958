//! `strongroom inspect`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::context::Context;
use crate::cli::layout::table;
use crate::cli::open_vault::Uses;
use crate::cli::tally::{Counted, Tally};
use crate::cli::unlocking;
use crate::cli::views::InspectedFile;
use crate::cli::{password, rendering};
use crate::failure::Failure;
use crate::files::find::{Named, Wanted, find, look};
use crate::files::inspect::{look_at, open_header};
use crate::files::keys::Keys;
use crate::files::own::OwnFiles;
use crate::files::read_ahead::ReadAhead;

/// Show what encrypted files reveal, without a key or with --unlock.
///
/// Without a password, it shows what anybody can see: sizes and counts, but no original name and no project. With
/// --unlock or a password source, it also shows what is sealed in the file. For a folder, it prints a table of the
/// sealed files.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom inspect clients.csv.sealed", visible_alias = "ls")]
pub struct Inspect {
    /// Encrypted files, and folders that hold them
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Ask for the master password, and also show what is sealed in the files
    #[arg(long)]
    unlock: bool,
}

impl Counted for InspectedFile {
    fn is_up_to_date(&self) -> bool {
        false
    }
}

impl Inspect {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let named = self.paths.iter().map(|path| look(path.clone())).collect::<Result<Vec<Named>, _>>()?;
        let found = find(&named, Wanted::Sealed, None, &OwnFiles::default());
        let look_at =
            |path: &Path| look_at(path).map(|inspection| InspectedFile::of(path.display().to_string(), &inspection));
        let mut seen: Vec<_> = found.items.iter().map(|item| look_at(&item.path).map_err(Failure::from)).collect();
        let is_any = seen.iter().any(Result::is_ok);
        if is_any && (self.unlock || password::has_source(context)) {
            let vault = unlocking::look(context, Uses::AllProjects)?;
            let keys = Keys::of(&*vault, None).map_err(|error| Failure::of("inspect", error))?;
            let ahead = ReadAhead::of(&keys, found.items.iter());
            for (item, seen) in found.items.iter().zip(&mut seen) {
                if let Ok(known) = seen {
                    match open_header(&ahead, &item.path) {
                        Ok(header) => known.sealed_in = Some((&header).into()),
                        Err(error) => *seen = Err(error.into()),
                    }
                }
            }
        }
        let mut tally = Tally::begin(context, "inspected", &found, found.items.len());
        let mut blocks = Blocks::of(&named);
        let mut files = Vec::new();
        for (item, seen) in found.items.iter().zip(seen) {
            if let Err(failure) = &seen
                && found.items.len() > 1
            {
                rendering::print(failure, &context.output);
            }
            let Some(seen) = tally.take(seen) else { continue };
            blocks.add(item.named, &seen);
            files.push(seen);
        }
        if !files.is_empty() || !tally.has_failed() {
            context.output.result(blocks.text(), &files)?;
        }
        tally.end()
    }
}

/// What is printed of each path that was named: of a file its rows, of a folder a table of its files.
struct Blocks<'a> {
    named: &'a [Named],
    texts: Vec<String>,
    /// The rows of the folder that is being listed, and its place among the named paths.
    listed: Option<(usize, Vec<Vec<String>>)>,
    is_unlocked: bool,
}

impl<'a> Blocks<'a> {
    fn of(named: &'a [Named]) -> Self {
        Self { named, texts: Vec::new(), listed: None, is_unlocked: false }
    }

    fn add(&mut self, named: usize, seen: &InspectedFile) {
        if self.listed.as_ref().is_some_and(|(folder, _)| *folder != named) {
            self.end_list();
        }
        self.is_unlocked |= seen.sealed_in.is_some();
        if matches!(self.named.get(named), Some(Named::Folder(_))) {
            self.listed.get_or_insert_with(|| (named, Vec::new())).1.push(seen.listed());
            return;
        }
        self.texts.push(table(&[], seen.rows()));
    }

    fn end_list(&mut self) {
        if let Some((_, rows)) = self.listed.take() {
            // Unlocked, no delivery is among them: none of the keys opens one.
            let has_deliveries = rows.iter().any(|cells| cells.len() == 3);
            let headings: &[&str] = match (self.is_unlocked, has_deliveries) {
                (true, _) => &["FILE", "LENGTH", "PROJECT", "KEY", "PATH"],
                (false, true) => &["FILE", "LENGTH", "KIND"],
                (false, false) => &["FILE", "LENGTH"],
            };
            self.texts.push(table(headings, rows));
        }
    }

    fn text(mut self) -> String {
        self.end_list();
        if self.texts.is_empty() { "no sealed files".into() } else { self.texts.join("\n\n") }
    }
}
