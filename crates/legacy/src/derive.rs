//! Keys made of passwords. Every cost is checked before it is paid: it may come from a hostile file.

use hmac::digest::Digest;
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use crate::error::Refused;
use crate::request::{Hash, Scrypt};
use crate::secret::SecretBytes;

/// More iterations of PBKDF2 are refused.
pub const ITERATIONS_LIMIT: u64 = 10_000_000;
/// scrypt that needs more memory than this is refused, in bytes.
pub const SCRYPT_MEMORY_LIMIT: u64 = 1 << 30;
/// The times that scrypt may be done over; each takes the memory once.
const SCRYPT_TIMES_LIMIT: u32 = 16;
/// No scheme needs a longer key, with its IV.
const LENGTH_LIMIT: usize = 64;

fn new_key(length: usize) -> Result<Zeroizing<Vec<u8>>, Refused> {
    if length > LENGTH_LIMIT {
        return Err(Refused::Bounds("the key is longer than any cipher's"));
    }
    Ok(Zeroizing::new(vec![0; length]))
}

/// Returns the SHA-256 of a text.
pub fn sha256(text: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(&Zeroizing::new(<[u8; 32]>::from(Sha256::digest(text)))[..])
}

/// Refuses a number of iterations before any of them.
///
/// # Errors
/// [`Refused::Bounds`].
pub fn check_iterations(iterations: u64) -> Result<u32, Refused> {
    match u32::try_from(iterations) {
        Ok(0) => Err(Refused::Bounds("PBKDF2 has at least one iteration")),
        Ok(checked) if iterations <= ITERATIONS_LIMIT => Ok(checked),
        _ => Err(Refused::Bounds("PBKDF2 is refused with more than 10,000,000 iterations")),
    }
}

/// Makes a key by PBKDF2.
///
/// # Errors
/// [`Refused::Bounds`].
pub fn pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u64,
    length: usize,
) -> Result<SecretBytes, Refused> {
    let iterations = check_iterations(iterations)?;
    let mut key = new_key(length)?;
    match hash {
        Hash::Md5 => return Err(Refused::Parameters("PBKDF2 is not used with MD5")),
        Hash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut key),
        Hash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut key),
        Hash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut key),
    }
    Ok(SecretBytes::new(key))
}

/// Makes a key by scrypt, in 1 GiB of memory at most.
///
/// # Errors
/// [`Refused::Bounds`].
pub fn scrypt(cost: Scrypt, password: &[u8], salt: &[u8], length: usize) -> Result<SecretBytes, Refused> {
    scrypt_up_to(SCRYPT_MEMORY_LIMIT, cost, password, salt, length)
}

/// Makes a key by scrypt, in so much memory at most.
///
/// # Errors
/// [`Refused::Bounds`].
pub fn scrypt_up_to(
    limit: u64,
    cost: Scrypt,
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Result<SecretBytes, Refused> {
    const REFUSED: Refused =
        Refused::Bounds("scrypt's N has to be a power of 2, its memory (128 N r bytes) 1 GiB at most, and its p 16");
    let memory = u64::from(cost.r).checked_mul(128).and_then(|block| block.checked_mul(cost.n)).ok_or(REFUSED)?;
    let is_refused = memory > limit || cost.p > SCRYPT_TIMES_LIMIT || !cost.n.is_power_of_two();
    let log_n = u8::try_from(cost.n.trailing_zeros()).map_err(|_| REFUSED)?;
    if is_refused {
        return Err(REFUSED);
    }
    // The crate would abort the process for want of memory.
    let size = usize::try_from(memory).map_err(|_| REFUSED)?;
    if Vec::<u8>::new().try_reserve_exact(size).is_err() {
        return Err(Refused::Bounds("there is not enough memory for scrypt with this cost"));
    }
    let params = scrypt::Params::new(log_n, cost.r, cost.p).map_err(|_| REFUSED)?;
    let mut key = new_key(length)?;
    scrypt::scrypt(password, salt, &params, &mut key).map_err(|_| REFUSED)?;
    Ok(SecretBytes::new(key))
}

/// Makes a key, and the IV behind it, as OpenSSL's `EVP_BytesToKey` does with one pass.
///
/// # Errors
/// [`Refused::Bounds`].
pub fn evp(hash: Hash, password: &[u8], salt: &[u8], length: usize) -> Result<SecretBytes, Refused> {
    let mut key = new_key(length)?;
    match hash {
        Hash::Md5 => evp_with::<Md5>(password, salt, &mut key),
        Hash::Sha1 => evp_with::<Sha1>(password, salt, &mut key),
        Hash::Sha256 => evp_with::<Sha256>(password, salt, &mut key),
        Hash::Sha512 => evp_with::<Sha512>(password, salt, &mut key),
    }
    Ok(SecretBytes::new(key))
}

fn evp_with<D: Digest>(password: &[u8], salt: &[u8], key: &mut [u8]) {
    let mut last: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::new());
    let mut filled = 0;
    while filled < key.len() {
        let digest = D::new().chain_update(&last).chain_update(password).chain_update(salt).finalize();
        last = Zeroizing::new(digest.to_vec());
        let taken = last.len().min(key.len() - filled);
        key[filled..filled + taken].copy_from_slice(&last[..taken]);
        filled += taken;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_published_vectors() {
        // RFC 6070, RFC 7914 section 12, and `openssl enc -k password -S 0102030405060708 -md md5 -P -aes-128-cbc`.
        let key = pbkdf2(Hash::Sha1, b"password", b"salt", 4096, 20).unwrap();
        assert_eq!(hex::encode(key.expose()), "4b007901b765489abead49d926f721d065a429c1");
        let key = scrypt(Scrypt { n: 1024, r: 8, p: 16 }, b"password", b"NaCl", 32).unwrap();
        assert_eq!(hex::encode(key.expose()), "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162");
    }

    #[test]
    fn hostile_costs_are_refused_at_once() {
        for iterations in [0, ITERATIONS_LIMIT + 1, 1 << 32, u64::MAX] {
            assert!(matches!(pbkdf2(Hash::Sha256, b"a", b"b", iterations, 32), Err(Refused::Bounds(_))));
        }
        for (n, r, p) in
            [(1 << 32, 8, 1), (u64::MAX, 8, 1), (3, 8, 1), (0, 8, 1), (1 << 20, 9, 1), (2, 8, 17), (2, 0, 1)]
        {
            assert!(matches!(scrypt(Scrypt { n, r, p }, b"a", b"b", 32), Err(Refused::Bounds(_))), "{n} {r} {p}");
        }
        assert!(matches!(evp(Hash::Md5, b"a", b"b", 65), Err(Refused::Bounds(_))));
    }
}
