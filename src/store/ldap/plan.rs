//! Decides how a selection is searched for: where, with which filter, and what
//! is left to look at in memory because no filter can say it.
//!
//! A DN is no attribute, so tests of `dn` and `container` choose the search
//! base or are checked on the entries found. A scope is kept exactly: where its
//! filter had to say less, the scope is tested again on the entry.

use std::collections::HashSet;

use super::{
    entry::{CONTAINER, DN},
    filter::{Filter, Fit, Purpose, coverage, push_not_down, translate},
    matching,
    rules::Rules,
};
use crate::store::{
    Bag, Coverage, FieldId, Predicate, Row, Source, StoreError, Test, Value,
    dn::{Dn, normalise},
};

/// Where the entries of a bag lie, and how to look for them.
#[derive(Debug)]
pub(super) struct Plan {
    /// Search bases that are not below one another.
    pub(super) bases: Vec<Dn>,
    /// True: whole subtrees; false: one level.
    pub(super) subtree: bool,
    /// What the server is asked.
    pub(super) filter: Filter,
    /// If given, only these entries can match.
    pub(super) dns: Option<Vec<Dn>>,
    /// If given, only entries directly below these can match.
    pub(super) containers: Option<Vec<Dn>>,
    /// What remains to be tested on each entry.
    pub(super) checks: Vec<Check>,
    /// True if a handful of entries at most is expected.
    pub(super) is_selective: bool,
}

/// A test that the filter does not make.
#[derive(Debug)]
pub(super) enum Check {
    /// The entry's DN, or its parent's, is (not) among these normal forms.
    Name { of_parent: bool, among: HashSet<String>, expect: bool },
    /// A part of the scope.
    Scope(Predicate),
}

/// Plans a selection.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if the bag is not one of entries, or names no proper base or attribute;
/// [`StoreError::Unsupported`] if its scope speaks of other entries.
pub(super) fn plan(bag: &Bag, predicate: &Predicate, rules: &Rules) -> Result<Plan, StoreError> {
    let Source::Entries { bases, subtree, classes, .. } = &bag.source else {
        return Err(StoreError::Corrupt(format!("{} is no set of entries", bag.name)));
    };
    let mut plan = Plan {
        bases: outermost(bases)?,
        subtree: *subtree,
        filter: Filter::True,
        dns: None,
        containers: None,
        checks: Vec::new(),
        is_selective: false,
    };
    let mut filters = Vec::new();
    let mentions_class = bag.find_field("objectClass").is_some_and(|f| mentions(&bag.scope, f));
    if let (false, Some(class)) = (mentions_class, classes.first()) {
        filters.push(Filter::equal("objectClass", class));
    }
    for (part, purpose) in parts(&bag.scope, Purpose::Scope).chain(parts(predicate, Purpose::Query)) {
        if plan.take_name_test(bag, &part) {
            continue;
        }
        let (filter, fit) = translate(bag, &part, purpose, rules)?;
        if fit == Fit::Weak && purpose == Purpose::Scope {
            if has_exists(&part) {
                let reason = format!("the scope of {} depends on other entries", bag.name);
                return Err(StoreError::Unsupported(reason));
            }
            plan.checks.push(Check::Scope(part.clone()));
        }
        plan.is_selective |= purpose == Purpose::Query && is_key_test(bag, &part);
        filters.push(filter);
    }
    plan.filter = Filter::and(filters);
    Ok(plan)
}

/// How well the whole of a predicate is answered.
pub(super) fn covers(bag: &Bag, predicate: &Predicate, rules: &Rules) -> Coverage {
    let each: Vec<Coverage> = parts(predicate, Purpose::Query)
        .map(|(part, _)| match name_test(bag, &part) {
            Some(_) => Coverage::Exact,
            None => coverage(bag, &part, rules),
        })
        .collect();
    match (each.iter().min(), each.iter().max()) {
        (Some(Coverage::None), Some(Coverage::None)) => Coverage::None,
        (Some(Coverage::Exact), _) | (None, _) => Coverage::Exact,
        _ => Coverage::Superset,
    }
}

impl Plan {
    /// True if nothing can match.
    pub(super) fn is_empty(&self) -> bool {
        let none = |names: &Option<Vec<Dn>>| names.as_ref().is_some_and(Vec::is_empty);
        self.filter == Filter::False || none(&self.dns) || none(&self.containers)
    }

    /// Fields that the checks look at.
    pub(super) fn checked_fields(&self) -> Vec<FieldId> {
        let mut fields = Vec::new();
        for check in &self.checks {
            if let Check::Scope(part) = check {
                collect_fields(part, &mut fields);
            }
        }
        fields
    }

    /// Tests what the filter did not.
    pub(super) fn accepts(&self, bag: &Bag, dn: &str, row: &Row) -> bool {
        if self.checks.is_empty() {
            return true;
        }
        let parsed = Dn::parse(dn).unwrap_or_default();
        self.checks.iter().all(|check| match check {
            Check::Name { of_parent, among, expect } => {
                let name = if *of_parent { parsed.parent().unwrap_or_default() } else { parsed.clone() };
                among.contains(&name.normal()) == *expect
            }
            Check::Scope(part) => matching::holds(bag, row, part),
        })
    }

    /// The search base that leads to an entry of this name; none if it cannot be one of the bag's.
    pub(super) fn base_of(&self, dn: &Dn) -> Option<&Dn> {
        self.bases.iter().find(|base| match self.subtree {
            true => dn == *base || dn.is_below(base),
            false => dn.parent().as_ref() == Some(base),
        })
    }

    /// Takes a test of `dn` or `container` out of the filter; false if it is none.
    fn take_name_test(&mut self, bag: &Bag, part: &Predicate) -> bool {
        let Some(NameTest { of_parent, values, expect }) = name_test(bag, part) else { return false };
        let names = values.iter().filter_map(|v| Dn::parse(&v.to_text()).ok());
        if !expect {
            let among = names.map(|dn| dn.normal()).collect();
            self.checks.push(Check::Name { of_parent, among, expect });
            return true;
        }
        let mut seen = HashSet::new();
        let names: Vec<Dn> = names.filter(|dn| seen.insert(dn.normal())).collect();
        let known = if of_parent { &mut self.containers } else { &mut self.dns };
        *known = Some(match known.take() {
            None => names,
            Some(before) => before.into_iter().filter(|dn| names.contains(dn)).collect(),
        });
        if of_parent {
            // Needed when the entries are found by DN and not below the containers.
            self.checks.push(Check::Name { of_parent, among: seen, expect });
        }
        true
    }
}

struct NameTest<'a> {
    of_parent: bool,
    values: &'a [Value],
    expect: bool,
}

fn name_test<'a>(bag: &Bag, part: &'a Predicate) -> Option<NameTest<'a>> {
    let (test, expect) = match part {
        Predicate::Not(inner) => (inner.as_ref(), false),
        other => (other, true),
    };
    let Predicate::Field(field, Test::OneOf(values, _)) = test else { return None };
    let name = bag.field_name(*field);
    let of_parent = match name {
        n if n.eq_ignore_ascii_case(DN) => false,
        n if n.eq_ignore_ascii_case(CONTAINER) => true,
        _ => return None,
    };
    Some(NameTest { of_parent, values, expect })
}

/// The parts of a predicate that must all hold.
fn parts(predicate: &Predicate, purpose: Purpose) -> impl Iterator<Item = (Predicate, Purpose)> + use<> {
    let parts = match push_not_down(predicate) {
        Predicate::All(parts) => parts,
        other => vec![other],
    };
    parts.into_iter().map(move |part| (part, purpose))
}

/// The bases without those below another one, which would be found twice.
fn outermost(bases: &[String]) -> Result<Vec<Dn>, StoreError> {
    let mut all: Vec<Dn> = Vec::with_capacity(bases.len());
    for base in bases {
        let dn = Dn::parse(base).map_err(|e| StoreError::Corrupt(format!("search base `{base}`: {e}")))?;
        if !all.contains(&dn) {
            all.push(dn);
        }
    }
    Ok(all.clone().into_iter().filter(|dn| !all.iter().any(|other| dn.is_below(other))).collect())
}

fn is_key_test(bag: &Bag, part: &Predicate) -> bool {
    matches!(part, Predicate::Field(f, Test::OneOf(..)) if bag.key.contains(f))
}

fn mentions(predicate: &Predicate, field: FieldId) -> bool {
    let mut fields = Vec::new();
    collect_fields(predicate, &mut fields);
    fields.contains(&field)
}

fn has_exists(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Exists(_) => true,
        Predicate::True
        | Predicate::False
        | Predicate::Field(..)
        | Predicate::Clock(..)
        | Predicate::Pair(..) => false,
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().any(has_exists),
        Predicate::Not(inner) => has_exists(inner),
    }
}

/// The fields of the row itself that a predicate speaks of.
pub(super) fn collect_fields(predicate: &Predicate, fields: &mut Vec<FieldId>) {
    match predicate {
        Predicate::True | Predicate::False => {}
        Predicate::Clock(field, ..) => fields.push(*field),
        Predicate::Pair(one, _, other) => fields.extend([*one, *other]),
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().for_each(|p| collect_fields(p, fields)),
        Predicate::Not(inner) => collect_fields(inner, fields),
        Predicate::Field(field, _) => fields.push(*field),
        Predicate::Exists(related) => fields.extend(related.on.iter().map(|(_, own)| *own)),
    }
}

/// True if both are the same name, or the same text where they are no names.
pub(super) fn is_same_name(a: &str, b: &str) -> bool {
    match (normalise(a), normalise(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Field, FieldKind, Fold, Order};

    fn bag(scope: Predicate) -> Bag {
        let field = |name: &str, kind| Field { name: name.into(), kind, many: false };
        Bag {
            name: "User".into(),
            source: Source::Entries {
                bases: vec!["ou=p,dc=x".into(), "OU=P, dc=x".into(), "ou=a,ou=p,dc=x".into()],
                subtree: true,
                classes: vec!["inetOrgPerson".into()],
                rdn: vec![1],
            },
            fields: vec![
                field("dn", FieldKind::Dn),
                field("uid", FieldKind::Any),
                field("container", FieldKind::Dn),
                field("entryUUID", FieldKind::Any),
                field("objectClass", FieldKind::Any),
                field("shadowMax", FieldKind::Int),
            ],
            key: vec![3],
            scope,
        }
    }

    fn names(field: FieldId, values: &[&str]) -> Predicate {
        Predicate::Field(field, Test::OneOf(values.iter().map(|v| (*v).into()).collect(), Fold::Exact))
    }

    #[test]
    fn the_class_is_added_unless_the_scope_names_one() {
        let filter = |scope| {
            plan(&bag(scope), &Predicate::equals(1, "a".into()), &Rules::default()).unwrap().filter.text()
        };
        assert_eq!(filter(Predicate::True).unwrap(), "(&(objectClass=inetOrgPerson)(uid=a))");
        let scope = Predicate::equals(4, "posixAccount".into());
        assert_eq!(filter(scope).unwrap(), "(&(objectClass=posixAccount)(uid=a))");
    }

    #[test]
    fn bases_below_others_are_dropped() {
        let plan = plan(&bag(Predicate::True), &Predicate::True, &Rules::default()).unwrap();
        assert_eq!(plan.bases, [Dn::parse("ou=p,dc=x").unwrap()]);
        assert!(plan.base_of(&Dn::parse("uid=a,ou=a,ou=p,dc=x").unwrap()).is_some());
        assert!(plan.base_of(&Dn::parse("uid=a,ou=q,dc=x").unwrap()).is_none());
    }

    #[test]
    fn names_are_searched_for_and_not_filtered() {
        let wanted = names(0, &["uid=a,ou=p,dc=x", "UID=A,ou=p,dc=x", "uid=b,ou=p,dc=x", "no name"]);
        let both = wanted.clone().and(names(0, &["uid=a,ou=p,dc=x", "uid=c,ou=p,dc=x"]));
        let bag = bag(Predicate::True);
        assert_eq!(plan(&bag, &wanted, &Rules::default()).unwrap().dns.unwrap().len(), 2);
        assert_eq!(plan(&bag, &both, &Rules::default()).unwrap().dns.unwrap().len(), 1);
        assert!(plan(&bag, &names(0, &["no name"]), &Rules::default()).unwrap().is_empty());
        assert_eq!(covers(&bag, &both, &Rules::default()), Coverage::Exact);
        let mixed = Predicate::Any(vec![wanted, Predicate::equals(1, "a".into())]);
        assert_eq!(covers(&bag, &mixed, &Rules::default()), Coverage::None);
    }

    #[test]
    fn protection_by_container_is_checked_on_each_entry() {
        let protect = Predicate::Any(vec![names(2, &["ou=svc,ou=p,dc=x"]), names(1, &["root"])]);
        let bag = bag(Predicate::Not(Box::new(protect)));
        let plan = plan(&bag, &Predicate::True, &Rules::default()).unwrap();
        assert_eq!(plan.filter.text().unwrap(), "(&(objectClass=inetOrgPerson)(!(uid=root)))");
        let row = Row::new(&bag);
        assert!(plan.accepts(&bag, "uid=a,ou=p,dc=x", &row));
        assert!(!plan.accepts(&bag, "uid=a,OU=Svc,ou=p,dc=x", &row));
    }

    #[test]
    fn a_scope_that_no_filter_can_say_is_tested_on_the_entry() {
        let aged = Predicate::Field(5, Test::Order(Order::Ge, 90.into(), Fold::Exact));
        let bag = bag(aged);
        let plan = plan(&bag, &Predicate::True, &Rules::default()).unwrap();
        assert_eq!(plan.filter.text().unwrap(), "(&(objectClass=inetOrgPerson)(shadowMax=*))");
        assert_eq!(plan.checked_fields(), [5]);
        let mut row = Row::new(&bag);
        for (days, ours) in [(89, false), (90, true)] {
            row.set(5, vec![days.into()]);
            assert_eq!(plan.accepts(&bag, "uid=a,ou=p,dc=x", &row), ours);
        }
    }
}
