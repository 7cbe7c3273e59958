//! The HTML entities that LastPass's extension has put into exports. Nothing says whether an export has them: a
//! password may hold `&amp;` by itself.

use super::text::Text;

/// What is to be done with HTML entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HtmlEntities {
    /// `&amp;` becomes `&`.
    Decode,
    /// `&amp;` stays as it is.
    Keep,
}

/// The entities that escaping writes. Others, as `&copy;`, nobody has put there but the user.
const NAMED: [(&str, char); 5] = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];

/// Returns the character of an entity at the start of `text`, after its `&`, and how long the entity is from there.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(9).position(|byte| byte == b';')?;
    let name = text.get(..end)?;
    let number = match name.strip_prefix('#') {
        None => return NAMED.into_iter().find(|(known, _)| *known == name).map(|(_, c)| (c, end + 1)),
        Some(number) => number,
    };
    let digits = number.strip_prefix(['x', 'X']);
    let (digits, radix) = digits.map_or((number, 10), |digits| (digits, 16));
    // `from_str_radix` would take a sign.
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let number = is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten()?;
    // Of the numbered ones, those that stand for what is escaped.
    char::from_u32(number).filter(|c| NAMED.into_iter().any(|(_, known)| known == *c)).map(|c| (c, end + 1))
}

/// Tells whether a text has an entity.
pub(super) fn has_entities(text: &str) -> bool {
    text.match_indices('&').any(|(at, _)| entity(&text[at + 1..]).is_some())
}

/// Decodes each entity once: `&amp;lt;` becomes `&lt;`.
pub(super) fn decode(text: &str) -> Text<'_> {
    if !has_entities(text) {
        return Text::borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        let (c, length) = entity(&rest[at + 1..]).unwrap_or(('&', 0));
        decoded.push(c);
        rest = &rest[at + 1 + length..];
    }
    decoded.push_str(rest);
    Text::owned(decoded)
}
