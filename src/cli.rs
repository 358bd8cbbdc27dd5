//! The command line: `scimgate serve | check | explain | map | correlate | journal | chaos | token |
//! demo`.
//!
//! The composition root: the only place that knows every part, and the only
//! one that prints. Commands return an exit code: 0 done, 1 the operator's
//! files are wrong, 2 the command line is wrong, 3 a store or our database
//! refuses us, 4 the server cannot run, 5 the store and our database
//! differ, or an answer of the gateway was not true.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the command line talks to people")]

mod chaos;
mod check;
mod correlate;
#[cfg(feature = "sqlite")]
pub mod demo;
#[cfg(feature = "sqlite")]
pub mod examples;
mod explain;
mod journal;
mod map;
mod mapping;
mod progress;
mod serve;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The operator's files are wrong.
const WRONG_FILES: u8 = 1;
/// The command line is wrong; the parser of arguments says the same.
const WRONG_COMMAND: u8 = 2;
/// A store or our database refuses us.
const REFUSED: u8 = 3;
/// The server cannot run.
const BROKEN: u8 = 4;
/// The store and our database differ.
const DIFFERS: u8 = 5;

/// A SCIM 2.0 gateway in front of LDAP directories and relational tables.
#[derive(Debug, Parser)]
#[command(name = "scimgate", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve SCIM requests.
    Serve(serve::Arguments),
    /// Check settings and mapping files; with --live also against the database or directory.
    Check(check::Arguments),
    /// Show what a query or a request would ask of the store, without doing it.
    Explain(explain::Arguments),
    /// Try a mapping on one resource, draft one from a store, or print the JSON Schema of mapping files.
    #[command(subcommand)]
    Map(map::Arguments),
    /// Look at the database of ids, compare it with the store, and fill it anew.
    #[command(subcommand)]
    Correlate(correlate::Arguments),
    /// Writes that were cut short: look at them, bring them to their end, or give them up.
    #[command(subcommand)]
    Journal(journal::Arguments),
    /// Break the way to a throw-away copy of a store under load, and check every answer.
    Chaos(chaos::Arguments),
    /// Make bearer tokens.
    Token(token::Arguments),
    /// Serve a small HR database to try things out; needs nothing.
    #[cfg(feature = "sqlite")]
    Demo(demo::Arguments),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let code = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Map(arguments) => map::run(&arguments),
        Command::Correlate(arguments) => correlate::run(&arguments),
        Command::Journal(arguments) => journal::run(&arguments),
        Command::Chaos(arguments) => chaos::run(&arguments),
        Command::Token(arguments) => token::run(&arguments),
        #[cfg(feature = "sqlite")]
        Command::Demo(arguments) => demo::run(&arguments),
    };
    code.map_or_else(ExitCode::from, |()| ExitCode::SUCCESS)
}

/// What a command comes to: nothing, or an exit code once the reason was printed.
type Outcome = Result<(), u8>;

/// Prints why a command cannot go on.
fn fail(code: u8, reason: impl std::fmt::Display) -> u8 {
    eprintln!("scimgate: {reason}");
    code
}
