//! `scimgate map learn`: the draft of a store compiles, fits it, and shows the same people as the mapping that was
//! written by hand. Some drafts are compared with `tests/fixtures/learn`; with `SCIMGATE_WRITE_FIXTURES=1` they are
//! written.

mod databases;
mod directories;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Gateway, Options, TestStore};

/// A store, what was learnt from it, and gateways with the mapping written by hand and the learnt one.
struct Learnt {
    draft: String,
    by_hand: Gateway,
    learnt: Gateway,
    store: TestStore,
    _directory: TempDir,
}

/// Runs the program with settings in a folder: its exit code, and all that it said.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let config = folder.join("scimgate.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_scimgate"));
    let output = command.args(arguments).args(["--config", config.to_str().unwrap()]).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

impl Learnt {
    /// Learns; the draft must compile and fit the store, and nothing in the store may change.
    fn of(store: TestStore, arguments: &[&str]) -> Self {
        Self::asking(store, arguments, &[])
    }

    /// As [`Self::of`], but the draft leaves these errors to the operator, and asks.
    fn asking(store: TestStore, arguments: &[&str], open: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let mapping = directory.path().join("learnt.toml");
        let text = format!(
            "mapping = \"learnt.toml\"\n[server]\nlisten = \"127.0.0.1:0\"\n[correlation]\nurl = \"sqlite:ids.db\"\n{}",
            store.settings()
        );
        fs::write(directory.path().join("scimgate.toml"), text).unwrap();
        let before = store.dump();
        let learn = [&["map", "learn", "--out", mapping.to_str().unwrap()], arguments].concat();
        let (code, said) = run(directory.path(), &learn);
        let draft = fs::read_to_string(&mapping).unwrap_or_default();
        assert_eq!(code, Some(0), "{said}\n{draft}");
        // What is there already is not written over.
        assert_eq!(run(directory.path(), &learn).0, Some(1));
        let (code, said) = run(directory.path(), &["check", "--live"]);
        let errors: Vec<&str> =
            said.split("error[").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0)).collect();
        assert_eq!((code, errors.as_slice()), (Some(i32::from(!open.is_empty())), open), "{said}\n{draft}");
        assert_eq!(store.dump(), before, "learning changed something");
        let by_hand = Gateway::start(&store, &Options::default());
        let store = store.with_mapping(mapping);
        let learnt = Gateway::start(&store, &Options::default());
        Self { draft, by_hand, learnt, store, _directory: directory }
    }

    /// The draft must be the one of the fixture, apart from texts of the test's own.
    fn assert_is(&self, fixture: &str, own: &[(&str, &str)]) {
        let mut draft = self.draft.clone();
        for (text, stand_in) in own {
            draft = draft.replace(text, stand_in);
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/learn").join(fixture);
        if std::env::var_os("SCIMGATE_WRITE_FIXTURES").is_some() {
            fs::write(&file, &draft).unwrap();
        }
        assert_eq!(draft, fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
    }

    fn assert_has(&self, lines: &[&str]) {
        for line in lines {
            assert!(self.draft.contains(line), "no {line} in\n{}", self.draft);
        }
    }

    /// Both mappings show the same people, with these attributes, and the same groups; no value of theirs stands in
    /// the draft.
    fn assert_reads_alike(&self, attributes: &[&str]) {
        let (by_hand, learnt) = (People::of(&self.by_hand), People::of(&self.learnt));
        assert!(!by_hand.users.is_empty() && !by_hand.groups.is_empty());
        let names = |people: &People| people.users.keys().cloned().collect::<BTreeSet<String>>();
        assert_eq!(names(&learnt), names(&by_hand), "{}", self.draft);
        for (name, user) in &by_hand.users {
            for attribute in attributes {
                let of = |user: &Json| shown(user, attribute);
                let (expected, found) = (of(user), of(&learnt.users[name]));
                assert_eq!(found, expected, "{attribute} of {name}\n{}", self.draft);
            }
        }
        assert_eq!(learnt.members, by_hand.members, "{}", self.draft);
        self.assert_tells_nobody(&by_hand);
    }

    /// Whoever the mapping written by hand shows is shown, with these attributes, and groups if there are any.
    fn assert_shows(&self, attributes: &[&str]) {
        let (by_hand, learnt) = (People::of(&self.by_hand), People::of(&self.learnt));
        assert!(!by_hand.users.is_empty());
        for (name, user) in &by_hand.users {
            let found = learnt.users.get(name).unwrap_or_else(|| panic!("no {name}\n{}", self.draft));
            for attribute in attributes {
                let (expected, found) = (shown(user, attribute), shown(found, attribute));
                assert_eq!(found, expected, "{attribute} of {name}\n{}", self.draft);
            }
        }
        let users: BTreeSet<&str> = by_hand.users.values().filter_map(|user| user["id"].as_str()).collect();
        for (id, members) in &by_hand.members {
            let is_known =
                |member: &&String| users.contains(member.as_str()) || by_hand.members.contains_key(*member);
            let found: BTreeSet<String> = match learnt.members.get(id) {
                Some(found) => found.iter().filter(is_known).cloned().collect(),
                None if learnt.members.is_empty() => continue,
                None => panic!("no group {id}\n{}", self.draft),
            };
            assert_eq!(&found, members, "members of {id}\n{}", self.draft);
        }
        self.assert_tells_nobody(&by_hand);
    }

    /// No value of anybody's stands in the draft.
    fn assert_tells_nobody(&self, people: &People) {
        let words: BTreeSet<&str> = self.draft.split(|c: char| !c.is_alphanumeric() && c != '@').collect();
        for value in people.private() {
            let is_told = if value.contains(' ') {
                self.draft.contains(&value)
            } else {
                words.contains(value.as_str())
            };
            assert!(!is_told, "{value} in\n{}", self.draft);
        }
    }

    /// The groups have the same names.
    fn assert_names_groups_alike(&self) {
        assert_eq!(People::of(&self.learnt).groups, People::of(&self.by_hand).groups, "{}", self.draft);
    }

    /// Somebody comes, changes, joins a group and goes, as the mapping written by hand sees it.
    fn assert_writes(&self, group: &str) {
        let (client, by_hand) = (self.learnt.client(), self.by_hand.client());
        let before = self.store.dump();
        let seen = || {
            let found = by_hand.get("/Users?filter=userName+eq+%22learnt.one%22");
            found.json["Resources"].get(0).cloned()
        };
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "learnt.one",
            "displayName": "Learnt One",
            "name": { "givenName": "Learnt", "familyName": "One" },
            "emails": [{ "value": "learnt.one@example.com", "type": "work" }],
        });
        let answer = client.post("/Users", &body);
        assert_eq!(answer.status, 201, "{answer}\n{}", self.draft);
        let id = answer.json["id"].as_str().unwrap().to_owned();
        let user = seen().unwrap();
        assert_eq!(shown(&user, "emails"), json!(["learnt.one@example.com"]), "{user}");
        assert_eq!(shown(&user, "name.familyName"), json!("One"), "{user}");
        assert_eq!(shown(&user, "active"), json!(true), "{user}");

        let operations = json!([
            { "op": "replace", "path": "name.familyName", "value": "Two" },
            { "op": "replace", "path": "active", "value": false },
        ]);
        let answer = client.patch(&format!("/Users/{id}"), operations);
        assert!(answer.status == 200 || answer.status == 204, "{answer}\n{}", self.draft);
        let user = seen().unwrap();
        assert_eq!(shown(&user, "name.familyName"), json!("Two"), "{user}");
        assert_eq!(shown(&user, "active"), json!(false), "{user}");

        let filter = format!("displayName eq \"{group}\"").replace(' ', "+").replace('"', "%22");
        let found = client.get(&format!("/Groups?filter={filter}"));
        let path = format!("/Groups/{}", found.json["Resources"][0]["id"].as_str().unwrap());
        let join = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        let answer = client.patch(&path, join);
        assert!(answer.status == 200 || answer.status == 204, "{answer}");
        let members = || People::of(&self.by_hand).groups[group].clone();
        assert!(members().contains("learnt.one"), "{:?}", members());

        assert_eq!(client.delete(&format!("/Users/{id}")).status, 204);
        assert!(seen().is_none());
        assert!(!members().contains("learnt.one"), "{:?}", members());
        let count = |dump: &[String]| dump.len();
        assert_eq!(count(&self.store.dump()), count(&before), "something is left");
    }
}

/// All that a gateway shows.
struct People {
    users: BTreeMap<String, Json>,
    /// By name the members' names; a group's is in brackets.
    groups: BTreeMap<String, BTreeSet<String>>,
    /// Ids of members by id.
    members: BTreeMap<String, BTreeSet<String>>,
}

impl People {
    fn of(gateway: &Gateway) -> Self {
        let all = |endpoint: &str| -> Vec<Json> {
            let answer = gateway.client().get(&format!("{endpoint}?count=1000"));
            // A mapping need not have groups.
            assert!(answer.status == 200 || endpoint == "/Groups" && answer.status == 404, "{answer}");
            answer.json["Resources"].as_array().cloned().unwrap_or_default()
        };
        let text = |resource: &Json, name: &str| resource[name].as_str().unwrap_or_default().to_owned();
        let (users, groups) = (all("/Users"), all("/Groups"));
        let mut names = BTreeMap::new();
        names.extend(users.iter().map(|user| (text(user, "id"), text(user, "userName"))));
        names.extend(
            groups.iter().map(|group| (text(group, "id"), format!("[{}]", text(group, "displayName")))),
        );
        let members = |group: &Json| {
            let members = group["members"].as_array().into_iter().flatten();
            members.map(|member| names[&text(member, "value")].clone()).collect()
        };
        let ids = |group: &Json| {
            let members = group["members"].as_array().into_iter().flatten();
            members.map(|member| text(member, "value")).collect()
        };
        Self {
            members: groups.iter().map(|group| (text(group, "id"), ids(group))).collect(),
            groups: groups.iter().map(|group| (text(group, "displayName"), members(group))).collect(),
            users: users.into_iter().map(|user| (text(&user, "userName"), user)).collect(),
        }
    }

    /// What tells people, as texts that are long enough to tell anything.
    fn private(&self) -> BTreeSet<String> {
        let paths =
            ["userName", "displayName", "name.givenName", "name.familyName", "emails", "phoneNumbers"];
        let users = self.users.values().filter(|user| user["userName"] != json!("admin"));
        let values = users.flat_map(|user| paths.map(|path| shown(user, path)));
        let texts = values.flat_map(|value| match value {
            Json::Array(all) => all,
            one => vec![one],
        });
        let texts = texts.filter_map(|text| text.as_str().map(str::to_owned));
        texts.filter(|text| text.chars().count() > 4).collect()
    }
}

/// An attribute; of a list the values, in order of the alphabet.
fn shown(resource: &Json, path: &str) -> Json {
    let value = path.split('.').fold(resource, |value, name| &value[name]);
    let Some(list) = value.as_array() else { return value.clone() };
    let mut values: Vec<String> =
        list.iter().map(|element| element["value"].as_str().unwrap_or_default().to_owned()).collect();
    values.sort();
    json!(values)
}
