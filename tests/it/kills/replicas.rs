//! Two gateways on one PostgreSQL database of ids: one is killed in the middle of a request, and the other one,
//! to which the client turns, finishes what the first one has begun.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use ureq::http::Method;

use super::{
    cases::{CASES, Prepared},
    look::Look,
};
use crate::support::{Answer, Backend, Client, Gateway, Options, TestStore, unique};

/// Within this time the other one has finished what the one left; its lease runs out after ten seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a request again for as long as the answer is to come back later.
fn insist(client: &Client, prepared: &Prepared, deadline: Instant, what: &str) -> Answer {
    loop {
        let answer = client.try_send(&prepared.method, &prepared.path, prepared.body.as_ref()).unwrap();
        if answer.status != 503 {
            return answer;
        }
        assert_ne!(answer.header("retry-after"), "", "{what}: {answer}");
        assert!(Instant::now() < deadline, "{what}: nobody finishes it: {answer}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn the_other_one_finishes(backend: Backend) {
    let Some(store) = TestStore::fresh(backend) else { return };
    let Some((database, options)) = store.shared_ids("scan = false") else { return };
    let other = Gateway::start(&store, &options);
    let client = other.client();
    let mut deaths = 0;
    for (turn, (case, place)) in CASES.iter().zip([2, 3, 4].into_iter().cycle()).enumerate() {
        let name = unique("r");
        let what = format!("{} on {}, killed at {place}", case.name, backend.name());
        let before = Look::at(&store);
        let prepared = (case.prepare)(&client, &name);
        // The first four places are those of its lease.
        let environment = vec![("SCIMGATE_DIE_AT", (place + 4).to_string())];
        let mut one = Gateway::start(&store, &Options { environment, ..options.clone() });
        let first = one.client().try_send(&prepared.method, &prepared.path, prepared.body.as_ref());
        deaths += usize::from(one.has_died(first.is_err()));
        let deadline = Instant::now() + PATIENCE;
        let ask = || {
            let answer = insist(&client, &prepared, deadline, &what);
            let is_gone = prepared.method == Method::DELETE && answer.status == 404;
            assert!(answer.status < 300 || is_gone, "{what}, sent to the other: {answer}\n{}", other.log());
        };
        let is_asked_at_once = turn % 2 == 0;
        if first.is_err() && is_asked_at_once {
            ask();
        }
        drop(one);
        // What the dead one left is finished without anybody asking, too.
        while open(&database) > 0 {
            assert!(Instant::now() < deadline, "{what}: the journal stays open\n{}", other.log());
            thread::sleep(Duration::from_millis(200));
        }
        if first.is_err() && !is_asked_at_once {
            ask();
        }
        (case.check)(&client, &name, &what);
        let problems = Look::at(&store).problems_since(&before, &name);
        assert!(problems.is_empty(), "{what}:\n{}", problems.join("\n"));
    }
    assert!(deaths > CASES.len() / 2, "{deaths}");
}

/// How many writes the journal holds open.
pub(super) fn open(database: &TestStore) -> usize {
    database.tables().query("select id as v from journal where state = 'open'").len()
}

#[test]
fn the_other_of_two_finishes_what_one_has_begun_in_a_directory() {
    the_other_one_finishes(Backend::OpenLdap);
}

#[test]
fn the_other_of_two_finishes_what_one_has_begun_in_a_database() {
    the_other_one_finishes(Backend::Postgres);
}

/// A record may come to belong to a process that does not know of it: the answer to what moved it was lost.
#[test]
fn what_a_process_does_not_know_that_it_has_comes_to_its_end() {
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let Some((database, options)) = store.shared_ids("scan = false") else { return };
    let gateway = Gateway::start(&store, &options);
    let client = gateway.client();
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("{}@example.com", unique("r")), "name": { "givenName": "Jo", "familyName": "Doe" } });
    let path = format!("/Users/{}", client.post("/Users", &user).id());
    let id = path.rsplit('/').next().unwrap();
    let intent = r#"{"delete":{"caller":{"client":"test","base_url":"https://scim.example"}}}"#;
    database.tables().execute(&format!(
        "insert into journal (tenant, id, replica, state, resource_type, resource_id, kind, intent, started, attempts, stuck) \
         select r.tenant, 'moved', l.id, 'open', 'User', r.id, 'delete', '{intent}', 0, 0, false \
         from resource r, replica l where r.id = '{id}'"
    ));
    let deadline = Instant::now() + PATIENCE;
    while open(&database) > 0 {
        assert!(Instant::now() < deadline, "the journal stays open\n{}", gateway.log());
        thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(client.get(&path).status, 404);
}
