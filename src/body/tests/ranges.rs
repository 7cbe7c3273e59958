//! Parts of a sealed file: they are what a slice of the plaintext is, and cost the chunks that hold them.

use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::edges::{Shelf, plaintext};
use super::{HEADER, key, sealed};
use crate::body::BodyError;
use crate::body::{Opener, Run};
use crate::crypto::cobblestone::{CHUNK_LEN, PREFIX_LEN, SEALED_CHUNK_LEN};

const BODY: u64 = (HEADER + PREFIX_LEN) as u64;
const LENGTH: usize = 70 * CHUNK_LEN + 123;

static PLAINTEXT: LazyLock<Vec<u8>> = LazyLock::new(|| plaintext(LENGTH));
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| sealed(1, &PLAINTEXT));

fn opener<'a>(shelf: &'a Shelf<'a>) -> Opener<&'a Shelf<'a>> {
    let opener = Opener::new(shelf, &key(1)).unwrap();
    shelf.was_read();
    opener
}

/// Returns where the chunks lie that hold a range of the plaintext, if it holds anything.
#[allow(clippy::single_range_in_vec_init, reason = "one range of offsets, to compare with what was read")]
fn chunks_of(range: Range<u64>) -> Vec<Range<u64>> {
    let range = range.start..range.end.min(LENGTH as u64);
    if range.is_empty() {
        return Vec::new();
    }
    let (chunk, sealed) = (CHUNK_LEN as u64, SEALED_CHUNK_LEN as u64);
    let end = BODY + range.end.div_ceil(chunk) * sealed;
    vec![BODY + range.start / chunk * sealed..end.min(FILE.len() as u64)]
}

fn slice(range: Range<u64>) -> &'static [u8] {
    let end = range.end.min(LENGTH as u64) as usize;
    PLAINTEXT.get(range.start as usize..end).unwrap_or_default()
}

/// Offsets anywhere, around borders, at the end and past it.
fn offsets() -> impl Strategy<Value = u64> {
    let near = |at: usize| (at as u64).saturating_sub(3)..at as u64 + 3;
    prop_oneof![
        0..LENGTH as u64,
        near(CHUNK_LEN),
        near(32 * CHUNK_LEN),
        near(70 * CHUNK_LEN),
        near(LENGTH),
        Just(u64::MAX),
        Just(u64::MAX - 10)
    ]
}

fn lengths() -> impl Strategy<Value = u64> {
    let chunk = CHUNK_LEN as u64;
    prop_oneof![0u64..4, 0..chunk, 0..LENGTH as u64 + 5, chunk - 1..chunk + 2, Just(u64::MAX)]
}

#[derive(Debug, Clone)]
enum Step {
    Seek(SeekFrom),
    Read(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let by = prop_oneof![-100_000i64..100_000, -(LENGTH as i64) - 2..10, Just(i64::MIN), Just(i64::MAX)];
    prop_oneof![
        offsets().prop_map(|to| Step::Seek(SeekFrom::Start(to))),
        by.clone().prop_map(|by| Step::Seek(SeekFrom::Current(by))),
        by.prop_map(|by| Step::Seek(SeekFrom::End(by))),
        (0u64..50_000).prop_map(Step::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn read_at_gives_a_slice_and_reads_its_chunks_alone(
        offset in offsets(), length in prop_oneof![0usize..60_000, 0..LENGTH + 5], threads in 0usize..4,
    ) {
        let shelf = Shelf::of(&FILE);
        let opener = opener(&shelf);
        let mut bytes = vec![0xee; length];
        let read = match threads {
            0 => opener.read_at(&mut bytes, offset).unwrap(),
            threads => opener.read_at_with(&mut bytes, offset, threads).unwrap(),
        };
        let range = offset..offset.saturating_add(length as u64);
        prop_assert!(bytes[..read] == *slice(range.clone()));
        prop_assert!(bytes[read..].iter().all(|byte| *byte == 0xee));
        prop_assert_eq!(shelf.was_read(), chunks_of(range));
    }

    #[test]
    fn what_a_caller_fetched_opens_to_a_slice(offset in offsets(), length in 0usize..LENGTH + 5) {
        let shelf = Shelf::of(&FILE);
        let opener = opener(&shelf);
        let range = offset..offset.saturating_add(length as u64);
        let at = opener.sealed_range(offset, length as u64);
        prop_assert_eq!(chunks_of(range.clone()), if at.is_empty() { vec![] } else { vec![at.clone()] });
        let mut fetched = FILE[at.start as usize..at.end as usize].to_vec();
        let mut bytes = vec![0xee; length];
        let opened = opener.open_range(&mut fetched, offset, &mut bytes).unwrap();
        prop_assert!(bytes[..opened] == *slice(range));
        prop_assert!(bytes[opened..].iter().all(|byte| *byte == 0xee));
        prop_assert!(fetched.iter().all(|byte| *byte == 0), "plaintext was left in what was fetched");
        prop_assert_eq!(shelf.was_read(), vec![]);
    }

    #[test]
    fn what_a_caller_fetched_and_altered_or_cut_is_refused(
        offset in 0..LENGTH as u64, length in 1usize..LENGTH, at in any::<proptest::sample::Index>(), bit in 0u8..8,
    ) {
        let opener = Opener::new(&FILE[..], &key(1)).unwrap();
        let range = opener.sealed_range(offset, length as u64);
        let fetched = FILE[range.start as usize..range.end as usize].to_vec();
        let at = at.index(fetched.len());
        let mut flipped = fetched.clone();
        flipped[at] ^= 1 << bit;
        let mut longer = fetched.clone();
        longer.push(0);
        for mut altered in [flipped, fetched[..at].to_vec(), longer] {
            let is_damaged = altered.len() == fetched.len();
            let mut bytes = vec![0xee; length];
            let error = opener.open_range(&mut altered, offset, &mut bytes).unwrap_err();
            prop_assert!(matches!(error, BodyError::Damaged { .. }) == is_damaged, "{}", error);
            prop_assert!(matches!(error, BodyError::Changed) != is_damaged, "{}", error);
            prop_assert!(bytes.iter().all(|byte| *byte == 0xee), "what was not authentic came out");
            prop_assert!(altered.iter().all(|byte| *byte == 0), "plaintext was left in what was fetched");
        }
    }

    #[test]
    fn copy_range_to_gives_a_slice_and_reads_its_chunks_alone(
        offset in offsets(), length in lengths(), threads in 1usize..5,
    ) {
        let shelf = Shelf::of(&FILE);
        let opener = opener(&shelf);
        let mut bytes = Vec::new();
        let run = Run { threads, progress: &|_| {} };
        let copied = opener.copy_range_to(offset, length, &mut bytes, run).unwrap();
        let range = offset..offset.saturating_add(length);
        prop_assert!(bytes == slice(range.clone()));
        prop_assert_eq!(copied, bytes.len() as u64);
        prop_assert_eq!(shelf.was_read(), chunks_of(range));
    }

    #[test]
    fn a_reader_goes_where_a_cursor_goes(steps in proptest::collection::vec(steps(), 1..30)) {
        let shelf = Shelf::of(&FILE);
        let opener = opener(&shelf);
        let (mut reader, mut cursor) = (opener.reader(), Cursor::new(&PLAINTEXT[..]));
        for step in steps {
            match step {
                Step::Seek(to) => match (reader.seek(to), cursor.seek(to)) {
                    (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
                    (Err(ours), Err(theirs)) => prop_assert_eq!(ours.kind(), theirs.kind()),
                    other => prop_assert!(false, "{:?}: {:?}", to, other),
                },
                Step::Read(length) => {
                    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                    reader.by_ref().take(length).read_to_end(&mut ours).unwrap();
                    cursor.by_ref().take(length).read_to_end(&mut theirs).unwrap();
                    prop_assert!(ours == theirs);
                }
            }
            prop_assert_eq!(reader.stream_position().unwrap(), cursor.position());
        }
    }
}

#[test]
fn chunks_of_another_place_are_refused() {
    let opener = Opener::new(&FILE[..], &key(1)).unwrap();
    let chunk = CHUNK_LEN as u64;
    let range = opener.sealed_range(5 * chunk, chunk);
    let mut bytes = vec![0xee; CHUNK_LEN];
    for offset in [4 * chunk, 6 * chunk] {
        let mut fetched = FILE[range.start as usize..range.end as usize].to_vec();
        let opened = opener.open_range(&mut fetched, offset, &mut bytes);
        assert!(matches!(opened, Err(BodyError::Damaged { .. })));
    }
    assert!(bytes.iter().all(|byte| *byte == 0xee));
}

#[test]
fn many_threads_fail_as_one_does() {
    let mut file = FILE.clone();
    // In the second batch, and so in another thread's part.
    file[BODY as usize + 40 * SEALED_CHUNK_LEN] ^= 1;
    let opener = Opener::new(&file[..], &key(1)).unwrap();
    let mut bytes = vec![0; LENGTH];
    for threads in 1..4 {
        let read = opener.read_at_with(&mut bytes, 0, threads);
        assert!(matches!(read, Err(BodyError::Damaged { detail }) if detail.contains("chunk 41 of 71")));
    }
}

#[test]
fn opening_reads_the_header_and_the_final_chunk() {
    let shelf = Shelf::of(&FILE);
    Opener::new(&shelf, &key(1)).unwrap();
    let final_chunk = BODY + 70 * SEALED_CHUNK_LEN as u64..FILE.len() as u64;
    assert_eq!(shelf.was_read(), [0..BODY, final_chunk]);
}

#[test]
fn a_damaged_chunk_spoils_the_ranges_that_touch_it_alone() {
    let mut file = FILE.clone();
    file[BODY as usize + 5 * SEALED_CHUNK_LEN + 77] ^= 1;
    let shelf = Shelf::of(&file);
    let opener = Opener::new(&shelf, &key(1)).unwrap();
    let damaged = 5 * CHUNK_LEN as u64..6 * CHUNK_LEN as u64;
    let ranges = [0..damaged.start, damaged.end..LENGTH as u64, damaged.end - 1..damaged.end + 1, 0..damaged.start + 1];
    for (range, opens) in ranges.into_iter().zip([true, true, false, false]) {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let read = opener.read_at(&mut bytes, range.start);
        let mut copied = Vec::new();
        let copy = opener.copy_range_to(range.start, range.end - range.start, &mut copied, Run::quiet());
        if opens {
            assert!(read.is_ok() && copy.is_ok() && bytes == copied && copied == slice(range));
        } else {
            assert!(matches!((read, copy), (Err(BodyError::Damaged { .. }), Err(BodyError::Damaged { .. }))));
            assert!(slice(range).starts_with(&copied), "what was not authentic came out");
        }
    }
    // The reader stays where it was.
    let mut reader = opener.reader();
    reader.seek(SeekFrom::Start(damaged.start)).unwrap();
    assert_eq!(reader.read(&mut [0; 10]).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(reader.stream_position().unwrap(), damaged.start);
    reader.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(reader.read(&mut [0; 10]).unwrap(), 10);
}
