//! Giving ids to resources that have none yet.
//!
//! Others may insert the same anchors at the same time (another request,
//! another replica), so nothing is decided on what was read before: rows are
//! inserted where id and anchor are free, and then read back.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::correlation::{
    CorrelationError, NewRow, Row,
    connection::Conn,
    id::minted_id,
    kept,
    model::{StoredRow, to_micros},
    query::{self, By, Scope},
    worker::Written,
};

/// What happens if the id of a new resource was given out before and its owner
/// was deleted, the anchor being the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buried {
    /// It is the same resource: the entry was restored, or came back into scope. Its row lives again.
    Revive,
    /// It is another resource, since the store uses anchors again (a login as key). It gets a
    /// minted id, because an id is never used twice (RFC 7643 §3.1).
    Mint,
    /// The deleted row is returned as it is.
    Report,
}

/// Inserts what is missing. Returns one row for each new one, in the same order.
pub(super) fn insert_missing(
    conn: &mut Conn,
    scope: &Scope,
    new: &[NewRow],
    buried: Buried,
) -> Result<Written<Vec<Arc<Row>>>, CorrelationError> {
    let mut missing = HashSet::new();
    let first_of_each: Vec<&NewRow> = new.iter().filter(|n| missing.insert(n.anchor.as_str())).collect();
    let stored: Vec<StoredRow> =
        first_of_each.iter().map(|n| StoredRow::new(scope, n.id.clone(), n)).collect();
    query::insert(conn, &stored)?;

    let mut rows = find_by_anchors(conn, scope, first_of_each.iter().map(|n| &n.anchor))?;
    let mut again = Vec::new();
    for new in first_of_each {
        if !rows.contains_key(&new.anchor) {
            match unearth(conn, scope, new, buried)? {
                Some(row) => drop(rows.insert(new.anchor.clone(), Arc::new(row))),
                None => again.push(&new.anchor),
            }
        }
    }
    if !again.is_empty() {
        rows.extend(find_by_anchors(conn, scope, again.into_iter())?);
    }

    let answer: Option<Vec<Arc<Row>>> = new.iter().map(|n| rows.get(&n.anchor).cloned()).collect();
    let answer = answer.ok_or_else(|| CorrelationError::Unavailable("a row vanished".to_owned()))?;
    // What is new, or came back to life.
    kept::write(conn, scope, rows.values().filter(|row| row.sidecar.is_some()).map(|row| &**row))?;
    let living = rows.into_values().filter(|row| row.deleted_at.is_none()).collect();
    Ok((answer, living))
}

/// True if the row was made of this, and not of what somebody else saw.
pub(super) fn is_of(row: &Row, new: &NewRow) -> bool {
    to_micros(row.created) == to_micros(new.created)
        && (&row.external_id, &row.sidecar) == (&new.external_id, &new.sidecar)
}

fn find_by_anchors<'a>(
    conn: &mut Conn,
    scope: &Scope,
    anchors: impl Iterator<Item = &'a String>,
) -> Result<HashMap<String, Arc<Row>>, CorrelationError> {
    let anchors: Vec<String> = anchors.cloned().collect();
    let rows = query::find(conn, scope, By::Anchor, &anchors)?;
    Ok(rows.into_iter().map(|row| (row.anchor.clone(), Arc::new(row))).collect())
}

/// Deals with a row that was not inserted although its anchor is free: its id is not.
/// `None` means that the anchor has a living row now, under an id of its own.
fn unearth(
    conn: &mut Conn,
    scope: &Scope,
    new: &NewRow,
    buried: Buried,
) -> Result<Option<Row>, CorrelationError> {
    let Some(owner) = query::find_any(conn, &scope.tenant, &new.id)? else { return Ok(None) };
    let is_same = owner.anchor == new.anchor && owner.resource_type == scope.resource_type;
    match (is_same, buried) {
        // Another replica brought it back in this very moment.
        (true, _) if owner.deleted_at.is_none() => Ok(None),
        (true, Buried::Report) => Ok(Some(owner)),
        (true, Buried::Revive) => {
            query::revive(conn, scope, &new.id, &new.locator)?;
            Ok(None)
        }
        // Another anchor's: the id is made of one that its owner had, and gave away.
        (true, Buried::Mint) | (false, _) => {
            query::insert(conn, &[StoredRow::new(scope, minted_id(), new)])?;
            Ok(None)
        }
    }
}
