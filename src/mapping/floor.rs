//! Rows that stay when a list would become empty (`floor`): an application where everybody must have a role, or
//! each group a member.
//!
//! Whether the list is empty is asked of the store behind the change, in the same transaction and under the
//! lock of the resource's root, since others may have taken rows away meanwhile.

use std::sync::Arc;

use crate::{
    mapping::{
        TypeMapping,
        form::{Answers, AssignTarget, Eval, set},
        record::Record,
        shape::{Part, PartId},
    },
    plan::Plan,
    store::{Bag, Cell, FieldId, Fold, Predicate, Row, Step, Value},
};

/// The row that stays.
#[derive(Debug, Clone)]
pub struct Floor {
    /// What tells it from others.
    pub cells: Vec<(FieldId, Value)>,
    /// True: it is a row like others, and shown.
    pub shown: bool,
    /// The part's rows, this one among them.
    pub bag: Arc<Bag>,
}

impl Floor {
    /// The predicate that means such rows.
    #[must_use]
    pub fn predicate(&self) -> Predicate {
        let is = |(field, value): &(FieldId, Value)| Predicate::equals(*field, value.clone());
        self.cells.iter().map(is).fold(Predicate::True, Predicate::and)
    }

    /// True if a row is such a one, and clients never see it.
    #[must_use]
    pub fn hides(&self, row: &Row) -> bool {
        let holds =
            |(field, value): &(FieldId, Value)| row.first(*field).is_some_and(|v| v.same(value, Fold::Exact));
        !self.shown && self.cells.iter().all(holds)
    }
}

impl Part {
    /// All rows of a part, where a part has some that are not shown.
    #[must_use]
    pub fn unseen(&self) -> Option<&Arc<Bag>> {
        self.past
            .as_ref()
            .or_else(|| self.row_floor.as_ref().filter(|floor| !floor.shown).map(|floor| &floor.bag))
    }
}

impl TypeMapping {
    /// Adds to the plan of a changed record what keeps its lists from being empty: of a new resource the row
    /// itself, of another one the question whether there is a row left.
    pub fn keep_floors(&self, record: &Record, answers: &Answers, plan: &mut Plan) {
        let is_new = record.row(0, 0).is_some_and(|root| root.was.is_none());
        for (part, layout) in self.shape.parts.iter().enumerate() {
            let Some(floor) = &layout.row_floor else { continue };
            let rows = record.rows(part);
            if !is_new && rows.iter().any(|d| d.removed && d.was.is_some()) {
                plan.steps.extend(self.floor_step(record, part, answers));
            } else if is_new && !rows.iter().any(|d| !d.removed) {
                let mut cells = self.floor_cells(record, part, answers);
                for (own, above) in &layout.on {
                    let made = plan.root_insert.as_ref().filter(|(_, report)| report.contains(above));
                    if let (Some((step, _)), false) = (made, cells.iter().any(|(field, _)| field == own)) {
                        cells.push((*own, Cell::From { step: *step, field: *above }));
                    }
                }
                let (bag, report) = (floor.bag.clone(), Vec::new());
                plan.steps.push(Step::Insert { bag, cells, report, unless_exists: false });
            }
        }
    }

    /// The step that puts in the row of a part that stays, if no other row is left; `None` if there is none.
    /// The root must be locked by a step before.
    #[must_use]
    pub fn floor_step(&self, record: &Record, part: PartId, answers: &Answers) -> Option<Step> {
        let layout = self.shape.part(part);
        let bag = layout.row_floor.as_ref()?.bag.clone();
        let root = &record.row(0, 0)?.now;
        let mut predicate = Predicate::True;
        for (own, above) in &layout.on {
            predicate = predicate.and(Predicate::equals(*own, root.first(*above)?.clone()));
        }
        let add = Some(self.floor_cells(record, part, answers));
        Some(Step::Find { bag, predicate, report: Vec::new(), add })
    }

    /// What a new row of that kind holds: its own values, those of `where` and `on`, and defaults.
    fn floor_cells(&self, record: &Record, part: PartId, answers: &Answers) -> Vec<(FieldId, Cell)> {
        let layout = self.shape.part(part);
        let mut record = record.clone();
        let at = (part, record.add_row(&self.shape, part, 0, None));
        let links: Vec<(FieldId, Vec<Value>)> = layout
            .on
            .iter()
            .map(|(own, above)| {
                (*own, record.row(0, 0).map_or_else(Vec::new, |d| d.now.all(*above).to_vec()))
            })
            .collect();
        let own = layout.row_floor.iter().flat_map(|floor| &floor.cells);
        let own: Vec<(FieldId, Vec<Value>)> =
            own.map(|(field, value)| (*field, vec![value.clone()])).collect();
        for (field, values) in links.into_iter().chain(own) {
            if let Some(draft) = record.row_mut(part, at.1) {
                draft.now.set(field, values);
            }
        }
        for assign in self.settle.iter().filter(|s| s.part == part).map(|s| &s.assign) {
            let eval = Eval { shape: &self.shape, record: &record, at, answers };
            let is_given =
                matches!(&assign.target, AssignTarget::Field(field) if !eval.values(field).is_empty());
            if !is_given {
                set::apply(std::slice::from_ref(assign), &self.shape, &mut record, at, answers);
            }
        }
        for assign in self.touch.iter().filter(|(of, _)| *of == part).map(|(_, assign)| assign) {
            set::apply(std::slice::from_ref(assign), &self.shape, &mut record, at, answers);
        }
        let now = record.row(part, at.1).map(|d| d.now.clone()).unwrap_or_default();
        let cells = now.cells.into_iter().enumerate().filter(|(_, values)| !values.is_empty());
        cells.map(|(field, values)| (field, Cell::Values(values))).collect()
    }
}
