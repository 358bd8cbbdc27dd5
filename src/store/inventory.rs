//! What a database says about itself: its tables as they are, not as a mapping
//! wants them. Plain data, so that comparing the two needs no database.

pub mod directory;
pub mod survey;

use std::{collections::BTreeMap, sync::Arc};

use crate::store::{Bag, Predicate, Select, Value};

/// A database, as far as a mapping looks at it.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Which product.
    pub product: Product,
    /// Settings of a new session (`sql_mode`, `time_zone`, `search_path`, `isolation`, `encoding`, …).
    pub settings: BTreeMap<String, String>,
    /// The tables that were asked for, by the name they were asked by; those that do not exist are absent.
    pub tables: BTreeMap<String, TableFacts>,
    /// Names of all tables and views that the account may see.
    pub names: Vec<String>,
}

/// The databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Product {
    #[default]
    Sqlite,
    Postgres,
    Mysql,
    MariaDb,
}

/// A table or a view.
#[derive(Debug, Clone, Default)]
pub struct TableFacts {
    /// What of it can be written, if it is a view.
    pub view: Option<View>,
    /// Its columns, in order.
    pub columns: Vec<ColumnFacts>,
    /// Its indexes; the primary key is one of them.
    pub indexes: Vec<Index>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Foreign keys of other tables at this one; their `table` is the one that holds them.
    pub referred_by: Vec<ForeignKey>,
    /// Names of further constraints: CHECKs.
    pub checks: Vec<String>,
    /// Why the CHECKs could not be read, if they could not.
    pub unread: Option<String>,
    /// Names of triggers.
    pub triggers: Vec<String>,
    /// True if rows may be deleted.
    pub may_delete: bool,
    /// True if the database shows and changes only those rows that a policy allows.
    pub row_security: bool,
}

/// What a view lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Rows may be inserted.
    pub insertable: bool,
    /// Rows may be changed and deleted.
    pub updatable: bool,
}

/// A column.
#[derive(Debug, Clone, Default)]
pub struct ColumnFacts {
    /// Its name as the database spells it.
    pub name: String,
    /// What it holds.
    pub holds: Holds,
    /// Its type as the database spells it: `varchar(20)`.
    pub type_name: String,
    /// The largest number of characters, or of bytes.
    pub length: Option<u64>,
    /// The smallest and the largest whole number.
    pub range: Option<(i128, i128)>,
    /// True if it may be NULL.
    pub nullable: bool,
    /// Its default, as the database spells it.
    pub default: Option<String>,
    /// What fills it.
    pub filled: Filled,
    /// The only texts that it takes, from an enumeration, a domain or a CHECK.
    pub allowed: Option<Vec<String>>,
    /// True if texts that differ in case only are equal in it.
    pub caseless: bool,
    /// Name of its collation; empty if it has none.
    pub collation: String,
    /// Name of its character set, where columns have one.
    pub charset: String,
    /// What the account may do with it.
    pub rights: Rights,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Holds {
    /// Texts.
    #[default]
    Text,
    /// Whole numbers.
    Int,
    /// Truths.
    Bool,
    /// Numbers.
    Number,
    /// Days.
    Date,
    /// Times without zone.
    Time,
    /// Instants.
    Instant,
    /// Bytes.
    Bytes,
    /// UUIDs.
    Uuid,
    /// Texts in a form of their own: enumerations, JSON, and what else is written as text.
    Other,
    /// Several texts.
    Texts,
    /// Anything.
    Anything,
}

impl Holds {
    /// The kind, for messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text | Self::Other => "text",
            Self::Int => "whole numbers",
            Self::Bool => "truths",
            Self::Number => "numbers",
            Self::Date => "days",
            Self::Time => "times without zone",
            Self::Instant => "instants",
            Self::Bytes => "bytes",
            Self::Uuid => "UUIDs",
            Self::Texts => "several texts",
            Self::Anything => "anything",
        }
    }
}

/// What fills a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filled {
    /// What is written, or its default.
    #[default]
    Written,
    /// The next number, if nothing is written.
    Counted,
    /// The database alone: writing it is an error.
    Computed,
}

/// What an account may do with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Rights {
    pub select: bool,
    pub insert: bool,
    pub update: bool,
}

impl Default for Rights {
    fn default() -> Self {
        Self { select: true, insert: true, update: true }
    }
}

/// An index, a primary key or a unique constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// What it is over, in order.
    pub columns: Vec<Indexed>,
    /// True if it lets no two rows be equal in it.
    pub unique: bool,
    /// True for the primary key.
    pub primary: bool,
    /// True if it is over some of the rows only.
    pub partial: bool,
}

/// A column of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexed {
    /// The column's name.
    pub column: String,
    /// True if texts that differ in case only are equal in the index: by its collation, or since it is over
    /// `lower(column)`.
    pub caseless: bool,
}

impl Index {
    /// True if it is over exactly these columns, in any order.
    #[must_use]
    pub fn is_over(&self, columns: &[&str]) -> bool {
        let has = |column: &&str| self.columns.iter().any(|c| c.column.eq_ignore_ascii_case(column));
        self.columns.len() == columns.len() && columns.iter().all(has)
    }
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name; empty where the database gives none.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The other table.
    pub table: String,
    /// The other table's columns.
    pub targets: Vec<String>,
    /// True if it is looked at when the transaction ends.
    pub deferred: bool,
    /// True if a row that is pointed at cannot be deleted.
    pub blocks: bool,
}

impl TableFacts {
    /// Finds a column: by its name, and without case only if no name fits exactly.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&ColumnFacts> {
        let exact = self.columns.iter().find(|c| c.name == name);
        exact.or_else(|| self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)))
    }

    /// True if no two rows can be equal in all of these columns.
    #[must_use]
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        let within = |index: &&Index| {
            index.columns.iter().all(|c| columns.iter().any(|name| c.column.eq_ignore_ascii_case(name)))
        };
        self.indexes.iter().filter(|i| i.unique && !i.partial && !i.columns.is_empty()).any(|i| within(&i))
    }
}

/// A question whose answer only the rows know, or the database's planner.
#[derive(Debug, Clone)]
pub enum Probe {
    /// How many rows of the bag's scope meet a predicate: 0, 1, or 2 for more.
    Rows(Arc<Bag>, Predicate),
    /// The values of a selection's only field.
    Sample(Box<Select>),
    /// Which tables a selection would be answered from without an index.
    Scans(Box<Select>),
}

/// The answer to a [`Probe`].
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// So many rows; 2 stands for more.
    Rows(usize),
    /// The values, one list for each row.
    Sample(Vec<Vec<Value>>),
    /// Tables that are read from end to end.
    Scans(Vec<String>),
    /// The database refused the question; what for is found elsewhere.
    Unknown,
}
