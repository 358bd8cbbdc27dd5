//! Examples in the mapping file itself: rows of the store, what SCIM reads of
//! them, and what a change leaves behind. `scimgate check` carries them out.

use crate::{
    mapping::{
        node::{Kind, Node},
        place::Place,
    },
    scim::{Json, Object},
};

/// One of `[[X.examples]]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Example {
    /// Where it stands.
    pub place: Place,
    /// Rows of the store, by table.
    pub record: Object,
    /// The resource that they read as, without `id`, `schemas` and `meta` unless they are named.
    pub resource: Option<Json>,
    /// Operations of a PATCH of it.
    pub change: Option<Json>,
    /// The rows of these tables after the change.
    pub sets: Object,
}

/// A value of the file as JSON; dates are texts.
#[must_use]
pub fn json_of(node: &Node) -> Json {
    match &node.kind {
        Kind::Text(text) | Kind::Datetime(text) => Json::from(text.as_str()),
        Kind::Int(number) => Json::from(*number),
        Kind::Float(number) => Json::from(*number),
        Kind::Bool(truth) => Json::from(*truth),
        Kind::Array(items) => Json::Array(items.iter().map(json_of).collect()),
        Kind::Table(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.name.clone(), json_of(value))).collect())
        }
    }
}
