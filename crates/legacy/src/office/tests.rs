//! One workbook in both kinds of encryption. `tests/python/client_files.py` has made them, and msoffcrypto-tool opened
//! them.

use std::io::{Cursor, Write};

use super::*;
use crate::request::{Options, Scheme};
use crate::{Detected, Keys, SecretBytes, detect};

const AGILE: &[u8] = include_bytes!("../../../../tests/vectors/clients/agile.xlsx");
const STANDARD: &[u8] = include_bytes!("../../../../tests/vectors/clients/standard.xlsx");
const PLAIN: &[u8] = include_bytes!("../../../../tests/vectors/clients/plain.xlsx");

fn request(password: &str) -> Request {
    Request {
        scheme: Scheme::Office,
        password: Some(SecretBytes::from_slice(password.as_bytes())),
        key: None,
        hmac_key: None,
        options: Options::default(),
    }
}

fn right() -> Request {
    request("pass wörd ж 🔑\n")
}

fn opened(file: &[u8], request: &Request) -> Result<Vec<u8>, Refused> {
    let mut opening = crate::open(Cursor::new(file), request, &mut Keys::default())?;
    let mut plaintext = opening.plaintext()?;
    let mut bytes = Vec::new();
    plaintext.read_to_end(&mut bytes)?;
    assert_eq!(plaintext.finish()?.bytes, bytes.len() as u64);
    Ok(bytes)
}

#[test]
fn both_kinds_open_to_the_workbook_and_say_what_proves_it() {
    for (file, evidence) in [(AGILE, Evidence::Tag), (STANDARD, Evidence::Verifier)] {
        assert!(opened(file, &right()).unwrap() == PLAIN);
        let mut opening = crate::open(Cursor::new(file), &right(), &mut Keys::default()).unwrap();
        assert_eq!((opening.evidence(), opening.is_authenticated()), (evidence, evidence == Evidence::Tag));
        assert_eq!(opening.prove().unwrap().bytes, PLAIN.len() as u64);
        assert_eq!(detect(Cursor::new(file)).unwrap(), Detected::Scheme(Scheme::Office));
        assert!(matches!(opened(file, &request("pass wörd ж")), Err(Refused::Wrong)));
        let mut other = right();
        other.options.sha256 = Some([0; 32]);
        assert!(matches!(opened(file, &other), Err(Refused::Wrong)));
    }
    assert!(matches!(opened(PLAIN, &right()), Err(Refused::NotEncrypted)));
    assert_eq!(detect(Cursor::new(PLAIN)).unwrap(), Detected::NotEncrypted("an Office file"));
}

#[test]
fn what_is_cut_short_or_altered_gives_an_error_or_the_same_workbook() {
    let mut refusals = 0;
    let mut check = |file: &[u8]| match opened(file, &right()) {
        // Some bytes of a compound file are no part of what is in it.
        Ok(bytes) => assert!(bytes == PLAIN),
        Err(refused) => {
            assert!(!matches!(refused, Refused::Read(_)), "{refused:?}");
            refusals += 1;
        }
    };
    for length in (0..AGILE.len()).step_by(61) {
        check(&AGILE[..length]);
    }
    for at in (0..AGILE.len()).step_by(7) {
        let mut file = AGILE.to_vec();
        file[at] ^= 1 << (at % 8);
        check(&file);
    }
    assert!(refusals > 800, "{refusals}");
}

#[test]
fn tables_that_lead_in_circles_or_say_too_much_end() {
    // The header's list of the allocation table's sectors, and the table itself.
    for sector in [0_u32, 1, 5] {
        for range in [76..512, 512..1024] {
            let mut file = AGILE.to_vec();
            for entry in file[range].chunks_exact_mut(4) {
                entry.copy_from_slice(&sector.to_le_bytes());
            }
            assert!(opened(&file, &right()).is_err());
        }
    }
    // Each sector follows itself, or the one before it.
    for step in [0, 1] {
        let mut file = AGILE.to_vec();
        for (number, entry) in file[512..1024].chunks_exact_mut(4).enumerate() {
            entry.copy_from_slice(&(number as u32).saturating_sub(step).to_le_bytes());
        }
        assert!(opened(&file, &right()).is_err());
    }
    let mut metered = vec![0; 3 << 20];
    metered[..512].copy_from_slice(&AGILE[..512]);
    assert!(opened(&metered, &right()).is_err());
}

fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    for (name, bytes) in streams {
        file.create_stream(name).unwrap().write_all(bytes).unwrap();
    }
    file.into_inner().into_inner()
}

#[test]
fn streams_are_found_in_a_container_of_another_make_and_hostile_ones_cost_nothing() {
    let mut file = CompoundFile::open(Cursor::new(AGILE)).unwrap();
    let mut stream = |name: &str| {
        let mut bytes = Vec::new();
        file.open_stream(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let (info, package) = (stream("/EncryptionInfo"), stream("/EncryptedPackage"));
    let of = |info: &[u8], package: &[u8]| compound(&[("/EncryptionInfo", info), ("/EncryptedPackage", package)]);
    assert!(opened(&of(&info, &package), &right()).unwrap() == PLAIN);
    // What fills the stream up is under the HMAC, too.
    assert!(matches!(opened(&of(&info, &[&package[..], &[0; 16]].concat()), &right()), Err(Refused::Wrong)));
    for size in [0, 16, package.len() as u64, u64::MAX] {
        let package = [&size.to_le_bytes(), &package[8..]].concat();
        assert!(matches!(opened(&of(&info, &package), &right()), Err(Refused::Wrong)));
    }
    assert!(matches!(opened(&of(&info, &[1; 7]), &right()), Err(Refused::Wrong)));
    let text = String::from_utf8(info[8..].to_vec()).unwrap();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from));
        let info = [&info[..8], text.replace(from, to).as_bytes()].concat();
        opened(&of(&info, &package), &right())
    };
    for rounds in ["10000001", "4294967295", "4294967296"] {
        assert!(matches!(with("spinCount=\"100\"", &format!("spinCount=\"{rounds}\"")), Err(Refused::Bounds(_))));
    }
    for (from, to) in [("\"AES\"", "\"RC2\""), ("ChainingModeCBC", "ChainingModeCFB"), ("SHA256", "MD5")] {
        assert!(matches!(with(from, to), Err(Refused::NotRead { .. })), "{to}");
    }
    assert!(matches!(with("encryptedKey ", "certificateKey "), Err(Refused::NotRead { .. })));
    assert!(matches!(with("<keyData", "<other"), Err(Refused::Wrong)));
    let older = compound(&[("/Workbook", &[9, 8])]);
    assert!(matches!(opened(&older, &right()), Err(Refused::NotRead { .. })));
    assert_eq!(detect(Cursor::new(&older)).unwrap(), Detected::OlderOffice);
}
