//! `scimgate serve`: builds the parts from the settings and serves until it is told to stop.
//!
//! What the operator must correct ends the process before a socket opens:
//! settings, mapping, a store that refuses our credentials. A store that is
//! down does not: requests are answered 503 until it is back.

mod fill;

use std::{fmt::Display, net::TcpListener, path::PathBuf, sync::Arc, time::Duration};

#[cfg(feature = "ldap")]
use crate::store::ldap::LdapStore;
use crate::{
    auth::Authenticator,
    cli::{BROKEN, Outcome, REFUSED, WRONG_FILES, fail, mapping},
    config::{Settings, StoreSettings},
    correlation::Correlation,
    gateway::Gateway,
    http::{
        Front,
        server::{self, ServeError},
    },
    mapping::{Mapping, StoreKind},
    ops::{self, shutdown::Shutdown},
    store::{Store, StoreError},
};
#[cfg(feature = "sql")]
use crate::{config::SqlSettings, store::sql::SqlStore};

/// The tenant that `/scim/v2` serves; part of every derived id.
pub(super) const TENANT: &str = "default";

/// How long a new database may be filled before the first request is taken.
const START_PATIENCE: Duration = Duration::from_secs(2);

/// What `serve` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let settings = Settings::load(&arguments.config).map_err(|e| fail(WRONG_FILES, e))?;
    ops::telemetry::init(&settings.log).map_err(|e| fail(WRONG_FILES, e))?;
    log_panics();
    if settings.clients.is_empty() {
        tracing::warn!("there are no [[clients]]: every request will be refused");
    }
    let mapping = mapping::load(&settings.mapping)?;
    mapping::check_clients(&mapping, &settings)
        .map_err(|e| fail(WRONG_FILES, format_args!("{}: {e}", arguments.config.display())))?;
    actix_web::rt::System::new().block_on(async {
        let gateway = build_filling(&settings, mapping).await?;
        let listeners = settings.server.listen.iter().map(|a| server::listen(*a));
        let listeners = listeners.collect::<Result<Vec<_>, _>>().map_err(|e| fail(BROKEN, e))?;
        serve(gateway, &settings, listeners).await
    })
}

/// Sends panics to the log, with their place but without their text, which may hold values (S-13).
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!("a fault of ours at {place}");
    }));
}

/// Serves until the process is told to stop.
pub(super) async fn serve(gateway: Gateway, settings: &Settings, listeners: Vec<TcpListener>) -> Outcome {
    let gateway = Arc::new(gateway);
    gateway.take_over().await.map_err(|e| fail(REFUSED, e.detail()))?;
    let keeper = Arc::clone(&gateway);
    actix_web::rt::spawn(async move { keeper.keep_journal().await });
    let front =
        Front::new(Arc::clone(&gateway), Authenticator::from(&settings.clients[..]), &settings.server);
    let mut shutdown = Shutdown::new().map_err(|e| fail(BROKEN, format_args!("signals: {e}")))?;
    let stop = async {
        let signal = shutdown.requested().await;
        tracing::info!("{signal}: requests under way come to their end, then the process ends");
    };
    let outcome = server::serve(front, &settings.server, listeners, stop).await;
    gateway.close().await;
    outcome.map_err(|e| fail(code(&e), e))
}

fn code(error: &ServeError) -> u8 {
    match error {
        ServeError::Tls(_) => WRONG_FILES,
        ServeError::Listen { .. } | ServeError::Broken(_) => BROKEN,
    }
}

/// As [`build_gateway`], and begins to fill a database that never saw all of the store.
async fn build_filling(settings: &Settings, mapping: Mapping) -> Result<Gateway, u8> {
    let mapping = Arc::new(mapping);
    let store = build_store(settings, &mapping).await?;
    let correlation = open_correlation(settings)?;
    let build = || build_over(settings, Arc::clone(&mapping), Arc::clone(&store), correlation.clone());
    if !settings.correlation.scan {
        return Ok(build());
    }
    let filling = fill::start(settings, build())
        .map_err(|e| fail(REFUSED, format_args!("the correlation database: {e}")))?;
    if !filling.wait(START_PATIENCE).await {
        tracing::info!("the correlation database is being filled; until then, unknown ids are answered 503");
    }
    Ok(build().with_filling(filling))
}

/// Opens the store and our database, and puts the mapping between them.
pub(super) async fn build_gateway(settings: &Settings, mapping: Mapping) -> Result<Gateway, u8> {
    let mapping = Arc::new(mapping);
    let store = build_store(settings, &mapping).await?;
    Ok(build_over(settings, mapping, store, open_correlation(settings)?))
}

/// Opens the store that a mapping is for.
pub(super) async fn build_store(settings: &Settings, mapping: &Mapping) -> Result<Arc<dyn Store>, u8> {
    let store = mapping::find_store(mapping, settings).map_err(|e| fail(WRONG_FILES, e))?;
    let store = open_store(store, mapping)?;
    greet(&mapping.store_name, store.probe().await)?;
    Ok(store)
}

/// Puts a mapping between a store and our database.
pub(super) fn build_over(
    settings: &Settings,
    mapping: Arc<Mapping>,
    store: Arc<dyn Store>,
    correlation: Correlation,
) -> Gateway {
    Gateway::new(mapping, store, correlation, settings.limits.clone())
}

/// Opens our database.
pub(super) fn open_correlation(settings: &Settings) -> Result<Correlation, u8> {
    Correlation::open(&settings.correlation, TENANT)
        .map_err(|e| fail(REFUSED, format_args!("the correlation database: {e}")))
}

/// Says whether the store answers; only a refusal of our credentials ends the process.
fn greet(name: &str, answer: Result<String, StoreError>) -> Outcome {
    match answer {
        Ok(version) => tracing::info!(store.name = name, "the store `{name}` answers: {version}"),
        Err(error @ StoreError::Denied(_)) => {
            return Err(fail(
                REFUSED,
                format_args!(
                    "the store `{name}`: {error}; correct the account or its password in [stores.{name}]"
                ),
            ));
        }
        Err(error) => {
            tracing::warn!(store.name = name, %error, "the store `{name}` does not answer; serving 503 until it does");
        }
    }
    Ok(())
}

/// Makes the store of the mapping's kind ready; nothing is connected to yet.
fn open_store(settings: &StoreSettings, mapping: &Mapping) -> Result<Arc<dyn Store>, u8> {
    let name = &mapping.store_name;
    let wrong = |reason: &dyn Display| fail(WRONG_FILES, format_args!("the store `{name}`: {reason}"));
    match (&mapping.store, &settings.sql, &settings.ldap) {
        #[cfg(feature = "sql")]
        (StoreKind::Sql { session }, Some(sql), _) => {
            let settings = SqlSettings { session: session.clone(), ..sql.clone() };
            Ok(Arc::new(SqlStore::open(&settings).map_err(|e| wrong(&e))?))
        }
        #[cfg(feature = "ldap")]
        (StoreKind::Ldap { .. }, _, Some(ldap)) => {
            Ok(Arc::new(LdapStore::new(ldap.clone()).map_err(|e| wrong(&e))?))
        }
        _ => Err(wrong(&"this scimgate was built without that kind of store")),
    }
}
