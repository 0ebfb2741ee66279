//! Faults of the whole process, sled included: a shim sees and breaks every step by which the real
//! binary changes its files.

#![expect(clippy::panic, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "seeds and numbers of steps, for whom a test has failed")]

mod cases;
mod clocks;
mod directories;
mod disk;
mod disks;
mod failing;
mod flips;
mod hanging;
mod kills;
mod kinds;
mod lossy;
mod places;
mod power;
mod probe;
mod process;
mod refused_appends;
mod retried;
mod shim;
mod stale;
mod steps;
mod story;
mod watched;
