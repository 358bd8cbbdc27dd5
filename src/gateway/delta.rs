//! Members added and removed without reading the list: one modify of the
//! entry, or one row in the link table, however large the group is (O-10: two
//! changes at once both survive).

use std::{collections::HashSet, sync::Arc};

use crate::{
    correlation::Row,
    gateway::{Context, Gateway, TypeId, error, identity::Known, write::root_of},
    mapping::{
        Settle, TypeMapping,
        diff::reopening,
        form::{AssignTarget, Eval, Need, SetOp, set},
        is_generated,
        lens::{Dangling, Lens, Reference, Rows, Write, face::Reads},
        no_place,
        record::Record,
        shape::{FieldRef, Part},
    },
    plan::Plan,
    scim::{
        Json,
        attribute::AttrPath,
        error::ScimError,
        filter::{CompareOp, Filter},
        patch::{self, Op, Operation, PatchRules},
        schema::Mutability,
    },
    store::{
        Cell, Change, Coverage, FieldId, Fold, Predicate, Select, Source, Step, StoreError, Target, Test,
        Value,
    },
};

/// Of how many members of one request the turns are taken.
const MOST_TURNS: usize = 100;

/// One member that comes or goes, by id.
struct Delta {
    add: bool,
    id: String,
}

impl Gateway {
    /// Carries out a PATCH that only adds and removes references, if this is one and the lens can.
    pub(super) async fn patch_members(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        operations: &[Operation],
        rules: &PatchRules,
    ) -> Result<Option<Arc<Row>>, ScimError> {
        let mapping = self.ty(ty)?;
        let Some((rows, reference)) = delta_lens(mapping, operations) else { return Ok(None) };
        let Some(deltas) = deltas(operations) else { return Ok(None) };
        patch::check_values(operations, &mapping.resource_type, rules)?;
        let layout = mapping.shape.part(rows.part);
        // The first value asks for an object class, and whether it is the first only the entry tells.
        let asks =
            |field: FieldId| mapping.shape.root().aux.iter().any(|(_, fields)| fields.contains(&field));
        if layout.values_of().is_some_and(asks) {
            return Ok(None);
        }
        let known = self.find(ty, id, &delta_reads(mapping, layout)).await?;
        let mut pointers = self.pointers(cx, ty, reference, &deltas).await?;
        let is_hidden = |(add, value): &(bool, Value)| {
            let held = layout.row_floor.as_ref().filter(|floor| *add && !floor.shown);
            held.is_some_and(|floor| {
                floor.cells.iter().any(|(f, v)| *f == reference.field.field && v.same(value, Fold::Exact))
            })
        };
        // What stands for an empty list is refused, which the list's own rules do.
        if pointers.iter().any(is_hidden) {
            return Ok(None);
        }
        match layout.values_of() {
            None => self.drop_settled(layout, reference, &known, &mut pointers).await?,
            Some(field) if self.is_settled(mapping, field, &known, &pointers).await? => {
                return Ok(Some(known.row));
            }
            Some(_) => {}
        }
        let mut steps: Vec<Step> = Vec::new();
        for (add, value) in &pointers {
            steps.extend(match layout.values_of() {
                Some(field) => entry_step(mapping, field, &known, *add, value.clone()),
                None => self.link_step(cx, mapping, rows, reference, &known, (*add, value)),
            });
        }
        let mut steps = merge(steps);
        if steps.is_empty() {
            return Ok(Some(known.row));
        }
        if pointers.iter().any(|(add, _)| !add) {
            steps.extend(mapping.floor_step(&known.record, rows.part, &self.answers(cx)));
        }
        let touch = self.touch_step(cx, mapping, &known);
        // Links are ours as long as the root is, and whoever makes one sees what others have made before.
        match mapping.stands(&known.record, root_of(mapping, &known)) {
            Some(stands) => steps.insert(0, touch.unwrap_or(stands)),
            None => steps.extend(touch),
        }
        let is_removal = pointers.iter().all(|(add, _)| !add);
        let plan = Plan::of(&mapping.resource_type.name, id, steps);
        match self.store.apply(plan.steps.clone()).await {
            Ok(_) => {}
            // The directory does not let the last value go: the placeholder must come in its stead.
            Err(StoreError::ConstraintViolated { .. }) if layout.floor.is_some() && is_removal => {
                let steps = self.with_floor(cx, mapping, layout, plan.steps);
                self.execute(ty, &Plan::of(&mapping.resource_type.name, id, steps)).await?;
            }
            // Somebody added the same member at the same moment: now it is found.
            Err(StoreError::AlreadyExists { .. }) => {
                self.execute(ty, &plan).await?;
            }
            Err(StoreError::PreconditionFailed) => return Err(super::identity::not_found()),
            Err(other) => return Err(error::writing(&other, &self.mapping, mapping)),
        }
        let mut row = (*known.row).clone();
        row.last_modified = crate::ops::clock::now();
        mapping.keep_name_of(&mut row);
        let row = self.correlation.update(row).await.map_err(|e| super::identity::failed(&e))?;
        row.map(Some).ok_or_else(super::identity::not_found)
    }

    /// The turns of those who come and go, so that none of them is renamed or deleted between the look at its name and the
    /// change of the list; none if there are many.
    pub(super) fn turns_of_members(&self, mapping: &TypeMapping, operations: &[Operation]) -> Vec<String> {
        let Some((_, reference)) = delta_lens(mapping, operations) else { return Vec::new() };
        let deltas = deltas(operations).filter(|deltas| deltas.len() <= MOST_TURNS).unwrap_or_default();
        let types = mapping.references.get(reference.target).map_or(&[][..], |target| &target.types);
        let turn =
            |delta: &Delta| types.iter().map(|(ty, _)| format!("{ty} id {}", delta.id)).collect::<Vec<_>>();
        deltas.iter().flat_map(turn).collect()
    }

    /// Leaves out links that are there already, or gone already: nothing is written for them.
    async fn drop_settled(
        &self,
        layout: &Part,
        reference: &Reference,
        known: &Known,
        pointers: &mut Vec<(bool, Value)>,
    ) -> Result<(), ScimError> {
        let Some(link) = link_of(layout, known) else { return Ok(()) };
        let field = reference.field.field;
        let values: Vec<Value> = pointers.iter().map(|(_, v)| v.clone()).collect();
        let select = Select {
            bag: layout.bag.clone(),
            predicate: link.and(Predicate::Field(field, Test::OneOf(values, Fold::Exact))),
            fields: vec![field],
            order: Vec::new(),
            offset: 0,
            limit: None,
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        let there: HashSet<String> = rows.iter().filter_map(|r| r.first(field).map(Value::to_text)).collect();
        pointers.retain(|(add, value)| *add != there.contains(&value.to_text()));
        Ok(())
    }

    /// True if all who come are in the entry's list already, and none who go are: a directory takes such
    /// a change for one and gives the entry another version (7644-3.5.2-k).
    async fn is_settled(
        &self,
        mapping: &TypeMapping,
        field: FieldId,
        known: &Known,
        pointers: &[(bool, Value)],
    ) -> Result<bool, ScimError> {
        let resource = || mapping.anchor_predicate(std::iter::once(known.row.anchor.as_str()));
        let values = |comes: bool| {
            let of = pointers.iter().filter(move |(add, _)| *add == comes);
            of.map(|(_, value)| Predicate::equals(field, value.clone()))
        };
        let come = values(true).fold(resource(), Predicate::and);
        let settled = values(false).fold(come.clone(), |all, there| all.and(Predicate::Not(Box::new(there))));
        let is_settled = if self.store.coverage(mapping.bag(), &settled) == Coverage::Exact {
            self.is_there(mapping, settled).await?
        } else {
            // What a search finds that the store cannot be asked for exactly says nothing of what is not there.
            let go = resource().and(Predicate::Any(values(false).collect()));
            let is_gone = pointers.iter().all(|(add, _)| *add) || !self.is_there(mapping, go).await?;
            is_gone && self.is_there(mapping, come).await?
        };
        // Looked at afterwards: somebody who got another name meanwhile may be there by that one.
        let is_moved = |value: &Value| self.moves.now(&value.to_text()).is_some();
        Ok(is_settled && !pointers.iter().any(|(_, value)| is_moved(value)))
    }

    /// True if a resource of the type meets the predicate.
    async fn is_there(&self, mapping: &TypeMapping, predicate: Predicate) -> Result<bool, ScimError> {
        let select = Select {
            bag: mapping.bag().clone(),
            predicate,
            fields: mapping.bag().key.clone(),
            order: Vec::new(),
            offset: 0,
            limit: Some(1),
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        Ok(!rows.is_empty())
    }

    /// A row of a link table that comes or goes. A new one gets its constants and defaults.
    fn link_step(
        &self,
        cx: &Context,
        mapping: &TypeMapping,
        rows: &Rows,
        reference: &Reference,
        known: &Known,
        (add, value): (bool, &Value),
    ) -> Option<Step> {
        let layout = mapping.shape.part(rows.part);
        let field = reference.field.field;
        let row = link_of(layout, known)?.and(Predicate::equals(field, value.clone()));
        let bag = layout.bag.clone();
        if !add && layout.close.is_empty() {
            return Some(Step::Delete { bag, target: Target::Rows(row), required: false });
        }
        let mut record = known.record.clone();
        let index = record.add_row(&mapping.shape, rows.part, 0, None);
        record.row_mut(rows.part, index)?.now.set(field, vec![value.clone()]);
        for (own, above) in &layout.on {
            let link = known.record.row(0, 0)?.now.all(*above).to_vec();
            record.row_mut(rows.part, index)?.now.set(*own, link);
        }
        let answers = self.answers(cx);
        let at = (rows.part, index);
        let defaults = mapping.settle.iter().filter(|s| s.part == rows.part).map(|s| &s.assign);
        let touches =
            || mapping.touch.iter().filter(|(part, _)| *part == rows.part).map(|(_, assign)| assign);
        if !add {
            let set: Vec<_> = layout.close.iter().chain(touches()).cloned().collect();
            let eval = Eval { shape: &mapping.shape, record: &record, at, answers: &answers };
            let cells = set::cells(&set, &eval).into_iter();
            let changes = cells.map(|(field, values)| Change::Set(field, Cell::Values(values))).collect();
            return Some(Step::Update { bag, target: Target::Rows(row), changes, required: false });
        }
        for assign in defaults.chain(touches()) {
            set::apply(std::slice::from_ref(assign), &mapping.shape, &mut record, at, &answers);
        }
        let now = &record.row(rows.part, index)?.now;
        let cells = now.cells.iter().enumerate().filter(|(_, v)| !v.is_empty());
        let cells = cells.map(|(f, v)| (f, Cell::Values(v.clone()))).collect();
        if !layout.revive.is_empty() {
            let eval = Eval { shape: &mapping.shape, record: &record, at, answers: &answers };
            return Some(reopening(layout, cells, &set::cells(&layout.revive, &eval), Vec::new()));
        }
        Some(Step::Find { bag, predicate: row, report: Vec::new(), add: Some(cells) })
    }

    /// The root's `touch`, since its list really changes.
    fn touch_step(&self, cx: &Context, mapping: &TypeMapping, known: &Known) -> Option<Step> {
        let mut record = known.record.clone();
        let answers = self.answers(cx);
        let touches: Vec<_> =
            mapping.touch.iter().filter(|(part, _)| *part == 0).map(|(_, a)| a.clone()).collect();
        set::apply(&touches, &mapping.shape, &mut record, (0, 0), &answers);
        let draft = record.row(0, 0)?;
        let was = draft.was.as_ref()?;
        let changed = draft.now.cells.iter().enumerate().filter(|(f, v)| was.all(*f) != v.as_slice());
        let changes: Vec<Change> = changed.map(|(f, v)| Change::Set(f, Cell::Values(v.clone()))).collect();
        let target = entry(mapping, known)?;
        let bag = mapping.bag().clone();
        (!changes.is_empty()).then_some(Step::Update { bag, target, changes, required: true })
    }

    fn with_floor(
        &self,
        cx: &Context,
        mapping: &TypeMapping,
        layout: &Part,
        mut steps: Vec<Step>,
    ) -> Vec<Step> {
        let answers = self.answers(cx);
        let record = Record::create(&mapping.shape);
        let eval = Eval { shape: &mapping.shape, record: &record, at: (0, 0), answers: &answers };
        let floor = layout.floor.as_ref().and_then(|f| f.one(&eval, &no_place()));
        if let (Some(field), Some(value), Some(Step::Update { changes, .. })) =
            (layout.values_of(), floor, steps.first_mut())
        {
            changes.push(Change::Add(field, vec![value]));
        }
        steps
    }

    /// The stored forms of the members' ids; an unknown one that goes is no error, one that comes is.
    async fn pointers(
        &self,
        cx: &Context,
        ty: TypeId,
        reference: &Reference,
        deltas: &[Delta],
    ) -> Result<Vec<(bool, Value)>, ScimError> {
        let need = |id: &str| Need::IdToBy { reference: reference.target, id: id.to_owned() };
        let mut answers = self.answers(cx);
        self.resolve(cx, ty, deltas.iter().map(|d| need(&d.id)).collect(), &mut answers).await?;
        let mut out = Vec::new();
        for delta in deltas {
            let found = answers.value(&need(&delta.id)).flatten().and_then(|v| reference.encode(v));
            match found {
                Some(value) => out.push((delta.add, value)),
                None if delta.add && answers.skip_unknown => {
                    tracing::info!("left out a member that does not exist");
                }
                None if delta.add => {
                    return Err(ScimError::invalid_value("`members` names a resource that does not exist."));
                }
                None => {}
            }
        }
        Ok(out)
    }
}

/// The lens of the one attribute that all operations are about, if it is a plain list of references.
fn delta_lens<'m>(mapping: &'m TypeMapping, operations: &[Operation]) -> Option<(&'m Rows, &'m Reference)> {
    let first = operations.first()?.path.as_ref()?;
    let rule = mapping.find_rule(first.attr.urn.as_deref(), &first.attr.name)?;
    let same = |op: &Operation| {
        op.path.as_ref().is_some_and(|p| {
            p.attr.name.eq_ignore_ascii_case(&first.attr.name) && p.attr.sub.is_none() && p.sub.is_none()
        })
    };
    let Lens::Rows(rows) = &rule.lens else { return None };
    let [value] = rows.each.as_slice() else { return None };
    let Lens::Reference(reference) = &value.lens else { return None };
    let layout = mapping.shape.part(rows.part);
    // Its own rules on what may come and go ask for the list.
    let resource_type = &mapping.resource_type;
    let attribute = resource_type.resolve(&AttrPath { sub: None, ..first.attr.clone() })?.attribute;
    let free = attribute.mutability == Mutability::ReadWrite && !attribute.required;
    let plain = free
        && mapping.logs.is_empty()
        && reference.endpoints.is_empty()
        && rows.common.write == Write::Yes
        && rows.common.also.is_empty()
        && reference.here.is_empty()
        && mapping
            .references
            .get(reference.target)
            .is_some_and(|t| t.there.is_empty() && t.dangling != Dangling::Reject)
        && reference.common.also.is_empty()
        && layout.parent == 0
        && layout.items().is_none()
        && reference.field.part == rows.part
        && !mapping.settle.iter().any(|s| s.part == rows.part && needs_more(mapping, s));
    (plain && operations.iter().all(same)).then_some((rows, reference))
}

/// True if a default cannot be computed from the root's key and the link alone.
fn needs_more(mapping: &TypeMapping, settle: &Settle) -> bool {
    let SetOp::To(values) = &settle.assign.op else { return true };
    let AssignTarget::Field(target) = &settle.assign.target else { return true };
    let known =
        |f: &&FieldRef| f.part == settle.part || (f.part == 0 && mapping.bag().key.contains(&f.field));
    settle.derived
        || target.part != settle.part
        || values.iter().any(|v| is_generated(v) || !v.fields().iter().all(known))
}

/// What is read of the resource: its key, the fields that links need, and what `touch` sets.
fn delta_reads(mapping: &TypeMapping, layout: &Part) -> Reads {
    let mut reads = Reads::default();
    reads.part(&mapping.shape, 0);
    let touched = mapping.touch.iter().filter(|(part, _)| *part == 0).filter_map(|(_, a)| match &a.target {
        AssignTarget::Field(field) if field.part == 0 => Some(field.field),
        _ => None,
    });
    let root = reads.parts.entry(0).or_default();
    root.extend(touched);
    root.extend(layout.on.iter().map(|(_, above)| *above));
    root.extend(mapping.find_root("dn"));
    reads
}

/// The predicate that means the rows which hang on this resource.
fn link_of(layout: &Part, known: &Known) -> Option<Predicate> {
    let root = &known.record.row(0, 0)?.now;
    let mut all = Predicate::True;
    for (own, above) in &layout.on {
        all = all.and(Predicate::equals(*own, root.first(*above)?.clone()));
    }
    Some(all)
}

/// The members that come and go; `None` if an operation says something else.
fn deltas(operations: &[Operation]) -> Option<Vec<Delta>> {
    let mut out: Vec<Delta> = Vec::new();
    let mut push = |add: bool, id: &str| {
        out.retain(|d| d.id != id);
        out.push(Delta { add, id: id.to_owned() });
    };
    for operation in operations {
        let filter = operation.path.as_ref().and_then(|p| p.filter.as_ref());
        match (operation.op, filter, &operation.value) {
            (Op::Add, None, Some(Json::Array(list))) => {
                for element in list {
                    push(true, element.get("value")?.as_str()?);
                }
            }
            (Op::Add, None, Some(Json::Object(element))) => push(true, element.get("value")?.as_str()?),
            (Op::Remove, None, Some(Json::Array(list))) => {
                for element in list {
                    push(false, element.get("value")?.as_str()?);
                }
            }
            (Op::Remove, Some(filter), None) => {
                for id in ids(filter)? {
                    push(false, id);
                }
            }
            _ => return None,
        }
    }
    Some(out)
}

/// The ids of `value eq "…"`, alone or joined by `or`.
fn ids(filter: &Filter) -> Option<Vec<&str>> {
    match filter {
        Filter::Compare(path, CompareOp::Eq, Json::String(id)) if path.is("value", None) => Some(vec![id]),
        Filter::Or(list) => list.iter().map(ids).collect::<Option<Vec<_>>>().map(|l| l.concat()),
        _ => None,
    }
}

/// A value of an entry's list that comes or goes.
fn entry_step(mapping: &TypeMapping, field: FieldId, known: &Known, add: bool, value: Value) -> Option<Step> {
    let change = if add { Change::Add(field, vec![value]) } else { Change::Remove(field, vec![value]) };
    let target = entry(mapping, known)?;
    Some(Step::Update { bag: mapping.bag().clone(), target, changes: vec![change], required: true })
}

fn entry(mapping: &TypeMapping, known: &Known) -> Option<Target> {
    let root = &known.record.row(0, 0)?.now;
    let key = mapping.bag().key.first()?;
    Some(match (&mapping.bag().source, mapping.find_root("dn")) {
        (Source::Entries { .. }, Some(dn)) => {
            Target::Entry { dn: root.first(dn)?.to_text(), anchor: root.first(*key)?.clone() }
        }
        _ => Target::Rows(mapping.anchor_predicate(std::iter::once(known.row.anchor.as_str()))),
    })
}

/// Changes of one entry become one modify.
fn merge(steps: Vec<Step>) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::new();
    for step in steps {
        match (out.last_mut(), step) {
            (Some(Step::Update { changes: all, target: one, .. }), Step::Update { changes, target, .. })
                if *one == target =>
            {
                changes.into_iter().for_each(|c| join(all, c))
            }
            (_, step) => out.push(step),
        }
    }
    out
}

fn join(all: &mut Vec<Change>, change: Change) {
    match (&change, all.iter_mut().find(|c| std::mem::discriminant(*c) == std::mem::discriminant(&change))) {
        (Change::Add(field, new), Some(Change::Add(f, values))) if f == field => {
            values.extend(new.iter().cloned())
        }
        (Change::Remove(field, new), Some(Change::Remove(f, values))) if f == field => {
            values.extend(new.iter().cloned());
        }
        _ => all.push(change),
    }
}
