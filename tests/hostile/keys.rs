//! Invented projects' keys, and sealed files opened with them both ways there are.

use std::io::Write;

use strongroom::body::{BodyError, Header, Metadata, Opener, Output, Run, Sealer, StreamOpener};
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::MacKey;
use strongroom::crypto::secret::{FileKey, ProjectFileKey};
use strongroom::format::label;
use strongroom::format::sealed::{Block, Stanza, stanza};

/// Bytes of the two header blocks of every file here.
pub const HEADER: usize = 8192;

/// Makes the file key of a project and version: the same each time.
pub fn key(project: u8, version: u32) -> ProjectFileKey {
    let mut bytes = [project; 32];
    bytes[31] = version as u8;
    ProjectFileKey {
        project: format!("project {project}"),
        version,
        key: FileKey::from_slice(&bytes).expect("32 bytes"),
    }
}

/// Seals a file under a project's key.
pub fn sealed(project: u8, version: u32, plaintext: &[u8]) -> Vec<u8> {
    let metadata = Metadata { name: Some("clients.csv".into()), ..Metadata::default() };
    let mut sealer = Sealer::new(&key(project, version), &metadata, Vec::new()).unwrap();
    sealer.write_all(plaintext).unwrap();
    sealer.finish().unwrap()
}

/// Makes a delivery of a sealed file of project 1 and version 1: the same but for its project stanza, in whose place
/// it has these recipient stanzas.
pub fn delivery(file: &[u8], recipients: &[&[u8]]) -> Vec<u8> {
    let mut block = Block::parse(&file[..HEADER / 2]).unwrap();
    let context = [label::CONTENT_KEY, &block.prelude.to_bytes()];
    let content_key = cobblestone::open(key(1, 1).key.expose(), &context, block.project().unwrap()).unwrap();
    let recipients = recipients.iter().map(|body| Stanza { kind: stanza::RECIPIENT, body: body.to_vec() });
    block.stanzas.splice(..1, recipients);
    let mac_key = MacKey::derive(content_key[..].try_into().unwrap(), label::HEADER_MAC);
    let header = block.to_bytes(|message| mac_key.tag(message)).unwrap();
    [&header, &header, &file[HEADER..]].concat()
}

/// What came out of a sealed file that opened.
pub struct Opened {
    pub plaintext: Vec<u8>,
    pub one_block_only: bool,
}

const ONE_THREAD: Run<'_> = Run { threads: 1, progress: &|_| {} };

/// Opens a file with the keys of all projects and versions there are, at any position and as a stream, which must
/// agree on whether it opens and to what.
pub fn open(bytes: &[u8]) -> Result<Opened, BodyError> {
    let keys: Vec<_> = [(1, 1), (1, 2), (2, 1)].map(|(project, version)| key(project, version)).into();
    let warned = |header: &Header| header.one_block_only;
    let mut plaintext = Vec::new();
    let file = Opener::new(bytes, &keys)
        .and_then(|opener| opener.copy_to(Output::Stream(&mut plaintext), ONE_THREAD).map(|_| warned(opener.header())));
    let mut streamed = Vec::new();
    let stream = StreamOpener::new(bytes, &keys).and_then(|opener| {
        let one_block_only = warned(opener.header());
        opener.copy_to(Output::Stream(&mut streamed), ONE_THREAD).map(|_| one_block_only)
    });
    match (file, stream) {
        (Ok(one_block_only), Ok(also)) => {
            assert!(plaintext == streamed && one_block_only == also, "the two ways differ");
            Ok(Opened { plaintext, one_block_only })
        }
        (Err(error), Err(_)) => Err(error),
        (file, stream) => panic!("as a file: {file:?}, as a stream: {stream:?}"),
    }
}
