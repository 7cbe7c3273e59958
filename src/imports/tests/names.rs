use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::format::name::project_name;
use crate::imports::naming::{Line, Names, host_of, line, settled};

fn chrome(names: &[&str]) -> Imported {
    let quoted = |name: &&str| format!("\"{}\",https://host.example/,u,p\n", name.replace('"', "\"\""));
    let rows: String = names.iter().map(quoted).collect();
    taken(format!("name,url,username,password\n{rows}"), Format::Chrome)
}

#[test]
fn a_name_is_taken_as_it_is_or_without_what_no_name_may_have() {
    let imported = chrome(&[
        "=cmd|'/c calc'!A1",
        "+1",
        "@SUM(A1)",
        "-rf",
        "-- -x",
        "a\u{1b}[2J\u{7}b",
        "two\nlines\ttab",
        "right\u{202e}left",
        "  ends  ",
        "\u{200b}",
        "---",
        "e\u{301}",
        "\u{645}\u{6cc}\u{200c}\u{62e}",
    ]);
    let names = [
        "=cmd|'/c calc'!A1",
        "+1",
        "@SUM(A1)",
        "rf",
        "x",
        "a[2Jb",
        "two lines tab",
        "rightleft",
        "ends",
        "host.example",
        "host.example (2)",
        "\u{e9}",
        "\u{645}\u{6cc}\u{200c}\u{62e}",
    ];
    assert_eq!(imported.names(), names);
    let imported = taken("name,url,username,password\n,,u,p\n,,v,q\n \u{7}, - ,w,r\n", Format::Chrome);
    assert_eq!(imported.names(), ["imported item 1", "imported item 2", "imported item 3"]);
}

#[test]
fn long_and_equal_names_stay_short_and_become_different() {
    let long = "\u{1f511}".repeat(200);
    let imported = chrome(&["a", "a", "a (2)", "a", &long, &long, "A"]);
    let short = "\u{1f511}".repeat(128);
    let numbered = format!("{} (2)", "\u{1f511}".repeat(116));
    assert_eq!(imported.names(), ["a", "a (2)", "a (2) (2)", "a (3)", &short, &numbered, "A"]);
}

#[test]
fn a_host_is_found_in_addresses_of_all_kinds() {
    for (url, host) in [
        ("https://www.a.example/path?q#f", "www.a.example"),
        ("https://ada:secret@a.example:8443", "a.example"),
        ("http://a.example#x@b.example", "a.example"),
        ("a.example", "a.example"),
        ("http://[::1]:80/", "[::1]"),
        ("http://[::1]/", "[::1]"),
        ("android://x==@com.example/", "com.example"),
        ("https://", ""),
        ("", ""),
    ] {
        assert_eq!(host_of(url), host, "{url}");
    }
}

#[test]
fn what_is_shown_on_one_line_is_cleaned_or_too_long() {
    assert!(matches!(line(" ada "), Line::Same("ada")));
    assert!(matches!(line("a\nb\u{202e}"), Line::Cleaned(text) if text == "a b"));
    assert!(matches!(line(&"x".repeat(4096)), Line::Same(_)));
    assert!(matches!(line(&"x".repeat(4097)), Line::TooLong));
    assert!(matches!(line(&"\u{200b}".repeat(1 << 20)), Line::TooLong));
    let imported = taken("name,url,username,password\na,https://a.example,ad\u{7}a,p\n", Format::Chrome);
    assert_eq!(imported.items[0].user, "ada");
    assert_eq!(imported.report(), ["a, user: characters that are not shown were taken out of it"]);
}

proptest! {
    #[test]
    fn whatever_a_name_is_settled_to_is_a_name(text in any::<String>(), prefix in "[- \u{200d}\t]{0,4}") {
        if let Some(name) = settled(&format!("{prefix}{text}")) {
            prop_assert_eq!(project_name(&name), Ok(name));
        }
    }

    #[test]
    fn no_two_names_are_equal_and_all_are_names(
        texts in prop::collection::vec(prop::sample::select(vec!["a", "a (2)", "b", "a (3)", "\u{e9}"]), 0..40)
    ) {
        let mut names = Names::default();
        let long = "\u{915}\u{94d}".repeat(64);
        let given = texts.iter().map(|text| names.unique((*text).to_owned()))
            .collect::<Vec<_>>();
        let given: Vec<String> = given.into_iter().chain((0..3).map(|_| names.unique(long.clone()))).collect();
        prop_assert_eq!(given.iter().collect::<HashSet<_>>().len(), given.len());
        for name in &given {
            prop_assert_eq!(project_name(name), Ok(name.clone()));
        }
    }
}
