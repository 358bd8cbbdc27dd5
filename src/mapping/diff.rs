//! From a changed record to the steps that make the store hold it: looked-up
//! rows are found first, rows go children first and come parents first, and
//! generated keys flow from step to step.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    mapping::{
        TypeMapping,
        diff::ties::Ties,
        record::{Draft, Record, same_values},
        shape::{Part, PartId, Shape, Use},
        write::Written,
    },
    plan::Plan,
    scim::error::ScimError,
    store::{Cell, Change, Channel, FieldId, Predicate, Secret, Source, Step, Target, Value},
};

mod among;
mod beside;
mod copied;
mod endings;
pub mod entry;
mod guard;
mod inserted;
mod ties;
mod updated;

pub use self::endings::{reopening, repointing};

struct Diff<'a> {
    ty: &'a TypeMapping,
    shape: &'a Shape,
    record: &'a Record,
    plan: Plan,
    /// Steps that report a row's fields.
    made: BTreeMap<(PartId, usize), (usize, Vec<FieldId>)>,
    /// Rows whose key changes.
    renamed: Vec<(PartId, usize)>,
    /// DNs that entries get.
    names: BTreeMap<(PartId, usize), String>,
    /// Changes of entries, which come after all entries have their names: those of parts first.
    later: Vec<Step>,
    /// What rows are untied of while entries are made, renamed or removed.
    ties: BTreeMap<(PartId, usize), Ties>,
    /// Rows that hang on two: they come when both are there.
    waiting: BTreeSet<(PartId, usize)>,
}

impl TypeMapping {
    /// The steps that turn the stored rows into the record's.
    ///
    /// # Errors
    ///
    /// 400 `mutability` if a name changes that must not.
    pub fn diff(&self, written: &Written) -> Result<Plan, ScimError> {
        let mut diff = Diff::new(self, &written.record);
        diff.untie()?;
        diff.removals();
        diff.row(0, 0)?;
        while let Some((part, row)) = diff.waiting.pop_first() {
            diff.row(part, row)?;
        }
        let later = std::mem::take(&mut diff.later);
        diff.plan.steps.extend(later.into_iter().rev());
        diff.old_names();
        diff.removals_above();
        diff.password(written.password.as_ref());
        if !diff.plan.steps.is_empty() {
            let root = diff.plan.root_insert.as_ref().map(|(step, _)| *step);
            diff.plan.steps.extend(self.log_steps(&written.logs, root));
        }
        let guards = diff.guards();
        diff.plan.precede(guards);
        let standing = diff.standing();
        diff.plan.precede(standing.into_iter().collect());
        diff.plan.resource_type.clone_from(&self.resource_type.name);
        Ok(diff.plan)
    }
}

impl TypeMapping {
    /// The steps that remove the record's removed own rows, children first, and the closed rows that hung
    /// on the same row before; then `root`, which removes the root's row, and what that one pointed at.
    ///
    /// # Errors
    ///
    /// As [`diff`](Self::diff).
    pub fn all_removals(&self, record: &Record, root: Step) -> Result<Vec<Step>, ScimError> {
        let mut diff = Diff::new(self, record);
        diff.untie()?;
        diff.all_removals(root);
        Ok(diff.plan.steps)
    }
}

impl<'a> Diff<'a> {
    fn new(ty: &'a TypeMapping, record: &'a Record) -> Self {
        Self {
            ty,
            shape: &ty.shape,
            record,
            plan: Plan::default(),
            made: BTreeMap::new(),
            renamed: Vec::new(),
            names: BTreeMap::new(),
            later: Vec::new(),
            ties: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }
}

impl Diff<'_> {
    fn draft(&self, part: PartId, row: usize) -> Option<&Draft> {
        self.record.row(part, row)
    }

    /// The predicate that means one stored row: its key, its link to the parent, its slots.
    fn identity(&self, part: PartId, parent: usize, was: &crate::store::Row) -> Predicate {
        let layout = self.shape.part(part);
        let parent_was = self.draft(layout.parent, parent).and_then(|d| d.was.as_ref());
        let mut all = Predicate::True;
        let mut named: Vec<FieldId> = Vec::new();
        let mut add = |field: FieldId, value: &Value, all: &mut Predicate| {
            if !named.contains(&field) {
                named.push(field);
                *all = std::mem::take(all).and(Predicate::equals(field, value.clone()));
            }
        };
        for field in &layout.bag.key {
            if let Some(value) = was.first(*field) {
                add(*field, value, &mut all);
            }
        }
        let keyed = !layout.bag.key.is_empty() && layout.bag.key.iter().all(|f| was.first(*f).is_some());
        for (own, above) in layout.on.iter().filter(|_| part != 0) {
            if let Some(value) = parent_was.and_then(|p| p.first(*above)).or(was.first(*own)) {
                add(*own, value, &mut all);
            }
        }
        let beside = layout.beside.iter().map(|(own, _)| own);
        for field in beside.chain(layout.slot.iter().filter(|f| !layout.is_borrowed(**f))) {
            if let Some(value) = was.first(*field) {
                add(*field, value, &mut all);
            }
        }
        if !keyed && part != 0 && layout.slot.is_empty() {
            for (field, cell) in was.cells.iter().enumerate() {
                match cell.first() {
                    Some(value) => add(field, value, &mut all),
                    None => {
                        all =
                            std::mem::take(&mut all).and(Predicate::Field(field, crate::store::Test::Absent))
                    }
                }
            }
        }
        all
    }

    /// A row and everything below it: looked-up rows first, the row, its own rows.
    fn row(&mut self, part: PartId, row: usize) -> Result<(), ScimError> {
        let below: Vec<(PartId, usize)> = (1..self.shape.parts.len())
            .filter(|p| {
                *p != part && self.shape.part(*p).parent == part && self.shape.part(*p).opened.is_none()
            })
            .flat_map(|p| {
                let rows = self.record.rows(p).iter().enumerate();
                rows.filter(move |(_, d)| d.parent == row && !d.removed)
                    .map(move |(i, _)| (p, i))
                    .collect::<Vec<_>>()
            })
            .collect();
        for (child, index) in &below {
            let layout = self.shape.part(*child);
            if matches!(layout.usage, Use::Find | Use::FindOrAdd) && !is_entry(layout) {
                self.find(*child, *index);
            } else if layout.usage == Use::FindOrAdd {
                self.add_entry(*child, *index);
            }
        }
        for (child, index) in &below {
            if self.shape.part(*child).upward {
                self.row(*child, *index)?;
            }
        }
        if part == 0 || self.shape.part(part).usage == Use::Own {
            self.own(part, row)?;
        }
        for (child, index) in below {
            match self.shape.part(child).usage {
                Use::Own if !self.shape.part(child).beside.is_empty() => {
                    self.waiting.insert((child, index));
                }
                Use::Own if !self.shape.part(child).upward => self.row(child, index)?,
                Use::Watch => self.watched(child, index),
                _ => {}
            }
        }
        Ok(())
    }

    /// A row of others, which only a SET of the mapping changes. It may come to hang elsewhere by that.
    fn watched(&mut self, part: PartId, row: usize) {
        let layout = self.shape.part(part);
        let Some(draft) = self.draft(part, row) else { return };
        let Some(was) = &draft.was else { return };
        let set = draft.now.cells.iter().enumerate().filter(|(f, v)| !same_values(was.all(*f), v));
        let changes: Vec<Change> = set.map(|(f, v)| Change::Set(f, Cell::Values(v.clone()))).collect();
        if !changes.is_empty() {
            let (target, bag) = (Target::Rows(self.identity(part, draft.parent, was)), layout.bag.clone());
            self.plan.steps.push(Step::Update { bag, target, changes, required: false });
        }
    }

    /// A looked-up entry that is not there and has got a name.
    fn add_entry(&mut self, part: PartId, row: usize) {
        let layout = self.shape.part(part);
        let Some(draft) = self.draft(part, row).filter(|d| d.was.is_none()) else { return };
        let is_named = layout.bag.find_field("dn").is_some_and(|dn| draft.now.first(dn).is_some());
        if !is_named {
            return;
        }
        let cells = draft.now.cells.iter().enumerate().filter(|(_, values)| !values.is_empty());
        let cells = cells.map(|(field, values)| (field, Cell::Values(values.clone()))).collect();
        let bag = layout.bag.clone();
        self.plan.steps.push(Step::Insert { bag, cells, report: Vec::new(), unless_exists: true });
    }

    /// A looked-up row that was chosen anew.
    fn find(&mut self, part: PartId, row: usize) {
        let layout = self.shape.part(part);
        let Some(draft) = self.draft(part, row).filter(|d| d.was.is_none()) else { return };
        let given = |f: &FieldId| draft.now.first(*f).cloned().map(|v| (*f, v));
        let mut cells: Vec<(FieldId, Value)> =
            (0..layout.bag.fields.len()).filter_map(|f| given(&f)).collect();
        let named = layout.named_by(part, &draft.now);
        let predicate = named.fold(Predicate::True, |p, (f, v)| p.and(Predicate::equals(f, v.clone())));
        let report: Vec<FieldId> = layout.on.iter().map(|(own, _)| *own).collect();
        let add = (layout.usage == Use::FindOrAdd)
            .then(|| cells.drain(..).map(|(f, v)| (f, Cell::Values(vec![v]))).collect());
        self.made.insert((part, row), (self.plan.steps.len(), report.clone()));
        self.plan.steps.push(Step::Find { bag: layout.bag.clone(), predicate, report, add });
    }

    /// The fields of a row as they shall be, opened parts folded back in.
    fn folded(&self, part: PartId, row: usize) -> crate::store::Row {
        let mut now = self.draft(part, row).map(|d| d.now.clone()).unwrap_or_default();
        for (id, layout) in self.shape.parts.iter().enumerate().skip(1) {
            let Some(field) = layout.values_of().filter(|_| layout.parent == part) else { continue };
            if !self.record.rows(id).iter().any(|d| d.parent == row) {
                continue;
            }
            let live = self.record.rows(id).iter().filter(|d| d.parent == row && !d.removed);
            now.set(field, live.filter_map(|d| d.now.first(0).cloned()).collect());
        }
        now
    }

    fn own(&mut self, part: PartId, row: usize) -> Result<(), ScimError> {
        let Some(draft) = self.draft(part, row).cloned() else { return Ok(()) };
        let now = self.folded(part, row);
        match draft.was {
            None => self.insert(part, row, &now),
            Some(was) => self.update(part, row, &was, &now),
        }
    }

    fn target(&self, part: PartId, row: usize, was: &crate::store::Row) -> Target {
        self.target_below(part, self.draft(part, row).map_or(0, |d| d.parent), was)
    }

    /// As [`target`](Self::target), of a row that hangs on this one of the parent part.
    fn target_below(&self, part: PartId, parent: usize, was: &crate::store::Row) -> Target {
        let layout = self.shape.part(part);
        match (&layout.bag.source, layout.bag.find_field("dn"), layout.bag.key.first()) {
            (Source::Entries { .. }, Some(dn), Some(key)) => Target::Entry {
                dn: was.first(dn).map(Value::to_text).unwrap_or_default(),
                anchor: was.first(*key).cloned().unwrap_or(Value::Text(String::new())),
            },
            _ => Target::Rows(self.identity(part, parent, was)),
        }
    }

    fn password(&mut self, password: Option<&(Secret, Channel)>) {
        if let Some((password, channel)) = password {
            self.plan.steps.push(Step::Password {
                bag: self.ty.bag().clone(),
                target: self.password_target(),
                password: password.clone(),
                channel: *channel,
            });
        }
    }

    fn password_target(&self) -> Target {
        let bag = self.ty.bag();
        let was = self.draft(0, 0).and_then(|d| d.was.as_ref());
        let dn = self.plan.dn.clone().or_else(|| {
            let field = bag.find_field("dn")?;
            Some(was?.first(field)?.to_text())
        });
        let anchor = bag.key.first().and_then(|k| was?.first(*k).cloned());
        Target::Entry { dn: dn.unwrap_or_default(), anchor: anchor.unwrap_or(Value::Text(String::new())) }
    }
}

/// True for entries of a directory: of one that is looked up the record knows the name already.
fn is_entry(layout: &Part) -> bool {
    matches!(layout.bag.source, Source::Entries { .. }) && layout.usage != Use::Own
}
