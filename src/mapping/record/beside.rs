//! Rows that hang on two rows which do not hang on each other: the second one is found through what both
//! hang on.

use crate::{
    mapping::{
        record::{Draft, Record},
        shape::{PartId, Shape, Use},
    },
    store::{FieldId, Row, Value},
};

impl Record {
    /// What the fields of a part's rows hold by which they hang on a row of its parent, and on others beside
    /// it; `None` if one of those has no value, so that nothing hangs there.
    #[must_use]
    pub fn links(&self, shape: &Shape, part: PartId, parent: usize) -> Option<Vec<(FieldId, Value)>> {
        self.links_of(shape, part, parent, &|draft| (!draft.removed).then_some(&draft.now))
    }

    /// As [`links`](Self::links), of what is stored.
    #[must_use]
    pub fn stored_links(&self, shape: &Shape, part: PartId, parent: usize) -> Option<Vec<(FieldId, Value)>> {
        self.links_of(shape, part, parent, &|draft| draft.was.as_ref())
    }

    fn links_of(
        &self,
        shape: &Shape,
        part: PartId,
        parent: usize,
        of: &dyn Fn(&Draft) -> Option<&Row>,
    ) -> Option<Vec<(FieldId, Value)>> {
        let layout = shape.part(part);
        let above = of(self.row(layout.parent, parent)?)?;
        let above = layout.on.iter().map(|(own, theirs)| Some((*own, above.first(*theirs)?.clone())));
        let beside = layout.beside.iter().map(|(own, other)| {
            let base = self.climb(shape, (layout.parent, parent), other.part);
            let rows = self.descend(shape, base, other.part, &|draft| of(draft).is_some());
            let row = of(self.row(other.part, *rows.first()?)?)?;
            Some((*own, row.first(other.field)?.clone()))
        });
        above.chain(beside).collect()
    }

    /// The row nearest above `at` that a part's rows lie below.
    pub(super) fn climb(&self, shape: &Shape, at: (PartId, usize), part: PartId) -> (PartId, usize) {
        let mut base = at;
        while !shape.is_below(part, base.0) {
            let parent = self.row(base.0, base.1).map_or(0, |d| d.parent);
            base = (shape.part(base.0).parent, parent);
        }
        base
    }

    /// The live rows of other parts that hang on a row beside the one above them.
    pub(super) fn rows_beside(&self, shape: &Shape, part: PartId, row: usize) -> Vec<(PartId, usize)> {
        let mut out = Vec::new();
        if self.row(part, row).is_none_or(|draft| draft.removed) {
            return out;
        }
        for (id, layout) in shape.parts.iter().enumerate() {
            // What lies below goes with it in any case.
            let is_tied = layout.beside.iter().any(|(_, other)| other.part == part);
            if !is_tied || shape.is_below(id, part) {
                continue;
            }
            let live = self.rows(id).iter().enumerate().filter(|(_, draft)| !draft.removed);
            out.extend(live.filter_map(|(index, _)| {
                let base = self.climb(shape, (id, index), part);
                self.descend(shape, base, part, &|_| true).contains(&row).then_some((id, index))
            }));
        }
        out
    }

    /// Makes sure that the rows are there which a new row hangs on beside the one above it.
    pub(super) fn ensure_beside(&mut self, shape: &Shape, part: PartId, row: usize) {
        for (_, other) in &shape.part(part).beside {
            if shape.part(other.part).usage == Use::Own && !shape.is_below(part, other.part) {
                self.ensure_row(shape, (part, row), other.part, None);
            }
        }
    }

    /// After a row went: those that it hung on beside the one above it, and that were there for its sake only,
    /// go, too.
    pub(super) fn remove_idle_beside(
        &mut self,
        shape: &Shape,
        at: (PartId, usize),
        (part, row): (PartId, usize),
    ) {
        for (_, other) in &shape.part(part).beside {
            let layout = shape.part(other.part);
            let Some(found) = self.find_row(shape, (part, row), other) else { continue };
            let is_kept = layout.always || layout.usage != Use::Own || shape.is_below(part, other.part);
            if !is_kept && self.is_idle(shape, other.part, found) {
                self.remove_row(shape, other.part, found);
                self.remove_empty_above(shape, at, (other.part, found));
            }
        }
    }

    /// True if a row has no value left, and nothing of its own that hangs on it has one.
    pub(super) fn is_left_over(&self, shape: &Shape, part: PartId, row: usize) -> bool {
        let is_own = |id: &PartId| shape.part(*id).parent == part && shape.part(*id).usage == Use::Own;
        let below = (1..shape.parts.len()).filter(|id| *id != part && is_own(id));
        let mut hung: Vec<(PartId, usize)> = self.rows_beside(shape, part, row);
        for id in below {
            let live = self.rows(id).iter().enumerate().filter(|(_, d)| d.parent == row && !d.removed);
            hung.extend(live.map(|(index, _)| (id, index)));
        }
        self.carries_nothing(shape, part, row)
            && hung.into_iter().all(|(id, row)| self.is_idle(shape, id, row))
    }
}
