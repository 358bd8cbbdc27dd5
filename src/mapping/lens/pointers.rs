//! The lens of a list whose elements lie in fields of their own, one pointer each: the groups of somebody
//! whose row names a department and a team.

use crate::{
    mapping::{
        TypeMapping,
        form::{Eval, Need},
        lens::{Pointers, Reference, scalar, writer::Writer},
        shape::PartId,
    },
    scim::{Json, error::ScimError},
};

impl Pointers {
    /// One element for each field that points at something, and each target once.
    #[must_use]
    pub fn get(&self, ty: &TypeMapping, eval: &Eval<'_>) -> Vec<Json> {
        let mut out: Vec<Json> = Vec::new();
        for place in &self.places {
            let Some(target) = ty.references.get(place.target) else { continue };
            let Some(mut object) = place.object(eval, target) else { continue };
            let kind = if self.direct { Some("direct".to_owned()) } else { kind_of(place, eval) };
            object.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
            if !out.iter().any(|known| known.get("value") == object.get("value")) {
                out.push(Json::Object(object));
            }
        }
        out
    }

    /// Who stays keeps the field; a new one takes the first that is free.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if there are more than fields for them, or one does not exist.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        wanted: &[Json],
    ) -> Result<(), ScimError> {
        let mut coming: Vec<&Json> = wanted.iter().collect();
        let mut free: Vec<&Reference> = Vec::new();
        for place in &self.places {
            let shown = w.ty.references.get(place.target).and_then(|t| place.object(&w.eval(at), t));
            let shown = shown.as_ref().and_then(|object| object.get("value"));
            match shown {
                Some(id) if wanted.iter().any(|e| e.get("value") == Some(id)) => {
                    coming.retain(|e| e.get("value") != Some(id));
                }
                // What points at nothing that is ours is not ours to replace.
                None if !is_empty(place, w, at) => {}
                _ => free.push(place),
            }
        }
        coming.dedup_by_key(|e| e.get("value"));
        if coming.len() > free.len() {
            return Err(ScimError::invalid_value(format!(
                "`{path}` has more elements than the store has room for ({}).",
                self.places.len()
            )));
        }
        let mut coming = coming.into_iter();
        free.into_iter().try_for_each(|place| place.put(w, at, path, coming.next()))
    }
}

/// True if a field holds nothing, or what stands for it.
fn is_empty(place: &Reference, w: &Writer<'_>, at: (PartId, usize)) -> bool {
    let values = w.eval(at).values(&place.field).to_vec();
    let texts = w.shape().part(place.field.part).nothing.iter();
    let nothing: Vec<String> = texts
        .filter(|(field, _)| field.as_ref().is_none_or(|f| *f == place.field))
        .filter_map(|(_, template)| template.one(&w.eval(at), &place.field))
        .map(|value| value.to_text())
        .collect();
    values.iter().all(|value| nothing.contains(&value.to_text()))
}

/// Name of the type of what a field points at.
fn kind_of(place: &Reference, eval: &Eval<'_>) -> Option<String> {
    let by = scalar::decode(eval.values(&place.field).first()?.clone(), &place.codecs)?.to_text();
    let need = Need::ByToId { reference: place.target, by };
    eval.answers.pointed(&need).flatten().map(|pointed| pointed.resource_type)
}
