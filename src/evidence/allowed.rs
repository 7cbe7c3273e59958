//! The keys that whoever verifies a report has from before: lines of OpenSSH's file of allowed signers, or public keys.

use crate::format::Timestamp;
use crate::format::signing::{PublicKey, REPORT};

/// Returns the keys in a text: a public key, or lines for OpenSSH's allowed signers.
#[must_use]
pub fn keys_in(text: &str) -> Vec<AllowedKey> {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(AllowedKey::read).collect()
}

/// A key in a file of allowed signers, and what it may sign there; or a public key alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedKey {
    key: PublicKey,
    /// The names of those whose key it is; none if it stands alone.
    names: Option<String>,
    options: String,
}

impl AllowedKey {
    fn read(line: &str) -> Option<Self> {
        let (before, key) = line.trim().split_at(line.trim().find("ssh-ed25519 ")?);
        let key = PublicKey::read(key).ok()?;
        let (names, options) = before.trim().split_once(' ').unwrap_or((before.trim(), ""));
        Some(Self {
            key,
            names: Some(names.to_owned()).filter(|names| !names.is_empty()),
            options: options.trim().into(),
        })
    }

    /// Tells whether it is this key, and whether the line lets it sign for a name at a time, as `ssh-keygen` reads the
    /// line: what it does not know, it refuses.
    #[must_use]
    pub fn lets(&self, key: &PublicKey, name: &str, at: Timestamp) -> bool {
        let is_named = self.names.as_ref().is_none_or(|names| names.split(',').any(|of| of == name || of == "*"));
        let digits: String = at.to_string().chars().filter(char::is_ascii_digit).collect();
        // A day alone is its first second.
        let day = |value: &str| {
            let given: String = value.trim_end_matches('Z').into();
            given.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("{given:0<14}"))
        };
        let allows = |option: &str| match option.split_once('=').map(|(name, value)| (name, value.trim_matches('"'))) {
            Some(("namespaces", of)) => of.split(',').any(|of| of == REPORT),
            Some(("valid-after", from)) => day(from).is_some_and(|from| from <= digits),
            Some(("valid-before", until)) => day(until).is_some_and(|until| digits < until),
            _ => option.is_empty(),
        };
        self.key == *key && is_named && options(&self.options).all(allows)
    }
}

/// Returns the options of a line, which are divided by commas outside of quotes.
fn options(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::made_up::{key, time};
    use crate::format::signing::allowed_line;

    #[test]
    fn a_line_counts_whole() {
        let (_, public) = key();
        let (made, text) = (time("2026-11-26T10:00:00Z"), public.text());
        let line = allowed_line("strongroom-1", REPORT, made, &text);
        let lets = |line: &str| keys_in(line).iter().any(|allowed| allowed.lets(&public, "strongroom-1", made));
        for good in [
            line.clone(),
            format!("# what came with the contract\n{line}"),
            text.clone(),
            format!("ada,strongroom-1 {text} a comment"),
            format!("* valid-before=\"20270101\" {text}"),
            format!("strongroom-1 namespaces=\"file,{REPORT}\" {text}"),
        ] {
            assert!(lets(&good), "{good}");
        }
        for bad in [
            line.replace("strongroom-1", "strongroom-2"),
            line.replace("valid-after=\"2026", "valid-after=\"7026"),
            line.replace(REPORT, "file"),
            line.replace("namespaces", "cert-authority,namespaces"),
            line.replace("valid-after=\"", "valid-after=\"x"),
            format!("strongroom-1 valid-before=\"20261126100000Z\" {text}"),
            format!("# {line}"),
            line.replace("AAAAC3", "AAAAC2"),
        ] {
            assert!(!lets(&bad), "{bad}");
        }
    }
}
