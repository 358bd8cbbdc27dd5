//! Limits of bulk requests: published, obeyed, named.

use serde_json::{Value as Json, json};

use super::{bulk, everywhere_with, operations_of, post, request, statuses, user};
use crate::support::{Options, unique};

#[test]
fn more_than_is_published_is_refused_as_a_whole() {
    // 7644-3.7.4-a, S-21
    let limits = "max_bulk_operations = 3\n".to_owned();
    let server = "max_bulk_body_bytes = 4096\n".to_owned();
    everywhere_with(&Options { limits, server, ..Options::default() }, |store, client| {
        let published = client.get("/ServiceProviderConfig").json["bulk"].clone();
        assert_eq!(published, json!({ "supported": true, "maxOperations": 3, "maxPayloadSize": 4096 }));
        let before = store.dump();
        let operations = |count: usize| -> Json {
            (0..count).map(|n| post("/Users", &n.to_string(), user(&unique("many")))).collect()
        };
        let many = client.post("/Bulk", &request(&operations(4)));
        let mut large = operations(1);
        large[0]["data"]["title"] = "x".repeat(5000).into();
        let large = client.post("/Bulk", &request(&large));
        for (answer, limit) in [(&many, "maxOperations (3)"), (&large, "maxPayloadSize (4096 bytes)")] {
            assert_eq!((answer.status, &answer.json["status"]), (413, &json!("413")), "{answer}");
            assert!(answer.json["detail"].as_str().unwrap().contains(limit), "{answer}");
        }
        assert_eq!(store.dump(), before);
        assert_eq!(statuses(&bulk(client, operations(3))), ["201", "201", "201"]);
    });
}

#[test]
fn after_so_many_errors_the_rest_is_left() {
    // 7644-3.7-c
    everywhere_with(&Options::default(), |store, client| {
        let taken = unique("taken");
        client.post("/Users", &user(&taken));
        let names: Vec<String> =
            (0..6).map(|n| if n % 2 == 0 { unique("new") } else { taken.clone() }).collect();
        let send = |limit: Json| {
            let operations: Json = (0..6).map(|n| post("/Users", &n.to_string(), user(&names[n]))).collect();
            let mut body = request(&operations);
            body["failOnErrors"] = limit;
            let done = operations_of(&client.post("/Bulk", &body));
            for name in names.iter().filter(|name| **name != taken) {
                let found = client.get(&format!("/Users?filter=userName%20eq%20%22{name}%22"));
                for one in found.json["Resources"].as_array().unwrap() {
                    assert_eq!(client.delete(&format!("/Users/{}", one["id"].as_str().unwrap())).status, 204);
                }
            }
            done
        };
        let logins = store.logins().len();
        assert_eq!(statuses(&send(json!(1))), ["201", "409"]);
        assert_eq!(statuses(&send(json!(2))), ["201", "409", "201", "409"]);
        assert_eq!(statuses(&send(json!(null))), ["201", "409", "201", "409", "201", "409"]);
        assert_eq!(store.logins().len(), logins);
    });
}
