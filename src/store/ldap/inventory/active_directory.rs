//! What only Active Directory tells: classes that come with a class, bounds of values, and what the account may
//! do (constructed attributes of each entry).

use std::collections::{BTreeSet, HashMap};

use super::{Ask, lowered, values};
use crate::store::{
    StoreError,
    inventory::directory::{AttributeType, IndexKind, ObjectClass, Rights},
    ldap::filter::Filter,
};

/// The classes of entries that the account may make below an entry.
pub(super) const CHILDREN: &str = "allowedChildClassesEffective";
/// The attributes of an entry that the account may write.
const WRITABLE: &str = "allowedAttributesEffective";
/// What marks members of the groups that administer a domain.
pub(super) const PROTECTED: &str = "adminCount";
/// Attributes in one search.
const CHUNK: usize = 50;

/// The classes that may be made below an entry.
pub(super) fn children(texts: &HashMap<String, Vec<String>>) -> Option<BTreeSet<String>> {
    texts.get(&CHILDREN.to_ascii_lowercase()).cloned().map(lowered).or(Some(BTreeSet::new()))
}

/// What the account may write of an entry.
pub(super) async fn rights(ask: &Ask, dn: &str) -> Result<Option<Rights>, StoreError> {
    let Some(entry) = ask.one(dn, &[WRITABLE]).await? else { return Ok(None) };
    let write = lowered(values(&entry.texts(), WRITABLE));
    Ok(Some(Rights { of: dn.to_owned(), read: None, write, delete: None }))
}

/// Adds what the subschema leaves out. False if the account is not shown it: without auxiliary classes attributes
/// would seem not to be allowed.
pub(super) async fn complete(
    ask: &Ask,
    take: &dyn Fn(&str) -> Vec<String>,
    attributes: &[String],
    classes: &mut [ObjectClass],
    types: &mut [AttributeType],
) -> Result<bool, StoreError> {
    let Some(context) = take("schemaNamingContext").into_iter().next() else { return Ok(false) };
    let told = ["lDAPDisplayName", "systemAuxiliaryClass", "auxiliaryClass", "systemMustContain"];
    let query = ask.below(&context, "(objectClass=classSchema)", &told);
    let entries = ask.told(&query).await?.unwrap_or_default();
    if entries.is_empty() {
        return Ok(false);
    }
    for entry in entries {
        let texts = entry.texts();
        let name = values(&texts, "lDAPDisplayName");
        let is_it = |class: &&mut ObjectClass| class.names.first() == name.first();
        if let Some(class) = classes.iter_mut().find(is_it) {
            class.sup.extend(values(&texts, "systemAuxiliaryClass"));
            class.sup.extend(values(&texts, "auxiliaryClass"));
        }
    }
    for entry in schema_of(ask, &context, attributes, &["lDAPDisplayName", "rangeUpper"]).await? {
        let name = values(&entry, "lDAPDisplayName");
        if let Some(of) = types.iter_mut().find(|of| of.names.first() == name.first()) {
            of.most = values(&entry, "rangeUpper").first().and_then(|n| n.parse().ok());
        }
    }
    Ok(true)
}

/// The kinds of index of attributes, from their `searchFlags`.
pub(super) async fn indexes(
    ask: &Ask,
    context: &str,
    attributes: &[String],
) -> Result<Vec<(String, BTreeSet<IndexKind>)>, StoreError> {
    let entries = schema_of(ask, context, attributes, &["lDAPDisplayName", "searchFlags"]).await?;
    let kinds = |flags: i64| {
        let indexed = (flags & 1 != 0).then_some([IndexKind::Equality, IndexKind::Presence]);
        let within = (flags & 32 != 0).then_some(IndexKind::Substring);
        indexed.into_iter().flatten().chain(within).collect()
    };
    let pair = |entry: &HashMap<String, Vec<String>>| {
        let flags = values(entry, "searchFlags").first().and_then(|n| n.parse().ok()).unwrap_or_default();
        Some((values(entry, "lDAPDisplayName").first()?.to_ascii_lowercase(), kinds(flags)))
    };
    Ok(entries.iter().filter_map(pair).collect())
}

async fn schema_of(
    ask: &Ask,
    context: &str,
    attributes: &[String],
    told: &[&str],
) -> Result<Vec<HashMap<String, Vec<String>>>, StoreError> {
    let mut found = Vec::new();
    for chunk in attributes.chunks(CHUNK) {
        let any = Filter::or(chunk.iter().map(|name| Filter::equal("lDAPDisplayName", name)).collect());
        let Some(filter) = any.text() else { continue };
        let entries = ask.told(&ask.below(context, &filter, told)).await?.unwrap_or_default();
        found.extend(entries.iter().map(super::Entry::texts));
    }
    Ok(found)
}
