//! Simulation of the inbox: gates, their store, clocks, clients, apps and operators run under one
//! seed in one thread, with faults at random. The same seed gives the same run.
//!
//! The gate's own code runs: sealer and codec, the store's operations and SQL, the dispatcher with
//! health, suspects and schedules, the HTTP client, and the jobs of operators. The simulation
//! replaces what is not deterministic: the threads and the file of the store (`store`, over a
//! database in memory), the network (`app`), the clock and the random numbers. Time passes at once
//! while nothing is under way.
//!
//! `ledger` records what clients, apps and operators did. `judge` compares each change in the store
//! with it, job by job, and so checks the invariants of `inbox`. `bug` lists bugs to plant: a test
//! shows that the simulation finds each of them.

mod app;
mod bug;
mod client;
mod gate;
mod judge;
mod ledger;
mod operator;
mod outcome;
mod plan;
mod planted;
mod random;
mod rows;
mod run;
mod store;
mod tests;
mod trace;
mod world;
