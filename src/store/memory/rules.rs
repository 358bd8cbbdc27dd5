//! What a database would refuse: missing, doubled and dangling values.

use crate::store::{
    Bag, StoreError, Value,
    memory::{Stored, Table, Tables, source_name},
};

impl Tables {
    /// Checks the rules of the bag's table.
    pub(super) fn check(&self, bag: &Bag) -> Result<(), StoreError> {
        let name = source_name(bag);
        let Some(table) = self.0.get(&name) else { return Ok(()) };
        let cell = |row: &Stored, field: &String| row.get(&field.to_lowercase()).cloned().unwrap_or_default();
        for field in &table.rules.required {
            if table.rows.iter().any(|row| cell(row, field).is_empty()) {
                return Err(violated(&format!("{name}.{field}"), "a value is required"));
            }
        }
        for group in &table.rules.unique {
            let keys = table.rows.iter().map(|row| group.iter().map(|f| cell(row, f)).collect::<Vec<_>>());
            let mut seen: Vec<Vec<Vec<Value>>> = Vec::new();
            for key in keys.filter(|key| key.iter().all(|values| !values.is_empty())) {
                if seen.contains(&key) {
                    return Err(StoreError::AlreadyExists {
                        constraint: format!("{name}.{}", group.join(",")),
                    });
                }
                seen.push(key);
            }
        }
        self.check_references(&name, table)
    }

    fn check_references(&self, name: &str, table: &Table) -> Result<(), StoreError> {
        for (own, other, field) in &table.rules.references {
            let targets = self.0.get(&other.to_lowercase()).map_or(&[] as &[Stored], |t| t.rows.as_slice());
            for value in table.rows.iter().filter_map(|row| row.get(&own.to_lowercase())).flatten() {
                let there = |row: &Stored| row.get(&field.to_lowercase()).is_some_and(|v| v.contains(value));
                if !targets.iter().any(there) {
                    return Err(violated(&format!("{name}.{own}"), "no such row is referred to"));
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_references_to(&self, bag: &Bag) -> Result<(), StoreError> {
        let gone = source_name(bag);
        let refers = |t: &Table| t.rules.references.iter().any(|(_, other, _)| other.to_lowercase() == gone);
        self.0.iter().filter(|(_, t)| refers(t)).try_for_each(|(name, t)| self.check_references(name, t))
    }
}

fn violated(constraint: &str, reason: &str) -> StoreError {
    StoreError::ConstraintViolated { constraint: constraint.to_owned(), reason: reason.to_owned() }
}
