//! Selections: every test, hostile values, paging, look-ups by name.

use std::{collections::HashSet, sync::Arc};

use futures_util::{StreamExt as _, future::join_all, stream};
use ldap3::Scope;
use scimgate::store::{
    Bag, Coverage, Fold, Order, Predicate, ReadStore as _, Select, Source, Step, StoreError, Test, Value,
    dn::Dn,
};

use super::lab::{
    SUFFIX, cell, f, in_lab, on_each, one_of, open, raw, run, select, settings, texts, users_in,
};

#[test]
fn every_test_selects_what_it_should() {
    in_lab("tests", async |lab| {
        let posix = |number: &'static str| -> Vec<(&str, &[&str])> {
            let number: &[&str] = match number {
                "5" => &["5"],
                _ => &["6"],
            };
            vec![
                ("objectClass", &["inetOrgPerson", "posixAccount"]),
                ("uidNumber", number),
                ("gidNumber", &["1"]),
                ("homeDirectory", &["/home/Ann"]),
            ]
        };
        let boss = lab.add_person("boss", &[("description", &["chief"])]).await;
        lab.add_person(
            "ann",
            &[posix("5"), vec![("cn", &["Ann  Lee", "Annie"]), ("manager", &[&boss])]].concat(),
        )
        .await;
        lab.add_person("ben", &[posix("6"), vec![("cn", &["Ben"]), ("mail", &["ben@x.org"])]].concat()).await;
        let (bag, t) = (lab.users(), Predicate::Field);
        let text = |s: &str| s.to_owned();
        let not = |p| Predicate::Not(Box::new(p));
        let number = |order, n: i64| t(f::UID_NUMBER, Test::Order(order, n.into(), Fold::Exact));
        let cases: Vec<(Predicate, &[&str])> = vec![
            (Predicate::True, &["ann", "ben", "boss"]),
            (Predicate::False, &[]),
            (t(f::MAIL, Test::Present), &["ben"]),
            (t(f::MAIL, Test::Absent), &["ann", "boss"]),
            (one_of(f::UID, &["ANN", "boss", "zoe"]), &["ann", "boss"]),
            (one_of(f::CN, &["ann lee"]), &["ann"]),
            (one_of(f::CN, &[]), &[]),
            (one_of(f::MANAGER, &[&boss.replace("uid=", "UID= ")]), &["ann"]),
            (t(f::CN, Test::Starts(text("ann"), Fold::Case)), &["ann"]),
            (t(f::CN, Test::Ends(text("lee"), Fold::Case)), &["ann"]),
            (t(f::CN, Test::Contains(text("E"), Fold::Case)), &["ann", "ben"]),
            (t(f::MANAGER, Test::Contains(text("boss"), Fold::Case)), &["ann"]),
            (number(Order::Ge, 6), &["ben"]),
            (number(Order::Le, 5), &["ann"]),
            (number(Order::Gt, 5), &["ann", "ben"]), // A superset, as its coverage says.
            (t(f::UID_NUMBER, Test::BitsSet(4)), &["ann", "ben"]),
            (t(f::UID_NUMBER, Test::BitsSet(5)), &["ann"]),
            (t(f::UID_NUMBER, Test::BitsClear(1)), &["ben"]),
            (t(f::HAS_CHILDREN, Test::OneOf(vec![Value::Bool(false)], Fold::Exact)), &["ann", "ben", "boss"]),
            (t(f::HOME, Test::OneOf(vec!["/HOME/ANN".into()], Fold::Case)), &["ann", "ben"]),
            (not(Predicate::equals(f::UID_NUMBER, 5.into())), &["ben", "boss"]),
            (not(t(f::MAIL, Test::Present)), &["ann", "boss"]),
            (Predicate::Any(vec![one_of(f::UID, &["boss"]), t(f::MAIL, Test::Present)]), &["ben", "boss"]),
            (Predicate::All(vec![one_of(f::CN, &["C", "Ben"]), t(f::MAIL, Test::Present)]), &["ben"]),
            (
                t(
                    f::MODIFIED,
                    Test::Order(
                        Order::Ge,
                        Value::Time(time::OffsetDateTime::now_utc() - time::Duration::hours(1)),
                        Fold::Exact,
                    ),
                ),
                &["ann", "ben", "boss"],
            ),
            (
                t(
                    f::MODIFIED,
                    Test::Order(
                        Order::Ge,
                        Value::Time(time::OffsetDateTime::now_utc() + time::Duration::hours(1)),
                        Fold::Exact,
                    ),
                ),
                &[],
            ),
        ];
        for (predicate, expect) in cases {
            assert_eq!(lab.uids(&bag, predicate.clone()).await, expect, "{predicate:?}");
            let count = lab.store.count(Arc::clone(&bag), predicate.clone()).await.unwrap();
            assert_eq!(count, expect.len() as u64, "{predicate:?}");
        }
        let exact = lab.store.coverage(&bag, &one_of(f::DN, &["x"]));
        assert_eq!(
            (exact, lab.store.coverage(&bag, &number(Order::Gt, 5))),
            (Coverage::Exact, Coverage::Superset)
        );
    });
}

#[test]
fn rows_hold_typed_values_of_the_fields_asked_for_and_no_others() {
    in_lab("types", async |lab| {
        let dn =
            lab.add_person("ann", &[("description;lang-de", &["Deutsch"]), ("mail", &["b@x.org"])]).await;
        let photo: Vec<u8> = vec![0xff, 0xd8, 0, b'*'];
        let mods = vec![ldap3::Mod::Replace(b"jpegPhoto".to_vec(), HashSet::from([photo.clone()]))];
        lab.raw.modify(&dn, mods).await.unwrap().success().unwrap();
        let bag = lab.users();
        let fields =
            [f::DN, f::CONTAINER, f::SN, f::DESCRIPTION, f::PHOTO, f::MODIFIED, f::HAS_CHILDREN, f::UNKNOWN];
        let by_photo = Predicate::equals(f::PHOTO, Value::Bytes(photo.clone()));
        let rows = lab.store.select(select(&bag, by_photo, &fields)).await.unwrap();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!(row.all(f::DN), [Value::from(dn.as_str())]);
        assert_eq!(row.all(f::CONTAINER), [Value::from(lab.ou.as_str())]);
        assert_eq!(row.all(f::SN), ["S".into()]);
        assert_eq!(row.all(f::PHOTO), [Value::Bytes(photo)]);
        assert_eq!(row.all(f::HAS_CHILDREN), [Value::Bool(false)]);
        assert!(matches!(row.first(f::MODIFIED), Some(Value::Time(t)) if t.year() >= 2024));
        for empty in [f::DESCRIPTION, f::UNKNOWN, f::MAIL, f::CLASS] {
            assert!(row.all(empty).is_empty(), "field {empty}");
        }
    });
}

#[test]
fn hostile_values_stay_values() {
    in_lab("hostile", async |lab| {
        let bag = lab.users();
        let names = [
            "*)(uid=*",
            "a\\00",
            "x,y+z=\"q\"\\<>;",
            " lead",
            "trail ",
            "#hash",
            "Zoë",
            "日本",
            "🦊 fox",
            "a=b",
            "\\2a",
            "a/b",
            "(&(x=y))",
            "né\u{301}e",
        ];
        for name in names {
            let dn = lab.dn_of(name);
            let cells =
                vec![cell(f::DN, &[&dn]), cell(f::UID, &[name]), cell(f::CN, &[name]), cell(f::SN, &["S"])];
            let insert =
                Step::Insert { bag: Arc::clone(&bag), cells, report: vec![f::DN], unless_exists: false };
            let report = lab.apply(insert).await.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(Dn::parse(&report[0][0].to_text()), Dn::parse(&dn), "{name}");
        }
        lab.add_person("plain", &[]).await;
        for name in names {
            for predicate in [
                one_of(f::UID, &[name]),
                one_of(f::CN, &[name]),
                one_of(f::DN, &[&lab.dn_of(name)]),
                Predicate::Field(f::CN, Test::Contains(name.into(), Fold::Exact)),
            ] {
                let found = lab.uids(&bag, predicate.clone()).await;
                assert_eq!(found.len(), 1, "{predicate:?}");
                assert_eq!(found[0].trim(), name.trim(), "{predicate:?}");
            }
        }
        let all: Vec<String> = names.iter().map(|n| lab.dn_of(n)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(lab.uids(&bag, one_of(f::DN, &all)).await.len(), names.len());
        let nul = Predicate::Field(f::CN, Test::Contains("\0".into(), Fold::Exact));
        assert_eq!(lab.uids(&bag, nul).await, Vec::<String>::new());
    });
}

/// 1,500 people, made once and kept: adding that many takes a while.
async fn crowd(settings: &scimgate::config::ldap::LdapSettings) -> String {
    let ou = format!("ou=t-crowd,{SUFFIX}");
    let ldap = raw(settings).await;
    let set = |v: &str| HashSet::from([v.to_owned()]);
    let class = |c: &str| ("objectClass".to_owned(), set(c));
    ldap.clone().add(&ou, vec![class("organizationalUnit")]).await.unwrap();
    let there = ldap.clone().search(&ou, Scope::OneLevel, "(uid=*)", ["1.1"]).await.unwrap().0.len();
    if there < 1500 {
        let adds = (0..1500).map(|i| {
            let (mut ldap, uid) = (ldap.clone(), format!("crowd{i:04}"));
            let attributes = vec![class("inetOrgPerson"), ("cn".into(), set(&uid)), ("sn".into(), set("S"))];
            let dn = format!("uid={uid},{ou}");
            async move { ldap.add(&dn, attributes).await.unwrap() }
        });
        stream::iter(adds).buffer_unordered(32).collect::<Vec<_>>().await;
    }
    ou
}

#[test]
fn listings_are_complete_limited_and_may_overlap() {
    on_each(async |settings| {
        let bag = users_in(&[&crowd(&settings).await]);
        let store = open(&settings);
        let all = || store.select(select(&bag, Predicate::True, &[f::UID]));
        let listings = join_all([all(), all(), all()]).await;
        for rows in listings {
            let uids: HashSet<String> = texts(&rows.unwrap(), f::UID).into_iter().collect();
            assert_eq!(uids.len(), 1500);
        }
        assert_eq!(store.count(Arc::clone(&bag), Predicate::True).await.unwrap(), 1500);
        for limit in [0, 1, 499, 500, 501, 1499, 1500, 9999] {
            let limited = Select { limit: Some(limit), ..select(&bag, Predicate::True, &[f::UID]) };
            let rows = store.select(limited).await.unwrap();
            assert_eq!(rows.len() as u64, limit.min(1500), "limit {limit}");
        }
        let some = Predicate::Field(f::UID, Test::Starts("crowd14".into(), Fold::Exact));
        assert_eq!(store.select(select(&bag, some, &[])).await.unwrap().len(), 100);
        // A listing that nobody waits for is abandoned, and its connection stays good.
        for _ in 0..3 {
            let cut = tokio::time::timeout(std::time::Duration::from_millis(5), all()).await;
            assert!(cut.is_err(), "1,500 entries took less than 5 ms");
        }
        assert_eq!(all().await.unwrap().len(), 1500);
        let burst = (0..400)
            .map(|i| store.select(select(&bag, one_of(f::UID, &[&format!("crowd{i:04}")]), &[f::UID])));
        assert!(join_all(burst).await.into_iter().all(|rows| rows.unwrap().len() == 1));
    });
}

#[test]
fn the_servers_limit_is_an_error_and_no_short_list() {
    let Some(settings) = settings() else { return };
    run(async {
        let ou = crowd(&settings).await;
        let dn = format!("uid=crowd0000,{ou}");
        let password = format!("limited-{}", uuid::Uuid::new_v4().simple());
        let mods = vec![ldap3::Mod::Replace("userPassword", HashSet::from([password.as_str()]))];
        raw(&settings).await.modify(&dn, mods).await.unwrap().success().unwrap();
        let limited =
            scimgate::config::ldap::LdapSettings { bind_dn: dn, password: password.into(), ..settings };
        let store = open(&limited);
        let list = store.select(select(&users_in(&[&ou]), Predicate::True, &[f::UID])).await;
        assert!(matches!(list, Err(StoreError::LimitExceeded(_))), "{:?}", list.map(|rows| rows.len()));
        let few = Select { limit: Some(5), ..select(&users_in(&[&ou]), Predicate::True, &[f::UID]) };
        assert_eq!(store.select(few).await.unwrap().len(), 5);
    });
}

#[test]
fn entries_are_found_by_name_few_or_many() {
    on_each(async |settings| {
        let ou = crowd(&settings).await;
        let store = open(&settings);
        let bag = users_in(&[&ou]);
        for number in [1, 3, 4, 5, 250, 700] {
            let mut dns: Vec<String> = (0..number).map(|i| format!("UID=Crowd{i:04}, {ou}")).collect();
            dns.push(format!("uid=nobody,{ou}"));
            dns.push(format!("uid=crowd0001,ou=elsewhere,{ou}"));
            dns.push(format!("uid=gateway,ou=services,{SUFFIX}"));
            dns.push("no name at all".to_owned());
            let dns: Vec<&str> = dns.iter().map(String::as_str).collect();
            let rows = store.select(select(&bag, one_of(f::DN, &dns), &[f::UID])).await.unwrap();
            assert_eq!(rows.len(), number);
            let and = one_of(f::DN, &dns).and(one_of(f::UID, &["crowd0000"]));
            assert_eq!(store.count(Arc::clone(&bag), and).await.unwrap(), 1);
        }
    });
}

#[test]
fn a_name_means_its_own_entry_only() {
    in_lab("names", async |lab| {
        let (here, there) = (format!("ou=here,{}", lab.ou), format!("ou=there,{}", lab.ou));
        for ou in [&here, &there] {
            lab.add_ou(ou).await;
            for i in 0..6 {
                let dn = format!("uid=u{i}+cn=C,{ou}");
                let dn = if i == 0 { dn } else { format!("uid=u{i},{ou}") };
                let person: &[(&str, &[&str])] =
                    &[("objectClass", &["inetOrgPerson"]), ("cn", &["C"]), ("sn", &["S"])];
                lab.add(&dn, person).await;
            }
        }
        let bag = lab.users();
        let mut dns: Vec<String> = (1..6).map(|i| format!("uid=u{i},{here}")).collect();
        dns.push(format!("CN=c+UID=U0,{there}"));
        let dns: Vec<&str> = dns.iter().map(String::as_str).collect();
        let rows = lab.store.select(select(&bag, one_of(f::DN, &dns), &[f::DN, f::CONTAINER])).await.unwrap();
        assert_eq!(rows.len(), 6);
        assert_eq!(texts(&rows, f::CONTAINER).iter().filter(|c| **c == there).count(), 1);
        let all = lab.uids(&bag, Predicate::True).await.len();
        let within = |ou: &str| one_of(f::CONTAINER, &[&ou.to_uppercase()]);
        assert_eq!((all, lab.uids(&bag, within(&here)).await.len()), (12, 6));
        assert_eq!(lab.uids(&bag, Predicate::Not(Box::new(within(&here)))).await.len(), 6);
        assert_eq!(lab.uids(&bag, within(&there).and(one_of(f::DN, &dns))).await, ["u0"]);
        assert_eq!(lab.uids(&bag, within("ou=not there")).await.len(), 0);
        let absent = within(&format!("ou=absent,{}", lab.ou));
        assert_eq!(lab.uids(&bag, absent).await.len(), 0);

        let mut scoped = Bag::clone(&bag);
        scoped.scope =
            Predicate::Not(Box::new(Predicate::Any(vec![within(&there), one_of(f::UID, &["u1"])])));
        let scoped = Arc::new(scoped);
        assert_eq!(lab.uids(&scoped, Predicate::True).await, ["u0", "u2", "u3", "u4", "u5"]);
        assert_eq!(lab.uids(&scoped, one_of(f::DN, &dns)).await, ["u2", "u3", "u4", "u5"]);
    });
}

#[test]
fn bases_may_be_several_and_one_level_deep() {
    in_lab("bases", async |lab| {
        let (a, b) = (format!("ou=a,{}", lab.ou), format!("ou=b,{}", lab.ou));
        let person: &[(&str, &[&str])] =
            &[("objectClass", &["inetOrgPerson"]), ("cn", &["C"]), ("sn", &["S"])];
        for ou in [&a, &b] {
            lab.add_ou(ou).await;
        }
        for dn in [format!("uid=u1,{a}"), format!("uid=u2,{b}"), format!("uid=u3,{}", lab.ou)] {
            lab.add(&dn, person).await;
        }
        assert_eq!(lab.uids(&users_in(&[&a, &b]), Predicate::True).await, ["u1", "u2"]);
        assert_eq!(lab.uids(&users_in(&[&a, &lab.ou, &a]), Predicate::True).await, ["u1", "u2", "u3"]);
        let mut flat = Bag::clone(&lab.users());
        if let Source::Entries { subtree, .. } = &mut flat.source {
            *subtree = false;
        }
        let flat = Arc::new(flat);
        assert_eq!(lab.uids(&flat, Predicate::True).await, ["u3"]);
        let dns = [format!("uid=u1,{a}"), format!("uid=u3,{}", lab.ou)];
        assert_eq!(lab.uids(&flat, one_of(f::DN, &[&dns[0], &dns[1]])).await, ["u3"]);
        assert_eq!(lab.uids(&flat, one_of(f::CONTAINER, &[&a])).await.len(), 0);
    });
}

#[test]
fn a_base_that_is_not_there_is_never_an_empty_answer() {
    in_lab("base", async |lab| {
        let typo = format!("ou=poeple,{}", lab.ou);
        let bag = users_in(&[&typo]);
        let dns: Vec<String> = (0..9).map(|i| format!("uid=u{i},{typo}")).collect();
        let dns: Vec<&str> = dns.iter().map(String::as_str).collect();
        for predicate in [
            Predicate::True,
            one_of(f::UID, &["ann"]),
            one_of(f::UUID, &["00000000-0000-0000-0000-000000000000"]),
            one_of(f::DN, &dns[..1]),
            one_of(f::DN, &dns),
            one_of(f::CONTAINER, &[&typo]),
            one_of(f::CONTAINER, &[&format!("ou=x,{typo}")]),
        ] {
            let answer = lab.store.select(select(&bag, predicate.clone(), &[f::UID])).await;
            assert!(
                matches!(&answer, Err(StoreError::Corrupt(text)) if text.contains("poeple")),
                "{predicate:?} {answer:?}"
            );
        }
        // Below a base that exists, an absent name is just absent.
        assert_eq!(lab.uids(&lab.users(), one_of(f::DN, &dns[..1])).await.len(), 0);
    });
}
