//! What every request gets, whatever it asks for: an id, one line in the log,
//! a time limit, and an answer even if a handler panics.
//!
//! **Invariant:** the line names the route's pattern, never the path with its
//! values, and nothing of query, headers or body (S-13). Other log events of
//! the request carry its id through the span.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage as _, HttpResponse, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    auth::Principal,
    http::{Front, error::Failure},
    scim::error::ScimError,
};

/// The header that carries the request's id, in both directions.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs the request under a span with its id and a time limit, and logs how it ended.
pub(crate) async fn observe(
    front: web::Data<Front>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id(request.headers());
    let line =
        Line { method: method(request.method()), route: route(&front, &request), started, id: id.clone() };
    let span = tracing::info_span!("request", request.id = %id);
    let work = AssertUnwindSafe(next.call(request)).catch_unwind();
    let outcome = tokio::time::timeout(front.settings.request_timeout, work).instrument(span).await;
    let header = HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
    let mut answer = match outcome {
        Ok(Ok(Ok(answer))) => {
            let client = answer.request().extensions().get::<Arc<Principal>>().map(|p| p.client.clone());
            line.write(answer.status().as_u16(), client.as_deref().unwrap_or("-"));
            let mut answer = answer.map_into_boxed_body();
            answer.headers_mut().insert(REQUEST_ID, header);
            return Ok(answer);
        }
        Ok(Ok(Err(error))) => error.error_response(),
        Ok(Err(_panic)) => answer_of(ScimError::internal("The request failed for an internal reason.")),
        Err(_elapsed) => answer_of(ScimError::unavailable("The request took too long.", RETRY_SECS)),
    };
    line.write(answer.status().as_u16(), "-");
    answer.headers_mut().insert(REQUEST_ID, header);
    Err(InternalError::from_response("no answer", answer).into())
}

/// How long a client waits after a request that took too long.
const RETRY_SECS: u32 = 5;

fn answer_of(error: ScimError) -> HttpResponse {
    Failure::from(error).error_response()
}

/// What is known of the log line before the request has run.
struct Line<'f> {
    method: &'static str,
    route: &'f str,
    started: Instant,
    id: String,
}

impl Line<'_> {
    fn write(&self, status: u16, client: &str) {
        let elapsed: Duration = self.started.elapsed();
        let Self { method, route, id, .. } = self;
        tracing::info!(
            request.id = %id,
            http.method = method,
            http.route = %route,
            http.status = status,
            client,
            duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            "{method} {route} answered {status}"
        );
    }
}

/// The pattern of the route; a path that no route knows is not repeated.
fn route<'f>(front: &'f Front, request: &ServiceRequest) -> &'f str {
    front.patterns.find(request.match_info().as_str()).unwrap_or("unknown")
}

/// The method, if it is one of HTTP's; a client may send any word.
fn method(method: &Method) -> &'static str {
    const KNOWN: [(&Method, &str); 7] = [
        (&Method::GET, "GET"),
        (&Method::HEAD, "HEAD"),
        (&Method::POST, "POST"),
        (&Method::PUT, "PUT"),
        (&Method::PATCH, "PATCH"),
        (&Method::DELETE, "DELETE"),
        (&Method::OPTIONS, "OPTIONS"),
    ];
    KNOWN.iter().find(|(known, _)| *known == method).map_or("other", |(_, name)| name)
}

/// The id that the client sent, if it is short and plain, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let is_sane = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let sent = headers.get(&REQUEST_ID).and_then(|v| v.to_str().ok()).filter(is_sane);
    sent.map_or_else(new_id, str::to_owned)
}

/// An id that no other request has: a random one of this process, and a number. A random one for each
/// request would ask the operating system each time.
fn new_id() -> String {
    static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::new_v4);
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{}-{}", PROCESS.simple(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_echoed_only_if_sane() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
            request_id(&headers)
        };
        assert_eq!(with("a-B_3.x"), "a-B_3.x");
        for bad in ["", "a b", "a\tb", "\"x\"", &"x".repeat(65)] {
            assert_ne!(with(bad), bad);
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
