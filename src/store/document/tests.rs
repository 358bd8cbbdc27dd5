//! Documents of every format: what is opened and closed unchanged is the same text, a change touches what it
//! names, and no text whatever is more than an error. Knows documents only, neither mappings nor stores.

use proptest::prelude::*;

use super::*;
use crate::store::{Fold, Row};

fn document(codec: &str) -> Document {
    Document::parse(&[codec.to_owned()]).unwrap()
}

fn open(codec: &str, text: &str) -> Node {
    document(codec).open(&[Value::from(text)]).unwrap().unwrap()
}

fn close(codec: &str, tree: &Node, like: &str) -> String {
    document(codec).close(tree, &[Value::from(like)]).unwrap()[0].to_text()
}

fn path(names: &[&str]) -> Vec<Seg> {
    names.iter().map(|n| Seg::Name((*n).to_owned())).collect()
}

const ROLES: &str = "a:3:{s:6:\"editor\";b:1;s:5:\"été\";b:0;i:7;O:8:\"stdClass\":1:{s:1:\"x\";i:1;}}";
const ACCOUNT: &str = "{\"name\": {\"value\": \"Zo\\u00eb\", \"n\": 1.50}, \"more\": [{\"value\": \"a\"}, null], \"big\": 1e400}";

#[test]
fn a_text_that_nobody_changes_is_closed_as_it_was() {
    for (codec, text) in [
        ("json", ACCOUNT),
        ("json", "[]"),
        ("json", "{\"a\":{},\"a\":2}"),
        ("php", ROLES),
        ("php", "a:0:{}"),
        ("php", "s:0:\"\";"),
        ("php", "d:0.5;"),
        ("csv:,", "a, b,,c "),
        ("csv:,", " a,b"),
        ("csv:,", "\u{a0}A"),
        ("csv:-", "\n- "),
        ("lines", "a\n\nb"),
        ("tag::", "SMTP:a:b"),
        ("tag::", "plain"),
        ("pattern:{url} {label}|{url}", "http://x.y Home page"),
        ("pattern:{url} {label}|{url}", "http://x.y"),
        ("fields:,", "A, B,,1"),
    ] {
        assert_eq!(close(codec, &open(codec, text), text), text, "{codec}");
    }
    for bits in [0, 5, -1, i64::MIN] {
        let bag = document("bits");
        let tree = bag.open(&[Value::Int(bits)]).unwrap().unwrap();
        assert_eq!(bag.close(&tree, &[]).unwrap(), [Value::Int(bits)]);
    }
}

#[test]
fn a_change_touches_nothing_else() {
    let mut tree = open("json", ACCOUNT);
    tree.set(&path(&["name", "value"]), Some(&"Zoë \"Z\"".into())).unwrap();
    tree.set(&path(&["phone", "value"]), Some(&"+1".into())).unwrap();
    assert_eq!(
        close("json", &tree, ACCOUNT),
        "{\"name\": {\"value\": \"Zoë \\\"Z\\\"\", \"n\": 1.50}, \"more\": [{\"value\": \"a\"}, null], \"big\": 1e400, \
         \"phone\": {\"value\": \"+1\"}}"
    );
    let mut tree = open("php", ROLES);
    let place = tree.push(&[], Some("Équipe")).unwrap();
    tree.set(&[Seg::At(place)], Some(&Value::Bool(true))).unwrap();
    tree.remove(&path(&["editor"]));
    assert_eq!(
        close("php", &tree, ROLES),
        "a:3:{s:5:\"été\";b:0;i:7;O:8:\"stdClass\":1:{s:1:\"x\";i:1;}s:7:\"Équipe\";b:1;}"
    );
}

#[test]
fn what_we_do_not_understand_is_not_overwritten() {
    let mut tree = open("php", ROLES);
    assert!(tree.set(&path(&["7"]), Some(&"x".into())).is_err());
    assert!(tree.set(&path(&["7", "x"]), Some(&"x".into())).is_err());
    assert!(tree.push(&path(&["7"]), Some("x")).is_err());
    let mut tree = open("json", ACCOUNT);
    assert!(tree.set(&path(&["name"]), Some(&"x".into())).is_err());
    assert!(tree.set(&path(&["name", "value", "x"]), Some(&"x".into())).is_err());
}

#[test]
fn a_text_of_another_format_is_not_opened() {
    for (codec, text) in [
        ("json", "{\"a\":"),
        ("json", "nul"),
        ("php", "a:1:{s:3:\"été\";b:1;}"),
        ("php", "a:1:{i:0;R:1;}"),
        ("php", "a:2:{i:0;i:0;}"),
        ("php", "i:1;i:2;"),
        ("php", "a:99999999999:{}"),
        ("php", "s:99999999999999999999:\"\";"),
        ("bits", "many"),
        ("pattern:{a}-{b}", "ab"),
    ] {
        assert!(document(codec).open(&[text.into()]).is_err(), "{codec} {text}");
        let renew = Document { renew: true, ..document(codec) };
        assert_eq!(renew.open(&[text.into()]), Ok(None));
    }
    assert_eq!(document("json").open(&[]), Ok(None));
    assert_eq!(document("json").open(&["  ".into()]), Ok(None));
}

#[test]
fn values_that_the_format_cannot_hold_are_refused() {
    let clash = |codec: &str, text: &str, value: &str| {
        let mut tree = open(codec, text);
        let place = tree.push(&[], None).unwrap();
        tree.set(&[Seg::At(place)], Some(&value.into())).unwrap();
        assert!(document(codec).close(&tree, &[]).is_err(), "{codec} {value}");
    };
    clash("csv:,", "a", "b,c");
    clash("lines", "a", "b\nc");
    clash("bits", "1", "64");
    let mut tree = open("pattern:{url} {label}|{url}", "u l");
    tree.set(&path(&["url"]), Some(&"u v".into())).unwrap();
    assert!(document("pattern:{url} {label}|{url}").close(&tree, &[]).is_err());
}

#[test]
fn a_list_keeps_its_blanks() {
    let mut tree = open("csv:,", "a, b");
    let place = tree.push(&[], None).unwrap();
    tree.set(&[Seg::At(place)], Some(&"c".into())).unwrap();
    tree.remove(&[Seg::At(0)]);
    assert_eq!(close("csv:,", &tree, "a, b"), "b, c");
    assert_eq!(close("csv:,", &tree, ""), "b, c");
}

#[test]
fn base64_is_taken_off_and_put_on() {
    let document = Document::parse(&["base64".to_owned(), "json".to_owned()]).unwrap();
    let mut tree = document.open(&["eyJhIjoxfQ==".into()]).unwrap().unwrap();
    assert_eq!(document.close(&tree, &[]).unwrap(), ["eyJhIjoxfQ==".into()]);
    tree.set(&path(&["a"]), Some(&Value::Int(2))).unwrap();
    assert_eq!(document.close(&tree, &[]).unwrap(), ["eyJhIjoyfQ==".into()]);
    assert!(Document::parse(&["hex".to_owned(), "json".to_owned()]).is_err());
    assert!(Document::parse(&["ini".to_owned()]).is_err());
}

/// The items of a map of PHP, with the key and the truth of each.
fn roles() -> Items {
    let mut items = Items {
        document: Some(document("php")),
        path: Vec::new(),
        many: true,
        places: Vec::new(),
        pos: 0,
        each: false,
    };
    items.places = [["pos"], ["key"], ["it"]].iter().map(|n| items.place_of(&n.map(str::to_owned))).collect();
    items
}

#[test]
fn a_hint_never_says_too_much() {
    let items = roles();
    let hint =
        |test: Test| items.document.as_ref().unwrap().hint(9, &Predicate::Field(1, test), &items.places);
    let one = |t: &str| Test::OneOf(vec![t.into()], Fold::Exact);
    assert_eq!(hint(one("editor")), Predicate::Field(9, Test::Contains("editor".into(), Fold::Exact)));
    for text in ["1", "true", "t", "", " a", "1.5"] {
        assert_eq!(hint(one(text)), Predicate::Field(9, Test::Present), "{text}");
    }
    assert_eq!(
        document("json").hint(9, &Predicate::Field(1, one("editor")), &items.places),
        Predicate::Field(9, Test::Present)
    );
    let bits = document("bits").hint(9, &Predicate::Field(0, one("3")), &[Place::It]);
    assert_eq!(bits, Predicate::Field(9, Test::BitsSet(8)));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,4}",
        any::<String>(),
        "[{}\\[\\]\":;,aisbON0-9.]{0,30}",
        "(a:[0-9]:\\{|i:[0-9];|s:1:\"x\";|\\}){0,9}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic_and_what_opens_closes(text in any_text(), which in 0_usize..7) {
        let codec = ["json", "php", "csv:,", "lines", "tag::", "pattern:{a} {b}|{b}", "fields:;"][which];
        if let Ok(Some(tree)) = document(codec).open(&[Value::from(text.as_str())]) {
            let closed = close(codec, &tree, &text);
            let again = document(codec).open(&[Value::from(closed.as_str())]).unwrap();
            prop_assert_eq!(again, Some(tree), "{} {}", text, closed);
        }
    }

    #[test]
    fn roles_are_a_map(steps in prop::collection::vec(("[a-zé0-9]{1,3}", any::<bool>()), 0..20)) {
        let items = roles();
        let mut tree = open("php", "a:0:{}");
        let mut model: Vec<String> = Vec::new();
        for (name, add) in steps {
            let row = Row { cells: vec![Vec::new(), vec![name.as_str().into()], vec![Value::Bool(true)]] };
            if add {
                let is_new = !model.contains(&name);
                prop_assert_eq!(items.add(&mut tree, &[], &row).is_ok(), is_new);
                if is_new { model.push(name) }
            } else {
                tree.remove(&path(&[&name]));
                model.retain(|n| *n != name);
            }
            tree = open("php", &close("php", &tree, ""));
            let keys: Vec<String> = items.addresses(&tree, &[]).iter().map(|a| items.row(&tree, a).cells[1][0].to_text()).collect();
            prop_assert_eq!(&keys, &model);
        }
    }
}
