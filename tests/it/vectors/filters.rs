//! Filter expressions: what the grammar has is answered, what it has not is 400 `invalidFilter`.

use std::collections::BTreeMap;

use serde_json::json;
use ureq::http::Method;

use super::{Site, conclude, fixture};
use crate::support::{Answer, Backend, Client, unique};

#[test]
fn expressions_in_front_of_sqlite() {
    run(Backend::Sqlite);
}

#[test]
fn expressions_in_front_of_openldap() {
    run(Backend::OpenLdap);
}

#[test]
fn expressions_in_front_of_389ds() {
    run(Backend::Ds389);
}

#[test]
fn expressions_in_front_of_active_directory() {
    run(Backend::ActiveDirectory);
}

#[test]
fn expressions_in_front_of_postgres() {
    run(Backend::Postgres);
}

fn run(backend: Backend) {
    // 7644-3.4.2.2-b, 7644-3.4.2.2-c, 7644-3.4.2.2-d, 7644-3.4.2.2-f, 7644-3.4.2.2-j,
    // 7644-3.4.2.2-k, 7644-3.4.2.2-l, 7644-3.10-a, 7644-3.4.3-a, D-2, D-7
    for mode in ["tolerant", "rfc"] {
        let Some(site) = Site::start(backend, mode) else { return };
        let vectors = fixture("filters-syntax.json");
        let list = vectors["filters"].as_array().unwrap();
        assert_eq!(list.len(), 409);
        let client = site.gateway.client();
        let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        for vector in list {
            let (text, verdict) = (vector["expr"].as_str().unwrap(), vector["verdict"].as_str().unwrap());
            *ran.entry(verdict).or_default() += 1;
            let answer = ask(&client, text, mode);
            let refused = answer.status == 400 && answer.json["scimType"] == "invalidFilter";
            let answered = answer.status == 200 && answer.json["totalResults"].is_u64();
            let fine = match verdict {
                // The others name attributes that users do not have (D-7), or compare what has no order.
                "valid" if vector["http"] == true => answered,
                // Entra's spelling, with a value that is text without quotes.
                "invalid" => refused || (mode == "tolerant" && text == "userName eq bjensen" && answered),
                _ => answered || refused,
            };
            if !fine {
                wrong.push(format!("{verdict}: {text}: {} {}", answer.status, answer.json["detail"]));
            }
        }
        conclude(&format!("filters, {}, {mode}", backend.name()), &ran, &wrong);
    }
}

#[test]
fn filters_see_what_clients_would_be_shown() {
    // 7644-3.4.2.2-a, 7644-3.4.2.2-h, 7644-3.4.2.2-i, 7644-3.4.2.2-e, 7644-3.4.2.2-f, D-8, D-12
    for backend in Backend::EVERY {
        let Some(site) = Site::start(backend, "tolerant") else { continue };
        let client = site.gateway.client();
        let config = client.get("/ServiceProviderConfig").json;
        assert!(config["filter"]["supported"] == true && config["filter"]["maxResults"].is_u64(), "{config}");
        let name = unique("seen");
        // `active` is the server's, `nickName` has no field in any of the stores.
        let made = client.post(
            "/Users",
            &json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "nickName": name,
                "emails": [{ "value": "w@x.example", "type": "work" }, { "value": "h@x.example", "type": "home" }],
            }),
        );
        assert_eq!(made.status, 201, "{made}");
        for (condition, found) in [
            ("active eq true".to_owned(), 1),
            ("active eq false".to_owned(), 0),
            (format!("nickName eq {name:?}"), 1),
            ("emails.type eq \"work\" and emails.value sw \"h@\"".to_owned(), 1),
            ("emails[type eq \"work\" and value sw \"h@\"]".to_owned(), 0),
            ("emails[type eq \"home\" and value sw \"h@\"]".to_owned(), 1),
            ("title pr or nickName ne \"x\"".to_owned(), 1),
        ] {
            let answer = ask(&client, &format!("userName eq {name:?} and ({condition})"), "tolerant");
            assert_eq!(answer.json["totalResults"], found, "{}: {condition}: {answer}", backend.name());
        }
        // D-8: what no store can search is searched among a bounded number, never refused silently.
        let alone = ask(&client, &format!("nickName eq {name:?}"), "tolerant");
        let is_too_many = alone.status == 400 && alone.json["scimType"] == "tooMany";
        assert!(alone.json["totalResults"] == 1 || is_too_many, "{}: {alone}", backend.name());
    }
}

/// Asks by GET in one mode and by `.search` in the other.
fn ask(client: &Client, filter: &str, mode: &str) -> Answer {
    if mode == "tolerant" {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("filter", filter).append_pair("count", "1").append_pair("attributes", "id");
        return client.get(&format!("/Users?{}", query.finish()));
    }
    let schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
    let body = json!({ "schemas": [schema], "filter": filter, "count": 1, "attributes": ["id"] });
    client.send(Method::POST, "/Users/.search", Some(&body), &[])
}
