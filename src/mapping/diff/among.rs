//! Which values are in a list, also when both lists are long: a group has thousands of members.

use std::{borrow::Cow, collections::HashSet};

use crate::store::{FieldKind, Value, dn};

/// The values of a field, to be asked for.
pub(super) struct Among<'v> {
    kind: FieldKind,
    values: &'v [Value],
    /// Equal for values that are the same; `None` if some value is no text.
    keys: Option<HashSet<Cow<'v, str>>>,
}

impl<'v> Among<'v> {
    pub(super) fn new(kind: FieldKind, values: &'v [Value]) -> Self {
        Self { kind, values, keys: values.iter().map(|value| key(kind, value)).collect() }
    }

    /// True if the list has a value that is the same to the store.
    pub(super) fn has(&self, value: &Value) -> bool {
        match (&self.keys, key(self.kind, value)) {
            (Some(keys), Some(key)) => keys.contains(&key),
            _ => self.values.iter().any(|other| self.kind.same(other, value)),
        }
    }
}

fn key(kind: FieldKind, value: &Value) -> Option<Cow<'_, str>> {
    match (kind, value) {
        (FieldKind::Dn, Value::Text(text)) => Some(dn::normalise(text).map_or(text.into(), Cow::from)),
        (_, Value::Text(text)) => Some(text.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_as_the_store_compares_them() {
        let names = ["uid=a,dc=x".into(), "UID=b, DC=x".into(), "no name".into()];
        let dns = Among::new(FieldKind::Dn, &names);
        for (asked, there) in [
            ("uid=a,dc=x", true),
            ("uid=A,dc=X", true),
            ("uid=b,dc=x", true),
            ("uid=c,dc=x", false),
            ("no name", true),
            ("No name", false),
        ] {
            assert_eq!(dns.has(&asked.into()), there, "{asked}");
            assert_eq!(names.iter().any(|n| FieldKind::Dn.same(n, &asked.into())), there, "{asked}");
        }
        let mixed = [Value::Int(1), "2".into()];
        let numbers = Among::new(FieldKind::Any, &mixed);
        assert!(numbers.has(&"1".into()) && numbers.has(&Value::Int(2)) && !numbers.has(&"3".into()));
    }
}
