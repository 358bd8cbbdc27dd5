//! Parts: how they hang together, and what their rows are.

mod beside;
mod opened;
mod slot;

use std::{ops::Range, sync::Arc};

use crate::{
    mapping::{
        compile::{
            Compiler, TypeDraft,
            draft::{PartExtra, Scope},
            keys::Keys,
            name,
        },
        node::{Key, Node},
        shape::{FieldRef, PartId, Use},
    },
    store::{FieldId, FieldKind, Source},
};

pub(super) const PART: Keys<'static> = Keys {
    what: "a part",
    known: &[
        "table",
        "base",
        "scope",
        "in",
        "on",
        "where",
        "key",
        "many",
        "order",
        "slot",
        "value",
        "alias",
        "use",
        "find_by",
        "always",
        "like",
        "floor",
        "nothing",
        "initial",
        "derived",
        "touch",
        "rdn",
        "classes",
        "codec",
        "new",
        "invalid",
        "close",
        "revive",
        "change",
        "span",
        "rename",
        "points",
        "remember",
        "floor_shown",
        "aux",
        "unlink",
    ],
    later: &["names", "make"],
};

/// How rows hang: [`Part::on`](crate::mapping::shape::Part::on) and
/// [`Part::beside`](crate::mapping::shape::Part::beside).
type Ties = (Vec<(FieldId, FieldId)>, Vec<(FieldId, FieldRef)>);

const USES: &[(&str, Use)] =
    &[("own", Use::Own), ("find", Use::Find), ("find_or_add", Use::FindOrAdd), ("watch", Use::Watch)];

impl Compiler {
    /// Finds the parts of a type and places parents before their parts.
    pub(super) fn read_parts(&mut self, ty: usize, root: &Node) {
        let Some(table) = root.get("part").filter(|t| self.is_table(t, "`part`")) else { return };
        let mut waiting = self.merged_parts(root, table);
        loop {
            let before = waiting.len();
            let mut still = Vec::new();
            for (key, node) in waiting {
                if self.hangs_on_missing(ty, &node) {
                    self.miss(ty, &key);
                    continue;
                }
                match self.find_parent(ty, &node, table) {
                    Some(parent) => self.place_part(ty, parent, &key, &node),
                    None => still.push((key, node)),
                }
            }
            waiting = still;
            if waiting.is_empty() || waiting.len() == before {
                break;
            }
        }
        self.find_slot_names(ty);
        for (key, _) in &waiting {
            let message = format!("`{}` hangs on itself", key.name);
            let help = "follow the `on` and `in` keys: they must lead to the root";
            self.diagnostics.error("part-cycle", &key.span, message, help);
        }
    }

    /// The parts with what they take over from `every_part` and by `like`.
    pub(super) fn merged_parts(&mut self, root: &Node, table: &Node) -> Vec<(Key, Node)> {
        let mut out = Vec::new();
        if let Some(every) = root.get("every_part") {
            self.check_keys(every, &Keys { what: "`every_part`", ..PART });
        }
        for (key, node) in table.entries() {
            if !self.is_table(node, &format!("part `{}`", key.name)) {
                continue;
            }
            self.check_keys(node, &PART);
            let mut merged = self.like(key, node, table);
            // What `every_part` says of rows is not meant for values and items.
            if let Some(every) = root.get("every_part").filter(|_| merged.get("in").is_none()) {
                let mut base = every.clone();
                base.merge(merged);
                merged = base;
            }
            merged.span = node.span.clone();
            out.push((key.clone(), merged));
        }
        out
    }

    /// The part that a part hangs on; `None` while that one is not placed yet.
    fn find_parent(&mut self, ty: usize, node: &Node, table: &Node) -> Option<PartId> {
        let mut names: Vec<&Node> =
            node.get("on").map_or(&[][..], Node::entries).iter().map(|(_, n)| n).collect();
        names.extend(node.get("in"));
        let mut parent = 0;
        for named in names {
            let Some(first) = named.text().and_then(name::prefix) else { continue };
            if table.get(&first).is_none() {
                continue; // reported when the name is read
            }
            let draft = self.types.get(ty)?;
            let candidate = draft.find_part(&first)?;
            if draft.shape.is_below(candidate, parent) {
                parent = candidate;
            }
        }
        Some(parent)
    }

    fn hangs_on_missing(&self, ty: usize, node: &Node) -> bool {
        let missing = self.types.get(ty).map_or(&[][..], |t| &t.missing);
        let on = node.get("on").map_or(&[][..], Node::entries).iter().map(|(_, n)| n);
        let named = on.chain(node.get("in")).filter_map(Node::text).filter_map(name::prefix);
        named.into_iter().any(|first| missing.contains(&first))
    }

    fn place_part(&mut self, ty: usize, parent: PartId, key: &Key, node: &Node) {
        let span = key.span.clone();
        let extra = PartExtra { span: span.clone(), ..PartExtra::default() };
        if let Some(field) = node.get("in") {
            self.place_opened(ty, key, node, field, extra);
            return;
        }
        let source = self.source(node, &format!("part `{}`", key.name));
        let Some(draft) = self.types.get_mut(ty) else { return };
        let part = draft.add_part(&key.name, parent, source, extra);
        let scope = Scope { ty, part };
        self.note_places(scope, node);
        if self.is_ldap() {
            self.read_entries(scope, node);
            self.forbid(node, &["key", "slot", "value", "alias"], "LDAP");
        } else {
            self.forbid(node, &["base", "scope", "rdn", "classes", "aux", "unlink"], "SQL");
        }
        self.no_document(node);
        self.read_slots(scope, node);
        let (on, beside) = self.read_on(scope, parent, node, &span);
        self.read_key(scope, node);
        let many = self.bool_key(node, "many").unwrap_or_default();
        let usage = self.word_key(node, "use", USES).unwrap_or_default();
        self.check_beside(node, &beside, usage);
        let always = self.bool_key(node, "always").unwrap_or_default();
        if always && (many || usage != Use::Own) {
            let help = "remove `always`, or `many` and `use`";
            self.diagnostics.error(
                "bad-value",
                &span,
                "only an own part of one row can be there always",
                help,
            );
        }
        let order = self.read_order(scope, node);
        let remember = self.read_remember(node, many || usage != Use::Own);
        let find_by = self.text_key(node, "find_by");
        let find_span = node.get("find_by").map_or(0..0, |n| n.span.clone());
        let find_by = find_by.and_then(|name| self.field(scope, &name, &find_span)).map(|f| f.field);
        let Some(part) = self.types.get_mut(ty).and_then(|t| t.shape.parts.get_mut(part)) else { return };
        part.many = many;
        part.usage = usage;
        part.always = always;
        part.order = order;
        part.remember = remember;
        part.find_by = find_by;
        part.on = on;
        part.beside = beside;
        // One row per parent, or one per parent and slot: that is what identifies it.
        let ties = part.ties().chain(part.slot.iter().copied()).collect();
        let bag = Arc::make_mut(&mut part.bag);
        if bag.key.is_empty() && matches!(bag.source, Source::Entries { .. }) {
            bag.key = bag.find_field("dn").into_iter().collect();
        }
        if bag.key.is_empty() && (!many || !part.slot.is_empty()) {
            bag.key = ties;
        }
    }

    /// `remember`: of several rows that one could be shown of.
    fn read_remember(&mut self, node: &Node, is_other: bool) -> bool {
        let remember = self.bool_key(node, "remember").unwrap_or_default();
        let has_key = node.get("key").is_some() && node.get("slot").is_none();
        if let Some(at) =
            node.get("remember").filter(|_| remember && (is_other || !has_key || self.is_ldap()))
        {
            let help = "it is for an own part of one row in a table, whose `key` tells the rows apart";
            self.error("bad-value", at, "of these rows there is none to remember", help);
            return false;
        }
        remember
    }

    /// Notes a part that cannot be laid out.
    fn miss(&mut self, ty: usize, key: &Key) {
        if let Some(draft) = self.types.get_mut(ty) {
            draft.missing.push(key.name.clone());
        }
    }

    fn read_on(&mut self, scope: Scope, parent: PartId, node: &Node, span: &Range<usize>) -> Ties {
        let (mut on, mut beside) = (Vec::new(), Vec::new());
        let Some(table) = node.get("on") else {
            let help = "write `on = { own_field = \"parent field\" }`";
            self.diagnostics.error(
                "part-unreachable",
                span,
                "nothing says how this part hangs on the root",
                help,
            );
            return (on, beside);
        };
        if !self.is_table(table, "`on`") {
            return (on, beside);
        }
        let root = Scope { part: 0, ..scope };
        for (key, value) in table.entries() {
            let Some(name) = self.plain(value, "the parent's field") else { continue };
            let own = self.field(scope, &key.name, &key.span);
            let above = match self.column_below(scope, parent, &name) {
                Some(column) => Some(column),
                None => self.field(root, &name, &value.span),
            };
            let (Some(own), Some(above)) = (own, above) else { continue };
            if above.slot.is_some() && table.entries().len() > 1 {
                let help = "a part that hangs on a slot has one pair in `on`";
                self.error("bad-value", value, format!("`{name}` is one row of several"), help);
                continue;
            }
            let is_named_elsewhere =
                |t: &TypeDraft| t.extras.get(above.part).is_some_and(|x| x.slot_in.is_some());
            if above.slot.is_some() && self.types.get(scope.ty).is_some_and(is_named_elsewhere) {
                self.unsupported(&value.span, "a part that hangs on a slot whose name lies in another table");
                continue;
            }
            if let Some(part) = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part)) {
                part.hook.clone_from(&above.slot);
            }
            let Some(above) = self.climb(scope, parent, above.clone()) else {
                if self.is_one_beside(scope, parent, &above, value) {
                    beside.push((own.field, above));
                }
                continue;
            };
            let kind =
                |t: &TypeDraft, f: &FieldRef| t.shape.part(f.part).bag.fields.get(f.field).map(|f| f.kind);
            if let Some(draft) = self.types.get_mut(scope.ty)
                && (kind(draft, &own) == Some(FieldKind::Dn) || kind(draft, &above) == Some(FieldKind::Dn))
            {
                draft.declare(&own, FieldKind::Dn);
                draft.declare(&above, FieldKind::Dn);
            }
            on.push((own.field, above.field));
        }
        (on, beside)
    }

    /// A field of something above the parent, as the parent's field that is equal to it by its own `on`.
    fn climb(&self, scope: Scope, parent: PartId, field: FieldRef) -> Option<FieldRef> {
        let shape = &self.types.get(scope.ty)?.shape;
        if field.part == parent {
            return Some(field);
        }
        if parent == 0 || !shape.is_below(parent, field.part) {
            return None;
        }
        let above = self.climb(scope, shape.part(parent).parent, field)?;
        let pair = shape.part(parent).on.iter().find(|(_, theirs)| *theirs == above.field)?;
        Some(FieldRef { part: parent, field: pair.0, slot: None })
    }

    fn read_order(&mut self, scope: Scope, node: &Node) -> Vec<(FieldId, bool)> {
        let names = self.texts_key(node, "order");
        let mut out = Vec::new();
        for (name, span) in names {
            let (name, descending) = name.strip_prefix('-').map_or((name.as_str(), false), |n| (n, true));
            if let Some(field) = self.field(scope, name, &span) {
                out.push((field.field, descending));
            }
        }
        out
    }
}
