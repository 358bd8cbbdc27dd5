//! Turns a [`Predicate`] into the text of a WHERE condition with binds.
//!
//! The condition means what [the evaluation in memory](crate::store::memory::predicate)
//! means, for every type of column; where a database cannot say that, its answer
//! is a superset, and [`coverage`] tells so. SQL's third truth value never
//! escapes: a comparison with NULL counts as false, also below a NOT.
//!
//! **Invariant:** names come from the catalogue, values are binds.

mod coverage;
mod leaf;
mod pair;
mod scalar;
mod text;

use std::cell::Cell;

use crate::store::{
    Bag, FieldId, FieldKind, Order, Predicate, Related, StoreError, Test,
    sql::{
        catalogue::{Class, Column, Scene, table_name},
        dialect::Flavour,
        error::Failure,
        predicate::leaf::Leaf,
        statement::Sql,
    },
};

pub(super) use self::{coverage::coverage, scalar::fixed, text::is_caseless};

/// What conditions are written for: a database and its tables.
pub(super) struct Env<'a> {
    pub(super) flavour: Flavour,
    pub(super) scene: &'a Scene,
    aliases: Cell<usize>,
}

/// Name of the outermost table in a statement.
pub(super) const OUTER: &str = "t0";

impl<'a> Env<'a> {
    pub(super) fn new(flavour: Flavour, scene: &'a Scene) -> Self {
        Self { flavour, scene, aliases: Cell::new(0) }
    }

    fn alias(&self) -> String {
        self.aliases.set(self.aliases.get() + 1);
        format!("t{}", self.aliases.get())
    }

    /// Writes a predicate over the rows of `bag`, known as `alias`.
    pub(super) fn condition(
        &self,
        sql: &mut Sql,
        bag: &Bag,
        alias: &str,
        predicate: &Predicate,
    ) -> Result<(), Failure> {
        match predicate {
            Predicate::True => self.always(sql, true),
            Predicate::False => self.always(sql, false),
            Predicate::All(list) => self.joined(sql, bag, alias, list, true)?,
            Predicate::Any(list) => self.joined(sql, bag, alias, list, false)?,
            Predicate::Not(inner) => {
                // Below a NOT the third truth value would turn up as "unknown" again.
                sql.raw("NOT COALESCE((");
                self.condition(sql, bag, alias, inner)?;
                sql.raw("), FALSE)");
            }
            Predicate::Field(field, test) => self.field(sql, bag, alias, *field, test)?,
            Predicate::Pair(one, relation, other) => {
                let [one, other] = [*one, *other].map(|field| self.leaf(bag, alias, field));
                one?.relates(sql, *relation, &other?)?;
            }
            Predicate::Exists(related) => self.exists(sql, bag, alias, related)?,
            Predicate::Clock(..) => {
                return Err(unsupported(format!("{}: nobody told the time", bag.name)).into());
            }
        }
        Ok(())
    }

    fn always(&self, sql: &mut Sql, truth: bool) {
        sql.raw(if truth { "TRUE" } else { "FALSE" });
    }

    fn joined(
        &self,
        sql: &mut Sql,
        bag: &Bag,
        alias: &str,
        list: &[Predicate],
        all: bool,
    ) -> Result<(), Failure> {
        if list.is_empty() {
            self.always(sql, all);
            return Ok(());
        }
        for (index, predicate) in list.iter().enumerate() {
            sql.raw(match (index, all) {
                (0, _) => "(",
                (_, true) => ") AND (",
                (_, false) => ") OR (",
            });
            self.condition(sql, bag, alias, predicate)?;
        }
        sql.raw(")");
        Ok(())
    }

    fn field(
        &self,
        sql: &mut Sql,
        bag: &Bag,
        alias: &str,
        field: FieldId,
        test: &Test,
    ) -> Result<(), Failure> {
        let (declared, column) = self.scene.column(bag, field)?;
        let leaf = Leaf { flavour: self.flavour, alias, column, declared: declared.kind };
        if column.class != Class::Texts {
            return leaf.test(sql, test).map_err(Into::into);
        }
        // An array holds several values; some one of them must pass.
        let inner = self.alias();
        let item = Column { class: Class::Text, ..Column::new("v", Class::Text) };
        let absent = matches!(test, Test::Absent);
        sql.raw(if absent { "NOT EXISTS (SELECT 1 FROM unnest(" } else { "EXISTS (SELECT 1 FROM unnest(" });
        leaf.push_column(sql);
        sql.raw(") AS ").ident(&inner).raw("(").ident("v").raw(") WHERE ");
        let leaf = Leaf { alias: &inner, column: &item, declared: FieldKind::Text, ..leaf };
        leaf.test(sql, if absent { &Test::Present } else { test })?;
        sql.raw(")");
        Ok(())
    }

    fn leaf<'b>(&'b self, bag: &'b Bag, alias: &'b str, field: FieldId) -> Result<Leaf<'b>, Failure> {
        let (declared, column) = self.scene.column(bag, field)?;
        Ok(Leaf { flavour: self.flavour, alias, column, declared: declared.kind })
    }

    fn exists(&self, sql: &mut Sql, bag: &Bag, alias: &str, related: &Related) -> Result<(), Failure> {
        let inner = self.alias();
        sql.raw("EXISTS (SELECT 1 FROM ").table(table_name(&related.bag)?).raw(" AS ").ident(&inner);
        sql.raw(" WHERE ");
        for (theirs, ours) in &related.on {
            let (declared, their_column) = self.scene.column(&related.bag, *theirs)?;
            let theirs =
                Leaf { flavour: self.flavour, alias: &inner, column: their_column, declared: declared.kind };
            let (declared, our_column) = self.scene.column(bag, *ours)?;
            let ours = Leaf { flavour: self.flavour, alias, column: our_column, declared: declared.kind };
            theirs.equals_column(sql, &ours);
            sql.raw(" AND ");
        }
        sql.raw("(");
        self.condition(sql, &related.bag, &inner, &related.bag.scope)?;
        sql.raw(") AND (");
        self.condition(sql, &related.bag, &inner, &related.predicate)?;
        sql.raw("))");
        Ok(())
    }

    /// Writes ` WHERE scope AND predicate` over the outermost table.
    pub(super) fn restrict(&self, sql: &mut Sql, bag: &Bag, predicate: &Predicate) -> Result<(), Failure> {
        let all = bag.scope.clone().and(predicate.clone());
        if all != Predicate::True {
            sql.raw(" WHERE ");
            self.condition(sql, bag, OUTER, &all)?;
        }
        Ok(())
    }

    /// Writes ` GROUP BY fields`, so that each value comes once. What the column's collation takes for equal
    /// may still be several values.
    pub(super) fn once(&self, sql: &mut Sql, bag: &Bag, fields: &[FieldId]) -> Result<(), Failure> {
        for (index, field) in fields.iter().enumerate() {
            sql.raw(if index == 0 { " GROUP BY " } else { ", " });
            let (declared, column) = self.scene.column(bag, *field)?;
            let leaf = Leaf { flavour: self.flavour, alias: OUTER, column, declared: declared.kind };
            sql.ident(OUTER).raw(".").ident(&column.name).raw(", ");
            leaf.exact_key(sql);
        }
        Ok(())
    }

    /// Writes ` ORDER BY fields`, in the same order that [`Test::Order`] compares by.
    pub(super) fn order_by(&self, sql: &mut Sql, bag: &Bag, order: &[FieldId]) -> Result<(), Failure> {
        for (index, field) in order.iter().enumerate() {
            sql.raw(if index == 0 { " ORDER BY " } else { ", " });
            let (declared, column) = self.scene.column(bag, *field)?;
            Leaf { flavour: self.flavour, alias: OUTER, column, declared: declared.kind }.order_key(sql);
        }
        Ok(())
    }
}

/// The SQL operator of an order.
fn operator(order: Order) -> &'static str {
    match order {
        Order::Lt => " < ",
        Order::Le => " <= ",
        Order::Gt => " > ",
        Order::Ge => " >= ",
    }
}

fn unsupported(what: impl Into<String>) -> StoreError {
    StoreError::Unsupported(what.into())
}

#[cfg(test)]
mod tests;
