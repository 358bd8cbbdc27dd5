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
