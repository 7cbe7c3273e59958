//! The list digest (docs/format.md, section 2.1): a digest of bytes by way of the digests of their pieces, so that
//! pieces can be hashed in any order, many at once, and by programs that have no hash to feed bit by bit. It has no
//! key, and bytes that can be guessed can be recognized by it.

use sha2::{Digest, Sha256};

/// Length of every piece but the last, in bytes.
pub const PIECE_LEN: usize = 512 * 1024;
/// Length of a digest, in bytes.
pub const DIGEST_LEN: usize = 32;

/// Computes a list digest from bytes that come in order, in parts of any length.
///
/// Keeps 32 bytes for each piece, since the whole length stands before them: 64 MiB for a TiB.
#[derive(Clone, Default)]
pub struct ListDigest {
    /// The digests of the pieces that are whole.
    pieces: Vec<[u8; DIGEST_LEN]>,
    piece: Sha256,
    /// How much of the unfinished piece there is, less than `PIECE_LEN`.
    filled: usize,
}

impl ListDigest {
    /// Begins with no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_LEN - self.filled));
            self.piece.update(now);
            self.filled += now.len();
            if self.filled == PIECE_LEN {
                self.pieces.push(self.piece.finalize_reset().into());
                self.filled = 0;
            }
            bytes = later;
        }
    }

    /// Returns the digest of all the bytes.
    #[must_use]
    pub fn finish(self) -> [u8; DIGEST_LEN] {
        let length = self.pieces.len() as u64 * PIECE_LEN as u64 + self.filled as u64;
        let mut list = Sha256::new();
        list.update(length.to_be_bytes());
        for piece in &self.pieces {
            list.update(piece);
        }
        // Bytes that end with a whole piece have no empty one after it.
        if self.filled > 0 {
            list.update(self.piece.finalize());
        }
        list.finalize().into()
    }
}

impl std::fmt::Debug for ListDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListDigest").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hmac::sha256;

    fn of(bytes: &[u8]) -> [u8; 32] {
        let mut digest = ListDigest::new();
        digest.update(bytes);
        digest.finish()
    }

    /// The definition, written out.
    fn defined(bytes: &[u8]) -> [u8; 32] {
        let pieces = bytes.chunks(PIECE_LEN).flat_map(sha256);
        sha256(&(bytes.len() as u64).to_be_bytes().into_iter().chain(pieces).collect::<Vec<_>>())
    }

    #[test]
    fn it_is_what_the_definition_says_around_every_border() {
        for length in [0, 1, PIECE_LEN - 1, PIECE_LEN, PIECE_LEN + 1, 2 * PIECE_LEN, 3 * PIECE_LEN + 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            assert_eq!(of(&bytes), defined(&bytes), "{length} bytes");
        }
        assert_eq!(of(b""), sha256(&[0; 8]));
    }

    #[test]
    fn it_does_not_matter_in_which_parts_the_bytes_come() {
        let bytes: Vec<u8> = (0..2 * PIECE_LEN + 1000).map(|at| (at % 253) as u8).collect();
        for part in [997, 4096, PIECE_LEN - 1, PIECE_LEN, PIECE_LEN + 1, bytes.len()] {
            let mut digest = ListDigest::new();
            for part in bytes.chunks(part) {
                digest.update(part);
                digest.update(b"");
            }
            assert_eq!(digest.finish(), defined(&bytes), "parts of {part}");
        }
    }

    #[test]
    fn every_byte_and_the_length_count() {
        let bytes = vec![7; 2 * PIECE_LEN];
        let whole = of(&bytes);
        for at in [0, PIECE_LEN - 1, PIECE_LEN, 2 * PIECE_LEN - 1] {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert_ne!(of(&altered), whole, "byte {at}");
        }
        assert_ne!(of(&bytes[..PIECE_LEN]), whole);
        assert_ne!(of(&[&bytes[..], &[7]].concat()), whole);
        // Pieces that change places make another digest.
        let pieces = [&vec![1; PIECE_LEN][..], &vec![2; PIECE_LEN]];
        assert_ne!(of(&pieces.concat()), of(&[pieces[1], pieces[0]].concat()));
    }
}
