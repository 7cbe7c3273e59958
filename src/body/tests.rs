mod deliveries;
mod edges;
mod engine;
mod keys;
mod ranges;
mod streams;

use std::io::Write;

use super::*;
use crate::crypto::cobblestone::{CHUNK_LEN, PREFIX_LEN, SEALED_CHUNK_LEN};
use crate::crypto::secret::{FileKey, ProjectFileKey};
use crate::keys::OpenedBy;

const HEADER: usize = 8192;

fn key(byte: u8) -> ProjectFileKey {
    ProjectFileKey { project: format!("project {byte}"), version: 1, key: FileKey::from_slice(&[byte; 32]).unwrap() }
}

fn sealed(byte: u8, plaintext: &[u8]) -> Vec<u8> {
    let metadata = Metadata { name: Some("clients.csv".into()), ..Metadata::default() };
    let mut sealer = Sealer::new(&key(byte), &metadata, Vec::new()).unwrap();
    sealer.write_all(plaintext).unwrap();
    sealer.finish().unwrap()
}

fn open(bytes: &[u8], keys: &[u8]) -> Result<(Vec<u8>, OpenedBy, bool), BodyError> {
    let opener = Opener::new(bytes, &keys.iter().map(|byte| key(*byte)).collect::<Vec<_>>())?;
    let by = opener.header().opened_by.clone();
    let one = opener.header().one_block_only;
    let mut output = Vec::new();
    opener.copy_to(Output::Stream(&mut output), Run::quiet())?;
    Ok((output, by, one))
}

#[test]
fn what_is_sealed_opens_at_every_length_around_the_borders() {
    let lengths =
        [0, 1, CHUNK_LEN - 1, CHUNK_LEN, CHUNK_LEN + 1, 16 * CHUNK_LEN - 1, 16 * CHUNK_LEN, 33 * CHUNK_LEN + 7];
    for length in lengths {
        let plaintext: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let file = sealed(1, &plaintext);
        assert_eq!(file.len(), HEADER + PREFIX_LEN + length + (length / CHUNK_LEN + 1) * 16);
        let (opened, by, one) = open(&file, &[3, 2, 1]).unwrap();
        assert!(opened == plaintext, "length {length}");
        assert_eq!((by.project.as_str(), by.version, one), ("project 1", 1, false));
    }
}

#[test]
fn metadata_comes_back() {
    let file = sealed(1, b"");
    let opener = Opener::new(&file, &key(1)).unwrap();
    assert_eq!(opener.header().metadata.name.as_deref(), Some("clients.csv"));
}

#[test]
fn another_vaults_keys_do_not_open_it() {
    assert!(matches!(open(&sealed(1, b"x"), &[2, 3]), Err(BodyError::WrongKey { .. })));
    assert!(matches!(open(&sealed(1, b"x"), &[]), Err(BodyError::WrongKey { .. })));
}

#[test]
fn a_truncation_at_any_byte_is_refused() {
    let file = sealed(1, &[7; CHUNK_LEN + 100]);
    let interesting = (0..file.len()).filter(|at| at % 97 == 0 || at % 4096 < 2 || *at > file.len() - 200);
    for length in interesting {
        let error = open(&file[..length], &[1]).unwrap_err();
        assert!(matches!(error, BodyError::Truncated | BodyError::Damaged { .. }), "{length}: {error}");
    }
    for length in HEADER..HEADER + PREFIX_LEN {
        assert!(matches!(open(&file[..length], &[1]), Err(BodyError::Truncated)), "{length}");
    }
}

#[test]
fn any_flipped_bit_in_the_body_is_refused_and_in_one_block_survived() {
    let plaintext = [7; 300];
    let file = sealed(1, &plaintext);
    for bit in 0..file.len() * 8 {
        // Every bit of the body, and of a block everything but most of its zero fill.
        let at = bit / 8;
        if (600..4050).contains(&(at % 4096)) && at < HEADER && bit % 1009 != 0 {
            continue;
        }
        let mut altered = file.clone();
        altered[at] ^= 1 << (bit % 8);
        match open(&altered, &[1]) {
            Ok((opened, _, one)) => {
                assert!(at < HEADER && one, "bit {bit} was accepted");
                assert_eq!(opened, plaintext);
            }
            Err(error) => assert!(at >= HEADER, "bit {bit} of one block: {error}"),
        }
    }
}

#[test]
fn the_same_bit_flipped_in_both_blocks_is_refused() {
    let file = sealed(1, b"data");
    for at in (0..600).chain(4060..4096) {
        let mut altered = file.clone();
        altered[at] ^= 1;
        altered[4096 + at] ^= 1;
        assert!(open(&altered, &[1]).is_err(), "byte {at}");
    }
}

#[test]
fn chunks_swapped_doubled_dropped_or_spliced_from_another_file_are_refused() {
    let file = sealed(1, &[7; 2 * CHUNK_LEN + 50]);
    let other = sealed(1, &[7; 2 * CHUNK_LEN + 50]);
    let chunk = |i: usize| {
        let start = HEADER + PREFIX_LEN + i * SEALED_CHUNK_LEN;
        start..start + SEALED_CHUNK_LEN
    };
    let mut swapped = file.clone();
    swapped[chunk(0)].copy_from_slice(&file[chunk(1)]);
    swapped[chunk(1)].copy_from_slice(&file[chunk(0)]);
    let mut dropped = file.clone();
    dropped.drain(chunk(1));
    let mut doubled = file.clone();
    doubled.splice(chunk(1).start..chunk(1).start, file[chunk(1)].to_vec());
    let mut spliced = file.clone();
    spliced[chunk(0)].copy_from_slice(&other[chunk(0)]);
    let mut body = file.clone();
    body[HEADER..].copy_from_slice(&other[HEADER..]);
    let mut header = file.clone();
    header[..HEADER].copy_from_slice(&other[..HEADER]);
    let mut trailing = file.clone();
    trailing.extend_from_slice(b"more");
    for (name, altered) in [
        ("swapped", swapped),
        ("dropped", dropped),
        ("doubled", doubled),
        ("spliced", spliced),
        ("body", body),
        ("header", header),
        ("trailing", trailing),
    ] {
        assert!(matches!(open(&altered, &[1]), Err(BodyError::Damaged { .. })), "{name}");
    }
}

#[test]
fn a_file_whose_first_block_is_overwritten_opens_by_its_second() {
    for junk in [0x00, 0xff] {
        let mut file = sealed(1, b"data");
        file[..4096].fill(junk);
        let (opened, _, one) = open(&file, &[1]).unwrap();
        assert!(one && opened == b"data");
    }
}

#[test]
fn unknown_versions_suites_and_flags_are_named() {
    for (at, value) in [(8, 2), (9, 2), (13, 1)] {
        let mut file = sealed(1, b"data");
        file[at] = value;
        file[4096 + at] = value;
        let error = open(&file, &[1]).unwrap_err();
        match at {
            9 | 13 => assert!(matches!(error, BodyError::UnsupportedFeature { .. }), "{error}"),
            8 => assert!(matches!(error, BodyError::UnsupportedVersion { found: 2, known: 1, .. }), "{error}"),
            _ => unreachable!(),
        }
    }
    assert!(matches!(open(b"just a text file", &[1]), Err(BodyError::NotSealed)));
}

#[test]
fn an_unfinished_file_does_not_open() {
    let mut output = Vec::new();
    let mut sealer = Sealer::new(&key(1), &Metadata::default(), &mut output).unwrap();
    sealer.write_all(&[1; CHUNK_LEN]).unwrap();
    sealer.flush().unwrap();
    drop(sealer);
    assert!(matches!(open(&output, &[1]), Err(BodyError::Truncated)));
}
