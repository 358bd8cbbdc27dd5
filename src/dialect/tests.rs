//! Every body that real clients are known to send, from the body to the
//! resource that must come of it.

mod bodies;
mod vectors;

use serde_json::json;

use crate::{
    dialect::{adapt_patch, adapt_resource},
    scim::{
        Json, Object,
        error::ScimError,
        patch::{PATCH_OP, PatchRules, apply, parse_request},
        schema::ResourceType,
        validate::{Purpose, Rules, normalise},
    },
};

/// The canonical resource of a body, as a tolerant server takes it.
fn create(body: &Json, ty: &ResourceType) -> Result<Object, ScimError> {
    let mut body = body.clone();
    adapt_resource(&mut body, ty);
    let body = body.as_object().expect("an object");
    normalise(body, ty, &Rules::default(), Purpose::Create).map(|n| n.resource)
}

/// Applies operations as a tolerant server does; the resource is unchanged on errors.
fn patch(before: &Object, operations: &Json, ty: &ResourceType) -> Result<Object, ScimError> {
    let mut body = json!({"schemas": [PATCH_OP], "Operations": operations});
    adapt_patch(&mut body, ty);
    let rules = PatchRules::default();
    let operations = parse_request(&body, ty, &rules)?;
    let mut resource = before.clone();
    let changed = apply(&operations, ty, &mut resource, &rules);
    assert_eq!(changed.as_ref().is_ok_and(|c| *c), resource != *before, "the answer tells of a change");
    changed.map(|_| resource)
}
