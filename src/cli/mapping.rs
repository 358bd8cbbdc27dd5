//! Reading and compiling the mapping file, for every command that needs one.

use std::{fs, path::Path};

use crate::{
    cli::{WRONG_FILES, fail},
    config::{Settings, StoreSettings},
    gateway::me,
    mapping::{Mapping, StoreKind, compile::compile},
};

/// A compiled mapping file with its text.
pub(super) struct Loaded {
    pub(super) mapping: Mapping,
    pub(super) source: String,
}

/// Compiles a mapping file; base files that it `extends` are looked up beside it.
pub(super) fn load(file: &Path) -> Result<Mapping, u8> {
    load_with_source(file).map(|loaded| loaded.mapping)
}

/// As [`load`], with the text, in which findings of later have their places.
pub(super) fn load_with_source(file: &Path) -> Result<Loaded, u8> {
    let name = file.display().to_string();
    let source = fs::read_to_string(file)
        .map_err(|e| fail(WRONG_FILES, format_args!("{name}: cannot be read: {e}")))?;
    let mapping = compile_text(&name, &source, file.parent().unwrap_or(Path::new("")))?;
    Ok(Loaded { mapping, source })
}

/// Compiles the text of a mapping file, and prints every finding with its place.
pub(super) fn compile_text(name: &str, source: &str, directory: &Path) -> Result<Mapping, u8> {
    match compile(source, &|base| fs::read_to_string(directory.join(base))) {
        Ok((mapping, warnings)) => {
            eprint!("{}", warnings.render(name, source));
            Ok(mapping)
        }
        Err(findings) => {
            eprint!("{}", findings.render(name, source));
            Err(WRONG_FILES)
        }
    }
}

/// The settings of the store that a mapping is for.
///
/// # Errors
///
/// One sentence, if the settings name no such store, one of another kind, or another product.
pub(super) fn find_store<'s>(mapping: &Mapping, settings: &'s Settings) -> Result<&'s StoreSettings, String> {
    let name = &mapping.store_name;
    let store = settings.stores.get(name).ok_or_else(|| {
        let known: Vec<&str> = settings.stores.keys().map(String::as_str).collect();
        format!("the mapping is for the store `{name}`, the settings have {}", known.join(", "))
    })?;
    let (kind, fits) = match &mapping.store {
        StoreKind::Sql { .. } => ("sql", store.sql.is_some()),
        StoreKind::Ldap { .. } => ("ldap", store.ldap.is_some()),
    };
    if !fits {
        return Err(format!("the mapping needs [stores.{name}.{kind}], the settings have the other kind"));
    }
    let told = store.ldap.as_ref().and_then(|ldap| ldap.profile);
    match (&mapping.store, told) {
        (StoreKind::Ldap { profile }, Some(told)) if told != *profile => Err(format!(
            "the mapping is for `profile = \"{}\"`, [stores.{name}.ldap] says `profile = \"{}\"`; \
             the mapping's counts, so correct it, or leave it out of the settings",
            profile.word(),
            told.word()
        )),
        _ => Ok(store),
    }
}

/// Checks what the clients' settings say of resources.
///
/// # Errors
///
/// One sentence for the first client whose `me` the mapping cannot answer.
pub(super) fn check_clients(mapping: &Mapping, settings: &Settings) -> Result<(), String> {
    for (number, client) in settings.clients.iter().enumerate() {
        if let Some(me) = &client.me {
            me::check(mapping, me).map_err(|e| format!("clients[{number}].me: {}", e.detail()))?;
        }
    }
    Ok(())
}
