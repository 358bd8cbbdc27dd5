//! Rows that begin and end: whatever is put into a list, and however fast, no row is lost, and none that
//! ended earlier comes back.

use futures_util::FutureExt as _;
use proptest::prelude::*;
use scimgate::{
    mapping::{Mapping, compile::compile, form::Answers, record::Record},
    scim::Object,
    store::{
        Bag, Field, FieldKind, Fold, Predicate, ReadStore as _, Row, Select, Source, Store as _, Value,
        memory::MemoryStore,
    },
};
use serde_json::json;
use std::sync::Arc;
use time::{Duration, OffsetDateTime, macros::datetime};

const FILE: &str = r#"
[User]
table = "people"
key = "id"
initial = { id = 1 }
[User.part.mail]
table = "mails"
on = { person_id = "id" }
many = true
span = ["since", "until"]
change = "replace"
[User.part.use]
table = "uses"
on = { address = "mail.address" }
key = ["address", "kind", "since"]
span = ["since", "until"]
[User.attributes]
userName = "login"
emails = { rows = "mail", each = { value = "address", type = "use.kind" } }
"#;

const START: OffsetDateTime = datetime!(2024-05-06 07:08:09 UTC);

struct World {
    mapping: Mapping,
    store: MemoryStore,
}

impl World {
    fn new() -> Self {
        let (mapping, _) =
            compile(FILE, &|_| unreachable!()).unwrap_or_else(|d| panic!("{}", d.render("", FILE)));
        let world = Self { mapping, store: MemoryStore::new() };
        let record = Record::create(&world.mapping.types[0].shape);
        world.write(&record, &json!({ "userName": "ann" }), START);
        world
    }

    fn load(&self, now: OffsetDateTime) -> Record {
        let shape = &self.mapping.types[0].shape;
        let select = |bag: &Arc<Bag>, predicate| {
            let fields = (0..bag.fields.len()).collect();
            let select =
                Select { bag: bag.clone(), predicate, fields, order: Vec::new(), offset: 0, limit: None };
            self.store.select(select.at(now)).now_or_never().unwrap().unwrap()
        };
        let root = select(&shape.root().bag, Predicate::True).remove(0);
        let mut record = Record::stored(shape, root);
        for part in 1..shape.parts.len() {
            let layout = shape.part(part);
            let (own, above) = layout.on[0];
            for parent in 0..record.rows(layout.parent).len() {
                let link = record.row(layout.parent, parent).unwrap().now.first(above).unwrap().clone();
                let mut rows = select(&layout.bag, Predicate::equals(own, link));
                rows.truncate(if layout.many { usize::MAX } else { 1 });
                rows.into_iter().for_each(|row| record.attach(shape, part, row, parent));
            }
        }
        record
    }

    fn read(&self, now: OffsetDateTime) -> Object {
        let (ty, answers) = (&self.mapping.types[0], Answers::new(now, ""));
        ty.read(&self.load(now), &Object::new(), &answers, &|_| true)
    }

    fn write(&self, record: &Record, wanted: &serde_json::Value, now: OffsetDateTime) {
        let (ty, answers) = (&self.mapping.types[0], Answers::new(now, ""));
        let current = if record.row(0, 0).unwrap().was.is_some() { self.read(now) } else { Object::new() };
        let written =
            ty.write(record, &Object::new(), &current, wanted.as_object().unwrap(), &answers).unwrap();
        let steps = ty.diff(&written).unwrap().steps.into_iter().map(|step| step.at(now)).collect();
        self.store.apply(steps).now_or_never().unwrap().unwrap();
    }

    /// All rows of a table: address, kind, begin, end.
    fn rows(&self, table: &str) -> Vec<(String, String, Value, Option<Value>)> {
        let field = |name: &str| Field { name: name.to_owned(), kind: FieldKind::Any, many: false };
        let bag = Arc::new(Bag {
            name: table.to_owned(),
            source: Source::Table(table.to_owned()),
            fields: ["address", "kind", "since", "until"].map(field).to_vec(),
            key: Vec::new(),
            scope: Predicate::True,
        });
        let select = Select {
            bag,
            predicate: Predicate::True,
            fields: vec![0, 1, 2, 3],
            order: Vec::new(),
            offset: 0,
            limit: None,
        };
        let rows = self.store.select(select).now_or_never().unwrap().unwrap();
        let text = |row: &Row, field| row.first(field).map(Value::to_text).unwrap_or_default();
        rows.iter()
            .map(|r| (text(r, 0), text(r, 1), r.first(2).unwrap().clone(), r.first(3).cloned()))
            .collect()
    }
}

fn lists() -> impl Strategy<Value = Vec<(Vec<(u8, bool)>, bool)>> {
    let element = (0..4_u8, any::<bool>());
    let list = proptest::collection::vec(element, 0..4);
    proptest::collection::vec((list, any::<bool>()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_row_is_lost_and_none_comes_back(lists in lists()) {
        let world = World::new();
        let mut now = START;
        for (list, later) in lists {
            // Two changes may come within one tick of the clock.
            now += Duration::seconds(later.into());
            let mut emails: Vec<serde_json::Value> = Vec::new();
            for (number, is_work) in list {
                let value = format!("{number}@x.org");
                if !emails.iter().any(|e| e["value"] == value) {
                    emails.push(json!({ "value": value, "type": if is_work { "work" } else { "home" } }));
                }
            }
            let before = [world.rows("mails"), world.rows("uses")];
            world.write(&world.load(now), &json!({ "userName": "ann", "emails": emails }), now);
            let shown = world.read(now);
            let mut shown: Vec<String> = shown.get("emails").and_then(|e| e.as_array()).into_iter().flatten().map(ToString::to_string).collect();
            let mut wanted: Vec<String> = emails.iter().map(ToString::to_string).collect();
            shown.sort();
            wanted.sort();
            prop_assert_eq!(shown, wanted);
            for (before, after) in before.iter().zip([world.rows("mails"), world.rows("uses")]) {
                for (address, kind, since, until) in before {
                    let found = after.iter().filter(|(a, k, s, _)| (a, k, s) == (address, kind, since));
                    let ends: Vec<&Option<Value>> = found.map(|(.., until)| until).collect();
                    prop_assert_eq!(ends.len(), 1, "{} {} of {:?} in {:?}", address, kind, since, &after);
                    let ended = until.as_ref().is_some_and(|until| {
                        until.compare(&Value::Time(now), Fold::Exact).is_some_and(std::cmp::Ordering::is_lt)
                    });
                    prop_assert!(!ended || ends[0] == until, "{} {} ended at {:?}, now at {:?}", address, kind, until, ends[0]);
                }
            }
        }
    }
}
