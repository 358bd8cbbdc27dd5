//! WordPress's users and roles on MariaDB.

use std::sync::Barrier;

use serde_json::{Value as Json, json};

use super::harness::{Set, Site};
use crate::support::{Backend, mismatches};

const WORDPRESS: Set = Set { name: "wordpress", backend: Backend::MariaDb, variant: "" };

/// Somebody with roles, and a role that is not theirs.
fn somebody(site: &Site) -> (&'static str, &'static str) {
    if site.own { ("7", "rédacteur") } else { ("101", "author") }
}

fn roles(site: &Site, key: &str) -> String {
    site.sql("meta_value", &format!("wp_usermeta where user_id = {key} and meta_key = 'wp_capabilities'"))
        .remove(0)
}

fn all_roles(site: &Site) -> String {
    site.sql("option_value", "wp_options where option_name = 'wp_user_roles'").remove(0)
}

/// An array with one more entry.
fn with(array: &str, entry: &str) -> String {
    let count: usize = array.split(':').nth(1).unwrap().parse().unwrap();
    let array = array.replacen(&format!("a:{count}:"), &format!("a:{}:", count + 1), 1);
    format!("{}{entry}}}", array.strip_suffix('}').unwrap())
}

fn php(text: &str) -> String {
    format!("s:{}:\"{text}\";", text.len())
}

#[test]
fn everybody_reads_as_expected() {
    WORDPRESS.reads_as_expected();
}

#[test]
fn membership_is_an_entry_of_the_members_own_list() {
    WORDPRESS.each(|site| {
        let (key, role) = somebody(site);
        let (user, group) = (site.id("user", key), site.group(role));
        let (before, old) = (site.look(), roles(site, key));
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
        site.patch(&group, add.clone());
        assert_eq!(roles(site, key), with(&old, &format!("{}b:1;", php(role))));
        site.assert_changes(&before, &["wp_usermeta[…].meta_value: …"]);
        let shown = site.get(&site.user(key));
        let groups: Vec<&Json> = shown["groups"].as_array().unwrap().iter().map(|g| &g["value"]).collect();
        assert!(groups.contains(&&json!(site.id("group", role))), "{shown:#}");
        let added = site.look();
        site.patch(&group, add);
        site.assert_changes(&added, &[]);
        site.patch(&group, json!([{ "op": "remove", "path": format!("members[value eq \"{user}\"]") }]));
        site.assert_changes(&before, &[]);
        // A list of members as a whole, and its way back.
        let name = site.get(&group)["displayName"].clone();
        let members = site.get(&group)["members"].clone();
        site.put(&group, json!({ "displayName": name }));
        assert_eq!(site.get(&group).get("members"), None);
        site.put(&group, json!({ "displayName": name, "members": members }));
        let again = site.get(&group)["members"].clone();
        assert_eq!(mismatches(&members, &again), Vec::<String>::new());
        // Nobody is put into a group from the user's side: RFC 7643 has `groups` read-only.
        let path = site.user(key);
        let mut whole = site.get(&path);
        whole["groups"] = json!([]);
        let there = roles(site, key);
        site.put(&path, whole);
        assert_eq!(roles(site, key), there);
    });
}

#[test]
fn two_changes_of_one_list_of_roles_at_once_both_count() {
    WORDPRESS.each(|site| {
        let (key, names) = match site.own {
            true => ("9", ["administrator", "subscriber"]),
            false => ("101", ["author", "empty_role"]),
        };
        let user = site.id("user", key);
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            for name in names {
                let (barrier, user) = (&barrier, &user);
                let (group, client) = (site.group(name), site.client.clone());
                scope.spawn(move || {
                    barrier.wait();
                    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]);
                    let answer = client.patch(&group, add);
                    assert!([200, 204].contains(&answer.status), "{answer}");
                });
            }
        });
        let stored = roles(site, key);
        assert!(names.iter().all(|name| stored.contains(&format!("{}b:1;", php(name)))), "{stored}");
    });
}

#[test]
fn a_role_lives_and_goes() {
    WORDPRESS.each(|site| {
        let (key, _) = somebody(site);
        let (before, old) = (site.look(), all_roles(site));
        let path = site.post(
            "/Groups",
            json!({ "displayName": "Équipe 9", "members": [{ "value": site.id("user", key) }] }),
        );
        let slug = "equipe_9";
        let entry = |name: &str| {
            let rights = format!("{}a:1:{{{}b:1;}}", php("capabilities"), php("read"));
            format!("{}a:2:{{{}{}{rights}}}", php(slug), php("name"), php(name))
        };
        assert_eq!(all_roles(site), with(&old, &entry("Équipe 9")));
        assert!(roles(site, key).contains(&format!("{}b:1;", php(slug))));
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Nine" }]));
        assert!(all_roles(site).contains(&entry("Nine")));
        let taken = site.client.post(
            "/Groups",
            &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "nine" }),
        );
        assert_eq!(taken.status, 409, "{taken}");
        site.delete(&path);
        site.assert_changes(&before, &[]);
        assert_eq!(site.client.get(&path).status, 404);
        let again = site.post("/Groups", json!({ "displayName": "Équipe 9" }));
        assert_ne!(again, path);
        site.delete(&again);
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn a_user_lives_and_goes() {
    WORDPRESS.each(|site| {
        let before = site.look();
        let path = site.post(
            "/Users",
            json!({ "userName": "new.one", "name": { "givenName": "N'ew", "familyName": "Öne" }, "active": true,
                "emails": [{ "value": "n@example.org", "type": "work", "primary": true }],
                "addresses": [{ "type": "work", "streetAddress": "1 A\nB", "country": "DE" }] }),
        );
        let id = site.sql("ID", "wp_users where user_login = 'new.one'").remove(0);
        assert_eq!(roles(site, &id), "a:1:{s:10:\"subscriber\";b:1;}");
        let meta = |name: &str| site.sql("meta_value", &format!("wp_usermeta where user_id = {id} and meta_key = '{name}'"));
        let user = |column: &str| site.sql(column, &format!("wp_users where ID = {id}"));
        assert_eq!((user("user_nicename"), user("display_name")), (vec!["new-one".to_owned()], vec!["new.one".to_owned()]));
        assert_eq!((meta("nickname"), meta("wp_user_level")), (vec!["new.one".to_owned()], vec!["0".to_owned()]));
        assert_eq!((meta("billing_address_1"), meta("billing_address_2")), (vec!["1 A".to_owned()], vec!["B".to_owned()]));
        // Off and on: a row that comes and goes.
        let made = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(meta("ja_disable_user"), ["1"]);
        assert_eq!(site.get(&path)["active"], json!(false));
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        site.assert_changes(&made, &[]);
        let refused = site.client.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "other" }]));
        assert_eq!(refused.status, 400, "{refused}");
        site.patch(&path, json!([{ "op": "remove", "path": "name.givenName" }, { "op": "add", "path": "nickName", "value": "Nö" }]));
        assert_eq!((meta("first_name"), meta("nickname")), (Vec::<String>::new(), vec!["Nö".to_owned()]));
        site.put(&path, json!({ "userName": "new.one", "active": true, "displayName": "New" }));
        assert_eq!((user("display_name"), user("user_email"), meta("billing_country")), (vec!["New".to_owned()], vec![String::new()], Vec::<String>::new()));
        assert_eq!(roles(site, &id), "a:1:{s:10:\"subscriber\";b:1;}");
        site.delete(&path);
        site.assert_changes(&before, &[]);
        let again = site.post("/Users", json!({ "userName": "new.one" }));
        assert_ne!(again, path);
        site.delete(&again);
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn an_entry_that_is_no_role_is_not_made_one() {
    WORDPRESS.each(|site| {
        if !site.own {
            return;
        }
        let before = site.look();
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": site.id("user", "7") }] }]);
        let answer = site.client.patch(&site.group("shop_manager"), add);
        assert_eq!(answer.status, 400, "{answer}");
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn posts_of_a_deleted_user_are_the_heirs() {
    WORDPRESS.each(|site| {
        let (key, _) = somebody(site);
        site.delete(&site.user(key));
        assert_eq!(site.sql("post_author", "wp_posts where ID = 1"), ["1"]);
        assert_eq!(site.sql("umeta_id", &format!("wp_usermeta where user_id = {key}")), Vec::<String>::new());
    });
}

#[test]
fn a_text_that_is_no_php_is_left_alone() {
    WORDPRESS.each(|site| {
        let (key, role) = somebody(site);
        site.execute(&format!("update wp_usermeta set meta_value = 'a:1:{{' where user_id = {key} and meta_key = 'wp_capabilities'"));
        let before = site.look();
        assert_eq!(site.get(&site.user(key)).get("groups"), None);
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": site.id("user", key) }] }]);
        let answer = site.client.patch(&site.group(role), add);
        assert_eq!(answer.status, 409, "{answer}");
        site.assert_changes(&before, &[]);
        site.patch(&site.user(key), json!([{ "op": "add", "path": "title", "value": "T" }]));
    });
}
