//! The stores that the suite runs over, and what only one of them can do.

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod concurrency;
#[cfg(feature = "mysql")]
mod mariadb;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod proxy;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use scimgate::{
    config::sql::SqlSettings,
    store::{Bag, Field, FieldKind, Predicate, Source, Store, sql::SqlStore},
};

use crate::store_suite::Fixture;

/// A bag over all rows of a table, keyed by its first field.
pub(crate) fn bag(table: &str, fields: &[(&str, FieldKind)]) -> Arc<Bag> {
    let field =
        |(name, kind): &(&str, FieldKind)| Field { name: (*name).to_owned(), kind: *kind, many: false };
    Arc::new(Bag {
        name: table.to_owned(),
        source: Source::Table(table.to_owned()),
        fields: fields.iter().map(field).collect(),
        key: vec![0],
        scope: Predicate::True,
    })
}

/// People; `number` is what the mapping says of the columns of numbers.
pub(crate) fn people_bag(table: &str, number: FieldKind) -> Arc<Bag> {
    use FieldKind::Any;
    bag(table, &[("id", Any), ("login", Any), ("name", Any), ("age", number), ("flags", number)])
}

pub(crate) fn mails_bag(table: &str) -> Arc<Bag> {
    bag(table, &[("id", FieldKind::Any), ("person", FieldKind::Any), ("address", FieldKind::Any)])
}

/// A number that no other test of any run has.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of a server that the test command started; says loudly if there is none.
pub(crate) fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        // Past the harness, which hides what a passing test prints.
        let said = format!("\n*** SKIPPED: {variable} is not set, so this store is NOT tested ***\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    url
}

/// A SQL database made for one test, and taken away afterwards.
pub(crate) struct Database {
    pub(crate) name: &'static str,
    pub(crate) settings: SqlSettings,
    pub(crate) store: SqlStore,
    pub(crate) people: Arc<Bag>,
    pub(crate) mails: Arc<Bag>,
    pub(crate) clean_up: Option<Box<dyn FnOnce()>>,
}

impl Database {
    /// Another store over the same tables.
    pub(crate) fn again(&self) -> SqlStore {
        SqlStore::open(&self.settings).unwrap()
    }
}

impl Fixture for Database {
    fn name(&self) -> &'static str {
        self.name
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn people(&self) -> Arc<Bag> {
        Arc::clone(&self.people)
    }

    fn mails(&self) -> Option<Arc<Bag>> {
        Some(Arc::clone(&self.mails))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(clean_up) = self.clean_up.take() {
            clean_up();
        }
    }
}
