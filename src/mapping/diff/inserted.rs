//! A row that comes: its fields, what links it to the rows it hangs on, and what it reports for those that hang on it.

use std::sync::Arc;

use crate::{
    mapping::{
        diff::{Diff, entry, entry::Naming, is_entry, reopening},
        shape::{PartId, Use},
    },
    scim::error::ScimError,
    store::{Cell, FieldId, Source, Step, Target, Value},
};

impl Diff<'_> {
    pub(super) fn insert(
        &mut self,
        part: PartId,
        row: usize,
        now: &crate::store::Row,
    ) -> Result<(), ScimError> {
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
    pub(super) fn make_above(&mut self, part: PartId, dn: &str) {
        let layout = self.shape.part(part);
        let steps = entry::above(&layout.bag, &layout.make, dn);
        self.plan.steps.extend(steps);
    }

    /// A new row, or a closed one of its key that comes back.
    pub(super) fn reopening(
        &self,
        part: PartId,
        row: usize,
        cells: Vec<(FieldId, Cell)>,
        report: Vec<FieldId>,
    ) -> Step {
        let layout = self.shape.part(part);
        let reopen = self.draft(part, row).map_or(&[][..], |d| d.reopen.as_slice());
        reopening(layout, cells, reopen, report)
    }

    /// Fields of a part's rows that its children's links need. DNs are known before.
    pub(super) fn children_links(&self, part: PartId) -> Vec<FieldId> {
        let bag = &self.shape.part(part).bag;
        let children = self.shape.parts.iter().skip(1).filter(|p| p.parent == part && p.opened.is_none());
        let links =
            children.filter(|p| p.usage == Use::Own).flat_map(|p| p.on.iter().map(|(_, above)| *above));
        let beside = self.shape.parts.iter().flat_map(|p| &p.beside).filter(|(_, at)| at.part == part);
        let links = links.chain(beside.map(|(_, at)| at.field));
        links.filter(|above| !entry::is_pseudo(bag, bag.field_name(*above))).collect()
    }

    pub(super) fn parent_dn(&self, part: PartId, row: usize) -> Option<String> {
        if part == 0 {
            return None;
        }
        let layout = self.shape.part(part);
        let parent = self.draft(part, row)?.parent;
        let field = self.shape.part(layout.parent).bag.find_field("dn")?;
        Some(self.draft(layout.parent, parent)?.now.first(field)?.to_text())
    }

    /// The cell of a field that follows from a looked-up row, or from a key made by an earlier step.
    pub(super) fn linked(&self, part: PartId, row: usize) -> Vec<(FieldId, Cell)> {
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
    pub(super) fn new_name(&self, row: (PartId, usize), field: FieldId) -> Option<String> {
        let is_dn = self.shape.part(row.0).bag.field_name(field).eq_ignore_ascii_case("dn");
        self.names.get(&row).filter(|_| is_dn).cloned()
    }
}
