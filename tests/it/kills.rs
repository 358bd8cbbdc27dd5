//! The program is killed at every place where it writes, to the store or to its own database, in the middle
//! of one request of each kind. When it is started again, and the client sends the request again, all is as
//! if nothing had happened: nothing that was answered is lost, nothing is there twice, and nothing points at
//! what is not there.
//!
//! `SCIMGATE_KILLS=N` goes on with all kinds until N processes were killed on each store.

mod cases;
mod clock;
mod full_disk;
mod look;
mod operator;
mod renames;
mod replicas;
mod under_load;
mod unnamed;

use ureq::http::Method;

use self::{
    cases::{CASES, Case, Prepared},
    look::{Look, open_writes},
};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

/// What is counted on one store.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    /// Requests that were answered before the process died.
    answered: usize,
}

/// Kills the process at each place of a request of a kind. Returns the gateway, which is running again, and how many
/// places there are.
fn at_every_place(store: &TestStore, mut gateway: Gateway, case: &Case, tally: &mut Tally) -> (Gateway, u64) {
    for place in 1.. {
        assert!(place < 100, "{}: the request does not come to an end", case.name);
        let (running, has_died) = once(store, gateway, case, place, tally);
        gateway = running;
        if !has_died {
            return (gateway, place - 1);
        }
    }
    unreachable!("it has been said that the request does not come to an end")
}

/// Sends one request to a process that dies at the given place, if it comes that far.
fn once(store: &TestStore, gateway: Gateway, case: &Case, place: u64, tally: &mut Tally) -> (Gateway, bool) {
    let name = unique("k");
    let before = Look::at(store);
    let prepared = (case.prepare)(&gateway.client(), &name);
    let mut gateway = gateway.restart_with(&format!("SCIMGATE_DIE_AT={place}"));
    let Prepared { method, path, body } = &prepared;
    let first = gateway.client().try_send(method, path, body.as_ref());
    let has_died = gateway.has_died(first.is_err());
    let what = format!("{} on {}, killed at {place}", case.name, store.backend().name());
    assert!(has_died || first.is_ok(), "{what}: {first:?}");
    tally.kills += usize::from(has_died);
    let gateway = gateway.restart();
    let client = gateway.client();
    if let Ok(answer) = &first {
        assert!(answer.status < 300, "{what}: {answer}");
        tally.answered += 1;
    }
    // Sent again, since its client has no answer; once more would be another request.
    if first.is_err() {
        let again = client.try_send(method, path, body.as_ref()).unwrap();
        let is_gone = *method == Method::DELETE && again.status == 404;
        assert!(again.status < 300 || is_gone, "{what}, sent again: {again}\n{}", gateway.log());
    }
    (case.check)(&client, &name, &what);
    let problems = Look::at(store).problems_since(&before, &name);
    assert!(problems.is_empty(), "{what}:\n{}", problems.join("\n"));
    assert_eq!(open_writes(&gateway), [""; 0], "{what}: the journal\n{}", gateway.log());
    (gateway, has_died)
}

/// Nothing but requests writes into the database of ids.
fn quiet() -> Options {
    Options { correlation: "url = \"sqlite:ids.db\"\nscan = false".to_owned(), ..Options::default() }
}

fn kill_on(backend: Backend) {
    let Some(store) = TestStore::fresh(backend) else { return };
    let mut gateway = Gateway::start(&store, &quiet());
    let mut tally = Tally::default();
    let mut places = Vec::new();
    for case in CASES {
        let (running, number) = at_every_place(&store, gateway, case, &mut tally);
        gateway = running;
        places.push(number);
    }
    let wanted: usize = std::env::var("SCIMGATE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    // Each kind again and again, at one place after the other.
    for round in 0.. {
        if tally.kills >= wanted {
            break;
        }
        let (turn, case) = (round / CASES.len(), round % CASES.len());
        let place = turn as u64 % places[case].max(1) + 1;
        gateway = once(&store, gateway, &CASES[case], place, &mut tally).0;
    }
    eprintln!("{}: {} kills, no fault", backend.name(), tally.kills);
    assert!(tally.kills > CASES.len(), "{tally:?}");
}

#[test]
fn nothing_is_lost_or_doubled_on_sqlite() {
    kill_on(Backend::Sqlite);
}

#[test]
fn nothing_is_lost_or_doubled_on_openldap() {
    kill_on(Backend::OpenLdap);
}

#[test]
fn nothing_is_lost_or_doubled_on_active_directory() {
    kill_on(Backend::ActiveDirectory);
}

#[test]
fn nothing_is_lost_or_doubled_on_postgres() {
    kill_on(Backend::Postgres);
}

#[test]
fn nothing_is_lost_or_doubled_on_mariadb() {
    kill_on(Backend::MariaDb);
}
