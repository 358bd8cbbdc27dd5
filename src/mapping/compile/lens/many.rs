//! Lenses of several values: rows, slots and complex values.

use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::{Face, PartExtra, Scope},
            keys::suggest,
            lens::{Made, Site},
        },
        lens::{Kinds, Lens, Rows, Slots, Sub, Write},
        node::{Key, Kind, Node},
        shape::PartId,
    },
    scim::schema::{DataType, Mutability, SchemaAttribute},
};

impl Compiler {
    /// `{ sub = { name = lens } }`.
    pub(super) fn sub_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        if site.is_list() || site.attribute.data_type != DataType::Complex {
            self.wrong_lens(
                node,
                site,
                if site.is_list() { "holds a list of values" } else { "has no sub-attributes" },
            );
            return None;
        }
        let table = node.get("sub")?;
        if !self.is_table(table, "`sub`") {
            return None;
        }
        let shared = self.shared(site, node);
        let (subs, faces) = self.subs(site, table);
        let writable = shared.face.writable && faces.iter().any(|(_, f)| f.writable);
        let face = Face { writable, subs: Some(faces), ..shared.face };
        Some(Made { lens: Lens::Complex(subs), face })
    }

    /// The sub-attributes of a table, each with its lens.
    fn subs(&mut self, site: &Site<'_>, table: &Node) -> (Vec<Sub>, Vec<(String, Face)>) {
        let mut subs = Vec::new();
        let mut faces = Vec::new();
        for (key, node) in table.entries() {
            let Some(attribute) = self.find_sub(site.attribute, &key.name, &key.span) else { continue };
            let Some(made) = self.lens(&site.sub(&attribute), node) else { continue };
            faces.push((attribute.name.clone(), made.face));
            subs.push(Sub { name: attribute.name, lens: made.lens });
        }
        (subs, faces)
    }

    /// `{ slots = { type = lens } }`.
    pub(super) fn slots_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let attribute = site.attribute;
        if !site.is_list() || attribute.find_sub("type").is_none() {
            self.wrong_lens(node, site, "has no elements with a `type`");
            return None;
        }
        let shared = self.shared(site, node);
        let table = node.get("slots")?;
        if !self.is_table(table, "`slots`") {
            return None;
        }
        let mut slots = Vec::new();
        let mut faces: Vec<(String, Face)> = Vec::new();
        for (key, lens) in table.entries() {
            let inner = Site { inner: true, group: None, ..*site };
            let wrapped = match lens.get("sub") {
                Some(_) => lens.clone(),
                None => value_of(lens, &key.span),
            };
            let Some(made) = self.sub_lens(&inner, &wrapped) else { continue };
            let Lens::Complex(subs) = made.lens else { continue };
            faces = super::union(faces, made.face.subs.unwrap_or_default());
            slots.push((key.name.clone(), subs));
        }
        let names: Vec<String> = table.entries().iter().map(|(k, _)| k.name.clone()).collect();
        let mut primary = Vec::new();
        for (name, span) in self.texts_key(node, "primary") {
            if names.contains(&name) {
                primary.push(name);
            } else {
                let help = suggest(&name, names.iter().map(String::as_str), "slots are");
                self.diagnostics.error("unknown-name", &span, format!("there is no slot `{name}`"), help);
            }
        }
        faces.push(("type".to_owned(), Face { canonical: names, ..Face::default() }));
        if !primary.is_empty() && attribute.find_sub("primary").is_some() {
            faces.push(("primary".to_owned(), Face::default()));
        }
        let rest_side =
            self.word_key(node, "rest", &[("reject", false), ("@side", true)]).unwrap_or_default();
        let face = Face { subs: Some(faces), ..shared.face };
        Some(Made { lens: Lens::Slots(Slots { slots, primary, rest_side, common: shared.common }), face })
    }

    /// `{ rows = … }`.
    pub(super) fn rows_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        if !site.is_list() {
            self.wrong_lens(node, site, "holds one value");
            return None;
        }
        let at = node.get("rows")?;
        let part = self.rows_part(site, at)?;
        let shared = self.shared(site, node);
        let each = self.each_table(site, node, part)?;
        let simple = site.attribute.data_type != DataType::Complex;
        let scope = Scope { part, ..site.scope };
        let group = Some(at.span.start);
        let fixed = shared.common.write == Write::No;
        let inner = Site { scope, group, inner: true, fixed, ..*site };
        let (each, faces) = if simple {
            let (subs, face) = self.simple_each(&inner, &each)?;
            (subs, Face { subs: None, canonical: face.canonical, types: face.types, ..shared.face.clone() })
        } else {
            let (subs, faces) = self.subs(&inner, &each);
            let writable = shared.face.writable && faces.iter().any(|(_, f)| f.writable);
            let mut face = Face { writable, subs: Some(faces), ..shared.face.clone() };
            reference_subs(&subs, &mut face, site.attribute);
            (subs, face)
        };
        let kinds = node.get("kinds").and_then(|n| self.kinds(&inner, n));
        if let (Some(Kinds { other: Some(_), .. }), Some(at)) =
            (&kinds, node.get("kinds").and_then(|n| n.get("else")))
        {
            self.lossy(&shared, &at.span, "`else` stores an element that no pair says as another");
        }
        let mut faces = faces;
        if let Some(kinds) = &kinds {
            self.add_kinds(kinds, &each, &mut faces, node.get("kinds").unwrap_or(node));
        }
        if each.is_empty() {
            return None;
        }
        let by = self.rows_by(site, node, &each);
        let words = [("remove", false), ("keep", true)];
        let keeps_unmatched = self.word_key(node, "unmatched", &words).unwrap_or_default();
        if let (Some(at), true) = (node.get("unmatched"), keeps_unmatched) {
            self.lossy(&shared, &at.span, "a PUT that leaves elements out does not remove them");
        }
        let lens = Lens::Rows(Rows { part, each, simple, kinds, by, keeps_unmatched, common: shared.common });
        Some(Made { lens, face: faces })
    }

    /// What is published of the sub-attributes that one field tells.
    fn add_kinds(&mut self, kinds: &Kinds, each: &[Sub], face: &mut Face, node: &Node) {
        let Some(faces) = face.subs.as_mut() else {
            self.error(
                "wrong-lens",
                node,
                "`kinds` is for elements with sub-attributes",
                "write `map` in `each`",
            );
            return;
        };
        let twice =
            kinds.pairs.iter().flat_map(|(_, says)| says.keys()).find(|k| each.iter().any(|s| s.name == **k));
        if let Some(name) = twice {
            let message = format!("`{name}` stands in `kinds` and beside it");
            self.error("duplicate-attribute", node, message, "keep one of the two");
        }
        for (name, json) in kinds.pairs.iter().flat_map(|(_, says)| says) {
            let place = match faces.iter().position(|(known, _)| known == name) {
                Some(place) => place,
                None => {
                    faces.push((name.clone(), Face::default()));
                    faces.len() - 1
                }
            };
            if let (Some((_, face)), Some(text)) = (faces.get_mut(place), json.as_str())
                && !face.canonical.iter().any(|known| known == text)
            {
                face.canonical.push(text.to_owned());
            }
        }
    }

    fn simple_each(&mut self, inner: &Site<'_>, each: &Node) -> Option<(Vec<Sub>, Face)> {
        let Some(value) = each.get("value").filter(|_| each.entries().len() == 1) else {
            let message = format!("the elements of `{}` are simple values", inner.attribute.name);
            self.error("wrong-lens", each, message, "write `each = { value = … }` alone");
            return None;
        };
        let made = self.lens(inner, value)?;
        Some((vec![Sub { name: "value".to_owned(), lens: made.lens }], made.face))
    }

    /// The part that `rows` means; in LDAP also a multi-valued attribute of the entry.
    fn rows_part(&mut self, site: &Site<'_>, at: &Node) -> Option<PartId> {
        let name = self.plain(at, "`rows`")?;
        let draft = self.types.get(site.scope.ty)?;
        let names: Vec<String> = draft.part_names().into_iter().map(str::to_owned).collect();
        if draft.missing.contains(&name) {
            return None;
        }
        let found = draft.find_part(&name);
        match found {
            Some(part) if draft.shape.part(part).many => Some(part),
            Some(part) => {
                let opened = draft.shape.part(part).opened.is_some();
                let help = if opened {
                    "write `many = true` in the part"
                } else {
                    "write `many = true` in the part, or bind one element by `slots`"
                };
                self.error("rows-of-one", at, format!("`{name}` has at most one row"), help);
                None
            }
            None if self.is_ldap() => {
                let field = self.field(site.scope, &name, &at.span)?;
                let draft = self.types.get_mut(site.scope.ty)?;
                Some(draft.open(
                    &field,
                    None,
                    PartExtra { implicit: true, span: at.span.clone(), ..PartExtra::default() },
                ))
            }
            None => {
                let help =
                    suggest(&name, names.iter().map(String::as_str), "declare it below `part`; parts are");
                self.error("unknown-name", at, format!("no part is called `{name}`"), help);
                None
            }
        }
    }

    /// `each`, with the short forms beside `rows` filled in.
    fn each_table(&mut self, site: &Site<'_>, node: &Node, part: PartId) -> Option<Node> {
        let rows = node.get("rows")?;
        let opened = self.types.get(site.scope.ty)?.shape.part(part).opened.is_some();
        let each = node.get("each").cloned();
        if let Some(each) = each.as_ref().filter(|e| !matches!(e.kind, Kind::Table(_))) {
            self.wrong_type(each, "`each`", "a table `{ value = … }`");
            return None;
        }
        let text = |t: &str| Node { span: rows.span.clone(), kind: Kind::Text(t.to_owned()) };
        let key = |k: &str| Key { name: k.to_owned(), span: rows.span.clone() };
        let mut entries = each.map(|e| e.entries().to_vec()).unwrap_or_default();
        let has = |entries: &[(Key, Node)], name: &str| entries.iter().any(|(k, _)| k.name == name);
        if !has(&entries, "value") && opened {
            let mut value = vec![(key("field"), text("it"))];
            let reference = ["ref", "by", "dangling", "here", "there"];
            if node.get("ref").is_some() {
                value.extend(
                    node.entries().iter().filter(|(k, _)| reference.contains(&k.name.as_str())).cloned(),
                );
            } else {
                value.extend(node.entries().iter().filter(|(k, _)| k.name == "match").cloned());
            }
            entries.insert(0, (key("value"), Node { span: rows.span.clone(), kind: Kind::Table(value) }));
        } else if let Some(n) = node.get("ref") {
            let help = "write `each = { value = { field = \"column\", ref = \"User\" } }`";
            self.error("missing-key", n, "which column holds the reference is open", help);
            return None;
        }
        if entries.is_empty() {
            self.error(
                "missing-key",
                node,
                "a row has columns: which are shown is open",
                "write `each = { value = \"column\" }`",
            );
            return None;
        }
        for name in ["type", "primary"] {
            if let Some((k, n)) = node.entries().iter().find(|(k, _)| k.name == name) {
                if has(&entries, name) {
                    self.diagnostics.error(
                        "duplicate-attribute",
                        &k.span,
                        format!("`{name}` stands in `each` too"),
                        "keep one",
                    );
                    continue;
                }
                entries.push((k.clone(), n.clone()));
            }
        }
        // Groups that a user names are direct ones (RFC 7643 §4.1.2), whatever type of resource they are.
        let attribute = site.attribute;
        if attribute.name == "groups"
            && attribute.mutability == Mutability::ReadOnly
            && !has(&entries, "type")
        {
            let direct =
                Node { span: rows.span.clone(), kind: Kind::Table(vec![(key("const"), text("direct"))]) };
            entries.push((key("type"), direct));
        }
        Some(Node { span: node.span.clone(), kind: Kind::Table(entries) })
    }

    /// The sub-attribute by which an element is matched with a row.
    fn rows_by(&mut self, site: &Site<'_>, node: &Node, each: &[Sub]) -> String {
        let names: Vec<&str> = each.iter().map(|s| s.name.as_str()).collect();
        if let Some(by) = node.get("by").filter(|_| node.get("ref").is_none()) {
            let name = by.text().unwrap_or_default().to_owned();
            if !names.contains(&name.as_str()) {
                let help = suggest(&name, names.iter().copied(), "an element has");
                self.error(
                    "unknown-name",
                    by,
                    format!("`{}` has no `{name}` here", site.attribute.name),
                    help,
                );
            }
            return name;
        }
        let usual = ["value", "type"].into_iter().find(|n| names.contains(n));
        usual.or(names.first().copied()).unwrap_or("value").to_owned()
    }
}

/// `{ sub = { value = lens } }`.
fn value_of(lens: &Node, span: &std::ops::Range<usize>) -> Node {
    let wrap = |key: &str, node: Node| Node {
        span: node.span.clone(),
        kind: Kind::Table(vec![(Key { name: key.to_owned(), span: span.clone() }, node)]),
    };
    wrap("sub", wrap("value", lens.clone()))
}

/// A reference as `value` also gives `$ref`, `type` and `display`.
fn reference_subs(subs: &[Sub], face: &mut Face, attribute: &SchemaAttribute) {
    let is_reference = |l: &Lens| matches!(l.bare(), Lens::Reference(_));
    let value = subs.iter().find(|s| s.name == "value");
    let reference = value.is_some_and(|s| match s.lens.bare() {
        Lens::First(list) => list.iter().any(is_reference),
        lens => is_reference(lens),
    });
    let Some(faces) = face.subs.as_mut().filter(|_| reference) else { return };
    let types = faces.iter().find(|(n, _)| n == "value").map(|(_, f)| f.types.clone()).unwrap_or_default();
    for name in ["$ref", "type", "display"] {
        if attribute.find_sub(name).is_some() && !faces.iter().any(|(n, _)| n == name) {
            let (types, canonical) = match name {
                "$ref" => (types.clone(), Vec::new()),
                "type" => (Vec::new(), types.clone()),
                _ => (Vec::new(), Vec::new()),
            };
            faces.push((name.to_owned(), Face { types, canonical, ..Face::default() }));
        }
    }
}
