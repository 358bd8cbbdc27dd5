//! The LDAP store against a real directory.
//!
//! Needs an OpenLDAP server with the suffix `dc=example,dc=com`, the overlays
//! unique (uid and mail below `ou=people`) and ppolicy (eight characters), and a
//! service account `uid=gateway,ou=services,…` that the policy applies to:
//!
//! - `SCIMGATE_TEST_LDAP`: its URL, like `ldap://127.0.0.1:3890`; unset, these tests are skipped;
//! - `SCIMGATE_TEST_LDAP_BIND_DN`, `SCIMGATE_TEST_LDAP_PASSWORD`: an account that may do everything;
//! - `SCIMGATE_TEST_LDAP_CA`: PEM file of its authority, for TLS; LDAPS is expected at `SCIMGATE_TEST_LDAPS`.

mod connections;
mod discovery;
mod lab;
mod reads;
mod writes;
