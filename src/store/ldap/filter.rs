//! Turns a [`Predicate`] into the text of a search filter (RFC 4515).
//!
//! Every value passes through [`escape`] here and nowhere else. The directory
//! compares by the matching rules of its schema, mostly without case and outer
//! spaces, so a test of text finds a superset. A test that a directory cannot
//! answer at all becomes a weaker one (`(a=*)`, or none).
//!
//! **Invariant:** a query's filter matches at least the entries that the
//! predicate matches. Negation is pushed down to the tests first and a `not`
//! over an inexact test is dropped from a query, since the complement of a
//! superset loses entries. A scope is written in the directory's own terms, so
//! there `not` stands for the directory's own answer.
//!
//! A filter is Undefined where an attribute has no fitting matching rule, and
//! then finds nothing (RFC 4511 §4.5.1.7). So an attribute is asked only what
//! `rules` says that it has a rule for, and substrings never of DNs, octets and
//! keys.

use super::{
    entry::is_pseudo,
    rules::{Rules, is_group_number, is_windows_time},
    spelling::spellings,
    syntax,
};
use crate::store::{Bag, Coverage, Field, FieldKind, Fold, Order, Predicate, StoreError, Test, Value};

/// LDAP_MATCHING_RULE_BIT_AND.
const BIT_AND: &str = "1.2.840.113556.1.4.803";

/// LDAP_MATCHING_RULE_IN_CHAIN.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// What a filter is for, which decides what `not` may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The rows that are ours: matching as the directory does it.
    Scope,
    /// A question of the caller, who looks at the answers once more.
    Query,
}

/// How well a filter stands for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It says less, perhaps nothing.
    Weak,
    /// The same by the directory's matching rules, a superset by ours.
    Matching,
    /// The same.
    Exact,
}

/// A filter under construction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    True,
    False,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// One assertion in its parentheses.
    Leaf(String),
}

impl Filter {
    /// Conjunction without needless parts; 389-ds knows no `(&)`.
    pub(super) fn and(parts: Vec<Filter>) -> Filter {
        if parts.contains(&Self::False) {
            return Self::False;
        }
        let mut parts: Vec<_> = parts.into_iter().filter(|p| *p != Self::True).collect();
        match parts.len() {
            0 => Self::True,
            1 => parts.remove(0),
            _ => Self::And(parts),
        }
    }

    /// Disjunction without needless parts.
    pub(super) fn or(parts: Vec<Filter>) -> Filter {
        if parts.contains(&Self::True) {
            return Self::True;
        }
        let mut parts: Vec<_> = parts.into_iter().filter(|p| *p != Self::False).collect();
        match parts.len() {
            0 => Self::False,
            1 => parts.remove(0),
            _ => Self::Or(parts),
        }
    }

    /// Filters of at most so many alternatives in a row, which together find what this one finds.
    pub(super) fn pieces(&self, most: usize) -> Vec<Filter> {
        match self {
            Self::Or(parts) if parts.len() > most => {
                parts.chunks(most).map(|some| Self::or(some.to_vec())).collect()
            }
            Self::And(parts) => {
                let split = parts.iter().enumerate().find_map(|(at, part)| {
                    Some((at, part.pieces(most))).filter(|(_, pieces)| pieces.len() > 1)
                });
                let Some((at, pieces)) = split else { return vec![self.clone()] };
                let with = |piece: Filter| {
                    let others = parts.iter().enumerate().filter(|(other, _)| *other != at);
                    Self::and(others.map(|(_, part)| part.clone()).chain([piece]).collect())
                };
                pieces.into_iter().map(with).collect()
            }
            _ => vec![self.clone()],
        }
    }

    /// Equality of an attribute and a text value.
    pub(super) fn equal(attribute: &str, value: &str) -> Filter {
        Self::Leaf(format!("({attribute}={})", escape(value.as_bytes(), FieldKind::Text)))
    }

    /// An attribute that holds a name, or that of an entry whose attribute of the same kind leads there.
    pub(super) fn leading_to(attribute: &str, name: &str) -> Filter {
        Self::Leaf(format!("({attribute}:{IN_CHAIN}:={})", escape(name.as_bytes(), FieldKind::Text)))
    }

    fn negate(self) -> Filter {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// The text; `None` if nothing can match.
    pub(super) fn text(&self) -> Option<String> {
        let mut out = String::new();
        match self {
            Self::False => return None,
            Self::True => out.push_str("(objectClass=*)"),
            other => other.write(&mut out),
        }
        Some(out)
    }

    fn write(&self, out: &mut String) {
        let mut list = |sign: char, parts: &[Filter]| {
            out.push('(');
            out.push(sign);
            parts.iter().for_each(|p| p.write(out));
            out.push(')');
        };
        match self {
            Self::And(parts) => list('&', parts),
            Self::Or(parts) => list('|', parts),
            Self::Not(inner) => list('!', std::slice::from_ref(inner)),
            Self::Leaf(text) => out.push_str(text),
            // The constructors leave these only at the top, and `text` writes that.
            Self::True => out.push_str("(objectClass=*)"),
            Self::False => out.push_str("(!(objectClass=*))"),
        }
    }
}

/// RFC 4515 §3: escapes what would end or change the assertion, and every octet of binary values.
fn escape(octets: &[u8], kind: FieldKind) -> String {
    let text = std::str::from_utf8(octets).ok().filter(|_| kind != FieldKind::Bytes);
    let Some(text) = text else { return octets.iter().map(|b| format!("\\{b:02x}")).collect() };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '(' | ')' | '\\' => out.push_str(&format!("\\{:02x}", u32::from(c))),
            c if c.is_ascii_control() => out.push_str(&format!("\\{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// The assertion value of a field.
pub(super) fn assertion(value: &Value, kind: FieldKind) -> String {
    escape(&syntax::encode(value, kind), kind)
}

/// The assertion value of an attribute.
fn asserted(name: &str, value: &Value, kind: FieldKind) -> String {
    let text = assertion(value, kind);
    match text.strip_suffix('Z') {
        Some(time) if is_windows_time(name) => format!("{}.0Z", time.split('.').next().unwrap_or_default()),
        _ => text,
    }
}

/// The same predicate with `not` only directly over tests, and lists flattened.
pub(super) fn push_not_down(predicate: &Predicate) -> Predicate {
    normal_form(predicate, false)
}

fn normal_form(predicate: &Predicate, negated: bool) -> Predicate {
    let each = |parts: &[Predicate]| parts.iter().map(|p| normal_form(p, negated)).collect::<Vec<_>>();
    match (predicate, negated) {
        (Predicate::True, false) | (Predicate::False, true) => Predicate::True,
        (Predicate::False, false) | (Predicate::True, true) => Predicate::False,
        (Predicate::All(parts), false) | (Predicate::Any(parts), true) => {
            each(parts).into_iter().fold(Predicate::True, Predicate::and)
        }
        (Predicate::Any(parts), false) | (Predicate::All(parts), true) => Predicate::Any(each(parts)),
        (Predicate::Not(inner), negated) => normal_form(inner, !negated),
        (Predicate::Field(f, Test::Present), true) => Predicate::Field(*f, Test::Absent),
        (Predicate::Field(f, Test::Absent), true) => Predicate::Field(*f, Test::Present),
        (leaf, false) => leaf.clone(),
        (leaf, true) => Predicate::Not(Box::new(leaf.clone())),
    }
}

/// Translates a predicate in normal form; the fit is that of its worst part.
///
/// # Errors
///
/// [`StoreError::Corrupt`] for a field name that is no attribute description.
pub(super) fn translate(
    bag: &Bag,
    predicate: &Predicate,
    purpose: Purpose,
    rules: &Rules,
) -> Result<(Filter, Fit), StoreError> {
    let list = |parts: &[Predicate]| -> Result<(Vec<Filter>, Fit), StoreError> {
        let mut fit = Fit::Exact;
        let mut filters = Vec::with_capacity(parts.len());
        for part in parts {
            let (filter, part_fit) = translate(bag, part, purpose, rules)?;
            fit = fit.min(part_fit);
            filters.push(filter);
        }
        Ok((filters, fit))
    };
    Ok(match predicate {
        Predicate::True => (Filter::True, Fit::Exact),
        Predicate::False => (Filter::False, Fit::Exact),
        Predicate::All(parts) => {
            let (filters, fit) = list(parts)?;
            (Filter::and(filters), fit)
        }
        Predicate::Any(parts) => {
            let (filters, fit) = list(parts)?;
            (Filter::or(filters), fit)
        }
        Predicate::Not(inner) => {
            let (filter, fit) = translate(bag, inner, purpose, rules)?;
            match (fit, purpose) {
                (Fit::Exact, _) | (Fit::Matching, Purpose::Scope) => (filter.negate(), fit),
                (Fit::Matching, Purpose::Query) | (Fit::Weak, _) => (Filter::True, Fit::Weak),
            }
        }
        Predicate::Exists(_) | Predicate::Clock(..) | Predicate::Pair(..) => (Filter::True, Fit::Weak),
        Predicate::Field(id, test) => match bag.fields.get(*id) {
            Some(field) => leaf(field, test, bag.key.contains(id), (purpose, rules))?,
            None => return Err(StoreError::Corrupt(format!("{} has no field {id}", bag.name))),
        },
    })
}

/// How well a directory answers a predicate in normal form by its filter alone.
pub(super) fn coverage(bag: &Bag, predicate: &Predicate, rules: &Rules) -> Coverage {
    let of = |p: &Predicate| match translate(bag, p, Purpose::Query, rules) {
        Ok((_, Fit::Exact)) => Coverage::Exact,
        Ok((_, Fit::Matching)) => Coverage::Superset,
        Ok((_, Fit::Weak)) | Err(_) => Coverage::None,
    };
    let all = |parts: &[Predicate]| parts.iter().map(|p| coverage(bag, p, rules)).collect::<Vec<_>>();
    match predicate {
        Predicate::All(parts) => {
            let parts = all(parts);
            match (parts.iter().min(), parts.iter().max()) {
                (Some(Coverage::None), Some(Coverage::None)) => Coverage::None,
                (Some(Coverage::Exact), _) | (None, _) => Coverage::Exact,
                _ => Coverage::Superset,
            }
        }
        Predicate::Any(parts) => all(parts).into_iter().min().unwrap_or(Coverage::Exact),
        other => of(other),
    }
}

fn holds_nul(test: &Test) -> bool {
    match test {
        Test::Starts(text, _) | Test::Ends(text, _) | Test::Contains(text, _) => text.contains('\0'),
        Test::Order(_, Value::Text(text), _) => text.contains('\0'),
        _ => false,
    }
}

/// A test of a group's number in Active Directory: the server makes it of the identifier when it is read, and
/// finds nothing by it.
fn numbered(test: &Test, rules: &Rules) -> (Filter, Fit) {
    let Test::OneOf(values, _) = test else { return (Filter::True, Fit::Weak) };
    let leaf = |value: &Value| {
        let sid = rules.sid_of(&value.to_text())?;
        Some(Filter::Leaf(format!("(objectSid={})", escape(&sid, FieldKind::Bytes))))
    };
    match values.iter().map(leaf).collect() {
        Some(leaves) => (Filter::or(leaves), Fit::Exact),
        None => (Filter::True, Fit::Weak),
    }
}

fn leaf(
    field: &Field,
    test: &Test,
    is_key: bool,
    (purpose, rules): (Purpose, &Rules),
) -> Result<(Filter, Fit), StoreError> {
    if is_pseudo(&field.name) {
        return Ok(match test {
            Test::Present => (Filter::True, Fit::Exact),
            Test::Absent => (Filter::False, Fit::Exact),
            _ => (Filter::True, Fit::Weak),
        });
    }
    let name = attribute_name(&field.name)?;
    let kind = field.kind;
    if is_group_number(name) {
        return Ok(numbered(test, rules));
    }
    // No directory's text holds a NUL, and 389-ds refuses to look for one.
    if kind != FieldKind::Bytes && holds_nul(test) {
        return Ok((Filter::False, Fit::Exact));
    }
    let present = || Filter::Leaf(format!("({name}=*)"));
    let weak = || Ok((present(), Fit::Weak));
    let texts = match kind {
        FieldKind::Any | FieldKind::Text => !is_key,
        FieldKind::Int | FieldKind::Bool | FieldKind::Decimal | FieldKind::Date => false,
        FieldKind::Time | FieldKind::Bytes | FieldKind::Dn => false,
    };
    let substring = |pattern: &str, before: &str, after: &str, fold: Fold| {
        let pattern = pattern.trim_matches(' ');
        let is_answered = texts && rules.has_substrings(name) && !rules.loses_case(name, pattern, fold);
        if pattern.is_empty() || !is_answered {
            return weak();
        }
        let Some(patterns) = spelled(pattern, fold) else { return weak() };
        let leaf = |pattern: &String| {
            Filter::Leaf(format!("({name}={before}{}{after})", escape(pattern.as_bytes(), kind)))
        };
        Ok((Filter::or(patterns.iter().map(leaf).collect()), Fit::Matching))
    };
    match test {
        Test::Present => Ok((present(), Fit::Exact)),
        Test::Absent => Ok((present().negate(), Fit::Exact)),
        Test::OneOf(..) if !rules.has_equality(name) => weak(),
        // Octets rarely have an equality rule (a photo has none), but an anchor does.
        Test::OneOf(..) if kind == FieldKind::Bytes && !is_key => weak(),
        // Samba does not find every entry by the time that it shows.
        Test::OneOf(..) if is_windows_time(name) => weak(),
        Test::OneOf(values, fold) => one_of(name, kind, (values, *fold), (purpose, rules)),
        Test::Order(order, value, _) => {
            if !rules.has_ordering(name, kind) || rules.is_beyond(name, value) {
                return weak();
            }
            Ok((ordered(name, *order, &asserted(name, value, kind)), Fit::Matching))
        }
        Test::Starts(text, fold) => substring(text, "", "*", *fold),
        Test::Ends(text, fold) => substring(text, "*", "", *fold),
        Test::Contains(text, fold) => substring(text, "*", "*", *fold),
        // A server that takes the values for text knows no bits of them: it fails, or calls the assertion Undefined.
        Test::BitsSet(_) | Test::BitsClear(_)
            if !matches!(kind, FieldKind::Int | FieldKind::Any) || !rules.has_bits(name) =>
        {
            weak()
        }
        Test::BitsSet(bits) => Ok((Filter::Leaf(format!("({name}:{BIT_AND}:={bits})")), Fit::Exact)),
        Test::BitsClear(bits) => {
            let each = (0..63).map(|i| 1_i64 << i).filter(|bit| bits & bit != 0);
            let none = each.map(|bit| Filter::Leaf(format!("({name}:{BIT_AND}:={bit})")).negate());
            Ok((Filter::and(std::iter::once(present()).chain(none).collect()), Fit::Exact))
        }
    }
}

fn one_of(
    name: &str,
    kind: FieldKind,
    (values, fold): (&[Value], Fold),
    (purpose, rules): (Purpose, &Rules),
) -> Result<(Filter, Fit), StoreError> {
    let mut fit = match kind {
        FieldKind::Int | FieldKind::Bool | FieldKind::Time | FieldKind::Bytes | FieldKind::Dn => Fit::Exact,
        FieldKind::Any | FieldKind::Text | FieldKind::Decimal | FieldKind::Date => Fit::Matching,
    };
    let mut filters = Vec::with_capacity(values.len());
    for value in values {
        if kind != FieldKind::Bytes && matches!(value, Value::Text(text) if text.contains('\0')) {
            continue;
        }
        let is_lost = matches!(value, Value::Text(text) if rules.loses_case(name, text, fold));
        let rule = rules.folding(name).filter(|_| is_lost);
        if is_lost && rule.is_none() {
            return Ok((Filter::Leaf(format!("({name}=*)")), Fit::Weak));
        }
        let by = rule.map_or(String::new(), |rule| format!(":{rule}:"));
        if !fits_kind(value, kind) {
            fit = Fit::Matching;
        }
        let equal = |value: &Value| Filter::Leaf(format!("({name}{by}={})", assertion(value, kind)));
        match value {
            Value::Text(text) if kind != FieldKind::Dn => match spelled(text, fold) {
                Some(texts) => filters.extend(texts.into_iter().map(|text| equal(&text.into()))),
                None => return Ok((Filter::Leaf(format!("({name}=*)")), Fit::Weak)),
            },
            // What is no boolean for us counts as one if it says so in another way. Never under a `not`: the server may
            // call these Undefined.
            Value::Bool(is_set) if kind != FieldKind::Bool && purpose == Purpose::Query => {
                let others = [Value::Int(i64::from(*is_set)), Value::Text(is_set.to_string())];
                filters.push(equal(value));
                filters.extend(others.iter().map(equal));
            }
            value => filters.push(equal(value)),
        }
    }
    Ok((Filter::or(filters), fit))
}

/// The spellings of a text to ask for; `None` if they cannot be listed.
fn spelled(text: &str, fold: Fold) -> Option<Vec<String>> {
    match fold {
        Fold::Exact => Some(vec![text.to_owned()]),
        Fold::Case => spellings(text),
    }
}

/// False if a server may call the assertion Undefined, whose negation finds nothing either.
fn fits_kind(value: &Value, kind: FieldKind) -> bool {
    match kind {
        FieldKind::Int => matches!(value, Value::Int(_)),
        FieldKind::Bool => matches!(value, Value::Bool(_)),
        FieldKind::Time => matches!(value, Value::Time(_)),
        FieldKind::Bytes => matches!(value, Value::Bytes(_)),
        FieldKind::Dn => matches!(value, Value::Text(text) if crate::store::dn::normalise(text).is_some()),
        FieldKind::Any | FieldKind::Text | FieldKind::Decimal | FieldKind::Date => true,
    }
}

/// LDAP has no `<` and `>`. Taking the equal value away by `not` would lose entries
/// that hold it beside another one, so the caller drops it.
fn ordered(name: &str, order: Order, value: &str) -> Filter {
    let sign = match order {
        Order::Lt | Order::Le => "<=",
        Order::Gt | Order::Ge => ">=",
    };
    Filter::Leaf(format!("({name}{sign}{value})"))
}

/// The name if it is an attribute description (RFC 4512 §2.5).
fn attribute_name(name: &str) -> Result<&str, StoreError> {
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ';' | '.' | '_'));
    match is_name {
        true => Ok(name),
        false => Err(StoreError::Corrupt(format!("`{name}` is no attribute description"))),
    }
}

#[cfg(test)]
mod tests;
