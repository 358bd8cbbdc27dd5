//! Preconditions on a resource's version (RFC 7644 §3.14, RFC 9110 §13.1).
//!
//! Versions are weak entity tags, and RFC 7644 uses them in `If-Match` too, so
//! tags are always compared weakly. A tag without quotes is understood: clients
//! send the bare value.

use crate::scim::{Object, error::ScimError};

/// The entity tags of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever version there is.
    Any,
    /// Any of these, without `W/` and quotes.
    List(Vec<String>),
}

/// What a request demands of the version that a resource has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preconditions {
    /// The version must be one of these.
    pub if_match: Option<Tags>,
    /// The version must be none of these.
    pub if_none_match: Option<Tags>,
}

impl Tags {
    /// Reads a condition. What cannot be read is a tag that nothing has.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        let mut tags = Vec::new();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Self::List(tags);
            }
            let opaque = rest.strip_prefix("W/").unwrap_or(rest);
            let (tag, after) = match opaque.strip_prefix('"') {
                // A comma between quotes is part of the tag.
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => opaque.split_once(',').unwrap_or((opaque, "")),
            };
            tags.push(tag.trim_end().to_owned());
            rest = after;
        }
    }

    /// True if a resource of this version is meant.
    #[must_use]
    pub fn matches(&self, version: Option<&str>) -> bool {
        match (self, version) {
            (Self::Any, _) => true,
            (Self::List(tags), Some(version)) => {
                let opaque = version.strip_prefix("W/").unwrap_or(version).trim_matches('"');
                tags.iter().any(|tag| tag == opaque)
            }
            (Self::List(_), None) => false,
        }
    }
}

impl Preconditions {
    /// Only `If-Match`.
    #[must_use]
    pub fn if_match(tags: Option<&str>) -> Self {
        Self { if_match: tags.map(Tags::parse), if_none_match: None }
    }

    /// True if the request demands nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// True if a certain version is demanded, which must then not change before the request is done.
    #[must_use]
    pub fn names_version(&self) -> bool {
        matches!(self.if_match, Some(Tags::List(_)))
    }

    /// Checks them for a change of a resource.
    ///
    /// # Errors
    ///
    /// 412 if one does not hold.
    pub fn check(&self, resource: &Object) -> Result<(), ScimError> {
        let version = version_of(resource);
        if self.if_match.as_ref().is_some_and(|tags| !tags.matches(version)) {
            return Err(ScimError::precondition_failed(
                "The resource has another version than `If-Match` names.",
            ));
        }
        if self.if_none_match.as_ref().is_some_and(|tags| tags.matches(version)) {
            return Err(ScimError::precondition_failed(
                "The resource has a version that `If-None-Match` names.",
            ));
        }
        Ok(())
    }
}

/// `meta.version`.
#[must_use]
pub fn version_of(resource: &Object) -> Option<&str> {
    resource.get("meta")?.get("version")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags_are_compared_weakly() {
        // 7644-3.14-b, 7644-3.14-c
        let version = Some(r#"W/"1""#);
        for (text, expected) in [
            (r#"W/"1""#, true),
            (r#""1""#, true),
            ("1", true),
            (r#"W/"2", W/"1""#, true),
            (r#"W/"2",,"1" , "3""#, true),
            ("2, 1", true),
            ("*", true),
            (" * ", true),
            (r#""*""#, false),
            (r#"*, "2""#, false),
            (r#"W/"2""#, false),
            (r#"W/"11""#, false),
            (r#""2,1""#, false),
            (r#"w/"1""#, false),
            ("", false),
            (r#"""#, false),
        ] {
            assert_eq!(Tags::parse(text).matches(version), expected, "{text}");
        }
        assert!(Tags::parse("*").matches(None) && !Tags::parse(r#""1""#).matches(None));
    }

    #[test]
    fn both_conditions_must_hold() {
        let resource = serde_json::json!({ "meta": { "version": "W/\"1\"" } });
        let resource = resource.as_object().unwrap();
        for (if_match, if_none_match, fine) in [
            (None, None, true),
            (Some("\"1\""), None, true),
            (Some("*"), Some("\"2\""), true),
            (Some("\"2\""), None, false),
            (None, Some("*"), false),
            (Some("\"1\""), Some("\"1\""), false),
        ] {
            let conditions = Preconditions {
                if_match: if_match.map(Tags::parse),
                if_none_match: if_none_match.map(Tags::parse),
            };
            let outcome = conditions.check(resource).map_err(|error| error.status());
            assert_eq!(outcome, if fine { Ok(()) } else { Err(412) }, "{if_match:?} {if_none_match:?}");
        }
    }
}
