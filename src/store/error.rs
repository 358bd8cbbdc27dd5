//! What can go wrong in a store, free of SCIM and HTTP.

/// A store's refusal or failure.
///
/// The texts are for the operator's log; none of them goes to a client as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The row or entry to change does not exist (any more).
    #[error("no such row or entry in {bag}")]
    NotFound {
        /// Bag name.
        bag: String,
    },
    /// A [`Step::Find`](super::Step::Find) found nothing and may not add.
    #[error("no row of {bag} has this value")]
    NoSuchRow {
        /// Bag name.
        bag: String,
    },
    /// A unique value is in use.
    #[error("already exists: {constraint}")]
    AlreadyExists {
        /// Constraint, column or attribute name if the store told one, else empty.
        constraint: String,
    },
    /// The store's schema refuses the value or its absence.
    #[error("constraint violated: {constraint}: {reason}")]
    ConstraintViolated {
        /// Constraint, column or attribute name if the store told one, else empty. Both, where both are
        /// known: `constraint of table.column`.
        constraint: String,
        /// What the store said.
        reason: String,
    },
    /// A precondition of the step did not hold.
    #[error("precondition failed")]
    PreconditionFailed,
    /// The store's limit on size or time was hit.
    #[error("limit exceeded: {0}")]
    LimitExceeded(String),
    /// The service account lacks the right, or its credentials are wrong.
    #[error("denied: {0}")]
    Denied(String),
    /// The entry is one that only the directory's administrators change.
    #[error("an entry of {bag} is privileged")]
    Protected {
        /// Bag name.
        bag: String,
    },
    /// The store cannot be reached or is busy. A write has not happened.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The store did not answer in time. A write has not happened.
    #[error("timed out: {0}")]
    Timeout(String),
    /// The connection broke, or time ran out, while a write was on its way: it may have happened, or a part of
    /// it.
    #[error("the outcome is unknown: {0}")]
    Unsure(String),
    /// The store cannot do this.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The store answered something that makes no sense under the mapping (unknown table, wrong type).
    #[error("corrupt or mismatched: {0}")]
    Corrupt(String),
}
