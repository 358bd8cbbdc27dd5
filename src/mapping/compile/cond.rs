//! COND, a test of fields, from its table.
//!
//! A table's entries must all hold; of an array of tables any must hold;
//! `not` turns a COND round. An entry tests a field or, by a part's name, the
//! rows of a part.

use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::Scope,
            keys::{Keys, suggest},
            name::Named,
        },
        form::{Cond, CondTest, PartTest, Template},
        node::{Kind, Node},
        shape::{FieldRef, PartId},
    },
    store::{FieldKind, Fold, Order},
};

const TESTS: &[&str] =
    &["ne", "lt", "le", "gt", "ge", "starts", "ends", "fold", "bits", "no_bits", "letters", "no_letters"];

impl Compiler {
    /// A COND.
    pub(super) fn cond(&mut self, scope: Scope, node: &Node) -> Option<Cond> {
        match &node.kind {
            Kind::Table(_) => Some(one(self.conjuncts(scope, node)?, Cond::All)),
            Kind::Array(items) => {
                let any: Vec<Option<Cond>> = items.iter().map(|item| self.cond(scope, item)).collect();
                any.into_iter().collect::<Option<Vec<Cond>>>().map(|any| one(any, Cond::Any))
            }
            _ => {
                self.wrong_type(
                    node,
                    "the condition",
                    "a table `{ field = test }` or an array of such tables",
                );
                None
            }
        }
    }

    /// The entries of a COND table, all of which must hold.
    pub(super) fn conjuncts(&mut self, scope: Scope, node: &Node) -> Option<Vec<Cond>> {
        let mut all = Vec::new();
        let mut whole = true;
        for (key, test) in node.entries() {
            let cond = if key.name == "not" {
                self.cond(scope, test).map(|inner| Cond::Not(Box::new(inner)))
            } else {
                match self.named(scope, &key.name, &key.span) {
                    Some(Named::Part(part)) => self.part_test(scope, part, test),
                    Some(Named::Field(field)) => self.field_test(scope, &field, test),
                    None => None,
                }
            };
            whole &= cond.is_some();
            all.extend(cond);
        }
        whole.then_some(all)
    }

    fn part_test(&mut self, scope: Scope, part: PartId, node: &Node) -> Option<Cond> {
        let test = match &node.kind {
            Kind::Table(_) | Kind::Array(_) => {
                PartTest::Row(Box::new(self.cond(Scope { part, ..scope }, node)?))
            }
            Kind::Text(text) if text == "@some" => PartTest::Some,
            Kind::Text(text) if text == "@none" => PartTest::None,
            _ => {
                let help = "write \"@some\", \"@none\" or a condition on one of its rows";
                self.error("bad-value", node, "this is no test of a part", help);
                return None;
            }
        };
        Some(Cond::Part(part, test))
    }

    fn field_test(&mut self, scope: Scope, field: &FieldRef, node: &Node) -> Option<Cond> {
        match &node.kind {
            Kind::Table(_) => self.table_test(scope, field, node),
            Kind::Array(items) => {
                let (tables, values): (Vec<&Node>, Vec<&Node>) =
                    items.iter().partition(|i| matches!(i.kind, Kind::Table(_)));
                let values: Option<Vec<Template>> =
                    values.into_iter().map(|v| self.value(scope, v)).collect();
                let tables: Option<Vec<Cond>> =
                    tables.into_iter().map(|t| self.table_test(scope, field, t)).collect();
                let (values, mut any) = (values?, tables?);
                if !values.is_empty() || any.is_empty() {
                    any.insert(0, Cond::Field(field.clone(), CondTest::AnyOf(values, Fold::Exact)));
                }
                Some(one(any, Cond::Any))
            }
            _ => {
                let value = self.value(scope, node)?;
                Some(Cond::Field(field.clone(), CondTest::AnyOf(vec![value], Fold::Exact)))
            }
        }
    }

    fn table_test(&mut self, scope: Scope, field: &FieldRef, node: &Node) -> Option<Cond> {
        if node.entries().is_empty() {
            self.error("bad-value", node, "an empty test", suggest("", TESTS.iter().copied(), "tests are"));
            return None;
        }
        self.check_keys(node, &Keys { what: "a test of a field", known: TESTS, later: &[] });
        let mut all = Vec::new();
        let mut whole = true;
        for (key, value) in node.entries() {
            let Some(test) = self.test(scope, field, &key.name, value) else {
                whole = false;
                continue;
            };
            all.push(Cond::Field(field.clone(), test));
        }
        whole.then(|| one(all, Cond::All))
    }

    fn test(&mut self, scope: Scope, field: &FieldRef, name: &str, node: &Node) -> Option<CondTest> {
        let order = |order, value| CondTest::Order(order, value);
        Some(match name {
            "ne" => CondTest::Differs(self.value(scope, node)?),
            "lt" => order(Order::Lt, self.value(scope, node)?),
            "le" => order(Order::Le, self.value(scope, node)?),
            "gt" => order(Order::Gt, self.value(scope, node)?),
            "ge" => order(Order::Ge, self.value(scope, node)?),
            "starts" => CondTest::Starts(self.value(scope, node)?),
            "ends" => CondTest::Ends(self.value(scope, node)?),
            "fold" => {
                let values: Option<Vec<Template>> =
                    node.items().iter().map(|v| self.value(scope, v)).collect();
                CondTest::AnyOf(values?, Fold::Case)
            }
            "bits" | "no_bits" => {
                let bits = self.int(node, &format!("`{name}`"))?;
                if let Some(draft) = self.types.get_mut(scope.ty) {
                    draft.declare(field, FieldKind::Int);
                }
                if name == "bits" { CondTest::Bits(bits) } else { CondTest::NoBits(bits) }
            }
            "letters" => CondTest::Letters(self.letters(node, "`letters`")?),
            "no_letters" => CondTest::NoLetters(self.letters(node, "`no_letters`")?),
            _ => return None,
        })
    }

    /// Letters that stand for flags.
    pub(super) fn letters(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.kind {
            Kind::Text(text) if !text.is_empty() && text.chars().all(char::is_alphanumeric) => {
                Some(text.clone())
            }
            _ => {
                self.error(
                    "bad-value",
                    node,
                    format!("{what} takes letters"),
                    "write them as one text: `\"DL\"`",
                );
                None
            }
        }
    }
}

/// A list of one is that one.
fn one(mut list: Vec<Cond>, wrap: fn(Vec<Cond>) -> Cond) -> Cond {
    match list.len() {
        1 => list.remove(0),
        _ => wrap(list),
    }
}
