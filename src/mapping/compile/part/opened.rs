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
        node::{Key, Kind, Node},
        place::Named,
        shape::{FieldRef, Opened, Use},
    },
    store::{
        Bag, Field, FieldKind, Predicate, Value,
        document::{Document, Items, Place},
    },
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
            self.place_values(ty, key, node, (field, codec), extra);
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
        self.places.note(Named::Setting(ty, part, "in"), &field.span);
    }

    /// A part whose rows are the values of an attribute, each of which holds fields of its own.
    fn place_values(
        &mut self,
        ty: usize,
        key: &Key,
        node: &Node,
        (field, codec): (&Node, &Node),
        extra: PartExtra,
    ) {
        for (key, _) in node.entries() {
            let is_whole = ["new", "invalid"].contains(&key.name.as_str());
            if (is_whole || !KEYS.contains(&key.name.as_str())) && PART.known.contains(&key.name.as_str()) {
                self.unsupported(&key.span, &format!("`{}` of a part that opens an attribute", key.name));
            }
        }
        let document = self.read_document(node);
        let several = document.as_ref().is_some_and(|document| !document.is_one_row());
        if several {
            self.unsupported(&codec.span, "a codec that makes several rows of one value of an attribute");
        }
        let at = self.plain(field, "`in`").and_then(|n| self.field(Scope { ty, part: 0 }, &n, &field.span));
        let (Some(document), Some(at), false) = (document, at, several) else {
            self.miss(ty, key);
            return;
        };
        let many = self.bool_key(node, "many").unwrap_or_default();
        let usage = self.word_key(node, "use", USES).unwrap_or_default();
        if let Some(node) = node.get("use").filter(|_| !matches!(usage, Use::Own | Use::Watch)) {
            let help = "write `own` or `watch`";
            self.error("bad-value", node, "the values of an attribute are not looked up", help);
        }
        let Some(draft) = self.types.get_mut(ty) else { return };
        let items = Items {
            document: Some(document),
            path: Vec::new(),
            many: false,
            each: true,
            places: Vec::new(),
            pos: 0,
        };
        let id = draft.open_document(&at, &key.name, items, extra);
        draft.change_field(&at, &|f| f.many = true);
        if let Some(part) = draft.shape.parts.get_mut(id) {
            part.usage = usage;
            part.many = many;
        }
        self.places.note(Named::Setting(ty, id, "in"), &field.span);
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
        let is_named_elsewhere = |at: &FieldRef| {
            at.slot.is_some()
                && self.types.get(ty).and_then(|t| t.extras.get(at.part)).is_some_and(|x| x.slot_in.is_some())
        };
        if at.as_ref().is_some_and(is_named_elsewhere) {
            self.unsupported(&field.span, "a document in a slot whose name lies in another table");
        }
        let inner = at.as_ref().and_then(|at| self.path_within(ty, at));
        if inner.is_none()
            && node.get("codec").is_none()
            && let Some(at) = at.as_ref().filter(|_| self.diagnostics.0.len() == mark)
        {
            self.place_array(ty, key, node, at, extra);
            return;
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
        let (document, path) = match inner {
            Some(path) if document.is_none() => (None, path),
            _ => (document, Vec::new()),
        };
        let items = Items { document, path, many, each: false, places: Vec::new(), pos: 0 };
        let id = draft.open_document(&at, &key.name, items, extra);
        if let Some(part) = draft.shape.parts.get_mut(id) {
            part.usage = usage;
        }
        self.places.note(Named::Setting(ty, id, "in"), &field.span);
    }

    /// `codec = ["json", "first"]` of a lens: the first item of a document in the lens's field. Gives the
    /// field of that item, and the lens with what is left of its codecs.
    pub(in crate::mapping::compile) fn first_of(
        &mut self,
        ty: usize,
        at: FieldRef,
        node: &Node,
    ) -> (FieldRef, Node) {
        let steps = node.get("codec").map_or(&[][..], Node::items);
        let Some(place) = steps.iter().position(|s| s.text() == Some("first")) else {
            return (at, node.clone());
        };
        let (opening, rest) = steps.split_at(place + 1);
        let list = |nodes: &[Node]| Kind::Array(nodes.to_vec());
        let with = |kind: Kind| {
            let mut node = node.clone();
            if let Kind::Table(entries) = &mut node.kind {
                entries
                    .iter_mut()
                    .filter(|(key, _)| key.name == "codec")
                    .for_each(|(_, n)| n.kind = kind.clone());
            }
            node
        };
        let lens = with(list(rest));
        if self.is_ldap() {
            self.unsupported(&node.span, "the codec `first` of an attribute");
            return (at, lens);
        }
        let Some(document) = self.read_document(&with(list(opening))) else { return (at, lens) };
        let Some(draft) = self.types.get_mut(ty) else { return (at, lens) };
        let name = draft.shape.field_name(&at);
        let items = Items {
            document: Some(document),
            path: Vec::new(),
            many: false,
            each: false,
            places: Vec::new(),
            pos: 0,
        };
        let extra = PartExtra { implicit: true, span: node.span.clone(), ..PartExtra::default() };
        let part = draft.open_document(&at, &name, items, extra);
        let field = draft.intern_path(part, &["it".to_owned()]);
        self.places.note(Named::Setting(ty, part, "in"), &node.span);
        (FieldRef { part, field, slot: None }, lens)
    }

    /// A part whose rows are the values of an array column.
    fn place_array(&mut self, ty: usize, key: &Key, node: &Node, at: &FieldRef, extra: PartExtra) {
        if at.slot.is_some() {
            let help = "write `codec = \"json\"`, or php, csv:, lines bits tag:: pattern:{a} {b} fields:,";
            self.error("missing-key", node, "nothing says what the value of the slot is written in", help);
        }
        for (key, _) in node.entries() {
            if !["in", "many", "use", "nothing", "like"].contains(&key.name.as_str())
                && PART.known.contains(&key.name.as_str())
            {
                self.unsupported(&key.span, &format!("`{}` of a part that opens an array", key.name));
            }
        }
        let many = self.bool_key(node, "many").unwrap_or_default();
        let usage = self.word_key(node, "use", USES).unwrap_or_default();
        let Some(draft) = self.types.get_mut(ty) else { return };
        let part = draft.open(at, Some(&key.name), extra);
        if let Some(part) = draft.shape.parts.get_mut(part) {
            part.many = many;
            part.usage = usage;
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
        // Braces in these are those of a pattern and of a document.
        let at = node.get("codec")?;
        if let Some(other) = at.items().iter().find(|n| n.text().is_none()) {
            self.wrong_type(other, "`codec`", "a string or an array of strings");
            return None;
        }
        let codecs: Vec<String> = at.items().iter().filter_map(|n| n.text().map(str::to_owned)).collect();
        let mut document = match Document::parse(&codecs) {
            Ok(document) => document,
            Err(message) => {
                let help = "the formats are described below \"Opened fields\" in docs/mapping.md";
                self.error("bad-codec", at, message, help);
                return None;
            }
        };
        let words = [("reject", false), ("new", true)];
        document.renew = self.word_key(node, "invalid", &words).unwrap_or_default();
        document.fresh = node.get("new").and_then(|new| new.text().map(str::to_owned));
        if let Some(new) = node.get("new").filter(|new| new.text().is_none()) {
            self.wrong_type(new, "`new`", "a string");
        }
        if let (Some(new), false) = (node.get("new"), document.has_valid_start()) {
            let help = "write a text that the codec reads";
            self.error("bad-value", new, "`new` is no document of this codec", help);
        }
        Some(document)
    }

    /// A root whose rows are the items of a document in one fixed row: `table` and `where` select the row,
    /// `in` and `codec` the document.
    pub(in crate::mapping::compile) fn read_held(&mut self, ty: usize, node: &Node, column: &Node) {
        if self.is_ldap() {
            self.unsupported(&column.span, "`in` of a resource type in a directory");
            return;
        }
        for key in ["part", "version", "every_part", "log"] {
            if let Some(at) = node.get(key) {
                self.unsupported(&at.span, &format!("`{key}` of a resource type that lies in a document"));
            }
        }
        if node.get("codec").is_none() {
            self.error(
                "missing-key",
                node,
                "nothing says what the opened column is written in",
                "write `codec`",
            );
        }
        let (Some(document), Some(column)) = (self.read_document(node), self.plain(column, "`in`")) else {
            return;
        };
        let Some(draft) = self.types.get_mut(ty) else { return };
        let root = draft.shape.root();
        let kind = if document.is_searched() { FieldKind::Text } else { FieldKind::Any };
        let mut holder = Bag {
            name: root.bag.name.clone(),
            source: root.bag.source.clone(),
            fields: vec![Field { name: column, kind, many: false }],
            key: Vec::new(),
            scope: Predicate::True,
        };
        let mut wrong = None;
        for (key, value) in node.get("where").map_or(&[][..], Node::entries) {
            let literal = match &value.kind {
                Kind::Text(text) if !text.contains(['@', '{']) => Value::from(text.as_str()),
                Kind::Int(number) => Value::Int(*number),
                _ => {
                    wrong = Some(value.clone());
                    continue;
                }
            };
            holder.fields.push(Field { name: key.name.clone(), kind: FieldKind::Any, many: false });
            let test = Predicate::equals(holder.fields.len() - 1, literal);
            holder.scope = std::mem::take(&mut holder.scope).and(test);
        }
        draft.held = Some((Arc::new(holder), 0));
        let items = Items {
            document: Some(document),
            path: Vec::new(),
            many: true,
            each: false,
            places: Vec::new(),
            pos: 0,
        };
        if let Some(root) = draft.shape.parts.first_mut() {
            root.opened = Some(Opened { field: 0, slot: None, items: Some(items) });
        }
        draft.intern_path(0, &["pos".to_owned()]);
        if let Some(wrong) = wrong {
            self.unsupported(
                &wrong.span,
                "a `where` other than an equality for the row that holds a document",
            );
        } else if node.get("where").is_none() {
            let help = "write `where = { column = \"value\" }`";
            self.error("missing-key", node, "nothing says which row holds the document", help);
        }
    }

    /// Reports keys that say how a column is opened, where none is.
    pub(in crate::mapping::compile) fn no_document(&mut self, node: &Node) {
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
