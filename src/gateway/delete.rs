//! DELETE (RFC 7644 §3.6).
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
        pointers::{Pointer, Relink, pointed_value},
        present::MAX_ROUNDS,
        write::{again_if_overtaken, root_of},
    },
    mapping::{
        TypeMapping,
        form::{Assign, Eval, set},
        log::{Event, LogRow},
        record::Record,
        shape::Use,
        write::Written,
    },
    plan::Plan,
    scim::{error::ScimError, precondition::Preconditions},
    store::{Cell, Change, Predicate, Step, Target, Value},
};

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
        let delete = || again_if_overtaken(conditions, || self.delete_at_key(cx, ty, id, conditions));
        self.settled_of(cx, ty, id, Vec::new(), delete).await.map(drop)
    }

    /// Deletes a resource; nobody comes to its key meanwhile.
    async fn delete_at_key(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        conditions: &Preconditions,
    ) -> Result<(), ScimError> {
        let row = match self.ty(ty)?.has_given_key {
            true => self.find_id(ty, id).await?,
            false => None,
        };
        let key = row.as_ref().map(|row| row.anchor.as_str());
        self.at_keys((ty, Some(id)), (key, None), self.delete_once(cx, ty, id, conditions)).await
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
        let intent = Intent::Delete(Delete::new(cx, &known.row.anchor));
        let ticket = self.begin(ty, (Some(id), intent), names).await?;
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
