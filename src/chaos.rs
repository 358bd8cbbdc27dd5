//! Fault injection: the gateway under a random load while the way to its store breaks and it is killed itself, and a
//! checker that compares what its clients were told with what is there afterwards.
//!
//! It is meant for a throw-away copy of a store, and touches only what it has made. A run is chosen by its seed; how
//! its requests and faults fall together is not.

mod both;
mod check;
mod client;
mod dice;
mod facts;
mod faults;
mod gauges;
mod history;
mod http;
mod load;
mod message;
mod process;
mod proxy;
mod register;
mod report;
mod run;
mod settings;
mod stage;
mod wire;
mod world;

pub use self::{
    report::Report,
    run::{Failure, Plan, run},
};
