//! Queries over all resource types (RFC 7644 §3.4.2.1).

use serde_json::{Value as Json, json};
use ureq::http::Method;

use super::{GROUP, create, everywhere, ids, list, refused, resources};
use crate::support::unique;

fn types(answer: &Json) -> Vec<&str> {
    resources(answer).iter().map(|r| r["meta"]["resourceType"].as_str().unwrap()).collect()
}

#[test]
fn the_root_lists_everything_in_one_order() {
    // 7644-3.4.2.1-a, 7644-3.4.2-b, 7644-3.4.2.4-c, 7644-3.4.3-b, 9865-c
    everywhere(|_, gateway| {
        let client = gateway.client();
        let users = ids(&list(&client, "/Users", &[("count", "1000")]));
        let groups = ids(&list(&client, "/Groups", &[("count", "1000")]));
        assert!(!users.is_empty() && !groups.is_empty());
        let every = [users.clone(), groups.clone()].concat();
        let all = list(&client, "/", &[("count", "1000")]);
        assert_eq!(ids(&all), every);
        assert_eq!(all["totalResults"], every.len());
        assert_eq!(types(&all)[0], "User");
        assert_eq!(*types(&all).last().unwrap(), "Group");
        let mut seen = Vec::new();
        while seen.len() < every.len() {
            let start = (seen.len() + 1).to_string();
            let page =
                list(&client, "", &[("startIndex", &start), ("count", "4"), ("attributes", "displayName")]);
            assert_eq!(page["totalResults"], every.len());
            assert!(
                resources(&page).iter().all(|r| r.get("userName").is_none() && r.get("members").is_none())
            );
            seen.extend(ids(&page));
        }
        assert_eq!(seen, every);
        let (mut seen, mut cursor) = (Vec::new(), json!(""));
        while !cursor.is_null() {
            let schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
            let body = json!({ "schemas": [schema], "cursor": cursor, "count": 4, "sortBy": "displayName" });
            let page = client.post("/.search", &body);
            assert_eq!(page.status, 200, "{page}");
            seen.extend(ids(&page.json));
            cursor = page.json["nextCursor"].clone();
        }
        let sorted = list(&client, "/", &[("sortBy", "displayName"), ("count", "1000")]);
        assert_eq!(seen, ids(&sorted));
        let names: Vec<String> = resources(&sorted)
            .iter()
            .filter_map(|r| Some(r["displayName"].as_str()?.to_lowercase()))
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        seen.sort();
        assert_eq!(seen, {
            let mut every = every;
            every.sort();
            every
        });
    });
}

#[test]
fn an_attribute_of_another_type_has_no_value() {
    // 7644-3.4.2.1-a, 7644-3.4.2.1-b, D-7, D-9
    everywhere(|_, gateway| {
        let client = gateway.client();
        let word = unique("both");
        let user = create(&client, &word, json!({}));
        let group = client.post(
            "/Groups",
            &json!({ "schemas": [GROUP], "displayName": word,
            "members": [{ "value": user }] }),
        );
        assert_eq!(group.status, 201, "{group}");
        let group = group.id();
        let named = format!("displayName eq \"{}\"", word.to_uppercase());
        let (both, users, groups) = ([&user, &group], [&user], [&group]);
        for (filter, expected) in [
            (named.clone(), &both as &[&String]),
            (format!("{named} and meta.resourceType eq \"User\""), &users),
            (format!("{named} and meta.resourceType eq \"Group\""), &groups),
            (format!("{named} and userName pr"), &users),
            (format!("{named} and members pr"), &groups),
            (format!("{named} and not (userName pr)"), &groups),
            (format!("members[value eq \"{user}\"]"), &groups),
            (format!("userName eq \"{word}@example.com\""), &users),
            (format!("id eq \"{group}\""), &groups),
            (format!("id eq \"{user}\" or id eq \"{group}\""), &both),
            ("nonsense pr".to_owned(), &[]),
            (format!("{named} and nonsense ne \"x\""), &both),
            (format!("{named} and schemas eq \"{GROUP}\""), &groups),
        ] {
            let found = ids(&list(&client, "/", &[("filter", &filter), ("count", "1000")]));
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
        }
        for filter in ["password pr", "active gt true", "userName eq", "displayName co 5 or"] {
            let answer = refused(&client, "/", &[("filter", filter)]);
            assert_eq!(answer, (400, "invalidFilter".into()), "{filter}");
        }
        // A name that no type has is no value to sort by, but a wrong direction is wrong.
        let plain = list(&client, "/", &[("count", "1000")]);
        assert_eq!(ids(&list(&client, "/", &[("sortBy", "nonsense"), ("count", "1000")])), ids(&plain));
        assert_eq!(refused(&client, "/", &[("sortBy", "password")]), (400, "invalidValue".into()));
        // Groups have no login, so they come last, or first.
        let by_login = list(&client, "/", &[("sortBy", "userName"), ("count", "1000")]);
        assert_eq!(*types(&by_login).last().unwrap(), "Group");
        let down =
            list(&client, "/", &[("sortBy", "userName"), ("sortOrder", "descending"), ("count", "1000")]);
        assert_eq!(types(&down)[0], "Group");
        for (method, path, allow) in [
            (Method::POST, "/", "GET, HEAD"),
            (Method::DELETE, "", "GET, HEAD"),
            (Method::GET, "/.search", "POST"),
            (Method::PUT, "/.search", "POST"),
        ] {
            let answer = client.send(method, path, None, &[]);
            assert_eq!((answer.status, answer.header("allow")), (405, allow), "{path}: {answer}");
        }
    });
}
