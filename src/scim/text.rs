//! Comparison of text without case (RFC 7643 §2.2, `caseExact`).
//!
//! Attribute *names* are ASCII and compare with `eq_ignore_ascii_case`; this
//! module is for attribute *values*. Stores fold with the same rule, so that a
//! filter answers the same whether a store or the gateway evaluates it.

use std::borrow::Cow;

use serde_json::map::Entry;

use crate::scim::{Json, Object};

/// Folds case by Unicode's simple folding, character by character (`É` = `é`, `ß` ≠ `ss`).
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return text.to_ascii_lowercase().into();
        }
        return text.into();
    }
    let mapper = icu_casemap::CaseMapper::new();
    text.chars().map(|c| mapper.simple_fold(c)).collect::<String>().into()
}

/// The text as it is compared: as it stands, or folded.
#[must_use]
pub fn comparable(text: &str, case_exact: bool) -> Cow<'_, str> {
    if case_exact { text.into() } else { fold(text) }
}

/// Finds the value of a key without case; an exact match wins.
#[must_use]
pub fn find<'a>(object: &'a Object, key: &str) -> Option<&'a Json> {
    object
        .get(key)
        .or_else(|| object.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

/// Moves the value of a key that differs from `key` only in case to `key`, unless `key` is taken.
pub fn respell(object: &mut Object, key: &str) {
    if object.contains_key(key) {
        return;
    }
    let Some(found) = object.keys().find(|name| name.eq_ignore_ascii_case(key)).cloned() else { return };
    if let Some(value) = object.remove(&found)
        && let Entry::Vacant(slot) = object.entry(key)
    {
        slot.insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_folding() {
        assert_eq!(fold("bjensen"), "bjensen");
        assert_eq!(fold("BJensen"), "bjensen");
        assert_eq!(fold("ÉMILE"), fold("émile"));
        assert_ne!(fold("straße"), fold("STRASSE"));
        assert_eq!(fold("\u{212A}elvin"), "kelvin", "the Kelvin sign folds to k");
        assert_eq!(comparable("A", true), "A");
    }
}
