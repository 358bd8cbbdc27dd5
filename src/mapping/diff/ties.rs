//! What ties an entry to one beside it (`unlink`). A directory's own plug-in may keep
//! tied entries from being renamed or removed, or remove one with the other. So
//! they are tied last when they are made, untied before one of them gets another
//! name or goes, and tied again at the end.

use crate::{
    mapping::{
        diff::{Diff, entry::Naming},
        shape::PartId,
    },
    scim::error::ScimError,
    store::{Bag, Cell, Change, FieldId, Fold, Row, Source, Step, Value},
};

/// What is taken away from a row: fields, with the values that go; none: all of them.
pub(super) type Ties = Vec<(FieldId, Vec<Value>)>;

impl Diff<'_> {
    /// Finds the entries that have to be untied, and unties those that are there.
    pub(super) fn untie(&mut self) -> Result<(), ScimError> {
        for part in 1..self.shape.parts.len() {
            let (layout, ties) = (self.shape.part(part), self.shape.part(part).ties.clone());
            for row in 0..self.record.rows(part).len() {
                let Some(draft) = self.draft(part, row).filter(|_| !ties.is_empty()) else { continue };
                let parent = (layout.parent, draft.parent);
                let is_new = draft.was.is_none();
                let moves = || -> Result<bool, ScimError> {
                    Ok(self.gets_name(part, row)? || self.gets_name(parent.0, parent.1)?)
                };
                if (is_new && draft.removed) || !(is_new || draft.removed || moves()?) {
                    continue;
                }
                for (of, field, gone) in &ties {
                    let at = if *of == part { (part, row) } else { parent };
                    self.ties.entry(at).or_default().push((*field, gone.clone()));
                }
            }
        }
        let tied: Vec<(PartId, usize)> = self.ties.keys().rev().copied().collect();
        for (part, row) in tied {
            let Some(was) = self.draft(part, row).and_then(|d| d.was.clone()) else { continue };
            let changes = self.untied(part, row, &was).1;
            if !changes.is_empty() {
                let (bag, target) = (self.shape.part(part).bag.clone(), self.target(part, row, &was));
                self.plan.steps.push(Step::Update { bag, target, changes, required: true });
            }
        }
        Ok(())
    }

    /// True if a stored entry gets another DN.
    fn gets_name(&self, part: PartId, row: usize) -> Result<bool, ScimError> {
        let Some(draft) = self.draft(part, row) else { return Ok(false) };
        let Some(was) = &draft.was else { return Ok(false) };
        let now = self.folded(part, row);
        Ok(Naming::new(self.ty, part).changed_dn(was, &now)?.is_some())
    }

    /// A row without what ties it, and the changes that make it so.
    pub(super) fn untied(&self, part: PartId, row: usize, held: &Row) -> (Row, Vec<Change>) {
        let (mut left, mut changes) = (held.clone(), Vec::new());
        for (field, gone) in self.ties.get(&(part, row)).into_iter().flatten() {
            let values = left.all(*field).to_vec();
            let goes = |value: &&Value| gone.is_empty() || gone.iter().any(|g| g.same(value, Fold::Case));
            let (away, stay): (Vec<&Value>, Vec<&Value>) = values.iter().partition(goes);
            if away.is_empty() {
                continue;
            }
            changes.push(match stay.is_empty() {
                true => Change::Set(*field, Cell::Values(Vec::new())),
                false => Change::Remove(*field, away.into_iter().cloned().collect()),
            });
            left.set(*field, stay.into_iter().cloned().collect());
        }
        (left, changes)
    }

    /// Divides the cells of a new entry: those without ties, and the changes that tie it. The bag has the
    /// classes that the entry has from the beginning.
    pub(super) fn tied_later(
        &self,
        part: PartId,
        row: usize,
        cells: Vec<(FieldId, Cell)>,
    ) -> (Bag, Vec<(FieldId, Cell)>, Vec<Change>) {
        let mut bag = Bag::clone(&self.shape.part(part).bag);
        let Some(ties) = self.ties.get(&(part, row)) else { return (bag, cells, Vec::new()) };
        let (mut now, mut later) = (Vec::new(), Vec::new());
        let of = |field: FieldId| ties.iter().find(|(tie, _)| *tie == field).map(|(_, gone)| gone);
        for (field, cell) in cells {
            match (of(field), cell) {
                (None, cell) => now.push((field, cell)),
                (Some(gone), Cell::Values(values)) if !gone.is_empty() => {
                    let goes = |v: &Value| gone.iter().any(|g| g.same(v, Fold::Case));
                    let (away, stay): (Vec<Value>, Vec<Value>) = values.into_iter().partition(goes);
                    now.extend((!stay.is_empty()).then_some((field, Cell::Values(stay))));
                    later.extend((!away.is_empty()).then_some(Change::Add(field, away)));
                }
                (Some(_), cell) => later.push(Change::Set(field, cell)),
            }
        }
        let class = bag.find_field("objectClass");
        if let (Source::Entries { classes, .. }, Some(gone)) = (&mut bag.source, class.and_then(of)) {
            let goes = |c: &String| gone.iter().any(|g| g.to_text().eq_ignore_ascii_case(c));
            let away: Vec<Value> = classes.iter().filter(|c| goes(c)).map(|c| c.as_str().into()).collect();
            classes.retain(|c| !goes(c));
            let field = class.unwrap_or_default();
            later.extend((!away.is_empty()).then_some(Change::Add(field, away)));
        }
        (bag, now, later)
    }
}
