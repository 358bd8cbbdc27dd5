//! The tables of diagnostics: each code of the program is explained, and each that a file can have has
//! a file that shows it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    document,
    markdown::{code_words, table},
    root,
};

/// The source text below a folder, without its tests.
pub(super) fn sources(folder: &Path, out: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            out.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

/// The literals that follow an opening parenthesis: `error("code", …)` and `("code", span)`.
fn codes_in(source: &str) -> BTreeSet<String> {
    let is_code = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let mut out = BTreeSet::new();
    for (at, _) in source.match_indices('(') {
        let (before, after) = source.split_at(at);
        let Some(rest) = after[1..].trim_start().strip_prefix('"') else { continue };
        let Some((text, rest)) = rest.split_once('"') else { continue };
        let reports = ["error", "warn", "note"].iter().any(|word| before.ends_with(word));
        if is_code(text) && rest.starts_with(',') && (reports || text.contains('-')) {
            out.insert(text.to_owned());
        }
    }
    out
}

/// The codes in a table of the page, which is in the order of the alphabet.
fn explained(name: &str) -> BTreeSet<String> {
    let document = document();
    let codes: Vec<String> = table(&document, name).iter().flat_map(|row| code_words(&row[0])).collect();
    assert!(codes.is_sorted(), "the table {name} is in the order of the alphabet");
    codes.into_iter().collect()
}

#[test]
fn every_diagnostic_code_is_explained() {
    let mut texts = Vec::new();
    for folder in ["src/mapping/compile", "src/mapping/check"] {
        sources(&root().join(folder), &mut texts);
    }
    texts.push(fs::read_to_string(root().join("src/mapping/node.rs")).unwrap());
    let in_source: BTreeSet<String> = texts.iter().flat_map(|t| codes_in(t)).collect();
    assert!(in_source.len() > 40, "{in_source:?}");
    assert_eq!(explained("diagnostics"), in_source);
}

#[test]
fn every_diagnostic_code_has_a_file_that_shows_it() {
    let files = fs::read_dir(root().join("tests/fixtures/mapping")).unwrap();
    let files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    let mut shown = BTreeSet::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "toml")) {
        let text = fs::read_to_string(file).unwrap();
        // What each file reports is compared with its first line in `mapping_files`.
        let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("# expect: ")) else {
            continue;
        };
        shown.extend(line.split(", ").filter_map(|e| e.split_once(" at ")).map(|(code, _)| code.to_owned()));
    }
    assert_eq!(shown, explained("diagnostics"));
}

#[test]
fn every_finding_in_a_database_is_explained() {
    let mut texts = Vec::new();
    sources(&root().join("src/mapping/live"), &mut texts);
    texts.push(fs::read_to_string(root().join("src/mapping/live.rs")).unwrap());
    // `live.warn("code", …)` and `out.error("code", …)`.
    let in_source: BTreeSet<String> = texts.iter().flat_map(|t| codes_in(t)).collect();
    assert!(in_source.len() > 25, "{in_source:?}");
    assert_eq!(explained("live"), in_source);
}

#[test]
fn every_finding_in_a_directory_is_explained() {
    let mut texts = Vec::new();
    sources(&root().join("src/mapping/directory"), &mut texts);
    let in_source: BTreeSet<String> = texts.iter().flat_map(|t| codes_in(t)).collect();
    assert!(in_source.len() > 40, "{in_source:?}");
    assert_eq!(explained("directory"), in_source);
}
