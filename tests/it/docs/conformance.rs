//! `docs/conformance.md` keeps step with the tests: each requirement names tests that are there and cite its
//! id, or a reason why there is none; no test cites an id that the page does not have.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{code_words, root};

/// Beginnings of the ids of requirements; what follows has no blank in it.
const FAMILIES: [&str; 8] = ["7643-", "7644-", "9865-", "HTTP-", "P-add-", "P-rem-", "P-rep-", "P-any-"];
/// What stands above a test.
const MARKS: [&str; 3] = ["#[test]\n", "#[tokio::test]\n", "#[actix_web::test]\n"];
/// What the page must not fall below: a row cannot get lost unnoticed.
const REQUIREMENTS: usize = 200;

/// A test function: its path (`scim::patch::tests::name`, `requirements::create::name`) and the ids in it.
type Citations = BTreeMap<String, BTreeSet<String>>;

/// True for `D-12` and the like.
fn is_decision(word: &str) -> bool {
    word.strip_prefix("D-").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The ids in a text; `7644-3.7-a..c` is three of them.
fn ids(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || "-.*".contains(c)));
    let mut found = BTreeSet::new();
    for word in words {
        let word = word.trim_end_matches('.');
        let (first, last) = word.split_once("..").unwrap_or((word, ""));
        if !(FAMILIES.iter().any(|f| first.len() > f.len() && first.starts_with(f)) || is_decision(first)) {
            continue;
        }
        found.insert(first.to_owned());
        if let (Some(from), [to]) = (first.bytes().last(), last.as_bytes()) {
            let stem = &first[..first.len() - 1];
            found.extend((from..=*to).map(|c| format!("{stem}{}", char::from(c))));
        }
    }
    found
}

/// Every test function below a folder.
fn tests_in(folder: &Path, modules: &str, out: &mut Citations) {
    for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        let path = if modules.is_empty() { name } else { format!("{modules}::{name}") };
        if entry.is_dir() {
            tests_in(&entry, &path, out);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&entry).unwrap();
            for (at, mark) in MARKS.iter().flat_map(|mark| text.match_indices(mark)) {
                let line = text[..at].rfind('\n').map_or(0, |n| n + 1);
                let indent = &text[line..at];
                let rest = &text[at + mark.len()..];
                let Some((_, function)) = rest.split_once("fn ") else { continue };
                let end = function.find(&format!("\n{indent}}}")).unwrap_or(function.len());
                let function_name = function.split('(').next().unwrap();
                out.entry(format!("{path}::{function_name}")).or_default().extend(ids(&function[..end]));
            }
        }
    }
}

fn citations() -> Citations {
    let mut all = Citations::new();
    tests_in(&root().join("src"), "", &mut all);
    tests_in(&root().join("tests/it"), "", &mut all);
    all
}

/// The rows of all tables of requirements: id and proof.
fn requirements(document: &str) -> Vec<(String, String)> {
    let (_, section) = document.split_once("\n## Requirements\n").expect("there is such a heading");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "id, strength, demand, proof: {row}");
        (cells[0].trim_matches('`').to_owned(), cells[3].to_owned())
    })
    .collect()
}

#[test]
fn every_requirement_names_its_tests_and_every_test_its_requirements() {
    let document = fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let (rows, tests) = (requirements(&document), citations());
    let mut wrong = Vec::new();
    for (id, proof) in &rows {
        let named = code_words(proof);
        if named.is_empty() && !proof.contains(' ') {
            wrong.push(format!("{id}: neither a test nor a reason"));
        }
        for test in named {
            match tests.get(&test) {
                None => wrong.push(format!("{id}: there is no test `{test}`")),
                Some(cited) if !cited.contains(id) => wrong.push(format!("{id}: `{test}` does not cite it")),
                Some(_) => {}
            }
        }
    }
    let known: BTreeSet<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(known.len(), rows.len(), "an id is there twice");
    assert!(rows.len() >= REQUIREMENTS, "{} requirements", rows.len());
    for (test, cited) in &tests {
        for id in cited.iter().filter(|id| !known.contains(id.as_str())) {
            wrong.push(format!("`{test}` cites {id}, which docs/conformance.md does not have"));
        }
    }
    assert!(wrong.is_empty(), "{} mistakes:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn ids_are_found_in_comments() {
    let found = ids("// 7644-3.7-a..c, D-2 (E-05) and P-add-0; HTTP-b. 7643-9-* D-x RFC 7644-");
    let expected = ["7643-9-*", "7644-3.7-a", "7644-3.7-b", "7644-3.7-c", "D-2", "HTTP-b", "P-add-0"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
