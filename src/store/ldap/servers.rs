//! Which of several servers is in use: one for all threads, so that after a fail-over reads follow the writes.
//!
//! Servers stand in the order of preference. The one in use is left when it breaks or keeps silent, and the
//! first one is taken up again when it has answered for a while and no write is recent: what was written to
//! one server may reach the others late.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    discovery::{Discovery, Found, in_order},
    open::{Endpoint, answers},
};
use crate::{config::ldap::LdapSettings, store::StoreError};

/// How long nothing may be heard on a connection before its server is asked whether it is there.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// How often the first server is asked whether it is back.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// How long the first server is left alone when it refuses us: repeating wrong credentials may lock the account.
const AFTER_REFUSAL: Duration = Duration::from_secs(600);
/// How long ago the last write must be before another server may be read from.
const QUIET: Duration = Duration::from_secs(5);
/// How long what the name service told counts, unless none of the servers can be reached.
const BETWEEN_LOOK_UPS: Duration = Duration::from_secs(300);

/// The servers of a store.
pub(super) struct Servers {
    discovery: Option<Discovery>,
    known: RwLock<Known>,
    in_use: AtomicUsize,
    fail_back: Option<Duration>,
    progress: Mutex<Progress>,
}

/// Servers, each of which keeps its index for good.
#[derive(Default)]
struct Known {
    endpoints: Vec<Endpoint>,
    /// Those that there are now, the preferred one first.
    order: Vec<usize>,
    /// What the name service told, and when.
    told: Vec<Found>,
    looked_up: Option<Instant>,
}

/// On the way back to the first server.
#[derive(Default)]
struct Progress {
    last_write: Option<Instant>,
    last_look: Option<Instant>,
    /// Until when the first server is not asked, since it refused us.
    refused_until: Option<Instant>,
    /// Since when the first server has answered without a break.
    answers_since: Option<Instant>,
}

impl Servers {
    /// The servers that the settings name as `endpoints`, or those of a domain.
    pub(super) fn new(endpoints: Vec<Endpoint>, settings: &LdapSettings) -> Self {
        let fail_back = (settings.fail_back_secs > 0).then(|| Duration::from_secs(settings.fail_back_secs));
        let order = (0..endpoints.len()).collect();
        let known = RwLock::new(Known { endpoints, order, ..Known::default() });
        let discovery = Discovery::new(settings);
        Self { discovery, known, in_use: AtomicUsize::new(0), fail_back, progress: Mutex::default() }
    }

    /// True if there is a server to turn to when one fails.
    pub(super) fn has_choice(&self) -> bool {
        self.known(|known| known.order.len() > 1)
    }

    /// The index of the server in use.
    pub(super) fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Acquire)
    }

    /// A server by its index.
    pub(super) fn endpoint(&self, index: usize) -> Option<Endpoint> {
        self.known(|known| known.endpoints.get(index).cloned())
    }

    /// All of them, the one in use first, then the others in order of preference.
    pub(super) fn in_turn(&self) -> Vec<(usize, Endpoint)> {
        let in_use = self.in_use();
        self.known(|known| {
            let (first, others): (Vec<_>, Vec<_>) = known.order.iter().partition(|index| **index == in_use);
            let endpoint = |index: &usize| Some((*index, known.endpoints.get(*index)?.clone()));
            first.into_iter().chain(others).filter_map(endpoint).collect()
        })
    }

    /// Asks the name service which servers there are, if that is how they are told and it is time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], and [`StoreError::Timeout`] after `limit`, if no server is known from before
    /// either.
    pub(super) async fn look_up(&self, limit: Duration) -> Result<(), StoreError> {
        let Some(discovery) = &self.discovery else { return Ok(()) };
        if self.known(|known| known.looked_up.is_some_and(|when| when.elapsed() < BETWEEN_LOOK_UPS)) {
            return Ok(());
        }
        let silent = |_| {
            Err(StoreError::Timeout(format!("the name service did not tell the servers within {limit:?}")))
        };
        match tokio::time::timeout(limit, self.ask(discovery)).await.unwrap_or_else(silent) {
            Ok(None) => self.change(|known| known.looked_up = Some(Instant::now())),
            Ok(Some((endpoints, told))) => self.change(|known| known.replace(endpoints, told)),
            Err(error) if self.known(|known| known.order.is_empty()) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "The servers known from before are used.");
                self.change(|known| known.looked_up = Some(Instant::now()));
            }
        }
        Ok(())
    }

    /// The servers that there are now, and what told them; `None` if that is what was told before.
    async fn ask(&self, discovery: &Discovery) -> Result<Option<(Vec<Endpoint>, Vec<Found>)>, StoreError> {
        let told = discovery.servers().await?;
        if self.known(|known| known.told == told) {
            return Ok(None);
        }
        let (mut endpoints, mut failure) = (Vec::new(), None);
        for server in in_order(&told, random) {
            match discovery.endpoint(&server).await {
                Ok(endpoint) => endpoints.push(endpoint),
                Err(error) => {
                    tracing::warn!(%error, "A directory server has no address.");
                    failure = Some(error);
                }
            }
        }
        match failure {
            None => Ok(Some((endpoints, told))),
            Some(error) if endpoints.is_empty() => Err(error),
            // Not all of them: what was told is asked about again next time.
            Some(_) => Ok(Some((endpoints, Vec::new()))),
        }
    }

    /// No server can be reached: there may be others by now, or the same elsewhere.
    pub(super) fn forget_look_up(&self) {
        self.change(|known| (known.looked_up, known.told) = (None, Vec::new()));
    }

    /// All threads shall use this server from now on.
    pub(super) fn use_server(&self, index: usize) {
        let before = self.in_use.swap(index, Ordering::AcqRel);
        if before != index {
            self.note(|progress| progress.answers_since = None);
            let url = self.endpoint(index).map(|e| e.url.to_string()).unwrap_or_default();
            tracing::warn!(ldap.url = url, "Another directory server is in use now.");
        }
    }

    /// This server hangs: unless all have left it already, they turn to the next one.
    pub(super) fn leave(&self, index: usize) {
        let next = self.known(|known| {
            let at = known.order.iter().position(|i| *i == index);
            known.order.get(at.map_or(0, |at| at + 1)).or(known.order.first()).copied()
        });
        if let Some(next) = next.filter(|_| self.in_use() == index && self.has_choice()) {
            self.use_server(next);
        }
    }

    /// A write was sent.
    pub(super) fn note_write(&self) {
        if self.has_choice() {
            self.note(|progress| progress.last_write = Some(Instant::now()));
        }
    }

    /// Looks from time to time whether the first server is back, and returns to it.
    pub(super) fn look_back(self: &Arc<Self>, settings: &LdapSettings, tls: &Arc<rustls::ClientConfig>) {
        let Some(patience) = self.fail_back else { return };
        let first = self.known(|known| known.order.first().copied()).unwrap_or_default();
        if self.in_use() == first || !self.is_time_to_look() {
            return;
        }
        let Some(endpoint) = self.endpoint(first) else { return };
        let servers = Arc::clone(self);
        let (settings, tls) = (settings.clone(), Arc::clone(tls));
        tokio::spawn(async move {
            let answer = answers(&endpoint, &settings, &tls, settings.patience()).await;
            if matches!(answer, Err(StoreError::Denied(_))) {
                servers.note(|progress| progress.refused_until = Some(Instant::now() + AFTER_REFUSAL));
            }
            let is_there = answer.is_ok();
            if servers.is_back(is_there, patience, Instant::now()) {
                servers.use_server(first);
            }
        });
    }

    fn is_time_to_look(&self) -> bool {
        self.progress.lock().is_ok_and(|mut progress| {
            let is_time = progress.last_look.is_none_or(|look| look.elapsed() >= BETWEEN_LOOKS)
                && progress.refused_until.is_none_or(|until| until <= Instant::now());
            if is_time {
                progress.last_look = Some(Instant::now());
            }
            is_time
        })
    }

    /// Takes note of a look at the first server; true if it may be used again.
    fn is_back(&self, is_there: bool, patience: Duration, now: Instant) -> bool {
        self.progress.lock().is_ok_and(|mut progress| {
            if !is_there {
                progress.answers_since = None;
                return false;
            }
            let since = *progress.answers_since.get_or_insert(now);
            let is_quiet = progress.last_write.is_none_or(|write| now.duration_since(write) >= QUIET);
            is_quiet && now.duration_since(since) >= patience
        })
    }

    fn known<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        if let Ok(mut progress) = self.progress.lock() {
            change(&mut progress);
        }
    }
}

impl Known {
    /// Takes over what the name service tells now. A server that is known keeps its index.
    fn replace(&mut self, endpoints: Vec<Endpoint>, told: Vec<Found>) {
        self.order.clear();
        for endpoint in endpoints {
            let index = match self.endpoints.iter().position(|known| known.url == endpoint.url) {
                Some(index) => index,
                None => self.endpoints.len(),
            };
            match self.endpoints.get_mut(index) {
                Some(known) => *known = endpoint,
                None => self.endpoints.push(endpoint),
            }
            self.order.push(index);
        }
        (self.told, self.looked_up) = (told, Some(Instant::now()));
    }
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without chance the order stays as the name service told it.
    getrandom::fill(&mut bytes).unwrap_or_default();
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: usize) -> Servers {
        Servers::new((0..count).map(endpoint).collect(), &LdapSettings::default())
    }

    fn endpoint(number: usize) -> Endpoint {
        Endpoint::parse(&format!("ldap://server{number}"), false).unwrap()
    }

    fn order(servers: &Servers) -> Vec<usize> {
        servers.in_turn().into_iter().map(|(index, _)| index).collect()
    }

    #[test]
    fn the_server_in_use_comes_first_and_the_others_in_order() {
        let servers = servers(3);
        assert_eq!(order(&servers), [0, 1, 2]);
        servers.use_server(2);
        assert_eq!(order(&servers), [2, 0, 1]);
    }

    #[test]
    fn a_hung_server_is_left_once_whoever_notices() {
        let servers = servers(3);
        servers.leave(0);
        servers.leave(0);
        assert_eq!(servers.in_use(), 1);
        servers.leave(1);
        servers.leave(2);
        assert_eq!(servers.in_use(), 0, "the last one leads to the first again");
    }

    #[test]
    fn servers_that_come_and_go_keep_their_numbers() {
        let servers = servers(2);
        servers.use_server(1);
        servers.change(|known| known.replace([2, 1].map(endpoint).into(), Vec::new()));
        assert_eq!(order(&servers), [1, 2]);
        servers.change(|known| known.replace([0, 2].map(endpoint).into(), Vec::new()));
        assert_eq!(order(&servers), [0, 2], "the one in use is no more");
        servers.leave(1);
        assert_eq!(servers.in_use(), 0);
        servers.forget_look_up();
        assert!(servers.known(|known| known.told.is_empty() && known.looked_up.is_none()));
        assert_eq!(servers.endpoint(1).unwrap().url.as_str(), "ldap://server1");
    }

    #[test]
    fn a_single_server_is_never_left() {
        let servers = servers(1);
        servers.leave(0);
        assert_eq!(servers.in_use(), 0);
    }

    #[test]
    fn the_first_server_is_used_again_after_it_has_answered_for_a_while() {
        let servers = servers(2);
        servers.use_server(1);
        let (patience, start) = (Duration::from_secs(60), Instant::now());
        let look = |is_there, secs| servers.is_back(is_there, patience, start + Duration::from_secs(secs));
        assert!(!look(true, 0));
        assert!(!look(true, 59));
        assert!(!look(false, 60), "a break begins the time anew");
        assert!(!look(true, 62));
        assert!(look(true, 122));
        servers.note(|p| p.last_write = Some(start + Duration::from_secs(122)));
        assert!(!look(true, 124), "what was written just now may not be there yet");
        assert!(look(true, 127));
    }
}
