//! The fuzz targets of fuzz/, on their committed corpus and on mutations of it. The fuzzer itself runs each a million
//! times: `./test --long`.

use std::fs;
use std::path::Path;

use super::numbers::Numbers;
use super::seeds::seeds;
use super::targets::TARGETS;
use crate::support::proof::record;

const MUTATIONS: usize = 2000;

/// What parsers trip over, to be put anywhere.
const TOKENS: [&[u8]; 14] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"[[[[[[[[",
    b"{\"a\":{\"a\":",
    b"18446744073709551616",
    b"-1",
    b"1e999",
    b"=",
    b" ",
];

/// Changes one of the seeds in one to four places.
pub fn mutated(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let rest = bytes.len() - at;
        match numbers.below(7) {
            0 if rest > 0 => bytes[at] ^= 1 << numbers.below(8),
            1 if rest > 0 => bytes[at] = numbers.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + numbers.below(rest.min(64) + 1))),
            4 => drop(bytes.splice(at..at, TOKENS[numbers.below(TOKENS.len())].iter().copied())),
            5 => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                let length = numbers.below(other.len() - from + 1);
                bytes.splice(at.., other[from..from + length].iter().copied());
            }
            _ => {
                let copied = bytes[at..at + numbers.below(rest.min(64) + 1)].to_vec();
                let to = numbers.below(bytes.len() + 1);
                bytes.splice(to..to, copied);
            }
        }
    }
    bytes
}

/// Names the target and keeps the input that it panicked on.
struct Tried<'a> {
    target: &'a str,
    bytes: &'a [u8],
}

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-panicked", self.target));
            eprintln!("the target {} panicked on {} bytes, kept as {}", self.target, self.bytes.len(), path.display());
            let _ = fs::write(path, self.bytes);
        }
    }
}

#[test]
fn no_target_panics_on_the_corpus_or_on_mutations_of_it() {
    let (mut inputs, mut mutations) = (0, 0);
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        // Written out for the fuzzer to begin with.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-seeds").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(number.to_string()), seed).unwrap();
            let tried = Tried { target: name, bytes: seed };
            target(tried.bytes);
            inputs += 1;
        }
        let mut numbers = Numbers::new(name.len() as u64);
        for _ in 0..MUTATIONS {
            let bytes = mutated(&seeds, &mut numbers);
            let tried = Tried { target: name, bytes: &bytes };
            target(tried.bytes);
            mutations += 1;
        }
    }
    record(
        "hostile-corpus",
        "fuzz targets on their corpus and mutations of it",
        &format!("{} targets, {inputs} seeds, {mutations} mutations: 0 panics", TARGETS.len()),
    );
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut programs: Vec<_> = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    programs.sort();
    let mut targets = TARGETS.map(|(name, _)| name);
    targets.sort_unstable();
    assert_eq!(programs, targets);
}
