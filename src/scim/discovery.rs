//! The discovery documents (RFC 7644 §4; RFC 7643 §5, §6, §7).
//!
//! They are built from what is passed in, so that they cannot promise what the
//! service does not do. `base_url` is the root of the SCIM endpoints, without a
//! slash at its end.

use serde_json::json;

use crate::scim::{
    Json, Object,
    message::{ListResponse, Page},
    schema::{ResourceType, Schema},
    schemas::published,
};

/// URN of the service provider configuration's schema.
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// URN of the schema of resource types.
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// URN of the schema of schemas.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What the service can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features {
    /// Where people read about the service.
    pub documentation_uri: Option<String>,
    /// PATCH.
    pub patch: bool,
    /// Bulk operations and their limits, if there are any.
    pub bulk: Option<BulkLimits>,
    /// Filters and the greatest number of resources in one answer, if there are any.
    pub filter_max_results: Option<u64>,
    /// Changes of passwords.
    pub change_password: bool,
    /// Sorting.
    pub sort: bool,
    /// Versions of resources.
    pub etag: bool,
    /// Pages, by index and by cursor, if there are any.
    pub pagination: Option<Pagination>,
    /// How clients authenticate; the first is the preferred one.
    pub authentication: Vec<AuthenticationScheme>,
}

/// Limits of bulk requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkLimits {
    /// Operations in one request.
    pub max_operations: u64,
    /// Bytes of one request.
    pub max_payload_size: u64,
}

/// Sizes and times of pages (RFC 9865 §4). Both kinds of pages are served; index is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pagination {
    /// Resources in a page whose request has no `count`.
    pub default_page_size: u64,
    /// Most resources in a page.
    pub max_page_size: u64,
    /// Seconds for which a cursor is good.
    pub cursor_timeout: u64,
}

/// A way to authenticate (RFC 7643 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationScheme {
    /// `oauth`, `oauth2`, `oauthbearertoken`, `httpbasic` or `httpdigest`.
    pub kind: String,
    /// Its common name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Where it is specified.
    pub spec_uri: Option<String>,
    /// Where people read how to use it.
    pub documentation_uri: Option<String>,
}

/// The body of `/ServiceProviderConfig`.
#[must_use]
pub fn service_provider_config(features: &Features, base_url: &str) -> Json {
    let bulk = features.bulk.unwrap_or(BulkLimits { max_operations: 0, max_payload_size: 0 });
    let schemes = features.authentication.iter().enumerate().map(|(i, scheme)| {
        let mut body = json!({
            "type": scheme.kind, "name": scheme.name, "description": scheme.description, "primary": i == 0,
        });
        set(&mut body, "specUri", scheme.spec_uri.as_deref());
        set(&mut body, "documentationUri", scheme.documentation_uri.as_deref());
        body
    });
    let mut body = json!({
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": features.patch},
        "bulk": {
            "supported": features.bulk.is_some(),
            "maxOperations": bulk.max_operations,
            "maxPayloadSize": bulk.max_payload_size,
        },
        "filter": {
            "supported": features.filter_max_results.is_some(),
            "maxResults": features.filter_max_results.unwrap_or(0),
        },
        "changePassword": {"supported": features.change_password},
        "sort": {"supported": features.sort},
        "etag": {"supported": features.etag},
        "authenticationSchemes": schemes.collect::<Vec<_>>(),
        "meta": meta("ServiceProviderConfig", format!("{base_url}/ServiceProviderConfig")),
    });
    set(&mut body, "documentationUri", features.documentation_uri.as_deref());
    if let (Json::Object(body), Some(pagination)) = (&mut body, features.pagination) {
        let pagination = json!({
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": pagination.default_page_size,
            "maxPageSize": pagination.max_page_size,
            "cursorTimeout": pagination.cursor_timeout,
        });
        body.insert("pagination".to_owned(), pagination);
    }
    body
}

/// The body of `/ResourceTypes`.
#[must_use]
pub fn resource_types(types: &[&ResourceType], base_url: &str) -> Json {
    list(types.iter().map(|ty| resource_type_body(ty, base_url)))
}

/// The body of `/ResourceTypes/{name}`; `None` if there is no such type.
#[must_use]
pub fn resource_type(name: &str, types: &[&ResourceType], base_url: &str) -> Option<Json> {
    types.iter().find(|ty| ty.name == name).map(|ty| resource_type_body(ty, base_url))
}

/// The body of `/Schemas`: every schema of every type, once.
#[must_use]
pub fn schemas(types: &[&ResourceType], base_url: &str) -> Json {
    list(distinct_schemas(types).iter().map(|schema| schema_body(schema, base_url)))
}

/// The body of `/Schemas/{urn}`; `None` if there is no such schema.
#[must_use]
pub fn schema(urn: &str, types: &[&ResourceType], base_url: &str) -> Option<Json> {
    let found = distinct_schemas(types).into_iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))?;
    Some(schema_body(&found, base_url))
}

/// Each schema once; of one that several types use, everything that one of them has.
fn distinct_schemas(types: &[&ResourceType]) -> Vec<Schema> {
    let mut found: Vec<Schema> = Vec::new();
    for ty in types {
        for schema in std::iter::once(&ty.core).chain(ty.extensions.iter().map(|(schema, _)| schema)) {
            match found.iter_mut().find(|other| other.id.eq_ignore_ascii_case(&schema.id)) {
                None => found.push(schema.clone()),
                Some(other) => {
                    let new = schema.attributes.iter().filter(|a| other.find(&a.name).is_none());
                    let new: Vec<_> = new.cloned().collect();
                    other.attributes.extend(new);
                }
            }
        }
    }
    found
}

fn resource_type_body(ty: &ResourceType, base_url: &str) -> Json {
    let extensions = ty.extensions.iter().map(|(s, required)| json!({"schema": s.id, "required": required}));
    let mut body = json!({
        "schemas": [RESOURCE_TYPE],
        "id": ty.name,
        "name": ty.name,
        "endpoint": ty.endpoint,
        "schema": ty.core.id,
        "schemaExtensions": extensions.collect::<Vec<_>>(),
        "meta": meta("ResourceType", format!("{base_url}/ResourceTypes/{}", ty.name)),
    });
    set(&mut body, "description", Some(&ty.description).filter(|text| !text.is_empty()).map(String::as_str));
    body
}

fn schema_body(schema: &Schema, base_url: &str) -> Json {
    let schema = published(schema);
    json!({
        "schemas": [SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes,
        "meta": meta("Schema", format!("{base_url}/Schemas/{}", schema.id)),
    })
}

fn meta(resource_type: &str, location: String) -> Json {
    json!({"resourceType": resource_type, "location": location})
}

/// Sets a key if there is a value for it: a discovery document has no nulls.
fn set(body: &mut Json, key: &str, value: Option<&str>) {
    if let (Json::Object(body), Some(value)) = (body, value) {
        body.insert(key.to_owned(), value.into());
    }
}

fn list(items: impl Iterator<Item = Json>) -> Json {
    let object = |item| match item {
        Json::Object(object) => object,
        _ => Object::new(),
    };
    let resources: Vec<Object> = items.map(object).collect();
    ListResponse { total_results: resources.len(), page: Page::Index(1), resources }.body()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{
        ENTERPRISE, GROUP, USER,
        schemas::{group_type, standard, user_type},
    };

    const BASE: &str = "https://x.example/scim/v2";

    #[test]
    fn the_configuration_tells_what_it_is_told() {
        // 7643-5-a, 7644-4-a
        let mut features =
            Features { patch: true, etag: true, filter_max_results: Some(200), ..Features::default() };
        features.authentication.push(AuthenticationScheme {
            kind: "oauthbearertoken".into(),
            name: "Bearer token".into(),
            description: "A token in the header".into(),
            spec_uri: Some("https://www.rfc-editor.org/info/rfc6750".into()),
            documentation_uri: None,
        });
        let expected = json!({
            "schemas": [SERVICE_PROVIDER_CONFIG],
            "patch": {"supported": true},
            "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": true, "maxResults": 200},
            "changePassword": {"supported": false},
            "sort": {"supported": false},
            "etag": {"supported": true},
            "authenticationSchemes": [{
                "type": "oauthbearertoken", "name": "Bearer token", "description": "A token in the header",
                "specUri": "https://www.rfc-editor.org/info/rfc6750", "primary": true,
            }],
            "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{BASE}/ServiceProviderConfig")},
        });
        assert_eq!(service_provider_config(&features, BASE), expected);
        features.bulk = Some(BulkLimits { max_operations: 10, max_payload_size: 1000 });
        let bulk = json!({"supported": true, "maxOperations": 10, "maxPayloadSize": 1000});
        assert_eq!(service_provider_config(&features, BASE)["bulk"], bulk);
        // 9865-a, 9865-l
        features.pagination =
            Some(Pagination { default_page_size: 100, max_page_size: 1000, cursor_timeout: 3600 });
        let pagination = json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index",
            "defaultPageSize": 100, "maxPageSize": 1000, "cursorTimeout": 3600,
        });
        assert_eq!(service_provider_config(&features, BASE)["pagination"], pagination);
    }

    #[test]
    fn types_and_schemas_are_lists_and_single_items() {
        // 7644-4-b, 7643-6-a, 7643-7-a, SP-01
        let (user, group) = (user_type(), group_type());
        let types = [&user, &group];
        let list = resource_types(&types, BASE);
        assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(2), &json!(2)));
        let single = resource_type("User", &types, BASE).unwrap();
        assert_eq!(list["Resources"][0], single);
        assert_eq!(single["schemaExtensions"], json!([{"schema": ENTERPRISE, "required": false}]));
        assert_eq!(single["meta"]["location"], json!(format!("{BASE}/ResourceTypes/User")));
        assert_eq!(resource_type("Device", &types, BASE), None);

        let list = schemas(&types, BASE);
        let ids: Vec<&Json> = list["Resources"].as_array().unwrap().iter().map(|s| &s["id"]).collect();
        assert_eq!(ids, [USER, ENTERPRISE, GROUP]);
        let single = schema(&USER.to_lowercase(), &types, BASE).unwrap();
        assert_eq!(single, list["Resources"][0]);
        assert_eq!(single["attributes"], serde_json::to_value(standard(USER).unwrap().attributes).unwrap());
        assert_eq!(single["meta"]["location"], json!(format!("{BASE}/Schemas/{USER}")));
        assert_eq!(schema("urn:x", &types, BASE), None);
        assert!(!list.to_string().contains("null"));
    }

    #[test]
    fn a_schema_that_two_types_share_has_what_either_has() {
        let (user, mut guest) = (user_type(), user_type());
        guest.name = "Guest".into();
        let is_name = |a: &crate::scim::schema::SchemaAttribute| a.name == "userName";
        guest.core.attributes.retain(is_name);
        let shared = schema(USER, &[&guest, &user], BASE).unwrap();
        let own = schema(USER, &[&user], BASE).unwrap();
        assert_eq!(
            shared["attributes"].as_array().unwrap().len(),
            own["attributes"].as_array().unwrap().len()
        );
        assert_eq!(schemas(&[&guest, &user], BASE)["totalResults"], json!(2));
    }
}
