//! What only 389 Directory Server tells: the rights of an account, by its get-effective-rights control.

use std::collections::BTreeSet;

use ldap3::controls::RawControl;

use super::{Ask, values};
use crate::store::{StoreError, inventory::directory::Rights, ldap::request::Query};

/// The control. Its value is an authorization identity (RFC 4513 §5.2.1.8).
pub(super) const EFFECTIVE_RIGHTS: &str = "1.3.6.1.4.1.42.2.27.9.5.2";

/// What the account may do with an entry.
pub(super) async fn rights(ask: &Ask, dn: &str, attributes: &[&str]) -> Result<Option<Rights>, StoreError> {
    let who = format!("dn:{}", ask.account).into_bytes();
    let control = RawControl { ctype: EFFECTIVE_RIGHTS.to_owned(), crit: true, val: Some(who) };
    let query = Query { controls: vec![control], ..Query::base(dn, "(objectClass=*)", attributes) };
    let Ok(entries) = ask.told(&query).await? else { return Ok(None) };
    let Some(texts) = entries.first().map(super::Entry::texts) else { return Ok(None) };
    let letters = values(&texts, "attributeLevelRights").join(", ");
    let pairs: Vec<(&str, &str)> = letters.split(", ").filter_map(|pair| pair.split_once(':')).collect();
    if pairs.is_empty() {
        return Ok(None);
    }
    let with = |letter: char| -> BTreeSet<String> {
        let has = |(_, rights): &&(&str, &str)| *rights != "none" && rights.contains(letter);
        pairs.iter().filter(has).map(|(name, _)| name.to_ascii_lowercase()).collect()
    };
    let entry = values(&texts, "entryLevelRights").join("");
    let delete = Some(entry != "none" && entry.contains('d'));
    Ok(Some(Rights { of: dn.to_owned(), read: Some(with('r')), write: with('w'), delete }))
}
