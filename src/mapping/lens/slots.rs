//! The lens of fixed elements: each type of a multi-valued attribute has its
//! own fields (`work` → `telephoneNumber`, `mobile` → `mobile`).

use crate::{
    mapping::{
        TypeMapping,
        form::Eval,
        lens::{
            Slots, Sub,
            face::{self, Aside},
            rows,
            writer::Writer,
        },
        shape::PartId,
    },
    scim::{Json, Object, error::ScimError},
};

impl Slots {
    /// The elements whose fields hold something, with their type; the first present type of
    /// `primary` is the primary one. `kept` are the elements, or parts of elements, that our own
    /// database keeps.
    #[must_use]
    pub fn get(&self, ty: &TypeMapping, eval: &Eval<'_>, kept: &[Json]) -> Vec<Json> {
        let mut found: Vec<(&str, Object)> = Vec::new();
        for (kind, subs) in &self.slots {
            let mut element = rows::element(subs, ty, eval, 0);
            let aside = kept.iter().find(|k| is_type(k, kind)).and_then(Json::as_object);
            for sub in subs.iter().filter(|s| s.lens.is_side()) {
                if let Some(value) = aside.and_then(|k| k.get(&sub.name)) {
                    element.insert(sub.name.clone(), value.clone());
                }
            }
            if rows::has_data(subs, &element) {
                element.insert("type".into(), kind.as_str().into());
                found.push((kind, element));
            }
        }
        if let Some(first) = self.primary.iter().find(|p| found.iter().any(|(kind, _)| kind == p)) {
            for (kind, element) in &mut found {
                element.insert("primary".into(), (kind == first).into());
            }
        }
        let mut list: Vec<Json> = found.into_iter().map(|(_, element)| Json::Object(element)).collect();
        list.extend(kept.iter().filter(|k| self.find(k).is_none()).cloned());
        list
    }

    /// What our own database keeps of a written element: all of it if its type has no place, else
    /// the sub-attributes that have none.
    #[must_use]
    pub fn kept_element(&self, aside: &Aside<'_>, element: &Json) -> Option<Json> {
        let Some((kind, subs)) = self.find(element) else {
            let is_typed = element.get("type").is_some();
            return (self.rest_side && is_typed).then(|| element.clone());
        };
        let same = |list: Option<&'_ Json>| {
            list.and_then(Json::as_array).and_then(|l| l.iter().find(|e| is_type(e, kind))).cloned()
        };
        let (now, kept) = (same(aside.now), same(aside.kept));
        let one = Aside { now: now.as_ref(), kept: kept.as_ref(), new: Some(element), ..*aside };
        let mut object: Object = subs
            .iter()
            .filter_map(|s| Some((s.name.clone(), s.lens.kept_aside(&one.sub(&s.name))?)))
            .collect();
        if object.is_empty() {
            return None;
        }
        object.insert("type".into(), kind.into());
        Some(Json::Object(object))
    }

    /// The slot of an element's type.
    fn find(&self, element: &Json) -> Option<(&str, &[Sub])> {
        self.slots
            .iter()
            .find(|(kind, _)| is_type(element, kind))
            .map(|(kind, subs)| (kind.as_str(), subs.as_slice()))
    }

    /// Writes each element into the fields of its type and clears the types that are not given.
    /// Returns the elements of other types.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` for two elements of one type, or a type that has no place.
    pub fn put<'j>(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        wanted: &'j [Json],
    ) -> Result<Vec<&'j Json>, ScimError> {
        let mut placed: Vec<Option<&Json>> = vec![None; self.slots.len()];
        let mut rest = Vec::new();
        let mut untyped = Vec::new();
        for element in wanted {
            let Some(kind) = element.get("type").and_then(Json::as_str) else {
                untyped.push(element);
                continue;
            };
            match self.slots.iter().position(|(name, _)| name.eq_ignore_ascii_case(kind)) {
                Some(slot) => match placed.get_mut(slot) {
                    Some(place @ None) => *place = Some(element),
                    _ => {
                        return Err(ScimError::invalid_value(format!(
                            "`{path}` has two elements of type `{kind}`."
                        )));
                    }
                },
                None if self.rest_side => rest.push(element),
                None => {
                    let known: Vec<&str> = self.slots.iter().map(|(name, _)| name.as_str()).collect();
                    return Err(ScimError::invalid_value(format!(
                        "`{path}.type` must be one of {}, not `{kind}`.",
                        known.join(", ")
                    )));
                }
            }
        }
        // An element without a type takes the first free place (KC-03).
        for element in untyped {
            match placed.iter_mut().find(|p| p.is_none()) {
                Some(place) => *place = Some(element),
                None => {
                    return Err(ScimError::invalid_value(format!(
                        "`{path}` has more elements than the store can keep."
                    )));
                }
            }
        }
        for ((kind, subs), element) in self.slots.iter().zip(placed) {
            let element = match element {
                Some(element) => rows::check_data(subs, path, element)?.then_some(element),
                None => None,
            };
            // What is not shown is not ours to clear.
            if element.is_none() && !rows::has_data(subs, &rows::element(subs, w.ty, &w.eval(at), 0)) {
                continue;
            }
            face::put_subs(subs, w, at, element, &|name| format!("{path}[type eq \"{kind}\"].{name}"))?;
        }
        Ok(rest)
    }
}

fn is_type(element: &Json, kind: &str) -> bool {
    element.get("type").and_then(Json::as_str).is_some_and(|t| t.eq_ignore_ascii_case(kind))
}
