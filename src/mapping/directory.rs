//! A compiled mapping held against a directory as it is.
//!
//! Pure, as [`live`](super::live) is for databases: the directory's own word comes as a [`Directory`]. First
//! [`wanted`] says what is to be looked at, then [`questions`] what the entries found have left open.

mod attributes;
mod classes;
mod entries;
mod fields;
mod indexes;
mod matching;
mod pointers;
mod rights;
mod server;
mod syntaxes;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use time::OffsetDateTime;

use self::fields::Used;
pub use self::pointers::Questions;
use crate::{
    mapping::{
        Mapping, TypeMapping,
        diagnostic::Diagnostics,
        findings::Findings,
        form::{Answers, Eval, Template},
        record::Record,
        shape::{FieldRef, Part, PartId},
        uses::Uses,
    },
    store::{
        Bag, Predicate, Source, Value,
        dn::Dn,
        inventory::directory::{Directory, Look, Looked, Vendor, Wanted},
    },
};

/// An entry's attributes, by lower-case name; `None` if it is not there.
pub type Named = Option<BTreeMap<String, Vec<String>>>;

/// What is to be looked at in the directory.
#[must_use]
pub fn wanted(mapping: &Mapping) -> Wanted {
    let mut wanted = Wanted::default();
    for (ty, of) in mapping.types.iter().enumerate() {
        let uses = Uses::of(of).with_inverses(mapping, ty);
        for (id, part) in parts(of) {
            let Source::Entries { bases, .. } = &part.bag.source else { continue };
            wanted.places.extend(bases.iter().cloned());
            let names = part.bag.fields.iter().map(|field| field.name.clone());
            wanted.attributes.extend(names.filter(|name| !is_pseudo(name)));
            let whole = fields::used(of, &uses).filter(|used| used.at.part == id && used.of.unique.is_some());
            let mut whole: Vec<usize> = whole.map(|used| used.at.field).collect();
            whole.sort_unstable();
            whole.dedup();
            wanted.looks.push(Look { bag: if id == 0 { unprotected(of) } else { part.bag.clone() }, whole });
        }
        wanted.places.extend(containers(of, &uses).into_iter().map(|(_, dn)| dn));
        wanted.places.extend(floors(of).filter_map(|(_, dn)| Dn::parse(&dn).is_ok().then_some(dn)));
    }
    for list in [&mut wanted.places, &mut wanted.attributes] {
        list.sort();
        list.dedup();
    }
    wanted
}

/// The entries of a type without those that are protected.
fn unprotected(of: &TypeMapping) -> Arc<Bag> {
    let Some(protect) = &of.protect else { return of.bag().clone() };
    let record = Record::create(&of.shape);
    let mut answers = Answers::new(OffsetDateTime::UNIX_EPOCH, "");
    answers.timeless = true;
    let eval = Eval { shape: &of.shape, record: &record, at: (0, 0), answers: &answers };
    let mut bag = Bag::clone(of.bag());
    bag.scope = bag.scope.and(Predicate::Not(Box::new(protect.to_predicate(0, &eval))));
    Arc::new(bag)
}

/// What the entries leave open.
#[must_use]
pub fn questions(mapping: &Mapping, facts: &Directory) -> Questions {
    pointers::questions(mapping, facts)
}

/// Everything that does not fit. `named` answers the names of `questions`, in their order.
#[must_use]
pub fn compare(mapping: &Mapping, facts: &Directory, questions: &Questions, named: &[Named]) -> Diagnostics {
    let mut against = Against { findings: Findings::of(mapping), facts };
    server::check(&mut against);
    let mut looked = facts.looked.iter();
    for (index, ty) in mapping.types.iter().enumerate() {
        let uses = Uses::of(ty).with_inverses(mapping, index);
        server::check_places(&mut against, index, ty, &uses);
        for (id, part) in parts(ty) {
            let set = Set { ty: index, mapping: ty, id, part, uses: &uses };
            classes::check(&mut against, &set);
            attributes::check(&mut against, &set);
            syntaxes::check(&mut against, &set);
            matching::check(&mut against, &set);
            indexes::check(&mut against, &set);
            if let Some(Some(looked)) = looked.next() {
                entries::check(&mut against, &set, looked);
                rights::check(&mut against, &set, looked);
            }
        }
    }
    pointers::check(&mut against, questions, named);
    against.findings.out
}

/// A comparison under way.
struct Against<'m> {
    findings: Findings<'m>,
    facts: &'m Directory,
}

impl<'m> std::ops::Deref for Against<'m> {
    type Target = Findings<'m>;

    fn deref(&self) -> &Findings<'m> {
        &self.findings
    }
}

impl std::ops::DerefMut for Against<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.findings
    }
}

/// A set of entries: the root of a type, or a part with entries of its own.
struct Set<'m> {
    ty: usize,
    mapping: &'m TypeMapping,
    id: PartId,
    part: &'m Part,
    uses: &'m Uses<'m>,
}

impl<'m> Set<'m> {
    /// Attributes that lie in these entries.
    fn used(&self) -> impl Iterator<Item = Used<'m>> {
        let id = self.id;
        fields::used(self.mapping, self.uses).filter(move |used| used.at.part == id)
    }

    /// Object classes of a new entry.
    fn classes(&self) -> &'m [String] {
        match &self.part.bag.source {
            Source::Entries { classes, .. } => classes,
            _ => &[],
        }
    }

    /// Fields of a new entry's name.
    fn rdn(&self) -> &'m [usize] {
        match &self.part.bag.source {
            Source::Entries { rdn, .. } => rdn,
            _ => &[],
        }
    }

    /// True if entries are made, changed and removed here.
    fn is_written(&self) -> bool {
        !matches!(self.part.usage, crate::mapping::shape::Use::Watch | crate::mapping::shape::Use::Find)
    }

    /// Fields that are attributes, with their names.
    fn attributes(&self) -> impl Iterator<Item = (usize, &'m str)> {
        let named = self.part.bag.fields.iter().map(|field| field.name.as_str()).enumerate();
        named.filter(|(_, name)| !is_pseudo(name))
    }
}

/// The parts whose rows are entries of their own, with their numbers.
fn parts(ty: &TypeMapping) -> impl Iterator<Item = (PartId, &Part)> {
    ty.shape.parts.iter().enumerate().filter(|(_, part)| {
        let is_entry = matches!(&part.bag.source, Source::Entries { bases, .. } if !bases.is_empty());
        part.opened.is_none() && is_entry
    })
}

/// True for the fields that are no attributes.
fn is_pseudo(name: &str) -> bool {
    name.is_empty() || name.eq_ignore_ascii_case("dn") || name.eq_ignore_ascii_case("container")
}

/// Containers that the mapping itself puts entries into, each with the part and field that says so.
fn containers(ty: &TypeMapping, uses: &Uses<'_>) -> Vec<((PartId, usize), String)> {
    let named = |part: PartId, field: usize| ty.shape.part(part).bag.field_name(field).to_owned();
    let literal = |template: &Template| match template {
        Template::Literal(value) => Some(value.to_text()),
        _ => None,
    };
    let made = uses.made.iter().filter(|made| {
        let FieldRef { part, field, .. } = made.field;
        named(*part, *field).eq_ignore_ascii_case("container")
    });
    made.filter_map(|made| Some(((made.field.part, made.field.field), literal(made.template)?))).collect()
}

/// Values that stay in lists, each with its part.
fn floors(ty: &TypeMapping) -> impl Iterator<Item = (PartId, String)> {
    ty.shape.parts.iter().enumerate().filter_map(|(id, part)| match &part.floor {
        Some(Template::Literal(Value::Text(text))) => Some((id, text.clone())),
        _ => None,
    })
}

/// What was found of a set of entries.
fn looked_at<'f>(mapping: &Mapping, facts: &'f Directory, ty: usize) -> Option<&'f Looked> {
    let before: usize = mapping.types.iter().take(ty).map(|of| parts(of).count()).sum();
    facts.looked.get(before)?.as_ref()
}

/// The word of `profile` for a product.
fn profile_word(vendor: Vendor) -> Option<&'static str> {
    match vendor {
        Vendor::OpenLdap => Some("openldap"),
        Vendor::ActiveDirectory => Some("ad"),
        Vendor::Ds389 => Some("389ds"),
        Vendor::Other => None,
    }
}

/// A list for a sentence: `a`, `b` and `c` in backticks.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|n| format!("`{n}`")).collect();
    names.join(", ")
}
