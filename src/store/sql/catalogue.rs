//! What the database says about tables: which columns exist and of which type.
//!
//! Read once per table, on first use. Types decide how a value is bound and how
//! a comparison is written, so that text in a mapping file works for every type
//! of column, and comparisons stay exact and use indexes where they can.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::store::{
    Bag, Field, FieldId, FieldKind, Predicate, Source, StoreError,
    sql::{dialect::Dialect, error::Failure, fold::Lower},
};

/// The type of a column, as far as binding and comparing need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Text,
    Int,
    Bool,
    Decimal,
    Float,
    Date,
    Time,
    ZonedTime,
    Bytes,
    Uuid,
    /// Enumerations, JSON and whatever else is written and compared as text.
    Other,
    /// PostgreSQL: an array of texts.
    Texts,
    /// SQLite: a column without type, where every row may hold something else.
    Untyped,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// Its name as the database spells it.
    pub(super) name: String,
    pub(super) class: Class,
    /// The server's name of the type, for casts.
    pub(super) type_name: String,
    /// Texts that differ may be equal in the column's own comparison.
    pub(super) coarse: bool,
    /// `char(n)`: trailing blanks do not exist.
    pub(super) padded: bool,
    /// The column's own order is not that of code points.
    pub(super) unordered: bool,
    /// What the server's lower-casing, or the column's comparison, does.
    pub(super) lower: Lower,
    /// The database fills in the next number.
    pub(super) generated: bool,
    pub(super) nullable: bool,
    /// Most characters of a text, where the type says so.
    pub(super) length: Option<usize>,
    /// The name of the collation, if any.
    pub(super) collation: String,
    /// The name of the domain that the type is, if it is one.
    pub(super) domain: String,
}

impl Column {
    /// A column of which only name and class matter; the dialects fill in the rest.
    pub(super) fn new(name: impl Into<String>, class: Class) -> Self {
        Self {
            name: name.into(),
            class,
            type_name: String::new(),
            coarse: false,
            padded: false,
            unordered: false,
            lower: Lower::Unicode,
            generated: false,
            nullable: true,
            length: None,
            collation: String::new(),
            domain: String::new(),
        }
    }

    /// The kind that values read from it have, given what the mapping declares.
    pub(super) fn kind(&self, declared: FieldKind) -> FieldKind {
        match (declared, self.class) {
            (FieldKind::Any, Class::Text | Class::Other | Class::Uuid) => FieldKind::Text,
            (FieldKind::Any, Class::Date) => FieldKind::Date,
            (FieldKind::Any, Class::Time | Class::ZonedTime) => FieldKind::Time,
            (declared, _) => declared,
        }
    }
}

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
}

impl Table {
    /// Finds a column by its name; without case only if no name fits exactly.
    pub(super) fn find(&self, name: &str) -> Option<&Column> {
        let exact = self.columns.iter().find(|c| c.name == name);
        exact.or_else(|| self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)))
    }
}

/// The tables seen so far, shared by all connections of a store.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    tables: RwLock<HashMap<String, Arc<Table>>>,
}

impl Catalogue {
    /// A table, if it was read before.
    pub(super) fn known(&self, table: &str) -> Option<Arc<Table>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).get(table).cloned()
    }

    /// Forgets everything, after the database turned out to have changed.
    pub(super) fn forget(&self) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The tables that a bag and predicates over it need.
    pub(super) fn scene(
        &self,
        connection: &mut dyn Dialect,
        bag: &Bag,
        predicates: &[&Predicate],
    ) -> Result<Scene, Failure> {
        let mut scene = Scene::default();
        self.add(connection, bag, &mut scene)?;
        for predicate in predicates {
            self.add_related(connection, predicate, &mut scene)?;
        }
        Ok(scene)
    }

    fn add(&self, connection: &mut dyn Dialect, bag: &Bag, scene: &mut Scene) -> Result<(), Failure> {
        let name = table_name(bag)?;
        if !scene.tables.contains_key(name) {
            let table = self.load(connection, name)?;
            scene.tables.insert(name.to_owned(), table);
        }
        self.add_related(connection, &bag.scope, scene)
    }

    fn add_related(
        &self,
        connection: &mut dyn Dialect,
        predicate: &Predicate,
        scene: &mut Scene,
    ) -> Result<(), Failure> {
        match predicate {
            Predicate::True
            | Predicate::False
            | Predicate::Field(..)
            | Predicate::Clock(..)
            | Predicate::Pair(..) => Ok(()),
            Predicate::All(list) | Predicate::Any(list) => {
                list.iter().try_for_each(|p| self.add_related(connection, p, scene))
            }
            Predicate::Not(inner) => self.add_related(connection, inner, scene),
            Predicate::Exists(related) => {
                self.add(connection, &related.bag, scene)?;
                self.add_related(connection, &related.predicate, scene)
            }
        }
    }

    fn load(&self, connection: &mut dyn Dialect, name: &str) -> Result<Arc<Table>, Failure> {
        if let Some(table) = self.known(name) {
            return Ok(table);
        }
        let table = connection.describe(name)?.ok_or_else(|| {
            StoreError::Corrupt(format!(
                "there is no table {name} in this database, or the service account may not see it"
            ))
        })?;
        let table = Arc::new(table);
        self.tables
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), Arc::clone(&table));
        Ok(table)
    }
}

/// The tables of one request.
#[derive(Debug, Default)]
pub(super) struct Scene {
    tables: HashMap<String, Arc<Table>>,
}

impl Scene {
    /// A scene of given tables.
    #[cfg(test)]
    pub(super) fn of(tables: &[(&str, Table)]) -> Self {
        let entry = |(name, table): &(&str, Table)| ((*name).to_owned(), Arc::new(table.clone()));
        Self { tables: tables.iter().map(entry).collect() }
    }

    /// The table of a bag.
    pub(super) fn table(&self, bag: &Bag) -> Result<&Table, StoreError> {
        let name = table_name(bag)?;
        let table = self.tables.get(name).map(AsRef::as_ref);
        table.ok_or_else(|| StoreError::Corrupt(format!("table {name} was not looked up")))
    }

    /// The column of a field.
    pub(super) fn column<'a>(
        &'a self,
        bag: &'a Bag,
        field: FieldId,
    ) -> Result<(&'a Field, &'a Column), Failure> {
        let table = self.table(bag)?;
        let declared = bag
            .fields
            .get(field)
            .ok_or_else(|| StoreError::Corrupt(format!("{} has no field number {field}", bag.name)))?;
        match table.find(&declared.name) {
            Some(column) => Ok((declared, column)),
            None => {
                let known: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
                Err(Failure::stale(StoreError::Corrupt(format!(
                    "{}: table {} has no column {}; it has {}",
                    bag.name,
                    table_name(bag)?,
                    declared.name,
                    known.join(", ")
                ))))
            }
        }
    }
}

/// The table name of a bag.
pub(super) fn table_name(bag: &Bag) -> Result<&str, StoreError> {
    match &bag.source {
        Source::Table(name) => Ok(name),
        Source::Names(names) => Ok(&names.table),
        Source::Items(_) => Err(StoreError::Unsupported(format!("{} lies in a document", bag.name))),
        Source::Entries { .. } => {
            Err(StoreError::Unsupported(format!("{} lies in a directory, not in a table", bag.name)))
        }
    }
}
