//! `strongroom inspect`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use crate::body::{Header, Inspection, inspect};
use crate::cli::context::Context;
use crate::cli::output::{counted, table};
use crate::cli::tally::{Counted, Tally};
use crate::cli::unlocking::unlock;
use crate::cli::{password, rendering};
use crate::crypto::cobblestone::CHUNK_LEN;
use crate::failure::Failure;
use crate::files::find::{Named, Wanted, find, look, open_input};
use crate::files::keys::Keys;
use crate::files::own::OwnFiles;
use crate::format::sealed::stanza;

/// Show what encrypted files reveal, without a key or with --unlock.
///
/// Without a password, what anybody can see: sizes and counts, no name and no project. With --unlock or a password
/// source also what is sealed in. Of a folder, a table of the sealed files in it.
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

/// What is known of a file.
struct Seen {
    inspection: Inspection,
    header: Option<Header>,
}

impl Counted for Seen {
    fn is_up_to_date(&self) -> bool {
        false
    }
}

impl Inspect {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let named = self.paths.iter().map(|path| look(path.clone())).collect::<Result<Vec<Named>, _>>()?;
        let found = find(&named, Wanted::Sealed, None, &OwnFiles::default());
        let mut seen: Vec<Result<Seen, Failure>> = found.items.iter().map(|item| look_at(&item.path)).collect();
        let is_any = seen.iter().any(Result::is_ok);
        if is_any && (self.unlock || password::has_source(context)) {
            let vault = unlock(context)?;
            let keys = Keys::of(&vault, None).map_err(|error| Failure::of("inspect", error))?;
            for (item, seen) in found.items.iter().zip(&mut seen) {
                if let Ok(known) = seen {
                    match open(&keys, &item.path) {
                        Ok(header) => known.header = Some(header),
                        Err(failure) => *seen = Err(failure),
                    }
                }
            }
        }
        let mut tally = Tally::begin(context, "inspected", &found, found.items.len());
        let mut blocks = Blocks::of(&named);
        let mut values = Vec::new();
        for (item, seen) in found.items.iter().zip(seen) {
            if let Err(failure) = &seen
                && found.items.len() > 1
            {
                rendering::print(failure, &context.output);
            }
            let Some(seen) = tally.take(seen) else { continue };
            let what = item.path.display().to_string();
            let mut value = value(&what, &seen.inspection);
            if let Some(header) = &seen.header {
                value["sealed_in"] = sealed_value(header);
            }
            values.push(value);
            blocks.add(item.named, &what, &seen);
        }
        if !values.is_empty() || !tally.has_failed() {
            context.output.result(&blocks.text(), &Value::from(values))?;
        }
        tally.end()
    }
}

fn look_at(path: &Path) -> Result<Seen, Failure> {
    let (file, _) = open_input(path)?;
    let what = path.display().to_string();
    let inspection = inspect(&file).map_err(|error| Failure::of(format!("inspect {what}"), error.named(&what)))?;
    Ok(Seen { inspection, header: None })
}

fn open(keys: &Keys<'_>, path: &Path) -> Result<Header, Failure> {
    let (file, _) = open_input(path)?;
    keys.try_open_header(path, &file).map_err(|error| Failure::of(format!("inspect {}", path.display()), error))
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

    fn add(&mut self, named: usize, what: &str, seen: &Seen) {
        if self.listed.as_ref().is_some_and(|(folder, _)| *folder != named) {
            self.end_list();
        }
        self.is_unlocked |= seen.header.is_some();
        if matches!(self.named.get(named), Some(Named::Folder(_))) {
            self.listed.get_or_insert_with(|| (named, Vec::new())).1.push(listed(what, seen));
            return;
        }
        let mut rows = rows(what, &seen.inspection);
        rows.extend(seen.header.as_ref().into_iter().flat_map(sealed_rows));
        self.texts.push(table(&[], rows));
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

/// Returns a file's line in the list of a folder.
fn listed(what: &str, seen: &Seen) -> Vec<String> {
    let length = seen.inspection.plaintext_len.map_or_else(|| "?".into(), |length| length.to_string());
    let mut cells = vec![what.to_owned(), length];
    if seen.inspection.is_delivery() {
        cells.push("delivery".into());
    }
    if let Some(Header { opened_by, metadata, .. }) = &seen.header {
        let bytes = metadata.path_bytes.as_ref().map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
        let path = metadata.path.clone().or(bytes).or_else(|| metadata.name.clone());
        cells.extend([opened_by.project.clone(), opened_by.version.to_string(), path.unwrap_or_default()]);
    }
    cells
}

fn stanza_name(kind: u8) -> String {
    match kind {
        stanza::PROJECT => "project".into(),
        stanza::METADATA => "metadata".into(),
        stanza::RECIPIENT => "recipient".into(),
        other => format!("type {other}"),
    }
}

fn row(name: &str, text: impl ToString) -> Vec<String> {
    vec![name.into(), text.to_string()]
}

fn rows(what: &str, inspection: &Inspection) -> Vec<Vec<String>> {
    let stanzas: Vec<String> =
        inspection.stanzas.iter().map(|(kind, length)| format!("{} ({length} bytes)", stanza_name(*kind))).collect();
    let plain = match inspection.plaintext_len {
        Some(length) => {
            let count = length / CHUNK_LEN as u64 + 1;
            let chunks = if count == 1 { "1 chunk".to_owned() } else { format!("{count} chunks") };
            format!("{length} bytes, {chunks} of 16 KiB at most")
        }
        None => "no sealed file has this size: it is cut short or extended".into(),
    };
    let blocks = if inspection.blocks_agree { "agree" } else { "differ: one is damaged or older" };
    let mut rows = vec![row("file", what), row("format", "version 1, Cobblestone-256 (AES-256-GCM)")];
    if inspection.is_delivery() {
        let recipients = counted(inspection.recipients(), "recipient");
        rows.push(row("delivery", format!("sealed for {recipients}: no project's key opens it")));
    }
    rows.extend([
        row("id", inspection.file),
        row("size", format!("{} bytes", inspection.size)),
        row("plaintext", plain),
        row("header", format!("two blocks of {} bytes, which {blocks}", inspection.block_len)),
        row("rewrapped", format!("{} times", inspection.sequence)),
        row("stanzas", stanzas.join(", ")),
    ]);
    rows
}

fn sealed_rows(header: &Header) -> Vec<Vec<String>> {
    let metadata = &header.metadata;
    let mut rows = vec![row("project", &header.opened_by.project), row("key version", header.opened_by.version)];
    let texts = [
        ("name", metadata.name.clone()),
        ("path", metadata.path.clone()),
        ("modified", metadata.modified.map(|time| time.to_string())),
        ("permissions", metadata.mode.map(|mode| format!("{mode:04o}"))),
        ("media type", metadata.media.clone()),
        ("sealed", metadata.sealed.map(|time| time.to_string())),
    ];
    rows.extend(texts.into_iter().filter_map(|(name, text)| text.map(|text| row(name, text))));
    rows
}

fn value(what: &str, inspection: &Inspection) -> Value {
    let stanzas: Vec<Value> = inspection
        .stanzas
        .iter()
        .map(|(kind, length)| json!({"type": kind, "name": stanza_name(*kind), "length": length}))
        .collect();
    json!({
        "file": what,
        "version": 1,
        "suite": "cobblestone-256",
        "delivery": inspection.is_delivery(),
        "id": inspection.file.to_string(),
        "size": inspection.size,
        "plaintext_len": inspection.plaintext_len,
        "chunks": inspection.plaintext_len.map(|length| length / CHUNK_LEN as u64 + 1),
        "block_len": inspection.block_len,
        "blocks_agree": inspection.blocks_agree,
        "sequence": inspection.sequence,
        "stanzas": stanzas,
    })
}

fn sealed_value(header: &Header) -> Value {
    let metadata = &header.metadata;
    json!({
        "project": header.opened_by.project,
        "key_version": header.opened_by.version,
        "name": metadata.name,
        "path": metadata.path,
        "modified": metadata.modified.map(|time| time.to_string()),
        "mode": metadata.mode,
        "media": metadata.media,
        "sealed": metadata.sealed.map(|time| time.to_string()),
    })
}
