//! Fills a database that is new, or that never saw a resource type from end to end, while the gateway serves.

use std::{collections::BTreeMap, io, thread, time::Duration};

use tokio::sync::watch;

use super::TENANT;
use crate::{
    config::Settings,
    correlation::{CorrelationError, bulk::Bulk},
    gateway::{Filling, Gateway, TypeId, survey::SurveyError},
    mapping::Ids,
    ops::clock,
    store::StoreError,
};

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(2);
/// And after many.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is left to do: types with who waits for them.
type Left = BTreeMap<TypeId, (String, watch::Sender<bool>)>;

/// Begins to fill in what was never seen from end to end, on a thread of its own and with a gateway of its
/// own. Ids that follow from nothing are left out, since there is nothing to fill them in from.
pub(super) fn start(settings: &Settings, gateway: Gateway) -> Result<Filling, CorrelationError> {
    let seen = Bulk::open(&settings.correlation, TENANT)?.scanned()?;
    let mut filling = Filling::default();
    let mut left = Left::new();
    for (ty, resource_type) in gateway.resource_types().into_iter().enumerate() {
        let name = &resource_type.name;
        if !seen.contains(name) && gateway.ids_of(ty) == Some(Ids::Derived) {
            left.insert(ty, (name.clone(), filling.add(name)));
        }
    }
    if !left.is_empty() {
        let settings = settings.clone();
        let started: io::Result<_> =
            thread::Builder::new().name("correlation-fill".to_owned()).spawn(move || {
                actix_web::rt::System::new().block_on(fill(&settings, &gateway, left));
            });
        started.map_err(|e| CorrelationError::Unavailable(e.to_string()))?;
    }
    Ok(filling)
}

async fn fill(settings: &Settings, gateway: &Gateway, mut left: Left) {
    while let Some((ty, (name, waiting))) = left.pop_first() {
        let mut pause = PAUSE;
        loop {
            match fill_in(settings, gateway, ty, &name).await {
                Ok((found, added)) => {
                    tracing::info!(
                        scim.resource_type = name,
                        found,
                        added,
                        "the correlation database knows all that the store has"
                    );
                    break;
                }
                Err(error) if is_passing(&error) => {
                    tracing::warn!(
                        scim.resource_type = name,
                        %error,
                        "the correlation database is not filled yet; unknown ids are answered 503"
                    );
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::error!(
                        scim.resource_type = name,
                        %error,
                        "the correlation database cannot be filled; ids are known when they were listed"
                    );
                    break;
                }
            }
        }
        waiting.send_replace(true);
    }
}

/// True if it may work later.
fn is_passing(error: &SurveyError) -> bool {
    match error {
        SurveyError::Store(StoreError::Unavailable(_) | StoreError::Timeout(_)) => true,
        SurveyError::Store(_) => false,
        SurveyError::Read(error) => error.status() == 503,
        SurveyError::Correlation(error) => error.is_unavailable(),
    }
}

async fn fill_in(
    settings: &Settings,
    gateway: &Gateway,
    ty: TypeId,
    name: &str,
) -> Result<(u64, u64), SurveyError> {
    let mut bulk = Bulk::open(&settings.correlation, TENANT)?;
    let mut added = 0;
    let mut insert = |rows: Vec<_>| {
        added += bulk.insert_missing(name, &rows, gateway.buried_of(ty))?;
        Ok(())
    };
    let found = gateway.survey(ty, &mut insert).await?;
    bulk.note_scan(name, clock::now())?;
    Ok((found, added))
}
