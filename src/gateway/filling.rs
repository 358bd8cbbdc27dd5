//! While our own database is filled from the store: an id without a row may be one that a client was given,
//! so nobody says that it is unknown.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    correlation::Row,
    gateway::{Gateway, TypeId, identity::failed},
    scim::error::ScimError,
};

/// How long a request waits for the database to be full.
const PATIENCE: Duration = Duration::from_secs(5);
/// After how many seconds a client should come back.
const RETRY_AFTER_SECS: u32 = 10;

/// Which resource types are being filled in, by name; true once they are.
#[derive(Debug, Clone, Default)]
pub struct Filling {
    types: HashMap<String, watch::Receiver<bool>>,
}

impl Filling {
    /// Says that a type is filled in until the sender says otherwise.
    pub fn add(&mut self, resource_type: &str) -> watch::Sender<bool> {
        let (sender, receiver) = watch::channel(false);
        self.types.insert(resource_type.to_owned(), receiver);
        sender
    }

    /// Waits until all of it is there, but no longer than this. True if it is.
    pub async fn wait(&self, patience: Duration) -> bool {
        let all = async {
            for name in self.types.keys() {
                self.done(name).await;
            }
        };
        tokio::time::timeout(patience, all).await.is_ok()
    }

    fn is_over(&self, resource_type: &str) -> bool {
        self.types.get(resource_type).is_none_or(|done| *done.borrow())
    }

    async fn done(&self, resource_type: &str) {
        if let Some(done) = self.types.get(resource_type) {
            // Without a sender nobody fills in any more; then it never comes to its end.
            if done.clone().wait_for(|done| *done).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Gateway {
    /// The gateway, in front of a database that is being filled.
    #[must_use]
    pub fn with_filling(mut self, filling: Filling) -> Self {
        self.filling = filling;
        self
    }

    /// The rows of these ids of live resources.
    ///
    /// # Errors
    ///
    /// 503 if some are missing and it is not known yet whether they exist.
    pub(super) async fn rows_by_ids(&self, ty: TypeId, ids: &[String]) -> Result<Vec<Arc<Row>>, ScimError> {
        let mut rows = self.living_rows(ty, ids).await?;
        let is_missing = |id: &&String| !rows.iter().any(|row| row.id == **id);
        let missing: Vec<String> = ids.iter().filter(is_missing).cloned().collect();
        rows.extend(self.come_back(ty, &missing).await?);
        Ok(rows)
    }

    async fn living_rows(&self, ty: TypeId, ids: &[String]) -> Result<Vec<Arc<Row>>, ScimError> {
        let name = &self.ty(ty)?.resource_type.name;
        // Before the look-up, so that what was not over then does not count as over afterwards.
        let was_over = self.filling.is_over(name);
        let rows = self.correlation.find_by_ids(name, ids).await.map_err(|e| failed(&e))?;
        if was_over || ids.iter().all(|id| rows.iter().any(|row| row.id == *id)) {
            return Ok(rows);
        }
        if tokio::time::timeout(PATIENCE, self.filling.done(name)).await.is_ok() {
            return self.correlation.find_by_ids(name, ids).await.map_err(|e| failed(&e));
        }
        Err(ScimError::unavailable(
            "The service is still learning which ids there are; try again later.",
            RETRY_AFTER_SECS,
        ))
    }
}
