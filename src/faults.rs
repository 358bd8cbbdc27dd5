//! Places where the process may be made to die, for tests of what a crash leaves behind.
//!
//! With the feature `faults`, the variable `SCIMGATE_DIE_AT=N` ends the process, without any cleaning up, when
//! it comes to the N-th such place: before and after each write to the store and to our own database. Without
//! the feature there is nothing here.

/// A place where the process may die.
#[inline]
pub(crate) fn point() {
    #[cfg(feature = "faults")]
    counted();
}

#[cfg(feature = "faults")]
fn counted() {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };
    static LEFT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let number = std::env::var("SCIMGATE_DIE_AT").ok().and_then(|text| text.parse().ok());
        AtomicU64::new(number.unwrap_or(0))
    });
    // Counting down from nothing would take longer than any process lives.
    if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
        std::process::abort();
    }
}
