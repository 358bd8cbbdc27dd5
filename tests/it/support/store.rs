//! A store of a test's own: a fresh database or directory subtree, filled from
//! the fixtures, and gone when it is dropped.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use url::Url;

use super::{
    Options,
    directory::{Directory, Product},
    tables::Tables,
};

/// The kinds of store that the gateway is tested with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The demo's schema in an SQLite file.
    Sqlite,
    /// `mappings/postgresql-hr.toml`.
    Postgres,
    /// `mappings/mysql-hr.toml`.
    MariaDb,
    /// `mappings/openldap.toml`.
    OpenLdap,
    /// `mappings/389ds.toml`.
    Ds389,
    /// `mappings/active-directory.toml`.
    ActiveDirectory,
}

impl Backend {
    /// One of each kind of database, and the quickest directory: for tests of what does not depend on the product.
    pub(crate) const ALL: [Self; 4] = [Self::Sqlite, Self::Postgres, Self::MariaDb, Self::OpenLdap];
    /// All of them. Tests with one take their turns on Active Directory.
    pub(crate) const EVERY: [Self; 6] =
        [Self::Sqlite, Self::Postgres, Self::MariaDb, Self::OpenLdap, Self::Ds389, Self::ActiveDirectory];

    /// The name that fixtures use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::OpenLdap => "openldap",
            Self::Ds389 => "389ds",
            Self::ActiveDirectory => "active-directory",
        }
    }

    /// The server of a directory.
    fn product(self) -> Product {
        match self {
            Self::Ds389 => Product::Ds389,
            Self::ActiveDirectory => Product::ActiveDirectory,
            _ => Product::OpenLdap,
        }
    }
}

/// A filled store.
pub(crate) struct TestStore {
    backend: Backend,
    holder: Holder,
    mapping: PathBuf,
    /// Where the gateway is told that the server is, if not where it is.
    detour: Option<SocketAddr>,
    /// Servers that the gateway is told to turn to when its first one fails.
    further: Vec<Url>,
    /// Further lines of its part of the settings.
    more: String,
    // Holds the SQLite file or the derived mapping.
    directory: TempDir,
}

enum Holder {
    Tables(Tables),
    Directory(Directory),
}

impl TestStore {
    /// Makes and fills a store; `None` if its server is not there, which has been said.
    pub(crate) fn fresh(backend: Backend) -> Option<Self> {
        let temporary = TempDir::new().unwrap();
        let mappings = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
        let (holder, mapping) = match backend {
            Backend::Sqlite => (Holder::Tables(Tables::sqlite(temporary.path())), mappings.join("demo.toml")),
            Backend::Postgres => (Holder::Tables(Tables::postgres()?), mappings.join("postgresql-hr.toml")),
            Backend::MariaDb => (Holder::Tables(Tables::mariadb()?), mappings.join("mysql-hr.toml")),
            Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => {
                let directory = Directory::fresh(backend.product())?;
                let shipped = format!("{}.toml", backend.name());
                let mapping = temporary.path().join(&shipped);
                let base = if backend == Backend::ActiveDirectory { "corp" } else { "suffix" };
                let text = format!(
                    "extends = \"{}\"\n[let]\n{base} = \"{}\"\n",
                    mappings.join(&shipped).display(),
                    directory.suffix()
                );
                std::fs::write(&mapping, text).unwrap();
                (Holder::Directory(directory), mapping)
            }
        };
        Some(Self {
            backend,
            holder,
            mapping,
            detour: None,
            further: Vec::new(),
            more: String::new(),
            directory: temporary,
        })
    }

    /// Makes an empty store for the type of `tests/fixtures/devices`, which has an attribute of every kind.
    pub(crate) fn of_devices(backend: Backend) -> Option<Self> {
        let temporary = TempDir::new().unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/devices");
        let (holder, mapping) = match backend {
            Backend::OpenLdap => {
                let entries = include_str!("../../fixtures/devices/openldap.ldif");
                (Holder::Directory(Directory::of_its_own(Product::OpenLdap, entries)?), "openldap.toml")
            }
            _ => (Holder::Tables(Tables::of_devices(backend, temporary.path())?), "sql.toml"),
        };
        Some(Self::new(backend, holder, fixtures.join(mapping), temporary))
    }

    fn new(backend: Backend, holder: Holder, mapping: PathBuf, directory: TempDir) -> Self {
        Self { backend, holder, mapping, detour: None, further: Vec::new(), more: String::new(), directory }
    }

    /// Makes a database that fits `tests/fixtures/sql/broken/mapping.toml` nowhere, for an account that may do
    /// little in it.
    pub(crate) fn broken(backend: Backend) -> Option<Self> {
        let temporary = TempDir::new().unwrap();
        let tables = Tables::broken(backend, temporary.path())?;
        let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql/broken/mapping.toml");
        Some(Self::new(backend, Holder::Tables(tables), mapping, temporary))
    }

    /// Makes a database of these statements, behind a mapping file.
    pub(crate) fn of_statements(backend: Backend, statements: &str, mapping: PathBuf) -> Option<Self> {
        let temporary = TempDir::new().unwrap();
        let tables = Tables::of_statements(backend, statements, temporary.path())?;
        Some(Self::new(backend, Holder::Tables(tables), mapping, temporary))
    }

    /// Makes a directory on a server of its own, with further entries.
    pub(crate) fn loaded(ldif: &str) -> Option<Self> {
        Self::configured(ldif, "", "")
    }

    /// As [`Self::loaded`], with further entries of the server's configuration (as LDIF), and a line for `cn=config`
    /// itself.
    pub(crate) fn configured(ldif: &str, configuration: &str, global: &str) -> Option<Self> {
        let directory = Directory::configured(ldif, configuration, global)?;
        let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/openldap.toml");
        Some(Self::new(Backend::OpenLdap, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// Starts a directory of the test's own with further entries, behind a mapping file.
    pub(crate) fn of_entries(product: Product, ldif: &str, mapping: PathBuf) -> Option<Self> {
        let directory = Directory::of_its_own(product, ldif)?;
        Some(Self::new(Backend::OpenLdap, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// Starts a server of the test's own, behind the mapping for it that is shipped: a directory without people, or a database
    /// with those of the fixture.
    pub(crate) fn alone(backend: Backend) -> Option<Self> {
        let mappings = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
        let of_tables = match backend {
            Backend::Postgres => Some("postgresql-hr.toml"),
            Backend::MariaDb => Some("mysql-hr.toml"),
            _ => None,
        };
        if let Some(mapping) = of_tables {
            let tables = Holder::Tables(Tables::alone(backend)?);
            return Some(Self::new(backend, tables, mappings.join(mapping), TempDir::new().unwrap()));
        }
        let containers = match backend {
            Backend::ActiveDirectory => {
                let unit = |name: &str, above: &str| {
                    format!(
                        "dn: OU={name},{above}DC=lab,DC=example\nobjectClass: organizationalUnit\nou: {name}\n\n"
                    )
                };
                unit("Corp", "") + &unit("People", "OU=Corp,") + &unit("Groups", "OU=Corp,")
            }
            _ => String::new(),
        };
        let directory = Directory::of_its_own(backend.product(), &containers)?;
        let mapping = mappings.join(format!("{}.toml", backend.name()));
        Some(Self::new(backend, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// A PostgreSQL database of ids for several gateways before this store, and the options that name it, with further lines.
    pub(crate) fn shared_ids(&self, lines: &str) -> Option<(Self, Options)> {
        let database = Self::of_statements(Backend::Postgres, "select 1", self.mapping.clone())?;
        let (url, password) = database.postgres_url();
        let correlation = format!("url = \"{url}\"\npassword = \"{password}\"\n{lines}");
        Some((database, Options { correlation, ..Options::default() }))
    }

    /// The command that kills a server of the test's own, and starts it again.
    pub(crate) fn restart_command(&self) -> String {
        match &self.holder {
            Holder::Tables(tables) => tables.restart_command(),
            Holder::Directory(directory) => directory.restart_command(),
        }
    }

    /// Another directory like this one, with the same entries: a server that it is replicated to.
    pub(crate) fn twin(&self) -> Option<Self> {
        let directory = self.directory().twin()?;
        let mapping = self.mapping.clone();
        Some(Self::new(self.backend, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// Starts a directory of the test's own with a set (a folder with a schema and entries, see
    /// `tests/servers`), behind a mapping file.
    pub(crate) fn of_set(product: Product, folder: &Path, mapping: PathBuf) -> Option<Self> {
        let directory = Directory::of_set(product, folder)?;
        Some(Self::new(Backend::OpenLdap, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// Starts a domain of the test's own in which the group `Everybody` has so many members.
    pub(crate) fn of_crowd(number: usize, mapping: PathBuf) -> Option<Self> {
        let directory = Directory::of_crowd(number)?;
        Some(Self::new(Backend::OpenLdap, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// Starts 389 Directory Server with very many further entries.
    pub(crate) fn imported(ldif: &str) -> Option<Self> {
        let directory = Directory::imported(ldif)?;
        let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/389ds.toml");
        Some(Self::new(Backend::Ds389, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// Starts Active Directory with Kerberos tickets for its service account, and further entries.
    #[cfg(feature = "gssapi")]
    pub(crate) fn of_realm(ldif: &str, mapping: PathBuf) -> Option<Self> {
        let directory = Directory::with_tickets(ldif)?;
        Some(Self::new(Backend::OpenLdap, Holder::Directory(directory), mapping, TempDir::new().unwrap()))
    }

    /// What kind it is.
    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// The mapping file for it.
    pub(crate) fn mapping(&self) -> &Path {
        &self.mapping
    }

    /// Uses another mapping file.
    pub(crate) fn with_mapping(mut self, mapping: PathBuf) -> Self {
        self.mapping = mapping;
        self
    }

    /// Uses the mapping with these session settings: `isolation = "serializable"`.
    pub(crate) fn with_session(mut self, session: &str) -> Self {
        let file = self.directory.path().join("session.toml");
        let text = format!("extends = \"{}\"\n[sql]\nsession = {{ {session} }}\n", self.mapping.display());
        std::fs::write(&file, text).unwrap();
        self.mapping = file;
        self
    }

    /// Adds lines to its part of the settings.
    pub(crate) fn with_settings(mut self, lines: &'static str) -> Self {
        self.more.push_str(lines);
        self
    }

    /// Tells the gateway the same server a second time, at another address.
    pub(crate) fn with_second_address(mut self, address: SocketAddr, lines: &str) -> Self {
        let url = self.url();
        self.further = vec![url.as_str().replacen(authority(&url), &address.to_string(), 1).parse().unwrap()];
        self.more.push_str(lines);
        self
    }

    /// Gives the gateway more servers to turn to, and adds lines to its part of the settings.
    pub(crate) fn with_further_servers(mut self, others: &[&Self], lines: &str) -> Self {
        self.further = others.iter().map(|other| other.url_seen()).collect();
        self.more.push_str(lines);
        self
    }

    /// Has the gateway reach the server by another address.
    pub(crate) fn by_way_of(mut self, address: SocketAddr) -> Self {
        self.detour = Some(address);
        self
    }

    /// The server's own address.
    pub(crate) fn address(&self) -> SocketAddr {
        let url = self.url();
        let port = url.port().unwrap_or(if url.scheme() == "ldaps" { 636 } else { 389 });
        SocketAddr::new(url.host_str().unwrap().parse().unwrap(), port)
    }

    /// Where the gateway is told that the server is.
    fn url_seen(&self) -> Url {
        let url = self.url();
        match self.detour {
            Some(detour) => url.as_str().replacen(authority(&url), &detour.to_string(), 1).parse().unwrap(),
            None => url,
        }
    }

    fn url(&self) -> Url {
        match &self.holder {
            Holder::Tables(tables) => tables.url(),
            Holder::Directory(directory) => directory.url(),
        }
    }

    /// The URL of a PostgreSQL database without its password, and that.
    pub(crate) fn postgres_url(&self) -> (String, String) {
        let mut url = self.url();
        let password = url.password().unwrap_or_default().to_owned();
        url.set_password(None).unwrap();
        (url.to_string(), password)
    }

    /// Its part of the settings: `[stores.main.…]`, one table.
    pub(crate) fn settings(&self) -> String {
        let mut settings = match &self.holder {
            Holder::Tables(tables) => tables.settings(),
            Holder::Directory(directory) => directory.settings(),
        };
        settings.push_str(&self.more);
        for url in &self.further {
            settings = settings.replacen("\"]", &format!("\", \"{url}\"]"), 1);
        }
        match self.detour {
            Some(detour) => settings.replacen(authority(&self.url()), &detour.to_string(), 1),
            None => settings,
        }
    }

    /// Everything in the store, one line per row or entry, in order.
    pub(crate) fn dump(&self) -> Vec<String> {
        match &self.holder {
            Holder::Tables(tables) => tables.dump(),
            Holder::Directory(directory) => {
                let entries = directory.search("(objectClass=*)");
                let mut lines: Vec<String> =
                    entries.into_iter().map(|e| format!("{}: {:?}", e.dn, e.values)).collect();
                lines.sort();
                lines
            }
        }
    }

    /// The logins of all users as they are stored.
    pub(crate) fn logins(&self) -> Vec<String> {
        match self.backend {
            Backend::OpenLdap | Backend::Ds389 => self.everyones("(objectClass=inetOrgPerson)", "uid"),
            Backend::ActiveDirectory => self.everyones("(objectClass=user)", "userPrincipalName"),
            Backend::Postgres => {
                self.column("select user_name as v from hr.employee where deleted_at is null")
            }
            Backend::Sqlite => self.column("select login as v from employees"),
            Backend::MariaDb => self.column("select login as v from person"),
        }
    }

    /// The names of all groups as they are stored.
    pub(crate) fn group_names(&self) -> Vec<String> {
        match self.backend {
            Backend::OpenLdap | Backend::Ds389 => self.everyones("(objectClass=groupOfNames)", "cn"),
            Backend::ActiveDirectory => self.everyones("(objectClass=group)", "cn"),
            Backend::Postgres => self.column("select name as v from hr.team"),
            Backend::Sqlite => self.column("select name as v from teams"),
            Backend::MariaDb => self.column("select title as v from circle"),
        }
    }

    fn column(&self, select: &str) -> Vec<String> {
        self.tables().query(select).into_iter().flatten().collect()
    }

    fn everyones(&self, filter: &str, attribute: &str) -> Vec<String> {
        let values = self.directory().search(filter).into_iter().flat_map(|entry| entry.values);
        values.filter(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, value)| value).collect()
    }

    /// The base DN that the test owns; empty in a database.
    pub(crate) fn suffix(&self) -> &str {
        match &self.holder {
            Holder::Tables(_) => "",
            Holder::Directory(directory) => directory.suffix(),
        }
    }

    /// True in front of one.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.holder, Holder::Directory(_))
    }

    /// The DN of one of the people that were there first.
    pub(crate) fn dn_of_person(&self, number: usize) -> String {
        match self.backend {
            Backend::ActiveDirectory => format!("CN=Person {number},OU=People,{}", self.suffix()),
            _ => format!("uid=person{number},ou=people,{}", self.suffix()),
        }
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Directory {
        match &self.holder {
            Holder::Directory(directory) => directory,
            Holder::Tables(_) => panic!("{} is no directory", self.backend.name()),
        }
    }

    /// The database.
    pub(crate) fn tables(&self) -> &Tables {
        match &self.holder {
            Holder::Tables(tables) => tables,
            Holder::Directory(_) => panic!("{} is no database", self.backend.name()),
        }
    }

    /// The stored values of one field of a user, sorted: an LDAP attribute, or an SQL expression
    /// over the user's row `e`. `None` if the store holds no such user.
    pub(crate) fn user(&self, user_name: &str, field: &str) -> Option<Vec<String>> {
        match &self.holder {
            Holder::Directory(d) if self.backend == Backend::ActiveDirectory => d.values_of(
                &format!("(&(objectClass=user)(userPrincipalName={}))", literal(user_name)),
                field,
            ),
            Holder::Directory(d) => d.values(&format!("uid={user_name},ou=people,{}", d.suffix()), field),
            Holder::Tables(tables) => tables.field(self.users(), field, user_name),
        }
    }

    /// As [`Self::user`], for a group.
    pub(crate) fn group(&self, display_name: &str, field: &str) -> Option<Vec<String>> {
        match &self.holder {
            Holder::Directory(d) if self.backend == Backend::ActiveDirectory => {
                d.values_of(&format!("(&(objectClass=group)(cn={}))", literal(display_name)), field)
            }
            Holder::Directory(d) => d.values(&format!("cn={display_name},ou=groups,{}", d.suffix()), field),
            Holder::Tables(tables) => tables.field(self.groups(), field, display_name),
        }
    }

    fn users(&self) -> &'static str {
        match self.backend {
            Backend::Sqlite => "employees e where e.login",
            Backend::Postgres => "hr.employee e where e.deleted_at is null and e.user_name",
            Backend::MariaDb => "person e where e.login",
            Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => "",
        }
    }

    fn groups(&self) -> &'static str {
        match self.backend {
            Backend::Sqlite => "teams e where e.name",
            Backend::Postgres => "hr.team e where e.name",
            Backend::MariaDb => "circle e where e.title",
            Backend::OpenLdap | Backend::Ds389 | Backend::ActiveDirectory => "",
        }
    }
}

/// Host and port of a URL, as they are written there.
fn authority(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

/// A value as a filter has it (RFC 4515).
fn literal(value: &str) -> String {
    value.replace('\\', "\\5c").replace('*', "\\2a").replace('(', "\\28").replace(')', "\\29")
}
