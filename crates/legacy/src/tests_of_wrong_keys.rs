//! How often a wrong secret is taken for the right one: never, where the content is longer than 32 bytes. Under a wrong
//! key every file is noise, so these files are noise from the beginning.

use std::io::{Cursor, Read};

use sha2::{Digest, Sha256};

use super::*;

/// Bytes that look random.
fn noise(name: &str, length: usize) -> Vec<u8> {
    let piece = |number: u32| Sha256::new().chain_update(name).chain_update(number.to_be_bytes()).finalize();
    (0..).flat_map(|number| <[u8; 32]>::from(piece(number))).take(length).collect()
}

/// Every way to open a file by which a wrong secret may show late or never: its name, the file's length for a content of
/// so many bytes in whole blocks, and what is said about it.
type Way = (&'static str, fn(usize) -> usize, fn() -> (Scheme, Options));

const WAYS: [Way; 14] = [
    ("raw-key, CBC", |content| 16 + content, || (Scheme::RawKey, Options::default())),
    (
        "raw-key, zeros",
        |content| 16 + content,
        || (Scheme::RawKey, Options { padding: Some(Padding::Zero), ..Options::default() }),
    ),
    (
        "raw-key, whole blocks",
        |content| 16 + content,
        || (Scheme::RawKey, Options { padding: Some(Padding::None), ..Options::default() }),
    ),
    ("raw-key, CTR", |content| 8 + content, || in_mode(Mode::Ctr)),
    ("raw-key, CFB8", |content| 16 + content, || in_mode(Mode::Cfb8)),
    ("raw-key, CTR and HMAC", |content| 40 + content, || in_mode(Mode::CtrHmac)),
    ("raw-key, GCM", |content| 32 + content, || in_mode(Mode::Gcm)),
    ("raw-key, EAX", |content| 32 + content, || in_mode(Mode::Eax)),
    ("raw-key, OCB", |content| 31 + content, || in_mode(Mode::Ocb)),
    ("argon2-phc", |content| 16 + content, || (Scheme::Argon2Phc, Options::default())),
    ("sha256-password", |content| 16 + content, || (Scheme::Sha256Password, Options::default())),
    (
        "pbkdf2",
        |content| 16 + content,
        || {
            let salt = Some(b"a salt of 16 by.".to_vec());
            (Scheme::Pbkdf2, Options { salt, iterations: Some(1), hash: Some(Hash::Sha256), ..Options::default() })
        },
    ),
    (
        "scrypt",
        |content| 16 + content,
        || {
            let salt = Some(b"a salt of 16 by.".to_vec());
            (Scheme::Scrypt, Options { salt, scrypt: Some(Scrypt { n: 2, r: 1, p: 1 }), ..Options::default() })
        },
    ),
    (
        "openssl",
        |content| 16 + content,
        || (Scheme::Openssl, Options { iterations: Some(1), kdf: Some(Kdf::Pbkdf2), ..Options::default() }),
    ),
];

fn in_mode(mode: Mode) -> (Scheme, Options) {
    (Scheme::RawKey, Options { mode: Some(mode), ..Options::default() })
}

/// Tries wrong secrets on a file, and returns how many keys were asked about: nothing proves them, and nothing refutes
/// them.
fn try_secrets((name, length, about): Way, content: usize, secrets: u32) -> u32 {
    let mut file = noise(name, length(content));
    if name == "openssl" {
        file[..8].copy_from_slice(b"Salted__");
    }
    let mut asked = 0;
    for number in 0..secrets {
        let (scheme, options) = about();
        let secret = Sha256::digest(number.to_be_bytes());
        let text = SecretBytes::from_slice(hex::encode(secret).as_bytes());
        let (password, key) = match scheme {
            Scheme::RawKey => (None, Some(SecretBytes::from_slice(&secret))),
            Scheme::Argon2Phc => (None, Some(text)),
            _ => (Some(text), None),
        };
        let hmac_key = (options.mode == Some(Mode::CtrHmac)).then(|| SecretBytes::from_slice(&secret[..16]));
        let request = Request { scheme, password, key, hmac_key, options };
        let mut opening = match open(Cursor::new(&file), &request, &mut Keys::default()) {
            Ok(opening) => opening,
            Err(refused) => {
                assert!(matches!(refused, Refused::Wrong), "{name}: {refused:?}");
                continue;
            }
        };
        if opening.evidence() == Evidence::Nothing {
            asked += 1;
            continue;
        }
        // What looked right at both ends is refused on the way, or at its end.
        let mut plaintext = opening.plaintext().unwrap();
        let read = plaintext.read_to_end(&mut Vec::new());
        assert!(read.is_err(), "{name}: secret {number} opens noise of {content} bytes");
    }
    asked
}

#[test]
fn no_wrong_secret_opens_noise() {
    for way in WAYS {
        try_secrets(way, 48, 300);
    }
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_no_wrong_secret_of_400_000_opens_noise() {
    for way in WAYS {
        for (content, secrets) in [(48, 400_000), (2000, 100_000)] {
            let asked = try_secrets(way, content, secrets);
            println!("{}, {content} bytes: 0 of {secrets} accepted, {asked} asked about", way.0);
        }
    }
}
