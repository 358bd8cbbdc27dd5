//! Sorting (RFC 7644 §3.4.2.3): by which value of a resource, and in which order.
//!
//! Strings sort by the code points of their folded text, or by their own where
//! the attribute is `caseExact`; numbers by value; dates as instants; false
//! before true. Of several values the primary's counts, else the first. What
//! has no value comes last, or first if the order is descending.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;
use time::OffsetDateTime;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    message::SortOrder,
    resource::schemas_of,
    schema::{DataType, ResourceType, Returned},
    text::comparable,
    value,
};

/// What resources of one type are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    path: AttrPath,
    data_type: DataType,
    case_exact: bool,
}

/// The value that a resource is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Key {
    Boolean(bool),
    Number(BigDecimal),
    Instant(OffsetDateTime),
    /// As it is compared: folded unless the attribute is `caseExact`.
    Text(Box<str>),
}

impl Sort {
    /// Finds what `sortBy` names; `None` if the type has no such attribute. A
    /// complex attribute stands for its `value`.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if the attribute is never returned, or is complex
    /// without a `value`.
    pub fn resolve(by: &AttrPath, ty: &ResourceType) -> Result<Option<Self>, ScimError> {
        let Some(found) = ty.resolve(by) else { return Ok(None) };
        let mut sub = found.sub;
        if sub.is_none() && found.attribute.data_type == DataType::Complex {
            sub = found.attribute.find_sub("value");
            if sub.is_none() {
                return Err(ScimError::invalid_value(format!(
                    "`sortBy` must name a sub-attribute of `{by}`, which is complex."
                )));
            }
        }
        let leaf = sub.unwrap_or(found.attribute);
        if [found.attribute, leaf].iter().any(|a| a.returned == Returned::Never) {
            return Err(ScimError::invalid_value(format!("Attribute `{by}` cannot be sorted by.")));
        }
        let path = AttrPath {
            urn: found.extension.map(str::to_owned),
            name: found.attribute.name.clone(),
            sub: sub.map(|s| s.name.clone()),
        };
        Ok(Some(Self { path, data_type: leaf.data_type, case_exact: leaf.case_exact }))
    }

    /// The attribute, in the schema's spelling and with a sub-attribute if it is complex.
    #[must_use]
    pub fn path(&self) -> &AttrPath {
        &self.path
    }

    /// The value that a resource of the type is sorted by.
    #[must_use]
    pub fn key(&self, resource: &Object, ty: &ResourceType) -> Option<Key> {
        let path = &self.path;
        if path.urn.is_none() && path.name == "schemas" {
            return schemas_of(resource, ty).first().and_then(|urn| self.key_of(&Json::from(urn.as_str())));
        }
        let container = match &path.urn {
            None => resource,
            Some(urn) => resource.get(urn)?.as_object()?,
        };
        let element = match container.get(&path.name)? {
            Json::Array(list) => chosen(list)?,
            single => single,
        };
        match &path.sub {
            None => self.key_of(element),
            Some(sub) => match element.get(sub) {
                Some(value) => self.key_of(value),
                // An absent `primary` is false (RFC 7643 §2.4).
                None if sub == "primary" && !value::is_absent(element) => Some(Key::Boolean(false)),
                None => None,
            },
        }
    }

    fn key_of(&self, value: &Json) -> Option<Key> {
        if value::is_absent(value) {
            return None;
        }
        Some(match (self.data_type, value) {
            (_, Json::Bool(truth)) => Key::Boolean(*truth),
            (_, Json::Number(number)) => Key::Number(number.to_string().parse().ok()?),
            (DataType::DateTime, Json::String(text)) => match value::instant(text) {
                Some(instant) => Key::Instant(instant),
                None => Key::Text(text.as_str().into()),
            },
            (_, Json::String(text)) => Key::Text(comparable(text, self.case_exact).into()),
            _ => return None,
        })
    }
}

/// The element that stands for a list: the primary one, else the first.
fn chosen(list: &[Json]) -> Option<&Json> {
    let is_primary = |element: &&Json| element.get("primary") == Some(&Json::Bool(true));
    list.iter().find(is_primary).or_else(|| list.iter().find(|element| !value::is_absent(element)))
}

/// The order of two resources by their keys.
#[must_use]
pub fn compare(order: SortOrder, a: Option<&Key>, b: Option<&Key>) -> Ordering {
    let ascending = match (a, b) {
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    };
    match order {
        SortOrder::Ascending => ascending,
        SortOrder::Descending => ascending.reverse(),
    }
}

impl Key {
    /// A text from which [`Key::parse`] makes the key again.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Boolean(truth) => format!("b{truth}"),
            Self::Number(number) => format!("n{number}"),
            Self::Instant(instant) => format!("i{}", instant.unix_timestamp_nanos()),
            Self::Text(text) => format!("t{text}"),
        }
    }

    /// The key that a text stands for; `None` if no key has it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        Some(match kind {
            "b" => Self::Boolean(rest.parse().ok()?),
            "n" => Self::Number(rest.parse().ok()?),
            "i" => Self::Instant(OffsetDateTime::from_unix_timestamp_nanos(rest.parse().ok()?).ok()?),
            "t" => Self::Text(rest.into()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::{ENTERPRISE, schemas::user_type};

    fn sort(by: &str) -> Sort {
        Sort::resolve(&AttrPath::parse(by).unwrap(), &user_type()).unwrap().unwrap()
    }

    fn key(by: &str, resource: Json) -> Option<Key> {
        sort(by).key(resource.as_object().unwrap(), &user_type())
    }

    fn text(text: &str) -> Option<Key> {
        Some(Key::Text(text.into()))
    }

    #[test]
    fn a_list_sorts_by_its_primary_value_else_by_its_first() {
        // 7644-3.4.2.3-b
        let list = json!({"emails": [{"value": "B@x", "type": "work"}, {"value": "a@x", "primary": true}]});
        assert_eq!(key("emails", list.clone()), text("a@x"));
        assert_eq!(key("emails.value", list.clone()), text("a@x"));
        assert_eq!(key("emails.type", list.clone()), None, "the primary one has none");
        assert_eq!(key("emails.primary", list), Some(Key::Boolean(true)));
        let list = json!({"emails": [{"value": "B@x", "type": "work"}, {"value": "a@x"}]});
        assert_eq!(key("EMAILS", list.clone()), text("b@x"));
        assert_eq!(key("emails.primary", list), Some(Key::Boolean(false)));
        assert_eq!(key("emails", json!({"emails": []})), None);
        assert_eq!(key("emails.primary", json!({})), None);
    }

    #[test]
    fn a_complex_attribute_needs_a_sub_attribute_or_has_a_value() {
        // 7644-3.4.2.3-b
        let ty = user_type();
        let resolve = |by: &str| Sort::resolve(&AttrPath::parse(by).unwrap(), &ty);
        for by in ["name", "meta", "addresses", "password"] {
            let error = resolve(by).expect_err(by);
            assert_eq!((error.status(), error.scim_type().unwrap().as_str()), (400, "invalidValue"), "{by}");
        }
        for by in ["nonsense", "name.nonsense", "urn:x:title"] {
            assert_eq!(resolve(by), Ok(None), "{by}");
        }
        let manager = resolve(&format!("{ENTERPRISE}:manager")).unwrap().unwrap();
        assert_eq!(manager.path().sub.as_deref(), Some("value"));
        assert_eq!(key("name.familyName", json!({"name": {"familyName": "Ng"}})), text("ng"));
        let department = format!("{ENTERPRISE}:department");
        assert_eq!(key(&department, json!({ENTERPRISE: {"department": "IT"}})), text("it"));
    }

    #[test]
    fn values_sort_by_their_type() {
        // 7644-3.4.2.3-e
        let order = |by: &str, a: Json, b: Json| {
            compare(SortOrder::Ascending, key(by, a).as_ref(), key(by, b).as_ref())
        };
        let title = |text: &str| json!({"title": text});
        assert_eq!(order("title", title("ÉCOLE"), title("école")), Ordering::Equal);
        assert_eq!(order("title", title("a"), title("B")), Ordering::Less);
        assert_eq!(order("title", title("z"), title("Ä")), Ordering::Less, "by code point");
        let id = |text: &str| json!({"id": text});
        assert_eq!(order("id", id("B"), id("a")), Ordering::Less, "caseExact");
        let active = |truth: bool| json!({"active": truth});
        assert_eq!(order("active", active(false), active(true)), Ordering::Less);
        let when = |text: &str| json!({"meta": {"created": text}});
        let (early, late) = (when("2026-01-01T10:00:00+02:00"), when("2026-01-01T09:00:00Z"));
        assert_eq!(order("meta.created", early, late), Ordering::Less);
        let number = |n: Json| Sort { data_type: DataType::Decimal, ..sort("title") }.key_of(&n);
        assert!(number(json!(9)) < number(json!(10.5)) && number(json!(2)) == number(json!(2.0)));
    }

    #[test]
    fn what_has_no_value_comes_last_or_first() {
        // 7644-3.4.2.3-d
        let (some, none) = (text("a"), None);
        for (order, expected) in
            [(SortOrder::Ascending, Ordering::Less), (SortOrder::Descending, Ordering::Greater)]
        {
            assert_eq!(compare(order, some.as_ref(), none.as_ref()), expected);
            assert_eq!(compare(order, none.as_ref(), none.as_ref()), Ordering::Equal);
        }
        assert_eq!(key("title", json!({"title": ""})), None);
    }

    #[test]
    fn keys_survive_as_texts() {
        let keys = [
            Key::Boolean(true),
            Key::Number("-12.50".parse().unwrap()),
            Key::Instant(value::instant("2026-01-01T10:00:00.123Z").unwrap()),
            Key::Text("ä\u{1f}n5".into()),
            Key::Text("".into()),
        ];
        for key in keys {
            assert_eq!(Key::parse(&key.to_text()), Some(key));
        }
        for bad in ["", "x", "bperhaps", "nx", "é"] {
            assert_eq!(Key::parse(bad), None, "{bad}");
        }
    }
}
