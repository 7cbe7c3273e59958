use super::*;

const HEADER: &str = "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"TOTP\",\"Icon\",\
    \"Last Modified\",\"Created\"\n";

#[test]
fn groups_become_folders_and_the_recycle_bin_stays_behind() {
    let export = format!(
        "{HEADER}\
        \"Root/Work/Servers\",\"bastion\",\"ada\",\"p\\q\",\"ssh://bastion.example\",\"two\nlines\",\
        \"otpauth://totp/bastion:ada?secret=JBSWY3DPEHPK3PXP&period=30\",\"0\",\"2026-01-02T03:04:05Z\",\"\"\n\
        \"Root\",\"Alarm\",\"\",\"\",\"\",\"code 4711\",\"\",\"0\",\"\",\"\"\n\
        \"Root/Recycle Bin\",\"old\",\"u\",\"p\",\"\",\"\",\"\",\"0\",\"\",\"\"\n\
        \"Root/Recycle Bin/deeper\",\"older\",\"u\",\"p\",\"\",\"\",\"\",\"0\",\"\",\"\"\n"
    );
    assert_eq!(Format::detect(export.as_bytes(), "Passwords.csv"), Some(Format::KeePassXc));
    let imported = taken(&export, Format::KeePassXc);
    assert_eq!(imported.names(), ["bastion", "Alarm"]);
    let totp = "otpauth://totp/bastion:ada?secret=JBSWY3DPEHPK3PXP&period=30";
    let bastion = imported.item("bastion");
    assert_eq!(bastion.parts(), ["bastion", "Work/Servers", "ada", "p\\q", totp, "two\nlines", "login"]);
    assert_eq!(bastion.urls, ["ssh://bastion.example"]);
    assert_eq!(imported.item("Alarm").parts(), ["Alarm", "", "", "", "", "code 4711", "note"]);
    assert_eq!(imported.report(), ["old, the item: it is in the trash", "older, the item: it is in the trash"]);
}

#[test]
fn a_reference_is_reported_and_is_no_password() {
    let export = format!(
        "{HEADER}\"Root\",\"a\",\"{{REF:U@I:46C9B1FF}}\",\"{{ref:P@I:46C9B1FF}}\",\"\",\"{{not one}}\",\"\",\"\",\"\",\"\"\n"
    );
    let imported = taken(&export, Format::KeePassXc);
    assert_eq!(imported.item("a").parts(), ["a", "", "", "", "", "{not one}", "note"]);
    let reason = "it refers to another entry and has no value of its own";
    assert_eq!(imported.report(), [format!("a, user: {reason}"), format!("a, password: {reason}")]);
}
