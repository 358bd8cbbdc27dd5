//! Lenses of lists: rows of tables and values of entries, slots, references, unions.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*, sample::select as pick};
use serde_json::json;

use super::{
    Case,
    values::{any_text, sent},
    world::{BASE, Cells, Stored, people},
};
use crate::{
    scim::{Json, Object},
    store::Value,
};

/// The people, and rows of a table `items` that hang on them by `person`. Rows of the kind `foreign`
/// are not ours.
fn with_items(cells: BoxedStrategy<Cells>) -> BoxedStrategy<Stored> {
    let items = vec((1..3_i64, cells), 0..6);
    (people(any_text()), items)
        .prop_map(|(mut stored, items)| {
            let rows = items.into_iter().zip(1..).map(|((person, mut cells), id): (_, i64)| {
                cells.insert("id", vec![id.into()]);
                cells.insert("person", vec![person.into()]);
                cells.insert("spare", vec!["kept".into()]);
                cells
            });
            stored.insert("items", rows.collect());
            stored
        })
        .boxed()
}

fn cells(columns: Vec<(&'static str, BoxedStrategy<Vec<Value>>)>) -> BoxedStrategy<Cells> {
    let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    values.prop_map(move |values| names.iter().copied().zip(values).collect::<BTreeMap<_, _>>()).boxed()
}

fn one(values: &'static [&'static str]) -> BoxedStrategy<Vec<Value>> {
    pick(values).prop_map(|v| if v.is_empty() { Vec::new() } else { vec![v.into()] }).boxed()
}

fn word() -> BoxedStrategy<String> {
    pick(vec!["a", "b", "A", "c d", "é"]).prop_map(str::to_owned).boxed()
}

/// Elements with these sub-attributes, no two with one value.
fn elements(subs: Vec<(&'static str, BoxedStrategy<Json>)>) -> BoxedStrategy<Json> {
    let (names, values): (Vec<_>, Vec<_>) =
        subs.into_iter().map(|(n, s)| (n, option::weighted(0.7, s))).unzip();
    let element = (word(), values).prop_map(move |(value, rest)| {
        let mut object = Object::from_iter([("value".to_owned(), value.into())]);
        object.extend(names.iter().zip(rest).filter_map(|(n, v)| Some(((*n).to_owned(), v?))));
        Json::Object(object)
    });
    distinct(element.boxed())
}

fn distinct(element: BoxedStrategy<Json>) -> BoxedStrategy<Json> {
    vec(element, 1..4)
        .prop_map(|list| {
            let mut kept: Vec<Json> = Vec::new();
            let value = |e: &Json| e.get("value").unwrap_or(e).clone();
            for element in list {
                if !kept.iter().any(|k| value(k) == value(&element)) {
                    kept.push(element);
                }
            }
            kept.into()
        })
        .boxed()
}

fn literal() -> BoxedStrategy<Json> {
    let words =
        vec![json!("work"), json!("home"), json!(true), json!(false), json!("a"), json!("A"), json!("b")];
    prop_oneof![4 => pick(words), 1 => sent()].boxed()
}

fn types() -> BoxedStrategy<Json> {
    pick(vec![json!("work"), json!("home")]).boxed()
}

fn truth() -> BoxedStrategy<Json> {
    any::<bool>().prop_map(Json::from).boxed()
}

fn list(
    attribute: &'static str,
    mapping: &'static str,
    stored: BoxedStrategy<Stored>,
    wanted: BoxedStrategy<Json>,
) -> Case {
    let case = Case::of(attribute, mapping, any_text(), wanted);
    Case { stored, columns: &[], paths: &["value", "type", "primary"], literals: literal(), ..case }
}

#[test]
fn rows_of_a_table() {
    let values = || one(&["a", "b", "A", "c d", "é", "", "other"]);
    let kinds = || one(&["W", "H", "foreign", "X", ""]);
    let stored =
        || with_items(cells(vec![("name", values()), ("kind", kinds()), ("main", one(&["1", "0", ""]))]));
    let wanted = elements(vec![("type", types()), ("primary", truth())]);
    list(
        "things",
        "'urn:example:Laws:things' = { rows = 'item', each = { value = 'name', \
         type = { field = 'kind', map = [['W', 'work'], ['H', 'home']] }, \
         primary = { field = 'main', map = [[1, true], [0, false]] } } }
[User.part.item]
table = 'items'
on = { person = 'id' }
key = 'id'
many = true
where = { kind = ['@none', 'W', 'H', 'X'] }",
        stored(),
        wanted,
    )
    .holds();
    // An equality in `where` is a constant of new rows; two people share the table with other lists.
    list(
        "words",
        "'urn:example:Laws:words' = { rows = 'item', each = { value = 'name' } }
[User.part.item]
table = 'items'
on = { person = 'id' }
key = 'id'
many = true
where = { kind = 'W' }",
        stored(),
        distinct(word().prop_map(Json::from).boxed()),
    )
    .with_paths(&[""], literal())
    .holds();
}

/// A type that is the same for all rows: another one is refused, or overlooked if the file says so.
#[test]
fn constants() {
    let stored = || with_items(cells(vec![("name", one(&["a", "b", "A", ""]))]));
    let other = |v: &Json| v.as_array().unwrap().iter().any(|e| e.get("type").is_some_and(|t| t != "work"));
    let shown = |v: &Json| {
        let all = v.as_array()?.iter().map(|e| json!({ "value": e["value"], "type": "work" }));
        Some(Json::Array(all.collect()))
    };
    assert!(other(&json!([{ "type": "home" }])));
    let case = list(
        "things",
        "'urn:example:Laws:things' = { rows = 'item', each = { value = 'name', type = { const = 'work' } } }
[User.part.item]
table = 'items'
on = { person = 'id' }
key = 'id'
many = true",
        stored(),
        elements(vec![("type", types())]),
    );
    Case {
        refuses: |v| v.as_array().unwrap().iter().any(|e| e.get("type").is_some_and(|t| t != "work")),
        reads_as: shown,
        ..case
    }
    .holds();
    let case = list(
        "things",
        "'urn:example:Laws:things' = { rows = 'item', each = { value = 'name', \
         type = { const = 'work', refuse = 'ignore' } } }
[User.part.item]
table = 'items'
on = { person = 'id' }
key = 'id'
many = true",
        stored(),
        elements(vec![("type", types())]),
    );
    Case { reads_as: shown, ..case }.holds();
}

/// The people with values of a multi-valued attribute, as a directory keeps them.
fn entries(values: &'static [&'static str]) -> BoxedStrategy<Stored> {
    let lists = vec(proptest::sample::subsequence(values.to_vec(), 0..=values.len()).prop_shuffle(), 2);
    (people(any_text()), lists)
        .prop_map(|(mut stored, lists)| {
            for (row, list) in stored.get_mut(BASE).unwrap().iter_mut().zip(lists) {
                row.insert("mail", list.into_iter().map(Value::from).collect());
            }
            stored
        })
        .boxed()
}

#[test]
fn values_of_an_entry() {
    let wanted = distinct(word().prop_map(Json::from).boxed());
    let mapping = "# entries\n'urn:example:Laws:words' = { rows = 'mail', each = { value = 'it' } }";
    let case = list("words", mapping, entries(&["a", "b", "A", "z"]), wanted).with_paths(&[""], literal());
    Case { columns: &["mail"], ..case }.holds();
}

/// The placeholder is never shown, and stays. It comes when the list would be empty.
#[test]
fn a_floor() {
    let wanted = distinct(word().prop_map(Json::from).boxed());
    let mapping = "# entries
'urn:example:Laws:words' = { rows = 'item', each = { value = 'it' } }
[User.part.item]
in = 'mail'
many = true
floor = 'nobody'";
    let case =
        list("words", mapping, entries(&["a", "b", "nobody", "z"]), wanted).with_paths(&[""], literal());
    Case { columns: &["mail"], ..case }.holds();
}

/// Weakened: elements are sorted by the places that they ask for, and get the place they then have.
#[test]
fn places() {
    let mapping = "# entries
'urn:example:Laws:things' = { rows = 'mail', each = { value = 'it', type = { place = ['work', 'home'] }, \
primary = { place = [true, false] } } }";
    let sorted = |v: &Json| {
        let mut list = v.as_array()?.clone();
        let place = |e: &Json| {
            let of = |key: &str, first: Json| e.get(key).map(|v| usize::from(*v != first));
            let (kind, main) = (of("type", json!("work")), of("primary", json!(true)));
            kind.unwrap_or(usize::MAX).min(main.unwrap_or(usize::MAX))
        };
        list.sort_by_key(place);
        let shown = list.iter().enumerate().map(|(i, e)| {
            let kind = if i == 0 { "work" } else { "home" };
            json!({ "value": e["value"], "type": kind, "primary": i == 0 })
        });
        Some(Json::Array(shown.collect()))
    };
    let wanted = elements(vec![("type", types()), ("primary", truth())]);
    let case = list("things", mapping, entries(&["a", "b", "A", "z"]), wanted);
    Case { columns: &["mail"], reads_as: sorted, ordered: true, ..case }.holds();
}

fn ids() -> BoxedStrategy<Json> {
    (1..10_i64).prop_map(|i| json!(format!("id-{i}"))).boxed()
}

fn unknown(json: &Json) -> bool {
    ["id-8", "id-9"].iter().any(|id| json["value"] == *id)
}

fn pointer(json: &Json) -> Json {
    let id = json["value"].as_str().unwrap();
    json!({ "value": id, "$ref": format!("/Users/{id}") })
}

/// A pointer at nobody is not shown, and stays; one that is sent is refused.
#[test]
fn references() {
    let mapping = "'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager' = { field = 'c', ref = 'User' }";
    let stored = prop_oneof![4 => (1..10_i64).prop_map(|i| vec![i.into()]), 1 => Just(Vec::new())].boxed();
    let wanted = ids().prop_map(|id| json!({ "value": id })).boxed();
    let case = Case::of("manager", mapping, stored, wanted);
    Case { refuses: unknown, reads_as: |v| Some(pointer(v)), paths: &["value"], literals: ids(), ..case }
        .holds();
}

#[test]
fn lists_of_references() {
    let key = || prop_oneof![9 => (1..10_i64).prop_map(|i| vec![i.into()]), 1 => Just(Vec::new())].boxed();
    let stored = with_items(cells(vec![("target", key())]));
    let wanted = distinct(ids().prop_map(|id| json!({ "value": id })).boxed());
    let case = list(
        "things",
        "'urn:example:Laws:things' = { rows = 'item', each = { value = { field = 'target', ref = 'User' } } }
[User.part.item]
table = 'items'
on = { person = 'id' }
key = 'id'
many = true",
        stored,
        wanted,
    );
    Case {
        refuses: |v| v.as_array().unwrap().iter().any(unknown),
        reads_as: |v| {
            let shown = v.as_array()?.iter().map(|e| {
                let mut shown = pointer(e);
                shown["type"] = json!("User");
                shown
            });
            Some(Json::Array(shown.collect()))
        },
        paths: &["value"],
        literals: ids(),
        ..case
    }
    .holds();
}

/// No two elements of one type: what slots cannot keep is refused.
fn slotted(subs: &'static [&'static str], kinds: &'static [&'static str]) -> BoxedStrategy<Json> {
    let element = vec(option::weighted(0.7, sent()), subs.len())
        .prop_filter("something", |v| v.iter().any(Option::is_some));
    let kinds = proptest::sample::subsequence(kinds.to_vec(), 1..=kinds.len());
    (kinds, vec(element, 3))
        .prop_map(move |(kinds, elements)| {
            let list = kinds.into_iter().zip(elements).map(|(kind, values)| {
                let pairs = subs.iter().zip(values).filter_map(|(n, v)| Some(((*n).to_owned(), v?)));
                let mut object: Object = pairs.collect();
                object.insert("type".into(), kind.into());
                Json::Object(object)
            });
            Json::Array(list.collect())
        })
        .boxed()
}

/// The first type of `primary` that is there is the primary one, whatever a client says.
fn with_primary(v: &Json) -> Option<Json> {
    let mut list = v.as_array()?.clone();
    let first = ["work", "home"].iter().find(|k| list.iter().any(|e| e["type"] == **k))?;
    for element in &mut list {
        element["primary"] = json!(element["type"] == *first);
    }
    Some(list.into())
}

#[test]
fn slots() {
    let mapping = "'urn:example:Laws:things' = { slots = { work = 'c', home = 'd' } }";
    let wanted = slotted(&["value"], &["work", "home", "other"]);
    let other = |v: &Json| v.as_array().unwrap().iter().any(|e| e["type"] == "other");
    let case = list("things", mapping, people(any_text()), wanted.clone());
    Case { columns: &["c", "d"], refuses: other, ..case }.holds();
    let mapping = "'urn:example:Laws:things' = { slots = { work = 'c', home = 'd' }, primary = ['work', 'home'], rest = '@side' }";
    let case = list("things", mapping, people(any_text()), slotted(&["value"], &["work", "home"]));
    Case { columns: &["c", "d"], reads_as: with_primary, ..case }.holds();
    let case = list(
        "things",
        "'urn:example:Laws:things' = { slots = { work = 'c', home = 'd' }, rest = '@side' }",
        people(any_text()),
        wanted,
    );
    Case { columns: &["c", "d"], ..case }.holds();
}

/// A part of at most one row comes with its first value and goes with its last.
#[test]
fn slots_in_another_table() {
    let name = || one(&["a", "b", ""]);
    let stored = (people(any_text()), vec(option::of(cells(vec![("street", name()), ("city", name())])), 2));
    let stored = stored.prop_map(|(mut stored, homes)| {
        let rows = homes.into_iter().zip(1..).filter_map(|(cells, person): (_, i64)| {
            let mut cells = cells?;
            cells.insert("person", vec![person.into()]);
            Some(cells)
        });
        stored.insert("homes", rows.collect());
        stored
    });
    let stored = stored.boxed();
    for mapping in [
        "'urn:example:Laws:things' = { slots = { home = { sub = { value = 'home.street', note = 'home.city' } }, work = 'c' } }
[User.part.home]
table = 'homes'
on = { person = 'id' }
key = 'person'",
        "'urn:example:Laws:things' = { slots = { home = { sub = { value = 'home.street', note = 'home.city' } }, work = 'c' } }
[User.part.home]
table = 'homes'
on = { person = 'id' }
key = 'person'
nothing = ['', '@none']",
    ] {
        let wanted = slotted(&["value", "note"], &["home"]);
        let case = list("things", mapping, stored.clone(), wanted);
        let refuses = |v: &Json| v.as_array().unwrap().iter().any(|e| e.get("value").is_none());
        Case { refuses, columns: &["c"], paths: &["value", "note", "type"], ..case }.holds();
    }
}

/// Settings as rows of name and value.
#[test]
fn settings() {
    let stored = with_items(cells(vec![("name", one(&["x", "y", "z"])), ("value", one(&["a", "b", ""]))]))
        .prop_map(|mut stored| {
            // A name is there once for each person.
            let mut seen = Vec::new();
            stored.get_mut("items").unwrap().retain(|row| {
                let key = (row["person"].clone(), row["name"].clone());
                let is_new = !seen.contains(&key);
                seen.push(key);
                is_new
            });
            stored
        })
        .boxed();
    let case = list(
        "text",
        "'urn:example:Laws:text' = 'item.x'
[User.part.item]
table = 'items'
on = { person = 'id' }
slot = 'name'
value = 'value'",
        stored,
        sent(),
    );
    case.with_paths(&[""], sent()).holds();
}

/// A row that is looked up is never changed; another value points at another row.
#[test]
fn looked_up_rows() {
    for (mapping, adds) in [
        (
            "'urn:example:Laws:text' = 'unit.name'
[User.part.unit]
table = 'units'
on = { id = 'c' }
use = 'find_or_add'",
            true,
        ),
        (
            "'urn:example:Laws:text' = 'unit.name'
[User.part.unit]
table = 'units'
on = { id = 'c' }
use = 'find'",
            false,
        ),
    ] {
        let key = prop_oneof![4 => (1..5_i64).prop_map(|i| vec![i.into()]), 1 => Just(Vec::new())].boxed();
        let stored = people(key).prop_map(|mut stored| {
            let unit = |(id, name): (i64, &str)| {
                Cells::from([
                    ("id", vec![id.into()]),
                    ("name", vec![name.into()]),
                    ("spare", vec!["kept".into()]),
                ])
            };
            stored.insert("units", [(1, "Sales"), (2, "Lab"), (3, "sales")].map(unit).to_vec());
            stored
        });
        let wanted = pick(vec![json!("Sales"), json!("Lab"), json!("sales"), json!("New")]).boxed();
        let case = Case::of("text", mapping, any_text(), wanted);
        let refuses = if adds { |_: &Json| false } else { |v: &Json| *v == "New" };
        Case { stored: stored.boxed(), refuses, ..case }.holds();
    }
}

/// Elements stay where they are read; new ones go to the first that takes them.
#[test]
fn unions() {
    let stored = with_items(cells(vec![("name", one(&["a", "b", "A", ""]))])).prop_map(|mut stored| {
        // Weakened: rows that read the same are shown once, and go together.
        let mut seen = Vec::new();
        stored.get_mut("items").unwrap().retain(|row| {
            let key = (row["person"].clone(), row["name"].clone());
            let is_new = !seen.contains(&key);
            seen.push(key);
            is_new
        });
        stored
    });
    let mapping = "'urn:example:Laws:things' = [{ slots = { work = 'c' } }, { rows = 'item', each = { value = 'name', type = { const = 'home' } } }]
[User.part.item]
table = 'items'
on = { person = 'id' }
key = 'id'
many = true";
    let home = elements(Vec::new()).prop_map(|list| {
        let list = list.as_array().unwrap().iter();
        Json::Array(list.map(|e| json!({ "value": e["value"], "type": "home" })).collect())
    });
    let case = list("things", mapping, stored.boxed(), home.boxed());
    Case { columns: &["c"], ..case }.holds();
}
