//! A statement whose tables, columns and types are known only at run time.
//!
//! diesel builds the text (placeholders, quoting) from a list of parts.
//! **Invariant:** a name reaches a database only as a quoted identifier, a
//! value only as a bind; [`Sql::raw`] takes text of this program alone, and
//! [`Sql::type_name`] the server's own spelling of a type.

use std::borrow::Cow;

use bigdecimal::BigDecimal;
use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::Untyped,
};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use crate::store::sql::dialect::Wire;

/// A value on its way to the server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bind {
    Null,
    Text(Text),
    Int(i64),
    Float(f64),
    Bool(bool),
    Decimal(BigDecimal),
    Date(Date),
    Time(PrimitiveDateTime),
    ZonedTime(OffsetDateTime),
    Bytes(Vec<u8>),
    /// PostgreSQL only: arrays, for `= ANY`.
    Texts(Vec<String>),
    Ints(Vec<i64>),
}

/// Text whose type the server infers where it can (PostgreSQL: `citext`, `char`, enums).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text(pub(super) String);

impl Bind {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Text(text.into()))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Raw(Cow<'static, str>),
    Ident(String),
    Bind(Bind),
}

/// A statement in the making.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sql {
    parts: Vec<Part>,
    binds: usize,
    cache: bool,
}

impl Sql {
    pub(super) fn new() -> Self {
        Self { parts: Vec::new(), binds: 0, cache: true }
    }

    /// Keeps the statement out of the connection's cache: the cache never forgets, so statements of
    /// unforeseeable shape must stay out of it.
    pub(super) fn uncached(&mut self) {
        self.cache = false;
    }

    /// Adds text of this program.
    pub(super) fn raw(&mut self, text: &'static str) -> &mut Self {
        self.parts.push(Part::Raw(text.into()));
        self
    }

    /// Adds a type name as the server's catalogue spells it.
    pub(super) fn type_name(&mut self, name: &str) -> &mut Self {
        self.parts.push(Part::Raw(name.to_owned().into()));
        self
    }

    /// Adds a quoted identifier.
    pub(super) fn ident(&mut self, name: &str) -> &mut Self {
        self.parts.push(Part::Ident(name.to_owned()));
        self
    }

    /// Adds a possibly qualified table name, quoted part by part.
    pub(super) fn table(&mut self, name: &str) -> &mut Self {
        for (index, part) in name.split('.').enumerate() {
            if index > 0 {
                self.raw(".");
            }
            self.ident(part);
        }
        self
    }

    /// Adds a value.
    pub(super) fn bind(&mut self, value: Bind) -> &mut Self {
        self.binds += 1;
        self.parts.push(Part::Bind(value));
        self
    }

    /// Adds the items of a list, separated.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        separator: &'static str,
        mut add: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.raw(separator);
            }
            add(self, item);
        }
        self
    }

    /// Adds another statement.
    pub(super) fn append(&mut self, other: &Self) -> &mut Self {
        self.parts.extend(other.parts.iter().cloned());
        self.binds += other.binds;
        self
    }

    /// How many values are bound.
    pub(super) fn binds(&self) -> usize {
        self.binds
    }

    /// The statement for a reader: identifiers in double quotes, values as `?`.
    pub(super) fn shown(&self) -> String {
        let part = |part: &Part| match part {
            Part::Raw(text) => text.to_string(),
            Part::Ident(name) => format!("\"{name}\""),
            Part::Bind(_) => "?".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }
}

impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl<C> RunQueryDsl<C> for &Sql {}

impl<DB: Wire> QueryFragment<DB> for Sql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.cache {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Raw(text) => out.push_sql(text),
                Part::Ident(name) => out.push_identifier(name)?,
                Part::Bind(value) => DB::push(value, out.reborrow())?,
            }
        }
        Ok(())
    }
}
