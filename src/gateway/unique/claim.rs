//! What is unique in a resource type: simple attributes, sub-attributes,
//! values of lists, and what our own database keeps.

use crate::{
    mapping::{
        TypeMapping,
        form::Eval,
        lens::{Lens, Rule, Sub, face::side_value},
        shape::{FieldRef, PartId},
    },
    scim::{
        Json, Object,
        attribute::AttrPath,
        schema::{SchemaAttribute, Uniqueness},
    },
    store::Fold,
};

/// A value that no two resources may share.
pub(super) struct Claim<'m> {
    pub(super) rule: &'m Rule,
    /// Of the elements of this type only.
    kind: Option<&'m str>,
    sub: Option<&'m str>,
    pub(super) lens: &'m Lens,
    /// Whose rows the lens reads.
    part: PartId,
    pub(super) fold: Fold,
    /// Among the resources only that hold the same in these fields.
    pub(super) within: &'m [FieldRef],
}

impl TypeMapping {
    /// Everything that is unique among the resources of the type.
    pub(super) fn unique_claims(&self) -> Vec<Claim<'_>> {
        let mut out = Vec::new();
        for rule in &self.rules {
            let path = AttrPath { urn: rule.urn.clone(), name: rule.attribute.clone(), sub: None };
            let attribute = self.resource_type.resolve(&path).map(|found| found.attribute);
            Claim::of_rule(rule, Fold::Exact).collect(attribute, &mut out);
        }
        out
    }
}

impl<'m> Claim<'m> {
    /// The value of a whole attribute.
    pub(super) fn of_rule(rule: &'m Rule, fold: Fold) -> Self {
        Self { rule, kind: None, sub: None, lens: &rule.lens, part: 0, fold, within: &[] }
    }

    fn of(&self, lens: &'m Lens) -> Claim<'m> {
        Claim { lens, ..*self }
    }

    /// The unique values at or below a lens.
    fn collect(&self, attribute: Option<&SchemaAttribute>, out: &mut Vec<Claim<'m>>) {
        match self.lens {
            Lens::Scalar(scalar) => {
                if let Some(fold) = scalar.common.unique {
                    out.push(Claim { fold, within: &scalar.common.within, ..*self });
                }
            }
            Lens::Side => {
                let unique = attribute.filter(|a| a.uniqueness != Uniqueness::None);
                if let Some(attribute) = unique {
                    let fold = if attribute.case_exact { Fold::Exact } else { Fold::Case };
                    out.push(Claim { fold, ..*self });
                }
            }
            Lens::Complex(subs) => self.subs(subs, attribute, out),
            Lens::Slots(slots) => {
                for (kind, subs) in &slots.slots {
                    Claim { kind: Some(kind), ..*self }.subs(subs, attribute, out);
                }
            }
            Lens::Rows(rows) => {
                let of = Claim { part: rows.part, ..*self };
                match (rows.simple, rows.each.first()) {
                    (true, Some(only)) => of.of(&only.lens).collect(attribute, out),
                    _ => of.subs(&rows.each, attribute, out),
                }
            }
            Lens::Guarded(guarded) => self.of(&guarded.lens).collect(attribute, out),
            // Of alternatives, the one that is written.
            Lens::First(list) => {
                let mut found = Vec::new();
                list.iter().for_each(|lens| self.of(lens).collect(attribute, &mut found));
                out.extend(found.into_iter().next().map(|claim| Claim { lens: self.lens, ..claim }));
            }
            Lens::Union(list) => list.iter().for_each(|lens| self.of(lens).collect(attribute, out)),
            Lens::Reference(_) | Lens::Pointers(_) | Lens::Inverse(_) => {}
            Lens::Search(_) | Lens::Password(_) => {}
        }
    }

    fn subs(&self, subs: &'m [Sub], attribute: Option<&SchemaAttribute>, out: &mut Vec<Claim<'m>>) {
        for sub in subs {
            let below = attribute.and_then(|a| a.find_sub(&sub.name));
            Claim { sub: Some(&sub.name), ..self.of(&sub.lens) }.collect(below, out);
        }
    }

    /// Names the claim within the type.
    pub(super) fn name(&self) -> String {
        format!("{} {} {}", self.rule.name, self.kind.unwrap_or_default(), self.sub.unwrap_or_default())
    }

    /// The attribute, for people.
    pub(super) fn attribute(&self) -> String {
        match self.sub.filter(|sub| *sub != "value") {
            Some(sub) => format!("{}.{sub}", self.rule.attribute),
            None => self.rule.attribute.clone(),
        }
    }

    /// Where our own database keeps it.
    pub(super) fn path(&self) -> String {
        let urn = self.rule.urn.iter().map(|urn| format!("{urn}:")).collect::<String>();
        let sub = self.sub.iter().map(|sub| format!(".{sub}")).collect::<String>();
        format!("{urn}{}{sub}", self.rule.attribute)
    }

    /// Its values in a resource.
    pub(super) fn values<'j>(&self, of: &'j Object) -> Vec<&'j Json> {
        let Some(whole) = side_value(of, self.rule.urn.as_deref(), &self.rule.attribute) else {
            return Vec::new();
        };
        let elements = match whole {
            Json::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let is_kind = |element: &&Json| {
            let kind = element.get("type").and_then(Json::as_str).unwrap_or_default();
            self.kind.is_none_or(|wanted| kind.eq_ignore_ascii_case(wanted))
        };
        let value = |element: &'j Json| match self.sub {
            Some(sub) => element.get(sub),
            None => Some(element),
        };
        elements.iter().filter(is_kind).filter_map(value).collect()
    }

    /// What a record holds of it.
    pub(super) fn read(&self, mapping: &TypeMapping, eval: &Eval<'_>) -> Vec<Json> {
        let rows = match self.part {
            0 => vec![0],
            part => eval.record.rows_below(eval.shape, eval.at, part),
        };
        let at = |row: usize| Eval { at: (self.part, row), ..*eval };
        rows.into_iter().filter_map(|row| self.lens.get_at(mapping, &at(row), 0)).collect()
    }
}
