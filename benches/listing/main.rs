//! What a page of a listing costs, near its start and at its end: `benches/run listing`.
//!
//! 100,000 users in an OpenLDAP and in a PostgreSQL of its own, in pages of
//! 100. A request that begins a listing finds out the order and the total, so
//! the places are compared among the requests that begin one, among those that
//! go on by index, and among those that go on by cursor. Both places of a pair
//! are asked in turn, so that whatever else the machine does slows down both.
//!
//! `BENCH_ROUNDS` changes how often each is asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on stops"
)]
#![allow(dead_code, reason = "the other benchmark uses what this one does not")]

mod database;
#[path = "../gateway/directory.rs"]
mod directory;
#[path = "../gateway/machine.rs"]
mod machine;
#[path = "../gateway/process.rs"]
mod process;
#[path = "../gateway/served.rs"]
mod served;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use self::{database::Database, directory::Directory, served::Served};

/// Number of users.
const USERS: usize = 100_000;
/// Users on a page.
const PAGE: usize = 100;
/// The index of the first user of the last page; the first of all is 1.
const LAST: usize = USERS - PAGE + 1;

fn main() {
    machine::describe();
    println!("{USERS} users in pages of {PAGE}; medians in ms\n");
    println!("{:<12} {:<22} {:>8} {:>10} {:>6}", "", "", "page 1", "page 1000", "÷");
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    if "OpenLDAP".contains(&only) {
        let scratch = scratch();
        let directory = Directory::start(scratch.path(), USERS);
        measure("OpenLDAP", scratch.path(), "openldap.toml", &directory.settings());
    }
    if "PostgreSQL".contains(&only) {
        let scratch = scratch();
        let database = Database::start(scratch.path(), USERS);
        measure("PostgreSQL", scratch.path(), "postgresql-hr.toml", &database.settings());
    }
    machine::print_load();
}

fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::Builder::new().prefix("scimgate-bench.").tempdir().expect("a temporary folder");
    // The servers run under accounts of their own.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    fs::set_permissions(scratch.path(), open).expect("it is our folder");
    scratch
}

fn measure(store: &str, scratch: &Path, mapping: &str, settings: &str) {
    let served = Served::start(scratch, mapping, settings);
    let start = Instant::now();
    // Makes each user known, and brings us to the last cursor.
    let cursors = walk(&served);
    let whole = start.elapsed();
    let rounds = std::env::var("BENCH_ROUNDS").map_or(9, |text| text.parse().expect("a number"));
    let by_index = |start: usize| format!("/scim/v2/Users?startIndex={start}&count={PAGE}");
    let pair = |what: &str, sample: &dyn Fn(usize) -> (Duration, Duration)| {
        let samples: Vec<(Duration, Duration)> = (0..rounds).map(sample).collect();
        let first = median(samples.iter().map(|s| s.0));
        let last = median(samples.iter().map(|s| s.1));
        println!("{store:<12} {what:<22} {first:>8.1} {last:>10.1} {:>6.2}", last / first);
    };
    // A listing goes on only where one of this client's stopped: each round begins elsewhere.
    pair("begins there, by index", &|round| {
        (timed(&served, &by_index(1)), timed(&served, &by_index(LAST - round - 1)))
    });
    pair("goes on, by index", &|_| {
        served.get(&by_index(1));
        let second = timed(&served, &by_index(1 + PAGE));
        served.get(&by_index(LAST - PAGE));
        (second, timed(&served, &by_index(LAST)))
    });
    pair("goes on, by cursor", &|_| (timed(&served, &cursors.0), timed(&served, &cursors.1)));
    let (_, most) = process::memory(served.process.pid());
    println!(
        "{store:<12} the whole listing by cursor: {:.1} s; {most:.0} MB resident at most\n",
        whole.as_secs_f64()
    );
}

/// Lists everything by cursor; the paths of the second and of the last page.
fn walk(served: &Served) -> (String, String) {
    let mut path = format!("/scim/v2/Users?cursor&count={PAGE}");
    let (mut paths, mut seen) = (Vec::new(), 0);
    loop {
        let page: Value = serde_json::from_str(&served.get(&path)).expect("the answer is JSON");
        seen += page["Resources"].as_array().map_or(0, Vec::len);
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/scim/v2/Users?cursor={cursor}&count={PAGE}");
        paths.push(path.clone());
    }
    assert_eq!(seen, USERS);
    (paths[0].clone(), paths[paths.len() - 1].clone())
}

fn timed(served: &Served, path: &str) -> Duration {
    let start = Instant::now();
    let text = served.get(path);
    let elapsed = start.elapsed();
    assert!(text.contains("\"itemsPerPage\":100"), "a full page: {path}");
    elapsed
}

/// In milliseconds.
fn median(durations: impl Iterator<Item = Duration>) -> f64 {
    let mut all: Vec<f64> = durations.map(|d| d.as_secs_f64() * 1e3).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
