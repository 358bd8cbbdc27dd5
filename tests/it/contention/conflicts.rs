//! Deadlocks and transactions that cannot be brought into an order: run again a bounded number of times,
//! and then a store that is busy; never a fault, and never half a change.

use std::thread;

use serde_json::json;

use super::{SERVERS, Site, assert_changed, assert_unavailable, fresh, written};
use crate::support::{Backend, TestStore};

/// Has the first changes of a mail end as if another transaction were in the way, and counts all of them.
fn disturb(store: &TestStore, times: u32) {
    let tables = store.tables();
    if store.backend() == Backend::Postgres {
        // What a sequence gave stays given when its transaction is rolled back.
        tables.execute(&format!(
            "CREATE SEQUENCE attempt;
             CREATE FUNCTION disturb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('attempt') <= {times} THEN
                     RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = '40001';
                 END IF;
                 RETURN NEW; END $$;
             CREATE TRIGGER disturb BEFORE UPDATE ON mail FOR EACH ROW EXECUTE FUNCTION disturb();"
        ));
        return;
    }
    // Nor does this engine know transactions.
    tables.execute("CREATE TABLE attempt (n integer AUTO_INCREMENT PRIMARY KEY) ENGINE = MyISAM");
    tables.execute(&format!(
        "CREATE TRIGGER disturb BEFORE UPDATE ON mail FOR EACH ROW BEGIN
             INSERT INTO attempt VALUES (NULL);
             IF (SELECT count(*) FROM attempt) <= {times} THEN
                 SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213,
                     MESSAGE_TEXT = 'Deadlock found when trying to get lock; try restarting transaction';
             END IF; END"
    ));
}

fn attempts(store: &TestStore) -> String {
    let select = match store.backend() {
        Backend::Postgres => "select last_value::text as v from attempt",
        _ => "select cast(count(*) as char) as v from attempt",
    };
    store.tables().query(select).remove(0).unwrap()
}

#[test]
fn a_conflict_that_passes_is_not_seen_by_the_client() {
    for store in SERVERS.into_iter().filter_map(fresh) {
        disturb(&store, 2);
        let site = Site::new(&store);
        assert_changed(&site.change("Baker"));
        assert_eq!(
            (written(&store), attempts(&store)),
            (vec!["Baker".into(), "Baker@x.org".into()], "3".into())
        );
        site.is_calm();
    }
}

#[test]
fn a_conflict_that_stays_is_a_store_that_is_busy() {
    for store in SERVERS.into_iter().filter_map(fresh) {
        disturb(&store, 1_000);
        let site = Site::new(&store);
        assert_unavailable(&site.change("Baker"));
        assert_eq!(attempts(&store), "4", "one attempt, and three more");
        // The first row was changed each time, and each time taken back.
        assert_eq!(written(&store), ["Cook", "ann@x.org"]);
        site.is_calm();
    }
}

#[test]
fn a_deadlock_is_run_again() {
    for backend in SERVERS {
        for level in ["read committed", "repeatable read", "serializable"] {
            let Some(store) = fresh(backend) else { continue };
            let store = store.with_session(&format!("isolation = \"{level}\""));
            let site = Site::new(&store);
            let mut other = store.tables().session();
            // The transaction that has done less is the one that MariaDB ends.
            other.begin("INSERT INTO ballast VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)");
            other.execute("UPDATE mail SET mark = 'W' WHERE mail_id = 11");
            // We have ann's row and wait for her mail.
            let theirs = "UPDATE person SET state = 'A' WHERE person_id = 1; COMMIT";
            site.change_behind(&store, &mut other, theirs);
        }
    }
}

#[test]
fn a_deadlock_within_a_savepoint_is_run_again() {
    let Some(store) = fresh(Backend::MariaDb) else { return };
    let site = Site::new(&store);
    let team = site.client.get("/Groups").json["Resources"][0]["id"].as_str().unwrap().to_owned();
    let mut other = store.tables().session();
    other.begin("INSERT INTO ballast VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    // Nobody else can make a link of this team, which we find out within a savepoint.
    other.execute("SELECT person_id FROM team_person WHERE team = 'tools' FOR UPDATE");
    thread::scope(|scope| {
        let (client, id) = (&site.client, site.ann.strip_prefix("/Users/").unwrap());
        let team = &team;
        let running = scope.spawn(move || {
            let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
            client.patch(&format!("/Groups/{team}"), add)
        });
        store.tables().until_somebody_waits();
        other.execute("UPDATE team SET name = 'Tools' WHERE code = 'tools'");
        other.execute("COMMIT");
        assert_changed(&running.join().unwrap());
    });
    let links =
        store.tables().query("select cast(person_id as char) as v from team_person order by person_id");
    assert_eq!(links.into_iter().flatten().collect::<Vec<_>>(), ["1", "2"]);
    site.is_calm();
}

#[test]
fn what_others_commit_while_we_wait_is_no_fault() {
    for backend in SERVERS {
        for level in ["read committed", "repeatable read", "serializable"] {
            let Some(store) = fresh(backend) else { continue };
            let store = store.with_session(&format!("isolation = \"{level}\""));
            let site = Site::new(&store);
            let mut other = store.tables().session();
            other.begin("UPDATE person SET title = 'Theirs' WHERE person_id = 1");
            // From `repeatable read` on, PostgreSQL refuses to change what it has not seen.
            site.change_behind(&store, &mut other, "COMMIT");
        }
    }
}
