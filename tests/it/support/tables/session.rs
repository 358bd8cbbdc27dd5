//! A connection of another program, which stays open: it can hold locks while the gateway works.

use std::time::{Duration, Instant};

use diesel::{
    Connection as _, MysqlConnection, PgConnection, SqliteConnection, connection::SimpleConnection as _,
};

use super::{Kind, Tables};

/// Another program's connection.
pub(crate) enum Session {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MariaDb(MysqlConnection),
}

impl Session {
    /// Runs statements.
    pub(crate) fn execute(&mut self, statements: &str) {
        let done = match self {
            Self::Sqlite(connection) => connection.batch_execute(statements),
            Self::Postgres(connection) => connection.batch_execute(statements),
            Self::MariaDb(connection) => connection.batch_execute(statements),
        };
        done.unwrap_or_else(|error| panic!("{error} in:\n{statements}"));
    }

    /// Begins a transaction that writes.
    pub(crate) fn begin(&mut self, statements: &str) {
        let begin = if let Self::Sqlite(_) = self { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.execute(begin);
        self.execute(statements);
    }
}

impl Tables {
    /// Opens a connection.
    pub(crate) fn session(&self) -> Session {
        match self.kind {
            Kind::Sqlite => Session::Sqlite(SqliteConnection::establish(&self.url).unwrap()),
            Kind::Postgres => Session::Postgres(PgConnection::establish(&self.url).unwrap()),
            Kind::MariaDb => Session::MariaDb(MysqlConnection::establish(&self.url).unwrap()),
        }
    }

    /// Comes back when somebody waits for a lock that another holds. SQLite does not tell: there, after a
    /// while in which the gateway has come so far.
    pub(crate) fn until_somebody_waits(&self) {
        let waiting = match self.kind {
            Kind::Sqlite => return std::thread::sleep(Duration::from_millis(300)),
            Kind::Postgres => {
                "select pid::text as v from pg_stat_activity \
                 where datname = current_database() and wait_event_type = 'Lock'"
            }
            Kind::MariaDb => {
                // What InnoDB tells of its transactions stays as it was while somebody keeps asking.
                "select cast(id as char) as v from information_schema.processlist where db = database() \
                 and command in ('Query', 'Execute') and id <> connection_id() and time_ms > 200"
            }
        };
        let end = Instant::now() + Duration::from_secs(30);
        while self.query(waiting).is_empty() {
            assert!(Instant::now() < end, "nobody waits for a lock");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
