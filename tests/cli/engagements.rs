//! An engagement from the first agreement to the day on which it is due: what is recorded, what it was before, and that
//! neither a clock that was set back nor a client's name hides anything.

use std::sync::Arc;

use serde_json::json;
use strongroom::crypto::secret::Password;
use strongroom::format::Timestamp;
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::{Host, ProcessName, ThisHost};
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::{Setting, Terms, Vault};

use crate::support::home::{Home, PASSWORD};

/// A computer whose clock shows another time.
struct At(Timestamp);

impl Host for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn boot(&self) -> String {
        ThisHost.boot()
    }

    fn boot_seconds(&self) -> Option<u64> {
        ThisHost.boot_seconds()
    }

    fn sync_disks(&self) {}

    fn process(&self) -> ProcessName {
        ThisHost.process()
    }

    fn is_running(&self, process: &ProcessName) -> Option<bool> {
        ThisHost.is_running(process)
    }

    fn available_memory(&self) -> Option<u64> {
        ThisHost.available_memory()
    }
}

/// Writes the vault of a home at another time.
fn written_at(home: &Home, time: &str) {
    let store = Arc::new(FolderStore::new(home.vault().parent().unwrap(), SIZE_LIMIT).unwrap());
    let keychain = Arc::new(FileKeychain::new(home.keychain()));
    let host = Arc::new(At(time.parse().unwrap()));
    let password = Password::new(PASSWORD.as_bytes()).unwrap();
    let mut unlocked = Vault::open(store).unwrap().unlock(&password, keychain, host).unwrap();
    let terms = Terms { contact: Setting::Given("the office".into()), ..Terms::default() };
    unlocked.set_engagement("acme", &terms, "Bo").unwrap();
}

#[test]
fn what_was_agreed_is_on_record_with_every_change_until_it_is_due() {
    let home = Home::with_vault();
    home.run("project add acme --client Acme --ends 2099-06-30 --by Ada").succeeds();
    home.write("dpa.pdf", "abc");
    home.run(
        "project set acme --destroy-by 2099-09-30 --custodian Ada --at-end destroy --basis DPA --basis-file dpa.pdf",
    )
    .does("recorded for project acme: basis, basis SHA-256, custodian, destroy by, at the end\n");
    home.run("project set acme --destroy-by 2099-12-31 --declare backups=none")
        .does("recorded for project acme: destroy by, declared.backups\n");
    home.run("project set acme --custodian Ada").shows("project acme is on record so already; nothing was changed\n");
    home.run("project hold acme --reason court").succeeds();
    let shown = home.run("project show acme --json").succeeds().json();
    assert_eq!((&shown["state"], &shown["next"]["date"]), (&json!("held"), &json!("2099-12-31")));
    home.run("project release acme --reason settled").does("project acme is released\n");
    home.run("project show acme").shows(
        "\
project           acme
id                [..]
added             [..]Z
state             intake
client            Acme
basis             DPA
basis SHA-256     ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
custodian         Ada
ends              2099-06-30, in [..] days
destroy by        2099-12-31, in [..] days
at the end        destroy
declared backups  none
key               version 1, current, made [..]Z

CHANGED               WHAT         WAS         IS          BY
[..]Z  destroy by   2099-09-30  2099-12-31  Ada
[..]Z  put on hold              court       Ada
[..]Z  released                 settled     Ada
",
    );
    home.run("due --exit-code").shows(
        "\
DATE        WHEN           PROJECT  WHAT        STATE   MISSING FOR THE END
2099-12-31  in [..] days  acme     destroy by  intake
",
    );
    // Another computer wrote the vault after the day; this one's clock is behind, or was set back.
    written_at(&home, "2100-01-02T12:00:00Z");
    let due = home.run("due --exit-code");
    let warned = due.stderr().starts_with("warning: this computer's clock shows ");
    assert!(due.code() == 1 && warned && due.stderr().contains("error: 1 project is overdue"), "{}", due.stderr());
    let due = home.run("due --json");
    assert!(due.code() == 0 && due.stderr().contains("\"warning\":\"clock-behind\""), "{}", due.stderr());
    assert_eq!((&due.json()[0]["overdue"], &due.json()[0]["next"]["days_left"]), (&json!(true), &json!(-2)));
    let status = home.run("status --json");
    assert_eq!(
        (&status.json()["due"][0]["project"], &status.json()["old_keys"][0]["past_period"]),
        (&json!("acme"), &json!(true))
    );
    let doctor = home.run("doctor");
    assert!(doctor.code() == 1, "{}", doctor.stderr());
    let text = doctor.text();
    assert!(
        text.contains("past the 24 that NIST SP 800-57 recommends") && text.contains("`strongroom key rotate acme`"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_recorded_is_refused_before_a_password_is_asked_for() {
    let home = Home::with_project();
    for (words, value, why) in [
        ("project set acme --ends", "2027-02-29", "write the day as 2027-03-31"),
        ("project set acme --destroy-by", "31.3.2027", "write the day as 2027-03-31"),
        ("project set acme --declare", "backups", "write it as KEY=TEXT"),
        ("project set acme --role", "lawyer", "invalid value 'lawyer'"),
        ("project set", "acme", "nothing is to be recorded"),
        ("project release", "acme", "--reason"),
    ] {
        let refused = home.typed(words).arg(value).run();
        assert!(refused.code() == 2 && refused.stderr().contains(why), "{words}: {}", refused.stderr());
    }
    // What would act on a terminal, or turn the text round.
    for text in ["a\u{1b}[2J", "a\u{202e}b"] {
        let set = home.typed("project set acme --password-file pw --json --client").arg(text).run();
        set.fails_in_json(2, "bad-name");
    }
    home.typed("project release acme --password-file pw --json --reason").arg(" ").run().fails_in_json(2, "bad-name");
}
