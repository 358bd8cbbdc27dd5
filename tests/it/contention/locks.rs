//! Others hold locks: for a moment, or longer than we wait.

use super::{SQL, Site, assert_changed, assert_unavailable, fresh, written};
use crate::support::{Backend, Session};

/// What others do with ann's row, and what they thereby lock.
const LOCK: &str = "UPDATE person SET state = 'A' WHERE person_id = 1";

fn hold(session: &mut Session) {
    session.begin(LOCK);
}

#[test]
fn a_lock_that_goes_in_time_is_waited_for() {
    for store in SQL.into_iter().filter_map(fresh) {
        let site = Site::new(&store);
        let mut other = store.tables().session();
        hold(&mut other);
        site.change_behind(&store, &mut other, "COMMIT");
    }
}

#[test]
fn a_lock_that_stays_is_a_store_that_is_busy() {
    for store in SQL.into_iter().filter_map(fresh) {
        let store = store.with_settings("statement_timeout_secs = 1\n");
        let site = Site::new(&store);
        let before = store.dump();
        let mut other = store.tables().session();
        // The second statement of ours meets it, after the first has changed something.
        other.begin("UPDATE mail SET state = 'A' WHERE mail_id = 11");
        assert_unavailable(&site.change("Baker"));
        assert_unavailable(&site.client.delete(&site.ann));
        // Reading goes on all the while.
        assert_eq!(site.client.get(&site.ann).status, 200);
        other.execute("COMMIT");
        assert_eq!(store.dump(), before);
        assert_changed(&site.change("Smith"));
        assert_eq!(written(&store), ["Smith", "Smith@x.org"]);
        site.is_calm();
    }
}

#[test]
fn the_servers_own_time_out_for_locks_counts_too() {
    let Some(store) = fresh(Backend::Postgres) else { return };
    let name = store.tables().query("select current_database()::text as v").remove(0).unwrap();
    store.tables().execute(&format!("alter database {name} set lock_timeout = '200ms'"));
    let site = Site::new(&store);
    let before = store.dump();
    let mut other = store.tables().session();
    hold(&mut other);
    assert_unavailable(&site.change("Baker"));
    assert!(site.gateway.log().contains("lock timeout"), "{}", site.gateway.log());
    other.execute("ROLLBACK");
    assert_eq!(store.dump(), before);
    assert_changed(&site.change("Smith"));
}
