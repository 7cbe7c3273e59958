//! Signatures of reports: Ed25519 (RFC 8032), by a seed that is stored as every other key is.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::hmac::hkdf_expand_sha512;
use super::secret::{FileKey, SigningSeed};
use crate::memory::on_wiped_stack;

/// Length of a public key, in bytes.
pub const PUBLIC_LEN: usize = 32;
/// Length of a signature, in bytes.
pub const SIGNATURE_LEN: usize = 64;
/// Length of what a report shows of a file key, in bytes.
pub const CHECK_LEN: usize = 8;

/// Returns the public key of a seed.
#[must_use]
pub fn public_key(seed: &SigningSeed) -> [u8; PUBLIC_LEN] {
    on_wiped_stack(|| SigningKey::from_bytes(seed.expose()).verifying_key().to_bytes())
}

/// Signs a message.
#[must_use]
pub fn sign(seed: &SigningSeed, message: &[u8]) -> [u8; SIGNATURE_LEN] {
    on_wiped_stack(|| SigningKey::from_bytes(seed.expose()).sign(message).to_bytes())
}

/// Tells whether a signature of a message is this key's. A key of small order, under which one signature may fit many
/// messages, has none.
#[must_use]
pub fn is_signed(public: &[u8; PUBLIC_LEN], message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
    let key = VerifyingKey::from_bytes(public);
    key.is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

/// Returns what a report shows of a file key, so that the key can be recognized later by whoever has it.
#[must_use]
pub fn key_check(key: &FileKey, label: &[u8]) -> [u8; CHECK_LEN] {
    let mut check = [0; CHECK_LEN];
    hkdf_expand_sha512(key.expose(), &[label], &mut check);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // Section 7.1, test 2.
        let seed = hex::decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
        let seed = SigningSeed::from_slice(&seed).unwrap();
        let public = public_key(&seed);
        assert_eq!(hex::encode(public), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = sign(&seed, &[0x72]);
        assert_eq!(
            hex::encode(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(is_signed(&public, &[0x72], &signature));
        assert!(!is_signed(&public, &[0x73], &signature));
        // The neutral element as the key, and a signature that fits every message under it.
        let mut weak = [0; PUBLIC_LEN];
        weak[0] = 1;
        let mut of_all = [0; SIGNATURE_LEN];
        of_all[0] = 1;
        assert!(!is_signed(&weak, b"anything", &of_all));
    }
}
