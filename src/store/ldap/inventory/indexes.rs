//! The indexes of a directory, where the account may read its configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ask, active_directory, values};
use crate::store::{
    Source, StoreError,
    inventory::directory::{Directory, IndexKind, Indexes, Vendor, Wanted},
    ldap::request::Query,
};

/// Reads the indexes of the databases that the wanted entries lie in.
pub(super) async fn read(
    ask: &Ask,
    directory: &Directory,
    take: &dyn Fn(&str) -> Vec<String>,
    wanted: &Wanted,
) -> Result<Indexes, StoreError> {
    match directory.vendor {
        Vendor::ActiveDirectory => {
            let Some(context) = take("schemaNamingContext").into_iter().next() else {
                return Ok(Indexes::Unread("the schema's naming context".to_owned()));
            };
            let pairs = active_directory::indexes(ask, &context, &wanted.attributes).await?;
            if pairs.is_empty() && !wanted.attributes.is_empty() {
                return Ok(Indexes::Unread("the entries of its schema".to_owned()));
            }
            Ok(Indexes::Known(pairs.into_iter().collect()))
        }
        Vendor::OpenLdap => openldap(ask, wanted).await,
        Vendor::Ds389 => ds389(ask).await,
        Vendor::Other => Ok(Indexes::Unread("its configuration".to_owned())),
    }
}

/// `olcDbIndex: cn,sn eq,sub` of the database with the suffix of the entries.
async fn openldap(ask: &Ask, wanted: &Wanted) -> Result<Indexes, StoreError> {
    let told = ["olcSuffix", "olcDbIndex"];
    // The configuration of OpenLDAP refuses pages.
    let query = Query { paged: false, ..ask.below("cn=config", "(olcSuffix=*)", &told) };
    let databases = ask.told(&query).await?.unwrap_or_default();
    let bases: Vec<String> = wanted
        .looks
        .iter()
        .filter_map(|look| match &look.bag.source {
            Source::Entries { bases, .. } => Some(bases.iter().map(|base| base.to_ascii_lowercase())),
            _ => None,
        })
        .flatten()
        .collect();
    let is_ours = |suffix: &String| bases.iter().any(|base| base.ends_with(&suffix.to_ascii_lowercase()));
    let mut known: BTreeMap<String, BTreeSet<IndexKind>> = BTreeMap::new();
    let ours =
        databases.iter().map(super::Entry::texts).filter(|t| values(t, "olcSuffix").iter().any(is_ours));
    let lines: Vec<Vec<String>> = ours.map(|texts| values(&texts, "olcDbIndex")).collect();
    if lines.is_empty() {
        return Ok(Indexes::Unread("`olcDbIndex` below `cn=config`".to_owned()));
    }
    for line in lines.iter().flatten() {
        let (names, words) = line.split_once(' ').unwrap_or((line, "eq"));
        for name in names.split(',') {
            known.entry(name.trim().to_ascii_lowercase()).or_default().extend(kinds(words));
        }
    }
    Ok(Indexes::Known(known))
}

/// `cn=index` of each back end; who may not read it finds nothing.
async fn ds389(ask: &Ask) -> Result<Indexes, StoreError> {
    let base = "cn=ldbm database,cn=plugins,cn=config";
    let wanted = ["cn", "nsIndexType"];
    let query = Query { paged: false, ..ask.below(base, "(objectClass=nsIndex)", &wanted) };
    let entries = ask.told(&query).await?.unwrap_or_default();
    if entries.is_empty() {
        return Ok(Indexes::Unread(format!("`cn=index` below `{base}`")));
    }
    let mut known: BTreeMap<String, BTreeSet<IndexKind>> = BTreeMap::new();
    for texts in entries.iter().map(super::Entry::texts) {
        let words = values(&texts, "nsIndexType").join(",");
        for name in values(&texts, "cn") {
            known.entry(name.to_ascii_lowercase()).or_default().extend(kinds(&words));
        }
    }
    Ok(Indexes::Known(known))
}

fn kinds(words: &str) -> BTreeSet<IndexKind> {
    let kind = |word: &str| match word.trim().to_ascii_lowercase().as_str() {
        "eq" => Some(IndexKind::Equality),
        "pres" => Some(IndexKind::Presence),
        word if word.starts_with("sub") => Some(IndexKind::Substring),
        _ => None,
    };
    words.split(',').filter_map(kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_indexes_are_read() {
        assert_eq!(
            kinds("eq,pres,subinitial"),
            [IndexKind::Equality, IndexKind::Substring, IndexKind::Presence].into()
        );
        assert_eq!(kinds("approx"), BTreeSet::new());
    }
}
