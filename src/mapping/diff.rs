//! From a changed record to the steps that make the store hold it: looked-up
//! rows are found first, rows go children first and come parents first, and
//! generated keys flow from step to step.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use crate::{
    mapping::{
        Rename, TypeMapping,
        diff::{among::Among, entry::Naming, ties::Ties},
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
mod ties;

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

    /// The cell of a field that follows from a looked-up row, or from a key made by an earlier step.
    fn linked(&self, part: PartId, row: usize) -> Vec<(FieldId, Cell)> {
        let layout = self.shape.part(part);
        let mut cells = Vec::new();
        if part != 0 && !layout.upward {
            let parent = self.draft(part, row).map_or(0, |d| d.parent);
            for (own, above) in &layout.on {
                if let Some(dn) = self.new_name((layout.parent, parent), *above) {
                    cells.push((*own, Cell::Values(vec![Value::Text(dn)])));
                    continue;
                }
                let value = self.draft(layout.parent, parent).map(|d| d.now.all(*above)).unwrap_or_default();
                let step = self.made.get(&(layout.parent, parent));
                let cell = match (value, step) {
                    ([], Some((step, report))) if report.contains(above) => {
                        Cell::From { step: *step, field: *above }
                    }
                    (values, _) => Cell::Values(values.to_vec()),
                };
                cells.push((*own, cell));
            }
            cells.extend(self.linked_beside(part, row));
        }
        for (child, layout) in self.shape.parts.iter().enumerate().skip(1) {
            if layout.parent != part
                || !(layout.upward || matches!(layout.usage, Use::Find | Use::FindOrAdd))
                || layout.opened.is_some()
                || is_entry(layout)
            {
                continue;
            }
            let rows = || self.record.rows(child).iter().enumerate().filter(|(_, d)| d.parent == row);
            let chosen = rows().find(|(_, d)| !d.removed && d.was.is_none());
            let dropped = rows().any(|(_, d)| d.removed) && !rows().any(|(_, d)| !d.removed);
            for (own, above) in &layout.on {
                let known = chosen.map(|(_, d)| d.now.all(*own)).filter(|v| layout.upward && !v.is_empty());
                if let Some(values) = known {
                    cells.push((*above, Cell::Values(values.to_vec())));
                } else if let Some((step, _)) = chosen.and_then(|(i, _)| self.made.get(&(child, i))) {
                    cells.push((*above, Cell::From { step: *step, field: *own }));
                } else if dropped {
                    cells.push((*above, Cell::Values(self.shape.cleared(part, *above))));
                }
            }
        }
        cells
    }

    /// The DN that an entry gets, if the field is the one of DNs.
    fn new_name(&self, row: (PartId, usize), field: FieldId) -> Option<String> {
        let is_dn = self.shape.part(row.0).bag.field_name(field).eq_ignore_ascii_case("dn");
        self.names.get(&row).filter(|_| is_dn).cloned()
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

    fn insert(&mut self, part: PartId, row: usize, now: &crate::store::Row) -> Result<(), ScimError> {
        let layout = self.shape.part(part);
        let links = self.linked(part, row);
        self.has_both(part, &links)?;
        let mut cells: Vec<(FieldId, Cell)> = Vec::new();
        for (field, values) in now.cells.iter().enumerate() {
            let linked = links.iter().any(|(f, _)| *f == field);
            let pseudo = layout.is_borrowed(field)
                || layout.bag.fields.get(field).is_some_and(|f| entry::is_pseudo(&layout.bag, &f.name));
            if !values.is_empty() && !linked && !pseudo {
                cells.push((field, Cell::Values(values.clone())));
            }
        }
        cells.extend(self.copied(part, row, now, &links));
        cells.extend(links.into_iter().filter(|(_, c)| *c != Cell::Values(Vec::new())));
        let mut report: Vec<FieldId> = layout.bag.key.clone();
        if part == 0 {
            report.extend(self.ty.version);
        }
        report.extend(self.children_links(part));
        report.sort_unstable();
        report.dedup();
        if let Source::Entries { .. } = layout.bag.source {
            let dn = Naming::new(self.ty, part).new_dn(now, self.parent_dn(part, row).as_deref())?;
            if let Some(field) = layout.bag.find_field("dn") {
                cells.push((field, Cell::Values(vec![Value::Text(dn.clone())])));
            }
            self.make_above(part, &dn);
            self.names.insert((part, row), dn.clone());
            if part == 0 {
                self.plan.dn = Some(dn);
            }
        }
        let step = self.plan.steps.len();
        self.made.insert((part, row), (step, report.clone()));
        if part == 0 {
            self.plan.root_insert = Some((step, report.clone()));
        }
        if !layout.revive.is_empty() {
            let step = self.reopening(part, row, cells, report);
            self.plan.steps.push(step);
            return Ok(());
        }
        // A bag of references is a set: a link that somebody else made meanwhile is no error.
        let unless_exists = part != 0 && layout.many && layout.bag.key.is_empty();
        let (bag, cells, ties) = match self.ties.contains_key(&(part, row)) {
            true => {
                let (bag, cells, ties) = self.tied_later(part, row, cells);
                (Arc::new(bag), cells, ties)
            }
            false => (layout.bag.clone(), cells, Vec::new()),
        };
        if let (false, Some(dn)) = (ties.is_empty(), self.names.get(&(part, row))) {
            let anchor = layout.bag.key.first().and_then(|key| now.first(*key).cloned());
            let anchor = anchor.unwrap_or_else(|| Value::Text(dn.clone()));
            let target = Target::Entry { dn: dn.clone(), anchor };
            let bag = layout.bag.clone();
            self.later.push(Step::Update { bag, target, changes: ties, required: true });
        }
        self.plan.steps.push(Step::Insert { bag, cells, report, unless_exists });
        Ok(())
    }

    /// The entries above a new place that may be missing.
    fn make_above(&mut self, part: PartId, dn: &str) {
        let layout = self.shape.part(part);
        let steps = entry::above(&layout.bag, &layout.make, dn);
        self.plan.steps.extend(steps);
    }

    /// A new row, or a closed one of its key that comes back.
    fn reopening(&self, part: PartId, row: usize, cells: Vec<(FieldId, Cell)>, report: Vec<FieldId>) -> Step {
        let layout = self.shape.part(part);
        let reopen = self.draft(part, row).map_or(&[][..], |d| d.reopen.as_slice());
        reopening(layout, cells, reopen, report)
    }

    /// Fields of a part's rows that its children's links need. DNs are known before.
    fn children_links(&self, part: PartId) -> Vec<FieldId> {
        let bag = &self.shape.part(part).bag;
        let children = self.shape.parts.iter().skip(1).filter(|p| p.parent == part && p.opened.is_none());
        let links =
            children.filter(|p| p.usage == Use::Own).flat_map(|p| p.on.iter().map(|(_, above)| *above));
        let beside = self.shape.parts.iter().flat_map(|p| &p.beside).filter(|(_, at)| at.part == part);
        let links = links.chain(beside.map(|(_, at)| at.field));
        links.filter(|above| !entry::is_pseudo(bag, bag.field_name(*above))).collect()
    }

    fn parent_dn(&self, part: PartId, row: usize) -> Option<String> {
        if part == 0 {
            return None;
        }
        let layout = self.shape.part(part);
        let parent = self.draft(part, row)?.parent;
        let field = self.shape.part(layout.parent).bag.find_field("dn")?;
        Some(self.draft(layout.parent, parent)?.now.first(field)?.to_text())
    }

    fn update(
        &mut self,
        part: PartId,
        row: usize,
        was: &crate::store::Row,
        now: &crate::store::Row,
    ) -> Result<(), ScimError> {
        let layout = self.shape.part(part);
        let was = &self.untied(part, row, was).0;
        let links = self.linked(part, row);
        let is_entry = matches!(layout.bag.source, Source::Entries { .. });
        let renames = |f: &FieldId| !same_values(was.all(*f), now.all(*f));
        let is_renamed = layout.bag.key.iter().any(renames);
        if is_renamed && layout.rename == Some(Rename::Refuse) {
            let what = if part == 0 { "This resource" } else { "What names a part of this resource" };
            return Err(ScimError::mutability(format!("{what} cannot be renamed.")));
        }
        let mut changes = Vec::new();
        for (field, values) in now.cells.iter().enumerate() {
            let old = was.all(field);
            let name = layout.bag.field_name(field);
            if links.iter().any(|(f, _)| *f == field)
                || entry::is_pseudo(&layout.bag, name)
                || layout.is_borrowed(field)
                || same_values(old, values)
            {
                continue;
            }
            changes.extend(self.field_changes(part, field, old, values, is_entry));
        }
        for (field, cell) in links {
            if !matches!(&cell, Cell::Values(values) if layout.bag.kind(field).same_all(was.all(field), values))
            {
                changes.push(Change::Set(field, cell));
            }
        }
        let mut target = self.target(part, row, was);
        if is_entry {
            let naming = Naming::new(self.ty, part);
            if let Some(dn) = naming.changed_dn(was, now)? {
                let bag = layout.bag.clone();
                if naming.is_moved(was, &dn) {
                    self.make_above(part, &dn);
                }
                self.plan.steps.push(Step::Rename { bag, target: target.clone(), dn: dn.clone() });
                naming.drop_named(&mut changes, was, now, &dn);
                if let Target::Entry { dn: at, anchor } = &mut target {
                    // Without an attribute of identity, the name is all there is.
                    if layout
                        .bag
                        .key
                        .first()
                        .is_some_and(|key| entry::is_pseudo(&layout.bag, layout.bag.field_name(*key)))
                    {
                        *anchor = Value::Text(dn.clone());
                    }
                    at.clone_from(&dn);
                }
                if part == 0 {
                    self.plan.dn = Some(dn.clone());
                }
                self.names.insert((part, row), dn);
            }
        }
        if is_renamed && !is_entry && (part == 0 || layout.rename.is_some()) {
            self.renamed.push((part, row));
            if layout.rename == Some(Rename::Copy) {
                let cells = changes.into_iter().filter_map(|change| match change {
                    Change::Set(field, cell) => Some((field, cell)),
                    Change::Add(..) | Change::Remove(..) | Change::Floor(..) => None,
                });
                let step = Step::Copy { bag: layout.bag.clone(), target, cells: cells.collect() };
                self.plan.steps.push(step);
                return Ok(());
            }
        }
        if !changes.is_empty() {
            let required = part == 0 || self.is_known_row(part, row, was);
            let update = Step::Update { bag: layout.bag.clone(), target, changes, required };
            if is_entry { self.later.push(update) } else { self.plan.steps.push(update) }
        }
        Ok(())
    }

    /// True if an update of a part's row that touches none tells that others took it away: it has a key,
    /// and what it hangs on keeps its values, which the database may hand down by itself.
    fn is_known_row(&self, part: PartId, row: usize, was: &crate::store::Row) -> bool {
        let layout = self.shape.part(part);
        let parent = self.draft(part, row).and_then(|d| self.draft(layout.parent, d.parent));
        let kept = |above: &FieldId| {
            parent.is_none_or(|p| {
                p.was.as_ref().is_none_or(|was| same_values(was.all(*above), p.now.all(*above)))
            })
        };
        matches!(layout.bag.source, Source::Table(_))
            && !layout.bag.key.is_empty()
            && layout.bag.key.iter().all(|f| was.first(*f).is_some())
            && layout.on.iter().all(|(_, above)| kept(above))
            && self.keeps_beside(part, row)
    }

    /// The smallest change of one field: whole values for single-valued ones, deltas for the others,
    /// unless the order of the values carries meaning.
    fn field_changes(
        &self,
        part: PartId,
        field: FieldId,
        old: &[Value],
        new: &[Value],
        is_entry: bool,
    ) -> Vec<Change> {
        let whole = || vec![Change::Set(field, Cell::Values(new.to_vec()))];
        if !is_entry || (old.len() <= 1 && new.len() <= 1) {
            return whole();
        }
        let kind = self.shape.part(part).bag.kind(field);
        let (in_old, in_new) = (Among::new(kind, old), Among::new(kind, new));
        let removed: Vec<Value> = old.iter().filter(|v| !in_new.has(v)).cloned().collect();
        let added: Vec<Value> = new.iter().filter(|v| !in_old.has(v)).cloned().collect();
        if self.is_ordered(part, field) {
            let kept: Vec<Value> = old.iter().filter(|v| in_new.has(v)).chain(&added).cloned().collect();
            if !same_values(&kept, new) {
                return whole();
            }
        }
        // A value that changes only its spelling is one value to the directory.
        let in_added = Among::new(kind, &added);
        let spelled: HashSet<&str> = old.iter().filter_map(text).collect();
        let is_spelled_so =
            |v: &Value| text(v).map_or_else(|| old.contains(v), |text| spelled.contains(text));
        let respelled = new.iter().any(|v| !in_added.has(v) && !is_spelled_so(v));
        if respelled {
            return whole();
        }
        let mut changes = Vec::new();
        if !removed.is_empty() {
            changes.push(Change::Remove(field, removed));
        }
        if !added.is_empty() {
            changes.push(Change::Add(field, added));
        }
        changes
    }

    fn is_ordered(&self, part: PartId, field: FieldId) -> bool {
        let opened = self.shape.parts.iter().position(|p| p.parent == part && p.values_of() == Some(field));
        // Of several values the first one of the format is the row.
        let first = |p: &Part| {
            let opened = p.opened.as_ref().filter(|o| p.parent == part && o.field == field);
            !p.many && !p.is_view() && opened.and_then(|o| o.items.as_ref()).is_some_and(|items| items.each)
        };
        opened.is_some_and(|id| self.ty.is_positional(id)) || self.shape.parts.iter().any(first)
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

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}
