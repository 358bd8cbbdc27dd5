//! `/Me` (RFC 7644 §3.11): the resource that stands for the caller, if the
//! settings name one. Requests are carried out in place; `Location` and
//! `meta.location` name the resource's permanent URI.

use actix_web::{HttpRequest, HttpResponse, Scope, web};

use crate::http::{
    body::Body,
    caller::{Me, Read, Write},
    error::Failure,
    resources::{Answer, delete_one, patch_one, read_one, replace_one},
    routes::{get, method_not_allowed, serve},
};

/// Adds the endpoint to the SCIM root.
pub(crate) fn routes(scope: Scope) -> Scope {
    serve(scope, "/Me", |me| {
        me.route(get().to(retrieve))
            .route(web::put().to(replace))
            .route(web::patch().to(patch))
            .route(web::delete().to(delete))
            .default_service(web::to(other))
    })
}

async fn retrieve(Me(caller): Me<Read>, request: HttpRequest) -> Answer {
    let id = caller.front.gateway.find_me(&caller.context).await?;
    read_one(&caller, &id, &request).await
}

async fn replace(Me(caller): Me<Write>, request: HttpRequest, body: Body) -> Answer {
    let id = caller.front.gateway.find_me(&caller.context).await?;
    replace_one(caller, id, &request, body).await
}

async fn patch(Me(caller): Me<Write>, request: HttpRequest, body: Body) -> Answer {
    let id = caller.front.gateway.find_me(&caller.context).await?;
    patch_one(caller, id, &request, body).await
}

async fn delete(Me(caller): Me<Write>, request: HttpRequest) -> Answer {
    let id = caller.front.gateway.find_me(&caller.context).await?;
    delete_one(caller, id, &request).await
}

/// Nobody registers here (POST): the resource exists, or the settings name none.
async fn other(_: Me<Read>) -> Result<HttpResponse, Failure> {
    Err(method_not_allowed("GET, HEAD, PUT, PATCH, DELETE"))
}
