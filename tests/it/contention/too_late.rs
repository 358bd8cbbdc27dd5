//! Writes that wait for others until nobody waits for them any more: they are not made behind the answer.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use scimgate::{
    scim::{Object, error::ScimError, resource::Selection},
    store::Store as _,
};
use serde_json::json;

use super::{SQL, USER, fresh};
use crate::{
    in_process::Counted,
    support::{Backend, Session, TestStore},
};

/// Somebody else makes zed, and has not decided yet.
const HOLD: &str = "INSERT INTO person VALUES (99, 'zed', NULL, 'A')";

/// A gateway in this process that waits for its store for three seconds. A statement there may take a minute,
/// as several of them after each other may.
struct Site {
    store: Arc<TestStore>,
    counted: Counted,
}

impl Site {
    fn new(store: TestStore, connections: u32) -> Self {
        let store = store.with_settings("statement_timeout_secs = 1\nconnect_timeout_secs = 1\n");
        let limits: &[(&str, &str)] = match store.backend() {
            Backend::Sqlite => &[("busy_timeout", "60000")],
            Backend::Postgres => &[("statement_timeout", "60000")],
            _ => &[("innodb_lock_wait_timeout", "60"), ("max_statement_time", "60")],
        };
        let counted = Counted::over_with(&store, |sql| {
            sql.connections = connections;
            sql.session.extend(limits.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        });
        Self { store: Arc::new(store), counted }
    }

    async fn create_zed(&self) -> Result<Object, ScimError> {
        let counted = &self.counted;
        let body = json!({ "schemas": [USER], "userName": "zed", "externalId": "z-1",
            "emails": [{ "value": "zed@x.org", "type": "work" }] });
        counted.gateway.create(&counted.context, counted.ty("Users"), &body, &Selection::default()).await
    }

    /// Others hold what a creation of zed needs.
    fn hold(&self) -> Session {
        let mut other = self.store.tables().session();
        other.begin(HOLD);
        other
    }

    /// Makes zed, who is there once, with all that belongs to him.
    async fn succeeds(&self) {
        let made = self.create_zed().await.unwrap();
        assert_eq!(made["externalId"], "z-1", "{made:?}");
        assert_eq!(self.written(), ["zed", "zed@x.org"]);
    }

    fn written(&self) -> Vec<String> {
        let select = "select login as v from person where login = 'zed' \
                      union all select address from mail where address = 'zed@x.org'";
        self.store.tables().query(select).into_iter().flatten().collect()
    }
}

fn everywhere<F: Future<Output = ()>>(connections: u32, test: impl Fn(Site) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for store in SQL.into_iter().filter_map(fresh) {
        eprintln!("in front of {}", store.backend().name());
        runtime.block_on(async { test(Site::new(store, connections)).await });
    }
}

#[test]
fn what_was_said_not_to_be_done_is_not_done_later() {
    everywhere(1, async |site| {
        let mut other = site.hold();
        let refused = site.create_zed().await.unwrap_err();
        assert_eq!(refused.status(), 503, "{refused:?}");
        assert!(refused.detail().contains("cannot be reached"), "{refused:?}");
        other.execute("ROLLBACK");
        // The only thread that writes comes to this behind the creation.
        site.counted.store.apply(Vec::new()).await.unwrap();
        assert!(site.written().is_empty(), "{:?}", site.written());
        site.succeeds().await;
    });
}

#[test]
fn what_nobody_waits_for_is_not_done_behind_its_recovery() {
    everywhere(2, async |site| {
        let mut other = site.hold();
        let store = Arc::clone(&site.store);
        let waits = tokio::task::spawn_blocking(move || store.tables().until_somebody_waits());
        match select(Box::pin(site.create_zed()), waits).await {
            Either::Left((made, _)) => panic!("{made:?}"),
            // The request ends here.
            Either::Right((waits, _)) => waits.unwrap(),
        }
        assert!(site.counted.gateway.recover_all().await);
        assert!(site.counted.gateway.journal().await.unwrap().is_empty());
        other.execute("ROLLBACK");
        site.succeeds().await;
    });
}

/// PostgreSQL checks at the commit what may be deferred, and waits there for whoever is in the way.
#[test]
fn what_is_being_committed_is_not_taken_for_undone() {
    let Some(store) = fresh(Backend::Postgres) else { return };
    store.tables().execute(
        "CREATE FUNCTION check_later() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER check_later AFTER INSERT ON person DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION check_later();",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let site = Site::new(store, 2);
        let mut other = site.store.tables().session();
        other.begin("SELECT pg_advisory_xact_lock(1)");
        let refused = site.create_zed().await.unwrap_err();
        assert!(refused.has_unknown_outcome(), "{refused:?}");
        other.execute("ROLLBACK");
        // Goes on when the creation has come to its end.
        other.execute("BEGIN; LOCK TABLE person; ROLLBACK");
        while !site.counted.gateway.recover_all().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        site.succeeds().await;
    });
}
