//! Lenses with terms of their own: a condition under which they apply, values
//! that may only go, values that are dropped instead of refused.

use crate::{
    mapping::{
        form::{
            Eval,
            set::{self, AssignTarget},
        },
        lens::{Guarded, Lens, writer::Writer},
        shape::PartId,
    },
    scim::{Json, error::ScimError},
};

impl Guarded {
    /// True if the lens applies to the record as it is.
    #[must_use]
    pub fn applies(&self, eval: &Eval<'_>) -> bool {
        self.when.as_ref().is_none_or(|when| when.holds(eval))
    }

    /// Writes by the lens within, on these terms.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` for a value where the lens does not apply, or that it refuses; 400 `mutability`
    /// for one that comes where values may only go. None of them if such values are dropped.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        json: Option<&Json>,
    ) -> Result<(), ScimError> {
        if !self.applies(&w.eval(at)) {
            // A list without elements is no value: its elements may lie in another lens.
            return match json.filter(|json| json.as_array().is_none_or(|list| !list.is_empty())) {
                Some(_) if !self.ignore && self.lens.is_writable() => {
                    Err(ScimError::invalid_value(format!("`{path}` does not apply to this resource.")))
                }
                _ => Ok(()),
            };
        }
        let now = self.lens.get_at(w.ty, &w.eval(at), 0);
        let kept = self.removes_only.then(|| remaining(now.as_ref(), json));
        let wanted = match &kept {
            Some((_, true)) if !self.ignore => {
                return Err(ScimError::mutability(format!("A value of `{path}` may be removed, not set.")));
            }
            Some((left, _)) => left.as_ref(),
            None => json,
        };
        let before = (self.ignore || !self.also.is_empty()).then(|| (w.record.clone(), w.password.clone()));
        match self.lens.put(w, at, path, wanted) {
            Err(_) if self.ignore => {
                if let Some((record, password)) = before {
                    (w.record, w.password) = (record, password);
                }
                return self.put_each(w, at, path, wanted);
            }
            other => other?,
        }
        let Some((record, password)) = before else { return Ok(()) };
        if record != w.record || password != w.password {
            set::apply(&self.also, w.shape(), &mut w.record, at, w.answers);
        }
        if password != w.password {
            // The store changes such fields itself when it takes a password (`pwdLastSet`).
            for assign in &self.also {
                if let AssignTarget::Field(field) = &assign.target {
                    w.record.write_anyway(w.shape(), at, field);
                }
            }
        }
        Ok(())
    }

    /// Of a list, the elements that each have a place; a value that has none stays away.
    fn put_each(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        wanted: Option<&Json>,
    ) -> Result<(), ScimError> {
        let Some(Json::Array(elements)) = wanted else { return Ok(()) };
        let before = w.record.clone();
        let mut fitting = Vec::new();
        for element in elements {
            if self.lens.put(w, at, path, Some(&Json::Array(vec![element.clone()]))).is_ok() {
                fitting.push(element.clone());
            }
            w.record.clone_from(&before);
        }
        self.lens.put(w, at, path, Some(&Json::Array(fitting)))?;
        if before != w.record {
            set::apply(&self.also, w.shape(), &mut w.record, at, w.answers);
        }
        Ok(())
    }
}

/// What is left of a value or a list when nothing may come, and whether something would.
fn remaining(now: Option<&Json>, wanted: Option<&Json>) -> (Option<Json>, bool) {
    match (now, wanted) {
        (Some(Json::Array(now)), Some(Json::Array(wanted))) => {
            let left: Vec<Json> = wanted.iter().filter(|e| now.contains(e)).cloned().collect();
            let comes = left.len() < wanted.len();
            (Some(Json::Array(left)), comes)
        }
        (now, Some(wanted)) => (now.cloned(), now != Some(wanted)),
        (_, None) => (None, false),
    }
}

impl Lens {
    /// The lens behind its terms.
    #[must_use]
    pub fn bare(&self) -> &Lens {
        match self {
            Self::Guarded(guarded) => guarded.lens.bare(),
            lens => lens,
        }
    }

    /// True if a value that has no form here is dropped.
    #[must_use]
    pub fn ignores(&self) -> bool {
        matches!(self, Self::Guarded(guarded) if guarded.ignore || guarded.lens.ignores())
    }

    /// True unless it has a condition that does not hold.
    #[must_use]
    pub fn applies(&self, eval: &Eval<'_>) -> bool {
        match self {
            Self::Guarded(guarded) => guarded.applies(eval) && guarded.lens.applies(eval),
            _ => true,
        }
    }

    /// True if what it reads depends on a condition: it is written after what the condition may test.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        match self {
            Self::Guarded(guarded) => guarded.when.is_some() || guarded.lens.is_conditional(),
            Self::Complex(subs) => subs.iter().any(|s| s.lens.is_conditional()),
            Self::Rows(rows) => rows.each.iter().any(|s| s.lens.is_conditional()),
            Self::Slots(slots) => {
                slots.slots.iter().flat_map(|(_, subs)| subs).any(|s| s.lens.is_conditional())
            }
            Self::First(list) | Self::Union(list) => list.iter().any(Lens::is_conditional),
            _ => false,
        }
    }
}
