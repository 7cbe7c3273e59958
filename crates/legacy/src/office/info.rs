//! What an Office file says about its encryption: the stream `EncryptionInfo` ([MS-OFFCRYPTO], 2.3.4.5 and 2.3.4.10).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::hashes::Hash;
use crate::cipher::BLOCK;
use crate::error::Refused;

/// More rounds are refused; Office makes 100,000.
pub const SPIN_LIMIT: u64 = 10_000_000;
/// The rounds of standard encryption ([MS-OFFCRYPTO], 2.3.4.7).
pub const STANDARD_SPINS: u32 = 50_000;
/// The flag of agile encryption.
const AGILE: u32 = 0x40;
/// No salt and no encrypted value is longer, in bytes.
const VALUE_LIMIT: usize = 1024;

/// How a file is encrypted.
pub enum Info {
    /// Agile encryption: AES-CBC in segments, with an HMAC.
    Agile(Box<Agile>),
    /// Standard encryption: AES-ECB, and nothing that proves the data.
    Standard(Standard),
}

/// The parameters of agile encryption.
pub struct Agile {
    /// Those of the data's key.
    pub data: Parameters,
    /// The encrypted key of the HMAC and its encrypted value.
    pub integrity: Option<(Vec<u8>, Vec<u8>)>,
    /// Those of the password's key.
    pub password: Parameters,
    /// How often the password is hashed.
    pub spins: u32,
    /// The verifier and its hash, encrypted.
    pub verifier: (Vec<u8>, Vec<u8>),
    /// The data's key, encrypted.
    pub key: Vec<u8>,
}

/// A key's length in bytes, its salt and its hash function.
pub struct Parameters {
    pub key_length: usize,
    pub salt: Vec<u8>,
    pub hash: Hash,
}

/// The parameters of standard encryption.
pub struct Standard {
    /// The key's length in bytes.
    pub key_length: usize,
    pub salt: Vec<u8>,
    /// The verifier and its hash, encrypted.
    pub verifier: (Vec<u8>, Vec<u8>),
}

const OTHER_CIPHER: Refused = Refused::NotRead {
    what: "the Office file is encrypted in a way that is not read here",
    instead: "open it in Office and save it again with a password, which encrypts it with AES",
};

const TOO_MANY_ROUNDS: Refused =
    Refused::Bounds("an Office file is refused with more than 10,000,000 rounds of hashing");

impl Info {
    /// Reads the stream. More than `most` rounds are refused.
    ///
    /// # Errors
    /// If it is malformed, its cost is out of range, or the encryption is another.
    pub fn parse(bytes: &[u8], most: u64) -> Result<Self, Refused> {
        let mut rest = bytes;
        let (major, minor) = (u16_of(&mut rest)?, u16_of(&mut rest)?);
        let flags = u32_of(&mut rest)?;
        let (info, spins) = match (major, minor) {
            (4, 4) if flags == AGILE => {
                let info = agile(rest)?;
                let spins = info.spins;
                (Self::Agile(Box::new(info)), spins)
            }
            (2..=4, 2) => (Self::Standard(standard(rest)?), STANDARD_SPINS),
            _ => return Err(OTHER_CIPHER),
        };
        if u64::from(spins) > most.min(SPIN_LIMIT) {
            return Err(TOO_MANY_ROUNDS);
        }
        Ok(info)
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Refused> {
    let (taken, left) = rest.split_at_checked(length).ok_or(Refused::Wrong)?;
    *rest = left;
    Ok(taken)
}

fn u16_of(rest: &mut &[u8]) -> Result<u16, Refused> {
    Ok(u16::from_le_bytes(take(rest, 2)?.try_into().map_err(|_| Refused::Wrong)?))
}

fn u32_of(rest: &mut &[u8]) -> Result<u32, Refused> {
    Ok(u32::from_le_bytes(take(rest, 4)?.try_into().map_err(|_| Refused::Wrong)?))
}

/// Reads the structures `EncryptionHeader` and `EncryptionVerifier`.
fn standard(mut rest: &[u8]) -> Result<Standard, Refused> {
    const AES: [(u32, u32); 3] = [(0x660e, 128), (0x660f, 192), (0x6610, 256)];
    const SHA1: u32 = 0x8004;
    let header_length = usize::try_from(u32_of(&mut rest)?).map_err(|_| Refused::Wrong)?;
    let mut header = take(&mut rest, header_length)?;
    let [_flags, _extra, cipher, hash, bits] = {
        let mut fields = [0; 5];
        for field in &mut fields {
            *field = u32_of(&mut header)?;
        }
        fields
    };
    // A hash function of 0 is the usual one, which is SHA-1 here.
    if !AES.contains(&(cipher, bits)) || !matches!(hash, 0 | SHA1) {
        return Err(OTHER_CIPHER);
    }
    if u32_of(&mut rest)? != BLOCK as u32 {
        return Err(Refused::Wrong);
    }
    let salt = take(&mut rest, BLOCK)?.to_vec();
    let verifier = take(&mut rest, BLOCK)?.to_vec();
    u32_of(&mut rest)?;
    let hash = take(&mut rest, 2 * BLOCK)?.to_vec();
    Ok(Standard { key_length: bits as usize / 8, salt, verifier: (verifier, hash) })
}

/// Reads the XML of agile encryption.
fn agile(xml: &[u8]) -> Result<Agile, Refused> {
    let mut reader = Reader::from_str(std::str::from_utf8(xml).map_err(|_| Refused::Wrong)?);
    let (mut data, mut integrity, mut encryptor) = (None, None, None);
    loop {
        let event = reader.read_event().map_err(|_| Refused::Wrong)?;
        let element = match &event {
            Event::Start(element) | Event::Empty(element) => element,
            Event::Eof => break,
            _ => continue,
        };
        match element.local_name().as_ref() {
            "keyData" if data.is_none() => data = Some(parameters(element)?),
            "dataIntegrity" if integrity.is_none() => {
                integrity = Some((value(element, "encryptedHmacKey")?, value(element, "encryptedHmacValue")?));
            }
            "encryptedKey" if encryptor.is_none() => encryptor = Some(password_encryptor(element)?),
            _ => {}
        }
    }
    let data = data.ok_or(Refused::Wrong)?;
    let encryptor = encryptor.ok_or(Refused::NotRead {
        what: "the Office file opens with a certificate, and with no password",
        instead: "open it in Office and save it with a password, or without one",
    })?;
    Ok(Agile { data, integrity, ..encryptor })
}

/// Reads the element that has the data's key, encrypted under the password.
fn password_encryptor(element: &BytesStart<'_>) -> Result<Agile, Refused> {
    let spins = number(element, "spinCount")?;
    let spins = u32::try_from(spins).map_err(|_| TOO_MANY_ROUNDS)?;
    Ok(Agile {
        // What the caller puts in its place.
        data: Parameters { key_length: 0, salt: Vec::new(), hash: Hash::Sha512 },
        integrity: None,
        password: parameters(element)?,
        spins,
        verifier: (value(element, "encryptedVerifierHashInput")?, value(element, "encryptedVerifierHashValue")?),
        key: value(element, "encryptedKeyValue")?,
    })
}

fn parameters(element: &BytesStart<'_>) -> Result<Parameters, Refused> {
    let is = |name: &str, expected: &str| Ok::<_, Refused>(attribute(element, name)? == expected);
    let is_cbc_of_aes = is("cipherAlgorithm", "AES")?
        && is("cipherChaining", "ChainingModeCBC")?
        && number(element, "blockSize")? == BLOCK as u64;
    let hash = Hash::from_name(&attribute(element, "hashAlgorithm")?);
    let key_length = match number(element, "keyBits")? {
        128 => 16,
        192 => 24,
        256 => 32,
        _ => return Err(OTHER_CIPHER),
    };
    let (true, Some(hash)) = (is_cbc_of_aes, hash) else { return Err(OTHER_CIPHER) };
    Ok(Parameters { key_length, salt: value(element, "saltValue")?, hash })
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<String, Refused> {
    let found = element.try_get_attribute(name).map_err(|_| Refused::Wrong)?;
    Ok(found.ok_or(Refused::Wrong)?.value.into_owned())
}

fn number(element: &BytesStart<'_>, name: &str) -> Result<u64, Refused> {
    attribute(element, name)?.parse().map_err(|_| Refused::Wrong)
}

fn value(element: &BytesStart<'_>, name: &str) -> Result<Vec<u8>, Refused> {
    let bytes = STANDARD.decode(attribute(element, name)?).map_err(|_| Refused::Wrong)?;
    if bytes.len() > VALUE_LIMIT { Err(Refused::Wrong) } else { Ok(bytes) }
}
