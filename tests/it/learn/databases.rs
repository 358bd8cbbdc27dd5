//! Databases are learnt: their catalogue, and some rows.

use super::{Learnt, People};
use crate::support::{Backend, Set, TestStore};

const NAMES: [&str; 5] = ["displayName", "name.givenName", "name.familyName", "emails", "active"];

/// The same company in three databases, each as people build them there.
fn company(backend: Backend, fixture: &str) -> Option<Learnt> {
    let learnt = Learnt::of(TestStore::fresh(backend)?, &[]);
    learnt.assert_reads_alike(&NAMES);
    learnt.assert_names_groups_alike();
    learnt.assert_has(&["password", "it was not read"]);
    learnt.assert_is(fixture, &[]);
    Some(learnt)
}

#[test]
fn a_database_of_sqlite_is_learnt() {
    let Some(learnt) = company(Backend::Sqlite, "sqlite.toml") else { return };
    let group = People::of(&learnt.by_hand).groups.keys().next().unwrap().clone();
    learnt.assert_writes(&group);
}

#[test]
fn a_database_of_postgresql_is_learnt() {
    company(Backend::Postgres, "postgres.toml");
}

#[test]
fn a_database_of_mariadb_is_learnt() {
    let Some(learnt) = company(Backend::MariaDb, "mariadb.toml") else { return };
    let group = People::of(&learnt.by_hand).groups.keys().next().unwrap().clone();
    learnt.assert_writes(&group);
}

/// Tables of applications, of which nothing is said.
fn set(name: &'static str, backend: Backend, open: &[&str], test: impl Fn(&Learnt)) {
    let set = Set { name, backend, variant: "" };
    for people in set.people() {
        eprintln!("with the people of {}", people.folder.display());
        let Some(store) = set.fill(&people, &set.mapping()) else { return };
        test(&Learnt::asking(store, &[], open));
    }
}

#[test]
fn users_of_nextcloud_are_learnt() {
    set("nextcloud", Backend::Sqlite, &[], |learnt| {
        learnt.assert_shows(&[]);
        learnt.assert_has(&["table = \"oc_group_user\"", "protect = { uid = [\"admin\"] }"]);
    });
}

/// Its roles are a document in one row, which no catalogue tells: the users are learnt, and no groups.
#[test]
fn users_of_wordpress_are_learnt() {
    set("wordpress", Backend::MariaDb, &[], |learnt| {
        learnt.assert_shows(&["displayName", "name.givenName", "name.familyName", "emails"]);
        learnt.assert_has(&["givenName = \"meta.first_name\"", "No groups were found"]);
    });
}

/// Whose lists new groups shall be is a question in the draft.
#[test]
fn patrons_of_koha_are_learnt() {
    set("koha", Backend::MariaDb, &["not-null"], |learnt| {
        learnt.assert_shows(&["name.givenName", "name.familyName"]);
        learnt.assert_has(&["# TODO decide: `owner` is NOT NULL"]);
        learnt.assert_has(&[
            "table = \"borrowers\"",
            "table = \"patron_list_patrons\"",
            "userName = { field = \"userid\", unique = \"fold\" }",
        ]);
    });
}
