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
const AD_PEOPLE: &str = "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE))(!(adminCount=1)))";
const AD_GROUPS: &str = "(&(objectClass=group)(!(isCriticalSystemObject=TRUE))(!(adminCount=1)))";
/// All attributes of users, and the operational ones that matter.
const ATTRIBUTES: [&str; 8] = [
    "*",
    "entryUUID",
    "nsUniqueId",
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

impl LdapStore {
    /// Looks at up to `most` people and groups, below a base or in the whole directory.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the server does not answer, or refuses what it is asked.
    pub async fn survey(&self, base: Option<&str>, most: usize) -> Result<Survey, StoreError> {
        let directory = self.inventory(&Wanted::default()).await?;
        let ask = Ask { pool: pool(&self.shared), account: directory.account.clone() };
        let is_own = |context: &str| {
            let context = context.to_ascii_lowercase();
            OWN.iter().any(|own| context == *own || own.ends_with(',') && context.starts_with(*own))
                || context.starts_with("cn=schema,")
        };
        let bases: Vec<String> = match base {
            Some(base) => vec![base.to_owned()],
            None => directory.contexts.iter().filter(|context| !is_own(context.as_str())).cloned().collect(),
        };
        let (people, groups) = match directory.vendor {
            Vendor::ActiveDirectory => (AD_PEOPLE, AD_GROUPS),
            Vendor::OpenLdap | Vendor::Ds389 | Vendor::Other => (PEOPLE, GROUPS),
        };
        if let Some(base) = base
            && ask.one(base, &["1.1"]).await?.is_none()
        {
            return Err(StoreError::Corrupt(format!("`{base}` does not exist, or the account may not see it")));
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
        Ok(survey)
    }
}

impl Ask {
    async fn sample(&self, base: &str, filter: &str, most: usize) -> Result<Vec<Seen>, StoreError> {
        let mut query = self.below(base, filter, &ATTRIBUTES);
        query.limit = Some(most);
        query.is_whole = false;
        if most == 0 {
            return Ok(Vec::new());
        }
        // A context without entries is refused, and one that is not ours to see.
        let entries = self.told(&query).await?.unwrap_or_default();
        Ok(entries.into_iter().take(most).map(seen).collect())
    }
}

/// An entry without what passwords are stored as.
fn seen(entry: Entry) -> Seen {
    let dn = entry.dn.clone();
    let values = entry.texts().into_iter().filter(|(name, _)| !is_secret(name));
    Seen { dn, values: values.collect() }
}
