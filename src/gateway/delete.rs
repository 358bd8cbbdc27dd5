//! DELETE (RFC 7644 §3.6), and links at a resource that goes or is renamed.
//!
//! Order of writes: links of other resources, own rows, the root row, then the
//! tombstone. A crash in between leaves a resource without links, and the
//! repeated request finishes.

use crate::{
    auth::Action,
    gateway::{
        Context, Gateway, TypeId, error,
        identity::{Known, failed, side},
        journal::{Delete, Intent},
        present::MAX_ROUNDS,
        resolve::field_predicate,
        write::{again_if_overtaken, root_of},
    },
    mapping::{
        TypeMapping,
        diff::repointing,
        form::{Answers, Assign, Eval, set},
        lens::{RefTarget, Reference, face::Reads},
        log::{Event, LogRow},
        record::{Draft, Record},
        shape::{FieldRef, Use},
        write::Written,
    },
    plan::Plan,
    scim::{Object, error::ScimError, precondition::Preconditions},
    store::{Cell, Change, Fold, Predicate, Source, Step, Target, Test, Value, document::Items},
};

/// A lens of another type that may point at a resource.
#[derive(Clone)]
pub(super) struct Pointer<'m> {
    pub(super) holder: TypeId,
    pub(super) reference: &'m Reference,
    /// The field of the target that the pointer holds.
    pub(super) by: FieldRef,
    /// The part whose rows are pointers, for lists.
    pub(super) part: Option<usize>,
}

/// What becomes of a pointer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Relink<'v> {
    /// It goes.
    Away,
    /// Another value takes its place.
    To(&'v Value),
    /// Another value comes beside it.
    Beside(&'v Value),
}

impl Gateway {
    /// Deletes a resource.
    ///
    /// # Errors
    ///
    /// 403, 404, 409 if the mapping refuses it, 412, 503.
    pub async fn delete(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        conditions: &Preconditions,
    ) -> Result<(), ScimError> {
        self.permitted(cx, ty, Action::Write)?;
        let delete = || again_if_overtaken(conditions, || self.delete_once(cx, ty, id, conditions));
        self.settled_of(cx, ty, id, delete).await.map(drop)
    }

    /// As [`Self::delete`], by whoever may and holds the lock.
    pub(super) async fn delete_once(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        conditions: &Preconditions,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        let before = self.before(cx, ty, id).await?;
        conditions.check(&before.resource)?;
        let known = before.known;
        let answers = self.answers(cx);
        let eval = Eval { shape: &mapping.shape, record: &known.record, at: (0, 0), answers: &answers };
        if mapping.delete.refuse.as_ref().is_some_and(|refuse| refuse.holds(&eval)) {
            return Err(ScimError::conflict("The store's owner does not permit to delete this resource."));
        }
        let (record, logs) = self.ended(cx, ty, &known.record).await?;
        let (side, there) = (side(&known.row), Vec::new());
        let written = Written { record, side, password: None, there, logs: Vec::new() };
        let mut plan = mapping.diff(&written)?;
        let mut steps = std::mem::take(&mut plan.steps);
        steps.extend(mapping.log_steps(&logs, None));
        if let Some(into) = &mapping.delete.archive {
            let (bag, target) = (mapping.bag().clone(), root_of(mapping, &known));
            steps.push(Step::Archive { bag, target, into: into.clone() });
        }
        let after = match mapping.delete.keep {
            true => written.record,
            false => without_rows(&known.record),
        };
        let undone = self.undone_there(cx, ty, &after).await?;
        let (expected, moved) = self.replanted(ty, &after, !mapping.delete.keep).await?;
        let goes_away = mapping.delete.keep && plan.dn.is_some();
        let unlinked = self.unlink(cx, ty, &known, mapping.delete.keep && !goes_away).await?;
        match goes_away {
            // By its old name nobody finds it any more, so links at that end before.
            true => drop(steps.splice(0..0, unlinked)),
            false => steps.extend(unlinked),
        }
        if !mapping.delete.keep {
            steps.extend(all_rows(mapping, &known)?);
        }
        let mut plan = Plan::of(&mapping.resource_type.name, id, steps);
        for one in undone {
            if mapping.is_ldap() { plan.precede(one.steps) } else { plan.append(one) }
        }
        plan.append(Plan { steps: moved, ..Plan::default() });
        plan.precede(expected);
        if conditions.names_version() {
            plan.precede(mapping.expectations(&known.record, root_of(mapping, &known)));
        }
        let names = vec![format!("{ty} id {id}")];
        let ticket = self.begin(ty, (Some(id), Intent::Delete(Delete::new(cx))), names).await?;
        let done = self.store.apply(plan.steps).await.map(drop);
        self.concluded(&ticket, done.map_err(|e| error::removing(&e, &self.mapping, mapping))).await?;
        let (name, now) = (&mapping.resource_type.name, crate::ops::clock::now());
        let gone = self.correlation.tombstone_and_end(name, id, now, ticket.settlement()).await;
        gone.map_err(|e| failed(&e))?;
        ticket.is_over();
        Ok(())
    }

    /// A record as a deletion leaves it before its rows go, and what history tables are told.
    async fn ended(
        &self,
        cx: &Context,
        ty: TypeId,
        known: &Record,
    ) -> Result<(Record, Vec<LogRow>), ScimError> {
        let mapping = self.ty(ty)?;
        let mut answers = self.answers(cx);
        // What is set for good does not follow the new name.
        let is_derived = |assign: &&Assign| {
            mapping.settle.iter().any(|settle| settle.derived && settle.assign.target == assign.target)
        };
        let fixed: Vec<Assign> = mapping.delete.set.iter().filter(is_derived).cloned().collect();
        for _ in 0..MAX_ROUNDS {
            let mut record = known.clone();
            set::apply(&mapping.delete.set, &mapping.shape, &mut record, (0, 0), &answers);
            if mapping.delete.keep {
                close_rows(mapping, &mut record);
            }
            let mut record = mapping.amended(known, record, &answers)?;
            set::apply(&fixed, &mapping.shape, &mut record, (0, 0), &answers);
            let logs = mapping.logged(known, &record, Event::Delete, &answers);
            let needs = answers.take_needs();
            if needs.is_empty() {
                return Ok((record, logs));
            }
            self.resolve(cx, ty, needs, &mut answers).await?;
        }
        Err(ScimError::internal("The mapping's values do not come to an end."))
    }

    /// Every lens of every type that may point at this type.
    pub(super) fn pointers_at(&self, ty: TypeId) -> Vec<Pointer<'_>> {
        let mut out = Vec::new();
        for (holder, mapping) in self.mapping.types.iter().enumerate() {
            for rule in &mapping.rules {
                rule.lens.references(&mut |reference, part| {
                    let target: Option<&RefTarget> = mapping.references.get(reference.target);
                    let by = target.and_then(|t| t.types.iter().find(|(id, _)| *id == ty));
                    // Who lies below is told by no pointer: see `gateway::tree`.
                    if let Some((_, by)) = by.filter(|_| reference.tree.is_none()) {
                        out.push(Pointer { holder, reference, by: by.clone(), part });
                    }
                });
            }
        }
        out
    }

    /// The steps that take a resource out of the lists and references of others. Of one that stays,
    /// only rows that are closed instead of removed end.
    async fn unlink(
        &self,
        cx: &Context,
        ty: TypeId,
        known: &Known,
        stays: bool,
    ) -> Result<Vec<Step>, ScimError> {
        let mut steps = Vec::new();
        for pointer in self.pointers_at(ty) {
            let Some(value) = pointed_value(self.ty(ty)?, &known.record, &pointer) else { continue };
            let holder = self.ty(pointer.holder)?;
            let layout = holder.shape.part(pointer.reference.field.part);
            if stays && layout.close.is_empty() {
                continue;
            }
            // The row itself is the pointer: without it, it is nothing.
            let field = pointer.reference.field.field;
            let is_link = pointer.part.is_some() || layout.identity.contains(&field);
            match &layout.past {
                Some(_) if stays => steps.extend(self.ending(cx, holder, &pointer, &value)),
                Some(past) if is_link => {
                    let target = Target::Rows(Predicate::equals(field, value.clone()));
                    steps.push(Step::Delete { bag: past.clone(), target, required: false });
                }
                _ => {
                    let (locks, floors) = self.floors(cx, &pointer, &value).await?;
                    steps.extend(locks);
                    steps.extend(self.relink(cx, &pointer, &value, Relink::Away).await?);
                    for old in self.old_pointers(ty, known, &pointer).await? {
                        steps.extend(self.relink(cx, &pointer, &old, Relink::Away).await?);
                    }
                    steps.extend(floors);
                }
            }
        }
        Ok(steps)
    }

    /// The steps that make others point at a resource by its new name, in SQL: in the same transaction.
    pub(super) fn followers(&self, ty: TypeId, was: &Record, now: &Record) -> Result<Vec<Step>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut steps = Vec::new();
        for pointer in self.pointers_at(ty) {
            let field = &pointer.reference.field;
            let layout = self.ty(pointer.holder)?.shape.part(field.part);
            if !matches!(layout.bag.source, Source::Table(_)) || layout.opened.is_some() {
                continue;
            }
            let values = (pointed_value(mapping, was, &pointer), pointed_value(mapping, now, &pointer));
            if let (Some(old), Some(new)) = values
                && old != new
            {
                steps.push(repointing(mapping.pointing(&layout.bag), field.field, &old, &[new]));
            }
        }
        Ok(steps)
    }

    /// The step that closes the rows which point at a resource.
    fn ending(
        &self,
        cx: &Context,
        holder: &TypeMapping,
        pointer: &Pointer<'_>,
        value: &Value,
    ) -> Option<Step> {
        let part = pointer.reference.field.part;
        let layout = holder.shape.part(part);
        let answers = self.answers(cx);
        let record = Record::create(&holder.shape);
        let eval = Eval { shape: &holder.shape, record: &record, at: (part, 0), answers: &answers };
        let touches = holder.touch.iter().filter(|(p, _)| *p == part).map(|(_, assign)| assign);
        let set: Vec<_> = layout.close.iter().chain(touches).cloned().collect();
        let cells = set::cells(&set, &eval).into_iter();
        let changes: Vec<Change> = cells.map(|(f, v)| Change::Set(f, Cell::Values(v))).collect();
        let target = Target::Rows(Predicate::equals(pointer.reference.field.field, value.clone()));
        let step = Step::Update { bag: layout.bag.clone(), target, changes, required: false };
        (!layout.close.is_empty()).then_some(step)
    }

    /// After a rename: whatever pointed at the old name points at the new one.
    pub(super) async fn repoint(
        &self,
        cx: &Context,
        ty: TypeId,
        known: &Known,
        dn: &str,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        for pointer in self.pointers_at(ty) {
            let names_dn = pointer.by.part == 0 && Some(pointer.by.field) == mapping.find_root("dn");
            let Some(old) = pointed_value(mapping, &known.record, &pointer).filter(|_| names_dn) else {
                continue;
            };
            let new = Value::Text(dn.to_owned());
            let steps = self.relink(cx, &pointer, &old, Relink::To(&new)).await?;
            if !steps.is_empty() {
                let name = &self.ty(pointer.holder)?.resource_type.name;
                self.execute(pointer.holder, &Plan::of(name, &known.row.id, steps)).await?;
            }
        }
        Ok(())
    }

    /// The steps that replace a pointer's value wherever it stands, take it away, or put another one beside it.
    pub(super) async fn relink(
        &self,
        cx: &Context,
        pointer: &Pointer<'_>,
        old: &Value,
        how: Relink<'_>,
    ) -> Result<Vec<Step>, ScimError> {
        let mapping = self.ty(pointer.holder)?;
        let field = &pointer.reference.field;
        let layout = mapping.shape.part(field.part);
        let is_link = pointer.part == Some(field.part) && layout.opened.is_none();
        let equal = Predicate::equals(field.field, old.clone());
        if let (Source::Table(_), true) = (&layout.bag.source, layout.opened.is_none()) {
            let bag = layout.bag.clone();
            let target = Target::Rows(equal);
            let set = |values| vec![Change::Set(field.field, Cell::Values(values))];
            return Ok(vec![match how {
                Relink::Away if is_link => Step::Delete { bag, target, required: false },
                Relink::Away => {
                    let cleared = mapping.shape.cleared(field.part, field.field);
                    Step::Update { bag, target, changes: set(cleared), required: false }
                }
                Relink::To(new) | Relink::Beside(new) => {
                    Step::Update { bag, target, changes: set(vec![new.clone()]), required: false }
                }
            }]);
        }
        let test = Test::OneOf(vec![old.clone()], Fold::Exact);
        let predicate = field_predicate(&mapping.shape, field, test);
        if layout.items().is_some() {
            let holders =
                self.load(pointer.holder, predicate, &Reads::everything(&mapping.shape), None).await?;
            let steps = holders.into_iter().map(|holder| document_relink(mapping, holder, field, old, how));
            return Ok(steps.collect::<Result<Vec<_>, _>>()?.concat());
        }
        if is_copied(mapping, field) {
            let mut steps = Vec::new();
            for holder in
                self.load(pointer.holder, predicate, &Reads::everything(&mapping.shape), None).await?
            {
                let change = |record: &mut Record, _: &Answers| {
                    point_elsewhere(mapping, record, field, old, how);
                    Ok(())
                };
                steps.extend(self.amend_record(cx, pointer.holder, &holder, &change).await?.steps);
            }
            return Ok(steps);
        }
        let mut reads = mapping.reads_for(&|_| false);
        reads.parts.entry(0).or_default().extend(mapping.find_root("dn"));
        let holders = self.load(pointer.holder, predicate, &reads, None).await?;
        Ok(holders.iter().filter_map(|h| entry_relink(mapping, h, field, old, how)).collect())
    }
}

/// The change of a holder's document. What is not pointed at from there stays as it is.
fn document_relink(
    mapping: &TypeMapping,
    mut holder: Record,
    field: &FieldRef,
    old: &Value,
    how: Relink<'_>,
) -> Result<Vec<Step>, ScimError> {
    point_elsewhere(mapping, &mut holder, field, old, how);
    holder.pack(&mapping.shape)?;
    let written =
        Written { record: holder, side: Object::new(), password: None, there: Vec::new(), logs: Vec::new() };
    Ok(mapping.diff(&written)?.steps)
}

/// Changes the pointers of a record that have a value.
fn point_elsewhere(
    mapping: &TypeMapping,
    holder: &mut Record,
    field: &FieldRef,
    old: &Value,
    how: Relink<'_>,
) {
    let shape = &mapping.shape;
    let layout = shape.part(field.part);
    let is_row = layout.values_of().is_some() || layout.items().is_some_and(Items::takes_items);
    for row in 0..holder.rows(field.part).len() {
        let points =
            |d: &Draft| !d.removed && d.now.first(field.field).is_some_and(|v| v.same(old, Fold::Exact));
        let Some(parent) = holder.row(field.part, row).filter(|d| points(d)).map(|d| d.parent) else {
            continue;
        };
        match how {
            Relink::Away if is_row => holder.remove_row(shape, field.part, row),
            Relink::Away => holder.assign(shape, (field.part, row), field, Vec::new()),
            Relink::Beside(new) if is_row => {
                let row = holder.add_row(shape, field.part, parent, None);
                holder.assign(shape, (field.part, row), field, vec![new.clone()]);
            }
            Relink::To(new) | Relink::Beside(new) => {
                holder.assign(shape, (field.part, row), field, vec![new.clone()]);
            }
        }
    }
}

/// True if something else of the resource is made of the field.
pub(super) fn is_copied(mapping: &TypeMapping, field: &FieldRef) -> bool {
    let list = mapping.shape.part(field.part).values_of();
    let is_it = |of: &&FieldRef| {
        (of.part, of.field) == (field.part, field.field) || (of.part == 0 && Some(of.field) == list)
    };
    let mut derived = mapping.settle.iter().filter(|settle| settle.derived);
    derived.any(|settle| set::sources(std::slice::from_ref(&settle.assign)).iter().any(is_it))
}

/// One modify of a holding entry. The list's placeholder comes in if the last value goes.
fn entry_relink(
    mapping: &TypeMapping,
    holder: &Record,
    field: &FieldRef,
    old: &Value,
    how: Relink<'_>,
) -> Option<Step> {
    let root = &holder.row(0, 0)?.now;
    let layout = mapping.shape.part(field.part);
    let attribute = layout.values_of().unwrap_or(field.field);
    let remove = Change::Remove(attribute, vec![old.clone()]);
    let add = |new: &Value| Change::Add(attribute, vec![new.clone()]);
    let changes = match (how, &layout.floor) {
        // Somebody may have taken it away meanwhile: it must not come back under another name.
        (Relink::To(new), _) => vec![Change::Exchange(attribute, old.clone(), new.clone())],
        (Relink::Beside(new), _) => vec![add(new)],
        (Relink::Away, Some(crate::mapping::form::Template::Literal(floor))) => {
            vec![remove, Change::Floor(attribute, vec![floor.clone()])]
        }
        (Relink::Away, _) => vec![remove],
    };
    let target = Target::Entry {
        dn: root.first(mapping.find_root("dn")?)?.to_text(),
        anchor: root.first(*mapping.bag().key.first()?)?.clone(),
    };
    Some(Step::Update { bag: mapping.bag().clone(), target, changes, required: false })
}

/// The value by which others point at this resource, in their form.
pub(super) fn pointed_value(mapping: &TypeMapping, record: &Record, pointer: &Pointer<'_>) -> Option<Value> {
    let value = record.values(&mapping.shape, (0, 0), &pointer.by).first()?.clone();
    pointer.reference.encode(value)
}

/// The record when all of it is gone.
fn without_rows(record: &Record) -> Record {
    let mut gone = record.clone();
    gone.parts.iter_mut().flatten().for_each(|draft| draft.removed = true);
    gone
}

/// Ends the rows of the own parts that are closed instead of removed.
fn close_rows(mapping: &TypeMapping, record: &mut Record) {
    for (part, layout) in mapping.shape.parts.iter().enumerate().filter(|(_, p)| !p.close.is_empty()) {
        debug_assert_eq!(layout.usage, Use::Own, "only own rows are closed");
        for row in 0..record.rows(part).len() {
            if record.row(part, row).is_some_and(|d| !d.removed) {
                record.remove_row(&mapping.shape, part, row);
            }
        }
    }
}

/// All rows of the resource: own parts, children first, the root, and what that one points at.
fn all_rows(mapping: &TypeMapping, known: &Known) -> Result<Vec<Step>, ScimError> {
    let mut gone = known.record.clone();
    for part in 1..mapping.shape.parts.len() {
        if mapping.shape.part(part).usage == Use::Own && mapping.shape.part(part).opened.is_none() {
            for row in 0..gone.rows(part).len() {
                gone.remove_row(&mapping.shape, part, row);
            }
        }
    }
    let root = Step::Delete { bag: mapping.bag().clone(), target: root_of(mapping, known), required: true };
    mapping.all_removals(&gone, root)
}
