//! Archives of Info-ZIP and 7-Zip with the same members, and hostile ones that these tests make.

use std::io::{Cursor, Write};

use ::zip::write::{ExtendedFileOptions, FileOptions, SimpleFileOptions};
use ::zip::{AesMode, CompressionMethod, ZipWriter};

use super::*;
use crate::request::Options;
use crate::{Detected, SecretBytes, detect};

const ZIPCRYPTO: &[u8] = include_bytes!("../../../../tests/vectors/clients/zipcrypto.zip");
const AES: &[u8] = include_bytes!("../../../../tests/vectors/clients/aes.zip");
const SHOWN: &[u8] = include_bytes!("../../../../tests/vectors/clients/shown.7z");
const HIDDEN: &[u8] = include_bytes!("../../../../tests/vectors/clients/hidden.7z");
const ALL: [(&[u8], Scheme, Protection); 4] = [
    (ZIPCRYPTO, Scheme::Zip, Protection::ZipCrypto),
    (AES, Scheme::Zip, Protection::WinZipAes(256)),
    (SHOWN, Scheme::SevenZip, Protection::SevenZip),
    (HIDDEN, Scheme::SevenZip, Protection::SevenZip),
];

fn request(scheme: Scheme, password: &str) -> Request {
    let password = Some(SecretBytes::from_slice(password.as_bytes()));
    Request { scheme, password, key: None, hmac_key: None, options: Options::default() }
}

/// Opens an archive, and returns each file's path, bytes and protection.
fn opened(file: &[u8], scheme: Scheme, password: &str) -> Result<Vec<(String, Vec<u8>, Protection)>, Refused> {
    let mut archive = open_archive(Cursor::new(file), &request(scheme, password), &mut Keys::default())?;
    let mut files = Vec::new();
    let all = archive.each(&mut |member, plain| {
        let mut bytes = Vec::new();
        plain.read_to_end(&mut bytes).map_err(Refused::from)?;
        let summary = plain.finish()?;
        assert_eq!(summary.bytes, bytes.len() as u64);
        if !member.is_folder {
            files.push((member.path.to_string_lossy().into_owned(), bytes, member.protection));
        }
        Ok::<_, Refused>(())
    });
    files.sort_by(|one, other| one.0.cmp(&other.0));
    match all {
        Ok(()) => Ok(files),
        Err(Stopped::Refused(refused) | Stopped::Taker(refused)) => Err(refused),
    }
}

fn refusal_of(file: &[u8], scheme: Scheme) -> ArchiveRefused {
    match opened(file, scheme, "p") {
        Err(Refused::Archive(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn archives_of_each_kind_open_to_the_same_members() {
    let csv: String = (1..=60).map(|n| format!("client {n},{}\n", n * n)).collect();
    for (file, scheme, protection) in ALL {
        let files = opened(file, scheme, "pass word\n").unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.0.as_str()).collect();
        assert_eq!(names, ["a/b/Ж ü.bin", "a/empty", "clients.csv"]);
        assert_eq!(
            (&files[0].1[..], &files[1].1[..], &files[2].1[..]),
            (&b"\x01\x02\x03 short"[..], &b""[..], csv.as_bytes())
        );
        assert_eq!((files[0].2, files[2].2), (protection, protection));
        assert_eq!(detect(Cursor::new(file)).unwrap(), Detected::Scheme(scheme));
        for wrong in ["pass wor", "Pass word", ""] {
            assert!(matches!(opened(file, scheme, wrong), Err(Refused::Wrong)), "{wrong} {scheme:?}");
        }
        let archive = open_archive(Cursor::new(file), &request(scheme, "pass word"), &mut Keys::default()).unwrap();
        let modified: Vec<_> = archive.members().iter().map(|member| (member.is_folder, member.modified)).collect();
        if protection != Protection::ZipCrypto {
            assert!(modified.contains(&(false, Some(1_795_163_400))), "{modified:?}");
        }
    }
}

#[test]
fn what_is_cut_short_or_altered_gives_an_error_or_the_same_members() {
    for (file, scheme, _) in ALL {
        let whole = opened(file, scheme, "pass word").unwrap();
        let check = |bytes: &[u8]| match opened(bytes, scheme, "pass word") {
            // A CRC is no HMAC: what decides is that nothing else came out.
            Ok(files) => {
                // Nothing proves a name: one that was altered may be another path, or a folder's the name of an empty
                // file.
                let contents = |files: &[(String, Vec<u8>, Protection)]| {
                    let mut contents: Vec<_> =
                        files.iter().map(|it| it.1.clone()).filter(|it| !it.is_empty()).collect();
                    contents.sort();
                    contents
                };
                assert!(contents(&files) == contents(&whole));
                false
            }
            Err(refused) => {
                assert!(!matches!(refused, Refused::Read(_)), "{refused:?}");
                true
            }
        };
        // A wrong byte of 7z costs a derivation of the key.
        let step = if scheme == Scheme::Zip { 3 } else { 41 };
        for length in (0..file.len()).step_by(step) {
            assert!(check(&file[..length]), "{length} of {}", file.len());
        }
        let mut refusals = 0;
        for at in (0..file.len()).step_by(step) {
            let mut bytes = file.to_vec();
            bytes[at] ^= 1 << (at % 8);
            refusals += usize::from(check(&bytes));
        }
        assert!(refusals > file.len() / step / 3, "{refusals}");
    }
}

#[test]
fn the_crc_decides_where_the_cipher_lets_a_wrong_password_pass() {
    let mut passed = 0;
    for number in 0..2000 {
        let password = format!("wrong {number}");
        match opened(ZIPCRYPTO, Scheme::Zip, &password) {
            Err(Refused::Wrong) => {}
            other => panic!("{password}: {other:?}"),
        }
        passed += usize::from(
            open_archive(Cursor::new(ZIPCRYPTO), &request(Scheme::Zip, &password), &mut Keys::default()).is_ok(),
        );
    }
    // Two members with bytes, so about one of 65,536: whichever passes, the members do not.
    assert!(passed < 20, "{passed}");
}

type Files<'a> = &'a [(&'a str, &'a [u8], SimpleFileOptions)];

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn zipped(files: Files<'_>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes, options) in files {
        let options: FileOptions<'_, '_, ExtendedFileOptions> = options.into_full_options();
        zip.start_file(*name, options.with_aes_encryption(AesMode::Aes128, "p")).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn names_that_lead_elsewhere_or_meet_are_refused_before_anything_is_opened() {
    for name in ["../a", "/etc/passwd", "a/../../b", "C:\\a", "a\\..\\b", "a\nb"] {
        let file = zipped(&[("ok", b"x", stored()), (name, b"x", stored())]);
        assert!(matches!(refusal_of(&file, Scheme::Zip), ArchiveRefused::Name(_)), "{name:?}");
    }
    for (one, other) in [("a", "A"), ("a", "a/b"), ("x/a", "X/b")] {
        let file = zipped(&[(one, b"x", stored()), (other, b"x", stored())]);
        assert!(matches!(refusal_of(&file, Scheme::Zip), ArchiveRefused::Clash(..)), "{one} {other}");
    }
    let link = zipped(&[("link", b"/etc/passwd", stored().unix_permissions(0o120_777))]);
    // The writer sets the kind by itself; 0x1ff of 16 bits are permissions.
    let mode = link.windows(4).rposition(|bytes| bytes == (0o100_777_u32 << 16).to_le_bytes()).unwrap();
    let mut link = link;
    link[mode..mode + 4].copy_from_slice(&(0o120_777_u32 << 16).to_le_bytes());
    assert!(matches!(refusal_of(&link, Scheme::Zip), ArchiveRefused::NotAFile(_)));
}

#[test]
fn bombs_and_overlapping_members_are_refused_by_what_they_claim() {
    let file = zipped(&[("a", &[7; 100], stored()), ("b", &[7; 100], stored())]);
    let central = file.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    // The uncompressed length of the first member.
    for (claimed, is_ratio) in [(0xffff_fffe_u32, true), (300 << 20, true), (200 << 20, false)] {
        let mut bomb = file.clone();
        bomb[central + 24..central + 28].copy_from_slice(&claimed.to_le_bytes());
        match opened(&bomb, Scheme::Zip, "p") {
            Err(Refused::Archive(ArchiveRefused::Ratio)) => assert!(is_ratio),
            Err(Refused::Wrong) => assert!(!is_ratio),
            other => panic!("{other:?}"),
        }
    }
    let second = central + file[central + 1..].windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap() + 1;
    let mut overlapping = file.clone();
    overlapping[second + 42..second + 46].copy_from_slice(&[0; 4]);
    assert!(matches!(opened(&overlapping, Scheme::Zip, "p"), Err(Refused::Archive(ArchiveRefused::Overlap))));
    let mut claims = Claims::new(1 << 40);
    assert!(claims.add(TOTAL_LIMIT).is_ok() && matches!(claims.add(1), Err(ArchiveRefused::TooLong)));
    let mut claims = Claims::new(1 << 40);
    assert!((0..MEMBERS_LIMIT).all(|_| claims.add(0).is_ok()));
    assert!(matches!(claims.add(0), Err(ArchiveRefused::TooManyMembers)));
}

#[test]
fn a_member_that_only_says_that_it_has_no_password_is_refused() {
    let mut file = zipped(&[("a", &[7; 100], stored()), ("b", &[7; 100], stored())]);
    for (at, flags) in [(b"PK\x01\x02", 8), (b"PK\x03\x04", 6)] {
        let header = file.windows(4).position(|bytes| bytes == at).unwrap();
        file[header + flags] &= !1;
    }
    assert!(matches!(opened(&file, Scheme::Zip, "p"), Err(Refused::Wrong)));
}

#[test]
fn archives_without_a_password_need_none() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("a", stored()).unwrap();
    let file = zip.finish().unwrap().into_inner();
    assert!(matches!(opened(&file, Scheme::Zip, "p"), Err(Refused::NotEncrypted)));
    assert_eq!(detect(Cursor::new(&file)).unwrap(), Detected::NotEncrypted("a ZIP file"));
    for (pdf, is_encrypted) in [(&b"%PDF-1.7\n/Encrypt 2 0 R"[..], true), (b"%PDF-1.7\n", false)] {
        assert_eq!(detect(Cursor::new(pdf)).unwrap(), Detected::Pdf { is_encrypted });
    }
}

#[test]
fn lists_of_7z_that_claim_too_much_cost_nothing() {
    // The header is not compressed: a count of members, of blocks and of streams that no file has.
    let header = |body: &[u8]| {
        let crc = |bytes: &[u8]| crc32(bytes).to_le_bytes();
        let start = [&0_u64.to_le_bytes()[..], &(body.len() as u64).to_le_bytes(), &crc(body)].concat();
        [seven::MAGIC, &[0, 4], &crc(&start), &start, body].concat()
    };
    for body in [
        &[1, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0][..],
        &[1, 4, 6, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 9, 1],
        &[1, 4, 7, 0x0b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0],
        &[1, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        &[0x17, 6, 0xc0, 0xff, 0xff, 1, 9, 0x40, 0, 0],
    ] {
        assert!(opened(&header(body), Scheme::SevenZip, "p").is_err());
    }
    let mut long = header(&[]);
    long[20..28].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(opened(&long, Scheme::SevenZip, "p").is_err());
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
