//! `scimgate chaos` in front of real stores: requests of several clients through a network that delays, swallows, cuts
//! and resets, while the gateway and the store are killed and started again. Its checker finds nothing that is not
//! true.
//!
//! `SCIMGATE_CHAOS=10000` sends so many requests to each store.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{Backend, Gateway, Options, TestStore};

/// Requests to each store, unless the environment says otherwise.
const REQUESTS: &str = "1000";

/// Runs the command with the settings of a directory: its exit code and what it printed.
fn chaos(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_scimgate"))
        .args(["chaos", "--config", "scimgate.toml", "--log", "gateway.log"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// No answer is untrue.
fn all_is_true(store: &TestStore, options: &Options, arguments: &[&str]) {
    let directory = Gateway::write_settings(store, &store.settings(), options);
    let requests = std::env::var("SCIMGATE_CHAOS").unwrap_or_else(|_| REQUESTS.to_owned());
    let before = if store.is_directory() { Vec::new() } else { store.dump() };
    let all = [&["--requests", &requests, "--kill-gateway", "--yes-this-is-a-copy"], arguments].concat();
    let (code, said) = chaos(directory.path(), &all);
    let name = store.backend().name();
    if code != Some(0) && std::env::var_os("SCIMGATE_CHAOS").is_some() {
        eprintln!("{name}: settings and log stay in {}", directory.keep().display());
    }
    assert_eq!(code, Some(0), "{name}:\n{said}");
    eprintln!("{name}:\n{said}");
    // Otherwise it was too short.
    let of_store = arguments.contains(&"--restart-store").then_some("restart the store");
    for fault in ["kill the gateway"].into_iter().chain(of_store) {
        assert!(said.contains(fault), "{name}: there was none: {fault}");
    }
    let after = store.dump();
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    assert!(gone.is_empty(), "{name}: what was there is not as it was: {gone:#?}");
}

fn in_a_database(backend: Backend) {
    let Some(store) = TestStore::alone(backend) else { return };
    all_is_true(&store, &Options::default(), &["--restart-store", &store.restart_command()]);
}

/// OpenLDAP's overlay writes `memberOf` behind the group, and a server that is killed in between leaves it as it was. What
/// `groups` show must not depend on it here.
const OVERLAY: &str = "via = { field = \"memberOf\", by = \"dn\" }\n";

fn in_a_directory(backend: Backend) {
    let Some(mut store) = TestStore::alone(backend) else { return };
    let folder = TempDir::new().unwrap();
    if backend == Backend::OpenLdap {
        let mapping = fs::read_to_string(store.mapping()).unwrap();
        assert!(mapping.contains(OVERLAY), "{}", store.mapping().display());
        let file = folder.path().join("openldap.toml");
        fs::write(&file, mapping.replace(OVERLAY, "")).unwrap();
        store = store.with_mapping(file);
    }
    all_is_true(&store, &Options::default(), &["--restart-store", &store.restart_command()]);
}

#[test]
fn every_answer_is_true_on_sqlite() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    all_is_true(&store, &Options::default(), &[]);
}

#[test]
fn every_answer_is_true_on_postgres() {
    in_a_database(Backend::Postgres);
}

#[test]
fn every_answer_is_true_on_mariadb() {
    in_a_database(Backend::MariaDb);
}

#[test]
fn every_answer_is_true_on_openldap() {
    in_a_directory(Backend::OpenLdap);
}

#[test]
fn every_answer_is_true_on_389_directory_server() {
    in_a_directory(Backend::Ds389);
}

#[test]
fn every_answer_is_true_on_active_directory() {
    in_a_directory(Backend::ActiveDirectory);
}

/// Two gateways on one PostgreSQL database of ids, killed one after the other: the clients ask either of them.
fn with_two_gateways(store: &TestStore) {
    let Some((_database, options)) = store.shared_ids("") else { return };
    all_is_true(store, &options, &["--replicas", "2"]);
}

#[test]
fn every_answer_of_two_gateways_is_true_on_postgres() {
    let Some(store) = TestStore::fresh(Backend::Postgres) else { return };
    with_two_gateways(&store);
}

#[test]
fn a_store_that_holds_something_must_be_called_a_copy() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let directory = Gateway::write_settings(&store, &store.settings(), &Options::default());
    let before = store.dump();
    let (code, said) = chaos(directory.path(), &["--requests", "10"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--yes-this-is-a-copy"), "{said}");
    assert_eq!(store.dump(), before);
}
