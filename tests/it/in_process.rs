//! The gateway without HTTP, over a store that counts what it is asked.

use std::sync::{Arc, Mutex};

use futures_util::future::LocalBoxFuture;
use scimgate::{
    auth::Principal,
    config::{ClientSettings, CorrelationSettings, LimitSettings, Scope, SqlSettings},
    correlation::Correlation,
    gateway::{Context, Gateway},
    mapping::{Mapping, compile::compile},
    scim::{Json, message::SearchRequest, resource::Selection},
    store::{
        Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError, sql::SqlStore,
    },
};

/// A store that writes down what is asked of it: `select Bag`, `apply insert Bag, …`.
pub(crate) struct CountingStore {
    inner: Arc<dyn Store>,
    log: Mutex<Vec<String>>,
}

impl CountingStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, log: Mutex::default() })
    }

    /// What was asked since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }
}

fn names(bag: &Bag, fields: &[usize]) -> String {
    fields.iter().map(|f| bag.field_name(*f).to_owned()).collect::<Vec<_>>().join(",")
}

impl ReadStore for CountingStore {
    fn select(&self, select: Select) -> LocalBoxFuture<'_, Result<Vec<Row>, StoreError>> {
        self.note(format!("select {}: {}", select.bag.name, names(&select.bag, &select.fields)));
        self.inner.select(select)
    }

    fn count(&self, bag: Arc<Bag>, predicate: Predicate) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        self.note(format!("count {}", bag.name));
        self.inner.count(bag, predicate)
    }

    fn coverage(&self, bag: &Bag, predicate: &Predicate) -> Coverage {
        self.inner.coverage(bag, predicate)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<String, StoreError>> {
        self.inner.probe()
    }
}

impl Store for CountingStore {
    fn apply(&self, steps: Vec<Step>) -> LocalBoxFuture<'_, Result<Vec<Report>, StoreError>> {
        let plan = scimgate::plan::Plan::of("", "", steps.clone());
        self.note(format!("apply\n{plan}"));
        self.inner.apply(steps)
    }
}

/// A gateway over the demo's company, and what it asks the store.
pub(crate) struct Demo {
    pub(crate) gateway: Gateway,
    pub(crate) store: Arc<CountingStore>,
    pub(crate) context: Context,
    _dir: tempfile::TempDir,
}

impl Demo {
    pub(crate) fn new() -> Self {
        use diesel::{Connection as _, connection::SimpleConnection as _};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hr.db");
        let mut connection = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let statements = scimgate::cli::demo::seed::statements();
        connection.transaction(|c| statements.iter().try_for_each(|sql| c.batch_execute(sql))).unwrap();
        let sql = SqlStore::open(&SqlSettings::new(format!("sqlite://{}", path.display()))).unwrap();
        let mapping = mapping(include_str!("../../mappings/demo.toml"));
        Self::over(Arc::new(sql), mapping, dir)
    }

    pub(crate) fn over(store: Arc<dyn Store>, mapping: Mapping, dir: tempfile::TempDir) -> Self {
        let store = CountingStore::new(store);
        let settings = CorrelationSettings {
            url: format!("sqlite://{}", dir.path().join("correlation.db").display()),
            ..CorrelationSettings::default()
        };
        let correlation = Correlation::open(&settings, "default").unwrap();
        let gateway = Gateway::new(Arc::new(mapping), store.clone(), correlation, LimitSettings::default());
        let client =
            ClientSettings { name: "test".into(), scopes: vec![Scope::All], ..ClientSettings::default() };
        let context = Context {
            principal: Arc::new(Principal::from(&client)),
            base_url: "https://scim.example/scim/v2".into(),
        };
        Self { gateway, store, context, _dir: dir }
    }

    pub(crate) fn ty(&self, segment: &str) -> usize {
        self.gateway.find_endpoint(segment).unwrap()
    }

    pub(crate) fn selection(
        &self,
        segment: &str,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Selection {
        let ty = self.gateway.resource_types()[self.ty(segment)];
        Selection::parse(attributes, excluded, ty).unwrap()
    }

    pub(crate) async fn list(&self, segment: &str, query: &[(&str, &str)]) -> Json {
        let pairs: Vec<(String, String)> =
            query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let rules = scimgate::scim::filter::parse::FilterRules::tolerant();
        let request = SearchRequest::from_query(&pairs, &rules).unwrap();
        self.gateway.search(&self.context, self.ty(segment), &request).await.unwrap()
    }
}

pub(crate) fn mapping(source: &str) -> Mapping {
    compile(source, &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap_or_else(|d| panic!("{d}")).0
}

#[tokio::test]
async fn explore() {
    let demo = Demo::new();
    let list = demo.list("Users", &[("count", "2")]).await;
    println!("{list:#}");
    println!("{:#?}", demo.store.take());
    let found = demo.list("Users", &[("filter", "userName eq \"OBERG1002\"")]).await;
    println!("{found:#}");
    println!("{:#?}", demo.store.take());
    let user = demo.ty("Users");
    let manager = found.pointer("/Resources/0/id").unwrap().as_str().unwrap();
    let all = demo.selection("Users", None, None);
    let body = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "bob", "displayName": "Bob Ray", "name": {"givenName": "Bob", "familyName": "Ray"},
        "emails": [{"value": "bob@x.example", "type": "work", "primary": true}, {"value": "b@home.example", "type": "home"}],
        "externalId": "x-1", "nickName": "Bobby",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Brand new", "manager": {"value": manager}}
    });
    let bob = demo.gateway.create(&demo.context, user, &body, &all).await.unwrap();
    println!("{:#}", Json::Object(bob.clone()));
    for l in demo.store.take() {
        println!("{l}");
    }
    let id = bob["id"].as_str().unwrap();
    let patch = serde_json::json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "replace", "value": {"name.givenName": "Robert", "active": false}},
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "robert@x.example"}
    ]});
    let bob = demo.gateway.patch(&demo.context, user, id, None, &patch, &all).await.unwrap().unwrap();
    println!("{:#}", Json::Object(bob.clone()));
    for l in demo.store.take() {
        println!("{l}");
    }
    let groups = demo.list("Groups", &[("count", "1")]).await;
    for l in demo.store.take() {
        println!("{l}");
    }
    let gid = groups.pointer("/Resources/0/id").unwrap().as_str().unwrap();
    let patch = serde_json::json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "add", "path": "members", "value": [{"value": id}]}]});
    let g = demo
        .gateway
        .patch(
            &demo.context,
            demo.ty("Groups"),
            gid,
            None,
            &patch,
            &demo.selection("Groups", None, Some("members")),
        )
        .await
        .unwrap()
        .unwrap();
    println!("{:#}", Json::Object(g));
    for l in demo.store.take() {
        println!("{l}");
    }
    let bob = demo.gateway.retrieve(&demo.context, user, id, &all).await.unwrap();
    println!("{:#}", Json::Object(bob.clone()));
    for l in demo.store.take() {
        println!("{l}");
    }
    demo.gateway.delete(&demo.context, user, id, None).await.unwrap();
    for l in demo.store.take() {
        println!("{l}");
    }
}
