//! The floor: what one LDAP search behind actix-web costs at least.
//!
//! A handler makes the search that the gateway cannot do without: the same
//! scope, filter and attributes, on a connection of the worker's own, the
//! entry decoded. It answers a fixed body of the gateway's size. There is no
//! authentication, no log, no mapping.

use std::{cell::RefCell, hint::black_box, net::TcpListener};

use actix_web::{App, HttpResponse, HttpServer, web};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry, SearchOptions, StdStream};

use crate::directory::PEOPLE;

/// The attributes that mappings/openldap.toml reads of a user.
const ATTRIBUTES: &[&str] = &[
    "uid",
    "displayName",
    "title",
    "employeeType",
    "preferredLanguage",
    "givenName",
    "sn",
    "mail",
    "telephoneNumber",
    "mobile",
    "facsimileTelephoneNumber",
    "pager",
    "homePhone",
    "street",
    "l",
    "st",
    "postalCode",
    "postalAddress",
    "pwdAccountLockedTime",
    "employeeNumber",
    "departmentNumber",
    "o",
    "ou",
    "manager",
    "memberOf",
    "entryUUID",
    "entryCSN",
    "createTimestamp",
    "modifyTimestamp",
];

/// What the handlers share.
struct Floor {
    url: String,
    bind_dn: String,
    password: String,
    body: String,
}

thread_local! {
    static CONNECTION: RefCell<Option<Ldap>> = const { RefCell::new(None) };
}

/// Serves `/{attribute}/{value}` with two workers until it is killed; prints its address first.
pub(crate) async fn serve([url, bind_dn, password, size]: [String; 4]) {
    let body = "x".repeat(size.parse().expect("the size is a number"));
    let floor = web::Data::new(Floor { url, bind_dn, password, body });
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    println!("{}", listener.local_addr().expect("it has an address"));
    let app = move || App::new().app_data(floor.clone()).route("/{attribute}/{value}", web::get().to(answer));
    let server = HttpServer::new(app).workers(2).listen(listener).expect("it listens");
    server.run().await.expect("it serves");
}

async fn answer(floor: web::Data<Floor>, path: web::Path<(String, String)>) -> HttpResponse {
    let (attribute, value) = path.into_inner();
    let filter = format!("(&(objectClass=inetOrgPerson)({attribute}={}))", ldap3::ldap_escape(value));
    let mut ldap = connection(&floor).await;
    ldap.with_search_options(SearchOptions::new().sizelimit(2));
    let search = ldap.streaming_search(PEOPLE, Scope::Subtree, &filter, ATTRIBUTES).await;
    let mut search = search.expect("the search starts");
    let mut found = 0;
    while let Some(entry) = search.next().await.expect("the search goes on") {
        black_box(SearchEntry::construct(entry));
        found += 1;
    }
    search.finish().await.success().expect("the search succeeds");
    if found == 0 {
        return HttpResponse::NotFound().finish();
    }
    HttpResponse::Ok().content_type("application/scim+json").body(floor.body.clone())
}

/// The connection of this worker.
async fn connection(floor: &Floor) -> Ldap {
    if let Some(ldap) = CONNECTION.with_borrow(Clone::clone) {
        return ldap;
    }
    let address = floor.url.trim_start_matches("ldap://");
    let socket = std::net::TcpStream::connect(address).expect("slapd listens");
    socket.set_nodelay(true).expect("it is a socket");
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Tcp(socket));
    let (driver, mut ldap) = LdapConnAsync::with_settings(settings, &floor.url).await.expect("it connects");
    actix_web::rt::spawn(async move { driver.drive().await.expect("the connection lasts") });
    let bind = ldap.simple_bind(&floor.bind_dn, &floor.password).await.expect("slapd answers");
    bind.success().expect("the password is right");
    CONNECTION.set(Some(ldap.clone()));
    ldap
}
