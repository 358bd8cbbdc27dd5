//! The clock of the machine jumps, by days and in both directions, between the requests and while a process is dead.
//! The requests, sent again, succeed once.

use std::fs;

use ureq::http::Method;

use super::{
    cases::CASES,
    look::{Look, open_writes},
};
use crate::support::{Backend, Gateway, Options, TestStore, unique};

/// Where the clock stands from one request to the next.
const JUMPS: [&str; 4] = ["+0d", "+400d", "-3d", "-2h"];

#[test]
fn a_clock_that_jumps_loses_and_doubles_nothing() {
    for backend in [Backend::Sqlite, Backend::OpenLdap] {
        let Some(store) = TestStore::fresh(backend) else { continue };
        let directory = tempfile::TempDir::new().unwrap();
        let clock = directory.path().join("clock");
        let set = |jump: &str| fs::write(&clock, jump).unwrap();
        set(JUMPS[0]);
        let faked = [
            // The linker knows what the folder is called on this machine.
            ("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1".to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let environment: String = faked.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let options = Options { environment: faked.to_vec(), ..Options::default() };
        let mut gateway = Gateway::start(&store, &options);
        let mut jumps = 0;
        for (turn, case) in CASES.iter().cycle().take(3 * CASES.len()).enumerate() {
            let (name, before) = (unique("c"), Look::at(&store));
            let what = format!("{} on {}, turn {turn}", case.name, backend.name());
            let prepared = (case.prepare)(&gateway.client(), &name);
            // Every third process dies over it, and the clock has jumped again when it is back.
            let place =
                if turn % 3 == 2 { format!("SCIMGATE_DIE_AT={}\n", turn % 5 + 2) } else { String::new() };
            gateway = gateway.restart_with(&format!("{environment}{place}"));
            set(JUMPS[turn % JUMPS.len()]);
            let first = gateway.client().try_send(&prepared.method, &prepared.path, prepared.body.as_ref());
            set(JUMPS[(turn + 1) % JUMPS.len()]);
            if let Ok(answer) = &first {
                assert!(answer.status < 300, "{what}: {answer}\n{}", gateway.log());
            }
            jumps += usize::from(is_far_ahead(&gateway.log()));
            let has_died = gateway.has_died(first.is_err());
            assert!(has_died || first.is_ok(), "{what}: {first:?}");
            if has_died || !place.is_empty() {
                gateway = gateway.restart_with(&environment);
            }
            if first.is_err() {
                let again =
                    gateway.client().try_send(&prepared.method, &prepared.path, prepared.body.as_ref());
                let again = again.unwrap();
                let is_gone = prepared.method == Method::DELETE && again.status == 404;
                assert!(again.status < 300 || is_gone, "{what}, sent again: {again}\n{}", gateway.log());
            }
            (case.check)(&gateway.client(), &name, &what);
            let problems = Look::at(&store).problems_since(&before, &name);
            assert!(problems.is_empty(), "{what}:\n{}", problems.join("\n"));
            assert_eq!(open_writes(&gateway), [""; 0], "{what}: the journal\n{}", gateway.log());
        }
        assert!(jumps > 0, "the process does not see the clock of the test");
    }
}

/// True if the log has a line of next year, or later.
fn is_far_ahead(log: &str) -> bool {
    let this = time::OffsetDateTime::now_utc().year();
    log.lines().filter_map(|line| line.get(..4)?.parse::<i32>().ok()).any(|year| year > this)
}
