//! Turns between processes, which are PostgreSQL's.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{Correlation, Database, texts};

fn shared() -> Option<(Database, [Correlation; 2])> {
    let database = Database::all().into_iter().find(|database| database.settings.is_server())?;
    let two = [database.open(), database.open()];
    Some((database, two))
}

fn is_waiting<T>(outcome: &Result<T, tokio::time::error::Elapsed>) -> bool {
    outcome.is_err()
}

const SOON: Duration = Duration::from_millis(200);

#[tokio::test]
async fn one_process_owns_its_file_and_takes_no_turns() {
    let ids = Database::sqlite().open();
    assert!(ids.turn(&texts(&["a"])).await.unwrap().is_none());
}

#[tokio::test]
async fn what_one_has_the_other_waits_for() {
    let Some((_database, [one, two])) = shared() else { return };
    let held = one.turn(&texts(&["a", "b", "a"])).await.unwrap().unwrap();
    assert!(held.is_held().await);
    let (wanted, free) = (texts(&["b", "c"]), texts(&["c"]));
    assert!(is_waiting(&tokio::time::timeout(SOON, two.turn(&wanted)).await), "b is held");
    // Who waits in vain keeps nothing, and who gives up waiting gets nothing.
    one.turn(&free).await.unwrap();
    two.turn(&free).await.unwrap();
    drop(held);
    assert!(two.turn(&wanted).await.unwrap().unwrap().is_held().await);
}

#[tokio::test]
async fn tenants_and_tables_have_turns_of_their_own() {
    let Some((database, [one, _])) = shared() else { return };
    let Some((_other_tables, [third, _])) = shared() else { return };
    let second = Correlation::open(&database.settings, "second").unwrap();
    let name = texts(&["a"]);
    let _held = one.turn(&name).await.unwrap();
    assert!(second.turn(&name).await.unwrap().is_some());
    assert!(third.turn(&name).await.unwrap().is_some());
}

#[tokio::test]
async fn everybody_comes_to_a_turn_that_all_want() {
    let Some((_database, two)) = shared() else { return };
    let name = texts(&["hot"]);
    let until = Instant::now() + Duration::from_secs(3);
    // Each takes it again and again, several requests of a process at once.
    let greedy = |ids: Correlation| {
        let name = name.clone();
        async move {
            let mut turns = 0;
            while Instant::now() < until {
                let turn = ids.turn(&name).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
                drop(turn);
                turns += 1;
            }
            turns
        }
    };
    let turns: Vec<u32> = join_all(two.into_iter().map(greedy)).await;
    assert!(turns.iter().all(|count| *count > 5), "{turns:?}");
}

#[tokio::test]
async fn who_gives_up_waiting_keeps_nothing() {
    let Some((_database, [one, two])) = shared() else { return };
    let name = texts(&["a"]);
    // Some give up before they come to it, some at the very moment, and some have it for a while.
    let hurried = |ids: &Correlation, number: u64| {
        let (ids, name) = (ids.clone(), name.clone());
        async move {
            let patience = Duration::from_micros(number % 40 * 100);
            let turn = tokio::time::timeout(patience, ids.turn(&name)).await;
            drop(turn);
        }
    };
    for round in 0..10 {
        join_all((0..40).map(|number| hurried(if number % 2 == 0 { &one } else { &two }, number + round)))
            .await;
    }
    for ids in [&one, &two] {
        let turn = tokio::time::timeout(Duration::from_secs(5), ids.turn(&name)).await;
        assert!(turn.expect("it is free").unwrap().unwrap().is_held().await);
    }
}

#[tokio::test]
async fn who_was_taken_for_dead_has_lost_its_turn() {
    let Some((_database, [one, two])) = shared() else { return };
    let name = texts(&["a"]);
    assert!(!two.has_turns(one.replica()).await.unwrap());
    let held = one.turn(&name).await.unwrap().unwrap();
    assert!(two.has_turns(one.replica()).await.unwrap());
    two.end_turns_of(one.replica()).await.unwrap();
    let taken = two.turn(&name).await.unwrap().unwrap();
    // One that stood still does not know it yet; it looks before it writes.
    tokio::time::sleep(super::super::turn::YOUNG).await;
    assert!(!held.is_held().await);
    assert!(taken.is_held().await);
    // It starts anew, and does not get what the other one has.
    let other = one.turn(&texts(&["b"])).await.unwrap().unwrap();
    assert!(other.is_held().await && !held.is_held().await);
    drop(held);
    assert!(is_waiting(&tokio::time::timeout(SOON, one.turn(&name)).await));
    assert!(taken.is_held().await);
}
