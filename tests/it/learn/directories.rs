//! Directories are learnt.

use super::Learnt;
use crate::support::{Backend, Set, TestStore};

const NAMES: [&str; 5] = ["displayName", "name.givenName", "name.familyName", "emails", "active"];

#[test]
fn a_directory_of_openldap_is_learnt() {
    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    let suffix = store.suffix().to_owned();
    let learnt = Learnt::of(store, &["--base", &suffix]);
    learnt.assert_reads_alike(&NAMES);
    learnt.assert_names_groups_alike();
    learnt.assert_has(&["floor = ", "via = { field = \"memberOf\", by = \"dn\" }"]);
    learnt.assert_is("openldap.toml", &[(&suffix, "dc=example,dc=com")]);
    let group = super::People::of(&learnt.by_hand).groups.keys().next().unwrap().clone();
    learnt.assert_writes(&group);
}

#[test]
fn a_directory_of_389ds_is_learnt() {
    let Some(store) = TestStore::fresh(Backend::Ds389) else { return };
    let suffix = store.suffix().to_owned();
    let learnt = Learnt::of(store, &["--base", &suffix]);
    learnt.assert_reads_alike(&NAMES);
    learnt.assert_names_groups_alike();
    learnt.assert_has(&["profile = \"389ds\"", "field = \"nsAccountLock\"", "superset = true"]);
    learnt.assert_is("389ds.toml", &[(&suffix, "dc=example,dc=com")]);
}

#[test]
fn an_active_directory_is_learnt() {
    let Some(store) = TestStore::fresh(Backend::ActiveDirectory) else { return };
    let suffix = store.suffix().to_owned();
    let learnt = Learnt::of(store, &["--base", &suffix]);
    learnt.assert_reads_alike(&NAMES);
    learnt.assert_names_groups_alike();
    learnt.assert_has(&["profile = \"ad\"", "userAccountControl = { no_bits = 2 }", "scheme = \"ad\""]);
    learnt.assert_is("active-directory.toml", &[]);
}

/// Directories of others, without a word about where people are.
fn set(name: &'static str, test: impl Fn(&Learnt)) {
    let set = Set { name, backend: Backend::OpenLdap, variant: "" };
    for people in set.people() {
        eprintln!("with the people of {}", people.folder.display());
        let Some(store) = set.fill(&people, &set.mapping()) else { return };
        test(&Learnt::of(store, &[]));
    }
}

#[test]
fn users_of_freeipa_are_learnt() {
    set("freeipa", |learnt| {
        learnt.assert_reads_alike(&NAMES);
        learnt.assert_has(&["anchor = \"ipaUniqueID\"", "\"mepManagedEntry\"", "scheme = \"server\""]);
    });
}

#[test]
fn people_by_department_are_learnt() {
    set("rfc2307bis", |learnt| {
        learnt.assert_reads_alike(&NAMES);
        learnt.assert_names_groups_alike();
        learnt.assert_has(&[
            "floor = \"cn=nobody,{let.suffix}\"",
            "uidNumber = \"@next.uidNumber\"",
            "homeDirectory = \"/home/{uid}\"",
        ]);
    });
}

#[test]
fn an_active_directory_with_awkward_people_is_learnt() {
    set("ad", |learnt| {
        learnt.assert_reads_alike(&NAMES);
        learnt.assert_names_groups_alike();
    });
}

/// Their names are made of others here, and their groups have queries for members: they are learnt as they lie.
#[test]
fn people_of_a_university_are_learnt() {
    set("eduperson", |learnt| learnt.assert_has(&["userName = { field = \"uid\", unique = \"fold\" }"]));
}
