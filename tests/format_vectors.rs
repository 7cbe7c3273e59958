//! Runs every vector of tests/vectors. docs/format.md says how they are written down; each is one scenario and names
//! what a reader of the format must make of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a vector that does not read fails its test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strongroom::Error;
use strongroom::body::{BodyError, Opener, Output, Rewrapped, Run, StreamOpener, inspect, rewrap};
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::{sha256, sha512};
use strongroom::crypto::kdf::{KdfError, derive_kek};
use strongroom::crypto::list_digest::ListDigest;
use strongroom::crypto::secret::{FileKey, KitSecret, Password, ProjectFileKey};
use strongroom::error::{Difference, ItemError, SealedFileError, Unsupported};
use strongroom::format::item::DataKeyItem;
use strongroom::format::log::{Action, NewEntry, Who, segment_name};
use strongroom::format::sealed::Block;
use strongroom::format::vault::Document;
use strongroom::format::{EnrolmentId, label};
use strongroom::host::ThisHost;
use strongroom::keychain::{ItemKind, Keychain, MemoryKeychain};
use strongroom::store::MemoryStore;
use strongroom::vault::{LogState, NewProject, Vault};

/// How many vectors there are, so that one that is lost or passed over shows.
const SEALED: usize = 48;
const LIST_DIGESTS: usize = 10;
const VAULTS: usize = 26;
const LOGS: usize = 12;

/// The vault every vault vector is about.
const VAULT_ID: &str = "e7118c17-06fd-4c9f-962f-08a5a68b5f73";
/// The computer whose log every vector of a log is.
const ENROLMENT: EnrolmentId =
    EnrolmentId::from_bytes(*b"\x90\xc3\xf4\xf2\x3e\x58\x4d\x0a\x8a\x9d\x5b\x9a\x3f\x6c\x1e\x27");

/// One vector: its header lines, and what follows the empty line.
pub struct Vector {
    path: PathBuf,
    header: BTreeMap<String, String>,
    body: Vec<String>,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.lines().all(|line| line.len() <= 200), "{}", path.display());
        let mut lines = text.lines();
        let header = lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_once(": ").expect("NAME: VALUE"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { path: path.into(), header, body: lines.map(str::to_owned).collect() }
    }

    fn folder(kind: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(kind)
    }

    /// Returns every vector of a kind, by name.
    pub fn all(kind: &str) -> Vec<Self> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(Self::folder(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Returns what a header line says.
    pub fn get(&self, name: &str) -> &str {
        self.header.get(name).unwrap_or_else(|| panic!("{} has no {name:?}", self.path.display()))
    }

    /// Returns its name, as docs/format.md lists it.
    pub fn name(&self) -> &str {
        self.path.file_stem().unwrap().to_str().unwrap()
    }

    fn file_key(&self) -> FileKey {
        FileKey::from_slice(&hex::decode(self.get("file-key")).unwrap()).unwrap()
    }

    /// Decodes a sealed file: base64, in which `*N` stands for N lines of 57 zero bytes.
    pub fn sealed_file(&self) -> Vec<u8> {
        let text: String = self
            .body
            .iter()
            .map(|line| match line.strip_prefix('*') {
                Some(count) => "A".repeat(76 * count.parse::<usize>().unwrap()),
                None => line.clone(),
            })
            .collect();
        STANDARD.decode(text).unwrap()
    }

    /// Returns a section of a vault vector: its lines joined.
    fn section(&self, name: &str) -> Option<Vec<u8>> {
        let heading = format!("[{name}]");
        let mut lines = self.body.iter().skip_while(|line| **line != heading);
        lines.next()?;
        let text: String = lines.take_while(|line| !is_heading(line)).cloned().collect();
        Some(text.into_bytes())
    }

    fn vault_file(&self) -> Vec<u8> {
        self.section("vault").unwrap_or_else(|| {
            Self::read(&Self::folder("vault").join(self.get("vault-file"))).section("vault").unwrap()
        })
    }

    /// Fails unless `found` is the kind of outcome the vector expects.
    fn assert_kind(&self, found: &str, detail: &dyn std::fmt::Display) {
        assert_eq!(found, self.get("expect"), "{}: {detail}", self.path.display());
    }
}

/// Tells whether a line begins a section. What is wrapped may begin with a bracket, too.
fn is_heading(line: &str) -> bool {
    ["[data-key]", "[anchor]"].contains(&line) || line.starts_with("[segment ")
}

/// Names a library error as the vectors do.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::Damaged { .. } => "damaged",
        Error::SealedFile(SealedFileError { source, .. }) => match source {
            BodyError::Damaged { .. } => "damaged",
            BodyError::Truncated => "truncated",
            BodyError::NotSealed => "not-sealed",
            BodyError::WrongKey { .. } => "wrong-key",
            BodyError::UnsupportedVersion { found: 2, known: 1 } | BodyError::UnsupportedFeature(_) => {
                "unsupported-version"
            }
            other => panic!("no vector expects this: {other}"),
        },
        Error::Unsupported(Unsupported::Version { found: 2, known: 1, .. })
        | Error::Unsupported(Unsupported::Feature { .. }) => "unsupported-version",
        Error::Unsupported(Unsupported::BeforeRelease { .. }) => "before-release",
        Error::WrongPassword { .. } => "wrong-password",
        Error::Kdf(KdfError::OutOfRange { .. }) => "kdf-out-of-range",
        Error::Item(ItemError::NotOurs { .. }) => "key-not-ours",
        Error::Unsupported(Unsupported::ReadOnly { .. }) => "read-only",
        Error::RolledBack(seen) if seen.difference == Difference::Diverged => "diverged",
        Error::RolledBack(_) => "rolled-back",
        other => panic!("no vector expects this: {other}"),
    }
}

fn named(error: BodyError) -> Error {
    error.named("the file")
}

fn open_sealed(vector: &Vector) -> Result<Vec<u8>, Error> {
    let key = || ProjectFileKey { project: "vector".into(), version: 1, key: vector.file_key() };
    let opener = Opener::new(vector.sealed_file(), &key()).map_err(named)?;
    let mut plaintext = Vec::new();
    opener.copy_to(Output::Stream(&mut plaintext), Run::quiet()).map_err(named)?;
    Ok(plaintext)
}

/// As it comes from a pipe: the length is proven only at the end.
fn open_stream(vector: &Vector) -> Result<Vec<u8>, Error> {
    let key = || ProjectFileKey { project: "vector".into(), version: 1, key: vector.file_key() };
    let sealed = vector.sealed_file();
    let opener = StreamOpener::new(&sealed[..], &key()).map_err(named)?;
    let mut plaintext = Vec::new();
    opener.copy_to(Output::Stream(&mut plaintext), Run::quiet()).map_err(named)?;
    Ok(plaintext)
}

#[test]
fn a_stream_opens_exactly_where_the_file_does() {
    for vector in &Vector::all("sealed") {
        let path = vector.path.display();
        match (open_sealed(vector), open_stream(vector)) {
            (Ok(file), Ok(stream)) => assert!(file == stream, "{path}"),
            // Without an end to look at first, a cut may show as a chunk that fails.
            (Err(file), Err(stream)) => match (kind(&file), kind(&stream)) {
                ("truncated", "damaged") | ("damaged", "truncated") => {}
                (file, stream) => assert_eq!(file, stream, "{path}"),
            },
            (file, stream) => panic!("{path}: as a file {}, as a stream {}", file.is_ok(), stream.is_ok()),
        }
    }
}

#[test]
fn sealed_files_open_or_fail_as_the_vectors_say() {
    let vectors = Vector::all("sealed");
    for vector in &vectors {
        match open_sealed(vector) {
            Ok(plaintext) => {
                vector.assert_kind("opens", &"it opened");
                assert_eq!(
                    hex::encode(sha256(&plaintext)),
                    vector.get("plaintext-sha256"),
                    "{}",
                    vector.path.display()
                );
            }
            Err(error) => vector.assert_kind(kind(&error), &error),
        }
    }
    assert_eq!(vectors.len(), SEALED);
}

fn is_called_delivery<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::SealedFile(SealedFileError { source: BodyError::WrongKey { is_delivery: true }, .. })))
}

#[test]
fn deliveries_are_called_that_and_nothing_else_is() {
    for vector in Vector::all("sealed") {
        let path = vector.path.display();
        let name = vector.path.file_stem().unwrap().to_str().unwrap();
        let is_delivery = vector.get("expect") == "wrong-key" && name.starts_with("delivery");
        for result in [open_sealed(&vector), open_stream(&vector)] {
            assert_eq!(is_delivery, is_called_delivery(&result), "{path}");
        }
        if let Ok(seen) = inspect(&vector.sealed_file()) {
            assert_eq!(is_delivery, seen.is_delivery(), "{path}");
        }
    }
}

/// Moves a copy of the vector's file to another key of the project, and gives what became of it.
fn rewrapped(vector: &Vector) -> (Result<Rewrapped, Error>, Vec<u8>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vector.sealed_file()).unwrap();
    let key = |version, key| ProjectFileKey { project: "vector".into(), version, key };
    let keys = key(1, vector.file_key());
    let to = key(2, FileKey::from_slice(&[2; 32]).unwrap());
    let result = rewrap(&file, &keys, &to, Duration::ZERO).map_err(named);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    (result, bytes)
}

#[test]
fn rewrapping_keeps_every_stanza_but_the_projects() {
    for name in ["recipients", "recipient-no-age-file", "stanzas-64", "stanza-to-skip"] {
        let vector = Vector::read(&Vector::folder("sealed").join(name).with_extension("txt"));
        let (result, after) = rewrapped(&vector);
        assert_eq!(result.unwrap(), Rewrapped::From(1), "{name}");
        let before = vector.sealed_file();
        let stanzas = |bytes: &[u8]| Block::parse(&bytes[..4096]).unwrap().stanzas;
        let (kept, had) = (stanzas(&after), stanzas(&before));
        assert!(kept[1..] == had[1..] && kept[0] != had[0] && kept.len() == had.len(), "{name}");
        assert!(after[..4096] == after[4096..8192] && after[8192..] == before[8192..], "{name}");
    }
}

#[test]
fn rewrapping_leaves_a_delivery_as_it_is() {
    for name in ["delivery", "delivery-longer-blocks", "delivery-64-stanzas", "delivery-block-a-zeroed"] {
        let vector = Vector::read(&Vector::folder("sealed").join(name).with_extension("txt"));
        let (result, after) = rewrapped(&vector);
        assert!(is_called_delivery(&result), "{name}");
        assert!(after == vector.sealed_file(), "{name}");
    }
}

#[test]
fn the_metadata_of_a_vector_is_what_was_sealed() {
    let vector = Vector::read(&Vector::folder("sealed").join("hello.txt"));
    let key = || ProjectFileKey { project: "vector".into(), version: 1, key: vector.file_key() };
    let opener = Opener::new(vector.sealed_file(), &key()).unwrap();
    let metadata = &opener.header().metadata;
    assert_eq!(metadata.name.as_deref(), Some("hello.txt"));
    assert_eq!(metadata.modified.unwrap().to_string(), "2026-11-21T08:30:00Z");
    assert_eq!(metadata.mode, Some(0o640));
    assert_eq!(metadata.media, None);
}

/// Unwraps the data key step by step, as docs/format.md tells it.
fn data_key(vector: &Vector) -> Vec<u8> {
    let document = Document::parse(&vector.vault_file()).unwrap();
    let item = DataKeyItem::parse(&vector.section("data-key").unwrap()).unwrap();
    let wrap = &item.wraps[0];
    let password = Password::new(vector.get("password").as_bytes()).unwrap();
    let kek = derive_kek(&password, &document.header.pepper.0, &wrap.header.kdf, None).unwrap();
    let context: [&[u8]; 2] = [label::DATA_KEY, &sha512(&wrap.protected)];
    cobblestone::open(kek.expose(), &context, &wrap.wrapped).unwrap().to_vec()
}

/// Opens the vault of a vector, compares what it holds, and returns why it must not be changed, if so.
fn open_vault(vector: &Vector) -> Result<(), Error> {
    let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
    store.put(Some(vector.vault_file()), None);
    for kind in [ItemKind::DataKey, ItemKind::Anchor] {
        keychain.set(VAULT_ID, kind, &vector.section(kind.name()).unwrap()).unwrap();
    }
    let password = Password::new(vector.get("password").as_bytes()).unwrap();
    if let Some(secret) = vector.header.get("kit-secret") {
        let secret = KitSecret::from_slice(&hex::decode(secret).unwrap()).unwrap();
        let opened = Vault::open(store.clone())?.open_with_kit(&secret)?;
        assert_eq!((opened.kit().to_string(), opened.projects()), ("1-BS".into(), 1));
    }
    let mut unlocked = Vault::open(store.clone())?.unlock(&password, keychain.clone(), Arc::new(ThisHost))?;
    assert_eq!(unlocked.header().generation.to_string(), vector.get("generation"));
    unlocked.tend(&password)?;
    assert_eq!(hex::encode(&data_key(vector)[..]), vector.get("data-key"));
    let version = vector.get("version").parse().unwrap();
    let key = unlocked.file_key(vector.get("project"), Some(version))?;
    assert_eq!(hex::encode(key.key.expose()), vector.get("file-key"));
    unlocked.add_project(&NewProject { name: "another".into(), ..NewProject::default() })?;
    Ok(())
}

#[test]
fn vaults_open_or_fail_as_the_vectors_say() {
    let vectors = Vector::all("vault");
    for vector in &vectors {
        match open_vault(vector) {
            Ok(()) => vector.assert_kind("opens", &"it opened and took a change"),
            Err(error) => vector.assert_kind(kind(&error), &error),
        }
    }
    assert_eq!(vectors.len(), VAULTS);
}

/// Names what a log is as the vectors do.
fn kind_of_log(state: &LogState) -> &'static str {
    match state {
        LogState::Current => "current",
        LogState::Ahead { by: 1 } => "ahead",
        LogState::Unrecorded { witnessed: 4 } => "unrecorded",
        LogState::Altered(alarm) => alarm.difference.kind(),
        other => panic!("no vector expects this: {other:?}"),
    }
}

#[test]
fn access_logs_are_what_the_vectors_say() {
    let vectors = Vector::all("log");
    for vector in &vectors {
        let name = vector.path.display();
        let vault = Vector::read(&Vector::folder("vault").join(vector.get("vault-file")));
        let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
        store.put(Some(vault.vault_file()), None);
        keychain.set(VAULT_ID, ItemKind::DataKey, &vault.section("data-key").unwrap()).unwrap();
        keychain.set(VAULT_ID, ItemKind::Anchor, &vector.section("anchor").unwrap()).unwrap();
        let segments = (1..).map_while(|number| Some((number, vector.section(&format!("segment {number}"))?)));
        let files = segments.map(|(number, text)| (segment_name(ENROLMENT, number), STANDARD.decode(text).unwrap()));
        store.logs().put(files.collect());
        let password = Password::new(vault.get("password").as_bytes()).unwrap();
        let unlocked = Vault::open(store.clone()).unwrap().unlock(&password, keychain, Arc::new(ThisHost)).unwrap();
        let logs = unlocked.read_logs().unwrap();
        let [log] = &logs[..] else { panic!("{name}: {} logs", logs.len()) };
        vector.assert_kind(kind_of_log(&log.state), &format!("{:?}", log.state));
        if let Some(records) = vector.header.get("records") {
            let found: Vec<String> = log.records.iter().map(|record| record.number.to_string()).collect();
            assert_eq!(found.join(" "), *records, "{name}");
            assert!(log.records.iter().all(|record| record.entry.is_some()), "{name}");
        }
        // Whether an entry is added or not: nothing that is wrong is put right by it.
        let added = unlocked.log_note(&NewEntry::new(Action::KitTest, Who::default()));
        let after = unlocked.log_state().unwrap();
        let is_altered = |state: &LogState| matches!(state, LogState::Altered(_));
        assert_eq!(is_altered(&after), is_altered(&log.state), "{name}: {after:?}");
        assert!(added.is_ok() || is_altered(&after), "{name}: {added:?}");
    }
    assert_eq!(vectors.len(), LOGS);
}

#[test]
fn list_digests_are_those_of_the_vectors() {
    let text = include_str!("vectors/list-digest.txt");
    for line in text.lines() {
        let (length, known) = line.split_once(' ').unwrap();
        let bytes: Vec<u8> = (0..length.parse::<usize>().unwrap()).map(|at| (at % 251) as u8).collect();
        let mut digest = ListDigest::new();
        // Parts that end nowhere near the pieces' borders.
        bytes.chunks(70_001).for_each(|part| digest.update(part));
        assert_eq!(hex::encode(digest.finish()), known, "{length} bytes");
    }
    assert_eq!(text.lines().count(), LIST_DIGESTS);
}
