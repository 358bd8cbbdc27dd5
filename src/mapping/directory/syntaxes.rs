//! Syntaxes (RFC 4517): whether an attribute can hold what the mapping takes it for, and the values that the
//! mapping itself puts there.

use crate::{
    mapping::{
        codec::{Codec, time::Form},
        directory::{
            Against, Set,
            attributes::find,
            fields::{Used, made},
            listed,
        },
        form::Template,
        place::Place,
        uses::Role,
    },
    scim::schema::DataType,
    store::{
        FieldKind, Value,
        dn::Dn,
        inventory::directory::{AttributeType, Vendor},
    },
};

/// What the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Ascii,
    Int,
    Bool,
    Time,
    Name,
    Octets,
}

impl Holds {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "texts",
            Self::Ascii => "texts of ASCII letters",
            Self::Int => "whole numbers",
            Self::Bool => "TRUE or FALSE",
            Self::Time => "times (Generalized Time)",
            Self::Name => "DNs",
            Self::Octets => "octets",
        }
    }
}

/// What an attribute type holds.
pub(super) fn holds(of: &AttributeType) -> Holds {
    match of.syntax.strip_prefix("1.3.6.1.4.1.1466.115.121.1.").unwrap_or(&of.syntax) {
        "7" => Holds::Bool,
        "12" | "34" => Holds::Name,
        "24" => Holds::Time,
        "26" => Holds::Ascii,
        "27" | "1.2.840.113556.1.4.906" => Holds::Int,
        "5" | "8" | "28" | "40" | "1.2.840.113556.1.4.907" => Holds::Octets,
        _ => Holds::Text,
    }
}

pub(super) fn check(against: &mut Against<'_>, set: &Set<'_>) {
    for used in set.used().filter(|used| used.at.whole) {
        let Some(of) = find(against, set.part.bag.field_name(used.at.field)) else { continue };
        let place = against.bound_place(set.ty, used.of.field, used.of.rule);
        match &used.of.role {
            Role::Value { .. } => value(against, &place, &used, of),
            Role::Pointer => pointer(against, set, &place, &used, of),
            Role::Piece | Role::Tested | Role::Search | Role::Password(_) => {}
        }
    }
    constants(against, set);
    limits(against, set);
}

/// An attribute of SCIM in one of the directory.
fn value(against: &mut Against<'_>, place: &Place, used: &Used<'_>, of: &AttributeType) {
    let Role::Value { codecs, map, data_type, .. } = &used.of.role else { return };
    let (name, kind) = (of.name(), holds(of));
    if let Some(map) = map {
        for value in map.pairs.iter().filter_map(|(stored, _)| stored.as_ref()) {
            literal(against, place, of, value, "the map has");
        }
        return;
    }
    let time = codecs.iter().find_map(|c| if let Codec::Time(form) = c { Some(form) } else { None });
    let is_text = matches!(kind, Holds::Text | Holds::Ascii);
    let decodes = !codecs.is_empty();
    let help = match (data_type, time) {
        (_, Some(Form::GeneralizedTime)) if kind != Holds::Time && !is_text => {
            "name an attribute of times, or the codec of the form that it has"
        }
        (_, Some(Form::FileTime | Form::Epoch | Form::EpochMillis | Form::Days)) if kind == Holds::Time => {
            "write `codec = \"generalized_time\"`, or no codec: it is a time already"
        }
        (_, Some(_)) => return,
        (DataType::Boolean, _) if kind != Holds::Bool && !decodes => {
            "write a `map` or `codec = \"bool:YES:NO\"`, or a state (`read`, `true`, `false`)"
        }
        (DataType::DateTime, _) if kind != Holds::Time && !decodes => {
            "write the codec of the form that it has: `generalized_time`, `filetime`, `epoch`"
        }
        (DataType::Integer | DataType::Decimal, _)
            if !matches!(kind, Holds::Int | Holds::Text | Holds::Ascii) =>
        {
            "name an attribute of whole numbers"
        }
        (DataType::String | DataType::Reference, _) if kind == Holds::Octets && !decodes => {
            "write `codec = \"base64\"` or the codec of the form that it has"
        }
        (DataType::String, _) if matches!(kind, Holds::Bool | Holds::Time) && !decodes => {
            "write a `map`, or bind it to an attribute of that type"
        }
        (DataType::String, _) if kind == Holds::Int && !decodes && used.of.writable => {
            let message = format!("`{}` is any text, `{name}` takes whole numbers only", used.of.path);
            let help = "write a `map`, or take an attribute of texts; other values are refused (400)";
            return against.warn("attribute-syntax", place, message, help);
        }
        (DataType::String, _) if kind == Holds::Name && !decodes => {
            let message = format!("`{}` shows the DNs of `{name}` as they are", used.of.path);
            return against.warn(
                "attribute-syntax",
                place,
                message,
                "write `ref = \"User\"` for the resource behind it",
            );
        }
        _ => return,
    };
    let message = format!("`{}` is of the type {data_type:?}, `{name}` holds {}", used.of.path, kind.word());
    against.error("attribute-syntax", place, message, help);
}

/// A pointer at another entry.
fn pointer(against: &mut Against<'_>, set: &Set<'_>, place: &Place, used: &Used<'_>, of: &AttributeType) {
    let is_name = holds(of) == Holds::Name;
    let by_name = set.mapping.shape.part(used.of.field.part).bag.kind(used.of.field.field) == FieldKind::Dn
        || set.part.bag.kind(used.at.field) == FieldKind::Dn;
    if by_name && !is_name {
        let message =
            format!("`{}` points by DN, but `{}` holds {}", used.of.path, of.name(), holds(of).word());
        let help = "write `by = \"uid\"` or whatever it holds of the target";
        against.error("pointer-syntax", place, message, help);
    } else if !by_name && is_name {
        let message = format!("`{}` points by another field, but `{}` holds DNs", used.of.path, of.name());
        against.error("pointer-syntax", place, message, "leave `by` out: a reference is by DN");
    }
}

/// What the mapping itself writes or compares with.
fn constants(against: &mut Against<'_>, set: &Set<'_>) {
    let mut all: Vec<(usize, &Value, &str)> = Vec::new();
    all.extend(set.part.constants.iter().map(|(field, value)| (*field, value, "`where` says")));
    for (made, at) in made(set.mapping, set.uses).filter(|(_, at)| at.part == set.id) {
        if let Template::Literal(value) = made.template {
            all.push((at.field, value, "the mapping writes"));
        }
    }
    for (field, value, says) in all {
        let Some(of) = find(against, set.part.bag.field_name(field)) else { continue };
        let place = against.field_place(set.ty, set.id, field);
        literal(against, &place, of, value, says);
    }
    for (id, part) in set.mapping.shape.parts.iter().enumerate().filter(|(_, p)| p.parent == set.id) {
        let (Some(Template::Literal(value)), Some(field)) = (&part.floor, part.values_of()) else { continue };
        let Some(of) = find(against, set.part.bag.field_name(field)) else { continue };
        let place = against.setting_place(set.ty, id, "in");
        literal(against, &place, of, value, "`floor` says");
    }
}

fn literal(against: &mut Against<'_>, place: &Place, of: &AttributeType, value: &Value, says: &str) {
    let text = value.to_text();
    let kind = holds(of);
    let fits = match (kind, value) {
        (Holds::Int, _) => text.parse::<i128>().is_ok(),
        (Holds::Bool, Value::Bool(_)) => true,
        (Holds::Bool, _) => text == "TRUE" || text == "FALSE",
        (Holds::Time, Value::Time(_) | Value::Date(_)) => true,
        (Holds::Time, _) => text.len() >= 11 && text.starts_with(|c: char| c.is_ascii_digit()),
        (Holds::Name, _) => Dn::parse(&text).is_ok_and(|dn| !dn.rdns().is_empty()),
        (Holds::Ascii, _) => text.is_ascii(),
        (Holds::Text | Holds::Octets, _) => true,
    };
    let name = of.name();
    if !fits {
        let message = format!("{says} `{text}`, but `{name}` holds {}", kind.word());
        against.error(
            "value-syntax",
            place,
            message,
            "write a value of that form, or name another attribute",
        );
    } else if let Some(most) =
        of.most.filter(|most| text.chars().count() as u64 > *most && kind != Holds::Int)
    {
        let message = format!("{says} `{text}`, but `{name}` takes at most {most} characters");
        against.error("too-long", place, message, "write a shorter value");
    }
}

/// Bounds that clients should know of.
fn limits(against: &mut Against<'_>, set: &Set<'_>) {
    if against.facts.vendor != Vendor::ActiveDirectory {
        return;
    }
    let mut bounded: Vec<(String, u64)> = Vec::new();
    for used in set.used().filter(|used| used.of.writable && used.at.whole) {
        let Role::Value { codecs, map: None, data_type: DataType::String, .. } = &used.of.role else {
            continue;
        };
        let says = codecs.iter().any(|codec| matches!(codec, Codec::Length(_)));
        let Some(of) = find(against, set.part.bag.field_name(used.at.field)) else { continue };
        let known = bounded.iter().any(|(name, _)| name == of.name());
        if let (Some(most), false, false, Holds::Text | Holds::Ascii) = (of.most, says, known, holds(of)) {
            bounded.push((of.name().to_owned(), most));
        }
    }
    if let Some((name, most)) = bounded.first() {
        let list = listed(
            bounded
                .iter()
                .map(|(name, most)| format!("{name}: {most}"))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str),
        );
        let place = against.setting_place(set.ty, set.id, "classes");
        let message = format!("the server refuses longer values (characters): {list}");
        let help = format!("tell clients: `[….fields]` `{name} = {{ length = {most} }}`");
        against.note("length-limit", &place, message, help);
    }
}
