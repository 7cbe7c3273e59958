//! HMAC (RFC 2104) and HKDF-Expand (RFC 5869 section 2.3) without Extract: every key here is uniformly random.

use ::hmac::digest::FixedOutput;
use ::hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use super::secret::{KEY_LEN, KEYS};
use crate::memory::{Slot, on_wiped_stack};

/// Length of an HMAC-SHA-256 tag, in bytes.
pub const TAG_LEN: usize = 32;

/// Fills `okm`, at most 128 bytes, with HKDF-Expand-SHA512(`prk`, the concatenation of `info`).
pub(crate) fn hkdf_expand_sha512(prk: &[u8; KEY_LEN], info: &[&[u8]], okm: &mut [u8]) {
    debug_assert!(okm.len() <= 128, "two blocks are all anything here needs");
    on_wiped_stack(|| expand(prk, info, okm));
}

fn expand(prk: &[u8; KEY_LEN], info: &[&[u8]], okm: &mut [u8]) {
    expand_keyed(&keyed::<Hmac<Sha512>>(prk), info, okm);
}

fn expand_keyed(prk: &Hmac<Sha512>, info: &[&[u8]], okm: &mut [u8]) {
    let mut block = Zeroizing::new([0u8; 64]);
    for (number, out) in (1u8..).zip(okm.chunks_mut(64)) {
        let mut mac = prk.clone();
        if number > 1 {
            mac.update(&block[..]);
        }
        for part in info {
            mac.update(part);
        }
        mac.update(&[number]);
        mac.finalize_into((&mut *block).into());
        out.copy_from_slice(&block[..out.len()]);
    }
}

/// A key of HKDF-Expand-SHA512 for many messages: what HMAC makes of the key is computed once. Wiped on drop.
// In a box, so that a move leaves no copy of it behind.
pub(crate) struct ExpandKey(Box<Hmac<Sha512>>);

impl ExpandKey {
    pub(crate) fn new(prk: &[u8; KEY_LEN]) -> Self {
        on_wiped_stack(|| Self(Box::new(keyed(prk))))
    }

    /// Fills `okm`, at most 128 bytes. Whoever calls this wipes the stack below, once for many calls.
    pub(super) fn expand(&self, info: &[&[u8]], okm: &mut [u8]) {
        debug_assert!(okm.len() <= 128, "two blocks are all anything here needs");
        expand_keyed(&self.0, info, okm);
    }
}

/// A key that authenticates and does nothing else, derived from another key under a label.
// In a slot, as the keys of `secret` are: an array would leave a copy of itself wherever it is moved from.
pub struct MacKey(Slot<KEY_LEN>);

impl MacKey {
    /// Derives the key HKDF-Expand-SHA512(`key`, `label`, 32).
    #[must_use]
    pub fn derive(key: &[u8; KEY_LEN], label: &[u8]) -> Self {
        let mut derived = Self(KEYS.take());
        hkdf_expand_sha512(key, &[label], derived.0.bytes_mut());
        derived
    }

    /// Returns HMAC-SHA256 of `message`.
    #[must_use]
    pub fn tag(&self, message: &[u8]) -> [u8; TAG_LEN] {
        on_wiped_stack(|| {
            let mut mac = keyed::<Hmac<Sha256>>(self.0.bytes());
            mac.update(message);
            mac.finalize().into_bytes().into()
        })
    }

    /// Tells, in constant time, whether `tag` is that of `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        on_wiped_stack(|| {
            let mut mac = keyed::<Hmac<Sha256>>(self.0.bytes());
            mac.update(message);
            mac.verify_slice(tag).is_ok()
        })
    }
}

#[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Returns the SHA-256 digest of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Returns the SHA-512 digest of `bytes`: how a variable tail enters a context, so that no two contexts collide.
#[must_use]
pub fn sha512(bytes: &[u8]) -> [u8; 64] {
    // The checksum of a recovery kit's code is a digest of its secret.
    on_wiped_stack(|| Sha512::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expand_matches_the_definition_of_rfc_5869_over_two_blocks() {
        // RFC 5869 has no SHA-512 vector; this is its section 2.3 written out by hand.
        let prk = [7u8; 32];
        let mut okm = [0u8; 76];
        hkdf_expand_sha512(&prk, &[b"in", b"fo"], &mut okm);
        let mac = |parts: &[&[u8]]| -> [u8; 64] {
            let mut mac = keyed::<Hmac<Sha512>>(&prk);
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().into()
        };
        let first = mac(&[b"info", &[1]]);
        let second = mac(&[&first, b"info", &[2]]);
        assert_eq!(okm[..64], first);
        assert_eq!(okm[64..], second[..12]);
    }

    #[test]
    fn a_tag_verifies_only_its_own_message_and_whole() {
        let key = MacKey::derive(&[1; 32], b"test");
        let tag = key.tag(b"message");
        assert!(key.verifies(b"message", &tag));
        assert!(!key.verifies(b"messagf", &tag));
        assert!(!key.verifies(b"message", &tag[..31]));
        assert!(!MacKey::derive(&[1; 32], b"tesu").verifies(b"message", &tag));
    }

    #[test]
    fn digests_are_those_of_fips_180_4() {
        assert_eq!(hex::encode(sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            hex::encode(sha512(b"abc")),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
    }
}
