//! The record layer of a resource type: its root table.

use std::sync::Arc;

use crate::{
    mapping::{
        Ids, StoreKind,
        codec::Codec,
        compile::{
            Compiler,
            draft::{FieldSetting, PartExtra, Scope},
            keys::{Keys, suggest},
        },
        node::{Kind, Node},
        place::Named,
    },
    store::{FieldKind, Profile, Source, Value, moment::Spelling},
};

pub(super) const ROOT: Keys<'static> = Keys {
    what: "a resource type",
    known: &[
        "base",
        "scope",
        "table",
        "where",
        "key",
        "rdn",
        "classes",
        "anchor",
        "id",
        "version",
        "protect",
        "side",
        "same",
        "fields",
        "delete",
        "rename",
        "points",
        "nothing",
        "initial",
        "derived",
        "touch",
        "every_part",
        "part",
        "attributes",
        "in",
        "codec",
        "new",
        "invalid",
        "examples",
        "names",
        "adopt",
        "like",
        "log",
        "make",
        "aux",
    ],
    later: &["change", "on"],
};

pub(super) const MAKE: Keys<'static> = Keys { what: "`make`", known: &["classes"], later: &[] };

pub(super) const FIELD: Keys<'static> = Keys {
    what: "a field's settings",
    known: &["codec", "nothing", "type", "many", "length", "map"],
    later: &[],
};

pub(super) const DELETE: Keys<'static> =
    Keys { what: "`delete`", known: &["refuse", "set", "keep", "archive"], later: &[] };

/// The types of `[R.fields]`.
const KINDS: &[(&str, FieldKind)] = &[
    ("any", FieldKind::Any),
    ("text", FieldKind::Text),
    ("int", FieldKind::Int),
    ("bool", FieldKind::Bool),
    ("decimal", FieldKind::Decimal),
    ("date", FieldKind::Date),
    ("time", FieldKind::Time),
    ("bytes", FieldKind::Bytes),
    ("dn", FieldKind::Dn),
];

impl Compiler {
    /// Reads the record layer of every type: first all rows, then what names their fields.
    pub(super) fn read_roots(&mut self) {
        for ty in 0..self.types.len() {
            let Some(node) = self.node(ty) else { continue };
            self.reading(ty, |c| {
                c.check_keys(&node, &ROOT);
                c.read_root(ty, &node);
                c.read_parts(ty, &node);
            });
        }
        for ty in 0..self.types.len() {
            let Some(node) = self.node(ty) else { continue };
            self.reading(ty, |c| {
                c.read_fields(ty, &node);
                c.read_life(ty, &node);
                c.read_examples(ty, &node);
                c.read_logs(ty, &node);
                c.read_part_forms(ty, &node);
            });
        }
    }

    /// The table of a type.
    pub(super) fn node(&self, ty: usize) -> Option<Node> {
        self.types.get(ty).map(|t| t.node.clone())
    }

    fn read_root(&mut self, ty: usize, node: &Node) {
        let scope = Scope { ty, part: 0 };
        let name = self.types.get(ty).map(|t| t.name.clone()).unwrap_or_default();
        let source = self.source(node, &format!("`{name}`"));
        let extra = PartExtra { span: node.span.clone(), ..PartExtra::default() };
        let Some(draft) = self.types.get_mut(ty) else { return };
        draft.add_part(&name, 0, source, extra);
        let names = node.get("names");
        if let Some(columns) = names {
            self.read_names(ty, node, columns);
        } else if let Some(column) = node.get("in") {
            self.read_held(ty, node, column);
        } else {
            self.no_document(node);
        }
        self.note_places(scope, node);
        if self.is_ldap() {
            self.read_entries(scope, node);
            self.read_ldap_root(ty, node);
        } else {
            self.forbid(node, &["base", "scope", "rdn", "classes", "aux", "anchor", "make"], "SQL");
            if names.is_none() {
                self.read_key(scope, node);
            }
            if node.get("key").is_none() && node.get("table").is_some() && names.is_none() {
                let help = "write `key = \"id\"`: the column(s) that identify a row for good";
                self.error("missing-key", node, format!("`{name}` has no `key`"), help);
            }
        }
        if let Some(column) = self.text_key(node, "version") {
            let span = node.get("version").map_or(0..0, |n| n.span.clone());
            let version = self.field(scope, &column, &span);
            if let Some(draft) = self.types.get_mut(ty) {
                draft.version = version.map(|v| v.field);
            }
        }
        let ids = self.word_key(node, "id", &[("derived", Ids::Derived), ("minted", Ids::Minted)]);
        let rename = self.read_rename(scope, node);
        let adopt = self.word_key(node, "adopt", &[("conflict", false), ("link", true)]);
        if let Some(draft) = self.types.get_mut(ty) {
            draft.adopts = adopt.unwrap_or_default();
            draft.ids = ids.unwrap_or(draft.ids);
            draft.rename = rename.unwrap_or_default();
        }
    }

    /// Notes where the source and the settings of a root or a part stand.
    pub(super) fn note_places(&mut self, scope: Scope, node: &Node) {
        let source = node.get("table").or(node.get("base")).unwrap_or(node);
        self.places.note(Named::Source(scope.ty, scope.part), &source.span);
        for key in [
            "key", "on", "where", "order", "delete", "slot", "points", "in", "classes", "rdn", "anchor",
            "version",
        ] {
            if let Some(found) = node.get(key) {
                self.places.note(Named::Setting(scope.ty, scope.part, key), &found.span);
            }
        }
    }

    /// Reports keys that belong to the other kind of store.
    pub(super) fn forbid(&mut self, node: &Node, keys: &[&str], store: &str) {
        for (key, _) in node.entries().iter().filter(|(k, _)| keys.contains(&k.name.as_str())) {
            let message = format!("`{}` has no meaning in {store}", key.name);
            self.diagnostics.error("store-kind", &key.span, message, "remove it");
        }
    }

    /// Where the rows of a root or a part lie.
    pub(super) fn source(&mut self, node: &Node, what: &str) -> Source {
        if !self.is_ldap() {
            let table = self.text_key(node, "table");
            if node.get("table").is_none() {
                self.error("missing-key", node, format!("{what} has no `table`"), "write `table = \"…\"`");
            }
            return Source::Table(table.unwrap_or_default());
        }
        self.forbid(node, &["table"], "LDAP");
        let bases: Vec<String> = self.texts_key(node, "base").into_iter().map(|(t, _)| t).collect();
        if node.get("base").is_none() {
            self.error(
                "missing-key",
                node,
                format!("{what} has no `base`"),
                "write `base = \"ou=…\"`, the DN below which its entries lie",
            );
        }
        let subtree = self.word_key(node, "scope", &[("sub", true), ("one", false)]).unwrap_or(true);
        let classes = self.texts_key(node, "classes").into_iter().map(|(t, _)| t).collect();
        Source::Entries { bases, subtree, classes, rdn: Vec::new() }
    }

    /// What every bag of entries has: `dn`, object classes, naming attributes.
    pub(super) fn read_entries(&mut self, scope: Scope, node: &Node) {
        let rdn = self.texts_key(node, "rdn");
        let rdn = if node.get("rdn").is_none() {
            vec!["cn".to_owned()]
        } else {
            rdn.into_iter().map(|(t, _)| t).collect()
        };
        let Some(draft) = self.types.get_mut(scope.ty) else { return };
        draft.intern(scope.part, "dn");
        let class = draft.intern(scope.part, "objectClass");
        draft.change_field(
            &crate::mapping::shape::FieldRef { part: scope.part, field: class, slot: None },
            &|f| f.many = true,
        );
        let naming: Vec<usize> = rdn.iter().map(|name| draft.intern(scope.part, name)).collect();
        let Some(part) = draft.shape.parts.get_mut(scope.part) else { return };
        if let Source::Entries { rdn, .. } = &mut std::sync::Arc::make_mut(&mut part.bag).source {
            *rdn = naming;
        }
    }

    fn read_ldap_root(&mut self, ty: usize, node: &Node) {
        if node.get("classes").is_none() {
            let help = "write `classes = [\"inetOrgPerson\"]`: the object classes of a new entry";
            self.error("missing-key", node, "the entries have no `classes`", help);
        }
        self.forbid(node, &["key"], "LDAP; the identity of an entry is its `anchor`");
        self.read_make(ty, node);
        let profile = match self.store {
            StoreKind::Ldap { profile } => profile,
            StoreKind::Sql { .. } => Profile::default(),
        };
        let (anchor, version) = match profile {
            Profile::OpenLdap => ("entryUUID", "entryCSN"),
            Profile::ActiveDirectory => ("objectGUID|guid_le", "uSNChanged"),
            Profile::Ds389 => ("nsUniqueId", "entryusn"),
        };
        let anchor = self.text_key(node, "anchor").unwrap_or_else(|| anchor.to_owned());
        let (name, codec) = match anchor.split_once('|') {
            Some((name, codec)) => (name.trim().to_owned(), Some(codec.trim().to_owned())),
            None => (anchor, None),
        };
        let mut kind = FieldKind::Text;
        if let Some(codec) = codec {
            let span = node.get("anchor").map_or_else(|| node.span.clone(), |n| n.span.clone());
            match self.codec(&codec, &span) {
                Some(Codec::GuidLe | Codec::Hex | Codec::Sid) => kind = FieldKind::Bytes,
                Some(_) => self.unsupported(&span, &format!("the codec `{codec}` of an anchor")),
                None => {}
            }
        }
        let Some(draft) = self.types.get_mut(ty) else { return };
        let key = draft.intern(0, &name);
        draft.declare(&crate::mapping::shape::FieldRef { part: 0, field: key, slot: None }, kind);
        if let Some(root) = draft.shape.parts.first_mut() {
            std::sync::Arc::make_mut(&mut root.bag).key = vec![key];
        }
        if node.get("version").is_none() {
            draft.version = Some(draft.intern(0, version));
        }
    }

    /// `make`: the entries above a new place are made if they are missing.
    fn read_make(&mut self, ty: usize, node: &Node) {
        let Some(table) = node.get("make").filter(|t| self.is_table(t, "`make`")) else { return };
        self.check_keys(table, &MAKE);
        let classes: Vec<String> = self.texts_key(table, "classes").into_iter().map(|(t, _)| t).collect();
        if classes.is_empty() {
            let help = "write `make = { classes = [\"organizationalUnit\"] }`";
            self.error("missing-key", table, "the entries that are made have no `classes`", help);
        }
        if let Some(root) = self.types.get_mut(ty).and_then(|t| t.shape.parts.first_mut()) {
            root.make = classes;
        }
    }

    /// `key`: the fields that identify a row.
    pub(super) fn read_key(&mut self, scope: Scope, node: &Node) {
        let names = self.texts_key(node, "key");
        let fields: Vec<usize> =
            names.iter().filter_map(|(name, span)| Some(self.field(scope, name, span)?.field)).collect();
        if let Some(part) = self.types.get_mut(scope.ty).and_then(|t| t.shape.parts.get_mut(scope.part)) {
            std::sync::Arc::make_mut(&mut part.bag).key = fields;
        }
    }

    fn read_fields(&mut self, ty: usize, node: &Node) {
        let scope = Scope { ty, part: 0 };
        let Some(table) = node.get("fields").filter(|t| self.is_table(t, "`fields`")) else { return };
        for (key, settings) in table.entries() {
            self.check_keys(settings, &FIELD);
            let Some(field) = self.field(scope, &key.name, &key.span) else { continue };
            let kind = self.word_key(settings, "type", KINDS);
            let many = self.bool_key(settings, "many");
            let codecs = settings.get("codec").map(|n| self.codecs(n)).unwrap_or_default();
            let nothing = settings.get("nothing").map(|n| self.values(scope, n)).unwrap_or_default();
            let bytes = starts_with_bytes(&codecs);
            let map = settings.get("map").cloned();
            let length = self.int_key(settings, "length").and_then(|n| usize::try_from(n).ok());
            if let (Some(node), None | Some(0)) = (settings.get("length"), length) {
                self.error(
                    "bad-value",
                    node,
                    "no text is that short",
                    "write the most characters: `length = 80`",
                );
            }
            let Some(draft) = self.types.get_mut(ty) else { continue };
            draft.change_field(&field, &|f| {
                f.many |= many.unwrap_or_default();
                f.kind = kind.unwrap_or(if bytes { FieldKind::Bytes } else { f.kind });
            });
            if let [codec @ Codec::Time(_)] = codecs.as_slice() {
                let is_number = kind == Some(FieldKind::Int);
                draft.shape.forms.push((field.clone(), spelling(codec, is_number)));
            }
            draft.settings.push((field, FieldSetting { codecs, nothing, length, map }));
        }
    }

    fn read_life(&mut self, ty: usize, node: &Node) {
        let scope = Scope { ty, part: 0 };
        let mut protect = node.get("protect").and_then(|n| self.cond(scope, n));
        if let (Some(cond), Some(at), Some(draft)) = (&protect, node.get("protect"), self.types.get(ty)) {
            let mut parts = cond.fields().into_iter().map(|f| f.part).chain(cond.parts());
            if parts.any(|part| draft.shape.is_within_document(part, 0)) {
                // What a store finds by it is more than what is protected.
                self.unsupported(&at.span, "a `protect` on fields of a document");
                protect = None;
            } else if cond
                .fields()
                .into_iter()
                .map(|f| f.part)
                .chain(cond.parts())
                .any(|part| draft.shape.is_beside(part, 0))
            {
                self.unsupported(&at.span, "a `protect` on fields of a part that hangs on two others");
                protect = None;
            } else if !cond.is_sayable(0, &draft.shape) || (self.is_ldap() && cond.compares_fields()) {
                self.unsupported(&at.span, "a `protect` that compares fields of rows that no link connects");
                protect = None;
            }
        }
        if let Some(draft) = self.types.get_mut(ty) {
            draft.protect = protect;
        }
        let Some(table) = node.get("delete") else { return };
        if !self.is_table(table, "`delete`") {
            return;
        }
        self.check_keys(table, &DELETE);
        let refuse = table.get("refuse").and_then(|n| self.cond(scope, n));
        let set = table.get("set").map(|n| self.set(scope, n)).unwrap_or_default();
        let keep = self.bool_key(table, "keep").unwrap_or_default();
        let archive = self.text_key(table, "archive");
        if self.is_ldap() {
            self.forbid(table, &["archive"], "LDAP; move the entry by assigning `container`");
        } else if let (Some(node), true) = (table.get("archive"), keep) {
            let help = "leave one of them out";
            self.error(
                "bad-value",
                node,
                "a row that `keep` leaves where it is cannot move to `archive`",
                help,
            );
        }
        if let Some(draft) = self.types.get_mut(ty) {
            draft.delete = crate::mapping::Delete { refuse, set, keep, archive };
        }
    }

    /// Marks a type's attributes as kept in our own database, or as lying in the field of the same name.
    pub(super) fn listed_paths(&mut self, node: &Node, key: &str) -> Vec<(String, std::ops::Range<usize>)> {
        if node.get(key).is_some_and(|n| matches!(n.kind, Kind::Table(_))) {
            let help = suggest(
                "",
                ["[\"nickName\"]", "\"*\""].into_iter(),
                "write a list of attribute paths, such as",
            );
            if let Some(found) = node.get(key) {
                self.error("wrong-type", found, format!("`{key}` is a table"), help);
            }
            return Vec::new();
        }
        self.texts_key(node, key)
    }
}

/// True if the stored form of a chain of codecs is bytes.
pub(super) fn starts_with_bytes(codecs: &[Codec]) -> bool {
    matches!(codecs.first(), Some(Codec::GuidLe | Codec::Hex | Codec::Base64 | Codec::Sid))
}

/// How a field with this codec holds times.
fn spelling(codec: &Codec, is_number: bool) -> Spelling {
    let codec = codec.clone();
    let name = format!("{codec:?}{is_number}");
    let spell = move |time| {
        let stored = codec.encode(time).ok()?;
        match stored {
            Value::Text(text) if is_number => text.parse().ok().map(Value::Int),
            stored => Some(stored),
        }
    };
    Spelling { name, spell: Arc::new(spell) }
}
