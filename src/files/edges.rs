//! What a plaintext is known by later without its content being kept: how it begins and how it ends.

use std::io;

use zeroize::Zeroizing;

use crate::body::{ReadAt, retry};
use crate::crypto::hmac::sha256;

/// How many bytes of each end count. Of 64 KiB each, the digest would take a tenth of the time that sealing 100 KB takes.
const END: u64 = 16 << 10;

/// SHA-256 over the first and the last 16 KiB of a file, which is all of it up to 32 KiB. It costs the same whatever
/// the file's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edges([u8; 32]);

impl Edges {
    /// Reads them from an open file.
    ///
    /// # Errors
    /// Those of the system; [`io::ErrorKind::UnexpectedEof`] if the file gets shorter meanwhile.
    pub fn of(file: &dyn ReadAt) -> io::Result<Self> {
        let len = file.size()?;
        let first = len.min(END);
        let last = (len - first).min(END);
        // At most twice `END`, which fits.
        let mut bytes = Zeroizing::new(vec![0; (first + last) as usize]);
        let (start, end) = bytes.split_at_mut(first as usize);
        fill(file, start, 0)?;
        fill(file, end, len - last)?;
        Ok(Self(sha256(&bytes)))
    }

    /// Takes them from a record.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns them for a record.
    #[cfg_attr(not(test), allow(dead_code, reason = "whoever opens a file records them"))]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Tells whether they are of every byte of a file of that length, so that two files that have the same are the same.
    pub fn are_all_of(len: u64) -> bool {
        len <= 2 * END
    }
}

fn fill(file: &dyn ReadAt, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = retry(|| file.read_at(bytes, at))?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        at += read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_count_and_all_of_what_is_short() {
        let of = |bytes: &Vec<u8>| Edges::of(bytes).unwrap();
        let end = END as usize;
        for (len, seen) in [
            (1, vec![0]),
            (end, vec![0, end - 1]),
            (end + 1, vec![0, end - 1, end]),
            (2 * end, vec![0, end - 1, end, 2 * end - 1]),
            (2 * end + 1, vec![0, end - 1, end + 1, 2 * end]),
            (9 * end, vec![0, end - 1, 8 * end, 9 * end - 1]),
        ] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let edges = of(&bytes);
            let altered = |at: usize| {
                let mut altered = bytes.clone();
                altered[at] ^= 1;
                of(&altered)
            };
            for at in seen {
                assert_ne!(altered(at), edges, "{len}: byte {at}");
            }
            assert_eq!(Edges::are_all_of(len as u64), len <= 2 * end);
            if !Edges::are_all_of(len as u64) {
                assert_eq!(altered(end), edges, "{len}");
            }
        }
        assert_eq!(of(&Vec::new()).as_bytes(), &sha256(b""));
        assert_eq!(Edges::from_bytes(*of(&vec![1]).as_bytes()), of(&vec![1]));
    }
}
