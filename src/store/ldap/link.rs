//! One bound connection: searches and writes on it, and when to give it up.
//!
//! All operations of a worker share the socket; ldap3 tells their answers apart
//! by message id. What ldap3 leaves to us is done here:
//! - searches go without its adapters, which never release message ids, and
//!   page by page, since a stream has no other flow control;
//! - a search that nobody waits for any more is abandoned at the server;
//! - every operation has a time limit, and a connection that keeps silent or
//!   breaks is not used again;
//! - every request that goes out is one line in the log, at level `debug`, without a value;
//! - the driver ends with its connection, also when it is stuck in a write to a dead peer.

use std::{
    cell::Cell,
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::LocalBoxFuture;
use ldap3::{
    Ldap, LdapError, LdapResult, SearchOptions, SearchStream,
    controls::{Control, RawControl},
    exop::PasswordModify,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    control,
    entry::Entry,
    open::Driver,
    range::{self, Rest},
    request::{AsRequested, Asked, Query, Request, UNICODE_PWD_IN_THE_CLEAR},
    result::{OpError, Refusal, ResultCode},
    server::Server,
};
use crate::{config::ldap::LdapSettings, store::StoreError};

/// Every entry.
const ANY: &str = "(objectClass=*)";
/// How often a listing that lost its place begins again.
const MAX_RESTARTS: usize = 3;
/// Time-outs in a row after which a connection counts as dead.
const MAX_TIMEOUTS: u32 = 3;

/// What an accepted entry becomes; `None` to leave it out.
pub(super) type Take<'a, T> = &'a dyn Fn(Entry) -> Result<Option<T>, StoreError>;

/// A connection after its bind.
pub(super) struct Link {
    ldap: Ldap,
    _driver: Driver,
    server: Rc<Server>,
    endpoint: usize,
    opened: Instant,
    max_age: Duration,
    operation_timeout: Duration,
    page_size: u32,
    slots: Semaphore,
    timeouts: Cell<u32>,
    last_heard: Cell<Instant>,
    is_broken: Cell<bool>,
    /// True if nobody between us and the server can read along.
    is_private: bool,
}

impl Link {
    pub(super) fn new(ldap: Ldap, driver: Driver, settings: &LdapSettings, is_private: bool) -> Self {
        Self {
            ldap,
            _driver: driver,
            server: Rc::new(Server::from_root_dse(HashMap::new())),
            endpoint: 0,
            opened: Instant::now(),
            max_age: Duration::from_secs(settings.recycle_secs.max(1)),
            operation_timeout: Duration::from_secs(settings.operation_timeout_secs.max(1)),
            page_size: settings.page_size.max(1),
            slots: Semaphore::new(settings.max_in_flight.max(1)),
            timeouts: Cell::new(0),
            last_heard: Cell::new(Instant::now()),
            is_broken: Cell::new(false),
            is_private,
        }
    }

    pub(super) fn with_server(mut self, server: Server) -> Self {
        self.server = Rc::new(server);
        self
    }

    pub(super) fn leading_to(mut self, index: usize) -> Self {
        self.endpoint = index;
        self
    }

    pub(super) fn server(&self) -> &Rc<Server> {
        &self.server
    }

    /// The index of the server that it leads to.
    pub(super) fn endpoint(&self) -> usize {
        self.endpoint
    }

    /// When the server last sent anything here, or the connection was opened.
    pub(super) fn last_heard(&self) -> Instant {
        self.last_heard.get()
    }

    /// Is not used again, since its server hangs.
    pub(super) fn give_up(&self) -> StoreError {
        self.is_broken.set(true);
        StoreError::Unavailable("the directory server hangs".to_owned())
    }

    /// False once the connection is closed, silent, or old.
    pub(super) fn is_usable(&self) -> bool {
        self.is_alive() && self.opened.elapsed() < self.max_age
    }

    /// False once the connection is closed or silent.
    pub(super) fn is_alive(&self) -> bool {
        !self.is_broken.get() && self.timeouts.get() < MAX_TIMEOUTS && !self.ldap.clone().is_closed()
    }

    /// Waits until one more operation may be in flight.
    pub(super) async fn permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let busy = || StoreError::Unavailable("too many operations wait for the directory".to_owned());
        let permit = tokio::time::timeout(self.operation_timeout, self.slots.acquire()).await;
        permit.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Runs a search to its end.
    pub(super) async fn search<T>(&self, query: &Query, take: Take<'_, T>) -> Result<Vec<T>, OpError> {
        let is_paged = query.paged && self.server.has_control(control::PAGED);
        let mut cookie = is_paged.then(Vec::new);
        let mut found = Vec::new();
        let mut incomplete = Vec::new();
        let mut restarts = 0;
        loop {
            let is_later = cookie.as_ref().is_some_and(|c| !c.is_empty());
            let page = self.page(query, cookie, take, &mut found, &mut incomplete);
            cookie = match tokio::time::timeout(self.operation_timeout, page).await {
                // OpenLDAP keeps one listing per connection, and one that was abandoned may still end after
                // this one has begun, and take its place: "cookie is invalid or old", or just "invalid" if
                // the other one had not come as far.
                Ok(Err(OpError::Refused(refusal)))
                    if is_later
                        && matches!(
                            refusal.code,
                            ResultCode::UnwillingToPerform | ResultCode::ProtocolError
                        )
                        && restarts < MAX_RESTARTS =>
                {
                    restarts += 1;
                    found.clear();
                    incomplete.clear();
                    Some(Vec::new())
                }
                Ok(next) => next?,
                Err(_) => return Err(self.timed_out().into()),
            };
            self.heard();
            self.complete(incomplete.drain(..), take, &mut found).await?;
            let is_enough = query.limit.is_some_and(|limit| found.len() >= limit);
            if cookie.is_none() || is_enough {
                found.truncate(query.limit.unwrap_or(usize::MAX));
                return Ok(found);
            }
        }
    }

    /// Runs one page, or a whole search without pages. Returns the cookie of the next page.
    async fn page<T>(
        &self,
        query: &Query,
        cookie: Option<Vec<u8>>,
        take: Take<'_, T>,
        found: &mut Vec<T>,
        incomplete: &mut Vec<(Entry, Vec<Rest>)>,
    ) -> Result<Option<Vec<u8>>, OpError> {
        let mut ldap = self.ldap.clone();
        let seconds = i32::try_from(self.operation_timeout.as_secs()).unwrap_or(i32::MAX);
        let mut options = SearchOptions::new().timelimit(seconds);
        let mut controls = query.controls.clone();
        match (&cookie, query.limit) {
            (Some(cookie), _) => controls.push(control::paged(self.page_size, cookie.clone())),
            (None, Some(limit)) if !query.paged => {
                options = options.sizelimit(i32::try_from(limit).unwrap_or(i32::MAX));
            }
            (None, _) => {}
        }
        if !controls.is_empty() {
            ldap.with_controls(controls);
        }
        ldap.with_search_options(options);
        let attributes = match query.is_whole {
            true => range::asked(&query.attributes, &self.server),
            false => Arc::clone(&query.attributes),
        };
        let told = query.through.clone().unwrap_or_else(|| attributes.join(","));
        let asked = Asked { operation: "search", attributes: told, ..Asked::default() };
        let mut asked = AsRequested(asked);
        let stream = ldap.streaming_search(&query.base, query.scope, &query.filter, attributes).await;
        let mut stream = AbandonOnDrop { stream: Some(stream.map_err(|e| self.failed(e))?) };
        while let Some(item) = stream.next().await.map_err(|e| self.failed(e))? {
            self.last_heard.set(Instant::now());
            if item.is_ref() || item.is_intermediate() {
                continue;
            }
            if query.through.is_some() {
                asked.0.entries += 1;
                for entry in control::dereferenced(&item.1) {
                    asked.0.values += entry.attributes.iter().map(|(_, values)| values.len()).sum::<usize>();
                    found.extend(take(entry)?);
                }
                continue;
            }
            let mut entry = Entry::decode(item.0)
                .ok_or_else(|| StoreError::Corrupt("the directory sent a malformed entry".to_owned()))?;
            asked.0.entries += 1;
            asked.0.values += entry.attributes.iter().map(|(_, values)| values.len()).sum::<usize>();
            let rest = if query.is_whole { entry.name_ranges() } else { Vec::new() };
            if !rest.is_empty() {
                incomplete.push((entry, rest));
            } else if let Some(row) = take(entry)? {
                found.push(row);
            }
            // A server that keeps the limit stops by itself; the others are stopped.
            if query.limit.is_some_and(|l| found.len() >= l.saturating_add(usize::from(!query.paged))) {
                return Ok(None);
            }
        }
        let result = stream.finish().await;
        match ResultCode::from(result.rc) {
            ResultCode::Success => Ok(cookie.and_then(|_| control::next_page(&result.ctrls))),
            ResultCode::SizeLimitExceeded
                if query.limit.is_some_and(|l| found.len() + incomplete.len() >= l) =>
            {
                Ok(None)
            }
            _ => Err(refused(result)),
        }
    }

    /// Reads the missing ranges of entries.
    async fn complete<T>(
        &self,
        entries: impl Iterator<Item = (Entry, Vec<Rest>)>,
        take: Take<'_, T>,
        found: &mut Vec<T>,
    ) -> Result<(), OpError> {
        for (mut entry, ranges) in entries {
            for range in ranges {
                let mut next = Some(range);
                while let Some(range) = next {
                    let query =
                        Query { is_whole: false, ..Query::base(&entry.dn, ANY, &[&range.description()]) };
                    let part = self.range(&query).await?;
                    next = entry.add_range(&range.attribute, part);
                }
            }
            found.extend(take(entry)?);
        }
        Ok(())
    }

    /// One range of one entry.
    fn range<'a>(&'a self, query: &'a Query) -> LocalBoxFuture<'a, Result<Entry, OpError>> {
        Box::pin(async move {
            match self.search(query, &|entry| Ok(Some(entry))).await {
                Ok(entries) if !entries.is_empty() => Ok(entries.into_iter().next().unwrap_or_default()),
                Err(error) if error.code() != Some(ResultCode::NoSuchObject) => Err(error),
                // What was read so far must not pass for the whole.
                _ => Err(StoreError::Unavailable("an entry moved while it was read".to_owned()).into()),
            }
        })
    }

    /// An entry about the server itself, such as the root DSE; an empty one if the server shows none.
    pub(super) async fn root_dse(&self, query: &Query) -> Result<Entry, StoreError> {
        match self.search(query, &|entry| Ok(Some(entry))).await {
            Ok(entries) => Ok(entries.into_iter().next().unwrap_or_default()),
            Err(OpError::Refused(_)) => Ok(Entry::default()),
            Err(OpError::Failed(error)) => Err(error),
        }
    }

    /// Makes a change. Once it is sent it is never repeated: the outcome of a
    /// change whose answer is lost is unknown.
    pub(super) async fn write(
        &self,
        request: Request<'_>,
        controls: Vec<RawControl>,
    ) -> Result<Vec<Control>, OpError> {
        if !self.is_private && request.holds_unicode_pwd() {
            return Err(StoreError::Unsupported(UNICODE_PWD_IN_THE_CLEAR.to_owned()).into());
        }
        let _line = AsRequested(request.asked());
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(self.operation_timeout);
        if !controls.is_empty() {
            ldap.with_controls(controls);
        }
        let answer = match request {
            Request::Add { dn, attributes } => ldap.add(dn, attributes).await,
            Request::Modify { dn, mods } => ldap.modify(dn, mods).await,
            Request::Delete { dn } => ldap.delete(dn).await,
            Request::Rename { dn, rdn, superior } => ldap.modifydn(dn, &rdn, true, superior.as_deref()).await,
            Request::Password { dn, new } => {
                let request = PasswordModify { user_id: Some(dn), old_pass: None, new_pass: Some(new) };
                ldap.extended(request).await.map(|answer| answer.1)
            }
        };
        let result = answer.map_err(|e| self.failed(e))?;
        self.heard();
        match ResultCode::from(result.rc) {
            ResultCode::Success => Ok(result.ctrls),
            _ => Err(refused(result)),
        }
    }

    fn heard(&self) {
        self.timeouts.set(0);
        self.last_heard.set(Instant::now());
    }

    /// Notes what a failure says about the connection.
    fn failed(&self, error: LdapError) -> OpError {
        match &error {
            LdapError::Timeout { .. } => return self.timed_out().into(),
            LdapError::Io { .. }
            | LdapError::OpSend { .. }
            | LdapError::ResultRecv { .. }
            | LdapError::IdScrubSend { .. }
            | LdapError::MiscSend { .. }
            | LdapError::EndOfStream => self.is_broken.set(true),
            _ => {}
        }
        StoreError::from(error).into()
    }

    fn timed_out(&self) -> StoreError {
        self.timeouts.set(self.timeouts.get() + 1);
        StoreError::Timeout(format!("the directory did not answer within {:?}", self.operation_timeout))
    }
}

fn refused(result: LdapResult) -> OpError {
    OpError::Refused(Refusal { code: result.rc.into(), matched: result.matched, text: result.text })
}

type Stream = SearchStream<'static, String, Arc<[String]>>;

/// A search under way that tells the server when nobody wants the rest.
struct AbandonOnDrop {
    stream: Option<Stream>,
}

impl AbandonOnDrop {
    async fn next(&mut self) -> Result<Option<ldap3::ResultEntry>, LdapError> {
        match &mut self.stream {
            Some(stream) => stream.next().await,
            None => Ok(None),
        }
    }

    /// The final result; there is nothing to abandon then.
    async fn finish(mut self) -> LdapResult {
        match self.stream.take() {
            Some(mut stream) => stream.finish().await,
            None => LdapResult {
                rc: 88,
                matched: String::new(),
                text: String::new(),
                refs: vec![],
                ctrls: vec![],
            },
        }
    }
}

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        let (Some(mut stream), Ok(runtime)) = (self.stream.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        runtime.spawn(async move {
            let mut ldap = stream.ldap_handle().clone();
            let id = stream.ldap_handle().last_id();
            stream.finish().await; // Releases the message id.
            if let Err(error) = ldap.abandon(id).await {
                tracing::debug!(%error, "A search could not be abandoned.");
            }
        });
    }
}
