//! Whether the columns are there, hold what the mapping reads and writes, and
//! get what they need in a new row.

use crate::{
    mapping::{
        TypeMapping,
        codec::{Codec, Stored},
        compile::suggest,
        form::{Answers, Eval, Template},
        lens::{Scheme, ValueMap, scalar::decode},
        live::{Live, listed, parts, table_of, toml_key, values::literal},
        no_place,
        place::Named,
        record::Record,
        shape::{FieldRef, Part, PartId, Use},
        uses::{FieldUse, Role, Uses},
    },
    scim::schema::DataType,
    store::{
        FieldKind, Fold, Value,
        inventory::{ColumnFacts, Filled, Holds, Product, TableFacts},
    },
};

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, uses: &Uses<'_>) {
    for (id, part) in parts(mapping) {
        let Some((name, table)) = live.table(&part.bag) else { continue };
        for (field, own) in part.bag.fields.iter().enumerate().filter(|(f, _)| !part.is_borrowed(*f)) {
            match table.find(&own.name) {
                None => missing(live, (ty, id, field), name, &own.name, table),
                Some(column) => declared(live, (ty, id, field), own.kind, column),
            }
        }
        filled(live, ty, mapping, id, part, table, uses);
    }
    for field in &uses.fields {
        if let Some(column) = live.column(mapping, field.field) {
            fits(live, ty, field, column);
            shows_default(live, ty, mapping, uses, field, column);
        }
    }
}

fn missing(live: &mut Live<'_>, at: (usize, PartId, usize), table: &str, name: &str, facts: &TableFacts) {
    let place = live.field_place(at.0, at.1, at.2);
    let help = suggest(name, facts.columns.iter().map(|c| c.name.as_str()), "it has");
    live.error("column-missing", &place, format!("the table `{table}` has no column `{name}`"), help);
}

/// The type that `fields` gives, or that follows from where the field is used.
fn declared(live: &mut Live<'_>, at: (usize, PartId, usize), kind: FieldKind, column: &ColumnFacts) {
    use Holds as H;
    let is_wrong = match kind {
        FieldKind::Any | FieldKind::Text | FieldKind::Dn => false,
        FieldKind::Int | FieldKind::Decimal => {
            matches!(column.holds, H::Date | H::Time | H::Instant | H::Bytes | H::Uuid | H::Bool | H::Texts)
        }
        FieldKind::Bool => {
            !matches!(column.holds, H::Bool | H::Int | H::Number | H::Text | H::Other | H::Anything)
        }
        FieldKind::Date | FieldKind::Time => matches!(column.holds, H::Bytes | H::Uuid | H::Bool | H::Texts),
        FieldKind::Bytes => !matches!(column.holds, H::Bytes | H::Anything | H::Other),
    };
    if is_wrong {
        let place = live.field_place(at.0, at.1, at.2);
        let message =
            format!("`{}` is `{}`, which holds {}", column.name, column.type_name, column.holds.word());
        live.error(
            "column-type",
            &place,
            message,
            "correct `type` in `fields`, or the codec that implies it",
        );
    }
}

/// An attribute's own type, its codecs and its map.
fn fits(live: &mut Live<'_>, ty: usize, field: &FieldUse<'_>, column: &ColumnFacts) {
    let wrong = match &field.role {
        Role::Value { codecs: [], map: Some(map), .. } => map_fits(map, column),
        Role::Value { codecs, map: None, data_type, .. } => value_fits(codecs, *data_type, column),
        Role::Password(scheme) => {
            let hashed = !matches!(scheme, Scheme::Server | Scheme::Exop | Scheme::Ad);
            let is_text = matches!(column.holds, Holds::Text | Holds::Other | Holds::Anything | Holds::Bytes);
            (hashed && !is_text).then(|| "name a column of text".to_owned())
        }
        Role::Piece => matches!(column.holds, Holds::Bytes).then(|| "name a column of text".to_owned()),
        _ => None,
    };
    if let Some(help) = wrong {
        let place = live.bound_place(ty, field.field, field.rule);
        let message = format!(
            "`{}` lies in `{}`, a `{}`, which holds {}",
            field.path,
            column.name,
            column.type_name,
            column.holds.word()
        );
        live.error("column-type", &place, message, help);
        return;
    }
    if column.holds == Holds::Instant {
        instant(live, ty, field, column);
    }
}

/// A column that knows its instants. MySQL and MariaDB show them in the session's time zone, PostgreSQL as such.
fn instant(live: &mut Live<'_>, ty: usize, field: &FieldUse<'_>, column: &ColumnFacts) {
    let Role::Value { codecs, .. } = &field.role else { return };
    let (name, type_name) = (&column.name, &column.type_name);
    let place = live.bound_place(ty, field.field, field.rule);
    if matches!(live.inventory.product, Product::Mysql | Product::MariaDb) {
        let zone = live.inventory.settings.get("time_zone").map_or("", String::as_str);
        if !matches!(zone, "+00:00" | "UTC") {
            let message =
                format!("`{name}` ({type_name}) is shown in the session's time zone, which is {zone}");
            let help = "write `session = { time_zone = \"+00:00\" }` in `[sql]`, so that it is read and written in UTC";
            live.warn("time-zone", &place, message, help);
        }
    } else if codecs.first().is_some_and(|c| c.stored() == Stored::Time) {
        let message =
            format!("`{name}` ({type_name}) knows its instant, so the codec `datetime` changes nothing");
        live.warn("time-zone", &place, message, "leave the codec out");
    }
}

fn map_fits(map: &ValueMap, column: &ColumnFacts) -> Option<String> {
    let is_number = matches!(column.holds, Holds::Int | Holds::Number);
    let odd = map.pairs.iter().filter_map(|(stored, _)| stored.as_ref()).find(|stored| match stored {
        Value::Text(text) => {
            (is_number && text.trim().parse::<f64>().is_err())
                || matches!(column.holds, Holds::Date | Holds::Time | Holds::Instant | Holds::Bytes)
        }
        Value::Int(_) | Value::Bool(_) => {
            matches!(column.holds, Holds::Date | Holds::Time | Holds::Instant | Holds::Bytes | Holds::Uuid)
        }
        _ => false,
    });
    odd.map(|stored| format!("`{}` on the left side of the map cannot be stored there", stored.to_text()))
}

fn value_fits(codecs: &[Codec], data_type: DataType, column: &ColumnFacts) -> Option<String> {
    use Holds as H;
    let holds = column.holds;
    if matches!(holds, H::Anything) {
        return None;
    }
    let is_text = matches!(holds, H::Text | H::Other | H::Texts | H::Uuid);
    let is_time = matches!(holds, H::Date | H::Time | H::Instant);
    if let Some(first) = codecs.first() {
        return match first.stored() {
            Stored::Bytes => (holds != H::Bytes).then_some("the codec takes bytes; leave it out"),
            Stored::Number => (is_time || matches!(holds, H::Bytes | H::Bool | H::Uuid)).then_some(
                "the codec takes numbers; write `codec = \"date\"` or `\"datetime\"` for days and times",
            ),
            Stored::Day => (!is_time && !is_text).then_some(
                "the codec takes days; write `codec = \"epoch\"`, `\"epoch_ms\"` or `\"days\"` for numbers",
            ),
            Stored::Time => (!is_time && !is_text).then_some(
                "the codec takes times; write `codec = \"epoch\"`, `\"epoch_ms\"` or `\"days\"` for numbers",
            ),
            Stored::Text => (is_time || matches!(holds, H::Bytes))
                .then_some("the codec takes text; leave it out, or another"),
        }
        .map(str::to_owned);
    }
    let help = match data_type {
        DataType::Boolean if is_text => {
            "write `map = [[\"…\", true], [\"…\", false]]`, or `codec = \"bool:Y:N\"`"
        }
        DataType::Boolean if is_time || holds == H::Bytes => {
            "write `read`, `true` and `false`: a truth over what a time says"
        }
        DataType::Integer | DataType::Decimal if is_text => "write `codec = \"number\"`",
        DataType::Integer | DataType::Decimal if is_time || holds == H::Bytes => "name a column of numbers",
        DataType::DateTime if matches!(holds, H::Int | H::Number) => {
            "write `codec = \"epoch\"`, `\"epoch_ms\"` or `\"days\"`"
        }
        DataType::DateTime if holds == H::Date => "write `codec = \"date\"`",
        DataType::DateTime if matches!(holds, H::Bytes | H::Bool) => "name a column of times",
        DataType::String | DataType::Reference if holds == H::Bytes => {
            "write `codec = \"hex\"` or `\"base64\"`, or name a column of text"
        }
        DataType::String if is_time => "name a column of text, or bind an attribute of the type dateTime",
        DataType::String if holds == H::Bool => "write `map = [[true, \"…\"], [false, \"…\"]]`",
        _ => return None,
    };
    Some(help.to_owned())
}

/// That each column which needs a value has one in a new row, and that none is written that must not be.
fn filled(
    live: &mut Live<'_>,
    ty: usize,
    mapping: &TypeMapping,
    id: PartId,
    part: &Part,
    table: &TableFacts,
    uses: &Uses<'_>,
) {
    let Some(name) = table_of(&part.bag) else { return };
    let inserts = match part.usage {
        Use::Own => id == 0 || part.always || !uses.sometimes(id).is_empty(),
        Use::FindOrAdd => true,
        Use::Find | Use::Watch => false,
    };
    if !inserts {
        return;
    }
    let (mut always, mut sometimes) = (uses.always(mapping, id), uses.sometimes(id));
    // A document has a text once something in it has a value.
    for (inner, opened) in mapping.shape.parts.iter().enumerate().filter(|(_, p)| p.parent == id) {
        let Some(opened) = opened.opened.as_ref().filter(|o| o.slot.is_none()) else { continue };
        let written = uses.sometimes(inner);
        if !written.is_disjoint(&uses.always(mapping, inner)) {
            always.insert(opened.field);
        } else if !written.is_empty() {
            sometimes.insert(opened.field);
        }
    }
    // A column that points at a row below gets that row's key.
    for (inner, below) in parts(mapping).filter(|(inner, p)| *inner != 0 && p.parent == id) {
        let is_pointed_at = below.upward || matches!(below.usage, Use::Find | Use::FindOrAdd);
        if !is_pointed_at || below.opened.is_some() || uses.sometimes(inner).is_empty() {
            continue;
        }
        let has_value = uses.fields.iter().any(|u| u.writable && u.always && u.field.part == inner);
        let columns = below.on.iter().map(|(_, parents)| *parents);
        if has_value || (below.always && below.upward) {
            always.extend(columns);
        } else {
            sometimes.extend(columns);
        }
    }
    let is_in = |set: &std::collections::BTreeSet<usize>, column: &ColumnFacts| {
        set.iter().any(|field| part.bag.field_name(*field).eq_ignore_ascii_case(&column.name))
    };
    let lacking = |column: &&ColumnFacts| {
        !column.nullable
            && column.default.is_none()
            && column.filled == Filled::Written
            && !is_in(&always, column)
    };
    let (maybe, never): (Vec<&ColumnFacts>, Vec<&ColumnFacts>) =
        table.columns.iter().filter(lacking).partition(|c| is_in(&sometimes, c));
    let place = live.place(Named::Source(ty, id));
    if !never.is_empty() {
        let names = listed(never.iter().map(|c| c.name.as_str()));
        let first = never.first().map_or("", |c| c.name.as_str());
        let message = format!("a new row of `{name}` needs a value for {names}, and nothing gives one");
        let help = format!("write `initial = {{ {} = … }}`, or bind an attribute to it", toml_key(first));
        if table.triggers.is_empty() {
            live.error("not-null", &place, message, help);
        } else {
            live.warn("not-null", &place, format!("{message}, unless a trigger does"), help);
        }
    }
    for column in maybe {
        let field = part.bag.find_field(&column.name).unwrap_or_default();
        let place = live.field_place(ty, id, field);
        let message = format!(
            "`{}` of `{name}` must not be NULL, but a new row may be without a value for it",
            column.name
        );
        let of_state = uses
            .fields
            .iter()
            .find(|u| u.field.part == id && u.field.field == field && matches!(u.role, Role::Tested));
        let help = match of_state {
            Some(state) => format!("write `initial = true` or `false` in the lens of `{}`", state.path),
            None => format!(
                "write `initial = {{ {} = … }}`, or make the attribute `required`",
                toml_key(&column.name)
            ),
        };
        live.warn("not-null", &place, message, help);
    }
    for field in &sometimes {
        let Some(column) = table.find(part.bag.field_name(*field)) else { continue };
        if column.filled == Filled::Computed {
            let place = live.field_place(ty, id, *field);
            let message = format!("the database alone fills `{}` of `{name}`", column.name);
            live.error(
                "generated-written",
                &place,
                message,
                "give the lens `write = \"no\"`, or take it out of the SET",
            );
        } else if column.filled == Filled::Counted && part.bag.key.contains(field) && id == 0 {
            let place = live.field_place(ty, id, *field);
            let message = format!(
                "`{}` of `{name}` is counted up by the database, and written by the mapping",
                column.name
            );
            live.warn(
                "generated-written",
                &place,
                message,
                "leave it to the database, unless numbers come from elsewhere",
            );
        }
    }
}

/// A default of the database that SCIM would show, though nobody said so.
fn shows_default(
    live: &mut Live<'_>,
    ty: usize,
    mapping: &TypeMapping,
    uses: &Uses<'_>,
    field: &FieldUse<'_>,
    column: &ColumnFacts,
) {
    let Role::Value { codecs, map, nothing, data_type, .. } = &field.role else { return };
    let Some(text) = column.default.as_deref().and_then(literal).filter(|t| !t.is_empty()) else { return };
    let made = uses.made.iter().any(|m| m.always && m.field == field.field);
    // NULL is written into columns that may hold it, so only others get their default.
    if column.nullable || field.always || made || !field.writable || *data_type == DataType::Boolean {
        return;
    }
    let at: &FieldRef = field.field;
    if mapping.shape.part(at.part).constants.iter().any(|(constant, _)| *constant == at.field) {
        return;
    }
    let value = Value::from(text.as_str());
    let (record, answers) =
        (Record::create(&mapping.shape), Answers::new(time::OffsetDateTime::UNIX_EPOCH, ""));
    let eval = Eval { shape: &mapping.shape, record: &record, at: (0, 0), answers: &answers };
    let is_nothing = |t: &Template| t.one(&eval, &no_place()).is_some_and(|n| n.same(&value, Fold::Exact));
    let is_read = match map {
        Some(map) => map.pairs.iter().any(|(s, _)| s.as_ref().is_some_and(|s| s.same(&value, Fold::Exact))),
        None => decode(value.clone(), codecs).is_some(),
    };
    if is_read && !nothing.iter().any(is_nothing) {
        let place = live.bound_place(ty, field.field, field.rule);
        let message = format!(
            "a new row without `{}` gets the default {} of `{}`, which then reads as its value",
            field.path,
            column.default.as_deref().unwrap_or_default(),
            column.name
        );
        let help =
            format!("write `nothing = [\"{text}\"]` if it means no value, or `initial` if it is meant");
        live.warn("default-shown", &place, message, help);
    }
}
