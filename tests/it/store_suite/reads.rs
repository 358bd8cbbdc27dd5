//! Reading: tests, folding, logic, order, pages, related rows.

use std::collections::HashSet;

use scimgate::store::{Field, FieldKind, Order, Related};

use super::*;

fn one_of(field: FieldId, values: &[&str], fold: Fold) -> Predicate {
    Predicate::Field(field, Test::OneOf(texts(values), fold))
}

fn ints(field: FieldId, values: &[i64]) -> Predicate {
    Predicate::Field(field, Test::OneOf(values.iter().copied().map(Value::Int).collect(), Fold::Exact))
}

fn ordered(field: FieldId, order: Order, value: impl Into<Value>) -> Predicate {
    Predicate::Field(field, Test::Order(order, value.into(), Fold::Exact))
}

pub(super) fn every_test(fixture: &dyn Fixture) {
    let all = people();
    fill(fixture, &all);
    let model = model(fixture, &all);
    let name = |test: Test| Predicate::Field(NAME, test);
    use Fold::{Case, Exact};
    // What the model has to say is written out too, or the two could be wrong together.
    let cases: Vec<(Predicate, &[&str])> = vec![
        (name(Test::Absent), &["nobody"]),
        (Predicate::Field(AGE, Test::Present).and(login_is("elan")), &["elan"]),
        (one_of(NAME, &["Ann"], Exact), &["ann"]),
        (one_of(NAME, &["ann"], Exact), &[]),
        (one_of(NAME, &["Ann "], Exact), &["blank"]),
        (one_of(NAME, &["ANN"], Case), &["ann"]),
        (one_of(NAME, &["Ann", "Bob", "nobody", "x"], Exact), &["ann", "bob", "empty"]),
        (one_of(NAME, &[], Exact), &[]),
        (one_of(NAME, &["Elan"], Exact), &[]),
        (one_of(NAME, &["éLAN"], Case), &["elan"]),
        (one_of(NAME, &["STRASSE"], Exact), &["strasse2"]),
        (one_of(NAME, &["STRAßE"], Case), &["strasse1"]),
        (one_of(NAME, &["😁 smile"], Exact), &[]),
        (one_of(NAME, &["😀 smile"], Exact), &["emoji"]),
        // S-29: the Kelvin sign is a k, the long s is an s.
        (one_of(NAME, &["KELVIN"], Case), &["kelvin"]),
        (one_of(NAME, &["TIES"], Case), &["tief"]),
        (one_of(NAME, &["'; -- \"`)"], Exact), &["quote"]),
        (name(Test::Starts("Ann".into(), Exact)), &["ann", "blank"]),
        (name(Test::Starts("ANN".into(), Case)), &["ann", "blank"]),
        (name(Test::Starts("100%_".into(), Exact)), &["like"]),
        (name(Test::Starts("100__".into(), Exact)), &[]),
        (name(Test::Ends("n ".into(), Exact)), &["blank"]),
        (name(Test::Ends("!\\".into(), Exact)), &["like"]),
        (name(Test::Ends("ßE".into(), Case)), &["strasse1"]),
        (name(Test::Contains("%".into(), Exact)), &["like"]),
        (name(Test::Contains("'; --".into(), Exact)), &["quote"]),
        (name(Test::Contains("LA".into(), Exact)), &[]),
        (name(Test::Contains("LA".into(), Case)), &["elan"]),
        (ints(AGE, &[30, 0, 77]), &["ann", "elan", "strasse1"]),
        (one_of(AGE, &["30"], Exact), &["ann", "strasse1"]),
        (one_of(AGE, &["thirty"], Exact), &[]),
        (ordered(AGE, Order::Lt, 0), &["strasse2"]),
        (ordered(AGE, Order::Le, 0), &["elan", "strasse2"]),
        (ordered(AGE, Order::Gt, 41), &["quote"]),
        (ordered(AGE, Order::Ge, "41"), &["emoji", "quote"]),
        (ordered(NAME, Order::Lt, "B"), &["ann", "blank", "like", "quote"]),
        // Some stores have 32 bits for it.
        (
            ordered(FLAGS, Order::Lt, 9_007_199_254_740_993),
            &["ann", "blank", "bob", "elan", "emoji", "like", "strasse2"],
        ),
        (ordered(FLAGS, Order::Ge, 9_007_199_254_740_993), &[]),
        (Predicate::Field(FLAGS, Test::BitsSet(6)), &["bob", "emoji", "strasse2"]),
        (Predicate::Field(FLAGS, Test::BitsClear(6)), &["ann", "elan"]),
        (name(Test::Contains(String::new(), Exact)).and(ints(FLAGS, &[1])), &["ann"]),
        (name(Test::Ends(String::new(), Case)).and(ints(FLAGS, &[1])), &["ann"]),
    ];
    for (predicate, expect) in &cases {
        assert_eq!(&logins(&model, &fixture.people(), predicate), expect, "the model: {predicate:?}");
        if fixture.knows_look_alikes() || !matches!(expect, ["kelvin"] | ["tief"]) {
            check_answer(fixture, &model, predicate);
        }
    }
}

pub(super) fn logic_of_nothing(fixture: &dyn Fixture) {
    let all = people();
    fill(fixture, &all);
    let model = model(fixture, &all);
    let ann = one_of(NAME, &["Ann"], Fold::Exact);
    let old = ordered(AGE, Order::Gt, 10);
    let cases = [
        (not(ann.clone()), all.len() - 1),
        (not(not(ann.clone())), 1),
        (not(Predicate::Field(FLAGS, Test::BitsClear(1))), all.len() - 4),
        (not(Predicate::Any(vec![ann.clone(), old.clone()])), all.len() - 5),
        (not(Predicate::All(vec![ann.clone(), old.clone()])), all.len() - 1),
        (Predicate::Any(vec![not(old.clone()), ann.clone()]), all.len() - 4),
        (Predicate::All(vec![]), all.len()),
        (Predicate::Any(vec![]), 0),
        (not(Predicate::Any(vec![])), all.len()),
        (Predicate::False, 0),
    ];
    let bag = fixture.people();
    for (predicate, expect) in cases {
        assert_eq!(logins(&model, &bag, &predicate).len(), expect, "the model: {predicate:?}");
        check_answer(fixture, &model, &predicate);
        if fixture.store().coverage(&bag, &predicate) == Coverage::Exact {
            let count = wait(fixture.store().count(Arc::clone(&bag), predicate.clone())).unwrap();
            assert_eq!(count, u64::try_from(expect).unwrap(), "{}: {predicate:?}", fixture.name());
        }
    }
}

pub(super) fn only_the_fields_asked_for(fixture: &dyn Fixture) {
    fill(fixture, &people());
    let bag = fixture.people();
    let asked = Select { fields: vec![AGE, LOGIN], ..select(&bag, &login_is("ann")) };
    let found = wait(fixture.store().select(asked)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].first(AGE), Some(&Value::Int(30)));
    assert_eq!(found[0].first(LOGIN), Some(&"ann".into()));
    assert_eq!((found[0].all(NAME), found[0].all(ID)), (&[] as &[Value], &[] as &[Value]));
    let none = Select { fields: vec![], ..select(&bag, &Predicate::True) };
    assert_eq!(wait(fixture.store().select(none)).unwrap().len(), people().len());
    let nobody = find(fixture.store(), &bag, &login_is("nobody")).unwrap();
    assert_eq!(nobody[0].all(NAME), &[] as &[Value], "{}: NULL is no value", fixture.name());
}

pub(super) fn the_scope_is_always_applied(fixture: &dyn Fixture) {
    fill(fixture, &people());
    let scope = ordered(AGE, Order::Ge, 30);
    let ours = Arc::new(Bag { scope: scope.clone(), ..(*fixture.people()).clone() });
    let store = fixture.store();
    assert_eq!(logins(store, &ours, &login_is("elan")), [] as [&str; 0]);
    let others = not(login_is("ann"));
    let found = logins(store, &ours, &others);
    // A store that cannot say it finds those of its scope, and no others.
    let expect = if store.coverage(&ours, &others) == Coverage::Exact { 4 } else { 5 };
    assert_eq!((found.len(), found.contains(&"elan".to_owned())), (expect, false), "{found:?}");
    assert_eq!(wait(store.count(ours, Predicate::True)).unwrap(), 5);
}

pub(super) fn long_lists(fixture: &dyn Fixture) {
    fill(fixture, &people());
    let bag = fixture.people();
    let mut list: Vec<Value> = (100..10_100).map(Value::Int).collect();
    list.extend([Value::Int(30), Value::Int(31), "30".into()]);
    let predicate = Predicate::Field(AGE, Test::OneOf(list.clone(), Fold::Exact));
    assert_eq!(logins(fixture.store(), &bag, &predicate), ["ann", "blank", "strasse1"], "{}", fixture.name());
    list.iter_mut().for_each(|v| *v = format!("no such name {v:?}").into());
    list.push("Bob".into());
    let predicate = Predicate::Field(NAME, Test::OneOf(list, Fold::Exact)).and(not(login_is("ann")));
    assert_eq!(logins(fixture.store(), &bag, &predicate), ["bob"], "{}", fixture.name());
}

pub(super) fn order_and_pages(fixture: &dyn Fixture) {
    let all = people();
    fill(fixture, &all);
    let bag = fixture.people();
    let model = model(fixture, &all);
    for order in [vec![AGE, LOGIN], vec![NAME, LOGIN], vec![LOGIN], vec![ID]] {
        let whole = Select { order: order.clone(), ..select(&bag, &Predicate::True) };
        let expect: Vec<_> =
            wait(model.select(whole)).unwrap().iter().map(|r| r.first(LOGIN).cloned()).collect();
        let mut found = Vec::new();
        for offset in (0..20).step_by(5) {
            let page =
                Select { order: order.clone(), offset, limit: Some(5), ..select(&bag, &Predicate::True) };
            found.extend(wait(fixture.store().select(page)).unwrap().iter().map(|r| r.first(LOGIN).cloned()));
        }
        assert_eq!(found, expect, "{}: by {order:?}", fixture.name());
    }
    let rest = Select { order: vec![ID], offset: 10, ..select(&bag, &Predicate::True) };
    assert_eq!(wait(fixture.store().select(rest)).unwrap().len(), all.len() - 10);
    let distinct: HashSet<_> = find(fixture.store(), &bag, &Predicate::True)
        .unwrap()
        .iter()
        .map(|r| r.first(ID).unwrap().to_text())
        .collect();
    assert_eq!(distinct.len(), all.len());
}

pub(super) fn related_rows(fixture: &dyn Fixture) {
    let Some(mails) = fixture.mails() else { return };
    let bag = fixture.people();
    for (login, addresses) in [("ann", &["ann@x", "ANN@y"][..]), ("bob", &["bob@x"]), ("carl", &[])] {
        let mut steps = vec![fixture.put(&person(login, None, Some(1), None))];
        steps.extend(addresses.iter().map(|address| Step::Insert {
            bag: Arc::clone(&mails),
            cells: vec![(MAIL_PERSON, Cell::From { step: 0, field: ID }), set(MAIL_ADDRESS, *address)],
            report: vec![],
            unless_exists: false,
        }));
        wait(fixture.store().apply(steps)).unwrap();
    }
    let has = |predicate: Predicate| {
        let related = Related { bag: Arc::clone(&mails), on: vec![(MAIL_PERSON, ID)], predicate };
        Predicate::Exists(Box::new(related))
    };
    let ends = |text: &str| Predicate::Field(MAIL_ADDRESS, Test::Ends(text.into(), Fold::Exact));
    let store = fixture.store();
    assert_eq!(logins(store, &bag, &has(Predicate::True)), ["ann", "bob"]);
    assert_eq!(logins(store, &bag, &not(has(Predicate::True))), ["carl"]);
    assert_eq!(logins(store, &bag, &has(ends("@y"))), ["ann"]);
    assert_eq!(logins(store, &bag, &has(ends("@x")).and(not(has(ends("@y"))))), ["bob"]);
    // People of the same age as somebody with a mail at y, the table joined with itself, two levels deep.
    let same_age = Related { bag: Arc::clone(&bag), on: vec![(AGE, AGE)], predicate: has(ends("@y")) };
    let same_age = Predicate::Exists(Box::new(same_age));
    assert_eq!(logins(store, &bag, &same_age.clone().and(not(login_is("ann")))), ["bob", "carl"]);
    assert_eq!(store.coverage(&bag, &not(same_age)), Coverage::Exact);
    // The scope of the related bag applies.
    let at_x = Arc::new(Bag { scope: ends("@x"), ..(*mails).clone() });
    let related = Related { bag: at_x, on: vec![(MAIL_PERSON, ID)], predicate: ends("@y") };
    assert_eq!(logins(store, &bag, &Predicate::Exists(Box::new(related))), [] as [&str; 0]);
    // Linked by text, in exact spelling only.
    let by_text = Field { name: "address".into(), kind: FieldKind::Any, many: false };
    let by_text = Arc::new(Bag { fields: vec![by_text], key: vec![0], ..(*mails).clone() });
    wait(store.apply(vec![fixture.put(&person("dora", Some("ann@y"), None, None))])).unwrap();
    let linked = |name: &str| {
        let related = Related { bag: Arc::clone(&by_text), on: vec![(0, NAME)], predicate: Predicate::True };
        logins(store, &bag, &Predicate::Exists(Box::new(related)).and(login_is(name)))
    };
    assert_eq!(linked("dora"), [] as [&str; 0], "{}: ANN@y is not ann@y", fixture.name());
    wait(store.apply(vec![fixture.put(&person("emil", Some("ANN@y"), None, None))])).unwrap();
    assert_eq!(linked("emil"), ["emil"]);
}
