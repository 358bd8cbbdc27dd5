//! Runs selections: whole listings, look-ups by DN, entries of a container.
//!
//! An entry that is not there is no row. A search base that is not there is an
//! error, because "no entries" would let a mistyped base look like a directory
//! from which everybody was removed.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ldap3::Scope;

use super::{
    entry::{Entry, attributes_of},
    filter::Filter,
    link::Take,
    plan::Plan,
    pool::{Lane, Pool},
    request::Query,
    result::{OpError, Operation, Refusal, ResultCode},
    server::Vendor,
};
use crate::store::{Bag, FieldId, Row, StoreError, dn::Dn};

/// Up to so many DNs are read one by one.
pub(super) const FEW_DNS: usize = 4;
/// So many DNs go into one search.
const DNS_PER_SEARCH: usize = 200;
/// So many alternatives go into one search: Samba breaks the connection when a request is large.
const ALTERNATIVES: usize = 1000;
/// Up to so many rows are asked for at once, without pages.
pub(super) const WHOLE_ROWS: usize = 500;
/// So many of those are in flight for one selection: while one answer is read, the server works on the next.
const CONCURRENT_SEARCHES: usize = 2;
/// So many base searches are in flight for one selection.
const CONCURRENT_READS: usize = 16;

/// A selection on this thread's connections.
pub(super) struct Selection<'a> {
    pub(super) pool: &'a Pool,
    pub(super) bag: &'a Bag,
    pub(super) plan: &'a Plan,
    /// Fields of the rows.
    pub(super) fields: &'a [FieldId],
    pub(super) limit: Option<usize>,
}

impl Selection<'_> {
    /// What is kept of the rows found.
    pub(super) async fn kept<T>(&self, keep: &dyn Fn(Row) -> Option<T>) -> Result<Vec<T>, StoreError> {
        self.collect(&|entry| Ok(self.row(entry)?.and_then(keep))).await
    }

    /// The DNs and rows found.
    pub(super) async fn named_rows(&self) -> Result<Vec<(String, Row)>, StoreError> {
        self.collect(&|entry| {
            let dn = entry.dn.clone();
            Ok(self.row(entry)?.map(|row| (dn, row)))
        })
        .await
    }

    /// The number of rows.
    pub(super) async fn count(&self) -> Result<u64, StoreError> {
        let found = self.collect(&|entry| Ok(self.row(entry)?.map(|_| ()))).await?;
        Ok(found.len() as u64)
    }

    async fn collect<T>(&self, take: Take<'_, T>) -> Result<Vec<T>, StoreError> {
        let Some(filter) = self.plan.filter.text().filter(|_| !self.plan.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut found = match &self.plan.dns {
            Some(dns) => self.by_dn(dns, &filter, take).await?,
            None => match self.plan.filter.pieces(ALTERNATIVES) {
                pieces if pieces.len() > 1 => self.in_pieces(&pieces, take).await?,
                _ => self.by_place(&filter, take).await?,
            },
        };
        if let Some(limit) = self.limit {
            found.truncate(limit);
        }
        Ok(found)
    }

    /// Makes the row of an entry, if it passes what the filter could not test.
    fn row(&self, entry: Entry) -> Result<Option<Row>, StoreError> {
        if self.plan.checks.is_empty() {
            return entry.into_row(self.bag, self.fields).map(Some);
        }
        let dn = entry.dn.clone();
        let checked = self.plan.checked_fields();
        let all: Vec<FieldId> = self.fields.iter().chain(&checked).copied().collect();
        let mut row = entry.into_row(self.bag, &all)?;
        if !self.plan.accepts(self.bag, &dn, &row) {
            return Ok(None);
        }
        for field in checked.iter().filter(|f| !self.fields.contains(f)) {
            row.set(*field, Vec::new());
        }
        Ok(Some(row))
    }

    /// One search after the other. What several of them find counts once.
    async fn in_pieces<T>(&self, pieces: &[Filter], take: Take<'_, T>) -> Result<Vec<T>, StoreError> {
        let named = |entry: Entry| {
            let dn = entry.normal_dn();
            Ok(take(entry)?.map(|kept| (dn, kept)))
        };
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        for filter in pieces.iter().filter_map(Filter::text) {
            let some = self.by_place(&filter, &named).await?;
            found.extend(some.into_iter().filter(|(dn, _)| seen.insert(dn.clone())).map(|(_, kept)| kept));
        }
        Ok(found)
    }

    /// Searches the bases, or just the containers that were asked for.
    async fn by_place<T>(&self, filter: &str, take: Take<'_, T>) -> Result<Vec<T>, StoreError> {
        let scope = if self.plan.subtree { Scope::Subtree } else { Scope::OneLevel };
        let places: Vec<(&Dn, &Dn, Scope)> = match &self.plan.containers {
            None => self.plan.bases.iter().map(|base| (base, base, scope)).collect(),
            Some(containers) => containers
                .iter()
                .filter_map(|c| self.base_above(c).map(|base| (c, base, Scope::OneLevel)))
                .collect(),
        };
        let mut found = Vec::new();
        for (place, base, scope) in places {
            let limit = self.limit.map(|l| l.saturating_sub(found.len()));
            if limit == Some(0) {
                break;
            }
            let mut query = self.query(place.to_string(), scope, filter.to_owned());
            query.limit = limit;
            match self.at_once_or_paged(query, take).await {
                Ok(entries) => found.extend(entries),
                Err(e) if e.code() == Some(ResultCode::NoSuchObject) => {
                    if place == base {
                        return Err(no_base(base));
                    }
                    self.confirm_base(base).await?;
                }
                Err(error) => return Err(self.error(error)),
            }
        }
        Ok(found)
    }

    /// Small answers come in one piece, beside the listings; if the server finds
    /// them too big after all, and everything else, page by page.
    async fn at_once_or_paged<T>(&self, mut query: Query, take: Take<'_, T>) -> Result<Vec<T>, OpError> {
        let is_small = query.limit.is_some_and(|l| l <= WHOLE_ROWS) && self.plan.checks.is_empty();
        if is_small || self.plan.is_selective {
            let limit = query.limit.filter(|_| is_small);
            let whole = Query { limit, ..query.clone() };
            match self.pool.search(Lane::Point, &whole, take).await {
                Err(e) if e.code() == Some(ResultCode::SizeLimitExceeded) => {}
                answer => return answer,
            }
        }
        query.paged = true;
        let found = self.pool.search(Lane::List, &query, take).await?;
        // 389-ds takes an absent base for an empty one, if it is asked page by page.
        if found.is_empty() && self.is_389ds().await? && !self.is_there(&query.base).await? {
            return Err(OpError::Refused(Refusal::no_such_object()));
        }
        Ok(found)
    }

    async fn is_389ds(&self) -> Result<bool, OpError> {
        Ok(self.pool.server().await?.vendor == Vendor::Ds389)
    }

    /// False if there is no such entry. After its parent was renamed twice, 389-ds answers with nothing.
    async fn is_there(&self, dn: &str) -> Result<bool, OpError> {
        let query = Query::base(dn, "(objectClass=*)", &["1.1"]);
        match self.pool.search(Lane::Point, &query, &|_| Ok(Some(()))).await {
            // Elsewhere it is one that the account may not read.
            Ok(found) => Ok(!found.is_empty() || !self.is_389ds().await?),
            Err(e) if e.code() == Some(ResultCode::NoSuchObject) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads entries by name: few one by one, many by their RDNs in one search.
    async fn by_dn<T>(&self, dns: &[Dn], filter: &str, take: Take<'_, T>) -> Result<Vec<T>, StoreError> {
        let mut alone: Vec<&Dn> = Vec::new();
        let mut together: HashMap<String, Vec<&Dn>> = HashMap::new();
        for dn in dns {
            let Some(base) = self.plan.base_of(dn) else { continue };
            match dn.rdn().and_then(|rdn| rdn.single()) {
                Some(_) if dns.len() > FEW_DNS && dn != base => {
                    together.entry(base.to_string()).or_default().push(dn);
                }
                _ => alone.push(dn),
            }
        }
        let mut found = Vec::new();
        let chunks =
            together.iter().flat_map(|(base, dns)| dns.chunks(DNS_PER_SEARCH).map(move |c| (base, c)));
        let searches =
            chunks.map(|(base, chunk)| async move { (base, chunk, self.by_rdn(base, chunk, take).await) });
        let mut answers = stream::iter(searches).buffer_unordered(CONCURRENT_SEARCHES);
        while let Some((base, chunk, answer)) = answers.next().await {
            match answer {
                Ok((entries, left)) => {
                    found.extend(entries);
                    // Beside writes, 389-ds leaves entries out of what a search finds by its indices, never out of what
                    // is read by name. Who is not found would count as somebody who is not there.
                    if !left.is_empty() && self.is_389ds().await.map_err(|error| self.error(error))? {
                        alone.extend(left);
                    }
                }
                // Other entries with the same RDNs fill the server's limit.
                Err(e) if e.code() == Some(ResultCode::SizeLimitExceeded) => alone.extend(chunk),
                Err(e) if e.code() == Some(ResultCode::NoSuchObject) => {
                    return Err(StoreError::Corrupt(missing_base(base)));
                }
                Err(error) => return Err(self.error(error)),
            }
        }
        let reads = stream::iter(alone.iter().map(|dn| self.one(dn, filter, take)));
        let mut entries = reads.buffer_unordered(CONCURRENT_READS);
        while let Some(entry) = entries.try_next().await? {
            found.extend(entry);
        }
        Ok(found)
    }

    /// What is found, and the names that were not.
    async fn by_rdn<'d, T>(
        &self,
        base: &str,
        dns: &[&'d Dn],
        take: Take<'_, T>,
    ) -> Result<(Vec<T>, Vec<&'d Dn>), OpError> {
        let wanted: HashSet<String> = dns.iter().map(|dn| dn.normal()).collect();
        let any = dns.iter().filter_map(|dn| dn.rdn().and_then(|rdn| rdn.single()));
        let any = Filter::or(any.map(|(attribute, value)| Filter::equal(attribute, value)).collect());
        let Some(filter) = Filter::and(vec![any, self.plan.filter.clone()]).text() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let scope = if self.plan.subtree { Scope::Subtree } else { Scope::OneLevel };
        let query = self.query(base.to_owned(), scope, filter);
        let seen = RefCell::new(HashSet::new());
        let exactly = |entry: Entry| {
            let dn = entry.normal_dn();
            if !wanted.contains(&dn) {
                return Ok(None);
            }
            seen.borrow_mut().insert(dn);
            take(entry)
        };
        let found = self.pool.search(Lane::Point, &query, &exactly).await?;
        let seen = seen.into_inner();
        Ok((found, dns.iter().copied().filter(|dn| !seen.contains(&dn.normal())).collect()))
    }

    /// One entry. Some servers answer "no such object", some nothing at all.
    async fn one<T>(&self, dn: &Dn, filter: &str, take: Take<'_, T>) -> Result<Option<T>, StoreError> {
        let query = self.query(dn.to_string(), Scope::Base, filter.to_owned());
        match self.pool.search(Lane::Point, &query, take).await {
            Ok(entries) => Ok(entries.into_iter().next()),
            Err(OpError::Refused(refusal)) if refusal.code == ResultCode::NoSuchObject => {
                let matched = Dn::parse(&refusal.matched).unwrap_or_default();
                if let Some(base) = self.plan.base_of(dn)
                    && matched != *base
                    && !matched.is_below(base)
                {
                    self.confirm_base(base).await?;
                }
                Ok(None)
            }
            Err(OpError::Refused(refusal)) if refusal.code == ResultCode::InvalidDnSyntax => Ok(None),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Tells an absent entry from an absent base.
    async fn confirm_base(&self, base: &Dn) -> Result<(), StoreError> {
        match self.is_there(&base.to_string()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(no_base(base)),
            Err(error) => Err(self.error(error)),
        }
    }

    /// The base below which entries of this container are ours.
    fn base_above(&self, container: &Dn) -> Option<&Dn> {
        self.plan
            .bases
            .iter()
            .find(|base| container == *base || (self.plan.subtree && container.is_below(base)))
    }

    fn query(&self, base: String, scope: Scope, filter: String) -> Query {
        let fields: Vec<FieldId> = self.fields.iter().copied().chain(self.plan.checked_fields()).collect();
        let attributes = attributes_of(self.bag, &fields);
        Query {
            base,
            scope,
            filter,
            attributes,
            limit: None,
            paged: false,
            is_whole: true,
            controls: Vec::new(),
            through: None,
        }
    }

    fn error(&self, error: OpError) -> StoreError {
        error.into_store(Operation::Search, &self.bag.name, "")
    }
}

fn no_base(base: &Dn) -> StoreError {
    StoreError::Corrupt(missing_base(&base.to_string()))
}

fn missing_base(base: &str) -> String {
    format!("the search base `{base}` does not exist, or the service account may not see it")
}
