//! A `where` that compares fields with each other, and with times.

use std::sync::Arc;

use crate::{
    mapping::{
        compile::{Compiler, draft::Scope},
        form::{Cond, CondTest, PartTest, Template},
        node::Node,
        shape::Use,
    },
    store::{FieldId, Source},
};

impl Compiler {
    /// A `where` without its equalities with the row above, which tie rows to it as `on` does; `None`, and a
    /// diagnostic, if it compares what no statement on one row can.
    pub(super) fn compared(&mut self, scope: Scope, cond: Cond, node: &Node) -> Option<Cond> {
        let draft = self.types.get(scope.ty)?;
        let layout = draft.shape.part(scope.part);
        let is_linked = scope.part != 0
            && matches!(layout.bag.source, Source::Table(_))
            && layout.opened.is_none()
            && layout.usage == Use::Own;
        let (cond, links) = match is_linked {
            true => cond.split_links(scope.part, &draft.shape),
            false => (cond, Vec::new()),
        };
        let in_document = layout.items().is_some();
        let what = if in_document && cond.knows_time() {
            "a `where` on the time within a document"
        } else if self.is_ldap() && cond.compares_fields() {
            "a `where` that compares attributes in a directory"
        } else if !cond.is_sayable(scope.part, &draft.shape) || !is_fixed(&cond) {
            "a `where` that compares fields otherwise than in one row, or for equality with the row above,"
        } else {
            self.link(scope, &links);
            return Some(cond);
        };
        self.unsupported(&node.span, what);
        None
    }

    fn link(&mut self, scope: Scope, links: &[(FieldId, FieldId)]) {
        let Some(part) = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part)) else {
            return;
        };
        // Where the columns of `on` identify a row, these do, too.
        let has_own_key = part.on.iter().any(|(own, _)| !part.bag.key.contains(own));
        for link in links {
            part.on.push(*link);
            if !has_own_key && !part.bag.key.is_empty() {
                Arc::make_mut(&mut part.bag).key.push(link.0);
            }
        }
    }
}

/// True if a COND compares fields with constants, with times that are as far from now for every row, and with
/// fields as they are.
fn is_fixed(cond: &Cond) -> bool {
    match cond {
        Cond::All(list) | Cond::Any(list) => list.iter().all(is_fixed),
        Cond::Not(inner) => is_fixed(inner),
        Cond::Field(_, test) => is_fixed_test(test),
        Cond::Part(_, PartTest::Row(inner)) => is_fixed(inner),
        Cond::Part(..) => true,
    }
}

fn is_fixed_test(test: &CondTest) -> bool {
    let constant = |t: &Template| matches!(t, Template::Literal(_) | Template::Nothing | Template::Some);
    let fixed = |t: &Template| constant(t) || t.moment().is_some() || t.alone().is_some();
    match test {
        CondTest::AnyOf(list, _) => list.iter().all(fixed),
        CondTest::Either(tests) => tests.iter().all(is_fixed_test),
        CondTest::Order(_, t) | CondTest::Differs(t) => fixed(t),
        CondTest::Starts(t) | CondTest::Ends(t) => constant(t),
        CondTest::Bits(_) | CondTest::NoBits(_) | CondTest::Letters(_) | CondTest::NoLetters(_) => true,
    }
}
