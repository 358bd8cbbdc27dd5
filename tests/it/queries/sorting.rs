//! `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3): every store gives the same order, whatever its collation.

use std::cmp::Ordering;

use serde_json::{Value as Json, json};

use super::{ENTERPRISE, create, everywhere, ids, list, refused, resources};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

/// Titles in their order: code points of the folded text. The equal ones are alike to SCIM.
const TITLES: [&str; 8] = ["10", "9", "BAKER", "baker", "baker 2", "zimmermann", "äbtissin", "Ärztin"];

#[test]
fn texts_sort_without_case_by_code_point_and_the_absent_come_last() {
    // 7644-3.4.2.3-a, 7644-3.4.2.3-c, 7644-3.4.2.3-d, 7644-3.4.2.3-e, 9865-i
    everywhere(|_, gateway| {
        let client = gateway.client();
        let prefix = unique("sort");
        // Not made in their order.
        let mut made: Vec<(usize, String)> = [5, 1, 7, 3, 0, 6, 2, 4]
            .iter()
            .map(|i| (*i, create(&client, &format!("{prefix}{i}"), json!({ "title": TITLES[*i] }))))
            .collect();
        made.sort();
        let none = create(&client, &format!("{prefix}none"), json!({}));
        let filter = format!("userName sw \"{prefix}\"");
        let ask = |by: &str, order: &str, filter: &str| {
            let query = [
                ("sortBy", by),
                ("sortOrder", order),
                ("filter", filter),
                ("count", "1000"),
                ("attributes", "title"),
            ];
            list(&client, "/Users", &query)
        };
        let titles = |answer: &Json| -> Vec<String> {
            resources(answer).iter().map(|r| r["title"].as_str().unwrap_or("").to_owned()).collect()
        };
        let up = ask("title", "ascending", &filter);
        let down = ask("TITLE", "Descending", &filter);
        assert_eq!(up["totalResults"], 9, "{up}");
        let alike = |order: Vec<String>| -> Vec<String> {
            order.iter().map(|t| t.replace("BAKER", "baker")).collect()
        };
        let expected: Vec<String> =
            TITLES.iter().map(|t| t.replace("BAKER", "baker")).chain([String::new()]).collect();
        assert_eq!(alike(titles(&up)), expected);
        assert_eq!(alike(titles(&down)), expected.iter().rev().cloned().collect::<Vec<_>>());
        assert_eq!((ids(&up).last(), ids(&down).first()), (Some(&none), Some(&none)));
        // What is alike keeps the order of the listing, in both directions.
        let bakers = |answer: &Json| -> Vec<String> {
            ids(answer).into_iter().filter(|id| [&made[2].1, &made[3].1].contains(&id)).collect()
        };
        let plain = list(&client, "/Users", &[("filter", &filter), ("count", "1000")]);
        assert_eq!(bakers(&up), bakers(&plain));
        assert_eq!(bakers(&down), bakers(&plain));
        // The same order without a filter, where the whole table is sorted.
        let all = list(&client, "/Users", &[("sortBy", "title"), ("count", "1000")]);
        let ours: Vec<String> = ids(&all).into_iter().filter(|id| ids(&up).contains(id)).collect();
        assert_eq!(ours, ids(&up));
    });
}

/// The value of an attribute as it is compared: a rank for its type, then a number or a text.
fn key(resource: &Json, by: &str, exact: bool) -> Option<(String, f64)> {
    let (extension, path) = match by.strip_prefix(ENTERPRISE) {
        Some(rest) => (resource.get(ENTERPRISE)?, rest.trim_start_matches(':')),
        None => (resource, by),
    };
    let (name, sub) = path.split_once('.').unwrap_or((path, "value"));
    let mut value = extension.get(name)?;
    if let Some(list) = value.as_array() {
        value = list.iter().find(|e| e["primary"] == true).or(list.first())?;
    }
    if value.is_object() {
        value = value.get(sub)?;
    }
    Some(match value {
        Json::Bool(truth) => (String::new(), f64::from(u8::from(*truth))),
        Json::Number(number) => (String::new(), number.as_f64().unwrap()),
        // Not as texts: `19.9Z` is before `19.915Z`.
        Json::String(text) if matches!(sub, "created" | "lastModified") => {
            let instant = scimgate::scim::value::instant(text).unwrap();
            (String::new(), (instant.unix_timestamp_nanos() / 1_000_000) as f64)
        }
        Json::String(text) if exact => (text.clone(), 0.0),
        Json::String(text) => (text.to_lowercase(), 0.0),
        other => panic!("{other}"),
    })
}

#[test]
fn everything_can_be_sorted_by() {
    // 7644-3.4.2.3-b, 7644-3.4.2.3-e, 7643-3.1-ext
    everywhere(|_, gateway| {
        let client = gateway.client();
        let prefix = unique("any");
        for (number, given) in ["Zoë", "adam", "Björn"].iter().enumerate() {
            let more = json!({
                "externalId": format!("{}-{prefix}", ["b", "C", "a"][number]), "active": number != 1,
                "name": { "givenName": given, "familyName": "Sorted" },
                "emails": [{ "type": "work", "value": format!("{}@x.example", ["m", "Z", "a"][number]) }],
            });
            create(&client, &format!("{prefix}{number}"), more);
        }
        let plain = list(&client, "/Users", &[("count", "1000")]);
        let mut every = ids(&plain);
        every.sort();
        let department = format!("{ENTERPRISE}:department");
        let manager = format!("{ENTERPRISE}:manager");
        for (by, exact) in [
            ("userName", false),
            ("displayName", false),
            ("name.givenName", false),
            ("active", true),
            ("emails", false),
            ("emails.type", false),
            ("groups", true),
            ("id", true),
            ("externalId", true),
            ("meta.created", true),
            ("meta.lastModified", true),
            ("meta.resourceType", true),
            (&department, false),
            (&manager, true),
        ] {
            for order in ["ascending", "descending"] {
                let sorted =
                    list(&client, "/Users", &[("sortBy", by), ("sortOrder", order), ("count", "1000")]);
                let mut found = ids(&sorted);
                found.sort();
                assert_eq!(found, every, "each of them once: {by}");
                let keys: Vec<_> = resources(&sorted).iter().map(|r| key(r, by, exact)).collect();
                assert!(keys.iter().any(Option::is_some), "{by} has values");
                for pair in keys.windows(2) {
                    let ascending = match (&pair[0], &pair[1]) {
                        (Some(a), Some(b)) => a.partial_cmp(b).unwrap(),
                        (a, b) => a.is_none().cmp(&b.is_none()),
                    };
                    let wrong = if order == "ascending" { Ordering::Greater } else { Ordering::Less };
                    assert_ne!(ascending, wrong, "{by} {order}: {pair:?}");
                }
            }
        }
    });
}

#[test]
fn what_cannot_be_sorted_by_is_refused() {
    // 7644-3.4.2.3-b, 7644-3.4.2.3-c, 7643-7-ret-b
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    for by in ["nonsense", "name", "name.nonsense", "password", "meta", "", "a b", "urn:x:title"] {
        assert_eq!(refused(&client, "/Users", &[("sortBy", by)]), (400, "invalidValue".into()), "{by}");
    }
    let up = [("sortBy", "title"), ("sortOrder", "up")];
    assert_eq!(refused(&client, "/Users", &up), (400, "invalidValue".into()));
    assert_eq!(client.get("/ServiceProviderConfig").json["sort"], json!({ "supported": true }));
}

#[test]
fn an_order_that_would_examine_too_many_is_refused() {
    // 7644-3.4.2.1-c, D-17, S-22: no row of a user tells the id of a manager
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    store.tables().execute(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 150)
         insert into employees (login, created_at, updated_at)
         select 'many' || i, '2026-01-01 00:00:00', '2026-01-01 00:00:00' from n",
    );
    let options = Options { limits: "max_candidates = 100".into(), ..Options::default() };
    let gateway = Gateway::start(&store, &options);
    let client = gateway.client();
    let manager = format!("{ENTERPRISE}:manager");
    assert_eq!(refused(&client, "/Users", &[("sortBy", &manager)]), (400, "tooMany".into()));
    let some = [("sortBy", manager.as_str()), ("filter", "userName eq \"many7\"")];
    assert_eq!(list(&client, "/Users", &some)["totalResults"], 1);
    let by_title = list(&client, "/Users", &[("sortBy", "title"), ("count", "1000")]);
    assert!(by_title["totalResults"].as_u64().unwrap() > 150);
}
