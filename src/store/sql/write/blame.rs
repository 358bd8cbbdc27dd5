//! Which column a refusal is about, where the server does not name it but what
//! it says fits one column of the statement only.

use crate::store::{
    StoreError, Value,
    sql::{catalogue::Column, error::Failure},
};

/// A column and what is written to it.
pub(super) type Written<'a> = (&'a Column, &'a [Value]);

/// Adds the column to what a refusal names: `table.column`, or `constraint of table.column`.
pub(super) fn blame(mut failure: Failure, table: &str, written: &[Written<'_>]) -> Failure {
    let (constraint, reason) = match &mut failure.error {
        StoreError::ConstraintViolated { constraint, reason } => (constraint, reason.as_str()),
        StoreError::AlreadyExists { constraint } => (constraint, ""),
        _ => return failure,
    };
    if let Some(column) = find(constraint, reason, table, written) {
        *constraint = match constraint.as_str() {
            "" => format!("{table}.{column}"),
            name if name.eq_ignore_ascii_case(column) => format!("{table}.{column}"),
            name => format!("{name} of {table}.{column}"),
        };
    }
    failure
}

fn find<'a>(constraint: &str, reason: &str, table: &str, written: &[Written<'a>]) -> Option<&'a str> {
    let bare = table.rsplit('.').next().unwrap_or(table);
    let only = |test: &dyn Fn(&Written<'_>) -> bool| -> Option<&'a str> {
        let mut found = written.iter().filter(|column| test(column));
        let (column, _) = found.next()?;
        found.next().is_none().then_some(column.name.as_str())
    };
    let named = |name: String| only(&|(column, _)| name.eq_ignore_ascii_case(&column.name));
    if let Some(column) = named(constraint.to_owned()) {
        return Some(column);
    }
    if let Some(domain) =
        between(reason, "value for domain ", " violates").or(between(reason, "domain ", " does not"))
    {
        return only(&|(column, _)| same_name(&column.domain, domain));
    }
    if !constraint.is_empty() {
        // PostgreSQL's own names, and SQLite's checks without one, which it calls by what they say.
        let inner = constraint.strip_prefix(bare).and_then(|rest| rest.strip_prefix('_'));
        let inner = inner.and_then(|rest| rest.strip_suffix("_check").or(rest.strip_suffix("_key")));
        let is_test = !reason.is_empty() && constraint.contains(['(', '<', '>', '=', ' ']);
        return match inner {
            Some(column) => named(column.to_owned()),
            None if is_test => only(&|(column, _)| mentions(constraint, &column.name)),
            None => None,
        };
    }
    let fits = |column: &Written<'_>| fits_type(reason, column);
    only(&fits).or_else(|| only(&|column| fits(column) && holds(reason, column))).or_else(|| only(&|_| true))
}

/// True if the reason names the type of the column, and its value may be what does not fit.
fn fits_type(reason: &str, (column, values): &Written<'_>) -> bool {
    if values.is_empty() {
        return false;
    }
    let longest = values.iter().map(|value| value.to_text().chars().count()).max().unwrap_or_default();
    if let Some(limit) = between(reason, "too long for type character", ")") {
        let limit = limit.rsplit('(').next().and_then(|n| n.parse::<usize>().ok());
        return column.length.is_some() && column.length == limit && Some(longest) > limit;
    }
    let name = between(reason, "for enum ", ":")
        .or(between(reason, "for type ", ":"))
        .or(reason.split_once("for type ").map(|(_, name)| name))
        .or(reason.strip_suffix(" out of range"));
    name.is_some_and(|name| same_name(&column.type_name, name))
}

/// True if the reason quotes what is written to the column.
fn holds(reason: &str, (_, values): &Written<'_>) -> bool {
    values.iter().any(|value| reason.contains(&format!("\"{}\"", value.to_text())))
}

/// The last part of two names, which may stand in quotes and behind a schema.
fn same_name(one: &str, other: &str) -> bool {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_lowercase();
    !one.is_empty() && last(one) == last(other)
}

fn mentions(expression: &str, column: &str) -> bool {
    let mut words = expression.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| word.eq_ignore_ascii_case(column))
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::catalogue::Class;

    fn column(name: &str, type_name: &str, length: Option<usize>, domain: &str) -> Column {
        let mut column = Column::new(name, Class::Text);
        column.type_name = type_name.to_owned();
        column.length = length;
        column.domain = domain.to_owned();
        column
    }

    fn blamed(constraint: &str, reason: &str) -> Option<String> {
        let columns = [
            (column("login", "character varying", Some(5), ""), "ann"),
            (column("job", "character varying", Some(5), ""), "Longer than that"),
            (column("kind", "hr.mood", None, ""), "angry"),
            (column("other", "hr.mood", None, ""), "sad"),
            (column("nick", "text", None, "nickname"), "bad"),
            (column("rank", "integer", None, ""), "7"),
        ];
        let values: Vec<Vec<Value>> = columns.iter().map(|(_, v)| vec![Value::from(*v)]).collect();
        let written: Vec<Written<'_>> =
            columns.iter().zip(&values).map(|((c, _), v)| (c, v.as_slice())).collect();
        find(constraint, reason, "hr.person", &written).map(str::to_owned)
    }

    #[test]
    fn what_fits_one_column_only_names_it() {
        for (constraint, reason, column) in [
            ("job", "Data too long for column 'job' at row 1", Some("job")),
            ("", "value too long for type character varying(5)", Some("job")),
            ("", "invalid input value for enum mood: \"angry\"", Some("kind")),
            ("", "invalid input syntax for type integer: \"x\"", Some("rank")),
            ("", "integer out of range", Some("rank")),
            (
                "nickname_check",
                "value for domain nickname violates check constraint \"nickname_check\"",
                Some("nick"),
            ),
            ("person_rank_check", "new row for relation \"person\" violates check constraint", Some("rank")),
            ("length(job) < 5", "CHECK constraint failed: length(job) < 5", Some("job")),
            ("kind IN ('a', 'b')", "CHECK constraint failed: kind IN ('a', 'b')", Some("kind")),
            ("job <> login", "CHECK constraint failed: job <> login", None),
            ("person_fk", "violates foreign key constraint", None),
            ("", "the login is reserved (said by a trigger)", None),
        ] {
            assert_eq!(blamed(constraint, reason).as_deref(), column, "{constraint}: {reason}");
        }
    }

    #[test]
    fn what_a_statement_of_one_column_meets_is_about_that_column() {
        let (only, value) = (column("job", "text", None, ""), [Value::from("x")]);
        assert_eq!(find("", "said by a trigger", "t", &[(&only, &value)]), Some("job"));
    }
}
