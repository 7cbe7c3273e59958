//! A report made up for tests: complete facts, a log whose records are really sealed, and a real signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::bundle::*;
use super::facts::{Facts, Known};
use super::rules::{self, DISK, LOCK, SEPARATE, SWAP, SYNCED};
use super::verify::hash;
use crate::crypto::cobblestone;
use crate::crypto::secret::SigningSeed;
use crate::crypto::signing::public_key;
use crate::format::json::StrictValue;
use crate::format::log::to_record;
use crate::format::signing::{PublicKey, REPORT, sign_file};
use crate::format::{EnrolmentId, FileId, KitId, ProjectId, Timestamp, VaultId, label};
use crate::pages::report::{annex, page};

pub const PROJECT: &str = "6f1d3c51-2b55-4f0e-9c4e-7f6a4e0b1a11";
const VAULT: VaultId = VaultId::from_bytes([7; 16]);
const LAPTOP: EnrolmentId = EnrolmentId::from_bytes([3; 16]);

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn strict(value: Value) -> StrictValue {
    serde_json::from_value(value).unwrap()
}

fn object(value: Value) -> std::collections::BTreeMap<String, StrictValue> {
    serde_json::from_value(value).unwrap()
}

/// A log as a computer writes it, of which all entries are disclosed that `is_disclosed` picks.
pub struct Log {
    key: [u8; 32],
    enrolment: EnrolmentId,
    records: Vec<(Vec<u8>, [u8; 76], Value)>,
}

impl Log {
    pub fn new(enrolment: EnrolmentId) -> Self {
        Self { key: [9; 32], enrolment, records: Vec::new() }
    }

    /// Seals an entry and appends its record.
    pub fn add(&mut self, mut entry: Value) {
        let seq = self.records.len() as u64 + 1;
        entry["seq"] = seq.into();
        let before = self.records.last().map_or([0; 32], |(record, _, _)| crate::crypto::hmac::sha256(record));
        let number = seq.to_be_bytes();
        let context: [&[u8]; 5] = [label::LOG, VAULT.as_bytes(), self.enrolment.as_bytes(), &number, &before];
        let mut text = serde_json::to_vec(&entry).unwrap();
        text.resize(text.len().next_multiple_of(400), b' ');
        let sealed = cobblestone::seal(&self.key, &context, &text).unwrap();
        let okm = *cobblestone::disclose(&self.key, &context, &sealed).unwrap();
        self.records.push((to_record(1, &sealed).unwrap(), okm, entry));
    }

    pub fn part(&self, is_disclosed: impl Fn(&Value) -> bool) -> LogPart {
        let records: Vec<Option<String>> = self.records.iter().map(|(record, _, _)| Some(hash(record))).collect();
        let entries = self.records.iter().filter(|(_, _, entry)| is_disclosed(entry)).map(|(record, okm, entry)| {
            let [record, okm] = [&record[..], &okm[..]].map(|bytes| STANDARD.encode(bytes));
            let seq = entry["seq"].as_u64().unwrap();
            Disclosed { enrolment: self.enrolment, seq, record, okm, json: strict(entry.clone()) }
        });
        LogPart {
            entries: entries.collect(),
            withheld: Vec::new(),
            enrolments: vec![LogOf {
                id: self.enrolment,
                from: 1,
                to: records.len() as u64,
                tip: records.last().cloned().flatten().unwrap(),
                anchored: true,
                gaps: 0,
                trouble: None,
                records,
            }],
        }
    }
}

/// A log of `openings` openings, each with a reason, its files and its end, among as many entries of other clients.
pub fn log(openings: usize) -> Log {
    let mut log = Log::new(LAPTOP);
    for number in 0..openings {
        let day = time("2026-03-16T10:00:00Z").as_unix() + (number * 20_900_000 / openings.max(1)) as i64;
        let at = Timestamp::from_unix(day).to_string();
        let who = json!({"account": "ada", "uid": 1000, "name": "laptop-x1", "pid": 4242, "via": "terminal"});
        let begin = log.records.len() as u64 + 1;
        log.add(json!({"at": at, "phase": "begin", "action": "file.open", "projects": [PROJECT], "who": who,
            "reason": "monthly tables", "what": {"files": 12, "to": "disk"}, "tool": "0.1.0"}));
        log.add(json!({"at": at, "phase": "end", "of": begin, "projects": [PROJECT], "outcome": "done"}));
        log.add(json!({"at": at, "phase": "note", "action": "file.open", "projects": ["another"], "who": who}));
    }
    log
}

pub fn of_project(entry: &Value) -> bool {
    entry["projects"] == json!([PROJECT])
}

pub fn key() -> (SigningSeed, PublicKey) {
    let seed = SigningSeed::from_slice(&[5; 32]).unwrap();
    let public = PublicKey(public_key(&seed));
    (seed, public)
}

pub fn found(id: &str, state: CheckState, says: &str) -> Check {
    Check { id: id.into(), state, says: says.into(), how: How::Probed, at: time("2026-11-26T09:14:00Z") }
}

/// Facts of which one condition is not met and one not known, as of the engagement that the mock page shows.
pub fn facts(number: u32, files: usize, log: &Log) -> Facts {
    let (_, public) = key();
    let made = time("2026-11-26T09:14:00Z");
    let file = |number: usize| FilePart {
        path: format!("wave-{}/respondents-{number:05}.csv.sealed", number % 40),
        file_id: Some(FileId::from_bytes((number as u128).to_be_bytes())),
        size: Some(30_110_000),
        plain_size: Some(30_093_458),
        key_version: Some(2),
        state: FileState::Whole,
    };
    let copy = |number: usize| CopyPart {
        path: format!("/home/ada/open/tables-{number}.csv"),
        size: 206_000_000,
        made: time("2026-11-12T14:03:22Z"),
        state: if number < 2 { "stands" } else { "gone" }.into(),
    };
    let key_part = |version, state: &str, created| KeyPart {
        version,
        state: state.into(),
        current: state == "active",
        created: time(created),
        check: Some(format!("{version:016x}")),
        cipher: "AES-256-GCM (C2SP Cobblestone-256)".into(),
        seals: Some(1284),
    };
    Facts {
        stem: "northwind".into(),
        number,
        made: Timestamp::from_unix(made.as_unix() + i64::from(number)),
        previous_sha256: (number > 1).then(|| "0".repeat(64)),
        vault: VAULT,
        project: ProjectPart {
            id: PROJECT.parse::<ProjectId>().unwrap(),
            name: "northwind".into(),
            client: "Northwind Health Trust".into(),
            created: time("2026-03-16T09:00:00Z"),
            hold: None,
            destroyed: None,
        },
        engagement: Known::Is(Engagement {
            now: object(json!({
                "client": "Northwind Health Trust", "purpose": "Patient experience survey 2026, statistical analysis",
                "role": "processor", "basis": "Data processing agreement of 2 March 2026, GDPR Art. 28",
                "custodian": "Custodian Name, Example Analytics, Leeds", "ends": "2027-03-31",
                "destroy_by": "2027-09-30", "at_end": "destroy", "declared": {"backups": "none leaves the office"}
            })),
            revisions: vec![
                Revision {
                    id: "1".into(),
                    at: time("2026-03-02T10:00:00Z"),
                    by: "Custodian Name".into(),
                    set: object(json!({"destroy_by": "2027-06-30", "purpose": "Patient experience survey 2026"})),
                },
                Revision {
                    id: "2".into(),
                    at: time("2026-05-04T10:00:00Z"),
                    by: "Custodian Name".into(),
                    set: object(json!({"destroy_by": "2027-09-30"})),
                },
            ],
        }),
        state: "active".into(),
        roots: vec!["/media/ada/PROJECTS/northwind".into()],
        read: Read::Full,
        read_at: time("2026-11-26T09:12:00Z"),
        files: (0..files).map(file).collect(),
        keys: vec![key_part(1, "retired", "2026-03-16T09:00:00Z"), key_part(2, "active", "2026-05-11T09:00:00Z")],
        unlock: Unlock {
            kdf: KdfPart { algorithm: "argon2id".into(), m: 262_144, t: 3, p: 4 },
            password: Some(PasswordPart { strong: true, says: "judged 4 of 4 by zxcvbn".into() }),
            password_set: time("2026-03-01T09:00:00Z"),
            keychain: "the keychain of this computer".into(),
            kits: vec![KitPart {
                name: "3-KT".into(),
                id: KitId::from_bytes([4; 16]),
                created: time("2026-03-02T09:00:00Z"),
                valid: true,
                tested: Some(time("2026-11-02T09:00:00Z")),
                ended: None,
                paper_destroyed: None,
            }],
            backups: Some(vec![time("2026-11-20T09:00:00Z")]),
        },
        machine: vec![
            found(SEPARATE, CheckState::Met, "data on the external drive PROJECTS; keys in this computer"),
            found(DISK, CheckState::Met, "LUKS2 on both drives"),
            found(SWAP, CheckState::Met, "zram alone"),
            found(LOCK, CheckState::Met, "after 5 minutes"),
            found(SYNCED, CheckState::Met, "none found"),
        ],
        log: Known::Is(log.part(of_project)),
        copies: Known::Is(Copies {
            at: made,
            roots: vec!["/home/ada".into()],
            searched: 81_200,
            files: (0..9).map(copy).collect(),
            doubts: Vec::new(),
        }),
        shares: Vec::new(),
        destruction: None,
        tool: Tool { version: "0.1.0".into(), build_sha256: None },
        signed_by: SignedBy {
            public: public.text(),
            fingerprint: public.fingerprint(),
            since: time("2026-03-02T10:00:00Z"),
            identity: "strongroom-07070707".into(),
            statement: None,
        },
    }
}

/// A signed report: bundle and signature.
pub fn signed(facts: Facts) -> (Vec<u8>, String) {
    sign(&with_pages(rules::bundle(facts).unwrap()))
}

/// Notes the digests of the pages in a bundle.
pub fn with_pages(mut bundle: Bundle) -> Bundle {
    bundle.page_sha256 = hash(page(&bundle, NO_HASH).as_bytes());
    bundle.annex_sha256 = hash(annex(&bundle, NO_HASH).as_bytes());
    bundle
}

pub fn sign(bundle: &Bundle) -> (Vec<u8>, String) {
    let bytes = bundle.to_bytes().unwrap();
    let (seed, public) = key();
    let signature = sign_file(&seed, &public, REPORT, &bytes);
    (bytes, signature)
}
