//! Comparing texts: exactly as bytes do, or without case as a superset.
//!
//! Databases compare text by collations, which take different texts for equal
//! (`ß` = `s`, `a` = `a ` on MariaDB). An exact comparison is therefore written
//! twice where need be: once so that the column's index serves it, once in
//! binary so that it is right.

use crate::store::{
    Fold, Order, StoreError,
    sql::{
        catalogue::Class,
        dialect::Flavour,
        fold::{literal, pattern, spellings},
        predicate::{
            leaf::{Leaf, padded},
            operator, unsupported,
        },
        statement::{Bind, Sql},
    },
    value,
};

/// A column as text.
#[derive(Clone, Copy)]
pub(super) struct TextExpr<'a> {
    pub(super) leaf: Leaf<'a>,
    /// It is of another type and has to be cast.
    pub(super) cast: bool,
}

/// Where a needle must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    End,
    Inside,
}

impl Place {
    fn around(self, inner: &str) -> String {
        match self {
            Self::Start => format!("{inner}%"),
            Self::End => format!("%{inner}"),
            Self::Inside => format!("%{inner}%"),
        }
    }
}

impl TextExpr<'_> {
    fn flavour(&self) -> Flavour {
        self.leaf.flavour
    }

    fn is_citext(&self) -> bool {
        self.flavour() == Flavour::Postgres && self.leaf.column.type_name.ends_with("citext")
    }

    /// The text itself, of plain type.
    fn plain(&self, sql: &mut Sql) {
        let column = self.leaf.column;
        let cast = match self.flavour() {
            Flavour::Postgres => self.cast || column.padded || column.coarse,
            Flavour::Mysql => false,
            Flavour::Sqlite => self.cast,
        };
        if cast {
            sql.raw("CAST(");
        }
        self.leaf.push_column(sql);
        if cast {
            sql.raw(" AS text)");
        }
    }

    /// The text in a form that compares by code points.
    fn binary(&self, sql: &mut Sql) {
        match self.flavour() {
            Flavour::Postgres => {
                self.plain(sql);
                if self.leaf.column.coarse || self.leaf.column.unordered {
                    sql.raw(" COLLATE \"C\"");
                }
            }
            Flavour::Mysql => {
                sql.raw("CAST(CONVERT(");
                self.leaf.push_column(sql);
                sql.raw(" USING utf8mb4) AS BINARY)");
            }
            Flavour::Sqlite => {
                self.plain(sql);
                sql.raw(" COLLATE BINARY");
            }
        }
    }

    /// The text with case taken out, as far as the server can.
    fn caseless(&self, sql: &mut Sql) {
        match self.flavour() {
            Flavour::Postgres => {
                sql.raw("lower(");
                self.plain(sql);
                sql.raw(if self.leaf.column.coarse { ") COLLATE \"C\"" } else { ")" });
            }
            Flavour::Mysql if is_caseless(&self.leaf.column.collation) && !self.cast => {
                self.leaf.push_column(sql);
            }
            Flavour::Mysql => {
                sql.raw("CONVERT(");
                self.leaf.push_column(sql);
                sql.raw(" USING utf8mb4) COLLATE utf8mb4_general_ci");
            }
            Flavour::Sqlite => {
                sql.raw("scim_fold(");
                self.leaf.push_column(sql);
                sql.raw(")");
            }
        }
    }

    /// A sought text, treated like [`Self::caseless`] treats the column.
    fn caseless_bind(&self, sql: &mut Sql, text: String) {
        match self.flavour() {
            Flavour::Postgres => {
                sql.raw("lower(CAST(").bind(Bind::text(text)).raw(" AS text)");
                // Else the database's own collation lower-cases more letters than the column's.
                let collation = self.leaf.column.collation.as_str();
                if matches!(collation, "C" | "POSIX" | "ucs_basic") {
                    sql.raw(" COLLATE ").ident(collation);
                }
                sql.raw(")");
            }
            Flavour::Mysql if is_caseless(&self.leaf.column.collation) && !self.cast => {
                self.narrow_bind(sql, text);
            }
            Flavour::Mysql | Flavour::Sqlite => {
                sql.bind(Bind::text(text));
            }
        }
    }

    /// MySQL: a sought text in the character set of the column, where that is not all of Unicode (the old `utf8`
    /// has three bytes): the server compares no list of texts with a column that could not hold them all. What
    /// the set lacks becomes `?`, so more may be found.
    fn narrow_bind(&self, sql: &mut Sql, text: impl Into<String>) {
        let charset = self.leaf.column.collation.split('_').next().unwrap_or_default();
        if charset.is_empty() || matches!(charset, "utf8mb4" | "binary") {
            sql.bind(Bind::text(text));
        } else {
            sql.raw("CONVERT(").bind(Bind::text(text)).raw(" USING ").type_name(charset).raw(")");
        }
    }

    /// The text is one of these.
    pub(super) fn one_of(&self, sql: &mut Sql, texts: &[String], fold: Fold) {
        let postgres = self.flavour() == Flavour::Postgres;
        let texts: Vec<&String> = texts.iter().filter(|t| !(postgres && t.contains('\0'))).collect();
        match fold {
            Fold::Exact => self.exactly_one_of(sql, &texts),
            Fold::Case => self.caselessly_one_of(sql, &texts),
        }
    }

    fn exactly_one_of(&self, sql: &mut Sql, texts: &[&String]) {
        let column = self.leaf.column;
        // Blanks at the end of a `char(n)` do not exist, so nothing ends in one.
        let texts = texts.iter().filter(|t| !(column.padded && t.ends_with(' ')));
        // A `uuid` is read in its one usual spelling.
        let uuid = column.class == Class::Uuid;
        let texts: Vec<String> = texts.filter(|t| !uuid || is_usual_uuid(t)).map(|t| (*t).clone()).collect();
        if texts.is_empty() {
            sql.raw("FALSE");
            return;
        }
        match self.flavour() {
            Flavour::Postgres if uuid => {
                self.leaf.push_column(sql);
                sql.raw(" = ANY(CAST(").bind(Bind::Texts(texts)).raw(" AS uuid[]))");
            }
            Flavour::Postgres if self.cast => {
                self.plain(sql);
                sql.raw(" = ANY(").bind(Bind::Texts(texts)).raw(")");
            }
            Flavour::Postgres if column.coarse => {
                self.leaf.push_column(sql);
                sql.raw(" = ANY(CAST(").bind(Bind::Texts(texts.clone())).raw(" AS ");
                sql.type_name(&column.type_name).raw("[])) AND ");
                self.binary(sql);
                sql.raw(" = ANY(").bind(Bind::Texts(texts)).raw(")");
            }
            Flavour::Postgres => {
                self.leaf.push_column(sql);
                sql.raw(" = ANY(");
                if column.padded {
                    sql.raw("CAST(").bind(Bind::Texts(texts)).raw(" AS bpchar[])");
                } else {
                    sql.bind(Bind::Texts(texts));
                }
                sql.raw(")");
            }
            Flavour::Mysql => {
                let texts = padded(texts);
                if !self.cast || uuid {
                    self.leaf.push_column(sql);
                    sql.raw(" IN (").list(&texts, ", ", |sql, text| self.narrow_bind(sql, text));
                    sql.raw(") AND ");
                }
                self.binary(sql);
                sql.raw(" IN (").list(texts, ", ", |sql, text| {
                    sql.raw("CAST(").bind(Bind::text(text)).raw(" AS BINARY)");
                });
                sql.raw(")");
            }
            Flavour::Sqlite => {
                self.binary(sql);
                sql.raw(" IN (").list(padded(texts), ", ", |sql, text| {
                    sql.bind(Bind::text(text));
                });
                sql.raw(")");
            }
        }
    }

    fn caselessly_one_of(&self, sql: &mut Sql, texts: &[&String]) {
        let column = self.leaf.column;
        let (mut spelled, mut patterns) = (Vec::new(), Vec::new());
        for text in texts {
            match self.flavour() {
                Flavour::Sqlite => spelled.push(value::fold(text)),
                Flavour::Postgres | Flavour::Mysql => match spellings(text, column.lower) {
                    Some(all) => spelled.extend(all),
                    None => patterns.push(pattern(text, column.lower)),
                },
            }
        }
        if spelled.is_empty() && patterns.is_empty() {
            sql.raw("FALSE");
            return;
        }
        sql.raw("(");
        if !spelled.is_empty() {
            if self.is_citext() {
                self.leaf.push_column(sql);
                sql.raw(" = ANY(CAST(").bind(Bind::Texts(spelled)).raw(" AS ");
                sql.type_name(&column.type_name).raw("[]))");
            } else {
                self.caseless(sql);
                sql.raw(" IN (").list(padded(spelled), ", ", |sql, text| self.caseless_bind(sql, text));
                sql.raw(")");
            }
            sql.raw(if patterns.is_empty() { "" } else { " OR " });
        }
        sql.list(patterns, " OR ", |sql, pattern| self.matches(sql, pattern));
        sql.raw(")");
    }

    /// `caseless LIKE pattern`.
    fn matches(&self, sql: &mut Sql, pattern: String) {
        self.caseless(sql);
        sql.raw(" LIKE ");
        self.caseless_bind(sql, pattern);
        sql.raw(" ESCAPE '!'");
    }

    /// The text has the needle at this place.
    pub(super) fn like(&self, sql: &mut Sql, needle: &str, place: Place, fold: Fold) {
        if self.flavour() == Flavour::Sqlite {
            self.like_in_sqlite(sql, needle, place, fold);
            return;
        }
        if needle.contains('\0') {
            sql.raw("FALSE");
            return;
        }
        if fold == Fold::Case {
            self.matches(sql, place.around(&pattern(needle, self.leaf.column.lower)));
            return;
        }
        let pattern = place.around(&literal(needle));
        match self.flavour() {
            Flavour::Mysql => {
                if !self.cast {
                    self.leaf.push_column(sql);
                    sql.raw(" LIKE ");
                    self.narrow_bind(sql, &pattern);
                    sql.raw(" ESCAPE '!' AND ");
                }
                self.binary(sql);
                sql.raw(" LIKE CAST(").bind(Bind::text(pattern)).raw(" AS BINARY) ESCAPE '!'");
            }
            Flavour::Postgres | Flavour::Sqlite => {
                self.plain(sql);
                sql.raw(if self.leaf.column.coarse { " COLLATE \"C\" LIKE CAST(" } else { " LIKE CAST(" });
                sql.bind(Bind::text(pattern)).raw(" AS text) ESCAPE '!'");
            }
        }
    }

    /// SQLite's LIKE ignores case in ASCII, so texts are cut instead.
    fn like_in_sqlite(&self, sql: &mut Sql, needle: &str, place: Place, fold: Fold) {
        let needle = fold.apply(needle).into_owned();
        let length = i64::try_from(needle.chars().count()).unwrap_or(i64::MAX);
        let hay = |sql: &mut Sql| match fold {
            Fold::Exact => {
                sql.raw("CAST(");
                self.leaf.push_column(sql);
                sql.raw(" AS TEXT)");
            }
            Fold::Case => self.caseless(sql),
        };
        match place {
            Place::End if length == 0 => {
                self.leaf.push_column(sql);
                sql.raw(" IS NOT NULL");
            }
            Place::Inside => {
                sql.raw("instr(");
                hay(sql);
                sql.raw(", ").bind(Bind::text(needle)).raw(") > 0");
            }
            Place::Start | Place::End => {
                sql.raw("substr(");
                hay(sql);
                let (raw, length) = if place == Place::Start { (", 1, ", length) } else { (", ", -length) };
                sql.raw(raw).bind(Bind::Int(length)).raw(") = ").bind(Bind::text(needle));
            }
        }
    }

    /// The text stands before or after another, by code points.
    pub(super) fn ordered(
        &self,
        sql: &mut Sql,
        order: Order,
        text: &str,
        fold: Fold,
    ) -> Result<(), StoreError> {
        let text = match (fold, self.flavour()) {
            (Fold::Exact, _) => text.to_owned(),
            (Fold::Case, Flavour::Sqlite) => value::fold(text),
            (Fold::Case, _) => {
                return Err(unsupported(format!(
                    "{} cannot be ordered without case in this database",
                    self.leaf.column.name
                )));
            }
        };
        if self.flavour() == Flavour::Postgres && text.contains('\0') {
            // No text here can hold NUL; whatever is before it is so by what comes before.
            return Err(unsupported("a text with NUL cannot be compared in PostgreSQL"));
        }
        match fold {
            Fold::Exact => self.binary(sql),
            Fold::Case => self.caseless(sql),
        }
        sql.raw(operator(order));
        match self.flavour() {
            Flavour::Postgres => sql.raw("CAST(").bind(Bind::text(text)).raw(" AS text)"),
            Flavour::Mysql => sql.raw("CAST(").bind(Bind::text(text)).raw(" AS BINARY)"),
            Flavour::Sqlite => sql.bind(Bind::text(text)),
        };
        Ok(())
    }

    /// Writes that two columns hold the same text.
    pub(super) fn equals(&self, sql: &mut Sql, other: &TextExpr<'_>) {
        let (mine, theirs) = (self.leaf.column, other.leaf.column);
        let alike = !self.cast && !other.cast && mine.collation == theirs.collation;
        let index_serves = alike && mine.padded == theirs.padded && self.is_citext() == other.is_citext();
        let binary = mine.coarse || theirs.coarse || !index_serves;
        if index_serves {
            self.leaf.push_column(sql);
            sql.raw(" = ");
            other.leaf.push_column(sql);
        }
        if binary {
            sql.raw(if index_serves { " AND " } else { "" });
            self.binary(sql);
            sql.raw(" = ");
            other.binary(sql);
        }
    }

    /// The text has this order to another column, by code points.
    pub(super) fn precedes(&self, sql: &mut Sql, order: Order, other: &TextExpr<'_>) {
        self.binary(sql);
        sql.raw(operator(order));
        other.binary(sql);
    }

    /// What rows are sorted by: code points.
    pub(super) fn order_key(&self, sql: &mut Sql) {
        self.binary(sql);
    }
}

/// Whether a collation ignores case as Unicode's simple folding does; the Turkish ones do not.
pub(in crate::store::sql) fn is_caseless(collation: &str) -> bool {
    collation.ends_with("_ci") && !collation.contains("turkish")
}

/// Whether it is a UUID in the spelling that databases answer.
fn is_usual_uuid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok_and(|u| u.to_string() == text)
}
