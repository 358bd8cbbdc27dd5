//! Resources without a row: `names`, the columns whose distinct values they are.

use std::sync::Arc;

use crate::{
    mapping::{
        Ids,
        compile::{
            Compiler,
            draft::{Scope, TypeDraft},
        },
        form::Template,
        node::Node,
    },
    store::{Source, names::Names},
};

/// What says how a row is made, told apart or kept, which a name has no use for.
const WITHOUT: &[&str] = &[
    "key",
    "in",
    "codec",
    "new",
    "invalid",
    "version",
    "points",
    "initial",
    "derived",
    "touch",
    "every_part",
];

impl Compiler {
    /// The root is a set of names, each with the one field `it`.
    pub(super) fn read_names(&mut self, ty: usize, node: &Node, at: &Node) {
        if self.is_ldap() {
            self.forbid(node, &["names"], "LDAP");
            return;
        }
        self.forbid(node, WITHOUT, "a resource without a row: its name is all there is");
        if let Some(delete) = node.get("delete") {
            self.forbid(delete, &["set", "keep", "archive"], "a resource without a row");
        }
        if let Some(rename) = node.get("rename").filter(|n| n.text() == Some("copy")) {
            let help = "write \"update\" or \"refuse\"";
            self.error("bad-value", rename, "a name without a row cannot be copied", help);
        }
        let columns: Vec<String> = self.texts_key(node, "names").into_iter().map(|(name, _)| name).collect();
        if columns.is_empty() && at.items().is_empty() {
            self.error("bad-value", at, "no column is named", "write `names = \"department\"`");
        }
        let Some(draft) = self.types.get_mut(ty) else { return };
        draft.is_names = true;
        // A name that somebody gives up may be taken by others, so ids do not follow from names.
        draft.ids = Ids::Minted;
        let it = draft.intern(0, "it");
        let Some(root) = draft.shape.parts.first_mut() else { return };
        let bag = Arc::make_mut(&mut root.bag);
        bag.key = vec![it];
        if let Source::Table(table) = &bag.source {
            let table = table.clone();
            bag.source = Source::Names(Box::new(Names { table, columns, nothing: vec![None] }));
        }
    }

    /// Reads the `where` of a set of names: alone there, columns of the table have names.
    pub(super) fn read_where_of_names(&mut self, scope: Scope, node: &Node) {
        self.in_where_of_names = true;
        self.read_where(scope, node);
        self.in_where_of_names = false;
    }
}

impl TypeDraft {
    /// What is no name, now that the root's `nothing` is known.
    pub(super) fn settle_names(&mut self) {
        let given = self.extras.first().map(|x| x.nothing.clone()).unwrap_or_default();
        let Some(root) = self.shape.parts.first_mut().filter(|_| self.is_names) else { return };
        // Nobody writes a constant into a row that is not there.
        root.constants.clear();
        if let Source::Names(names) = &mut Arc::make_mut(&mut root.bag).source
            && !given.is_empty()
        {
            let value = |template: &Template| match template {
                Template::Literal(value) => Some(value.clone()),
                _ => None,
            };
            names.nothing = given.iter().map(value).collect();
        }
    }
}
