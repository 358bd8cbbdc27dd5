//! The test of one column: which comparison its type and the declared type call for.

use bigdecimal::BigDecimal;
use time::OffsetDateTime;

use crate::store::{
    FieldKind, Fold, StoreError, Test, Value,
    coerce::{number, try_coerce},
    sql::{
        catalogue::{Class, Column},
        dialect::Flavour,
        predicate::{operator, text::TextExpr, unsupported},
        statement::{Bind, Sql},
    },
};

/// A column of a table in a statement, and the type the mapping declares for it.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'a> {
    pub(super) flavour: Flavour,
    pub(super) alias: &'a str,
    pub(super) column: &'a Column,
    pub(super) declared: FieldKind,
}

/// What a column's values are compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    Text,
    /// Text of another type: cast first.
    CastText,
    Number,
    Bool,
    /// Dates and instants.
    Time,
    Bytes,
    Untyped,
}

/// Fills a list up to one of few lengths, so that few statements differ only in length.
pub(in crate::store::sql) fn padded<T: Clone>(mut items: Vec<T>) -> Vec<T> {
    let Some(last) = items.last().cloned() else { return items };
    let size = [1, 4, 16, 64, 256, 1024, 4096].into_iter().find(|s| *s >= items.len());
    items.resize(size.unwrap_or(items.len()), last);
    items
}

impl Leaf<'_> {
    pub(super) fn push_column(&self, sql: &mut Sql) {
        sql.ident(self.alias).raw(".").ident(&self.column.name);
    }

    pub(super) fn basis(&self) -> Basis {
        let text = matches!(self.declared, FieldKind::Text | FieldKind::Dn);
        match self.column.class {
            Class::Text | Class::Texts => Basis::Text,
            Class::Uuid | Class::Other => match self.flavour {
                Flavour::Sqlite => Basis::Untyped,
                Flavour::Postgres | Flavour::Mysql => Basis::CastText,
            },
            Class::Int | Class::Decimal | Class::Float => Basis::Number,
            Class::Bool => Basis::Bool,
            Class::Date | Class::Time | Class::ZonedTime => Basis::Time,
            Class::Bytes if text && self.flavour == Flavour::Mysql => Basis::Text,
            Class::Bytes => Basis::Bytes,
            Class::Untyped => Basis::Untyped,
        }
    }

    pub(super) fn text(&self) -> TextExpr<'_> {
        TextExpr { leaf: *self, cast: self.basis() != Basis::Text }
    }

    /// True if values are declared to be text although the column is of another type.
    fn text_over_other(&self) -> bool {
        matches!(self.declared, FieldKind::Text | FieldKind::Dn)
            && matches!(self.basis(), Basis::Number | Basis::Bool | Basis::Time)
    }

    /// Writes a test.
    pub(super) fn test(&self, sql: &mut Sql, test: &Test) -> Result<(), StoreError> {
        match test {
            Test::Present => self.present(sql),
            Test::Absent => {
                sql.raw("NOT COALESCE((");
                self.present(sql);
                sql.raw("), FALSE)");
            }
            Test::OneOf(values, fold) => self.one_of(sql, values, *fold)?,
            Test::Order(order, value, fold) => {
                if self.text_over_other() && self.column.class != Class::Int {
                    return Err(unsupported(format!("{} is ordered as text, but is none", self.column.name)));
                }
                self.ordered(sql, *order, value, *fold)?;
            }
            Test::Starts(needle, fold) => self.like(sql, needle, text::Place::Start, *fold)?,
            Test::Ends(needle, fold) => self.like(sql, needle, text::Place::End, *fold)?,
            Test::Contains(needle, fold) => self.like(sql, needle, text::Place::Inside, *fold)?,
            Test::BitsSet(bits) => self.bits(sql, *bits, *bits),
            Test::BitsClear(bits) => self.bits(sql, *bits, 0),
        }
        Ok(())
    }

    fn present(&self, sql: &mut Sql) {
        if self.flavour == Flavour::Mysql && self.basis() == Basis::Time {
            // A date with a zero in it is nothing to us.
            self.real_date(sql);
        } else {
            self.push_column(sql);
            sql.raw(" IS NOT NULL");
        }
    }

    fn one_of(&self, sql: &mut Sql, values: &[Value], fold: Fold) -> Result<(), StoreError> {
        match self.basis() {
            Basis::Text | Basis::CastText => {
                if matches!(self.declared, FieldKind::Int | FieldKind::Decimal | FieldKind::Bool) {
                    self.typed_text_one_of(sql, values, fold);
                    return Ok(());
                }
                let (times, texts): (Vec<&Value>, Vec<&Value>) =
                    values.iter().partition(|v| matches!(v, Value::Date(_) | Value::Time(_)));
                if times.is_empty() && !matches!(self.declared, FieldKind::Date | FieldKind::Time) {
                    self.text().one_of(sql, &all_texts(&texts), fold);
                    return Ok(());
                }
                self.times_one_of(sql, values)
            }
            Basis::Number => {
                self.numbers_one_of(sql, self.numbers(values));
                Ok(())
            }
            Basis::Bool => {
                self.bools_one_of(sql, values, fold);
                Ok(())
            }
            Basis::Time => self.times_one_of(sql, values),
            Basis::Bytes => {
                if fold == Fold::Case && matches!(self.declared, FieldKind::Text | FieldKind::Dn) {
                    return Err(unsupported(format!(
                        "{} is compared without case, but is no text",
                        self.column.name
                    )));
                }
                let bytes = values.iter().filter_map(|v| match try_coerce(v, FieldKind::Bytes) {
                    Some(Value::Bytes(bytes)) => Some(Bind::Bytes(bytes)),
                    _ => None,
                });
                self.is_in(sql, bytes.collect());
                Ok(())
            }
            Basis::Untyped => {
                self.untyped_one_of(sql, values, fold);
                Ok(())
            }
        }
    }

    /// The values as numbers of this column. What is declared as text must be spelled the usual way.
    fn numbers(&self, values: &[Value]) -> Vec<BigDecimal> {
        let canonical = |value: &Value, number: &BigDecimal| {
            !self.text_over_other() || value.to_text() == number.normalized().to_plain_string()
        };
        let as_bool = |value: &Value| match (self.declared, try_coerce(value, FieldKind::Bool)) {
            (FieldKind::Bool, Some(Value::Bool(b))) => Some(i64::from(b).into()),
            _ => None,
        };
        let found =
            values.iter().filter_map(|v| as_bool(v).or_else(|| number(v)).filter(|n| canonical(v, n)));
        found.collect()
    }

    /// A text column whose values are declared to be numbers or truth values.
    fn typed_text_one_of(&self, sql: &mut Sql, values: &[Value], fold: Fold) {
        if self.declared == FieldKind::Bool {
            let mut words = Vec::new();
            for value in values {
                match try_coerce(value, FieldKind::Bool) {
                    Some(Value::Bool(true)) => words.extend_from_slice(crate::store::coerce::TRUE_WORDS),
                    Some(_) => words.extend_from_slice(crate::store::coerce::FALSE_WORDS),
                    None => {}
                }
            }
            sql.raw("(");
            self.text().one_of(sql, &words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), Fold::Case);
        } else {
            sql.raw("(");
            self.numbers_one_of(sql, values.iter().filter_map(number).collect());
        }
        // What is no number or truth value is still the text it is.
        let texts: Vec<&Value> = values.iter().filter(|v| try_coerce(v, self.declared).is_none()).collect();
        sql.raw(") OR (");
        self.text().one_of(sql, &all_texts(&texts), fold);
        sql.raw(")");
    }

    /// `column IN (…)`.
    pub(super) fn is_in(&self, sql: &mut Sql, binds: Vec<Bind>) {
        if binds.is_empty() {
            sql.raw("FALSE");
            return;
        }
        self.push_column(sql);
        sql.raw(" IN (").list(padded(binds), ", ", |sql, bind| {
            sql.bind(bind);
        });
        sql.raw(")");
    }

    fn ordered(
        &self,
        sql: &mut Sql,
        order: crate::store::Order,
        value: &Value,
        fold: Fold,
    ) -> Result<(), StoreError> {
        let time_value = matches!(value, Value::Date(_) | Value::Time(_));
        let typed = matches!(self.declared, FieldKind::Int | FieldKind::Decimal);
        match self.basis() {
            Basis::Text | Basis::CastText
                if time_value || matches!(self.declared, FieldKind::Date | FieldKind::Time) =>
            {
                self.time_ordered(sql, order, value)
            }
            Basis::Text | Basis::CastText if typed => {
                // What is no number is still the text it is.
                sql.raw("CASE WHEN ");
                self.push_declared_number(sql);
                sql.raw(" IS NULL THEN ");
                self.text().ordered(sql, order, &value.to_text(), fold)?;
                sql.raw(" ELSE ");
                self.number_ordered(sql, order, value);
                sql.raw(" END");
                Ok(())
            }
            Basis::Number if self.text_over_other() => {
                // Digits have no case.
                self.text().ordered(sql, order, &fold.apply(&value.to_text()), Fold::Exact)
            }
            Basis::Text | Basis::CastText => self.text().ordered(sql, order, &value.to_text(), fold),
            Basis::Number | Basis::Bool => {
                self.number_ordered(sql, order, value);
                Ok(())
            }
            Basis::Time => self.time_ordered(sql, order, value),
            Basis::Bytes => {
                match try_coerce(value, FieldKind::Bytes) {
                    Some(Value::Bytes(bytes)) => {
                        self.push_column(sql);
                        sql.raw(operator(order)).bind(Bind::Bytes(bytes));
                    }
                    _ => {
                        sql.raw("FALSE");
                    }
                }
                Ok(())
            }
            Basis::Untyped => self.untyped_ordered(sql, order, value, fold),
        }
    }

    fn like(&self, sql: &mut Sql, needle: &str, place: text::Place, fold: Fold) -> Result<(), StoreError> {
        let is_text = matches!(self.basis(), Basis::Text | Basis::CastText | Basis::Untyped);
        if self.column.class == Class::Int {
            // Digits have no case.
            self.text().like(sql, &fold.apply(needle), place, Fold::Exact);
            return Ok(());
        }
        if is_text {
            self.text().like(sql, needle, place, fold);
            return Ok(());
        }
        if matches!(self.declared, FieldKind::Text | FieldKind::Dn) {
            return Err(unsupported(format!("{} is searched as text, but is none", self.column.name)));
        }
        sql.raw("FALSE");
        Ok(())
    }

    /// SQLite: a column where every row may hold another type. Text equals text, numbers numbers.
    fn untyped_one_of(&self, sql: &mut Sql, values: &[Value], fold: Fold) {
        let mut binds = Vec::new();
        for value in values {
            match value {
                Value::Bytes(bytes) => binds.push(Bind::Bytes(bytes.clone())),
                Value::Date(_) | Value::Time(_) => {}
                other => {
                    binds.push(Bind::text(other.to_text()));
                    binds.push(Bind::Bytes(other.to_text().into_bytes()));
                    binds.extend(number(other).as_ref().map(super::scalar::sqlite_number));
                }
            }
        }
        sql.raw("(");
        self.is_in(sql, binds);
        if fold == Fold::Case {
            sql.raw(") OR (");
            self.text().one_of(sql, &all_texts(&values.iter().collect::<Vec<_>>()), fold);
        }
        for time in values.iter().filter(|v| matches!(v, Value::Date(_) | Value::Time(_))) {
            sql.raw(") OR (");
            self.time_is(sql, time);
        }
        sql.raw(")");
    }

    fn untyped_ordered(
        &self,
        sql: &mut Sql,
        order: crate::store::Order,
        value: &Value,
        fold: Fold,
    ) -> Result<(), StoreError> {
        if matches!(value, Value::Date(_) | Value::Time(_)) {
            return self.time_ordered(sql, order, value);
        }
        sql.raw("CASE typeof(");
        self.push_column(sql);
        sql.raw(") WHEN 'text' THEN ");
        self.text().ordered(sql, order, &value.to_text(), fold)?;
        sql.raw(" WHEN 'blob' THEN FALSE ELSE ");
        self.number_ordered(sql, order, value);
        sql.raw(" END");
        Ok(())
    }

    /// Writes that this column equals another one.
    pub(super) fn equals_column(&self, sql: &mut Sql, other: &Leaf<'_>) {
        let (mine, theirs) = (self.basis(), other.basis());
        let texts = |basis: Basis| matches!(basis, Basis::Text | Basis::CastText);
        if self.flavour == Flavour::Sqlite || (mine == theirs && !texts(mine)) {
            self.push_column(sql);
            sql.raw(" = ");
            other.push_column(sql);
            if self.flavour == Flavour::Sqlite && texts(mine) {
                sql.raw(" COLLATE BINARY");
            }
            return;
        }
        self.text().equals(sql, &other.text());
    }

    /// What rows are sorted by.
    pub(super) fn order_key(&self, sql: &mut Sql) {
        self.exact_key(sql);
        if self.flavour == Flavour::Postgres && self.column.nullable {
            sql.raw(" NULLS FIRST");
        }
    }

    /// Writes what is equal for equal values only.
    pub(super) fn exact_key(&self, sql: &mut Sql) {
        match self.basis() {
            Basis::Text => self.text().order_key(sql),
            _ => self.push_column(sql),
        }
    }

    /// The instants a date or time value stands for: `[first, next)`, `next` only for a whole day.
    pub(super) fn span(&self, value: &Value) -> Option<(OffsetDateTime, Option<OffsetDateTime>)> {
        let by_day = self.declared == FieldKind::Date || self.column.kind(self.declared) == FieldKind::Date;
        let value = match value {
            Value::Date(_) => value.clone(),
            other if by_day => try_coerce(other, FieldKind::Date)?,
            other => try_coerce(other, FieldKind::Time)?,
        };
        match value {
            Value::Date(date) => {
                let (first, next) = crate::store::coerce::day(date);
                Some((first, Some(next)))
            }
            Value::Time(time) => Some((time, None)),
            _ => None,
        }
    }
}

fn all_texts(values: &[&Value]) -> Vec<String> {
    let texts = values.iter().filter_map(|v| match try_coerce(v, FieldKind::Text) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    });
    texts.collect()
}

use super::text;
