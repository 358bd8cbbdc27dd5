//! Readers for values that serde cannot read by itself: types with a text form,
//! "one or several", instants, secrets.

use std::{fmt, marker::PhantomData, str::FromStr};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Reads an optional value from its text form.
pub(super) fn optional_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|e| de::Error::custom(format!("`{text}`: {e}")))
}

/// Reads a list, or one text that holds the items separated by blanks or commas.
///
/// The second form is what an environment variable can say.
pub(super) fn one_or_several<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Items<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Items<T> {
        fn parse<E: de::Error>(text: &str) -> Result<T, E> {
            text.parse().map_err(|e| E::custom(format!("`{text}`: {e}")))
        }
    }

    impl<'de, T: FromStr<Err: fmt::Display>> de::Visitor<'de> for Items<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            text.split([' ', ',', '\t', '\n']).filter(|t| !t.is_empty()).map(Self::parse).collect()
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(text) = list.next_element::<String>()? {
                items.push(Self::parse(&text)?);
            }
            Ok(items)
        }
    }

    deserializer.deserialize_any(Items(PhantomData))
}

/// Reads an instant: RFC 3339 text, or a TOML date-time with offset.
pub(super) fn instant<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<OffsetDateTime>, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        toml::Value::Datetime(when) => when.to_string(),
        _ => return Err(de::Error::custom("expected an instant such as 2027-01-31T00:00:00Z")),
    };
    OffsetDateTime::parse(&text, &Rfc3339)
        .map(Some)
        .map_err(|e| de::Error::custom(format!("`{text}` is no instant such as 2027-01-31T00:00:00Z: {e}")))
}

/// Reads a secret. The error never repeats what was found.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    match String::deserialize(deserializer) {
        Ok(text) => Ok(Some(text.into())),
        Err(_) => Err(de::Error::custom("expected a text")),
    }
}
