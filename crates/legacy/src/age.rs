//! Files of age (<https://age-encryption.org/v1>), with a passphrase or for X25519 identities, binary or armored.
//!
//! Its other recipients (keys of SSH, plugins, post-quantum ones) are left to the program age itself.

mod armor;
mod header;
mod payload;

use std::io::{Read, Seek};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::derive;
use crate::error::Refused;
use crate::opening::Keys;
use crate::request::{Request, Scrypt};
use crate::secret::SecretBytes;
use crate::spelling;
use armor::Body;
use header::{Header, Stanza};
pub use payload::Plaintext;

/// The first line of a file.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// The nonce behind the header.
const NONCE: usize = 16;
/// Headers are refused that are longer, in bytes: each of their stanzas costs a key exchange.
const HEADER_LIMIT: u64 = 256 * 1024;
/// The largest work factor that age itself takes. It asks for 4 GiB.
const WORK_FACTOR_LIMIT: u32 = 22;

const NO_IDENTITY: Refused = Refused::Parameters("the file is encrypted for keys: give --identity-file");
const NO_PASSPHRASE: Refused =
    Refused::Parameters("the file has a passphrase: give the old password, and no --identity-file");
const OTHER_RECIPIENTS: Refused = Refused::Parameters(
    "the file is encrypted for keys of SSH, of a plugin or of another kind, which age itself opens: \
     age --decrypt --identity KEY FILE | strongroom encrypt -",
);
const OTHER_IDENTITIES: Refused = Refused::Parameters(
    "the identity file has no line AGE-SECRET-KEY-1...: keys of SSH and plugins, and identity files with a passphrase, \
     are left to age itself",
);

/// Tells whether a file begins as these do.
pub fn begins(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || armor::begins(head)
}

/// A file whose key was found.
pub struct Opened<R> {
    file: R,
    is_armored: bool,
    /// How long the header and the nonce are together.
    payload_start: u64,
    payload_key: SecretBytes,
    how: String,
    sha256: Option<[u8; 32]>,
}

/// Opens the file key with the passphrase, or with one of the identities.
///
/// # Errors
/// [`Refused`].
pub fn open<R: Read + Seek>(mut file: R, request: &Request, keys: &mut Keys) -> Result<Opened<R>, Refused> {
    keys.forget_tried();
    let mut body = Body::begin(&mut file)?;
    let is_armored = body.is_armored();
    let mut head = Vec::new();
    (&mut body).take(HEADER_LIMIT + NONCE as u64).read_to_end(&mut head)?;
    drop(body);
    let header = Header::parse(&head).ok_or(Refused::Wrong)?;
    let nonce = head.get(header.length..header.length + NONCE).ok_or(Refused::Wrong)?;
    let (how, file_key) = match header.stanzas.iter().find(|stanza| stanza.kind() == "scrypt") {
        Some(stanza) if header.stanzas.len() == 1 => with_passphrase(stanza, request, keys)?,
        // Whoever knows the passphrase is to be the only one who can have made the file.
        Some(_) => return Err(Refused::Wrong),
        None => with_identity(&header.stanzas, request, keys)?,
    };
    let key = hkdf(&[], &file_key[..], b"header")?;
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.expose()).map_err(|_| Refused::Wrong)?;
    mac.update(&head[..header.signed]);
    mac.verify_slice(&header.mac).map_err(|_| Refused::Wrong)?;
    let payload_key = hkdf(nonce, &file_key[..], b"payload")?;
    let payload_start = (header.length + NONCE) as u64;
    Ok(Opened { file, is_armored, payload_start, payload_key, how, sha256: request.options.sha256 })
}

impl<R: Read + Seek> Opened<R> {
    /// Says in words how the key was made of the old secret.
    pub fn how(&self) -> &str {
        &self.how
    }

    /// Says how the file is laid out.
    pub fn layout(&self) -> &'static str {
        if self.is_armored { "armored" } else { "binary" }
    }

    /// Begins to read the plaintext.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn plaintext(&mut self) -> Result<Plaintext<'_, R>, Refused> {
        let mut body = Body::begin(&mut self.file)?;
        let skipped = std::io::copy(&mut (&mut body).take(self.payload_start), &mut std::io::sink())?;
        if skipped != self.payload_start {
            return Err(Refused::Wrong);
        }
        Plaintext::new(body, &self.payload_key, self.sha256)
    }
}

/// A file's key.
type FileKey = Zeroizing<[u8; 16]>;

fn with_passphrase(stanza: &Stanza, request: &Request, keys: &mut Keys) -> Result<(String, FileKey), Refused> {
    let Some(passphrase) = &request.password else { return Err(NO_PASSPHRASE) };
    let [_, salt, factor] = &stanza.arguments[..] else { return Err(Refused::Wrong) };
    let salt = header::base64(salt).filter(|salt| salt.len() == 16).ok_or(Refused::Wrong)?;
    let is_decimal = factor.bytes().all(|digit| digit.is_ascii_digit()) && !factor.starts_with('0');
    let factor = factor.parse::<u32>().ok().filter(|_| is_decimal).ok_or(Refused::Wrong)?;
    let most = request.options.scrypt.map_or(1 << WORK_FACTOR_LIMIT, |most| most.n);
    if factor > WORK_FACTOR_LIMIT || 1 << factor > most {
        return Err(Refused::Bounds("age is refused with a work factor above 22"));
    }
    let salt = [&b"age-encryption.org/v1/scrypt"[..], &salt].concat();
    let cost = Scrypt { n: 1 << factor, r: 8, p: 1 };
    let way = format!("scrypt 2^{factor}");
    for spelling in spelling::of_typed_password(passphrase.expose()) {
        keys.add_tried(&spelling.how, &way);
        let key = derive::scrypt_up_to(4 << 30, cost, spelling.bytes.expose(), &salt, 32)?;
        if let Some(file_key) = unwrap(&key, &stanza.body)? {
            return Ok((format!("{}, {way}", spelling.how), file_key));
        }
    }
    Err(Refused::Wrong)
}

fn with_identity(stanzas: &[Stanza], request: &Request, keys: &mut Keys) -> Result<(String, FileKey), Refused> {
    let mut wrapped = Vec::new();
    for stanza in stanzas.iter().filter(|stanza| stanza.kind() == "X25519") {
        let [_, share] = &stanza.arguments[..] else { return Err(Refused::Wrong) };
        let share: [u8; 32] = header::base64(share).and_then(|share| share.try_into().ok()).ok_or(Refused::Wrong)?;
        wrapped.push((share, &stanza.body));
    }
    if wrapped.is_empty() {
        return Err(OTHER_RECIPIENTS);
    }
    let Some(file) = &request.key else { return Err(NO_IDENTITY) };
    for (number, identity) in identities(file.expose())?.into_iter().enumerate() {
        let how = format!("identity {}", number + 1);
        keys.add_tried(&how, "X25519");
        let recipient = PublicKey::from(&identity);
        for (share, body) in &wrapped {
            let shared = identity.diffie_hellman(&PublicKey::from(*share));
            if !shared.was_contributory() {
                return Err(Refused::Wrong);
            }
            let salt = [&share[..], recipient.as_bytes()].concat();
            let key = hkdf(&salt, shared.as_bytes(), b"age-encryption.org/v1/X25519")?;
            if let Some(file_key) = unwrap(&key, body)? {
                return Ok((format!("{how}, X25519"), file_key));
            }
        }
    }
    Err(Refused::Wrong)
}

/// Reads the identities of a file.
fn identities(file: &[u8]) -> Result<Vec<StaticSecret>, Refused> {
    let Ok(text) = std::str::from_utf8(file) else { return Err(OTHER_IDENTITIES) };
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("AGE-SECRET-KEY-1"));
    let identities: Vec<StaticSecret> = lines.filter_map(identity).collect();
    if identities.is_empty() { Err(OTHER_IDENTITIES) } else { Ok(identities) }
}

fn identity(line: &str) -> Option<StaticSecret> {
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(line).ok()?;
    let mut bytes = Zeroizing::new([0; 32]);
    let mut data = checked.byte_iter();
    for byte in bytes.iter_mut() {
        *byte = data.next()?;
    }
    data.next().is_none().then(|| StaticSecret::from(*bytes))
}

/// Opens a wrapped file key; `None` if it is wrapped under another key.
fn unwrap(key: &SecretBytes, body: &[u8]) -> Result<Option<FileKey>, Refused> {
    // A body of another length would be tried with keys that it was not made for.
    let (wrapped, tag) = body.split_first_chunk::<16>().ok_or(Refused::Wrong)?;
    let tag: &[u8; 16] = tag.try_into().map_err(|_| Refused::Wrong)?;
    let cipher = ChaCha20Poly1305::new_from_slice(key.expose()).map_err(|_| Refused::Wrong)?;
    let mut file_key = Zeroizing::new(*wrapped);
    let opened = cipher.decrypt_inout_detached(&[0; 12].into(), b"", (&mut file_key[..]).into(), &(*tag).into());
    Ok(opened.is_ok().then_some(file_key))
}

fn hkdf(salt: &[u8], key: &[u8], info: &[u8]) -> Result<SecretBytes, Refused> {
    let mut derived = Zeroizing::new(vec![0; 32]);
    Hkdf::<Sha256>::new(Some(salt), key).expand(info, &mut derived).map_err(|_| Refused::Wrong)?;
    Ok(SecretBytes::new(derived))
}
