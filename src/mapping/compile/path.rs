//! Keys of `[X.attributes]`: SCIM paths as identity providers write them.
//!
//! ```text
//! key    = [ schema (":" | ".") ] name [ "[type eq \"" type "\"]" ] [ "." sub ]
//! schema = "{E}" | URN
//! ```

use std::ops::Range;

use crate::{
    mapping::compile::{Compiler, keys::suggest},
    scim::{
        self,
        attribute::{AttrPath, is_name},
        schema::SchemaAttribute,
    },
};

/// A key, resolved against the type's schemas.
#[derive(Debug, Clone)]
pub(super) struct PathKey {
    /// URN of the extension.
    pub(super) urn: Option<String>,
    /// The attribute; `None` if the key names a whole extension.
    pub(super) attribute: Option<SchemaAttribute>,
    /// The type of a slot.
    pub(super) slot: Option<String>,
    /// The sub-attribute, in the schema's spelling.
    pub(super) sub: Option<String>,
}

impl Compiler {
    /// Resolves a key of the attribute layer.
    pub(super) fn path(&mut self, ty: usize, text: &str, span: &Range<usize>) -> Option<PathKey> {
        let (urn, rest) = self.split_schema(ty, text, span)?;
        if rest.is_empty() {
            return Some(PathKey { urn, attribute: None, slot: None, sub: None });
        }
        let (name, slot, sub) = self.split_path(&rest, span)?;
        let attribute = self.find_attribute(ty, urn.as_deref(), &name, span)?;
        let sub = match sub {
            None => None,
            Some(sub) => Some(self.find_sub(&attribute, &sub, span)?.name),
        };
        Some(PathKey { urn, attribute: Some(attribute), slot, sub })
    }

    fn split_schema(
        &mut self,
        ty: usize,
        text: &str,
        span: &Range<usize>,
    ) -> Option<(Option<String>, String)> {
        let text = match text.strip_prefix("{E}") {
            Some(rest) => format!("{}{rest}", scim::ENTERPRISE),
            None => text.to_owned(),
        };
        if !text.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("urn:")) {
            return Some((None, text));
        }
        let declared = &self.types.get(ty)?.declared;
        let urns = std::iter::once(&declared.core).chain(declared.extensions.iter().map(|(s, _)| s));
        let mut urns: Vec<String> = urns.map(|s| s.id.clone()).collect();
        // One URN may begin like another.
        urns.sort_by_key(|urn| std::cmp::Reverse(urn.len()));
        let found = urns.iter().find_map(|urn| {
            let (head, rest) = text.split_at_checked(urn.len())?;
            let ends = rest.is_empty() || rest.starts_with([':', '.']);
            (head.eq_ignore_ascii_case(urn) && ends)
                .then(|| (urn.clone(), rest.trim_start_matches([':', '.']).to_owned()))
        });
        let Some((urn, rest)) = found else {
            let help = suggest(&text, urns.iter().map(String::as_str), "schemas of this type are");
            self.diagnostics.error("unknown-schema", span, format!("no schema is named by `{text}`"), help);
            return None;
        };
        let core = self.types.get(ty)?.declared.core.id == urn;
        Some(((!core).then_some(urn), rest))
    }

    fn split_path(
        &mut self,
        text: &str,
        span: &Range<usize>,
    ) -> Option<(String, Option<String>, Option<String>)> {
        let (name, slot, rest) = match text.split_once('[') {
            None => match text.split_once('.') {
                Some((name, sub)) => (name, None, Some(sub)),
                None => (text, None, None),
            },
            Some((name, after)) => {
                let (filter, rest) = after.split_once(']').unwrap_or((after, ""));
                let value = filter.trim().strip_prefix("type").map(str::trim_start);
                let value = value.and_then(|v| v.strip_prefix("eq")).map(str::trim);
                let value = value.and_then(|v| v.strip_prefix('"')).and_then(|v| v.strip_suffix('"'));
                let Some(value) = value else {
                    let message = format!("`[{filter}]` is no filter for a key");
                    self.diagnostics.error("bad-path", span, message, "write `[type eq \"work\"]`");
                    return None;
                };
                (name, Some(value.to_owned()), rest.strip_prefix('.'))
            }
        };
        if !is_name(name) || !rest.is_none_or(is_name) {
            let help = "write `userName`, `name.givenName`, `emails[type eq \"work\"].value` or a URN with such a path";
            self.diagnostics.error("bad-path", span, format!("`{text}` is no attribute path"), help);
            return None;
        }
        Some((name.to_owned(), slot, rest.map(str::to_owned)))
    }

    fn find_attribute(
        &mut self,
        ty: usize,
        urn: Option<&str>,
        name: &str,
        span: &Range<usize>,
    ) -> Option<SchemaAttribute> {
        let declared = &self.types.get(ty)?.declared;
        let path = AttrPath { urn: urn.map(str::to_owned), name: name.to_owned(), sub: None };
        if let Some(found) = declared.resolve(&path) {
            return Some(found.attribute.clone());
        }
        let schema = urn.map_or(Some(&declared.core), |u| declared.find_schema(u))?.clone();
        let mut help = suggest(name, schema.attributes.iter().map(|a| a.name.as_str()), "the schema has");
        if let Some((extension, _)) =
            declared.extensions.iter().find(|(s, _)| urn.is_none() && s.find(name).is_some())
        {
            help = format!("it belongs to an extension: write `'{}:{name}'`", extension.id);
        }
        let message = format!("`{}` has no attribute `{name}`", schema.id);
        self.diagnostics.error("unknown-attribute", span, message, help);
        None
    }

    /// Finds a sub-attribute, or reports that there is none.
    pub(super) fn find_sub(
        &mut self,
        attribute: &SchemaAttribute,
        name: &str,
        span: &Range<usize>,
    ) -> Option<SchemaAttribute> {
        let found = attribute.find_sub(name).cloned();
        if found.is_none() {
            let help = suggest(name, attribute.sub_attributes.iter().map(|a| a.name.as_str()), "it has");
            let message = format!("`{}` has no sub-attribute `{name}`", attribute.name);
            self.diagnostics.error("unknown-attribute", span, message, help);
        }
        found
    }
}
