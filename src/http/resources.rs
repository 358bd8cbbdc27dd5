//! The endpoints of a resource type (RFC 7644 §3.2): `/Users`, `/Users/{id}`,
//! `/Users/.search`, and the same for every other type in the mapping.
//!
//! Handlers read the request and write the answer; what happens in between is
//! the gateway's. Each says in its signature which right it needs.

use std::future::Future;

use actix_web::{HttpRequest, HttpResponse, Scope, http::StatusCode, web};
use tracing::Instrument as _;

use crate::{
    dialect,
    http::{
        body::Body,
        caller::{Caller, Endpoint, Read, Write, parameters},
        error::Failure,
        reply,
        routes::{get, not_allowed, serve, unknown},
    },
    scim::{
        Json, Object, error::ScimError, message::SearchRequest, precondition::Preconditions,
        resource::Selection, schema::ResourceType, validate::Mode,
    },
};

pub(crate) type Answer = Result<HttpResponse, Failure>;

/// The routes of one resource type.
pub(crate) fn scope(path: &str, endpoint: Endpoint) -> Scope {
    let scope = web::scope(path).app_data(endpoint);
    let scope = serve(scope, "", |all| {
        all.route(get().to(list))
            .route(web::post().to(create))
            .default_service(not_allowed("GET, HEAD, POST"))
    });
    let scope = serve(scope, "/.search", |all| {
        all.route(web::post().to(search)).default_service(not_allowed("POST"))
    });
    let scope = serve(scope, "/{id}", |one| {
        one.route(get().to(retrieve))
            .route(web::put().to(replace))
            .route(web::patch().to(patch))
            .route(web::delete().to(delete))
            .default_service(not_allowed("GET, HEAD, PUT, PATCH, DELETE"))
    });
    // A scope does not inherit this from the one around it.
    scope.default_service(web::to(unknown))
}

/// RFC 7644 §3.4.2.
async fn list(caller: Caller<Read>, request: HttpRequest) -> Answer {
    let query = SearchRequest::from_query(&parameters(&request), &caller.filter_rules())?;
    answer(&caller, query).await
}

/// RFC 7644 §3.4.3.
async fn search(caller: Caller<Read>, Body(body): Body) -> Answer {
    let query = SearchRequest::from_body(&body, caller.mode(), &caller.filter_rules())?;
    answer(&caller, query).await
}

async fn answer(caller: &Caller<Read>, mut query: SearchRequest) -> Answer {
    if caller.mode() == Mode::Tolerant {
        dialect::adapt_search(&mut query, &[caller.resource_type()?]);
    }
    let found = caller.front.gateway.search(&caller.context, caller.ty, &query).await?;
    Ok(reply::message(&found))
}

/// RFC 7644 §3.4.1.
async fn retrieve(caller: Caller<Read>, id: web::Path<String>, request: HttpRequest) -> Answer {
    read_one(&caller, &id, &request).await
}

/// Answers with one resource.
pub(crate) async fn read_one(caller: &Caller<Read>, id: &str, request: &HttpRequest) -> Answer {
    let selection = caller.selection(request)?;
    let conditions = reply::conditions(request.headers());
    let retrieve = |shown| caller.front.gateway.retrieve(&caller.context, caller.ty, id, shown);
    let shown = selection.with_meta();
    if conditions != Preconditions::default() && !selection.is_default() {
        // Without a marker of the store, a version follows from everything that there is (7644-3.14-b).
        let everything = Selection::parse(None, None, caller.resource_type()?)?;
        let checked = reply::read(&conditions, retrieve(&everything).await?, Ok)?;
        if checked.status() == StatusCode::NOT_MODIFIED {
            return Ok(checked);
        }
        let found = retrieve(&shown).await?;
        return Ok(reply::resource(StatusCode::OK, found, |found| project(caller, &selection, found))?);
    }
    let found = retrieve(&shown).await?;
    Ok(reply::read(&conditions, found, |found| project(caller, &selection, found))?)
}

/// What the client wants to see of a resource whose `meta` has been read for the headers.
fn project<R>(caller: &Caller<R>, selection: &Selection, resource: Object) -> Result<Object, ScimError> {
    Ok(selection.project(resource, caller.resource_type()?))
}

/// RFC 7644 §3.3.
async fn create(caller: Caller<Write>, request: HttpRequest, body: Body) -> Answer {
    let selection = caller.selection(&request)?;
    let body = adapt(&caller, body.0, dialect::adapt_resource)?;
    to_the_end(async move {
        let shown = selection.with_meta();
        let made = caller.front.gateway.create(&caller.context, caller.ty, &body, &shown).await?;
        Ok(reply::resource(StatusCode::CREATED, made, |made| project(&caller, &selection, made))?)
    })
    .await
}

/// RFC 7644 §3.5.1.
async fn replace(caller: Caller<Write>, id: web::Path<String>, request: HttpRequest, body: Body) -> Answer {
    replace_one(caller, id.into_inner(), &request, body).await
}

/// Replaces one resource.
pub(crate) async fn replace_one(
    caller: Caller<Write>,
    id: String,
    request: &HttpRequest,
    body: Body,
) -> Answer {
    let (selection, conditions) = (caller.selection(request)?, reply::conditions(request.headers()));
    let body = adapt(&caller, body.0, dialect::adapt_resource)?;
    to_the_end(async move {
        let Caller { front, context, ty, .. } = &caller;
        let shown = selection.with_meta();
        let now = front.gateway.replace(context, *ty, &id, &conditions, &body, &shown).await?;
        Ok(reply::resource(StatusCode::OK, now, |now| project(&caller, &selection, now))?)
    })
    .await
}

/// RFC 7644 §3.5.2.
async fn patch(caller: Caller<Write>, id: web::Path<String>, request: HttpRequest, body: Body) -> Answer {
    patch_one(caller, id.into_inner(), &request, body).await
}

/// Changes one resource.
pub(crate) async fn patch_one(
    caller: Caller<Write>,
    id: String,
    request: &HttpRequest,
    body: Body,
) -> Answer {
    let (selection, conditions) = (caller.selection(request)?, reply::conditions(request.headers()));
    let body = adapt(&caller, body.0, dialect::adapt_patch)?;
    to_the_end(async move {
        let Caller { front, context, ty, .. } = &caller;
        let shown = selection.with_meta();
        match front.gateway.patch(context, *ty, &id, &conditions, &body, &shown).await? {
            None => Ok(HttpResponse::NoContent().finish()),
            Some(now) => Ok(reply::resource(StatusCode::OK, now, |now| project(&caller, &selection, now))?),
        }
    })
    .await
}

/// RFC 7644 §3.6.
async fn delete(caller: Caller<Write>, id: web::Path<String>, request: HttpRequest) -> Answer {
    delete_one(caller, id.into_inner(), &request).await
}

/// Deletes one resource.
pub(crate) async fn delete_one(caller: Caller<Write>, id: String, request: &HttpRequest) -> Answer {
    let conditions = reply::conditions(request.headers());
    to_the_end(async move {
        caller.front.gateway.delete(&caller.context, caller.ty, &id, &conditions).await?;
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

/// The body as the RFCs write it, if the client's deviations are to be understood.
fn adapt(
    caller: &Caller<Write>,
    mut body: Json,
    dialect: fn(&mut Json, &ResourceType),
) -> Result<Json, ScimError> {
    if caller.mode() == Mode::Tolerant {
        dialect(&mut body, caller.resource_type()?);
    }
    Ok(body)
}

/// Runs a write to its end even if the client hangs up or the time is over: a write that
/// is dropped half-way would have to be recovered later.
pub(crate) async fn to_the_end(write: impl Future<Output = Answer> + 'static) -> Answer {
    let task = actix_web::rt::spawn(write.in_current_span());
    task.await
        .unwrap_or_else(|_| Err(ScimError::internal("The request failed for an internal reason.").into()))
}
