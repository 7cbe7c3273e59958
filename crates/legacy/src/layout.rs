//! What is where in a file: a little language such as `nonce16,tag16,ciphertext`.

use std::ops::Range;
use std::str::FromStr;

/// What a part of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The IV or nonce.
    Nonce,
    /// The authentication tag.
    Tag,
    /// An HMAC of all other parts.
    Hmac,
    /// The salt of the key derivation.
    Salt,
    /// The length of the plaintext, the lower byte first.
    SizeLe,
    /// The length of the plaintext, the higher byte first.
    SizeBe,
    /// Something that is not needed.
    Skip,
    /// The ciphertext.
    Ciphertext,
}

/// The longest part but the ciphertext, in bytes.
const PART_LIMIT: u64 = 1024;
/// The most parts.
const PARTS_LIMIT: usize = 16;

/// The parts of a file in their order. One of them is the ciphertext, which is as long as the rest of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(Vec<(Part, u64)>);

/// A text is no layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a layout is a list such as nonce16,tag16,ciphertext: each of iv, nonce, tag, hmac, salt, skip with its length in \
     bytes, size8le or size8be, and ciphertext once"
)]
pub struct BadLayout;

impl FromStr for Layout {
    type Err = BadLayout;

    fn from_str(text: &str) -> Result<Self, BadLayout> {
        let mut parts: Vec<(Part, u64)> = Vec::new();
        for word in text.split(',').map(str::trim) {
            let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
            let length = &word[name.len()..];
            let (part, is_measured) = match (word, name) {
                ("ciphertext", _) => (Part::Ciphertext, false),
                ("size8le", _) => (Part::SizeLe, false),
                ("size8be", _) => (Part::SizeBe, false),
                (_, "iv" | "nonce") => (Part::Nonce, true),
                (_, "tag") => (Part::Tag, true),
                (_, "hmac") => (Part::Hmac, true),
                (_, "salt") => (Part::Salt, true),
                (_, "skip") => (Part::Skip, true),
                _ => return Err(BadLayout),
            };
            let length = match part {
                Part::Ciphertext => 0,
                _ if !is_measured => 8,
                _ => length.parse().ok().filter(|length| (1..=PART_LIMIT).contains(length)).ok_or(BadLayout)?,
            };
            let is_twice = part != Part::Skip && parts.iter().any(|(there, _)| *there == part);
            if is_twice || parts.len() == PARTS_LIMIT {
                return Err(BadLayout);
            }
            parts.push((part, length));
        }
        let layout = Self(parts);
        let has = |part| layout.has(part);
        let is_whole = has(Part::Ciphertext) && !(has(Part::SizeLe) && has(Part::SizeBe));
        if is_whole { Ok(layout) } else { Err(BadLayout) }
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (part, length)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match part {
                Part::Nonce => write!(f, "{comma}nonce{length}")?,
                Part::Tag => write!(f, "{comma}tag{length}")?,
                Part::Hmac => write!(f, "{comma}hmac{length}")?,
                Part::Salt => write!(f, "{comma}salt{length}")?,
                Part::Skip => write!(f, "{comma}skip{length}")?,
                Part::SizeLe => write!(f, "{comma}size8le")?,
                Part::SizeBe => write!(f, "{comma}size8be")?,
                Part::Ciphertext => write!(f, "{comma}ciphertext")?,
            }
        }
        Ok(())
    }
}

impl Layout {
    /// Tells whether it has a part.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.0.iter().any(|(there, _)| *there == part)
    }

    /// Returns the same behind a salt.
    pub(crate) fn behind_salt(mut self, length: usize) -> Self {
        self.0.insert(0, (Part::Salt, length as u64));
        self
    }

    /// Returns the same without an IV, which is elsewhere.
    pub(crate) fn without_nonce(mut self) -> Self {
        self.0.retain(|(part, _)| *part != Part::Nonce);
        self
    }

    /// Returns each part and where it is in a file of a length; `None` if the file is too short for it.
    pub(crate) fn ranges(&self, length: u64) -> Option<Vec<(Part, Range<u64>)>> {
        let others = self.0.iter().map(|(_, length)| length).sum::<u64>();
        let ciphertext = length.checked_sub(others)?;
        let mut at = 0;
        let range = |(part, length): &(Part, u64)| {
            let start = at;
            at += if *part == Part::Ciphertext { ciphertext } else { *length };
            (*part, start..at)
        };
        Some(self.0.iter().map(range).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_says_where_each_part_is() {
        let layout: Layout = "size8le, iv16,ciphertext,hmac32".parse().unwrap();
        assert_eq!(
            layout.ranges(100).unwrap(),
            [(Part::SizeLe, 0..8), (Part::Nonce, 8..24), (Part::Ciphertext, 24..68), (Part::Hmac, 68..100)]
        );
        assert_eq!(layout.ranges(55), None);
        assert_eq!(layout.to_string(), "size8le,nonce16,ciphertext,hmac32");
    }

    #[test]
    fn what_is_no_layout_is_refused() {
        for text in [
            "",
            "nonce16",
            "ciphertext,ciphertext",
            "iv16,nonce8,ciphertext",
            "iv,ciphertext",
            "iv0,ciphertext",
            "iv99999999999999999999,ciphertext",
            "iv1025,ciphertext",
            "size8le,size8be,ciphertext",
            "size4le,ciphertext",
            "ciphertext8",
            "magic4,ciphertext",
        ] {
            assert_eq!(text.parse::<Layout>(), Err(BadLayout), "{text:?}");
        }
        let many = "skip1,".repeat(16) + "ciphertext";
        assert_eq!(many.parse::<Layout>(), Err(BadLayout));
    }
}
