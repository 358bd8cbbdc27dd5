//! What it costs to write a request down before it is carried out: `benches/run journal`.
//!
//! Each writer begins a record of the journal and ends it again, which is two commits that are on the disk when they return,
//! as often as it can. Writers that come together share their commits, so many of them get more done than one: the ratio
//! tells how much. The correlation database is an SQLite file in a temporary folder; `BENCH_URL` names a PostgreSQL
//! database instead, `BENCH_PASSWORD` its password. `BENCH_ROUNDS` and `BENCH_SECONDS` change how much is measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on stops"
)]
#![allow(dead_code, reason = "the other benchmarks use what this one does not")]

#[path = "gateway/machine.rs"]
mod machine;

use std::time::{Duration, Instant};

use scimgate::{
    config::CorrelationSettings,
    correlation::{
        Correlation, Settlement,
        id::minted_id,
        journal::{End, Record, State},
    },
    ops::clock,
};

/// So many write at once.
const WRITERS: [usize; 3] = [1, 16, 64];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    machine::describe();
    let folder = tempfile::Builder::new().prefix("scimgate-bench.").tempdir().expect("a temporary folder");
    let file = format!("sqlite:{}", folder.path().join("ids.db").display());
    let settings = CorrelationSettings {
        url: std::env::var("BENCH_URL").unwrap_or(file),
        password: std::env::var("BENCH_PASSWORD").ok().map(Into::into),
        ..CorrelationSettings::default()
    };
    let correlation = Correlation::open(&settings, "bench").expect("the database can be opened");
    let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let (rounds, seconds) = (number("BENCH_ROUNDS", 5), number("BENCH_SECONDS", 2));
    let mut rates: [Vec<f64>; WRITERS.len()] = Default::default();
    for _ in 0..rounds {
        for (writers, rates) in WRITERS.iter().zip(&mut rates) {
            rates.push(rate(&correlation, *writers, Duration::from_secs(seconds)).await);
        }
    }
    let ratio = |at: usize| median(rates[at].iter().zip(&rates[0]).map(|(many, one)| many / one).collect());
    println!("\n| writers | writes written down /s | ratio to one |\n|---|---|---|");
    for (at, writers) in WRITERS.iter().enumerate() {
        println!("| {writers} | {:.0} | {:.1} |", median(rates[at].clone()), ratio(at));
    }
    machine::print_load();
}

/// How many records so many writers begin and end in a second.
async fn rate(correlation: &Correlation, writers: usize, time: Duration) -> f64 {
    let start = Instant::now();
    let one = || async {
        let mut count = 0_u64;
        while start.elapsed() < time {
            write_down(correlation).await;
            count += 1;
        }
        count
    };
    let counts = futures_util::future::join_all((0..writers).map(|_| one())).await;
    counts.into_iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64()
}

async fn write_down(correlation: &Correlation) {
    let record = Record {
        id: minted_id(),
        replica: correlation.replica().to_owned(),
        state: State::Open,
        resource_type: "User".to_owned(),
        resource_id: Some(minted_id()),
        kind: "change".to_owned(),
        intent: r#"{"change":{"difference":{"title":["Clerk","Head of the office"]}}}"#.to_owned(),
        request: None,
        started: clock::now(),
        attempts: 0,
        problem: None,
        is_stuck: false,
    };
    let end = Settlement { id: record.id.clone(), replica: record.replica.clone(), end: End::Gone };
    correlation.begin(record, Vec::new()).await.expect("a record begins");
    correlation.end(end).await.expect("a record ends");
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
