//! The JSON Schema of mapping files, for editors.

use crate::scim::Json;

/// The schema.
#[must_use]
pub fn schema() -> Json {
    Json::Null
}
