//! Reading: SELECT and COUNT, and rows as the mapping declares them.

use std::collections::HashSet;

use crate::store::{
    Bag, FieldId, Predicate, Row, Select, Source, StoreError, Test, Value,
    coerce::coerce,
    memory::compare_rows,
    sql::{
        catalogue::{Catalogue, Class, Scene, table_name},
        dialect::{Dialect, Flavour},
        error::Failure,
        predicate::{Env, OUTER},
        statement::{Bind, Sql},
    },
};

/// The values of a row, one list per field that was asked for, in that order. Much smaller than a row.
pub(super) type Cells = Vec<Vec<Value>>;

/// Reads rows.
pub(super) fn select(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    select: &Select,
) -> Result<Vec<Row>, Failure> {
    let rows = select_cells(connection, catalogue, select)?;
    Ok(rows.into_iter().map(|cells| row_of(&select.bag, &select.fields, cells)).collect())
}

/// Reads the cells of rows.
pub(super) fn select_cells(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    select: &Select,
) -> Result<Vec<Cells>, Failure> {
    let scene = catalogue.scene(connection, &select.bag, &[&select.predicate])?;
    let most = most_values(connection.flavour());
    if longest_list(&select.predicate) > most {
        return select_in_parts(connection, &scene, select, most);
    }
    select_once(connection, &scene, select)
}

/// A row that holds these cells.
pub(super) fn row_of(bag: &Bag, fields: &[FieldId], cells: Cells) -> Row {
    let mut row = Row::new(bag);
    for (field, values) in fields.iter().zip(cells) {
        row.set(*field, values);
    }
    row
}

/// Counts rows.
pub(super) fn count(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    bag: &Bag,
    predicate: &Predicate,
) -> Result<u64, Failure> {
    let scene = catalogue.scene(connection, bag, &[predicate])?;
    let env = Env::new(connection.flavour(), &scene);
    let mut sql = Sql::new();
    sql.raw("SELECT COUNT(*) FROM ").table(table_name(bag)?).raw(" AS ").ident(OUTER);
    env.restrict(&mut sql, bag, predicate)?;
    finish(&mut sql, connection.flavour(), predicate)?;
    let rows = connection.rows(&sql)?;
    match rows.first().and_then(|row| row.first()?.first()) {
        Some(Value::Int(found)) => Ok(u64::try_from(*found).unwrap_or_default()),
        _ => Err(StoreError::Corrupt("the server did not answer a count".into()).into()),
    }
}

/// Longest list of values in one statement; a longer one is asked for in parts.
fn most_values(flavour: Flavour) -> usize {
    match flavour {
        Flavour::Sqlite | Flavour::Mysql => 4096,
        Flavour::Postgres => 30_000,
    }
}

/// The statement that reads rows, for people.
pub(super) fn shown(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    select: &Select,
) -> Result<Vec<String>, Failure> {
    Ok(vec![statement_of(connection, catalogue, select)?.shown()])
}

/// The statement that reads rows.
pub(super) fn statement_of(
    connection: &mut dyn Dialect,
    catalogue: &Catalogue,
    select: &Select,
) -> Result<Sql, Failure> {
    let scene = catalogue.scene(connection, &select.bag, &[&select.predicate])?;
    statement(connection.flavour(), &scene, select)
}

fn select_once(connection: &mut dyn Dialect, scene: &Scene, select: &Select) -> Result<Vec<Cells>, Failure> {
    let rows = connection.rows(&statement(connection.flavour(), scene, select)?)?;
    rows.into_iter().map(|cells| coerced(scene, &select.bag, &select.fields, cells)).collect()
}

fn statement(flavour: Flavour, scene: &Scene, select: &Select) -> Result<Sql, Failure> {
    let env = Env::new(flavour, scene);
    let mut sql = Sql::new();
    sql.raw("SELECT ");
    push_columns(&mut sql, flavour, scene, &select.bag, &select.fields, Some(OUTER))?;
    sql.raw(" FROM ").table(table_name(&select.bag)?).raw(" AS ").ident(OUTER);
    env.restrict(&mut sql, &select.bag, &select.predicate)?;
    if let Source::Names(_) = &select.bag.source {
        env.once(&mut sql, &select.bag, &select.fields)?;
    }
    env.order_by(&mut sql, &select.bag, &select.order)?;
    push_page(&mut sql, flavour, select.limit, select.offset);
    finish(&mut sql, flavour, &select.predicate)?;
    Ok(sql)
}

/// Writes the columns of fields, `1` if there are none.
pub(super) fn push_columns(
    sql: &mut Sql,
    flavour: Flavour,
    scene: &Scene,
    bag: &Bag,
    fields: &[FieldId],
    alias: Option<&str>,
) -> Result<(), Failure> {
    if fields.is_empty() {
        sql.raw("1");
    }
    for (index, field) in fields.iter().enumerate() {
        let (_, column) = scene.column(bag, *field)?;
        // The server knows how to spell the types that we do not.
        let cast = flavour == Flavour::Postgres && column.class == Class::Other;
        sql.raw(if index > 0 { ", " } else { "" });
        sql.raw(if cast { "CAST(" } else { "" });
        if let Some(alias) = alias {
            sql.ident(alias).raw(".");
        }
        sql.ident(&column.name);
        sql.raw(if cast { " AS text)" } else { "" });
    }
    Ok(())
}

/// A row of the answer, its values of the declared types.
pub(super) fn read_row(scene: &Scene, bag: &Bag, fields: &[FieldId], cells: Cells) -> Result<Row, Failure> {
    Ok(row_of(bag, fields, coerced(scene, bag, fields, cells)?))
}

fn coerced(scene: &Scene, bag: &Bag, fields: &[FieldId], cells: Cells) -> Result<Cells, Failure> {
    let cells = fields.iter().zip(cells).map(|(field, values)| {
        let (declared, column) = scene.column(bag, *field)?;
        let kind = column.kind(declared.kind);
        Ok(values.into_iter().map(|v| coerce(v, kind)).collect())
    });
    cells.collect()
}

fn push_page(sql: &mut Sql, flavour: Flavour, limit: Option<u64>, offset: u64) {
    let number = |n: u64| Bind::Int(i64::try_from(n).unwrap_or(i64::MAX));
    match (limit, flavour) {
        (Some(limit), _) => {
            sql.raw(" LIMIT ").bind(number(limit));
        }
        // These know no OFFSET without a LIMIT.
        (None, Flavour::Sqlite | Flavour::Mysql) if offset > 0 => {
            sql.raw(" LIMIT ").bind(number(u64::MAX));
        }
        (None, _) => {}
    }
    if offset > 0 {
        sql.raw(" OFFSET ").bind(number(offset));
    }
}

/// Keeps statements of unforeseeable shape out of the cache, and those that bind too much off the server.
pub(super) fn finish(sql: &mut Sql, flavour: Flavour, predicate: &Predicate) -> Result<(), StoreError> {
    let simple = match predicate {
        Predicate::True | Predicate::Field(..) => true,
        Predicate::All(list) => list.len() <= 2 && list.iter().all(|p| matches!(p, Predicate::Field(..))),
        _ => false,
    };
    if !simple {
        sql.uncached();
    }
    if sql.binds() > flavour.most_binds() {
        return Err(StoreError::LimitExceeded(format!("the statement would bind {} values", sql.binds())));
    }
    Ok(())
}

/// The length of the longest list of values that stands in a conjunction.
fn longest_list(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::Field(_, Test::OneOf(values, _)) => values.len(),
        Predicate::All(list) => list.iter().map(longest_list).max().unwrap_or_default(),
        _ => 0,
    }
}

/// The predicate with only a part of its longest list, and whether it had one that long.
fn with_part(predicate: &Predicate, length: usize, from: usize, most: usize) -> Predicate {
    match predicate {
        Predicate::Field(field, Test::OneOf(values, fold)) if values.len() == length => {
            let part = values.iter().skip(from).take(most).cloned().collect();
            Predicate::Field(*field, Test::OneOf(part, *fold))
        }
        Predicate::All(list) => {
            // Only the first such list is cut; another one keeps its length.
            let cut = list.iter().position(|p| longest_list(p) == length);
            let parts = list.iter().enumerate().map(|(index, p)| {
                if Some(index) == cut { with_part(p, length, from, most) } else { p.clone() }
            });
            Predicate::All(parts.collect())
        }
        other => other.clone(),
    }
}

/// Asks for a long list part by part, and puts the answers together again.
fn select_in_parts(
    connection: &mut dyn Dialect,
    scene: &Scene,
    select: &Select,
    most: usize,
) -> Result<Vec<Cells>, Failure> {
    let length = longest_list(&select.predicate);
    let more = select.bag.key.iter().chain(&select.order).filter(|f| !select.fields.contains(f));
    let fields: Vec<FieldId> = select.fields.iter().chain(more).copied().collect();
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    for from in (0..length).step_by(most) {
        let part = Select {
            predicate: with_part(&select.predicate, length, from, most),
            fields: fields.clone(),
            offset: 0,
            limit: None,
            ..select.clone()
        };
        for cells in select_once(connection, scene, &part)? {
            let row = row_of(&select.bag, &fields, cells);
            // Two spellings of one value may lie in two parts.
            let key: Vec<String> = select
                .bag
                .key
                .iter()
                .map(|f| row.first(*f).map(Value::to_text).unwrap_or_default())
                .collect();
            if key.is_empty() || seen.insert(key) {
                rows.push(row);
            }
        }
    }
    rows.sort_by(|a, b| compare_rows(a, b, &select.order));
    let limit = select.limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
    let offset = usize::try_from(select.offset).unwrap_or(usize::MAX);
    let page = rows.into_iter().skip(offset).take(limit);
    Ok(page.map(|row| select.fields.iter().map(|f| row.all(*f).to_vec()).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Fold;

    fn one_of(field: FieldId, count: i64) -> Predicate {
        Predicate::Field(field, Test::OneOf((0..count).map(Value::Int).collect(), Fold::Exact))
    }

    #[test]
    fn one_long_list_is_cut_and_the_rest_kept() {
        let predicate = Predicate::All(vec![one_of(0, 3), one_of(1, 10), one_of(2, 10)]);
        assert_eq!(longest_list(&predicate), 10);
        let Predicate::All(list) = with_part(&predicate, 10, 8, 4) else { panic!("an All stays an All") };
        assert_eq!(list.iter().map(longest_list).collect::<Vec<_>>(), [3, 2, 10]);
    }

    #[test]
    fn lists_below_an_or_are_not_cut() {
        assert_eq!(longest_list(&Predicate::Any(vec![one_of(0, 100)])), 0);
    }
}
