//! The lens of a list: the rows of a part, one element each.

use std::collections::HashMap;

use crate::{
    mapping::{
        TypeMapping,
        form::{Eval, Need},
        lens::{Lens, Rows, Scalar, Source, Sub, json::same_json, writer::Writer},
        no_place,
        record::Record,
        shape::PartId,
    },
    scim::{Json, Object, error::ScimError},
};

impl Rows {
    /// One element per row that reads as something.
    #[must_use]
    pub fn get(&self, ty: &TypeMapping, eval: &Eval<'_>) -> Vec<Json> {
        self.elements(ty, eval).into_iter().map(|(_, element)| element).collect()
    }

    /// The elements with the rows they come from.
    fn elements(&self, ty: &TypeMapping, eval: &Eval<'_>) -> Vec<(usize, Json)> {
        let mut out = Vec::new();
        for row in self.shown_rows(eval) {
            let here = Eval { at: (self.part, row), ..*eval };
            let element = element(&self.each, ty, &here, out.len());
            let Ok(element) = self.with_kind(&here, element) else { continue };
            if self.simple {
                if let Some(value) = element.into_iter().next().map(|(_, v)| v) {
                    out.push((row, value));
                }
            } else if has_data(&self.each, &element) {
                out.push((row, Json::Object(element)));
            }
        }
        out
    }

    /// The element with what its kind says; an error if that is none of ours.
    fn with_kind(&self, eval: &Eval<'_>, mut element: Object) -> Result<Object, ()> {
        let Some(kinds) = &self.kinds else { return Ok(element) };
        let says = kinds.get(eval).ok_or(())?;
        element.extend(says.iter().map(|(name, json)| (name.clone(), json.clone())));
        Ok(element)
    }

    /// The live rows, without the placeholder that keeps a list from being empty.
    fn shown_rows(&self, eval: &Eval<'_>) -> Vec<usize> {
        let rows = eval.record.rows_below(eval.shape, eval.at, self.part);
        let Some(floor) = &eval.shape.part(self.part).floor else { return rows };
        let Some(floor) = floor.one(eval, &no_place()) else { return rows };
        let is_floor = |row: &usize| {
            eval.record.row(self.part, *row).is_some_and(|d| {
                d.now.first(0).is_some_and(|v| eval.shape.part(self.part).bag.kind(0).same(v, &floor))
            })
        };
        rows.into_iter().filter(|row| !is_floor(row)).collect()
    }

    /// Makes the rows read as `wanted`: rows are kept by their value, then re-used by their type;
    /// the others go, and new ones come.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if an element has no form in the store.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        wanted: &[Json],
    ) -> Result<(), ScimError> {
        let wanted = self.spelled(w, wanted);
        let mut wanted = self.in_order(path, &wanted)?;
        wanted.retain(|element| !self.is_skipped(w, element));
        if !self.simple {
            let has_data = |element: &&Json| check_data(&self.each, path, element);
            let kept: Vec<bool> = wanted.iter().map(has_data).collect::<Result<_, _>>()?;
            let mut kept = kept.into_iter();
            wanted.retain(|_| kept.next().unwrap_or_default());
        }
        let existing = self.elements(w.ty, &w.eval(at));
        if self.is_positional() || self.kinds.as_ref().is_some_and(|kinds| kinds.one.is_some()) {
            give_way(&existing, &mut wanted, &self.by);
        }
        let shown = self.shown_rows(&w.eval(at));
        let pairs = pair(&existing, &wanted, &self.by, self.simple);
        // Rows that read as nothing (a dangling pointer, a foreign value) are not ours: they stay.
        for (index, (row, _)) in existing.iter().enumerate() {
            if !pairs.contains(&Some(index)) {
                w.record.remove_row(w.shape(), self.part, *row);
            }
        }
        debug_assert!(existing.iter().all(|(row, _)| shown.contains(row)), "elements come from shown rows");
        let main = self.main(w, &wanted, &|place| {
            let (row, _) = existing.get(pairs.get(place).copied().flatten()?)?;
            Some(*row)
        });
        for (place, (element, pair)) in wanted.iter().zip(&pairs).enumerate() {
            let is_main = main == Some(place);
            let row = match pair.and_then(|i| existing.get(i)) {
                Some((row, old))
                    if old == *element && main.is_none_or(|_| is_main == self.is_one(w, *row)) =>
                {
                    let _ = row;
                    continue;
                }
                Some((row, _)) => *row,
                None => {
                    let above = w.record.ensure_parent(w.shape(), at, self.part);
                    w.record.add_row(w.shape(), self.part, above, None)
                }
            };
            self.put_element(w, (self.part, row), path, element, is_main)?;
            self.refuse_hidden(w, row, path)?;
        }
        self.keep_floor(w, at);
        self.keep_order(w, &wanted, at);
        Ok(())
    }

    /// The place of the element whose row is the only one of its kind.
    fn main(
        &self,
        w: &Writer<'_>,
        wanted: &[&Json],
        row_of: &dyn Fn(usize) -> Option<usize>,
    ) -> Option<usize> {
        let kinds = self.kinds.as_ref()?;
        let stored = |place| row_of(place).and_then(|row| kinds.stored(&w.eval((self.part, row))));
        kinds.main(wanted, stored)
    }

    /// True if the row is of the kind that only one has.
    fn is_one(&self, w: &Writer<'_>, row: usize) -> bool {
        let Some(kinds) = &self.kinds else { return false };
        kinds.one.is_some() && kinds.stored(&w.eval((self.part, row))) == kinds.one
    }

    pub(super) fn reference(&self) -> Option<&super::Reference> {
        self.each.iter().find_map(|s| match s.lens.bare() {
            Lens::Reference(reference) => Some(reference),
            _ => None,
        })
    }

    /// The wanted elements, with URIs of ours in the one form in which they are shown.
    fn spelled<'j>(&self, w: &Writer<'_>, wanted: &'j [Json]) -> std::borrow::Cow<'j, [Json]> {
        match self.reference().filter(|r| !r.endpoints.is_empty()) {
            Some(reference) => {
                let shown = |uri: &Json| reference.shown(&w.answers.base_url, uri);
                wanted.iter().map(shown).collect::<Vec<_>>().into()
            }
            None => wanted.into(),
        }
    }

    /// True if the element points at a resource that does not exist, and that is to be overlooked.
    fn is_skipped(&self, w: &Writer<'_>, element: &Json) -> bool {
        let (Some(reference), true) = (self.reference(), w.answers.skip_unknown) else { return false };
        let given = if self.simple { Some(element) } else { element.get("value") };
        let id = given.and_then(Json::as_str).and_then(|id| reference.given_id(&w.answers.base_url, id));
        let Some(id) = id else { return false };
        let need = Need::IdToBy { reference: reference.target, id: id.to_owned() };
        w.answers.value(&need) == Some(None)
    }

    fn put_element(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        element: &Json,
        is_main: bool,
    ) -> Result<(), ScimError> {
        if let Some(kinds) = &self.kinds {
            kinds.put(w, at, path, element, is_main)?;
        }
        for sub in &self.each {
            let json = if self.simple { Some(element) } else { element.get(&sub.name) };
            let path = if self.simple { path.to_owned() } else { format!("{path}.{}", sub.name) };
            if json.is_none() && self.is_not_primary(w, at, sub, &path)? {
                continue;
            }
            sub.lens.put(w, at, &path, json)?;
            if json.is_none() {
                default(w, at, &sub.lens);
            }
        }
        Ok(())
    }

    /// An element that does not say that it is primary is not (RFC 7643 §2.4): a row that has a word for
    /// that gets it, which a column that must hold something needs. False if there is no such word.
    fn is_not_primary(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        sub: &Sub,
        path: &str,
    ) -> Result<bool, ScimError> {
        if self.simple || sub.name != "primary" || sub.lens.get_at(w.ty, &w.eval(at), 0).is_none() {
            return Ok(false);
        }
        let Lens::Scalar(scalar) = sub.lens.bare() else { return Ok(false) };
        let Source::Field { codecs, map, .. } = &scalar.source else { return Ok(false) };
        if !matches!(scalar.encode(&Json::Bool(false), codecs, map.as_ref()), Ok(Some(_))) {
            return Ok(false);
        }
        sub.lens.put(w, at, path, Some(&Json::Bool(false)))?;
        Ok(true)
    }

    /// An error for an element that would be the row which nobody is shown.
    fn refuse_hidden(&self, w: &Writer<'_>, row: usize, path: &str) -> Result<(), ScimError> {
        let floor = w.shape().part(self.part).row_floor.as_ref();
        let hides = floor.zip(w.record.row(self.part, row)).is_some_and(|(floor, d)| floor.hides(&d.now));
        let said = || format!("`{path}` has an element that the store keeps for empty lists.");
        if hides { Err(ScimError::invalid_value(said())) } else { Ok(()) }
    }

    /// Adds the placeholder if no row is left. A list that was empty before is left so.
    fn keep_floor(&self, w: &mut Writer<'_>, at: (PartId, usize)) {
        let Some(floor) = &w.shape().part(self.part).floor else { return };
        let is_new = w.record.row(at.0, at.1).is_some_and(|d| d.was.is_none());
        let is_emptied = w.record.rows(self.part).iter().any(|d| d.removed && d.was.is_some());
        if !(is_new || is_emptied) || !w.record.rows_below(w.shape(), at, self.part).is_empty() {
            return;
        }
        let Some(value) = floor.one(&w.eval(at), &no_place()) else { return };
        let row = w.record.add_row(w.shape(), self.part, at.1, None);
        if let Some(draft) = w.record.row_mut(self.part, row) {
            draft.now.set(0, vec![value]);
        }
    }

    /// With positional sub-attributes the order of the rows carries meaning.
    fn keep_order(&self, w: &mut Writer<'_>, wanted: &[&Json], at: (PartId, usize)) {
        // Rows that others hang on keep their index.
        let is_hung_on = w.shape().parts.iter().skip(1).any(|p| p.parent == self.part);
        if !self.is_positional() || is_hung_on {
            return;
        }
        let elements = self.elements(w.ty, &w.eval(at));
        let place =
            |element: &Json| wanted.iter().position(|v| same_value(v, element, &self.by, self.simple));
        let order: HashMap<usize, usize> =
            elements.iter().filter_map(|(row, e)| place(e).map(|p| (*row, p))).collect();
        w.record.reorder(self.part, &order);
    }

    /// True if a sub-attribute depends on the element's position.
    #[must_use]
    pub fn is_positional(&self) -> bool {
        self.each
            .iter()
            .any(|s| matches!(s.lens.bare(), Lens::Scalar(Scalar { source: Source::Place(_), .. })))
    }

    /// Sorts elements by their wished places.
    fn in_order<'j>(&self, path: &str, wanted: &'j [Json]) -> Result<Vec<&'j Json>, ScimError> {
        let mut sorted: Vec<(usize, &Json)> = Vec::new();
        for element in wanted {
            let mut best = usize::MAX;
            for sub in &self.each {
                let Lens::Scalar(Scalar { source: Source::Place(places), case_exact, .. }) = sub.lens.bare()
                else {
                    continue;
                };
                let Some(given) = element.get(&sub.name) else { continue };
                match places.iter().position(|p| same_json(p, given, *case_exact)) {
                    Some(place) => best = best.min(place),
                    // It is read as the last one, which repeats.
                    None if sub.lens.ignores() => best = best.min(places.len().saturating_sub(1)),
                    None => {
                        let known: Vec<String> = places.iter().map(Json::to_string).collect();
                        return Err(ScimError::invalid_value(format!(
                            "`{path}.{}` must be one of {}, not {given}.",
                            sub.name,
                            known.join(", ")
                        )));
                    }
                }
            }
            sorted.push((best, element));
        }
        sorted.sort_by_key(|(place, _)| *place);
        Ok(sorted.into_iter().map(|(_, e)| e).collect())
    }
}

/// Gives the field of an element that says nothing of it what its lens has for that.
fn default(w: &mut Writer<'_>, at: (PartId, usize), lens: &Lens) {
    let Lens::Scalar(Scalar { source: Source::Field { field, .. }, common, .. }) = lens.bare() else {
        return;
    };
    let values: Vec<_> = common.initial.iter().flat_map(|t| t.many(&w.eval(at), field, false)).collect();
    if !values.is_empty() && lens.applies(&w.eval(at)) {
        w.assign(at, field, values);
    }
}

/// Builds one element from its sub-attributes.
#[must_use]
pub fn element(subs: &[Sub], ty: &TypeMapping, eval: &Eval<'_>, position: usize) -> Object {
    let mut out = Object::new();
    for sub in subs.iter().filter(|sub| sub.lens.applies(eval)) {
        match sub.lens.bare() {
            Lens::Reference(reference) => {
                let Some(target) = ty.references.get(reference.target) else { continue };
                if !reference.endpoints.is_empty() {
                    out.extend(reference.get(eval, target).map(|uri| (sub.name.clone(), uri)));
                } else if let Some(mut pointed) = reference.object(eval, target) {
                    if let Some(kind) = pointed_type(eval, reference, target) {
                        pointed.insert("type".into(), kind.into());
                    }
                    out.extend(pointed);
                }
            }
            lens => {
                if let Some(json) = lens.get_at(ty, eval, position) {
                    out.insert(sub.name.clone(), json);
                }
            }
        }
    }
    out
}

fn pointed_type(eval: &Eval<'_>, reference: &super::Reference, _target: &super::RefTarget) -> Option<String> {
    let by =
        super::scalar::decode(eval.values(&reference.field).first()?.clone(), &reference.codecs)?.to_text();
    let need = Need::ByToId { reference: reference.target, by };
    eval.answers.pointed(&need).flatten().map(|p| p.resource_type)
}

/// True if an element says anything beside constants and positions.
#[must_use]
pub fn has_data(subs: &[Sub], element: &Object) -> bool {
    let carries = |sub: &Sub| {
        !matches!(sub.lens.bare(), Lens::Scalar(Scalar { source: Source::Place(_) | Source::Const(_), .. }))
    };
    match subs.iter().find(|s| s.name == "value") {
        Some(value) if carries(value) => element.contains_key("value"),
        _ => subs.iter().any(|s| carries(s) && element.contains_key(&s.name)),
    }
}

/// Whether a wanted element says anything that can be shown. One that has a type or is primary, and
/// nothing else, is no element.
///
/// # Errors
///
/// 400 `invalidValue` if it has other values, which would never be shown.
pub fn check_data(subs: &[Sub], path: &str, element: &Json) -> Result<bool, ScimError> {
    let Some(object) = element.as_object() else { return Ok(true) };
    if has_data(subs, object) {
        return Ok(true);
    }
    let says =
        |sub: &&Sub| !["type", "primary"].contains(&sub.name.as_str()) && object.contains_key(&sub.name);
    match subs.iter().find(says) {
        None => Ok(false),
        Some(_) => Err(ScimError::invalid_value(format!("`{path}` has an element without `value`."))),
    }
}

/// For each wanted element the existing one whose row it takes over.
fn pair(existing: &[(usize, Json)], wanted: &[&Json], by: &str, simple: bool) -> Vec<Option<usize>> {
    let mut by_value: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, (_, element)) in existing.iter().enumerate().rev() {
        by_value.entry(value_key(element, by, simple)).or_default().push(index);
    }
    // Of several rows with one value, those that read as wanted already stay as they are.
    let mut pairs: Vec<Option<usize>> = wanted
        .iter()
        .map(|element| {
            let rows = by_value.get_mut(&value_key(element, by, simple))?;
            let same = |i: &usize| existing.get(*i).is_some_and(|(_, old)| old == *element);
            let place = rows.iter().rposition(same)?;
            Some(rows.remove(place))
        })
        .collect();
    for (element, pair) in wanted.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
        let Some(rows) = by_value.get_mut(&value_key(element, by, simple)) else { continue };
        // Of several rows with one value, the one of the same type.
        let kind = element.get("type").filter(|_| !simple);
        let is_of_kind =
            |i: &usize| existing.get(*i).is_some_and(|(_, e)| kind.is_some() && e.get("type") == kind);
        *pair = match rows.iter().rposition(is_of_kind) {
            Some(place) => Some(rows.remove(place)),
            None => rows.pop(),
        };
    }
    let mut left: Vec<usize> = by_value.into_values().flatten().collect();
    left.sort_unstable();
    if !simple && !left.is_empty() && left.len() <= 100 {
        for (element, pair) in wanted.iter().zip(&mut pairs).filter(|(_, p)| p.is_none()) {
            let kind = element.get("type");
            let found = left
                .iter()
                .position(|i| existing.get(*i).is_some_and(|(_, e)| kind.is_some() && e.get("type") == kind));
            *pair = found.map(|i| left.remove(i));
        }
    }
    pairs
}

/// Of a list with a main value, or whose places tell something, an element that is there gives way to a new one with
/// the same value: whoever adds a value again says anew what it is, and the list does not hold it twice.
fn give_way(existing: &[(usize, Json)], wanted: &mut Vec<&Json>, by: &str) {
    let is_there = |element: &Json| existing.iter().any(|(_, old)| old == element);
    let said: Vec<&Json> = wanted.iter().copied().filter(|element| !is_there(element)).collect();
    wanted
        .retain(|element| !(is_there(element) && said.iter().any(|new| same_value(new, element, by, false))));
}

fn value_key(element: &Json, by: &str, simple: bool) -> String {
    let value = if simple { Some(element) } else { element.get(by) };
    value.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).unwrap_or_default()
}

fn same_value(a: &Json, b: &Json, by: &str, simple: bool) -> bool {
    value_key(a, by, simple) == value_key(b, by, simple)
}

impl Record {
    /// Puts the rows of a part in the order that `places` gives; rows it does not name go last.
    pub fn reorder(&mut self, part: PartId, places: &HashMap<usize, usize>) {
        let Some(rows) = self.parts.get_mut(part) else { return };
        if rows.len() < 2 {
            return;
        }
        let mut numbered: Vec<(usize, _)> = std::mem::take(rows).into_iter().enumerate().collect();
        numbered.sort_by_key(|(i, _)| places.get(i).copied().unwrap_or(usize::MAX));
        *rows = numbered.into_iter().map(|(_, d)| d).collect();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_two_rows_with_one_value_the_one_of_the_same_type_is_kept() {
        // The type of the first one is none that the mapping knows.
        let first = json!({ "value": "a", "primary": true });
        let second = json!({ "value": "a", "type": "work", "primary": false });
        let wanted = json!({ "value": "a", "type": "work" });
        assert_eq!(pair(&[(0, first), (1, second)], &[&wanted], "value", false), [Some(1)]);
    }
}
