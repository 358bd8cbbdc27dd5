//! SCIM filter → predicate of the store: the filter faces of the lenses.
//!
//! A conjunction is split branch by branch; a disjunction is pushed whole or
//! not at all; `not` only over exact predicates (design: a superset may be
//! narrowed afterwards, a subset never widened).

mod element;
mod kinds;
mod order;
mod scalar;

use self::{
    element::{may_be, needs_value},
    order::order_of,
    scalar::holds,
};
use crate::{
    mapping::{
        TypeMapping,
        form::{Answers, Eval, Need, Template},
        lens::{Lens, Reference, Rows, Rule, Scalar, Source, Sub},
        record::Record,
        shape::PartId,
    },
    scim::{
        Json,
        attribute::AttrPath,
        filter::{CompareOp, Filter},
        schema::DataType,
    },
    store::{Fold, Predicate, Test},
};

/// A predicate that returns at least the rows that match.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    /// On the rows of the root.
    pub predicate: Predicate,
    /// True if it returns exactly the rows that match.
    pub exact: bool,
}

impl Pushed {
    const EVERYTHING: Self = Self { predicate: Predicate::True, exact: false };

    fn exact(predicate: Predicate) -> Self {
        Self { predicate, exact: true }
    }

    fn superset(predicate: Predicate) -> Self {
        Self { predicate, exact: false }
    }

    fn not(self) -> Self {
        match (self.exact, self.predicate) {
            (true, Predicate::Not(inner)) => Self::exact(*inner),
            (true, Predicate::True) => Self::exact(Predicate::False),
            (true, Predicate::False) => Self::exact(Predicate::True),
            (true, p) => Self::exact(Predicate::Not(Box::new(p))),
            (false, _) => Self::EVERYTHING,
        }
    }

    fn all(list: impl IntoIterator<Item = Pushed>) -> Self {
        list.into_iter().fold(Self::exact(Predicate::True), |a, b| Self {
            exact: a.exact && b.exact,
            predicate: a.predicate.and(b.predicate),
        })
    }

    fn any(list: impl IntoIterator<Item = Pushed>) -> Self {
        let list: Vec<Pushed> = list.into_iter().collect();
        if list.iter().any(|p| p.predicate == Predicate::True) {
            return Self {
                predicate: Predicate::True,
                exact: list.iter().any(|p| p.exact && p.predicate == Predicate::True),
            };
        }
        let exact = list.iter().all(|p| p.exact);
        let mut any: Vec<Predicate> =
            list.into_iter().map(|p| p.predicate).filter(|p| *p != Predicate::False).collect();
        let predicate = match any.len() {
            0 => Predicate::False,
            1 => any.remove(0),
            _ => Predicate::Any(any),
        };
        Self { predicate, exact }
    }
}

/// One comparison, or a test of presence.
#[derive(Clone, Copy)]
struct Compare<'f> {
    op: Option<CompareOp>,
    json: &'f Json,
    /// The attribute as the filter names it, where our own database may be asked for it.
    path: Option<&'f AttrPath>,
}

impl<'f> Compare<'f> {
    fn new(op: Option<CompareOp>, json: &'f Json) -> Self {
        Self { op, json, path: None }
    }

    fn presence() -> Compare<'static> {
        Compare::new(None, &Json::Null)
    }
}

struct Query<'a> {
    ty: &'a TypeMapping,
    answers: &'a Answers,
    record: Record,
}

impl TypeMapping {
    /// Turns a filter into a predicate on the root's rows. What only the gateway can find out
    /// (ids, client ids) is asked through `answers`.
    #[must_use]
    pub fn push(&self, filter: &Filter, answers: &Answers) -> Pushed {
        let query = Query { ty: self, answers, record: Record::create(&self.shape) };
        query.filter(filter)
    }

    /// The rule that a path means, with the sub-attribute if the path names one.
    fn rule_of<'f>(&self, path: &'f AttrPath) -> Option<(&Rule, Option<&'f str>)> {
        let urn = path.urn.as_deref();
        self.find_rule(urn, &path.name).map(|rule| (rule, path.sub.as_deref()))
    }

    /// Whose anchors match a comparison of what our own database keeps, where it has an index of that.
    fn kept_need(&self, path: &AttrPath, value: &Json) -> Option<Need> {
        let found = self.resource_type.resolve(path)?;
        let urn = found.extension.map(|urn| format!("{urn}:")).unwrap_or_default();
        let leaf = match (found.sub, found.attribute.data_type) {
            (Some(sub), _) => sub,
            (None, DataType::Complex) => found.attribute.find_sub("value")?,
            (None, _) => found.attribute,
        };
        let name = &found.attribute.name;
        let attribute = match found.attribute.data_type {
            DataType::Complex => format!("{urn}{name}.{}", leaf.name),
            _ => format!("{urn}{name}"),
        };
        let value = match (leaf.data_type, value) {
            (DataType::String, Json::String(text)) => text.clone(),
            // An element without `primary` is not the primary one (RFC 7643 §2.4), and in no index.
            (DataType::Boolean, Json::Bool(false)) if leaf.name == "primary" => return None,
            (DataType::Boolean, Json::Bool(_)) => value.to_string(),
            _ => return None,
        };
        Some(Need::Anchors { attribute, value })
    }

    /// The needs that a comparison of a side attribute or an id has: whose anchors match.
    #[must_use]
    pub fn anchors_need(&self, path: &AttrPath, value: &Json) -> Option<Need> {
        let text = value.as_str()?;
        let core = path.urn.is_none()
            || path.urn.as_deref().is_some_and(|u| u.eq_ignore_ascii_case(&self.resource_type.core.id));
        if !core || path.sub.is_some() {
            return None;
        }
        if path.name.eq_ignore_ascii_case("id") {
            return Some(Need::Anchors { attribute: "id".into(), value: text.to_owned() });
        }
        let side = matches!(self.find_rule(None, &path.name).map(|r| &r.lens), Some(Lens::Side));
        (side && path.name.eq_ignore_ascii_case("externalId"))
            .then(|| Need::Anchors { attribute: "externalId".into(), value: text.to_owned() })
    }
}

impl Query<'_> {
    fn eval(&self) -> Eval<'_> {
        Eval { shape: &self.ty.shape, record: &self.record, at: (0, 0), answers: self.answers }
    }

    fn filter(&self, filter: &Filter) -> Pushed {
        match filter {
            Filter::Or(list) => Pushed::any(list.iter().map(|f| self.filter(f))),
            Filter::And(list) => Pushed::all(list.iter().map(|f| self.filter(f))),
            Filter::Not(inner) => self.filter(inner).not(),
            Filter::Present(path) => self.compare(path, Compare::presence()),
            Filter::Compare(path, op, json) => match (op, json) {
                (CompareOp::Eq, Json::Null) => self.compare(path, Compare::new(None, json)).not(),
                (CompareOp::Ne, Json::Null) => self.compare(path, Compare::new(None, json)),
                (CompareOp::Ne, _) => self.differs(path, json),
                _ => self.compare(path, Compare::new(Some(*op), json)),
            },
            Filter::Element(path, inner) => self.element(path, inner),
        }
    }

    /// `ne`: on a list, some value differs (D-1), which is not the negation of `eq`.
    fn differs(&self, path: &AttrPath, json: &Json) -> Pushed {
        match self.ty.rule_of(path) {
            Some((rule, _)) if rule.many => Pushed::EVERYTHING,
            _ => self.compare(path, Compare::new(Some(CompareOp::Eq), json)).not(),
        }
    }

    fn compare(&self, path: &AttrPath, compare: Compare<'_>) -> Pushed {
        if compare.op == Some(CompareOp::Eq)
            && let Some(need) = self.ty.anchors_need(path, compare.json)
        {
            return self.anchors(&need);
        }
        match self.ty.rule_of(path) {
            // Where the store has no time, our own is shown.
            Some((rule, sub)) if is_time(rule) && may_be_ours(rule, sub) => Pushed::EVERYTHING,
            Some((rule, sub)) => self.lens(&rule.lens, sub, Compare { path: Some(path), ..compare }, 0),
            None => Pushed::EVERYTHING,
        }
    }

    /// A comparison with what our own database keeps: the resources that it finds are at least those.
    fn kept(&self, compare: Compare<'_>) -> Pushed {
        let (Some(path), Some(CompareOp::Eq)) = (compare.path, compare.op) else { return Pushed::EVERYTHING };
        match self.ty.kept_need(path, compare.json) {
            Some(need) => Pushed { exact: false, ..self.anchors(&need) },
            None => Pushed::EVERYTHING,
        }
    }

    fn anchors(&self, need: &Need) -> Pushed {
        let Some(found) = self.answers.list(need) else { return Pushed::EVERYTHING };
        Pushed::exact(self.ty.anchor_predicate(found.iter().map(|p| p.id.as_str())))
    }

    /// A comparison as a predicate on the root (`part` = 0) or on the rows of a part.
    fn lens(&self, lens: &Lens, sub: Option<&str>, compare: Compare<'_>, part: PartId) -> Pushed {
        match lens {
            Lens::Scalar(scalar) if sub.is_none() => self.scalar(scalar, compare, part),
            Lens::Complex(subs) => match sub {
                Some(sub) => self.sub(subs, sub, compare, part),
                None if compare.op.is_none() => {
                    Pushed::any(subs.iter().map(|s| self.lens(&s.lens, None, compare, part)))
                }
                None => self.sub(subs, "value", compare, part),
            },
            Lens::Rows(rows) => self.rows(rows, sub, compare),
            Lens::Slots(slots) => {
                let own = slots.slots.iter().map(|(kind, subs)| self.slot(kind, subs, sub, compare, part));
                let rest = slots.rest_side.then(|| self.kept(compare));
                Pushed::any(own.chain(rest))
            }
            Lens::Reference(reference) => self.reference(reference, sub, compare, part),
            Lens::Pointers(pointers) => {
                Pushed::any(pointers.places.iter().map(|p| self.reference(p, sub, compare, part)))
            }
            Lens::First(list) => match list.as_slice() {
                [one] => self.lens(one, sub, compare, part),
                _ => Pushed::superset(
                    Pushed::any(list.iter().map(|l| self.lens(l, sub, compare, part))).predicate,
                ),
            },
            Lens::Union(list) => Pushed::any(list.iter().map(|l| self.lens(l, sub, compare, part))),
            Lens::Guarded(guarded) => {
                let inner = self.lens(&guarded.lens, sub, compare, part);
                Pushed::all([self.applying(guarded, part), inner])
            }
            // Whom a search finds is not asked here: whoever holds one may be meant.
            Lens::Search(search) => {
                let field = &search.field;
                let holds = Predicate::Field(field.field, Test::Present);
                Pushed::superset(self.ty.shape.lift(field.part, part, holds))
            }
            Lens::Side => self.kept(compare),
            Lens::Scalar(_) | Lens::Inverse(_) | Lens::Password(_) => Pushed::EVERYTHING,
        }
    }

    fn sub(&self, subs: &[Sub], name: &str, compare: Compare<'_>, part: PartId) -> Pushed {
        match subs.iter().find(|s| s.name.eq_ignore_ascii_case(name)) {
            Some(sub) => self.lens(&sub.lens, None, compare, part),
            None => Pushed::EVERYTHING,
        }
    }

    fn slot(
        &self,
        kind: &str,
        subs: &[Sub],
        sub: Option<&str>,
        compare: Compare<'_>,
        part: PartId,
    ) -> Pushed {
        match sub {
            Some(name)
                if name.eq_ignore_ascii_case("type")
                    && compare.op.is_some_and(|op| order_of(op).is_some()) =>
            {
                Pushed::EVERYTHING
            }
            Some(name) if name.eq_ignore_ascii_case("type") => {
                if holds(&Json::from(kind), compare, false) {
                    self.shown(subs, part)
                } else {
                    Pushed::exact(Predicate::False)
                }
            }
            Some(name) if name.eq_ignore_ascii_case("primary") => Pushed::EVERYTHING,
            Some(name) => match subs.iter().find(|s| s.name.eq_ignore_ascii_case(name)) {
                Some(sub) => {
                    let here = self.lens(&sub.lens, None, compare, part);
                    if sub.name == "value" { here } else { self.if_shown(subs, here, part) }
                }
                None => Pushed::exact(Predicate::False),
            },
            None if compare.op.is_none() => self.shown(subs, part),
            None => self.sub(subs, "value", compare, part),
        }
    }

    fn rows(&self, rows: &Rows, sub: Option<&str>, compare: Compare<'_>) -> Pushed {
        let inner = match sub {
            None if compare.op.is_none() => match rows.each.iter().find(|s| s.name == "value") {
                Some(value) => self.lens(&value.lens, None, compare, rows.part),
                None => Pushed::superset(Predicate::True),
            },
            _ if rows.simple => match rows.each.first() {
                Some(only) => self.lens(&only.lens, None, compare, rows.part),
                None => Pushed::EVERYTHING,
            },
            sub => {
                let here = self.row_sub(rows, sub.unwrap_or("value"), compare);
                let is_value = sub.is_none_or(|s| s.eq_ignore_ascii_case("value"));
                if is_value { here } else { self.if_shown(&rows.each, here, rows.part) }
            }
        };
        self.lift_rows(rows, inner)
    }

    fn row_sub(&self, rows: &Rows, name: &str, compare: Compare<'_>) -> Pushed {
        if let Some(kinds) = rows.kinds.as_ref().filter(|kinds| kinds.names(name)) {
            return self.kind(kinds, name, compare, rows.part);
        }
        match rows.each.iter().find(|s| s.name.eq_ignore_ascii_case(name)) {
            // An absent `primary` is false (RFC 7643 §2.4).
            Some(sub)
                if sub.name == "primary"
                    && compare.op == Some(CompareOp::Eq)
                    && *compare.json == Json::Bool(false) =>
            {
                let yes = Compare { json: &Json::Bool(true), ..compare };
                self.lens(&sub.lens, None, yes, rows.part).not()
            }
            Some(sub) => self.lens(&sub.lens, None, compare, rows.part),
            // `type`, `display` and `$ref` of a reference are not stored.
            None => Pushed::superset(Predicate::True),
        }
    }

    /// From "a row meets it" to "some row of the resource meets it".
    fn lift_rows(&self, rows: &Rows, inner: Pushed) -> Pushed {
        if inner.predicate == Predicate::False {
            return inner;
        }
        let inner = match &rows.kinds {
            Some(kinds) => Pushed::all([inner, self.known_kind(kinds, rows.part)]),
            None => inner,
        };
        let layout = self.ty.shape.part(rows.part);
        let one_test = matches!(inner.predicate, Predicate::Field(..));
        let exact = inner.exact
            && layout.floor.is_none()
            && (layout.opened.is_none() || one_test)
            && !hides(rows)
            && !self.ty.shape.may_be_shadowed(rows.part, 0)
            && self.is_found_exactly(rows.part, &inner.predicate);
        Pushed { predicate: self.ty.shape.lift(rows.part, 0, inner.predicate), exact }
    }

    /// True if the rows are rows of the store, or items of which the store can tell as much.
    fn is_found_exactly(&self, part: PartId, predicate: &Predicate) -> bool {
        let shape = &self.ty.shape;
        let document = shape.part(part).items().and_then(|i| i.document.as_ref());
        let exact = document.is_some_and(|d| d.is_exact(predicate));
        !shape.is_within_document(if exact { shape.part(part).parent } else { part }, 0)
    }

    /// `attribute[filter]`: the whole filter on one element.
    fn element(&self, path: &AttrPath, inner: &Filter) -> Pushed {
        match self.ty.rule_of(path) {
            Some((rule, _)) if is_time(rule) && may_be_ours(rule, None) => Pushed::EVERYTHING,
            Some((rule, _)) => self.element_of(&rule.lens, inner),
            None => Pushed::EVERYTHING,
        }
    }

    fn element_of(&self, lens: &Lens, inner: &Filter) -> Pushed {
        match lens {
            Lens::Rows(rows) => {
                let here = self.within(inner, &|path, compare| match rows.simple {
                    true => self.rows_value(rows, compare),
                    false => self.row_sub(rows, &path.name, compare),
                });
                let here = if needs_value(inner) { here } else { self.if_shown(&rows.each, here, rows.part) };
                self.lift_rows(rows, here)
            }
            Lens::Slots(slots) => {
                let per_slot = slots.slots.iter().map(|(kind, subs)| {
                    let here = self.within(inner, &|path, compare| {
                        if path.name.eq_ignore_ascii_case("type") {
                            if compare.op.is_some_and(|op| order_of(op).is_some()) {
                                return Pushed::EVERYTHING;
                            }
                            return Pushed::exact(if holds(&Json::from(kind.as_str()), compare, false) {
                                Predicate::True
                            } else {
                                Predicate::False
                            });
                        }
                        self.slot(kind, subs, Some(&path.name), compare, 0)
                    });
                    if may_be(true, inner) { self.if_shown(subs, here, 0) } else { here }
                });
                // Elements that our own database keeps are not in the predicate.
                if slots.rest_side { Pushed::EVERYTHING } else { Pushed::any(per_slot) }
            }
            Lens::Union(list) | Lens::First(list) => {
                Pushed::superset(Pushed::any(list.iter().map(|l| self.element_of(l, inner))).predicate)
            }
            Lens::Complex(subs) => {
                let here = self.within(inner, &|path, compare| self.sub(subs, &path.name, compare, 0));
                if may_be(true, inner) { self.if_shown(subs, here, 0) } else { here }
            }
            Lens::Guarded(guarded) => {
                Pushed::all([self.applying(guarded, 0), self.element_of(&guarded.lens, inner)])
            }
            _ => Pushed::EVERYTHING,
        }
    }

    fn rows_value(&self, rows: &Rows, compare: Compare<'_>) -> Pushed {
        match rows.each.first() {
            Some(only) => self.lens(&only.lens, None, compare, rows.part),
            None => Pushed::EVERYTHING,
        }
    }

    /// A filter whose paths are sub-attributes of one element.
    fn within(&self, filter: &Filter, leaf: &dyn Fn(&AttrPath, Compare<'_>) -> Pushed) -> Pushed {
        match filter {
            Filter::Or(list) => Pushed::any(list.iter().map(|f| self.within(f, leaf))),
            Filter::And(list) => Pushed::all(list.iter().map(|f| self.within(f, leaf))),
            Filter::Not(inner) => self.within(inner, leaf).not(),
            Filter::Present(path) => leaf(path, Compare::presence()),
            Filter::Compare(path, op, json) => match (op, json) {
                (CompareOp::Eq, Json::Null) => leaf(path, Compare::new(None, json)).not(),
                (CompareOp::Ne, Json::Null) => leaf(path, Compare::new(None, json)),
                (CompareOp::Ne, _) => leaf(path, Compare::new(Some(CompareOp::Eq), json)).not(),
                _ => leaf(path, Compare::new(Some(*op), json)),
            },
            Filter::Element(..) => Pushed::EVERYTHING,
        }
    }

    fn reference(
        &self,
        reference: &Reference,
        sub: Option<&str>,
        compare: Compare<'_>,
        part: PartId,
    ) -> Pushed {
        if !sub.is_none_or(|s| s.eq_ignore_ascii_case("value")) {
            return Pushed::EVERYTHING;
        }
        let here = |test: Test| self.tested(&reference.field, test, &[], part);
        match (compare.op, compare.json) {
            // A pointer at nothing is not shown.
            (None, _) => Pushed::superset(here(Test::Present).predicate),
            (Some(CompareOp::Eq), Json::String(given)) => {
                let Some(id) = reference.id_of(&self.answers.base_url, given) else {
                    return Pushed::exact(Predicate::False);
                };
                let need = Need::IdToBy { reference: reference.target, id: id.to_owned() };
                match self.answers.value(&need) {
                    None => Pushed::EVERYTHING,
                    Some(None) => Pushed::exact(Predicate::False),
                    // Whoever is below is found; who is just one level below is decided in memory.
                    Some(Some(by)) if reference.tree.is_some() => {
                        Pushed::superset(here(Test::Starts(by.to_text(), Fold::Exact)).predicate)
                    }
                    Some(Some(by)) => match reference.encode(by) {
                        Some(value) => here(Test::OneOf(vec![value], Fold::Exact)),
                        None => Pushed::exact(Predicate::False),
                    },
                }
            }
            _ => Pushed::superset(here(Test::Present).predicate),
        }
    }
}

/// True of `meta`, whose times are ours where the store has none.
fn is_time(rule: &Rule) -> bool {
    rule.urn.is_none() && rule.attribute == "meta"
}

/// True if a time that is stored may stand for none: a value of its own, or another lens.
fn may_be_ours(rule: &Rule, sub: Option<&str>) -> bool {
    let Lens::Complex(subs) = rule.lens.bare() else { return true };
    let named = subs.iter().filter(|s| sub.is_none_or(|name| s.name.eq_ignore_ascii_case(name)));
    named.into_iter().any(|s| match s.lens.bare() {
        Lens::Scalar(Scalar { source: Source::Field { nothing, .. }, .. }) => {
            nothing.iter().any(|t| *t != Template::Nothing)
        }
        Lens::First(_) => true,
        _ => false,
    })
}

/// True if some rows of the list may not be shown: a dangling pointer reads as nothing.
fn hides(rows: &Rows) -> bool {
    rows.each.iter().any(|s| matches!(s.lens.bare(), Lens::Scalar(Scalar { source: Source::Place(_), .. })))
}
