//! Parts that hang on two parts which do not hang on each other.

use crate::{
    mapping::{
        compile::{Compiler, draft::Scope},
        node::Node,
        shape::{FieldRef, PartId, Use},
    },
    store::FieldId,
};

impl Compiler {
    /// True if the field lies in one row, seen from a row of `parent`, that lives as long as the resource has it.
    pub(super) fn is_one_beside(
        &mut self,
        scope: Scope,
        parent: PartId,
        field: &FieldRef,
        node: &Node,
    ) -> bool {
        if self.is_ldap() {
            self.unsupported(&node.span, "a part in a directory that hangs on two others");
            return false;
        }
        let Some(draft) = self.types.get(scope.ty) else { return false };
        let shape = &draft.shape;
        let (mut at, mut is_one) = (field.part, true);
        while at != 0 && !shape.is_below(parent, at) {
            let part = shape.part(at);
            let lives = matches!(part.usage, Use::Own | Use::Watch);
            is_one &= lives && !part.many && part.slot.is_empty() && part.opened.is_none();
            at = part.parent;
        }
        if !is_one {
            let name = &shape.part(field.part).name;
            let message = format!("it is not clear which row of `{name}` this one hangs on");
            let help = "a part hangs on a second one that has one row (no `many`, `slot` or `in`) and is not looked up; \
                        let what is looked up hang on this part instead";
            self.error("bad-value", node, message, help);
        }
        is_one
    }

    /// Such a part is not looked up itself.
    pub(super) fn check_beside(&mut self, node: &Node, beside: &[(FieldId, FieldRef)], usage: Use) {
        let is_looked_up = matches!(usage, Use::Find | Use::FindOrAdd);
        if let Some(at) = node.get("on").filter(|_| is_looked_up && !beside.is_empty()) {
            let help = "what is looked up hangs on the row whose column names it";
            self.error("bad-value", at, "a row that is looked up hangs on one row", help);
        }
    }
}
