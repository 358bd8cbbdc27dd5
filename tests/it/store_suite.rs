//! What every store has to do, as one list of cases over any [`Fixture`].
//!
//! The memory store is the model: wherever a store says that it answers a
//! predicate exactly, its answer is the model's; where it says superset, at
//! least the model's. A new kind of store brings a fixture and runs the same cases.

mod errors;
mod random;
mod reads;
mod writes;

use std::sync::Arc;

use scimgate::store::{
    Bag, Cell, Coverage, FieldId, FieldKind, Fold, Predicate, ReadStore, Row, Select, Step, Store,
    StoreError, Target, Test, Value, memory::MemoryStore,
};
use tokio::runtime::Runtime;

pub(crate) const ID: FieldId = 0;
pub(crate) const LOGIN: FieldId = 1;
pub(crate) const NAME: FieldId = 2;
pub(crate) const AGE: FieldId = 3;
pub(crate) const FLAGS: FieldId = 4;

pub(crate) const MAIL_ID: FieldId = 0;
pub(crate) const MAIL_PERSON: FieldId = 1;
pub(crate) const MAIL_ADDRESS: FieldId = 2;

/// A person, the row of the suite.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) login: String,
    pub(crate) name: Option<String>,
    pub(crate) age: Option<i64>,
    pub(crate) flags: Option<i64>,
}

/// A store with an empty bag of people, and what it can do.
pub(crate) trait Fixture {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// The store.
    fn store(&self) -> &dyn Store;

    /// People: [`ID`] (generated key), [`LOGIN`] (required, unique text), [`NAME`] (text), [`AGE`] and
    /// [`FLAGS`] (integers).
    fn people(&self) -> Arc<Bag>;

    /// Mails: [`MAIL_ID`] (generated key), [`MAIL_PERSON`] (refers to a person, required), [`MAIL_ADDRESS`] (required
    /// text). None for a store whose bags stand alone; cases of related rows are left out then.
    fn mails(&self) -> Option<Arc<Bag>>;

    /// The step that puts a person in.
    fn put(&self, person: &Person) -> Step {
        let text = |t: &Option<String>| t.iter().map(|t| Value::from(t.as_str())).collect();
        let int = |i: &Option<i64>| i.iter().copied().map(Value::Int).collect();
        let cells = vec![
            (LOGIN, Cell::Values(vec![person.login.as_str().into()])),
            (NAME, Cell::Values(text(&person.name))),
            (AGE, Cell::Values(int(&person.age))),
            (FLAGS, Cell::Values(int(&person.flags))),
        ];
        Step::Insert { bag: self.people(), cells, report: vec![ID], unless_exists: false }
    }

    /// Whether a step that fails takes back those before it.
    fn is_transactional(&self) -> bool {
        true
    }

    /// Whether an empty text can be stored.
    fn takes_empty(&self) -> bool {
        true
    }

    /// Whether compatibility letters (the Kelvin sign, the long s) are taken for the usual ones (S-29).
    fn knows_look_alikes(&self) -> bool {
        true
    }

    /// Whether it knows of what kind a field is, whatever a mapping says.
    fn knows_kinds(&self) -> bool {
        true
    }

    /// Whether a text with NUL can be stored.
    fn takes_nul(&self) -> bool {
        false
    }
}

thread_local! {
    /// One for all of a test: a store's connections live as long as it does.
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
}

/// Drives a store's future.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

pub(crate) fn person(login: &str, name: Option<&str>, age: Option<i64>, flags: Option<i64>) -> Person {
    Person { login: login.to_owned(), name: name.map(str::to_owned), age, flags }
}

/// The people of most cases, awkward ones among them.
pub(crate) fn people() -> Vec<Person> {
    vec![
        person("ann", Some("Ann"), Some(30), Some(1)),
        person("bob", Some("Bob"), None, Some(6)),
        person("strasse1", Some("Straße"), Some(30), None),
        person("strasse2", Some("STRASSE"), Some(-5), Some(7)),
        person("elan", Some("Élan"), Some(0), Some(0)),
        person("emoji", Some("😀 smile"), Some(41), Some(-1)),
        person("blank", Some("Ann "), Some(31), Some(2)),
        person("quote", Some("'; -- \"`)"), Some(9_000_000_000), None),
        person("like", Some("100%_!\\"), Some(1), Some(4)),
        person("kelvin", Some("\u{212A}elvin"), Some(2), None),
        person("tief", Some("tieſ"), Some(3), None),
        person("empty", Some("x"), Some(4), None),
        person("nobody", None, None, None),
    ]
}

pub(crate) fn fill(fixture: &dyn Fixture, people: &[Person]) {
    wait(fixture.store().apply(people.iter().map(|p| fixture.put(p)).collect())).unwrap();
}

pub(crate) fn texts(values: &[&str]) -> Vec<Value> {
    values.iter().map(|v| Value::from(*v)).collect()
}

pub(crate) fn set(field: FieldId, value: impl Into<Value>) -> (FieldId, Cell) {
    (field, Cell::Values(vec![value.into()]))
}

pub(crate) fn login_is(login: &str) -> Predicate {
    Predicate::equals(LOGIN, login.into())
}

pub(crate) fn rows(login: &str) -> Target {
    Target::Rows(login_is(login))
}

pub(crate) fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

pub(crate) fn select(bag: &Arc<Bag>, predicate: &Predicate) -> Select {
    Select {
        bag: Arc::clone(bag),
        predicate: predicate.clone(),
        fields: (0..bag.fields.len()).collect(),
        order: Vec::new(),
        offset: 0,
        limit: None,
    }
}

pub(crate) fn find(
    store: &dyn ReadStore,
    bag: &Arc<Bag>,
    predicate: &Predicate,
) -> Result<Vec<Row>, StoreError> {
    wait(store.select(select(bag, predicate)))
}

/// The logins of the people who meet a predicate, sorted.
pub(crate) fn logins(store: &dyn ReadStore, bag: &Arc<Bag>, predicate: &Predicate) -> Vec<String> {
    let rows = find(store, bag, predicate).unwrap_or_else(|e| panic!("{predicate:?}: {e}"));
    let mut logins: Vec<String> = rows.iter().map(|row| row.first(LOGIN).unwrap().to_text()).collect();
    logins.sort();
    logins
}

/// A memory store that holds the same people.
pub(crate) fn model(fixture: &dyn Fixture, people: &[Person]) -> MemoryStore {
    let model = MemoryStore::new();
    wait(model.apply(people.iter().map(|p| fixture.put(p)).collect())).unwrap();
    model
}

/// Asserts that a store answers as well as it says it does.
pub(crate) fn check_answer(fixture: &dyn Fixture, model: &MemoryStore, predicate: &Predicate) {
    check_answer_of(fixture, model, &fixture.people(), predicate);
}

/// The same, over people as another mapping declares them.
pub(crate) fn check_answer_of(
    fixture: &dyn Fixture,
    model: &MemoryStore,
    bag: &Arc<Bag>,
    predicate: &Predicate,
) {
    let coverage = fixture.store().coverage(bag, predicate);
    let expect = logins(model, bag, predicate);
    if coverage == Coverage::None {
        return;
    }
    let found = logins(fixture.store(), bag, predicate);
    let kinds: Vec<FieldKind> = bag.fields.iter().map(|f| f.kind).collect();
    match coverage {
        Coverage::Exact => assert_eq!(found, expect, "{}: {kinds:?} {predicate:?}", fixture.name()),
        _ => {
            let missing: Vec<_> = expect.iter().filter(|login| !found.contains(login)).collect();
            assert!(missing.is_empty(), "{}: {kinds:?} {predicate:?} misses {missing:?}", fixture.name());
        }
    }
}

/// Every case, by name.
type Case = (&'static str, fn(&dyn Fixture));

/// The cases that only read, after people were put in. A directory can run these.
pub(crate) const READ_CASES: &[Case] = &[
    ("every test", reads::every_test),
    ("logic of nothing", reads::logic_of_nothing),
    ("only the fields asked for", reads::only_the_fields_asked_for),
    ("the scope is always applied", reads::the_scope_is_always_applied),
    ("long lists", reads::long_lists),
];

/// The cases of tables.
pub(crate) const TABLE_CASES: &[Case] = &[
    ("order and pages", reads::order_and_pages),
    ("related rows", reads::related_rows),
    ("generated keys are reported", writes::generated_keys_are_reported),
    ("unless it exists", writes::unless_it_exists),
    ("find or add", writes::find_or_add),
    ("closed rows come back", writes::closed_rows_come_back),
    ("copies are whole", writes::copies_are_whole),
    ("update and delete", writes::update_and_delete),
    ("conditions on the table itself", writes::conditions_on_the_table_itself),
    ("rows as they were read", writes::rows_as_they_were_read),
    ("a failing step takes all back", writes::a_failing_step_takes_all_back),
    ("awkward texts survive", writes::awkward_texts_survive),
    ("broken rules are told", errors::broken_rules_are_told),
    ("what a table cannot do", errors::what_a_table_cannot_do),
    ("a wrong mapping is told", errors::a_wrong_mapping_is_told),
];

/// Runs cases, each on a store of its own, and tells which failed.
pub(crate) fn run(cases: &[Case], fixture: impl Fn() -> Box<dyn Fixture>) {
    for (name, case) in cases {
        let fixture = fixture();
        eprintln!("{}: {name}", fixture.name());
        case(fixture.as_ref());
    }
}

pub(crate) use random::random_predicates;
