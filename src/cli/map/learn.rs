//! `scimgate map learn`: drafts a mapping from what a store holds.

use std::{fs, path::PathBuf};

use crate::{
    cli::{Outcome, WRONG_COMMAND, WRONG_FILES, fail, mapping},
    config::{Settings, StoreSettings},
};

/// What `map learn` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Learn {
    /// Settings file; the mapping that it names need not be there.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Which of its stores; without it the only one.
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Where to look; without it everywhere.
    #[arg(long, value_name = "DN")]
    base: Option<String>,
    /// The most people and groups to look at, each.
    #[arg(long, value_name = "NUMBER", default_value_t = 5000)]
    most: usize,
    /// Where to write the draft; without it to standard output. A file that is there is not touched.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Learn) -> Outcome {
    let settings = Settings::load(&arguments.config).map_err(|e| fail(WRONG_FILES, e))?;
    let known: Vec<&String> = settings.stores.keys().collect();
    let name = match (&arguments.store, known.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => *only,
        (None, _) => return Err(fail(WRONG_COMMAND, "the settings have several stores: --store NAME")),
    };
    let store = settings.stores.get(name);
    let store = store.ok_or_else(|| fail(WRONG_COMMAND, format_args!("the settings have no store `{name}`")))?;
    let draft = actix_web::rt::System::new().block_on(draft(arguments, name, store))?;
    // What does not compile is shown all the same, with what is wrong about it.
    let compiled = mapping::compile_text("draft", &draft, std::path::Path::new(""));
    match &arguments.output {
        None => print!("{draft}"),
        Some(file) => {
            let wrong = |e: std::io::Error| fail(WRONG_FILES, format_args!("{}: {e}", file.display()));
            let mut new = fs::File::create_new(file).map_err(wrong)?;
            std::io::Write::write_all(&mut new, draft.as_bytes()).map_err(wrong)?;
        }
    }
    compiled.map(drop)
}

#[cfg(feature = "ldap")]
async fn draft(arguments: &Learn, name: &str, store: &StoreSettings) -> Result<String, u8> {
    use crate::{cli::REFUSED, mapping::learn, store::ldap::LdapStore};

    let Some(ldap) = &store.ldap else {
        let said = format_args!("the store `{name}` is a database: map learn looks at directories");
        return Err(fail(WRONG_COMMAND, said));
    };
    let directory = LdapStore::new(ldap.clone()).map_err(|e| fail(WRONG_FILES, e))?;
    let survey = directory.survey(arguments.base.as_deref(), arguments.most).await;
    let survey = survey.map_err(|e| fail(REFUSED, format_args!("the store `{name}`: {e}")))?;
    Ok(learn::draft(&survey, name))
}

#[cfg(not(feature = "ldap"))]
#[expect(clippy::unused_async, reason = "with directories it waits for one")]
async fn draft(_: &Learn, _: &str, _: &StoreSettings) -> Result<String, u8> {
    Err(fail(WRONG_COMMAND, "this scimgate was built without directories, and map learn looks at those"))
}
