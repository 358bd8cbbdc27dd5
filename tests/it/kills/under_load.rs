//! Two gateways on one PostgreSQL database of ids, with several clients: one is killed and stays dead. The other one finishes
//! what it had begun, nobody is told anything but to come back, and everybody is known under the same id.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{
    cases::{group, made, only, operations, person},
    look::Look,
    replicas::open,
};
use crate::support::{Answer, Backend, Client, Gateway, TestStore, unique};

const CLIENTS: usize = 6;
/// How long they work before the one is killed, and after it.
const WHILE: Duration = Duration::from_secs(3);
/// Within this time the other one has finished what the one left; its lease runs out after ten seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The two gateways, as their clients know them.
struct Site {
    clients: [Client; 2],
    team: String,
    is_killed: AtomicBool,
    is_over: AtomicBool,
}

/// Somebody who was acknowledged.
struct Known {
    name: String,
    id: String,
    display: String,
}

impl Site {
    /// Asks the one and the other in turn until there is an answer; true if it was asked more than once.
    fn insist(&self, method: Method, path: &str, body: Option<&Json>, turn: usize) -> (Answer, bool) {
        let start = Instant::now();
        for attempt in 0.. {
            assert!(start.elapsed() < PATIENCE, "{method} {path}: nobody finishes it");
            let at = (turn + attempt) % self.clients.len();
            match self.clients[at].try_send(&method, path, body) {
                Err(error) => assert!(
                    at == 0 && self.is_killed.load(Ordering::SeqCst),
                    "{method} {path} of the one that lives: {error}"
                ),
                Ok(answer) if answer.status == 503 => {
                    assert_ne!(answer.header("retry-after"), "", "{answer}");
                }
                Ok(answer) => return (answer, attempt > 0),
            }
            thread::sleep(Duration::from_millis(50));
        }
        unreachable!("attempts without end")
    }

    /// Makes somebody, changes them, makes them a member, and removes every third one again.
    fn work(&self, client: usize, base: &str) -> Vec<Known> {
        let mut known = Vec::new();
        for round in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            let (name, turn) = (format!("{base}-{client}-{round}"), client + round);
            let display = format!("Kim {name}");
            let (answer, is_again) = self.insist(Method::POST, "/Users", Some(&person(&name)), turn);
            let id = match answer.status {
                201 => answer.id(),
                409 if is_again => {
                    let found = only(
                        &self.clients[1],
                        &name,
                        "/Users",
                        &format!("userName eq \"{name}@example.com\""),
                    );
                    found["id"].as_str().unwrap().to_owned()
                }
                _ => panic!("{name}: {answer}"),
            };
            let path = format!("/Users/{id}");
            let change = json!([{ "op": "replace", "path": "displayName", "value": display }]);
            let (answer, _) = self.insist(Method::PATCH, &path, Some(&operations(&change)), turn + 1);
            assert_eq!(answer.status, 200, "{answer}");
            let join = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
            let group = format!("/Groups/{}", self.team);
            let (answer, _) = self.insist(Method::PATCH, &group, Some(&operations(&join)), turn);
            assert!([200, 204].contains(&answer.status), "{answer}");
            if round % 3 == 2 {
                let (answer, is_again) = self.insist(Method::DELETE, &path, None, turn + 1);
                assert!(answer.status == 204 || (is_again && answer.status == 404), "{answer}");
            } else {
                known.push(Known { name, id, display });
            }
        }
        known
    }
}

fn the_other_one_goes_on(backend: Backend) {
    let Some(store) = TestStore::fresh(backend) else { return };
    let Some((database, options)) = store.shared_ids("scan = false") else { return };
    let (mut one, other) = (Gateway::start(&store, &options), Gateway::start(&store, &options));
    let base = unique("l");
    let before = Look::at(&store);
    let first = made(&other.client(), "/Users", &person(&base));
    let team = made(&other.client(), "/Groups", &group(&base, &[&first]));
    let site = Site {
        clients: [one.client(), other.client()],
        team,
        is_killed: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
    };
    let (known, left, killed) = thread::scope(|scope| {
        let (site, base) = (&site, &base);
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || site.work(client, base))).collect();
        thread::sleep(WHILE);
        site.is_killed.store(true, Ordering::SeqCst);
        one.kill();
        let (left, killed) = (open(&database), Instant::now());
        thread::sleep(WHILE);
        site.is_over.store(true, Ordering::SeqCst);
        let known: Vec<Known> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        (known, left, killed)
    });
    while open(&database) > 0 {
        assert!(killed.elapsed() < PATIENCE, "the journal stays open\n{}", other.log());
        thread::sleep(Duration::from_millis(100));
    }
    let name = backend.name();
    eprintln!(
        "{name}: {} people, {left} writes open at the kill, none {:?} later",
        known.len(),
        killed.elapsed()
    );
    let client = other.client();
    let mut members: Vec<String> = known.iter().map(|known| known.id.clone()).chain([first]).collect();
    members.sort();
    for Known { name, id, display } in &known {
        let found = only(&client, name, "/Users", &format!("userName eq \"{name}@example.com\""));
        assert_eq!((&found["id"], &found["displayName"]), (&json!(id), &json!(display)), "{name}: {found}");
    }
    let shown = client.get(&format!("/Groups/{}", site.team));
    let mut shown: Vec<String> = shown.json["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["value"].as_str().unwrap().to_owned())
        .collect();
    shown.sort();
    assert_eq!(shown, members, "{name}");
    let problems = Look::at(&store).problems_since(&before, &base);
    assert!(problems.is_empty(), "{name}:\n{}", problems.join("\n"));
}

#[test]
fn one_of_two_that_is_killed_under_load_is_not_missed_in_a_directory() {
    the_other_one_goes_on(Backend::OpenLdap);
}

#[test]
fn one_of_two_that_is_killed_under_load_is_not_missed_in_active_directory() {
    the_other_one_goes_on(Backend::ActiveDirectory);
}

#[test]
fn one_of_two_that_is_killed_under_load_is_not_missed_in_a_database() {
    the_other_one_goes_on(Backend::Postgres);
}
