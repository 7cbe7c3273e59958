//! The keys of an Office file, made of its password ([MS-OFFCRYPTO], 2.3.4.7, 2.3.4.9 and 2.3.4.11 to 2.3.4.14).

use aes::{Aes128, Aes192, Aes256};
use cipher::array::Array;
use cipher::consts::U16;
use cipher::{BlockCipherDecrypt, BlockSizeUser, KeyInit};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::hashes::Hash;
use super::info::{Agile, Parameters, STANDARD_SPINS, Standard};
use crate::cipher::{BLOCK, Setting, engine};
use crate::request::Mode;

/// What each key that is made of the password is for.
const VERIFIER: &[u8] = &[0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79];
const VERIFIER_HASH: &[u8] = &[0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e];
const DATA_KEY: &[u8] = &[0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6];
const HMAC_KEY: &[u8] = &[0x5f, 0xb2, 0xad, 0x01, 0x0c, 0xb9, 0xe1, 0xf6];
const HMAC_VALUE: &[u8] = &[0xa0, 0x67, 0x7f, 0x02, 0xb2, 0x2c, 0x84, 0x33];
/// What a hash that is too short for a key or an IV is filled with.
const FILLING: u8 = 0x36;

/// Cuts a hash to a length, or fills it.
fn fitted(mut hash: Zeroizing<Vec<u8>>, length: usize) -> Zeroizing<Vec<u8>> {
    if hash.len() < length {
        let mut filled = Zeroizing::new(vec![FILLING; length]);
        filled[..hash.len()].copy_from_slice(&hash);
        return filled;
    }
    hash.truncate(length);
    hash
}

/// Decrypts bytes in CBC; `None` if they are no whole blocks.
pub fn cbc(key: &[u8], iv: &[u8], bytes: &mut [u8]) -> Option<()> {
    let setting = Setting { nonce: iv, aad: &[], length: bytes.len() as u64 };
    engine(Mode::Cbc, key, &setting)?.finish(bytes, &[]).then_some(())
}

/// Decrypts blocks each by itself; `None` if they are not whole.
pub fn ecb(key: &[u8], bytes: &mut [u8]) -> Option<()> {
    match key.len() {
        16 => ecb_with::<Aes128>(key, bytes),
        24 => ecb_with::<Aes192>(key, bytes),
        32 => ecb_with::<Aes256>(key, bytes),
        _ => None,
    }
}

fn ecb_with<C: BlockSizeUser<BlockSize = U16> + BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    bytes: &mut [u8],
) -> Option<()> {
    let (blocks, rest) = Array::slice_as_chunks_mut(bytes);
    C::new_from_slice(key).ok()?.decrypt_blocks(blocks);
    rest.is_empty().then_some(())
}

type Secret = Zeroizing<Vec<u8>>;

/// The data's key, and the key and the value of the HMAC that proves the data.
pub struct Keys {
    pub data: Secret,
    pub integrity: Option<(Secret, Secret)>,
}

/// Returns the IV of a segment, or of what else is encrypted under the data's key.
pub fn agile_iv(data: &Parameters, which: &[u8]) -> Zeroizing<Vec<u8>> {
    fitted(data.hash.of(&[&data.salt, which]), BLOCK)
}

/// Opens the keys; `None` if the password is wrong.
pub fn agile(info: &Agile, password: &[u8]) -> Option<Keys> {
    let Agile { data, password: parameters, .. } = info;
    let hash = parameters.hash;
    let spun = hash.spun(&parameters.salt, password, info.spins);
    let iv = fitted(Zeroizing::new(parameters.salt.clone()), BLOCK);
    let opened = |which: &[u8], encrypted: &[u8]| {
        let key = fitted(hash.of(&[&spun, which]), parameters.key_length);
        let mut opened = Zeroizing::new(encrypted.to_vec());
        cbc(&key, &iv, &mut opened)?;
        Some(opened)
    };
    let mut verifier = opened(VERIFIER, &info.verifier.0)?;
    verifier.truncate(parameters.salt.len());
    let expected = opened(VERIFIER_HASH, &info.verifier.1)?;
    let is_right: bool = expected.get(..hash.length())?.ct_eq(&hash.of(&[&verifier])).into();
    if !is_right {
        return None;
    }
    let mut key = opened(DATA_KEY, &info.key)?;
    key.truncate(data.key_length);
    let integrity = match &info.integrity {
        None => None,
        Some((hmac_key, value)) => {
            let opened = |which: &[u8], encrypted: &[u8]| {
                let mut opened = Zeroizing::new(encrypted.to_vec());
                cbc(&key, &agile_iv(data, which), &mut opened)?;
                opened.truncate(data.hash.length());
                (opened.len() == data.hash.length()).then_some(opened)
            };
            Some((opened(HMAC_KEY, hmac_key)?, opened(HMAC_VALUE, value)?))
        }
    };
    Some(Keys { data: key, integrity })
}

/// Returns the key of standard encryption; `None` if the password is wrong.
pub fn standard(info: &Standard, password: &[u8]) -> Option<Keys> {
    let hash = Hash::Sha1;
    let spun = hash.spun(&info.salt, password, STANDARD_SPINS);
    let last = hash.of(&[&spun, &[0; 4]]);
    let half = |filling: u8| {
        let mut block = Zeroizing::new([filling; 64]);
        block.iter_mut().zip(last.iter()).for_each(|(byte, other)| *byte ^= other);
        hash.of(&[&block[..]])
    };
    let mut key = Zeroizing::new(Vec::with_capacity(2 * hash.length()));
    key.extend_from_slice(&half(0x36));
    key.extend_from_slice(&half(0x5c));
    key.truncate(info.key_length);
    let (mut verifier, mut expected) =
        (Zeroizing::new(info.verifier.0.clone()), Zeroizing::new(info.verifier.1.clone()));
    ecb(&key, &mut verifier)?;
    ecb(&key, &mut expected)?;
    let is_right: bool = expected.get(..hash.length())?.ct_eq(&hash.of(&[&verifier])).into();
    is_right.then_some(Keys { data: key, integrity: None })
}
