//! How fast a lost database of ids is filled again: `benches/run rebuild`.
//!
//! 20,000 users in an OpenLDAP of its own. `scimgate correlate rebuild` is compared with the floor,
//! `ldapsearch` reading the same identifiers page by page and writing nothing; both are timed from the start
//! of the process to its end, in turn. `BENCH_ROUNDS` changes how often, and `BENCH_PROGRAM` names another
//! `scimgate` to measure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on stops"
)]
#![allow(dead_code, reason = "the other benchmarks use what this one does not")]

#[path = "../gateway/directory.rs"]
mod directory;
#[path = "../gateway/machine.rs"]
mod machine;

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use self::directory::{Directory, PEOPLE};

/// Number of users.
const USERS: usize = 20_000;

fn main() {
    machine::describe();
    let scratch = tempfile::Builder::new().prefix("scimgate-bench.").tempdir().expect("a temporary folder");
    // slapd runs under an account of its own.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    fs::set_permissions(scratch.path(), open).expect("it is our folder");
    let directory = Directory::start(scratch.path(), USERS);
    write_settings(scratch.path(), &directory);
    let rounds: usize = std::env::var("BENCH_ROUNDS").map_or(5, |text| text.parse().expect("a number"));
    let (mut floors, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let floor = search(&directory);
        let mine = rebuild(scratch.path());
        floors.push(floor.as_secs_f64());
        ours.push(mine.as_secs_f64());
        ratios.push(mine.as_secs_f64() / floor.as_secs_f64());
    }
    let (floor, mine) = (median(&mut floors), median(&mut ours));
    println!("\n{USERS} users, medians of {rounds}");
    println!("ldapsearch of the identifiers: {floor:.2} s, {:.0} entries/s", USERS as f64 / floor);
    println!("scimgate correlate rebuild:    {mine:.2} s, {:.0} entries/s", USERS as f64 / mine);
    println!("ratio: {:.2}", median(&mut ratios));
    machine::print_load();
}

fn write_settings(scratch: &Path, directory: &Directory) {
    let text = format!(
        "mapping = \"{root}/mappings/openldap.toml\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [correlation]\nurl = \"sqlite:ids.db\"\n{store}",
        root = env!("CARGO_MANIFEST_DIR"),
        store = directory.settings(),
    );
    fs::write(scratch.join("scimgate.toml"), text).expect("a file is written");
}

/// Reads what identifies the users.
fn search(directory: &Directory) -> Duration {
    let [url, dn, password] = directory.access();
    timed(
        Command::new("ldapsearch")
            .args(["-x", "-LLL", "-H", url, "-D", dn, "-w", password, "-b", PEOPLE, "-E", "pr=500/noprompt"])
            .args(["(objectClass=inetOrgPerson)", "entryUUID"]),
        "entryUUID:",
        USERS,
    )
}

/// Loses the database and fills it again.
fn rebuild(scratch: &Path) -> Duration {
    for file in ["ids.db", "ids.db-wal", "ids.db-shm"] {
        if scratch.join(file).exists() {
            fs::remove_file(scratch.join(file)).expect("it is our file");
        }
    }
    let program =
        std::env::var("BENCH_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_scimgate").to_owned());
    let mut command = Command::new(program);
    command.args(["correlate", "rebuild", "--type", "User", "--config"]).arg(scratch.join("scimgate.toml"));
    timed(&mut command, &format!("User: {USERS} in the store, {USERS} added"), 1)
}

/// Runs a command to its end; it must print a text so often.
fn timed(command: &mut Command, text: &str, times: usize) -> Duration {
    let start = Instant::now();
    let output = command.output().expect("the program is there");
    let elapsed = start.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.matches(text).count(), times, "{}", String::from_utf8_lossy(&output.stderr));
    elapsed
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
