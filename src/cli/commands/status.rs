//! `strongroom status`.

use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use crate::cli::context::Context;
use crate::cli::output::table;
use crate::cli::password;
use crate::cli::unlocking::unlock;
use crate::cli::views::{kdf_json, kit_names, project_json, rotation_json, state_name};
use crate::crypto::kdf::KdfCost;
use crate::error::Error;
use crate::failure::Failure;
use crate::format::item::DataKeyItem;
use crate::format::vault::Header;
use crate::keychain::ItemKind;
use crate::store::Store;
use crate::vault::{Rotation, Source, Unlocked, Vault};

/// Show the vault, its keychain and its projects.
///
/// Without a password it shows what is readable without it; with a password, or with --unlock, also the projects and
/// their keys.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom status --unlock")]
pub struct Status {
    /// Ask for the master password
    #[arg(long)]
    unlock: bool,
}

/// What can be told without a password.
struct PublicFacts {
    rows: Vec<Vec<String>>,
    json: serde_json::Map<String, Value>,
}

impl PublicFacts {
    fn add(&mut self, name: &str, text: String, json: Value) {
        self.rows.push(vec![name.to_owned(), text]);
        self.json.insert(name.replace(' ', "_"), json);
    }
}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if !self.unlock && !password::has_source(context) {
            let store = context.store()?;
            let found = Vault::open(Arc::new(store)).map_err(|error| Failure::of("open the vault", error))?;
            let mut facts = public_facts(context, found.header(), found.source())?;
            facts.rows.push(vec!["projects".into(), "locked; see them with --unlock".into()]);
            facts.json.insert("unlocked".into(), false.into());
            return context.output.result(&table(&[], facts.rows), &Value::Object(facts.json));
        }
        let vault = unlock(context)?;
        // After unlocking, which may have accepted an older vault file.
        let mut facts = public_facts(context, vault.header(), vault.source())?;
        add_unlocked(&mut facts, &vault)?;
        let mut text = table(&[], facts.rows);
        let projects = vault.projects();
        if !projects.is_empty() {
            let rows = projects.iter().map(|project| {
                let versions: Vec<String> =
                    project.keys.iter().map(|key| format!("{} {}", key.version, state_name(key))).collect();
                vec![project.name.clone(), project.client.clone(), versions.join(", ")]
            });
            text += &format!("\n\n{}", table(&["PROJECT", "CLIENT", "KEY VERSIONS"], rows.collect()));
        }
        context.output.result(&text, &Value::Object(facts.json))
    }
}

/// Tells what stands in clear in the vault file that was read, and in the keychain.
fn public_facts(context: &Context, header: &Header, source: &Source) -> Result<PublicFacts, Failure> {
    let store = context.store()?;
    let mut facts = PublicFacts { rows: Vec::new(), json: serde_json::Map::new() };
    facts.add("path", store.place(), store.place().into());
    facts.add("vault", header.vault.to_string(), header.vault.to_string().into());
    facts.add("created", header.created.to_string(), header.created.to_string().into());
    facts.add("generation", header.generation.to_string(), header.generation.into());
    if let Source::Previous { reason, .. } = source {
        facts.add(
            "warning",
            format!("the vault file cannot be used: {reason}; this is the previous one"),
            reason.as_str().into(),
        );
    }
    let kits: Vec<String> = header.kits().map(|kit| kit.name().to_string()).collect();
    let kits_text = if kits.is_empty() { "none".to_owned() } else { kit_names(&kits) };
    facts.add("recovery kits", kits_text, kits.into());
    let kind = context.kind_of(header.vault)?;
    facts.add("keychain", kind.to_string(), kind.to_string().into());
    let keychain = context.keychain(&kind, header.vault);
    let items = keychain.get(&header.vault.to_string(), ItemKind::DataKey);
    let parsed = items.map(|items| {
        let parsed: Vec<_> = items.iter().map(|item| DataKeyItem::parse(&item.bytes)).collect();
        // One that can be used before one that cannot.
        let usable = parsed.iter().position(Result::is_ok).unwrap_or(0);
        parsed.into_iter().nth(usable)
    });
    match parsed {
        Ok(Some(Err(error))) => {
            let name = keychain.name();
            facts.add("key", format!("the item in {name} is not a key for this vault: {error}"), "unusable".into());
        }
        Ok(Some(Ok(item))) => {
            // `parse` refuses an item without wraps.
            if let Some(wrap) = item.wraps.last() {
                facts.add("password set", wrap.header.at.to_string(), wrap.header.at.to_string().into());
                let cost = wrap.header.kdf.cost;
                facts.add("kdf", cost_text(cost), kdf_json(cost));
                facts.json.insert("kdf_below_default".into(), cost.is_below_default().into());
            }
        }
        Ok(None) => {
            let error = Error::KeyMissing { keychain: keychain.name(), vault: header.vault };
            let failure = context.missing_key("find the key", error, &kind, header.vault);
            facts.add("key", failure.cause.unwrap_or_default(), "missing".into());
        }
        Err(error) => facts.add("key", error.to_string(), error.kind().into()),
    }
    Ok(facts)
}

fn add_unlocked(facts: &mut PublicFacts, vault: &Unlocked) -> Result<(), Failure> {
    let policy = vault.policy().map_err(|error| Failure::of("read the KDF policy", error))?;
    facts.add("kdf policy", cost_text(policy), kdf_json(policy));
    if let Some(rotation) = vault.rotation() {
        facts.add("rotation", short(rotation), rotation_json(rotation));
    }
    let projects = vault.projects();
    facts.rows.push(vec!["projects".into(), projects.len().to_string()]);
    facts.json.insert("unlocked".into(), true.into());
    facts.json.insert("projects".into(), projects.iter().map(project_json).collect());
    Ok(())
}

/// Tells how far a rotation is in one line of a table.
fn short(rotation: Rotation) -> String {
    match rotation {
        Rotation::Waits { left: Some(left) } => {
            format!("under way: the first command after {} min or a restart finishes it", left.div_ceil(60))
        }
        Rotation::Waits { left: None } => "under way: the first command after a restart finishes it".into(),
        Rotation::Elsewhere => "under way on another computer".into(),
        Rotation::Settled => "finished".into(),
    }
}

fn cost_text(cost: KdfCost) -> String {
    let text = format!("Argon2id, {} MiB, {} passes, {} lanes", cost.memory_kib / 1024, cost.passes, cost.lanes);
    if cost.is_below_default() { text + " (below the default of 256 MiB, 3 passes)" } else { text }
}
