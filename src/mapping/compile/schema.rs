//! The schemas a file may use: the standard ones and its own `[schema.URN]`
//! and `[type.Name]`, in the terms of RFC 7643 §6 and §7.

use crate::{
    mapping::{
        compile::{
            Compiler,
            keys::{Keys, suggest},
        },
        node::{Kind, Node},
    },
    scim::{
        self,
        schema::{DataType, Mutability, ResourceType, Returned, Schema, SchemaAttribute, Uniqueness},
        schemas,
    },
};

const ATTRIBUTE: &[&str] = &[
    "type",
    "multiValued",
    "description",
    "required",
    "canonicalValues",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "referenceTypes",
    "subAttributes",
];
const TYPES: &[(&str, DataType)] = &[
    ("string", DataType::String),
    ("boolean", DataType::Boolean),
    ("decimal", DataType::Decimal),
    ("integer", DataType::Integer),
    ("dateTime", DataType::DateTime),
    ("binary", DataType::Binary),
    ("reference", DataType::Reference),
    ("complex", DataType::Complex),
];
const MUTABILITIES: &[(&str, Mutability)] = &[
    ("readOnly", Mutability::ReadOnly),
    ("readWrite", Mutability::ReadWrite),
    ("immutable", Mutability::Immutable),
    ("writeOnly", Mutability::WriteOnly),
];
const RETURNED: &[(&str, Returned)] = &[
    ("always", Returned::Always),
    ("never", Returned::Never),
    ("default", Returned::Default),
    ("request", Returned::Request),
];
const UNIQUENESS: &[(&str, Uniqueness)] =
    &[("none", Uniqueness::None), ("server", Uniqueness::Server), ("global", Uniqueness::Global)];

impl Compiler {
    /// Reads the file's own schemas, and checks the declarations of types.
    pub(super) fn read_schemas(&mut self, tree: &Node) {
        for (urn, node) in tree.get("schema").map_or(&[][..], Node::entries) {
            if !urn.name.to_ascii_lowercase().starts_with("urn:") {
                let help = "a schema is named by a URN: [schema.\"urn:example:schemas:Badge\"]";
                self.diagnostics.error("bad-name", &urn.span, format!("`{}` is no URN", urn.name), help);
            }
            if !self.is_table(node, "the schema") {
                continue;
            }
            self.check_keys(
                node,
                &Keys { what: "a schema", known: &["name", "description", "attributes"], later: &[] },
            );
            let name = self.text_key(node, "name");
            let last = urn.name.rsplit(':').next().unwrap_or_default();
            let schema = Schema {
                id: urn.name.clone(),
                name: name.unwrap_or_else(|| last.to_owned()),
                description: self.text_key(node, "description").unwrap_or_default(),
                attributes: node.get("attributes").map(|a| self.attributes(a)).unwrap_or_default(),
            };
            self.schemas.push(schema);
        }
        for (_, node) in tree.get("type").map_or(&[][..], Node::entries) {
            if self.is_table(node, "the type") {
                self.check_keys(
                    node,
                    &Keys { what: "a type", known: &["schema", "endpoint", "description"], later: &[] },
                );
            }
        }
    }

    fn attributes(&mut self, node: &Node) -> Vec<SchemaAttribute> {
        if !self.is_table(node, "the attributes") {
            return Vec::new();
        }
        let mut out = Vec::new();
        for (key, node) in node.entries() {
            if !scim::attribute::is_name(&key.name) {
                let message = format!("`{}` is no attribute name", key.name);
                self.diagnostics.error(
                    "bad-name",
                    &key.span,
                    message,
                    "a letter, then letters, digits, `-` and `_`",
                );
            }
            out.push(self.attribute(&key.name, node));
        }
        out
    }

    fn attribute(&mut self, name: &str, node: &Node) -> SchemaAttribute {
        let mut out = SchemaAttribute { name: name.to_owned(), ..SchemaAttribute::default() };
        if let Some(text) = node.text() {
            match TYPES.iter().find(|(word, _)| *word == text) {
                Some((_, data_type)) => out.data_type = *data_type,
                None => {
                    let help = suggest(text, TYPES.iter().map(|(w, _)| *w), "types are");
                    self.error("bad-value", node, format!("`{text}` is no data type"), help);
                }
            }
            return out;
        }
        if !matches!(node.kind, Kind::Table(_)) {
            self.wrong_type(node, "the attribute", "a data type or a table of characteristics");
            return out;
        }
        self.check_keys(node, &Keys { what: "an attribute's declaration", known: ATTRIBUTE, later: &[] });
        out.data_type = self.word_key(node, "type", TYPES).unwrap_or_default();
        out.multi_valued = self.bool_key(node, "multiValued").unwrap_or_default();
        out.description = self.text_key(node, "description").unwrap_or_default();
        out.required = self.bool_key(node, "required").unwrap_or_default();
        out.case_exact = self.bool_key(node, "caseExact").unwrap_or_default();
        out.mutability = self.word_key(node, "mutability", MUTABILITIES).unwrap_or_default();
        out.returned = self.word_key(node, "returned", RETURNED).unwrap_or_default();
        out.uniqueness = self.word_key(node, "uniqueness", UNIQUENESS).unwrap_or_default();
        out.canonical_values = self.texts_key(node, "canonicalValues").into_iter().map(|(t, _)| t).collect();
        out.reference_types = self.texts_key(node, "referenceTypes").into_iter().map(|(t, _)| t).collect();
        out.sub_attributes = node.get("subAttributes").map(|n| self.attributes(n)).unwrap_or_default();
        if (out.data_type == DataType::Complex) == out.sub_attributes.is_empty() {
            let help = "a complex attribute has `subAttributes`, and only a complex one has them";
            self.error("bad-value", node, format!("`{name}` does not fit its data type"), help);
        }
        out
    }

    /// The schemas of a resource type, in full; `None` if no type has this name.
    pub(super) fn declared(&mut self, tree: &Node, name: &str) -> Option<ResourceType> {
        let types = tree.get("type").map_or(&[][..], Node::entries);
        let own = types.iter().find(|(k, _)| k.name == name).map(|(_, n)| n.clone());
        let urn = |node: &Node| node.get("schema").and_then(Node::text).map(str::to_owned);
        let cores: Vec<String> = types.iter().filter_map(|(_, n)| urn(n)).collect();
        let (core, endpoint) = match name {
            "User" => (scim::USER.to_owned(), "/Users".to_owned()),
            "Group" => (scim::GROUP.to_owned(), "/Groups".to_owned()),
            _ => {
                let node = own.as_ref()?;
                let Some(urn) = urn(node) else {
                    let help = "write `schema = \"urn:…\"`, the URN of its core schema";
                    self.error("missing-key", node, format!("`type.{name}` has no schema"), help);
                    return None;
                };
                (urn, format!("/{}", plural(name)))
            }
        };
        let custom = self.schemas.clone();
        let found = custom.iter().find(|s| s.id.eq_ignore_ascii_case(&core)).cloned();
        let Some(schema) = found.or_else(|| schemas::standard(&core)) else {
            let node = own.as_ref()?;
            let help = suggest(
                &core,
                custom.iter().map(|s| s.id.as_str()),
                "declare it by `[schema.…]`; the file has",
            );
            self.error("unknown-name", node, format!("there is no schema `{core}`"), help);
            return None;
        };
        let schema = schemas::with_common(schema);
        let extensions: Vec<Schema> =
            custom.into_iter().filter(|s| s.id != schema.id && !cores.contains(&s.id)).collect();
        let enterprise = schemas::standard(scim::ENTERPRISE).filter(|_| name == "User");
        let endpoint = own.as_ref().and_then(|n| self.text_key(n, "endpoint")).unwrap_or(endpoint);
        Some(ResourceType {
            name: name.to_owned(),
            endpoint: format!("/{}", endpoint.trim_matches('/')),
            description: own
                .as_ref()
                .and_then(|n| self.text_key(n, "description"))
                .unwrap_or_else(|| schema.description.clone()),
            core: schema,
            extensions: enterprise.into_iter().chain(extensions).map(|s| (s, false)).collect(),
        })
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
