//! Settings, one file per concern.

pub mod ldap;
