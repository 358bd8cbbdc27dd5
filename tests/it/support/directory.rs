//! A subtree of a test directory of a test's own, or a server of its own, and a look into it that does
//! not go through the gateway: OpenLDAP's command-line clients.

use std::{
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;

pub(crate) use self::entries::Entries;
use super::{server, unique};

mod entries;

/// The directory servers that the gateway is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// `tests/servers/slapd.sh`.
    OpenLdap,
    /// `tests/servers/ds389.sh`.
    Ds389,
    /// `tests/servers/samba.sh`.
    ActiveDirectory,
}

impl Product {
    /// The script that starts it.
    fn script(self) -> &'static str {
        match self {
            Self::OpenLdap => "slapd",
            Self::Ds389 => "ds389",
            Self::ActiveDirectory => "samba",
        }
    }

    /// Where the script notes the process, below the server's folder.
    fn pid_file(self) -> &'static str {
        match self {
            Self::OpenLdap => "slapd.pid",
            Self::Ds389 => "run/slapd.pid",
            Self::ActiveDirectory => "run/samba.pid",
        }
    }

    /// What the names of its variables begin with.
    fn variable(self) -> &'static str {
        match self {
            Self::OpenLdap => "SCIMGATE_TEST_LDAP",
            Self::Ds389 => "SCIMGATE_TEST_389DS",
            Self::ActiveDirectory => "SCIMGATE_TEST_AD",
        }
    }
}

/// Lets the service account read what slapd counts.
pub(crate) const MONITOR: &str = "dn: olcDatabase=monitor,cn=config\nobjectClass: olcDatabaseConfig\n\
    objectClass: olcMonitorConfig\nolcDatabase: monitor\n\
    olcAccess: to * by dn.exact=\"uid=gateway,ou=services,dc=example,dc=com\" read\n";

/// A directory with people and groups.
pub(crate) struct Directory {
    product: Product,
    url: String,
    bind_dn: String,
    password: String,
    ca_file: String,
    suffix: String,
    /// The folder of the server, if it is the test's own.
    server: Option<TempDir>,
    /// Held as long as nobody else may make accounts in the shared domain.
    _turn: Option<File>,
}

/// An entry: its DN, and attribute values in the server's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it is.
    pub(crate) dn: String,
    /// Pairs of attribute and value.
    pub(crate) values: Vec<(String, String)>,
}

impl Directory {
    /// Makes and fills a subtree `ou=…`.
    pub(super) fn fresh(product: Product) -> Option<Self> {
        let mut directory = Self::shared(product)?;
        let (seed, unit) = match product {
            Product::ActiveDirectory => {
                directory.take_turn();
                (include_str!("../../fixtures/ldif/active-directory-seed.ldif"), "Corp".to_owned())
            }
            _ => (include_str!("../../fixtures/ldif/openldap-seed.ldif"), unique("t")),
        };
        let seed = match product {
            Product::Ds389 => seed.replace("pwdAccountLockedTime: 000001010000Z", "nsAccountLock: true"),
            _ => seed.to_owned(),
        };
        let base = std::mem::take(&mut directory.suffix);
        directory.suffix = format!("ou={unit},{base}");
        if product == Product::ActiveDirectory {
            // A test that was killed may have left it.
            directory.delete_below_suffix(&[0, 32]);
        }
        let containers: String = [unit.as_str(), "people", "groups"]
            .iter()
            .map(|ou| {
                let above = if *ou == unit { &base } else { &directory.suffix };
                format!("dn: ou={ou},{above}\nobjectClass: organizationalUnit\nou: {ou}\n\n")
            })
            .collect();
        let seed = seed.replace("OU=Corp,DC=lab,DC=example", &directory.suffix);
        let seed = seed.replace("dc=example,dc=com", &directory.suffix);
        let seed = match product {
            // Another way to lock an account for good.
            Product::Ds389 => seed.replace("pwdAccountLockedTime: 000001010000Z", "nsAccountLock: true"),
            _ => seed,
        };
        directory.run("ldapadd", &[], &(containers + &seed));
        Some(directory)
    }

    /// Logins are unique in a whole domain, and tests use the same ones: waits until no other test, also of another
    /// process, makes any.
    fn take_turn(&mut self) {
        let file = File::open(&self.ca_file).unwrap();
        file.lock().unwrap();
        self._turn = Some(file);
    }

    fn delete_below_suffix(&self, codes: &[i32]) {
        let (control, suffix) = ("1.2.840.113556.1.4.805", self.suffix.as_str());
        let arguments: &[&str] =
            if self.product == Product::ActiveDirectory { &["-e", control, suffix] } else { &["-r", suffix] };
        self.run_allowing("ldapdelete", arguments, "", codes);
    }

    /// The server that all tests share.
    fn shared(product: Product) -> Option<Self> {
        let prefix = product.variable();
        server(prefix)?;
        let variable = |name: &str| std::env::var(format!("{prefix}{name}")).unwrap_or_default();
        Some(Self::read(product, &variable, None))
    }

    /// Starts a server of the test's own, with further entries.
    pub(super) fn of_its_own(product: Product, ldif: &str) -> Option<Self> {
        let file = readable(ldif);
        Self::started(product, &[("EXTRA_LDIF", file.path().as_os_str())])
    }

    /// Starts OpenLDAP with further entries, also of its configuration (both as LDIF), and a line for `cn=config`.
    pub(super) fn configured(ldif: &str, configuration: &str, global: &str) -> Option<Self> {
        let (entries, configuration) = (readable(ldif), readable(configuration));
        let variables = [
            ("EXTRA_LDIF", entries.path().as_os_str()),
            ("CONFIG_LDIF", configuration.path().as_os_str()),
            ("GLOBAL", OsStr::new(global)),
        ];
        Self::started(Product::OpenLdap, &variables)
    }

    /// Starts 389 Directory Server with very many further entries, which no plug-in sees.
    pub(super) fn imported(ldif: &str) -> Option<Self> {
        let file = readable(ldif);
        Self::started(Product::Ds389, &[("IMPORT_LDIF", file.path().as_os_str())])
    }

    /// Starts Active Directory with a KDC, and further entries.
    #[cfg(feature = "gssapi")]
    pub(super) fn with_tickets(ldif: &str) -> Option<Self> {
        let file = readable(ldif);
        let variables = [("EXTRA_LDIF", file.path().as_os_str()), ("KDC", OsStr::new("1"))];
        Self::started(Product::ActiveDirectory, &variables)
    }

    /// A file of the server of the test's own.
    pub(crate) fn server_file(&self, name: &str) -> std::path::PathBuf {
        self.server.as_ref().expect("a server of the test's own").path().join("server").join(name)
    }

    /// Starts a server of the test's own with a set: a folder with the schema, `base.ldif` and `lock.ldif`,
    /// as the heads of the scripts in `tests/servers` say.
    pub(super) fn of_set(product: Product, folder: &Path) -> Option<Self> {
        Self::started(product, &[("SET", folder.as_os_str())])
    }

    /// Starts a domain of the test's own with the group `Everybody` of so many people (`samba-crowd.py`).
    pub(super) fn of_crowd(number: usize) -> Option<Self> {
        Self::started(Product::ActiveDirectory, &[("CROWD", number.to_string().as_ref())])
    }

    fn started(product: Product, variables: &[(&str, &OsStr)]) -> Option<Self> {
        server(product.variable())?;
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let mut command = script(product, "start", folder.path());
        for (variable, value) in variables {
            command.env(format!("{}_{variable}", product.script().to_uppercase()), value);
        }
        assert!(command.status().unwrap().success(), "{} does not start", product.script());
        let variables = fs::read_to_string(folder.path().join("server/env")).unwrap();
        let variable = |name: &str| {
            let start = format!("export {}{name}=", product.variable());
            variables.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
        };
        Some(Self::read(product, &variable, Some(folder)))
    }

    fn read(product: Product, variable: &dyn Fn(&str) -> String, server: Option<TempDir>) -> Self {
        Self {
            product,
            url: variable(""),
            bind_dn: variable("_BIND_DN"),
            password: variable("_PASSWORD"),
            ca_file: variable("_CA"),
            suffix: variable("_BASE"),
            server,
            _turn: None,
        }
    }

    /// The base DN.
    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Where the server is.
    pub(super) fn url(&self) -> url::Url {
        self.url.parse().unwrap()
    }

    /// `[stores.main.ldap]`.
    pub(super) fn settings(&self) -> String {
        let Self { url, bind_dn, password, ca_file, .. } = self;
        format!(
            "[stores.main.ldap]\nurls = [\"{url}\"]\nbind_dn = \"{bind_dn}\"\npassword = \"{password}\"\n\
             ca_file = \"{ca_file}\"\n"
        )
    }

    /// Sends a signal to the server of the test's own: `KILL`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.own_folder().join("server").join(self.product.pid_file())).unwrap();
        // Samba is a group of processes, whose number is the first one's.
        let group = if self.product == Product::ActiveDirectory { "-" } else { "" };
        let target = format!("{group}{}", pid.trim());
        let status = Command::new("kill").args([&format!("-{signal}"), "--", &target]).status().unwrap();
        assert!(status.success(), "no process {pid} to send {signal} to");
    }

    /// Starts the server of the test's own again, where it was.
    pub(crate) fn start_again(&self) {
        self.run_script("again");
    }

    /// A shell command that kills the server of the test's own and starts it again, as the two above do.
    pub(crate) fn restart_command(&self) -> String {
        let pid_file = self.own_folder().join("server").join(self.product.pid_file());
        let group = if self.product == Product::ActiveDirectory { "-" } else { "" };
        let again = script(self.product, "again", self.own_folder());
        let words: Vec<_> = again.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        format!("env kill -KILL -- {group}$(cat {}); exec bash {}", pid_file.display(), words.join(" "))
    }

    /// Another server of its own, with what this one holds: the same entries with the same identities.
    pub(super) fn twin(&self) -> Option<Self> {
        self.run_script("stop");
        let twin = Self::started(self.product, &[("TWIN", self.own_folder().join("server").as_os_str())]);
        self.start_again();
        twin
    }

    fn own_folder(&self) -> &Path {
        self.server.as_ref().expect("a server of the test's own").path()
    }

    fn run_script(&self, verb: &str) {
        let status = script(self.product, verb, self.own_folder()).status().unwrap();
        assert!(status.success(), "{} {verb}", self.product.script());
    }

    /// Adds entries, given as LDIF.
    pub(crate) fn add(&self, ldif: &str) {
        self.run("ldapadd", &[], ldif);
    }

    /// Changes entries, given as LDIF.
    pub(crate) fn modify(&self, ldif: &str) {
        self.run("ldapmodify", &[], ldif);
    }

    /// Removes entries.
    pub(crate) fn delete(&self, dns: &[&str]) {
        self.run("ldapdelete", dns, "");
    }

    /// The entries below the suffix that match a filter, with their operational attributes.
    pub(crate) fn search(&self, filter: &str) -> Vec<Entry> {
        parse(&self.run(
            "ldapsearch",
            &["-LLL", "-o", "ldif-wrap=no", "-b", &self.suffix, filter, "*", "+"],
            "",
        ))
    }

    /// All entries below the suffix, to be compared later.
    pub(crate) fn look(&self) -> Entries {
        Entries::new(self.search("(objectClass=*)"))
    }

    /// What OpenLDAP's monitor counts: `cn=Abandon,cn=Operations`.
    pub(crate) fn counted(&self, what: &str, attribute: &str) -> usize {
        let values = self.values(&format!("{what},cn=Monitor"), attribute);
        values.and_then(|values| values.first()?.parse().ok()).unwrap_or_else(|| panic!("no {what}"))
    }

    /// The values of an attribute of an entry, sorted; `None` if there is no such entry.
    pub(crate) fn values(&self, dn: &str, attribute: &str) -> Option<Vec<String>> {
        let filter = "(objectClass=*)";
        let arguments = ["-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, filter, "*", "+"];
        let entry = parse(&self.run_allowing("ldapsearch", &arguments, "", &[0, 32])).pop()?;
        let mut values: Vec<String> = entry
            .values
            .into_iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map(|(_, value)| value)
            .collect();
        values.sort();
        Some(values)
    }

    /// The values of an attribute of the only entry below the suffix that matches a filter, sorted.
    pub(crate) fn values_of(&self, filter: &str, attribute: &str) -> Option<Vec<String>> {
        let found = self.search(filter);
        assert!(found.len() < 2, "{filter} matches {}", found.len());
        self.values(&found.first()?.dn, attribute)
    }

    /// Whether somebody can log in.
    pub(crate) fn accepts(&self, dn: &str, password: &str) -> bool {
        let arguments = ["-x", "-H", &self.url, "-D", dn, "-w", password, "-s", "base", "-b", ""];
        let mut command = Command::new("ldapsearch");
        command.args(arguments).env("LDAPTLS_CACERT", &self.ca_file).output().unwrap().status.success()
    }

    fn run(&self, tool: &str, arguments: &[&str], input: &str) -> String {
        self.run_allowing(tool, arguments, input, &[0])
    }

    fn run_allowing(&self, tool: &str, arguments: &[&str], input: &str, codes: &[i32]) -> String {
        let mut child = Command::new(tool)
            .args(["-x", "-H", &self.url, "-D", &self.bind_dn, "-w", &self.password])
            .args(arguments)
            .env("LDAPTLS_CACERT", &self.ca_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{tool}: {error}"));
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code().is_some_and(|code| codes.contains(&code)), "{tool}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        match &self.server {
            None => self.delete_below_suffix(&[0]),
            Some(folder) => drop(script(self.product, "stop", folder.path()).status().unwrap()),
        }
    }
}

/// A file that the account of a server can read.
fn readable(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
    file
}

fn script(product: Product, verb: &str, folder: &Path) -> Command {
    let scripts = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers"));
    let mut command = Command::new("bash");
    command.arg(scripts.join(format!("{}.sh", product.script()))).arg(verb).arg(folder.join("server"));
    command
}

/// Reads unwrapped LDIF (RFC 2849). Octets that are no text stay encoded.
fn parse(ldif: &str) -> Vec<Entry> {
    let value = |text: &str| match text.strip_prefix(": ") {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).unwrap())
            .unwrap_or_else(|_| format!("base64 {encoded}")),
        None => text.strip_prefix(' ').unwrap_or(text).to_owned(),
    };
    ldif.split("\n\n")
        .filter_map(|block| {
            // A comment is a reference to other servers.
            let lines = block.lines().filter(|line| !line.starts_with('#'));
            let mut lines = lines.filter_map(|line| line.split_once(':'));
            let (_, dn) = lines.next()?;
            let values = lines.map(|(name, text)| (name.to_owned(), value(text))).collect();
            Some(Entry { dn: value(dn), values })
        })
        .collect()
}
