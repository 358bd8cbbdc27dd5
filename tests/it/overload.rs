//! More requests than can be served, since the store hangs: who cannot be served is told to come back, at once or at the
//! latest when the request's time is up; the process stays alive, and afterwards all is well.

use std::thread;

use serde_json::json;

use crate::support::{Answer, Backend, Client, Gateway, Options, Proxy, TestStore, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const CLIENTS: usize = 90;
const ROOM: usize = 20;

fn create(client: &Client, name: &str) -> Answer {
    client.post("/Users", &json!({ "schemas": [USER], "userName": name, "displayName": "Over" }))
}

#[test]
fn a_store_that_hangs_is_told_to_everybody_in_time() {
    for backend in [Backend::Postgres, Backend::OpenLdap] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        eprintln!("in front of {}", backend.name());
        let way = Proxy::to(store.address());
        let store = store.by_way_of(way.address);
        let server = format!("max_requests = {ROOM}\nrequest_timeout_secs = 3");
        let gateway = Gateway::start(&store, &Options { server, ..Options::default() });
        let client = gateway.client();
        let known = create(&client, &unique("known"));
        let path = format!("/Users/{}", known.id());
        let names: Vec<String> = (0..CLIENTS).map(|_| unique("over")).collect();
        way.set_frozen(true);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let send = |(n, name): (usize, &String)| match n % 3 {
                0 => client.get(&path),
                1 => client.get("/Users?filter=userName%20eq%20%22nobody%22"),
                _ => create(&client, name),
            };
            let running: Vec<_> =
                names.iter().enumerate().map(|one| scope.spawn(move || send(one))).collect();
            let alive = Client::new(gateway.address(), "").get("/health/live");
            assert_eq!(alive.status, 200, "{alive}");
            let ready = Client::new(gateway.address(), "").get("/health/ready");
            assert_eq!(ready.status, 503, "{ready}");
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        way.set_frozen(false);
        for answer in &answers {
            assert_eq!(answer.status, 503, "{answer}");
            assert_ne!(answer.header("retry-after"), "", "{answer}");
        }
        let at_once = answers.iter().filter(|a| a.json["detail"].to_string().contains("Too many")).count();
        assert_eq!(at_once, CLIENTS - ROOM, "there is room for no more");
        let read = client.get(&path);
        assert_eq!(read.json["userName"], known.json["userName"], "{read}");
        for name in &names {
            let again = create(&client, name);
            assert!([201, 409].contains(&again.status), "{again}\n{}", gateway.log());
            let found = client.get(&format!("/Users?filter=userName%20eq%20%22{name}%22"));
            assert_eq!(found.json["totalResults"], 1, "{found}");
        }
        let stored = store.logins();
        for name in &names {
            assert_eq!(stored.iter().filter(|login| *login == name).count(), 1, "{name}");
        }
    }
}
