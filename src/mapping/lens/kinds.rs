//! Several sub-attributes of an element that one field of its row tells: a
//! joint table of `type` and `primary` cannot disagree with itself.

use crate::{
    mapping::{
        form::Eval,
        lens::{Kinds, json::same_json, writer::Writer},
        shape::PartId,
    },
    scim::{Json, Object, error::ScimError},
    store::{Fold, Value},
};

impl Kinds {
    /// What the row says; `None` if its value is none of ours.
    #[must_use]
    pub fn get(&self, eval: &Eval<'_>) -> Option<&Object> {
        let stored = eval.values(&self.field).first();
        self.pairs.iter().find(|(value, _)| same(value.as_ref(), stored)).map(|(_, says)| says)
    }

    /// True if it tells this sub-attribute.
    #[must_use]
    pub fn names(&self, sub: &str) -> bool {
        self.pairs.iter().any(|(_, says)| says.keys().any(|name| name.eq_ignore_ascii_case(sub)))
    }

    /// Makes the row say what the element does. An element that leaves a sub-attribute out takes the first
    /// value that says the rest; not to be primary is said by leaving it out (RFC 7643 §2.4).
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if no stored value says that.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        element: &Json,
    ) -> Result<(), ScimError> {
        if self.get(&w.eval(at)).is_some_and(|says| agrees(says, element)) {
            return Ok(());
        }
        let fits = |(_, says): &&(Option<Value>, Object)| agrees(says, element);
        let Some((value, _)) = self.pairs.iter().find(fits) else {
            let known: Vec<String> =
                self.pairs.iter().map(|(_, says)| Json::Object(says.clone()).to_string()).collect();
            return Err(ScimError::invalid_value(format!(
                "An element of `{path}` must be one of {}.",
                known.join(", ")
            )));
        };
        w.assign(at, &self.field, value.iter().cloned().collect());
        Ok(())
    }
}

fn same(value: Option<&Value>, stored: Option<&Value>) -> bool {
    match (value, stored) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b, Fold::Exact),
        _ => false,
    }
}

/// True if the element says the same, as far as it says anything.
fn agrees(says: &Object, element: &Json) -> bool {
    let is_false = |json: Option<&Json>| json.is_none_or(|j| *j == Json::Bool(false));
    let said = says.iter().all(|(name, own)| match element.get(name) {
        Some(given) => same_json(own, given, false),
        None => name != "primary" || is_false(Some(own)),
    });
    said && (says.contains_key("primary") || is_false(element.get("primary")))
}
