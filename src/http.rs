//! The HTTP front: routes, media types, authentication, headers, log lines.
//!
//! actix-web lives here only. Handlers turn a request into a call of the
//! [`Gateway`] and its outcome into an answer; they know neither mapping nor
//! store. Client deviations are translated by `dialect` on the way in, for
//! callers whose mode is tolerant.
//!
//! **Invariant:** below `/scim/v2` nothing of a request is looked at before its
//! caller is known (S-07), and every answer there is a SCIM document or empty.

mod base_url;
mod body;
mod bulk;
mod caller;
mod discovery;
mod error;
mod health;
mod me;
mod media;
mod reply;
mod request_log;
mod resources;
mod room;
mod root;
mod routes;
pub mod server;
pub mod tls;

use std::{sync::Arc, time::Duration};

use actix_web::{
    Scope,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use tokio::sync::Semaphore;

pub use self::base_url::ROOT;
use self::{caller::Endpoint, routes::Patterns};
use crate::{auth::Authenticator, config::ServerSettings, gateway::Gateway};

/// What the handlers share.
pub struct Front {
    gateway: Arc<Gateway>,
    authenticator: Authenticator,
    settings: Settings,
    patterns: Patterns,
    readiness: health::Readiness,
    /// For requests that are under way.
    room: Semaphore,
}

/// What the handlers need to know of the settings.
struct Settings {
    public_url: Option<String>,
    max_body_bytes: usize,
    max_bulk_body_bytes: usize,
    max_json_depth: usize,
    request_timeout: Duration,
}

impl Front {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        gateway: impl Into<Arc<Gateway>>,
        authenticator: Authenticator,
        settings: &ServerSettings,
    ) -> Self {
        let gateway = gateway.into();
        let room = Semaphore::new(settings.max_requests);
        let settings = Settings {
            public_url: settings.public_url.as_ref().map(ToString::to_string),
            max_body_bytes: settings.max_body_bytes,
            max_bulk_body_bytes: settings.max_bulk_body_bytes,
            max_json_depth: settings.max_json_depth,
            request_timeout: Duration::from_secs(settings.request_timeout_secs),
        };
        let patterns = Patterns::new(&gateway.resource_types());
        let readiness = health::Readiness::default();
        Self { gateway, authenticator, settings, patterns, readiness, room }
    }
}

/// Every route there is.
///
/// The outermost layer stands at the top of each list; actix runs the last `wrap` first.
pub fn configure(cfg: &mut ServiceConfig, front: &web::Data<Front>) {
    let scim = scim(&front.gateway).wrap(from_fn(media::represent)).wrap(from_fn(caller::authenticate));
    let scim = scim.wrap(from_fn(room::admit));
    let everything = web::scope("")
        .service(health::scope())
        .service(scim)
        .default_service(web::to(routes::unknown))
        .wrap(from_fn(request_log::observe));
    cfg.app_data(front.clone()).service(everything);
}

/// The endpoints of RFC 7644 §3.2.
fn scim(gateway: &Gateway) -> Scope {
    let mut scim = web::scope(ROOT);
    // First, as they are asked for most.
    for (ty, resource_type) in gateway.resource_types().into_iter().enumerate() {
        let endpoint = Endpoint { ty, name: resource_type.name.clone() };
        scim = scim.service(resources::scope(&resource_type.endpoint, endpoint));
    }
    scim = discovery::routes(scim);
    scim = me::routes(scim);
    scim = bulk::routes(scim);
    scim = root::routes(scim);
    scim.default_service(web::to(routes::unknown))
}
