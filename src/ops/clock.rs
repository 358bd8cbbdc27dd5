//! The one place that asks what time it is. Everything else is told.

use time::OffsetDateTime;

/// The present instant, in UTC and to the microsecond, which is what we store.
#[must_use]
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_no_nanoseconds() {
        for _ in 0..100 {
            assert_eq!(now().nanosecond() % 1000, 0);
        }
    }
}
