//! The three lists of a certificate, and the conditions of cryptographic erase, as they follow from the facts.

use serde_json::Value;

use super::{Certificate, Condition, Line};
use crate::evidence::bundle::CheckState;
use crate::evidence::day::Day;
use crate::evidence::openings::{Opening, openings_of};
use crate::evidence::says::{counted, size};
use crate::format::Timestamp;

fn line(kind: &str, says: String) -> Line {
    Line { kind: kind.into(), says }
}

fn when(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}, {} UTC", Day::of(at).short(), text.get(11..16).unwrap_or_default())
}

/// What was destroyed here.
#[must_use]
pub fn destroyed(certificate: &Certificate) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(at) = certificate.done("keys-removed") {
        for key in &certificate.destruction.keys {
            lines.push(line(
                "Keys",
                format!("version {}, recognized by {}, removed {}", key.version, key.check, when(at)),
            ));
        }
    }
    if let Some(at) = certificate.done("settled") {
        let wraps = "the earlier key of the vault in this computer’s keychain";
        lines.push(line("Keychain", format!("{wraps}, replaced by {}", when(at))));
        lines.push(line(
            "Vault file",
            format!("this computer’s earlier copy of the vault file, replaced by {}", when(at)),
        ));
    }
    for step in certificate.destruction.steps.iter().filter(|step| ["proved", "files-deleted"].contains(&&*step.step)) {
        let kind = if step.step == "proved" { "Proof" } else { "Encrypted files" };
        lines.push(line(kind, format!("{} ({})", step.result, when(step.at))));
    }
    lines
}

/// What was not destroyed, and is known.
#[must_use]
pub fn not_destroyed(certificate: &Certificate) -> Vec<Line> {
    let mut lines = Vec::new();
    if certificate.done("settled").is_none() {
        let what = if certificate.done("keys-removed").is_some() { "older vault files" } else { "the keys themselves" };
        lines.push(line("Under way", format!("{what}: the destruction is not finished")));
    }
    for kit in certificate.kits.iter().filter(|kit| kit.paper_destroyed.is_none()) {
        lines.push(line(
            "Recovery kits",
            format!("kit {}, made {}: opens earlier copies of the vault file", kit.name, when(kit.created)),
        ));
    }
    for file in &certificate.vault_files {
        let says = match file.is_same_vault {
            true => format!("another file of this vault at {}", file.place),
            false => format!("the vault at {}, if it was forked from this one", file.place),
        };
        lines.push(line("Other vault files", says));
    }
    if certificate.done("files-deleted").is_none() {
        let says =
            "were not deleted by the program: this vault opens none of them; whoever holds a key of 2 opens them";
        lines.push(line("Encrypted files", says.into()));
    }
    lines.extend(logged(certificate));
    lines.push(line("Backups", backups(certificate)));
    lines.extend(copies(certificate));
    if let (Some(removed), Some(settled)) = (certificate.done("keys-removed"), certificate.done("settled"))
        && settled > removed
    {
        lines.push(line(
            "Keychain backups",
            format!(
                "of this computer’s keychain made before {}, if there are any: with an earlier copy of the \
                 vault file and the password",
                when(settled)
            ),
        ));
    }
    lines
}

/// Whether backups are known: the program makes them without the password, and so without a record.
fn backups(certificate: &Certificate) -> String {
    let declared = certificate.engagement.as_ref().and_then(|agreed| agreed.now.get("declared"));
    let declared = declared.and_then(|declared| declared.as_value()["backups"].as_str());
    match declared {
        Some(text) => format!("of the vault file from before are not recorded by the program; declared: {text}"),
        None => "of the vault file from before are not recorded by the program, and nothing was declared".into(),
    }
}

/// What the record of accesses says was handed out while the keys were there.
fn logged(certificate: &Certificate) -> Vec<Line> {
    let Some(log) = &certificate.log else {
        return vec![line("Accesses", "not known: no record of accesses was kept".into())];
    };
    let mut lines = Vec::new();
    let until = certificate.done("keys-removed").unwrap_or(certificate.made);
    let failed: Vec<(String, u64)> = log
        .entries
        .iter()
        .map(|entry| (entry, entry.json.as_value()))
        .filter(|(_, value)| value["phase"] == "end" && value["outcome"] == "failed")
        .filter_map(|(entry, value)| Some((entry.enrolment.to_string(), value["of"].as_u64()?)))
        .collect();
    for entry in &log.entries {
        let value = entry.json.as_value();
        let is_done = matches!(value["phase"].as_str(), Some("begin" | "note"))
            && !failed.contains(&(entry.enrolment.to_string(), entry.seq));
        let Some(at) = text(&value["at"]).parse::<Timestamp>().ok().filter(|at| is_done && *at <= until) else {
            continue;
        };
        let place = text(&value["what"]["place"]);
        let by = format!("{} by {} on {}", when(at), text(&value["who"]["account"]), text(&value["who"]["name"]));
        match value["action"].as_str() {
            Some("vault.fork") => lines.push(line("Forks", format!("a vault with the same keys at {place}, {by}"))),
            Some("vault.backup") => lines.push(line("Backups", format!("at {place}, {by}"))),
            Some("report.made") => {
                let subject = text(&value["what"]["subject"]);
                if subject.starts_with("report ") {
                    lines.push(line("Reports", format!("{subject}, {by}: it says what was held, not the data")));
                }
            }
            _ => {}
        }
    }
    let openings = openings_of(log, certificate.project.id);
    let (files, others): (Vec<&Opening>, Vec<&Opening>) =
        openings.iter().partition(|opening| matches!(opening.action.as_str(), "file.open" | "file.range"));
    for opening in others {
        let kind = match opening.action.as_str() {
            "key.show" => "Keys shown",
            "secret.export" | "secret.show" => "Secrets handed out",
            _ => "Programs run",
        };
        let by = match opening.account.as_str() {
            "" => "an account not shown here".into(),
            account => format!("{account} on {}", opening.computer),
        };
        let doubt = if opening.certain { "" } else { "; it may have been another project’s" };
        let what = match opening.action.as_str() {
            "key.show" => "a key was handed out: what was opened with it is not known",
            action => action,
        };
        lines.push(line(kind, format!("{what}, {} by {by}{doubt}", when(opening.at))));
    }
    if let (Some(first), Some(last)) = (files.first(), files.last()) {
        let counted = counted(files.len(), "opening");
        lines.push(line("Openings", format!("{counted} of files on record, {} to {}", when(first.at), when(last.at))));
    }
    // One line after the other of a kind.
    lines.sort_by_key(|line| line.kind.clone());
    lines
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn copies(certificate: &Certificate) -> Vec<Line> {
    let Some(copies) = &certificate.copies else {
        return vec![line("Readable copies", "not known: they were not looked for, or are not on record".into())];
    };
    let stand = copies.files.iter().filter_map(|copy| {
        let state = match copy.state.as_str() {
            "stands" | "stands-elsewhere" => "stands",
            "changed" => "something else is there now, which may derive from it",
            "not-reachable" => "could not be looked at",
            _ => return None,
        };
        Some(line("Readable copies", format!("{}, {}: {state}", copy.path, size(copy.size))))
    });
    let doubts = copies.doubts.iter().map(|doubt| line("Readable copies", doubt.clone()));
    stand.chain(doubts).collect()
}

/// What nobody here can know.
#[must_use]
pub fn cannot_know() -> Vec<String> {
    [
        "Copies made elsewhere: by hand, by other programs, in archives, mail or printouts, or by whoever got a key.",
        "What a drive keeps of deleted data: snapshots, remapped blocks, swap, the cloud’s history.",
        "Backups of this computer or of the vault file that the program was not told of, and what was forked or \
         recovered on other computers.",
        "What the client, or others whom the client gave it to, still hold.",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The conditions of SP 800-88 revision 2 for cryptographic erase.
#[must_use]
pub fn erase(certificate: &Certificate) -> Vec<Condition> {
    let condition = |section: &str, name: &str, state, says: String| Condition {
        section: section.into(),
        name: name.into(),
        state,
        says,
    };
    let imported: Vec<String> =
        certificate.destruction.keys.iter().filter(|key| key.imported).map(|key| key.version.to_string()).collect();
    let strength = match imported.is_empty() {
        true => (CheckState::Met, "AES-256-GCM; keys of 256 bits from the system’s random generator".to_owned()),
        false => {
            (CheckState::NotKnown, format!("AES-256-GCM; key version {} was made elsewhere", imported.join(" and ")))
        }
    };
    let holds_keys = |line: &&Line| {
        ["Under way", "Recovery kits", "Other vault files", "Forks", "Keys shown"].contains(&&*line.kind)
    };
    let held = certificate.not_destroyed.iter().filter(holds_keys).count();
    let escrow = match (held, &certificate.log) {
        (0, None) => (CheckState::NotKnown, "no record of accesses was kept".to_owned()),
        (0, Some(_)) => (CheckState::NotKnown, "none on record but what 2 says of backups".to_owned()),
        (held, _) => (CheckState::NotMet, format!("{} under 2 that can hold them", counted(held, "entry"))),
    };
    let all = match (certificate.done("settled").is_some(), held) {
        (true, 0) => (CheckState::Met, "as far as recorded".to_owned()),
        (true, _) => (CheckState::NotMet, "what 2 lists is left".to_owned()),
        (false, _) => (CheckState::NotMet, "the destruction is not finished".to_owned()),
    };
    let openings =
        certificate.not_destroyed.iter().any(|line| line.kind == "Openings" || line.kind == "Readable copies");
    let plain = match openings {
        true => "files were opened or stood readable while they were held: see 2",
        false => "no opening to a disk is on record; where the originals stood is not",
    };
    vec![
        condition("3.2.1", "Strength of at least 128 bits", strength.0, strength.1),
        condition("3.2.2", "Keys not escrowed or backed up", escrow.0, escrow.1),
        condition("3.2.3", "All copies of the keys destroyed", all.0, all.1),
        condition(
            "3.2.4",
            "FIPS 140 validated module",
            CheckState::NotMet,
            "the program is not a validated module".to_owned(),
        ),
        condition("", "No plaintext earlier on the medium", CheckState::NotKnown, plain.to_owned()),
    ]
}

/// What the person who signs certifies: what the program has seen done, and no more.
#[must_use]
pub fn sentence(certificate: &Certificate) -> String {
    if certificate.waits_for.is_some() {
        return "The destruction is not finished, so there is nothing to certify yet.".into();
    }
    let files = match certificate.done("files-deleted") {
        Some(_) => " and encrypted files were deleted",
        None => "",
    };
    let returned = match certificate.agreed("at_end") {
        Some("return" | "return-then-destroy") => {
            " Whether the data were returned, as was agreed, is not recorded here."
        }
        _ => "",
    };
    format!(
        "I certify that the keys to the data held for {} in the project {} were destroyed{files} as listed under 1, and \
         that what is stated under 2 was not.{returned}",
        client(certificate),
        certificate.project.name
    )
}

/// Whose data they were.
#[must_use]
pub fn client(certificate: &Certificate) -> String {
    let agreed = certificate.agreed("client").unwrap_or_default();
    let named = [agreed, &certificate.project.client, &certificate.project.name];
    named.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned()
}
