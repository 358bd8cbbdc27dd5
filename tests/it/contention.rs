//! Others work in the same database at the same time: isolation levels, locks, deadlocks, and rows that
//! change between the moment when they are read and the moment when they are written
//! (`tests/fixtures/contention`).

mod conflicts;
mod isolation;
mod locks;
mod overtaken;
mod too_late;

use std::{path::Path, thread};

use serde_json::json;

use crate::support::{Answer, Backend, Client, Gateway, Options, Session, TestStore};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const SQL: [Backend; 3] = [Backend::Sqlite, Backend::Postgres, Backend::MariaDb];
const SERVERS: [Backend; 2] = [Backend::Postgres, Backend::MariaDb];

/// A database of the fixture's tables.
fn fresh(backend: Backend) -> Option<TestStore> {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contention/mapping.toml");
    TestStore::of_statements(backend, include_str!("../fixtures/contention/tables.sql"), mapping)
}

/// The program in front of a store, and where ann is.
struct Site {
    gateway: Gateway,
    client: Client,
    ann: String,
}

impl Site {
    fn new(store: &TestStore) -> Self {
        // Shown when the test fails, to tell which store it was.
        eprintln!("in front of {}, {}", store.backend().name(), store.mapping().display());
        let gateway = Gateway::start(store, &Options::default());
        let client = gateway.client();
        let found = client.get("/Users?filter=userName%20eq%20%22ann%22");
        let id = found.json["Resources"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}"));
        let ann = format!("/Users/{id}");
        Self { gateway, client, ann }
    }

    /// Changes ann's row, and then the row of one of her mails.
    fn change(&self, title: &str) -> Answer {
        self.client.patch(
            &self.ann,
            json!([
                { "op": "replace", "path": "title", "value": title },
                { "op": "replace", "path": "emails[type eq \"work\"].value", "value": format!("{title}@x.org") },
            ]),
        )
    }

    /// Changes ann while somebody else is in the way, who goes as soon as we wait; the change then goes through.
    fn change_behind(&self, store: &TestStore, other: &mut Session, then: &str) {
        thread::scope(|scope| {
            let running = scope.spawn(|| self.change("Baker"));
            store.tables().until_somebody_waits();
            other.execute(then);
            assert_changed(&running.join().unwrap());
        });
        assert_eq!(written(store), ["Baker", "Baker@x.org"]);
        self.is_calm();
    }

    /// No request ended in a fault.
    fn is_calm(&self) {
        let log = self.gateway.log();
        assert!(!log.contains("a fault of ours") && !log.contains("panicked"), "{log}");
    }
}

/// What [`Site::change`] writes.
fn written(store: &TestStore) -> Vec<String> {
    let select = "select title as v from person where person_id = 1 \
                  union all select address from mail where mail_id = 11";
    store.tables().query(select).into_iter().flatten().collect()
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer}");
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or(0);
    assert!((1..=300).contains(&seconds), "{answer}");
}

fn assert_changed(answer: &Answer) {
    assert!([200, 204].contains(&answer.status), "{answer}");
}
