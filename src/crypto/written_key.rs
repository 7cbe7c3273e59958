//! A file key as people and other programs keep it: 32 bytes, or the same as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::secret::{FileKey, KEY_LEN};

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// Standard base64 with padding, 44 characters.
    Base64,
    /// Lower-case hexadecimal, 64 characters.
    Hex,
    /// 32 bytes.
    Raw,
}

/// Encodes a key, with a line end unless it is raw.
#[must_use]
pub fn encode(key: &FileKey, format: KeyFormat) -> Zeroizing<Vec<u8>> {
    let bytes = key.expose();
    let mut text = Zeroizing::new(Vec::with_capacity(2 * KEY_LEN + 1));
    match format {
        KeyFormat::Raw => {
            text.extend_from_slice(bytes);
            return text;
        }
        KeyFormat::Hex => text.extend(bytes.iter().flat_map(|byte| {
            let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            [digit(byte >> 4), digit(byte & 15)]
        })),
        KeyFormat::Base64 => {
            text.resize(4 * KEY_LEN.div_ceil(3), 0);
            // The buffer is as long as the encoding of 32 bytes.
            let written = STANDARD.encode_slice(bytes, &mut text).unwrap_or_default();
            text.truncate(written);
        }
    }
    text.push(b'\n');
    text
}

/// Reads a key; `None` if these bytes are not exactly one.
#[must_use]
pub fn decode(raw: &[u8], format: KeyFormat) -> Option<FileKey> {
    let line = raw.strip_suffix(b"\n").unwrap_or(raw);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match format {
        KeyFormat::Raw => FileKey::from_slice(raw),
        KeyFormat::Hex => {
            if line.len() != 2 * KEY_LEN {
                return None;
            }
            let read = |key: &mut [u8; KEY_LEN]| {
                for (byte, pair) in key.iter_mut().zip(line.chunks(2)) {
                    let digit = |c: u8| char::from(c).to_digit(16).ok_or(());
                    *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
                }
                Ok::<(), ()>(())
            };
            FileKey::fill_with(read).ok()
        }
        KeyFormat::Base64 => {
            // Longer than a key, so that a key that is too long is seen to be. It stays in this frame.
            let mut bytes = Zeroizing::new([0; KEY_LEN + 4]);
            let length = STANDARD.decode_slice(line, &mut bytes[..]).ok()?;
            FileKey::from_slice(&bytes[..length])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back() {
        let key = FileKey::from_slice(&std::array::from_fn::<u8, 32, _>(|i| (i * 37) as u8)).unwrap();
        for format in [KeyFormat::Raw, KeyFormat::Hex, KeyFormat::Base64] {
            let encoded = encode(&key, format);
            assert_eq!(decode(&encoded, format).unwrap().expose(), key.expose(), "{format:?}");
            assert!(decode(&encoded[..encoded.len() - 2], format).is_none());
        }
        assert_eq!(&encode(&key, KeyFormat::Hex)[..6], hex::encode(&key.expose()[..3]).as_bytes());
    }
}
