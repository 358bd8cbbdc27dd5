//! What a single request would read and write, as statements with the origin of
//! each value. The store is read as the request would read it, and not written.

use std::{io::Read as _, path::Path};

use crate::{
    cli::{REFUSED, WRONG_COMMAND, WRONG_FILES, explain::wrong, fail},
    correlation::Correlation,
    gateway::{Context, Gateway, TypeId},
    mapping::Mapping,
    scim::{Json, error::ScimError, precondition::Preconditions, resource::Selection},
    store::{
        Bag, Cell, Change, FieldId, Step, Store, StoreError,
        rehearsal::{Noted, Rehearsal},
    },
};

/// A request on the command line: `PATCH /Users/…` and its body.
pub(super) struct Request {
    method: Method,
    endpoint: String,
    id: Option<String>,
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
        let mut segments = path.trim().trim_matches('/').split('/');
        let endpoint = segments.next().unwrap_or_default().to_owned();
        let id = segments.next().map(str::to_owned);
        if endpoint.is_empty() || segments.next().is_some() || id.is_some() == (method == Method::Post) {
            let said = format_args!("`{text}` is no request for one resource, such as `PATCH /Users/ID`");
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
        Ok(Self { method, endpoint, id, body })
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
        out.push_str("only our own database keeps what changes\n");
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
    let (all, always, body) = (Selection::default(), Preconditions::default(), &request.body);
    match request.method {
        Method::Get => gateway.retrieve(cx, ty, id, &all).await.map(drop),
        Method::Post => gateway.create(cx, ty, body, &all).await.map(drop),
        Method::Put => gateway.replace(cx, ty, id, &always, body, &all).await.map(drop),
        Method::Patch => gateway.patch(cx, ty, id, &always, body, &all).await.map(drop),
        Method::Delete => gateway.delete(cx, ty, id, &always).await,
    }
}

async fn shown(store: &dyn Store, mapping: &Mapping, noted: &Noted) -> Result<String, StoreError> {
    let mut out = String::from("reads\n");
    for select in &noted.reads {
        for statement in store.shown(select.clone()).await? {
            out.push_str(&format!("  {statement}\n"));
        }
    }
    if !writes_to_the_store(noted) {
        out.push_str("writes nothing\n");
    }
    let mut number = 0;
    for steps in noted.writes.iter().filter(|steps| !steps.is_empty()) {
        out.push_str("writes, together\n");
        let statements = store.shown_steps(steps.clone()).await?;
        let first = number;
        for (step, statements) in steps.iter().zip(statements) {
            number += 1;
            let mut label = format!("{number}.");
            for statement in statements {
                out.push_str(&format!("  {label:3} {statement}\n"));
                label.clear();
            }
            for (column, origin) in origins(mapping, step, first) {
                out.push_str(&format!("        {column} = {origin}\n"));
            }
        }
    }
    Ok(out)
}

fn writes_to_the_store(noted: &Noted) -> bool {
    noted.writes.iter().any(|steps| !steps.is_empty())
}

/// Which columns a step writes, and where the value of each comes from.
fn origins(mapping: &Mapping, step: &Step, first: usize) -> Vec<(String, String)> {
    let bag = step.bag();
    let cells: Vec<(FieldId, &Cell)> = match step {
        Step::Insert { cells, .. }
        | Step::Copy { cells, .. }
        | Step::Reopen { cells, .. }
        | Step::Find { add: Some(cells), .. } => cells.iter().map(|(field, cell)| (*field, cell)).collect(),
        Step::Update { changes, .. } => changes
            .iter()
            .filter_map(|change| match change {
                Change::Set(field, cell) => Some((*field, cell)),
                Change::Add(..) | Change::Remove(..) | Change::Floor(..) => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let origin = |(field, cell): (FieldId, &Cell)| {
        let from = match cell {
            Cell::From { step, .. } => format!("what step {} reports", first + step + 1),
            Cell::Values(values) => {
                let null = if values.is_empty() { "NULL, by " } else { "" };
                let is_new = !matches!(step, Step::Update { .. });
                format!("{null}{}", of_field(mapping, bag, field, is_new))
            }
        };
        (bag.field_name(field).to_owned(), from)
    };
    cells.into_iter().map(origin).collect()
}

/// What may have given a field its value; `initial` is for new rows only.
fn of_field(mapping: &Mapping, bag: &Bag, field: FieldId, is_new: bool) -> String {
    if let Some(origin) = mapping.log_origin(bag, field) {
        return origin;
    }
    let found = mapping.part_of(bag).and_then(|(ty, part)| Some(mapping.types.get(ty)?.origins(part, field)));
    let mut origins = found.unwrap_or_default();
    if !is_new && origins.len() > 1 {
        origins.retain(|origin| origin != "`initial`");
    }
    if origins.is_empty() { format!("`{}`", bag.name) } else { origins.join(", or ") }
}
