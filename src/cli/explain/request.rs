//! What a single request would read and write, as statements with the origin of
//! each value. The store is read as the request would read it, and not written.

use std::{io::Read as _, path::Path};

use crate::{
    cli::{
        REFUSED, WRONG_COMMAND, WRONG_FILES,
        explain::{
            shown::{shown, writes_to_the_store},
            wrong,
        },
        fail,
    },
    correlation::Correlation,
    dialect,
    gateway::{Context, Gateway, TypeId},
    mapping::{Mapping, StoreKind},
    scim::{
        Json, error::ScimError, filter::parse::FilterRules, message::SearchRequest,
        precondition::Preconditions, resource::Selection,
    },
    store::{Step, rehearsal::Rehearsal},
};

/// A request on the command line: `PATCH /Users/…` and its body.
pub(super) struct Request {
    method: Method,
    endpoint: String,
    id: Option<String>,
    /// What stands behind the path: `filter`, `excludedAttributes`.
    query: Vec<(String, String)>,
    body: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Request {
    /// Reads a request; `body` is a file, or `-` for standard input.
    pub(super) fn parse(text: &str, body: Option<&Path>) -> Result<Self, u8> {
        let (method, path) = text.split_once(' ').unwrap_or((text, ""));
        let method = match method.to_ascii_uppercase().as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            other => {
                let said = format_args!("`{other}` is none of GET, POST, PUT, PATCH, DELETE");
                return Err(fail(WRONG_COMMAND, said));
            }
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut segments = path.trim().trim_matches('/').split('/');
        let endpoint = segments.next().unwrap_or_default().to_owned();
        let id = segments.next().map(str::to_owned);
        let fits = match method {
            Method::Get => true,
            Method::Post => id.is_none(),
            Method::Put | Method::Patch | Method::Delete => id.is_some(),
        };
        if endpoint.is_empty() || segments.next().is_some() || !fits {
            let said = format_args!(
                "`{text}` is no request for resources, such as `PATCH /Users/ID` or `GET /Users`"
            );
            return Err(fail(WRONG_COMMAND, said));
        }
        let body = match body {
            _ if matches!(method, Method::Get | Method::Delete) => Json::Null,
            Some(file) => read(file)?,
            None => {
                let said = "this request needs a body: --body FILE, or --body - for standard input";
                return Err(fail(WRONG_COMMAND, said));
            }
        };
        Ok(Self { method, endpoint, id, query, body })
    }
}

/// The JSON of a file, or of standard input.
fn read(file: &Path) -> Result<Json, u8> {
    let wrong = |e: &dyn std::fmt::Display| fail(WRONG_FILES, format_args!("{}: {e}", file.display()));
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    serde_json::from_str(&text.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))
}

/// Where a request is rehearsed.
pub(super) struct Stage<'a> {
    pub(super) gateway: &'a Gateway,
    /// The gateway's store.
    pub(super) rehearsal: &'a Rehearsal,
    /// Our own database, as the gateway has it.
    pub(super) correlation: &'a Correlation,
}

/// Rehearses a request, and tells what it comes to.
pub(super) async fn explain(
    stage: &Stage<'_>,
    mapping: &Mapping,
    cx: &Context,
    request: &Request,
) -> Result<String, u8> {
    let Stage { gateway, rehearsal, correlation } = *stage;
    let Some(ty) = gateway.find_endpoint(&request.endpoint) else {
        let known: Vec<&str> = gateway.resource_types().iter().map(|t| t.endpoint.as_str()).collect();
        let (endpoint, known) = (&request.endpoint, known.join(", "));
        return Err(fail(
            WRONG_COMMAND,
            format_args!("there is no endpoint `/{endpoint}`, there are {known}"),
        ));
    };
    let id = match &request.id {
        None => String::new(),
        Some(id) => gateway.id_of(ty, id).await.map_err(wrong)?,
    };
    drop(rehearsal.take());
    let answer = rehearse(gateway, cx, ty, &id, request).await;
    let noted = rehearsal.take();
    // A resource without a row may be made without a step of the store's.
    let is_ours = |steps: &Vec<Step>| {
        steps.is_empty() || steps.iter().any(|step| mapping.part_of(step.bag()).is_some())
    };
    let is_begun = correlation.was_to_change() || noted.writes.iter().any(is_ours);
    // A write ends with an error of the rehearsal's own; any other error is the request's.
    if let (Err(error), false) = (answer, is_begun) {
        return Err(wrong(error));
    }
    let mut out = shown(rehearsal, mapping, &noted).await.map_err(|e| fail(REFUSED, e))?;
    if is_begun && !writes_to_the_store(&noted) {
        let comment = if matches!(mapping.store, StoreKind::Ldap { .. }) { "# " } else { "" };
        out.push_str(&format!("{comment}only our own database keeps what changes\n"));
    }
    Ok(out)
}

async fn rehearse(
    gateway: &Gateway,
    cx: &Context,
    ty: TypeId,
    id: &str,
    request: &Request,
) -> Result<(), ScimError> {
    let resource_type = gateway
        .resource_types()
        .get(ty)
        .copied()
        .ok_or_else(|| ScimError::not_found("There is no such type."))?;
    if request.method == Method::Get && request.id.is_none() {
        let mut query = SearchRequest::from_query(&request.query, &FilterRules::tolerant())?;
        dialect::adapt_search(&mut query, &[resource_type]);
        return gateway.search(cx, ty, &query).await.map(drop);
    }
    let find = |name: &str| {
        request.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    };
    let all = Selection::parse(find("attributes"), find("excludedAttributes"), resource_type)?;
    let (always, mut body) = (Preconditions::default(), request.body.clone());
    match request.method {
        Method::Post | Method::Put => dialect::adapt_resource(&mut body, resource_type),
        Method::Patch => dialect::adapt_patch(&mut body, resource_type),
        Method::Get | Method::Delete => {}
    }
    let body = &body;
    match request.method {
        Method::Get => gateway.retrieve(cx, ty, id, &all).await.map(drop),
        Method::Post => gateway.create(cx, ty, body, &all).await.map(drop),
        Method::Put => gateway.replace(cx, ty, id, &always, body, &all).await.map(drop),
        Method::Patch => gateway.patch(cx, ty, id, &always, body, &all).await.map(drop),
        Method::Delete => gateway.delete(cx, ty, id, &always).await,
    }
}
