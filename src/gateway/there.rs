//! What references ask for at their targets (`there`): carried out when a pointer is set, in the same
//! transaction, and undone when the last pointer that asked for it goes.

use std::sync::Arc;

use crate::{
    gateway::{
        Context, Gateway, TypeId, error,
        pointers::{Pointer, pointed_value},
        present::MAX_ROUNDS,
        resolve::field_predicate,
    },
    mapping::{
        TypeMapping,
        form::{Answers, Assign, Eval, cond::slot_test, set},
        lens::{RefTarget, Reference, face::Reads, scalar},
        log::Event,
        record::{Draft, Record, has_slot},
        write::Written,
    },
    plan::Plan,
    scim::{Object, error::ScimError},
    store::{Bag, Fold, Predicate, Source, Test, Value},
};

impl Gateway {
    /// What references that were set ask for at their targets.
    pub(super) async fn asked_there(
        &self,
        cx: &Context,
        ty: TypeId,
        written: &Written,
    ) -> Result<Vec<Plan>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut plans = Vec::new();
        for (reference, id) in &written.there {
            let Some(target) = mapping.references.get(*reference) else { continue };
            let Some((kind, _)) = target.types.first() else { continue };
            let asked = self.bound(cx, mapping, target, &written.record);
            let there = |record: &mut Record, answers: &Answers| -> Result<(), ScimError> {
                set::apply(&asked, &self.ty(*kind)?.shape, record, (0, 0), answers);
                Ok(())
            };
            plans.push(self.amend(cx, *kind, id, &there).await?);
        }
        Ok(plans)
    }

    /// What a reference asks for, with what the resource that points holds.
    fn bound(&self, cx: &Context, mapping: &TypeMapping, target: &RefTarget, record: &Record) -> Vec<Assign> {
        let answers = self.answers(cx);
        let eval = Eval { shape: &mapping.shape, record, at: (0, 0), answers: &answers };
        set::bound(&target.there, &eval)
    }

    /// What references that went had asked for at their targets, where no other pointer asks for it; and at
    /// the targets of those that stay, what is asked for now instead of what was before.
    /// `record` is as it shall become.
    pub(super) async fn undone_there(
        &self,
        cx: &Context,
        ty: TypeId,
        record: &Record,
    ) -> Result<Vec<Plan>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut plans = Vec::new();
        let mut references: Vec<&Reference> = Vec::new();
        for rule in &mapping.rules {
            rule.lens.references(&mut |reference, _| references.push(reference));
        }
        let before = as_stored(record);
        for reference in references {
            let Some(target) = mapping.references.get(reference.target).filter(|t| !t.there.is_empty())
            else {
                continue;
            };
            let Some((kind, field)) = target.types.first() else { continue };
            let shape = &self.ty(*kind)?.shape;
            let asked = self.bound(cx, mapping, target, &before);
            let asks = self.bound(cx, mapping, target, record);
            for gone in left(mapping, reference, record) {
                let Some(by) = scalar::decode(gone, &reference.codecs).map(|by| by.to_text()) else {
                    continue;
                };
                for (_, pointed) in self.find_by_field(*kind, field, &[by]).await? {
                    if self.is_asked_still(cx, (ty, *kind), record, (&pointed.id, &asked)).await? {
                        continue;
                    }
                    let there = |record: &mut Record, answers: &Answers| -> Result<(), ScimError> {
                        set::undo(&asked, shape, record, (0, 0), answers);
                        Ok(())
                    };
                    plans.push(self.amend(cx, *kind, &pointed.id, &there).await?);
                }
            }
            if asked == asks {
                continue;
            }
            let kept = kept(mapping, reference, record).into_iter();
            let kept = kept.filter_map(|v| scalar::decode(v, &reference.codecs)).map(|by| by.to_text());
            for (_, pointed) in self.find_by_field(*kind, field, &kept.collect::<Vec<_>>()).await? {
                // Another entry may ask for what this one asks for no more. In tables pointers are counted, and
                // this one still is one.
                let stays = mapping.is_ldap()
                    && self.is_asked_still(cx, (ty, *kind), record, (&pointed.id, &asked)).await?;
                let there = |record: &mut Record, answers: &Answers| -> Result<(), ScimError> {
                    if !stays {
                        set::undo(&asked, shape, record, (0, 0), answers);
                    }
                    set::apply(&asks, shape, record, (0, 0), answers);
                    Ok(())
                };
                plans.push(self.amend(cx, *kind, &pointed.id, &there).await?);
            }
        }
        Ok(plans)
    }

    /// True if a pointer at a resource, which asks for something there, remains when `record` of type `ty` is
    /// as it shall become. Rows that are not ours count, too: closed ones, and those of other programs.
    async fn is_asked_still(
        &self,
        cx: &Context,
        (ty, kind): (TypeId, TypeId),
        record: &Record,
        (id, asked): (&str, &[Assign]),
    ) -> Result<bool, ScimError> {
        let target = self.ty(kind)?;
        let known = self.find(kind, id, &Reads::everything(&target.shape)).await?;
        // Who goes takes along what was asked for of himself.
        let is_itself = kind == ty && target.anchor_of(record) == target.anchor_of(&known.record);
        if is_itself && record.row(0, 0).is_some_and(|root| root.removed) {
            return Ok(true);
        }
        for pointer in self.pointers_at(kind) {
            let holder = self.ty(pointer.holder)?;
            let asks = holder.references.get(pointer.reference.target).is_some_and(|t| !t.there.is_empty());
            let Some(value) = pointed_value(target, &known.record, &pointer).filter(|_| asks) else {
                continue;
            };
            let layout = holder.shape.part(pointer.reference.field.part);
            if holder.is_ldap() {
                if self.is_asked_by_entries(cx, (ty, record), &pointer, (&value, asked)).await? {
                    return Ok(true);
                }
                continue;
            }
            if !matches!(layout.bag.source, Source::Table(_)) || layout.opened.is_some() {
                return Ok(true); // How many values of a document point there is not asked.
            }
            let ours = match pointer.holder == ty {
                true => going(holder, &pointer, record, &value),
                false => 0,
            };
            // A row that is closed stays, and goes on pointing.
            if ours > 0 && !layout.close.is_empty() {
                return Ok(true);
            }
            let bag = Arc::new(Bag { scope: Predicate::True, ..Bag::clone(&layout.bag) });
            let at = &pointer.reference.field;
            let points = slot_test(&holder.shape, at).and(Predicate::equals(at.field, value));
            let all = self.store.count(bag, points).await.map_err(|e| error::reading(&e))?;
            if all > ours {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True if another entry points at a resource and asks for the same there.
    async fn is_asked_by_entries(
        &self,
        cx: &Context,
        (ty, record): (TypeId, &Record),
        pointer: &Pointer<'_>,
        (value, asked): (&Value, &[Assign]),
    ) -> Result<bool, ScimError> {
        let holder = self.ty(pointer.holder)?;
        let Some(target) = holder.references.get(pointer.reference.target) else { return Ok(false) };
        let mut reads = holder.reads_for(&|_| false);
        set::sources(&target.there).into_iter().for_each(|field| reads.field(&holder.shape, field));
        let test = Test::OneOf(vec![value.clone()], Fold::Exact);
        let predicate = field_predicate(&holder.shape, &pointer.reference.field, test);
        let holders = self.load(pointer.holder, predicate, &reads, None).await?;
        let is_itself =
            |other: &Record| pointer.holder == ty && holder.anchor_of(other) == holder.anchor_of(record);
        let mut others = holders.iter().filter(|other| !is_itself(other));
        Ok(others.any(|other| self.bound(cx, holder, target, other) == asked))
    }

    /// The plan that changes another resource by a SET.
    async fn amend(
        &self,
        cx: &Context,
        kind: TypeId,
        id: &str,
        change: &dyn Fn(&mut Record, &Answers) -> Result<(), ScimError>,
    ) -> Result<Plan, ScimError> {
        let known = self.find(kind, id, &Reads::everything(&self.ty(kind)?.shape)).await?;
        self.amend_record(cx, kind, &known.record, change).await
    }

    /// The plan of a change of a record, with all that follows from it within the resource.
    pub(super) async fn amend_record(
        &self,
        cx: &Context,
        kind: TypeId,
        known: &Record,
        change: &dyn Fn(&mut Record, &Answers) -> Result<(), ScimError>,
    ) -> Result<Plan, ScimError> {
        let other = self.ty(kind)?;
        let mut answers = self.answers(cx);
        for _ in 0..MAX_ROUNDS {
            let mut record = known.clone();
            change(&mut record, &answers)?;
            let record = other.amended(known, record, &answers)?;
            let logs = other.logged(known, &record, Event::Update, &answers);
            let needs = answers.take_needs();
            if needs.is_empty() {
                return other.diff(&Written {
                    record,
                    side: Object::new(),
                    password: None,
                    there: Vec::new(),
                    logs,
                });
            }
            self.resolve(cx, kind, needs, &mut answers).await?;
        }
        Err(ScimError::internal("The mapping's values do not come to an end."))
    }
}

/// What a row held, and shall hold, as the pointer of a reference.
fn pointer<'d>(
    mapping: &TypeMapping,
    reference: &Reference,
    draft: &'d Draft,
) -> (Option<&'d Value>, Option<&'d Value>) {
    let at = &reference.field;
    let layout = mapping.shape.part(at.part);
    let was = draft.was.as_ref().filter(|row| has_slot(layout, row, at.slot.as_ref()));
    let now = Some(&draft.now).filter(|row| !draft.removed && has_slot(layout, row, at.slot.as_ref()));
    (was.and_then(|row| row.first(at.field)), now.and_then(|row| row.first(at.field)))
}

/// The pointers that a record held and shall not hold any more.
fn left(mapping: &TypeMapping, reference: &Reference, record: &Record) -> Vec<Value> {
    let rows = || record.rows(reference.field.part).iter().map(|draft| pointer(mapping, reference, draft));
    let mut gone: Vec<Value> = Vec::new();
    for old in rows().filter_map(|(was, _)| was) {
        let is_same = |other: &Value| other.same(old, Fold::Exact);
        if !rows().filter_map(|(_, now)| now).any(is_same) && !gone.iter().any(is_same) {
            gone.push(old.clone());
        }
    }
    gone
}

/// The pointers that a record held and goes on holding.
fn kept(mapping: &TypeMapping, reference: &Reference, record: &Record) -> Vec<Value> {
    let rows = record.rows(reference.field.part).iter().map(|draft| pointer(mapping, reference, draft));
    let stays = rows.filter_map(|(was, now)| was.zip(now)).filter(|(was, now)| was.same(now, Fold::Exact));
    stays.map(|(was, _)| was.clone()).collect()
}

/// A record as the store holds it.
fn as_stored(record: &Record) -> Record {
    let mut stored = record.clone();
    for draft in stored.parts.iter_mut().flatten() {
        draft.removed = draft.was.is_none();
        if let Some(was) = &draft.was {
            draft.now = was.clone();
        }
    }
    stored
}

/// How many rows of a record hold a pointer and shall not hold it any more.
fn going(holder: &TypeMapping, at: &Pointer<'_>, record: &Record, value: &Value) -> u64 {
    let is = |other: Option<&Value>| other.is_some_and(|other| other.same(value, Fold::Exact));
    let rows = record.rows(at.reference.field.part).iter().map(|draft| pointer(holder, at.reference, draft));
    rows.filter(|(was, now)| is(*was) && !is(*now)).map(|_| 1).sum()
}
