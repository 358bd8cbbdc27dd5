//! `POST /Bulk` (RFC 7644 §3.7).

use actix_web::{Scope, web};

use crate::{
    dialect,
    gateway::TypeId,
    http::{
        body::BulkBody,
        caller::Writer,
        reply,
        resources::{Answer, to_the_end},
        routes::{not_allowed, serve},
    },
    scim::{
        Json,
        bulk::{BulkRequest, Method},
        validate::Mode,
    },
};

/// Adds the endpoint to the SCIM root.
pub(crate) fn routes(scope: Scope) -> Scope {
    serve(scope, "/Bulk", |it| it.route(web::post().to(bulk)).default_service(not_allowed("POST")))
}

/// Runs to its end even if the client hangs up, as a single write does.
async fn bulk(writer: Writer, BulkBody(body): BulkBody) -> Answer {
    let Writer { front, context } = writer;
    let mode = context.mode();
    let most = front.gateway.limits().max_bulk_operations;
    let request = BulkRequest::from_body(&body, mode, most, &context.base_url)?;
    drop(body);
    to_the_end(async move {
        let adapt = |ty: TypeId, method: Method, data: &mut Json| {
            if let (Mode::Tolerant, Some(resource_type)) = (mode, front.gateway.resource_types().get(ty)) {
                match method {
                    Method::Patch => dialect::adapt_patch(data, resource_type),
                    Method::Post | Method::Put | Method::Delete => {
                        dialect::adapt_resource(data, resource_type)
                    }
                }
            }
        };
        Ok(reply::message(&front.gateway.bulk(&context, &request, &adapt).await))
    })
    .await
}
