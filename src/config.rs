//! Settings: what the operator says beside the mapping files.

pub mod sql;
