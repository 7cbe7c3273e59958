use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::body::{Input, seal};
use crate::crypto::cobblestone::TAG_LEN;
use crate::crypto::secret::{FileKey, ProjectFileKey};

const HEADER: usize = 8192;
const BODY: usize = HEADER + PREFIX_LEN;
const BATCH_LEN: usize = engine::BATCH * CHUNK_LEN;

fn key() -> ProjectFileKey {
    let key = FileKey::from_slice(&[1; 32]).unwrap();
    ProjectFileKey { project: "acme".into(), version: 1, key }
}

fn run(threads: usize) -> Run<'static> {
    Run { threads, progress: &|_| {} }
}

/// Bytes of which no two chunks are the same.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / BATCH_LEN) as u8).collect()
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    let (input, output) = (Input::Stream(&mut Cursor::new(plain)), Output::Stream(&mut sealed));
    seal(&key(), &Metadata::default(), input, output, run(2)).unwrap();
    sealed
}

/// A file that counts which bytes of it are read.
struct Watched<'a> {
    bytes: &'a [u8],
    read: Mutex<BTreeSet<u64>>,
}

impl<'a> Watched<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, read: Mutex::default() }
    }

    /// Returns which chunks were read since it was asked last; what is not of the body is none.
    fn chunks(&self) -> BTreeSet<u64> {
        std::mem::take(&mut *self.read.lock().unwrap())
    }
}

impl ReadAt for Watched<'_> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.bytes.read_at(bytes, offset)?;
        let body = BODY as u64;
        let (from, to) = (offset.max(body) - body, (offset + read as u64).max(body) - body);
        let chunk = SEALED_CHUNK_LEN as u64;
        self.read.lock().unwrap().extend(from / chunk..to.div_ceil(chunk));
        Ok(read)
    }

    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }
}

/// Returns the chunks that hold a range of the plaintext.
fn holding(offset: u64, end: u64) -> BTreeSet<u64> {
    if offset >= end { BTreeSet::new() } else { (offset / CHUNK_LEN as u64..end.div_ceil(CHUNK_LEN as u64)).collect() }
}

const LONGEST: usize = BATCH_LEN + 2 * CHUNK_LEN + 1;

/// A length or an offset near a border, or anywhere.
fn place() -> impl Strategy<Value = u64> {
    let near = (0..=35u64, -2..=2i64).prop_map(|(chunk, by)| (chunk * CHUNK_LEN as u64).saturating_add_signed(by));
    prop_oneof![near, 0..LONGEST as u64 + 100, Just(u64::MAX), Just(0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_part_is_the_same_part_of_the_original_and_reads_no_other_chunk(
        length in place(),
        parts in proptest::collection::vec((place(), place(), 1..5usize), 1..5),
    ) {
        let plain = data((length as usize).min(LONGEST));
        let file = sealed(&plain);
        let watched = Watched::of(&file);
        let opener = Opener::new(&watched, &key()).unwrap();
        let end = plain.len() as u64;
        prop_assert_eq!(opener.plaintext_len(), end);
        // The final chunk alone proves the length.
        prop_assert_eq!(watched.chunks(), BTreeSet::from([opener.chunks() - 1]));
        let mut reader = opener.reader();
        for (offset, count, threads) in parts {
            let (from, to) = (offset.min(end), offset.saturating_add(count).min(end));
            let wanted = &plain[from as usize..to as usize];
            let mut got = Vec::new();
            let copied = opener.copy_range_to(offset, count, &mut got, run(threads)).unwrap();
            prop_assert_eq!(copied, wanted.len() as u64);
            prop_assert!(got == wanted, "copy_range_to {} {}", offset, count);
            prop_assert_eq!(watched.chunks(), holding(from, to));
            let mut bytes = vec![0xee; (count as usize).min(wanted.len() + 10)];
            let read = opener.read_at(&mut bytes, offset).unwrap();
            prop_assert!(bytes[..read] == wanted[..], "read_at {} {}", offset, count);
            prop_assert!(bytes[read..].iter().all(|byte| *byte == 0xee));
            prop_assert_eq!(watched.chunks(), holding(from, to));
            prop_assert_eq!(reader.seek(SeekFrom::Start(offset)).unwrap(), offset);
            let mut bytes = Vec::new();
            reader.by_ref().take(count).read_to_end(&mut bytes).unwrap();
            prop_assert!(bytes == wanted, "reader {} {}", offset, count);
            prop_assert!(watched.chunks().is_subset(&holding(from, to)));
        }
        prop_assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), end);
        prop_assert!(reader.seek(SeekFrom::Current(-1 - end as i64)).is_err());
        prop_assert_eq!(reader.stream_position().unwrap(), end);
    }
}

/// Every kind of damage to the body, with how much plaintext stands before it.
fn damaged(file: &[u8], chunks: usize) -> Vec<(String, Vec<u8>, usize)> {
    let start = |chunk: usize| BODY + chunk * SEALED_CHUNK_LEN;
    let mut all = Vec::new();
    for chunk in [0, 1, 31, 32, 33, 64, chunks - 1] {
        let end = start(chunk + 1).min(file.len());
        for (what, at) in [("first byte", start(chunk)), ("tag", end - 1), ("tag's start", end - TAG_LEN)] {
            let mut flipped = file.to_vec();
            flipped[at] ^= 0x10;
            all.push((format!("{what} of chunk {chunk}"), flipped, chunk));
        }
        for keep in [0, 1, TAG_LEN - 1, TAG_LEN, (end - start(chunk)) - 1] {
            all.push((format!("cut {keep} bytes into chunk {chunk}"), file[..start(chunk) + keep].to_vec(), chunk));
        }
        if chunk + 1 < chunks - 1 {
            let mut swapped = file.to_vec();
            swapped[start(chunk)..start(chunk + 2)].rotate_left(SEALED_CHUNK_LEN);
            all.push((format!("chunk {chunk} swapped with the next"), swapped, chunk));
            let mut dropped = file.to_vec();
            dropped.drain(start(chunk)..start(chunk + 1));
            all.push((format!("chunk {chunk} dropped"), dropped, chunk));
            let mut doubled = file.to_vec();
            doubled.splice(start(chunk)..start(chunk), file[start(chunk)..start(chunk + 1)].iter().copied());
            all.push((format!("chunk {chunk} doubled"), doubled, chunk + 1));
        }
    }
    for more in [1, TAG_LEN, SEALED_CHUNK_LEN, 33 * SEALED_CHUNK_LEN] {
        all.push((format!("{more} bytes more"), [file, &vec![0; more]].concat(), chunks - 1));
    }
    all.push(("all of it once more".into(), [file, &file[BODY..]].concat(), chunks - 1));
    // An empty final chunk is its tag: cut after it, it is whole.
    all.retain(|(_, bytes, _)| bytes != file);
    all
}

#[test]
fn of_a_damaged_stream_nothing_but_an_authentic_beginning_comes_out() {
    for length in [70 * CHUNK_LEN + 100, 2 * BATCH_LEN + CHUNK_LEN] {
        let plain = data(length);
        let file = sealed(&plain);
        let chunks = length / CHUNK_LEN + 1;
        for (what, damaged, before) in damaged(&file, chunks) {
            for threads in [1, 4] {
                let mut got = Vec::new();
                let opener = StreamOpener::new(Cursor::new(&damaged), &key()).unwrap();
                let error = opener.copy_to(Output::Stream(&mut got), run(threads)).unwrap_err();
                assert!(matches!(error, BodyError::Damaged { .. } | BodyError::Truncated), "{what}: {error}");
                assert!(got.len() <= before * CHUNK_LEN && plain.starts_with(&got), "{what}: {} bytes", got.len());
            }
            // A file is refused as a whole, at its end or by the chunk.
            let mut got = Vec::new();
            let opened =
                Opener::new(&damaged, &key()).and_then(|opener| opener.copy_to(Output::Stream(&mut got), run(2)));
            assert!(matches!(opened, Err(BodyError::Damaged { .. } | BodyError::Truncated)), "{what}: {opened:?}");
            assert!(got.len() <= before * CHUNK_LEN && plain.starts_with(&got), "{what}: {} bytes", got.len());
        }
    }
}

#[test]
fn a_stream_and_a_file_open_alike_at_every_length_around_the_borders() {
    for length in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, BATCH_LEN - 1, BATCH_LEN, BATCH_LEN + 1] {
        let plain = data(length);
        let file = sealed(&plain);
        let mut streamed = Vec::new();
        let opener = StreamOpener::new(Cursor::new(&file), &key()).unwrap();
        assert_eq!(opener.copy_to(Output::Stream(&mut streamed), run(3)).unwrap(), length as u64);
        let mut opened = Vec::new();
        let opener = Opener::new(&file, &key()).unwrap();
        assert_eq!(opener.copy_to(Output::Stream(&mut opened), run(3)).unwrap(), length as u64);
        assert_eq!(opener.verify(run(2)).unwrap(), length as u64);
        assert!(streamed == plain && opened == plain, "{length} bytes");
    }
}

#[test]
fn damage_elsewhere_is_not_read_and_damage_at_the_end_is() {
    let plain = data(6 * CHUNK_LEN + 9);
    let file = sealed(&plain);
    for chunk in 0..7 {
        let mut altered = file.clone();
        altered[BODY + chunk * SEALED_CHUNK_LEN + 5] ^= 1;
        let opened = Opener::new(&altered, &key());
        if chunk == 6 {
            assert!(matches!(opened, Err(BodyError::Damaged { .. })));
            continue;
        }
        let opener = opened.unwrap();
        for wanted in 0..6 {
            let mut bytes = vec![0; CHUNK_LEN];
            let read = opener.read_at(&mut bytes, (wanted * CHUNK_LEN) as u64);
            assert_eq!(read.is_ok(), wanted != chunk, "chunk {wanted} with {chunk} damaged");
        }
        assert!(matches!(opener.verify(run(2)), Err(BodyError::Damaged { .. })));
    }
}

#[test]
fn a_file_that_is_cut_or_extended_once_it_is_open_has_changed() {
    struct Moving<'a> {
        bytes: &'a [u8],
        /// How many bytes there are from now on.
        length: &'a Mutex<usize>,
    }
    impl ReadAt for Moving<'_> {
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
            self.bytes[..*self.length.lock().unwrap()].read_at(bytes, offset)
        }
        fn size(&self) -> io::Result<u64> {
            Ok(*self.length.lock().unwrap() as u64)
        }
    }
    let mut file = sealed(&data(40 * CHUNK_LEN));
    let whole = file.len();
    file.extend([0; 100]);
    for later in [whole - 1, BODY + 7, whole + 1, whole + 100] {
        let length = Mutex::new(whole);
        let opener = Opener::new(Moving { bytes: &file, length: &length }, &key()).unwrap();
        *length.lock().unwrap() = later;
        let changed = opener.copy_to(Output::Nowhere, run(3));
        assert!(matches!(changed, Err(BodyError::Changed)), "{later} of {whole}: {changed:?}");
    }
}
