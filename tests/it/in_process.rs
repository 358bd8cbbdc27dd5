//! The gateway without HTTP, over a store that counts what it is asked.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::LocalBoxFuture;
use scimgate::{
    auth::Principal,
    config::{ClientSettings, CorrelationSettings, LimitSettings, Scope, Settings, SqlSettings},
    correlation::Correlation,
    gateway::{Context, Gateway},
    mapping::{Mapping, StoreKind, compile::compile},
    plan::Plan,
    scim::{
        Json, Object, filter::parse::FilterRules, message::SearchRequest, patch::PATCH_OP,
        precondition::Preconditions, resource::Selection,
    },
    store::{
        Bag, Coverage, Predicate, ReadStore, Report, Row, Select, Step, Store, StoreError, ldap::LdapStore,
        sql::SqlStore,
    },
};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::support::TestStore;

/// A store that writes down what is asked of it: `select BAG: FIELDS`, `count BAG`, and for writes
/// `apply` with the steps of the plan, one a line.
pub(crate) struct CountingStore {
    inner: Arc<dyn Store>,
    log: Mutex<Vec<String>>,
    rows: AtomicUsize,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    gate: Mutex<Option<Gate>>,
    write_gate: Mutex<Option<Gate>>,
}

/// Tells that something was done, and waits until it may go on.
struct Gate {
    tell: oneshot::Sender<()>,
    gone: oneshot::Receiver<()>,
}

impl Gate {
    /// Puts one in a place. The first end tells when something came to it, the other one lets it go on.
    fn put(place: &Mutex<Option<Self>>) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((tell, told), (go, gone)) = (oneshot::channel(), oneshot::channel());
        *place.lock().unwrap() = Some(Self { tell, gone });
        (told, go)
    }

    /// Does something, and holds back what came of it if there was a gate in the place when it began.
    async fn hold<T>(place: &Mutex<Option<Self>>, work: impl Future<Output = T>) -> T {
        let gate = place.lock().unwrap().take();
        let done = work.await;
        if let Some(Self { tell, gone }) = gate {
            tell.send(()).unwrap();
            gone.await.unwrap();
        }
        done
    }
}

impl CountingStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            log: Mutex::default(),
            rows: AtomicUsize::new(0),
            meanwhile: Mutex::default(),
            gate: Mutex::default(),
            write_gate: Mutex::default(),
        })
    }

    /// Something that others do just before the next write.
    pub(crate) fn before_next_write(&self, act: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(act));
    }

    /// Holds back what is read next. The first end tells when it was read, the other one lets it go on.
    pub(crate) fn hold_next_read(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        Gate::put(&self.gate)
    }

    /// Holds back the answer to what is written next.
    pub(crate) fn hold_next_write(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        Gate::put(&self.write_gate)
    }

    /// What was asked since the last call, and how many rows or entries were read for it.
    pub(crate) fn take(&self) -> (Vec<String>, usize) {
        (std::mem::take(&mut self.log.lock().unwrap()), self.rows.swap(0, Ordering::Relaxed))
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
        let asked = format!("select {}: {}", select.bag.name, names(&select.bag, &select.fields));
        let found = self.inner.select(select);
        Box::pin(async move {
            let rows = Gate::hold(&self.gate, found).await;
            self.note(asked);
            self.rows.fetch_add(rows.as_ref().map_or(0, Vec::len), Ordering::Relaxed);
            rows
        })
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
        if let Some(act) = self.meanwhile.lock().unwrap().take() {
            act();
        }
        self.note(format!("apply {}", Plan::of("", "", steps.clone())));
        let written = self.inner.apply(steps);
        Box::pin(Gate::hold(&self.write_gate, written))
    }

    fn is_settling(&self) -> bool {
        self.inner.is_settling()
    }
}

/// A gateway, and what it asks its store.
pub(crate) struct Counted {
    pub(crate) gateway: Gateway,
    pub(crate) store: Arc<CountingStore>,
    pub(crate) context: Context,
    _directory: TempDir,
}

impl Counted {
    /// A gateway over a store of a test.
    pub(crate) fn over(test: &TestStore) -> Self {
        Self::over_with(test, |_| {})
    }

    /// The same, with other settings if it is a database.
    pub(crate) fn over_with(test: &TestStore, adjust: impl FnOnce(&mut SqlSettings)) -> Self {
        let mapping = compile_file(test.mapping());
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("scimgate.toml");
        let mapping_path = test.mapping().display();
        let text = format!(
            "mapping = \"{mapping_path}\"\n[correlation]\nurl = \"sqlite:ids.db\"\n{}",
            test.settings()
        );
        std::fs::write(&file, text).unwrap();
        let settings = Settings::load(&file).unwrap();
        let kind = &settings.stores["main"];
        let store: Arc<dyn Store> = match &mapping.store {
            StoreKind::Sql { session } => {
                let mut sql = kind.sql.clone().unwrap();
                sql.session.clone_from(session);
                adjust(&mut sql);
                Arc::new(SqlStore::open(&sql).unwrap())
            }
            StoreKind::Ldap { .. } => Arc::new(LdapStore::new(kind.ldap.clone().unwrap()).unwrap()),
        };
        Self::with(store, mapping)
    }

    /// A gateway over any store.
    pub(crate) fn with(store: Arc<dyn Store>, mapping: Mapping) -> Self {
        let directory = TempDir::new().unwrap();
        let ids = CorrelationSettings {
            url: format!("sqlite://{}", directory.path().join("ids.db").display()),
            ..CorrelationSettings::default()
        };
        let correlation = Correlation::open(&ids, "default").unwrap();
        let store = CountingStore::new(store);
        let gateway = Gateway::new(Arc::new(mapping), store.clone(), correlation, LimitSettings::default());
        let client =
            ClientSettings { name: "test".into(), scopes: vec![Scope::All], ..ClientSettings::default() };
        let context = Context {
            principal: Arc::new(Principal::from(&client)),
            base_url: "https://scim.example/scim/v2".into(),
        };
        Self { gateway, store, context, _directory: directory }
    }

    /// The resource type behind an endpoint.
    pub(crate) fn ty(&self, endpoint: &str) -> usize {
        self.gateway.find_endpoint(endpoint).unwrap()
    }

    /// Everything but the attributes named.
    pub(crate) fn without(&self, endpoint: &str, excluded: &str) -> Selection {
        let ty = self.gateway.resource_types()[self.ty(endpoint)];
        Selection::parse(None, Some(excluded), ty).unwrap()
    }

    /// `GET /ENDPOINT?…`
    pub(crate) async fn list(&self, endpoint: &str, query: &[(&str, &str)]) -> Json {
        let pairs: Vec<(String, String)> =
            query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let request = SearchRequest::from_query(&pairs, &FilterRules::default()).unwrap();
        self.gateway.search(&self.context, self.ty(endpoint), &request).await.unwrap()
    }

    /// `PATCH /Groups/ID?excludedAttributes=members` with one operation.
    pub(crate) async fn patch_group(&self, id: &str, operation: &Json) -> Option<Object> {
        let body = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
        let (ty, selection) = (self.ty("Groups"), self.without("Groups", "members"));
        self.gateway.patch(&self.context, ty, id, &Preconditions::default(), &body, &selection).await.unwrap()
    }
}

/// The mapping in a file.
pub(crate) fn compile_file(path: &Path) -> Mapping {
    let text = std::fs::read_to_string(path).unwrap();
    let load = |file: &str| std::fs::read_to_string(path.parent().unwrap().join(file));
    compile(&text, &load).unwrap_or_else(|diagnostics| panic!("{diagnostics}")).0
}
