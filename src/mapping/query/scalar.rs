//! The filter faces of lenses with one value: fields, maps, texts, constants, states.

use super::{
    Compare, Pushed, Query,
    order::{instants, order_of},
};
use crate::{
    mapping::{
        codec::Codec,
        form::cond::slot_test,
        lens::{
            Otherwise, Scalar, Source, ValueMap,
            json::{from_json, same_json},
            scalar::decode,
        },
        no_place,
        shape::{FieldRef, PartId},
    },
    scim::{Json, filter::CompareOp, schema::DataType},
    store::{Fold, Predicate, Test, Value},
};

impl Query<'_> {
    /// A comparison with a value of a lens.
    pub(super) fn scalar(&self, scalar: &Scalar, compare: Compare<'_>, part: PartId) -> Pushed {
        match &scalar.source {
            Source::Field { field, codecs, map, nothing } => {
                if codecs.iter().any(|c| !c.keeps_equality()) && compare.op.is_some() {
                    return Pushed::EVERYTHING;
                }
                let nothing: Vec<Value> =
                    nothing.iter().filter_map(|t| t.one(&self.eval(), &no_place())).collect();
                match map {
                    Some(map) => self.mapped(scalar, field, map, &nothing, compare, part),
                    None => self.plain(scalar, field, codecs, &nothing, compare, part),
                }
            }
            Source::State { read, .. } => {
                let shape = &self.ty.shape;
                let mut parts = read.fields().into_iter().map(|f| f.part).chain(read.parts());
                let is_rough = parts.any(|p| shape.is_within_document(p, part) || shape.is_beside(p, part));
                let is_shadowed = read.fields().iter().any(|f| shape.may_be_shadowed(f.part, part));
                let truth = match is_rough || is_shadowed {
                    _ if !read.is_sayable(part, shape) => Pushed::EVERYTHING,
                    true if read.is_positive(part, &self.eval()) => {
                        Pushed::superset(read.to_predicate(part, &self.eval()))
                    }
                    true => Pushed::EVERYTHING,
                    false => Pushed::exact(read.to_predicate(part, &self.eval())),
                };
                match (compare.op, compare.json.as_bool()) {
                    (None, _) => Pushed::exact(Predicate::True),
                    (Some(CompareOp::Eq), Some(true)) => truth,
                    (Some(CompareOp::Eq), Some(false)) => truth.not(),
                    _ => Pushed::EVERYTHING,
                }
            }
            Source::Const(own) => {
                let same = compare.op.is_none() || holds(own, compare, scalar.case_exact);
                // The element itself must be there, which its other sub-attributes decide.
                if same { Pushed::superset(Predicate::True) } else { Pushed::exact(Predicate::False) }
            }
            Source::Text { texts, .. } => {
                let fields = texts.iter().flat_map(|t| crate::mapping::lens::text::fields(t));
                match compare.op {
                    None => Pushed::superset(
                        Pushed::any(fields.map(|f| self.tested(f, Test::Present, &[], part))).predicate,
                    ),
                    Some(_) => Pushed::EVERYTHING,
                }
            }
            Source::Place(_) | Source::Extreme { .. } => Pushed::EVERYTHING,
        }
    }

    fn plain(
        &self,
        scalar: &Scalar,
        field: &FieldRef,
        codecs: &[Codec],
        nothing: &[Value],
        compare: Compare<'_>,
        part: PartId,
    ) -> Pushed {
        let is_text = matches!(scalar.data_type, DataType::String | DataType::Reference);
        let fold = if scalar.case_exact || !is_text { Fold::Exact } else { Fold::Case };
        let test = |t: Test| self.tested(field, t, nothing, part);
        let Some(op) = compare.op else {
            // Empty text is nothing to SCIM, whatever the mapping says.
            return Pushed { exact: false, ..test(Test::Present) };
        };
        if is_text && compare.json.as_str() == Some("") {
            // It is part of every text, but no text is empty.
            return match op {
                CompareOp::Co | CompareOp::Sw | CompareOp::Ew => {
                    Pushed { exact: false, ..test(Test::Present) }
                }
                CompareOp::Eq => Pushed::exact(Predicate::False),
                _ => Pushed::EVERYTHING,
            };
        }
        if let (CompareOp::Co | CompareOp::Sw | CompareOp::Ew, Some(text)) = (op, compare.json.as_str()) {
            if !codecs.is_empty() {
                return Pushed::EVERYTHING;
            }
            return test(match op {
                CompareOp::Co => Test::Contains(text.to_owned(), fold),
                CompareOp::Sw => Test::Starts(text.to_owned(), fold),
                _ => Test::Ends(text.to_owned(), fold),
            });
        }
        let Ok(Some(value)) = scalar.encode(compare.json, codecs, None) else {
            let is_folded =
                fold == Fold::Case && codecs.iter().any(|c| matches!(c, Codec::Prefix(_) | Codec::Suffix(_)));
            return if op == CompareOp::Eq && !is_folded && !codecs.iter().any(Codec::is_lenient) {
                Pushed::exact(Predicate::False)
            } else {
                Pushed::EVERYTHING
            };
        };
        // A relative URI equals an absolute one: they have at least their last two segments in common.
        if let (DataType::Reference, CompareOp::Eq, Some(uri)) = (scalar.data_type, op, compare.json.as_str())
            && let Some((_, cut)) = uri.rmatch_indices('/').map(|(i, _)| uri.split_at(i)).next()
        {
            let before = uri.strip_suffix(cut).unwrap_or_default();
            let segment = before.rsplit('/').next().unwrap_or_default();
            let common = Test::Ends(format!("{segment}{cut}"), Fold::Exact);
            return if codecs.is_empty() {
                Pushed { exact: false, ..test(common) }
            } else {
                Pushed::EVERYTHING
            };
        }
        // Between values of a reference only the spelling counts.
        let fold = if scalar.data_type == DataType::Reference { Fold::Exact } else { fold };
        let in_order = codecs.iter().all(Codec::keeps_order);
        match scalar.data_type {
            DataType::DateTime if in_order => {
                let bound = |order, value| test(Test::Order(order, value, Fold::Exact));
                return instants(scalar, codecs, compare, &bound);
            }
            DataType::Integer | DataType::Decimal if in_order && op != CompareOp::Eq => {
                return order_of(op).map_or(Pushed::EVERYTHING, |o| test(Test::Order(o, value, Fold::Exact)));
            }
            _ if op != CompareOp::Eq => return Pushed::EVERYTHING,
            _ => {}
        }
        // What never comes out of the codecs is never read.
        let shown = decode(value.clone(), codecs).zip(from_json(compare.json, scalar.data_type));
        if !codecs.is_empty() && shown.is_none_or(|(shown, asked)| !shown.same(&asked, fold)) {
            return Pushed::exact(Predicate::False);
        }
        // What is stored is read in any case: all of it that is a word of a truth, more of other text.
        if codecs.iter().any(|c| matches!(c, Codec::Bool(..))) {
            return test(Test::OneOf(vec![value], Fold::Case));
        }
        let is_recased = codecs.iter().any(|c| {
            c.is_lenient() || matches!(c, Codec::Lower | Codec::Upper | Codec::Strip(_) | Codec::StripEnd(_))
        });
        let found = test(Test::OneOf(vec![value], if is_recased { Fold::Case } else { fold }));
        Pushed { exact: found.exact && (!is_recased || fold == Fold::Case), ..found }
    }

    fn mapped(
        &self,
        scalar: &Scalar,
        field: &FieldRef,
        map: &ValueMap,
        nothing: &[Value],
        compare: Compare<'_>,
        part: PartId,
    ) -> Pushed {
        if compare.op.is_some_and(|op| order_of(op).is_some()) {
            return Pushed::EVERYTHING;
        }
        let matching = |json: &Json| compare.op.is_none() || holds(json, compare, scalar.case_exact);
        let listed: Vec<Value> = map.pairs.iter().filter_map(|(stored, _)| stored.clone()).collect();
        let yes: Vec<Value> = map
            .pairs
            .iter()
            .filter(|(_, json)| matching(json))
            .filter_map(|(stored, _)| stored.clone())
            .collect();
        let mut any = Vec::new();
        if !yes.is_empty() {
            any.push(self.tested(field, Test::OneOf(yes, Fold::Exact), nothing, part));
        }
        if map.pairs.iter().any(|(stored, json)| stored.is_none() && matching(json)) {
            let present = self.tested(field, Test::Present, nothing, part);
            any.push(present.not());
        }
        let others = || {
            let present = self.tested(field, Test::Present, nothing, part);
            let known = self.tested(field, Test::OneOf(listed.clone(), Fold::Exact), nothing, part);
            Pushed::all([present, known.not()])
        };
        match &map.otherwise {
            Otherwise::Value(json) if matching(json) => any.push(others()),
            Otherwise::Keep => any.push(Pushed { exact: false, ..others() }),
            _ => {}
        }
        Pushed::any(any)
    }

    /// A test of a field whose values may read as nothing. Of several values a simple attribute shows the
    /// first; a store finds any of them.
    pub(super) fn tested(&self, field: &FieldRef, test: Test, nothing: &[Value], part: PartId) -> Pushed {
        let repeats = self.ty.shape.may_repeat(field);
        let of_presence = nothing.is_empty() && matches!(test, Test::Present | Test::Absent);
        let mut here = Predicate::Field(field.field, test);
        if !nothing.is_empty() && !repeats {
            let is_nothing = Test::OneOf(nothing.to_vec(), Fold::Exact);
            here = here.and(Predicate::Not(Box::new(Predicate::Field(field.field, is_nothing))));
        }
        let here = slot_test(&self.ty.shape, field).and(here);
        let shape = &self.ty.shape;
        let is_rough = shape.is_within_document(field.part, part) || shape.may_be_shadowed(field.part, part);
        let exact = (of_presence || !repeats) && !is_rough;
        Pushed { predicate: shape.lift(field.part, part, here), exact }
    }
}

/// Whether a constant meets a comparison.
pub(super) fn holds(own: &Json, compare: Compare<'_>, case_exact: bool) -> bool {
    let fold = if case_exact { Fold::Exact } else { Fold::Case };
    let texts = || {
        let (a, b) = (own.as_str()?, compare.json.as_str()?);
        Some((fold.apply(a).into_owned(), fold.apply(b).into_owned()))
    };
    match compare.op {
        None => true,
        Some(CompareOp::Eq) => same_json(own, compare.json, case_exact) || same_bool(own, compare.json),
        Some(CompareOp::Ne) => !same_json(own, compare.json, case_exact) && !same_bool(own, compare.json),
        Some(CompareOp::Co) => texts().is_some_and(|(a, b)| a.contains(&b)),
        Some(CompareOp::Sw) => texts().is_some_and(|(a, b)| a.starts_with(&b)),
        Some(CompareOp::Ew) => texts().is_some_and(|(a, b)| a.ends_with(&b)),
        // Rare on constants: left to the evaluation in memory.
        Some(_) => true,
    }
}

/// `"True"` compares with `true` (E-12).
fn same_bool(own: &Json, given: &Json) -> bool {
    match (own, given) {
        (Json::Bool(b), Json::String(text)) => text.eq_ignore_ascii_case(&b.to_string()),
        _ => false,
    }
}
