//! `scimgate map`: what a mapping makes of one resource, a draft of one, and what a mapping file may hold.

mod learn;

use std::{path::PathBuf, sync::Arc};

use crate::{
    auth::Principal,
    cli::{Outcome, WRONG_COMMAND, WRONG_FILES, explain::wrong, fail, mapping, serve},
    config::{ClientSettings, Scope, Settings},
    gateway::{
        Context, Gateway, TypeId,
        inspect::{Inspection, Origin},
    },
    mapping::schema,
    scim::{Json, filter::parse::FilterRules, message::SearchRequest},
};

/// What `map` takes.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Arguments {
    /// Read one resource through the mapping, and show where each of its values comes from.
    Try(Try),
    /// Draft a mapping from what a store holds. Changes nothing.
    Learn(learn::Learn),
    /// Print the JSON Schema of mapping files, for editors.
    Schema,
}

/// What `map try` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Try {
    /// Settings file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Mapping file, instead of the one that the settings name.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Resource type; without it the first of the mapping.
    #[arg(long = "type", value_name = "NAME")]
    resource_type: Option<String>,
    /// The resource: its SCIM id, or the key of its row.
    #[arg(value_name = "KEY", required_unless_present = "filter")]
    key: Option<String>,
    /// The first resource that meets this filter.
    #[arg(long, value_name = "FILTER", conflicts_with = "key")]
    filter: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match arguments {
        Arguments::Try(arguments) => try_one(arguments),
        Arguments::Learn(arguments) => learn::run(arguments),
        Arguments::Schema => {
            println!("{:#}", schema::schema());
            Ok(())
        }
    }
}

fn try_one(arguments: &Try) -> Outcome {
    let mut settings = Settings::load(&arguments.config).map_err(|e| fail(WRONG_FILES, e))?;
    if let Some(file) = &arguments.mapping {
        settings.mapping.clone_from(file);
    }
    let mapping = mapping::load(&settings.mapping)?;
    actix_web::rt::System::new().block_on(async {
        let gateway = serve::build_gateway(&settings, mapping).await?;
        let cx = everything("map");
        let (ty, name) = find_type(&gateway, arguments.resource_type.as_deref())?;
        let id = match (&arguments.key, &arguments.filter) {
            (Some(key), _) => gateway.id_of(ty, key).await.map_err(wrong)?,
            (None, filter) => {
                find(&gateway, &cx, ty, filter.as_deref().unwrap_or_default(), &settings).await?
            }
        };
        let inspection = gateway.inspect(&cx, ty, &id).await.map_err(wrong)?;
        print!("{name} {id}\n{}", shown(&inspection));
        Ok(())
    })
}

/// The context of an operator, who may see everything.
pub(super) fn everything(name: &str) -> Context {
    let client =
        ClientSettings { name: name.to_owned(), scopes: vec![Scope::All], ..ClientSettings::default() };
    Context { principal: Arc::new(Principal::from(&client)), base_url: String::new() }
}

fn find_type(gateway: &Gateway, name: Option<&str>) -> Result<(TypeId, String), u8> {
    let all = gateway.resource_types();
    let is_asked = |ty: &str| name.is_none_or(|name| name.eq_ignore_ascii_case(ty));
    let found = all.iter().enumerate().find(|(_, ty)| is_asked(&ty.name));
    found.map(|(index, ty)| (index, ty.name.clone())).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|ty| ty.name.as_str()).collect();
        let (name, known) = (name.unwrap_or_default(), known.join(", "));
        fail(WRONG_COMMAND, format_args!("there is no type `{name}`, the mapping has {known}"))
    })
}

async fn find(
    gateway: &Gateway,
    cx: &Context,
    ty: TypeId,
    filter: &str,
    settings: &Settings,
) -> Result<String, u8> {
    let rules = FilterRules { max_length: settings.limits.max_filter_length, ..FilterRules::tolerant() };
    let pairs = [("filter".to_owned(), filter.to_owned()), ("count".to_owned(), "1".to_owned())];
    let request = SearchRequest::from_query(&pairs, &rules).map_err(wrong)?;
    let found = gateway.search(cx, ty, &request).await.map_err(wrong)?;
    let first = found.get("Resources").and_then(|list| list.get(0)).and_then(|r| r.get("id")).cloned();
    let id = first.as_ref().and_then(Json::as_str).map(str::to_owned);
    id.ok_or_else(|| fail(WRONG_COMMAND, format_args!("no resource meets `{filter}`")))
}

/// One line for each value, and below it what is stored and where.
fn shown(inspection: &Inspection) -> String {
    let mut out = String::new();
    let mut values = Vec::new();
    for (name, value) in &inspection.resource {
        if !matches!(name.as_str(), "schemas" | "id") {
            flatten(name, value, &mut values);
        }
    }
    let mut told: Vec<&str> = Vec::new();
    for (path, value) in &values {
        out.push_str(&format!("{path} = {value}\n"));
        let plain = plain(path);
        // Of the elements of a list each is shown, but the rows once.
        if let Some((known, origins)) = inspection.origins.iter().find(|(known, _)| ends(&plain, known))
            && !told.contains(&known.as_str())
        {
            told.push(known);
            origins.iter().for_each(|origin| line(&mut out, origin));
        }
    }
    let silent = inspection.origins.iter().filter(|(path, _)| !told.contains(&path.as_str()));
    for (path, origins) in silent {
        out.push_str(&format!("{path}: nothing\n"));
        origins.iter().for_each(|origin| line(&mut out, origin));
    }
    out
}

fn line(out: &mut String, origin: &Origin) {
    let stored = origin.stored.as_ref().map_or_else(|| "(nothing shown)".to_owned(), |s| format!("{s:?}"));
    let row = if origin.row.is_empty() { String::new() } else { format!(" [{}]", origin.row) };
    out.push_str(&format!("    {}{row}: {stored}, {}\n", origin.column, origin.lens));
}

/// A path without the positions of elements: `emails[0].value` is `emails.value`.
fn plain(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// True if the path is that of the attribute, behind the URN of an extension if it has one.
fn ends(path: &str, attribute: &str) -> bool {
    path.eq_ignore_ascii_case(attribute)
        || path.rsplit_once(':').is_some_and(|(_, own)| {
            own.split_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(attribute))
        })
}

/// Every simple value with its path.
fn flatten(path: &str, value: &Json, out: &mut Vec<(String, String)>) {
    match value {
        Json::Object(object) => {
            for (name, value) in object {
                flatten(&format!("{path}.{name}"), value, out);
            }
        }
        Json::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), value, out);
            }
        }
        simple => out.push((path.to_owned(), simple.to_string())),
    }
}
