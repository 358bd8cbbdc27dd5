//! Schemas and attribute characteristics (RFC 7643 §2.2, §7), and the resource
//! types that combine them (§6).

use serde::{Deserialize, Serialize};

use crate::scim::attribute::AttrPath;

/// Data type of an attribute (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the variants are the names of RFC 7643 §2.3")]
pub enum DataType {
    #[default]
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

/// Who may change an attribute (RFC 7643 §7, "mutability").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the variants are the values of RFC 7643 §7")]
pub enum Mutability {
    ReadOnly,
    #[default]
    ReadWrite,
    Immutable,
    WriteOnly,
}

/// When an attribute is returned (RFC 7643 §7, "returned").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the variants are the values of RFC 7643 §7")]
pub enum Returned {
    Always,
    Never,
    #[default]
    Default,
    Request,
}

/// How far values must be unique (RFC 7643 §7, "uniqueness").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the variants are the values of RFC 7643 §7")]
pub enum Uniqueness {
    #[default]
    None,
    Server,
    Global,
}

/// One attribute or sub-attribute of a schema (RFC 7643 §7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the characteristics of RFC 7643 §7")]
pub struct SchemaAttribute {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    pub multi_valued: bool,
    pub description: String,
    pub required: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// True: only the canonical values are accepted; false: they are suggestions (§2.3.1). Not published.
    #[serde(skip)]
    pub restrictive: bool,
    /// True: clients cannot filter by it (D-8). Not published.
    #[serde(skip)]
    pub unsearchable: bool,
    pub case_exact: bool,
    pub mutability: Mutability,
    pub returned: Returned,
    pub uniqueness: Uniqueness,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<SchemaAttribute>,
}

impl Default for SchemaAttribute {
    fn default() -> Self {
        Self {
            name: String::new(),
            data_type: DataType::String,
            multi_valued: false,
            description: String::new(),
            required: false,
            canonical_values: Vec::new(),
            restrictive: false,
            unsearchable: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
        }
    }
}

impl SchemaAttribute {
    /// Finds a sub-attribute by name, without case.
    #[must_use]
    pub fn find_sub(&self, name: &str) -> Option<&SchemaAttribute> {
        self.sub_attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

/// A schema (RFC 7643 §7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are those of RFC 7643 §7")]
pub struct Schema {
    pub id: String,
    pub name: String,
    pub description: String,
    pub attributes: Vec<SchemaAttribute>,
}

impl Schema {
    /// Finds an attribute by name, without case.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&SchemaAttribute> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}

/// A resource type: one core schema and its extensions (RFC 7643 §6).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourceType {
    /// Name, for example `User`; also the value of `meta.resourceType`.
    pub name: String,
    /// Endpoint relative to the base URL, with its leading slash: `/Users`.
    pub endpoint: String,
    /// Human-readable description.
    pub description: String,
    /// The core schema, with the common attributes `id`, `externalId`, `meta` (RFC 7643 §3.1).
    pub core: Schema,
    /// Extension schemas, each with its `required` flag.
    pub extensions: Vec<(Schema, bool)>,
}

/// Where a path leads in a resource type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolved<'a> {
    /// Key of the extension object, `None` for a core attribute.
    pub extension: Option<&'a str>,
    /// The attribute.
    pub attribute: &'a SchemaAttribute,
    /// The sub-attribute, if the path names one.
    pub sub: Option<&'a SchemaAttribute>,
}

impl Resolved<'_> {
    /// The sub-attribute if there is one, else the attribute.
    #[must_use]
    pub fn leaf(&self) -> &SchemaAttribute {
        self.sub.unwrap_or(self.attribute)
    }
}

impl ResourceType {
    /// Finds the schema with this URN (core or extension), without case.
    #[must_use]
    pub fn find_schema(&self, urn: &str) -> Option<&Schema> {
        std::iter::once(&self.core)
            .chain(self.extensions.iter().map(|(s, _)| s))
            .find(|s| s.id.eq_ignore_ascii_case(urn))
    }

    /// Resolves a path to its attribute; `None` if the type does not define it.
    #[must_use]
    pub fn resolve(&self, path: &AttrPath) -> Option<Resolved<'_>> {
        let schema = match &path.urn {
            None => &self.core,
            Some(urn) => self.find_schema(urn)?,
        };
        let attribute = schema.find(&path.name)?;
        let sub = match &path.sub {
            None => None,
            Some(sub) => Some(attribute.find_sub(sub)?),
        };
        let extension = (schema.id != self.core.id).then_some(schema.id.as_str());
        Some(Resolved { extension, attribute, sub })
    }
}
