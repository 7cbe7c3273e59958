//! Files in the formats of AES Crypt, age and gpg that these tests write themselves; tests/cli/legacy.rs has those of the
//! programs.

use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

use ::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::*;

const PASSWORD: &[u8] = b"p";

fn request(scheme: Scheme) -> Request {
    let password = Some(SecretBytes::from_slice(PASSWORD));
    Request { scheme, password, key: None, hmac_key: None, options: Options::default() }
}

fn opened(file: &[u8], request: &Request) -> Result<(Vec<u8>, bool), Refused> {
    let mut opening = open(Cursor::new(file), request, &mut Keys::default())?;
    assert_eq!(opening.evidence(), Evidence::Tag);
    let is_authenticated = opening.is_authenticated();
    let mut plaintext = opening.plaintext()?;
    let mut bytes = Vec::new();
    plaintext.read_to_end(&mut bytes)?;
    let summary = plaintext.finish()?;
    assert_eq!(summary.bytes, bytes.len() as u64);
    Ok((bytes, is_authenticated))
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn cbc(key: &[u8], iv: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut bytes = plaintext.to_vec();
    let mut encryptor = cbc::Encryptor::<aes::Aes256>::new_from_slices(key, iv).unwrap();
    encryptor.encrypt_blocks(::cipher::array::Array::slice_as_chunks_mut(&mut bytes).0);
    bytes
}

/// Writes a file of AES Crypt. `filling` is what fills the last block up to version 2.
fn aescrypt(version: u8, iterations: u32, plaintext: &[u8], filling: u8) -> Vec<u8> {
    let (iv, session) = ([1; 16], [2; 48]);
    let mut file = [b"AES", &[version, 0][..]].concat();
    if version > 1 {
        file.extend(b"\0\x04X\0ab\0\0");
    }
    let key = if version == 3 {
        file.extend(iterations.to_be_bytes());
        derive::pbkdf2(Hash::Sha512, PASSWORD, &iv, iterations.into(), 32).unwrap().expose().to_vec()
    } else {
        let mut digest = [&iv[..], &[0; 16]].concat();
        for _ in 0..8192 {
            digest = Sha256::new().chain_update(&digest).chain_update(b"p\0").finalize().to_vec();
        }
        digest
    };
    let wrapped = cbc(&key, &iv, &session);
    let signed = if version == 3 { [&wrapped[..], &[3]].concat() } else { wrapped.clone() };
    file.extend([&iv[..], &wrapped, &hmac(&key, &signed)].concat());
    let left = 16 - plaintext.len() % 16;
    let mut padded = plaintext.to_vec();
    match version {
        3 => padded.extend(vec![left as u8; left]),
        _ if left < 16 => padded.extend(vec![filling; left]),
        _ => {}
    }
    let ciphertext = cbc(&session[16..], &session[..16], &padded);
    file.extend(&ciphertext);
    if version < 3 {
        file.push((plaintext.len() % 16) as u8);
    }
    file.extend(hmac(&session[16..], &ciphertext));
    file
}

#[test]
fn files_of_aes_crypt_open_in_each_version_and_length() {
    for version in 1..=3 {
        for length in [0, 1, 15, 16, 17, 200_000] {
            let plaintext: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let filling = (16 - length % 16) as u8;
            let file = aescrypt(version, 5, &plaintext, filling);
            assert_eq!(detect(Cursor::new(&file)).unwrap(), Detected::Scheme(Scheme::Aescrypt));
            let (bytes, is_authenticated) = opened(&file, &request(Scheme::Aescrypt)).unwrap();
            assert_eq!((bytes == plaintext, is_authenticated), (true, true), "{version} {length}");
        }
    }
}

#[test]
fn the_length_that_no_hmac_covers_makes_a_file_of_aes_crypt_an_unauthenticated_one() {
    // AES Crypt itself fills the block with whatever is there; and who alters the length leaves a filling that differs.
    let (_, is_authenticated) = opened(&aescrypt(2, 0, b"ten bytes.", 0), &request(Scheme::Aescrypt)).unwrap();
    assert!(!is_authenticated);
    let mut file = aescrypt(2, 0, b"ten bytes.", 6);
    let at = file.len() - 33;
    for length in [9, 11, 0] {
        file[at] = length;
        assert!(!opened(&file, &request(Scheme::Aescrypt)).unwrap().1, "{length}");
    }
}

#[test]
fn whatever_is_altered_in_a_file_of_aes_crypt_gives_the_one_error() {
    for version in 1..=3 {
        let file = aescrypt(version, 5, &[7; 100], 12);
        let start = if version == 1 { 5 } else { 13 };
        for at in start..file.len() {
            // That length is not covered; that of the iterations is another key's.
            if version < 3 && at == file.len() - 33 || version == 3 && at < start + 3 {
                continue;
            }
            // Each costs its hashing anew.
            if at % 5 == 0 {
                let mut file = file.clone();
                file[at] ^= 1;
                assert!(matches!(opened(&file, &request(Scheme::Aescrypt)), Err(Refused::Wrong)), "{version} {at}");
            }
        }
        for length in (0..file.len()).step_by(7) {
            assert!(matches!(opened(&file[..length], &request(Scheme::Aescrypt)), Err(Refused::Wrong)), "{length}");
        }
    }
}

#[test]
fn hostile_costs_in_files_are_refused_at_once() {
    let start = Instant::now();
    for iterations in [0, 10_000_001, u32::MAX] {
        let mut file = aescrypt(3, 1, b"", 0);
        file[13..17].copy_from_slice(&iterations.to_be_bytes());
        assert!(matches!(opened(&file, &request(Scheme::Aescrypt)), Err(Refused::Bounds(_))), "{iterations}");
    }
    let extensions = [&b"AES\x02\0"[..], &b"\0\x01a".repeat(300)].concat();
    assert!(matches!(opened(&extensions, &request(Scheme::Aescrypt)), Err(Refused::Bounds(_))));
    for factor in ["23", "64", "4294967295"] {
        let file = age(b"", factor, 1);
        assert!(matches!(opened(&file, &request(Scheme::Age)), Err(Refused::Bounds(_))), "{factor}");
    }
    let mut careful = request(Scheme::Age);
    careful.options.scrypt = Some(Scrypt { n: 1, r: 8, p: 1 });
    assert!(matches!(opened(&age(b"", "1", 1), &careful), Err(Refused::Bounds(_))));
    assert!(start.elapsed() < Duration::from_secs(5));
}

fn hkdf(key: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mut derived = [0; 32];
    Hkdf::<Sha256>::new(Some(salt), key).expand(info, &mut derived).unwrap();
    derived
}

fn seal(key: &[u8; 32], nonce: [u8; 12], plaintext: &[u8]) -> Vec<u8> {
    let mut bytes = plaintext.to_vec();
    let cipher = ChaCha20Poly1305::new_from_slice(key).unwrap();
    let tag = cipher.encrypt_inout_detached(&nonce.into(), b"", bytes.as_mut_slice().into()).unwrap();
    [&bytes[..], &tag].concat()
}

/// Writes a file of age with a passphrase. `log_n` is what is done, `factor` what is said.
fn age(plaintext: &[u8], factor: &str, log_n: u32) -> Vec<u8> {
    let (file_key, salt, nonce) = ([5; 16], [6; 16], [7; 16]);
    let label = [&b"age-encryption.org/v1/scrypt"[..], &salt].concat();
    let cost = Scrypt { n: 1 << log_n, r: 8, p: 1 };
    let key = derive::scrypt(cost, PASSWORD, &label, 32).unwrap();
    let wrapped = seal(key.expose().try_into().unwrap(), [0; 12], &file_key);
    let [salt, wrapped] = [&salt[..], &wrapped].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    let header = format!("age-encryption.org/v1\n-> scrypt {salt} {factor}\n{wrapped}\n---");
    let mac = STANDARD_NO_PAD.encode(hmac(&hkdf(&file_key, b"", b"header"), header.as_bytes()));
    let mut file = [format!("{header} {mac}\n").as_bytes(), &nonce].concat();
    let key = hkdf(&file_key, &nonce, b"payload");
    let count = plaintext.len().div_ceil(65_536).max(1);
    for number in 0..count {
        let chunk = &plaintext[number * 65_536..plaintext.len().min((number + 1) * 65_536)];
        let mut nonce = [0; 12];
        nonce[10] = number as u8;
        nonce[11] = u8::from(number + 1 == count);
        file.extend(seal(&key, nonce, chunk));
    }
    file
}

#[test]
fn files_of_age_open_in_each_length_and_in_armor() {
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let plaintext: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let file = age(&plaintext, "1", 1);
        assert_eq!(detect(Cursor::new(&file)).unwrap(), Detected::Scheme(Scheme::Age));
        assert!(opened(&file, &request(Scheme::Age)).unwrap() == (plaintext.clone(), true), "{length}");
        let text = base64::engine::general_purpose::STANDARD.encode(&file);
        let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        for end in ["\n", "\r\n"] {
            let begin = ["-----BEGIN AGE ENCRYPTED FILE-----"];
            let whole = [&begin[..], &lines, &["-----END AGE ENCRYPTED FILE-----"]].concat().join(end);
            for armored in [whole.clone(), format!("\n \n{whole}\n\n")] {
                assert_eq!(detect(Cursor::new(&armored)).unwrap(), Detected::Scheme(Scheme::Age));
                assert!(opened(armored.as_bytes(), &request(Scheme::Age)).unwrap().0 == plaintext, "{length} {end:?}");
            }
            for armored in
                [format!("{whole}\nx"), whole.replacen("==", "=", 1) + "=", whole.replace("-----END", "----END")]
            {
                if armored != whole {
                    assert!(matches!(opened(armored.as_bytes(), &request(Scheme::Age)), Err(Refused::Wrong)));
                }
            }
        }
    }
}

#[test]
fn whatever_is_altered_in_a_file_of_age_gives_the_one_error() {
    let file = age(&[7; 70_000], "1", 1);
    let header = file.windows(4).position(|window| window == b"--- ").unwrap() + 48;
    for at in (0..header + 60).chain([60_000, file.len() - 1, file.len() - 4000]) {
        let mut file = file.clone();
        file[at] ^= 1;
        let outcome = opened(&file, &request(Scheme::Age));
        // Another kind of recipient is one that is left to age; and a work factor may be out of range.
        let is_refused = matches!(outcome, Err(Refused::Wrong | Refused::Parameters(_) | Refused::Bounds(_)));
        assert!(is_refused, "{at}: {outcome:?}");
    }
    // A file that ends with a whole chunk is not one that was cut there.
    for length in (0..header + 40).chain([header + 16 + 65_552, file.len() - 1]) {
        assert!(matches!(opened(&file[..length], &request(Scheme::Age)), Err(Refused::Wrong)), "{length}");
    }
    let longer = [&file[..], &[0; 16]].concat();
    assert!(matches!(opened(&longer, &request(Scheme::Age)), Err(Refused::Wrong)));
}

#[test]
fn what_age_alone_opens_is_said_to_be_so() {
    let header = |stanza: &str| format!("age-encryption.org/v1\n{stanza}\n--- {}\n0123456789abcdef", "A".repeat(43));
    let body = "A".repeat(43);
    let identity = Request { key: Some(SecretBytes::from_slice(b"AGE-PLUGIN-X-1\n")), ..request(Scheme::Age) };
    for (stanza, request) in [
        (format!("-> ssh-ed25519 AAAA {body}\n{body}"), &identity),
        (format!("-> X25519 {body}\n{body}"), &identity),
        (format!("-> X25519 {body}\n{body}"), &request(Scheme::Age)),
        (format!("-> scrypt {} 1\n{body}", "A".repeat(22)), &Request { password: None, ..self::request(Scheme::Age) }),
    ] {
        let outcome = opened(header(&stanza).as_bytes(), request);
        assert!(matches!(outcome, Err(Refused::Parameters(_))), "{stanza}: {outcome:?}");
    }
    let two = format!("-> scrypt {} 1\n{body}\n-> X25519 {body}\n{body}", "A".repeat(22));
    assert!(matches!(opened(header(&two).as_bytes(), &request(Scheme::Age)), Err(Refused::Wrong)));
}

#[test]
fn messages_of_openpgp_are_recognized_and_little_else() {
    for (head, is_gpg) in [
        (&b"-----BEGIN PGP MESSAGE-----\n\nwy4=\n"[..], true),
        (b"\x8c\x0d\x04\x09\x03\x02\x01\x02\x03\x04\x05\x06\x07\x08\xff\xd2\x41", true),
        (b"\xc3\x2e\x04\x09\x03\x08", true),
        (b"\x84\x5e\x03\x01\x02\x03\x04\x05\x06\x07\x08\x12", true),
        (b"\x85\x01\x0c\x03\x01\x02\x03", true),
        // Another version, another packet, and one that is not followed by a packet.
        (b"\x8c\x0d\x09\x09\x03\x02\x01\x02\x03\x04\x05\x06\x07\x08\xff\xd2\x41", false),
        (b"\x99\x01\x0d\x04\x60", false),
        (b"\x8c\x0d\x04\x09\x03\x02\x01\x02\x03\x04\x05\x06\x07\x08\xff\x12\x41", false),
        (b"\x8c", false),
    ] {
        let file = [head, &[0x99; 1000]].concat();
        let file = if head.len() > 16 || head.len() == 1 { head } else { &file };
        let detected = detect(Cursor::new(file)).unwrap();
        assert_eq!(detected == Detected::Scheme(Scheme::Gpg), is_gpg, "{head:x?}");
    }
}
