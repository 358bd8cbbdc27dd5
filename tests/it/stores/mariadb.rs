//! MariaDB (and MySQL): the suite, coarse collations, odd types, deadlocks.
//!
//! Needs a server: `SCIMGATE_TEST_MYSQL=mysql://user:password@host:port/database`.

use diesel::{Connection as _, MysqlConnection, connection::SimpleConnection as _};
use scimgate::{
    config::sql::SqlSettings,
    store::{
        FieldKind, Fold, Order, Predicate, ReadStore as _, Step, Store as _, StoreError, Test, Value,
        coerce::parse_time, sql::SqlStore,
    },
};

use super::{
    bag, concurrency,
    database::{Database, server, unique},
    mails_bag, people_bag,
};
use crate::store_suite::{Fixture, READ_CASES, TABLE_CASES, find, random_predicates, run, set, texts, wait};

const TABLES: &str =
    "CREATE TABLE {p}_person (id BIGINT AUTO_INCREMENT PRIMARY KEY, login VARCHAR(40) NOT NULL, \
    name TEXT COLLATE utf8mb4_unicode_ci, age BIGINT, flags INT, UNIQUE KEY by_login (login));
    CREATE TABLE {p}_mail (id INT AUTO_INCREMENT PRIMARY KEY, person BIGINT NOT NULL, \
    address VARCHAR(100) NOT NULL, KEY (person), \
    CONSTRAINT {p}_fk FOREIGN KEY (person) REFERENCES {p}_person (id));";

fn admin() -> Option<MysqlConnection> {
    server("SCIMGATE_TEST_MYSQL").map(|url| MysqlConnection::establish(&url).unwrap())
}

fn database() -> Option<Database> {
    database_with(TABLES, &["mail", "person"])
}

/// Tables with a prefix of their own, in the test database.
fn database_with(tables: &str, names: &[&str]) -> Option<Database> {
    let mut admin = admin()?;
    let prefix = unique();
    admin.batch_execute(&tables.replace("{p}", &prefix)).unwrap();
    let mut settings = SqlSettings::new(std::env::var("SCIMGATE_TEST_MYSQL").unwrap());
    settings.session.insert("sql_mode".into(), "STRICT_TRANS_TABLES".into());
    settings.connections = 2;
    let drops: Vec<String> = names.iter().map(|name| format!("DROP TABLE {prefix}_{name};")).collect();
    Some(Database {
        name: "mariadb",
        store: SqlStore::open(&settings).unwrap(),
        settings,
        people: people_bag(&format!("{prefix}_person"), FieldKind::Any),
        mails: mails_bag(&format!("{prefix}_mail")),
        clean_up: Some(Box::new(move || admin.batch_execute(&drops.concat()).unwrap())),
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
    for collation in ["utf8mb4_unicode_ci", "utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_turkish_ci"] {
        let tables = TABLES.replace("utf8mb4_unicode_ci", collation);
        let Some(database) = database_with(&tables, &["mail", "person"]) else { return };
        random_predicates(&database, 15);
    }
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

const TYPES: &str = "CREATE TABLE {p}_wide (id INT AUTO_INCREMENT PRIMARY KEY, te TEXT, vc VARCHAR(5), ch CHAR(10), \
    vb VARCHAR(20) COLLATE utf8mb4_bin, l1 VARCHAR(20) CHARACTER SET latin1, i1 TINYINT(1), u8 BIGINT UNSIGNED, \
    bt BIT(8), n DECIMAL(12,3), f8 DOUBLE, ts TIMESTAMP(6) NULL, dt DATETIME, d DATE, ti TIME, bl BLOB, j JSON, \
    e ENUM('ok','bad'), uu UUID, y YEAR, `we``ird` TEXT);";

const WRITTEN: &[(&str, &str)] = &[
    ("te", "é"),
    ("vc", "abc"),
    ("ch", "pad"),
    ("vb", "Bin"),
    ("l1", "é"),
    ("i1", "1"),
    ("u8", "18446744073709551615"),
    ("bt", "5"),
    ("n", "12.345"),
    ("f8", "2.5"),
    ("ts", "2026-11-23T10:11:12Z"),
    ("dt", "2026-11-23T10:11:12Z"),
    ("d", "2026-11-23"),
    ("ti", "26:11:12"),
    ("bl", "bytes"),
    ("j", "{\"a\": 1}"),
    ("e", "bad"),
    ("uu", "018f0000-0000-7000-8000-0000000000aa"),
    ("y", "2026"),
    ("we`ird", "w"),
];

#[test]
fn text_fits_every_type_of_column() {
    let Some(database) = database_with(TYPES, &["wide"]) else { return };
    let columns: Vec<(&str, FieldKind)> = [("id", FieldKind::Any)]
        .into_iter()
        .chain(WRITTEN.iter().map(|(c, _)| (*c, FieldKind::Any)))
        .collect();
    let Some(table) = database.people.name.strip_suffix("_person") else { panic!("the prefix") };
    let wide = bag(&format!("{table}_wide"), &columns);
    let field = |name: &str| wide.find_field(name).unwrap();
    let insert = |cells, report| Step::Insert { bag: wide.clone(), cells, report, unless_exists: false };
    let cells = WRITTEN.iter().map(|(column, text)| set(field(column), *text)).collect();
    wait(database.store.apply(vec![insert(cells, vec![0]), insert(vec![], vec![0])])).unwrap();
    let rows = find(&database.store, &wide, &Predicate::True).unwrap();
    for (column, text) in WRITTEN {
        let read = rows[0].first(field(column)).unwrap_or_else(|| panic!("{column} is empty"));
        let read = if *column == "bl" { "bytes".to_owned() } else { read.to_text() };
        assert_eq!(&read, text, "{column}");
        let same = Predicate::equals(field(column), (*text).into());
        let found = find(&database.store, &wide, &same).unwrap_or_else(|e| panic!("{column}: {e}"));
        assert_eq!(found.len(), 1, "{column} = {text}");
        let other = Predicate::equals(field(column), "no such value".into());
        assert_eq!(find(&database.store, &wide, &other).unwrap().len(), 0, "{column}");
    }
    for (column, text) in [
        ("vc", "too long"),
        ("i1", "seven"),
        ("i1", "300"),
        ("e", "worse"),
        ("uu", "x"),
        ("dt", "x"),
        ("l1", "😀"),
    ] {
        let error =
            wait(database.store.apply(vec![insert(vec![set(field(column), text)], vec![])])).unwrap_err();
        assert!(
            matches!(&error, StoreError::ConstraintViolated { constraint, .. } if constraint == &format!("{}.{column}", wide.name)),
            "{column}: {error:?}"
        );
    }
}

/// A text that a column's character set lacks (`ſ` in the spellings of `s`, `Ж`) is no reason to fail.
#[test]
fn a_narrow_column_is_searched_for_any_text() {
    for charset in ["latin1", "utf8mb3"] {
        let tables = TABLES
            .replace("name TEXT COLLATE utf8mb4_unicode_ci", &format!("name TEXT CHARACTER SET {charset}"));
        let Some(database) = database_with(&tables, &["mail", "person"]) else { return };
        let people = database.people.clone();
        let (login, name) = (people.find_field("login").unwrap(), people.find_field("name").unwrap());
        let cells = vec![set(login, "ann"), set(name, "Skål")];
        let insert = Step::Insert { bag: people.clone(), cells, report: Vec::new(), unless_exists: false };
        wait(database.store.apply(vec![insert])).unwrap();
        let found = |test: Test| find(&database.store, &people, &Predicate::Field(name, test)).unwrap().len();
        for fold in [Fold::Exact, Fold::Case] {
            assert_eq!(found(Test::OneOf(vec!["Skål".into(), "Ж".into(), "🦄".into()], fold)), 1, "{fold:?}");
            assert_eq!(found(Test::Contains("kå".into(), fold)), 1, "{fold:?}");
        }
        assert_eq!(found(Test::Contains("🦄".into(), Fold::Exact)), 0);
        assert_eq!(found(Test::OneOf(vec!["sKÅL".into()], Fold::Case)), 1, "{charset}");
    }
}

#[test]
fn a_date_with_a_zero_is_nothing() {
    let Some(database) = database_with(
        "CREATE TABLE {p}_event (id INT PRIMARY KEY, d DATE NOT NULL, dt DATETIME NULL);
        SET SESSION sql_mode = ''; INSERT INTO {p}_event VALUES (1, '0000-00-00', '0000-00-00 00:00:00'), \
        (2, '2026-11-23', '2026-11-23 10:00:00'), (3, '2026-00-00', NULL);",
        &["event"],
    ) else {
        return;
    };
    let Some(prefix) = database.people.name.strip_suffix("_person") else { panic!("the prefix") };
    let event = bag(
        &format!("{prefix}_event"),
        &[("id", FieldKind::Any), ("d", FieldKind::Any), ("dt", FieldKind::Any)],
    );
    let rows = find(&database.store, &event, &Predicate::True).unwrap();
    assert_eq!(rows.iter().map(|r| r.all(1).len() + r.all(2).len()).collect::<Vec<_>>(), [0, 2, 0]);
    let count =
        |field, test| wait(database.store.count(event.clone(), Predicate::Field(field, test))).unwrap();
    let before = || {
        let day = Value::Date(parse_time("2027-01-01").unwrap().date());
        Test::Order(Order::Lt, day, Fold::Exact)
    };
    for field in [1, 2] {
        assert_eq!((count(field, Test::Present), count(field, Test::Absent)), (1, 2));
        assert_eq!(count(field, before()), 1);
    }
}

#[test]
fn a_key_that_the_caller_chose_finds_what_was_filled_in() {
    let Some(database) = database_with(
        "CREATE TABLE {p}_chosen (code VARCHAR(10) PRIMARY KEY, note VARCHAR(10) DEFAULT 'filled');",
        &["chosen"],
    ) else {
        return;
    };
    let Some(prefix) = database.people.name.strip_suffix("_person") else { panic!("the prefix") };
    let chosen = bag(&format!("{prefix}_chosen"), &[("code", FieldKind::Any), ("note", FieldKind::Any)]);
    let insert =
        Step::Insert { bag: chosen, cells: vec![set(0, "a")], report: vec![1, 0], unless_exists: false };
    assert_eq!(wait(database.store.apply(vec![insert])).unwrap()[0], [texts(&["filled"]), texts(&["a"])]);
}

#[test]
fn lost_and_frozen_connections() {
    let Some(database) = database() else { return };
    concurrency::lost_and_frozen_connections(&database);
}

#[test]
fn nobody_there_and_wrong_passwords_are_told_apart() {
    let Some(url) = server("SCIMGATE_TEST_MYSQL") else { return };
    let nobody = SqlStore::open(&SqlSettings::new("mysql://gateway@127.0.0.1:1/legacy")).unwrap();
    let error = wait(nobody.probe()).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let mut wrong = SqlSettings::new(url);
    wrong.password = Some("wrong".to_owned().into());
    let error = wait(SqlStore::open(&wrong).unwrap().probe()).unwrap_err();
    assert!(matches!(error, StoreError::Denied(_)), "{error:?}");
    let Some(database) = database() else { return };
    let said = wait(database.store.probe()).unwrap();
    assert!(said.starts_with("MariaDB ") || said.starts_with("MySQL "), "{said}");
}
