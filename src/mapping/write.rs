//! From the wanted resource to the changed record: lenses first, then defaults
//! (`initial`), then what follows from other fields (`derived`), then `touch`.
//!
//! Only attributes that differ are written, so what already reads as wanted,
//! and what is not ours, stays as it is.

mod aux;
mod chosen;
mod dangling;

use std::collections::BTreeMap;

use crate::{
    mapping::{
        Settle, TypeMapping,
        form::{Answers, AssignTarget, Eval, SetOp, Template, set},
        lens::{
            Common, Lens, Rows, Rule, Scalar, Source,
            face::{Aside, side_value},
            scalar, tree,
            writer::Writer,
        },
        log::{Event, LogRow},
        record::Record,
        shape::{FieldRef, Part, PartId, Use},
    },
    scim::{Json, Object, error::ScimError},
    store::{Channel, Fold, Secret, Value},
};

/// What a write makes of a resource.
#[derive(Debug, Clone)]
pub struct Written {
    /// The rows as they shall become.
    pub record: Record,
    /// What our own database shall keep.
    pub side: Object,
    /// A new password that goes by a channel of its own.
    pub password: Option<(Secret, Channel)>,
    /// References that were set, and the targets' ids, where that asks for something at the target.
    pub there: Vec<(usize, String)>,
    /// What history tables are told.
    pub logs: Vec<LogRow>,
}

impl TypeMapping {
    /// Reads the whole resource from a record: every mapped attribute, without `id` and `meta`'s
    /// own parts. `wants` tells which attributes are needed.
    #[must_use]
    pub fn read(
        &self,
        record: &Record,
        side: &Object,
        answers: &Answers,
        wants: &dyn Fn(&Rule) -> bool,
    ) -> Object {
        let eval = Eval { shape: &self.shape, record, at: (0, 0), answers };
        let mut out = Object::new();
        for rule in self.rules.iter().filter(|r| wants(r)) {
            let Some(json) = rule.get(self, &eval, side) else { continue };
            put_value(&mut out, rule.urn.as_deref(), &rule.attribute, Some(json));
        }
        out
    }

    /// Changes `base` (a new or a stored record) so that it reads as `wanted`. `current` is what it
    /// reads as now.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if a value has no form in the store.
    pub fn write(
        &self,
        base: &Record,
        side: &Object,
        current: &Object,
        wanted: &Object,
        answers: &Answers,
    ) -> Result<Written, ScimError> {
        let is_new = base.row(0, 0).is_some_and(|d| d.was.is_none());
        let mut w = Writer {
            ty: self,
            record: base.clone(),
            side: side.clone(),
            password: None,
            there: Vec::new(),
            parents: BTreeMap::new(),
            answers,
        };
        if is_new {
            for (part, _) in
                self.shape.parts.iter().enumerate().filter(|(_, p)| p.always && p.usage == Use::Own)
            {
                if !self.shape.is_always(part) {
                    continue;
                }
                w.record.ensure_row(&self.shape, (0, 0), part, None);
            }
        }
        let mut empty = Vec::new();
        for rule in self.in_turn() {
            let (now, new) = (
                side_value(current, rule.urn.as_deref(), &rule.attribute),
                side_value(wanted, rule.urn.as_deref(), &rule.attribute),
            );
            // What a condition shows may follow from what was written before.
            if now == new && !is_new && !rule.lens.is_conditional() {
                continue;
            }
            if !is_new || new.is_some() || matches!(rule.lens.bare(), Lens::Rows(_)) {
                rule.lens.put(&mut w, (0, 0), &rule_path(rule), new)?;
            }
            if !is_new {
                self.choose_again(&mut w, &rule.lens, new);
            }
            if is_new {
                self.default(&mut w, &rule.lens, new);
                if let (Lens::Password(password), None) = (rule.lens.bare(), new)
                    && rule.lens.applies(&w.eval((0, 0)))
                {
                    password.invent(&mut w, &rule_path(rule))?;
                }
                empty.extend(absent(&rule.lens, new, &w.eval((0, 0))));
                if new.is_none() && !matches!(rule.lens.bare(), Lens::Rows(_)) {
                    continue;
                }
            }
            let aside = Aside {
                ty: self,
                eval: w.eval((0, 0)),
                now,
                new,
                kept: side_value(side, rule.urn.as_deref(), &rule.attribute),
            };
            let kept = rule.lens.kept_aside(&aside);
            put_value(&mut w.side, rule.urn.as_deref(), &rule.attribute, kept);
        }
        self.name_entries(&mut w)?;
        self.derive(&mut w, base)?;
        tree::grow(&mut w, base)?;
        self.clear(&mut w, empty);
        self.name_items(&mut w)?;
        w.record.pack(&self.shape)?;
        w.record.take_classes(&self.shape);
        keys_upward(self, &mut w);
        touch(self, &mut w);
        endings(self, &mut w);
        w.record.pack(&self.shape)?;
        self.refuse_dangling(&w.record, answers)?;
        let event = if is_new { Event::Create } else { Event::Update };
        let logs = self.logged(base, &w.record, event, answers);
        Ok(Written { record: w.record, side: w.side, password: w.password, there: w.there, logs })
    }

    /// A record that SETs have changed, with what follows from that: what new rows get, what is derived,
    /// rows that end are closed, and what changes is touched. `base` is the record as it was.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if a document cannot hold its new content.
    pub fn amended(&self, base: &Record, record: Record, answers: &Answers) -> Result<Record, ScimError> {
        let side = Object::new();
        let (there, parents) = (Vec::new(), BTreeMap::new());
        let mut w = Writer { ty: self, record, side, password: None, there, parents, answers };
        self.derive(&mut w, base)?;
        w.record.pack(&self.shape)?;
        w.record.take_classes(&self.shape);
        keys_upward(self, &mut w);
        touch(self, &mut w);
        endings(self, &mut w);
        w.record.pack(&self.shape)?;
        Ok(w.record)
    }

    /// What rows are there by themselves, and what is made of fields as they are now.
    fn derive(&self, w: &mut Writer<'_>, base: &Record) -> Result<(), ScimError> {
        always_below(self, w);
        w.record.fold_values(&self.shape);
        self.view_values(w)?;
        settle(self, w, base);
        Ok(())
    }

    /// What is derived of watched values follows from the values as they shall be.
    fn view_values(&self, w: &mut Writer<'_>) -> Result<(), ScimError> {
        if self.shape.parts.iter().any(Part::is_view) {
            w.record.pack(&self.shape)?;
            w.record.view(&self.shape);
        }
        Ok(())
    }

    /// The rules, those with conditions and states last: what they test, and what a looked-up row tells
    /// them, is chosen before.
    fn in_turn(&self) -> Vec<&Rule> {
        let mut rules: Vec<&Rule> = self.rules.iter().collect();
        rules.sort_by_key(|rule| rule.lens.is_conditional() || rule.lens.is_state());
        rules
    }

    /// A resource to replace another with, and the elements of that one which stay without being named.
    #[must_use]
    pub fn with_unmatched(&self, current: &Object, mut wanted: Object) -> Object {
        for rule in &self.rules {
            let Lens::Rows(rows) = rule.lens.bare() else { continue };
            let now = side_value(current, rule.urn.as_deref(), &rule.attribute).and_then(Json::as_array);
            let (true, Some(now)) = (rows.keeps_unmatched, now) else { continue };
            let new = side_value(&wanted, rule.urn.as_deref(), &rule.attribute).and_then(Json::as_array);
            let mut all = new.cloned().unwrap_or_default();
            let by = |e: &Json| if rows.simple { Some(e.clone()) } else { e.get(&rows.by).cloned() };
            let named: Vec<Option<Json>> = all.iter().map(by).collect();
            all.extend(now.iter().filter(|e| !named.contains(&by(e))).cloned());
            put_value(&mut wanted, rule.urn.as_deref(), &rule.attribute, Some(Json::Array(all)));
        }
        wanted
    }

    /// What a new row stores for an attribute that the client does not give: the lens's `initial`.
    fn default(&self, w: &mut Writer<'_>, lens: &Lens, given: Option<&Json>) {
        if let (Lens::Rows(rows), None) = (lens.bare(), given)
            && lens.applies(&w.eval((0, 0)))
        {
            self.initial_rows(w, rows);
        }
        if let (Lens::Scalar(Scalar { source: Source::State { on_true, on_false, .. }, common, .. }), None) =
            (lens.bare(), given)
            && let [Template::Literal(Value::Bool(truth))] = common.initial.as_slice()
            && lens.applies(&w.eval((0, 0)))
        {
            let assigns = if *truth { on_true } else { on_false };
            set::apply(assigns, &self.shape, &mut w.record, (0, 0), w.answers);
        }
        for (common, _, field) in absent(lens, given, &w.eval((0, 0))) {
            let eval = w.eval((0, 0));
            let values: Vec<Value> =
                common.initial.iter().flat_map(|t| t.many(&eval, field, false)).collect();
            if !values.is_empty() {
                w.assign((0, 0), field, values);
            }
        }
    }

    /// The rows of a list that a client does not give: one for each `initial` value of what the elements are
    /// told apart by.
    fn initial_rows(&self, w: &mut Writer<'_>, rows: &Rows) {
        let field = rows.each.iter().find(|sub| sub.name == rows.by).and_then(|sub| match &sub.lens {
            Lens::Reference(reference) => Some(reference.field.clone()),
            Lens::Scalar(Scalar { source: Source::Field { field, .. }, .. }) => Some(field.clone()),
            _ => None,
        });
        let Some(field) = field.filter(|f| f.part == rows.part) else { return };
        let eval = w.eval((0, 0));
        let values: Vec<Value> =
            rows.common.initial.iter().flat_map(|t| t.many(&eval, &field, false)).collect();
        for value in values {
            let above = w.record.ensure_parent(&self.shape, (0, 0), rows.part);
            let row = w.record.add_row(&self.shape, rows.part, above, None);
            w.assign((rows.part, row), &field, vec![value]);
        }
    }

    /// What neither a client nor the mapping fills in a new row gets the mapping's form of nothing.
    fn clear(&self, w: &mut Writer<'_>, empty: Vec<Absent<'_>>) {
        for (_, nothing, field) in empty {
            if w.record.values(&self.shape, (0, 0), field).is_empty() {
                let values = scalar::cleared(nothing, &w.eval((0, 0)));
                if !values.is_empty() {
                    w.assign((0, 0), field, values);
                }
            }
        }
    }
}

/// A lens's common keys, its forms of nothing and its field.
type Absent<'l> = (&'l Common, &'l [Template], &'l FieldRef);

/// The field lenses whose attribute or sub-attribute is not given.
fn absent<'l>(lens: &'l Lens, given: Option<&Json>, eval: &Eval<'_>) -> Vec<Absent<'l>> {
    match lens {
        Lens::Scalar(s) if given.is_none() => match &s.source {
            Source::Field { field, nothing, .. } => vec![(&s.common, nothing, field)],
            _ => Vec::new(),
        },
        Lens::Reference(r) if given.is_none() => vec![(&r.common, &[], &r.field)],
        Lens::Complex(subs) => {
            subs.iter().flat_map(|s| absent(&s.lens, given.and_then(|g| g.get(&s.name)), eval)).collect()
        }
        Lens::Slots(slots) if given.is_none() => {
            slots.slots.iter().flat_map(|(_, subs)| subs).flat_map(|s| absent(&s.lens, None, eval)).collect()
        }
        Lens::First(list) => {
            let first = list.iter().find(|l| l.is_writable() && l.applies(eval));
            first.map(|l| absent(l, given, eval)).unwrap_or_default()
        }
        Lens::Guarded(guarded) if guarded.applies(eval) => absent(&guarded.lens, given, eval),
        _ => Vec::new(),
    }
}

fn rule_path(rule: &Rule) -> String {
    match &rule.urn {
        None => rule.attribute.clone(),
        Some(urn) => format!("{urn}:{}", rule.attribute),
    }
}

/// Sets or removes an attribute of a resource, under its extension if it has one.
pub fn put_value(object: &mut Object, urn: Option<&str>, attribute: &str, value: Option<Json>) {
    match (urn, value) {
        (None, Some(value)) => {
            object.insert(attribute.to_owned(), value);
        }
        (None, None) => {
            object.remove(attribute);
        }
        (Some(urn), Some(value)) => {
            let extension = object.entry(urn).or_insert_with(|| Json::Object(Object::new()));
            if let Some(extension) = extension.as_object_mut() {
                extension.insert(attribute.to_owned(), value);
            }
        }
        (Some(urn), None) => {
            let Some(extension) = object.get_mut(urn).and_then(Json::as_object_mut) else { return };
            extension.remove(attribute);
            if extension.is_empty() {
                object.remove(urn);
            }
        }
    }
}

/// New rows get those rows below them that are always there.
fn always_below(ty: &TypeMapping, w: &mut Writer<'_>) {
    for (part, layout) in ty.shape.parts.iter().enumerate().skip(1) {
        if !layout.always || layout.usage != Use::Own {
            continue;
        }
        for parent in 0..w.record.rows(layout.parent).len() {
            let above = w.record.row(layout.parent, parent);
            let is_new =
                above.is_some_and(|d| d.was.is_none() && !d.removed && ty.shape.hangs_on(part, &d.now));
            let is_there = w.record.rows(part).iter().any(|d| d.parent == parent && !d.removed);
            if is_new && !is_there {
                w.record.add_row(&ty.shape, part, parent, None);
            }
        }
    }
}

fn settle(ty: &TypeMapping, w: &mut Writer<'_>, base: &Record) {
    // Rows that are found are never changed.
    let is_ours = |part: PartId| matches!(ty.shape.part(part).usage, Use::Own | Use::FindOrAdd);
    for entry in ty.settle.iter().filter(|entry| is_ours(entry.part)) {
        for row in 0..w.record.rows(entry.part).len() {
            let at = (entry.part, row);
            let Some(draft) = w.record.row(at.0, at.1) else { continue };
            if draft.removed {
                continue;
            }
            let is_new = draft.was.is_none();
            match entry.derived {
                false if is_new || is_emptied(ty, w, entry, at) => settle_initial(ty, w, entry, at),
                false => {}
                true => settle_derived(ty, w, entry, at, base),
            }
        }
    }
}

/// True if a client has emptied the field in a row of a list. Whether an element that is given anew gets
/// a new row or one that is there is no concern of clients: the defaults are the same.
fn is_emptied(ty: &TypeMapping, w: &Writer<'_>, entry: &Settle, (part, row): (PartId, usize)) -> bool {
    let AssignTarget::Field(target) = &entry.assign.target else { return false };
    let Some(draft) = w.record.row(part, row) else { return false };
    let had_value = draft.was.as_ref().is_some_and(|was| !was.all(target.field).is_empty());
    ty.shape.part(part).many && target.part == part && had_value && draft.now.all(target.field).is_empty()
}

fn settle_initial(ty: &TypeMapping, w: &mut Writer<'_>, entry: &Settle, at: (PartId, usize)) {
    if let AssignTarget::Field(field) = &entry.assign.target
        && !w.record.values(&ty.shape, at, field).is_empty()
    {
        return;
    }
    set::apply(std::slice::from_ref(&entry.assign), &ty.shape, &mut w.record, at, w.answers);
}

/// Keeps a derived field in step. In a multi-valued field only the value it made before is replaced.
fn settle_derived(ty: &TypeMapping, w: &mut Writer<'_>, entry: &Settle, at: (PartId, usize), base: &Record) {
    let AssignTarget::Field(field) = &entry.assign.target else {
        return set::apply(std::slice::from_ref(&entry.assign), &ty.shape, &mut w.record, at, w.answers);
    };
    let is_new = w.record.row(at.0, at.1).is_none_or(|d| d.was.is_none());
    if let SetOp::To(list) = &entry.assign.op
        && let [Template::Unique { separator, text }] = list.as_slice()
        && let Some(stem) = crate::mapping::form::template::compose(text, &w.eval(at), field, 0)
        && fits(w.record.values(&ty.shape, at, field), &stem.to_text(), separator)
    {
        return;
    }
    let before = if is_new || base.row(at.0, at.1).is_none() {
        Vec::new()
    } else {
        let eval = Eval { shape: &ty.shape, record: base, at, answers: w.answers };
        set::assigned(&entry.assign.op, &eval, field)
    };
    let after = set::assigned(&entry.assign.op, &w.eval(at), field);
    if !is_new && same(&before, &after) {
        return;
    }
    let now = w.record.values(&ty.shape, at, field);
    // Further values of a multi-valued attribute are not ours; a single foreign value is replaced, unless what
    // it is made of has several values as well.
    let ours = now.iter().any(|v| contains(&before, v));
    let others = now
        .iter()
        .filter(|v| (ours || entry.spread || now.len() > 1) && !contains(&before, v) && !contains(&after, v));
    let values: Vec<Value> = after.iter().chain(others).cloned().collect();
    w.assign(at, field, values);
}

/// True if a value is the text, or the text with a number behind it.
fn fits(values: &[Value], stem: &str, separator: &str) -> bool {
    values.first().is_some_and(|v| {
        let text = v.to_text();
        text == stem
            || text
                .strip_prefix(stem)
                .and_then(|rest| rest.strip_prefix(separator))
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn touch(ty: &TypeMapping, w: &mut Writer<'_>) {
    let mut done: Vec<(PartId, usize)> = Vec::new();
    let is_ours = |part: PartId| matches!(ty.shape.part(part).usage, Use::Own | Use::FindOrAdd);
    for (part, assign) in ty.touch.iter().filter(|(part, _)| is_ours(*part)) {
        for row in 0..w.record.rows(*part).len() {
            let at = (*part, row);
            let changed = match part {
                0 => w.record.is_changed(),
                _ => w.record.row(*part, row).is_some_and(|d| !d.removed && d.was.as_ref() != Some(&d.now)),
            };
            if changed || done.contains(&at) {
                done.push(at);
                set::apply(std::slice::from_ref(assign), &ty.shape, &mut w.record, at, w.answers);
            }
        }
    }
}

/// Keys that new rows have named flow into the rows that point at them.
fn keys_upward(ty: &TypeMapping, w: &mut Writer<'_>) {
    let upward = ty.shape.parts.iter().enumerate().rev().filter(|(_, p)| p.upward);
    for (part, layout) in upward {
        for row in 0..w.record.rows(part).len() {
            let Some(draft) = w.record.row(part, row).filter(|d| !d.removed && d.was.is_none()) else {
                continue;
            };
            let parent = draft.parent;
            let keys = layout.on.iter().map(|(own, above)| (*above, draft.now.all(*own).to_vec()));
            let keys: Vec<_> = keys.filter(|(_, values)| !values.is_empty()).collect();
            let Some(above) = w.record.row_mut(layout.parent, parent) else { continue };
            keys.into_iter().for_each(|(field, values)| above.now.set(field, values));
        }
    }
}

/// How rows end and come back: `close` for those that go, `revive` for those that come.
fn endings(ty: &TypeMapping, w: &mut Writer<'_>) {
    for (part, layout) in ty.shape.parts.iter().enumerate().filter(|(_, p)| !p.close.is_empty()) {
        for row in 0..w.record.rows(part).len() {
            let at = (part, row);
            match w.record.row_mut(part, row) {
                Some(draft) if draft.removed => {
                    let Some(was) = &draft.was else { continue };
                    draft.now = was.clone();
                    set::apply(&layout.close, &ty.shape, &mut w.record, at, w.answers);
                    if w.record.row(part, row).is_some_and(|d| d.was.as_ref() != Some(&d.now)) {
                        let touches = ty.touch.iter().filter(|(p, _)| *p == part).map(|(_, a)| a.clone());
                        let touches: Vec<_> = touches.collect();
                        set::apply(&touches, &ty.shape, &mut w.record, at, w.answers);
                    }
                }
                Some(draft) if draft.was.is_none() => {
                    let reopen = set::cells(&layout.revive, &w.eval(at));
                    if let Some(draft) = w.record.row_mut(part, row) {
                        draft.reopen = reopen;
                    }
                }
                _ => {}
            }
        }
    }
}

fn contains(list: &[Value], value: &Value) -> bool {
    list.iter().any(|v| v.same(value, Fold::Exact))
}

fn same(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().all(|v| contains(b, v))
}

impl Record {
    /// True if any row is new, gone or different.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.parts.iter().flatten().any(|d| match &d.was {
            None => !d.removed,
            Some(was) => d.removed || *was != d.now,
        })
    }
}
