//! Terms around a lens: when it applies, what comes with a write, what may go.

use crate::{
    mapping::{
        compile::{
            Compiler,
            keys::Keys,
            lens::{Form, Made, Site},
        },
        lens::{Guarded, Kinds, Lens, Source},
        node::{Kind, Node},
        shape::FieldRef,
    },
    scim::Object,
    store::Value,
};

impl Compiler {
    /// Compiles a lens of a kind, with the terms around it.
    pub(super) fn guarded(&mut self, site: &Site<'_>, node: &Node, form: &Form) -> Option<Made> {
        let removes_only = node.get("write").is_some_and(|n| n.text() == Some("remove"));
        let is_around =
            |key: &str| key == "when" || form.around.contains(&key) || (key == "write" && removes_only);
        let mut inner = node.clone();
        if let Kind::Table(entries) = &mut inner.kind {
            entries.retain(|(key, _)| !is_around(&key.name));
        }
        let mark = self.types.get(site.scope.ty).map_or(0, |t| t.writes.len());
        let made = (form.make)(self, site, &inner);
        let when = node.get("when").and_then(|n| self.cond(site.scope, n));
        let around = |key: &str| node.get(key).filter(|_| form.around.contains(&key));
        let also = around("also").map(|n| self.set(site.scope, n)).unwrap_or_default();
        let ignore = match around("refuse") {
            Some(_) => self.word_key(node, "refuse", &[("reject", false), ("ignore", true)]),
            None => None,
        };
        let ignore = ignore.unwrap_or_default();
        if let Some(draft) = self.types.get_mut(site.scope.ty) {
            for write in draft.writes.iter_mut().skip(mark) {
                write.when = match (write.when.take(), when.clone()) {
                    (Some(inner), Some(outer)) => Some(crate::mapping::form::Cond::All(vec![outer, inner])),
                    (inner, outer) => inner.or(outer),
                };
            }
        }
        let Made { lens, mut face } = made?;
        if ignore && matches!(&lens, Lens::Scalar(scalar) if matches!(scalar.source, Source::Place(_))) {
            // What a client calls an element does not count: a single one is called by the first name.
            face.canonical.truncate(1);
        }
        if when.is_none() && also.is_empty() && !ignore && !removes_only {
            return Some(Made { lens, face });
        }
        let lens = Lens::Guarded(Box::new(Guarded { lens, when, also, removes_only, ignore }));
        Some(Made { lens, face })
    }

    /// `unique = { within = fields }`.
    pub(super) fn within(&mut self, site: &Site<'_>, node: &Node) -> Vec<FieldRef> {
        if !matches!(node.kind, Kind::Table(_)) {
            return Vec::new();
        }
        self.check_keys(node, &Keys { what: "`unique`", known: &["within"], later: &[] });
        let root = crate::mapping::compile::draft::Scope { part: 0, ..site.scope };
        let names = self.texts_key(node, "within");
        names.iter().filter_map(|(name, span)| self.field(root, name, span)).collect()
    }

    /// `kinds = { field = "…", map = [["stored", { type = "work", primary = true }], …] }`.
    pub(super) fn kinds(&mut self, site: &Site<'_>, node: &Node) -> Option<Kinds> {
        if !self.is_table(node, "`kinds`") {
            return None;
        }
        self.check_keys(node, &Keys { what: "`kinds`", known: &["field", "map", "one", "else"], later: &[] });
        let (Some(at), Some(map)) = (node.get("field"), node.get("map")) else {
            let help =
                "write `kinds = { field = \"kind\", map = [[\"W\", { type = \"work\", primary = true }]] }`";
            self.error("missing-key", node, "`kinds` needs `field` and `map`", help);
            return None;
        };
        let name = self.plain(at, "`field`")?;
        let field = self.field(site.scope, &name, &at.span)?;
        let mut pairs: Vec<(Option<Value>, Object)> = Vec::new();
        for item in map.items() {
            let [stored, says] = item.items() else {
                let help = "write `[stored value, { type = \"work\", primary = true }]`";
                self.error("map-pair", item, "this is no pair", help);
                continue;
            };
            let value = match stored.text() {
                Some("@none") => None,
                _ => Some(self.literal(site.scope, stored)?),
            };
            if !self.is_table(says, "what a stored value says") {
                continue;
            }
            let mut object = Object::new();
            for (key, given) in says.entries() {
                let Some(attribute) = self.find_sub(site.attribute, &key.name, &key.span) else { continue };
                let Some(json) = self.json(&site.sub(&attribute), given) else { continue };
                object.insert(attribute.name, json);
            }
            if pairs.iter().any(|(known, _)| *known == value) {
                let help = "keep one pair; several stored values may say the same";
                self.error("map-duplicate", stored, "this stored value has a pair already", help);
            }
            pairs.push((value, object));
        }
        self.note_write(site, crate::mapping::lens::Write::Yes, &field, &at.span);
        let one = node.get("one").and_then(|n| self.known_kind(site, n, &pairs));
        let other = node.get("else").and_then(|n| self.known_kind(site, n, &pairs));
        (!pairs.is_empty()).then_some(Kinds { field, pairs, one, other })
    }

    /// A stored value that has a pair.
    fn known_kind(
        &mut self,
        site: &Site<'_>,
        node: &Node,
        pairs: &[(Option<Value>, Object)],
    ) -> Option<Value> {
        let value = self.literal(site.scope, node)?;
        if !pairs.iter().any(|(known, _)| known.as_ref() == Some(&value)) {
            let help = "write one of the stored values that `map` has";
            self.error("bad-value", node, "no pair has this stored value", help);
            return None;
        }
        Some(value)
    }
}
