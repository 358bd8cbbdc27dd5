//! README and the pages for operators: links lead somewhere, settings are settings, messages are
//! ones that the program can print, and the README's example serves a directory.

use std::{collections::BTreeSet, fs, path::PathBuf};

use scimgate::{
    config::Settings,
    mapping::{Mapping, compile::compile},
};

use super::{blocks, code_words, root, sources, table};

/// The pages, by their names from the root.
const PAGES: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/mapping.md",
    "docs/cookbook/ldap.md",
    "docs/cookbook/sql.md",
    "docs/entra.md",
    "docs/operations.md",
    "docs/performance.md",
];

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// A page's headings as the targets of links.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for name in PAGES {
        let document = page(name);
        let folder = root().join(name).parent().unwrap().to_owned();
        for (at, _) in document.match_indices("](") {
            let Some((target, _)) = document[at + 2..].split_once(')') else { continue };
            if target.contains("://") {
                continue;
            }
            seen += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file: PathBuf = if file.is_empty() { root().join(name) } else { folder.join(file) };
            if !file.exists() {
                wrong.push(format!("{name}: {target}"));
            } else if !heading.is_empty() && !anchors(&fs::read_to_string(file).unwrap()).contains(heading) {
                wrong.push(format!("{name}: {target}: no such heading"));
            }
        }
    }
    assert!(seen > 30, "the links were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn settings_on_the_pages_are_settings() {
    let mut seen = 0;
    for name in ["README.md", "docs/entra.md", "docs/operations.md"] {
        for block in blocks(&page(name)) {
            if block.language != "toml" || block.tag("file") == Some("mapping.toml") {
                continue;
            }
            let read = toml::from_str::<Settings>(&block.text);
            assert!(read.is_ok(), "{name}, line {}: {}", block.line, read.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen >= 5, "the blocks were found");
}

#[test]
fn the_mappings_on_the_page_for_entra_compile() {
    let page = page("docs/entra.md");
    let all = blocks(&page);
    let load = |name: &str| fs::read_to_string(root().join("mappings").join(name));
    let compiled: Vec<Mapping> = all
        .iter()
        .filter(|block| block.tag("file") == Some("mapping.toml"))
        .map(|block| {
            let compiled = compile(&block.text, &load);
            let (mapping, warnings) = compiled.unwrap_or_else(|wrong| panic!("line {}: {wrong}", block.line));
            assert!(warnings.0.is_empty(), "line {}: {warnings}", block.line);
            mapping
        })
        .collect();
    let [mapping, _, _, _, _] = compiled.as_slice() else { panic!("{} mappings", compiled.len()) };
    // What the page says of it: whoever leaves moves, and the rest is as in the shipped file.
    let shipped = compile(&load("active-directory.toml").unwrap(), &load).unwrap().0;
    let differ = |endpoint: &str| -> Vec<String> {
        let of = |mapping: &Mapping| mapping.types[mapping.find_type(endpoint).unwrap()].rules.clone();
        let pairs = of(mapping).into_iter().zip(of(&shipped));
        pairs.filter(|(a, b)| a != b).map(|(a, _)| a.attribute).collect()
    };
    assert_eq!((differ("User"), differ("Group")), (vec!["active".to_owned()], Vec::new()));
}

#[test]
fn messages_to_look_up_are_ones_that_the_program_prints() {
    let mut texts = Vec::new();
    sources(&root().join("src"), &mut texts);
    // A text may be broken over lines.
    let words: Vec<String> = texts
        .iter()
        .map(|text| text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let rows = table(&page("docs/operations.md"), "troubleshooting");
    assert!(rows.len() > 20, "the table was found");
    // The words of the TOML reader, which `config::tests` has in its errors.
    let of_others = ["unknown field"];
    for row in rows {
        let message = &code_words(&row[0])[0];
        let is_ours = words.iter().any(|text| text.contains(message));
        assert!(is_ours || of_others.contains(&message.as_str()), "nothing prints `{message}`");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

/// The README's two files, in front of a directory as they stand there but for addresses and names.
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "ldap"))]
#[test]
fn the_example_of_the_readme_serves_a_directory() {
    use std::process::Command;

    use crate::support::{Backend, Gateway, Options, TestStore, unique};

    let readme = page("README.md");
    let all = blocks(&readme);
    let file = |name: &str| {
        let block = all.iter().find(|block| block.tag("file") == Some(name));
        block.unwrap_or_else(|| panic!("no {name} in the README")).text.clone()
    };
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let scimgate = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimgate"));
        let output = command.args(arguments).current_dir(directory.path()).output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "scimgate {arguments:?}: {text}");
        text
    };
    write("scimgate.toml", &file("scimgate.toml"));
    write("mapping.toml", &file("mapping.toml"));
    write("ldap-password", "secret");
    let shown = scimgate(&["token", "new", "--client", "entra"]);
    let hash = shown.split('"').find(|part| part.starts_with("sha256:")).unwrap();
    write("entra-tokens", &format!("{hash}\n"));
    scimgate(&["check", "--config", "scimgate.toml"]);

    let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
    write("mapping.toml", &file("mapping.toml").replace("dc=example,dc=com", store.suffix()));
    let store = store.with_mapping(directory.path().join("mapping.toml"));
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    assert_eq!(client.get("/Users?filter=userName%20eq%20%22person1%22").json["totalResults"], 1);
    let name = unique("readme");
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let user = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", urn], "userName": name, "active": false,
        "name": { "familyName": "Lee" }, "emails": [{ "value": "ann@x.example", "type": "work" }],
        urn: { "department": "Finance" },
    });
    let created = client.post("/Users", &user);
    assert_eq!(created.status, 201, "{created}");
    assert_eq!(store.user(&name, "pwdAccountLockedTime").unwrap(), ["000001010000Z"]);
    assert_eq!(store.user(&name, "departmentNumber").unwrap(), ["Finance"]);
    let group = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name,
        "members": [{ "value": created.id() }],
    });
    assert_eq!(client.post("/Groups", &group).status, 201);
    let member = format!("uid={name},ou=people,{}", store.suffix());
    assert_eq!(store.group(&name, "member").unwrap(), [member]);
}
