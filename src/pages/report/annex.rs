//! The annex: what the page has no room for, in lists.

use super::fitting::{clipped, isolated};
use super::{client, in_groups, in_words};
use crate::evidence::bundle::{Bundle, CheckState, FileState};
use crate::evidence::openings::openings;
use crate::evidence::rules::CONDITIONS;
use crate::evidence::says::{counted, grouped, size};
use crate::pages::html::{escaped, fill};

const ANNEX: &str = include_str!("annex.html");
/// The most rows of a list that is printed; the bundle has all.
const ROWS: usize = 2_000;

/// Makes the annex of a bundle of this SHA-256.
#[must_use]
pub fn annex(bundle: &Bundle, sha256: &str) -> String {
    let sections = [
        checks(bundle),
        copies(bundle),
        files(bundle),
        accesses(bundle),
        agreed(bundle),
        kits(bundle),
        keys(bundle),
        logs(bundle),
        windows(bundle),
    ];
    let html = fill(
        ANNEX,
        &[
            ("title", &escaped(&clipped(client(bundle), 4_000).0)),
            ("number", &grouped(bundle.number.into())),
            ("made", &in_words(bundle.made)),
            ("file", &escaped(&bundle.name)),
            ("sha256", &in_groups(sha256)),
            ("client", &isolated(client(bundle))),
            ("sections", &sections.concat()),
        ],
    );
    html.to_string()
}

/// Returns a list under a heading. A list of nothing says so.
fn list(heading: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return format!("<h2>{}</h2><p>None is on record.</p>", escaped(heading));
    }
    let head: String = columns.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name))).collect();
    let body: String = rows
        .iter()
        .take(ROWS)
        .map(|row| {
            let cells: String = row.iter().map(|cell| format!("<td>{}</td>", isolated(cell))).collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    let left = rows.len().saturating_sub(ROWS);
    let more = if left > 0 { format!("<p>{} more: in the bundle.</p>", grouped(left as u64)) } else { String::new() };
    let heading = escaped(heading);
    format!("<h2>{heading}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}\n")
}

fn checks(bundle: &Bundle) -> String {
    let rows: Vec<Vec<String>> = bundle
        .checks
        .iter()
        .map(|check| {
            let name = CONDITIONS.iter().find(|(id, _)| *id == check.id).map_or(check.id.as_str(), |(_, name)| name);
            let state = match check.state {
                CheckState::NotMet => "not met",
                CheckState::NotKnown => "not known",
                CheckState::Met => "met",
            };
            vec![name.into(), check.says.clone(), state.into(), in_words(check.at)]
        })
        .collect();
    list("A. What was checked", &["Condition", "Found", "State", "When"], &rows)
}

fn copies(bundle: &Bundle) -> String {
    let Some(copies) = &bundle.copies else {
        return "<h2>B. Readable copies</h2><p>Not known: no record of them was kept, or they were not looked for.</p>"
            .into();
    };
    let rows: Vec<Vec<String>> = copies
        .files
        .iter()
        .map(|copy| vec![copy.path.clone(), size(copy.size), in_words(copy.made), copy.state.clone()])
        .collect();
    let searched = counted(usize::try_from(copies.searched).unwrap_or(usize::MAX), "file");
    let roots: Vec<String> = copies.roots.iter().map(|root| isolated(root)).collect();
    list("B. Readable copies", &["Where", "Size", "Made", "State"], &rows)
        + &format!(
            "<p>Identical copies were looked for among {searched} under: {}. Copies in another form, such as inside an \
             archive or saved anew by another program, are not found in this way.</p>",
            if roots.is_empty() { "the places on record alone".into() } else { roots.join(", ") }
        )
        + &copies.doubts.iter().map(|doubt| format!("<p>{}</p>", isolated(doubt))).collect::<String>()
}

fn files(bundle: &Bundle) -> String {
    let rows: Vec<Vec<String>> = bundle
        .inventory
        .files
        .iter()
        .filter(|file| file.state != FileState::Whole)
        .map(|file| {
            let state = match file.state {
                FileState::Whole => "whole",
                FileState::Damaged => "damaged",
                FileState::Missing => "missing",
                FileState::Foreign => "opened by no key of this vault",
                FileState::Unread => "not read",
            };
            vec![file.path.clone(), file.size.map(size).unwrap_or_default(), state.into()]
        })
        .collect();
    let roots: Vec<String> = bundle.inventory.roots.iter().map(|root| isolated(root)).collect();
    let all = counted(bundle.inventory.files.len(), "encrypted file");
    list("C. Encrypted files that are not proven whole", &["File", "Size", "State"], &rows)
        + &format!("<p>{all} in all, looked for under: {}. The bundle lists each of them.</p>", roots.join(", "))
}

fn accesses(bundle: &Bundle) -> String {
    if bundle.log.is_none() {
        return "<h2>D. Openings</h2><p>Not known: no record of accesses was kept.</p>".into();
    }
    let rows: Vec<Vec<String>> = openings(bundle)
        .into_iter()
        .map(|opening| {
            let who = format!("{} on {}", opening.account, opening.computer);
            let what = format!("{}, {}", opening.action, counted(opening.files as usize, "file"));
            let what = if opening.certain { what } else { what + "; it may have been another project's" };
            vec![in_words(opening.at), who, what, opening.to, opening.reason]
        })
        .collect();
    list("D. Openings", &["When", "Who, as the computer claims", "What", "To", "Reason"], &rows)
}

fn agreed(bundle: &Bundle) -> String {
    let rows: Vec<Vec<String>> = bundle
        .engagement
        .iter()
        .flat_map(|agreed| &agreed.revisions)
        .flat_map(|revision| {
            revision.set.iter().map(|(field, value)| {
                let value = value.as_value();
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                vec![in_words(revision.at), revision.by.clone(), field.clone(), value]
            })
        })
        .collect();
    list("E. What was agreed, and every change of it", &["When", "By", "Field", "Value"], &rows)
}

fn kits(bundle: &Bundle) -> String {
    let when = |time: Option<crate::format::Timestamp>, none: &str| time.map_or_else(|| none.into(), in_words);
    let rows: Vec<Vec<String>> = bundle
        .unlock
        .kits
        .iter()
        .map(|kit| {
            let opens = if kit.valid { "opens the vault" } else { "opens earlier copies of the vault only" };
            vec![
                kit.name.clone(),
                in_words(kit.created),
                opens.into(),
                when(kit.tested, "no test on record"),
                when(kit.paper_destroyed, "paper not said to be destroyed"),
            ]
        })
        .collect();
    list("F. Recovery kits", &["Kit", "Made", "State", "Tested", "Paper"], &rows)
}

fn keys(bundle: &Bundle) -> String {
    let rows: Vec<Vec<String>> = bundle
        .keys
        .iter()
        .map(|key| {
            vec![
                key.version.to_string(),
                key.state.clone(),
                in_words(key.created),
                key.check.clone().unwrap_or_else(|| "destroyed".into()),
                key.cipher.clone(),
            ]
        })
        .collect();
    list("G. Keys", &["Version", "State", "Made", "Recognized by", "Encrypts with"], &rows)
}

fn logs(bundle: &Bundle) -> String {
    let rows: Vec<Vec<String>> = bundle
        .log
        .iter()
        .flat_map(|log| &log.enrolments)
        .map(|log| {
            let end = if log.anchored { "agrees with the keychain" } else { "not proven here" };
            vec![
                log.id.to_string(),
                format!("{} to {}", log.from, log.to),
                log.gaps.to_string(),
                end.into(),
                log.tip.clone(),
            ]
        })
        .collect();
    list("H. Logs of the computers", &["Log", "Entries", "Gaps", "Its end", "SHA-256 of the last record"], &rows)
}

fn windows(bundle: &Bundle) -> String {
    format!(
        "<h2>I. Checking the signature</h2><p>On Linux and macOS with the command on the page. On Windows, in the \
         command prompt, or in PowerShell with <code>cmd /c \"...\"</code> around the command on the page. The line \
         in the file of allowed signers has to be the one that you got with the contract.</p><p>Key \
         <code>{}</code></p>",
        escaped(&bundle.signed_by.public)
    )
}
