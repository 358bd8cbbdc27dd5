//! The text of conditions. What they mean is tested against the databases.

use std::sync::Arc;

use super::*;
use crate::store::{
    Coverage, Field, Fold, Source, Value,
    sql::catalogue::{Catalogue, Table},
};

fn bag(table: &str, fields: &[&str]) -> Bag {
    let field = |name: &&str| Field { name: (*name).to_owned(), kind: FieldKind::Any, many: false };
    Bag {
        name: table.to_owned(),
        source: Source::Table(table.to_owned()),
        fields: fields.iter().map(field).collect(),
        key: vec![0],
        scope: Predicate::True,
    }
}

fn scene() -> Scene {
    let name =
        Column { coarse: true, collation: "utf8mb4_general_ci".into(), ..Column::new("name", Class::Text) };
    let columns = vec![Column::new("id", Class::Int), name];
    let links = vec![Column::new("parent", Class::Int), Column::new("id", Class::Int)];
    Scene::of(&[("t", Table { columns }), ("links", Table { columns: links })])
}

fn written(flavour: Flavour, predicate: &Predicate) -> Result<String, Failure> {
    let scene = scene();
    let mut sql = Sql::new();
    Env::new(flavour, &scene).condition(&mut sql, &bag("t", &["id", "name"]), OUTER, predicate)?;
    Ok(sql.shown())
}

fn check(flavour: Flavour, predicate: &Predicate, expect: &str) {
    assert_eq!(written(flavour, predicate).unwrap(), expect, "{flavour:?} {predicate:?}");
}

fn ints(list: &[i64]) -> Test {
    Test::OneOf(list.iter().copied().map(Value::Int).collect(), Fold::Exact)
}

#[test]
fn numbers() {
    let two = Predicate::Field(0, ints(&[1, 2]));
    check(Flavour::Postgres, &two, r#""t0"."id" = ANY(?)"#);
    check(Flavour::Sqlite, &two, r#""t0"."id" IN (?, ?, ?, ?)"#);
    check(Flavour::Sqlite, &Predicate::Field(0, ints(&[])), "FALSE");
    let text = Predicate::Field(0, Test::OneOf(vec!["x".into()], Fold::Exact));
    check(Flavour::Mysql, &text, "FALSE");
}

#[test]
fn coarse_text_is_compared_twice() {
    let ann = Predicate::equals(1, "Ann".into());
    check(
        Flavour::Mysql,
        &ann,
        r#""t0"."name" IN (?) AND CAST(CONVERT("t0"."name" USING utf8mb4) AS BINARY) IN (CAST(? AS BINARY))"#,
    );
    let folded = Predicate::Field(1, Test::OneOf(vec!["Ann".into()], Fold::Case));
    check(Flavour::Mysql, &folded, r#"("t0"."name" IN (?))"#);
    check(Flavour::Sqlite, &folded, r#"(scim_fold("t0"."name") IN (?))"#);
}

#[test]
fn not_is_safe_of_null() {
    let not = Predicate::Not(Box::new(Predicate::Field(0, ints(&[1]))));
    check(Flavour::Sqlite, &not, r#"NOT COALESCE(("t0"."id" IN (?)), FALSE)"#);
}

#[test]
fn empty_lists_are_neutral() {
    check(Flavour::Sqlite, &Predicate::All(vec![]), "TRUE");
    check(Flavour::Sqlite, &Predicate::Any(vec![]), "FALSE");
}

#[test]
fn related_rows_have_their_own_alias() {
    let links = Arc::new(bag("links", &["parent", "id"]));
    let inner = Related { bag: Arc::clone(&links), on: vec![(0, 1)], predicate: Predicate::True };
    let outer = Related { bag: links, on: vec![(0, 0)], predicate: Predicate::Exists(Box::new(inner)) };
    check(
        Flavour::Postgres,
        &Predicate::Exists(Box::new(outer)),
        r#"EXISTS (SELECT 1 FROM "links" AS "t1" WHERE "t1"."parent" = "t0"."id" AND (TRUE) AND (EXISTS (SELECT 1 FROM "links" AS "t2" WHERE "t2"."parent" = "t1"."id" AND (TRUE) AND (TRUE))))"#,
    );
}

#[test]
fn a_missing_column_is_named_with_those_there_are() {
    let scene = scene();
    let bag = bag("t", &["id", "nmae"]);
    let mut sql = Sql::new();
    let refused = Env::new(Flavour::Sqlite, &scene)
        .condition(&mut sql, &bag, OUTER, &Predicate::Field(1, Test::Present))
        .unwrap_err();
    assert_eq!(
        refused.error.to_string(),
        "corrupt or mismatched: t: table t has no column nmae; it has id, name"
    );
}

#[test]
fn coverage_table() {
    let t = Predicate::Field(1, Test::Contains("a".into(), Fold::Case));
    let not = |p: &Predicate| Predicate::Not(Box::new(p.clone()));
    let ordered = Predicate::Field(1, Test::Order(Order::Lt, "a".into(), Fold::Case));
    let exact = Predicate::equals(1, "a".into());
    use Coverage as C;
    let cases = [
        (Flavour::Sqlite, t.clone(), C::Exact),
        (Flavour::Postgres, t.clone(), C::Superset),
        (Flavour::Postgres, not(&t), C::None),
        (Flavour::Mysql, not(&exact), C::Exact),
        (Flavour::Sqlite, ordered.clone(), C::Exact),
        (Flavour::Mysql, ordered.clone(), C::None),
        (Flavour::Postgres, Predicate::All(vec![exact.clone(), t.clone()]), C::Superset),
        (Flavour::Postgres, Predicate::Any(vec![exact, ordered]), C::None),
    ];
    for (flavour, predicate, expect) in cases {
        let found = coverage(flavour, &Catalogue::default(), &bag("t", &["id", "name"]), &predicate);
        assert_eq!(found, expect, "{flavour:?} {predicate:?}");
    }
}

#[test]
fn coverage_tells_where_a_column_is_read_as_something_else() {
    let (text, number) = (Class::Text, Class::Int);
    let (order, like) =
        (|fold| Test::Order(Order::Lt, "5".into(), fold), Test::Contains("5".into(), Fold::Exact));
    use Coverage as C;
    use FieldKind as K;
    let cases = [
        // Digits have no case, so their order as texts needs no collation.
        (number, K::Text, order(Fold::Case), C::Exact),
        // 5 reads as true, or as a decimal, which contains no text.
        (number, K::Bool, like.clone(), C::None),
        (number, K::Decimal, like.clone(), C::None),
        (number, K::Int, like.clone(), C::Exact),
        // `05` reads as 5.
        (text, K::Int, like.clone(), C::None),
        (text, K::Int, order(Fold::Exact), C::Exact),
        (text, K::Bool, order(Fold::Exact), C::None),
        (number, K::Bool, order(Fold::Exact), C::None),
        (text, K::Bytes, like, C::None),
        (text, K::Bytes, Test::OneOf(vec!["5".into()], Fold::Exact), C::None),
    ];
    for (class, kind, test, expect) in cases {
        for flavour in [Flavour::Sqlite, Flavour::Postgres, Flavour::Mysql] {
            let found = coverage::of_test(flavour, kind, Some(class), &test);
            assert_eq!(found, expect, "{flavour:?} {class:?} {kind:?} {test:?}");
        }
    }
}
