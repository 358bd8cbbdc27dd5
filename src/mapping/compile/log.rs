//! `[R.log.NAME]`, history tables: what they are told, and which fields none is told of.

use std::sync::Arc;

use crate::{
    mapping::{
        compile::{Compiler, LogSite, TypeDraft, draft::Scope, keys::Keys, name::Named},
        form::{AssignTarget, Template},
        lens::Lens,
        log::{Event, Log, Watched},
        node::{Key, Node},
        shape::{FieldRef, PartId, Use},
    },
    scim::schema::Returned,
    store::{Bag, Field, FieldId, FieldKind, Predicate, Value},
};

pub(super) const LOG: Keys<'static> =
    Keys { what: "a log", known: &["table", "set", "fields", "only", "events", "when"], later: &[] };

const EVENTS: &[(&str, Event)] =
    &[("create", Event::Create), ("update", Event::Update), ("delete", Event::Delete)];

impl Compiler {
    /// Reads the logs of a type.
    pub(super) fn read_logs(&mut self, ty: usize, node: &Node) {
        let Some(table) = node.get("log").filter(|t| self.is_table(t, "`log`")) else { return };
        if self.is_ldap() {
            self.forbid(node, &["log"], "LDAP; directories keep their own");
            return;
        }
        for (key, log) in table.entries() {
            if self.is_table(log, &format!("the log `{}`", key.name)) {
                self.check_keys(log, &LOG);
                self.read_log(ty, key, log);
            }
        }
    }

    fn read_log(&mut self, ty: usize, key: &Key, node: &Node) {
        let scope = Scope { ty, part: 0 };
        let source = self.source(node, &format!("the log `{}`", key.name));
        let type_name = self.types.get(ty).map(|t| t.name.clone()).unwrap_or_default();
        let mut bag = Bag {
            name: format!("{type_name}.log.{}", key.name),
            source,
            fields: Vec::new(),
            key: Vec::new(),
            scope: Predicate::True,
        };
        let mut spans = Vec::new();
        let set = self.columns(scope, node, "set", &["event"], &mut bag, &mut spans);
        const WORDS: &[&str] = &["event", "field", "old", "new"];
        let fields = self.columns(scope, node, "fields", WORDS, &mut bag, &mut spans);
        if node.get("set").is_none() && node.get("fields").is_none() {
            let help = "write `set = { person_id = \"{id}\", at = \"@now\" }`: the columns of a row";
            self.error("missing-key", node, "nothing says what a row of the log holds", help);
        }
        let only = node.get("only").map(|_| self.watched(scope, node));
        let when = node.get("when").and_then(|n| self.cond(scope, n));
        let events = self.events(scope, node);
        let Some(draft) = self.types.get_mut(ty) else { return };
        let only_span = node.get("only").map_or(0..0, |n| n.span.clone());
        let log = Log { name: key.name.clone(), bag: Arc::new(bag), events, when, only, set, fields };
        draft.logs.push(LogSite { log, spans, only: only_span });
    }

    /// The columns that `set` or `fields` gives a value.
    fn columns(
        &mut self,
        scope: Scope,
        node: &Node,
        key: &str,
        words: &'static [&'static str],
        bag: &mut Bag,
        spans: &mut Vec<(FieldId, std::ops::Range<usize>)>,
    ) -> Vec<(FieldId, Template)> {
        let mut out = Vec::new();
        let Some(table) = node.get(key).filter(|t| self.is_table(t, &format!("`{key}`"))) else { return out };
        for (column, value) in table.entries() {
            let name = column.name.trim_matches('`').to_owned();
            if bag.find_field(&name).is_some() {
                let help = "name each column once";
                self.error("bad-value", value, format!("`{name}` is given a value twice"), help);
                continue;
            }
            self.log_words = words;
            let template = self.value(scope, value);
            self.log_words = &[];
            let Some(template) = template else { continue };
            if matches!(template, Template::Some | Template::Unique { .. }) {
                let help = "write a constant, a field in braces, or a word such as `@now`";
                self.error("bad-value", value, "this is no value of a row of a log", help);
                continue;
            }
            bag.fields.push(Field { name, kind: FieldKind::Any, many: false });
            spans.push((bag.fields.len() - 1, value.span.clone()));
            out.push((bag.fields.len() - 1, template));
        }
        out
    }

    /// The fields and parts that `only` names.
    fn watched(&mut self, scope: Scope, node: &Node) -> Vec<Watched> {
        let names = self.texts_key(node, "only");
        let named = names.iter().filter_map(|(name, span)| self.named(scope, name, span));
        named
            .map(|named| match named {
                Named::Field(field) => Watched::Field(field),
                Named::Part(part) => Watched::Part(part),
            })
            .collect()
    }

    /// What is told, and the word for it.
    fn events(&mut self, scope: Scope, node: &Node) -> Vec<(Event, Value)> {
        let Some(table) = node.get("events") else {
            return EVENTS.iter().map(|(name, event)| (*event, Value::from(*name))).collect();
        };
        let mut out = Vec::new();
        if !self.is_table(table, "`events`") {
            return out;
        }
        let known: Vec<&str> = EVENTS.iter().map(|(name, _)| *name).collect();
        self.check_keys(table, &Keys { what: "`events`", known: &known, later: &[] });
        for (name, event) in EVENTS {
            let word = table.get(name).and_then(|n| self.literal(scope, n));
            out.extend(word.map(|word| (*event, word)));
        }
        out
    }
}

impl TypeDraft {
    /// The fields that hold a secret: passwords, and what is never returned.
    pub(in crate::mapping) fn secrets(&self) -> Vec<FieldRef> {
        let mut secrets = Vec::new();
        for draft in &self.rules {
            passwords(&draft.rule.lens, &mut secrets);
            let name = &draft.rule.name;
            let is_own = |rule: &str| {
                rule.strip_prefix(name.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('.'))
            };
            if draft.face.returned == Some(Returned::Never) {
                let own = self.writes.iter().filter(|w| is_own(&w.rule));
                secrets.extend(own.map(|w| w.field.clone()));
            }
        }
        secrets
    }

    /// The fields that no log tells of: how rows hang together, what `where` says of them, generated keys, what
    /// `touch` sets, fields that are opened (what lies in them is told), secrets.
    pub(super) fn unlogged(&self) -> Vec<FieldRef> {
        let mut out = self.secrets();
        let field = |part: PartId, field: FieldId| FieldRef { part, field, slot: None };
        let mut structure: Vec<FieldRef> = Vec::new();
        for (id, part) in self.shape.parts.iter().enumerate() {
            structure.extend(part.bag.key.iter().map(|f| field(id, *f)));
            structure.extend(part.constants.iter().map(|(f, _)| field(id, *f)));
            if id == 0 {
                continue;
            }
            out.extend(part.slot.iter().map(|f| field(id, *f)));
            out.extend(part.slot_in.map(|at| field(at.part, at.field)));
            out.extend(part.ties().map(|own| field(id, own)));
            if part.upward || matches!(part.usage, Use::Find | Use::FindOrAdd) {
                structure.extend(part.on.iter().map(|(_, above)| field(part.parent, *above)));
            }
            if let Some(opened) = &part.opened {
                out.push(FieldRef { part: part.parent, field: opened.field, slot: opened.slot.clone() });
            }
        }
        structure.extend(self.touch.iter().filter_map(|(_, assign)| match &assign.target {
            AssignTarget::Field(field) => Some(field.clone()),
            AssignTarget::Part(_) => None,
        }));
        structure.extend(self.version.map(|f| field(0, f)));
        let is_written =
            |f: &FieldRef| self.writes.iter().any(|w| w.field.part == f.part && w.field.field == f.field);
        out.extend(structure.into_iter().filter(|f| !is_written(f)));
        out
    }
}

fn passwords(lens: &Lens, out: &mut Vec<FieldRef>) {
    match lens {
        Lens::Password(password) => {
            out.push(password.field.clone());
            out.extend(password.salt.clone());
        }
        Lens::First(list) | Lens::Union(list) => list.iter().for_each(|l| passwords(l, out)),
        Lens::Guarded(guarded) => passwords(&guarded.lens, out),
        _ => {}
    }
}
