//! Files with recipients, and deliveries, which have no project.

use super::*;
use crate::crypto::cobblestone;
use crate::crypto::hmac::MacKey;
use crate::crypto::secret::ContentKey;
use crate::error::Error;
use crate::format::label;
use crate::format::sealed::{Block, PRELUDE_LEN, STANZA_LIMIT, Stanza, stanza};
use crate::keys::{FileKeys, WrappedKey};

const BLOCK: usize = HEADER / 2;

/// Writes a file's header again, with other stanzas, under the content key that it has.
fn block(file: &[u8], sequence: u32, change: impl FnOnce(&mut Vec<Stanza>)) -> Vec<u8> {
    let mut block = Block::parse(&file[..BLOCK]).unwrap();
    let context = [label::CONTENT_KEY, &block.prelude.to_bytes()];
    let content_key = cobblestone::open(&[1; 32], &context, block.project().unwrap()).unwrap();
    block.sequence = sequence;
    change(&mut block.stanzas);
    let mac_key = MacKey::derive(content_key[..].try_into().unwrap(), label::HEADER_MAC);
    block.to_bytes(|message| mac_key.tag(message)).unwrap()
}

fn recipient(byte: u8) -> Stanza {
    Stanza { kind: stanza::RECIPIENT, body: vec![byte; 232] }
}

fn delivery_block(file: &[u8], sequence: u32) -> Vec<u8> {
    block(file, sequence, |stanzas| stanzas[0] = recipient(7))
}

/// Puts two header blocks before a file's body.
fn with_blocks(file: &[u8], a: &[u8], b: &[u8]) -> Vec<u8> {
    [a, b, &file[HEADER..]].concat()
}

fn delivery(plaintext: &[u8]) -> Vec<u8> {
    let file = sealed(1, plaintext);
    let block = delivery_block(&file, 0);
    with_blocks(&file, &block, &block)
}

fn is_delivery(error: &BodyError) -> bool {
    matches!(error, BodyError::WrongKey { is_delivery: true, .. })
}

#[test]
fn no_file_key_opens_a_delivery_and_none_is_asked_for() {
    let file = delivery(b"data");
    let error = open(&file, &[3, 2, 1]).unwrap_err();
    assert!(is_delivery(&error));
    assert_eq!(
        error.named_among("the file", "the vault").to_string(),
        "no key of the vault opens the file: it was sealed for a recipient's key, and not for a project"
    );
    struct NoKeys;
    impl FileKeys for NoKeys {
        fn unwrap_content_key(&self, _: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
            panic!("a key was asked for")
        }

        fn wrap_content_key(&self, _: &str, _: u32, _: &[u8; PRELUDE_LEN], _: &ContentKey) -> Result<Vec<u8>, Error> {
            panic!("a key was asked for")
        }
    }
    assert!(is_delivery(&Opener::new(&file[..], &NoKeys).unwrap_err()));
    assert!(is_delivery(&StreamOpener::new(&file[..], &NoKeys).map(drop).unwrap_err()));
    let foreign = open(&sealed(9, b"data"), &[1]).unwrap_err();
    assert_eq!(foreign.named_among("the file", "the vault").to_string(), "no key of the vault opens the file");
}

#[test]
fn a_file_with_recipients_opens_for_its_project_and_says_how_many_there_are() {
    let file = sealed(1, b"data");
    for count in [0, 1, 5] {
        let block = block(&file, 0, |stanzas| stanzas.extend((0..count).map(recipient)));
        let file = with_blocks(&file, &block, &block);
        let opener = Opener::new(&file[..], &key(1)).unwrap();
        assert_eq!(opener.header().recipients, usize::from(count));
        assert_eq!(open(&file, &[1]).unwrap().0, b"data");
    }
}

#[test]
fn as_many_stanzas_as_there_may_be_open() {
    let file = sealed(1, b"data");
    let short = Stanza { kind: stanza::RECIPIENT, body: vec![0] };
    let block = block(&file, 0, |stanzas| stanzas.resize(STANZA_LIMIT, short));
    let file = with_blocks(&file, &block, &block);
    assert_eq!(open(&file, &[1]).unwrap().0, b"data");
    assert_eq!(inspect(&file).unwrap().recipients(), STANZA_LIMIT - 2);
}

#[test]
fn a_delivery_that_is_being_given_a_project_opens_by_the_block_that_has_one() {
    let file = sealed(1, b"data");
    let (old, new) = (delivery_block(&file, 0), block(&file, 1, |_| {}));
    for (a, b) in [(&old, &new), (&new, &old)] {
        let made = with_blocks(&file, a, b);
        let (opened, _, one) = open(&made, &[1]).unwrap();
        assert!(one && opened == b"data");
        assert!(!inspect(&made).unwrap().is_delivery());
        // Another vault's keys do not make it a delivery.
        assert!(matches!(open(&made, &[2]), Err(BodyError::WrongKey { is_delivery: false, .. })));
    }
    // The new block torn anywhere, while the recipient can still open the other.
    for cut in 0..BLOCK {
        let torn = [&new[..cut], &old[cut..]].concat();
        let result = open(&with_blocks(&file, &old, &torn), &[1]);
        assert!(matches!(result, Err(BodyError::WrongKey { .. } | BodyError::Damaged { .. })), "cut at {cut}");
    }
}

#[test]
fn a_newer_block_without_a_project_is_not_believed() {
    let file = sealed(1, b"data");
    let (old, new) = (block(&file, 0, |_| {}), delivery_block(&file, 1));
    for (a, b) in [(&old, &new), (&new, &old)] {
        let (opened, _, one) = open(&with_blocks(&file, a, b), &[1]).unwrap();
        assert!(one && opened == b"data");
    }
}

#[test]
fn inspect_tells_a_delivery_from_a_projects_file() {
    let seen = inspect(&delivery(b"data")).unwrap();
    assert_eq!((seen.is_delivery(), seen.recipients(), seen.plaintext_len), (true, 1, Some(4)));
    let seen = inspect(&sealed(1, b"data")).unwrap();
    assert_eq!((seen.is_delivery(), seen.recipients()), (false, 0));
}

#[test]
fn a_file_that_is_encrypted_again_keeps_the_room_in_its_header() {
    let metadata = Metadata { name: Some("x".repeat(9000)), ..Metadata::default() };
    for (metadata, block_len) in [(Metadata::default(), 16384), (metadata, 20480)] {
        let (_, head, cipher) = sealer::head((&key(1)).into(), &Metadata::default(), block_len).unwrap();
        let mut file = Vec::new();
        let (mut input, output) = (&b"data"[..], Output::Stream(&mut file));
        sealer::seal_body(&head, &cipher, Input::Stream(&mut input), output, Run::quiet()).unwrap();
        let opener = Opener::new(&file[..], &key(1)).unwrap();
        let mut again = Vec::new();
        opener.reseal_to(&key(2), &metadata, Output::Stream(&mut again), Run::quiet()).unwrap();
        let seen = inspect(&again).unwrap();
        assert_eq!((seen.block_len, seen.plaintext_len), (block_len, Some(4)));
        assert_eq!(open(&again, &[2]).unwrap().0, b"data");
    }
}
