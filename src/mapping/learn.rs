//! Drafts a mapping from what a store holds: `scimgate map learn`.
//!
//! A draft is a text with comments, made to be read and corrected: each line says what it rests on, in numbers, and
//! what only the operator knows is a line in comment. No value of anybody's stands in it, only names of attributes and
//! columns, counts, and what most entries share. No I/O; the sample comes from the caller.

mod crowd;
mod entries;
mod guess;
mod page;
pub mod tables;

pub use self::entries::draft as directory;
