//! Names in front of rows: what is read, and what steps on names become, over the store in memory. No SCIM.

use futures_util::FutureExt as _;

use super::*;
use crate::store::{Cell, Change, Field, FieldKind, Order, Related, Target, memory::MemoryStore};

/// What is kept, as given.
struct Fixed(&'static [&'static str]);

impl Kept for Fixed {
    fn kept<'a>(
        &'a self,
        _: &'a Bag,
        among: Option<Vec<String>>,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        let names = self.0.iter().map(|n| (*n).to_owned());
        let names = names.filter(|n| among.as_ref().is_none_or(|among| among.contains(n))).collect();
        Box::pin(std::future::ready(Ok(names)))
    }
}

fn field(name: &str) -> Field {
    Field { name: name.to_owned(), kind: FieldKind::Any, many: false }
}

/// Names in two columns of the rows whose `kind` is `p`.
fn groups() -> Arc<Bag> {
    Arc::new(Bag {
        name: "Group".to_owned(),
        source: Source::Names(Box::new(Names {
            table: "people".to_owned(),
            columns: vec!["dept".to_owned(), "team".to_owned()],
            nothing: vec![Some("-".into()), None],
        })),
        fields: vec![field("it"), field("kind")],
        key: vec![0],
        scope: Predicate::equals(1, "p".into()),
    })
}

fn people() -> Arc<Bag> {
    Arc::new(Bag {
        name: "User".to_owned(),
        source: Source::Table("people".to_owned()),
        fields: ["id", "dept", "team", "kind"].map(field).to_vec(),
        key: vec![0],
        scope: Predicate::True,
    })
}

fn person(id: i64, dept: &str, team: &str, kind: &str) -> Step {
    let cell = |(f, text): (usize, &str)| (f, Cell::Values(vec![text.into()]));
    let mut cells: Vec<_> = [(1, dept), (2, team), (3, kind)].into_iter().map(cell).collect();
    cells.push((0, Cell::Values(vec![Value::Int(id)])));
    Step::Insert { bag: people(), cells, report: Vec::new(), unless_exists: false }
}

fn store() -> Arc<dyn Store> {
    let inner = Arc::new(MemoryStore::new());
    let steps =
        vec![person(1, "Sales", "Night", "p"), person(2, "Sales", "-", "p"), person(3, "Robots", "-", "r")];
    inner.apply(steps).now_or_never().unwrap().unwrap();
    NamesStore::around(inner, [&groups()].into_iter(), || Arc::new(Fixed(&["Empty", "Sales"])))
}

fn found(store: &dyn Store, predicate: Predicate, order: Vec<FieldId>) -> Vec<String> {
    let select = Select { bag: groups(), predicate, fields: vec![0], order, offset: 0, limit: None };
    let rows = store.select(select).now_or_never().unwrap().unwrap();
    rows.iter().map(|row| row.first(0).unwrap().to_text()).collect()
}

fn rows(store: &dyn Store) -> Vec<[String; 3]> {
    let fields = vec![0, 1, 2];
    let select =
        Select { bag: people(), predicate: Predicate::True, fields, order: vec![0], offset: 0, limit: None };
    let rows = store.select(select).now_or_never().unwrap().unwrap();
    let text = |row: &Row, f: usize| row.first(f).map(Value::to_text).unwrap_or_default();
    rows.iter().map(|row| [text(row, 0), text(row, 1), text(row, 2)]).collect()
}

#[test]
fn names_of_rows_and_names_that_are_kept_are_found_together() {
    let store = store();
    assert_eq!(found(&*store, Predicate::True, vec![0]), ["Empty", "Night", "Sales"]);
    assert_eq!(found(&*store, Predicate::equals(0, "Empty".into()), vec![]), ["Empty"]);
    let behind_m = Predicate::Field(0, Test::Order(Order::Gt, "M".into(), Fold::Exact));
    assert_eq!(found(&*store, behind_m, vec![0]), ["Night", "Sales"]);
    let count = store.count(groups(), Predicate::True).now_or_never().unwrap().unwrap();
    assert_eq!(count, 3);
}

#[test]
fn what_hangs_on_a_kept_name_is_left_open() {
    let store = store();
    let related = Related { bag: people(), on: vec![(1, 0)], predicate: Predicate::equals(0, Value::Int(2)) };
    let exists = Predicate::Exists(Box::new(related));
    assert_eq!(found(&*store, exists.clone(), vec![0]), ["Empty", "Sales"]);
    assert_eq!(store.coverage(&groups(), &exists), Coverage::Superset);
    let none = exists.and(Predicate::equals(0, "Night".into()));
    assert_eq!(found(&*store, none, vec![0]), Vec::<String>::new());
}

#[test]
fn a_name_changes_in_every_row_of_ours_and_goes_from_them() {
    let store = store();
    let target = |name: &str| Target::Rows(Predicate::equals(0, name.into()));
    let rename = Step::Update {
        bag: groups(),
        target: target("Sales"),
        changes: vec![Change::Set(0, Cell::Values(vec!["Trade".into()]))],
        required: true,
    };
    let delete = Step::Delete { bag: groups(), target: target("Night"), required: true };
    store.apply(vec![rename, delete]).now_or_never().unwrap().unwrap();
    let is = |row: [&str; 3]| row.map(str::to_owned);
    assert_eq!(rows(&*store), [is(["1", "Trade", "-"]), is(["2", "Trade", "-"]), is(["3", "Robots", "-"])]);
}

#[test]
fn a_new_name_is_reported_to_what_comes_after_it() {
    let store = store();
    let bag = groups();
    let new = Step::Insert {
        bag,
        cells: vec![(0, Cell::Values(vec!["New".into()]))],
        report: vec![0],
        unless_exists: false,
    };
    let mut second = person(5, "x", "-", "p");
    if let Step::Insert { cells, .. } = &mut second {
        cells[0].1 = Cell::From { step: 0, field: 0 };
    }
    let reports = store.apply(vec![new, second]).now_or_never().unwrap().unwrap();
    assert_eq!(reports, [vec![vec![Value::from("New")]], Vec::new()]);
    assert_eq!(rows(&*store)[3][1], "New");
}
