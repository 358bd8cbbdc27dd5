//! A subtree of the test directory of a test's own, and a look into it that does
//! not go through the gateway: OpenLDAP's command-line clients.

use std::{
    fs::{self, Permissions},
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

/// A subtree `ou=…` with people and groups.
pub(crate) struct Directory {
    url: String,
    bind_dn: String,
    password: String,
    ca_file: String,
    suffix: String,
    /// The folder of the server, if it is the test's own.
    server: Option<TempDir>,
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
    /// Makes and fills a subtree.
    pub(super) fn fresh() -> Option<Self> {
        let url = server("SCIMGATE_TEST_LDAP")?;
        let variable = |name: &str| std::env::var(format!("SCIMGATE_TEST_LDAP_{name}")).unwrap_or_default();
        let base = Some(variable("BASE")).filter(|base| !base.is_empty());
        let base = base.unwrap_or_else(|| "dc=example,dc=com".to_owned());
        let unit = unique("t");
        let directory = Self {
            url,
            bind_dn: variable("BIND_DN"),
            password: variable("PASSWORD"),
            ca_file: variable("CA"),
            suffix: format!("ou={unit},{base}"),
            server: None,
        };
        let containers: String = [unit.as_str(), "people", "groups"]
            .iter()
            .map(|ou| {
                let above = if *ou == unit { &base } else { &directory.suffix };
                format!("dn: ou={ou},{above}\nobjectClass: organizationalUnit\nou: {ou}\n\n")
            })
            .collect();
        let seed = include_str!("../../fixtures/ldif/openldap-seed.ldif");
        let seed = seed.replace("dc=example,dc=com", &directory.suffix);
        directory.run("ldapadd", &[], &(containers + &seed));
        Some(directory)
    }

    /// Starts a server of the test's own, with entries that are loaded before it starts: many are
    /// there sooner so.
    pub(super) fn of_its_own(ldif: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let entries = folder.path().join("entries.ldif");
        fs::write(&entries, ldif).unwrap();
        Self::started(folder, "SLAPD_EXTRA_LDIF", &entries)
    }

    /// Starts a server of the test's own for a set of schema and entries.
    pub(super) fn of_set(set: &Path) -> Option<Self> {
        Self::started(TempDir::new().unwrap(), "SLAPD_SET", set)
    }

    fn started(folder: TempDir, variable: &str, value: &Path) -> Option<Self> {
        server("SCIMGATE_TEST_LDAP")?;
        // The server runs under an account of its own.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let mut command = script("start", folder.path());
        assert!(command.env(variable, value).status().unwrap().success(), "slapd does not start");
        let variables = fs::read_to_string(folder.path().join("slapd/env")).unwrap();
        let variable = |name: &str| {
            let line =
                variables.lines().find_map(|l| l.strip_prefix(&format!("export SCIMGATE_TEST_LDAP{name}=")));
            line.unwrap().to_owned()
        };
        Some(Self {
            url: variable(""),
            bind_dn: variable("_BIND_DN"),
            password: variable("_PASSWORD"),
            ca_file: variable("_CA"),
            suffix: variable("_BASE"),
            server: Some(folder),
        })
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

    /// Whether somebody can log in.
    pub(crate) fn accepts(&self, dn: &str, password: &str) -> bool {
        let arguments = ["-x", "-H", &self.url, "-D", dn, "-w", password];
        let output = Command::new("ldapwhoami").args(arguments).output().unwrap();
        output.status.success()
    }

    fn run(&self, tool: &str, arguments: &[&str], input: &str) -> String {
        self.run_allowing(tool, arguments, input, &[0])
    }

    fn run_allowing(&self, tool: &str, arguments: &[&str], input: &str, codes: &[i32]) -> String {
        let mut child = Command::new(tool)
            .args(["-x", "-H", &self.url, "-D", &self.bind_dn, "-w", &self.password])
            .args(arguments)
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
            None => drop(self.run("ldapdelete", &["-r", &self.suffix], "")),
            Some(folder) => drop(script("stop", folder.path()).status().unwrap()),
        }
    }
}

fn script(verb: &str, folder: &Path) -> Command {
    let mut command = Command::new("bash");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/slapd.sh"));
    command.arg(verb).arg(folder.join("slapd"));
    command
}

/// Reads unwrapped LDIF (RFC 2849).
fn parse(ldif: &str) -> Vec<Entry> {
    let value = |text: &str| match text.strip_prefix(": ") {
        Some(encoded) => String::from_utf8_lossy(&STANDARD.decode(encoded).unwrap()).into_owned(),
        None => text.strip_prefix(' ').unwrap_or(text).to_owned(),
    };
    ldif.split("\n\n")
        .filter_map(|block| {
            let mut lines = block.lines().filter_map(|line| line.split_once(':'));
            let (_, dn) = lines.next()?;
            let values = lines.map(|(name, text)| (name.to_owned(), value(text))).collect();
            Some(Entry { dn: value(dn), values })
        })
        .collect()
}
