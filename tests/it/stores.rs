//! The stores that the suite runs over, and what only one of them can do.

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod concurrency;
#[cfg(feature = "sql")]
mod database;
#[cfg(feature = "ldap")]
mod directory;
#[cfg(feature = "mysql")]
mod mariadb;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;

use scimgate::store::{Bag, Field, FieldKind, Predicate, Source};

/// A bag over all rows of a table, keyed by its first field.
pub(crate) fn bag(table: &str, fields: &[(&str, FieldKind)]) -> Arc<Bag> {
    let field =
        |(name, kind): &(&str, FieldKind)| Field { name: (*name).to_owned(), kind: *kind, many: false };
    Arc::new(Bag {
        name: table.to_owned(),
        source: Source::Table(table.to_owned()),
        fields: fields.iter().map(field).collect(),
        key: vec![0],
        scope: Predicate::True,
    })
}

/// People; `number` is what the mapping says of the columns of numbers.
pub(crate) fn people_bag(table: &str, number: FieldKind) -> Arc<Bag> {
    use FieldKind::Any;
    bag(table, &[("id", Any), ("login", Any), ("name", Any), ("age", number), ("flags", number)])
}

pub(crate) fn mails_bag(table: &str) -> Arc<Bag> {
    bag(table, &[("id", FieldKind::Any), ("person", FieldKind::Any), ("address", FieldKind::Any)])
}
