//! Parts that are opened: the values of a multi-valued attribute, and the rows
//! of a document in a field.

use std::sync::Arc;

use super::{PART, USES};
use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::{PartExtra, Scope},
        },
        form::Template,
        node::{Key, Node},
        shape::{FieldRef, Opened, Use},
    },
    store::document::{Document, Items, Place},
};

/// Keys of a part that opens a column.
const KEYS: &[&str] =
    &["in", "codec", "new", "invalid", "many", "use", "where", "like", "nothing", "initial", "derived"];

impl Compiler {
    pub(super) fn place_opened(&mut self, ty: usize, key: &Key, node: &Node, field: &Node, extra: PartExtra) {
        if !self.is_ldap() {
            self.place_document(ty, key, node, field, extra);
            return;
        }
        if let Some(codec) = node.get("codec") {
            self.unsupported(&codec.span, "`codec` of a part that opens an attribute");
            self.miss(ty, key);
            return;
        }
        for (key, _) in node.entries() {
            if !["in", "many", "floor", "use", "nothing", "like"].contains(&key.name.as_str())
                && PART.known.contains(&key.name.as_str())
            {
                self.unsupported(&key.span, &format!("`{}` of a part that opens an attribute", key.name));
            }
        }
        let Some(name) = self.plain(field, "`in`") else { return };
        let Some(at) = self.field(Scope { ty, part: 0 }, &name, &field.span) else { return };
        let many = self.bool_key(node, "many").unwrap_or_default();
        let usage = self.word_key(node, "use", USES).unwrap_or_default();
        let floor = node.get("floor").and_then(|n| self.value(Scope { ty, part: 0 }, n));
        if let (Some(node), Some(template)) = (node.get("floor"), &floor)
            && !matches!(template, Template::Literal(_))
        {
            self.unsupported(&node.span, "a `floor` that is no constant");
        }
        let Some(draft) = self.types.get_mut(ty) else { return };
        let part = draft.open(&at, Some(&key.name), extra);
        if let Some(part) = draft.shape.parts.get_mut(part) {
            part.many = many;
            part.usage = usage;
            part.floor = floor;
        }
    }

    /// A part whose rows lie in a document: in a column, in the value of a slot, or within the document of
    /// another part.
    fn place_document(&mut self, ty: usize, key: &Key, node: &Node, field: &Node, extra: PartExtra) {
        for (key, _) in node.entries() {
            if !KEYS.contains(&key.name.as_str()) && PART.known.contains(&key.name.as_str()) {
                self.unsupported(&key.span, &format!("`{}` of a part that opens a column", key.name));
            }
        }
        let mark = self.diagnostics.0.len();
        let document = self.read_document(node);
        let at = self.plain(field, "`in`").and_then(|n| self.field(Scope { ty, part: 0 }, &n, &field.span));
        let inner = at.as_ref().and_then(|at| self.path_within(ty, at));
        if inner.is_some() {
            if let Some(codec) = node.get("codec") {
                self.unsupported(&codec.span, "a document within a document");
            }
        } else if node.get("codec").is_none() && at.is_some() {
            let help = "write `codec = \"json\"`, or php, csv:, lines bits tag:: pattern:{a} {b} fields:,";
            self.error("missing-key", node, "nothing says what the opened column is written in", help);
        }
        let Some(at) = at.filter(|_| self.diagnostics.0.len() == mark) else {
            self.miss(ty, key);
            return;
        };
        let many = self.bool_key(node, "many").unwrap_or_default();
        let usage = self.word_key(node, "use", USES).unwrap_or_default();
        if let Some(node) = node.get("use").filter(|_| !matches!(usage, Use::Own | Use::Watch)) {
            self.error(
                "bad-value",
                node,
                "the items of a document are not looked up",
                "write `own` or `watch`",
            );
        }
        let Some(draft) = self.types.get_mut(ty) else { return };
        let source = draft.shape.part(at.part).bag.source.clone();
        let id = draft.add_part(&key.name, at.part, source, extra);
        let (document, path) = match inner {
            Some(path) => (None, path),
            None => (document, Vec::new()),
        };
        let items = Items { document, path, many, places: Vec::new(), pos: 0 };
        let is_item = items.takes_items();
        if let Some(part) = draft.shape.parts.get_mut(id) {
            part.opened = Some(Opened { field: at.field, slot: at.slot, items: Some(items) });
            part.many = many;
            part.usage = usage;
        }
        if is_item {
            draft.intern_path(id, &["pos".to_owned()]);
            if let Some(part) = draft.shape.parts.get_mut(id) {
                Arc::make_mut(&mut part.bag).key = vec![0];
            }
        }
    }

    /// The path of a field within the document of its part, if it is in one.
    fn path_within(&self, ty: usize, at: &FieldRef) -> Option<Vec<String>> {
        match self.types.get(ty)?.shape.part(at.part).items()?.places.get(at.field)? {
            Place::Path(path) => Some(path.clone()),
            Place::It | Place::Key | Place::Pos => Some(Vec::new()),
        }
    }

    /// `codec`, `new` and `invalid`.
    pub(in crate::mapping::compile) fn read_document(&mut self, node: &Node) -> Option<Document> {
        let codecs: Vec<String> = self.texts_key(node, "codec").into_iter().map(|(text, _)| text).collect();
        let at = node.get("codec")?;
        let mut document = match Document::parse(&codecs) {
            Ok(document) => document,
            Err(message) => {
                let help = "the formats are described below \"Opened fields\" in docs/mapping.md";
                self.error("unknown-codec", at, message, help);
                return None;
            }
        };
        let words = [("reject", false), ("new", true)];
        document.renew = self.word_key(node, "invalid", &words).unwrap_or_default();
        document.fresh = self.text_key(node, "new");
        if let (Some(new), false) = (node.get("new"), document.has_valid_start()) {
            let help = "write a text that the codec reads";
            self.error("bad-value", new, "`new` is no document of this codec", help);
        }
        Some(document)
    }

    /// Reports keys that say how a column is opened, where none is.
    pub(super) fn no_document(&mut self, node: &Node) {
        for (key, _) in
            node.entries().iter().filter(|(k, _)| ["codec", "new", "invalid"].contains(&k.name.as_str()))
        {
            let message = format!("`{}` is for parts that open a field", key.name);
            self.diagnostics.error(
                "unknown-key",
                &key.span,
                message,
                "name the field by `in`, or remove the key",
            );
        }
    }
}
