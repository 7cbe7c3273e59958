use std::io::ErrorKind;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::body::BodyError;
use crate::body::sealer::seal_body;
use crate::body::{Input as From, Output as To};
use crate::crypto::cobblestone::open;

const BATCH_LEN: usize = BATCH * CHUNK_LEN;
const KEY: [u8; 32] = [3; 32];
const SALT: [u8; 24] = [5; 24];

fn cipher() -> BulkCipher {
    BulkCipher::derive(&KEY, &SALT, &[b"tests"]).0
}

/// Bytes of which no two chunks are the same.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / BATCH_LEN) as u8).collect()
}

fn threads(threads: usize) -> Run<'static> {
    Run { threads, progress: &|_| {} }
}

/// A file in memory and a stream, both with a will of their own.
#[derive(Default)]
struct Wilful {
    bytes: Mutex<Vec<u8>>,
    /// Where a stream is.
    at: u64,
    /// No call moves more than this; 0 is no limit.
    most: usize,
    /// Every other call is interrupted.
    interrupts: bool,
    was_interrupted: AtomicBool,
    /// What reaches this byte fails.
    fails_at: Option<u64>,
    /// What `size` tells instead.
    claims: Option<u64>,
    calls: AtomicU64,
    /// Calls after one that failed.
    late: AtomicU64,
    failed: AtomicBool,
}

impl Wilful {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: Mutex::new(bytes.to_vec()), ..Self::default() }
    }

    fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_inner().unwrap()
    }

    /// Returns how many of so many bytes at an offset a call may move.
    fn grant(&self, offset: u64, length: usize) -> io::Result<usize> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.late.fetch_add(self.failed.load(Ordering::SeqCst).into(), Ordering::Relaxed);
        if self.interrupts && !self.was_interrupted.fetch_xor(true, Ordering::Relaxed) {
            return Err(ErrorKind::Interrupted.into());
        }
        let length = if self.most == 0 { length } else { length.min(self.most) };
        match self.fails_at {
            Some(place) if offset + length as u64 > place && place >= offset => {
                let before = (place - offset) as usize;
                if before > 0 {
                    return Ok(before);
                }
                self.failed.store(true, Ordering::SeqCst);
                Err(io::Error::other(format!("no further than {place}")))
            }
            _ => Ok(length),
        }
    }
}

impl ReadAt for Wilful {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let granted = self.grant(offset, bytes.len())?;
        self.bytes.lock().unwrap()[..].read_at(&mut bytes[..granted], offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.claims.unwrap_or(self.bytes.lock().unwrap().len() as u64))
    }
}

impl Read for Wilful {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl WriteAt for Wilful {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let granted = self.grant(offset, bytes.len())?;
        let mut own = self.bytes.lock().unwrap();
        let end = offset as usize + granted;
        if own.len() < end {
            own.resize(end, 0);
        }
        own[offset as usize..end].copy_from_slice(&bytes[..granted]);
        Ok(granted)
    }
}

impl Write for Wilful {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The four ways that bytes can come and go.
const WAYS: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

/// Runs between a wilful source and a wilful sink, by positions or as streams.
fn between<W: Work>(
    work: &W,
    (source_at, sink_at): (bool, bool),
    source: &mut Wilful,
    sink: &mut Wilful,
    run: Run<'_>,
) -> Result<u64, Trouble> {
    let length = ReadAt::size(source).unwrap();
    let source = if source_at {
        Source::At { from: source, start: 0, length, chunks: 0..chunk_count::<W>(length) }
    } else {
        Source::Stream(source)
    };
    let sink = if sink_at { Sink::At { to: sink, start: 0 } } else { Sink::Stream(sink) };
    super::run(work, source, sink, run)
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut sink = Wilful::default();
    let length = between(&Seal(&cipher()), (true, true), &mut Wilful::of(plain), &mut sink, threads(1)).unwrap();
    assert_eq!(length, plain.len() as u64);
    sink.into_bytes()
}

#[test]
fn the_output_is_the_same_by_any_threads_from_and_to_anywhere() {
    for length in [0, 1, 16383, 16384, 16385, BATCH_LEN - 1, BATCH_LEN, BATCH_LEN + 1, 3 * BATCH_LEN + 5] {
        let plain = data(length);
        let whole = sealed(&plain);
        let (_, commitment) = BulkCipher::derive(&KEY, &SALT, &[b"tests"]);
        let message = [&SALT[..], &commitment, &whole].concat();
        assert!(open(&KEY, &[b"tests"], &message).unwrap()[..] == plain[..], "{length} bytes");
        for count in 1..=THREADS_LIMIT {
            for way in WAYS {
                let mut sink = Wilful::default();
                let done = between(&Seal(&cipher()), way, &mut Wilful::of(&plain), &mut sink, threads(count));
                assert!(done.unwrap() == length as u64 && sink.into_bytes() == whole, "{length} {count} {way:?}");
                let mut sink = Wilful::default();
                let done = between(&Open(&cipher()), way, &mut Wilful::of(&whole), &mut sink, threads(count));
                assert!(done.unwrap() == length as u64 && sink.into_bytes() == plain, "{length} {count} {way:?}");
            }
        }
    }
}

#[test]
fn resealed_bytes_open_under_the_other_key_alone() {
    let to = BulkCipher::derive(&[9; 32], &SALT, &[b"tests"]).0;
    let plain = data(2 * BATCH_LEN + 77);
    for way in WAYS {
        let mut resealed = Wilful::default();
        let work = Reseal { from: &cipher(), to: &to };
        let done = between(&work, way, &mut Wilful::of(&sealed(&plain)), &mut resealed, threads(3));
        // Told as it is sealed, since plaintext is nowhere on either side.
        done.unwrap();
        let resealed = resealed.into_bytes();
        let mut opened = Wilful::default();
        between(&Open(&to), way, &mut Wilful::of(&resealed), &mut opened, threads(3)).unwrap();
        assert!(opened.into_bytes() == plain, "{way:?}");
        let refused = between(&Open(&cipher()), way, &mut Wilful::of(&resealed), &mut Wilful::default(), threads(3));
        assert!(matches!(refused, Err(Trouble::Chunk(OpenError::Chunk(0)))), "{way:?}");
    }
}

#[test]
fn short_and_interrupted_calls_change_nothing() {
    let plain = data(BATCH_LEN + 3 * CHUNK_LEN + 9);
    let whole = sealed(&plain);
    for most in [1000, 16384, 16399, 16400, 100_001] {
        for way in WAYS {
            let wilful = |bytes: &[u8]| Wilful { most, interrupts: true, ..Wilful::of(bytes) };
            let (mut source, mut sink) = (wilful(&plain), wilful(&[]));
            between(&Seal(&cipher()), way, &mut source, &mut sink, threads(4)).unwrap();
            assert!(sink.into_bytes() == whole, "sealing by {most} {way:?}");
            let (mut source, mut sink) = (wilful(&whole), wilful(&[]));
            between(&Open(&cipher()), way, &mut source, &mut sink, threads(4)).unwrap();
            assert!(sink.into_bytes() == plain, "opening by {most} {way:?}");
        }
    }
}

#[test]
fn of_a_source_that_fails_a_stream_gets_only_what_comes_before() {
    let plain = data(6 * BATCH_LEN);
    let whole = sealed(&plain);
    for place in [0, 1, BATCH_LEN as u64 - 1, BATCH_LEN as u64, 4 * BATCH_LEN as u64 + 70, 6 * BATCH_LEN as u64 - 1] {
        for (way, count) in WAYS.into_iter().zip([1, 2, 16, 5]) {
            let mut source = Wilful { fails_at: Some(place), ..Wilful::of(&plain) };
            let mut sink = Wilful::default();
            let trouble = between(&Seal(&cipher()), way, &mut source, &mut sink, threads(count)).unwrap_err();
            assert!(matches!(&trouble, Trouble::Read(error) if error.kind() == ErrorKind::Other), "{trouble:?}");
            if !way.1 {
                let got = sink.into_bytes();
                let most = place as usize / BATCH_LEN * BATCH * SEALED_CHUNK_LEN;
                assert!(whole.starts_with(&got) && got.len() <= most, "{place} {way:?}: {} bytes", got.len());
            }
        }
    }
}

#[test]
fn a_stream_that_fails_is_not_written_to_again() {
    let plain = data(8 * BATCH_LEN);
    let whole = sealed(&plain);
    for place in [0, 1, 16400, BATCH * SEALED_CHUNK_LEN, 5 * BATCH * SEALED_CHUNK_LEN + 3, whole.len() - 1] {
        for source_at in [true, false] {
            for count in [1, 2, 7, 16] {
                let mut sink = Wilful { fails_at: Some(place as u64), most: 70_000, ..Wilful::default() };
                let way = (source_at, false);
                let trouble = between(&Seal(&cipher()), way, &mut Wilful::of(&plain), &mut sink, threads(count));
                let trouble = trouble.unwrap_err();
                assert!(matches!(&trouble, Trouble::Write(error) if error.kind() == ErrorKind::Other), "{trouble:?}");
                assert_eq!(sink.late.load(Ordering::Relaxed), 0, "written to after it failed at {place}");
                assert!(sink.into_bytes() == whole[..place], "{place} {way:?} by {count}");
            }
        }
    }
}

#[test]
fn a_sink_that_takes_nothing_is_an_error_and_no_loop() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let plain = data(3 * BATCH_LEN);
    let source = Source::At { from: &plain, start: 0, length: plain.len() as u64, chunks: 0..97 };
    let trouble = run(&Seal(&cipher()), source, Sink::Stream(&mut Full), threads(4)).unwrap_err();
    assert!(matches!(trouble, Trouble::Write(error) if error.kind() == ErrorKind::WriteZero));
}

#[test]
fn of_many_troubles_the_earliest_is_told() {
    let plain = data(12 * BATCH_LEN);
    let mut damaged = sealed(&plain);
    for chunk in [2 * BATCH + 1, 3 * BATCH, 5 * BATCH + 31, 11 * BATCH] {
        damaged[chunk * SEALED_CHUNK_LEN + 8] ^= 1;
    }
    for _ in 0..20 {
        for way in WAYS {
            let mut sink = Wilful::default();
            let done = between(&Open(&cipher()), way, &mut Wilful::of(&damaged), &mut sink, threads(16));
            match done.unwrap_err() {
                Trouble::Chunk(OpenError::Chunk(number)) => assert_eq!(number, 2 * BATCH as u64 + 1, "{way:?}"),
                other => panic!("{other:?}"),
            }
            let got = sink.into_bytes();
            assert!(way.1 || got == plain[..got.len()] && got.len() <= 2 * BATCH_LEN, "{way:?}");
        }
    }
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_read_has_changed() {
    for length in [1, CHUNK_LEN, BATCH_LEN, BATCH_LEN + 1, 3 * BATCH_LEN] {
        let plain = data(length);
        for claims in [length - 1, length + 1, length + BATCH_LEN, length.saturating_sub(CHUNK_LEN + 1)] {
            if claims == length {
                continue;
            }
            for count in [1, 5] {
                let source = Wilful { claims: Some(claims as u64), ..Wilful::of(&plain) };
                let mut sink = Wilful::default();
                let (input, output) = (From::At(&source), To::Stream(&mut sink));
                let error = seal_body(b"head", &cipher(), input, output, threads(count)).unwrap_err();
                assert!(matches!(error, BodyError::Changed), "{length} as {claims}: {error}");
            }
        }
    }
    // A stream is as long as it comes.
    let mut source = Wilful { claims: Some(5), ..Wilful::of(&data(100)) };
    let mut sink = Wilful::default();
    let (input, output) = (From::Stream(&mut source), To::Stream(&mut sink));
    assert_eq!(seal_body(b"head", &cipher(), input, output, threads(2)).unwrap(), 100);
    assert_eq!(sink.into_bytes().len(), 4 + 100 + TAG_LEN);
}

#[test]
fn progress_tells_every_byte_once() {
    let plain = data(3 * BATCH_LEN + 5);
    let whole = sealed(&plain);
    for way in WAYS {
        let told = AtomicU64::new(0);
        let tell = |more| {
            told.fetch_add(more, Ordering::Relaxed);
        };
        let run = Run { threads: 3, progress: &tell };
        between(&Seal(&cipher()), way, &mut Wilful::of(&plain), &mut Wilful::default(), run).unwrap();
        between(&Open(&cipher()), way, &mut Wilful::of(&whole), &mut Wilful::default(), run).unwrap();
        assert_eq!(told.into_inner(), 2 * plain.len() as u64, "{way:?}");
    }
}

#[test]
fn a_panic_of_one_thread_does_not_leave_the_others_waiting() {
    struct Panics(Vec<u8>, u64);
    impl ReadAt for Panics {
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
            assert!(offset / BATCH_LEN as u64 != self.1, "on purpose");
            self.0.read_at(bytes, offset)
        }
        fn size(&self) -> io::Result<u64> {
            self.0.size()
        }
    }
    let length = 8 * BATCH_LEN;
    for batch in [0, 3, 7] {
        let source = Panics(data(length), batch);
        let mut sink = Wilful::default();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let source = Source::At { from: &source, start: 0, length: length as u64, chunks: 0..8 * BATCH as u64 + 1 };
            run(&Seal(&cipher()), source, Sink::Stream(&mut sink), threads(4))
        }));
        assert!(result.is_err());
        let got = sink.into_bytes();
        let most = batch as usize * BATCH * SEALED_CHUNK_LEN;
        assert!(sealed(&data(length)).starts_with(&got) && got.len() <= most, "{batch}: {} bytes", got.len());
    }
}
