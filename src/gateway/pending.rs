//! A new name in a directory, step by step: whoever names the resource must follow, and there are no transactions.
//!
//! 1. Our own database notes the old names and the new ones (`@was`).
//! 2. Lists that name the resource by a value (a login) get the new value, beside the old one.
//! 3. The entry gets its name.
//! 4. The lists lose the old value. Single values, and references by DN, follow now: a DN must not be written before
//!    there is such an entry, and servers with referential integrity have done so by themselves.
//! 5. The note goes.
//!
//! Entries beside the resource's own hang on it by its name, too, and are found again by the note.
//!
//! Steps 2 to 4 are one plan, but for references by DN. Wherever a request is cut short, the lists name the resource as
//! before, and the note tells the next write of the resource, such as the same request again, which names are left over.

use serde_json::json;

use crate::{
    gateway::{
        Context, Gateway, TypeId, error,
        identity::{Known, failed, not_found, side, unside},
        pointers::{Pointer, Relink, is_copied, pointed_value},
    },
    mapping::{
        TypeMapping,
        form::set,
        lens::face::Reads,
        record::Record,
        shape::{FieldRef, Part, Use},
    },
    plan::Plan,
    scim::{Json, Object, error::ScimError},
    store::{Cell, Change, Predicate, Select, Step, Target, Value},
};

/// Where the names lie among what our own database keeps of a resource. No attribute is called so.
const PLACE: &str = "@was";

/// A name that a resource has or had: the field that holds it, and the value.
type Name = (FieldRef, String);

impl Gateway {
    /// The steps by which lists follow a new value: those before it, and those behind it.
    pub(super) async fn following(
        &self,
        cx: &Context,
        ty: TypeId,
        was: &Record,
        now: &Record,
    ) -> Result<(Vec<Step>, Vec<Step>), ScimError> {
        let mapping = self.ty(ty)?;
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for pointer in self.pointers_at(ty) {
            let holder = self.ty(pointer.holder)?;
            if names_dn(mapping, &pointer) || !holder.is_ldap() {
                continue;
            }
            let values = (pointed_value(mapping, was, &pointer), pointed_value(mapping, now, &pointer));
            let (Some(old), Some(new)) = values else { continue };
            if old == new {
                continue;
            }
            let layout = holder.shape.part(pointer.reference.field.part);
            // Two spellings of one value cannot stand beside each other.
            if layout.values_of().is_some() && spelling(&old) != spelling(&new) {
                first.extend(self.relink(cx, &pointer, &old, Relink::Beside(&new)).await?);
                // What is made of the list is written as a whole, so the new value is said once more.
                let is_copied = is_copied(holder, &pointer.reference.field);
                let away = if is_copied { Relink::To(&new) } else { Relink::Away };
                last.extend(self.relink(cx, &pointer, &old, away).await?);
            } else {
                last.extend(self.relink(cx, &pointer, &old, Relink::To(&new)).await?);
            }
        }
        Ok((first, last))
    }

    /// Notes the old and the new names of a resource, before it is renamed; what it held before that is noted still, too.
    /// True if there was anything to note.
    pub(super) async fn note_names(
        &self,
        ty: TypeId,
        known: &Known,
        now: &Record,
        plan: &Plan,
    ) -> Result<bool, ScimError> {
        let mapping = self.ty(ty)?;
        if !mapping.is_ldap() || self.correlation.is_rehearsal() {
            return Ok(false);
        }
        let mut kept = side(&known.row);
        let mut names = noted(mapping, &kept);
        let count = names.len();
        for pointer in self.pointers_at(ty) {
            if !self.ty(pointer.holder)?.is_ldap() {
                continue;
            }
            let (before, after) = (name(mapping, &known.record, &pointer), name(mapping, now, &pointer));
            let after = if names_dn(mapping, &pointer) { plan.dn.clone() } else { after };
            let (Some(before), Some(after)) = (before, after) else { continue };
            if before == after {
                continue;
            }
            add(&mut names, &pointer.by, [before, after]);
        }
        let hangs = links(mapping).into_iter().map(|(_, above)| above);
        for above in hangs.chain(plan.dn.iter().flat_map(|_| sources(mapping))) {
            let value = |record: &Record| match record.values(&mapping.shape, (0, 0), &above) {
                [value] => Some(value.to_text()),
                _ => None,
            };
            let is_dn = Some(above.field) == mapping.find_root("dn");
            let after = if is_dn { plan.dn.clone() } else { value(now) };
            let (Some(before), Some(after)) = (value(&known.record), after) else { continue };
            if before != after {
                add(&mut names, &above, [before, after]);
            }
        }
        if names.len() == count {
            return Ok(false);
        }
        write(mapping, &mut kept, &names);
        let mut row = (*known.row).clone();
        (row.external_id, row.sidecar) = unside(kept);
        let row = self.correlation.update(row).await.map_err(|e| failed(&e))?;
        row.map(|_| true).ok_or_else(not_found)
    }

    /// Takes the note of a renaming back that the store has refused: the new names are those of others.
    pub(super) async fn forget_names(&self, known: &Known) -> Result<(), ScimError> {
        let row = self.correlation.update((*known.row).clone()).await.map_err(|e| failed(&e))?;
        row.map(drop).ok_or_else(not_found)
    }

    /// Whoever names the resource by a name that is noted, and that nobody else has, names it by the one it has now.
    pub(super) async fn mend_names(
        &self,
        cx: &Context,
        ty: TypeId,
        known: &Known,
        now: &Record,
        dn: Option<&str>,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        for (by, text) in noted(mapping, &side(&known.row)) {
            for pointer in self.pointers_at(ty).into_iter().filter(|pointer| pointer.by == by) {
                let current = match dn.filter(|_| names_dn(mapping, &pointer)) {
                    Some(dn) => Some(Value::Text(dn.to_owned())),
                    None => pointed_value(mapping, now, &pointer),
                };
                let old = pointer.reference.encode(Value::Text(text.clone()));
                let (Some(old), Some(new)) = (old, current) else { continue };
                if spelling(&old) == spelling(&new) || self.is_of_another(ty, known, (&by, &text)).await? {
                    continue;
                }
                let steps = self.relink(cx, &pointer, &old, Relink::To(&new)).await?;
                if !steps.is_empty() {
                    let name = &self.ty(pointer.holder)?.resource_type.name;
                    self.execute(pointer.holder, &Plan::of(name, &known.row.id, steps)).await?;
                }
            }
        }
        Ok(())
    }

    /// A resource whose renaming was cut short, when what lies in its own entries is as it would have become.
    pub(super) async fn mended(
        &self,
        cx: &Context,
        ty: TypeId,
        known: Known,
        reads: &Reads,
    ) -> Result<Known, ScimError> {
        if is_settled(&known) || self.correlation.is_rehearsal() {
            return Ok(known);
        }
        let known = match self.mend_links(ty, &known).await? {
            true => self.find(ty, &known.row.id, reads).await?,
            false => known,
        };
        let plan = self.derived_anew(cx, ty, &known).await?;
        if plan.steps.is_empty() {
            return Ok(known);
        }
        self.execute(ty, &plan).await?;
        self.find(ty, &known.row.id, reads).await
    }

    /// What is made of names that changed, and was not made any more.
    async fn derived_anew(&self, cx: &Context, ty: TypeId, known: &Known) -> Result<Plan, ScimError> {
        let mapping = self.ty(ty)?;
        let mut before = known.record.clone();
        for (by, text) in noted(mapping, &side(&known.row)).into_iter().filter(|(by, _)| by.part == 0) {
            let held = known.record.values(&mapping.shape, (0, 0), &by);
            if let Some(root) = before.row_mut(0, 0)
                && held.first().is_none_or(|value| value.to_text() != text)
            {
                root.now.set(by.field, vec![Value::Text(text)]);
            }
        }
        self.amend_record(cx, ty, &before, &|record, _| {
            record.clone_from(&known.record);
            Ok(())
        })
        .await
    }

    /// Entries beside the resource's own that hang on it by a name that is noted hang on it by the one it has now. True if
    /// there were any.
    async fn mend_links(&self, ty: TypeId, known: &Known) -> Result<bool, ScimError> {
        let mapping = self.ty(ty)?;
        let mut steps = Vec::new();
        let noted = noted(mapping, &side(&known.row));
        for (link, above) in links(mapping) {
            let Some(now) = known.record.values(&mapping.shape, (0, 0), &above).first().cloned() else {
                continue;
            };
            for (_, text) in noted.iter().filter(|(by, _)| *by == above) {
                let old = Value::Text(text.clone());
                if spelling(&old) == spelling(&now) || self.is_of_another(ty, known, (&above, text)).await? {
                    continue;
                }
                let bag = &mapping.shape.part(link.part).bag;
                let (Some(dn), Some(key)) = (bag.find_field("dn"), bag.key.first().copied()) else {
                    continue;
                };
                let select = Select {
                    bag: bag.clone(),
                    predicate: Predicate::equals(link.field, old),
                    fields: vec![dn, key],
                    order: Vec::new(),
                    offset: 0,
                    limit: None,
                };
                for row in self.store.select(select).await.map_err(|e| error::reading(&e))? {
                    let (Some(dn), Some(key)) = (row.first(dn), row.first(key)) else { continue };
                    let target = Target::Entry { dn: dn.to_text(), anchor: key.clone() };
                    let changes = vec![Change::Set(link.field, Cell::Values(vec![now.clone()]))];
                    steps.push(Step::Update { bag: bag.clone(), target, changes, required: false });
                }
            }
        }
        if steps.is_empty() {
            return Ok(false);
        }
        self.execute(ty, &Plan::of(&mapping.resource_type.name, &known.row.id, steps)).await?;
        Ok(true)
    }

    /// Values by which others may still point at a resource, besides the one that it has.
    pub(super) async fn old_pointers(
        &self,
        ty: TypeId,
        known: &Known,
        pointer: &Pointer<'_>,
    ) -> Result<Vec<Value>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut values = Vec::new();
        for (by, text) in noted(mapping, &side(&known.row)) {
            let is_its = pointer.by == by && name(mapping, &known.record, pointer).as_ref() != Some(&text);
            if is_its && !self.is_of_another(ty, known, (&by, &text)).await? {
                values.extend(pointer.reference.encode(Value::Text(text)));
            }
        }
        Ok(values)
    }

    async fn is_of_another(
        &self,
        ty: TypeId,
        known: &Known,
        (by, text): (&FieldRef, &str),
    ) -> Result<bool, ScimError> {
        let found = self.find_by_field(ty, by, &[text.to_owned()]).await?;
        Ok(found.iter().any(|(_, pointed)| pointed.id != known.row.id))
    }
}

/// True if nothing is left to mend, whatever a request changes.
pub(super) fn is_settled(known: &Known) -> bool {
    !side(&known.row).contains_key(PLACE)
}

/// The note goes.
pub(super) fn forget(side: &mut Object) {
    side.remove(PLACE);
}

/// The fields by which entries beside the resource's own hang on it, and those that they repeat.
fn links(mapping: &TypeMapping) -> Vec<(FieldRef, FieldRef)> {
    let is_own = |p: &(usize, &Part)| p.1.usage == Use::Own && p.1.parent == 0 && p.1.opened.is_none();
    let parts = mapping.shape.parts.iter().enumerate().skip(1).filter(is_own).collect::<Vec<_>>();
    let at = |part, field| FieldRef { part, field, slot: None };
    parts
        .into_iter()
        .flat_map(|(id, part)| part.on.iter().map(move |(own, above)| (at(id, *own), at(0, *above))))
        .collect()
}

/// The fields of the resource's own entry that other fields are made of.
fn sources(mapping: &TypeMapping) -> Vec<FieldRef> {
    let derived = mapping.settle.iter().filter(|settle| settle.derived);
    let sources = derived.flat_map(|settle| set::sources(std::slice::from_ref(&settle.assign)));
    sources.filter(|at| at.part == 0).cloned().collect()
}

fn add(names: &mut Vec<Name>, by: &FieldRef, texts: [String; 2]) {
    for text in texts {
        let name = (by.clone(), text);
        if !names.contains(&name) {
            names.push(name);
        }
    }
}

/// True if the pointer is a DN.
fn names_dn(mapping: &TypeMapping, pointer: &Pointer<'_>) -> bool {
    pointer.by.part == 0 && Some(pointer.by.field) == mapping.find_root("dn")
}

fn name(mapping: &TypeMapping, record: &Record, pointer: &Pointer<'_>) -> Option<String> {
    record.values(&mapping.shape, (0, 0), &pointer.by).first().map(Value::to_text)
}

/// The form that directories take for the same value at least: without case, and with single blanks.
fn spelling(value: &Value) -> String {
    let text = value.to_text().to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A field as the note calls it.
fn label(mapping: &TypeMapping, by: &FieldRef) -> String {
    let part = mapping.shape.part(by.part);
    match by.part {
        0 => part.bag.field_name(by.field).to_owned(),
        _ => format!("{}.{}", part.name, part.bag.field_name(by.field)),
    }
}

/// The names that are noted, of fields that the mapping has.
fn noted(mapping: &TypeMapping, side: &Object) -> Vec<Name> {
    let Some(note) = side.get(PLACE).and_then(Json::as_object) else { return Vec::new() };
    let mut names = Vec::new();
    for (label, texts) in note {
        let by = match label.rsplit_once('.') {
            None => mapping.find_root(label).map(|field| FieldRef { part: 0, field, slot: None }),
            Some((part, field)) => mapping.shape.parts.iter().position(|p| p.name == part).and_then(|id| {
                let field = mapping.shape.part(id).bag.find_field(field)?;
                Some(FieldRef { part: id, field, slot: None })
            }),
        };
        let texts = texts.as_array().into_iter().flatten().filter_map(Json::as_str);
        names.extend(by.into_iter().flat_map(|by| texts.clone().map(move |t| (by.clone(), t.to_owned()))));
    }
    names
}

fn write(mapping: &TypeMapping, side: &mut Object, names: &[Name]) {
    let mut note = Object::new();
    for (by, text) in names {
        let texts = note.entry(label(mapping, by)).or_insert_with(|| json!([]));
        if let Some(texts) = texts.as_array_mut() {
            texts.push(json!(text));
        }
    }
    side.insert(PLACE.to_owned(), Json::Object(note));
}
