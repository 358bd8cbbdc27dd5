//! What a filter comes to for the resources of one type (RFC 7644 §3.4.2.1).
//!
//! In a query over several types, an attribute that a type does not define has
//! no value there: `pr` and `eq` are false of it, `ne` is true as of any absent
//! value. And `meta.resourceType` is the same for all resources of a type, so a
//! query for users need not look at groups.

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    filter::{CompareOp, Filter, eval},
    schema::{ResourceType, SchemaAttribute},
};

/// A filter, seen from one resource type.
#[derive(Debug, Clone, PartialEq)]
pub enum Narrowed {
    /// True of every resource of the type.
    Everything,
    /// True of none.
    Nothing,
    /// This is left to decide; every path of it is one of the type's.
    Filter(Filter),
}

impl Narrowed {
    fn constant(truth: bool) -> Self {
        if truth { Self::Everything } else { Self::Nothing }
    }
}

/// Decides what the type alone decides.
#[must_use]
pub fn narrow(filter: &Filter, ty: &ResourceType) -> Narrowed {
    walk(filter, &|leaf| match leaf {
        Filter::Compare(path, op, literal) if ty.resolve(path).is_none() => absent(*op, literal),
        Filter::Present(path) | Filter::Element(path, _) if ty.resolve(path).is_none() => Narrowed::Nothing,
        Filter::Compare(path, ..) | Filter::Present(path) if is_type(path, ty) => {
            Narrowed::constant(eval::matches(leaf, ty, &nobody(ty)))
        }
        Filter::Element(path, inner) => {
            let Some(found) = ty.resolve(path) else { return Narrowed::Nothing };
            within(path, inner, found.leaf())
        }
        _ => Narrowed::Filter(leaf.clone()),
    })
}

/// As [`narrow`], for `path[inner]` on a known attribute.
fn within(path: &AttrPath, inner: &Filter, attribute: &SchemaAttribute) -> Narrowed {
    let knows = |path: &AttrPath| attribute.find_sub(&path.name).is_some();
    let inner = walk(inner, &|leaf| match leaf {
        Filter::Compare(path, op, literal) if !knows(path) => absent(*op, literal),
        Filter::Present(path) if !knows(path) => Narrowed::Nothing,
        _ => Narrowed::Filter(leaf.clone()),
    });
    match inner {
        Narrowed::Everything => Narrowed::Filter(Filter::Present(path.clone())),
        Narrowed::Nothing => Narrowed::Nothing,
        Narrowed::Filter(inner) => Narrowed::Filter(Filter::Element(path.clone(), Box::new(inner))),
    }
}

/// A comparison with an attribute that has no value.
fn absent(op: CompareOp, literal: &Json) -> Narrowed {
    Narrowed::constant(op == if literal.is_null() { CompareOp::Eq } else { CompareOp::Ne })
}

fn walk(filter: &Filter, leaf: &dyn Fn(&Filter) -> Narrowed) -> Narrowed {
    match filter {
        Filter::And(list) => join(list, leaf, &Narrowed::Nothing, Filter::And),
        Filter::Or(list) => join(list, leaf, &Narrowed::Everything, Filter::Or),
        Filter::Not(inner) => match walk(inner, leaf) {
            Narrowed::Everything => Narrowed::Nothing,
            Narrowed::Nothing => Narrowed::Everything,
            Narrowed::Filter(inner) => Narrowed::Filter(Filter::Not(Box::new(inner))),
        },
        _ => leaf(filter),
    }
}

/// Joins what is left of the parts; one that is `decisive` decides alone, its opposite does not count.
fn join(
    list: &[Filter],
    leaf: &dyn Fn(&Filter) -> Narrowed,
    decisive: &Narrowed,
    join: fn(Vec<Filter>) -> Filter,
) -> Narrowed {
    let mut left = Vec::new();
    for part in list {
        match walk(part, leaf) {
            Narrowed::Filter(filter) => left.push(filter),
            decided if decided == *decisive => return decided,
            _ => {}
        }
    }
    match left.len() {
        0 => Narrowed::constant(*decisive == Narrowed::Nothing),
        1 => left.pop().map_or(Narrowed::Nothing, Narrowed::Filter),
        _ => Narrowed::Filter(join(left)),
    }
}

fn is_type(path: &AttrPath, ty: &ResourceType) -> bool {
    path.is("meta", Some("resourceType"))
        && path.urn.as_ref().is_none_or(|urn| urn.eq_ignore_ascii_case(&ty.core.id))
}

/// A resource of the type of which nothing more is known.
fn nobody(ty: &ResourceType) -> Object {
    let mut meta = Object::new();
    meta.insert("resourceType".into(), ty.name.as_str().into());
    let mut resource = Object::new();
    resource.insert("meta".into(), meta.into());
    resource
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::{
        filter::parse::{FilterRules, parse},
        schemas::{group_type, user_type},
    };

    fn check(filter: &str, user: Option<&str>, group: Option<&str>) {
        let parsed = |text: &str| parse(text, &FilterRules::default()).unwrap();
        for (ty, expected) in [(user_type(), user), (group_type(), group)] {
            let expected = match expected {
                Some("all") => Narrowed::Everything,
                Some(text) => Narrowed::Filter(parsed(text)),
                None => Narrowed::Nothing,
            };
            assert_eq!(narrow(&parsed(filter), &ty), expected, "{filter} for {}", ty.name);
        }
    }

    #[test]
    fn an_attribute_of_another_type_has_no_value() {
        // 7644-3.4.2.1-b, D-1, 7644-3.4.2.2-k
        check("userName eq \"a\"", Some("userName eq \"a\""), None);
        check("members pr", None, Some("members pr"));
        check("nonsense pr", None, None);
        check("not (nonsense pr)", Some("all"), Some("all"));
        check("userName ne \"a\"", Some("userName ne \"a\""), Some("all"));
        check("members eq null", Some("all"), Some("members eq null"));
        check("members ne null", None, Some("members ne null"));
        check("emails[type eq \"work\"]", Some("emails[type eq \"work\"]"), None);
        check("emails[nonsense eq 1 or type pr]", Some("emails[type pr]"), None);
        check("emails[nonsense ne 1]", Some("emails pr"), None);
        check(
            "userName eq \"a\" or displayName eq \"b\"",
            Some("userName eq \"a\" or displayName eq \"b\""),
            Some("displayName eq \"b\""),
        );
        check(
            "userName eq \"a\" and displayName eq \"b\"",
            Some("userName eq \"a\" and displayName eq \"b\""),
            None,
        );
    }

    #[test]
    fn the_type_itself_is_decided_at_once() {
        // 7644-3.4.2.1-a
        check("meta.resourceType eq \"User\"", Some("all"), None);
        check("meta.resourceType ne \"User\"", None, Some("all"));
        check("META.RESOURCETYPE co \"rou\" and id pr", None, Some("id pr"));
        check("meta.resourceType pr", Some("all"), Some("all"));
        check(
            "(meta.resourceType eq \"User\" and title pr) or (meta.resourceType eq \"Group\" and members pr)",
            Some("title pr"),
            Some("members pr"),
        );
        check("not (meta.resourceType eq \"Group\" or title pr)", Some("not (title pr)"), None);
        check("meta.created pr", Some("meta.created pr"), Some("meta.created pr"));
    }
}
