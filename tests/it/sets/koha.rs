//! Koha's patrons on MariaDB.

use serde_json::json;

use super::harness::{Set, Site, holds};
use crate::support::Backend;

const KOHA: Set = Set { name: "koha", backend: Backend::MariaDb, variant: "" };
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Somebody with flags that nobody has named, somebody with a loan, and a list with its number of members.
struct Known {
    rich: &'static str,
    title: &'static str,
    flags: i64,
    reader: &'static str,
    list: &'static str,
    staff: &'static str,
}

fn known(site: &Site) -> Known {
    match site.own {
        true => Known {
            rich: "11",
            title: "Head of Maps",
            flags: 518 + (1 << 30),
            reader: "17",
            list: "1",
            staff: "11",
        },
        false => Known {
            rich: "51",
            title: "Principal Engineer",
            flags: 518,
            reader: "52",
            list: "1",
            staff: "55",
        },
    }
}

/// The given people lack the gateway's own patron.
fn with_clerk(site: &Site) {
    if !site.own {
        site.execute(
            "insert into borrowers (borrowernumber, userid, branchcode, categorycode) values (1, 'scimgate', 'CPL', 'S')",
        );
    }
}

fn day(site: &Site, expression: &str) -> String {
    site.sql(expression, "userflags where bit = 0").remove(0)
}

#[test]
fn everybody_reads_as_expected() {
    KOHA.reads_as_expected();
}

#[test]
fn a_change_touches_what_it_is_about() {
    KOHA.each(|site| {
        let known = known(site);
        let (key, title) = (known.rich, known.title);
        let path = site.user(key);
        let touched = format!("borrowers[{key}].updated_on: …");
        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        let sort = format!("borrowers[{key}].sort1: {title} → Cook");
        site.assert_changes(&before, &[&sort, &touched]);

        let before = site.look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        site.put(&path, site.get(&path));
        site.assert_changes(&before, &[]);
        assert_eq!(site.find("/Users", "title eq \"cook\""), [site.id("user", key)]);

        // One address of three, and the manager's login in a row of its own.
        let before = site.look();
        site.patch(
            &path,
            json!([
                { "op": "replace", "path": "emails[type eq \"home\"].value", "value": "new@home.example" },
                { "op": "remove", "path": format!("{ENTERPRISE}:manager") },
                { "op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1 Long Lane" },
            ]),
        );
        let changes = site.look().changes_since(&before);
        let about = ["B_email: ", "address: ", "address2: ", "streetnumber: ", "streettype: ", "updated_on: "];
        for change in &changes {
            let mine = about.iter().any(|column| change.starts_with(&format!("borrowers[{key}].{column}")));
            assert!(mine || change.starts_with("- borrower_attributes["), "{changes:#?}");
        }
        assert_eq!(changes.iter().filter(|c| c.starts_with("- ")).count(), 1, "{changes:#?}");
        assert_eq!(site.sql("address", &format!("borrowers where borrowernumber = {key}")), ["1 Long Lane"]);
    });
}

#[test]
fn rights_are_bits_and_others_stay() {
    KOHA.each(|site| {
        let known = known(site);
        let path = site.user(known.rich);
        let flags =
            |site: &Site| site.sql("flags", &format!("borrowers where borrowernumber = {}", known.rich));
        site.patch(&path, json!([{ "op": "add", "path": "roles", "value": [{ "value": "far_bit" }] }]));
        assert_eq!(flags(site), [(known.flags + (1 << 40)).to_string()]);
        site.patch(&path, json!([{ "op": "remove", "path": "roles[value eq \"circulate\"]" }]));
        assert_eq!(flags(site), [(known.flags + (1 << 40) - 2).to_string()]);
        assert!(site.find("/Users", "roles.value eq \"far_bit\"").contains(&site.id("user", known.rich)));
        site.patch(&path, json!([{ "op": "remove", "path": "roles" }]));
        assert_eq!(flags(site), [(known.flags - 518).to_string()], "unnamed bits are not ours");

        let before = site.look();
        let answer = site
            .client
            .patch(&path, json!([{ "op": "add", "path": "roles", "value": [{ "value": "king" }] }]));
        assert_eq!(
            (answer.status, answer.json["scimType"].as_str()),
            (400, Some("invalidValue")),
            "{answer}"
        );
        assert!(answer.json["detail"].as_str().unwrap().contains("roles"), "{answer}");
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn a_patron_comes_and_goes() {
    KOHA.each(|site| {
        with_clerk(site);
        let before = site.look();
        let path = site.post("/Users", json!({ "userName": "new.reader", "name": { "givenName": "Neo", "familyName": "Reader" } }));
        let key = site.sql("borrowernumber", "borrowers where userid = 'new.reader'").remove(0);
        site.assert_changes(&before, &[&format!("+ borrowers[{key}]")]);
        let row = |expression: &str| site.sql(expression, &format!("borrowers where borrowernumber = {key}"));
        // The look-ups' own defaults, and a year that the category gives.
        assert_eq!(row("concat(categorycode, branchcode, lang, privacy)"), ["PTCPLdefault1"]);
        assert_eq!(row("dateenrolled"), [day(site, "utc_date()")]);
        assert_eq!(row("dateexpiry"), [day(site, "utc_date() + interval 12 month")]);
        holds(&site.get(&path), &json!({ "active": true, "userType": "Patron", "displayName": "Neo Reader", "emails": null }));

        // Off and on again; who is on already is left alone.
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(row("dateexpiry"), [day(site, "utc_date() - interval 1 day")]);
        site.execute(&format!("update borrowers set debarred = '9999-12-31' where borrowernumber = {key}"));
        site.patch(&path, json!([{ "op": "replace", "value": { "active": "True", "userType": "Staff" } }]));
        assert_eq!(row("dateexpiry"), [day(site, "utc_date() + interval 99 month")], "of the new category");
        assert_eq!(row("debarred"), Vec::<String>::new());
        assert!(site.find("/Users", "active eq true").contains(&path["/Users/".len()..].to_owned()));

        // PUT leaves nothing of what it does not say, but for what the row cannot be without.
        site.put(&path, json!({ "userName": "renamed.reader", "active": true, ENTERPRISE: { "employeeNumber": "C-99", "department": "R&D" } }));
        assert_eq!(row("concat(userid, cardnumber, categorycode)"), ["renamed.readerC-99PT"]);
        assert_eq!(row("coalesce(firstname, surname, email, 'none')"), ["none"]);
        assert_eq!(site.sql("concat(code, attribute)", &format!("borrower_attributes where borrowernumber = {key}")), ["DEPTR&D"]);
        site.patch(&path, json!([{ "op": "remove", "path": format!("{ENTERPRISE}:employeeNumber") }]));
        assert_eq!(row("ifnull(cardnumber, 'NULL')"), ["NULL"], "empty text would collide");
        site.patch(&path, json!([{ "op": "replace", "path": "password", "value": "s3cret" }]));
        assert!(row("password")[0].starts_with("$2a$08$"));
        assert!(!site.log().contains("s3cret"));

        // Deleted: moved with every column, and the login is free again.
        let whole = row("concat_ws('|', userid, categorycode, branchcode, dateexpiry, updated_on, password, checkprevcheckout)");
        let before = site.look();
        site.delete(&path);
        site.assert_changes(
            &before,
            &[&format!("+ deletedborrowers[{key}]"), &format!("- borrowers[{key}]"), "- borrower_attributes[…]"],
        );
        let moved = "concat_ws('|', userid, categorycode, branchcode, dateexpiry, updated_on, password, checkprevcheckout)";
        assert_eq!(site.sql(moved, &format!("deletedborrowers where borrowernumber = {key}")), whole);
        assert_eq!(site.client.get(&path).status, 404);
        let again = site.post("/Users", json!({ "userName": "renamed.reader", "active": true }));
        assert_ne!(again, path);
    });
}

#[test]
fn who_has_books_or_lists_is_not_deleted() {
    KOHA.each(|site| {
        let reader = site.user(known(site).reader);
        let owner = site.user(if site.own { "11" } else { "73" });
        let before = site.look();
        for path in [reader, owner] {
            assert_eq!(site.client.delete(&path).status, 409);
        }
        site.assert_changes(&before, &[]);
        // A case twin of a login, which the column's collation would call equal.
        let taken = site.get(&site.user(known(site).rich))["userName"].as_str().unwrap().to_uppercase();
        let answer = site.client.post(
            "/Users",
            &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": taken }),
        );
        assert_eq!((answer.status, answer.json["scimType"].as_str()), (409, Some("uniqueness")), "{answer}");
        site.assert_changes(&before, &[]);
    });
}

#[test]
fn lists_are_groups() {
    KOHA.each(|site| {
        with_clerk(site);
        let known = known(site);
        let member = site.id("user", known.staff);
        let before = site.look();
        let path = site.post("/Groups", json!({ "displayName": "Zine club", "members": [{ "value": member }] }));
        let key = site.sql("patron_list_id", "patron_lists where name = 'Zine club'").remove(0);
        site.assert_changes(&before, &[&format!("+ patron_lists[{key}]"), "+ patron_list_patrons[…]"]);
        assert_eq!(site.sql("concat(owner, shared)", &format!("patron_lists where patron_list_id = {key}")), ["11"]);
        let groups = site.get(&site.user(known.staff))["groups"].clone();
        assert!(groups.as_array().unwrap().iter().any(|g| g["display"] == "Zine club"), "{groups}");

        // Nothing keeps a link from being there twice but us, also when many say the same at once.
        let link = json!([{ "op": "add", "path": "members", "value": [{ "value": site.id("user", known.reader) }] }]);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| site.patch(&path, link.clone()));
            }
        });
        let links = |site: &Site| site.sql("borrowernumber", &format!("patron_list_patrons where patron_list_id = {key} order by 1"));
        let mut both = [known.staff, known.reader].map(str::to_owned);
        both.sort_unstable();
        assert_eq!(links(site), both);
        site.patch(&path, json!([{ "op": "remove", "path": format!("members[value eq \"{member}\"]") }, { "op": "replace", "path": "displayName", "value": "Zines" }]));
        assert_eq!(links(site), [known.reader]);
        assert_eq!(site.find("/Groups", &format!("members.value eq \"{}\"", site.id("user", known.reader))).len(), site.get(&site.user(known.reader))["groups"].as_array().unwrap().len());

        // A private list of the same name is no group, and nobody's business.
        let name = site.get(&site.group(known.list))["displayName"].clone();
        assert_eq!(site.find("/Groups", &format!("displayName eq {name}")).len(), 1);
        let before = site.look();
        site.delete(&path);
        site.assert_changes(&before, &[&format!("- patron_lists[{key}]"), "- patron_list_patrons[…]"]);
    });
}
