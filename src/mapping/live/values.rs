//! Whether the columns can hold what the mapping itself puts there: constants,
//! the stored sides of maps, texts that are made of others.

use crate::{
    mapping::{
        TypeMapping,
        codec::Codec,
        form::{
            Template,
            template::{Piece, Source},
        },
        live::{Live, parts},
        place::Place,
        shape::FieldRef,
        uses::{FieldUse, Role, Uses},
    },
    store::{
        Value,
        inventory::{ColumnFacts, Holds},
    },
};

pub(super) fn check(live: &mut Live<'_>, ty: usize, mapping: &TypeMapping, uses: &Uses<'_>) {
    for field in &uses.fields {
        if let Some(column) = live.column(mapping, field.field) {
            let place = live.bound_place(ty, field.field, field.rule);
            stored(live, &place, field, column);
        }
    }
    for made in &uses.made {
        let FieldRef { part, field, .. } = made.field;
        let Some(column) = live.column(mapping, made.field) else { continue };
        let place = live.field_place(ty, *part, *field);
        match made.template {
            Template::Literal(value) => holds(live, &place, column, value, "the mapping writes"),
            template => long(live, &place, column, template),
        }
    }
    for (id, part) in parts(mapping) {
        let constants = part.constants.iter().map(|cell| (cell, "`where` says"));
        let floor = part.row_floor.iter().flat_map(|floor| &floor.cells).map(|cell| (cell, "`floor` says"));
        for ((field, value), says) in constants.chain(floor) {
            let at = FieldRef { part: id, field: *field, slot: None };
            if let Some(column) = live.column(mapping, &at) {
                let place = live.field_place(ty, id, *field);
                holds(live, &place, column, value, says);
            }
        }
    }
}

/// The values that a lens can store.
fn stored(live: &mut Live<'_>, place: &Place, field: &FieldUse<'_>, column: &ColumnFacts) {
    match &field.role {
        Role::Value { codecs, map, .. } => {
            for value in map.iter().flat_map(|m| &m.pairs).filter_map(|(stored, _)| stored.as_ref()) {
                holds(live, place, column, value, "the map has");
            }
            if let Some(Codec::Bool(yes, no)) = codecs.first() {
                for word in [yes, no] {
                    holds(live, place, column, &Value::from(word.as_str()), "the codec writes");
                }
            }
        }
        Role::Password(scheme) => {
            let needed = scheme.length();
            if column.length.is_some_and(|length| length < needed) {
                let message = format!(
                    "a password of this scheme has {needed} characters, `{}` is {}",
                    column.name, column.type_name
                );
                live.error("too-short", place, message, "make the column longer, or choose another scheme");
            }
        }
        Role::Piece | Role::Pointer | Role::Search | Role::Tested => {}
    }
}

fn holds(live: &mut Live<'_>, place: &Place, column: &ColumnFacts, value: &Value, who: &str) {
    let text = value.to_text();
    let length = text.chars().count() as u64;
    let is_text = matches!(column.holds, Holds::Text | Holds::Other);
    if let Some(allowed) = &column.allowed
        && !allowed.iter().any(|a| *a == text || (column.caseless && a.eq_ignore_ascii_case(&text)))
    {
        let message = format!("{who} `{text}`, which `{}` does not take", column.name);
        live.error(
            "value-refused",
            place,
            message,
            format!("it takes {}", super::listed(allowed.iter().map(String::as_str))),
        );
    } else if is_text && column.length.is_some_and(|most| length > most) {
        let message =
            format!("{who} `{text}`, {length} characters, `{}` is {}", column.name, column.type_name);
        live.error("too-short", place, message, "write a shorter value, or make the column longer");
    } else if let (Some((least, most)), Ok(number)) = (column.range, text.trim().parse::<i128>())
        && !(least..=most).contains(&number)
    {
        let message =
            format!("{who} {number}, `{}` ({}) holds {least} to {most}", column.name, column.type_name);
        live.error("out-of-range", place, message, "write a number in this range");
    }
}

/// A text with holes, as far as its length is known.
fn long(live: &mut Live<'_>, place: &Place, column: &ColumnFacts, template: &Template) {
    let (Some(most), Some(length)) = (column.length, known_length(template)) else { return };
    if length > most && matches!(column.holds, Holds::Text | Holds::Other) {
        let message = format!(
            "the mapping makes texts of up to {length} characters or more for `{}`, which is {}",
            column.name, column.type_name
        );
        let help = format!("cut what is too long, as `{{…|cut:{most}}}`, or make the column longer");
        live.error("too-short", place, message, help);
    }
}

/// Characters that a template certainly may give: its literals, and its holes as far as they have a length.
fn known_length(template: &Template) -> Option<u64> {
    match template {
        Template::Literal(value) => Some(value.to_text().chars().count() as u64),
        Template::Uuid => Some(36),
        Template::Text(pieces) | Template::Unique { text: pieces, .. } => {
            Some(pieces.iter().map(piece_length).sum())
        }
        _ => None,
    }
}

fn piece_length(piece: &Piece) -> u64 {
    match piece {
        Piece::Literal(text) => text.chars().count() as u64,
        Piece::Hole { sources, codecs } => {
            let cut =
                codecs.iter().rev().find_map(|c| if let Codec::Cut(n) = c { Some(*n as u64) } else { None });
            let own = sources.iter().filter_map(|s| match s {
                Source::Constant(value) => Some(value.to_text().chars().count() as u64),
                Source::Word(word) => known_length(word),
                Source::Field(_) | Source::Through(..) => None,
            });
            let is_hex = codecs.iter().any(|c| matches!(c, Codec::Hex));
            let own = own.max().map(|n| if is_hex && n == 36 { 32 } else { n });
            match (cut, own) {
                (Some(cut), Some(own)) => cut.min(own),
                (one, other) => one.or(other).unwrap_or_default(),
            }
        }
    }
}

/// The text of a literal default; `None` for NULL, calls and whatever else is computed.
pub(super) fn literal(default: &str) -> Option<String> {
    let text = default.trim();
    if let Some(rest) = text.strip_prefix('\'') {
        // `'x'::character varying`
        let end = rest.replace("''", "\u{0}\u{0}").find('\'')?;
        return Some(rest.get(..end)?.replace("''", "'"));
    }
    text.parse::<f64>().is_ok().then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_read_in_every_spelling() {
        for (default, expect) in [
            ("'n/a'", Some("n/a")),
            ("'it''s'::character varying", Some("it's")),
            ("5", Some("5")),
            ("NULL", None),
            ("current_timestamp()", None),
        ] {
            assert_eq!(literal(default).as_deref(), expect, "{default}");
        }
    }

    #[test]
    fn known_lengths_add_up() {
        let hole = |codecs, source| Piece::Hole { sources: vec![source], codecs };
        let uuid = Source::Word(Box::new(Template::Uuid));
        let text = vec![
            Piece::Literal("x-".into()),
            hole(vec![Codec::Cut(8)], uuid.clone()),
            hole(Vec::new(), uuid),
        ];
        assert_eq!(known_length(&Template::Text(text)), Some(2 + 8 + 36));
        assert_eq!(known_length(&Template::Nothing), None);
    }
}
