//! A gateway over the store in memory, with a few people in it.

use std::{
    cell::Cell as Counter,
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures_util::future::LocalBoxFuture;
use scimgate::{
    auth::Principal,
    config::{ClientSettings, CorrelationSettings, LimitSettings, Scope},
    correlation::Correlation,
    gateway::{Context, Gateway},
    mapping::{Mapping, StoreKind, shape::Use},
    plan::Plan,
    scim::{
        Json, Object, error::ScimError, message::SearchRequest, precondition::Preconditions,
        resource::Selection, schema::ResourceType,
    },
    store::{
        Bag, Cell, Coverage, Field, FieldKind, Predicate, ReadStore, Report, Row, Select, Source, Step,
        Store, StoreError, Value,
        memory::{MemoryStore, Rules},
    },
};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The store, and the plans that it was told to carry out.
struct Watched {
    store: MemoryStore,
    writes: Mutex<Vec<String>>,
}

impl ReadStore for Watched {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.store.select(select)
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.store.count(bag, predicate)
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        self.store.coverage(bag, predicate)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        self.store.probe()
    }
}

impl Store for Watched {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        self.writes.lock().unwrap().push(Plan::of("", "", steps.clone()).to_string());
        self.store.apply(steps)
    }
}

/// A gateway for one mapping.
pub(super) struct House {
    gateway: Gateway,
    context: Context,
    store: Arc<Watched>,
    runtime: Runtime,
    is_ldap: bool,
    people: Vec<String>,
    count: Counter<usize>,
    _directory: TempDir,
}

impl House {
    pub(super) fn new(mapping: &Mapping) -> Self {
        let directory = TempDir::new().unwrap();
        let url = format!("sqlite://{}", directory.path().join("ids.db").display());
        let settings = CorrelationSettings { url, ..CorrelationSettings::default() };
        let correlation = Correlation::open(&settings, "laws").unwrap();
        let store = Arc::new(Watched { store: MemoryStore::new(), writes: Mutex::default() });
        generate_keys(mapping, &store.store);
        let limits = LimitSettings::default();
        let gateway = Gateway::new(Arc::new(mapping.clone()), store.clone(), correlation, limits);
        let client =
            ClientSettings { name: "laws".into(), scopes: vec![Scope::All], ..ClientSettings::default() };
        let base_url = "https://gate.example/scim/v2".to_owned();
        let mut house = Self {
            gateway,
            context: Context { principal: Arc::new(Principal::from(&client)), base_url },
            store,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            is_ldap: matches!(mapping.store, StoreKind::Ldap { .. }),
            people: Vec::new(),
            count: Counter::new(0),
            _directory: directory,
        };
        house.look_ups();
        for _ in 0..4 {
            let person = house.placed("User", &Object::new());
            let person = house.create("User", &person).unwrap();
            house.people.push(person["id"].as_str().unwrap().to_owned());
        }
        house
    }

    /// The closed lists of the shipped mappings.
    fn look_ups(&self) {
        for (table, key) in [("employment_kinds", "kind_code"), ("hr.employment", "code")] {
            let field = |name: &str| Field { name: name.to_owned(), kind: FieldKind::Any, many: false };
            let bag = Arc::new(Bag {
                name: table.to_owned(),
                source: Source::Table(table.to_owned()),
                fields: vec![field(key), field("label")],
                key: Vec::new(),
                scope: Predicate::True,
            });
            let rows = [("E", "Employee"), ("C", "Contractor"), ("I", "Intern")].map(|(code, label)| {
                let cells = [code, label].map(|text| Cell::Values(vec![Value::from(text)]));
                let cells = cells.into_iter().enumerate().collect();
                Step::Insert { bag: bag.clone(), cells, report: Vec::new(), unless_exists: false }
            });
            self.runtime.block_on(self.store.store.apply(rows.to_vec())).unwrap();
        }
    }

    fn ty(&self, name: &str) -> usize {
        self.gateway.find_endpoint(&format!("{name}s")).unwrap()
    }

    /// What is published of a resource type.
    pub(super) fn published(&self, name: &str) -> &ResourceType {
        self.gateway.resource_types()[self.ty(name)]
    }

    fn selection(&self, name: &str) -> Selection {
        Selection::parse(None, None, self.published(name)).unwrap()
    }

    /// The ids of the people that were there first.
    pub(super) fn people(&self) -> &[String] {
        &self.people
    }

    /// The resource with a name that nobody has, and pointers at people who are there.
    pub(super) fn placed(&self, name: &str, resource: &Object) -> Object {
        let number = self.count.get();
        self.count.set(number + 1);
        let mut placed = resource.clone();
        let key = if name == "User" { "userName" } else { "displayName" };
        let text = placed.get(key).and_then(Json::as_str).unwrap_or_default();
        placed.insert(key.into(), format!("{text}#{number}").into());
        let mut left = self.people.iter();
        let mut point = |element: &mut Json| match (element.as_object_mut(), left.next()) {
            (Some(object), Some(id)) => {
                *object = Object::from_iter([("value".to_owned(), id.as_str().into())]);
                true
            }
            _ => false,
        };
        if let Some(members) = placed.get_mut("members").and_then(Json::as_array_mut) {
            members.retain_mut(&mut point);
        }
        let enterprise = placed.get_mut(scimgate::scim::ENTERPRISE);
        if let Some(manager) = enterprise.and_then(|e| e.get_mut("manager")) {
            point(manager);
        }
        placed
    }

    /// A resource for a PUT over another. The store in memory cannot rename entries. A composed name that
    /// a client leaves as it was goes on following the names it is composed of: another one is sent.
    pub(super) fn over(&self, name: &str, mut resource: Object, first: &Object) -> Object {
        let key = if name == "User" { "userName" } else { "displayName" };
        if self.is_ldap {
            resource.insert(key.into(), first[key].clone());
        }
        let composed = first.get("name").and_then(|n| n.get("formatted"));
        if let Some(own) = resource.get_mut("name").and_then(Json::as_object_mut)
            && composed.is_some()
            && own.get("formatted") == composed
        {
            own.insert("formatted".into(), "another".into());
        }
        resource
    }

    fn body(&self, name: &str, resource: &Object) -> Json {
        let mut body = resource.clone();
        body.insert("schemas".into(), json!([self.published(name).core.id]));
        Json::Object(body)
    }

    pub(super) fn create(&self, name: &str, resource: &Object) -> Result<Object, ScimError> {
        let (body, all) = (self.body(name, resource), self.selection(name));
        self.runtime.block_on(self.gateway.create(&self.context, self.ty(name), &body, &all))
    }

    pub(super) fn read(&self, name: &str, id: &str) -> Object {
        let all = self.selection(name);
        self.runtime.block_on(self.gateway.retrieve(&self.context, self.ty(name), id, &all)).unwrap()
    }

    pub(super) fn replace(&self, name: &str, id: &str, resource: &Object) -> Result<Object, ScimError> {
        let (body, all) = (self.body(name, resource), self.selection(name));
        self.runtime.block_on(self.gateway.replace(
            &self.context,
            self.ty(name),
            id,
            &Preconditions::default(),
            &body,
            &all,
        ))
    }

    pub(super) fn patch(&self, name: &str, id: &str, body: &Json) -> Result<(), ScimError> {
        let all = self.selection(name);
        let none = Preconditions::default();
        let answer = self.gateway.patch(&self.context, self.ty(name), id, &none, body, &all);
        self.runtime.block_on(answer).map(drop)
    }

    /// Every first resource of either type but one. The groups of people, and the version that is made
    /// of them, are left out: they follow from the members of others.
    pub(super) fn others(&self, id: &str) -> Vec<Json> {
        let mut all = Vec::new();
        for name in ["User", "Group"] {
            let request = SearchRequest { count: Some(20), ..SearchRequest::default() };
            let found = self.gateway.search(&self.context, self.ty(name), &request);
            let found = self.runtime.block_on(found).unwrap();
            all.extend(found["Resources"].as_array().into_iter().flatten().cloned());
        }
        all.retain(|r| r["id"] != id);
        for resource in &mut all {
            if let Some(object) = resource.as_object_mut() {
                object.remove("groups");
                object.get_mut("meta").and_then(Json::as_object_mut).map(|meta| meta.remove("version"));
            }
        }
        all
    }

    /// The plans carried out since the last call.
    pub(super) fn take_writes(&self) -> Vec<String> {
        std::mem::take(&mut self.store.writes.lock().unwrap())
    }
}

/// Keys that nothing else gives are counted up.
fn generate_keys(mapping: &Mapping, store: &MemoryStore) {
    let mut tables: BTreeMap<String, Rules> = BTreeMap::new();
    for part in mapping.types.iter().flat_map(|t| &t.shape.parts).filter(|p| p.opened.is_none()) {
        let name = match &part.bag.source {
            Source::Table(name) => name.clone(),
            Source::Entries { bases, .. } => bases.join("\n"),
            Source::Items(_) | Source::Names(_) => continue,
        };
        let rules = tables.entry(name).or_default();
        let is_link = |key: &usize| part.on.iter().any(|(own, _)| own == key) && part.usage == Use::Own;
        if let [key] = part.bag.key.as_slice()
            && !is_link(key)
        {
            rules.generated = Some(part.bag.field_name(*key).to_owned());
        }
    }
    for (table, rules) in tables {
        store.define(&table, rules);
    }
}
