//! Reads JSON bodies from clients, more strictly than JSON allows.
//!
//! A key may appear once in an object, whatever its case: attribute names
//! compare without case (RFC 7643 §2.1), so `userName` and `username` in one
//! object would mean different things to different readers. The depth is
//! limited; a lone surrogate is an error, a byte order mark is skipped.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::scim::{Json, Object, error::ScimError};

/// Reads a document with at most `max_depth` nested arrays and objects.
///
/// The JSON reader below has a limit of its own, at 127 levels.
///
/// # Errors
///
/// 400 `invalidSyntax` for anything that is not one JSON document under these rules.
pub fn parse(bytes: &[u8], max_depth: usize) -> Result<Json, ScimError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Document { depth: max_depth }.deserialize(&mut reader);
    value
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| ScimError::invalid_syntax(format!("The body is not valid JSON: {error}.")))
}

/// A value that may contain `depth` more levels.
#[derive(Clone, Copy)]
struct Document {
    depth: usize,
}

impl Document {
    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(E::custom("arrays and objects are nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Document {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut object = Object::new();
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.to_ascii_lowercase()) {
                return Err(A::Error::custom(format_args!("the key `{key}` appears twice in one object")));
            }
            object.insert(key, entries.next_value_seed(inner)?);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_as_they_stand() {
        let text =
            r#" {"a": [1, -2, 1.5, true, null, "\u00e9\ud83d\ude00"], "b": {"c": 18446744073709551615}} "#;
        assert_eq!(parse(text.as_bytes(), 8), Ok(serde_json::from_str(text).unwrap()));
        assert_eq!(parse(b"\xEF\xBB\xBF{}", 8), Ok(json!({})), "a byte order mark is skipped");
    }

    #[test]
    fn hostile_documents_are_refused() {
        // S-28
        let cases: [&[u8]; 12] = [
            br#"{"a":1,"a":2}"#,
            br#"{"userName":"a","username":"b"}"#,
            br#"{"x":[{"A":1,"a":1}]}"#,
            br#"{"a":"\ud800"}"#,
            br#"{"a":NaN}"#,
            br#"{"a":1e999}"#,
            br#"{"a":1} x"#,
            b"{'a':1}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\n\"}",
            b"[1,]",
            b"",
        ];
        for bytes in cases {
            let error = parse(bytes, 16).expect_err(&String::from_utf8_lossy(bytes));
            assert_eq!((error.status(), error.scim_type().unwrap().as_str()), (400, "invalidSyntax"));
        }
        let error = parse(br#"{"userName":"a","username":"b"}"#, 16).unwrap_err();
        assert!(error.detail().contains("the key `username` appears twice"), "{error}");
    }

    #[test]
    fn depth_is_limited() {
        // S-21
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(nested(16).as_bytes(), 16).is_ok());
        assert!(parse(nested(17).as_bytes(), 16).unwrap_err().detail().contains("too deeply"));
        assert!(parse(nested(10_000).as_bytes(), 1_000_000).is_err());
        assert!(parse(r#"{"a":"#.repeat(10_000).as_bytes(), 1_000_000).is_err());
    }
}
