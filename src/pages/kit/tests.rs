use roxmltree::{Document, Node, ParsingOptions};

use super::*;
use crate::crypto::secret::KitSecret;

const CODE: &str = "000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFH-RC7R";
const PLACE: &str = "/home/ada/.local/share/strongroom/vault.json";
/// A file name may be anything.
const HOSTILE: &str =
    "/a&amp;b/<script src=\"https://example.org\">/'x' onload=\"/\u{202e}txt.\u{200f}/{{groups}}/ש/\u{1b}[2J";

fn page<'a>(place: &'a str, code: &'a str) -> KitPage<'a> {
    let vault = "e7118c17-06fd-4c9f-962f-08a5a68b5f73".parse().unwrap();
    let name = KitName { number: 3, id: crate::format::KitId::from_bytes([7; 16]) };
    KitPage { name, created: Timestamp::from_unix(1_795_249_800), vault, place, code }
}

/// Parses a page as XML, which is stricter than any browser.
fn parse(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(html, options).expect("well-formed")
}

fn all<'a, 'input>(document: &'a Document<'input>, name: &str) -> Vec<Node<'a, 'input>> {
    document.descendants().filter(|node| node.has_tag_name(name)).collect()
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

/// Everything on a page that a reader sees, white space between its parts left out.
fn shown(document: &Document<'_>) -> String {
    let body = all(document, "body")[0];
    body.descendants().filter(Node::is_text).filter_map(|node| node.text()).map(str::trim).collect()
}

/// Draws the page's QR code as its path says and has another implementation find and read it.
fn scan(document: &Document<'_>, damage: impl Fn(usize, usize) -> bool) -> Vec<String> {
    const SCALE: usize = 4;
    let svg = all(document, "svg")[0];
    let side: usize = svg.attribute("viewBox").unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let mut dark = vec![vec![false; side]; side];
    for run in all(document, "path")[0].attribute("d").unwrap().split_terminator('z') {
        let (at, shape) = run.strip_prefix('M').unwrap().split_once('h').unwrap();
        let (x, y) = at.split_once(' ').unwrap();
        let (length, back) = shape.split_once("v1h-").unwrap();
        assert_eq!(length, back);
        let (x, y, length): (usize, usize, usize) = (x.parse().unwrap(), y.parse().unwrap(), length.parse().unwrap());
        dark[y][x..x + length].fill(true);
    }
    let quiet = qr::QUIET as usize;
    let border = dark.iter().enumerate().all(|(y, row)| {
        row.iter().enumerate().all(|(x, dark)| !dark || [x, y].iter().all(|at| (quiet..side - quiet).contains(at)))
    });
    assert!(border, "a border of {quiet} modules stays white");
    let mut image = rqrr::PreparedImage::prepare_from_bitmap(side * SCALE, side * SCALE, |x, y| {
        let (x, y) = (x / SCALE, y / SCALE);
        dark[y][x] != damage(x, y)
    });
    let grids = image.detect_grids();
    grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
}

#[test]
fn the_text_says_all_there_is_to_know() {
    let expected = include_str!("expected.txt");
    assert_eq!(page(PLACE, CODE).text().as_str(), expected);
    assert!(expected.lines().all(|line| line.chars().count() < 80));
    let rows = expected.lines().skip(7).step_by(3).take(2).collect::<String>();
    assert!(kit::read(&rows).is_ok(), "the rows read as a code: {rows}");
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    for place in [PLACE, HOSTILE] {
        let html = page(place, CODE).html().unwrap();
        let document = parse(&html);
        let policy = all(&document, "meta")
            .into_iter()
            .find(|meta| meta.attribute("http-equiv") == Some("Content-Security-Policy"))
            .and_then(|meta| meta.attribute("content"))
            .unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{policy}");
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            let known = [
                "html", "head", "meta", "title", "style", "body", "header", "section", "h1", "h2", "p", "b", "dl",
                "dt", "dd", "bdi", "ol", "li", "svg", "path", "code", "table", "tr", "th", "td", "span",
            ];
            assert!(known.contains(&name), "<{name}>");
            for attribute in node.attributes() {
                let name = attribute.name();
                assert!(
                    !name.starts_with("on") && !["src", "href", "srcset", "action", "data"].contains(&name),
                    "{name}"
                );
                assert!(!attribute.value().contains("://"), "{name}");
            }
        }
        let style = text_of(all(&document, "style")[0]);
        assert!(!style.contains("url(") && !style.contains("@import"));
        assert!(place == HOSTILE || !html.contains("://"));
    }
}

#[test]
fn a_hostile_place_is_shown_as_text_and_changes_nothing_else() {
    let (plain, hostile) = (page(PLACE, CODE).html().unwrap(), page(HOSTILE, CODE).html().unwrap());
    let place = text_of(all(&parse(&hostile), "bdi")[0]);
    assert_eq!(place, printable(HOSTILE));
    assert!(place.contains("\\u{202e}") && place.contains("<script"));
    assert_eq!(hostile.replace(&escaped(&printable(HOSTILE)), PLACE), *plain);
    let text = page(HOSTILE, CODE).text();
    assert!(text.contains(&format!("Its file was      {}\n", printable(HOSTILE))));
    assert_eq!(text.matches("000G").count(), 1);
}

#[test]
fn the_code_stands_once_in_groups_and_once_in_the_qr_code() {
    for code in [CODE.to_owned(), kit::write(&KitSecret::generate().unwrap()).to_string()] {
        let html = page(PLACE, &code).html().unwrap();
        let document = parse(&html);
        let symbols = code.replace('-', "");
        assert_eq!(shown(&document).matches(&symbols).count(), 1);
        let groups: Vec<String> = all(&document, "ol")[0].children().filter(Node::is_element).map(text_of).collect();
        assert_eq!(groups.join("-"), code);
        assert_eq!(html.matches(&code).count(), 0, "the code as one line is in the QR code alone");
        assert_eq!(scan(&document, |_, _| false), [code]);
    }
}

#[test]
fn the_qr_code_outlives_a_stain() {
    let html = page(PLACE, CODE).html().unwrap();
    let document = parse(&html);
    // About a tenth of the square, in its middle: inverted, which is worse than covered.
    assert_eq!(scan(&document, |x, y| (18..31).contains(&x) && (18..31).contains(&y)), [CODE]);
    // A reader that made everything up would read this, too.
    assert!(scan(&document, |x, y| (x * 7 + y * 13) % 3 == 0).is_empty());
}

#[test]
fn nothing_is_left_to_fill_in_and_no_buffer_grows() {
    let long = "/ß".repeat(4000);
    for place in [PLACE, long.as_str()] {
        let (text, html) = (page(place, CODE).text(), page(place, CODE).html().unwrap());
        for (filled, template) in [(&text, TEXT), (&html, HTML)] {
            let mut names: Vec<&str> =
                template.split("{{").skip(1).filter_map(|tail| Some(tail.split_once("}}")?.0)).collect();
            names.sort_unstable();
            names.dedup();
            let known = ["created", "groups", "name", "place", "qr", "vault"];
            assert!(names.len() >= 5 && names.iter().all(|name| known.contains(name)), "{names:?}");
            assert_eq!(filled.capacity(), filled.len());
        }
        assert!(text.len() < 3000, "a long place does not make a second page");
    }
    let mut room = Vec::new();
    for _ in 0..50 {
        let code = kit::write(&KitSecret::generate().unwrap());
        room.push(qr::svg(&code).unwrap().capacity());
    }
    room.dedup();
    assert_eq!(room, [256 + 41 * 42 / 2 * 20], "the room it was given");
    assert!(qr::svg(&CODE.repeat(2)).is_err());
}

#[test]
fn a_long_place_keeps_both_ends() {
    let long = format!("/home/ada{}/vault.json", "/folder".repeat(100));
    let short = shortened(&long);
    assert_eq!(short.chars().count(), PLACE_LIMIT);
    assert!(short.starts_with("/home/ada/folder") && short.contains('…') && short.ends_with("/folder/vault.json"));
    let just = "é".repeat(PLACE_LIMIT);
    assert_eq!(shortened(&just), just);
}

#[test]
fn a_moment_is_written_as_people_write_it() {
    for (unix, words) in [
        (0, "1 January 1970, 00:00 UTC"),
        (1_709_164_800, "29 February 2024, 00:00 UTC"),
        (1_795_249_800, "21 November 2026, 08:30 UTC"),
        (i64::MAX, "31 December 9999, 23:59 UTC"),
    ] {
        assert_eq!(in_words(Timestamp::from_unix(unix)), words);
    }
}
