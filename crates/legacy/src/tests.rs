//! Files that these tests encrypt themselves; tests/cli/legacy.rs has those of other programs.

use std::io::{Cursor, Read};

use ::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::*;

const TEXT: &[u8] = b"name,balance\nada,12\nbo,7\nand more of it, so that it is long enough to be known as text\n";

/// Returns an IV and what `plaintext`, filled to whole blocks, encrypts to.
fn cbc(key: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut bytes = plaintext.to_vec();
    let filling = 16 - bytes.len() % 16;
    bytes.extend(std::iter::repeat_n(filling as u8, filling));
    cbc_of_blocks(key, bytes)
}

fn cbc_of_blocks(key: &[u8], mut bytes: Vec<u8>) -> Vec<u8> {
    let iv = [3; 16];
    let mut encryptor = cbc::Encryptor::<aes::Aes256>::new_from_slices(key, &iv).unwrap();
    encryptor.encrypt_blocks(::cipher::array::Array::slice_as_chunks_mut(&mut bytes).0);
    [&iv[..], &bytes].concat()
}

fn raw_key(key: &[u8], options: Options) -> Request {
    Request { scheme: Scheme::RawKey, password: None, key: Some(SecretBytes::from_slice(key)), hmac_key: None, options }
}

fn opened(file: &[u8], request: &Request) -> Result<(Vec<u8>, Evidence, Summary), Refused> {
    let mut opening = open(Cursor::new(file), request, &mut Keys::default())?;
    let evidence = opening.evidence();
    let mut plaintext = opening.plaintext()?;
    let mut bytes = Vec::new();
    plaintext.read_to_end(&mut bytes)?;
    Ok((bytes, evidence, plaintext.finish()?))
}

#[test]
fn text_opens_with_its_key_and_the_summary_is_of_its_bytes() {
    for length in [32, 79, 80, 65_519, 65_520, 65_536, 200_000] {
        let text: Vec<u8> = TEXT.iter().copied().cycle().take(length).collect();
        let (bytes, evidence, summary) = opened(&cbc(&[7; 32], &text), &raw_key(&[7; 32], Options::default())).unwrap();
        assert_eq!((bytes == text, evidence), (true, Evidence::Content(Content::Utf8)), "{length}");
        assert_eq!(summary.bytes, length as u64);
    }
}

#[test]
fn no_wrong_key_opens_a_file_though_the_padding_of_some_is_right() {
    let file = cbc(&[7; 32], TEXT);
    let mut padded = 0;
    for number in 0..20_000_u32 {
        let key: [u8; 32] = Sha256::digest(number.to_be_bytes()).into();
        // A key that leaves the padding right would be taken at the user's word.
        match open(Cursor::new(&file), &raw_key(&key, Options::default()), &mut Keys::default()) {
            Ok(opening) => {
                assert_eq!(opening.evidence(), Evidence::Nothing);
                padded += 1;
            }
            Err(refused) => assert!(matches!(refused, Refused::Wrong)),
        }
    }
    assert!((20..200).contains(&padded), "{padded} of 20,000");
}

#[test]
fn short_and_unknown_plaintext_is_taken_at_the_users_word_or_by_its_digest() {
    let noise: Vec<u8> = (0..10).flat_map(|n: u8| <[u8; 32]>::from(Sha256::digest([n]))).collect();
    for plaintext in [&b""[..], b"short", &noise] {
        let file = cbc(&[7; 32], plaintext);
        let (bytes, evidence, _) = opened(&file, &raw_key(&[7; 32], Options::default())).unwrap();
        assert_eq!((&bytes[..], evidence), (plaintext, Evidence::Nothing));
        let sha256 = |bytes: &[u8]| Options { sha256: Some(Sha256::digest(bytes).into()), ..Options::default() };
        let (_, evidence, _) = opened(&file, &raw_key(&[7; 32], sha256(plaintext))).unwrap();
        assert_eq!(evidence, Evidence::Digest);
        assert!(matches!(opened(&file, &raw_key(&[7; 32], sha256(b"other"))), Err(Refused::Wrong)));
    }
}

#[test]
fn the_size_before_the_iv_or_behind_it_says_where_the_data_ends() {
    for at in [0, 16] {
        let mut padded = TEXT.to_vec();
        padded.resize(TEXT.len().next_multiple_of(16), b' ');
        let mut file = cbc_of_blocks(&[7; 32], padded);
        file.splice(at..at, (TEXT.len() as u64).to_le_bytes());
        let (bytes, ..) = opened(&file, &raw_key(&[7; 32], Options::default())).unwrap();
        assert_eq!(bytes, TEXT);
        for size in [0, TEXT.len() as u64 + 16, u64::MAX] {
            file.splice(at..at + 8, size.to_le_bytes());
            let options = Options { layout: "size8le,iv16,ciphertext".parse().ok(), ..Options::default() };
            assert!(matches!(opened(&file, &raw_key(&[7; 32], options)), Err(Refused::Wrong)));
        }
    }
}

#[test]
fn zeros_that_are_cut_off_are_counted() {
    let mut padded = TEXT.to_vec();
    padded.resize(TEXT.len().next_multiple_of(16), 0);
    let options = Options { padding: Some(Padding::Zero), ..Options::default() };
    let (bytes, _, summary) = opened(&cbc_of_blocks(&[7; 32], padded), &raw_key(&[7; 32], options)).unwrap();
    assert_eq!((&bytes[..], summary.zeros_cut), (TEXT, TEXT.len().next_multiple_of(16) - TEXT.len()));
}

#[test]
fn what_is_cut_short_or_altered_gives_the_one_error() {
    let text: Vec<u8> = TEXT.iter().copied().cycle().take(150_000).collect();
    let file = cbc(&[7; 32], &text);
    for length in (0..200).chain([file.len() - 1, file.len() - 16, file.len() - 17, 65_552]) {
        let outcome = opened(&file[..length], &raw_key(&[7; 32], Options::default()));
        assert!(matches!(outcome, Err(Refused::Wrong)), "{length}");
    }
    for at in [16, 40, 70_000, 149_000, file.len() - 1, file.len() - 17] {
        let mut file = file.clone();
        file[at] ^= 0x80;
        // If the beginning is no text any more, nothing is known of it, as with a wrong key.
        let outcome = opened(&file, &raw_key(&[7; 32], Options::default()));
        assert!(matches!(outcome, Err(Refused::Wrong) | Ok((_, Evidence::Nothing, _))), "{at}");
    }
}

#[test]
fn text_and_bytes_of_the_file_are_the_same_file() {
    let password = Some(SecretBytes::from_slice(b"pass word\n"));
    let request =
        Request { scheme: Scheme::Sha256Password, password, key: None, hmac_key: None, options: Options::default() };
    let file = cbc(derive::sha256(b"pass word").expose(), TEXT);
    let text = STANDARD.encode(&file) + "\n";
    for file in [&file[..], text.as_bytes()] {
        assert_eq!(opened(file, &request).unwrap().0, TEXT);
    }
}

#[test]
fn a_missing_parameter_is_said_and_hostile_ones_cost_nothing() {
    let request = |scheme, options| Request {
        scheme,
        password: Some(SecretBytes::from_slice(b"p")),
        key: None,
        hmac_key: None,
        options,
    };
    let file = cbc(&[7; 32], TEXT);
    for (scheme, options) in [
        (Scheme::Pbkdf2, Options { iterations: Some(1000), ..Options::default() }),
        (Scheme::Pbkdf2, Options { salt: Some(vec![1; 8]), ..Options::default() }),
        (Scheme::Scrypt, Options::default()),
        (Scheme::RawKey, Options::default()),
        (Scheme::Argon2Phc, Options::default()),
        (Scheme::Sha256Password, Options { mode: Some(Mode::CtrHmac), ..Options::default() }),
    ] {
        assert!(matches!(opened(&file, &request(scheme, options)), Err(Refused::Parameters(_))), "{scheme:?}");
    }
    let salt = Some(vec![1; 8]);
    for (scheme, options) in [
        (Scheme::Pbkdf2, Options { iterations: Some(1 << 32), salt: salt.clone(), ..Options::default() }),
        (Scheme::Scrypt, Options { scrypt: Some(Scrypt { n: 1 << 32, r: 8, p: 1 }), salt, ..Options::default() }),
    ] {
        assert!(matches!(opened(&file, &request(scheme, options)), Err(Refused::Bounds(_))), "{scheme:?}");
    }
}

#[test]
fn a_file_says_what_it_is_if_its_scheme_does() {
    for (head, detected) in [
        (&b"gAAAAABm"[..], Detected::Scheme(Scheme::Fernet)),
        (b"Salted__12345678", Detected::Scheme(Scheme::Openssl)),
        (b"U2FsdGVkX1+abc", Detected::Scheme(Scheme::Openssl)),
        (br#"{"nonce": "", "ciphertext": ""}"#, Detected::Json),
        (&[7; 48], Detected::WholeBlocks),
        (&[7; 47], Detected::Unknown),
        (b"", Detected::Unknown),
    ] {
        assert_eq!(detect(Cursor::new(head)).unwrap(), detected);
    }
}

#[test]
fn an_hmac_proves_its_own_key_and_not_that_of_the_cipher() {
    use ::cipher::StreamCipher;
    use hmac::{Hmac, KeyInit, Mac};
    let mut body = TEXT.to_vec();
    ctr::Ctr128BE::<aes::Aes256>::new_from_slices(&[7; 32], &[0; 16]).unwrap().apply_keystream(&mut body);
    let body = [&[0; 8][..], &body].concat();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&[5; 16]).unwrap();
    mac.update(&body);
    let file = [&mac.finalize().into_bytes()[..], &body].concat();
    let request = |key: u8, mac: u8| {
        let options = Options { mode: Some(Mode::CtrHmac), ..Options::default() };
        Request { hmac_key: Some(SecretBytes::from_slice(&[mac; 16])), ..raw_key(&[key; 32], options) }
    };
    assert_eq!(opened(&file, &request(7, 5)).unwrap().1, Evidence::Content(Content::Utf8));
    assert_eq!(opened(&file, &request(6, 5)).unwrap().1, Evidence::Nothing);
    assert!(matches!(opened(&file, &request(7, 6)), Err(Refused::Wrong)));
}
