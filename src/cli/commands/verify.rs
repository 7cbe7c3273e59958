//! `strongroom verify`.

use clap::Args;
use serde_json::{Value, json};

use crate::body::{OpenedBy, Run};
use crate::cli::context::Context;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::table;
use crate::cli::paths::Paths;
use crate::cli::progress::{Effort, Progress};
use crate::cli::streams::warn_of_one_block;
use crate::cli::tally::{Counted, Tally};
use crate::files::Observer;
use crate::files::find::{Item, Named, Wanted, find, open_input};
use crate::files::open::Keys;
use crate::files::pool;

/// Prove that encrypted files are whole and unaltered. Writes nothing.
///
/// Every byte is read and authenticated. A folder's sealed files are all taken.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    paths: Paths,
    /// Try the keys of this project alone
    #[arg(long, short, value_name = "NAME")]
    project: Option<String>,
    #[command(flatten)]
    effort: Effort,
}

/// A file that proved whole.
struct Proven {
    bytes: u64,
    by: OpenedBy,
    one_block_only: bool,
}

impl Counted for Proven {
    fn is_up_to_date(&self) -> bool {
        false
    }
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let named = self.paths.named(context)?;
        if named.contains(&Named::Stream) {
            return Err(Failure::usage("a stream is proven by `strongroom decrypt -`").hint("name files or folders"));
        }
        let found = find(&named, Wanted::Sealed, None);
        context.with_unlocked(|vault| {
            let keys = Keys::of(vault, self.project.as_deref()).map_err(|error| Failure::of("verify", error))?;
            let mut tally = Tally::begin(context, "proven whole", &found, found.items.len());
            let total = found.items.iter().map(|item| item.len).sum();
            let progress = self.effort.progress(&context.output, found.items.len(), Some(total));
            let outcomes = pool::for_each_file(
                &found.items,
                self.effort.threads(),
                &progress,
                |item| item.len,
                |item, threads| prove(&keys, item, threads, &progress),
            );
            drop(progress);
            let is_damaged = |failure: &&Failure| failure.exit == Exit::Damaged;
            let mut failures = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
            let damaged = failures.find(is_damaged).map(|failure| failure.kind);
            let (mut rows, mut files) = (Vec::new(), Vec::new());
            for (item, outcome) in found.items.iter().zip(outcomes) {
                let path = item.path.display().to_string();
                let state = outcome.as_ref().err().map(|failure| failure.kind);
                let Some(proven) = tally.take(outcome) else {
                    rows.push(vec![path.clone(), state.unwrap_or_default().to_uppercase(), String::new()]);
                    files.push(json!({"file": path, "state": state}));
                    continue;
                };
                warn_of_one_block(context, &item.path, proven.one_block_only);
                tally.bytes += proven.bytes;
                let by = format!("{}, key version {}", proven.by.project, proven.by.version);
                rows.push(vec![path.clone(), "whole".into(), by]);
                files.push(json!({
                    "file": path,
                    "state": "whole",
                    "bytes": proven.bytes,
                    "project": proven.by.project,
                    "key_version": proven.by.version,
                    "one_block_only": proven.one_block_only,
                }));
            }
            // Of very many files, those that failed were named when they did.
            const SHOWN: usize = 100;
            let summary = tally.summary("every byte authenticated");
            let text = if rows.len() > SHOWN || rows.is_empty() {
                summary
            } else {
                format!("{}\n{summary}", table(&["FILE", "STATE", "PROJECT"], rows))
            };
            context.output.done(&text, &Value::from(files))?;
            tally.end().map_err(|failure| match damaged {
                // One that is damaged is worse news than those before it whose key is elsewhere.
                Some(kind) => Failure { exit: Exit::Damaged, kind, ..failure },
                None => failure,
            })
        })
    }
}

fn prove(keys: &Keys<'_>, item: &Item, threads: usize, progress: &Progress) -> Result<Proven, Failure> {
    let (file, _) = open_input(&item.path)?;
    let opener = keys.open(&item.path, file)?;
    let run = Run { threads, progress: &|more| progress.advanced(more) };
    let bytes = opener.verify(run).map_err(|error| Failure::of(format!("verify {}", item.path.display()), error))?;
    let header = opener.header();
    Ok(Proven { bytes, by: header.opened_by.clone(), one_block_only: header.one_block_only })
}
