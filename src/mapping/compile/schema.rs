//! The schemas of a file, `[schema.URN]`, in the terms of RFC 7643 §7.

mod characteristics;

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
        schema::{DataType, Mutability, Returned, Schema, SchemaAttribute, Uniqueness},
    },
};

pub(super) const SCHEMA: &[&str] = &["name", "description", "attributes"];
pub(super) const ATTRIBUTE: &[&str] = &[
    "type",
    "multiValued",
    "description",
    "required",
    "canonicalValues",
    "restrictive",
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
pub(super) const MUTABILITIES: &[(&str, Mutability)] = &[
    ("readOnly", Mutability::ReadOnly),
    ("readWrite", Mutability::ReadWrite),
    ("immutable", Mutability::Immutable),
    ("writeOnly", Mutability::WriteOnly),
];
pub(super) const RETURNED: &[(&str, Returned)] = &[
    ("always", Returned::Always),
    ("never", Returned::Never),
    ("default", Returned::Default),
    ("request", Returned::Request),
];
const UNIQUENESS: &[(&str, Uniqueness)] =
    &[("none", Uniqueness::None), ("server", Uniqueness::Server), ("global", Uniqueness::Global)];

impl Compiler {
    /// Reads the file's own schemas.
    pub(super) fn read_schemas(&mut self, tree: &Node) {
        let types = tree.get("type").map_or(&[][..], Node::entries).iter().map(|(k, _)| k.name.clone());
        self.type_names = ["User", "Group"].into_iter().map(str::to_owned).chain(types).collect();
        for (urn, node) in tree.get("schema").map_or(&[][..], Node::entries) {
            if !urn.name.to_ascii_lowercase().starts_with("urn:") {
                let help = "a schema is named by a URN: [schema.\"urn:example:schemas:Badge\"]";
                self.diagnostics.error("bad-name", &urn.span, format!("`{}` is no URN", urn.name), help);
            }
            if !self.is_table(node, "the schema") {
                continue;
            }
            self.check_keys(node, &Keys { what: "a schema", known: SCHEMA, later: &[] });
            if self.schemas.iter().any(|s| s.id.eq_ignore_ascii_case(&urn.name)) {
                let message = format!("the schema `{}` is declared twice", urn.name);
                self.diagnostics.error(
                    "duplicate-name",
                    &urn.span,
                    message,
                    "URNs match without case: keep one",
                );
            }
            let name = self.text_key(node, "name");
            let last = urn.name.rsplit(':').next().unwrap_or_default();
            let schema = Schema {
                id: urn.name.clone(),
                name: name.unwrap_or_else(|| last.to_owned()),
                description: self.text_key(node, "description").unwrap_or_default(),
                attributes: node.get("attributes").map(|a| self.attributes(a, None)).unwrap_or_default(),
            };
            if node.get("attributes").is_none() {
                let help = "write a table `[schema.\"…\".attributes]`";
                self.error("missing-key", node, "this schema declares no attribute", help);
            }
            self.schemas.push(schema);
        }
    }

    /// The attributes of a schema, or the sub-attributes of one of them.
    fn attributes(&mut self, node: &Node, parent: Option<&str>) -> Vec<SchemaAttribute> {
        if !self.is_table(node, "the attributes") {
            return Vec::new();
        }
        let mut out: Vec<SchemaAttribute> = Vec::new();
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
            if out.iter().any(|a| a.name.eq_ignore_ascii_case(&key.name)) {
                let message = format!("`{}` is declared twice", key.name);
                self.diagnostics.error(
                    "duplicate-name",
                    &key.span,
                    message,
                    "names match without case: keep one",
                );
            }
            let attribute = self.attribute(&key.name, node);
            if parent.is_some() {
                self.check_sub_attribute(&attribute, node);
            }
            out.push(attribute);
        }
        out
    }

    fn attribute(&mut self, name: &str, node: &Node) -> SchemaAttribute {
        let mut out = SchemaAttribute { name: name.to_owned(), ..SchemaAttribute::default() };
        if let Some(text) = node.text() {
            match TYPES.iter().find(|(word, _)| *word == text) {
                Some((_, DataType::Complex)) => {
                    let help = "write `{ type = \"complex\", subAttributes = { … } }`";
                    self.error("missing-key", node, format!("`{name}` is complex, of what is open"), help);
                }
                Some((_, data_type)) => out = characteristics::defaults(name, *data_type),
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
        self.characteristics(&mut out, node);
        out
    }
}
