//! What stands on the paper of a recovery kit: as text, and as one HTML file to be printed. Nothing here writes a file.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::format::kit::KitName;
use crate::format::name::printable;
use crate::format::{Timestamp, VaultId, kit};
use crate::pages::html::{escaped, fill};
use crate::pages::qr::{self, TooLong};

const HTML: &str = include_str!("page.html");
const TEXT: &str = include_str!("page.txt");

/// The most of the vault file's place that is printed, in characters: a page has an end.
const PLACE_LIMIT: usize = 160;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A kit as it is printed.
pub struct KitPage<'a> {
    /// What the kit is called.
    pub name: KitName,
    /// When it was made.
    pub created: Timestamp,
    /// The vault it opens.
    pub vault: VaultId,
    /// Where that vault's file was when the kit was made.
    pub place: &'a str,
    /// The code, in groups.
    pub code: &'a str,
}

impl KitPage<'_> {
    /// Returns the page as text.
    pub fn text(&self) -> Zeroizing<String> {
        self.fill(TEXT, &shortened(&printable(self.place)), &numbered(self.code), "")
    }

    /// Returns the page as one HTML file that loads nothing and prints on one sheet of A4 or US Letter.
    ///
    /// # Errors
    /// Where the code is longer than any kit's.
    pub fn html(&self) -> Result<Zeroizing<String>, TooLong> {
        let mut groups = Zeroizing::new(String::with_capacity(self.code.len() * 4));
        for group in kit::groups(self.code) {
            for part in ["<li>", group, "</li>\n"] {
                groups.push_str(part);
            }
        }
        let place = escaped(&shortened(&printable(self.place)));
        Ok(self.fill(HTML, &place, &groups, &qr::svg(self.code)?))
    }

    fn fill(&self, template: &str, place: &str, groups: &str, qr: &str) -> Zeroizing<String> {
        let (name, created, vault) = (self.name.to_string(), in_words(self.created), self.vault.to_string());
        fill(
            template,
            &[
                ("name", &name),
                ("created", &created),
                ("vault", &vault),
                ("place", place),
                ("groups", groups),
                ("qr", qr),
            ],
        )
    }
}

/// Returns the groups of a code in two rows, each group below its number. The rows without the numbers read as a code.
pub fn numbered(code: &str) -> Zeroizing<String> {
    const IN_A_ROW: usize = kit::GROUPS.div_ceil(2);
    let groups: Vec<&str> = kit::groups(code).collect();
    let mut text = Zeroizing::new(String::with_capacity(code.len() * 4));
    for (row, groups) in groups.chunks(IN_A_ROW).enumerate() {
        if row > 0 {
            text.push('\n');
        }
        for (column, _) in groups.iter().enumerate() {
            // A string takes whatever is written to it.
            let _ = write!(text, "{}{:<4}", gap(column), row * IN_A_ROW + column + 1);
        }
        let length = text.trim_end().len();
        text.truncate(length);
        text.push('\n');
        for (column, group) in groups.iter().enumerate() {
            text.push_str(gap(column));
            text.push_str(group);
        }
        text.push('\n');
    }
    text
}

fn gap(column: usize) -> &'static str {
    if column == 0 { "    " } else { "   " }
}

/// Returns a moment as people write it: `21 November 2026, 08:30 UTC`.
fn in_words(time: Timestamp) -> String {
    let text = time.to_string();
    let month = text[5..7].parse().ok().and_then(|month: usize| MONTHS.get(month.wrapping_sub(1)));
    let day = text[8..10].trim_start_matches('0');
    format!("{day} {} {}, {} UTC", month.unwrap_or(&""), &text[..4], &text[11..16])
}

/// Takes the middle out of a long place: its ends tell more.
fn shortened(place: &str) -> String {
    let length = place.chars().count();
    if length <= PLACE_LIMIT {
        return place.to_owned();
    }
    let start = place.chars().take(PLACE_LIMIT / 3);
    let end = place.chars().skip(length - (PLACE_LIMIT - PLACE_LIMIT / 3 - 1));
    start.chain(['…']).chain(end).collect()
}

#[cfg(test)]
mod tests;
