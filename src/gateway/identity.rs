//! Ids: every record that is shown has a row in the correlation database; one
//! that is seen for the first time gets it in the same request, in one batch.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    correlation::{Buried, CorrelationError, NewRow, Row},
    gateway::{
        Gateway, TypeId,
        survey::{noted, roots},
    },
    mapping::{Ids, TypeMapping, record::Record},
    scim::{Object, error::ScimError},
    store::{self, Value},
};

/// A record and what we know of it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its rows.
    pub(super) record: Record,
    /// Its id, client id and sidecar.
    pub(super) row: Arc<Row>,
}

pub(super) fn failed(error: &CorrelationError) -> ScimError {
    tracing::error!(error = %error, "the correlation database does not answer");
    ScimError::unavailable("The service's own database cannot be reached; try again later.", 30)
}

impl TypeMapping {
    /// Where a root row was seen: its DN, else its key.
    pub(super) fn locator(&self, record: &Record) -> String {
        record.row(0, 0).map(|draft| self.locator_of(&draft.now)).unwrap_or_default()
    }

    /// As [`locator`](Self::locator), of the row itself.
    pub(super) fn locator_of(&self, row: &store::Row) -> String {
        let dn = self.find_root("dn").filter(|_| self.is_ldap());
        let dn = dn.and_then(|f| row.first(f)).map(Value::to_text);
        dn.or_else(|| self.anchor(row)).unwrap_or_default()
    }

    /// The anchor of a record.
    pub(super) fn anchor_of(&self, record: &Record) -> Option<String> {
        record.row(0, 0).and_then(|d| self.anchor(d.was.as_ref().unwrap_or(&d.now)))
    }

    /// What it means if a resource turns up under an anchor whose owner was deleted: an entry's
    /// UUID is never given out twice, so it was restored; a table's key may be used again.
    pub(super) fn buried(&self) -> Buried {
        if self.is_ldap() { Buried::Revive } else { Buried::Mint }
    }

    /// The SCIM id of a new anchor.
    pub(super) fn new_id(&self, tenant: &str, anchor: &str) -> String {
        match self.ids {
            Ids::Derived => crate::correlation::derived_id(tenant, &self.resource_type.name, anchor),
            Ids::Minted => crate::correlation::minted_id(),
        }
    }
}

impl Gateway {
    /// Correlates records, in their order; one without an anchor is left out.
    pub(super) async fn correlate(&self, ty: TypeId, records: Vec<Record>) -> Result<Vec<Known>, ScimError> {
        let mapping = self.ty(ty)?;
        let name = &mapping.resource_type.name;
        let anchors: Vec<String> = records.iter().filter_map(|r| mapping.anchor_of(r)).collect();
        let found = self.correlation.find_by_anchors(name, &anchors).await.map_err(|e| failed(&e))?;
        let mut rows: HashMap<String, Arc<Row>> = found.into_iter().map(|r| (r.anchor.clone(), r)).collect();
        let unknown =
            anchors.iter().filter(|anchor| !rows.contains_key(*anchor)).cloned().collect::<Vec<_>>();
        for anchor in unknown {
            if let Some(row) = self.under_another_key(ty, &anchor).await? {
                rows.insert(anchor, row);
            }
        }
        let now = crate::ops::clock::now();
        let missing: Vec<NewRow> = records
            .iter()
            .filter_map(|record| {
                let anchor = mapping.anchor_of(record).filter(|a| !rows.contains_key(a))?;
                let id = mapping.new_id(self.correlation.tenant(), &anchor);
                let mut row = NewRow::new(id, anchor, mapping.locator(record), now);
                row.sidecar = noted(mapping, record);
                Some(row)
            })
            .collect();
        if !missing.is_empty() {
            let insert = async |rows, buried| {
                self.correlation.insert_missing(name, rows, buried).await.map_err(|e| failed(&e))
            };
            let new = insert(missing.clone(), Buried::Report).await?;
            let (buried, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|row| row.deleted_at.is_some());
            rows.extend(new.into_iter().map(|r| (r.anchor.clone(), r)));
            let back = self.still_there(ty, &buried).await?;
            let back: Vec<NewRow> = missing.into_iter().filter(|new| back.contains(&new.anchor)).collect();
            if !back.is_empty() {
                let new = insert(back, mapping.buried()).await?;
                rows.extend(new.into_iter().map(|r| (r.anchor.clone(), r)));
            }
        }
        let known = records.into_iter().filter_map(|record| {
            let row = rows.get(&mapping.anchor_of(&record)?)?.clone();
            Some(Known { record, row })
        });
        Ok(known.collect())
    }

    /// The row of a resource that was read with a key which changes just now: the new one before our own database has it,
    /// or the old one before the store lost it. It is nobody new.
    async fn under_another_key(&self, ty: TypeId, key: &str) -> Result<Option<Arc<Row>>, ScimError> {
        let is_there = async |key: &str| {
            let mapping = self.ty(ty)?;
            let there = mapping.anchor_predicate(std::iter::once(key));
            Ok::<_, ScimError>(!self.load(ty, there, &roots(mapping), Some(1)).await?.is_empty())
        };
        if let Some(id) = self.journal.becoming(ty, key) {
            let Some(row) = self.find_id(ty, &id).await? else { return Ok(None) };
            // As long as it has the other one, this one is somebody else's.
            return Ok((!is_there(&row.anchor).await?).then_some(row));
        }
        let Some(id) = self.journal.had(ty, key) else { return Ok(None) };
        // Somebody else may have been given it since.
        match is_there(key).await? {
            true => Ok(None),
            false => self.find_id(ty, &id).await,
        }
    }

    /// Anchors of rows that were deleted and whose resources the store has. What was read before may have been
    /// deleted since, by the request that left the row: only what is read now has come back.
    async fn still_there(&self, ty: TypeId, buried: &[Arc<Row>]) -> Result<HashSet<String>, ScimError> {
        if buried.is_empty() {
            return Ok(HashSet::new());
        }
        let mapping = self.ty(ty)?;
        let predicate = mapping.anchor_predicate(buried.iter().map(|row| row.anchor.as_str()));
        let found = self.load(ty, predicate, &roots(mapping), None).await?;
        Ok(found.iter().filter_map(|record| mapping.anchor_of(record)).collect())
    }

    /// The correlation row of a live resource.
    pub(super) async fn find_id(&self, ty: TypeId, id: &str) -> Result<Option<Arc<Row>>, ScimError> {
        Ok(self.rows_by_ids(ty, &[id.to_owned()]).await?.into_iter().next())
    }
}

/// What our own database keeps of a resource, as attributes.
pub(super) fn side(row: &Row) -> Object {
    let mut side: Object =
        row.sidecar.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if let Some(external) = &row.external_id {
        side.insert("externalId".into(), external.as_str().into());
    }
    side
}

/// The reverse of [`side`]: the client id, and the rest as text.
pub(super) fn unside(mut side: Object) -> (Option<String>, Option<String>) {
    let external = side.remove("externalId").and_then(|v| v.as_str().map(str::to_owned));
    let sidecar = (!side.is_empty()).then(|| serde_json::Value::Object(side).to_string());
    (external, sidecar)
}

/// True if the mapping keeps the client's id in our own database: otherwise it is the store's.
pub(super) fn not_found() -> ScimError {
    ScimError::not_found("There is no resource with this id.")
}
