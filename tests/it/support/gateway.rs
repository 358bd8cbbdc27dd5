//! The real program, started with settings made for one test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Client, TestStore};

const TOKEN: &str = "test-token";
/// A file beside the settings: variables of the program's environment, line by line.
const ENVIRONMENT: &str = "environment";
/// A file beside the settings: a shell script that starts the program, in a namespace of its own.
const WRAPPER: &str = "wrapper";
#[cfg(feature = "faults")]
const DISK: &str = "disk";
/// How long the program may take to listen; debug builds on busy machines are slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a test may want otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// `profile` of the client: `entra`, `okta` …
    pub(crate) profile: Option<&'static str>,
    /// What the client may do, if not everything.
    pub(crate) scopes: Option<&'static str>,
    /// Lines of `[server]`.
    pub(crate) server: String,
    /// Lines of `[limits]`.
    pub(crate) limits: String,
    /// Variables of its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Lines for the client's table (`patch_response = "full"`).
    pub(crate) client: String,
    /// `level` of `[log]`.
    pub(crate) log: &'static str,
    /// Lines of `[correlation]`, in place of an SQLite file beside the settings.
    pub(crate) correlation: String,
}

/// A running gateway; dropping it ends it.
pub(crate) struct Gateway {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
    // Holds the settings and the correlation database.
    directory: TempDir,
}

impl Gateway {
    /// Starts it in front of a store, and waits until it listens.
    pub(crate) fn start(store: &TestStore, options: &Options) -> Self {
        Self::start_in(Self::write_settings(store, &store.settings(), options))
    }

    /// Starts it with other settings of the store, and waits until it listens.
    #[cfg(feature = "gssapi")]
    pub(crate) fn start_with(store: &TestStore, settings: &str, options: &Options) -> Self {
        Self::start_in(Self::write_settings(store, settings, options))
    }

    /// As [`Self::start_with`], and waits until it gives up.
    #[cfg(feature = "gssapi")]
    pub(crate) fn fail_to_start_in(
        store: &TestStore,
        settings: &str,
        options: &Options,
    ) -> (Option<i32>, String) {
        Self::fail_in(Self::write_settings(store, settings, options))
    }

    /// Starts it with other settings of the store, and waits until it gives up: its exit code and what
    /// it said.
    pub(crate) fn fail_to_start(store: &TestStore, settings: &str) -> (Option<i32>, String) {
        Self::fail_in(Self::write_settings(store, settings, &Options::default()))
    }

    /// As [`Self::fail_to_start`], with other options.
    pub(crate) fn fail_to_start_with(store: &TestStore, options: &Options) -> (Option<i32>, String) {
        Self::fail_in(Self::write_settings(store, &store.settings(), options))
    }

    fn fail_in(directory: TempDir) -> (Option<i32>, String) {
        let mut gateway = Self::spawn(directory, &mpsc::channel().0);
        let deadline = Instant::now() + PATIENCE;
        while gateway.child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
        let code = gateway.child.try_wait().unwrap().and_then(|status| status.code());
        for reader in gateway.readers.drain(..).filter(|_| code.is_some()) {
            reader.join().unwrap();
        }
        (code, gateway.log())
    }

    /// Writes `scimgate.toml` for a store into a directory of its own.
    pub(crate) fn write_settings(store: &TestStore, settings: &str, options: &Options) -> TempDir {
        let directory = TempDir::new().unwrap();
        let hash = hex::encode(Sha256::digest(TOKEN));
        let profile = options.profile.unwrap_or("generic");
        let text = format!(
            r#"mapping = "{mapping}"
[server]
listen = ["127.0.0.1:0"]
workers = 2
{server}
[correlation]
{correlation}
{store}
[[clients]]
name = "test"
tokens = ["sha256:{hash}"]
scopes = ["{scopes}"]
profile = "{profile}"
{client}
[limits]
{limits}
[log]
level = "{log}"
"#,
            log = options.log,
            correlation = match options.correlation.as_str() {
                "" => "url = \"sqlite:ids.db\"",
                lines => lines,
            },
            mapping = store.mapping().display(),
            store = settings,
            client = options.client,
            scopes = options.scopes.unwrap_or("all"),
            server = options.server,
            limits = options.limits,
        );
        fs::write(directory.path().join("scimgate.toml"), text).unwrap();
        let environment: Vec<String> = options.environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
        fs::write(directory.path().join(ENVIRONMENT), environment.join("\n")).unwrap();
        directory
    }

    /// Ends the program as a crash would, and starts it again on the same correlation database.
    pub(crate) fn restart(self) -> Self {
        self.restart_with("")
    }

    /// As [`Self::restart`], with these variables in its environment, line by line, and no others.
    pub(crate) fn restart_with(mut self, environment: &str) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fs::write(self.directory.path().join(ENVIRONMENT), environment).unwrap();
        let directory = std::mem::replace(&mut self.directory, TempDir::new().unwrap());
        Self::start_in(directory)
    }

    /// As [`Self::restart`], after something was done in the directory of the settings and the database,
    /// `scimgate.toml` and `ids.db`.
    pub(crate) fn restart_after(mut self, work: impl FnOnce(&Path)) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let directory = std::mem::replace(&mut self.directory, TempDir::new().unwrap());
        work(directory.path());
        Self::start_in(directory)
    }

    /// The directory of the settings and the database.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it with its database of ids on a disk of its own, of so many kilobytes.
    #[cfg(feature = "faults")]
    pub(crate) fn start_on_small_disk(store: &TestStore, options: &Options, size: u32) -> Self {
        let correlation = "url = \"sqlite:disk/ids.db\"\nscan = false".to_owned();
        let directory =
            Self::write_settings(store, &store.settings(), &Options { correlation, ..options.clone() });
        let disk = directory.path().join(DISK);
        fs::create_dir(&disk).unwrap();
        // Nobody but the program sees the disk, which goes away with it.
        let script =
            format!("mount -t tmpfs -o size={size}k,mode=777 none '{}' && exec \"$@\"\n", disk.display());
        fs::write(directory.path().join(WRAPPER), script).unwrap();
        Self::start_in(directory)
    }

    /// Where the disk of [`Self::start_on_small_disk`] can be seen from here.
    #[cfg(feature = "faults")]
    pub(crate) fn small_disk(&self) -> std::path::PathBuf {
        let inside = self.directory.path().join(DISK);
        Path::new(&format!("/proc/{}/root", self.child.id())).join(inside.strip_prefix("/").unwrap())
    }

    fn start_in(directory: TempDir) -> Self {
        let (found, address) = mpsc::channel();
        // Made first, so that the program ends also when it does not listen.
        let mut gateway = Self::spawn(directory, &found);
        gateway.address = address
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("the gateway does not listen:\n{}", gateway.log()));
        gateway
    }

    fn spawn(directory: TempDir, found: &mpsc::Sender<String>) -> Self {
        let environment = fs::read_to_string(directory.path().join(ENVIRONMENT)).unwrap();
        let program = env!("CARGO_BIN_EXE_scimgate");
        let wrapper = directory.path().join(WRAPPER);
        let mut command = Command::new(if wrapper.exists() { "unshare" } else { program });
        if wrapper.exists() {
            command.args(["--user", "--map-root-user", "--mount", "sh"]).arg(wrapper).arg(program);
        }
        let mut child = command
            .envs(environment.lines().filter_map(|line| line.split_once('=')))
            .args(["serve", "--config"])
            .arg(directory.path().join("scimgate.toml"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            follow(child.stdout.take().unwrap(), log.clone(), found.clone()),
            follow(child.stderr.take().unwrap(), log.clone(), found.clone()),
        ];
        Self { child, address: String::new(), log, readers, directory }
    }

    /// The file of its correlation database.
    #[cfg(feature = "faults")]
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.directory.path().join("ids.db")
    }

    /// True if the program has ended. One that broke a connection off is waited for: it is about to.
    #[cfg(feature = "faults")]
    pub(crate) fn has_died(&mut self, is_dying: bool) -> bool {
        let deadline = Instant::now() + if is_dying { PATIENCE } else { Duration::ZERO };
        while self.child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends the program as a crash would.
    #[cfg(feature = "faults")]
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A client with every right.
    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("{}/scim/v2", self.address), TOKEN)
    }

    /// The most memory that the program has had at once, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
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
fn follow(
    stream: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    found: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
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
    })
}
