//! Pages by index and by cursor (RFC 7644 §3.4.2.4, RFC 9865): each resource once, while others come and go.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{create, everywhere, ids, list, refused, resources};
use crate::support::{Backend, Client, Gateway, Options, TestStore, unique};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// People whose titles are not in the order in which they are made, and a filter that finds them.
fn people(client: &Client, prefix: &str, many: usize) -> Vec<String> {
    (0..many)
        .map(|i| create(client, &format!("{prefix}{i:02}"), json!({ "title": format!("T{}", i * 7 % many) })))
        .collect()
}

/// What happens to the store between two pages.
fn disturb(client: &Client, prefix: &str, round: usize) {
    create(client, &format!("{prefix}new{round}"), json!({ "title": format!("T{round}") }));
}

#[test]
fn index_pages_show_each_resource_once_while_others_come() {
    // 7644-3.4.2.4-a, 7644-3.4.2.4-b, 7644-3.4.2.4-c, 7644-3.4.2.4-d, R-07, SP-03
    everywhere(|_, gateway| {
        let client = gateway.client();
        let prefix = unique("page");
        let mut made = people(&client, &prefix, 10);
        made.sort();
        // Not one that a single look-up answers.
        for (round, sort) in ["", "title", "meta.created"].iter().enumerate() {
            let filter = format!("userName sw \"{prefix}\" and not (userName co \"new\")");
            let mut seen = Vec::new();
            while seen.len() < 10 {
                let start = (seen.len() + 1).to_string();
                let mut query = vec![("filter", filter.as_str()), ("startIndex", &start), ("count", "3")];
                if !sort.is_empty() {
                    query.extend([("sortBy", *sort), ("sortOrder", "descending")]);
                }
                let page = list(&client, "/Users", &query);
                assert_eq!(
                    (&page["totalResults"], &page["startIndex"]),
                    (&json!(10), &json!(seen.len() + 1))
                );
                assert_eq!(page["itemsPerPage"], resources(&page).len());
                assert!(page.get("nextCursor").is_none(), "index is the default");
                seen.extend(ids(&page));
                disturb(&client, &prefix, round * 10 + seen.len());
            }
            seen.sort();
            assert_eq!(seen, made, "sorted by {sort:?}");
            let beyond =
                list(&client, "/Users", &[("filter", &filter), ("startIndex", "11"), ("sortBy", "title")]);
            assert_eq!((&beyond["totalResults"], resources(&beyond).len()), (&json!(10), 0));
        }
    });
}

/// Asks for the page of a cursor.
fn page(client: &Client, cursor: &str, query: &[(&str, &str)]) -> Json {
    let query: Vec<_> = query.iter().copied().chain([("cursor", cursor)]).collect();
    list(client, "/Users", &query)
}

fn next(page: &Json) -> Option<&str> {
    page.get("nextCursor").map(|cursor| cursor.as_str().unwrap())
}

#[test]
fn cursor_pages_show_each_resource_once_also_after_a_restart() {
    // 9865-a, 9865-b, 9865-c, 9865-d, 9865-e, 9865-g, 9865-i, R-07
    everywhere(|_, mut gateway| {
        let prefix = unique("curs");
        let mut made = people(&gateway.client(), &prefix, 10);
        made.sort();
        let filter = format!("userName sw \"{prefix}\"");
        for (round, sort) in ["", "title", "emails"].iter().enumerate() {
            let mut query = vec![("filter", filter.as_str()), ("count", "3"), ("attributes", "userName")];
            if !sort.is_empty() {
                query.push(("sortBy", sort));
            }
            let client = gateway.client();
            let first = page(&client, "", &query);
            assert_eq!(first["totalResults"], 10 + round);
            assert!(first.get("previousCursor").is_none() && first.get("startIndex").is_none(), "{first}");
            let cursor = next(&first).unwrap();
            assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "{cursor}");
            let second = page(&client, cursor, &query);
            assert_eq!(ids(&page(&client, cursor, &query)), ids(&second), "a page may be asked for again");
            let back = page(&client, second["previousCursor"].as_str().unwrap(), &query);
            assert_eq!(ids(&back), ids(&first));
            assert!(back.get("previousCursor").is_none(), "it is the first page");
            let mut seen = [ids(&first), ids(&second)].concat();
            // Nobody remembers the listing any more, and somebody has come meanwhile.
            let cursor = next(&second).unwrap().to_owned();
            gateway = gateway.restart();
            let client = gateway.client();
            disturb(&client, &prefix, round);
            let mut cursor = Some(cursor);
            while let Some(at) = cursor {
                let page = page(&client, &at, &query);
                assert!(resources(&page).len() <= 3);
                seen.extend(ids(&page));
                cursor = next(&page).map(str::to_owned);
            }
            let unique: std::collections::HashSet<&String> = seen.iter().collect();
            assert_eq!(unique.len(), seen.len(), "somebody comes twice, sorted by {sort:?}");
            assert!(made.iter().all(|id| seen.contains(id)), "somebody is missing, sorted by {sort:?}");
        }
    });
}

#[test]
fn a_cursor_goes_on_behind_somebody_who_is_gone() {
    // 9865-i, R-07
    everywhere(|_, gateway| {
        let client = gateway.client();
        let prefix = unique("gone");
        people(&client, &prefix, 7);
        let filter = format!("userName sw \"{prefix}\"");
        let query = [("filter", filter.as_str()), ("count", "3"), ("sortBy", "title")];
        let all = ids(&list(&client, "/Users", &[("filter", &filter), ("sortBy", "title")]));
        let first = page(&client, "", &query);
        // The last one that was seen, and the first one that was not.
        for id in [&all[2], &all[3]] {
            assert_eq!(client.delete(&format!("/Users/{id}")).status, 204);
        }
        let mut seen = ids(&first);
        let mut cursor = next(&first).map(str::to_owned);
        while let Some(at) = cursor {
            let page = page(&client, &at, &query);
            seen.extend(ids(&page));
            cursor = next(&page).map(str::to_owned);
        }
        assert_eq!(seen, [&all[..3], &all[4..]].concat());
    });
}

#[test]
fn a_search_request_has_a_cursor_too() {
    // 9865-k, 9865-b
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let ask = |more: Json| {
        let mut body = json!({ "schemas": [SEARCH], "count": 4, "sortBy": "userName" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client.post("/Users/.search", &body)
    };
    let (mut seen, mut cursor) = (Vec::new(), json!(""));
    while !cursor.is_null() {
        let page = ask(json!({ "cursor": cursor }));
        assert_eq!(page.status, 200, "{page}");
        seen.extend(ids(&page.json));
        cursor = page.json["nextCursor"].clone();
    }
    assert_eq!(seen, ids(&list(&client, "/Users", &[("sortBy", "userName")])));
    let none = ask(json!({ "cursor": "", "count": 0 })).json;
    assert_eq!((&none["totalResults"], resources(&none).len()), (&json!(seen.len()), 0));
    assert!(none.get("nextCursor").is_none());
    let both = ask(json!({ "cursor": "", "startIndex": 1 }));
    assert_eq!((both.status, &both.json["scimType"]), (400, &json!("invalidValue")));
    // GET and POST ask the same question, so a cursor is good for both.
    let first = page(&client, "", &[("count", "4"), ("sortBy", "userName")]);
    assert_eq!(ask(json!({ "cursor": next(&first) })).json["Resources"][0]["id"], json!(seen[4]));
}

#[test]
fn a_cursor_is_good_for_its_query_only() {
    // 9865-b, 9865-f, 9865-h, D-16
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let first = page(&client, "", &[("count", "2")]);
    let cursor = next(&first).unwrap();
    let mut details = Vec::new();
    for (path, query) in [
        ("/Users", vec![("cursor", "x"), ("count", "2")]),
        ("/Users", vec![("cursor", &cursor[1..]), ("count", "2")]),
        ("/Groups", vec![("cursor", cursor), ("count", "2")]),
        ("/Users", vec![("cursor", cursor), ("count", "2"), ("filter", "active eq true")]),
        ("/Users", vec![("cursor", cursor), ("count", "2"), ("sortBy", "title")]),
        ("/Users", vec![("cursor", cursor), ("count", "2"), ("sortOrder", "descending")]),
        ("/Users", vec![("cursor", cursor), ("count", "2"), ("attributes", "id")]),
        ("/Users", vec![("cursor", cursor), ("count", "2"), ("excludedAttributes", "groups")]),
        ("/", vec![("cursor", cursor), ("count", "2")]),
    ] {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
        let answer = client.get(&format!("{path}?{encoded}"));
        assert_eq!(
            (answer.status, &answer.json["scimType"]),
            (400, &json!("invalidCursor")),
            "{query:?}: {answer}"
        );
        details.push(answer.json["detail"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    for count in ["3", "1", "1001"] {
        let query = [("cursor", cursor), ("count", count)];
        assert_eq!(refused(&client, "/Users", &query), (400, "invalidCount".into()), "{count}");
    }
    assert_eq!(
        refused(&client, "/Users", &[("cursor", ""), ("count", "1001")]),
        (400, "invalidCount".into())
    );
    assert_eq!(refused(&client, "/Users", &[("cursor", cursor)]), (400, "invalidCount".into()));
    let both = [("cursor", cursor), ("count", "2"), ("startIndex", "1")];
    assert_eq!(refused(&client, "/Users", &both), (400, "invalidValue".into()));
    // By index, a count that is too large is lowered.
    assert_eq!(list(&client, "/Users", &[("count", "1001")])["startIndex"], 1);
    assert_eq!(page(&client, cursor, &[("count", "2")])["totalResults"], first["totalResults"]);
    let log = gateway.log();
    assert!(!log.contains(cursor), "{log}");
}

#[test]
fn a_cursor_grows_old() {
    // 9865-h, 9865-l
    let Some(store) = TestStore::fresh(Backend::Sqlite) else { return };
    let options = Options { limits: "cursor_timeout_secs = 1".into(), ..Options::default() };
    let gateway = Gateway::start(&store, &options);
    let client = gateway.client();
    let pagination = client.get("/ServiceProviderConfig").json["pagination"].clone();
    let expected = json!({ "cursor": true, "index": true, "defaultPaginationMethod": "index",
        "defaultPageSize": 100, "maxPageSize": 1000, "cursorTimeout": 1 });
    assert_eq!(pagination, expected);
    let first = page(&client, "", &[("count", "2")]);
    std::thread::sleep(Duration::from_millis(2100));
    let late = [("cursor", next(&first).unwrap()), ("count", "2")];
    assert_eq!(refused(&client, "/Users", &late), (400, "expiredCursor".into()));
}
