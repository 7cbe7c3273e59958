//! The vault file and the one before it.

use std::sync::Arc;

use super::computer::Computer;
use super::finding::Finding;
use super::items;
use super::known::{Known, Opened};
use crate::error::{Error, NotFound, Unsupported};
use crate::failure::{permission_hint, put_back};
use crate::format::VaultId;
use crate::format::vault::Document;
use crate::store::{FolderStore, Store};
use crate::vault::{Source, Vault};
use crate::words::{Words, command, kit_names, shell_word, words};

/// Checks both files, and returns what stands in clear in the one that can be read.
pub fn check(
    computer: &Computer<'_>,
    store: &FolderStore,
    opened: Option<&Opened>,
    findings: &mut Vec<Finding>,
) -> Option<Known> {
    let vault = match Vault::open(Arc::new(store.clone())) {
        Ok(vault) => vault,
        Err(error) => {
            let mut text = error.to_string();
            let known = computer.home.remembered_at(store.file());
            let mut keychain = items::try_for_known_vault(computer, known.as_deref());
            let remedy = match &error {
                Error::NotFound(NotFound::Vault { .. }) => match known {
                    Some(vault) => {
                        text += &format!(", where this computer remembers vault {vault}");
                        put_back()
                    }
                    None => {
                        let (for_new, tried) = items::try_for_new_vault(computer);
                        keychain = Some(tried);
                        for_new.into()
                    }
                },
                Error::Unsupported(Unsupported::Version { .. }) => "install a newer strongroom".into(),
                Error::Io { path, .. } => permission_hint(path),
                _ => put_back(),
            };
            findings.push(Finding::problem("vault", text, remedy));
            findings.extend(keychain);
            return None;
        }
    };
    // That it parses does not mean that it opens.
    let (source, header) = match opened {
        Some(opened) => (&opened.source, &opened.header),
        None => (vault.source(), vault.header()),
    };
    let generation = header.generation;
    match source {
        Source::Current => {
            findings.push(Finding::good("vault", format!("{}, generation {generation}", store.place())));
        }
        Source::Copy => {}
        Source::Previous { reason, other_key } => {
            let first = if *other_key {
                words!["if another computer rotated the data key: ", command("recover"), "; otherwise "]
            } else {
                Words::default()
            };
            findings.push(Finding::problem(
                "vault",
                format!("the vault file cannot be used: {reason}; the previous one (generation {generation}) can"),
                first
                    + put_back()
                    + "; or continue from the previous one: "
                    + command("status --unlock --accept-rollback"),
            ));
        }
    }
    if *source == Source::Current {
        check_previous(store, header.vault, findings);
    }
    let kits: Vec<String> = header.kits().map(|kit| kit.name().to_string()).collect();
    findings.push(if kits.is_empty() {
        Finding::note(
            "recovery kits",
            words![
                "none: if the keychain or the password is lost, so is everything in the vault; ",
                command("kit new"),
                " makes one"
            ],
        )
    } else {
        Finding::good("recovery kits", format!("{} opens the vault without keychain and password", kit_names(&kits)))
    });
    Some(Known {
        kits,
        id: header.vault,
        generation,
        digest: vault.digest(),
        data_key: header.data_key,
        is_current: *source == Source::Current,
    })
}

fn check_previous(store: &FolderStore, id: VaultId, findings: &mut Vec<Finding>) {
    let path = store.previous();
    let remedy = format!("rm {}", shell_word(&path.display().to_string()));
    match store.load_previous() {
        Ok(None) => {}
        Ok(Some(bytes)) => match Document::parse(&bytes) {
            Ok(previous) if previous.header.vault == id => {
                let text = format!("available (generation {})", previous.header.generation);
                findings.push(Finding::good("previous vault file", text));
            }
            Ok(_) => findings.push(Finding::problem("previous vault file", "it is another vault's", remedy)),
            Err(error) => findings.push(Finding::problem("previous vault file", error.to_string(), remedy)),
        },
        Err(error) => findings.push(Finding::problem("previous vault file", error.to_string(), remedy)),
    }
}
