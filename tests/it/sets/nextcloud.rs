//! Nextcloud's accounts on SQLite.

use serde_json::json;

use super::harness::Set;
use crate::support::Backend;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const NEXTCLOUD: Set = Set { name: "nextcloud", backend: Backend::Sqlite, variant: "" };

#[test]
fn everybody_reads_as_expected() {
    NEXTCLOUD.reads_as_expected();
}

#[test]
fn a_change_of_the_profile_keeps_the_rest_of_the_document() {
    NEXTCLOUD.each(|site| {
        let key = if site.own { "Greta" } else { "aoife.obrien" };
        let path = site.user(key);
        let data = || site.sql("data", &format!("oc_accounts where uid = '{key}'"))[0].clone();
        let (before, old) = (site.look(), data());
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Smith \"of\" Å" }]));
        let title = if site.own { "Physicist" } else { "Principal Engineer" };
        assert_eq!(data(), old.replace(&format!("\"{title}\""), "\"Smith \\\"of\\\" Å\""));
        site.assert_changes(
            &before,
            &[
                &format!("oc_accounts[{key}].data: …"),
                &format!("oc_accounts_data[…].value: {title} → Smith \"of\" Å"),
            ],
        );
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Smith \"of\" Å" }]));
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn a_user_lives_and_goes() {
    NEXTCLOUD.each(|site| {
        let before = site.look();
        let boss = if site.own { "bare" } else { "kim.lee" };
        let path = site.post(
            "/Users",
            json!({ "userName": "New.One", "displayName": "N'ew Öne", "active": true, "title": "Cook",
                "emails": [{ "value": "n@example.org", "type": "work", "primary": true }, { "value": "h@example.org", "type": "other" }],
                ENTERPRISE: { "department": "Kitchen", "manager": { "value": site.id("user", boss) } } }),
        );
        let data = || site.sql("data", "oc_accounts where uid = 'New.One'").remove(0);
        let field = |path: &str| site.sql(&format!("json_extract(data, '$.{path}')"), "oc_accounts where uid = 'New.One'");
        let pref = |app: &str, key: &str| {
            site.sql("configvalue", &format!("oc_preferences where userid = 'New.One' and appid = '{app}' and configkey = '{key}'"))
        };
        let mirror = |name: &str| site.sql("value", &format!("oc_accounts_data where uid = 'New.One' and name = '{name}'"));
        assert_eq!(site.sql("uid_lower", "oc_users where uid = 'New.One'"), ["new.one"]);
        assert_eq!((field("displayname.value"), field("role.value"), field("headline.value")), (vec!["N'ew Öne".to_owned()], vec!["Cook".to_owned()], vec!["Kitchen".to_owned()]));
        assert_eq!((field("role.scope"), field("avatar.scope"), field("phone.value")), (vec!["v2-local".to_owned()], vec!["v2-federated".to_owned()], vec![String::new()]));
        assert_eq!(field("additional_mail"), [r#"[{"scope":"v2-local","verified":"0","locallyVerified":"0","value":"h@example.org"}]"#]);
        assert_eq!((mirror("displayname"), mirror("email"), mirror("role")), (vec!["N'ew Öne".to_owned()], vec!["n@example.org".to_owned()], vec!["Cook".to_owned()]));
        assert_eq!((pref("settings", "email"), pref("settings", "manager")), (vec!["n@example.org".to_owned()], vec![format!("[\"{boss}\"]")]));
        let made = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(pref("core", "enabled"), ["false"]);
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        assert_eq!(site.get(&path)["active"], json!(true));
        assert!(["", "true"].contains(&pref("core", "enabled").first().map_or("", String::as_str)));
        drop(made);
        // An address goes, another comes: what is not named stays.
        site.patch(&path, json!([
            { "op": "add", "path": "emails", "value": [{ "value": "i@example.org", "type": "other" }] },
            { "op": "remove", "path": "emails[value eq \"h@example.org\"]" },
            { "op": "remove", "path": "title" },
        ]));
        assert_eq!(field("additional_mail[0].value"), ["i@example.org"]);
        assert_eq!(field("role.value"), [""]);
        assert!(data().contains("\"profile_enabled\":{\"value\":\"1\""), "{}", data());
        let refused = site.client.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "other" }]));
        assert_eq!(refused.status, 400, "{refused}");
        let group = site.group(if site.own { "crew" } else { "ext-ops" });
        let id = path.rsplit('/').next().unwrap();
        site.patch(&group, json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]));
        assert_eq!(site.get(&path)["groups"].as_array().map(Vec::len), Some(1));
        site.put(&path, json!({ "userName": "New.One", "displayName": "New", "active": true }));
        assert_eq!((field("displayname.value"), pref("settings", "email"), field("headline.value")), (vec!["New".to_owned()], Vec::<String>::new(), vec![String::new()]));
        let twin = site.client.post("/Users", &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new.one" }));
        assert_eq!(twin.status, 409, "{twin}");
        site.delete(&path);
        site.assert_changes(&before, &[]);
        let again = site.post("/Users", json!({ "userName": "New.One", "displayName": "Again" }));
        site.delete(&again);
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn an_empty_document_starts_from_the_skeleton() {
    NEXTCLOUD.each(|site| {
        // An empty text, and no row at all.
        for key in if site.own { ["empty@x", "bare"] } else { ["tom.jerry", "pat.disabled"] } {
            site.patch(&site.user(key), json!([{ "op": "add", "path": "title", "value": "Cook" }]));
            let field = |path: &str| {
                site.sql(
                    &format!("json_extract(data, '$.{path}')"),
                    &format!("oc_accounts where uid = '{key}'"),
                )
            };
            assert_eq!(
                (field("role.value"), field("avatar.scope")),
                (vec!["Cook".to_owned()], vec!["v2-federated".to_owned()])
            );
            assert_eq!(
                site.find("/Users", "title eq \"cook\" and userName pr").len(),
                if key == "bare" || key == "pat.disabled" { 2 } else { 1 }
            );
        }
    });
}

#[test]
fn a_deleted_user_is_nobodys_manager_any_more() {
    NEXTCLOUD.each(|site| {
        let (key, boss, left) =
            if site.own { ("Greta", "bare", "[\"empty@x\"]") } else { ("aoife.obrien", "kim.lee", "[]") };
        site.delete(&site.user(boss));
        let stored = site
            .sql("configvalue", &format!("oc_preferences where userid = '{key}' and configkey = 'manager'"));
        assert_eq!(stored, [left]);
        assert_eq!(site.sql("uid", &format!("oc_group_user where uid = '{boss}'")), Vec::<String>::new());
    });
}

#[test]
fn a_preference_is_added_beside_one_that_holds_a_document() {
    NEXTCLOUD.each(|site| {
        if !site.own {
            return;
        }
        let path = site.user("Greta");
        site.execute("delete from oc_preferences where userid = 'Greta' and configkey = 'timezone'");
        let before = site.look();
        site.patch(&path, json!([{ "op": "add", "path": "timezone", "value": "Europe/Oslo" }]));
        site.assert_changes(&before, &["+ oc_preferences[Greta,core,timezone]"]);
    });
}
