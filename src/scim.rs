//! SCIM 2.0 protocol words (RFC 7643, RFC 7644): attribute names, schemas,
//! filters, PATCH, messages and errors.
//!
//! No I/O, and no knowledge of stores, mappings or HTTP. A resource is a
//! canonical JSON object: attribute names in the schema's spelling, extension
//! attributes under their URN, no nulls and no empty arrays.
//!
//! A body goes through [`json`] and, when clients may deviate, `dialect`; then
//! through [`validate`] (POST, PUT) or [`patch`]. A query goes through
//! [`message`] and [`filter`]. An answer goes through [`resource`].

pub mod attribute;
pub mod bulk;
pub mod discovery;
pub mod error;
pub mod filter;
pub mod json;
pub mod message;
pub mod patch;
pub mod path;
pub mod precondition;
pub mod resource;
pub mod schema;
pub mod schemas;
pub mod sort;
pub mod text;
pub mod validate;
pub mod value;

/// A SCIM resource or a part of it, as JSON.
pub type Json = serde_json::Value;
/// A JSON object; the shape of every resource.
pub type Object = serde_json::Map<String, Json>;

/// URN of the core User schema (RFC 7643 §4.1).
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the core Group schema (RFC 7643 §4.2).
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URN of the enterprise extension (RFC 7643 §4.3).
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
