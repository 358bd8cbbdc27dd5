//! Rows that change, go, or are copied. Every statement repeats the bag's scope.

use crate::store::{
    Bag, Predicate, StoreError,
    sql::{
        bind::push_cell,
        catalogue::{Scene, table_name},
        dialect::Flavour,
        error::Failure,
        predicate::{Env, OUTER},
        read::{finish, push_columns},
        statement::Sql,
        write::{
            Cells, Lock, Writer,
            blame::{Written, blame},
        },
    },
};

impl Writer<'_> {
    /// Copies a row, with the columns that the mapping does not name, too.
    pub(super) fn copy(&mut self, bag: &Bag, predicate: &Predicate, cells: &Cells) -> Result<usize, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let flavour = self.connection.flavour();
        let env = Env::new(flavour, &scene);
        let mut given = Vec::new();
        for (field, values) in cells {
            given.push((scene.column(bag, *field)?.1, values));
        }
        let table = table_name(bag)?;
        let columns = self.catalogue.known(table).unwrap_or_default();
        let columns: Vec<_> = columns.columns.iter().filter(|c| !c.generated).collect();
        let mut sql = Sql::new();
        sql.raw("INSERT INTO ").table(table).raw(" (").list(&columns, ", ", |sql, column| {
            sql.ident(&column.name);
        });
        sql.raw(") SELECT ");
        for (index, column) in columns.iter().enumerate() {
            sql.raw(if index > 0 { ", " } else { "" });
            match given.iter().find(|(c, _)| c.name == column.name) {
                Some((column, values)) => push_cell(&mut sql, flavour, column, values)?,
                None => {
                    sql.ident(OUTER).raw(".").ident(&column.name);
                }
            }
        }
        sql.raw(" FROM ").table(table).raw(" AS ").ident(OUTER);
        env.restrict(&mut sql, bag, predicate)?;
        finish(&mut sql, flavour, predicate)?;
        self.connection.execute(&sql)
    }

    pub(super) fn update(
        &mut self,
        bag: &Bag,
        predicate: &Predicate,
        changes: &Cells,
    ) -> Result<usize, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let flavour = self.connection.flavour();
        if changes.is_empty() {
            let is_there = self.first(bag, predicate, &[], Lock::No)?.is_some();
            return Ok(usize::from(is_there || self.connection.pretends()));
        }
        let (mut sql, table) = (Sql::new(), table_name(bag)?);
        sql.raw("UPDATE ").table(table).raw(" AS ").ident(OUTER).raw(" SET ");
        let mut written: Vec<Written<'_>> = Vec::new();
        for (index, (field, values)) in changes.iter().enumerate() {
            let (_, column) = scene.column(bag, *field)?;
            written.push((column, values));
            sql.raw(if index > 0 { ", " } else { "" });
            sql.ident(&column.name).raw(" = ");
            push_cell(&mut sql, flavour, column, values)
                .map_err(|refused| blame(refused.into(), table, &written))?;
        }
        self.restrict(&mut sql, &scene, bag, predicate)?;
        self.connection.execute(&sql).map_err(|failure| blame(failure, table, &written))
    }

    pub(super) fn delete(&mut self, bag: &Bag, predicate: &Predicate) -> Result<usize, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let mut sql = Sql::new();
        sql.raw("DELETE ");
        if self.connection.flavour() == Flavour::Mysql {
            sql.ident(OUTER).raw(" ");
        }
        sql.raw("FROM ").table(table_name(bag)?).raw(" AS ").ident(OUTER);
        self.restrict(&mut sql, &scene, bag, predicate)?;
        self.connection.execute(&sql)
    }

    /// Writes the condition of an UPDATE or DELETE.
    fn restrict(
        &self,
        sql: &mut Sql,
        scene: &Scene,
        bag: &Bag,
        predicate: &Predicate,
    ) -> Result<(), Failure> {
        let flavour = self.connection.flavour();
        let env = Env::new(flavour, scene);
        let table = table_name(bag)?;
        let looks_at_itself = mentions(predicate, table) || mentions(&bag.scope, table);
        if flavour == Flavour::Mysql && looks_at_itself {
            // MySQL reads no table that it writes, except through a derived one.
            push_key(sql, scene, bag, Some(OUTER))?;
            sql.raw(" IN (SELECT * FROM (SELECT ");
            push_columns(sql, flavour, scene, bag, &bag.key, Some(OUTER))?;
            sql.raw(" FROM ").table(table).raw(" AS ").ident(OUTER);
            env.restrict(sql, bag, predicate)?;
            sql.raw(") AS ").ident("found").raw(")");
        } else {
            env.restrict(sql, bag, predicate)?;
        }
        Ok(finish(sql, flavour, predicate)?)
    }
}

/// Writes ` WHERE (key columns)`.
fn push_key(sql: &mut Sql, scene: &Scene, bag: &Bag, alias: Option<&str>) -> Result<(), Failure> {
    if bag.key.is_empty() {
        let said = format!("{} has no key, and its condition looks at its own table", bag.name);
        return Err(StoreError::Unsupported(said).into());
    }
    sql.raw(" WHERE (");
    push_columns(sql, Flavour::Mysql, scene, bag, &bag.key, alias)?;
    sql.raw(")");
    Ok(())
}

/// Whether a predicate looks at rows of a table.
fn mentions(predicate: &Predicate, table: &str) -> bool {
    match predicate {
        Predicate::True
        | Predicate::False
        | Predicate::Field(..)
        | Predicate::Clock(..)
        | Predicate::Pair(..) => false,
        Predicate::All(list) | Predicate::Any(list) => list.iter().any(|p| mentions(p, table)),
        Predicate::Not(inner) => mentions(inner, table),
        Predicate::Exists(related) => {
            table_name(&related.bag).is_ok_and(|name| name == table)
                || mentions(&related.bag.scope, table)
                || mentions(&related.predicate, table)
        }
    }
}
