//! A database made for one test.

use std::sync::Arc;

use scimgate::{
    config::sql::SqlSettings,
    store::{Bag, Store, sql::SqlStore},
};

use crate::store_suite::Fixture;

/// A number that no other test of any run has.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of a server that the test command started; says loudly if there is none.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn server(variable: &str) -> Option<String> {
    use std::io::Write as _;
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
