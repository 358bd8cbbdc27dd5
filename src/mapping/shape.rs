//! The layout of one resource type in its store: a root bag and its parts, and
//! how fields of them are named.

use std::sync::Arc;

use crate::{
    mapping::{
        Rename,
        floor::Floor,
        form::{Assign, Template},
    },
    store::{
        Bag, FieldId, Fold, Predicate, Related, Row, Source, Value,
        document::{Format, Items},
        moment::Spelling,
    },
};

/// Index of a part; 0 is the root.
pub type PartId = usize;

/// A field of the root or of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRef {
    /// Which part.
    pub part: PartId,
    /// Which field of the part's bag.
    pub field: FieldId,
    /// For a slotted part: the row whose slot columns hold these values.
    pub slot: Option<Vec<Value>>,
}

/// What a part's rows lie in, if it is a field of the parent and no bag of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The parent's field.
    pub field: FieldId,
    /// In a slotted parent: the row whose slot columns hold these values.
    pub slot: Option<Vec<Value>>,
    /// How the rows lie in the document that the field holds; `None`: they are the field's values.
    pub items: Option<Items>,
}

/// A slot whose name lies in another table: the part's rows hold the key of the row with the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotIn {
    /// The field that holds the name in memory; the store has no such column.
    pub slot: FieldId,
    /// The looked-up part with the names, which hangs on this one.
    pub part: PartId,
    /// Its field with the name.
    pub field: FieldId,
}

/// How the rows of a part come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Use {
    /// They live and die with the resource.
    #[default]
    Own,
    /// They are chosen by value and never changed.
    Find,
    /// As `Find`, but a missing one is added.
    FindOrAdd,
    /// They are read and tested only.
    Watch,
}

/// The root or a part.
#[derive(Debug, Clone)]
pub struct Part {
    /// Name in the file; the resource type's name for the root.
    pub name: String,
    /// Where its rows lie. For an opened part: a bag that exists in memory only.
    pub bag: Arc<Bag>,
    /// The part it hangs on; the root hangs on itself.
    pub parent: PartId,
    /// Pairs of (own field, parent's field) that must be equal.
    pub on: Vec<(FieldId, FieldId)>,
    /// Pairs of (own field, field of another part) that must be equal, too: a row that hangs on two rows which do
    /// not hang on each other. Of the other part there is one row, seen from here.
    pub beside: Vec<(FieldId, FieldRef)>,
    /// The row of a slotted parent that it hangs on: the values of its slot columns.
    pub hook: Option<Vec<Value>>,
    /// True if its own key is what the parent's column holds: the row is made before the parent's.
    pub upward: bool,
    /// What is set in a row instead of removing it; empty: rows are removed.
    pub close: Vec<Assign>,
    /// What is set in a closed row of the same key instead of making a new one.
    pub revive: Vec<Assign>,
    /// The fields that identify a closed row; empty: all that a client's value made.
    pub revive_by: Vec<FieldId>,
    /// The bag with closed rows, for parts that close theirs.
    pub past: Option<Arc<Bag>>,
    /// True: a changed value closes or removes the row and puts in a new one.
    pub replace: bool,
    /// True: which of several rows is the one is kept in our own database.
    pub remember: bool,
    /// What happens when a key field changes; `None` for a part: another row.
    pub rename: Option<Rename>,
    /// Columns of other tables that hold this row's key, each as a bag with that one field.
    pub points: Vec<Arc<Bag>>,
    /// Key fields that the file names: another value in one means another row.
    pub identity: Vec<FieldId>,
    /// Key fields that clients give: a row with one is there for it, whatever else it holds.
    pub named: Vec<FieldId>,
    /// Fields of a row that takes another's place that it does not take over from it.
    pub fresh: Vec<FieldId>,
    /// The parent's field that this part's rows lie in.
    pub opened: Option<Opened>,
    /// A bag of rows, or at most one.
    pub many: bool,
    /// How rows come and go.
    pub usage: Use,
    /// Made together with the resource, even when no field has a value.
    pub always: bool,
    /// Slot columns of an EAV part.
    pub slot: Vec<FieldId>,
    /// The one of them whose names lie in another table.
    pub slot_in: Option<SlotIn>,
    /// Value column of an EAV part.
    pub value: Option<FieldId>,
    /// Constants of a new row, from the equalities of `where`.
    pub constants: Vec<(FieldId, Value)>,
    /// Fields of a new row that have no value yet.
    pub initial: Vec<(FieldRef, Template)>,
    /// Fields set on every real change of a row.
    pub touch: Vec<(FieldRef, Template)>,
    /// Order that decides which row is the first; true = descending.
    pub order: Vec<(FieldId, bool)>,
    /// Value that stays in an opened part when it would become empty; never shown.
    pub floor: Option<Template>,
    /// Row that stays in a list of rows when it would become empty.
    pub row_floor: Option<Floor>,
    /// Classes of the entries that are made when those above a new place are missing; none: they are not made.
    pub make: Vec<String>,
    /// Column by which a looked-up row is found when none is written explicitly.
    pub find_by: Option<FieldId>,
    /// Values that stand for nothing wherever a text is composed: of one field, or of every field that
    /// has none of its own.
    pub nothing: Vec<(Option<FieldRef>, Template)>,
    /// Object classes that an entry gets when one of these fields is first used.
    pub aux: Vec<(String, Vec<FieldId>)>,
    /// What ties an entry to the one it hangs on, and is taken away while one of them is made, renamed or
    /// removed: fields of this part or its parent, with the values that go; none: all of them.
    pub ties: Vec<(PartId, FieldId, Vec<Value>)>,
}

impl Part {
    /// The fields of its rows that are equal to fields of the rows which they hang on.
    pub fn ties(&self) -> impl Iterator<Item = FieldId> {
        self.on.iter().map(|(own, _)| *own).chain(self.beside.iter().map(|(own, _)| *own))
    }

    /// True for a field that is equal to a field of a row which its row hangs on.
    #[must_use]
    pub fn is_tie(&self, field: FieldId) -> bool {
        self.ties().any(|own| own == field)
    }

    /// True for a field of its rows that the store does not have there.
    #[must_use]
    pub fn is_borrowed(&self, field: FieldId) -> bool {
        self.slot_in.is_some_and(|at| at.slot == field)
    }

    /// The fields of its rows that the store has there.
    pub fn stored_fields(&self) -> impl Iterator<Item = FieldId> {
        (0..self.bag.fields.len()).filter(|field| !self.is_borrowed(*field))
    }

    /// The fields of a looked-up row by which it is chosen, and what they hold. `id` is the part's own.
    pub fn named_by<'r>(&'r self, id: PartId, row: &'r Row) -> impl Iterator<Item = (FieldId, &'r Value)> {
        let names = move |field: &FieldId| match self.find_by {
            Some(by) => by == *field,
            None => {
                let fills = |list: &[(FieldRef, Template)]| {
                    list.iter().any(|(at, _)| at.part == id && at.field == *field)
                };
                let by_default = fills(&self.initial) || fills(&self.touch);
                !by_default && !self.constants.iter().any(|(constant, _)| constant == field)
            }
        };
        (0..self.bag.fields.len()).filter(names).filter_map(|field| Some((field, row.first(field)?)))
    }

    /// The parent's multi-valued field whose values are the rows.
    #[must_use]
    pub fn values_of(&self) -> Option<FieldId> {
        self.opened.as_ref().filter(|o| o.items.is_none()).map(|o| o.field)
    }

    /// How the rows lie in a document.
    #[must_use]
    pub fn items(&self) -> Option<&Items> {
        self.opened.as_ref()?.items.as_ref()
    }

    /// True for rows that are read from values of the parent's field, in which others are changed.
    #[must_use]
    pub fn is_view(&self) -> bool {
        self.usage == Use::Watch && self.items().is_some_and(|items| items.each)
    }

    /// True if a row stays without any value of ours: a document of other programs, too.
    #[must_use]
    pub fn stays_empty(&self) -> bool {
        let own = |items: &Items| {
            items.document.as_ref().is_none_or(|d| {
                d.is_one_row() && matches!(d.format, Format::Json | Format::Php | Format::Yaml)
            })
        };
        self.items().is_some_and(own)
    }
}

/// All parts of a resource type.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Root first, parents before their parts.
    pub parts: Vec<Part>,
    /// Fields that hold times in a form of their own, so `@now` means that form there.
    pub forms: Vec<(FieldRef, Spelling)>,
}

impl Shape {
    /// How a field holds times, if the file says it in `fields`.
    #[must_use]
    pub fn form_of(&self, at: &FieldRef) -> Option<&Spelling> {
        self.forms.iter().find(|(field, _)| field == at).map(|(_, spelling)| spelling)
    }

    /// The root.
    ///
    /// # Panics
    ///
    /// If there is no part at all, which no compiled mapping has.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a shape has at least its root")]
    pub fn root(&self) -> &Part {
        &self.parts[0]
    }

    /// A part by index.
    #[must_use]
    pub fn part(&self, id: PartId) -> &Part {
        self.parts.get(id).unwrap_or_else(|| self.root())
    }

    /// Finds a part by its name in the file.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PartId> {
        self.parts.iter().skip(1).position(|p| p.name == name).map(|i| i + 1)
    }

    /// True if `part` is `ancestor` or hangs somewhere below it.
    #[must_use]
    pub fn is_below(&self, mut part: PartId, ancestor: PartId) -> bool {
        loop {
            if part == ancestor {
                return true;
            }
            if part == 0 {
                return false;
            }
            part = self.part(part).parent;
        }
    }

    /// True if a part's row is made together with the resource.
    #[must_use]
    pub fn is_always(&self, part: PartId) -> bool {
        let layout = self.part(part);
        let others = || layout.beside.iter().all(|(_, at)| self.is_always(at.part));
        part == 0 || (layout.always && self.is_always(layout.parent) && others())
    }

    /// What a field holds when it has no value: the first `nothing` that `fields` gives it.
    #[must_use]
    pub fn cleared(&self, part: PartId, field: FieldId) -> Vec<Value> {
        let at = FieldRef { part, field, slot: None };
        let own = self.part(part).nothing.iter().find(|(of, _)| of.as_ref() == Some(&at));
        match own {
            Some((_, Template::Literal(value))) => vec![value.clone()],
            _ => Vec::new(),
        }
    }

    /// The values that `fields` says a field holds when it has none.
    #[must_use]
    pub fn nothings(&self, at: &FieldRef) -> Vec<Value> {
        let own = self.part(at.part).nothing.iter().filter(|(of, _)| of.as_ref() == Some(at));
        let literal = own.filter_map(|(_, template)| match template {
            Template::Literal(value) => Some(value.clone()),
            _ => None,
        });
        literal.collect()
    }

    /// The values of a field that stand for nothing wherever a text is composed.
    pub fn nothing_of(&self, at: &FieldRef) -> impl Iterator<Item = &Template> {
        let list = &self.part(at.part).nothing;
        let has_own = list.iter().any(|(field, _)| field.as_ref() == Some(at));
        let own = move |field: &Option<FieldRef>| match field {
            Some(field) => field == at,
            None => !has_own,
        };
        list.iter().filter(move |(field, _)| own(field)).map(|(_, template)| template)
    }

    /// True if the field may hold several values: any attribute of an entry, since the schema of a directory is
    /// not known here, but not what has a row for each value.
    #[must_use]
    pub fn may_repeat(&self, at: &FieldRef) -> bool {
        let part = self.part(at.part);
        let is_many = part.bag.fields.get(at.field).is_some_and(|field| field.many);
        part.opened.is_none() && (is_many || matches!(part.bag.source, Source::Entries { .. }))
    }

    /// True if of several rows of the part, or of a part between it and `outer`, only the first would be shown,
    /// and nothing says that there cannot be several: a predicate finds any of them.
    #[must_use]
    pub fn may_be_shadowed(&self, mut part: PartId, outer: PartId) -> bool {
        while part != outer && part != 0 {
            let layout = self.part(part);
            let fixed = |field: &FieldId| {
                let names = layout.slot_in.map(|at| self.part(at.part));
                layout.slot.contains(field)
                    || layout.is_tie(*field)
                    || names.is_some_and(|names| names.on.iter().any(|(_, above)| above == field))
            };
            let is_unique = layout.bag.key.iter().all(fixed);
            let is_one_of_several = !layout.many && layout.opened.is_none() && !is_unique;
            if is_one_of_several || !layout.beside.is_empty() {
                return true;
            }
            part = layout.parent;
        }
        false
    }

    /// Turns a predicate on a part's rows into one on the rows of `outer`,
    /// which the part must hang on directly or through other parts.
    #[must_use]
    pub fn lift(&self, part: PartId, outer: PartId, predicate: Predicate) -> Predicate {
        self.lift_joined(part, outer, predicate, &[])
    }

    /// As [`lift`](Self::lift), of rows in which further fields equal fields of the row that they hang on:
    /// pairs as of [`Part::on`].
    #[must_use]
    pub fn lift_joined(
        &self,
        part: PartId,
        outer: PartId,
        predicate: Predicate,
        joined: &[(FieldId, FieldId)],
    ) -> Predicate {
        if part == outer || part == 0 {
            return predicate;
        }
        let p = self.part(part);
        let lifted = match &p.opened {
            // An opened part's rows are values of the parent's field: `it` is field 0 there.
            Some(Opened { field, items: None, .. }) => rebase(predicate, *field),
            Some(Opened { field, slot, items: Some(items) }) => {
                let Some(document) = &items.document else {
                    // Within the parent's document: nothing is known of it by its rows.
                    return self.lift(
                        p.parent,
                        outer,
                        if predicate == Predicate::False { predicate } else { Predicate::True },
                    );
                };
                let here = self.slot_test(p.parent, slot.as_deref().unwrap_or_default());
                here.and(document.hint(*field, &predicate, &items.places))
            }
            None => {
                let on = p.on.iter().chain(joined).copied().collect();
                let exists = Related { bag: p.bag.clone(), on, predicate };
                self.hook_test(part).and(Predicate::Exists(Box::new(exists)))
            }
        };
        self.lift(p.parent, outer, lifted)
    }

    /// The test that a row of a slotted parent is the one that a part hangs on.
    #[must_use]
    pub fn hook_test(&self, part: PartId) -> Predicate {
        let p = self.part(part);
        self.slot_test(p.parent, p.hook.as_deref().unwrap_or_default())
    }

    /// The test that a row of a slotted part has these names.
    #[must_use]
    pub fn slot_test(&self, part: PartId, names: &[Value]) -> Predicate {
        let p = self.part(part);
        p.slot.iter().zip(names).fold(Predicate::True, |all, (field, name)| {
            all.and(match &p.slot_in {
                Some(at) if at.slot == *field => {
                    let names = self.part(at.part);
                    let predicate = Predicate::equals(at.field, name.clone());
                    Predicate::Exists(Box::new(Related {
                        bag: names.bag.clone(),
                        on: names.on.clone(),
                        predicate,
                    }))
                }
                _ => Predicate::equals(*field, name.clone()),
            })
        })
    }

    /// True if a row of the parent is one that the part hangs on.
    #[must_use]
    pub fn hangs_on(&self, part: PartId, above: &Row) -> bool {
        let p = self.part(part);
        let slots = self.part(p.parent).slot.iter().zip(p.hook.iter().flatten());
        let has = |f: &FieldId, v: &Value| above.first(*f).is_some_and(|have| have.same(v, Fold::Exact));
        slots.into_iter().all(|(f, v)| has(f, v))
    }

    /// True if something between a part's rows and those of `outer` lies in a document: what a store finds
    /// of it is more than what meets a condition.
    #[must_use]
    pub fn is_within_document(&self, mut part: PartId, outer: PartId) -> bool {
        while part != outer && part != 0 {
            let layout = self.part(part);
            if layout.items().is_some() {
                return true;
            }
            part = layout.parent;
        }
        false
    }

    /// True if a part, or one between it and `outer`, hangs on a second row: a predicate does not ask for that one,
    /// so what a store finds is more than what meets a condition.
    #[must_use]
    pub fn is_beside(&self, mut part: PartId, outer: PartId) -> bool {
        while part != outer && part != 0 {
            if !self.part(part).beside.is_empty() {
                return true;
            }
            part = self.part(part).parent;
        }
        false
    }

    /// Name of a field as the file would write it.
    #[must_use]
    pub fn field_name(&self, at: &FieldRef) -> String {
        let part = self.part(at.part);
        let field = part.bag.field_name(at.field);
        match (at.part, &at.slot) {
            (0, _) => field.to_owned(),
            (_, Some(slot)) => {
                let slot: Vec<String> = slot.iter().map(Value::to_text).collect();
                format!("{}.{}", part.name, slot.join("."))
            }
            _ => format!("{}.{field}", part.name),
        }
    }
}

/// Moves a predicate over `it` to a field of the parent. Several tests of one
/// value become tests of any value: a superset.
fn rebase(predicate: Predicate, field: FieldId) -> Predicate {
    match predicate {
        Predicate::True => Predicate::Field(field, crate::store::Test::Present),
        Predicate::Field(_, test) => Predicate::Field(field, test),
        Predicate::Clock(_, relation, moment) => Predicate::Clock(field, relation, moment),
        Predicate::All(list) => Predicate::All(list.into_iter().map(|p| rebase(p, field)).collect()),
        Predicate::Any(list) => Predicate::Any(list.into_iter().map(|p| rebase(p, field)).collect()),
        // "Some value is not x" cannot be said of a bag of values by negation: only a superset.
        Predicate::Not(_) => Predicate::Field(field, crate::store::Test::Present),
        other => other,
    }
}
