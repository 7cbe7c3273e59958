//! Sealed files with every bit flipped and cut at every byte. The normal run leaves out most of what is far inside of a
//! header's padding and of a chunk, where one byte is like the next.

use strongroom::body::{BodyError, inspect};

use super::keys::{HEADER, delivery, open, sealed};
use crate::support::proof::record;

const BLOCK: usize = HEADER / 2;
const PLAINTEXT: &[u8] = b"forty bytes of data, give or take a few.";

/// Bytes nearer than this to where a part of a file begins or ends are all tried.
const NEAR: usize = 400;

/// How many of the bytes, or bits, that are not near are tried.
#[derive(Clone, Copy)]
enum Far {
    Each,
    /// One of seven, which is each bit of a byte by turns.
    Some,
}

impl Far {
    /// Tells whether the bit, or the byte, of this number is tried, which is at or in `byte`.
    fn takes(self, number: usize, byte: usize, borders: &[usize]) -> bool {
        matches!(self, Self::Each)
            || number.is_multiple_of(7)
            || borders.iter().any(|border| byte.abs_diff(*border) < NEAR)
    }

    fn words(self, what: &str) -> String {
        match self {
            Self::Each => format!("every {what}"),
            Self::Some => format!("every {what} near the ends of its parts and every seventh elsewhere"),
        }
    }
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn no_bit_of_a_sealed_file_can_be_flipped_unnoticed() {
    no_flipped_bit_is_unnoticed(Far::Some);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_no_bit_of_a_sealed_file_can_be_flipped_unnoticed() {
    no_flipped_bit_is_unnoticed(Far::Each);
}

fn no_flipped_bit_is_unnoticed(far: Far) {
    let file = sealed(1, 1, PLAINTEXT);
    let (mut survived, mut refused) = (0, 0);
    let bits: Vec<usize> = (0..file.len() * 8).filter(|bit| far.takes(*bit, bit / 8, &[0, BLOCK, HEADER])).collect();
    for bit in bits.iter().copied() {
        match open(&flipped(&file, bit)) {
            // The one rule by which an altered file opens: the other header block speaks, and the user is warned.
            Ok(opened) => {
                assert!(bit / 8 < HEADER && opened.one_block_only, "bit {bit} was accepted without a word");
                assert_eq!(opened.plaintext, PLAINTEXT, "bit {bit}");
                survived += 1;
            }
            Err(error) => {
                assert!(bit / 8 >= HEADER, "bit {bit} of one block of two: {error}");
                assert!(matches!(error, BodyError::Damaged { .. }), "bit {bit}: {error}");
                refused += 1;
            }
        }
    }
    assert_eq!(refused, (file.len() - HEADER) * 8);
    assert!(survived > HEADER, "{survived}");
    record(
        "hostile-sealed-bits",
        &format!("a sealed file with {} flipped", far.words("bit")),
        &format!(
            "{} bits: {survived} in one of two header blocks opened by the other with a warning, {refused} in the \
             body refused, 0 accepted, 0 wrong plaintexts",
            bits.len()
        ),
    );
}

#[test]
fn no_bit_of_both_header_blocks_can_be_flipped() {
    let file = sealed(1, 1, PLAINTEXT);
    for bit in 0..BLOCK * 8 {
        let both = flipped(&flipped(&file, bit), bit + BLOCK * 8);
        assert!(open(&both).is_err(), "bit {bit} of both blocks was accepted");
    }
    let tried = BLOCK * 8;
    record(
        "hostile-header-bits",
        "every bit of a header flipped in both blocks",
        &format!("{tried} bits: {tried} refused, 0 accepted"),
    );
}

#[test]
fn a_sealed_file_cut_or_extended_at_any_byte_is_refused() {
    cut_or_extended_is_refused(Far::Some);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_a_sealed_file_cut_or_extended_at_any_byte_is_refused() {
    cut_or_extended_is_refused(Far::Each);
}

fn cut_or_extended_is_refused(far: Far) {
    let mut tried = 0;
    // A final chunk alone; one that is empty, after a full one; one after two full ones.
    for length in [PLAINTEXT.len(), 16384, 2 * 16384 + 50] {
        let file = sealed(1, 1, &vec![7; length]);
        let borders: Vec<usize> =
            [0, BLOCK, file.len()].into_iter().chain((HEADER..file.len()).step_by(16384 + 16)).collect();
        for cut in (0..file.len()).filter(|cut| far.takes(*cut, *cut, &borders)) {
            let error = open(&file[..cut]).map(drop).expect_err("a cut file opened");
            assert!(
                matches!(error, BodyError::Truncated | BodyError::Damaged { .. }),
                "{cut} of {}: {error}",
                file.len()
            );
            tried += 1;
        }
        for more in 1..=100 {
            for byte in [0, 0xff] {
                let extended = [&file[..], &vec![byte; more]].concat();
                assert!(open(&extended).is_err(), "{more} bytes {byte} were added");
                tried += 1;
            }
        }
        // A whole chunk's worth, and what would be a final chunk after it.
        for more in [16400, 16400 + 16, 16400 + 50] {
            assert!(open(&[&file[..], &vec![0; more]].concat()).is_err());
            tried += 1;
        }
    }
    record(
        "hostile-sealed-cuts",
        &format!("sealed files cut at {}, and extended", far.words("byte")),
        &format!("{tried} files: {tried} refused, 0 accepted"),
    );
}

/// Refuses a delivery, whatever was done to it, and says how.
fn refused(bytes: &[u8], case: &str) -> BodyError {
    // What anybody sees may be nonsense then, but looking at it ends well.
    let _ = inspect(&bytes);
    match open(bytes) {
        Ok(_) => panic!("{case}: a delivery opened with a file key"),
        Err(error) => error,
    }
}

#[test]
fn no_file_key_opens_a_delivery_with_a_flipped_bit_or_cut_anywhere() {
    no_file_key_opens_a_delivery(Far::Some);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_no_file_key_opens_a_delivery_with_a_flipped_bit_or_cut_anywhere() {
    no_file_key_opens_a_delivery(Far::Each);
}

fn no_file_key_opens_a_delivery(far: Far) {
    const BORDERS: &[usize] = &[0, BLOCK, HEADER];
    let file = sealed(1, 1, PLAINTEXT);
    // One as any age tool makes it, some of odd lengths, and one that a single bit makes a project stanza: the genuine
    // one of the file, and one of another file of the project.
    let genuine = file[44..148].to_vec();
    let foreign = sealed(1, 1, PLAINTEXT)[44..148].to_vec();
    let age = [&b"age-encryption.org/v1\n"[..], &[b'x'; 210]].concat();
    let mut tried = 0;
    for recipients in [&[&age[..]][..], &[&age, &age], &[b"x", &[0; 500]], &[&foreign]] {
        let file = delivery(&file, recipients);
        for bit in (0..HEADER * 8).filter(|bit| far.takes(*bit, bit / 8, BORDERS)) {
            let error = refused(&flipped(&file, bit), &format!("bit {bit}"));
            // The other block is whole, and says what it said before.
            assert!(matches!(error, BodyError::WrongKey { .. }), "bit {bit}: {error}");
            tried += 1;
        }
        for bit in (0..BLOCK * 8).filter(|bit| far.takes(*bit, bit / 8, BORDERS)) {
            let both = flipped(&flipped(&file, bit), bit + BLOCK * 8);
            let error = refused(&both, &format!("bit {bit} of both blocks"));
            assert!(!matches!(error, BodyError::Read(_)), "bit {bit} of both blocks: {error}");
            tried += 1;
        }
        for cut in (0..file.len()).filter(|cut| far.takes(*cut, *cut, BORDERS)) {
            let error = refused(&file[..cut], &format!("cut at {cut}"));
            let is_whole = cut >= BLOCK && matches!(error, BodyError::WrongKey { is_delivery: true, .. });
            assert!(is_whole || matches!(error, BodyError::Truncated), "cut at {cut}: {error}");
            tried += 1;
        }
    }
    // The file's own project stanza called a recipient's: one bit of both blocks makes it a project's, whose MAC fails.
    let masked = delivery(&file, &[&genuine]);
    for block in [&[0][..], &[BLOCK], &[0, BLOCK]] {
        let unmasked = block.iter().fold(masked.clone(), |bytes, at| flipped(&bytes, (at + 40) * 8 + 1));
        assert!(matches!(refused(&unmasked, "unmasked"), BodyError::Damaged { .. }), "{block:?}");
        tried += 1;
    }
    record(
        "hostile-deliveries",
        &format!("deliveries with {} of one or both header blocks flipped, or cut", far.words("bit")),
        &format!("{tried} files: {tried} refused, 0 accepted"),
    );
}
