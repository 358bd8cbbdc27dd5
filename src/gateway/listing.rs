//! Listings in progress: a query's matches in their order, so that a client
//! that pages through sees each resource once, also while others come and go,
//! and that a page costs the same at any depth.
//!
//! A listing starts anew with the first page; a later page continues it only
//! where one of this client's listings stopped, or repeats its last page. A
//! cursor names its listing, and a place in the order from which any replica
//! can go on when the listing is gone.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use moka::{policy::EvictionPolicy, sync::Cache};

use crate::{
    gateway::TypeId,
    scim::{
        message::SortOrder,
        sort::{self, Key},
    },
};

/// Who pages through what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ListingKey {
    /// The client.
    pub(super) client: String,
    /// Resource types, filter and order.
    pub(super) query: String,
}

/// A resource that meets a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Match {
    /// What it is sorted by, if it is.
    pub(super) key: Option<Box<Key>>,
    /// Its type.
    pub(super) ty: TypeId,
    /// Its anchor.
    pub(super) anchor: Box<str>,
}

/// All matches, in order.
pub(super) type Matches = Arc<[Match]>;

impl Match {
    /// The total order of a listing: what is sorted alike comes in the order of types and anchors.
    pub(super) fn compare(&self, other: &Self, order: SortOrder) -> Ordering {
        sort::compare(order, self.key.as_deref(), other.key.as_deref())
            .then(self.ty.cmp(&other.ty))
            .then_with(|| self.anchor.cmp(&other.anchor))
    }

    /// Its place, short enough for a cursor.
    pub(super) fn position(&self) -> Position {
        let cut = self.key.as_deref().map(cut);
        let is_cut = cut.as_ref() != self.key.as_deref();
        let at = Self { key: cut.map(Box::new), ..self.clone() };
        Position { at, is_cut }
    }
}

/// A place in the order of a listing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Position {
    /// The match that it is behind.
    pub(super) at: Match,
    /// True if its key was cut.
    pub(super) is_cut: bool,
}

/// Characters of a text that a position keeps.
const LONGEST_KEY: usize = 256;

/// A key that is not too long; cut texts are in the order of the whole ones.
fn cut(key: &Key) -> Key {
    match key {
        Key::Text(text) if text.len() > LONGEST_KEY => {
            Key::Text(text.chars().take(LONGEST_KEY).collect::<String>().into())
        }
        other => other.clone(),
    }
}

impl Position {
    /// Index of the first match behind this place.
    pub(super) fn find(&self, matches: &[Match], order: SortOrder) -> usize {
        if !self.is_cut {
            return matches.partition_point(|m| m.compare(&self.at, order).is_le());
        }
        // Of several with the same beginning, behind the one that was seen last; if that is gone, all of
        // them again: rather twice than never.
        let compare =
            |m: &Match| sort::compare(order, m.key.as_deref().map(cut).as_ref(), self.at.key.as_deref());
        let start = matches.partition_point(|m| compare(m).is_lt());
        let alike = matches.iter().skip(start).take_while(|m| compare(m).is_eq());
        let seen = alike.enumerate().find(|(_, m)| m.ty == self.at.ty && m.anchor == self.at.anchor);
        seen.map_or(start, |(index, _)| start + index + 1)
    }
}

#[derive(Debug, Clone)]
struct Listing {
    id: u64,
    /// Where its last page started and ended (indexes from 0).
    page: (usize, usize),
    matches: Matches,
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
        // Memory is bounded by matches, not by listings: one takes about 70 bytes here, a sorted one twice
        // as much.
        let weight = |_: &ListingKey, open: &Vec<Listing>| {
            // What has no value is all at one end.
            let sorted = |l: &Listing| {
                let ends = l.matches.first().into_iter().chain(l.matches.last());
                ends.into_iter().any(|m| m.key.is_some())
            };
            let weigh = |l: &Listing| if sorted(l) { l.matches.len() * 2 } else { l.matches.len() };
            u32::try_from(open.iter().map(weigh).sum::<usize>()).unwrap_or(u32::MAX).max(1)
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
    pub(super) fn resume(&self, key: &ListingKey, start: usize) -> Option<(u64, Matches)> {
        let open = self.open.get(key)?;
        let found = open.iter().rev().find(|l| start > 0 && (l.page.0 == start || l.page.1 == start))?;
        Some((found.id, found.matches.clone()))
    }

    /// The listing with this number.
    pub(super) fn find(&self, key: &ListingKey, id: u64) -> Option<(u64, Matches)> {
        let open = self.open.get(key)?;
        open.iter().find(|l| l.id == id).map(|l| (l.id, l.matches.clone()))
    }

    /// A number for a new listing, which no other one has, here or at another replica.
    pub(super) fn number() -> u64 {
        uuid::Uuid::new_v4().as_u64_pair().0
    }

    /// Remembers that a page was served.
    pub(super) fn keep(&self, key: ListingKey, id: u64, page: (usize, usize), matches: &Matches) {
        let mut open = self.open.get(&key).unwrap_or_default();
        open.retain(|l| !Arc::ptr_eq(&l.matches, matches));
        if page.1 < matches.len() {
            open.push(Listing { id, page, matches: matches.clone() });
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

    fn at(key: Option<&str>, anchor: &str) -> Match {
        let key = key.map(|text| Box::new(Key::Text(text.into())));
        Match { key, ty: 0, anchor: anchor.into() }
    }

    #[test]
    fn a_listing_goes_on_where_it_stopped_and_nowhere_else() {
        let listings = Listings::default();
        let key = ListingKey { client: "c".into(), query: String::new() };
        let matches: Matches = (0..10).map(|i| at(None, &i.to_string())).collect();
        listings.keep(key.clone(), 7, (0, 4), &matches);
        assert!(listings.resume(&key, 0).is_none(), "the first page starts anew");
        assert!(listings.resume(&key, 4).is_some());
        assert!(listings.resume(&key, 5).is_none());
        assert!(listings.find(&key, 7).is_some() && listings.find(&key, 8).is_none());
        listings.keep(key.clone(), 7, (4, 8), &matches);
        assert!(listings.resume(&key, 4).is_some(), "a page may be repeated");
        listings.keep(key.clone(), 7, (8, 10), &matches);
        assert!(listings.resume(&key, 8).is_none(), "over");
    }

    #[test]
    fn a_place_is_found_again_in_another_listing() {
        // 9865-i, R-07
        let long = |end: &str| format!("{}{end}", "x".repeat(300));
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            let mut list = vec![
                at(Some("a"), "1"),
                at(Some("b"), "3"),
                at(Some("b"), "2"),
                at(Some(&long("1")), "5"),
                at(Some(&long("2")), "4"),
                at(None, "6"),
                at(None, "0"),
            ];
            list.sort_by(|a, b| a.compare(b, order));
            for (index, seen) in list.iter().enumerate() {
                let position = seen.position();
                assert_eq!(position.find(&list, order), index + 1, "{seen:?}");
                let mut rest = list.clone();
                rest.remove(index);
                // Of a text that was cut nobody knows whether it stood before or after its like.
                let again = usize::from(position.is_cut && rest[..index].iter().any(|m| m.position().is_cut));
                assert_eq!(position.find(&rest, order), index - again, "{seen:?} is gone");
            }
        }
    }
}
