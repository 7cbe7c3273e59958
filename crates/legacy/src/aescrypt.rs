//! Files of AES Crypt and pyAesCrypt, in the versions 1 to 3 of their format
//! (<https://www.aescrypt.com/aes_stream_format.html>).
//!
//! The password makes a key that opens a session key, which is proven at once; the data have an HMAC at their end. Up to
//! version 2 that HMAC does not cover how many bytes of the last block are data. Who could write the file could add or
//! take away up to 15 bytes there, so such a file counts as authenticated only if what fills its last block agrees.

use std::io::{Read, Seek};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::candidates::{Candidate, Key, Place};
use crate::cipher::{BLOCK, Setting, engine};
use crate::derive;
use crate::error::Refused;
use crate::opening::{Evidence, Keys, Opening};
use crate::plaintext::{Checks, padding_length};
use crate::request::{Encoding, Hash, Mode, Padding, Request};
use crate::secret::SecretBytes;
use crate::source::Source;
use crate::spelling;

/// How such a file begins, before its version.
pub const MAGIC: &[u8] = b"AES";
/// How often the password is hashed up to version 2.
const ROUNDS: usize = 8192;
/// Programs write one extension or two.
const EXTENSIONS_LIMIT: usize = 256;
const SESSION: usize = 48;
const HMAC: usize = 32;

/// Tells whether a file begins as these do.
pub fn begins(head: &[u8]) -> bool {
    head.starts_with(MAGIC) && matches!(head.get(MAGIC.len()), Some(0..=3)) && head.get(4).is_some()
}

/// What is before the ciphertext.
struct Header {
    version: u8,
    iterations: Option<u64>,
    iv: Vec<u8>,
    session: Vec<u8>,
    mac: Vec<u8>,
    /// Where the ciphertext begins.
    end: u64,
}

impl Header {
    /// Reads it; its costs are checked against what is accepted, and what the caller accepts.
    fn read<R: Read + Seek>(source: &mut Source<R>, most: Option<u64>) -> Result<Self, Refused> {
        let mut at = 0;
        let mut next = |length: usize| {
            let end = at + length as u64;
            if end > source.length() {
                return Err(Refused::Wrong);
            }
            let bytes = source.read_at(at, length)?;
            at = end;
            Ok(bytes)
        };
        let head = next(5)?;
        let version = match begins(&head).then_some(head[3]) {
            Some(version @ 1..=3) => version,
            Some(_) => return Err(Refused::Bounds("of AES Crypt's format the versions 1 to 3 are read")),
            None => return Err(Refused::Wrong),
        };
        if version > 1 {
            let mut extensions = 0;
            loop {
                let length = next(2)?;
                match usize::from(u16::from_be_bytes([length[0], length[1]])) {
                    0 => break,
                    _ if extensions == EXTENSIONS_LIMIT => {
                        return Err(Refused::Bounds("a file of AES Crypt is refused with more than 256 extensions"));
                    }
                    length => drop(next(length)?),
                }
                extensions += 1;
            }
        }
        let mut iterations = None;
        if version == 3 {
            let number = next(4)?;
            let number = u64::from(u32::from_be_bytes([number[0], number[1], number[2], number[3]]));
            derive::check_iterations(number)?;
            if most.is_some_and(|most| number > most) {
                return Err(Refused::Bounds("the file has more iterations than are accepted"));
            }
            iterations = Some(number);
        }
        let (iv, session, mac) = (next(BLOCK)?, next(SESSION)?, next(HMAC)?);
        Ok(Self { version, iterations, iv, session, mac, end: at })
    }

    /// Makes a key of a password.
    fn key(&self, password: &[u8]) -> Result<SecretBytes, Refused> {
        if let Some(iterations) = self.iterations {
            return derive::pbkdf2(Hash::Sha512, password, &self.iv, iterations, 32);
        }
        let mut digest = Zeroizing::new([0; 32]);
        digest[..BLOCK].copy_from_slice(&self.iv);
        for _ in 0..ROUNDS {
            *digest = Sha256::new().chain_update(&digest[..]).chain_update(password).finalize().into();
        }
        Ok(SecretBytes::from_slice(&digest[..]))
    }

    /// Opens the IV and the key of the data; `None` if the password was another.
    fn session(&self, key: &SecretBytes) -> Option<Zeroizing<Vec<u8>>> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose()).ok()?;
        mac.update(&self.session);
        if self.version == 3 {
            mac.update(&[self.version]);
        }
        mac.verify_slice(&self.mac).ok()?;
        let mut session = Zeroizing::new(self.session.clone());
        let setting = Setting { nonce: &self.iv, aad: &[], length: SESSION as u64 };
        engine(Mode::Cbc, key.expose(), &setting)?.finish(&mut session, &[]).then_some(session)
    }
}

/// Opens the session key with the password, in one of its spellings.
///
/// # Errors
/// [`Refused`].
pub fn open<R: Read + Seek>(file: R, request: &Request, keys: &mut Keys) -> Result<Opening<R>, Refused> {
    let password = request.password.as_ref().ok_or(Refused::Parameters("the old password is needed"))?;
    let mut source = Source::of(file, 0)?;
    keys.forget_tried();
    let header = Header::read(&mut source, request.options.iterations)?;
    let way = match header.iterations {
        Some(iterations) => format!("PBKDF2 sha512 {iterations}"),
        None => format!("SHA-256 {ROUNDS} times"),
    };
    let usual = if header.version == 3 { Encoding::Utf8 } else { Encoding::Utf16Le };
    let mut found = None;
    for password in spelling::of_password(password.expose(), Some(request.options.encoding.unwrap_or(usual))) {
        keys.add_tried(&password.how, &way);
        let key = header.key(password.bytes.expose())?;
        if let Some(session) = header.session(&key) {
            found = Some((password.how, session));
            break;
        }
    }
    let (spelling, session) = found.ok_or(Refused::Wrong)?;
    let (nonce, key) = session.split_at(BLOCK);
    let secret = || SecretBytes::from_slice(key);
    let key = Key { spelling, way, key: secret(), mac: Some(secret()), nonce: None };
    let place = place(&mut source, &header, nonce, &key)?;
    let padding = if header.version == 3 { Padding::Pkcs7 } else { Padding::None };
    let candidate = Candidate { place: Arc::new(place), key: Arc::new(key), mode: Mode::Cbc, padding };
    let checks = Checks { sha256: request.options.sha256, content: None };
    Ok(Opening::of(source, candidate, nonce, checks, Evidence::Tag))
}

/// Finds the ciphertext, its HMAC and the length of its plaintext.
fn place<R: Read + Seek>(source: &mut Source<R>, header: &Header, nonce: &[u8], key: &Key) -> Result<Place, Refused> {
    let modulo = usize::from(header.version < 3);
    let end = source.length().checked_sub((HMAC + modulo) as u64).ok_or(Refused::Wrong)?;
    let length = end.checked_sub(header.end).filter(|length| length.is_multiple_of(BLOCK as u64));
    let length = length.ok_or(Refused::Wrong)?;
    let mut behind = source.read_at(end, HMAC + modulo)?;
    let hmac = behind.split_off(modulo);
    let mut is_size_unproven = false;
    let size = match behind.first() {
        None => None,
        Some(modulo) => {
            // An empty file has no last block, whatever is said of it.
            let filling = if length == 0 { 0 } else { (BLOCK - usize::from(modulo % 16)) % BLOCK };
            let last = last_block(source, header.end..end, nonce, key)?;
            let padded = last.and_then(|last| padding_length(&last)).unwrap_or_default();
            is_size_unproven = filling != padded;
            Some(length.checked_sub(filling as u64).ok_or(Refused::Wrong)?)
        }
    };
    let layout = match header.version {
        1 => "skip5,iv16,session48,hmac32,ciphertext,size1,hmac32",
        2 => "skip5,extensions,iv16,session48,hmac32,ciphertext,size1,hmac32",
        _ => "skip5,extensions,iterations4,iv16,session48,hmac32,ciphertext,hmac32",
    };
    Ok(Place {
        layout: layout.into(),
        ciphertext: header.end..end,
        nonce: None,
        tag: Vec::new(),
        hmac: Some(hmac),
        around: (Vec::new(), Vec::new()),
        salt: None,
        size,
        is_size_unproven,
        head: Vec::new(),
        tail: Vec::new(),
    })
}

/// Decrypts the last block, if there is one.
fn last_block<R: Read + Seek>(
    source: &mut Source<R>,
    ciphertext: std::ops::Range<u64>,
    nonce: &[u8],
    key: &Key,
) -> Result<Option<Zeroizing<[u8; BLOCK]>>, Refused> {
    let blocks = (ciphertext.end - ciphertext.start) / BLOCK as u64;
    let Some(start) = ciphertext.end.checked_sub(BLOCK as u64).filter(|_| blocks > 0) else { return Ok(None) };
    let before = if blocks > 1 { source.read_at(start - BLOCK as u64, BLOCK)? } else { nonce.to_vec() };
    let mut block = Zeroizing::new([0; BLOCK]);
    block.copy_from_slice(&source.read_at(start, BLOCK)?);
    let setting = Setting { nonce: &before, aad: &[], length: BLOCK as u64 };
    let engine = engine(Mode::Cbc, key.key.expose(), &setting).ok_or(Refused::Wrong)?;
    Ok(engine.finish(&mut block[..], &[]).then_some(block))
}
