//! A database of a test's own, and a look into it that does not go through the gateway.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use diesel::{
    Connection as _, MysqlConnection, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _, sql_types,
};
use tempfile::TempDir;
use url::Url;

pub(crate) use self::{session::Session, snapshot::Snapshot};
use super::{Backend, server, unique};

mod session;
mod snapshot;

/// A database.
pub(crate) struct Tables {
    kind: Kind,
    /// Where it is.
    url: String,
    /// The server's own database, from which ours is made and dropped; empty for SQLite.
    server: String,
    /// An account of the test's own that the gateway uses.
    account: Option<String>,
    /// The folder of a server of the test's own.
    own: Option<TempDir>,
}

#[derive(Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
    MariaDb,
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    v: Option<String>,
}

const POSTGRES_HR: &str = include_str!("../../fixtures/sql/postgres-hr.sql");
const MYSQL_HR: &str = include_str!("../../fixtures/sql/mysql-hr.sql");

impl Kind {
    /// The script of the server, about one in a folder.
    fn script(self, verb: &str, folder: &Path) -> Command {
        let name = if let Self::Postgres = self { "postgres.sh" } else { "mariadb.sh" };
        let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/servers", name].iter().collect();
        let mut command = Command::new("bash");
        command.arg(script).arg(verb).arg(folder.join("server"));
        command
    }
}

impl Tables {
    /// An SQLite file with the demo's schema and the people of the fixture.
    pub(super) fn sqlite(directory: &Path) -> Self {
        let url = directory.join("hr.db").display().to_string();
        let tables = Self { kind: Kind::Sqlite, url, server: String::new(), account: None, own: None };
        tables.execute(include_str!("../../../src/cli/demo/schema.sql"));
        tables.execute(include_str!("../../fixtures/sql/demo-seed.sql"));
        tables
    }

    /// A database on the PostgreSQL server.
    pub(super) fn postgres() -> Option<Self> {
        let server = server("SCIMGATE_TEST_POSTGRES")?;
        Some(Self::create(Kind::Postgres, &server, POSTGRES_HR))
    }

    /// A database on the MariaDB server.
    pub(super) fn mariadb() -> Option<Self> {
        let server = server("SCIMGATE_TEST_MYSQL")?;
        Some(Self::create(Kind::MariaDb, &server, MYSQL_HR))
    }

    /// As [`Self::postgres`] and [`Self::mariadb`], on a server of the test's own that keeps what was committed when it is
    /// killed.
    pub(super) fn alone(backend: Backend) -> Option<Self> {
        let (kind, variable, fixture) = match backend {
            Backend::Postgres => (Kind::Postgres, "SCIMGATE_TEST_POSTGRES", POSTGRES_HR),
            _ => (Kind::MariaDb, "SCIMGATE_TEST_MYSQL", MYSQL_HR),
        };
        server(variable)?;
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let mut command = kind.script("start", folder.path());
        let status = command.env("POSTGRES_KEEPS", "1").env("MARIADB_KEEPS", "1").status().unwrap();
        assert!(status.success(), "{} does not start", backend.name());
        let environment = fs::read_to_string(folder.path().join("server/env")).unwrap();
        let url = environment.trim().strip_prefix(&format!("export {variable}=")).unwrap();
        let mut tables = Self::create(kind, url, fixture);
        tables.own = Some(folder);
        Some(tables)
    }

    /// The command that kills the server and starts it again.
    pub(super) fn restart_command(&self) -> String {
        let folder = self.own.as_ref().expect("a server of the test's own").path();
        let command = self.kind.script("crash", folder);
        let words: Vec<_> = command.get_args().map(|word| format!("'{}'", word.to_string_lossy())).collect();
        format!("exec bash {}", words.join(" "))
    }

    /// A database with the empty tables of `tests/fixtures/devices`.
    pub(super) fn of_devices(backend: Backend, directory: &Path) -> Option<Self> {
        let tables = include_str!("../../fixtures/devices/tables.sql");
        let tables = |bytes, time| tables.replace("{BYTES}", bytes).replace("{TIME}", time);
        let tables = match backend {
            Backend::Postgres => tables("bytea", "timestamptz"),
            Backend::MariaDb => tables("longblob", "datetime(6)"),
            _ => tables("blob", "timestamp"),
        };
        Self::of_statements(backend, &tables, directory)
    }

    /// A database filled by these statements, on one connection and in their order.
    pub(super) fn of_statements(backend: Backend, statements: &str, directory: &Path) -> Option<Self> {
        match backend {
            Backend::Postgres => {
                Some(Self::create(Kind::Postgres, &server("SCIMGATE_TEST_POSTGRES")?, statements))
            }
            Backend::MariaDb => {
                Some(Self::create(Kind::MariaDb, &server("SCIMGATE_TEST_MYSQL")?, statements))
            }
            _ => {
                let url = directory.join("store.db").display().to_string();
                let made = Self { kind: Kind::Sqlite, url, server: String::new(), account: None, own: None };
                made.execute(statements);
                Some(made)
            }
        }
    }

    /// A database for `tests/fixtures/sql/broken`.
    pub(super) fn broken(backend: Backend, directory: &Path) -> Option<Self> {
        let statements = match backend {
            Backend::Postgres => include_str!("../../fixtures/sql/broken/postgres.sql"),
            Backend::MariaDb => include_str!("../../fixtures/sql/broken/mariadb.sql"),
            _ => include_str!("../../fixtures/sql/broken/sqlite.sql"),
        };
        let mut tables = Self::of_statements(backend, statements, directory)?;
        if backend == Backend::MariaDb {
            tables.account = Some(tables.narrow_account());
        }
        Some(tables)
    }

    /// Makes an account that may read and insert only. Our own must not grant, but may write the tables of
    /// grants.
    fn narrow_account(&self) -> String {
        let (name, database) = (unique("u_"), self.url.rsplit('/').next().unwrap());
        self.execute(&format!(
            "create user {name}@'%' identified by 'narrow';
             insert into mysql.db (Host, Db, User, Select_priv, Insert_priv, Trigger_priv, Show_view_priv)
             values ('%', '{database}', '{name}', 'Y', 'Y', 'Y', 'Y');
             flush privileges"
        ));
        name
    }

    fn create(kind: Kind, server: &str, fixture: &str) -> Self {
        let name = unique("t_");
        let mut url = Url::parse(server).unwrap();
        url.set_path(&name);
        let letters = if let Kind::MariaDb = kind { " character set utf8mb4" } else { "" };
        run(kind, server, &format!("create database {name}{letters}"));
        let tables = Self { kind, url: url.into(), server: server.to_owned(), account: None, own: None };
        tables.execute(fixture);
        tables
    }

    /// Where the server is.
    pub(super) fn url(&self) -> Url {
        Url::parse(&self.url).unwrap()
    }

    /// Every row of every table as text, in order.
    pub(super) fn dump(&self) -> Vec<String> {
        self.snapshot().lines()
    }

    /// All that lies in it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::take(self)
    }

    /// `[stores.main.sql]`.
    pub(super) fn settings(&self) -> String {
        if let Kind::Sqlite = self.kind {
            return format!("[stores.main.sql]\nurl = \"sqlite:{}\"\n", self.url);
        }
        let mut url = Url::parse(&self.url).unwrap();
        if let Some(account) = &self.account {
            url.set_username(account).unwrap();
            url.set_password(Some("narrow")).unwrap();
        }
        let password = url.password().unwrap_or("").to_owned();
        url.set_password(None).unwrap();
        format!("[stores.main.sql]\nurl = \"{url}\"\npassword = \"{password}\"\nconnections = 4\n")
    }

    /// Runs statements.
    pub(crate) fn execute(&self, statements: &str) {
        run(self.kind, &self.url, statements);
    }

    /// The first column of every row, as text; it must be called `v`.
    pub(crate) fn query(&self, select: &str) -> Vec<Option<String>> {
        let query = diesel::sql_query(select);
        let rows: Result<Vec<Cell>, _> = match self.kind {
            Kind::Sqlite => query.load(&mut SqliteConnection::establish(&self.url).unwrap()),
            Kind::Postgres => query.load(&mut PgConnection::establish(&self.url).unwrap()),
            Kind::MariaDb => query.load(&mut MysqlConnection::establish(&self.url).unwrap()),
        };
        rows.unwrap_or_else(|e| panic!("{select}: {e}")).into_iter().map(|cell| cell.v).collect()
    }

    /// The values of an expression over the rows `e` of `table … where column` that equal a name
    /// (without case); `None` if there is no such row, no value for NULL.
    pub(super) fn field(&self, table_where: &str, expression: &str, name: &str) -> Option<Vec<String>> {
        let (table, column) = table_where.rsplit_once(' ').unwrap();
        let text = if let Kind::MariaDb = self.kind { "char" } else { "text" };
        let name = name.replace('\'', "''");
        let rows = self.query(&format!(
            "select cast({expression} as {text}) as v from {table} lower({column}) = lower('{name}')"
        ));
        (!rows.is_empty()).then(|| rows.into_iter().flatten().collect())
    }
}

impl Tables {
    /// An autovacuum worker in it cannot be thrown out by us; it leaves by itself.
    fn drop_postgres(&self, name: &str) {
        let statement = format!("drop database {name} with (force)");
        for _ in 0..50 {
            let mut connection = PgConnection::establish(&self.server).unwrap();
            match connection.batch_execute(&statement) {
                Ok(()) => return,
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(100)),
            }
        }
        run(self.kind, &self.server, &statement);
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            drop(self.kind.script("stop", own.path()).status());
            return;
        }
        let name = self.url.rsplit('/').next().unwrap_or("");
        match self.kind {
            Kind::Sqlite => {}
            // The gateway's connections may not be closed yet.
            Kind::Postgres => self.drop_postgres(name),
            Kind::MariaDb => {
                run(self.kind, &self.server, &format!("drop database {name}"));
                if let Some(account) = &self.account {
                    let statements =
                        format!("delete from mysql.db where Db = '{name}'; drop user {account}@'%'");
                    run(self.kind, &self.server, &statements);
                }
            }
        }
    }
}

fn run(kind: Kind, url: &str, statements: &str) {
    let done = match kind {
        Kind::Sqlite => SqliteConnection::establish(url).unwrap().batch_execute(statements),
        Kind::Postgres => PgConnection::establish(url).unwrap().batch_execute(statements),
        Kind::MariaDb => {
            let mut connection = MysqlConnection::establish(url).unwrap();
            connection.batch_execute("set names utf8mb4").and_then(|()| connection.batch_execute(statements))
        }
    };
    done.unwrap_or_else(|error| panic!("{error} in:\n{statements}"));
}
