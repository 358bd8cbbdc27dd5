//! FreeIPA's people in 389 Directory Server: a private group beside everybody, Kerberos names, locks, preserved
//! leavers.

mod moves;

use serde_json::json;

use super::{
    harness::{Set, Site, holds},
    patches::Neo,
};
use crate::support::Backend;

const FREEIPA: Set = Set { name: "freeipa", backend: Backend::OpenLdap, variant: "" };
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ACCOUNTS: &str = "cn=accounts,dc=ipa,dc=test";
const PRESERVED: &str = "cn=deleted users,cn=accounts,cn=provisioning,dc=ipa,dc=test";
const IPAUSERS: &str = "cn=ipausers,cn=groups,cn=accounts,dc=ipa,dc=test";

/// Somebody with a manager's duties and groups, one who is locked, one who is open in so many words, the login of
/// a preserved leaver, a group of the first one's and one that holds it.
struct Known {
    rich: &'static str,
    locked: &'static str,
    open: &'static str,
    gone: &'static str,
    /// Nobody has `userClass` yet.
    plain: &'static str,
    group: (&'static str, &'static str),
    outer: &'static str,
}

fn known(site: &Site) -> Known {
    match site.own {
        true => Known {
            rich: "vera",
            locked: "lou",
            open: "olga",
            gone: "gone",
            plain: "mei",
            group: ("choir_band", "Choir & Band"),
            outer: "everyone",
        },
        false => Known {
            rich: "aoife.obrien",
            locked: "pat.disabled",
            open: "zmueller",
            gone: "gone",
            plain: "kim.lee",
            group: ("engineering", "Engineering"),
            outer: "everyone",
        },
    }
}

fn person(uid: &str) -> String {
    format!("uid={uid},cn=users,{ACCOUNTS}")
}

fn preserved(uid: &str) -> String {
    format!("uid={uid},{PRESERVED}")
}

fn group(cn: &str) -> String {
    format!("cn={cn},cn=groups,{ACCOUNTS}")
}

/// The values of an attribute of an entry, which must be there.
fn values(site: &Site, dn: &str, attribute: &str) -> Vec<String> {
    site.directory().values(dn, attribute).unwrap_or_else(|| panic!("there is no {dn}"))
}

/// An attribute that the server keeps for itself: it has to be asked for by name.
fn lock(site: &Site, dn: &str) -> Vec<String> {
    values(site, dn, "nsAccountLock")
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[test]
fn everybody_reads_as_expected() {
    FREEIPA.reads_as_expected();
}

#[test]
fn a_change_touches_what_it_is_about() {
    FREEIPA.each(|site| {
        let known = known(site);
        let (path, dn) = (site.user(known.rich), person(known.rich));
        let of = |attribute: &str| values(site, &dn, attribute).remove(0);
        let (title, shown, gecos) = (of("title"), of("displayName"), of("gecos"));
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        site.assert_entries(&before, &[&format!("{dn}: - title: {title}"), &format!("{dn}: + title: Cook")]);
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "title", "value": "Cook" }]));
        site.put(&path, site.get(&path));
        site.assert_entries(&before, &[]);
        assert_eq!(site.find("/Users", "title eq \"COOK\""), [site.id("user", known.rich)]);

        // What follows from the name follows; `gecos` has its letters without their marks.
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Åsa Öst" }]));
        site.assert_entries(
            &before,
            &[
                &format!("{dn}: - displayName: {shown}"),
                &format!("{dn}: + displayName: Åsa Öst"),
                &format!("{dn}: - cn: {shown}"),
                &format!("{dn}: + cn: Åsa Öst"),
                &format!("{dn}: - gecos: {gecos}"),
                &format!("{dn}: + gecos: Asa Ost"),
            ],
        );
        // Where nothing is left, the login stands in.
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "明" }]));
        assert_eq!(values(site, &dn, "gecos"), [known.rich]);

        // The class comes with the first value of the attribute, and stays.
        let (path, dn) = (site.user(known.plain), person(known.plain));
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "add", "path": "externalId", "value": "x-1" }]));
        site.assert_entries(&before, &[&format!("{dn}: + objectClass: ipaUser"), &format!("{dn}: + userClass: x-1")]);
        site.patch(&path, json!([{ "op": "remove", "path": "externalId" }]));
        site.assert_entries(&before, &[&format!("{dn}: + objectClass: ipaUser")]);

        // A second address becomes the first one.
        site.patch(&path, json!([{ "op": "replace", "path": "emails", "value": [
            { "value": "one@x.org", "type": "work", "primary": true }, { "value": "two@x.org", "type": "other" },
        ] }]));
        let mut wanted = site.get(&path);
        wanted["emails"] = json!([{ "value": "two@x.org", "type": "work", "primary": true }]);
        site.put(&path, wanted);
        assert_eq!(values(site, &dn, "mail"), ["two@x.org"]);
    });
}

#[test]
fn locks_are_told_and_set() {
    FREEIPA.each(|site| {
        let known = known(site);
        let off = site.find("/Users", "active eq false");
        assert!(off.contains(&site.id("user", known.locked)));
        assert!(!off.contains(&site.id("user", known.open)) && !off.contains(&site.id("user", known.rich)));
        // Open in so many words is open already.
        let before = site.directory().look();
        site.patch(&site.user(known.open), json!([{ "op": "replace", "path": "active", "value": true }]));
        assert_eq!(lock(site, &person(known.open)), ["FALSE"]);
        site.assert_entries(&before, &[]);
        for (who, is_on, held) in
            [(known.open, false, "TRUE"), (known.locked, true, ""), (known.rich, false, "TRUE")]
        {
            site.patch(&site.user(who), json!([{ "op": "replace", "path": "active", "value": is_on }]));
            holds(&site.get(&site.user(who)), &json!({ "active": is_on }));
            assert_eq!(lock(site, &person(who)).concat(), held, "{who}");
        }
        site.patch(&site.user(known.rich), json!([{ "op": "replace", "path": "active", "value": true }]));
        assert_eq!(lock(site, &person(known.rich)), Vec::<String>::new());
        let on = site.find("/Users", "active eq true");
        assert!(on.contains(&site.id("user", known.rich)) && !on.contains(&site.id("user", known.open)));
    });
}

#[test]
fn somebody_comes_is_renamed_and_is_preserved() {
    FREEIPA.each(|site| {
        let known = known(site);
        let before = site.directory().look();
        let body = json!({
            "userName": "Neo", "name": { "givenName": "Zoë", "familyName": "Ångström" }, "externalId": "n-1",
            "emails": [{ "value": "neo@x.org", "type": "work" }],
            (ENTERPRISE): { "department": "Night, Shift", "manager": { "value": site.id("user", known.rich) } },
            "password": "Secret-enough-1",
        });
        let path = site.post("/Users", body.clone());
        let (dn, private) = (person("neo"), group("neo"));
        site.assert_entries(
            &before,
            &[&format!("+ {dn}"), &format!("+ {private}"), &format!("{IPAUSERS}: + member: {dn}")],
        );
        for (attribute, expected) in [
            ("cn", "Zoë Ångström"),
            ("displayName", "Zoë Ångström"),
            ("gecos", "Zoe Angstrom"),
            ("initials", "ZÅ"),
            ("ou", "Night, Shift"),
            ("homeDirectory", "/home/neo"),
            ("loginShell", "/bin/sh"),
            ("krbPrincipalName", "neo@IPA.TEST"),
            ("krbCanonicalName", "neo@IPA.TEST"),
            ("mepManagedEntry", &private),
            ("userClass", "n-1"),
            ("manager", &person(known.rich)),
            ("memberOf", IPAUSERS),
        ] {
            assert_eq!(values(site, &dn, attribute), [expected], "{attribute}");
        }
        assert!(site.directory().accepts(&dn, "Secret-enough-1"));
        // One number for the user and the private group, from the range that users and groups share.
        let number = values(site, &dn, "uidNumber");
        assert_eq!(values(site, &dn, "gidNumber"), number);
        assert_eq!(values(site, &private, "gidNumber"), number);
        let used = site.directory().search("(|(uidNumber=*)(gidNumber=*))").into_iter();
        let used = used.filter(|e| e.dn != dn && e.dn != private && !e.dn.ends_with(PRESERVED));
        let used = used.flat_map(|e| e.values).filter(|(name, _)| ["uidNumber", "gidNumber"].contains(&&**name));
        let highest = used.map(|(_, text)| text.parse::<i64>().unwrap()).max().unwrap();
        assert_eq!(number, [(highest + 1).to_string()]);
        assert_eq!(values(site, &private, "mepManagedBy"), [&*dn]);
        holds(&site.get(&path), &json!({ "userName": "neo", "active": true, "externalId": "n-1" }));
        let shown = site.get(&path)["groups"].clone();
        assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
        assert_eq!(site.find("/Groups", "displayName eq \"neo\""), Vec::<String>::new(), "a private group");

        // A taken name, also one of a group; nothing is left of the attempt.
        let steady = site.directory().look();
        for login in ["NEO", known.group.0] {
            let answer = site.client.post("/Users", &json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": login, "name": { "familyName": "Two" },
            }));
            assert_eq!((answer.status, answer.json["scimType"].as_str()), (409, Some("uniqueness")), "{answer}");
            site.assert_entries(&steady, &[]);
        }

        // A new login: everything made of it follows, and so do those who name the user.
        let (cn, _) = known.group;
        let members = site.group(cn);
        site.patch(&members, json!([{ "op": "add", "path": "members", "value": [{ "value": id(&path) }] }]));
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "trinity" }]));
        let (renamed, beside) = (person("trinity"), group("trinity"));
        let at = group(cn);
        site.assert_entries(&before, &[
            &format!("{dn} → {renamed}"),
            &format!("{renamed}: - uid: neo"), &format!("{renamed}: + uid: trinity"),
            &format!("{renamed}: - homeDirectory: /home/neo"), &format!("{renamed}: + homeDirectory: /home/trinity"),
            &format!("{renamed}: - krbPrincipalName: neo@IPA.TEST"), &format!("{renamed}: + krbPrincipalName: trinity@IPA.TEST"),
            &format!("{renamed}: - krbCanonicalName: neo@IPA.TEST"), &format!("{renamed}: + krbCanonicalName: trinity@IPA.TEST"),
            &format!("{renamed}: - mepManagedEntry: {private}"), &format!("{renamed}: + mepManagedEntry: {beside}"),
            &format!("{private} → {beside}"),
            &format!("{beside}: - cn: neo"), &format!("{beside}: + cn: trinity"),
            &format!("{beside}: - description: User private group for neo"),
            &format!("{beside}: + description: User private group for trinity"),
            &format!("{beside}: - mepManagedBy: {dn}"), &format!("{beside}: + mepManagedBy: {renamed}"),
            &format!("{IPAUSERS}: - member: {dn}"), &format!("{IPAUSERS}: + member: {renamed}"),
            &format!("{at}: - member: {dn}"), &format!("{at}: + member: {renamed}"),
        ]);
        holds(&site.get(&path), &json!({ "userName": "trinity", "externalId": "n-1" }));
        assert!(site.directory().accepts(&renamed, "Secret-enough-1"));

        // Preserved: locked, elsewhere, in no group, without a private one; another of that login is there already.
        site.patch(&path, json!([{ "op": "replace", "path": "userName", "value": known.gone }]));
        let leaver = person(known.gone);
        site.delete(&path);
        let kept = preserved(&format!("{}-2", known.gone));
        assert_eq!(lock(site, &kept), ["TRUE"]);
        assert_eq!(values(site, &kept, "userClass"), ["n-1"]);
        for attribute in ["mepManagedEntry", "memberOf"] {
            assert_eq!(values(site, &kept, attribute), Vec::<String>::new(), "{attribute}");
        }
        assert_eq!(site.directory().search(&format!("(|(member={leaver})(manager={leaver})(member={kept}))")), []);
        for gone in [leaver, group(known.gone), renamed, beside] {
            assert_eq!(site.directory().values(&gone, "cn"), None, "{gone}");
        }
        assert!(values(site, &preserved(known.gone), "uid").contains(&known.gone.to_owned()));
        assert_eq!(site.client.get(&path).status, 404);
        assert_eq!(site.find("/Users", &format!("userName sw \"{}\"", known.gone)), Vec::<String>::new());
        let again = site.post("/Users", body);
        assert_ne!(again, path, "an id is never used again");
        site.delete(&again);
        assert_eq!(lock(site, &preserved("neo")), ["TRUE"]);
    });
}

/// Who manages others and is in many groups goes: the references go, and nothing else.
#[test]
fn a_manager_is_renamed_and_preserved() {
    FREEIPA.each(|site| {
        let known = known(site);
        let (path, dn) = (site.user(known.rich), person(known.rich));
        let refers = |dn: &str| {
            site.directory().search(&format!("(|(member={dn})(manager={dn})(mepManagedBy={dn}))")).len()
        };
        let pointing = refers(&dn);
        assert!(pointing > 3, "{pointing} refer to {dn}");
        site.patch(&path, json!([{ "op": "replace", "path": "userName", "value": "new.name" }]));
        let renamed = person("new.name");
        assert_eq!((refers(&dn), refers(&renamed)), (0, pointing));
        // An alias of the Kerberos name stays.
        let names = values(site, &renamed, "krbPrincipalName");
        assert!(names.contains(&"new.name@IPA.TEST".to_owned()), "{names:?}");
        assert!(!names.contains(&format!("{}@IPA.TEST", known.rich)), "{names:?}");
        assert!(!site.own || names.contains(&"vera.lind@IPA.TEST".to_owned()), "{names:?}");

        let before = site.directory().look();
        site.delete(&path);
        let kept = preserved("new.name");
        assert_eq!((refers(&renamed), refers(&kept)), (0, 0));
        let about = |line: &String| {
            line == &format!("{renamed} → {kept}")
                || line == &format!("- {}", group("new.name"))
                || line.starts_with(&format!("{kept}: "))
                || line.ends_with(&format!(": {renamed}")) && line.contains(": - ")
        };
        let changes = site.directory().look().changes_since(&before);
        assert!(changes.iter().all(about), "{changes:#?}");
    });
}

#[test]
fn members_come_and_go() {
    FREEIPA.each(|site| {
        let known = known(site);
        let (cn, _) = known.group;
        let (path, at) = (site.group(cn), group(cn));
        let (who, dn) = (site.id("user", known.open), person(known.open));
        let is_in = values(site, &at, "member").contains(&dn);
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{who}\"]") }]);
        if is_in {
            site.patch(&path, remove.clone());
        }
        // A member that is none of ours stays.
        site.directory()
            .modify(&format!("dn: {at}\nchangetype: modify\nadd: member\nmember: cn=printer,{ACCOUNTS}\n"));
        let before = site.directory().look();
        site.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": who }] }]));
        let changes = site.directory().look().changes_since(&before);
        assert!(changes.contains(&format!("{at}: + member: {dn}")), "{changes:#?}");
        assert!(
            changes.iter().all(|line| line.contains(": + member") || line.contains(": + memberOf")),
            "{changes:#?}"
        );
        // By the outer group it is a member, too, but no direct one.
        assert!(values(site, &dn, "memberOf").contains(&group(known.outer)));
        let groups = site.get(&site.user(known.open))["groups"].clone();
        let is_direct = |name: &str| {
            groups
                .as_array()
                .unwrap()
                .iter()
                .any(|g| g["value"] == site.id("group", name).as_str() && g["type"] == "direct")
        };
        assert!(is_direct(cn));
        let outer_members = values(site, &group(known.outer), "member");
        assert_eq!(is_direct(known.outer), outer_members.contains(&dn));
        assert!(site.find("/Groups", &format!("members.value eq \"{who}\"")).contains(&site.id("group", cn)));

        site.patch(&path, remove);
        site.assert_entries(&before, &[]);
        let mut wanted = site.get(&path);
        wanted["members"] = json!([{ "value": who }]);
        site.put(&path, wanted);
        let mut left = values(site, &at, "member");
        left.sort();
        assert_eq!(left, [format!("cn=printer,{ACCOUNTS}"), dn]);
    });
}

#[test]
fn a_group_comes_and_goes() {
    FREEIPA.each(|site| {
        let known = known(site);
        let rich = site.id("user", known.rich);
        let before = site.directory().look();
        let path =
            site.post("/Groups", json!({ "displayName": "Night & Día", "members": [{ "value": rich }] }));
        let found = site.directory().search("(description=Night & Día)").remove(0);
        let cn = values(site, &found.dn, "cn").remove(0);
        assert_eq!(cn, "night_dia");
        site.assert_entries(
            &before,
            &[&format!("+ {}", found.dn), &format!("{}: + memberOf: {}", person(known.rich), found.dn)],
        );
        assert!(values(site, &found.dn, "objectClass").iter().any(|class| class == "ipaUserGroup"));
        assert_eq!(values(site, &found.dn, "gidNumber"), Vec::<String>::new());
        // The short name is taken, then by a private group; without letters that fit the id stands in.
        let twin = site.post("/Groups", json!({ "displayName": "Night, Dia" }));
        assert_eq!(values(site, &group("night_dia_2"), "description"), ["Night, Dia"]);
        let alike = site.post("/Groups", json!({ "displayName": known.open.to_uppercase() }));
        assert_eq!(
            values(site, &group(&format!("{}_2", known.open)), "description"),
            [known.open.to_uppercase()]
        );
        let han = site.post("/Groups", json!({ "displayName": "合唱團" }));
        let entry = site.directory().search("(description=合唱團)").remove(0);
        assert_eq!(values(site, &entry.dn, "cn"), values(site, &entry.dn, "ipaUniqueID"));
        for one in [&twin, &alike, &han] {
            site.delete(one);
        }
        // The long name is another one; the key stays.
        site.patch(&path, json!([{ "op": "replace", "path": "displayName", "value": "Dusk" }]));
        assert_eq!(values(site, &found.dn, "description"), ["Dusk"]);
        // Groups within groups.
        let outer =
            site.post("/Groups", json!({ "displayName": "Outer", "members": [{ "value": id(&path) }] }));
        holds(&site.get(&outer), &json!({ "members": [{ "type": "Group", "display": "Dusk" }] }));
        site.delete(&path);
        assert_eq!(values(site, &group("outer"), "member"), Vec::<String>::new());
        site.delete(&outer);
        site.assert_entries(&before, &[]);
    });
}

/// Each form of a PATCH operation (RFC 7644 §3.5.2), and what it leaves in the entry.
#[test]
fn every_form_of_patch_reaches_the_entry() {
    FREEIPA.each(|site| {
        let dn = person("neo");
        let of = |attribute: &str| values(site, &dn, attribute);
        let kept = preserved("neo");
        let neo = Neo {
            site,
            login: "neo",
            number: "employeeNumber",
            follows: &["initials"],
            refused: ("phoneNumbers", json!([{ "value": "Ωμέγα", "type": "work" }])),
            off: &["{dn}: + nsAccountLock: TRUE"],
            gone: &[
                &format!("{{dn}} → {kept}"),
                &format!("{kept}: + nsAccountLock: TRUE"),
                &format!("{kept}: - memberOf: {IPAUSERS}"),
                &format!("{kept}: - mepManagedEntry: {}", group("neo")),
                &format!("{kept}: - objectClass: mepOriginEntry"),
                &format!("- {}", group("neo")),
                &format!("{IPAUSERS}: - member: {{dn}}"),
            ],
            at: &|| dn.clone(),
            of: &of,
            mail: &|| of("mail"),
        };
        neo.lives_on(&neo.lives_through_patches());
    });
}
