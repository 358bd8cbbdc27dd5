//! Whom a long list of a group shows: each member's entry is seen beside its name (dereference control), and those of
//! which that does not tell enough are looked for by name.

use std::fmt::Write as _;

use serde_json::json;

use crate::support::{Backend, Gateway, Options, TestStore};

/// More than are looked for by name without ado.
const PEOPLE: usize = 250;

/// Whom the mapping leaves out; the directory compares the words of `where` without case.
const MAPPING: &str = r#"
[User]
where = { objectClass = "inetOrgPerson", not = { employeeType = "robot" } }
protect = [{ employeeType = "secret" }, { container = "ou=vault,ou=people,{let.suffix}" }]
"#;

struct Members {
    store: TestStore,
    gateway: Gateway,
}

impl Members {
    fn new(backend: Backend) -> Option<Self> {
        let store = TestStore::fresh(backend)?;
        let file = store.mapping().with_file_name("members.toml");
        let text = format!("extends = \"{}\"\n{MAPPING}", store.mapping().display());
        std::fs::write(&file, text).unwrap();
        let store = store.with_mapping(file);
        let suffix = store.suffix().to_owned();
        let mut ldif = format!(
            "dn: ou=vault,ou=people,{suffix}\nobjectClass: organizationalUnit\nou: vault\n\n\
             dn: ou=below,ou=people,{suffix}\nobjectClass: organizationalUnit\nou: below\n\n\
             dn: ou=else,{suffix}\nobjectClass: organizationalUnit\nou: else\n\n"
        );
        let mut members = Vec::new();
        let mut entry = |place: &str, name: &str, lines: &str| {
            let dn = format!("uid={name},{place}{suffix}");
            writeln!(ldif, "dn: {dn}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: x\n{lines}")
                .unwrap();
            members.push(dn);
        };
        for number in 0..PEOPLE {
            let name = format!("plain{number}");
            entry("ou=people,", &name, &format!("displayName: Plain {number}\n"));
        }
        entry("ou=people,", "nameless", "");
        entry("ou=below,ou=people,", "below", "displayName: Below\n");
        entry("ou=people,", "worker", "displayName: Worker\nemployeeType: worker\n");
        entry("ou=people,", "secret", "displayName: S\nemployeeType: other\nemployeeType: secret\n");
        entry("ou=people,", "robot", "displayName: R\nemployeeType: Robot\n");
        entry("ou=vault,ou=people,", "gold", "displayName: G\n");
        entry("ou=else,", "outside", "displayName: O\n");
        writeln!(ldif, "dn: uid=thing,ou=people,{suffix}\nobjectClass: account\nuid: thing\n").unwrap();
        members.push(format!("uid=thing,ou=people,{suffix}"));
        writeln!(
            ldif,
            "dn: cn=inner,ou=groups,{suffix}\nobjectClass: groupOfNames\ncn: inner\nmember: {}\n",
            members[0]
        )
        .unwrap();
        members.push(format!("CN=Inner, ou=Groups, {suffix}"));
        members.push(format!("uid=nobody,ou=people,{suffix}"));
        writeln!(ldif, "dn: cn=outer,ou=groups,{suffix}\nobjectClass: groupOfNames\ncn: outer").unwrap();
        members.iter().for_each(|member| writeln!(ldif, "member: {member}").unwrap());
        store.directory().add(&ldif);
        let log = "info,scimgate::store::ldap=debug";
        let gateway = Gateway::start(&store, &Options { log, ..Options::default() });
        Some(Self { store, gateway })
    }

    /// The members' kinds, names and ids, sorted; all of them once.
    fn shown(&self, query: &str) -> Vec<(String, String, String)> {
        let outer = "filter=displayName%20eq%20%22outer%22";
        let found = self.gateway.client().get(&format!("/Groups?{outer}{query}"));
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        let members = found.json["Resources"][0]["members"].as_array().unwrap();
        let mut shown: Vec<_> =
            members.iter().map(|m| (text(&m["type"]), text(&m["display"]), text(&m["value"]))).collect();
        shown.sort();
        shown
    }

    /// How often each of these attributes was asked for.
    fn asked(&self, attribute: &str) -> usize {
        self.gateway.log().matches(&format!("ldap.attributes=\"{attribute}\"")).count()
    }

    fn check(&self) {
        let plain = (0..PEOPLE).map(|number| format!("Plain {number}"));
        let others = ["-", "Below", "Worker"].map(str::to_owned);
        let mut expected: Vec<_> = plain.chain(others).map(|name| ("User".to_owned(), name)).collect();
        expected.push(("Group".to_owned(), "inner".to_owned()));
        expected.sort();
        let shown = self.shown("");
        let names: Vec<_> = shown.iter().map(|(kind, name, _)| (kind.clone(), name.clone())).collect();
        assert_eq!(names, expected);
        assert_eq!(self.asked("member"), 1, "not asked for through the group:\n{}", self.gateway.log());
        assert_eq!(self.shown(""), shown, "those who are known");

        // Who is shown is who has that id.
        let client = self.gateway.client();
        for (kind, name, id) in shown.iter().filter(|(_, name, _)| !name.ends_with('7')) {
            if name.len() < 8 {
                let one = client.get(&format!("/{kind}s/{id}"));
                assert_eq!(one.json["displayName"].as_str().unwrap_or("-"), name, "{one}");
            }
        }

        // A name that another entry has taken over leads to that one.
        let dn = format!("uid=plain7,ou=people,{}", self.store.suffix());
        let before = shown.iter().find(|(_, name, _)| name == "Plain 7").unwrap();
        self.store.directory().delete(&[&dn]);
        self.store.directory().add(&format!(
            "dn: {dn}\nobjectClass: inetOrgPerson\nuid: plain7\ncn: x\nsn: x\ndisplayName: Plain 7\n"
        ));
        let outer = format!("cn=outer,ou=groups,{}", self.store.suffix());
        if !self.store.directory().values(&outer, "member").unwrap().contains(&dn) {
            self.store
                .directory()
                .modify(&format!("dn: {outer}\nchangetype: modify\nadd: member\nmember: {dn}\n"));
        }
        let now = self.shown("");
        let after = now.iter().find(|(_, name, _)| name == "Plain 7").unwrap();
        assert_ne!(after.2, before.2);
        assert_eq!(client.get(&format!("/Users/{}", before.2)).status, 404);

        // Who moves to where the mapping does not look is no member any more; the list is changed without it.
        let path = format!("/Users/{}", after.2);
        assert_eq!(client.delete(&path).status, 204);
        assert_eq!(self.shown("").len(), shown.len() - 1);
        let hidden = format!("uid=secret,ou=people,{}", self.store.suffix());
        let group = client.get("/Groups?filter=displayName%20eq%20%22outer%22&attributes=id");
        let group = format!("/Groups/{}", group.json["Resources"][0]["id"].as_str().unwrap());
        let gone = json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", now[5].2) }]);
        let answer = client.patch(&group, gone);
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        assert!(self.store.directory().values(&outer, "member").unwrap().contains(&hidden));
    }
}

#[test]
fn a_long_list_shows_whom_the_mapping_shows_in_openldap() {
    let Some(members) = Members::new(Backend::OpenLdap) else { return };
    members.check();
}

#[test]
fn a_long_list_shows_whom_the_mapping_shows_in_389ds() {
    let Some(members) = Members::new(Backend::Ds389) else { return };
    members.check();
}
