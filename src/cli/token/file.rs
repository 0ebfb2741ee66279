//! The flag that names the file of tokens.

use std::path::PathBuf;

/// The file of tokens.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct FileArgs {
    /// File of tokens, as `serve --tokens` names it
    #[arg(long, env = "HANDOVER_TOKENS", value_name = "FILE")]
    pub(super) tokens: PathBuf,
}
