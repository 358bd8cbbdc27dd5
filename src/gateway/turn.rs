//! Turns: writes under one name run one after the other, in this process and beside others on the same database of
//! ids.
//!
//! **Invariant:** whoever has lost its turn to another process writes nothing more to the store ([`check`], which
//! [`Clocked`](super::clocked::Clocked) asks before every change).

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::{
    correlation::Turn as Shared,
    gateway::{Gateway, identity::failed},
    scim::error::ScimError,
    store::StoreError,
};

tokio::task_local! {
    /// The turns that the present write depends on.
    static HELD: Vec<Arc<Shared>>;
}

/// The right to write under some names, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    shared: Option<Arc<Shared>>,
    _local: Vec<OwnedMutexGuard<()>>,
}

impl Turn {
    /// Does something that depends on it.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        // Writes within writes are large: their place is not the stack.
        let work = Box::pin(work);
        let Some(shared) = &self.shared else { return work.await };
        let mut held = HELD.try_with(Clone::clone).unwrap_or_default();
        held.push(Arc::clone(shared));
        HELD.scope(held, work).await
    }
}

impl Gateway {
    /// Waits until nobody else writes under any of these names.
    ///
    /// # Errors
    ///
    /// 503 if others keep them for too long, or our own database does not answer.
    pub(super) async fn turn(&self, names: Vec<String>) -> Result<Turn, ScimError> {
        let local = self.locks.acquire(names.clone()).await;
        let shared = self.correlation.turn(&names).await.map_err(|e| failed(&e))?;
        Ok(Turn { shared: shared.map(Arc::new), _local: local })
    }

    /// Does something when it is its turn.
    ///
    /// # Errors
    ///
    /// Those of [`Self::turn`] and of the work.
    pub(super) async fn in_turn<T>(
        &self,
        names: Vec<String>,
        work: impl Future<Output = Result<T, ScimError>>,
    ) -> Result<T, ScimError> {
        let turn = self.turn(names).await?;
        turn.during(work).await
    }
}

/// Refuses a change of the store by a write that has lost its turn.
///
/// # Errors
///
/// [`StoreError::Unavailable`].
pub(super) async fn check() -> Result<(), StoreError> {
    for turn in HELD.try_with(Clone::clone).unwrap_or_default() {
        if !turn.is_held().await {
            return Err(StoreError::Unavailable("another process may write the same by now".to_owned()));
        }
    }
    Ok(())
}
