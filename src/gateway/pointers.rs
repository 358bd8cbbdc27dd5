//! Lenses of other types that point at a resource, and what becomes of what they hold when it is renamed or goes.

use crate::{
    gateway::{Context, Gateway, TypeId, identity::Known, resolve::field_predicate},
    mapping::{
        TypeMapping,
        diff::repointing,
        form::{Answers, set},
        lens::{RefTarget, Reference, face::Reads},
        record::{Draft, Record},
        shape::FieldRef,
        write::Written,
    },
    plan::Plan,
    scim::{Object, error::ScimError},
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
