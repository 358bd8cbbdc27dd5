//! Numbers that were given to requests and may not be in the store yet, where several processes give them.

use diesel::prelude::*;

use crate::correlation::{Correlation, CorrelationError, lease::now, schema::number};

/// A number that was given so long ago, in microseconds, is in the store, or its request has failed.
const UNDER_WAY: i64 = 60_000_000;

impl Correlation {
    /// The number that a counter gave last, if that was a short time ago.
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn last_number(&self, counter: &str) -> Result<Option<i64>, CorrelationError> {
        let (tenant, counter) = (self.tenant.to_string(), counter.to_owned());
        self.workers
            .read(move |conn| {
                let since = now(conn)? - UNDER_WAY;
                let found = number::table.find((&tenant, &counter)).filter(number::given.gt(since));
                Ok(found.select(number::value).first(conn).optional()?)
            })
            .await
    }

    /// Notes the number that a counter gives now. Whoever asks for the last one must not come in between: it is the
    /// caller's [turn](Self::turn).
    ///
    /// # Errors
    ///
    /// [`CorrelationError`].
    pub async fn note_number(&self, counter: &str, value: i64) -> Result<(), CorrelationError> {
        let (tenant, counter) = (self.tenant.to_string(), counter.to_owned());
        self.workers
            .write(move |conn| {
                let given = now(conn)?;
                let row = (
                    number::tenant.eq(&tenant),
                    number::counter.eq(&counter),
                    number::value.eq(value),
                    number::given.eq(given),
                );
                diesel::delete(number::table.find((&tenant, &counter))).execute(conn)?;
                diesel::insert_into(number::table).values(row).execute(conn)?;
                Ok(((), Vec::new()))
            })
            .await
    }
}
