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
    let operations = parse_request(&body, ty, &rules)?.operations;
    let mut resource = before.clone();
    let changed = apply(&operations, ty, &mut resource, &rules);
    assert_eq!(changed.as_ref().is_ok_and(|c| *c), resource != *before, "the answer tells of a change");
    changed.map(|_| resource)
}

#[test]
fn paths_of_filters_find_their_extension() {
    let ty = crate::scim::schemas::user_type();
    let enterprise = crate::scim::ENTERPRISE;
    for (written, adapted) in [
        ("manager eq \"m\"", format!("{enterprise}:manager eq \"m\"")),
        ("title pr and not (department pr)", format!("title pr and not ({enterprise}:department pr)")),
        ("emails[manager pr]", "emails[manager pr]".to_owned()),
        ("nothing pr", "nothing pr".to_owned()),
    ] {
        let rules = crate::scim::filter::parse::FilterRules::default();
        let mut filter = crate::scim::filter::parse::parse(written, &rules).unwrap();
        crate::dialect::adapt_filter(&mut filter, &ty);
        assert_eq!(filter.to_string(), adapted);
    }
}

// 7644-3.5.2-d
#[test]
fn operations_on_standard_attributes_that_are_not_mapped_change_nothing() {
    let mut ty = crate::scim::schemas::user_type();
    ty.core.attributes.retain(|a| a.name != "nickName");
    let emails = ty.core.attributes.iter_mut().find(|a| a.name == "emails").unwrap();
    emails.sub_attributes.retain(|a| a.name != "primary");
    let before = json!({"schemas": [ty.core.id], "id": "1", "userName": "u"}).as_object().unwrap().clone();
    let operation = |op: &str, path: &str| json!([{"op": op, "path": path, "value": true}]);
    for (op, path) in
        [("add", "nickName"), ("Remove", "NickName"), ("Replace", "emails[type eq \"work\"].primary")]
    {
        assert_eq!(patch(&before, &operation(op, path), &ty).as_ref(), Ok(&before), "{op} {path}");
    }
    assert!(patch(&before, &operation("add", "nickNaem"), &ty).is_err(), "a name that nobody knows");
}
