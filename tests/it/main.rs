//! The integration tests: one binary, one module per subject.

mod architecture;
mod store_suite;
mod stores;
