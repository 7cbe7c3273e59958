use super::*;
use crate::imports::PassStore;

fn entry(path: &str, text: &str) -> Imported {
    let mut store = PassStore::default();
    store.take(path, &SecretText::new(text.to_owned())).unwrap();
    store.finish()
}

#[test]
fn the_first_line_is_the_password_and_the_others_say_what_they_are() {
    let totp = "otpauth://totp/mail?secret=JBSWY3DPEHPK3PXP";
    let text = format!(
        "p: w \nUser: ada\n{totp}\nurl: https://a.example\nwebsite: https://b.example\nlogin: second\npin: 99\n\
         colour: red\n\nsee http://c.example\nend:\n\n"
    );
    let imported = entry("Work/Mail/main", &text);
    let item = imported.item("main");
    assert_eq!(item.parts(), ["main", "Work/Mail", "ada", "p: w ", totp, "see http://c.example\nend:", "login"]);
    assert_eq!(item.urls, ["https://a.example", "https://b.example"]);
    assert_eq!(item.source_id, "Work/Mail/main");
    assert_eq!(item.field("login"), Some(("second", false)));
    assert_eq!(item.field("pin"), Some(("99", true)));
    assert_eq!(item.field("colour"), Some(("red", false)));
    assert!(imported.skipped.is_empty());
}

#[test]
fn an_entry_may_be_a_key_alone_or_a_note_alone_or_nothing() {
    let totp = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP";
    assert_eq!(entry("x", &format!("{totp}\n")).item("x").parts(), ["x", "", "", "", totp, "", "login"]);
    assert_eq!(entry("x", "\nonly\r\nthis").item("x").parts(), ["x", "", "", "", "", "only\nthis", "note"]);
    assert_eq!(entry("x", "").item("x").parts(), ["x", "", "", "", "", "", "login"]);
    let named = entry("x", &format!("pw\ntotp: {totp}\n"));
    assert_eq!(named.item("x").parts(), ["x", "", "", "pw", totp, "", "login"]);
}

#[test]
fn what_is_left_out_is_reported_by_its_path() {
    let mut store = PassStore::default();
    store.skip("Work/mail", "gpg cannot decrypt it").unwrap();
    store.take("long", &SecretText::new("x".repeat((1 << 20) + 1))).unwrap();
    let imported = store.finish();
    assert_eq!(
        imported.report(),
        ["Work/mail, the item: gpg cannot decrypt it", "long, password: it is longer than 1 MiB"]
    );
}
