//! What the language has beside the keys of its large tables: words with `@`, password schemes, and the
//! keys of lenses that have a table of their own.

use std::collections::BTreeSet;

use scimgate::mapping::compile::compile;

use super::{code_words, document, keys, lens, table};

fn explained(name: &str) -> BTreeSet<String> {
    table(&document(), name).iter().flat_map(|row| code_words(&row[0])).collect()
}

/// What the program suggests where it finds something that it does not know.
fn suggested(file: &str, code: &str) -> BTreeSet<String> {
    let found = compile(file, &|_| Err(std::io::ErrorKind::NotFound.into())).err().unwrap_or_default();
    let report = found.0.iter().find(|d| d.code == code).unwrap_or_else(|| panic!("no {code} in\n{file}"));
    code_words(&report.help).into_iter().collect()
}

#[test]
fn every_word_is_explained() {
    let mut known = suggested(&lens("title = { field = \"a\", initial = \"@zzzz\" }"), "unknown-word");
    known.retain(|word| !word.starts_with('@'));
    let explained: BTreeSet<String> =
        explained("words").iter().map(|word| word.trim_start_matches('@').to_owned()).collect();
    // These have a meaning in some places only, where the program names them.
    let elsewhere = ["event", "field", "old", "new", "side"].map(str::to_owned);
    let everywhere: BTreeSet<String> =
        explained.difference(&BTreeSet::from(elsewhere.clone())).cloned().collect();
    assert_eq!(everywhere, known);
    assert!(elsewhere.iter().all(|word| explained.contains(word)), "{explained:?}");
}

#[test]
fn every_scheme_is_explained() {
    let known = suggested(&lens("password = { field = \"a\", scheme = \"zzzz\" }"), "unknown-scheme");
    let name = |word: &String| word.split(':').next().unwrap_or_default().to_owned();
    let explained: BTreeSet<String> = explained("schemes").iter().map(name).collect();
    assert_eq!(explained, known);
}

#[test]
fn lenses_with_a_table_of_their_own_have_all_their_keys_there() {
    let common: BTreeSet<String> = explained("common");
    let tables = [
        ("reference", "'{E}:manager' = { field = \"a\", ref = \"User\", zzzz = 1 }", &["field"][..]),
        ("tree", "'{E}:manager' = { tree = \"a\", ref = \"User\", zzzz = 1 }", &[]),
        ("inverse", "groups = { inverse = \"Group.members\", zzzz = 1 }", &[]),
        ("password", "password = { field = \"a\", scheme = \"ssha\", zzzz = 1 }", &["field", "scheme"]),
        ("kinds", "emails = { rows = \"mail\", each = { value = \"a\" }, kinds = { zzzz = 1 } }", &[]),
    ];
    for (name, text, told) in tables {
        let part = "[User.part.mail]\ntable = \"m\"\non = { p = \"id\" }\nmany = true\n";
        let known = keys(&format!("{}\n{part}", lens(text)));
        let own = |key: &&String| !common.contains(*key) && !told.contains(&key.as_str());
        let (explained, needed) =
            (explained(name), known.iter().filter(own).cloned().collect::<BTreeSet<_>>());
        assert!(needed.is_subset(&explained), "{name}: not explained {:?}", needed.difference(&explained));
        assert!(explained.is_subset(&known), "{name}: not there {:?}", explained.difference(&known));
    }
    let part = keys(&lens("[User.part.p]\nzzzz = 1\n"));
    assert!(explained("endings").is_subset(&part));
}
