//! Rows from elsewhere: an export, or another database.
//!
//! What a resource is (its type, anchor, id, and whether it lives) must agree with what is there. What
//! nobody but us knows of it fills the places that are empty, since a row that was made by looking at the
//! store has nothing of it; where both have something, it must be the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;

use super::Bulk;
use crate::correlation::{
    CorrelationError, Row,
    connection::Conn,
    kept,
    model::{StoredRow, to_micros},
    query::{self, By},
    schema::resource,
};

/// Ids in one statement.
const CHUNK: usize = 1000;

/// What happens to a row that contradicts what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradictions {
    /// Nothing of its batch is written.
    Refuse,
    /// What is there stays.
    Keep,
}

/// What became of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Rows that were not there.
    pub added: u64,
    /// Rows that lacked something.
    pub filled: u64,
    /// Rows that were there as they are.
    pub same: u64,
    /// Rows that contradict, and were left out.
    pub kept: u64,
}

impl std::ops::AddAssign for Restored {
    fn add_assign(&mut self, more: Self) {
        self.added += more.added;
        self.filled += more.filled;
        self.same += more.same;
        self.kept += more.kept;
    }
}

/// Why rows were not taken.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A row contradicts what is there.
    #[error("{what}")]
    Contradiction {
        /// Which of the batch, from 0.
        index: usize,
        /// What is expected, and what is there.
        what: String,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] CorrelationError),
}

/// What a row is to what is there.
enum Fate {
    Add,
    Fill(Box<Row>),
    Same,
    Contradicts(String),
}

impl Bulk {
    /// Takes a batch of rows in, all or none.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]; nothing of the batch is written then.
    pub fn restore(&mut self, rows: &[Row], if_not: Contradictions) -> Result<Restored, RestoreError> {
        let tenant = self.tenant.clone();
        let mut refused = None;
        let done = self.conn.write(|conn| {
            let mut there = There::read(conn, &tenant, rows)?;
            let (mut done, mut add, mut fill) = (Restored::default(), Vec::new(), Vec::new());
            for (index, row) in rows.iter().enumerate() {
                match there.fate(row) {
                    Fate::Add => {
                        there.note(row);
                        add.push(row.clone());
                    }
                    Fate::Fill(row) => fill.push(*row),
                    Fate::Same => done.same += 1,
                    Fate::Contradicts(_) if if_not == Contradictions::Keep => done.kept += 1,
                    Fate::Contradicts(what) => {
                        // Nothing has been written yet.
                        refused = Some(RestoreError::Contradiction { index, what });
                        return Ok(Restored::default());
                    }
                }
            }
            write(conn, &tenant, &add, &fill)?;
            (done.added, done.filled) = (add.len() as u64, fill.len() as u64);
            Ok(done)
        });
        match refused {
            Some(refused) => Err(refused),
            None => Ok(done?),
        }
    }
}

/// Rows that may have to do with a batch.
struct There {
    by_id: HashMap<String, Row>,
    /// Type and anchor to id, of rows that live.
    by_anchor: HashMap<(String, String), String>,
}

impl There {
    fn read(conn: &mut Conn, tenant: &str, rows: &[Row]) -> Result<Self, CorrelationError> {
        let mut there = Self { by_id: HashMap::new(), by_anchor: HashMap::new() };
        let mut anchors: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for part in rows.chunks(CHUNK) {
            let ids = part.iter().map(|row| row.id.as_str());
            let found: Vec<StoredRow> = resource::table
                .filter(resource::tenant.eq(tenant))
                .filter(resource::id.eq_any(ids))
                .select(StoredRow::as_select())
                .load(conn)?;
            found.into_iter().for_each(|row| there.note(&row.into()));
        }
        for row in rows.iter().filter(|row| row.deleted_at.is_none()) {
            anchors.entry(&row.resource_type).or_default().push(row.anchor.clone());
        }
        for (resource_type, anchors) in anchors {
            let scope = query::Scope { tenant: tenant.to_owned(), resource_type: resource_type.to_owned() };
            for row in query::find(conn, &scope, By::Anchor, &anchors)? {
                there.note(&row);
            }
        }
        Ok(there)
    }

    fn note(&mut self, row: &Row) {
        if row.deleted_at.is_none() {
            self.by_anchor.insert((row.resource_type.clone(), row.anchor.clone()), row.id.clone());
        }
        self.by_id.insert(row.id.clone(), row.clone());
    }

    fn fate(&self, row: &Row) -> Fate {
        let Some(there) = self.by_id.get(&row.id) else {
            let anchor = (row.resource_type.clone(), row.anchor.clone());
            return match self.by_anchor.get(&anchor).filter(|_| row.deleted_at.is_none()) {
                Some(other) => Fate::Contradicts(format!(
                    "expected the anchor `{}` without an id, or with the id {}; in the database it has {other}",
                    row.anchor, row.id
                )),
                None => Fate::Add,
            };
        };
        if (&there.resource_type, &there.anchor) != (&row.resource_type, &row.anchor) {
            return Fate::Contradicts(format!(
                "expected the id {} for the {} with the anchor `{}`; in the database it is of the {} with `{}`",
                row.id, row.resource_type, row.anchor, there.resource_type, there.anchor
            ));
        }
        match (row.deleted_at.is_some(), there.deleted_at.is_some()) {
            (true, true) => Fate::Same,
            (true, false) => {
                Fate::Contradicts(format!("{} is deleted here, and lives in the database", row.id))
            }
            (false, true) => {
                Fate::Contradicts(format!("{} lives here, and is deleted in the database", row.id))
            }
            (false, false) => merge(row, there),
        }
    }
}

/// A living row that is there, with what it lacks.
fn merge(row: &Row, there: &Row) -> Fate {
    let mut filled = there.clone();
    let contradicts =
        |what: &str| Fate::Contradicts(format!("{} has another {what} in the database", row.id));
    match (&row.external_id, &there.external_id) {
        (Some(new), None) => filled.external_id = Some(new.clone()),
        (Some(new), Some(old)) if new != old => return contradicts("externalId"),
        _ => {}
    }
    match (&row.sidecar, &there.sidecar) {
        (Some(new), Some(old)) if new != old && !is_noted_only(old) => {
            return contradicts("content of its sidecar");
        }
        (Some(new), _) => filled.sidecar = Some(new.clone()),
        (None, _) => {}
    }
    if row.created < there.created {
        filled.created = row.created;
        // It was not changed since we saw it first.
        if there.last_modified <= there.created {
            filled.last_modified = row.last_modified;
        }
    }
    if filled == *there { Fate::Same } else { Fate::Fill(Box::new(filled)) }
}

/// True if a sidecar holds nothing but what is noted of a resource when it is seen for the first time.
fn is_noted_only(sidecar: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(sidecar)
        .is_ok_and(|object| object.keys().all(|key| key == "@parts"))
}

fn write(conn: &mut Conn, tenant: &str, add: &[Row], fill: &[Row]) -> Result<(), CorrelationError> {
    let stored: Vec<StoredRow> = add.iter().map(|row| StoredRow::of(tenant, row)).collect();
    let ids: HashSet<&str> = add.iter().map(|row| row.id.as_str()).collect();
    if query::insert(conn, &stored)? != ids.len() {
        return Err(CorrelationError::Unavailable(
            "somebody else added the same rows; run it again".to_owned(),
        ));
    }
    for row in fill {
        diesel::update(resource::table.find((tenant, &row.id)))
            .set((
                resource::external_id.eq(&row.external_id),
                resource::sidecar.eq(&row.sidecar),
                resource::created.eq(to_micros(row.created)),
                resource::last_modified.eq(to_micros(row.last_modified)),
            ))
            .execute(conn)?;
    }
    let scope = query::Scope { tenant: tenant.to_owned(), resource_type: String::new() };
    let indexed = add.iter().chain(fill).filter(|row| row.sidecar.is_some());
    kept::write(conn, &scope, indexed)
}
