//! Looks for people and groups in a directory of which nothing is known.

use crate::store::{
    StoreError,
    inventory::{
        directory::{Vendor, Wanted},
        survey::{Seen, Survey},
    },
    ldap::{LdapStore, entry::Entry, inventory::Ask, ldif::is_secret, pool::pool},
};

/// Who counts as people, and what as groups.
const PEOPLE: &str =
    "(|(objectClass=inetOrgPerson)(objectClass=person)(objectClass=posixAccount)(objectClass=account))";
const GROUPS: &str = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=groupOfMembers)\
    (objectClass=posixGroup)(objectClass=groupOfURLs))";
/// Those of Active Directory: no computers, and nothing that Windows itself made or watches.
const AD_PEOPLE: &str =
    "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE))(!(adminCount=1)))";
const AD_GROUPS: &str = "(&(objectClass=group)(!(isCriticalSystemObject=TRUE))(!(adminCount=1))\
    (!(sAMAccountName=DnsAdmins))(!(sAMAccountName=DnsUpdateProxy)))";
/// All attributes of users, and the operational ones that matter.
const ATTRIBUTES: [&str; 9] = [
    "*",
    "entryUUID",
    "nsUniqueId",
    "entryusn",
    "memberOf",
    "isMemberOf",
    "pwdAccountLockedTime",
    "nsAccountLock",
    "modifyTimestamp",
];
/// Trees in which servers keep their own things.
const OWN: [&str; 7] = [
    "cn=config",
    "cn=schema",
    "cn=monitor",
    "o=netscaperoot",
    "cn=configuration,",
    "dc=domaindnszones,",
    "dc=forestdnszones,",
];

/// Classes of whoever is a member in earnest.
const SOMEBODY: [&str; 9] = [
    "person",
    "posixAccount",
    "account",
    "user",
    "groupOfNames",
    "groupOfUniqueNames",
    "groupOfMembers",
    "posixGroup",
    "group",
];
/// What placeholders are called.
const NOBODY: [&str; 5] = ["nobody", "dummy", "empty", "placeholder", "none"];
/// So many members of a group, and so many that may be placeholders, are looked at.
const MOST_MEMBERS: usize = 50;
const MOST_CANDIDATES: usize = 20;

impl LdapStore {
    /// Looks at up to `most` people and groups, below a base or in the whole directory.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the server does not answer, or refuses what it is asked.
    pub async fn survey(&self, base: Option<&str>, most: usize) -> Result<Survey, StoreError> {
        let directory = self.inventory(&Wanted::default()).await?;
        let ask = Ask { pool: pool(&self.shared), account: directory.account.clone() };
        let bases: Vec<String> = match base {
            Some(base) => vec![base.to_owned()],
            None => directory.contexts.iter().filter(|context| !is_own(context)).cloned().collect(),
        };
        let (people, groups) = match directory.vendor {
            Vendor::ActiveDirectory => (AD_PEOPLE, AD_GROUPS),
            Vendor::OpenLdap | Vendor::Ds389 | Vendor::Other => (PEOPLE, GROUPS),
        };
        if let Some(base) = base
            && ask.one(base, &["1.1"]).await?.is_none()
        {
            let said = format!("`{base}` does not exist, or the account may not see it");
            return Err(StoreError::Unsupported(said));
        }
        let mut survey = Survey { directory, bases, most, ..Survey::default() };
        for base in survey.bases.clone() {
            let room = most.saturating_sub(survey.people.len());
            survey.people.extend(ask.sample(&base, people, room).await?);
            let room = most.saturating_sub(survey.groups.len());
            survey.groups.extend(ask.sample(&base, groups, room).await?);
        }
        let account = survey.directory.account.clone();
        survey.people.retain(|seen| !seen.dn.eq_ignore_ascii_case(&account));
        survey.placeholder = ask.placeholder(&survey.groups).await?;
        Ok(survey)
    }
}

fn is_own(context: &str) -> bool {
    let context = context.to_ascii_lowercase();
    context.starts_with("cn=schema,")
        || OWN.iter().any(|own| context == *own || own.ends_with(',') && context.starts_with(own))
}

impl Ask {
    async fn sample(&self, base: &str, filter: &str, most: usize) -> Result<Vec<Seen>, StoreError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut query = self.below(base, filter, &ATTRIBUTES);
        query.limit = Some(most);
        // Of very long lists some values are enough.
        query.is_whole = false;
        // A context without entries is refused, and one that is not ours to see.
        let entries = self.told(&query).await?.unwrap_or_default();
        Ok(entries.into_iter().take(most).map(seen).collect())
    }

    /// What keeps groups from being empty: the only member of some group, or a member of all, that is nobody.
    async fn placeholder(&self, groups: &[Seen]) -> Result<Option<String>, StoreError> {
        let members = |group: &Seen| [group.all("member"), group.all("uniqueMember")].concat();
        let lists: Vec<Vec<String>> = groups.iter().map(members).filter(|list| !list.is_empty()).collect();
        let mut candidates: Vec<(usize, &String)> = Vec::new();
        for list in &lists {
            for value in list.iter().take(MOST_MEMBERS) {
                let holders = lists.iter().filter(|other| other.contains(value)).count();
                let is_known = candidates.iter().any(|(_, known)| *known == value);
                if !is_known && (list.len() == 1 || holders > 1 && holders == lists.len()) {
                    candidates.push((holders, value));
                }
            }
        }
        candidates.sort_by_key(|(holders, _)| std::cmp::Reverse(*holders));
        for (holders, value) in candidates.into_iter().take(MOST_CANDIDATES) {
            let name = value.to_lowercase();
            let is_called_so = NOBODY.iter().any(|word| name.contains(word));
            // Somebody who is gone is nobody's placeholder.
            if name.starts_with("uid=") || holders < 2 && !is_called_so {
                continue;
            }
            let entry = self.one(value, &["objectClass"]).await?.map(seen).unwrap_or_default();
            if !SOMEBODY.iter().any(|class| entry.is_a(class)) {
                return Ok(Some(value.clone()));
            }
        }
        Ok(None)
    }
}

/// An entry without what passwords are stored as.
fn seen(entry: Entry) -> Seen {
    let dn = entry.dn.clone();
    let values = entry.texts().into_iter().filter(|(name, _)| !is_secret(name));
    Seen { dn, values: values.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_of_the_server_are_left_out() {
        for own in ["cn=config", "CN=Schema,CN=Configuration,DC=a", "DC=DomainDnsZones,DC=a", "cn=Monitor"] {
            assert!(is_own(own), "{own}");
        }
        assert!(!is_own("dc=example,dc=com") && !is_own("cn=accounts,dc=ipa"));
    }
}
