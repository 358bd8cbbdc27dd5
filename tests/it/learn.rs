//! `scimgate map learn`: the draft of a directory compiles, fits it, and shows everybody.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{Backend, Gateway, Options, Product, Set, TestStore};

/// What the people and groups of a directory are called, as the draft should find out.
struct Expected {
    /// Filter and attribute of the people who must be shown.
    people: (&'static str, &'static str),
    /// The same of groups.
    groups: (&'static str, &'static str),
    /// Lines that the draft must have.
    lines: &'static [&'static str],
    /// Values of people that must not stand in it.
    private: &'static [&'static str],
}

fn learns(store: TestStore, expected: &Expected) {
    let directory = TempDir::new().unwrap();
    let config = directory.path().join("scimgate.toml");
    let mapping = directory.path().join("learnt.toml");
    let text = format!(
        "mapping = \"learnt.toml\"\n[server]\nlisten = \"127.0.0.1:0\"\n[correlation]\nurl = \"sqlite:ids.db\"\n{}",
        store.settings()
    );
    fs::write(&config, text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimgate"));
        let output = command.args(arguments).args(["--config", config.to_str().unwrap()]).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let learn = ["map", "learn", "--output", mapping.to_str().unwrap()];
    let (code, said) = run(&learn);
    let draft = fs::read_to_string(&mapping).unwrap_or_default();
    assert_eq!(code, Some(0), "{said}\n{draft}");
    for line in expected.lines {
        assert!(draft.contains(line), "no {line} in\n{draft}");
    }
    for value in expected.private {
        assert!(!draft.contains(value), "{value} in\n{draft}");
    }
    // What is there already is not written over.
    assert_eq!(run(&learn).0, Some(1));
    assert_eq!(fs::read_to_string(&mapping).unwrap(), draft);

    let (code, said) = run(&["check", "--live"]);
    assert!(code == Some(0) && !said.contains("error["), "{said}\n{draft}");

    let names = |(filter, attribute): (&str, &str)| {
        let entries = store.directory().search(filter);
        let value = |entry: crate::support::Entry| {
            let found = entry.values.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
            found.map(|(_, value)| value).unwrap_or_default()
        };
        let mut names: Vec<String> = entries.into_iter().map(value).collect();
        names.sort();
        names
    };
    let (people, groups) = (names(expected.people), names(expected.groups));
    let store = store.with_mapping(mapping);
    let gateway = Gateway::start(&store, &Options::default());
    let shown = |endpoint: &str, attribute: &str| {
        let answer = gateway.client().get(&format!("{endpoint}?count=1000"));
        assert_eq!(answer.status, 200, "{answer}\n{draft}");
        let all = answer.json["Resources"].as_array().unwrap().iter();
        let mut names: Vec<String> = all.map(|r| r[attribute].as_str().unwrap_or_default().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(shown("/Users", "userName"), people, "{draft}");
    assert_eq!(shown("/Groups", "displayName"), groups, "{draft}");
}

fn company(product: Product, lock: &'static str, lines: &'static [&'static str]) {
    let place = include_str!("../fixtures/explain/place.ldif");
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/openldap.toml");
    let Some(store) = TestStore::of_entries(product, place, mapping) else { return };
    let people = include_str!("../fixtures/ldif/openldap-seed.ldif");
    store.directory().add(&people.replace("pwdAccountLockedTime: 000001010000Z", lock));
    learns(
        store,
        &Expected {
            people: ("(objectClass=inetOrgPerson)", "uid"),
            groups: ("(objectClass=groupOfNames)", "cn"),
            lines,
            private: &["O'Malley", "person1", "example.com\"", "+353"],
        },
    );
}

#[test]
fn a_directory_of_openldap_is_learnt() {
    company(
        Product::OpenLdap,
        "pwdAccountLockedTime: 000001010000Z",
        &[
            "profile = \"openldap\"",
            "base = \"ou=people,dc=example,dc=com\"",
            "# 24 of 24 have it, and no two the same.",
            "userName = { field = \"uid\", unique = \"fold\" }",
            "field = \"pwdAccountLockedTime\"",
            "floor = \"cn=nobody,dc=example,dc=com\"",
            "scheme = \"exop\"",
            "manager = { field = \"manager\", ref = \"User\" }",
            "via = { field = \"memberOf\", by = \"dn\" }",
        ],
    );
}

#[test]
fn a_directory_of_389ds_is_learnt() {
    company(
        Product::Ds389,
        "nsAccountLock: true",
        &[
            "profile = \"389ds\"",
            "base = \"ou=people,dc=example,dc=com\"",
            "userName = { field = \"uid\", unique = \"fold\" }",
            "field = \"nsAccountLock\"",
        ],
    );
}

#[test]
fn an_active_directory_is_learnt() {
    let set = Set { name: "ad", backend: Backend::OpenLdap, variant: "" };
    let people = set.people().into_iter().find(|people| people.own).unwrap();
    let Some(store) = set.fill(&people, &set.mapping()) else { return };
    learns(
        store,
        &Expected {
            people: (
                "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE))(!(adminCount=1)))",
                "userPrincipalName",
            ),
            groups: ("(&(objectClass=group)(!(isCriticalSystemObject=TRUE))(!(adminCount=1)))", "cn"),
            lines: &[
                "profile = \"ad\"",
                "userAccountControl = { no_bits = 2 }",
                "scheme = \"ad\"",
                "members = { rows = \"member\", ref = [\"User\", \"Group\"], dangling = \"hide\" }",
            ],
            private: &["Moira", "moira@"],
        },
    );
}

/// Sets with other habits: people by department, groups without an overlay.
#[test]
fn other_directories_are_learnt() {
    for (name, groups) in [("rfc2307bis", "(objectClass=groupOfNames)"), ("eduperson", "(objectClass=groupOfURLs)")] {
        let set = Set { name, backend: Backend::OpenLdap, variant: "" };
        for people in set.people() {
            let Some(store) = set.fill(&people, &set.mapping()) else { return };
            learns(
                store,
                &Expected {
                    people: ("(objectClass=inetOrgPerson)", "uid"),
                    groups: (groups, "cn"),
                    lines: &["profile = \"openldap\""],
                    private: &[],
                },
            );
        }
    }
}
