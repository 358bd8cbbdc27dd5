//! What a request reads and writes, as text: numbered statements of a database, or LDIF with comments.

use crate::{
    mapping::{Mapping, StoreKind},
    store::{
        Bag, Cell, Change, FieldId, ReadStore as _, Source, Step, Store as _, StoreError, Value,
        rehearsal::{Noted, Rehearsal},
        step::HIDDEN,
    },
};

/// What was read and would be written.
pub(super) async fn shown(store: &Rehearsal, mapping: &Mapping, noted: &Noted) -> Result<String, StoreError> {
    let mut reads = Vec::new();
    for select in &noted.reads {
        reads.extend(store.shown(select.clone()).await?);
    }
    let mut writes = Vec::new();
    let mut number = 0;
    for steps in noted.writes.iter().filter(|steps| !steps.is_empty()) {
        let shown = store.shown_steps(without_passwords(mapping, steps)).await?;
        let first = number;
        let told = steps.iter().zip(shown).map(|(step, lines)| {
            number += 1;
            Told { number, lines, origins: origins(mapping, step, first) }
        });
        writes.push(told.collect());
    }
    Ok(match mapping.store {
        StoreKind::Ldap { .. } => ldif(&reads, &writes),
        StoreKind::Sql { .. } => statements(&reads, &writes),
    })
}

/// True if the store would be written to.
pub(super) fn writes_to_the_store(noted: &Noted) -> bool {
    noted.writes.iter().any(|steps| !steps.is_empty())
}

/// A step as it is told.
struct Told {
    number: usize,
    lines: Vec<String>,
    /// Which columns or attributes it writes, and where the value of each comes from.
    origins: Vec<(String, String)>,
}

fn statements(reads: &[String], writes: &[Vec<Told>]) -> String {
    let mut out = String::from("reads\n");
    reads.iter().for_each(|statement| out.push_str(&format!("  {statement}\n")));
    if writes.is_empty() {
        out.push_str("writes nothing\n");
    }
    for steps in writes {
        out.push_str("writes, together\n");
        for step in steps {
            let mut label = format!("{}.", step.number);
            for statement in &step.lines {
                out.push_str(&format!("  {label:3} {statement}\n"));
                label.clear();
            }
            for (column, origin) in &step.origins {
                out.push_str(&format!("        {column} = {origin}\n"));
            }
        }
    }
    out
}

/// Change records (RFC 2849); everything else is a comment.
fn ldif(reads: &[String], writes: &[Vec<Told>]) -> String {
    let mut out = String::from(if reads.is_empty() { "# reads nothing\n" } else { "# reads\n" });
    reads.iter().for_each(|search| out.push_str(&format!("#   {search}\n")));
    out.push_str(if writes.is_empty() { "# writes nothing\n" } else { "# writes, one after the other\n" });
    for step in writes.iter().flatten() {
        out.push_str(&format!("\n# {}.\n", step.number));
        let width = step.origins.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (attribute, origin) in &step.origins {
            out.push_str(&format!("#   {attribute:width$} = {origin}\n"));
        }
        step.lines.iter().for_each(|line| out.push_str(&format!("{line}\n")));
    }
    out
}

/// The steps with something else in place of what passwords are stored as.
fn without_passwords(mapping: &Mapping, steps: &[Step]) -> Vec<Step> {
    let hidden = |bag: &Bag, field: FieldId| mapping.is_password(bag, field);
    let hide = |values: &mut Vec<Value>| values.iter_mut().for_each(|value| *value = Value::from(HIDDEN));
    let hide_cells = |bag: &Bag, cells: &mut Vec<(FieldId, Cell)>| {
        for (_, cell) in cells.iter_mut().filter(|(field, _)| hidden(bag, *field)) {
            if let Cell::Values(values) = cell {
                hide(values);
            }
        }
    };
    let mut steps = steps.to_vec();
    for step in &mut steps {
        match step {
            Step::Insert { bag, cells, .. } => hide_cells(bag, cells),
            Step::Update { bag, changes, .. } => {
                for change in changes {
                    match change {
                        Change::Set(field, Cell::Values(values))
                        | Change::Add(field, values)
                        | Change::Remove(field, values)
                        | Change::Floor(field, values)
                            if hidden(bag, *field) =>
                        {
                            hide(values);
                        }
                        Change::Exchange(field, old, new) if hidden(bag, *field) => {
                            *old = Value::from(HIDDEN);
                            *new = Value::from(HIDDEN);
                        }
                        _ => {}
                    }
                }
            }
            // Of databases, whose values are not shown.
            _ => {}
        }
    }
    steps
}

/// Which columns a step writes, and where the value of each comes from.
fn origins(mapping: &Mapping, step: &Step, first: usize) -> Vec<(String, String)> {
    let bag = step.bag();
    let cells: Vec<(FieldId, Option<&Cell>)> = match step {
        Step::Insert { cells, .. }
        | Step::Copy { cells, .. }
        | Step::Reopen { cells, .. }
        | Step::Find { add: Some(cells), .. } => {
            cells.iter().map(|(field, cell)| (*field, Some(cell))).collect()
        }
        Step::Update { changes, .. } => changes
            .iter()
            .filter_map(|change| match change {
                Change::Set(field, cell) => Some((*field, Some(cell))),
                Change::Add(field, _) | Change::Remove(field, _) | Change::Exchange(field, ..) => {
                    Some((*field, None))
                }
                Change::Floor(..) => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    // A name is made of the entry's own values and the place of its container.
    let cells: Vec<_> =
        cells.into_iter().filter(|(field, _)| !bag.field_name(*field).eq_ignore_ascii_case("dn")).collect();
    let origin = |(field, cell): (FieldId, Option<&Cell>)| {
        let is_new = !matches!(step, Step::Update { .. });
        let from = match cell {
            Some(Cell::From { step, .. }) => format!("what step {} reports", first + step + 1),
            Some(Cell::Values(values)) if values.is_empty() => {
                let nothing = if matches!(bag.source, Source::Entries { .. }) { "nothing" } else { "NULL" };
                format!("{nothing}, by {}", of_field(mapping, bag, field, is_new))
            }
            Some(Cell::Values(_)) | None => of_field(mapping, bag, field, is_new),
        };
        (bag.field_name(field).to_owned(), from)
    };
    let mut told: Vec<(String, String)> = Vec::new();
    for told_of in cells.into_iter().map(origin) {
        if !told.contains(&told_of) {
            told.push(told_of);
        }
    }
    told
}

/// What may have given a field its value; `initial` is for new rows only.
fn of_field(mapping: &Mapping, bag: &Bag, field: FieldId, is_new: bool) -> String {
    if let Some(origin) = mapping.log_origin(bag, field) {
        return origin;
    }
    let found = mapping.part_of(bag).and_then(|(ty, part)| Some(mapping.types.get(ty)?.origins(part, field)));
    let mut origins = found.unwrap_or_default();
    if !is_new && origins.len() > 1 {
        origins.retain(|origin| origin != "`initial`");
    }
    if origins.is_empty() { format!("`{}`", bag.name) } else { origins.join(", or ") }
}
