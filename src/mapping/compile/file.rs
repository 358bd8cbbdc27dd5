//! The file level: constants, the store, counters, constraint names, and which
//! resource types there are.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    mapping::{
        Counter, CounterKind, CounterText, StoreKind,
        compile::{
            Compiler,
            draft::{NOWHERE, TypeDraft},
            keys::{Keys, suggest},
        },
        node::{Key, Kind, Node},
        place::Named,
    },
    scim::attribute::AttrPath,
    store::{Bag, Field, FieldId, FieldKind, Predicate, Profile, Source, Test},
};

pub(super) const FILE: &[&str] = &["extends", "let", "sql", "ldap", "next", "errors", "schema", "type"];

pub(super) const SQL: &[&str] = &["store", "session"];
pub(super) const LDAP: &[&str] = &["store", "profile"];
pub(super) const COUNTER: &[&str] = &[
    "table",
    "where",
    "column",
    "entry",
    "attribute",
    "highest",
    "base",
    "from",
    "to",
    "step",
    "gives",
    "text",
];
pub(super) const SESSION: &[&str] = &["sql_mode", "time_zone", "search_path", "isolation", "foreign_keys"];
const ISOLATIONS: &[(&str, &str)] = &[
    ("read committed", "read committed"),
    ("repeatable read", "repeatable read"),
    ("serializable", "serializable"),
];

impl Compiler {
    /// Reads the file level and finds the resource types.
    pub(super) fn read_file(&mut self, tree: &Node) {
        self.read_constants(tree);
        self.read_store(tree);
        self.read_counters(tree);
        self.read_schemas(tree);
        self.read_declarations(tree);
        for (key, node) in tree.entries() {
            if FILE.contains(&key.name.as_str()) {
                continue;
            }
            self.read_type(tree, key, node);
        }
        for (key, _) in tree.get("type").map_or(&[][..], Node::entries) {
            if tree.get(&key.name).is_none() {
                let message = format!("`{}` is declared, but nothing maps it", key.name);
                let help = format!("write a table `[{}]`, or remove the declaration", key.name);
                self.diagnostics.warn("type-unmapped", &key.span, message, help);
            }
        }
        self.check_endpoints(tree);
        self.read_errors(tree);
        if self.types.is_empty() && !self.diagnostics.has_errors() {
            self.diagnostics.error(
                "missing-key",
                &(0..0),
                "the file maps no resource type",
                "write a table `[User]`",
            );
        }
    }

    fn read_type(&mut self, tree: &Node, key: &Key, node: &Node) {
        let declared = self.declared(tree, &key.name);
        let capital = key.name.starts_with(|c: char| c.is_ascii_uppercase());
        match (declared, capital) {
            (Some(declared), _) => {
                if self.is_table(node, &format!("`{}`", key.name)) {
                    let node = self.like_type(key, node, tree);
                    self.types.push(TypeDraft::new(&key.name, key.span.clone(), node, declared));
                }
            }
            // What is wrong with its declaration is reported.
            (None, _) if tree.get("type").is_some_and(|t| t.get(&key.name).is_some()) => {}
            (None, true) => {
                let mut names: Vec<&str> = vec!["User", "Group"];
                names.extend(
                    tree.get("type").map_or(&[][..], Node::entries).iter().map(|(k, _)| k.name.as_str()),
                );
                let help = suggest(&key.name, names.into_iter(), "declare it by `[type.…]`; types are");
                let message = format!("there is no resource type `{}`", key.name);
                self.diagnostics.error("unknown-type", &key.span, message, help);
            }
            (None, false) => {
                let known = FILE.iter().copied().chain(["User", "Group"]);
                let help = suggest(&key.name, known, "keys here are");
                let message = format!("`{}` is no key of the file", key.name);
                self.diagnostics.error("unknown-key", &key.span, message, help);
            }
        }
    }

    fn read_constants(&mut self, tree: &Node) {
        let Some(table) = tree.get("let") else { return };
        if self.is_table(table, "`let`") {
            for (key, node) in table.entries() {
                if let Some(value) = self.literal(NOWHERE, node) {
                    self.constants.insert(key.name.clone(), value);
                }
            }
        }
    }

    fn read_store(&mut self, tree: &Node) {
        let ldap = match (tree.get("sql"), tree.get("ldap")) {
            (Some(_), Some(ldap)) => {
                self.error(
                    "store-kind",
                    ldap,
                    "a file is for one store, SQL or LDAP",
                    "remove `[sql]` or `[ldap]`",
                );
                true
            }
            (Some(_), None) => false,
            (None, Some(_)) => true,
            // Without either, the first type tells.
            (None, None) => tree
                .entries()
                .iter()
                .any(|(k, n)| !FILE.contains(&k.name.as_str()) && n.get("base").is_some()),
        };
        let empty = Node { span: 0..0, kind: Kind::Table(Vec::new()) };
        let table = tree.get(if ldap { "ldap" } else { "sql" }).unwrap_or(&empty);
        if !self.is_table(table, "the store") {
            return;
        }
        let (what, known): (_, &[&str]) = if ldap { ("`[ldap]`", LDAP) } else { ("`[sql]`", SQL) };
        self.check_keys(table, &Keys { what, known, later: &[] });
        if let Some(name) = self.text_key(table, "store") {
            self.store_name = name;
        }
        let profiles = [
            ("openldap", Profile::OpenLdap),
            ("ad", Profile::ActiveDirectory),
            ("active_directory", Profile::ActiveDirectory),
            ("389ds", Profile::Ds389),
        ];
        if let Some(node) = table.get("profile") {
            self.places.note(Named::Profile, &node.span);
        }
        self.store = if ldap {
            StoreKind::Ldap { profile: self.word_key(table, "profile", &profiles).unwrap_or_default() }
        } else {
            StoreKind::Sql { session: self.read_session(table) }
        };
    }

    fn read_session(&mut self, table: &Node) -> BTreeMap<String, String> {
        let mut session = BTreeMap::new();
        let Some(node) = table.get("session") else { return session };
        let keys = Keys { what: "`session`", known: SESSION, later: &[] };
        self.check_keys(node, &keys);
        if self.is_table(node, "`session`") {
            for (key, value) in node.entries() {
                let text = match key.name.as_str() {
                    "isolation" => self.word_key(node, "isolation", ISOLATIONS).map(str::to_owned),
                    "foreign_keys" => self
                        .word_key(node, "foreign_keys", &[("on", "on"), ("off", "off")])
                        .map(str::to_owned),
                    _ => self.plain(value, &format!("`{}`", key.name)),
                };
                if let Some(text) = text {
                    self.places.note(Named::Session(key.name.clone()), &value.span);
                    session.insert(key.name.clone(), text);
                }
            }
        }
        session
    }

    fn read_counters(&mut self, tree: &Node) {
        for (key, node) in tree.get("next").map_or(&[][..], Node::entries) {
            if !self.is_table(node, &format!("`next.{}`", key.name)) {
                continue;
            }
            let keys = Keys { what: "a counter", known: COUNTER, later: &[] };
            self.check_keys(node, &keys);
            let step = self.int_key(node, "step").unwrap_or(1);
            let (from, to) = (self.int_key(node, "from").unwrap_or(1), self.int_key(node, "to"));
            if step == 0 || to.is_some_and(|to| to < from) {
                self.error(
                    "bad-value",
                    node,
                    "this counter gives no value",
                    "`step` is not 0, and `to` not below `from`",
                );
            }
            let text = self.counter_text(node);
            if let Some(kind) = self.counter_kind(&key.name, node) {
                self.places.note(Named::Counter(key.name.clone()), &key.span);
                self.counters.insert(key.name.clone(), Counter { kind, from, to, step, text });
            }
        }
    }

    /// `text = "E{n:5}"`: what stands around the number, and its width.
    fn counter_text(&mut self, table: &Node) -> Option<CounterText> {
        let node = table.get("text")?;
        let found = node.text().and_then(|text| {
            let (before, rest) = text.split_once('{')?;
            let (hole, after) = rest.split_once('}')?;
            let width = match hole.split_once(':') {
                None => 0,
                Some((_, width)) => width.parse().ok().filter(|w| *w <= 18)?,
            };
            let is_number = hole.split(':').next() == Some("n") && !after.contains(['{', '}']);
            is_number.then(|| CounterText { before: before.to_owned(), width, after: after.to_owned() })
        });
        if found.is_none() {
            let help = "write `text = \"E{n}\"`, or `\"E{n:5}\"` for five digits";
            self.error("bad-text", node, "this text has no place for the number", help);
        }
        found
    }

    fn counter_kind(&mut self, name: &str, node: &Node) -> Option<CounterKind> {
        let mut bag = Bag {
            name: format!("next.{name}"),
            source: Source::Table(String::new()),
            fields: Vec::new(),
            key: Vec::new(),
            scope: Predicate::True,
        };
        let ldap = self.is_ldap();
        let (place, number) = match (node.get("highest").is_some(), ldap) {
            (true, true) => ("base", "highest"),
            (true, false) => ("table", "highest"),
            (false, true) => ("entry", "attribute"),
            (false, false) => ("table", "column"),
        };
        let names: Vec<String> = match number {
            "highest" if ldap => self.texts_key(node, number).into_iter().map(|(name, _)| name).collect(),
            _ => self.text_key(node, number).into_iter().collect(),
        };
        let where_ = self.text_key(node, place);
        let (Some(where_), [name, ..]) = (where_, names.as_slice()) else {
            if node.get(place).is_none() || node.get(number).is_none() {
                let help = format!("this counter needs `{place}` and `{number}`");
                self.error("missing-key", node, format!("it is open where `next.{name}` lies"), help);
            }
            return None;
        };
        // Numbers within texts are read as texts.
        let is_text = number == "highest" && node.get("text").is_some();
        let kind = if is_text { FieldKind::Text } else { FieldKind::Int };
        let field = push_field(&mut bag, name, kind);
        bag.source = if ldap {
            let bases = vec![where_.clone()];
            Source::Entries { bases, subtree: true, classes: Vec::new(), rdn: Vec::new() }
        } else {
            Source::Table(where_.clone())
        };
        for (key, value) in node.get("where").map_or(&[][..], Node::entries) {
            if let Some(value) = self.literal(NOWHERE, value) {
                let field = push_field(&mut bag, &key.name, FieldKind::Any);
                bag.scope = std::mem::take(&mut bag.scope).and(Predicate::equals(field, value));
            }
        }
        if number == "highest" {
            let more = names.iter().skip(1).map(|name| push_field(&mut bag, name, kind));
            let fields: Vec<FieldId> = std::iter::once(field).chain(more.collect::<Vec<_>>()).collect();
            let used = fields.iter().map(|field| Predicate::Field(*field, Test::Present));
            let used = match used.collect::<Vec<_>>() {
                list if list.len() > 1 => Predicate::Any(list),
                list => Predicate::All(list),
            };
            bag.scope = std::mem::take(&mut bag.scope).and(used);
            return Some(CounterKind::Highest { bag: Arc::new(bag), fields });
        }
        if ldap {
            let dn = push_field(&mut bag, "dn", FieldKind::Dn);
            bag.key = vec![dn];
            bag.scope = std::mem::take(&mut bag.scope).and(Predicate::equals(dn, where_.into()));
        }
        let before = self.word_key(node, "gives", &[("before", true), ("after", false)]).unwrap_or(true);
        Some(CounterKind::Cell { bag: Arc::new(bag), field, before })
    }

    fn read_errors(&mut self, tree: &Node) {
        let Some(table) = tree.get("errors") else { return };
        if !self.is_table(table, "`errors`") {
            return;
        }
        for (constraint, node) in table.entries() {
            let Some(text) = self.plain(node, "the attribute path") else { continue };
            let path = AttrPath::parse(&text.replace("{E}", crate::scim::ENTERPRISE));
            match path.filter(|p| self.types.iter().any(|t| t.declared.resolve(p).is_some())) {
                Some(path) => {
                    self.places.note(Named::Constraint(constraint.name.clone()), &constraint.span);
                    self.errors.insert(constraint.name.clone(), path);
                }
                None => {
                    let names = self
                        .types
                        .iter()
                        .flat_map(|t| t.declared.core.attributes.iter().map(|a| a.name.as_str()));
                    let help = suggest(&text, names, "attributes are");
                    self.error(
                        "unknown-attribute",
                        node,
                        format!("no mapped type has an attribute `{text}`"),
                        help,
                    );
                }
            }
        }
    }
}

/// A field of a counter's bag; as elsewhere an odd name stands in backticks.
fn push_field(bag: &mut Bag, name: &str, kind: FieldKind) -> FieldId {
    let name = name.strip_prefix('`').and_then(|n| n.strip_suffix('`')).unwrap_or(name);
    if let Some(id) = bag.find_field(name) {
        return id;
    }
    bag.fields.push(Field { name: name.to_owned(), kind, many: false });
    bag.fields.len() - 1
}
