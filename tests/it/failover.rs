//! Directory servers that are killed, hang, vanish behind a black hole and come back while requests come in (issue of
//! every day: R-02).
//!
//! With a second server requests succeed again long before any time-out; without one they are told to come
//! back. Nobody is ever told that what exists does not, and the gateway is never started again.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use self::load::{CLIENTS, KINDS, Load, PEOPLE, Person, Report, Site, between, login, new_user};
use crate::support::{Backend, Gateway, Options, Proxy, TestStore};

mod load;

/// How long a change of state is waited for; the time-outs of the gateway are longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time-outs that no test lives to see: what recovers does not recover by them.
const NO_TIME_OUTS: &str = "connect_timeout_secs = 120\noperation_timeout_secs = 300\n";
/// Of a gateway with a single server, so that a test need not wait long for answers that do not come.
const SHORT_TIME_OUTS: &str = "connect_timeout_secs = 2\noperation_timeout_secs = 2\n";
const TROUBLES: [Trouble; 5] =
    [Trouble::Stopped, Trouble::Killed, Trouble::Swallows, Trouble::BlackHole, Trouble::Broken];
const DIRECTORIES: [Backend; 3] = [Backend::OpenLdap, Backend::Ds389, Backend::ActiveDirectory];

/// What becomes of a server, or of the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The process is gone, and its port refuses connections.
    Killed,
    /// The process stands still: connections are still opened by its kernel.
    Stopped,
    /// What is sent is swallowed; connections are opened.
    Swallows,
    /// What is sent is swallowed, and nobody answers who knocks.
    BlackHole,
    /// Connections break, and new ones are closed at once.
    Broken,
}

/// A server with the way to it.
struct Place<'s> {
    server: &'s TestStore,
    way: Proxy,
}

impl<'s> Place<'s> {
    fn of(server: &'s TestStore) -> Self {
        Self { server, way: Proxy::to(server.address()) }
    }

    fn begin(&self, trouble: Trouble) {
        match trouble {
            Trouble::Killed => self.server.directory().signal("KILL"),
            Trouble::Stopped => self.server.directory().signal("STOP"),
            Trouble::Swallows => self.way.set_frozen(true),
            Trouble::BlackHole => {
                self.way.set_frozen(true);
                self.way.set_deaf(true);
            }
            Trouble::Broken => {
                self.way.set_down(true);
                self.way.cut();
            }
        }
    }

    fn end(&self, trouble: Trouble) {
        match trouble {
            Trouble::Killed => self.server.directory().start_again(),
            Trouble::Stopped => self.server.directory().signal("CONT"),
            Trouble::Swallows => self.way.set_frozen(false),
            Trouble::BlackHole => {
                self.way.set_deaf(false);
                self.way.set_frozen(false);
            }
            Trouble::Broken => self.way.set_down(false),
        }
    }
}

/// A directory of the test's own with people and a group, made by a gateway that is gone by then.
fn filled(backend: Backend) -> Option<TestStore> {
    let store = TestStore::alone(backend)?;
    let gateway = Gateway::start(&store, &Options::default());
    let client = gateway.client();
    let mut members = Vec::new();
    for number in 0..PEOPLE {
        let made = client.post("/Users", &new_user(&login(number)));
        assert_eq!(made.status, 201, "{made}");
        members.push(json!({ "value": made.id() }));
    }
    let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "all",
        "members": members });
    let made = client.post("/Groups", &group);
    assert_eq!(made.status, 201, "{made}");
    drop(gateway);
    Some(store)
}

fn site(gateway: &Gateway, is_one_store: bool) -> Site {
    let client = gateway.client();
    let only = |path: &str| -> String {
        let answer = client.get(path);
        assert_eq!(answer.json["totalResults"], json!(1), "{answer}");
        answer.json["Resources"][0]["id"].as_str().unwrap().to_owned()
    };
    let people =
        (0..PEOPLE).map(|n| only(&format!("/Users?filter=userName%20eq%20%22{}%22", login(n)))).collect();
    let group = only("/Groups?filter=displayName%20eq%20%22all%22&excludedAttributes=members");
    Site { client, people, group, is_one_store }
}

/// Waits until one request of each kind succeeds.
fn until_it_works(site: &Site, what: &str) {
    let (start, mut person) = (Instant::now(), Person::new(site, CLIENTS));
    while !person.whole_round() {
        assert!(start.elapsed() < PATIENCE, "{what}: no recovery");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Puts the servers into trouble in turn, while the other one serves; what was answered meanwhile.
fn go_on_in_turn(
    backend: Backend,
    site: &Site,
    places: &[Place<'_>; 2],
    troubles: &[Trouble],
) -> Vec<(Trouble, Report)> {
    let load = Load::on(site);
    until_it_works(site, "before");
    let mut phases = Vec::new();
    for (turn, trouble) in troubles.iter().enumerate() {
        let place = &places[turn % 2];
        let from = Instant::now();
        place.begin(*trouble);
        until_it_works(site, &format!("{} {trouble:?}", backend.name()));
        // The other one goes on alone for a while.
        thread::sleep(Duration::from_millis(500));
        phases.push((*trouble, from, Instant::now()));
        place.end(*trouble);
    }
    let seen = load.end();
    let reports = phases.into_iter().map(|(trouble, from, to)| (trouble, between(&seen, from, to)));
    let reports: Vec<_> = reports.collect();
    for (trouble, report) in &reports {
        eprintln!("{}, another one beside it, {trouble:?}: {report:?}", backend.name());
        assert!(report.fine > 0, "{trouble:?}: the load went on");
        // The deadline of a request, before which somebody else must have answered.
        assert!(report.gap < Duration::from_secs(25), "{trouble:?}: {report:?}");
    }
    reports
}

/// Puts the only server into trouble: everybody is told to come back, and served when it is back.
fn wait_for(backend: Backend, site: &Site, place: &Place<'_>, troubles: &[Trouble]) {
    let load = Load::on(site);
    until_it_works(site, "before");
    let mut phases = Vec::new();
    for trouble in troubles {
        let what = format!("{}, {trouble:?}", backend.name());
        place.begin(*trouble);
        let from = Instant::now();
        let mut person = Person::new(site, CLIENTS);
        while person.ask(0) {
            assert!(from.elapsed() < PATIENCE, "{what}: nobody notices");
        }
        for kind in 0..KINDS {
            assert!(!Person::new(site, CLIENTS).ask(kind), "{what}: kind {kind}");
        }
        place.end(*trouble);
        let ended = Instant::now();
        until_it_works(site, &what);
        phases.push((trouble, from, ended, Instant::now()));
    }
    let seen = load.end();
    for (trouble, from, ended, works) in phases {
        let report = between(&seen, from, ended);
        assert!(report.later > 0, "{trouble:?}: {report:?}");
        let name = backend.name();
        eprintln!("{name}, one server, {trouble:?}: {report:?}; works {:?} after its end", works - ended);
    }
}

fn each(test: impl Fn(Backend, TestStore)) {
    for backend in DIRECTORIES {
        let Some(store) = filled(backend) else { return };
        test(backend, store);
    }
}

/// Two servers with the same entries, and their processes in trouble.
fn two_servers(backend: Backend, first: TestStore, troubles: &[Trouble]) -> Vec<(Trouble, Report)> {
    let second = first.twin().expect("its server is there");
    let store = first.with_settings(NO_TIME_OUTS).with_further_servers(&[&second], "fail_back_secs = 0\n");
    let gateway = Gateway::start(&store, &Options::default());
    let site = site(&gateway, false);
    go_on_in_turn(backend, &site, &[Place::of(&store), Place::of(&second)], troubles)
}

/// One server with two addresses, and the ways there in trouble: whatever was written is read, on both ways.
fn two_ways(backend: Backend, store: TestStore, troubles: &[Trouble]) -> Vec<(Trouble, Report)> {
    let (first, second) = (Proxy::to(store.address()), Proxy::to(store.address()));
    let store = store
        .with_settings(NO_TIME_OUTS)
        .with_second_address(second.address, "fail_back_secs = 0\n")
        .by_way_of(first.address);
    let gateway = Gateway::start(&store, &Options::default());
    let site = site(&gateway, true);
    go_on_in_turn(backend, &site, &[first, second].map(|way| Place { server: &store, way }), troubles)
}

#[test]
fn with_a_second_server_requests_go_on() {
    each(|backend, first| {
        two_servers(backend, first, &[Trouble::Stopped, Trouble::Killed, Trouble::Killed]);
    });
}

#[test]
fn with_a_second_way_requests_go_on() {
    each(|backend, store| {
        two_ways(backend, store, &[Trouble::Swallows, Trouble::BlackHole, Trouble::Broken]);
    });
}

/// The numbers of docs/operations.md: `FAILOVER_ROUNDS` (5) times each trouble.
#[test]
#[ignore = "it takes minutes, and only measures"]
fn measured() {
    let rounds = std::env::var("FAILOVER_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let repeated = |troubles: &[Trouble]| troubles.repeat(rounds);
    let mut reports = Vec::new();
    for backend in DIRECTORIES {
        for is_ways in [false, true] {
            let Some(store) = filled(backend) else { return };
            let found = match is_ways {
                true => two_ways(
                    backend,
                    store,
                    &repeated(&[Trouble::Swallows, Trouble::BlackHole, Trouble::Broken]),
                ),
                false => two_servers(backend, store, &repeated(&[Trouble::Stopped, Trouble::Killed])),
            };
            reports.extend(found.into_iter().map(|(trouble, report)| (backend, trouble, report)));
        }
    }
    eprintln!(
        "| directory | trouble | longest gap, median | at most | longest request | requests | told to come back |"
    );
    for backend in DIRECTORIES {
        for trouble in TROUBLES {
            let of =
                reports.iter().filter(|(b, t, _)| (*b, *t) == (backend, trouble)).map(|(.., report)| report);
            let of: Vec<&Report> = of.collect();
            let mut gaps: Vec<Duration> = of.iter().map(|report| report.gap).collect();
            gaps.sort();
            let (fine, later) = of.iter().fold((0, 0), |(f, l), r| (f + r.fine, l + r.later));
            eprintln!(
                "| {} | {trouble:?} | {:.2} s | {:.2} s | {:.2} s | {} | {later} |",
                backend.name(),
                gaps[gaps.len() / 2].as_secs_f64(),
                gaps[gaps.len() - 1].as_secs_f64(),
                of.iter().map(|report| report.longest.as_secs_f64()).fold(0.0, f64::max),
                fine + later
            );
        }
    }
}

#[test]
fn a_single_server_is_waited_for() {
    each(|backend, store| {
        let way = Proxy::to(store.address());
        let store = store.with_settings(SHORT_TIME_OUTS).by_way_of(way.address);
        let gateway = Gateway::start(&store, &Options::default());
        let site = site(&gateway, true);
        let place = Place { server: &store, way };
        let troubles = [Trouble::Stopped, Trouble::Killed, Trouble::BlackHole, Trouble::Broken];
        wait_for(backend, &site, &place, &troubles);
    });
}

/// The first server is used again when it has answered for a while and nobody writes.
#[test]
fn the_first_server_is_returned_to() {
    let Some(first) = filled(Backend::OpenLdap) else { return };
    let second = first.twin().expect("its server is there");
    let store = first.with_settings(NO_TIME_OUTS).with_further_servers(&[&second], "fail_back_secs = 1\n");
    let gateway = Gateway::start(&store, &Options::default());
    let site = site(&gateway, false);
    let path = format!("/Users/{}", site.people[0]);
    store.directory().signal("STOP");
    // Reads follow the writes: what was written to the second server is read from there.
    until_it_works(&site, "the first server hangs");
    let title = json!([{ "op": "replace", "path": "title", "value": "Second" }]);
    let written = site.client.patch(&path, title);
    assert!(matches!(written.status, 200 | 204), "{written}");
    for _ in 0..8 {
        assert_eq!(site.client.get(&path).json["title"], "Second");
    }
    assert_eq!(second.user(&login(0), "title").unwrap(), ["Second"]);
    store.directory().signal("CONT");
    let start = Instant::now();
    while site.client.get(&path).json["title"] == json!("Second") {
        assert!(start.elapsed() < PATIENCE, "the first server is not used again");
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(site.client.get(&path).json["title"], Json::Null);
}
