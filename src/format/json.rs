//! JSON objects that keep what they do not know: members that a later version added survive a rewrite at every
//! depth, and a name that stands twice is refused.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

use super::FormatError;

/// The most characters of a parser's message that an error carries.
const MESSAGE_LIMIT: usize = 200;

/// Any JSON value in which no object has a name twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrictValue(Value);

impl StrictValue {
    /// Returns the value as any other.
    pub(crate) fn as_value(&self) -> &Value {
        &self.0
    }

    /// Tells whether an object in it, at any depth, has a member of this name.
    pub(crate) fn has_member(&self, name: &str) -> bool {
        fn has(value: &Value, name: &str) -> bool {
            match value {
                Value::Object(members) => members.contains_key(name) || members.values().any(|value| has(value, name)),
                Value::Array(values) => values.iter().any(|value| has(value, name)),
                _ => false,
            }
        }
        has(&self.0, name)
    }
}

impl Serialize for StrictValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(StrictValue(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = serde_json::Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let StrictValue(value) = map.next_value()?;
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("the name {name:?} stands twice")));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// The members of an object that this version does not know.
pub type Others = BTreeMap<String, StrictValue>;

/// Declares an object that keeps unknown members. A member marked `= default` may be missing.
macro_rules! open_object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$member_meta:meta])* pub $member:ident : $type:ty $(= $default:ident)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $( $(#[$member_meta])* pub $member: $type, )*
            /// Members that a later version added; written back as they came.
            #[serde(flatten)]
            pub others: $crate::format::json::Others,
        }

        $crate::format::json::read_object!($name { $( $member: $type $(= $default)? ),* } others);
    };
}
pub(crate) use open_object;

/// Declares an object whose members are all known: any other is refused. A member marked `= default` may be missing.
macro_rules! closed_object {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$member_meta:meta])* $member_vis:vis $member:ident : $type:ty $(= $default:ident)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(serde::Serialize)]
        $vis struct $name {
            $( $(#[$member_meta])* $member_vis $member: $type, )*
        }

        $crate::format::json::read_object!($name { $( $member: $type $(= $default)? ),* });
    };
}
pub(crate) use closed_object;

/// Reads an object, and nothing but an object: serde's own derive would take a list in its place.
macro_rules! read_object {
    ($name:ident { $( $member:ident : $type:ty $(= $default:ident)? ),* } $($others:ident)?) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        use serde::de::Error as _;
                        $( let mut $member: Option<$type> = None; )*
                        $( let mut $others = $crate::format::json::Others::new(); )?
                        while let Some(name) = map.next_key::<String>()? {
                            let twice = match name.as_str() {
                                $( stringify!($member) => $member.replace(map.next_value()?).is_some(), )*
                                _ => $crate::format::json::read_object!(@unknown name map $($others)?),
                            };
                            if twice {
                                return Err(A::Error::custom(format!("the name {name:?} stands twice")));
                            }
                        }
                        Ok($name {
                            $( $member: $crate::format::json::read_object!(@missing $member $($default)?), )*
                            $( $others, )?
                        })
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }
    };
    (@unknown $name:ident $map:ident $others:ident) => {
        $others.insert($name.clone(), $map.next_value()?).is_some()
    };
    (@unknown $name:ident $map:ident) => {
        return Err(A::Error::custom(format!("the name {:?} is unknown", $name)))
    };
    (@missing $member:ident) => {
        match $member {
            Some(value) => value,
            None => return Err(A::Error::missing_field(stringify!($member))),
        }
    };
    (@missing $member:ident default) => { $member.unwrap_or_default() };
}
pub(crate) use read_object;

/// Reads JSON in which no object that is read has a name twice and nothing follows the value.
pub(crate) fn parse<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, FormatError> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The message quotes names and values, which may be as long as the document.
        let text: String = error.to_string().chars().take(MESSAGE_LIMIT).collect();
        FormatError::malformed(format!("{what} does not parse: {text}"))
    })
}

/// Writes `value` as JSON padded with spaces to a multiple of `block` bytes.
pub(crate) fn to_padded(value: &impl Serialize, block: usize) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    // Once to learn the length, once into a buffer that never grows, so that no copy stays unwiped.
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).map_err(|error| FormatError::malformed(error.to_string()))?;
    let length = counter.0.next_multiple_of(block);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    serde_json::to_writer(&mut *bytes, value).map_err(|error| FormatError::malformed(error.to_string()))?;
    bytes.resize(length, b' ');
    Ok(bytes)
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    open_object! {
        /// An object of the tests.
        pub struct Inner {
            /// A number.
            pub n: u32,
        }
    }
    open_object! {
        /// An object of the tests.
        pub struct Outer {
            /// A text.
            pub text: String = default,
            /// Objects in a list.
            pub list: Vec<Inner>,
        }
    }

    #[test]
    fn unknown_members_survive_at_every_depth() {
        let text = r#"{"later":{"deep":[1,-2,0.1,null,{"x":"y"}]},"list":[{"n":1,"new":true}],"text":"t"}"#;
        let outer: Outer = parse("test", text.as_bytes()).unwrap();
        let written: Value = serde_json::from_slice(&to_padded(&outer, 64).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_at_every_depth() {
        for bad in [
            r#"{"text":"a","text":"b","list":[]}"#,
            r#"{"list":[],"u":1,"u":1}"#,
            r#"{"list":[],"u":{"x":1,"x":2}}"#,
            r#"{"list":[{"n":1,"n":1}]}"#,
            r#"{"list":[{"n":1,"u":[{"x":1,"x":2}]}]}"#,
        ] {
            assert!(parse::<Outer>("test", bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn integers_are_strict_and_nothing_may_follow() {
        for bad in [
            r#"{"list":[{"n":1.0}]}"#,
            r#"{"list":[{"n":-1}]}"#,
            r#"{"list":[{"n":"1"}]}"#,
            r#"{"list":[]} x"#,
            r#"{"text":"list is missing"}"#,
        ] {
            assert!(parse::<Outer>("test", bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
