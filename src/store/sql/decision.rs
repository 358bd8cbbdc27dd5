//! Who decides what becomes of a write: the thread that carries it out, by committing, or who asked for it, by
//! waiting no longer.
//!
//! **Invariant:** of what was given up before it was committed nothing is written, however long a statement of
//! it waits for others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::StoreError;

/// The thread's end.
#[derive(Debug)]
pub(super) struct Decision(Arc<Mutex<State>>);

/// The end of who asked. Dropped, it has given up.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Mutex<State>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The database has been asked to commit, and has not refused.
    Committing,
    GivenUp,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Decision {
    /// Both ends.
    pub(super) fn pair() -> (Self, Waiting) {
        let state = Arc::new(Mutex::new(State::Open));
        (Self(Arc::clone(&state)), Waiting(state))
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
        let mut state = lock(&self.0);
        if *state == State::Open {
            *state = State::GivenUp;
        }
        *state == State::GivenUp
    }

    /// Waits no longer. The error is that of a request which was not carried out, if that is sure.
    pub(super) fn leave(self, error: StoreError) -> StoreError {
        match std::mem::replace(&mut *lock(&self.0), State::GivenUp) {
            State::Committing => {
                StoreError::Unsure(format!("{error}; whether the change was made is unknown"))
            }
            State::Open | State::GivenUp => error,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        *lock(&self.0) = State::GivenUp;
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
        let (decision, waiting) = Decision::pair();
        assert!(decision.check().is_ok());
        assert!(waiting.give_up());
        assert!(decision.commits().is_err());
        assert_eq!(waiting.leave(late()), late());
        assert!(decision.check().is_err());
    }

    #[test]
    fn what_is_being_committed_is_not_called_undone() {
        let (decision, waiting) = Decision::pair();
        decision.commits().unwrap();
        assert!(!waiting.give_up());
        assert!(matches!(waiting.leave(late()), StoreError::Unsure(_)));
        // Refused after all: it is not tried again.
        decision.is_refused();
        assert!(decision.commits().is_err());
    }

    #[test]
    fn a_refused_commit_decides_nothing() {
        let (decision, waiting) = Decision::pair();
        decision.commits().unwrap();
        decision.is_refused();
        assert!(decision.commits().is_ok());
        decision.is_refused();
        drop(waiting);
        assert!(decision.check().is_err());
    }
}
