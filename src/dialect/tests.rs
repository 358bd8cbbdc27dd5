//! Every body that real clients are known to send, from the body to the
//! resource that must come of it.

mod bodies;
mod vectors;

use serde_json::json;

use crate::{
    dialect::{adapt_patch, adapt_resource, adapt_search},
    scim::{
        Json, Object,
        attribute::AttrPath,
        error::ScimError,
        message::SearchRequest,
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
    let (user, group) = (crate::scim::schemas::user_type(), crate::scim::schemas::group_type());
    let enterprise = crate::scim::ENTERPRISE;
    for (written, adapted) in [
        ("manager eq \"m\"", format!("{enterprise}:manager eq \"m\"")),
        ("title pr and not (department pr)", format!("title pr and not ({enterprise}:department pr)")),
        ("emails[manager pr]", "emails[manager pr]".to_owned()),
        ("nothing pr", "nothing pr".to_owned()),
    ] {
        let rules = crate::scim::filter::parse::FilterRules::default();
        for types in [&[&user] as &[&ResourceType], &[&group, &user]] {
            let filter = crate::scim::filter::parse::parse(written, &rules).unwrap();
            let by = AttrPath::new("department");
            let mut query =
                SearchRequest { filter: Some(filter), sort_by: Some(by), ..SearchRequest::default() };
            adapt_search(&mut query, types);
            assert_eq!(query.filter.unwrap().to_string(), adapted);
            assert_eq!(query.sort_by.unwrap().to_string(), format!("{enterprise}:department"));
        }
    }
    // A core attribute of one type stays one.
    let mut other = group;
    other.core.attributes.extend(user.extensions[0].0.find("department").cloned());
    let mut query = SearchRequest { sort_by: Some(AttrPath::new("department")), ..SearchRequest::default() };
    adapt_search(&mut query, &[&user, &other]);
    assert_eq!(query.sort_by, Some(AttrPath::new("department")));
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
