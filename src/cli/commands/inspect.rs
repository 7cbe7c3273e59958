//! `strongroom inspect`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use crate::body::{Header, Inspection, inspect};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::table;
use crate::cli::password;
use crate::crypto::cobblestone::CHUNK_LEN;
use crate::files::find::open_input;
use crate::files::open::Keys;
use crate::format::sealed::stanza;

/// Show what an encrypted file tells, without a key and with one.
///
/// Without a password, what anybody can see: sizes and counts, no name and no project. With --unlock or a password
/// source also what is sealed in.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The sealed files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Ask for the master password, and show what is sealed in as well
    #[arg(long)]
    unlock: bool,
}

impl Inspect {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut seen = Vec::new();
        for path in &self.files {
            let (file, _) = open_input(path)?;
            let what = path.display().to_string();
            let inspection = inspect(&what, &file).map_err(|error| Failure::of(format!("inspect {what}"), error))?;
            seen.push((what, file, inspection));
        }
        let opened: Vec<Option<Header>> = if self.unlock || password::has_source(context) {
            context.with_unlocked(|vault| {
                let keys = Keys::of(vault, None).map_err(|error| Failure::of("inspect", error))?;
                let open = |(what, file, _): &(String, std::fs::File, _)| {
                    keys.with(|keys| Header::open(what, "this vault", file, keys), |header| header)
                        .map(Some)
                        .map_err(|error| Failure::of(format!("inspect {what}"), error))
                };
                seen.iter().map(open).collect::<Result<_, _>>()
            })?
        } else {
            seen.iter().map(|_| None).collect()
        };
        let mut blocks = Vec::new();
        let mut values = Vec::new();
        for ((what, _, inspection), header) in seen.iter().zip(&opened) {
            let mut rows = rows(what, inspection);
            let mut value = value(what, inspection);
            if let Some(header) = header {
                rows.extend(sealed_rows(header));
                value["sealed_in"] = sealed_value(header);
            }
            blocks.push(table(&[], rows));
            values.push(value);
        }
        context.output.result(&blocks.join("\n\n"), &Value::from(values))
    }
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
    vec![
        row("file", what),
        row("format", "version 1, Cobblestone-256 (AES-256-GCM)"),
        row("id", inspection.file),
        row("size", format!("{} bytes", inspection.size)),
        row("plaintext", plain),
        row("header", format!("two blocks of {} bytes, which {blocks}", inspection.block_len)),
        row("rewrapped", format!("{} times", inspection.sequence)),
        row("stanzas", stanzas.join(", ")),
    ]
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
