//! The LDAP store against a real directory.
//!
//! Needs an OpenLDAP and a 389-ds server with the suffix `dc=example,dc=com`, where uid and mail are unique
//! below `ou=people`, a password has eight characters, and a service account to which that applies may do
//! everything else; and a Samba domain. For each of them:
//!
//! - `SCIMGATE_TEST_LDAP`, `SCIMGATE_TEST_389DS`, `SCIMGATE_TEST_AD`: its URL; unset, its tests are skipped;
//! - `…_BIND_DN`, `…_PASSWORD`: the service account;
//! - `…_CA`: PEM file of its authority, for TLS. OpenLDAP's LDAPS is expected at `SCIMGATE_TEST_LDAPS`.

mod active_directory;
mod connections;
mod discovery;
pub(crate) mod lab;
mod reads;
mod writes;
