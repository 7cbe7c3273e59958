//! What a hand does to a recovery kit's code is noticed, and another implementation writes the same codes.

use std::io::Write;
use std::process::Stdio;

use strongroom::crypto::hmac::sha256;
use strongroom::crypto::secret::KitSecret;
use strongroom::format::kit::{self, KitCodeError};

use crate::support::proof;
use crate::support::python::python;

const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const VECTORS: &str = include_str!("vectors/kit-codes.txt");

/// Secrets that are the same in every run: a checksum of 24 bits lets one alteration in 16 million pass, and which
/// one must not be a matter of luck.
fn secrets(count: u32) -> impl Iterator<Item = [u8; 32]> {
    (0..count).map(|number| sha256(&number.to_be_bytes()))
}

fn code_of(secret: &[u8; 32]) -> String {
    kit::write(&KitSecret::from_slice(secret).unwrap()).to_string()
}

fn is_mistyped(code: &[u8]) -> bool {
    let code = std::str::from_utf8(code).unwrap();
    kit::read(code).map(drop).unwrap_err() == KitCodeError::Checksum
}

#[test]
fn the_known_codes_are_written_and_read() {
    for line in VECTORS.lines() {
        let (secret, code) = line.split_once(' ').unwrap();
        assert_eq!(code_of(&hex::decode(secret).unwrap().try_into().unwrap()), code);
        assert_eq!(hex::encode(kit::read(code).unwrap().expose()), secret);
    }
    assert_eq!(VECTORS.lines().count(), 8);
}

#[test]
fn every_substitution_of_one_symbol_is_refused() {
    let (mut tried, codes) = (0, 100);
    for secret in secrets(codes) {
        let mut code = code_of(&secret).into_bytes();
        for at in (0..code.len()).filter(|at| at % 5 != 4) {
            let right = code[at];
            for other in ALPHABET.iter().filter(|symbol| **symbol != right) {
                code[at] = *other;
                assert!(is_mistyped(&code), "code {} at {at}", hex::encode(secret));
                tried += 1;
            }
            code[at] = right;
        }
    }
    assert_eq!(tried, codes * 56 * 31);
    proof::record(
        "kit-code-substitutions",
        "kit code: one symbol replaced by another",
        &format!("{tried} of {tried} refused ({codes} codes)"),
    );
}

#[test]
fn every_swap_of_neighbouring_symbols_or_groups_is_refused() {
    let (mut tried, codes) = (0, 1000);
    for secret in secrets(codes) {
        let code = code_of(&secret);
        let symbols = code.replace('-', "").into_bytes();
        for at in (1..symbols.len()).filter(|at| symbols[at - 1] != symbols[*at]) {
            let mut swapped = symbols.clone();
            swapped.swap(at - 1, at);
            assert!(is_mistyped(&swapped), "code {} at {at}", hex::encode(secret));
            tried += 1;
        }
        let groups: Vec<&str> = kit::groups(&code).collect();
        for at in (1..groups.len()).filter(|at| groups[at - 1] != groups[*at]) {
            let mut swapped = groups.clone();
            swapped.swap(at - 1, at);
            assert!(is_mistyped(swapped.join("-").as_bytes()), "code {} at group {at}", hex::encode(secret));
            tried += 1;
        }
    }
    assert!(tried > codes * 60);
    proof::record(
        "kit-code-swaps",
        "kit code: neighbouring symbols or groups swapped",
        &format!("{tried} of {tried} refused ({codes} codes)"),
    );
}

#[test]
#[ignore = "needs Python: run ./test"]
fn python_writes_the_same_codes_and_reads_ours() {
    let python = || {
        let mut command = python("tests/python/kit_code.py");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    };
    let output = python().output().expect("Python");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "kit codes: 8 vectors hold\n");

    let mut child = python().arg("--print").spawn().expect("Python");
    let mut input = child.stdin.take().unwrap();
    // Few enough to fit the pipe whole, so that neither side waits for the other.
    secrets(500).for_each(|secret| writeln!(input, "{}", hex::encode(secret)).unwrap());
    drop(input);
    let output = child.wait_with_output().unwrap();
    let theirs = String::from_utf8(output.stdout).unwrap();
    let ours: Vec<String> = secrets(500).map(|secret| code_of(&secret)).collect();
    assert!(theirs.lines().eq(ours.iter().map(String::as_str)), "the codes differ");
    proof::record("kit-code-python", "kit code: written by another implementation", "500 of 500 the same, 8 vectors");
}
