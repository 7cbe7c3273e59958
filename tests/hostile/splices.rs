//! Sealed files put together from the parts of others: of the same project, of another one, of another key version.

use super::keys::{HEADER, open, sealed};
use crate::support::proof::record;

const PREFIX: usize = 56;
const CHUNK: usize = 16400;

/// A sealed file in parts: two full chunks and a short final one.
struct Parts {
    whole: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Parts {
    fn of(project: u8, version: u32, byte: u8) -> Self {
        let plaintext = vec![byte; 2 * 16384 + 50];
        Self { whole: sealed(project, version, &plaintext), plaintext }
    }

    fn header(&self) -> &[u8] {
        &self.whole[..HEADER]
    }

    fn prefix(&self) -> &[u8] {
        &self.whole[HEADER..HEADER + PREFIX]
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.whole[HEADER + PREFIX..].chunks(CHUNK)
    }
}

/// Every sequence of one to `most` chunks.
fn sequences<'a>(chunks: &[&'a [u8]], most: usize) -> Vec<Vec<&'a [u8]>> {
    let mut all: Vec<Vec<&[u8]>> = vec![vec![]];
    let mut longest = all.clone();
    for _ in 0..most {
        longest =
            longest.iter().flat_map(|start| chunks.iter().map(move |chunk| [&start[..], &[*chunk]].concat())).collect();
        all.extend(longest.clone());
    }
    all
}

#[test]
fn parts_of_sealed_files_make_no_other_file() {
    // Two files of one project and key, which even have the same content; the key's next version; another project.
    let files = [Parts::of(1, 1, 7), Parts::of(1, 1, 7), Parts::of(1, 2, 8), Parts::of(2, 1, 9)];
    let everything: Vec<&[u8]> = files.iter().flat_map(Parts::chunks).collect();
    let (mut tried, mut opened) = (0, 0);
    let mut try_all = |from: &[&Parts], sequences: Vec<Vec<&[u8]>>| {
        for header in from {
            for prefix in from {
                for sequence in &sequences {
                    let made = [&[header.header(), prefix.prefix()][..], sequence].concat().concat();
                    tried += 1;
                    match files.iter().find(|file| file.whole == made) {
                        Some(file) => {
                            assert!(open(&made).unwrap().plaintext == file.plaintext);
                            opened += 1;
                        }
                        None => assert!(open(&made).is_err(), "a file of {} parts was accepted", sequence.len() + 2),
                    }
                }
            }
        }
    };
    // Any three chunks of all four under any header and prefix: swapped, dropped, doubled, spliced. A body of another
    // file's prefix is refused before a chunk is looked at, so one file's own chunks are tried up to five.
    let all: Vec<&Parts> = files.iter().collect();
    try_all(&all, sequences(&everything, 3));
    for file in &all {
        let own: Vec<&[u8]> = file.chunks().collect();
        let longer = sequences(&own, 5).into_iter().filter(|sequence| sequence.len() > 3).collect();
        try_all(&[file], longer);
    }
    assert_eq!(opened, files.len(), "the files themselves open, and they alone");
    record(
        "hostile-splices",
        "chunks swapped, dropped, doubled and spliced across files, projects and key versions",
        &format!("{tried} files put together: {} refused, 0 accepted but the {opened} as they were", tried - opened),
    );
}

#[test]
fn a_header_block_of_another_file_does_not_help_a_damaged_one() {
    let files = [Parts::of(1, 1, 7), Parts::of(1, 1, 7), Parts::of(1, 2, 8), Parts::of(2, 1, 9)];
    let half = HEADER / 2;
    for file in &files {
        for other in files.iter().filter(|other| other.whole != file.whole) {
            // In the place of A, where it speaks first, its key opens a body that is not its own.
            let mut first = file.whole.clone();
            first[..half].copy_from_slice(&other.whole[..half]);
            let mut second = file.whole.clone();
            second[half..HEADER].copy_from_slice(&other.whole[..half]);
            for made in [first, second] {
                if let Ok(opened) = open(&made) {
                    assert!(opened.one_block_only && opened.plaintext == file.plaintext);
                }
            }
            let mut both = file.whole.clone();
            both[..HEADER].copy_from_slice(other.header());
            assert!(open(&both).is_err());
        }
    }
}
