//! Reads what [`inventory::directory`](crate::store::inventory::directory) holds: the root DSE, the schema, and
//! some entries. Nothing is written.
//!
//! What the server refuses to tell is unknown, and said to be; a lost connection is an error.

mod active_directory;
mod ds389;
mod indexes;
mod schema;
mod survey;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

use ldap3::Scope;

pub(super) use self::schema::attribute_type;
use super::{
    LdapStore,
    entry::Entry,
    open::Endpoint,
    plan::plan,
    pool::{Lane, Pool, pool},
    request::Query,
    result::OpError,
    select::Selection,
};
use crate::store::{
    Bag, Field, FieldId, FieldKind, Predicate, ReadStore as _, Row, Select, Source, StoreError,
    dn::Dn,
    inventory::directory::{Directory, Look, Looked, Presence, Rights, Sampled, Schema, Vendor, Wanted},
};

/// How many entries of a set are looked at.
const SAMPLE: usize = 200;
/// How many values are read of all entries.
const MOST_VALUES: usize = 100_000;

impl LdapStore {
    /// Looks at a directory as a mapping would see it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the server does not answer or does not let us in.
    pub async fn inventory(&self, wanted: &Wanted) -> Result<Directory, StoreError> {
        let ask = Ask { pool: pool(&self.shared), account: self.shared.settings.bind_dn.clone() };
        let dse = ask.one("", &["*", "+"]).await?.unwrap_or_default().texts();
        let take = |name: &str| dse.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default();
        let server = ask.pool.server().await?;
        let (private, encrypted) = self.privacy();
        let mut directory = Directory {
            vendor: vendor(server.vendor),
            name: server.name().to_owned(),
            account: self.shared.settings.bind_dn.clone(),
            private,
            encrypted,
            contexts: take("namingContexts"),
            controls: take("supportedControl").into_iter().collect(),
            extensions: take("supportedExtension").into_iter().collect(),
            ..Directory::default()
        };
        directory.schema = ask.schema(&directory, &take, &wanted.attributes).await?;
        directory.indexes = indexes::read(&ask, &directory, &take, wanted).await?;
        for place in &wanted.places {
            directory.places.insert(place.clone(), ask.presence(place, directory.vendor).await?);
        }
        for look in &wanted.looks {
            let looked = self.look(&ask, look, &directory).await?;
            directory.looked.push(looked);
        }
        Ok(directory)
    }

    /// Reads attributes of entries by DN; `None` for those that are not there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the server does not answer.
    pub async fn named(
        &self,
        names: &[String],
        attributes: &[&str],
    ) -> Result<Vec<Option<BTreeMap<String, Vec<String>>>>, StoreError> {
        let ask = Ask { pool: pool(&self.shared), account: String::new() };
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let entry = ask.one(name, attributes).await?;
            found.push(entry.map(|entry| entry.texts().into_iter().collect()));
        }
        Ok(found)
    }

    /// Whether nobody can listen to the servers in use, and whether that is by encryption.
    fn privacy(&self) -> (bool, bool) {
        let servers = &self.shared.servers;
        let all =
            |test: &dyn Fn(&Endpoint) -> bool| servers.in_turn().iter().all(|(_, endpoint)| test(endpoint));
        (all(&|e| !e.is_in_the_clear()), all(&Endpoint::is_encrypted))
    }

    /// A set of entries; `None` if its base is not there, which is found elsewhere.
    async fn look(
        &self,
        ask: &Ask,
        look: &Look,
        directory: &Directory,
    ) -> Result<Option<Looked>, StoreError> {
        let Source::Entries { bases, .. } = &look.bag.source else { return Ok(None) };
        let is_there = |base: &String| matches!(directory.places.get(base), Some(Presence::There { .. }));
        if bases.is_empty() || !bases.iter().all(is_there) {
            return Ok(None);
        }
        let Ok(plan) = plan(&look.bag, &Predicate::True, &self.shared.learned.rules()) else {
            return Ok(None);
        };
        let (bag, class) = with_class(&look.bag);
        let fields: Vec<FieldId> = (0..bag.fields.len()).collect();
        let selection =
            Selection { pool: &ask.pool, bag: &bag, plan: &plan, fields: &fields, limit: Some(SAMPLE) };
        let rows = match selection.named_rows().await {
            Ok(rows) => rows,
            Err(error @ (StoreError::Unavailable(_) | StoreError::Timeout(_))) => return Err(error),
            Err(error) => {
                return Ok(Some(Looked { cut: Some(error.to_string()), ..Looked::default() }));
            }
        };
        let sample: Vec<Sampled> =
            rows.into_iter().map(|(dn, row)| Sampled { dn, classes: texts(&row, class), row }).collect();
        let (count, cut) = match self.count(Arc::clone(&look.bag), Predicate::True).await {
            Ok(count) => (count, None),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Timeout(_))) => return Err(error),
            Err(error) => (sample.len() as u64, Some(error.to_string())),
        };
        let mut values = Vec::new();
        for field in &look.whole {
            values.push(if cut.is_none() { self.all_values(&look.bag, *field).await? } else { Vec::new() });
        }
        let named: Vec<&str> = bag.fields.iter().map(|f| f.name.as_str()).collect();
        let rights = match sample.first() {
            Some(entry) => ask.rights(&entry.dn, &named, directory).await?,
            None => None,
        };
        let account = Dn::parse(&directory.account).is_ok_and(|dn| !dn.rdns().is_empty());
        let has_account = account && self.has(&look.bag, "dn", &directory.account).await?;
        let has_administrators = directory.vendor == Vendor::ActiveDirectory
            && self.has(&look.bag, active_directory::PROTECTED, "1").await?;
        let partly = !look.whole.is_empty() && count > MOST_VALUES as u64;
        Ok(Some(Looked { sample, count, cut, values, partly, rights, has_account, has_administrators }))
    }

    /// True if one of the entries has this value.
    async fn has(&self, bag: &Bag, attribute: &str, value: &str) -> Result<bool, StoreError> {
        let mut bag = bag.clone();
        let field = bag.find_field(attribute).unwrap_or_else(|| {
            bag.fields.push(Field { name: attribute.to_owned(), kind: FieldKind::Text, many: false });
            bag.fields.len() - 1
        });
        match self.count(Arc::new(bag), Predicate::equals(field, value.into())).await {
            Ok(count) => Ok(count > 0),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Timeout(_))) => Err(error),
            // What may not be asked is not seen.
            Err(_) => Ok(false),
        }
    }

    async fn all_values(&self, bag: &Arc<Bag>, field: FieldId) -> Result<Vec<String>, StoreError> {
        let select = Select {
            bag: Arc::clone(bag),
            predicate: Predicate::True,
            fields: vec![field],
            order: Vec::new(),
            offset: 0,
            limit: Some(MOST_VALUES as u64),
        };
        let rows = self.select(select).await?;
        Ok(rows.iter().flat_map(|row| texts(row, field)).collect())
    }
}

fn vendor(told: super::server::Vendor) -> Vendor {
    use super::server::Vendor as Told;
    match told {
        Told::OpenLdap => Vendor::OpenLdap,
        Told::ActiveDirectory => Vendor::ActiveDirectory,
        Told::Ds389 => Vendor::Ds389,
        Told::Other => Vendor::Other,
    }
}

/// A bag with the object classes among its fields, and which field that is.
fn with_class(bag: &Bag) -> (Bag, FieldId) {
    let mut bag = bag.clone();
    let class = bag.find_field("objectClass").unwrap_or_else(|| {
        bag.fields.push(Field { name: "objectClass".to_owned(), kind: FieldKind::Text, many: true });
        bag.fields.len() - 1
    });
    (bag, class)
}

fn texts(row: &Row, field: FieldId) -> Vec<String> {
    row.all(field).iter().map(crate::store::Value::to_text).collect()
}

/// One who asks a server.
struct Ask {
    pool: Rc<Pool>,
    account: String,
}

impl Ask {
    /// Runs a search.
    async fn search(&self, query: &Query) -> Result<Vec<Entry>, OpError> {
        self.pool.search(Lane::List, query, &|entry| Ok(Some(entry))).await
    }

    /// Runs a search; what the server refuses is nothing, and why.
    async fn told(&self, query: &Query) -> Result<Result<Vec<Entry>, String>, StoreError> {
        match self.search(query).await {
            Ok(entries) => Ok(Ok(entries)),
            Err(OpError::Refused(refusal)) => Ok(Err(format!("{:?}", refusal.code))),
            Err(OpError::Failed(error)) => Err(error),
        }
    }

    /// An entry by its DN.
    async fn one(&self, dn: &str, attributes: &[&str]) -> Result<Option<Entry>, StoreError> {
        let entries = self.told(&Query::base(dn, "(objectClass=*)", attributes)).await?;
        Ok(entries.unwrap_or_default().into_iter().next())
    }

    /// A search of a subtree, page by page.
    fn below(&self, base: &str, filter: &str, attributes: &[&str]) -> Query {
        Query { scope: Scope::Subtree, paged: true, ..Query::base(base, filter, attributes) }
    }

    async fn presence(&self, dn: &str, vendor: Vendor) -> Result<Presence, StoreError> {
        let attributes: &[&str] = match vendor {
            Vendor::ActiveDirectory => &[active_directory::CHILDREN],
            _ => &["1.1"],
        };
        let Some(entry) = self.one(dn, attributes).await? else { return Ok(Presence::Missing) };
        let children = active_directory::children(&entry.texts());
        Ok(Presence::There { children: children.filter(|_| vendor == Vendor::ActiveDirectory) })
    }

    /// The schema that the root DSE points at.
    async fn schema(
        &self,
        directory: &Directory,
        take: &dyn Fn(&str) -> Vec<String>,
        attributes: &[String],
    ) -> Result<Schema, StoreError> {
        let subentry = take("subschemaSubentry").into_iter().next().unwrap_or_else(|| "cn=schema".to_owned());
        let entry = self.one(&subentry, &["objectClasses", "attributeTypes"]).await?;
        let mut texts = entry.map(|entry| entry.texts()).unwrap_or_default();
        let mut lines = |name: &str| texts.remove(name).unwrap_or_default();
        let mut classes: Vec<_> =
            lines("objectclasses").iter().filter_map(|line| schema::object_class(line)).collect();
        let mut types: Vec<_> =
            lines("attributetypes").iter().filter_map(|line| schema::attribute_type(line)).collect();
        if directory.vendor == Vendor::ActiveDirectory
            && !active_directory::complete(self, take, attributes, &mut classes, &mut types).await?
        {
            return Ok(Schema::default());
        }
        Ok(Schema::new(classes, types))
    }

    /// What we may do with an entry, if the server tells.
    async fn rights(
        &self,
        dn: &str,
        attributes: &[&str],
        directory: &Directory,
    ) -> Result<Option<Rights>, StoreError> {
        match directory.vendor {
            Vendor::ActiveDirectory => active_directory::rights(self, dn).await,
            Vendor::Ds389 if directory.controls.contains(ds389::EFFECTIVE_RIGHTS) => {
                ds389::rights(self, dn, attributes).await
            }
            _ => Ok(None),
        }
    }
}

/// Lower-case names.
fn lowered(names: Vec<String>) -> BTreeSet<String> {
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

/// The values of an attribute of an entry's texts.
fn values(texts: &HashMap<String, Vec<String>>, name: &str) -> Vec<String> {
    texts.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default()
}
