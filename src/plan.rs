//! Plans: what a write will do, as data that can be printed and executed.
//!
//! A plan is computed without touching the store; whoever wants to know what a
//! request would do reads the plan.

use std::fmt;

use crate::store::{Cell, Channel, FieldId, Step, Target};

/// What a write will do to the store.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Name of the resource type.
    pub resource_type: String,
    /// SCIM id; `None` for a new resource.
    pub id: Option<String>,
    /// The steps, in order, applied together.
    pub steps: Vec<Step>,
    /// The step that makes the root row, and what it reports.
    pub root_insert: Option<(usize, Vec<FieldId>)>,
    /// Where steps belong that make others point at a new name: before the rows of the old one go.
    pub repoint: Option<usize>,
    /// The entry's new DN, if it gets one.
    pub dn: Option<String>,
}

impl Plan {
    /// A plan of given steps.
    #[must_use]
    pub fn of(resource_type: &str, id: &str, steps: Vec<Step>) -> Self {
        Self { resource_type: resource_type.to_owned(), id: Some(id.to_owned()), steps, ..Self::default() }
    }

    /// True if a password is set by a request of its own, behind the one that makes the entry.
    #[must_use]
    pub fn sets_password_apart(&self) -> bool {
        let is_apart = |step: &Step| matches!(step, Step::Password { channel: Channel::Exop, .. });
        self.steps.iter().any(is_apart)
    }

    /// True if it makes more than one row or entry.
    #[must_use]
    pub fn makes_several(&self) -> bool {
        self.steps.iter().filter(|step| matches!(step, Step::Insert { .. })).count() > 1
    }

    /// True if a directory is asked for more than one change of one entry.
    #[must_use]
    pub fn has_many_effects(&self) -> bool {
        let mut targets: Vec<&Target> = Vec::new();
        for step in &self.steps {
            match step {
                Step::Expect { .. } | Step::Find { add: None, .. } => {}
                Step::Update { target, .. } if targets.contains(&target) => {}
                Step::Update { target, .. } => targets.push(target),
                Step::Password { channel: Channel::UnicodePwd, .. } => {}
                _ => return self.steps.len() > 1,
            }
        }
        targets.len() > 1
    }

    /// Adds steps that make others point at a new name.
    pub fn repoint(&mut self, steps: Vec<Step>) {
        let place = self.repoint.unwrap_or(self.steps.len());
        self.steps.splice(place..place, steps);
    }

    /// Puts the steps of another plan behind all others.
    pub fn append(&mut self, mut other: Plan) {
        other.shift(self.steps.len());
        self.steps.append(&mut other.steps);
    }

    /// Puts steps in front of all others.
    pub fn precede(&mut self, mut first: Vec<Step>) {
        self.shift(first.len());
        first.append(&mut self.steps);
        self.steps = first;
    }

    /// Makes room for so many steps in front.
    fn shift(&mut self, by: usize) {
        let shift = |cell: &mut Cell| match cell {
            Cell::From { step, .. } => *step += by,
            Cell::Values(_) => {}
        };
        self.steps.iter_mut().flat_map(Step::cells_mut).for_each(shift);
        if let Some((step, _)) = &mut self.root_insert {
            *step += by;
        }
        self.repoint = self.repoint.map(|place| place + by);
    }
}

/// One line a step: what happens where, with field names and without values.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{}. {step}", number + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{Bag, Predicate, Source};

    #[test]
    fn steps_still_mean_the_same_ones_when_others_come_before_them() {
        let bag = Arc::new(Bag {
            name: "User".to_owned(),
            source: Source::Table("people".to_owned()),
            fields: Vec::new(),
            key: Vec::new(),
            scope: Predicate::True,
        });
        let insert = |cells| Step::Insert { bag: bag.clone(), cells, report: vec![0], unless_exists: false };
        let find = Step::Find { bag: bag.clone(), predicate: Predicate::True, report: vec![0], add: None };
        let refers = |step| insert(vec![(1, Cell::From { step, field: 0 })]);
        let mut plan = Plan { root_insert: Some((0, vec![0])), ..Plan::default() };
        plan.steps = vec![insert(Vec::new()), refers(0)];
        plan.precede(vec![find.clone()]);
        assert_eq!(plan.steps, [find, insert(Vec::new()), refers(1)]);
        assert_eq!(plan.root_insert, Some((1, vec![0])));
    }
}
