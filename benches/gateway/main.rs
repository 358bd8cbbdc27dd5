//! What the gateway costs: `cargo bench --bench gateway`.
//!
//! Loads 20,000 users into an OpenLDAP of its own and compares `scimgate serve`
//! with the floor, a handler that makes the one search and nothing else. Both
//! run all the time and are asked in turn, so that whatever else the machine
//! does slows down both. The table shows medians of the rounds.
//!
//! Needs slapd, ldap-utils, openssl and python3 (`tests/run` installs them).
//! `ROUNDS` and `SECONDS` change how much is measured, `ONLY` names the one case
//! to measure, and `PROGRAM` another `scimgate` to measure instead of this one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on stops"
)]

mod directory;
mod floor;
mod load;
mod process;
mod served;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    time::Instant,
};

use self::{
    directory::{Directory, USERS, entry_uuid, is_linked, login},
    load::{Order, Outcome},
    process::Running,
    served::Served,
};

const CONNECTIONS: [usize; 3] = [1, 16, 64];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["floor", url, dn, password, size] => {
            let settings = [url, dn, password, size].map(str::to_owned);
            actix_web::rt::System::new().block_on(floor::serve(settings));
        }
        ["load", order] => load::run(order),
        _ => compare(),
    }
}

/// A kind of request, as the floor and as the gateway are asked.
struct Case {
    name: &'static str,
    floor: Vec<String>,
    gateway: Vec<String>,
}

fn compare() {
    let scratch = tempfile::Builder::new().prefix("scimgate-bench.").tempdir().expect("a temporary folder");
    // slapd runs under an account of its own.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    fs::set_permissions(scratch.path(), open).expect("it is our folder");
    let directory = Directory::start(scratch.path());
    let served = Served::start(scratch.path(), &directory);
    let cases = cases(&listing(&served));
    println!(
        "\n{:<22} {:>5}  {:>8} {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8} {:>8}   {:>6} {:>6}",
        "",
        "conns",
        "floor/s",
        "p50 µs",
        "p99 µs",
        "CPU µs",
        "gate/s",
        "p50 µs",
        "p99 µs",
        "CPU µs",
        "÷ /s",
        "÷ CPU"
    );
    let only = std::env::var("ONLY").unwrap_or_default();
    for case in cases.iter().filter(|case| case.name.contains(&only)) {
        let size = served.get(&case.gateway[0]).len();
        let (floor, address) = start_floor(&directory, size);
        for connections in CONNECTIONS {
            compare_at(scratch.path(), case, connections, (&floor, address), &served);
        }
    }
    let (now, most) = process::memory(served.process.pid());
    println!("\nscimgate after all requests: {now:.0} MB resident, {most:.0} MB at most");
}

/// Lists every user, which also makes each of them known to the gateway.
fn listing(served: &Served) -> std::collections::HashMap<String, String> {
    let pid = served.process.pid();
    let (fresh, _) = process::memory(pid);
    println!("scimgate started: {fresh:.0} MB resident");
    for what in ["first", "second"] {
        let (start, before) = (Instant::now(), process::cpu(pid));
        let ids = served.list();
        assert_eq!(ids.len(), USERS);
        let (elapsed, used) = (start.elapsed(), process::cpu(pid) - before);
        let (now, most) = process::memory(pid);
        println!(
            "{what} listing of {USERS} users in pages of 100: {:.1} s, {:.0} CPU µs per user, \
             {now:.0} MB resident, {most:.0} MB at most",
            elapsed.as_secs_f64(),
            used.as_secs_f64() * 1e6 / USERS as f64,
        );
        if what == "second" {
            return ids;
        }
    }
    unreachable!("the second listing returns")
}

fn cases(ids: &std::collections::HashMap<String, String>) -> Vec<Case> {
    let by_id = |user: usize| format!("/scim/v2/Users/{}", ids[&login(user)]);
    let by_name = |user: usize| format!("/scim/v2/Users?filter=userName%20eq%20%22{}%22", login(user));
    let by_uuid = |user: usize| format!("/entryUUID/{}", entry_uuid(user));
    let by_uid = |user: usize| format!("/uid/{}", login(user));
    let users = |linked: bool| (0..USERS).filter(move |user| is_linked(*user) == linked);
    let paths = |linked: bool, path: &dyn Fn(usize) -> String| users(linked).map(path).collect::<Vec<_>>();
    vec![
        Case { name: "GET by id, plain", floor: paths(false, &by_uuid), gateway: paths(false, &by_id) },
        Case { name: "GET by id, linked", floor: paths(true, &by_uuid), gateway: paths(true, &by_id) },
        Case { name: "userName eq, plain", floor: paths(false, &by_uid), gateway: paths(false, &by_name) },
    ]
}

fn start_floor(directory: &Directory, size: usize) -> (Running, SocketAddr) {
    let mut command = process::this("floor");
    command.args(directory.access()).arg(size.to_string());
    let mut floor = Running::start(&mut command);
    let mut line = String::new();
    BufReader::new(floor.output()).read_line(&mut line).expect("the floor prints its address");
    (floor, line.trim().parse().expect("it is an address"))
}

/// Asks both in turn, and prints the medians and their ratios.
fn compare_at(
    scratch: &Path,
    case: &Case,
    connections: usize,
    (floor, address): (&Running, SocketAddr),
    served: &Served,
) {
    let seconds = variable("SECONDS", 3.0);
    let floor = Order {
        address,
        pid: floor.pid(),
        header: served.header(),
        paths: case.floor.clone(),
        connections,
        seconds,
    };
    let gateway = Order {
        address: served.address,
        pid: served.process.pid(),
        paths: case.gateway.clone(),
        ..floor.clone()
    };
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for _ in 0..variable("ROUNDS", 3.0) as usize {
        below.push(round(scratch, &floor));
        above.push(round(scratch, &gateway));
    }
    let (below, above) = (median(&below), median(&above));
    let row = |o: &Outcome| format!("{:>8.0} {:>8.0} {:>8.0} {:>8.0}", o.per_second, o.p50, o.p99, o.cpu);
    println!(
        "{:<22} {connections:>5}  {}   {}   {:>6.2} {:>6.2}",
        case.name,
        row(&below),
        row(&above),
        above.per_second / below.per_second,
        above.cpu / below.cpu
    );
}

/// One round, by a load generator in a process of its own.
fn round(scratch: &Path, order: &Order) -> Outcome {
    let file = scratch.join("order.json");
    fs::write(&file, serde_json::to_string(order).expect("it is JSON")).expect("a file is written");
    let mut load = Running::start(process::this("load").arg(&file));
    let mut text = String::new();
    load.output().read_to_string(&mut text).expect("the load generator prints");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("the load generator failed: {e}: {text}"))
}

/// The median of each number.
fn median(outcomes: &[Outcome]) -> Outcome {
    let of = |number: fn(&Outcome) -> f64| {
        let mut numbers: Vec<f64> = outcomes.iter().map(number).collect();
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    Outcome { per_second: of(|o| o.per_second), p50: of(|o| o.p50), p99: of(|o| o.p99), cpu: of(|o| o.cpu) }
}

fn variable(name: &str, default: f64) -> f64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
