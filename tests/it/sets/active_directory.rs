//! People of Active Directory, in a Samba domain: account bits, tagged addresses, names that follow, passwords.

use serde_json::{Value as Json, json};

use super::harness::{Set, Site};
use crate::support::{Backend, mismatches};

const AD: Set = Set { name: "ad", backend: Backend::OpenLdap, variant: "" };

fn holds(json: &Json, expected: &Json) {
    let wrong = mismatches(expected, json);
    assert!(wrong.is_empty(), "{}\nin {json:#}", wrong.join("\n"));
}

/// The values of an attribute of the account with this login, which must be there.
fn values(site: &Site, login: &str, attribute: &str) -> Vec<String> {
    let found = site.directory().search(&format!("(sAMAccountName={login})"));
    assert_eq!(found.len(), 1, "{login}");
    let values = found[0].values.iter().filter(|(name, _)| name == attribute);
    values.map(|(_, value)| value.clone()).collect()
}

#[test]
fn everybody_reads_as_expected() {
    AD.reads_as_expected();
}

#[test]
fn an_account_comes_and_goes() {
    AD.each(|site| {
        let person = json!({
            "userName": "new.person@lab.example", "displayName": "New, #1 = <x>", "password": "Correct-Horse7",
            "emails": [{ "value": "new@maps.example", "type": "work", "primary": true }, { "value": "old@maps.example", "type": "home" }],
            "addresses": [{ "type": "work", "streetAddress": "1 Road\nFlat 2", "country": "AT" }],
        });
        let path = site.post("/Users", person.clone());
        let of = |attribute: &str| values(site, "new.person", attribute);
        assert_eq!(of("userAccountControl"), ["512"]);
        assert_eq!(of("cn"), ["New, #1 = <x>"]);
        assert_eq!((of("c"), of("co"), of("countryCode")), (vec!["AT".into()], vec!["Austria".into()], vec!["40".into()]));
        assert_eq!(of("mail"), ["new@maps.example"]);

        // Off and on again: the other bits stay.
        site.directory().modify(&format!(
            "dn: {}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 66048\n",
            of("distinguishedName")[0]
        ));
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(of("userAccountControl"), ["66050"]);
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        assert_eq!(of("userAccountControl"), ["66048"]);

        // The main address and another change places in one modify, and foreign ones stay.
        site.directory().modify(&format!(
            "dn: {}\nchangetype: modify\nadd: proxyAddresses\nproxyAddresses: X500:/o=Maps\n",
            of("distinguishedName")[0]
        ));
        site.patch(
            &path,
            json!([{ "op": "replace", "path": "emails", "value": [{ "value": "old@maps.example", "primary": true }, { "value": "new@maps.example" }] }]),
        );
        let mut addresses = of("proxyAddresses");
        addresses.sort();
        assert_eq!(addresses, ["SMTP:old@maps.example", "X500:/o=Maps", "smtp:new@maps.example"]);
        assert_eq!(of("mail"), ["old@maps.example"]);

        // Another display name is another name of the entry; another login is none.
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Zoë 🦊 + Co" }]));
        assert_eq!(of("cn"), ["Zoë 🦊 + Co"]);
        site.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "0f3a.new.person@lab.example" }]));
        assert_eq!((of("cn"), of("sAMAccountName")), (vec!["Zoë 🦊 + Co".into()], vec!["new.person".into()]));

        // A password that the rules of the domain refuse.
        let refused = site.client.patch(&path, json!([{ "op": "replace", "path": "password", "value": "abc" }]));
        assert_eq!((refused.status, refused.json["scimType"].as_str()), (400, Some("invalidValue")), "{refused}");
        assert!(refused.json["detail"].as_str().unwrap().contains("password"), "{refused}");
        site.delete(&path);
        let again = site.post("/Users", person);
        assert_ne!(again, path);
        site.delete(&again);
    });
}

#[test]
fn members_come_and_go_one_by_one() {
    AD.each(|site| {
        let person = |name: &str| site.post("/Users", json!({ "userName": format!("{name}@lab.example"), "displayName": "Twin" }));
        let (one, two) = (person("twin.one"), person("twin.two"));
        assert_eq!((values(site, "twin.one", "cn"), values(site, "twin.two", "cn")), (vec!["Twin".into()], vec!["Twin-2".into()]));
        let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
        let group = site.post("/Groups", json!({ "displayName": "Twins, both = 2", "members": [{ "value": id(&one) }] }));
        site.patch(&group, json!([{ "op": "add", "path": "members", "value": [{ "value": id(&two) }, { "value": id(&one) }] }]));
        assert_eq!(site.get(&group)["members"].as_array().unwrap().len(), 2);
        site.patch(&group, json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", id(&one)) }]));
        holds(&site.get(&group), &json!({ "members": [{ "value": id(&two) }] }));
        assert_eq!(values(site, "Twins_ both _ 2", "member").len(), 1);
    });
}
