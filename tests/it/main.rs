//! The integration tests: one binary, one module per subject.
//!
//! End-to-end tests need the servers that `tests/run` starts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test fails by panicking; the lints' own exception does not reach the helpers of tests"
)]

mod adopt;
mod architecture;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod back_again;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod bad_input;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod bulk;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod chaos;
#[cfg(all(feature = "sqlite", feature = "ldap"))]
mod cli;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod concurrency;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod contention;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod correlate;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod custom_types;
mod dependants;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod directories;
mod docs;
mod documents;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod every_store;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod explain;
#[cfg(feature = "ldap")]
mod failover;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod filter_law;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod floors;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod fuzz;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "gssapi"))]
mod gssapi;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod half_made;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod histories;
#[cfg(feature = "sqlite")]
mod http_front;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod idle;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod idp_vectors;
mod in_motion;
mod in_process;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod interruptions;
#[cfg(feature = "faults")]
mod kills;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod large_listing;
#[cfg(feature = "ldap")]
mod ldap_store;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod learn;
mod leavers;
#[cfg(feature = "sqlite")]
mod lens_laws;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod live;
mod live_directory;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod logs;
mod many_members;
mod mapping_files;
mod mapping_schema;
#[cfg(all(feature = "sqlite", feature = "ldap"))]
mod matching_rules;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod me;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod modes;
mod named_members;
mod names;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod namesakes;
mod nested_groups;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod overload;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod pairs;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod patch_table;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod posix_groups;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod ppolicy;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod privileged;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod queries;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod refusals;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod renames;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod repeats;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod replicas;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod requirements;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod set_laws;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod sets;
mod shipped_mappings;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod slots;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod small_lists;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod soak;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod store_operations;
mod store_suite;
mod stores;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod support;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod terms;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod ties;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod tree;
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
mod vectors;
mod versions;

/// `tests/run` starts all servers, so none of its tests may be skipped.
#[test]
fn every_server_is_there_when_the_test_command_runs() {
    if std::env::var("SCIMGATE_TEST_ALL").is_err() {
        return;
    }
    for variable in [
        "SCIMGATE_TEST_LDAP",
        "SCIMGATE_TEST_LDAP_CA",
        "SCIMGATE_TEST_LDAP_CLIENT",
        "SCIMGATE_TEST_LDAPS",
        "SCIMGATE_TEST_389DS",
        "SCIMGATE_TEST_389DS_CA",
        "SCIMGATE_TEST_AD",
        "SCIMGATE_TEST_AD_CA",
        "SCIMGATE_TEST_POSTGRES",
        "SCIMGATE_TEST_MYSQL",
    ] {
        assert!(std::env::var(variable).is_ok_and(|value| !value.is_empty()), "{variable} is not set");
    }
}
