//! `floor` and `floor_shown` of rows: what stays when a list would become empty.

use std::sync::Arc;

use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::{Scope, TypeDraft},
        },
        floor::Floor,
        form::{SetOp, Template},
        is_generated,
        node::Node,
        shape::{PartId, Use},
    },
    store::{Predicate, Source},
};

impl Compiler {
    /// Reads the row of a part that stays.
    pub(super) fn read_floor(&mut self, scope: Scope, node: &Node) {
        if scope.part == 0 {
            return;
        }
        let Some(at) = node.get("floor") else {
            if let Some(shown) = node.get("floor_shown") {
                self.error("missing-key", shown, "there is no row to show", "add `floor`, or remove the key");
            }
            return;
        };
        if self.is_ldap() {
            self.unsupported(&at.span, "`floor` of entries");
            return;
        }
        if !self.is_table(at, "`floor`") {
            return;
        }
        let shown = self.bool_key(node, "floor_shown").unwrap_or_default();
        let Some(draft) = self.types.get(scope.ty) else { return };
        let layout = draft.shape.part(scope.part);
        if layout.opened.is_some() {
            return; // reported when the part was placed
        }
        let is_list = layout.many && layout.usage == Use::Own && layout.slot.is_empty();
        let is_closed = !layout.close.is_empty();
        let is_below = layout.parent != 0 || !matches!(layout.bag.source, Source::Table(_));
        let is_counted = |op: &SetOp| match op {
            SetOp::To(values) | SetOp::Add(values) => values.iter().any(is_generated),
            _ => false,
        };
        let is_made = draft.settle.iter().any(|(s, _)| s.part == scope.part && is_counted(&s.assign.op));
        if !is_list {
            let help = "it is for own rows of a list: write `many = true`, without `use` and `slot`";
            self.error("bad-value", at, "of these rows none has to stay", help);
            return;
        }
        let what = [
            (is_closed, "`floor` of rows that are closed"),
            (is_below, "`floor` of rows that do not hang on the root"),
            (is_made, "`floor` of rows with a number, an id or a free name by `initial`"),
        ];
        if let Some((_, what)) = what.into_iter().find(|(is_so, _)| *is_so) {
            self.unsupported(&at.span, what);
            return;
        }
        let mut cells = Vec::new();
        for (key, value) in at.entries() {
            let Some(field) = self.field(scope, &key.name, &key.span) else { return };
            let Some(template) = self.value(scope, value) else { return };
            let is_linked =
                self.types.get(scope.ty).is_some_and(|t| t.shape.part(scope.part).is_tie(field.field));
            match template {
                Template::Literal(value) if field.part == scope.part && !is_linked => {
                    cells.push((field.field, value))
                }
                _ => {
                    let help = "write `floor = { column = \"value\" }` with columns of these rows, but not those of `on`";
                    self.error("bad-value", value, "this is no constant of these rows", help);
                    return;
                }
            }
        }
        if cells.is_empty() {
            self.error(
                "bad-value",
                at,
                "nothing tells this row from others",
                "write `floor = { column = \"value\" }`",
            );
            return;
        }
        if let Some(part) = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part)) {
            part.row_floor = Some(Floor { cells, shown, bag: part.bag.clone() });
        }
    }
}

impl TypeDraft {
    /// Takes the row that is not shown out of a part's bag, now that all its fields are known.
    pub(super) fn settle_floor(&mut self, id: PartId) {
        let Some(part) = self.shape.parts.get_mut(id) else { return };
        let Some(floor) = &mut part.row_floor else { return };
        floor.bag = part.bag.clone();
        if !floor.shown {
            let bag = Arc::make_mut(&mut part.bag);
            bag.scope = std::mem::take(&mut bag.scope).and(Predicate::Not(Box::new(floor.predicate())));
        }
    }
}
