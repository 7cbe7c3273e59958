//! The engine: the same bytes by any number of threads from any source to any sink, and what trouble leaves behind.

use std::sync::atomic::Ordering;

use super::edges::{Board, Drip, Gullet, Shelf, plaintext};
use super::key;
use crate::body::BodyError;
use crate::body::engine::{self, BATCH, Open, Reseal, Run, Seal, Sink, Source, Trouble, Work, chunk_count};
use crate::body::{Input, Metadata, Opener, Output, seal};
use crate::crypto::bulk::BulkCipher;
use crate::crypto::cobblestone::{CHUNK_LEN, ChunkCipher, OpenError, SEALED_CHUNK_LEN};

const KEY: [u8; 32] = [7; 32];
const SALT: [u8; 24] = [9; 24];
const BATCH_LEN: usize = BATCH * CHUNK_LEN;
const SEALED_BATCH_LEN: usize = BATCH * SEALED_CHUNK_LEN;

/// Around the borders of chunks and batches.
const LENGTHS: [usize; 12] = [
    0,
    1,
    CHUNK_LEN - 1,
    CHUNK_LEN,
    CHUNK_LEN + 1,
    BATCH_LEN - CHUNK_LEN,
    BATCH_LEN - 1,
    BATCH_LEN,
    BATCH_LEN + 1,
    2 * BATCH_LEN,
    2 * BATCH_LEN + CHUNK_LEN,
    3 * BATCH_LEN + 5,
];

fn cipher() -> BulkCipher {
    BulkCipher::derive(&KEY, &SALT, &[b"context"]).0
}

/// Seals chunk by chunk with the other implementation.
fn reference(plaintext: &[u8]) -> Vec<u8> {
    let (cipher, _) = ChunkCipher::derive(&KEY, &SALT, &[b"context"]);
    let final_chunk = &plaintext[plaintext.len() / CHUNK_LEN * CHUNK_LEN..];
    let mut sealed = Vec::new();
    for (number, chunk) in plaintext.chunks_exact(CHUNK_LEN).chain([final_chunk]).enumerate() {
        let mut chunk = chunk.to_vec();
        let tag = cipher.seal_chunk(number as u64, &mut chunk).unwrap();
        sealed.extend_from_slice(&chunk);
        sealed.extend_from_slice(&tag);
    }
    sealed
}

fn with(threads: usize) -> Run<'static> {
    Run { threads, progress: &|_| {} }
}

fn all_of<'a, W: Work>(_: &W, shelf: &'a Shelf<'a>) -> Source<'a> {
    let length = shelf.length.load(Ordering::Relaxed);
    Source::At { from: shelf, start: 0, length, chunks: 0..chunk_count::<W>(length) }
}

/// Runs bytes through the work by each kind of source and sink, and checks that the same comes out of all.
#[track_caller]
fn comes_out<W: Work>(work: &W, input: &[u8], expected: &[u8], plain_len: usize, threads: usize) {
    for (from_stream, to_stream) in [(false, false), (false, true), (true, false), (true, true)] {
        let (shelf, mut drip) = (Shelf::of(input), Drip::of(input));
        let (board, mut gullet) = (Board::default(), Gullet::default());
        let source = if from_stream { Source::Stream(&mut drip) } else { all_of(work, &shelf) };
        let sink = if to_stream { Sink::Stream(&mut gullet) } else { Sink::At { to: &board, start: 0 } };
        let done = engine::run(work, source, sink, with(threads)).unwrap();
        let written = if to_stream { gullet.bytes } else { board.written() };
        let case = format!("{} bytes, {threads} threads, streams: {from_stream}, {to_stream}", input.len());
        assert!(written == expected, "{case}");
        assert_eq!(done, plain_len as u64, "{case}");
    }
}

#[test]
fn any_number_of_threads_seals_to_the_same_bytes_from_any_source_to_any_sink() {
    let cipher = cipher();
    for length in LENGTHS {
        let plaintext = plaintext(length);
        let sealed = reference(&plaintext);
        for threads in 1..=16 {
            comes_out(&Seal(&cipher), &plaintext, &sealed, length, threads);
        }
    }
}

#[test]
fn any_number_of_threads_opens_and_reseals_from_any_source_to_any_sink() {
    let cipher = cipher();
    let (other, _) = BulkCipher::derive(&[8; 32], &SALT, &[]);
    for length in LENGTHS {
        let plaintext = plaintext(length);
        let sealed = reference(&plaintext);
        let mut resealed = Vec::new();
        let source = Source::Stream(&mut &plaintext[..]);
        engine::run(&Seal(&other), source, Sink::Stream(&mut resealed), with(1)).unwrap();
        for threads in [1, 2, 7, 16] {
            comes_out(&Open(&cipher), &sealed, &plaintext, length, threads);
            let work = Reseal { from: &cipher, to: &other };
            comes_out(&work, &sealed, &resealed, length, threads);
        }
    }
}

#[test]
fn numbers_of_threads_out_of_range_are_taken_as_the_nearest() {
    let plaintext = plaintext(BATCH_LEN + 1);
    comes_out(&Seal(&cipher()), &plaintext, &reference(&plaintext), plaintext.len(), 0);
    comes_out(&Seal(&cipher()), &plaintext, &reference(&plaintext), plaintext.len(), usize::MAX);
}

#[test]
fn progress_adds_up_to_the_plaintext() {
    let (plaintext, cipher) = (plaintext(3 * BATCH_LEN + 5), cipher());
    let sealed = reference(&plaintext);
    for threads in [1, 4] {
        let told = std::sync::atomic::AtomicU64::new(0);
        let tell = |more| {
            told.fetch_add(more, Ordering::Relaxed);
        };
        let run = Run { threads, progress: &tell };
        let mut nowhere = std::io::sink();
        engine::run(&Seal(&cipher), all_of(&Seal(&cipher), &Shelf::of(&plaintext)), Sink::Stream(&mut nowhere), run)
            .unwrap();
        assert_eq!(told.swap(0, Ordering::Relaxed), plaintext.len() as u64);
        engine::run(&Open(&cipher), Source::Stream(&mut &sealed[..]), Sink::Nowhere, run).unwrap();
        assert_eq!(told.load(Ordering::Relaxed), plaintext.len() as u64);
    }
}

#[test]
fn after_a_read_that_failed_a_stream_has_what_came_before() {
    let (plaintext, cipher) = (plaintext(4 * BATCH_LEN + 9), cipher());
    let sealed = reference(&plaintext);
    for breaks_at in [0, 1, SEALED_CHUNK_LEN, SEALED_BATCH_LEN - 1, SEALED_BATCH_LEN, 2 * SEALED_BATCH_LEN + 77] {
        for threads in [1, 3, 16] {
            let mut gullet = Gullet::default();
            let mut drip = Drip::breaking(&sealed, breaks_at);
            let trouble =
                engine::run(&Open(&cipher), Source::Stream(&mut drip), Sink::Stream(&mut gullet), with(threads));
            assert!(matches!(trouble, Err(Trouble::Read(_))), "{breaks_at}: {trouble:?}");
            let whole = breaks_at / SEALED_BATCH_LEN * BATCH_LEN;
            assert!(gullet.bytes == plaintext[..whole], "{breaks_at}, {threads} threads");
            let mut gullet = Gullet::default();
            let shelf = Shelf { breaks_at: Some(breaks_at as u64), ..Shelf::of(&sealed) };
            let work = Open(&cipher);
            let trouble = engine::run(&work, all_of(&work, &shelf), Sink::Stream(&mut gullet), with(threads));
            assert!(matches!(trouble, Err(Trouble::Read(_))), "{breaks_at}: {trouble:?}");
            assert!(gullet.bytes == plaintext[..whole], "{breaks_at}, {threads} threads");
        }
    }
}

#[test]
fn after_a_write_that_failed_a_stream_is_left_alone() {
    let (plaintext, cipher) = (plaintext(6 * BATCH_LEN + 9), cipher());
    let sealed = reference(&plaintext);
    for breaks_at in [0, 1, CHUNK_LEN + 1, BATCH_LEN - 1, BATCH_LEN, 3 * BATCH_LEN + 77, 6 * BATCH_LEN] {
        for threads in [1, 2, 16] {
            for from_stream in [false, true] {
                let (shelf, mut drip) = (Shelf::of(&sealed), Drip::of(&sealed));
                let work = Open(&cipher);
                let source = if from_stream { Source::Stream(&mut drip) } else { all_of(&work, &shelf) };
                let mut gullet = Gullet { breaks_at: Some(breaks_at), ..Gullet::default() };
                let trouble = engine::run(&work, source, Sink::Stream(&mut gullet), with(threads));
                assert!(matches!(trouble, Err(Trouble::Write(_))), "{breaks_at}: {trouble:?}");
                assert_eq!(gullet.after_failure, 0, "{breaks_at}, {threads} threads");
                assert!(gullet.bytes == plaintext[..breaks_at], "{breaks_at}, {threads} threads");
            }
            let board = Board { breaks_at: Some(breaks_at as u64), ..Board::default() };
            let sink = Sink::At { to: &board, start: 0 };
            let trouble = engine::run(&Open(&cipher), Source::Stream(&mut Drip::of(&sealed)), sink, with(threads));
            assert!(matches!(trouble, Err(Trouble::Write(_))), "{breaks_at}: {trouble:?}");
        }
    }
}

#[test]
fn of_several_troubles_the_earliest_is_told_however_late_it_comes() {
    let (plaintext, cipher) = (plaintext(8 * BATCH_LEN), cipher());
    let mut sealed = reference(&plaintext);
    // In batches 1 and 5; batch 1 is read slowly, and batch 7 cannot be read at all.
    sealed[SEALED_BATCH_LEN + 3 * SEALED_CHUNK_LEN] ^= 1;
    sealed[5 * SEALED_BATCH_LEN] ^= 1;
    for threads in [2, 4, 8, 16] {
        let shelf = Shelf {
            slow_at: Some(SEALED_BATCH_LEN as u64),
            breaks_at: Some(7 * SEALED_BATCH_LEN as u64),
            ..Shelf::of(&sealed)
        };
        let mut gullet = Gullet::default();
        let work = Open(&cipher);
        let trouble = engine::run(&work, all_of(&work, &shelf), Sink::Stream(&mut gullet), with(threads));
        let first = BATCH as u64 + 3;
        assert!(matches!(trouble, Err(Trouble::Chunk(OpenError::Chunk(number))) if number == first), "{trouble:?}");
        assert!(gullet.bytes == plaintext[..BATCH_LEN], "{threads} threads");
    }
}

#[test]
fn a_damaged_chunk_never_reaches_a_sink_at_positions() {
    let (plaintext, cipher) = (plaintext(2 * BATCH_LEN + 100), cipher());
    for chunk in [0, 1, BATCH - 1, BATCH, 2 * BATCH] {
        let mut sealed = reference(&plaintext);
        sealed[chunk * SEALED_CHUNK_LEN] ^= 0x80;
        let board = Board::default();
        let (work, shelf) = (Open(&cipher), Shelf::of(&sealed));
        let sink = Sink::At { to: &board, start: 0 };
        assert!(engine::run(&work, all_of(&work, &shelf), sink, with(4)).is_err());
        let written = board.written();
        let (start, end) = (chunk * CHUNK_LEN, (chunk * CHUNK_LEN + CHUNK_LEN).min(written.len()));
        // What is not authentic is not there; what was never written is zero.
        assert!(start >= end || written[start..end].iter().all(|byte| *byte == 0), "chunk {chunk}");
        assert!(written.iter().zip(&plaintext).all(|(byte, plain)| byte == plain || *byte == 0), "chunk {chunk}");
    }
}

#[test]
fn a_source_that_shrinks_or_grows_is_told_as_changed() {
    struct Liar<'a>(&'a [u8], u64);
    impl crate::body::ReadAt for Liar<'_> {
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> std::io::Result<usize> {
            self.0.read_at(bytes, offset)
        }

        fn size(&self) -> std::io::Result<u64> {
            Ok(self.1)
        }
    }
    let plaintext = plaintext(2 * BATCH_LEN + 9);
    for length in [0, 1, 8, BATCH_LEN - 1, BATCH_LEN, BATCH_LEN + 1, plaintext.len()] {
        for claimed in [0, 1, 9, BATCH_LEN - 1, BATCH_LEN, BATCH_LEN + 1, 2 * BATCH_LEN, plaintext.len()] {
            let liar = Liar(&plaintext[..length], claimed as u64);
            let sealed = Board::default();
            let result = seal(&key(1), &Metadata::default(), Input::At(&liar), Output::At(&sealed), with(3));
            match result {
                Ok(done) => assert_eq!((length, done.bytes), (claimed, length as u64)),
                Err(BodyError::Changed) => assert_ne!(length, claimed),
                Err(error) => panic!("{length} as {claimed}: {error}"),
            }
        }
    }
}

#[test]
fn a_sealed_file_that_shrinks_or_grows_once_it_is_open_is_told_as_changed() {
    let file = [super::sealed(1, &plaintext(BATCH_LEN + 9)), vec![0; 5]].concat();
    let whole = file.len() as u64 - 5;
    let shelf = Shelf { length: whole.into(), ..Shelf::of(&file) };
    let opener = Opener::new(&shelf, &key(1)).unwrap();
    for (length, is_whole) in [(whole, true), (whole - 1, false), (whole + 5, false), (9000, false), (0, false)] {
        shelf.length.store(length, Ordering::Relaxed);
        for result in [opener.verify(with(3)), opener.copy_to(Output::Stream(&mut std::io::sink()), with(1))] {
            match result {
                Ok(done) => assert!(is_whole && done == opener.plaintext_len(), "{length}"),
                Err(BodyError::Changed) => assert!(!is_whole, "{length}"),
                Err(error) => panic!("{length}: {error}"),
            }
        }
    }
}
