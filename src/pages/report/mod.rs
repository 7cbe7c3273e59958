//! A report as people read it: one sheet of A4 in front, and an annex with what does not fit it. Both are made of the
//! report's bundle alone, and are always the same for the same bundle, so that whoever has the bundle can compare.

mod annex;
pub(super) mod fitting;
mod timeline;

use crate::evidence::bundle::{Bundle, Check, CheckState, FileState};
use crate::evidence::day::Day;
use crate::evidence::openings::{Opening, by_account, openings};
use crate::evidence::rules::{CONDITIONS, due};
use crate::evidence::says::{counted, grouped, size};
use crate::format::Timestamp;
use crate::pages::html::{escaped, fill};

pub use annex::annex;
use fitting::{clipped, isolated, width};

const PAGE: &str = include_str!("page.html");

/// The room for a condition's words, in one line.
const SAYS: usize = 3_420;
/// How many lines more than one for each condition there are.
const MORE_LINES: usize = 3;
/// The room for a fact's words.
const FACT: usize = 4_000;

/// A page that is being made: what did not fit is noted.
struct Sheet {
    has_clipped: bool,
}

impl Sheet {
    /// Returns a text as HTML, without its end if it does not fit.
    fn text(&mut self, text: &str, limit: usize) -> String {
        let (text, is_clipped) = clipped(text, limit);
        self.has_clipped |= is_clipped;
        isolated(&text)
    }
}

/// Makes the page of a bundle of this SHA-256.
#[must_use]
pub fn page(bundle: &Bundle, sha256: &str) -> String {
    let mut sheet = Sheet { has_clipped: false };
    let openings = openings(bundle);
    let (drawing, bars) = timeline::timeline(bundle, &openings);
    let client = client(bundle);
    let h1 = match width(client) {
        0..=1_900 => "",
        1_901..=2_750 => " class=\"long\"",
        _ => " class=\"longest\"",
    };
    let counts = counts(&bundle.checks);
    let checks = checks(&mut sheet, &bundle.checks);
    let (facts, figures) = (facts(&mut sheet, bundle, &openings), figures(bundle, &openings));
    let client_html = sheet.text(client, 6_800);
    let more = match sheet.has_clipped {
        true => {
            "\n<p class=\"more\">What ends in “…” did not fit here: it is in full in the annex and in the bundle.</p>"
        }
        false => "",
    };
    let html = fill(
        PAGE,
        &[
            ("title", &escaped(&clipped(client, 4_000).0)),
            ("number", &grouped(bundle.number.into())),
            ("made", &in_words(bundle.made)),
            ("h1", h1),
            ("client", &client_html),
            ("lead", &lead(bundle)),
            ("figures", &figures),
            ("facts", &facts),
            ("bars", &escaped(&bars)),
            ("timeline", &drawing),
            ("counts", &counts),
            ("checks", &checks),
            ("more", more),
            ("limits", &escaped(&bundle.not_covered.join(" "))),
            ("sha256", &in_groups(sha256)),
            ("fingerprint", &escaped(&bundle.signed_by.fingerprint)),
            ("key_made", &Day::of(bundle.signed_by.since).to_string()),
            ("file", &escaped(&bundle.name)),
            ("stem", &escaped(stem(bundle))),
            ("identity", &escaped(&bundle.signed_by.identity)),
            ("tool", &isolated(&bundle.tool.version)),
        ],
    );
    html.to_string()
}

/// Returns what a report's files are called before the number.
#[must_use]
pub fn stem(bundle: &Bundle) -> &str {
    bundle.name.strip_suffix(&format!("-{}", bundle.number)).unwrap_or(&bundle.name)
}

fn client(bundle: &Bundle) -> &str {
    let named = [bundle.agreed("client").unwrap_or_default(), &bundle.project.client, &bundle.project.name];
    named.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

fn lead(bundle: &Bundle) -> String {
    let whose = match bundle.agreed("role") {
        Some("processor" | "business-associate") => "the data that were handed over for this engagement",
        Some("controller" | "joint") => "the data of this engagement",
        _ => "the data held for this engagement",
    };
    let how = match bundle.state.as_str() {
        "destroyed" => "What became of",
        "destroying" => "The destruction of the keys is begun and NOT finished. How",
        _ => "How",
    };
    let verb = if bundle.state == "destroyed" { "" } else { " are kept" };
    format!(
        "{how} {whose}{verb}, as a program found and recorded it on the custodian’s computer on {}.",
        Day::of(bundle.made)
    )
}

/// The four figures that are asked for first.
fn figures(bundle: &Bundle, openings: &[Opening]) -> String {
    let files: Vec<_> = bundle.inventory.files.iter().filter(|file| file.state != FileState::Missing).collect();
    let bytes = files.iter().map(|file| file.plain_size.or(file.size).unwrap_or(0)).sum();
    let whole = files.iter().all(|file| file.state == FileState::Whole);
    let held = match (files.len(), whole) {
        (0, _) => "encrypted files found".to_owned(),
        (1, true) => format!("encrypted file, {}, whole", size(bytes)),
        (_, true) => format!("encrypted files, {}, all whole", size(bytes)),
        (1, false) => format!("encrypted file, {}; see below", size(bytes)),
        (_, false) => format!("encrypted files, {}; see below", size(bytes)),
    };
    let kits = bundle.unlock.kits.iter().filter(|kit| kit.valid).count();
    let ways = match kits {
        0 => "way to open them: the master password".to_owned(),
        kits => format!("ways to open them: the master password, {}", counted(kits, "recovery kit")),
    };
    let (opened, opened_says) = match &bundle.log {
        None => ("–".to_owned(), "openings: not known, no record was kept".to_owned()),
        Some(_) => {
            let reasons = openings.iter().filter(|opening| !opening.reason.is_empty()).count();
            let word = if openings.len() == 1 { "opening" } else { "openings" };
            let says = match (openings.len(), reasons) {
                (0, _) => format!("{word} on record"),
                (all, given) if all == given => format!("{word} on record, each with a reason"),
                (_, given) => format!("{word} on record, {} with a reason", grouped(given as u64)),
            };
            (grouped(openings.len() as u64), says)
        }
    };
    let (left, left_says) = time_left(bundle);
    let figures = [
        (grouped(files.len() as u64), held),
        (grouped(1 + kits as u64), ways),
        (opened, opened_says),
        (left, left_says),
    ];
    figures
        .iter()
        .map(|(figure, says)| {
            let class = if width(figure) > 420 { " class=\"wide\"" } else { "" };
            format!("<div><b{class}>{}</b><span>{}</span></div>", escaped(figure), escaped(says))
        })
        .collect()
}

fn time_left(bundle: &Bundle) -> (String, String) {
    if let Some(at) = bundle.project.destroyed {
        let done = bundle.destruction.as_ref().is_some_and(|destruction| destruction.settled);
        let says = if done { "keys left, since" } else { "keys left in this vault; earlier copies still open, since" };
        return ("0".into(), format!("{says} {}", Day::of(at)));
    }
    if bundle.project.hold.is_some() {
        return ("hold".into(), "nothing is to be destroyed".into());
    }
    let Some(day) = due(bundle) else { return ("–".into(), "no day to destroy them is on record".into()) };
    let (days, is_set) = (Day::of(bundle.made).until(day), bundle.agreed("destroy_by").is_some());
    let what = if is_set { "they are to be destroyed" } else { "the contract ends" };
    let figure = grouped(days.unsigned_abs());
    let unit = if days.abs() == 1 { "day" } else { "days" };
    if days >= 0 { (figure, format!("{unit} until {what}")) } else { (figure, format!("{unit} past the day: {what}")) }
}

/// The facts in words: what for, on which ground, who is responsible, and who could read.
fn facts(sheet: &mut Sheet, bundle: &Bundle, openings: &[Opening]) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, text: String| rows.push(format!("<dt>{name}</dt><dd>{text}</dd>"));
    let unset = || "not on record".to_owned();
    for (name, field) in [("Purpose", "purpose"), ("Held under", "basis"), ("Custodian", "custodian")] {
        row(name, bundle.agreed(field).map_or_else(unset, |text| sheet.text(text, FACT)));
    }
    row("Opened by", sheet.text(&opened_by(bundle, openings), FACT));
    row("Shared with", sheet.text(&shared_with(bundle, openings), FACT));
    row("To be destroyed", sheet.text(&destroy_by(bundle), FACT));
    rows.concat()
}

fn opened_by(bundle: &Bundle, openings: &[Opening]) -> String {
    if bundle.log.is_none() {
        return "not known: no record of accesses was kept".into();
    }
    let accounts = by_account(openings);
    match accounts.len() {
        0 => "nobody, as far as the record goes".into(),
        _ => {
            let all: Vec<String> = accounts.iter().map(|(who, count)| format!("{who} ({count})")).collect();
            all.join(", ")
        }
    }
}

fn shared_with(bundle: &Bundle, openings: &[Opening]) -> String {
    let kits: Vec<&str> = bundle.unlock.kits.iter().filter(|kit| kit.valid).map(|kit| kit.name.as_str()).collect();
    let with: Vec<&str> = bundle.shares.iter().map(|share| share.with.as_str()).collect();
    let nobody = "nobody on record".to_owned();
    let shown = openings.iter().filter(|opening| opening.action == "key.show");
    let shown: Vec<String> = shown.map(|opening| Day::of(opening.at).short()).collect();
    let keys = match &shown[..] {
        [] => None,
        [day] => Some(format!("a file key was shown on {day}")),
        [first, .., last] => Some(format!("file keys were shown {} times, {first} to {last}", shown.len())),
    };
    let with = match (with.is_empty(), keys) {
        (true, None) => nobody,
        (true, Some(keys)) => format!("{nobody}, but {keys}: whoever has it opens the files"),
        (false, None) => with.join(", "),
        (false, Some(keys)) => format!("{}; {keys}", with.join(", ")),
    };
    match kits.len() {
        0 => with,
        1 => format!("{with}; one recovery kit on paper, {}", kits[0]),
        several => format!("{with}; {several} recovery kits on paper, {}", kits.join(", ")),
    }
}

/// By when, and from when that was moved: a day that was moved is a fact that has to be seen.
fn destroy_by(bundle: &Bundle) -> String {
    let set = |field: &str| -> Vec<(String, String, Timestamp)> {
        let revisions = bundle.engagement.iter().flat_map(|agreed| &agreed.revisions);
        let values = revisions.filter_map(|revision| {
            let value = revision.set.get(field)?.as_value().as_str()?;
            Some((value.to_owned(), revision.by.clone(), revision.at))
        });
        values.collect()
    };
    let field = if bundle.agreed("destroy_by").is_some() { "destroy_by" } else { "ends" };
    let Some(day) = due(bundle) else { return "no day is on record".into() };
    let what = if field == "ends" { "no day is on record; the contract ends on " } else { "" };
    let at_end = match bundle.agreed("at_end") {
        Some("return") => ", and to be returned",
        Some("return-then-destroy") => ", after they are returned",
        _ => "",
    };
    let all = set(field);
    let moved = match &all[..] {
        [.., (before, _, _), (now, by, at)] if before != now => {
            let before = Day::read(before).map_or_else(|| before.clone(), Day::short);
            format!(" (was {before}; changed {} by {by})", Day::of(*at).short())
        }
        _ => String::new(),
    };
    format!("{what}by {day}{at_end}{moved}").replace("ends on by", "ends on")
}

fn counts(checks: &[Check]) -> String {
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    format!(
        "<i>{}</i> not met &#160; <i>{}</i> not known &#160; <i>{}</i> met",
        count(CheckState::NotMet),
        count(CheckState::NotKnown),
        count(CheckState::Met)
    )
}

/// The conditions: those that are not met first. A few of the first may take two lines.
fn checks(sheet: &mut Sheet, checks: &[Check]) -> String {
    let mut spare = MORE_LINES;
    let row = |check: &Check| {
        let name = CONDITIONS.iter().find(|(id, _)| *id == check.id).map_or(check.id.as_str(), |(_, name)| *name);
        let is_long = width(&check.says) > SAYS && spare > 0 && check.state != CheckState::Met;
        spare -= usize::from(is_long);
        // A line may break early, at a long word.
        let says = sheet.text(&check.says, if is_long { 2 * SAYS - 500 } else { SAYS });
        let (class, mark, state) = match check.state {
            CheckState::NotMet => ("unmet", UNMET, "not met"),
            CheckState::NotKnown => ("unknown", UNKNOWN, "not known"),
            CheckState::Met => ("met", MET, "met"),
        };
        format!(
            "<tr class=\"{class}\"><td class=\"mark\" aria-hidden=\"true\">{mark}</td><th scope=\"row\">{}</th>\
             <td>{says}</td><td class=\"st\">{state}</td></tr>",
            escaped(name)
        )
    };
    checks.iter().map(row).collect()
}

pub(super) const MET: &str =
    "<svg viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7\"/><path d=\"M4.5 8.5l2.5 2.5 4.5-5.5\"/></svg>";
pub(super) const UNMET: &str = "<svg viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" rx=\"2\"/><path d=\"M4.5 4.5l7 7M11.5 4.5l-7 7\"/></svg>";
pub(super) const UNKNOWN: &str = "<svg viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7\"/><path d=\"M5.8 6.4c0-3 4.4-3 4.4-.3 \
                       0 1.7-2.2 1.8-2.2 3.6M8 11.2v1.3\"/></svg>";

/// Returns a digest as the page shows it: in groups of eight, so that two people can compare it.
#[must_use]
pub fn in_groups(hash: &str) -> String {
    let groups: Vec<&str> =
        hash.as_bytes().chunks(8).map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(" ")
}

/// Returns a moment as people write it: `26 November 2026, 09:14 UTC`.
pub(super) fn in_words(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}, {} UTC", Day::of(time), text.get(11..16).unwrap_or_default())
}

#[cfg(test)]
mod tests;
