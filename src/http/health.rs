//! Is the process alive, and can it serve? Without authentication, and
//! therefore without any data.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, Scope, web};

use crate::http::{
    Front,
    routes::{get, not_allowed, unknown},
};

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer of the store counts: callers are anonymous, so they must not reach it at will.
const LIFETIME: Duration = Duration::from_secs(1);

/// The last answer of the store.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, bool)>>);

impl Readiness {
    fn recall(&self) -> Option<bool> {
        let (when, ready) = self.0.lock().ok().and_then(|last| *last)?;
        (when.elapsed() < LIFETIME).then_some(ready)
    }

    fn note(&self, ready: bool) {
        if let Ok(mut last) = self.0.lock() {
            *last = Some((Instant::now(), ready));
        }
    }
}

/// `/health/live` and `/health/ready`.
pub(crate) fn scope() -> Scope {
    web::scope("/health")
        .service(web::resource("/live").route(get().to(live)).default_service(not_allowed("GET, HEAD")))
        .service(web::resource("/ready").route(get().to(ready)).default_service(not_allowed("GET, HEAD")))
        .default_service(web::to(unknown))
}

async fn live() -> HttpResponse {
    answer(true)
}

async fn ready(front: web::Data<Front>) -> HttpResponse {
    if let Some(ready) = front.readiness.recall() {
        return answer(ready);
    }
    let probed = tokio::time::timeout(PATIENCE, front.gateway.probe()).await;
    let ready = matches!(probed, Ok(Ok(_)));
    front.readiness.note(ready);
    answer(ready)
}

fn answer(fine: bool) -> HttpResponse {
    let mut answer = if fine { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.content_type("text/plain").body(if fine { "ok\n" } else { "unavailable\n" })
}
