//! The matching rules of a store's servers, read again when they may be others.
//!
//! A server that was away may have come back with another schema, the next one may have another, and a schema can be
//! changed while the server runs. So the rules are read on the first connection, on one that comes after another one broke
//! or leads elsewhere, and after a while. The request that finds them changed is told to come back: part of it went by the old
//! ones.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{inventory::attribute_type, link::Link, request::Query, rules::Rules, server::Vendor};
use crate::store::StoreError;

/// How long rules count while nothing happens. One reading is one search, for the whole process.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// What is known of the servers' rules.
#[derive(Default)]
pub(super) struct Learned {
    known: RwLock<Known>,
    /// True if a connection broke, or led elsewhere, since they were read.
    is_doubtful: AtomicBool,
}

#[derive(Default)]
struct Known {
    rules: Arc<Rules>,
    /// Stands for the texts that they were read from.
    mark: u64,
    read: Option<Instant>,
}

/// What a server tells.
#[derive(Hash)]
enum Told {
    /// The attribute types of its schema.
    Types(Vec<String>),
    /// The SID of its domain (Active Directory).
    Domain(Vec<u8>),
}

impl Learned {
    /// By which rules the server compares, as far as that is known yet.
    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).rules)
    }

    /// True if rules were read.
    pub(super) fn is_known(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).read.is_some()
    }

    /// A connection broke, or leads elsewhere: the server may be another one when it is back.
    pub(super) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::Release);
    }

    /// Reads the rules if they are not known, doubtful or old. A server that does not show them has the usual ones.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if they are others than before.
    pub(super) async fn refresh(&self, link: &Link) -> Result<(), StoreError> {
        let read = self.known.read().unwrap_or_else(PoisonError::into_inner).read;
        let is_due = read.is_none_or(|when| when.elapsed() >= GOOD_FOR);
        let is_doubtful =
            self.is_doubtful.load(Ordering::Acquire) && self.is_doubtful.swap(false, Ordering::AcqRel);
        if !is_doubtful && !is_due {
            return Ok(());
        }
        let server = link.server();
        // Active Directory tells no rules in its schema; what it is called by is in its domain.
        let learned = if server.vendor == Vendor::ActiveDirectory {
            let mut query = Query::base(server.domain(), "(objectClass=*)", &["objectSid"]);
            query.is_whole = false;
            let domain = link.root_dse(&query).await;
            domain.map(|domain| {
                let sid = domain.attributes.into_iter().flat_map(|(_, values)| values).next();
                Told::Domain(sid.unwrap_or_default())
            })
        } else {
            let query = Query::base(server.subschema(), "(objectClass=*)", &["attributeTypes"]);
            let schema = link.root_dse(&query).await;
            schema.map(|schema| Told::Types(schema.texts().remove("attributetypes").unwrap_or_default()))
        };
        let Ok(told) = learned else {
            self.doubt();
            return Ok(());
        };
        match self.take(told, server.vendor) {
            true => {
                tracing::info!("The directory's schema is another one than before.");
                Err(StoreError::Unavailable("the directory's schema has changed".to_owned()))
            }
            false => Ok(()),
        }
    }

    /// Takes rules over; true if they take the place of others.
    fn take(&self, mut told: Told, vendor: Vendor) -> bool {
        if let Told::Types(lines) = &mut told {
            lines.sort_unstable();
        }
        let mut hasher = DefaultHasher::new();
        (&told, vendor as u8).hash(&mut hasher);
        let mark = hasher.finish();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let was = known.read.replace(Instant::now()).map(|_| known.mark);
        if was == Some(mark) {
            return false;
        }
        let rules = match told {
            Told::Domain(sid) => Rules::of_domain(sid),
            Told::Types(lines) => {
                Rules::new(lines.iter().filter_map(|line| attribute_type(line)).collect(), vendor)
            }
        };
        (known.rules, known.mark) = (Arc::new(rules), mark);
        was.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_change_with_the_schema_and_only_then() {
        let of = |rule: &str| {
            let line = |oid: &str, name: &str| format!("( {oid} NAME '{name}' EQUALITY {rule} )");
            vec![line("2.5.4.3", "cn"), line("2.5.4.4", "sn")]
        };
        let backwards = |mut lines: Vec<String>| {
            lines.reverse();
            lines
        };
        let learned = Learned::default();
        let take = |lines, vendor| learned.take(Told::Types(lines), vendor);
        assert!(!take(of("caseExactMatch"), Vendor::OpenLdap), "the first ones are no others");
        assert_eq!(learned.rules().folding("cn"), Some("caseIgnoreMatch"));
        assert!(!take(backwards(of("caseExactMatch")), Vendor::OpenLdap));
        assert!(take(of("caseIgnoreMatch"), Vendor::OpenLdap));
        assert_eq!(learned.rules().folding("cn"), None);
        assert!(take(of("caseIgnoreMatch"), Vendor::Ds389));
    }
}
