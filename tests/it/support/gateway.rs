//! The real program, started with settings made for one test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Client, TestStore};

const TOKEN: &str = "test-token";
/// How long the program may take to listen; debug builds on busy machines are slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a test may want otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// `profile` of the client: `entra`, `okta` …
    pub(crate) profile: Option<&'static str>,
    /// Lines of `[limits]`.
    pub(crate) limits: String,
    /// Lines for the client's table (`patch_response = "full"`).
    pub(crate) client: String,
}

/// A running gateway; dropping it ends it.
pub(crate) struct Gateway {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
    // Holds the settings and the correlation database.
    directory: TempDir,
}

impl Gateway {
    /// Starts it in front of a store, and waits until it listens.
    pub(crate) fn start(store: &TestStore, options: &Options) -> Self {
        let directory = TempDir::new().unwrap();
        let hash = hex::encode(Sha256::digest(TOKEN));
        let profile = options.profile.unwrap_or("generic");
        let settings = format!(
            r#"mapping = "{mapping}"
[server]
listen = ["127.0.0.1:0"]
workers = 2
[correlation]
url = "sqlite:ids.db"
{store}
[[clients]]
name = "test"
tokens = ["sha256:{hash}"]
scopes = ["all"]
profile = "{profile}"
{client}
[limits]
{limits}
"#,
            mapping = store.mapping().display(),
            store = store.settings(),
            client = options.client,
            limits = options.limits,
        );
        fs::write(directory.path().join("scimgate.toml"), settings).unwrap();
        Self::start_in(directory)
    }

    /// Ends the program as a crash would, and starts it again on the same correlation database.
    pub(crate) fn restart(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let directory = std::mem::replace(&mut self.directory, TempDir::new().unwrap());
        Self::start_in(directory)
    }

    fn start_in(directory: TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scimgate"))
            .args(["serve", "--config"])
            .arg(directory.path().join("scimgate.toml"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        follow(child.stdout.take().unwrap(), log.clone(), found.clone());
        follow(child.stderr.take().unwrap(), log.clone(), found);
        // Made first, so that the program ends also when it does not listen.
        let mut gateway = Self { child, address: String::new(), log, directory };
        gateway.address = address
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("the gateway does not listen:\n{}", gateway.log()));
        gateway
    }

    /// A client with every right.
    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("{}/scim/v2", self.address), TOKEN)
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Everything it has printed.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
        if thread::panicking() {
            eprintln!("--- log of the gateway ---\n{}", self.log());
        }
    }
}

/// Collects the lines of a stream, and reports the address when a line tells it.
fn follow(stream: impl Read + Send + 'static, log: Arc<Mutex<String>>, found: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("listening on http://") {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                let address = &rest[..end.unwrap_or(rest.len())];
                // Nobody listens any more once the first address has come.
                found.send(format!("http://{address}")).ok();
            }
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
}
