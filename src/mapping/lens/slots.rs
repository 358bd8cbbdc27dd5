//! The lens of fixed elements: each type of a multi-valued attribute has its
//! own fields (`work` → `telephoneNumber`, `mobile` → `mobile`).

use crate::{
    mapping::{
        TypeMapping,
        form::Eval,
        lens::{Slots, rows, writer::Writer},
        shape::PartId,
    },
    scim::{Json, Object, error::ScimError},
};

impl Slots {
    /// The elements whose fields hold something, with their type; the first present type of
    /// `primary` is the primary one.
    #[must_use]
    pub fn get(&self, ty: &TypeMapping, eval: &Eval<'_>) -> Vec<Json> {
        let mut found: Vec<(&str, Object)> = Vec::new();
        for (kind, subs) in &self.slots {
            let mut element = rows::element(subs, ty, eval, 0);
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
        found.into_iter().map(|(_, element)| Json::Object(element)).collect()
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
            for sub in subs {
                let path = format!("{path}[type eq \"{kind}\"].{}", sub.name);
                sub.lens.put(w, at, &path, element.and_then(|e| e.get(&sub.name)))?;
            }
        }
        Ok(rest)
    }
}
