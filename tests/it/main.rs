//! The integration tests: one binary, one module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking; the lints' own exception does not reach the helpers of tests"
)]

mod architecture;
mod store_suite;
mod stores;
