//! PATCH (RFC 7644 §3.5.2): the request, its operations and their effect on a
//! resource.
//!
//! [`parse_request`] brings every operation into one form: a path in the
//! schema's spelling for each, because an operation without a path is the same
//! as one operation for each attribute of its value. [`apply`] then runs them
//! in order, all or none.
//!
//! Where the RFC is silent: `remove` that selects nothing changes nothing;
//! null and `""` unassign; an element with nothing but `type` and `primary`
//! left is dropped at the end, as is a complex value that loses its `value`.

mod edit;
mod list;
mod request;

pub use self::request::{PatchRequest, parse_request};

use crate::scim::{
    Json, Object,
    error::ScimError,
    filter::parse::FilterRules,
    patch::edit::Editor,
    path::PatchPath,
    resource::set_schemas,
    schema::ResourceType,
    validate::{
        Mode,
        intake::{Intake, Origin},
    },
};

/// URN of the message (RFC 7644 §8.2).
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the operations of RFC 7644 §3.5.2")]
pub enum Op {
    Add,
    Remove,
    Replace,
}

/// One operation of a PATCH request.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub op: Op,
    /// What it does it to; [`parse_request`] leaves no operation without one.
    pub path: Option<PatchPath>,
    /// The value, as the client gave it; for `remove`, the elements that shall go.
    pub value: Option<Json>,
}

/// Rules for PATCH requests.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchRules {
    /// How closely the request must follow the RFCs.
    pub mode: Mode,
    /// True: replacing `emails[type eq "work"].value` makes the element if there is none, as adding
    /// it always does (D-4).
    pub create_missing: bool,
    /// Rules for filters in paths.
    pub filter: FilterRules,
    /// Operations in one request.
    pub max_operations: usize,
}

impl Default for PatchRules {
    /// The rules for real clients.
    fn default() -> Self {
        Self::of(Mode::Tolerant)
    }
}

impl PatchRules {
    /// The rules of a mode.
    #[must_use]
    pub fn of(mode: Mode) -> Self {
        let is_tolerant = mode == Mode::Tolerant;
        let filter = if is_tolerant { FilterRules::tolerant() } else { FilterRules::default() };
        Self { mode, create_missing: is_tolerant, filter, max_operations: 1000 }
    }
}

/// Applies the operations in order; true if the resource is another one afterwards.
///
/// # Errors
///
/// The error of the first operation that fails; the resource is then as it was.
/// 400 `noTarget` if a path selects nothing to replace, 400 `mutability` if an
/// attribute must not change or go, 400 `invalidValue` if a value does not fit.
pub fn apply(
    operations: &[Operation],
    ty: &ResourceType,
    resource: &mut Object,
    rules: &PatchRules,
) -> Result<bool, ScimError> {
    let mut editor = Editor::new(ty, rules, resource.clone());
    for operation in operations {
        match &operation.path {
            Some(path) => editor.apply(operation.op, path, operation.value.as_ref())?,
            None => {
                let value = operation.value.as_ref();
                for operation in request::expand(operation.op, value, ty, rules)?.operations {
                    if let Some(path) = &operation.path {
                        editor.apply(operation.op, path, operation.value.as_ref())?;
                    }
                }
            }
        }
    }
    let mut patched = editor.finish()?;
    if patched == *resource {
        return Ok(false);
    }
    set_schemas(&mut patched, ty);
    *resource = patched;
    Ok(true)
}

/// Checks values that are written without [`apply`]: elements that come and go as they are.
///
/// # Errors
///
/// 400 `invalidValue` if one does not fit its attribute.
pub fn check_values(
    operations: &[Operation],
    ty: &ResourceType,
    rules: &PatchRules,
) -> Result<(), ScimError> {
    for operation in operations {
        let (Some(path), Some(value)) = (&operation.path, &operation.value) else { continue };
        if let Some(found) = ty.resolve(&path.target()) {
            Intake::new(rules.mode, Origin::Patch).attribute(&path.attr, found.leaf(), value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
