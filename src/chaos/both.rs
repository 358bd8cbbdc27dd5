//! The database of ids compared with the store: what was in order before must be so afterwards.

use std::collections::HashSet;

use crate::{
    config::CorrelationSettings,
    correlation::{NewRow, bulk::Bulk},
    gateway::{Gateway, survey::SurveyError},
};

/// What the database and the store tell differently.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Anchors of entries without a row.
    pub(super) without_row: HashSet<(String, String)>,
    /// Ids of rows without an entry.
    pub(super) without_entry: HashSet<(String, String)>,
}

impl Differences {
    /// Looks at all of both.
    pub(super) async fn now(
        gateway: &Gateway,
        settings: &CorrelationSettings,
        tenant: &str,
    ) -> Result<Self, SurveyError> {
        let mut bulk = Bulk::open(settings, tenant)?;
        let types: Vec<String> = gateway.resource_types().iter().map(|ty| ty.name.clone()).collect();
        let mut found = Self::default();
        for (ty, name) in types.iter().enumerate() {
            let mut take = |batch: Vec<NewRow>| {
                let missing = bulk.missing(name, &batch)?;
                found.without_row.extend(missing.into_iter().map(|new| (name.clone(), new.anchor)));
                Ok(())
            };
            gateway.survey(ty, &mut take).await?;
        }
        let mut last: Option<String> = None;
        loop {
            let batch = bulk.rows_after(last.as_deref())?;
            let Some(end) = batch.last() else { return Ok(found) };
            last = Some(end.id.clone());
            for (ty, name) in types.iter().enumerate() {
                let living =
                    batch.iter().filter(|row| row.resource_type == *name && row.deleted_at.is_none());
                let living: Vec<_> = living.collect();
                let absent = gateway.absent(ty, &living).await?;
                found.without_entry.extend(absent.into_iter().map(|row| (name.clone(), row.id.clone())));
            }
        }
    }

    /// What has come since an earlier look, for people.
    pub(super) fn since(&self, before: &Self) -> Vec<String> {
        let rows = self.without_row.difference(&before.without_row);
        let entries = self.without_entry.difference(&before.without_entry);
        let rows =
            rows.map(|(ty, anchor)| format!("{ty} {anchor} in the store has no row in the database of ids"));
        let entries = entries.map(|(ty, id)| format!("{ty} {id} in the database of ids is not in the store"));
        rows.chain(entries).collect()
    }
}
