//! Who decides what becomes of a write: the thread that carries it out, by committing, or who asked for it, by
//! waiting no longer.
//!
//! **Invariant:** of what was given up before it was committed nothing is written, however long a statement of
//! it waits for others.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use crate::store::StoreError;

/// For how long a commit is expected to come to its end: that of a server which has vanished never does.
const LONGEST: Duration = Duration::from_secs(60);

/// The thread's end.
#[derive(Debug)]
pub(super) struct Decision(Arc<Mutex<State>>);

/// The end of who asked. Dropped, it has given up.
#[derive(Debug)]
pub(super) struct Waiting {
    state: Arc<Mutex<State>>,
    left: LeftCommits,
}

/// Commits whose outcome nobody waits for.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftCommits(Arc<Mutex<Vec<LeftCommit>>>);

#[derive(Debug)]
struct LeftCommit {
    since: Instant,
    /// Gone with the thread's end.
    state: Weak<Mutex<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The database has been asked to commit, and has not refused.
    Committing,
    GivenUp,
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Decision {
    /// Both ends. What is left of them is noted.
    pub(super) fn pair(left: &LeftCommits) -> (Self, Waiting) {
        let state = Arc::new(Mutex::new(State::Open));
        (Self(Arc::clone(&state)), Waiting { state, left: left.clone() })
    }

    /// Looks whether somebody still waits.
    ///
    /// # Errors
    ///
    /// [`StoreError::Timeout`] if not, which nobody hears any more.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match *lock(&self.0) {
            State::GivenUp => Err(given_up()),
            State::Open | State::Committing => Ok(()),
        }
    }

    /// To be called just before the commit.
    ///
    /// # Errors
    ///
    /// As [`Self::check`]; then there must be no commit.
    pub(super) fn commits(&self) -> Result<(), StoreError> {
        let mut state = lock(&self.0);
        if *state == State::GivenUp {
            return Err(given_up());
        }
        *state = State::Committing;
        Ok(())
    }

    /// The database has refused to commit; the transaction may be run again.
    pub(super) fn is_refused(&self) {
        let mut state = lock(&self.0);
        if *state == State::Committing {
            *state = State::Open;
        }
    }
}

impl Waiting {
    /// Gives up, unless that is too late for being sure of the outcome. True if it was not.
    pub(super) fn give_up(&self) -> bool {
        let mut state = lock(&self.state);
        if *state == State::Open {
            *state = State::GivenUp;
        }
        *state == State::GivenUp
    }

    /// Waits no longer. The error is that of a request which was not carried out, if that is sure.
    pub(super) fn leave(self, error: StoreError) -> StoreError {
        match self.end() {
            State::Committing => {
                StoreError::Unsure(format!("{error}; whether the change was made is unknown"))
            }
            State::Open | State::GivenUp => error,
        }
    }

    /// Gives up in any case, and tells how far it had come.
    fn end(&self) -> State {
        let before = std::mem::replace(&mut *lock(&self.state), State::GivenUp);
        if before == State::Committing {
            let left = LeftCommit { since: Instant::now(), state: Arc::downgrade(&self.state) };
            lock(&self.left.0).push(left);
        }
        before
    }
}

impl LeftCommits {
    /// True while one of them may still come about.
    pub(super) fn are_open(&self) -> bool {
        let mut all = lock(&self.0);
        all.retain(|left| left.state.strong_count() > 0 && left.since.elapsed() < LONGEST);
        !all.is_empty()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end();
    }
}

fn given_up() -> StoreError {
    StoreError::Timeout("nobody waits for it any more".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late() -> StoreError {
        StoreError::Timeout("late".into())
    }

    #[test]
    fn what_is_given_up_is_not_committed() {
        let (decision, waiting) = Decision::pair(&LeftCommits::default());
        assert!(decision.check().is_ok());
        assert!(waiting.give_up());
        assert!(decision.commits().is_err());
        assert_eq!(waiting.leave(late()), late());
        assert!(decision.check().is_err());
    }

    #[test]
    fn what_is_being_committed_is_not_called_undone() {
        let left = LeftCommits::default();
        let (decision, waiting) = Decision::pair(&left);
        decision.commits().unwrap();
        assert!(!waiting.give_up() && !left.are_open());
        assert!(matches!(waiting.leave(late()), StoreError::Unsure(_)));
        assert!(left.are_open());
        // Refused after all: it is not tried again.
        decision.is_refused();
        assert!(decision.commits().is_err());
        drop(decision);
        assert!(!left.are_open());
    }

    #[test]
    fn a_refused_commit_decides_nothing() {
        let (decision, waiting) = Decision::pair(&LeftCommits::default());
        decision.commits().unwrap();
        decision.is_refused();
        assert!(decision.commits().is_ok());
        decision.is_refused();
        drop(waiting);
        assert!(decision.check().is_err());
    }
}
