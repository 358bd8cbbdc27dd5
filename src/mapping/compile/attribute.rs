//! The attribute layer: gathers the keys that speak of one attribute and makes
//! one rule of them.
//!
//! Keys of parts of an attribute are rewritten to the table form before they
//! are compiled: `'name.givenName' = x` to `name = { sub = { givenName = x } }`,
//! `'emails[type eq "work"].value' = x` to `emails = { slots = { work = { sub =
//! { value = x } } } }`. So each lens has one form only.

use std::ops::Range;

use crate::{
    mapping::{
        StoreKind,
        compile::{
            Compiler,
            draft::{Face, RuleDraft, Scope},
            keys::Keys,
            lens::Site,
            path::PathKey,
        },
        lens::{Lens, Rule},
        node::{Key, Kind, Node},
    },
    scim::{
        self,
        schema::{DataType, Mutability, Returned, SchemaAttribute, Uniqueness},
    },
    store::Profile,
};

/// One key with what it binds.
struct Entry {
    path: PathKey,
    node: Node,
    span: Range<usize>,
}

/// All that binds one attribute.
struct Bound {
    urn: Option<String>,
    attribute: SchemaAttribute,
    entries: Vec<Entry>,
}

impl Compiler {
    /// Compiles the attribute layer of every type.
    pub(super) fn read_attributes(&mut self) {
        for ty in 0..self.types.len() {
            let Some(root) = self.node(ty) else { continue };
            self.reading(ty, |c| {
                let mut bound: Vec<Bound> = Vec::new();
                for entry in c.entries(ty, &root) {
                    bind(&mut bound, entry);
                }
                c.add_meta(ty, &root, &mut bound);
                for one in bound {
                    c.read_rule(ty, one);
                }
                c.add_sides(ty, &root);
            });
        }
    }

    fn entries(&mut self, ty: usize, root: &Node) -> Vec<Entry> {
        let mut out = Vec::new();
        match root.get("attributes") {
            Some(table) if self.is_table(table, "`attributes`") => {
                for (key, node) in table.entries() {
                    self.entry(ty, key, node, &mut out);
                }
            }
            Some(_) => {}
            None => self.error("missing-key", root, "this type maps no attribute", "write `[….attributes]`"),
        }
        for (text, span) in self.listed_paths(root, "same") {
            let Some(path) = self.path(ty, &text, &span) else { continue };
            let field = text.rsplit([':', '.']).next().unwrap_or(&text).to_owned();
            out.push(Entry { path, node: Node { span: span.clone(), kind: Kind::Text(field) }, span });
        }
        for (text, span) in self.listed_paths(root, "side") {
            if text == "*" {
                continue;
            }
            let Some(path) = self.path(ty, &text, &span) else { continue };
            out.push(Entry {
                path,
                node: Node { span: span.clone(), kind: Kind::Text("@side".to_owned()) },
                span,
            });
        }
        out
    }

    /// One key; a whole extension is taken apart.
    fn entry(&mut self, ty: usize, key: &Key, node: &Node, out: &mut Vec<Entry>) {
        let Some(path) = self.path(ty, &key.name, &key.span) else { return };
        if path.attribute.is_some() {
            out.push(Entry { path, node: node.clone(), span: key.span.clone() });
            return;
        }
        self.check_keys(node, &Keys { what: "an extension", known: &["sub"], later: &[] });
        let Some(table) = node.get("sub").filter(|t| self.is_table(t, "`sub`")) else {
            let help = "write `{ sub = { attribute = … } }`";
            self.error("no-lens", node, "a whole extension is bound attribute by attribute", help);
            return;
        };
        for (sub, node) in table.entries() {
            let name = path.urn.iter().map(String::as_str).chain([sub.name.as_str()]).collect::<Vec<_>>();
            let key = Key { name: name.join(":"), span: sub.span.clone() };
            self.entry(ty, &key, node, out);
        }
    }

    /// Times of creation and change that come with a directory's profile.
    fn add_meta(&mut self, ty: usize, root: &Node, bound: &mut Vec<Bound>) {
        let StoreKind::Ldap { profile } = self.store else { return };
        let (created, modified) = match profile {
            Profile::OpenLdap | Profile::Ds389 => ("createTimestamp", "modifyTimestamp"),
            Profile::ActiveDirectory => ("whenCreated", "whenChanged"),
        };
        let text = |text: &str| Node { span: root.span.clone(), kind: Kind::Text(text.to_owned()) };
        for (sub, field) in [("created", created), ("lastModified", modified)] {
            let has = bound.iter().filter(|b| b.attribute.name == "meta").flat_map(|b| &b.entries);
            if has.into_iter().any(|e| {
                e.path.sub.as_deref() == Some(sub) || e.node.get("sub").is_some_and(|s| s.get(sub).is_some())
            }) {
                continue;
            }
            let span = root.span.clone();
            let Some(path) = self.path(ty, &format!("meta.{sub}"), &span) else { return };
            let lens = [("field", text(field)), ("codec", text("generalized_time"))];
            bind(bound, Entry { path, node: table(lens, &span), span });
        }
    }

    fn read_rule(&mut self, ty: usize, bound: Bound) {
        let span = bound.entries.first().map_or(0..0, |e| e.span.clone());
        let Some(node) = self.merge(&bound) else { return };
        let owner = self.types.get(ty).map(|t| t.name.clone()).unwrap_or_default();
        let name = match &bound.urn {
            Some(urn) => format!("{owner}.{urn}:{}", bound.attribute.name),
            None => format!("{owner}.{}", bound.attribute.name),
        };
        let site = Site::new(Scope { ty, part: 0 }, &name, &bound.attribute);
        if let Some(made) = self.lens(&site, &node) {
            self.push_rule(ty, bound.urn, &bound.attribute, name, made.lens, made.face, span);
        }
    }

    /// Adds a rule.
    #[expect(clippy::too_many_arguments, reason = "they are the fields of a rule")]
    pub(super) fn push_rule(
        &mut self,
        ty: usize,
        urn: Option<String>,
        attribute: &SchemaAttribute,
        name: String,
        lens: Lens,
        face: Face,
        span: Range<usize>,
    ) {
        let rule = Rule { name, urn, attribute: attribute.name.clone(), many: attribute.multi_valued, lens };
        if let Some(draft) = self.types.get_mut(ty) {
            draft.rules.push(RuleDraft { rule, face, span });
        }
    }

    /// What binds an attribute, as one lens.
    fn merge(&mut self, bound: &Bound) -> Option<Node> {
        let (whole, pieces): (Vec<&Entry>, Vec<&Entry>) =
            bound.entries.iter().partition(|e| e.path.slot.is_none() && e.path.sub.is_none());
        if let [first, second, ..] = whole.as_slice() {
            self.duplicate(bound, first, second);
            return None;
        }
        let mut out = whole.first().map(|e| e.node.clone());
        for entry in pieces {
            let lens = entry.node.clone();
            let at = |key: &str| Key { name: key.to_owned(), span: entry.span.clone() };
            let wrap = |key: &str, node: Node| Node {
                span: entry.span.clone(),
                kind: Kind::Table(vec![(at(key), node)]),
            };
            let piece = match (&entry.path.slot, &entry.path.sub) {
                (None, Some(sub)) => wrap("sub", wrap(sub, lens)),
                (Some(slot), None) => wrap("slots", wrap(slot, lens)),
                (Some(slot), Some(sub)) => wrap("slots", wrap(slot, wrap("sub", wrap(sub, lens)))),
                (None, None) => lens,
            };
            match &mut out {
                None => out = Some(piece),
                Some(out) if can_merge(out, &piece) => out.merge(piece),
                Some(_) => {
                    let first = bound.entries.first()?;
                    self.duplicate(bound, first, entry);
                    return None;
                }
            }
        }
        out.map(|node| lift_reference(&bound.attribute, node))
    }

    fn duplicate(&mut self, bound: &Bound, first: &Entry, second: &Entry) {
        let second = if first.span.start < second.span.start { second } else { first };
        let message = format!("`{}` is bound twice", bound.attribute.name);
        let help = "keep one of the two keys, or write an array of lenses";
        self.diagnostics.error("duplicate-attribute", &second.span, message, help);
    }

    /// `externalId` always, and with `side = "*"` every attribute that nothing binds, is kept in our own database.
    fn add_sides(&mut self, ty: usize, root: &Node) {
        let all = root.get("side").is_some_and(|n| n.items().iter().any(|i| i.text() == Some("*")));
        let span = root.get("side").map_or_else(|| root.span.clone(), |n| n.span.clone());
        let Some(draft) = self.types.get(ty) else { return };
        let owner = draft.name.clone();
        let extensions = draft.declared.extensions.iter().filter(|(s, _)| s.id == scim::ENTERPRISE);
        let schemas = std::iter::once((None, &draft.declared.core))
            .chain(extensions.map(|(s, _)| (Some(s.id.clone()), s)));
        let attributes: Vec<(Option<String>, SchemaAttribute)> =
            schemas.flat_map(|(urn, s)| s.attributes.iter().map(move |a| (urn.clone(), a.clone()))).collect();
        for (urn, attribute) in attributes {
            let has = draft_rule(self, ty, urn.as_deref(), &attribute.name);
            let kept = attribute.name == "externalId" || (all && can_keep(&attribute));
            match has {
                Some(index) if all => self.complete_complex(ty, index, &attribute),
                None if kept => {
                    let name = match &urn {
                        Some(urn) => format!("{owner}.{urn}:{}", attribute.name),
                        None => format!("{owner}.{}", attribute.name),
                    };
                    self.push_rule(ty, urn, &attribute, name, Lens::Side, Face::default(), span.clone());
                }
                _ => {}
            }
        }
    }

    /// Keeps the sub-attributes of a complex value that its rule does not bind.
    fn complete_complex(&mut self, ty: usize, index: usize, attribute: &SchemaAttribute) {
        let Some(draft) = self.types.get_mut(ty).and_then(|t| t.rules.get_mut(index)) else { return };
        let (Lens::Complex(subs), Some(faces)) = (&mut draft.rule.lens, &mut draft.face.subs) else { return };
        for sub in attribute.sub_attributes.iter().filter(|s| can_keep(s)) {
            if !subs.iter().any(|s| s.name == sub.name) {
                subs.push(crate::mapping::lens::Sub { name: sub.name.clone(), lens: Lens::Side });
                faces.push((sub.name.clone(), Face::default()));
            }
        }
    }
}

fn draft_rule(compiler: &Compiler, ty: usize, urn: Option<&str>, name: &str) -> Option<usize> {
    let rules = &compiler.types.get(ty)?.rules;
    rules.iter().position(|r| r.rule.urn.as_deref() == urn && r.rule.attribute == name)
}

fn bind(bound: &mut Vec<Bound>, entry: Entry) {
    let Some(attribute) = entry.path.attribute.clone() else { return };
    let found = bound.iter_mut().find(|b| b.urn == entry.path.urn && b.attribute.name == attribute.name);
    match found {
        Some(one) => one.entries.push(entry),
        None => bound.push(Bound { urn: entry.path.urn.clone(), attribute, entries: vec![entry] }),
    }
}

/// True if clients may give it and it is no secret.
fn can_keep(attribute: &SchemaAttribute) -> bool {
    attribute.mutability != Mutability::ReadOnly
        && attribute.mutability != Mutability::WriteOnly
        && attribute.returned != Returned::Never
        && attribute.uniqueness == Uniqueness::None
        && !matches!(attribute.name.as_str(), "id" | "schemas" | "meta")
}

/// True if a piece binds something of an attribute that the other does not: no value is replaced.
fn can_merge(a: &Node, b: &Node) -> bool {
    b.entries().iter().all(|(key, theirs)| match a.get(&key.name) {
        None => {
            matches!(key.name.as_str(), "sub" | "slots") && a.entries().iter().all(|(k, _)| is_piece(&k.name))
        }
        Some(mine) => {
            matches!((&mine.kind, &theirs.kind), (Kind::Table(_), Kind::Table(_))) && {
                theirs.entries().iter().all(|(k, t)| mine.get(&k.name).is_none_or(|m| can_merge_inner(m, t)))
            }
        }
    })
}

fn can_merge_inner(a: &Node, b: &Node) -> bool {
    let inner = |n: &Node| n.get("sub").is_some_and(|s| matches!(s.kind, Kind::Table(_)));
    inner(a) && inner(b) && can_merge(a, b)
}

fn is_piece(key: &str) -> bool {
    matches!(key, "slots" | "primary" | "rest")
}

/// `manager.value` bound to a reference is a reference as a whole.
fn lift_reference(attribute: &SchemaAttribute, node: Node) -> Node {
    let single = attribute.data_type == DataType::Complex && !attribute.multi_valued;
    let value = node.get("sub").filter(|s| s.entries().len() == 1).and_then(|s| s.get("value"));
    match value {
        Some(value) if single && value.get("ref").is_some() => value.clone(),
        _ => node,
    }
}

fn table<const N: usize>(entries: [(&str, Node); N], span: &Range<usize>) -> Node {
    let entries = entries.map(|(k, n)| (Key { name: k.to_owned(), span: span.clone() }, n));
    Node { span: span.clone(), kind: Kind::Table(entries.into()) }
}
