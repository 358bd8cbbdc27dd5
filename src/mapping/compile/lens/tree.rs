//! `{ tree = …, ref = … }`: a parent that is told by a path.

use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::{BySite, Scope},
            lens::{Made, Site, link::pointer_face},
        },
        lens::{
            Dangling, Lens, RefTarget, Reference,
            tree::{Spelling, Tree},
        },
        node::{Kind, Node},
        shape::FieldRef,
    },
    scim::schema::DataType,
    store::{FieldKind, Source},
};

/// Where a separator stands beside between two names: before the first, behind the last.
const AROUND: &[(&str, (bool, bool))] =
    &[("none", (false, false)), ("start", (true, false)), ("end", (false, true)), ("both", (true, true))];

impl Compiler {
    /// `{ tree = "path", sep = "/", by = "id", ref = "User" }`.
    pub(super) fn tree_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let (a, at) = (site.attribute, node.get("tree")?);
        let whole = !a.multi_valued && a.data_type == DataType::Complex && a.find_sub("value").is_some();
        if !whole || site.inner || site.scope.part != 0 {
            let help = "a tree binds a complex attribute with a `value`, such as `manager`";
            self.error("wrong-lens", node, format!("`{}` is no pointer at a parent", a.name), help);
            return None;
        }
        if matches!(at.kind, Kind::Array(_)) {
            self.unsupported(&at.span, "a tree of nested sets");
            return None;
        }
        let is_table = |s: &Source| matches!(s, Source::Table(_));
        if !self.types.get(site.scope.ty).is_some_and(|t| is_table(&t.shape.root().bag.source)) {
            let help = "a directory's entries have DNs: write `{ field = \"manager\", ref = \"User\" }`";
            self.error("store-kind", at, "paths lie in a column of a table", help);
            return None;
        }
        let name = self.plain(at, "`tree`")?;
        let field = self.field(site.scope, &name, &at.span)?;
        let types = self.ref_types(node);
        let own = self.own_name(site, node)?;
        let is_own =
            |list: &[(usize, std::ops::Range<usize>)]| matches!(list, [(ty, _)] if *ty == site.scope.ty);
        if field.part != 0 || own == field || !is_own(&types) {
            let help =
                "name a column of the root, and by `ref` the type itself: all of a path is of one table";
            self.error("bad-value", node, "this is no path of resources of this type", help);
            return None;
        }
        let spelling = self.spelling(node)?;
        let shared = self.shared(site, node);
        let words = [("hide", Dangling::Hide), ("reject", Dangling::Reject)];
        let dangling = self.word_key(node, "dangling", &words).unwrap_or_default();
        self.note_write(site, shared.common.write, &field, &at.span);
        let display = if a.find_sub("displayName").is_some() { "displayName" } else { "display" };
        let face = pointer_face(a, &shared.face, &self.type_names(&types), true, false);
        let draft = self.types.get_mut(site.scope.ty)?;
        draft.declare(&field, FieldKind::Text);
        let (types, there) = (vec![(site.scope.ty, field.clone())], Vec::new());
        draft.references.push(RefTarget { types, dangling, there, display });
        let reference = Reference {
            field,
            codecs: Vec::new(),
            target: draft.references.len() - 1,
            endpoints: Vec::new(),
            tree: Some(Tree { own, spelling }),
            here: Vec::new(),
            common: shared.common,
        };
        Some(Made { lens: Lens::Reference(reference), face })
    }

    /// The field whose value is a resource's own name within paths.
    fn own_name(&mut self, site: &Site<'_>, node: &Node) -> Option<FieldRef> {
        let Some(by) = node.get("by") else { return self.default_by(site.scope.ty, &node.span) };
        let name = self.plain(by, "`by`")?;
        let field = self.field(Scope { part: 0, ..site.scope }, &name, &by.span)?;
        let draft = self.types.get_mut(site.scope.ty)?;
        draft.bys.push(BySite { target: site.scope.ty, field: field.clone(), span: by.span.clone() });
        Some(field)
    }

    fn spelling(&mut self, node: &Node) -> Option<Spelling> {
        let separator = self.text_key(node, "sep").unwrap_or_else(|| "/".to_owned());
        let (leads, trails) = self.word_key(node, "around", AROUND).unwrap_or_default();
        if separator.is_empty() {
            self.error(
                "bad-value",
                node.get("sep")?,
                "nothing stands between two names",
                "write `sep = \"/\"`",
            );
            return None;
        }
        Some(Spelling { separator, leads, trails })
    }
}
