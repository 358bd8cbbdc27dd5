//! Effects on a store.

use std::{fmt, sync::Arc};

use crate::store::{Bag, FieldId, Predicate, Row, StoreError, Value};

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
    /// These values come in if the store does not let the field be without any. Stands behind the changes that
    /// take values away. Not for columns.
    Floor(FieldId, Vec<Value>),
    /// The second value comes in place of the first one if that is still there; else nothing happens. Not for columns.
    Exchange(FieldId, Value, Value),
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
    /// SQL: makes a row that is there, but not ours (closed, marked as deleted), ours again; if there is
    /// none, makes a new one.
    Reopen {
        /// Where. Its scope tells which rows are ours.
        bag: Arc<Bag>,
        /// The fields whose values in `cells` identify the row.
        key: Vec<FieldId>,
        /// The cells of a new row.
        cells: Vec<(FieldId, Cell)>,
        /// What a row that is there gets instead.
        changes: Vec<(FieldId, Cell)>,
        /// Fields to report afterwards.
        report: Vec<FieldId>,
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
    /// SQL: makes a copy of one row, with every column of its table, and other values in some fields.
    Copy {
        /// Where.
        bag: Arc<Bag>,
        /// Which row.
        target: Target,
        /// What the copy holds instead.
        cells: Vec<(FieldId, Cell)>,
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
    /// SQL: copies whole rows, with the columns that nobody has named, into a table that has them all.
    Archive {
        /// Where.
        bag: Arc<Bag>,
        /// Which rows; at least one must match.
        target: Target,
        /// Name of the other table.
        into: String,
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
    /// LDAP: sets the password.
    Password {
        /// Where.
        bag: Arc<Bag>,
        /// The DN, or the step that inserted the entry.
        target: Target,
        /// The new password.
        password: Secret,
        /// How the directory is told.
        channel: Channel,
    },
}

impl Step {
    /// The bag it is about.
    #[must_use]
    pub fn bag(&self) -> &Arc<Bag> {
        match self {
            Self::Expect { bag, .. }
            | Self::Insert { bag, .. }
            | Self::Reopen { bag, .. }
            | Self::Find { bag, .. }
            | Self::Copy { bag, .. }
            | Self::Update { bag, .. }
            | Self::Delete { bag, .. }
            | Self::Archive { bag, .. }
            | Self::Rename { bag, .. }
            | Self::Password { bag, .. } => bag,
        }
    }

    /// The cells that it writes.
    pub fn cells_mut<'s>(&'s mut self) -> Vec<&'s mut Cell> {
        match self {
            Self::Insert { cells, .. } | Self::Copy { cells, .. } | Self::Find { add: Some(cells), .. } => {
                cells.iter_mut().map(|(_, cell)| cell).collect()
            }
            Self::Reopen { cells, changes, .. } => {
                cells.iter_mut().chain(changes).map(|(_, cell)| cell).collect()
            }
            Self::Update { changes, .. } => {
                let set = |change: &'s mut Change| match change {
                    Change::Set(_, cell) => Some(cell),
                    Change::Add(..) | Change::Remove(..) | Change::Floor(..) | Change::Exchange(..) => None,
                };
                changes.iter_mut().filter_map(set).collect()
            }
            Self::Expect { .. }
            | Self::Find { add: None, .. }
            | Self::Delete { .. }
            | Self::Archive { .. }
            | Self::Rename { .. }
            | Self::Password { .. } => Vec::new(),
        }
    }
}

/// One line: what happens where, with field names and without values.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |cells: &[(FieldId, Cell)], bag: &Bag| {
            cells.iter().map(|(field, _)| bag.field_name(*field).to_owned()).collect::<Vec<_>>().join(", ")
        };
        match self {
            Step::Expect { bag, target, .. } => {
                write!(f, "expect {}{} as it was read", bag.name, one(target))
            }
            Step::Insert { bag, cells, .. } => write!(f, "insert into {}: {}", bag.name, named(cells, bag)),
            Step::Copy { bag, target, cells } => {
                write!(f, "copy {}{} with another {}", bag.name, one(target), named(cells, bag))
            }
            Step::Archive { bag, target, into } => {
                write!(f, "copy {}{} into {into}", bag.name, one(target))
            }
            Step::Reopen { bag, cells, .. } => {
                write!(f, "reopen a row of {}, or insert: {}", bag.name, named(cells, bag))
            }
            Step::Find { bag, add, .. } => {
                write!(f, "find {} of {}", if add.is_some() { "or add a row" } else { "a row" }, bag.name)
            }
            Step::Update { bag, target, changes, .. } => {
                write!(f, "update {}{}:", bag.name, one(target))?;
                for change in changes {
                    let (verb, field) = match change {
                        Change::Set(field, _) => ("set", field),
                        Change::Add(field, _) => ("add to", field),
                        Change::Remove(field, _) => ("remove from", field),
                        Change::Floor(field, _) => ("keep something in", field),
                        Change::Exchange(field, ..) => ("exchange a value of", field),
                    };
                    write!(f, " {verb} {};", bag.field_name(*field))?;
                }
                Ok(())
            }
            Step::Delete { bag, target, .. } => write!(f, "delete from {}{}", bag.name, one(target)),
            Step::Rename { bag, .. } => write!(f, "rename an entry of {}", bag.name),
            Step::Password { bag, .. } => write!(f, "set the password of an entry of {}", bag.name),
        }
    }
}

fn one(target: &Target) -> &'static str {
    match target {
        Target::Rows(_) => "",
        Target::Entry { .. } => " (one entry)",
    }
}

/// How a directory is told a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By the password-modify extended operation (RFC 3062).
    Exop,
    /// Active Directory's `unicodePwd`: in quotes, in UTF-16, and over TLS only (MS-ADTS §3.1.1.3.1.5). That of
    /// a new entry comes with the entry.
    UnicodePwd,
}

/// What is shown in place of a password.
pub const HIDDEN: &str = "<secret>";

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

/// The values of a cell, looked up in the reports of earlier steps if need be.
pub(super) fn cell_values(cell: &Cell, steps: &[Step], reports: &[Report]) -> Result<Vec<Value>, StoreError> {
    let (step, field) = match cell {
        Cell::Values(values) => return Ok(values.clone()),
        Cell::From { step, field } => (*step, *field),
    };
    let reported = match steps.get(step) {
        Some(Step::Insert { report, .. } | Step::Reopen { report, .. } | Step::Find { report, .. }) => {
            report.as_slice()
        }
        _ => &[],
    };
    let place = reported.iter().position(|f| *f == field);
    let values = place.and_then(|place| reports.get(step)?.get(place));
    let values = values.ok_or_else(|| {
        StoreError::Unsupported(format!("step {step} does not report field {field}, or does not come first"))
    })?;
    Ok(values.first().cloned().into_iter().collect())
}

/// The rows that [`Step::Reopen`] takes: of that key, and not ours.
pub(super) fn reopenable(bag: &Bag, key: &[FieldId], cells: &[(FieldId, Vec<Value>)]) -> Predicate {
    let given =
        |field: &FieldId| cells.iter().find(|(f, _)| f == field).map_or(&[][..], |(_, v)| v.as_slice());
    let keyed = key.iter().fold(Predicate::True, |all, field| all.and(super::holds(*field, given(field))));
    match (&keyed, &bag.scope) {
        // Without a key nothing is the same row; without a scope every row is ours.
        (Predicate::True, _) | (_, Predicate::True) => Predicate::False,
        (_, scope) => keyed.and(Predicate::Not(Box::new(scope.clone()))),
    }
}
