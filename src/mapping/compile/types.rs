//! The resource types of a file, `[type.Name]`: their schemas and where they are found (RFC 7643 §6).

use crate::{
    mapping::{
        compile::{
            Compiler,
            file::FILE,
            keys::{Keys, suggest},
        },
        node::Node,
    },
    scim::{
        self,
        schema::{ResourceType, Schema},
        schemas::{self, COMMON},
    },
};

/// Endpoints of the protocol, which no type can have (RFC 7644 §3.2).
pub(super) const TYPE: &[&str] = &["schema", "endpoint", "description", "schemaExtensions"];
const RESERVED: &[&str] = &["Me", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig"];

impl Compiler {
    /// Reads the declarations of types, mapped or not.
    pub(super) fn read_declarations(&mut self, tree: &Node) {
        for (key, node) in tree.get("type").map_or(&[][..], Node::entries) {
            if !self.is_table(node, "the type") {
                continue;
            }
            self.check_keys(node, &Keys { what: "a type", known: TYPE, later: &[] });
            if FILE.contains(&key.name.as_str()) || !scim::attribute::is_name(&key.name) {
                let message = format!("`{}` cannot name a type", key.name);
                let help = "a letter, then letters, digits, `-` and `_`; and none of the file's own keys";
                self.diagnostics.error("bad-name", &key.span, message, help);
            }
            let declared = self.declare_type(tree, &key.name);
            self.declared.push((key.name.clone(), declared));
        }
    }

    /// The schemas of a resource type, in full; `None` if no type has this name.
    pub(super) fn declared(&mut self, tree: &Node, name: &str) -> Option<ResourceType> {
        match self.declared.iter().find(|(known, _)| known == name) {
            Some((_, declared)) => declared.clone(),
            None => self.declare_type(tree, name),
        }
    }

    /// That no two mapped types share an endpoint.
    pub(super) fn check_endpoints(&mut self, tree: &Node) {
        let mut seen: Vec<(String, String)> = Vec::new();
        for ty in &self.types {
            let endpoint = ty.declared.endpoint.clone();
            let other = seen.iter().find(|(_, e)| e.eq_ignore_ascii_case(&endpoint));
            if let Some((other, _)) = other {
                let at = tree.get("type").and_then(|t| t.get(&ty.name)).and_then(|t| t.get("endpoint"));
                let span = at.map_or_else(|| ty.span.clone(), |n| n.span.clone());
                let message = format!("`{other}` is found at `{endpoint}` already");
                let help = format!("give `{}` an endpoint of its own: `endpoint = \"…\"`", ty.name);
                self.diagnostics.error("duplicate-name", &span, message, help);
            }
            seen.push((ty.name.clone(), endpoint));
        }
    }

    fn declare_type(&mut self, tree: &Node, name: &str) -> Option<ResourceType> {
        let types = tree.get("type").map_or(&[][..], Node::entries);
        let own = types.iter().find(|(k, _)| k.name == name).map(|(_, n)| n.clone());
        let core = self.core_schema(name, own.as_ref())?;
        let endpoint = match own.as_ref().and_then(|n| self.endpoint(n)) {
            Some(endpoint) => endpoint,
            None => format!("/{}", plural(name)),
        };
        let extensions = match own.as_ref().and_then(|n| n.get("schemaExtensions")) {
            Some(list) => self.listed_extensions(list, &core),
            None => self.possible_extensions(tree, name, &core),
        };
        let description = own.as_ref().and_then(|n| self.text_key(n, "description"));
        Some(ResourceType {
            name: name.to_owned(),
            endpoint,
            description: description.unwrap_or_else(|| core.description.clone()),
            core: schemas::with_common(core),
            extensions,
        })
    }

    fn core_schema(&mut self, name: &str, own: Option<&Node>) -> Option<Schema> {
        let written = own.and_then(|n| n.get("schema"));
        let urn = match (name, written) {
            ("User" | "Group", Some(node)) => {
                let help = "remove `schema`; more attributes come by `schemaExtensions`";
                self.error("bad-value", node, format!("the schema of `{name}` is the standard's"), help);
                return None;
            }
            ("User", None) => scim::USER.to_owned(),
            ("Group", None) => scim::GROUP.to_owned(),
            (_, Some(node)) => self.plain(node, "`schema`")?,
            (_, None) => {
                let help = "write `schema = \"urn:…\"`, the URN of its core schema";
                self.error("missing-key", own?, format!("`type.{name}` has no schema"), help);
                return None;
            }
        };
        let schema = self.find_schema(&urn, written)?;
        for attribute in schema.attributes.iter().filter(|_| !matches!(name, "User" | "Group")) {
            if COMMON.iter().any(|common| attribute.name.eq_ignore_ascii_case(common)) {
                let message =
                    format!("`{}` declares `{}`, which every resource has", schema.id, attribute.name);
                let help = "remove it from the schema, or give it another name";
                self.diagnostics.error("bad-name", &written.map_or(0..0, |n| n.span.clone()), message, help);
            }
        }
        Some(schema)
    }

    /// A schema of the file or the standard.
    fn find_schema(&mut self, urn: &str, at: Option<&Node>) -> Option<Schema> {
        let own = self.schemas.iter().find(|s| s.id.eq_ignore_ascii_case(urn)).cloned();
        let found = own.or_else(|| schemas::standard(urn));
        if let (None, Some(at)) = (&found, at) {
            let help = suggest(
                urn,
                self.schemas.iter().map(|s| s.id.as_str()),
                "declare it by `[schema.…]`; the file has",
            );
            self.error("unknown-name", at, format!("there is no schema `{urn}`"), help);
        }
        found
    }

    fn endpoint(&mut self, own: &Node) -> Option<String> {
        let node = own.get("endpoint")?;
        let text = self.plain(node, "`endpoint`")?;
        let name = text.trim_matches('/');
        let is_segment = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~'));
        if !is_segment {
            let help = "one segment of a path: `endpoint = \"/Devices\"`";
            self.error("bad-value", node, format!("`{text}` is no endpoint"), help);
        } else if RESERVED.iter().any(|r| r.eq_ignore_ascii_case(name)) {
            let help = "choose another, such as the plural of the type's name";
            self.error("bad-value", node, format!("`{text}` is an endpoint of the protocol"), help);
        }
        Some(format!("/{name}"))
    }

    /// `schemaExtensions = ["urn:…", { schema = "urn:…", required = true }]`: all that the type may have.
    fn listed_extensions(&mut self, list: &Node, core: &Schema) -> Vec<(Schema, bool)> {
        let mut extensions: Vec<(Schema, bool)> = Vec::new();
        for item in list.items() {
            let required = match item.text() {
                Some(_) => false,
                None if !self.is_table(item, "an extension") => continue,
                None => {
                    let keys = Keys { what: "an extension", known: &["schema", "required"], later: &[] };
                    self.check_keys(item, &keys);
                    self.bool_key(item, "required").unwrap_or_default()
                }
            };
            let Some(at) = item.text().map(|_| item).or_else(|| item.get("schema")) else {
                let help = "write `{ schema = \"urn:…\", required = true }`";
                self.error("missing-key", item, "which extension is meant is open", help);
                continue;
            };
            let urn = match at.text() {
                Some("{E}") => Some(scim::ENTERPRISE.to_owned()),
                _ => self.plain(at, "the extension"),
            };
            let Some(urn) = urn else { continue };
            let Some(schema) = self.find_schema(&urn, Some(at)) else { continue };
            if schema.id == core.id || extensions.iter().any(|(s, _)| s.id == schema.id) {
                let message = format!("`{urn}` is a schema of this type already");
                self.error(
                    "duplicate-name",
                    at,
                    message,
                    "name each extension once, and not the core schema",
                );
                continue;
            }
            extensions.push((schema, required));
        }
        extensions
    }

    /// Without a list: every schema of the file that is no type's core schema.
    fn possible_extensions(&self, tree: &Node, name: &str, core: &Schema) -> Vec<(Schema, bool)> {
        let types = tree.get("type").map_or(&[][..], Node::entries);
        let cores: Vec<&str> = types.iter().filter_map(|(_, n)| n.get("schema")?.text()).collect();
        let is_core = |s: &Schema| s.id == core.id || cores.iter().any(|c| s.id.eq_ignore_ascii_case(c));
        let own = self.schemas.iter().filter(|s| !is_core(s)).cloned();
        let replaced = self.schemas.iter().any(|s| s.id.eq_ignore_ascii_case(scim::ENTERPRISE));
        let enterprise = schemas::standard(scim::ENTERPRISE).filter(|_| name == "User" && !replaced);
        enterprise.into_iter().chain(own).map(|s| (s, false)).collect()
    }
}

/// The plural under which a type's resources are found.
fn plural(name: &str) -> String {
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if name.ends_with(['s', 'x']) || name.ends_with("ch") || name.ends_with("sh") => {
            format!("{name}es")
        }
        _ => format!("{name}s"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn endpoints_are_plurals() {
        for (one, many) in
            [("Device", "Devices"), ("Policy", "Policies"), ("Key", "Keys"), ("Branch", "Branches")]
        {
            assert_eq!(super::plural(one), many);
        }
    }
}
