//! The directory under test, seen past the store, and bags to read it with.

use std::{collections::HashSet, future::Future, sync::Arc};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry};
use scimgate::{
    config::ldap::LdapSettings,
    store::{
        Bag, Cell, Field, FieldId, FieldKind, Fold, Predicate, ReadStore as _, Row, Select, Source, Step,
        Store as _, StoreError, Target, Test, Value, dn::Dn, ldap::LdapStore,
    },
};

pub(crate) const SUFFIX: &str = "dc=example,dc=com";

/// Fields of the bag that [`Lab::users`] makes.
pub(crate) mod f {
    pub(crate) const DN: usize = 0;
    pub(crate) const CONTAINER: usize = 1;
    pub(crate) const UUID: usize = 2;
    pub(crate) const UID: usize = 3;
    pub(crate) const CN: usize = 4;
    pub(crate) const SN: usize = 5;
    pub(crate) const MAIL: usize = 6;
    pub(crate) const DESCRIPTION: usize = 7;
    pub(crate) const PHOTO: usize = 8;
    pub(crate) const CLASS: usize = 9;
    pub(crate) const MANAGER: usize = 10;
    pub(crate) const MODIFIED: usize = 11;
    pub(crate) const PHONE: usize = 12;
    pub(crate) const UID_NUMBER: usize = 13;
    pub(crate) const GID_NUMBER: usize = 14;
    pub(crate) const HOME: usize = 15;
    pub(crate) const CSN: usize = 16;
    pub(crate) const HAS_CHILDREN: usize = 17;
    pub(crate) const UNKNOWN: usize = 18;
    pub(crate) const DISPLAY: usize = 19;
}

const FIELDS: &[(&str, FieldKind)] = &[
    ("dn", FieldKind::Dn),
    ("container", FieldKind::Dn),
    ("entryUUID", FieldKind::Any),
    ("uid", FieldKind::Text),
    ("cn", FieldKind::Text),
    ("SN", FieldKind::Text),
    ("mail", FieldKind::Text),
    ("description", FieldKind::Text),
    ("jpegPhoto", FieldKind::Bytes),
    ("objectClass", FieldKind::Text),
    ("manager", FieldKind::Dn),
    ("modifyTimestamp", FieldKind::Time),
    ("telephoneNumber", FieldKind::Text),
    ("uidNumber", FieldKind::Int),
    ("gidNumber", FieldKind::Int),
    ("homeDirectory", FieldKind::Text),
    ("entryCSN", FieldKind::Text),
    ("hasSubordinates", FieldKind::Bool),
    ("noSuchAttribute", FieldKind::Text),
    ("displayName", FieldKind::Text),
];

/// The servers that the tests of this module run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    OpenLdap,
    Ds389,
}

impl Product {
    pub(crate) const ALL: [Self; 2] = [Self::OpenLdap, Self::Ds389];

    /// The attribute that identifies an entry.
    pub(crate) fn anchor(self) -> &'static str {
        match self {
            Self::OpenLdap => "entryUUID",
            Self::Ds389 => "nsUniqueId",
        }
    }

    /// The attribute that changes with an entry.
    fn marker(self) -> &'static str {
        match self {
            Self::OpenLdap => "entryCSN",
            Self::Ds389 => "entryusn",
        }
    }

    /// What the names of its variables begin with.
    fn variable(self) -> &'static str {
        match self {
            Self::OpenLdap => "SCIMGATE_TEST_LDAP",
            Self::Ds389 => "SCIMGATE_TEST_389DS",
        }
    }
}

/// The directory and an organizational unit of one test.
pub(crate) struct Lab {
    pub(crate) product: Product,
    pub(crate) settings: LdapSettings,
    pub(crate) store: LdapStore,
    pub(crate) ou: String,
    pub(crate) raw: Ldap,
}

/// The settings for a directory under test; says loudly if there is none.
pub(crate) fn settings_of(product: Product) -> Option<LdapSettings> {
    Some(settings_of_server(product.variable())?.0)
}

/// The settings for the server whose variables begin with this, and the base of its directory.
pub(crate) fn settings_of_server(prefix: &str) -> Option<(LdapSettings, String)> {
    let Ok(url) = std::env::var(prefix) else {
        eprintln!("SKIPPED: {prefix} is not set, the LDAP store is NOT tested with it");
        return None;
    };
    let variable = |name: &str| std::env::var(format!("{prefix}{name}")).unwrap_or_default();
    let settings = LdapSettings {
        urls: vec![url],
        bind_dn: variable("_BIND_DN"),
        password: variable("_PASSWORD").into(),
        ca_file: Some(variable("_CA").into()),
        ..Default::default()
    };
    Some((settings, variable("_BASE")))
}

/// The settings for OpenLDAP.
pub(crate) fn settings() -> Option<LdapSettings> {
    settings_of(Product::OpenLdap)
}

/// Runs a test on a single-threaded runtime, as a worker has one.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// Runs a test with the settings of each server.
pub(crate) fn on_each(test: impl AsyncFn(LdapSettings)) {
    for settings in Product::ALL.into_iter().filter_map(settings_of) {
        // Shown when the test fails, to tell which server it was.
        eprintln!("on {}", settings.urls[0]);
        run(test(settings));
    }
}

/// Runs a test on each server, in a new organizational unit, which is removed afterwards.
pub(crate) fn in_lab(name: &str, test: impl AsyncFn(&mut Lab)) {
    Product::ALL.into_iter().for_each(|product| in_lab_below(product, SUFFIX, name, &test));
}

/// The same on one server, below another entry.
pub(crate) fn in_lab_below(product: Product, parent: &str, name: &str, test: impl AsyncFnOnce(&mut Lab)) {
    let Some(settings) = settings_of(product) else { return };
    // Shown when the test fails, to tell which server it was.
    eprintln!("on {product:?}");
    run(async {
        let ou = format!("ou=t-{name}-{},{parent}", uuid::Uuid::new_v4().simple());
        let mut lab = Lab { product, store: open(&settings), raw: raw(&settings).await, settings, ou };
        lab.add_ou(&lab.ou.clone()).await;
        test(&mut lab).await;
        lab.remove_tree().await;
    });
}

pub(crate) fn open(settings: &LdapSettings) -> LdapStore {
    LdapStore::new(settings.clone()).unwrap()
}

pub(crate) async fn raw(settings: &LdapSettings) -> Ldap {
    use secrecy::ExposeSecret as _;
    let options = LdapConnSettings::new().set_no_tls_verify(true);
    let (connection, mut ldap) = LdapConnAsync::with_settings(options, &settings.urls[0]).await.unwrap();
    tokio::spawn(connection.drive());
    let answer = ldap.simple_bind(&settings.bind_dn, settings.password.expose_secret()).await.unwrap();
    answer.success().unwrap();
    ldap
}

/// A bag of people below some bases of OpenLDAP.
pub(crate) fn users_in(bases: &[&str]) -> Arc<Bag> {
    users_of(Product::OpenLdap, bases)
}

/// A bag of people below some bases.
fn users_of(product: Product, bases: &[&str]) -> Arc<Bag> {
    let named = |name: &str| match name {
        "entryUUID" => product.anchor().to_owned(),
        "entryCSN" => product.marker().to_owned(),
        other => other.to_owned(),
    };
    Arc::new(Bag {
        name: "User".into(),
        source: Source::Entries {
            bases: bases.iter().map(|b| (*b).to_owned()).collect(),
            subtree: true,
            classes: vec!["inetOrgPerson".into()],
            rdn: vec![f::UID],
        },
        fields: FIELDS
            .iter()
            .map(|(name, kind)| Field { name: named(name), kind: *kind, many: true })
            .collect(),
        key: vec![f::UUID],
        scope: Predicate::True,
    })
}

pub(crate) fn one_of(field: FieldId, values: &[&str]) -> Predicate {
    Predicate::Field(field, Test::OneOf(values.iter().map(|v| (*v).into()).collect(), Fold::Exact))
}

pub(crate) fn cell(field: FieldId, values: &[&str]) -> (FieldId, Cell) {
    (field, Cell::Values(values.iter().map(|v| (*v).into()).collect()))
}

pub(crate) fn select(bag: &Arc<Bag>, predicate: Predicate, fields: &[FieldId]) -> Select {
    Select { bag: Arc::clone(bag), predicate, fields: fields.to_vec(), order: vec![], offset: 0, limit: None }
}

/// The sorted texts of a field over rows.
pub(crate) fn texts(rows: &[Row], field: FieldId) -> Vec<String> {
    let mut texts: Vec<String> = rows.iter().flat_map(|r| r.all(field)).map(Value::to_text).collect();
    texts.sort();
    texts
}

impl Lab {
    pub(crate) fn users(&self) -> Arc<Bag> {
        users_of(self.product, &[&self.ou])
    }

    pub(crate) fn dn_of(&self, uid: &str) -> String {
        Dn::parse(&self.ou).unwrap().child(&[("uid", uid)]).to_string()
    }

    pub(crate) async fn add_ou(&mut self, dn: &str) {
        self.add(dn, &[("objectClass", &["organizationalUnit"])]).await;
    }

    /// Adds an entry past the store.
    pub(crate) async fn add(&mut self, dn: &str, attributes: &[(&str, &[&str])]) {
        let set = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<HashSet<_>>();
        let attributes = attributes.iter().map(|(name, values)| ((*name).to_owned(), set(values))).collect();
        self.raw.add(dn, attributes).await.unwrap().success().unwrap_or_else(|e| panic!("{dn}: {e}"));
    }

    /// Adds a person past the store.
    pub(crate) async fn add_person(&mut self, uid: &str, more: &[(&str, &[&str])]) -> String {
        let dn = self.dn_of(uid);
        let mut attributes: Vec<(&str, &[&str])> =
            vec![("objectClass", &["inetOrgPerson"]), ("cn", &["C"]), ("sn", &["S"])];
        attributes.retain(|(name, _)| !more.iter().any(|(m, _)| m == name));
        attributes.extend(more);
        self.add(&dn, &attributes).await;
        dn
    }

    /// Reads attributes of an entry past the store, in the server's order of values.
    pub(crate) async fn read(&mut self, dn: &str, attribute: &str) -> Option<Vec<String>> {
        let answer = self.raw.search(dn, Scope::Base, "(objectClass=*)", [attribute]).await.unwrap();
        let entry = SearchEntry::construct(answer.0.into_iter().next()?);
        Some(entry.attrs.into_iter().next().map_or_else(Vec::new, |(_, values)| values))
    }

    pub(crate) async fn anchor(&mut self, dn: &str) -> Value {
        Value::from(self.read(dn, self.product.anchor()).await.unwrap().remove(0))
    }

    /// The entry as a step's target, with the anchor it has now.
    pub(crate) async fn target(&mut self, dn: &str) -> Target {
        Target::Entry { dn: dn.to_owned(), anchor: self.anchor(dn).await }
    }

    /// The uids that a predicate selects.
    pub(crate) async fn uids(&self, bag: &Arc<Bag>, predicate: Predicate) -> Vec<String> {
        texts(&self.store.select(select(bag, predicate, &[f::UID])).await.unwrap(), f::UID)
    }

    pub(crate) async fn apply(&self, step: Step) -> Result<Vec<Vec<Value>>, StoreError> {
        self.store.apply(vec![step]).await.map(|mut reports| reports.remove(0))
    }

    async fn remove_tree(&mut self) {
        let entries = self.raw.search(&self.ou, Scope::Subtree, "(objectClass=*)", ["1.1"]).await.unwrap();
        let mut dns: Vec<String> = entries.0.into_iter().map(|e| SearchEntry::construct(e).dn).collect();
        dns.sort_by_key(|dn| std::cmp::Reverse(Dn::parse(dn).unwrap().rdns().len()));
        for dn in dns {
            self.raw.delete(&dn).await.unwrap().success().unwrap();
        }
    }
}
