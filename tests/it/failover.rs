//! Directory servers that are killed, hang and come back while requests come in (issue of every day: R-02).
//!
//! With a second server, requests succeed again long before any time-out; without one they are told to come
//! back. Nobody is ever told that what exists does not, and the gateway is never started again.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, Client, Gateway, Options, TestStore};

/// People in the directory.
const PEOPLE: usize = 20;
/// How long a change of state is waited for; the time-outs of the gateway are longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time-outs that no test lives to see: what recovers does not recover by them.
const NO_TIME_OUTS: &str = "connect_timeout_secs = 120\noperation_timeout_secs = 300\n";

/// The same people, with the same entryUUIDs, wherever it is loaded.
fn people() -> String {
    (0..PEOPLE).fold(String::new(), |mut ldif, n| {
        let id = Uuid::from_u128(0x1000 + n as u128);
        writeln!(
            ldif,
            "dn: uid=p{n},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: p{n}\ncn: P {n}\n\
             sn: P\nentryUUID: {id}\n"
        )
        .unwrap();
        ldif
    })
}

/// Requests of every kind in several threads, each of which must be answered truly or with "come back".
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<Vec<(Instant, bool)>>>,
}

impl Load {
    fn on(client: &Client, ids: &[String]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..4).map(|thread| {
            let (client, ids, stop) = (client.clone(), ids.to_vec(), Arc::clone(&stop));
            thread::spawn(move || {
                let mut seen = Vec::new();
                let mut round = thread;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    let answer = one_request(&client, &ids[round % ids.len()], round);
                    seen.push((Instant::now(), answer));
                }
                seen
            })
        });
        let threads = threads.collect();
        Self { stop, threads }
    }

    /// How often requests succeeded since an instant, and how often they were told to come back.
    fn end(self, since: Instant) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.threads.into_iter().flat_map(|t| t.join().unwrap());
        let seen: Vec<_> = seen.filter(|(when, _)| *when >= since).collect();
        let fine = seen.iter().filter(|(_, is_fine)| *is_fine).count();
        (fine, seen.len() - fine)
    }
}

/// True if it succeeded, false if it shall be tried again; panics at any other answer.
fn one_request(client: &Client, id: &str, round: usize) -> bool {
    let title = json!([{ "op": "replace", "path": "title", "value": format!("T{round}") }]);
    let answer = match round % 4 {
        0 => client.get(&format!("/Users/{id}")),
        1 => client.get("/Users?count=5"),
        2 => client.get("/Users?filter=userName%20eq%20%22p7%22"),
        _ => client.patch(&format!("/Users/{id}"), title),
    };
    if is_told_to_come_back(&answer) {
        return false;
    }
    assert!(matches!(answer.status, 200 | 204), "{answer}");
    match round % 4 {
        0 => assert_eq!(answer.json["id"], id, "{answer}"),
        1 => assert_eq!(answer.json["totalResults"], json!(PEOPLE), "{answer}"),
        2 => assert_eq!(answer.json["Resources"][0]["userName"], "p7", "{answer}"),
        _ => {}
    }
    true
}

fn is_told_to_come_back(answer: &Answer) -> bool {
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or(0);
    assert!(answer.status != 503 || seconds > 0, "503 without Retry-After: {answer}");
    answer.status == 503
}

/// Waits until reading and writing succeed; how long that took.
fn until_it_works(client: &Client, id: &str, what: &str) -> Duration {
    let start = Instant::now();
    let works = |round| one_request(client, id, round);
    while !(works(0) && works(1) && works(2) && works(3)) {
        assert!(start.elapsed() < PATIENCE, "{what}: no recovery");
        thread::sleep(Duration::from_millis(20));
    }
    eprintln!("{what}: reads and writes succeed again after {:?}", start.elapsed());
    start.elapsed()
}

fn ids(client: &Client) -> Vec<String> {
    let list = client.get("/Users?attributes=id");
    let ids = list.json["Resources"].as_array().unwrap().iter();
    ids.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

fn title(server: &TestStore, id: &str, client: &Client) -> Vec<String> {
    let name = client.get(&format!("/Users/{id}")).json["userName"].as_str().unwrap().to_owned();
    server.user(&name, "title").unwrap()
}

#[test]
fn with_a_second_server_requests_go_on() {
    let people = people();
    let (Some(first), Some(second)) = (TestStore::loaded(&people), TestStore::loaded(&people)) else {
        return;
    };
    let store = first.with_settings(NO_TIME_OUTS).with_further_servers(&[&second], "fail_back_secs = 1\n");
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let ids = ids(&client);
    assert_eq!(ids.len(), PEOPLE);

    let load = Load::on(&client, &ids);
    until_it_works(&client, &ids[0], "before");
    store.directory().signal("STOP");
    let since = Instant::now();
    until_it_works(&client, &ids[0], "the first server hangs");
    let (fine, later) = load.end(since);
    eprintln!("{fine} requests succeeded, {later} were told to come back");
    assert!(fine > 0, "the load went on");

    // Reads follow the writes: what was written to the second server is read from there.
    let written = client.patch(
        &format!("/Users/{}", ids[0]),
        json!([{ "op": "replace", "path": "title", "value": "Second" }]),
    );
    assert!(matches!(written.status, 200 | 204), "{written}");
    for _ in 0..8 {
        assert_eq!(client.get(&format!("/Users/{}", ids[0])).json["title"], "Second");
    }
    assert_eq!(title(&second, &ids[0], &client), ["Second"]);

    // The first one is used again when it has answered for a while.
    store.directory().signal("CONT");
    let start = Instant::now();
    while client.get(&format!("/Users/{}", ids[0])).json["title"] == "Second" {
        assert!(start.elapsed() < PATIENCE, "the first server is not used again");
        thread::sleep(Duration::from_millis(100));
    }

    let load = Load::on(&client, &ids);
    store.directory().signal("KILL");
    let since = Instant::now();
    until_it_works(&client, &ids[1], "the first server is killed");
    let (fine, later) = load.end(since);
    eprintln!("{fine} requests succeeded, {later} were told to come back");
    assert!(fine > 0, "the load went on");
    assert_ne!(title(&second, &ids[1], &client), Vec::<String>::new(), "it was written to the second server");
}

#[test]
fn a_single_server_is_waited_for() {
    let Some(store) = TestStore::loaded(&people()) else { return };
    let store = store.with_settings("operation_timeout_secs = 1\nconnect_timeout_secs = 1\n");
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let ids = ids(&client);
    let load = Load::on(&client, &ids);
    let since = Instant::now();
    until_it_works(&client, &ids[0], "before");
    for (signal, what) in [("STOP", "hangs"), ("KILL", "is dead")] {
        store.directory().signal(signal);
        let start = Instant::now();
        while one_request(&client, &ids[0], 0) {
            assert!(start.elapsed() < PATIENCE, "{what}, and nobody notices");
        }
        for round in 0..8 {
            assert!(!one_request(&client, &ids[0], round), "round {round}: the server {what}");
        }
        match signal {
            "STOP" => store.directory().signal("CONT"),
            _ => store.directory().start_again(),
        }
        until_it_works(&client, &ids[0], &format!("it was a server that {what}"));
    }
    let (fine, later) = load.end(since);
    eprintln!("{fine} requests succeeded, {later} were told to come back");
    assert!(later > 0);
}
