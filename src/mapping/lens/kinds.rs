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

    /// What a row has in the field.
    #[must_use]
    pub fn stored(&self, eval: &Eval<'_>) -> Option<Value> {
        eval.values(&self.field).first().cloned()
    }

    /// Which of the elements is the one that a row of [`one`](Self::one) stands for: the primary one, else the
    /// one whose row it is already, else the first that says nothing against it. Where elements may be stored as
    /// others ([`other`](Self::other)), the primary one is it whatever else it says. `was` tells what is stored
    /// for an element.
    #[must_use]
    pub fn main(&self, elements: &[&Json], was: impl Fn(usize) -> Option<Value>) -> Option<usize> {
        let one = self.one.as_ref()?;
        let (_, says) = self.pairs.iter().find(|(value, _)| value.as_ref() == Some(one))?;
        let is_primary = |e: &&Json| e.get("primary") == Some(&Json::Bool(true));
        if let Some(main) = elements.iter().position(is_primary) {
            let element = elements.get(main)?;
            return (self.other.is_some() || contradicts(says, element).is_none()).then_some(main);
        }
        let may_be = |e: &&Json| contradicts(says, e).is_none() && e.get("primary").is_none();
        let place =
            |test: &dyn Fn(usize, &&Json) -> bool| elements.iter().enumerate().position(|(i, e)| test(i, e));
        place(&|i, e| may_be(e) && was(i).as_ref() == Some(one)).or_else(|| place(&|_, e| may_be(e)))
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
        is_main: bool,
    ) -> Result<(), ScimError> {
        if is_main {
            w.assign(at, &self.field, self.one.iter().cloned().collect());
            return Ok(());
        }
        let may_be = |value: Option<&Value>| self.one.is_none() || value != self.one.as_ref();
        let stored = self.stored(&w.eval(at));
        if may_be(stored.as_ref()) && self.get(&w.eval(at)).is_some_and(|says| agrees(says, element)) {
            return Ok(());
        }
        let fits = |(value, says): &&(Option<Value>, Object)| may_be(value.as_ref()) && agrees(says, element);
        let other = || {
            self.other.as_ref().and_then(|other| self.pairs.iter().find(|(v, _)| v.as_ref() == Some(other)))
        };
        let Some((value, _)) = self.pairs.iter().find(fits).or_else(other) else {
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

/// The first sub-attribute of which the element says something else.
fn contradicts<'s>(says: &'s Object, element: &Json) -> Option<&'s str> {
    let other = |(name, own): &(&'s String, &Json)| {
        element.get(name).is_some_and(|given| !same_json(own, given, false))
    };
    says.iter().find(other).map(|(name, _)| name.as_str())
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
