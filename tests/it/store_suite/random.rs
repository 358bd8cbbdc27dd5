//! Random rows and predicates: every store answers what the model answers.

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select as pick,
    test_runner::{Config, TestRunner},
};
use scimgate::store::Order;

use super::*;

/// Characters that servers disagree about.
const AWKWARD: &[&str] = &[
    "a", "A", "b", "s", "S", "ſ", "ss", "ß", "ẞ", "e", "é", "É", "e\u{301}", "k", "K", "\u{212A}", "i", "I",
    "İ", "ı", "Σ", "σ", "ς", "µ", "μ", "å", "\u{212B}", "😀", "😁", "𐐀", "𐐨", "Ა", "ა", "ǆ", "ǅ", " ", "%",
    "_", "!", "'", "\\", "5", "0",
];

/// Compatibility letters, and the usual ones.
const LOOK_ALIKES: &[(char, &str)] = &[('ſ', "s"), ('\u{212A}', "K"), ('µ', "μ"), ('\u{212B}', "å")];

fn text() -> impl Strategy<Value = String> {
    vec(pick(AWKWARD), 0..4).prop_map(|parts| parts.concat())
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![-3..8_i64, Just(255), Just(-256), Just(9_007_199_254_740_993)]
}

fn people() -> impl Strategy<Value = Vec<Person>> {
    vec((option::of(text()), option::of(number()), option::of(-3..300_i64)), 1..10).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(|(index, (name, age, flags))| Person { login: format!("p{index}"), name, age, flags })
            .collect()
    })
}

fn fold() -> impl Strategy<Value = Fold> {
    pick(&[Fold::Exact, Fold::Case])
}

fn order() -> impl Strategy<Value = Order> {
    pick(&[Order::Lt, Order::Le, Order::Gt, Order::Ge])
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        number().prop_map(Value::from),
        number().prop_map(|n| n.to_string().into()),
        any::<bool>().prop_map(Value::Bool),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        Just(Test::Present),
        Just(Test::Absent),
        (vec(value(), 0..4), fold()).prop_map(|(values, fold)| Test::OneOf(values, fold)),
        (order(), value(), fold()).prop_map(|(order, value, fold)| Test::Order(order, value, fold)),
        (text(), fold()).prop_map(|(text, fold)| Test::Starts(text, fold)),
        (text(), fold()).prop_map(|(text, fold)| Test::Ends(text, fold)),
        (text(), fold()).prop_map(|(text, fold)| Test::Contains(text, fold)),
        (0..16_i64).prop_map(Test::BitsSet),
        (0..16_i64).prop_map(Test::BitsClear),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let leaf = prop_oneof![
        10 => (pick(&[NAME, AGE, FLAGS]), test()).prop_map(|(field, test)| Predicate::Field(field, test)),
        1 => Just(Predicate::True),
        1 => Just(Predicate::False),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Predicate::All),
            vec(inner.clone(), 0..3).prop_map(Predicate::Any),
            inner.prop_map(not),
        ]
    })
}

/// What a mapping may say of a column, fitting or not.
fn kind() -> impl Strategy<Value = FieldKind> {
    use FieldKind as K;
    prop_oneof![2 => Just(K::Any), 3 => pick(&[K::Text, K::Int, K::Bool, K::Decimal, K::Bytes, K::Dn])]
}

/// Compares a store with the model, `rounds` times.
pub(crate) fn random_predicates(fixture: &dyn Fixture, rounds: u32) {
    let config =
        Config { cases: rounds, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let bag = fixture.people();
    TestRunner::new(config)
        .run(&(people(), vec(predicate(), 20), (kind(), kind())), |(mut people, predicates, kinds)| {
            if !fixture.knows_look_alikes() {
                let usual = |name: String| {
                    LOOK_ALIKES.iter().fold(name, |name, (odd, usual)| name.replace(*odd, usual))
                };
                people.iter_mut().for_each(|person| person.name = person.name.take().map(usual));
            }
            if !fixture.takes_empty() {
                people
                    .iter_mut()
                    .for_each(|person| person.name = person.name.take().filter(|n| !n.is_empty()));
            }
            let clear = Step::Delete {
                bag: Arc::clone(&bag),
                target: Target::Rows(Predicate::True),
                required: false,
            };
            wait(fixture.store().apply(vec![clear])).unwrap();
            fill(fixture, &people);
            let mut declared = (*bag).clone();
            if fixture.knows_kinds() {
                (declared.fields[NAME].kind, declared.fields[AGE].kind) = kinds;
            }
            let declared = Arc::new(declared);
            let model = model(fixture, &people);
            for predicate in &predicates {
                check_answer_of(fixture, &model, &declared, predicate);
            }
            Ok(())
        })
        .unwrap();
}
