//! What fills the columns that every new row needs.

use super::{
    Draft,
    find::{Table, column, is_demanded},
};
use crate::{
    mapping::learn::{
        guess::{Guess, constant, guess},
        page::{Page, quoted},
    },
    store::inventory::{ColumnFacts, ForeignKey, Holds, TableFacts},
};

/// Lines of `initial` and `derived`, with their reasons, and what nothing fills.
#[derive(Default)]
pub(super) struct Made {
    pub(super) initial: Vec<(String, String)>,
    pub(super) derived: Vec<(String, String)>,
    open: Vec<String>,
}

/// Counters that are needed: table and column.
pub(super) type Counters = Vec<(String, String)>;

/// Decides about a table's columns; `bound` ones get a value in another way.
pub(super) fn made(
    draft: &Draft<'_>,
    name: &str,
    facts: &TableFacts,
    bound: &[&str],
    sources: &[&str],
    counters: &mut Counters,
) -> Made {
    let mut made = Made::default();
    let crowd = draft.crowd(name);
    for column in facts.columns.iter().filter(|column| is_demanded(column)) {
        let field = &column.name;
        if bound.iter().any(|own| own.eq_ignore_ascii_case(field)) {
            continue;
        }
        let points = |foreign: &ForeignKey| {
            foreign.table == draft.found.people.name && foreign.columns.iter().any(|own| own == field)
        };
        if facts.foreign_keys.iter().any(points) {
            // What most rows have would be the key of somebody.
            made.open.push(field.clone());
            continue;
        }
        let key = key_of(field);
        let is_number = matches!(column.holds, Holds::Int);
        match column.holds {
            Holds::Instant | Holds::Time => {
                made.initial.push((format!("{key} = \"@now\""), "NOT NULL, a time".to_owned()));
                continue;
            }
            Holds::Date => {
                made.initial.push((format!("{key} = \"@today\""), "NOT NULL, a day".to_owned()));
                continue;
            }
            _ => {}
        }
        let found = match facts.is_unique(&[field]) {
            true => guess(&crowd, field, sources),
            // What others may have, too, is no number of its own.
            false => guess(&crowd, field, sources)
                .filter(|(guess, _)| *guess != Guess::Counted)
                .or_else(|| constant(&crowd, field, 50)),
        };
        match found {
            Some((Guess::Follows(text), why)) => {
                made.derived.push((format!("{key} = {}", quoted(&text)), format!("NOT NULL; {why}")));
            }
            Some((Guess::Same(text), why)) => {
                let value = if is_number { text } else { quoted(&text) };
                made.initial.push((format!("{key} = {value}"), format!("NOT NULL; {why}")));
            }
            Some((Guess::Counted, why)) => {
                let counter = super::counter_name(name, field);
                made.initial.push((format!("{key} = \"@next.{counter}\""), format!("NOT NULL; {why}")));
                counters.push((name.to_owned(), field.clone()));
            }
            None => made.open.push(field.clone()),
        }
    }
    made
}

impl Made {
    /// `initial`, `derived` and questions, as tables of `owner`.
    pub(super) fn draft(&self, page: &mut Page, owner: &str) {
        for name in &self.open {
            page.decide(&format!(
                "`{name}` is NOT NULL without a default, and nothing here gives a new row one."
            ));
        }
        for (table, lines) in [("initial", &self.initial), ("derived", &self.derived)] {
            if !lines.is_empty() {
                page.table(&format!("{owner}.{table}"));
                lines.iter().for_each(|(line, why)| page.why(line, why));
            }
        }
    }

    /// The lines of `initial` in one, for a part.
    pub(super) fn inline(&self) -> Option<String> {
        let lines: Vec<&str> = self.initial.iter().map(|(line, _)| line.as_str()).collect();
        (!lines.is_empty()).then(|| format!("initial = {{ {} }}", lines.join(", ")))
    }

    /// What nothing fills.
    pub(super) fn open(&self) -> &[String] {
        &self.open
    }
}

/// A column as a key of a TOML table.
pub(super) fn key_of(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_owned() } else { quoted(&field_of(name)) }
}

/// A column as a field of the mapping.
pub(super) fn field_of(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if is_plain { name.to_owned() } else { format!("`{name}`") }
}

/// The lens of a column that holds times.
pub(super) fn time_of(column: &ColumnFacts) -> String {
    let field = quoted(&field_of(&column.name));
    match column.holds {
        Holds::Time => format!("{{ field = {field}, codec = \"datetime:UTC\" }}"),
        Holds::Date => format!("{{ field = {field}, codec = \"date\" }}"),
        _ => field,
    }
}

/// `created` and `lastModified`.
pub(super) fn meta(page: &mut Page, owner: &str, table: &Table<'_>) {
    let is_zero = |column: &&ColumnFacts| !column.default.as_ref().is_some_and(|d| d.contains("0000-00-00"));
    let times: Vec<(&str, &ColumnFacts)> = ["created", "lastModified"]
        .into_iter()
        .filter_map(|path| Some((path, column(table.name, table.facts, path).filter(is_zero)?)))
        .collect();
    if times.is_empty() {
        return;
    }
    page.table(&format!("{owner}.attributes.meta.sub"));
    for (path, column) in times {
        page.why(
            &format!("{path} = {}", time_of(column)),
            &format!("by its name and type: {}", column.type_name),
        );
    }
}
