//! Files that other programs and scripts have encrypted, each handed to its reader.

use std::io::{Cursor, Read};
use std::path::Component;

use strongroom_legacy::{Evidence, Keys, Layout, Mode, Padding, Refused, Request, Scheme, SecretBytes};

/// What others have encrypted opens to fewer bytes than the file has, or gives an error that says nothing of it.
pub fn legacy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(layout) = text.parse::<Layout>() {
        assert_eq!(layout.to_string().parse(), Ok(layout));
    }
    let _ = strongroom_legacy::detect(Cursor::new(bytes)).expect("memory can be read");
    let Some(([choice, padding], file)) = bytes.split_first_chunk::<2>() else { return };
    let (scheme, mode) = match usize::from(*choice) {
        0 => (Scheme::Fernet, None),
        1 => (Scheme::Openssl, None),
        2 => (Scheme::Sha256Password, None),
        3 => (Scheme::Argon2Phc, None),
        choice => (Scheme::RawKey, Some(Mode::ALL[choice % Mode::ALL.len()])),
    };
    let key = || SecretBytes::from_slice(&[7; 32]);
    let request = Request {
        scheme,
        password: Some(SecretBytes::from_slice(b"p")),
        key: Some(key()),
        hmac_key: Some(key()),
        options: strongroom_legacy::Options {
            mode,
            padding: Some(Padding::ALL[usize::from(*padding) % Padding::ALL.len()]),
            // PBKDF2's usual iterations would be all that is seen.
            iterations: (scheme == Scheme::Openssl).then_some(1),
            ..Default::default()
        },
    };
    let mut opening = match strongroom_legacy::open(Cursor::new(file), &request, &mut Keys::default()) {
        Ok(opening) => opening,
        Err(error) => return assert!(!matches!(error, Refused::Read(_)), "{error:?}"),
    };
    let is_proven = opening.evidence() == Evidence::Tag;
    assert_eq!(is_proven, opening.is_authenticated() && opening.mode() != Some(Mode::CtrHmac));
    match opening.prove() {
        Ok(summary) => assert!(summary.bytes <= file.len() as u64),
        Err(error) => assert!(matches!(error, Refused::Wrong | Refused::Parameters(_)), "{error:?}"),
    }
}

/// A file of AES Crypt opens to fewer bytes than it has, and only with its password.
pub fn aescrypt(bytes: &[u8]) {
    described(bytes, Scheme::Aescrypt);
}

/// A file of age opens to fewer bytes than it has, and only with its passphrase or identity.
pub fn age(bytes: &[u8]) {
    described(bytes, Scheme::Age);
}

/// Opens a file that says itself how it was encrypted, at no cost that would be all that is seen.
fn described(bytes: &[u8], scheme: Scheme) {
    let _ = strongroom_legacy::detect(Cursor::new(bytes)).expect("memory can be read");
    let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let request = Request {
        scheme,
        password: Some(SecretBytes::from_slice(b"p")),
        key: Some(SecretBytes::from_slice(identity.as_bytes())),
        hmac_key: None,
        options: strongroom_legacy::Options {
            iterations: Some(16),
            scrypt: Some(strongroom_legacy::Scrypt { n: 4, r: 8, p: 1 }),
            ..Default::default()
        },
    };
    let mut keys = Keys::default();
    let mut opening = match strongroom_legacy::open(Cursor::new(bytes), &request, &mut keys) {
        Ok(opening) => opening,
        Err(error) => return assert!(!matches!(error, Refused::Read(_)), "{error:?}"),
    };
    assert_eq!(opening.evidence(), Evidence::Tag);
    assert!(!keys.tried_in_short().is_empty());
    match opening.prove() {
        Ok(summary) => {
            assert!(summary.bytes <= bytes.len() as u64);
            // It can be read again, and is the same.
            let mut plaintext = opening.plaintext().expect("it was read");
            assert_eq!(std::io::copy(&mut plaintext, &mut std::io::sink()).expect("it was read"), summary.bytes);
            assert_eq!(plaintext.finish().expect("it was read"), summary);
        }
        Err(error) => assert!(matches!(error, Refused::Wrong), "{error:?}"),
    }
}

/// What is asked for of a file that says itself how it is encrypted. Many rounds would be all that is seen.
fn self_described(scheme: Scheme, rounds: u64) -> Request {
    Request {
        scheme,
        password: Some(SecretBytes::from_slice(b"p")),
        key: None,
        hmac_key: None,
        options: strongroom_legacy::Options { iterations: Some(rounds), ..Default::default() },
    }
}

/// An Office file opens to fewer bytes than it has, or gives an error that says nothing of it.
pub fn office(bytes: &[u8]) {
    let _ = strongroom_legacy::detect(Cursor::new(bytes)).expect("memory can be read");
    match strongroom_legacy::open(Cursor::new(bytes), &self_described(Scheme::Office, 1000), &mut Keys::default()) {
        Ok(mut opening) => match opening.prove() {
            Ok(summary) => assert!(summary.bytes <= bytes.len() as u64),
            Err(error) => assert!(matches!(error, Refused::Wrong), "{error:?}"),
        },
        Err(error) => assert!(!matches!(error, Refused::Read(_)), "{error:?}"),
    }
}

/// A ZIP file gives no member whose path leads elsewhere, and no more of each than it claims.
pub fn zip(bytes: &[u8]) {
    archive(bytes, &self_described(Scheme::Zip, 1000));
}

/// A 7z file likewise. Its checksums are put right, so that what is behind them is reached: the bytes are how long the
/// packed part is, in two of them, then that part, and the header.
pub fn sevenz(bytes: &[u8]) {
    archive(bytes, &self_described(Scheme::SevenZip, 64));
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let (packed, header) = rest.split_at(rest.len().min(u16::from_le_bytes(*length).into()));
    // A key of more rounds may be that of the header itself, which only the reader knows.
    let is_slow = |at: &[u8]| at.starts_with(&[6, 0xf1, 7, 1]) && at.get(5).is_none_or(|rounds| rounds & 0x3f > 6);
    if (0..header.len()).any(|at| is_slow(&header[at..])) {
        return;
    }
    let start = [&(packed.len() as u64).to_le_bytes()[..], &(header.len() as u64).to_le_bytes(), &crc(header)].concat();
    let file = [b"7z\xbc\xaf\x27\x1c\x00\x04", &crc(&start)[..], &start, packed, header].concat();
    archive(&file, &self_described(Scheme::SevenZip, 64));
}

/// The CRC-32 of ISO 3309, the lowest byte first.
fn crc(bytes: &[u8]) -> [u8; 4] {
    let step = |crc: u32, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    (!crc).to_le_bytes()
}

fn archive(bytes: &[u8], request: &Request) {
    let _ = strongroom_legacy::detect(Cursor::new(bytes)).expect("memory can be read");
    let mut archive = match strongroom_legacy::open_archive(Cursor::new(bytes), request, &mut Keys::default()) {
        Ok(archive) => archive,
        Err(error) => return assert!(!matches!(error, Refused::Read(_)), "{error:?}"),
    };
    let read = archive.each::<()>(&mut |member, plain| {
        assert!(member.path.components().all(|part| matches!(part, Component::Normal(_))), "{:?}", member.path);
        let mut start = Vec::new();
        plain.take(4096).read_to_end(&mut start).map_err(|_| ())?;
        match plain.finish() {
            Ok(summary) => assert!(summary.bytes == member.size),
            Err(error) => assert!(matches!(error, Refused::Wrong | Refused::Bounds(_)), "{error:?}"),
        }
        Ok::<_, ()>(())
    });
    if let Err(strongroom_legacy::Stopped::Refused(error)) = read {
        assert!(!matches!(error, Refused::Read(_)), "{error:?}");
    }
}
