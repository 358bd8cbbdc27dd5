//! Pieces that several routes share.

use actix_web::{
    HttpResponse, ResponseError as _, Route, guard,
    http::header::{ALLOW, HeaderValue},
    web,
};

use crate::{http::error::Failure, scim::error::ScimError};

/// A route for GET and for HEAD, whose answer the server sends without the body (RFC 9110 §9.3.2).
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Answers 405 and names the methods that are allowed (7644-3.2-d).
pub(crate) fn not_allowed(allow: &'static str) -> Route {
    web::to(move || async move {
        let error = ScimError::method_not_allowed(format!("Allowed here: {allow}."));
        answer(&Failure::with_header(error, ALLOW, HeaderValue::from_static(allow)))
    })
}

/// Answers 404 for a path that nothing serves.
pub(crate) async fn unknown() -> HttpResponse {
    answer(&ScimError::not_found("There is no such endpoint.").into())
}

/// Answers 501 for an endpoint of the protocol that is not served (RFC 7644 §3.2, §3.11).
pub(crate) async fn not_implemented() -> HttpResponse {
    answer(&ScimError::not_implemented("This endpoint is not implemented.").into())
}

fn answer(failure: &Failure) -> HttpResponse {
    failure.error_response()
}
