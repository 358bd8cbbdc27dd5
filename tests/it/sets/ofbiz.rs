//! OFBiz's party model on PostgreSQL: rows that begin and end, and keys from a table.

use serde_json::{Value as Json, json};

use super::harness::{Set, Site};
use crate::support::{Backend, Snapshot};

const OFBIZ: Set = Set { name: "ofbiz", backend: Backend::Postgres, variant: "" };
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Facts about the people that are there.
struct Facts {
    /// The party's next number, and the one after it.
    party: [&'static str; 2],
    /// The next number of a contact_mech.
    mech: u32,
    /// Name and number of two departments.
    dept: [(&'static str, &'static str); 2],
    /// Somebody who has people below.
    boss: &'static str,
    group: &'static str,
    /// How its columns change whenever the person changes.
    country: &'static str,
}

fn facts(site: &Site) -> Facts {
    if site.own {
        Facts {
            party: ["400", "410"],
            mech: 900,
            dept: [("Maps", "MAPS"), ("Printing", "PRINT")],
            boss: "301",
            group: "G_MAPS",
            country: "NO",
        }
    } else {
        Facts {
            party: ["10100", "10110"],
            mech: 20200,
            dept: [("Engineering", "DEPT01"), ("Education", "DEPT00")],
            boss: "10001",
            group: "G_ENG",
            country: "IE",
        }
    }
}

/// The lines that say that a row was changed, and when.
fn touched(row: &str) -> Vec<String> {
    ["last_updated_stamp", "last_updated_tx_stamp"].map(|c| format!("{row}.{c}: … → 2…")).to_vec()
}

/// The lines of a row that was closed.
fn closed(row: &str) -> Vec<String> {
    let mut lines = touched(row);
    lines.push(format!("{row}.thru_date: ∅ → 2…"));
    lines
}

/// The lines of a person of whom something was changed.
fn person_touched(party: &str) -> Vec<String> {
    let mut lines = touched(&format!("party[{party}]"));
    lines.push(format!("party[{party}].last_modified_date: … → 2…"));
    lines
}

fn assert_lines(site: &Site, before: &Snapshot, lines: &[Vec<String>]) {
    let lines: Vec<String> = lines.concat();
    site.assert_changes(before, &lines.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Makes a person with everything; gives the path.
fn newcomer(site: &Site) -> String {
    let facts = facts(site);
    site.post(
        "/Users",
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "userName": "vera.new", "externalId": "hr-77", "title": "Surveyor", "locale": "en-GB", "active": true,
            "name": { "givenName": "Vera", "familyName": "O'Neil" },
            "profileUrl": "https://vera.example/",
            "emails": [{ "value": "vera@maps.example", "type": "work" }, { "value": "v@home.example", "type": "other" }],
            "phoneNumbers": [{ "value": "+47 22 99 88 77", "type": "work" }, { "value": "call Vera", "type": "mobile" }],
            "addresses": [{ "type": "work", "streetAddress": "Elm 1", "locality": "Bergen", "country": facts.country }],
            ENTERPRISE: { "employeeNumber": "N-9", "department": facts.dept[0].0, "manager": { "value": site.id("user", facts.boss) } },
        }),
    )
}

#[test]
fn everybody_reads_as_expected() {
    OFBIZ.reads_as_expected();
}

#[test]
fn a_person_gets_a_row_in_each_table() {
    OFBIZ.each(|site| {
        let Facts { party: [party, next], mech, dept, boss, .. } = facts(site);
        let before = site.look();
        let path = newcomer(site);
        let mechs = (0..6).map(|n| format!("+ contact_mech[{}]", mech + 10 * n)).collect();
        let rows = [
            format!("+ party[{party}]"),
            format!("+ person[{party}]"),
            format!("+ party_role[{party},EMPLOYEE]"),
            "+ user_login[vera.new]".into(),
            format!("+ party_relationship[{},{party},INTERNAL_ORGANIZATIO,EMPLOYEE,2…]", dept[0].1),
            format!("+ party_relationship[{boss},{party},MANAGER,EMPLOYEE,2…]"),
            format!("sequence_value_item[Party].seq_id: {party} → {next}"),
            format!("sequence_value_item[ContactMech].seq_id: {mech} → {}", mech + 60),
        ];
        let of_kind = |kind: &str| format!("+ party_contact_mech_purpose[{party},…,{kind},2…]");
        let kinds =
            ["PRIMARY_EMAIL", "OTHER_EMAIL", "PHONE_WORK", "PHONE_MOBILE", "PRIMARY_LOCATION"].map(of_kind);
        let links = vec![format!("+ party_contact_mech[{party},…,2…]"); 6];
        let values = ["+ telecom_number[…]", "+ telecom_number[…]", "+ postal_address[…]"].map(str::to_owned);
        assert_lines(site, &before, &[mechs, rows.to_vec(), kinds.to_vec(), links, values.to_vec()]);
        let shown = site.get(&path);
        assert_eq!(shown["emails"].as_array().unwrap().len(), 2, "{shown}");
        assert_eq!(shown["externalId"], "hr-77");
        assert_eq!(shown["addresses"][0]["country"], facts(site).country);
        assert_eq!(shown[ENTERPRISE]["department"], dept[0].0);
        assert_eq!(
            site.sql(
                "country_code || '/' || area_code || '/' || contact_number",
                "telecom_number where contact_number like '99 88%'"
            ),
            ["47/22/99 88 77"]
        );
        // What reads as wanted is not written.
        let before = site.look();
        site.put(&path, shown);
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn another_value_closes_the_old_rows() {
    OFBIZ.each(|site| {
        let Facts { party: [party, _], mech, .. } = facts(site);
        let path = newcomer(site);
        let number = site.sql("contact_mech_id", "contact_mech where info_string = 'vera@maps.example'").remove(0);
        let next = mech + 60;
        let counted = vec![format!("sequence_value_item[ContactMech].seq_id: {next} → {}", next + 10)];
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "vera@new.example" }]));
        assert_lines(
            site,
            &before,
            &[
                closed(&format!("party_contact_mech[{party},{number},2…]")),
                closed(&format!("party_contact_mech_purpose[{party},{number},PRIMARY_EMAIL,2…]")),
                vec![
                    format!("+ contact_mech[{next}]"),
                    format!("+ party_contact_mech[{party},{next},2…]"),
                    format!("+ party_contact_mech_purpose[{party},{next},PRIMARY_EMAIL,2…]"),
                ],
                counted,
                person_touched(party),
            ],
        );
        for (value, found) in [("vera@new.example", 1), ("vera@maps.example", 0), ("v@home.example", 1)] {
            assert_eq!(site.find("/Users", &format!("emails.value eq \"{value}\"")).len(), found, "{value}");
        }
        // Another purpose is another row of it; the value stays.
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "phoneNumbers[type eq \"mobile\"].type", "value": "fax" }]));
        assert_lines(
            site,
            &before,
            &[
                closed(&format!("party_contact_mech_purpose[{party},…,PHONE_MOBILE,2…]")),
                vec![format!("+ party_contact_mech_purpose[{party},…,FAX_NUMBER,2…]")],
                person_touched(party),
            ],
        );
        // An element that goes is closed, and its value is history.
        let before = site.look();
        site.patch(&path, json!([{ "op": "remove", "path": "emails[type eq \"other\"]" }, { "op": "remove", "path": "profileUrl" }]));
        assert_lines(
            site,
            &before,
            &[
                closed(&format!("party_contact_mech[{party},…,2…]")),
                closed(&format!("party_contact_mech[{party},…,2…]")),
                closed(&format!("party_contact_mech_purpose[{party},…,OTHER_EMAIL,2…]")),
                person_touched(party),
            ],
        );
        assert_eq!(site.get(&path)["emails"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn jobs_and_bosses_begin_and_end() {
    OFBIZ.each(|site| {
        let Facts { party: [party, _], dept, boss, .. } = facts(site);
        let path = newcomer(site);
        let job = |dept: &str| format!("party_relationship[{dept},{party},INTERNAL_ORGANIZATIO,EMPLOYEE,2…]");
        let department = format!("{ENTERPRISE}:department");
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": department, "value": dept[1].0 }]));
        assert_lines(
            site,
            &before,
            &[closed(&job(dept[0].1)), vec![format!("+ {}", job(dept[1].1))], person_touched(party)],
        );
        assert_eq!(site.get(&path)[ENTERPRISE]["department"], dept[1].0);
        let before = site.look();
        site.patch(&path, json!([{ "op": "remove", "path": department }, { "op": "remove", "path": format!("{ENTERPRISE}:manager") }]));
        let report = format!("party_relationship[{boss},{party},MANAGER,EMPLOYEE,2…]");
        assert_lines(site, &before, &[closed(&job(dept[1].1)), closed(&report), person_touched(party)]);
        // A department that nobody knows is refused, and nothing is written.
        let before = site.look();
        let answer = site.client.patch(&path, json!([{ "op": "add", "path": department, "value": "Nowhere" }]));
        assert_eq!((answer.status, &answer.json["scimType"]), (400, &Json::from("invalidValue")), "{answer}");
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn whoever_becomes_a_boss_gets_the_role_for_it() {
    OFBIZ.each(|site| {
        let Facts { party: [party, _], .. } = facts(site);
        let path = newcomer(site);
        let boss = if site.own { "302" } else { "10002" };
        let report = |boss: &str| format!("party_relationship[{boss},{party},MANAGER,EMPLOYEE,2…]");
        let manager = json!([{ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": { "value": site.id("user", boss) } }]);
        let before = site.look();
        site.patch(&path, manager.clone());
        assert_lines(
            site,
            &before,
            &[
                vec![format!("+ party_role[{boss},MANAGER]"), format!("+ {}", report(boss))],
                closed(&report(facts(site).boss)),
                person_touched(boss),
                person_touched(party),
            ],
        );
        let before = site.look();
        site.patch(&path, manager);
        site.assert_changes(&before, &[]);
        let found = site.find("/Users", &format!("{ENTERPRISE}:manager.value eq \"{}\"", site.id("user", boss)));
        assert!(found.contains(&path.rsplit('/').next().unwrap().to_owned()), "{found:?}");
    });
}

#[test]
fn a_login_that_changes_takes_along_what_points_at_it() {
    OFBIZ.each(|site| {
        let (key, login) = if site.own { ("301", "nora") } else { ("10001", "aoife.obrien") };
        let path = site.user(key);
        let before = site.look();
        let sql = |what: &str, from: &str| site.sql(what, from);
        let hint = sql(
            "coalesce(current_password, '') || coalesce(password_hint, '')",
            &format!("user_login where user_login_id = '{login}'"),
        );
        let held = sql(
            "group_id || from_date || coalesce(thru_date::text, '')",
            &format!("user_login_security_group where user_login_id = '{login}' order by 1"),
        );
        let past = sql("from_date", &format!("user_login_history where user_login_id = '{login}'"));
        assert!(!held.is_empty());
        let shown = site.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "new.login" }]));
        assert_eq!(shown["userName"], "new.login");
        assert_eq!(shown["id"], site.id("user", key));
        assert_eq!(
            shown["groups"].as_array().map(Vec::len),
            site.get(&path)["groups"].as_array().map(Vec::len)
        );
        assert_eq!(
            sql(
                "coalesce(current_password, '') || coalesce(password_hint, '')",
                "user_login where user_login_id = 'new.login'"
            ),
            hint
        );
        assert_eq!(
            sql(
                "group_id || from_date || coalesce(thru_date::text, '')",
                "user_login_security_group where user_login_id = 'new.login' order by 1"
            ),
            held
        );
        assert_eq!(sql("from_date", "user_login_history where user_login_id = 'new.login'"), past);
        assert!(sql("user_login_id", &format!("user_login where user_login_id = '{login}'")).is_empty());
        // Nothing else has changed but the person's own stamps.
        let others = |line: &String| {
            !line.contains(login) && !line.contains("new.login") && !line.contains(&format!("party[{key}]"))
        };
        let others: Vec<String> = site.look().changes_since(&before).into_iter().filter(others).collect();
        assert!(others.is_empty(), "{others:?}");
        // Another person's login is refused.
        let taken = if site.own { "tomas" } else { "jgarcia" };
        let answer =
            site.client.patch(&path, json!([{ "op": "replace", "path": "userName", "value": taken }]));
        assert_eq!((answer.status, &answer.json["scimType"]), (409, &Json::from("uniqueness")), "{answer}");
    });
}

#[test]
fn what_only_the_end_of_the_transaction_refuses_is_refused() {
    OFBIZ.each(|site| {
        let key = if site.own { "303" } else { "10029" };
        // Another program has taken the role away that a job asks for: the foreign key is checked at COMMIT.
        site.execute(&format!("delete from party_relationship where party_id_to = '{key}' or party_id_from = '{key}'"));
        site.execute(&format!("delete from party_role where party_id = '{key}'"));
        let path = site.user(key);
        let before = site.look();
        let department = json!([{ "op": "add", "path": format!("{ENTERPRISE}:department"), "value": facts(site).dept[0].0 }]);
        let answer = site.client.patch(&path, department);
        assert_eq!((answer.status, &answer.json["scimType"]), (400, &Json::from("invalidValue")), "{answer}");
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn being_switched_off_and_on_writes_what_it_must() {
    OFBIZ.each(|site| {
        let Facts { party: [party, _], .. } = facts(site);
        let path = newcomer(site);
        let set =
            |truth: bool| site.patch(&path, json!([{ "op": "replace", "path": "active", "value": truth }]));
        let login = touched("user_login[vera.new]");
        let before = site.look();
        set(false);
        let off = [
            "user_login[vera.new].enabled: Y → N".to_owned(),
            "user_login[vera.new].disabled_date_time: ∅ → 2…".into(),
            format!("party[{party}].status_id: PARTY_ENABLED → PARTY_DISABLED"),
        ];
        assert_lines(site, &before, &[off.to_vec(), login.clone(), person_touched(party)]);
        let before = site.look();
        set(false);
        site.assert_changes(&before, &[]);
        assert!(
            site.find("/Users", "active eq false")
                .contains(&site.get(&path)["id"].as_str().unwrap().to_owned())
        );
        set(true);
        let on =
            site.sql("enabled", "user_login where user_login_id = 'vera.new' and disabled_date_time is null");
        assert_eq!(on, ["Y"]);
        // Whose mark says nothing is enabled, and stays so.
        let silent =
            site.sql("party_id", "user_login where enabled is null and party_id is not null").remove(0);
        let before = site.look();
        site.patch(&site.user(&silent), json!([{ "op": "replace", "path": "active", "value": true }]));
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn memberships_begin_and_end_on_either_side() {
    OFBIZ.each(|site| {
        let Facts { group, .. } = facts(site);
        let (path, group_path) = (newcomer(site), site.group(group));
        let id = path.rsplit('/').next().unwrap().to_owned();
        let link = format!("user_login_security_group[vera.new,{group},2…]");
        let of_group = touched(&format!("security_group[{group}]"));
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        let before = site.look();
        site.patch(&group_path, add.clone());
        assert_lines(site, &before, &[vec![format!("+ {link}")], of_group.clone()]);
        let before = site.look();
        site.patch(&group_path, add.clone());
        site.assert_changes(&before, &[]);
        assert_eq!(site.get(&path)["groups"][0]["value"], site.id("group", group));
        let before = site.look();
        site.patch(&group_path, json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }]));
        assert_lines(site, &before, &[closed(&link), of_group.clone()]);
        assert_eq!(site.get(&path)["groups"], Json::Null);
        // Once more, by the whole list: the row that ended stays, another one begins.
        let mut whole = site.get(&group_path);
        whole["members"].as_array_mut().unwrap().push(json!({ "value": id }));
        let before = site.look();
        site.put(&group_path, whole);
        assert_lines(site, &before, &[vec![format!("+ {link}")], of_group]);
        let name = site.get(&group_path)["displayName"].clone();
        let found = site.find("/Groups", &format!("displayName eq {name} and members.value eq \"{id}\""));
        assert_eq!(found, [site.id("group", group)]);
    });
}

#[test]
fn who_goes_is_switched_off_and_all_that_is_open_is_closed() {
    OFBIZ.each(|site| {
        let Facts { party: [party, next], group, .. } = facts(site);
        let path = newcomer(site);
        let id = path.rsplit('/').next().unwrap().to_owned();
        site.patch(&site.group(group), json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]));
        let before = site.look();
        site.delete(&path);
        let mut lines = vec![
            touched("user_login[vera.new]"),
            person_touched(party),
            vec![
                "user_login[vera.new].enabled: Y → N".to_owned(),
                "user_login[vera.new].disabled_date_time: ∅ → 2…".into(),
                format!("party[{party}].status_id: PARTY_ENABLED → PARTY_DISABLED"),
            ],
            closed(&format!("user_login_security_group[vera.new,{group},2…]")),
        ];
        lines.extend((0..6).map(|_| closed(&format!("party_contact_mech[{party},…,2…]"))));
        lines.extend((0..5).map(|_| closed(&format!("party_contact_mech_purpose[{party},…,…,2…]"))));
        lines.extend((0..2).map(|_| closed(&format!("party_relationship[…,{party},…,…,2…]"))));
        assert_lines(site, &before, &lines);
        assert_eq!(site.client.get(&path).status, 404);
        assert!(!site.find("/Users", "userName eq \"vera.new\"").contains(&id));
        // The login is taken for good; somebody else gets the next number.
        let again = site.client.post("/Users", &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "vera.new", "active": true }));
        assert_eq!((again.status, &again.json["scimType"]), (409, &Json::from("uniqueness")), "{again}");
        site.post("/Users", json!({ "userName": "vera.other", "active": true }));
        let taken = site.sql("party_id", "user_login where user_login_id = 'vera.other'");
        assert!(taken[0].as_str() >= next, "{taken:?}");
    });
}

#[test]
fn a_login_stays_when_nothing_is_left_of_it_but_its_name() {
    OFBIZ.each(|site| {
        let key = if site.own { "302" } else { "10001" };
        let path = site.user(key);
        let name = site.get(&path)["userName"].clone();
        site.execute(&format!("update user_login set current_password = null where party_id = '{key}'"));
        site.patch(
            &path,
            json!([{ "op": "remove", "path": "locale" }, { "op": "remove", "path": "timezone" }]),
        );
        assert_eq!(site.get(&path)["userName"], name);
    });
}
