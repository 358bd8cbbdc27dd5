//! The disk of the database of ids is full when a request comes. It is done or is to be sent again, and once there is
//! room again, all is as if there always had been.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use ureq::http::Method;

use super::{
    cases::{CASES, Case},
    look::{Look, open_writes_in},
};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

/// Kilobytes of the disk: some hundred changes.
const SIZE: u32 = 2048;
const PATIENCE: Duration = Duration::from_secs(30);

const LISTS: [&str; 2] = ["/Users?count=1", "/Groups?count=1"];

/// Sends one request of a kind while there is no room. True if it was to be sent again.
fn once(store: &TestStore, case: &Case) -> bool {
    let gateway = Gateway::start_on_small_disk(store, &Options::default(), SIZE);
    let (client, disk) = (gateway.client(), gateway.small_disk());
    let (name, before) = (unique("f"), Look::at(store));
    let what = format!("{} on {}", case.name, store.backend().name());
    let prepared = (case.prepare)(&client, &name);
    let body = prepared.body.as_ref();
    for list in LISTS {
        assert_eq!(client.get(list).status, 200, "{what}");
    }
    let ballast = disk.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    let first = client.try_send(&prepared.method, &prepared.path, body).unwrap();
    let is_refused = first.status == 503;
    assert!(first.status < 300 || is_refused, "{what}: {first}\n{}", gateway.log());
    if is_refused {
        assert_ne!(first.header("retry-after"), "", "{what}: {first}");
        // What is known can be read all the same.
        for list in LISTS {
            assert_eq!(client.get(list).status, 200, "{what}");
        }
    }
    drop(file);
    fs::remove_file(&ballast).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut is_open = is_refused;
    while is_open {
        let again = client.try_send(&prepared.method, &prepared.path, body).unwrap();
        let is_gone = prepared.method == Method::DELETE && again.status == 404;
        is_open = again.status >= 300 && !is_gone;
        assert!(!is_open || again.status == 503, "{what}, sent again: {again}\n{}", gateway.log());
        assert!(Instant::now() < deadline, "{what}: {again}\n{}", gateway.log());
        thread::sleep(Duration::from_millis(100));
    }
    (case.check)(&client, &name, &what);
    let problems = Look::at(store).problems_since(&before, &name);
    assert!(problems.is_empty(), "{what}:\n{}", problems.join("\n"));
    while !open_on(&disk).is_empty() {
        assert!(Instant::now() < deadline, "{what}: the journal\n{}", gateway.log());
        thread::sleep(Duration::from_millis(100));
    }
    is_refused
}

/// The writes that are open in the database on a disk that only the program has: of a copy.
fn open_on(disk: &Path) -> Vec<String> {
    let copy = TempDir::new().unwrap();
    for name in ["ids.db", "ids.db-wal"] {
        fs::copy(disk.join(name), copy.path().join(name)).unwrap();
    }
    open_writes_in(&copy.path().join("ids.db"))
}

#[test]
fn a_full_disk_loses_and_doubles_nothing() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::OpenLdap] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let refused: Vec<&str> =
            CASES.iter().filter(|case| once(&store, case)).map(|case| case.name).collect();
        eprintln!("{}: sent again: {}", backend.name(), refused.join(", "));
        assert!(refused.len() > CASES.len() / 2, "{refused:?}");
    }
}
