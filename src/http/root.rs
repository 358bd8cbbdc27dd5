//! Queries over all resource types: the root itself and `/.search` (RFC 7644 §3.4.2.1, §3.4.3).

use actix_web::{HttpRequest, HttpResponse, Scope, web};

use crate::{
    dialect,
    http::{
        body::Body,
        caller::{Anyone, parameters},
        error::Failure,
        reply,
        routes::{get, not_allowed, serve},
    },
    scim::{message::SearchRequest, validate::Mode},
};

type Answer = Result<HttpResponse, Failure>;

/// Adds the routes to the SCIM root.
pub(crate) fn routes(scope: Scope) -> Scope {
    let scope = serve(scope, "", |it| it.route(get().to(list)).default_service(not_allowed("GET, HEAD")));
    serve(scope, "/.search", |it| it.route(web::post().to(search)).default_service(not_allowed("POST")))
}

/// RFC 7644 §3.4.2.1.
async fn list(caller: Anyone, request: HttpRequest) -> Answer {
    let query = SearchRequest::from_query(&parameters(&request), &caller.filter_rules())?;
    answer(&caller, query).await
}

/// RFC 7644 §3.4.3.
async fn search(caller: Anyone, Body(body): Body) -> Answer {
    let query = SearchRequest::from_body(&body, caller.context.mode(), &caller.filter_rules())?;
    answer(&caller, query).await
}

async fn answer(caller: &Anyone, mut query: SearchRequest) -> Answer {
    let gateway = &caller.front.gateway;
    if caller.context.mode() == Mode::Tolerant {
        dialect::adapt_search(&mut query, &gateway.resource_types());
    }
    Ok(reply::message(&gateway.search_all(&caller.context, &query).await?))
}
