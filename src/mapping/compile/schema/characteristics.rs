//! The characteristics of a declared attribute (RFC 7643 §2.2, §2.3, §7), and which of them do not go
//! together.

use super::{MUTABILITIES, RETURNED, TYPES, UNIQUENESS};
use crate::{
    mapping::{
        compile::{Compiler, keys::suggest},
        node::Node,
    },
    scim::schema::{DataType, Mutability, Returned, SchemaAttribute, Uniqueness},
};

/// An attribute of which only the data type is said.
pub(super) fn defaults(name: &str, data_type: DataType) -> SchemaAttribute {
    SchemaAttribute {
        name: name.to_owned(),
        data_type,
        case_exact: is_exact(data_type),
        reference_types: if data_type == DataType::Reference { vec!["uri".to_owned()] } else { Vec::new() },
        ..SchemaAttribute::default()
    }
}

/// Bytes and URIs are compared with case whatever is said (RFC 7643 §2.3.6, §2.3.7).
fn is_exact(data_type: DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::Reference)
}

fn is_text(data_type: DataType) -> bool {
    matches!(data_type, DataType::String | DataType::Reference)
}

impl Compiler {
    /// Reads the characteristics of an attribute from its table.
    pub(super) fn characteristics(&mut self, out: &mut SchemaAttribute, node: &Node) {
        let data_type = self.word_key(node, "type", TYPES).unwrap_or_default();
        *out = defaults(&out.name, data_type);
        out.multi_valued = self.bool_key(node, "multiValued").unwrap_or_default();
        out.description = self.text_key(node, "description").unwrap_or_default();
        out.required = self.bool_key(node, "required").unwrap_or_default();
        out.case_exact = self.bool_key(node, "caseExact").unwrap_or(out.case_exact);
        out.mutability = self.word_key(node, "mutability", MUTABILITIES).unwrap_or_default();
        let returned = self.word_key(node, "returned", RETURNED);
        let is_secret = out.mutability == Mutability::WriteOnly;
        out.returned = returned.unwrap_or(if is_secret { Returned::Never } else { Returned::Default });
        out.uniqueness = self.word_key(node, "uniqueness", UNIQUENESS).unwrap_or_default();
        out.canonical_values = self.texts_key(node, "canonicalValues").into_iter().map(|(t, _)| t).collect();
        out.restrictive = self.bool_key(node, "restrictive").unwrap_or_default();
        if node.get("referenceTypes").is_some() {
            out.reference_types = self.reference_types(node);
        }
        out.sub_attributes =
            node.get("subAttributes").map(|n| self.attributes(n, Some(&out.name))).unwrap_or_default();
        self.check_characteristics(out, node);
    }

    fn reference_types(&mut self, node: &Node) -> Vec<String> {
        let known: Vec<String> =
            ["external", "uri"].into_iter().map(str::to_owned).chain(self.type_names.clone()).collect();
        let mut types = Vec::new();
        for (name, span) in self.texts_key(node, "referenceTypes") {
            if !known.contains(&name) {
                let help = suggest(&name, known.iter().map(String::as_str), "a reference leads to");
                let message = format!("`{name}` is nothing that a reference leads to");
                self.diagnostics.error("unknown-type", &span, message, help);
            }
            types.push(name);
        }
        types
    }

    /// Reports what contradicts itself.
    fn check_characteristics(&mut self, a: &SchemaAttribute, node: &Node) {
        let complex = a.data_type == DataType::Complex;
        let faults = [
            (
                if complex { "type" } else { "subAttributes" },
                complex == a.sub_attributes.is_empty(),
                "a complex attribute has `subAttributes`, and only a complex one has them",
            ),
            (
                "caseExact",
                a.case_exact && !is_text(a.data_type) && !is_exact(a.data_type),
                "only text has case: remove `caseExact`",
            ),
            (
                "caseExact",
                !a.case_exact && is_exact(a.data_type),
                "bytes and URIs are compared exactly: remove `caseExact`",
            ),
            (
                "canonicalValues",
                !a.canonical_values.is_empty() && !is_text(a.data_type),
                "canonical values are texts: remove them, or make the type `string`",
            ),
            (
                "restrictive",
                a.restrictive && a.canonical_values.is_empty(),
                "`restrictive` refuses what is not among `canonicalValues`: write those",
            ),
            (
                "referenceTypes",
                a.data_type != DataType::Reference && !a.reference_types.is_empty(),
                "only a `reference` has them: remove `referenceTypes`",
            ),
            (
                "returned",
                a.mutability == Mutability::WriteOnly && a.returned != Returned::Never,
                "what is writeOnly is never returned: remove `returned`",
            ),
            (
                "uniqueness",
                a.uniqueness != Uniqueness::None
                    && matches!(a.data_type, DataType::Boolean | DataType::Complex),
                "booleans and complex values cannot be unique: remove `uniqueness`",
            ),
        ];
        for (key, _, help) in faults.into_iter().filter(|(_, is_wrong, _)| *is_wrong) {
            let at = node.entries().iter().find(|(k, _)| k.name == key).map_or(&node.span, |(k, _)| &k.span);
            let message = format!("`{key}` does not fit the rest of `{}`", a.name);
            self.diagnostics.error("bad-value", &at.clone(), message, help);
        }
        if a.uniqueness != Uniqueness::None && a.multi_valued {
            let at = node.get("uniqueness").map_or(node.span.clone(), |n| n.span.clone());
            self.unsupported(&at, "uniqueness of each value of a list");
        }
    }

    /// Reports what a sub-attribute cannot be (RFC 7643 §2.3.8).
    pub(super) fn check_sub_attribute(&mut self, sub: &SchemaAttribute, node: &Node) {
        let at = |key: &str| node.get(key).map_or(node.span.clone(), |n| n.span.clone());
        if sub.data_type == DataType::Complex {
            let help = "lay its sub-attributes beside it, or make it an attribute of its own";
            let message = format!("`{}` is complex inside a complex attribute", sub.name);
            self.diagnostics.error("bad-value", &at("type"), message, help);
        }
        if sub.multi_valued {
            self.unsupported(&at("multiValued"), "a sub-attribute with several values");
        }
        if sub.uniqueness != Uniqueness::None && !sub.multi_valued {
            self.unsupported(&at("uniqueness"), "uniqueness of a sub-attribute");
        }
    }
}
