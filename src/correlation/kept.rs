//! An index over the sidecars, so that a filter on what only our own database
//! keeps is a look-up. It is written with the rows, in the same transaction.
//!
//! Values are indexed without case and cut: what is found here is a superset,
//! which the caller compares again.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde_json::Value as Json;

use crate::correlation::{
    CorrelationError, Row,
    connection::Conn,
    query::Scope,
    schema::{kept, resource},
};

/// Characters of a value that are indexed.
const WIDTH: usize = 200;

/// Rows of the index in one statement.
const CHUNK: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Insertable, Queryable, Selectable)]
#[diesel(table_name = kept)]
struct Kept {
    tenant: String,
    resource_type: String,
    path: String,
    value: String,
    id: String,
}

/// Writes the index of rows anew.
pub(super) fn write<'r>(
    conn: &mut Conn,
    scope: &Scope,
    rows: impl Iterator<Item = &'r Row>,
) -> Result<(), CorrelationError> {
    let mut new = Vec::new();
    for row in rows {
        remove(conn, &scope.tenant, &row.id)?;
        if let Some(sidecar) = row.sidecar.as_deref().filter(|_| row.deleted_at.is_none()) {
            new.extend(entries(&scope.tenant, &row.resource_type, &row.id, sidecar));
        }
    }
    insert(conn, &new)
}

/// Removes a row's index.
pub(super) fn remove(conn: &mut Conn, tenant: &str, id: &str) -> Result<(), CorrelationError> {
    let target = kept::table.filter(kept::tenant.eq(tenant)).filter(kept::id.eq(id));
    diesel::delete(target).execute(conn)?;
    Ok(())
}

/// Ids of rows that may keep this value.
pub(super) fn find(
    conn: &mut Conn,
    scope: &Scope,
    path: &str,
    value: &str,
) -> Result<Vec<String>, CorrelationError> {
    Ok(kept::table
        .filter(kept::tenant.eq(&scope.tenant))
        .filter(kept::resource_type.eq(&scope.resource_type))
        .filter(kept::path.eq(path.to_lowercase()))
        .filter(kept::value.eq(folded(value)))
        .select(kept::id)
        .load(conn)?)
}

/// Indexes what was kept before there was an index.
pub(super) fn fill(conn: &mut Conn) -> Result<(), CorrelationError> {
    let is_filled = kept::table.select(kept::id).first::<String>(conn).optional()?.is_some();
    if is_filled {
        return Ok(());
    }
    let rows: Vec<(String, String, String, Option<String>)> = resource::table
        .filter(resource::sidecar.is_not_null())
        .filter(resource::deleted_at.is_null())
        .select((resource::tenant, resource::resource_type, resource::id, resource::sidecar))
        .load(conn)?;
    let new: Vec<Kept> = rows
        .iter()
        .flat_map(|(tenant, ty, id, sidecar)| entries(tenant, ty, id, sidecar.as_deref().unwrap_or_default()))
        .collect();
    insert(conn, &new)
}

/// Those of some rows whose index is not what it ought to be.
pub(super) fn wrong<'r>(
    conn: &mut Conn,
    tenant: &str,
    rows: &[&'r Row],
) -> Result<Vec<&'r Row>, CorrelationError> {
    let mut there: HashMap<String, HashSet<Kept>> = HashMap::new();
    for part in rows.chunks(CHUNK) {
        let ids: Vec<&str> = part.iter().map(|row| row.id.as_str()).collect();
        let found: Vec<Kept> = kept::table
            .filter(kept::tenant.eq(tenant))
            .filter(kept::id.eq_any(ids))
            .select(Kept::as_select())
            .load(conn)?;
        for kept in found {
            there.entry(kept.id.clone()).or_default().insert(kept);
        }
    }
    let is_wrong = |row: &&Row| {
        let sidecar = row.sidecar.as_deref().filter(|_| row.deleted_at.is_none());
        let ought: HashSet<Kept> = sidecar
            .map(|sidecar| entries(tenant, &row.resource_type, &row.id, sidecar))
            .unwrap_or_default()
            .into_iter()
            .collect();
        there.get(&row.id).map_or(!ought.is_empty(), |found| *found != ought)
    };
    Ok(rows.iter().copied().filter(is_wrong).collect())
}

fn insert(conn: &mut Conn, new: &[Kept]) -> Result<(), CorrelationError> {
    for rows in new.chunks(CHUNK) {
        match conn {
            #[cfg(feature = "postgres")]
            Conn::Postgres(conn) => {
                diesel::insert_into(kept::table).values(rows).on_conflict_do_nothing().execute(conn)?;
            }
            Conn::Sqlite(conn) => {
                for row in rows {
                    diesel::insert_into(kept::table).values(row).on_conflict_do_nothing().execute(conn)?;
                }
            }
        }
    }
    Ok(())
}

fn entries(tenant: &str, resource_type: &str, id: &str, sidecar: &str) -> Vec<Kept> {
    let mut values = Vec::new();
    collect("", &serde_json::from_str(sidecar).unwrap_or_default(), &mut values);
    values.sort();
    values.dedup();
    let entry = |(path, value)| Kept {
        tenant: tenant.to_owned(),
        resource_type: resource_type.to_owned(),
        path,
        value,
        id: id.to_owned(),
    };
    values.into_iter().map(entry).collect()
}

/// The simple values below a path. Behind the URN of an extension comes a colon, behind an attribute a dot.
fn collect(path: &str, json: &Json, out: &mut Vec<(String, String)>) {
    match json {
        Json::Object(object) => {
            for (name, inner) in object {
                let joint = match path {
                    "" => "",
                    urn if urn.starts_with("urn:") && !urn.contains('\u{1f}') => "\u{1f}",
                    _ => ".",
                };
                collect(&format!("{path}{joint}{}", name.to_lowercase()), inner, out);
            }
        }
        Json::Array(list) => list.iter().for_each(|inner| collect(path, inner, out)),
        Json::String(text) => out.push((path.replace('\u{1f}', ":"), folded(text))),
        Json::Null => {}
        other => out.push((path.replace('\u{1f}', ":"), other.to_string())),
    }
}

/// A text without case (Unicode simple folding), cut.
fn folded(text: &str) -> String {
    let mapper = icu_casemap::CaseMapper::new();
    text.chars().take(WIDTH).map(|c| mapper.simple_fold(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_simple_value_has_its_path() {
        let sidecar = r#"{
            "nickName": "Ännie", "emails": [{ "value": "A@x", "type": "home" }, { "value": "b@x" }],
            "name": { "honorificPrefix": "Dr." }, "urn:Ex:1.0:Staff": { "desk": 7, "boss": { "value": "x" } }
        }"#;
        let mut values = Vec::new();
        collect("", &serde_json::from_str(sidecar).unwrap(), &mut values);
        values.sort();
        let expect = [
            ("emails.type", "home"),
            ("emails.value", "a@x"),
            ("emails.value", "b@x"),
            ("name.honorificprefix", "dr."),
            ("nickname", "ännie"),
            ("urn:ex:1.0:staff:boss.value", "x"),
            ("urn:ex:1.0:staff:desk", "7"),
        ];
        assert_eq!(values, expect.map(|(p, v)| (p.to_owned(), v.to_owned())));
    }
}
