//! A university's people in OpenLDAP, where no overlay keeps names and memberships in step.

use std::{fs, path::Path};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{
    harness::{Set, Site, holds},
    patches::Neo,
};
use crate::support::Backend;

const EDUPERSON: Set = Set { name: "eduperson", backend: Backend::OpenLdap, variant: "" };
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const SUFFIX: &str = "dc=univ,dc=example,dc=edu";

/// Somebody with names in two scripts, somebody whose entry is named by two attributes, units and groups.
struct Known {
    rich: &'static str,
    tagged: &'static str,
    two: &'static str,
    two_name: (&'static str, &'static str),
    unit: (&'static str, &'static str),
    group: &'static str,
    dynamic: &'static str,
    searched: &'static str,
}

fn known(site: &Site) -> Known {
    match site.own {
        true => Known {
            rich: "eleni",
            tagged: "el",
            two: "two",
            two_name: ("Thea Two-Names", "22"),
            unit: ("R+D", "R\\2BD"),
            group: "univ:hills",
            dynamic: "univ:staff-dyn",
            searched: "staff",
        },
        false => Known {
            rich: "zmueller",
            tagged: "de",
            two: "bjensen",
            two_name: ("Barbara Jensen", "701984"),
            unit: ("Ops, Night-Shift", "Ops\\2C Night-Shift"),
            group: "univ:eng",
            dynamic: "univ:faculty-dyn",
            searched: "faculty",
        },
    }
}

fn person(uid: &str) -> String {
    format!("uid={uid},ou=people,{SUFFIX}")
}

fn group(cn: &str) -> String {
    format!("cn={cn},ou=groups,{SUFFIX}")
}

/// The values of an attribute of an entry, which must be there.
fn values(site: &Site, dn: &str, attribute: &str) -> Vec<String> {
    site.directory().values(dn, attribute).unwrap_or_else(|| panic!("there is no {dn}"))
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[test]
fn everybody_reads_as_expected() {
    EDUPERSON.reads_as_expected();
}

#[test]
fn names_in_other_scripts_stay_and_are_not_found() {
    EDUPERSON.each(|site| {
        let known = known(site);
        let (path, dn) = (site.user(known.rich), person(known.rich));
        let tagged = format!("displayName;lang-{}", known.tagged);
        let other = values(site, &dn, &tagged);
        assert_eq!(other.len(), 1, "{tagged}");
        let before = site.directory().look();
        let shown = values(site, &dn, "displayName").remove(0);
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Another Name" }]));
        site.assert_entries(
            &before,
            &[
                &format!("{dn}: - displayName: {shown}"),
                &format!("{dn}: + displayName: Another Name"),
                &format!("{dn}: - cn: {shown}"),
                &format!("{dn}: + cn: Another Name"),
            ],
        );
        let filter = format!("displayName eq \"{}\"", other[0].replace('"', "\\\""));
        assert_eq!(site.find("/Users", &filter), Vec::<String>::new(), "the directory finds {filter}");

        // Without a value of its own the attribute is not there, whatever other scripts have.
        site.patch(&path, json!([{ "op": "remove", "path": "displayName" }]));
        assert_eq!(values(site, &dn, "displayName"), Vec::<String>::new());
        assert_eq!(values(site, &dn, &tagged), other);
        assert_eq!(values(site, &dn, "cn"), [known.rich], "what names the person then");
        let found = site.find("/Users", "not (displayName pr)");
        assert_eq!(found, [site.id("user", known.rich)]);
        assert!(!site.find("/Users", "displayName pr").contains(&found[0]));
        assert_eq!(site.find("/Users", "displayName eq null"), found);

        // The first language changes, what is said of others stays behind it.
        let languages = values(site, &dn, "preferredLanguage").remove(0);
        let (_, rest) = languages.split_once(',').unwrap();
        site.patch(&path, json!([{ "op": "replace", "path": "preferredLanguage", "value": "fr" }]));
        assert_eq!(values(site, &dn, "preferredLanguage"), [format!("fr,{rest}")]);
        let before = site.directory().look();
        site.put(&path, site.get(&path));
        site.assert_entries(&before, &[]);
    });
}

#[test]
fn copies_and_units_follow() {
    EDUPERSON.each(|site| {
        let known = known(site);
        let (path, dn) = (site.user(known.rich), person(known.rich));
        let before = site.directory().look();
        let old = values(site, &dn, "eduPersonPrimaryOrgUnitDN").remove(0);
        let (unit, escaped) = known.unit;
        let department = format!("{ENTERPRISE}:department");
        site.patch(&path, json!([{ "op": "replace", "path": department, "value": unit }]));
        let new = values(site, &dn, "eduPersonPrimaryOrgUnitDN").remove(0);
        site.assert_entries(
            &before,
            &[
                &format!("{dn}: - eduPersonPrimaryOrgUnitDN: {old}"),
                &format!("{dn}: - eduPersonOrgUnitDN: {old}"),
                &format!("{dn}: + eduPersonPrimaryOrgUnitDN: {new}"),
                &format!("{dn}: + eduPersonOrgUnitDN: {new}"),
            ],
        );
        assert!(new.starts_with(&format!("ou={escaped},")), "{new}");
        holds(&site.get(&path), &json!({ (ENTERPRISE): { "department": unit } }));
        assert!(
            site.find("/Users", &format!("{department} eq \"{unit}\""))
                .contains(&site.id("user", known.rich))
        );
        let answer =
            site.client.patch(&path, json!([{ "op": "replace", "path": department, "value": "Nowhere" }]));
        assert_eq!(
            (answer.status, answer.json["scimType"].as_str()),
            (400, Some("invalidValue")),
            "{answer}"
        );
        assert!(answer.json["detail"].as_str().unwrap().contains("department"), "{answer}");
        site.patch(&path, json!([{ "op": "remove", "path": department }]));
        assert_eq!(values(site, &dn, "eduPersonOrgUnitDN"), Vec::<String>::new());

        // One copy for each value.
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "add", "path": "roles", "value": [{ "value": "affiliate" }] }]));
        site.assert_entries(
            &before,
            &[
                &format!("{dn}: + eduPersonAffiliation: affiliate"),
                &format!("{dn}: + eduPersonScopedAffiliation: affiliate@univ.example.edu"),
            ],
        );
        site.patch(&path, json!([{ "op": "remove", "path": "roles[value eq \"affiliate\"]" }]));
        site.assert_entries(&before, &[]);

        // A copy that another university has given stays beside ours.
        let neo = site.post("/Users", json!({ "userName": "neo@univ.example.edu", "name": { "familyName": "N" } }));
        let at = person("neo");
        site.directory().modify(&format!(
            "dn: {at}\nchangetype: modify\nadd: eduPersonScopedAffiliation\neduPersonScopedAffiliation: member@other.edu\n"
        ));
        site.patch(&neo, json!([{ "op": "add", "path": "roles", "value": [{ "value": "staff" }] }]));
        let mut copies = values(site, &at, "eduPersonScopedAffiliation");
        copies.sort();
        assert_eq!(copies, ["member@other.edu", "staff@univ.example.edu"]);
    });
}

#[test]
fn an_entry_named_by_two_attributes_stays_so() {
    EDUPERSON.each(|site| {
        let known = known(site);
        let (path, (cn, number)) = (site.user(known.two), known.two_name);
        let dn = format!("cn={cn}+employeeNumber={number},ou=people,{SUFFIX}");
        let others = values(site, &dn, "cn");
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Guide" }]));
        assert_eq!(values(site, &dn, "title"), ["Guide"]);
        // A number that names the entry: it is renamed.
        site.patch(
            &path,
            json!([{ "op": "replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "9+9" }]),
        );
        let found = site.directory().search(&format!("(uid={})", known.two)).remove(0);
        assert!(found.dn.starts_with(&format!("cn={cn}+employeeNumber=9")), "{}", found.dn);
        assert_eq!(values(site, &found.dn, "employeeNumber"), ["9+9"]);
        assert_eq!(values(site, &found.dn, "cn"), others);
        // So is a new name; the other value of `cn` stays.
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Thea Three" }]));
        let found = site.directory().search(&format!("(uid={})", known.two)).remove(0);
        assert!(found.dn.starts_with("cn=Thea Three+employeeNumber=9"), "{}", found.dn);
        let mut expected: Vec<String> = others.into_iter().filter(|v| v != cn).collect();
        expected.push("Thea Three".to_owned());
        expected.sort();
        assert_eq!(values(site, &found.dn, "cn"), expected);
        // Off and on again keeps both names.
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        let found = site.directory().search(&format!("(uid={})", known.two)).remove(0);
        assert!(found.dn.starts_with("cn=Thea Three+") && found.dn.contains("ou=inactive"), "{}", found.dn);
        holds(&site.get(&path), &json!({ "active": false }));
        assert!(site.find("/Users", "active eq false").contains(&site.id("user", known.two)));
        assert!(!site.find("/Users", "active eq true").contains(&site.id("user", known.two)));
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        site.assert_entries(&before, &[]);
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        holds(&site.get(&path), &json!({ "active": true }));
    });
}

#[test]
fn memberships_lie_on_both_sides() {
    EDUPERSON.each(|site| {
        let known = known(site);
        let (path, at) = (site.group(known.group), group(known.group));
        let neo = site.post("/Users", json!({
            "userName": "neo@univ.example.edu", "name": { "givenName": "Neo" }, "roles": [{ "value": "student" }],
        }));
        let dn = person("neo");
        assert_eq!(values(site, &dn, "eduPersonPrincipalName"), ["neo@univ.example.edu"]);
        assert_eq!(values(site, &dn, "eduPersonScopedAffiliation"), ["student@univ.example.edu"]);
        let unique = values(site, &dn, "eduPersonUniqueId").remove(0);
        let digits = unique.strip_suffix("@univ.example.edu").unwrap();
        assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{unique}");

        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": id(&neo) }] }]));
        site.assert_entries(&before, &[
            &format!("{dn}: + isMemberOf: {}", known.group),
            &format!("{at}: + hasMember: neo"),
        ]);
        holds(&site.get(&neo), &json!({ "groups": [{ "value": site.id("group", known.group), "type": "direct" }] }));
        let steady = site.directory().look();
        site.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": id(&neo) }] }]));
        site.assert_entries(&steady, &[]);

        // A new login is followed by who names it.
        site.patch(&neo, json!([{ "op": "replace", "path": "userName", "value": "trinity@univ.example.edu" }]));
        let renamed = person("trinity");
        assert!(values(site, &at, "hasMember").contains(&"trinity".to_owned()));
        assert!(!values(site, &at, "hasMember").contains(&"neo".to_owned()));
        assert_eq!(values(site, &renamed, "eduPersonPrincipalName"), ["trinity@univ.example.edu"]);
        assert_eq!(values(site, &renamed, "isMemberOf"), [known.group]);

        // Others' memberships and members that are nobody's stay, through a replacement of the list, too.
        site.directory().modify(&format!(
            "dn: {renamed}\nchangetype: modify\nadd: isMemberOf\nisMemberOf: other:club\n\n\
             dn: {at}\nchangetype: modify\nadd: hasMember\nhasMember: nobody.knows\n"
        ));
        let before = site.directory().look();
        let mut wanted = site.get(&path);
        let members = wanted["members"].as_array_mut().unwrap();
        members.retain(|member| member["value"] != id(&neo));
        site.put(&path, wanted);
        site.assert_entries(&before, &[
            &format!("{renamed}: - isMemberOf: {}", known.group),
            &format!("{at}: - hasMember: trinity"),
        ]);

        // Who goes is taken out of the groups; who comes again starts anew.
        site.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": id(&neo) }] }]));
        let before = site.directory().look();
        site.delete(&neo);
        site.assert_entries(&before, &[&format!("- {renamed}"), &format!("{at}: - hasMember: trinity")]);
        let again = site.post("/Users", json!({ "userName": "trinity@univ.example.edu", "name": { "familyName": "T" } }));
        assert_ne!(again, neo);
        site.delete(&again);
    });
}

#[test]
fn a_group_comes_and_goes() {
    EDUPERSON.each(|site| {
        let known = known(site);
        let rich = site.id("user", known.rich);
        let before = site.directory().look();
        let path =
            site.post("/Groups", json!({ "displayName": "Night & Day", "members": [{ "value": rich }] }));
        let found = site.directory().search("(description=Night & Day)").remove(0);
        let cn = values(site, &found.dn, "cn").remove(0);
        assert!(cn.starts_with("univ:night"), "{cn}");
        site.assert_entries(
            &before,
            &[&format!("+ {}", found.dn), &format!("{}: + isMemberOf: {cn}", person(known.rich))],
        );
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Dusk" }]));
        assert_eq!(values(site, &found.dn, "description"), ["Dusk"]);
        assert_eq!(values(site, &found.dn, "cn"), [cn.as_str()], "the key stays");
        site.delete(&path);
        site.assert_entries(&before, &[]);
    });
}

#[test]
fn a_search_says_who_is_a_member() {
    EDUPERSON.each(|site| {
        let known = known(site);
        let (path, at) = (site.group(known.dynamic), group(known.dynamic));
        let neo =
            site.post("/Users", json!({ "userName": "neo@univ.example.edu", "name": { "familyName": "N" } }));
        let is_in = |site: &Site| {
            let members = site.get(&path)["members"].clone();
            members.as_array().into_iter().flatten().any(|m| m["value"] == id(&neo))
        };
        assert!(!is_in(site));
        site.patch(&neo, json!([{ "op": "add", "path": "roles", "value": [{ "value": known.searched }] }]));
        assert!(is_in(site), "by its role alone");
        let groups = site.get(&neo)["groups"].clone();
        holds(&groups, &json!([{ "value": site.id("group", known.dynamic), "type": "indirect" }]));
        assert!(
            site.find("/Groups", &format!("members.value eq \"{}\"", id(&neo)))
                .contains(&site.id("group", known.dynamic))
        );

        // What is read can be sent back; a member of a search is nobody's to remove.
        let steady = site.directory().look();
        site.put(&path, site.get(&path));
        let bare = |member: &Json| json!({ "value": member["value"] });
        let mut whole = site.get(&path);
        whole["members"] = whole["members"].as_array().unwrap().iter().map(bare).collect();
        site.put(&path, whole);
        let operations = json!([{ "op": "add", "path": "members", "value": [{ "value": id(&neo) }] }]);
        site.patch(&path, operations);
        site.assert_entries(&steady, &[]);
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Renamed" }]));
        assert_eq!(values(site, &at, "description"), ["Renamed"]);
        assert_eq!(values(site, &at, "hasMember"), Vec::<String>::new());
        // Somewhere else than the search looks, nobody is found.
        site.patch(&neo, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert!(!is_in(site));
    });
}

/// What a request has changed before one of its steps is refused is taken back.
#[test]
fn a_change_that_fails_half_way_is_taken_back() {
    EDUPERSON.each(|site| {
        let known = known(site);
        let (path, at, dn) = (site.group(known.dynamic), group(known.dynamic), person(known.rich));
        let member = site.id("user", known.rich);
        let class = |verb: &str| {
            site.directory().modify(&format!(
                "dn: {at}\nchangetype: modify\n{verb}: objectClass\nobjectClass: eduMember\n"
            ));
        };
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": member }] }]);
        // Whom the search finds already is no new member.
        let role = format!("roles[value eq \"{}\"]", known.searched);
        site.patch(&site.user(known.rich), json!([{ "op": "remove", "path": role }]));
        class("delete");
        let before = site.directory().look();
        let answer = site.client.patch(&path, add.clone());
        assert_eq!(answer.status, 400, "{answer}");
        site.assert_entries(&before, &[]);
        assert!(!site.get(&path)["members"].to_string().contains(&member));
        class("add");
        let before = site.directory().look();
        site.patch(&path, add);
        site.assert_entries(
            &before,
            &[
                &format!("{dn}: + isMemberOf: {}", known.dynamic),
                &format!("{at}: + hasMember: {}", known.rich),
            ],
        );
        assert!(site.get(&path)["members"].to_string().contains(&member));
    });
}

/// Each form of a PATCH operation (RFC 7644 §3.5.2), and what it leaves in the entry.
#[test]
fn every_form_of_patch_reaches_the_entry() {
    EDUPERSON.each(|site| {
        let dn = person("neo");
        let of = |attribute: &str| values(site, &dn, attribute);
        let neo = Neo {
            site,
            login: "neo@univ.example.edu",
            number: "employeeNumber",
            follows: &[],
            refused: ("phoneNumbers", json!([{ "value": "Ωμέγα", "type": "work" }])),
            off: &[&format!("{{dn}} → uid=neo,ou=inactive,{SUFFIX}")],
            gone: &["- {dn}"],
            at: &|| dn.clone(),
            of: &of,
            mail: &|| of("mail"),
        };
        neo.lives_on(&neo.lives_through_patches());
    });
}

#[test]
fn a_unit_that_is_not_there_can_be_made() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/eduperson.toml");
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    let text = format!("extends = \"{}\"\n[User.part.unit]\nuse = \"find_or_add\"\n", shipped.display());
    fs::write(&mapping, text).unwrap();
    EDUPERSON.each_by(&mapping, |site| {
        let known = known(site);
        let (path, dn) = (site.user(known.rich), person(known.rich));
        let before = site.directory().look();
        let old = values(site, &dn, "eduPersonPrimaryOrgUnitDN").remove(0);
        let department = format!("{ENTERPRISE}:department");
        site.patch(&path, json!([{ "op": "replace", "path": department, "value": "Maps + Charts, Ltd" }]));
        let new = values(site, &dn, "eduPersonPrimaryOrgUnitDN").remove(0);
        site.assert_entries(
            &before,
            &[
                "+ ou=Maps…Charts…Ltd,ou=units,dc=univ,dc=example,dc=edu",
                &format!("{dn}: - eduPersonPrimaryOrgUnitDN: {old}"),
                &format!("{dn}: - eduPersonOrgUnitDN: {old}"),
                &format!("{dn}: + eduPersonPrimaryOrgUnitDN: {new}"),
                &format!("{dn}: + eduPersonOrgUnitDN: {new}"),
            ],
        );
        assert_eq!(values(site, &new, "ou"), ["Maps + Charts, Ltd"]);
        holds(&site.get(&path), &json!({ (ENTERPRISE): { "department": "Maps + Charts, Ltd" } }));
        // One that is there is no other.
        let (unit, _) = known.unit;
        let units = site.directory().search("(objectClass=organizationalUnit)").len();
        site.patch(&path, json!([{ "op": "replace", "path": department, "value": unit }]));
        assert_eq!(site.directory().search("(objectClass=organizationalUnit)").len(), units);
    });
}
