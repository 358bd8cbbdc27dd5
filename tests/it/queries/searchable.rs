//! Attributes that the mapping takes out of filters.

use std::fs;

use serde_json::json;

use super::{create, list, refused, resources};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

#[test]
fn what_the_mapping_takes_out_of_filters_is_refused() {
    // D-8, 7644-3.4.2.2-a
    for backend in [Backend::Sqlite, Backend::OpenLdap] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("map.toml");
        let field = if backend == Backend::Sqlite { "job_title" } else { "title" };
        let text = format!(
            "extends = \"{}\"\n[User.attributes]\ntitle = {{ field = \"{field}\", filter = \"no\" }}\n",
            store.mapping().display()
        );
        fs::write(&file, text).unwrap();
        let store = store.with_mapping(file);
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let login = unique("find");
        create(&client, &login, json!({ "title": "Diver" }));
        let named = format!("userName eq \"{login}@example.com\"");
        for filter in [
            "title eq \"Diver\"".to_owned(),
            "title pr".to_owned(),
            format!("{named} and not (title co \"x\")"),
            "title eq null or active eq true".to_owned(),
        ] {
            assert_eq!(
                refused(&client, "/Users", &[("filter", &filter)]),
                (400, "invalidFilter".into()),
                "{filter}"
            );
            assert_eq!(
                refused(&client, "/", &[("filter", &filter)]),
                (400, "invalidFilter".into()),
                "{filter}"
            );
        }
        let found = list(&client, "/Users", &[("filter", &named), ("sortBy", "title")]);
        assert_eq!(resources(&found)[0]["title"], "Diver", "it is shown, and sorted by");
        let schema = client.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").json.to_string();
        assert!(!schema.contains("unsearchable") && !schema.contains("filter"), "{schema}");
    }
}
