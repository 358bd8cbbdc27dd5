//! How rows follow each other: a row that takes another's place, and rows that go because what hung on
//! them went.

use crate::{
    mapping::{
        record::{Draft, Record},
        shape::{PartId, Shape, Use},
    },
    store::{FieldId, Row},
};

impl Record {
    /// Before a field of a stored row gets another value: if that means another row, the stored one goes
    /// and the row in its place is new. It takes over what the old one held, but for what is made anew
    /// for each row.
    pub(super) fn succeed(&mut self, shape: &Shape, (part, row): (PartId, usize), field: FieldId) {
        let is_stored = |record: &Self, part, row| {
            part != 0 && record.row(part, row).is_some_and(|d: &Draft| d.was.is_some() && !d.removed)
        };
        let layout = shape.part(part);
        if layout.usage != Use::Own || layout.opened.is_some() || !is_stored(self, part, row) {
            return;
        }
        if layout.identity.contains(&field) {
            return self.replace(shape, part, row);
        }
        let mut at = (part, row);
        loop {
            let layout = shape.part(at.0);
            if layout.replace {
                if is_stored(self, at.0, at.1) {
                    self.replace(shape, at.0, at.1);
                }
                return;
            }
            // A row with a life of its own is no part of the value above.
            if at.0 == 0 || !layout.close.is_empty() {
                return;
            }
            at = (layout.parent, self.row(at.0, at.1).map_or(0, |d| d.parent));
        }
    }

    /// The stored row goes; the draft in its place, and those of the own rows below, become new ones.
    fn replace(&mut self, shape: &Shape, part: PartId, row: usize) {
        let parent = self.row(part, row).map_or(0, |d| d.parent);
        self.replace_below(shape, (part, row), parent);
    }

    fn replace_below(&mut self, shape: &Shape, (part, row): (PartId, usize), old_parent: usize) {
        let layout = shape.part(part);
        let old = self.rows(part).len();
        let Some(rows) = self.parts.get_mut(part) else { return };
        let Some(draft) = rows.get_mut(row) else { return };
        let Some(was) = draft.was.take() else { return };
        for field in &layout.fresh {
            draft.now.set(*field, Vec::new());
        }
        for (field, value) in &layout.constants {
            draft.now.set(*field, vec![value.clone()]);
        }
        let gone = Draft::new(was.clone(), Some(was), old_parent);
        rows.push(Draft { removed: true, ..gone });
        for child in 1..shape.parts.len() {
            let below = shape.part(child);
            if child == part || below.parent != part || below.usage != Use::Own || below.opened.is_some() {
                continue;
            }
            let hung = self.rows(child).iter().enumerate();
            let hung: Vec<usize> =
                hung.filter(|(_, d)| d.parent == row && !d.removed).map(|(i, _)| i).collect();
            for index in hung {
                self.replace_below(shape, (child, index), old);
            }
            // Rows that went already were the old row's.
            for draft in self.parts.get_mut(child).into_iter().flatten() {
                if draft.parent == row && draft.removed && draft.was.is_some() {
                    draft.parent = old;
                }
            }
        }
        for (other, index) in self.rows_beside(shape, part, row) {
            let parent = self.row(other, index).map_or(0, |d| d.parent);
            self.replace_below(shape, (other, index), parent);
        }
    }

    /// After a row went: the rows above it, below `at`, that were there for its sake only go, too.
    pub(super) fn remove_empty_above(
        &mut self,
        shape: &Shape,
        at: (PartId, usize),
        (mut part, mut row): (PartId, usize),
    ) {
        loop {
            self.remove_idle_beside(shape, at, (part, row));
            let above = shape.part(part).parent;
            let parent = self.row(part, row).map_or(0, |d| d.parent);
            let layout = shape.part(above);
            let is_between = above != 0 && above != at.0 && shape.is_below(above, at.0);
            let is_kept = layout.always || layout.usage != Use::Own || layout.opened.is_some();
            if !is_between || is_kept || !self.is_idle(shape, above, parent) {
                return;
            }
            self.remove_row(shape, above, parent);
            (part, row) = (above, parent);
        }
    }

    /// True if neither a row nor what hangs on it carries a value.
    pub(super) fn is_idle(&self, shape: &Shape, part: PartId, row: usize) -> bool {
        let mut beside = self.rows_beside(shape, part, row).into_iter();
        if beside.any(|(other, index)| !self.is_idle(shape, other, index)) {
            return false;
        }
        let below = (1..shape.parts.len()).filter(|c| *c != part && shape.part(*c).parent == part);
        self.carries_nothing(shape, part, row)
            && below.into_iter().all(|child| {
                let hung = self.rows(child).iter().enumerate();
                hung.filter(|(_, d)| d.parent == row && !d.removed).all(|(index, _)| {
                    match shape.part(child).usage {
                        Use::Own => self.is_idle(shape, child, index),
                        Use::Watch => true,
                        Use::Find | Use::FindOrAdd => false,
                    }
                })
            })
    }

    /// Removes the rows of a part below `at` that have no value of their own.
    pub fn remove_blank(&mut self, shape: &Shape, at: (PartId, usize), part: PartId) {
        if shape.part(part).always || shape.part(part).usage != Use::Own {
            return;
        }
        for row in self.rows_below(shape, at, part) {
            if self.carries_nothing(shape, part, row) {
                self.remove_row(shape, part, row);
            }
        }
    }

    /// True if a row has no value beside its key, constants, slots and links, and what every new row gets.
    /// A key that clients give (a login) is a value: the row is there for it.
    pub(super) fn carries_nothing(&self, shape: &Shape, part: PartId, row: usize) -> bool {
        let layout = shape.part(part);
        let Some(draft) = self.row(part, row) else { return true };
        let links = shape.parts.iter().skip(1).filter(|p| p.parent == part && p.opened.is_none());
        let links = links.filter(|p| p.upward || matches!(p.usage, Use::Find | Use::FindOrAdd));
        let links: Vec<FieldId> = links.flat_map(|p| p.on.iter().map(|(_, above)| *above)).collect();
        let fixed = |field: &usize| {
            layout.is_tie(*field)
                || layout.slot.contains(field)
                || (layout.bag.key.contains(field) && !layout.named.contains(field))
                || layout.fresh.contains(field)
                || links.contains(field)
                || layout.constants.iter().any(|(f, _)| f == field)
                || layout.initial.iter().any(|(f, _)| f.part == part && f.field == *field)
                || layout.touch.iter().any(|(f, _)| f.part == part && f.field == *field)
        };
        let is_blank = |(field, cell): (usize, &Vec<_>)| cell.is_empty() || fixed(&field);
        let Row { cells } = &draft.now;
        cells.iter().enumerate().all(is_blank)
    }
}
