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
pub mod error;
#[cfg(feature = "ldap")]
pub mod ldap;
pub mod memory;
#[cfg(feature = "sql")]
pub mod sql;
pub mod value;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

pub use self::{
    error::StoreError,
    value::{Fold, Value},
};

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

/// A test of one row. Two-valued: a test of a field without value is false,
/// except [`Test::Absent`]; [`Predicate::Not`] turns that false into true.
///
/// A value is tested as it is read: of the field's declared kind if it can be, else as the store says. So `05`
/// in a text column declared as `Int` is the number 5, and starts with a 5. A text test ([`Test::Starts`] and
/// its like) is false of everything but texts and integers.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Predicate {
    /// Every row.
    #[default]
    True,
    /// No row.
    False,
    /// All of them hold.
    All(Vec<Predicate>),
    /// Any of them holds.
    Any(Vec<Predicate>),
    /// The inner one does not hold.
    Not(Box<Predicate>),
    /// Some value of the field passes the test.
    Field(FieldId, Test),
    /// Some row of another bag, hung on this row, meets a predicate.
    Exists(Box<Related>),
}

/// The rows of another bag that hang on a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Related {
    /// The other bag; its scope applies.
    pub bag: Arc<Bag>,
    /// Pairs of (field of the other bag, field of this row's bag) that must be equal.
    pub on: Vec<(FieldId, FieldId)>,
    /// What the row must meet.
    pub predicate: Predicate,
}

/// A test of a field's values.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There is a value.
    Present,
    /// There is none.
    Absent,
    /// Equal to any of these.
    OneOf(Vec<Value>, Fold),
    /// Ordered comparison.
    Order(Order, Value, Fold),
    /// Text starts with this.
    Starts(String, Fold),
    /// Text ends with this.
    Ends(String, Fold),
    /// Text contains this.
    Contains(String, Fold),
    /// All these bits of an integer are set.
    BitsSet(i64),
    /// None of these bits of an integer is set. True for a field without value is NOT implied.
    BitsClear(i64),
}

/// An ordered comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Order {
    Lt,
    Le,
    Gt,
    Ge,
}

impl Predicate {
    /// Conjunction; drops `True`, collapses on `False`, flattens.
    #[must_use]
    pub fn and(self, other: Predicate) -> Predicate {
        match (self, other) {
            (Self::True, p) | (p, Self::True) => p,
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::All(mut a), Self::All(b)) => {
                a.extend(b);
                Self::All(a)
            }
            (Self::All(mut a), p) => {
                a.push(p);
                Self::All(a)
            }
            (a, b) => Self::All(vec![a, b]),
        }
    }

    /// What a store can be asked instead of a predicate: the same, or without the conditions that it cannot
    /// answer at all. Every row that meets the predicate meets this, too.
    #[must_use]
    pub fn answerable(self, store: &dyn ReadStore, bag: &Bag) -> Predicate {
        if store.coverage(bag, &self) != Coverage::None {
            return self;
        }
        match self {
            Self::All(list) => list.into_iter().fold(Self::True, |all, p| all.and(p.answerable(store, bag))),
            _ => Self::True,
        }
    }

    /// The field equals the value.
    #[must_use]
    pub fn equals(field: FieldId, value: Value) -> Predicate {
        Self::Field(field, Test::OneOf(vec![value], Fold::Exact))
    }
}

/// How well a store can answer a predicate by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Not at all, or only by examining every row.
    None,
    /// It returns at least the matching rows.
    Superset,
    /// It returns exactly the matching rows.
    Exact,
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

/// What a field of a new or changed row shall hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// These values; none = NULL or absent.
    Values(Vec<Value>),
    /// The first value that an earlier step of the same list reported for a field of its own bag.
    From {
        /// Index of the step.
        step: usize,
        /// Field of that step's bag; it must be among the fields that step reports.
        field: FieldId,
    },
}

/// Which existing rows a step touches.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Rows of a table.
    Rows(Predicate),
    /// One LDAP entry, found at `dn`; `anchor` (the bag's key) tells whether it is still the same one.
    Entry {
        /// Where it was last seen.
        dn: String,
        /// Value of the bag's key field.
        anchor: Value,
    },
}

/// A change of one field of an existing row.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Replaces all values.
    Set(FieldId, Cell),
    /// Makes sure these values are present; those present already are no error. Not for columns, which
    /// hold one value or are set as a whole.
    Add(FieldId, Vec<Value>),
    /// Makes sure these values are absent; those absent already are no error. Not for columns.
    Remove(FieldId, Vec<Value>),
}

/// Rows as they were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The fields that must hold what they held.
    pub fields: Vec<FieldId>,
    /// The rows; fields that are not compared tell a store what it may rely on.
    pub rows: Vec<Row>,
    /// True if there may be other rows, too.
    pub others: bool,
    /// Fields that the service may write. A directory marks an entry as taken by writing one of them,
    /// with the values that it has already.
    pub writable: Vec<FieldId>,
}

impl Expected {
    /// True if the rows that are there are those that were read.
    #[must_use]
    pub fn is_met(&self, found: &[Row]) -> bool {
        let shown = |row: &Row| -> Vec<Vec<String>> {
            let values = self.fields.iter().map(|field| row.all(*field));
            let texts = values.map(|values| {
                let mut texts: Vec<String> = values.iter().map(Value::to_text).collect();
                texts.sort_unstable();
                texts
            });
            texts.collect()
        };
        let mut found: Vec<_> = found.iter().map(shown).collect();
        found.sort_unstable();
        let mut rows: Vec<_> = self.rows.iter().map(shown).collect();
        rows.sort_unstable();
        match self.others {
            true => rows.iter().all(|row| found.binary_search(row).is_ok()),
            false => rows == found,
        }
    }
}

/// One effect on the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Makes sure that rows are as they were read, and keeps others from changing the first of them until
    /// all steps are done; otherwise [`StoreError::PreconditionFailed`].
    Expect {
        /// Where.
        bag: Arc<Bag>,
        /// Which rows.
        target: Target,
        /// What they held.
        expected: Expected,
        /// SQL: locks the rows. The account must be allowed to change them.
        lock: bool,
    },
    /// Makes a new row or entry.
    Insert {
        /// Where.
        bag: Arc<Bag>,
        /// Its fields. LDAP: `dn` is required here; object classes come from the bag.
        cells: Vec<(FieldId, Cell)>,
        /// Fields to report afterwards: generated keys, anchors, versions.
        report: Vec<FieldId>,
        /// SQL: do nothing if a row with these same cells exists already (a bag of references is a set).
        unless_exists: bool,
    },
    /// Finds one row and reports fields of it, so that later steps can point at it.
    Find {
        /// Where.
        bag: Arc<Bag>,
        /// Which row; of several the first by key.
        predicate: Predicate,
        /// Fields to report.
        report: Vec<FieldId>,
        /// Cells of the row to insert if there is none; `None`: [`StoreError::NoSuchRow`].
        add: Option<Vec<(FieldId, Cell)>>,
    },
    /// Changes existing rows. No row matched: [`StoreError::NotFound`] if `required`.
    Update {
        /// Where.
        bag: Arc<Bag>,
        /// Which rows.
        target: Target,
        /// What; LDAP makes one modify of all of them.
        changes: Vec<Change>,
        /// True if at least one row must match.
        required: bool,
    },
    /// Removes existing rows.
    Delete {
        /// Where.
        bag: Arc<Bag>,
        /// Which rows.
        target: Target,
        /// True if at least one row must match.
        required: bool,
    },
    /// LDAP: gives an entry a new DN (rename or move).
    Rename {
        /// Where.
        bag: Arc<Bag>,
        /// Which entry.
        target: Target,
        /// Its new DN.
        dn: String,
    },
    /// LDAP: sets the password by the password-modify extended operation (RFC 3062).
    Password {
        /// Where.
        bag: Arc<Bag>,
        /// The DN, or the step that inserted the entry.
        target: Target,
        /// The new password.
        password: Secret,
    },
}

/// A password on its way to the store; never printed.
#[derive(Clone)]
pub struct Secret(pub secrecy::SecretString);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret as _;
        self.0.expose_secret() == other.0.expose_secret()
    }
}

/// What a step reported: one list of values per entry of its `report` list, in that order.
pub type Report = Vec<Vec<Value>>;

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
}

/// The values of a cell, looked up in the reports of earlier steps if need be.
fn cell_values(cell: &Cell, steps: &[Step], reports: &[Report]) -> Result<Vec<Value>, StoreError> {
    let (step, field) = match cell {
        Cell::Values(values) => return Ok(values.clone()),
        Cell::From { step, field } => (*step, *field),
    };
    let reported = match steps.get(step) {
        Some(Step::Insert { report, .. } | Step::Find { report, .. }) => report.as_slice(),
        _ => &[],
    };
    let place = reported.iter().position(|f| *f == field);
    let values = place.and_then(|place| reports.get(step)?.get(place));
    let values = values.ok_or_else(|| {
        StoreError::Unsupported(format!("step {step} does not report field {field}, or does not come first"))
    })?;
    Ok(values.first().cloned().into_iter().collect())
}

/// The test that a field holds just these values.
fn holds(field: FieldId, values: &[Value]) -> Predicate {
    match values {
        [] => Predicate::Field(field, Test::Absent),
        values => values.iter().fold(Predicate::True, |all, v| all.and(Predicate::equals(field, v.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows no ordering, and text only roughly.
    struct Rough;

    impl ReadStore for Rough {
        fn select(&self, _: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }

        fn count(&self, _: Arc<Bag>, _: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
            Box::pin(std::future::ready(Ok(0)))
        }

        #[expect(clippy::only_used_in_recursion, reason = "it knows nothing of fields")]
        fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
            match predicate {
                Predicate::Field(_, Test::Order(..)) => Coverage::None,
                Predicate::Field(_, Test::OneOf(_, Fold::Case)) => Coverage::Superset,
                Predicate::Not(inner) if self.coverage(bag, inner) != Coverage::Exact => Coverage::None,
                Predicate::All(list) | Predicate::Any(list) => {
                    list.iter().map(|p| self.coverage(bag, p)).min().unwrap_or(Coverage::Exact)
                }
                _ => Coverage::Exact,
            }
        }

        fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
            Box::pin(std::future::ready(Ok(String::new())))
        }
    }

    #[test]
    fn a_store_is_not_asked_what_it_cannot_answer() {
        let bag = Bag {
            name: String::new(),
            source: Source::Table(String::new()),
            fields: Vec::new(),
            key: Vec::new(),
            scope: Predicate::True,
        };
        let exact = Predicate::equals(0, "a".into());
        let rough = Predicate::Field(0, Test::OneOf(vec!["a".into()], Fold::Case));
        let never = Predicate::Field(0, Test::Order(Order::Lt, "a".into(), Fold::Exact));
        let not = |p: &Predicate| Predicate::Not(Box::new(p.clone()));
        let all = |list: &[&Predicate]| Predicate::All(list.iter().map(|p| (*p).clone()).collect());
        let cases = [
            (exact.clone(), exact.clone()),
            (rough.clone(), rough.clone()),
            // The complement of a superset would lose rows.
            (not(&rough), Predicate::True),
            (not(&exact), not(&exact)),
            (all(&[&never, &exact, &not(&rough)]), exact.clone()),
            (Predicate::Any(vec![never, exact]), Predicate::True),
        ];
        for (asked, expect) in cases {
            assert_eq!(asked.clone().answerable(&Rough, &bag), expect, "{asked:?}");
        }
    }
}
