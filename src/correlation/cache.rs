//! Rows in memory, so that reading a known resource touches no database.
//!
//! Rows are kept by id; anchors lead to ids, and what they lead to is checked,
//! so that a stale one is a miss and never a wrong answer. Locators are asked
//! for rarely, and not kept.
//!
//! **Invariant:** a row is never replaced by an older one. The writer thread
//! publishes what it committed; a reader fills in what it read only if nothing
//! was published since it began to read.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::sync::Cache as Map;

use crate::{
    config::CachePolicy,
    correlation::{Row, query::By},
};

/// How long another replica's change may go unnoticed where only ids are answered from memory.
const SHARED_LIFE: Duration = Duration::from_secs(60);

/// The moment at which a reader began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

#[derive(Debug)]
pub(super) struct Cache {
    rows: Map<String, Arc<Row>>,
    /// Type and anchor to id.
    anchors: Map<String, Arc<str>>,
    epoch: Mutex<u64>,
}

impl Cache {
    pub(super) fn new(capacity: u64, policy: CachePolicy) -> Self {
        let map = || match policy {
            CachePolicy::Rows => Map::builder().max_capacity(capacity),
            CachePolicy::Ids => Map::builder().max_capacity(capacity).time_to_live(SHARED_LIFE),
        };
        let index = || match policy {
            CachePolicy::Rows => Map::builder().max_capacity(capacity),
            CachePolicy::Ids => Map::builder().max_capacity(capacity).time_to_live(SHARED_LIFE),
        };
        Self { rows: map().build(), anchors: index().build(), epoch: Mutex::new(0) }
    }

    /// Rows that are known, and the values for which none is. Each value counts once.
    pub(super) fn split(
        &self,
        by: By,
        resource_type: &str,
        values: &[String],
    ) -> (Vec<Arc<Row>>, Vec<String>) {
        let (mut found, mut missing, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for value in values {
            if !seen.insert(value.as_str()) {
                continue;
            }
            match self.find(by, resource_type, value) {
                Some(row) => found.push(row),
                None => missing.push(value.clone()),
            }
        }
        (found, missing)
    }

    fn find(&self, by: By, resource_type: &str, value: &str) -> Option<Arc<Row>> {
        let row = match by {
            By::Id => self.rows.get(value),
            By::Anchor => self.anchors.get(&key(resource_type, value)).and_then(|id| self.rows.get(&*id)),
            // Several rows may have it; only the database knows them all.
            By::Locator | By::ExternalId => None,
        }?;
        let is_still_right = match by {
            By::Id | By::Locator | By::ExternalId => true,
            By::Anchor => row.anchor == value,
        };
        (is_still_right && row.resource_type == resource_type).then_some(row)
    }

    /// To be taken before a reader reads.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(*self.lock())
    }

    /// Remembers what was read since `epoch`, unless something was written meanwhile.
    pub(super) fn fill(&self, epoch: Epoch, rows: &[Arc<Row>]) {
        let now = self.lock();
        if *now == epoch.0 {
            rows.iter().for_each(|row| self.put(row));
        }
    }

    /// Remembers what was committed. Only the writer thread calls this.
    pub(super) fn publish(&self, rows: &[Arc<Row>]) {
        if rows.is_empty() {
            return;
        }
        let mut now = self.lock();
        *now += 1;
        for row in rows {
            if row.deleted_at.is_some() {
                self.rows.invalidate(&row.id);
            } else {
                self.put(row);
            }
        }
    }

    fn put(&self, row: &Arc<Row>) {
        let id: Arc<str> = row.id.as_str().into();
        self.anchors.insert(key(&row.resource_type, &row.anchor), id);
        self.rows.insert(row.id.clone(), Arc::clone(row));
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // The number is right whatever happened to a thread that held the lock.
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(resource_type: &str, text: &str) -> String {
    format!("{resource_type}\0{text}")
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn row(id: &str, anchor: &str, locator: &str, version: &str) -> Arc<Row> {
        Arc::new(Row {
            resource_type: "User".to_owned(),
            id: id.to_owned(),
            anchor: anchor.to_owned(),
            locator: locator.to_owned(),
            external_id: None,
            sidecar: None,
            created: OffsetDateTime::UNIX_EPOCH,
            last_modified: OffsetDateTime::UNIX_EPOCH,
            version: Some(version.to_owned()),
            deleted_at: None,
        })
    }

    fn version(cache: &Cache, by: By, value: &str) -> Option<String> {
        cache.find(by, "User", value).and_then(|row| row.version.clone())
    }

    #[test]
    fn what_was_read_before_a_write_does_not_replace_it() {
        let cache = Cache::new(10, CachePolicy::Rows);
        let before = cache.epoch();
        cache.publish(&[row("1", "a", "x", "new")]);
        cache.fill(before, &[row("1", "a", "x", "old")]);
        assert_eq!(version(&cache, By::Id, "1").unwrap(), "new");
        // Nor does it bring back what was deleted.
        let before = cache.epoch();
        let mut deleted = (*row("1", "a", "x", "new")).clone();
        deleted.deleted_at = Some(OffsetDateTime::UNIX_EPOCH);
        cache.publish(&[Arc::new(deleted)]);
        cache.fill(before, &[row("1", "a", "x", "old")]);
        assert_eq!(version(&cache, By::Id, "1"), None);
        assert_eq!(version(&cache, By::Anchor, "a"), None);
    }

    #[test]
    fn an_anchor_leads_to_its_row_of_its_type_only() {
        let cache = Cache::new(10, CachePolicy::Rows);
        cache.publish(&[row("1", "a", "x", "v")]);
        assert_eq!(version(&cache, By::Anchor, "a").unwrap(), "v");
        // The anchor belongs to another one now.
        cache.publish(&[row("2", "a", "y", "w")]);
        assert_eq!(version(&cache, By::Anchor, "a").unwrap(), "w");
        assert!(cache.find(By::Id, "Group", "1").is_none());
        assert!(cache.find(By::Anchor, "Group", "a").is_none());
        // Only the database knows who is at a place.
        assert_eq!(version(&cache, By::Locator, "x"), None);
    }

    #[test]
    fn each_value_is_looked_up_once() {
        let cache = Cache::new(10, CachePolicy::Rows);
        cache.publish(&[row("1", "a", "x", "v")]);
        let values = ["1", "2", "1", "2"].map(str::to_owned);
        let (found, missing) = cache.split(By::Id, "User", &values);
        assert_eq!((found.len(), missing), (1, vec!["2".to_owned()]));
    }
}
