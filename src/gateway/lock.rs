//! Locks by name within this process: two creates of one userName, or two
//! changes of one resource, run one after the other. Between processes see
//! [`turn`](super::turn).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

/// Named locks; a name that nobody holds takes no room.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Locks {
    /// Waits for all names, in one order for everybody, so that nobody waits in a circle.
    pub(super) async fn acquire(&self, mut names: Vec<String>) -> Vec<OwnedMutexGuard<()>> {
        names.sort();
        names.dedup();
        let mut guards = Vec::with_capacity(names.len());
        for name in names {
            let lock = self.get(name);
            guards.push(lock.lock_owned().await);
        }
        guards
    }

    fn get(&self, name: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() > 1024 {
            held.retain(|_, lock| lock.strong_count() > 0);
        }
        if let Some(lock) = held.get(&name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        held.insert(name, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_name_is_held_once() {
        let locks = Locks::default();
        let first = locks.acquire(vec!["b".into(), "a".into(), "a".into()]).await;
        assert_eq!(first.len(), 2);
        let waiting =
            tokio::time::timeout(std::time::Duration::from_millis(20), locks.acquire(vec!["a".into()]));
        assert!(waiting.await.is_err(), "held");
        drop(first);
        assert_eq!(locks.acquire(vec!["a".into()]).await.len(), 1);
    }
}
