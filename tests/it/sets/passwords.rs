//! A password is written in the form that the application reads, and is never shown.

use serde_json::json;

use super::harness::Set;
use crate::support::Backend;

/// The set, a user of the own fixture and one of the given people, the hash's table and column with the
/// condition that selects it, and how the hash begins.
type Case = (Set, [&'static str; 2], fn(&str) -> (String, String), &'static str);

const CASES: [Case; 3] = [
    (
        Set { name: "wordpress", backend: Backend::MariaDb, variant: "" },
        ["7", "101"],
        |key| ("user_pass".into(), format!("wp_users where ID = {key}")),
        "$wp$2y$",
    ),
    (
        Set { name: "nextcloud", backend: Backend::Sqlite, variant: "" },
        ["Greta", "aoife.obrien"],
        |key| ("password".into(), format!("oc_users where uid = '{key}'")),
        "3|$argon2id$",
    ),
    (
        Set { name: "ofbiz", backend: Backend::Postgres, variant: "" },
        ["301", "10001"],
        |key| {
            (
                "current_password".into(),
                format!("user_login where party_id = '{key}' order by last_updated_stamp desc limit 1"),
            )
        },
        "$SHA$",
    ),
];

#[test]
fn each_application_gets_its_own_form() {
    for (set, keys, place, begins) in CASES {
        set.each(|site| {
            let key = keys[usize::from(!site.own)];
            let path = site.user(key);
            let shown =
                site.patch(&path, json!([{ "op": "replace", "path": "password", "value": "Tr0ub4dor" }]));
            let (column, from) = place(key);
            let hash = site.sql(&column, &from).remove(0);
            assert!(hash.starts_with(begins), "{}: {}", set.name, &hash[..hash.len().min(8)]);
            assert!(!format!("{shown:?}{}", site.get(&path)).contains("assword"), "{}", set.name);
        });
    }
}
