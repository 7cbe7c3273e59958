//! Sealed bytes that come as a stream: what reaches the sink is a prefix of what was sealed, whatever was done to them.

use super::edges::{Drip, Gullet, plaintext};
use super::{HEADER, key, sealed};
use crate::body::BodyError;
use crate::body::{Output, Run, StreamOpener};
use crate::crypto::cobblestone::{CHUNK_LEN, PREFIX_LEN, SEALED_CHUNK_LEN};

const BODY: usize = HEADER + PREFIX_LEN;
const BATCH: usize = crate::body::engine::BATCH;

/// Opens a stream and returns what it gave besides the result.
fn open(bytes: &[u8], threads: usize) -> (Vec<u8>, Result<u64, BodyError>) {
    let mut gullet = Gullet::default();
    let keys = vec![key(3), key(1)];
    let result = StreamOpener::new(Drip::of(bytes), &keys)
        .and_then(|opener| opener.copy_to(Output::Stream(&mut gullet), Run { threads, progress: &|_| {} }));
    (gullet.bytes, result)
}

/// It is refused, and nothing but an authentic prefix of whole chunks came out.
#[track_caller]
fn is_refused(bytes: &[u8], plaintext: &[u8], most: usize, case: &str) {
    for threads in [1, 4] {
        let (written, result) = open(bytes, threads);
        let error = result.expect_err(case);
        assert!(matches!(error, BodyError::Damaged { .. } | BodyError::Truncated), "{case}: {error}");
        assert!(plaintext.starts_with(&written), "{case}: what came out was never sealed");
        assert!(written.len() <= most && written.len().is_multiple_of(CHUNK_LEN), "{case}: {} bytes", written.len());
    }
}

#[test]
fn a_stream_opens_at_every_length_around_the_borders() {
    for length in [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, BATCH * CHUNK_LEN - 1, BATCH * CHUNK_LEN, 700_000] {
        let plaintext = plaintext(length);
        let file = sealed(1, &plaintext);
        for threads in [1, 2, 16] {
            let (written, result) = open(&file, threads);
            assert_eq!(result.unwrap(), length as u64);
            assert!(written == plaintext, "{length} bytes, {threads} threads");
        }
    }
}

#[test]
fn a_stream_cut_short_at_any_byte_is_refused() {
    let plaintext = plaintext(2 * CHUNK_LEN + 100);
    let file = sealed(1, &plaintext);
    let near_border = |at: usize| at >= BODY && (at - BODY + 20) % SEALED_CHUNK_LEN < 40;
    let interesting = |at: &usize| {
        at.is_multiple_of(509)
            || at % 4096 < 2
            || (HEADER..=BODY).contains(at)
            || near_border(*at)
            || at + 150 > file.len()
    };
    for length in (0..file.len()).filter(interesting) {
        let whole = length.saturating_sub(BODY) / SEALED_CHUNK_LEN * CHUNK_LEN;
        is_refused(&file[..length], &plaintext, whole, &format!("cut at {length}"));
    }
}

#[test]
fn a_long_stream_cut_at_a_batch_is_refused() {
    let plaintext = plaintext(2 * BATCH * CHUNK_LEN);
    let file = sealed(1, &plaintext);
    for batches in [0, 1, 2] {
        let border = BODY + batches * BATCH * SEALED_CHUNK_LEN;
        for length in [border, border + 1, border + 15, border + SEALED_CHUNK_LEN] {
            // With all its chunks and one tag more it would be whole.
            if length < file.len() {
                let most = (length - BODY) / SEALED_CHUNK_LEN * CHUNK_LEN;
                is_refused(&file[..length], &plaintext, most, &format!("cut at {length}"));
            }
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for length in [0, 5, CHUNK_LEN - 1, CHUNK_LEN, BATCH * CHUNK_LEN, BATCH * CHUNK_LEN - 1] {
        let plaintext = plaintext(length);
        let file = sealed(1, &plaintext);
        for more in [1, 15, 16, 17, SEALED_CHUNK_LEN, BATCH * SEALED_CHUNK_LEN] {
            let longer = [&file[..], &vec![0; more]].concat();
            let whole = length / CHUNK_LEN * CHUNK_LEN;
            is_refused(&longer, &plaintext, whole, &format!("{length} bytes and {more} more"));
        }
        let twice = [&file[..], &file[BODY..]].concat();
        is_refused(&twice, &plaintext, length / CHUNK_LEN * CHUNK_LEN, &format!("{length} bytes twice"));
    }
}

#[test]
fn chunks_in_another_order_are_refused_and_those_before_are_authentic() {
    let chunks = 2 * BATCH + 3;
    let plaintext = plaintext(chunks * CHUNK_LEN - 100);
    let file = sealed(1, &plaintext);
    let other = sealed(1, &plaintext);
    let chunk = |file: &[u8], number: usize| {
        let start = BODY + number * SEALED_CHUNK_LEN;
        file[start..(start + SEALED_CHUNK_LEN).min(file.len())].to_vec()
    };
    let put = |numbers: &mut dyn Iterator<Item = usize>| {
        numbers.fold(file[..BODY].to_vec(), |made, number| [made, chunk(&file, number)].concat())
    };
    assert!(put(&mut (0..chunks)) == file);
    for at in [0, 1, BATCH - 1, BATCH, 2 * BATCH + 1] {
        let swap = |number: usize| match number {
            _ if number == at => at + 1,
            _ if number == at + 1 => at,
            _ => number,
        };
        let most = at * CHUNK_LEN;
        is_refused(&put(&mut (0..chunks).map(swap)), &plaintext, most, &format!("{at} swapped"));
        is_refused(&put(&mut (0..chunks).filter(|number| *number != at)), &plaintext, most, &format!("{at} dropped"));
        let doubled = (0..chunks).flat_map(|number| vec![number; 1 + usize::from(number == at)]);
        is_refused(&put(&mut doubled.into_iter()), &plaintext, most + CHUNK_LEN, &format!("{at} doubled"));
        let mut spliced = file.clone();
        let start = BODY + at * SEALED_CHUNK_LEN;
        spliced[start..start + SEALED_CHUNK_LEN].copy_from_slice(&chunk(&other, at));
        is_refused(&spliced, &plaintext, most, &format!("{at} spliced"));
        let mut flipped = file.clone();
        flipped[start + SEALED_CHUNK_LEN - 1] ^= 1;
        is_refused(&flipped, &plaintext, most, &format!("a tag of {at} flipped"));
        // The final chunk, moved to where no message ends.
        let early = (0..at).chain([chunks - 1]).chain(at..chunks);
        is_refused(&put(&mut early.into_iter()), &plaintext, most, &format!("the final chunk before {at}"));
    }
    let body_of_other = [&file[..HEADER], &other[HEADER..]].concat();
    is_refused(&body_of_other, &plaintext, 0, "the body of another file");
}

#[test]
fn a_stream_that_breaks_is_an_error_of_reading() {
    let plaintext = plaintext(BATCH * CHUNK_LEN + 100);
    let file = sealed(1, &plaintext);
    for breaks_at in [0, 100, HEADER, BODY - 1, BODY, BODY + SEALED_CHUNK_LEN, file.len() - 1, file.len()] {
        let mut gullet = Gullet::default();
        let drip = Drip::breaking(&file, breaks_at);
        let result = StreamOpener::new(drip, &key(1))
            .and_then(|opener| opener.copy_to(Output::Stream(&mut gullet), Run::quiet()));
        assert!(matches!(result, Err(BodyError::Read(_))), "{breaks_at}: {result:?}");
        assert!(plaintext.starts_with(&gullet.bytes), "{breaks_at}");
    }
}
