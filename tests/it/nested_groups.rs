//! Groups within groups in Active Directory, which follows memberships itself (LDAP_MATCHING_RULE_IN_CHAIN).

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::support::{Answer, Backend, Gateway, Options, TestStore};

const MAPPING: &str = r#"
[User.attributes.groups]
nested = true
"#;

#[test]
fn all_groups_above_a_user_of_active_directory_are_one_search() {
    let Some(store) = TestStore::fresh(Backend::ActiveDirectory) else { return };
    let file = store.mapping().with_file_name("nested.toml");
    std::fs::write(&file, format!("extends = \"{}\"\n{MAPPING}", store.mapping().display())).unwrap();
    let store = store.with_mapping(file);
    let (suffix, person) = (store.suffix().to_owned(), store.dn_of_person(4));
    let group = |name: &str, place: &str, member: &str| {
        let account = name.replace(['(', ')', '*', ' '], "");
        format!(
            "dn: CN={name},OU={place},{suffix}\nobjectClass: group\ncn: {name}\nsAMAccountName: {account}\n\
             groupType: -2147483640\nmember: {member}\n\n"
        )
    };
    let at = |name: &str, place: &str| format!("CN={name},OU={place},{suffix}");
    let mut ldif = format!("dn: OU=Else,{suffix}\nobjectClass: organizationalUnit\nou: Else\n\n");
    ldif.push_str(&group("chain-1", "Groups", &person));
    ldif.push_str(&group("chain-2", "Groups", &at("chain-1", "Groups")));
    // A group that the mapping does not look at.
    ldif.push_str(&group("chain-3", "Else", &at("chain-2", "Groups")));
    ldif.push_str(&group("chain-4", "Groups", &at("chain-3", "Else")));
    ldif.push_str(&group("chain-5", "Groups", &at("chain-4", "Groups")));
    ldif.push_str(&group("chain (6)*", "Groups", &at("chain-5", "Groups")));
    store.directory().add(&ldif);
    // In a circle, too.
    let circle = format!(
        "dn: {}\nchangetype: modify\nadd: member\nmember: {}\n",
        at("chain-1", "Groups"),
        at("chain-5", "Groups")
    );
    store.directory().modify(&circle);

    let log = "info,scimgate::store::ldap=debug";
    let gateway = Gateway::start(&store, &Options { log, ..Options::default() });
    let client = gateway.client();
    let searches = || gateway.log().matches("ldap.operation=\"search\"").count();
    let chain = |user: &Json| -> BTreeSet<(String, String)> {
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let groups = user["groups"].as_array().unwrap().iter();
        let all: Vec<_> = groups.map(|group| (text(&group["display"]), text(&group["type"]))).collect();
        let ours: Vec<_> = all.into_iter().filter(|(name, _)| name.starts_with("chain")).collect();
        let once: BTreeSet<_> = ours.iter().cloned().collect();
        assert_eq!(once.len(), ours.len(), "{user}");
        once
    };
    let expected: BTreeSet<(String, String)> = [
        ("chain-1", "direct"),
        ("chain-2", "indirect"),
        ("chain-4", "indirect"),
        ("chain-5", "indirect"),
        ("chain (6)*", "indirect"),
    ]
    .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
    .into();

    let all: Answer = client.get("/Users?count=50");
    let login = store.directory().values(&person, "userPrincipalName").unwrap().remove(0);
    let users = all.json["Resources"].as_array().unwrap();
    let user = users.iter().find(|user| user["userName"] == login.as_str()).unwrap();
    assert_eq!(chain(user), expected);

    let path = format!("/Users/{}?attributes=groups", user["id"].as_str().unwrap());
    let before = searches();
    let one = client.get(&path);
    assert_eq!(chain(&one.json), expected);
    // The user, each of the few groups that the user is in, their names, and all above these.
    let groups = one.json["groups"].as_array().unwrap();
    let direct = groups.iter().filter(|group| group["type"] == "direct").count();
    assert!(direct <= 4, "{}", one.json);
    assert_eq!(searches() - before, 1 + direct + 2, "{}", gateway.log());
}
