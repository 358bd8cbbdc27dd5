//! What a change makes different, and how that is made true of a resource that others may have changed
//! since.

use serde::{Deserialize, Serialize};

use crate::scim::{Json, Object};

/// The attributes, and sub-attributes of complex ones, that a change is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::gateway) struct Difference(Vec<(String, Part)>);

/// What becomes of one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// A value takes the place of another one; `None`: nothing.
    Value(Option<Json>, Option<Json>),
    /// Elements go, and others come.
    List { gone: Vec<Json>, come: Vec<Json> },
    /// So for each sub-attribute.
    Parts(Difference),
}

impl Difference {
    /// What differs between two resources.
    pub(super) fn between(was: &Object, now: &Object) -> Self {
        let mut names: Vec<&String> = was.keys().chain(now.keys()).collect();
        names.sort_unstable();
        names.dedup();
        // Ours, and never written.
        names.retain(|name| !["id", "meta", "schemas"].contains(&name.as_str()));
        let part = |name: &String| Some((name.clone(), Part::between(was.get(name), now.get(name))?));
        Self(names.into_iter().filter_map(part).collect())
    }

    /// Names of the attributes, for people.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// What takes it back.
    pub(super) fn reversed(&self) -> Self {
        Self(self.0.iter().map(|(name, part)| (name.clone(), part.reversed())).collect())
    }

    /// Takes an attribute out.
    pub(super) fn leave_out(&mut self, urn: Option<&str>, attribute: &str) {
        match urn {
            None => self.0.retain(|(name, _)| name != attribute),
            Some(urn) => {
                for (name, part) in &mut self.0 {
                    if let (true, Part::Parts(below)) = (name == urn, part) {
                        below.leave_out(None, attribute);
                    }
                }
            }
        }
    }

    /// Makes it true of a resource. What others have changed since stays: a value that is neither what it
    /// was nor what it shall be is theirs, and of a list only its own elements come and go.
    pub(super) fn apply(&self, to: &mut Object) {
        for (name, part) in &self.0 {
            match part.applied(to.get(name)) {
                Some(value) => to.insert(name.clone(), value),
                None => to.remove(name),
            };
        }
    }
}

impl Part {
    fn between(was: Option<&Json>, now: Option<&Json>) -> Option<Self> {
        match (was, now) {
            (was, now) if was == now => None,
            (Some(Json::Object(was)), Some(Json::Object(now))) => {
                Some(Self::Parts(Difference::between(was, now)))
            }
            (Some(Json::Array(_)) | None, Some(Json::Array(_)) | None) => {
                let elements = |of: Option<&Json>| of.and_then(Json::as_array).cloned().unwrap_or_default();
                let (was, now) = (elements(was), elements(now));
                let without = |all: &[Json], others: &[Json]| {
                    let mut others: std::collections::HashSet<String> =
                        others.iter().map(ToString::to_string).collect();
                    all.iter().filter(|one| !others.remove(&one.to_string())).cloned().collect::<Vec<_>>()
                };
                Some(Self::List { gone: without(&was, &now), come: without(&now, &was) })
            }
            (was, now) => Some(Self::Value(was.cloned(), now.cloned())),
        }
    }

    fn reversed(&self) -> Self {
        match self {
            Self::Value(was, now) => Self::Value(now.clone(), was.clone()),
            Self::List { gone, come } => Self::List { gone: come.clone(), come: gone.clone() },
            Self::Parts(parts) => Self::Parts(parts.reversed()),
        }
    }

    fn applied(&self, there: Option<&Json>) -> Option<Json> {
        match self {
            Self::Value(was, now) => match there == was.as_ref() {
                true => now.clone(),
                false => there.cloned(),
            },
            Self::List { gone, come } => {
                let mut list = there.and_then(Json::as_array).cloned().unwrap_or_default();
                list.retain(|element| !gone.contains(element));
                let new: Vec<Json> = come.iter().filter(|element| !list.contains(element)).cloned().collect();
                list.extend(new);
                (!list.is_empty()).then_some(Json::Array(list))
            }
            Self::Parts(parts) => {
                let mut whole = there.and_then(Json::as_object).cloned().unwrap_or_default();
                parts.apply(&mut whole);
                (!whole.is_empty()).then_some(Json::Object(whole))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(json: Json) -> Object {
        json.as_object().cloned().unwrap()
    }

    #[test]
    fn what_has_not_begun_is_finished_and_what_is_finished_stays() {
        let was = object(
            json!({"userName": "ann", "title": "Clerk", "name": {"familyName": "Lee", "givenName": "Ann"},
            "emails": [{"value": "a@x", "type": "work"}]}),
        );
        let now = object(json!({"userName": "anna", "name": {"familyName": "Lee", "givenName": "Anna"},
            "emails": [{"value": "b@x", "type": "work"}], "active": true}));
        let difference = Difference::between(&was, &now);
        assert_eq!(difference.names(), ["active", "emails", "name", "title", "userName"]);
        for start in [&was, &now] {
            let mut there = start.clone();
            difference.apply(&mut there);
            assert_eq!(there, now);
            difference.reversed().apply(&mut there);
            assert_eq!(there, was);
        }
    }

    #[test]
    fn what_others_have_changed_since_stays() {
        let was =
            object(json!({"title": "Clerk", "nickName": "A", "members": [{"value": "1"}, {"value": "2"}]}));
        let now =
            object(json!({"title": "Head", "nickName": "B", "members": [{"value": "2"}, {"value": "3"}]}));
        let mut there =
            object(json!({"title": "Boss", "nickName": "A", "members": [{"value": "1"}, {"value": "9"}]}));
        Difference::between(&was, &now).apply(&mut there);
        let wanted = json!({"title": "Boss", "nickName": "B", "members": [{"value": "9"}, {"value": "3"}]});
        assert_eq!(Json::Object(there), wanted);
    }

    #[test]
    fn a_secret_is_left_out() {
        let was = object(json!({"urn:x": {"pin": "1", "desk": "a"}}));
        let now = object(json!({"password": "p", "urn:x": {"pin": "2", "desk": "b"}}));
        let mut difference = Difference::between(&was, &now);
        difference.leave_out(None, "password");
        difference.leave_out(Some("urn:x"), "pin");
        let text = serde_json::to_string(&difference).unwrap();
        assert!(!text.contains("pin") && !text.contains("password"), "{text}");
        assert_eq!(serde_json::from_str::<Difference>(&text).unwrap(), difference);
    }
}
