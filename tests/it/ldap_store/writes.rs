//! Steps: what they change, what they refuse, what they take back.

use std::sync::Arc;

use scimgate::store::{
    Cell, Change, Channel, FieldId, Predicate, ReadStore as _, Secret, Step, Store as _, StoreError, Target,
    Value,
};

use super::lab::{Lab, Product, SUFFIX, cell, f, in_lab, in_lab_below, one_of, open, select};

fn insert(lab: &Lab, uid: &str, more: Vec<(FieldId, Cell)>) -> Step {
    let dn = lab.dn_of(uid);
    let mut cells = vec![cell(f::DN, &[&dn]), cell(f::CN, &["C"]), cell(f::SN, &["S"])];
    cells.retain(|(field, _)| !more.iter().any(|(m, _)| m == field));
    cells.extend(more);
    Step::Insert { bag: lab.users(), cells, report: vec![f::UUID, f::CSN, f::UID], unless_exists: false }
}

fn update(lab: &Lab, target: Target, changes: Vec<Change>) -> Step {
    Step::Update { bag: lab.users(), target, changes, required: true }
}

fn set(field: FieldId, values: &[&str]) -> Change {
    Change::Set(field, cell(field, values).1)
}

fn values(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|t| (*t).into()).collect()
}

fn add(field: FieldId, texts: &[&str]) -> Change {
    Change::Add(field, values(texts))
}

fn remove(field: FieldId, texts: &[&str]) -> Change {
    Change::Remove(field, values(texts))
}

fn password(lab: &Lab, target: Target, text: &str) -> Step {
    let (bag, password) = (lab.users(), Secret(text.to_owned().into()));
    Step::Password { bag, target, password, channel: Channel::Exop }
}

fn not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert_eq!(result.unwrap_err(), StoreError::NotFound { bag: "User".into() });
}

#[test]
fn a_value_is_exchanged_only_while_it_is_there() {
    in_lab("exchange", async |lab| {
        lab.apply(insert(lab, "ann", vec![cell(f::MAIL, &["a@x.org", "b@x.org"])])).await.unwrap();
        let dn = lab.dn_of("ann");
        let target = Target::Entry { dn: dn.clone(), anchor: lab.anchor(&dn).await };
        for (old, new, expect) in [
            ("a@x.org", "c@x.org", &["b@x.org", "c@x.org"][..]),
            // Somebody has taken it away: the other one does not come.
            ("a@x.org", "d@x.org", &["b@x.org", "c@x.org"]),
            ("c@x.org", "b@x.org", &["b@x.org"]),
        ] {
            let change = Change::Exchange(f::MAIL, old.into(), new.into());
            lab.apply(update(lab, target.clone(), vec![change])).await.unwrap();
            let mut held = lab.read(&dn, "mail").await.unwrap();
            held.sort();
            assert_eq!(held, expect, "{old} {new} on {:?}", lab.product);
        }
    });
}

#[test]
fn an_entry_lives_and_dies() {
    in_lab("life", async |lab| {
        let report = lab.apply(insert(lab, "ann", vec![cell(f::MAIL, &["a@x.org"])])).await.unwrap();
        let dn = lab.dn_of("ann");
        assert_eq!(report[0], [lab.anchor(&dn).await]);
        assert_eq!(report[1].len(), 1);
        assert_eq!(report[2], values(&["ann"]), "the naming attribute was added");
        let classes = lab.read(&dn, "objectClass").await.unwrap();
        match lab.product {
            Product::OpenLdap => assert_eq!(classes, ["inetOrgPerson"]),
            _ => assert_eq!(classes[0], "inetOrgPerson", "the classes above it are there, too"),
        }

        let target = lab.target(&dn).await;
        let changes =
            vec![set(f::CN, &["New"]), set(f::MAIL, &[]), set(f::PHONE, &[]), add(f::DESCRIPTION, &["d"])];
        lab.apply(update(lab, target.clone(), changes)).await.unwrap();
        assert_eq!(lab.read(&dn, "cn").await.unwrap(), ["New"]);
        assert_eq!(lab.read(&dn, "mail").await.unwrap(), Vec::<String>::new());
        assert_eq!(lab.read(&dn, "description").await.unwrap(), ["d"]);

        let delete = |required| Step::Delete { bag: lab.users(), target: target.clone(), required };
        let (first, second, third) = (delete(true), delete(true), delete(false));
        lab.apply(first).await.unwrap();
        assert_eq!(lab.read(&dn, "cn").await, None);
        not_found(lab.apply(second).await);
        lab.apply(third).await.unwrap();
    });
}

#[test]
fn entries_are_renamed_and_moved() {
    in_lab("rename", async |lab| {
        let dn = lab.add_person("ann", &[]).await;
        let other = format!("ou=other,{}", lab.ou);
        lab.add_ou(&other).await;
        let anchor = lab.anchor(&dn).await;
        let bag = lab.users();
        let rename = |from: &str, to: &str| {
            let target = Target::Entry { dn: from.to_owned(), anchor: anchor.clone() };
            Step::Rename { bag: Arc::clone(&bag), target, dn: to.to_owned() }
        };
        // 389-ds cannot rename away from a name with an escaped character, if uid is unique.
        let odd = if lab.product == Product::OpenLdap { "x\\,y" } else { "x y" };
        let path = [
            (dn.clone(), lab.dn_of("anna")),
            (lab.dn_of("anna"), lab.dn_of("Anna")),
            (lab.dn_of("Anna"), format!("uid={odd},{other}")),
            // Where it was at first: found by its anchor.
            (dn.clone(), lab.dn_of("ann")),
            (lab.dn_of("ann"), lab.dn_of("ann")),
        ];
        let steps: Vec<Step> = path.iter().map(|(from, to)| rename(from, to)).collect();
        for (step, (_, to)) in steps.into_iter().zip(&path) {
            lab.apply(step).await.unwrap();
            let uid = lab.read(to, "uid").await.unwrap_or_else(|| panic!("{to} is not there"));
            assert_eq!(uid.len(), 1, "the old name is gone: {uid:?}");
        }
        let nowhere = rename(&dn, &format!("uid=ann,ou=nowhere,{}", lab.ou));
        let taken = rename(&dn, &lab.dn_of("ben"));
        lab.add_person("ben", &[]).await;
        let error = lab.apply(nowhere).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::ConstraintViolated { constraint, .. } if constraint == "container"),
            "{error}"
        );
        assert!(matches!(lab.apply(taken).await, Err(StoreError::AlreadyExists { .. })));
    });
}

#[test]
fn an_entry_that_moved_behind_our_back_is_found() {
    in_lab("moved", async |lab| {
        let stale = lab.add_person("ann", &[]).await;
        let target = lab.target(&stale).await;
        let moved = lab.dn_of("moved");
        lab.raw.modifydn(&stale, "uid=moved", true, None).await.unwrap().success().unwrap();
        lab.apply(update(lab, target.clone(), vec![set(f::CN, &["changed"])])).await.unwrap();
        assert_eq!(lab.read(&moved, "cn").await.unwrap(), ["changed"]);
        lab.apply(password(lab, target.clone(), "a-long-secret")).await.unwrap();
        assert!(!lab.read(&moved, "userPassword").await.unwrap().is_empty());
        let last = Step::Delete { bag: lab.users(), target, required: true };
        lab.apply(last).await.unwrap();
        assert_eq!(lab.read(&moved, "cn").await, None);
    });
}

#[test]
fn an_entry_that_took_over_a_name_is_never_touched() {
    in_lab("reused", async |lab| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        lab.raw.delete(&dn).await.unwrap().success().unwrap();
        lab.add_person("ann", &[("cn", &["another"])]).await;
        let steps = [
            update(lab, target.clone(), vec![set(f::CN, &["changed"])]),
            update(lab, target.clone(), vec![add(f::CN, &["another"])]),
            password(lab, target.clone(), "a-long-secret"),
            Step::Rename { bag: lab.users(), target: target.clone(), dn: lab.dn_of("new") },
            Step::Delete { bag: lab.users(), target: target.clone(), required: true },
        ];
        for step in steps {
            not_found(lab.apply(step).await);
        }
        assert_eq!(lab.read(&dn, "cn").await.unwrap(), ["another"]);
        assert_eq!(lab.read(&dn, "userPassword").await.unwrap(), Vec::<String>::new());

        // The first one lives on elsewhere: the change goes there.
        let old = lab.add_person("old", &[]).await;
        let target = lab.target(&old).await;
        lab.raw.modifydn(&old, "uid=elsewhere", true, None).await.unwrap().success().unwrap();
        lab.add_person("old", &[("cn", &["usurper"])]).await;
        lab.apply(update(lab, target, vec![set(f::CN, &["changed"])])).await.unwrap();
        assert_eq!(lab.read(&old, "cn").await.unwrap(), ["usurper"]);
        assert_eq!(lab.read(&lab.dn_of("elsewhere"), "cn").await.unwrap(), ["changed"]);
    });
}

#[test]
fn adding_what_is_there_and_removing_what_is_not_are_no_errors() {
    in_lab("permissive", async |lab| {
        let held: &[(&str, &[&str])] = &[("description", &["a", "b"]), ("telephoneNumber", &["+1 555 1"])];
        let cases: Vec<(Vec<Change>, &[&str], &[&str])> = vec![
            (vec![add(f::DESCRIPTION, &["a", "c"])], &["a", "b", "c"], &["+1 555 1"]),
            (vec![add(f::DESCRIPTION, &["A"]), add(f::PHONE, &["+15551"])], &["a", "b"], &["+1 555 1"]),
            (vec![remove(f::DESCRIPTION, &["a", "z"])], &["b"], &["+1 555 1"]),
            (vec![remove(f::DESCRIPTION, &["B ", "z"])], &["a"], &["+1 555 1"]),
            (vec![remove(f::PHONE, &["+1-555-1", "+9"])], &["a", "b"], &[]),
            (vec![remove(f::MAIL, &["z@x.org"])], &["a", "b"], &["+1 555 1"]),
            (vec![remove(f::DESCRIPTION, &[]), add(f::MAIL, &[])], &["a", "b"], &["+1 555 1"]),
            (
                vec![remove(f::DESCRIPTION, &["z"]), add(f::DESCRIPTION, &["b", "c"])],
                &["a", "b", "c"],
                &["+1 555 1"],
            ),
            (
                vec![remove(f::DESCRIPTION, &["b"]), add(f::DESCRIPTION, &["b", "a"])],
                &["a", "b"],
                &["+1 555 1"],
            ),
            (
                vec![set(f::PHONE, &["+2"]), add(f::DESCRIPTION, &["a"]), remove(f::MAIL, &["q@x.org"])],
                &["a", "b"],
                &["+2"],
            ),
        ];
        for (i, (changes, descriptions, phones)) in cases.into_iter().enumerate() {
            let dn = lab.add_person(&format!("u{i}"), held).await;
            let target = lab.target(&dn).await;
            let shown = format!("{changes:?}");
            lab.apply(update(lab, target, changes)).await.unwrap_or_else(|e| panic!("{shown}: {e}"));
            let mut now = lab.read(&dn, "description").await.unwrap();
            now.sort();
            assert_eq!(now, descriptions, "{shown}");
            assert_eq!(lab.read(&dn, "telephoneNumber").await.unwrap(), phones, "{shown}");
        }
    });
}

#[test]
fn values_keep_their_order() {
    in_lab("order", async |lab| {
        let mails = ["m3@x.org", "m1@x.org", "m4@x.org", "m2@x.org", "m5@x.org"];
        lab.apply(insert(lab, "ann", vec![cell(f::MAIL, &mails)])).await.unwrap();
        let dn = lab.dn_of("ann");
        assert_eq!(lab.read(&dn, "mail").await.unwrap(), mails);
        let more: Vec<String> =
            [7, 3, 9, 1, 8, 2, 6, 0, 5, 4].iter().map(|i| format!("n{i}@x.org")).collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let target = lab.target(&dn).await;
        lab.apply(update(lab, target, vec![set(f::MAIL, &more)])).await.unwrap();
        assert_eq!(lab.read(&dn, "mail").await.unwrap(), more);
    });
}

#[test]
fn a_thousand_values_are_added_and_removed_at_once() {
    in_lab("many", async |lab| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        let all: Vec<String> = (0..1000).map(|i| format!("value {i}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        lab.apply(update(lab, target.clone(), vec![add(f::DESCRIPTION, &all[..600])])).await.unwrap();
        lab.apply(update(lab, target.clone(), vec![add(f::DESCRIPTION, &all)])).await.unwrap();
        assert_eq!(lab.read(&dn, "description").await.unwrap().len(), 1000);
        lab.apply(update(lab, target.clone(), vec![remove(f::DESCRIPTION, &all[..999])])).await.unwrap();
        lab.apply(update(lab, target, vec![remove(f::DESCRIPTION, &all[..1000])])).await.unwrap();
        assert_eq!(lab.read(&dn, "description").await.unwrap().len(), 0);
    });
}

#[test]
fn refusals_say_what_is_wrong() {
    in_lab("refusals", async |lab| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        let cells_without_sn = vec![cell(f::DN, &[&lab.dn_of("x")]), cell(f::CN, &["C"])];
        let bare =
            Step::Insert { bag: lab.users(), cells: cells_without_sn, report: vec![], unless_exists: false };
        let orphan_dn = format!("uid=x,ou=nowhere,{}", lab.ou);
        let read_only = format!("violated {}", lab.product.anchor());
        let cases: Vec<(Step, &str)> = vec![
            (bare, "violated sn"),
            (insert(lab, "ann", vec![]), "exists uid"),
            (insert(lab, "x", vec![cell(f::DN, &[&orphan_dn])]), "violated container"),
            (insert(lab, "x", vec![cell(f::DN, &["uid=a,,"])]), "violated dn"),
            (insert(lab, "x", vec![cell(f::UNKNOWN, &["x"])]), "violated noSuchAttribute"),
            (insert(lab, "x", vec![cell(f::MANAGER, &["no name"])]), "violated manager"),
            (insert(lab, "x", vec![cell(f::HOME, &["/"])]), "violated homeDirectory"),
            (update(lab, target.clone(), vec![set(f::DISPLAY, &["a", "b"])]), "violated displayName"),
            (update(lab, target.clone(), vec![set(f::UUID, &["a"])]), &read_only),
            (update(lab, target.clone(), vec![set(f::SN, &[])]), "violated sn"),
            (update(lab, target.clone(), vec![set(f::DN, &["uid=x"])]), "unsupported"),
            (password(lab, target.clone(), ""), "violated userPassword"),
        ];
        for (step, expect) in cases {
            let shown = format!("{step:?}");
            let said = match lab.apply(step).await.unwrap_err() {
                StoreError::ConstraintViolated { constraint, .. } => format!("violated {constraint}"),
                StoreError::AlreadyExists { constraint } => format!("exists {constraint}"),
                StoreError::Unsupported(_) => "unsupported".to_owned(),
                other => other.to_string(),
            };
            match lab.product {
                Product::OpenLdap => assert_eq!(said, expect, "{shown}"),
                // It names attributes as the request did, or in its own spelling.
                _ => assert_eq!(said.to_lowercase(), expect.to_lowercase(), "{shown}"),
            }
        }
        lab.add(&format!("uid=child,{dn}"), &[("objectClass", &["account"])]).await;
        let parent = Step::Delete { bag: lab.users(), target, required: true };
        assert!(matches!(lab.apply(parent).await, Err(StoreError::ConstraintViolated { .. })));
    });
}

#[test]
fn a_value_that_must_be_unique_is_named() {
    let test = async |lab: &mut Lab| {
        let mail = format!("{}@x.org", uuid::Uuid::new_v4().simple());
        let (ann, ben) = (format!("{mail}.ann"), format!("{mail}.ben"));
        lab.apply(insert(lab, &ann, vec![cell(f::MAIL, &[&mail])])).await.unwrap();
        let twin = lab.apply(insert(lab, &ben, vec![cell(f::MAIL, &[&mail.to_uppercase()])])).await;
        assert_eq!(twin.unwrap_err(), StoreError::AlreadyExists { constraint: "mail".into() });
        let other = format!("ou=other,{}", lab.ou);
        lab.add_ou(&other).await;
        let same_uid = insert(lab, "x", vec![cell(f::DN, &[&format!("uid={ann},{other}")])]);
        assert_eq!(
            lab.apply(same_uid).await.unwrap_err(),
            StoreError::AlreadyExists { constraint: "uid".into() }
        );
    };
    let people = format!("ou=people,{SUFFIX}");
    Product::ALL.into_iter().for_each(|product| in_lab_below(product, &people, "unique", test));
}

#[test]
fn a_password_of_active_directory_is_not_sent_in_the_clear() {
    in_lab_below(Product::OpenLdap, SUFFIX, "clear", async |lab| {
        let told = |answer: Result<(), StoreError>| match answer.unwrap_err() {
            StoreError::Unsupported(text) => assert!(text.contains("over TLS only"), "{text}"),
            other => panic!("{other}"),
        };
        let bag = lab.users();
        let step = |target: Target| Step::Password {
            bag: Arc::clone(&bag),
            target,
            password: Secret("a word of honour".to_owned().into()),
            channel: Channel::UnicodePwd,
        };
        let dn = lab.add_person("ann", &[]).await;
        let ann = lab.target(&dn).await;
        told(lab.apply(step(ann)).await.map(drop));
        // That of a new entry is a part of it: nothing is added.
        let new = lab.dn_of("ben");
        let unknown = Target::Entry { dn: new.clone(), anchor: Value::from("") };
        told(lab.store.apply(vec![insert(lab, "ben", vec![]), step(unknown)]).await.map(drop));
        assert_eq!(lab.read(&new, "cn").await, None);
    });
}

#[test]
fn passwords_are_set_or_refused_by_the_policy() {
    in_lab("password", async |lab| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        let gateway = open(&lab.settings);
        match gateway.apply(vec![password(lab, target.clone(), "short")]).await.unwrap_err() {
            StoreError::ConstraintViolated { constraint, reason } => {
                assert_eq!(constraint, "userPassword");
                let says = if lab.product == Product::OpenLdap { "quality" } else { "password" };
                assert!(reason.contains(says), "{reason}");
            }
            other => panic!("{other}"),
        }
        gateway.apply(vec![password(lab, target.clone(), "long enough, ä*)(")]).await.unwrap();
        let mut ann = super::lab::raw(&lab.settings).await;
        assert_eq!(ann.simple_bind(&dn, "long enough, ä*)(").await.unwrap().rc, 0);

        // In the list that makes the entry, before anybody knows its anchor.
        let ben = lab.dn_of("ben");
        let unknown = Target::Entry { dn: ben.clone(), anchor: Value::from("") };
        let steps = vec![insert(lab, "ben", vec![]), password(lab, unknown.clone(), "a secret of its own")];
        gateway.apply(steps).await.unwrap();
        assert_eq!(ann.simple_bind(&ben, "a secret of its own").await.unwrap().rc, 0);
        let refused = vec![
            insert(lab, "cid", vec![]),
            password(lab, Target::Entry { dn: lab.dn_of("cid"), anchor: "".into() }, "short"),
        ];
        assert!(gateway.apply(refused).await.is_err());
        assert_eq!(lab.read(&lab.dn_of("cid"), "cn").await, None, "no entry without its password");
    });
}

#[test]
fn steps_may_use_what_earlier_ones_reported() {
    in_lab("from", async |lab| {
        let cells = vec![(f::DESCRIPTION, Cell::From { step: 0, field: f::UUID })];
        let steps = vec![insert(lab, "ann", vec![]), insert(lab, "ben", cells)];
        let reports = lab.store.apply(steps).await.unwrap();
        let anchor = reports[0][0][0].to_text();
        assert_eq!(lab.read(&lab.dn_of("ben"), "description").await.unwrap(), [anchor]);
        let dangling = insert(lab, "cid", vec![(f::DESCRIPTION, Cell::From { step: 3, field: f::UUID })]);
        assert!(matches!(lab.apply(dangling).await, Err(StoreError::Corrupt(_))));
    });
}

#[test]
fn steps_before_a_failing_one_are_taken_back() {
    in_lab("undo", async |lab| {
        let dn = lab.add_person("ann", &[]).await;
        let target = lab.target(&dn).await;
        let gone =
            Target::Entry { dn: lab.dn_of("gone"), anchor: "00000000-0000-0000-0000-000000000000".into() };
        let steps = vec![
            insert(lab, "new", vec![]),
            Step::Rename { bag: lab.users(), target: target.clone(), dn: lab.dn_of("renamed") },
            // Both name the entry as it was before the list.
            update(lab, target.clone(), vec![set(f::DESCRIPTION, &["d"])]),
            update(lab, gone, vec![set(f::CN, &["x"])]),
        ];
        not_found(lab.store.apply(steps).await);
        assert_eq!(lab.read(&lab.dn_of("new"), "cn").await, None);
        assert_eq!(lab.read(&lab.dn_of("renamed"), "cn").await, None);
        assert_eq!(lab.read(&dn, "uid").await.unwrap(), ["ann"]);
    });
}

#[test]
fn a_condition_selects_entries_to_change_only_if_it_is_exact() {
    in_lab("rows", async |lab| {
        let posix = |number| -> Vec<(FieldId, Cell)> {
            vec![
                cell(f::CLASS, &["posixAccount"]),
                (f::UID_NUMBER, Cell::Values(vec![Value::Int(number)])),
                cell(f::GID_NUMBER, &["1"]),
                cell(f::HOME, &["/"]),
            ]
        };
        for (uid, number) in [("ann", 7), ("ben", 7), ("cid", 8)] {
            lab.apply(insert(lab, uid, posix(number))).await.unwrap();
        }
        let rows = |predicate, required| Step::Update {
            bag: lab.users(),
            target: Target::Rows(predicate),
            changes: vec![set(f::DESCRIPTION, &["seven"])],
            required,
        };
        let seven = rows(Predicate::equals(f::UID_NUMBER, 7.into()), true);
        let (none, never) = (Predicate::equals(f::UID_NUMBER, 9.into()), one_of(f::CN, &["C"]));
        let (none, none_required, never) = (rows(none.clone(), false), rows(none, true), rows(never, true));
        lab.apply(seven).await.unwrap();
        lab.apply(none).await.unwrap();
        not_found(lab.apply(none_required).await);
        assert!(matches!(lab.apply(never).await, Err(StoreError::Unsupported(_))));
        let described = select(&lab.users(), one_of(f::DESCRIPTION, &["seven"]), &[f::UID]);
        assert_eq!(super::lab::texts(&lab.store.select(described).await.unwrap(), f::UID), ["ann", "ben"]);
    });
}

#[test]
fn concurrent_changes_of_one_attribute_all_survive() {
    in_lab("race", async |lab| {
        let dn = lab.add_person("ann", &[("description", &["gone"])]).await;
        let target = lab.target(&dn).await;
        let lab = &*lab;
        let bag = lab.users();
        let changes = (0..20).map(|i| {
            let changes = vec![
                remove(f::DESCRIPTION, &["gone"]),
                add(f::DESCRIPTION, &["common", &format!("own {i}")]),
            ];
            let step =
                Step::Update { bag: Arc::clone(&bag), target: target.clone(), changes, required: true };
            lab.apply(step)
        });
        for outcome in futures_util::future::join_all(changes).await {
            outcome.unwrap();
        }
        let rows = lab.store.select(select(&bag, Predicate::True, &[f::DESCRIPTION])).await.unwrap();
        assert_eq!(rows[0].all(f::DESCRIPTION).len(), 21);
    });
}
