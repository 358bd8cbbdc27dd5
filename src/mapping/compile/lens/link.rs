//! Lenses that point at other resources.

use std::ops::Range;

use crate::{
    mapping::{
        codec::Codec,
        compile::{
            Compiler,
            draft::{BySite, Face, PendingInverse, RuleDraft, Scope},
            keys::{Keys, suggest},
            lens::{Made, Site},
        },
        form::Assign,
        lens::{Dangling, Inverse, Lens, Pointers, RefTarget, Reference, Search},
        node::Node,
        shape::{FieldRef, PartId},
    },
    scim::schema::{DataType, Mutability, SchemaAttribute},
    store::{FieldKind, Source, Value},
};

/// A pointer of a type: its part and field, what is between it and its value, and the field that this equals.
type Points = ((PartId, FieldRef), Vec<Codec>, FieldRef);

impl Compiler {
    /// `{ field = …, ref = … }`.
    pub(super) fn reference_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let a = site.attribute;
        let element = site.inner && a.name == "value";
        let whole = !a.multi_valued && a.data_type == DataType::Complex && a.find_sub("value").is_some();
        // The value is the target's URI: of an attribute, a sub-attribute, or each element of a list.
        let uri = a.data_type == DataType::Reference && (site.inner || !a.multi_valued);
        // A list of as many as there are fields: `groups` of a row that names one.
        let list = site.is_list() && a.data_type == DataType::Complex && a.find_sub("value").is_some();
        if !element && !whole && !uri && !list {
            let help = "a reference binds a complex attribute such as `manager`, an attribute of the type `reference`, \
                        or the `value` of rows";
            self.error("wrong-lens", node, format!("`{}` is no reference", a.name), help);
            return None;
        }
        let Some(at) = node.get("field") else {
            let help = "write `field = \"…\"`, the field that holds the pointer";
            self.error("missing-key", node, "the reference has no `field`", help);
            return None;
        };
        let name = self.plain(at, "`field`")?;
        let field = self.field(site.scope, &name, &at.span)?;
        let (field, node) = &self.first_of(site.scope.ty, field, node);
        let field = field.clone();
        let shared = self.shared(site, node);
        let codecs = node.get("codec").map(|n| self.codecs(n)).unwrap_or_default();
        let types = self.ref_types(node);
        let targets = self.ref_targets(node, &types, &field, site.scope.ty);
        let here = node.get("here").map(|n| self.set(site.scope, n)).unwrap_or_default();
        let there = self.read_there(site.scope.ty, node, &types);
        let words = [("hide", Dangling::Hide), ("reject", Dangling::Reject), ("show", Dangling::Show)];
        let dangling = self.word_key(node, "dangling", &words).unwrap_or_default();
        if !list || a.mutability != Mutability::ReadOnly {
            // A list that clients cannot write changes from the other side alone, so another attribute may write
            // the field, too.
            self.note_write(site, shared.common.write, &field, &at.span);
        }
        if targets.is_empty() {
            return None;
        }
        let display = if a.find_sub("displayName").is_some() { "displayName" } else { "display" };
        let names = self.type_names(&types);
        let of_type =
            |(ty, _): &(usize, Range<usize>)| self.types.get(*ty).map(|t| t.declared.endpoint.clone());
        let endpoints = if uri { types.iter().filter_map(of_type).collect() } else { Vec::new() };
        let draft = self.types.get_mut(site.scope.ty)?;
        draft.references.push(RefTarget { types: targets, dangling, there, display });
        let target = draft.references.len() - 1;
        let face = pointer_face(a, &shared.face, &names, whole, list);
        let reference =
            Reference { field, codecs, target, endpoints, tree: None, here, common: shared.common };
        let direct = a.mutability == Mutability::ReadOnly;
        let lens = match list {
            true => Lens::Pointers(Pointers { places: vec![reference], direct }),
            false => Lens::Reference(reference),
        };
        Some(Made { lens, face })
    }

    /// What is carried out on the target, whose fields it names; the values are made of fields of the type
    /// that points.
    fn read_there(&mut self, owner: usize, node: &Node, types: &[(usize, Range<usize>)]) -> Vec<Assign> {
        let Some(table) = node.get("there") else { return Vec::new() };
        let [(ty, _)] = types else {
            let help = "write a reference at one type, or leave `there` out";
            self.error(
                "bad-value",
                table,
                "`there` names fields of one type, and this points at several",
                help,
            );
            return Vec::new();
        };
        self.set_by(Scope { ty: *ty, part: 0 }, Scope { ty: owner, part: 0 }, table)
    }

    pub(super) fn type_names(&self, types: &[(usize, Range<usize>)]) -> Vec<String> {
        types.iter().filter_map(|(ty, _)| self.types.get(*ty)).map(|t| t.name.clone()).collect()
    }

    pub(super) fn ref_types(&mut self, node: &Node) -> Vec<(usize, Range<usize>)> {
        let mut out = Vec::new();
        for (name, span) in self.texts_key(node, "ref") {
            match self.types.iter().position(|t| t.name == name) {
                Some(ty) => out.push((ty, span)),
                None => {
                    let help = suggest(&name, self.types.iter().map(|t| t.name.as_str()), "the file maps");
                    self.diagnostics.error(
                        "unknown-type",
                        &span,
                        format!("the file maps no type `{name}`"),
                        help,
                    );
                }
            }
        }
        out
    }

    /// The fields of the target types that the pointer may hold.
    fn ref_targets(
        &mut self,
        node: &Node,
        types: &[(usize, Range<usize>)],
        pointer: &FieldRef,
        owner: usize,
    ) -> Vec<(usize, FieldRef)> {
        let named = self.texts_key(node, "by");
        let mut out = Vec::new();
        if node.get("by").is_none() {
            for (ty, span) in types {
                let Some(field) = self.default_by(*ty, span) else { continue };
                out.push((*ty, field));
            }
        }
        for (name, span) in named {
            for (ty, _) in types {
                let Some(field) = self.field(Scope { ty: *ty, part: 0 }, &name, &span) else { continue };
                if let Some(draft) = self.types.get_mut(owner) {
                    draft.bys.push(BySite { target: *ty, field: field.clone(), span: span.clone() });
                }
                out.push((*ty, field));
            }
        }
        let is_dn = out.iter().any(|(ty, f)| {
            let bag = self.types.get(*ty).map(|t| t.shape.part(f.part).bag.clone());
            bag.is_some_and(|b| b.fields.get(f.field).is_some_and(|f| f.kind == FieldKind::Dn))
        });
        if let Some(draft) = self.types.get_mut(owner).filter(|_| is_dn) {
            draft.declare(pointer, FieldKind::Dn);
        }
        out
    }

    /// LDAP: the DN; SQL: the key.
    pub(super) fn default_by(&mut self, ty: usize, span: &Range<usize>) -> Option<FieldRef> {
        let draft = self.types.get_mut(ty)?;
        let root = draft.shape.root();
        let field = match (&root.bag.source, root.bag.key.as_slice()) {
            (Source::Entries { .. }, _) => draft.intern(0, "dn"),
            (Source::Table(_) | Source::Items(_) | Source::Names(_), [key]) => *key,
            (Source::Table(_) | Source::Items(_) | Source::Names(_), key) => {
                if !key.is_empty() {
                    let message = format!("`{}` has a key of several columns", draft.name);
                    self.diagnostics.error("missing-key", span, message, "write `by = \"column\"`");
                }
                return None;
            }
        };
        Some(FieldRef { part: 0, field, slot: None })
    }

    /// `{ search = "memberURL", ref = "User" }`.
    pub(super) fn search_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let at = node.get("search")?;
        if !self.is_ldap() {
            self.forbid(node, &["search"], "SQL");
            return None;
        }
        if !site.is_list() || site.attribute.data_type != DataType::Complex {
            self.wrong_lens(node, site, "is no list of references");
            return None;
        }
        let name = self.plain(at, "`search`")?;
        let field = self.field(site.scope, &name, &at.span)?;
        if let Some(draft) = self.types.get_mut(site.scope.ty) {
            draft.change_field(&field, &|f| f.many = true);
        }
        if node.get("ref").is_none() {
            let help = "write `ref = \"User\"`, the type among which it searches";
            self.error("missing-key", node, "whom the search may find is open", help);
            return None;
        }
        let types = self.ref_types(node);
        if types.is_empty() {
            return None;
        }
        let shared = self.shared(site, node);
        let names = self.type_names(&types);
        let face =
            Face { writable: false, ..pointer_face(site.attribute, &shared.face, &names, false, true) };
        let types = types.into_iter().map(|(ty, _)| ty).collect();
        Some(Made { lens: Lens::Search(Search { field, types }), face })
    }

    /// `{ inverse = "Type.attribute" }`.
    pub(super) fn inverse_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let at = node.get("inverse")?;
        if !site.is_list() {
            self.wrong_lens(node, site, "holds one value");
            return None;
        }
        let text = self.plain(at, "`inverse`")?;
        let Some((holder, attribute)) = text.split_once('.') else {
            self.error(
                "bad-path",
                at,
                format!("`{text}` names no attribute of a type"),
                "write for example `Group.members`",
            );
            return None;
        };
        let via = match node.get("via") {
            None => None,
            Some(via) => Some(self.via(site, via)?),
        };
        let superset = self.bool_key(node, "superset").unwrap_or_default();
        let nested = self.bool_key(node, "nested").unwrap_or_default();
        if let Some(at) = node.get("superset").filter(|_| superset && (via.is_none() || nested)) {
            let help =
                "it says of `via` that it lists more; `nested` follows the groups within groups itself";
            self.error("bad-value", at, "`superset` goes with `via`, and not with `nested`", help);
        }
        let initial = self.initial_holders(node);
        let accepts = self.shared(site, node);
        self.pending_inverse(
            site.scope.ty,
            PendingInverse {
                index: 0,
                holder: holder.to_owned(),
                attribute: attribute.to_owned(),
                via,
                superset,
                nested,
                initial,
                span: at.span.clone(),
            },
            accepts.face,
        )
    }

    /// `initial` of an inverse lens: who holds every new resource.
    fn initial_holders(&mut self, node: &Node) -> Vec<(Value, Range<usize>)> {
        let Some(at) = node.get("initial") else { return Vec::new() };
        if !self.is_ldap() {
            self.unsupported(&at.span, "`initial` of an inverse lens in SQL");
            return Vec::new();
        }
        let named = at.items().iter();
        named
            .filter_map(|item| Some((Value::Text(self.plain(item, "a holder")?), item.span.clone())))
            .collect()
    }

    fn pending_inverse(&mut self, ty: usize, mut pending: PendingInverse, face: Face) -> Option<Made> {
        let draft = self.types.get_mut(ty)?;
        let index = draft.inverses.len();
        pending.index = index;
        // A change is made on the other side, where the pointers are.
        let face = Face { writable: false, types: vec![pending.holder.clone()], ..face };
        draft.inverses.push(None);
        draft.pending.push(pending);
        Some(Made { lens: Lens::Inverse(index), face })
    }

    fn via(&mut self, site: &Site<'_>, via: &Node) -> Option<(FieldRef, String, Range<usize>)> {
        self.check_keys(via, &Keys { what: "`via`", known: &["field", "by"], later: &[] });
        let (Some(field), Some(by)) = (via.get("field"), via.get("by")) else {
            let help = "write `via = { field = \"memberOf\", by = \"dn\" }`";
            self.error("missing-key", via, "`via` needs `field` and `by`", help);
            return None;
        };
        let (name, span) = (self.plain(field, "`field`")?, by.span.clone());
        let by = self.plain(by, "`by`")?;
        let found = self.field(site.scope, &name, &field.span)?;
        let draft = self.types.get_mut(site.scope.ty)?;
        draft.change_field(&found, &|f| f.many = true);
        if by == "dn" {
            draft.declare(&found, FieldKind::Dn);
        }
        Some((found, by, span))
    }

    /// Finds the lenses that inverse lenses mirror, now that all lenses are there.
    pub(crate) fn link_inverses(&mut self) {
        self.default_groups();
        for ty in 0..self.types.len() {
            let pending = self.types.get_mut(ty).map(|t| std::mem::take(&mut t.pending)).unwrap_or_default();
            for one in pending {
                let index = one.index;
                let inverse = self.link_inverse(ty, one);
                if let Some(slot) = self.types.get_mut(ty).and_then(|t| t.inverses.get_mut(index)) {
                    *slot = inverse;
                }
            }
        }
    }

    /// `User.groups` is the inverse of `Group.members`, unless the file says otherwise.
    fn default_groups(&mut self) {
        let find = |name: &str| self.types.iter().position(|t| t.name == name);
        let (Some(user), Some(group)) = (find("User"), find("Group")) else { return };
        let Some(draft) = self.types.get(user) else { return };
        let has = draft.rules.iter().any(|r| r.rule.urn.is_none() && r.rule.attribute == "groups");
        if has || self.pointers(group, "members", user).is_empty() {
            return;
        }
        let Some(attribute) = draft.declared.core.find("groups").cloned() else { return };
        let span = draft.span.clone();
        let pending = PendingInverse {
            index: 0,
            holder: "Group".to_owned(),
            attribute: "members".to_owned(),
            via: None,
            superset: false,
            nested: false,
            initial: Vec::new(),
            span: span.clone(),
        };
        if let Some(made) = self.pending_inverse(user, pending, Face::default()) {
            self.push_rule(user, None, &attribute, "User.groups".to_owned(), made.lens, made.face, span);
        }
    }

    fn link_inverse(&mut self, ty: usize, one: PendingInverse) -> Option<Inverse> {
        let Some(holder) = self.types.iter().position(|t| t.name == one.holder) else {
            let help = suggest(&one.holder, self.types.iter().map(|t| t.name.as_str()), "the file maps");
            let message = format!("the file maps no type `{}`", one.holder);
            self.diagnostics.error("unknown-type", &one.span, message, help);
            return None;
        };
        let searches = self.searches(holder, &one.attribute, ty);
        let mut found = self.pointers(holder, &one.attribute, ty).into_iter();
        let Some(((part, pointer), codecs, by)) = found.next() else {
            if self.types.get(holder).is_some_and(|t| t.broken) {
                return None; // what is wrong there is reported
            }
            let message = format!("`{}.{}` holds no references to this type", one.holder, one.attribute);
            let help = "the attribute named here must be `{ rows = …, ref = … }` or `{ field = …, ref = … }` with this type among `ref`";
            self.diagnostics.error("inverse-pair", &one.span, message, help);
            return None;
        };
        let via = match one.via {
            None => None,
            Some((field, name, span)) => {
                Some((field, self.field(Scope { ty: holder, part: 0 }, &name, &span)?))
            }
        };
        let initial = match one.initial.first() {
            None => None,
            Some((_, span)) => {
                let named_by = match &via {
                    Some((_, by)) => Some(by.clone()),
                    None => self.default_by(holder, span),
                };
                let is_dn = |ty: usize, field: &FieldRef| {
                    self.types
                        .get(ty)
                        .is_some_and(|t| t.shape.part(field.part).bag.kind(field.field) == FieldKind::Dn)
                };
                if !is_dn(ty, &by) || part != pointer.part {
                    self.unsupported(span, "`initial` of an inverse lens whose pointers are not DNs");
                }
                named_by.map(|field| (field, one.initial.into_iter().map(|(value, _)| value).collect()))
            }
        };
        let nested = match one.nested {
            false => None,
            true => match self.pointers(holder, &one.attribute, holder).into_iter().next() {
                Some(((part, pointer), codecs, by)) => Some(Box::new(Inverse {
                    holder,
                    attribute: one.attribute.clone(),
                    part,
                    pointer,
                    codecs,
                    more: Vec::new(),
                    searches: Vec::new(),
                    by,
                    writable: false,
                    shows_type: false,
                    via: None,
                    superset: false,
                    nested: None,
                    initial: None,
                })),
                None => {
                    let message =
                        format!("`{}.{}` never points at a {}", one.holder, one.attribute, one.holder);
                    let help =
                        format!("name the type among its `ref`: `ref = [\"User\", \"{}\"]`", one.holder);
                    self.diagnostics.error("inverse-pair", &one.span, message, help);
                    None
                }
            },
        };
        // The schema has `groups` read-only to clients; only the file's own word keeps the gateway from it.
        let is_list = self.types.get(holder).is_some_and(|t| {
            let node = t.node.get("attributes").and_then(|a| a.get(&one.attribute));
            let says = |key: &str| node.is_some_and(|n| n.get(key).is_some());
            let has_rows = |rule: &RuleDraft| {
                matches!(rule.rule.lens, Lens::Rows(_) | Lens::Pointers(_))
                    && rule.rule.attribute == one.attribute
            };
            t.rules.iter().any(has_rows) && !says("write") && !says("mutability")
        });
        let draft = self.types.get_mut(ty)?;
        let is_it = |lens: &Lens| matches!(lens.bare(), Lens::Inverse(i) if *i == one.index);
        let is_among = |lens: &Lens| matches!(lens, Lens::Union(list) if list.iter().any(is_it));
        let own = draft.rules.iter_mut().find(|r| is_it(&r.rule.lens) || is_among(&r.rule.lens));
        // Beside other lenses it shows who belongs there, and is changed on the other side only.
        let is_alone = own.as_ref().is_none_or(|r| !is_among(&r.rule.lens));
        let declared = own.as_ref().and_then(|r| draft.declared.core.find(&r.rule.attribute));
        let shows_type = declared.is_some_and(|a| a.mutability != Mutability::ReadOnly);
        let writable = shows_type && is_list && is_alone && via.is_none();
        if let Some(rule) = own.filter(|r| r.rule.urn.is_none() && writable) {
            rule.face.writable = true;
        }
        Some(Inverse {
            holder,
            attribute: one.attribute,
            part,
            pointer,
            codecs,
            more: found
                .map(|(at, ..)| at)
                .filter(|(part, _)| *part == 0)
                .map(|(_, pointer)| pointer)
                .collect(),
            searches,
            by,
            via,
            superset: one.superset,
            nested,
            initial,
            writable,
            shows_type,
        })
    }

    /// The fields of a type's attribute whose searches may find resources of another type.
    fn searches(&self, holder: usize, attribute: &str, target: usize) -> Vec<FieldRef> {
        let rules = self.types.get(holder).map_or(&[][..], |draft| &draft.rules);
        let mut found = Vec::new();
        let named = rules.iter().filter(|r| r.rule.attribute.eq_ignore_ascii_case(attribute));
        named.for_each(|r| collect_searches(&r.rule.lens, &mut found));
        let at_target = found.into_iter().filter(|search| search.types.contains(&target));
        at_target.map(|search| search.field.clone()).collect()
    }

    /// Where an attribute of a type holds pointers at another type: for each the part and the pointer, what
    /// is between it and its value, and the field of the other type that this equals.
    fn pointers(&self, holder: usize, attribute: &str, target: usize) -> Vec<Points> {
        let Some(draft) = self.types.get(holder) else { return Vec::new() };
        let named = draft.rules.iter().find(|r| r.rule.attribute.eq_ignore_ascii_case(attribute));
        let Some(rule) = named else { return Vec::new() };
        let mut found = Vec::new();
        collect(&rule.rule.lens, &mut found);
        let points = found.into_iter().filter_map(|reference| {
            let types = &draft.references.get(reference.target)?.types;
            let (_, by) = types.iter().find(|(ty, _)| *ty == target)?;
            let pointer = (reference.field.part, reference.field.clone());
            Some((pointer, reference.codecs.clone(), by.clone()))
        });
        points.collect()
    }
}

/// The searches of a rule.
fn collect_searches<'a>(lens: &'a Lens, out: &mut Vec<&'a Search>) {
    match lens {
        Lens::Search(search) => out.push(search),
        Lens::First(list) | Lens::Union(list) => list.iter().for_each(|l| collect_searches(l, out)),
        Lens::Guarded(guarded) => collect_searches(&guarded.lens, out),
        _ => {}
    }
}

/// The schema's face of a pointer.
pub(super) fn pointer_face(
    a: &SchemaAttribute,
    shared: &Face,
    names: &[String],
    whole: bool,
    list: bool,
) -> Face {
    let mut face = Face { types: names.to_vec(), ..shared.clone() };
    if whole || list {
        let subs = ["value", "$ref", "display", "displayName"]
            .into_iter()
            .chain(list.then_some("type"))
            .filter(|n| a.find_sub(n).is_some());
        let of = |n: &str| Face {
            types: if n == "$ref" { names.to_vec() } else { Vec::new() },
            ..Face::default()
        };
        face.subs = Some(subs.map(|n| (n.to_owned(), of(n))).collect());
    }
    face
}

/// The reference lenses of a rule.
fn collect<'a>(lens: &'a Lens, out: &mut Vec<&'a Reference>) {
    match lens {
        Lens::Reference(reference) if reference.tree.is_none() => out.push(reference),
        Lens::Pointers(pointers) => out.extend(&pointers.places),
        Lens::Rows(rows) => {
            rows.each.iter().filter(|s| s.name == "value").for_each(|s| collect(&s.lens, out))
        }
        Lens::First(list) | Lens::Union(list) => list.iter().for_each(|l| collect(l, out)),
        Lens::Guarded(guarded) => collect(&guarded.lens, out),
        _ => {}
    }
}
