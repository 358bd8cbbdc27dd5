//! Connections that the directory closes, and searches that nobody waits for any more: what slapd itself
//! counts (`cn=Monitor`), and what clients see.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Directory, Gateway, MONITOR, Options, TestStore};

/// How long a state is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const PERSON: &str = "dn: uid=ann,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann\n\
                      sn: Lee\n";

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Connections that are open, without that of the one who asks.
fn others_connected(directory: &Directory) -> usize {
    directory.counted("cn=Current,cn=Connections", "monitorCounter") - 1
}

fn abandoned(directory: &Directory) -> usize {
    directory.counted("cn=Abandon,cn=Operations", "monitorOpCompleted")
}

#[test]
fn an_idle_connection_that_the_directory_closes_costs_nobody_an_answer() {
    let Some(store) = TestStore::configured(PERSON, MONITOR, "olcIdleTimeout: 1") else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let id = client.get("/Users").json["Resources"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/Users/{id}");
    let title = |text: &str| json!([{ "op": "replace", "path": "title", "value": text }]);
    // Each kind of request is the first one after the connections are gone.
    for round in 0..2 {
        let text = format!("T{round}");
        wait_until("the directory closes them", || others_connected(store.directory()) == 0);
        let answer = client.patch(&path, title(&text));
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        assert_eq!(store.user("ann", "title").unwrap(), [text.as_str()]);
        wait_until("the directory closes them", || others_connected(store.directory()) == 0);
        assert_eq!(client.get(&path).json["title"], text.as_str());
        wait_until("the directory closes them", || others_connected(store.directory()) == 0);
        assert_eq!(client.get("/Users").json["totalResults"], 1);
    }
}

#[test]
fn a_search_that_takes_longer_than_the_request_may_is_abandoned() {
    let Some(store) = TestStore::configured(PERSON, MONITOR, "") else { return };
    let directory = store.directory();
    let options = Options { server: "request_timeout_secs = 1\n".to_owned(), ..Options::default() };
    let gateway = Gateway::start(&store, &options);
    let client = gateway.client();
    assert_eq!(client.get("/Users").json["totalResults"], 1);
    assert_eq!(abandoned(directory), 0);

    directory.signal("STOP");
    let answer = client.get("/Users");
    assert_eq!(answer.status, 503, "{answer}");
    directory.signal("CONT");
    wait_until("the search is abandoned", || abandoned(directory) == 1);
}
