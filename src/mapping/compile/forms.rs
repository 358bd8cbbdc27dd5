//! The COND, SETs and Vs of the root and of the parts: `where`, `initial`,
//! `derived`, `touch`, `nothing`. They are read once all parts are known.

use std::ops::Range;

use crate::{
    mapping::{
        Settle,
        compile::{Compiler, WhereSite, draft::Scope},
        form::{Assign, Cond, SetOp, Template, set::AssignTarget},
        node::{Kind, Node},
        shape::{FieldRef, Part},
    },
    store::{FieldId, Source, Value},
};

impl Compiler {
    /// Reads the COND, SETs and Vs of the root and of every part, now that all parts are known.
    pub(super) fn read_part_forms(&mut self, ty: usize, root: &Node) {
        let empty = Node { span: 0..0, kind: Kind::Table(Vec::new()) };
        let mut list = vec![(0, root.clone())];
        let mark = self.diagnostics.0.len();
        let merged = self.merged_parts(root, root.get("part").unwrap_or(&empty));
        self.diagnostics.0.truncate(mark); // reported when the parts were placed
        for (key, node) in merged {
            if let Some(id) = self.types.get(ty).and_then(|t| t.find_part(&key.name)) {
                list.push((id, node));
            }
        }
        for (part, node) in list {
            let scope = Scope { ty, part };
            let nothing = node.get("nothing").map(|n| self.values(scope, n));
            if let Some(extra) = self.types.get_mut(ty).and_then(|t| t.extras.get_mut(part)) {
                extra.nothing = nothing.unwrap_or_default();
            }
            if self.types.get(ty).is_some_and(|t| t.shape.part(part).values_of().is_none()) {
                // The `where` of a root that lies in a document selects the row that holds it.
                if part == 0 && self.types.get(ty).is_some_and(|t| t.is_names) {
                    self.read_where_of_names(scope, &node);
                } else if part != 0 || self.types.get(ty).is_some_and(|t| t.held.is_none()) {
                    self.read_where(scope, &node);
                }
                self.read_sets(scope, &node);
                self.read_aux(scope, &node);
                self.read_unlink(scope, &node);
                self.read_history(scope, &node);
                self.read_floor(scope, &node);
            }
        }
    }

    pub(super) fn read_where(&mut self, scope: Scope, node: &Node) {
        let Some(table) = node.get("where") else { return };
        let Some(cond) = self.cond(scope, table) else { return };
        let Some(cond) = self.compared(scope, cond, table) else { return };
        let Some(draft) = self.types.get(scope.ty) else { return };
        let in_document = |part| draft.shape.is_within_document(part, scope.part);
        if cond.fields().into_iter().map(|f| f.part).chain(cond.parts()).any(in_document) {
            self.unsupported(&table.span, "a `where` on fields of a document");
            return;
        }
        let beside = |part| draft.shape.is_beside(part, scope.part);
        if cond.fields().into_iter().map(|f| f.part).chain(cond.parts()).any(beside) {
            self.unsupported(&table.span, "a `where` on fields of a part that hangs on two others");
            return;
        }
        let below = |f: &FieldRef| draft.shape.is_below(f.part, scope.part);
        if !cond.fields().into_iter().all(below) {
            self.unsupported(&table.span, "a `where` on fields of another part that does not hang here");
            return;
        }
        let conjuncts: Vec<(Cond, Range<usize>)> = match (&cond, table.entries()) {
            (Cond::All(list), entries) if list.len() == entries.len() => {
                list.iter().cloned().zip(entries.iter().map(|(k, v)| k.span.start..v.span.end)).collect()
            }
            _ => vec![(cond.clone(), table.span.clone())],
        };
        let Some(draft) = self.types.get_mut(scope.ty) else { return };
        draft.wheres.extend(conjuncts.into_iter().map(|(cond, span)| WhereSite {
            part: scope.part,
            cond,
            span,
        }));
        let constants: Vec<(FieldId, Value)> = cond
            .equalities()
            .into_iter()
            .filter(|(f, _)| f.part == scope.part)
            .map(|(f, v)| (f.field, v))
            .filter(|(f, _)| {
                let name = draft.shape.part(scope.part).bag.field_name(*f);
                !(is_entries(draft.shape.part(scope.part)) && is_of_the_classes(name))
            })
            .collect();
        if let Some(part) = draft.shape.parts.get_mut(scope.part) {
            part.constants = constants;
        }
        if let Some(extra) = draft.extras.get_mut(scope.part) {
            extra.scope = Some(cond);
        }
    }

    fn read_sets(&mut self, scope: Scope, node: &Node) {
        for key in ["initial", "derived", "touch"] {
            let Some(table) = node.get(key) else { continue };
            let set = self.set(scope, table);
            let Some(draft) = self.types.get_mut(scope.ty) else { return };
            let fields: Vec<(FieldRef, Template)> = set.iter().flat_map(pairs).collect();
            if let Some(part) = draft.shape.parts.get_mut(scope.part) {
                match key {
                    "initial" => part.initial = fields,
                    "touch" => part.touch = fields,
                    _ => {}
                }
            }
            match key {
                "touch" => draft.touch.extend(set.into_iter().map(|assign| (scope.part, assign))),
                _ => {
                    let spans = table.entries().iter().map(|(k, v)| k.span.start..v.span.end);
                    let spans: Vec<Range<usize>> = if table.entries().len() == set.len() {
                        spans.collect()
                    } else {
                        vec![table.span.clone(); set.len()]
                    };
                    let derived = key == "derived";
                    let settles = set.into_iter().map(|assign| Settle {
                        part: scope.part,
                        assign,
                        derived,
                        spread: false,
                    });
                    draft.settle.extend(settles.zip(spans));
                }
            }
        }
    }
}

impl Compiler {
    /// `aux = { class = ["attribute"] }`: classes that an entry gets when it needs them.
    fn read_aux(&mut self, scope: Scope, node: &Node) {
        let Some(table) = node.get("aux").filter(|_| self.is_ldap()) else { return };
        if !self.is_table(table, "`aux`") {
            return;
        }
        let classes = match self.types.get(scope.ty).map(|t| &t.shape.part(scope.part).bag.source) {
            Some(Source::Entries { classes, .. }) => classes.clone(),
            _ => Vec::new(),
        };
        let mut aux = Vec::new();
        for (class, names) in table.entries() {
            if classes.iter().any(|c| c.eq_ignore_ascii_case(&class.name)) {
                let message = format!("every entry has the class `{}` from the beginning", class.name);
                let help = "name it in `classes` or in `aux`";
                self.diagnostics.error("bad-value", &class.span, message, help);
                continue;
            }
            let mut fields = Vec::new();
            for name in names.items() {
                let Some(text) = self.plain(name, "an attribute of the class") else { continue };
                let Some(field) = self.field(scope, &text, &name.span) else { continue };
                let is_own = field.part == scope.part && field.slot.is_none();
                let pseudo = ["dn", "container", "objectClass"].iter().any(|p| p.eq_ignore_ascii_case(&text));
                if is_own && !pseudo {
                    fields.push(field.field);
                } else {
                    let message = format!("`{text}` is no attribute of the entry that gets the class");
                    self.error("bad-value", name, message, "name attributes of this entry");
                }
            }
            if names.items().is_empty() {
                let help = "write `aux = { ipaUser = [\"userClass\"] }`: the attributes that need the class";
                self.error(
                    "bad-value",
                    names,
                    format!("nothing ever needs the class `{}`", class.name),
                    help,
                );
            }
            aux.push((class.name.clone(), fields));
        }
        if let Some(part) = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part)) {
            part.aux = aux;
        }
    }
}

impl Compiler {
    /// `unlink`: what ties an entry beside the resource's own to that one.
    fn read_unlink(&mut self, scope: Scope, node: &Node) {
        let Some(table) = node.get("unlink").filter(|_| self.is_ldap() && scope.part != 0) else { return };
        if !self.is_table(table, "`unlink`") {
            return;
        }
        let mut ties = Vec::new();
        for (key, value) in table.entries() {
            let kind = Kind::Table(vec![(key.clone(), value.clone())]);
            let one = Node { span: key.span.start..value.span.end, kind };
            let set = self.set(scope, &one);
            let Some(assign) = set.first() else { continue };
            let AssignTarget::Field(field) = &assign.target else {
                self.error("bad-value", &one, "`unlink` takes away attributes, not entries", UNLINK);
                continue;
            };
            let parent = self.types.get(scope.ty).map_or(0, |t| t.shape.part(scope.part).parent);
            let is_near = field.slot.is_none() && [scope.part, parent].contains(&field.part);
            let literal = |template: &Template| match template {
                Template::Literal(value) => Some(value.clone()),
                _ => None,
            };
            let gone: Option<Vec<Value>> = match &assign.op {
                SetOp::To(list) if *list == [Template::Nothing] => Some(Vec::new()),
                SetOp::Remove(list) if !list.is_empty() => list.iter().map(literal).collect(),
                _ => None,
            };
            match gone.filter(|_| is_near) {
                Some(gone) => ties.push((field.part, field.field, gone)),
                None => self.error("bad-value", &one, "this takes nothing away from the two entries", UNLINK),
            }
        }
        if let Some(part) = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part)) {
            part.ties = ties;
        }
    }
}

const UNLINK: &str = "write `attribute = \"@none\"` or `attribute = { remove = \"…\" }`, with `up.` for the \
                      entry that this one hangs on";

fn pairs(assign: &Assign) -> Vec<(FieldRef, Template)> {
    match (&assign.target, &assign.op) {
        (AssignTarget::Field(field), SetOp::To(values) | SetOp::Add(values)) => {
            values.iter().map(|v| (field.clone(), v.clone())).collect()
        }
        _ => Vec::new(),
    }
}

/// True for attributes of an entry that tell what it is: they come from its classes.
#[must_use]
pub(in crate::mapping) fn is_of_the_classes(attribute: &str) -> bool {
    ["objectClass", "objectCategory"].iter().any(|known| attribute.eq_ignore_ascii_case(known))
}

fn is_entries(part: &Part) -> bool {
    matches!(part.bag.source, Source::Entries { .. })
}
