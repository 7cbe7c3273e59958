//! What a vault signs its reports with: the keys as the payload holds them, OpenSSH's text of a public key, and its
//! signatures of files (SSHSIG), which `ssh-keygen -Y verify` checks.
//!
//! Only one form is written and read, Ed25519 with SHA-512, so all but key and signature are constant: whatever else a
//! file holds is refused by comparing it with what would have been written.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::json::open_object;
use super::scalar::Base64;
use super::{FormatError, ProjectId, SigningKeyId, Timestamp};
use crate::crypto::hmac::{sha256, sha512};
use crate::crypto::secret::SigningSeed;
use crate::crypto::signing::{PUBLIC_LEN, SIGNATURE_LEN, is_signed, sign};

/// What signatures of reports are for, so that none is taken for one of something else.
pub const REPORT: &str = "strongroom-report";
/// What signatures of statements about a key's successor are for.
pub const STATEMENT: &str = "strongroom-key";

const ALGORITHM: &[u8] = b"ssh-ed25519";
const MAGIC: &[u8] = b"SSHSIG";
const HASH: &[u8] = b"sha512";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// Characters in a line of a signature's base64, as OpenSSH writes it.
const LINE: usize = 70;

open_object! {
    /// A key that signs the vault's reports.
    pub struct SigningKey {
        /// Its id.
        pub id: SigningKeyId,
        /// The public key as OpenSSH writes it: `ssh-ed25519 AAAA...`.
        pub public: String,
        /// When it was made.
        pub created: Timestamp,
        /// When a successor took its place.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ended: Option<Timestamp> = default,
        /// Its wrapped seed.
        pub wrapped: Base64,
        /// What its predecessor says of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub statement: Option<Statement> = default,
    }
}

open_object! {
    /// What a key says of its successor.
    pub struct Statement {
        /// The words that are signed.
        pub text: String,
        /// The earlier key's signature of them.
        pub signature: String,
    }
}

open_object! {
    /// What is remembered of a report that was made.
    pub struct ReportRecord {
        /// The project.
        pub project: ProjectId,
        /// Its number, from 1. Computers that make reports apart may give one number twice.
        pub number: u32,
        /// When it was made.
        pub made: Timestamp,
        /// SHA-256 of the bundle, in hexadecimal.
        pub sha256: String,
    }
}

/// A public key, in OpenSSH's text and in bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; PUBLIC_LEN]);

impl PublicKey {
    /// Reads `ssh-ed25519 AAAA...`; what follows the key, such as a comment, is passed over.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] for another kind of key, or none.
    pub fn read(text: &str) -> Result<Self, FormatError> {
        let bad = || FormatError::malformed("it is not an Ed25519 key in OpenSSH's form");
        let encoded = text.strip_prefix("ssh-ed25519 ").and_then(|rest| rest.split_whitespace().next());
        let blob = STANDARD.decode(encoded.ok_or_else(bad)?).map_err(|_| bad())?;
        let bytes: &[u8; PUBLIC_LEN] = blob.last_chunk().ok_or_else(bad)?;
        let key = Self(*bytes);
        if key.blob() == blob { Ok(key) } else { Err(bad()) }
    }

    /// Writes the key as OpenSSH does.
    #[must_use]
    pub fn text(&self) -> String {
        format!("ssh-ed25519 {}", STANDARD.encode(self.blob()))
    }

    /// Returns what people compare keys by, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256(&self.blob())))
    }

    fn blob(&self) -> Vec<u8> {
        [string(ALGORITHM), string(&self.0)].concat()
    }
}

/// Signs a file as `ssh-keygen -Y sign` does.
#[must_use]
pub fn sign_file(seed: &SigningSeed, public: &PublicKey, namespace: &str, message: &[u8]) -> String {
    armored(&envelope(public, namespace, &sign(seed, &signed_part(namespace, message))))
}

/// Why a file's signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no signature in this form, or is for another purpose.
    #[error("it is not an Ed25519 signature by OpenSSH for this purpose")]
    Form,
    /// It is not of these bytes.
    #[error("the signature does not fit: the file was changed after it was signed, or another file was signed")]
    Differs,
}

/// Returns the key that signed a file.
///
/// # Errors
/// [`SignatureError`].
pub fn signer(signature: &str, namespace: &str, message: &[u8]) -> Result<PublicKey, SignatureError> {
    let body = signature.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(SignatureError::Form)?;
    let bytes = STANDARD.decode(body.replace('\n', "")).map_err(|_| SignatureError::Form)?;
    let form = envelope(&PublicKey([0; PUBLIC_LEN]), namespace, &[0; SIGNATURE_LEN]);
    let key_at = MAGIC.len() + 4 + 4 + 4 + ALGORITHM.len() + 4;
    if bytes.len() != form.len() {
        return Err(SignatureError::Form);
    }
    let public = bytes.get(key_at..).and_then(|rest| rest.first_chunk()).copied().ok_or(SignatureError::Form)?;
    let own = bytes.last_chunk().copied().ok_or(SignatureError::Form)?;
    let public = PublicKey(public);
    if armored(&envelope(&public, namespace, &own)) != signature {
        return Err(SignatureError::Form);
    }
    if is_signed(&public.0, &signed_part(namespace, message), &own) { Ok(public) } else { Err(SignatureError::Differs) }
}

/// Returns what is signed in a file's place (PROTOCOL.sshsig).
fn signed_part(namespace: &str, message: &[u8]) -> Vec<u8> {
    [MAGIC.to_vec(), string(namespace.as_bytes()), string(b""), string(HASH), string(&sha512(message))].concat()
}

fn envelope(public: &PublicKey, namespace: &str, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
    let signature = [string(ALGORITHM), string(signature)].concat();
    let parts = [
        MAGIC.to_vec(),
        1u32.to_be_bytes().to_vec(),
        string(&public.blob()),
        string(namespace.as_bytes()),
        string(b""),
        string(HASH),
        string(&signature),
    ];
    parts.concat()
}

/// Returns bytes after their length, as SSH writes all that has no fixed length (RFC 4251 section 5).
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

fn armored(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut text = String::from(BEGIN);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + END
}

/// Returns a line for OpenSSH's file of allowed signers. `after` is when the key was made: OpenSSH counts no earlier
/// signature, as far as somebody vouches for when that was made.
#[must_use]
pub fn allowed_line(name: &str, namespace: &str, after: Timestamp, key: &str) -> String {
    let after: String = after.to_string().chars().filter(char::is_ascii_digit).collect();
    format!("{name} namespaces=\"{namespace}\",valid-after=\"{after}Z\" {key}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::signing::public_key;

    fn key() -> (SigningSeed, PublicKey) {
        let seed = SigningSeed::from_slice(&[7; 32]).unwrap();
        let public = PublicKey(public_key(&seed));
        (seed, public)
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let (_, public) = key();
        let text = public.text();
        assert!(PublicKey::read(&format!("{text} a comment")).unwrap() == public);
        for bad in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa AAAA", &text.replace("AAAAC3", "AAAAC2")] {
            assert!(PublicKey::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_signature_and_every_other_purpose_is_refused() {
        let (seed, public) = key();
        let signature = sign_file(&seed, &public, REPORT, b"the report");
        assert!(signer(&signature, REPORT, b"the report").unwrap() == public);
        assert_eq!(signer(&signature, REPORT, b"the Report").err(), Some(SignatureError::Differs));
        assert_eq!(signer(&signature, STATEMENT, b"the report").err(), Some(SignatureError::Form));
        for at in 0..signature.len() {
            for bit in 0..7 {
                let mut bytes = signature.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let altered = String::from_utf8(bytes).unwrap();
                // With other bytes in the key's place it is another key's signature, which does not fit.
                assert!(signer(&altered, REPORT, b"the report").is_err(), "byte {at}, bit {bit}");
            }
        }
        for end in 0..signature.len() {
            assert!(signer(&signature[..end], REPORT, b"the report").is_err());
        }
    }
}
