//! The connections of one worker thread, and which server they go to.
//!
//! Connections live in a thread-local and are driven on that thread's own
//! runtime: no operation wakes another thread. The first one serves point
//! operations; the others serve listings, so that a listing never stands in
//! front of a look-up. All go to the server in use (`servers`); while there is
//! another one to turn to, a server that keeps silent is asked whether it is
//! still there.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream::FuturesUnordered,
};
use ldap3::controls::{Control, RawControl};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    learned::Learned,
    link::{Link, Take},
    open::{answers, open},
    request::{Query, Request},
    result::OpError,
    rules::Rules,
    server::Server,
    servers::{SILENCE, Servers},
};
use crate::{config::ldap::LdapSettings, store::StoreError};

/// Refused credentials are not tried again sooner: repeating them may lock the account.
const AFTER_REFUSAL: Duration = Duration::from_secs(5);

/// A server that is there, but slow, is asked again after so long.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(5);

/// What all threads share of a store: no connection.
pub(super) struct Shared {
    pub(super) settings: LdapSettings,
    pub(super) servers: Arc<Servers>,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) learned: Learned,
}

thread_local! {
    static POOLS: RefCell<Vec<(Weak<Shared>, Rc<Pool>)>> = const { RefCell::new(Vec::new()) };
}

/// What an operation is like, which decides its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Few entries, known beforehand.
    Point,
    /// Many entries, page by page.
    List,
}

/// This thread's connections of one store.
pub(super) struct Pool {
    shared: Weak<Shared>,
    slots: Vec<Slot>,
    next_list: Cell<usize>,
}

#[derive(Default)]
struct Slot {
    link: RefCell<Option<Rc<Link>>>,
    /// Held while connecting; the last failure, for those who waited for the same attempt.
    connecting: Mutex<Option<(Instant, StoreError)>>,
    /// Held while asking whether a silent server is there; when that was, and whether it was.
    asking: Mutex<Option<(Instant, bool)>>,
    /// Held during a listing: OpenLDAP remembers one paged search per connection.
    paging: Mutex<()>,
}

/// This thread's connections of a store.
pub(super) fn pool(shared: &Arc<Shared>) -> Rc<Pool> {
    POOLS.with_borrow_mut(|pools| {
        if let Some((_, pool)) = pools.iter().find(|(s, _)| std::ptr::eq(s.as_ptr(), Arc::as_ptr(shared))) {
            return Rc::clone(pool);
        }
        pools.retain(|(s, _)| s.strong_count() > 0);
        let slots = shared.settings.connections_per_worker.max(1);
        let pool = Rc::new(Pool {
            shared: Arc::downgrade(shared),
            slots: std::iter::repeat_with(Slot::default).take(slots).collect(),
            next_list: Cell::new(0),
        });
        pools.push((Arc::downgrade(shared), Rc::clone(&pool)));
        pool
    })
}

/// What was sent and got no answer may have been carried out.
fn unsure(error: OpError) -> OpError {
    match error {
        OpError::Failed(StoreError::Unavailable(said) | StoreError::Timeout(said)) => {
            OpError::Failed(StoreError::Unsure(said))
        }
        other => other,
    }
}

impl Pool {
    /// Runs a search; on a connection that turns out broken, once more on a new one.
    pub(super) async fn search<T>(
        &self,
        lane: Lane,
        query: &Query,
        take: Take<'_, T>,
    ) -> Result<Vec<T>, OpError> {
        let (slot, _turn) = match lane {
            Lane::Point => (self.point()?, None),
            Lane::List => self.list_turn().await?,
        };
        let mut is_retry = false;
        loop {
            let link = self.link(slot).await?;
            let permit = link.permit().await?;
            let answer = self.attended(slot, &link, link.search(query, take)).await;
            drop(permit);
            match answer {
                Err(OpError::Failed(StoreError::Unavailable(_))) if !is_retry && !link.is_alive() => {
                    is_retry = true;
                }
                answer => return answer,
            }
        }
    }

    /// Makes a change, on a connection that is known to be open at that moment.
    pub(super) async fn write(
        &self,
        request: Request<'_>,
        controls: Vec<RawControl>,
    ) -> Result<Vec<Control>, OpError> {
        let slot = self.point()?;
        loop {
            let link = self.link(slot).await?;
            let _permit = link.permit().await?;
            if link.is_alive() {
                let shared = self.shared()?;
                shared.servers.note_write();
                let done = self.attended(slot, &link, link.write(request, controls)).await.map_err(unsure);
                if matches!(done, Err(OpError::Failed(StoreError::Unsure(_)))) {
                    tokio::time::sleep(Duration::from_millis(shared.settings.grace_ms)).await;
                }
                return done;
            }
        }
    }

    /// Waits for an answer, but not for a server that hangs while another one could answer.
    async fn attended<T>(
        &self,
        slot: &Slot,
        link: &Link,
        operation: impl Future<Output = Result<T, OpError>>,
    ) -> Result<T, OpError> {
        let shared = self.shared()?;
        if !shared.servers.has_choice() {
            return operation.await;
        }
        let (operation, hang) = (std::pin::pin!(operation), std::pin::pin!(hang(slot, link, &shared)));
        match select(operation, hang).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(link.give_up().into()),
        }
    }

    /// What the server in use can do.
    pub(super) async fn server(&self) -> Result<Rc<Server>, StoreError> {
        Ok(Rc::clone(self.link(self.point()?).await?.server()))
    }

    /// By which rules the server compares.
    pub(super) fn rules(&self) -> Result<Arc<Rules>, StoreError> {
        Ok(self.shared()?.learned.rules())
    }

    fn point(&self) -> Result<&Slot, StoreError> {
        self.slots.first().ok_or_else(|| StoreError::Unavailable("no connection is configured".to_owned()))
    }

    /// A connection for a listing, exclusively where the server wants that.
    async fn list_turn(&self) -> Result<(&Slot, Option<MutexGuard<'_, ()>>), StoreError> {
        let lists = match self.slots.as_slice() {
            [_, lists @ ..] if !lists.is_empty() => lists,
            all => all,
        };
        for slot in lists {
            if let Ok(turn) = slot.paging.try_lock() {
                return Ok((slot, Some(turn)));
            }
        }
        let turn = self.next_list.get();
        self.next_list.set(turn.wrapping_add(1));
        let slot = match lists.get(turn % lists.len().max(1)) {
            Some(slot) => slot,
            None => self.point()?,
        };
        if slot.current().is_some_and(|link| !link.server().pages_one_at_a_time()) {
            return Ok((slot, None));
        }
        let limit = self.operation_timeout()?;
        match tokio::time::timeout(limit, slot.paging.lock()).await {
            Ok(turn) => Ok((slot, Some(turn))),
            Err(_) => Err(StoreError::Unavailable("other listings keep the directory busy".to_owned())),
        }
    }

    /// The slot's connection to the server in use, opened if there is none to use.
    async fn link(&self, slot: &Slot) -> Result<Rc<Link>, StoreError> {
        let shared = self.shared()?;
        shared.servers.look_back(&shared.settings, &shared.tls);
        if let Some(link) = slot.usable(&shared) {
            shared.learned.refresh(&link).await?;
            return Ok(link);
        }
        let asked = Instant::now();
        let mut failure = slot.connecting.lock().await;
        if let Some(link) = slot.usable(&shared) {
            return Ok(link);
        }
        // Who waited while an attempt failed shares its failure, instead of queueing for one more.
        if let Some((when, error)) = &*failure {
            let is_refusal = matches!(error, StoreError::Denied(_)) && when.elapsed() < AFTER_REFUSAL;
            if *when >= asked || is_refusal {
                return Err(error.clone());
            }
        }
        match open_any(&shared).await {
            Ok(link) => {
                let link = Rc::new(link);
                slot.link.replace(Some(Rc::clone(&link)));
                *failure = None;
                shared.learned.refresh(&link).await?;
                Ok(link)
            }
            Err(error) => {
                *failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn operation_timeout(&self) -> Result<Duration, StoreError> {
        Ok(Duration::from_secs(self.shared()?.settings.operation_timeout_secs.max(1)))
    }

    fn shared(&self) -> Result<Arc<Shared>, StoreError> {
        self.shared.upgrade().ok_or_else(|| StoreError::Unavailable("the store was closed".to_owned()))
    }
}

impl Slot {
    /// The connection if it can be used and leads to the server in use; another one is let go. Operations
    /// under way on it keep it until they end.
    fn usable(&self, shared: &Shared) -> Option<Rc<Link>> {
        let mut link = self.link.borrow_mut();
        let is_elsewhere = |l: &Link| l.endpoint() != shared.servers.in_use();
        if let Some(held) = link.as_ref().filter(|l| !l.is_usable() || is_elsewhere(l)) {
            if !held.is_alive() || is_elsewhere(held) {
                shared.learned.doubt();
            }
            *link = None;
        }
        link.clone()
    }

    fn current(&self) -> Option<Rc<Link>> {
        self.link.borrow().clone()
    }
}

/// Opens a connection to the server in use or, if it fails or takes long, to the first that answers. A refusal
/// ends it: wrong credentials are wrong everywhere, and repeating them may lock the account.
async fn open_any(shared: &Shared) -> Result<Link, StoreError> {
    let mut failure = StoreError::Unavailable("no server is configured".to_owned());
    let limit = Duration::from_secs(shared.settings.connect_timeout_secs);
    shared.servers.look_up(limit).await?;
    let servers = shared.servers.in_turn();
    let mut left = servers.iter().peekable();
    let mut attempts = FuturesUnordered::new();
    loop {
        if let Some((index, endpoint)) = left.next() {
            let attempt = open(endpoint, &shared.settings, &shared.tls);
            attempts.push(async move { (*index, endpoint, attempt.await) });
        } else if attempts.is_empty() {
            shared.servers.forget_look_up();
            return Err(failure);
        }
        let next = attempts.next();
        let answer = match left.peek() {
            Some(_) => tokio::time::timeout(shared.settings.patience(), next).await.unwrap_or_default(),
            None => next.await,
        };
        match answer {
            Some((index, _, Ok(link))) => {
                shared.servers.use_server(index);
                return Ok(link.leading_to(index));
            }
            Some((_, endpoint, Err(error @ (StoreError::Unavailable(_) | StoreError::Timeout(_))))) => {
                tracing::warn!(ldap.url = %endpoint.url, %error, "A directory server cannot be reached.");
                failure = error;
            }
            Some((_, _, Err(error))) => return Err(error),
            None => {}
        }
    }
}

/// Ends when the connection's server hangs.
async fn hang(slot: &Slot, link: &Link, shared: &Shared) {
    let servers = &shared.servers;
    let mut asked = Instant::now();
    loop {
        let heard = link.last_heard().max(asked);
        tokio::time::sleep_until((heard + SILENCE).into()).await;
        if link.last_heard() > heard {
            continue;
        }
        let mut answer = slot.asking.lock().await;
        let is_there = match *answer {
            Some((when, is_there)) if when > heard => is_there,
            _ => {
                let Some(endpoint) = servers.endpoint(link.endpoint()) else { return };
                let patience = shared.settings.patience();
                let answer_to_us = answers(&endpoint, &shared.settings, &shared.tls, patience).await;
                // Refused credentials are an answer, too.
                let is_there =
                    !matches!(answer_to_us, Err(StoreError::Unavailable(_) | StoreError::Timeout(_)));
                *answer = Some((Instant::now(), is_there));
                is_there
            }
        };
        if !is_there {
            servers.leave(link.endpoint());
            return;
        }
        // It is there, and this takes long: no reason to ask, and to bind, every second.
        asked = Instant::now() + BETWEEN_QUESTIONS;
    }
}
