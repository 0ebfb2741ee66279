//! The flags that name the server and say how it is trusted, and the connection to it.

use std::path::PathBuf;

use crate::{
    cli::exit::{Exit, Failure},
    grpc::client::{Client, ClientTls},
};

/// Where the server is, and how it is trusted.
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
    /// Authorities that may have issued the certificate of an https:// server, in PEM
    /// [default: those of the system]
    #[arg(long, env = "HANDOVER_TLS_CA", value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Certificate of this client, in PEM, if the server requires one
    #[arg(long, env = "HANDOVER_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Key of that certificate, in PEM; only its owner may have access to the file
    #[arg(long, env = "HANDOVER_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
}

impl ServerArgs {
    /// Connects to the server. A server that is not there is a failure that says what to start.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let (ca, cert, key) = (self.tls_ca.clone(), self.tls_cert.clone(), self.tls_key.clone());
        let tls = ClientTls { ca, cert, key };
        Client::connect_with(&self.server, &tls).await.map_err(|error| {
            let mut failure = Failure::from(error);
            if failure.exit == Exit::Unavailable {
                failure.message.push_str("; is `handover serve` running there? (--server)");
            }
            failure
        })
    }
}
