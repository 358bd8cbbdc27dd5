//! Listings in progress: the anchors of a query's matches in their order, so
//! that a client that pages through sees each resource once, also while others
//! come and go, and that a page costs the same at any depth.
//!
//! A listing starts anew with the first page; a later page continues it only
//! where one of this client's listings stopped, or repeats its last page.

use std::{sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync::Cache};

/// Who pages through what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ListingKey {
    /// The client.
    pub(super) client: String,
    /// The resource type.
    pub(super) ty: usize,
    /// The filter's text.
    pub(super) filter: String,
}

/// The anchors of all matches, in order.
pub(super) type Anchors = Arc<[Box<str>]>;

#[derive(Debug, Clone)]
struct Listing {
    /// Where its last page started and ended (indexes from 0).
    page: (usize, usize),
    anchors: Anchors,
}

/// One query of one client is paged through by no more than this many listings at once.
const PARALLEL: usize = 4;

/// Listings by client and query.
#[derive(Debug)]
pub(super) struct Listings {
    open: Cache<ListingKey, Vec<Listing>>,
}

impl Default for Listings {
    fn default() -> Self {
        // Memory is bounded by anchors, not by listings: a UUID takes about 52 bytes here.
        let weight = |_: &ListingKey, open: &Vec<Listing>| {
            u32::try_from(open.iter().map(|l| l.anchors.len()).sum::<usize>()).unwrap_or(u32::MAX).max(1)
        };
        let open = Cache::builder()
            .weigher(weight)
            .max_capacity(1_000_000)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(Duration::from_secs(120))
            .build();
        Self { open }
    }
}

impl Listings {
    /// The listing that goes on at `start`, or whose last page started there.
    pub(super) fn resume(&self, key: &ListingKey, start: usize) -> Option<Anchors> {
        let open = self.open.get(key)?;
        let found = open.iter().rev().find(|l| start > 0 && (l.page.0 == start || l.page.1 == start))?;
        Some(found.anchors.clone())
    }

    /// Remembers that a page was served.
    pub(super) fn keep(&self, key: ListingKey, page: (usize, usize), anchors: &Anchors) {
        let mut open = self.open.get(&key).unwrap_or_default();
        open.retain(|l| !Arc::ptr_eq(&l.anchors, anchors));
        if page.1 < anchors.len() {
            open.push(Listing { page, anchors: anchors.clone() });
        }
        if open.len() > PARALLEL {
            open.remove(0);
        }
        if open.is_empty() {
            self.open.invalidate(&key);
        } else {
            self.open.insert(key, open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_goes_on_where_it_stopped_and_nowhere_else() {
        let listings = Listings::default();
        let key = ListingKey { client: "c".into(), ty: 0, filter: String::new() };
        let anchors: Anchors = (0..10).map(|i| i.to_string().into_boxed_str()).collect();
        listings.keep(key.clone(), (0, 4), &anchors);
        assert!(listings.resume(&key, 0).is_none(), "the first page starts anew");
        assert!(listings.resume(&key, 4).is_some());
        assert!(listings.resume(&key, 5).is_none());
        listings.keep(key.clone(), (4, 8), &anchors);
        assert!(listings.resume(&key, 4).is_some(), "a page may be repeated");
        listings.keep(key.clone(), (8, 10), &anchors);
        assert!(listings.resume(&key, 8).is_none(), "over");
    }
}
