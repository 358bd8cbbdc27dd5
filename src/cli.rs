//! The command line: arguments and dispatch. May use everything.

pub mod demo;
