//! People of Active Directory, in a Samba domain: account bits, tagged addresses, names that follow, passwords.

use serde_json::json;

use super::{
    harness::{Set, Site, holds},
    patches::Neo,
};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const AD: Set = Set { name: "ad", backend: Backend::OpenLdap, variant: "" };

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
        let untouched = site.directory().look();
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
        // The primary one is the main one, whatever its type.
        site.patch(
            &path,
            json!([{ "op": "replace", "path": "emails", "value": [{ "value": "new@maps.example", "type": "work" },
                { "value": "old@maps.example", "type": "home", "primary": true }] }]),
        );
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
        site.assert_entries(&untouched, &[]);
    });
}

/// A password goes with the other changes of a PATCH, and none is left behind by one that is refused.
#[test]
fn a_refused_change_leaves_the_old_password() {
    AD.each(|site| {
        let path = site.post(
            "/Users",
            json!({ "userName": "keeps@lab.example", "displayName": "Keeps", "password": "First-Horse7" }),
        );
        let dn = &values(site, "keeps", "distinguishedName")[0];
        let with = |password: &str, title: &str| {
            json!([{ "op": "replace", "path": "password", "value": password }, { "op": "replace", "path": "title", "value": title }])
        };
        let refused = site.client.patch(&path, with("Second-Horse7", &"long ".repeat(400)));
        assert_eq!((refused.status, refused.json["scimType"].as_str()), (400, Some("invalidValue")), "{refused}");
        assert!(site.directory().accepts(dn, "First-Horse7") && !site.directory().accepts(dn, "Second-Horse7"));
        // Neither is anything else left behind by a password that is refused.
        let refused = site.client.patch(&path, with("abc", "Cook"));
        assert!(refused.status == 400 && refused.json["detail"].as_str().unwrap().contains("password"), "{refused}");
        assert_eq!(values(site, "keeps", "title"), [""; 0]);
        site.patch(&path, with("Second-Horse7", "Cook"));
        assert!(site.directory().accepts(dn, "Second-Horse7"));
        assert_eq!(values(site, "keeps", "title"), ["Cook"]);
        // The entry is renamed, changed and made active, with a password of its own each time.
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        site.patch(
            &path,
            json!([{ "op": "replace", "value": { "displayName": "Kept", "active": true, "password": "Third-Horse7" } }]),
        );
        assert_eq!(values(site, "keeps", "userAccountControl"), ["512"]);
        assert!(site.directory().accepts(&values(site, "keeps", "distinguishedName")[0], "Third-Horse7"));
        site.patch(&path, json!([{ "op": "replace", "path": "password", "value": "Fourth-Horse7" }]));
        assert!(site.directory().accepts(&values(site, "keeps", "distinguishedName")[0], "Fourth-Horse7"));
        site.delete(&path);
    });
}

/// Each form of a PATCH operation, then PUT, and a manager.
#[test]
fn every_form_of_patch_reaches_the_entry() {
    AD.each(|site| {
        let of = |attribute: &str| values(site, "neo", attribute);
        let mail = || {
            let mut all = of("proxyAddresses");
            all.iter_mut().for_each(|address| *address = address.split_off("smtp:".len()));
            all
        };
        let neo = Neo {
            site,
            login: "neo@lab.example",
            number: "employeeID",
            follows: &[],
            refused: ("title", json!("long ".repeat(400))),
            off: &["{dn}: - userAccountControl: 512", "{dn}: + userAccountControl: 514"],
            gone: &["- {dn}"],
            at: &|| of("distinguishedName").remove(0),
            of: &of,
            mail: &mail,
        };
        let path = neo.lives_through_patches();

        let boss = site.post("/Users", json!({ "userName": "boss@lab.example", "displayName": "Boss, The" }));
        let boss_id = boss.trim_start_matches("/Users/");
        let whole = json!({
            "userName": "neo@lab.example", "displayName": "Neo", "name": { "familyName": "Three" }, "active": true,
            "emails": [{ "value": "e@x.org", "primary": true }], ENTERPRISE: { "manager": { "value": boss_id } },
        });
        let before = site.directory().look();
        site.put(&path, whole.clone());
        holds(&site.get(&path), &whole);
        assert_eq!((of("sn"), of("givenName")), (vec!["Three".to_owned()], Vec::new()));
        assert_eq!((of("mail"), of("proxyAddresses")), (vec!["e@x.org".to_owned()], vec!["SMTP:e@x.org".to_owned()]));
        assert_eq!(of("manager"), values(site, "boss", "distinguishedName"));
        // Nobody else's entry changes, but the manager's back link.
        let (neo_dn, boss_dn) = (&of("distinguishedName")[0], &of("manager")[0]);
        for line in site.directory().look().changes_since(&before) {
            let is_ours = line.starts_with(&format!("{neo_dn}: ")) || line.starts_with(&format!("{boss_dn}: "));
            assert!(is_ours, "{line}");
        }
        site.patch(&path, json!([{ "op": "remove", "path": format!("{ENTERPRISE}:manager") }]));
        assert_eq!(of("manager"), [""; 0]);
        // A person's entry that others have changed as well: only what is asked for changes.
        let rich = site.user(if site.own { "moira" } else { "aoife.obrien" });
        let before = site.directory().look();
        site.patch(&rich, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        let changes = site.directory().look().changes_since(&before);
        assert!(changes.iter().all(|line| line.contains(" title: ")) && changes.len() <= 2, "{changes:#?}");
        assert!(changes.iter().any(|line| line.ends_with("+ title: Cook")), "{changes:#?}");
        neo.lives_on(&path);
    });
}

#[test]
fn members_come_and_go_one_by_one() {
    AD.each(|site| {
        let untouched = site.directory().look();
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
        [group, one, two].iter().for_each(|made| site.delete(made));
        site.assert_entries(&untouched, &[]);
    });
}

/// The shipped mapping, with another `active`: who leaves moves to the leavers, and comes back from there.
#[test]
fn a_leaver_may_move_and_come_back() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("leavers.toml");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/active-directory.toml");
    let text = format!(
        "extends = \"{shipped}\"\n[User.attributes.active]\n\
         true = {{ userAccountControl = {{ clear_bits = 2 }}, accountExpires = \"@none\", container = \"OU=People,{{let.corp}}\" }}\n\
         false = {{ userAccountControl = {{ set_bits = 2 }}, container = \"OU=Leavers,{{let.corp}}\" }}\n"
    );
    std::fs::write(&file, text).unwrap();
    AD.each_by(&file, |site| {
        let untouched = site.directory().look();
        let path =
            site.post("/Users", json!({ "userName": "goes@lab.example", "displayName": "Goes, Away" }));
        let id = path.rsplit('/').next().unwrap();
        let group = site.post("/Groups", json!({ "displayName": "Stays", "members": [{ "value": id }] }));
        let place = || values(site, "goes", "distinguishedName").remove(0);
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(place(), "CN=Goes\\, Away,OU=Leavers,OU=Corp,DC=lab,DC=example");
        assert_eq!(values(site, "goes", "userAccountControl"), ["514"]);
        assert_eq!(values(site, "Stays", "member"), [place()], "the group follows");
        // The rename of a login that comes with a soft delete renames no entry.
        site.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "4711goes@lab.example" }]));
        assert_eq!(place(), "CN=Goes\\, Away,OU=Leavers,OU=Corp,DC=lab,DC=example");
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        assert_eq!(place(), "CN=Goes\\, Away,OU=People,OU=Corp,DC=lab,DC=example");
        assert_eq!(values(site, "goes", "userAccountControl"), ["512"]);
        holds(&site.get(&group), &json!({ "members": [{ "value": id }] }));
        site.delete(&path);
        site.delete(&group);
        site.assert_entries(&untouched, &[]);
    });
}

/// Entra sends a country by its name or by its letters: three attributes say the same.
#[test]
fn a_country_by_name_is_written_in_three_attributes() {
    AD.each(|site| {
        let with = |country: &str| json!([{ "type": "work", "locality": "Cork", "country": country }]);
        let person = json!({ "userName": "eire@lab.example", "displayName": "Eire", "addresses": with("Ireland") });
        let path = site.post("/Users", person);
        let three = || ["c", "co", "countryCode"].map(|name| values(site, "eire", name).concat());
        let shown = || site.get(&path)["addresses"][0]["country"].clone();
        assert_eq!((three(), shown()), (["IE", "Ireland", "372"].map(Into::into), json!("IE")));
        // The same in other words is no change.
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "addresses[type eq \"work\"].country", "value": "republic of IRELAND" }]));
        site.patch(&path, json!([{ "op": "replace", "path": "addresses", "value": with("ie") }]));
        assert_eq!(site.directory().look().changes_since(&before), [""; 0]);
        site.patch(&path, json!([{ "op": "replace", "path": "addresses[type eq \"work\"].country", "value": "Côte d'Ivoire" }]));
        assert_eq!((three(), shown()), (["CI", "Côte d'Ivoire", "384"].map(Into::into), json!("CI")));
        for filter in ["addresses.country eq \"ci\"", "addresses[type eq \"work\" and country eq \"CI\"]"] {
            assert_eq!(site.find("/Users", filter), [path.trim_start_matches("/Users/")], "{filter}");
        }
        // What no list has is refused by its name, and changes nothing.
        let nowhere = json!([{ "op": "replace", "path": "addresses[type eq \"work\"].country", "value": "Atlantis" }]);
        let refused = site.client.patch(&path, nowhere);
        assert_eq!((refused.status, refused.json["scimType"].as_str()), (400, Some("invalidValue")), "{refused}");
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains(".country`") && !detail.contains("Atlantis"), "{detail}");
        assert_eq!(three()[0], "CI");
        site.delete(&path);
    });
}

#[test]
fn protected_accounts_are_neither_shown_nor_touched() {
    AD.each(|site| {
        if !site.own {
            return;
        }
        for login in ["chief", "backup"] {
            let filter = format!("userName eq \"{login}@lab.example\"");
            assert_eq!(site.find("/Users", &filter), Vec::<String>::new(), "{login}");
        }
        let group = site.group("Surveyors, Night");
        assert_eq!(values(site, "Surveyors", "member").len(), 2);
        site.put(&group, json!({ "displayName": "Surveyors, Night", "members": [] }));
        assert_eq!(values(site, "Surveyors", "member"), ["CN=Chief,OU=People,OU=Corp,DC=lab,DC=example"]);
        // Their names stay taken.
        let taken = site.client.post(
            "/Users",
            &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "chief@lab.example", "displayName": "C" }),
        );
        assert_eq!((taken.status, taken.json["scimType"].as_str()), (409, Some("uniqueness")), "{taken}");
        // Who has expired is active again by a new end, which is none.
        let ended = site.user("ended");
        site.patch(&ended, json!([{ "op": "replace", "path": "active", "value": true }]));
        assert_eq!(values(site, "ended", "accountExpires"), ["9223372036854775807"]);
        assert_eq!(values(site, "ended", "userAccountControl"), ["512"]);
        // Country by country: three attributes, and foreign values as they were.
        let moira = site.user("moira");
        let before = values(site, "moira", "proxyAddresses").len();
        site.patch(&moira, json!([{ "op": "replace", "path": "addresses[type eq \"work\"].country", "value": "DE" }]));
        assert_eq!((values(site, "moira", "co"), values(site, "moira", "countryCode")), (vec!["Germany".into()], vec!["276".into()]));
        site.patch(&moira, json!([{ "op": "remove", "path": "addresses[type eq \"work\"].country" }]));
        assert_eq!((values(site, "moira", "c"), values(site, "moira", "countryCode")), (vec![], vec!["0".into()]));
        assert_eq!(values(site, "moira", "proxyAddresses").len(), before);
    });
}

/// Each way to say that another address is the main one: both change places, and foreign ones stay.
#[test]
fn an_alias_becomes_the_main_address_in_every_form() {
    AD.each(|site| {
        let path = site.post(
            "/Users",
            json!({ "userName": "alias@lab.example", "displayName": "Alias",
                "emails": [{ "value": "a@maps.example", "type": "work", "primary": true }, { "value": "b@maps.example", "type": "other" }] }),
        );
        let of = |attribute: &str| values(site, "alias", attribute);
        site.directory().modify(&format!(
            "dn: {}\nchangetype: modify\nadd: proxyAddresses\nproxyAddresses: X500:/o=Maps\n",
            of("distinguishedName")[0]
        ));
        let mut main = "a@maps.example";
        let mut alias = "b@maps.example";
        let forms = |alias: &str| {
            let element = json!([{ "value": alias, "type": "work", "primary": true }]);
            let at = format!("emails[value eq \"{alias}\"]");
            [
                json!([{ "op": "add", "path": "emails", "value": [{ "value": alias, "primary": true }] }]),
                json!([{ "op": "add", "path": "emails", "value": element }]),
                json!([{ "op": "Add", "value": { "emails": element } }]),
                json!([{ "op": "replace", "path": format!("{at}.primary"), "value": true }]),
                json!([{ "op": "add", "path": format!("{at}.primary"), "value": true }]),
                json!([{ "op": "replace", "path": at, "value": { "value": alias, "type": "work", "primary": true } }]),
                json!([{ "op": "add", "path": at, "value": { "primary": true } }]),
            ]
        };
        for form in 0..forms(alias).len() {
            let operations = forms(alias)[form].clone();
            let answer = site.client.patch(&path, operations.clone());
            assert!(answer.status < 300, "{operations}: {answer}");
            let mut all = of("proxyAddresses");
            all.sort();
            let expected = [format!("SMTP:{alias}"), "X500:/o=Maps".to_owned(), format!("smtp:{main}")];
            assert_eq!(all, expected, "{operations}");
            assert_eq!(of("mail"), [alias], "{operations}");
            std::mem::swap(&mut main, &mut alias);
        }
        site.delete(&path);
    });
}

/// A new password has to be changed at the next logon, also if that was so already: setting it takes the mark away.
#[test]
fn each_new_password_is_one_to_be_changed() {
    let Some(store) = TestStore::fresh(Backend::ActiveDirectory) else { return };
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("mapping.toml");
    let text = format!(
        "extends = \"{}\"\n[User.attributes.password]\nalso = {{ pwdLastSet = 0 }}\n",
        store.mapping().display()
    );
    std::fs::write(&file, text).unwrap();
    let store = store.with_mapping(file);
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let login = format!("{}@lab.example", unique("expires"));
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login,
        "displayName": unique("Expires"), "password": "First-Horse7" });
    let made = client.post("/Users", &user);
    assert_eq!(made.status, 201, "{made}");
    let path = format!("/Users/{}", made.id());
    let last_set = || {
        let found = store.directory().search(&format!("(userPrincipalName={login})"));
        found[0].values.iter().find(|(name, _)| name == "pwdLastSet").unwrap().1.clone()
    };
    assert_eq!(last_set(), "0");
    for password in ["Second-Horse7", "Third-Horse7"] {
        let answer = client.patch(&path, json!([{ "op": "replace", "path": "password", "value": password }]));
        assert!([200, 204].contains(&answer.status), "{answer}");
        assert_eq!(last_set(), "0", "{password}");
    }
    assert_eq!(client.delete(&path).status, 204);
}
