use super::*;

pub(super) const DATA: &str = r#"{"version": "1.31.0", "userId": "u", "encrypted": false, "vaults": {
  "s1": {"name": "Personal", "description": "", "display": {"color": 0, "icon": 0}, "items": [
    {"itemId": "i1", "shareId": "s1", "state": 1, "aliasEmail": null, "contentFormatVersion": 6, "createTime": 1689182868,
     "modifyTime": 1689182868, "pinned": true, "files": ["f1", "f2"],
     "data": {"metadata": {"name": "Mail", "note": "one\ntwo", "itemUuid": "e8"}, "type": "login",
       "platformSpecific": {"android": {"allowedApps": []}},
       "content": {"itemEmail": "ada@mail.example", "itemUsername": "ada", "password": "p\u00e4ss",
                   "urls": ["https://mail.example/", "https://webmail.example/"], "totpUri": "JBSWY3DPEHPK3PXP",
                   "passkeys": [{"keyId": "k", "content": "private"}, {"keyId": "l", "content": "private"}]},
       "extraFields": [
         {"fieldName": "visible", "type": "text", "data": {"content": "v"}},
         {"fieldName": "unseen", "type": "hidden", "data": {"content": "h"}},
         {"fieldName": "second", "type": "totp", "data": {"totpUri": "otpauth://totp/y?secret=GEZDGNBV"}},
         {"fieldName": "since", "type": "timestamp", "data": {"timestamp": "2024-01-02"}}]}},
    {"itemId": "i2", "state": 2, "data": {"metadata": {"name": "Gone", "note": ""}, "type": "note", "content": {}, "extraFields": []}},
    {"itemId": "i3", "state": 1, "data": {"metadata": {"name": "Card", "note": ""}, "type": "creditCard", "extraFields": [],
       "content": {"cardholderName": "Ada", "cardType": 0, "number": "4111", "verificationNumber": "123", "expirationDate": "2030-05", "pin": "99"}}},
    {"itemId": "i4", "state": 1, "aliasEmail": "a.b@passmail.example",
     "data": {"metadata": {"name": "Alias", "note": ""}, "type": "alias", "content": {}, "extraFields": []}},
    {"itemId": "i5", "state": 1, "data": {"metadata": {"name": "", "note": ""}, "type": "login", "extraFields": [
         {"fieldName": "code", "type": "totp", "data": {"totpUri": "GEZDGNBV"}}],
       "content": {"itemEmail": "only@mail.example", "itemUsername": "", "password": "", "urls": ["https://host.example/x"], "totpUri": "", "passkeys": []}}}]},
  "s2": {"name": "Work", "items": [
    {"itemId": "i6", "state": 1, "data": {"metadata": {"name": "Me", "note": "n"}, "type": "identity", "extraFields": [],
       "content": {"fullName": "Ada", "email": "ada@mail.example", "socialSecurityNumber": "1-2-3", "gender": "",
                   "extraPersonalDetails": [{"fieldName": "size", "type": "text", "data": {"content": "42"}}],
                   "extraSections": [{"sectionName": "Old", "sectionFields": [{"fieldName": "word", "type": "hidden", "data": {"content": "w"}}]}]}}},
    {"itemId": "i7", "state": 1, "data": {"metadata": {"name": "Key", "note": ""}, "type": "sshKey", "extraFields": [],
       "content": {"privateKey": "-----BEGIN", "publicKey": "ssh-ed25519 AAAA", "sections": []}}},
    {"itemId": "i8", "state": 1, "data": {"metadata": {"name": "Older", "note": ""}, "type": "login", "extraFields": [],
       "content": {"username": "ada", "password": "p", "urls": []}}}]}
}}"#;

#[test]
fn all_vaults_and_kinds_come_over() {
    let imported = taken(DATA, Format::ProtonPass);
    assert_eq!(imported.names(), ["Mail", "Card", "Alias", "host.example", "Me", "Key", "Older"]);
    let mail = imported.item("Mail");
    assert_eq!(mail.parts(), ["Mail", "Personal", "ada", "p\u{e4}ss", "JBSWY3DPEHPK3PXP", "one\ntwo", "login"]);
    assert_eq!((&*mail.source_id, mail.urls.len()), ("i1", 2));
    for (name, field) in [
        ("email", ("ada@mail.example", false)),
        ("visible", ("v", false)),
        ("unseen", ("h", true)),
        ("second", ("otpauth://totp/y?secret=GEZDGNBV", true)),
        ("since", ("2024-01-02", false)),
    ] {
        assert_eq!(mail.field(name), Some(field), "{name}");
    }
    assert_eq!(mail.fields.len(), 5);
    let card = imported.item("Card");
    assert_eq!((card.field("number"), card.field("pin")), (Some(("4111", true)), Some(("99", true))));
    assert_eq!(card.field("expiration date"), Some(("2030-05", false)));
    assert_eq!(imported.item("Alias").parts(), ["Alias", "Personal", "a.b@passmail.example", "", "", "", "alias"]);
    let unnamed = imported.item("host.example");
    assert_eq!((&*unnamed.user, unnamed.totp.expose(), unnamed.fields.len()), ("only@mail.example", "GEZDGNBV", 0));
    let me = imported.item("Me");
    assert_eq!((&*me.kind, &*me.folder, me.fields.len()), ("identity", "Work", 5));
    assert_eq!((me.field("size"), me.field("word")), (Some(("42", false)), Some(("w", true))));
    assert_eq!(me.field("social security number"), Some(("1-2-3", true)));
    assert_eq!(imported.item("Key").field("private key"), Some(("-----BEGIN", true)));
    assert_eq!(imported.item("Older").user, "ada");
    assert_eq!(
        imported.report(),
        [
            "Mail, 2 passkeys: a passkey works only in the program that made it; set up another way to sign in",
            "Mail, 2 attachments: files are not kept with secrets; encrypt them as files",
            "Gone, the item: it is in the trash",
        ]
    );
}

#[test]
fn a_zip_file_is_read_and_what_pgp_encrypted_is_left_to_gpg() {
    let export = zipped(&[("Proton Pass/data.json", DATA.as_bytes()), ("Proton Pass/files/f1", b"x")]);
    for bytes in [DATA.as_bytes(), &export] {
        assert_eq!(Format::detect(bytes, "Proton Pass_export.zip"), Some(Format::ProtonPass));
        assert_eq!(taken(bytes, Format::ProtonPass).items.len(), 7);
    }
    for (bytes, name) in [
        (&b"-----BEGIN PGP MESSAGE-----\n\nwy4"[..], "data.asc"),
        (&b"\xc3\x2e\x04\x09\x03\x08"[..], "Proton Pass_export.pgp"),
        (&zipped(&[("Proton Pass/data.pgp", b"\xc3\x2e")])[..], "x.zip"),
    ] {
        assert_eq!(Format::detect(bytes, name), Some(Format::ProtonPass), "{name}");
        let error = refused(bytes, Format::ProtonPass);
        assert_eq!(error, ImportError::PgpEncrypted);
        assert!(error.to_string().contains("gpg --output data.json --decrypt data.pgp"));
    }
    // A text may begin with the same byte.
    assert_eq!(Format::detect("\u{dc}berschrift,b\n".as_bytes(), "x.csv"), None);
    assert_eq!(refused(r#"{"encrypted":true,"vaults":{}}"#, Format::ProtonPass), ImportError::PgpEncrypted);
    assert_eq!(refused("{}", Format::ProtonPass), ImportError::NotThisFormat(Format::ProtonPass));
    let entry = ImportError::ZipEntryMissing { entry: "Proton Pass/data.json" };
    assert_eq!(refused(zipped(&[("x", b"")]), Format::ProtonPass), entry);
}
