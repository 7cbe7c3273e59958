//! Cobblestone-256: C2SP chunked encryption with SHA-512 and AES-256-GCM (<https://c2sp.org/chunked-encryption>).
//!
//! A message is `salt (24) || commitment (32) || chunk 0 || chunk 1 || ...`. It commits to its key, binds a context,
//! and authenticates the length and order of its chunks. Everything Strongroom seals is such a message.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Tag};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::RandomUnavailable;
use super::hmac::{ExpandKey, hkdf_expand_sha512};
use super::secret::KEY_LEN;
use crate::memory::{Pool, Slot, on_wiped_stack};

/// Length of a message's salt, in bytes.
pub const SALT_LEN: usize = 24;
/// Length of a message's commitment to its key, in bytes.
pub const COMMITMENT_LEN: usize = 32;
/// Length of what stands before the first chunk: salt and commitment, in bytes.
pub const PREFIX_LEN: usize = SALT_LEN + COMMITMENT_LEN;
/// Plaintext bytes in every chunk but the final one, which always holds fewer.
pub const CHUNK_LEN: usize = 16384;
/// Length of a chunk's authentication tag, in bytes.
pub const TAG_LEN: usize = 16;
/// Sealed length of every chunk but the final one, in bytes.
pub const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
/// A message has fewer chunks than this (4 PiB).
pub const CHUNK_LIMIT: u64 = 1 << 38;

const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/// Why a message or chunk does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The commitment is another key's or another context's.
    #[error("the message was sealed under another key or for another purpose")]
    Commitment,
    /// A chunk failed its tag.
    #[error("chunk {0} failed its integrity check")]
    Chunk(u64),
    /// The bytes end where no message can end.
    #[error("the message is truncated")]
    Truncated,
    /// A message that should hold a key holds fewer or more bytes.
    #[error("the message does not hold a key")]
    NotAKey,
    /// The message has more chunks than any message may have.
    #[error("the message is longer than 4 PiB")]
    TooLong,
}

/// Returns the length of the message that seals `plaintext_len` bytes.
#[must_use]
pub const fn sealed_len(plaintext_len: u64) -> u64 {
    let chunks = plaintext_len / CHUNK_LEN as u64 + 1;
    PREFIX_LEN as u64 + plaintext_len + chunks * TAG_LEN as u64
}

/// Returns the number of plaintext bytes in a message of `sealed_len` bytes, prefix included; `None` where no
/// message has that length.
#[must_use]
pub const fn opened_len(sealed_len: u64) -> Option<u64> {
    let Some(chunks_len) = sealed_len.checked_sub(PREFIX_LEN as u64) else { return None };
    let whole = chunks_len / SEALED_CHUNK_LEN as u64;
    let Some(last) = (chunks_len % SEALED_CHUNK_LEN as u64).checked_sub(TAG_LEN as u64) else { return None };
    Some(whole * CHUNK_LEN as u64 + last)
}

const NONCE_LEN: usize = 12;
/// How many bytes are derived for each message: the AEAD's key, the base nonce and the commitment.
pub const DERIVED_LEN: usize = KEY_LEN + NONCE_LEN + COMMITMENT_LEN;

static DERIVED: Pool<DERIVED_LEN> = Pool::new();

/// What one message's chunks are sealed with: the key of AES-256-GCM, the base nonce and the commitment, one after the
/// other as they are derived. They stay in their slot, where a move copies none of them.
pub(super) struct MessageKeys(Slot<DERIVED_LEN>);

impl MessageKeys {
    /// Derives them from key, salt and context, the context given in parts that are concatenated.
    pub(super) fn derive(key: &[u8; KEY_LEN], salt: &[u8; SALT_LEN], context: &[&[u8]]) -> Self {
        let mut info: Vec<&[u8]> = vec![INFO, salt];
        info.extend(context);
        let mut keys = Self(DERIVED.take());
        hkdf_expand_sha512(key, &info, keys.0.bytes_mut());
        keys
    }

    /// Takes what was derived for a message that stands under `prefix` (salt and commitment), if it is this message's.
    fn fill_for(prefix: &[u8; PREFIX_LEN], fill: impl FnOnce(&mut [u8; DERIVED_LEN])) -> Result<Self, OpenError> {
        let mut keys = Self(DERIVED.take());
        fill(keys.0.bytes_mut());
        if bool::from(keys.commitment().ct_eq(&prefix[SALT_LEN..])) { Ok(keys) } else { Err(OpenError::Commitment) }
    }

    /// Derives the keys of a message that stands under `prefix` (salt and commitment), if it is this key's.
    pub(super) fn derive_for(
        key: &[u8; KEY_LEN],
        prefix: &[u8; PREFIX_LEN],
        context: &[&[u8]],
    ) -> Result<Self, OpenError> {
        let mut salt = [0; SALT_LEN];
        salt.copy_from_slice(&prefix[..SALT_LEN]);
        let keys = Self::derive(key, &salt, context);
        if bool::from(keys.commitment().ct_eq(&prefix[SALT_LEN..])) { Ok(keys) } else { Err(OpenError::Commitment) }
    }

    pub(super) fn aead_key(&self) -> &[u8; KEY_LEN] {
        part::<0, KEY_LEN>(self.0.bytes())
    }

    pub(super) fn nonces(&self) -> Nonces {
        Nonces(*part::<KEY_LEN, NONCE_LEN>(self.0.bytes()))
    }

    pub(super) fn commitment(&self) -> &[u8; COMMITMENT_LEN] {
        part::<{ KEY_LEN + NONCE_LEN }, COMMITMENT_LEN>(self.0.bytes())
    }
}

/// Borrows `LEN` of the derived bytes from `FROM` on.
#[allow(clippy::expect_used, reason = "the compiler has checked that there are as many")]
fn part<const FROM: usize, const LEN: usize>(derived: &[u8; DERIVED_LEN]) -> &[u8; LEN] {
    const { assert!(FROM + LEN <= DERIVED_LEN) };
    derived[FROM..].first_chunk().expect("there are as many")
}

/// The nonces of one message: its base nonce XOR the chunk's number.
pub(super) struct Nonces([u8; NONCE_LEN]);

impl Nonces {
    /// Returns a chunk's nonce; [`OpenError::TooLong`] from chunk 2^38 on.
    pub(super) fn of(&self, number: u64) -> Result<[u8; NONCE_LEN], OpenError> {
        if number >= CHUNK_LIMIT {
            return Err(OpenError::TooLong);
        }
        let mut nonce = self.0;
        for (byte, counter) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= counter;
        }
        Ok(nonce)
    }
}

/// Seals and opens the chunks of one message. The caller sees to it that a chunk number is sealed once.
pub struct ChunkCipher {
    // The expanded key begins with the key, so it is not moved either.
    aead: Box<Aes256Gcm>,
    nonces: Nonces,
}

impl ChunkCipher {
    /// Derives the cipher and the commitment of the message with this key, salt and context, the context given in
    /// parts that are concatenated.
    #[must_use]
    pub fn derive(key: &[u8; KEY_LEN], salt: &[u8; SALT_LEN], context: &[&[u8]]) -> (Self, [u8; COMMITMENT_LEN]) {
        let keys = MessageKeys::derive(key, salt, context);
        (Self::of(&keys), *keys.commitment())
    }

    /// Derives the cipher of a message that stands under `prefix` (salt and commitment), if it is this key's.
    ///
    /// # Errors
    /// [`OpenError::Commitment`] where the message was sealed under another key or context.
    pub fn derive_for(key: &[u8; KEY_LEN], prefix: &[u8; PREFIX_LEN], context: &[&[u8]]) -> Result<Self, OpenError> {
        MessageKeys::derive_for(key, prefix, context).map(|keys| Self::of(&keys))
    }

    fn of(keys: &MessageKeys) -> Self {
        on_wiped_stack(|| Self::of_unwiped(keys))
    }

    fn of_unwiped(keys: &MessageKeys) -> Self {
        Self { aead: Box::new(Aes256Gcm::new(keys.aead_key().into())), nonces: keys.nonces() }
    }

    /// Seals chunk `number` in place and returns its tag.
    ///
    /// # Errors
    /// [`OpenError::TooLong`] from chunk 2^38 on.
    pub fn seal_chunk(&self, number: u64, bytes: &mut [u8]) -> Result<[u8; TAG_LEN], OpenError> {
        let nonce = self.nonces.of(number)?.into();
        debug_assert!(bytes.len() <= CHUNK_LEN);
        let tag = self
            .aead
            .encrypt_inout_detached(&nonce, b"", bytes.into())
            // GCM refuses only what is longer than 64 GiB.
            .map_err(|_| OpenError::TooLong)?;
        Ok(tag.into())
    }

    /// Opens chunk `number` in place: `sealed` is ciphertext and tag, and the plaintext is left in its front.
    ///
    /// # Errors
    /// [`OpenError::Truncated`] for fewer bytes than a tag, [`OpenError::Chunk`] where the tag does not hold (the
    /// bytes are then still the sealed ones), [`OpenError::TooLong`] from chunk 2^38 on.
    pub fn open_chunk<'a>(&self, number: u64, sealed: &'a mut [u8]) -> Result<&'a mut [u8], OpenError> {
        let (bytes, tag) = sealed.split_last_chunk_mut().ok_or(OpenError::Truncated)?;
        self.open_detached(number, bytes, *tag)?;
        Ok(bytes)
    }

    fn open_detached(&self, number: u64, bytes: &mut [u8], tag: [u8; TAG_LEN]) -> Result<(), OpenError> {
        let nonce = self.nonces.of(number)?.into();
        self.aead
            .decrypt_inout_detached(&nonce, b"", bytes.into(), &Tag::from(tag))
            .map_err(|_| OpenError::Chunk(number))
    }
}

/// Seals a small message under a fresh random salt.
///
/// # Errors
/// [`RandomUnavailable`] where the system has no random bytes.
pub fn seal(key: &[u8; KEY_LEN], context: &[&[u8]], plaintext: &[u8]) -> Result<Vec<u8>, RandomUnavailable> {
    let mut salt = [0; SALT_LEN];
    super::random(&mut salt)?;
    Ok(on_wiped_stack(|| seal_with_salt(key, &salt, context, plaintext)))
}

/// Seals a small message under a given salt, which must never repeat for a key: for test vectors.
fn seal_with_salt(key: &[u8; KEY_LEN], salt: &[u8; SALT_LEN], context: &[&[u8]], plaintext: &[u8]) -> Vec<u8> {
    let (cipher, commitment) = ChunkCipher::derive(key, salt, context);
    // Exact, so that no plaintext is left behind by a reallocation.
    let mut message = Vec::with_capacity(sealed_len(plaintext.len() as u64) as usize);
    message.extend_from_slice(salt);
    message.extend_from_slice(&commitment);
    let final_chunk = &plaintext[plaintext.len() / CHUNK_LEN * CHUNK_LEN..];
    for (number, chunk) in (0u64..).zip(plaintext.chunks_exact(CHUNK_LEN).chain([final_chunk])) {
        let start = message.len();
        message.extend_from_slice(chunk);
        #[allow(clippy::expect_used, reason = "no slice in memory has 2^38 chunks")]
        let tag = cipher.seal_chunk(number, &mut message[start..]).expect("no slice in memory has 2^38 chunks");
        message.extend_from_slice(&tag);
    }
    message
}

/// Opens a small message.
///
/// # Errors
/// [`OpenError`]; not a byte of the plaintext is shown then.
pub fn open(key: &[u8; KEY_LEN], context: &[&[u8]], message: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    on_wiped_stack(|| open_message(key, context, message))
}

/// Opens a small message that holds a key, and leaves the key in `opened` and nowhere else.
///
/// # Errors
/// [`OpenError`], also [`OpenError::NotAKey`]; what `opened` holds then is not to be used.
pub(crate) fn open_key(
    key: &[u8; KEY_LEN],
    context: &[&[u8]],
    message: &[u8],
    opened: &mut [u8; KEY_LEN],
) -> Result<(), OpenError> {
    on_wiped_stack(|| {
        let (prefix, sealed) = message.split_first_chunk::<PREFIX_LEN>().ok_or(OpenError::Truncated)?;
        let cipher = ChunkCipher::derive_for(key, prefix, context)?;
        let (bytes, tag) = sealed.split_last_chunk().ok_or(OpenError::Truncated)?;
        *opened = bytes.try_into().map_err(|_| OpenError::NotAKey)?;
        cipher.open_detached(0, opened, *tag)
    })
}

/// Opens messages that were sealed under one key, many of them. Whoever calls this wipes the stack below, once for all.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_one_of_many(
    key: &ExpandKey,
    context: &[&[u8]],
    message: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (prefix, chunks) = message.split_first_chunk::<PREFIX_LEN>().ok_or(OpenError::Truncated)?;
    let mut info: Vec<&[u8]> = vec![INFO, &prefix[..SALT_LEN]];
    info.extend(context);
    let keys = MessageKeys::fill_for(prefix, |derived| key.expand(&info, derived))?;
    open_chunks(&ChunkCipher::of_unwiped(&keys), message.len(), chunks)
}

/// Returns what is derived for a message: enough to open this one, and no other.
///
/// # Errors
/// [`OpenError::Commitment`] where the message was sealed under another key or context; [`OpenError::Truncated`].
pub fn disclose(
    key: &[u8; KEY_LEN],
    context: &[&[u8]],
    message: &[u8],
) -> Result<Zeroizing<[u8; DERIVED_LEN]>, OpenError> {
    let prefix = message.first_chunk::<PREFIX_LEN>().ok_or(OpenError::Truncated)?;
    let keys = MessageKeys::derive_for(key, prefix, context)?;
    Ok(Zeroizing::new(*keys.0.bytes()))
}

/// Opens a message with what [`disclose`] has returned for it.
///
/// # Errors
/// As [`open`].
pub fn open_disclosed(derived: &[u8; DERIVED_LEN], message: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (prefix, chunks) = message.split_first_chunk::<PREFIX_LEN>().ok_or(OpenError::Truncated)?;
    let keys = MessageKeys::fill_for(prefix, |own| own.copy_from_slice(derived))?;
    on_wiped_stack(|| open_chunks(&ChunkCipher::of_unwiped(&keys), message.len(), chunks))
}

fn open_message(key: &[u8; KEY_LEN], context: &[&[u8]], message: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (prefix, chunks) = message.split_first_chunk::<PREFIX_LEN>().ok_or(OpenError::Truncated)?;
    // The commitment before any chunk: a chunk opened under the wrong key would be an oracle.
    open_chunks(&ChunkCipher::derive_for(key, prefix, context)?, message.len(), chunks)
}

fn open_chunks(cipher: &ChunkCipher, length: usize, chunks: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let length = opened_len(length as u64).ok_or(OpenError::Truncated)?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(length as usize + TAG_LEN));
    let final_chunk = &chunks[chunks.len() / SEALED_CHUNK_LEN * SEALED_CHUNK_LEN..];
    for (number, sealed) in (0u64..).zip(chunks.chunks_exact(SEALED_CHUNK_LEN).chain([final_chunk])) {
        let start = plaintext.len();
        plaintext.extend_from_slice(sealed);
        let opened = cipher.open_chunk(number, &mut plaintext[start..])?.len();
        plaintext.truncate(start + opened);
    }
    Ok(plaintext)
}

#[cfg(test)]
mod tests;
