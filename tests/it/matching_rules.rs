//! Attributes that a directory compares otherwise than SCIM, or not at all, are found all the same.

use std::{fs, thread, time::Duration};

use tempfile::TempDir;

use crate::support::{Client, Gateway, Options, Product, TestStore};

const MAPPING: &str = r#"
[User]
base = "ou=staff,dc=example,dc=com"
classes = ["inetOrgPerson", "posixAccount"]
rdn = "uid"
initial = { uid = "{homeDirectory|slug:-}", cn = "{homeDirectory}", sn = "-", uidNumber = 10, gidNumber = 10 }

[User.attributes]
userName = "homeDirectory"
displayName = "displayName"
nickName = "loginShell"
profileUrl = "labeledURI"
title = "x121Address"
'{E}:employeeNumber' = { field = "uidNumber", codec = "number" }
"#;

fn entries() -> String {
    let person = |uid: &str, home: &str, shell: &str, more: &str| {
        format!(
            "dn: uid={uid},ou=staff,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\n\
             uid: {uid}\ncn: {uid}\nsn: {uid}\nhomeDirectory: {home}\nloginShell: {shell}\nuidNumber: 10\n\
             gidNumber: 10\n{more}\n"
        )
    };
    "dn: ou=staff,dc=example,dc=com\nobjectClass: organizationalUnit\nou: staff\n\n".to_owned()
        + &person("ann", "/home/Ann", "/bin/Zsh", "labeledURI: https://ann.example/\nx121Address: 123\n")
        + &person("bob", "/home/bob", "/bin/bash", "displayName: Bob\n")
}

fn found(client: &Client, filter: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("filter", filter), ("sortBy", "userName")])
        .finish();
    let answer = client.get(&format!("/Users?{query}"));
    assert_eq!(answer.status, 200, "{filter}: {answer}");
    let names = answer.json["Resources"].as_array().into_iter().flatten();
    let names: Vec<String> = names.map(|r| r["userName"].as_str().unwrap().to_owned()).collect();
    assert_eq!(answer.json["totalResults"], names.len(), "{filter}");
    names
}

#[test]
fn what_the_directory_has_no_rule_for_is_found() {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    fs::write(&mapping, MAPPING).unwrap();
    for product in [Product::OpenLdap, Product::Ds389] {
        let Some(store) = TestStore::of_entries(product, &entries(), mapping.clone()) else { continue };
        eprintln!("in front of {product:?}");
        let gateway = Gateway::start(&store, &Options::default());
        let client = gateway.client();
        let (ann, bob) = ("/home/Ann", "/home/bob");
        for (filter, expected) in [
            ("userName eq \"/HOME/ann\"", vec![ann]),
            ("userName sw \"/home/A\"", vec![ann]),
            ("nickName eq \"/bin/zsh\"", vec![ann]),
            ("nickName co \"SH\"", vec![ann, bob]),
            ("nickName ew \"bash\" or nickName ne \"/BIN/BASH\"", vec![ann, bob]),
            ("not (nickName co \"zsh\")", vec![bob]),
            ("profileUrl co \"ann.example\"", vec![ann]),
            ("title sw \"12\"", vec![ann]),
            ("title eq \"123\"", vec![ann]),
            ("displayName co \"OB\"", vec![bob]),
        ] {
            assert_eq!(found(&client, filter), expected, "{filter}");
        }
        // A name that differs in case only is in use.
        let user = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "/HOME/ANN",
        });
        let answer = client.post("/Users", &user);
        assert_eq!((answer.status, answer.json["scimType"].as_str()), (409, Some("uniqueness")), "{answer}");
    }
}

const OWN_SCHEMA: &str = "dn: cn=own,cn=schema,cn=config\nobjectClass: olcSchemaConfig\ncn: own\n\
    olcAttributeTypes: ( 1.3.6.1.4.1.99999.1 NAME 'nick' EQUALITY caseIgnoreMatch \
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n\
    olcObjectClasses: ( 1.3.6.1.4.1.99999.2 NAME 'nicked' SUP top AUXILIARY MAY nick )\n";

const NICKED: &str = r#"
[User]
base = "ou=people,dc=example,dc=com"
classes = ["inetOrgPerson", "nicked"]
rdn = "uid"
initial = { cn = "{uid}", sn = "-" }

[User.attributes]
userName = "uid"
nickName = "nick"
"#;

/// A server that was away may come back with other rules.
#[test]
fn a_server_that_comes_back_with_another_schema_is_asked_by_that() {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.toml");
    fs::write(&mapping, NICKED).unwrap();
    let ann = "dn: uid=ann,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: nicked\nuid: ann\n\
               cn: ann\nsn: Lee\nnick: Annie\n";
    let Some(store) = TestStore::configured(ann, OWN_SCHEMA, "") else { return };
    let store = store.with_mapping(mapping);
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    assert_eq!(found(&client, "nickName eq \"ANNIE\""), ["ann"]);

    store.directory().signal("KILL");
    let schemas = store.directory().server_file("config/cn=config/cn=schema");
    let files = fs::read_dir(schemas).unwrap().map(|file| file.unwrap().path());
    let own = files.into_iter().find(|path| path.to_string_lossy().ends_with("}own.ldif")).unwrap();
    let text = fs::read_to_string(&own).unwrap().replace("\n ", "");
    assert!(text.contains("caseIgnoreMatch"), "{text}");
    fs::write(&own, text.replace("caseIgnoreMatch", "caseExactMatch")).unwrap();
    store.directory().start_again();

    // Who finds out is told to come back.
    let query = "/Users?filter=nickName%20eq%20%22ANNIE%22";
    for _ in 0..100 {
        let answer = client.get(query);
        match answer.status {
            503 => thread::sleep(Duration::from_millis(50)),
            _ => {
                assert_eq!(answer.json["totalResults"], 1, "{answer}");
                return;
            }
        }
    }
    panic!("it is not served again");
}
