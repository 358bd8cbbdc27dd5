//! How many requests may be under way. Beyond that a client is told at once to come back: where a store hangs,
//! requests would pile up with their bodies until no memory is left.

use actix_web::{
    Error, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web,
};

use crate::{
    http::{Front, error::Failure},
    scim::error::ScimError,
};

/// Seconds after which a client may come back.
const RETRY_SECS: u32 = 2;

/// Lets a request pass if there is room for it.
pub(crate) async fn admit(
    front: web::Data<Front>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Ok(_room) = front.room.try_acquire() else {
        let error = ScimError::unavailable("Too many requests are under way; try again later.", RETRY_SECS);
        return Ok(request.into_response(Failure::from(error).error_response()));
    };
    Ok(next.call(request).await?.map_into_boxed_body())
}
