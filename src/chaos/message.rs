//! Bodies of requests, and resources out of answers.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    history::{Attribute, Image, Sort, Values},
    world::World,
};
use crate::scim::Json;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Good enough for every password rule that a test store has; it opens nothing.
const PASSWORD: &str = "Chaos.Test-17";

/// A whole resource: for a creation or a replacement.
pub(super) fn whole(sort: Sort, name: &str, values: &Values, with_password: bool) -> Json {
    let mut body = match sort {
        Sort::User => json!({ "schemas": [USER], "userName": name, "name": { "familyName": "Chaos" } }),
        Sort::Group => json!({ "schemas": [GROUP], "displayName": name }),
    };
    for (attribute, value) in values {
        put(&mut body, attribute.path(sort), typed(*attribute, value));
    }
    if with_password {
        put(&mut body, "password", PASSWORD.into());
    }
    body
}

/// Adds members to a whole group.
pub(super) fn with_members(mut body: Json, ids: &[String]) -> Json {
    let members: Vec<Json> = ids.iter().map(|id| json!({ "value": id })).collect();
    put(&mut body, "members", members.into());
    body
}

/// A PATCH that gives attributes these values.
pub(super) fn change(sort: Sort, values: &Values) -> Json {
    let operations = values.iter().map(|(attribute, value)| {
        json!({ "op": "replace", "path": attribute.path(sort), "value": typed(*attribute, value) })
    });
    json!({ "schemas": [PATCH], "Operations": operations.collect::<Vec<_>>() })
}

/// A PATCH that adds members.
pub(super) fn join(ids: &[String]) -> Json {
    let members: Vec<Json> = ids.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": [PATCH], "Operations": [{ "op": "add", "path": "members", "value": members }] })
}

/// A PATCH that removes a member.
pub(super) fn leave(id: &str) -> Json {
    let path = format!("members[value eq \"{id}\"]");
    json!({ "schemas": [PATCH], "Operations": [{ "op": "remove", "path": path }] })
}

/// A query with a filter.
pub(super) fn query(sort: Sort, filter: &str, more: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("filter", filter).extend_pairs(more);
    if sort == Sort::Group {
        query.append_pair("excludedAttributes", "members");
    }
    format!("{}?{}", sort.endpoint(), query.finish())
}

/// What an answer shows of a resource. `None` if it is none.
pub(super) fn image(world: &World, sort: Sort, json: &Json, is_whole: bool) -> Option<Image> {
    let id = json.get("id")?.as_str()?.to_owned();
    let name = json.get(sort.name())?.as_str()?.to_owned();
    let number = world.with_id(&id).or_else(|| world.with_name(sort, &name));
    let mut values = vec![(Attribute::Name, name)];
    for attribute in world.attributes.get(&sort).into_iter().flatten() {
        values.push((*attribute, found(json, attribute.path(sort))));
    }
    let ids = |key: &str| -> BTreeSet<String> {
        let list = json.get(key).and_then(Json::as_array);
        list.into_iter().flatten().filter_map(|one| Some(one.get("value")?.as_str()?.to_owned())).collect()
    };
    let members = (sort == Sort::Group && is_whole).then(|| ids("members"));
    let groups = (sort == Sort::User && json.get("groups").is_some()).then(|| ids("groups"));
    Some(Image { id, number, values, members, groups })
}

/// The value at a path, as text; empty if there is none.
pub(super) fn found(json: &Json, path: &str) -> String {
    let value = path.split('.').try_fold(json, |at, key| at.get(key));
    match value {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn typed(attribute: Attribute, value: &str) -> Json {
    match attribute {
        Attribute::Active => (value == "true").into(),
        _ => value.into(),
    }
}

fn put(body: &mut Json, path: &str, value: Json) {
    let mut at = body;
    for key in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        let Some(object) = at.as_object_mut() else { return };
        at = object.entry(key).or_insert(Json::Null);
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found() {
        let values = vec![(Attribute::Given, "Kay".to_owned()), (Attribute::Active, "false".to_owned())];
        let body = whole(Sort::User, "a@b", &values, false);
        assert_eq!(found(&body, "name.givenName"), "Kay");
        assert_eq!(found(&body, "name.familyName"), "Chaos");
        assert_eq!(found(&body, "active"), "false");
        assert_eq!(found(&body, "title"), "");
    }
}
