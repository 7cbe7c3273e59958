//! An export under a password: PBKDF2 or Argon2id, HKDF-Expand to two keys, and AES-256-CBC with HMAC-SHA256 over
//! initialization vector and ciphertext. Every MAC is checked before anything is decrypted, that of the data too.

use aes::Aes256;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::crypto::hmac::sha256;
use crate::crypto::secret::SecretText;
use crate::imports::json::Json;
use crate::imports::{ImportError, limits};
use crate::memory::{Blocks, on_wiped_stack};

const KEY_LEN: usize = 32;
const IV_LEN: usize = 16;
const MAC_LEN: usize = 32;

type Key = Zeroizing<[u8; KEY_LEN]>;

/// Opens the items.
pub(super) fn open(root: &Json<'_>, password: Option<&SecretText>) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let validation = Sealed::read(root.get("encKeyValidation_DO_NOT_EDIT").text())?;
    let data = Sealed::read(root.get("data").text())?;
    let kdf = Kdf::read(root)?;
    let password = password.ok_or(ImportError::PasswordNeeded)?;
    let keys = on_wiped_stack(|| -> Result<Keys, ImportError> { Ok(Keys::stretch(&kdf.derive(password)?)) })?;
    if !keys.is_sealed_by(&validation) {
        return Err(ImportError::WrongPassword);
    }
    if !keys.is_sealed_by(&data) {
        return Err(ImportError::Damaged);
    }
    on_wiped_stack(|| keys.decrypt(data))
}

/// What Bitwarden calls an encrypted string of type 2: `2.IV|CIPHERTEXT|MAC`, each in base64.
struct Sealed {
    iv: [u8; IV_LEN],
    ciphertext: Zeroizing<Vec<u8>>,
    mac: Vec<u8>,
}

impl Sealed {
    fn read(text: &str) -> Result<Self, ImportError> {
        let (kind, parts) = text.split_once('.').ok_or(ImportError::Damaged)?;
        if kind != "2" {
            return Err(ImportError::UnsupportedEncryption);
        }
        let mut parts = parts.splitn(3, '|').map(|part| STANDARD.decode(part).map_err(|_| ImportError::Damaged));
        let mut part = || parts.next().unwrap_or(Err(ImportError::Damaged));
        let iv = part()?.try_into().map_err(|_| ImportError::Damaged)?;
        // Decrypted in place, so that it is a secret from then on.
        let ciphertext = Zeroizing::new(part()?);
        let mac = part()?;
        if mac.len() != MAC_LEN { Err(ImportError::Damaged) } else { Ok(Self { iv, ciphertext, mac }) }
    }
}

/// How the password becomes a key, with numbers that were checked.
enum Kdf<'j> {
    Pbkdf2 { rounds: u32, salt: &'j str },
    Argon2id { passes: u32, memory_mib: u32, lanes: u32, salt: &'j str },
}

impl<'j> Kdf<'j> {
    fn read(root: &'j Json<'_>) -> Result<Self, ImportError> {
        let salt = root.get("salt").text();
        let number = |member, name, (least, most): (u64, u64)| {
            // What is no whole number, or none at all, counts as 0; what is too large for one, as the largest.
            let value = match root.get(member) {
                Json::Whole(value) => u64::try_from(*value).unwrap_or(0),
                Json::Fraction => u64::MAX,
                _ => 0,
            };
            match u32::try_from(value) {
                Ok(small) if (least..=most).contains(&value) => Ok(small),
                _ => Err(ImportError::KdfOutOfRange { name, value, least, most }),
            }
        };
        match root.get("kdfType").whole() {
            Some(0) => {
                let rounds = number("kdfIterations", "the number of PBKDF2 rounds", limits::PBKDF2_ROUNDS)?;
                Ok(Self::Pbkdf2 { rounds, salt })
            }
            Some(1) => {
                let passes = number("kdfIterations", "the number of Argon2id passes", limits::ARGON2_PASSES)?;
                let memory_mib = number("kdfMemory", "the memory of Argon2id in MiB", limits::ARGON2_MEMORY_MIB)?;
                let lanes = number("kdfParallelism", "the number of Argon2id lanes", limits::ARGON2_LANES)?;
                Ok(Self::Argon2id { passes, memory_mib, lanes, salt })
            }
            _ => Err(ImportError::UnsupportedEncryption),
        }
    }

    fn derive(&self, password: &SecretText) -> Result<Key, ImportError> {
        let mut key = Key::default();
        let password = password.expose().as_bytes();
        match *self {
            // The salt is the text, and not the bytes that it is base64 of.
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt.as_bytes(), rounds, &mut *key);
            }
            Self::Argon2id { passes, memory_mib, lanes, salt } => {
                let short = ImportError::NotEnoughMemory { needed_mib: memory_mib.into() };
                let params = Params::new(memory_mib * 1024, passes, lanes, Some(KEY_LEN));
                let params = params.map_err(|_| ImportError::UnsupportedEncryption)?;
                let blocks = Blocks::new(params.block_count()).map_err(|_| short.clone())?;
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                // Argon2 wants a salt of at least 8 bytes, so that Bitwarden hands it a digest.
                let salt = sha256(salt.as_bytes());
                argon2.hash_password_into_with_memory(password, &salt, &mut *key, blocks).map_err(|_| short)?;
            }
        }
        Ok(key)
    }
}

/// The two keys of an export.
struct Keys {
    encryption: Key,
    mac: Key,
}

impl Keys {
    /// HKDF-Expand-SHA256 (RFC 5869), which for one block of output is one HMAC.
    fn stretch(key: &Key) -> Self {
        let expand = |info: &[u8]| {
            let mut mac = keyed(key);
            mac.update(info);
            mac.update(&[1]);
            let mut out = Key::default();
            out.copy_from_slice(&mac.finalize().into_bytes());
            out
        };
        Self { encryption: expand(b"enc"), mac: expand(b"mac") }
    }

    fn is_sealed_by(&self, sealed: &Sealed) -> bool {
        let mut mac = keyed(&self.mac);
        mac.update(&sealed.iv);
        mac.update(&sealed.ciphertext);
        mac.verify_slice(&sealed.mac).is_ok()
    }

    fn decrypt(&self, mut sealed: Sealed) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let cipher = cbc::Decryptor::<Aes256>::new((&*self.encryption).into(), (&sealed.iv).into());
        let opened = cipher.decrypt_padded::<Pkcs7>(&mut sealed.ciphertext).map_err(|_| ImportError::Damaged)?;
        let length = opened.len();
        sealed.ciphertext.truncate(length);
        Ok(sealed.ciphertext)
    }
}

#[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &Key) -> Hmac<Sha256> {
    Hmac::new_from_slice(&**key).expect("HMAC takes a key of any length")
}
