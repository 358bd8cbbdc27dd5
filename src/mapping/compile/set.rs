//! SET, assignments to fields, from its table.

use crate::{
    mapping::{
        compile::{Compiler, draft::Scope, keys::Keys, name::Named},
        form::{Assign, SetOp, Template, set::AssignTarget},
        node::{Kind, Node},
        shape::PartId,
    },
    store::FieldKind,
};

const OPS: &[&str] = &["add", "remove", "set_bits", "clear_bits", "set_letters", "clear_letters"];

impl Compiler {
    /// A SET; wrong assignments are reported and left out.
    pub(super) fn set(&mut self, scope: Scope, node: &Node) -> Vec<Assign> {
        self.set_by(scope, scope, node)
    }

    /// A SET whose values are told by the fields of another scope.
    pub(super) fn set_by(&mut self, scope: Scope, values: Scope, node: &Node) -> Vec<Assign> {
        let own = scope == values;
        let mut out = Vec::new();
        if !self.is_table(node, "the assignments") {
            return out;
        }
        for (key, value) in node.entries() {
            match self.named(scope, &key.name, &key.span) {
                Some(Named::Part(part)) => {
                    self.set_part(scope, (part, (!own).then_some(values)), value, &mut out);
                }
                Some(Named::Field(field)) => {
                    let Some(op) = self.set_op(values, value) else { continue };
                    if !self.is_assignable(&op, value) {
                        continue;
                    }
                    if let Some(draft) = self.types.get_mut(scope.ty) {
                        match op {
                            SetOp::SetBits(_) | SetOp::ClearBits(_) => draft.declare(&field, FieldKind::Int),
                            SetOp::Add(_) | SetOp::Remove(_) => {
                                draft.change_field(&field, &|f| f.many = true)
                            }
                            SetOp::SetLetters(_) | SetOp::ClearLetters(_) | SetOp::To(_) | SetOp::Rows(_) => {
                            }
                        }
                    }
                    out.push(Assign { target: AssignTarget::Field(field), op });
                }
                None => {}
            }
        }
        out
    }

    /// That words stand where they have a meaning.
    fn is_assignable(&mut self, op: &SetOp, node: &Node) -> bool {
        let (SetOp::To(list) | SetOp::Add(list) | SetOp::Remove(list)) = op else { return true };
        if list.contains(&Template::Some) {
            self.error(
                "bad-value",
                node,
                "`@some` is no value of a field",
                "it makes or tests a row of a part",
            );
            return false;
        }
        true
    }

    fn set_part(
        &mut self,
        scope: Scope,
        (part, values): (PartId, Option<Scope>),
        node: &Node,
        out: &mut Vec<Assign>,
    ) {
        let inner = Scope { part, ..scope };
        let values = values.unwrap_or(inner);
        let many = self.types.get(scope.ty).is_some_and(|t| t.shape.part(part).many);
        match &node.kind {
            Kind::Table(_) if many => {
                let set = self.set_by(inner, values, node);
                out.push(Assign { target: AssignTarget::Part(part), op: SetOp::Rows(set) });
            }
            Kind::Table(_) => out.extend(self.set_by(inner, values, node)),
            Kind::Text(text) if text == "@some" || text == "@none" => {
                let word = if text == "@some" { Template::Some } else { Template::Nothing };
                out.push(Assign { target: AssignTarget::Part(part), op: SetOp::To(vec![word]) });
            }
            _ => {
                let help =
                    "write \"@none\" to remove its rows, \"@some\" to make one, or assignments to its fields";
                self.error("bad-value", node, "this cannot be assigned to a part", help);
            }
        }
    }

    fn set_op(&mut self, scope: Scope, node: &Node) -> Option<SetOp> {
        let Kind::Table(entries) = &node.kind else {
            let values = self.values(scope, node);
            return (values.len() == node.items().len()).then_some(SetOp::To(values));
        };
        self.check_keys(node, &Keys { what: "an assignment", known: OPS, later: &[] });
        let [(key, value)] = entries.as_slice() else {
            let help = "write exactly one of add, remove, set_bits, clear_bits, set_letters, clear_letters";
            self.error("bad-value", node, "this is no assignment", help);
            return None;
        };
        Some(match key.name.as_str() {
            "add" => SetOp::Add(self.values(scope, value)),
            "remove" => SetOp::Remove(self.values(scope, value)),
            "set_bits" => SetOp::SetBits(self.int(value, "`set_bits`")?),
            "clear_bits" => SetOp::ClearBits(self.int(value, "`clear_bits`")?),
            "set_letters" => SetOp::SetLetters(self.letters(value, "`set_letters`")?),
            "clear_letters" => SetOp::ClearLetters(self.letters(value, "`clear_letters`")?),
            _ => return None,
        })
    }
}
