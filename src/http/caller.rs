//! Who calls, and whether they may (RFC 7644 §2, RFC 6750).
//!
//! The caller is known before anything else of the request is looked at: not
//! the body, not the path below the SCIM root, not the media types. Every way
//! of not being known gives the same body (S-07).

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    sync::Arc,
};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
    middleware::Next,
    web,
};

use crate::{
    auth::{Action, AuthError, Principal},
    gateway::Context,
    http::{Front, base_url::base_url, error::Failure},
    ops::clock,
    scim::{
        error::ScimError, filter::parse::FilterRules, resource::Selection, schema::ResourceType,
        validate::Mode,
    },
};

/// Lets known callers pass; the [`Principal`] travels in the request's extensions.
pub(crate) async fn authenticate(
    front: web::Data<Front>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let header = credentials(request.headers());
    match front.authenticator.authenticate(header, clock::now()) {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(cause) => {
            tracing::info!(%cause, "refused a caller");
            // RFC 6750 §3.1: no error code for a request without credentials.
            let challenge = match cause {
                AuthError::Missing => r#"Bearer realm="scim""#,
                AuthError::Malformed | AuthError::Unknown | AuthError::Expired => {
                    r#"Bearer realm="scim", error="invalid_token""#
                }
            };
            let error = ScimError::unauthorized("A valid bearer token is required.");
            let failure = Failure::with_header(error, WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            let mut answer = request.into_response(failure.error_response());
            answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(answer)
        }
    }
}

/// The one `Authorization` header; of several, or one that is no text, none counts.
fn credentials(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(AUTHORIZATION);
    let first = lines.next()?;
    if lines.next().is_some() { Some("") } else { Some(first.to_str().unwrap_or("")) }
}

/// What a handler is about to do; a type, so that its signature says which right it needs.
pub(crate) trait Right {
    /// The right to ask for.
    const ACTION: Action;
}

/// Reading resources.
pub(crate) struct Read;
/// Creating, changing and deleting resources.
pub(crate) struct Write;

impl Right for Read {
    const ACTION: Action = Action::Read;
}

impl Right for Write {
    const ACTION: Action = Action::Write;
}

/// The resource type that a scope serves: its place in the mapping.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// Index of the resource type.
    pub(crate) ty: usize,
    /// Name of the resource type, which a client's rights may be limited to.
    pub(crate) name: String,
}

/// A known caller with the right `R` on the endpoint's resource type.
pub(crate) struct Caller<R> {
    /// The front's parts.
    pub(crate) front: web::Data<Front>,
    /// What the gateway needs to know of the request.
    pub(crate) context: Context,
    /// Index of the resource type.
    pub(crate) ty: usize,
    right: PhantomData<R>,
}

impl<R> Caller<R> {
    /// The resource type that the endpoint serves.
    pub(crate) fn resource_type(&self) -> Result<&ResourceType, ScimError> {
        let found = self.front.gateway.resource_types().get(self.ty).copied();
        found.ok_or_else(|| ScimError::not_found("There is no such endpoint."))
    }

    /// `attributes` and `excludedAttributes` of the query (RFC 7644 §3.9).
    pub(crate) fn selection(&self, request: &HttpRequest) -> Result<Selection, ScimError> {
        let parameters = parameters(request);
        let find = |name: &str| {
            let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        Selection::parse(find("attributes"), find("excludedAttributes"), self.resource_type()?)
    }

    /// How closely the client's messages must follow the RFCs.
    pub(crate) fn mode(&self) -> Mode {
        self.context.mode()
    }

    /// How the client's filters are read (S-21).
    pub(crate) fn filter_rules(&self) -> FilterRules {
        filter_rules(&self.front, &self.context)
    }
}

/// A known caller at an endpoint that is not of one resource type. What it may do is the gateway's to say.
pub(crate) struct Anyone {
    /// The front's parts.
    pub(crate) front: web::Data<Front>,
    /// What the gateway needs to know of the request.
    pub(crate) context: Context,
}

impl Anyone {
    /// How the client's filters are read (S-21).
    pub(crate) fn filter_rules(&self) -> FilterRules {
        filter_rules(&self.front, &self.context)
    }
}

fn filter_rules(front: &Front, context: &Context) -> FilterRules {
    let rules = match context.mode() {
        Mode::Tolerant => FilterRules::tolerant(),
        Mode::Rfc | Mode::Strict => FilterRules::default(),
    };
    FilterRules { max_length: front.gateway.limits().max_filter_length, ..rules }
}

/// The decoded parameters of the query; a plus sign is a blank, `%2B` a plus sign (HTTP-b).
pub(crate) fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect()
}

impl<R: Right> FromRequest for Caller<R> {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(permit(request).map_err(Failure::from))
    }
}

impl FromRequest for Anyone {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let anyone = known(request).and_then(|(front, principal)| {
            let base_url = base_url(front.settings.public_url.as_deref(), request)?;
            Ok(Self { front, context: Context { principal, base_url } })
        });
        ready(anyone.map_err(Failure::from))
    }
}

/// A known caller who may write some of the resource types; each operation asks for its own right.
pub(crate) struct Writer {
    /// The front's parts.
    pub(crate) front: web::Data<Front>,
    /// What the gateway needs to know of the request.
    pub(crate) context: Context,
}

impl FromRequest for Writer {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let writer = known(request).and_then(|(front, principal)| {
            if !principal.may_write() {
                return Err(forbidden());
            }
            let base_url = base_url(front.settings.public_url.as_deref(), request)?;
            Ok(Self { front, context: Context { principal, base_url } })
        });
        ready(writer.map_err(Failure::from))
    }
}

/// A known caller whom a resource stands for, with the right `R` on that resource's type.
pub(crate) struct Me<R>(pub(crate) Caller<R>);

impl<R: Right> FromRequest for Me<R> {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let me = known(request).and_then(|(front, principal)| {
            let ty = front.gateway.type_of_me(&principal)?;
            let name = front.gateway.resource_types().get(ty).map(|t| t.name.clone()).unwrap_or_default();
            caller(request, front, principal, &Endpoint { ty, name })
        });
        ready(me.map(Self).map_err(Failure::from))
    }
}

fn lost() -> ScimError {
    ScimError::internal("The request lost its way.")
}

fn forbidden() -> ScimError {
    ScimError::forbidden("The client lacks the right to do this.")
}

fn known(request: &HttpRequest) -> Result<(web::Data<Front>, Arc<Principal>), ScimError> {
    let principal = request.extensions().get::<Arc<Principal>>().cloned().ok_or_else(lost)?;
    let front = request.app_data::<web::Data<Front>>().cloned().ok_or_else(lost)?;
    Ok((front, principal))
}

fn permit<R: Right>(request: &HttpRequest) -> Result<Caller<R>, ScimError> {
    let (front, principal) = known(request)?;
    let endpoint = request.app_data::<Endpoint>().ok_or_else(lost)?;
    caller(request, front, principal, endpoint)
}

fn caller<R: Right>(
    request: &HttpRequest,
    front: web::Data<Front>,
    principal: Arc<Principal>,
    endpoint: &Endpoint,
) -> Result<Caller<R>, ScimError> {
    if !principal.may(R::ACTION, &endpoint.name) {
        return Err(forbidden());
    }
    let base_url = base_url(front.settings.public_url.as_deref(), request)?;
    Ok(Caller { context: Context { principal, base_url }, ty: endpoint.ty, front, right: PhantomData })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_credentials_none_counts() {
        let with = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
            }
            credentials(&headers).map(str::to_owned)
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&["Bearer abc"]).as_deref(), Some("Bearer abc"));
        assert_eq!(with(&["Bearer abc", "Bearer def"]).as_deref(), Some(""));
    }
}
