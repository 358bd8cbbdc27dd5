//! What the tools for operators say of groups without a row: `explain`, `map try` and `check --live`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{ENTERPRISE, GROUP, TABLES};
use crate::{
    live::check,
    support::{Backend, TestStore},
};

/// Settings files for a store, and the program with them.
struct Place {
    store: TestStore,
    directory: TempDir,
}

impl Place {
    fn new(backend: Backend, mapping: &str) -> Option<Self> {
        let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/names").join(mapping);
        let store = TestStore::of_statements(backend, TABLES, mapping.clone())?;
        let directory = TempDir::new().unwrap();
        let text = format!(
            "mapping = \"{}\"\n[server]\nlisten = \"127.0.0.1:0\"\n[correlation]\nurl = \"sqlite:ids.db\"\n{}",
            mapping.display(),
            store.settings()
        );
        fs::write(directory.path().join("scimgate.toml"), text).unwrap();
        Some(Self { store, directory })
    }

    /// What the program prints, if it ends well and leaves the store alone.
    fn run(&self, arguments: &[&str], body: Option<&Json>) -> String {
        let before = self.store.dump();
        let config = self.directory.path().join("scimgate.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_scimgate"));
        command.args(arguments).args(["--config", config.to_str().unwrap()]);
        if let Some(body) = body {
            let file = self.directory.path().join("body.json");
            fs::write(&file, body.to_string()).unwrap();
            command.args(["--body", file.to_str().unwrap()]);
        }
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(self.store.dump(), before, "{arguments:?}");
        text(&output.stdout)
    }

    fn knows(&self, name: &str) -> bool {
        let config = self.directory.path().join("scimgate.toml");
        let filter = format!("displayName eq \"{name}\"");
        let arguments = ["map", "try", "--type", "Group", "--filter", &filter, "--config"];
        let output =
            Command::new(env!("CARGO_BIN_EXE_scimgate")).args(arguments).arg(config).output().unwrap();
        output.status.success()
    }
}

fn everywhere(mapping: &str, test: impl Fn(&Place)) {
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MariaDb] {
        let Some(place) = Place::new(backend, mapping) else { continue };
        eprintln!("in front of {}", backend.name());
        test(&place);
    }
}

fn patch(operations: &Json) -> Json {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

/// Lines that hold all of some texts.
fn lines_with(text: &str, parts: &[&str]) -> usize {
    text.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

#[test]
fn a_query_for_names_is_one_question_for_each_column() {
    everywhere("departments.toml", |place| {
        let all = place.run(&["explain", "--type", "Group"], None);
        assert_eq!(lines_with(&all, &["SELECT"]), 2, "{all}");
        let filter = ["explain", "--type", "Group", "--filter", "displayName eq \"sales\""];
        let text = place.run(&filter, None);
        assert!(text.contains("decided by the store"), "{text}");
        for column in ["dept", "team"] {
            assert_eq!(lines_with(&text, &["SELECT", "GROUP BY", "staff", column]), 1, "{column}: {text}");
        }
    });
}

#[test]
fn requests_for_names_are_explained_and_nothing_of_them_is_kept() {
    everywhere("departments.toml", |place| {
        let post = json!({ "schemas": [GROUP], "displayName": "Legal" });
        let text = place.run(&["explain", "--request", "POST /Groups"], Some(&post));
        assert!(text.ends_with("writes nothing\nonly our own database keeps what changes\n"), "{text}");
        assert!(!place.knows("Legal"));
        let rename = patch(&json!([{ "op": "replace", "path": "displayName", "value": "Law" }]));
        let text = place.run(&["explain", "--request", "PATCH /Groups/Sales"], Some(&rename));
        for column in ["dept", "team"] {
            assert!(lines_with(&text, &["UPDATE", "SET", "staff", column]) > 0, "{column}: {text}");
        }
        assert_eq!(
            lines_with(&text, &["UPDATE"]),
            lines_with(&text, &["UPDATE", "kind"]),
            "ours only: {text}"
        );
        assert!(text.contains("= displayName\n"), "{text}");
        // What only our own database keeps.
        let given = patch(&json!([{ "op": "add", "path": "externalId", "value": "x-1" }]));
        let text = place.run(&["explain", "--request", "PATCH /Groups/Sales"], Some(&given));
        assert!(text.ends_with("writes nothing\nonly our own database keeps what changes\n"), "{text}");
        let shown = place.run(&["map", "try", "--type", "Group", "Sales"], None);
        assert!(!shown.contains("x-1"), "{shown}");
        let text = place.run(&["explain", "--request", "DELETE /Groups/Sales"], None);
        assert!(lines_with(&text, &["UPDATE", "staff", "dept"]) >= 1, "{text}");
        assert!(place.knows("Sales"));
    });
}

#[test]
fn a_name_is_shown_with_where_it_lies() {
    everywhere("departments.toml", |place| {
        let by_key = place.run(&["map", "try", "--type", "Group", "Sales"], None);
        let filter = ["map", "try", "--type", "Group", "--filter", "displayName eq \"SALES\""];
        assert_eq!(by_key, place.run(&filter, None));
        assert!(
            by_key.contains("displayName = \"Sales\"\n    staff.dept, staff.team [it = Sales]: \"Sales\""),
            "{by_key}"
        );
        let ann = place.run(&["map", "try", "1"], None);
        assert!(ann.contains("groups[0].display = \"Sales\"\n"), "{ann}");
        assert!(ann.contains("staff.dept [id = 1]: \"Sales\""), "{ann}");
        assert!(ann.contains(&format!("{ENTERPRISE}.department = \"Sales\"\n")), "{ann}");
    });
}

/// A mapping of names with one thing changed.
fn changed(directory: &TempDir, from: &str, to: &str) -> PathBuf {
    let source = include_str!("../../fixtures/names/departments.toml");
    assert!(source.contains(from), "{from}");
    let file = directory.path().join("changed.toml");
    fs::write(&file, source.replacen(from, to, 1)).unwrap();
    file
}

#[test]
fn names_are_held_against_the_catalogue() {
    everywhere("departments.toml", |place| {
        for mapping in ["departments.toml", "department.toml", "roles.toml"] {
            let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/names").join(mapping);
            let (code, text) = check(&place.store, &mapping);
            assert_eq!(code, 0, "{text}");
        }
        for (from, to, said) in [
            ("names = [\"dept\", \"team\"]", "names = [\"dept\", \"teem\"]", "has no column `teem`"),
            ("table = \"staff\"\nnames", "table = \"stuff\"\nnames", "there is no table `stuff`"),
            ("nothing = [\"\", \"@none\"]", "nothing = [\"@none\", \"\"]", "`team` takes no NULL"),
            (
                "where = { kind = \"p\" }\nnothing",
                "where = { sort = \"p\" }\nnothing",
                "has no column `sort`",
            ),
        ] {
            let (code, text) = check(&place.store, &changed(&place.directory, from, to));
            // Long lines are printed as several.
            let words: Vec<&str> =
                text.split(|c: char| c.is_whitespace() || c == '│').filter(|w| !w.is_empty()).collect();
            assert!(code == 1 && words.join(" ").contains(said), "{said}: {text}");
        }
    });
}
