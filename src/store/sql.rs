//! The SQL store: bags are tables of SQLite, PostgreSQL, MySQL or MariaDB.
//!
//! Statements are built at run time from the compiled mapping and the database's
//! own catalogue: [`predicate`] writes conditions, [`read`] and [`write`] whole
//! statements, [`dialect`] moves values, [`error`] reads what went wrong, and
//! [`pool`] runs it all on threads of its own. Nothing here knows SCIM.
//!
//! **Invariant:** an error is never an empty answer.
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, unused_imports, reason = "some parts serve one database only")
)]

mod bind;
mod catalogue;
mod decision;
mod dialect;
mod error;
mod fold;
mod inventory;
mod pool;
mod predicate;
mod read;
mod statement;
mod url;
mod write;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::{
    config::sql::SqlSettings,
    store::{
        Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError,
        inventory::{Finding, Inventory, Probe},
        sql::pool::Pool,
    },
};

/// A store in a relational database.
pub struct SqlStore {
    pool: Pool,
}

impl SqlStore {
    /// Makes the store ready. No connection is made before the first request, so a database that is
    /// down does not keep the program from starting; [`ReadStore::probe`] tells.
    ///
    /// Futures of the store are driven inside a tokio runtime with its timer on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`] if the URL names a database that this program knows nothing of or
    /// was built without, or a session setting has no proper name.
    pub fn open(settings: &SqlSettings) -> Result<Self, StoreError> {
        settings.session.keys().try_for_each(|name| dialect::check_setting(name))?;
        Ok(Self { pool: Pool::start(settings)? })
    }

    /// What the database says about these tables and about itself.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a table that does not exist is no error but absent.
    pub fn inventory(&self, tables: Vec<String>) -> LocalBoxFuture<'_, Result<Inventory, StoreError>> {
        self.pool.read(move |connection, _| inventory::take(connection, &tables))
    }

    /// Answers questions that only the rows or the planner know, in their order.
    ///
    /// # Errors
    ///
    /// [`StoreError`], if the database is away; a question that it refuses is answered as unknown.
    pub fn probe_rows(&self, probes: Vec<Probe>) -> LocalBoxFuture<'_, Result<Vec<Finding>, StoreError>> {
        self.pool.read(move |connection, catalogue| inventory::probe(connection, catalogue, &probes))
    }
}

impl ReadStore for SqlStore {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.pool.read(move |connection, catalogue| read::select(connection, catalogue, &select))
    }

    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        let (bag, fields) = (select.bag.clone(), select.fields.clone());
        let rows =
            self.pool.read(move |connection, catalogue| read::select_cells(connection, catalogue, &select));
        Box::pin(async move {
            let rows = rows.await?.into_iter();
            Ok(rows.filter_map(|cells| text(&read::row_of(&bag, &fields, cells))).collect())
        })
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.pool.read(move |connection, catalogue| read::count(connection, catalogue, &bag, &predicate))
    }

    fn shown(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.pool.read(move |connection, catalogue| read::shown(connection, catalogue, &select))
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        predicate::coverage(self.pool.flavour(), self.pool.catalogue(), bag, predicate)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        self.pool.read(|connection, _| connection.version())
    }
}

impl Store for SqlStore {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        self.pool.write(move |connection, catalogue, decision| {
            write::apply(connection, catalogue, decision, &steps)
        })
    }

    fn is_settling(&self) -> bool {
        self.pool.is_settling()
    }

    fn shown_steps(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Vec<String>>, StoreError>> {
        self.pool.read(move |connection, catalogue| write::script::shown(connection, catalogue, &steps))
    }
}
