//! The `handover` command.

use std::process::ExitCode;

/// Requests, events and sled's pages are many small buffers that one thread makes and another
/// frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    handover::cli::main()
}
