//! The discovery endpoints (RFC 7644 §4): what this server can do, which
//! resource types it has, and what their schemas are.
//!
//! They are read-only, ignore every query parameter, and refuse a `filter`,
//! whose answer would look as if nothing existed.

use std::sync::Arc;

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, Resource, Route, Scope, web};

use crate::{
    auth::Principal,
    config::Mode,
    http::{
        Front,
        base_url::base_url,
        error::Failure,
        reply,
        routes::{get, not_allowed, serve},
    },
    scim::{
        Json,
        discovery::{self, AuthenticationScheme, BulkLimits, Features, Pagination},
        error::ScimError,
        schema::ResourceType,
    },
};

type Answer = Result<HttpResponse, Failure>;

/// Adds the discovery endpoints to the SCIM root.
pub(crate) fn routes(scope: Scope) -> Scope {
    let scope = serve(scope, "/ServiceProviderConfig", |it| read_only(it, get().to(service_provider_config)));
    let scope = serve(scope, "/ResourceTypes", |it| read_only(it, get().to(resource_types)));
    let scope = serve(scope, "/ResourceTypes/{name}", |it| read_only(it, get().to(resource_type)));
    let scope = serve(scope, "/Schemas", |it| read_only(it, get().to(schemas)));
    serve(scope, "/Schemas/{urn}", |it| read_only(it, get().to(schema)))
}

fn read_only(resource: Resource, read: Route) -> Resource {
    resource.route(read).default_service(not_allowed("GET, HEAD"))
}

/// `/ServiceProviderConfig` (RFC 7643 §5).
async fn service_provider_config(front: web::Data<Front>, request: HttpRequest) -> Answer {
    let base = admit(&front, &request)?;
    let mut config = discovery::service_provider_config(&features(&front), &base);
    let caller = request.extensions().get::<Arc<Principal>>().cloned();
    if let (Some(Mode::Strict), Json::Object(config)) = (caller.map(|c| c.mode), &mut config) {
        // Only a client in this mode is answered by the letter of the interoperability profile.
        config.insert("interopProfileConformant".into(), Json::Bool(true));
    }
    Ok(reply::message(&config))
}

/// `/ResourceTypes` (RFC 7643 §6).
async fn resource_types(front: web::Data<Front>, request: HttpRequest) -> Answer {
    let base = admit(&front, &request)?;
    Ok(reply::message(&discovery::resource_types(&front.gateway.resource_types(), &base)))
}

/// `/ResourceTypes/{name}`.
async fn resource_type(front: web::Data<Front>, name: web::Path<String>, request: HttpRequest) -> Answer {
    let base = admit(&front, &request)?;
    let found = discovery::resource_type(&name, &front.gateway.resource_types(), &base);
    let found = found.ok_or_else(|| ScimError::not_found("There is no such resource type."))?;
    Ok(reply::message(&found))
}

/// `/Schemas` (RFC 7643 §7).
async fn schemas(front: web::Data<Front>, request: HttpRequest) -> Answer {
    let base = admit(&front, &request)?;
    Ok(reply::message(&discovery::schemas(&front.gateway.resource_types(), &base)))
}

/// `/Schemas/{urn}`; a URN has no case (RFC 8141 §3.1).
async fn schema(front: web::Data<Front>, urn: web::Path<String>, request: HttpRequest) -> Answer {
    let base = admit(&front, &request)?;
    let found = discovery::schema(&urn, &front.gateway.resource_types(), &base);
    let found = found.ok_or_else(|| ScimError::not_found("There is no such schema."))?;
    Ok(reply::message(&found))
}

/// What this server can do.
fn features(front: &Front) -> Features {
    let gateway = &front.gateway;
    let limits = gateway.limits();
    let has_password = |ty: &&ResourceType| ty.core.find("password").is_some();
    Features {
        documentation_uri: None,
        patch: true,
        bulk: Some(BulkLimits {
            max_operations: limits.max_bulk_operations as u64,
            max_payload_size: front.settings.max_bulk_body_bytes as u64,
        }),
        filter_max_results: Some(limits.max_results as u64),
        change_password: gateway.resource_types().iter().any(has_password),
        sort: true,
        etag: true,
        pagination: Some(Pagination {
            default_page_size: limits.default_page as u64,
            max_page_size: limits.max_results as u64,
            cursor_timeout: limits.cursor_timeout_secs,
        }),
        authentication: vec![AuthenticationScheme {
            kind: "oauthbearertoken".to_owned(),
            name: "OAuth Bearer Token".to_owned(),
            description: "A bearer token that the operator issued.".to_owned(),
            spec_uri: Some("https://www.rfc-editor.org/info/rfc6750".to_owned()),
            documentation_uri: None,
        }],
    }
}

/// Refuses a filter (7644-4-c), and finds the base URL.
fn admit(front: &Front, request: &HttpRequest) -> Result<String, ScimError> {
    let parameters = url::form_urlencoded::parse(request.query_string().as_bytes());
    if parameters.into_iter().any(|(name, _)| name == "filter") {
        return Err(ScimError::forbidden("Discovery documents cannot be filtered."));
    }
    base_url(front.settings.public_url.as_deref(), request)
}
