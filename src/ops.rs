//! The process in its surroundings: log, clock, signals.
//!
//! Must not know SCIM, stores or HTTP.

pub mod clock;
pub mod shutdown;
pub mod telemetry;
