//! An example of a document: a mapping, the rows of a store, requests, and
//! what becomes of both. It runs in a gateway over the memory store.

use std::{collections::BTreeMap, sync::Arc};

use scimgate::{
    auth::Principal,
    config::{ClientSettings, CorrelationSettings, LimitSettings, Scope},
    correlation::{Correlation, derived_id},
    gateway::{Context, Gateway},
    mapping::{Mapping, form::Answers},
    scim::{
        Json,
        error::ScimError,
        filter::parse::{FilterRules, parse},
        message::SearchRequest,
        precondition::Preconditions,
        resource::Selection,
    },
    store::{
        Bag, Cell, Field, FieldKind, Predicate, ReadStore as _, Select, Source, Step, Store as _, Value,
        memory::{MemoryStore, Rules},
    },
};
use serde_json::json;
use tempfile::TempDir;
use time::macros::datetime;

use super::markdown::Block;

const TENANT: &str = "main";
const BASE_URL: &str = "https://gate.example/scim/v2";
/// Stands for whatever is there.
const ANYTHING: &str = "…";

/// A gateway for one example.
pub(crate) struct Example {
    mapping: Arc<Mapping>,
    store: Arc<MemoryStore>,
    gateway: Gateway,
    cx: Context,
    /// The answer to the last request, until a block asks for it.
    answer: Option<Result<Json, ScimError>>,
    _directory: TempDir,
}

impl Example {
    pub(crate) fn new(mapping: Mapping) -> Self {
        let directory = TempDir::new().unwrap();
        let settings = CorrelationSettings {
            url: format!("sqlite://{}", directory.path().join("ids.db").display()),
            ..CorrelationSettings::default()
        };
        let correlation = Correlation::open(&settings, TENANT).unwrap();
        let client = ClientSettings {
            name: "provider".to_owned(),
            scopes: vec![Scope::All],
            ..ClientSettings::default()
        };
        let cx = Context { principal: Arc::new(Principal::from(&client)), base_url: BASE_URL.to_owned() };
        let (mapping, store) = (Arc::new(mapping), Arc::new(MemoryStore::new()));
        generate_keys(&mapping, &store);
        let gateway = Gateway::new(mapping.clone(), store.clone(), correlation, LimitSettings::default());
        Self { mapping, store, gateway, cx, answer: None, _directory: directory }
    }

    /// Carries out one block of JSON.
    pub(crate) async fn run(&mut self, block: &Block) {
        let (step, ty) = block.tags.first().map(|(n, v)| (n.as_str(), v.as_str())).expect("a step");
        let ty = if ty.is_empty() { self.mapping.types[0].resource_type.name.clone() } else { ty.to_owned() };
        let text = self.with_ids(&block.text);
        let json: Json = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("line {}: this is no JSON: {e}", block.line));
        if !matches!(step, "refuses" | "answers") {
            self.settle(block.line);
        }
        match step {
            "rows" => self.insert(&json).await,
            "reads" => self.reads(&ty, &json, block.line).await,
            "writes" => self.writes(&json, block.line).await,
            "finds" => self.finds(&ty, &json, block.line).await,
            "pushes" => self.pushes(&ty, &json, block.line),
            "publishes" => self.publishes(&ty, &json, block.line),
            "post" | "put" | "patch" | "delete" => {
                let answer = self.request(step, &ty, &json).await;
                self.answer = Some(answer);
            }
            "answers" => {
                let answer = self.answer.take().expect("a request before").map(|a| shown(&a, &json));
                self.compare(block.line, &json, &answer.unwrap_or_else(|e| e.body()));
            }
            "refuses" => {
                let Err(error) = self.answer.take().expect("a request before") else {
                    panic!("line {}: the request was not refused", block.line)
                };
                let found = json!({
                    "status": error.status(), "scimType": error.scim_type().map(|t| t.as_str()),
                    "detail": error.detail(),
                });
                let asked: Json = json
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|k| (k.clone(), found[k].clone()))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
                self.compare(block.line, &json, &asked);
            }
            other => panic!("line {}: there is no step `{other}`", block.line),
        }
    }

    /// An error that no block asked for is a mistake of the example.
    pub(crate) fn settle(&mut self, line: usize) {
        if let Some(Err(error)) = self.answer.take() {
            panic!("before line {line}: the request was refused: {error}");
        }
    }

    /// Replaces `{User 7}` by the id of the user with the anchor 7, and `{E}` by the extension's URN.
    fn with_ids(&self, text: &str) -> String {
        let mut out = text.replace("{E}", scimgate::scim::ENTERPRISE);
        for ty in &self.mapping.types {
            let name = &ty.resource_type.name;
            while let Some((before, rest)) = out.split_once(&format!("{{{name} ")) {
                let (anchor, after) = rest.split_once('}').unwrap();
                out = format!("{before}{}{after}", derived_id(TENANT, name, anchor));
            }
        }
        out
    }

    async fn insert(&self, tables: &Json) {
        for (table, rows) in tables.as_object().unwrap() {
            for row in rows.as_array().unwrap() {
                let row = row.as_object().unwrap();
                let bag = bag(table, row.keys().cloned().collect());
                let cells = row.values().map(|v| Cell::Values(values(v))).enumerate().collect();
                let step = Step::Insert { bag, cells, report: Vec::new(), unless_exists: false };
                self.store.apply(vec![step]).await.unwrap();
            }
        }
    }

    fn type_id(&self, name: &str) -> usize {
        self.mapping.find_type(name).unwrap_or_else(|| panic!("no type {name}"))
    }

    async fn resources(&self, ty: &str, filter: Option<&str>) -> Vec<Json> {
        let filter = filter.map(|f| parse(f, &FilterRules::tolerant()).unwrap());
        let request = SearchRequest { filter, ..SearchRequest::default() };
        let found = self.gateway.search(&self.cx, self.type_id(ty), &request).await;
        found.unwrap_or_else(|e| panic!("{e}"))["Resources"].as_array().cloned().unwrap_or_default()
    }

    async fn reads(&self, ty: &str, expected: &Json, line: usize) {
        let found = self.resources(ty, None).await;
        match expected {
            Json::Array(list) => {
                let found: Vec<Json> = found
                    .iter()
                    .zip(list)
                    .map(|(f, e)| shown(f, e))
                    .chain(found.iter().skip(list.len()).cloned())
                    .collect();
                self.compare(line, expected, &found.into());
            }
            one => {
                assert_eq!(found.len(), 1, "line {line}: one {ty} is there");
                self.compare(line, one, &shown(&found[0], one));
            }
        }
    }

    async fn writes(&self, expected: &Json, line: usize) {
        let mut found = serde_json::Map::new();
        for (table, rows) in expected.as_object().unwrap() {
            let mut names: Vec<String> = Vec::new();
            let named = rows.as_array().unwrap().iter().flat_map(|r| r.as_object().unwrap().keys().cloned());
            let parts = self.mapping.types.iter().flat_map(|t| &t.shape.parts).filter(|p| p.opened.is_none());
            let mapped = parts.filter(|p| source_name(&p.bag).eq_ignore_ascii_case(table));
            let mapped = mapped.flat_map(|p| p.bag.fields.iter().map(|f| f.name.clone()));
            for name in named.chain(mapped) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let bag = bag(table, names);
            let fields = (0..bag.fields.len()).collect();
            let select = Select {
                bag: bag.clone(),
                predicate: Predicate::True,
                fields,
                order: Vec::new(),
                offset: 0,
                limit: None,
            };
            let rows = self.store.select(select).await.unwrap();
            let rows = rows.iter().map(|row| {
                let cells = bag.fields.iter().enumerate().filter(|(i, _)| !row.all(*i).is_empty());
                cells
                    .map(|(i, f)| (f.name.clone(), cell(row.all(i))))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            });
            found.insert(table.clone(), Json::Array(rows.collect()));
        }
        self.compare(line, expected, &found.into());
    }

    async fn finds(&self, ty: &str, expected: &Json, line: usize) {
        for (filter, names) in expected.as_object().unwrap() {
            let found = self.resources(ty, Some(filter)).await;
            let name = |r: &Json| r.get("userName").or(r.get("displayName")).cloned().unwrap_or_default();
            let found: Json = found.iter().map(name).collect::<Vec<_>>().into();
            assert_eq!(found, *names, "line {line}: {filter}");
        }
    }

    /// How much of a filter the store is asked: `exactly`, `more` than matches, or `nothing`.
    fn pushes(&self, ty: &str, expected: &Json, line: usize) {
        let mapping = &self.mapping.types[self.type_id(ty)];
        for (text, how) in expected.as_object().unwrap() {
            let filter = parse(text, &FilterRules::tolerant()).unwrap();
            let answers = Answers::new(datetime!(2026-11-24 12:00 UTC), "");
            let pushed = mapping.push(&filter, &answers);
            let found = match (pushed.exact, pushed.predicate) {
                (true, _) => "exactly",
                (false, Predicate::True) => "nothing",
                (false, _) => "more",
            };
            assert_eq!(found, how.as_str().unwrap(), "line {line}: {text}");
        }
    }

    fn publishes(&self, ty: &str, expected: &Json, line: usize) {
        let published = &self.mapping.types[self.type_id(ty)].resource_type;
        for (path, characteristics) in expected.as_object().unwrap() {
            let path = scimgate::scim::attribute::AttrPath::parse(path).unwrap();
            let Some(found) = published.resolve(&path) else {
                assert_eq!(*characteristics, Json::Null, "line {line}: {path} is not published");
                continue;
            };
            let found = serde_json::to_value(found.leaf()).unwrap();
            for (name, value) in characteristics.as_object().unwrap() {
                assert_eq!(found[name], *value, "line {line}: {name} of {path}");
            }
        }
    }

    async fn request(&self, method: &str, ty: &str, body: &Json) -> Result<Json, ScimError> {
        let id = self.type_id(ty);
        let published = &self.mapping.types[id].resource_type;
        let (gateway, cx, all) = (&self.gateway, &self.cx, Selection::parse(None, None, published)?);
        let mut body = body.clone();
        let schema = published.core.id.clone();
        let first = async || {
            let found = self.resources(ty, None).await;
            found.first().and_then(|r| r["id"].as_str()).expect("a resource").to_owned()
        };
        match method {
            "post" => {
                body["schemas"] = json!([schema]);
                gateway.create(cx, id, &body, &all).await.map(Json::Object)
            }
            "put" => {
                body["schemas"] = json!([schema]);
                gateway
                    .replace(cx, id, &first().await, &Preconditions::default(), &body, &all)
                    .await
                    .map(Json::Object)
            }
            "patch" => {
                let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": body });
                let answer =
                    gateway.patch(cx, id, &first().await, &Preconditions::default(), &body, &all).await?;
                Ok(answer.map_or(Json::Null, Json::Object))
            }
            _ => gateway.delete(cx, id, &first().await, &Preconditions::default()).await.map(|()| Json::Null),
        }
    }

    fn compare(&self, line: usize, expected: &Json, found: &Json) {
        assert!(matches(expected, found), "line {line}: expected\n{expected:#}\nfound\n{found:#}");
    }
}

/// In the memory store, keys that nothing else gives are counted up.
fn generate_keys(mapping: &Mapping, store: &MemoryStore) {
    let mut tables: BTreeMap<String, Rules> = BTreeMap::new();
    let is_rows =
        |p: &&scimgate::mapping::shape::Part| p.opened.is_none() && !matches!(p.bag.source, Source::Names(_));
    for part in mapping.types.iter().flat_map(|t| &t.shape.parts).filter(is_rows) {
        let rules = tables.entry(source_name(&part.bag)).or_default();
        if let [key] = part.bag.key.as_slice()
            && (part.upward
                || !part
                    .on
                    .iter()
                    .any(|(own, _)| own == key && part.usage == scimgate::mapping::shape::Use::Own))
        {
            rules.generated = Some(part.bag.field_name(*key).to_owned());
        }
    }
    for (table, rules) in tables {
        store.define(&table, rules);
    }
}

fn source_name(bag: &Bag) -> String {
    match &bag.source {
        Source::Table(name) => name.clone(),
        Source::Entries { bases, .. } => bases.join("\n"),
        Source::Items(held) => source_name(&held.bag),
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

fn values(json: &Json) -> Vec<Value> {
    match json {
        Json::Null => Vec::new(),
        Json::Array(list) => list.iter().flat_map(values).collect(),
        Json::Bool(truth) => vec![Value::Bool(*truth)],
        Json::Number(number) => match number.as_i64() {
            Some(int) => vec![Value::Int(int)],
            None => vec![Value::Decimal(number.to_string().parse().unwrap())],
        },
        Json::String(text) => match text.strip_prefix("hex:").and_then(|h| hex::decode(h).ok()) {
            Some(bytes) => vec![Value::Bytes(bytes)],
            None => vec![Value::Text(text.clone())],
        },
        Json::Object(_) => panic!("no value of a field: {json}"),
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
        several => several.iter().map(one).collect::<Vec<_>>().into(),
    }
}

/// A resource without `id`, `schemas` and `meta`, where the example does not name them.
fn shown(resource: &Json, expected: &Json) -> Json {
    let mut resource = resource.clone();
    if let Some(object) = resource.as_object_mut() {
        object.retain(|k, _| expected.get(k).is_some() || !["id", "schemas", "meta"].contains(&k.as_str()));
    }
    resource
}

fn matches(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::String(text), Json::String(other)) => match text.split_once(ANYTHING) {
            Some((before, after)) => other.starts_with(before) && other.ends_with(after),
            None => text == other,
        },
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| matches(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| matches(v, w)))
        }
        _ => expected == found,
    }
}
