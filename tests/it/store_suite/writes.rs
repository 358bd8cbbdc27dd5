//! Writing: inserts and what they report, finding, updates, deletes, transactions.

use scimgate::store::{Change, Expected, Order, Related};

use super::*;

fn delete(bag: &Arc<Bag>, target: Target) -> Step {
    Step::Delete { bag: Arc::clone(bag), target, required: true }
}

fn update(bag: &Arc<Bag>, target: Target, changes: Vec<Change>) -> Step {
    Step::Update { bag: Arc::clone(bag), target, changes, required: true }
}

fn change(field: FieldId, value: impl Into<Value>) -> Change {
    Change::Set(field, Cell::Values(vec![value.into()]))
}

pub(super) fn generated_keys_are_reported(fixture: &dyn Fixture) {
    let bag = fixture.people();
    let Step::Insert { cells, .. } = fixture.put(&person("ann", Some("Ann"), Some(3), None)) else {
        panic!("people are put in by an insert")
    };
    let report = vec![LOGIN, ID, AGE, FLAGS];
    let insert = Step::Insert { bag: Arc::clone(&bag), cells, report, unless_exists: false };
    let reports =
        wait(fixture.store().apply(vec![fixture.put(&person("zoe", None, None, None)), insert])).unwrap();
    assert_eq!(reports.len(), 2);
    let [login, id, age, flags] = reports[1].as_slice() else { panic!("{reports:?}") };
    assert_eq!((login, age, flags), (&vec!["ann".into()], &vec![Value::Int(3)], &vec![]));
    let stored = find(fixture.store(), &bag, &login_is("ann")).unwrap();
    assert_eq!(stored[0].all(ID), id.as_slice());
    assert_ne!(&reports[0][0], id);
}

pub(super) fn unless_it_exists(fixture: &dyn Fixture) {
    let Some(mails) = fixture.mails() else { return };
    let put = |address: &str| Step::Insert {
        bag: Arc::clone(&mails),
        cells: vec![(MAIL_PERSON, Cell::From { step: 0, field: ID }), set(MAIL_ADDRESS, address)],
        report: vec![MAIL_ID],
        unless_exists: true,
    };
    let ann = Step::Find {
        bag: fixture.people(),
        predicate: login_is("ann"),
        report: vec![ID],
        add: Some(vec![set(LOGIN, "ann")]),
    };
    let first = wait(fixture.store().apply(vec![ann.clone(), put("a@x"), put("a@x"), put("A@x")])).unwrap();
    let again = wait(fixture.store().apply(vec![ann, put("A@x"), put("a@x")])).unwrap();
    assert_eq!(first[1], first[2], "{}: the row that exists is reported", fixture.name());
    assert_ne!(first[1], first[3], "{}: another spelling is another row", fixture.name());
    assert_eq!((&again[0], &again[1], &again[2]), (&first[0], &first[3], &first[1]));
    assert_eq!(wait(fixture.store().count(mails, Predicate::True)).unwrap(), 2);
}

/// A row outside the bag's scope that has the key comes back; others stay, and without one a row is made.
pub(super) fn closed_rows_come_back(fixture: &dyn Fixture) {
    if fixture.mails().is_none() {
        return;
    }
    fill(
        fixture,
        &[
            person("ann", Some("closed"), Some(9), Some(1)),
            person("bob", Some("open"), None, Some(1)),
            person("cid", Some("closed"), Some(9), Some(2)),
        ],
    );
    let scope = Predicate::Field(AGE, Test::Absent);
    let bag = Arc::new(Bag { scope, ..Bag::clone(&fixture.people()) });
    let reopen = |login: &str, key: Vec<FieldId>| {
        let cells = vec![set(LOGIN, login), set(NAME, "new"), set(FLAGS, 1)];
        let changes = vec![set(NAME, "back"), (AGE, Cell::Values(Vec::new()))];
        let step = Step::Reopen { bag: Arc::clone(&bag), key, cells, changes, report: vec![NAME, FLAGS] };
        wait(fixture.store().apply(vec![step])).map(|mut reports| reports.remove(0))
    };
    let row = |login: &str| {
        let rows = find(fixture.store(), &fixture.people(), &login_is(login)).unwrap();
        assert_eq!(rows.len(), 1, "{}: {login}", fixture.name());
        (rows[0].all(NAME).to_vec(), rows[0].all(AGE).to_vec())
    };
    let reported = reopen("ann", vec![LOGIN]).unwrap();
    assert_eq!(reported, [texts(&["back"]), vec![Value::Int(1)]], "{}", fixture.name());
    assert_eq!(row("ann"), (texts(&["back"]), vec![]));
    assert_eq!(row("cid"), (texts(&["closed"]), vec![Value::Int(9)]), "{}: another key", fixture.name());
    // An open row is in the way like any other.
    let refused = reopen("bob", vec![LOGIN]).unwrap_err();
    assert!(matches!(refused, StoreError::AlreadyExists { .. }), "{}: {refused:?}", fixture.name());
    assert_eq!(row("bob"), (texts(&["open"]), vec![]));
    assert_eq!(reopen("dan", vec![LOGIN, FLAGS]).unwrap()[0], texts(&["new"]));
    assert_eq!(row("dan"), (texts(&["new"]), vec![]));
}

/// A copy has every column of the row, but for those that get another value or a new number.
pub(super) fn copies_are_whole(fixture: &dyn Fixture) {
    let (Some(_), bag) = (fixture.mails(), fixture.people()) else { return };
    fill(fixture, &[person("ann", Some("Ann"), Some(9), Some(6)), person("bob", None, None, None)]);
    // The bag does not know of all columns.
    let narrow = Arc::new(Bag { fields: bag.fields[..=LOGIN].to_vec(), ..Bag::clone(&bag) });
    let copy = |of: &str, login: &str| {
        let target = Target::Rows(login_is(of));
        let step = Step::Copy { bag: Arc::clone(&narrow), target, cells: vec![set(LOGIN, login)] };
        wait(fixture.store().apply(vec![step]))
    };
    copy("ann", "zoe").unwrap();
    let rows = |login: &str| find(fixture.store(), &bag, &login_is(login)).unwrap().remove(0);
    let (old, new) = (rows("ann"), rows("zoe"));
    assert_ne!(old.all(ID), new.all(ID), "{}", fixture.name());
    for field in [NAME, AGE, FLAGS] {
        assert_eq!(old.all(field), new.all(field), "{}", fixture.name());
    }
    let refused = copy("nobody", "x").unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{}: {refused:?}", fixture.name());
    let refused = copy("ann", "bob").unwrap_err();
    assert!(matches!(refused, StoreError::AlreadyExists { .. }), "{}: {refused:?}", fixture.name());
}

pub(super) fn find_or_add(fixture: &dyn Fixture) {
    let bag = fixture.people();
    fill(fixture, &[person("bob", Some("same"), Some(2), None), person("ann", Some("same"), Some(1), None)]);
    let find = |predicate: Predicate, add: Option<Vec<(FieldId, Cell)>>| {
        let step = Step::Find { bag: Arc::clone(&bag), predicate, report: vec![LOGIN, ID], add };
        wait(fixture.store().apply(vec![step])).map(|mut reports| reports.remove(0))
    };
    let same = Predicate::equals(NAME, "same".into());
    assert_eq!(find(same, None).unwrap()[0], texts(&["bob"]), "{}: the first by key", fixture.name());
    let missing = Predicate::equals(NAME, "new".into());
    let refused = find(missing.clone(), None).unwrap_err();
    assert_eq!(refused, StoreError::NoSuchRow { bag: bag.name.clone() });
    let cells = || Some(vec![set(LOGIN, "carl"), set(NAME, "new")]);
    let added = find(missing.clone(), cells()).unwrap();
    assert_eq!(added[0], texts(&["carl"]));
    assert_eq!(find(missing, cells()).unwrap(), added, "{}: found the second time", fixture.name());
    // The row to add breaks a rule: that is an error, not the row that is in the way.
    let taken =
        find(Predicate::equals(NAME, "other".into()), Some(vec![set(LOGIN, "ann"), set(NAME, "other")]));
    assert!(matches!(taken, Err(StoreError::AlreadyExists { .. })), "{}: {taken:?}", fixture.name());
}

pub(super) fn update_and_delete(fixture: &dyn Fixture) {
    let bag = fixture.people();
    fill(fixture, &people());
    let store = fixture.store();
    let changes = vec![change(NAME, "Anna"), Change::Set(AGE, Cell::Values(vec![])), change(NAME, "Anne")];
    wait(store.apply(vec![update(&bag, rows("ann"), changes)])).unwrap();
    let ann = find(store, &bag, &login_is("ann")).unwrap();
    assert_eq!((ann[0].all(NAME), ann[0].all(AGE)), (texts(&["Anne"]).as_slice(), &[] as &[Value]));
    // Writing what is there already is a match, too.
    wait(store.apply(vec![update(&bag, rows("ann"), vec![change(NAME, "Anne")])])).unwrap();
    wait(store.apply(vec![update(&bag, rows("ann"), vec![])])).unwrap();
    // Text that spells a number fits a column of numbers.
    wait(store.apply(vec![update(&bag, rows("ann"), vec![change(AGE, "55")])])).unwrap();
    assert_eq!(find(store, &bag, &login_is("ann")).unwrap()[0].first(AGE), Some(&Value::Int(55)));
    let gone = StoreError::NotFound { bag: bag.name.clone() };
    for changes in [vec![change(NAME, "x")], vec![]] {
        assert_eq!(wait(store.apply(vec![update(&bag, rows("noone"), changes)])).unwrap_err(), gone);
    }
    assert_eq!(wait(store.apply(vec![delete(&bag, rows("noone"))])).unwrap_err(), gone);
    let unneeded = Step::Delete { bag: Arc::clone(&bag), target: rows("noone"), required: false };
    wait(store.apply(vec![unneeded, delete(&bag, rows("ann"))])).unwrap();
    assert_eq!(logins(store, &bag, &Predicate::True).len(), people().len() - 1);
    // A row out of scope is not touched.
    let scope = Predicate::Field(AGE, Test::Order(Order::Lt, Value::Int(10), Fold::Exact));
    let young = Arc::new(Bag { scope, ..(*bag).clone() });
    for step in [delete(&young, rows("blank")), update(&young, rows("blank"), vec![change(NAME, "x")])] {
        assert!(
            matches!(wait(store.apply(vec![step])), Err(StoreError::NotFound { .. })),
            "{}",
            fixture.name()
        );
    }
    assert_eq!(find(store, &bag, &login_is("blank")).unwrap()[0].first(NAME), Some(&"Ann ".into()));
}

pub(super) fn rows_as_they_were_read(fixture: &dyn Fixture) {
    // 7644-3.14-c
    let bag = fixture.people();
    fill(fixture, &people());
    let store = fixture.store();
    let expect = |predicate: Predicate, rows: Vec<Row>, fields: &[FieldId], others: bool| {
        let (fields, writable) = (fields.to_vec(), Vec::new());
        let expected = Expected { fields, rows, others, writable };
        Step::Expect { bag: Arc::clone(&bag), target: Target::Rows(predicate), expected, lock: true }
    };
    let change = |name: &str| update(&bag, rows("ann"), vec![change(NAME, name)]);
    let name = || find(store, &bag, &login_is("ann")).unwrap()[0].first(NAME).unwrap().to_text();
    let all = [LOGIN, NAME, AGE, FLAGS];
    let was = find(store, &bag, &login_is("ann")).unwrap();
    wait(store.apply(vec![expect(login_is("ann"), was.clone(), &all, false), change("Anna")])).unwrap();
    assert_eq!(name(), "Anna");
    // It has another name by now; only what is compared counts.
    let stale = vec![expect(login_is("ann"), was.clone(), &all, false), change("Anne")];
    assert_eq!(wait(store.apply(stale)).unwrap_err(), StoreError::PreconditionFailed, "{}", fixture.name());
    assert_eq!(name(), "Anna");
    wait(store.apply(vec![expect(login_is("ann"), was.clone(), &[LOGIN, AGE], false), change("Anne")]))
        .unwrap();
    assert_eq!(name(), "Anne");
    // Rows that came or went.
    let old = Predicate::equals(AGE, Value::Int(30));
    let one = find(store, &bag, &login_is("ann")).unwrap();
    for (predicate, rows, others, fine) in [
        (old.clone(), one.clone(), false, false),
        (old.clone(), one.clone(), true, true),
        (old.clone(), find(store, &bag, &old).unwrap(), false, true),
        (login_is("noone"), one, true, false),
        (login_is("noone"), Vec::new(), false, true),
        (old, Vec::new(), false, false),
    ] {
        let outcome = wait(store.apply(vec![expect(predicate.clone(), rows, &all, others), change("Anne")]));
        let expected = if fine { None } else { Some(StoreError::PreconditionFailed) };
        assert_eq!(outcome.err(), expected, "{}: {predicate:?} {others}", fixture.name());
    }
}

pub(super) fn conditions_on_the_table_itself(fixture: &dyn Fixture) {
    let bag = fixture.people();
    fill(fixture, &people());
    let as_old_as_ann = Related {
        bag: Arc::clone(&bag),
        on: vec![(AGE, AGE)],
        predicate: Predicate::equals(NAME, "Ann".into()),
    };
    let target = Target::Rows(Predicate::Exists(Box::new(as_old_as_ann)));
    let store = fixture.store();
    wait(store.apply(vec![update(&bag, target.clone(), vec![change(FLAGS, 64)])])).unwrap();
    assert_eq!(logins(store, &bag, &Predicate::equals(FLAGS, Value::Int(64))), ["ann", "strasse1"]);
    wait(store.apply(vec![delete(&bag, target)])).unwrap();
    assert_eq!(logins(store, &bag, &Predicate::True).len(), people().len() - 2, "{}", fixture.name());
}

pub(super) fn a_failing_step_takes_all_back(fixture: &dyn Fixture) {
    if !fixture.is_transactional() {
        return;
    }
    let bag = fixture.people();
    fill(fixture, &[person("ann", Some("Ann"), None, None)]);
    let steps = vec![
        update(&bag, rows("ann"), vec![change(NAME, "changed")]),
        fixture.put(&person("bob", None, None, None)),
        delete(&bag, rows("noone")),
    ];
    assert!(wait(fixture.store().apply(steps)).is_err());
    let found = find(fixture.store(), &bag, &Predicate::True).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].first(NAME), Some(&"Ann".into()), "{}", fixture.name());
    // The connection is good for the next one.
    fill(fixture, &[person("bob", None, None, None)]);
}

pub(super) fn awkward_texts_survive(fixture: &dyn Fixture) {
    let bag = fixture.people();
    let awkward =
        ["", " ", " a ", "ß", "É", "e\u{301}", "😀", "'; DROP TABLE x; --", "%_!", "\\", "`\"", "\r\n\t"];
    for (index, text) in awkward.iter().enumerate() {
        let login = format!("p{index}");
        fill(fixture, &[person(&login, Some(text), None, None)]);
        let found = find(fixture.store(), &bag, &login_is(&login)).unwrap();
        assert_eq!(found[0].first(NAME), Some(&Value::from(*text)), "{}: {text:?}", fixture.name());
        let same = Predicate::equals(NAME, (*text).into());
        assert_eq!(logins(fixture.store(), &bag, &same), [login], "{}: {text:?}", fixture.name());
    }
    let nul = fixture.put(&person("nul", Some("a\0b"), None, None));
    let outcome = wait(fixture.store().apply(vec![nul]));
    if fixture.takes_nul() {
        assert!(outcome.is_ok());
    } else {
        assert!(matches!(outcome, Err(StoreError::ConstraintViolated { .. })), "{outcome:?}");
    }
    let looked_for = logins(fixture.store(), &bag, &Predicate::equals(NAME, "a\0b".into()));
    assert_eq!(looked_for.len(), usize::from(fixture.takes_nul()), "{}", fixture.name());
}
