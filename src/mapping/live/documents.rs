//! Columns that hold documents: whether their type takes such texts, and
//! whether the texts that are there can be read.

use crate::{
    mapping::{
        TypeMapping,
        live::{Live, rows::Asked, table_of},
        shape::{FieldRef, Opened, PartId},
    },
    store::{
        Predicate, Select, Value,
        document::{Document, Format},
        inventory::{ColumnFacts, Holds, Probe},
    },
};

/// How many texts are looked at.
const SAMPLE: u64 = 200;
/// A JSON or PHP text with more than a few values is longer than that.
const SHORT: u64 = 255;

/// The parts that a document of a table's column holds.
fn documents(mapping: &TypeMapping) -> impl Iterator<Item = (PartId, PartId, &Opened, &Document)> {
    mapping.shape.parts.iter().enumerate().filter_map(|(id, part)| {
        let opened = part.opened.as_ref()?;
        let document = opened.items.as_ref()?.document.as_ref()?;
        table_of(&mapping.shape.part(part.parent).bag)?;
        Some((id, part.parent, opened, document))
    })
}

pub(super) fn questions(ty: usize, mapping: &TypeMapping, out: &mut Vec<(Asked, Probe)>) {
    for (id, parent, opened, _) in documents(mapping) {
        let above = mapping.shape.part(parent);
        let slots = above.slot.iter().zip(opened.slot.iter().flatten());
        let there = Predicate::Field(opened.field, crate::store::Test::Present);
        let predicate = slots.fold(there, |all, (f, value)| all.and(Predicate::equals(*f, value.clone())));
        let select = Select {
            bag: above.bag.clone(),
            predicate,
            fields: vec![opened.field],
            order: Vec::new(),
            offset: 0,
            limit: Some(SAMPLE),
        };
        out.push((Asked::Document { ty, part: id }, Probe::Sample(Box::new(select))));
    }
}

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping) {
    for (id, parent, opened, document) in documents(mapping) {
        let field = FieldRef { part: parent, field: opened.field, slot: None };
        let Some(column) = live.column(mapping, &field) else { continue };
        let place = live.setting_place(ty, id, "in");
        let name = &mapping.shape.part(id).name;
        let (column_name, type_name) = (&column.name, &column.type_name);
        if let Some(help) = misfit(document, column) {
            let message = format!(
                "`{name}` opens `{column_name}`, a `{type_name}`, which holds {}",
                column.holds.word()
            );
            live.error("column-type", &place, message, help);
        } else if let (Format::Json | Format::Php | Format::Yaml, Some(most)) =
            (&document.format, column.length)
            && most <= SHORT
        {
            let message = format!(
                "`{name}` opens `{column_name}`, a `{type_name}`: a document of more than {most} characters is refused"
            );
            live.warn("too-short", &place, message, "make the column a text without a length");
        }
    }
}

/// What to do where a column cannot hold a document.
fn misfit(document: &Document, column: &ColumnFacts) -> Option<&'static str> {
    use Holds as H;
    let is_json = column.type_name.to_lowercase().contains("json");
    match document.format {
        Format::Bits => {
            matches!(column.holds, H::Date | H::Time | H::Instant | H::Bytes | H::Uuid | H::Bool | H::Texts)
                .then_some("name a column of whole numbers")
        }
        Format::Json if is_json && document.base64 => {
            Some("leave `base64` out: a column of JSON holds JSON itself")
        }
        Format::Json if is_json => None,
        _ if is_json => Some("such a column takes JSON only: write `codec = \"json\"`"),
        _ => (!matches!(column.holds, H::Text | H::Other | H::Anything | H::Bytes))
            .then_some("name a column of text"),
    }
}

/// Holds the texts that were found against the document's form.
pub(super) fn sampled(live: &mut Live<'_>, ty: usize, part: PartId, texts: &[Vec<Value>]) {
    let Some(mapping) = live.mapping.types.get(ty) else { return };
    let Some((_, parent, opened, document)) = documents(mapping).find(|(id, ..)| *id == part) else { return };
    let strict = Document { renew: false, ..document.clone() };
    let unreadable = texts.iter().filter_map(|text| strict.open(text).err());
    let all: Vec<_> = unreadable.collect();
    let Some(first) = all.first() else { return };
    let column = mapping.shape.part(parent).bag.field_name(opened.field);
    let message =
        format!("{} of {} values of `{column}` that were looked at are {first}", all.len(), texts.len());
    let (message, help) = match document.renew {
        true => (format!("{message}: they count as none"), "the next write of such a row replaces its text"),
        false => (
            format!("{message}: they show nothing, and no change is made to them"),
            "mend the rows, write another `codec`, or `invalid = \"new\"` if such texts may be replaced",
        ),
    };
    let place = live.setting_place(ty, part, "in");
    live.warn("document-unreadable", &place, message, help);
}
