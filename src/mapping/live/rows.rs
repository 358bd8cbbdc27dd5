//! What only the rows know, or the planner: whether a `where` selects anything,
//! whether a counter's cell is there, and which reads have no index.

use time::OffsetDateTime;

use crate::{
    mapping::{
        CounterKind, Mapping, TypeMapping,
        form::{Answers, Need},
        lens::{Lens, Scalar, Source as LensSource, Sub, scalar::decode},
        live::{Live, documents, listed, parts, table_of},
        place::Named,
        shape::{FieldRef, Part, PartId},
        uses::{Uses, attribute},
    },
    scim::{
        Json,
        attribute::AttrPath,
        filter::{CompareOp, Filter},
        schema::DataType,
    },
    store::{
        Predicate, Select, Value,
        inventory::{ColumnFacts, Finding, Holds, Inventory, Probe, Product},
    },
};

/// What a probe is for.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// The cell of a counter.
    Cell(String),
    /// Rows of a type's root or of a part with the constants of its `where`.
    Constant { ty: usize, part: PartId, field: usize, value: String },
    /// The row with the name of a slot.
    Slot { ty: usize, part: PartId, name: String },
    /// The documents in a column.
    Document { ty: usize, part: PartId },
    /// Reading the rows of a part.
    Part { ty: usize, part: PartId },
    /// A filter `path eq …`; `rule` is the line of the attribute. `pushed` is false if the store is asked nothing.
    Filter { ty: usize, rule: String, field: Option<FieldRef>, path: String, pushed: bool },
}

pub(super) fn questions(mapping: &Mapping, inventory: &Inventory) -> Vec<(Asked, Probe)> {
    let mut out = Vec::new();
    for (name, counter) in &mapping.counters {
        if let CounterKind::Cell { bag, .. } = &counter.kind {
            out.push((Asked::Cell(name.clone()), Probe::Rows(bag.clone(), Predicate::True)));
        }
    }
    for (ty, of) in mapping.types.iter().enumerate() {
        for (id, part) in parts(of) {
            for (field, value) in &part.constants {
                // Whether this value is there at all, whatever else `where` says.
                let mut bag = crate::store::Bag::clone(&part.bag);
                bag.scope = Predicate::True;
                let asked = Asked::Constant { ty, part: id, field: *field, value: value.to_text() };
                let predicate = Predicate::equals(*field, value.clone());
                out.push((asked, Probe::Rows(std::sync::Arc::new(bag), predicate)));
            }
            out.extend(
                slot_names(of, id)
                    .into_iter()
                    .map(|(name, probe)| (Asked::Slot { ty, part: id, name }, probe)),
            );
            if id != 0
                && let Some(probe) = part_probe(of, part, inventory)
            {
                out.push((Asked::Part { ty, part: id }, probe));
            }
        }
        documents::questions(ty, of, &mut out);
        filters(ty, of, inventory, &mut out);
    }
    out
}

/// The names of a part's slots that lie in another table, and whether they are there.
fn slot_names(of: &TypeMapping, part: PartId) -> Vec<(String, Probe)> {
    let layout = of.shape.part(part);
    let Some(at) = layout.slot_in else { return Vec::new() };
    let place = layout.slot.iter().position(|field| *field == at.slot);
    let uses = Uses::of(of);
    let fields = uses.fields.iter().map(|used| used.field).filter(|field| field.part == part);
    let mut names: Vec<&Value> = fields.filter_map(|field| field.slot.as_ref()?.get(place?)).collect();
    names.sort_by_key(|name| name.to_text());
    names.dedup();
    let bag = &of.shape.part(at.part).bag;
    let probe = |name: &Value| Probe::Rows(bag.clone(), Predicate::equals(at.field, name.clone()));
    names.into_iter().map(|name| (name.to_text(), probe(name))).collect()
}

/// Reading a part's rows, as it is done for each page.
fn part_probe(of: &TypeMapping, part: &Part, inventory: &Inventory) -> Option<Probe> {
    let table = inventory.tables.get(table_of(&part.bag)?)?;
    let mut predicate = Predicate::True;
    for own in part.ties() {
        let sample = sample(table.find(part.bag.field_name(own))?);
        predicate = predicate.and(Predicate::equals(own, sample));
    }
    (!part.on.is_empty() && !of.shape.parts.is_empty()).then(|| scan(part, predicate))
}

fn scan(part: &Part, predicate: Predicate) -> Probe {
    let fields = part.ties().chain(part.bag.key.iter().copied()).collect();
    let bag = part.bag.clone();
    Probe::Scans(Box::new(Select { bag, predicate, fields, order: Vec::new(), offset: 0, limit: None }))
}

/// One filter for each attribute that clients may search by.
fn filters(ty: usize, of: &TypeMapping, inventory: &Inventory, out: &mut Vec<(Asked, Probe)>) {
    // Names are read as a whole in any case.
    for rule in of.rules.iter().filter(|_| !of.is_names()) {
        let Some(published) = attribute(of, rule).filter(|a| !a.unsearchable) else { continue };
        let mut leaves = Vec::new();
        leaf(&rule.lens, None, &mut leaves);
        leaves.dedup_by(|a, b| a.0 == b.0);
        for (sub, lens) in leaves {
            let data_type = sub.map_or(Some(published), |sub| published.find_sub(sub)).map(|a| a.data_type);
            let Some(data_type) = data_type.filter(|t| !matches!(t, DataType::Boolean | DataType::Complex))
            else {
                continue;
            };
            let Some(json) = sample_json(of, lens, data_type, inventory) else { continue };
            let name = rule.attribute.clone();
            let path = AttrPath { urn: rule.urn.clone(), name, sub: sub.map(str::to_owned) };
            let Some(predicate) = pushed(of, &path, &json) else { continue };
            let asked = Asked::Filter {
                ty,
                rule: rule.name.clone(),
                field: named(lens),
                path: path.to_string(),
                pushed: predicate != Predicate::True,
            };
            let root = of.shape.root();
            out.push((asked, scan(&Part { on: Vec::new(), ..root.clone() }, predicate)));
        }
    }
}

/// The field that an attribute lies in, if it is one.
fn named(lens: &Lens) -> Option<FieldRef> {
    match lens {
        Lens::Scalar(Scalar { source: LensSource::Field { field, .. }, .. }) => Some(field.clone()),
        Lens::Reference(reference) => Some(reference.field.clone()),
        Lens::Pointers(pointers) => pointers.places.first().map(|p| p.field.clone()),
        _ => None,
    }
}

/// The simple values of an attribute, each with the sub-attribute it is; kinds of elements are not told apart.
fn leaf<'m>(lens: &'m Lens, sub: Option<&'m str>, out: &mut Vec<(Option<&'m str>, &'m Lens)>) {
    let of_subs = |subs: &'m [Sub], out: &mut Vec<(Option<&'m str>, &'m Lens)>| {
        for inner in
            subs.iter().filter(|s| !matches!(s.name.as_str(), "type" | "primary" | "display" | "$ref"))
        {
            leaf(&inner.lens, Some(inner.name.as_str()), out);
        }
    };
    match lens {
        // A map leaves few values, which no index helps to find.
        Lens::Scalar(Scalar {
            source: LensSource::Field { map: None, .. } | LensSource::Text { .. },
            ..
        })
        | Lens::Reference(_)
        | Lens::Pointers(_) => {
            let points = matches!(lens, Lens::Reference(_) | Lens::Pointers(_));
            out.push((sub.or(points.then_some("value")), lens))
        }
        Lens::Complex(subs) => of_subs(subs, out),
        Lens::Rows(rows) if rows.simple => {
            rows.each.iter().for_each(|inner| leaf(&inner.lens, None, out));
        }
        Lens::Rows(rows) => of_subs(&rows.each, out),
        Lens::Slots(slots) => slots.slots.iter().take(1).for_each(|(_, subs)| of_subs(subs, out)),
        Lens::First(list) | Lens::Union(list) => list.iter().take(1).for_each(|l| leaf(l, sub, out)),
        Lens::Guarded(guarded) => leaf(&guarded.lens, sub, out),
        Lens::Scalar(_) | Lens::Inverse(_) | Lens::Search(_) | Lens::Password(_) | Lens::Side => {}
    }
}

/// A value that the attribute may have.
fn sample_json(of: &TypeMapping, lens: &Lens, data_type: DataType, inventory: &Inventory) -> Option<Json> {
    match data_type {
        DataType::DateTime => return Some(Json::from("2026-01-01T00:00:00Z")),
        DataType::Integer | DataType::Decimal => return Some(Json::from(1)),
        _ => {}
    }
    let Lens::Scalar(Scalar { source: LensSource::Field { field, codecs, .. }, .. }) = lens else {
        return Some(Json::from("sample"));
    };
    let sample = sample(column(of, field, inventory)?);
    decode(sample, codecs).map(|value| Json::from(value.to_text()))
}

fn column<'i>(of: &TypeMapping, field: &FieldRef, inventory: &'i Inventory) -> Option<&'i ColumnFacts> {
    let bag = &of.shape.part(field.part).bag;
    inventory.tables.get(table_of(bag)?)?.find(bag.field_name(field.field))
}

/// A value that the column may hold.
fn sample(column: &ColumnFacts) -> Value {
    match column.holds {
        Holds::Int | Holds::Number => Value::Int(1),
        Holds::Bool => Value::Bool(true),
        Holds::Date => Value::Date(OffsetDateTime::UNIX_EPOCH.date()),
        Holds::Time | Holds::Instant => Value::Time(OffsetDateTime::UNIX_EPOCH),
        Holds::Bytes => Value::Bytes(vec![0; 16]),
        Holds::Uuid => Value::from("00000000-0000-4000-8000-000000000000"),
        Holds::Text | Holds::Other | Holds::Texts | Holds::Anything => Value::from("sample"),
    }
}

/// What the store is asked for an equality; `None` if it is asked nothing, since nothing can match.
fn pushed(of: &TypeMapping, path: &AttrPath, json: &Json) -> Option<Predicate> {
    let mut answers = Answers::new(OffsetDateTime::UNIX_EPOCH, "");
    let filter = Filter::Compare(path.clone(), CompareOp::Eq, json.clone());
    for _ in 0..3 {
        let pushed = of.push(&filter, &answers);
        let needs = answers.take_needs();
        if needs.is_empty() {
            return (pushed.predicate != Predicate::False).then_some(pushed.predicate);
        }
        for need in needs {
            match &need {
                Need::IdToBy { .. } | Need::Unique { .. } | Need::Next { .. } => {
                    answers.values.insert(need, Some(Value::Int(1)));
                }
                Need::Row { .. } => drop(answers.rows.insert(need, None)),
                Need::ByToId { .. } => drop(answers.pointed.insert(need, None)),
                Need::Inverse { .. } | Need::Search { .. } | Need::Anchors { .. } => {
                    answers.lists.insert(need, Vec::new());
                }
            }
        }
    }
    None
}

pub(super) fn check(live: &mut Live<'_>, asked: &Asked, finding: &Finding) {
    match (asked, finding) {
        (Asked::Cell(name), Finding::Rows(rows)) if *rows != 1 => {
            let place = live.place(Named::Counter(name.clone()));
            let message = match rows {
                0 => "no row is there for the counter",
                _ => "the counter's `where` leaves several rows",
            };
            let help = "`where` must select exactly one row; insert it if it is not there";
            live.error("counter-cell", &place, format!("`next.{name}`: {message}"), help);
        }
        (Asked::Constant { ty, part, field, value }, Finding::Rows(0)) => {
            let place = live.field_place(*ty, *part, *field);
            let message = format!("no row has the value `{value}` that `where` asks for");
            live.warn(
                "where-empty",
                &place,
                message,
                "see whether it is spelled as in the table; an empty table is no mistake",
            );
        }
        (Asked::Slot { ty, part, name }, Finding::Rows(0)) => {
            let Some(of) = live.mapping.types.get(*ty) else { return };
            let names = of.shape.part(*part).slot_in.map(|at| of.shape.part(at.part));
            let table = names.and_then(|names| table_of(&names.bag)).unwrap_or_default();
            let place = live.setting_place(*ty, *part, "slot");
            let message = format!("no row of `{table}` has the name `{name}`, which a slot has here");
            let help =
                "add it, or spell the slot as in the table; what a client writes there fails otherwise";
            live.error("slot-missing", &place, message, help);
        }
        (Asked::Document { ty, part }, Finding::Sample(texts)) => {
            documents::sampled(live, *ty, *part, texts);
        }
        (Asked::Part { ty, part }, Finding::Scans(scans)) if !scans.is_empty() => {
            let Some(of) = live.mapping.types.get(*ty) else { return };
            let layout = of.shape.part(*part);
            let columns = listed(layout.ties().map(|own| layout.bag.field_name(own)));
            let place = live.setting_place(*ty, *part, "on");
            let table = table_of(&layout.bag).unwrap_or_default();
            let message = format!("no index of `{table}` serves {columns}: each page reads the whole table");
            live.warn("part-scan", &place, message, "add an index over the columns of `on`");
        }
        (Asked::Filter { ty, rule, field, path, pushed }, Finding::Scans(scans))
            if !scans.is_empty() || !pushed =>
        {
            let place = match field {
                Some(field) => live.bound_place(*ty, field, rule),
                None => live.place(Named::Rule(*ty, rule.clone())),
            };
            let message = match pushed {
                true => format!("no index serves the filter `{path} eq …`: it reads the whole table"),
                false => format!("a filter on `{path}` is decided in memory, over all resources"),
            };
            let help = match (pushed, live.inventory.product) {
                (false, _) => "beyond `limits.max_candidates` resources it is answered 400 `tooMany`",
                (_, Product::Postgres) => {
                    "add an index over the column, over `lower(column)` where case does not count"
                }
                (_, Product::Mysql | Product::MariaDb) => {
                    "add an index over the column; its collation must be without case (`…_ci`) where case does not count"
                }
                (_, Product::Sqlite) => {
                    "add an index over the column; where case does not count, SQLite has none that knows more than ASCII"
                }
            };
            live.warn("filter-scan", &place, message, help);
        }
        _ => {}
    }
}
