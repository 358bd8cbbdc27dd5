//! V, a value: a literal, an `@word`, or text with `{field}` holes.

use crate::{
    mapping::{
        codec::Codec,
        form::{Eval, Need},
        shape::FieldRef,
    },
    store::{FieldKind, Fold, Source as Shelf, Value, dn, moment::Moment},
};

pub use crate::store::moment::Unit;

/// A compiled V.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// A literal.
    Literal(Value),
    /// `@none`: no value, NULL, no row.
    Nothing,
    /// `@some`: at least one row (parts only).
    Some,
    /// `@now`, with an offset.
    Now(Offset),
    /// `@today`, with an offset.
    Today(Offset),
    /// `@uuid`: a new random UUID.
    Uuid,
    /// `@actor`: our service account.
    Actor,
    /// `@next.NAME`: a counter.
    Next(String),
    /// `@unique:- TEXT`: the text, or the text with a number, until it is free.
    Unique {
        /// What stands before the number.
        separator: String,
        /// The text.
        text: Vec<Piece>,
    },
    /// Text with holes.
    Text(Vec<Piece>),
    /// A word of a log, which has a value for each row of it.
    Logged(LogWord),
}

/// The words of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogWord {
    /// `@event`: what happened.
    Event,
    /// `@field`: the name of what has changed.
    Field,
    /// `@old`: what it held.
    Old,
    /// `@new`: what it holds.
    New,
}

/// How far from now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offset {
    /// The amount: a constant, or a field.
    pub amount: Amount,
    /// Its unit.
    pub unit: Unit,
    /// True: before now.
    pub back: bool,
}

/// An amount of time units.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Amount {
    Number(i64),
    Field(FieldRef),
}

impl Default for Amount {
    fn default() -> Self {
        Self::Number(0)
    }
}

/// A piece of text with holes.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Literal text.
    Literal(String),
    /// A hole: the first alternative that is there, through the codecs in the direction SCIM → store.
    Hole {
        /// `{a or b}`, `{a|codec or b}`.
        sources: Vec<Source>,
        /// `|codec|codec`.
        codecs: Vec<Codec>,
    },
}

/// What fills a hole.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A field.
    Field(FieldRef),
    /// A constant from `[let]`.
    Constant(Value),
    /// A word such as `@uuid`.
    Word(Box<Template>),
    /// One of these with codecs of its own, which counts only if they leave a text: `{name|ascii or login}`.
    Through(Box<Source>, Vec<Codec>),
}

impl Source {
    /// The field that it is.
    #[must_use]
    pub fn field(&self) -> Option<&FieldRef> {
        match self {
            Self::Field(field) => Some(field),
            Self::Through(inner, _) => inner.field(),
            Self::Constant(_) | Self::Word(_) => None,
        }
    }

    /// It with values in place of a log's words.
    fn told(&self, word: &dyn Fn(LogWord) -> Option<Value>) -> Self {
        match self {
            Self::Word(inner) => Self::Word(Box::new(inner.told(word))),
            Self::Through(inner, codecs) => Self::Through(Box::new(inner.told(word)), codecs.clone()),
            other => other.clone(),
        }
    }
}

impl Template {
    /// The value now; none if it is nothing. `place` tells generated values apart.
    #[must_use]
    pub fn one(&self, eval: &Eval<'_>, place: &FieldRef) -> Option<Value> {
        self.many(eval, place, false).into_iter().next()
    }

    /// The values now: for a multi-valued target (`many`) once per value of the first hole's field.
    #[must_use]
    pub fn many(&self, eval: &Eval<'_>, place: &FieldRef, many: bool) -> Vec<Value> {
        match self {
            Self::Literal(value) => vec![value.clone()],
            // Outside of a log its words have no value.
            Self::Nothing | Self::Some | Self::Logged(_) => Vec::new(),
            Self::Now(_) | Self::Today(_) => {
                let spell = |time| match eval.shape.form_of(place) {
                    Some(form) => (form.spell)(time),
                    None => Some(time),
                };
                self.time(eval).and_then(spell).into_iter().collect()
            }
            Self::Uuid => vec![eval.answers.uuid(&format!("{place:?}{:?}", eval.at)).into()],
            Self::Actor => vec![eval.answers.actor.as_str().into()],
            Self::Next(name) => {
                let place = format!("{place:?}{:?}", eval.at);
                let need = Need::Next { counter: name.clone(), place };
                eval.answers.value(&need).flatten().into_iter().collect()
            }
            Self::Unique { separator, text } => {
                let Some(stem) = compose(text, eval, place, 0) else { return Vec::new() };
                let need = Need::Unique {
                    part: place.part,
                    field: place.field,
                    stem: stem.to_text(),
                    separator: separator.clone(),
                    container: container(eval, place),
                };
                eval.answers.value(&need).flatten().into_iter().collect()
            }
            Self::Text(pieces) => {
                let count = if many { width(pieces, eval) } else { 1 };
                (0..count).filter_map(|i| compose(pieces, eval, place, i)).collect()
            }
        }
    }

    /// The instant or the day that is meant.
    fn time(&self, eval: &Eval<'_>) -> Option<Value> {
        match self {
            Self::Now(offset) => offset.after(eval.answers.now, eval).map(Value::Time),
            Self::Today(offset) => offset.after(eval.answers.now, eval).map(|t| Value::Date(t.date())),
            _ => None,
        }
    }

    /// It with values in place of a log's words.
    #[must_use]
    pub fn told(&self, word: &dyn Fn(LogWord) -> Option<Value>) -> Self {
        let told = |pieces: &[Piece]| {
            let piece = |piece: &Piece| match piece {
                Piece::Literal(text) => Piece::Literal(text.clone()),
                Piece::Hole { sources, codecs } => {
                    let sources = sources.iter().map(|source| source.told(word)).collect();
                    Piece::Hole { sources, codecs: codecs.clone() }
                }
            };
            pieces.iter().map(piece).collect()
        };
        match self {
            Self::Logged(of) => word(*of).map_or(Self::Nothing, Self::Literal),
            Self::Text(pieces) => Self::Text(told(pieces)),
            other => other.clone(),
        }
    }

    /// The field, if it is nothing but one field as it is.
    #[must_use]
    pub fn alone(&self) -> Option<&FieldRef> {
        let Self::Text(pieces) = self else { return None };
        match pieces.as_slice() {
            [Piece::Hole { sources, codecs }] if codecs.is_empty() => match sources.as_slice() {
                [Source::Field(field)] => Some(field),
                _ => None,
            },
            _ => None,
        }
    }

    /// The time it means, if that is as far from now for every row.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        match self {
            Self::Now(offset) => offset.moment(false),
            Self::Today(offset) => offset.moment(true),
            _ => None,
        }
    }

    /// The fields in its holes.
    #[must_use]
    pub fn fields(&self) -> Vec<&FieldRef> {
        let pieces = match self {
            Self::Text(pieces) | Self::Unique { text: pieces, .. } => pieces,
            Self::Now(o) | Self::Today(o) => {
                return match &o.amount {
                    Amount::Field(f) => vec![f],
                    Amount::Number(_) => Vec::new(),
                };
            }
            _ => return Vec::new(),
        };
        let holes = pieces.iter().filter_map(|p| match p {
            Piece::Hole { sources, .. } => Some(sources),
            Piece::Literal(_) => None,
        });
        holes.flatten().filter_map(Source::field).collect()
    }
}

impl Offset {
    fn after(&self, now: time::OffsetDateTime, eval: &Eval<'_>) -> Option<time::OffsetDateTime> {
        let amount = match &self.amount {
            Amount::Number(n) => *n,
            Amount::Field(field) => eval.values(field).first()?.to_text().parse().ok()?,
        };
        self.unit.after(now, if self.back { amount.checked_neg()? } else { amount })
    }

    /// The moment it means, if it does not depend on a field.
    fn moment(&self, day: bool) -> Option<Moment> {
        let Amount::Number(amount) = self.amount else { return None };
        let amount = if self.back { amount.checked_neg()? } else { amount };
        Some(Moment { day, amount, unit: self.unit, spelling: None })
    }
}

fn width(pieces: &[Piece], eval: &Eval<'_>) -> usize {
    let widths = pieces.iter().filter_map(|p| match p {
        Piece::Hole { sources, .. } => {
            sources.iter().filter_map(Source::field).map(|f| eval.values(f).len()).find(|n| *n > 0)
        }
        Piece::Literal(_) => None,
    });
    widths.max().unwrap_or(1)
}

/// Composes the text. In a field that holds a DN, values are escaped (RFC 4514 §2.4), constants and
/// whole DNs are not. A missing hole takes the literal before it along, or the
/// one after it if it comes first; all holes missing = nothing. A single hole
/// without codecs keeps the value's type.
pub fn compose(pieces: &[Piece], eval: &Eval<'_>, place: &FieldRef, index: usize) -> Option<Value> {
    if let [piece @ Piece::Hole { codecs, .. }] = pieces
        && codecs.is_empty()
    {
        return fill(piece, eval, place, index).map(|filled| filled.value);
    }
    // Bytes have no text that would be them again.
    if let [piece @ Piece::Hole { .. }] = pieces
        && let Some(Filled { value: bytes @ Value::Bytes(_), .. }) = fill(piece, eval, place, index)
    {
        return Some(bytes);
    }
    let is_in_dn = is_dn(place, eval);
    let mut out = String::new();
    let mut pending: Option<&str> = None;
    let (mut holes, mut filled, mut swallow_next) = (0_u32, 0_u32, false);
    for piece in pieces {
        match piece {
            Piece::Literal(text) => {
                if swallow_next {
                    swallow_next = false;
                } else {
                    pending = Some(text);
                }
            }
            Piece::Hole { .. } => {
                holes += 1;
                let filled_by = fill(piece, eval, place, index);
                match filled_by.map(|f| (f.value.to_text(), f.source)).filter(|(text, _)| !text.is_empty()) {
                    Some((text, source)) => {
                        let is_value = is_in_dn && !holds_dn(source, eval);
                        let text = if is_value { dn::escape_value(&text) } else { text };
                        filled += 1;
                        out.push_str(pending.take().unwrap_or_default());
                        out.push_str(&text);
                    }
                    None => {
                        swallow_next = out.is_empty() && pending.is_none();
                        pending = None;
                    }
                }
            }
        }
    }
    out.push_str(pending.unwrap_or_default());
    (holes == 0 || filled > 0).then_some(Value::Text(out))
}

/// Where an entry is or comes to lie that this field names, if the mapping says so.
fn container(eval: &Eval<'_>, place: &FieldRef) -> Option<String> {
    let bag = &eval.shape.part(place.part).bag;
    let Shelf::Entries { rdn, .. } = &bag.source else { return None };
    let field = bag.find_field("container").filter(|_| rdn.contains(&place.field))?;
    Some(eval.values(&FieldRef { part: place.part, field, slot: None }).first()?.to_text())
}

/// True if the field holds a DN.
fn is_dn(field: &FieldRef, eval: &Eval<'_>) -> bool {
    let bag = &eval.shape.part(field.part).bag;
    bag.fields.get(field.field).is_some_and(|f| f.kind == FieldKind::Dn)
}

/// True if what fills the hole is a piece of a DN itself, not a value within one.
fn holds_dn(source: &Source, eval: &Eval<'_>) -> bool {
    match source {
        Source::Field(field) => is_dn(field, eval),
        Source::Constant(_) => true,
        Source::Word(_) | Source::Through(..) => false,
    }
}

/// True if the mapping says that this value of the field stands for nothing.
fn is_nothing(field: &FieldRef, value: &Value, eval: &Eval<'_>) -> bool {
    let mut list = eval.shape.nothing_of(field).filter(|t| t.fields().is_empty());
    list.any(|t| t.one(eval, field).is_some_and(|n| n.same(value, Fold::Exact)))
}

/// What fills a hole, and where it is from.
struct Filled<'p> {
    value: Value,
    source: &'p Source,
}

fn fill<'p>(piece: &'p Piece, eval: &Eval<'_>, place: &FieldRef, index: usize) -> Option<Filled<'p>> {
    let Piece::Hole { sources, codecs } = piece else { return None };
    sources.iter().find_map(|source| {
        let value = encoded(given(source, codecs, eval, place, index)?, codecs)?;
        // What codecs leave nothing of is not there.
        let is_there = codecs.is_empty() || value != Value::Text(String::new());
        is_there.then_some(Filled { value, source })
    })
}

/// What a source gives, if it is there. `codecs` come after it.
fn given(
    source: &Source,
    codecs: &[Codec],
    eval: &Eval<'_>,
    place: &FieldRef,
    index: usize,
) -> Option<Value> {
    match source {
        Source::Field(field) => {
            let values = eval.values(field);
            let value = values.get(index).or_else(|| values.first())?;
            let is_there = *value != Value::Text(String::new()) && !is_nothing(field, value, eval);
            is_there.then(|| value.clone())
        }
        Source::Constant(value) => Some(value.clone()),
        // A UUID's digits, without what stands between them.
        Source::Word(word) if **word == Template::Uuid && codecs.first() == Some(&Codec::Hex) => {
            Some(Value::Text(word.one(eval, place)?.to_text().replace('-', "")))
        }
        // Codecs of the hole say how a time is written there.
        Source::Word(word) if !codecs.is_empty() => word.time(eval).or_else(|| word.one(eval, place)),
        Source::Word(word) => word.one(eval, place),
        Source::Through(inner, own) => {
            let value = encoded(given(inner, own, eval, place, index)?, own)?;
            let is_blank = matches!(&value, Value::Text(text) if text.trim().is_empty());
            (!is_blank).then_some(value)
        }
    }
}

/// A value through codecs, in the direction SCIM → store.
fn encoded(value: Value, codecs: &[Codec]) -> Option<Value> {
    codecs.iter().try_fold(value, |value, codec| codec.encode(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mapping::{
            compile::compile,
            form::{Answers, set},
            record::Record,
        },
        store::Row,
    };

    /// The `initial` container of a new person whose location is `city`.
    fn container(text: &str, city: Option<&str>) -> Vec<Value> {
        let file = format!(
            "[ldap]\n[let]\nhome = \"ou=Home,dc=example\"\n[User]\nbase = \"dc=example\"\n\
             classes = [\"inetOrgPerson\"]\nrdn = \"uid\"\ninitial = {{ container = \"{text}\" }}\n\
             [User.attributes]\nuserName = \"uid\"\ntitle = \"l\"\n"
        );
        let compiled = compile(&file, &|_| Err(std::io::ErrorKind::NotFound.into()));
        let mapping = compiled.unwrap_or_else(|d| panic!("{}", d.render("test", &file))).0;
        let ty = &mapping.types[0];
        let mut row = Row::new(ty.bag());
        row.set(ty.find_root("l").unwrap(), city.map(Value::from).into_iter().collect());
        let mut record = Record::stored(&ty.shape, row);
        let answers = Answers::new(time::OffsetDateTime::UNIX_EPOCH, "");
        set::apply(std::slice::from_ref(&ty.settle[0].assign), &ty.shape, &mut record, (0, 0), &answers);
        record.row(0, 0).unwrap().now.all(ty.find_root("container").unwrap()).to_vec()
    }

    #[test]
    fn in_a_dn_values_are_escaped_and_constants_are_not() {
        let text = "ou={l},{let.home}";
        assert_eq!(container(text, Some("a,b")), ["ou=a\\,b,ou=Home,dc=example".into()]);
        // Who filled the hole counts, not who could have.
        let text = "ou=x,{l or let.home}";
        assert_eq!(container(text, None), ["ou=x,ou=Home,dc=example".into()]);
        assert_eq!(container(text, Some("dc=a,dc=b")), ["ou=x,dc\\=a\\,dc\\=b".into()]);
    }
}
