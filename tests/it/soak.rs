//! A calm mixed load for a long time, in front of a directory and a database at once: what the gateway holds stays the
//! same, and every answer is true. `scimgate chaos` looks at memory, open files and threads.
//!
//! `SCIMGATE_SOAK=30 tests/run --only-servers -- cargo test --features full,faults --test it soak -- --ignored` goes on
//! for thirty minutes.

use std::{path::Path, process::Command};

use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query, sql_types::BigInt,
};

use crate::support::{Backend, Gateway, Options, TestStore};

/// Shorter runs tell nothing of leaks.
const MINUTES: &str = "5";
/// Tables of the correlation database that do not grow with what the store has held.
const BOUNDED: [&str; 4] = ["journal", "number", "replica", "scan"];
const FEW: i64 = 100;

fn holds(backend: Backend) {
    let Some(store) = TestStore::fresh(backend) else { return };
    let directory = Gateway::write_settings(&store, &store.settings(), &Options::default());
    let minutes = std::env::var("SCIMGATE_SOAK").unwrap_or_else(|_| MINUTES.to_owned());
    let output = Command::new(env!("CARGO_BIN_EXE_scimgate"))
        .args(["chaos", "--config", "scimgate.toml", "--log", "gateway.log"])
        .args(["--calm", "--yes-this-is-a-copy", "--minutes", &minutes])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    eprintln!("{}:\n{said}", backend.name());
    assert_eq!(output.status.code(), Some(0), "{}", backend.name());
    for table in BOUNDED {
        let rows = rows(&directory.path().join("ids.db"), table);
        assert!(rows < FEW, "{}: {table} has {rows} rows", backend.name());
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn rows(database: &Path, table: &str) -> i64 {
    let mut connection = SqliteConnection::establish(&database.display().to_string()).unwrap();
    let found = sql_query(format!("select count(*) as rows from {table}"));
    found.get_result::<Count>(&mut connection).unwrap().rows
}

#[test]
#[ignore = "takes minutes: SCIMGATE_SOAK"]
fn nothing_grows_in_front_of_a_directory() {
    holds(Backend::OpenLdap);
}

#[test]
#[ignore = "takes minutes: SCIMGATE_SOAK"]
fn nothing_grows_in_front_of_a_database() {
    holds(Backend::Postgres);
}
