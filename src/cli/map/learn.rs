//! `scimgate map learn`: drafts a mapping from what a store holds.

#[cfg(feature = "sql")]
use std::sync::Arc;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

#[cfg(feature = "sql")]
use crate::store::{Field, ReadStore, Select, Source, Value, inventory::survey::Seen};
use crate::{
    cli::{Outcome, REFUSED, WRONG_COMMAND, WRONG_FILES, fail, mapping},
    config::{Settings, StoreSettings},
    mapping::learn,
    store::StoreError,
};

/// What `map learn` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Learn {
    /// Settings file; the mapping that it names need not be there.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Which of its stores; without it the only one, or `main`.
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Directories: where to look; without it everywhere.
    #[cfg(feature = "ldap")]
    #[arg(long, value_name = "DN")]
    base: Option<String>,
    /// The most people and groups to look at, each.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    sample: usize,
    /// Where to write the draft; without it to standard output. A file that is there is not touched.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Learn) -> Outcome {
    let settings = Settings::load(&arguments.config).map_err(|e| fail(WRONG_FILES, e))?;
    let (name, store) = find(arguments.store.as_deref(), &settings)?;
    if let Some(file) = arguments.out.as_deref().filter(|file| file.exists()) {
        let said = format_args!("{}: is there already, and is not touched", file.display());
        return Err(fail(WRONG_FILES, said));
    }
    let draft = actix_web::rt::System::new().block_on(draft(arguments, name, store));
    let draft = draft.map_err(|e| fail(REFUSED, format_args!("the store `{name}`: {e}")))?;
    // What does not compile is shown all the same, with what is wrong about it.
    let compiled = mapping::compile_text("the draft", &draft, Path::new(""));
    match &arguments.out {
        None => print!("{draft}"),
        Some(file) => {
            let wrong = |e: std::io::Error| fail(WRONG_FILES, format_args!("{}: {e}", file.display()));
            let mut new = fs::File::create_new(file).map_err(wrong)?;
            new.write_all(draft.as_bytes()).map_err(wrong)?;
            println!("{}: a draft; next: scimgate check --live", file.display());
        }
    }
    compiled.map(drop)
}

fn find<'s>(name: Option<&str>, settings: &'s Settings) -> Result<(&'s str, &'s StoreSettings), u8> {
    let known: Vec<&str> = settings.stores.keys().map(String::as_str).collect();
    let name = name.or(if let [only] = known.as_slice() { Some(only) } else { None }).unwrap_or("main");
    let found = settings.stores.get_key_value(name);
    found.map(|(name, store)| (name.as_str(), store)).ok_or_else(|| {
        let said = format_args!("the settings have no store `{name}`, they have {}", known.join(", "));
        fail(WRONG_COMMAND, said)
    })
}

async fn draft(arguments: &Learn, name: &str, store: &StoreSettings) -> Result<String, StoreError> {
    #[cfg(feature = "ldap")]
    if let Some(ldap) = &store.ldap {
        use crate::store::ldap::LdapStore;

        let directory = LdapStore::new(ldap.clone()).map_err(|e| StoreError::Unsupported(e.to_string()))?;
        let survey = directory.survey(arguments.base.as_deref(), arguments.sample).await?;
        return Ok(learn::directory(&survey, name));
    }
    #[cfg(feature = "sql")]
    if let Some(sql) = &store.sql {
        use crate::{config::SqlSettings, store::sql::SqlStore};

        let store = SqlStore::open(&SqlSettings { connections: 1, ..sql.clone() })?;
        let names = store.inventory(Vec::new()).await?.names;
        let inventory = store.inventory(learn::tables::interesting(&names)).await?;
        let samples = samples(&store, learn::tables::wanted(&inventory, arguments.sample)).await?;
        return Ok(learn::tables::draft(&inventory, &samples, name));
    }
    Err(StoreError::Unsupported("this scimgate was built without such stores".to_owned()))
}

/// The rows that are to be looked at; a table that may not be read has none.
#[cfg(feature = "sql")]
async fn samples(store: &dyn ReadStore, selects: Vec<Select>) -> Result<learn::tables::Samples, StoreError> {
    let mut samples = learn::tables::Samples::new();
    for select in selects {
        let Source::Table(table) = select.bag.source.clone() else { continue };
        let bag = Arc::clone(&select.bag);
        let rows = match store.select(select).await {
            Ok(rows) => rows,
            Err(error @ (StoreError::Unavailable(_) | StoreError::Timeout(_))) => return Err(error),
            Err(_) => Vec::new(),
        };
        let seen = rows.iter().map(|row| {
            let values = |(at, field): (usize, &Field)| {
                let values: Vec<String> = row.all(at).iter().map(Value::to_text).collect();
                (!values.is_empty()).then(|| (field.name.to_ascii_lowercase(), values))
            };
            Seen { dn: String::new(), values: bag.fields.iter().enumerate().filter_map(values).collect() }
        });
        samples.insert(table, seen.collect());
    }
    Ok(samples)
}
