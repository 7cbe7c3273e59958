//! Whether bytes are likely what somebody has encrypted, and not the noise that a wrong key makes.
//!
//! Of 400,000 wrong keys none made 16 bytes or more of text in CBC with right padding. Magic numbers count from four
//! bytes on: shorter ones were found in noise.

/// What plaintext was recognized as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// UTF-8 text.
    Utf8,
    /// Latin-1 text.
    Latin1,
    /// A known format of files.
    Format(&'static str),
}

/// How well the beginning of a plaintext speaks for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// The bytes are nothing that is known.
    Unknown,
    /// They could be text, but are too few to tell.
    Short,
    /// They are text, or of a known format.
    Known,
}

/// Fewer bytes prove nothing.
const LEAST: u64 = 32;
/// Nor do fewer that are Latin-1 alone, in which three bytes of four are characters.
const LATIN1_LEAST: u64 = 100;

const FORMATS: &[(usize, &[u8], &str)] = &[
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff\xe0", "JPEG"),
    (0, b"\xff\xd8\xff\xe1", "JPEG"),
    (0, b"\xff\xd8\xff\xdb", "JPEG"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"SQLite format 3\0", "SQLite"),
    (0, b"PAR1", "Parquet"),
    (0, b"ARROW1", "Arrow"),
    (0, b"Obj\x01", "Avro"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"\x93NUMPY", "NumPy"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "older Office"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "RAR"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard"),
    (0, b"\x04\x22\x4d\x18", "LZ4"),
    (0, b"RIFF", "RIFF"),
    (0, b"OggS", "Ogg"),
    (0, b"fLaC", "FLAC"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska"),
    (0, b"\x7fELF", "ELF"),
    (4, b"ftyp", "MP4"),
    (257, b"ustar", "tar"),
];

/// Judges the beginning of a plaintext of a length.
pub fn look(head: &[u8], length: u64) -> (Look, Option<Content>) {
    let is_all = head.len() as u64 >= length;
    let content = recognized(head, is_all);
    let least = if content == Some(Content::Latin1) { LATIN1_LEAST } else { LEAST };
    let look = match content {
        None if length == 0 => Look::Short,
        None => Look::Unknown,
        Some(_) if length < least => Look::Short,
        Some(_) => Look::Known,
    };
    (look, content)
}

fn recognized(head: &[u8], is_all: bool) -> Option<Content> {
    if head.is_empty() {
        return None;
    }
    let is_format = |(at, magic, _): &&(usize, &[u8], _)| head.get(*at..).is_some_and(|head| head.starts_with(magic));
    if let Some((_, _, name)) = FORMATS.iter().find(is_format) {
        return Some(Content::Format(name));
    }
    // Two bytes alone would be found in noise; with the method, the flags that are defined and the system they are not.
    if let [0x1f, 0x8b, 8, flags, _, _, _, _, extra, system, ..] = head
        && flags & 0xe0 == 0
        && matches!(extra, 0 | 2 | 4)
        && (*system <= 13 || *system == 255)
    {
        return Some(Content::Format("gzip"));
    }
    if let [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] = head {
        return Some(Content::Format("bzip2"));
    }
    if let [0xff, 0xfe, rest @ ..] = head
        && is_utf16(rest, is_all)
    {
        return Some(Content::Format("UTF-16 text"));
    }
    let mut text = Watch::new(Content::Utf8);
    if text.goes_on(head) && (!is_all || text.ends()) {
        return Some(Content::Utf8);
    }
    Watch::new(Content::Latin1).goes_on(head).then_some(Content::Latin1)
}

/// One in so many characters of UTF-16 text has to be of ASCII, such as commas and line ends: most pairs of random bytes
/// are some character, and two bytes of noise in 65,536 are the mark at the beginning.
const UTF16_ASCII: usize = 4;

fn is_utf16(rest: &[u8], is_all: bool) -> bool {
    let (units, odd) = rest.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    let mut characters = char::decode_utf16(units).peekable();
    let (mut count, mut ascii) = (0, 0);
    while let Some(character) = characters.next() {
        match character {
            Ok(character) if is_text(character) => {
                count += 1;
                ascii += usize::from(character.is_ascii());
            }
            Err(_) if characters.peek().is_none() && !is_all => {}
            _ => return false,
        }
    }
    count > 0 && ascii * UTF16_ASCII >= count && (odd.is_empty() || !is_all)
}

fn is_text(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{c}') || !character.is_control()
}

/// Tells whether there are controls of ASCII that are in no text. Every byte of a piece is looked at, which takes a
/// fraction of the time that stopping at one would take.
fn has_controls(bytes: &[u8]) -> bool {
    let is_control = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)) | (byte == 0x7f);
    bytes.chunks(4096).any(|piece| piece.iter().fold(false, |found, byte| found | is_control(*byte)))
}

/// Watches that what began as text stays text: where a file has no tag, a block that was altered shows by that.
pub struct Watch {
    is_latin1: bool,
    /// The beginning of a character that is not whole.
    waiting: Vec<u8>,
}

impl Watch {
    /// Begins to watch text. Other formats are not watched.
    pub fn new(content: Content) -> Self {
        Self { is_latin1: content == Content::Latin1, waiting: Vec::new() }
    }

    /// Tells whether the next bytes are text, too.
    pub fn goes_on(&mut self, bytes: &[u8]) -> bool {
        if self.is_latin1 {
            return !has_controls(bytes) && !bytes.iter().any(|byte| (0x80..0xa0).contains(byte));
        }
        let joined;
        let bytes = if self.waiting.is_empty() {
            bytes
        } else {
            joined = [&self.waiting, bytes].concat();
            &joined
        };
        let (text, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_none() => {
                let (whole, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(whole).unwrap_or_default(), rest)
            }
            Err(_) => return false,
        };
        // The other controls, U+0080 to U+009F, begin with this byte, and so do a few letters.
        let is_text = !has_controls(text.as_bytes()) && (!text.as_bytes().contains(&0xc2) || text.chars().all(is_text));
        self.waiting = rest.to_vec();
        is_text
    }

    /// Tells whether it ended with a whole character.
    pub fn ends(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_known_formats_speak_for_a_key_and_noise_does_not() {
        let look = |bytes: &[u8]| look(bytes, bytes.len() as u64);
        assert_eq!(look(&[b'a'; 32]), (Look::Known, Some(Content::Utf8)));
        assert_eq!(look(&[b'a'; 31]), (Look::Short, Some(Content::Utf8)));
        assert_eq!(look(&[0xe9; 100]), (Look::Known, Some(Content::Latin1)));
        assert_eq!(look(&[0xe9; 99]), (Look::Short, Some(Content::Latin1)));
        assert_eq!(look(b""), (Look::Short, None));
        assert_eq!(look(&[0; 100]).0, Look::Unknown);
        let padded = |magic: &[u8]| [magic, &[0x01; 100]].concat();
        assert_eq!(look(&padded(b"%PDF")).0, Look::Known);
        assert_eq!(look(&padded(&[0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 2, 3])).1, Some(Content::Format("gzip")));
        assert_eq!(look(&padded(&[0x1f, 0x8b, 8, 0xe0, 1, 2, 3, 4, 2, 3])).0, Look::Unknown);
        assert_eq!(look(&padded(&[0x1f, 0x8b, 9, 0])).0, Look::Unknown);
        let utf16: Vec<u8> = "\u{feff}a text of UTF-16 é".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(look(&utf16).1, Some(Content::Format("UTF-16 text")));
        let noise: Vec<u8> = [0xff, 0xfe].into_iter().chain((0..100).map(|n: u8| n.wrapping_mul(77) | 0x24)).collect();
        assert_ne!(look(&noise).1, Some(Content::Format("UTF-16 text")));
    }

    #[test]
    fn a_character_may_be_cut_between_two_pieces_and_not_at_the_end() {
        let text = "é".repeat(50);
        assert_eq!(look(&text.as_bytes()[..99], 100), (Look::Known, Some(Content::Utf8)));
        let mut watch = Watch::new(Content::Utf8);
        assert!(watch.goes_on(&text.as_bytes()[..7]) && !watch.ends());
        assert!(watch.goes_on(&text.as_bytes()[7..]) && watch.ends());
        assert!(!watch.goes_on(&[0xc3, 0x28]) && !Watch::new(Content::Latin1).goes_on(&[0x80]));
        for (text, is_text) in
            [("a©b\r\n", true), ("a\u{85}b", false), ("a\u{7f}", false), ("a\0", false), ("\u{b}", false)]
        {
            assert_eq!(Watch::new(Content::Utf8).goes_on(text.as_bytes()), is_text, "{text:?}");
        }
    }
}
