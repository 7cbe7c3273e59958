//! Messages built to open under two keys. AES-GCM does not commit to its key: whoever knows two keys can choose a
//! ciphertext and a tag that are good under both (Dodis, Grubbs, Ristenpart, Woodage: Fast Message Franking, 2018;
//! Len, Grubbs, Ristenpart: Partitioning Oracle Attacks, 2021). Here it is done in earnest, and only the commitment
//! that Cobblestone-256 puts before its chunks stands in the way.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha512;
use strongroom::body::{BodyError, Opener, Output, Run};
use strongroom::crypto::cobblestone::{self, ChunkCipher, OpenError, SALT_LEN};
use strongroom::crypto::hmac::{MacKey, sha512};
use strongroom::crypto::secret::ProjectFileKey;
use strongroom::format::sealed::{Block, Prelude, Stanza, stanza};
use strongroom::format::{FileId, label};

use super::keys::key;
use crate::support::proof::record;

/// How many pairs of keys each kind of message is built for.
const PAIRS: u32 = 200;

/// Multiplies in the field of GCM (NIST SP 800-38D section 6.3): the first bit of a block is the lowest power.
fn times(x: u128, y: u128) -> u128 {
    let (mut product, mut shifted) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted = if shifted & 1 == 1 { shifted >> 1 ^ 0xe1 << 120 } else { shifted >> 1 };
    }
    product
}

const ONE: u128 = 1 << 127;

/// The inverse is the power 2^128 - 2.
fn inverse(x: u128) -> u128 {
    let (mut inverse, mut square) = (ONE, x);
    for _ in 0..127 {
        square = times(square, square);
        inverse = times(inverse, square);
    }
    inverse
}

/// One key's AES-GCM, with the values that make its tags linear in the ciphertext.
struct Linear {
    gcm: Aes256Gcm,
    nonce: [u8; 12],
    /// The hash key H, and what the tag of this nonce is masked with.
    h: u128,
    mask: u128,
}

fn blocks(bytes: &[u8]) -> Vec<u128> {
    assert!(bytes.len().is_multiple_of(16), "whole blocks only");
    bytes.chunks(16).map(|block| u128::from_be_bytes(block.try_into().unwrap())).collect()
}

impl Linear {
    fn new(aead_key: &[u8; 32], nonce: [u8; 12]) -> Self {
        let gcm = Aes256Gcm::new(aead_key.into());
        let seal = |plaintext: &[u8]| gcm.encrypt(&Nonce::from(nonce), plaintext).unwrap();
        // Without any ciphertext the tag is the mask; of one block of zeros it is H times the length, masked.
        let mask = blocks(&seal(b""))[0];
        let keystream = seal(&[0; 16])[..16].to_vec();
        let of_zeros = blocks(&seal(&keystream));
        assert_eq!(of_zeros[0], 0);
        let h = times(of_zeros[1] ^ mask, inverse(128));
        Self { gcm, nonce, h, mask }
    }

    fn tag(&self, ciphertext: &[u128]) -> u128 {
        let length = 128 * ciphertext.len() as u128;
        let hash = ciphertext.iter().chain([&length]).fold(0, |hash, block| times(hash ^ block, self.h));
        hash ^ self.mask
    }

    fn opens(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.gcm.decrypt(&Nonce::from(self.nonce), sealed).ok()
    }
}

/// Replaces the block at `free` so that the tags of both keys become one, and returns ciphertext and tag.
fn collide(one: &Linear, two: &Linear, mut ciphertext: Vec<u128>, free: usize) -> Vec<u8> {
    ciphertext[free] = 0;
    let power = |h| (free..=ciphertext.len()).fold(ONE, |power, _| times(power, h));
    let difference = one.tag(&ciphertext) ^ two.tag(&ciphertext);
    ciphertext[free] = times(difference, inverse(power(one.h) ^ power(two.h)));
    let tag = one.tag(&ciphertext);
    assert_eq!(tag, two.tag(&ciphertext));
    ciphertext.iter().chain([&tag]).flat_map(|block| block.to_be_bytes()).collect()
}

/// What a message's first chunk is sealed with, derived by RFC 5869 and the specification, not by the library.
fn linear(key: &[u8; 32], salt: &[u8; SALT_LEN], context: &[u8]) -> Linear {
    let info = [&b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"[..], salt, context].concat();
    let expand = |input: &[u8]| -> [u8; 64] {
        let mut mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
        mac.update(input);
        mac.finalize().into_bytes().into()
    };
    let okm = expand(&[&info[..], &[1]].concat());
    Linear::new(okm[..32].try_into().unwrap(), okm[32..44].try_into().unwrap())
}

fn number(seed: u32, what: &str) -> [u8; 32] {
    sha512(format!("{what} {seed}").as_bytes())[..32].try_into().unwrap()
}

/// A message that the two keys open to `plaintext` and to something else, but for its commitment, which is the first
/// key's; and the same under the second key's.
struct TwoFaced {
    committed: [Vec<u8>; 2],
    /// What plain AES-256-GCM opens it to under each key.
    plaintexts: [Vec<u8>; 2],
}

fn two_faced(keys: [&[u8; 32]; 2], context: &[u8], plaintext: &[u8], salt: [u8; SALT_LEN]) -> TwoFaced {
    let [one, two] = keys.map(|key| linear(key, &salt, context));
    let (cipher, _) = ChunkCipher::derive(keys[0], &salt, &[context]);
    let mut ciphertext = plaintext.to_vec();
    cipher.seal_chunk(0, &mut ciphertext).unwrap();
    let ciphertext = blocks(&ciphertext);
    let free = ciphertext.len() - 1;
    let chunk = collide(&one, &two, ciphertext, free);
    let plaintexts = [&one, &two].map(|key| key.opens(&chunk).expect("plain AES-256-GCM opens it under either key"));
    assert_ne!(plaintexts[0], plaintexts[1]);
    let kept = plaintext.len() - 16;
    assert_eq!(plaintexts[0][..kept], plaintext[..kept], "all but the free block is as it was chosen");
    let committed = keys.map(|key| {
        let (_, commitment) = ChunkCipher::derive(key, &salt, &[context]);
        [&salt[..], &commitment, &chunk].concat()
    });
    TwoFaced { committed, plaintexts }
}

#[test]
fn multiplication_is_that_of_gcm() {
    // Test case 2 of the GCM specification (McGrew, Viega): H, and the product of the one block of ciphertext with it.
    let h = 0x66e9_4bd4_ef8a_2c3b_884c_fa59_ca34_2b2e;
    let block = 0x0388_dace_60b6_a392_f328_c2b9_71b2_fe78;
    assert_eq!(times(block, h), 0x5e2e_c746_9170_6288_2c85_b068_5353_deb7);
    assert_eq!(times(h, inverse(h)), ONE);
}

/// Each message opens under the key it commits to and is refused under the other.
fn commits(message: &TwoFaced, keys: [&[u8; 32]; 2], context: &[u8]) {
    for (committed, sealed) in message.committed.iter().enumerate() {
        for (tried, key) in keys.into_iter().enumerate() {
            match cobblestone::open(key, &[context], sealed) {
                Ok(plaintext) => assert!(tried == committed && plaintext[..] == message.plaintexts[tried][..]),
                Err(error) => assert!(tried != committed && error == OpenError::Commitment, "{error}"),
            }
        }
    }
}

#[test]
fn a_wrapped_key_that_aes_gcm_opens_under_two_keys_opens_under_one() {
    // The three keys that are wrapped as they stand in files that others may write: the data key under KEKs, content
    // keys under file keys, file keys under data keys.
    let prelude = Prelude { block_len: 4096, file: FileId::from_bytes([7; 16]) }.to_bytes();
    let contexts = [
        ("a KEK", [label::DATA_KEY, &sha512(b"a wrap's protected part")].concat()),
        ("a file key", [label::CONTENT_KEY, &prelude].concat()),
        ("a data key", [label::FILE_KEY, &[1; 16], &[2; 16], &[0, 0, 0, 1]].concat()),
    ];
    for (what, context) in &contexts {
        for pair in 0..PAIRS {
            let keys = [number(2 * pair, what), number(2 * pair + 1, what)];
            let salt = number(pair, "a salt")[..SALT_LEN].try_into().unwrap();
            let message = two_faced(keys.each_ref(), context, &number(pair, "a wrapped key"), salt);
            commits(&message, keys.each_ref(), context);
        }
    }
    let tried = PAIRS * contexts.len() as u32;
    record(
        "hostile-commitment-wraps",
        "wrapped keys that plain AES-256-GCM opens under two keys",
        &format!(
            "{tried} built for KEKs, file keys and data keys: each opens under the one it commits to, 0 under both"
        ),
    );
}

/// The header of a sealed file whose content key is given.
fn header(file_key: &ProjectFileKey, content_key: &[u8; 32], prelude: Prelude) -> Vec<u8> {
    let bytes = prelude.to_bytes();
    let context: [&[u8]; 2] = [label::CONTENT_KEY, &bytes];
    let project = cobblestone::seal(file_key.key.expose(), &context, content_key).unwrap();
    let json = format!("{:256}", "{}");
    let metadata = cobblestone::seal(content_key, &[label::METADATA, &bytes], json.as_bytes()).unwrap();
    let stanzas = [(stanza::PROJECT, project), (stanza::METADATA, metadata)];
    let stanzas = stanzas.map(|(kind, body)| Stanza { kind, body }).into();
    let mac_key = MacKey::derive(content_key, label::HEADER_MAC);
    Block { prelude, sequence: 0, stanzas }.to_bytes(|message| mac_key.tag(message)).unwrap().repeat(2)
}

#[test]
fn a_body_that_aes_gcm_opens_under_two_content_keys_belongs_to_one_header() {
    // A salesman's trick: one body, and two headers by which two projects would read two different files.
    let pays = b"The fee is 1,000 in all, to be paid in November, whatever is delivered until then.             .";
    let prelude = Prelude { block_len: 4096, file: FileId::from_bytes([7; 16]) };
    let context = prelude.to_bytes();
    for pair in 0..PAIRS {
        let content_keys = [number(2 * pair, "a content key"), number(2 * pair + 1, "a content key")];
        let salt = number(pair, "a salt")[..SALT_LEN].try_into().unwrap();
        let message = two_faced(content_keys.each_ref(), &context, &pays.repeat(20)[..1600], salt);
        commits(&message, content_keys.each_ref(), &context);
        for (committed, body) in message.committed.iter().enumerate() {
            for (tried, content_key) in content_keys.iter().enumerate() {
                let project = tried as u8 + 1;
                let file = [&header(&key(project, 1), content_key, prelude)[..], body].concat();
                let mut plaintext = Vec::new();
                let opened = Opener::new(file, &key(project, 1))
                    .and_then(|opener| opener.copy_to(Output::Stream(&mut plaintext), Run::quiet()));
                match opened {
                    Ok(_) => assert!(tried == committed && plaintext == message.plaintexts[tried]),
                    Err(error) => {
                        assert!(tried != committed, "{error}");
                        let detail = "its body does not belong to its header";
                        assert!(
                            matches!(&error, BodyError::Damaged { detail: found, .. } if found == detail),
                            "{error}"
                        );
                    }
                }
            }
        }
    }
    record(
        "hostile-commitment-bodies",
        "bodies that plain AES-256-GCM opens under two content keys",
        &format!("{PAIRS} built: each opens under the header it commits to, 0 under both"),
    );
}
