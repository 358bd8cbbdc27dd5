//! Matching rules (RFC 4517 §4): what a filter on an attribute without them costs, and whether they see case.

use crate::{
    mapping::{
        directory::{Against, Set, attributes::find},
        uses::Role,
    },
    store::{Fold, Predicate, Test, inventory::directory::Vendor},
};

pub(super) fn check(against: &mut Against<'_>, set: &Set<'_>) {
    // The others compare by syntax where a type names no rule.
    if against.facts.vendor == Vendor::OpenLdap {
        rules(against, set);
        scope(against, set);
    }
    case(against, set);
}

/// Filters of clients.
fn rules(against: &mut Against<'_>, set: &Set<'_>) {
    for used in set.used().filter(|used| used.at.whole) {
        let Some(of) = find(against, set.part.bag.field_name(used.at.field)) else { continue };
        let place = against.bound_place(set.ty, used.of.field, used.of.rule);
        let (path, name) = (&used.of.path, of.name());
        match &used.of.role {
            Role::Value { map: None, .. } | Role::Pointer if of.equality.is_none() => {
                let message = format!(
                    "`{name}` has no equality rule: a filter on `{path}` reads each entry that has one"
                );
                let help =
                    "take an attribute that can be searched, or forbid such filters by `filter = \"no\"`";
                against.warn("rule-missing", &place, message, help);
            }
            Role::Value { map: None, data_type: crate::scim::schema::DataType::String, .. }
                if of.substring.is_none() && super::syntaxes::holds(of) == super::syntaxes::Holds::Text =>
            {
                let message = format!(
                    "`{name}` has no substrings rule: `{path} co …`, `sw` and `ew` read each entry that has one"
                );
                let help = "take an attribute with one if clients search so";
                against.warn("rule-missing", &place, message, help);
            }
            _ => {}
        }
    }
}

/// Conditions that tell which entries are ours.
fn scope(against: &mut Against<'_>, set: &Set<'_>) {
    let mut leaves = Vec::new();
    collect(&set.part.bag.scope, &mut leaves);
    for (field, test) in leaves {
        let name = set.part.bag.field_name(field);
        let Some(of) = find(against, name) else { continue };
        let lacks = match test {
            Test::OneOf(..) => of.equality.is_none().then_some("equality"),
            Test::Order(..) => of.ordering.is_none().then_some("ordering"),
            Test::Starts(..) | Test::Ends(..) | Test::Contains(..) => {
                of.substring.is_none().then_some("substrings")
            }
            Test::Present | Test::Absent | Test::BitsSet(_) | Test::BitsClear(_) => None,
        };
        if let Some(rule) = lacks {
            let place = against.setting_place(set.ty, set.id, "where");
            let message = format!(
                "`where` compares `{name}`, which has no {rule} rule: each entry is read and looked at"
            );
            let help = "compare an attribute that has one, or tell the entries by class or container";
            against.warn("rule-missing", &place, message, help);
        }
    }
}

fn collect<'p>(predicate: &'p Predicate, out: &mut Vec<(usize, &'p Test)>) {
    match predicate {
        Predicate::Field(field, test) => out.push((*field, test)),
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().for_each(|part| collect(part, out)),
        Predicate::Not(inner) => collect(inner, out),
        Predicate::True
        | Predicate::False
        | Predicate::Exists(_)
        | Predicate::Clock(..)
        | Predicate::Pair(..) => {}
    }
}

/// What is unique must be so under the rule by which the server compares.
fn case(against: &mut Against<'_>, set: &Set<'_>) {
    for used in set.used() {
        let Some(fold) = used.of.unique else { continue };
        let Some(of) = find(against, set.part.bag.field_name(used.at.field)) else { continue };
        let is_text = matches!(
            super::syntaxes::holds(of),
            super::syntaxes::Holds::Text | super::syntaxes::Holds::Ascii
        );
        let exact = of.equality.as_deref().is_some_and(|rule| rule.starts_with("caseExact"));
        let caseless = match of.equality.as_deref() {
            Some(rule) => rule.starts_with("caseIgnore"),
            None => against.facts.vendor == Vendor::ActiveDirectory && is_text,
        };
        let place = against.bound_place(set.ty, used.of.field, used.of.rule);
        let (path, name) = (&used.of.path, of.name());
        if fold != Fold::Case && caseless {
            let message =
                format!("`{path}` is unique with regard to case, but the server takes `{name}` without");
            against.warn("unique-fold", &place, message, "write `unique = \"fold\"`");
        } else if fold == Fold::Case && exact {
            let message = format!(
                "`{path}` is unique without regard to case, but the server tells cases of `{name}` apart"
            );
            let help = "write `unique = true`, or `codec = \"lower\"` so that there is one spelling";
            against.warn("unique-fold", &place, message, help);
        }
    }
}
