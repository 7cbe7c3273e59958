//! What the two processes say to each other over pipes: the client how long and which text, the other that the text is on
//! the clipboard, or why it is not.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::secret::SecretText;

/// The longest text that is taken, in bytes.
const TEXT_LIMIT: usize = 64 << 10;
/// How long the number of seconds before the text is.
const SECONDS_LEN: usize = 4;

/// Why a text is not on the clipboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotHeld {
    /// There is no display, and so no clipboard.
    NoDisplay(String),
    /// There is one that does not take it.
    Failed(String),
}

/// What the process says as soon as it knows, a line of JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// The text is on the clipboard.
    Held,
    /// It is not.
    Not(NotHeld),
}

impl Said {
    /// Returns it as a line.
    pub fn to_line(&self) -> Vec<u8> {
        // There is nothing in it that could fail.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads a line; `None` if it is none of these.
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// Returns what the process is told.
pub fn told(seconds: u32, text: &SecretText) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([&seconds.to_be_bytes(), text.expose().as_bytes()].concat())
}

/// Reads what the process is told, into memory that never grows.
///
/// # Errors
/// Those of the source; if it is something else.
pub fn hear(mut source: impl Read) -> io::Result<(u32, SecretText)> {
    let mut seconds = [0; SECONDS_LEN];
    source.read_exact(&mut seconds)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(TEXT_LIMIT + 1));
    source.take(TEXT_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > TEXT_LIMIT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = SecretText::from_bytes(bytes).ok_or(io::ErrorKind::InvalidData)?;
    Ok((u32::from_be_bytes(seconds), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        let told = told(45, &SecretText::new("pässword\n".into()));
        let (seconds, text) = hear(&told[..]).unwrap();
        assert_eq!((seconds, text.expose()), (45, "pässword\n"));
        hear(&told[..3]).unwrap_err();
        hear(&[0, 0, 0, 1, 0xff][..]).unwrap_err();
        let long = SecretText::new("x".repeat(TEXT_LIMIT));
        assert_eq!(hear(&super::told(1, &long)[..]).unwrap().1.expose().len(), TEXT_LIMIT);
        hear(&super::told(1, &SecretText::new("x".repeat(TEXT_LIMIT + 1)))[..]).unwrap_err();
    }

    #[test]
    fn what_is_said_is_one_line() {
        for said in
            [Said::Held, Said::Not(NotHeld::NoDisplay("a\nb".into())), Said::Not(NotHeld::Failed(String::new()))]
        {
            let line = said.to_line();
            assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            assert_eq!(Said::read(&line), Some(said));
        }
        assert_eq!(Said::read(b""), None);
    }
}
