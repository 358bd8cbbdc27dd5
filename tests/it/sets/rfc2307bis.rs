//! People of RFC 2307bis in OpenLDAP: containers by department, placeholder members, locks by ppolicy.

use std::{fs, path::Path, thread};

use serde_json::json;
use tempfile::TempDir;

use super::{
    harness::{Set, Site, holds},
    patches::Neo,
};
use crate::support::Backend;

const RFC2307BIS: Set = Set { name: "rfc2307bis", backend: Backend::OpenLdap, variant: "" };
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const SUFFIX: &str = "dc=corp,dc=example,dc=org";

/// Somebody with a label and a manager's duties, her container, a group of hers, and one with a member alone.
struct Known {
    rich: &'static str,
    unit: &'static str,
    url: &'static str,
    label: &'static str,
    group: &'static str,
    alone: (&'static str, &'static str),
    alone_unit: &'static str,
}

fn known(site: &Site) -> Known {
    match site.own {
        true => Known {
            rich: "moira.hall",
            unit: "Survey",
            url: "https://maps.example/~mo",
            label: "Her page",
            group: "Surveyors",
            alone: ("Night & Day", "d'arcy"),
            alone_unit: "Print\\2C Night",
        },
        false => Known {
            rich: "aoife.obrien",
            unit: "Engineering",
            url: "https://example.org/~fifi",
            label: "Homepage",
            group: "Engineering",
            alone: ("管理者", "li.xiaolong"),
            alone_unit: "Engineering",
        },
    }
}

fn person(uid: &str, unit: &str) -> String {
    format!("uid={uid},ou={unit},ou=People,{SUFFIX}")
}

fn group(cn: &str) -> String {
    format!("cn={cn},ou=Groups,{SUFFIX}")
}

/// The values of an attribute of an entry, which must be there.
fn values(site: &Site, dn: &str, attribute: &str) -> Vec<String> {
    site.directory().values(dn, attribute).unwrap_or_else(|| panic!("there is no {dn}"))
}

#[test]
fn everybody_reads_as_expected() {
    RFC2307BIS.reads_as_expected();
}

#[test]
fn a_change_touches_what_it_is_about() {
    RFC2307BIS.each(|site| {
        let known = known(site);
        let (path, dn) = (site.user(known.rich), person(known.rich, known.unit));
        let title = values(site, &dn, "title").remove(0);
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        site.assert_entries(&before, &[&format!("{dn}: - title: {title}"), &format!("{dn}: + title: Cook")]);

        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        site.put(&path, site.get(&path));
        site.assert_entries(&before, &[]);
        assert_eq!(site.find("/Users", "title eq \"COOK\""), [site.id("user", known.rich)]);

        // What the URL is called stays, and so does a second one.
        let before = site.directory().look();
        site.patch(
            &path,
            json!([{ "op": "replace", "path": "profileUrl", "value": "https://new.example/" }]),
        );
        site.assert_entries(
            &before,
            &[
                &format!("{dn}: - labeledURI: {} {}", known.url, known.label),
                &format!("{dn}: + labeledURI: https://new.example/ {}", known.label),
            ],
        );
        assert_eq!(
            site.find("/Users", "profileUrl eq \"https://new.example/\""),
            [site.id("user", known.rich)]
        );

        // A new name: only the value of `cn` that was made of the old one follows; values in other languages
        // are other attributes.
        let before = site.directory().look();
        let shown = values(site, &dn, "displayName").remove(0);
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Somebody Else" }]));
        site.assert_entries(
            &before,
            &[
                &format!("{dn}: - displayName: {shown}"),
                &format!("{dn}: + displayName: Somebody Else"),
                &format!("{dn}: - cn: {shown}"),
                &format!("{dn}: + cn: Somebody Else"),
            ],
        );

        // The second address becomes the first one, and the first goes.
        let mails = site.get(&path)["emails"].clone();
        let second = mails[1]["value"].clone();
        site.put(&path, {
            let mut wanted = site.get(&path);
            wanted["emails"] = json!([{ "value": second, "type": "work", "primary": true }]);
            wanted
        });
        assert_eq!(json!(values(site, &dn, "mail")), json!([second]));
    });
}

#[test]
fn somebody_comes_and_goes() {
    RFC2307BIS.each(|site| {
        let known = known(site);
        let before = site.directory().look();
        let body = json!({
            "userName": "neo", "name": { "givenName": "Neo" }, "profileUrl": "https://neo.example",
            "emails": [{ "value": "neo@home.example", "type": "other" }, { "value": "neo@work.example", "type": "work" }],
            "addresses": [{ "type": "work", "formatted": "1 $ Street\nTown \\ Hall" }],
            (ENTERPRISE): { "department": "Night, Shift & Co", "manager": { "value": site.id("user", known.rich) } },
            "password": "secret-enough-1",
        });
        let path = site.post("/Users", body.clone());
        // The department had no container yet; a comma in its name is escaped by its place.
        let unit = "Night\\2C Shift & Co";
        let dn = person("neo", unit);
        site.assert_entries(&before, &[&format!("+ ou={unit},ou=People,{SUFFIX}"), &format!("+ {dn}")]);
        for (attribute, expected) in [
            ("objectClass", vec!["inetOrgPerson", "posixAccount"]),
            ("cn", vec!["Neo Neo"]),
            ("sn", vec!["Neo"]),
            ("displayName", vec!["Neo Neo"]),
            ("homeDirectory", vec!["/home/neo"]),
            ("gidNumber", vec!["10000"]),
            ("loginShell", vec!["/bin/bash"]),
            ("labeledURI", vec!["https://neo.example Homepage"]),
            ("postalAddress", vec!["1 \\24 Street$Town \\5C Hall"]),
            ("departmentNumber", vec!["Night, Shift & Co"]),
            ("manager", vec![&*person(known.rich, known.unit)]),
        ] {
            assert_eq!(values(site, &dn, attribute), expected, "{attribute}");
        }
        let numbers = site.directory().search("(uidNumber=*)");
        let number = |e: &crate::support::Entry| {
            let found = e.values.iter().find(|(name, _)| name == "uidNumber");
            found.and_then(|(_, text)| text.parse::<i64>().ok()).unwrap()
        };
        let others = numbers.iter().filter(|e| e.dn != dn).map(number).max().unwrap();
        assert_eq!(values(site, &dn, "uidNumber"), [(others + 1).to_string()]);
        assert!(site.directory().accepts(&dn, "secret-enough-1"));
        holds(&site.get(&path), &json!({
            "emails": [{ "value": "neo@work.example", "type": "work", "primary": true }, { "value": "neo@home.example", "type": "other" }],
            "profileUrl": "https://neo.example", "active": true,
        }));

        // Off, with a lock for good, and on again; who is on already is left alone.
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(values(site, &dn, "pwdAccountLockedTime"), ["000001010000Z"]);
        assert!(site.find("/Users", "active eq false").contains(&path["/Users/".len()..].to_owned()));
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        assert!(site.directory().accepts(&dn, "secret-enough-1"));
        let steady = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "active", "value": true }]));
        site.assert_entries(&steady, &[]);

        // What names the URL goes with it.
        site.patch(&path, json!([{ "op": "remove", "path": "profileUrl" }]));
        assert_eq!(values(site, &dn, "labeledURI"), Vec::<String>::new());

        // A name that somebody has, in another case and another department.
        let answer = site.client.post("/Users", &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "NEO", "name": { "familyName": "Two" },
        }));
        assert_eq!((answer.status, answer.json["scimType"].as_str()), (409, Some("uniqueness")), "{answer}");

        // A container that was made for somebody who then cannot come goes again.
        let there = site.directory().look();
        let answer = site.client.post("/Users", &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE], "userName": "trinity",
            "name": { "familyName": "T" }, "phoneNumbers": [{ "value": "Ωμέγα", "type": "work" }],
            (ENTERPRISE): { "department": "Never made" },
        }));
        assert_eq!(answer.status, 400, "{answer}");
        site.assert_entries(&there, &[]);

        site.delete(&path);
        site.assert_entries(&there, &[&format!("- {dn}")]);
        assert_eq!(site.client.get(&path).status, 404);
        let again = site.post("/Users", body);
        assert_ne!(again, path, "an id is never used again");
        site.delete(&again);
    });
}

#[test]
fn a_container_that_nobody_may_make_is_missing() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/openldap-rfc2307bis.toml");
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    fs::write(&mapping, format!("extends = \"{}\"\n[User]\nmake = false\n", shipped.display())).unwrap();
    RFC2307BIS.each_by(&mapping, |site| {
        let known = known(site);
        let before = site.directory().look();
        let department = format!("{ENTERPRISE}:department");
        let moved = site.client.patch(
            &site.user(known.rich),
            json!([{ "op": "replace", "path": department, "value": "Nowhere yet" }]),
        );
        let made = site.client.post(
            "/Users",
            &json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
                "userName": "neo", "name": { "familyName": "N" }, (ENTERPRISE): { "department": "Nowhere yet" },
            }),
        );
        for answer in [moved, made] {
            assert_eq!(
                (answer.status, answer.json["scimType"].as_str()),
                (400, Some("invalidValue")),
                "{answer}"
            );
        }
        site.assert_entries(&before, &[]);
    });
}

#[test]
fn somebody_moves_and_is_renamed() {
    RFC2307BIS.each(|site| {
        let known = known(site);
        let (path, dn) = (site.user(known.rich), person(known.rich, known.unit));
        let refers =
            |dn: &str| site.directory().search(&format!("(|(member={dn})(manager={dn})(owner={dn}))"));
        let (before, pointing) = (site.directory().look(), refers(&dn).len());
        assert!(pointing > 0, "somebody refers to {dn}");
        site.patch(
            &path,
            json!([{ "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Unassigned" }]),
        );
        let moved = person(known.rich, "Unassigned");
        assert_eq!(values(site, &moved, "departmentNumber"), ["Unassigned"]);
        assert_eq!((refers(&dn).len(), refers(&moved).len()), (0, pointing), "references follow");
        let changes = site.directory().look().changes_since(&before);
        let about = |line: &String| {
            line == &format!("{dn} → {moved}")
                || line.starts_with(&format!("{moved}: "))
                || line.ends_with(&dn)
                || line.ends_with(&moved)
        };
        assert!(changes.iter().all(about), "{changes:#?}");

        // A new login: the entry and what is derived of it, and whoever names it.
        site.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "new.name" }]));
        let renamed = person("new.name", "Unassigned");
        assert_eq!(values(site, &renamed, "uid"), ["new.name"]);
        assert_eq!(values(site, &renamed, "homeDirectory"), ["/home/new.name"]);
        assert_eq!((refers(&moved).len(), refers(&renamed).len()), (0, pointing));
        holds(
            &site.get(&path),
            &json!({ "userName": "new.name", (ENTERPRISE): { "department": "Unassigned" } }),
        );
        let shown = site.get(&site.group(known.group));
        assert!(
            shown["members"].as_array().unwrap().iter().any(|m| path.ends_with(m["value"].as_str().unwrap()))
        );

        // Without a department there is a place for that, too; and both at once.
        site.patch(&path, json!([{ "op": "remove", "path": format!("{ENTERPRISE}:department") }]));
        assert_eq!(values(site, &renamed, "departmentNumber"), Vec::<String>::new());
        let mut wanted = site.get(&path);
        wanted["userName"] = known.rich.into();
        wanted[ENTERPRISE]["department"] = "Brand New".into();
        site.put(&path, wanted);
        let back = person(known.rich, "Brand New");
        assert_eq!(values(site, &back, "departmentNumber"), ["Brand New"]);
        assert_eq!((refers(&renamed).len(), refers(&back).len()), (0, pointing));
    });
}

#[test]
fn members_come_and_go_and_the_placeholder_stays() {
    RFC2307BIS.each(|site| {
        let known = known(site);
        let nobody = format!("cn=nobody,{SUFFIX}");
        let (cn, only) = known.alone;
        let (path, at) = (site.group(cn), group(cn));
        let member = person(only, known.alone_unit);
        let before = site.directory().look();
        site.patch(
            &path,
            json!([{ "op": "remove", "path": format!("members[value eq \"{}\"]", site.id("user", only)) }]),
        );
        // memberof takes the group away from the member.
        site.assert_entries(
            &before,
            &[
                &format!("…: - member: {member}"),
                &format!("…: + member: {nobody}"),
                &format!("{member}: - memberOf: …"),
                &format!("{nobody}: + memberOf: …"),
            ],
        );
        holds(&site.get(&path), &json!({ "members": null }));
        site.patch(
            &path,
            json!([{ "op": "add", "path": "members", "value": [{ "value": site.id("user", only) }] }]),
        );
        holds(&site.get(&path), &json!({ "members": [{ "value": site.id("user", only), "type": "User" }] }));
        assert!(values(site, &at, "member").contains(&member), "{member}");

        // A member that is none of ours stays through a replacement of the list; so do owner and description.
        let path = site.group(known.group);
        site.directory().modify(&format!(
            "dn: {}\nchangetype: modify\nadd: member\nmember: cn=printer,{SUFFIX}\n",
            group(known.group)
        ));
        let dn = group(known.group);
        let (owner, described) = (values(site, &dn, "owner"), values(site, &dn, "description"));
        let rest = values(site, &dn, "member");
        let foreign: Vec<String> = rest.into_iter().filter(|m| m.starts_with("cn=")).collect();
        let mut wanted = site.get(&path);
        wanted["members"] = json!([{ "value": site.id("user", only) }]);
        let shown = site.put(&path, wanted);
        holds(&shown, &json!({ "members": [{ "value": site.id("user", only) }] }));
        let left = values(site, &dn, "member");
        assert!(foreign.iter().all(|m| left.contains(m)), "{foreign:?} in {left:?}");
        assert_eq!(left.len(), foreign.len() + 1);
        assert_eq!((owner, described), (values(site, &dn, "owner"), values(site, &dn, "description")));

        // The members' own side follows by memberof.
        let groups = site.get(&site.user(only))["groups"].clone();
        let ids: Vec<&str> =
            groups.as_array().unwrap().iter().map(|g| g["value"].as_str().unwrap()).collect();
        assert!(ids.contains(&site.id("group", known.group).as_str()));
    });
}

#[test]
fn a_group_comes_and_goes() {
    RFC2307BIS.each(|site| {
        let known = known(site);
        let nobody = format!("cn=nobody,{SUFFIX}");
        let path = site.post("/Groups", json!({ "displayName": "Choir, \"Bass\" + Co" }));
        let found = site.directory().search("(cn=Choir, \"Bass\" + Co)");
        let [entry] = found.as_slice() else { panic!("{found:?}") };
        let of = |name: &str| -> Vec<String> {
            entry.values.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect()
        };
        assert_eq!(of("objectClass"), ["groupOfNames", "posixGroup"]);
        assert_eq!(of("member"), [&*nobody]);
        assert!(of("gidNumber")[0].parse::<i64>().unwrap() > 20000);
        holds(&site.get(&path), &json!({ "members": null }));

        // Groups within groups; a new name is followed by those that hold it.
        let outer = site.post("/Groups", json!({ "displayName": "Outer", "members": [{ "value": &path["/Groups/".len()..] }, { "value": site.id("user", known.rich) }] }));
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Band" }]));
        assert!(values(site, &group("Outer"), "member").contains(&group("Band")));
        holds(&site.get(&outer), &json!({ "members": [{ "type": "Group", "display": "Band" }, { "type": "User" }] }));
        site.delete(&path);
        assert_eq!(values(site, &group("Outer"), "member"), [person(known.rich, known.unit)]);

        // The last member is deleted: the placeholder comes in.
        let neo = site.post("/Users", json!({ "userName": "neo", "name": { "familyName": "N" } }));
        site.patch(&outer, json!([{ "op": "replace", "path": "members", "value": [{ "value": &neo["/Users/".len()..] }] }]));
        site.delete(&neo);
        assert_eq!(values(site, &group("Outer"), "member"), [nobody]);
        holds(&site.get(&outer), &json!({ "members": null }));
        site.delete(&outer);
    });
}

/// Each form of a PATCH operation (RFC 7644 §3.5.2), and what it leaves in the entry.
#[test]
fn every_form_of_patch_reaches_the_entry() {
    RFC2307BIS.each(|site| {
        let dn = person("neo", "Unassigned");
        let of = |attribute: &str| values(site, &dn, attribute);
        let neo = Neo {
            site,
            login: "neo",
            number: "employeeNumber",
            follows: &[],
            refused: ("phoneNumbers", json!([{ "value": "Ωμέγα", "type": "work" }])),
            off: &["{dn}: + pwdAccountLockedTime: 000001010000Z"],
            gone: &["- {dn}"],
            at: &|| dn.clone(),
            of: &of,
            mail: &|| of("mail"),
        };
        neo.lives_on(&neo.lives_through_patches());
    });
}

/// Requests at the same time get numbers of their own: from the largest in use, and from a cell.
#[test]
fn nobody_shares_a_number() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/openldap-rfc2307bis.toml");
    let folder = TempDir::new().unwrap();
    let cell = folder.path().join("cell.toml");
    let counter = format!("cn=counter,{SUFFIX}");
    let text = format!(
        "extends = \"{}\"\n[next.uid]\nhighest = false\nbase = false\nfrom = false\n\
         entry = \"{counter}\"\nattribute = \"uidNumber\"\n",
        shipped.display()
    );
    fs::write(&cell, text).unwrap();
    for (mapping, is_cell) in [(&shipped, false), (&cell, true)] {
        RFC2307BIS.each_by(mapping, |site| {
            if is_cell {
                site.directory().add(&format!(
                    "dn: {counter}\nobjectClass: device\nobjectClass: extensibleObject\ncn: counter\nuidNumber: 30000\n"
                ));
            }
            thread::scope(|scope| {
                let comers: Vec<_> = (0..8)
                    .map(|n| scope.spawn(move || {
                        for i in 0..3 {
                            let body = json!({ "userName": format!("comer{n}.{i}"), "name": { "familyName": "C" } });
                            site.post("/Users", body);
                        }
                    }))
                    .collect();
                comers.into_iter().for_each(|comer| comer.join().unwrap());
            });
            let numbers = site.directory().search("(uid=comer*)").into_iter().flat_map(|e| e.values);
            let mut numbers: Vec<String> =
                numbers.filter(|(name, _)| name == "uidNumber").map(|(_, number)| number).collect();
            numbers.sort();
            assert_eq!(numbers.len(), 24);
            numbers.dedup();
            assert_eq!(numbers.len(), 24, "{numbers:?}");
            if is_cell {
                assert_eq!(values(site, &counter, "uidNumber"), ["30024"]);
            }
        });
    }
}
