use std::path::Path;
use std::process::Command;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::json;

use super::*;
use crate::evidence::bundle::{Bundle, CheckState, FileState};
use crate::evidence::facts::{Facts, Known};
use crate::evidence::made_up::{facts, log, strict, time};
use crate::evidence::rules::{bundle, not_known};
use crate::evidence::verify::hash;
use crate::format::name::printable;

/// Names come from clients and may be anything.
const HOSTILE: &str =
    "</title><script src=\"https://example.org\">{{checks}}</script>&amp;'\u{202e}\u{2066}\u{1b}[2J\u{0}\"><td>";

fn sha256(bundle: &Bundle) -> String {
    hash(&bundle.to_bytes().unwrap())
}

fn made(facts: Facts) -> (Bundle, String) {
    let bundle = bundle(facts).unwrap();
    let html = page(&bundle, &sha256(&bundle));
    (bundle, html)
}

/// Parses a page as XML, which is stricter than any browser.
fn parse(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(html, options).expect("well-formed")
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

fn set_all(facts: &mut Facts, text: &str) {
    let Known::Is(agreed) = &mut facts.engagement else { return };
    for field in ["client", "purpose", "basis", "custodian"] {
        agreed.now.insert(field.into(), strict(json!(text)));
    }
    agreed.now.insert("declared".into(), strict(json!({"backups": text})));
    agreed.revisions[1].by = text.into();
    facts.project.client = text.into();
    facts.tool.version = "0.1.0".into();
    if let Known::Is(copies) = &mut facts.copies {
        copies.files[0].path = text.into();
    }
}

/// As bad as it gets: nothing is met.
fn nothing_met(facts: &mut Facts) {
    facts.files[0].state = FileState::Damaged;
    facts.files[1].state = FileState::Missing;
    facts.files[2].state = FileState::Foreign;
    facts.unlock.password = None;
    facts.unlock.kits.clear();
    facts.unlock.backups = None;
    facts.keys[1].created = time("2020-01-01T00:00:00Z");
    facts.log =
        not_known("this vault keeps no record of accesses: it was switched off when the project was added, in March");
    facts.copies =
        not_known("the copies that were made are not on record, so that they cannot be looked for by their length");
    for check in &mut facts.machine {
        check.state = CheckState::NotMet;
        check.says =
            "a probe that had no right to look, and of which nobody can say whether it would have found more".into();
    }
    if let Known::Is(agreed) = &mut facts.engagement {
        for field in ["destroy_by", "ends"] {
            agreed.now.insert(field.into(), strict(json!("2026-06-30")));
        }
    }
}

/// Every condition is met but that backups cannot be seen.
fn all_met(facts: &mut Facts) {
    if let Known::Is(copies) = &mut facts.copies {
        copies.files.iter_mut().for_each(|copy| copy.state = "gone".into());
    }
}

/// What a case does to facts of which one condition is not met.
type Change = fn(&mut Facts);

fn cases() -> Vec<(&'static str, String)> {
    let wide = "W".repeat(80);
    let long = "Landesversicherungsanstalt-für-Angestellte-und-Selbständige-im-nördlichen-Raum-e.V";
    let texts = [
        ("plain", ""),
        ("wide", wide.as_str()),
        ("long", long),
        ("hostile", HOSTILE),
        ("arabic", ARABIC),
        ("chinese", CHINESE),
    ];
    let kinds: [(&str, Change); 3] = [("one", |_| {}), ("none", all_met), ("twelve", nothing_met)];
    let mut cases = Vec::new();
    for (_, text) in &texts {
        for (_, change) in &kinds {
            let mut facts = facts(7, 1284, &log(41));
            if !text.is_empty() {
                set_all(&mut facts, text);
            }
            change(&mut facts);
            cases.push(made(facts).1);
        }
    }
    let names = texts.iter().flat_map(|(text, _)| kinds.iter().map(move |(kind, _)| format!("{text}-{kind}")));
    let names: Vec<&'static str> = names.map(|name| &*name.leak()).collect();
    names.into_iter().zip(cases).collect()
}

const ARABIC: &str = "مؤسسة الشمال الصحية للبحوث والدراسات السكانية والإحصاءات الطبية في المدينة القديمة";
const CHINESE: &str = "北风健康信托基金会患者体验调查统计分析中心北风健康信托基金会患者体验调查统计分析中心北风健康信托基金会患者体验调查统计分析中心北风健康信托基金会患者体验调查统计分析中心";

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let mut facts = facts(7, 3, &log(2));
    set_all(&mut facts, HOSTILE);
    let bundle = bundle(facts).unwrap();
    let sha256 = sha256(&bundle);
    for html in [page(&bundle, &sha256), annex(&bundle, &sha256)] {
        let document = parse(&html);
        let metas: Vec<Node<'_, '_>> = document.descendants().filter(|node| node.has_tag_name("meta")).collect();
        let policy = metas.iter().find(|meta| meta.has_attribute("http-equiv")).unwrap().attribute("content").unwrap();
        assert_eq!(policy, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'");
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            let known = [
                "html", "head", "meta", "title", "style", "body", "header", "b", "span", "h1", "h2", "p", "div", "dl",
                "dt", "dd", "i", "bdi", "svg", "g", "line", "rect", "text", "circle", "path", "table", "thead",
                "tbody", "tr", "th", "td", "footer", "code", "br",
            ];
            assert!(known.contains(&name), "<{name}>");
            for attribute in node.attributes() {
                let name = attribute.name();
                assert!(!name.starts_with("on") && !["src", "href", "srcset", "action", "data"].contains(&name));
                assert!(!attribute.value().contains("://"), "{name}");
            }
        }
        assert!(!html.contains("url(") && !html.contains("@import"));
        assert!(!html.contains(['\u{202e}', '\u{2066}', '\u{1b}', '\0']), "what is not seen is escaped");
    }
}

#[test]
fn hostile_texts_are_shown_as_they_are_and_change_nothing_else() {
    let harmless = "x".repeat(30);
    let [plain, hostile] = [harmless.as_str(), HOSTILE].map(|text| {
        let mut facts = facts(7, 3, &log(2));
        facts.log = not_known("none");
        set_all(&mut facts, text);
        made(facts).1
    });
    let shape = |html: &str| -> Vec<String> {
        let document = parse(html);
        let elements = document.descendants().filter(Node::is_element);
        let named = elements.map(|node| {
            let attributes: Vec<String> = node.attributes().map(|a| format!("{}={}", a.name(), a.value())).collect();
            format!("{} {}", node.tag_name().name(), attributes.join(" "))
        });
        named.filter(|element| !element.starts_with("h1") && element != "p class=more").collect()
    };
    assert_eq!(shape(&plain), shape(&hostile));
    let document = parse(&hostile);
    let heading = document.descendants().find(|node| node.has_tag_name("h1")).unwrap();
    let shown = text_of(heading);
    assert!(printable(HOSTILE).starts_with(shown.trim_end_matches('…')) && shown.contains("<script"), "{shown}");
    assert!(shown.contains("\\u{202e}") || shown.ends_with('…'));
}

#[test]
fn what_is_not_met_comes_first_and_what_is_not_said_is_always_there() {
    for change in [all_met as Change, nothing_met, |_| {}] {
        let mut facts = facts(7, 5, &log(2));
        change(&mut facts);
        let (bundle, html) = made(facts);
        let document = parse(&html);
        let classes: Vec<&str> = document
            .descendants()
            .filter(|node| node.has_tag_name("tr"))
            .map(|row| row.attribute("class").unwrap())
            .collect();
        let order = |class: &&str| ["unmet", "unknown", "met"].iter().position(|known| known == class);
        assert!(classes.len() == CONDITIONS.len() && classes.is_sorted_by_key(order), "{classes:?}");
        let limits = document.descendants().find(|node| node.attribute("class") == Some("limits")).unwrap();
        assert_eq!(text_of(limits), bundle.not_covered.join(" "));
        assert!(html.contains("I am responsible for these data."));
        assert_eq!(document.descendants().filter(|node| node.attribute("class") == Some("figs")).count(), 1);
    }
}

#[test]
fn a_day_that_was_moved_is_on_the_page() {
    let (_, html) = made(facts(7, 5, &log(2)));
    assert!(html.contains("by 30 September 2027 (was 30 Jun 2027; changed 4 May 2026 by Custodian Name)"), "{html}");
}

#[test]
fn the_page_names_the_bundle_that_it_is_made_of() {
    let bundle = bundle(facts(7, 5, &log(2))).unwrap();
    let sha256 = sha256(&bundle);
    let html = page(&bundle, &sha256);
    let document = parse(&html);
    let shown = text_of(document.descendants().find(|node| node.has_tag_name("footer")).unwrap());
    assert!(shown.replace(' ', "").contains(&sha256));
    assert!(shown.contains(&bundle.signed_by.fingerprint));
    assert!(shown.contains("ssh-keygen -Y verify -f northwind.allowed -I strongroom-07070707 -n strongroom-report"));
    assert_eq!(html, page(&bundle, &sha256));
}

/// The page belongs to the version of the bundle: whoever renders it again has to get the same bytes.
/// `STRONGROOM_RENEW=1 cargo test --lib pages` writes it again.
#[test]
fn the_page_of_this_version_is_as_it_was() {
    let mut facts = facts(7, 12, &log(1));
    facts.log = not_known("no record was kept");
    let bundle = bundle(facts).unwrap();
    let html = page(&bundle, &sha256(&bundle));
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages/report/expected.html"));
    if std::env::var_os("STRONGROOM_RENEW").is_some() {
        std::fs::write(file, &html).unwrap();
    }
    assert!(std::fs::read_to_string(file).unwrap() == html, "a page of version 1 has changed");
}

/// Prints a page with Chromium, and returns how many sheets that takes.
fn sheets(html: &str, folder: &Path) -> Option<usize> {
    let (source, target) = (folder.join("page.html"), folder.join("page.pdf"));
    std::fs::write(&source, html).unwrap();
    let printed = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--no-first-run"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--print-to-pdf={}", target.display()))
        .arg(&source)
        .output();
    let printed = printed.ok()?;
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let pdf = String::from_utf8_lossy(&std::fs::read(target).unwrap()).into_owned();
    Some(pdf.matches("/Type /Page\n").count())
}

#[test]
fn the_worst_page_prints_on_one_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    if let Some(folder) = std::env::var_os("STRONGROOM_PAGES") {
        for (name, html) in &cases {
            std::fs::write(Path::new(&folder).join(format!("{name}.html")), html).unwrap();
        }
    }
    for wanted in ["wide-twelve", "long-twelve"] {
        let (name, html) = cases.iter().find(|(name, _)| *name == wanted).unwrap();
        match sheets(html, folder.path()) {
            Some(sheets) => assert_eq!(sheets, 1, "{name}"),
            None => return println!("not run: chromium is not installed, which prints the page"),
        }
    }
}
