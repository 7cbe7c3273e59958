//! Ciphertext in JSON, as PyCryptodome's documentation writes it: base64 texts under `nonce` or `iv`, `ciphertext`, `tag`
//! and `header`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::layout::Layout;
use crate::plaintext::WHOLE_LIMIT;

/// What a JSON text holds.
pub struct Parts {
    /// The nonce, the ciphertext and the tag, one after another.
    pub bytes: Vec<u8>,
    /// Which of them is where.
    pub layout: Layout,
    /// What was authenticated besides.
    pub header: Vec<u8>,
}

/// Tells whether a file begins as such a text does.
pub fn begins(head: &[u8]) -> bool {
    let is_named = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    head.trim_ascii_start().starts_with(b"{")
        && (is_named(b"\"nonce\"") || is_named(b"\"iv\"") || is_named(b"\"ciphertext\""))
}

/// Reads the text; `None` if it is none.
pub fn parse(text: &[u8]) -> Option<Parts> {
    if text.len() as u64 > WHOLE_LIMIT {
        return None;
    }
    let value: Value = serde_json::from_slice(text).ok()?;
    let decoded = |name: &str| -> Option<Option<Vec<u8>>> {
        match value.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => STANDARD.decode(text).ok().map(Some),
            Some(_) => None,
        }
    };
    let nonce = match decoded("nonce")? {
        Some(nonce) => Some(nonce),
        None => decoded("iv")?,
    };
    let (ciphertext, tag) = (decoded("ciphertext")??, decoded("tag")?);
    let mut bytes = Vec::new();
    let mut words = Vec::new();
    for (name, part) in [("nonce", &nonce), ("tag", &tag)] {
        if let Some(part) = part {
            words.push(format!("{name}{}", part.len()));
            bytes.extend_from_slice(part);
        }
    }
    words.push("ciphertext".into());
    bytes.extend(ciphertext);
    let layout = words.join(",").parse().ok()?;
    Some(Parts { bytes, layout, header: decoded("header")?.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_put_one_after_another() {
        let text = br#"{"nonce": "AQI=", "header": "aGk=", "ciphertext": "AwQF", "tag": "Bg=="}"#;
        assert!(begins(text));
        let parts = parse(text).unwrap();
        assert_eq!((parts.bytes, parts.header), (vec![1, 2, 6, 3, 4, 5], b"hi".to_vec()));
        assert_eq!(parts.layout.to_string(), "nonce2,tag1,ciphertext");
        for bad in
            [&b"{}"[..], b"[]", br#"{"ciphertext":3}"#, br#"{"ciphertext":"!"}"#, br#"{"iv":[],"ciphertext":""}"#]
        {
            assert!(parse(bad).is_none());
        }
    }
}
