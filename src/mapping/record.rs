//! A record: the root row of a resource and the rows of its parts, as read and
//! as they shall become.
//!
//! Reading fills it with stored rows; writing changes it in memory; the plan is
//! the difference. **Invariant:** `now == was` for a row means nothing is
//! written to it.

use crate::{
    mapping::shape::{FieldRef, Part, PartId, Shape, Use},
    store::{
        FieldId, Fold, Row, Value,
        document::{Items, Node, Seg},
        memory::predicate::matches,
    },
};

mod beside;
mod slots;
mod succession;

/// A row of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its fields as they shall be.
    pub now: Row,
    /// Its fields as stored; `None` for a new row.
    pub was: Option<Row>,
    /// Index of the row of the parent part that it hangs on.
    pub parent: usize,
    /// True if it shall go.
    pub removed: bool,
    /// What a closed row of the same key gets, should there be one, instead of this new row.
    pub reopen: Vec<(FieldId, Vec<Value>)>,
}

impl Draft {
    fn new(now: Row, was: Option<Row>, parent: usize) -> Self {
        Self { now, was, parent, removed: false, reopen: Vec::new() }
    }
}

/// The rows of one resource, by part.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// One list per part; the root's holds one row.
    pub parts: Vec<Vec<Draft>>,
}

const NO_VALUES: &[Value] = &[];

impl Record {
    /// A record of a new resource: a root row with nothing but its constants.
    #[must_use]
    pub fn create(shape: &Shape) -> Self {
        let mut parts = vec![Vec::new(); shape.parts.len()];
        let layout = shape.root();
        let mut row = Row::new(&layout.bag);
        for (field, value) in &layout.constants {
            row.set(*field, vec![value.clone()]);
        }
        if let Some(root) = parts.first_mut() {
            root.push(Draft::new(row, None, 0));
        }
        Self { parts }
    }

    /// A record around a stored root row.
    #[must_use]
    pub fn stored(shape: &Shape, root: Row) -> Self {
        let mut record = Self { parts: vec![Vec::new(); shape.parts.len()] };
        record.attach(shape, 0, root, 0);
        record
    }

    /// Adds a stored row, and opens its fields for the parts that lie in them. A document that cannot be
    /// read has no rows.
    pub fn attach(&mut self, shape: &Shape, part: PartId, row: Row, parent: usize) {
        let index = self.rows(part).len();
        for (id, layout) in shape.parts.iter().enumerate().filter(|(id, p)| *id > 0 && p.parent == part) {
            let Some(opened) = &layout.opened else { continue };
            let Some(items) = &opened.items else {
                for value in row.all(opened.field) {
                    let mut inner = Row::new(&layout.bag);
                    inner.set(0, vec![value.clone()]);
                    self.attach(shape, id, inner, index);
                }
                continue;
            };
            if items.each {
                self.attach_values(layout, items, id, row.all(opened.field), index);
                continue;
            }
            let Some(document) = &items.document else { continue };
            let holds = |row: &Row| has_slot(shape.part(part), row, opened.slot.as_ref());
            let is_second = self.rows(part).iter().any(|d| d.parent == parent && holds(&d.now));
            if !holds(&row) || (opened.slot.is_some() && is_second) {
                continue;
            }
            if let Ok(Some(tree)) = document.open(row.all(opened.field)) {
                self.attach_items(shape, id, &tree, &[], index);
            }
        }
        if let Some(rows) = self.parts.get_mut(part) {
            rows.push(Draft::new(row.clone(), Some(row), parent));
        }
    }

    /// Reads the rows of watched values again from what the fields that they lie in shall hold.
    pub fn view(&mut self, shape: &Shape) {
        for (id, layout) in shape.parts.iter().enumerate().filter(|(_, layout)| layout.is_view()) {
            let (Some(opened), Some(items)) = (&layout.opened, layout.items()) else { continue };
            if let Some(rows) = self.parts.get_mut(id) {
                rows.clear();
            }
            for parent in 0..self.rows(layout.parent).len() {
                let above = self.row(layout.parent, parent).filter(|draft| !draft.removed);
                let values = above.map_or(NO_VALUES, |draft| draft.now.all(opened.field)).to_vec();
                self.attach_values(layout, items, id, &values, parent);
            }
        }
    }

    /// Adds a row for each of several values that is of the format and ours.
    fn attach_values(&mut self, layout: &Part, items: &Items, part: PartId, values: &[Value], parent: usize) {
        let rows = values.iter().enumerate().filter_map(|(place, value)| items.row_of(value, place));
        let ours = rows.filter(|row| matches(&layout.bag.scope, row, &|_, _| false));
        let most = if layout.many { usize::MAX } else { 1 };
        if let Some(rows) = self.parts.get_mut(part) {
            rows.extend(ours.take(most).map(|row| Draft::new(row.clone(), Some(row), parent)));
        }
    }

    /// Adds the rows of a document, and of those that lie within them.
    fn attach_items(&mut self, shape: &Shape, part: PartId, tree: &Node, above: &[Seg], parent: usize) {
        let layout = shape.part(part);
        let Some(items) = layout.items() else { return };
        for address in items.addresses(tree, above) {
            let row = items.row(tree, &address);
            if !matches(&layout.bag.scope, &row, &|_, _| false) {
                continue;
            }
            let index = self.rows(part).len();
            for (id, inner) in shape.parts.iter().enumerate().filter(|(id, p)| *id > 0 && p.parent == part) {
                let Some(opened) = &inner.opened else { continue };
                match opened.items.as_ref().map(|items| &items.document) {
                    Some(None) => self.attach_items(shape, id, tree, &address, index),
                    // A document within this one.
                    Some(Some(document)) => {
                        if let Ok(Some(tree)) = document.open(row.all(opened.field)) {
                            self.attach_items(shape, id, &tree, &[], index);
                        }
                    }
                    None => {}
                }
            }
            if let Some(rows) = self.parts.get_mut(part) {
                rows.push(Draft::new(row.clone(), Some(row), parent));
            }
        }
    }

    /// The rows of a part, removed ones included.
    #[must_use]
    pub fn rows(&self, part: PartId) -> &[Draft] {
        self.parts.get(part).map_or(&[], Vec::as_slice)
    }

    /// One row.
    #[must_use]
    pub fn row(&self, part: PartId, index: usize) -> Option<&Draft> {
        self.rows(part).get(index)
    }

    /// One row, to change.
    pub fn row_mut(&mut self, part: PartId, index: usize) -> Option<&mut Draft> {
        self.parts.get_mut(part)?.get_mut(index)
    }

    /// Indexes of the live rows of `part` that hang, directly or not, on the row `at`;
    /// if `part` is above `at`, the one row that `at` hangs on.
    #[must_use]
    pub fn rows_below(&self, shape: &Shape, at: (PartId, usize), part: PartId) -> Vec<usize> {
        if part == at.0 {
            return vec![at.1];
        }
        if shape.is_below(at.0, part) {
            let mut row = at;
            while row.0 != part {
                let parent = self.row(row.0, row.1).map_or(0, |d| d.parent);
                row = (shape.part(row.0).parent, parent);
            }
            return vec![row.1];
        }
        // A sibling part is found through the common parent.
        let base = self.climb(shape, at, part);
        self.descend(shape, base, part, &|draft| !draft.removed)
    }

    fn descend(
        &self,
        shape: &Shape,
        base: (PartId, usize),
        part: PartId,
        counts: &dyn Fn(&Draft) -> bool,
    ) -> Vec<usize> {
        if part == base.0 {
            return vec![base.1];
        }
        let parents = self.descend(shape, base, shape.part(part).parent, counts);
        let rows = self.rows(part).iter().enumerate();
        rows.filter(|(_, d)| counts(d) && parents.contains(&d.parent)).map(|(i, _)| i).collect()
    }

    /// The row of a part that a field reference means, seen from `at`.
    #[must_use]
    pub fn find_row(&self, shape: &Shape, at: (PartId, usize), field: &FieldRef) -> Option<usize> {
        let part = shape.part(field.part);
        let rows = self.rows_below(shape, at, field.part);
        match &field.slot {
            None => rows.first().copied(),
            Some(_) => rows.into_iter().find(|row| {
                let draft = self.row(field.part, *row);
                draft.is_some_and(|d| has_slot(part, &d.now, field.slot.as_ref()))
            }),
        }
    }

    /// The values of a field, seen from `at`.
    #[must_use]
    pub fn values(&self, shape: &Shape, at: (PartId, usize), field: &FieldRef) -> &[Value] {
        self.find_row(shape, at, field)
            .and_then(|row| self.row(field.part, row))
            .map_or(NO_VALUES, |d| d.now.all(field.field))
    }

    /// The stored values of a field, seen from `at`.
    #[must_use]
    pub fn stored_values(&self, shape: &Shape, at: (PartId, usize), field: &FieldRef) -> &[Value] {
        self.find_row(shape, at, field)
            .and_then(|row| self.row(field.part, row))
            .and_then(|d| d.was.as_ref())
            .map_or(NO_VALUES, |was| was.all(field.field))
    }

    /// Has a field written also if it holds already what it shall hold.
    pub fn write_anyway(&mut self, shape: &Shape, at: (PartId, usize), field: &FieldRef) {
        let row = self.find_row(shape, at, field);
        if let Some(was) = row.and_then(|row| self.row_mut(field.part, row)).and_then(|d| d.was.as_mut()) {
            was.set(field.field, Vec::new());
        }
    }

    /// Makes sure the row that `slot` names (or the first row) of a part exists; gives its index.
    pub fn ensure_row(
        &mut self,
        shape: &Shape,
        at: (PartId, usize),
        part: PartId,
        slot: Option<&Vec<Value>>,
    ) -> usize {
        let probe = FieldRef { part, field: 0, slot: slot.cloned() };
        if let Some(row) = self.find_row(shape, at, &probe) {
            return row;
        }
        let parent = self.ensure_parent(shape, at, part);
        self.add_row(shape, part, parent, slot)
    }

    /// Makes sure the row that new rows of a part hang on exists; gives its index.
    pub fn ensure_parent(&mut self, shape: &Shape, at: (PartId, usize), part: PartId) -> usize {
        let layout = shape.part(part);
        let slot = layout.opened.as_ref().and_then(|o| o.slot.as_ref()).or(layout.hook.as_ref());
        self.ensure_row(shape, at, layout.parent, slot)
    }

    /// Adds a new row with its constants.
    pub fn add_row(
        &mut self,
        shape: &Shape,
        part: PartId,
        parent: usize,
        slot: Option<&Vec<Value>>,
    ) -> usize {
        let layout = shape.part(part);
        let mut row = Row::new(&layout.bag);
        for (field, value) in &layout.constants {
            row.set(*field, vec![value.clone()]);
        }
        for (field, value) in layout.slot.iter().zip(slot.into_iter().flatten()) {
            row.set(*field, vec![value.clone()]);
        }
        let Some(rows) = self.parts.get_mut(part) else { return 0 };
        rows.push(Draft::new(row, None, parent));
        let index = rows.len() - 1;
        self.choose_slot(shape, part, index);
        self.ensure_beside(shape, part, index);
        index
    }

    /// Gives fields with several values what the rows say that these values are, so that what follows from
    /// such a field can be made of it.
    pub fn fold_values(&mut self, shape: &Shape) {
        for (part, layout) in shape.parts.iter().enumerate().skip(1) {
            let Some(field) = layout.values_of() else { continue };
            for parent in 0..self.rows(layout.parent).len() {
                let hung = || self.rows(part).iter().filter(|d| d.parent == parent);
                let is_changed = hung().any(|d| d.removed || d.was.as_ref() != Some(&d.now));
                if !is_changed {
                    continue;
                }
                let live = hung().filter(|d| !d.removed);
                let values: Vec<Value> = live.filter_map(|d| d.now.first(0).cloned()).collect();
                if let Some(above) = self.row_mut(layout.parent, parent) {
                    above.now.set(field, values);
                }
            }
        }
    }

    /// Marks the live rows of a part below `at` as removed, and what hangs on them.
    pub fn remove_rows(&mut self, shape: &Shape, at: (PartId, usize), part: PartId) {
        for row in self.rows_below(shape, at, part) {
            self.remove_row(shape, part, row);
        }
    }

    /// Marks a row as removed, and the own rows that hang on it.
    pub fn remove_row(&mut self, shape: &Shape, part: PartId, row: usize) {
        let beside = self.rows_beside(shape, part, row);
        if let Some(draft) = self.row_mut(part, row) {
            draft.removed = true;
        }
        beside.into_iter().for_each(|(other, index)| self.remove_row(shape, other, index));
        for child in 1..shape.parts.len() {
            if shape.part(child).parent != part || child == part {
                continue;
            }
            let below: Vec<usize> = self
                .rows(child)
                .iter()
                .enumerate()
                .filter(|(_, d)| d.parent == row)
                .map(|(i, _)| i)
                .collect();
            for index in below {
                self.remove_row(shape, child, index);
            }
        }
    }

    /// Assigns the values of a field, seen from `at`. A value that is there already in another
    /// spelling of the same value is kept. A row of a part is made for a value, and goes when its
    /// last value goes and the part is not `always`.
    pub fn assign(&mut self, shape: &Shape, at: (PartId, usize), field: &FieldRef, values: Vec<Value>) {
        let found = self.find_row(shape, at, field);
        let row = match found {
            Some(row) => row,
            None if values.is_empty() => return,
            None => self.ensure_row(shape, at, field.part, field.slot.as_ref()),
        };
        let part = shape.part(field.part);
        // A value of a list, or an item that is one value.
        let is_item = part.opened.is_some() && part.bag.field_name(field.field) == "it";
        let Some(draft) = self.row(field.part, row) else { return };
        if same_values(draft.now.all(field.field), &values) {
            return;
        }
        if matches!(part.usage, Use::Find | Use::FindOrAdd) && field.part != at.0 {
            self.choose(shape, at, field, row, values);
            return;
        }
        let emptied = values.is_empty();
        // A number that stands for nobody, in a column that cannot be NULL.
        let cleared = if emptied && field.slot.is_none() && draft.was.is_some() {
            shape.cleared(field.part, field.field)
        } else {
            Vec::new()
        };
        if emptied && !cleared.is_empty() && same_values(draft.now.all(field.field), &cleared) {
            return;
        }
        if !emptied {
            self.succeed(shape, (field.part, row), field.field);
        }
        let Some(draft) = self.row_mut(field.part, row) else { return };
        let back = draft.was.as_ref().filter(|was| same_values(was.all(field.field), &values));
        let values = back.map_or(values, |was| was.all(field.field).to_vec());
        draft.now.set(field.field, values);
        let stays = part.stays_empty() || part.usage != Use::Own;
        if emptied && field.part != 0 && at.0 != field.part && !stays {
            let is_value = part.value == Some(field.field) || is_item;
            if is_value || (!part.always && self.is_left_over(shape, field.part, row)) {
                let twins = self.twins(shape, at, field, row);
                self.remove_row(shape, field.part, row);
                // A further row of the same name would take its place.
                while field.slot.is_some()
                    && let Some(next) = self.find_row(shape, at, field)
                {
                    self.remove_row(shape, field.part, next);
                }
                self.remove_empty_above(shape, at, (field.part, row));
                twins.into_iter().for_each(|twin| self.remove_row(shape, field.part, twin));
            }
        }
        if let Some(draft) = self.row_mut(field.part, row).filter(|d| !d.removed && !cleared.is_empty()) {
            draft.now.set(field.field, cleared);
        }
    }

    /// Further rows of the same name: when the first goes, none of them may take its place.
    fn twins(&self, shape: &Shape, at: (PartId, usize), field: &FieldRef, row: usize) -> Vec<usize> {
        if field.slot.is_none() {
            return Vec::new();
        }
        let part = shape.part(field.part);
        let is_twin = |other: &usize| {
            let draft = self.row(field.part, *other).filter(|draft| !draft.removed);
            *other != row && draft.is_some_and(|draft| has_slot(part, &draft.now, field.slot.as_ref()))
        };
        self.rows_below(shape, at, field.part).into_iter().filter(is_twin).collect()
    }

    /// Looked-up rows are never changed: another value means another row.
    fn choose(
        &mut self,
        shape: &Shape,
        at: (PartId, usize),
        field: &FieldRef,
        row: usize,
        values: Vec<Value>,
    ) {
        let is_new = self.row(field.part, row).is_some_and(|d| d.was.is_none());
        let parent = self.row(field.part, row).map_or(0, |d| d.parent);
        let layout = shape.part(field.part);
        if !values.is_empty() {
            for (_, above) in &layout.on {
                self.succeed(shape, (layout.parent, parent), *above);
            }
        }
        if !is_new || values.is_empty() {
            self.remove_row(shape, field.part, row);
        }
        if values.is_empty() {
            self.remove_empty_above(shape, at, (field.part, row));
            return;
        }
        let row = if is_new { row } else { self.add_row(shape, field.part, parent, field.slot.as_ref()) };
        if let Some(draft) = self.row_mut(field.part, row) {
            draft.now.set(field.field, values);
        }
    }
}

/// True if a row has these values in the slot columns of its part; any row if there are none.
#[must_use]
pub fn has_slot(part: &Part, row: &Row, slot: Option<&Vec<Value>>) -> bool {
    let slots = part.slot.iter().zip(slot.into_iter().flatten());
    slots.into_iter().all(|(f, v)| row.first(*f).is_some_and(|have| have.same(v, Fold::Exact)))
}

/// True if both lists hold the same values in the same order.
#[must_use]
pub fn same_values(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.same(y, Fold::Exact))
}
