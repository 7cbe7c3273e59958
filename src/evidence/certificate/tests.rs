use serde_json::json;

use super::*;
use crate::evidence::made_up::{facts, key, log, of_project, strict, time};
use crate::format::signing::sign_file;

/// A certificate of a destruction that is closed, of a project that was opened, shown and forked.
pub fn certificate() -> Certificate {
    let mut log = log(3);
    let who = json!({"account": "ada", "name": "laptop-x1"});
    for (action, place) in [("vault.fork", "/home/ada/separate"), ("key.show", ""), ("report.made", "")] {
        log.add(json!({"at": "2026-11-20T10:00:00Z", "phase": "note", "action": action, "who": who,
            "projects": [crate::evidence::made_up::PROJECT],
            "what": {"place": place, "subject": if action == "report.made" { "report 7" } else { "" }}}));
    }
    let made_of = facts(7, 3, &log);
    let step = |step: &str, at: &str, result: &str| Step { step: step.into(), at: time(at), result: result.into() };
    Certificate {
        format: FORMAT.into(),
        version: VERSION,
        name: "northwind-destruction".into(),
        made: time("2026-11-26T10:00:00Z"),
        vault: made_of.vault,
        engagement: made_of.engagement.get().cloned(),
        waits_for: None,
        kits: made_of.unlock.kits,
        vault_files: vec![VaultFile { place: "/home/ada/vault (conflict).json".into(), is_same_vault: true }],
        copies: made_of.copies.get().cloned(),
        log: Some(log.part(of_project)),
        destruction: Record {
            number: 1,
            opened: time("2026-11-26T09:00:00Z"),
            by: "Ada".into(),
            reason: "the study is over".into(),
            basis: "contract end".into(),
            steps: vec![
                step("copies", "2026-11-26T09:01:00Z", "none was found"),
                step("keys-removed", "2026-11-26T09:02:00Z", "2 keys"),
                step("settled", "2026-11-26T09:30:00Z", "rotated"),
                step("proved", "2026-11-26T09:31:00Z", "3 encrypted files tried with every key of the vault: 0 open"),
            ],
            keys: [1, 2]
                .map(|version| Key { version, created: None, imported: false, check: format!("{version:016x}") })
                .to_vec(),
            closed: Some(time("2026-11-26T09:32:00Z")),
        },
        project: made_of.project,
        destroyed: Vec::new(),
        not_destroyed: Vec::new(),
        cannot_know: Vec::new(),
        erase: Vec::new(),
        certifies: String::new(),
        tool: made_of.tool,
        signed_by: made_of.signed_by,
        page_sha256: String::new(),
    }
    .with_lists()
}

fn signed(certificate: &Certificate) -> (Vec<u8>, String) {
    let bytes = certificate.to_bytes().unwrap();
    let (seed, public) = key();
    let signature = sign_file(&seed, &public, REPORT, &bytes);
    (bytes, signature)
}

fn is_verified(certificate: &Certificate) -> bool {
    let (bytes, signature) = signed(certificate);
    verify(&bytes, &signature).is_ok()
}

fn of_kind<'c>(certificate: &'c Certificate, kind: &str) -> Vec<&'c str> {
    certificate.not_destroyed.iter().filter(|line| line.kind == kind).map(|line| line.says.as_str()).collect()
}

#[test]
fn a_certificate_names_what_is_left() {
    let certificate = certificate();
    let (bytes, signature) = signed(&certificate);
    assert!(is_certificate(&bytes));
    assert_eq!(verify(&bytes, &signature).unwrap().certificate, certificate);
    for (kind, named) in [
        ("Recovery kits", "3-KT"),
        ("Forks", "/home/ada/separate"),
        ("Keys shown", "ada on laptop-x1"),
        ("Reports", "report 7"),
        ("Openings", "3 openings"),
        ("Other vault files", "(conflict)"),
        ("Backups", "none leaves the office"),
        ("Readable copies", "/home/ada/open/tables-1.csv"),
        ("Keychain backups", "26 Nov"),
    ] {
        let lines = of_kind(&certificate, kind);
        assert!(lines.iter().any(|line| line.contains(named)), "{kind}: {lines:?}");
    }
    assert_eq!(of_kind(&certificate, "Readable copies").len(), 2, "what is gone is not left");
    let keys: Vec<_> = certificate.destroyed.iter().filter(|line| line.kind == "Keys").collect();
    assert!(keys.len() == 2 && keys[1].says.contains("0000000000000002"));
}

#[test]
fn a_certificate_that_was_altered_by_whoever_signs_is_refused() {
    let alterations: [fn(&mut Certificate); 9] = [
        |certificate| drop(certificate.not_destroyed.remove(0)),
        |certificate| certificate.kits.clear(),
        |certificate| drop(certificate.destruction.steps.remove(2)),
        |certificate| certificate.destruction.closed = None,
        |certificate| certificate.waits_for = Some("closed".into()),
        |certificate| certificate.erase[3].state = CheckState::Met,
        |certificate| certificate.certifies = "All is gone.".into(),
        |certificate| certificate.name = "../northwind-destruction".into(),
        |certificate| certificate.log.as_mut().unwrap().entries[0].json = strict(json!({"seq": 1})),
    ];
    for (number, alter) in alterations.into_iter().enumerate() {
        let mut certificate = certificate();
        assert!(is_verified(&certificate));
        alter(&mut certificate);
        assert!(!is_verified(&certificate), "alteration {number}");
    }
    let (bytes, signature) = signed(&certificate());
    let text = String::from_utf8(bytes).unwrap();
    assert!(verify(text.replacen("\"version\":1", "\"version\": 1", 1).as_bytes(), &signature).is_err());
}

#[test]
fn what_is_under_way_certifies_no_condition_that_waits_for_it() {
    for kept in 0..4 {
        let mut open = certificate();
        open.destruction.steps.truncate(kept);
        open.destruction.closed = None;
        open.waits_for = Some(["copies", "keys-removed", "settled", "proved"][kept].into());
        let open = open.with_lists();
        assert!(is_verified(&open));
        assert_eq!(of_kind(&open, "Under way").is_empty(), kept == 3);
        assert_eq!(open.erase[2].state, CheckState::NotMet);
        assert_eq!(open.destroyed.iter().any(|line| line.kind == "Keys"), kept >= 2);
    }
}
