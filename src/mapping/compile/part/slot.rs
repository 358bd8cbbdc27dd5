//! Slots: rows of name and value. A name may lie in the part's own rows, or in those of a looked-up part.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use crate::{
    mapping::{
        compile::{Compiler, draft::Scope, name},
        node::Node,
        shape::{FieldRef, PartId, SlotIn, Use},
    },
    store::{FieldId, Value},
};

impl Compiler {
    pub(super) fn read_slots(&mut self, scope: Scope, node: &Node) {
        let slots = self.texts_key(node, "slot");
        let value = self.text_key(node, "value");
        if node.get("slot").is_some() != node.get("value").is_some() {
            let help = "write both: `slot` names the column(s) of names, `value` the column of values";
            self.error("missing-key", node, "`slot` and `value` go together", help);
            return;
        }
        let slots: Vec<FieldId> =
            slots.iter().filter_map(|(name, span)| self.read_slot(scope, name, span)).collect();
        let span = node.get("value").map_or(0..0, |n| n.span.clone());
        let value = value.and_then(|name| self.field(scope, &name, &span)).map(|f| f.field);
        let mut alias = BTreeMap::new();
        for (key, node) in node.get("alias").map_or(&[][..], Node::entries) {
            let values: Vec<Value> =
                node.items().iter().filter_map(|n| self.plain(n, "a slot")).map(Value::from).collect();
            alias.insert(key.name.clone(), values);
        }
        let Some(draft) = self.types.get_mut(scope.ty) else { return };
        if let (Some(part), Some(extra)) =
            (draft.shape.parts.get_mut(scope.part), draft.extras.get_mut(scope.part))
        {
            part.slot = slots;
            part.value = value;
            extra.alias = alias;
        }
    }

    /// One slot column; `kinds.name` is a field of another part of the file.
    fn read_slot(&mut self, scope: Scope, name: &str, span: &Range<usize>) -> Option<FieldId> {
        let root = self.node(scope.ty)?;
        let other =
            name::prefix(name).filter(|first| root.get("part").is_some_and(|t| t.get(first).is_some()));
        let Some(other) = other else { return Some(self.field(scope, name, span)?.field) };
        let field = name.split_once('.').map(|(_, field)| field.to_owned())?;
        let draft = self.types.get_mut(scope.ty)?;
        let own = draft.intern(scope.part, name);
        let extra = draft.extras.get_mut(scope.part)?;
        if extra.slot_in.is_some() {
            let help = "one slot column may lie in another table";
            self.diagnostics.error("bad-value", span, "two slots that are named elsewhere", help);
            return None;
        }
        extra.slot_in = Some((other, field, own, span.clone()));
        Some(own)
    }

    /// The column of the parent that a part with the names of its slots hangs on: `info.field_id` is no slot
    /// there.
    pub(super) fn column_below(&mut self, scope: Scope, parent: PartId, text: &str) -> Option<FieldRef> {
        let draft = self.types.get_mut(scope.ty)?;
        let name = draft.shape.part(scope.part).name.clone();
        let (names, ..) = draft.extras.get(parent)?.slot_in.as_ref()?;
        let (_, column) = text.split_once('.').filter(|_| *names == name)?;
        Some(FieldRef { part: parent, field: draft.intern(parent, column), slot: None })
    }

    /// Finds the parts that hold the names of slots, now that all parts are there.
    pub(super) fn find_slot_names(&mut self, ty: usize) {
        let count = self.types.get(ty).map_or(0, |t| t.shape.parts.len());
        for part in 0..count {
            let Some(draft) = self.types.get(ty) else { return };
            let Some((other, name, slot, span)) = draft.extras.get(part).and_then(|x| x.slot_in.clone())
            else {
                continue;
            };
            let Some(names) = draft.find_part(&other) else { continue };
            let layout = draft.shape.part(names);
            let hangs = layout.parent == part
                && layout.on.len() == 1
                && layout.beside.is_empty()
                && layout.hook.is_none();
            if !hangs || layout.many || layout.usage != Use::Find {
                let message = format!("`{other}` is no part that is looked up for each row of this one");
                let help = format!(
                    "give `{other}` `use = \"find\"` and `on = {{ id = \"{}.column\" }}`",
                    draft.shape.part(part).name
                );
                self.diagnostics.error("bad-value", &span, message, help);
                continue;
            }
            let links: Vec<FieldId> = layout.on.iter().map(|(_, above)| *above).collect();
            let Some(field) = self.field(Scope { ty, part: names }, &name, &span) else { continue };
            let Some(draft) = self.types.get_mut(ty) else { return };
            if let Some(kind) = draft.shape.parts.get_mut(names) {
                kind.find_by = Some(field.field);
            }
            if let Some(layout) = draft.shape.parts.get_mut(part) {
                layout.slot_in = Some(SlotIn { slot, part: names, field: field.field });
                // What tells the rows apart in the store is the key behind the name.
                let bag = Arc::make_mut(&mut layout.bag);
                if let Some(at) = bag.key.iter().position(|f| *f == slot) {
                    bag.key.splice(at..=at, links);
                }
            }
        }
    }
}
