//! What a page of a listing costs, at its start and at its end: `benches/run listing`.
//!
//! 100,000 users in an OpenLDAP and in a PostgreSQL of its own, in pages of
//! 100. A request that begins a listing finds out the order and the total, so
//! the places are compared among the requests that begin one, and among those
//! that go on by index or by cursor. Both places of a pair are asked in turn, so
//! that whatever else the machine does slows down both.
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
/// The groups of the users on a page are more or less many by chance.
const SHOWN: &str = "excludedAttributes=groups";
/// Where a page near the end starts (page 999; the first index of all is 1). A listing whose last page was
/// served is over.
const END: usize = USERS - 2 * PAGE + 1;

fn main() {
    machine::describe();
    println!("{USERS} users in pages of {PAGE}; medians in ms\n");
    println!("{:<12} {:<26} {:>8} {:>10} {:>6}", "", "", "start", "end", "÷");
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
    // All ids in memory: it is the listing that is measured, not our own database.
    let served = Served::start(scratch, mapping, settings, 2 * USERS);
    let gone = walk(&served, USERS / PAGE);
    let start = Instant::now();
    let open = walk(&served, USERS / PAGE - 1);
    let whole = start.elapsed();
    let rounds = std::env::var("BENCH_ROUNDS").map_or(9, |text| text.parse().expect("a number"));
    let pair = |what: &str, rounds: usize, sample: &dyn Fn(usize) -> (Duration, Duration)| {
        let (first, last): (Vec<Duration>, Vec<Duration>) = (0..rounds).map(sample).unzip();
        let (first, last) = (median(&first), median(&last));
        println!("{store:<12} {what:<26} {first:>8.1} {last:>10.1} {:>6.2}", last / first);
    };
    // First of all, as the listing is still in memory.
    let [second, .., last] = open.as_slice() else { panic!("a listing has pages") };
    pair("goes on, by cursor", 8 * rounds, &|_| (timed(&served, second), timed(&served, last)));
    // A listing goes on only where one of this client's stopped: each round begins elsewhere.
    pair("begins there, by index", rounds, &|round| {
        (timed(&served, &by_index(1)), timed(&served, &by_index(END - round - 1)))
    });
    for start in [1, END - PAGE] {
        served.get(&by_index(start));
        served.get(&by_index(start + PAGE));
    }
    // Asked for again, a page comes from the listing that it came from before.
    pair("goes on, by index", 8 * rounds, &|_| {
        (timed(&served, &by_index(1 + PAGE)), timed(&served, &by_index(END)))
    });
    let (second, last) = (&gone[0], &gone[USERS / PAGE - 3]);
    pair("by cursor, listing gone", rounds, &|_| (timed(&served, second), timed(&served, last)));
    let (_, most) = process::memory(served.process.pid());
    println!(
        "{store:<12} the whole listing by cursor: {:.1} s; {most:.0} MB resident at most\n",
        whole.as_secs_f64()
    );
}

fn by_index(start: usize) -> String {
    format!("/scim/v2/Users?startIndex={start}&count={PAGE}&{SHOWN}")
}

/// Lists so many pages by cursor; the paths of all of them but the first.
fn walk(served: &Served, pages: usize) -> Vec<String> {
    let mut path = format!("/scim/v2/Users?cursor&count={PAGE}&{SHOWN}");
    let mut paths = Vec::new();
    loop {
        let page: Value = serde_json::from_str(&served.get(&path)).expect("the answer is JSON");
        assert_eq!(page["itemsPerPage"], PAGE);
        let next = page["nextCursor"].as_str();
        assert_eq!(next.is_some(), paths.len() + 1 < USERS / PAGE, "a cursor to all pages but the first");
        if paths.len() + 1 == pages {
            return paths;
        }
        path = format!("/scim/v2/Users?cursor={}&count={PAGE}&{SHOWN}", next.expect("there is more"));
        paths.push(path.clone());
    }
}

fn timed(served: &Served, path: &str) -> Duration {
    let start = Instant::now();
    let text = served.get(path);
    let elapsed = start.elapsed();
    assert!(text.contains("\"itemsPerPage\":100"), "a full page: {path}");
    elapsed
}

/// In milliseconds.
fn median(durations: &[Duration]) -> f64 {
    let mut all: Vec<f64> = durations.iter().map(|d| d.as_secs_f64() * 1e3).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
