//! Moves: to the preserved users and back, by clients and by an administrator.

use std::collections::BTreeSet;

use serde_json::json;
use tempfile::TempDir;

use super::{
    ACCOUNTS, FREEIPA, IPAUSERS, PRESERVED, group, holds, id, known, lock, person, preserved, values,
};
use crate::{sets::harness::Site, support::Entries};

/// The lines of `docs/entra.md` over the shipped mapping: who is switched off is preserved, and whoever comes back is one of the users.
const LINES: &str = r#"
[let]
users = "cn=users,cn=accounts,dc=ipa,dc=test"
preserved = "cn=deleted users,cn=accounts,cn=provisioning,dc=ipa,dc=test"

[User]
base = "{let.suffix}"
where = { objectClass = "inetOrgPerson", container = ["{let.users}", "{let.preserved}"] }
initial = { container = "{let.users}" }
delete = { keep = false, set = false }

[[User.attributes.active]]
read = { container = "{let.users}", not = { nsAccountLock = { fold = "TRUE" } } }
true = { container = "{let.users}", nsAccountLock = "@none" }
false = { container = "{let.preserved}", nsAccountLock = "TRUE" }
required = true
"#;

fn with_leavers(test: impl Fn(&Site)) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("leavers.toml");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/freeipa.toml");
    std::fs::write(&file, format!("extends = \"{shipped}\"\n{LINES}")).unwrap();
    FREEIPA.each_by(&file, test);
}

fn switch(site: &Site, path: &str, is_on: bool) {
    site.patch(path, json!([{ "op": "replace", "path": "active", "value": is_on }]));
    holds(&site.get(path), &json!({ "active": is_on }));
}

/// What told that somebody has a private group, as lines of what is gone from the entry that is now there.
fn tied(site: &Site, before: &Entries, dn: &str) -> Vec<String> {
    let unique = values(site, dn, "ipaUniqueID").remove(0);
    let is_that =
        |values: &BTreeSet<(String, String)>| values.contains(&("ipaUniqueID".to_owned(), unique.clone()));
    let (_, _, held) = before.iter().find(|(_, _, values)| is_that(values)).expect("somebody who was there");
    let ties = held.iter().filter(|(name, value)| {
        name == "mepManagedEntry" || name == "objectClass" && value.eq_ignore_ascii_case("mepOriginEntry")
    });
    ties.map(|(name, value)| format!("{dn}: - {name}: {value}")).collect()
}

/// Who has a private group, groups, and people below moves with all of them, and is as before afterwards.
#[test]
fn who_is_switched_off_is_preserved_and_comes_back_whole() {
    with_leavers(|site| {
        let known = known(site);
        let (path, dn, kept) = (site.user(known.rich), person(known.rich), preserved(known.rich));
        let (before, shown) = (site.directory().look(), site.get(&path));
        let refers = |dn: &str| {
            site.directory().search(&format!("(|(member={dn})(manager={dn})(mepManagedBy={dn}))")).len()
        };
        let pointing = refers(&dn);
        assert!(pointing > 3, "{pointing} refer to {dn}");

        switch(site, &path, false);
        let about = |line: &String| {
            [format!("{dn} → {kept}"), format!("{kept}: + nsAccountLock: TRUE")].contains(line)
                || [format!(": - member: {dn}"), format!(": + member: {kept}")]
                    .iter()
                    .any(|end| line.ends_with(end))
                || [format!(": - manager: {dn}"), format!(": + manager: {kept}")]
                    .iter()
                    .any(|end| line.ends_with(end))
                || [format!(": - mepManagedBy: {dn}"), format!(": + mepManagedBy: {kept}")]
                    .iter()
                    .any(|end| line.ends_with(end))
        };
        let changes = site.directory().look().changes_since(&before);
        assert!(changes.iter().all(about) && changes.len() == 2 + 2 * pointing, "{changes:#?}");
        assert_eq!((refers(&dn), refers(&kept)), (0, pointing));
        let away = site.get(&path);
        assert_eq!((&away["groups"], &away["id"]), (&shown["groups"], &shown["id"]));
        assert!(site.find("/Users", "active eq false").contains(&site.id("user", known.rich)));
        assert!(!site.find("/Users", "active eq true").contains(&site.id("user", known.rich)));

        // There, too, a change touches what it is about, and the same again nothing.
        let steady = site.directory().look();
        switch(site, &path, false);
        site.assert_entries(&steady, &[]);
        let title = values(site, &kept, "title").remove(0);
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Elsewhere" }]));
        site.assert_entries(
            &steady,
            &[&format!("{kept}: - title: {title}"), &format!("{kept}: + title: Elsewhere")],
        );
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": title }]));

        switch(site, &path, true);
        site.assert_entries(&before, &[]);
        assert_eq!(site.get(&path)["groups"], shown["groups"]);

        // Another name and another place in one request, there and back.
        let mut wanted = site.get(&path);
        (wanted["active"], wanted["userName"]) = (false.into(), "new.name".into());
        site.put(&path, wanted);
        let renamed = preserved("new.name");
        assert_eq!((lock(site, &renamed), refers(&renamed)), (vec!["TRUE".to_owned()], pointing));
        assert_eq!(values(site, &group("new.name"), "mepManagedBy"), [renamed]);
        let mut wanted = site.get(&path);
        (wanted["active"], wanted["userName"]) = (true.into(), known.rich.into());
        site.put(&path, wanted);
        site.assert_entries(&before, &[]);
    });
}

/// A place that somebody has: the move is refused, and nothing of it is done.
#[test]
fn a_move_that_is_refused_leaves_nothing() {
    with_leavers(|site| {
        let known = known(site);
        site.directory().add(&format!(
            "dn: {}\nobjectClass: account\nuid: {}\n",
            preserved(known.open),
            known.open
        ));
        let (path, before) = (site.user(known.open), site.directory().look());
        let answer = site.client.patch(
            &path,
            json!([{ "op": "replace", "path": "title", "value": "Never" }, { "op": "replace", "path": "active", "value": false }]),
        );
        assert_eq!((answer.status, answer.json["scimType"].as_str()), (409, Some("uniqueness")), "{answer}");
        site.assert_entries(&before, &[]);
        holds(&site.get(&path), &json!({ "active": true }));
    });
}

/// Somebody whom others have preserved is one who is off, and is brought back by a client.
#[test]
fn who_was_preserved_by_others_comes_back() {
    with_leavers(|site| {
        let known = known(site);
        let found = site.find("/Users", &format!("userName eq \"{}\"", known.gone));
        let path = format!("/Users/{}", found[0]);
        holds(&site.get(&path), &json!({ "active": false }));
        let (kept, dn, before) = (preserved(known.gone), person(known.gone), site.directory().look());
        // The name is taken.
        let twin = site.client.post("/Users", &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": known.gone, "name": { "familyName": "T" },
        }));
        assert_eq!((twin.status, twin.json["scimType"].as_str()), (409, Some("uniqueness")), "{twin}");
        site.assert_entries(&before, &[]);
        // What tied it to a private group that is gone the Managed Entries plug-in takes away.
        switch(site, &path, true);
        let mut lines = tied(site, &before, &dn);
        lines.extend([format!("{kept} → {dn}"), format!("{dn}: - nsAccountLock: TRUE")]);
        site.assert_entries(&before, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        switch(site, &path, false);
        let lines = tied(site, &before, &kept);
        site.assert_entries(&before, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        site.delete(&path);
        site.assert_entries(&before, &[&format!("- {kept}")]);
    });
}

/// What an administrator moves is followed: preserved, it is gone; back again, it is the same.
#[test]
fn what_an_administrator_preserves_is_gone_until_it_is_restored() {
    FREEIPA.each(|site| {
        let known = known(site);
        let (path, dn, kept) = (site.user(known.rich), person(known.rich), preserved(known.rich));
        let users = format!("cn=users,{ACCOUNTS}");
        let relocate = |from: &str, place: &str| {
            let (name, _) = from.split_once(',').unwrap();
            site.directory().modify(&format!(
                "dn: {from}\nchangetype: modrdn\nnewrdn: {name}\ndeleteoldrdn: 0\nnewsuperior: {place}\n"
            ));
        };
        let (before, mut shown) = (site.directory().look(), site.get(&path));
        relocate(&dn, PRESERVED);
        let steady = site.directory().look();
        assert_eq!(site.client.get(&path).status, 404);
        let title = json!([{ "op": "replace", "path": "title", "value": "x" }]);
        assert_eq!(site.client.patch(&path, title.clone()).status, 404);
        assert_eq!(site.client.delete(&path).status, 404);
        assert_eq!(site.find("/Users", &format!("userName eq \"{}\"", known.rich)), Vec::<String>::new());
        site.assert_entries(&steady, &[]);
        relocate(&kept, &users);
        // The Managed Entries plug-in has removed the private group.
        let mut untied = tied(site, &before, &dn);
        untied.push(format!("- {}", group(known.rich)));
        site.assert_entries(&before, &untied.iter().map(String::as_str).collect::<Vec<_>>());
        // A list shows it again, under the id that it had.
        let found = site.find("/Users", &format!("userName eq \"{}\"", known.rich));
        assert_eq!(found, [site.id("user", known.rich)]);
        let mut now = site.get(&path);
        for resource in [&mut shown, &mut now] {
            resource.as_object_mut().unwrap().remove("meta");
        }
        assert_eq!(now, shown);
        site.patch(&path, title);
        assert_eq!(values(site, &dn, "title"), ["x"]);

        // So does one that a client has deleted.
        let neo = site.post("/Users", json!({ "userName": "neo", "name": { "familyName": "N" } }));
        site.delete(&neo);
        let kept = preserved("neo");
        assert_eq!(lock(site, &kept), ["TRUE"]);
        relocate(&kept, &users);
        let back = person("neo");
        site.directory().modify(&format!("dn: {back}\nchangetype: modify\ndelete: nsAccountLock\n"));
        assert_eq!(site.find("/Users", "userName eq \"neo\""), [id(&neo)]);
        holds(&site.get(&neo), &json!({ "userName": "neo", "active": true }));
        let steady = site.directory().look();
        site.patch(&neo, json!([{ "op": "add", "path": "title", "value": "Back" }]));
        site.assert_entries(&steady, &[&format!("{back}: + title: Back")]);
        // A new name is one of the entry alone: the private group is gone, and it is in no group.
        site.patch(&neo, json!([{ "op": "replace", "path": "userName", "value": "trinity" }]));
        assert_eq!(values(site, &person("trinity"), "homeDirectory"), ["/home/trinity"]);
        assert!(!values(site, IPAUSERS, "member").contains(&person("trinity")));
        site.delete(&neo);
        assert_eq!(values(site, &preserved("trinity"), "uid"), ["trinity"]);
    });
}
