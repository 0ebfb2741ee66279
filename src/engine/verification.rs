//! Verifies a store: what the log checks of bytes, and beside that the figures against events
//! applied anew, and what is recorded of consumer groups.

mod backup;
mod live;
mod replay;
mod report;
mod saved;
mod stopped;

pub use self::{
    backup::verify_backup, live::Verifying, report::VerificationReport, stopped::verify_stopped,
};
