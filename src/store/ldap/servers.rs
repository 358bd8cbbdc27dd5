//! Which of several servers is in use: one for all threads, so that after a fail-over reads follow the writes.
//!
//! Servers stand in the order of preference. The one in use is left when it breaks or keeps silent, and the
//! first one is taken up again when it has answered for a while and no write is recent: what was written to
//! one server may reach the others late.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::open::{Endpoint, answers};
use crate::config::ldap::LdapSettings;

/// How long nothing may be heard on a connection before its server is asked whether it is there.
pub(super) const SILENCE: Duration = Duration::from_secs(1);
/// How long a server may take to let us in and tell about itself before it counts as hung. Also how long one
/// server is waited for before the next one is tried at the same time.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How often the first server is asked whether it is back.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// How long ago the last write must be before another server may be read from.
const QUIET: Duration = Duration::from_secs(5);

/// The servers of a store.
pub(super) struct Servers {
    endpoints: Vec<Endpoint>,
    in_use: AtomicUsize,
    fail_back: Option<Duration>,
    progress: Mutex<Progress>,
}

/// On the way back to the first server.
#[derive(Default)]
struct Progress {
    last_write: Option<Instant>,
    last_look: Option<Instant>,
    /// Since when the first server has answered without a break.
    answers_since: Option<Instant>,
}

impl Servers {
    /// `fail_back_secs` as in [`LdapSettings`]: 0 for never.
    pub(super) fn new(endpoints: Vec<Endpoint>, fail_back_secs: u64) -> Self {
        let fail_back = (fail_back_secs > 0).then(|| Duration::from_secs(fail_back_secs));
        Self { endpoints, in_use: AtomicUsize::new(0), fail_back, progress: Mutex::default() }
    }

    /// True if there is a server to turn to when one fails.
    pub(super) fn has_choice(&self) -> bool {
        self.endpoints.len() > 1
    }

    /// The index of the server in use.
    pub(super) fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Acquire)
    }

    /// A server by its index.
    pub(super) fn endpoint(&self, index: usize) -> Option<&Endpoint> {
        self.endpoints.get(index)
    }

    /// All of them, the one in use first, then the others in order of preference.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = (usize, &Endpoint)> {
        let first = self.in_use();
        let others = (0..self.endpoints.len()).filter(move |index| *index != first);
        std::iter::once(first).chain(others).filter_map(|index| Some((index, self.endpoint(index)?)))
    }

    /// All threads shall use this server from now on.
    pub(super) fn use_server(&self, index: usize) {
        let before = self.in_use.swap(index, Ordering::AcqRel);
        if before != index {
            self.note(|progress| progress.answers_since = None);
            let url = self.endpoint(index).map(|e| e.url.as_str()).unwrap_or_default();
            tracing::warn!(ldap.url = url, "Another directory server is in use now.");
        }
    }

    /// This server hangs: unless all have left it already, they turn to the next one.
    pub(super) fn leave(&self, index: usize) {
        if self.in_use() == index && self.has_choice() {
            self.use_server((index + 1) % self.endpoints.len());
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
        let (Some(patience), Some(first)) = (self.fail_back, self.endpoint(0)) else { return };
        if self.in_use() == 0 || !self.is_time_to_look() {
            return;
        }
        let (servers, first) = (Arc::clone(self), first.clone());
        let (settings, tls) = (settings.clone(), Arc::clone(tls));
        tokio::spawn(async move {
            let is_there = answers(&first, &settings, &tls, PATIENCE).await.is_ok();
            if servers.is_back(is_there, patience, Instant::now()) {
                servers.use_server(0);
            }
        });
    }

    fn is_time_to_look(&self) -> bool {
        self.progress.lock().is_ok_and(|mut progress| {
            let is_time = progress.last_look.is_none_or(|look| look.elapsed() >= BETWEEN_LOOKS);
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

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        if let Ok(mut progress) = self.progress.lock() {
            change(&mut progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: usize) -> Servers {
        let url = |i| Endpoint::parse(&format!("ldap://server{i}"), false).unwrap();
        Servers::new((0..count).map(url).collect(), 60)
    }

    fn order(servers: &Servers) -> Vec<usize> {
        servers.in_turn().map(|(index, _)| index).collect()
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
