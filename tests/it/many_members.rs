//! A group of twenty thousand, through HTTP: what each request asks of the directory is counted, as the gateway
//! itself sends it (its log has a line for every request, without values).

use std::{
    collections::HashSet,
    fmt::Write as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Answer, Client, Gateway, MONITOR, Options, TestStore};

const MEMBERS: usize = 20_000;
const GROUP: &str = "Everybody";
/// How long a line of the log may take to be here.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request to the directory: its name, the attributes that it asks for or changes, and how many entries and
/// values went over the wire.
#[derive(Debug)]
struct Operation {
    name: String,
    attributes: Vec<String>,
    entries: usize,
    values: usize,
}

impl Operation {
    fn read(line: &str) -> Option<Self> {
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!(" ldap.{name}="))?;
            Some(rest.trim_start_matches('"').split(['"', ' ']).next().unwrap_or_default().to_owned())
        };
        let attributes = field("attributes")?;
        let attributes = attributes.split(',').map(|name| name.split(';').next().unwrap().to_lowercase());
        let number = |name: &str| field(name).unwrap().parse().unwrap();
        Some(Self {
            name: field("operation")?,
            attributes: attributes.collect(),
            entries: number("entries"),
            values: number("values"),
        })
    }

    fn touches_members(&self) -> bool {
        self.attributes.iter().any(|name| name == "member" || name == "*")
    }
}

struct Crowd {
    store: TestStore,
    gateway: Gateway,
    client: Client,
}

impl Crowd {
    fn of(store: TestStore) -> Self {
        let log = "info,scimgate::store::ldap=debug";
        // Nothing here depends on how long the directory takes.
        let server = "request_timeout_secs = 300\n".to_owned();
        // What is asked of the directory is counted, so nothing else may ask.
        let correlation = "url = \"sqlite:ids.db\"\nscan = false".to_owned();
        let store = store.with_settings("operation_timeout_secs = 120\n");
        let gateway = Gateway::start(&store, &Options { log, server, correlation, ..Options::default() });
        let client = gateway.client();
        Self { store, gateway, client }
    }

    /// An answer, and what the directory was asked for it.
    fn watch(&self, request: impl FnOnce(&Client) -> Answer) -> (Answer, Vec<Operation>) {
        let answered = |log: &str| log.matches(" answered ").count();
        let before = self.gateway.log();
        let answer = request(&self.client);
        let since = Instant::now();
        let log = loop {
            let log = self.gateway.log();
            if answered(&log) > answered(&before) {
                break log;
            }
            assert!(since.elapsed() < PATIENCE, "no line of the request:\n{log}");
            thread::sleep(Duration::from_millis(5));
        };
        let operations: Vec<Operation> = log[before.len()..].lines().filter_map(Operation::read).collect();
        assert!(!operations.is_empty(), "the directory was asked nothing for {answer}");
        (answer, operations)
    }

    fn is_member(&self, dn: &str) -> bool {
        !self.store.directory().search(&format!("(&(cn={GROUP})(member={dn}))")).is_empty()
    }

    /// The group is read completely with at most so many requests, changed by one value at a time, and listed without its members.
    fn check(&self, login: &str, dn: &str, most: usize) {
        let list = "/Groups?excludedAttributes=members";
        let found = format!("{list}&filter=displayName%20eq%20%22{GROUP}%22");
        let mut id = String::new();
        for query in [list, &found] {
            let (answer, asked) = self.watch(|client| client.get(query));
            let groups = answer.json["Resources"].as_array().unwrap();
            let group = groups.iter().find(|group| group["displayName"] == GROUP).unwrap();
            assert!(group.get("members").is_none(), "{group}");
            id = group["id"].as_str().unwrap().to_owned();
            assert!(!asked.iter().any(Operation::touches_members), "{asked:#?}");
        }
        let path = format!("/Groups/{id}");
        let members = |answer: &Answer| -> HashSet<String> {
            let members =
                answer.json["members"].as_array().unwrap_or_else(|| panic!("no members: {}", answer.status));
            members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
        };
        let (answer, asked) = self.watch(|client| client.get(&path));
        let all = members(&answer);
        assert_eq!(all.len(), MEMBERS);
        assert!(asked.iter().any(Operation::touches_members), "{asked:#?}");
        assert!(asked.len() <= most, "{} requests", asked.len());
        let (again, asked) = self.watch(|client| client.get(&path));
        assert_eq!(members(&again), all);
        assert!(asked.len() <= most, "{} requests for those who are known", asked.len());

        let made = self.client.post(
            "/Users",
            &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login,
                "displayName": "New Comer", "name": { "familyName": "Comer" } }),
        );
        let user = made.id();
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
        self.change_one(&path, &add);
        assert!(self.is_member(dn));
        let gone = json!([{ "op": "remove", "path": format!("members[value eq \"{user}\"]") }]);
        self.change_one(&path, &gone);
        assert!(!self.is_member(dn));
        let one = all.iter().next().unwrap();
        self.change_one(&path, &json!([{ "op": "remove", "path": format!("members[value eq \"{one}\"]") }]));
        let rest = members(&self.client.get(&path));
        assert!(rest.len() == MEMBERS - 1 && !rest.contains(one) && rest.is_subset(&all));
    }

    /// One modify with one value; and no request, before or behind it, reads members.
    fn change_one(&self, path: &str, operations: &serde_json::Value) {
        let (answer, asked) = self
            .watch(|client| client.patch(&format!("{path}?excludedAttributes=members"), operations.clone()));
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        let (reads, writes): (Vec<&Operation>, Vec<&Operation>) =
            asked.iter().partition(|o| o.name == "search");
        let [write] = writes.as_slice() else { panic!("one write in {asked:#?}") };
        assert!(write.name == "modify" && write.attributes == ["member"] && write.values == 1, "{asked:#?}");
        assert!(!reads.iter().any(|read| read.touches_members()), "{asked:#?}");
        assert!(reads.iter().map(|read| read.entries).sum::<usize>() <= 6, "{asked:#?}");
    }
}

/// People below `ou=people`, each with these lines, and the group of them all.
fn crowd(lines: &str) -> String {
    let mut ldif = String::new();
    let mut members = String::new();
    let group = format!("cn={GROUP},ou=groups,dc=example,dc=com");
    for user in 0..MEMBERS {
        let dn = format!("uid=many{user},ou=people,dc=example,dc=com");
        writeln!(members, "member: {dn}").unwrap();
        writeln!(
            ldif,
            "dn: {dn}\nobjectClass: inetOrgPerson\n{lines}uid: many{user}\ncn: Ada {user}\nsn: Byron\n\
             displayName: Ada {user}\nmemberOf: {group}\n"
        )
        .unwrap();
    }
    writeln!(ldif, "dn: {group}\nobjectClass: groupOfNames\ncn: {GROUP}\n{members}").unwrap();
    ldif
}

#[test]
fn twenty_thousand_members_in_openldap() {
    let Some(store) = TestStore::configured(&crowd(""), MONITOR, "") else { return };
    let crowd = Crowd::of(store);
    crowd.check("comer", "uid=comer,ou=people,dc=example,dc=com", 3);
    // The server's own counter says so, too: one search for the group, one for whom it names, and the last one is
    // the question for the counter.
    let searches = || crowd.store.directory().counted("cn=Search,cn=Operations", "monitorOpCompleted");
    let id = crowd.client.get("/Groups?excludedAttributes=members").json["Resources"][0]["id"].clone();
    let before = searches();
    let answer = crowd.client.get(&format!("/Groups/{}", id.as_str().unwrap()));
    assert_eq!(answer.json["members"].as_array().map(Vec::len), Some(MEMBERS - 1));
    assert_eq!(searches() - before, 2 + 1);
}

#[test]
fn twenty_thousand_members_in_389ds() {
    let Some(store) = TestStore::imported(&crowd("objectClass: nsMemberOf\n")) else { return };
    Crowd::of(store).check("comer", "uid=comer,ou=people,dc=example,dc=com", 3);
}

#[test]
fn twenty_thousand_members_in_active_directory() {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/active-directory.toml");
    let Some(store) = TestStore::of_crowd(MEMBERS, mapping) else { return };
    // Fourteen ranges of the group, and two hundred people in a search.
    Crowd::of(store).check("comer@lab.example", "CN=New Comer,OU=People,OU=Corp,DC=lab,DC=example", 115);
}
