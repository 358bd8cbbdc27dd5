//! Codecs: small two-way changes of one value between its store form and its
//! SCIM form.
//!
//! `decode` goes store → SCIM, `encode` SCIM → store. One-way codecs (`cut`,
//! `slug`, `sam`, `ascii`, `before`, `after`, `nt`) have no way back; they stand in
//! holes only. The times are in `time`.

mod country;
mod name;
mod text;
pub(in crate::mapping) mod time;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md4::Digest as _;

use crate::store::Value;

/// What a codec guarantees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Each value has one form on either side.
    Exact,
    /// Reading gives the normal form of what was written.
    Normalising,
    /// There is no way back.
    OneWay,
}

/// What a codec finds in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Stored {
    Text,
    Bytes,
    Number,
    Day,
    /// A time without zone, meant at an offset that the codec knows.
    Time,
}

/// A codec of the mapping language.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "docs/mapping.md describes each codec by its name")]
pub enum Codec {
    Lower,
    Upper,
    Trim,
    Ascii,
    Digits,
    Cut(usize),
    Slug(String),
    Sam,
    Swap(String, String),
    Prefix(String),
    Suffix(String),
    Strip(String),
    StripEnd(String),
    Before(String),
    After(String),
    /// The first item of a delimited list; the rest is kept by the lens.
    Head(String),
    Postal,
    Crlf,
    Hex,
    Base64,
    GuidLe,
    Number,
    Bool(String, String),
    /// The stored number is so many times SCIM's, and so much more.
    Linear(i64, i64),
    Country(country::Country),
    /// At most so many characters; from `length` in `fields`.
    Length(usize),
    Idn,
    Sid,
    /// The hash of a password that Windows networks ask for.
    Nt,
    Time(time::Form),
}

/// Why a value cannot pass a codec; a clause for "… must be …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub String);

impl Codec {
    /// Parses a codec as the file writes it: `name` or `name:argument`.
    ///
    /// # Errors
    ///
    /// A sentence for a diagnostic.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let need =
            |what: &str| argument.map(str::to_owned).ok_or(format!("`{name}` needs {what}: `{name}:…`"));
        Ok(match name {
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "trim" => Self::Trim,
            "ascii" => Self::Ascii,
            "digits" => Self::Digits,
            "cut" => Self::Cut(need("a length")?.parse().map_err(|_| "`cut:N` needs a number".to_owned())?),
            "slug" => Self::Slug(need("a separator")?),
            "sam" => Self::Sam,
            "swap" => {
                let both = need("two texts")?;
                let (a, b) = both.split_once(':').ok_or("`swap:a:b` needs two texts")?;
                Self::Swap(a.to_owned(), b.to_owned())
            }
            "prefix" => Self::Prefix(need("a text")?),
            "suffix" => Self::Suffix(need("a text")?),
            "strip" => Self::Strip(need("a text")?),
            "strip_end" => Self::StripEnd(need("a text")?),
            "before" => Self::Before(need("a text")?),
            "after" => Self::After(need("a text")?),
            "head" => Self::Head(need("a separator")?),
            "postal" => Self::Postal,
            "crlf" => Self::Crlf,
            "hex" => Self::Hex,
            "base64" => Self::Base64,
            "guid_le" => Self::GuidLe,
            "number" => Self::Number,
            "country" => Self::Country(match argument {
                None => country::Country::Any,
                Some("name") => country::Country::Shown,
                Some(_) => return Err("`country` stands alone, or as `country:name`".to_owned()),
            }),
            "country_name" => Self::Country(country::Country::Name),
            "country_number" => Self::Country(country::Country::Number),
            "country3" => Self::Country(country::Country::Three),
            "idn" => Self::Idn,
            "sid" => Self::Sid,
            "nt" => Self::Nt,
            "linear" => {
                let both = need("a factor and what is added")?;
                let wrong = || "`linear:2:1000` needs a factor other than 0, and a number that is added".to_owned();
                let (factor, offset) = both.split_once(':').ok_or_else(wrong)?;
                match (factor.parse(), offset.parse()) {
                    (Ok(factor), Ok(offset)) if factor != 0 => Self::Linear(factor, offset),
                    _ => return Err(wrong()),
                }
            }
            "bool" => {
                let both = need("two words")?;
                let (yes, no) = both.split_once(':').ok_or("`bool:Y:N` needs two words")?;
                Self::Bool(yes.to_owned(), no.to_owned())
            }
            _ => Self::Time(time::Form::parse(name, argument)?.ok_or_else(|| {
                format!(
                    "no codec is called `{name}`; there are lower, upper, trim, ascii, cut:N, slug:_, sam, digits, \
                     swap:a:b, prefix:x, suffix:x, strip:x, strip_end:x, before:x, after:x, head:x, postal, crlf, hex, base64, guid_le, \
                     number, linear:2:1000, bool:Y:N, idn, sid, country, country:name, country_name, country_number, country3, nt, date, datetime:UTC, epoch, epoch_ms, days, generalized_time, filetime, \
                     time:FORMAT"
                )
            })?),
        })
    }

    /// What it guarantees.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Ascii
            | Self::Cut(_)
            | Self::Slug(_)
            | Self::Sam
            | Self::Before(_)
            | Self::After(_)
            | Self::Nt => Class::OneWay,
            Self::Lower
            | Self::Upper
            | Self::Trim
            | Self::Digits
            | Self::Number
            | Self::Linear(..)
            | Self::Crlf
            | Self::Postal
            | Self::Swap(..)
            | Self::Strip(_)
            | Self::StripEnd(_)
            | Self::Country(_)
            | Self::Idn
            | Self::Head(_) => Class::Normalising,
            Self::Time(form) if form.loses() => Class::Normalising,
            _ => Class::Exact,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> String {
        let debug = match self {
            Self::Time(form) => format!("{form:?}"),
            codec => format!("{codec:?}"),
        };
        let word = debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        word.to_lowercase()
    }

    /// What a stored value is that it reads.
    #[must_use]
    pub fn stored(&self) -> Stored {
        match self {
            Self::Hex | Self::Base64 | Self::GuidLe => Stored::Bytes,
            Self::Time(form) => form.stored(),
            _ => Stored::Text,
        }
    }

    /// True if equal values on one side are equal on the other, so that equality can be asked of the store.
    #[must_use]
    pub fn keeps_equality(&self) -> bool {
        !matches!(
            self,
            Self::Trim
                | Self::Digits
                | Self::Swap(..)
                | Self::Head(_)
                | Self::Postal
                | Self::Crlf
                | Self::Number
                | Self::Linear(..)
                | Self::Idn
                | Self::Country(country::Country::Name)
        ) && self.class() != Class::OneWay
    }

    /// True if it reads letters in any case as the same, and what it does not know as it stands.
    #[must_use]
    pub fn is_lenient(&self) -> bool {
        matches!(self, Self::Country(country::Country::Any | country::Country::Shown))
    }

    /// True if a part of the text on one side is a part of the text on the other.
    #[must_use]
    pub fn keeps_parts(&self) -> bool {
        matches!(self, Self::Lower | Self::Upper | Self::Length(_))
    }

    /// True if order is the same on both sides.
    #[must_use]
    pub fn keeps_order(&self) -> bool {
        matches!(self, Self::Time(form) if form.keeps_order())
    }

    /// Store → SCIM.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the stored value is not of the codec's form.
    pub fn decode(&self, value: Value) -> Result<Value, CodecError> {
        let text = || value.to_text();
        Ok(match self {
            Self::Lower => text::lower(&text()).into(),
            Self::Upper => text::upper(&text()).into(),
            Self::Trim => text().trim().to_owned().into(),
            Self::Digits => text::digits(&text()).into(),
            Self::Swap(a, b) => text().replace(a, b).into(),
            Self::Prefix(p) => format!("{p}{}", text()).into(),
            Self::Suffix(s) => format!("{}{s}", text()).into(),
            Self::Strip(p) => {
                text::strip(&text(), p).ok_or_else(|| wrong(&format!("text that starts with `{p}`")))?.into()
            }
            Self::StripEnd(s) => text::strip_end(&text(), s)
                .ok_or_else(|| wrong(&format!("text that ends with `{s}`")))?
                .into(),
            Self::Head(separator) => {
                text().split(separator.as_str()).next().unwrap_or_default().trim().into()
            }
            Self::Postal => text::postal_decode(&text()).into(),
            Self::Crlf => text().replace("\r\n", "\n").into(),
            Self::Hex => hex::encode(bytes(&value)).into(),
            Self::Base64 => STANDARD.encode(bytes(&value)).into(),
            Self::GuidLe => {
                let raw: [u8; 16] = bytes(&value).try_into().map_err(|_| wrong("a 16-byte GUID"))?;
                uuid::Uuid::from_bytes_le(raw).to_string().into()
            }
            Self::Number => text::number(&text())?,
            Self::Linear(factor, offset) => text::unscale(&text(), *factor, *offset)?.into(),
            Self::Bool(yes, no) => match text() {
                t if t == *yes => Value::Bool(true),
                t if t == *no => Value::Bool(false),
                t if t.eq_ignore_ascii_case(yes) => Value::Bool(true),
                t if t.eq_ignore_ascii_case(no) => Value::Bool(false),
                _ => return Err(wrong(&format!("`{yes}` or `{no}`"))),
            },
            Self::Time(form) => form.decode(&value)?,
            Self::Country(form) => form.decode(&text())?.into(),
            Self::Idn => name::idn_decode(&text()).into(),
            Self::Sid => name::sid_decode(&bytes(&value))?.into(),
            Self::Ascii
            | Self::Cut(_)
            | Self::Slug(_)
            | Self::Sam
            | Self::Before(_)
            | Self::After(_)
            | Self::Nt
            | Self::Length(_) => value,
        })
    }

    /// SCIM → store.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the value has no store form.
    pub fn encode(&self, value: Value) -> Result<Value, CodecError> {
        let text = || value.to_text();
        Ok(match self {
            Self::Lower => text::lower(&text()).into(),
            Self::Upper => text::upper(&text()).into(),
            Self::Trim => text().trim().to_owned().into(),
            Self::Digits => text::digits(&text()).into(),
            Self::Ascii => text::ascii(&text()).into(),
            Self::Cut(length) => {
                text().chars().take(*length).collect::<String>().trim_end().to_owned().into()
            }
            Self::Slug(separator) => text::slug(&text(), separator).into(),
            Self::Sam => text::sam(&text()).into(),
            Self::Swap(a, b) => text().replace(b, a).into(),
            Self::Prefix(p) => text()
                .strip_prefix(p.as_str())
                .ok_or_else(|| wrong(&format!("text that starts with `{p}`")))?
                .into(),
            Self::Suffix(s) => text()
                .strip_suffix(s.as_str())
                .ok_or_else(|| wrong(&format!("text that ends with `{s}`")))?
                .into(),
            Self::Strip(p) => format!("{p}{}", text()).into(),
            Self::StripEnd(s) => format!("{}{s}", text()).into(),
            Self::Before(mark) => text().split(mark.as_str()).next().unwrap_or_default().into(),
            Self::After(mark) => {
                text().split_once(mark.as_str()).map_or(String::new(), |(_, t)| t.to_owned()).into()
            }
            Self::Head(separator) => match text() {
                t if t.contains(separator.as_str()) => {
                    return Err(wrong(&format!("text without `{separator}`")));
                }
                t => t.into(),
            },
            Self::Postal => text::postal_encode(&text()).into(),
            Self::Crlf => text().replace("\r\n", "\n").replace('\n', "\r\n").into(),
            Self::Hex => Value::Bytes(hex::decode(text()).map_err(|_| wrong("hexadecimal digits"))?),
            Self::Base64 => Value::Bytes(STANDARD.decode(text()).map_err(|_| wrong("base64"))?),
            Self::GuidLe => {
                let id: uuid::Uuid = text().parse().map_err(|_| wrong("a UUID"))?;
                Value::Bytes(id.to_bytes_le().to_vec())
            }
            Self::Number => text::number(&text())?,
            Self::Linear(factor, offset) => text::scale(&text(), *factor, *offset)?.into(),
            Self::Bool(yes, no) => match value {
                Value::Bool(true) => yes.as_str().into(),
                Value::Bool(false) => no.as_str().into(),
                _ if text().eq_ignore_ascii_case("true") => yes.as_str().into(),
                _ if text().eq_ignore_ascii_case("false") => no.as_str().into(),
                _ => return Err(wrong("true or false")),
            },
            Self::Time(form) => form.encode(&value)?,
            Self::Country(form) => form.encode(&text())?.into(),
            Self::Idn => name::idn_encode(&text())?.into(),
            Self::Sid => Value::Bytes(name::sid_encode(&text())?),
            Self::Nt => nt(&text()).into(),
            Self::Length(most) if text().chars().count() > *most => {
                return Err(wrong(&format!("text of at most {most} characters")));
            }
            Self::Length(_) => value,
        })
    }
}

fn wrong(expected: &str) -> CodecError {
    CodecError(expected.to_owned())
}

fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.clone(),
        other => other.to_text().into_bytes(),
    }
}

/// The NT hash of a password: MD4 of its UTF-16 (MS-NLMP §3.3.1), as Samba keeps it.
#[must_use]
pub fn nt(password: &str) -> String {
    let bytes: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    hex::encode_upper(md4::Md4::digest(bytes))
}

#[cfg(test)]
mod tests;
