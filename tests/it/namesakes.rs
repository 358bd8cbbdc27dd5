//! Names in a directory that somebody gave away, or was not given, and that others have: what is done to the one must not
//! reach the other.

use serde_json::{Value as Json, json};

use crate::support::{Backend, Client, Gateway, Options, TestStore};

struct Site {
    store: TestStore,
    gateway: Gateway,
}

impl Site {
    /// A group with a person, and with whoever else is told.
    fn new(other: &str) -> Option<Self> {
        let store = TestStore::fresh(Backend::OpenLdap)?;
        let gateway = Gateway::start(&store, &Options::default());
        let site = Self { store, gateway };
        site.add_person("ann");
        site.store.directory().add(&format!(
            "dn: {}\nobjectClass: groupOfNames\ncn: crew\nmember: {}\nmember: {}\n",
            site.crew(),
            site.dn("ann"),
            site.dn(other)
        ));
        Some(site)
    }

    fn dn(&self, name: &str) -> String {
        format!("uid={name},ou=people,{}", self.store.suffix())
    }

    fn crew(&self) -> String {
        format!("cn=crew,ou=groups,{}", self.store.suffix())
    }

    fn add_person(&self, name: &str) {
        let dn = self.dn(name);
        let ldif = format!("dn: {dn}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: x\n");
        self.store.directory().add(&ldif);
    }

    fn client(&self) -> Client {
        self.gateway.client()
    }

    fn path(&self, name: &str) -> String {
        let found = self.client().get(&format!("/Users?filter=userName%20eq%20%22{name}%22"));
        format!("/Users/{}", found.json["Resources"][0]["id"].as_str().unwrap())
    }

    fn rename(&self, path: &str, name: &str) -> (u16, Json) {
        let answer =
            self.client().patch(path, json!([{ "op": "replace", "path": "userName", "value": name }]));
        (answer.status, answer.json)
    }

    fn members(&self) -> Vec<String> {
        self.store.directory().values(&self.crew(), "member").unwrap()
    }
}

/// An entry that is no person for the mapping has the name, so only the directory refuses it.
#[test]
fn who_was_not_given_a_name_goes_without_whom_it_belongs_to() {
    let Some(site) = Site::new("taken") else { return };
    site.store.directory().add(&format!("dn: {}\nobjectClass: account\nuid: taken\n", site.dn("taken")));
    let ann = site.path("ann");
    let (status, json) = site.rename(&ann, "taken");
    assert_eq!(status, 409, "{json}");
    assert_eq!(site.members(), [site.dn("ann"), site.dn("taken")]);
    assert_eq!(site.client().delete(&ann).status, 204);
    assert_eq!(site.members(), [site.dn("taken")]);
}

/// Another program gives the old name to somebody else, who goes again.
#[test]
fn who_has_an_old_name_goes_without_whom_it_belonged_to() {
    let Some(site) = Site::new("ben") else { return };
    site.add_person("ben");
    let ann = site.path("ann");
    let (status, json) = site.rename(&ann, "anna");
    assert_eq!(status, 200, "{json}");
    site.add_person("ann");
    let ldif = format!("dn: {}\nchangetype: modify\nadd: member\nmember: {}\n", site.crew(), site.dn("ann"));
    site.store.directory().modify(&ldif);
    assert_eq!(site.client().delete(&site.path("ann")).status, 204);
    assert_eq!(site.members(), [site.dn("anna"), site.dn("ben")]);
}
