//! `strongroom secret import`: what other password managers export becomes secrets, in one write and once.

use serde_json::json;

use crate::support::home::Home;

const BITWARDEN: &str = r#"{"encrypted": false, "folders": [{"id": "f1", "name": "Work"}], "items": [
    {"id": "a1", "folderId": "f1", "type": 1, "name": "Mail", "notes": "one\ntwo",
     "fields": [{"name": "PIN", "value": "99", "type": 1}],
     "login": {"fido2Credentials": [{"credentialId": "x"}], "uris": [{"uri": "https://mail.example"}],
               "username": "ada", "password": "hunter2", "totp": "JBSWY3DPEHPK3PXP"}},
    {"id": "a2", "type": 2, "name": "Safe", "notes": "42", "secureNote": {"type": 0}},
    {"id": "b1", "type": 1, "name": "Gone", "deletedDate": "2026-02-03T04:05:06Z", "login": {"password": "x"}}]}"#;

#[test]
fn an_export_is_shown_added_at_once_and_not_a_second_time() {
    let home = Home::with_project();
    home.write("export.json", BITWARDEN);
    let plan = "\
export.json (exported by bitwarden): 2 secrets to add
not taken over:
ITEM  WHAT      WHY
Mail  passkey   [..]
Gone  the item  it is in the trash
";
    home.run("secret import export.json --dry-run")
        .shows(&format!("{plan}would add:\n  Work/Mail\n  Safe\nnothing was changed\n"));
    home.run_alone("secret import export.json").fails(
        2,
        "error: an import has to be confirmed, and there is no terminal to ask at\nhint: see what would be added with \
         --dry-run, and add --yes\n",
    );
    let generation = |home: &Home| home.run_alone("status --json").json()["generation"].as_u64().unwrap();
    let before = generation(&home);
    home.run("secret import export.json --yes -p acme").does(&format!(
        "{plan}added 2 secrets: see them with `strongroom secret list`\nnote: export.json still holds all of them \
         unencrypted: delete it, and empty the trash\n"
    ));
    assert_eq!(generation(&home), before + 1);
    home.run("secret show Work/Mail --field password").shows("hunter2\n");
    home.run("secret show Work/Mail --field PIN").shows("99\n");
    home.run("secret show Work/Mail --field user").shows("ada\n");
    assert_eq!(home.run("secret otp Work/Mail").succeeds().text().len(), 7);
    let list = home.run("secret list --json").succeeds().json();
    assert_eq!(
        (&list[1]["secret"], &list[1]["project"], &list[1]["kind"]),
        (&json!("Work/Mail"), &json!("acme"), &json!("login"))
    );
    assert_eq!(list[1]["from"], "bitwarden:a1");

    home.run("secret rename Work/Mail mail").succeeds();
    let again = home.run("secret import export.json --yes --json").succeeds().changed_nothing().json();
    assert_eq!(
        (&again["added"], &again["known"], &again["written"]),
        (&json!([]), &json!(["mail", "Safe"]), &json!(false))
    );
    home.write("changed.json", BITWARDEN.replace("hunter2", "hunter3"));
    home.run("secret import changed.json --yes").shows(
        "changed.json (exported by bitwarden): 0 secrets to add, 2 imported before\n\
         not taken over:\n\
         ITEM  WHAT      WHY\n\
         Mail  passkey   [..]\n\
         Gone  the item  it is in the trash\n\
         mail  password  the vault has a different one since an earlier import, and keeps it\n\
         nothing was changed\n",
    );
    home.run("secret show mail --field password").shows("hunter2\n");
    let more = BITWARDEN.replace("\"a2\"", "\"a9\"");
    home.write("more.json", more);
    let more = home.run("secret import more.json --yes --json").succeeds().json();
    // The name that is taken gets a number.
    assert_eq!((&more["added"], &more["written"]), (&json!(["Safe (2)"]), &json!(true)));
    home.write("last.json", BITWARDEN.replace("\"a2\"", "\"a8\""));
    let last = home.run("secret import last.json --yes").succeeds();
    let note = "note: they belong to no project, so that destroying a project does not delete them; to give a secret to a \
                project: `strongroom secret move NAME --project PROJECT`\n";
    assert!(last.text().contains(note), "{}", last.text());
}

#[test]
fn an_export_under_a_password_is_opened_with_it() {
    let home = Home::with_project();
    let export = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/imports/pbkdf2.json");
    std::fs::copy(export, home.path("export.json")).unwrap();
    home.write("right", "correct horse \u{e9} & <battery>\n");
    home.write("wrong", "correct horse\n");
    home.run("secret import export.json --yes").fails(
        3,
        "error: cannot import export.json\ncause: it is encrypted: the password that it was exported with is needed\n\
         hint: give --export-password-file\n",
    );
    home.run("secret import export.json --yes --export-password-file wrong").fails(
        3,
        "error: cannot import export.json\ncause: the password is not the one that it was exported with\nhint: give \
         the password that was chosen for the export; it need not be the other program's master password\n",
    );
    let json = home.run("secret import export.json --yes --export-password-file right --json").succeeds().json();
    assert!(!json["added"].as_array().unwrap().is_empty(), "{json}");
    let name = json["added"][0].as_str().unwrap();
    home.typed("secret show").arg(name).args(["--password-file", "pw"]).run().succeeds();
}

#[test]
fn csv_is_read_by_its_columns_and_what_is_not_known_has_to_be_said() {
    let home = Home::with_project();
    home.write("firefox.csv", "url,username,password,httpRealm,formActionOrigin,guid,timeCreated,timeLastUsed,timePasswordChanged\nhttps://a.example,ada,pw1,,https://a.example,{g1},1,1,1\n");
    home.run("secret import firefox.csv --yes --quiet").succeeds();
    home.run("secret show a.example --field password").shows("pw1\n");
    home.write("other.csv", "Title;Login;Secret\nsftp;bo;pw2\n=cmd|x;bo;pw3\n");
    home.run("secret import other.csv --yes").fails(
        1,
        "error: cannot import other.csv\ncause: it is not known which program exported it\nhint: name the program with \
         --format, or the columns of a CSV file with --columns\n",
    );
    home.run("secret import other.csv --yes --columns name=Title,user=Login,password=Nosuch").fails(
        1,
        "error: cannot import other.csv\ncause: its first row has no column \"Title\"\nhint: name them with --columns\n",
    );
    let run = "secret import other.csv --yes --json --columns name=Title,user=Login,password=Secret";
    let json = home.run(run).succeeds().json();
    assert_eq!((&json["added"], &json["format"]), (&json!(["sftp", "=cmd|x"]), &json!("csv")));
    assert_eq!(home.run(run).succeeds().json()["known"], json!(["sftp", "=cmd|x"]));
    home.write(
        "lastpass.csv",
        "url,username,password,totp,extra,name,grouping,fav\nhttps://b.example,bo,a&amp;b,,,B,,0\n",
    );
    home.run("secret import lastpass.csv --yes --json").fails_in_json(1, "bad-export");
    home.run("secret import lastpass.csv --yes -q --html-entities decode").succeeds();
    home.run("secret show B --field password").shows("a&b\n");
}

#[test]
fn what_is_no_export_is_refused_and_nothing_is_added() {
    let home = Home::with_project();
    let deep = "{\"encrypted\":false,\"items\":".to_owned() + &"[".repeat(1000);
    for (name, bytes) in [
        ("cut.json", &BITWARDEN.as_bytes()[..200]),
        ("deep.json", deep.as_bytes()),
        ("zeros.1pux", &[0; 4096]),
        ("empty", b""),
        ("endless.csv", &[b'a'; 2 << 20]),
    ] {
        home.write(name, bytes);
        let outcome = home.run(&format!("secret import {name} --yes")).changed_nothing();
        assert!(matches!(outcome.code(), 1 | 5) && outcome.stderr().contains("hint: "), "{name}: {}", outcome.stderr());
    }
    home.run("secret import nosuch.json --yes --json").fails_in_json(4, "input-not-found");
    home.write("export.json", BITWARDEN);
    home.run("secret import export.json --yes -p nobody --json").fails_in_json(4, "project-not-found");
    home.run("secret list").shows("no secrets\n");
}

#[test]
fn an_export_is_encrypted_and_imports_into_another_vault_as_it_was() {
    let home = Home::with_project();
    home.write("export.json", BITWARDEN);
    home.run("secret import export.json --yes -p acme").succeeds();
    home.typed("secret set own --from-fd 0 --password-file pw").input(b"mine").run().succeeds();
    home.run("secret export acme.sealed -p acme").does(
        "2 secrets written to acme.sealed, encrypted with the key of project acme: `strongroom decrypt acme.sealed` opens \
         it\n",
    );
    let bytes = home.read("acme.sealed");
    assert!(bytes.windows(7).all(|part| part != b"hunter2"));
    assert_eq!(home.mode("acme.sealed"), 0o600);
    home.run("decrypt acme.sealed -o acme.json").succeeds();
    assert!(!String::from_utf8(home.read("acme.json")).unwrap().contains("mine"));
    home.run("secret export all.json --all --unencrypted").does(
        "3 secrets written to all.json, unencrypted: whoever gets the file has them all. Delete it as soon as you can\n",
    );
    assert_eq!(home.mode("all.json"), 0o600);
    home.run("secret export all.json --all --unencrypted --json").fails_in_json(1, "output-exists");
    home.run("secret export all.json --all --unencrypted --force").succeeds();
    home.run("secret export x --json").fails_in_json(2, "usage");
    home.run("secret export x -p nobody --json").fails_in_json(4, "project-not-found");

    let other = Home::with_project();
    other.write("all.json", home.read("all.json"));
    let json = other.run("secret import all.json --yes --json").succeeds().json();
    assert_eq!((&json["added"], &json["skipped"]), (&json!(["acme/Safe", "acme/Work/Mail", "own"]), &json!([])));
    for (field, name, there) in [
        ("password", "Work/Mail", "acme/Work/Mail"),
        ("PIN", "Work/Mail", "acme/Work/Mail"),
        ("note", "Safe", "acme/Safe"),
        ("totp", "Work/Mail", "acme/Work/Mail"),
    ] {
        let of = |home: &Home, name: &str| home.run(&format!("secret show {name} --field {field}")).succeeds().text();
        assert_eq!(of(&home, name), of(&other, there));
    }
}
