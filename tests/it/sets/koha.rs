//! Koha's patrons on MariaDB.

use serde_json::json;

use super::harness::Set;
use crate::support::Backend;

const KOHA: Set = Set { name: "koha", backend: Backend::MariaDb, variant: "" };

#[test]
fn everybody_reads_as_expected() {
    KOHA.each(|site| {
        let wrong: Vec<String> = site.differences().into_iter().filter(|l| !l.contains("roles")).collect();
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    });
}

#[test]
fn a_change_touches_what_it_is_about() {
    KOHA.each(|site| {
        let (key, title) = if site.own { (11, "Head of Maps") } else { (51, "Principal Engineer") };
        let path = site.user(&key.to_string());
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        site.assert_changes(
            &before,
            &[
                &format!("borrowers[{key}].sort1: {title} → Cook"),
                &format!("borrowers[{key}].updated_on: 202… → 20…"),
            ],
        );
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        site.assert_changes(&before, &[]);
        assert_eq!(site.find("/Users", "title eq \"cook\""), [site.id("user", &key.to_string())]);
    });
}
