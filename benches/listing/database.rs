//! The database of the benchmark: a PostgreSQL of its own with generated employees.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A running PostgreSQL; stopped when dropped.
pub(crate) struct Database {
    folder: PathBuf,
    url: String,
}

impl Database {
    /// Starts the server in a folder of its own below `scratch`, and fills in so many employees.
    pub(crate) fn start(scratch: &Path, users: usize) -> Self {
        let mut database = Self { folder: scratch.join("postgres"), url: String::new() };
        assert!(
            database.script("start").status().expect("bash is there").success(),
            "PostgreSQL does not start"
        );
        let file = fs::read_to_string(database.folder.join("env")).expect("postgres.sh writes its variables");
        let url = file.lines().find_map(|line| line.strip_prefix("export SCIMGATE_TEST_POSTGRES="));
        database.url = url.expect("the address is among them").to_owned();
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sql/postgres-hr.sql");
        database.psql(&["-f", schema]);
        database.psql(&["-c", &employees(users)]);
        database
    }

    /// Its part of the settings of scimgate.
    pub(crate) fn settings(&self) -> String {
        let mut url = url::Url::parse(&self.url).expect("it is a URL");
        let password = url.password().expect("it has a password").to_owned();
        url.set_password(None).expect("it can go without");
        format!("[stores.main.sql]\nurl = \"{url}\"\npassword = \"{password}\"\n")
    }

    fn psql(&self, arguments: &[&str]) {
        let mut command = Command::new("psql");
        command.args(["-q", &self.url, "-v", "ON_ERROR_STOP=1"]).args(arguments);
        let output = command.output().expect("psql is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn script(&self, verb: &str) -> Command {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/postgres.sh");
        let mut command = Command::new("bash");
        command.args([script, verb]).arg(&self.folder);
        command
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = self.script("stop").status() {
            eprintln!("PostgreSQL was not stopped: {error}");
        }
    }
}

/// Exactly so many employees that are users, as full as an HR system fills them.
fn employees(users: usize) -> String {
    format!(
        "delete from hr.team_member; delete from hr.employee;
         insert into hr.employee (user_name, given_name, family_name, display_name, job_title, personnel_no,
           cost_center, company, division, language, time_zone, work_phone, mobile_phone, manager_id)
         select 'user' || n, 'Ada' || n, 'Byron' || n, 'Ada' || n || ' Byron' || n, 'Engineer', n, n % 50,
           'Example', 'Division ' || n % 10, 'de', 'Europe/Berlin', '+49 30 ' || n, '+49 171 ' || n, null
         from generate_series(1, {users}) n;
         insert into hr.employee_email (employee_id, kind, address, is_primary)
         select employee_id, 'work', user_name || '@example.com', true from hr.employee;
         insert into hr.employee_address (employee_id, street, city, region, postal_code, country)
         select employee_id, 'Unter den Linden 1', 'Berlin', 'Berlin', '10117', 'DE' from hr.employee;
         analyze;"
    )
}
