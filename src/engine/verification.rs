//! Verifies a store: what the log checks of bytes, and beside that the figures against events
//! applied anew, and what is recorded of consumer groups.

mod live;
mod replay;
mod report;
mod saved;
mod stopped;

pub use self::{live::Verifying, report::VerificationReport, stopped::verify_stopped};
