//! Operations on multi-valued attributes.
//!
//! Lists may be long: a group has thousands of members. Each operation is
//! linear in the length of the list and in that of its value, not in their
//! product.

use std::collections::{HashMap, HashSet};

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    filter::{CompareOp, Filter, eval::matches_element},
    patch::{Op, edit::Step},
    schema::{DataType, Mutability, SchemaAttribute},
    validate::{
        Mode,
        intake::{element_key, is_primary, is_reference, is_same_element},
        replace::carry_over,
    },
    value,
};

/// Below this many elements, searching the list is cheaper than an index of it.
const FEW: usize = 4;

pub(super) struct ListEdit<'s, 'a> {
    pub(super) step: &'s Step<'a>,
    pub(super) list: Vec<Json>,
}

impl ListEdit<'_, '_> {
    pub(super) fn run(self) -> Result<Vec<Json>, ScimError> {
        let step = self.step;
        match (step.op, &step.path.filter, step.sub, step.value) {
            (Op::Remove, None, None, None) => Ok(Vec::new()),
            (Op::Remove, None, None, Some(value)) => self.remove_elements(value),
            (Op::Remove, _, None, _) => self.remove_matches(),
            (Op::Remove, _, Some(sub), _) => self.remove_sub(sub),
            (_, _, _, None) => {
                Err(ScimError::invalid_value(format!("The operation on `{}` needs a value.", step.path)))
            }
            (Op::Add, None, None, Some(value)) => self.add(value),
            (Op::Replace, None, None, Some(value)) => {
                let given = step.intake().list(&step.path.attr, step.attribute, value)?;
                Ok(carry_over(step.attribute, &self.list, given))
            }
            (Op::Replace, Some(_), None, Some(value)) => self.replace_matches(value),
            (Op::Add, Some(_), None, Some(value)) => {
                let given = step.object(value)?;
                self.merge_matches(&given)
            }
            (_, _, Some(sub), Some(value)) => {
                let given = Object::from_iter([(sub.name.clone(), value.clone())]);
                self.merge_matches(&given)
            }
        }
    }

    /// Adds elements; those that are there already are not added again (P-add-4).
    fn add(mut self, value: &Json) -> Result<Vec<Json>, ScimError> {
        let attribute = self.step.attribute;
        let given = self.step.intake().list(&self.step.path.attr, attribute, value)?;
        let mut primary = None;
        let index: Option<HashMap<String, usize>> = (given.len() > FEW)
            .then(|| self.list.iter().enumerate().map(|(i, e)| (element_key(attribute, e), i)).collect());
        for element in given {
            let position = match &index {
                Some(index) => index.get(&element_key(attribute, &element)).copied(),
                None => self.list.iter().position(|old| is_same_element(attribute, old, &element)),
            };
            let is_primary = is_primary(&element);
            let at = position.unwrap_or(self.list.len());
            match position.and_then(|i| self.list.get_mut(i)) {
                Some(old) => refresh(attribute, old, element),
                None => self.list.push(element),
            }
            if is_primary {
                primary = Some(at);
            }
        }
        self.settle_primary(primary);
        Ok(self.list)
    }

    /// Removes the elements that the value lists, as Entra does (P-rem-2).
    fn remove_elements(mut self, value: &Json) -> Result<Vec<Json>, ScimError> {
        let attribute = self.step.attribute;
        let named = self.step.intake().list(&self.step.path.attr, attribute, value)?;
        let without_type = |element: &Json| {
            let mut element = element.clone();
            if let Json::Object(object) = &mut element {
                object.remove("type");
            }
            element_key(attribute, &element)
        };
        // One that names no type means every type.
        let keys: HashSet<String> = named.iter().map(|e| element_key(attribute, e)).collect();
        let untyped: HashSet<String> =
            named.iter().filter(|e| e.get("type").is_none()).map(|e| element_key(attribute, e)).collect();
        self.list.retain(|element| {
            !keys.contains(&element_key(attribute, element))
                && (untyped.is_empty() || !untyped.contains(&without_type(element)))
        });
        Ok(self.list)
    }

    fn remove_matches(mut self) -> Result<Vec<Json>, ScimError> {
        let matcher = Matcher::new(self.step);
        let before = self.list.len();
        self.list.retain(|element| !matcher.matches(element));
        self.step.check_matches(before - self.list.len())?;
        Ok(self.list)
    }

    fn remove_sub(self, sub: &SchemaAttribute) -> Result<Vec<Json>, ScimError> {
        let matcher = Matcher::new(self.step);
        let mut kept = Vec::with_capacity(self.list.len());
        let mut matches = 0;
        for element in self.list {
            match element {
                Json::Object(mut object) if matcher.matches_object(&object) => {
                    matches += 1;
                    self.step.remove_sub(sub, &mut object)?;
                    if !object.is_empty() {
                        kept.push(Json::Object(object));
                    }
                }
                other => kept.push(other),
            }
        }
        self.step.check_matches(matches)?;
        Ok(kept)
    }

    fn replace_matches(mut self, value: &Json) -> Result<Vec<Json>, ScimError> {
        let step = self.step;
        let value = match value {
            Json::Array(list) if list.len() == 1 => list.first().unwrap_or(value),
            other => other,
        };
        let matcher = Matcher::new(step);
        if !self.list.iter().any(|e| matcher.matches(e)) {
            return Err(no_target(step));
        }
        let Some(given) = step.intake().single(&step.path.attr, step.attribute, value)? else {
            return self.remove_matches();
        };
        let mut places = Vec::new();
        for (i, element) in self.list.iter_mut().enumerate().filter(|(_, e)| matcher.matches(e)) {
            let new = carry_over(step.attribute, std::slice::from_ref(element), vec![given.clone()]);
            if let Some(new) = new.into_iter().next() {
                *element = new;
            }
            places.push(i);
        }
        self.settle_places(&places, is_primary(&given))
    }

    /// Lays sub-attributes over every element that matches; makes one if none does and the rules allow it.
    fn merge_matches(mut self, given: &Object) -> Result<Vec<Json>, ScimError> {
        let step = self.step;
        let primary = given.iter().any(|(k, v)| k.eq_ignore_ascii_case("primary") && *v == Json::Bool(true));
        let matcher = Matcher::new(step);
        let mut places = Vec::new();
        let mut merged = Vec::with_capacity(self.list.len() + 1);
        for element in std::mem::take(&mut self.list) {
            match element {
                Json::Object(object) if matcher.matches_object(&object) => {
                    if let Some(object) = step.merge(object, given)? {
                        places.push(merged.len());
                        merged.push(Json::Object(object));
                    } else {
                        places.push(usize::MAX);
                    }
                }
                other => merged.push(other),
            }
        }
        self.list = merged;
        step.check_matches(places.len())?;
        if places.is_empty() {
            if given.values().all(value::is_absent) {
                return Ok(self.list);
            }
            let seed = self.seed(given).ok_or_else(|| no_target(step))?;
            if let Some(object) = step.merge(seed, given)? {
                places.push(self.list.len());
                self.list.push(Json::Object(object));
            }
        }
        self.settle_places(&places, primary)
    }

    /// What a new element starts with so that it meets the filter: D-4, only for conjunctions of `eq`.
    fn seed(&self, given: &Object) -> Option<Object> {
        if self.step.op == Op::Replace && !self.step.rules.create_missing {
            return None;
        }
        let mut seed = Object::new();
        match &self.step.path.filter {
            Some(filter) => collect_seed(filter, self.step.attribute, &mut seed)?,
            None if self.list.is_empty() => {}
            None => return None,
        }
        let overlaps = given.keys().any(|key| seed.keys().any(|name| name.eq_ignore_ascii_case(key)));
        (!overlaps || self.step.sub.is_none()).then_some(seed)
    }

    fn settle_places(mut self, places: &[usize], primary: bool) -> Result<Vec<Json>, ScimError> {
        if primary {
            if places.len() > 1 {
                let path = self.step.path;
                return Err(ScimError::invalid_value(format!(
                    "`{path}` would have more than one primary value."
                )));
            }
            self.settle_primary(places.first().copied());
        }
        Ok(self.list)
    }

    /// Takes `primary` from all elements but the one that was just given it (RFC 7644 §3.5.2).
    fn settle_primary(&mut self, primary: Option<usize>) {
        let Some(primary) = primary else { return };
        for (i, element) in self.list.iter_mut().enumerate() {
            if i != primary
                && is_primary(element)
                && let Json::Object(object) = element
            {
                object.insert("primary".into(), Json::Bool(false));
            }
        }
    }
}

impl Step<'_> {
    /// A filter that selects several elements is an error for the interoperability profile alone.
    fn check_matches(&self, matches: usize) -> Result<(), ScimError> {
        if matches < 2 || self.rules.mode != Mode::Strict || self.path.filter.is_none() {
            return Ok(());
        }
        Err(ScimError::invalid_filter(format!("The path `{}` selects {matches} elements.", self.path)))
    }
}

fn no_target(step: &Step<'_>) -> ScimError {
    ScimError::no_target(format!("The path `{}` selects nothing.", step.path))
}

/// Brings an element up to date with an equal one that was added again.
///
/// A reference stays: besides its `value` it has only what describes the target.
fn refresh(attribute: &SchemaAttribute, old: &mut Json, new: Json) {
    let (Json::Object(old), Json::Object(new)) = (old, new) else { return };
    if is_reference(attribute) {
        return;
    }
    for (name, value) in new {
        let is_fixed = attribute.find_sub(&name).is_some_and(|s| s.mutability == Mutability::Immutable);
        if !(is_fixed && old.contains_key(&name)) {
            old.insert(name, value);
        }
    }
}

/// The sub-attributes that a conjunction of `eq` fixes; `None` for any other filter.
fn collect_seed(filter: &Filter, attribute: &SchemaAttribute, seed: &mut Object) -> Option<()> {
    match filter {
        Filter::And(parts) => parts.iter().try_for_each(|part| collect_seed(part, attribute, seed)),
        Filter::Compare(AttrPath { name, .. }, CompareOp::Eq, literal) => {
            let sub = attribute.find_sub(name).filter(|s| s.mutability != Mutability::ReadOnly)?;
            let contradicts =
                seed.insert(sub.name.clone(), literal.clone()).is_some_and(|old| old != *literal);
            (!contradicts && !value::is_absent(literal)).then_some(())
        }
        _ => None,
    }
}

/// The elements that a path selects.
enum Matcher<'a> {
    All,
    /// `value eq "…"` on case-exact text, the form in which members are named.
    Exact(&'a str, &'a str),
    Filter(&'a Filter, &'a SchemaAttribute),
}

impl<'a> Matcher<'a> {
    fn new(step: &Step<'a>) -> Self {
        let attribute = step.attribute;
        match &step.path.filter {
            None => Self::All,
            Some(filter @ Filter::Compare(path, CompareOp::Eq, Json::String(text))) => {
                match attribute.find_sub(&path.name) {
                    Some(sub) if sub.case_exact && sub.data_type == DataType::String => {
                        Self::Exact(sub.name.as_str(), text)
                    }
                    _ => Self::Filter(filter, attribute),
                }
            }
            Some(filter) => Self::Filter(filter, attribute),
        }
    }

    fn matches(&self, element: &Json) -> bool {
        match element {
            Json::Object(object) => self.matches_object(object),
            _ => matches!(self, Self::All),
        }
    }

    fn matches_object(&self, element: &Object) -> bool {
        match self {
            Self::All => true,
            Self::Exact(name, text) => element.get(*name).and_then(Json::as_str) == Some(*text),
            Self::Filter(filter, attribute) => matches_element(filter, attribute, element),
        }
    }
}
