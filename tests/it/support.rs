//! What end-to-end tests need: the real program in front of a store of their
//! own, a SCIM client, and eyes in the store.
//!
//! ```ignore
//! let Some(store) = TestStore::fresh(Backend::OpenLdap) else { return };
//! let gateway = Gateway::start(&store, &Options::default());
//! let answer = gateway.client().get("/Users?count=1");
//! assert_eq!(answer.status, 200, "{answer}");
//! assert_eq!(store.user("person1", "displayName"), ["Aoife O'Malley"]);
//! ```
//!
//! Each test makes its own database or directory subtree; dropping the values
//! removes it and ends the program. Where a server's address is missing from
//! the environment the test says so loudly and is skipped; `tests/run` sets
//! them all.

mod client;
mod directory;
mod gateway;
mod matching;
mod proxy;
mod set;
mod store;
mod tables;
mod wire;

pub(crate) use self::{
    client::{Answer, Client},
    directory::{Directory, Entries, Entry, MONITOR, Product},
    gateway::{Gateway, Options},
    matching::mismatches,
    proxy::Proxy,
    set::{People, Set},
    store::{Backend, TestStore},
    tables::{Session, Snapshot},
    wire::{Fuse, Loss, Wire},
};

/// A word that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}{}", &id[..12])
}

/// An environment variable that tells where a server is; without it the test is skipped.
fn server(variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if address.is_none() {
        // Past the capture of the test runner: a skipped test must be seen.
        use std::io::Write as _;
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        let text = format!("SKIPPED {name}: {variable} is not set; tests/run sets it\n");
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    address
}
