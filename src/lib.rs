//! scimgate: a SCIM 2.0 gateway in front of LDAP directories and relational tables.
//!
//! `scim` speaks SCIM and knows no store; `store` speaks records, fields and
//! predicates and knows no SCIM; only `mapping` knows both, and does no I/O.

pub mod cli;
pub mod scim;

pub mod dialect;

mod faults;

pub mod store;

pub mod mapping;

pub mod plan;

pub mod correlation;

pub mod gateway;

pub mod http;

pub mod config;

pub mod auth;

pub mod ops;

pub mod chaos;
