//! The cipher of bodies: chunks of Cobblestone-256 as [`cobblestone`](super::cobblestone) seals them, through the
//! fastest vetted implementation of AES-256-GCM that was built in.
//!
//! With the feature `aws-lc` that is AWS-LC, else the very `aes-gcm` that seals small messages. Each opens what the
//! other sealed. AWS-LC's own random generator is never used.

#[cfg(feature = "aws-lc")]
pub use aws_lc::BulkCipher;

#[cfg(not(feature = "aws-lc"))]
pub use super::cobblestone::ChunkCipher as BulkCipher;

#[cfg(feature = "aws-lc")]
mod aws_lc {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    use crate::crypto::cobblestone::{
        CHUNK_LEN, COMMITMENT_LEN, MessageKeys, Nonces, OpenError, PREFIX_LEN, SALT_LEN, TAG_LEN,
    };
    use crate::crypto::secret::KEY_LEN;
    use crate::memory::on_wiped_stack;

    /// Seals and opens the chunks of one body. The caller sees to it that a chunk number is sealed once.
    pub struct BulkCipher {
        // "Less safe" since the caller gives the nonces. Its memory is wiped when AWS-LC frees it.
        aead: LessSafeKey,
        nonces: Nonces,
    }

    impl BulkCipher {
        /// Derives the cipher and the commitment of the message with this key, salt and context, the context given
        /// in parts that are concatenated.
        #[must_use]
        pub fn derive(key: &[u8; KEY_LEN], salt: &[u8; SALT_LEN], context: &[&[u8]]) -> (Self, [u8; COMMITMENT_LEN]) {
            let keys = MessageKeys::derive(key, salt, context);
            (Self::of(&keys), *keys.commitment())
        }

        /// Derives the cipher of a message that stands under `prefix` (salt and commitment), if it is this key's.
        ///
        /// # Errors
        /// [`OpenError::Commitment`] where the message was sealed under another key or context.
        pub fn derive_for(
            key: &[u8; KEY_LEN],
            prefix: &[u8; PREFIX_LEN],
            context: &[&[u8]],
        ) -> Result<Self, OpenError> {
            MessageKeys::derive_for(key, prefix, context).map(|keys| Self::of(&keys))
        }

        fn of(keys: &MessageKeys) -> Self {
            on_wiped_stack(|| {
                #[allow(clippy::expect_used, reason = "AES-256 takes any 32 bytes")]
                let key = UnboundKey::new(&AES_256_GCM, keys.aead_key()).expect("32 bytes are a key of AES-256");
                Self { aead: LessSafeKey::new(key), nonces: keys.nonces() }
            })
        }

        /// Seals chunk `number` in place and returns its tag.
        ///
        /// # Errors
        /// [`OpenError::TooLong`] from chunk 2^38 on.
        pub fn seal_chunk(&self, number: u64, bytes: &mut [u8]) -> Result<[u8; TAG_LEN], OpenError> {
            let nonce = Nonce::assume_unique_for_key(self.nonces.of(number)?);
            debug_assert!(bytes.len() <= CHUNK_LEN);
            let tag = self
                .aead
                .seal_in_place_separate_tag(nonce, Aad::empty(), bytes)
                // GCM refuses only what is longer than 64 GiB.
                .map_err(|_| OpenError::TooLong)?;
            let mut sized = [0; TAG_LEN];
            sized.copy_from_slice(tag.as_ref());
            Ok(sized)
        }

        /// Opens chunk `number` in place: `sealed` is ciphertext and tag, and the plaintext is left in its front.
        ///
        /// # Errors
        /// [`OpenError::Truncated`] for fewer bytes than a tag, [`OpenError::Chunk`] where the tag does not hold
        /// (what the buffer holds then is not to be used), [`OpenError::TooLong`] from chunk 2^38 on.
        pub fn open_chunk<'a>(&self, number: u64, sealed: &'a mut [u8]) -> Result<&'a mut [u8], OpenError> {
            let nonce = Nonce::assume_unique_for_key(self.nonces.of(number)?);
            let length = sealed.len().checked_sub(TAG_LEN).ok_or(OpenError::Truncated)?;
            let (bytes, tag) = sealed.split_at_mut(length);
            self.aead.open_in_place_separate_tag(nonce, Aad::empty(), tag, bytes).map_err(|_| OpenError::Chunk(number))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::BulkCipher;
    use crate::crypto::cobblestone::{CHUNK_LIMIT, ChunkCipher, OpenError, PREFIX_LEN};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn each_cipher_opens_what_the_other_sealed(
            key: [u8; 32],
            salt: [u8; 24],
            context: Vec<u8>,
            number in prop_oneof![0u64..4, (1u64 << 32) - 2..(1 << 32) + 2, CHUNK_LIMIT - 2..CHUNK_LIMIT],
            plaintext in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let (small, one) = ChunkCipher::derive(&key, &salt, &[&context]);
            let (bulk, other) = BulkCipher::derive(&key, &salt, &[&context]);
            prop_assert_eq!(one, other);
            let mut by_small = plaintext.clone();
            let tag = small.seal_chunk(number, &mut by_small).unwrap();
            by_small.extend_from_slice(&tag);
            let mut by_bulk = plaintext.clone();
            let tag = bulk.seal_chunk(number, &mut by_bulk).unwrap();
            by_bulk.extend_from_slice(&tag);
            prop_assert_eq!(&by_small, &by_bulk);
            prop_assert_eq!(&*bulk.open_chunk(number, &mut by_small).unwrap(), &plaintext[..]);
            let mut copy = by_bulk.clone();
            prop_assert_eq!(&*small.open_chunk(number, &mut copy).unwrap(), &plaintext[..]);
            by_bulk[0] ^= 1;
            prop_assert_eq!(bulk.open_chunk(number, &mut by_bulk).unwrap_err(), OpenError::Chunk(number));
        }
    }

    #[test]
    fn limits_and_commitment_are_those_of_small_messages() {
        let (cipher, commitment) = BulkCipher::derive(&[1; 32], &[2; 24], &[b"context"]);
        assert_eq!(cipher.seal_chunk(CHUNK_LIMIT, &mut [0; 4]).unwrap_err(), OpenError::TooLong);
        assert_eq!(cipher.open_chunk(CHUNK_LIMIT, &mut [0; 32]).unwrap_err(), OpenError::TooLong);
        assert_eq!(cipher.open_chunk(0, &mut [0; 15]).unwrap_err(), OpenError::Truncated);
        let mut prefix = [2; PREFIX_LEN];
        prefix[24..].copy_from_slice(&commitment);
        assert!(BulkCipher::derive_for(&[1; 32], &prefix, &[b"context"]).is_ok());
        assert!(BulkCipher::derive_for(&[1; 32], &prefix, &[b"another"]).is_err());
        assert!(BulkCipher::derive_for(&[3; 32], &prefix, &[b"context"]).is_err());
    }
}
