//! The directory of the benchmark: an OpenLDAP of its own with generated users and groups.
//!
//! Users come in two kinds, in turn: plain ones, and ones with a manager and
//! two groups. Their entryUUIDs are given, so that the floor knows them too.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// Number of groups.
const GROUPS: usize = 200;
/// So many users are the managers of the others.
const MANAGERS: usize = 100;

/// Where the users are.
pub(crate) const PEOPLE: &str = "ou=people,dc=example,dc=com";

/// The login of a user.
pub(crate) fn login(user: usize) -> String {
    format!("user{user:05}")
}

/// The entryUUID of a user.
pub(crate) fn entry_uuid(user: usize) -> String {
    format!("5c1a6a7e-0000-4000-8000-{user:012x}")
}

/// True for users with a manager and groups.
pub(crate) fn is_linked(user: usize) -> bool {
    user % 2 == 1
}

fn dn(user: usize) -> String {
    format!("uid={},{PEOPLE}", login(user))
}

fn group_dn(group: usize) -> String {
    format!("cn=team{group:03},ou=groups,dc=example,dc=com")
}

fn groups_of(user: usize) -> [usize; 2] {
    let first = (user / 2) % GROUPS;
    [first, (first + 1 + user / 2 / GROUPS) % GROUPS]
}

/// A running slapd; stopped when dropped.
pub(crate) struct Directory {
    folder: PathBuf,
    variables: HashMap<String, String>,
}

impl Directory {
    /// Loads so many users and starts the server in a folder of its own below `scratch`.
    pub(crate) fn start(scratch: &Path, users: usize) -> Self {
        let ldif = scratch.join("entries.ldif");
        write_entries(&ldif, users).expect("the entries are written");
        let mut directory = Self { folder: scratch.join("slapd"), variables: HashMap::new() };
        let started = directory.script("start").env("SLAPD_EXTRA_LDIF", ldif).status();
        assert!(started.expect("bash is there").success(), "slapd does not start");
        let file = fs::read_to_string(directory.folder.join("env")).expect("slapd.sh writes its variables");
        let pairs = file.lines().filter_map(|l| l.strip_prefix("export SCIMGATE_TEST_LDAP")?.split_once('='));
        directory.variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        directory
    }

    /// The server's URL, the service account's DN and its password.
    pub(crate) fn access(&self) -> [&str; 3] {
        ["", "_BIND_DN", "_PASSWORD"].map(|name| self.variables[name].as_str())
    }

    /// Its part of the settings of scimgate.
    pub(crate) fn settings(&self) -> String {
        let [url, bind_dn, password] = self.access();
        format!("[stores.main.ldap]\nurls = \"{url}\"\nbind_dn = \"{bind_dn}\"\npassword = \"{password}\"\n")
    }

    fn script(&self, verb: &str) -> Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/slapd.sh");
        let mut command = Command::new("bash");
        command.args([script, verb]).arg(&self.folder);
        command
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = self.script("stop").status() {
            eprintln!("slapd was not stopped: {error}");
        }
    }
}

fn write_entries(file: &Path, users: usize) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    let mut members = vec![String::new(); GROUPS];
    for user in 0..users {
        write_user(&mut out, user)?;
        for group in groups_of(user).into_iter().filter(|_| is_linked(user)) {
            members[group].push_str(&format!("member: {}\n", dn(user)));
        }
    }
    for (group, members) in members.iter().enumerate() {
        writeln!(out, "dn: {}\nobjectClass: groupOfNames\ncn: team{group:03}\n{members}", group_dn(group))?;
    }
    out.flush()
}

/// Fills about as many attributes as an HR system does.
fn write_user(out: &mut impl Write, user: usize) -> io::Result<()> {
    let login = login(user);
    writeln!(out, "dn: {}\nobjectClass: inetOrgPerson\nuid: {login}\ncn: Ada{user} Byron{user}", dn(user))?;
    writeln!(out, "sn: Byron{user}\ngivenName: Ada{user}\ndisplayName: Ada{user} Byron{user}")?;
    writeln!(out, "mail: {login}@example.com\nmail: ada.{user}@example.com\ntitle: Engineer")?;
    writeln!(out, "telephoneNumber: +49 30 1{user:05}\nmobile: +49 171 2{user:05}\nemployeeType: Employee")?;
    writeln!(out, "employeeNumber: {user}\ndepartmentNumber: {}\npreferredLanguage: de", user % 50)?;
    writeln!(out, "street: Unter den Linden {}\nl: Berlin\nst: Berlin\npostalCode: 10117", user % 200)?;
    writeln!(out, "o: Example\nou: Division {}\nentryUUID: {}", user % 10, entry_uuid(user))?;
    if is_linked(user) {
        writeln!(out, "manager: {}", dn(user % MANAGERS))?;
        // The overlay does not see entries that are loaded offline.
        for group in groups_of(user) {
            writeln!(out, "memberOf: {}", group_dn(group))?;
        }
    }
    writeln!(out)
}
