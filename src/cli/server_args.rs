//! The flag that names the server, and the connection to it.

use crate::{
    cli::exit::{Exit, Failure},
    grpc::client::Client,
};

/// Where the server is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ServerArgs {
    /// Address of the server; an empty `HANDOVER_SERVER` is refused
    #[arg(
        long,
        env = "HANDOVER_SERVER",
        default_value = "http://127.0.0.1:50051",
        value_name = "URL"
    )]
    server: String,
}

impl ServerArgs {
    /// Connects to the server. A server that is not there is a failure that says what to start.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        Client::connect(&self.server).await.map_err(|error| {
            let mut failure = Failure::from(error);
            if failure.exit == Exit::Unavailable {
                failure.message.push_str("; is `handover serve` running there? (--server)");
            }
            failure
        })
    }
}
