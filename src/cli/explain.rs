//! `scimgate explain`: what a query or a request would ask of the store, what would be left to decide in memory, and
//! whether that is bounded. Reads catalogues and ids; asks the store for no resource.

mod request;
mod shown;

use std::{path::PathBuf, sync::Arc};

use crate::{
    cli::{Outcome, REFUSED, WRONG_COMMAND, WRONG_FILES, fail, map::everything, mapping, serve},
    config::Settings,
    dialect,
    gateway::{Gateway, TypeId, explain::Explanation},
    mapping::Mapping,
    scim::{error::ScimError, filter::parse::FilterRules, message::SearchRequest, schema::ResourceType},
    store::{Coverage, rehearsal::Rehearsal},
};

/// What `explain` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Resource type; without it all of them.
    #[arg(long = "type", value_name = "NAME")]
    resource_type: Option<String>,
    /// A request instead of a query: `POST /Users`, `PATCH /Users/ID`; the key of a row will do as the ID.
    #[arg(long, value_name = "METHOD PATH", conflicts_with_all = ["filter", "sort_by", "resource_type"])]
    request: Option<String>,
    /// Its body: a file, or `-` for standard input.
    #[arg(long, value_name = "FILE", requires = "request")]
    body: Option<PathBuf>,
    /// The filter, as a client would send it.
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// What the resources would be sorted by.
    #[arg(long, value_name = "ATTRIBUTE")]
    sort_by: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let settings = Settings::load(&arguments.config).map_err(|e| fail(WRONG_FILES, e))?;
    let mapping = mapping::load(&settings.mapping)?;
    if let Some(text) = &arguments.request {
        let request = request::Request::parse(text, arguments.body.as_deref())?;
        return actix_web::rt::System::new().block_on(explain_request(&settings, mapping, &request));
    }
    let query = query(arguments, settings.limits.max_filter_length).map_err(wrong)?;
    actix_web::rt::System::new().block_on(async {
        let gateway = serve::build_gateway(&settings, mapping).await?;
        let asked = types(&gateway, arguments.resource_type.as_deref())?;
        // As a query of the root does, this leaves out types that cannot have what is asked for.
        let (mut refused, mut shown) = (None, false);
        for ty in &asked {
            match explain(&gateway, *ty, query.clone()).await {
                Ok(explanation) => {
                    print(&explanation);
                    shown = true;
                }
                Err(error) if error.status() < 500 && asked.len() > 1 => refused = Some(error),
                Err(error) => return Err(wrong(error)),
            }
        }
        match refused {
            Some(error) if !shown => Err(wrong(error)),
            _ => Ok(()),
        }
    })
}

/// Rehearses a request; nothing is written to the store, nor to what is kept of a resource.
async fn explain_request(settings: &Settings, mapping: Mapping, request: &request::Request) -> Outcome {
    let mapping = Arc::new(mapping);
    let rehearsal = Arc::new(Rehearsal::new(serve::build_store(settings, &mapping).await?));
    let correlation = serve::open_correlation(settings)?.for_rehearsal();
    let gateway = serve::build_over(settings, Arc::clone(&mapping), rehearsal.clone(), correlation.clone());
    let stage = request::Stage { gateway: &gateway, rehearsal: &rehearsal, correlation: &correlation };
    print!("{}", request::explain(&stage, &mapping, &everything("explain"), request).await?);
    Ok(())
}

fn query(arguments: &Arguments, max_length: usize) -> Result<SearchRequest, ScimError> {
    let given = [("filter", &arguments.filter), ("sortBy", &arguments.sort_by)];
    let pairs: Vec<(String, String)> =
        given.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?))).collect();
    SearchRequest::from_query(&pairs, &FilterRules { max_length, ..FilterRules::tolerant() })
}

fn types(gateway: &Gateway, name: Option<&str>) -> Result<Vec<TypeId>, u8> {
    let all = gateway.resource_types();
    let is_asked = |ty: &&ResourceType| name.is_none_or(|name| ty.name.eq_ignore_ascii_case(name));
    let found: Vec<TypeId> =
        all.iter().enumerate().filter(|(_, ty)| is_asked(ty)).map(|(index, _)| index).collect();
    if found.is_empty() {
        let known: Vec<&str> = all.iter().map(|ty| ty.name.as_str()).collect();
        let name = name.unwrap_or_default();
        let known = known.join(", ");
        return Err(fail(WRONG_COMMAND, format_args!("there is no type `{name}`, the mapping has {known}")));
    }
    Ok(found)
}

async fn explain(gateway: &Gateway, ty: TypeId, mut query: SearchRequest) -> Result<Explanation, ScimError> {
    let cx = everything("explain");
    if let Some(resource_type) = gateway.resource_types().get(ty) {
        dialect::adapt_search(&mut query, &[resource_type]);
    }
    gateway.explain(&cx, ty, &query).await
}

/// A query that is refused is a wrong command line; a store that is away is not.
pub(super) fn wrong(error: ScimError) -> u8 {
    let code = if error.status() < 500 { WRONG_COMMAND } else { REFUSED };
    fail(code, error.detail())
}

fn print(explanation: &Explanation) {
    println!("{}", explanation.resource_type);
    let width = explanation.conditions.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0);
    for (text, coverage) in &explanation.conditions {
        let how = match coverage {
            Coverage::Exact => "decided by the store",
            Coverage::Superset => "asked of the store, decided in memory",
            Coverage::None => "decided in memory",
        };
        println!("  {text:width$}  {how}");
    }
    if let Some((path, by_rows)) = &explanation.sort {
        let how = if *by_rows { "read with the keys of all matches" } else { "read with whole resources" };
        println!("  sorted by {path}, {how}");
    }
    if explanation.nothing {
        println!("  nothing can meet this; the store is not asked\n");
        return;
    }
    for statement in &explanation.statements {
        println!("  {statement}");
    }
    match explanation.most_candidates {
        Some(most) => println!("  examined in memory: at most {most} candidates, more are 400 tooMany\n"),
        None => println!("  the store's answer stands, however many there are\n"),
    }
}
