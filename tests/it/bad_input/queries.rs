//! Ids in paths, filters and other parameters of the query.

use serde_json::json;
use ureq::http::Method;

use super::{ENTERPRISE, NOBODY, USER, everywhere, query};
use crate::support::Backend;

#[test]
fn ids_that_nobody_has_are_not_found() {
    // 7644-3.12-a..c: 404 without scimType
    let ids = [
        NOBODY,
        "x",
        "0",
        "-1",
        "*",
        "%2A%29%28uid%3D%2A",
        "%27%20OR%201%3D1%20--",
        "%5C00",
        "%00",
        "a%00b",
        "%FF%FE",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "uid%3Dperson1%2Cou%3Dpeople%2Cdc%3Dexample%2Cdc%3Dcom",
        "%0d%0aX-Header%3A%20x",
        "%22",
        "%C3%A9",
        "person1",
        "{group}",
    ];
    everywhere(|site| {
        let before = site.store.dump();
        let long = "x".repeat(20_000);
        let ids: Vec<String> = ids.iter().copied().chain([long.as_str()]).map(|id| site.fill(id)).collect();
        for id in &ids {
            let path = format!("/Users/{id}");
            let user = json!({ "schemas": [USER], "userName": "somebody" });
            let patch = json!({ "Operations": [{ "op": "replace", "path": "title", "value": "x" }] });
            for (method, body) in [
                (Method::GET, None),
                (Method::PUT, Some(&user)),
                (Method::PATCH, Some(&patch)),
                (Method::DELETE, None),
            ] {
                let answer = site.client.send(method.clone(), &path, body, &[]);
                let shown: String = path.chars().take(60).collect();
                site.refused(&format!("{method} {shown}"), &before, &answer, 404, "");
            }
        }
        let patch =
            json!({ "Operations": [{ "op": "add", "path": "members", "value": [{ "value": site.user }] }] });
        site.all_refused(
            &Method::PATCH,
            &[("/Groups/{user}", patch.clone(), 404, ""), ("/Groups/{nobody}", patch, 404, "")],
        );
    });
}

#[test]
fn filters_that_cannot_be_right_are_refused() {
    // 7644-3.12-a..c: `invalidFilter`; D-7, D-9, S-21
    let filters = [
        "",
        " ",
        "userName",
        "userName eq",
        "userName eq unquoted value",
        "userName equals \"x\"",
        "userName eq \"x",
        "userName eq 'x'",
        "userName eq \"x\" and",
        "userName eq \"x\" or or active eq true",
        "(userName eq \"x\"",
        "userName eq \"x\")",
        "not userName eq \"x\"",
        "emails[type eq \"work\"",
        "emails[]",
        "= \"x\"",
        "userName eq \"\\x\"",
        "active gt true",
        "active co true",
        "active eq \"perhaps\"",
        "meta.lastModified gt \"yesterday\"",
        "shoeSize eq 46",
        "name.nickName eq \"x\"",
        "emails.shoeSize eq \"x\"",
        "urn:example:unknown:userName eq \"x\"",
        "uid eq \"x\"",
        "login eq \"x\"",
        "1=1",
        "' OR 1=1 --",
        "*)(uid=*",
        "(uid=*)",
        "userName eq \"x\"; drop table employees",
        "password eq \"x\"",
        "password pr",
    ];
    everywhere(|site| {
        let before = site.store.dump();
        let long = format!("userName eq \"{}\"", "x".repeat(5_000));
        let wide = vec!["userName eq \"x\""; 240].join(" or ");
        let deep = format!("{}userName eq \"x\"{}", "(".repeat(1_000), ")".repeat(1_000));
        let nots = format!("{}userName eq \"x\"{}", "not (".repeat(500), ")".repeat(500));
        let far = format!("{}eq \"x\"", "a.".repeat(1_000));
        let large = [long.as_str(), &wide, &deep, &nots, &far];
        for filter in filters.into_iter().chain(large) {
            let shown: String = filter.chars().take(60).collect();
            let answer = site.client.get(&format!("/Users?{}", query("filter", filter)));
            site.refused(&shown, &before, &answer, 400, "invalidFilter");
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
            let answer = site.client.post("/Users/.search", &body);
            site.refused(&format!(".search {shown}"), &before, &answer, 400, "invalidFilter");
        }
    });
}

#[test]
fn a_filter_on_what_is_not_mapped_is_refused() {
    // D-7: an attribute of the RFC that this mapping does not have
    everywhere(|site| {
        let before = site.store.dump();
        // The other mappings keep everything, in our own database if need be.
        let unmapped: &[&str] = match site.store.backend() {
            Backend::OpenLdap | Backend::Ds389 => &["addresses.shoe eq \"x\"", "displayname2 pr"],
            _ => &["addresses.shoe eq \"x\""],
        };
        for filter in unmapped {
            let answer = site.client.get(&format!("/Users?{}", query("filter", filter)));
            site.refused(filter, &before, &answer, 400, "invalidFilter");
        }
        for filter in ["userName eq \"x\"", "members.shoe eq \"x\""] {
            let answer = site.client.get(&format!("/Groups?{}", query("filter", filter)));
            site.refused(filter, &before, &answer, 400, "invalidFilter");
        }
    });
}

#[test]
fn parameters_that_are_no_numbers_are_refused_and_odd_numbers_put_right() {
    // RFC 7644 §3.4.2.4
    everywhere(|site| {
        let before = site.store.dump();
        for text in [
            "startIndex=abc",
            "startIndex=1.5",
            "startIndex=",
            "startIndex=1&startIndex=2",
            "count=abc",
            "count=99999999999999999999999",
            "count=1%20or%201%3D1",
            "sortOrder=sideways&sortBy=userName",
            "attributes=userName&excludedAttributes=name",
        ] {
            let answer = site.client.get(&format!("/Users?{text}"));
            site.refused(text, &before, &answer, 400, "invalidValue");
        }
        let total = site.client.get("/Users?count=0").json["totalResults"].clone();
        for (text, start, items) in [
            ("startIndex=0&count=2", 1, 2),
            ("startIndex=-7&count=2", 1, 2),
            ("startIndex=9223372036854775807&count=2", i64::MAX, 0),
            ("startIndex=1000000&count=2", 1_000_000, 0),
            ("count=-1", 1, 0),
            ("count=0", 1, 0),
            ("startIndex=2&count=1&unknown=1", 2, 1),
        ] {
            let answer = site.client.get(&format!("/Users?{text}"));
            let found = (
                &answer.json["totalResults"],
                answer.json["startIndex"].as_i64(),
                answer.json["itemsPerPage"].as_i64(),
            );
            if answer.status != 200 || found != (&total, Some(start), Some(items)) {
                site.wrong.push(format!("{text}: {answer}"));
            }
        }
    });
}

#[test]
fn filters_find_texts_and_not_patterns() {
    // S-20: characters that mean something to the store mean nothing in a filter.
    let texts = ["*", "%", "_", "person_", "person%", "*)(uid=*", "' OR '1'='1", "\\2a", "\\", "a\\\"b"];
    everywhere(|site| {
        for text in texts {
            let quoted = serde_json::to_string(text).unwrap();
            for filter in [
                format!("userName eq {quoted}"),
                format!("userName co {quoted}"),
                format!("userName sw {quoted}"),
                format!("displayName ew {quoted}"),
                format!("emails.value co {quoted}"),
                format!("emails[type eq {quoted}]"),
                format!("{ENTERPRISE}:department eq {quoted}"),
                format!("externalId eq {quoted}"),
                format!("id eq {quoted}"),
                format!("{ENTERPRISE}:manager.value eq {quoted}"),
                format!("groups.value eq {quoted}"),
            ] {
                let answer = site.client.get(&format!("/Users?{}", query("filter", &filter)));
                if answer.status != 200 || answer.json["totalResults"] != 0 {
                    site.wrong.push(format!("{filter}: {answer}"));
                }
            }
        }
    });
}
