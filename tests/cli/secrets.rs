//! `strongroom secret`, without an agent.

use serde_json::json;

use crate::support::home::Home;
use crate::support::run::Outcome;

const PW: &str = "--password-file pw";

/// Runs a command with this on standard input.
fn given(home: &Home, words: &str, input: &str) -> Outcome {
    home.typed(&format!("{words} --from-fd 0 {PW}")).input(input.as_bytes()).run()
}

fn with_secret() -> Home {
    let home = Home::with_project();
    let words = "secret set portal -p acme --user jo --url https://portal.example --url sftp://x --tag web --tag prod";
    given(&home, words, "hunter2\n").does("secret portal is stored\n");
    home
}

#[test]
fn a_secret_is_stored_shown_and_found_and_a_script_gets_the_value_and_a_newline() {
    let home = with_secret();
    home.run("secret show portal --field password").shows("hunter2\n");
    home.run("secret show portal --field user").shows("jo\n");
    home.run("secret show portal --field urls").shows("https://portal.example\nsftp://x\n");
    home.run("secret show portal").shows(
        "\
secret    portal
project   acme
user      jo
urls      https://portal.example
          sftp://x
tags      web, prod
changed   [..]Z (version 1)
password  hidden
",
    );
    let list = "SECRET  PROJECT  USER  ADDRESS                 CHANGED\nportal  acme     jo    https://portal.example  [..]Z\n";
    for words in [
        "secret list",
        "secret list por",
        "secret list ACME",
        "secret list jo",
        "secret list prod",
        "secret list p*l",
        "secret list -p acme",
    ] {
        home.run(words).shows(list);
    }
    home.run("secret list nosuch").shows("no secret fits \"nosuch\"\n");
    home.run("secret list nosuch --json").shows("[]\n");
    home.run("secret list -p nosuch").fails(
        4,
        "error: cannot list the secrets\ncause: there is no project \"nosuch\" in this vault\nhint: see the names with \
         `strongroom project list`\n",
    );
}

#[test]
fn every_field_can_be_stored_and_deleted_and_is_hidden_unless_it_is_to_be_open() {
    let home = with_secret();
    given(&home, "secret set portal --field totp", "JBSWY3DPEHPK3PXP").does("secret portal is changed\n");
    given(&home, "secret set portal --field note", "one\ntwo\u{1b}[2J\n").does("secret portal is changed\n");
    given(&home, "secret set portal --field PIN", "12").does("secret portal is changed\n");
    given(&home, "secret set portal --open --field Port", "22").does("secret portal is changed\n");
    let shown = home.run("secret show portal --reveal").succeeds().text();
    let end = "password  hunter2\ntotp      JBSWY3DPEHPK3PXP\nnote      one\n          two\\u{1b}[2J\nPIN       12\nPort      22\n";
    assert!(shown.ends_with(end), "{shown}");
    let hidden = home.run("secret show portal").succeeds().text();
    assert!(
        hidden.ends_with("password  hidden\ntotp      hidden\nnote      hidden\nPIN       hidden\nPort      22\n"),
        "{hidden}"
    );
    // The bytes as they are.
    home.run("secret show portal --field note").shows("one\ntwo\u{1b}[2J\n");
    home.run("secret set portal --field PIN --clear").does("secret portal is changed\n");
    home.run("secret set portal --field PIN --clear").does("secret portal was so already; nothing was changed\n");
    home.run("secret show portal --field PIN").fails(
        4,
        "error: cannot show secret \"portal\"\ncause: it has no field \"PIN\"\nhint: see what it has with `strongroom \
         secret show portal`\n",
    );
    let json = home.run("secret show portal --json").succeeds().json();
    assert_eq!(json["fields"][0], json!({"field": "password", "hidden": true}));
    assert_eq!(json["fields"][3], json!({"field": "Port", "hidden": false, "value": "22"}));
    let json = home.run("secret show portal --json --reveal").succeeds().json();
    assert_eq!(json["fields"][2], json!({"field": "note", "hidden": true, "value": "one\ntwo\u{1b}[2J"}));
    let json = home.run("secret show portal --json --field password").succeeds().json();
    assert_eq!(json, json!({"secret": "portal", "field": "password", "value": "hunter2"}));
}

#[test]
fn what_is_not_named_stays_and_each_change_is_a_version() {
    let home = with_secret();
    home.run("secret set portal --user ann --url https://new.example").does("secret portal is changed\n");
    home.run("secret show portal --field password").shows("hunter2\n");
    home.run("secret show portal --field urls").shows("https://new.example\n");
    given(&home, "secret set portal", "hunter3").does("secret portal is changed\n");
    home.run("secret history portal").shows(
        "\
VERSION  MADE                  USER  STATE
1        [..]Z  jo    earlier
2        [..]Z  ann   earlier
3        [..]Z  ann   current
",
    );
    home.run("secret show portal --field password --version 1").shows("hunter2\n");
    let earlier = home.run("secret show portal --version 1").succeeds();
    assert!(earlier.text().contains("version   1 of ") && !earlier.text().contains("changed"), "{}", earlier.text());
    home.run("secret show portal --field password --version 4").fails(
        4,
        "error: cannot show secret \"portal\"\ncause: secret \"portal\" has no version 4\nhint: see the versions with \
         `strongroom secret history portal`\n",
    );
    home.run("secret prune portal").does("deleted 2 earlier versions\n");
    home.run("secret prune").shows("deleted 0 earlier versions\n");
    home.run("secret show portal --field password").shows("hunter3\n");
}

#[test]
fn a_secret_is_renamed_moved_and_deleted() {
    let home = with_secret();
    home.run("secret rename portal acme-portal").does("secret portal is now called acme-portal\n");
    home.run("secret rename acme-portal acme-portal")
        .shows("secret acme-portal is called so already; nothing was changed\n");
    home.run("secret show portal").fails(
        4,
        "error: cannot show secret \"portal\"\ncause: there is no secret \"portal\" in this vault\nhint: see the names \
         with `strongroom secret list`\n",
    );
    home.run("secret show acme-portl").fails(
        4,
        "error: cannot show secret \"acme-portl\"\ncause: there is no secret \"acme-portl\" in this vault\nhint: did you \
         mean \"acme-portal\"? see the names with `strongroom secret list`\n",
    );
    home.run("secret move acme-portal --no-project").does("secret acme-portal belongs to no project\n");
    home.run("secret move acme-portal -p acme").does("secret acme-portal belongs to project acme\n");
    home.run("secret move acme-portal -p acme")
        .shows("secret acme-portal belongs to project acme already; nothing was changed\n");
    home.run("secret remove acme-portal").fails(
        2,
        "error: deleting a secret has to be confirmed, and there is no terminal to ask at\nhint: give --yes: `strongroom \
         secret remove acme-portal --yes`\n",
    );
    home.run("secret remove acme-portal --yes").does(
        "secret acme-portal is deleted\nnote: older copies of the vault file still hold it, and the system that it is \
         for still accepts it: change it there\n",
    );
    home.run("secret list").shows("no secrets\n");
}

#[test]
fn a_destroyed_project_takes_its_secrets_along_unless_they_are_to_stay() {
    let home = with_secret();
    given(&home, "secret set own", "mine").does("secret own is stored\n");
    let text = home.run("project destroy acme --yes acme --no-recovery").succeeds().text();
    assert!(
        text.contains("\nits secrets are deleted: portal; the client's systems still accept them: change them there\n"),
        "{text}"
    );
    let names = home.run("secret list --json").succeeds().json();
    assert_eq!((&names[0]["secret"], names.as_array().unwrap().len()), (&json!("own"), 1));

    let home = with_secret();
    home.run("project hold acme").succeeds();
    home.run("secret remove portal --yes").fails(
        1,
        "error: cannot delete secret \"portal\"\ncause: project \"acme\" is on hold since [..]Z\nhint: ask whoever \
         ordered the hold; end it with `strongroom project release acme --reason TEXT`\n",
    );
    home.run("project release acme --reason settled").succeeds();
    let json = home.run("project destroy acme --yes acme --no-recovery --keep-secrets --json").succeeds().json();
    assert_eq!((&json["secrets_deleted"], &json["secrets_kept"]), (&json!([]), &json!(["portal"])));
    home.run("secret show portal --field password").shows("hunter2\n");
    assert_eq!(home.run("secret list --json").succeeds().json()[0]["project"], json!(null));
}

#[test]
fn a_merge_brings_secrets_and_says_which_were_changed_in_both() {
    let home = with_secret();
    home.succeeds(&format!("vault backup copy.json {PW}"));
    given(&home, "secret set portal", "ours").succeeds();
    given(&home, "secret set own", "1").succeeds();
    let ours = home.read(".local/share/strongroom/vault.json");
    // As another computer would have changed it, a second later.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    std::fs::copy(home.path("copy.json"), home.vault()).unwrap();
    home.typed(&format!("secret set portal --from-fd 0 --accept-rollback {PW}")).input(b"theirs").output();
    std::fs::copy(home.vault(), home.path("theirs.json")).unwrap();
    std::fs::write(home.vault(), ours).unwrap();
    let merged = home.run("vault merge theirs.json --accept-rollback").text();
    assert!(merged.contains("\nadded or changed secret portal\n"), "{merged}");
    assert!(merged.contains("\nsecret portal was changed in both files: the later change is shown, see `strongroom secret history portal`\n"), "{merged}");
    home.run("secret show portal --field password").shows("theirs\n");
    home.run("secret show portal --field password --version 2").shows("ours\n");
    let list = home.run("secret list por").succeeds().text();
    assert!(list.contains("(on two computers: see its history)"), "{list}");
    let history = home.run("secret history portal").succeeds().text();
    assert!(history.contains("changed on another computer") && history.contains("current"), "{history}");
}

#[test]
fn what_cannot_be_meant_is_refused_and_nothing_changes() {
    let home = with_secret();
    for (words, input, code, said) in [
        ("secret set portal", "", 2, "it is empty"),
        ("secret set portal", "\n", 2, "it is empty"),
        ("secret set portal --new", "x", 1, "there is a secret \"portal\" already"),
        ("secret set portal --field user", "x", 2, "user is not a hidden field"),
        ("secret set portal --open", "x", 2, "a password is always hidden"),
        ("secret set -p nosuch other", "x", 4, "there is no project \"nosuch\""),
        ("secret set portal --clear", "x", 2, "cannot be used with"),
        ("secret set --user a\u{202e}b portal", "x", 2, "the user is refused"),
        ("secret set a\u{7}b", "x", 2, "the secret's name is refused"),
        ("secret rename nosuch other", "", 2, "unexpected argument"),
    ] {
        let outcome = given(&home, words, input).changed_nothing();
        assert!(outcome.code() == code && outcome.stderr().contains(said), "{words}: {}", outcome.stderr());
    }
    let outcome = home.typed(&format!("secret set portal --from-fd 0 {PW}")).input(b"\xff").run().changed_nothing();
    assert!(outcome.stderr().contains("it is not UTF-8 text"), "{}", outcome.stderr());
    home.write("large", vec![b'x'; (48 << 10) + 2]);
    let outcome = home.run("secret set portal --from-file large").changed_nothing();
    assert!(outcome.stderr().contains("it is longer than 48 KiB"), "{}", outcome.stderr());
    home.write("long", vec![b'x'; 48 << 10]);
    home.run("secret set portal --from-file long").fails(
        2,
        "error: cannot store secret \"portal\"\ncause: the secret is too long: its value may have 48 KiB, and 100 \
         fields, addresses and tags each\nhint: encrypt larger things as files\n",
    );
    home.run("secret set portal").fails(
        2,
        "error: what is to be stored is needed, and there is no terminal to ask for it\nhint: give --from-file or \
         --from-fd\n",
    );
    home.typed("secret set portal --from-fd 0 --password-fd 0").input(b"x").run().fails(
        2,
        "error: the password cannot come through standard input, where the data comes from\nhint: use another \
         descriptor, as in --password-fd 3 3< FILE\n",
    );
    home.run("secret show portal --field password").shows("hunter2\n");
}

#[test]
fn a_program_gets_secrets_on_descriptors_and_in_variables() {
    let home = with_secret();
    given(&home, "secret set other", "two").succeeds();
    let run = "strongroom --password-file pw run";
    home.shell(&format!("{run} --secret-fd 5=portal --secret-fd 6=other -- sh -c 'cat <&5; cat <&6; cat <&5'"))
        .does("hunter2\ntwo\n");
    home.shell(&format!("{run} --secret A=portal --secret B=other -- sh -c 'echo $A $B'")).does("hunter2 two\n");
    let key = home.run("key show acme").succeeds().text();
    home.shell(&format!("{run} -p acme --key-fd 9 --secret A=portal -- sh -c 'cat <&9; echo $A'"))
        .does(&format!("{key}hunter2\n"));
    home.shell(&format!("{run} --secret A=nosuch -- true")).fails(
        4,
        "error: cannot run with secret \"nosuch\"\ncause: there is no secret \"nosuch\" in this vault\nhint: see the \
         names with `strongroom secret list`\n",
    );
    given(&home, "secret set noted --field note", "x").succeeds();
    home.shell(&format!("{run} --secret A=noted -- true")).fails(
        4,
        "error: cannot run with secret \"noted\"\ncause: it has no password\nhint: see what it has with `strongroom \
         secret show noted`\n",
    );
    // As long as a secret may be: more than every pipe holds.
    home.write("long", vec![b'x'; 48_000]);
    home.run("secret set long --from-file long").succeeds();
    home.shell(&format!("{run} --secret-fd 5=long -- sh -c 'wc -c <&5'")).does("48001\n");
    for (words, said) in [
        ("run --secret A=portal --secret A=other -- true", "A is named twice"),
        ("run --secret-fd 5=portal --secret-fd 5=other -- true", "5 is named twice"),
        ("run --secret portal -- true", "give a variable and a secret's name"),
        ("run --secret-fd portal -- true", "give a file descriptor and a secret's name"),
        ("run --secret 1=portal -- true", "does not begin with a digit"),
        ("run -p acme --secret A=portal -- true", "--key-fd"),
    ] {
        let outcome = home.run_alone(words).changed_nothing();
        assert!(outcome.code() == 2 && outcome.stderr().contains(said), "{words}: {}", outcome.stderr());
    }
}

#[test]
fn a_one_time_code_is_made_of_what_the_other_system_shows() {
    let home = with_secret();
    given(&home, "secret set portal --field totp", "otpauth://hotp/ACME:jo?secret=JBSWY3DPEHPK3PXP&counter=1").fails(
        2,
        "error: cannot store secret \"portal\"\ncause: [..]\nhint: give the seed or the otpauth URI that the other \
         system shows for an authenticator app\n",
    );
    given(&home, "secret set portal --field totp", "otpauth://totp/ACME:jo?secret=JBSWY3DPEHPK3PXP&digits=8")
        .does("secret portal is changed\n");
    let json = home.run("secret otp portal --json").succeeds().json();
    let (code, left) = (json["code"].as_str().unwrap(), json["seconds_left"].as_u64().unwrap());
    assert!(code.len() == 8 && code.bytes().all(|digit| digit.is_ascii_digit()), "{json}");
    assert!((1..=30).contains(&left), "{json}");
    let line = home.run("secret otp portal").succeeds().changed_nothing().text();
    assert_eq!((line.len(), line.ends_with('\n')), (9, true));
    given(&home, "secret set other", "x").succeeds();
    home.run("secret otp other").fails(
        4,
        "error: cannot make a one-time code of secret \"other\"\ncause: it has nothing that codes are made of\nhint: \
         store it with `strongroom secret set other --field totp`\n",
    );
}

#[test]
fn a_password_is_generated_as_the_flags_say_and_never_one_that_it_had() {
    let home = Home::with_project();
    home.run("secret set portal -p acme --generate --length 30 --classes lower").does("secret portal is stored\n");
    let password = home.run("secret show portal --field password").succeeds().text();
    assert!(password.trim_end().len() == 30 && password.trim_end().bytes().all(|c| c.is_ascii_lowercase()));
    home.run("secret set portal --length 30")
        .fails(2, "error: these flags say what is generated, and nothing is\nhint: add --generate\n");
    let mut pins = std::collections::BTreeSet::new();
    for _ in 0..9 {
        home.run("secret set portal --generate --preset pin --length 4").does("secret portal is changed\n");
        pins.insert(home.run("secret show portal --field password").succeeds().text());
    }
    assert_eq!(pins.len(), 9);
}

#[test]
fn doctor_names_secrets_that_should_be_changed_and_nothing_else_of_them() {
    let home = Home::with_project();
    let of_secrets = |home: &Home| {
        let output = home.typed(&format!("doctor --json {PW}")).output();
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = findings.as_array().unwrap().clone();
        let own = findings.into_iter().filter(|finding| finding["check"] == "secrets");
        own.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(of_secrets(&home).is_empty());
    given(&home, "secret set strong", "quartz-Vexing-8731-jumpy-dwarf").succeeds();
    assert_eq!(of_secrets(&home), ["1 secret: none is old, easy to guess or used twice"]);
    given(&home, "secret set weak", "summer2026").succeeds();
    given(&home, "secret set twin -p acme", "quartz-Vexing-8731-jumpy-dwarf").succeeds();
    given(&home, "secret set noted --field note", "summer2026").succeeds();
    assert_eq!(of_secrets(&home), ["these have the same password: strong, twin", "easy to guess: weak"]);
}
