//! A certificate of destruction as people read it: one sheet of A4, made of the certificate's bundle alone.

use crate::evidence::bundle::CheckState;
use crate::evidence::certificate::{Certificate, Condition, Line, NONE, SUFFIX, client};
use crate::evidence::day::Day;
use crate::evidence::says::grouped;
use crate::pages::html::{escaped, fill};
use crate::pages::report::fitting::{clipped, isolated, width};
use crate::pages::report::{MET, UNKNOWN, UNMET, in_groups, in_words};

const PAGE: &str = include_str!("page.html");
/// The room for what is said of one kind of thing, in one line.
const SAYS: usize = 4_700;
/// How many lines more than one for each kind there are in a list.
const MORE_LINES: usize = 6;
/// The steps, with what the page calls them.
const STEPS: [(&str, &str); 6] = [
    ("opened", "Ordered"),
    ("copies", "Copies looked for"),
    ("keys-removed", "Keys removed"),
    ("settled", "Earlier vault files shut out"),
    ("proved", "Files proven not to open"),
    ("closed", "Closed"),
];

/// Where the person who certifies signs.
const SIGN: &str = "<div class=\"sign\"><div>Signature</div><div>Name, function</div><div>Place, date</div></div>";

/// What keeps its room.
const SIGN_NOTHING: &str = "<div class=\"sign\"></div>";

/// A page that is being made: what did not fit is noted.
struct Sheet {
    has_clipped: bool,
}

impl Sheet {
    fn text(&mut self, text: &str, limit: usize) -> String {
        let (text, is_clipped) = clipped(text, limit);
        self.has_clipped |= is_clipped;
        isolated(&text)
    }
}

/// Makes the page of a certificate whose bundle has this SHA-256.
#[must_use]
pub fn page(certificate: &Certificate, sha256: &str) -> String {
    let mut sheet = Sheet { has_clipped: false };
    let client = client(certificate);
    let h1 = match width(&client) {
        0..=1_900 => "",
        1_901..=2_750 => " class=\"long\"",
        _ => " class=\"longest\"",
    };
    let is_open = certificate.waits_for.is_some();
    let heading = if is_open { "Destruction under way" } else { "Certificate of destruction" };
    let (destroyed, left) =
        (list(&mut sheet, &certificate.destroyed, 2), list(&mut sheet, &certificate.not_destroyed, MORE_LINES));
    let client_html = sheet.text(&client, 6_800);
    let project = sheet.text(&project(certificate), 7_400);
    let lead = sheet.text(&lead(certificate), 12_000);
    let erase: String = certificate.erase.iter().map(|condition| row(&mut sheet, condition)).collect();
    let cannot_know: String =
        certificate.cannot_know.iter().map(|says| format!("<li>{}</li>", escaped(says))).collect();
    let certifies = sheet.text(&certificate.certifies, 15_000);
    let more = match sheet.has_clipped {
        true => "\n<p class=\"more\">What ends in “…” did not fit here: it is in full in the bundle.</p>",
        false => "",
    };
    let html = fill(
        PAGE,
        &[
            ("heading", heading),
            ("title", &escaped(&clipped(&client, 4_000).0)),
            ("number", &grouped(certificate.destruction.number.into())),
            ("made", &in_words(certificate.made)),
            ("h1", h1),
            ("client", &client_html),
            ("project", &project),
            ("lead", &lead),
            ("open", &open(certificate)),
            ("steps", &steps(certificate)),
            ("destroyed", &destroyed),
            ("not_destroyed", &left),
            ("cannot_know", &cannot_know),
            ("erase", &erase),
            ("more", more),
            ("certifies", &certifies),
            ("sign", if is_open { SIGN_NOTHING } else { SIGN }),
            ("sha256", &in_groups(sha256)),
            ("fingerprint", &escaped(&certificate.signed_by.fingerprint)),
            ("key_made", &Day::of(certificate.signed_by.since).to_string()),
            ("file", &escaped(&certificate.name)),
            ("stem", &escaped(certificate.name.strip_suffix(SUFFIX).unwrap_or(&certificate.name))),
            ("identity", &escaped(&certificate.signed_by.identity)),
            ("tool", &isolated(&certificate.tool.version)),
        ],
    );
    html.to_string()
}

/// Which of the client's projects it was.
fn project(certificate: &Certificate) -> String {
    let purpose = certificate.agreed("purpose").map(|purpose| format!(": {purpose}")).unwrap_or_default();
    let held = certificate.agreed("basis").map(|basis| format!(", held under {basis}")).unwrap_or_default();
    format!("Project {}{purpose}{held}", certificate.project.name)
}

fn lead(certificate: &Certificate) -> String {
    let record = &certificate.destruction;
    let by = if record.by.is_empty() { String::new() } else { format!(" by {}", record.by) };
    let basis = if record.basis.is_empty() { String::new() } else { format!(", on the basis of: {}", record.basis) };
    let reason = if record.reason.is_empty() { String::new() } else { format!("; reason: {}", record.reason) };
    let done = match certificate.waits_for {
        Some(_) => "It is not finished.",
        None => "The keys were destroyed in the sense of cryptographic erase, without a FIPS 140 validated module.",
    };
    format!("Ordered on {}{by}{basis}{reason}. {done}", Day::of(record.opened))
}

fn open(certificate: &Certificate) -> String {
    let Some(step) = &certificate.waits_for else { return String::new() };
    let name = STEPS.iter().find(|(word, _)| word == step).map_or(step.as_str(), |(_, name)| *name);
    format!("\n<p class=\"open\">Destruction under way, NOT finished: it waits for “{}”.</p>", escaped(name))
}

fn steps(certificate: &Certificate) -> String {
    let step = |(word, name): &(&str, &str)| {
        let at = match *word {
            "opened" => Some(certificate.destruction.opened),
            "closed" => certificate.destruction.closed.filter(|_| certificate.waits_for.is_none()),
            word => certificate.done(word),
        };
        let is_next = certificate.waits_for.as_deref() == Some(*word);
        let (class, says) = match (at, is_next) {
            (Some(at), _) => ("done", in_words(at)),
            (None, true) => ("next", "waits".to_owned()),
            (None, false) => ("", "not done".to_owned()),
        };
        format!("<li class=\"{class}\"><b>{}</b>{}</li>", escaped(name), escaped(&says))
    };
    STEPS.iter().map(step).collect()
}

/// A list by the kinds of what is in it, each in one line, of which a few may be two.
fn list(sheet: &mut Sheet, lines: &[Line], mut spare: usize) -> String {
    if lines.is_empty() {
        return format!("<p>{NONE}</p>");
    }
    let mut kinds: Vec<&str> = Vec::new();
    for line in lines {
        if !kinds.contains(&line.kind.as_str()) {
            kinds.push(&line.kind);
        }
    }
    let rows = kinds.into_iter().map(|kind| {
        let of_kind: Vec<&str> = lines.iter().filter(|line| line.kind == kind).map(|line| line.says.as_str()).collect();
        let all = of_kind.join("; ");
        let count = if of_kind.len() > 1 { format!(" ({})", of_kind.len()) } else { String::new() };
        let is_long = width(&all) > SAYS && spare > 0;
        spare -= usize::from(is_long);
        let says = sheet.text(&all, if is_long { 2 * SAYS - 500 } else { SAYS });
        format!("<dt>{}{count}</dt><dd>{says}</dd>", escaped(kind))
    });
    let rows: String = rows.collect();
    format!("<dl>{rows}</dl>")
}

fn row(sheet: &mut Sheet, condition: &Condition) -> String {
    let (class, mark, state) = match condition.state {
        CheckState::NotMet => ("unmet", UNMET, "not met"),
        CheckState::NotKnown => ("unknown", UNKNOWN, "not known"),
        CheckState::Met => ("met", MET, "met"),
    };
    let section = if condition.section.is_empty() { String::new() } else { format!("{} ", condition.section) };
    format!(
        "<tr class=\"{class}\"><td class=\"mark\" aria-hidden=\"true\">{mark}</td><th scope=\"row\">{}</th>\
         <td>{}</td><td class=\"st\">{state}</td></tr>",
        escaped(&(section + &condition.name)),
        sheet.text(&condition.says, 3_300)
    )
}

#[cfg(test)]
mod tests;
