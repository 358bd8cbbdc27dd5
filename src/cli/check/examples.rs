//! Carries out the examples of a mapping file: in memory, with ids of their
//! own, and without any store.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::json;

use crate::{
    cli::map::everything,
    config::{CorrelationSettings, LimitSettings},
    correlation::{Correlation, derived_id},
    gateway::{Context, Gateway, TypeId},
    mapping::{
        Mapping,
        diagnostic::Diagnostics,
        example::Example,
        shape::{Part, Use},
    },
    scim::{
        Json, Object, error::ScimError, message::SearchRequest, precondition::Preconditions,
        resource::Selection,
    },
    store::{
        Bag, Cell, Field, FieldKind, Predicate, ReadStore as _, Row, Select, Source, Step, Store as _,
        StoreError, Value,
        memory::{MemoryStore, Rules},
    },
};

const TENANT: &str = "example";
/// Stands for whatever is there.
const ANYTHING: char = '…';

/// Carries out every example; those that do not hold are findings.
pub(super) fn run(mapping: &Mapping) -> Result<Diagnostics, String> {
    let mut findings = Diagnostics::default();
    if mapping.types.iter().all(|ty| ty.examples.is_empty()) {
        return Ok(findings);
    }
    let folder = Folder::new()?;
    actix_web::rt::System::new().block_on(async {
        for (ty, of) in mapping.types.iter().enumerate() {
            for (number, example) in of.examples.iter().enumerate() {
                let file = folder.0.join(format!("{ty}-{number}.db"));
                let stage = Stage::new(mapping, ty, &file)?;
                stage.play(example, &mut findings).await;
            }
        }
        Ok(findings)
    })
}

/// A temporary folder for the database of ids.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("scimgate-examples-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is a few empty files in the folder for such.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A gateway over a store in memory.
struct Stage<'m> {
    mapping: &'m Mapping,
    ty: TypeId,
    store: Arc<MemoryStore>,
    gateway: Gateway,
    cx: Context,
}

impl<'m> Stage<'m> {
    fn new(mapping: &'m Mapping, ty: TypeId, file: &std::path::Path) -> Result<Self, String> {
        let url = format!("sqlite://{}", file.display());
        let settings = CorrelationSettings { url, ..CorrelationSettings::default() };
        let correlation = Correlation::open(&settings, TENANT).map_err(|e| e.to_string())?;
        let store = Arc::new(MemoryStore::new());
        count_keys(mapping, &store);
        let gateway =
            Gateway::new(Arc::new(mapping.clone()), store.clone(), correlation, LimitSettings::default());
        Ok(Self { mapping, ty, store, gateway, cx: everything("example") })
    }

    async fn play(&self, example: &Example, findings: &mut Diagnostics) {
        let place = &example.place;
        let mut report = |code: &'static str, message: String, help: &str| {
            findings.error(code, &place.span, format!("{}{message}", place.base), help);
        };
        if let Err(error) = self.insert(&example.record).await {
            report("example-record", format!("the rows cannot be stored: {error}"), "correct `record`");
            return;
        }
        let found = match self.resources().await {
            Ok(found) => found,
            Err(error) => {
                report("example-reads", format!("the rows cannot be read: {error}"), "correct `record`");
                return;
            }
        };
        let [resource] = found.as_slice() else {
            let message = format!("the rows read as {} resources, not as one", found.len());
            report(
                "example-reads",
                message,
                "`record` holds the rows of one resource; see what `where` asks for",
            );
            return;
        };
        if let Some(expected) = &example.resource {
            let expected = self.with_ids(expected);
            let shown = shown(resource, &expected);
            if !matches(&expected, &shown) {
                let message = format!("the rows read as\n{shown:#}");
                report("example-reads", message, "correct `resource`, or the lenses");
            }
        }
        let Some(change) = &example.change else { return };
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": self.with_ids(change)
        });
        let id = resource.get("id").and_then(Json::as_str).unwrap_or_default();
        let (always, all) = (Preconditions::default(), Selection::default());
        if let Err(error) = self.gateway.patch(&self.cx, self.ty, id, &always, &body, &all).await {
            report("example-sets", format!("the change is refused: {}", error.detail()), "correct `change`");
            return;
        }
        match self.rows(&example.sets).await {
            Ok(rows) if matches(&Json::Object(example.sets.clone()), &rows) => {}
            Ok(rows) => report(
                "example-sets",
                format!("the change leaves\n{rows:#}"),
                "correct `sets`, or the lenses",
            ),
            Err(error) => {
                report("example-sets", format!("the rows cannot be read: {error}"), "correct `sets`")
            }
        }
    }

    /// `{User 7}` is the id of the user whose key is 7.
    fn with_ids(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => {
                let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
                let named = inner.and_then(|inner| inner.split_once(' '));
                match named.filter(|(name, _)| self.mapping.find_type(name).is_some()) {
                    Some((name, key)) => derived_id(TENANT, name, key).into(),
                    None => text.as_str().into(),
                }
            }
            Json::Array(list) => list.iter().map(|item| self.with_ids(item)).collect(),
            Json::Object(object) => {
                let urn = |name: &String| name.replace("{E}", crate::scim::ENTERPRISE);
                Json::Object(object.iter().map(|(name, value)| (urn(name), self.with_ids(value))).collect())
            }
            other => other.clone(),
        }
    }

    async fn insert(&self, tables: &Object) -> Result<(), StoreError> {
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

    async fn resources(&self) -> Result<Vec<Json>, ScimError> {
        let found = self.gateway.search(&self.cx, self.ty, &SearchRequest::default()).await?;
        Ok(found.get("Resources").and_then(Json::as_array).cloned().unwrap_or_default())
    }

    /// The rows of the named tables: the columns that are named or mapped, as far as they have a value.
    async fn rows(&self, named: &Object) -> Result<Json, StoreError> {
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
        if let [key] = part.bag.key.as_slice()
            && !part.on.iter().any(|(own, _)| own == key && part.usage == Use::Own)
        {
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
        Source::Names(names) => names.table.clone(),
        Source::Entries { bases, .. } => bases.join("\n"),
        Source::Items(_) => String::new(),
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
fn shown(resource: &Json, expected: &Json) -> Json {
    let mut resource = resource.clone();
    if let Some(object) = resource.as_object_mut() {
        object.retain(|k, _| expected.get(k).is_some() || !["id", "schemas", "meta"].contains(&k.as_str()));
    }
    resource
}

/// True if they are the same; `…` in an expected text stands for whatever is there.
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
