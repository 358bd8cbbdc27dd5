//! Operations on `schemas` (RFC 7644 §3.5.2).
//!
//! A resource lists the schemas of the attributes that it has (RFC 7643 §3), so an operation on the list
//! says something about them: a schema that goes takes its attributes along, and one that comes is there
//! as soon as one of its attributes is.

use crate::scim::{
    Json,
    error::ScimError,
    patch::{Op, edit::Editor},
    path::PatchPath,
};

impl Editor<'_> {
    /// Applies an operation whose path is `schemas`.
    ///
    /// # Errors
    ///
    /// 400 `mutability` if the schema of the type would go, 400 `invalidValue` if the value is no list of
    /// URNs, or one of them belongs to no schema of the type.
    pub(super) fn apply_schemas(&mut self, op: Op, value: Option<&Json>) -> Result<(), ScimError> {
        let required = || {
            let core = &self.ty.core.id;
            ScimError::mutability(format!("`{core}` is required among the `schemas` and cannot be removed."))
        };
        if op == Op::Remove {
            return Err(required());
        }
        let listed = self.listed(value)?;
        if op == Op::Add {
            return Ok(());
        }
        if !listed.contains(&self.ty.core.id) {
            return Err(required());
        }
        let ids = self.ty.extensions.iter().map(|(schema, _)| &schema.id);
        for id in ids.filter(|id| !listed.contains(*id)) {
            if self.resource.contains_key(id) {
                self.remove_extension(&PatchPath::schema(id))?;
            }
        }
        Ok(())
    }

    /// The schemas that a value names, in their own spelling.
    fn listed(&self, value: Option<&Json>) -> Result<Vec<String>, ScimError> {
        let wanted = || ScimError::invalid_value("`schemas` holds URNs: a list of strings.");
        let values = match value {
            Some(Json::Array(list)) => list.as_slice(),
            Some(one @ Json::String(_)) => std::slice::from_ref(one),
            _ => return Err(wanted()),
        };
        let find = |value: &Json| {
            let urn = value.as_str().ok_or_else(wanted)?;
            let schema = self.ty.find_schema(urn);
            let schema = schema.ok_or_else(|| {
                ScimError::invalid_value(format!("`{urn}` is no schema of this resource type."))
            })?;
            Ok(schema.id.clone())
        };
        values.iter().map(find).collect()
    }
}
