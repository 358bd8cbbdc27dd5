//! The store of LDAP entries (RFC 4511), on OpenLDAP, 389-ds and Active Directory.
//!
//! Everything of the `ldap3` crate stays below this module. The parts:
//!
//! - `discovery`, `servers`: which servers there are, and which one is in use;
//! - `tls`, `open`, `link`, `pool`: connections, one set per worker thread;
//! - `server`, `control`: what a server can do, and the controls we use;
//! - `plan`, `filter`, `rules`, `matching`, `select`, `named`, `chained`, `entry`, `range`, `syntax`: reading;
//! - `apply`, `modify`: writing;
//! - `shown`, `ldif`: what would be sent, for people to read;
//! - `inventory`: what a server and its entries are like, for `check --live`;
//! - `result`: what a server's refusals mean.
//!
//! **Invariants:** a listing is asked for page by page; attributes are asked
//! for by name; a change is sent at most once; an absent search base is an
//! error and never an empty answer.

mod apply;
mod chained;
mod control;
mod discovery;
mod entry;
mod filter;
#[cfg(feature = "gssapi")]
mod gssapi;
mod inventory;
mod ldif;
mod learned;
mod link;
mod matching;
mod modify;
mod named;
mod open;
mod plan;
mod pool;
mod range;
mod request;
mod result;
mod rules;
mod select;
mod server;
mod servers;
mod shown;
mod spelling;
mod syntax;
mod tls;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use secrecy::ExposeSecret as _;

pub use self::open::LdapSetupError;
use self::{
    apply::Apply,
    learned::Learned,
    open::Endpoint,
    plan::{covers, plan},
    pool::{Lane, Shared, pool},
    request::Query,
    result::Operation,
    select::Selection,
    server::{ROOT_DSE, Server},
    servers::Servers,
    tls::tls_config,
};
use super::{Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError, Way};
use crate::config::ldap::{LdapSettings, SaslMechanism};

/// A directory. Holds settings only: each thread that uses it opens connections of its own,
/// which live on that thread's Tokio runtime.
pub struct LdapStore {
    shared: Arc<Shared>,
}

impl LdapStore {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`LdapSetupError`].
    pub fn new(settings: LdapSettings) -> Result<Self, LdapSetupError> {
        let endpoints = settings
            .urls
            .iter()
            .map(|url| Endpoint::parse(url, settings.start_tls))
            .collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() && settings.domain.is_none() {
            return Err(LdapSetupError::NoUrl);
        }
        if settings.sasl == Some(SaslMechanism::Gssapi) {
            if let Some(endpoint) = endpoints.iter().find(|e| !e.is_encrypted()) {
                return Err(LdapSetupError::TicketInTheClear(endpoint.url.to_string()));
            }
        } else if settings.bind_dn.is_empty() {
            let is_certified = settings.certificate_file.is_some();
            if endpoints.iter().any(|e| e.url.scheme() != "ldapi" && !(is_certified && e.is_encrypted()))
                || settings.domain.is_some() && !is_certified
            {
                return Err(LdapSetupError::NoAccount);
            }
        } else if settings.password.expose_secret().is_empty() {
            return Err(LdapSetupError::EmptyPassword(settings.bind_dn));
        }
        for endpoint in endpoints.iter().filter(|e| e.is_in_the_clear()) {
            tracing::warn!(ldap.url = %endpoint.url, "Passwords cross the network unencrypted: use ldaps:// or start_tls.");
        }
        let tls = tls_config(&settings)?;
        let servers = Arc::new(Servers::new(endpoints, &settings));
        Ok(Self { shared: Arc::new(Shared { settings, servers, tls, learned: Learned::default() }) })
    }
}

impl LdapStore {
    /// Makes sure that there is a connection, so that what the server is like is known before it is asked.
    async fn meet(&self) -> Result<(), StoreError> {
        match self.shared.learned.is_known() {
            true => Ok(()),
            false => pool(&self.shared).server().await.map(drop),
        }
    }

    async fn read<T>(&self, select: &Select, keep: &dyn Fn(Row) -> Option<T>) -> Result<Vec<T>, StoreError> {
        self.meet().await?;
        let plan = plan(&select.bag, &select.predicate, &self.shared.learned.rules())?;
        let limit = select.limit.map(|l| usize::try_from(l).unwrap_or(usize::MAX));
        let pool = pool(&self.shared);
        let selection =
            Selection { pool: &pool, bag: &select.bag, plan: &plan, fields: &select.fields, limit };
        selection.kept(keep).await
    }
}

impl ReadStore for LdapStore {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        Box::pin(async move { self.read(&select, &Some).await })
    }

    fn select_texts<'a>(
        &'a self,
        select: Select,
        text: &'a dyn Fn(&Row) -> Option<Box<str>>,
    ) -> LocalBoxFuture<'a, Result<Vec<Box<str>>, StoreError>> {
        Box::pin(async move { self.read(&select, &|row| text(&row)).await })
    }

    fn select_by(
        &self,
        select: Select,
        way: Way,
    ) -> LocalBoxFuture<'_, Result<Option<Vec<Row>>, StoreError>> {
        Box::pin(async move {
            self.meet().await?;
            let plan = plan(&select.bag, &select.predicate, &self.shared.learned.rules())?;
            let pool = pool(&self.shared);
            match way {
                Way::Named { entry, attribute } => {
                    named::rows(&pool, &select, &plan, (&entry, &attribute)).await
                }
                Way::Chained { field, names } => chained::rows(&pool, &select, plan, field, &names).await,
            }
        })
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            self.meet().await?;
            let plan = plan(&bag, &predicate, &self.shared.learned.rules())?;
            let pool = pool(&self.shared);
            let selection = Selection { pool: &pool, bag: &bag, plan: &plan, fields: &[], limit: None };
            selection.count().await
        })
    }

    fn shown(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<String>, StoreError>> {
        Box::pin(async move {
            self.meet().await?;
            let plan = plan(&select.bag, &select.predicate, &self.shared.learned.rules())?;
            Ok(shown::searches(&select, &plan, self.shared.settings.page_size))
        })
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        covers(bag, predicate, &self.shared.learned.rules())
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        Box::pin(async move {
            let query = Query::base("", "(objectClass=*)", &ROOT_DSE);
            let take = |entry| Ok(Some(entry));
            let answer = pool(&self.shared).search(Lane::Point, &query, &take).await;
            let entries: Vec<entry::Entry> =
                answer.map_err(|e| e.into_store(Operation::Search, "the root DSE", ""))?;
            let dse = entries.into_iter().next().unwrap_or_default();
            Ok(Server::from_root_dse(dse.texts()).name().to_owned())
        })
    }
}

impl Store for LdapStore {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        Box::pin(async move { Apply::new(pool(&self.shared)).await?.run(steps).await })
    }

    fn shown_steps(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Vec<String>>, StoreError>> {
        Box::pin(async move { Apply::new(pool(&self.shared)).await?.rehearse(steps).await })
    }
}
