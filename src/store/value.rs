//! Values of fields and how they compare in memory.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;
use time::{Date, OffsetDateTime};

/// A value as a store holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text; every LDAP value that is not declared binary.
    Text(String),
    /// An integer.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// An exact or floating number that is not an integer.
    Decimal(BigDecimal),
    /// A calendar date.
    Date(Date),
    /// An instant; SQL timestamps without zone are taken as UTC.
    Time(OffsetDateTime),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
}

/// Whether letters of different case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fold {
    /// Every character counts.
    #[default]
    Exact,
    /// Upper and lower case are the same, by Unicode's simple case folding.
    Case,
}

impl Fold {
    /// The text under this folding.
    #[must_use]
    pub fn apply(self, text: &str) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Exact => text.into(),
            Self::Case if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_uppercase()) => text.into(),
            Self::Case => fold(text).into(),
        }
    }
}

/// Unicode simple case folding, character by character (`É` = `é`, `ß` ≠ `ss`).
#[must_use]
pub fn fold(text: &str) -> String {
    let mapper = icu_casemap::CaseMapper::new();
    text.chars().map(|c| mapper.simple_fold(c)).collect()
}

impl Value {
    /// The value as text, the way a mapping file would write it.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(s) => s.clone(),
            Self::Int(i) => i.to_string(),
            Self::Bool(b) => b.to_string(),
            Self::Decimal(d) => d.normalized().to_plain_string(),
            Self::Date(d) => d.to_string(),
            Self::Time(t) => t
                .to_offset(time::UtcOffset::UTC)
                .format(&time::format_description::well_known::Rfc3339)
                .unwrap_or_default(),
            Self::Bytes(b) => hex::encode(b),
        }
    }

    /// Equality across types: text that spells the other value is equal to it.
    #[must_use]
    pub fn same(&self, other: &Value, fold: Fold) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => fold.apply(a) == fold.apply(b),
            (Self::Bool(b), Self::Int(i)) | (Self::Int(i), Self::Bool(b)) => i64::from(*b) == *i,
            (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => a == b,
            (a, b) => self.compare(other, fold) == Some(Ordering::Equal) || a.to_text() == b.to_text(),
        }
    }

    /// Order across types; `None` if the two cannot be ordered.
    #[must_use]
    pub fn compare(&self, other: &Value, fold: Fold) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(fold.apply(a).cmp(&fold.apply(b))),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Time(b)) => Some(a.cmp(&b.date())),
            (Self::Time(a), Self::Date(b)) => Some(a.date().cmp(b)),
            _ => Some(self.to_number()?.cmp(&other.to_number()?)),
        }
    }

    fn to_number(&self) -> Option<BigDecimal> {
        match self {
            Self::Int(i) => Some((*i).into()),
            Self::Decimal(d) => Some(d.clone()),
            Self::Bool(b) => Some(i64::from(*b).into()),
            Self::Text(t) => t.trim().parse().ok(),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_folding_is_simple() {
        assert_eq!(fold("ÉCOLE"), fold("école"));
        assert_ne!(fold("Straße"), fold("STRASSE"));
        assert_eq!(fold("\u{212A}"), "k", "the Kelvin sign is a k (S-29)");
    }

    #[test]
    fn text_and_numbers_compare_across_types() {
        assert!(Value::Int(512).same(&"512".into(), Fold::Exact));
        assert!(Value::Bool(true).same(&Value::Int(1), Fold::Exact));
        assert_eq!(Value::Int(3).compare(&"12".into(), Fold::Exact), Some(Ordering::Less));
    }
}
