//! Store words: what a store is told and what it answers, in terms of bags of
//! rows. This module and everything below it know nothing of SCIM.
//!
//! A [`Bag`] is a table or a set of LDAP entries; its rows have [`Field`]s, and
//! a field holds any number of [`Value`]s (none = NULL or no such attribute).
//! Reads are [`Select`]s, writes are lists of [`Step`]s applied together: one
//! transaction in SQL, in order with one atomic modify per entry in LDAP.
//!
//! **Invariant:** names (tables, columns, attributes) come only from a compiled
//! mapping; values reach a store only as binds or through an escaping type.

pub mod coerce;
pub mod dn;
pub mod document;
pub mod error;
pub mod inventory;
#[cfg(feature = "ldap")]
pub mod ldap;
pub mod memory;
pub mod moment;
pub mod moved;
pub mod names;
pub mod opened;
pub mod predicate;
pub mod rehearsal;
pub mod search_url;
#[cfg(feature = "sql")]
pub mod sql;
pub mod step;
pub mod value;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

#[cfg(feature = "sql")]
use self::predicate::holds;
use self::step::cell_values;
pub use self::{
    error::StoreError,
    predicate::{Coverage, Order, Predicate, Related, Relation, Test},
    step::{Cell, Change, Channel, Expected, Report, Secret, Step, Target},
    value::{Fold, Value},
};
/// What a directory is: the mapping says so, and the settings may.
pub use crate::config::ldap::DirectoryProfile as Profile;

/// Index of a field in [`Bag::fields`].
pub type FieldId = usize;

/// A table or a set of entries, and which of its rows are ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Bag {
    /// Name in the mapping file (`User`, `User.part.mail`), for diagnostics and metrics.
    pub name: String,
    /// Where the rows lie.
    pub source: Source,
    /// Every field that the mapping mentions.
    pub fields: Vec<Field>,
    /// The fields that identify a row: key columns, or the anchor attribute (`entryUUID`).
    pub key: Vec<FieldId>,
    /// The rows that are ours; repeated in every statement.
    pub scope: Predicate,
}

/// Where the rows of a bag lie.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A table, possibly qualified: `schema.table`.
    Table(String),
    /// LDAP entries below any of `bases`.
    Entries {
        /// Base DNs.
        bases: Vec<String>,
        /// True: the whole subtree; false: one level.
        subtree: bool,
        /// Object classes of a new entry; the first one also selects entries when the scope says nothing.
        classes: Vec<String>,
        /// Naming attribute(s) of a new entry.
        rdn: Vec<FieldId>,
    },
    /// The items of a document that one fixed row holds.
    Items(Box<opened::Held>),
    /// The distinct values of columns.
    Names(Box<names::Names>),
}

/// A column or an attribute description.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Column or attribute name. LDAP has two names of our own, `dn` and `container` (the parent DN).
    pub name: String,
    /// The type that values are coerced to when read, and bound as when written.
    pub kind: FieldKind,
    /// True if it may hold several values.
    pub many: bool,
}

/// Declared type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FieldKind {
    /// Whatever the store says; text in LDAP.
    #[default]
    Any,
    Text,
    Int,
    Bool,
    Decimal,
    Date,
    Time,
    Bytes,
    /// A distinguished name: text that compares by RFC 4514 rules.
    Dn,
}

impl FieldKind {
    /// Equality of two values of a field of this kind.
    #[must_use]
    pub fn same(self, a: &Value, b: &Value) -> bool {
        match (self, a, b) {
            (Self::Dn, Value::Text(x), Value::Text(y)) if x != y => {
                matches!((dn::normalise(x), dn::normalise(y)), (Some(x), Some(y)) if x == y)
            }
            _ => a.same(b, Fold::Exact),
        }
    }
}

impl FieldKind {
    /// Equality of two lists of values, in their order.
    #[must_use]
    pub fn same_all(self, a: &[Value], b: &[Value]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(a, b))
    }
}

impl Bag {
    /// Kind of a field.
    #[must_use]
    pub fn kind(&self, id: FieldId) -> FieldKind {
        self.fields.get(id).map_or(FieldKind::Any, |f| f.kind)
    }

    /// Finds a field by name, without case.
    #[must_use]
    pub fn find_field(&self, name: &str) -> Option<FieldId> {
        self.fields.iter().position(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// Name of a field; empty if there is none with this index.
    #[must_use]
    pub fn field_name(&self, id: FieldId) -> &str {
        self.fields.get(id).map_or("", |f| f.name.as_str())
    }
}

/// A row as read: `cells[field]` holds the values; fields not asked for are empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// One list of values per field of the bag.
    pub cells: Vec<Vec<Value>>,
}

impl Row {
    /// An empty row of `bag`'s width.
    #[must_use]
    pub fn new(bag: &Bag) -> Self {
        Self { cells: vec![Vec::new(); bag.fields.len()] }
    }

    /// The values of a field.
    #[must_use]
    pub fn all(&self, field: FieldId) -> &[Value] {
        self.cells.get(field).map_or(&[], Vec::as_slice)
    }

    /// The first value of a field.
    #[must_use]
    pub fn first(&self, field: FieldId) -> Option<&Value> {
        self.all(field).first()
    }

    /// Replaces the values of a field.
    pub fn set(&mut self, field: FieldId, values: Vec<Value>) {
        if let Some(cell) = self.cells.get_mut(field) {
            *cell = values;
        }
    }
}

/// A read.
#[derive(Debug, Clone)]
pub struct Select {
    /// The bag to read.
    pub bag: Arc<Bag>,
    /// Which rows, beside the bag's scope.
    pub predicate: Predicate,
    /// Which fields; key fields must be named too if wanted.
    pub fields: Vec<FieldId>,
    /// Ascending order: nothing first, texts by code point, as [`Test::Order`] compares. LDAP ignores it and
    /// sorts nothing.
    pub order: Vec<FieldId>,
    /// Rows to skip. SQL only.
    pub offset: u64,
    /// Most rows to return; `None`: all.
    pub limit: Option<u64>,
}

/// A way to find rows all in one question that only some stores have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Those that an attribute of one entry names, however many they are. A row may be missing (the store could
    /// not tell whether it is one of the bag's); who needs it looks for it by name.
    Named {
        /// The entry's DN.
        entry: String,
        /// The attribute.
        attribute: String,
    },
    /// Those whose field leads to one of these names: it holds the name, or that of an entry whose attribute leads
    /// there.
    Chained {
        /// The field, which holds names.
        field: FieldId,
        /// The names.
        names: Vec<String>,
    },
}

/// Reading access to a store. Futures are driven on the thread that made them.
pub trait ReadStore: Send + Sync {
    /// Reads rows.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a row that does not exist is no error but absent from the answer.
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>>;

    /// Reads rows and keeps a text of each, such as its key; a row without one is left out. For very
    /// many rows, of which a store need not hold more than a page at once.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        Box::pin(async move { Ok(self.select(select).await?.iter().filter_map(text).collect()) })
    }

    /// Reads rows that are found in a way that not every store has; `None`: this one has not.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn select_by(
        &self,
        select: Select,
        way: Way,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<Row>>, StoreError>> {
        drop((select, way));
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Counts the rows of the bag's scope that meet a predicate.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>>;

    /// The statements or searches that a selection would be sent as, for people to read. Values that are
    /// bound are shown as `?`. Empty for a store that is sent nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a database is asked for its columns.
    fn shown(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<String>, StoreError>> {
        drop(select);
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// How well this store can answer the predicate.
    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage;

    /// Checks that the store answers.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], or [`StoreError::Denied`] for wrong credentials.
    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>>;
}

/// Reading and writing access to a store.
pub trait Store: ReadStore {
    /// Applies the steps in order, all or none where the store can (SQL: one transaction).
    /// Returns one [`Report`] per step, empty for steps that report nothing.
    ///
    /// # Errors
    ///
    /// The first step's [`StoreError`] that failed.
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>>;

    /// True while a write of this process whose outcome is unknown is known to be under way still, so that what
    /// is read now does not tell what became of it.
    fn is_settling(&self) -> bool {
        false
    }

    /// What each of these steps would be sent as, for people to read, values as `?`. Nothing is carried out.
    /// Without statements a step is told in words.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a database is asked for its columns.
    fn shown_steps(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Vec<String>>, StoreError>> {
        let words = steps.iter().map(|step| vec![step.to_string()]).collect();
        Box::pin(std::future::ready(Ok(words)))
    }
}
