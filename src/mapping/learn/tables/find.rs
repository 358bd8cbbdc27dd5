//! Which table holds people, which groups, and which hang on people.

use super::words::{bare, base, is_password, is_trace, names_of, of_groups, of_people, words};
use crate::store::inventory::{ColumnFacts, Filled, Holds, Inventory, TableFacts};

/// A table with a key of one column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'i> {
    pub(super) name: &'i str,
    pub(super) facts: &'i TableFacts,
    /// Its key.
    pub(super) key: &'i ColumnFacts,
}

/// A table of rows that hang on people.
#[derive(Debug, Clone)]
pub(super) struct Child<'i> {
    pub(super) name: &'i str,
    pub(super) facts: &'i TableFacts,
    /// Its column that points at people.
    pub(super) column: &'i str,
    /// The column of people that it points at.
    pub(super) target: &'i str,
    /// True if the catalogue says so; false if names do.
    pub(super) is_declared: bool,
}

/// Groups, and who is in them.
#[derive(Debug, Clone)]
pub(super) struct Groups<'i> {
    pub(super) table: Table<'i>,
    pub(super) link: Child<'i>,
    /// The link's column that points at groups.
    pub(super) column: &'i str,
}

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Found<'i> {
    pub(super) people: Table<'i>,
    /// Other tables that look like people.
    pub(super) others: Vec<&'i str>,
    pub(super) children: Vec<Child<'i>>,
    pub(super) groups: Option<Groups<'i>>,
}

impl<'i> Found<'i> {
    /// Finds people; `None` if no table looks like it.
    pub(super) fn of(inventory: &'i Inventory) -> Option<Self> {
        let mut ranked: Vec<(u32, Table<'i>)> =
            tables(inventory).map(|table| (score(&table), table)).collect();
        ranked.retain(|(score, _)| *score >= 40);
        ranked.sort_by_key(|(score, table)| (std::cmp::Reverse(*score), table.name));
        let (_, people) = *ranked.first()?;
        let children: Vec<Child<'i>> =
            inventory.tables.iter().flat_map(|(name, facts)| hangs_on(name, facts, &people)).collect();
        let groups = groups(inventory, &people, &children);
        let linked = groups.as_ref().map(|groups| groups.link.name);
        Some(Self {
            others: ranked.iter().skip(1).take(5).map(|(_, table)| table.name).collect(),
            children: children.into_iter().filter(|child| Some(child.name) != linked).collect(),
            groups,
            people,
        })
    }

    /// The tables whose rows are looked at.
    pub(super) fn tables(&self) -> Vec<&'i str> {
        let mut names = vec![self.people.name];
        names.extend(self.children.iter().map(|child| child.name).take(20));
        names.extend(self.groups.iter().flat_map(|groups| [groups.table.name, groups.link.name]));
        names.extend(self.people.facts.foreign_keys.iter().map(|key| key.table.as_str()).take(10));
        let mut seen: Vec<&str> = Vec::new();
        names
            .into_iter()
            .filter(|name| {
                !seen.contains(name) && {
                    seen.push(name);
                    true
                }
            })
            .collect()
    }
}

fn tables(inventory: &Inventory) -> impl Iterator<Item = Table<'_>> {
    inventory.tables.iter().filter_map(|(name, facts)| {
        let primary = facts.indexes.iter().find(|index| index.primary)?;
        let [column] = primary.columns.as_slice() else { return None };
        Some(Table { name, facts, key: facts.find(&column.column)? })
    })
}

/// How much a table looks like people.
fn score(table: &Table<'_>) -> u32 {
    let name = of_people(table.name);
    let has = |path: &str| column(table.name, table.facts, path).is_some();
    let columns = u32::from(has("userName")) * 15
        + u32::from(has("email")) * 15
        + u32::from(has("name.givenName")) * 15
        + u32::from(has("name.familyName")) * 15
        + u32::from(table.facts.columns.iter().any(|c| is_password(&c.name))) * 15;
    // A name alone, or columns alone, is not enough.
    if name == 0 && columns < 45 || columns == 0 || is_trace(table.name) { 0 } else { name + columns }
}

/// The column that an attribute lies in, by its name.
pub(super) fn column<'i>(table: &str, facts: &'i TableFacts, path: &str) -> Option<&'i ColumnFacts> {
    let wants_text = !matches!(path, "created" | "lastModified");
    let own: Vec<String> = words(table);
    let fits = |column: &&ColumnFacts| match wants_text {
        true => matches!(column.holds, Holds::Text | Holds::Other | Holds::Anything),
        false => matches!(column.holds, Holds::Instant | Holds::Time | Holds::Date),
    };
    let shortened = |column: &ColumnFacts| {
        let bare_name = bare(&column.name);
        let rest = own.iter().find_map(|word| bare_name.strip_prefix(word.as_str()).map(str::to_owned));
        (bare_name, rest.unwrap_or_default())
    };
    names_of(path).iter().find_map(|name| {
        facts.columns.iter().filter(fits).find(|column| {
            let (full, rest) = shortened(column);
            full == *name || rest == *name
        })
    })
}

/// How a table hangs on people, if it does.
fn hangs_on<'i>(name: &'i str, facts: &'i TableFacts, people: &Table<'i>) -> Option<Child<'i>> {
    if name == people.name || is_trace(name) {
        return None;
    }
    let declared =
        facts.foreign_keys.iter().find_map(|key| match (key.columns.as_slice(), key.targets.as_slice()) {
            ([column], [target]) if key.table.eq_ignore_ascii_case(people.name) => {
                // SQLite leaves out the target if it is the key.
                let target = if target.is_empty() { &people.key.name } else { target };
                Some((column.as_str(), people.facts.find(target)?.name.as_str()))
            }
            ([column], []) if key.table.eq_ignore_ascii_case(people.name) => {
                Some((column.as_str(), people.key.name.as_str()))
            }
            _ => None,
        });
    if let Some((column, target)) = declared {
        return Some(Child { name, facts, column, target, is_declared: true });
    }
    if !facts.foreign_keys.is_empty() {
        return None;
    }
    let column = pointing(facts, people)?;
    Some(Child { name, facts, column, target: &people.key.name, is_declared: false })
}

/// The column that points at a table, by its name: `user_id`, or the key's own name where that says something.
fn pointing<'i>(facts: &'i TableFacts, of: &Table<'_>) -> Option<&'i str> {
    let thing = words(of.name).pop().unwrap_or_default();
    let key = bare(&of.key.name);
    let is_like = |column: &&ColumnFacts| (column.holds == Holds::Int) == (of.key.holds == Holds::Int);
    let points = |column: &&ColumnFacts| {
        let name = bare(&column.name);
        name == format!("{thing}id") || name == thing || key != "id" && name == key
    };
    facts.columns.iter().filter(is_like).find(points).map(|column| column.name.as_str())
}

/// The best table of groups, over a table that points at both.
fn groups<'i>(inventory: &'i Inventory, people: &Table<'i>, children: &[Child<'i>]) -> Option<Groups<'i>> {
    let mut best: Option<(u32, Groups<'i>)> = None;
    for table in tables(inventory).filter(|table| table.name != people.name) {
        let has_name = column(table.name, table.facts, "group").is_some();
        let score = of_groups(table.name);
        if score == 0 || !has_name {
            continue;
        }
        for link in children.iter().filter(|child| child.name != table.name) {
            let declared = link.facts.foreign_keys.iter().find_map(|key| match key.columns.as_slice() {
                [column] if key.table.eq_ignore_ascii_case(table.name) => Some(column.as_str()),
                _ => None,
            });
            let Some(column) = declared.or_else(|| pointing(link.facts, &table)) else { continue };
            // A table of links has little beside its two columns.
            let beside = u32::try_from(link.facts.columns.len().saturating_sub(2)).unwrap_or(u32::MAX);
            let is_admin =
                ["admin", "manager", "owner"].iter().any(|word| bare(base(link.name)).contains(word));
            let score = (score + 20)
                .saturating_sub(beside.saturating_mul(3))
                .saturating_sub(u32::from(is_admin) * 30);
            if column != link.column && best.as_ref().is_none_or(|(known, _)| score > *known) {
                best = Some((score, Groups { table, link: link.clone(), column }));
            }
        }
    }
    best.map(|(_, groups)| groups)
}

/// True if the database makes the values of a key.
pub(super) fn is_made(column: &ColumnFacts) -> bool {
    column.filled != Filled::Written
}

/// True if a new row needs a value that the database does not give.
pub(super) fn is_demanded(column: &ColumnFacts) -> bool {
    !column.nullable && column.default.is_none() && column.filled == Filled::Written
}
