//! The laws of lenses and filters for the mapping of each application, in front of its real database,
//! filled with the project's own people and, if they are there, with the given ones.
//!
//! - *PutGet*: a PUT reads back as it was sent. Unit: one attribute of one PUT.
//! - *GetPut*: sending back what was read asks the store for no write. Unit: one attribute.
//! - *Refused*: a PUT that is refused leaves every resource as it was. Unit: one PUT.
//! - *Frame*: every other resource reads as before, and tables that the mapping does not name stay byte for
//!   byte. Unit: one resource beside one PUT; one row.
//! - *FilterRead*: random filters find what they find in memory. Unit: filter and resource.
//!
//! What is put are values that somebody has already and awkward texts; `SET_LAW_SEED` repeats a run.

mod round;

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::round::Rounds;
use crate::{
    filter_law::Subject,
    in_process::Counted,
    support::{Backend, TestStore},
};

/// Attributes that are put and read, at least, for each set and its people.
const ATTRIBUTES: usize = 1000;
/// Filters per resource type.
const FILTERS: u32 = 250;

/// An application and its people.
struct Set {
    name: &'static str,
    backend: Backend,
    /// Attributes whose lens accepts a loss, or that the store fills itself.
    lossy: &'static [&'static str],
}

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Set {
    fn mapping(&self) -> PathBuf {
        project().join(format!("mappings/{}.toml", self.name))
    }

    /// The folders of statements that are there.
    fn stores(&self) -> Vec<(String, TestStore)> {
        let given = std::env::var_os("SCIMGATE_SCHEMAS")
            .map_or_else(|| project().join("../shared/schemas"), PathBuf::from);
        let folders = [
            (project().join("tests/fixtures/sql").join(self.name), "schema.sql", "own"),
            (given.join(self.name), "ddl.sql", "given"),
        ];
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let there = folders.into_iter().filter(|(folder, ..)| folder.exists());
        let stores = there.filter_map(|(folder, schema, whose)| {
            let text = format!("{}\n{}", read(&folder.join(schema)), read(&folder.join("seed.sql")));
            let store = TestStore::of_statements(self.backend, &text, self.mapping())?;
            Some((format!("{}, {whose} people", self.name), store))
        });
        stores.collect()
    }

    fn filters_find_what_they_find_in_memory(&self) {
        for (name, store) in self.stores() {
            let subject = Subject::new(Counted::over(&store), &self.mapping());
            subject.obeys_over_what_is_there(&name, FILTERS);
        }
    }

    fn what_is_put_is_read(&self) {
        for (name, store) in self.stores() {
            let before = store.tables().snapshot();
            let mut rounds = Rounds::new(&store, self.lossy);
            while rounds.tally.attributes < ATTRIBUTES {
                rounds.one().unwrap_or_else(|e| panic!("{name}, SET_LAW_SEED={}: {e}", rounds.seed));
            }
            let after = store.tables().snapshot();
            let foreign = |line: &&String| {
                let table = line.trim_start_matches(['+', '-', ' ']).split('[').next().unwrap_or_default();
                !rounds.names(table)
            };
            let touched: Vec<String> = after.changes_since(&before);
            assert_eq!(touched.iter().find(foreign), None, "{name}: a table that nobody maps");
            rounds.tell(&name, before.count(&|table| !rounds.names(table)));
        }
    }
}

/// Branch and category are required: where a client takes them away, the mapping's own come back.
const KOHA: Set =
    Set { name: "koha", backend: Backend::MariaDb, lossy: &["addresses", "division", "userType"] };
/// The manager is the first of a list: when it goes, the next one takes its place.
const NEXTCLOUD: Set = Set { name: "nextcloud", backend: Backend::Sqlite, lossy: &["manager"] };
const OFBIZ: Set = Set { name: "ofbiz", backend: Backend::Postgres, lossy: &[] };
const WORDPRESS: Set = Set { name: "wordpress", backend: Backend::MariaDb, lossy: &[] };

#[test]
fn koha_filters() {
    KOHA.filters_find_what_they_find_in_memory();
}

#[test]
fn koha_lenses() {
    KOHA.what_is_put_is_read();
}

#[test]
fn nextcloud_filters() {
    NEXTCLOUD.filters_find_what_they_find_in_memory();
}

#[test]
fn nextcloud_lenses() {
    NEXTCLOUD.what_is_put_is_read();
}

#[test]
fn ofbiz_filters() {
    OFBIZ.filters_find_what_they_find_in_memory();
}

#[test]
fn ofbiz_lenses() {
    OFBIZ.what_is_put_is_read();
}

#[test]
fn wordpress_filters() {
    WORDPRESS.filters_find_what_they_find_in_memory();
}

#[test]
fn wordpress_lenses() {
    WORDPRESS.what_is_put_is_read();
}
