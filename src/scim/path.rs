//! Paths of PATCH operations (RFC 7644 §3.5.2).
//!
//! ```text
//! PATH = attrPath / valuePath [ "." subAttr ]
//! ```
//!
//! The URN of a whole schema is a path too: `urn:…:enterprise:2.0:User` names
//! the extension. The RFC's grammar has no such path, clients do.

use std::fmt;

use crate::scim::{
    attribute::{AttrPath, is_name},
    error::ScimError,
    filter::{
        Filter,
        eval::resolve_element,
        parse::{FilterRules, parse_element},
    },
    schema::{DataType, ResourceType, SchemaAttribute},
};

/// A path of a PATCH operation, found in a resource type.
///
/// # Invariants
///
/// Names are in the schema's spelling. `attr.sub` is `None`: the sub-attribute
/// is in `sub`, whether or not there is a filter. `attr.name` is empty only if
/// the path names a whole schema. The filter is resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// The attribute, or the schema if its name is empty.
    pub attr: AttrPath,
    /// Which elements of a multi-valued attribute are meant.
    pub filter: Option<Filter>,
    /// The sub-attribute.
    pub sub: Option<String>,
}

impl PatchPath {
    /// Reads a path and finds it in the resource type.
    ///
    /// # Errors
    ///
    /// 400 `invalidPath` if it is malformed or names nothing, 400
    /// `invalidFilter` if its filter is not valid.
    pub fn parse(text: &str, ty: &ResourceType, rules: &FilterRules) -> Result<Self, ScimError> {
        let text = text.trim();
        if text.len() > rules.max_length {
            return Err(ScimError::invalid_path(format!(
                "The path is longer than {} bytes.",
                rules.max_length
            )));
        }
        if let Some(schema) = ty.find_schema(text) {
            return Ok(Self::schema(&schema.id));
        }
        let parts = split(text).ok_or_else(|| malformed(text))?;
        let path = AttrPath::parse(parts.attribute).ok_or_else(|| malformed(text))?;
        let unknown = || ScimError::invalid_path(format!("The path `{text}` names no attribute."));
        let found = ty.resolve(&path).ok_or_else(unknown)?;
        let sub = match parts.sub {
            Some(name) if path.sub.is_none() => Some(found.attribute.find_sub(name).ok_or_else(unknown)?),
            Some(_) => return Err(malformed(text)),
            None => found.sub,
        };
        let filter = match parts.filter {
            Some(_) if path.sub.is_some() => return Err(malformed(text)),
            Some(filter) => Some(element_filter(filter, found.attribute, rules)?),
            None => None,
        };
        Ok(Self {
            attr: AttrPath {
                urn: found.extension.map(str::to_owned),
                name: found.attribute.name.clone(),
                sub: None,
            },
            filter,
            sub: sub.map(|s| s.name.clone()),
        })
    }

    /// The path of a whole schema.
    #[must_use]
    pub fn schema(urn: &str) -> Self {
        let attr = AttrPath { urn: Some(urn.to_owned()), name: String::new(), sub: None };
        Self { attr, filter: None, sub: None }
    }

    /// The path of an attribute.
    #[must_use]
    pub fn attribute(urn: Option<&str>, name: &str) -> Self {
        let attr = AttrPath { urn: urn.map(str::to_owned), name: name.to_owned(), sub: None };
        Self { attr, filter: None, sub: None }
    }

    /// The attribute and sub-attribute, without the filter.
    #[must_use]
    pub fn target(&self) -> AttrPath {
        AttrPath { sub: self.sub.clone(), ..self.attr.clone() }
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.attr)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

fn malformed(text: &str) -> ScimError {
    ScimError::invalid_path(format!("The path `{text}` is not well-formed."))
}

/// The parts of `attribute[filter].sub`, as written.
struct Parts<'a> {
    attribute: &'a str,
    filter: Option<&'a str>,
    sub: Option<&'a str>,
}

/// Splits a path at its brackets; brackets in quotes do not count.
fn split(text: &str) -> Option<Parts<'_>> {
    let Some((attribute, rest)) = text.split_once('[') else {
        return Some(Parts { attribute: text, filter: None, sub: None });
    };
    let (mut quoted, mut escaped) = (false, false);
    let end = rest.char_indices().find_map(|(i, c)| {
        let closes = c == ']' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        closes.then_some(i)
    })?;
    let (filter, tail) = (rest.get(..end)?, rest.get(end + 1..)?);
    let sub = match tail.trim() {
        "" => None,
        tail => Some(tail.strip_prefix('.').filter(|name| is_name(name))?),
    };
    Some(Parts { attribute: attribute.trim_end(), filter: Some(filter), sub })
}

fn element_filter(text: &str, attribute: &SchemaAttribute, rules: &FilterRules) -> Result<Filter, ScimError> {
    if !attribute.multi_valued || attribute.data_type != DataType::Complex {
        return Err(ScimError::invalid_path(format!(
            "Attribute `{}` has no elements that a filter could select.",
            attribute.name
        )));
    }
    resolve_element(&parse_element(text, rules)?, attribute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{ENTERPRISE, schemas::user_type};

    fn parse(text: &str) -> Result<PatchPath, ScimError> {
        PatchPath::parse(text, &user_type(), &FilterRules::default())
    }

    #[test]
    fn paths_take_the_spelling_of_the_schema() {
        // 7644-3.5.2-c
        let cases = [
            ("USERNAME", "userName"),
            ("name.FamilyName", "name.familyName"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:Title", "title"),
            (r#"emails[TYPE eq "work"].Value"#, r#"emails[type eq "work"].value"#),
            (r#"emails[type eq "a]\"b"]"#, r#"emails[type eq "a]\"b"]"#),
            (r#"roles[primary eq "True"].value"#, "roles[primary eq true].value"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        let manager = parse(&format!("{}:MANAGER.value", ENTERPRISE.to_uppercase())).unwrap();
        assert_eq!(manager.target().to_string(), format!("{ENTERPRISE}:manager.value"));
        assert_eq!(parse(ENTERPRISE).unwrap(), PatchPath::schema(ENTERPRISE));
    }

    #[test]
    fn bad_paths_are_refused() {
        // 7644-3.5.2-d
        let cases = [
            ("", "invalidPath"),
            (".name", "invalidPath"),
            ("name.", "invalidPath"),
            ("name..familyName", "invalidPath"),
            ("unknown", "invalidPath"),
            ("name.unknown", "invalidPath"),
            ("urn:example:nope:2.0:User:attr", "invalidPath"),
            (r#"emails[type eq "work""#, "invalidPath"),
            (r#"emails[type eq "work].value"#, "invalidPath"),
            (r#"emails[type eq "work"]value"#, "invalidPath"),
            (r#"emails[type eq "work"].nope"#, "invalidPath"),
            (r#"emails.value[type eq "work"]"#, "invalidPath"),
            (r#"userName[value eq "x"]"#, "invalidPath"),
            (r#"name[givenName eq "x"]"#, "invalidPath"),
            ("emails[type eq].value", "invalidFilter"),
            (r#"emails[nope eq "x"]"#, "invalidFilter"),
            (r#"emails[emails[type eq "x"]]"#, "invalidPath"),
        ];
        for (text, kind) in cases {
            let error = parse(text).expect_err(text);
            assert_eq!((error.status(), error.scim_type().unwrap().as_str()), (400, kind), "{text}: {error}");
        }
    }
}
