//! The suite over the model itself: it must keep its own rules.

use std::sync::Arc;

use scimgate::store::{
    Bag, FieldKind, Store,
    memory::{MemoryStore, Rules},
};

use super::{mails_bag, people_bag};
use crate::store_suite::{Fixture, READ_CASES, TABLE_CASES, random_predicates, run};

struct Memory(MemoryStore);

impl Fixture for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn store(&self) -> &dyn Store {
        &self.0
    }

    fn people(&self) -> Arc<Bag> {
        people_bag("person", FieldKind::Int)
    }

    fn mails(&self) -> Option<Arc<Bag>> {
        Some(mails_bag("mail"))
    }

    fn takes_nul(&self) -> bool {
        true
    }
}

fn fixture() -> Box<dyn Fixture> {
    let store = MemoryStore::new();
    let key = |fields: &[&str]| fields.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>();
    store.define(
        "person",
        Rules {
            generated: Some("id".into()),
            unique: vec![key(&["id"]), key(&["login"])],
            required: key(&["login"]),
            references: vec![],
        },
    );
    store.define(
        "mail",
        Rules {
            generated: Some("id".into()),
            unique: vec![key(&["id"])],
            required: key(&["person", "address"]),
            references: vec![("person".into(), "person".into(), "id".into())],
        },
    );
    Box::new(Memory(store))
}

#[test]
fn reads() {
    run(READ_CASES, fixture);
}

#[test]
fn tables() {
    run(TABLE_CASES, fixture);
}

#[test]
fn random() {
    random_predicates(fixture().as_ref(), 20);
}
