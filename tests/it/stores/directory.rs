//! The suite over directories: entries in place of rows.
//!
//! Keys are the server's own, the login names the entry, and numbers lie in attributes that any account may have.

use std::sync::Arc;

use scimgate::store::{
    Bag, Cell, Field, FieldKind, Predicate, Source, Step, Store, StoreError, Value, dn::Dn, ldap::LdapStore,
};

use crate::{
    ldap_store::lab::{open, settings_of_server},
    store_suite::{AGE, FLAGS, Fixture, ID, LOGIN, NAME, Person, READ_CASES, random_predicates, run, wait},
};

/// Fields that the suite does not know of.
const DN: usize = 5;
const SURNAME: usize = 6;
/// What else an account must have; of no use where the login is the common name.
const COMMON_NAME: usize = 7;

/// What differs between the servers.
#[derive(Clone, Copy)]
struct Server {
    name: &'static str,
    /// What the names of its variables begin with.
    variable: &'static str,
    classes: &'static [&'static str],
    /// Names of the fields, by their numbers.
    fields: [&'static str; 8],
}

const OPENLDAP: Server = Server {
    name: "openldap",
    variable: "SCIMGATE_TEST_LDAP",
    classes: &["inetOrgPerson", "shadowAccount"],
    fields: ["entryUUID", "uid", "displayName", "shadowExpire", "shadowFlag", "dn", "sn", "cn"],
};
const DS389: Server = Server {
    name: "389-ds",
    variable: "SCIMGATE_TEST_389DS",
    fields: ["nsUniqueId", "uid", "displayName", "shadowExpire", "shadowFlag", "dn", "sn", "cn"],
    ..OPENLDAP
};
const ACTIVE_DIRECTORY: Server = Server {
    name: "active directory",
    variable: "SCIMGATE_TEST_AD",
    classes: &["user"],
    fields: ["objectGUID", "cn", "displayName", "maxStorage", "uidNumber", "dn", "sn", "name"],
};

/// A unit of a server's directory, gone when it is dropped.
struct Unit {
    server: Server,
    store: LdapStore,
    dn: Dn,
    above: Dn,
}

impl Unit {
    fn make(server: Server) -> Option<Self> {
        let (mut settings, base) = settings_of_server(server.variable)?;
        // Other tests keep the servers busy.
        settings.operation_timeout_secs = 60;
        let above = Dn::parse(&base).unwrap();
        let dn = above.child(&[("ou", &format!("suite-{}", uuid::Uuid::new_v4().simple()))]);
        let unit = Self { server, store: open(&settings), dn, above };
        let cells = vec![(0, Cell::Values(vec![unit.dn.to_string().into()]))];
        let step = Step::Insert { bag: unit.units(), cells, report: Vec::new(), unless_exists: false };
        wait(unit.store.apply(vec![step])).unwrap();
        Some(unit)
    }

    /// The bag that the unit itself lies in.
    fn units(&self) -> Arc<Bag> {
        let field = |name: &str, kind| Field { name: name.to_owned(), kind, many: false };
        Arc::new(Bag {
            name: "unit".to_owned(),
            source: Source::Entries {
                bases: vec![self.above.to_string()],
                subtree: false,
                classes: vec!["organizationalUnit".to_owned()],
                rdn: vec![1],
            },
            fields: vec![field("dn", FieldKind::Dn), field("ou", FieldKind::Text)],
            key: vec![0],
            scope: Predicate::True,
        })
    }

    fn clear(&self, bag: Arc<Bag>, predicate: Predicate) -> Result<(), StoreError> {
        let target = scimgate::store::Target::Rows(predicate);
        wait(self.store.apply(vec![Step::Delete { bag, target, required: false }])).map(drop)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let own = Predicate::equals(0, self.dn.to_string().into());
        let gone = self.clear(self.people(), Predicate::True).and_then(|()| self.clear(self.units(), own));
        if let Err(error) = gone {
            eprintln!("{} stays: {error}", self.dn);
        }
    }
}

impl Fixture for Unit {
    fn name(&self) -> &'static str {
        self.server.name
    }

    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn people(&self) -> Arc<Bag> {
        let kinds = [
            FieldKind::Any,
            FieldKind::Text,
            FieldKind::Text,
            FieldKind::Int,
            FieldKind::Int,
            FieldKind::Dn,
            FieldKind::Text,
            FieldKind::Text,
        ];
        let fields = self.server.fields.iter().zip(kinds);
        Arc::new(Bag {
            name: "person".to_owned(),
            source: Source::Entries {
                bases: vec![self.dn.to_string()],
                subtree: true,
                classes: self.server.classes.iter().map(|class| (*class).to_owned()).collect(),
                rdn: vec![LOGIN],
            },
            fields: fields
                .map(|(name, kind)| Field { name: (*name).to_owned(), kind, many: false })
                .collect(),
            key: vec![ID],
            scope: Predicate::True,
        })
    }

    fn mails(&self) -> Option<Arc<Bag>> {
        None
    }

    fn put(&self, person: &Person) -> Step {
        let name = self.dn.child(&[(self.server.fields[LOGIN], &person.login)]);
        let int = |i: &Option<i64>| i.iter().copied().map(Value::Int).collect();
        let mut cells = vec![
            (DN, Cell::Values(vec![name.to_string().into()])),
            (SURNAME, Cell::Values(vec!["S".into()])),
            (LOGIN, Cell::Values(vec![person.login.as_str().into()])),
            (NAME, Cell::Values(person.name.iter().map(|name| name.as_str().into()).collect())),
            (AGE, Cell::Values(int(&person.age))),
            (FLAGS, Cell::Values(int(&person.flags))),
        ];
        if self.server.fields[LOGIN] == "uid" {
            cells.push((COMMON_NAME, Cell::Values(vec![person.login.as_str().into()])));
        }
        Step::Insert { bag: self.people(), cells, report: vec![ID], unless_exists: false }
    }

    fn is_transactional(&self) -> bool {
        false
    }

    fn takes_empty(&self) -> bool {
        false
    }

    fn knows_kinds(&self) -> bool {
        self.server.name != ACTIVE_DIRECTORY.name
    }

    fn knows_look_alikes(&self) -> bool {
        self.server.name == OPENLDAP.name
    }
}

/// Runs what needs a server, on each that is there.
fn on(server: Server, test: impl Fn(&dyn Fn() -> Box<dyn Fixture>)) {
    if Unit::make(server).is_some() {
        test(&|| Box::new(Unit::make(server).unwrap()));
    }
}

#[test]
fn openldap_reads() {
    on(OPENLDAP, |make| run(READ_CASES, make));
}

#[test]
fn openldap_random() {
    on(OPENLDAP, |make| random_predicates(make().as_ref(), 10));
}

#[test]
fn ds389_reads() {
    on(DS389, |make| run(READ_CASES, make));
}

#[test]
fn ds389_random() {
    on(DS389, |make| random_predicates(make().as_ref(), 10));
}

#[test]
fn active_directory_reads() {
    on(ACTIVE_DIRECTORY, |make| run(READ_CASES, make));
}

#[test]
fn active_directory_random() {
    on(ACTIVE_DIRECTORY, |make| random_predicates(make().as_ref(), 6));
}
