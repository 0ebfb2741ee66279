//! The flags that name the server, how it is trusted and the client's token, and the connection.

use std::{env, path::PathBuf};

use crate::{
    cli::exit::{Exit, Failure},
    grpc::client::{Client, ClientTls, ClientToken},
};

/// The variable that holds a token.
pub(super) const TOKEN: &str = "HANDOVER_TOKEN";

/// Where the server is, how it is trusted, and how the client logs in.
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
    /// File with the token of this client; it goes before the token in `HANDOVER_TOKEN`. Only its
    /// owner may have access to the file
    #[arg(long, env = "HANDOVER_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl ServerArgs {
    /// Connects to the server. A server that is not there is a failure that says what to start.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let (ca, cert, key) = (self.tls_ca.clone(), self.tls_cert.clone(), self.tls_key.clone());
        let tls = ClientTls { ca, cert, key };
        let token = self.token()?;
        let client = Client::connect_with(&self.server, &tls).await.map_err(|error| {
            let mut failure = Failure::from(error);
            if failure.exit == Exit::Unavailable {
                failure.message.push_str("; is `handover serve` running there? (--server)");
            }
            failure
        })?;
        Ok(match token {
            Some(token) => client.with_token(token)?,
            None => client,
        })
    }

    /// The token of this client, if it has one. There is no flag for the token itself: other users
    /// of a machine can see the flags of a process.
    fn token(&self) -> Result<Option<ClientToken>, Failure> {
        if let Some(path) = &self.token_file {
            return Ok(Some(ClientToken::read(path)?));
        }
        let Some(given) = env::var_os(TOKEN) else { return Ok(None) };
        let token = ClientToken::parse(&given.to_string_lossy()).map_err(Failure::from);
        token.map(Some).map_err(|failure| failure.during(TOKEN))
    }
}
