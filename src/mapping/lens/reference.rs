//! The lens of a pointer: a DN, a key or any other field of the target ⇄ a SCIM
//! id. Ids are found by the gateway, in batches; see [`Need`].

use serde_json::json;

use crate::{
    mapping::{
        form::{Eval, Need, Pointed, set},
        lens::{Dangling, RefTarget, Reference, scalar, writer::Writer},
        shape::PartId,
    },
    scim::{Json, Object, error::ScimError},
    store::{Fold, Value},
};

impl Reference {
    /// The pointer as a complex value: `value`, `$ref`, `type` and the target's name.
    #[must_use]
    pub fn get(&self, eval: &Eval<'_>, target: &RefTarget) -> Option<Object> {
        let by = scalar::decode(eval.values(&self.field).first()?.clone(), &self.codecs)?.to_text();
        let need = Need::ByToId { reference: self.target, by: by.clone() };
        match eval.answers.pointed(&need)? {
            Some(pointed) => Some(to_object(&pointed, &eval.answers.base_url, target.display)),
            None if target.dangling == Dangling::Show => {
                Some(Object::from_iter([("value".into(), by.into())]))
            }
            None => None,
        }
    }

    /// Points at the resource with the SCIM id that `json` holds, or at nothing.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if there is no such resource.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        json: Option<&Json>,
    ) -> Result<(), ScimError> {
        let id = json.and_then(|j| match j {
            Json::Object(o) => o.get("value").and_then(Json::as_str),
            other => other.as_str(),
        });
        let stored = w.eval(at).values(&self.field).first().cloned();
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            // A pointer that is not shown is not ours to clear.
            let target = w.ty.references.get(self.target);
            if target.is_some_and(|target| self.get(&w.eval(at), target).is_none()) {
                return Ok(());
            }
            w.assign(at, &self.field, Vec::new());
            return Ok(());
        };
        let Some(value) = self.find(w, path, id)? else { return Ok(()) };
        if stored.is_some_and(|stored| stored.same(&value, Fold::Exact)) {
            return Ok(());
        }
        w.assign(at, &self.field, vec![value]);
        set::apply(&self.here, w.shape(), &mut w.record, at, w.answers);
        set::apply(&self.common.also, w.shape(), &mut w.record, at, w.answers);
        Ok(())
    }

    /// The stored form of a SCIM id; `None` while it is not known yet.
    fn find(&self, w: &Writer<'_>, path: &str, id: &str) -> Result<Option<Value>, ScimError> {
        let need = Need::IdToBy { reference: self.target, id: id.to_owned() };
        let Some(found) = w.answers.value(&need) else { return Ok(None) };
        let missing = || ScimError::invalid_value(format!("`{path}` names a resource that does not exist."));
        self.encode(found.ok_or_else(missing)?).map(Some).ok_or_else(missing)
    }

    /// The pointer's stored form, through the codecs.
    #[must_use]
    pub fn encode(&self, value: Value) -> Option<Value> {
        self.codecs.iter().rev().try_fold(value, |v, codec| codec.encode(v).ok())
    }
}

/// A resource as a reference value (RFC 7643 §2.4: `value`, `$ref`, `type`, `display`).
#[must_use]
pub fn to_object(pointed: &Pointed, base_url: &str, display: &str) -> Object {
    let mut object = Object::new();
    object.insert("value".into(), pointed.id.as_str().into());
    object.insert("$ref".into(), json!(format!("{base_url}{}/{}", pointed.endpoint, pointed.id)));
    if let Some(name) = &pointed.display {
        object.insert(display.into(), name.as_str().into());
    }
    object
}
