//! What the gateway costs: `benches/run`, or `cargo bench --bench gateway` where slapd is installed.
//!
//! Loads 20,000 users into an OpenLDAP of its own and compares `scimgate serve`
//! with the floor, a handler that makes the one search and nothing else. Both
//! run all the time and are asked in turn, each round in the other order, so
//! that whatever else the machine does slows down both. The table shows medians
//! of the rounds; a ratio is the median of the rounds' ratios.
//!
//! `BENCH_ROUNDS` and `BENCH_SECONDS` change how much is measured, `BENCH_ONLY`
//! names the one case to measure, and `BENCH_PROGRAM` another `scimgate` to
//! measure instead of this one.

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
mod machine;
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
    directory::{Directory, entry_uuid, is_linked, login},
    load::{Order, Outcome},
    process::Running,
    served::Served,
};

/// Number of users.
const USERS: usize = 20_000;
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
    machine::describe();
    let scratch = tempfile::Builder::new().prefix("scimgate-bench.").tempdir().expect("a temporary folder");
    // slapd runs under an account of its own.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    fs::set_permissions(scratch.path(), open).expect("it is our folder");
    let directory = Directory::start(scratch.path(), USERS);
    let served = Served::start(scratch.path(), "openldap.toml", &directory.settings(), 50_000);
    let cases = cases(&listing(&served));
    println!(
        "\n{:<20} {:>5}  {:>7} {:>7} {:>7} {:>6}   {:>7} {:>7} {:>7} {:>6}   {:>5} {:>13} {:>6}",
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
        "from – to",
        "÷ CPU"
    );
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    let mut floor_memory = 0.0;
    for case in cases.iter().filter(|case| case.name.contains(&only)) {
        let size = served.get(&case.gateway[0]).len();
        let (floor, address) = start_floor(&directory, size);
        for connections in CONNECTIONS {
            compare_at(scratch.path(), case, connections, (&floor, address), &served);
        }
        (_, floor_memory) = process::memory(floor.pid());
    }
    let (now, most) = process::memory(served.process.pid());
    println!(
        "\nscimgate after all requests: {now:.0} MB resident, {most:.0} MB at most; the floor: {floor_memory:.0} MB"
    );
    machine::print_load();
}

/// Lists every user, which also makes each of them known to the gateway.
fn listing(served: &Served) -> std::collections::HashMap<String, String> {
    let pid = served.process.pid();
    let (fresh, _) = process::memory(pid);
    println!("scimgate started: {fresh:.0} MB resident");
    for what in ["first", "second"] {
        let (start, before) = (Instant::now(), process::cpu(pid));
        let ids = served.list(USERS);
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

/// Asks both in turn, and prints how they compare.
fn compare_at(
    scratch: &Path,
    case: &Case,
    connections: usize,
    (floor, address): (&Running, SocketAddr),
    served: &Served,
) {
    let seconds = variable("BENCH_SECONDS", 3.0);
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
    let rounds: Vec<(Outcome, Outcome)> = (0..variable("BENCH_ROUNDS", 5.0) as usize)
        .map(|turn| {
            if turn % 2 == 0 {
                let below = round(scratch, &floor);
                (below, round(scratch, &gateway))
            } else {
                let above = round(scratch, &gateway);
                (round(scratch, &floor), above)
            }
        })
        .collect();
    print_row(case.name, connections, &rounds);
}

/// A line of the table: the floor's medians, the gateway's, and how they compare round by round.
fn print_row(name: &str, connections: usize, rounds: &[(Outcome, Outcome)]) {
    let cells = |of: fn(&(Outcome, Outcome)) -> &Outcome| {
        let median =
            |number: fn(&Outcome) -> f64| sorted(rounds.iter().map(|r| number(of(r))))[rounds.len() / 2];
        format!(
            "{:>7.0} {:>7.0} {:>7.0} {:>6.0}",
            median(|o| o.per_second),
            median(|o| o.p50),
            median(|o| o.p99),
            median(|o| o.cpu)
        )
    };
    let speed = sorted(rounds.iter().map(|(below, above)| above.per_second / below.per_second));
    let cost = sorted(rounds.iter().map(|(below, above)| above.cpu / below.cpu));
    println!(
        "{name:<20} {connections:>5}  {}   {}   {:>5.2} {:>6.2} – {:>4.2} {:>6.2}",
        cells(|r| &r.0),
        cells(|r| &r.1),
        speed[speed.len() / 2],
        speed[0],
        speed[speed.len() - 1],
        cost[cost.len() / 2]
    );
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
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

fn variable(name: &str, default: f64) -> f64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
