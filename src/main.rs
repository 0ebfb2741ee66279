//! The `handover` command.

use std::process::ExitCode;

/// Gives memory back soon after a burst of readers or appends, whichever threads it was used by.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    handover::cli::main()
}
