//! Creations of what nothing but the client's id tells from others, which is kept by us: the store alone does not tell whether
//! it was made.

use std::{thread, time::Duration};

use tempfile::TempDir;
use ureq::http::Method;

use crate::{
    repeats::{TABLES, mapping, team},
    support::{Backend, Gateway, Options, TestStore},
};

#[test]
fn what_has_no_name_is_made_once() {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("mapping.toml");
        std::fs::write(&file, mapping("")).unwrap();
        let Some(store) = TestStore::of_statements(backend, TABLES, file) else { continue };
        let mut gateway = Gateway::start(&store, &Options::default());
        let mut kills = 0;
        for place in 1..100 {
            let (label, name) = (format!("Team {place}"), backend.name());
            let body = team(&label, Some(&format!("g-{place}")));
            gateway = gateway.restart_with(&format!("SCIMGATE_DIE_AT={place}"));
            let first = gateway.client().try_send(&Method::POST, "/Groups", Some(&body));
            let has_died = gateway.has_died(first.is_err());
            gateway = gateway.restart();
            if first.is_err() {
                let again = gateway.client().post("/Groups", &body);
                assert!([201, 409].contains(&again.status), "{name}, killed at {place}: {again}");
            }
            let rows = store.tables().query(&format!("select label as v from team where label = '{label}'"));
            assert_eq!(rows.len(), 1, "{name}, killed at {place}");
            if !has_died {
                break;
            }
            kills += 1;
        }
        assert!(kills > 3, "{kills}");
    }
}

/// What was made and whose client was not told may be gone when the request comes again: deleted by somebody else, or not
/// known to the server that answers by then. Its client waits a moment, and gets another one; "there is no such resource"
/// is no answer to it.
#[test]
fn what_is_gone_before_its_client_was_told_is_made_again() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("mapping.toml");
    std::fs::write(&file, mapping("")).unwrap();
    let Some(store) = TestStore::of_statements(Backend::Sqlite, TABLES, file) else { return };
    let mut gateway = Gateway::start(&store, &Options::default());
    let mut waited = 0;
    for place in 1..100 {
        let label = format!("Team {place}");
        let body = team(&label, Some(&format!("g-{place}")));
        gateway = gateway.restart_with(&format!("SCIMGATE_DIE_AT={place}"));
        let first = gateway.client().try_send(&Method::POST, "/Groups", Some(&body));
        let has_died = gateway.has_died(first.is_err());
        store.tables().execute(&format!("delete from team where label = '{label}'"));
        gateway = gateway.restart();
        let client = gateway.client();
        let again = (0..200).map(|_| client.post("/Groups", &body)).find(|again| {
            waited += usize::from(again.status == 503);
            thread::sleep(Duration::from_millis(if again.status == 503 { 100 } else { 0 }));
            again.status != 503
        });
        let again = again.expect("it is served at last");
        assert_eq!(again.status, 201, "killed at {place}: {again}");
        assert_eq!(client.get(&format!("/Groups/{}", again.id())).status, 200);
        if !has_died {
            break;
        }
    }
    assert!(waited > 0, "what was made and not told is waited for");
}
