//! `scimgate demo`: the gateway over a small HR database with some hundred
//! people, to try things out. It listens on this machine only unless told
//! otherwise, and leaves nothing behind unless given a directory.

mod examples;
pub mod seed;

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use secrecy::{ExposeSecret as _, SecretString};
use time::Duration;

use self::examples::{Subject, Subjects};
use crate::{
    auth::{Authenticator, token},
    cli::{BROKEN, Outcome, fail, mapping, serve},
    config::{
        ClientSettings, CorrelationSettings, Scope, ServerSettings, Settings, SqlSettings, StoreSettings,
    },
    gateway::{Context, Gateway},
    http::{ROOT, server},
    ops,
    scim::{Json, message::SearchRequest},
};

/// The mapping file of the demo.
const MAPPING: &str = include_str!("../../mappings/demo.toml");
/// Where the demo listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8880);

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address to listen on; without it 127.0.0.1:8880, or another port if that one is taken.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Directory to keep the databases in; without it they go when the demo ends.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let place = Place::open(arguments.dir.as_deref())
        .map_err(|e| fail(BROKEN, format_args!("the directory for the databases: {e}")))?;
    let store = place.directory.join("hr.db");
    if !store.exists() {
        fill(&store).map_err(|e| fail(BROKEN, format_args!("the database: {e}")))?;
    }
    let listener = listen(arguments.listen)?;
    let address = listener.local_addr().map_err(|e| fail(BROKEN, e))?;
    let mapping = mapping::compile_text("demo.toml", MAPPING, Path::new(""))?;
    let (token, hash) = token::new();
    let settings = settings(&place, address, &mapping.store_name, hash);
    ops::telemetry::init(&settings.log).map_err(|e| fail(BROKEN, e))?;
    actix_web::rt::System::new().block_on(async {
        let gateway = serve::build_gateway(&settings, mapping).await?;
        greet(&gateway, &settings, address, &token).await?;
        serve::serve(gateway, &settings, vec![listener]).await
    })
}

/// Listens where it was told to, or at the usual port, or at any that is free.
fn listen(told: Option<SocketAddr>) -> Result<TcpListener, u8> {
    let listener = match told {
        Some(address) => server::listen(address),
        None => server::listen(LISTEN).or_else(|_| server::listen(SocketAddr::new(LISTEN.ip(), 0))),
    };
    listener.map_err(|e| fail(BROKEN, e))
}

/// Makes the HR database.
fn fill(file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    // Under another name first: a database that was interrupted half-way must not be taken for a whole one.
    let unfinished = file.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
        _ => {}
    }
    let mut connection = SqliteConnection::establish(&unfinished.display().to_string())?;
    // One transaction: row by row this takes as long as the disk is slow.
    connection.transaction(|connection| {
        connection.batch_execute(seed::schema_sql())?;
        connection.batch_execute(&seed::seed_sql())
    })?;
    drop(connection);
    fs::rename(&unfinished, file)?;
    Ok(())
}

fn settings(place: &Place, address: SocketAddr, store: &str, hash: String) -> Settings {
    let url = |name: &str| format!("sqlite://{}", place.directory.join(name).display());
    let sql = SqlSettings { url: url("hr.db"), connections: 2, ..SqlSettings::default() };
    let client = ClientSettings {
        name: "demo".to_owned(),
        tokens: vec![hash],
        expires: Some(ops::clock::now() + Duration::days(30)),
        scopes: vec![Scope::All],
        ..ClientSettings::default()
    };
    Settings {
        server: ServerSettings { listen: vec![address], ..ServerSettings::default() },
        correlation: CorrelationSettings { url: url("scimgate.db"), ..CorrelationSettings::default() },
        stores: [(store.to_owned(), StoreSettings { sql: Some(sql), ldap: None })].into(),
        clients: vec![client],
        ..Settings::default()
    }
}

/// Tells how to reach the demo and what to try.
async fn greet(gateway: &Gateway, settings: &Settings, address: SocketAddr, token: &SecretString) -> Outcome {
    let base_url = format!("http://{address}{ROOT}");
    let token = token.expose_secret();
    let header = format!("Bearer {token}");
    let principal = Authenticator::from(&settings.clients[..])
        .authenticate(Some(&header), ops::clock::now())
        .map_err(|e| fail(BROKEN, e))?;
    let context = Context { principal, base_url: base_url.clone() };
    let subjects = find_subjects(gateway, &context).await?;
    println!("SCIM base URL: {base_url}");
    println!("Bearer token: {token}");
    println!("\nThings to try, in another terminal:\n");
    println!("{}", examples::commands(&base_url, token, &subjects));
    println!("Ctrl-C ends the demo.");
    Ok(())
}

/// Picks resources of the running data for the examples; the user is no member of the group yet.
async fn find_subjects(gateway: &Gateway, context: &Context) -> Result<Subjects, u8> {
    let users = find(gateway, context, "Users", "userName", 3).await?;
    let groups = find(gateway, context, "Groups", "displayName,members", 100).await?;
    let picked = (|| {
        let mut users = users.iter().map(|user| subject(user, "userName"));
        let (manager, user, leaver) = (users.next()??, users.next()??, users.next()??);
        let is_member = |group: &&Json| {
            let members = group.get("members").and_then(Json::as_array);
            members.into_iter().flatten().any(|m| m.get("value").and_then(Json::as_str) == Some(&user.id))
        };
        let group = groups.iter().find(|group| !is_member(group)).or(groups.first())?;
        Some(Subjects { user, manager, leaver, group: subject(group, "displayName")? })
    })();
    picked.ok_or_else(|| fail(BROKEN, "the database holds too few people for the examples"))
}

fn subject(resource: &Json, name: &str) -> Option<Subject> {
    let text = |key: &str| resource.get(key).and_then(Json::as_str).map(str::to_owned);
    Some(Subject { id: text("id")?, name: text(name)? })
}

/// The first resources of an endpoint, with these attributes.
async fn find(
    gateway: &Gateway,
    context: &Context,
    endpoint: &str,
    attributes: &str,
    count: i64,
) -> Result<Vec<Json>, u8> {
    let missing = || fail(BROKEN, format_args!("the mapping has no {endpoint}"));
    let ty = gateway.find_endpoint(endpoint).ok_or_else(missing)?;
    let (attributes, count) = (Some(attributes.to_owned()), Some(count));
    let query = SearchRequest { attributes, count, ..SearchRequest::default() };
    let page = gateway.search(context, ty, &query).await.map_err(|e| fail(BROKEN, e))?;
    Ok(page.get("Resources").and_then(Json::as_array).cloned().unwrap_or_default())
}

/// Where the databases lie; a place of our own making goes when it is dropped.
struct Place {
    directory: PathBuf,
    is_ours: bool,
}

impl Place {
    fn open(given: Option<&Path>) -> io::Result<Self> {
        if let Some(directory) = given {
            fs::create_dir_all(directory)?;
            return Ok(Self { directory: directory.canonicalize()?, is_ours: false });
        }
        let directory = std::env::temp_dir().join(format!("scimgate-demo-{}", uuid::Uuid::new_v4()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&directory)?;
        Ok(Self { directory, is_ours: true })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_ours
            && let Err(error) = fs::remove_dir_all(&self.directory)
        {
            eprintln!("scimgate: {} stays behind: {error}", self.directory.display());
        }
    }
}
