//! The order of protected values, on which all of them depend.

use serde::Deserialize;

use super::document::{Document, Written};

const PROTECTED: &str = "<String><Key>Password</Key><Value Protected=\"True\">AAAA</Value></String>";
const PLAIN: &str = "<String><Key>Notes</Key><Value> a &amp;&#10;<![CDATA[<b>]]> </Value></String>";
const HISTORY: &str = "<History><Entry><UUID>AAAAAAAAAAAAAAAAAAAAEQ==</UUID></Entry></History>";

fn file(meta: &str, entry: &str) -> String {
    format!(
        "<KeePassFile><Meta>{meta}</Meta><Root><Group><UUID>AAAAAAAAAAAAAAAAAAAAAQ==</UUID><Name>x</Name>\
         <Entry><UUID>AAAAAAAAAAAAAAAAAAAAEQ==</UUID>{entry}</Entry></Group></Root></KeePassFile>"
    )
}

fn is_read(xml: &str) -> bool {
    Document::read(xml.as_bytes()).is_ok()
}

#[test]
fn values_that_are_not_protected_are_read_exactly() {
    let document = Document::read(file("", &format!("{PLAIN}{PROTECTED}{HISTORY}")).as_bytes()).unwrap();
    let entry = &document.entries[0];
    assert!(matches!(&entry.strings[0], (name, Written::Plain(text)) if name == "Notes" && text == " a &\n<b> "));
    assert!(matches!(&entry.strings[1], (name, Written::Protected) if name == "Password"));
    assert_eq!((entry.history, entry.id[15]), (1, 0x11));
}

#[test]
fn a_file_in_which_something_is_decrypted_out_of_order_is_refused() {
    let binary = "<Binaries><Binary ID=\"0\" Protected=\"True\">AAAA</Binary></Binaries>";
    assert!(is_read(&file(binary, &format!("{PROTECTED}{HISTORY}"))));
    for (meta, entry) in [
        // A field after the history, after a file, after anything that is no field.
        ("", format!("{HISTORY}{PROTECTED}")),
        ("", format!("{PLAIN}{HISTORY}{PROTECTED}")),
        ("", format!("{PLAIN}<Tags/>{PROTECTED}")),
        // Protected, and not decrypted by the crate.
        ("", "<Custom Protected=\"True\">AAAA</Custom>".to_owned()),
        ("<Custom Protected=\"1\">AAAA</Custom>", String::new()),
        ("", "<Binary><Key>x</Key><Value Protected=\"True\">AAAA</Value></Binary>".to_owned()),
        // A name twice, a value twice, a value inside a value.
        ("", format!("{PROTECTED}{PROTECTED}")),
        ("", "<String><Key>a</Key><Value>b</Value><Value>c</Value></String>".to_owned()),
        ("", "<String><Key>a</Key><Value>b<c/></Value></String>".to_owned()),
        ("", "<String><Value Protected=\"True\">AAAA</Value></String>".to_owned()),
        ("<Binaries/><Binaries/>", String::new()),
        ("", "<String><Key>a</Key><Value Protected=\"maybe\">b</Value></String>".to_owned()),
        ("", "<String><Key>a</Key><Value>&made-up;</Value></String>".to_owned()),
    ] {
        assert!(!is_read(&file(meta, &entry)), "{meta} {entry}");
    }
    let whole = file("", PROTECTED);
    let (meta, root) = whole["<KeePassFile>".len()..].split_once("</Meta>").unwrap();
    assert!(is_read(&format!("<KeePassFile>{meta}</Meta>{root}")));
    let root = root.strip_suffix("</KeePassFile>").unwrap();
    assert!(!is_read(&format!("<KeePassFile>{root}{meta}</Meta></KeePassFile>")), "root before meta");
    assert!(!is_read(&format!("<!DOCTYPE x><KeePassFile>{meta}</Meta>{root}</KeePassFile>")), "a DTD");
    for cut in 0..whole.len() {
        assert!(!is_read(&whole[..cut]), "cut at {cut}");
    }
}

#[test]
fn lists_that_are_not_in_one_run_are_refused_by_the_crates_parser() {
    #[derive(Debug, Deserialize)]
    struct Lists {
        #[serde(rename = "a")]
        _a: Vec<String>,
        #[serde(rename = "b")]
        _b: Vec<String>,
    }
    quick_xml::de::from_str::<Lists>("<x><a>1</a><a>2</a><b>3</b></x>").unwrap();
    // The feature `overlapped-lists` of quick-xml would accept this, and keepass would give wrong passwords.
    let error = quick_xml::de::from_str::<Lists>("<x><a>1</a><b>3</b><a>2</a></x>").unwrap_err();
    assert!(error.to_string().contains("duplicate field"), "{error}");
}
