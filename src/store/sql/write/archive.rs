//! Whole rows into another table: what is deleted and yet kept.

use crate::store::{
    Bag, Predicate, Report, Source, StoreError,
    sql::{
        catalogue::table_name,
        dialect::Flavour,
        error::Failure,
        predicate::{Env, OUTER},
        read::finish,
        statement::Sql,
        write::{Writer, check_touched},
    },
};

impl Writer<'_> {
    /// Copies rows with all their columns, and keeps others from changing them until the transaction ends.
    pub(super) fn archive(
        &mut self,
        bag: &Bag,
        predicate: &Predicate,
        into: &str,
    ) -> Result<Report, Failure> {
        let scene = self.catalogue.scene(self.connection, bag, &[predicate])?;
        let there = Bag { source: Source::Table(into.to_owned()), scope: Predicate::True, ..bag.clone() };
        let target = self.catalogue.scene(self.connection, &there, &[])?;
        let columns = &scene.table(bag)?.columns;
        if let Some(lost) =
            columns.iter().find(|c| target.table(&there).is_ok_and(|t| t.find(&c.name).is_none()))
        {
            let said =
                format!("table {into} has no column {}, which a row of {} would lose", lost.name, bag.name);
            return Err(Failure::stale(StoreError::Corrupt(said)));
        }
        let flavour = self.connection.flavour();
        let mut sql = Sql::new();
        sql.raw("INSERT INTO ").table(into).raw(" (").list(columns, ", ", |sql, column| {
            sql.ident(&column.name);
        });
        sql.raw(") SELECT ").list(columns, ", ", |sql, column| {
            sql.ident(OUTER).raw(".").ident(&column.name);
        });
        sql.raw(" FROM ").table(table_name(bag)?).raw(" AS ").ident(OUTER);
        Env::new(flavour, &scene).restrict(&mut sql, bag, predicate)?;
        // SQLite's transaction has the whole file to itself; MySQL locks what it copies from.
        if flavour == Flavour::Postgres {
            sql.raw(" FOR UPDATE OF ").ident(OUTER);
        }
        finish(&mut sql, flavour, predicate)?;
        let copied = self.connection.execute(&sql)?;
        Ok(check_touched(bag, copied, true)?)
    }
}
