//! Attribute paths (RFC 7644 §3.10): an optional schema URN, an attribute and
//! an optional sub-attribute.
//!
//! Names compare without case (RFC 7643 §2.1). The attribute name follows the
//! last colon of the path, so the dots of a URN such as `…:2.0:User` are never
//! taken for sub-attribute separators.

use std::fmt;

/// A path such as `userName`, `name.givenName` or `urn:…:User:manager.value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttrPath {
    /// Schema URN, as written; `None` for the core schema of the resource type.
    pub urn: Option<String>,
    /// Attribute name. Empty only when the path names a whole extension schema.
    pub name: String,
    /// Sub-attribute name.
    pub sub: Option<String>,
}

impl AttrPath {
    /// Builds a path without a URN from `name` or `name.sub`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (name, sub) = match text.split_once('.') {
            Some((name, sub)) => (name.to_owned(), Some(sub.to_owned())),
            None => (text.to_owned(), None),
        };
        Self { urn: None, name, sub }
    }

    /// Parses a path; `None` if it is not a well-formed attribute path.
    ///
    /// A path of the form `urn:…:name` is split at the last colon. Whether the
    /// last segment is an attribute or belongs to the URN of a whole extension
    /// is decided against a schema, not here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_urn = text.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("urn:"));
        let (urn, rest) = match (is_urn, text.rsplit_once(':')) {
            (true, Some((urn, rest))) => (Some(urn.to_owned()), rest),
            (false, None) => (None, text),
            _ => return None,
        };
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        if !is_name(name) || !sub.is_none_or(is_name) {
            return None;
        }
        Some(Self { urn, name: name.to_owned(), sub: sub.map(str::to_owned) })
    }

    /// True if the path names attribute `name` (and sub-attribute `sub`) without a URN or with `urn`.
    #[must_use]
    pub fn is(&self, name: &str, sub: Option<&str>) -> bool {
        self.name.eq_ignore_ascii_case(name)
            && match (&self.sub, sub) {
                (None, None) => true,
                (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                _ => false,
            }
    }
}

/// True for `ALPHA *(ALPHA / DIGIT / "-" / "_")`, and for the `$ref` of RFC 7643 §2.3.7.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let body = text.strip_prefix('$').unwrap_or(text);
    body.starts_with(|c: char| c.is_ascii_alphabetic())
        && body.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}")?;
            if !self.name.is_empty() {
                write!(f, ":")?;
            }
        }
        write!(f, "{}", self.name)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_follows_the_last_colon() {
        // 7644-3.10-a
        let path =
            AttrPath::parse("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value")
                .unwrap();
        assert_eq!(path.urn.as_deref(), Some(crate::scim::ENTERPRISE));
        assert_eq!((path.name.as_str(), path.sub.as_deref()), ("manager", Some("value")));
    }

    #[test]
    fn malformed_paths_are_refused() {
        for bad in ["", "1a", "a.b.c", "a b", "a.", ".a", "x:y", "a:"] {
            assert_eq!(AttrPath::parse(bad), None, "{bad}");
        }
        assert!(AttrPath::parse("members.$ref").is_some());
    }
}
