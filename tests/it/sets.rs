//! Stores that nobody here designed: the tables of real applications behind the mapping that is shipped
//! for each, from reading every person to what each write leaves in the tables.

mod active_directory;
mod drupal;
mod eduperson;
mod freeipa;
#[allow(dead_code, reason = "each set uses what it needs")]
mod harness;
mod koha;
mod nextcloud;
mod ofbiz;
mod passwords;
mod patches;
mod redmine;
mod refused;
mod rfc2307bis;
mod staff;
mod wordpress;
