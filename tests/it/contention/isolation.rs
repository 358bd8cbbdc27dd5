//! The declared level is that of each transaction that writes.

use serde_json::json;

use super::{SERVERS, Site, USER, assert_changed, fresh};
use crate::support::{Backend, TestStore};

/// Has the database write down the level in which each statement runs.
fn watch(store: &TestStore) {
    let tables = store.tables();
    if store.backend() == Backend::Postgres {
        tables.execute(
            "CREATE TABLE seen (v text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO seen VALUES (current_setting(''transaction_isolation'')); RETURN NULL; END';
             CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON person FOR EACH ROW EXECUTE FUNCTION note();
             CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON mail FOR EACH ROW EXECUTE FUNCTION note();",
        );
        return;
    }
    tables.execute("CREATE TABLE seen (v varchar(40))");
    for table in ["person", "mail"] {
        for event in ["INSERT", "UPDATE", "DELETE"] {
            tables.execute(&format!(
                "CREATE TRIGGER {table}_{event} AFTER {event} ON {table} FOR EACH ROW \
                 INSERT INTO seen VALUES (@@session.tx_isolation)"
            ));
        }
    }
}

fn seen(store: &TestStore) -> Vec<String> {
    let levels = store.tables().query("select v from seen").into_iter().flatten();
    let levels = levels.map(|level| level.to_lowercase().replace('-', " ")).collect();
    store.tables().execute("delete from seen");
    levels
}

#[test]
fn every_transaction_that_writes_has_the_declared_level() {
    for backend in SERVERS {
        let own = if backend == Backend::Postgres { "read committed" } else { "repeatable read" };
        for declared in [None, Some("read committed"), Some("repeatable read"), Some("serializable")] {
            let Some(mut store) = fresh(backend) else { continue };
            if let Some(level) = declared {
                store = store.with_session(&format!("isolation = \"{level}\""));
            }
            watch(&store);
            let expected = declared.unwrap_or(own);
            let site = Site::new(&store);
            let check = |what: &str| {
                let levels = seen(&store);
                assert!(!levels.is_empty(), "{what} changes rows");
                assert!(levels.iter().all(|level| level == expected), "{what}: {levels:?}, not {expected}");
            };
            let mails = json!([{ "value": "eve@x.org", "type": "work" }]);
            let body = json!({ "schemas": [USER], "userName": "eve", "emails": mails });
            let made = site.client.post("/Users", &body);
            assert_eq!(made.status, 201, "{made}");
            check("POST");
            assert_changed(&site.change("Baker"));
            check("PATCH");
            let body = json!({ "schemas": [USER], "userName": "ann", "title": "Smith" });
            assert_changed(&site.client.put(&site.ann, &body));
            check("PUT");
            assert_eq!(site.client.delete(&format!("/Users/{}", made.id())).status, 204);
            check("DELETE");
        }
    }
}

#[test]
fn every_level_suits_sqlite() {
    for level in ["read committed", "repeatable read", "serializable"] {
        let store = fresh(Backend::Sqlite).unwrap().with_session(&format!("isolation = \"{level}\""));
        assert_changed(&Site::new(&store).change("Baker"));
    }
}
