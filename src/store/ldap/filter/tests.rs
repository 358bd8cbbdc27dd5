//! Predicates as LDAP filters (RFC 4515).

use std::sync::Arc;

use time::macros::datetime;

use super::*;
use crate::store::{Related, Source};

fn bag() -> Bag {
    let field = |name: &str, kind| Field { name: name.into(), kind, many: false };
    Bag {
        name: "User".into(),
        source: Source::Entries { bases: vec![], subtree: true, classes: vec![], rdn: vec![] },
        fields: vec![
            field("uid", FieldKind::Any),                       // 0
            field("entryUUID", FieldKind::Any),                 // 1
            field("uidNumber", FieldKind::Int),                 // 2
            field("manager", FieldKind::Dn),                    // 3
            field("objectGUID", FieldKind::Bytes),              // 4
            field("modifyTimestamp", FieldKind::Time),          // 5
            field("dn", FieldKind::Dn),                         // 6
            field("homeDirectory", FieldKind::Text),            // 7
            field("shadowMax", FieldKind::Int),                 // 8
            field("jpegPhoto", FieldKind::Bytes),               // 9
            field("facsimileTelephoneNumber", FieldKind::Text), // 10
        ],
        key: vec![1, 4],
        scope: Predicate::True,
    }
}

fn field(id: usize, test: Test) -> Predicate {
    Predicate::Field(id, test)
}

fn not(p: Predicate) -> Predicate {
    Predicate::Not(Box::new(p))
}

fn eq(id: usize, value: impl Into<Value>) -> Predicate {
    Predicate::equals(id, value.into())
}

fn written(predicate: &Predicate, purpose: Purpose) -> Option<String> {
    translate(&bag(), &push_not_down(predicate), purpose, &Rules::default()).unwrap().0.text()
}

#[track_caller]
fn check(predicate: Predicate, expect: &str, covers: Coverage) {
    assert_eq!(written(&predicate, Purpose::Query).as_deref(), Some(expect));
    assert_eq!(coverage(&bag(), &push_not_down(&predicate), &Rules::default()), covers, "{expect}");
}

#[test]
fn long_lists_are_asked_for_in_pieces() {
    let leaf = |n: usize| Filter::equal("uid", &n.to_string());
    let list = |numbers: std::ops::Range<usize>| Filter::or(numbers.map(leaf).collect());
    let texts = |filter: Filter| filter.pieces(2).iter().map(|f| f.text().unwrap()).collect::<Vec<_>>();
    assert_eq!(texts(list(0..3)), ["(|(uid=0)(uid=1))", "(uid=2)"]);
    assert_eq!(texts(list(0..2)), ["(|(uid=0)(uid=1))"]);
    let class = Filter::equal("objectClass", "person");
    let nested = Filter::and(vec![class.clone(), Filter::and(vec![list(0..3), leaf(7)])]);
    assert_eq!(
        texts(nested),
        ["(&(objectClass=person)(&(uid=7)(|(uid=0)(uid=1))))", "(&(objectClass=person)(&(uid=7)(uid=2)))"]
    );
    // What must not hold is not taken apart.
    assert_eq!(Filter::and(vec![class, list(0..3).negate()]).pieces(2).len(), 1);
}

#[test]
fn every_test_has_its_filter() {
    use Coverage::{Exact, None, Superset};
    let text = || "a b".to_owned();
    check(field(0, Test::Present), "(uid=*)", Exact);
    check(field(0, Test::Absent), "(!(uid=*))", Exact);
    check(eq(0, "ann"), "(uid=ann)", Superset);
    check(field(0, Test::OneOf(vec!["a".into(), "b".into()], Fold::Case)), "(|(uid=a)(uid=b))", Superset);
    check(eq(2, 7), "(uidNumber=7)", Exact);
    check(eq(0, Value::Bool(true)), "(|(uid=TRUE)(uid=1)(uid=true))", Superset);
    check(not(eq(0, Value::Bool(true))), "(objectClass=*)", None);
    check(eq(3, "uid=a,dc=x"), "(manager=uid=a,dc=x)", Exact);
    check(eq(3, "no name"), "(manager=no name)", Superset);
    check(eq(4, Value::Bytes(vec![0, 0x2a, 0xff])), "(objectGUID=\\00\\2a\\ff)", Exact);
    check(eq(9, Value::Bytes(vec![0xff])), "(jpegPhoto=*)", None);
    check(eq(10, "+1 555"), "(facsimileTelephoneNumber=*)", None);
    check(field(10, Test::Contains("5".into(), Fold::Case)), "(facsimileTelephoneNumber=*)", None);
    check(eq(5, Value::Time(datetime!(2026-11-25 03:04:05 UTC))), "(modifyTimestamp=20261125030405Z)", Exact);
    check(field(2, Test::Order(Order::Ge, 7.into(), Fold::Exact)), "(uidNumber>=7)", Superset);
    check(field(2, Test::Order(Order::Gt, 7.into(), Fold::Exact)), "(uidNumber>=7)", Superset);
    check(field(2, Test::Order(Order::Lt, 7.into(), Fold::Exact)), "(uidNumber<=7)", Superset);
    check(field(0, Test::Order(Order::Ge, "a".into(), Fold::Exact)), "(uid=*)", None);
    check(field(8, Test::Order(Order::Ge, 7.into(), Fold::Exact)), "(shadowMax=*)", None);
    check(field(0, Test::Starts(text(), Fold::Case)), "(uid=a b*)", Superset);
    check(field(0, Test::Ends(text(), Fold::Case)), "(uid=*a b)", Superset);
    check(field(0, Test::Contains(text(), Fold::Case)), "(uid=*a b*)", Superset);
    check(field(0, Test::Contains("  ".into(), Fold::Case)), "(uid=*)", None);
    check(field(1, Test::Starts(text(), Fold::Case)), "(entryUUID=*)", None);
    check(field(3, Test::Contains(text(), Fold::Case)), "(manager=*)", None);
    check(field(2, Test::BitsSet(6)), "(uidNumber:1.2.840.113556.1.4.803:=6)", Exact);
    check(
        field(2, Test::BitsClear(6)),
        "(&(uidNumber=*)(!(uidNumber:1.2.840.113556.1.4.803:=2))(!(uidNumber:1.2.840.113556.1.4.803:=4)))",
        Exact,
    );
}

// 7644-3.4.2.2-c: `and` binds tighter than `or`; `not` may stand over any of them.
#[test]
fn connectives_nest_and_simplify() {
    use Coverage::{Exact, None, Superset};
    let all = |parts: Vec<Predicate>| Predicate::All(parts);
    let any = |parts: Vec<Predicate>| Predicate::Any(parts);
    let here = || field(0, Test::Present);
    check(any(vec![eq(2, 1), all(vec![eq(2, 2), here()])]), "(|(uidNumber=1)(&(uidNumber=2)(uid=*)))", Exact);
    check(not(any(vec![here(), eq(2, 1)])), "(&(!(uid=*))(!(uidNumber=1)))", Exact);
    check(not(not(eq(0, "a"))), "(uid=a)", Superset);
    check(not(field(0, Test::Absent)), "(uid=*)", Exact);
    check(all(vec![Predicate::True, eq(2, 1)]), "(uidNumber=1)", Exact);
    check(all(vec![here(), field(6, Test::Starts("uid".into(), Fold::Exact))]), "(uid=*)", Superset);
    check(any(vec![here(), field(6, Test::Starts("uid".into(), Fold::Exact))]), "(objectClass=*)", None);
    check(Predicate::True, "(objectClass=*)", Exact);
    assert_eq!(written(&Predicate::False, Purpose::Query), Option::None);
    assert_eq!(written(&any(vec![]), Purpose::Query), Option::None);
    assert_eq!(written(&field(0, Test::OneOf(vec![], Fold::Exact)), Purpose::Query), Option::None);
    let other = Related { bag: Arc::new(bag()), on: vec![(0, 0)], predicate: Predicate::True };
    check(Predicate::Exists(Box::new(other)), "(objectClass=*)", None);
}

#[test]
fn a_query_never_negates_a_superset_but_a_scope_does() {
    check(not(eq(0, "ann")), "(objectClass=*)", Coverage::None);
    check(not(eq(2, 1)), "(!(uidNumber=1))", Coverage::Exact);
    check(not(eq(2, "one")), "(objectClass=*)", Coverage::None);
    let scope = written(&not(eq(0, "ann")), Purpose::Scope);
    assert_eq!(scope.as_deref(), Some("(!(uid=ann))"));
    let scope = written(&not(eq(0, Value::Bool(true))), Purpose::Scope);
    assert_eq!(scope.as_deref(), Some("(!(uid=TRUE))"));
    let weak = not(field(8, Test::Order(Order::Ge, 1.into(), Fold::Exact)));
    assert_eq!(written(&weak, Purpose::Scope).as_deref(), Some("(objectClass=*)"));
}

#[test]
fn case_that_the_directory_keeps_is_not_lost() {
    let folded = |text: &str| field(7, Test::OneOf(vec![text.into()], Fold::Case));
    check(folded("/home/ann"), "(homeDirectory=*)", Coverage::None);
    check(folded("/1/2"), "(homeDirectory=/1/2)", Coverage::Superset);
    check(eq(7, "/home/ann"), "(homeDirectory=/home/ann)", Coverage::Superset);
}

#[test]
fn values_cannot_leave_their_assertion() {
    for (value, expect) in [
        ("*)(uid=*", "(uid=\\2a\\29\\28uid=\\2a)"),
        ("a\\b\u{1}c", "(uid=a\\5cb\\01c)"),
        ("Zoë 🦊", "(uid=Zoë 🦊)"),
        ("\r\n", "(uid=\\0d\\0a)"),
        ("&|!=~<>", "(uid=&|!=~<>)"),
        ("", "(uid=)"),
    ] {
        check(eq(0, value), expect, Coverage::Superset);
        assert!(ldap3::parse_filter(expect).is_ok(), "{expect}");
    }
    // No directory's text holds a NUL, and not every server can be asked for one.
    assert_eq!(written(&eq(0, "a\0c"), Purpose::Query), None);
    let among = Test::OneOf(vec!["a\0c".into(), "b".into()], Fold::Case);
    assert_eq!(written(&field(0, among), Purpose::Query).as_deref(), Some("(uid=b)"));
}

#[test]
fn a_field_that_is_no_attribute_is_refused() {
    let mut bag = bag();
    bag.fields[0].name = "uid=*)(cn".into();
    assert!(matches!(
        translate(&bag, &eq(0, "a"), Purpose::Query, &Rules::default()),
        Err(StoreError::Corrupt(_))
    ));
}
