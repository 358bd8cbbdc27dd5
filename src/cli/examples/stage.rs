//! A gateway over a store in memory, with a database of ids of its own: where
//! the examples of mapping files and of the documentation are carried out.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    config::{CorrelationSettings, LimitSettings},
    correlation::{Correlation, derived_id},
    gateway::{Context, Gateway, TypeId},
    mapping::{
        Mapping,
        shape::{Part, Use},
    },
    scim::{Json, Object, error::ScimError, filter::Filter, message::SearchRequest},
    store::{
        Bag, Cell, Field, FieldKind, Predicate, ReadStore as _, Row, Select, Source, Step, Store as _,
        StoreError, Value,
        memory::{MemoryStore, Rules},
    },
};

const TENANT: &str = "example";
/// Stands for whatever is there.
const ANYTHING: char = '…';

/// Where examples are carried out.
pub struct Stage {
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// The gateway in front of the store.
    pub gateway: Gateway,
    /// Who asks.
    pub cx: Context,
    store: Arc<MemoryStore>,
}

impl Stage {
    /// Makes one; `file` is where the database of ids will lie.
    ///
    /// # Errors
    ///
    /// A sentence, if that database cannot be made.
    pub fn new(mapping: Mapping, cx: Context, file: &Path) -> Result<Self, String> {
        let url = format!("sqlite://{}", file.display());
        let settings = CorrelationSettings { url, ..CorrelationSettings::default() };
        let correlation = Correlation::open(&settings, TENANT).map_err(|e| e.to_string())?;
        let (mapping, store) = (Arc::new(mapping), Arc::new(MemoryStore::new()));
        count_keys(&mapping, &store);
        let gateway = Gateway::new(mapping.clone(), store.clone(), correlation, LimitSettings::default());
        Ok(Self { mapping, gateway, cx, store })
    }

    /// Replaces `{User 7}` in texts by the id of the user whose key is 7, and `{E}` by the extension's URN.
    #[must_use]
    pub fn with_ids(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => self.with_ids_in(text).into(),
            Json::Array(list) => list.iter().map(|item| self.with_ids(item)).collect(),
            Json::Object(object) => {
                let named = object.iter().map(|(name, value)| (self.with_ids_in(name), self.with_ids(value)));
                Json::Object(named.collect())
            }
            other => other.clone(),
        }
    }

    fn with_ids_in(&self, text: &str) -> String {
        let mut out = text.replace("{E}", crate::scim::ENTERPRISE);
        for ty in &self.mapping.types {
            let name = &ty.resource_type.name;
            let start = format!("{{{name} ");
            while let Some((before, rest)) = out.split_once(&start) {
                let Some((key, after)) = rest.split_once('}') else { break };
                out = format!("{before}{}{after}", derived_id(TENANT, name, key));
            }
        }
        out
    }

    /// Puts rows into tables, or entries below base DNs.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn insert(&self, tables: &Object) -> Result<(), StoreError> {
        for (table, rows) in tables {
            for row in rows.as_array().into_iter().flatten().filter_map(Json::as_object) {
                let bag = bag(table, row.keys().cloned().collect());
                let cells = row.values().map(|v| Cell::Values(values(v))).enumerate().collect();
                let step = Step::Insert { bag, cells, report: Vec::new(), unless_exists: false };
                self.store.apply(vec![step]).await?;
            }
        }
        Ok(())
    }

    /// The resources of a type, or those that a filter finds.
    ///
    /// # Errors
    ///
    /// What the gateway answers.
    pub async fn resources(&self, ty: TypeId, filter: Option<Filter>) -> Result<Vec<Json>, ScimError> {
        let request = SearchRequest { filter, ..SearchRequest::default() };
        let found = self.gateway.search(&self.cx, ty, &request).await?;
        Ok(found.get("Resources").and_then(Json::as_array).cloned().unwrap_or_default())
    }

    /// The rows of the named tables: the columns that are named or mapped, as far as they have a value.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn rows(&self, named: &Object) -> Result<Json, StoreError> {
        let mut out = Object::new();
        for (table, rows) in named {
            let rows = rows.as_array().into_iter().flatten().filter_map(Json::as_object);
            let mut names: Vec<String> = rows.flat_map(|row| row.keys().cloned()).collect();
            for part in self.mapping.types.iter().flat_map(|t| &t.shape.parts).filter(|p| p.opened.is_none())
            {
                if source(&part.bag).eq_ignore_ascii_case(table) {
                    names.extend(part.bag.fields.iter().map(|f| f.name.clone()));
                }
            }
            names.sort();
            names.dedup();
            let bag = bag(table, names);
            let select = Select {
                bag: bag.clone(),
                predicate: Predicate::True,
                fields: (0..bag.fields.len()).collect(),
                order: Vec::new(),
                offset: 0,
                limit: None,
            };
            let found = self.store.select(select).await?;
            out.insert(table.clone(), found.iter().map(|row| object(&bag, row)).collect());
        }
        Ok(Json::Object(out))
    }
}

/// Keys that nothing else gives are counted up, as a database would.
fn count_keys(mapping: &Mapping, store: &MemoryStore) {
    let mut tables: BTreeMap<String, Rules> = BTreeMap::new();
    let is_rows = |p: &&Part| p.opened.is_none() && !matches!(p.bag.source, Source::Names(_));
    for part in mapping.types.iter().flat_map(|t| &t.shape.parts).filter(is_rows) {
        let rules = tables.entry(source(&part.bag)).or_default();
        let [key] = part.bag.key.as_slice() else { continue };
        let given = part.is_tie(*key) && part.usage == Use::Own;
        if part.upward || !given {
            rules.generated = Some(part.bag.field_name(*key).to_owned());
        }
    }
    for (table, rules) in tables {
        store.define(&table, rules);
    }
}

fn source(bag: &Bag) -> String {
    match &bag.source {
        Source::Table(name) => name.clone(),
        Source::Entries { bases, .. } => bases.join("\n"),
        Source::Items(held) => source(&held.bag),
        Source::Names(names) => names.table.clone(),
    }
}

fn bag(table: &str, names: Vec<String>) -> Arc<Bag> {
    let field = |name| Field { name, kind: FieldKind::Any, many: true };
    Arc::new(Bag {
        name: table.to_owned(),
        source: Source::Table(table.to_owned()),
        fields: names.into_iter().map(field).collect(),
        key: Vec::new(),
        scope: Predicate::True,
    })
}

fn object(bag: &Bag, row: &Row) -> Json {
    let cells = bag.fields.iter().enumerate().filter(|(index, _)| !row.all(*index).is_empty());
    Json::Object(cells.map(|(index, field)| (field.name.clone(), cell(row.all(index)))).collect())
}

/// `hex:…` stands for bytes.
fn values(json: &Json) -> Vec<Value> {
    match json {
        Json::Null | Json::Object(_) => Vec::new(),
        Json::Array(list) => list.iter().flat_map(values).collect(),
        Json::Bool(truth) => vec![Value::Bool(*truth)],
        Json::Number(number) => match number.as_i64() {
            Some(int) => vec![Value::Int(int)],
            None => number.to_string().parse().map(Value::Decimal).into_iter().collect(),
        },
        Json::String(text) => match text.strip_prefix("hex:").and_then(|h| hex::decode(h).ok()) {
            Some(bytes) => vec![Value::Bytes(bytes)],
            None => vec![Value::Text(text.clone())],
        },
    }
}

fn cell(values: &[Value]) -> Json {
    let one = |value: &Value| match value {
        Value::Int(int) => Json::from(*int),
        Value::Bool(truth) => Json::from(*truth),
        Value::Bytes(bytes) => format!("hex:{}", hex::encode(bytes)).into(),
        other => other.to_text().into(),
    };
    match values {
        [value] => one(value),
        several => several.iter().map(one).collect(),
    }
}

/// A resource without `id`, `schemas` and `meta`, unless they are asked for.
#[must_use]
pub fn shown(resource: &Json, expected: &Json) -> Json {
    let mut resource = resource.clone();
    if let Some(object) = resource.as_object_mut() {
        object.retain(|k, _| expected.get(k).is_some() || !["id", "schemas", "meta"].contains(&k.as_str()));
    }
    resource
}

/// True if they are the same; `…` in an expected text stands for whatever is there.
#[must_use]
pub fn matches(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::String(text), Json::String(other)) => match text.split_once(ANYTHING) {
            Some((before, after)) => {
                other.len() >= before.len() + after.len()
                    && other.starts_with(before)
                    && other.ends_with(after)
            }
            None => text == other,
        },
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| matches(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| matches(v, w)))
        }
        _ => expected == found,
    }
}
