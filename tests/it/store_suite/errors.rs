//! What a store refuses, and how it says so.

use scimgate::store::{Change, Field, FieldKind, Source};

use super::*;

fn outcome(fixture: &dyn Fixture, steps: Vec<Step>) -> StoreError {
    wait(fixture.store().apply(steps)).expect_err("it must be refused")
}

pub(super) fn broken_rules_are_told(fixture: &dyn Fixture) {
    let bag = fixture.people();
    fill(fixture, &[person("ann", None, None, None), person("bob", None, None, None)]);
    let named = |error: &StoreError, name: &str| match error {
        StoreError::AlreadyExists { constraint } | StoreError::ConstraintViolated { constraint, .. } => {
            constraint.to_lowercase().contains(name)
        }
        _ => false,
    };
    let taken = [
        fixture.put(&person("ann", None, None, None)),
        Step::Update {
            bag: Arc::clone(&bag),
            target: rows("bob"),
            changes: vec![Change::Set(LOGIN, Cell::Values(texts(&["ann"])))],
            required: true,
        },
    ];
    for step in taken {
        let error = outcome(fixture, vec![step]);
        assert!(
            matches!(error, StoreError::AlreadyExists { .. }) && named(&error, "login"),
            "{}: {error:?}",
            fixture.name()
        );
    }
    let without_login = Step::Insert {
        bag: Arc::clone(&bag),
        cells: vec![set(NAME, "x")],
        report: vec![],
        unless_exists: false,
    };
    let error = outcome(fixture, vec![without_login]);
    assert!(
        matches!(error, StoreError::ConstraintViolated { .. }) && named(&error, "login"),
        "{}: {error:?}",
        fixture.name()
    );
    if let Some(mails) = fixture.mails() {
        let lost = Step::Insert {
            bag: Arc::clone(&mails),
            cells: vec![set(MAIL_PERSON, 4_711), set(MAIL_ADDRESS, "x@y")],
            report: vec![],
            unless_exists: false,
        };
        let error = outcome(fixture, vec![lost]);
        assert!(matches!(error, StoreError::ConstraintViolated { .. }), "{}: {error:?}", fixture.name());
    }
    assert_eq!(logins(fixture.store(), &bag, &Predicate::True), ["ann", "bob"]);
}

pub(super) fn what_a_table_cannot_do(fixture: &dyn Fixture) {
    let bag = fixture.people();
    let target = || Target::Rows(Predicate::True);
    let unsupported = [
        Step::Rename { bag: Arc::clone(&bag), target: target(), dn: "cn=x".into() },
        Step::Password {
            bag: Arc::clone(&bag),
            target: target(),
            password: scimgate::store::Secret("secret".to_owned().into()),
            channel: scimgate::store::Channel::Exop,
        },
        Step::Insert {
            bag: Arc::clone(&bag),
            cells: vec![(LOGIN, Cell::From { step: 9, field: ID })],
            report: vec![],
            unless_exists: false,
        },
    ];
    for step in unsupported {
        let error = outcome(fixture, vec![step]);
        assert!(matches!(error, StoreError::Unsupported(_)), "{}: {error:?}", fixture.name());
    }
}

pub(super) fn a_wrong_mapping_is_told(fixture: &dyn Fixture) {
    if fixture.name() == "memory" {
        // It has no catalogue that a mapping could contradict.
        return;
    }
    let bag = fixture.people();
    let mut misspelt = (*bag).clone();
    misspelt.fields.push(Field { name: "nmae".into(), kind: FieldKind::Any, many: false });
    let error = find(fixture.store(), &Arc::new(misspelt), &Predicate::True).unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt(said) if said.contains("nmae") && said.contains("login")),
        "{}: {error}",
        fixture.name()
    );
    let nowhere = Arc::new(Bag { source: Source::Table("no_such_table".into()), ..(*bag).clone() });
    let error = find(fixture.store(), &nowhere, &Predicate::True).unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt(said) if said.contains("no_such_table")),
        "{}: {error}",
        fixture.name()
    );
    // It was no reason to lose the connection.
    assert_eq!(logins(fixture.store(), &bag, &Predicate::True), [] as [&str; 0]);
}
