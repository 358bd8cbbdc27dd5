//! Which of several rows of a part is the one (`remember`): its key is kept in our own database, so that
//! a sibling that others add or change never takes its place.

use serde_json::json;

use crate::{
    gateway::{
        Gateway,
        identity::{failed, side},
    },
    mapping::{TypeMapping, lens::face::Reads, record::Record, shape::Part},
    scim::{Json, Object, error::ScimError},
    store::{Row, Value},
};

/// Where the keys lie among what our own database keeps of a resource. No attribute is called so.
const PLACE: &str = "@parts";

impl Gateway {
    /// What is remembered of the rows of these records; empty where a mapping remembers nothing.
    pub(super) async fn remembered(
        &self,
        mapping: &TypeMapping,
        records: &[Record],
    ) -> Result<Vec<Object>, ScimError> {
        if !mapping.shape.parts.iter().any(|part| part.remember) {
            return Ok(Vec::new());
        }
        let name = &mapping.resource_type.name;
        let anchors: Vec<Option<String>> = records.iter().map(|record| mapping.anchor_of(record)).collect();
        let known: Vec<String> = anchors.iter().flatten().cloned().collect();
        let rows = self.correlation.find_by_anchors(name, &known).await.map_err(|e| failed(&e))?;
        let of = |anchor: &Option<String>| {
            let row = rows.iter().find(|row| Some(&row.anchor) == anchor.as_ref())?;
            side(row).remove(PLACE)?.as_object().cloned()
        };
        Ok(anchors.iter().map(|anchor| of(anchor).unwrap_or_default()).collect())
    }
}

/// Adds the parts whose rows are remembered to what is read.
pub(super) fn with_remembered(mapping: &TypeMapping, mut reads: Reads) -> Reads {
    for (id, _) in mapping.shape.parts.iter().enumerate().filter(|(_, part)| part.remember) {
        reads.part(&mapping.shape, id);
    }
    reads
}

/// True if a row may be the one.
pub(super) fn is_chosen(layout: &Part, remembered: Option<&Object>, row: &Row) -> bool {
    match remembered.and_then(|parts| parts.get(&layout.name)).filter(|_| layout.remember) {
        Some(key) => Some(key) == key_of(layout, row).as_ref(),
        None => true,
    }
}

/// Notes which rows a record has. Where there was one and is none, none may take its place either.
pub(super) fn note(mapping: &TypeMapping, record: &Record, side: &mut Object) {
    let mut parts = side.get(PLACE).and_then(Json::as_object).cloned().unwrap_or_default();
    for (id, layout) in mapping.shape.parts.iter().enumerate().filter(|(_, part)| part.remember) {
        let row = record.rows(id).iter().find(|draft| !draft.removed);
        match row.map(|draft| key_of(layout, &draft.now)) {
            Some(Some(key)) => {
                parts.insert(layout.name.clone(), key);
            }
            // A key that the database makes is seen when the row is read.
            Some(None) => {}
            None if !record.rows(id).is_empty() || parts.contains_key(&layout.name) => {
                parts.insert(layout.name.clone(), json!([]));
            }
            None => {}
        }
    }
    if !parts.is_empty() {
        side.insert(PLACE.to_owned(), Json::Object(parts));
    }
}

fn key_of(layout: &Part, row: &Row) -> Option<Json> {
    let texts: Option<Vec<String>> =
        layout.bag.key.iter().map(|field| row.first(*field).map(Value::to_text)).collect();
    texts.map(|texts| json!(texts))
}
