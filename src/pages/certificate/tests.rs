use roxmltree::{Document, ParsingOptions};

use super::*;
use crate::evidence::certificate::certificate_made_up as certificate;

const HOSTILE: &str = "</title><script src=\"https://example.org\">{{erase}}</script>&amp;'\u{202e}\u{1b}[2J\"><td>";

fn parse(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(html, options).expect("well-formed")
}

/// Writes pages to look at, if a folder is named.
fn keep(name: &str, html: &str) {
    if let Some(folder) = std::env::var_os("STRONGROOM_PAGES") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), html).unwrap();
    }
}

#[test]
fn a_name_alters_nothing_of_the_page() {
    let mut hostile = certificate();
    hostile.project.client = HOSTILE.into();
    hostile.engagement = None;
    hostile.destruction.by = HOSTILE.into();
    hostile.destruction.basis = HOSTILE.into();
    hostile.destruction.steps[3].result = HOSTILE.into();
    hostile.vault_files[0].place = HOSTILE.into();
    hostile.copies.as_mut().unwrap().files[0].path = HOSTILE.into();
    let html = page(&hostile.with_lists(), &"0".repeat(64));
    keep("certificate-hostile", &html);
    let plain = page(&certificate(), &"0".repeat(64));
    keep("certificate", &plain);
    let count = |html: &str, tag: &str| parse(html).descendants().filter(|node| node.has_tag_name(tag)).count();
    for tag in ["script", "title", "table", "td", "li", "header", "footer", "h2"] {
        assert_eq!(count(&html, tag), count(&plain, tag), "{tag}");
    }
    assert_eq!((count(&html, "script"), count(&html, "title")), (0, 1));
    assert!(!html.contains('\u{202e}') && !html.contains('\u{1b}'));
}

#[test]
fn the_page_never_promises_more_than_was_done() {
    let closed = page(&certificate(), &"0".repeat(64));
    assert!(closed.contains("Certificate of destruction") && !closed.contains("NOT finished"));
    for never in ["Purge", "irrecoverable", "compliant", "DoD"] {
        assert!(!closed.contains(never), "{never}");
    }
    assert!(closed.contains("without a FIPS 140 validated module"));
    let mut open = certificate();
    open.destruction.steps.truncate(2);
    open.destruction.closed = None;
    open.waits_for = Some("settled".into());
    let html = page(&open.with_lists(), &"0".repeat(64));
    keep("certificate-open", &html);
    assert!(html.contains("Destruction under way, NOT finished: it waits for “Earlier vault files shut out”"));
    assert!(!html.contains("Certificate of destruction"));
    // Nobody signs for what is not done, nor for a return that the program has not seen.
    assert!(!html.contains("I certify") && !html.contains("Signature") && closed.contains("Signature"));
    assert!(closed.contains("I certify that the keys to the data") && !closed.contains("returned and"));
    // A list of nothing says so.
    let mut empty = certificate();
    empty.destroyed.clear();
    assert!(page(&empty, &"0".repeat(64)).contains(NONE));
}
