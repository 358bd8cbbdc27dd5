//! scimgate under test: the program as it is shipped, with a mapping as it is shipped.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use scimgate::auth::token;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::process::Running;

/// `scimgate serve`, ready for requests.
pub(crate) struct Served {
    /// The process.
    pub(crate) process: Running,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    token: String,
}

impl Served {
    /// Starts it with two workers, a file of `mappings/` and the settings of a store; it keeps the ids of
    /// so many resources in memory. Its log, at the default level, goes to a file.
    pub(crate) fn start(scratch: &Path, mapping: &str, store: &str, known: usize) -> Self {
        let address = free_address();
        let (token, hash) = token::new();
        let settings = scratch.join("scimgate.toml");
        fs::write(&settings, settings_text(scratch, (mapping, store, known), address, &hash))
            .expect("a file is written");
        let log = File::create(scratch.join("scimgate.log")).expect("a file is made");
        let program =
            std::env::var("BENCH_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_scimgate").to_owned());
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(&settings).stderr(log);
        let process = Running::start(&mut command);
        let served = Self { process, address, token: token.expose_secret().to_owned() };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "scimgate does not start: {}",
                log_of(scratch)
            );
            thread::sleep(Duration::from_millis(50));
        }
        served
    }

    /// The header line that makes a caller known.
    pub(crate) fn header(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    /// The text of an answer.
    pub(crate) fn get(&self, path: &str) -> String {
        let request = ureq::get(format!("http://{}{path}", self.address));
        let answer = request.header("Authorization", format!("Bearer {}", self.token)).call();
        let mut answer = answer.unwrap_or_else(|e| panic!("{path}: {e}"));
        answer.body_mut().read_to_string().expect("the answer is text")
    }

    /// Lists so many users, which is all there are, in pages of 100; gives their ids by login.
    pub(crate) fn list(&self, all: usize) -> std::collections::HashMap<String, String> {
        let mut ids = std::collections::HashMap::new();
        loop {
            let path = format!("/scim/v2/Users?startIndex={}&count=100", ids.len() + 1);
            let page: Value = serde_json::from_str(&self.get(&path)).expect("the answer is JSON");
            let text = |user: &Value, name: &str| user[name].as_str().expect("a text").to_owned();
            let users = page["Resources"].as_array().map_or(&[][..], Vec::as_slice);
            let before = ids.len();
            ids.extend(users.iter().map(|u| (text(u, "userName"), text(u, "id"))));
            assert_eq!(page["totalResults"], all, "the total on the page from {before} on");
            if ids.len() == all {
                return ids;
            }
            assert_eq!(ids.len(), before + 100, "a page of new users");
        }
    }
}

fn log_of(scratch: &Path) -> String {
    fs::read_to_string(scratch.join("scimgate.log")).unwrap_or_default()
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address")
}

fn settings_text(
    scratch: &Path,
    (mapping, store, known): (&str, &str, usize),
    address: SocketAddr,
    hash: &str,
) -> String {
    format!(
        r#"
mapping = "{root}/mappings/{mapping}"
[server]
listen = "{address}"
workers = 2
[correlation]
url = "sqlite://{scratch}/scimgate.db"
cache_rows = {known}
scan = false
{store}
[[clients]]
name = "benchmark"
tokens = ["{hash}"]
expires = 2099-01-01T00:00:00Z
scopes = ["read"]
"#,
        root = env!("CARGO_MANIFEST_DIR"),
        scratch = scratch.display(),
    )
}
