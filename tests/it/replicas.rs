//! Two processes on one PostgreSQL database of ids, in front of one store, with clients that turn to either: as one
//! process (R-06, O-10).

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use ureq::http::Method;

use crate::support::{Answer, Backend, Client, Gateway, TestStore, unique};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const MANY: usize = 64;

/// A store, the two processes in front of it and their clients.
struct Pair {
    store: TestStore,
    gateways: [Gateway; 2],
    clients: [Client; 2],
    // Goes last.
    _database: TestStore,
}

impl Pair {
    fn in_front_of(store: TestStore) -> Option<Self> {
        let (database, options) = store.shared_ids("")?;
        let gateways = [Gateway::start(&store, &options), Gateway::start(&store, &options)];
        let clients = [gateways[0].client(), gateways[1].client()];
        Some(Self { store, gateways, clients, _database: database })
    }

    /// Sends requests at once, to one and the other in turn.
    fn at_once<T: Sync>(&self, inputs: &[T], send: impl Fn(&Client, &T) -> Answer + Sync) -> Vec<Answer> {
        std::thread::scope(|scope| {
            let send = &send;
            let turns = self.clients.iter().cycle();
            let running: Vec<_> = (inputs.iter().zip(turns))
                .map(|(input, client)| scope.spawn(move || send(&client.clone(), input)))
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

fn everywhere(test: impl Fn(&Pair)) {
    for store in Backend::EVERY.into_iter().filter_map(TestStore::fresh) {
        eprintln!("in front of {}", store.backend().name());
        let Some(pair) = Pair::in_front_of(store) else { return };
        test(&pair);
        for gateway in &pair.gateways {
            assert!(!gateway.log().contains("a fault of ours"), "{}", gateway.log());
        }
    }
}

fn with_status(answers: &[Answer], status: u16) -> Vec<&Answer> {
    answers.iter().filter(|answer| answer.status == status).collect()
}

#[test]
fn of_many_creates_of_one_login_one_succeeds() {
    everywhere(|pair| {
        let name = unique("race");
        // Names that differ in case are one name.
        let names: Vec<String> =
            (0..MANY).map(|n| if n % 3 == 0 { name.to_uppercase() } else { name.clone() }).collect();
        let answers = pair.at_once(&names, |client, name| {
            client.post("/Users", &json!({ "schemas": [USER], "userName": name, "displayName": "Race" }))
        });
        let created = with_status(&answers, 201);
        assert_eq!(created.len(), 1, "{answers:#?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!((answer.status, &answer.json["scimType"]), (409, &json!("uniqueness")), "{answer}");
        }
        let stored =
            pair.store.logins().into_iter().filter(|login| login.eq_ignore_ascii_case(&name)).count();
        assert_eq!(stored, 1);
        for client in &pair.clients {
            let read = client.get(&format!("/Users/{}", created[0].id()));
            assert_eq!(read.json["userName"], created[0].json["userName"]);
        }
    });
}

#[test]
fn many_new_members_at_once_are_all_there() {
    everywhere(|pair| {
        let turns = pair.clients.iter().cycle();
        let ids: Vec<String> = (0..MANY)
            .zip(turns)
            .map(|(_, client)| {
                client.post("/Users", &json!({ "schemas": [USER], "userName": unique("m") })).id()
            })
            .collect();
        let group = json!({ "schemas": [GROUP], "displayName": unique("crowd") });
        let path = format!("/Groups/{}", pair.clients[0].post("/Groups", &group).id());
        let answers = pair.at_once(&ids, |client, id| {
            client.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]))
        });
        for answer in &answers {
            assert!([200, 204].contains(&answer.status), "{answer}");
        }
        for client in &pair.clients {
            assert_eq!(members(&client.get(&path)), sorted(ids.clone()));
        }
    });
}

#[test]
fn of_many_changes_of_one_version_one_succeeds() {
    everywhere(|pair| {
        let user = json!({ "schemas": [USER], "userName": unique("v"), "displayName": "One" });
        let made = pair.clients[0].post("/Users", &user);
        let (path, version) = (format!("/Users/{}", made.id()), made.json["meta"]["version"].clone());
        let version = version.as_str().unwrap();
        let titles: Vec<String> = (0..16).map(|n| format!("Title {n}")).collect();
        let answers = pair.at_once(&titles, |client, title| {
            let operations = json!([{ "op": "replace", "path": "title", "value": title }]);
            let body = json!({ "schemas": [PATCH], "Operations": operations });
            client.send(Method::PATCH, &path, Some(&body), &[("if-match", version)])
        });
        let won: Vec<usize> =
            (0..titles.len()).filter(|n| [200, 204].contains(&answers[*n].status)).collect();
        let [won] = won[..] else { panic!("{} won: {answers:#?}", won.len()) };
        assert_eq!(with_status(&answers, 412).len(), titles.len() - 1, "{answers:#?}");
        for client in &pair.clients {
            assert_eq!(client.get(&path).json["title"], json!(titles[won]));
        }
    });
}

fn members(group: &Answer) -> Vec<String> {
    let members = group.json["members"].as_array().cloned().unwrap_or_default();
    sorted(members.iter().filter_map(|m| m["value"].as_str()).map(str::to_owned).collect())
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

/// Tables without any unique index, as nobody should have them: what is unique, the mapping alone says.
#[test]
fn what_only_the_mapping_knows_to_be_unique_is_given_once() {
    let tables = "create table people (login varchar(40) not null, badge bigint not null, mail varchar(80));";
    let mapping = "[next.badge]\nhighest = \"badge\"\ntable = \"people\"\nfrom = 100\n\
        [User]\ntable = \"people\"\nkey = \"badge\"\ninitial = { badge = \"@next.badge\" }\n\
        [User.attributes]\nuserName = { field = \"login\", unique = true }\n\
        displayName = { field = \"mail\", unique = true }\n";
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("mapping.toml");
        std::fs::write(&file, mapping).unwrap();
        let Some(store) = TestStore::of_statements(backend, tables, file) else { continue };
        eprintln!("in front of {}", backend.name());
        let Some(pair) = Pair::in_front_of(store) else { return };
        // Each name twice, and all of the second half want one and the same display name.
        let bodies: Vec<Json> = (0..MANY)
            .map(|n| {
                let shown = if n < MANY / 2 { format!("Shown {}", n / 2) } else { "Same".to_owned() };
                json!({ "schemas": [USER], "userName": format!("u{}", n / 2), "displayName": shown })
            })
            .collect();
        let answers = pair.at_once(&bodies, |client, body| client.post("/Users", body));
        assert_eq!(with_status(&answers, 201).len() + with_status(&answers, 409).len(), MANY, "{answers:#?}");
        let column = |name: &str| -> Vec<String> {
            let found = pair.store.tables().query(&format!("select {name} as v from people order by badge"));
            found.into_iter().flatten().collect()
        };
        let logins = column("login");
        assert_eq!(logins.len(), MANY / 4 + 1, "{logins:?}");
        assert_eq!(sorted(logins.clone()), sorted(with_status(&answers, 201).iter().map(login).collect()));
        assert_eq!(column("mail").iter().filter(|mail| *mail == "Same").count(), 1);
        let mut badges = column("cast(badge as char(9))");
        badges.dedup();
        assert_eq!(badges.len(), logins.len(), "each has a number of its own");
    }
}

fn login(answer: &&Answer) -> String {
    answer.json["userName"].as_str().unwrap().to_owned()
}
