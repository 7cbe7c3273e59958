//! Reports that somebody has altered, one thing each: both verifiers refuse them, this program's and the one in
//! examples/verify_report.py, which shares nothing with it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use super::allowed::keys_in;
use super::bundle::{Bundle, LogPart};
use super::facts::Known;
use super::made_up::*;
use super::rules;
use super::verify::{check_page, follows, hash, verify};
use crate::crypto::secret::SigningSeed;
use crate::crypto::signing::public_key;
use crate::format::signing::{PublicKey, REPORT, STATEMENT, allowed_line, sign_file};
use crate::pages::report::{in_groups, page};

/// The files of a report, as they would be sent.
#[derive(Clone)]
struct Sent {
    bundle: Vec<u8>,
    signature: String,
    page: Option<Vec<u8>>,
    keys: String,
}

impl Sent {
    /// Signs a bundle with the key that the client has.
    fn of(bundle: &Bundle) -> Self {
        let (bytes, signature) = sign(bundle);
        let keys = allowed_line(&bundle.signed_by.identity, REPORT, bundle.signed_by.since, &key().1.text());
        let page = page(bundle, &hash(&bytes)).into_bytes();
        Self { bundle: bytes, signature, page: Some(page), keys }
    }

    /// Writes the files into a folder, and returns the bundle's path and that of the keys.
    fn write(&self, folder: &Path, number: u32) -> (PathBuf, PathBuf) {
        fs::create_dir_all(folder).unwrap();
        let file = |suffix: &str| folder.join(format!("northwind-{number}{suffix}"));
        let keys = folder.join("northwind.allowed");
        fs::write(file(".json"), &self.bundle).unwrap();
        fs::write(file(".json.sig"), &self.signature).unwrap();
        fs::write(&keys, &self.keys).unwrap();
        if let Some(page) = &self.page {
            fs::write(file(".html"), page).unwrap();
        }
        (file(".json"), keys)
    }

    /// Tells whether this program refuses it.
    fn is_refused(&self, old: &Self) -> bool {
        let Ok(verified) = verify(&self.bundle, &self.signature) else { return true };
        let (name, made) = (&verified.bundle.signed_by.identity, verified.bundle.made);
        if !keys_in(&self.keys).iter().any(|key| key.lets(&verified.signer, name, made)) {
            return true;
        }
        let made = page(&verified.bundle, &verified.sha256);
        let own = &verified.bundle.page_sha256;
        let is_other =
            self.page.as_ref().is_some_and(|page| check_page(&verified, "page", own, in_groups, page, &made).is_err());
        is_other || follows(&verified, &verify(&old.bundle, &old.signature).unwrap()).is_err()
    }
}

/// The same log at two times: the report before has all but the last three records.
fn two_reports() -> (Sent, Bundle) {
    let log = log(5);
    let mut earlier = facts(1, 3, &log);
    if let Known::Is(part) = &mut earlier.log {
        part.entries.truncate(8);
        let own = &mut part.enrolments[0];
        own.records.truncate(12);
        own.to = 12;
        own.tip = own.records[11].clone().unwrap();
    }
    let old = Sent::of(&with_pages(rules::bundle(earlier).unwrap()));
    let mut later = facts(2, 3, &log);
    later.previous_sha256 = Some(hash(&old.bundle));
    (old, rules::bundle(later).unwrap())
}

/// Asks the Python verifier about all of them at once; `None` if it cannot run here.
fn refused_by_python(sent: &[(PathBuf, PathBuf, PathBuf)]) -> Option<Vec<bool>> {
    let root = env!("CARGO_MANIFEST_DIR");
    let own = || format!("{root}/target/venv/bin/python").into();
    let python = std::env::var_os("STRONGROOM_TEST_PYTHON").unwrap_or_else(own);
    let script = "import sys, json\nfrom verify_report import verify, follows\nresults = []\n\
                  for new, keys, old in json.load(sys.stdin):\n    try:\n        follows(verify(new, keys), verify(old, keys))\n\
                  \x20       results.append(False)\n    except (SystemExit, Exception):\n        results.append(True)\n\
                  print(json.dumps(results))";
    let mut child = Command::new(python)
        .args(["-c", script])
        .env("PYTHONPATH", format!("{root}/examples"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(sent).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    Some(serde_json::from_slice(&output.stdout).expect("the verifier ran"))
}

type Change = Box<dyn Fn(&mut Sent, &Bundle)>;

/// Alters the bundle, and signs what comes out: what somebody could do who has the key.
fn signed_anew(change: impl Fn(&mut Bundle) + 'static) -> Change {
    Box::new(move |sent, bundle| {
        let mut bundle = bundle.clone();
        change(&mut bundle);
        let keys = std::mem::take(&mut sent.keys);
        *sent = Sent { keys, ..Sent::of(&with_pages(bundle)) };
    })
}

fn in_log(change: fn(&mut LogPart)) -> Change {
    signed_anew(move |bundle| change(bundle.log.as_mut().unwrap()))
}

/// Alters bytes of the bundle, and signs nothing.
fn replaced(from: &'static str, to: &'static str) -> Change {
    Box::new(move |sent, _| {
        let text = String::from_utf8(sent.bundle.clone()).unwrap();
        assert!(text.contains(from), "{from}");
        sent.bundle = text.replacen(from, to, 1).into_bytes();
    })
}

fn changes() -> Vec<(&'static str, Change)> {
    vec![
        ("a state", replaced("\"state\":\"not-met\"", "\"state\":\"met\"")),
        ("a number", replaced("\"number\":2", "\"number\":3")),
        ("a file's length", replaced("\"size\":30110000", "\"size\":30110001")),
        ("a date", replaced("\"destroy_by\":\"2027-09-30\"", "\"destroy_by\":\"2028-09-30\"")),
        ("a byte more", Box::new(|sent, _| sent.bundle.push(b' '))),
        ("a byte less", Box::new(|sent, _| sent.bundle.truncate(sent.bundle.len() - 1))),
        (
            "a byte of the signature",
            Box::new(|sent, _| {
                let at = sent.signature.len() / 2;
                let other = if sent.signature.as_bytes()[at] == b'A' { "B" } else { "A" };
                sent.signature.replace_range(at..=at, other);
            }),
        ),
        (
            "the signature of another report",
            Box::new(|sent, _| sent.signature = sign(&with_pages(rules::bundle(facts(3, 1, &log(1))).unwrap())).1),
        ),
        (
            "another purpose",
            Box::new(|sent, _| {
                let (seed, public) = key();
                sent.signature = sign_file(&seed, &public, STATEMENT, &sent.bundle);
            }),
        ),
        (
            "another key",
            Box::new(|sent, _| {
                let seed = SigningSeed::from_slice(&[6; 32]).unwrap();
                sent.signature = sign_file(&seed, &PublicKey(public_key(&seed)), REPORT, &sent.bundle);
            }),
        ),
        (
            "another key that the report names, too",
            Box::new(|sent, bundle| {
                let seed = SigningSeed::from_slice(&[6; 32]).unwrap();
                let public = PublicKey(public_key(&seed));
                let mut bundle = bundle.clone();
                bundle.signed_by.public = public.text();
                bundle.signed_by.fingerprint = public.fingerprint();
                sent.bundle = with_pages(bundle).to_bytes().unwrap();
                sent.signature = sign_file(&seed, &public, REPORT, &sent.bundle);
                sent.page = None;
            }),
        ),
        (
            "the page's words",
            Box::new(|sent, _| {
                let page = String::from_utf8(sent.page.take().unwrap()).unwrap();
                sent.page = Some(page.replacen("not met</td>", "met</td>", 1).into_bytes());
            }),
        ),
        ("a space on the page", Box::new(|sent, _| sent.page.as_mut().unwrap().push(b' '))),
        ("the page of another report", Box::new(|sent, _| sent.page = two_reports().0.page)),
        ("swapped records", in_log(|log| log.enrolments[0].records.swap(0, 1))),
        ("swapped records of others", in_log(|log| log.enrolments[0].records.swap(2, 5))),
        ("a record of others", in_log(|log| log.enrolments[0].records[2] = Some("a".repeat(64)))),
        ("a record left out", in_log(|log| drop(log.enrolments[0].records.remove(2)))),
        (
            "a log that ends earlier",
            in_log(|log| {
                log.entries.truncate(6);
                let own = &mut log.enrolments[0];
                own.records.truncate(9);
                own.to = 9;
                own.tip = own.records[8].clone().unwrap();
            }),
        ),
        ("the end of a log", in_log(|log| log.enrolments[0].tip = "a".repeat(64))),
        (
            "a log left out",
            in_log(|log| {
                log.entries.clear();
                log.enrolments.clear();
            }),
        ),
        (
            "what an entry says",
            in_log(|log| {
                let mut said = log.entries[0].json.as_value().clone();
                said["reason"] = json!("weekly tables");
                log.entries[0].json = strict(said);
            }),
        ),
        ("an entry's record", in_log(|log| log.entries[0].record = log.entries[1].record.clone())),
        ("an entry's key", in_log(|log| log.entries[0].okm = log.entries[1].okm.clone())),
        ("an entry's number", in_log(|log| log.entries[0].seq += 1)),
        ("an entry twice", in_log(|log| log.entries.insert(0, log.entries[0].clone()))),
        ("the report before", signed_anew(|bundle| bundle.previous_sha256 = Some("a".repeat(64)))),
        (
            "an older number",
            signed_anew(|bundle| {
                (bundle.number, bundle.name, bundle.previous_sha256) = (1, "northwind-1".into(), None);
            }),
        ),
        ("an earlier time", signed_anew(|bundle| bundle.made = time("2026-01-01T00:00:00Z"))),
        (
            "another project",
            signed_anew(|bundle| {
                bundle.project.id = crate::format::ProjectId::from_bytes([1; 16]);
            }),
        ),
        ("another version", signed_anew(|bundle| bundle.version = 2)),
    ]
}

#[test]
fn altered_reports_are_refused_by_both_verifiers() {
    let folder = tempfile::tempdir().unwrap();
    let (old, bundle) = two_reports();
    let bundle = with_pages(bundle);
    let plain = Sent::of(&bundle);
    let mut cases = vec![("as it was made", plain.clone())];
    for (what, change) in changes() {
        let mut sent = plain.clone();
        change(&mut sent, &bundle);
        cases.push((what, sent));
    }
    assert!(cases.len() > 20);
    for (what, sent) in &cases {
        assert_eq!(sent.is_refused(&old), *what != "as it was made", "{what}, by this program");
    }
    let written: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(at, (_, sent))| {
            let folder = folder.path().join(at.to_string());
            let (earlier, _) = old.write(&folder, 1);
            let (new, keys) = sent.write(&folder.join("new"), 2);
            (new, keys, earlier)
        })
        .collect();
    let Some(refused) = refused_by_python(&written) else {
        return println!("not run: ./test makes the virtual environment with the other verifier's package");
    };
    for ((what, _), refused) in cases.iter().zip(refused) {
        assert_eq!(refused, *what != "as it was made", "{what}, by the example");
    }
}

#[test]
fn a_log_with_the_last_number_there_is_refused_and_counted_no_further() {
    let mut part = log(3).part(of_project);
    assert!(super::verify::check_log(&part).is_ok());
    part.enrolments[0].to = u64::MAX;
    assert!(super::verify::check_log(&part).is_err());
}
