//! The faces of every lens, by kind: reading, writing, and which rows and
//! fields it reads.

use std::collections::BTreeSet;

use crate::{
    mapping::{
        TypeMapping,
        form::{Cond, Eval, Need},
        lens::{Lens, Rule, Sub, reference, rows, writer::Writer},
        shape::{FieldRef, PartId, Shape},
    },
    scim::{Json, Object, error::ScimError},
    store::FieldId,
};

impl Rule {
    /// The attribute as SCIM shows it; `side` is what our own database keeps of the resource.
    #[must_use]
    pub fn get(&self, ty: &TypeMapping, eval: &Eval<'_>, side: &Object) -> Option<Json> {
        let kept = side_value(side, self.urn.as_deref(), &self.attribute);
        self.lens.get_whole(ty, eval, kept)
    }
}

/// What our own database keeps of an attribute.
#[must_use]
pub fn side_value<'a>(side: &'a Object, urn: Option<&str>, attribute: &str) -> Option<&'a Json> {
    match urn {
        None => side.get(attribute),
        Some(urn) => side.get(urn)?.get(attribute),
    }
}

impl Lens {
    /// True if it is a boolean over several fields.
    #[must_use]
    pub fn is_state(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if matches!(scalar.source, super::Source::State { .. }))
    }

    /// A value that does not depend on a position, nor on our own database.
    #[must_use]
    pub fn get_at(&self, ty: &TypeMapping, eval: &Eval<'_>, position: usize) -> Option<Json> {
        match self {
            Self::Scalar(scalar) => scalar.get(eval, position),
            Self::First(list) => list.iter().find_map(|lens| lens.get_at(ty, eval, position)),
            Self::Guarded(guarded) if !guarded.applies(eval) => None,
            Self::Guarded(guarded) => guarded.lens.get_at(ty, eval, position),
            lens => lens.get_whole(ty, eval, None),
        }
    }

    fn get_whole(&self, ty: &TypeMapping, eval: &Eval<'_>, kept: Option<&Json>) -> Option<Json> {
        match self {
            Self::Scalar(scalar) => scalar.get(eval, 0),
            Self::Complex(subs) => complex(subs, ty, eval, kept),
            Self::Rows(rows) => some_list(rows.get(ty, eval)),
            Self::Slots(slots) => {
                some_list(slots.get(ty, eval, kept.and_then(Json::as_array).map_or(&[], Vec::as_slice)))
            }
            Self::Reference(lens) => lens.get(eval, ty.references.get(lens.target)?),
            Self::Pointers(pointers) => some_list(pointers.get(ty, eval)),
            Self::Inverse(index) => {
                let found = eval.answers.list(&self.inverse_need(ty, eval, *index)?)?;
                some_list(
                    found
                        .iter()
                        .map(|pointed| {
                            let mut object = reference::to_object(pointed, &eval.answers.base_url, "display");
                            let shows_type = ty.inverses.get(*index).is_some_and(|i| i.shows_type);
                            let kind = match (shows_type, pointed.indirect) {
                                (true, _) => pointed.resource_type.as_str(),
                                (false, true) => "indirect",
                                (false, false) => "direct",
                            };
                            object.insert("type".into(), kind.into());
                            Json::Object(object)
                        })
                        .collect(),
                )
            }
            Self::Search(search) => some_list(search.get(eval)),
            Self::Password(_) => None,
            Self::Side => kept.cloned(),
            Self::First(list) => list.iter().find_map(|lens| lens.get_whole(ty, eval, kept)),
            Self::Union(list) => {
                let mut all: Vec<Json> = Vec::new();
                for lens in list {
                    let kept = if matches!(lens, Self::Side) { kept } else { None };
                    for element in
                        lens.get_whole(ty, eval, kept).as_ref().and_then(Json::as_array).into_iter().flatten()
                    {
                        if !all.contains(element) {
                            all.push(element.clone());
                        }
                    }
                }
                some_list(all)
            }
            Self::Guarded(guarded) if !guarded.applies(eval) => None,
            Self::Guarded(guarded) => guarded.lens.get_whole(ty, eval, kept),
        }
    }

    fn inverse_need(&self, ty: &TypeMapping, eval: &Eval<'_>, index: usize) -> Option<Need> {
        let inverse = ty.inverses.get(index)?;
        let field = inverse.via.as_ref().map_or(&inverse.by, |(own, _)| own);
        let texts = |field: &FieldRef| {
            let mut texts: Vec<String> =
                eval.values(field).iter().map(crate::store::Value::to_text).collect();
            texts.sort();
            texts
        };
        let direct = if inverse.superset { texts(&inverse.by) } else { Vec::new() };
        Some(Need::Inverse { inverse: index, by: texts(field), direct })
    }

    /// Makes the attribute or sub-attribute read as `json`; `None` = as nothing.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if the value has no form in the store.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        json: Option<&Json>,
    ) -> Result<(), ScimError> {
        match self {
            Self::Scalar(scalar) if scalar.is_writable() => scalar.put(w, at, path, json),
            Self::Complex(subs) => put_subs(subs, w, at, json, &|name| format!("{path}.{name}")),
            Self::Rows(rows) => rows.put(w, at, path, elements(json)),
            Self::Slots(slots) => slots.put(w, at, path, elements(json)).map(|_| ()),
            Self::Reference(lens) => lens.put(w, at, path, json),
            Self::Pointers(pointers) => pointers.put(w, at, path, elements(json)),
            Self::Password(lens) => lens.put(w, at, path, json),
            Self::First(list) => {
                match list.iter().find(|lens| lens.is_writable() && lens.applies(&w.eval(at))) {
                    // What one of the others reads as is not written a second time.
                    Some(_) if json.is_some() && self.get_at(w.ty, &w.eval(at), 0).as_ref() == json => Ok(()),
                    Some(lens) => lens.put(w, at, path, json),
                    // None of them applies: the last one says so, or drops the value.
                    None => match list.iter().rev().find(|lens| lens.is_writable()) {
                        Some(lens) => lens.put(w, at, path, json),
                        None => Ok(()),
                    },
                }
            }
            Self::Union(list) => put_union(list, w, at, path, elements(json)),
            Self::Guarded(guarded) => guarded.put(w, at, path, json),
            Self::Scalar(_) | Self::Inverse(_) | Self::Search(_) | Self::Side => Ok(()),
        }
    }

    /// True if a request may change it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.is_writable(),
            Self::Complex(subs) => subs.iter().any(|s| s.lens.is_writable()),
            Self::Rows(rows) => rows.common.write != super::Write::No,
            Self::Slots(slots) => slots.common.write != super::Write::No,
            Self::Reference(lens) => lens.common.write != super::Write::No,
            Self::Pointers(pointers) => pointers.places.iter().any(|p| p.common.write != super::Write::No),
            Self::Inverse(_) | Self::Search(_) => false,
            Self::Password(_) | Self::Side => true,
            Self::First(list) | Self::Union(list) => list.iter().any(Self::is_writable),
            Self::Guarded(guarded) => guarded.lens.is_writable(),
        }
    }

    /// What of it our own database keeps after a write. What the client left as it was, or what
    /// reads so without being kept, is not kept anew.
    #[must_use]
    pub fn kept_aside(&self, aside: &Aside<'_>) -> Option<Json> {
        match self {
            Self::Side => aside.new.cloned(),
            Self::Complex(subs) => {
                let kept: Object = subs
                    .iter()
                    .filter_map(|s| Some((s.name.clone(), s.lens.kept_aside(&aside.sub(&s.name))?)))
                    .collect();
                (!kept.is_empty()).then_some(Json::Object(kept))
            }
            Self::Slots(slots) => {
                let elements = elements(aside.new);
                some_list(elements.iter().filter_map(|e| slots.kept_element(aside, e)).collect())
            }
            Self::Guarded(guarded) if guarded.applies(&aside.eval) => guarded.lens.kept_aside(aside),
            Self::First(list) if self.is_side() => {
                let others = list.iter().filter(|l| !matches!(l, Self::Side));
                let otherwise = others.filter_map(|l| l.get_at(aside.ty, &aside.eval, 0)).next();
                match (aside.new, aside.kept) {
                    // A text that follows from others goes on doing so, as long as there is one.
                    (Some(new), kept) if aside.now == Some(new) && otherwise.is_some() => kept.cloned(),
                    (new, _) => new.filter(|n| Some(*n) != otherwise.as_ref()).cloned(),
                }
            }
            _ => None,
        }
    }

    /// True if what is written goes to our own database.
    #[must_use]
    pub fn is_side(&self) -> bool {
        match self {
            Self::Side => true,
            Self::First(list) => list.iter().find(|l| l.is_writable()).is_some_and(Self::is_side),
            Self::Guarded(guarded) => guarded.lens.is_side(),
            _ => false,
        }
    }

    /// Notes every row and field that reading it needs.
    pub fn reads(&self, ty: &TypeMapping, reads: &mut Reads) {
        match self {
            Self::Scalar(scalar) => {
                scalar.fields().into_iter().for_each(|f| reads.field(&ty.shape, f));
                if let super::Source::State { read, .. } = &scalar.source {
                    reads.cond(&ty.shape, read);
                }
            }
            Self::Complex(subs) => subs.iter().for_each(|s| s.lens.reads(ty, reads)),
            Self::Rows(rows) => {
                reads.part(&ty.shape, rows.part);
                rows.each.iter().for_each(|s| s.lens.reads(ty, reads));
                rows.kinds.iter().for_each(|kinds| reads.field(&ty.shape, &kinds.field));
            }
            Self::Slots(slots) => {
                slots.slots.iter().flat_map(|(_, subs)| subs).for_each(|s| s.lens.reads(ty, reads))
            }
            Self::Reference(lens) => {
                reads.field(&ty.shape, &lens.field);
                lens.tree.iter().for_each(|tree| reads.field(&ty.shape, &tree.own));
            }
            Self::Pointers(pointers) => {
                pointers.places.iter().for_each(|p| reads.field(&ty.shape, &p.field));
            }
            Self::Inverse(index) => {
                if let Some(inverse) = ty.inverses.get(*index) {
                    reads.field(&ty.shape, inverse.via.as_ref().map_or(&inverse.by, |(own, _)| own));
                    if inverse.superset {
                        reads.field(&ty.shape, &inverse.by);
                    }
                }
            }
            Self::Search(search) => reads.field(&ty.shape, &search.field),
            Self::Password(_) | Self::Side => {}
            Self::First(list) | Self::Union(list) => list.iter().for_each(|l| l.reads(ty, reads)),
            Self::Guarded(guarded) => {
                guarded.when.iter().for_each(|when| reads.cond(&ty.shape, when));
                guarded.lens.reads(ty, reads);
            }
        }
    }
}

/// An attribute before and after a write, for what our own database keeps of it.
pub struct Aside<'a> {
    /// The resource type.
    pub ty: &'a TypeMapping,
    /// The record after the write.
    pub eval: Eval<'a>,
    /// What the attribute read as before.
    pub now: Option<&'a Json>,
    /// What the client wants it to read as.
    pub new: Option<&'a Json>,
    /// What was kept of it before.
    pub kept: Option<&'a Json>,
}

impl<'a> Aside<'a> {
    /// The same for a sub-attribute.
    #[must_use]
    pub fn sub(&self, name: &str) -> Aside<'a> {
        let sub = |of: Option<&'a Json>| of.and_then(|j| j.get(name));
        Aside { ty: self.ty, eval: self.eval, now: sub(self.now), new: sub(self.new), kept: sub(self.kept) }
    }
}

/// Which parts and fields a read needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reads {
    /// Needed fields, by part; a part that is not in the list is not read.
    pub parts: std::collections::BTreeMap<PartId, BTreeSet<FieldId>>,
}

impl Reads {
    /// Needs all that another answer needs, too.
    pub fn extend(&mut self, other: &Self) {
        for (part, fields) in &other.parts {
            self.parts.entry(*part).or_default().extend(fields);
        }
    }

    /// Needs a part's rows.
    pub fn part(&mut self, shape: &Shape, part: PartId) {
        if self.parts.contains_key(&part) {
            return;
        }
        let layout = shape.part(part);
        if part != 0 {
            self.part(shape, layout.parent);
        }
        let own = self.parts.entry(part).or_default();
        own.extend(&layout.bag.key);
        own.extend(&layout.slot);
        own.extend(layout.ties());
        own.extend(layout.order.iter().map(|(f, _)| *f));
        if part != 0 {
            let above = self.parts.entry(layout.parent).or_default();
            above.extend(layout.on.iter().map(|(_, parents)| *parents));
            above.extend(layout.opened.as_ref().map(|o| o.field));
            if layout.hook.is_some() {
                above.extend(&shape.part(layout.parent).slot);
            }
        }
        for (_, other) in &layout.beside {
            self.field(shape, other);
        }
        if let Some(at) = layout.slot_in {
            self.part(shape, at.part);
            self.parts.entry(at.part).or_default().insert(at.field);
        }
    }

    /// Needs a field.
    pub fn field(&mut self, shape: &Shape, field: &FieldRef) {
        self.part(shape, field.part);
        let fields = self.parts.entry(field.part).or_default();
        fields.insert(field.field);
        fields.extend(shape.part(field.part).value.filter(|_| field.slot.is_some()));
    }

    /// Needs what a condition tests.
    pub fn cond(&mut self, shape: &Shape, cond: &Cond) {
        cond.fields().into_iter().for_each(|f| self.field(shape, f));
        cond.parts().into_iter().for_each(|p| self.part(shape, p));
    }

    /// Needs everything that a change of the resource may touch.
    #[must_use]
    pub fn everything(shape: &Shape) -> Self {
        let mut reads = Self::default();
        for (part, layout) in shape.parts.iter().enumerate() {
            reads.part(shape, part);
            reads.parts.entry(part).or_default().extend(0..layout.bag.fields.len());
        }
        reads
    }
}

fn complex(subs: &[Sub], ty: &TypeMapping, eval: &Eval<'_>, kept: Option<&Json>) -> Option<Json> {
    let mut object = rows::element(subs, ty, eval, 0);
    for sub in subs.iter().filter(|s| s.lens.is_side()) {
        if let Some(value) = kept.and_then(|k| k.get(&sub.name)) {
            object.insert(sub.name.clone(), value.clone());
        }
    }
    (!object.is_empty()).then_some(Json::Object(object))
}

/// Writes the sub-attributes of a complex value: first those that have a value, so that a row is made
/// for something; then those that have none; alternatives last, since others may read the same.
///
/// # Errors
///
/// 400 `invalidValue` if a value has no form in the store.
pub(super) fn put_subs(
    subs: &[Sub],
    w: &mut Writer<'_>,
    at: (PartId, usize),
    json: Option<&Json>,
    path: &dyn Fn(&str) -> String,
) -> Result<(), ScimError> {
    let value = |sub: &Sub| json.and_then(|j| j.get(&sub.name));
    let turn = |sub: &&Sub| (matches!(sub.lens, Lens::First(_)), value(sub).is_none());
    let mut in_turn: Vec<&Sub> = subs.iter().collect();
    in_turn.sort_by_key(turn);
    in_turn.into_iter().try_for_each(|sub| sub.lens.put(w, at, &path(&sub.name), value(sub)))
}

fn some_list(list: Vec<Json>) -> Option<Json> {
    (!list.is_empty()).then_some(Json::Array(list))
}

fn elements(json: Option<&Json>) -> &[Json] {
    match json {
        Some(Json::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// Each element stays where it is read from; new ones go to the first lens that can take them.
fn put_union(
    list: &[Lens],
    w: &mut Writer<'_>,
    at: (PartId, usize),
    path: &str,
    wanted: &[Json],
) -> Result<(), ScimError> {
    let now: Vec<Vec<Json>> = list
        .iter()
        .map(|lens| match lens.get_whole(w.ty, &w.eval(at), None) {
            Some(Json::Array(elements)) => elements,
            _ => Vec::new(),
        })
        .collect();
    let value = |e: &Json| e.get("value").cloned().unwrap_or_else(|| e.clone());
    let mut inverse = list.iter().zip(&now).filter(|(lens, _)| matches!(lens.bare(), Lens::Inverse(_)));
    if inverse.any(|(_, shown)| shown.iter().any(|e| !wanted.iter().any(|w| value(w) == value(e)))) {
        return Err(ScimError::mutability(format!(
            "`{path}` holds a resource because of an attribute of its own, which must change instead."
        )));
    }
    let mut shares: Vec<Vec<Json>> = vec![Vec::new(); list.len()];
    for element in wanted {
        // What several rows or lenses read as is shown once, and stays in all of them.
        let mut stays = false;
        for (share, elements) in shares.iter_mut().zip(&now).filter(|(share, _)| !share.contains(element)) {
            let same = elements.iter().filter(|e| *e == element).cloned();
            let before = share.len();
            share.extend(same);
            stays |= share.len() > before;
        }
        if stays {
            continue;
        }
        // Who is there by a lens that nobody writes is no new element, however little is said of it.
        let is_shown = list.iter().zip(&now).any(|(lens, elements)| {
            !lens.is_writable()
                && elements.iter().any(|shown| value(shown) == value(element) && says(shown, element))
        });
        let is_written = list.iter().zip(&now).any(|(lens, elements)| {
            lens.is_writable() && elements.iter().any(|shown| value(shown) == value(element))
        });
        if is_shown && !is_written {
            continue;
        }
        let takes = |(_, lens): &(usize, &Lens)| {
            lens.is_writable() && lens.applies(&w.eval(at)) && lens.takes(element, &shares, list)
        };
        let known = |i: usize| now.get(i).is_some_and(|l| l.iter().any(|e| value(e) == value(element)));
        let reaches = |(_, lens): &(usize, &Lens)| lens.reaches(w, element);
        let any = list.iter().enumerate().find(takes).map(|(i, _)| i);
        let mut takers = list.iter().enumerate().filter(takes).filter(reaches).map(|(i, _)| i);
        // What no lens can point at is refused by the first, in its words.
        let first = takers.next().or(any);
        let lens = first.filter(|i| known(*i)).or_else(|| takers.find(|i| known(*i))).or(first);
        match lens.and_then(|i| shares.get_mut(i)) {
            Some(share) => share.push(element.clone()),
            None => {
                return Err(ScimError::invalid_value(format!(
                    "`{path}` has an element that the store cannot keep."
                )));
            }
        }
    }
    for (lens, share) in list.iter().zip(shares) {
        if lens.is_writable() {
            lens.put(w, at, path, Some(&Json::Array(share)))?;
        }
    }
    Ok(())
}

/// True if a shown element has all that is said of another one, but for names of what it points at.
fn says(shown: &Json, said: &Json) -> bool {
    let Json::Object(said) = said else { return true };
    said.iter()
        .all(|(name, json)| matches!(name.as_str(), "$ref" | "display") || shown.get(name) == Some(json))
}

impl Lens {
    /// True if the lens has a place for this new element of a list.
    fn takes(&self, element: &Json, shares: &[Vec<Json>], list: &[Lens]) -> bool {
        self.takes_as(element, shares, list, self)
    }

    /// False if the element points at a resource that this lens cannot point at. What is not known yet may be.
    fn reaches(&self, w: &Writer<'_>, element: &Json) -> bool {
        let Self::Rows(rows) = self.bare() else { return true };
        let Some(reference) = rows.reference() else { return true };
        let given = if rows.simple { Some(element) } else { element.get("value") };
        let id = given.and_then(Json::as_str).and_then(|id| reference.given_id(&w.answers.base_url, id));
        let need = |id: &str| Need::IdToBy { reference: reference.target, id: id.to_owned() };
        id.is_none_or(|id| w.answers.value(&need(id)) != Some(None))
    }

    /// As [`Self::takes`], for the lens of the list that this one is, or is behind.
    fn takes_as(&self, element: &Json, shares: &[Vec<Json>], list: &[Lens], listed: &Lens) -> bool {
        let kind = element.get("type").and_then(Json::as_str);
        match self {
            Self::Slots(slots) => {
                let taken = list.iter().position(|l| std::ptr::eq(l, listed)).and_then(|i| shares.get(i));
                let has = |k: &str| {
                    taken.is_some_and(|t| t.iter().any(|e| e.get("type").and_then(Json::as_str) == Some(k)))
                };
                match kind {
                    Some(kind) => {
                        slots.slots.iter().any(|(name, _)| name.eq_ignore_ascii_case(kind)) && !has(kind)
                    }
                    None => slots.slots.iter().any(|(name, _)| !has(name)),
                }
            }
            Self::Guarded(guarded) => guarded.lens.takes_as(element, shares, list, listed),
            Self::Rows(rows) => rows.each.iter().all(|sub| match sub.lens.bare() {
                Self::Scalar(super::Scalar { source: super::Source::Const(own), case_exact, .. }) => {
                    element.get(&sub.name).is_none_or(|given| super::json::same_json(own, given, *case_exact))
                }
                _ => true,
            }),
            _ => true,
        }
    }
}
