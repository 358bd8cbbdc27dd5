//! Accounts and groups of Active Directory with administrative rights: shown if the mapping shows them, and never
//! changed.

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Answer, Backend, Client, Directory, Gateway, Options, Set, TestStore};

const DOMAIN: &str = "DC=lab,DC=example";
const OPERATORS: &str = "CN=Backup Operators,CN=Builtin,DC=lab,DC=example";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The shipped mapping over the whole domain, hiding nobody.
const OPEN: &str = r#"
[User]
base = "DC=lab,DC=example"
protect = false
[User.attributes]
userName = { field = "sAMAccountName", unique = "fold" }
[User.initial]
sAMAccountName = false
[User.derived]
cn = "@unique:- {displayName or sAMAccountName|cut:60}"
[Group]
base = "DC=lab,DC=example"
protect = false
[Group.initial]
container = "OU=Groups,{let.corp}"
"#;

/// The primary group on both sides, and an attribute by which clients choose it.
const PRIMARY_OF_USERS: &str = r#"
[User.attributes]
groups = [{ inverse = "Group.members", via = { field = "memberOf", by = "dn" } }, { field = "primaryGroupID", ref = "Group", by = "primaryGroupToken" }]
'urn:example:Windows:primaryGroup' = { field = "primaryGroupID", ref = "Group", by = "primaryGroupToken" }
"#;
const PRIMARY: &str = r#"
[schema."urn:example:Windows".attributes]
primaryGroup = { type = "complex", subAttributes = { value = "string", "$ref" = "reference", display = "string" } }
[Group.attributes]
members = [{ rows = "member", ref = ["User", "Group"], dangling = "hide" }, { inverse = "User.groups" }]
"#;

fn primary() -> String {
    OPEN.replace("\n[User.attributes]\n", PRIMARY_OF_USERS) + PRIMARY
}

struct Site {
    client: Client,
    store: TestStore,
    _gateway: Gateway,
    _folder: TempDir,
}

impl Site {
    fn start() -> Option<Self> {
        Self::start_with(OPEN)
    }

    fn start_with(text: &str) -> Option<Self> {
        let set = Set { name: "ad", backend: Backend::OpenLdap, variant: "" };
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("open.toml");
        std::fs::write(&file, format!("extends = \"{}\"\n{text}", set.mapping().display())).unwrap();
        let store = set.fill(set.people().first()?, &file)?;
        let gateway = Gateway::start(&store, &Options::default());
        Some(Self { client: gateway.client(), store, _gateway: gateway, _folder: folder })
    }

    fn directory(&self) -> &Directory {
        self.store.directory()
    }

    /// The path of the only resource that a filter finds.
    fn find(&self, endpoint: &str, filter: &str) -> String {
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let found = self.client.get(&format!("{endpoint}?filter={filter}"));
        assert_eq!(found.json["totalResults"], 1, "{found}");
        format!("{endpoint}/{}", found.json["Resources"][0]["id"].as_str().unwrap())
    }

    fn post(&self, endpoint: &str, body: Json) -> String {
        let made = self.client.post(endpoint, &body);
        assert_eq!(made.status, 201, "{made}");
        format!("{endpoint}/{}", made.id())
    }

    /// Sends every kind of change; each is refused, and nothing in the directory changes.
    fn refuses(&self, what: &str, requests: &[(&str, &str, Json)]) {
        let before = self.directory().look();
        for (method, path, body) in requests {
            let answer = match *method {
                "PUT" => self.client.put(path, body),
                "PATCH" => self.client.patch(path, body.clone()),
                "DELETE" => self.client.delete(path),
                _ => self.bulk(body),
            };
            assert_refused(&format!("{what}: {method} {path} {body}"), &answer);
        }
        assert_eq!(self.directory().look().changes_since(&before), [""; 0], "{what}");
    }

    /// The answer to the only operation of a bulk request.
    fn bulk(&self, operation: &Json) -> Answer {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
        let answer = self.client.post("/Bulk", &json!({ "schemas": schemas, "Operations": [operation] }));
        assert_eq!(answer.status, 200, "{answer}");
        let one = &answer.json["Operations"][0];
        let status = one["status"].as_str().unwrap().parse().unwrap();
        Answer { status, json: one["response"].clone(), ..answer }
    }
}

fn assert_refused(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 403, "{what}: {answer}");
    let detail = answer.json["detail"].as_str().unwrap();
    assert_eq!(
        detail, "The directory's administrators alone change accounts and groups with administrative rights.",
        "{what}"
    );
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn member(verb: &str, group: &str, who: &str) -> String {
    format!("dn: {group}\nchangetype: modify\n{verb}: member\nmember: {who}\n")
}

/// Every way to change a person, and a group.
fn changes<'p>(
    person: &'p str,
    is_active: bool,
    boss: &str,
    paths: &'p [String],
) -> Vec<(&'p str, &'p str, Json)> {
    let one = |path: &str, value: Json| json!([{ "op": "replace", "path": path, "value": value }]);
    let whole = json!({ "schemas": [USER], "userName": "renamed", "displayName": "Other", "active": true });
    let mut all = vec![
        ("PUT", person, whole),
        ("PATCH", person, one("title", "Baker".into())),
        ("PATCH", person, one("password", "Second-Horse7".into())),
        ("PATCH", person, one("active", (!is_active).into())),
        ("PATCH", person, one("displayName", "Other".into())),
        ("PATCH", person, one(&format!("{ENTERPRISE}:manager"), json!({ "value": boss }))),
        ("DELETE", person, Json::Null),
    ];
    for path in paths {
        all.push(("BULK", path, json!({ "method": "PATCH", "path": path, "data": { "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "displayName", "value": "Other" }] } })));
        all.push(("BULK", path, json!({ "method": "DELETE", "path": path })));
    }
    all
}

fn group_changes<'p>(group: &'p str, inside: &str, outside: &str) -> Vec<(&'p str, &'p str, Json)> {
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": outside }] }]);
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{inside}\"]") }]);
    let whole = json!({ "schemas": [GROUP], "displayName": "Other", "members": [{ "value": outside }] });
    vec![
        ("PATCH", group, add),
        ("PATCH", group, remove),
        ("PATCH", group, json!([{ "op": "remove", "path": "members" }])),
        ("PATCH", group, json!([{ "op": "replace", "path": "displayName", "value": "Other" }])),
        ("PUT", group, whole),
        ("DELETE", group, Json::Null),
    ]
}

/// Somebody gets rights by a group in a group in a privileged one. Windows will set `adminCount` later; until
/// then nothing in the entry tells.
#[test]
fn who_is_nested_in_a_privileged_group_is_read_and_not_changed() {
    let Some(site) = Site::start() else { return };
    let person = |name: &str| {
        let body =
            json!({ "schemas": [USER], "userName": name, "displayName": name, "password": "First-Horse7" });
        site.post("/Users", body)
    };
    let (climber, other) = (person("climber"), person("other"));
    let members = |all: &[&str]| all.iter().map(|path| json!({ "value": id(path) })).collect::<Vec<_>>();
    let group = |name: &str, all: &[&str]| {
        site.post("/Groups", json!({ "schemas": [GROUP], "displayName": name, "members": members(all) }))
    };
    let (desk, lead, plain) = (group("Desk", &[&climber]), group("Lead", &[]), group("Plain", &[&climber]));
    let dn = |name: &str| format!("CN={name},OU=Groups,OU=Corp,{DOMAIN}");
    site.directory().modify(&member("add", &dn("Lead"), &dn("Desk")));
    let title = |value: &str| json!([{ "op": "replace", "path": "title", "value": value }]);
    assert!(site.client.patch(&climber, title("Cook")).status < 300);

    site.directory().modify(&member("add", OPERATORS, &dn("Lead")));
    let entry = format!("CN=climber,OU=People,OU=Corp,{DOMAIN}");
    assert_eq!(site.directory().values(&entry, "adminCount").unwrap(), [""; 0]);
    let shown = site.client.get(&climber);
    assert_eq!((shown.status, &shown.json["title"]), (200, &json!("Cook")), "{shown}");
    let paths = [climber.clone(), desk.clone()];
    site.refuses("a person", &changes(&climber, true, id(&other), &paths));
    for path in [&desk, &lead] {
        let inside = if path == &desk { id(&climber) } else { id(&desk) };
        let members = site.client.get(path).json["members"].clone();
        assert_eq!(
            (members.as_array().map(Vec::len), &members[0]["value"]),
            (Some(1), &json!(inside)),
            "{members}"
        );
        site.refuses("a group", &group_changes(path, inside, id(&other)));
    }
    assert!(site.directory().accepts(&entry, "First-Horse7"));
    // The group beside is nobody's business: who is privileged may come and go there.
    let leave = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", id(&climber)) }]);
    assert!(site.client.patch(&plain, leave).status < 300);

    // Rights are gone: so is the refusal.
    site.directory().modify(&member("delete", OPERATORS, &dn("Lead")));
    assert!(site.client.patch(&climber, title("Chef")).status < 300);
    for path in [&climber, &other, &desk, &lead, &plain] {
        assert_eq!(site.client.delete(path).status, 204);
    }
}

/// Windows' own accounts and groups are known by their security identifiers, whatever they are called.
#[test]
fn windows_own_accounts_and_groups_are_not_changed() {
    let Some(site) = Site::start() else { return };
    let other = site.find("/Users", "userName eq \"fox\"");
    for name in ["Administrator", "Guest", "krbtgt"] {
        let account = site.find("/Users", &format!("userName eq \"{name}\""));
        let shown = site.client.get(&account);
        assert_eq!(shown.status, 200, "{name}");
        let is_active = shown.json["active"] == true;
        site.refuses(name, &changes(&account, is_active, id(&other), std::slice::from_ref(&account)));
    }
    let administrator = site.find("/Users", "userName eq \"Administrator\"");
    let names = [
        "Domain Admins",
        "Schema Admins",
        "Enterprise Admins",
        "Group Policy Creator Owners",
        "Administrators",
    ];
    for name in names {
        let group = site.find("/Groups", &format!("displayName eq \"{name}\""));
        let members = site.client.get(&group).json["members"].clone();
        assert!(
            members.as_array().unwrap().iter().any(|one| one["value"] == id(&administrator)),
            "{name}: {members}"
        );
        site.refuses(name, &group_changes(&group, id(&administrator), id(&other)));
    }
    for name in ["Account Operators", "Backup Operators", "Server Operators", "Remote Desktop Users"] {
        let group = site.find("/Groups", &format!("displayName eq \"{name}\""));
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&other) }] }]);
        site.refuses(name, &[("PATCH", group.as_str(), add)]);
    }
    // Nobody becomes privileged by being made.
    let before = site.directory().look();
    let admins = site.find("/Groups", "displayName eq \"Domain Admins\"");
    let operations = json!([
        { "method": "POST", "path": "/Users", "bulkId": "new", "data": { "schemas": [USER], "userName": "new", "displayName": "new" } },
        { "method": "PATCH", "path": admins, "data": { "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "add", "path": "members", "value": [{ "value": "bulkId:new" }] }] } },
    ]);
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
    let answer = site.client.post("/Bulk", &json!({ "schemas": schemas, "Operations": operations }));
    let statuses: Vec<&str> =
        answer.json["Operations"].as_array().unwrap().iter().map(|o| o["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "403"], "{answer}");
    let changed = site.directory().look().changes_since(&before);
    assert!(changed.iter().all(|line| !line.contains("Admins")), "{changed:?}");
}

/// The primary group is a number in the person's entry; neither `member` nor `memberOf` tells of it.
#[test]
fn a_primary_group_is_shown_on_both_sides_and_kept() {
    let Some(site) = Site::start_with(&primary()) else { return };
    let body = json!({ "schemas": [USER], "userName": "prim", "displayName": "prim" });
    let person = site.post("/Users", body);
    let users = site.find("/Groups", "displayName eq \"Domain Users\"");
    let entry = format!("CN=prim,OU=People,OU=Corp,{DOMAIN}");
    let of = |attribute: &str| site.directory().values(&entry, attribute).unwrap();
    assert_eq!((of("primaryGroupID"), of("memberOf")), (vec!["513".to_owned()], Vec::new()));
    let groups = || -> Vec<String> {
        let shown = site.client.get(&person).json["groups"].clone();
        let named = shown.as_array().into_iter().flatten();
        let mut names: Vec<String> = named.map(|g| g["display"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let is_in = |group: &str| {
        let shown = site.client.get(group).json["members"].clone();
        shown.as_array().is_some_and(|all| {
            all.iter().filter(|one| one["value"] == id(&person) && one["type"] == "User").count() == 1
        })
    };
    assert_eq!(groups(), ["Domain Users"]);
    assert!(is_in(&users));

    // What Windows would answer with 00000561 is refused in words, in each form; the number stays.
    let before = site.directory().look();
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", id(&person)) }]);
    let clear = json!([{ "op": "remove", "path": "members" }]);
    let put = json!({ "schemas": [GROUP], "displayName": "Domain Users" });
    for answer in
        [site.client.patch(&users, remove), site.client.patch(&users, clear), site.client.put(&users, &put)]
    {
        assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!("mutability")), "{answer}");
        let detail = answer.json["detail"].as_str().unwrap();
        assert_eq!(
            detail,
            "`members` holds a resource because of an attribute of its own, which must change instead."
        );
    }
    // Who is there already is not added once more.
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&person) }] }]);
    assert!(site.client.patch(&users, add).status < 300);
    assert_eq!(site.directory().look().changes_since(&before), [""; 0]);

    // Another primary group: a member of it first, as Windows wants it.
    let members = json!([{ "value": id(&person) }]);
    let staff =
        site.post("/Groups", json!({ "schemas": [GROUP], "displayName": "Staff", "members": members }));
    assert_eq!(groups(), ["Domain Users", "Staff"]);
    let choose = json!([{ "op": "replace", "path": "urn:example:Windows:primaryGroup", "value": { "value": id(&staff) } }]);
    let chosen = site.client.patch(&person, choose);
    assert_eq!(chosen.status, 200, "{chosen}");
    assert_eq!(chosen.json["urn:example:Windows"]["primaryGroup"]["value"], id(&staff), "{chosen}");
    let number = site.directory().values(&format!("CN=Staff,OU=Groups,OU=Corp,{DOMAIN}"), "objectSid");
    assert!(number.is_some() && of("primaryGroupID") != ["513"]);
    assert_eq!(groups(), ["Domain Users", "Staff"]);
    assert!(is_in(&staff) && is_in(&users));
    // It cannot go as long as it is somebody's primary group.
    assert_eq!(site.client.delete(&staff).status, 409);
    assert_eq!(site.client.delete(&person).status, 204);
    assert_eq!(site.client.delete(&staff).status, 204);
}
