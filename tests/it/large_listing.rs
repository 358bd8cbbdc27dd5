//! Listings of many users: each of them once, the right total on every page,
//! in bounded memory.

use std::{collections::HashSet, fmt::Write as _};

use crate::support::{Backend, Gateway, Options, TestStore};

/// Users beside those of the fixture.
const USERS: usize = 20_000;
/// Users on a page.
const PAGE: usize = 100;
/// The most memory that the gateway may ever have had, in bytes.
const MOST_MEMORY: u64 = 100_000_000;

#[test]
fn every_user_of_a_large_directory_is_listed_once() {
    let mut ldif = String::new();
    for user in 0..USERS {
        writeln!(
            ldif,
            "dn: uid=many{user},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: many{user}\n\
             cn: Ada {user}\nsn: Byron {user}\ngivenName: Ada\ndisplayName: Ada {user}\n\
             mail: many{user}@example.com\nmail: ada.{user}@example.com\ntitle: Engineer\n\
             telephoneNumber: +49 30 {user}\nemployeeNumber: {user}\nl: Berlin\n"
        )
        .unwrap();
    }
    let Some(store) = TestStore::loaded(&ldif) else { return };
    check(&store, "");
}

#[test]
fn every_user_of_a_large_table_is_listed_once() {
    let Some(store) = TestStore::fresh(Backend::Postgres) else { return };
    store.tables().execute(&format!(
        "insert into hr.employee (user_name, given_name, family_name, display_name, personnel_no)
         select 'many' || n, 'Ada', 'Byron ' || n, 'Ada ' || n, n from generate_series(1, {USERS}) n;
         insert into hr.employee_email (employee_id, kind, address, is_primary)
         select employee_id, 'work', user_name || '@example.com', true
         from hr.employee where user_name like 'many%';
         analyze;"
    ));
    // The other test reads whole users; this one has to come to its end in a debug build, too.
    check(&store, "&attributes=userName,emails");
}

/// Lists all users with more in the query.
fn check(store: &TestStore, query: &str) {
    let stored: HashSet<String> = store.logins().into_iter().collect();
    assert!(stored.len() >= USERS, "{} users are stored", stored.len());
    let gateway = Gateway::start(store, &Options::default());
    let client = gateway.client();
    let (mut ids, mut logins) = (HashSet::new(), HashSet::new());
    while ids.len() < stored.len() {
        let start = ids.len() + 1;
        let page = client.get(&format!("/Users?startIndex={start}&count={PAGE}{query}"));
        assert_eq!(page.status, 200, "{page}");
        assert_eq!(page.json["totalResults"], stored.len());
        let users = page.json["Resources"].as_array().unwrap();
        assert_eq!(users.len(), PAGE.min(stored.len() - ids.len()), "users on the page from {start} on");
        for user in users {
            let text = |name: &str| user[name].as_str().unwrap().to_owned();
            assert!(ids.insert(text("id")), "{} comes twice", text("userName"));
            logins.insert(text("userName"));
        }
    }
    assert_eq!(logins, stored);
    let memory = gateway.peak_memory();
    assert!(memory < MOST_MEMORY, "the gateway had {} MB", memory / 1_000_000);
    // Shown only when asked for: `cargo test large_listing -- --nocapture`.
    println!("{}: {} MB at most", store.backend().name(), memory / 1_000_000);
}
