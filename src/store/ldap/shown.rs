//! Searches as command lines of `ldapsearch`, for people to read and to try.

use super::{
    entry::attributes_of,
    plan::Plan,
    select::{FEW_DNS, WHOLE_ROWS},
};
use crate::store::{FieldId, Select, dn::Dn};

/// So many names are shown of a search for many entries.
const SHOWN_NAMES: usize = 3;

/// The searches of a selection; empty if nothing can match.
pub(super) fn searches(select: &Select, plan: &Plan, page_size: u32) -> Vec<String> {
    let Some(filter) = plan.filter.text().filter(|_| !plan.is_empty()) else { return Vec::new() };
    let fields: Vec<FieldId> = select.fields.iter().copied().chain(plan.checked_fields()).collect();
    let rest = if plan.checks.is_empty() { "" } else { "  # and each entry is looked at" };
    let line = |place: &Dn, scope: &str, options: &str, filter: &str| {
        let mut words = vec!["ldapsearch".to_owned(), "-b".to_owned(), quoted(&place.to_string())];
        words.extend([format!("-s {scope}{options}"), quoted(filter)]);
        words.extend(attributes_of(&select.bag, &fields).iter().map(|name| quoted(name)));
        words.join(" ") + rest
    };
    let wide = if plan.subtree { "sub" } else { "one" };
    match (&plan.dns, &plan.containers) {
        (Some(dns), _) if dns.len() > FEW_DNS => {
            let (first, more) = dns.split_at(SHOWN_NAMES.min(dns.len()));
            let mut lines: Vec<String> = first.iter().map(|dn| line(dn, "base", "", &filter)).collect();
            lines.push(format!("# and {} more by name, many of them in one search", more.len()));
            lines
        }
        (Some(dns), _) => dns.iter().map(|dn| line(dn, "base", "", &filter)).collect(),
        (None, places) => {
            let (places, scope) = places.as_ref().map_or((&plan.bases, wide), |places| (places, "one"));
            let small = select.limit.filter(|limit| *limit <= WHOLE_ROWS as u64 && plan.checks.is_empty());
            let options = match small {
                Some(limit) => format!(" -z {limit}"),
                None if plan.is_selective => String::new(),
                None => format!(" -E pr={page_size}/noprompt"),
            };
            places.iter().map(|place| line(place, scope, &options, &filter)).collect()
        }
    }
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ',' | '=' | ';' | '/');
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{
        Bag, Field, FieldKind, Fold, Predicate, Source, Test,
        ldap::{plan::plan, rules::Rules},
    };

    fn shown(predicate: Predicate, limit: Option<u64>) -> Vec<String> {
        let field = |name: &str, kind| Field { name: name.into(), kind, many: false };
        let bag = Bag {
            name: "User".into(),
            source: Source::Entries {
                bases: vec!["ou=p,dc=x".into()],
                subtree: true,
                classes: vec!["inetOrgPerson".into()],
                rdn: vec![1],
            },
            fields: vec![field("dn", FieldKind::Dn), field("uid", FieldKind::Any)],
            key: vec![],
            scope: Predicate::True,
        };
        let plan = plan(&bag, &predicate, &Rules::default()).unwrap();
        let bag = Arc::new(bag);
        searches(&Select { bag, predicate, fields: vec![1], order: vec![], offset: 0, limit }, &plan, 500)
    }

    #[test]
    fn a_search_is_shown_with_its_place() {
        let by_uid =
            "ldapsearch -b ou=p,dc=x -s sub -z 2 '(&(objectClass=inetOrgPerson)(uid=o'\\''neil\\2a))' uid";
        assert_eq!(shown(Predicate::equals(1, "o'neil*".into()), Some(2)), [by_uid]);
        let all = "ldapsearch -b ou=p,dc=x -s sub -E pr=500/noprompt '(objectClass=inetOrgPerson)' uid";
        assert_eq!(shown(Predicate::True, None), [all]);
        let names = |names: &[&str]| {
            let names = names.iter().map(|n| format!("uid={n},ou=p,dc=x").into()).collect();
            Predicate::Field(0, Test::OneOf(names, Fold::Exact))
        };
        let by_name = "ldapsearch -b 'uid=a b,ou=p,dc=x' -s base '(objectClass=inetOrgPerson)' uid";
        assert_eq!(shown(names(&["a b"]), None), [by_name]);
        let many = shown(names(&["a", "b", "c", "d", "e"]), None);
        assert_eq!((many.len(), many[3].as_str()), (4, "# and 2 more by name, many of them in one search"));
        assert_eq!(shown(Predicate::False, None), Vec::<String>::new());
    }
}
