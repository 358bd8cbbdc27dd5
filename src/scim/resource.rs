//! Resources in answers: the selection of attributes (RFC 7644 §3.4.2.5, §3.9)
//! and the `schemas` attribute (RFC 7643 §3).

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    schema::{ResourceType, Returned, SchemaAttribute},
    value,
};

/// What a client wants to see of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    choice: Choice,
    /// Attributes that are `returned: always`, `request` and `never`, as far as they are not the default.
    always: Vec<AttrPath>,
    request: Vec<AttrPath>,
    never: Vec<AttrPath>,
}

/// How the query chose; names are in the schema's spelling.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Choice {
    #[default]
    Default,
    Only(Vec<AttrPath>),
    Except(Vec<AttrPath>),
}

impl Selection {
    /// Reads the parameters `attributes` and `excludedAttributes`: names separated by commas.
    ///
    /// Unknown names are ignored. An empty parameter counts as absent.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if both are given; they exclude each other.
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        ty: &ResourceType,
    ) -> Result<Self, ScimError> {
        let given = |text: Option<&str>| text.filter(|t| !t.trim().is_empty()).map(|t| known(t, ty));
        let choice = match (given(attributes), given(excluded)) {
            (Some(_), Some(_)) => {
                return Err(ScimError::invalid_value(
                    "`attributes` and `excludedAttributes` exclude each other; give one of them.",
                ));
            }
            (Some(names), None) => Choice::Only(names),
            (None, Some(names)) => Choice::Except(names),
            (None, None) => Choice::Default,
        };
        let with = |returned: Returned| {
            let core = ty.core.attributes.iter().map(|a| (None, a));
            let extensions =
                ty.extensions.iter().flat_map(|(s, _)| s.attributes.iter().map(|a| (Some(s.id.clone()), a)));
            core.chain(extensions)
                .filter(|(_, a)| a.returned == returned)
                .map(|(urn, a)| AttrPath { urn, name: a.name.clone(), sub: None })
                .collect()
        };
        let (always, request, never) =
            (with(Returned::Always), with(Returned::Request), with(Returned::Never));
        Ok(Self { choice, always, request, never })
    }

    /// The same, with the whole of `meta`: headers of the answer are made of it.
    #[must_use]
    pub fn with_meta(&self) -> Self {
        let meta = AttrPath::new("meta");
        let mut shown = self.clone();
        match &mut shown.choice {
            Choice::Default => {}
            Choice::Only(names) => names.push(meta),
            Choice::Except(names) => names.retain(|name| name.urn.is_some() || name.name != meta.name),
        }
        shown
    }

    /// True if the client made no choice.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.choice == Choice::Default
    }

    /// True if the answer needs this attribute, or a part of it.
    ///
    /// Lets a caller skip what is costly to fetch, such as `members`.
    #[must_use]
    pub fn wants(&self, urn: Option<&str>, attribute: &str) -> bool {
        let is_it = |path: &AttrPath| {
            same_urn(path.urn.as_deref(), urn)
                && (path.name.is_empty() || path.name.eq_ignore_ascii_case(attribute))
        };
        if self.never.iter().any(is_it) {
            return false;
        }
        if self.always.iter().any(is_it) {
            return true;
        }
        match &self.choice {
            Choice::Only(names) => names.iter().any(is_it),
            Choice::Except(names) => {
                !self.request.iter().any(is_it) && !names.iter().any(|p| p.sub.is_none() && is_it(p))
            }
            Choice::Default => !self.request.iter().any(is_it),
        }
    }

    /// The resource as the client gets it.
    ///
    /// Keeps what the schema knows, the selection wants and `returned` allows;
    /// `schemas` then names the core schema and each extension that is left.
    #[must_use]
    pub fn project(&self, mut resource: Object, ty: &ResourceType) -> Object {
        resource.retain(|name, value| {
            if let Some(attribute) = ty.core.attributes.iter().find(|a| a.name == *name) {
                return self.keeps(value, None, attribute);
            }
            let extension = ty.extensions.iter().map(|(schema, _)| schema).find(|s| s.id == *name);
            match (extension, value) {
                (Some(schema), Json::Object(part)) => {
                    part.retain(|name, value| {
                        let attribute = schema.attributes.iter().find(|a| a.name == *name);
                        attribute.is_some_and(|a| self.keeps(value, Some(&schema.id), a))
                    });
                    !part.is_empty()
                }
                _ => false,
            }
        });
        set_schemas(&mut resource, ty);
        resource
    }

    /// Whether anything of an attribute's value is in the answer; takes out of it what is not.
    fn keeps(&self, value: &mut Json, urn: Option<&str>, attribute: &SchemaAttribute) -> bool {
        self.wants(urn, &attribute.name) && self.trim(value, urn, attribute)
    }

    fn trim(&self, value: &mut Json, urn: Option<&str>, attribute: &SchemaAttribute) -> bool {
        match value {
            Json::Array(list) => list.retain_mut(|v| self.trim(v, urn, attribute)),
            Json::Object(object) if !attribute.sub_attributes.is_empty() => object.retain(|name, _| {
                let sub = attribute.sub_attributes.iter().find(|s| s.name == *name);
                sub.is_some_and(|sub| self.wants_sub(urn, &attribute.name, sub))
            }),
            _ => {}
        }
        !value::is_absent(value)
    }

    /// Whether a sub-attribute is wanted, given that its attribute is.
    fn wants_sub(&self, urn: Option<&str>, attribute: &str, sub: &SchemaAttribute) -> bool {
        let by_name = |names: &[AttrPath], whole: bool| {
            names.iter().filter(|p| same_urn(p.urn.as_deref(), urn)).any(|p| {
                let is_parent = p.name.is_empty() || p.name.eq_ignore_ascii_case(attribute);
                is_parent && p.sub.as_ref().map_or(whole, |s| s.eq_ignore_ascii_case(&sub.name))
            })
        };
        match (sub.returned, &self.choice) {
            (Returned::Never, _) => false,
            (Returned::Always, _) => true,
            (Returned::Request, Choice::Only(names)) => by_name(names, false),
            (Returned::Request, _) => false,
            (Returned::Default, Choice::Default) => true,
            (Returned::Default, Choice::Only(names)) => {
                let is_always =
                    self.always.iter().any(|p| p.name == attribute && same_urn(p.urn.as_deref(), urn));
                is_always || by_name(names, true)
            }
            (Returned::Default, Choice::Except(names)) => !by_name(names, false),
        }
    }
}

fn same_urn(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

/// The names that the type knows, in the schema's spelling.
fn known(text: &str, ty: &ResourceType) -> Vec<AttrPath> {
    text.split(',').filter_map(|name| find(name.trim(), ty)).collect()
}

/// Finds a name of a selection: an attribute path, or the URN of a schema.
fn find(name: &str, ty: &ResourceType) -> Option<AttrPath> {
    if let Some(schema) = ty.find_schema(name) {
        let urn = (schema.id != ty.core.id).then(|| schema.id.clone());
        return Some(AttrPath { urn, name: String::new(), sub: None });
    }
    let path = AttrPath::parse(name)?;
    let found = ty.resolve(&path)?;
    Some(AttrPath {
        urn: found.extension.map(str::to_owned),
        name: found.attribute.name.clone(),
        sub: found.sub.map(|s| s.name.clone()),
    })
}

/// The `schemas` of a resource: the core schema and each extension that has data.
#[must_use]
pub fn schemas_of(resource: &Object, ty: &ResourceType) -> Vec<String> {
    let extensions = ty.extensions.iter().map(|(schema, _)| &schema.id);
    let present = extensions.filter(|id| resource.get(*id).is_some_and(|part| !value::is_absent(part)));
    std::iter::once(&ty.core.id).chain(present).cloned().collect()
}

/// Sets `schemas` to what [`schemas_of`] finds.
pub fn set_schemas(resource: &mut Object, ty: &ResourceType) {
    let schemas = schemas_of(resource, ty);
    resource.insert("schemas".into(), schemas.into());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{ENTERPRISE, USER, schemas::user_type};

    fn bob() -> Object {
        let bob = json!({
            "id": "1", "userName": "bob", "password": "secret", "meta": {"resourceType": "User"},
            "name": {"givenName": "Bob", "familyName": "Ray"},
            "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "b@x"}],
            "groups": [{"value": "g"}],
            ENTERPRISE: {"department": "IT", "manager": {"value": "m", "displayName": "M"}},
        });
        bob.as_object().unwrap().clone()
    }

    fn project(attributes: Option<&str>, excluded: Option<&str>) -> Json {
        let ty = user_type();
        Json::Object(Selection::parse(attributes, excluded, &ty).unwrap().project(bob(), &ty))
    }

    #[test]
    fn the_default_set_hides_what_is_never_returned() {
        // 7643-7-ret-b, D-13
        let mut expected = Json::Object(bob());
        expected.as_object_mut().unwrap().remove("password");
        expected["schemas"] = json!([USER, ENTERPRISE]);
        assert_eq!(project(None, None), expected);
        assert_eq!(project(Some("password"), None), json!({"schemas": [USER], "id": "1"}));
    }

    #[test]
    fn attributes_replace_the_default_set() {
        // 7644-3.9-c, 7644-3.9-d, 7644-3.9-f
        let cases = [
            ("userName", json!({"userName": "bob"})),
            ("USERNAME , unknown", json!({"userName": "bob"})),
            ("name.givenName", json!({"name": {"givenName": "Bob"}})),
            ("emails.type", json!({"emails": [{"type": "work"}]})),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", json!({"userName": "bob"})),
        ];
        for (attributes, expected) in cases {
            let mut expected = expected;
            expected["schemas"] = json!([USER]);
            expected["id"] = json!("1");
            assert_eq!(project(Some(attributes), None), expected, "{attributes}");
        }
        let department = project(Some(&format!("{ENTERPRISE}:department")), None);
        assert_eq!(department[ENTERPRISE], json!({"department": "IT"}));
        assert_eq!(department["schemas"], json!([USER, ENTERPRISE]));
        assert_eq!(project(Some(ENTERPRISE), None)[ENTERPRISE], Json::Object(bob())[ENTERPRISE]);
    }

    #[test]
    fn excluded_attributes_never_touch_the_minimum() {
        // 7644-3.9-e
        let answer = project(None, Some("id,schemas,emails,groups,name.familyName,meta"));
        assert_eq!((&answer["id"], &answer["name"]), (&json!("1"), &json!({"givenName": "Bob"})));
        for gone in ["emails", "groups", "meta"] {
            assert!(answer.get(gone).is_none(), "{gone}");
        }
        assert!(project(None, Some(ENTERPRISE)).get(ENTERPRISE).is_none());
    }

    #[test]
    fn both_parameters_are_refused() {
        // D-11
        let error = Selection::parse(Some("id"), Some("id"), &user_type()).unwrap_err();
        assert_eq!((error.status(), error.scim_type().unwrap().as_str()), (400, "invalidValue"));
        assert!(Selection::parse(Some(""), Some("id"), &user_type()).is_ok());
    }

    #[test]
    fn a_caller_can_skip_what_nobody_wants() {
        // 7644-3.9-h
        let ty = user_type();
        let parse = |a, e| Selection::parse(a, e, &ty).unwrap();
        assert!(parse(None, None).wants(None, "groups"));
        assert!(!parse(None, Some("groups")).wants(None, "groups"));
        assert!(parse(None, Some("groups.display")).wants(None, "groups"));
        assert!(!parse(Some("id"), None).wants(None, "groups"));
        assert!(parse(Some("Groups.value"), None).wants(None, "groups"));
        assert!(parse(Some("userName"), None).wants(None, "id"));
        assert!(!parse(Some("password"), None).wants(None, "password"));
        assert!(parse(Some(ENTERPRISE), None).wants(Some(ENTERPRISE), "department"));
        assert!(!parse(Some("userName"), None).wants(Some(ENTERPRISE), "department"));
    }

    #[test]
    fn attributes_on_request_need_a_request() {
        // 7643-7-ret-a
        let mut ty = user_type();
        ty.core
            .attributes
            .iter_mut()
            .filter(|a| a.name == "emails")
            .for_each(|a| a.returned = Returned::Request);
        let see = |a: Option<&str>, e: Option<&str>| {
            Selection::parse(a, e, &ty).unwrap().project(bob(), &ty).contains_key("emails")
        };
        assert!(!see(None, None) && !see(None, Some("title")) && see(Some("emails"), None));
    }
}
