//! Request bodies: media type, size, JSON (RFC 7644 §3.8, S-21).

use std::sync::Arc;

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::header::CONTENT_LENGTH,
    web::{self, BytesMut},
};
use futures_util::{StreamExt as _, future::LocalBoxFuture};

use crate::{
    auth::Principal,
    config::Mode,
    http::{
        Front,
        error::Failure,
        media::{self, Accepted},
    },
    scim::{Json, error::ScimError, json},
};

/// The JSON of a request body.
pub(crate) struct Body(pub(crate) Json);

/// The JSON of a bulk request's body, which has limits of its own.
pub(crate) struct BulkBody(pub(crate) Json);

/// How much deeper the data of a bulk operation lies than a body of its own.
const BULK_LAYERS: usize = 3;

impl FromRequest for Body {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let front = request.app_data::<web::Data<Front>>();
        let (limit, depth) = front.map_or((0, 0), |f| (f.settings.max_body_bytes, f.settings.max_json_depth));
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let too_large = || ScimError::too_large(format!("The body is larger than {limit} bytes."));
            let bytes = read(&request, payload, limit, too_large).await?;
            Ok(Self(json::parse(&bytes, depth)?))
        })
    }
}

impl FromRequest for BulkBody {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let settings = request.app_data::<web::Data<Front>>().map(|f| &f.settings);
        let (limit, depth) = settings.map_or((0, 0), |s| (s.max_bulk_body_bytes, s.max_json_depth));
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            // 7644-3.7.4-a: the limit by its published name.
            let too_large = || {
                ScimError::too_large(format!("The request is larger than maxPayloadSize ({limit} bytes)."))
            };
            let bytes = read(&request, payload, limit, too_large).await?;
            Ok(Self(json::parse(&bytes, depth + BULK_LAYERS)?))
        })
    }
}

/// Which media types the caller's mode allows.
fn accepted(request: &HttpRequest) -> Accepted {
    match request.extensions().get::<Arc<Principal>>().map(|caller| caller.mode) {
        Some(Mode::Strict) => Accepted::ScimOnly,
        Some(Mode::Tolerant | Mode::Rfc) | None => Accepted::ScimAndJson,
    }
}

async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
    too_large: impl Fn() -> ScimError,
) -> Result<BytesMut, ScimError> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    media::check_body(request.headers(), accepted(request))?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ScimError::invalid_syntax("The body broke off."))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
