//! A store in memory with two people (and the people and groups that they may
//! point at), a mapping over it, and the steps of a read and of a write.

use std::collections::BTreeMap;

use futures_util::future::{FutureExt as _, LocalBoxFuture};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseResult};
use time::macros::datetime;

use crate::{
    mapping::{
        Mapping, TypeMapping,
        compile::compile,
        form::{Answers, Eval, Need, Pointed},
        lens::writer::Writer,
        record::Record,
        shape::{PartId, Use},
        write::{Written, put_value},
    },
    plan::Plan,
    scim::{
        Json, Object,
        error::ScimError,
        filter::{Filter, eval},
    },
    store::{
        Bag, Cell, Field, FieldKind, Fold, Predicate, ReadStore as _, Row, Select, Source, Step, Store as _,
        StoreError, Value,
        memory::{MemoryStore, Rules},
    },
};

/// Attributes of all data types, for lenses that no standard attribute shows.
pub(super) const ATTRIBUTES: &[&str] =
    &["text", "word", "level", "weight", "since", "vip", "badge", "site", "words", "things"];
const URN: &str = "urn:example:Laws";
const HEAD: &str = r#"
[schema."urn:example:Laws"]
name = "Laws"
[schema."urn:example:Laws".attributes]
text = "string"
word = { type = "string", caseExact = true }
level = "integer"
weight = "decimal"
since = "dateTime"
vip = "boolean"
badge = "binary"
site = "reference"
words = { type = "string", multiValued = true }
things = { type = "complex", multiValued = true, subAttributes = { value = "string", type = "string", primary = "boolean", note = "string" } }
"#;
const TABLES: &str = r#"
[User]
table = "people"
key = "id"
[User.attributes]
userName = "login"
"#;
const ENTRIES: &str = r#"
[ldap]
[User]
base = "ou=people,dc=example"
classes = ["person"]
rdn = "uid"
[User.attributes]
userName = "uid"
"#;
/// The base of entries, as the memory store names their table.
pub(super) const BASE: &str = "ou=people,dc=example";

/// The key of a person that a test creates.
pub(super) const NEW: i64 = 1000;

/// Rows by table; a row is its cells by column.
pub(super) type Stored = BTreeMap<&'static str, Vec<Cells>>;
/// The cells of one row.
pub(super) type Cells = BTreeMap<&'static str, Vec<Value>>;
/// A row as it is compared: its table and its cells that are not empty.
pub(super) type Line = (String, BTreeMap<String, Vec<Value>>);

/// Two people whose columns `c`, `d` and `e` hold what `cell` gives; `spare` is no column of the mapping.
pub(super) fn people(cell: BoxedStrategy<Vec<Value>>) -> BoxedStrategy<Stored> {
    let people = vec(vec(cell, 3), 2).prop_map(|people| {
        let rows = people.into_iter().zip(1..).map(|(cells, id): (_, i64)| {
            let mut row: Cells = ["c", "d", "e"].into_iter().zip(cells).collect();
            row.insert("id", vec![id.into()]);
            row.insert("entryuuid", vec![id.into()]);
            row.insert("login", vec![format!("p{id}").into()]);
            row.insert("uid", vec![format!("p{id}").into()]);
            row.insert("dn", vec![format!("uid=p{id},{BASE}").into()]);
            row.insert("objectclass", vec!["person".into()]);
            row.insert("spare", vec!["kept".into()]);
            row
        });
        let rows: Vec<Cells> = rows.collect();
        Stored::from([("people", rows.clone()), (BASE, rows)])
    });
    people.boxed()
}

/// URN and name of an attribute under the laws.
pub(super) fn address(attribute: &'static str) -> (Option<&'static str>, &'static str) {
    let urn = match attribute {
        "manager" => Some(crate::scim::ENTERPRISE),
        _ => ATTRIBUTES.contains(&attribute).then_some(URN),
    };
    (urn, attribute)
}

pub(super) fn find<'a>(resource: &'a Object, attribute: &'static str) -> Option<&'a Json> {
    let (urn, name) = address(attribute);
    super::super::face::side_value(resource, urn, name)
}

pub(super) fn set(resource: &mut Object, attribute: &'static str, value: Option<Json>) {
    let (urn, name) = address(attribute);
    put_value(resource, urn, name, value);
}

/// A mapping over a filled store.
pub(super) struct World<'m> {
    mapping: &'m Mapping,
    store: MemoryStore,
    answers: Answers,
    columns: BTreeMap<String, Vec<String>>,
}

/// Compiles a mapping's lines after its head: of entries, if they say so.
pub(super) fn mapping(lines: &str) -> Mapping {
    let head = if lines.contains("# entries") { ENTRIES } else { TABLES };
    let text = format!("{HEAD}{head}{lines}");
    let compiled = compile(&text, &|_| Err(std::io::ErrorKind::NotFound.into()));
    compiled.unwrap_or_else(|d| panic!("{}", d.render("laws", &text))).0
}

impl<'m> World<'m> {
    pub(super) fn new(mapping: &'m Mapping, stored: &Stored) -> Self {
        let mut world =
            Self { mapping, store: MemoryStore::new(), answers: answers(), columns: BTreeMap::new() };
        world.fill(stored);
        world
    }

    fn ty(&self) -> &TypeMapping {
        &self.mapping.types[0]
    }

    fn fill(&mut self, stored: &Stored) {
        let parts = self.mapping.types[0].shape.parts.iter().filter(|p| p.opened.is_none());
        for part in parts {
            let columns = self.columns.entry(table(&part.bag)).or_default();
            columns.extend(part.bag.fields.iter().map(|f| f.name.to_lowercase()));
            let generated = match part.bag.key.as_slice() {
                [key] if part.usage != Use::Watch => Some(part.bag.field_name(*key).to_owned()),
                _ => None,
            };
            self.store.define(&table(&part.bag), Rules { generated, ..Rules::default() });
        }
        for (name, rows) in stored {
            let Some(columns) = self.columns.get_mut(*name) else { continue };
            columns.extend(rows.iter().flat_map(|r| r.keys().map(|c| (*c).to_owned())));
            columns.sort();
            columns.dedup();
            let bag = whole(name, columns);
            for row in rows {
                let cells = row.iter().filter_map(|(column, values)| {
                    Some((bag.find_field(column)?, Cell::Values(values.clone())))
                });
                let step = Step::Insert {
                    bag: bag.clone(),
                    cells: cells.collect(),
                    report: Vec::new(),
                    unless_exists: false,
                };
                now(self.store.apply(vec![step])).unwrap();
            }
            // The next generated key is NEW.
            let key = if *name == BASE { "entryuuid" } else { "id" };
            let Some(key) = bag.find_field(key) else { continue };
            let last = Cell::Values(vec![(NEW - 1).into()]);
            let insert = Step::Insert {
                bag: bag.clone(),
                cells: vec![(key, last)],
                report: Vec::new(),
                unless_exists: false,
            };
            let gone = crate::store::Target::Rows(Predicate::equals(key, (NEW - 1).into()));
            let delete = Step::Delete { bag, target: gone, required: true };
            now(self.store.apply(vec![insert, delete])).unwrap();
        }
    }

    fn select(&self, bag: &std::sync::Arc<Bag>, predicate: Predicate) -> Vec<Row> {
        let fields = (0..bag.fields.len()).collect();
        let (bag, order) = (bag.clone(), bag.key.clone());
        now(self.store.select(Select { bag, predicate, fields, order, offset: 0, limit: None })).unwrap()
    }

    /// Every row of every table, with all its columns.
    pub(super) fn dump(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (name, columns) in &self.columns {
            let bag = whole(name, columns);
            for row in self.select(&bag, Predicate::True) {
                let cells = columns.iter().cloned().zip(row.cells).filter(|(_, v)| !v.is_empty());
                lines.push((name.clone(), cells.collect()));
            }
        }
        lines
    }

    pub(super) fn new_record(&self) -> Record {
        Record::create(&self.ty().shape)
    }

    /// The record of the person with this key.
    pub(super) fn load(&self, id: i64) -> Option<Record> {
        let shape = &self.ty().shape;
        let key = *self.ty().bag().key.first()?;
        let root = self.select(self.ty().bag(), Predicate::equals(key, id.into())).into_iter().next()?;
        let mut record = Record::stored(shape, root);
        for part in (1..shape.parts.len()).filter(|p| shape.part(*p).opened.is_none()) {
            for parent in 0..record.rows(shape.part(part).parent).len() {
                self.attach(&mut record, part, parent);
            }
        }
        Some(record)
    }

    fn attach(&self, record: &mut Record, part: PartId, parent: usize) {
        let layout = self.ty().shape.part(part);
        let Some(links) = record.links(&self.ty().shape, part, parent) else { return };
        let link = links.into_iter().fold(Predicate::True, |all, (f, v)| all.and(Predicate::equals(f, v)));
        let mut rows = self.select(&layout.bag, link);
        if !layout.many && layout.slot.is_empty() {
            rows.truncate(1);
        }
        for row in rows {
            record.attach(&self.ty().shape, part, row, parent);
        }
    }

    pub(super) fn read(&self, record: &Record, side: &Object) -> Object {
        self.ty().read(record, side, &self.answers, &|_| true)
    }

    /// What writing through one lens would change, without the comparison that comes before it.
    pub(super) fn put(
        &self,
        record: &Record,
        attribute: &'static str,
        json: Option<&Json>,
    ) -> Result<Plan, ScimError> {
        let (urn, name) = address(attribute);
        let rule = self.ty().find_rule(urn, name).expect("a rule");
        let (side, answers) = (Object::new(), &self.answers);
        let mut w = Writer {
            ty: self.ty(),
            record: record.clone(),
            side,
            password: None,
            there: Vec::new(),
            parents: std::collections::BTreeMap::new(),
            answers,
        };
        rule.lens.put(&mut w, (0, 0), name, json)?;
        let written = Written {
            record: w.record,
            side: w.side,
            password: w.password,
            there: w.there,
            logs: Vec::new(),
        };
        self.ty().diff(&written)
    }

    /// Writes a resource into the store; gives what our own database would keep.
    pub(super) fn write(
        &self,
        record: &Record,
        current: &Object,
        target: &Object,
    ) -> Result<Object, ScimError> {
        let written = self.ty().write(record, &Object::new(), current, target, &self.answers)?;
        let plan = self.ty().diff(&written)?;
        match now(self.store.apply(plan.steps.clone())) {
            Ok(_) => Ok(written.side),
            // A look-up finds nothing: the gateway makes a 400 of it, and finds out the attribute's name.
            Err(StoreError::NoSuchRow { bag }) => Err(ScimError::invalid_value(format!("{bag} (text)"))),
            Err(error) => panic!("{error}\n{plan}"),
        }
    }

    /// The predicate selects those whose reading meets the filter.
    pub(super) fn filter_read(&self, filter: &Filter) -> TestCaseResult {
        let ty = &self.ty().resource_type;
        let Ok(filter) = eval::resolve(filter, ty) else { return Ok(()) };
        let pushed = self.ty().push(&filter, &self.answers);
        let key = self.ty().bag().key[0];
        let rows = self.select(self.ty().bag(), pushed.predicate.clone());
        for id in [1, 2] {
            let found = rows.iter().any(|r| r.first(key).is_some_and(|v| v.same(&id.into(), Fold::Exact)));
            let resource = self.read(&self.load(id).expect("a person"), &Object::new());
            let expected = eval::matches(&filter, ty, &resource);
            prop_assert!(
                found || !expected,
                "FilterRead: {filter} is met by {resource:?}, not found by {:?}",
                pushed.predicate
            );
            prop_assert!(
                !pushed.exact || found == expected,
                "FilterRead: {filter} is not met by {resource:?}, but found exactly by {:?}",
                pushed.predicate
            );
        }
        Ok(())
    }

    /// Nothing but the lens's own columns and the rows of changed elements is another than before.
    pub(super) fn frame(
        &self,
        before: &[Line],
        columns: &[&str],
        read: Option<&Json>,
        reads: Option<&Json>,
    ) -> TestCaseResult {
        let after = self.dump();
        let root = table(self.ty().bag());
        let strip = |line: &Line| {
            let mut line = line.clone();
            if line.0 == root && (line.1.get("id").or(line.1.get("entryuuid"))) == Some(&vec![1.into()]) {
                line.1.retain(|name, _| !columns.contains(&name.as_str()));
            }
            line
        };
        let (before, after): (Vec<Line>, Vec<Line>) =
            (before.iter().map(strip).collect(), after.iter().map(strip).collect());
        let gone: Vec<&Line> = before.iter().filter(|l| !after.contains(l)).collect();
        let come: Vec<&Line> = after.iter().filter(|l| !before.contains(l)).collect();
        let ours = |line: &Line| {
            line.0 != root
                && line.1.get("person") == Some(&vec![1.into()])
                && line.1.get("kind") != Some(&vec!["foreign".into()])
        };
        // A row that is looked up may come, and never goes.
        let parts = &self.ty().shape.parts;
        let may_come = |line: &Line| {
            parts.iter().any(|p| p.usage == Use::FindOrAdd && p.opened.is_none() && table(&p.bag) == line.0)
        };
        let theirs =
            gone.iter().find(|l| !ours(l)).or_else(|| come.iter().find(|l| !ours(l) && !may_come(l)));
        prop_assert!(theirs.is_none(), "Frame: {theirs:?} is not of the lens");
        let (mut dropped, mut added) = (difference(read, reads), difference(reads, read));
        // The one row of a part may have been there without anything to show, and may stay so.
        if parts.iter().skip(1).any(|p| !p.many || !p.slot.is_empty()) {
            (dropped, added) = (dropped.max(added), dropped.max(added));
        }
        prop_assert!(gone.len() <= dropped, "Frame: {gone:?} went for {dropped} elements");
        prop_assert!(come.len() <= added, "Frame: {come:?} came for {added} elements");
        Ok(())
    }

    /// What a condition holds of the first person; for the laws of a state.
    pub(super) fn values(&self, record: &Record, column: &str) -> Vec<Value> {
        let eval = Eval { shape: &self.ty().shape, record, at: (0, 0), answers: &self.answers };
        let field = self.ty().root_field(self.ty().find_root(column).expect("a column"));
        eval.values(&field).to_vec()
    }
}

/// A resource whose lists are sorted: their order means nothing.
pub(super) fn unordered(resource: &Object) -> Json {
    fn sort(json: &mut Json) {
        match json {
            Json::Array(list) => list.sort_by_key(Json::to_string),
            Json::Object(object) => object.values_mut().for_each(sort),
            _ => {}
        }
    }
    let mut json = Json::Object(resource.clone());
    sort(&mut json);
    json
}

/// How many elements of one value are not in another.
fn difference(a: Option<&Json>, b: Option<&Json>) -> usize {
    let list = |json: Option<&Json>| match json {
        Some(Json::Array(list)) => list.clone(),
        other => other.cloned().into_iter().collect(),
    };
    let mut rest = list(b);
    let mut count = 0;
    for element in list(a) {
        match rest.iter().position(|r| *r == element) {
            Some(place) => drop(rest.swap_remove(place)),
            None => count += 1,
        }
    }
    count
}

fn table(bag: &Bag) -> String {
    match &bag.source {
        Source::Table(name) => name.clone(),
        Source::Entries { bases, .. } => bases.join("\n"),
        Source::Items(held) => table(&held.bag),
        Source::Names(names) => names.table.clone(),
    }
}

/// A bag of all columns of a table.
fn whole(name: &str, columns: &[String]) -> std::sync::Arc<Bag> {
    let field = |name: &String| Field { name: name.clone(), kind: FieldKind::Any, many: true };
    let fields = columns.iter().map(field).collect();
    let source = Source::Table(name.to_owned());
    std::sync::Arc::new(Bag {
        name: name.to_owned(),
        source,
        fields,
        key: Vec::new(),
        scope: Predicate::True,
    })
}

/// The memory store answers at once.
fn now<T>(future: LocalBoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
    future.now_or_never().expect("an answer")
}

/// The ids behind keys: people 1 to 4 are there, 8 and 9 are not.
fn answers() -> Answers {
    let mut answers = Answers::new(datetime!(2026-05-05 12:00 UTC), "scim");
    for reference in 0..2 {
        for key in 1..10_i64 {
            let id = format!("id-{key}");
            let pointed = (key < 8).then(|| Pointed {
                indirect: false,
                resource_type: "User".into(),
                endpoint: "/Users".into(),
                id: id.clone(),
                display: None,
            });
            let value = pointed.as_ref().map(|_| Value::Int(key));
            answers.pointed.insert(Need::ByToId { reference, by: key.to_string() }, pointed);
            answers.values.insert(Need::IdToBy { reference, id }, value);
        }
    }
    answers
}
