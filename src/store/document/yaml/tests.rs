//! YAML is changed in its own text: what is written reads back, and every other byte stays.

use proptest::prelude::*;

use super::{Clash, Node, Value, close, open};
use crate::store::document::Seg;

fn path(names: &[&str]) -> Vec<Seg> {
    names.iter().map(|n| Seg::Name((*n).to_owned())).collect()
}

fn changed(text: &str, change: impl FnOnce(&mut Node)) -> Result<String, Clash> {
    let mut tree = open(text).unwrap();
    change(&mut tree);
    close(&tree, Some(text))
}

fn set(text: &str, names: &[&str], value: &str) -> Result<String, Clash> {
    changed(text, |tree| tree.set(&path(names), Some(&value.into())).unwrap())
}

fn remove(text: &str, names: &[&str]) -> Result<String, Clash> {
    changed(text, |tree| tree.remove(&path(names)))
}

fn push(text: &str, names: &[&str], value: &str) -> Result<String, Clash> {
    changed(text, |tree| {
        let mut at = path(names);
        let place = tree.push(&at, None).unwrap();
        at.push(Seg::At(place));
        tree.set(&at, Some(&value.into())).unwrap();
    })
}

const SETTINGS: &str = "--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\n# who\n:theme: dark   # at night\n'lang': \"de\"\nroles:\n- admin # root\n- 'ops'\nmail:\n  to:  a@x.org\n  text: |\n    Dear\n      all\n\n# the end\nn: 010\nquota: 1.50\noff: ~\nempty:\nlist: [1, 'two', {a: b}] # flow\n";

#[test]
fn a_text_that_nobody_changes_stays_as_it_is() {
    for text in [
        SETTINGS,
        "",
        "# only\n",
        "---\n",
        "--- {}\n",
        "a: &x 1\nb: *x\n",
        "\u{feff}a: 1\r\nb: 'é'\r\n",
        "[a, {b: c}]",
        "? a\n: b\n",
    ] {
        assert_eq!(close(&open(text).unwrap(), Some(text)).unwrap(), text);
    }
}

#[test]
fn values_are_read_as_they_are_meant() {
    let tree = open(SETTINGS).unwrap();
    let at = |names: &[&str]| tree.at(&path(names)).and_then(Node::value).cloned();
    assert_eq!(at(&[":theme"]), Some("dark".into()));
    assert_eq!(at(&["lang"]), Some("de".into()));
    assert_eq!(at(&["roles", "1"]), Some("ops".into()));
    assert_eq!(at(&["mail", "text"]), Some("Dear\n  all\n".into()));
    assert_eq!(at(&["n"]), Some("010".into()), "an octal number to some, ten to others");
    assert_eq!(at(&["quota"]).map(|v| v.to_text()), Some("1.5".to_owned()));
    assert_eq!((at(&["off"]), at(&["empty"])), (None, None));
    assert_eq!(at(&["list", "0"]), Some(Value::Int(1)));
    let tree = open("base: &b {a: 1, b: 2}\nown:\n  <<: *b\n  b: 3\nagain: *b\n").unwrap();
    let at = |names: &[&str]| tree.at(&path(names)).and_then(Node::value).cloned();
    assert_eq!((at(&["own", "a"]), at(&["own", "b"])), (Some(Value::Int(1)), Some(Value::Int(3))));
    assert_eq!((tree.at(&path(&["own"])).unwrap().len(), at(&["again", "b"])), (2, Some(Value::Int(2))));
}

#[test]
fn a_change_touches_nothing_else() {
    let expect = |done: Result<String, Clash>, old: &str, new: &str| {
        assert!(SETTINGS.contains(old), "{old}");
        assert_eq!(done.unwrap(), SETTINGS.replacen(old, new, 1));
    };
    expect(set(SETTINGS, &[":theme"], "light"), "dark", "light");
    expect(set(SETTINGS, &["lang"], "a \"b\""), "\"de\"", "\"a \\\"b\\\"\"");
    expect(set(SETTINGS, &["roles", "1"], "it's"), "'ops'", "'it''s'");
    expect(set(SETTINGS, &["mail", "to"], "yes"), " a@x.org", " 'yes'");
    expect(set(SETTINGS, &["mail", "text"], "one\ntwo"), "|\n    Dear\n      all", "\"one\\ntwo\"");
    expect(set(SETTINGS, &["empty"], "x"), "empty:", "empty: x");
    expect(set(SETTINGS, &["off"], "5"), "off: ~", "off: '5'");
    expect(set(SETTINGS, &["list", "1"], "3"), "'two'", "'3'");
    expect(set(SETTINGS, &["list", "2", "a"], "c, d"), "b}", "'c, d'}");
    expect(set(SETTINGS, &["mail", "cc"], "b@x.org"), "all\n", "all\n  cc: b@x.org\n");
    expect(set(SETTINGS, &["new", "deep"], "x"), "# flow\n", "# flow\nnew:\n  deep: x\n");
    expect(set(SETTINGS, &["empty", "deep"], "x"), "empty:", "empty:\n  deep: x");
    expect(push(SETTINGS, &["roles"], "dev"), "- 'ops'\n", "- 'ops'\n- dev\n");
    expect(push(SETTINGS, &["list"], "x"), "{a: b}]", "{a: b}, x]");
    expect(push(SETTINGS, &["tags"], "x"), "# flow\n", "# flow\ntags:\n- x\n");
    expect(remove(SETTINGS, &[":theme"]), ":theme: dark   # at night\n", "");
    expect(remove(SETTINGS, &["roles", "0"]), "- admin # root\n", "");
    expect(remove(SETTINGS, &["mail", "to"]), "  to:  a@x.org\n", "");
    expect(remove(SETTINGS, &["mail"]), "mail:\n  to:  a@x.org\n  text: |\n    Dear\n      all\n", "");
    expect(remove(SETTINGS, &["list", "0"]), "1, ", "");
    expect(remove(SETTINGS, &["list", "2"]), ", {a: b}", "");
    let both = changed(SETTINGS, |tree| {
        tree.remove(&path(&["roles", "0"]));
        tree.remove(&path(&["roles", "0"]));
    });
    expect(both, "roles:\n- admin # root\n- 'ops'\n", "roles: []\n");
    expect(changed(SETTINGS, |tree| tree.rename(&path(&["mail"]), "post").unwrap()), "mail:", "post:");
}

#[test]
fn lists_of_maps_and_lists_keep_their_shape() {
    let text =
        "people:\n  - name: ann # a\n    # her mail\n    mail: a@x\n  - name: bob\n    mail: b@x\n- x\n";
    assert!(open(text).is_err());
    let text = "people:\n  - name: ann # a\n    # her mail\n    mail: a@x\n  - name: bob\n    mail: b@x\nrest:\n- - 1\n  - 2\n- - 3\n";
    assert_eq!(remove(text, &["people", "0", "name"]).unwrap(), text.replace("name: ann # a\n    ", ""));
    assert_eq!(
        remove(text, &["people", "0"]).unwrap(),
        text.replace("  - name: ann # a\n    # her mail\n    mail: a@x\n", "")
    );
    assert_eq!(remove(text, &["rest", "0", "0"]).unwrap(), text.replace("- - 1\n  - 2", "- - 2"));
    assert_eq!(set(text, &["people", "1", "mail"], "c@x").unwrap(), text.replace("b@x", "c@x"));
    let more = changed(text, |tree| {
        let mut at = path(&["people"]);
        let place = tree.push(&at, None).unwrap();
        at.push(Seg::At(place));
        for (name, value) in [("name", "eva"), ("mail", "e@x")] {
            let at: Vec<Seg> = at.iter().cloned().chain(path(&[name])).collect();
            tree.set(&at, Some(&value.into())).unwrap();
        }
    });
    assert_eq!(more.unwrap(), text.replace("mail: b@x\n", "mail: b@x\n  - name: eva\n    mail: e@x\n"));
}

#[test]
fn documents_of_nothing_get_their_first_values() {
    for (text, expect) in [
        ("--- {}\n", "---\na: b\n"),
        ("{}\n", "a: b\n"),
        ("---\n", "---\na: b\n"),
        ("# note\n", "# note\na: b\n"),
        ("--- {}\n# note\n", "---\na: b\n# note\n"),
        ("--- !ruby/hash:Foo {}\n", "--- !ruby/hash:Foo\na: b\n"),
    ] {
        assert_eq!(set(text, &["a"], "b").unwrap(), expect, "{text:?}");
    }
    let mut tree = Node::nothing();
    tree.set(&path(&[":a", "b c"]), Some(&Value::Bool(true))).unwrap();
    assert_eq!(close(&tree, None).unwrap(), "---\n:a:\n  b c: true\n");
    assert_eq!(remove("a: b\r\n", &["a"]).unwrap(), "{}\r\n");
    assert_eq!(set("a: b\r\n", &["c"], "d").unwrap(), "a: b\r\nc: d\r\n");
    assert_eq!(set("a: b", &["c"], "d").unwrap(), "a: b\nc: d");
}

#[test]
fn symbols_of_ruby_stay_symbols() {
    assert_eq!(set(":sort: :asc\n", &[":sort"], ":desc").unwrap(), ":sort: :desc\n");
    assert_eq!(set("sort: asc\n", &["sort"], ":desc").unwrap(), "sort: ':desc'\n");
    assert_eq!(set(":a: 1\n", &[":b_c"], "x").unwrap(), ":a: 1\n:b_c: x\n");
}

#[test]
fn what_means_more_than_it_says_is_left_alone() {
    let text = "base: &b\n  a: 1\n  c: &d x\nown:\n  <<: *b\n  e: 1\nagain: *b\nsized: !!int \"5\"\nodd: !thing {x: 1}\n? k\n: v\n";
    let is_refused = |done: Result<String, Clash>| assert!(done.is_err(), "{done:?}");
    is_refused(set(text, &["base", "a"], "2"));
    is_refused(set(text, &["base", "c"], "2"));
    is_refused(set(text, &["own", "a"], "2"));
    is_refused(set(text, &["again", "a"], "2"));
    is_refused(set(text, &["odd", "x"], "2"));
    is_refused(remove(text, &["base"]));
    is_refused(remove(text, &["own", "a"]));
    is_refused(remove(text, &["sized"]));
    is_refused(set(text, &["new"], "x"));
    is_refused(remove("a: [b, # why\n  c]\n", &["a", "1"]));
    assert_eq!(set(text, &["own", "e"], "2").unwrap(), text.replace("e: 1", "e: 2"));
    assert_eq!(set(text, &["k"], "w").unwrap(), text.replace(": v", ": w"));
    assert!(open(text).unwrap().set(&path(&["sized"]), Some(&"x".into())).is_err());
}

#[test]
fn what_is_no_yaml_of_one_document_is_not_opened() {
    for text in ["a: [", "a: b: c", "a: 1\n---\nb: 2\n", "a: *b\n", "a: 'x", "- &a [*a]\n", "{a: 1"] {
        assert!(open(text).is_err(), "{text:?}");
    }
    assert!(open(&"[".repeat(100_000)).is_err());
    assert!(open(&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))).is_err());
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
    }
    assert!(open(&bomb).is_err());
}

/// A document and how it is written.
#[derive(Debug, Clone)]
enum Doc {
    Scalar(&'static str),
    List(Vec<Doc>, u8),
    Map(Vec<Doc>, u8),
}

fn doc() -> impl Strategy<Value = Doc> {
    let leaf = proptest::sample::select(vec![
        "plain",
        "two words",
        "'single ''q'''",
        "\"d\\tq\"",
        "12",
        "true",
        "1.50",
        "'#'",
        "a#b",
        "\"#x\"",
        "é ü",
        "2020-01-01",
        "http://x.org/a",
    ]);
    leaf.prop_map(Doc::Scalar).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (prop::collection::vec(inner.clone(), 1..4), any::<u8>())
                .prop_map(|(list, style)| Doc::List(list, style)),
            (prop::collection::vec(inner, 1..4), any::<u8>()).prop_map(|(list, style)| Doc::Map(list, style)),
        ]
    })
}

const NAMES: [&str; 4] = ["key", ":sym", "'q k'", "\"d\""];

fn flow(doc: &Doc) -> String {
    match doc {
        Doc::Scalar(text) if text.contains("://") => format!("'{text}'"),
        Doc::Scalar(text) => (*text).to_owned(),
        Doc::List(list, _) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Doc::Map(list, _) => {
            let entries = list.iter().zip(NAMES).map(|(doc, name)| format!("{name}: {}", flow(doc)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(" , "))
        }
    }
}

/// What stands behind a `:` or `-` at a column.
fn written(doc: &Doc, indent: usize, is_item: bool) -> String {
    let (list, style) = match doc {
        Doc::Scalar(text) => return format!(" {text}\n"),
        Doc::List(list, style) | Doc::Map(list, style) => (list, style),
    };
    if style % 5 == 0 {
        return format!("  {} # flow\n", flow(doc));
    }
    let is_map = matches!(doc, Doc::Map(..));
    let inner =
        if is_item || is_map || style % 2 == 0 { indent + 1 + usize::from(style % 3) } else { indent };
    let mut out = String::new();
    for (place, child) in list.iter().enumerate() {
        let lead = if is_map { format!("{}:", NAMES[place]) } else { "-".to_owned() };
        if place == 0 && is_item {
            // `- - a`, `- a: b`
            let gap = " ".repeat(inner - indent - 1);
            out.push_str(&format!(
                "{}{lead}{}",
                if gap.is_empty() { " " } else { &gap },
                written(child, if gap.is_empty() { indent + 2 } else { inner }, !is_map)
            ));
            continue;
        }
        if place == 0 {
            out.push_str(if style % 4 == 1 { " # head\n" } else { "\n" });
        }
        let inner = if is_item && inner - indent == 1 { indent + 2 } else { inner };
        if style % 7 == 1 {
            out.push_str(&format!("{}# between\n", " ".repeat(inner)));
        }
        out.push_str(&format!("{}{lead}{}", " ".repeat(inner), written(child, inner, !is_map)));
        if style % 11 == 2 {
            out.push('\n');
        }
    }
    out
}

fn addresses(node: &Node, above: &[Seg], out: &mut Vec<Vec<Seg>>) {
    for place in 0..node.len() {
        let at: Vec<Seg> = above.iter().cloned().chain([Seg::At(place)]).collect();
        if let Some(child) = node.at(&[Seg::At(place)]) {
            addresses(child, &at, out);
        }
        out.push(at);
    }
}

/// How many bytes at the beginning and at the end are the same.
fn kept(old: &str, new: &str) -> usize {
    let front = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - front;
    front + old.bytes().rev().zip(new.bytes().rev()).take(rest).take_while(|(a, b)| a == b).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 2_000 }))]

    #[test]
    fn any_one_change_is_one_change_of_the_text(doc in doc(), which in any::<prop::sample::Index>(), value in "\\PC{0,12}|[a-z]{1,4}|yes|: x|- y|\\n z", kind in 0..4) {
        let text = format!("---{}", written(&doc, 0, false));
        let old = open(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let mut all = Vec::new();
        addresses(&old, &[], &mut all);
        if all.is_empty() {
            return Ok(());
        }
        let at = which.get(&all).clone();
        let value = Value::from(value.as_str());
        let mut tree = old.clone();
        let node = old.at(&at).unwrap();
        let is_done = match kind {
            0 if node.value().is_some() => tree.set(&at, Some(&value)).is_ok(),
            1 if matches!(node, Node::List(_)) => tree.push(&at, None).is_ok_and(|place| {
                let at: Vec<Seg> = at.iter().cloned().chain([Seg::At(place)]).collect();
                tree.set(&at, Some(&value)).is_ok()
            }),
            1 if matches!(node, Node::Map(_)) => {
                let at: Vec<Seg> = at.iter().cloned().chain([Seg::Name("n e w".to_owned())]).collect();
                tree.set(&at, Some(&value)).is_ok()
            }
            2 => { tree.remove(&at); true }
            3 if old.key(&at).is_some() => tree.rename(&at, "n e w").is_ok(),
            _ => false,
        };
        if !is_done {
            return Ok(());
        }
        let new = close(&tree, Some(&text));
        prop_assert!(new.is_ok(), "{kind} {at:?} {value:?}: {new:?}\n{text}");
        let new = new.unwrap();
        // What is written reads back, and closing it again changes nothing.
        let read = open(&new).unwrap();
        prop_assert!(super::says_same(&read, &tree));
        prop_assert_eq!(close(&read, Some(&new)).unwrap(), new.clone());
        // All else is there, byte for byte: what is different lies between two places.
        let most = text.len().min(new.len());
        let is_emptied = kind == 2 && old.at(&at[..at.len() - 1]).unwrap().len() == 1;
        prop_assert!(kind == 0 || kind == 3 || is_emptied || kept(&text, &new) == most, "{kind} {at:?}\n{text}\n{new}");
        if kind != 2 {
            let comments = |text: &str| text.matches("# ").count();
            prop_assert!(comments(&new) >= comments(&text));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-a:\\[\\]{},&*!#|>'\" \\n?~<0é]{0,40}", value in "[a: -]{0,4}") {
        let Ok(old) = open(&text) else { return Ok(()) };
        prop_assert_eq!(close(&old, Some(&text)).unwrap(), text.clone());
        let mut all = vec![Vec::new()];
        addresses(&old, &[], &mut all);
        for at in all {
            for kind in 0..3 {
                let mut tree = old.clone();
                let done = match kind {
                    0 => tree.set(&at, Some(&Value::from(value.as_str()))).is_ok(),
                    1 => tree.push(&at, None).is_ok(),
                    _ => { tree.remove(&at); true }
                };
                if let Ok(new) = close(&tree, Some(&text)) && done {
                    prop_assert!(super::says_same(&open(&new).unwrap(), &tree));
                }
            }
        }
    }
}
