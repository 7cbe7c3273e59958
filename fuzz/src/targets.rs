//! What Strongroom reads, each handed hostile bytes through the library's public face. A target panics where a
//! promise of docs/format.md is broken; that it ends, and in little memory, the fuzzer itself watches.
//!
//! The tests run the same functions on the committed corpus and on mutations of it: see tests/hostile.

use std::sync::Arc;
use std::sync::LazyLock;

use strongroom::agent::protocol::{Answer, Line, Question};
use strongroom::body::{BodyError, Header, Metadata, Opener, Output, Run, StreamOpener, inspect};
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::{MacKey, sha256};
use strongroom::crypto::kdf::{KdfCost, KdfError, KdfParams, derive_kek};
use strongroom::crypto::secret::{FileKey, KitSecret, Password, ProjectFileKey};
use strongroom::format::item::{AnchorItem, DataKeyItem};
use strongroom::format::log::{BLOCK, Entry, Head, frame, length_behind, length_in_front, to_record};
use strongroom::format::sealed::{Block, METADATA_BLOCK, PROJECT_STANZA_LEN, Prelude, Stanza, stanza};
use strongroom::format::vault::{Document, Payload};
use strongroom::format::{kit, label, name};
use strongroom::host::ThisHost;
use strongroom::imports::{ColumnMap, Format, HtmlEntities, Options, read};
use strongroom::keychain::{ItemKind, Keychain, MemoryKeychain};
use strongroom::store::MemoryStore;
use strongroom::vault::Vault;

use super::old_files::{aescrypt, age, legacy, office, sevenz, zip};
use super::vectors::Vector;

/// Takes hostile bytes.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 21] = [
    ("header", header),
    ("sealed", sealed),
    ("body", body),
    ("metadata", metadata),
    ("vault", vault),
    ("payload", payload),
    ("data_key_item", data_key_item),
    ("anchor_item", anchor_item),
    ("kdf", kdf),
    ("kit", kit_code),
    ("name", names),
    ("password", password),
    ("imports", imports),
    ("agent_line", agent_line),
    ("log", log),
    ("legacy", legacy),
    ("aescrypt", aescrypt),
    ("age", age),
    ("office", office),
    ("zip", zip),
    ("sevenz", sevenz),
];

/// The file key of nearly all vectors, and the files that are sealed under it and open.
struct Known {
    file_key: [u8; 32],
    digests: Vec<[u8; 32]>,
    hello: Vec<u8>,
    two_chunks: Vec<u8>,
    vault: Vec<u8>,
    item: Vec<u8>,
    vault_id: String,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let vectors = Vector::all("sealed");
    let find = |name| vectors.iter().find(|vector| vector.name == name).expect("a vector");
    let vaults = Vector::all("vault");
    let opens = vaults.iter().find(|vector| vector.name == "opens").expect("a vault");
    let vault = opens.section("vault").expect("a vault file");
    Known {
        file_key: find("hello").bytes32("file-key").expect("a file key"),
        digests: vectors.iter().filter_map(|vector| vector.bytes32("plaintext-sha256")).collect(),
        hello: find("hello").sealed(),
        two_chunks: find("over-a-chunk-border").sealed(),
        vault_id: Document::parse(&vault).expect("a vault").header.vault.to_string(),
        vault,
        item: opens.section("data-key").expect("an item"),
    }
});

impl Known {
    fn key(&self) -> ProjectFileKey {
        let key = FileKey::from_slice(&self.file_key).expect("32 bytes");
        ProjectFileKey { project: "vector".into(), version: 1, key }
    }

    /// Opens a sealed file as a file and as a stream, and gives the plaintext where both do.
    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let run = Run { threads: 1, progress: &|_| {} };
        let mut from_file = Vec::new();
        let file =
            Opener::new(sealed, &self.key()).and_then(|opener| opener.copy_to(Output::Stream(&mut from_file), run));
        let mut from_stream = Vec::new();
        let stream = StreamOpener::new(sealed, &self.key())
            .and_then(|opener| opener.copy_to(Output::Stream(&mut from_stream), run));
        match (file, stream) {
            (Ok(length), Ok(_)) => {
                assert!(from_file == from_stream && length == from_file.len() as u64);
                Some(from_file)
            }
            (Err(_), Err(_)) => None,
            (file, stream) => panic!("as a file: {file:?}, as a stream: {stream:?}"),
        }
    }
}

/// A header block is written back as it was read: no two blocks mean the same.
pub fn header(bytes: &[u8]) {
    let inspected = inspect(&bytes);
    if let Ok(block) = Block::parse(bytes) {
        let mac = Block::mac_of(bytes).1.try_into().expect("32 bytes");
        assert_eq!(block.to_bytes(|_| mac).expect("what was read can be written"), bytes);
        let inspected = inspected.expect("a block is enough to be inspected");
        assert_eq!((inspected.file, inspected.is_delivery()), (block.prelude.file, block.is_delivery()));
        if block.is_delivery() {
            assert!(block.recipients() > 0 && block.recipients() == inspected.recipients());
            // Before its body is looked at, so that it needs none.
            let opened = Header::open(&bytes.repeat(2), &KNOWN.key());
            assert!(matches!(opened, Err(BodyError::WrongKey { is_delivery: true })), "a delivery is no project's");
        }
    }
}

/// A segment's head and a record are written back as they were read, and no entry is more than it says.
pub fn log(bytes: &[u8]) {
    if let Some(head) = bytes.first_chunk::<BLOCK>().and_then(|bytes| Head::parse(bytes).ok()) {
        assert_eq!(head.to_bytes(), bytes[..BLOCK]);
    }
    if let Ok(framed) = frame(bytes) {
        assert_eq!(to_record(framed.key_version, framed.sealed).expect("what was read can be written"), bytes);
        assert_eq!((length_in_front(bytes), length_behind(bytes)), (Some(bytes.len()), Some(bytes.len())));
    }
    if let Ok(entry) = Entry::parse(bytes) {
        let written = serde_json::to_vec(&entry).expect("what was read can be written");
        assert_eq!(Entry::parse(&written).expect("what was written can be read"), entry);
    }
}

/// Whatever opens under a key is one of the files that were sealed under it.
pub fn sealed(bytes: &[u8]) {
    let _ = inspect(&bytes);
    if let Some(plaintext) = KNOWN.open(bytes) {
        assert!(KNOWN.digests.contains(&sha256(&plaintext)), "a plaintext that nobody sealed");
    }
}

/// Of all that can be put together from the parts of two sealed files, only the two files open.
pub fn body(recipe: &[u8]) {
    let files = [&KNOWN.hello[..], &KNOWN.two_chunks[..]];
    let ends = [0, 8192, 8192 + 56, 8192 + 56 + 16400, usize::MAX];
    let part = |file: &'static [u8], index: usize| {
        let end = |index: usize| ends[index].min(file.len());
        &file[end(index)..end(index + 1)]
    };
    let mut made = Vec::new();
    for (place, step) in recipe.chunks(3).take(16).enumerate() {
        let which = step[0] as usize;
        // The header stands first, and whole: what becomes of damaged ones the target `sealed` tries.
        let start = made.len();
        made.extend_from_slice(part(files[which % 2], if place == 0 { 0 } else { 1 + which / 2 % 3 }));
        if let ([_, action, at], 1..) = (step, place) {
            let length = made.len() - start;
            match action % 8 {
                1 => made.truncate(start + length - length.min(usize::from(*at))),
                2 => drop(made.drain(start..start + length.min(usize::from(*at)))),
                3 if length > 0 => made[start + usize::from(*at) * 97 % length] ^= 1 << (action >> 5),
                4 => made.extend(std::iter::repeat_n(0, usize::from(*at))),
                _ => {}
            }
        }
    }
    assert_eq!(KNOWN.open(&made).is_some(), files.contains(&&made[..]), "{} bytes", made.len());
}

/// Metadata that the key's owner sealed, however strange, opens as it was read or not at all.
pub fn metadata(json: &[u8]) {
    let hello = Block::parse(&KNOWN.hello[..4096]).expect("a block");
    let context: [&[u8]; 2] = [label::CONTENT_KEY, &hello.prelude.to_bytes()];
    let content_key = cobblestone::open(&KNOWN.file_key, &context, hello.project().expect("a project's"));
    let content_key = content_key.expect("a content key");
    let content_key: &[u8; 32] = content_key[..].try_into().expect("32 bytes");
    let mut padded = json.to_vec();
    padded.resize(json.len().next_multiple_of(METADATA_BLOCK), b' ');

    // The contexts hold the block's length, so it is settled from the stanzas' lengths first.
    let lengths = [PROJECT_STANZA_LEN, cobblestone::sealed_len(padded.len() as u64) as usize];
    let kinds = [stanza::PROJECT, stanza::METADATA];
    let empty = [0, 1].map(|index| Stanza { kind: kinds[index], body: vec![0; lengths[index]] });
    let Some(block_len) = Block::fitting_len(&empty) else { return };
    let prelude = Prelude { block_len, file: hello.prelude.file };
    let context: [&[u8]; 2] = [label::METADATA, &prelude.to_bytes()];
    let sealed_metadata = cobblestone::seal(content_key, &context, &padded).expect("random bytes");
    let context: [&[u8]; 2] = [label::CONTENT_KEY, &prelude.to_bytes()];
    let project = cobblestone::seal(&KNOWN.file_key, &context, content_key).expect("random bytes");
    let stanzas = [(stanza::PROJECT, project), (stanza::METADATA, sealed_metadata)];
    let block = Block { prelude, sequence: 0, stanzas: stanzas.map(|(kind, body)| Stanza { kind, body }).into() };
    let mac_key = MacKey::derive(content_key, label::HEADER_MAC);
    let blocks = block.to_bytes(|message| mac_key.tag(message)).expect("it fits").repeat(2);
    match Header::open(&blocks, &KNOWN.key()) {
        Ok(header) => {
            let written = serde_json::to_vec(&header.metadata).expect("metadata can be written");
            assert_eq!(serde_json::from_slice::<Metadata>(&written).expect("and read"), header.metadata);
        }
        Err(error) => assert!(matches!(error, BodyError::Damaged { .. }), "{error}"),
    }
}

/// A vault file that parses says the same when it is written again, and is never opened without a key.
pub fn vault(bytes: &[u8]) {
    if let Ok(document) = Document::parse(bytes) {
        let again = Document::parse(&document.to_bytes().expect("it can be written")).expect("and read");
        assert!(again.header == document.header && again.protected == document.protected);
        assert_eq!(again.payload, document.payload);
        let protected = document.header.to_protected().expect("a header can be written");
        let rewritten = Document { protected, ..document };
        let again = Document::parse(&rewritten.to_bytes().expect("it can be written")).expect("and read");
        assert_eq!(again.header, rewritten.header);
    }
    find_key(bytes, &KNOWN.item);
    let store = Arc::new(MemoryStore::new());
    store.put(Some(bytes.to_vec()), None);
    let secret = KitSecret::from_slice(&[7; 32]).expect("32 bytes");
    let opened = Vault::open(store.clone()).and_then(|vault| vault.open_with_kit(&secret).map(drop));
    assert!(opened.is_err(), "a kit that nobody made opened it");
}

/// Goes as far as a program goes without a password.
fn find_key(vault: &[u8], item: &[u8]) {
    let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
    store.put(Some(vault.to_vec()), Some(KNOWN.vault.clone()));
    // Longer than any keychain takes: refused before it is parsed.
    if keychain.set(&KNOWN.vault_id, ItemKind::DataKey, item).is_ok() {
        let found =
            Vault::open(store.clone()).and_then(|vault| vault.find_key(keychain.clone(), Arc::new(ThisHost)).map(drop));
        let text = found.map_or_else(|error| error.to_string(), |()| String::new());
        assert!(text.len() < 2000, "an error as long as its input");
    }
}

/// A payload that parses keeps all it holds, the members it does not know included.
pub fn payload(bytes: &[u8]) {
    if let Ok(payload) = Payload::parse(bytes) {
        let again = Payload::parse(&payload.to_bytes().expect("it can be written")).expect("and read");
        assert!(again == payload);
        assert!(payload.policy.cost().is_ok_and(|cost| cost.check().is_ok()));
        assert!(payload.projects.iter().all(|project| project.current().is_none_or(|key| key.version > 0)));
    }
}

/// A data-key item that parses asks for no cost out of range.
pub fn data_key_item(bytes: &[u8]) {
    if let Ok(item) = DataKeyItem::parse(bytes) {
        let again = DataKeyItem::parse(&item.to_bytes().expect("it can be written")).expect("and read");
        assert_eq!(again.wraps.len(), item.wraps.len());
        for (again, wrap) in again.wraps.iter().zip(&item.wraps) {
            assert!(again.header == wrap.header && again.protected == wrap.protected && again.wrapped == wrap.wrapped);
            assert!(within_bounds(&wrap.header.kdf), "{:?}", wrap.header.kdf);
        }
    }
    find_key(&KNOWN.vault, bytes);
}

/// An anchor that parses claims the same when it is written again.
pub fn anchor_item(bytes: &[u8]) {
    if let Ok(item) = AnchorItem::parse(bytes) {
        let written = AnchorItem::write(&item.anchor, |_| item.mac).expect("it can be written");
        let again = AnchorItem::parse(&written).expect("and read");
        assert!(again.anchor == item.anchor && again.mac == item.mac);
    }
}

/// What docs/format.md accepts, in numbers that cannot overflow.
fn within_bounds(KdfParams { cost, salt }: &KdfParams) -> bool {
    let (m, t, p) = (u128::from(cost.memory_kib), u128::from(cost.passes), u128::from(cost.lanes));
    (65_536..=4_194_304).contains(&m)
        && (3..=64).contains(&t)
        && (4..=16).contains(&p)
        && m * t <= 33_554_432
        && (16..=64).contains(&salt.len())
}

/// Costs out of range are refused at once, and so is a cost that the memory there is does not allow.
pub fn kdf(bytes: &[u8]) {
    let Some((numbers, salt)) = bytes.split_first_chunk::<12>() else { return };
    let number = |at: usize| u32::from_be_bytes([numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]]);
    let cost = KdfCost { memory_kib: number(0), passes: number(4), lanes: number(8) };
    let params = KdfParams { cost, salt: salt.to_vec() };
    assert_eq!(params.check().is_ok(), within_bounds(&params), "{params:?}");
    // No memory at all, so that a wrong answer costs nothing but shows.
    let password = Password::new(b"a password").expect("a password");
    let error = derive_kek(&password, &[0; 32], &params, Some(0)).expect_err("there is no memory");
    match params.check() {
        Ok(()) => assert_eq!(error, KdfError::NotEnoughMemory { needed: cost.memory_bytes() }),
        Err(refused) => assert_eq!(error, refused),
    }
}

/// A code that is read is the one that its secret is written as, but for what a person may type in another way.
pub fn kit_code(bytes: &[u8]) {
    let plain = |text: &str| {
        let typed = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{feff}'));
        typed
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect::<String>()
    };
    let check = |text: &str| match kit::read(text) {
        Ok(secret) => assert_eq!(plain(&kit::write(&secret)), plain(text)),
        Err(error) => assert!(error.to_string().len() < 100),
    };
    check(&String::from_utf8_lossy(bytes));
    // The first bytes as a secret, whose code the others change: a fuzzer finds no checksum by itself.
    let Some((secret, edits)) = bytes.split_first_chunk::<32>() else { return };
    let mut code = kit::write(&KitSecret::from_slice(secret).expect("32 bytes")).to_string().into_bytes();
    assert_eq!(kit::read(std::str::from_utf8(&code).expect("text")).expect("a code").expose(), secret);
    for edit in edits.chunks_exact(2).take(8) {
        let at = usize::from(edit[0]) % code.len();
        code[at] = edit[1] & 0x7f;
    }
    check(std::str::from_utf8(&code).expect("ASCII"));
}

/// What is printed acts on no terminal, and a file name leads nowhere else.
pub fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(!name::printable(&text).chars().any(char::is_control));
    let json = serde_json::to_string(&text).expect("a string");
    let printed = name::printable_json(&json);
    assert!(!printed.chars().any(char::is_control));
    assert_eq!(serde_json::from_str::<String>(&printed).expect("still JSON"), text);
    if name::is_file_name(&text) {
        let mut components = std::path::Path::new(&*text).components();
        assert!(matches!(components.next(), Some(std::path::Component::Normal(whole)) if whole == &*text));
        assert!(components.next().is_none());
    }
    if let Ok(project) = name::project_name(&text) {
        assert_eq!(name::printable(&project), project);
        assert_eq!(name::project_name(&project).as_ref(), Ok(&project), "not stable");
    }
}

/// A password is bounded, and normalized once and for all.
pub fn password(bytes: &[u8]) {
    if let Ok(password) = Password::new(bytes) {
        assert!(password.expose().len() <= 1024);
        let again = Password::new(password.expose().as_bytes()).expect("it was one");
        assert_eq!(again.expose(), password.expose());
    }
}

/// Of an export only that is taken which a vault can keep, whatever the export is said to be.
pub fn imports(bytes: &[u8]) {
    let columns = ColumnMap::parse("name=name,user=username,password=password,url=url,tags=tags,field=x");
    // Without a password, whose key may cost seconds.
    let options =
        Options { password: None, html_entities: Some(HtmlEntities::Decode), columns: Some(columns.expect("a map")) };
    let _ = Format::detect(bytes, "export.1pux");
    for format in Format::ALL {
        match read(bytes, *format, &options) {
            Ok(imported) => {
                let mut names: Vec<&str> = imported.items.iter().map(|item| &*item.name).collect();
                names.sort_unstable();
                assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "two items with one name");
                for item in &imported.items {
                    let fields = item.fields.iter().map(|(name, ..)| name);
                    let mut names = fields.chain([&item.name]);
                    assert!(names.all(|name| name::project_name(name).as_ref() == Ok(name)), "no name");
                    let lines = [&item.user, &item.folder].into_iter().chain(&item.urls).chain(&item.tags);
                    assert!(lines.into_iter().all(|line| name::printable(line) == *line), "not fit for a line");
                }
            }
            Err(error) => assert!(error.to_string().len() < 200, "an error as long as its input"),
        }
    }
}

/// What comes over the agent's socket has the same lines however it arrives, and what is read of a line is written as a
/// line that says the same.
pub fn agent_line(bytes: &[u8]) {
    let piece = 1 + bytes.first().map_or(0, |byte| usize::from(*byte));
    let (mut arriving, mut lines) = (Line::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        let mut searched = arriving.as_bytes().len();
        arriving.extend(piece);
        while let Some(line) = arriving.take_line(searched) {
            lines.push(line);
            searched = 0;
        }
    }
    let expected = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
    let found = lines.iter().chain([&arriving]).map(|line| line.as_bytes().to_vec());
    assert!(expected.eq(found), "other lines");
    for line in lines.iter().chain([&arriving]) {
        let end = |line: Line| line.as_bytes().strip_suffix(b"\n").expect("a line's end").to_vec();
        if let Ok(question) = Question::read(line.as_bytes()) {
            let written = end(question.to_line());
            assert_eq!(end(Question::read(&written).expect("a question").to_line()), written);
        }
        if let Ok(answer) = Answer::read(line.as_bytes()) {
            let written = end(answer.to_line());
            assert_eq!(end(Answer::read(&written).expect("an answer").to_line()), written);
        }
    }
}
