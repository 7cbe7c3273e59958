//! The header: who can open a file, and by what.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::MAGIC;

/// A full line of a stanza's body, in characters.
const COLUMNS: usize = 64;

/// One recipient.
pub struct Stanza {
    /// The kind of recipient and what its kind needs; at least one.
    pub arguments: Vec<String>,
    /// The wrapped file key.
    pub body: Vec<u8>,
}

impl Stanza {
    /// Returns the kind of recipient.
    pub fn kind(&self) -> &str {
        self.arguments.first().map(String::as_str).unwrap_or_default()
    }
}

/// What is before the nonce and the payload.
pub struct Header {
    /// The recipients, at least one.
    pub stanzas: Vec<Stanza>,
    /// The HMAC.
    pub mac: Vec<u8>,
    /// How many bytes the HMAC is of.
    pub signed: usize,
    /// How long all of it is, in bytes.
    pub length: usize,
}

/// Decodes base64 without padding, which has to be written in the one way.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

impl Header {
    /// Reads the beginning of a file, strictly: nothing may be written in two ways.
    pub fn parse(head: &[u8]) -> Option<Self> {
        let mut rest = head.strip_prefix(MAGIC)?;
        let mut stanzas = Vec::new();
        loop {
            let line_start = head.len() - rest.len();
            let line = line(&mut rest)?;
            if let Some(mac) = line.strip_prefix("--- ") {
                let mac = base64(mac).filter(|mac| mac.len() == 32)?;
                let length = head.len() - rest.len();
                return (!stanzas.is_empty()).then_some(Self { stanzas, mac, signed: line_start + 3, length });
            }
            let arguments: Vec<String> = line.strip_prefix("-> ")?.split(' ').map(str::to_owned).collect();
            if arguments.iter().any(|argument| argument.is_empty() || !argument.bytes().all(|it| it.is_ascii_graphic()))
            {
                return None;
            }
            stanzas.push(Stanza { arguments, body: body(&mut rest)? });
        }
    }
}

fn body(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = line(rest)?;
        if line.len() > COLUMNS {
            return None;
        }
        body.extend(base64(line)?);
        if line.len() < COLUMNS {
            return Some(body);
        }
    }
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 1..];
    Some(line)
}
