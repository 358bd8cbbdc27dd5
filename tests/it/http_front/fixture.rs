//! A front over a small SQLite database, driven without a socket.

use std::sync::Arc;

use actix_web::{
    App,
    body::to_bytes,
    dev::Service as _,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName},
    },
    test::{TestRequest, init_service},
    web,
};
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use scimgate::{
    auth::{Authenticator, token},
    config::{ClientSettings, CorrelationSettings, LimitSettings, Mode, Scope, ServerSettings, SqlSettings},
    correlation::Correlation,
    gateway::Gateway,
    http::{Front, configure},
    mapping::compile::compile,
    store::{Store, sql::SqlStore},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const SCHEMA: &str = "
    create table people (
        id integer primary key autoincrement, login text not null collate nocase unique,
        name text, mail text, enabled integer not null default 1, pw text, stamp text
    );
    create table teams (id integer primary key autoincrement, name text not null unique);
    create table team_people (
        team integer not null references teams, person integer not null references people,
        primary key (team, person)
    );
";

const MAPPING: &str = r#"
sql = { store = "main" }
[User]
table = "people"
key = "id"
version = "stamp"
touch = { stamp = "{@uuid}" }
[User.attributes]
userName = { field = "login", unique = "fold" }
displayName = "name"
emails = { slots = { work = "mail" } }
active = { field = "enabled", map = [[1, true], [0, false]] }
[Group]
table = "teams"
key = "id"
[Group.part]
person = { table = "team_people", on = { team = "id" }, many = true }
[Group.attributes]
displayName = { field = "name", unique = "fold" }
members = { rows = "person", each = { value = { field = "person", ref = "User" } } }
"#;

/// A front over a store of its own, and tokens for it.
pub(crate) struct Fixture {
    front: web::Data<Front>,
    /// May do everything.
    pub(crate) all: String,
    /// May do everything, by the letter.
    pub(crate) strict: String,
    /// May read.
    pub(crate) reader: String,
    /// May read and write groups only.
    pub(crate) groups: String,
    directory: TempDir,
}

impl Fixture {
    /// Over a small SQLite database.
    pub(crate) async fn new(settings: ServerSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("store.db");
        SqliteConnection::establish(file.to_str().unwrap()).unwrap().batch_execute(SCHEMA).unwrap();
        let url = format!("sqlite://{}", file.display());
        let store = SqlSettings { url, connections: 1, ..SqlSettings::default() };
        let store = SqlStore::open(&store).unwrap();
        Self::build(settings, Arc::new(store), directory)
    }

    /// Over a store of the test's own.
    pub(crate) async fn over(settings: ServerSettings, store: Arc<dyn Store>) -> Self {
        Self::build(settings, store, tempfile::tempdir().unwrap())
    }

    fn build(settings: ServerSettings, store: Arc<dyn Store>, directory: TempDir) -> Self {
        let mut clients = Vec::new();
        let mut client = |name: &str, scope: Scope, mode: Mode| {
            let (token, hash) = token::new();
            let (name, tokens, scopes) = (name.to_owned(), vec![hash], vec![scope]);
            clients.push(ClientSettings { name, tokens, scopes, mode, ..ClientSettings::default() });
            token.expose_secret().to_owned()
        };
        let all = client("idp", Scope::All, Mode::Tolerant);
        let strict = client("strict", Scope::All, Mode::Rfc);
        let reader = client("reader", Scope::Read, Mode::Tolerant);
        let groups = client("grouper", Scope::Groups, Mode::Tolerant);
        let url = format!("sqlite:{}", directory.path().join("ids.db").display());
        let correlation = CorrelationSettings { url, ..CorrelationSettings::default() };
        let correlation = Correlation::open(&correlation, "test").unwrap();
        let (mapping, _) = compile(MAPPING, &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
        let gateway = Gateway::new(Arc::new(mapping), store, correlation, LimitSettings::default());
        let front = Front::new(gateway, Authenticator::from(&clients[..]), &settings);
        Self { front: web::Data::new(front), all, strict, reader, groups, directory }
    }

    /// The front by itself, a token that may do everything, and what must outlive them.
    pub(crate) fn into_front(self) -> (Front, String, TempDir) {
        let front = Arc::into_inner(self.front.into_inner());
        (front.unwrap_or_else(|| panic!("the front is in use")), self.all, self.directory)
    }

    /// Sends a request as it stands.
    pub(crate) async fn answer(&self, request: TestRequest) -> Answer {
        let app = init_service(App::new().configure(|cfg| configure(cfg, &self.front))).await;
        // As the server does: an error of the outermost layer is an answer too.
        let response = match app.call(request.to_request()).await {
            Ok(response) => response.into_parts().1,
            Err(error) => error.error_response(),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap();
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Sends a document as the client that may do everything.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Json) -> Answer {
        self.answer(self.request(method, path).set_json(body)).await
    }

    /// A request of the client that may do everything.
    pub(crate) fn request(&self, method: Method, path: &str) -> TestRequest {
        self.of(&self.all, method, path)
    }

    /// A request with this token.
    pub(crate) fn of(&self, token: &str, method: Method, path: &str) -> TestRequest {
        TestRequest::with_uri(path)
            .method(method)
            .insert_header((header::HOST, "idm.example.com"))
            .insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    /// Asserts that this is a SCIM error of the status (7644-3.12-a, -b, -c).
    pub(crate) fn is_error(&self, status: u16, about: &str) {
        assert_eq!(self.status, status, "{about}: {}", self.body);
        assert_eq!(self.header(header::CONTENT_TYPE), "application/scim+json", "{about}");
        let body = self.json();
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{about}");
        assert_eq!(body["status"], status.to_string(), "{about}");
        assert!(body["detail"].as_str().is_some_and(|d| !d.is_empty()), "{about}");
    }
}

pub(crate) fn user(name: &str) -> Json {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "displayName": "Some Body"})
}
