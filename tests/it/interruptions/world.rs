//! People, groups, and where it stands who is in which: a list of logins at the group, the group's name at the person, a
//! copy of the list in an entry beside the group, and the group's name in an entry beside the person.

use std::{cell::Cell, fs};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::support::{Client, Gateway, Options, Product, TestStore, Wire};

const SUFFIX: &str = "dc=example,dc=com";

/// Two places.
const MAPPING: &str = r#"
[let]
suffix = "dc=example,dc=com"

[ldap]
profile = "openldap"

[User]
base = "ou=people,{let.suffix}"
classes = ["inetOrgPerson"]
rdn = "uid"
initial = { cn = "{uid}", sn = "-" }

[User.attributes]
userName = { field = "uid", unique = "fold" }
title = "title"

[Group]
base = "ou=groups,{let.suffix}"
classes = ["posixGroup"]
rdn = "cn"
initial = { gidNumber = 20041 }

[Group.attributes]
displayName = { field = "cn", unique = "fold" }
"#;

/// The third one.
const BESIDE_THE_GROUP: &str = r#"
[Group.part.copy]
base = "ou=copies,{let.suffix}"
on = { seeAlso = "dn" }
classes = ["applicationProcess"]
rdn = "cn"
always = true
derived = { cn = "{up.cn}", description = "{up.memberUid}" }
"#;

/// The fourth one.
const BESIDE_THE_PERSON: &str = r#"
[User.part.account]
base = "ou=accounts,{let.suffix}"
on = { seeAlso = "dn" }
classes = ["applicationProcess"]
rdn = "cn"
always = true
derived = { cn = "{up.uid}" }
"#;

const CONTAINERS: [&str; 2] = ["copies", "accounts"];
/// Attributes that are looked at.
const SHOWN: [&str; 8] =
    ["cn", "uid", "title", "memberUid", "departmentNumber", "description", "seeAlso", "objectClass"];

/// A directory behind a wire, with a gateway before it.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) wire: Wire,
    store: TestStore,
    _gateway: Gateway,
    _folder: TempDir,
    scenes: Cell<usize>,
}

/// People and a group of which no other scene knows.
pub(super) struct Scene {
    tag: String,
    pub(super) ann: String,
    pub(super) bob: String,
    pub(super) group: String,
}

pub(super) fn user(name: &str) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name })
}

pub(super) fn group(name: &str, members: &[&str]) -> Json {
    let members: Vec<Json> = members.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members })
}

impl World {
    /// With memberships in so many places.
    pub(super) fn of(places: usize) -> Option<Self> {
        let there = match places {
            4 => r#"{ departmentNumber = { add = "{cn}" }, account = { description = { add = "{cn}" } } }"#,
            _ => r#"{ departmentNumber = { add = "{cn}" } }"#,
        };
        let mut mapping = format!(
            "{MAPPING}members = {{ rows = \"memberUid\", ref = \"User\", by = \"uid\", there = {there} }}\n"
        );
        mapping.push_str(if places > 2 { BESIDE_THE_GROUP } else { "" });
        mapping.push_str(if places > 3 { BESIDE_THE_PERSON } else { "" });
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("places.toml");
        fs::write(&file, mapping).unwrap();
        let entries: String = CONTAINERS
            .map(|ou| format!("dn: ou={ou},{SUFFIX}\nobjectClass: organizationalUnit\nou: {ou}\n\n"))
            .concat();
        let store = TestStore::of_entries(Product::OpenLdap, &entries, file)?;
        let wire = Wire::to(store.address());
        // It breaks where all is still.
        let store = store.by_way_of(wire.address).with_settings("grace_ms = 0\n");
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        Some(Self { client, wire, store, _gateway: gateway, _folder: folder, scenes: Cell::new(0) })
    }

    pub(super) fn scene(&self) -> Scene {
        self.scenes.set(self.scenes.get() + 1);
        let tag = format!("x{}y", self.scenes.get());
        let make = |endpoint: &str, body: &Json| {
            let made = self.client.post(endpoint, body);
            assert_eq!(made.status, 201, "{made}");
            made.id()
        };
        let ann = make("/Users", &user(&format!("ann{tag}")));
        let bob = make("/Users", &user(&format!("bob{tag}")));
        let group = make("/Groups", &group(&format!("g{tag}"), &[&bob]));
        Scene { tag, ann, bob, group }
    }

    /// The entries of a scene: a line for each value, with the names as in every other scene.
    pub(super) fn entries(&self, scene: &Scene) -> Vec<String> {
        let found = self.store.directory().search(&format!("(|(uid=*{0})(cn=*{0}))", scene.tag));
        let mut lines = Vec::new();
        for entry in found {
            let dn = entry.dn.replace(&scene.tag, "").replace(&format!(",{SUFFIX}"), "");
            let values = entry.values.iter().filter(|(name, _)| SHOWN.contains(&name.as_str()));
            lines.extend(values.map(|(name, value)| {
                format!("{dn} {name} {}", value.replace(&scene.tag, "").replace(&format!(",{SUFFIX}"), ""))
            }));
        }
        lines.sort();
        lines
    }

    /// Looks for the new group, deletes it, and makes it again.
    pub(super) fn remake(&self, scene: &Scene) {
        let name = scene.name("new");
        let found = self.client.get(&format!("/Groups?filter=displayName%20eq%20%22{name}%22"));
        let id = found.json["Resources"][0]["id"].as_str().unwrap_or_else(|| panic!("{found}"));
        assert_eq!(self.client.delete(&format!("/Groups/{id}")).status, 204);
        let made = self.client.post("/Groups", &group(&name, &[&scene.ann, &scene.bob]));
        assert_eq!(made.status, 201, "{made}");
    }

    /// The list of the group, sorted.
    pub(super) fn members(&self, scene: &Scene) -> Vec<String> {
        let dn = format!("cn={},ou=groups,{SUFFIX}", scene.name("g"));
        self.store.directory().values(&dn, "memberUid").unwrap()
    }

    /// Removes what is left of a scene.
    pub(super) fn clear(&self, scene: &Scene) {
        let found = self.store.directory().search(&format!("(|(uid=*{0})(cn=*{0}))", scene.tag));
        let dns: Vec<&str> = found.iter().map(|entry| entry.dn.as_str()).collect();
        self.store.directory().delete(&dns);
    }
}

impl Scene {
    pub(super) fn name(&self, name: &str) -> String {
        format!("{name}{}", self.tag)
    }
}

/// Somebody is in a group, as one place says: the place, the person and the group.
type Claim = (String, String, String);

/// What the places say of memberships; bob's two names and the group's two are one.
fn claims(entries: &[String]) -> Vec<Claim> {
    let one = |name: &str| match name {
        "rob" => "bob".to_owned(),
        "h" => "g".to_owned(),
        name => name.to_owned(),
    };
    let mut claims = Vec::new();
    for line in entries {
        let mut words = line.split(' ');
        let (dn, attribute, value) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let (name, place) = dn.split_once(',').unwrap();
        let own = one(name.split_once('=').unwrap().1);
        let (person, group) = match (attribute, place) {
            ("memberUid", _) | ("description", "ou=copies") => (one(value), own),
            ("departmentNumber", _) | ("description", "ou=accounts") => (own, one(value)),
            _ => continue,
        };
        claims.push((format!("{attribute} in {place}"), person, group));
    }
    claims
}

/// All places say the same.
pub(super) fn assert_agree(entries: &[String], places: usize) {
    let claims = claims(entries);
    for (_, person, group) in &claims {
        let is_this = |claim: &&Claim| (&claim.1, &claim.2) == (person, group);
        assert_eq!(claims.iter().filter(is_this).count(), places, "{person} in {group}: {entries:#?}");
    }
}

fn has_entry(entries: &[String], dn: &str) -> bool {
    entries.iter().any(|line| line.starts_with(&format!("{dn} ")))
}

/// Nobody is in more than before or than asked, who was and shall be in still is, and no place names who is gone.
pub(super) fn assert_harmless(
    before: &[String],
    left: &[String],
    asked: &[String],
    state: &dyn Fn() -> String,
) {
    let (was, is, shall_be) = (claims(before), claims(left), claims(asked));
    for claim in &is {
        assert!(was.contains(claim) || shall_be.contains(claim), "{claim:?} was not asked for: {}", state());
    }
    for claim in was.iter().filter(|claim| shall_be.contains(claim)) {
        assert!(is.contains(claim), "{claim:?} is lost: {}", state());
    }
    let bob = ["bob", "rob"].iter().find(|name| has_entry(left, &format!("uid={name},ou=people")));
    for line in left.iter().filter(|line| line.contains(" memberUid ") && line.starts_with("cn=g,")) {
        let Some(("bob" | "rob", bob)) = line.rsplit(' ').next().zip(Some(bob)) else { continue };
        let bob = bob.unwrap_or_else(|| panic!("a list names who is gone: {}", state()));
        let named = line.replace(line.rsplit(' ').next().unwrap(), bob);
        assert!(left.contains(&named), "no list has the name that he has: {}", state());
    }
    let is_gone = before.iter().any(|line| line.starts_with("cn=g,"))
        && !left.iter().any(|line| line.starts_with("cn=g,") || line.starts_with("cn=h,"));
    let names_g = |claim: &Claim| claim.2 == "g" && claim.0.starts_with("departmentNumber");
    assert!(!is_gone || !is.iter().any(names_g), "somebody names a group that is gone: {}", state());
}
