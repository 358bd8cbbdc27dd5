//! What only shows with several connections, or with one that breaks.

use std::{
    net::ToSocketAddrs as _,
    sync::Arc,
    time::{Duration, Instant},
};

use scimgate::store::{
    Cell, Change, Predicate, ReadStore as _, Step, Store as _, StoreError, Value, sql::SqlStore,
};

use super::database::Database;
use crate::store_suite::{AGE, ID, MAIL_ADDRESS, MAIL_PERSON, fill, find, login_is, person, rows, set, wait};
use crate::support::Proxy;

fn touch(database: &Database, login: &str) -> Step {
    Step::Update {
        bag: Arc::clone(&database.people),
        target: rows(login),
        changes: vec![Change::Set(AGE, Cell::Values(vec![Value::Int(1)]))],
        required: true,
    }
}

/// Several writers put the same reference in at once; there is no unique index.
pub(super) fn writers_of_one_set(database: &Database) {
    fill(database, &[person("ann", None, None, None)]);
    let ann = find(&database.store, &database.people, &login_is("ann")).unwrap();
    let ann = ann[0].first(ID).unwrap().clone();
    let stores = [database.again(), database.again(), database.again()];
    for round in 0..10 {
        let step = Step::Insert {
            bag: Arc::clone(&database.mails),
            cells: vec![set(MAIL_PERSON, ann.clone()), set(MAIL_ADDRESS, format!("{round}@x"))],
            report: vec![],
            unless_exists: true,
        };
        let outcomes =
            wait(futures_util::future::join_all(stores.iter().map(|s| s.apply(vec![step.clone()]))));
        for outcome in outcomes {
            outcome.unwrap();
        }
        let count = wait(database.store.count(Arc::clone(&database.mails), Predicate::True)).unwrap();
        assert_eq!(count, round + 1, "{}", database.name);
    }
}

/// Two writers change the same two rows in opposite order, again and again.
pub(super) fn deadlocks(database: &Database) {
    fill(database, &[person("a", None, None, None), person("b", None, None, None)]);
    let long = |first: &str, second: &str| {
        let mut steps = vec![touch(database, first); 40];
        steps.push(touch(database, second));
        steps
    };
    let other = database.again();
    for _ in 0..3 {
        let both =
            futures_util::future::join(database.store.apply(long("a", "b")), other.apply(long("b", "a")));
        let (one, two) = wait(both);
        one.unwrap();
        two.unwrap();
    }
}

/// A connection that breaks is made anew; a server that is away or hangs is an error, and comes back by itself.
pub(super) fn lost_and_frozen_connections(database: &Database) {
    fill(database, &[person("ann", None, None, None)]);
    let mut settings = database.settings.clone();
    let (head, rest) = settings.url.split_once('@').unwrap();
    let (server, path) = rest.split_once('/').unwrap();
    let proxy = Proxy::to(server.to_socket_addrs().unwrap().next().unwrap());
    settings.url = format!("{head}@{}/{path}", proxy.address);
    settings.statement_timeout_secs = 1;
    settings.connect_timeout_secs = 2;
    let store = SqlStore::open(&settings).unwrap();
    let read = || find(&store, &database.people, &Predicate::True).map(|rows| rows.len());
    for _ in 0..2 {
        assert_eq!(read(), Ok(1));
        proxy.cut();
        assert_eq!(read(), Ok(1), "a read is tried once more");
        proxy.cut();
        // Nothing was committed when the connection turned out to be gone, so a write goes on too.
        wait(store.apply(vec![touch(database, "ann")])).unwrap();
    }
    proxy.set_down(true);
    proxy.cut();
    let away = Instant::now();
    for _ in 0..4 {
        let error = read().unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{}: {error:?}", database.name);
    }
    assert!(away.elapsed() < Duration::from_secs(4), "nobody waits long for a server that is away");
    proxy.set_down(false);
    comes_back(&read);
    proxy.set_frozen(true);
    // A thread with a connection waits for its statement, one without for a connection.
    for error in [read().map(drop), wait(store.apply(vec![touch(database, "ann")])).map(drop)] {
        let told = matches!(error, Err(StoreError::Timeout(_) | StoreError::Unavailable(_)));
        assert!(told, "{}: {error:?}", database.name);
    }
    proxy.set_frozen(false);
    comes_back(&read);
}

fn comes_back(read: &dyn Fn() -> Result<usize, StoreError>) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match read() {
            Ok(found) => {
                assert_eq!(found, 1);
                return;
            }
            Err(error) => assert!(Instant::now() < end, "still {error:?}"),
        }
    }
}
