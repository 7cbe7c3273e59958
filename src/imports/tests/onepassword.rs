use super::*;

pub(super) const DATA: &str = r#"{"accounts": [
  {"attrs": {"accountName": "Ada", "name": "Ada", "email": "ada@mail.example", "uuid": "A1", "domain": "https://my.1password.com/"},
   "vaults": [
    {"attrs": {"uuid": "v1", "desc": "", "name": "Personal", "type": "P"}, "items": [
      {"uuid": "i1", "favIndex": 1, "createdAt": 1619467769, "updatedAt": 1619467906, "state": "active", "categoryUuid": "001",
       "details": {
         "loginFields": [
           {"value": "ada", "id": "", "name": "user", "fieldType": "E", "designation": "username"},
           {"value": "p\u00e4ss", "id": "", "name": "pass", "fieldType": "P", "designation": "password"},
           {"value": "extra", "id": "memo;opid=1", "name": "memo", "fieldType": "T", "designation": ""},
           {"value": {"email_address": "alias@fast.example"}, "id": "", "name": "mail", "fieldType": "E"}],
         "notesPlain": "one\ntwo",
         "sections": [
           {"title": "", "name": "", "fields": [
             {"title": "otp", "id": "TOTP_1", "value": {"totp": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"}},
             {"title": "second", "id": "TOTP_2", "value": {"totp": "GEZDGNBV"}}]},
           {"title": "Security", "name": "s1", "fields": [
             {"title": "answer", "id": "a", "value": {"concealed": "blue"}},
             {"title": "since", "id": "b", "value": {"date": 1700000000}},
             {"title": "expires", "id": "c", "value": {"monthYear": 203004}},
             {"title": "", "id": "contact", "value": {"email": {"email_address": "help@mail.example", "provider": null}}},
             {"title": "home", "id": "d", "value": {"address": {"street": "1 Road", "city": "Town", "country": "fi", "zip": "00100", "state": ""}}},
             {"title": "plan", "id": "e", "value": {"file": {"fileName": "plan.pdf", "documentId": "d1", "decryptedSize": 5}}},
             {"title": "bound", "id": "f", "value": {"reference": "i2"}},
             {"title": "strange", "id": "g", "value": {"later": {"x": 1}}},
             {"title": "nothing", "id": "h", "value": {"string": ""}}]}],
         "passwordHistory": [{"value": "old", "time": 1458322355}],
         "passkey": {"credentialId": "x"}},
       "overview": {"subtitle": "", "title": "Mail", "url": "https://mail.example",
                    "urls": [{"label": "", "url": "https://mail.example"}, {"label": "", "url": "https://webmail.example"}],
                    "tags": ["work", "mail"]}},
      {"uuid": "i2", "state": "archived", "categoryUuid": "001", "details": {}, "overview": {"title": "Old", "url": ""}},
      {"uuid": "i3", "state": "active", "categoryUuid": "005", "details": {"password": "alone"}, "overview": {"title": "Pass"}},
      {"uuid": "i4", "state": "active", "categoryUuid": "006",
       "details": {"documentAttributes": {"fileName": "deed.pdf", "documentId": "d2", "decryptedSize": 9}}, "overview": {"title": "Deed"}}]},
    {"attrs": {"name": "Shared"}, "items": [
      {"uuid": "i5", "state": "active", "categoryUuid": "114", "overview": {"title": "Key"},
       "details": {"sections": [{"title": "", "fields": [{"title": "private key", "id": "private_key", "value": {"sshKey":
         {"privateKey": "-----BEGIN", "metadata": {"privateKey": "-----BEGIN", "publicKey": "ssh-ed25519 AAAA", "fingerprint": "SHA256:x", "keyType": "ed25519"}}}}]}]}},
      {"uuid": "i6", "state": "active", "categoryUuid": "002", "overview": {"title": "Card"},
       "details": {"sections": [{"title": "", "fields": [
         {"title": "number", "id": "ccnum", "value": {"creditCardNumber": "4111"}},
         {"title": "type", "id": "type", "value": {"creditCardType": "visa"}}]}]}}]}]},
  {"attrs": {"accountName": "Family"}, "vaults": [
    {"attrs": {"name": "Personal"}, "items": [
      {"uuid": "i7", "state": "active", "categoryUuid": "003", "details": {"notesPlain": "x"}, "overview": {"title": "Mail"}}]}]}
]}"#;

pub(super) fn export() -> Vec<u8> {
    zipped(&[
        ("export.attributes", br#"{"version":3,"description":"1Password Unencrypted Export"}"#),
        ("export.data", DATA.as_bytes()),
        ("files/d1__plan.pdf", b"attachment"),
    ])
}

#[test]
fn all_accounts_and_vaults_and_kinds_of_values_come_over() {
    assert_eq!(Format::detect(&export(), "1PasswordExport.1pux"), Some(Format::OnePassword));
    let imported = taken(export(), Format::OnePassword);
    assert_eq!(imported.names(), ["Mail", "Pass", "Deed", "Key", "Card", "Mail (2)"]);
    let mail = imported.item("Mail");
    let totp = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP";
    assert_eq!(mail.parts(), ["Mail", "Ada/Personal", "ada", "p\u{e4}ss", totp, "one\ntwo", "login"]);
    assert_eq!(mail.urls, ["https://mail.example", "https://webmail.example"]);
    assert_eq!(mail.tags, ["work", "mail"]);
    for (name, field) in [
        ("memo", ("extra", false)),
        ("mail", ("alias@fast.example", false)),
        ("second", ("GEZDGNBV", true)),
        ("Security: answer", ("blue", true)),
        ("Security: since", ("2023-11-14", false)),
        ("Security: expires", ("2030-04", false)),
        ("Security: contact", ("help@mail.example", false)),
        ("Security: home", ("1 Road\n00100\nTown\nfi", false)),
    ] {
        assert_eq!(mail.field(name), Some(field), "{name}");
    }
    assert_eq!(mail.fields.len(), 8);
    assert_eq!(imported.item("Pass").parts(), ["Pass", "Ada/Personal", "", "alone", "", "", "password"]);
    let key = imported.item("Key");
    assert_eq!((&*key.kind, &*key.folder), ("ssh-key", "Ada/Shared"));
    assert_eq!(key.field("private key"), Some(("-----BEGIN", true)));
    assert_eq!(key.field("public key"), Some(("ssh-ed25519 AAAA", false)));
    assert_eq!(key.fields.len(), 4);
    assert_eq!(imported.item("Card").field("number"), Some(("4111", true)));
    assert_eq!(imported.item("Card").field("type"), Some(("visa", false)));
    assert_eq!(imported.item("Mail (2)").folder, "Family/Personal");
    let attachment = "attachment: files are not kept with secrets; encrypt them as files";
    assert_eq!(
        imported.report(),
        [
            format!("Mail, {attachment}"),
            "Mail, Security: bound: it refers to another entry and has no value of its own".to_owned(),
            "Mail, Security: strange: it has a form that is not known here".to_owned(),
            "Mail, passkey: a passkey works only in the program that made it; set up another way to sign in".to_owned(),
            "Mail, earlier password: only the current password is taken".to_owned(),
            "Old, the item: it is archived".to_owned(),
            format!("Deed, {attachment}"),
        ]
    );
}

#[test]
fn the_entry_alone_is_read_too_and_others_are_no_export() {
    assert_eq!(Format::detect(DATA.as_bytes(), "export.data"), Some(Format::OnePassword));
    assert_eq!(taken(DATA, Format::OnePassword).items.len(), 6);
    let other = zipped(&[("x/export.data", DATA.as_bytes())]);
    assert_eq!(refused(&other, Format::OnePassword), ImportError::ZipEntryMissing { entry: "export.data" });
    assert_eq!(Format::detect(&other, "x.zip"), None);
    assert_eq!(refused("{\"accounts\":{}}", Format::OnePassword), ImportError::NotThisFormat(Format::OnePassword));
    let cut = &export()[..200];
    assert_eq!(Format::detect(cut, "x.1pux"), Some(Format::OnePassword));
    assert_eq!(refused(cut, Format::OnePassword), ImportError::Zip);
}
