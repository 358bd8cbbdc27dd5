//! A compiled mapping held against a database as it is.
//!
//! Pure: the database's own word comes as an [`Inventory`], and what only its
//! rows or its planner know as [`Finding`]s. Everything is looked at before
//! anything is reported, so one run shows every mistake, with the place of the
//! name in the file, what was found, and what to write instead.

mod clock;
mod columns;
mod documents;
mod elsewhere;
mod keys;
mod names;
mod rows;
mod session;
mod tables;
mod values;

use crate::{
    mapping::{
        CounterKind, Mapping, TypeMapping,
        diagnostic::Diagnostics,
        findings::Findings,
        place::Named,
        shape::{FieldRef, Part, PartId},
        uses::Uses,
    },
    store::{
        Bag, Source,
        inventory::{ColumnFacts, Finding, Inventory, Probe, TableFacts},
    },
};

/// The tables that a mapping is about, each once.
#[must_use]
pub fn tables(mapping: &Mapping) -> Vec<String> {
    let parts = mapping.types.iter().flat_map(|ty| &ty.shape.parts).filter(|p| p.opened.is_none());
    let counters = mapping.counters.values().map(|counter| match &counter.kind {
        CounterKind::Highest { bag, .. } | CounterKind::Cell { bag, .. } => bag,
    });
    let mut names: Vec<String> = parts
        .map(|p| &p.bag)
        .chain(counters)
        .filter_map(|bag| listed_table(bag))
        .map(str::to_owned)
        .collect();
    names.extend(mapping.types.iter().flat_map(elsewhere::tables).map(str::to_owned));
    names.sort();
    names.dedup();
    names
}

/// The table of a bag; `None` for entries of a directory.
fn table_of(bag: &Bag) -> Option<&str> {
    match &bag.source {
        Source::Table(name) if !name.is_empty() => Some(name),
        _ => None,
    }
}

/// As [`table_of`], also of columns whose values are resources.
fn listed_table(bag: &Bag) -> Option<&str> {
    match &bag.source {
        Source::Names(names) => Some(&names.table),
        _ => table_of(bag),
    }
}

/// Questions that the comparison has, once the tables are known.
#[derive(Debug, Clone)]
pub struct Questions {
    asked: Vec<rows::Asked>,
    /// What the store is asked.
    pub probes: Vec<Probe>,
}

/// What is to be asked of the rows and of the planner.
#[must_use]
pub fn questions(mapping: &Mapping, inventory: &Inventory) -> Questions {
    let (asked, probes) = rows::questions(mapping, inventory).into_iter().unzip();
    Questions { asked, probes }
}

/// Everything that does not fit. `findings` answer the probes of `questions`, in their order.
#[must_use]
pub fn compare(
    mapping: &Mapping,
    inventory: &Inventory,
    questions: &Questions,
    findings: &[Finding],
) -> Diagnostics {
    let mut live = Live { findings: Findings::of(mapping), inventory };
    session::check(&mut live);
    for (index, ty) in mapping.types.iter().enumerate() {
        let uses = Uses::of(ty).with_inverses(mapping, index);
        names::check(&mut live, index, ty);
        tables::check(&mut live, index, ty, &uses);
        columns::check(&mut live, index, ty, &uses);
        values::check(&mut live, index, ty, &uses);
        clock::check(&mut live, index, ty, &uses);
        keys::check(&mut live, index, ty, &uses);
        documents::check(&mut live, index, ty);
        elsewhere::check(&mut live, index, ty);
    }
    for (asked, finding) in questions.asked.iter().zip(findings) {
        rows::check(&mut live, asked, finding);
    }
    live.findings.out
}

/// Reports a session setting of the mapping that the database refuses.
pub fn refused_setting(mapping: &Mapping, name: &str, reason: &str, out: &mut Diagnostics) {
    let place = mapping.places.find(&Named::Session(name.to_owned()));
    let message = format!("{}the database refuses the session setting `{name}`: {reason}", place.base);
    out.error("setting-unknown", &place.span, message, "correct its value, or remove it");
}

/// A comparison under way.
struct Live<'m> {
    findings: Findings<'m>,
    inventory: &'m Inventory,
}

impl<'m> std::ops::Deref for Live<'m> {
    type Target = Findings<'m>;

    fn deref(&self) -> &Findings<'m> {
        &self.findings
    }
}

impl std::ops::DerefMut for Live<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.findings
    }
}

impl<'m> Live<'m> {
    /// The table of a bag, if it is there.
    fn table(&self, bag: &Bag) -> Option<(&'m str, &'m TableFacts)> {
        self.inventory.tables.get_key_value(table_of(bag)?).map(|(name, table)| (name.as_str(), table))
    }

    /// The column of a field, if it is there.
    fn column(&self, ty: &TypeMapping, field: &FieldRef) -> Option<&'m ColumnFacts> {
        let bag = &ty.shape.part(field.part).bag;
        self.table(bag)?.1.find(bag.field_name(field.field))
    }
}

/// The parts whose rows lie in tables, with their numbers.
fn parts(ty: &TypeMapping) -> impl Iterator<Item = (PartId, &Part)> {
    ty.shape
        .parts
        .iter()
        .enumerate()
        .filter(|(_, part)| part.opened.is_none() && table_of(&part.bag).is_some())
}

/// A column as a key of TOML, for a sentence that says what to write: odd names in backticks and quotes.
fn toml_key(column: &str) -> String {
    let is_plain = column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_plain && !column.is_empty() { column.to_owned() } else { format!("'`{column}`'") }
}

/// A list for a sentence: `a`, `b` and `c` in backticks.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|n| format!("`{n}`")).collect();
    names.join(", ")
}
