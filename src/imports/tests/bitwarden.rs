use super::*;

/// Written by tests/python/bitwarden_export.py with hashlib, the reference of Argon2 and OpenSSL.
const PBKDF2: &str = include_str!("../../../tests/vectors/imports/pbkdf2.json");
const ARGON2ID: &str = include_str!("../../../tests/vectors/imports/argon2id.json");
const PASSWORD: &str = "correct horse \u{e9} & <battery>";

pub(super) const PLAIN: &str = r#"{
  "encrypted": false,
  "folders": [{"id": "f1", "name": "Work/Clients"}, {"id": "f2", "name": "Home"}],
  "items": [
    {"id": "a1", "organizationId": null, "folderId": "f1", "type": 1, "reprompt": 0, "name": "Mail", "notes": "one\ntwo",
     "favorite": true, "collectionIds": null, "revisionDate": "2026-01-02T03:04:05.678Z", "creationDate": null,
     "deletedDate": null,
     "passwordHistory": [{"lastUsedDate": "2025-01-02T03:04:05Z", "password": "old-1"}, {"lastUsedDate": "", "password": "old-2"}],
     "fields": [{"name": "Customer", "value": "4711", "type": 0, "linkedId": null},
                {"name": "PIN", "value": "99", "type": 1, "linkedId": null},
                {"name": "Business", "value": "true", "type": 2, "linkedId": null},
                {"name": "Who", "value": null, "type": 3, "linkedId": 100},
                {"name": "PIN", "value": "100", "type": 1}],
     "login": {"fido2Credentials": [{"credentialId": "x", "keyValue": "secret-key"}],
               "uris": [{"match": null, "uri": "https://mail.example"}, {"match": 1, "uri": "androidapp://com.example"}],
               "username": "ada", "password": "p\"\u00e4ss", "totp": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"}},
    {"id": "a2", "type": 2, "name": "Safe", "notes": "42", "folderId": null, "secureNote": {"type": 0}, "login": null},
    {"id": "a3", "type": 3, "name": "Card", "folderId": "f2",
     "card": {"cardholderName": "Ada", "brand": "Visa", "number": "4111", "expMonth": "5", "expYear": "2030", "code": "123"}},
    {"id": "a4", "type": 4, "name": "Me",
     "identity": {"title": null, "firstName": "Ada", "ssn": "1-2-3", "postalCode": "00100", "phone": "+1"}},
    {"id": "a5", "type": 5, "name": "Key",
     "sshKey": {"privateKey": "-----BEGIN", "publicKey": "ssh-ed25519 AAAA", "keyFingerprint": "SHA256:x"}},
    {"id": "a6", "type": 9, "name": "Later", "laterKind": {"someNumber": 5, "list": [1]}},
    {"id": "a7", "type": 1, "name": "Steam", "login": {"totp": "steam://ABCDEF", "uris": null}},
    {"id": "a8", "type": 1, "name": "Bare", "login": {"totp": "JBSW Y3DP EHPK 3PXP ", "uris": []}},
    {"id": "a9", "type": 1, "name": null, "login": {"uris": [{"uri": "https://ada@host.example:8443/path"}]}},
    {"id": "b1", "type": 1, "name": "Gone", "deletedDate": "2026-02-03T04:05:06Z", "login": {"password": "x"}}
  ]
}"#;

#[test]
fn every_kind_of_item_comes_over() {
    assert_eq!(Format::detect(PLAIN.as_bytes(), "bitwarden_export.json"), Some(Format::Bitwarden));
    let imported = taken(PLAIN, Format::Bitwarden);
    let names = ["Mail", "Safe", "Card", "Me", "Key", "Later", "Steam", "Bare", "host.example"];
    assert_eq!(imported.names(), names);
    let mail = imported.item("Mail");
    let totp = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP";
    assert_eq!(mail.parts(), ["Mail", "Work/Clients", "ada", "p\"\u{e4}ss", totp, "one\ntwo", "login"]);
    assert_eq!(mail.source_id, "a1");
    assert_eq!(mail.urls, ["https://mail.example", "androidapp://com.example"]);
    assert_eq!(mail.field("Customer"), Some(("4711", false)));
    assert_eq!(mail.field("PIN"), Some(("99", true)));
    assert_eq!(mail.field("PIN (2)"), Some(("100", true)));
    assert_eq!(mail.field("Business"), Some(("true", false)));
    assert_eq!(imported.item("Safe").parts(), ["Safe", "", "", "", "", "42", "note"]);
    let card = imported.item("Card");
    assert_eq!((&*card.kind, &*card.folder), ("card", "Home"));
    assert_eq!(card.field("cardholder name"), Some(("Ada", false)));
    assert_eq!(card.field("number"), Some(("4111", true)));
    assert_eq!(card.field("code"), Some(("123", true)));
    assert_eq!(card.field("exp year"), Some(("2030", false)));
    let me = imported.item("Me");
    assert_eq!(me.fields.len(), 4);
    assert_eq!((me.field("ssn"), me.field("postal code")), (Some(("1-2-3", true)), Some(("00100", false))));
    let key = imported.item("Key");
    assert_eq!(key.kind, "ssh-key");
    assert_eq!(key.field("private key"), Some(("-----BEGIN", true)));
    assert_eq!(key.field("public key"), Some(("ssh-ed25519 AAAA", false)));
    assert_eq!(imported.item("Later").field("some number"), Some(("5", true)));
    assert_eq!(imported.item("Steam").totp.expose(), "steam://ABCDEF");
    assert_eq!(imported.item("Bare").totp.expose(), "JBSW Y3DP EHPK 3PXP");
    assert_eq!(
        imported.report(),
        [
            "Mail, passkey: a passkey works only in the program that made it; set up another way to sign in",
            "Mail, Who: it only points to another field of the same item",
            "Mail, 2 earlier passwords: only the current password is taken",
            "Later, list: it has a form that is not known here",
            "Gone, the item: it is in the trash",
        ]
    );
}

#[test]
fn items_of_an_organization_are_in_its_collections() {
    let export = r#"{"encrypted":false,"collections":[{"id":"c1","organizationId":"o","name":"IT/Servers","externalId":null},
        {"id":"c2","name":"On call"}],"items":[{"id":"1","type":1,"name":"a","folderId":null,"collectionIds":["c1","c2","c3"],
        "login":{"password":"p"}}]}"#;
    let imported = taken(export, Format::Bitwarden);
    assert_eq!((&*imported.items[0].folder, &imported.items[0].tags[..]), ("IT/Servers", &["On call".to_owned()][..]));
}

#[test]
fn attachments_of_a_zip_file_are_reported_by_their_item() {
    let export = zipped(&[
        ("data.json", PLAIN.as_bytes()),
        ("attachments/a2/deed.pdf", b"x"),
        ("attachments/a2/plan.pdf", b"x"),
        ("attachments/a3/", b""),
    ]);
    assert_eq!(Format::detect(&export, "bitwarden_export.zip"), Some(Format::Bitwarden));
    let report = taken(export, Format::Bitwarden).report();
    let line = "Safe, 2 attachments: files are not kept with secrets; encrypt them as files".to_owned();
    assert!(report.contains(&line) && !report.iter().any(|line| line.starts_with("Card")), "{report:?}");
}

fn opened(export: &str, password: Option<&str>) -> Result<Imported, ImportError> {
    let password = password.map(|password| SecretText::new(password.to_owned()));
    read(export.as_bytes(), Format::Bitwarden, &Options { password, ..Options::default() })
}

#[test]
fn what_another_implementation_has_encrypted_opens_under_its_password_alone() {
    for export in [PBKDF2, ARGON2ID] {
        assert_eq!(Format::detect(export.as_bytes(), "x.json"), Some(Format::Bitwarden));
        let imported = opened(export, Some(PASSWORD)).unwrap();
        assert_eq!(imported.item("Mail").parts(), ["Mail", "", "ada", "p\u{e4}ss & word", "", "", "login"]);
        assert_eq!(opened(export, Some("another")).unwrap_err(), ImportError::WrongPassword);
        assert_eq!(opened(export, None).unwrap_err(), ImportError::PasswordNeeded);
    }
}

#[test]
fn an_altered_byte_of_the_data_is_found_before_it_is_decrypted() {
    let start = PBKDF2.find("\"data\"").unwrap();
    for (place, with, error) in [
        // The initialization vector, the ciphertext and the MAC of the data.
        ("EBESExQ", "EBESExR", ImportError::Damaged),
        ("v9mwPqK", "v9mwPqL", ImportError::Damaged),
        ("8p9kDst", "8p9kDsu", ImportError::Damaged),
    ] {
        let (head, tail) = PBKDF2.split_at(start);
        let altered = format!("{head}{}", tail.replacen(place, with, 1));
        assert_ne!(altered, PBKDF2);
        assert_eq!(opened(&altered, Some(PASSWORD)).unwrap_err(), error, "{place}");
    }
    let altered = PBKDF2.replacen("VecrNtsz", "VecrNtsy", 1);
    assert_ne!(altered, PBKDF2);
    assert_eq!(opened(&altered, Some(PASSWORD)).unwrap_err(), ImportError::WrongPassword);
}

#[test]
fn numbers_out_of_range_are_refused_before_a_password_is_asked_for() {
    let rounds = |value: &str| PBKDF2.replace("\"kdfIterations\": 5000", &format!("\"kdfIterations\": {value}"));
    for (value, shown) in [
        ("2147483648", 1 << 31),
        ("4999", 4_999),
        ("-1", 0),
        ("18446744073709551616", u64::MAX),
        ("1e300", u64::MAX),
        ("\"5000\"", 0),
        ("null", 0),
    ] {
        let error = ImportError::KdfOutOfRange {
            name: "the number of PBKDF2 rounds",
            value: shown,
            least: 5_000,
            most: 2_000_000,
        };
        assert_eq!(opened(&rounds(value), None).unwrap_err(), error, "{value}");
    }
    for (member, old, new) in [
        ("kdfIterations", "3", "11"),
        ("kdfIterations", "3", "0"),
        ("kdfMemory", "16", "1025"),
        ("kdfMemory", "16", "14"),
        ("kdfParallelism", "4", "17"),
        ("kdfParallelism", "4", "null"),
    ] {
        let export = ARGON2ID.replace(&format!("\"{member}\": {old}"), &format!("\"{member}\": {new}"));
        assert_ne!(export, ARGON2ID);
        assert!(matches!(opened(&export, None).unwrap_err(), ImportError::KdfOutOfRange { .. }), "{member} {new}");
    }
    let export = PBKDF2.replace("\"kdfType\": 0", "\"kdfType\": 2");
    assert_eq!(opened(&export, None).unwrap_err(), ImportError::UnsupportedEncryption);
}

#[test]
fn an_export_for_one_account_is_refused_in_words() {
    let export =
        r#"{"encrypted":true,"encKeyValidation_DO_NOT_EDIT":"2.a|b|c","folders":[],"items":[{"name":"2.a|b|c"}]}"#;
    assert_eq!(Format::detect(export.as_bytes(), ""), Some(Format::Bitwarden));
    assert_eq!(refused(export, Format::Bitwarden), ImportError::AccountRestricted);
    assert_eq!(refused("{}", Format::Bitwarden), ImportError::NotThisFormat(Format::Bitwarden));
    assert_eq!(refused("[]", Format::Bitwarden), ImportError::NotThisFormat(Format::Bitwarden));
    assert_eq!(refused(zipped(&[("x", b"")]), Format::Bitwarden), ImportError::ZipEntryMissing { entry: "data.json" });
}
