//! The lens of a pointer: a DN, a key or any other field of the target ⇄ a SCIM
//! id. Ids are found by the gateway, in batches; see [`Need`].

use serde_json::json;

use crate::{
    mapping::{
        form::{Eval, Need, Pointed, set},
        lens::{Dangling, Lens, RefTarget, Reference, scalar, writer::Writer},
        shape::PartId,
    },
    scim::{Json, Object, error::ScimError},
    store::{Fold, Value},
};

impl Lens {
    /// The reference lenses within it, each with the part whose rows are the elements of its list.
    pub fn references<'l>(&'l self, found: &mut dyn FnMut(&'l Reference, Option<PartId>)) {
        visit(self, None, found);
    }
}

fn visit<'l>(lens: &'l Lens, part: Option<PartId>, found: &mut dyn FnMut(&'l Reference, Option<PartId>)) {
    match lens {
        Lens::Reference(reference) => found(reference, part),
        Lens::Pointers(pointers) => pointers.places.iter().for_each(|p| found(p, part)),
        Lens::Complex(subs) => subs.iter().for_each(|s| visit(&s.lens, part, found)),
        Lens::Rows(rows) => rows.each.iter().for_each(|s| visit(&s.lens, Some(rows.part), found)),
        Lens::Slots(slots) => {
            slots.slots.iter().flat_map(|(_, s)| s).for_each(|s| visit(&s.lens, part, found));
        }
        Lens::First(list) | Lens::Union(list) => list.iter().for_each(|l| visit(l, part, found)),
        Lens::Guarded(guarded) => visit(&guarded.lens, part, found),
        Lens::Scalar(_) | Lens::Inverse(_) | Lens::Search(_) | Lens::Password(_) | Lens::Side => {}
    }
}

impl Reference {
    /// The attribute as SCIM shows it: the target's URI, or a complex value.
    #[must_use]
    pub fn get(&self, eval: &Eval<'_>, target: &RefTarget) -> Option<Json> {
        let mut object = self.object(eval, target)?;
        if self.endpoints.is_empty() { Some(Json::Object(object)) } else { object.remove("$ref") }
    }

    /// The pointer as a complex value: `value`, `$ref` and the target's name.
    #[must_use]
    pub fn object(&self, eval: &Eval<'_>, target: &RefTarget) -> Option<Object> {
        let by = match &self.tree {
            Some(tree) => self.parent_path(tree, eval)?,
            None => scalar::decode(eval.values(&self.field).first()?.clone(), &self.codecs)?.to_text(),
        };
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
        let given = json.and_then(|j| match j {
            Json::Object(o) => o.get("value").and_then(Json::as_str),
            other => other.as_str(),
        });
        let given = given.filter(|given| !given.is_empty());
        let id = match given {
            Some(given) => Some(self.given_id(&w.answers.base_url, given).ok_or_else(|| missing(path))?),
            None => None,
        };
        let stored = w.eval(at).values(&self.field).first().cloned();
        let Some(id) = id else {
            // A pointer that is not shown is not ours to clear.
            let target = w.ty.references.get(self.target);
            if target.is_some_and(|target| self.get(&w.eval(at), target).is_none()) {
                return Ok(());
            }
            if let Some(tree) = &self.tree {
                return self.put_parent(w, tree, path, None);
            }
            w.assign(at, &self.field, Vec::new());
            set::undo(&self.here, w.shape(), &mut w.record, at, w.answers);
            return Ok(());
        };
        let Some(value) = self.find(w, path, id)? else { return Ok(()) };
        if let Some(tree) = &self.tree {
            return self.put_parent(w, tree, path, Some(&value));
        }
        if stored.is_some_and(|stored| stored.same(&value, Fold::Exact)) {
            return Ok(());
        }
        w.assign(at, &self.field, vec![value]);
        if w.ty.references.get(self.target).is_some_and(|target| !target.there.is_empty()) {
            w.there.push((self.target, id.to_owned()));
        }
        set::apply(&self.here, w.shape(), &mut w.record, at, w.answers);
        set::apply(&self.common.also, w.shape(), &mut w.record, at, w.answers);
        Ok(())
    }

    /// The stored form of a SCIM id; `None` while it is not known yet.
    fn find(&self, w: &Writer<'_>, path: &str, id: &str) -> Result<Option<Value>, ScimError> {
        let need = Need::IdToBy { reference: self.target, id: id.to_owned() };
        let Some(found) = w.answers.value(&need) else { return Ok(None) };
        let missing = || missing(path);
        self.encode(found.ok_or_else(missing)?).map(Some).ok_or_else(missing)
    }

    /// The id in what a client gave: itself, or the end of a URI of ours, absolute or relative.
    #[must_use]
    pub fn id_of<'t>(&self, base_url: &str, given: &'t str) -> Option<&'t str> {
        if self.endpoints.is_empty() {
            return Some(given);
        }
        let path = if given.contains("://") { given.strip_prefix(base_url)? } else { given };
        let (before, id) = path.rsplit_once('/')?;
        let endpoint = before.rsplit('/').next().unwrap_or_default();
        self.endpoints.iter().any(|e| e.strip_prefix('/') == Some(endpoint)).then_some(id)
    }

    /// As [`Self::id_of`]; in a value to write an id alone will do, as a bulk request makes of `bulkId:…`.
    #[must_use]
    pub fn given_id<'t>(&self, base_url: &str, given: &'t str) -> Option<&'t str> {
        self.id_of(base_url, given).or((!given.contains(['/', ':'])).then_some(given))
    }

    /// A URI of ours in the form in which it is shown; anything else as it is.
    #[must_use]
    pub fn shown(&self, base_url: &str, given: &Json) -> Json {
        let absolute = given.as_str().and_then(|text| {
            let id = self.id_of(base_url, text)?;
            let before = text.strip_suffix(id)?.trim_end_matches('/');
            let endpoint = before.rsplit('/').next()?;
            Some(format!("{base_url}/{endpoint}/{id}"))
        });
        match absolute {
            Some(absolute) if !self.endpoints.is_empty() => absolute.into(),
            _ => given.clone(),
        }
    }

    /// The pointer's stored form, through the codecs.
    #[must_use]
    pub fn encode(&self, value: Value) -> Option<Value> {
        self.codecs.iter().rev().try_fold(value, |v, codec| codec.encode(v).ok())
    }
}

fn missing(path: &str) -> ScimError {
    ScimError::invalid_value(format!("`{path}` names a resource that does not exist."))
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
