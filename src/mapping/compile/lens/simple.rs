//! Lenses of simple values: field, text, state, constant, place, extreme.

use crate::{
    mapping::{
        codec::Codec,
        compile::{
            Compiler, StateSite,
            keys::suggest,
            lens::{Made, Shared, Site},
            root::starts_with_bytes,
        },
        form::{Template, set::AssignTarget, template},
        lens::{Common, Lens, Scalar, Source, Write},
        node::{Kind, Node},
        shape::FieldRef,
    },
    scim::{Json, schema::DataType},
    store::{FieldKind, Value},
};

impl Compiler {
    /// A field name alone.
    pub(super) fn named_field(&mut self, site: &Site<'_>, name: &str, node: &Node) -> Option<Made> {
        let empty = Node { span: node.span.clone(), kind: Kind::Table(Vec::new()) };
        self.field_of(site, name, node, &empty)
    }

    /// `{ field = … }`.
    pub(super) fn field_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let at = node.get("field")?;
        let name = self.plain(at, "`field`")?;
        self.field_of(site, &name, at, node)
    }

    fn field_of(&mut self, site: &Site<'_>, name: &str, at: &Node, node: &Node) -> Option<Made> {
        if !self.is_simple(site, node) {
            return None;
        }
        let field = self.field(site.scope, name, &at.span)?;
        let (field, node) = &self.first_of(site.scope.ty, field, node);
        let field = field.clone();
        let shared = self.shared(site, node);
        let setting = self.types.get(site.scope.ty).and_then(|t| {
            let stored = t.stored_at(&field);
            t.settings.iter().find(|(f, _)| *f == field || *f == stored).map(|(_, s)| s.clone())
        });
        let setting = setting.unwrap_or_default();
        let twice = [
            ("codec", !setting.codecs.is_empty()),
            ("nothing", !setting.nothing.is_empty()),
            ("map", setting.map.is_some()),
        ];
        for (key, twice) in twice {
            if let (Some(n), true) = (node.get(key), twice) {
                let message = format!("`{key}` of `{name}` stands in `fields` already");
                self.error("setting-twice", n, message, "keep one of the two");
            }
        }
        let mut codecs = node.get("codec").map_or(setting.codecs, |n| self.codecs(n));
        let is_bytes = site.attribute.data_type == DataType::Binary && codecs.is_empty();
        if let Some(draft) = self.types.get_mut(site.scope.ty)
            && (starts_with_bytes(&codecs) || is_bytes)
        {
            draft.declare(&field, FieldKind::Bytes);
        }
        let nothing = match node.get("nothing") {
            Some(n) => self.values(site.scope, n),
            None if setting.nothing.is_empty() => self.default_nothing(site, &field),
            None => setting.nothing,
        };
        let nothing = if nothing.is_empty() { vec![Template::Nothing] } else { nothing };
        self.check_codecs(site, &shared, &codecs, node, at);
        if let Some(length) = setting.length {
            let place = usize::from(starts_with_bytes(&codecs));
            codecs.insert(place, Codec::Length(length));
        }
        let map = node.get("map").cloned().or(setting.map);
        let map = map.map(|n| self.value_map(site, &shared, &n, node));
        if node.get("else").is_some() && map.is_none() {
            self.error(
                "missing-key",
                node,
                "`else` goes with `map`",
                "write the pairs: `map = [[stored, shown], …]`",
            );
        }
        self.check_type(site, &codecs, map.is_some(), at);
        self.note_write(site, shared.common.write, &field, &at.span);
        let mut face = shared.face.clone();
        face.canonical =
            map.iter().flat_map(|m| &m.pairs).filter_map(|(_, j)| j.as_str().map(str::to_owned)).collect();
        face.canonical.dedup();
        Some(scalar(site, shared, Source::Field { field, codecs, map, nothing }, face))
    }

    /// What stands for nothing in a field of a part that says so for all of its fields. A text does so
    /// in fields that hold texts only: a column of numbers or times cannot hold `''`.
    fn default_nothing(&self, site: &Site<'_>, field: &FieldRef) -> Vec<Template> {
        let extras = self.types.get(site.scope.ty).and_then(|t| t.extras.get(field.part));
        let is_text = matches!(site.attribute.data_type, DataType::String | DataType::Reference);
        let fits = |t: &&Template| is_text || !matches!(t, Template::Literal(Value::Text(_)));
        extras.map(|x| x.nothing.iter().filter(fits).cloned().collect()).unwrap_or_default()
    }

    /// True if a simple value is wanted here; else reports it.
    fn is_simple(&mut self, site: &Site<'_>, node: &Node) -> bool {
        if site.is_list() {
            self.wrong_lens(node, site, "holds a list of values");
            return false;
        }
        if site.attribute.data_type == DataType::Complex {
            self.wrong_lens(node, site, "is complex: it holds sub-attributes");
            return false;
        }
        true
    }

    /// `{ text = …, parse = … }`.
    pub(super) fn text_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        if !self.is_simple(site, node) {
            return None;
        }
        let mut shared = self.shared(site, node);
        let texts = self.texts(site, node.get("text")?)?;
        let own = match node.get("parse") {
            Some(n) => Some(self.texts(site, n)?),
            None => None,
        };
        let writes = shared.common.write != Write::No;
        if let (Some(_), Some(n), true) = (&own, node.get("parse"), writes) {
            self.lossy(&shared, &n.span, "`parse` takes another text apart than `text` composes");
        }
        let parse = own.unwrap_or_else(|| texts.clone());
        let by = node.get("parse").or_else(|| node.get("text"))?.clone();
        if writes && let Some(why) = parse.iter().find_map(|t| ambiguous(t)) {
            let help = "put a literal between the holes, write `parse = \"…\"` with `accept_loss`, or `write = \"no\"`";
            self.error("text-ambiguous", &by, format!("this text cannot be taken apart: {why}"), help);
        }
        let mut fields: Vec<&FieldRef> =
            texts.iter().chain(&parse).flatten().flat_map(piece_fields).collect();
        fields.dedup();
        let fields: Vec<FieldRef> = fields.into_iter().cloned().collect();
        let mut noted: Vec<FieldRef> = Vec::new();
        for field in fields {
            if !noted.contains(&field) {
                self.note_write(site, shared.common.write, &field, &by.span);
                noted.push(field);
            }
        }
        if !writes {
            shared.common.write = Write::No;
        }
        let face = shared.face.clone();
        Some(scalar(site, shared, Source::Text { texts, parse: writes.then_some(parse) }, face))
    }

    fn texts(&mut self, site: &Site<'_>, node: &Node) -> Option<Vec<Vec<template::Piece>>> {
        let mut out = Vec::new();
        for item in node.items() {
            let Some(text) = item.text() else {
                self.wrong_type(item, "a text", "a string with `{field}` holes");
                return None;
            };
            out.push(self.pieces(site.scope, text, &item.span)?);
        }
        Some(out)
    }

    /// `{ read = COND, true = SET, false = SET }`.
    pub(super) fn state_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        if !self.is_simple(site, node) {
            return None;
        }
        if site.attribute.data_type != DataType::Boolean {
            let message = format!("`{}` is no boolean", site.attribute.name);
            self.error(
                "wrong-lens",
                node,
                message,
                "a state lens is for booleans; write a field lens, with `map` if need be",
            );
            return None;
        }
        let shared = self.shared(site, node);
        if let Some(at) = node.get("initial").filter(|n| !matches!(n.kind, Kind::Bool(_))) {
            self.wrong_type(at, "`initial` of a truth", "true or false");
        }
        let Some(read) = node.get("read") else {
            self.error("missing-key", node, "the state lens has no `read`", "write `read = { field = … }`");
            return None;
        };
        let read = self.cond(site.scope, read)?;
        let writes = shared.common.write != Write::No;
        for key in ["true", "false"] {
            if writes && node.get(key).is_none() {
                let help = format!("write `{key} = {{ field = … }}`, or `write = \"no\"`");
                self.error("missing-key", node, format!("the state lens has no `{key}`"), help);
            }
        }
        let on_true = node.get("true").map(|n| self.set(site.scope, n)).unwrap_or_default();
        let on_false = node.get("false").map(|n| self.set(site.scope, n)).unwrap_or_default();
        let mut seen = Vec::new();
        for assign in on_true.iter().chain(&on_false) {
            if let AssignTarget::Field(field) = &assign.target
                && !seen.contains(field)
            {
                self.note_write(site, shared.common.write, field, &node.span);
                seen.push(field.clone());
            }
        }
        if let (Some(t), Some(f), Some(draft)) =
            (node.get("true"), node.get("false"), self.types.get_mut(site.scope.ty))
        {
            draft.states.push(StateSite {
                at: site.scope.part,
                read: read.clone(),
                on_true: on_true.clone(),
                on_false: on_false.clone(),
                true_span: t.span.clone(),
                false_span: f.span.clone(),
            });
        }
        let face = shared.face.clone();
        Some(scalar(site, shared, Source::State { read, on_true, on_false }, face))
    }

    /// `{ const = … }`.
    pub(super) fn const_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        if !self.is_simple(site, node) {
            return None;
        }
        let shared = self.shared(site, node);
        let value = self.json(site, node.get("const")?)?;
        let mut face = shared.face.clone();
        face.canonical.extend(value.as_str().map(str::to_owned));
        Some(scalar(site, shared, Source::Const(value), face))
    }

    /// `{ place = [a, …, z] }`.
    pub(super) fn place_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        if !self.is_simple(site, node) {
            return None;
        }
        let list = node.get("place")?;
        if site.group.is_none() {
            let help = "it stands in `each`, or as `type` and `primary` beside `rows`";
            self.error("wrong-lens", list, "a place lens is for the elements of a list", help);
            return None;
        }
        let shared = self.shared(site, node);
        let values: Vec<Json> = list.items().iter().filter_map(|n| self.json(site, n)).collect();
        if values.is_empty() {
            let message = "`place` names no value";
            self.error(
                "bad-value",
                list,
                message,
                suggest("", ["[\"work\", \"other\"]"].into_iter(), "write for example"),
            );
            return None;
        }
        let mut face = shared.face.clone();
        face.canonical = values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
        Some(scalar(site, shared, Source::Place(values), face))
    }

    /// `{ latest = [fields] }` and `{ earliest = [fields] }`.
    pub(super) fn extreme_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        if !self.is_simple(site, node) {
            return None;
        }
        let mut shared = self.shared(site, node);
        let latest = node.get("latest").is_some();
        let list = node.get(if latest { "latest" } else { "earliest" })?;
        let codecs = node.get("codec").map(|n| self.codecs(n)).unwrap_or_default();
        let mut fields = Vec::new();
        for item in list.items() {
            let (name, own) = match item.get("field") {
                Some(field) => (self.plain(field, "`field`")?, item.get("codec").map(|n| self.codecs(n))),
                None => (self.plain(item, "a field")?, None),
            };
            let field = self.field(site.scope, &name, &item.span)?;
            fields.push((field, own.unwrap_or_else(|| codecs.clone())));
        }
        shared.common.write = Write::No;
        let face = crate::mapping::compile::draft::Face { writable: false, ..shared.face.clone() };
        Some(scalar(site, shared, Source::Extreme { latest, fields }, face))
    }
}

fn scalar(
    site: &Site<'_>,
    shared: Shared,
    source: Source,
    face: crate::mapping::compile::draft::Face,
) -> Made {
    let common: Common = shared.common;
    let scalar =
        Scalar { source, data_type: site.attribute.data_type, case_exact: shared.case_exact, common };
    Made { lens: Lens::Scalar(scalar), face }
}

fn piece_fields(piece: &template::Piece) -> Vec<&FieldRef> {
    match piece {
        template::Piece::Literal(_) => Vec::new(),
        template::Piece::Hole { sources, .. } => sources.iter().filter_map(template::Source::field).collect(),
    }
}

/// Why a text cannot be taken apart in one way only.
fn ambiguous(pieces: &[template::Piece]) -> Option<&'static str> {
    use template::{Piece, Source};
    let mut after_hole = false;
    for piece in pieces {
        match piece {
            Piece::Literal(_) => after_hole = false,
            Piece::Hole { sources, codecs } => {
                if after_hole {
                    return Some("two holes stand side by side");
                }
                if !matches!(sources.as_slice(), [Source::Field(_)]) {
                    return Some("a hole has several sources or is no field");
                }
                if !codecs.is_empty() {
                    return Some("a hole has a codec");
                }
                after_hole = true;
            }
        }
    }
    None
}
