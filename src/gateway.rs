//! The use cases: what a SCIM request does to a store.
//!
//! The gateway owns authorization, the order of writes and the preconditions.
//! It knows neither HTTP nor which store it has: the [`mapping`](crate::mapping)
//! computes, the [`store`](crate::store) executes, the
//! [`correlation`](crate::correlation) remembers ids.
//!
//! **Invariant:** nothing is answered from memory that the store could
//! contradict; only the pair of id and anchor, which never changes, is cached.

mod adopt;
pub mod bulk;
mod buried;
mod clocked;
mod counter;
mod create;
mod cursor;
mod delete;
mod delta;
mod error;
pub mod explain;
mod filling;
mod floors;
mod holders;
mod identity;
pub mod inspect;
mod joining;
pub mod journal;
mod keys;
mod listing;
mod load;
mod lock;
pub mod me;
mod named;
mod names;
mod nested;
mod patch;
mod pending;
mod pointers;
mod present;
mod remembered;
mod replace;
mod resolve;
mod retrieve;
mod search;
mod searches;
pub mod survey;
mod there;
mod tree;
mod turn;
mod unique;
mod write;

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::{
    auth::{Action, Principal},
    config::{LimitSettings, Mode},
    correlation::Correlation,
    gateway::{counter::Numbers, cursor::Sealer, journal::Journal, listing::Listings, lock::Locks},
    mapping::{Mapping, TypeMapping},
    scim::{error::ScimError, schema::ResourceType, validate},
    store::{
        Store, StoreError,
        moved::{MovedStore, Moves},
        names::NamesStore,
        opened::OpenedStore,
    },
};

pub use self::filling::Filling;

/// What a use case needs to know of the request.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who is calling.
    pub principal: Arc<Principal>,
    /// URL of the SCIM root as the client sees it, without a trailing slash.
    pub base_url: String,
}

/// A mapping, the store it is for, and the ids.
pub struct Gateway {
    mapping: Arc<Mapping>,
    store: Arc<dyn Store>,
    /// Names that entries of a directory have given away lately.
    moves: Arc<Moves>,
    correlation: Correlation,
    limits: LimitSettings,
    locks: Locks,
    journal: Journal,
    numbers: Numbers,
    listings: Listings,
    filling: Filling,
    /// Seals cursors; made when the first one is.
    sealer: OnceCell<Sealer>,
}

/// Index of a resource type in the mapping.
pub type TypeId = usize;

impl Gateway {
    /// Puts a gateway together.
    #[must_use]
    pub fn new(
        mapping: Arc<Mapping>,
        store: Arc<dyn Store>,
        correlation: Correlation,
        limits: LimitSettings,
    ) -> Self {
        let store = OpenedStore::around(store, mapping.types.iter().map(TypeMapping::bag));
        let store = NamesStore::around(store, mapping.types.iter().map(TypeMapping::bag), || {
            Arc::new(names::KeptNames(correlation.clone()))
        });
        let mut store: Arc<dyn Store> = Arc::new(clocked::Clocked(store));
        let moves = Arc::new(Moves::default());
        if mapping.types.iter().any(TypeMapping::is_ldap) {
            store = MovedStore::around(store, &moves);
        }
        Self {
            mapping,
            store,
            moves,
            journal: Journal::of(correlation.replica()),
            correlation,
            limits,
            locks: Locks::default(),
            numbers: Numbers::default(),
            listings: Listings::default(),
            filling: Filling::default(),
            sealer: OnceCell::new(),
        }
    }

    /// The resource types that the mapping declares.
    #[must_use]
    pub fn resource_types(&self) -> Vec<&ResourceType> {
        self.mapping.types.iter().map(|t| &t.resource_type).collect()
    }

    /// Finds a resource type by the segment of its endpoint: `Users`.
    #[must_use]
    pub fn find_endpoint(&self, segment: &str) -> Option<TypeId> {
        self.mapping.types.iter().position(|t| t.resource_type.endpoint.trim_start_matches('/') == segment)
    }

    /// Limits on pages and queries.
    #[must_use]
    pub fn limits(&self) -> &LimitSettings {
        &self.limits
    }

    /// Checks that the store answers, and tells what it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn probe(&self) -> Result<String, StoreError> {
        self.store.probe().await
    }

    fn ty(&self, ty: TypeId) -> Result<&TypeMapping, ScimError> {
        self.mapping.types.get(ty).ok_or_else(|| ScimError::not_found("There is no such endpoint."))
    }

    /// The type, if the caller may do this with its resources (S-11).
    fn permitted(&self, cx: &Context, ty: TypeId, action: Action) -> Result<&TypeMapping, ScimError> {
        let mapping = self.ty(ty)?;
        let name = &mapping.resource_type.name;
        if cx.principal.may(action, name) {
            return Ok(mapping);
        }
        let verb = if action == Action::Read { "read" } else { "change" };
        Err(ScimError::forbidden(format!("These credentials do not permit to {verb} {name} resources.")))
    }
}

impl Context {
    /// How closely the caller's messages must follow the RFCs.
    #[must_use]
    pub fn mode(&self) -> validate::Mode {
        match self.principal.mode {
            Mode::Tolerant => validate::Mode::Tolerant,
            Mode::Rfc => validate::Mode::Rfc,
            Mode::Strict => validate::Mode::Strict,
        }
    }
}
