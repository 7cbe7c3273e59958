//! JSON from anyone. Its depth, its values and its texts are counted, and no member is there twice. Texts stay where
//! they are in the input; those that had to be unescaped are wiped.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::text::Text;
use super::{ImportError, limits};

/// A value of JSON.
pub(super) enum Json<'a> {
    Null,
    Flag(bool),
    Whole(i64),
    /// A number that is no whole number of 64 bits. What it is, nobody asks.
    Fraction,
    Text(Text<'a>),
    /// A text with escapes, longer than [`limits::FIELD`].
    TooLong,
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Returns the member of that name; null if there is none, or this is no object.
    pub fn get(&self, name: &str) -> &Json<'a> {
        self.members().iter().find(|(member, _)| member == name).map_or(&Json::Null, |(_, value)| value)
    }

    /// Returns the text; nothing if this is no text.
    pub fn text(&self) -> &str {
        if let Json::Text(text) = self { text } else { "" }
    }

    pub fn list(&self) -> &[Json<'a>] {
        if let Json::List(list) = self { list } else { &[] }
    }

    pub fn members(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        if let Json::Object(members) = self { members } else { &[] }
    }

    pub fn whole(&self) -> Option<i64> {
        if let Json::Whole(number) = self { Some(*number) } else { None }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    pub fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    pub fn is_true(&self) -> bool {
        matches!(self, Json::Flag(true))
    }
}

/// Parses a whole document.
pub(super) fn parse(bytes: &[u8]) -> Result<Json<'_>, ImportError> {
    let bytes = without_mark(bytes);
    check(bytes)?;
    let state = State { values: Cell::new(0), failure: Cell::new(None) };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = Value(&state).deserialize(&mut reader).and_then(|json| reader.end().map(|()| json));
    parsed.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match state.failure.take() {
            Some(Failure::TooMany) => ImportError::JsonTooManyValues,
            Some(Failure::Twice) => ImportError::JsonTwice { line, column },
            None if error.is_eof() => ImportError::Truncated,
            // The sentence of serde_json may quote the file.
            None => ImportError::Json { line, column },
        }
    })
}

/// Returns the names of the members of the outermost object, without keeping anything of what they hold.
pub(super) fn outer_names(bytes: &[u8]) -> Option<Vec<String>> {
    const ENOUGH: usize = 64;
    struct Outer;
    impl<'de> Visitor<'de> for Outer {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                if names.len() < ENOUGH {
                    names.push(name.chars().take(ENOUGH).collect());
                }
                map.next_value::<serde::de::IgnoredAny>()?;
            }
            Ok(names)
        }
    }
    let bytes = without_mark(bytes);
    check(bytes).ok()?;
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_slice(bytes), Outer).ok()
}

/// Takes off a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Bounds depth and texts before the parser spends memory on them.
fn check(bytes: &[u8]) -> Result<(), ImportError> {
    let (mut depth, mut bytes) = (0usize, bytes.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                let (mut length, mut has_escape) = (0, false);
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            has_escape = true;
                            length += 1;
                            bytes.next();
                        }
                        _ => {}
                    }
                    length += 1;
                }
                if has_escape && length > limits::JSON_ESCAPED_TEXT {
                    return Err(ImportError::JsonTextTooLong);
                }
            }
            _ => {}
        }
        if depth > limits::JSON_DEPTH {
            return Err(ImportError::JsonTooDeep);
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Failure {
    TooMany,
    Twice,
}

struct State {
    values: Cell<usize>,
    failure: Cell<Option<Failure>>,
}

impl State {
    fn fail<E: Error>(&self, failure: Failure) -> E {
        self.failure.set(Some(failure));
        E::custom("a limit")
    }
}

struct Value<'s>(&'s State);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        self.0.values.set(self.0.values.get() + 1);
        if self.0.values.get() > limits::JSON_VALUES {
            return Err(self.0.fail(Failure::TooMany));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'de>, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(i64::try_from(number).map_or(Json::Fraction, Json::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Fraction)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Text::borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        if text.len() > limits::FIELD {
            return Ok(Json::TooLong);
        }
        Ok(Json::Text(Text::owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Value(self.0))? {
            list.push(item);
        }
        // The first item makes room for four, which many short lists would pay for.
        list.shrink_to_fit();
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(name) = map.next_key_seed(Name)? {
            members.push((name, map.next_value_seed(Value(self.0))?));
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.0.fail(Failure::Twice));
        }
        drop(names);
        members.shrink_to_fit();
        Ok(Json::Object(members))
    }
}

/// The name of a member, left in the input unless it has escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
