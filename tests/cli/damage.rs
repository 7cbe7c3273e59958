//! Sealed files that were cut short or altered. Each command opens many of them, since every one costs an unlock.

use std::collections::BTreeSet;
use std::fs;

use crate::support::home::Home;
use crate::support::run::Outcome;

const BLOCK: usize = 4096;
const DATA: &[u8] = b"forty bytes of data, give or take a few.";

/// A home with an empty folder `out`, and the bytes of a sealed file.
fn home_and_sealed() -> (Home, Vec<u8>) {
    let home = Home::with_project();
    home.write("a.txt", DATA);
    home.run("encrypt -p acme a.txt").succeeds();
    fs::create_dir(home.path("out")).unwrap();
    let sealed = home.read("a.txt.sealed");
    assert_eq!(sealed.len(), 2 * BLOCK + 56 + DATA.len() + 16);
    (home, sealed)
}

/// Decrypts each of these as `in/N.sealed` to `out/N`.
fn decrypt_all(home: &Home, damaged: &[Vec<u8>]) -> Outcome {
    let mut words = String::from("decrypt -o out");
    for (number, bytes) in damaged.iter().enumerate() {
        home.write(format!("in/{number}.sealed"), bytes);
        words += &format!(" in/{number}.sealed");
    }
    home.run(&words)
}

/// Every one of them is refused, each with a reason of its own; not one byte comes out. Returns the reasons.
#[track_caller]
fn all_are_refused(home: &Home, damaged: &[Vec<u8>], code: i32) -> BTreeSet<String> {
    let outcome = decrypt_all(home, damaged);
    let stderr = outcome.stderr().to_owned();
    let lines = |start: &str| stderr.lines().filter(|line| line.starts_with(start)).count();
    let total = damaged.len();
    assert_eq!((lines("error: cannot decrypt in/"), lines("cause: ")), (total, total), "{stderr}");
    assert_eq!(lines("warning: "), 0, "{stderr}");
    assert!(stderr.contains(&format!("\nerror: {total} of {total} files were not decrypted\n")), "{stderr}");
    assert_eq!((outcome.code(), outcome.text().trim()), (code, ""));
    assert_eq!(fs::read_dir(home.path("out")).unwrap().count(), 0, "something was written");
    let reasons = stderr.lines().filter_map(|line| line.strip_prefix("cause: "));
    reasons.map(without_name).collect()
}

/// Every one of them opens, with a warning each.
#[track_caller]
fn all_open_with_a_warning(home: &Home, damaged: &[Vec<u8>]) {
    let outcome = decrypt_all(home, damaged);
    let warnings: String = (0..damaged.len())
        .map(|number| {
            format!(
                "warning: one of the two header blocks of in/{number}.sealed is damaged or older; the file opened with \
                 the other block\n"
            )
        })
        .collect();
    // They all are copies of one file, and their names say so.
    let renamed = "was encrypted as a.txt: it was renamed, or put in another file's place";
    let first = (0..damaged.len().min(10)).map(|number| format!("warning: in/{number}.sealed {renamed}\n"));
    let more = damaged
        .len()
        .checked_sub(10)
        .filter(|more| *more > 0)
        .map(|more| format!("warning: {more} more files do not have the names that they were encrypted under\n"));
    let renamed: String = first.chain(more).collect();
    let stdout = outcome.text();
    outcome.ends(0, &stdout, &(renamed + &warnings));
    for number in 0..damaged.len() {
        assert_eq!(home.read(format!("out/{number}")), DATA, "{number}");
    }
    fs::remove_dir_all(home.path("out")).unwrap();
    fs::create_dir(home.path("out")).unwrap();
}

/// Takes the name of the file out of a reason.
fn without_name(reason: &str) -> String {
    let (before, rest) = reason.split_once("in/").unwrap();
    let name_len = rest.find(".sealed").unwrap() + ".sealed".len();
    format!("{before}{}", &rest[name_len..]).trim().to_owned()
}

fn flipped(bytes: &[u8], places: &[usize], bit: u8) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    for place in places {
        flipped[*place] ^= 1 << bit;
    }
    flipped
}

#[test]
fn a_file_cut_short_at_any_length_is_refused() {
    let (home, sealed) = home_and_sealed();
    let body = 2 * BLOCK;
    // Every length of the body, and of the header every 64th and those around its parts.
    let lengths =
        (0..body).filter(|at| at % 64 == 0 || at % BLOCK < 42 || at % BLOCK > BLOCK - 3).chain(body..sealed.len());
    let cut: Vec<_> = lengths.map(|length| sealed[..length].to_vec()).collect();
    let reasons = all_are_refused(&home, &cut, 5);
    let known = [
        "is truncated",
        "is damaged: the final chunk of 1 failed its integrity check: the file was altered, cut short or extended",
    ];
    assert!(reasons.iter().all(|reason| known.contains(&reason.as_str())), "{reasons:?}");
}

#[test]
fn a_file_that_was_extended_is_refused() {
    let (home, sealed) = home_and_sealed();
    let extended: Vec<_> = [1, 16, 72, 16399, 16400, 16401, 40_000]
        .iter()
        .flat_map(|more| [0, 0xff].map(|byte| [&sealed[..], &vec![byte; *more]].concat()))
        .collect();
    all_are_refused(&home, &extended, 5);
}

#[test]
fn any_bit_of_the_body_is_missed() {
    let (home, sealed) = home_and_sealed();
    let bits = (2 * BLOCK..sealed.len()).flat_map(|place| (0..8).map(move |bit| (place, bit)));
    let damaged: Vec<_> = bits.map(|(place, bit)| flipped(&sealed, &[place], bit)).collect();
    let reasons = all_are_refused(&home, &damaged, 5);
    let known = [
        "is damaged: its body does not belong to its header",
        "is damaged: the final chunk of 1 failed its integrity check: the file was altered, cut short or extended",
    ];
    assert_eq!(reasons, known.map(String::from).into());
}

#[test]
fn with_one_block_damaged_the_other_opens_the_file() {
    let (home, sealed) = home_and_sealed();
    // Every byte of what begins a block in one or the other, then samples of the rest: each costs a synced file.
    let places = (0..48).flat_map(|place| [place, place + BLOCK]);
    let places = places.chain((48..600).map(|place| place + place % 2 * BLOCK));
    let places = places.chain((600..2 * BLOCK).step_by(197)).chain((BLOCK - 32..BLOCK).step_by(3));
    let damaged: Vec<_> = places.map(|place| flipped(&sealed, &[place], (place / 2 % 8) as u8)).collect();
    all_open_with_a_warning(&home, &damaged);
    // A block that was overwritten altogether, as by a lost sector.
    let lost = [0..512, 0..BLOCK, BLOCK..2 * BLOCK, 3584..BLOCK + 512].map(|range| {
        let mut lost = sealed.clone();
        lost[range].fill(0);
        lost
    });
    all_open_with_a_warning(&home, &lost[..3]);
    // Across the border both are hit.
    all_are_refused(&home, &[lost[3].clone(), lost[3].clone()], 5);
}

#[test]
fn with_both_blocks_damaged_nothing_opens() {
    let (home, sealed) = home_and_sealed();
    let both = |place: usize, bit: u8| flipped(&sealed, &[place, place + BLOCK], bit);
    let with_code = |code: i32, places: &mut dyn Iterator<Item = usize>| {
        let damaged: Vec<_> = places.flat_map(|place| (0..8).map(move |bit| (place, bit))).collect();
        let damaged: Vec<_> = damaged.into_iter().map(|(place, bit)| both(place, bit)).collect();
        all_are_refused(&home, &damaged, code)
    };
    // A flag is a newer program's, for all one can tell.
    with_code(1, &mut (12..14));
    // The magic; then lengths and what must be zero; then the numbers of stanzas and their fill.
    let reasons = with_code(4, &mut (0..8));
    assert!(reasons.iter().all(|reason| reason == "is not a sealed file"), "{reasons:?}");
    with_code(5, &mut (10..12).chain(14..16));
    with_code(5, &mut (36..44));
    // The sequence, the metadata, the fill and the MAC are under the MAC.
    for reasons in [
        with_code(5, &mut (32..36)),
        with_code(5, &mut (160..600).step_by(25)),
        with_code(5, &mut (600..BLOCK).step_by(189)),
        with_code(5, &mut (BLOCK - 32..BLOCK)),
    ] {
        assert!(reasons.iter().all(|reason| reason.starts_with("is damaged: ")), "{reasons:?}");
    }
    // The file id and the wrapped content key: no key opens it, and nobody can tell why.
    for places in [(16..32).step_by(1), (44..148).step_by(7)] {
        let reasons = with_code(4, &mut places.into_iter());
        assert_eq!(reasons.into_iter().collect::<Vec<_>>(), ["no key of this vault opens"]);
    }
}

#[test]
fn another_version_or_suite_is_not_called_damaged() {
    let (home, sealed) = home_and_sealed();
    let mut newer = sealed.clone();
    (newer[8], newer[8 + BLOCK]) = (2, 2);
    home.write("newer.sealed", &newer);
    home.run("decrypt newer.sealed").fails(
        1,
        "\
error: cannot decrypt newer.sealed
cause: newer.sealed has format version 2; this program reads version 1
hint: install a newer strongroom
",
    );
    let mut suite = sealed;
    (suite[9], suite[9 + BLOCK]) = (2, 2);
    home.write("suite.sealed", &suite);
    let (message, hint) = home.run("decrypt suite.sealed --json").fails_in_json(1, "unsupported-version");
    assert!(message.contains("suite") && hint.contains("newer strongroom"), "{message}; {hint}");
}

#[test]
fn parts_of_two_files_do_not_make_one() {
    let (home, sealed) = home_and_sealed();
    home.write("b.txt", DATA);
    home.run("encrypt -p acme b.txt").succeeds();
    let other = home.read("b.txt.sealed");
    let body = 2 * BLOCK;
    let spliced = [
        [&sealed[..body], &other[body..]].concat(),
        [&other[..body], &sealed[body..]].concat(),
        // Salt and commitment of one, chunk of the other.
        [&sealed[..body + 56], &other[body + 56..]].concat(),
    ];
    all_are_refused(&home, &spliced, 5);
}

#[test]
fn chunks_keep_their_order_and_number() {
    let home = Home::with_project();
    home.write("a.bin", vec![7; 3 * 16384 + 5]);
    home.run("encrypt -p acme a.bin").succeeds();
    fs::create_dir(home.path("out")).unwrap();
    let sealed = home.read("a.bin.sealed");
    let start = 2 * BLOCK + 56;
    let chunk = |number: usize| &sealed[start + number * 16400..(start + (number + 1) * 16400).min(sealed.len())];
    let with = |numbers: &[usize]| {
        numbers.iter().fold(sealed[..start].to_vec(), |file, number| [&file[..], chunk(*number)].concat())
    };
    assert_eq!(with(&[0, 1, 2, 3]), sealed);
    let damaged =
        [with(&[1, 0, 2, 3]), with(&[0, 1, 3]), with(&[0, 1, 2]), with(&[0, 1, 2, 2, 3]), with(&[3]), with(&[])];
    let reasons = all_are_refused(&home, &damaged, 5);
    let swapped = "is damaged: chunk 1 of 4 failed its integrity check; nothing was written to out/0";
    assert!(reasons.contains(swapped), "{reasons:?}");
}
