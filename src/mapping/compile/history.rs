//! Rows with a life of their own: `span`, `close`, `revive`, `change`, and what a row that takes
//! another's place does not take over.

use std::{ops::Range, sync::Arc};

use crate::{
    mapping::{
        Rename, Settle,
        compile::{Compiler, TypeDraft, draft::Scope},
        form::{Assign, Cond, CondTest, SetOp, Template, set::AssignTarget, template::Offset},
        node::Node,
        shape::{FieldRef, PartId, Use},
    },
    store::{Bag, Field, FieldId, FieldKind, Fold, Order, Predicate, Source},
};

impl Compiler {
    /// Reads how the rows of a part end.
    pub(super) fn read_history(&mut self, scope: Scope, node: &Node) {
        if scope.part == 0 {
            return;
        }
        let mut close = self.own_set(scope, node, "close");
        let mut revive = self.own_set(scope, node, "revive");
        let words = [("update", false), ("replace", true)];
        let replace = self.word_key(node, "change", &words).unwrap_or_default();
        let keys: Vec<FieldId> = self
            .texts_key(node, "key")
            .iter()
            .filter_map(|(n, s)| Some(self.field(scope, n, s)?.field))
            .collect();
        let mut revive_by = keys.clone();
        if let Some((from, thru, span)) = self.read_span(scope, node) {
            let now = || Template::Now(Offset::default());
            if node.get("close").is_none() {
                close = vec![to(&thru, now())];
            }
            if node.get("revive").is_none() {
                revive = vec![to(&thru, Template::Nothing)];
            }
            if keys.is_empty() {
                revive_by = vec![from.field];
                let part = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part));
                if let Some(part) = part.filter(|part| !part.bag.key.is_empty()) {
                    Arc::make_mut(&mut part.bag).key.push(from.field);
                }
            }
            self.limit(scope, &from, &thru);
            let initial = node.get("initial").map_or(&[][..], Node::entries);
            let Some(draft) = self.types.get_mut(scope.ty) else { return };
            let name = draft.shape.part(scope.part).bag.field_name(from.field);
            if !initial.iter().any(|(k, _)| k.name == name) {
                let settle =
                    Settle { part: scope.part, assign: to(&from, now()), derived: false, spread: false };
                draft.settle.push((settle, span));
                if let Some(part) = draft.shape.parts.get_mut(scope.part) {
                    part.initial.push((from, now()));
                }
            }
        }
        let own = self.types.get(scope.ty).is_some_and(|t| t.shape.part(scope.part).usage == Use::Own);
        if let Some(first) = ["close", "revive", "span", "change"].iter().find_map(|key| node.get(key))
            && !own
        {
            let help = "rows that are found or watched are never changed: remove the key, or `use`";
            self.error("bad-value", first, "only own rows are opened and closed", help);
        }
        if !revive.is_empty() && close.is_empty() {
            let at = node.get("revive").unwrap_or(node);
            let help = "add `close`, which takes the place of removing a row";
            self.error("missing-key", at, "`revive` without `close`", help);
        }
        let rename = self.read_rename(scope, node);
        let Some(part) = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part)) else {
            return;
        };
        part.close = close;
        part.revive = revive;
        part.revive_by = revive_by;
        part.replace = replace;
        if own && rename.is_none() {
            part.identity = keys;
        }
    }

    /// Reads what happens when the key of a row changes.
    pub(super) fn read_rename(&mut self, scope: Scope, node: &Node) -> Option<Rename> {
        let words = [("update", Rename::Update), ("copy", Rename::Copy), ("refuse", Rename::Refuse)];
        let rename = self.word_key(node, "rename", &words);
        if self.is_ldap() {
            if let Some(at) = node.get("rename").filter(|_| rename == Some(Rename::Copy)) {
                self.error(
                    "store-kind",
                    at,
                    "an entry is renamed, never copied",
                    "write \"update\" or \"refuse\"",
                );
            }
            self.forbid(node, &["points"], "LDAP");
        }
        let mut points = Vec::new();
        for (name, span) in self.texts_key(node, "points") {
            let Some((table, column)) = name.rsplit_once('.').filter(|(t, c)| !t.is_empty() && !c.is_empty())
            else {
                let message = format!("`{name}` names no column");
                self.diagnostics.error("bad-name", &span, message, "write `table.column`");
                continue;
            };
            points.push(Arc::new(Bag {
                name: name.clone(),
                source: Source::Table(table.to_owned()),
                fields: vec![Field { name: column.to_owned(), kind: FieldKind::Any, many: false }],
                key: Vec::new(),
                scope: Predicate::True,
            }));
        }
        let part = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part))?;
        if let Some(at) = node.get("points").filter(|_| part.bag.key.len() > 1) {
            let help = "rows that point at a key of several columns are mapped as a part";
            self.error("bad-value", at, "`points` goes with a key of one column", help);
        }
        let part = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part))?;
        part.rename = rename;
        part.points = points;
        rename
    }

    /// A SET of the row's own fields.
    fn own_set(&mut self, scope: Scope, node: &Node, key: &str) -> Vec<Assign> {
        let Some(table) = node.get(key) else { return Vec::new() };
        let set = self.set(scope, table);
        let is_own = |a: &Assign| matches!(&a.target, AssignTarget::Field(f) if f.part == scope.part && f.slot.is_none());
        if !set.iter().all(is_own) {
            let help = "name columns of the part; rows that hang on it are closed by their own `close`";
            self.error("bad-value", table, format!("`{key}` sets something of another row"), help);
            return Vec::new();
        }
        set
    }

    /// The two fields of `span`.
    fn read_span(&mut self, scope: Scope, node: &Node) -> Option<(FieldRef, FieldRef, Range<usize>)> {
        let span = node.get("span")?;
        let names = self.texts_key(node, "span");
        let [(from, from_span), (thru, thru_span)] = names.as_slice() else {
            let help = "write `span = [\"from_date\", \"thru_date\"]`";
            self.error("bad-value", span, "`span` names two fields", help);
            return None;
        };
        let from = self.field(scope, from, from_span)?;
        Some((from, self.field(scope, thru, thru_span)?, span.span.clone()))
    }

    /// Rows that have begun and have not ended are ours.
    fn limit(&mut self, scope: Scope, from: &FieldRef, thru: &FieldRef) {
        let now = || Template::Now(Offset::default());
        let begun = Cond::Field(from.clone(), CondTest::Order(Order::Le, now()));
        let endless = CondTest::AnyOf(vec![Template::Nothing], Fold::Exact);
        let later = CondTest::Order(Order::Gt, now());
        let not_ended = Cond::Any(vec![Cond::Field(thru.clone(), endless), Cond::Field(thru.clone(), later)]);
        let Some(extra) = self.types.get_mut(scope.ty).and_then(|t| t.extras.get_mut(scope.part)) else {
            return;
        };
        let mut all = match extra.scope.take() {
            Some(Cond::All(list)) => list,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        all.extend([begun, not_ended]);
        extra.scope = Some(Cond::All(all));
    }
}

fn to(field: &FieldRef, value: Template) -> Assign {
    Assign { target: AssignTarget::Field(field.clone()), op: SetOp::To(vec![value]) }
}

/// The fields that assignments set.
fn targets(set: &[Assign]) -> impl Iterator<Item = FieldId> {
    set.iter().filter_map(|a| match &a.target {
        AssignTarget::Field(field) => Some(field.field),
        AssignTarget::Part(_) => None,
    })
}

impl TypeDraft {
    /// What follows from the whole file: which keys flow upward, what is made anew for each row, and
    /// which rows a part had before.
    pub(super) fn settle_history(&mut self) {
        for id in 1..self.shape.parts.len() {
            let upward = self.is_upward(id);
            if let Some(part) = self.shape.parts.get_mut(id) {
                part.upward = upward;
            }
        }
        for id in 1..self.shape.parts.len() {
            let fresh = self.fresh(id);
            let past = self.past(id);
            let key = self.shape.part(id).bag.key.iter().copied();
            let named = key
                .filter(|field| self.is_written(&FieldRef { part: id, field: *field, slot: None }))
                .collect();
            if let Some(part) = self.shape.parts.get_mut(id) {
                part.fresh = fresh;
                part.named = named;
                part.past = past;
            }
        }
    }

    fn is_written(&self, field: &FieldRef) -> bool {
        self.writes.iter().any(|w| self.stored_at(&w.field) == *field)
    }

    fn is_settled(&self, field: &FieldRef) -> bool {
        self.settle.iter().any(|(s, _)| matches!(&s.assign.target, AssignTarget::Field(f) if f == field))
    }

    /// True if the parent's column holds the key of this row: the row names its key itself, or the
    /// database does and nothing else gives the parent's column a value.
    fn is_upward(&self, id: PartId) -> bool {
        let part = self.shape.part(id);
        let [(own, above)] = part.on.as_slice() else { return false };
        if !part.beside.is_empty()
            || part.usage != Use::Own
            || part.many
            || part.opened.is_some()
            || !part.slot.is_empty()
        {
            return false;
        }
        if self.is_settled(&FieldRef { part: id, field: *own, slot: None }) {
            return true;
        }
        let parent = self.shape.part(part.parent);
        let theirs = FieldRef { part: part.parent, field: *above, slot: part.hook.clone() };
        part.identity == [*own]
            && !parent.bag.key.contains(above)
            && !parent.on.iter().any(|(field, _)| field == above)
            && !parent.constants.iter().any(|(field, _)| field == above)
            && !self.is_written(&theirs)
            && !self.is_settled(&theirs)
    }

    fn fresh(&self, id: PartId) -> Vec<FieldId> {
        let part = self.shape.part(id);
        let below = || self.shape.parts.iter().skip(1).filter(|p| p.parent == id && p.opened.is_none());
        let found = |field: &FieldId| {
            let mut links = below().filter(|p| matches!(p.usage, Use::Find | Use::FindOrAdd));
            links.any(|p| p.on.iter().any(|(_, above)| above == field))
        };
        let given = |field: &FieldId| {
            part.is_tie(*field)
                || part.constants.iter().any(|(f, _)| f == field)
                || part.slot.contains(field)
                || part.value == Some(*field)
                || found(field)
                || part.initial.iter().any(|(f, _)| f.part == id && f.field == *field)
                || self.is_written(&FieldRef { part: id, field: *field, slot: None })
        };
        let mut fresh: Vec<FieldId> = part.identity.iter().copied().filter(|f| !given(f)).collect();
        let made = part.initial.iter().filter(|(f, t)| f.part == id && !matches!(t, Template::Literal(_)));
        let mut once: Vec<FieldId> = made.map(|(f, _)| f.field).collect();
        once.extend(part.touch.iter().filter(|(f, _)| f.part == id).map(|(f, _)| f.field));
        once.extend(targets(&part.close));
        once.retain(|f| !self.is_written(&FieldRef { part: id, field: *f, slot: None }));
        fresh.extend(once);
        if part.upward {
            fresh.extend(part.on.iter().map(|(own, _)| *own));
        }
        fresh.extend(below().filter(|p| p.upward).flat_map(|p| p.on.iter().map(|(_, above)| *above)));
        fresh.sort_unstable();
        fresh.dedup();
        fresh
    }

    /// The bag with closed rows: without the conditions on what `close` sets.
    fn past(&self, id: PartId) -> Option<Arc<Bag>> {
        let part = self.shape.part(id);
        if part.close.is_empty() {
            return None;
        }
        let closing: Vec<FieldId> = targets(&part.close).collect();
        let scope = self.extras.get(id).and_then(|x| x.scope.clone());
        let tests_close = |c: &Cond| c.fields().iter().any(|f| f.part == id && closing.contains(&f.field));
        let rest = match scope {
            Some(Cond::All(list)) => list.into_iter().filter(|c| !tests_close(c)).collect(),
            Some(one) if !tests_close(&one) => vec![one],
            _ => Vec::new(),
        };
        let scope = self.scope_of(id, Some(&Cond::All(rest)));
        Some(Arc::new(Bag { scope, ..Bag::clone(&part.bag) }))
    }
}
