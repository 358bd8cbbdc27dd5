//! The draft of a database's mapping.
//!
//! Three steps: [`interesting`] chooses tables by their names, [`wanted`] the rows to look at, once the catalogue has
//! told what the tables are, and [`draft`] writes. Columns that hold passwords, keys or tokens are never asked for.

mod account;
mod demanded;
mod find;
mod groups;
mod lists;
mod people;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use self::{find::Found, words::is_secret};
use super::{
    crowd::Crowd,
    page::{Page, number, quoted},
};
use crate::store::{
    Bag, Field, FieldKind, Predicate, Select, Source,
    inventory::{ColumnFacts, Holds, Inventory, Product, survey::Seen},
};

/// So many tables are looked at.
const MOST_TABLES: usize = 150;

/// Rows of tables, by table.
pub type Samples = BTreeMap<String, Vec<Seen>>;

/// The tables that may have to do with people, by their names.
#[must_use]
pub fn interesting(names: &[String]) -> Vec<String> {
    let mut names: Vec<&String> = names.iter().collect();
    if names.len() > MOST_TABLES {
        names.sort_by_key(|name| std::cmp::Reverse(words::of_people(name).max(words::of_groups(name))));
        names.truncate(MOST_TABLES);
    }
    names.into_iter().cloned().collect()
}

/// The rows to look at.
#[must_use]
pub fn wanted(inventory: &Inventory, most: usize) -> Vec<Select> {
    let Some(found) = Found::of(inventory) else { return Vec::new() };
    let selects = found.tables().into_iter().filter_map(|name| {
        let facts = inventory.tables.get(name)?;

        let columns = facts.columns.iter().filter(|c| is_looked_at(c));
        let fields: Vec<Field> =
            columns.map(|c| Field { name: c.name.clone(), kind: FieldKind::Any, many: false }).collect();
        let bag = Bag {
            name: name.to_owned(),
            source: Source::Table(name.to_owned()),
            fields: fields.clone(),
            key: Vec::new(),
            scope: Predicate::True,
        };
        (!fields.is_empty()).then(|| Select {
            bag: Arc::new(bag),
            predicate: Predicate::True,
            fields: (0..fields.len()).collect(),
            order: Vec::new(),
            offset: 0,
            limit: Some(most as u64),
        })
    });
    selects.collect()
}

/// True if a column's values are looked at.
fn is_looked_at(column: &ColumnFacts) -> bool {
    let is_told = matches!(
        column.holds,
        Holds::Text | Holds::Int | Holds::Bool | Holds::Uuid | Holds::Other | Holds::Anything
    );
    is_told && column.rights.select && !is_secret(&column.name)
}

/// Drafts the mapping of a database, for the store of this name in the settings.
#[must_use]
pub fn draft(inventory: &Inventory, samples: &Samples, store: &str) -> String {
    let mut page = Page::default();
    let product = match inventory.product {
        Product::Sqlite => "SQLite",
        Product::Postgres => "PostgreSQL",
        Product::Mysql => "MySQL",
        Product::MariaDb => "MariaDB",
    };
    let Some(found) = Found::of(inventory) else {
        page.comment(&format!(
            "A draft, learnt from {product}: none of {} tables looks like one of people (a key, a login, names, mail \
             addresses). mappings/demo.toml shows how a mapping is written.",
            number(inventory.tables.len())
        ));
        page.table("sql");
        return page.0;
    };
    let rows = samples.get(found.people.name).map_or(0, Vec::len);
    page.comment(&format!(
        "A draft, learnt from the catalogue of {product} and {} rows of `{}`. Read it before it is used: what a line \
         rests on stands beside it, what only you know is marked with TODO, and `scimgate check --live` says what does \
         not fit. docs/mapping.md explains the language.",
        number(rows),
        found.people.name
    ));
    page.table("sql");
    if store != "main" {
        page.line(&format!("store = {}", quoted(store)));
    }
    session(&mut page, inventory, &found);
    let mut body = Page::default();
    let mut counters = Vec::new();
    let draft = Draft { inventory, samples, found };
    people::draft(&mut body, &draft, &mut counters);
    groups::draft(&mut body, &draft, &mut counters);
    for (table, column) in counters {
        page.table(&format!("next.{}", counter_name(&table, &column)));
        page.why(
            &format!("highest = {}", quoted(&column)),
            "every value is a number of its own, and nothing counts",
        );
        page.line(&format!("table = {}", quoted(&table)));
    }
    page.0 + &body.0
}

fn counter_name(table: &str, column: &str) -> String {
    let bare = |text: &str| {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>()
    };
    format!("{}_{}", bare(words::base(table)), bare(column))
}

fn session(page: &mut Page, inventory: &Inventory, found: &Found<'_>) {
    match inventory.product {
        Product::Sqlite => {}
        Product::Postgres => page.why("session = { time_zone = \"UTC\" }", "times without zone are in UTC"),
        Product::Mysql | Product::MariaDb => {
            let has_zero = |column: &&ColumnFacts| {
                column.default.as_ref().is_some_and(|default| default.contains("0000-00-00"))
            };
            let mode = match found.people.facts.columns.iter().find(has_zero) {
                Some(_) => "STRICT_TRANS_TABLES",
                None => "STRICT_ALL_TABLES",
            };
            page.why(
                &format!("session = {{ sql_mode = {}, time_zone = \"+00:00\" }}", quoted(mode)),
                "what does not fit is refused, not cut",
            );
        }
    }
}

/// A draft under way.
struct Draft<'i> {
    inventory: &'i Inventory,
    samples: &'i Samples,
    found: Found<'i>,
}

impl<'i> Draft<'i> {
    /// A name for a part that no column has: a name must mean one thing.
    fn part(&self, name: &str) -> String {
        let tables = self.found.tables().into_iter().filter_map(|table| self.inventory.tables.get(table));
        let mut columns = tables.flat_map(|facts| &facts.columns);
        let is_taken = columns.any(|column| column.name.eq_ignore_ascii_case(name));
        if is_taken { format!("{name}_row") } else { name.to_owned() }
    }

    fn crowd(&self, table: &str) -> Crowd<'i> {
        let seen = self.samples.get(table).map_or(&[][..], Vec::as_slice);
        Crowd { seen: seen.iter().collect(), word: "rows" }
    }
}
