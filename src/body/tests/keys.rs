//! What a header asks of whoever has file keys, and what it makes of the answers.

use std::sync::Mutex;

use super::*;
use crate::crypto::hmac::MacKey;
use crate::crypto::secret::ContentKey;
use crate::error::{Error, NotFound};
use crate::format::label;
use crate::format::sealed::Block;
use crate::keys::{FileKeys, SealingKey, WrappedKey, wrap_under};

const BLOCK: usize = HEADER / 2;

/// Keys that note each question, and of which the first may be out of reach.
struct Asked {
    keys: Vec<ProjectFileKey>,
    is_out_of_reach: bool,
    questions: Mutex<Vec<Vec<u8>>>,
}

impl Asked {
    fn of(keys: &[u8]) -> Self {
        let keys = keys.iter().map(|byte| key(*byte)).collect();
        Self { keys, is_out_of_reach: false, questions: Mutex::default() }
    }

    fn open(&self, file: &[u8]) -> Result<Header, BodyError> {
        Header::open(&file, self)
    }

    fn count(&self) -> usize {
        self.questions.lock().unwrap().len()
    }
}

impl FileKeys for Asked {
    fn unwrap_content_key(&self, wrapped: WrappedKey<'_>) -> Result<Option<(ContentKey, OpenedBy)>, Error> {
        let mut questions = self.questions.lock().unwrap();
        questions.push(wrapped.stanza.to_vec());
        if self.is_out_of_reach && questions.len() == 1 {
            return Err(Error::NotFound(NotFound::Project { name: "out of reach".into(), similar: None }));
        }
        self.keys.unwrap_content_key(wrapped)
    }

    fn wrap_content_key(
        &self,
        project: &str,
        version: u32,
        prelude: &[u8; 32],
        key: &ContentKey,
    ) -> Result<Vec<u8>, Error> {
        self.keys.wrap_content_key(project, version, prelude, key)
    }
}

/// Makes a block of a file under another project's key, written so often, under the file's content key or another.
fn block(file: &[u8], to: u8, sequence: u32, content_key: Option<&ContentKey>) -> Vec<u8> {
    let mut block = Block::parse(&file[..BLOCK]).unwrap();
    let prelude = block.prelude.to_bytes();
    let wrapped = WrappedKey { prelude: &prelude, stanza: block.project().unwrap() };
    let own = wrapped.unwrap_under(&key(1).key).unwrap();
    let content_key = content_key.unwrap_or(&own);
    block.sequence = sequence;
    block.stanzas[0].body = wrap_under(&key(to).key, &prelude, content_key).unwrap();
    let mac_key = MacKey::derive(content_key.expose(), label::HEADER_MAC);
    block.to_bytes(|message| mac_key.tag(message)).unwrap()
}

fn with_blocks(file: &[u8], a: &[u8], b: &[u8]) -> Vec<u8> {
    [a, b, &file[HEADER..]].concat()
}

#[test]
fn of_equal_blocks_one_is_asked_about() {
    let asked = Asked::of(&[1]);
    assert_eq!(
        asked.open(&sealed(1, b"data")).unwrap().opened_by,
        OpenedBy { project: "project 1".into(), version: 1 }
    );
    assert_eq!(asked.count(), 1);
    // Nor is it asked again if the file reads the same a second time.
    let other = Asked::of(&[2]);
    assert!(matches!(other.open(&sealed(1, b"data")), Err(BodyError::WrongKey { .. })));
    assert_eq!(other.count(), 1);
}

#[test]
fn the_block_that_was_written_last_speaks_whatever_the_order_of_the_keys() {
    let file = sealed(1, b"data");
    let (old, new) = (file[..BLOCK].to_vec(), block(&file, 2, 1, None));
    for keys in [[1, 2], [2, 1]] {
        for file in [with_blocks(&file, &old, &new), with_blocks(&file, &new, &old)] {
            let asked = Asked::of(&keys);
            let header = asked.open(&file).unwrap();
            assert_eq!((header.opened_by.project.as_str(), header.sequence), ("project 2", 1));
            assert!(header.one_block_only);
            assert_eq!(asked.count(), 1);
        }
    }
    // Also if another content key is in it: the metadata does not open under it, and the file is damaged.
    let strange = block(&file, 2, 1, Some(&ContentKey::generate().unwrap()));
    for keys in [[1, 2], [2, 1]] {
        let opened = Asked::of(&keys).open(&with_blocks(&file, &old, &strange));
        assert!(matches!(opened, Err(BodyError::Damaged { .. })));
    }
}

#[test]
fn a_block_whose_key_is_not_at_hand_leaves_the_other_one() {
    let file = sealed(1, b"data");
    let made = with_blocks(&file, &block(&file, 2, 1, None), &file[..BLOCK]);
    let asked = Asked::of(&[1]);
    assert_eq!(asked.open(&made).unwrap().opened_by.project, "project 1");
    assert_eq!(asked.count(), 2);
}

fn is_out_of_reach(error: &BodyError) -> bool {
    matches!(error, BodyError::Keys(error) if matches!(**error, Error::NotFound(NotFound::Project { .. })))
}

#[test]
fn keys_out_of_reach_for_one_block_may_be_had_for_the_other() {
    let file = sealed(1, b"data");
    let mut made = with_blocks(&file, &block(&file, 1, 1, None), &file[..BLOCK]);
    let asked = Asked { is_out_of_reach: true, ..Asked::of(&[1]) };
    assert_eq!(asked.open(&made).unwrap().sequence, 0);
    // If that one does not open either, why the first could not be asked for is the answer.
    made[BLOCK + 100] ^= 1;
    let asked = Asked { is_out_of_reach: true, ..Asked::of(&[1]) };
    assert!(matches!(asked.open(&made), Err(error) if is_out_of_reach(&error)));
    let asked = Asked { is_out_of_reach: true, ..Asked::of(&[2]) };
    assert!(matches!(asked.open(&file), Err(error) if is_out_of_reach(&error)));
}

#[test]
fn a_key_that_fits_and_a_block_that_does_not_hold_is_damage() {
    let file = sealed(1, b"data");
    let mut damaged = file.clone();
    for at in [BLOCK - 1, HEADER - 1] {
        damaged[at] ^= 1;
    }
    assert!(matches!(Asked::of(&[1]).open(&damaged), Err(BodyError::Damaged { .. })));
    assert!(matches!(Asked::of(&[2]).open(&damaged), Err(BodyError::WrongKey { .. })));
}

#[test]
fn a_file_is_sealed_by_whoever_has_the_key() {
    let asked = Asked::of(&[1, 2]);
    let to = |project| SealingKey { keys: &asked, project, version: 1 };
    let mut sealer = Sealer::new(to("project 2"), &Metadata::default(), Vec::new()).unwrap();
    sealer.write_all(b"data").unwrap();
    let file = sealer.finish().unwrap();
    assert_eq!(open(&file, &[2]).unwrap().0, b"data");
    let mut again = Vec::new();
    let opener = Opener::new(&file, &asked).unwrap();
    let metadata = &opener.header().metadata;
    opener.reseal_to(to("project 1"), metadata, Output::Stream(&mut again), Run::quiet()).unwrap();
    assert_eq!(open(&again, &[1]).unwrap().0, b"data");
    let mut output = Vec::new();
    for key in [to("project 3"), SealingKey { version: 2, ..to("project 1") }] {
        let sealer = Sealer::new(key, &Metadata::default(), &mut output).map(drop);
        assert!(
            matches!(sealer, Err(BodyError::Keys(error)) if matches!(*error, Error::NotFound(NotFound::Key(_)))),
            "{key:?}"
        );
    }
    assert!(output.is_empty());
}
