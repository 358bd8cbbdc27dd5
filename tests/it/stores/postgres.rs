//! PostgreSQL: the suite, every type of column, lost connections, locks.
//!
//! Needs a server: `SCIMGATE_TEST_POSTGRES=postgresql://user:password@host:port/database`.

use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use scimgate::{
    config::sql::SqlSettings,
    store::{
        Cell, Coverage, FieldKind, Fold, Order, Predicate, ReadStore as _, Step, Store as _, StoreError,
        Test, Value, coerce::parse_time, sql::SqlStore,
    },
};

use super::{
    bag, concurrency,
    database::{Database, server, unique},
    mails_bag, people_bag,
};
use crate::store_suite::{
    Fixture, READ_CASES, TABLE_CASES, fill, find, person, random_predicates, run, set, texts, wait,
};

const TABLES: &str =
    "CREATE TABLE person (id BIGSERIAL PRIMARY KEY, login VARCHAR(40) NOT NULL UNIQUE, name TEXT, \
    age BIGINT, flags INT);
    CREATE TABLE mail (id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
    person BIGINT NOT NULL REFERENCES person(id), address TEXT NOT NULL);";

fn admin() -> Option<PgConnection> {
    server("SCIMGATE_TEST_POSTGRES").map(|url| PgConnection::establish(&url).unwrap())
}

/// A schema of its own, reached by the session's search path as a mapping file would say it.
fn database() -> Option<Database> {
    database_with(TABLES)
}

fn database_with(tables: &str) -> Option<Database> {
    let mut admin = admin()?;
    let schema = unique();
    admin.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path TO {schema}; {tables}")).unwrap();
    let mut settings = SqlSettings::new(std::env::var("SCIMGATE_TEST_POSTGRES").unwrap());
    settings.session.insert("search_path".into(), schema.clone());
    settings.connections = 2;
    Some(Database {
        name: "postgres",
        store: SqlStore::open(&settings).unwrap(),
        settings,
        people: people_bag("person", FieldKind::Any),
        mails: mails_bag("mail"),
        clean_up: Some(Box::new(move || {
            admin.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).unwrap()
        })),
    })
}

fn fixture() -> Box<dyn Fixture> {
    Box::new(database().unwrap())
}

#[test]
fn reads() {
    if admin().is_some() {
        run(READ_CASES, fixture);
    }
}

#[test]
fn tables() {
    if admin().is_some() {
        run(TABLE_CASES, fixture);
    }
}

#[test]
fn random() {
    let Some(database) = database() else { return };
    random_predicates(&database, 30);
    let Some(database) = database_with(&TABLES.replace("name TEXT", "name TEXT COLLATE \"C\"")) else {
        return;
    };
    random_predicates(&database, 15);
    let Some(database) = database_with(&TABLES.replace("name TEXT", "name TEXT COLLATE \"und-x-icu\""))
    else {
        return;
    };
    random_predicates(&database, 15);
}

const TYPES: &str = "CREATE TYPE mood AS ENUM ('ok', 'bad');
    CREATE DOMAIN small AS VARCHAR(20) CHECK (VALUE <> 'forbidden');
    CREATE TABLE wide (id SERIAL PRIMARY KEY, te TEXT, vc VARCHAR(5), ch CHAR(10), i2 INT2, b BOOL, n NUMERIC(12,3), \
    f4 FLOAT4, f8 FLOAT8, ts TIMESTAMP, tz TIMESTAMPTZ, d DATE, u UUID, by BYTEA, j JSON, jb JSONB, e mood, ta TEXT[], \
    dom small, ip INET, \"Weird \"\"col\" TEXT);";

const COLUMNS: &[&str] = &[
    "id",
    "te",
    "vc",
    "ch",
    "i2",
    "b",
    "n",
    "f4",
    "f8",
    "ts",
    "tz",
    "d",
    "u",
    "by",
    "j",
    "jb",
    "e",
    "ta",
    "dom",
    "ip",
    "Weird \"col",
];

/// A text for each column, as a mapping file may write it, and the text that is read back.
const WRITTEN: &[(&str, &str)] = &[
    ("te", "é"),
    ("vc", "abc"),
    ("ch", "pad"),
    ("i2", "7"),
    ("b", "true"),
    ("n", "12.345"),
    ("f4", "0.1"),
    ("f8", "2.5"),
    ("ts", "2026-11-23T10:11:12Z"),
    ("tz", "2026-11-23T10:11:12Z"),
    ("d", "2026-11-23"),
    ("u", "018f0000-0000-7000-8000-0000000000aa"),
    ("by", "bytes"),
    ("j", "{\"a\": 1}"),
    ("jb", "{\"a\": 1}"),
    ("e", "bad"),
    ("ta", "one"),
    ("dom", "x"),
    ("ip", "10.0.0.1/32"),
    ("Weird \"col", "w"),
];

#[test]
fn text_fits_every_type_of_column() {
    let Some(database) = database_with(TYPES) else { return };
    let fields: Vec<(&str, FieldKind)> = COLUMNS.iter().map(|c| (*c, FieldKind::Any)).collect();
    let wide = bag("wide", &fields);
    let field = |name: &str| wide.find_field(name).unwrap();
    let insert = |cells| Step::Insert {
        bag: wide.clone(),
        cells,
        report: (0..COLUMNS.len()).collect(),
        unless_exists: false,
    };
    let cells = WRITTEN.iter().map(|(column, text)| set(field(column), *text)).collect();
    let reports = wait(database.store.apply(vec![insert(cells), insert(vec![])])).unwrap();
    for (column, text) in WRITTEN {
        let read = reports[0][field(column)].first().unwrap_or_else(|| panic!("{column} is empty"));
        let read = if *column == "by" { "bytes".to_owned() } else { read.to_text() };
        let expect = if *column == "ip" { "10.0.0.1" } else { text };
        assert!(read == *text || read.starts_with(expect), "{column}: {read}");
        let same = Predicate::equals(field(column), (*text).into());
        let found = find(&database.store, &wide, &same).unwrap_or_else(|e| panic!("{column}: {e}"));
        assert_eq!(found.len(), 1, "{column} = {text}");
        let other = Predicate::equals(field(column), "no such value".into());
        assert_eq!(find(&database.store, &wide, &other).unwrap().len(), 0, "{column}");
        let absent = Predicate::Field(field(column), Test::Absent);
        assert_eq!(find(&database.store, &wide, &absent).unwrap().len(), 1, "{column} is NULL once");
        let cleared = Step::Update {
            bag: wide.clone(),
            target: scimgate::store::Target::Rows(same),
            changes: vec![scimgate::store::Change::Set(field(column), Cell::Values(vec![]))],
            required: true,
        };
        wait(database.store.apply(vec![cleared])).unwrap();
    }
    for (column, text) in [
        ("vc", "too long"),
        ("i2", "seven"),
        ("e", "worse"),
        ("u", "x"),
        ("dom", "forbidden"),
        ("ip", "x"),
        ("i2", "99999"),
    ] {
        let error = wait(database.store.apply(vec![insert(vec![set(field(column), text)])])).unwrap_err();
        assert!(matches!(error, StoreError::ConstraintViolated { .. }), "{column}: {error:?}");
    }
}

#[test]
fn arrays_hold_several_values() {
    let Some(database) = database_with(TYPES) else { return };
    let wide = bag("wide", &[("id", FieldKind::Any), ("ta", FieldKind::Any)]);
    let put = |values: &[&str]| Step::Insert {
        bag: wide.clone(),
        cells: vec![(1, Cell::Values(texts(values)))],
        report: vec![1],
        unless_exists: false,
    };
    let reports = wait(database.store.apply(vec![put(&["a", "B"]), put(&["b"]), put(&[])])).unwrap();
    assert_eq!(reports[0][0], texts(&["a", "B"]));
    let count = |test: Test| wait(database.store.count(wide.clone(), Predicate::Field(1, test))).unwrap();
    assert_eq!(count(Test::OneOf(texts(&["b"]), Fold::Exact)), 1);
    assert_eq!(count(Test::OneOf(texts(&["b"]), Fold::Case)), 2);
    assert_eq!((count(Test::Present), count(Test::Absent)), (2, 1));
}

#[test]
fn odd_values_are_read() {
    let Some(database) = database_with(TYPES) else { return };
    let wide = bag(
        "wide",
        &[
            ("id", FieldKind::Any),
            ("n", FieldKind::Any),
            ("tz", FieldKind::Any),
            ("d", FieldKind::Any),
            ("f8", FieldKind::Any),
        ],
    );
    let mut admin = other_program(&database);
    admin
        .batch_execute("INSERT INTO wide (n, tz, d, f8) VALUES ('NaN', 'infinity', '-infinity', 'Infinity'), (1e3, '2026-01-01 00:00+02', '2026-01-01', 1e20)")
        .unwrap();
    let rows = find(&database.store, &wide, &Predicate::True).unwrap();
    let shown: Vec<String> =
        rows.iter().flat_map(|r| (1..5).map(|f| r.first(f).unwrap().to_text())).collect();
    assert_eq!(
        shown,
        [
            "NaN",
            "infinity",
            "-infinity",
            "inf",
            "1000",
            "2025-12-31T22:00:00Z",
            "2026-01-01",
            "100000000000000000000"
        ]
    );
    let day = Value::Date(parse_time("2025-12-31").unwrap().date());
    let on_that_day = Predicate::Field(2, Test::Order(Order::Le, day, Fold::Exact));
    assert_eq!(wait(database.store.count(wide, on_that_day)).unwrap(), 1);
}

fn other_program(database: &Database) -> PgConnection {
    let mut connection = PgConnection::establish(&database.settings.url).unwrap();
    let schema = &database.settings.session["search_path"];
    connection.batch_execute(&format!("SET search_path TO {schema}")).unwrap();
    connection
}

/// `citext` and collations that take different texts for equal: an index finds, a second test decides.
#[test]
fn coarse_columns_are_exact() {
    let tables = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
        CREATE TABLE coarse (id INT PRIMARY KEY, name TEXT COLLATE loose);
        INSERT INTO coarse VALUES (1, 'Ann'), (2, 'ann'), (3, 'änn');";
    let Some(database) = database_with(tables) else { return };
    let coarse = bag("coarse", &[("id", FieldKind::Any), ("name", FieldKind::Any)]);
    let count = |test: Test| wait(database.store.count(coarse.clone(), Predicate::Field(1, test))).unwrap();
    assert_eq!(count(Test::OneOf(texts(&["ann"]), Fold::Exact)), 1);
    assert_eq!(count(Test::Starts("an".into(), Fold::Exact)), 1);
    assert!(count(Test::OneOf(texts(&["ANN"]), Fold::Case)) >= 2);
    assert!(count(Test::Ends("NN".into(), Fold::Case)) >= 3);
}

/// A column whose collation lower-cases ASCII only, in a database that knows Unicode's letters.
#[test]
fn letters_beyond_ascii_are_found_in_columns_of_the_c_collation() {
    for collation in ["C", "POSIX", "ucs_basic"] {
        let tables = format!(
            "CREATE TABLE plain (id INT PRIMARY KEY, name TEXT COLLATE \"{collation}\");
             INSERT INTO plain VALUES (1, 'É'), (2, 'é'), (3, 'ẞ'), (4, 'ß'), (5, 'x');"
        );
        let Some(database) = database_with(&tables) else { return };
        let plain = bag("plain", &[("id", FieldKind::Any), ("name", FieldKind::Any)]);
        let count =
            |test: Test| wait(database.store.count(plain.clone(), Predicate::Field(1, test))).unwrap();
        for sought in ["é", "É", "ß", "ẞ"] {
            assert_eq!(count(Test::OneOf(texts(&[sought]), Fold::Case)), 2, "{sought} in {collation}");
            // Of parts, a superset.
            assert!(count(Test::Contains(sought.into(), Fold::Case)) >= 2, "{sought} in {collation}");
        }
    }
}

#[test]
fn lost_and_frozen_connections() {
    let Some(database) = database() else { return };
    concurrency::lost_and_frozen_connections(&database);
}

#[test]
fn nobody_there_and_wrong_passwords_are_told_apart() {
    let Some(url) = server("SCIMGATE_TEST_POSTGRES") else { return };
    let started = std::time::Instant::now();
    let nobody = SqlStore::open(&SqlSettings::new("postgresql://gateway@127.0.0.1:1/legacy")).unwrap();
    let error = wait(nobody.probe()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let mut wrong = SqlSettings::new(url);
    wrong.password = Some("wrong".to_owned().into());
    let error = wait(SqlStore::open(&wrong).unwrap().probe()).unwrap_err();
    assert!(matches!(error, StoreError::Denied(_)), "{error:?}");
    assert!(!error.to_string().contains("wrong\""), "{error}");
    assert!(started.elapsed().as_secs() < 4, "neither waits for the time-out");
    let Some(database) = database() else { return };
    let said = wait(database.store.probe()).unwrap();
    assert!(said.starts_with("PostgreSQL 1"), "{said}");
}

#[test]
fn a_slow_statement_times_out() {
    let Some(mut database) = database() else { return };
    fill(&database, &[person("ann", None, None, None)]);
    database.settings.statement_timeout_secs = 1;
    let store = database.again();
    let mut other = other_program(&database);
    other.batch_execute("BEGIN; LOCK TABLE person").unwrap();
    let error = find(&store, &database.people, &Predicate::True).unwrap_err();
    assert!(matches!(error, StoreError::Timeout(_)), "{error:?}");
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(find(&store, &database.people, &Predicate::True).unwrap().len(), 1);
}

#[test]
fn concurrent_writers_keep_a_set_a_set() {
    let Some(database) = database() else { return };
    concurrency::writers_of_one_set(&database);
}

#[test]
fn deadlocks_are_run_again() {
    let Some(database) = database() else { return };
    concurrency::deadlocks(&database);
}

#[test]
fn what_no_column_can_answer_is_not_covered() {
    let Some(database) = database() else { return };
    let now = Value::Time(parse_time("2026-11-23").unwrap());
    let predicate = Predicate::Field(2, Test::Order(Order::Lt, now, Fold::Exact));
    assert_eq!(database.store.coverage(&database.people, &predicate), Coverage::None);
    let error = find(&database.store, &database.people, &predicate).unwrap_err();
    assert!(matches!(error, StoreError::Unsupported(_)), "{error:?}");
}
