//! The standard schemas (RFC 7643 §4, §8.7) as embedded JSON, and the common
//! attributes (§3.1).
//!
//! Different from the RFC's text: errata 6001 (references are case-exact),
//! `displayName` of Group is required (§4.2 says so, §8.7 does not) and unique
//! unless the mapping says otherwise (clients find groups by it), ids in
//! `value` are case-exact, and `members` has the sub-attribute `display` that
//! clients expect.

use crate::scim::{
    ENTERPRISE, GROUP, USER,
    schema::{ResourceType, Schema, SchemaAttribute},
};

/// Names of the attributes that every resource has and no schema publishes.
pub const COMMON: [&str; 4] = ["schemas", "id", "externalId", "meta"];

const FILES: [(&str, &str); 3] = [
    (USER, include_str!("schemas/user.json")),
    (GROUP, include_str!("schemas/group.json")),
    (ENTERPRISE, include_str!("schemas/enterprise_user.json")),
];

/// Finds a standard schema by its URN, without case.
#[must_use]
pub fn standard(urn: &str) -> Option<Schema> {
    let (_, text) = FILES.iter().find(|(id, _)| id.eq_ignore_ascii_case(urn))?;
    serde_json::from_str(text).ok()
}

/// The attributes `schemas`, `id`, `externalId` and `meta`.
///
/// They belong into the core schema of every [`ResourceType`].
#[must_use]
pub fn common_attributes() -> Vec<SchemaAttribute> {
    serde_json::from_str(include_str!("schemas/common.json")).unwrap_or_default()
}

/// Adds the common attributes that the schema does not define itself.
#[must_use]
pub fn with_common(mut schema: Schema) -> Schema {
    for attribute in common_attributes() {
        if schema.find(&attribute.name).is_none() {
            schema.attributes.push(attribute);
        }
    }
    schema
}

/// The schema as it is published: without the common attributes (RFC 7643 §3.1).
#[must_use]
pub fn published(schema: &Schema) -> Schema {
    let is_common = |a: &SchemaAttribute| COMMON.iter().any(|name| a.name.eq_ignore_ascii_case(name));
    let attributes = schema.attributes.iter().filter(|a| !is_common(a)).cloned().collect();
    Schema { attributes, ..schema.clone() }
}

/// The User resource type with the enterprise extension, complete.
#[must_use]
pub fn user_type() -> ResourceType {
    ResourceType {
        name: "User".into(),
        endpoint: "/Users".into(),
        description: "User account".into(),
        core: with_common(standard(USER).unwrap_or_default()),
        extensions: standard(ENTERPRISE).map(|schema| (schema, false)).into_iter().collect(),
    }
}

/// The Group resource type, complete.
#[must_use]
pub fn group_type() -> ResourceType {
    ResourceType {
        name: "Group".into(),
        endpoint: "/Groups".into(),
        description: "Group".into(),
        core: with_common(standard(GROUP).unwrap_or_default()),
        extensions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{DataType, Mutability, Returned, Uniqueness};

    /// Runs `visit` on every attribute and sub-attribute, with its full name.
    fn each(schema: &Schema, visit: &mut dyn FnMut(&str, &SchemaAttribute)) {
        for attribute in &schema.attributes {
            visit(&attribute.name, attribute);
            for sub in &attribute.sub_attributes {
                visit(&format!("{}.{}", attribute.name, sub.name), sub);
            }
        }
    }

    #[test]
    fn every_file_is_read_as_written() {
        for (urn, text) in FILES {
            let schema = standard(&urn.to_uppercase()).unwrap();
            assert_eq!(schema.id, urn);
            let written: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_value(&schema).unwrap(), written, "nothing is lost");
        }
        assert_eq!(common_attributes().iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), COMMON);
        assert_eq!(standard("urn:example:none"), None);
    }

    #[test]
    fn characteristics_follow_the_rfc() {
        // 7643-4.1-a, 7643-4.1-b, 7643-4.1-c, 7643-2.3.6-a, 7643-2.3.7-a, 7643-2.3.8-a
        for urn in [USER, GROUP, ENTERPRISE] {
            each(&standard(urn).unwrap(), &mut |name, a| {
                assert!(!a.description.is_empty(), "{name}");
                assert_eq!(a.data_type == DataType::Complex, !a.sub_attributes.is_empty(), "{name}");
                assert!(!name.contains('.') || a.data_type != DataType::Complex, "{name}");
                assert_eq!(a.data_type == DataType::Reference, !a.reference_types.is_empty(), "{name}");
                assert!(a.data_type != DataType::Reference || a.case_exact, "erratum 6001: {name}");
                assert!(
                    a.data_type != DataType::Binary || a.case_exact,
                    "bytes are compared exactly: {name}"
                );
                assert!(!name.ends_with(".display") || a.data_type == DataType::String, "{name}");
            });
        }
        let user = standard(USER).unwrap();
        let sub = |name: &str, sub: &str| user.find(name).unwrap().find_sub(sub).unwrap().clone();
        let name = user.find("username").unwrap();
        assert!(name.required && !name.case_exact && name.uniqueness == Uniqueness::Server);
        let password = user.find("password").unwrap();
        assert_eq!((password.mutability, password.returned), (Mutability::WriteOnly, Returned::Never));
        assert_eq!(sub("x509Certificates", "value").data_type, DataType::Binary);
        assert_eq!(sub("groups", "type").mutability, Mutability::ReadOnly);
        assert_eq!(user.find("active").unwrap().data_type, DataType::Boolean);
        assert_eq!(user.attributes.len(), 21);
    }

    #[test]
    fn common_attributes_are_not_published() {
        // 7643-3.1-id
        let ty = user_type();
        assert!(ty.core.find("META").is_some());
        assert_eq!(published(&ty.core), standard(USER).unwrap());
        assert_eq!(published(&group_type().core).attributes.len(), 2);
    }
}
