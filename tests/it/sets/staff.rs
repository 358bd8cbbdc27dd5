//! A staff database with everything that makes names and values awkward, on PostgreSQL: `tests/fixtures/sql/staff`.

use std::path::Path;

use serde_json::json;

use super::harness::{Set, Site};
use crate::support::Backend;

const STAFF: Set = Set { name: "staff", backend: Backend::Postgres, variant: "" };
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn each(test: impl Fn(&Site)) {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql/staff/mapping.toml");
    STAFF.each_by(&mapping, test);
}

/// `to_char` of today, as the tables hold days.
fn today(site: &Site) -> String {
    site.sql("to_char(now() at time zone 'utc', 'YYYYMMDD')", "(select 1) as one").remove(0)
}

#[test]
fn everybody_reads_as_expected() {
    each(|site| {
        let wrong = site.differences();
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
        let ann = [site.id("user", "P 17")];
        for filter in [
            "userName eq \"ann LEE\"",
            "phoneNumbers[type eq \"home\" and value eq \"3\"]",
            "title eq \"senior clerk\" and active eq true",
            "groups.display eq \"editors\"",
        ] {
            assert_eq!(site.find("/Users", filter), ann, "{filter}");
        }
        assert_eq!(site.find("/Users", "title eq \"clerk\" or title eq \"future\""), [""; 0]);
    });
}

#[test]
fn somebody_lives_and_goes() {
    each(|site| {
        let (person, job) = (
            "\"HR Data\".\"Person\" where \"Pers No\" = 'P 20'",
            "\"HR Data\".\"Job\" where \"Pers No\" = 'P 20'",
        );
        let today = today(site);
        let path = site.post(
            "/Users",
            json!({ "userName": "zoë", "title": "Cook", "name": { "givenName": "Zoë", "familyName": "N" },
                "emails": [{ "type": "work", "value": "Z@X.org" }],
                "phoneNumbers": [{ "type": "work", "value": "7" }, { "type": "mobile", "value": "8" }],
                ENTERPRISE: { "department": "Sales", "costCenter": "C9", "manager": { "value": site.id("user", "00000001") } } }),
        );
        assert_eq!(
            site.sql("concat_ws('|', client, login, \"Full Name\", length(guid), mail, tel1, tel1_type, tel2, tel2_type)", person),
            ["100|CORP\\zoë|Zoë N|16|z@x.org|7|W|8|M"]
        );
        assert_eq!(
            site.sql(
                "concat_ws('|', entry_date, leave_date, active, unit, deputy, changed_by, kind)",
                person
            ),
            [format!("{today}|99991231|Y|SALES |00000001|scim|1")]
        );
        assert_eq!(
            site.sql("concat_ws('|', valid_from, valid_to, title, \"cost-center\")", job),
            [format!("{today}|99991231|Cook|C9")]
        );

        // Who leaves is gone from today on; who comes back has no end.
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(site.sql("concat(active, leave_date)", person), [format!("N{today}")]);
        site.patch(
            &path,
            json!([{ "op": "replace", "path": "active", "value": true },
                   { "op": "remove", "path": format!("{ENTERPRISE}:manager") },
                   { "op": "remove", "path": "phoneNumbers[type eq \"work\"]" }]),
        );
        assert_eq!(
            site.sql("concat_ws('|', active, leave_date, deputy, tel1, tel2)", person),
            ["Y|99991231|        |8"]
        );

        // A new title ends the job and begins another, on its day.
        let before = site.look();
        site.patch(&site.user("P 17"), json!([{ "op": "replace", "path": "title", "value": "Boss" }]));
        assert_eq!(
            site.sql(
                "concat_ws('|', valid_from, valid_to, title, \"cost-center\")",
                "\"HR Data\".\"Job\" where client = '100' and \"Pers No\" = 'P 17' order by 1"
            ),
            [
                "20100531|20181231|Clerk|CC 1".to_owned(),
                format!("20190101|{today}|Senior Clerk|CC 2"),
                format!("{today}|99991231|Boss|CC 2")
            ]
        );
        let changes = site.look().changes_since(&before);
        assert!(changes.iter().all(|line| !line.contains("client=200")), "{changes:#?}");

        let group = site.group("100");
        site.patch(
            &group,
            json!([{ "op": "add", "path": "members", "value": [{ "value": path.trim_start_matches("/Users/") }] },
                   { "op": "remove", "path": format!("members[value eq \"{}\"]", site.id("user", "P 17")) }]),
        );
        assert_eq!(
            site.sql(
                "concat_ws('|', client, \"Pers No\", \"granted by\")",
                "\"HR Data\".\"Person Role\" where role_no = 100 order by 1"
            ),
            ["100|P 20    |test", "100|SVC1    |seed", "200|P 17    |seed"]
        );

        site.delete(&path);
        assert_eq!(site.sql("1", person), [""; 0]);
        assert_eq!(site.sql("1", job), [""; 0]);
        // The login is free again. The number is not given to somebody else so soon.
        site.post("/Users", json!({ "userName": "zoë" }));
        assert_eq!(site.sql("1", person), [""; 0]);
        let next = "\"HR Data\".\"Person\" where \"Pers No\" = 'P 21'";
        assert_eq!(site.sql("login", next), ["CORP\\zoë"]);
    });
}
