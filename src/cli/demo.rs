//! The demo: a company in an SQLite file to try the gateway on.

pub mod seed;
