//! SQLite: the suite, dynamic types, one writer, full queues.

use std::time::Duration;

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use scimgate::{
    config::sql::SqlSettings,
    store::{
        FieldKind, Fold, Order, Predicate, ReadStore as _, Step, Store as _, StoreError, Test, Value,
        coerce::parse_time, sql::SqlStore,
    },
};

use super::{bag, database::Database, mails_bag, people_bag};
use crate::store_suite::{
    Fixture, READ_CASES, TABLE_CASES, fill, find, person, random_predicates, run, set, texts, wait,
};

const TABLES: &str = "CREATE TABLE person (id INTEGER PRIMARY KEY, login VARCHAR(40) NOT NULL UNIQUE, name TEXT, \
    age INT, flags INT);
    CREATE TABLE mail (id INTEGER PRIMARY KEY, person INT NOT NULL REFERENCES person(id), address TEXT NOT NULL);";

fn database() -> Database {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it's a %?# database.db");
    connect(path.to_str().unwrap()).batch_execute(TABLES).unwrap();
    let settings = SqlSettings::new(format!("sqlite://{}", path.display()));
    Database {
        name: "sqlite",
        store: SqlStore::open(&settings).unwrap(),
        settings,
        people: people_bag("person", FieldKind::Any),
        mails: mails_bag("mail"),
        clean_up: Some(Box::new(move || drop(dir))),
    }
}

/// A connection of another program.
fn connect(path: &str) -> SqliteConnection {
    SqliteConnection::establish(path).unwrap()
}

fn other_program(database: &Database) -> SqliteConnection {
    connect(database.settings.url.trim_start_matches("sqlite://"))
}

fn fixture() -> Box<dyn Fixture> {
    Box::new(database())
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
    random_predicates(&database(), 60);
}

#[test]
fn the_probe_names_the_version() {
    let said = wait(database().store.probe()).unwrap();
    assert!(said.starts_with("SQLite 3."), "{said}");
}

#[test]
fn a_missing_file_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no.db");
    let store = SqlStore::open(&SqlSettings::new(format!("sqlite://{}", path.display()))).unwrap();
    let error = wait(store.probe()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(!path.exists());
}

#[test]
fn dates_are_compared_in_every_spelling() {
    let database = database();
    other_program(&database)
        .batch_execute(
            "CREATE TABLE event (id INTEGER PRIMARY KEY, at DATETIME, note TEXT);
             INSERT INTO event VALUES (1, '2026-11-23 10:00:00', '2026-11-23T10:00:00Z'),
                (2, '2026-11-23T12:00:00+02:00', 'soon'), (3, '2026-11-24 00:00:00.000001', NULL), (4, 'never', NULL);",
        )
        .unwrap();
    let event = bag("event", &[("id", FieldKind::Any), ("at", FieldKind::Any), ("note", FieldKind::Any)]);
    let time = |text: &str| Value::Time(parse_time(text).unwrap());
    let day = Value::Date(parse_time("2026-11-23").unwrap().date());
    let ids = |predicate: Predicate| -> Vec<String> {
        let rows = find(&database.store, &event, &predicate).unwrap();
        rows.iter().map(|r| r.first(0).unwrap().to_text()).collect()
    };
    let ordered = |order, value| Predicate::Field(1, Test::Order(order, value, Fold::Exact));
    assert_eq!(ids(Predicate::equals(1, time("2026-11-23T10:00:00Z"))), ["1", "2"]);
    assert_eq!(ids(Predicate::equals(2, time("2026-11-23T10:00:00Z"))), ["1"]);
    assert_eq!(ids(Predicate::equals(1, day.clone())), ["1", "2"]);
    assert_eq!(ids(ordered(Order::Le, day.clone())), ["1", "2"]);
    assert_eq!(ids(ordered(Order::Gt, day)), ["3"]);
    assert_eq!(ids(ordered(Order::Gt, time("2026-11-24T00:00:00Z"))), ["3"]);
    assert_eq!(ids(Predicate::equals(1, "never".into())), ["4"]);
    let rows = find(&database.store, &event, &Predicate::True).unwrap();
    assert_eq!(rows[1].first(1), Some(&time("2026-11-23T10:00:00Z")));
    assert_eq!(rows[3].first(1), Some(&"never".into()), "what is no date stays as it is");
    let insert = Step::Insert {
        bag: event.clone(),
        cells: vec![set(1, time("2026-11-25T01:02:03Z")), set(2, time("2026-11-25T01:02:03Z"))],
        report: vec![],
        unless_exists: false,
    };
    wait(database.store.apply(vec![insert])).unwrap();
    let raw = bag("event", &[("id", FieldKind::Any), ("at", FieldKind::Text), ("note", FieldKind::Any)]);
    let rows = find(&database.store, &raw, &Predicate::equals(0, Value::Int(5))).unwrap();
    assert_eq!(rows[0].first(2), Some(&"2026-11-25 01:02:03".into()));
}

#[test]
fn a_column_without_type_holds_anything() {
    let database = database();
    other_program(&database)
        .batch_execute("CREATE TABLE any (id INTEGER PRIMARY KEY, v); INSERT INTO any (v) VALUES (5), ('5'), ('05'), (2.5), (x'3035');")
        .unwrap();
    let any = bag("any", &[("id", FieldKind::Any), ("v", FieldKind::Any)]);
    let ids = |value: Value| -> Vec<String> {
        let rows = find(&database.store, &any, &Predicate::equals(1, value)).unwrap();
        rows.iter().map(|r| r.first(0).unwrap().to_text()).collect()
    };
    assert_eq!(ids(Value::Int(5)), ["1", "2"]);
    assert_eq!(ids("05".into()), ["1", "3", "5"]);
    assert_eq!(ids("2.5".into()), ["4"]);
}

#[test]
fn the_catalogue_is_read_again_when_it_does_not_fit() {
    let database = database();
    fill(&database, &[person("ann", None, None, None)]);
    let wider =
        bag("person", &[("id", FieldKind::Any), ("login", FieldKind::Any), ("phone", FieldKind::Any)]);
    assert!(matches!(find(&database.store, &wider, &Predicate::True), Err(StoreError::Corrupt(_))));
    other_program(&database).batch_execute("ALTER TABLE person ADD COLUMN phone TEXT DEFAULT '1'").unwrap();
    let rows = find(&database.store, &wider, &Predicate::True).unwrap();
    assert_eq!(rows[0].all(2), texts(&["1"]));
    other_program(&database).batch_execute("ALTER TABLE person DROP COLUMN phone").unwrap();
    assert!(matches!(find(&database.store, &wider, &Predicate::True), Err(StoreError::Corrupt(_))));
}

#[test]
fn a_lock_of_another_program_ends_in_an_error_not_in_silence() {
    let mut database = database();
    database.settings.statement_timeout_secs = 1;
    database.settings.queue = 1;
    let store = database.again();
    wait(store.apply(vec![])).unwrap();
    let mut other = other_program(&database);
    other.batch_execute("BEGIN IMMEDIATE; INSERT INTO person (login) VALUES ('other');").unwrap();
    let put = || store.apply(vec![database.put(&person("ann", None, None, None))]);
    let (first, second, third) = wait(async {
        let first = put();
        let rest = async {
            // The writer has taken the first by now; the second waits, and the third finds no room.
            tokio::time::sleep(Duration::from_millis(300)).await;
            futures_util::future::join(put(), put()).await
        };
        let (first, (second, third)) = futures_util::future::join(first, rest).await;
        (first, second, third)
    });
    assert!(matches!(&first, Err(StoreError::Unavailable(said)) if said.contains("locked")), "{first:?}");
    assert!(matches!(&second, Err(StoreError::Unavailable(said)) if said.contains("locked")), "{second:?}");
    assert!(matches!(&third, Err(StoreError::Unavailable(said)) if said.contains("too many")), "{third:?}");
    // Readers are not held up, and see what was there before.
    assert_eq!(find(&store, &database.people, &Predicate::True).unwrap().len(), 0);
    other.batch_execute("COMMIT").unwrap();
    wait(put()).unwrap();
    assert_eq!(find(&store, &database.people, &Predicate::True).unwrap().len(), 2);
}

#[test]
fn session_settings_are_checked() {
    let mut settings = database().settings.clone();
    settings.session.insert("cache_size; DROP TABLE person".into(), "1".into());
    assert!(matches!(SqlStore::open(&settings), Err(StoreError::Unsupported(_))));
    let database = database();
    let mut settings = database.settings.clone();
    settings.session.insert("cache_size".into(), "1; DROP TABLE person".into());
    let store = SqlStore::open(&settings).unwrap();
    assert!(matches!(wait(store.probe()), Err(StoreError::Unsupported(_))));
}
