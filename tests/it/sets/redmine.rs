//! Redmine's accounts on MariaDB, mapped with the documentation alone: `tests/fixtures/sql/redmine`.

use std::path::Path;

use serde_json::json;

use super::harness::{Set, Site};
use crate::support::Backend;

const REDMINE: Set = Set { name: "redmine", backend: Backend::MariaDb, variant: "" };
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn each(test: impl Fn(&Site)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql/redmine/mapping.toml");
    REDMINE.each_by(&mapping, test);
}

#[test]
fn everybody_reads_as_expected() {
    each(|site| {
        let wrong = site.differences();
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(site.find("/Users", "userName eq \"root\""), [""; 0], "administrators are out of reach");
        let five = [site.id("user", "5")];
        for filter in [
            "emails[primary eq true and value eq \"MIREK@example.org\"]",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"docs 🦄\"",
            "entitlements.value eq \"cellar\" and active eq true",
            "timezone sw \"Pra\"",
        ] {
            assert_eq!(site.find("/Users", filter), five, "{filter}");
        }
    });
}

#[test]
fn somebody_lives_and_goes() {
    each(|site| {
        let before = site.look();
        let head = site.id("user", "6");
        let path = site.post(
            "/Users",
            json!({ "userName": "Zoë", "name": { "givenName": "Zoë", "familyName": "O'Neil" }, "active": true,
                "timezone": "Oslo", "entitlements": [{ "value": "attic" }],
                "emails": [{ "value": "z@x.org", "type": "work", "primary": true }, { "value": "y@x.org" }],
                ENTERPRISE: { "department": "Ops", "manager": { "value": head } } }),
        );
        site.assert_changes(
            &before,
            &[
                "+ users[11]",
                "+ email_addresses[5]",
                "+ email_addresses[6]",
                "+ user_preferences[3]",
                "+ custom_values[9]",
                "+ custom_values[10]",
                "+ custom_values[11]",
            ],
        );
        assert_eq!(
            site.sql(
                "concat_ws('|', login, firstname, lastname, status, type, mail_notification, admin)",
                "users where id = 11"
            ),
            ["Zoë|Zoë|O'Neil|1|User|only_my_events|0"]
        );
        assert_eq!(
            site.sql("concat(address, is_default, notify)", "email_addresses where user_id = 11 order by id"),
            ["z@x.org11", "y@x.org01"]
        );
        assert_eq!(
            site.sql("concat(custom_field_id, value)", "custom_values where customized_id = 11 order by 1"),
            ["2Ops", "46", "5attic"]
        );
        let refused = site.client.post(
            "/Users",
            &json!({ "userName": "x", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "emails": [{ "value": "Z@X.org", "type": "work" }] }),
        );
        assert_eq!(refused.status, 409, "{refused}");

        // Locked and unlocked; who is only registered stays so while he is not active.
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(site.sql("status", "users where id = 11"), ["3"]);
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        assert_eq!(site.sql("status", "users where id = 11"), ["1"]);
        let before = site.look();
        site.patch(&site.user("7"), json!([{ "op": "replace", "path": "active", "value": false }]));
        site.assert_changes(&before, &[]);

        // Another address becomes the first; the rows stay, with what Redmine keeps in them.
        site.execute("update email_addresses set notify = 0 where id = 6");
        site.patch(&path, json!([{ "op": "replace", "path": "emails", "value": [
            { "value": "y@x.org", "type": "work", "primary": true }, { "value": "z@x.org", "type": "other" }] }]));
        assert_eq!(
            site.sql(
                "concat(id, address, is_default, notify)",
                "email_addresses where user_id = 11 order by id"
            ),
            ["5z@x.org01", "6y@x.org10"]
        );

        // Membership, from the group.
        let group = site.group("9");
        let member = json!([{ "op": "add", "path": "members", "value": [{ "value": path.trim_start_matches("/Users/") }] }]);
        site.patch(&group, member);
        assert_eq!(site.sql("user_id", "groups_users where group_id = 9"), ["11"]);
        assert_eq!(site.get(&path)["groups"][0]["display"], "Empty & Co");

        site.put(&path, json!({ "userName": "Zoë2", "active": true }));
        assert_eq!(site.sql("concat_ws('|', login, firstname, lastname)", "users where id = 11"), ["Zoë2||"]);
        assert_eq!(site.sql("value", "custom_values where customized_id = 11"), [""; 0]);

        site.delete(&path);
        for table in [
            "users where id = 11",
            "email_addresses where user_id = 11",
            "user_preferences where user_id = 11",
            "custom_values where customized_id = 11",
            "groups_users where user_id = 11",
        ] {
            assert_eq!(site.sql("1", table), [""; 0], "{table}");
        }
        assert_eq!(site.client.get(&path).status, 404);
        // Who has written issues stays.
        assert_eq!(site.client.delete(&site.user("5")).status, 409);
    });
}

#[test]
fn what_is_not_ours_stays() {
    each(|site| {
        let path = site.user("5");
        let before = site.look();
        site.patch(
            &path,
            json!([{ "op": "remove", "path": "entitlements[value eq \"front\"]" },
                   { "op": "add", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "S-5" },
                   { "op": "remove", "path": "timezone" }]),
        );
        site.assert_changes(
            &before,
            &[
                "- custom_values[5]",
                "custom_values[3].value:  → S-5",
                "user_preferences[2].time_zone: Prague → …",
                "users[5].updated_on: …",
            ],
        );
        let group = site.group("8");
        let before = site.look();
        site.put(&group, json!({ "displayName": "Writers" }));
        site.assert_changes(&before, &["- groups_users[group_id=8, user_id=5]", "users[8].updated_on: …"]);
    });
}
