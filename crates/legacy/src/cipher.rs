//! AES in its modes, in pieces and in place.

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor as CbcDecryptor;
use cfb8::Decryptor as Cfb8Decryptor;
use cipher::array::Array;
use cipher::consts::{U15, U16};
use cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockSizeUser, KeyInit, KeyIvInit, StreamCipher,
};
use ctr::{Ctr32BE, Ctr128BE};
use eax::online::{Decrypt, Eax};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use ocb3::Ocb3;
use ocb3::aead::AeadInOut;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::request::Mode;

/// AES's block, in bytes.
pub const BLOCK: usize = 16;
/// The most that GCM encrypts under one nonce, in bytes.
const GCM_LIMIT: u64 = (1 << 36) - 32;

/// A cipher at work on one file.
pub trait Engine: Send {
    /// Decrypts the next piece. Its length is a multiple of the block's.
    fn apply(&mut self, bytes: &mut [u8]);

    /// Decrypts the last piece, of any length that the mode allows, and compares the tag if the mode has one.
    #[must_use]
    fn finish(self: Box<Self>, bytes: &mut [u8], tag: &[u8]) -> bool;
}

/// What a cipher needs besides its key.
pub struct Setting<'a> {
    /// The IV or nonce.
    pub nonce: &'a [u8],
    /// What was authenticated besides the data.
    pub aad: &'a [u8],
    /// How long the ciphertext is.
    pub length: u64,
}

/// Begins to decrypt; `None` if a length is none of the mode's.
pub fn engine(mode: Mode, key: &[u8], setting: &Setting<'_>) -> Option<Box<dyn Engine>> {
    match key.len() {
        16 => engine_with::<Aes128>(mode, key, setting),
        24 => engine_with::<Aes192>(mode, key, setting),
        32 => engine_with::<Aes256>(mode, key, setting),
        _ => None,
    }
}

fn engine_with<C>(mode: Mode, key: &[u8], setting: &Setting<'_>) -> Option<Box<dyn Engine>>
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt + KeyInit + Clone + Send + 'static,
    Eax<C, Decrypt>: Send,
    Ocb3<C, U15>: Send,
{
    let Setting { nonce, aad, length } = setting;
    Some(match mode {
        Mode::Cbc if length.is_multiple_of(BLOCK as u64) => {
            Box::new(Cbc(CbcDecryptor::<C>::new_from_slices(key, nonce).ok()?))
        }
        Mode::Cbc => return None,
        Mode::Ctr | Mode::CtrHmac => {
            // The counter is what the nonce leaves of the block.
            let mut counter = [0; BLOCK];
            counter.get_mut(..nonce.len())?.copy_from_slice(nonce);
            Box::new(Keystream(Ctr128BE::<C>::new_from_slices(key, &counter).ok()?))
        }
        Mode::Cfb8 => Box::new(Cfb8(Cfb8Decryptor::<C>::new_from_slices(key, nonce).ok()?)),
        Mode::Gcm => Box::new(Gcm::<C>::new(key, nonce, aad, *length)?),
        Mode::Eax => {
            let mut eax = Eax::<C, Decrypt>::with_key_and_nonce(key.try_into().ok()?, (*nonce).try_into().ok()?);
            eax.update_assoc(aad);
            Box::new(EaxInPieces(eax))
        }
        Mode::Ocb => {
            let nonce = Array::try_from(*nonce).ok()?;
            Box::new(Ocb::<C> { cipher: Ocb3::new_from_slice(key).ok()?, nonce, aad: aad.to_vec() })
        }
    })
}

struct Cbc<C: BlockCipherDecrypt>(CbcDecryptor<C>);

impl<C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> + Send> Engine for Cbc<C> {
    fn apply(&mut self, bytes: &mut [u8]) {
        self.0.decrypt_blocks(Array::slice_as_chunks_mut(bytes).0);
    }

    fn finish(mut self: Box<Self>, bytes: &mut [u8], _: &[u8]) -> bool {
        self.apply(bytes);
        true
    }
}

struct Keystream<S>(S);

impl<S: StreamCipher + Send> Engine for Keystream<S> {
    fn apply(&mut self, bytes: &mut [u8]) {
        self.0.unchecked_apply_keystream(bytes);
    }

    fn finish(mut self: Box<Self>, bytes: &mut [u8], _: &[u8]) -> bool {
        self.apply(bytes);
        true
    }
}

struct Cfb8<C: BlockCipherEncrypt>(Cfb8Decryptor<C>);

impl<C: BlockCipherEncrypt + Send> Engine for Cfb8<C> {
    fn apply(&mut self, bytes: &mut [u8]) {
        self.0.decrypt(bytes);
    }

    fn finish(mut self: Box<Self>, bytes: &mut [u8], _: &[u8]) -> bool {
        self.apply(bytes);
        true
    }
}

/// GCM (NIST SP 800-38D section 7.2) in pieces: the crates for it take a whole message. A nonce of another length than
/// 12 bytes is hashed.
struct Gcm<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> {
    hash: GHash,
    stream: Ctr32BE<C>,
    /// The keystream's block that the tag is masked with.
    mask: [u8; BLOCK],
    aad_length: u64,
    length: u64,
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit> Gcm<C> {
    fn new(key: &[u8], nonce: &[u8], aad: &[u8], length: u64) -> Option<Self> {
        if nonce.is_empty() || length > GCM_LIMIT {
            return None;
        }
        let mut hash_key = Array::default();
        C::new_from_slice(key).ok()?.encrypt_block(&mut hash_key);
        let first = if nonce.len() == 12 {
            let mut first = [0; BLOCK];
            first[..12].copy_from_slice(nonce);
            first[15] = 1;
            Array(first)
        } else {
            let mut hash = GHash::new(&hash_key);
            hash.update_padded(nonce);
            hash.update(&[lengths(0, nonce.len() as u64)]);
            hash.finalize()
        };
        let mut hash = GHash::new(&hash_key);
        hash_key.zeroize();
        hash.update_padded(aad);
        let mut stream = Ctr32BE::<C>::new_from_slices(key, &first).ok()?;
        // The first block masks the tag; the data begins with the next.
        let mut mask = [0; BLOCK];
        stream.unchecked_apply_keystream(&mut mask);
        Some(Self { hash, stream, mask, aad_length: aad.len() as u64, length })
    }
}

/// Returns the block of two lengths in bytes, written in bits, that ends what GHASH hashes.
fn lengths(aad: u64, data: u64) -> Array<u8, U16> {
    let mut block = [0; BLOCK];
    block[..8].copy_from_slice(&(aad.wrapping_mul(8)).to_be_bytes());
    block[8..].copy_from_slice(&(data.wrapping_mul(8)).to_be_bytes());
    Array(block)
}

impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + Send> Engine for Gcm<C> {
    fn apply(&mut self, bytes: &mut [u8]) {
        self.hash.update_padded(bytes);
        self.stream.unchecked_apply_keystream(bytes);
    }

    fn finish(mut self: Box<Self>, bytes: &mut [u8], tag: &[u8]) -> bool {
        self.apply(bytes);
        let Self { mut hash, mask, aad_length, length, .. } = *self;
        hash.update(&[lengths(aad_length, length)]);
        let mut expected = hash.finalize();
        expected.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        // Shorter tags than 96 bits are too easily met by chance.
        (12..=BLOCK).contains(&tag.len()) && bool::from(expected[..tag.len()].ct_eq(tag))
    }
}

struct EaxInPieces<C>(Eax<C, Decrypt>)
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + Clone + KeyInit;

impl<C> Engine for EaxInPieces<C>
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + Clone + KeyInit,
    Eax<C, Decrypt>: Send,
{
    fn apply(&mut self, bytes: &mut [u8]) {
        self.0.decrypt_unauthenticated_hazmat(bytes);
    }

    fn finish(mut self: Box<Self>, bytes: &mut [u8], tag: &[u8]) -> bool {
        self.apply(bytes);
        tag.try_into().is_ok_and(|tag| self.0.finish(tag).is_ok())
    }
}

/// OCB, whose crate takes a whole message: it is one piece, the last.
struct Ocb<C>
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt,
{
    cipher: Ocb3<C, U15>,
    nonce: Array<u8, U15>,
    aad: Vec<u8>,
}

impl<C> Engine for Ocb<C>
where
    C: BlockSizeUser<BlockSize = U16> + BlockCipherEncrypt + BlockCipherDecrypt + Send,
    Ocb3<C, U15>: Send,
{
    fn apply(&mut self, _: &mut [u8]) {}

    fn finish(self: Box<Self>, bytes: &mut [u8], tag: &[u8]) -> bool {
        let Ok(tag) = tag.try_into() else { return false };
        self.cipher.decrypt_inout_detached(&self.nonce, &self.aad, bytes.into(), tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decrypts in two pieces.
    fn opened(mode: Mode, key: &[u8], nonce: &[u8], aad: &[u8], ciphertext: &[u8], tag: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = ciphertext.to_vec();
        let mut engine = engine(mode, key, &Setting { nonce, aad, length: bytes.len() as u64 })?;
        let half = if mode == Mode::Ocb { 0 } else { bytes.len() / 32 * 16 };
        let (first, last) = bytes.split_at_mut(half);
        engine.apply(first);
        engine.finish(last, tag).then_some(bytes)
    }

    #[test]
    fn gcm_in_pieces_agrees_with_the_crate_for_whole_messages() {
        for length in [0, 1, 15, 16, 17, 100, 1000] {
            let plaintext: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut bytes = plaintext.clone();
            let cipher = aes_gcm::Aes256Gcm::new(&[7; 32].into());
            let tag = cipher.encrypt_inout_detached(&[9; 12].into(), b"aad", bytes.as_mut_slice().into()).unwrap();
            assert_eq!(opened(Mode::Gcm, &[7; 32], &[9; 12], b"aad", &bytes, &tag), Some(plaintext));
            assert_eq!(opened(Mode::Gcm, &[7; 32], &[9; 12], b"aae", &bytes, &tag), None);
            assert_eq!(opened(Mode::Gcm, &[6; 32], &[9; 12], b"aad", &bytes, &tag), None);
            assert_eq!(opened(Mode::Gcm, &[7; 32], &[9; 12], b"aad", &bytes, &tag[..11]), None);
        }
    }

    #[test]
    fn gcm_hashes_a_nonce_of_another_length() {
        // Test case 6 of the GCM specification: a nonce of 60 bytes.
        let key = hex::decode("feffe9928665731c6d6a8f9467308308").unwrap();
        let nonce = hex::decode(
            "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6\
             a57a637b39b",
        )
        .unwrap();
        let aad = hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap();
        let ciphertext = hex::decode(
            "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca41\
             7034c34aee5",
        )
        .unwrap();
        let tag = hex::decode("619cc5aefffe0bfa462af43c1699d050").unwrap();
        let opened = opened(Mode::Gcm, &key, &nonce, &aad, &ciphertext, &tag).unwrap();
        assert!(hex::encode(opened).starts_with("d9313225f88406e5a55909c5aff5269a"));
    }

    #[test]
    fn lengths_that_a_mode_does_not_have_are_refused() {
        let engine = |mode, key: usize, nonce: usize, length| {
            super::engine(mode, &vec![1; key], &Setting { nonce: &vec![1; nonce], aad: b"", length }).is_some()
        };
        assert!(engine(Mode::Cbc, 16, 16, 32) && engine(Mode::Ocb, 24, 15, 1) && engine(Mode::Ctr, 32, 0, 1));
        for (mode, key, nonce, length) in [
            (Mode::Cbc, 15, 16, 32),
            (Mode::Cbc, 16, 15, 32),
            (Mode::Cbc, 16, 16, 31),
            (Mode::Ctr, 16, 17, 1),
            (Mode::Gcm, 16, 0, 1),
            (Mode::Gcm, 16, 12, 1 << 37),
            (Mode::Eax, 16, 12, 1),
            (Mode::Ocb, 16, 16, 1),
            (Mode::Cfb8, 16, 0, 1),
            (Mode::Gcm, 0, 12, 1),
        ] {
            assert!(!engine(mode, key, nonce, length), "{mode:?} {key} {nonce} {length}");
        }
    }
}
