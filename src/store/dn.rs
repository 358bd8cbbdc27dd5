//! Distinguished names: the one place that reads, escapes and compares them (RFC 4514).
//!
//! ```text
//! distinguishedName = [ relativeDistinguishedName *( "," relativeDistinguishedName ) ]
//! relativeDistinguishedName = attributeTypeAndValue *( "+" attributeTypeAndValue )
//! attributeTypeAndValue = attributeType "=" attributeValue
//! attributeValue = string / hexstring
//! ```
//! Read more kindly than RFC 4514 asks: spaces around `,` `+` `=`, `;` as a
//! separator and quoted values (RFC 2253 §4) are understood, because older
//! programs wrote such DNs into attributes. Written strictly.
//!
//! Two DNs are equal if their types are equal without case, names and OIDs of
//! RFC 4514 §3 being the same, and their values are equal after NFKC, case
//! folding and collapsing of spaces. A directory knows the matching rule of
//! each naming attribute and we do not; none in use tells more values apart.
//!
//! This module knows neither a server nor SCIM, and is compiled without the
//! `ldap` feature too.

mod parse;

use std::{
    fmt::{self, Write as _},
    hash::{Hash, Hasher},
};

use unicode_normalization::UnicodeNormalization as _;

use crate::store::value::fold;

/// Text that is not a distinguished name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a distinguished name: {expected} expected at byte {at}")]
pub struct DnError {
    /// Byte offset where reading stopped.
    pub at: usize,
    /// What would have been right there.
    pub expected: &'static str,
}

/// A distinguished name, the entry's own RDN first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Dn {
    rdns: Vec<Rdn>,
}

/// One level of a DN: one attribute and value, or several joined by `+`.
///
/// # Invariants
///
/// There is at least one attribute and value; `normal` is derived from them.
#[derive(Debug, Clone)]
pub struct Rdn {
    avas: Vec<Ava>,
    normal: String,
}

/// An attribute type and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ava {
    /// Attribute type as written.
    pub attribute: String,
    /// Its value, unescaped.
    pub value: AvaValue,
}

/// The value in an RDN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AvaValue {
    /// Text.
    Text(String),
    /// The BER encoding that stood as `#04…`.
    Ber(Vec<u8>),
}

/// The form of a DN that is equal for equal DNs; `None` if the text is no DN.
#[must_use]
pub fn normalise(text: &str) -> Option<String> {
    Dn::parse(text).ok().map(|dn| dn.normal())
}

impl Dn {
    /// Reads a DN; empty text is the root.
    ///
    /// # Errors
    ///
    /// [`DnError`].
    pub fn parse(text: &str) -> Result<Self, DnError> {
        parse::Parser::new(text).dn().map(|rdns| Self { rdns })
    }

    /// The DN of an entry directly below this one, named by these attributes and values.
    /// Values are taken literally; no attribute at all gives this DN itself.
    #[must_use]
    pub fn child(&self, named: &[(&str, &str)]) -> Dn {
        if named.is_empty() {
            return self.clone();
        }
        let avas = named
            .iter()
            .map(|(attribute, value)| Ava {
                attribute: (*attribute).to_owned(),
                value: AvaValue::Text((*value).to_owned()),
            })
            .collect();
        let mut rdns = vec![Rdn::new(avas)];
        rdns.extend(self.rdns.iter().cloned());
        Self { rdns }
    }

    /// The DN one level up; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Dn> {
        self.rdns.split_first().map(|(_, rest)| Self { rdns: rest.to_vec() })
    }

    /// The entry's own RDN; `None` for the root.
    #[must_use]
    pub fn rdn(&self) -> Option<&Rdn> {
        self.rdns.first()
    }

    /// The RDNs, the entry's own first.
    #[must_use]
    pub fn rdns(&self) -> &[Rdn] {
        &self.rdns
    }

    /// True if this entry lies below `base`, at any depth; false for `base` itself.
    #[must_use]
    pub fn is_below(&self, base: &Dn) -> bool {
        self.rdns.len() > base.rdns.len() && self.rdns.ends_with(&base.rdns)
    }

    /// This name, relative, placed below `base`.
    #[must_use]
    pub fn join(&self, base: &Dn) -> Dn {
        Self { rdns: self.rdns.iter().chain(&base.rdns).cloned().collect() }
    }

    /// The form that is equal for equal DNs.
    #[must_use]
    pub fn normal(&self) -> String {
        let parts: Vec<&str> = self.rdns.iter().map(|r| r.normal.as_str()).collect();
        parts.join(",")
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, rdn) in self.rdns.iter().enumerate() {
            if i > 0 {
                f.write_char(',')?;
            }
            write!(f, "{rdn}")?;
        }
        Ok(())
    }
}

impl Rdn {
    pub(super) fn new(avas: Vec<Ava>) -> Self {
        let mut parts: Vec<String> = avas.iter().map(Ava::normal).collect();
        parts.sort_unstable();
        Self { normal: parts.join("+"), avas }
    }

    /// Its attributes and values.
    #[must_use]
    pub fn avas(&self) -> &[Ava] {
        &self.avas
    }

    /// Attribute and value, if it is one attribute with a text.
    #[must_use]
    pub fn single(&self) -> Option<(&str, &str)> {
        match self.avas.as_slice() {
            [Ava { attribute, value: AvaValue::Text(text) }] => Some((attribute, text)),
            _ => None,
        }
    }
}

impl PartialEq for Rdn {
    fn eq(&self, other: &Self) -> bool {
        self.normal == other.normal
    }
}

impl Eq for Rdn {}

impl Hash for Rdn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.normal.hash(state);
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, ava) in self.avas.iter().enumerate() {
            if i > 0 {
                f.write_char('+')?;
            }
            write!(f, "{}={}", ava.attribute, ava.value)?;
        }
        Ok(())
    }
}

impl Ava {
    fn normal(&self) -> String {
        let value = match &self.value {
            AvaValue::Text(text) => AvaValue::Text(fold_value(text)),
            ber @ AvaValue::Ber(_) => ber.clone(),
        };
        format!("{}={value}", canonical_type(&self.attribute))
    }
}

impl fmt::Display for AvaValue {
    /// RFC 4514 §2.4. Control characters are escaped too, so that a DN stays on its line in a log; and
    /// `=`, which Active Directory wants, while others need not have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Ber(bytes) => return write!(f, "#{}", hex::encode(bytes)),
            Self::Text(text) => text,
        };
        let last = text.chars().count().saturating_sub(1);
        for (i, c) in text.chars().enumerate() {
            match c {
                // `=` needs no escape by RFC 4514, but Active Directory and Samba want one.
                '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => write!(f, "\\{c}")?,
                ' ' if i == 0 || i == last => f.write_str("\\ ")?,
                '#' if i == 0 => f.write_str("\\#")?,
                c if c.is_ascii_control() => write!(f, "\\{:02x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A value without what directories ignore when they compare names: NFKC, simple
/// case folding, no outer spaces, one space for several.
#[must_use]
pub fn fold_value(text: &str) -> String {
    let folded = match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => fold(&text.nfkc().collect::<String>()),
    };
    let words: Vec<&str> = folded.split(' ').filter(|w| !w.is_empty()).collect();
    words.join(" ")
}

/// A value as it stands in a DN (RFC 4514 §2.4).
#[must_use]
pub fn escape_value(text: &str) -> String {
    AvaValue::Text(text.to_owned()).to_string()
}

/// Lower-case short name of a naming attribute.
fn canonical_type(attribute: &str) -> String {
    let lower = attribute.to_ascii_lowercase();
    let name = match lower.as_str() {
        "2.5.4.3" | "commonname" => "cn",
        "2.5.4.7" | "localityname" => "l",
        "2.5.4.8" | "stateorprovincename" => "st",
        "2.5.4.10" | "organizationname" => "o",
        "2.5.4.11" | "organizationalunitname" => "ou",
        "2.5.4.6" | "countryname" => "c",
        "2.5.4.9" | "streetaddress" => "street",
        "0.9.2342.19200300.100.1.25" | "domaincomponent" => "dc",
        "0.9.2342.19200300.100.1.1" | "userid" => "uid",
        _ => return lower,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
