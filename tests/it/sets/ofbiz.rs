//! OFBiz's party model on PostgreSQL: rows that begin and end, and keys from a table.

use super::harness::Set;
use crate::support::Backend;

const OFBIZ: Set = Set { name: "ofbiz", backend: Backend::Postgres, variant: "" };

#[test]
fn everybody_reads_as_expected() {
    OFBIZ.reads_as_expected();
}
