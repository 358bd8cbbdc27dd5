//! Drupal's accounts on MariaDB: tables by language, fields in tables of their own, roles that each person keeps
//! and that lie as serialized PHP in columns of bytes.

use serde_json::json;

use super::harness::{Set, Site};
use crate::support::Backend;

const DRUPAL: Set = Set { name: "drupal", backend: Backend::MariaDb, variant: "" };

fn each(test: impl Fn(&Site)) {
    DRUPAL.each(test);
}

#[test]
fn everybody_reads_as_expected() {
    DRUPAL.reads_as_expected();
    each(|site| {
        assert_eq!(site.find("/Groups", "displayName eq \"RÉDAC & co\""), [site.id("group", "content_team")]);
        assert_eq!(
            site.find("/Users", "groups.display sw \"edit\""),
            [site.id("user", "2"), site.id("user", "3")]
        );
        assert_eq!(
            site.find("/Users", "name.givenName eq \"george\""),
            [""; 0],
            "not the account's language"
        );
        assert_eq!(site.find("/Users", "meta.created lt \"2023-11-14T22:15:01Z\"").len(), 4);
    });
}

#[test]
fn somebody_lives_and_goes() {
    each(|site| {
        let before = site.look();
        let path = site.post(
            "/Users",
            json!({ "userName": "zoë", "name": { "givenName": "Zoë" }, "active": true, "password": "Tr0ub4dor",
                "emails": [{ "value": "z@example.com", "type": "work" }],
                "phoneNumbers": [{ "value": "9" }, { "value": "8" }] }),
        );
        site.assert_changes(
            &before,
            &[
                "+ users[20]",
                "+ users_field_data[20,en]",
                "+ user__field_first_name[20,0,0,en]",
                "+ user__field_phones[20,0,2,en]",
                "+ user__field_phones[20,0,3,en]",
            ],
        );
        assert_eq!(
            site.sql(
                "concat_ws('|', langcode, preferred_langcode, name, mail, status, access, login, init, default_langcode)",
                "users_field_data where uid = 20"
            ),
            ["en|en|zoë|z@example.com|1|0|0|z@example.com|1"]
        );
        // The time is in seconds; the copy of a key that the database makes is there.
        let recent =
            "users_field_data where uid = 20 and abs(unix_timestamp() - created) < 600 and changed = created";
        assert_eq!(site.sql("pass like '$2y$10$%'", recent), ["1"]);
        assert_eq!(site.sql("revision_id", "user__field_phones where entity_id = 20"), ["20", "20"]);

        // What happens within one second bears one time.
        site.execute("update users_field_data set changed = changed - 60 where uid = 20");
        let before = site.look();
        site.patch(
            &path,
            json!([{ "op": "replace", "path": "active", "value": false }, { "op": "remove", "path": "name.givenName" },
                   { "op": "remove", "path": "phoneNumbers[value eq \"9\"]" }]),
        );
        site.assert_changes(
            &before,
            &[
                "users_field_data[20,en].status: 1 → 0",
                "users_field_data[20,en].changed: …",
                "- user__field_first_name[20,0,0,en]",
                "- user__field_phones[20,0,2,en]",
            ],
        );

        // Membership, from the group, of people who were there and of the new one.
        let group = site.group("content_team");
        let before = site.look();
        site.patch(
            &group,
            json!([{ "op": "add", "path": "members", "value": [{ "value": path.trim_start_matches("/Users/") },
                        { "value": site.id("user", "3") }] },
                   { "op": "remove", "path": format!("members[value eq \"{}\"]", site.id("user", "4")) }]),
        );
        site.assert_changes(
            &before,
            &["+ user__roles[20,0,2,en]", "+ user__roles[3,0,…,de]", "- user__roles[4,0,0,en]"],
        );
        assert_eq!(site.get(&group)["members"].as_array().unwrap().len(), 2);
        assert_eq!(
            site.sql("roles_target_id", "user__roles where entity_id = 20 and revision_id = 20"),
            ["content_team"]
        );

        let before = site.look();
        site.delete(&path);
        let gone = site.look().changes_since(&before);
        assert!(gone.iter().all(|line| line.starts_with("- ")) && gone.len() == 4, "{gone:#?}");
        assert_eq!(site.client.get(&path).status, 404);
    });
}

#[test]
fn a_role_is_configuration() {
    each(|site| {
        let before = site.look();
        let path = site.post(
            "/Groups",
            json!({ "displayName": "Neue Leute", "members": [{ "value": site.id("user", "5") }] }),
        );
        site.assert_changes(&before, &["+ config[,user.role.neue_leute]", "+ user__roles[5,0,2,en]"]);
        let data = site.sql("convert(data using utf8mb4)", "config where name = 'user.role.neue_leute'");
        assert!(
            data[0].contains("s:2:\"id\";s:10:\"neue_leute\";s:5:\"label\";s:10:\"Neue Leute\";"),
            "{data:?}"
        );
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Leute" }]));
        assert_eq!(site.get(&path)["members"][0]["value"], site.id("user", "5"));
        site.delete(&path);
        // Nobody may touch the role of those who administer.
        assert_eq!(site.find("/Groups", "displayName eq \"Administrator\""), [""; 0]);
        site.assert_changes(&before, &[]);
    });
}
